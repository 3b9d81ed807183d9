"""What else stands in a scratch repository: its README, and the tests of what is asked for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from orchestrator_tui.loops.embedded.rules import Function
from orchestrator_tui.loops.embedded.theme import Theme

_CASES = {
    "clamp": ("clamp(5, 1, 3), 3", "clamp(0, 1, 3), 1", "clamp(2, 1, 3), 2"),
    "mean": ("mean([1, 2, 6]), 3", "mean([]), 0"),
    "initials": ("initials('ada lovelace'), 'AL'", "initials(''), ''"),
    "chunks": ("chunks([1, 2, 3], 2), [[1, 2], [3]]", "chunks([], 2), []"),
    "median": ("median([3, 1, 2]), 2", "median([4, 1, 2, 3]), 2.5"),
    "run_lengths": ("run_lengths('aab'), [('a', 2), ('b', 1)]", "run_lengths(''), []"),
    "merge_ranges": ("merge_ranges([(5, 6), (1, 2), (2, 4)]), [(1, 4), (5, 6)]", "merge_ranges([]), []"),
    "roman": ("roman(4), 'IV'", "roman(1994), 'MCMXCIV'"),
}


def readme(theme: Theme) -> str:
    """A short README."""
    about = theme.code.split('"""')[1]
    where = f"`{theme.rename[0]}` stands in {theme.helper}.py."
    return f"# {theme.name}\n\n{about}\n\nThe tests: `python3 -m unittest`. {where}\n"


def function_test(module: str, name: str) -> str:
    """Tests of a function that is to be written."""
    lines = "\n".join(f"        self.assertEqual({case})" for case in _CASES[name])
    return (
        f"import unittest\n\nfrom {module} import {name}\n\n\nclass Missing(unittest.TestCase):\n"
        f"    def test_{name}(self):\n{lines}\n"
    )


def rename_test(theme: Theme) -> str:
    """A test that the new name is there and the old one is not."""
    old, new = theme.rename
    # The old name must not stand here as a word, or it would be renamed, too.
    half = len(old) // 2
    return (
        f"import unittest\n\nimport {theme.helper}\n\n\nclass Names(unittest.TestCase):\n    def test_new_name(self):\n"
        f'        self.assertTrue(hasattr({theme.helper}, "{new}"))\n'
        f'        self.assertFalse(hasattr({theme.helper}, "{old[:half]}" + "{old[half:]}"))\n'
    )


def docs_test(theme: Theme) -> str:
    """A test that each public function has a docstring and stands in the README."""
    return (
        f"import inspect\nimport pathlib\nimport unittest\n\nimport {theme.helper}\nimport {theme.name}\n\n\n"
        "class Docs(unittest.TestCase):\n    def test_documented(self):\n"
        '        text = pathlib.Path(__file__).parent.parent.joinpath("README.md").read_text()\n'
        f"        for module in ({theme.helper}, {theme.name}):\n"
        "            for name, function in inspect.getmembers(module, inspect.isfunction):\n"
        "                with self.subTest(name):\n"
        "                    self.assertTrue(function.__doc__)\n"
        "                    self.assertIn(f'`{name}(', text)\n"
    )


def impossible_test(theme: Theme) -> str:
    """Two tests that no code can pass together."""
    name = theme.rename[0]
    return (
        f"import unittest\n\nimport {theme.helper}\n\n\nclass Rules(unittest.TestCase):\n"
        f"    def test_is_there(self):\n        self.assertTrue(callable({theme.helper}.{name}))\n\n"
        f"    def test_is_gone(self):\n        self.assertFalse(hasattr({theme.helper}, '{name}'))\n"
    )


def misspelt(source: str, function: Function) -> Iterator[str]:
    """The source with one use of a local name misspelt: two of its letters are swapped."""
    lines = source.split("\n")
    stored = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(function):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in stored and len(node.id) > 3:
            middle = len(node.id) // 2
            name = node.id[: middle - 1] + node.id[middle] + node.id[middle - 1] + node.id[middle + 1 :]
            if name != node.id and re.fullmatch(r"\w+", name):
                line = lines[node.lineno - 1]
                wrong = line[: node.col_offset] + name + line[node.end_col_offset :]
                yield "\n".join([*lines[: node.lineno - 1], wrong, *lines[node.lineno :]])
