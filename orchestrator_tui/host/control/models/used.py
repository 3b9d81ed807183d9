"""Which model really answers after another one was asked for: clients rename models without a word."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from orchestrator_tui.events import CommandFollowed, Facts, ModelRequested
from orchestrator_tui.fleet.ladder import same_model
from orchestrator_tui.host.control.order import Order
from orchestrator_tui.text import line

ANSWER_SECONDS, FOLLOW_SECONDS = 15.0, 45.0
"""For how long the outcome waits for the first response, and for how long that is looked for after it."""
LOOK_SECONDS = 0.1


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until something is so; tells whether it is."""
    for _ in range(round(seconds / LOOK_SECONDS)):
        if condition():
            return True
        await asyncio.sleep(LOOK_SECONDS)
    return condition()


class Answer:
    """The first response after the change."""

    def __init__(self, order: Order, session: str, wanted: ModelRequested, requests: int) -> None:
        self._order, self._session, self._wanted, self._requests = order, session, wanted, requests

    async def first(self) -> Facts:
        """What it says, or that there was none yet; then it is looked for beside the host's loop."""
        await until(lambda: self._used() is not None, ANSWER_SECONDS)
        if self._used() is None:
            self._order.host.start(self._later())
        return self._facts(self._used())

    async def _later(self) -> None:
        await until(lambda: self._used() is not None, FOLLOW_SECONDS)
        facts = self._facts(self._used() or self._last())
        await self._order.host.note([(None, CommandFollowed(self._order.id, facts))])

    def _used(self) -> str | None:
        """The model that answered; a first answer of the old one may have been under way already."""
        session = self._order.host.fleet.sessions.get(self._session)
        used, wanted = self._last(), self._wanted
        if session is None or used is None:
            return None
        old = same_model(used, wanted.previous) and not same_model(wanted.model, wanted.previous)
        return None if old and session.spend.requests < self._requests + 2 else used

    def _last(self) -> str | None:
        session = self._order.host.fleet.sessions.get(self._session)
        if session is None or session.spend.requests <= self._requests:
            return None
        return session.model

    def _facts(self, used: str | None) -> Facts:
        asked = self._wanted.model
        if used is None:
            seconds = ANSWER_SECONDS
            return {"used_model": None, "remapped": False, "words": f"no answer yet after {seconds:.0f} s"}
        if same_model(asked, used):
            return {"used_model": used, "remapped": False, "words": ""}
        return {"used_model": used, "remapped": True, "words": f"asked for {asked}, {line(used, 60)} answered"}
