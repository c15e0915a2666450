"""The start of the window, its single instance, and its place on the desktop."""
