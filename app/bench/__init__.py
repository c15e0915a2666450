"""What ``floe bench`` measures of the window: its start, and how long it does not respond."""
