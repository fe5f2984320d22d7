"""The channel of drivers on other machines: context and messages as objects of the exchange.

`channels/<token>/context.json` is what the driver's relay loads, `channels/<token>/messages/<number>.jsonl` what it
puts there, whole lines each, numbered from 1 without a gap, never replaced. The reader lists what there is after its
cursor rather than guess it. It refuses to go on over a number that is missing: what came after it is not what was said
next. It refuses, too, to change the context of a token that has one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engineshed.channels.lines import messages_of
from engineshed.model.errors import AccessDenied, ChannelError, ObjectMissing, SettingInvalid, StoreDenied, StoreError
from engineshed.model.launch import Token
from engineshed.model.message import Batch
from engineshed.model.wiring import Wiring
from engineshed.ports.clock import Clock
from engineshed.ports.engine import Surroundings
from engineshed.ports.store import ObjectStore

CHANNEL_VARIABLE = "ENGINESHED_CHANNEL"
CHANNEL_ARGUMENT = "--engineshed-channel"

POLL_BYTES = 4 * 2**20
"""Read no further object in a poll once so much was read, so that memory stays flat."""

LOOK_S = 0.5
"""After a list that had nothing new, the next one waits so long: each is a request that the store bills."""

_SUFFIX = ".jsonl"
_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Place:
    """How far an address was read: objects, their lines, whether `closed` was among them."""

    chunks: int = 0
    lines: int = 0
    closed: bool = False

    def __str__(self) -> str:
        return f"{self.chunks}:{self.lines}:{int(self.closed)}"

    @classmethod
    def parse(cls, cursor: str) -> Place:
        """The place that a cursor names; the start for an empty one. Raises ChannelError for what is no cursor."""
        if not cursor:
            return cls()
        try:
            chunks, lines, closed = cursor.split(":")
            return cls(int(chunks), int(lines), closed == "1")
        except ValueError as error:
            raise ChannelError(f"{cursor!r} is no cursor of channel objects: start again from an empty one.") from error


class ObjectReader:
    """Reads the messages of one address."""

    def __init__(self, store: ObjectStore, key: str, clock: Clock) -> None:
        self._store, self._prefix, self._clock = store, f"{key}/messages/", clock
        self._nothing_after: tuple[str, float] | None = None

    def poll(self, cursor: str) -> Batch:
        """The messages after the cursor. Raises ChannelError, AccessDenied."""
        place = Place.parse(cursor)
        if self._just_looked(cursor):
            return Batch(cursor=cursor, closed=place.closed)
        with _as_channel_errors(self._store.uri(self._prefix.rstrip("/"))):
            last = self._last_after(place.chunks)
            if last <= place.chunks:
                self._nothing_after = (cursor, self._clock.monotonic_s())
                return Batch(cursor=cursor, closed=place.closed)
            return self._read(place, last)

    def _just_looked(self, cursor: str) -> bool:
        if self._nothing_after is None or self._nothing_after[0] != cursor:
            return False
        return self._clock.monotonic_s() - self._nothing_after[1] < LOOK_S

    def _last_after(self, number: int) -> int:
        """The highest number there is, where any is higher than this one."""
        last = number
        for found in self._store.list(self._prefix, after=self._key(number)):
            name = found.key.removeprefix(self._prefix)
            stem = name.removesuffix(_SUFFIX)
            if stem != name and len(stem) == _DIGITS and stem.isdigit():
                last = max(last, int(stem))
        return last

    def _read(self, place: Place, last: int) -> Batch:
        lines: list[bytes] = []
        size, number = 0, place.chunks
        while number < last and size < POLL_BYTES:
            try:
                data = self._store.get(self._key(number + 1))
            except ObjectMissing:
                if number == place.chunks:
                    raise ChannelError(
                        f"{self._store.uri(self._key(number + 1))} is missing, although number {last} is there: "
                        "messages were deleted."
                    ) from None
                break
            number, size = number + 1, size + len(data)
            lines += data.removesuffix(b"\n").split(b"\n")
        messages, closed = messages_of(lines, place.lines)
        closed = closed or place.closed
        return Batch(
            messages=messages,
            cursor=str(Place(number, place.lines + len(lines), closed)),
            closed=closed,
            damaged=len(lines) - len(messages),
        )

    def _key(self, number: int) -> str:
        return f"{self._prefix}{number:0{_DIGITS}}{_SUFFIX}"


class ObjectChannel:
    """Objects below `channels` of the exchange. `access`: how drivers reach it (`endpoint_url`, `region`)."""

    def __init__(self, store: ObjectStore, access: Mapping[str, str], clock: Clock) -> None:
        self._store, self._access, self._clock = store, dict(access), clock

    @property
    def name(self) -> str:
        """As engines name it."""
        return "objects"

    def prepare(self, token: Token, context: Mapping[str, Any]) -> Wiring:
        """Put the token's context, unless it has one. Raises ChannelError, AccessDenied."""
        if not token or "/" in token:
            raise ChannelError(f"{token!r} cannot name an address: a token is a single word.")
        key = f"channels/{token}"
        address = self._store.uri(key)
        with _as_channel_errors(address):
            self._store.put_if_absent(f"{key}/context.json", json.dumps(context).encode())
        said = json.dumps(
            {
                "version": 1,
                "kind": self.name,
                "context": f"{address}/context.json",
                "messages": f"{address}/messages/",
                "access": self._access,
            },
            sort_keys=True,
        )
        return Wiring(
            channel=self.name, address=address, env={CHANNEL_VARIABLE: said}, arguments=(CHANNEL_ARGUMENT, said)
        )

    def reader(self, address: str) -> ObjectReader:
        """A reader of that address. Raises ChannelError for one of another exchange."""
        return ObjectReader(self._store, self._key(address), self._clock)

    def remove(self, address: str) -> None:
        """Delete context and messages. Raises ChannelError, AccessDenied."""
        with _as_channel_errors(address):
            for found in list(self._store.list(f"{self._key(address)}/")):
                self._store.delete(found.key)

    def _key(self, address: str) -> str:
        root = f"{self._store.root}/"
        if not address.startswith(f"{root}channels/"):
            raise ChannelError(f"{address} does not lie in this location's exchange {root}: was exchange_root changed?")
        return address.removeprefix(root)


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> ObjectChannel:
    """The channel `objects`, which has no settings. Raises SettingInvalid where the location has no exchange."""
    for key in settings:
        raise SettingInvalid(f"channels.objects.{key}: no such setting; it has none.")
    if surroundings.exchange is None:
        raise SettingInvalid("channels.objects: the location has no exchange: set exchange_root or an s3:// data_root.")
    return ObjectChannel(surroundings.exchange, surroundings.exchange_access, surroundings.clock)


@contextmanager
def _as_channel_errors(address: str) -> Iterator[None]:
    try:
        yield
    except StoreDenied as error:
        raise AccessDenied(f"{address} is closed to us: {error}") from error
    except StoreError as error:
        raise ChannelError(f"{address}: {error}") from error
