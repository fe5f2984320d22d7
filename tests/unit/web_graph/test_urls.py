"""URLs by the WHATWG URL standard; the expected values follow its rules."""

from __future__ import annotations

import ada_url
import pytest
from hypothesis import given
from hypothesis import strategies as st

from webgraph.drops import Drop
from webgraph.urls import Base, host_of, page_url

PAGE = "https://site.example/docs/guide/index.html?v=1"


@pytest.mark.parametrize(
    ("href", "expected"),
    [
        ("next.html", "https://site.example/docs/guide/next.html"),
        ("./next.html", "https://site.example/docs/guide/next.html"),
        ("../up.html", "https://site.example/docs/up.html"),
        ("../../../../root.html", "https://site.example/root.html"),
        ("..", "https://site.example/docs/"),
        ("../", "https://site.example/docs/"),
        ("/top?a=1&b=2", "https://site.example/top?a=1&b=2"),
        ("?v=2", "https://site.example/docs/guide/index.html?v=2"),
        ("", "https://site.example/docs/guide/index.html?v=1"),
        ("#part", "https://site.example/docs/guide/index.html?v=1"),
        ("other.html#part", "https://site.example/docs/guide/other.html"),
        ("//cdn.example/x.js", "https://cdn.example/x.js"),
        ("HTTP://WWW.Example.COM/Path", "http://www.example.com/Path"),
        ("http://www.example.com", "http://www.example.com/"),
        ("http://www.example.com:80/a", "http://www.example.com/a"),
        ("https://www.example.com:443/a", "https://www.example.com/a"),
        ("http://www.example.com:8080/a", "http://www.example.com:8080/a"),
        ("http://bücher.example/ä", "http://xn--bcher-kva.example/%C3%A4"),
        ("http://0x7f.1/", "http://127.0.0.1/"),
        (r"\\www.example.com\dir\file", "https://www.example.com/dir/file"),
        ("  /padded\n", "https://site.example/padded"),
        ("/a b", "https://site.example/a%20b"),
        ("/a b #c", "https://site.example/a%20b%20"),
        ("/new\nline", "https://site.example/newline"),
        ("/a/./b/../c", "https://site.example/a/c"),
        ("/a/%2e%2E/c", "https://site.example/c"),
        ('/q?x="y"', "https://site.example/q?x=%22y%22"),
        ("http://user:pw@www.example.com/", "http://user:pw@www.example.com/"),
        ("https:relative.html", "https://site.example/docs/guide/relative.html"),
        ("mailto:someone@example.com", Drop.OTHER_SCHEME),
        ("java\nscript:alert(1)", Drop.OTHER_SCHEME),
        ("data:text/html,<p>", Drop.OTHER_SCHEME),
        ("ftp://ftp.example.com/", Drop.OTHER_SCHEME),
        ("http://", Drop.BROKEN_URL),
        ("http://exa mple.com/", Drop.BROKEN_URL),
        ("http://[::1", Drop.BROKEN_URL),
        ("http://www.example.com:99999/", Drop.BROKEN_URL),
        ("http://xn--/", Drop.BROKEN_URL),
        ("http://www.XN--/", Drop.BROKEN_URL),
        ("//xn--a/", Drop.BROKEN_URL),
        ("http://xn--a-yoc.example/", Drop.BROKEN_URL),
        ("http://xn--zn7c.example/", Drop.BROKEN_URL),
        ("http://xn--abc-.example/", Drop.BROKEN_URL),
        ("http://www.xn--bcher-kva.example/", "http://www.xn--bcher-kva.example/"),
        ("http://XN--BCHER-KVA.example/x", "http://xn--bcher-kva.example/x"),
        ("http://xn--ls8h.example/", "http://xn--ls8h.example/"),
        ("/xn--/a", "https://site.example/xn--/a"),
        ("/" + "x" * 9000, Drop.URL_TOO_LONG),
    ],
)
def test_an_href_resolves_as_in_a_browser(href, expected):
    assert Base(PAGE).resolve(href) == expected


@pytest.mark.parametrize(
    ("base", "expected"),
    [
        ("/other/", "https://site.example/other/x.html"),
        ("https://cdn.example/a/b", "https://cdn.example/a/x.html"),
        ("//cdn.example", "https://cdn.example/x.html"),
        ("../", "https://site.example/docs/x.html"),
        ("data:text/plain,", "https://site.example/docs/guide/x.html"),
        ("http://[broken", "https://site.example/docs/guide/x.html"),
    ],
)
def test_a_base_element_changes_where_relative_hrefs_lead(base, expected):
    assert Base(PAGE, base).resolve("x.html") == expected


def test_non_ascii_queries_are_encoded_in_the_documents_charset():
    assert Base(PAGE, charset="cp1251").resolve("/s?q=да") == "https://site.example/s?q=%E4%E0"
    assert Base(PAGE, charset="cp1252").resolve("/s?q=да") == "https://site.example/s?q=%26%231076%3B%26%231072%3B"
    assert Base(PAGE).resolve("/s?q=да") == "https://site.example/s?q=%D0%B4%D0%B0"


def test_what_one_page_resolved_does_not_leak_into_another():
    first, second = Base("http://a.example/d/one?x"), Base("http://a.example/d/two?y")
    assert [first.resolve(href) for href in ("", "?z", " #f", "n")] != [
        second.resolve(href) for href in ("", "?z", " #f", "n")
    ]
    assert second.resolve("?z") == "http://a.example/d/two?z"
    assert first.resolve("n") == second.resolve("n") == "http://a.example/d/n"


_PIECES = [
    "a",
    "b.html",
    "..",
    ".",
    "/",
    "//",
    "?",
    "#",
    "x=1",
    "&",
    "%2e",
    "%20",
    ":",
    "@",
    " ",
    "\\",
    "http://",
    "https://",
]
_PIECES += [
    "example.com",
    "EX.com",
    "xn--",
    "1.2.3.4",
    "8080",
    ";",
    "~",
    "'",
    '"',
    "<",
    "|",
    "é",
    ".b",
    "\t",
    "[",
    "^",
    "!",
    "+",
]


@given(st.lists(st.sampled_from(_PIECES), max_size=6).map("".join))
def test_shortcuts_come_to_what_the_url_parser_says(href):
    found = Base("https://h.example/a/b/c.html").resolve(href)
    try:
        parsed = ada_url.join_url("https://h.example/a/b/c.html", href).partition("#")[0]
    except ValueError:
        assert found in (Drop.BROKEN_URL, Drop.OTHER_SCHEME)
    else:
        if "xn--" in host_of(parsed) and found is Drop.BROKEN_URL:
            return  # the parser does not look into such labels
        assert found == parsed if parsed.startswith("http") else found == Drop.OTHER_SCHEME


@pytest.mark.parametrize(
    ("uri", "expected"),
    [
        ("http://Site.example", "http://site.example/"),
        ("<http://site.example/>", "http://site.example/"),
        ("http://site.example/a b#c", "http://site.example/a%20b"),
        ("dns:site.example", None),
        ("/relative", None),
        ("", None),
    ],
)
def test_a_target_uri_becomes_a_page_url(uri, expected):
    assert page_url(uri) == expected


def test_the_host_of_a_url_is_read_without_port_and_user():
    assert host_of("https://user@WWW.site.example:8443/x?http://other.example") == "www.site.example"
    assert host_of("http://[2001:db8::1]:80/") == "[2001:db8::1]"
    assert host_of("mailto:a@b.example") == ""
