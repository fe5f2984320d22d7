"""Title, text and links of awkward documents; the expected values follow the HTML standard."""

from __future__ import annotations

import pytest

from webgraph.drops import Drop, Note, Tally
from webgraph.page import parse

URL = "https://site.example/dir/page"


def read(html: str | bytes, tally: Tally | None = None, text_chars: int = 1000):
    document = html.encode() if isinstance(html, str) else html
    return parse(document, URL, "utf-8", tally if tally is not None else Tally(), text_chars)


def targets(html: str) -> list[tuple[str, str]]:
    links = read(html).links
    return sorted(zip(links.kind, links.dst_url, strict=True))


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<a href=x>x</a>", [("a", "https://site.example/dir/x")]),
        ("<A HREF='x'>x</A>", [("a", "https://site.example/dir/x")]),
        (
            "<a href=x>unclosed <a href=y>too",
            [("a", "https://site.example/dir/x"), ("a", "https://site.example/dir/y")],
        ),
        ("<a href='?a=1&amp;b=2'>entity</a>", [("a", "https://site.example/dir/page?a=1&b=2")]),
        ("<a href='/&#x65;'>reference</a>", [("a", "https://site.example/e")]),
        ("<!-- <a href=x>comment</a> -->", []),
        ("<script>document.write('<a href=x>')</script>", []),
        ("<textarea><a href=x></textarea>", []),
        ("<template><a href=x></a><img src=y></template>", []),
        ("<noscript><a href=x>no script</a></noscript>", [("a", "https://site.example/dir/x")]),
        ("<a>no href</a><a name=x>anchor</a>", []),
        ("<a src=x>wrong attribute</a>", []),
        ("<map><area href=x alt=A></map>", [("area", "https://site.example/dir/x")]),
        ("<link rel=next href=x>", [("link", "https://site.example/dir/x")]),
        ("<img src=x srcset='y 2x'>", [("img", "https://site.example/dir/x")]),
        ("<picture><source srcset=y><img src=x></picture>", [("img", "https://site.example/dir/x")]),
        ("<script src=x></script>", [("script", "https://site.example/dir/x")]),
        ("<iframe src=x></iframe>", [("iframe", "https://site.example/dir/x")]),
        ("<form action=x></form><form></form>", [("form", "https://site.example/dir/x")]),
        ("<video src=x></video><embed src=y>", []),
        ("<meta http-equiv=refresh content='0; url=x'>", [("refresh", "https://site.example/dir/x")]),
        ("<meta http-equiv=Refresh content=\"5;URL='x y' z\">", [("refresh", "https://site.example/dir/x%20y")]),
        ("<meta http-equiv=refresh content='3, x'>", [("refresh", "https://site.example/dir/x")]),
        ("<meta http-equiv=refresh content=30>", []),
        ("<meta http-equiv=refresh content='url=x'>", []),
        ("<meta name=refresh content='0;url=x'>", []),
        ("<base href=/b/><a href=x>x</a>", [("a", "https://site.example/b/x")]),
        ("<a href=x>x</a><base href=/b/>", [("a", "https://site.example/b/x")]),
        ("<base target=_top><base href=/b/><base href=/c/><a href=x>", [("a", "https://site.example/b/x")]),
        ("<base href=/b/><a href='#f'>f</a>", [("a", "https://site.example/b/")]),
        ("<a href=x>1</a><a href=x#f>2</a><a href=./x>3</a>", [("a", "https://site.example/dir/x")]),
        ("<a href=x></a><link href=x>", [("a", "https://site.example/dir/x"), ("link", "https://site.example/dir/x")]),
        ("<a href=''></a><a href='#top'></a><a href=page></a>", []),
        ("<a href=mailto:a@b.c></a><a href='javascript:;'></a><a href='http://['></a>", []),
        ("<svg><style><a href=x>s</a></style></svg>", [("a", "https://site.example/dir/x")]),
        ("<p>" + "<div>" * 5000 + "<a href=x>deep</a>", [("a", "https://site.example/dir/x")]),
    ],
)
def test_links_are_those_a_browser_would_see(html, expected):
    assert targets(html) == expected


def test_a_link_has_the_rel_and_anchor_of_its_first_occurrence():
    links = read(
        "<a href=x rel='nofollow ugc'>  first\n <b>one</b></a><a href=x>second</a>"
        "<img src=i alt=' an image '><a href=e></a>"
    ).links
    rows = dict(zip(links.dst_url, zip(links.rel, links.anchor, strict=True), strict=True))
    assert rows["https://site.example/dir/x"] == ("nofollow ugc", "first one")
    assert rows["https://site.example/dir/i"] == (None, "an image")
    assert rows["https://site.example/dir/e"] == (None, None)


def test_every_link_left_out_is_counted():
    tally = Tally()
    read(
        "<a href=x>1</a><a href=x>2</a><a href=x#f>3</a><a href=page>4</a><a href='#f'>5</a><a href=mailto:a>6</a>"
        "<a href=mailto:a>7</a><a href='http://['>8</a><a src=y>no link</a><img src=data:x><link href=l><link href=l>",
        tally,
    )
    assert tally == {
        Drop.REPEATED_LINK: 3,
        Drop.SELF_LINK: 2,
        Drop.OTHER_SCHEME: 3,
        Drop.BROKEN_URL: 1,
    }


@pytest.mark.parametrize(
    ("html", "title", "text"),
    [
        ("<title> A\n title </title><p>one<p>two", "A title", "one two"),
        ("<body>no title", None, "no title"),
        ("<title></title>x", None, "x"),
        ("<svg><title>drawing</title></svg><title>late</title>", "late", "drawing late"),
        ("<p>a<script>b</script><style>c</style><!-- d --><template>e</template>f", None, "a f"),
        ("<p>caf&eacute; &amp; &#128512;", None, "café & \U0001f600"),
        ("<frameset><frame src=x></frameset>", None, ""),
        ("", None, ""),
    ],
)
def test_title_and_text(html, title, text):
    page = read(html)
    assert (page.title, " ".join(page.text.split())) == (title, text)


def test_invalid_utf_8_becomes_replacement_characters_and_no_markup_is_lost():
    page = read(b"<p>caf\xe9 <a href=x>\xff</a>")
    assert page.text.split() == ["caf\ufffd", "\ufffd"]
    assert page.links.dst_url == ["https://site.example/dir/x"]


def test_long_text_is_cut_and_noted():
    tally = Tally()
    assert len(read("<p>" + "x" * 5000, tally, text_chars=1000).text) == 1000
    assert tally[Note.TEXT_CUT] == 1


def test_the_declared_language_is_read_from_the_root():
    assert read("<html lang=' de-AT '>").language == "de-at"
    assert read("<p lang=de>").language is None
