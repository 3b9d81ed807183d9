"""A proof without ages: for where the age has a place of its own, and its steps would paint for nothing."""

from __future__ import annotations

import re
from functools import lru_cache

_AGE = r"\d+[smhd](?:\d+[smh])?"
_AGES = re.compile(
    rf" (?:for )?{_AGE} ago\b"  # gone 48m ago with
    rf"|(?<=[a-z]) for {_AGE}(?=[:,]|$)"  # permission for 41s: Bash
    rf"|^(waits) {_AGE}(?=:)"
    rf"|, {_AGE}(?=,|$)"  # identical error, 1m40s, no edit between
)


@lru_cache(4096)
def ageless(evidence: str) -> str:
    """The proof without them; what a command or an answer says of times stays."""
    return _AGES.sub(lambda found: found.group(1) or "", evidence).strip()
