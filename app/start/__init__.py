"""How the window starts, stays the only one, and gets its place in the desktop."""
