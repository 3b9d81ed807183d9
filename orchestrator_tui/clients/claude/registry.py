"""Claude Code's registry of running processes: `sessions/<pid>.json` (2.1.197).

It is deleted on a clean exit and left behind by SIGKILL; `procStart` (kernel clock ticks) guards against a reused pid.
"""

from __future__ import annotations

from pathlib import Path

from orchestrator_tui.clients.base import Claim
from orchestrator_tui.clients.listing import Listing
from orchestrator_tui.clients.values import decode_object, pid_of, session_id, short, text_of
from orchestrator_tui.excerpt import MESSAGE


def read_registry(directory: Path, listing: Listing, now: int) -> list[Claim]:
    """Every readable entry; an entry whose name is not its pid is no entry."""
    entries = [entry for entry in listing.walk(directory, 0, now) if entry.name.endswith(".json")]
    claims = [(entry, listing.document(entry.path, _claim)) for entry in entries]
    return [claim for entry, claim in claims if claim is not None and entry.name == f"{claim.pid}.json"]


def _claim(data: bytes, written_at: int) -> Claim | None:
    """What one entry says; None when it does not name a process and a session."""
    record = decode_object(data)
    if record is None:
        return None
    pid, native = pid_of(record.get("pid")), text_of(record.get("sessionId"))
    if pid is None or native is None:
        return None
    started = text_of(record.get("procStart"))
    return Claim(
        session=session_id("claude", native),
        pid=pid,
        started=int(started) if started is not None and started.isdecimal() and len(started) < 19 else None,
        written_at=written_at,
        status=short(record.get("status"), MESSAGE),
        waiting_for=short(record.get("waitingFor"), MESSAGE),
        cwd=short(record.get("cwd"), MESSAGE),
        # A derived name is only the folder's with a number; a name that somebody gave is worth showing.
        title=short(record.get("name"), MESSAGE) if record.get("nameSource") == "user" else None,
        interactive=_interactive(record),
        proof=f"its registry entry sessions/{pid}.json names it",
        client_version=short(record.get("version"), MESSAGE),
    )


def _interactive(record: dict[str, object]) -> bool | None:
    entrypoint = record.get("entrypoint")
    return None if not isinstance(entrypoint, str) else entrypoint == "cli"
