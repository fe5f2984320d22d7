"""Checks the `defs.yaml` files of Spark assets: each wrong value by file, key, fact and what is allowed.

Every file is read, nothing of the project is imported, and templates (`{{ .. }}`) are left to whoever resolves them.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from engineshed.running.asset_faults import Fault, faults, is_template
from engineshed.running.roster import ENGINES, installed
from engineshed.running.schema_keys import KeyPath, unknown_key

COMPONENT = "engineshed.assets.SparkAssetComponent"
COMPONENT_NAMES = frozenset({COMPONENT, f"{COMPONENT.rpartition('.')[0]}.component.SparkAssetComponent"})
FILE_NAMES = ("defs.yaml", "defs.yml")
_DOCUMENT_KEYS = frozenset({"type", "attributes", "post_processing", "requirements", "template_vars_module"})
_PASSED_OVER = frozenset({"__pycache__", "node_modules", "site-packages"})


class _Loader(yaml.SafeLoader):
    """Reads dates as text, as Dagster does."""

    yaml_implicit_resolvers = {  # noqa: RUF012  # the base class declares it so
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of a file, with the lines of its keys."""

    value: Any
    _node: yaml.Node

    @property
    def type(self) -> str:
        """The component's type; empty where none is named."""
        named = self.value.get("type") if isinstance(self.value, Mapping) else None
        return named if isinstance(named, str) else ""

    @property
    def repeated(self) -> Iterator[tuple[str, int]]:
        """Keys that are given twice in one mapping, of which YAML's readers take the last: the fact, and its line."""
        yield from _repeated(self._node, (), set())

    def line(self, path: KeyPath) -> int:
        """The line of the key at this path, counted from 1; of the nearest key above where there is none."""
        node, line = self._node, self._node.start_mark.line
        for part in path:
            if isinstance(node, yaml.MappingNode):
                found = next(((k, v) for k, v in node.value if k.value == str(part)), None)
                if found is None:
                    break
                line, node = found[0].start_mark.line, found[1]
            elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
                node = node.value[part]
                line = node.start_mark.line
        return line + 1


def _repeated(node: yaml.Node, path: KeyPath, seen: set[int]) -> Iterator[tuple[str, int]]:
    if id(node) in seen:  # an alias of what was looked at
        return
    seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for n, inner in enumerate(node.value):
            yield from _repeated(inner, (*path, n), seen)
    elif isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, inner in node.value:
            name, line = str(key.value), key.start_mark.line + 1
            place = (*path, name)
            if name in lines:
                fact = f"given twice, first in line {lines[name]}: only one would count"
                yield f"{'.'.join(map(str, place))}: {fact}", line
            lines.setdefault(name, line)
            yield from _repeated(inner, place, seen)


def read_documents(text: str) -> list[Document]:
    """The documents of a YAML text. Raises yaml.YAMLError."""
    loader = _Loader(text)
    try:
        documents = []
        while loader.check_node() and (node := loader.get_node()) is not None:
            documents.append(Document(loader.construct_document(node), node))
        return documents
    finally:
        loader.dispose()


@dataclass(slots=True)
class Survey:
    """What was found. findings: a line each; judged: files with Spark assets; passed_over: other files, and why."""

    findings: list[str] = field(default_factory=list)
    judged: list[Path] = field(default_factory=list)
    passed_over: dict[Path, str] = field(default_factory=dict)
    _places: dict[str, str] = field(default_factory=dict)

    def take(self, file: Path, engines: Collection[str]) -> None:
        """Judge one file."""
        try:
            documents = read_documents(file.read_text(encoding="utf-8"))
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            self.findings.append(f"{file}: no YAML: {' '.join(str(error).split())}")
            return
        types = [document.type for document in documents]
        for document in documents:
            if document.type in COMPONENT_NAMES:
                self.findings.extend(_check_document(file, document, engines))
                self._note_asset(file, document)
            elif meant := _nearly_ours(document.type):
                line = document.line(("type",))
                self.findings.append(f"{file}: type: {document.type} is no component, is it {meant}? (line {line})")
        if COMPONENT_NAMES.isdisjoint(types):
            others = ", ".join(dict.fromkeys(filter(None, types)))
            self.passed_over[file] = f"of type {others}" if others else "names no type" if documents else "empty"
        else:
            self.judged.append(file)

    def _note_asset(self, file: Path, document: Document) -> None:
        attributes = document.value.get("attributes")
        asset = attributes.get("asset") if isinstance(attributes, Mapping) else None
        name = "/".join(map(str, asset)) if isinstance(asset, list) else asset
        if not isinstance(name, str) or is_template(name):
            return
        place = f"{file} (line {document.line(('attributes', 'asset'))})"
        first = self._places.setdefault(name, place)
        if first != place:
            self.findings.append(
                f"{file}: attributes.asset: {name!r} is declared in {first} too{place[len(str(file)) :]}"
            )


def survey(paths: Iterable[Path | str], *, engines: Collection[str] | None = None) -> Survey:
    """All files at or below the paths, judged. engines: names to allow, by default the installed ones."""
    known = installed(ENGINES) if engines is None else engines
    found = Survey()
    for path in map(Path, paths):
        if not path.exists():
            found.findings.append(f"{path}: no such file or folder")
        for file in _files(path):
            found.take(file, known)
    return found


def check_files(paths: Iterable[Path | str], *, engines: Collection[str] | None = None) -> list[str]:
    """What is wrong in the Spark assets' files at or below the paths, a line each; empty where all is well.

    Each is `<file>: attributes.<key>: <fact> (line N)`. engines: names to allow, by default the installed ones.
    """
    return survey(paths, engines=engines).findings


def repeated_keys(file: Path) -> list[str]:
    """Keys given twice in one mapping of a YAML file, a line each, for readers that take the last one silently."""
    return [
        f"{file}: {fact} (line {line})"
        for document in read_documents(file.read_text(encoding="utf-8"))
        for fact, line in document.repeated
    ]


def said(file: Path | str, fault: Fault, line: int | None) -> str:
    """A fault as one line of text."""
    return f"{file}: {fault.key}: {fault.fact}" + ("" if line is None else f" (line {line})")


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(name for name in inner if name not in _PASSED_OVER and not name.startswith("."))
        yield from (Path(folder, name) for name in FILE_NAMES if name in names)


def _nearly_ours(name: str) -> str:
    """The component that a type seems to mean, by its whole name or by the last part of it; empty for another's."""
    short = COMPONENT.rpartition(".")[2]
    near = difflib.get_close_matches(name, sorted(COMPONENT_NAMES), n=1, cutoff=0.9)
    return COMPONENT if near or difflib.get_close_matches(name.rpartition(".")[2], [short], cutoff=0.85) else ""


def _check_document(file: Path, document: Document, engines: Collection[str]) -> Iterator[str]:
    for fact, line in document.repeated:
        yield f"{file}: {fact} (line {line})"
    for key in sorted(map(str, document.value.keys() - _DOCUMENT_KEYS)):
        yield f"{file}: {key}: {unknown_key(key, _DOCUMENT_KEYS)} (line {document.line((key,))})"
    attributes = document.value.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        yield f"{file}: attributes: give keys and values (line {document.line(('attributes',))})"
        return
    for fault in faults(attributes, folder=file.parent, engines=engines):
        yield said(file, fault, document.line(("attributes", *fault.path)))
