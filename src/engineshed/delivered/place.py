"""How far a stream was read, as text that another process can go on from.

A place is named by content, not by object: a part may be renamed, gzipped or compressed anew between two looks, and is
recognised by the last bytes that were read of it.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from engineshed.delivered.decoding import Member
from engineshed.model.errors import ChannelError

TAIL_BYTES = 192


@dataclass(frozen=True, slots=True)
class Place:
    """In one stream.

    done: the stamp of the last archive that was read whole. at: bytes read of the part after it, uncompressed; tail:
    the last of them; member: where decoding may begin again. version: of the growing part, when it was
    read last; whole: to its end, and rest: which was within a line or cannot be decoded. missed: at how many versions
    what was read was not found again. torn: what was handed out last ended within a line.
    """

    done: str = ""
    at: int = 0
    tail: bytes = b""
    member: Member = field(default_factory=Member)
    version: str = ""
    whole: bool = False
    rest: bool = False
    missed: int = 0
    torn: bool = False

    def to_json(self) -> list[Any]:
        """A short JSON value."""
        member = [self.member.offset, self.member.plain, self.member.before]
        flags = [int(self.whole), int(self.rest), self.missed, int(self.torn)]
        return [self.done, self.at, b64encode(self.tail).decode(), member, self.version, flags]

    @classmethod
    def from_json(cls, plain: Any) -> Place:
        """What `to_json` gave. Raises ValueError, TypeError."""
        done, at, tail, (offset, start, before), version, (whole, rest, missed, torn) = plain
        member = Member(int(offset), int(start), str(before))
        flags = bool(whole), bool(rest), int(missed), bool(torn)
        return cls(str(done), int(at), b64decode(tail, validate=True), member, str(version), *flags)


def cursor_of(places: Mapping[str, Place]) -> str:
    """One cursor for several streams; empty when nothing was read of any."""
    begun = {name: place.to_json() for name, place in places.items() if place != Place()}
    return json.dumps(begun, separators=(",", ":")) if begun else ""


def places_of(cursor: str) -> dict[str, Place]:
    """Raises ChannelError for what is no cursor of a delivered log."""
    try:
        return {name: Place.from_json(plain) for name, plain in json.loads(cursor or "{}").items()}
    except (ValueError, TypeError, AttributeError) as error:
        raise ChannelError(f"{cursor!r} is no cursor of a delivered log: start again from an empty one.") from error
