from __future__ import annotations

import io
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
from fastwarc.warc import ArchiveIterator
from packing.choice import candidates, choose
from packing.crawls import answers, lay_out
from packing.packages import Member
from packing.sources import Crawl, Source, load

START = datetime(2023, 6, 10, 12, tzinfo=UTC)
SITES = frozenset({"python.org", "sqlite.org", "postgresql.org"})


def source(**changes: str) -> Source:
    values = {
        "crawl": "SAMPLE-2023-06",
        "organisation": "SQLite",
        "licence": "blessing",
        "holder": "D. Richard Hipp",
        "package": "sqlite3-doc",
        "copyright_package": "sqlite3-doc",
        "root": "doc/sqlite3",
        "url": "https://www.sqlite.org/",
    }
    return Source(**{**values, **changes})


def page(path: str, *links: str, words: int = 400) -> Member:
    anchors = "".join(f'<a href="{link}">there</a>' for link in links)
    text = " ".join(f"word{number}{path}" for number in range(words))
    body = f"<!doctype html><meta charset=UTF-8><p>{text}</p>{anchors}".encode()
    return Member(f"usr/share/doc/sqlite3/{path}", body, 1_600_000_000)


@pytest.mark.parametrize(
    ("style", "path", "address"),
    [
        ("files", "lang/select.html", "https://www.sqlite.org/lang/select.html"),
        ("files", "lang/index.html", "https://www.sqlite.org/lang/"),
        ("files", "index.html", "https://www.sqlite.org/"),
        ("files", "a page.html", "https://www.sqlite.org/a%20page.html"),
        ("files", "notes.txt", "https://www.sqlite.org/notes.txt"),
        ("directories", "topics/db.html", "https://www.sqlite.org/topics/db/"),
        ("php", "function.date.html", "https://www.sqlite.org/function.date.php"),
        ("stems", "builtin.html", "https://www.sqlite.org/builtin"),
    ],
)
def test_a_file_has_its_public_address(style: str, path: str, address: str) -> None:
    assert source(pages=style).address_of(path) == address


def test_only_files_below_the_root_are_pages() -> None:
    plain = source(exclude="^old/")

    assert plain.path_of("usr/share/doc/sqlite3/lang.html") == "lang.html"
    assert plain.path_of("usr/share/doc/sqlite3/old/lang.html") is None
    assert plain.path_of("usr/share/doc/sqlite3-tools/lang.html") is None


@pytest.mark.parametrize(
    ("crawl", "style", "message"),
    [("SAMPLE-1999-01", "files", "SAMPLE-1999-01"), ("SAMPLE-2023-06", "folders", "folders.*files, directories")],
)
def test_a_wrong_source_is_named(tmp_path: Path, crawl: str, style: str, message: str) -> None:
    path = tmp_path / "sources.toml"
    path.write_text(
        '[crawls."SAMPLE-2023-06"]\nsuite = "bookworm"\nstart = 2023-06-10T12:00:00Z\nwords = {}\n'
        '[[sources]]\norganisation = "SQLite"\nlicence = "blessing"\nholder = "D. Richard Hipp"\n'
        'package = "sqlite3-doc"\nroot = "doc/sqlite3"\nurl = "https://www.sqlite.org/"\n'
        f'pages = "{style}"\ncrawls = ["{crawl}"]\n',
        encoding="utf-8",
    )

    with pytest.raises(ValueError, match=message):
        load(path)


def test_pages_that_add_links_between_organisations_come_first() -> None:
    members = [page(f"plain{number}.html") for number in range(30)]
    members += [page("index.html"), page("linked.html", "https://docs.python.org/3/", "https://www.postgresql.org/")]
    pages = candidates(source(), members, SITES)

    chosen = [each.path for each in choose(pages, 4 * pages[0].cost_bytes)]

    assert {"index.html", "linked.html"} <= set(chosen)
    assert 3 <= len(chosen) <= 4


def test_links_to_itself_and_to_strangers_count_nothing() -> None:
    members = [page("self.html", "https://sqlite.org/a", "https://example.org/", "http://[broken/")]

    assert [each.links for each in candidates(source(), members, SITES)] == [{}]


def test_indexes_and_long_pages_are_left_out() -> None:
    members = [page("genindex.html"), page("_modules/os.html"), page("long.html", words=60_000), page("notes.txt")]

    assert candidates(source(), members, SITES) == []


def packed(members: Sequence[Member]) -> dict[str, bytes]:
    crawl = Crawl("SAMPLE-2023-06", "bookworm", START, (source(),))
    return lay_out(crawl, answers(source(), ["a.html", "b.html"], members, START))


def test_packing_depends_on_the_pages_alone() -> None:
    members = [page("a.html"), page("b.html"), page("c.html")]

    assert packed(members) == packed(members[::-1])
    assert packed(members) != packed([page("a.html", words=401), page("b.html")])


def test_a_page_is_packed_unchanged_under_its_address() -> None:
    members = [page("a.html"), page("b.html")]

    found = {}
    for data in packed(members).values():
        for record in ArchiveIterator(io.BytesIO(data)):
            if record.http_headers:
                found[record.headers["WARC-Target-URI"]] = (record.http_headers["Content-Type"], record.reader.read())

    assert found == {
        "https://www.sqlite.org/a.html": ("text/html; charset=utf-8", members[0].body),
        "https://www.sqlite.org/b.html": ("text/html; charset=utf-8", members[1].body),
    }


def test_a_page_that_its_package_lacks_is_named() -> None:
    with pytest.raises(ValueError, match=r"sqlite3-doc does not hold b\.html"):
        answers(source(), ["b.html"], [page("a.html")], START)
