"""orc: the terminal dashboard for people who run many AI agents at once."""

__version__ = "0.1.0"
