"""The ask bar: it takes the keys while it is open, and gives them back with Esc."""

from __future__ import annotations

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import TextArea

from orchestrator_tui.clock import Clock
from orchestrator_tui.text import clean, utf8
from orchestrator_tui.ui.draw.askbar import LABEL, TALL, head_lines, key_line, request_lines, window
from orchestrator_tui.ui.draw.ink import Line, fit, line_of
from orchestrator_tui.ui.keymap import DEFAULT, Keymap
from orchestrator_tui.ui.questions import Field, Question, Values
from orchestrator_tui.ui.widgets.panel import Panel, Styles

HELD = 300_000_000
"""Nanoseconds: a yes to something final that comes sooner than this is a key that is held down."""
LEAST_MAP = 8
"""Rows that the bar leaves to the rest of the screen."""


class Entry(TextArea):
    """A text that is filled in; what is pasted is cleaned before it is shown."""

    def __init__(self, field: Field) -> None:
        super().__init__(
            clean(field.value), compact=True, soft_wrap=True, show_line_numbers=False, highlight_cursor_line=False,
            placeholder=clean(field.hint), tab_behavior="focus", classes=f"ask-{field.name}",
        )  # fmt: skip
        self.field = field
        self.styles.height = field.rows

    @property
    def value(self) -> str:
        """What is in it; of a single line no break."""
        text = clean(utf8(self.text)).strip()
        return text if self.field.rows > 1 else " ".join(text.split("\n"))

    async def _on_key(self, event: events.Key) -> None:
        # Enter is the bar's, but in a list of lines; without this the text takes it first.
        if event.key == "enter" and not self.field.lines:
            event.prevent_default()

    async def _on_paste(self, event: events.Paste) -> None:
        await super()._on_paste(events.Paste(clean(utf8(event.text))))
        event.stop()
        event.prevent_default()


class Pick(Panel):
    """One of a few words; the arrows change it."""

    can_focus = True

    def __init__(self, field: Field, styles: Styles) -> None:
        super().__init__(self._words, classes=f"ask-{field.name}")
        self.field, self.styles_of = field, styles
        self.value = field.value if field.value in field.choices else field.choices[0]
        self.styles.height = 1

    def _words(self, columns: int, rows: int) -> list[Line]:
        runs = []
        for choice in self.field.choices:
            chosen = choice == self.value
            role = ("strong bold reverse" if self.has_focus else "strong bold") if chosen else "dim"
            runs += [(choice, f"{role} on surface"), ("   ", "text on surface")]
        return [line_of(runs, columns, "text on surface")]

    def step(self, by: int) -> None:
        """The next choice."""
        place = self.field.choices.index(self.value)
        self.value = self.field.choices[(place + by) % len(self.field.choices)]
        self.redraw()

    def on_focus(self) -> None:
        """It is seen which one the arrows change."""
        self.redraw()

    def on_blur(self) -> None:
        """It is not this one any more."""
        self.redraw()


class AskBar(Vertical, can_focus=True):
    """One question at a time, above the footer."""

    def __init__(self, clock: Clock, hands: Keymap = DEFAULT) -> None:
        """`hands`: the keys in force."""
        super().__init__(id="ask")
        self.clock, self.hands = clock, hands
        self.question: Question | None = None
        self.wrong = ""
        """What was wrong with the last answer."""
        self.top = 0
        self._seen_to = 0
        """How many rows of the request have been on the screen."""
        self._since = 0
        self._paint: Styles | None = None
        self._inputs: list[Entry | Pick] = []
        self._head: list[Line] = []

    def compose(self) -> ComposeResult:
        """The question and its fields; the keys that answer it stand in the footer."""
        yield Panel(lambda columns, rows: self._head, id="ask-head")
        yield VerticalScroll(id="ask-fields", can_focus=False)

    # --- open and shut ------------------------------------------------------------------------------------

    @property
    def opened(self) -> bool:
        """Whether a question stands."""
        return self.question is not None

    def open(self, question: Question, paint: Styles) -> None:
        """Ask; another question that stood is not asked any more."""
        fields = next(iter(self.query("#ask-fields")), None)
        if fields is None or not fields.is_attached:
            # Keys that were typed ahead still come while the screen is being closed.
            return
        self.question, self._paint, self.wrong = question, paint, ""
        self.top = self._seen_to = 0
        self._since = self.clock.monotonic()
        fields.remove_children()
        self._inputs = [Pick(one, paint) if one.choices else Entry(one) for one in question.fields]
        fields.mount(*(_row(one, widget, paint) for one, widget in zip(question.fields, self._inputs, strict=True)))
        fields.display = bool(question.fields)
        self.add_class("-open")
        self.use(paint)
        self.call_after_refresh(self._focus_first)
        self.focus()

    def close(self) -> None:
        """Ask nothing; keys have their own meaning again."""
        self.question = None
        self.remove_class("-open")
        self.query_one("#ask-fields").remove_children()
        self.screen.set_focus(None)
        self.screen.query_one("#footer", Panel).redraw()

    def use(self, paint: Styles) -> None:
        """Paint in this theme."""
        self._paint = paint
        for panel in self.query(Panel):
            panel.use(paint)
        self.lay_out()

    def _focus_first(self) -> None:
        if self.question is None:
            return
        if self._inputs and self.screen.focused is self:
            self._inputs[0].focus()

    # --- what it shows ------------------------------------------------------------------------------------

    def lay_out(self) -> None:
        """Take the rows that the question needs at this width."""
        question = self.question
        if question is None:
            return
        size = self.screen.size
        columns = max(1, size.width)
        wanted = sum(one.rows for one in question.fields)
        room = max(1, size.height - LEAST_MAP - 1)
        rows = request_lines(question, max(1, columns - 4))
        head = head_lines(question, self.wrong, columns, max(1, room - min(wanted, 4) - min(len(rows), 3)))
        shown = min(len(rows), TALL + 1, max(1, room - len(head))) if rows else 0
        if len(rows) > shown:
            page = max(1, shown - 1)
            self.top = max(0, min(self.top, len(rows) - page))
            self._seen_to = max(self._seen_to, self.top + page)
        else:
            self.top, self._seen_to = 0, len(rows)
        self._rows = len(rows)
        part = [line_of(list(row), columns, "text on surface") for row in window(rows, self.top, shown, columns)]
        self._head = [*head, *part]
        fields = max(0, min(wanted, room - len(self._head)))
        self.query_one("#ask-head").styles.height = len(self._head)
        self.query_one("#ask-fields").styles.height = max(1, fields) if question.fields else 0
        self.styles.height = len(self._head) + (max(1, fields) if question.fields else 0)
        for panel in self.screen.query(Panel):
            if panel.id == "footer" or self in panel.ancestors:
                panel.redraw()

    def keys(self, columns: int) -> list[Line]:
        """What answers it, for the footer; nothing while nothing is asked."""
        return [key_line(self.question, self._whole, columns, self.hands)] if self.question is not None else []

    @property
    def _whole(self) -> bool:
        return self._seen_to >= self._rows

    _rows = 0

    # --- keys ---------------------------------------------------------------------------------------------

    def on_key(self, event: events.Key) -> None:
        """Every key is the bar's while it is open, but Ctrl+C outside of a text."""
        question = self.question
        if question is None:
            return
        key, focused = event.key, self.screen.focused
        if key == "escape":
            self.close()
        elif question.fields:
            if not self._fill(key, focused):
                return
        elif key == "ctrl+c":
            return
        elif question.digits:
            if key in "123456789":
                self._answer({"digit": key})
        elif key in (self.hands.keys("yes") or ("enter",)):
            self._yes(question)
        elif key in self.hands.keys("no"):
            self.close()
        else:
            self._scroll(key)
        event.stop()
        event.prevent_default()

    def _fill(self, key: str, focused: Widget | None) -> bool:
        """A key while fields are open; whether it was used."""
        question = self.question
        if question is None:
            return False
        if key == "ctrl+s":
            self.submit()
        elif key in ("tab", "shift+tab"):
            self._next(1 if key == "tab" else -1)
        elif isinstance(focused, Pick) and key in ("left", "right", "space", "h", "l"):
            focused.step(-1 if key in ("left", "h") else 1)
        elif key == "enter" and not (isinstance(focused, Entry) and focused.field.lines):
            self.submit() if not question.lines else self._next(1)
        elif key == "ctrl+j" and isinstance(focused, Entry) and focused.field.rows > 1:
            focused.insert("\n")
        else:
            # What a text area does with other keys are bindings of its own.
            return isinstance(focused, Pick)
        return True

    def _next(self, by: int) -> None:
        there, focused = self._inputs, self.screen.focused
        if there:
            place = next((n for n, one in enumerate(there) if one is focused), -by)
            there[(place + by) % len(there)].focus()

    def _scroll(self, key: str) -> None:
        page = max(1, len(self._head) - 3)
        by = {"down": 1, "j": 1, "up": -1, "k": -1, "pagedown": page, "pageup": -page, "space": page, "home": -1 << 20}
        if key == "end":
            # To the end is through it: every row comes by, none is left out of what counts as shown.
            self._seen_to = self._rows
            self.top = self._rows
        elif key in by:
            self.top = max(0, self.top + by[key])
        else:
            return
        self.lay_out()

    def _yes(self, question: Question) -> None:
        now = self.clock.monotonic()
        early = question.careful and now - self._since < HELD
        self._since = now
        if early:
            return
        if not self._whole:
            self.wrong = "not all of it has been on the screen: ↓, or End"
            self.lay_out()
            return
        self._answer({})

    def submit(self) -> None:
        """Do it with what is filled in."""
        self._answer({widget.field.name: widget.value for widget in self._inputs})

    def _answer(self, values: Values) -> None:
        question = self.question
        if question is None:
            return
        wrong = question.answer(values)
        if self.question is not question:
            # One question led to another.
            return
        if wrong:
            self.wrong = wrong
            self.lay_out()
        else:
            self.close()


def _row(one: Field, widget: Widget, paint: Styles) -> Horizontal:
    """A label and what is filled in."""
    role = "dim on surface"
    label = Panel(lambda columns, rows: [line_of([("   " + fit(one.label, LABEL - 3), role)], columns, role)] * rows)
    label.styles.width, label.styles.height, label.styles_of = LABEL, one.rows, paint
    if one.rows > 1:
        label._draw = lambda columns, rows: [
            line_of([("   " + fit(one.label, LABEL - 3) if not row else "", role)], columns, role)
            for row in range(rows)
        ]
    row = Horizontal(label, widget)
    row.styles.height = one.rows
    return row
