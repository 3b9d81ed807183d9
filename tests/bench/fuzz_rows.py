"""Mutated rows in OpenCode's databases, through the host's own reading: nothing may break, no other session's total changes.

`nice python -m tests.bench.fuzz_rows --count 20000 --seed 1`. The changed rows belong to sessions of their own, in the
same file as the recorded ones.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import sqlite3
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from orchestrator_tui import events as ev
from orchestrator_tui.clients.base import Draft, FileRef
from orchestrator_tui.host.reading import Job, Step, read
from tests.bench.fuzz_lines import DATA, NOW, SLOW, STATE, Found, Totals, resident, show
from tests.bench.fuzz_mutate import Mutator

LATER = 3_600_000
"""Milliseconds by which changed rows are later: no copy of one is taken for a fork's."""
ROWS = 60
"""Changed messages per database, each with its parts."""


def totals(drafts: list[Draft], sessions: set[str]) -> Totals:
    """What these sessions used, each response once."""
    best: dict[bytes | None, ev.Usage] = {}
    for draft in drafts:
        if isinstance(draft.body, ev.Usage) and draft.session in sessions:
            best[draft.response] = draft.body
    told: Counter[str] = Counter(requests=len(best))
    for usage in best.values():
        told.update({name: getattr(usage.tokens, name) for name in usage.tokens.__struct_fields__})
    return dict(told)


def look(path: Path, found: Found) -> list[Draft]:
    """Everything that the database says, in steps as the host takes them; faults are told."""
    drafts: list[Draft] = []
    before: Step | None = None
    for _ in range(10_000):
        begun = time.perf_counter()
        ref = FileRef("opencode", str(path), "database", str(path.parent))
        before = read(Job(ref, before.after if before is not None else None, NOW))
        found.slowest = max(found.slowest, time.perf_counter() - begun)
        if before is None or before.trouble:
            found.faults.append(f"not read: {before.trouble if before is not None else path}")
            break
        found.state = max(found.state, len(before.after.state or b""))
        drafts += before.drafts
        if not before.more:
            break
    else:
        found.faults.append("it never ends")
    for draft in drafts:
        packed = ev.encode(draft.body)
        if len(packed) > 64 << 10 or isinstance(ev.decode(ev.type_of(draft.body), packed), ev.Unknown):
            found.faults.append(f"cannot be stored: {draft!r}"[:300])
    return drafts


def shifted(data: str, number: int) -> bytes:
    """A row's data, later."""
    value = json.loads(data)
    if isinstance(value.get("time"), dict):
        for name, at in value["time"].items():
            if isinstance(at, int):
                value["time"][name] = at + LATER + number
    return json.dumps(value).encode()


def spoil(path: Path, mutator: Mutator, rng: random.Random, others: list[bytes]) -> int:
    """Sessions of changed rows, put into a database; returns how many rows."""
    db, put = sqlite3.connect(path), 0
    db.text_factory = lambda data: data.decode("utf-8", "replace")
    with db:
        messages = db.execute("SELECT id, session_id, time_created, data FROM message").fetchall()
        names = [name for _, name, *_ in db.execute("PRAGMA table_info(session)").fetchall()]
        (row,) = db.execute("SELECT * FROM session LIMIT 1").fetchall()
        for number in range(ROWS):
            old, _, made, data = rng.choice(messages)
            native, at = f"msg_f{number:025d}", made + LATER + number
            session = f"ses_f{number % 7:025d}"
            if number < 7:
                given = dict(zip(names, row, strict=True)) | {"id": session}
                given[rng.choice(("title", "directory", "model", "agent", "version", "parent_id"))] = rng.choice(
                    ("\x1b]52;c;QQ==\x07", "[1]", "{", b"\xff\xfe", 7, -1.5, "../../x", session)
                )
                db.execute(f"INSERT INTO session({','.join(names)}) VALUES({','.join('?' * len(names))})",
                           [given[name] for name in names])  # fmt: skip
            changed = mutator.change(shifted(data, number), others)[:-1]
            db.execute("INSERT INTO message VALUES(?,?,?,?,?)", (native, session, at, at, _stored(rng, changed)))
            put += 1
            parts = db.execute("SELECT time_created, data FROM part WHERE message_id = ?", (old,)).fetchall()
            for index, (begun, inner) in enumerate(parts):
                changed = mutator.change(shifted(inner, number), others)[:-1]
                what = (f"prt_f{number:05d}{index:020d}", native, session, begun + LATER, begun + LATER)
                db.execute("INSERT INTO part VALUES(?,?,?,?,?,?)", (*what, _stored(rng, changed)))
                put += 1
    db.close()
    return put


def _stored(rng: random.Random, data: bytes) -> str | bytes:
    """As a blob, or as text; SQLite keeps bytes that are no UTF-8 where it is told that they are text."""
    return data if rng.random() < 0.1 else data.decode("utf-8", "surrogateescape").encode("utf-8", "replace").decode()


def fuzz(rows: int, seed: int, most: int = 20) -> Found:
    """At least so many changed rows, database after database; ends early at so many faults."""
    rng = random.Random(f"rows{seed}")
    mutator, found, begun, early = Mutator(rng), Found("opencode"), time.perf_counter(), 0
    databases = sorted((DATA / "clients").glob("opencode-*/*/home/**/opencode.db"))
    with tempfile.TemporaryDirectory() as scratch:
        clean: dict[Path, tuple[Totals, set[str], list[bytes]]] = {}
        while found.lines < rows and len(found.faults) < most:
            source = rng.choice(databases)
            path = Path(scratch) / "opencode.db"
            shutil.copyfile(source, path)
            if source not in clean:
                drafts = look(path, found)
                sessions = {draft.session for draft in drafts}
                db = sqlite3.connect(path)
                every = [
                    shifted(data, 0)
                    for (data,) in db.execute("SELECT data FROM message UNION ALL SELECT data FROM part")
                ]
                db.close()
                clean[source] = totals(drafts, sessions), sessions, every
            good, sessions, every = clean[source]
            found.lines += spoil(path, mutator, rng, every)
            try:
                drafts = look(path, found)
            except Exception as error:
                where = traceback.extract_tb(error.__traceback__)[-1]
                found.faults.append(f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})")
                continue
            found.drafts += len(drafts)
            found.unparsed += sum(isinstance(draft.body, ev.Unparsed) for draft in drafts)
            found.unknown += sum(isinstance(draft.body, ev.UnknownRecord) for draft in drafts)
            if totals(drafts, sessions) != good:
                found.faults.append(f"{source}: totals {good} became {totals(drafts, sessions)}")
            if not early and found.lines >= rows // 10:
                early = resident()
    if found.slowest > SLOW:
        found.faults.append(f"a step of {found.slowest:.2f} s")
    if found.state > STATE:
        found.faults.append(f"a checkpoint of {found.state} bytes")
    found.seconds, found.grown = time.perf_counter() - begun, resident() - early if early else 0
    return found


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    found = fuzz(args.count, args.seed)
    show([found])
    return 1 if found.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
