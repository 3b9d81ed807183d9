"""`orc completion`: a shell's completion script; and the names of sessions, which the scripts ask for."""

from __future__ import annotations

import argparse
import sys

from orchestrator_tui import paths

SESSIONS = "sessions"


def arguments(parser: argparse.ArgumentParser) -> None:
    """The verb's options."""
    parser.add_argument(
        "shell",
        choices=("bash", "zsh", "fish", SESSIONS),
        help='in ~/.bashrc: eval "$(orc completion bash)"; in ~/.zshrc: source <(orc completion zsh); '
        "orc completion fish > ~/.config/fish/completions/orc.fish; sessions: what the scripts ask for",
    )


def run(args: argparse.Namespace) -> int:
    """Print it."""
    if args.shell == SESSIONS:
        sys.stdout.write("".join(f"{name}\t{about}\n" for name, about in _sessions()))
        return 0
    from orchestrator_tui.cli.completion import SHELLS
    from orchestrator_tui.cli.described import whole

    sys.stdout.write(SHELLS[args.shell](whole()))
    return 0


def _sessions() -> list[tuple[str, str]]:
    """(name, status and title) of the sessions that a table would list; the seat where there is one."""
    from orchestrator_tui.cli.completion import SAFE
    from orchestrator_tui.cli.fleets import view
    from orchestrator_tui.store.reader import Reader
    from orchestrator_tui.text import line

    place = paths.find()
    if not place.database.exists():
        return []
    with Reader(place.database) as reader:
        seen = view(reader, place, None, everything=False)
    found: dict[str, str] = {}
    for session in seen.sessions:
        about = f"{seen.statuses[session.id].status} {line(session.title or '', 50)}".strip()
        named = (session.place or "", session.id.partition(":")[2])
        name = next((name for name in named if SAFE.fullmatch(name) and name not in found), None)
        if name is not None:
            found[name] = about
    return sorted(found.items())
