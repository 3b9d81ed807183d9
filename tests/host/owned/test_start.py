"""Starting a session: what it runs in, what is told of it, and what is left when it fails."""

from __future__ import annotations

import json
import os
import stat
import sys
from pathlib import Path

import pytest
from msgspec.structs import replace

from orchestrator_tui.clients.driving import Task, Unsupported
from orchestrator_tui.config import Clients
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned.launch import find_program
from orchestrator_tui.host.procfs import table
from tests.conftest import wait_for
from tests.host.owned.conftest import OFF, Place, environ_of
from tests.host.owned.stand_in import StandIn
from tests.host.owned.test_channel import until

HOSTILE = "--dangerously-skip-permissions; touch pwned $(touch pwned) `touch pwned`\n&& touch pwned \x1b]52;c;QQ==\x07 \udcff 'é\""


async def test_a_started_session_is_told_of_and_can_be_spoken_to(place: Place) -> None:
    host = await place.host()
    task = Task("do it", str(place.work), model="plain")
    session = await host.owned.start("stand", task, title="A \x1b[1mtitle", parent="stand:p", relation="fork")
    begun = place.said()[0]
    assert session == f"stand:s{begun['pid']}"
    assert begun["cwd"] == str(place.work) and begun["text"] == "do it"
    known = host.fleet.sessions[session]
    assert (known.owned, known.interactive, known.client, known.project) == (True, False, "stand", "work dir")
    assert (known.title, known.title_rank, known.parent, known.relation) == ("A title", 4, "stand:p", "fork")
    run = known.steering.run
    assert run is not None and run.run == place.run().name and run.channel == "stand-in"
    shim = table().stat(run.shim.pid)
    assert shim is not None and shim.started == run.shim.started
    (claim,) = host.owned.claims()
    found = table().stat(begun["pid"])
    assert found is not None
    assert (claim.session, claim.pid, claim.started) == (session, begun["pid"], found.started)
    assert found.ppid == run.shim.pid and found.tty == 0
    seen = host.processes.claims(host.owned.claims(), host.fleet.sessions, host.clock.now())
    assert any(name == session and getattr(body, "pid", 0) == begun["pid"] for name, body in seen)
    channel = host.owned.channel(session)
    assert channel is not None and channel.name == "stand-in"
    await channel.say("hello")
    wait_for(lambda: any(said.get("did") == "say" and said["text"] == "hello" for said in place.said()))


async def test_the_environment_is_the_hosts_without_what_it_must_not_inherit(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CLAUDECODE", "TMUX_PANE", "SECRET_OF_HOST", "GEMINI_CLI"):
        monkeypatch.setenv(name, "1")
    monkeypatch.setenv("ORC_SESSION", "another")
    monkeypatch.setenv("KEPT", "käse \udcff")
    host = await place.host()
    await host.owned.start("stand", Task("x", str(place.work)))
    environ = place.said()[0]["environ"]
    run = place.run()
    assert environ["ORC_SESSION"] == run.name and environ["PWD"] == str(place.work) and environ["STAND_IN"] == "1"
    assert not {"CLAUDECODE", "TMUX_PANE", "SECRET_OF_HOST", "GEMINI_CLI"} & environ.keys()
    assert os.fsencode(environ["KEPT"]) == os.fsencode("käse \udcff")
    shim = run.shim()
    assert shim is not None and b"ORC_SESSION" not in environ_of(shim.pid)
    assert not (run.path / "spec.json").exists()
    ignored = next(text for text in Path(f"/proc/{shim.child}/status").read_text().splitlines() if "SigIgn" in text)
    # Python itself ignores SIGPIPE and SIGXFSZ; above 31 are the C library's own.
    assert int(ignored.split()[1], 16) & 0x7FFFFFFF & ~(1 << 12 | 1 << 24) == 0


async def test_everything_is_private_whatever_the_umask_and_the_clients_own_is_left(
    place: Place, open_umask: None
) -> None:
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work)))
    channel = host.owned.channel(session)
    assert channel is not None
    await channel.say("hello")
    run = place.run()
    for path in (run.path, *run.path.rglob("*")):
        mode = stat.S_IMODE(path.lstat().st_mode)
        assert mode == (0o700 if path.is_dir() else 0o600), f"{path} {mode:o}"
    assert stat.S_IMODE(run.path.parent.stat().st_mode) == 0o700
    shim = run.shim()
    assert shim is not None
    masks = [Path(f"/proc/{pid}/status").read_text().split("Umask:")[1].split()[0] for pid in (shim.child, shim.pid)]
    assert masks == ["0000", "0077"]


async def test_hostile_text_is_one_argument_and_one_line(place: Place) -> None:
    host = await place.host()
    session = await host.owned.start("stand", Task(HOSTILE, str(place.work)), title=HOSTILE)
    channel = host.owned.channel(session)
    assert channel is not None
    await channel.say(HOSTILE)
    said = wait_for(lambda: [said for said in place.said() if said.get("did") == "say"])
    plain = HOSTILE.replace("\udcff", "?")
    assert place.said()[0]["text"] == plain and said[0]["text"] == plain
    assert list(place.work.iterdir()) == []
    shim = place.run().shim()
    assert shim is not None and table().argv(shim.child)[3] == plain
    assert "\x1b" not in (host.fleet.sessions[session].title or "")


@pytest.mark.parametrize(
    ("client", "cwd", "prompt", "words"),
    [
        ("nobody", ".", "x", "cannot start nobody; it can start stand"),
        ("stand", "/nowhere/at all", "x", "no directory /nowhere/at all"),
        ("stand", "relative", "x", "no directory relative"),
        ("stand", "nul\0", "x", "NUL|no directory"),
    ],
)
async def test_what_cannot_be_started_says_why(place: Place, client: str, cwd: str, prompt: str, words: str) -> None:
    host = await place.host()
    with pytest.raises(Failed, match=words):
        await host.owned.start(client, Task(prompt, str(place.work) if cwd == "." else cwd))
    assert place.runs() == []


def test_a_missing_program_says_what_to_do() -> None:
    with pytest.raises(Failed, match=r"no program no-such-client on PATH; install it, or name it in \[clients\]"):
        find_program("no-such-client", {})
    with pytest.raises(Failed, match=r"/no/such \(clients.programs.x\)"):
        find_program("x", {"x": "/no/such"})


async def test_a_program_that_cannot_be_run_says_why(place: Place) -> None:
    bad = place.work / "bad"
    bad.write_text("#!/no/such/interpreter\n")
    bad.chmod(0o755)
    place.config = replace(place.config, clients=Clients(off=OFF, programs={"stand": str(bad)}))
    host = await place.host()
    with pytest.raises(Failed, match=r"cannot start .*bad: No such file"):
        await host.owned.start("stand", Task("x", str(place.work)))
    ended = place.run().exit()
    assert ended is not None and ended.status == 127
    assert host.owned.live == {}
    wait_for(lambda: not place.run().has_shim())


async def test_an_argument_that_is_too_long_says_why(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    host = await place.host()
    with pytest.raises(Failed, match="Argument list too long"):
        await host.owned.start("stand", Task("x", str(place.work), model="y" * 200_000))


async def test_a_client_that_ends_at_once_says_its_last_words(place: Place) -> None:
    host = await place.host()
    with pytest.raises(Failed, match="ended before its session began: Error: you are not logged in"):
        await host.owned.start("stand", Task("x", str(place.work), model="ends"))
    ended = place.run().exit()
    assert ended is not None and (ended.status, ended.signal) == (3, None) and ended.rusage["max_rss"] > 0
    assert host.owned.live == {} and host.fleet.sessions == {}


async def test_a_client_that_says_nothing_is_ended(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator_tui.host.owned.owned.NAMED", 0.5)
    host = await place.host()
    with pytest.raises(Failed, match="began no session within"):
        await host.owned.start("stand", Task("x", str(place.work), model="silent"))
    run = place.run()
    assert not run.has_client(table()) and run.exit() is not None
    wait_for(lambda: not run.has_shim())


async def test_a_wrapper_is_not_taken_for_the_client(place: Place) -> None:
    wrapper = place.work / "wrapper.py"
    wrapper.write_text(
        f"import subprocess, sys\nsys.exit(subprocess.run([{sys.executable!r}, *sys.argv[1:]]).returncode)\n"
    )
    script = place.work / "client"
    script.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{wrapper}" "$@"\n')
    script.chmod(0o755)
    place.config = replace(place.config, clients=Clients(off=OFF, programs={"stand": str(script)}))
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work)))
    (claim,) = host.owned.claims()
    shim = place.run().shim()
    assert shim is not None and claim.pid == place.said()[0]["pid"] != shim.child
    assert claim.session == session


async def test_a_client_without_a_channel_runs_and_says_so(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: object, task: Task) -> None:
        raise Unsupported("it cannot be spoken to")

    monkeypatch.setattr(StandIn, "dialogue", refuse)
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work), model="talks", session="known"))
    assert session == "stand:known"
    adopted = host.fleet.sessions[session].steering.run
    assert adopted is not None and adopted.channel == ""
    channel = host.owned.channel(session)
    assert channel is not None
    with pytest.raises(Failed, match="it cannot be spoken to"):
        await channel.say("x")
    with pytest.raises(Failed, match="runs already"):
        await host.owned.start("stand", Task("x", str(place.work), session="known"))
    assert len(place.runs()) == 1


async def test_what_ends_well_at_once_has_been_a_session(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work), model="ends well", session="known"))
    assert session == "stand:known" and host.fleet.sessions[session].owned
    await until(lambda: host.owned.live == {})
    assert host.owned.channel(session) is None


async def test_the_record_holds_what_a_new_host_needs(place: Place) -> None:
    host = await place.host()
    session = await host.owned.start("stand", Task("x", str(place.work)))
    record = json.loads((place.run().path / "run.json").read_bytes())
    assert f"stand:{record['session']}" == session
    assert record["host_id"] == await host.store.host_id() and record["task"]["prompt"] == "x"
