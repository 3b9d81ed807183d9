"""The parts that a session's remaining work is split into, and what each of those who take one is told.

What agents wrote (to-do lists, messages) is quoted line by line: no line of it can pass for one of ours.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from msgspec import Struct

from orchestrator_tui.fleet.session import Session
from orchestrator_tui.text import line, utf8

MAX_PARTS = 8
MAX_PART = 4096
"""Bytes of one part."""
MAX_TITLE = 60
MAX_SAID = 600
"""Characters of a message in a summary."""
MAX_NOTE = 4096
DONE = frozenset({"completed", "complete", "done", "finished", "deleted", "removed", "cancelled", "canceled"})
ACTIVE = frozenset({"in_progress", "inprogress", "active", "running"})
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029]")


class Where(Struct, frozen=True):
    """Where a part is worked on."""

    path: str
    branch: str | None = None
    """None: the directory is shared with the others."""
    parent: str = ""
    """The directory of the session that was split."""
    lacks: str = ""
    """What its worktree does not have, in words."""


def proposed(session: Session) -> list[str]:
    """At most 8 parts from the session's own to-do list or plan: what is not done; [] where there is none.

    What is in progress is the first part; of a longer list neighbours share a part.
    """
    keys = list(session.tasks)
    if all(key.isdecimal() for key in keys):
        keys.sort(key=int)
    active: list[str] = []
    ahead: list[str] = []
    for key in keys:
        task = session.tasks[key]
        status, subject = re.sub(r"[\s-]+", "_", task.status.strip().casefold()), _tidy(task.subject)
        if subject and status not in DONE and subject not in active and subject not in ahead:
            (active if status in ACTIVE else ahead).append(subject)
    room = MAX_PARTS - bool(active)
    count = min(room, len(ahead))
    groups = [ahead[len(ahead) * n // count : len(ahead) * (n + 1) // count] for n in range(count)]
    return [bounded("\n".join(group)) for group in ([active, *groups] if active else groups)]


def bounded(text: str, most: int = MAX_PART) -> str:
    """The text, cut off so that it has at most so many bytes."""
    raw = utf8(text).encode()
    return utf8(text) if len(raw) <= most else raw[: most - 3].decode("utf-8", "ignore") + "…"


def title_of(part: str) -> str:
    """What the session that takes a part is called: one clean line of at most 60 characters."""
    return line(_tidy(part), MAX_TITLE)


def prompt_of(part: str, others: Sequence[str], where: Where, note: str = "") -> str:
    """What a session is told that takes one part; `note`: a summary for one that does not know what went before."""
    said = [
        f"The work of this session was split among {len(others) + 1} sessions that run at the same time. "
        "You are one of them. Lines that begin with > are quoted.",
        f"Your part, and nothing else:\n\n{quoted(part)}",
    ]
    if others:
        told = "\n\n".join(quoted(bounded(other, 600)) for other in others)
        said.append(f"The other sessions have these parts; leave them alone:\n\n{told}")
    if where.branch is not None:
        said.append(
            f"You have a git worktree of your own, on the branch {_tidy(where.branch)}:\n\n{quoted(where.path)}\n\n"
            "Work only there, and commit there when the part is done. What git ignores (dependencies, build output) "
            f"is not in it yet. {where.lacks.capitalize() + '. ' if where.lacks else ''}"
            "Paths that were named before now lie below that directory."
        )
        if where.parent:
            said.append(f"Write nothing into the directory of the session that was split:\n\n{quoted(where.parent)}")
    else:
        said.append(
            f"All of you work in one directory:\n\n{quoted(where.path)}\n\n"
            "Touch only the files that your part needs, and look at a file again before you change it."
        )
    if note.strip():
        said.append(f"What went before, in short:\n\n{quoted(bounded(note, MAX_NOTE))}")
    said.append("Begin with your part now.")
    return "\n\n".join(said)


def summary_of(session: Session, goal: str, said: Sequence[tuple[str, str]]) -> str:
    """What a session is told that has no context of the one that was split.

    `goal` is its first prompt; `said` the last messages as (who, text), the oldest first.
    """
    parts: list[str] = []
    if session.title:
        parts.append(f"Title: {line(session.title, 200)}")
    if goal.strip():
        parts.append(f"Asked for at first: {line(_tidy(goal), 2 * MAX_SAID)}")
    tasks = [task for task in session.tasks.values() if task.subject and task.status != "deleted"]
    if tasks:
        parts.append("To-do list:")
        parts += [f"- [{line(task.status, 20)}] {line(_tidy(task.subject), 200)}" for task in tasks[:40]]
    if said:
        parts.append("Said last:")
        parts += [f"- {who}: {line(_tidy(text), MAX_SAID)}" for who, text in said]
    return "\n".join(parts)


def quoted(text: str) -> str:
    """Every line of it behind a mark, whatever it holds."""
    return "\n".join(f"> {one}".rstrip() for one in _tidy(text).split("\n"))


def _tidy(text: str) -> str:
    """Without control characters; no other line breaks than line feeds."""
    return _CONTROLS.sub(" ", utf8(text).replace("\r\n", "\n").replace("\r", "\n")).strip()
