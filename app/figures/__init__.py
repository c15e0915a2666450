"""Numbers made visible: bars, charts, tables and the report. No window is needed."""
