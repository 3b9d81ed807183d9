"""Which verbs there are, and how each is called."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from orchestrator_tui.errors import OrcError, UsageError
from orchestrator_tui.text import line

VERBS: dict[str, str] = {
    "demo": "a small fleet at work, for people who have none: no key, no network",
    "host": "the background process that watches; `host status` and `host stop`",
    "ingest": "read what is on disk, once",
    "sessions": "the fleet as a table, now or as it stood at a time",
    "replay": "the dashboard on the past",
    "show": "one session: status and evidence, tokens, money, tree, last turns",
    "events": "the stored events, in order",
    "run": "start a session under orc's own hand",
    "loops": "what loops have done, at what price; their work shown, merged, tidied away",
    "kill": "end a session and its whole process tree",
    "pause": "freeze a session, where that holds",
    "resume": "let a paused session go on",
    "message": "tell a session something",
    "approve": "allow what a session asks",
    "deny": "refuse what a session asks",
    "escalate": "go on with a larger model",
    "stepdown": "go on with a smaller model",
    "split": "give a session's remaining work to several",
    "revive": "go on with a session that died, failed or was stopped by a limit",
    "undo": "take the newest command back",
    "budget": "what one session may cost",
    "ledger": "every decision: who, when, why, on what evidence, with what outcome",
    "report": "what was spent, what went wrong, who noticed when, what decisions changed",
    "hooks": "let orc answer the permission requests of sessions in terminals",
    "export": "a session or the fleet for others: log, page, write-up, picture, recording",
    "store": "what is kept: counted, checked, copied, pruned",
    "ack": "say that what is told of a session is no trouble",
    "snooze": "leave a session out of the queue for a while",
    "audit": "play a log or a session through the status rules",
    "doctor": "what was found, what is off, and how to fix it",
    "config": "where the settings are, and what is in force",
}
"""Verb -> what it does; the module `verb_<name>` has `arguments(parser)` and `run(args) -> int`."""


def main(argv: Sequence[str]) -> int:
    """Parse and run; every failure that a person can act on is one line on stderr (docs/contract.md §1)."""
    parser = argparse.ArgumentParser(prog="orc", description="The dashboard for people who run many AI agents at once.")
    parser.add_argument("--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    chosen = next((word for word in argv if word in VERBS), None)
    for name, text in VERBS.items():
        child = verbs.add_parser(name, help=text, description=text)
        if name == chosen:
            import_module(f"orchestrator_tui.cli.verb_{name}").arguments(child)
    args = parser.parse_args(argv)
    verb = args.verb or "open"
    try:
        status = import_module(f"orchestrator_tui.cli.verb_{verb}").run(args)
        sys.stdout.flush()
    except UsageError as error:
        print(f"orc {verb}: {line(str(error))}", file=sys.stderr)
        return 2
    except OrcError as error:
        print(f"orc {verb}: {line(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader of a pipe went away: that is its right. Nothing more may be written there.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    return int(status)
