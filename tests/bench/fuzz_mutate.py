"""Lines as no client writes them: recorded lines changed in a random place, by their structure or by their bytes."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from typing import Any

MARK = "a value stands here"
NUMBERS = (
    "-1", "-5", "0", "7.5", "1e400", "-1e400", "NaN", "Infinity", "-Infinity", str(1 << 63), str(1 << 70),
    "-" + str(1 << 70), "9" * 400, "true", "0.0000001", str((1 << 40) - 1), "18446744073709551616", "1e308",
)  # fmt: skip
WORDS = (
    '""', '"x"', '"7"', '"\\ud83d"', '"\\udc00\\ud83d"', '"\\u0000"', '"../../../etc/passwd"', '"a/b"',
    '"\\u001b]52;c;QUJD\\u0007"', '"\\u009b2J"', '"\\u202e\\u2066"', '"[/][bold]"', '"--help"', '"1"', '"-1"',
    '"2026-11-20T10:00:00Z"', '"9999-99-99T99:99:99Z"', '"0001-01-01T00:00:00Z"', '"' + "a" * 5000 + '"',
    '"' + "e\\u0301" * 200 + '"', '"<synthetic>"', '"$(id)"', '"\\r\\n"',
)  # fmt: skip
SHAPES = (
    "null", "[]", "{}", "[null]", "[[]]", '{"a":1}', "[1,2,3]", '[{"type":"text"}]', '[{"type":"tool_use"}]',
    '{"type":"text","text":7}', '{"":""}', "[" * 400 + "]" * 400, '{"a":' * 300 + "1" + "}" * 300,
    "[" + "0," * 2000 + "0]", '[{"type":"tool_result","content":[{"type":[]}]}]',
)  # fmt: skip
RAW = (b"\xff", b"\xfe\xff", b"\x00", b"\xed\xa0\x80", b"\xef\xbb\xbf", b"\x1b]52;c;QQ==\x07", b"\xc2\x9b", b'"', b"\\", b"{", b"[", b"}", b"\r")  # fmt: skip
DEEP = (b"[" * 20_000, b'{"a":' * 20_000 + b"1" + b"}" * 20_000, b"[" * 5_000 + b"]" * 5_000)
RARE = 0.002
"""Share of mutations that cost a hundred times the others: very deep nesting."""


class Mutator:
    """Makes a changed line of a recorded one; the same seed gives the same lines."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng

    def change(self, line: bytes, others: list[bytes]) -> bytes:
        """A line without a line feed inside; `others` are lines of the same client, to take parts from."""
        if self.rng.random() < RARE:
            made = self.rng.choice(DEEP)
        elif self.rng.random() < 0.6:
            made = self._structure(line, others)
        else:
            made = self._bytes(line.rstrip(b"\n"), others)
        if self.rng.random() < 0.05:
            made = self._bytes(made, others)
        return made.replace(b"\n", b" ") + b"\n"

    def _structure(self, line: bytes, others: list[bytes]) -> bytes:
        try:
            value = json.loads(line)
        except ValueError:
            return self._bytes(line.rstrip(b"\n"), others)
        for _ in range(1 if self.rng.random() < 0.8 else 3):
            value, put = self._one(value, others)
        text = json.dumps(value, separators=(",", ":"))
        for raw in put:
            text = text.replace(f'"{MARK}"', raw, 1)
        # What an earlier round left unfilled.
        return text.replace(f'"{MARK}"', "null").encode("utf-8", "surrogatepass")

    def _one(self, value: Any, others: list[bytes]) -> tuple[Any, list[str]]:
        places = list(_places(value))
        if not places:
            return MARK, [self._raw()]
        holder, name = self.rng.choice(places)
        ways: tuple[Callable[[Any, Any, list[bytes]], list[str]], ...] = (
            self._replace, self._replace, self._replace, self._remove, self._double, self._borrow, self._swap,
        )  # fmt: skip
        return value, self.rng.choice(ways)(holder, name, others)

    def _raw(self) -> str:
        return self.rng.choice(self.rng.choice((NUMBERS, WORDS, SHAPES)))

    def _replace(self, holder: Any, name: Any, others: list[bytes]) -> list[str]:
        number = isinstance(holder[name], int | float) and self.rng.random() < 0.6
        holder[name] = MARK
        return [self.rng.choice(NUMBERS) if number else self._raw()]

    def _remove(self, holder: Any, name: Any, others: list[bytes]) -> list[str]:
        del holder[name]
        return []

    def _double(self, holder: Any, name: Any, others: list[bytes]) -> list[str]:
        holder[name] = [holder[name], holder[name]] if self.rng.random() < 0.5 else {"a": holder[name]}
        return []

    def _borrow(self, holder: Any, name: Any, others: list[bytes]) -> list[str]:
        try:
            places = list(_places(json.loads(self.rng.choice(others))))
        except ValueError:
            return []
        if places:
            there, key = self.rng.choice(places)
            holder[name] = there[key]
        return []

    def _swap(self, holder: Any, name: Any, others: list[bytes]) -> list[str]:
        if isinstance(holder, dict):
            other = self.rng.choice(list(holder))
            holder[name], holder[other] = holder[other], holder[name]
        else:
            self.rng.shuffle(holder)
        return []

    def _bytes(self, line: bytes, others: list[bytes]) -> bytes:
        rng, data = self.rng, bytearray(line)
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(data) + 1)
            way = rng.randrange(7)
            if way == 0:
                del data[at:]
            elif way == 1:
                data[at:at] = rng.choice(RAW)
            elif way == 2 and data:
                data[min(at, len(data) - 1)] ^= 1 << rng.randrange(8)
            elif way == 3:
                del data[at : at + rng.randrange(1, 40)]
            elif way == 4:
                data[at:] = rng.choice(others).rstrip(b"\n")[rng.randrange(200) :]
            elif way == 5:
                data[at:at] = data[at : at + rng.randrange(1, 200)]
            else:
                data[:at] = b""
        return bytes(data)


def _places(value: Any) -> Any:
    """Every (holder, name or index) in a decoded value."""
    stack = [value]
    while stack:
        holder = stack.pop()
        items = (
            list(holder.items())
            if isinstance(holder, dict)
            else list(enumerate(holder))
            if isinstance(holder, list)
            else []
        )
        for name, item in items:
            yield holder, name
            if isinstance(item, dict | list):
                stack.append(item)
