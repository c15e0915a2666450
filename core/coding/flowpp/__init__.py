"""Whole Flow++ models to bits, layer by layer or as a black box."""
