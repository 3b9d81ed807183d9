"""Every action of the dashboard, once: bindings, footer, help and palette come from this table.

An action's keys are Textual's names; a person reads them as `written_key` writes them. What is in force after
the settings is told by `ui/keymap.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from orchestrator_tui.ui.keynames import shown_keys, written_keys

Where = Literal["fleet", "session", "diff", "ask", "replay", "work", "anywhere", "report"]
PLACES: dict[Where, tuple[str, ...]] = {"work": ("fleet", "session"), "anywhere": ("fleet", "session", "diff")}
"""Where a key holds that holds in more than one place; `work`: wherever a session is looked at; `ask`: while the bar
above the footer asks for a yes."""


SHARED = ("fleet", "work", "anywhere")
"""What other screens may know, too, and so is asked of them: a key of another place comes before it there."""


class Action(Struct, frozen=True):
    """One thing that a key does."""

    id: str
    """Stable: settings and tests name it."""
    keys: tuple[str, ...]
    """Without settings."""
    label: str
    """One or two words, for the footer."""
    help: str
    """One line, for the palette, and for help where it fits."""
    where: Where = "fleet"
    footer: str = ""
    """What the footer calls it, where it applies; neighbours of one word share it: `y n answer`. "" has no place."""
    numbered: bool = False
    """Each of its keys does it with a number, from 1 on in their order."""
    brief: str = ""
    """At most 26 cells, for help where `help` does not fit; neighbours of one text share a row there."""
    group: str = ""
    """Under which head help has it; "" is that of the place."""

    @property
    def places(self) -> tuple[str, ...]:
        """Where its key has this meaning: `fleet`, `session`, `diff`, `ask`."""
        return PLACES.get(self.where, (self.where,))

    @property
    def head(self) -> str:
        """Under which head help has it."""
        return self.group or HEADS.get(self.where, "Look")

    @property
    def shown(self) -> str:
        """Its first key without settings, as a person writes it; of numbered keys the range."""
        return shown_keys(self.keys, self.numbered)

    @property
    def written(self) -> str:
        """All its keys without settings, as a person writes them."""
        return written_keys(self.keys, self.numbered)

    def holds(self, place: str) -> bool:
        """Whether its key has this meaning there."""
        return place in self.places

    def reaches(self, place: str) -> bool:
        """Whether it has a meaning there: the replay keeps the keys of the map."""
        return self.holds(place) or (place == "replay" and self.where in SHARED)


HEADS: dict[str, str] = {
    "work": "Command", "diff": "In a diff", "session": "In a session", "ask": "Questions", "replay": "In the replay",
    "report": "In the report",
}  # fmt: skip
"""Place -> head of its keys in help."""
ORDER = (
    "Command", "Move", "Choose", "Look", "Judge", "Questions", "In a diff", "In a session", "In the replay",
    "In the report", "orc",
)  # fmt: skip
"""The heads of help in their order; others come before the last."""
ACTIONS: tuple[Action, ...] = (
    # --- questions: while the bar above the footer asks
    Action("yes", ("y", "Y"), "yes", "answer a question with yes, where it asks for nothing else", "ask",
           brief="yes, no to a question"),
    Action("no", ("n", "N"), "no", "answer a question with no: nothing is done; Esc does the same", "ask",
           brief="yes, no to a question"),
    # --- whom a session needs, and what one does about it
    Action("approve", ("y",), "approve", "allow what it asks, exactly as shown; final", "work", footer="answer",
           brief="allow what it asks"),
    Action("deny", ("n",), "deny", "refuse what it asks, and say why", "work", footer="answer",
           brief="refuse, and say why"),
    Action("undo", ("u",), "undo", "take the last command back, while it can be", "work", footer="undo",
           brief="take the last command back"),
    Action("message", ("m",), "message", "write to it", "work", footer="message", brief="write to it"),
    Action("escalate", ("e",), "escalate", "go on with the next larger model", "work", footer="model",
           brief="next larger model"),
    Action("step-down", ("d",), "step down", "go on with the next smaller model", "work", footer="model",
           brief="next smaller model"),
    Action("model", ("E",), "choose model", "go on with a model of your choice", "work",
           brief="a model of your choice"),
    Action("split", ("s",), "split", "give its remaining work to several sessions", "work", footer="split",
           brief="split its remaining work"),
    Action("pause", ("p",), "pause", "pause it, or let it go on", "work", footer="pause",
           brief="pause, or let it go on"),
    Action("kill", ("x",), "kill", "stop it now, end it 5 seconds later", "work", footer="kill",
           brief="stop now, end 5 s later"),
    Action("kill-now", ("X",), "kill now", "end it at once: asks, cannot be undone", "work",
           brief="end at once: asks first"),
    Action("revive", ("C",), "bring back", "go on with the same conversation in a new process", "work",
           footer="bring back", brief="bring it back"),
    Action("terminal", ("t",), "terminal", "go to its terminal", "work", footer="terminal",
           brief="go to its terminal"),
    Action("next-needs-you", ("full_stop",), "next", "the next session that needs you", footer="next",
           brief="next that needs you", group="Move"),
    Action("snooze", ("z",), "snooze", "leave it out of the queue for 15 minutes, or take it back", footer="snooze",
           brief="snooze for 15 minutes", group="Judge"),
    Action("acknowledge", ("a",), "not stuck", "say that this is no trouble: the cause stays muted", footer="not stuck",
           brief="not stuck: mute the cause", group="Judge"),
    Action("open", ("enter",), "open", "open the session: its transcript as it happens", footer="open",
           brief="open the session", group="Look"),
    Action("pane", ("tab",), "pane", "the other pane: map or inspector, where both do not fit", footer="pane",
           brief="the other pane", group="Move"),
    Action("next-free", ("comma",), "free", "the next session that is done: free capacity", footer="free",
           brief="next that is done", group="Move"),
    Action("latest-alert", ("space",), "latest", "the session that came to need you last",
           brief="latest that needs you", group="Move"),
    Action("overlay", ("o",), "overlay", "the next meaning of the map's colour", footer="overlay",
           brief="colour: its next meaning", group="Look"),
    Action("glance", ("G",), "glance", "large figures and the one thing that most needs you, for two metres away",
           brief="glance, from afar", group="Look"),
    Action("report", ("R",), "report", "the score: what it cost, what went wrong, what decisions changed", "anywhere",
           brief="the score page", group="Look"),
    Action("report-page-down", ("pagedown",), "page down", "in the report: one page down", "report",
           brief="page down, up"),
    Action("report-page-up", ("pageup",), "page up", "in the report: one page up", "report", brief="page down, up"),
    Action("recall", tuple("123456789"), "group", "select a group, again: to its middle", footer="groups",
           numbered=True, brief="select a group", group="Choose"),
    Action("assign", ("g",), "assign", "the selection becomes a group: then its number, 1-9",
           brief="make a group: then 1-9", group="Choose"),
    Action("add", ("A",), "add", "add the selection to a group: then its number, 1-9",
           brief="add to a group: then 1-9", group="Choose"),
    Action("need-me", ("0",), "all that need me", "select all that need you",
           brief="select all that need you", group="Choose"),
    Action("mark", ("v",), "mark", "mark it, or not any more; commands go to all marked ones", footer="mark",
           brief="mark, or no more", group="Choose"),
    Action("unmark", ("V",), "unmark all", "no session is marked any more", footer="unmark",
           brief="unmark all", group="Choose"),
    Action("filter", ("slash",), "filter", "show only sessions that match a word", footer="filter",
           brief="show only what matches", group="Look"),
    Action("new", ("c",), "new session", "begin a session: agent, directory, prompt", "work", footer="new",
           brief="begin a session"),
    Action("budget", ("b",), "budget", "what it may cost, with all that it starts", "work",
           brief="what it may cost"),
    Action("note", ("w",), "why", "note the reason for the next command", "work",
           brief="why, for the next command"),
    Action("back", ("escape",), "back", "back; on the map, take the filter away", "anywhere",
           brief="back; filter away", group="Look"),
    Action("zoom-in", ("plus", "equals_sign"), "larger", "larger cells: from dots to tiles",
           brief="larger, smaller cells", group="Look"),
    Action("zoom-out", ("minus",), "smaller", "smaller cells: from tiles to dots",
           brief="larger, smaller cells", group="Look"),
    Action("region-back", ("left_curly_bracket",), "region up", "move the selected session's region nearer the top",
           brief="its region: nearer the top", group="Look"),
    Action("region-on", ("right_curly_bracket",), "region down", "move the selected session's region farther down",
           brief="its region: farther down", group="Look"),
    Action("pin", ("vertical_line",), "pin", "pin the region of the selected session to the top, or not any more",
           brief="its region: pin to the top", group="Look"),
    Action("left", ("left", "h"), "left", "one cell to the left", brief="move on the map", group="Move"),
    Action("down", ("down", "j"), "down", "one row down", brief="move on the map", group="Move"),
    Action("up", ("up", "k"), "up", "one row up", brief="move on the map", group="Move"),
    Action("right", ("right", "l"), "right", "one cell to the right", brief="move on the map", group="Move"),
    Action("diff", ("D",), "diff", "what the session changed since it began, line by line", "anywhere",
           brief="what it changed", group="Look"),
    Action("next-file", ("n",), "next file", "in a diff: the next file", "diff", footer="next file",
           brief="next, earlier file"),
    Action("previous-file", ("p",), "file before", "in a diff: the file before", "diff", footer="file before",
           brief="next, earlier file"),
    Action("page-down", ("pagedown",), "down", "in a diff: one page down", "diff", footer="down",
           brief="page down, up"),
    Action("page-up", ("pageup",), "up", "in a diff: one page up", "diff", footer="up", brief="page down, up"),
    # --- reading one session
    Action("fold", ("enter", "o"), "unfold", "in a session: unfold the chosen entry, or fold it", "session",
           footer="unfold", brief="unfold one, unfold all"),
    Action("fold-all", ("O",), "unfold all", "in a session: unfold every tool call, or fold all", "session",
           footer="unfold", brief="unfold one, unfold all"),
    Action("find", ("slash",), "find", "in a session: find a text, however long ago", "session", footer="find",
           brief="find a text"),
    Action("find-next", ("N",), "next match", "in a session: the next match of what was searched", "session",
           footer="match", brief="next, earlier match"),
    Action("find-previous", ("P",), "match before", "in a session: the match before", "session", footer="match",
           brief="next, earlier match"),
    Action("follow", ("f",), "follow", "in a session: to its end, and stay there as it goes on", "session",
           footer="follow", brief="follow what comes"),
    Action("evidence", ("equals_sign",), "evidence", "in a session: the lines that prove what is told of it", "session",
           footer="evidence", brief="the lines that prove it"),
    Action("copy", ("quotation_mark",), "copy", "in a session: copy the chosen entry to the clipboard", "session",
           footer="copy", brief="copy the chosen entry"),
    Action("other-part", ("tab",), "instrument", "in a session: the next instrument to the front", "session",
           footer="instrument", brief="next instrument"),
    Action("entry-down", ("down", "j"), "down", "in a session: the next entry", "session", brief="next, earlier entry"),
    Action("entry-up", ("up", "k"), "up", "in a session: the entry before", "session", brief="next, earlier entry"),
    Action("entry-page-down", ("pagedown",), "page down", "in a session: one page down", "session",
           brief="page down, up"),
    Action("entry-page-up", ("pageup",), "page up", "in a session: one page up", "session", brief="page down, up"),
    Action("entry-first", ("home",), "first", "in a session: its first entry", "session", brief="first, last entry"),
    Action("entry-last", ("end",), "last", "in a session: its last entry; it is followed from there", "session",
           brief="first, last entry"),
    Action("theme", ("T",), "theme", "choose a theme: each is shown as you reach it", "anywhere",
           brief="choose a theme", group="Look"),
    Action("replay", ("r",), "replay", "look back: the same screen as it stood at any time; again: back to now",
           footer="replay", brief="look back; back to now", group="Look"),
    # --- the replay: these keys come before those of the map; commands are refused there
    Action("play", ("space",), "play", "let the time run, or stop it", "replay", footer="play", brief="run, or stop"),
    Action("decision-before", ("left_square_bracket",), "decision before", "to the decision before", "replay",
           footer="decision", brief="decision before, after"),
    Action("decision-after", ("right_square_bracket",), "decision after", "to the next decision", "replay",
           footer="decision", brief="decision before, after"),
    Action("event-before", ("left",), "event before", "to the event before", "replay", footer="event",
           brief="event before, after"),
    Action("event-after", ("right",), "event after", "to the next event", "replay", footer="event",
           brief="event before, after"),
    Action("turn-before", ("left_curly_bracket",), "turn before", "to the selected session's turn before", "replay",
           footer="turn", brief="its turn before, after"),
    Action("turn-after", ("right_curly_bracket",), "turn after", "to the selected session's next turn", "replay",
           footer="turn", brief="its turn before, after"),
    Action("minute-before", ("pageup",), "minute back", "one minute back", "replay", footer="minute",
           brief="a minute back, on"),
    Action("minute-after", ("pagedown",), "minute on", "one minute on", "replay", footer="minute",
           brief="a minute back, on"),
    Action("slower", ("less_than_sign",), "slower", "run slower, down to the real pace", "replay", footer="speed",
           brief="slower, faster"),
    Action("faster", ("greater_than_sign",), "faster", "run faster, up to a thousand times", "replay", footer="speed",
           brief="slower, faster"),
    Action("set-time", ("S",), "time", "go to a time: 14:02, or a duration back from now", "replay", footer="time",
           brief="go to a time"),
    Action("compare", ("V",), "compare", "two sessions side by side on one clock: the marked ones, or its nearest kin",
           "replay", footer="compare", brief="two side by side"),
    Action("loop", ("L",), "loop", "a stretch again and again: where it begins, where it ends, no more", "replay",
           footer="loop", brief="a stretch again and again"),
    Action("skip-idle", ("i",), "idle gaps", "skip stretches in which nothing happened, or play them", "replay",
           footer="idle", brief="skip idle gaps, or not"),
    Action("export", ("ctrl+e",), "export", "write this instant, or the marked stretch, to a file for others", "replay",
           footer="export", brief="write it to a file"),
    Action("wider", ("left_parenthesis",), "wider", "a longer stretch on the timeline", "replay", footer="stretch",
           brief="longer, shorter stretch"),
    Action("narrower", ("right_parenthesis",), "narrower", "a shorter stretch on the timeline", "replay",
           footer="stretch", brief="longer, shorter stretch"),
    Action("now", ("escape",), "now", "out of the replay, back to now", "replay", footer="now", brief="back to now"),
    # --- the first steps: the footer shows them while there is nothing else to do
    Action("read-all", ("I",), "read all", "read every transcript that is on this disk", footer="read all",
           brief="read all that is on disk", group="orc"),
    Action("hook", ("H",), "hook", "let orc answer Claude's permission requests: shows the change, then asks",
           footer="hook", brief="Claude's hook: asks first", group="orc"),
    Action("demo", ("P",), "demo", "play the demo: a fleet of its own, without key and network; q comes back here",
           footer="demo", brief="play the demo", group="orc"),
    Action("doctor", ("exclamation_mark",), "doctor", "what was found on this machine, what is off, how to fix it",
           "anywhere", footer="doctor", brief="what is off, how to fix it", group="orc"),
    Action("start-host", ("W",), "start host", "start the host that watches, when none runs", "anywhere",
           footer="start host", brief="start the host", group="orc"),
    Action("quit", ("q", "ctrl+c"), "quit", "close the dashboard; the host goes on watching", "anywhere", footer="quit",
           brief="close; the host goes on", group="orc"),
    Action("palette", ("colon",), "all", "every action by name", "anywhere", footer="all",
           brief="every action by name", group="orc"),
    Action("help", ("question_mark",), "help", "all keys on one page", "anywhere", footer="help",
           brief="this page", group="orc"),
)  # fmt: skip
"""In the order in which the footer shows them."""
BY_ID = {action.id: action for action in ACTIONS}
COMMANDS = frozenset(action.id for action in ACTIONS if action.where == "work")
"""What is asked of the host, or of the session's terminal."""
SELECTING = frozenset({"recall", "assign", "add", "need-me", "mark", "unmark"})


def by_head(actions: Iterable[Action] = ACTIONS) -> list[tuple[str, list[Action]]]:
    """The heads of help with their actions, in order."""
    found: dict[str, list[Action]] = {head: [] for head in ORDER[:-1]}
    for action in actions:
        found.setdefault(action.head, []).append(action)
    found[ORDER[-1]] = found.pop(ORDER[-1], [])
    return [(head, there) for head, there in found.items() if there]


def check(actions: Iterable[Action]) -> list[str]:
    """What is wrong with a table: an id twice, a key with two meanings in one place."""
    faults: list[str] = []
    ids: set[str] = set()
    used: dict[tuple[str, str], str] = {}
    for action in actions:
        if action.id in ids:
            faults.append(f"{action.id} is there twice")
        ids.add(action.id)
        for place in action.places:
            for key in action.keys:
                other = used.setdefault((place, key), action.id)
                if other != action.id:
                    faults.append(f"{key} means both {other} and {action.id}")
    return faults
