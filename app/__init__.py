"""The window and the command line. Imports go down only; pyproject.toml lists the layers."""
