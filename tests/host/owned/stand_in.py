"""A small client on a line protocol of its own, and how it is driven: what the tests start in place of a real one.

As a program it reads JSON lines: what is to be done, and what it is told. It says what it did in JSON lines.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from orchestrator_tui.clients.driving import Dialogue, Heard, Launch, Sent, Task, Unsupported
from orchestrator_tui.events import PermissionAnswered, PermissionAsked
from orchestrator_tui.excerpt import excerpt


class StandInDialogue:
    """The other end of it."""

    def __init__(self, task: Task) -> None:
        self.task = task
        self.asks: set[str] = set()
        self.count = 0

    def _sent(self, **order: Any) -> Sent:
        self.count += 1
        name = f"{os.getpid()}-{self.count}"
        return Sent((json.dumps({**order, "id": name}).encode(),), awaits=name)

    def opening(self) -> Sequence[bytes]:
        return [json.dumps({"do": "begin", "text": self.task.prompt, "id": "opening"}).encode()]

    def heard(self, line: bytes) -> Heard:
        heard = Heard()
        try:
            said = json.loads(line)
        except ValueError:
            return heard
        heard.session = said.get("session")
        if "ack" in said:
            heard.answered[said["ack"]] = said.get("no", "")
        if "ask" in said:
            self.asks.add(said["ask"])
            heard.events.append(
                PermissionAsked(request_id=said["ask"], tool="Bash", what=excerpt(said["what"]), via="channel")
            )
        if "gone" in said:
            heard.events.append(PermissionAnswered(request_id=said["gone"], decision="gone"))
        if "ping" in said:
            heard.replies.append(json.dumps({"do": "pong", "text": said["ping"]}).encode())
        heard.idle = bool(said.get("idle"))
        return heard

    def say(self, text: str) -> Sent:
        return self._sent(do="say", text=text)

    def do(self, **order: Any) -> Sent:
        return self._sent(**order)

    def interrupt(self) -> Sent:
        return self._sent(do="interrupt")

    def answer(self, request: str, allow: bool, words: str) -> Sent:
        if request not in self.asks:
            raise Unsupported(f"{request} is not asked")
        return self._sent(do="answer", request=request, allow=allow, text=words)

    def use(self, model: str | None, effort: str | None) -> Sent:
        raise Unsupported("it has one model only")

    def end(self) -> Sent:
        return Sent((b'{"do": "end"}',))


class StandIn:
    """How it is started; `task.model` picks what it does first."""

    channel = "stand-in"

    def launch(self, binary: str, task: Task) -> Launch:
        argv = (binary, str(Path(__file__)), task.model or "plain", task.prompt[:1000].replace("\0", ""))
        return Launch(argv, task.cwd, {"STAND_IN": "1"}, ("SECRET_OF_HOST",), session=task.session)

    def dialogue(self, task: Task) -> Dialogue:
        return StandInDialogue(task)

    def resume_words(self, session: str, cwd: str) -> list[str]:
        return ["stand-in", session]


def tell(**said: Any) -> None:
    print(json.dumps(said), flush=True)


def main(mode: str) -> int:
    """Do what is asked until told to end."""
    if mode == "ends":
        print("Error: you are \x1b[31mnot\x1b[0m logged in", file=sys.stderr)
        return 3
    if mode == "ends well":
        return 0
    if mode == "talks":
        tell(hello=True)
    if mode == "silent":
        time.sleep(600)
    for line in sys.stdin:
        order = json.loads(line)
        do, text, name = order["do"], order.get("text", ""), order.get("id")
        if do == "begin":
            tell(session=f"s{os.getpid()}", pid=os.getpid(), cwd=os.getcwd(), environ=dict(os.environ), text=text)
            tell(idle=True)
        elif do == "say" and text.startswith("ask "):
            tell(ask=text[4:], what="rm -rf build")
            tell(ack=name)
        elif do == "say" and text.startswith("ping "):
            tell(ack=name)
            tell(ping=text[5:])
        elif do == "say" and text.startswith("flood "):
            size = int(text[6:])
            for number in range(size // 1000):
                tell(number=number, fill="x" * 960)
            tell(ack=name, flooded=size)
        elif do == "say" and text.startswith("deaf "):
            tell(ack=name)
            time.sleep(float(text[5:]))
        elif do == "say" and text == "orphan":
            command = [sys.executable, "-c", "import time; print('orphan', flush=True); time.sleep(600)"]
            # By way of another, which ends: the grandchild is nobody's then.
            script = f"import subprocess; print(subprocess.Popen({command!r}, start_new_session=True).pid)"
            out = subprocess.run([sys.executable, "-c", script], stdout=subprocess.PIPE, check=True).stdout
            tell(ack=name, orphan=int(out.split()[0]))
        elif do == "say" and text == "no":
            tell(ack=name, no="it will\nnot")
        elif do == "answer":
            tell(ack=name, request=order["request"], allow=order["allow"], text=text)
        elif do == "end":
            return 0
        else:
            tell(ack=name, did=do, text=text)
            tell(idle=True)
    tell(eof=True)
    return 5


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
