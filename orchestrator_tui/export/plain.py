"""Text that Markdown takes as text."""

from __future__ import annotations

import re

from orchestrator_tui.text import line

# What begins an emphasis, a link, code, a table cell, HTML, a mention, an autolink, a footnote or mathematics.
_MEANS = re.compile(r"([\\`*_{}\[\]()<>#|!~$@^&=])")
_SCHEME = re.compile(r"(?i)\b(https?|ftp|mailto|www)([:.])")


def escaped(text: str) -> str:
    """One line that reads as it is, wherever Markdown is shown; addresses in it are no links."""
    shown = _MEANS.sub(r"\\\1", line(text))
    shown = _SCHEME.sub(r"\1\\\2", shown) if "\\:" not in shown else shown
    # A list, a heading or a rule begins only at the start of a line.
    return re.sub(r"^(\s*)([-+]|\d+\.)(\s)", r"\1\\\2\3", shown)
