"""The photo model: a pyramid of couplings, in floats and in integers; start at ``model``."""
