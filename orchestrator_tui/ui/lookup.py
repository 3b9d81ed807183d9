"""Cells of frames by their session, without going through all of them: who stands where seldom changes."""

from __future__ import annotations

from orchestrator_tui.ui.frame import NOWHERE, Cell, Frame, Region, Shape


class Lookup:
    """Finds the cells of one frame after the other."""

    def __init__(self) -> None:
        self._kept: list[tuple[Shape, dict[str, int]]] = []
        """Of each region its shape, and where in it each session is."""

    def cell(self, frame: Frame, session: str | None) -> Cell | None:
        """A session's cell, when it is on the map."""
        if session is None:
            return None
        del self._kept[len(frame.regions) :]
        for number, region in enumerate(frame.regions):
            place = self._places(number, region).get(session)
            if place is not None:
                return region.cells[place]
        return None

    def shown(self, frame: Frame, session: str | None) -> Cell | None:
        """The same, and also of those that stand in the queue alone."""
        return self.cell(frame, session) or next((cell for cell in frame.queue if cell.id == session), None)

    def _places(self, number: int, region: Region) -> dict[str, int]:
        if number == len(self._kept):
            self._kept.append((NOWHERE, {}))
        shape, places = self._kept[number]
        # A region that nobody laid out says nothing of who is in it.
        if shape is not region.shape or shape is NOWHERE:
            places = {cell.id: place for place, cell in enumerate(region.cells)}
            self._kept[number] = (region.shape, places)
        return places
