"""The window and the command line. Imports go down only; pyproject.toml lists the layers."""

#: The version of the program; the wheel takes it from here.
__version__ = "0.2.0"
