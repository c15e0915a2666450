"""Translations, sentences for errors, and the format of numbers."""
