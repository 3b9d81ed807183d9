"""Settings of the store, the host, the clients, commands and the screen."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

GB = 1_000_000_000


class Store(Struct, frozen=True, forbid_unknown_fields=True):
    """`[store]`: what the event store keeps."""

    text: Literal["none", "heads"] = "heads"
    """How much of messages and outputs is stored: `heads` (2 KiB of a message and its end, 1 KiB + 1 KiB of an output)
    or `none`."""
    max_bytes: int = 10 * GB
    """Size cap of the database; over it the oldest text goes first, the ledger never."""
    output_days: float = 0.0
    """Days after which tool outputs and thinking lose their text (digests, lengths and money stay); 0 is never."""
    text_days: float = 0.0
    """Days after which messages and the arguments of calls do too; 0 is never."""

    def __post_init__(self) -> None:
        for name in ("output_days", "text_days"):
            if not 0 <= getattr(self, name) <= 36_500:
                raise ValueError(f"store.{name} takes 0 to 36500 days")


class Host(Struct, frozen=True, forbid_unknown_fields=True):
    """`[host]`: the background process."""

    idle_minutes: float = 10.0
    """Minutes without an open dashboard after which the host ends by itself; 0 keeps it running."""
    history_days: float = 7.0
    """Transcripts older than this are left for `orc ingest --all`."""


class Clients(Struct, frozen=True, forbid_unknown_fields=True):
    """`[clients]`: which agents are looked for, and where besides their own places."""

    off: list[str] = field(default_factory=list)
    """Clients that are not looked for, e.g. `["gemini"]`."""
    roots: dict[str, list[str]] = field(default_factory=dict)
    """Further directories per client, e.g. `claude = ["/mnt/box/.claude"]`."""
    programs: dict[str, str] = field(default_factory=dict)
    """Where a client's program is, when it is not on the PATH, e.g. `{claude = "/opt/claude/bin/claude"}`."""


class Control(Struct, frozen=True, forbid_unknown_fields=True):
    """`[control]`: what commands do."""

    undo_seconds: Annotated[float, Meta(ge=1, le=60)] = 5.0
    """How long a kill can be taken back."""
    hook_wait_seconds: Annotated[float, Meta(ge=0, le=600)] = 60.0
    """How long an installed hook waits for the dashboard's answer before the client's own dialog asks."""


class Screen(Struct, frozen=True, forbid_unknown_fields=True):
    """`[screen]`: the dashboard."""

    theme: str = "night"
    """Name of a theme: a shipped one, or one of yours in the `themes` directory."""
    glyphs: Literal["unicode", "ascii"] = "unicode"
    """The signs that are drawn: `unicode`, or `ascii` for terminals and fonts that have no others."""
