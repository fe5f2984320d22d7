"""The channel of drivers on other machines: context and messages as objects of the exchange.

`channels/<token>/context.json` is what the driver's relay loads, `channels/<token>/messages/<number>.jsonl` what it
puts there, whole lines each, numbered from 1 without a gap, never replaced. So the reader asks for the next number, one
cheap request, and lists now and then, to see far behind and to notice a number that is missing: it refuses to go on
over one, since what came after it is not what was said next. It refuses, too, to change the context of a token that has
one.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from engineshed.channels.lines import messages_of
from engineshed.model.errors import (
    AccessDenied,
    ChannelBusy,
    ChannelError,
    ObjectMissing,
    SettingInvalid,
    StoreBusy,
    StoreDenied,
    StoreError,
)
from engineshed.model.launch import Token
from engineshed.model.message import Batch
from engineshed.model.wiring import Wiring
from engineshed.ports.clock import Clock
from engineshed.ports.engine import Surroundings
from engineshed.ports.store import ObjectStore

NAME = "objects"
"""Also the kind of wiring that relays know, whichever channel gave it."""

CHANNEL_VARIABLE = "ENGINESHED_CHANNEL"
CHANNEL_ARGUMENT = "--engineshed-channel"

POLL_BYTES = 4 * 2**20
"""Read no further object in a poll once so much was read, so that memory stays flat."""

LOOK_S = 0.2
"""After a look that found nothing the next one waits so long: each is a request that the store bills."""

CHECK_S = 5.0
"""While nothing comes, so often is listed whether a number is missing; it counts as missing the second time."""

_POLL_OBJECTS = 256
_AT_ONCE = 8
"""Objects fetched at the same time by a reader that is behind; boto3 keeps ten connections."""

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

    def __init__(self, store: ObjectStore, key: str, clock: Clock, *, look_s: float = LOOK_S) -> None:
        self._store, self._prefix, self._clock, self._look_s = store, f"{key}/messages/", clock, look_s
        self._nothing_after: tuple[str, float] | None = None
        self._checked_s = clock.monotonic_s()
        self._gap_at = self._missing = 0

    def poll(self, cursor: str) -> Batch:
        """The messages after the cursor. Raises ChannelError, ChannelBusy, AccessDenied."""
        place = Place.parse(cursor)
        if self._just_looked(cursor):
            return Batch(cursor=cursor, closed=place.closed)
        with _as_channel_errors(self._store.uri(self._prefix.rstrip("/"))):
            objects = self._after(place.chunks)
            batch = _batch(objects, place) if objects else Batch(cursor=cursor, closed=place.closed)
            if len(objects) < 2:
                # The name after the last one was asked for just now, unless that was a very large object.
                self._nothing_after = (batch.cursor, self._clock.monotonic_s())
            if not objects:
                self._check(place.chunks)
            return batch

    def _just_looked(self, cursor: str) -> bool:
        if self._nothing_after is None or self._nothing_after[0] != cursor:
            return False
        return self._clock.monotonic_s() - self._nothing_after[1] < self._look_s

    def _after(self, number: int) -> list[bytes]:
        """The objects after this number, one after the other: two by their names, more at once by the list."""
        objects: list[bytes] = []
        for wanted in (number + 1, number + 2):
            data = self._get(wanted)
            if data is None:
                return objects
            objects.append(data)
            if sum(map(len, objects)) >= POLL_BYTES:
                return objects
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="messages") as pool:
            for data in pool.map(self._get, self._fitting(number + 2, POLL_BYTES - sum(map(len, objects)))):
                if data is None:
                    break
                objects.append(data)
        return objects

    def _fitting(self, number: int, room: int) -> Sequence[int]:
        """The numbers after this one, as far as there is no gap and their objects begin within `room` bytes."""
        wanted: list[int] = []
        for found, size in self._listed(number):
            if found != number + len(wanted) + 1 or room <= 0 or len(wanted) == _POLL_OBJECTS:
                break
            wanted.append(found)
            room -= size
        return wanted

    def _listed(self, number: int) -> Iterator[tuple[int, int]]:
        """Numbers and sizes of the objects after this one."""
        for found in self._store.list(self._prefix, after=self._key(number)):
            name = found.key.removeprefix(self._prefix)
            stem = name.removesuffix(_SUFFIX)
            if stem != name and len(stem) == _DIGITS and stem.isdigit():
                yield int(stem), found.size_bytes

    def _check(self, number: int) -> None:
        """Raises ChannelError when the next number is missing, although a later one is there, twice in a row."""
        now_s = self._clock.monotonic_s()
        if now_s - self._checked_s >= CHECK_S:
            self._checked_s = now_s
            later = next((found for found, _ in self._listed(number)), 0)
            gap = number + 1 if later > number + 1 else 0
            self._missing = later if gap and gap == self._gap_at else 0
            self._gap_at = gap
        if self._missing and self._gap_at == number + 1:
            raise ChannelError(
                f"{self._store.uri(self._key(number + 1))} is missing, although number {self._missing} is there: "
                "messages were deleted."
            )

    def _get(self, number: int) -> bytes | None:
        """One object; None while it is not there whole, as on a mounted volume whose file is still being written."""
        try:
            data = self._store.get(self._key(number))
        except ObjectMissing:
            return None
        return data if data.endswith(b"\n") else None

    def _key(self, number: int) -> str:
        return f"{self._prefix}{number:0{_DIGITS}}{_SUFFIX}"


def _batch(objects: Sequence[bytes], place: Place) -> Batch:
    lines = [line for data in objects for line in data.removesuffix(b"\n").split(b"\n")]
    messages, closed = messages_of(lines, place.lines)
    closed = closed or place.closed
    return Batch(
        messages=messages,
        cursor=str(Place(place.chunks + len(objects), place.lines + len(lines), closed)),
        closed=closed,
        damaged=len(lines) - len(messages),
    )


class ObjectChannel:
    """Objects below `channels` of a store. `access`: how drivers reach it (`endpoint_url`, `region`).

    name: of the channel. look_s: between two looks that find nothing.
    """

    def __init__(
        self,
        store: ObjectStore,
        access: Mapping[str, str],
        clock: Clock,
        *,
        name: str = NAME,
        look_s: float = LOOK_S,
    ) -> None:
        self._store, self._access, self._clock = store, dict(access), clock
        self._name, self._look_s = name, look_s

    @property
    def name(self) -> str:
        """As engines name it."""
        return self._name

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
                "kind": NAME,
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
        return ObjectReader(self._store, self._key(address), self._clock, look_s=self._look_s)

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
    if surroundings.exchange.root.startswith("/Volumes/"):
        raise SettingInvalid("channels.objects: the exchange lies in a volume, which channel volumes serves.")
    return ObjectChannel(surroundings.exchange, surroundings.exchange_access, surroundings.clock)


@contextmanager
def _as_channel_errors(address: str) -> Iterator[None]:
    try:
        yield
    except StoreDenied as error:
        raise AccessDenied(f"{address} is closed to us: {error}") from error
    except StoreBusy as error:
        raise ChannelBusy(f"{address}: {error}") from error
    except StoreError as error:
        raise ChannelError(f"{address}: {error}") from error
