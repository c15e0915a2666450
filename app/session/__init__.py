"""The open archive: its tree, its item model and its undo history. No widgets."""
