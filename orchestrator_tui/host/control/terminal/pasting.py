"""Pasting a text into a client in a tmux pane: never into a shell, and Enter only after the text is seen there."""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable

from orchestrator_tui.host.control.terminal.tmux import Pane, ask, if_unchanged, in_front, obstacle

PASTE_SECONDS = 3.0
"""That a pasted text may take until it is seen."""
SETTLE = 0.15
"""Seconds between the text being seen and Enter: some clients take an Enter that comes with a paste for a new line."""
STEP = 0.05
TAIL = 32
"""Characters of the text's end that must be seen."""
FRAMES = "│┃║|▌▏ ❯›>"
"""What clients draw before a line of their input."""
_PASTED = re.compile(r"\[Pasted [^\]\n]{1,60}\]?")
"""What clients show in the place of a long text."""


def cleaned(text: str) -> str:
    """What may be pasted: no control characters but line ends, tabs as spaces, nothing at the end."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\t", "    ").replace("\u2028", "\n")
    kept = (c for c in text if c == "\n" or not (c < " " or "\x7f" <= c <= "\x9f" or "\ud800" <= c <= "\udfff"))
    return "".join(kept).rstrip()


async def paste(
    pane: Pane, client_pid: int, text: str, before_enter: Callable[[], Awaitable[None]] | None = None
) -> str:
    """Paste a text into a client and press Enter once it is seen there; "" when done, else why not, in words.

    Nothing is ever typed while something other than the client has the terminal. `before_enter` is awaited just before
    Enter; what it raises is raised here, and the text then stands in the client's input, not sent.
    """
    text = cleaned(text)
    if not text.strip():
        return "nothing is left of the text without its control characters"
    if text.lstrip().startswith("!"):
        return "it begins with !, which has a client run it as a shell command: put a word before it"
    why = await obstacle(pane, client_pid)
    if why:
        return why
    before = await _screen(pane)
    name = await in_front(pane)
    buffer = f"orc-{secrets.token_hex(8)}"
    code, words = await ask(pane.socket, "load-buffer", "-b", buffer, "-", text=text.encode())
    if code:
        return f"tmux: {' '.join(words.split())[:200]}"
    try:
        why = await obstacle(pane, client_pid)
        if why:
            return why
        if not await if_unchanged(pane, name, f"paste-buffer -p -r -b {buffer} -t {pane.id}"):
            return "it has just left its terminal: nothing was pasted"
    finally:
        await ask(pane.socket, "delete-buffer", "-b", buffer)
    until = time.monotonic() + PASTE_SECONDS
    while not _seen(text, before, now := await _screen(pane)):
        if time.monotonic() > until:
            return "the text was pasted but is not seen in its input: Enter was not pressed"
        await asyncio.sleep(STEP)
    if _as_command(text, before, now):
        return "its input begins with !, so it would run the text as a shell command: Enter was not pressed"
    await asyncio.sleep(SETTLE)
    if before_enter is not None:
        await before_enter()
    why = await obstacle(pane, client_pid)
    if why:
        return f"{why}; the text was pasted, Enter was not pressed"
    if not await if_unchanged(pane, name, f"send-keys -t {pane.id} Enter"):
        return "it has just left its terminal; the text was pasted, Enter was not pressed"
    return ""


async def _screen(pane: Pane) -> str:
    """What is seen, and the last lines that scrolled away."""
    code, text = await ask(pane.socket, "capture-pane", "-p", "-J", "-S", "-300", "-t", pane.id)
    return text if code == 0 else ""


def _seen(text: str, before: str, now: str) -> bool:
    """Whether the end of the text, or what stands for a long one, is there once more than before.

    Frames, marks and line breaks of the client's own come between: only letters and digits are compared, where the
    text has enough of them.
    """
    if len(_PASTED.findall(now)) > len(_PASTED.findall(before)):
        return True
    shape = _letters if len(_letters(text)) >= 4 else _marks
    tail = shape(text)[-TAIL:]
    return shape(now).count(tail) > shape(before).count(tail)


def _as_command(text: str, before: str, now: str) -> bool:
    """Whether the text now stands in an input that somebody has begun with a !."""
    head = _marks(text.lstrip().split("\n")[0])[:12]

    def lines(screen: str) -> int:
        begun = (_marks(line).lstrip(FRAMES) for line in screen.splitlines())
        return sum(line.startswith("!") and (head in line or "[Pasted" in line) for line in begun)

    return lines(now) > lines(before)


def _letters(text: str) -> str:
    return "".join(c for c in text if c.isalnum())


def _marks(text: str) -> str:
    return "".join(text.split())
