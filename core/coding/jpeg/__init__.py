"""Quantised DCT coefficients of JPEG files to bytes: binary decisions, mixed contexts, ANS."""
