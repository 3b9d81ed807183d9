"""Which process a session runs in, where the client does not say: by its command line, else by elimination."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.clients.programs import Program, program_of
from orchestrator_tui.clock import SECOND
from orchestrator_tui.events import ProcessObserved
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.host.matching import Running, match
from orchestrator_tui.host.processes import Processes
from orchestrator_tui.host.procfs import LinuxTable, ProcessTable, PsutilTable
from tests.conftest import wait_for

SID = "ses_e04c7e1a9ffeoWnUhvdsVM7J5r"
OTHER = "ses_e04c7aa3fffehVYjwfkc1BUA8J"
UUID = "0b7f6a52-7a0c-4d3c-9a57-0d8f4f8f2a11"
NOW = 5_000 * SECOND


# --- command lines ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("opencode", ""),
        ("/n/.bin/opencode run say hello", "fresh headless"),
        ("/n/opencode-ai/bin/opencode.exe run --model a/b --format json hello", "fresh headless"),
        ("node /n/.bin/opencode run hello", "fresh headless"),
        ("bun --smol /n/opencode run hello", "fresh headless"),
        (f"opencode run -s {SID} go on", f"{SID} headless"),
        (f"opencode run --session={SID} serve", f"{SID} headless"),
        (f"opencode run --session {SID} --fork go on", "fresh headless"),
        ("opencode run -c go on", "headless"),
        ("opencode run -i go on", "fresh"),
        (f"opencode -s {SID}", SID),
        ("opencode -s ../../etc", ""),
        ("opencode ../shop", "../shop"),
        ("opencode run --dir /w/shop hello", "fresh headless /w/shop"),
        ("opencode serve --port 4096", "shared"),
        ("opencode web", "shared"),
        ("opencode acp", "shared"),
        ("opencode attach http://localhost:4096", None),
        ("opencode run --attach http://localhost:4096 hello", None),
        ("opencode auth login", None),
        ("opencode db path", None),
        ("gemini", "fresh"),
        ("node /usr/local/bin/gemini -m gemini-2.5-flash -y -p hello", "fresh headless"),
        ("/usr/bin/node --max-old-space-size=12052 /usr/local/bin/gemini -y -p hello", "fresh headless"),
        ("node /n/@google/gemini-cli/bundle/gemini.js --session-id " + UUID, UUID),
        (f"node /usr/local/bin/gemini -r {UUID.upper()} -p go", f"{UUID} headless"),
        ("node /usr/local/bin/gemini --resume latest", ""),
        ("node /usr/local/bin/gemini -r 3", ""),
        ("node /usr/local/bin/gemini --acp", "shared"),
        ("node /usr/local/bin/gemini mcp list", None),
        ("node /usr/local/bin/gemini --list-sessions", None),
        ("node server.js gemini", None),
        ("python opencode.py", None),
        ("vim opencode", None),
        ("", None),
    ],
)
def test_what_a_command_line_says(line: str, said: str | None) -> None:
    found = program_of(line.split())
    if found is None:
        assert said is None
        return
    words = [found.session.partition(":")[2] if found.session else "", "shared" if found.shared else "",
             "fresh" if found.fresh and not found.session and not found.shared else "",
             "headless" if found.headless else "", found.directory or ""]  # fmt: skip
    assert " ".join(word for word in words if word) == said


# --- who runs where -----------------------------------------------------------------------------------------------


def running(pid: int, line: str, cwd: str | None = "/w/web", began: int = 1000, ppid: int = 1) -> Running:
    """A program that began so many seconds after the epoch."""
    program = program_of(line.split())
    assert program is not None
    return Running(pid, ppid, began * 100, began * SECOND, program, cwd)


def session(name: str, active: int = 2000, cwd: str = "/w/web", client: str = "opencode", **more: object) -> Session:
    """A session that was active so many seconds after the epoch, and began with it unless said."""
    begun = int(str(more.pop("started", active))) * SECOND
    found = Session(f"{client}:{name}", begun, active * SECOND, active * SECOND, client=client, cwd=cwd)
    for field, value in more.items():
        setattr(found, field, value)
    return found


TABLE: list[tuple[str, list[Running], list[Session], dict[str, int]]] = [
    ("one program, one session", [running(5, "opencode")], [session("a")], {"a": 5}),
    ("a slash at the end", [running(5, "opencode", "/w/web/")], [session("a")], {"a": 5}),
    ("another directory", [running(5, "opencode", "/w/shop")], [session("a")], {}),
    ("a directory that cannot be read", [running(5, "opencode", None)], [session("a")], {}),
    ("another client's session", [running(5, "opencode")], [session("a", client="gemini")], {}),
    ("nothing since it began", [running(5, "opencode", began=3000)], [session("a")], {}),
    ("two sessions since it began", [running(5, "opencode")], [session("a"), session("b")], {}),
    ("one of two since it began", [running(5, "opencode")], [session("a"), session("b", 500)], {"a": 5}),
    ("two programs", [running(5, "opencode"), running(6, "opencode")], [session("a")], {}),
    ("two programs in two places", [running(5, "opencode"), running(6, "opencode", "/w/x")],
     [session("a"), session("b", cwd="/w/x")], {"a": 5, "b": 6}),
    ("a sub-agent is its parent's", [running(5, "opencode")],
     [session("a"), session("b", relation="subagent", parent="opencode:a")], {"a": 5}),
    ("named, where two run", [running(5, f"opencode -s {SID}"), running(6, "opencode")], [session(SID), session("b")],
     {SID: 5}),
    ("named, from anywhere and however old", [running(5, f"opencode run -s {SID} x", "/")], [session(SID, 1)], {SID: 5}),
    ("named, but nobody knows it", [running(5, f"opencode -s {OTHER}")], [session("a")], {}),
    ("named by two", [running(5, f"opencode -s {SID}"), running(6, f"opencode -s {SID}")], [session(SID)], {}),
    ("a server, never by elimination", [running(5, "opencode serve")], [session("a")], {}),
    ("a server beside it may be the one", [running(5, "opencode"), running(6, "opencode serve", "/")], [session("a")], {}),
    ("a server of another client", [running(5, "opencode"), running(6, "gemini --acp")], [session("a")], {"a": 5}),
    ("a run begins its own session", [running(5, "opencode run x")], [session("a", started=500, interactive=False)], {}),
    ("a run's session", [running(5, "opencode run x")], [session("a", started=1001, interactive=False)], {"a": 5}),
    ("a run that goes on", [running(5, "opencode run -c x")], [session("a", started=500)], {"a": 5}),
    ("what a run left is not a screen's", [running(5, "opencode")], [session("a", interactive=False)], {}),
    ("a place that is named", [running(5, "opencode run --dir /w/web x", "/")], [session("a")], {"a": 5}),
    ("a place from where it was started", [running(5, "opencode ./web", "/w")], [session("a")], {"a": 5}),
    ("the inner one of two", [running(5, "node /n/gemini -p x"), running(6, "/b/node --max-old-space-size=9 /n/gemini -p x", ppid=5)],
     [session("a", client="gemini")], {"a": 6}),
    ("one that another one started", [running(5, "opencode"), running(6, "opencode run x", ppid=5)], [session("a")], {}),
    ("resumed by its id", [running(5, f"node /n/gemini -r {UUID}")], [session(UUID, 1, client="gemini")], {UUID: 5}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("programs", "sessions", "expected"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE]
)
def test_who_runs_where(programs: list[Running], sessions: list[Session], expected: dict[str, int]) -> None:
    claims = match(programs, {one.id: one for one in sessions})
    assert {claim.session.partition(":")[2]: claim.pid for claim in claims} == expected
    assert all(claim.started == claim.written_at // SECOND * 100 for claim in claims)


# --- real processes -----------------------------------------------------------------------------------------------


class Programs:
    """Programs that are named and called as the clients are; the shell runs them."""

    def __init__(self, place: Path) -> None:
        self.place, self.running = place, list[subprocess.Popen[bytes]]()
        (place / "bin").mkdir()
        for name in ("opencode", "node"):
            (place / "bin" / name).symlink_to("/bin/sh")
        (place / "bin" / "gemini").write_text(
            f'while [ -n "$INNER" ]; do sleep 0.2; done\nINNER=1 {place}/bin/node {place}/bin/gemini "$@"\n'
        )

    def start(self, directory: str, *argv: str) -> subprocess.Popen[bytes]:
        """Run one in a directory of its own; the shell takes its command for a script of that name."""
        cwd = self.place / directory
        cwd.mkdir(exist_ok=True)
        for command in ("run", "serve"):
            (cwd / command).write_text("while :; do sleep 0.2; done\n")
        argv = (str(self.place / "bin" / argv[0]), *argv[1:])
        process = subprocess.Popen(argv, cwd=cwd, stdin=subprocess.PIPE, start_new_session=True)
        self.running.append(process)
        return process

    def stop(self) -> None:
        for process in self.running:
            os.killpg(process.pid, 9)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


@pytest.fixture
def programs(tmp_path: Path) -> Iterator[Programs]:
    programs = Programs(tmp_path)
    yield programs
    programs.stop()


def looked(processes: Processes, programs: Programs, count: int) -> list[Running]:
    """What runs below the scratch directory, once so many are seen."""
    place = f"{programs.place}/"

    def found() -> list[Running]:
        processes.look(time.time_ns())
        mine = [one for one in processes.programs.values() if (one.cwd or "").startswith(place)]
        return mine if len(mine) == count else []

    return list(wait_for(found))


@pytest.mark.skipif(sys.platform != "linux", reason="the programs are shells by another name")
@pytest.mark.parametrize("table", [LinuxTable, PsutilTable])
def test_real_programs_are_recognised_claimed_and_proved(table: type[ProcessTable], programs: Programs) -> None:
    processes = Processes(table(), lambda session: True)
    processes.look(time.time_ns())
    run = programs.start("web", "opencode", "run", "hello")
    programs.start("api", "opencode", "run", "hello")
    programs.start("api", "opencode", "run", "hello again")
    found = looked(processes, programs, 3)
    now = time.time_ns()
    sessions = {
        f"opencode:{name}": Session(
            f"opencode:{name}", now, now, now, client="opencode", cwd=str(programs.place / name)
        )
        for name in ("web", "api")
    }
    claims = match(found, sessions)
    assert [(claim.session, claim.pid) for claim in claims] == [("opencode:web", run.pid)]
    seen = processes.claims(claims, sessions, now)
    assert [body.pid for _, body in seen if isinstance(body, ProcessObserved)] == [run.pid]
    assert processes.claims(match(found, sessions), sessions, now) == seen[1:] or len(seen) == 2
    programs.running[2].kill()
    programs.running[2].wait()
    assert {claim.session for claim in match(looked(processes, programs, 2), sessions)} == {
        "opencode:web",
        "opencode:api",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="the programs are shells by another name")
def test_the_inner_process_is_the_session_s(programs: Programs) -> None:
    wrapper = programs.start("web", "node", str(programs.place / "bin" / "gemini"), "-p", "hello")
    processes = Processes(LinuxTable(), lambda session: True)
    found = looked(processes, programs, 2)
    now = time.time_ns()
    here = Session("gemini:a", now, now, now, client="gemini", cwd=str(programs.place / "web"))
    (claim,) = match(found, {here.id: here})
    (inner,) = [one for one in found if one.ppid == wrapper.pid]
    assert claim.pid == inner.pid != wrapper.pid


class Counting(LinuxTable):
    """Counts the command lines that are read."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    def argv(self, pid: int) -> list[str]:
        self.asked.append(pid)
        return super().argv(pid)


@pytest.mark.skipif(sys.platform != "linux", reason="counts in /proc")
def test_only_a_few_names_are_looked_into_and_only_once(programs: Programs) -> None:
    run = programs.start("web", "opencode", "run", "hello")
    table = Counting()
    processes = Processes(table, lambda session: True)
    for second in range(6):
        processes.look(second * SECOND)
    assert table.asked.count(run.pid) == 1
    assert os.getpid() not in table.asked and 1 not in table.asked


def test_a_program_says_what_it_is() -> None:
    assert program_of(["opencode", "run", "x"]) == Program("opencode", ("run", "x"), fresh=True, headless=True)
