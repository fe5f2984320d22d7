"""What a driver says in words, in as few messages as an orchestrator can store while a driver floods it. Pure.

An orchestrator writes a row for each message, some dozens a second. So lines that come many at once are folded into
messages of many lines: none is lost, none changes its place among the lines, each warning and error stays where it can
be found by its level.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby

from engineshed.model.message import Message

SPOKEN = frozenset({"log", "log_external_stream"})
"""Methods that are handed on at once and not kept."""

_FEW = 50
"""Up to so many messages at once are handed on one by one."""

_MOST_GROUPS = 12
"""Levels may change so often within one fold; beyond, the lines come as one group of the highest level."""

_MOST_CHARACTERS = 60_000
"""Of one folded message: larger rows are slow to show."""

_LOUD = {"warning": 1, "error": 2, "critical": 3}


def folded(messages: Sequence[Message], *, flood: bool) -> Iterator[Message]:
    """The spoken ones among them: one by one, or in a flood as few messages of many lines."""
    spoken = [message for message in messages if message.method in SPOKEN]
    if not flood and len(spoken) <= _FEW:
        yield from spoken
        return
    lines = [message for message in spoken if message.method == "log"]
    streamed = [message for message in spoken if message.method != "log"]
    if streamed:
        text = "".join(str(message.params.get("text", "")) for message in streamed)
        yield replace(streamed[0], params={**streamed[0].params, "text": text})
    for group in _groups(lines):
        for part in _parts(group):
            yield _joined(part)


def _groups(lines: Sequence[Message]) -> list[list[Message]]:
    """Neighbours that may stand in one message: those of one loud level, or those of the quiet ones."""
    groups = [list(group) for _, group in groupby(lines, key=lambda line: _LOUD.get(_level(line), 0))]
    return groups if len(groups) <= _MOST_GROUPS else [list(lines)]


def _parts(group: Iterable[Message]) -> Iterator[list[Message]]:
    """Parts of the group that do not grow too large, unless by one line."""
    part: list[Message] = []
    size = 0
    for line in group:
        length = len(str(line.params.get("message", "")))
        if part and size + length > _MOST_CHARACTERS:
            yield part
            part, size = [], 0
        part.append(line)
        size += length
    if part:
        yield part


def _joined(part: Sequence[Message]) -> Message:
    """One message; how many it stands for is said, and each line's own level where they differ."""
    if len(part) == 1:
        return part[0]
    level = max((_level(line) for line in part), key=lambda name: (_LOUD.get(name, 0), name == "info"))
    lines = [str(line.params.get("message", "")) for line in part]
    marked = [
        text if _level(line) == level else f"[{_level(line)}] {text}" for line, text in zip(part, lines, strict=True)
    ]
    text = "\n".join([f"[{len(part)} messages]", *marked])
    return replace(part[0], params={**part[0].params, "level": level, "message": text, "count": len(part)})


def _level(line: Message) -> str:
    return str(line.params.get("level", "info")).lower()
