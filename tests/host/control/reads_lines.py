"""Says what it reads, line by line; with `raw` it takes its terminal's modes as full-screen programs do."""

import sys
import termios
import tty

if "raw" in sys.argv:
    before = termios.tcgetattr(0)
    tty.setraw(0)
    print("READY", end="\r\n", flush=True)
    text = ""
    while (key := sys.stdin.read(1)) != "\x04":
        if key == "\r":
            print(f"GOT<{text}>", end="\r\n", flush=True)
        text = "" if key == "\r" else text + key
    termios.tcsetattr(0, termios.TCSANOW, before)
else:
    print("READY", flush=True)
    for line in sys.stdin:
        print(f"GOT<{line.strip()}>", flush=True)
