"""Mutation rules: each knows one small thing that is often wrong, and which edits of a function would put it right.

They are their own inverse: what mends a fault also makes one, which is how the scratch repositories get theirs.
"""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache

from msgspec import Struct

Function = ast.FunctionDef | ast.AsyncFunctionDef


class Candidate(Struct, frozen=True):
    """One edit of one line."""

    rule: str
    line: int
    """From 1."""
    before: str
    after: str

    def applied(self, source: str) -> str:
        """The source with the edit made."""
        lines = source.split("\n")
        lines[self.line - 1] = self.after
        return "\n".join(lines)


class _Lines:
    """A source by lines; `ast` counts columns in bytes."""

    def __init__(self, source: str) -> None:
        self.source = source
        self._lines = source.split("\n")

    def between(self, line: int, start: int, end: int, rule: str, change: Callable[[str], str]) -> Iterator[Candidate]:
        """The line with the part from `start` to `end` changed; nothing when it stays the same."""
        text = self._lines[line - 1]
        raw = text.encode()
        part = raw[start:end].decode("utf-8", "replace")
        new = raw[:start].decode() + change(part) + raw[end:].decode()
        if new != text:
            yield Candidate(rule, line, text, new)

    def node(self, node: ast.expr | ast.stmt, rule: str, change: Callable[[str], str]) -> Iterator[Candidate]:
        """The same for a node that stands on one line."""
        if node.lineno == node.end_lineno and node.end_col_offset is not None:
            yield from self.between(node.lineno, node.col_offset, node.end_col_offset, rule, change)

    def gap(
        self, left: ast.expr, right: ast.expr, rule: str, swaps: Mapping[str, tuple[str, ...]]
    ) -> Iterator[Candidate]:
        """The operator between two nodes of one line, by each of its replacements."""
        if left.end_lineno != right.lineno or left.end_col_offset is None:
            return
        text = self._lines[right.lineno - 1].encode()[left.end_col_offset : right.col_offset].decode("utf-8", "replace")
        token = text.strip(" ()")
        for other in swaps.get(token, ()):
            yield from self.between(
                right.lineno,
                left.end_col_offset,
                right.col_offset,
                rule,
                lambda part, token=token, other=other: part.replace(token, other, 1),  # type: ignore[misc]
            )


Rule = Callable[[_Lines, Function, ast.Module], Iterator[Candidate]]

_FLIPS = {
    "<": (">",), ">": ("<",), "<=": (">=",), ">=": ("<=",), "==": ("!=",), "!=": ("==",),
    "in": ("not in",), "not in": ("in",), "is": ("is not",), "is not": ("is",),
}  # fmt: skip
_EDGES = {"<": ("<=",), "<=": ("<",), ">": (">=",), ">=": (">",)}
_SIGNS = {"+": ("-", "*"), "-": ("+",), "*": ("/", "+"), "/": ("*", "//"), "//": ("%", "/"), "%": ("//",)}
_TWINS = {
    "min": "max", "max": "min", "any": "all", "all": "any", "lower": "upper", "upper": "lower",
    "startswith": "endswith", "endswith": "startswith", "lstrip": "rstrip", "rstrip": "lstrip",
    "keys": "values", "values": "keys", "floor": "ceil", "ceil": "floor", "add": "discard", "sum": "len",
}  # fmt: skip
_DEFAULTS = (0, 1, 2, 10, 100, "", " ", ", ", "-", None, True, False)


def _comparison(lines: _Lines, function: Function, module: ast.Module, swaps: Mapping[str, tuple[str, ...]] = _FLIPS,
                rule: str = "comparison") -> Iterator[Candidate]:  # fmt: skip
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            yield from lines.gap(node.left, node.comparators[0], rule, swaps)


def _boundary(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    yield from _comparison(lines, function, module, _EDGES, "boundary")


def _operator(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    for node in ast.walk(function):
        if isinstance(node, ast.BinOp):
            yield from lines.gap(node.left, node.right, "operator", _SIGNS)
        elif isinstance(node, ast.AugAssign):
            swaps = {f"{sign}=": tuple(f"{other}=" for other in others) for sign, others in _SIGNS.items()}
            yield from lines.gap(node.target, node.value, "operator", swaps)


def _off_by_one(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    for node in ast.walk(function):
        if isinstance(node, ast.Constant) and type(node.value) is int:
            for number in (node.value + 1, node.value - 1):
                if number >= 0:
                    yield from lines.node(node, "off-by-one", lambda _, number=number: str(number))  # type: ignore[misc]
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub) and _is_one(node.right):
            if node.left.end_col_offset is not None and node.left.end_lineno == node.end_lineno == node.lineno:
                end = node.left.end_col_offset - node.col_offset
                yield from lines.node(node, "off-by-one", lambda part, end=end: part[:end])  # type: ignore[misc]
        else:
            for bound in _bounds(node):
                for more in (" + 1", " - 1"):
                    yield from lines.node(bound, "off-by-one", lambda part, more=more: part + more)  # type: ignore[misc]


def _is_one(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value == 1


def _bounds(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "range":
        ends = node.args[-1:] if len(node.args) == 1 else node.args[:2]
    elif isinstance(node, ast.Slice):
        ends = [end for end in (node.lower, node.upper) if end is not None]
    else:
        return []
    return [end for end in ends if isinstance(end, ast.Name | ast.Call | ast.Attribute)]


def _return(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    for node in ast.walk(function):
        for body in (getattr(node, "body", None), getattr(node, "orelse", None)):
            if not isinstance(body, list) or not body:
                continue
            last = body[-1]
            if isinstance(last, ast.Expr) and not isinstance(last.value, ast.Constant):
                yield from lines.node(last, "return", "return {}".format)
            elif isinstance(last, ast.Return) and last.value is not None:
                yield from lines.node(last, "return", lambda part: part.removeprefix("return "))


def _default(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    for node in (*function.args.defaults, *(value for value in function.args.kw_defaults if value is not None)):
        if isinstance(node, ast.Constant):
            kind = type(node.value)
            for value in sorted(_DEFAULTS, key=lambda value: type(value) is not kind):
                yield from lines.node(node, "default", lambda _, value=value: _literal(value))  # type: ignore[misc]


def _literal(value: object) -> str:
    return f'"{value}"' if isinstance(value, str) else repr(value)


def _twin(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and node.id in _TWINS and isinstance(node.ctx, ast.Load):
            yield from lines.node(node, "twin", lambda name: _TWINS[name])
        elif isinstance(node, ast.Attribute) and node.attr in _TWINS and node.lineno == node.end_lineno:
            end = node.end_col_offset or 0
            start = end - len(node.attr.encode())
            yield from lines.between(node.lineno, start, end, "twin", lambda name: _TWINS[name])


def _negation(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    for node in ast.walk(function):
        if isinstance(node, ast.If | ast.IfExp):
            test = node.test
            if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
                yield from lines.node(test, "negation", lambda part: part.removeprefix("not "))
            elif not isinstance(test, ast.Compare | ast.BoolOp):
                yield from lines.node(test, "negation", "not {}".format)


def _boolean(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    for node in ast.walk(function):
        if isinstance(node, ast.BoolOp):
            for left, right in zip(node.values, node.values[1:], strict=False):
                yield from lines.gap(left, right, "boolean", {"and": ("or",), "or": ("and",)})


def _arguments(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and len(node.args) == 2 and not node.keywords:
            one, two = (ast.get_source_segment(lines.source, arg) for arg in node.args)
            if one and two and one != two and "\n" not in one + two:
                end = node.args[1].end_col_offset
                if node.lineno == node.end_lineno and end is not None:
                    swapped = f"{two}, {one}"
                    start = node.args[0].col_offset
                    yield from lines.between(node.lineno, start, end, "arguments", lambda _, new=swapped: new)  # type: ignore[misc]


def _spelling(lines: _Lines, function: Function, module: ast.Module) -> Iterator[Candidate]:
    known = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    known |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    for node in module.body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            known.add(node.name)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            known |= {(name.asname or name.name).partition(".")[0] for name in node.names}
        elif isinstance(node, ast.Assign):
            known |= {name.id for target in node.targets for name in ast.walk(target) if isinstance(name, ast.Name)}
    everything = known | set(dir(builtins))
    for inner in ast.walk(function):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Load) and inner.id not in everything:
            close = difflib.get_close_matches(inner.id, sorted(known), 2, 0.6)
            close += difflib.get_close_matches(inner.id, sorted(everything - known), 1, 0.75)
            for name in close:
                yield from lines.node(inner, "spelling", lambda _, name=name: name)  # type: ignore[misc]


RULES: dict[str, Rule] = {
    "spelling": _spelling, "return": _return, "comparison": _comparison, "operator": _operator, "twin": _twin,
    "default": _default, "boundary": _boundary, "off-by-one": _off_by_one, "negation": _negation,
    "boolean": _boolean, "arguments": _arguments,
}  # fmt: skip


def functions(module: ast.Module) -> list[Function]:
    """Every function and method of a module, in the order of their lines."""
    found = [node for node in ast.walk(module) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    return sorted(found, key=lambda node: node.lineno)


def parsed(source: str) -> ast.Module | None:
    """The module, or None when it is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError, RecursionError):
        return None


@lru_cache(maxsize=512)
def candidates(source: str, function: str, rule: str) -> tuple[Candidate, ...]:
    """Every edit that a rule knows in a function; only those that leave valid Python, each once, by line."""
    module = parsed(source)
    if module is None:
        return ()
    lines = _Lines(source)
    found: dict[Candidate, None] = {}
    for node in functions(module):
        if node.name == function:
            for one in RULES[rule](lines, node, module):
                if one not in found and parsed(one.applied(source)) is not None:
                    found[one] = None
    return tuple(sorted(found, key=lambda one: one.line))
