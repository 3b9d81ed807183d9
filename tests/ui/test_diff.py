"""The diff of a session on the screen: real repositories, keys, hostile text, git that is slow or not there."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import pytest
from rich.cells import cell_len

from orchestrator_tui import events as ev
from orchestrator_tui.host.diffs import Diff, Part
from orchestrator_tui.paths import Paths
from orchestrator_tui.ui.app import OrcApp
from orchestrator_tui.ui.draw.diff import draw_diff
from orchestrator_tui.ui.screens.diff import DiffScreen
from orchestrator_tui.ui.screens.fleet import FleetScreen
from orchestrator_tui.ui.screens.session import SessionScreen
from tests.host.repos import BEGAN, Repo
from tests.ui import fleets
from tests.ui.fleets import dashboard, fleet_screen, text, until
from tests.ui.pictures import compare
from tests.ui.test_snapshots import sound

NAME = fleets.name_of(0)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    repo = Repo(tmp_path / "repo")
    repo.commit(a_txt="".join(f"line {n}\n" for n in range(40)), b_txt="two\n")
    repo.write("a.txt", "".join(f"line {n}{' changed' * (n % 9 == 4)}\n" for n in range(40)))
    repo.write("b.txt", "two\nthree [bold]x[/] \x1b[31mred\x1b[0m \u202egnp\n")
    repo.write("src/new.py", "def one() -> int:\n\treturn 1\n")
    return repo


async def opened(app: OrcApp, repo: Path | None, began: int = BEGAN + 90) -> None:
    """The session of the diff works in that directory."""
    session = app.live.fleet.sessions[NAME]
    session.started_at, session.cwd = began * 10**9, None if repo is None else str(repo)
    app.select(NAME)


def screen(app: OrcApp) -> DiffScreen:
    assert isinstance(app.screen, DiffScreen)
    return app.screen


def words(app: OrcApp) -> str:
    return "\n".join(text(app))


async def test_d_opens_the_diff_and_escape_closes_it(paths: Paths, repo: Repo) -> None:
    async with dashboard(paths) as (app, pilot):
        await opened(app, repo.root)
        await pilot.press("D")
        await until(lambda: screen(app).diff is not None)
        await pilot.pause()
        sound(app)
        shown = words(app)
        assert "file 1 of 3" in shown
        assert "a.txt  4 added, 4 removed" in shown
        assert "-line 4 " in shown
        assert "+line 4 changed" in shown
        compare(app, "diff")
        await pilot.press("escape")
        assert isinstance(app.screen, FleetScreen)
        sound(app)
        await pilot.press("enter", "D")
        await until(lambda: isinstance(app.screen, DiffScreen) and screen(app).diff is not None)
        await pilot.press("escape")
        assert isinstance(app.screen, SessionScreen)


async def test_keys_move_through_lines_pages_and_files(paths: Paths, repo: Repo) -> None:
    async with dashboard(paths, (100, 20)) as (app, pilot):
        await opened(app, repo.root)
        await pilot.press("D")
        await until(lambda: screen(app).diff is not None)
        diff = screen(app).diff
        assert diff is not None
        starts = [part.at for part in diff.files]
        seen = []
        for key in ("down", "j", "up", "k", "k", "n", "n", "n", "p", "down", "p", "p", "pagedown", "pageup", "pageup"):
            await pilot.press(key)
            seen.append(screen(app).top)
        page = 20 - 1 - 4
        assert seen == [1, 2, 1, 0, 0, *starts[1:], starts[2], starts[1], starts[1] + 1, starts[1], 0, page, 0, 0]
        for _ in range(20):
            await pilot.press("pagedown")
        assert screen(app).top == len(diff.lines) - 1
        await pilot.press("right")
        assert screen(app).left == 16
        await pilot.press("left", "left")
        assert screen(app).left == 0
        sound(app)


async def test_hostile_text_is_only_text(paths: Paths, repo: Repo) -> None:
    name = "\x1b]52;c;QQ==\x07[link=x]\u202e.txt"
    repo.write(name, "[@click=app.quit]x[/]\x1b[2J\x9b5n\r\n\0")
    repo.write("c.txt", "\x1b]0;title\x07\rover\n\u202ertl\n")
    async with dashboard(paths) as (app, pilot):
        await opened(app, repo.root)
        await pilot.press("D", "n", "n")
        await until(lambda: screen(app).diff is not None)
        for _ in range(6):
            await pilot.press("n")
            sound(app)
            assert not any(code in words(app) for code in "\x1b\x9b\x07\r\u202e\x00")


async def test_d_again_asks_anew(paths: Paths, repo: Repo) -> None:
    async with dashboard(paths) as (app, pilot):
        await opened(app, repo.root)
        await pilot.press("D")
        await until(lambda: screen(app).diff is not None)
        repo.write("z.txt", "later\n")
        await pilot.press("D")
        await until(lambda: len((screen(app).diff or Diff("", None)).files) == 4)
        assert len(app.screen_stack) == 3


@pytest.mark.parametrize("case", ["no directory", "no checkout", "no git", "nothing"])
async def test_where_there_is_nothing_it_says_why(
    paths: Paths, repo: Repo, case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = {
        "no directory": "does not say in which directory", "no checkout": "no git checkout of yours was found at",
        "no git": "git was not found", "nothing": "nothing differs from when the session began",
    }  # fmt: skip
    clean = Repo(tmp_path / "clean")
    clean.commit(a_txt="x\n")
    where = {"no directory": None, "no checkout": tmp_path / "none", "no git": repo.root, "nothing": clean.root}[case]
    async with dashboard(paths) as (app, pilot):
        await opened(app, where)
        if case == "no git":
            monkeypatch.setenv("PATH", str(tmp_path))
        await pilot.press("D")
        await until(lambda: told[case] in words(app))
        await pilot.press("n", "p", "down", "pagedown", "left")
        sound(app)


async def test_keys_go_on_while_git_is_slow_and_it_is_stopped(
    paths: Paths, repo: Repo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "git").write_text(f"#!/bin/sh\necho $$ >> {tmp_path}/pids\nexec sleep 300\n")
    (folder / "git").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    async with dashboard(paths) as (app, pilot):
        await opened(app, repo.root)
        began = time.monotonic()
        await pilot.press("D")
        await until(lambda: "git is asked" in words(app))
        assert time.monotonic() - began < 1.5
        await until((tmp_path / "pids").exists)
        await pilot.press("escape")
        assert isinstance(app.screen, FleetScreen)
        pid = int((tmp_path / "pids").read_text().split()[0])
        await until(lambda: not Path(f"/proc/{pid}").exists())
        await pilot.press("D")
        await until(lambda: "took longer than 2 s" in words(app))
        assert fleet_screen(app) is not None


def test_every_line_fits_at_every_size() -> None:
    diff = Diff("/r", None, cut="more than 20000 lines: the rest is not shown")
    diff.begin("账单/迁移 🚀.txt")
    for number in range(30):
        diff.put("added", "+" + "账" * number + "\t" * number + "\u202e")
        diff.put("removed", "-" + "x" * number * 20)
    diff.begin("new", new=True)
    diff.put("note", "is not text")
    for columns in range(1, 90, 4):
        for rows in (1, 2, 3, 10, 80):
            for top in (0, 5, len(diff.lines) - 1):
                for left in (0, 16):
                    lines = draw_diff(diff, "", "api/7", top, left, columns, rows)
                    assert len(lines) <= max(rows, 2)
                    if columns > 2:
                        assert {sum(cell_len(part) for part, _ in one) for one in lines[:rows]} == {columns}
    assert "rest is not shown" in "".join(part for one in draw_diff(diff, "", "x", 0, 0, 100, 20) for part, _ in one)


def test_colour_is_not_the_only_sign() -> None:
    diff = Diff("/r", None, [("file", "a"), ("added", "+1"), ("removed", "-2")], [Part("a", 0, 1, 1)])
    rows = ["".join(part for part, _ in one) for one in draw_diff(diff, "", "x", 0, 0, 80, 8)]
    assert "+1 -1" in rows[0]
    assert "1 added, 1 removed" in rows[1]
    assert rows[2].startswith("│+1")
    assert rows[3].startswith("│-2")


async def test_the_inspector_tells_changes_and_proof(paths: Paths) -> None:
    seen = ev.WorktreeSeen(root="/w", changed=14, added=212, removed=40, dirty=True, untracked=3)
    async with dashboard(paths, (200, 55)) as (app, pilot):
        app.select(NAME)
        assert "proof" not in words(app)
        await fleets.append(
            app.paths, (NAME, seen), (NAME, fleets.TEST_RUN),
            (NAME, ev.ToolResult(call_id="c", ok=True, output=fleets.excerpt("3 passed"))),
            (NAME, ev.FileChanged(path="/w/a.py", hash="1")), at=fleets.NOW,
        )  # fmt: skip
        fleets.clock_of(app).ns += 180 * fleets.SECOND
        app.tick()
        await pilot.pause()
        assert "changes  14 files +212 -40, 3 new, not committed" in words(app)
        assert "proof    pytest tests/billing passed 3m ago" in words(app)
        await asyncio.sleep(0)
