"""Bad input: nothing is fatal, everything is counted."""

from __future__ import annotations

import gzip
import time
import zlib
from pathlib import Path

import pytest
from fastwarc.stream_io import BrotliWriter

from webgraph.captures import Limits
from webgraph.drops import Drop, Note, Tally, Total
from webgraph.extract import batches
from webgraph.selection import Selection

HTML = b"<title>T</title><a href=/x>x</a>" + b"<p>text</p>" * 40


def run(*paths: str, selection: Selection | None = None, limits: Limits | None = None):
    """Page rows and counts of files."""
    rows, counts = [], Tally()
    for batch in batches(enumerate(paths), {0: selection or Selection()}, limits or Limits()):
        for row in batch.to_pylist():
            if row["counts"] is None:
                rows.append(row)
            else:
                counts.update({count["reason"]: count["n"] for count in row["counts"]})
    return rows, counts


def brotli(body: bytes, path: str) -> bytes:
    with BrotliWriter(path) as writer:
        writer.write(body)
    return Path(path).read_bytes()


def chunked(body: bytes) -> bytes:
    half = len(body) // 2
    parts = (body[:half], body[half:])
    return b"".join(b"%x;ext=1\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


def test_a_page_becomes_one_row_with_its_links(record, packed):
    rows, counts = run(packed(record(HTML, uri="http://Site.example/a#b")))
    assert len(rows) == 1
    assert rows[0]["page_url"] == "http://site.example/a"
    assert (rows[0]["host"], rows[0]["title"]) == ("site.example", "T")
    assert rows[0]["fetched_at"].isoformat() == "2024-03-01T10:00:00+00:00"
    assert rows[0]["links"] == [{"dst_url": "http://site.example/x", "kind": "a", "rel": None, "anchor": "x"}]
    assert counts == {Total.FILES: 1, Total.RECORDS: 1, Total.PAGES: 1, Total.LINKS: 1, Total.BYTES: len(HTML)}


@pytest.mark.parametrize(
    ("record_of", "reason"),
    [
        (lambda make: make(HTML, uri=None), Drop.NO_TARGET_URI),
        (lambda make: make(HTML, uri="not a uri"), Drop.BAD_TARGET_URI),
        (lambda make: make(HTML, uri="dns:site.example"), Drop.BAD_TARGET_URI),
        (lambda make: make(HTML, http=b""), Drop.NO_HTTP),
        (lambda make: make(HTML, http=b"\x00\x01 no http at all"), Drop.NO_HTTP),
        (lambda make: make(HTML, status="404 Not Found"), Drop.HTTP_STATUS),
        (lambda make: make(b"%PDF", head="Content-Type: application/pdf"), Drop.NON_HTML),
        (lambda make: make(b"plain text", head="X: y"), Drop.NON_HTML),
        (lambda make: make(b""), Drop.EMPTY_BODY),
        (lambda make: make(b" \r\n\t"), Drop.EMPTY_BODY),
        (lambda make: make(HTML, head="Content-Type: text/html\r\nContent-Encoding: rot13"), Drop.UNDECODABLE),
        (lambda make: make(b"\x00\xff\x13", head="Content-Type: text/html\r\nContent-Encoding: br"), Drop.UNDECODABLE),
        (lambda make: make(b"\x28\xb5", head="Content-Type: text/html\r\nContent-Encoding: zstd"), Drop.UNDECODABLE),
        (
            lambda make: make(b"\x1f\x8b" + b"x" * 30, head="Content-Type: text/html\r\nContent-Encoding: gzip"),
            Drop.UNDECODABLE,
        ),
    ],
)
def test_a_record_that_gives_no_page_is_counted_and_the_next_is_read(record, packed, record_of, reason):
    rows, counts = run(packed(record_of(record), record(HTML, uri="http://site.example/next")))
    assert [row["page_url"] for row in rows] == ["http://site.example/next"]
    assert counts[reason] == 1
    assert counts[Total.RECORDS] == 2


@pytest.mark.parametrize(
    ("body_of", "headers"),
    [
        (lambda path: gzip.compress(HTML), "Content-Encoding: gzip"),
        (lambda path: HTML, "Content-Encoding: gzip"),
        (lambda path: zlib.compress(HTML), "Content-Encoding: deflate"),
        (lambda path: zlib.compress(HTML)[2:-4], "Content-Encoding: deflate"),
        (lambda path: brotli(HTML, path), "Content-Encoding: br"),
        (lambda path: chunked(HTML), "Transfer-Encoding: chunked"),
        (lambda path: HTML, "Transfer-Encoding: chunked"),
        (lambda path: chunked(gzip.compress(HTML)), "Transfer-Encoding: chunked\r\nContent-Encoding: gzip"),
        (lambda path: HTML, "Content-Encoding: identity"),
    ],
)
def test_encoded_bodies_are_decoded(record, packed, tmp_path, body_of, headers):
    body = body_of(str(tmp_path / "encoded"))
    rows, counts = run(packed(record(body, head=f"Content-Type: text/html\r\n{headers}"), record(HTML)))
    assert [row["title"] for row in rows] == ["T", "T"]
    assert counts[Total.BYTES] == 2 * len(HTML)


def test_a_page_without_content_type_is_recognised_by_its_start(record, packed):
    rows, _ = run(packed(record(b"\n<!DOCTYPE html><title>T</title>", head="X: y")))
    assert rows[0]["title"] == "T"


def test_a_record_that_does_not_say_it_is_http_is_read_as_http(record, packed):
    rows, _ = run(packed(record(HTML).replace(b"Content-Type: application/http; msgtype=response\r\n", b"")))
    assert rows[0]["title"] == "T"


def test_an_unknown_charset_and_a_crawlers_cut_are_noted(record, packed):
    odd = record(HTML, head="Content-Type: text/html; charset=klingon", extra="WARC-Truncated: length\r\n")
    rows, counts = run(packed(odd))
    assert len(rows) == 1
    assert (counts[Note.UNKNOWN_CHARSET], counts[Note.TRUNCATED]) == (1, 1)


LONG = b"<title>T</title>" + b"".join(b"<p>%d" % n for n in range(2000))


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (chunked(LONG)[:-5000], "Transfer-Encoding: chunked"),
        (chunked(LONG)[:-5], "Transfer-Encoding: chunked"),
        (LONG, f"Content-Length: {len(LONG) + 1}"),
        (gzip.compress(LONG)[:-1000], "Content-Encoding: gzip"),
        (gzip.compress(LONG)[:-8], "Content-Encoding: gzip"),
        (zlib.compress(LONG)[:-1000], "Content-Encoding: deflate"),
        (chunked(gzip.compress(LONG)[:-1000]), "Transfer-Encoding: chunked\r\nContent-Encoding: gzip"),
    ],
)
def test_a_body_that_breaks_off_gives_what_there_is_and_a_note(record, packed, body, headers):
    rows, counts = run(packed(record(body, head=f"Content-Type: text/html\r\n{headers}"), record(HTML)))
    assert [row["title"] for row in rows] == ["T", "T"]
    assert counts[Note.INCOMPLETE] == 1


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (LONG, f"Content-Length: {len(LONG)}"),
        (LONG, f"Content-Length: {len(LONG) - 100}"),
        (LONG, "Content-Length: many"),
        (LONG, f"Content-Length: {len(LONG) * 2}\r\nTransfer-Encoding: chunked"),
        (LONG, f"Content-Length: {len(LONG) * 2}\r\nContent-Encoding: gzip"),
        (gzip.compress(LONG), f"Content-Length: {len(gzip.compress(LONG))}\r\nContent-Encoding: gzip"),
        (chunked(LONG), "Transfer-Encoding: chunked"),
    ],
)
def test_a_whole_body_is_not_said_to_break_off(record, packed, body, headers):
    _, counts = run(packed(record(body, head=f"Content-Type: text/html\r\n{headers}")))
    assert (counts[Total.PAGES], counts[Note.INCOMPLETE]) == (1, 0)


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (LONG, f"Content-Length: {len(LONG) + 1}"),
        (chunked(LONG)[:-5000], "Transfer-Encoding: chunked"),
    ],
)
def test_what_the_crawler_says_it_cut_is_noted_as_its_cut_alone(record, packed, body, headers):
    one = record(body, head=f"Content-Type: text/html\r\n{headers}", extra="WARC-Truncated: time\r\n")
    _, counts = run(packed(one))
    assert (counts[Note.TRUNCATED], counts[Note.INCOMPLETE]) == (1, 0)


def test_a_page_that_nests_too_deeply_is_dropped_before_it_is_parsed(record, packed):
    started = time.process_time()
    rows, counts = run(packed(record(b"<title>T</title>" + b"<div>" * 200_000), record(HTML)))
    assert len(rows) == 1
    assert (counts[Drop.TOO_DEEP], counts[Total.PAGES]) == (1, 1)
    assert time.process_time() - started < 20  # of minutes


def test_the_shipped_sample_has_nothing_to_note(repository_samples):
    _, counts = run(*repository_samples)
    assert counts[Total.PAGES] > 1000
    assert (counts[Drop.TOO_DEEP], counts[Note.INCOMPLETE]) == (0, 0)


def test_a_body_that_unpacks_beyond_the_limit_is_too_large(record, packed):
    bomb = record(gzip.compress(b"<p>" * 400_000), head="Content-Type: text/html\r\nContent-Encoding: gzip")
    rows, counts = run(packed(bomb, record(HTML)), limits=Limits(html_bytes=1 << 20))
    assert len(rows) == 1
    assert counts[Drop.TOO_LARGE] == 1


def test_a_record_of_a_hundred_megabytes_is_passed_over(record, packed):
    huge = record(b"<p>x" * (25 << 20))
    rows, counts = run(packed(huge, record(HTML)))
    assert len(rows) == 1
    assert counts[Drop.TOO_LARGE] == 1


def test_a_damaged_file_gives_what_precedes_the_damage(record, packed, tmp_path):
    whole = Path(packed(*(record(HTML, uri=f"http://site.example/{n}") for n in (1, 2)))).read_bytes()
    second = whole.index(b"\x1f\x8b", 10)
    damaged = tmp_path / "damaged.warc.gz"
    damaged.write_bytes(whole[: second + 20] + b"\x55" * 20 + whole[second + 40 :])
    rows, counts = run(str(damaged))
    assert [row["page_url"] for row in rows] == ["http://site.example/1"]
    assert counts[Drop.BROKEN_FILE] == 1


def test_files_that_are_no_archives_are_counted(tmp_path, record, packed):
    junk = tmp_path / "junk.warc.gz"
    junk.write_bytes(b"\x1f\x8b\x00 not gzip")
    rows, counts = run(str(junk), str(tmp_path / "missing.warc.gz"), packed(record(HTML)))
    assert len(rows) == 1
    assert counts[Drop.UNREADABLE_FILE] == 2


def test_foreign_samples(foreign):
    def of(name):
        return run(str(foreign / name))

    rows, counts = of("resiliparse-clipped.warc.gz")
    assert rows == []
    assert counts[Drop.CLIPPED] == 1
    rows, _ = of("warcio-example-iana.org-chunked.warc")
    assert rows[0]["page_url"] == "http://www.iana.org/"
    assert rows[0]["title"] == "Internet Assigned Numbers Authority"
    assert "http://www.iana.org/domains" in {link["dst_url"] for link in rows[0]["links"]}
    rows, _ = of("warcio-example-wget-bad-target-uri.warc.gz")
    assert [row["page_url"] for row in rows] == ["http://example.com/"]
    assert of("warcio-example-space-in-target-uri.warc.gz")[0] == []
    rows, _ = of("whirlwind.warc.gz")
    assert rows[0]["host"] == "an.wikipedia.org"
    rows, _ = of("ia-web-commons-link-extraction-test.warc")
    assert {link["kind"] for row in rows for link in row["links"]} >= {"a", "link", "img", "iframe", "refresh"}


def test_only_wanted_pages_are_read(record, packed):
    path = packed(
        record(HTML, uri="http://www.seed.co.uk/a"),
        record(HTML, uri="http://seed.co.uk/private/b"),
        record(HTML, uri="http://other.co.uk/a"),
        record(b"<html lang=fr><p>oui", uri="http://seed.co.uk/c"),
        record(b"<html lang=en-GB><p>yes", uri="http://seed.co.uk/d"),
    )
    selection = Selection(seed_domains=frozenset(["seed.co.uk"]), exclude=("/private/",), languages=frozenset(["en"]))
    rows, counts = run(path, selection=selection)
    assert [row["page_url"] for row in rows] == ["http://www.seed.co.uk/a", "http://seed.co.uk/d"]
    assert (counts[Drop.NOT_SEED], counts[Drop.URL_PATTERN], counts[Drop.LANGUAGE]) == (1, 1, 1)


def test_selections_share_one_reading_and_count_for_themselves(record, packed):
    path = packed(
        record(HTML, uri="http://one.example/"),
        record(HTML, uri="http://two.example/"),
        record(b"", uri="http://two.example/e"),
    )
    one = Selection(seed_domains=frozenset(["one.example"]))
    both = Selection(seed_domains=frozenset(["one.example", "two.example"]))
    rows = [row for batch in batches([(7, path)], {3: one, 5: both}, Limits()) for row in batch.to_pylist()]
    pages = [(row["selection"], row["page_url"]) for row in rows if row["counts"] is None]
    assert sorted(pages) == [(3, "http://one.example/"), (5, "http://one.example/"), (5, "http://two.example/")]
    counts = {row["selection"]: {c["reason"]: c["n"] for c in row["counts"]} for row in rows if row["counts"]}
    assert counts[3][Drop.NOT_SEED] == 2
    assert Drop.EMPTY_BODY not in counts[3]
    assert counts[5][Drop.EMPTY_BODY] == 1
    assert {row["capture"] >> 32 for row in rows if row["counts"] is None} == {7}


def test_rows_come_in_batches_of_bounded_size(record, packed):
    path = packed(*(record(b"<p>" + b"x" * 50_000, uri=f"http://site.example/{n}") for n in range(40)))
    sizes = [batch.nbytes for batch in batches([(0, path)], {0: Selection()}, Limits(batch_bytes=200_000))]
    assert len(sizes) > 8
    assert max(sizes) < 400_000
