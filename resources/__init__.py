"""Data that comes with Floe: models, samples, icons."""
