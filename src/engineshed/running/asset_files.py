"""Checks the `defs.yaml` files of Spark assets: each wrong value by file, key, fact and what is allowed.

Every file is read, nothing of the project is imported, and templates (`{{ .. }}`) are left to whoever resolves them.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from engineshed.running.asset_contradictions import KeyPath
from engineshed.running.asset_faults import Fault, faults
from engineshed.running.roster import ENGINES, installed

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


def check_files(paths: Iterable[Path | str], *, engines: Collection[str] | None = None) -> list[str]:
    """What is wrong in the Spark assets' files at or below the paths, a line each; empty where all is well.

    Each is `<file>: attributes.<key>: <fact> (line N)`. engines: names to allow, by default the installed ones.
    """
    known = installed(ENGINES) if engines is None else engines
    findings: list[str] = []
    for path in map(Path, paths):
        if not path.exists():
            findings.append(f"{path}: no such file or folder")
        for file in _files(path):
            findings.extend(_check_file(file, known))
    return findings


def said(file: Path | str, fault: Fault, line: int | None) -> str:
    """A fault as one line of text."""
    return f"{file}: {fault.key}: {fault.fact}" + ("" if line is None else f" (line {line})")


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for folder, inner, names in os.walk(path):
        inner[:] = sorted(name for name in inner if name not in _PASSED_OVER and not name.startswith("."))
        yield from (Path(folder, name) for name in FILE_NAMES if name in names)


def _check_file(file: Path, engines: Collection[str]) -> Iterator[str]:
    try:
        documents = read_documents(file.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        yield f"{file}: no YAML: {' '.join(str(error).split())}"
        return
    for document in documents:
        if isinstance(document.value, Mapping) and document.value.get("type") in COMPONENT_NAMES:
            yield from _check_document(file, document, engines)


def _check_document(file: Path, document: Document, engines: Collection[str]) -> Iterator[str]:
    for key in sorted(map(str, document.value.keys() - _DOCUMENT_KEYS)):
        allowed = ", ".join(sorted(_DOCUMENT_KEYS))
        yield f"{file}: {key}: unknown key; allowed here: {allowed} (line {document.line((key,))})"
    attributes = document.value.get("attributes") or {}
    if not isinstance(attributes, Mapping):
        yield f"{file}: attributes: give keys and values (line {document.line(('attributes',))})"
        return
    for fault in faults(attributes, folder=file.parent, engines=engines):
        yield said(file, fault, document.line(("attributes", *fault.path)))
