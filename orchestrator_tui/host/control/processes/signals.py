"""Sending a signal to exactly one process: held by a pidfd while it is checked, where there is one."""

from __future__ import annotations

import os
import signal
import sys
from typing import Literal

from orchestrator_tui.events import ProcessRef
from orchestrator_tui.host.control.processes.identity import check, has_pidfd, refusal
from orchestrator_tui.host.procfs import LinuxTable, ProcessTable

Outcome = Literal["sent", "gone", "another", "refused"]
"""`another`: that number, or that process, is no longer what was meant."""


def send(table: ProcessTable, ref: ProcessRef, number: signal.Signals) -> Outcome:
    """Signal a process if it is still the one that is meant, and one that may be signalled."""
    if refusal(table, ref):
        return "refused"
    return _send(table, ref, number)


def hold(table: ProcessTable, shell: ProcessRef, number: signal.Signals) -> Outcome:
    """Stop or continue the shell above a client: a login shell too, but no ancestor of ours and nobody else's."""
    if number not in (signal.SIGSTOP, signal.SIGCONT) or cannot_hold(table, shell):
        return "refused"
    return _send(table, shell, number)


def cannot_hold(table: ProcessTable, shell: ProcessRef) -> str:
    """Why the shell above a client cannot be stopped for a while; "" when it can."""
    why = refusal(table, shell)
    return "" if why.endswith(" is a login shell") else why


def _send(table: ProcessTable, ref: ProcessRef, number: signal.Signals) -> Outcome:
    try:
        if sys.platform == "linux" and has_pidfd() and isinstance(table, LinuxTable):
            fd = os.pidfd_open(ref.pid)
            try:
                # After opening: from here on the number cannot come to mean another process.
                if why := check(table, ref):
                    return "gone" if why.endswith(" is gone") else "another"
                signal.pidfd_send_signal(fd, number)
            finally:
                os.close(fd)
            return "sent"
        if why := check(table, ref):
            return "gone" if why.endswith(" is gone") else "another"
        os.kill(ref.pid, number)
    except ProcessLookupError:
        return "gone"
    except PermissionError:
        return "refused"
    return "sent"
