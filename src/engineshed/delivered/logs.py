"""Delivered logs as engines answer them: several streams as one text, piece by piece."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from engineshed.delivered.parts import RangeSource
from engineshed.delivered.place import Place, cursor_of, places_of
from engineshed.delivered.stream import Stream
from engineshed.ports.clock import Clock
from engineshed.ports.engine import LogChunk

CHUNK_BYTES = 64 * 1024
_ROOM_BYTES = CHUNK_BYTES - 1024
"""Of the streams; the rest is for what is said about them."""

LOOK_S = 20.0
"""After a look that found nothing new the next one waits so long: platforms deliver every few minutes."""

_KEPT = 64


class DeliveredLog:
    """The log of one launch. `streams`: name -> source; those named first are read first."""

    def __init__(self, streams: Mapping[str, RangeSource]) -> None:
        self._streams = {name: Stream(source) for name, source in streams.items()}

    def next(self, cursor: str = "", *, final: bool) -> LogChunk:
        """At most 64 KiB after the cursor; while the run lives only whole lines, unless one is longer than that.

        final: the run has ended. More may be delivered even then: ask again. Raises ChannelError for a cursor that is
        none of ours, and what the sources raise.
        """
        places = places_of(cursor)
        texts: list[bytes] = []
        room = _ROOM_BYTES
        # The stream whose line was cut goes on first, so that no line of one stands within a line of another.
        names = sorted(self._streams, key=lambda name: not places.get(name, Place()).torn)
        for left, name in zip(range(len(names), 0, -1), names, strict=True):
            piece, places[name] = self._streams[name].next(places.get(name, Place()), max(room // left, 4), final=final)
            room -= len(piece)
            texts.append(piece)
            if piece and places[name].torn:
                break
        return LogChunk(text=b"".join(texts).decode("utf-8", errors="replace"), cursor=cursor_of(places))


@dataclass(slots=True)
class _Kept:
    log: DeliveredLog
    nothing_at_s: float = 0.0
    nothing_after: tuple[str, bool] | None = None


class DeliveredLogs:
    """The logs of an engine's launches. Keeps those open that were asked for last."""

    def __init__(self, clock: Clock, *, look_s: float = LOOK_S) -> None:
        self._clock, self._look_s = clock, look_s
        self._kept: OrderedDict[str, _Kept] = OrderedDict()

    def next(
        self, launch: str, streams: Callable[[], Mapping[str, RangeSource]], cursor: str = "", *, final: bool
    ) -> LogChunk:
        """As `DeliveredLog.next`, asking the sources at most every `look_s` while nothing is new.

        launch: what names the launch, its token or native id. streams: builds its sources, called once.
        """
        kept = self._kept.get(launch)
        if kept is None:
            kept = self._kept[launch] = _Kept(DeliveredLog(streams()))
        self._kept.move_to_end(launch)
        while len(self._kept) > _KEPT:
            self._kept.popitem(last=False)
        if kept.nothing_after == (cursor, final) and self._clock.monotonic_s() - kept.nothing_at_s < self._look_s:
            return LogChunk("", cursor)
        chunk = kept.log.next(cursor, final=final)
        if not chunk.text:
            kept.nothing_after, kept.nothing_at_s = (chunk.cursor, final), self._clock.monotonic_s()
        return chunk
