"""What a session changed: a diff's lines, as far as they are in sight. The sign and words tell what colour tells."""

from __future__ import annotations

from orchestrator_tui.host.diffs import Diff, Kind, Part
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import Line, Run, framed, line_of, wrapped

ROLES: dict[Kind, str] = {"hunk": "tool", "added": "finished", "removed": "errored", "same": "text", "note": "dim"}


def draw_diff(
    diff: Diff | None, words: str, name: str, top: int, left: int, columns: int, rows: int, back: str = "Esc"
) -> list[Line]:
    """The diff from its line `top` and column `left` on; `words` where there is none (yet)."""
    inner = max(1, columns - 2)
    if diff is None or not diff.lines:
        told = words or "nothing differs from when the session began"
        body = [line_of([], inner), *(line_of([("   " + part, "dim")], inner) for part in wrapped(told, inner - 6, 4))]
        return framed(body, columns, rows, [(name, "strong")], _back(back), "border")
    files = {part.at: part for part in diff.files}
    body = [
        _line(kind, text, files.get(top + row), left, inner)
        for row, (kind, text) in enumerate(diff.lines[top : top + rows - 2])
    ]
    if diff.cut and len(body) < rows - 2:
        body.append(line_of([(f"   {diff.cut}", "waiting")], inner))
    place = place_of(diff, top)
    counted: list[Run] = [(f"  file {place + 1} of {len(diff.files)}", "dim"), (f"  {totals(diff)}", "dim")]
    foot: list[Run] = [(diff.cut + " ", "waiting")] if diff.cut else []
    return framed(body, columns, rows, [(name, "strong"), *counted], _back(back), "border", foot)


def place_of(diff: Diff, top: int) -> int:
    """Which file the line belongs to."""
    return max((index for index, part in enumerate(diff.files) if part.at <= top), default=0)


def totals(diff: Diff) -> str:
    """`+212 -40` over what is shown."""
    least = "at least " if diff.cut else ""
    return f"{least}+{sum(part.added for part in diff.files)} -{sum(part.removed for part in diff.files)}"


def _line(kind: Kind, text: str, part: Part | None, left: int, columns: int) -> Line:
    if kind == "file" and part is not None:
        what = f"{part.added} added, {part.removed} removed" if not part.new else f"new, {part.added} added"
        return line_of([("━ ", "border"), (line(text, columns), "strong bold"), (f"  {what}", "dim")], columns)
    return line_of([(line(text)[left:], ROLES.get(kind, "text"))], columns)


def _back(key: str) -> list[Run]:
    return [(key, "key"), (" back", "dim")]
