"""A session as a tile of two rows: its sign and name, and how fast it goes."""

from __future__ import annotations

from orchestrator_tui.ui.draw.ink import GLYPHS, Run, fit, fit_seat, spark, width
from orchestrator_tui.ui.draw.map.look import CHILD, Look, face_of, size_of
from orchestrator_tui.ui.frame import Cell

SPARK = 8


def tile(cell: Cell, size: int, look: Look) -> list[list[Run]]:
    """Two rows of so many columns."""
    face = face_of(cell, look)
    back = face.tint
    begins = CHILD if cell.relation else ""
    room = max(0, size - 4 - len(begins) - size_of(face.ends))
    name = begins + fit(cell.name, room)
    above: list[Run] = [face.edge, (GLYPHS[cell.status.status] + " ", face.role), (name, face.name), *face.ends]
    above.append((" " * (size - size_of(above)), "text" + back))
    room = max(0, size - 4 - width(face.pace))
    # The curve stands while it moves; then its place says which seat this is.
    place = cell.seat if cell.seat != cell.name else cell.model
    curve = fit(fit(spark(cell.spark, SPARK), room - 1) if face.burns else fit_seat(place, room - 1), room)
    tone = face.role if face.burns else "dim" + back
    below: list[Run] = [face.edge, ("  ", "text" + back), (curve, tone), (face.pace + " ", face.pace_role)]
    return [above, below]
