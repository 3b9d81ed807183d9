"""Run directories: which there are, and which go."""

from __future__ import annotations

import os
from pathlib import Path

from orchestrator_tui.clock import DAY
from orchestrator_tui.host.owned import runs
from orchestrator_tui.host.owned.mail import Mail
from orchestrator_tui.host.owned.tail import MAX_LINE, Tail
from orchestrator_tui.host.procfs import table

NOW = 1_800_000_000 * 10**9


def test_names_are_the_hosts_own(tmp_path: Path) -> None:
    made = [runs.make(tmp_path, client, NOW) for client in ("claude", "../../etc/x\n", "", "9")]
    assert [run.name[:16] for run in made] == ["20270115-080000-"] * 4
    assert all(run.path.parent == tmp_path / "owned" for run in made)
    assert sorted(run.name for run in made) == [run.name for run in runs.listed(tmp_path)]


def test_what_is_no_run_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "owned").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "owned" / "notes").mkdir()
    (tmp_path / "owned" / "20200101-000000-x-abcdef").symlink_to(tmp_path / "elsewhere")
    assert runs.listed(tmp_path) == []
    assert runs.tidy(tmp_path, table(), NOW) == []
    assert (tmp_path / "elsewhere").exists()


def test_ended_runs_go_after_fourteen_days(tmp_path: Path) -> None:
    old, new, torn = (runs.make(tmp_path, "x", NOW) for _ in range(3))
    for run, at in ((old, NOW - 15 * DAY), (new, NOW - 13 * DAY)):
        run.write("exit.json", b'{"status":0,"signal":null,"words":"","at":%d}' % at)
    torn.write("exit.json", b'{"status"')
    os.utime(torn.path, ns=(NOW - 20 * DAY, NOW - 20 * DAY))
    assert set(runs.tidy(tmp_path, table(), NOW)) == {old.name, torn.name}
    assert [run.name for run in runs.listed(tmp_path)] == [new.name]


def test_a_run_that_lives_never_goes(tmp_path: Path) -> None:
    run = runs.make(tmp_path, "x", NOW)
    me = table().stat(os.getpid())
    assert me is not None
    told = '{"pid":1,"started":1,"boot":"%s","child":%d,"child_started":%d,"at":1}'
    run.write("shim.json", (told % (runs.boot_id(), me.pid, me.started)).encode())
    os.utime(run.path, ns=(1, 1))
    assert runs.tidy(tmp_path, table(), NOW) == []
    # Another process with its number is not it.
    run.write("shim.json", (told % (runs.boot_id(), me.pid, me.started - 1)).encode())
    os.utime(run.path, ns=(1, 1))
    assert runs.tidy(tmp_path, table(), NOW) == [run.name]


def test_hostile_files_say_nothing(tmp_path: Path) -> None:
    run = runs.make(tmp_path, "x", NOW)
    for name in ("shim.json", "exit.json", "run.json"):
        for data in (b"", b"[]", b"\xff", b'{"pid":"1"}', b"[" * 100_000):
            (run.path / name).write_bytes(data)
            assert run.shim() is None and run.exit() is None and run.record() is None
    (run.path / "err").write_bytes(b"\xff\x1b]52;c;QQ==\x07 last \xe2\x80\xae words\n\n")
    assert "\x1b" not in run.words() and "last" in run.words() and "\u202e" not in run.words()


def test_a_line_without_end_is_passed_over(tmp_path: Path) -> None:
    run = runs.make(tmp_path, "x", NOW)
    with (run.path / "out.0").open("wb") as file:
        file.write(b"first\n")
        for _ in range(MAX_LINE // (1 << 20) + 2):
            file.write(b"x" * (1 << 20))
        file.write(b"\nlast\nhalf")
    tail = Tail(run.path)
    seen = []
    while (piece := tail.read()) is not None:
        seen += [text for _, text in piece]
    assert seen == [b"first", b"last"]
    with (run.path / "out.0").open("ab") as file:
        file.write(b" and half\n")
    assert [text for _, text in tail.read() or ()] == [b"half and half"]


def test_mail_goes_on_counting_where_the_host_before_left_off(tmp_path: Path) -> None:
    run = runs.make(tmp_path, "x", NOW)
    first = Mail(run)
    names = [first.post([b"a"], "k1"), Mail(run).post([b"b\n", b"c"], "k2")]
    assert names == sorted(names)
    assert (run.mail / names[1]).read_bytes() == b"b\nc\n"
    assert first.keys() == {"k1", "k2"} and not first.is_taken(names[0])
    assert first.withdraw(names[0]) and not first.withdraw(names[0])
