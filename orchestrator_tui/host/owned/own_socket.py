"""Connections to sockets of our own user's programs."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
import struct
from pathlib import Path

from orchestrator_tui.host.control.order import Failed
from orchestrator_tui.text import line

CHUNK = 65_536
"""Bytes that are read at once."""
SHOWN = 200


class Nobody(Exception):
    """No program listens there."""


async def connect(path: Path) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A connection to a unix socket behind which our own user listens. Raises Nobody, Failed and OSError.

    It may be a link to a directory that everybody may write to: who listens there is asked of the kernel.
    """
    try:
        real = os.path.realpath(path)
        status = os.stat(real)
        if not stat.S_ISSOCK(status.st_mode) or status.st_uid != os.getuid():
            raise Failed(f"{line(real, SHOWN)} is no socket of yours; nothing was said to it")
        reader, writer = await asyncio.open_unix_connection(real, limit=CHUNK)
    except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError) as error:
        raise Nobody from error
    kind = getattr(socket, "SO_PEERCRED", None)
    if kind is not None:
        seen = writer.get_extra_info("socket").getsockopt(socket.SOL_SOCKET, kind, struct.calcsize("3i"))
        if struct.unpack("3i", seen)[1] != os.getuid():
            writer.transport.abort()
            raise Failed(f"another user listens at {line(real, SHOWN)}; nothing was said to it")
    return reader, writer
