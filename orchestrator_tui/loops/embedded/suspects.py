"""Where a fault may be: the functions that tracebacks name, those that failing tests call, and what these call."""

from __future__ import annotations

import ast
from collections.abc import Generator, Iterable
from pathlib import PurePosixPath

from msgspec import Struct

from orchestrator_tui.loops.embedded.outcomes import Outcome, among, is_test
from orchestrator_tui.loops.embedded.rules import Function, functions, parsed
from orchestrator_tui.loops.embedded.steps import Answer, Call, Move, source_of


class Suspect(Struct, frozen=True):
    """A function that may be wrong; `line` is the one a traceback names, or 0."""

    path: str
    function: str
    line: int = 0


class Files(Struct):
    """What the model has read: path -> text, and the names of all files."""

    listing: list[str]
    texts: dict[str, str] = {}

    def read(self, paths: Iterable[str]) -> Generator[Move, Answer, None]:
        """Read what was not read yet, all in one response."""
        missing = [path for path in dict.fromkeys(paths) if path not in self.texts]
        if missing:
            answer = yield Move(f"I read {_and(missing)}.", tuple(Call("read", {"path": path}) for path in missing))
            for path, result in zip(missing, (*answer.results, *[""] * len(missing)), strict=False):
                self.texts[path] = source_of(result)

    def module(self, path: str) -> ast.Module | None:
        """A file that was read, parsed."""
        return parsed(self.texts.get(path, "\0"))


def _and(names: list[str]) -> str:
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def imported(module: ast.Module, listing: list[str]) -> list[str]:
    """The files of the listing that a module imports, in the order of its lines."""
    names: list[str] = []
    for node in ast.walk(module):
        if isinstance(node, ast.Import):
            names += [name.name for name in node.names]
        elif isinstance(node, ast.ImportFrom):
            stem = f"{node.module}." if node.module else ""
            names += [*([node.module] if node.module else []), *(stem + name.name for name in node.names)]
    found = (among(f"/{name.replace('.', '/')}.py", listing) for name in names)
    return list(dict.fromkeys(path for path in found if path))


def called(node: ast.AST) -> list[str]:
    """Names of the functions and methods that are called in a node."""
    calls = [inner.func for inner in ast.walk(node) if isinstance(inner, ast.Call)]
    names = [f.id if isinstance(f, ast.Name) else f.attr for f in calls if isinstance(f, ast.Name | ast.Attribute)]
    return list(dict.fromkeys(names))


def suspects(seen: Outcome, files: Files, follow: bool) -> Generator[Move, Answer, list[Suspect]]:
    """Read what is needed, and name the suspects, the likeliest first. `follow`: into other files, too."""
    named = [(path, place) for place in seen.places if (path := among(place.path, files.listing))]
    tests = [path for path, _ in named if is_test(path)] or [path for path in files.listing if is_test(path)][:3]
    code = [path for path, _ in named if not is_test(path)]
    yield from files.read([*tests, *code])
    found: list[Suspect] = []
    for path, place in reversed(named):
        if not is_test(path) and place.function != "<module>":
            found.append(Suspect(path, place.function, place.line))
    under_test: list[str] = []
    for path in dict.fromkeys(tests):
        module = files.module(path)
        under_test += [other for other in imported(module, files.listing) if not is_test(other)] if module else []
    if not found:
        yield from files.read(under_test)
        wanted = _by_tests([files.module(path) for path in dict.fromkeys(tests)], set(seen.tests))
        found += _defined(wanted, list(dict.fromkeys(under_test)), files)
    return (yield from _and_what_they_call(found, files, follow))


def _by_tests(modules: list[ast.Module | None], failing: set[str]) -> list[str]:
    """Called names, those first that failing tests call and passing ones do not."""
    bad: dict[str, int] = {}
    good: dict[str, int] = {}
    for module in modules:
        for test in functions(module) if module else ():
            tally = bad if test.name in failing else good
            for name in called(test):
                tally[name] = tally.get(name, 0) + 1
    return sorted(bad, key=lambda name: -bad[name] / (bad[name] + good.get(name, 0)))


def _defined(names: list[str], paths: list[str], files: Files) -> list[Suspect]:
    places = {(path, function.name) for path in paths for function in _functions(files, path)}
    return [Suspect(path, name) for name in names for path in paths if (path, name) in places]


def _functions(files: Files, path: str) -> list[Function]:
    module = files.module(path)
    return functions(module) if module else []


def _and_what_they_call(found: list[Suspect], files: Files, follow: bool) -> Generator[Move, Answer, list[Suspect]]:
    everyone = {(one.path, one.function): one for one in reversed(found)}
    order = list(dict.fromkeys((one.path, one.function) for one in found))
    for path, name in order:  # grows while it is gone through
        module = files.module(path)
        if module is None:
            continue
        places = [path]
        if follow:
            others = [other for other in imported(module, files.listing) if not is_test(other)]
            yield from files.read(others)
            places += others
        for function in functions(module):
            if function.name == name:
                for one in _defined(called(function), places, files):
                    if (one.path, one.function) not in everyone and len(order) < 12:
                        everyone[one.path, one.function] = one
                        order.append((one.path, one.function))
    return [everyone[key] for key in order]


def name_of(path: str) -> str:
    """A module's own name."""
    return PurePosixPath(path).stem
