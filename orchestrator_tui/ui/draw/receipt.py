"""What came of a command, in one line: from its receipt."""

from __future__ import annotations

from orchestrator_tui.events import Facts
from orchestrator_tui.text import line
from orchestrator_tui.ui.draw.ink import count_of, usd


def receipt_words(receipt: Facts) -> str:
    """What ended and what did not, what was still billed, what lies uncommitted, what answers now; cleaned."""
    words = [*_ended(receipt), *_billed(receipt), *_uncommitted(receipt), *_gone_on(receipt)]
    return ", ".join(words)


def _ended(receipt: Facts) -> list[str]:
    words: list[str] = []
    ended, survived = receipt.get("ended"), receipt.get("survived")
    if isinstance(ended, list):
        words.append(f"ended {len(ended)} process{'' if len(ended) == 1 else 'es'}")
    if isinstance(survived, list) and survived:
        more = f" and {len(survived) - 1} more" if len(survived) > 1 else ""
        words.append(f"SURVIVED: {line(survived[0], 80)}{more}")
    return words


def _billed(receipt: Facts) -> list[str]:
    after = _number(receipt.get("requests_after_key"))
    if after is None:
        return []
    words = [f"{count_of(int(after), 'request')} after the key" if after else "no request after the key"]
    cost = _number(receipt.get("cost_after_key_usd"))
    return [*words, usd(cost) if cost is not None else "its price is not known"] if after else words


def _uncommitted(receipt: Facts) -> list[str]:
    files = receipt.get("dirty_files")
    untracked = _number(receipt.get("untracked")) or 0
    count = (len(files) if isinstance(files, list) else 0) + int(untracked)
    return [f"{count_of(count, 'file')} not committed"] if count else []


def _gone_on(receipt: Facts) -> list[str]:
    """Of a change of the model, a split, a revival, a message."""
    words: list[str] = []
    used, told = receipt.get("used_model"), receipt.get("words")
    if isinstance(used, str) and receipt.get("remapped") is not True:
        words.append(f"{line(used, 60)} answers")
    children, trees = receipt.get("children"), receipt.get("worktrees")
    if isinstance(children, list):
        place = f" in {count_of(len(trees), 'worktree')}" if isinstance(trees, list) and trees else ""
        words.append(f"{count_of(len(children), 'session')} go on with it{place}")
    for name in ("why_not_paused", "why_not_resumed"):
        why = receipt.get(name)
        if isinstance(why, str) and why:
            words.append(f"{name.replace('_', ' ')}: {line(why, 120)}")
    if receipt.get("landed") is True:
        words.append("it landed")
    elif receipt.get("queued") is True:
        words.append("it is queued")
    note = receipt.get("note") if "landed" in receipt else None
    words += [line(text, 160) for text in (told, note) if isinstance(text, str) and text]
    return words


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
