"""``python -m tools.bundle DIR``: Floe as a folder that needs no Python."""
