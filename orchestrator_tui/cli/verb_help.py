"""`orc help`: what a verb does, in the words of its `--help`; or everything, as a manual page."""

from __future__ import annotations

import argparse
import sys

from orchestrator_tui.cli.verbs import VERBS, make_parser
from orchestrator_tui.errors import UsageError


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument("of", nargs="*", metavar="VERB", help="the verb, and what follows it, e.g. store prune")
    parser.add_argument("--man", action="store_true", help="the whole manual page, as roff: orc help --man | man -l -")


def run(args: argparse.Namespace) -> int:
    """Print it."""
    if args.man:
        if args.of:
            raise UsageError("--man is of all verbs together; leave the verb out")
        from orchestrator_tui import __version__
        from orchestrator_tui.cli.described import whole
        from orchestrator_tui.cli.manual import roff

        sys.stdout.write(roff(whole(), __version__))
        return 0
    parser = make_parser(args.of[:1])
    for depth, word in enumerate(args.of):
        parts = _parts(parser)
        if word not in parts:
            before = " ".join(["orc", *args.of[:depth]])
            known = ", ".join(VERBS if depth == 0 else parts)
            raise UsageError(
                f"{before} has no {word!r}; " + (f"there are {known}" if parts else f"see `{before} --help`")
            )
        parser = parts[word]
    sys.stdout.write(parser.format_help())
    return 0


def _parts(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    # argparse has no public way to a part of a parser.
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found.update(action.choices)
    return found
