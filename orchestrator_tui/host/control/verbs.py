"""Every verb, once: what carries it out. Adding one is a function and a line here."""

from __future__ import annotations

from orchestrator_tui.host.control import answer, begin, message, said
from orchestrator_tui.host.control.loops import guarded, looping
from orchestrator_tui.host.control.models import escalate
from orchestrator_tui.host.control.order import Verb
from orchestrator_tui.host.control.splitting import split, unsplit
from orchestrator_tui.host.control.stopping import kill, pause

VERBS: dict[str, Verb] = {
    "ack": said.ack,
    "approve": answer.approve,
    "arrange": said.arrange,
    "budget": said.budget,
    "deny": answer.deny,
    "escalate": escalate.escalate,
    "group": said.group,
    "ingest": said.ingest,
    "kill": kill.kill,
    "loop": looping.start_loop,
    "message": message.message,
    "notify": guarded.notify,
    "pause": pause.pause,
    "prune": said.prune,
    "resume": pause.resume,
    "revive": begin.revive,
    "run": begin.run,
    "snooze": said.snooze,
    "split": split.split,
    "stepdown": escalate.stepdown,
    "use": escalate.use,
    "view": said.view,
    "would": guarded.would,
}
ALONE = frozenset({"kill", "pause", "resume", "revive", "escalate", "stepdown", "use", "split", "message"})
"""Verbs that have a session to themselves: while one is under way no other may begin."""
UNDO: dict[str, Verb] = {"split": unsplit.undo_split}
"""Verbs that can be taken back also when they are done: what does so."""
