"""The shim by itself: rotation, ends, orphans, signals, its own death."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator_tui.clients.driving import Launch
from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.host.owned import launch as launching
from orchestrator_tui.host.owned import runs, shim
from orchestrator_tui.host.owned.mail import Mail
from orchestrator_tui.host.owned.runs import Run
from orchestrator_tui.host.owned.tail import Tail
from orchestrator_tui.host.procfs import table
from tests.conftest import wait_for
from tests.host.owned.conftest import end_all

ECHO = "import sys\nfor line in sys.stdin:\n    print(line.strip()[::-1], flush=True)\nprint('EOF')"


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Run]:
    made = runs.make(tmp_path, "stand", 1_800_000_000 * 10**9)
    yield made
    end_all(tmp_path)


def start(run: Run, code: str, *words: str, segment: int | None = None) -> runs.Shim:
    argv = (sys.executable, "-c", code, *words)
    return asyncio.run(launching.start(run, Launch(argv, str(run.path)), (), segment))


def lines(tail: Tail) -> list[str]:
    found = []
    while (piece := tail.read()) is not None:
        found += [text.decode() for _, text in piece]
    return found


def test_no_host_is_no_end_of_input(run: Run) -> None:
    start(run, ECHO)
    tail, mail = Tail(run.path), Mail(run)
    # The FIFO has had a writer that went away, and a reader too.
    os.close(os.open(run.path / "in", os.O_WRONLY))
    mail.post([b"abc"], "a")
    wait_for(lambda: lines(tail) == ["cba"])
    Mail(run).post([b"xyz"], "b")
    wait_for(lambda: lines(tail) == ["zyx"])
    assert run.exit() is None
    assert Mail(run).keys() == {"a", "b"}


def test_output_is_followed_over_its_files_without_a_loss_or_a_repetition(run: Run) -> None:
    count = 40_000
    code = (
        f"import sys\nfor n in range({count}): print(f'{{n}} ' + 'x' * (n % 90))\nsys.stdout.flush()\nsys.stdin.read()"
    )
    start(run, code, segment=300_000)
    tail, seen, places = Tail(run.path), [], set()

    def more() -> bool:
        while (piece := tail.read()) is not None:
            for place, text in piece:
                seen.append(int(text.split()[0]))
                places.add(place)
        return len(seen) >= count

    wait_for(more, 60)
    assert seen == list(range(count)) and len(places) == count
    names = sorted(int(path.name[4:]) for path in run.path.glob("out.*"))
    # The first, and the latest.
    assert names[0] == 0 and 2 <= len(names) <= shim.KEPT
    assert all((run.path / f"out.{n}").stat().st_size <= 300_000 + shim.CHUNK for n in names)


def test_a_reader_that_comes_late_leaves_out_only_what_was_removed(run: Run) -> None:
    code = "import sys\nfor n in range(60000): print(n)\nsys.stdout.flush()\nsys.stdin.read()"
    start(run, code, segment=20_000)
    newest = lambda: (sorted(run.path.glob("out.*"), key=lambda path: int(path.name[4:]))[-1]).read_bytes()  # noqa: E731
    wait_for(lambda: newest().endswith(b"59999\n") or (newest() == b"" and run.words() == "59999"), 30)
    seen = [int(text) for text in lines(Tail(run.path))]
    assert seen[0] == 0 and seen[-1] == 59_999 and seen == sorted(set(seen)) and len(seen) < 60_000


def test_the_end_is_written_with_what_was_used(run: Run) -> None:
    start(run, "import sys, os; print('last'); os.kill(os.getpid(), 15)")
    ended = wait_for(run.exit)
    assert (ended.status, ended.signal) == (None, 15) and "signal 15" in ended.text
    assert lines(Tail(run.path)) == [] or run.words() == "last"
    wait_for(lambda: not run.has_shim())


def test_orphans_are_the_shims_until_the_last(run: Run) -> None:
    child = "import time; time.sleep(600)"
    code = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {child!r}], start_new_session=True).pid, flush=True)"
    told = start(run, code)
    ended = wait_for(run.exit)
    assert ended.status == 0
    tail = Tail(run.path)
    orphan = int(lines(tail)[0])
    stat = table().stat(orphan)
    assert stat is not None and stat.ppid == told.pid and run.has_shim() and not run.has_client(table())
    os.kill(orphan, signal.SIGKILL)
    wait_for(lambda: not run.has_shim())
    assert table().stat(orphan) is None


def test_signals(run: Run) -> None:
    told = start(
        run, "import signal, time\nsignal.signal(15, lambda *_: exit(7))\nprint('up', flush=True)\ntime.sleep(600)"
    )
    tail = Tail(run.path)
    wait_for(lambda: lines(tail) == ["up"])
    for number in (signal.SIGHUP, signal.SIGINT):
        os.kill(told.pid, number)
    Mail(run).post([b"still there"], "a")
    wait_for(lambda: Mail(run).keys() and (run.path / "sent").exists())
    assert run.has_shim() and run.exit() is None
    os.kill(told.pid, signal.SIGTERM)
    ended = wait_for(run.exit)
    assert ended.status == 7


def test_it_does_nothing_when_nothing_happens(run: Run) -> None:
    told = start(run, ECHO)
    before = table().stat(told.pid)
    assert before is not None
    wait_for(lambda: table().stat(told.pid), 1)
    switches = lambda: int(Path(f"/proc/{told.pid}/status").read_text().split("voluntary_ctxt_switches:")[1].split()[0])  # noqa: E731
    wait_for(lambda: before.state == "S" or table().stat(told.pid))
    first = switches()
    done = subprocess.run([sys.executable, "-c", "import time; time.sleep(1)"], check=True)
    assert done.returncode == 0 and switches() - first <= 2


def test_a_second_shim_does_not_take_a_run_that_has_one(run: Run) -> None:
    told = start(run, ECHO)
    with pytest.raises(Failed, match="ended at once with status 1"):
        asyncio.run(launching.attach(run))
    assert run.shim() == told


def test_killed_the_client_lives_on_and_gets_another(run: Run) -> None:
    told = start(run, ECHO)
    tail, mail = Tail(run.path), Mail(run)
    os.kill(told.pid, signal.SIGKILL)
    wait_for(lambda: not run.has_shim())
    assert run.has_client(table())
    # What is said meanwhile waits.
    mail.post([b"abc"], "a")
    fresh = asyncio.run(launching.attach(run))
    assert fresh.pid != told.pid and (fresh.child, fresh.child_started) == (told.child, told.child_started)
    wait_for(lambda: lines(tail) == ["cba"])
    os.kill(fresh.child, signal.SIGKILL)
    ended = wait_for(run.exit)
    assert (ended.status, ended.signal, ended.words) == (None, None, "its end was not seen")
    wait_for(lambda: not run.has_shim())


def test_half_a_message_in_the_pipe_is_not_taken_for_the_start_of_the_next(run: Run) -> None:
    told = start(run, ECHO)
    os.kill(told.child, signal.SIGSTOP)
    mail, tail = Mail(run), Tail(run.path)
    name = mail.post([b"x" * (3 << 20)], "a")
    wait_for(lambda: (run.mail / f"going.{name}").exists())
    os.kill(told.pid, signal.SIGKILL)
    wait_for(lambda: not run.has_shim())
    mail.post([b"abc"], "b")
    os.kill(told.child, signal.SIGCONT)
    asyncio.run(launching.attach(run))
    seen: list[str] = []
    wait_for(lambda: seen.extend(lines(tail)) or "cba" in seen)
    assert seen[-1] == "cba" and not list(run.mail.glob("going.*"))


def test_attached_to_a_client_that_has_ended_it_says_so(run: Run) -> None:
    told = start(run, ECHO)
    for pid in (told.pid, told.child):
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not run.has_client(table()) and not run.has_shim())
    with pytest.raises(Failed, match="its end was not seen"):
        asyncio.run(launching.attach(run))


def test_a_directory_that_went_away_is_in_the_exit(run: Run) -> None:
    run.write_spec([sys.executable], "/no/such/place", {})
    subprocess.run([sys.executable, "-I", "-S", "-X", "utf8", shim.__file__, str(run.path)], check=True, timeout=20)
    ended = run.exit()
    assert ended is not None and ended.text == "cannot start /no/such/place: No such file or directory"
    assert json.loads((run.path / "exit.json").read_text())["status"] == 127
