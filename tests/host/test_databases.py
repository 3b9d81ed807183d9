"""Databases that somebody else writes: read while they are written, after a kill, and without a trace beside them."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from hashlib import blake2b
from pathlib import Path

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SECOND
from orchestrator_tui.host import databases
from orchestrator_tui.host.reading import Job, Step, read
from tests.clients.feeding import of
from tests.clients.opencode_db import BEGIN, PLACE, Following, Made, drafts_of, recorded, ref
from tests.conftest import Orc, wait_for

WRITER = """
import sys
from pathlib import Path
from tests.clients.opencode_db import Made
made = Made(Path(sys.argv[1]), wal=True)
made.db.execute("PRAGMA wal_autocheckpoint = 50")
session = made.session()
for number in range(int(sys.argv[2])):
    made.turn(session, 100 * number)
    print(number + 1, flush=True)
sys.stdin.read()
"""
PROJECT = Path(__file__).parents[2]


def listing(directory: Path) -> dict[str, tuple[int, str]]:
    """What lies there, byte for byte."""
    found = {}
    for path in directory.iterdir():
        data = path.read_bytes()
        found[path.name] = (len(data), blake2b(data, digest_size=8).hexdigest())
    return found


class Writer:
    """A process that writes turns into a database in WAL mode, and keeps it open."""

    def __init__(self, path: Path, turns: int) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(turns)],
            cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )  # fmt: skip
        self.written = 0

    def wait(self, turns: int) -> None:
        """Until so many turns are committed."""
        assert self.process.stdout is not None
        while self.written < turns:
            self.written = int(self.process.stdout.readline())

    def kill(self) -> None:
        """As a crash would."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "data" / "opencode.db"


@pytest.fixture
def writer(place: Path) -> Iterator[Writer]:
    writer = Writer(place, 120)
    writer.wait(1)
    yield writer
    writer.kill()


def trouble(path: Path) -> str:
    """Why a database cannot be read."""
    step = read(Job(ref(path), None, 0))
    assert step is not None and step.trouble and not step.drafts
    return step.trouble


# --- with its writer ----------------------------------------------------------------------------------------------


def test_a_database_is_read_while_it_is_written(place: Path, writer: Writer) -> None:
    follow = Following(place)
    responses: Counter[bytes | None] = Counter()
    looks = 0
    while len(responses) < 120:
        for draft in follow.news():
            if isinstance(draft.body, ev.Usage):
                responses[draft.response] += 1
        assert not follow.restarted or looks == 0
        looks += 1
        assert looks < 100_000
    assert set(responses.values()) == {1} and looks > 3
    writer.wait(120)
    follow.news()
    before = listing(place.parent)
    assert follow.news() == [] and drafts_of(place)
    assert listing(place.parent) == before and sorted(before) == ["opencode.db", "opencode.db-shm", "opencode.db-wal"]


def test_after_a_kill_in_the_middle_all_that_was_committed_is_there(place: Path, writer: Writer) -> None:
    writer.wait(30)
    writer.kill()
    while line := writer.process.stdout and not writer.process.stdout.closed and writer.process.stdout.readline():
        writer.written = int(line)
    before = listing(place.parent)
    usages = len(of(drafts_of(place), ev.Usage))
    assert usages >= 30
    assert listing(place.parent) == before, "the log is left as it was, and so is its index"
    (place.parent / "opencode.db-shm").unlink()
    assert len(of(drafts_of(place), ev.Usage)) == usages, "without the index of its log it is read too"
    assert sorted(listing(place.parent)) == ["opencode.db", "opencode.db-wal"]
    assert listing(place.parent)["opencode.db-wal"] == before["opencode.db-wal"]


def test_a_log_that_was_folded_back_or_begun_anew_is_noticed(place: Path) -> None:
    made = Made(place, wal=True)
    made.db.execute("PRAGMA wal_autocheckpoint = 0")
    session = made.session()
    follow = Following(place)
    marks = {databases.mark(str(place))}
    for number in range(4):
        made.turn(session, 100 * number)
        assert len(of(follow.news(), ev.Usage)) == 1
        marks.add(databases.mark(str(place)))
        for mode in ("PASSIVE", "RESTART", "TRUNCATE"):
            made.db.execute(f"PRAGMA wal_checkpoint({mode})")
            assert follow.news() == []
            assert databases.mark(str(place)) not in marks or mode != "TRUNCATE"
    made.db.close()
    assert [path.name for path in place.parent.iterdir()] == ["opencode.db"]
    assert follow.news() == [] and len(of(drafts_of(place), ev.Usage)) == 4
    assert [path.name for path in place.parent.iterdir()] == ["opencode.db"], "SQLite would make a log of its own"


def test_the_last_writer_cannot_take_the_log_away_under_a_reader(place: Path) -> None:
    made = Made(place, wal=True)
    made.turn(made.session(), 0)
    fd = os.open(place, os.O_RDONLY)
    with databases.opened(str(place), fd) as db:
        made.db.close()
        assert db.execute("SELECT count(*) FROM message").fetchall() == [(2,)]
    os.close(fd)
    assert len(drafts_of(place)) == 6


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc")
def test_a_log_without_its_index_is_left_alone_while_a_process_has_it_open(place: Path, writer: Writer) -> None:
    writer.wait(120)
    (place.parent / "opencode.db-shm").unlink()
    before = listing(place.parent)
    assert "a process has it open" in trouble(place)
    assert listing(place.parent) == before
    writer.kill()
    assert len(of(drafts_of(place), ev.Usage)) == 120


def test_who_has_it_open_is_asked_portably_too(place: Path, writer: Writer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ORC_PORTABLE", "1")
    assert databases.is_open(str(place))
    writer.kill()
    assert not databases.is_open(str(place))


def test_a_change_in_the_middle_of_a_read_without_locks_counts_for_nothing(place: Path) -> None:
    made = Made(place)
    made.turn(made.session(), 0)
    made.db.execute("PRAGMA journal_mode = WAL")
    made.db.close()
    fd = os.open(place, os.O_RDONLY)
    with pytest.raises(databases.Unreadable, match="being written") as caught, databases.opened(str(place), fd) as db:
        db.execute("SELECT count(*) FROM message").fetchall()
        (place.parent / "opencode.db-wal").write_bytes(b"x")
    os.close(fd)
    assert caught.value.again


# --- what cannot be read ------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_told_and_left_as_it_is(place: Path) -> None:
    place.parent.mkdir()
    for content, words in (
        (b"", "it is empty"),
        (b"{}" * 600, "no SQLite database"),
        (recorded("text").read_bytes()[:50_000], "damaged"),
        (b"SQLite format 3\0" + b"\xff" * 5000, ""),
    ):
        place.write_bytes(content)
        assert words in trouble(place)
        assert listing(place.parent) == {"opencode.db": (len(content), blake2b(content, digest_size=8).hexdigest())}


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("DROP TABLE part", "no table part"),
        ("ALTER TABLE message RENAME COLUMN data TO payload", "no column data in message"),
        ("DROP TABLE message; CREATE VIEW message AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) "
         "SELECT i AS rowid, i AS id, i AS session_id, i AS data FROM n WHERE i < 0", "interrupted"),
    ],
)  # fmt: skip
def test_tables_that_are_not_the_client_s(sql: str, words: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(databases, "PATIENCE", 0.2)
    Made(place).db.executescript(sql)
    assert words in trouble(place)


def test_columns_that_other_versions_lack_or_add(place: Path) -> None:
    made = Made(place)
    made.turn(made.session(title="A title"), 0)
    for column in ("version", "agent", "model", "title", "time_updated", "permission"):
        made.db.execute(f"ALTER TABLE session DROP COLUMN {column}")
    for table in ("message", "part"):
        made.db.execute(f"ALTER TABLE {table} DROP COLUMN time_updated")
        made.db.execute(f"ALTER TABLE {table} ADD COLUMN more TEXT DEFAULT 'x'")
    made.db.execute("DROP TABLE todo")
    drafts = drafts_of(place)
    assert len(of(drafts, ev.Usage)) == 1 and of(drafts, ev.SessionUpdated)[0].cwd == "/w/web"


def test_a_locked_database_is_read_when_it_is_free(place: Path) -> None:
    made = Made(place)
    made.turn(made.session(), 0)
    made.db.execute("BEGIN EXCLUSIVE")
    step = read(Job(ref(place), None, BEGIN * 1_000_000 + 86_400 * SECOND))
    assert step is not None and step.trouble == "it is locked" and step.after.size == -1, "it is looked at again"
    made.db.execute("ROLLBACK")
    assert len(of(drafts_of(place), ev.Usage)) == 1


def test_links_pipes_and_directories_are_no_databases(place: Path) -> None:
    Made(place).db.close()
    link, pipe, folder = (place.parent / f"opencode-{name}.db" for name in ("link", "pipe", "folder"))
    link.symlink_to(place)
    os.mkfifo(pipe)
    folder.mkdir()
    assert [read(Job(ref(path), None, 0)) for path in (link, pipe, folder)] == [None] * 3
    (place.parent / "opencode.db-wal").symlink_to("/etc/passwd")
    Path(place).write_bytes(place.read_bytes()[:18] + b"\2\2" + place.read_bytes()[20:])
    assert "is no regular file" in trouble(place)


def test_a_name_that_means_something_in_an_address(tmp_path: Path) -> None:
    made = Made(tmp_path / "a?mode=rwc#%41 ä" / "opencode.db", wal=True)
    made.turn(made.session(), 0)
    assert len(drafts_of(made.path)) == 6


def as_nobody(path: Path) -> str:
    """What another user reads: "none", the trouble, or the number of drafts."""
    receive, send = os.pipe()
    child = os.fork()
    if not child:
        answer = "failed"
        with suppress(BaseException):
            os.setgid(65534)
            os.setuid(65534)
            gone = read(Job(ref(path), None, 0)) is None
            answer = "none" if gone else str(len(drafts_of(path)))
        os.write(send, answer.encode())
        os._exit(0)
    os.close(send)
    with os.fdopen(receive) as pipe:
        answer = pipe.read()
    os.waitpid(child, 0)
    return answer


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user")
@pytest.mark.parametrize("state", ["closed", "live", "killed", "alone", "secret"])
def test_a_directory_that_may_not_be_written(state: str) -> None:
    """As another user: the modes are what decides, and nothing is made or changed."""
    with tempfile.TemporaryDirectory(dir="/tmp") as scratch:
        Path(scratch).chmod(0o755)
        place = Path(scratch) / "data" / "opencode.db"
        writer = Writer(place, 1)
        writer.wait(1)
        if state in ("killed", "alone"):
            writer.kill()
        elif state == "closed":
            writer.process.communicate()
        if state == "alone":
            (place.parent / "opencode.db-shm").unlink()
        for path in place.parent.iterdir():
            path.chmod(0o600 if state == "secret" else 0o444)
        place.parent.chmod(0o555)
        before = listing(place.parent)
        assert as_nobody(place) == ("none" if state == "secret" else "6")
        assert listing(place.parent) == before and len(before) == {"closed": 1, "alone": 2}.get(state, 3)
        writer.kill()


# --- the whole program --------------------------------------------------------------------------------------------


def test_doctor_names_what_cannot_be_read(orc: Orc) -> None:
    database = orc.home / PLACE
    database.parent.mkdir(parents=True)
    database.write_bytes(recorded("text").read_bytes())
    (database.parent / "opencode-dev.db").write_bytes(b"\0" * 4096)
    done = orc.run("doctor", check=False)
    assert done.returncode == 1
    assert "opencode-dev.db cannot be read: it is no SQLite database" in done.stdout
    assert (
        f"{database.parent}: opencode-dev.db, opencode.db" in done.stdout
        or "opencode.db, opencode-dev.db" in done.stdout
    )
    assert sorted(path.name for path in database.parent.iterdir()) == ["opencode-dev.db", "opencode.db"]


def test_a_host_follows_and_one_that_was_killed_goes_on(orc: Orc) -> None:
    database = orc.home / PLACE
    made = Made(database, wal=True)
    session = made.session(title="A task")
    made.turn(session, 0)
    (database.parent / "opencode-dev.db").write_bytes(b"\0" * 4096)
    host = orc.start_host()

    def requests() -> int:
        return int(orc.sessions().get(f"opencode:{session}", {}).get("requests") or 0)

    wait_for(lambda: requests() == 1)
    made.turn(session, 1000)
    wait_for(lambda: requests() == 2)
    host.kill()
    host.wait()
    made.turn(session, 2000)
    made.fork(session, 3000)
    second = orc.start_host()
    wait_for(lambda: requests() == 3)
    made.turn(session, 4000)
    wait_for(lambda: requests() == 4)
    second.terminate()
    _, log = second.communicate(timeout=20)
    assert b"opencode-dev.db: it is no SQLite database" in log and log.count(b"opencode-dev.db") == 1
    sessions = orc.sessions()
    assert sum(one["requests"] for one in sessions.values()) == 4
    assert sessions[f"opencode:{session}"]["title"] == "A task"
    if host.stderr is not None:
        host.stderr.close()


def test_a_step_stays_small(place: Path) -> None:
    made = Made(place)
    made.db.execute("BEGIN")
    session = made.session()
    for number in range(2000):
        made.turn(session, 100 * number)
    made.db.execute("COMMIT")
    step: Step | None = read(Job(ref(place), None, 0))
    assert step is not None and step.more and len(step.drafts) < 420


def test_sqlite_that_is_too_old_is_said(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Made(place).db.close()
    monkeypatch.setattr(sqlite3, "sqlite_version_info", (3, 21, 0))
    assert "too old" in trouble(place)
