"""What the host announces: real programs get the notice as it is meant, hostile text stays text, nothing hangs."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import stat
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import pytest

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SECOND, SystemClock
from orchestrator_tui.config import Config, ConfigError, Host, Notify, load
from orchestrator_tui.events import Event
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.notices import Notice
from orchestrator_tui.host.notify import Notifier, desktop_arguments, local_minute, run_limited, ways, wishes_of
from tests.conftest import Orc, wait_for

HOSTILE = "--help \x1b]52;c;QQ==\x07 <b>&amp; \\074i\\076 \n$(touch /tmp/x); `id` \u202e %s"
NOTICE = Notice("-t", "<b> & \\074i\\076", "log:a", "red", "c", "dead", "n", ("log:a", "c"))
RECORD = """#!{python}
import json, os, sys, time
given = "" if sys.stdin.isatty() else sys.stdin.read()
env = {{k: v for k, v in os.environ.items() if k.startswith("ORC_NOTICE")}}
with open({out!r}, "a") as file:
    file.write(json.dumps({{"args": sys.argv[1:], "env": env, "stdin": given}}) + "\\n")
{more}
"""


def program(path: Path, out: Path, more: str = "") -> Path:
    """A program that writes down with what it was run."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(RECORD.format(python=sys.executable, out=str(out), more=more))
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return path


def recorded(out: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.read_text().splitlines()] if out.exists() else []


class Room:
    """A notifier with nothing around it."""

    def __init__(self, settings: Notify) -> None:
        self.fleet, self.clock, self.said, self.seq = Fleet(), Time(), [], 0
        self.tasks: list[asyncio.Task[None]] = []
        self.notifier = Notifier(settings, self.fleet, self.clock, self.said.append)
        self.happened(ev.SessionUpdated(title=HOSTILE, project="-api"))

    def happened(self, body: ev.KnownBody, session: str = "log:a") -> None:
        self.seq += 1
        event = Event(self.seq, self.clock.ns, self.clock.ns, None, session, body)
        self.fleet.apply(event)
        self.notifier.see(self.fleet, [event])

    def alert(self, cause: str = "c") -> None:
        """A cause is raised, and time passes until it is due."""
        self.happened(
            ev.AlertRaised(cause=cause, status="waiting", severity="red", evidence=HOSTILE, since=self.clock.ns)
        )
        self.clock.ns += 20 * SECOND
        self.notifier.tell(self.start)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        self.tasks.append(asyncio.create_task(work))

    async def done(self) -> None:
        await asyncio.gather(*self.tasks)


class Time(SystemClock):
    def __init__(self) -> None:
        self.ns = 1_790_000_000 * SECOND

    def now(self) -> int:
        return self.ns


async def test_a_command_gets_variables_and_json_and_its_own_arguments(tmp_path: Path) -> None:
    out = tmp_path / "out"
    own = program(tmp_path / "own", out)
    room = Room(Notify(command=[str(own), "a b", "$HOME", "--x"]))
    room.alert()
    await room.done()
    (seen,) = recorded(out)
    assert seen["args"] == ["a b", "$HOME", "--x"]
    given = json.loads(seen["stdin"])
    assert given["schema"] == "orc.notice/1"
    assert (given["session"], given["severity"], given["status"], given["count"]) == ("log:a", "red", "waiting", 1)
    assert seen["env"] == {f"ORC_NOTICE_{key.upper()}": str(value) for key, value in given.items() if key != "schema"}
    assert not set(map(chr, [*range(32), 127])) & set("".join(seen["env"].values()))
    assert "$(touch /tmp/x); `id`" in given["body"]
    assert not room.said


async def test_notify_send_gets_no_option_no_markup_and_no_escape(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    program(tmp_path / "bin" / "notify-send", out)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    room = Room(Notify(desktop=True))
    room.alert()
    room.alert("d")
    await room.done()
    first, _ = recorded(out)
    assert first["args"][:-2] == ["--app-name=orc", "--urgency=critical", "--"]
    title, body = first["args"][-2:]
    assert title == "-api waits for you"
    assert "&lt;b&gt;&amp;amp;" in body and "<" not in body and "\\\\074i" in body
    assert not set(map(chr, [*range(32), 127])) & set(title + body)
    assert desktop_arguments("n", NOTICE)[-2:] == ["-t", "&lt;b&gt; &amp; \\\\074i\\\\076"]


async def test_without_notify_send_it_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    room = Room(Notify(desktop=True))
    for cause in "abc":
        room.alert(cause)
    assert room.said == ["notify.desktop: notify-send is not on PATH; not told again"]


@pytest.mark.parametrize("what", ["missing", "not a program", "fails"])
async def test_a_failure_is_said_once(tmp_path: Path, what: str) -> None:
    own = tmp_path / "own"
    if what == "fails":
        program(own, tmp_path / "out", "sys.exit(3)")
    elif what == "not a program":
        own.write_text("x")
    room = Room(Notify(command=[str(own)]))
    for cause in "abc":
        room.alert(cause)
        await room.done()
    (said,) = room.said
    assert said.startswith("notify.command: own ") and "\n" not in said
    assert ("status 3" in said) == (what == "fails")


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text() if Path("/proc/self").exists() else True


HANGS = "import subprocess; p = subprocess.Popen(['sleep', '600']); open({!r}, 'w').write(f'{{os.getpid()}} {{p.pid}}'); p.wait()"


async def test_a_command_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    own = program(tmp_path / "own", tmp_path / "out", HANGS.format(str(tmp_path / "pids")))
    began = time.monotonic()
    assert await run_limited([str(own)], {}, b"{}", 2.0) == "took longer than 2 s and was killed"
    assert time.monotonic() - began < 10
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        wait_for(lambda pid=pid: not alive(pid))


async def test_a_host_that_ends_leaves_none_behind(tmp_path: Path) -> None:
    own = program(tmp_path / "own", tmp_path / "out", HANGS.format(str(tmp_path / "pids")))
    work = asyncio.create_task(run_limited([str(own)], {}, b"{}"))
    async with asyncio.timeout(10):
        while not (tmp_path / "pids").exists() or not (tmp_path / "pids").read_text():  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        wait_for(lambda pid=pid: not alive(pid))


async def test_one_that_reads_nothing_or_shouts_is_no_failure(tmp_path: Path) -> None:
    for code in ("", "import sys; sys.stdin.close(); print('x' * 10**6)"):
        assert await run_limited([sys.executable, "-c", code], {}, b"x" * 60_000) == ""


async def test_so_many_at_once_and_no_more(tmp_path: Path) -> None:
    own = program(tmp_path / "own", tmp_path / "out", "time.sleep(1)")
    room = Room(Notify(command=[str(own)]))
    for cause in "abcdefg":
        room.alert(cause)
    await room.done()
    assert len(recorded(tmp_path / "out")) == 4
    assert len(room.said) == 1 and "left out" in room.said[0]
    room.alert("z")
    await room.done()
    assert len(recorded(tmp_path / "out")) == 5


@pytest.mark.parametrize(
    "settings", [Notify(), Notify(off=True, desktop=True, command=["x"]), Notify(on=[], command=["x"])]
)
async def test_nothing_is_run_that_nobody_asked_for(settings: Notify) -> None:
    room = Room(settings)
    room.alert()
    assert not room.tasks and not room.said


def test_the_minute_is_the_person_s_own(monkeypatch: pytest.MonkeyPatch) -> None:
    noon = 1_795_262_400 * SECOND  # 2026-11-21T12:00:00Z
    for zone, minute in (("UTC", 720), ("Asia/Kolkata", 1050), ("America/New_York", 420)):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        assert local_minute(noon) == minute
    monkeypatch.undo()
    time.tzset()


# --- settings ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('quiet = "25:00-07:00"', "notify.quiet"), ('quiet = "22:00-22:00"', "notify.quiet"),
        ('quiet = "night"', "notify.quiet"), ('quiet = "22:00-07:00\\n"', "notify.quiet"), ("quiet = 22", "notify.quiet"),
        ('on = ["loud"]', "notify.on"), ('on = "red"', "notify.on"), ('terminal = "osc8"', "notify.terminal"),
        ('command = "sh -c x"', "notify.command"), ('command = [""]', "notify.command"),
        ('command = ["./x"]', "notify.command"), ('command = ["a", "\\u0000"]', "notify.command"),
        ("min_turn_seconds = -1", "notify.min_turn_seconds"), ("min_turn_seconds = nan", "notify.min_turn_seconds"),
        ("bell = 1", "notify.bell"), ("off = 'yes'", "notify.off"), ("loud = true", "loud"),
    ],
)  # fmt: skip
def test_a_bad_value_is_one_line_that_names_the_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f"[notify]\n{text}\n")
    with pytest.raises(ConfigError) as refused:
        load(path)
    assert key in str(refused.value) and "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("quiet", "minutes"),
    [("", None), ("22:00-07:00", (1320, 420)), ("9:30 - 10:00", (570, 600)), ("00:00-23:59", (0, 1439))],
)
def test_quiet_hours_are_read(quiet: str, minutes: tuple[int, int] | None) -> None:
    assert wishes_of(Notify(quiet=quiet)).quiet == minutes


def test_doctor_says_what_would_be_used(orc: Orc, tmp_path: Path) -> None:
    out = tmp_path / "out"
    send = program(tmp_path / "bin" / "notify-send", out)
    path = f"{send.parent}:/usr/bin:/bin"

    def told(config: str, **env: str) -> list[tuple[str, str]]:
        orc.paths.make()
        orc.paths.config.write_text(config)
        done = orc.run("doctor", "--json", check=False, TMUX="", STY="", PATH=path, **env)
        return [(f["state"], f["text"]) for f in json.loads(done.stdout)["findings"] if f["about"] == "notify"]

    assert told("") == [("ok", "bell, on red, waiting")]
    assert told("[notify]\noff = true\n") == [("note", "switched off in the settings")]
    (used, ends) = told('[notify]\ndesktop = true\nterminal = "osc9"\nquiet = "22:00-07:00"\non = ["red"]\n')
    assert used == ("ok", f"bell, osc9, {send}, on red, not 22:00-07:00")
    assert ends[0] == "note" and "10 min" in ends[1]
    missing = told('[notify]\nbell = false\ncommand = ["no-such-program"]\n[host]\nidle_minutes = 0\n')
    assert missing == [("ok", "nothing, on red, waiting"), ("bad", "command: no-such-program cannot be run")]
    assert not recorded(out), "nothing is run to find out"


def test_in_a_multiplexer_the_bell_stands_in() -> None:
    def texts(settings: Notify, **env: str) -> list[str]:
        return [way.text for way in ways(Config(host=Host(idle_minutes=0.0), notify=settings), env)]

    within = {"TMUX": "/tmp/t,1,0"}
    assert texts(Notify(bell=False, terminal="osc9")) == ["osc9, on red, waiting"]
    assert "in place of osc9" in texts(Notify(bell=False, terminal="osc9"), **within)[1]
    assert texts(Notify(bell=False, terminal="osc9", tmux_passthrough=True), **within) == ["osc9, on red, waiting"]
    assert texts(Notify(terminal="osc9", tmux_passthrough=True), STY="1")[0] == "bell, on red, waiting"


# --- a real host ---------------------------------------------------------------------------------------------


def test_a_real_host_runs_the_command_with_no_dashboard_open(orc: Orc, tmp_path: Path) -> None:
    out, sent = tmp_path / "out", tmp_path / "sent"
    own = program(tmp_path / "own", out)
    send = program(tmp_path / "bin" / "notify-send", sent)
    orc.paths.make()
    orc.paths.config.write_text(f'[notify]\ndesktop = true\ncommand = ["{own}"]\n')
    process = orc.start_host(PATH=f"{send.parent}:/usr/bin:/bin")
    try:
        lines: list[dict[str, Any]] = [
            {
                "kind": "session",
                "schema": "orc.log/1",
                "session": "asks",
                "t": 0,
                "epoch": time.time(),
                "title": HOSTILE,
            },
            {"kind": "user", "t": 0, "text": "go"},
            {"kind": "hook", "t": 0, "name": "n", "type": "permission_prompt", "text": f"asks {HOSTILE}"},
        ]
        part = orc.paths.inbox / ".asks"
        part.write_text("".join(json.dumps(line) + "\n" for line in lines))
        part.rename(orc.paths.inbox / "asks.jsonl")
        wait_for(lambda: recorded(out) and recorded(sent))
        time.sleep(2.5)
        assert len(recorded(out)) == len(recorded(sent)) == 1
        given = json.loads(recorded(out)[0]["stdin"])
        assert (given["session"], given["status"]) == ("log:asks", "waiting")
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        assert process.stderr is not None
        said = process.stderr.read().decode()
        process.stderr.close()
    assert "notify" not in said
