"""Drag and drop, the clipboard, and files on their way in or out."""
