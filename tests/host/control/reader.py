"""A stand-in for a client: takes bracketed pastes, shows what it was given in a frame, writes each entered text down.

`reader.py FILE [quit-on-paste | plain | silent | inline | cat | dash]`; a text `quit` ends it, as does Ctrl-D.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import termios
import tty
from pathlib import Path


def main() -> None:
    """Read the terminal until the end."""
    file, mode = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    before = termios.tcgetattr(0)
    tty.setcbreak(0)
    attributes = termios.tcgetattr(0)
    attributes[0] &= ~termios.ICRNL
    # A shell gives the terminal back as it has it itself.
    signal.signal(signal.SIGCONT, lambda *_: termios.tcsetattr(0, termios.TCSANOW, attributes))
    termios.tcsetattr(0, termios.TCSANOW, attributes)
    os.write(1, b"\x1b[?2004h" if mode != "plain" else b"")
    os.write(1, b"ready\r\n> ")
    if mode in ("cat", "dash"):
        subprocess.run([mode, *(["-i"] if mode == "dash" else [])], env={**os.environ, "PS1": "sub$ "}, check=False)
    held, entered, inside = b"", "", False
    try:
        while True:
            held += os.read(0, 65536)
            while held:
                mark = b"\x1b[201~" if inside else b"\x1b[200~"
                if held.startswith(mark):
                    held, inside = held[len(mark) :], not inside
                    if not inside and mode == "quit-on-paste":
                        return
                    if not inside and mode != "silent":
                        os.write(1, entered.encode() if mode == "inline" else shown(entered))
                    continue
                if mark.startswith(held[: len(mark)]) and len(held) < len(mark):
                    break
                if not inside and held[:1] == b"\r":
                    held = held[1:]
                    with file.open("a", encoding="utf-8") as out:
                        out.write(json.dumps(entered) + "\n")
                    if entered == "quit":
                        return
                    entered = ""
                    os.write(1, b"\r\n> ")
                    continue
                if not inside and held[:1] == b"\x04":
                    return
                size = next((n for n in range(1, 5) if is_text(held[:n])), 0)
                if not size:
                    break
                letter, held = held[:size].decode(), held[size:]
                entered += letter
                if not inside:
                    os.write(1, letter.encode())
    finally:
        os.write(1, b"\x1b[?2004l\r\n")
        termios.tcsetattr(0, termios.TCSANOW, before)


def is_text(data: bytes) -> bool:
    """Whether these bytes are whole letters."""
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def shown(text: str) -> bytes:
    """What is shown of a pasted text: in a frame, or a few words in place of a long one."""
    lines = text.split("\n")
    if len(text) > 800:
        return f"[Pasted text #1 +{len(lines) - 1} lines]".encode()
    cut = [line[n : n + 30] for line in lines for n in range(0, max(1, len(line)), 30)]
    return "".join(f"\r\n│ {line:<30} │" for line in cut).encode()


if __name__ == "__main__":
    main()
