"""Developers' tools, which the wheel leaves out."""
