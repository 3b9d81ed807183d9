"""Parts of what leaves, one by one: what is told of a session, a page's texts, a log's project."""

from __future__ import annotations

import json

from orchestrator_tui import events as ev
from orchestrator_tui.clock import SECOND
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.export import log
from orchestrator_tui.export.masking import mask
from orchestrator_tui.export.page import Page
from orchestrator_tui.export.told import LONGEST, told
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session

SECRET = "q7Zr2mK9xT4vB8nL1cW5"
NOW = 1_795_000_000 * SECOND


def event(n: int, body: ev.KnownBody) -> ev.Event:
    return ev.Event(n, NOW + n * SECOND, NOW + n * SECOND, None, "loop:a", body)


def test_that_an_alert_became_red_is_told() -> None:
    raised = ev.AlertRaised(cause="c", status="looping", severity="amber", evidence="same call 3x", since=NOW)
    worse = ev.AlertEscalated(cause="c", status="looping", severity="red", evidence="same call 4x")
    entries = [(one.kind, one.text) for one in told([event(1, raised), event(2, worse)])]
    assert entries == [("alert", "amber: same call 3x"), ("alert", "red: same call 4x")]


def test_half_a_secret_does_not_stay_where_a_text_is_cut() -> None:
    words = "x" * (LONGEST - 12) + f" ghp_{SECRET}"
    (entry,) = told([event(1, ev.UserMessage(text=excerpt(words, 4096)))], mask)
    assert SECRET[:4] not in entry.text
    fleet, title = Fleet(), "y" * 68 + f" ghp_{SECRET}"
    fleet.apply(event(1, ev.SessionUpdated(client="loop", title=title, title_rank=3, project=title[20:])))
    page = Page(title)
    page.add(fleet, NOW + 2 * SECOND, list(fleet.sessions.values()))
    assert SECRET[:4] not in page.text([])
    bare = Page(title, mask=False)
    bare.add(fleet, NOW + 2 * SECOND, list(fleet.sessions.values()))
    assert SECRET[:4] in bare.text([])


def test_a_part_of_a_split_stays_in_its_project() -> None:
    root = Session("loop:a", NOW, NOW, NOW, client="loop", project="ledger", relation="split")
    body = ev.SessionUpdated(client="loop", project="ledger-676bf9a3-1", cwd="/state/worktrees/ledger-676bf9a3-1")
    lines = [json.loads(line) for line in log.lines(root, [], [event(1, body)])]
    assert [lines[0]["project"], lines[1]["body"]["project"]] == ["ledger", "ledger"]
