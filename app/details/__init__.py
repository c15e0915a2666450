"""What the selection is about, in tabs on the right side of the window: one module a tab."""
