"""A page of its own, with its own scrubber: it asks for nothing from anywhere, and what sessions wrote stays text."""

from __future__ import annotations

import base64
import hashlib
from html import escape
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct

from orchestrator_tui.clock import SECOND
from orchestrator_tui.export.masking import hiding
from orchestrator_tui.export.told import Told
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session
from orchestrator_tui.fleet.status import status_of
from orchestrator_tui.text import clean, line
from orchestrator_tui.ui.draw.ink import amount

MOST = 400
"""Rows of one frame; the oldest of those at rest are left out first."""


class Frame(Struct, frozen=True):
    """The fleet at one instant, as the page's script reads it."""

    t: float
    """Seconds since 1970."""
    rate: float
    """Dollars per minute, or tokens per minute / 10^6 where nothing has a price."""
    red: int
    amber: int
    sum: str
    rows: list[tuple[int, str, str, int, str, str]]
    """(which session, status, severity, tokens, cost in words, evidence)"""


class Page:
    """Takes frames one after the other, then gives the page."""

    def __init__(self, title: str, *, mask: bool = True) -> None:
        self._hide = hiding(mask)
        self._title = self._line(title, 120)
        self._frames: list[Frame] = []
        self._known: dict[str, int] = {}
        self._sessions: list[dict[str, str]] = []

    def add(self, fleet: Fleet, at: int, sessions: list[Session]) -> None:
        """One more instant."""
        judged = [(session, status_of(fleet, session, at)) for session in sessions]
        # What is in trouble or at work comes before what rests.
        order = {"red": 0, "amber": 1}
        rest = ("finished", "fog")
        judged.sort(key=lambda pair: (order.get(pair[1].severity, 2), pair[1].status in rest, pair[0].started_at))
        rates = [session.burn.rate(at) for session, _ in judged]
        cost, count = sum(rate.usd_per_minute for rate in rates), sum(rate.total for rate in rates)
        rows: list[tuple[int, str, str, int, str, str]] = [
            (
                self._which(session), status.status, status.severity, session.spend.tokens.total,
                dollars(session), self._line(status.evidence, 240),
            )
            for session, status in judged[:MOST]
        ]  # fmt: skip
        reds = sum(status.severity == "red" for _, status in judged)
        ambers = sum(status.severity == "amber" for _, status in judged)
        left = f", {len(judged) - MOST} not shown" if len(judged) > MOST else ""
        words = f"{len(judged)} sessions, {reds} red, {ambers} amber, ${cost:.2f}/min{left}"
        self._frames.append(Frame(at / SECOND, cost or count / 1e6, reds, ambers, words, rows))

    def _line(self, text: str, limit: int) -> str:
        """One line, masked before it is cut: of half a secret nothing tells that it is one."""
        return line(self._hide(clean(text)), limit)

    def _which(self, session: Session) -> int:
        about = {
            "name": self._line(session.title or session.place or session.id, 80),
            "project": self._line(session.project or "", 60),
            "model": self._line(session.model or "?", 60),
        }
        known = self._known.get(session.id)
        if known is None:
            known = self._known[session.id] = len(self._sessions)
            self._sessions.append(about)
        self._sessions[known] = about
        return known

    def text(self, told: list[Told]) -> str:
        """The whole file; `told` is what happened, by time."""
        value: Any = {
            "title": self._title,
            "sessions": self._sessions,
            "frames": self._frames,
            "told": [{"t": entry.at / SECOND, "kind": entry.kind, "text": self._hide(entry.text)} for entry in told],
        }
        # In a script no end tag, comment or line separator may begin.
        data = msgspec.json.encode(value).decode().replace("<", "\\u003c").replace("\u2028", "\\u2028")
        data = data.replace("\u2029", "\\u2029").replace("&", "\\u0026").replace(">", "\\u003e")
        script = _part("page.js")
        code = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
        page, title = _part("page.html"), escape(str(value["title"]))
        # One pass: what is put in is not looked at again.
        parts = {"@HASH@": code, "@TITLE@": title, "@DATA@": data, "@SCRIPT@": script}
        made = []
        rest = page
        for mark in ("@HASH@", "@TITLE@", "@DATA@", "@SCRIPT@"):
            before, _, rest = rest.partition(mark)
            made += [before, parts[mark]]
        return "".join([*made, rest])


def dollars(session: Session) -> str:
    """What it cost, in words; "" where nothing was asked of a model yet."""
    return amount(session.spend) if session.spend.requests else ""


def _part(name: str) -> str:
    return (files("orchestrator_tui.export") / name).read_text(encoding="utf-8")
