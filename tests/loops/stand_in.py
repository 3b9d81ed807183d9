"""An agent for tests: notes that it runs, does a step of the work, and whatever else its arguments say.

`stand_in.py RUNS [wait S] [fail N] [stubborn] [noise N] [nothing] [background]`
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def note(words: str) -> None:
    """One line in the list of runs, whole."""
    fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.write(fd, f"{words} {os.environ.get('ORC_ITERATION')} {os.getpid()}\n".encode())
    os.close(fd)


def word(name: str, default: str = "") -> str:
    """What follows an argument."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else default


note("begun")
if "stubborn" in sys.argv:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
prompt = sys.stdin.read()
Path("prompt.log").write_text(prompt)
if "background" in sys.argv:
    subprocess.Popen(["sleep", "300"])
time.sleep(float(word("wait", "0")))
if "nothing" not in sys.argv:
    with open("work.txt", "a") as file:
        file.write("x\n")
sys.stdout.write("\x1b[31mnoise " * int(word("noise", "0")))
print("done")
note("ended")
sys.exit(int(word("fail", "0")))
