"""One command line: parsed, run, and its failures told."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module
from io import TextIOWrapper

from orchestrator_tui.cli.verbs import VERBS, make_parser
from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.text import line


def main(argv: Sequence[str]) -> int:
    """Parse and run; every failure that a person can act on is one line on stderr (docs/contract.md §1)."""
    if isinstance(sys.stdout, TextIOWrapper):
        # A terminal without UTF-8 gets question marks for signs, not a failure.
        sys.stdout.reconfigure(errors="replace")
    if argv and not argv[0].startswith("-") and argv[0] not in VERBS:
        print(f"orc: {line(unknown(argv[0]))}", file=sys.stderr)
        return 2
    chosen = next((word for word in argv if word in VERBS), None)
    parser = make_parser([chosen] if chosen else [])
    args = parser.parse_args(argv)
    verb, name = args.verb or "open", f"orc {args.verb}" if args.verb else "orc"
    try:
        status = import_module(f"orchestrator_tui.cli.verb_{verb}").run(args)
        sys.stdout.flush()
    except UsageError as error:
        print(f"{name}: {line(str(error))}", file=sys.stderr)
        return 2
    except OrcError as error:
        print(f"{name}: {line(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe went away: that is its right. Nothing more may be written there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except OSError as error:
        # A disk that is full or refuses, a file of another user: nothing that a traceback would explain.
        from pathlib import Path

        from orchestrator_tui.store.schema import from_os

        print(f"orc {verb}: {line(str(from_os(error, Path(error.filename or 'a file of its own'))))}", file=sys.stderr)
        return 1
    return int(status)


def unknown(word: str) -> str:
    """What is said of a verb that is none."""
    from difflib import get_close_matches

    near = get_close_matches(word, VERBS, 1, 0.6)
    return f"there is no verb {word!r}; " + (f"did you mean `orc {near[0]}`?" if near else "`orc --help` lists them")
