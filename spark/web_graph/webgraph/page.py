"""Title, text and links of one HTML document from one parse (lexbor, which follows the HTML standard).

One selector query finds every element of interest; names are compared by the parser's tag numbers, and an
anchor's text is read only at the first occurrence of its target. What scripts would add is not seen, the
content of `<template>` is inert and excluded, and `srcset` and other alternative sources are not links.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from selectolax.lexbor import LexborAttributes, LexborCSSSelector, LexborDocumentOptions, LexborHTMLParser, LexborNode

from webgraph.drops import Drop, Note, Tally
from webgraph.urls import Base

MAX_ANCHOR_CHARS: Final = 1000


# Element that holds the link; `refresh` is a meta element's.
KINDS: Final = ("a", "area", "link", "img", "script", "iframe", "form", "refresh")


@dataclass(slots=True)
class Links:
    """The links of a page as columns, distinct by target and kind; rel and anchor are those of the first occurrence.

    An anchor is an a's text, or the alternative text of an area or img; None where there is none.
    """

    dst_url: list[str] = field(default_factory=list)
    kind: list[str] = field(default_factory=list)
    rel: list[str | None] = field(default_factory=list)
    anchor: list[str | None] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.dst_url)


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """What one document says; `text` is the body's text nodes as they stand, blank ones left out, joined by spaces."""

    title: str | None
    text: str
    language: str | None
    links: Links


_QUERY: Final = "[href],[src],form[action],meta[http-equiv],script,style,title"
_SAMPLE: Final = (
    "<title></title><base href><link href><meta http-equiv><style></style><script></script>"
    "<a href></a><map><area href></map><img src><iframe src></iframe><form action></form>"
)
_SELECTOR: Final = LexborCSSSelector()  # type: ignore[no-untyped-call]  # compiles nothing per document; one thread per process uses it
_TAGS: Final = {str(node.tag): node.tag_id for node in LexborHTMLParser(_SAMPLE).css(_QUERY)}
_A, _BASE, _TITLE = _TAGS["a"], _TAGS["base"], _TAGS["title"]
_SCRIPT = _TAGS["script"]
_CODE = frozenset([_SCRIPT, _TAGS["style"]])
# Every kind but a: the attribute that holds the URL, and the one that describes the target.
_SOURCES: Final[dict[int, tuple[str, str, str]]] = {
    _TAGS["area"]: ("area", "href", "alt"),
    _TAGS["link"]: ("link", "href", ""),
    _TAGS["img"]: ("img", "src", "alt"),
    _SCRIPT: ("script", "src", ""),
    _TAGS["iframe"]: ("iframe", "src", ""),
    _TAGS["form"]: ("form", "action", ""),
    _TAGS["meta"]: ("refresh", "", ""),
}
_KINDS_WITH_REL: Final = frozenset(["a", "area", "link", "form"])
_ABSENT: Final = "\x00absent"  # no attribute value holds a NUL: the tokenizer replaces it

# https://html.spec.whatwg.org/#shared-declarative-refresh-steps
_refresh_target = re.compile(
    r"\s*(?:\d+[\d.]*|\.[\d.]*)(?:\s+[;,]?\s*|[;,]\s*)(?:url\s*=\s*)?(?:\"([^\"]*)|'([^']*)|(.*))",
    re.IGNORECASE | re.DOTALL,
).match


_Tagged: TypeAlias = list[tuple[int, LexborNode]]


def parse(html: bytes, url: str, charset: str, tally: Tally, max_text_chars: int) -> Page:
    """Read a document given as UTF-8 bytes.

    `url` is the page's own address as `urls.page_url` serialises it, `charset` the codec the document came in.
    Links that are left out are counted in `tally`.
    """
    tree = LexborHTMLParser(html, options=LexborDocumentOptions.WO_EVENTS)
    root = tree.root
    nodes = _SELECTOR.find(_QUERY, root) if root is not None else []
    tags = [node.tag_id for node in nodes]
    others: _Tagged = [(tag, node) for tag, node in zip(tags, nodes, strict=True) if tag != _A]
    title = _title(others)
    base = Base(url, _base_href(others), charset)
    _detach_code(others)
    links = Links()
    _add_anchors([node for tag, node in zip(tags, nodes, strict=True) if tag == _A], url, base, links, tally)
    _add_others(others, url, base, links, tally)
    body = tree.body
    text = body.text(separator=" ", skip_empty=True) if body is not None else ""
    if len(text) > max_text_chars:
        tally[Note.TEXT_CUT] += 1
        text = text[:max_text_chars]
    language = root.attrs.get("lang") if root is not None else None
    return Page(title=title, text=text, language=language.strip().lower() if language else None, links=links)


def _add_anchors(anchors: list[LexborNode], url: str, base: Base, links: Links, tally: Tally) -> None:
    """The a elements, which are nearly all links of a page: hence no loop over them in Python where one in C does."""
    hrefs = [node.attrs.sget("href", _ABSENT) for node in anchors]
    if _ABSENT in hrefs:  # found by another attribute
        anchors = [node for node, href in zip(anchors, hrefs, strict=True) if href is not _ABSENT]
        hrefs = [href for href in hrefs if href is not _ABSENT]
    # Fragments go first: many links of a page differ in nothing else.
    heads = [href.partition("#")[0] if "#" in href else href for href in hrefs]
    # Backwards, so that of equal keys the first occurrence stays.
    firsts = dict(zip(reversed(heads), reversed(anchors), strict=True))
    targets = base.resolve_all(firsts)
    for position, (head, node) in enumerate(firsts.items()):
        if head[-1:] <= " ":
            targets[position] = base.resolve(_head(node.attrs.sget("href")))
    by_target = dict(zip(targets, firsts.values(), strict=True))
    unwanted = {target for target in by_target if target.__class__ is Drop or target == url}
    left_out = _count_unwanted(heads, zip(firsts, targets, strict=True), unwanted, tally) if unwanted else 0
    for target in unwanted:
        del by_target[target]
    kept = len(by_target)
    if kept + left_out < len(heads):
        tally[Drop.REPEATED_LINK] += len(heads) - kept - left_out
    links.dst_url += by_target
    links.kind += ["a"] * kept
    links.rel += [node.attrs.get("rel") for node in by_target.values()]
    links.anchor += [" ".join(node.text_lexbor().split())[:MAX_ANCHOR_CHARS] or None for node in by_target.values()]


def _count_unwanted(
    heads: list[str], targets: Iterable[tuple[str, str | Drop]], unwanted: set[str | Drop], tally: Tally
) -> int:
    """Count every occurrence of hrefs that lead nowhere, by reason; returns how many that were."""
    times = Counter(heads)
    before = times.total()
    for head, target in targets:
        if target in unwanted and head in times:
            tally[target if target.__class__ is Drop else Drop.SELF_LINK] += times.pop(head)
    return before - times.total()


def _add_others(others: _Tagged, url: str, base: Base, links: Links, tally: Tally) -> None:
    """Every kind but a; a handful of elements on most pages."""
    met: set[tuple[str, str]] = set()
    for tag, node in others:
        if tag not in _SOURCES:
            continue
        kind, attribute, description = _SOURCES[tag]
        attributes = node.attrs
        href = attributes.sget(attribute, _ABSENT) if attribute else _refreshed(attributes)
        if href is _ABSENT:
            continue
        target = base.resolve(href if "#" not in href else _head(href))
        if target.__class__ is Drop:
            tally[target] += 1
        elif target == url:
            tally[Drop.SELF_LINK] += 1
        elif (kind, target) in met:
            tally[Drop.REPEATED_LINK] += 1
        else:
            met.add((kind, target))
            links.dst_url.append(target)
            links.kind.append(kind)
            links.rel.append(attributes.get("rel") if kind in _KINDS_WITH_REL else None)
            links.anchor.append(_described(attributes.get(description) or "") if description else None)


def _head(href: str) -> str:
    """The href without its fragment, unless a blank before it would lose its meaning: at the end it is no path."""
    head = href.partition("#")[0]
    return href if head and head[-1] <= " " else head


def _described(text: str) -> str | None:
    return " ".join(text.split())[:MAX_ANCHOR_CHARS] or None


def _base_href(others: _Tagged) -> str | None:
    """Value of the first base element that has an href; elsewhere in the document it counts as well."""
    for tag, node in others:
        if tag == _BASE and (href := node.attrs.sget("href", _ABSENT)) is not _ABSENT:
            return href
    return None


def _title(others: _Tagged) -> str | None:
    """Text of the first title that is the document's and not a drawing's."""
    for tag, node in others:
        if tag == _TITLE and not _in_drawing(node):
            return " ".join(node.text().split()) or None
    return None


def _in_drawing(node: LexborNode | None) -> bool:
    while node is not None:
        if node.tag == "svg":
            return True
        node = node.parent
    return False


def _detach_code(others: _Tagged) -> None:
    """Take scripts and styles out of the tree, so that they are no text; their attributes stay readable."""
    for tag, node in others:
        if tag in _CODE and node.first_child is not None:
            node.decompose()


def _refreshed(attributes: LexborAttributes) -> str:
    if attributes.sget("http-equiv").lower() != "refresh":
        return _ABSENT
    found = _refresh_target(attributes.sget("content"))
    return next((group for group in found.groups() if group), _ABSENT) if found else _ABSENT
