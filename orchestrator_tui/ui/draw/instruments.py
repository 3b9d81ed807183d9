"""Parts stacked in one frame: each gets the rows that it needs, those at the front first; what has no room is named."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from msgspec import Struct

from orchestrator_tui.ui.draw.ink import Line, Run, line_of, width


class Part(Struct, frozen=True):
    """One instrument."""

    name: str
    """One word."""
    draw: Callable[[int, int], list[Line]]
    """(columns, rows) -> at most so many lines."""
    least: int
    """Rows below which it is not shown."""
    most: int
    """Rows above which it gains nothing."""
    words: tuple[Run, ...] = ()
    """What stands at the right of its head."""


def shares(parts: Sequence[Part], front: int, rows: int) -> list[int]:
    """Rows of each part, its head not counted; 0 leaves it out. `front`: from this one on they come first."""
    order = [(front + number) % len(parts) for number in range(len(parts))]
    out = [0] * len(parts)
    left = rows
    shown: list[int] = []
    for place in order:
        need = parts[place].least + 1
        if need <= left or not shown:
            out[place] = min(parts[place].least, max(1, left - 1))
            left -= out[place] + 1
            shown.append(place)
    for place in shown:
        more = max(0, min(left, parts[place].most - out[place]))
        out[place] += more
        left -= more
    return out


def stacked(parts: Sequence[Part], front: int, columns: int, rows: int, role: str, key: str = "") -> list[Line]:
    """All that fit, in their order, in one frame; `key` brings the next one to the front."""
    inner = columns - 2
    if inner < 4 or rows < 3:
        return [line_of([], columns) for _ in range(rows)]
    front = min(front, len(parts) - 1)
    sizes = shares(parts, front, rows - 1)
    out: list[Line] = []
    left_out = [part.name for part, size in zip(parts, sizes, strict=True) if not size]
    for place, (part, size) in enumerate(zip(parts, sizes, strict=True)):
        if not size:
            continue
        corners = "├┤" if out else "╭╮"
        name = "strong" if place == front else "text"
        out.append(rule(corners, [(part.name, name)], list(part.words), columns, role))
        body = part.draw(inner, size)[:size]
        body += [line_of([], inner)] * (size - len(body))
        out += [(("│", role), *line, ("│", role)) for line in body]
    blank: Line = (("│", role), (" " * inner, "text"), ("│", role))
    out += [blank] * (rows - 1 - len(out))
    foot: list[Run] = []
    if left_out and key:
        foot = [(key, "key"), (f" {', '.join(left_out)}", "dim")]
    out.append(rule("╰╯", foot, [], columns, role))
    return out[:rows]


def rule(corners: str, left: list[Run], right: list[Run], columns: int, role: str) -> Line:
    """A line of a frame with words at both ends; the right ones give way."""
    head: list[Run] = [(f"{corners[0]}─ ", role), *left, (" ", role)] if left else [(corners[0], role)]
    tail: list[Run] = [(" ", role), *right, (f" ─{corners[1]}", role)] if right else [(corners[1], role)]
    used = sum(width(text) for text, _ in (*head, *tail))
    if used > columns and right:
        tail = [(corners[1], role)]
        used = sum(width(text) for text, _ in (*head, *tail))
    if used > columns:
        return (*line_of(head, columns - 1, role), (corners[1], role))
    return (*head, ("─" * (columns - used), role), *tail)
