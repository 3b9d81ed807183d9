"""litellm's price map on disk: megabytes of which a fleet needs a dozen entries, each read when it is asked for."""

from __future__ import annotations

import os
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from weakref import finalize

import msgspec


class PriceMap(Mapping[str, msgspec.Raw]):
    """Model name -> its entry. The file stays open: who replaces it by another version changes nothing of this one.

    Opening raises OSError, and msgspec.DecodeError or UnicodeDecodeError where it is no JSON object.
    """

    def __init__(self, path: Path) -> None:
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        finalize(self, os.close, self._fd)
        with open(self._fd, "rb", closefd=False) as file:
            data = file.read()
        found = _decoder.decode(data)
        self._places = {name: number for number, name in enumerate(found)}
        self._starts, self._lengths = array("L"), array("L")
        behind = 0
        for entry in found.values():
            raw = bytes(entry)
            # They come in the order of the file, but for a name that is there twice.
            start = data.find(raw, behind)
            start = start if start >= 0 else data.find(raw)
            behind = start + len(raw)
            self._starts.append(start)
            self._lengths.append(len(raw))

    def __getitem__(self, name: str) -> msgspec.Raw:
        number = self._places[name]
        return msgspec.Raw(os.pread(self._fd, self._lengths[number], self._starts[number]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._places)

    def __len__(self) -> int:
        return len(self._places)


_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
