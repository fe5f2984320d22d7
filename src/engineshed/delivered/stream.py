"""One stream of a delivered log, from place to place.

What is read next is the oldest part that was not read whole, and it must hold what was read of it before; whether it
was renamed or compressed since does not matter. Where no part holds it, that part may not be delivered yet: two more
deliveries are waited for. Then lines are missing, which is said, and reading goes on. A growing file that is delivered
later than the archive it became is known by its version; only who begins to read in that very moment sees it twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from engineshed.delivered.characters import whole_lines
from engineshed.delivered.decoding import Text, text_of
from engineshed.delivered.parts import Part, RangeSource
from engineshed.delivered.place import TAIL_BYTES, Place

GAP = "[engineshed: the log was rolled here; lines may be missing]\n"
DAMAGED = "[engineshed: the rest of {name} cannot be decoded]\n"

_DELIVERIES = 2
_SKIP_BYTES = 64 * 1024


@dataclass(slots=True)
class _Open:
    """A part that is being read, and those after it. held: read of it, not handed out; last: the bytes before that."""

    parts: Sequence[Part]
    place: Place
    text: Text
    held: bytes
    last: bytes


class Stream:
    """Reads one source. Keeps the part open that it read last, so that the next call need not begin anew."""

    def __init__(self, source: RangeSource) -> None:
        self._source = source
        self._open: _Open | None = None

    def next(self, place: Place, most: int, *, final: bool) -> tuple[bytes, Place]:
        """At most `most` bytes after the place, and the place after them; no bytes when nothing is new.

        final: nothing more will be written, so that a last line without an end is handed out too.
        """
        while True:
            done, kept = place.done, self._open is not None
            piece, place = self._once(place, most, final=final)
            # A part that was kept open may have been delivered anew since: it gives nothing more, its successor may.
            if piece or (place.done == done and not kept):
                return piece, place

    def _once(self, place: Place, most: int, *, final: bool) -> tuple[bytes, Place]:
        """Of one part; no bytes and a place behind it when it held nothing more."""
        opened, self._open = self._open, None
        if opened is None or opened.place != place:
            parts = [part for part in self._source.parts() if not part.stamp or part.stamp > place.done]
            if not parts or (len(parts) == 1 and _known(parts[0], place, final=final)):
                return b"", place
            opened = self._found(parts, place)
            if opened is None:
                return self._missed(parts[-1], place, wait=len(parts) == 1 and not final)
            if opened.parts[0] != parts[0]:
                return _said(GAP, place), replace(place, done=parts[parts.index(opened.parts[0]) - 1].stamp, torn=False)
        return self._read(opened, most, final=final)

    def _found(self, parts: Sequence[Part], place: Place) -> _Open | None:
        """The oldest part that holds what was read, at the place."""
        for number, part in enumerate(parts):
            if (opened := self._at(part, parts[number:], place)) is not None:
                return opened
        return None

    def _at(self, part: Part, parts: Sequence[Part], place: Place) -> _Open | None:
        text = text_of(lambda offset, most: self._source.read(part, offset, most), place.member, place.at, TAIL_BYTES)
        last = b""
        while text.position < place.at:
            piece = text.read(min(_SKIP_BYTES, place.at - text.position))
            if not piece:
                return None
            text.member_before(text.position)
            last = (last + piece)[-TAIL_BYTES:]
        # Decoded from a member's start within the tail, only the end of it can be compared.
        return _Open(parts, place, text, b"", place.tail) if place.tail.endswith(last) else None

    def _missed(self, newest: Part, place: Place, *, wait: bool) -> tuple[bytes, Place]:
        missed = place.missed + (newest.version != place.version)
        if wait and missed <= _DELIVERIES:
            return b"", replace(place, missed=missed, version=newest.version, whole=True)
        return _said(GAP, place), Place(done=place.done)

    def _read(self, opened: _Open, most: int, *, final: bool) -> tuple[bytes, Place]:
        part, last, before = opened.parts[0], len(opened.parts) == 1, opened.place
        seen = "" if before.missed else before.version
        piece = opened.held + opened.text.read(most - len(opened.held))
        at_end = len(piece) < most
        complete = at_end and (opened.text.damaged or opened.text.taken >= part.size_bytes)
        over = complete and (final or not last)
        out = piece if over else whole_lines(piece, most)
        torn = not out.endswith(b"\n") if out else before.torn
        said = DAMAGED.format(name=part.name) if over and opened.text.damaged else ""
        if complete and not last:
            place = Place(done=part.stamp, version=seen, whole=True, torn=torn)
            return out + _said(said, place), place
        at, tail = before.at + len(out), (opened.last + out)[-TAIL_BYTES:]
        place = Place(
            done=before.done,
            at=at,
            tail=tail,
            member=opened.text.member_before(at),
            version=part.version if last else seen,
            whole=last and complete,
            rest=last and complete and not over and (len(out) < len(piece) or opened.text.damaged),
            torn=torn,
        )
        if not at_end:
            self._open = _Open(opened.parts, place, opened.text, piece[len(out) :], tail)
        return out + _said(said, place), place


def _known(newest: Part, place: Place, *, final: bool) -> bool:
    """Nothing of it is new: it was read to its end, or what was read is in an archive by now and it is its old self."""
    return newest.version == place.version and place.whole and not (final and (place.rest or place.missed))


def _said(text: str, place: Place) -> bytes:
    return (f"\n{text}" if text and place.torn else text).encode()
