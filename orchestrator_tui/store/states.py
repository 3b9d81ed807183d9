"""The fold's state as it is kept: each session packed by itself, so that one reads only those that differ.

A state is a layer on the one it builds on: full, the changes since it, the changes since those. A session that the
layer below holds is compressed with what stands there as the dictionary: of the ten kilobytes of a session, a hundred
events change about one.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec import Struct

from orchestrator_tui.fleet.fleet import Fleet
from orchestrator_tui.fleet.session import Session

Key = tuple[bytes, ...]
"""What a session is packed as in each layer that holds it: the same key is the same state."""
_ZLIB = 0x78
"""The first byte of a state that was kept whole, as one compressed piece."""
_WINDOW = 32_768
"""As much of a dictionary as zlib looks at."""


class _Packed(Struct, array_like=True):
    head: bytes
    names: list[str]
    sessions: list[bytes]


class _Named(Struct):
    id: str


class Layer:
    """One kept state: what is no session's, and the sessions that it holds."""

    def __init__(self, head: bytes, packed: dict[str, bytes], plain: bool = False) -> None:
        """`plain`: the sessions are not compressed."""
        self.head, self.packed, self.plain = head, packed, plain

    @property
    def size(self) -> int:
        """Bytes, nearly."""
        return len(self.head) + sum(map(len, self.packed.values()))

    def pack(self) -> bytes:
        """As it is stored."""
        return _encoder.encode(_Packed(zlib.compress(self.head, 1), list(self.packed), list(self.packed.values())))


def unpack(data: bytes) -> Layer:
    """A stored layer. Raises msgspec.DecodeError or zlib.error where it is none."""
    if data[:1] and data[0] == _ZLIB:
        return whole(zlib.decompress(data))
    state = _packed.decode(data)
    return Layer(zlib.decompress(state.head), dict(zip(state.names, state.sessions, strict=True)))


def whole(state: bytes) -> Layer:
    """A layer of what `Fleet.dump` gave."""
    parts = _parts.decode(state)
    sessions = _listed.decode(parts["sessions"])
    parts["sessions"] = msgspec.Raw(_encoder.encode(()))
    return Layer(_encoder.encode(parts), {_named.decode(raw).id: bytes(raw) for raw in sessions}, plain=True)


def key_of(layers: Sequence[Layer], name: str) -> Key:
    """What tells a session's state from another one, without unpacking it."""
    return tuple([layer.packed[name] for layer in layers if name in layer.packed])


def raw_of(layers: Sequence[Layer], name: str) -> bytes | None:
    """One session's state as it was dumped; None where no layer holds it. Raises zlib.error where it is damaged."""
    raw: bytes | None = None
    for layer in layers:
        packed = layer.packed.get(name)
        if packed is not None:
            raw = packed if layer.plain else _inflated(packed, raw)
    return raw


def layer_of(fleet: Fleet, names: Iterable[str], below: Sequence[Layer], known: Mapping[str, bytes]) -> Layer:
    """The layer of these sessions on what is kept below; `known` is what did not change since it was packed so."""
    packed: dict[str, bytes] = {}
    for name in names:
        session = fleet.sessions.get(name)
        if session is not None:
            packed[name] = known.get(name) or _deflated(_encoder.encode(session), raw_of(below, name))
    return Layer(fleet.dump(()), packed)


def take(fleet: Fleet, head: bytes, sessions: Iterable[bytes]) -> None:
    """Have a fleet take over a state and these of its sessions; the others stay as they are."""
    parts = _parts.decode(head)
    parts["sessions"] = msgspec.Raw(_encoder.encode([msgspec.Raw(raw) for raw in sessions]))
    fleet.load(_encoder.encode(parts))


def dumped(session: Session) -> bytes:
    """A session's state."""
    return _encoder.encode(session)


def names_of(layers: Sequence[Layer]) -> list[str]:
    """Every session that layers hold together, in the order of their coming."""
    return list(dict.fromkeys(name for layer in layers for name in layer.packed))


def _deflated(raw: bytes, below: bytes | None) -> bytes:
    if below is None:
        return zlib.compress(raw, 1)
    packer = zlib.compressobj(1, zlib.DEFLATED, zlib.MAX_WBITS, 9, zlib.Z_DEFAULT_STRATEGY, below[-_WINDOW:])
    return packer.compress(raw) + packer.flush()


def _inflated(packed: bytes, below: bytes | None) -> bytes:
    if below is None:
        return zlib.decompress(packed)
    unpacker = zlib.decompressobj(zlib.MAX_WBITS, below[-_WINDOW:])
    raw = unpacker.decompress(packed)
    if not unpacker.eof:
        raise zlib.error("cut off")
    return raw


_encoder = msgspec.msgpack.Encoder()
_packed = msgspec.msgpack.Decoder(_Packed)
_parts = msgspec.msgpack.Decoder(dict[str, msgspec.Raw])
_listed = msgspec.msgpack.Decoder(list[msgspec.Raw])
_named = msgspec.msgpack.Decoder(_Named)
