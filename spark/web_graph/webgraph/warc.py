"""The HTML responses of a WARC file, read once and in order (FastWARC).

Only response records are looked at, and of those outside the selection nothing but the WARC header: the seed filter
comes before any HTTP parsing. What is damaged is counted and passed over; a file damaged in the middle is read
up to there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import BinaryIO

from fastwarc.warc import ArchiveIterator, HeaderMap, WarcRecord, WarcRecordType

from webgraph.captures import Capture, Limits
from webgraph.drops import Drop, Tally, Total
from webgraph.payload import Body, decoded
from webgraph.urls import page_url

_HTML_TYPES = ("text/html", "application/xhtml+xml")
_HTML_STARTS = (b"<!doctype html", b"<html")


def captures(stream: BinaryIO, wanted: Callable[[str], bool], limits: Limits, tally: Tally) -> Iterator[Capture | Drop]:
    """Pages of one WARC file, compressed or not, and for wanted records that give none, the reason.

    `wanted` decides by a record's serialised URL. What befalls the file, or a record before its URL is known, is
    counted in `tally`.
    """
    tally[Total.FILES] += 1
    read = 0
    try:
        for record in ArchiveIterator(
            stream, record_types=WarcRecordType.response, parse_http=False, strict_mode=False
        ):
            read += 1
            target_uri = record.headers.get("WARC-Target-URI")
            url = page_url(target_uri) if target_uri else None
            if url is None:
                tally[Drop.BAD_TARGET_URI if target_uri else Drop.NO_TARGET_URI] += 1
            elif wanted(url):
                yield _capture(record, url, limits)
    except OSError:
        tally[Drop.BROKEN_FILE if read else Drop.UNREADABLE_FILE] += 1
    finally:
        tally[Total.RECORDS] += read


def _capture(record: WarcRecord, url: str, limits: Limits) -> Capture | Drop:
    record.is_http = True  # some writers leave the record's own Content-Type out
    try:
        record.parse_http(auto_decode="none", strict_mode=False)
    except OSError:
        return Drop.NO_HTTP
    headers: HeaderMap | None = record.http_headers  # typed as always there, which it is not
    status = headers.status_code if headers is not None else None
    if headers is None or status is None:
        return Drop.NO_HTTP
    if not 200 <= status < 300:
        return Drop.HTTP_STATUS
    content_type = headers.get("Content-Type") or record.headers.get("WARC-Identified-Payload-Type")
    if content_type and not content_type.strip().lower().startswith(_HTML_TYPES):
        return Drop.NON_HTML
    body = _body(record, limits)
    if isinstance(body, Drop):
        return body
    if not content_type and not body.html[:512].lstrip().lower().startswith(_HTML_STARTS):
        return Drop.NON_HTML
    return Capture(
        page_url=url,
        fetched_at=record.record_date,
        content_type=content_type,
        html=body.html,
        truncated="WARC-Truncated" in record.headers,
        incomplete=not body.whole,
    )


def _body(record: WarcRecord, limits: Limits) -> Body | Drop:
    announced = record.content_length
    if announced > limits.html_bytes:
        return Drop.TOO_LARGE
    sent = record.reader.read(announced)
    if len(sent) < announced:
        return Drop.CLIPPED
    headers = record.http_headers
    transfer, content = headers.get("Transfer-Encoding"), headers.get("Content-Encoding")
    # The length of a body that was stored decoded says nothing, and beside a transfer encoding it has no meaning.
    body = decoded(sent, transfer, content, limits.html_bytes) if transfer or content else _measured(sent, headers)
    if isinstance(body, Drop):
        return body
    return body if body.html and not body.html.isspace() else Drop.EMPTY_BODY


def _measured(sent: bytes, headers: HeaderMap) -> Body:
    length = (headers.get("Content-Length") or "").strip()
    return Body(sent, whole=not (length.isascii() and length.isdigit() and int(length) > len(sent)))
