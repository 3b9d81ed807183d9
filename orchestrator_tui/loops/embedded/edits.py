"""An edit as the agents' tools take it: a text that stands once in the file, and what stands there afterwards."""

from __future__ import annotations

from orchestrator_tui.loops.embedded.steps import Call


def edit(path: str, current: str, target: str) -> Call:
    """The smallest edit of whole lines that makes `target` of `current`; the whole file when no text is unique."""
    now, then = current.splitlines(keepends=True), target.splitlines(keepends=True)
    first = 0
    while first < min(len(now), len(then)) and now[first] == then[first]:
        first += 1
    last = 0
    while last < min(len(now), len(then)) - first and now[-1 - last] == then[-1 - last]:
        last += 1
    while True:
        old = "".join(now[first : len(now) - last])
        if old.strip() and current.count(old) == 1:
            return Call("edit", {"path": path, "old": old, "new": "".join(then[first : len(then) - last])})
        if not first and not last:
            return Call("write", {"path": path, "content": target})
        first, last = max(0, first - 1), max(0, last - 1)


def went_wrong(result: str) -> bool:
    """Whether a tool for editing refused."""
    words = result[:200].lower()
    return "must be once" in words or words.startswith(("error", "wrong", "failed", "not found", "no such"))
