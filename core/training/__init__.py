"""Training, rounding to integers and export of the models."""
