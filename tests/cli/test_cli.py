"""The command line from outside: the contract's JSON, exit statuses, one clear line for what is wrong."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.conftest import CASES, CLAUDE, Orc
from tests.host.transcripts import write

ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
FIELDS = {
    "id", "client", "title", "project", "branch", "model", "effort", "pid", "status", "severity", "since", "evidence",
    "badges", "possible", "needs_you", "parent", "relation", "host", "owned", "started_at", "last_event_at", "turns",
    "tokens", "requests", "cost_usd", "cost_state", "tree_cost_usd", "burn_usd_per_min", "output_tokens_per_s",
    "context_tokens", "context_window", "cost_since_progress_usd",
}  # fmt: skip
KINDS = ("requests", "input", "cache_read", "cache_write", "output")
HOSTILE = "\x1b]52;c;QUJD\x07[/]\x1b[2Jx\u202e\u009b2J"


def recording(orc: Orc, scenario: str) -> None:
    shutil.copytree(CLAUDE / scenario / "home", orc.home, dirs_exist_ok=True)


@pytest.mark.parametrize("scenario", sorted(p.name for p in CLAUDE.iterdir() if (p / "truth.json").exists()))
def test_recorded_sessions_are_counted_exactly(orc: Orc, scenario: str) -> None:
    recording(orc, scenario)
    orc.run("ingest", "--all")
    truth = json.loads((CLAUDE / scenario / "truth.json").read_text())["models"].values()
    sessions = orc.sessions().values()
    got = {k: sum(s["requests"] if k == "requests" else s["tokens"][k] for s in sessions) for k in KINDS}
    assert got == {k: sum(m[k] for m in truth) for k in KINDS}


def test_sessions_json_has_every_field_of_the_contract(orc: Orc) -> None:
    recording(orc, "subagent")
    orc.run("ingest", "--all")
    answer = orc.json("sessions", "--all")
    assert answer["schema"] == "orc.sessions/1"
    assert ISO.fullmatch(answer["at"])
    for session in answer["sessions"]:
        assert set(session) >= FIELDS
        assert all(ISO.fullmatch(session[name]) for name in ("since", "started_at", "last_event_at"))
        assert session["cost_state"] == "exact"
    assert answer["totals"]["requests"] == 4
    assert answer["totals"]["unpriced_requests"] == 0
    assert answer["totals"]["cost_usd"] == pytest.approx(sum(s["cost_usd"] for s in answer["sessions"]))
    assert answer["totals"]["statuses"] == {"finished": 2}
    child = next(s for s in answer["sessions"] if s["relation"] == "subagent")
    parent = next(s for s in answer["sessions"] if s["id"] == child["parent"])
    assert (parent["title"], child["title"], parent["project"]) == ("use a subagent", "Explore the repo", "webapp")


def test_forks_and_resumes_have_their_lineage(orc: Orc) -> None:
    recording(orc, "resume-chain")
    orc.run("ingest", "--all")
    lineage = {i.split(":")[1][:4]: (s["parent"] or "")[7:11] for i, s in orc.sessions().items()}
    assert lineage == {"6717": "", "c0c4": "6717", "1111": "6717"} or lineage["1111"] == "c0c4"


@pytest.mark.parametrize(
    ("name", "fits"),
    [
        ("claude:64886873-918e-4b3f-bb9e-76199d3d5dcd", True),
        ("64886873-918e-4b3f-bb9e-76199d3d5dcd", True),
        ("claude:6488", True),
        ("6488", True),
        ("use a SUB", True),
        ("claude:", False),
        ("nothing", False),
        ("", False),
    ],
)
def test_how_a_session_is_named(orc: Orc, name: str, fits: bool) -> None:
    recording(orc, "subagent")
    orc.run("ingest", "--all")
    done = orc.run("show", name, "--json", check=False)
    if fits:
        assert json.loads(done.stdout)["session"]["id"].startswith("claude:64886873")
    else:
        assert done.returncode in (1, 2)
        assert done.stdout == ""
        assert len(done.stderr.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("args", "status", "words"),
    [
        (["sessions"], 1, "nothing stored yet"),
        (["sessions", "--at", "yesterday"], 1, "nothing stored yet"),
        (["nonsense"], 2, "there is no verb 'nonsense'"),
        (["sessions", "--nonsense"], 2, "unrecognized arguments"),
        (["ingest", "--root", "claude"], 2, "write CLIENT=DIR"),
        (["ingest", "--root", "vim=/tmp"], 2, "CLIENT one of claude"),
        (["ingest", "--root", "log=/nowhere/at/all"], 2, "no such directory"),
        (["audit", "/nowhere"], 1, "nothing stored yet"),
        (["show", "x"], 1, "nothing stored yet"),
        (["host", "status"], 1, ""),
    ],
)
def test_what_is_wrong_is_one_line_and_an_exit_status(orc: Orc, args: list[str], status: int, words: str) -> None:
    done = orc.run(*args, check=False)
    assert done.returncode == status
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_bad_time_is_a_usage_error(orc: Orc) -> None:
    orc.run("ingest")
    done = orc.run("sessions", "--at", "yesterday", check=False)
    assert (done.returncode, done.stderr) == (
        2,
        "orc sessions: not a time: 'yesterday'; write 2026-11-20T14:02:00Z, or a duration back from now such as 15m\n",
    )


def test_bad_config_names_file_and_key(orc: Orc) -> None:
    orc.paths.make()
    orc.paths.config.write_text("[store]\nmax_bytes = 'big'\n")
    done = orc.run("sessions", check=False)
    assert done.returncode == 1
    assert str(orc.paths.config) in done.stderr
    assert "max_bytes" in done.stderr


def test_config_path_and_show(orc: Orc) -> None:
    assert orc.run("config", "path").stdout.strip() == str(orc.state / "config.toml")
    assert 'text = "heads"' in orc.run("config", "show").stdout


def test_events_come_as_one_object_and_as_lines(orc: Orc) -> None:
    write(orc.home, "s", 2, time.time() - 3600)
    orc.run("ingest")
    answer = orc.json("events")
    assert answer["schema"] == "orc.events/1"
    assert {e["type"] for e in answer["events"]} >= {
        "session.updated",
        "user.message",
        "usage",
        "tool.call",
        "tool.result",
    }
    # Its lines are an hour old; that it was given a seat is of now.
    assert [e["type"] for e in orc.json("events", "claude:s", "--since", "10m")["events"]] == ["seat.taken"]
    assert orc.json("events", "claude:s", "--since", "2h")["events"] == answer["events"]
    follower = subprocess.Popen(
        [sys.executable, "-m", "orchestrator_tui", "events", "--follow", "--json"],
        env=orc.env,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert follower.stdout is not None
    first = [json.loads(follower.stdout.readline()) for _ in answer["events"]]
    assert [e["seq"] for e in first] == [e["seq"] for e in answer["events"]]
    write(orc.home, "t", 1, time.time() - 3600)
    orc.run("ingest")
    assert json.loads(follower.stdout.readline())["session"] == "claude:t"
    follower.kill()
    follower.wait()
    follower.stdout.close()


def test_a_closed_pipe_is_no_error(orc: Orc) -> None:
    write(orc.home, "s", 300, time.time() - 3600)
    orc.run("ingest")
    done = subprocess.run(
        f"{sys.executable} -m orchestrator_tui events | head -1",
        env=orc.env,
        shell=True,
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1


@pytest.mark.parametrize("case", sorted(CASES.glob("*.jsonl")), ids=lambda path: path.stem)
def test_every_case_has_a_timeline_and_the_same_twice(case: Path) -> None:
    from orchestrator_tui.cli import verb_audit

    first, second = verb_audit.audit_file(case), verb_audit.audit_file(case)
    assert first.timeline == second.timeline
    assert first.timeline
    assert first.events == sum(bool(text.strip()) for text in case.read_text().split("\n")) - 1
    expected = json.loads(case.with_suffix("").with_suffix(".expect.json").read_text())
    if expected["label"] == "ok":
        allowed = expected.get("allowed_states", [])
        assert not [c for c in first.timeline if c.status.severity == "red" and c.status.status not in allowed]
    assert [change.event for change in first.timeline] == sorted(change.event for change in first.timeline)


def test_audit_json_of_a_file_needs_no_store(orc: Orc) -> None:
    answer = orc.json("audit", str(CASES / "D01_died_mid_tool.jsonl"))
    assert answer["schema"] == "orc.audit/1"
    assert answer["session"] == "log:D01_died_mid_tool"
    assert answer["events"] == 4
    last = answer["timeline"][-1]
    assert (last["event"], last["status"], last["severity"], last["at_s"]) == (3, "dead", "red", 52.0)
    assert last["t"] == "1970-01-01T00:00:52.000Z"
    assert not orc.state.exists()


def test_audit_of_a_stored_session(orc: Orc) -> None:
    write(orc.home, "s", 2, time.time() - 3600)
    orc.run("ingest")
    answer = orc.json("audit", "claude:s")
    assert answer["tokens"]["output"] == 28
    assert answer["timeline"][-1]["status"] == "finished"


def test_open_log_in_the_inbox_is_watched(host: Orc) -> None:
    from tests.conftest import wait_for

    shutil.copy(CASES / "D01_died_mid_tool.jsonl", host.paths.inbox / "mine.jsonl")
    wait_for(lambda: host.sessions().get("log:D01_died_mid_tool", {}).get("status") == "dead")


def test_hostile_text_reaches_no_terminal(orc: Orc) -> None:
    log = orc.home / "logs"
    log.mkdir()
    lines = [
        {
            "kind": "session",
            "schema": "orc.log/1",
            "session": "x",
            "t": 0,
            "title": HOSTILE,
            "project": HOSTILE,
            "model": HOSTILE,
        },
        {"kind": "user", "t": 1, "text": HOSTILE},
        {"kind": "tool_call", "t": 2, "id": HOSTILE, "tool": HOSTILE, "args": {"command": HOSTILE}},
        {"kind": "api_error", "t": 3, "status": 401, "text": HOSTILE, "final": True},
        {"kind": HOSTILE, "t": 4},
    ]
    (log / "x.jsonl").write_text("".join(json.dumps(value) + "\n" for value in lines) + HOSTILE + "\n")
    orc.run("ingest", "--root", f"log={log}")
    commands = [["sessions"], ["show", "log:x"], ["events"], ["audit", str(log / "x.jsonl")], ["doctor"]]
    for args in [*commands, *([*args, "--json"] for args in commands)]:
        master, slave = pty.openpty()
        env = {**orc.env, "TERM": "xterm-256color", "COLUMNS": "200"}
        del env["NO_COLOR"]
        process = subprocess.Popen(
            [sys.executable, "-m", "orchestrator_tui", *args], env=env, stdout=slave, stderr=slave
        )
        os.close(slave)
        out = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            out += part
        os.close(master)
        assert process.wait() == 0, (args, out)
        text = out.decode()
        assert "\x1b]" not in text
        assert "\x1b[2J" not in text
        assert not re.search("[\x80-\x9f\u202a-\u202e]", text)
        assert "Traceback" not in text


def test_doctor_finds_what_is_off(orc: Orc) -> None:
    found = orc.json("doctor")
    assert found["schema"] == "orc.doctor/1"
    assert {f["about"] for f in found["findings"]} >= {
        "orc",
        "settings",
        "state",
        "store",
        "host",
        "claude",
        "log",
        "terminal",
    }
    write(orc.home, "s", 1, time.time() - 3600)
    orc.run("ingest")
    (orc.state / "events.db").chmod(0o644)
    (orc.state).chmod(0o755)
    done = orc.run("doctor", check=False)
    assert done.returncode == 1
    assert "others may read it" in done.stdout
    assert "chmod 700" in done.stdout
    orc.run("ingest")
    assert orc.run("doctor").returncode == 0
    (orc.state / "events.db").write_bytes(b"rubbish" * 2000)
    done = orc.run("doctor", check=False)
    assert done.returncode == 1
    assert "is damaged" in done.stdout


def test_version_is_the_packages(orc: Orc) -> None:
    from orchestrator_tui import __version__

    assert orc.run("--version").stdout == f"orc {__version__}\n"
