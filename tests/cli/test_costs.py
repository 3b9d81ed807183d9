"""`orc show` explains a cost line by line; the lines sum up to the session's spend."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator_tui import events as ev
from orchestrator_tui.cli.costs import cost_lines, cost_text
from orchestrator_tui.excerpt import excerpt
from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.tokens import Spend

USE = ev.Usage(response_id="r", model="big", tokens=ev.Tokens(1, 20, 3, 4, 2), cost=50, price="litellm 1 big")
counted = st.sampled_from(
    [
        USE,
        ev.Usage(response_id="q", model="other", tokens=ev.Tokens(5, 0, 0, 1)),
        ev.Usage(model="big", tokens=ev.Tokens(7), cost=9, price="litellm 1 big", terms="flex", estimated=True),
        ev.Usage(model="ollama/x", tokens=ev.Tokens(7), cost=0, price="local", local=True),
        ev.UsageCorrected(response_id="r", tokens=ev.Tokens(output=3), cost=5),
        ev.UsageCorrected(response_id="unseen", tokens=ev.Tokens(output=3), cost=5),
        ev.UsageMoved(tokens=ev.Tokens(-1), requests=-1, cost=-3, peer="claude:b"),
        ev.UsageMoved(tokens=ev.Tokens(1), requests=1, cost=3, peer="claude:b"),
        ev.UserMessage(text=excerpt("hi")),
    ]
)


@given(st.lists(counted, max_size=30))
def test_the_lines_sum_up_to_the_spend(bodies: list[ev.KnownBody]) -> None:
    fleet = Fleet()
    events = [ev.Event(n + 1, n, n, None, "log:a", body) for n, body in enumerate(bodies)]
    fleet.apply_all(events)
    total = Spend()
    for line in cost_lines(events):
        total.merge(line.spend)
        assert cost_text(line)
    assert total == (fleet.sessions["log:a"].spend if bodies else Spend())


def test_a_line_names_responses_kinds_price_and_table() -> None:
    events = [ev.Event(n + 1, n, n, None, "log:a", USE) for n in range(2)]
    (line,) = cost_lines(events)
    words = cost_text(line)
    assert words == (
        "big: 2 responses, input 2, cache read 40, cache write 6 (4 for 1 h), output 8: <$0.0001 by litellm 1 big"
    )
