# As in pyproject.toml, which is not installed with the service; a test holds them together.
__version__ = "1.0.0"
