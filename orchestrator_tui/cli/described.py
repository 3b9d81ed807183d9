"""The command line as data: what its parsers know, for the manual page and for completion."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

from msgspec import Struct

from orchestrator_tui.cli.verbs import VERBS, make_parser
from orchestrator_tui.text import line

OPEN = ("FILE", "DIR", "SPEC", "CLIENT=DIR")
"""Values that are paths."""


class Argument(Struct, frozen=True):
    """An option, or a value that has its place."""

    names: tuple[str, ...]
    """`--json`, `-o` ...; empty for a value that has its place."""
    value: str
    """How the value is called, e.g. `FILE`; empty for a switch."""
    choices: tuple[str, ...]
    help: str
    several: bool = False

    @property
    def is_path(self) -> bool:
        """Whether its value is a file or a directory."""
        return any(word in self.value.split("-") for word in OPEN)

    @property
    def is_session(self) -> bool:
        """Whether its value is a session."""
        return "SESSION" in self.value


class Command(Struct, frozen=True):
    """`orc` itself, a verb, or what comes after a verb."""

    words: tuple[str, ...]
    """`("store", "prune")`; empty for `orc` itself."""
    about: str
    usage: str
    arguments: tuple[Argument, ...]
    parts: tuple[Command, ...]

    def all(self) -> Iterator[Command]:
        """This one and all below."""
        yield self
        for part in self.parts:
            yield from part.all()


def whole() -> Command:
    """The whole command line; loads every verb."""
    return _described(make_parser(VERBS), (), "")


def _described(parser: argparse.ArgumentParser, words: tuple[str, ...], about: str) -> Command:
    arguments: list[Argument] = []
    parts: list[Command] = []
    # argparse has no public way to ask a parser what it knows.
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            told = {choice.dest: choice.help or "" for choice in action._choices_actions}
            parts += [_described(part, (*words, name), told.get(name, "")) for name, part in action.choices.items()]
        elif action.help != argparse.SUPPRESS:
            arguments.append(_argument(action))
    usage = line(" ".join(parser.format_usage().split())).removeprefix("usage: ")
    return Command(words, about or parser.description or "", usage, tuple(arguments), tuple(parts))


def _argument(action: argparse.Action) -> Argument:
    choices = tuple(map(str, action.choices or ()))
    value = ""
    if action.nargs != 0:
        value = action.metavar if isinstance(action.metavar, str) else "|".join(choices) or action.dest.upper()
    several = action.nargs in ("+", "*") or isinstance(action, argparse._AppendAction)
    return Argument(tuple(action.option_strings), value, choices, (action.help or "").replace("%%", "%"), several)
