"""Measurements of the window for ``floe bench``: its start, and its latency."""
