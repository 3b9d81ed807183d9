"""Every verb of `orc`, and the parser that is made of them."""

from __future__ import annotations

import argparse
from collections.abc import Collection
from importlib import import_module

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
    "help": "what a verb does, as its --help says it; --man is the manual page",
    "completion": "completion of verbs, options and sessions for bash, zsh and fish",
}
"""Verb -> what it does; the module `verb_<name>` has `arguments(parser)` and `run(args) -> int`."""


def make_parser(filled: Collection[str]) -> argparse.ArgumentParser:
    """The parser of the whole command line; only the verbs in `filled` know their options, and only they are loaded."""
    parser = argparse.ArgumentParser(
        prog="orc",
        description="The dashboard for people who run many AI agents at once. Without a verb it opens.",
        epilog="`orc help VERB` says more of one. New here? `orc doctor` says what was found, `orc demo` shows it all.",
    )
    parser.add_argument("--version", action="store_true", help="print the version")
    verbs = parser.add_subparsers(dest="verb", metavar="VERB")
    for name, text in VERBS.items():
        child = verbs.add_parser(name, help=text, description=text)
        if name in filled:
            import_module(f"orchestrator_tui.cli.verb_{name}").arguments(child)
    return parser
