"""The repository as the architecture tests see it: tracked files, and each Python module parsed once."""

from __future__ import annotations

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Module:
    """A Python file. `path` is relative to the root, with `/`."""

    path: str

    @cached_property
    def text(self) -> str:
        return (ROOT / self.path).read_text(encoding="utf-8")

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(ast.parse(self.text, self.path)))

    @cached_property
    def imports(self) -> tuple[tuple[int, str], ...]:
        """(line, dotted name) of everything imported anywhere in the file; `from a import b` gives `a.b`."""
        return tuple(self._imports())

    def _imports(self) -> Iterator[tuple[int, str]]:
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)

    @property
    def imports_at_load(self) -> tuple[str, ...]:
        """Names imported when the module is: its top-level statements, those under `if TYPE_CHECKING` left out."""
        return tuple(
            name
            for node in ast.parse(self.text).body
            if isinstance(node, ast.Import | ast.ImportFrom)
            for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import) else [node.module or ""])
        )

    @cached_property
    def lines_for_types(self) -> frozenset[int]:
        """Lines under `if TYPE_CHECKING`: read by mypy, never run."""
        return frozenset(
            line
            for node in self.nodes
            if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
            for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
        )

    def roots(self) -> Iterator[tuple[str, str]]:
        """(place, first part of the name) of each import, the place as `path:line`."""
        for line, name in self.imports:
            yield f"{self.path}:{line}", name.partition(".")[0]

    def roots_at_run_time(self) -> Iterator[tuple[str, str]]:
        """The same without what is imported for types alone."""
        for line, name in self.imports:
            if line not in self.lines_for_types:
                yield f"{self.path}:{line}", name.partition(".")[0]


@dataclass(frozen=True)
class Repository:
    """What git tracks or would track: new files count before they are added."""

    files: tuple[str, ...]

    def under(self, *prefixes: str) -> tuple[Module, ...]:
        """The Python modules below the prefixes. Fails when there are none: a test over nothing proves nothing."""
        found = tuple(Module(path) for path in self.files if path.endswith(".py") and path.startswith(prefixes))
        assert found, f"no Python module under {prefixes}"
        return found

    def texts(self) -> Iterator[tuple[str, str]]:
        """(path, text) of every text file."""
        for path in self.files:
            raw = (ROOT / path).read_bytes()
            if b"\0" in raw:
                continue
            try:
                yield path, raw.decode()
            except UnicodeDecodeError:
                continue  # not text, or a test's input in a charset of its own


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def repository() -> Repository:
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    files = (path for path in sorted(set(listed.stdout.split("\0"))) if path)
    return Repository(tuple(path for path in files if (ROOT / path).is_file()))
