"""What a scratch repository is made of."""

from __future__ import annotations

from msgspec import Struct


class Theme(Struct, frozen=True):
    """One small program."""

    name: str
    """Of its main module."""
    helper: str
    """Of the module that it imports."""
    code: str
    helps: str
    tests: str
    rename: tuple[str, str]
    """A function that both modules and the tests name, and a better name for it."""
