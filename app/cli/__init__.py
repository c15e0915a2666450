"""The command ``floe``. It prints to a terminal and opens no window."""
