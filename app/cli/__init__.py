"""The command ``floe``: one module for each group of commands; it prints and opens no window."""
