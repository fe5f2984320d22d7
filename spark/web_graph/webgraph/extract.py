"""From captures to rows: parses each page once and yields Arrow batches of bounded size.

A page that several selections want is parsed once and yielded once per selection. Counts of pages, links and
drops travel as a last row of their own, so that one pass over the inputs yields everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from itertools import accumulate, chain
from typing import Any

import pyarrow as pa

from webgraph.captures import Capture, Limits
from webgraph.charset import choose, to_utf8
from webgraph.drops import Drop, Note, Tally, Total
from webgraph.nesting import too_deep
from webgraph.page import Links, Page, parse
from webgraph.selection import Selection
from webgraph.streams import open_binary
from webgraph.tables import EXTRACTED
from webgraph.urls import host_of
from webgraph.warc import captures

_LINK_TYPE = EXTRACTED.field("links").type.value_type
_COUNT_TYPE = EXTRACTED.field("counts").type
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_BYTES_PER_LINK = 100  # roughly, in Arrow


def batches(
    files: Iterable[tuple[int, str]], selections: Mapping[int, Selection], limits: Limits
) -> Iterator[pa.RecordBatch]:
    """Rows of `tables.EXTRACTED` for all pages that the numbered selections want, then a row of counts for each.

    `files` are numbered too: a capture's number is its file's and its place in it, the same in every run.

    Counts that precede the choice of a selection (files, records without a usable URI) appear in every one's row.
    """
    audience = _Audience(selections)
    for number, uri in files:
        yield from _of_file(number << 32, uri, audience, limits)
    yield _counts_batch(audience.tallies())


def extract(capture: Capture, limits: Limits, tally: Tally) -> Page | Drop:
    """Parse one capture, or say why not; what its page leaves out, its links and its bytes are counted in `tally`."""
    codec, unknown_label = choose(capture.html, capture.content_type)
    html = to_utf8(capture.html, codec)
    if too_deep(html):
        return Drop.TOO_DEEP
    if unknown_label:
        tally[Note.UNKNOWN_CHARSET] += 1
    if capture.truncated:
        tally[Note.TRUNCATED] += 1
    elif capture.incomplete:
        tally[Note.INCOMPLETE] += 1
    page = parse(html, capture.page_url, codec, tally, limits.text_chars)
    tally[Total.PAGES] += 1
    tally[Total.LINKS] += len(page.links)
    tally[Total.BYTES] += len(capture.html)
    return page


class _Audience:
    """The selections that look at the same inputs, each with its own counts."""

    def __init__(self, selections: Mapping[int, Selection]) -> None:
        self.shared: Tally = Tally()
        self._selections = selections
        self._own = {number: Tally() for number in selections}
        self._wanting: list[int] = []

    def wants(self, url: str) -> bool:
        """Whether any selection wants the page at this URL; the refusals of the others are counted."""
        self._wanting.clear()
        for number, selection in self._selections.items():
            refused = selection.refused_url(url)
            if refused is None:
                self._wanting.append(number)
            else:
                self._own[number][refused] += 1
        return bool(self._wanting)

    def count(self, reason: Drop) -> None:
        """The page that was wanted last gave nothing."""
        for number in self._wanting:
            self._own[number][reason] += 1

    def takers(self, page: Page, tally: Tally) -> Iterator[int]:
        """Selections that take the page that was wanted last, having read it; `tally` is what it counted."""
        for number in self._wanting:
            refused = self._selections[number].refused_language(page.language)
            if refused is None:
                self._own[number].update(tally)
                yield number
            else:
                self._own[number][refused] += 1

    def tallies(self) -> dict[int, Tally]:
        """All counts of each selection."""
        return {number: self.shared + tally for number, tally in self._own.items()}


def _of_file(first: int, uri: str, audience: _Audience, limits: Limits) -> Iterator[pa.RecordBatch]:
    try:
        stream = open_binary(uri)
    except OSError:
        audience.shared[Drop.UNREADABLE_FILE] += 1
        return
    rows = _Rows()
    with stream:
        for place, outcome in enumerate(captures(stream, audience.wants, limits, audience.shared)):
            if isinstance(outcome, Drop):
                audience.count(outcome)
                continue
            tally: Tally = Tally()
            page = extract(outcome, limits, tally)
            if isinstance(page, Drop):
                audience.count(page)
                continue
            for number in audience.takers(page, tally):
                rows.add(number, first + place, outcome, page)
            if rows.bytes >= limits.batch_bytes:
                yield rows.batch()
                rows = _Rows()
    if rows.bytes:
        yield rows.batch()


class _Rows:
    """Pages gathered until they weigh enough for a batch."""

    def __init__(self) -> None:
        self.bytes = 0
        self._captures: list[tuple[int, int, str, str, int | None]] = []
        self._pages: list[Page] = []

    def add(self, selection: int, number: int, capture: Capture, page: Page) -> None:
        fetched = _microseconds(capture.fetched_at)
        self._captures.append((selection, number, capture.page_url, host_of(capture.page_url), fetched))
        self._pages.append(page)
        self.bytes += len(capture.page_url) + len(page.text) + _BYTES_PER_LINK * (len(page.links) + 1)

    def batch(self) -> pa.RecordBatch:
        selections, numbers, urls, hosts, fetched = zip(*self._captures, strict=True)
        count = len(self._pages)
        return pa.record_batch(
            [
                pa.array(selections, pa.int32()),
                pa.array(numbers, pa.int64()),
                pa.array(urls, pa.string()),
                pa.array(hosts, pa.string()),
                pa.array([page.title for page in self._pages], pa.string()),
                pa.array([page.text for page in self._pages], pa.string()),
                pa.array(fetched, pa.int64()).cast(EXTRACTED.field("fetched_at").type),
                _nested_links([page.links for page in self._pages]),
                pa.nulls(count, _COUNT_TYPE),
            ],
            schema=EXTRACTED,
        )


def _microseconds(moment: datetime | None) -> int | None:
    return None if moment is None else (moment - _EPOCH) // timedelta(microseconds=1)


def _nested_links(lists: list[Links]) -> pa.Array[Any]:
    offsets = pa.array([0, *accumulate(map(len, lists))], pa.int32())
    columns = [
        pa.array(list(chain.from_iterable(getattr(links, column.name) for links in lists)), column.type)
        for column in _LINK_TYPE
    ]
    return pa.ListArray.from_arrays(offsets, pa.StructArray.from_arrays(columns, fields=list(_LINK_TYPE)))


def _counts_batch(tallies: Mapping[int, Tally]) -> pa.RecordBatch:
    counts = [[{"reason": str(reason), "n": n} for reason, n in sorted(tally.items())] for tally in tallies.values()]
    columns = [pa.nulls(len(tallies), field.type) for field in EXTRACTED]
    columns[0] = pa.array(list(tallies), pa.int32())
    columns[-1] = pa.array(counts, _COUNT_TYPE)
    return pa.record_batch(columns, schema=EXTRACTED)
