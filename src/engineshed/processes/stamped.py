"""Reading a log whose lines begin with their time, again and again, without a line twice or lost. Pure.

Container logs can be asked for from a second on, not from a byte on. So a place in one is named by its last line's time
and that line's number among those of the same time. Refuses to go on where that line is no longer there: the log was
rotated, and what came after it may be lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from engineshed.model.errors import ChannelError


@dataclass(frozen=True, slots=True)
class Place:
    """How far a log was read: the last line's time, its number among the lines of that time, and, where only a part of
    it was taken, how many bytes. `count` is the reader's own: it comes back as it was given.
    """

    stamp: str = ""
    nth: int = 0
    taken: int = 0
    count: int = 0

    def __str__(self) -> str:
        return f"{self.stamp}|{self.nth}|{self.taken}|{self.count}"

    @classmethod
    def parse(cls, cursor: str) -> Place:
        """The place that a cursor names; the start for an empty one. Raises ChannelError for what is no cursor."""
        if not cursor:
            return cls()
        try:
            stamp, nth, taken, count = cursor.split("|")
            return cls(stamp, int(nth), int(taken), int(count))
        except ValueError as error:
            raise ChannelError(f"{cursor!r} is no cursor of a log: start again from an empty one.") from error

    @property
    def since(self) -> str:
        """From when to ask for the log, ISO 8601 in whole seconds, so that this line is surely in it; empty: all.

        A second early, since lines of standard error and output may stand in the log in another order than their times.
        """
        if not self.stamp:
            return ""
        second = datetime.fromisoformat(self.stamp[:19] + _zone(self.stamp))
        return (second - timedelta(seconds=1)).isoformat()


def lines_of(pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Lines with their ends; the last may have none."""
    rest: list[bytes] = []
    for piece in pieces:
        start = 0
        while (end := piece.find(b"\n", start)) >= 0:
            yield b"".join([*rest, piece[start : end + 1]])
            rest, start = [], end + 1
        if start < len(piece):
            rest.append(piece[start:])
    if rest:
        yield b"".join(rest)


def after(lines: Iterable[bytes], place: Place) -> Iterator[tuple[bytes, Place]]:
    """Each line after the place, without its time, and the place after it, with the count of the place given.

    A line of which a part was taken comes first, without that part. Raises ChannelError when the place is not there.
    """
    found = not place.stamp
    numbers: dict[str, int] = {}
    for line in lines:
        stamp, separator, text = line.partition(b" ")
        if not separator or not _is_stamp(stamp):
            # The tail of a line that began before the time that was asked for.
            continue
        at = stamp.decode()
        nth = numbers[at] = numbers.get(at, 0) + 1
        here = Place(at, nth, 0, place.count)
        if found:
            yield text, here
        elif (at, nth) == (place.stamp, place.nth):
            found = True
            if place.taken:
                yield text[place.taken :], here
    if not found:
        raise ChannelError(
            f"the log no longer holds its line of {place.stamp}: it was rotated, and lines after it may be lost."
        )


def part_of(before: Place, here: Place, length: int) -> Place:
    """The place within the line at `here` after `length` more bytes of it; `before` is where reading went on from."""
    already = before.taken if (before.stamp, before.nth) == (here.stamp, here.nth) else 0
    return replace(here, taken=already + length)


def _is_stamp(text: bytes) -> bool:
    return len(text) > 20 and text[4:5] == b"-" and text[10:11] == b"T" and text[:4].isdigit()


def _zone(stamp: str) -> str:
    return "Z" if stamp.endswith("Z") else stamp[-6:]
