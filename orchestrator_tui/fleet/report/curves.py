"""A period in columns: money, threads kept alive, threads that waited for a person, decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrator_tui.fleet import MINUTE, SECOND
from orchestrator_tui.fleet.alerts import WASTEFUL
from orchestrator_tui.fleet.ledger import Decision
from orchestrator_tui.fleet.report.gather import Gathered
from orchestrator_tui.fleet.report.shapes import AlertStory, Bin, Who
from orchestrator_tui.fleet.report.stories import by_person, line_of

COLUMNS = 120
"""At most."""
STEPS = (
    SECOND, 5 * SECOND, 10 * SECOND, 30 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE, 60 * MINUTE,
    180 * MINUTE, 360 * MINUTE, 720 * MINUTE, 1440 * MINUTE,
)  # fmt: skip
Span = tuple[int, int]


def width_of(since: int, until: int) -> int:
    """The narrowest round width of a column by which the period has at most `COLUMNS`; days, where years are asked."""
    for step in STEPS:
        if until // step - since // step < COLUMNS:
            return step
    days = -(-(until - since) // (COLUMNS - 1) // STEPS[-1])
    return (days + 1) * STEPS[-1]


def bins(
    gathered: Gathered,
    alerts: Sequence[AlertStory],
    decisions: Iterable[Decision],
    names: Mapping[str, Who],
    since: int,
    until: int,
    looked: int,
) -> tuple[list[Bin], int]:
    """(columns, their width). A column's threads are averages over it; the last one may not be full yet."""
    width = width_of(since, until)
    first = since // width
    count = until // width - first + 1
    cost, tokens = [0] * count, [0] * count
    for series in gathered.series.values():
        for at, money, total in series.points():
            place = at // width - first
            if 0 <= place < count:
                cost[place] += money
                tokens[place] += total
    threads, wasted, waits = [0.0] * count, [0.0] * count, [0.0] * count
    work = _threads(gathered, names)
    trouble, waiting = _troubles(alerts, names, looked)
    for name, spans in work.items():
        _spread(threads, spans, first, width)
        if name in trouble:
            _spread(wasted, _common(spans, trouble[name]), first, width)
    for spans in waiting.values():
        _spread(waits, spans, first, width)
    people, guards = [0] * count, [0] * count
    for decision in decisions:
        place = decision.at // width - first
        if 0 <= place < count and decision.outcome != "refused":
            (people if by_person(decision) else guards)[place] += 1
    out = []
    for place in range(count):
        at = (first + place) * width
        share = max(1, min(at + width, until) - max(at, since))
        out.append(
            Bin(
                at, cost[place], tokens[place], threads[place] / share,
                max(0.0, threads[place] - wasted[place]) / share, waits[place] / share, people[place], guards[place],
            )
        )  # fmt: skip
    return out, width


def waited(alerts: Iterable[AlertStory], names: Mapping[str, Who], until: int) -> int:
    """For how long agents waited for a person, added up over sessions."""
    _, waiting = _troubles(alerts, names, until)
    return sum(end - start for spans in waiting.values() for start, end in spans)


def _threads(gathered: Gathered, names: Mapping[str, Who]) -> dict[str, list[Span]]:
    """Stretches of work by session, sub-agents' within their own session's."""
    found: dict[str, list[Span]] = {}
    for name, spans in gathered.spans.items():
        # What was found in one instant still was work.
        found.setdefault(line_of(names, name)[-1], []).extend((a, max(b, a + SECOND)) for a, b in spans)
    return {name: merged(spans) for name, spans in found.items()}


def _troubles(
    alerts: Iterable[AlertStory], names: Mapping[str, Who], until: int
) -> tuple[dict[str, list[Span]], dict[str, list[Span]]]:
    """(red trouble that spends for nothing, waiting for a person), stretches by session."""
    wasteful: dict[str, list[Span]] = {}
    waiting: dict[str, list[Span]] = {}
    for alert in alerts:
        end = alert.ended_at if alert.ended_at is not None else until
        name = line_of(names, alert.session)[-1]
        if alert.false_alarm or end <= alert.since:
            continue
        if alert.status == "waiting":
            waiting.setdefault(name, []).append((alert.since, end))
        elif alert.red_at is not None and alert.status in WASTEFUL:
            wasteful.setdefault(name, []).append((alert.since, end))
    return (
        {name: merged(spans) for name, spans in wasteful.items()},
        {name: merged(spans) for name, spans in waiting.items()},
    )


def merged(spans: Iterable[Span]) -> list[Span]:
    """The same stretches in order, none over another."""
    out: list[Span] = []
    for start, end in sorted(spans):
        if out and start <= out[-1][1]:
            out[-1] = (out[-1][0], max(out[-1][1], end))
        else:
            out.append((start, end))
    return out


def _common(a: Sequence[Span], b: Sequence[Span]) -> list[Span]:
    """What two lists of stretches have in common; both in order."""
    out, i, j = [], 0, 0
    while i < len(a) and j < len(b):
        start, end = max(a[i][0], b[j][0]), min(a[i][1], b[j][1])
        if start < end:
            out.append((start, end))
        if a[i][1] < b[j][1]:
            i += 1
        else:
            j += 1
    return out


def _spread(into: list[float], spans: Iterable[Span], first: int, width: int) -> None:
    """Add each stretch to the columns it lies in."""
    for start, end in spans:
        place, last = start // width, end // width
        for column in range(max(place, first), min(last, first + len(into) - 1) + 1):
            into[column - first] += max(0, min(end, (column + 1) * width) - max(start, column * width))
