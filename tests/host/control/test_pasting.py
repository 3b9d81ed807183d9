"""A text pasted into a client in tmux: it gets there whole, once, and never into anything else."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

import pytest

from orchestrator_tui.host.control.terminal import pasting
from orchestrator_tui.host.control.terminal.front import Seat, look
from orchestrator_tui.host.control.terminal.pasting import cleaned, paste
from orchestrator_tui.host.control.terminal.tmux import obstacle
from tests.conftest import wait_for
from tests.host.control.terminal import Make, Terminal


def state(pid: int) -> Seat | None:
    return asyncio.run(look(pid))


def say(terminal: Terminal, text: str) -> str:
    """Paste it; why it was not done."""
    return asyncio.run(paste(asyncio.run(terminal.pane()), terminal.pid, text))


@pytest.mark.parametrize("job", [True, False])
@pytest.mark.parametrize(
    "text",
    [
        "go on with the tests",
        "no",
        "?!",
        "first line\nsecond line\n\n    indented fourth",
        "“Grüße”, 漢字 and 🙂 to `rm -rf $HOME`; $(touch x) && touch y",
        "a word " * 100 + "\nand the end",
        "".join(f"line {n}: some words of a long text\n" for n in range(150)) + "end",
    ],
    ids=["short", "two letters", "marks", "lines", "signs", "wrapped", "5 KB"],
)
def test_a_text_is_entered_once_and_whole(make: Make, job: bool, text: str) -> None:
    terminal = make(job=job)
    assert say(terminal, text) == ""
    wait_for(terminal.entered)
    assert say(terminal, text) == ""
    wait_for(lambda: terminal.entered() == [text, text])
    assert terminal("list-buffers") == ""
    assert {path.name for path in terminal.place.iterdir()} <= {"s", "entered"}


def test_no_control_character_gets_through(make: Make) -> None:
    terminal = make()
    hostile = "one\x1b[201~\rtouch x\r\x9b201~two\x03\x04\x1a\x00\x7f\x85\ttab\r\nthree\ud800 \x1b]0;t\x07\n\n"
    wanted = "one[201~\ntouch x\n201~two    tab\nthree ]0;t"
    assert cleaned(hostile) == wanted
    assert say(terminal, hostile) == ""
    wait_for(lambda: terminal.entered() == [wanted])
    assert not (terminal.place / "x").exists()
    assert say(terminal, "\x1b\x03\r\n \t") != ""


def test_a_text_never_runs_in_a_shell(make: Make) -> None:
    terminal = make()
    pane = asyncio.run(terminal.pane())
    os.kill(terminal.pid, signal.SIGKILL)
    wait_for(lambda: state(terminal.pid) is None)
    assert asyncio.run(paste(pane, terminal.pid, "touch x\ntouch y")) == "its process has ended"
    # The shell itself is nobody to talk to either.
    assert "shell" in asyncio.run(paste(pane, terminal.first, "touch x"))
    assert "touch" not in terminal.screen()
    assert [path.name for path in terminal.place.iterdir()] == ["s"]


def test_a_text_never_goes_to_what_is_in_front_instead(make: Make) -> None:
    terminal = make()
    os.kill(terminal.pid, signal.SIGTSTP)
    wait_for(lambda: (seat := state(terminal.pid)) is not None and seat.stopped)
    assert say(terminal, "touch x").startswith("it is stopped")
    terminal("send-keys", "-t", "t", "bg", "Enter")
    terminal.type("cat > taken")
    wait_for(lambda: (terminal.place / "taken").exists())
    why = say(terminal, "touch x")
    assert why.startswith(("it is stopped", "it is not in front: cat has"))
    terminal("send-keys", "-t", "t", "C-d")
    wait_for(lambda: (seat := state(terminal.first)) is not None and seat.in_front)
    assert (terminal.place / "taken").read_text() == ""
    assert not (terminal.place / "x").exists()


@pytest.mark.parametrize(("program", "words"), [("cat", "it has put cat in front of itself"), ("dash", "dash has")])
def test_what_the_client_runs_in_its_terminal_gets_nothing(make: Make, program: str, words: str) -> None:
    terminal = make(mode=program, job=False)
    wait_for(lambda: asyncio.run(obstacle(asyncio.run(terminal.pane()), terminal.pid)))
    assert words in say(terminal, "touch x")
    assert "touch" not in terminal.screen()
    assert not (terminal.place / "x").exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("copy-mode", "-t", "t"), "copy mode"),
        (("select-pane", "-d", "-t", "t"), "takes no input"),
        (("set-option", "-w", "-t", "t", "synchronize-panes", "on"), "all its panes"),
    ],
)
def test_a_pane_that_would_lose_or_spread_it_is_left_alone(make: Make, command: tuple[str, ...], words: str) -> None:
    terminal = make()
    terminal(*command)
    assert words in say(terminal, "touch x")
    assert terminal.entered() == []


def during(monkeypatch: pytest.MonkeyPatch, name: str, act: Callable[[], None]) -> None:
    """Do something just before the server is asked to paste, or to press Enter."""
    done = pasting.if_unchanged

    async def racing(pane: object, front: str, command: str) -> bool:
        if command.startswith(name):
            await asyncio.to_thread(act)
        return await done(pane, front, command)  # type: ignore[arg-type]

    monkeypatch.setattr(pasting, "if_unchanged", racing)


def ended(terminal: Terminal) -> Callable[[], None]:
    """Ends the client, and waits until its shell has the terminal."""

    def act() -> None:
        os.kill(terminal.pid, signal.SIGKILL)
        wait_for(lambda: (seat := state(terminal.first)) is not None and seat.in_front)

    return act


@pytest.mark.parametrize("step", ["paste-buffer", "send-keys"])
def test_a_client_that_ends_at_the_last_moment(make: Make, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    terminal = make()
    during(monkeypatch, step, ended(terminal))
    why = say(terminal, "touch x")
    assert why.startswith("it has just left its terminal")
    assert ("Enter was not pressed" in why) == (step == "send-keys")
    terminal("send-keys", "-t", "t", "C-c")
    terminal.type("touch last")
    wait_for(lambda: (terminal.place / "last").exists())
    assert not (terminal.place / "x").exists()


def test_a_client_that_ends_on_the_paste(make: Make) -> None:
    terminal = make(mode="quit-on-paste")
    assert say(terminal, "touch x\ntouch y\n") != ""
    terminal("send-keys", "-t", "t", "C-c")
    terminal.type("touch last")
    wait_for(lambda: (terminal.place / "last").exists())
    assert not {"x", "y"} & {path.name for path in terminal.place.iterdir()}


def test_a_pane_that_is_closed_in_between(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = make()
    terminal("split-window", "-t", "t")
    during(monkeypatch, "send-keys", lambda: terminal("kill-pane", "-t", "%0") and None)
    why = say(terminal, "touch x")
    assert why.endswith("Enter was not pressed")
    assert not (terminal.place / "x").exists()


def test_a_text_that_is_not_shown_is_not_entered(make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pasting, "PASTE_SECONDS", 0.4)
    terminal = make(mode="silent")
    assert "not seen" in say(terminal, "yes, do it")
    assert terminal.entered() == []


def test_what_is_raised_before_enter_stops_it(make: Make) -> None:
    terminal = make()

    async def no() -> None:
        raise KeyError("taken back")

    async def run() -> None:
        await paste(await terminal.pane(), terminal.pid, "do it", no)

    with pytest.raises(KeyError):
        asyncio.run(run())
    assert terminal.entered() == []
    assert "do it" in terminal.screen()


@pytest.mark.parametrize("draft", ["!", "! ls; "])
def test_an_input_that_is_a_shell_is_not_entered(make: Make, draft: str) -> None:
    terminal = make(mode="inline")
    terminal("send-keys", "-t", "t", "-l", draft)
    terminal.wait_for_text(draft)
    assert "shell command: Enter was not pressed" in say(terminal, "touch x")
    assert "shell command: put a word" in say(terminal, "\n !touch x")
    assert terminal.entered() == []
