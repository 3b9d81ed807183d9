"""A session told in few words, and what the rules say of it after each event."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt, output
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.status import Finding, Status, findings_of, status_of
from tests.fleet.generated import SECOND, START

NAME = "log:s"


class Play:
    """Events of one session (and its sub-agents), a step of `pace` seconds before each; judged as in an audit."""

    def __init__(self, pace: float = 6, **facts: Any) -> None:
        self.fleet = Fleet()
        self.fleet.watch.always = True
        self.pace, self.now, self.seq, self.calls = pace, START, 0, 0
        self.told: list[Status] = []
        """The session's status after each event."""
        self.found: list[Finding] = []
        self.agents: dict[str, list[Status]] = {}
        self.event(ev.SessionUpdated(client="log", **facts), wait=0)

    def event(self, body: Any, wait: float | None = None, agent: str = "") -> Play:
        self.now += int((self.pace if wait is None else wait) * SECOND)
        self.seq += 1
        name = f"{NAME}/{agent}" if agent else NAME
        self.fleet.apply(ev.Event(self.seq, self.now, self.now, self.now, name, body))
        if NAME in self.fleet.sessions:
            self.told.append(self.status())
            self.found += findings_of(self.fleet, self.fleet.sessions[NAME], self.now)
        if agent:
            self.agents.setdefault(agent, []).append(status_of(self.fleet, self.fleet.sessions[name], self.now))
        return self

    def status(self, later: float = 0) -> Status:
        return status_of(self.fleet, self.fleet.sessions[NAME], self.now + int(later * SECOND))

    # --- what happens -------------------------------------------------------------------------------------

    def user(self, text: str = "go on with it", wait: float | None = None, **flags: Any) -> Play:
        return self.event(ev.UserMessage(text=excerpt(text), **flags), wait)

    def says(self, text: str, stop: str | None = None, wait: float | None = None, **more: Any) -> Play:
        return self.event(ev.AssistantMessage(text=excerpt(text), stop_reason=stop, **more), wait)

    def ends(self, text: str = "Here is what I did.") -> Play:
        return self.says(text, "end_turn")

    def ask(self, tool: str, args: Any, wait: float | None = None, agent: str = "", **more: Any) -> str:
        self.calls += 1
        call_id = f"c{self.calls}"
        text = excerpt(args if isinstance(args, str) else json.dumps(args, sort_keys=True, separators=(",", ":")), 1024)
        self.event(ev.ToolCall(call_id=call_id, tool=tool, arguments=text, **more), wait, agent)
        return call_id

    def answer(self, call_id: str, text: str, ok: bool = True, wait: float | None = None, agent: str = "") -> Play:
        return self.event(ev.ToolResult(call_id=call_id, ok=ok, output=output(text)), wait, agent)

    def do(
        self, tool: str, args: Any, text: str = "", ok: bool = True, wait: float | None = None, took: float | None = None,
        **more: Any,
    ) -> Play:  # fmt: skip
        """A call and its result."""
        agent = more.get("agent", "")
        return self.answer(self.ask(tool, args, wait, **more), text, ok, took, agent)

    def fails(self, tool: str, args: Any, text: str, **more: Any) -> Play:
        return self.do(tool, args, text, ok=False, **more)

    def sh(self, command: str, text: str = "", ok: bool = True, **more: Any) -> Play:
        return self.do("Bash", {"command": command}, text, ok, **more)

    def edit(self, path: str, old: str, new: str, file_hash: str = "", **more: Any) -> Play:
        self.do("Edit", {"file_path": path, "old_string": old, "new_string": new}, f"{path} has been updated", **more)
        return self.event(ev.FileChanged(path=path, hash=file_hash), 1) if file_hash else self

    def proc(
        self, *children: ev.Child, wait: float = 60, cpu: float = 0.2, times: int = 1, net: int | None = None, **more: Any
    ) -> Play:  # fmt: skip
        for _ in range(times):
            body = ev.ProcessObserved(pid=41, cpu_percent=cpu, children=list(children), net_bytes=net, **more)
            self.event(body, wait)
        return self

    def usage(self, prompt: int = 1000, out: int = 100, cost: int | None = 10**8, wait: float = 0) -> Play:
        return self.event(ev.Usage(tokens=ev.Tokens(input=prompt, output=out), cost=cost), wait)

    # --- what is said of it -------------------------------------------------------------------------------

    def reds(self) -> Iterator[tuple[int, str]]:
        """(event, name) of everything that was ever red, sub-agents included."""
        for told in (self.told, *self.agents.values()):
            for index, status in enumerate(told):
                if status.severity == "red":
                    yield index, " ".join([status.status, *status.badges, "|", status.evidence])

    def first_red(self, name: str) -> Status | None:
        return next(
            (s for s in self.told if s.severity == "red" and (s.status == name or name in s.badges)),
            None,
        )


def busy(command: str = "make", cpu: float = 99.0, io: int | None = 0) -> ev.Child:
    return ev.Child(command, cpu, "R", io)


def idle(command: str = "make", terminal: bool = False) -> ev.Child:
    return ev.Child(command, 0.0, "S", 0, terminal)
