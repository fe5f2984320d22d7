"""The seam between where pages come from and what is read from them.

A source yields `Capture` values and counts what it left out in a tally. Scanning WARC files is one source
(`webgraph.warc`); byte ranges named by a crawl index would be another one, and nothing behind the seam would
change.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """One HTML response as it was archived; `html` is decoded from transfer and content encoding, not from charset."""

    page_url: str  # serialised, without fragment
    fetched_at: datetime | None  # UTC; None where the record's date is unreadable
    content_type: str | None
    html: bytes
    truncated: bool = False  # by the crawler
    incomplete: bool = False  # the HTTP body ends before what its headers or its encoding announce


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What bounds the memory that a task needs, however large its inputs.

    `html_bytes`: a longer document, before or after content decoding, is dropped as `too_large`.
    `text_chars`: longer text is cut and noted as `text_cut`. `batch_bytes`: rows are handed on in batches of about
    this size.
    """

    html_bytes: int = 8 << 20
    text_chars: int = 1_000_000
    batch_bytes: int = 8 << 20
