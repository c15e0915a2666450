"""Local bits-back coding on one stack of bits: single steps first, then whole models."""
