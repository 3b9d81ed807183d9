"""OpenCode databases made to measure: the schema of 1.18.33, rows as its code writes them, forks as it makes them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from orchestrator_tui.clients.base import Draft, FileRef
from orchestrator_tui.events import Unknown, decode, encode, type_of
from orchestrator_tui.host.reading import Job, Step, read
from tests.conftest import DATA

RECORDED = DATA / "clients" / "opencode-1.18.33"
PLACE = Path(".local/share/opencode/opencode.db")
SCENARIOS = sorted(path.parent.name for path in RECORDED.glob("*/truth.json"))
BEGIN = 1_795_216_000_000
"""Milliseconds since the epoch at which made sessions begin."""


def recorded(name: str) -> Path:
    """The database of a recording."""
    return RECORDED / name / "home" / PLACE


def schema() -> str:
    """The client's own tables and indices."""
    with sqlite3.connect(f"file:{recorded('text')}?mode=ro&immutable=1", uri=True) as db:
        rows = db.execute(
            "SELECT sql FROM sqlite_master WHERE sql IS NOT NULL AND tbl_name IN ('session', 'message', 'part', 'todo')"
        )
        return ";".join(sql for (sql,) in rows)


def identity(kind: str, ms: int, number: int) -> str:
    """An id as the client makes them: 48 bits of its time and a counter, and something random."""
    return f"{kind}_{(ms * 4096 + number % 4096) % (1 << 48):012x}{number:014d}"


class Made:
    """A database that a test writes as the client would."""

    def __init__(self, path: Path, wal: bool = False) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.db = sqlite3.connect(path, isolation_level=None)
        if wal:
            self.db.execute("PRAGMA journal_mode = WAL")
        self.db.executescript(schema())
        self._number = 0

    def _id(self, kind: str, ms: int) -> str:
        self._number += 1
        return identity(kind, ms, self._number)

    def session(self, at: int = 0, parent: str | None = None, **columns: Any) -> str:
        """A session that begins `at` milliseconds after `BEGIN`; returns its id."""
        self._number += 1
        native = columns.pop("id", f"ses_{self._number:026d}")
        row = {
            "id": native, "project_id": "p", "parent_id": parent, "slug": "s", "directory": "/w/web",
            "title": "New session - 2026-11-20T22:00:00.000Z", "version": "1.18.33", "agent": "build",
            "model": '{"id":"m","providerID":"mock"}', "time_created": BEGIN + at, "time_updated": BEGIN + at, **columns,
        }  # fmt: skip
        self.insert("session", row)
        return native

    def insert(self, table: str, row: dict[str, Any]) -> None:
        """A row."""
        marks = ",".join("?" * len(row))
        self.db.execute(f"INSERT INTO {table}({','.join(row)}) VALUES({marks})", list(row.values()))

    def message(self, session: str, at: int, data: dict[str, Any], own: int | None = None) -> str:
        """A message that says it was created `at`, and whose id was made `own`."""
        ms = BEGIN + at
        native = self._id("msg", BEGIN + own if own is not None else ms)
        data = {"time": {"created": ms}, **data}
        row = {"id": native, "session_id": session, "time_created": ms, "time_updated": ms, "data": json.dumps(data)}
        self.insert("message", row)
        return native

    def part(self, message: str, at: int, data: Any) -> str:
        """A part."""
        native = self._id("prt", BEGIN + at)
        ((session,),) = self.db.execute("SELECT session_id FROM message WHERE id = ?", (message,)).fetchall()
        text = data if isinstance(data, str | bytes | int | float | None) else json.dumps(data)
        row = {"id": native, "message_id": message, "session_id": session, "time_created": BEGIN + at,
               "time_updated": BEGIN + at, "data": text}  # fmt: skip
        self.insert("part", row)
        return native

    def change(self, table: str, native: str, at: int, **data: Any) -> None:
        """Change fields of a row's JSON, as the client does in place."""
        ((old,),) = self.db.execute(f"SELECT data FROM {table} WHERE id = ?", (native,)).fetchall()
        value = json.dumps({**json.loads(old), **data})
        sql = f"UPDATE {table} SET data = ?, time_updated = ? WHERE id = ?"
        self.db.execute(sql, (value, BEGIN + at, native))

    # --- what a turn is made of -----------------------------------------------------------------------------

    def ask(self, session: str, at: int, text: str = "do it") -> str:
        """A person's message."""
        message = self.message(session, at, {"role": "user", "agent": "build"})
        self.part(message, at + 1, {"type": "text", "text": text})
        return message

    def begin(self, session: str, at: int, asked: str, model: str = "m", provider: str = "mock") -> str:
        """An assistant's message, of which nothing has come yet."""
        return self.message(session, at, {
            "parentID": asked, "role": "assistant", "mode": "build", "agent": "build", "cost": 0,
            "path": {"cwd": "/w/web", "root": "/w/web"}, "modelID": model, "providerID": provider,
            "tokens": {"input": 0, "output": 0, "reasoning": 0, "cache": {"read": 0, "write": 0}},
        })  # fmt: skip

    def finish(self, message: str, created: int, at: int, tokens: tuple[int, int, int] = (10, 100, 5),
               reason: str = "stop") -> None:  # fmt: skip
        """The step ends: `tokens` are (input, read from the cache, output)."""
        took = {"total": sum(tokens), "input": tokens[0], "output": tokens[2], "reasoning": 0,
                "cache": {"read": tokens[1], "write": 0}}  # fmt: skip
        self.part(message, at, {"type": "step-finish", "reason": reason, "tokens": took, "cost": 0})
        times = {"created": BEGIN + created, "completed": BEGIN + at}
        self.change("message", message, at, tokens=took, time=times, finish=reason)

    def turn(self, session: str, at: int, tokens: tuple[int, int, int] = (10, 100, 5), text: str = "do it") -> str:
        """A question and its answer; returns the answer."""
        asked = self.ask(session, at, text)
        message = self.begin(session, at + 10, asked)
        self.part(
            message,
            at + 20,
            {"type": "text", "text": "Done.", "time": {"start": BEGIN + at + 20, "end": BEGIN + at + 30}},
        )
        self.finish(message, at + 10, at + 40, tokens)
        return message

    def fork(self, session: str, at: int) -> str:
        """Fork a session: new ids, new places, everything in `data` but `parentID` as it was."""
        ((title, directory),) = self.db.execute(
            "SELECT title, directory FROM session WHERE id = ?", (session,)
        ).fetchall()
        fork = self.session(at, title=f"{title} (fork #1)", directory=directory)
        copies: dict[str, str] = {}
        rows = self.db.execute(
            "SELECT id, time_created, data FROM message WHERE session_id = ? ORDER BY time_created, id", (session,)
        ).fetchall()
        for old, created, raw in rows:
            data = json.loads(raw)
            if data.get("parentID") in copies:
                data["parentID"] = copies[data["parentID"]]
            new = copies[old] = self._id("msg", BEGIN + at)
            self.insert("message", {"id": new, "session_id": fork, "time_created": created,
                                    "time_updated": BEGIN + at, "data": json.dumps(data)})  # fmt: skip
            parts = self.db.execute("SELECT data FROM part WHERE message_id = ? ORDER BY id", (old,)).fetchall()
            for (part,) in parts:
                self.part(new, at, part)
        return fork

    def delete(self, session: str) -> None:
        """Delete a session with all that is in it."""
        for table, column in (("part", "session_id"), ("message", "session_id"), ("session", "id")):
            self.db.execute(f"DELETE FROM {table} WHERE {column} = ?", (session,))


# --- reading ----------------------------------------------------------------------------------------------------


def ref(path: Path) -> FileRef:
    """The database as discovery finds it."""
    return FileRef("opencode", str(path), "database", str(path.parent))


def steps(path: Path, before: Step | None = None, now: int = 0) -> Iterator[Step]:
    """Steps until there is no more; each from the stored state of the one before, as another process would."""
    while True:
        job = Job(ref(path), before.after if before is not None else None, now)
        step = read(msgspec.msgpack.decode(msgspec.msgpack.encode(job), type=Job))
        assert step is not None
        before = msgspec.msgpack.decode(msgspec.msgpack.encode(step), type=Step)
        for draft in before.drafts:
            assert not isinstance(decode(type_of(draft.body), encode(draft.body)), Unknown), draft
            assert 0 <= draft.key < 1 << 63
        yield before
        if not before.more:
            return


def drafts_of(path: Path, now: int = 0) -> list[Draft]:
    """Everything that a database says."""
    found = list(steps(path, now=now))
    assert not any(step.trouble for step in found), found[-1].trouble
    return [draft for step in found for draft in step.drafts]


class Following:
    """A database that is read on and on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.last: Step | None = None
        self.restarted = False

    def news(self, now: int = 0) -> list[Draft]:
        """What it says beyond what it said."""
        found: list[Draft] = []
        self.restarted = False
        for step in steps(self.path, self.last, now):
            if step.trouble in ("its log is being begun anew", "it is locked"):
                break
            assert not step.trouble, step.trouble
            self.last = step
            self.restarted = self.restarted or step.restarted
            found += step.drafts
        return found
