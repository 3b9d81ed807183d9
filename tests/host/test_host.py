"""A running host from outside: its lock, its end, what it sees of files and processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.host.lock import holder_of, ring
from orchestrator_tui.store.reader import Reader
from tests.conftest import Orc, wait_for
from tests.host.transcripts import lines, register, write


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


def status(orc: Orc, session: str) -> str | None:
    return orc.sessions().get(session, {}).get("status")


def test_one_host_per_state_directory(host: Orc) -> None:
    second = host.run("host", "--foreground", check=False)
    assert second.returncode == 1
    assert second.stderr.startswith("orc host: a host is already running (pid ")
    assert host.run("host", check=False).returncode == 1


def test_background_start_status_and_clean_stop(orc: Orc) -> None:
    assert orc.run("host", "status", check=False).stdout == "not running\n"
    orc.run("host")
    answer = orc.json("host", "status")
    assert answer["running"]
    assert answer["pid"] == holder_of(orc.paths.host_lock).pid  # type: ignore[union-attr]
    assert os.getsid(answer["pid"]) == answer["pid"]
    orc.run("host", "stop")
    assert orc.run("host", "status", check=False).returncode == 1
    with Reader(orc.paths.database) as reader:
        last = list(reader.tail(0))[-1].body
    assert (type(last).__name__, getattr(last, "reason", "")) == ("HostStopped", "SIGTERM")


def test_stop_signals_nobody_but_the_holder(orc: Orc, sleeper: subprocess.Popen[bytes]) -> None:
    """A lock file that names a stranger: the lock itself is held by somebody else."""
    import fcntl

    orc.paths.make()
    with orc.paths.host_lock.open("w") as file:
        file.write(f'{{"pid":{sleeper.pid},"started":1,"boot_id":"other","version":"0","since":0}}')
        file.flush()
        fcntl.flock(file, fcntl.LOCK_EX)
        done = orc.run("host", "stop", check=False)
    assert done.returncode == 1
    assert "nothing was signalled" in done.stderr
    assert sleeper.poll() is None


def test_ends_by_itself_when_nobody_looks(orc: Orc) -> None:
    orc.paths.make()
    orc.paths.config.write_text("[host]\nidle_minutes = 0.01\n")
    host = orc.start_host()
    assert host.wait(20) == 0


def test_a_new_session_and_a_new_line_are_seen(host: Orc) -> None:
    raw = list(lines("fresh", 2, time.time() - 12))
    path = host.home / ".claude" / "projects" / "-tmp-demo-web" / "fresh.jsonl"
    path.parent.mkdir(parents=True)
    path.write_bytes(raw[0])
    wait_for(lambda: status(host, "claude:fresh") == "thinking")
    with path.open("ab") as file:
        file.write(b"".join(raw[1:3]))
    wait_for(lambda: status(host, "claude:fresh") == "tool_running")
    with path.open("ab") as file:
        file.write(b"".join(raw[3:5]) + raw[5][:20])
    wait_for(lambda: status(host, "claude:fresh") == "finished")
    assert host.sessions()["claude:fresh"]["unparsed_lines"] == 0


def test_a_registered_process_lives_stops_and_dies(host: Orc, sleeper: subprocess.Popen[bytes]) -> None:
    path = write(host.home, "live", 1, time.time() - 20)
    path.write_bytes(b"".join(list(lines("live", 1, time.time() - 20))[:3]))
    register(host.home, "live", sleeper.pid, status="busy")
    wait_for(lambda: host.sessions().get("claude:live", {}).get("pid") == sleeper.pid)
    assert status(host, "claude:live") == "tool_running"
    sleeper.send_signal(signal.SIGSTOP)
    wait_for(lambda: status(host, "claude:live") == "paused")
    sleeper.send_signal(signal.SIGCONT)
    wait_for(lambda: status(host, "claude:live") == "tool_running")
    register(host.home, "live", sleeper.pid, status="waiting", waitingFor="permission prompt")
    wait_for(lambda: status(host, "claude:live") == "waiting")
    assert "permission prompt" in host.sessions()["claude:live"]["evidence"]
    sleeper.kill()
    sleeper.wait()
    wait_for(lambda: status(host, "claude:live") == "dead")
    session = host.sessions()["claude:live"]
    assert session["severity"] == "red"
    assert f"process {sleeper.pid} gone" in session["evidence"]
    assert "Bash ls 0 open" in session["evidence"]


@pytest.mark.parametrize("wrong", ["start", "boot"])
def test_a_registry_entry_that_does_not_fit_its_process_is_left_behind(
    orc: Orc, sleeper: subprocess.Popen[bytes], wrong: str
) -> None:
    """Another process has the pid now, or the entry is older than this boot: the session's own process is gone."""
    path = write(orc.home, "old", 1, time.time() - 3600)
    path.write_bytes(b"".join(list(lines("old", 1, time.time() - 3600))[:3]))
    entry = register(orc.home, "old", sleeper.pid, 1 if wrong == "start" else None)
    if wrong == "boot":
        os.utime(entry, (1, 1))
    host = orc.start_host()
    wait_for(lambda: status(orc, "claude:old") == "dead")
    assert "left behind" in orc.sessions()["claude:old"]["evidence"]
    host.terminate()
    host.wait(20)
    again = orc.start_host()
    wait_for(lambda: status(orc, "claude:old") == "dead")
    again.terminate()
    again.wait(20)
    with Reader(orc.paths.database) as reader:
        assert [type(e.body).__name__ for e in reader.tail(0)].count("ProcessGone") == 1


def test_the_portable_process_table_does_the_same(orc: Orc, sleeper: subprocess.Popen[bytes]) -> None:
    path = write(orc.home, "live", 1, time.time() - 20)
    path.write_bytes(b"".join(list(lines("live", 1, time.time() - 20))[:3]))
    register(orc.home, "live", sleeper.pid)
    host = orc.start_host(ORC_PORTABLE="1")
    wait_for(lambda: orc.sessions().get("claude:live", {}).get("pid") == sleeper.pid)
    sleeper.kill()
    sleeper.wait()
    wait_for(lambda: status(orc, "claude:live") == "dead")
    host.terminate()
    host.wait(20)


def test_a_killed_host_leaves_unknown_not_green(orc: Orc, sleeper: subprocess.Popen[bytes]) -> None:
    path = write(orc.home, "live", 1, time.time() - 20)
    path.write_bytes(b"".join(list(lines("live", 1, time.time() - 20))[:3]))
    register(orc.home, "live", sleeper.pid)
    host = orc.start_host()
    wait_for(lambda: status(orc, "claude:live") == "tool_running")
    host.kill()
    host.wait()
    session = orc.sessions()["claude:live"]
    assert (session["status"], session["severity"]) == ("fog", "ok")
    assert "host not running" in session["evidence"]


def test_ingest_asks_the_running_host(host: Orc) -> None:
    write(host.home, "ancient", 3, time.time() - 90 * 86_400)
    ring(host.paths.doorbell)
    assert "claude:ancient" not in host.sessions()
    done = host.run("ingest", "--all")
    assert done.stdout.startswith("read 1 files, ")
    assert host.sessions()["claude:ancient"]["requests"] == 6


def test_an_open_session_is_read_however_old_its_transcript_is(orc: Orc, sleeper: subprocess.Popen[bytes]) -> None:
    write(orc.home, "idle", 1, time.time() - 90 * 86_400)
    write(orc.home, "over", 1, time.time() - 90 * 86_400)
    register(orc.home, "idle", sleeper.pid, status="idle")
    host = orc.start_host()
    wait_for(lambda: orc.sessions().get("claude:idle", {}).get("pid") == sleeper.pid)
    seen = orc.sessions()
    assert seen["claude:idle"]["requests"] == 2
    assert "claude:over" not in seen
    host.terminate()
    host.wait(20)


def test_history_keeps_its_own_times_and_replay_sees_it_there(orc: Orc) -> None:
    begin = time.time() - 5 * 3600
    write(orc.home, "past", 40, begin)
    orc.run("ingest", "--all")
    then = orc.sessions("--at", f"{int(time.time() - begin - 100)}s")["claude:past"]
    assert 0 < then["requests"] < 80
    assert orc.sessions()["claude:past"]["requests"] == 80
    assert orc.sessions("--at", "6h") == {}


def test_a_damaged_store_is_kept_and_a_fresh_one_begun(orc: Orc) -> None:
    write(orc.home, "s", 2, time.time() - 3600)
    orc.paths.make()
    orc.paths.database.write_bytes(b"garbage" * 1000)
    host = orc.start_host()
    wait_for(lambda: "claude:s" in orc.sessions())
    host.terminate()
    host.wait(20)
    (kept,) = orc.state.glob("events.db.damaged-*Z")
    assert kept.read_bytes() == b"garbage" * 1000
    assert "a damaged store was kept" in orc.run("doctor").stdout


def test_text_none_keeps_digests_and_lengths_only(orc: Orc) -> None:
    write(orc.home, "s", 1, time.time() - 3600)
    orc.paths.make()
    orc.paths.config.write_text('[store]\ntext = "none"\n')
    orc.run("ingest", "--all")
    for path in orc.state.glob("events.db*"):
        data = path.read_bytes()
        assert b"task 0 of" not in data
        assert b"file 0" not in data


def test_two_paths_to_one_directory_count_once(orc: Orc) -> None:
    write(orc.home, "s", 3, time.time() - 3600)
    (orc.home / "other").symlink_to(orc.home / ".claude")
    orc.paths.make()
    orc.paths.config.write_text(f'[clients.roots]\nclaude = ["{orc.home}/other", "{orc.home}/.claude/"]\n')
    assert orc.run("ingest", "--all").stdout.startswith("read 1 files")
    assert orc.sessions()["claude:s"]["requests"] == 6


def test_a_copied_tree_and_a_rewritten_file_count_once(orc: Orc, tmp_path: Path) -> None:
    import shutil

    path = write(orc.home, "s", 3, time.time() - 3600)
    orc.run("ingest", "--all")
    before = orc.sessions()["claude:s"]
    shutil.copytree(orc.home / ".claude", tmp_path / "copy")
    data = path.read_bytes()
    path.unlink()
    path.write_bytes(data)
    orc.paths.config.write_text(f'[clients.roots]\nclaude = ["{tmp_path}/copy"]\n')
    orc.run("ingest", "--all")
    after = orc.sessions()["claude:s"]
    assert {k: after[k] for k in ("tokens", "requests", "turns")} == {
        k: before[k] for k in ("tokens", "requests", "turns")
    }


def test_fifo_and_links_out_of_the_tree_are_left_alone(orc: Orc, tmp_path: Path) -> None:
    write(orc.home, "s", 1, time.time() - 3600)
    project = orc.home / ".claude" / "projects" / "-tmp-demo-web"
    os.mkfifo(project / "pipe.jsonl")
    (project / "zero.jsonl").symlink_to("/dev/zero")
    outside = write(tmp_path / "elsewhere", "x", 1, time.time() - 3600)
    (project / "x.jsonl").symlink_to(outside)
    (orc.home / ".claude" / "projects" / "etc").symlink_to(outside.parent)
    orc.run("ingest", "--all")
    assert set(orc.sessions()) == {"claude:s"}
