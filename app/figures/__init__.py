"""Bars, charts, tables and the report; only charts.py needs a window system."""
