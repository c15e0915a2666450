"""The models: what they predict, in floats for training and in integers for coding."""
