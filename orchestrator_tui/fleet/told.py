"""Sentences with ages in them: what is said stays the same while time passes, only its ages are said anew."""

from __future__ import annotations

from orchestrator_tui.text import age

Parts = tuple[str | int, ...]
"""A sentence in parts: a time stands for the age since then, its negative for what is left until then."""


class Told(str):
    """A sentence as it reads at one moment, with the parts to say it at another."""

    __slots__ = ("parts",)
    parts: Parts


def said(now: int, *parts: str | int) -> Told:
    """The sentence at `now`; parts that have ages in them themselves are taken apart."""
    flat: list[str | int] = []
    for part in parts:
        flat += parts_of(part)
    told = Told(again(tuple(flat), now))
    told.parts = tuple(flat)
    return told


def parts_of(words: str | int) -> Parts:
    """The parts of a sentence; of plain words they are one."""
    return words.parts if isinstance(words, Told) else (words,)


def again(parts: Parts, now: int) -> str:
    """The sentence at another time, nanoseconds since the epoch."""
    return "".join([part if isinstance(part, str) else age(now - part if part >= 0 else -part - now) for part in parts])
