"""The bytes of a delivered object as they were written, from a place on, gzipped or not, in flat memory.

A gzipped log grows in two ways: by members at its end, which leaves what was there as it was, or compressed whole anew,
which leaves nothing. So decoding can begin again at a member whose predecessor ends with the same checksum, else at the
start. A member that is cut short gives what it holds.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

Read = Callable[[int, int], bytes]
"""(offset, most) -> bytes of the object."""

_MAGIC = b"\x1f\x8b"
_GZIP = 16 + zlib.MAX_WBITS
_COMPRESSED_BYTES = 256 * 1024
_TRAILER_BYTES = 8


@dataclass(frozen=True, slots=True)
class Member:
    """The start of a gzip member: its offset, how much text lies before it, and the trailer before it in hex."""

    offset: int = 0
    plain: int = 0
    before: str = ""


class Text(Protocol):
    """An object's text. position: in it, in bytes. taken: bytes of the object that were read for it, from its start.

    damaged: what follows cannot be decoded.
    """

    position: int
    taken: int
    damaged: bool

    def read(self, most: int) -> bytes:
        """The next bytes; fewer at the end of what is there, none behind it."""
        ...

    def member_before(self, position: int) -> Member:
        """Where decoding may begin again for the text after a position, which never goes back."""
        ...


def text_of(read: Read, member: Member, at: int, reach: int) -> Text:
    """The text from `reach` bytes before `at` on, or from where decoding can begin: a little later, or far earlier."""
    if read(0, len(_MAGIC)) != _MAGIC:
        return PlainText(read, max(0, at - reach))
    trailer_at = member.offset - _TRAILER_BYTES
    known = trailer_at > 0 and member.plain <= at and read(trailer_at, _TRAILER_BYTES).hex() == member.before
    return GzipText(read, member if known else Member())


class PlainText:
    """Bytes as they lie there."""

    def __init__(self, read: Read, position: int) -> None:
        self._read, self.position, self.taken, self.damaged = read, position, position, False

    def read(self, most: int) -> bytes:
        """The next bytes."""
        piece = self._read(self.position, most)
        self.position = self.taken = self.position + len(piece)
        return piece

    def member_before(self, position: int) -> Member:
        """Plain bytes have none."""
        return Member()


class GzipText:
    """One or many members, each after the other."""

    def __init__(self, read: Read, start: Member) -> None:
        self._read, self.position, self.damaged = read, start.plain, False
        self.taken = start.offset
        self._decoder = zlib.decompressobj(wbits=_GZIP)
        self._waiting = b""
        self._trailer = bytes.fromhex(start.before)
        self._members = deque([start])

    def member_before(self, position: int) -> Member:
        """The last member that began by then."""
        while len(self._members) > 1 and self._members[1].plain <= position:
            self._members.popleft()
        return self._members[0]

    def read(self, most: int) -> bytes:
        """The next bytes. Bytes that are no gzip end the text, and it counts as damaged."""
        pieces: list[bytes] = []
        room = most
        while room and not self.damaged and (piece := self._next(room)):
            pieces.append(piece)
            room -= len(piece)
        return b"".join(pieces)

    def _next(self, most: int) -> bytes:
        while True:
            held = self._decoder.unconsumed_tail or self._waiting
            self._waiting = b""
            if not held:
                held = self._read(self.taken, _COMPRESSED_BYTES)
                self.taken += len(held)
                self._trailer = (self._trailer + held)[-_COMPRESSED_BYTES - _TRAILER_BYTES :]
            if not held:
                # What the decoder itself still holds back, where the last call was cut short by `most`.
                return self._decoded(b"", most)
            if piece := self._decoded(held, most):
                return piece
            if self.damaged:
                return b""

    def _decoded(self, held: bytes, most: int) -> bytes:
        try:
            piece = self._decoder.decompress(held, most)
        except zlib.error:
            self.damaged = True
            return b""
        self.position += len(piece)
        if self._decoder.eof:
            self._next_member(self._decoder.unused_data)
        return piece

    def _next_member(self, rest: bytes) -> None:
        self._decoder = zlib.decompressobj(wbits=_GZIP)
        self._waiting = rest
        end = len(self._trailer) - len(rest)
        before = self._trailer[max(0, end - _TRAILER_BYTES) : end]
        self._members.append(Member(self.taken - len(rest), self.position, before.hex()))
