"""Which message is a copy, and which response it is (OpenCode 1.18.33).

A fork is a new session with copies of the messages: new ids, everything in `data` as it was but `parentID`, and no
word of where they are from. An id begins with its own time (48 bits: milliseconds and a counter), so a message that
began as itself has the time of its id, and a copy the time of the fork.

A response is known by what a copy keeps: the millisecond in which its message began, the model, the agent. Two of a
millisecond are two: the second one in the database is known as the second.
"""

from __future__ import annotations

import re
from typing import Any

from orchestrator_tui.clients.opencode.rows import Row, Tables, millis
from orchestrator_tui.clients.values import response_key, text_of

OWN = 20
"""Milliseconds that an id may be older or younger than the time in its message."""
SPAN = 1 << 36
"""An id's milliseconds begin anew after this many (2.2 years)."""
_ID = re.compile(r"msg_([0-9a-f]{9})[0-9a-f]{3}")


def created_at(row: Row) -> int | None:
    """When a message began, milliseconds since the epoch; a copy says when its original did."""
    time = row.data.get("time") if row.data is not None else None
    return (millis(time.get("created")) if isinstance(time, dict) else None) or row.created


def is_copy(row: Row, session_created: int | None) -> bool:
    """Whether a message was copied into its session by a fork: it is older than the session, but its id is not."""
    created = created_at(row)
    if created is None or session_created is None or created >= session_created:
        return False
    return not _is_own(row.id, created)


def _is_own(identity: str, created: int) -> bool:
    found = _ID.match(identity)
    if found is None:
        return False
    apart = (int(found[1], 16) - created) % SPAN
    return apart <= OWN or apart >= SPAN - OWN


def response_of(tables: Tables, row: Row, step: int, copy: bool) -> bytes:
    """The key of the response that is the message's step of that number, the same in every copy."""
    kept, created = _kept(row.data or {}), created_at(row) or 0
    number = 0
    for other in _of_the_millisecond(tables, created):
        if other.id == row.id or _kept(other.data or {}) != kept:
            continue
        if copy:
            # Its original is the first that reads the same; what one cannot tell apart is counted by the originals.
            if _content(other) == _content(row):
                break
            number += 1
        elif other.place < row.place:
            number += 1
    else:
        number = 0 if copy else number
    return response_key("opencode", str(created), *kept, str(step), str(number))


def _of_the_millisecond(tables: Tables, created: int) -> list[Row]:
    """Messages that began as themselves in this millisecond, in the order of their rows."""
    found = []
    # The id is made just before the time is taken.
    for when in (created - 1, created):
        prefix = f"msg_{when % SPAN:09x}"
        found += tables.between(prefix, f"{prefix}g", created)
    return sorted(found, key=lambda row: row.place)


def _kept(data: dict[str, Any]) -> tuple[str, str, str]:
    return (
        text_of(data.get("providerID")) or "",
        text_of(data.get("modelID")) or "",
        text_of(data.get("agent")) or text_of(data.get("mode")) or "",
    )


def _content(row: Row) -> dict[str, Any]:
    return {name: value for name, value in (row.data or {}).items() if name != "parentID"}
