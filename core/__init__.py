"""Floe's core: from image files to archives and back, without a window or a terminal."""
