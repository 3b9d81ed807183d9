"""Counting the responses of one file as the store does, for an audit that opens none."""

from __future__ import annotations

from orchestrator_tui.clients.base import Draft
from orchestrator_tui.events import KnownBody, Usage
from orchestrator_tui.fleet.prices import price
from orchestrator_tui.host import price_files
from orchestrator_tui.store.counting import Owner, Response, count


class Counted:
    """Counts and prices a file's responses; the person's own prices are settings, which an audit does not read."""

    def __init__(self) -> None:
        self._table = price_files.load().table
        self._known: dict[bytes, Response] = {}
        self._owners: dict[str, Owner] = {}

    def bodies(self, draft: Draft) -> list[KnownBody]:
        """What a draft means: a response that was counted already adds only what is new of it."""
        body = draft.body
        if not isinstance(body, Usage):
            return [body]
        body = price(body, self._table)
        if draft.response is None:
            return [body]
        mine = self._owners.setdefault(draft.session, Owner(len(self._owners), draft.session))
        known = self._known.get(draft.response)
        self._known[draft.response], out = count(body, mine, 0, draft.offset, known, mine if known else None)
        return [outcome for _, outcome in out]
