"""The closed set of reasons why something read did not become a row, and the tally that counts them.

Every reason a count can carry is a member of `Drop` or `Note`; a payload that wants another one adds it here,
so that checks, dashboards and the documentation list the same words. A drop is something left out; a note is
something kept but altered.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum


class Drop(StrEnum):
    """Why a record, page, link or seed was left out."""

    # files
    UNREADABLE_FILE = "unreadable_file"  # could not be opened, or breaks off before its first record
    BROKEN_FILE = "broken_file"  # damaged in the middle; what follows in that file was not read
    # records
    NO_TARGET_URI = "no_target_uri"
    BAD_TARGET_URI = "bad_target_uri"  # not an absolute http(s) URL by the WHATWG rules
    NOT_SEED = "not_seed"  # host belongs to no seed's registrable domain
    URL_PATTERN = "url_pattern"  # excluded by the URL patterns of the domain definition
    NO_HTTP = "no_http"  # the payload holds no HTTP response
    HTTP_STATUS = "http_status"  # not 2xx
    NON_HTML = "non_html"
    CLIPPED = "clipped"  # the WARC record holds fewer bytes than it announces
    UNDECODABLE = "undecodable"  # content encoding that is unknown or does not decode
    EMPTY_BODY = "empty_body"
    TOO_LARGE = "too_large"  # more bytes than `Limits.html_bytes`
    TOO_DEEP = "too_deep"  # may nest more elements than `nesting.MAX_DEPTH`
    REPEATED_PAGE = "repeated_page"  # the same URL was captured earlier
    LANGUAGE = "language"  # declares a language that was not asked for
    # links
    SELF_LINK = "self_link"
    OTHER_SCHEME = "other_scheme"  # mailto:, javascript:, data:, ...
    BROKEN_URL = "broken_url"  # the WHATWG parser refuses it
    URL_TOO_LONG = "url_too_long"
    REPEATED_LINK = "repeated_link"  # same target and kind once more on the same page
    # graph
    KIND = "kind"  # link kind not asked for
    UNKNOWN_SOURCE = "unknown_source"  # no node has this registrable domain
    UNKNOWN_TARGET = "unknown_target"
    INTERNAL = "internal"  # both ends in one registrable domain
    # seeds
    WRONG_FIELDS = "wrong_fields"  # the row does not have the fields that the header names
    NO_URL = "no_url"
    BAD_URL = "bad_url"
    IP_HOST = "ip_host"
    NO_DOMAIN = "no_domain"  # a public suffix itself, or a single label
    PARKED = "parked"
    PLATFORM = "platform"  # a page on a social network, shop, code host or link shortener
    NOT_SELECTED = "not_selected"  # outside the seed selector
    DUPLICATE = "duplicate"  # an earlier row has the same registrable domain


class Note(StrEnum):
    """What was kept, but not as it came."""

    TRUNCATED = "truncated"  # the crawler itself cut the record (WARC-Truncated)
    INCOMPLETE = "incomplete"  # the HTTP body ends before what its headers or its encoding announce
    TEXT_CUT = "text_cut"  # text longer than `Limits.text_chars`
    UNKNOWN_CHARSET = "unknown_charset"  # a label nobody knows; the next rule decided


class Total(StrEnum):
    """What was read and what came of it."""

    FILES = "files"
    RECORDS = "records"  # response records
    PAGES = "pages"
    LINKS = "links"
    BYTES = "bytes"  # HTML parsed, after content decoding


Tally = Counter[str]


def by_section(counts: Mapping[str, int]) -> dict[str, object]:
    """Counts as reports show them: totals at the top, then `drops` and `notes` by reason, zeros left out."""
    shown: dict[str, object] = {total.value: int(counts.get(total, 0)) for total in Total if total in counts}
    shown["drops"] = _some(counts, Drop)
    notes = _some(counts, Note)
    return shown | ({"notes": notes} if notes else {})


def _some(counts: Mapping[str, int], reasons: Iterable[StrEnum]) -> dict[str, int]:
    return {reason.value: int(counts[reason]) for reason in reasons if counts.get(reason)}
