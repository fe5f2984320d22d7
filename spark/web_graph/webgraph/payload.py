"""HTTP payloads as crawlers store them: transfer and content encodings undone within a byte limit.

Done here rather than by the WARC reader because a payload that does not hold what its header says must cost
that one record, not the rest of the file, and because a few hundred bytes can unpack to gigabytes. Crawlers
often store a decoded body under the original header, so bytes that are evidently not encoded pass as they are. Of a
chunked, gzip or deflate body that breaks off, what it still gives is kept and said to be incomplete: the parser copes
with half a page.
"""

from __future__ import annotations

import io
import zlib
from dataclasses import dataclass

from fastwarc.stream_io import BrotliReader, ZstdReader

from webgraph.drops import Drop

_GZIP, _RAW_DEFLATE = 16 + zlib.MAX_WBITS, -zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class Body:
    """A document as it was sent, and whether all of it arrived."""

    html: bytes
    whole: bool = True


def decoded(body: bytes, transfer: str | None, content: str | None, limit: int) -> Body | Drop:
    """The document behind a Transfer-Encoding and a Content-Encoding, at most `limit` bytes long, or why not."""
    document = _unchunked(body) if transfer and "chunked" in transfer.lower() else Body(body)
    for coding in reversed((content or "").lower().split(",")):
        outcome = _uncoded(document.html, coding.strip(), limit)
        if isinstance(outcome, Drop):
            return outcome
        document = Body(outcome.html, document.whole and outcome.whole)
    return document


def _unchunked(body: bytes) -> Body:
    """Join chunks up to the one of size zero; a body that does not start with a chunk header is none any more."""
    parts: list[bytes] = []
    position = 0
    while True:
        line_end = body.find(b"\r\n", position, position + 1024)
        size = _chunk_size(body[position:line_end]) if line_end >= 0 else None
        if size is None:
            return Body(b"".join(parts), whole=False) if parts else Body(body)
        if size == 0:
            return Body(b"".join(parts))
        parts.append(body[line_end + 2 : line_end + 2 + size])
        position = line_end + 2 + size + 2


def _chunk_size(header: bytes) -> int | None:
    digits = header.partition(b";")[0].strip()
    try:
        return int(digits, 16) if digits.isalnum() else None
    except ValueError:
        return None


def _uncoded(body: bytes, coding: str, limit: int) -> Body | Drop:
    if coding in ("", "identity", "none"):
        return Body(body)
    if coding in ("gzip", "x-gzip"):
        return _inflated(body, _GZIP, limit) if body.startswith(b"\x1f\x8b") else Body(body)
    if coding == "deflate":
        outcome = _inflated(body, zlib.MAX_WBITS, limit)
        return _inflated(body, _RAW_DEFLATE, limit) if outcome is Drop.UNDECODABLE else outcome
    if coding == "br":
        return _streamed(BrotliReader(io.BytesIO(body)), limit)
    if coding == "zstd":
        return _streamed(ZstdReader(io.BytesIO(body)), limit)
    return Drop.UNDECODABLE


def _inflated(body: bytes, window_bits: int, limit: int) -> Body | Drop:
    inflater = zlib.decompressobj(window_bits)
    try:
        document = inflater.decompress(body, limit + 1)
    except zlib.error:
        return Drop.UNDECODABLE
    return Drop.TOO_LARGE if len(document) > limit else Body(document, whole=inflater.eof)


def _streamed(reader: BrotliReader | ZstdReader, limit: int) -> Body | Drop:
    document = bytearray()
    try:
        while len(document) <= limit and (chunk := reader.read(limit + 1 - len(document))):
            document += chunk
    except OSError:
        return Drop.UNDECODABLE
    return Drop.TOO_LARGE if len(document) > limit else Body(bytes(document))
