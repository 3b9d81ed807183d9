"""Numbers as a client must not write them, put among those of its recordings: no total changes, nothing breaks (T8).

`tests/clients` holds what each parser makes of one; here they go through the host into the store.
"""

from __future__ import annotations

import json
import random
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from tests.host.recordings import Recording, counted, ingest, place, recordings, roots_in

ALL = recordings()
LINES = [recording for recording in ALL if recording.client != "opencode"]
ROWS = [recording for recording in ALL if recording.client == "opencode"]
BAD = (
    "-5",
    "NaN",
    "-Infinity",
    "1e400",
    "-1e400",
    str(1 << 70),
    "1" + "0" * 400,
    '"7"',
    "true",
    "[7]",
    '{"n":7}',
    "7.5",
)
MARK = "a number stands here"
Place = tuple[dict[str, Any], str]
"""An object, and the name in it of a count."""

CLAUDE = ("input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens")
CODEX = ("input_tokens", "cached_input_tokens", "cache_write_input_tokens", "output_tokens", "reasoning_output_tokens")


def of_claude(value: dict[str, Any]) -> list[Place]:
    """The counts of a transcript's line."""
    message = value.get("message")
    usage = message.get("usage") if isinstance(message, dict) and message.get("model") != "<synthetic>" else None
    return [(usage, name) for name in CLAUDE if name in usage] if isinstance(usage, dict) else []


def of_codex(value: dict[str, Any]) -> list[Place]:
    """The counts of one response in a rollout's line."""
    payload = value.get("payload", {})
    usage = payload.get("usage") if value.get("type") == "token_usage_record" else None
    usage = (payload.get("info") or {}).get("last_token_usage") if payload.get("type") == "token_count" else usage
    return [(usage, name) for name in CODEX if name in usage] if isinstance(usage, dict) else []


def of_gemini(value: dict[str, Any]) -> list[Place]:
    """The counts of a chat's message."""
    usage = value.get("tokens")
    return [(usage, name) for name in ("input", "output", "cached", "thoughts", "tool")] if usage else []


COUNTS: dict[str, Callable[[dict[str, Any]], list[Place]]] = {
    "claude": of_claude,
    "codex": of_codex,
    "gemini": of_gemini,
}


def renamed(client: str, value: dict[str, Any], number: int) -> None:
    """Make a copy of a record that of another response."""
    if client == "claude":
        value["message"]["id"], value["requestId"], value["uuid"] = f"msg_{number}", f"req_{number}", f"u-{number}"
    elif client == "codex":
        payload = value["payload"]
        payload["response_id"] = f"resp_{number}"
        total = payload.get("thread_token_usage") or payload["info"]["total_token_usage"]
        # What joins the records of one response: one of its own.
        total["input_tokens"] += number
    elif client == "gemini":
        value["id"] = f"{number:08x}-0000-4000-8000-000000000000"


def written(value: dict[str, Any], spot: Place, number: str | None) -> bytes:
    """The record with something else in one place; None: with nothing there."""
    holder, name = spot
    kept = holder.pop(name)
    if number is not None:
        holder[name] = MARK
    text = json.dumps(value, separators=(",", ":")).replace(f'"{MARK}"', number or "")
    holder[name] = kept
    return text.encode() + b"\n"


def leaves(value: Any) -> Iterator[Place]:
    """Every number that stands in an object."""
    if isinstance(value, dict):
        for name, item in value.items():
            if isinstance(item, int | float) and not isinstance(item, bool):
                yield value, name
            yield from leaves(item)
    elif isinstance(value, list):
        for item in value:
            yield from leaves(item)


def logs(home: Path) -> list[Path]:
    """The transcripts below a home."""
    return [path for path in sorted(home.rglob("*.jsonl")) if path.stat().st_size]


def unparsed(state: Path) -> int:
    """How many records were refused."""
    db = sqlite3.connect(place(state).database)
    try:
        return int(db.execute("SELECT count(*) FROM events WHERE type = 'unparsed'").fetchone()[0])
    finally:
        db.close()


@pytest.mark.parametrize("recording", LINES, ids=lambda r: r.name)
async def test_a_response_with_a_wrong_number_is_none(recording: Recording, tmp_path: Path) -> None:
    """Before each record with counts, copies of it as other responses; one number of each is wrong."""
    home, rng, put = tmp_path / "home", random.Random(recording.name), 0
    shutil.copytree(recording.home, home)
    for path in logs(home):
        lines = []
        for line in path.read_bytes().splitlines(keepends=True):
            value = json.loads(line)
            for spot in COUNTS[recording.client](value):
                for bad in rng.sample(BAD, 5):
                    put += 1
                    copy = json.loads(line)
                    renamed(recording.client, copy, put)
                    there = next(s for s in COUNTS[recording.client](copy) if s[1] == spot[1])
                    lines.append(written(copy, there, bad))
            lines.append(line)
            # As itself: what is missing makes no better record of it.
            lines += [written(value, spot, None) for spot in COUNTS[recording.client](value)]
        path.write_bytes(b"".join(lines))
    await ingest(tmp_path / "state", roots_in(home))
    assert counted(tmp_path / "state") == recording.truth
    assert unparsed(tmp_path / "state") >= put


@pytest.mark.parametrize("recording", LINES, ids=lambda r: r.name)
async def test_a_wrong_number_anywhere_changes_no_total(recording: Recording, tmp_path: Path) -> None:
    """After each record, the same with one of its numbers wrong, whatever that number is about."""
    home, rng = tmp_path / "home", random.Random(recording.name)
    shutil.copytree(recording.home, home)
    for path in logs(home):
        lines = []
        for line in path.read_bytes().splitlines(keepends=True):
            lines.append(line)
            value = json.loads(line)
            if spots := list(leaves(value)):
                lines.append(written(value, rng.choice(spots), rng.choice(BAD)))
        path.write_bytes(b"".join(lines))
    await ingest(tmp_path / "state", roots_in(home))
    assert counted(tmp_path / "state") == recording.truth


@pytest.mark.parametrize("client", sorted({recording.client for recording in LINES}))
async def test_the_same_copies_with_right_numbers_do_count(client: str, tmp_path: Path) -> None:
    """Otherwise the copies above would prove nothing."""
    recording = next(r for r in LINES if r.client == client and r.truth["requests"] == 2)
    home, put = tmp_path / "home", 0
    shutil.copytree(recording.home, home)
    for path in logs(home):
        lines = []
        for line in path.read_bytes().splitlines(keepends=True):
            value = json.loads(line)
            if COUNTS[client](value):
                put += 1
                renamed(client, value, put)
                lines.append(json.dumps(value).encode() + b"\n")
            lines.append(line)
        path.write_bytes(b"".join(lines))
    await ingest(tmp_path / "state", roots_in(home))
    assert counted(tmp_path / "state")["requests"] == 2 + put


# --- a database -----------------------------------------------------------------------------------------------

ROW_COUNTS = ("input", "output", "reasoning", "cache/read", "cache/write")


def broken(data: str, name: str, bad: str) -> str:
    """The data of a row with one count wrong."""
    value = json.loads(data)
    holder = value["tokens"]
    *path, last = name.split("/")
    for part in path:
        holder = holder[part]
    return written(value, (holder, last), bad).decode()


def add_rows(path: Path, changes: Sequence[Callable[[str], str]]) -> int:
    """Beside each answer in a database others, with their steps, and their data changed; returns how many."""
    db, put = sqlite3.connect(path), 0
    with db:
        for name, session, made, at, data in db.execute("SELECT * FROM message ORDER BY id").fetchall():
            if not (json.loads(data).get("tokens") or {}).get("output"):
                continue
            parts = db.execute("SELECT * FROM part WHERE message_id = ? ORDER BY id", (name,)).fetchall()
            for change in changes:
                put += 1
                row = (f"{name[:-4]}{put:04d}", session, made + put, at + put, change(data))
                db.execute("INSERT INTO message VALUES(?,?,?,?,?)", row)
                for number, (part, _, _, begun, ended, inner) in enumerate(parts):
                    if json.loads(inner).get("type") == "step-finish":
                        step = (f"{part[:-6]}{put:04d}{number:02d}", row[0], session, begun + put, ended + put)
                        db.execute("INSERT INTO part VALUES(?,?,?,?,?,?)", (*step, change(inner)))
    db.close()
    return put


@pytest.mark.parametrize("recording", ROWS, ids=lambda r: r.name)
async def test_a_row_with_a_wrong_number_is_no_response(recording: Recording, tmp_path: Path) -> None:
    home = tmp_path / "home"
    shutil.copytree(recording.home, home)
    for path in home.rglob("*.db"):
        add_rows(path, [partial(broken, name=name, bad=bad) for name in ROW_COUNTS for bad in BAD])
    await ingest(tmp_path / "state", roots_in(home))
    assert counted(tmp_path / "state") == recording.truth


async def test_the_same_rows_with_right_numbers_do_count(tmp_path: Path) -> None:
    home, put = tmp_path / "home", 0
    recording = next(r for r in ROWS if r.name == "opencode-tool")
    shutil.copytree(recording.home, home)
    for path in home.rglob("*.db"):
        put += add_rows(path, [str])
    await ingest(tmp_path / "state", roots_in(home))
    assert counted(tmp_path / "state")["requests"] == recording.truth["requests"] + put
