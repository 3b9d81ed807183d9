"""A fleet with guards, and a desk that carries out what they decide as a test says."""

from __future__ import annotations

from typing import Any

from orchestrator_tui import events as ev
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.governing import Governing
from orchestrator_tui.fleet.guard_rules import Governor, Guard
from orchestrator_tui.fleet.guarding import Deed, Guarding
from orchestrator_tui.fleet.hands import Hands
from orchestrator_tui.fleet.judging import Judge
from orchestrator_tui.fleet.troubles import Spent
from tests.fleet.generated import SECOND, START

NAME = "claude:s"


class World:
    """One fleet that a host looks at, a second at a time."""

    def __init__(self, *rules: Guard, governor: Governor | None = None, **settings: Any) -> None:
        self.fleet, self.hands, self.judge = Fleet(), Hands(), Judge()
        self.now, self.seq, self.commands = START, 0, 0
        self.rules, self.governor = rules, governor
        self.spent = Spent(START - START % (86_400 * SECOND))
        self.outcome: dict[str, str] = {}
        """Verb -> how it ends; `done` where it is not named, "" leaves it under way."""
        self.deeds: list[tuple[int, Deed]] = []
        self.restart()
        self.fleet.watch.always = True
        self.tell(ev.SettingsChanged(settings=settings), name=None)

    def restart(self) -> None:
        """Another host takes over: what only the one before knew is gone."""
        self.guarding, self.governing = Guarding(self.rules), Governing(self.governor)

    def session(self, name: str = NAME, pid: int = 9, **facts: Any) -> World:
        """A session at work."""
        self.tell(
            ev.SessionUpdated(client=name.partition(":")[0], **facts),
            ev.ProcessObserved(pid=pid, started=1), ev.TurnStarted(), name=name,
        )  # fmt: skip
        return self

    def tell(self, *bodies: Any, name: str | None = NAME) -> World:
        for body in bodies:
            self.seq += 1
            self.now += 1_000_000
            self.fleet.apply(ev.Event(self.seq, self.now, self.now, self.now, name, body))
            self.hands.apply(self.now, body)
        return self

    def usage(self, cost: float, name: str = NAME) -> World:
        return self.tell(ev.Usage(tokens=ev.Tokens(input=10, output=10), cost=int(cost * 1e9)), name=name)

    def loops(self, name: str = NAME, calls: int = 8) -> World:
        for n in range(calls):
            call = f"{self.seq}.{n}"
            self.now += SECOND
            self.tell(ev.ToolCall(call, "Bash", excerpt('{"command":"pytest -q"}'), message_id=call), name=name)
            self.tell(ev.ToolResult(call, False, excerpt("boom")), name=name)
        return self

    def breaks(self, name: str = NAME) -> World:
        return self.tell(ev.ApiError(status=401, text="login expired", final=True), name=name)

    def mends(self, name: str = NAME) -> World:
        return self.tell(
            ev.AssistantMessage(text=excerpt("better")),
            ev.TurnStarted(),
            ev.ToolCall(f"c{self.seq}", "Read", excerpt("{}")),
            name=name,
        )

    # --- commands -----------------------------------------------------------------------------------------

    def command(
        self, verb: str, outcome: str = "done", name: str = NAME, actor: str = "dashboard", receipt: Any = None,
        chain: Any = (), **facts: Any,
    ) -> str:  # fmt: skip
        """A whole command; what it does is told, too."""
        self.commands += 1
        one = f"k{self.commands}"
        self.tell(ev.CommandRequested(one, verb, {"session": name, **facts}, actor, chain=list(chain)), name=None)
        if outcome:
            self.ends(one, verb, name, outcome, receipt)
        return one

    def ends(self, one: str, verb: str, name: str, outcome: str, receipt: Any = None) -> None:
        if outcome != "refused":
            self.tell(ev.CommandStarted(one), name=None)
        session = self.fleet.sessions[name]
        if outcome == "done" and verb in ("pause", "resume") and session.pid is not None:
            self.tell(ev.ProcessObserved(pid=session.pid, started=1, stopped=verb == "pause"), name=name)
        self.tell(ev.CommandEnded(one, outcome, receipt=receipt or {}), name=None)

    # --- looking ------------------------------------------------------------------------------------------

    def look(self, seconds: float = 1) -> list[Deed]:
        """Time goes on; what guards and governor decide then is carried out."""
        self.now += int(seconds * SECOND)
        self.judge.update(self.fleet, self.now, self.fleet.sessions, self.fleet.children())
        statuses, spent = self.judge.statuses, self.spent
        deeds = self.guarding.due(self.fleet, self.hands, statuses, spent, self.now)
        chosen = self.governing.choose(self.fleet, self.hands, statuses, spent, self.now)
        if chosen is not None:
            deeds.append(chosen)
        for deed in deeds:
            self.deeds.append((self.now, deed))
            outcome = "refused" if deed.verb == "would" else self.outcome.get(deed.verb, "done")
            self.command(deed.verb, outcome, deed.session, "orc: guard", **deed.arguments)
        return deeds

    def run(self, seconds: float, step: float = 1) -> list[str]:
        """Look again and again; what was done, as `verb session`."""
        done = []
        for _ in range(int(seconds / step)):
            done += [f"{deed.verb} {deed.session}" for deed in self.look(step)]
        return done
