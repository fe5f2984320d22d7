"""Reads a file of messages, one a line, that a driver is still appending to.

A line's number is its message's sequence, whatever the line holds: what is no message takes its number with it, so that
no later message is ever renumbered. It refuses to go on in a file that is not the one it read before.
"""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from engineshed.model.errors import ChannelError
from engineshed.model.message import Batch, Message

POLL_BYTES = 4 * 2**20
"""Read at most so much a poll, beyond a single longer line, so that memory stays flat however long the file is."""

LONGEST_LINE_BYTES = 64 * 2**20
"""A longer line is passed over as damaged, without being held."""

_FINGERPRINT_BYTES = 256
_VERSION_FIELD = "__dagster_pipes_version"


@dataclass(frozen=True, slots=True)
class Place:
    """How far a file was read: bytes, lines, whether `closed` was among them, and a fingerprint of the last bytes."""

    offset: int = 0
    lines: int = 0
    closed: bool = False
    fingerprint: int = 0

    def __str__(self) -> str:
        return f"{self.offset}:{self.lines}:{int(self.closed)}:{self.fingerprint:08x}"

    @classmethod
    def parse(cls, cursor: str) -> Place:
        """The place that a cursor names; the start for an empty one. Raises ChannelError for what is no cursor."""
        if not cursor:
            return cls()
        try:
            offset, lines, closed, fingerprint = cursor.split(":")
            return cls(int(offset), int(lines), closed == "1", int(fingerprint, 16))
        except ValueError as error:
            raise ChannelError(f"{cursor!r} is no cursor of a file channel: start again from an empty one.") from error


def read_lines(path: Path, cursor: str, *, poll_bytes: int = POLL_BYTES, longest: int = LONGEST_LINE_BYTES) -> Batch:
    """The messages of the whole lines after the cursor; a torn last line waits.

    Raises ChannelError when the file is gone, shorter than the cursor or another one; OSError as the system does.
    """
    place = Place.parse(cursor)
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        if place.offset:
            raise ChannelError(f"{path} is gone, although {place.lines} lines of it were read.") from None
        return Batch(cursor=cursor)
    if size == place.offset:
        return Batch(cursor=cursor, closed=place.closed)
    if size < place.offset:
        raise ChannelError(f"{path} has shrunk to {size} bytes, although {place.offset} were read: it was replaced.")
    with path.open("rb") as file:
        if _fingerprint(file, place.offset) != place.fingerprint:
            raise ChannelError(f"{path} was replaced: what comes before byte {place.offset} is not what was read.")
        lines, end = _whole_lines(file, place.offset, poll_bytes, longest)
        if end == place.offset:
            return Batch(cursor=cursor, closed=place.closed)
        return _batch(lines, place, end, _fingerprint(file, end))


def _batch(lines: list[bytes], place: Place, end: int, fingerprint: int) -> Batch:
    messages, closed = messages_of(lines, place.lines)
    closed = closed or place.closed
    return Batch(
        messages=messages,
        cursor=str(Place(end, place.lines + len(lines), closed, fingerprint)),
        closed=closed,
        damaged=len(lines) - len(messages),
    )


def messages_of(lines: Sequence[bytes], before: int) -> tuple[tuple[Message, ...], bool]:
    """The messages of lines that come after `before` lines, and whether `closed` is among them."""
    parsed = (_message(line, before + number) for number, line in enumerate(lines, start=1))
    messages = tuple(message for message in parsed if message is not None)
    return messages, any(message.method == "closed" for message in messages)


def _whole_lines(file: IO[bytes], offset: int, poll_bytes: int, longest: int) -> tuple[list[bytes], int]:
    """The lines that end within the next `poll_bytes`, or the one longer line, and the byte after them."""
    file.seek(offset)
    chunk = file.read(poll_bytes)
    last = chunk.rfind(b"\n")
    if last >= 0:
        return chunk[:last].split(b"\n"), offset + last + 1
    held: bytes | None = chunk
    read = len(chunk)
    for piece in _pieces(file, poll_bytes):
        end = piece.find(b"\n")
        if held is not None:
            held = held + (piece if end < 0 else piece[:end]) if len(held) + len(piece) <= longest else None
        if end >= 0:
            return [held if held is not None else b""], offset + read + end + 1
        read += len(piece)
    return [], offset


def _pieces(file: IO[bytes], size: int) -> Iterator[bytes]:
    while piece := file.read(size):
        yield piece


def _fingerprint(file: IO[bytes], offset: int) -> int:
    if not offset:
        return 0
    start = max(0, offset - _FINGERPRINT_BYTES)
    file.seek(start, os.SEEK_SET)
    return zlib.crc32(file.read(offset - start))


def _message(line: bytes, sequence: int) -> Message | None:
    try:
        plain: Any = json.loads(line.decode("utf-8"))
    except (ValueError, RecursionError):
        return None
    if not isinstance(plain, dict) or _VERSION_FIELD not in plain:
        return None
    method, params = plain.get("method"), plain.get("params") or {}
    if not isinstance(method, str) or not isinstance(params, dict):
        return None
    return Message(sequence, method, params)
