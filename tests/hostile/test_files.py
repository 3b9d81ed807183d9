"""Files as nobody should write them, before a real host: numbers, sizes, names, and traps (T8, T9, T16)."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Orc, wait_for
from tests.hostile.world import most_resident, running, scratch, tree

MB = 1 << 20
MOST = 700 * MB
"""What no process of the host may ever have resident: a line of 64 MB is held a few times while it is read."""
ID = "0b8f6f0e-0000-4000-8000-0000000000"
BAD_NUMBERS = ("-5", "NaN", "-Infinity", "1e400", str(1 << 70), "1" + "0" * 400, '"7"', "true", "[7]", "7.5")
NAMES = ("../../../etc/x", "a/b", "", "x" * 300, "x\n", "..", "-rf", "a\x1b]0;b\x07", "\ud83d", "/etc/passwd", "con\0x")


class World:
    """One host that has read all of it."""

    def __init__(self, root: Path, orc: Orc, pid: int) -> None:
        self.root, self.orc, self.pid = root, orc, pid


def line(number: int, counts: dict[str, Any] | str, session: str, text: str = "hi", **more: Any) -> bytes:
    """A response in a transcript; counts may be JSON that `json` would not write."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - 300 + number)) + ".000Z"
    message = {"id": f"msg_{session}_{number}", "role": "assistant", "model": "claude-opus-4-8", "usage": "@",
               "content": [{"type": "text", "text": text}]}  # fmt: skip
    value = {"type": "assistant", "uuid": f"{session}-{number}", "sessionId": session, "timestamp": stamp,
             "requestId": f"req_{session}_{number}", "cwd": "/w/web", "message": message, **more}  # fmt: skip
    usage = counts if isinstance(counts, str) else json.dumps(counts)
    return json.dumps(value).replace('"@"', usage).encode() + b"\n"


GOOD = {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 0, "output_tokens": 5}


def spoilt(session: str) -> Iterator[bytes]:
    """Three good responses, and between them everything that is none."""
    yield line(0, GOOD, session)
    for number, bad in enumerate(BAD_NUMBERS, 10):
        for name in GOOD:
            counts = json.dumps(GOOD | {name: "@@"}).replace('"@@"', bad)
            yield line(number, counts, f"{session}", uuid=f"bad-{number}-{name}").replace(
                b"msg_", f"msg_{name}".encode()
            )
    yield line(1, GOOD, session)
    yield b"[" * 100_000 + b"\n"
    yield b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n"
    yield b"\xff\xfe\x00\n"
    yield b'[{"type":"assistant"}]\n'
    yield b"\xef\xbb\xbf" + line(2, GOOD, session, "after a byte order mark \ud83d")


def large(path: Path, session: str) -> None:
    """A line just below and one above what is read, each whole and with a usage, then a good one."""
    with path.open("wb") as file:
        file.write(line(0, GOOD, session))
        for number, size in ((1, 63 * MB), (2, 66 * MB)):
            head, _, tail = line(number, GOOD, session, "@text@").partition(b"@text@")
            file.write(head)
            for _ in range(size // MB):
                file.write(b"x" * MB)
            file.write(tail)
        file.write(line(3, GOOD, session, "after the large ones"))


def traps(orc: Orc, root: Path) -> None:
    """Where transcripts should be: links out, pipes, devices, directories, sockets of nobody."""
    projects = orc.home / ".claude" / "projects"
    (root / "outside").mkdir()
    (root / "outside" / f"{ID}f0.jsonl").write_bytes(line(0, GOOD, f"{ID}f0"))
    (projects / "etc").symlink_to("/etc")
    (projects / "out").symlink_to(root / "outside")
    (projects / "-w" / f"{ID}f1.jsonl").symlink_to(root / "outside" / f"{ID}f0.jsonl")
    (projects / "-w" / f"{ID}f2.jsonl").symlink_to("/dev/zero")
    os.mkfifo(projects / "-w" / f"{ID}f3.jsonl")
    (projects / "-w" / f"{ID}f4.jsonl").mkdir()
    (orc.paths.inbox / "zero.jsonl").symlink_to("/dev/zero")
    os.mkfifo(orc.paths.inbox / "pipe.jsonl")
    sessions = orc.home / ".claude" / "sessions"
    sessions.mkdir()
    os.mkfifo(sessions / "7.json")
    (sessions / "8.json").symlink_to("/dev/zero")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    root = tmp_path_factory.mktemp("files")
    orc = scratch(root)
    orc.paths.make()
    folder = orc.home / ".claude" / "projects" / "-w"
    folder.mkdir(parents=True)
    (folder / f"{ID}01.jsonl").write_bytes(b"".join(spoilt(f"{ID}01")))
    large(folder / f"{ID}02.jsonl", f"{ID}02")
    for number, name in enumerate(NAMES):
        head = {"kind": "session", "schema": "orc.log/1", "session": name, "t": 0, "epoch": time.time() - 60,
                "title": f"name {number}", "cwd": name, "project": name}  # fmt: skip
        lines = [
            head,
            {"kind": "user", "t": 1, "text": "x", "agent": name},
            {"kind": "file_change", "t": 2, "path": name},
        ]
        (orc.paths.inbox / f"n{number}.jsonl").write_text("".join(json.dumps(one) + "\n" for one in lines))
        told = json.loads(line(0, GOOD, f"{ID}{number + 20:02d}"))
        told |= {"sessionId": name, "isSidechain": True, "agentId": name, "cwd": name}
        (folder / f"{ID}{number + 20:02d}.jsonl").write_text(json.dumps(told) + "\n")
    traps(orc, root)
    before = tree(root)
    with running(orc) as pid:
        made = World(root, orc, pid)
        wait_for(lambda: "after the large ones" in told_of(orc, "02"), 60)
        wait_for(
            lambda: len([s for s in orc.sessions().values() if s["title"] and "name" in s["title"]]) >= len(NAMES), 60
        )
        (folder / f"{ID}01.jsonl").open("ab").write(line(4, GOOD, f"{ID}01", "still watched"))
        wait_for(lambda: "still watched" in told_of(orc, "01"), 60)
        made.before = before  # type: ignore[attr-defined]
        yield made


def told_of(orc: Orc, name: str) -> str:
    """Everything that is stored of a session."""
    done = orc.run("events", f"claude:{ID}{name}", "--json", check=False)
    return done.stdout if done.returncode == 0 else ""


def used(orc: Orc, name: str) -> dict[str, Any]:
    found = orc.sessions()[f"claude:{ID}{name}"]
    return dict(found["tokens"]) | {"requests": found["requests"]}


def test_bad_numbers_and_broken_lines_change_no_total(world: World) -> None:
    told = used(world.orc, "01")
    assert (told["requests"], told["input"], told["cache_read"], told["output"]) == (4, 40, 400, 20)
    assert told_of(world.orc, "01").count('"unparsed"') >= len(BAD_NUMBERS) * len(GOOD) + 4


def test_a_line_of_64_mb_is_bounded_and_the_next_is_read(world: World) -> None:
    told = used(world.orc, "02")
    assert (told["requests"], told["output"]) == (3, 15), "the one above the limit is told, not counted"
    assert "too long to be read" in told_of(world.orc, "02")
    assert most_resident(world.pid) < MOST
    assert world.orc.paths.database.stat().st_size < 8 * MB


def test_a_name_is_never_a_path(world: World) -> None:
    names = world.orc.sessions()
    assert not [name for name in names if ".." in name or "\n" in name or "\x1b" in name or name.count("/") > 1]
    assert all(len(name) < 300 for name in names)
    made = {path for path in tree(world.root) if path not in world.before}  # type: ignore[attr-defined]
    assert [path for path in made if not Path(path).is_relative_to(world.orc.state)] == []
    same = {path: mark for path, mark in world.before.items() if not path.startswith(str(world.orc.state))}  # type: ignore[attr-defined]
    now = tree(world.root)
    assert [path for path, mark in same.items() if now[path] != mark and f"{ID}01" not in path] == []


def test_what_is_no_file_is_left_alone(world: World) -> None:
    assert not [name for name in world.orc.sessions() if f"{ID}f" in name or "zero" in name or "pipe" in name]
    assert world.orc.run("host", "status").returncode == 0
    # Nobody waits for a writer: a pipe without one would hold the reader for ever.
    assert "still watched" in told_of(world.orc, "01")
