"""How deep a document nests its elements, before it is parsed.

The parser looks through all open elements at nearly every tag, so its time grows with the square of the depth: a
megabyte of unclosed elements holds a worker for minutes. The bound errs upwards: what is read here as open may be
closed by a rule of the HTML standard that is not followed, while real pages stay two orders of magnitude below the
limit. It is no defence against a document that hides its tags from this reading on purpose.
"""

from __future__ import annotations

import re
from typing import Final

MAX_DEPTH: Final = (
    5_000  # the parser needs some 15 ms for as many open elements; the deepest page of the samples has 22
)

# Nothing is read twice: what is not closed reaches to the end of the document, as for the parser.
_tags = re.compile(
    rb"<!--(?:-?>|.*?--!?>|.*)"  # a comment's tags are none
    rb"|<script[\t\n\f\r />](?:.*?</script|.*)"  # nor are those in the text of a script
    rb"|<(/?)([a-z][^\t\n\f\r />]*+)(?:[^>=]++|=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+')?+)*+(?:>|\Z)",
    re.IGNORECASE | re.DOTALL,
).finditer

_VOID: Final = frozenset(
    b"area base basefont bgsound br col embed frame hr img input keygen link meta param source track wbr".split()
)
# Start tags that end an open element of these names, wherever only text-level elements lie in between.
_ENDED_BY: Final = {
    b"p": frozenset([b"p"]),
    b"li": frozenset([b"li"]),
    b"dt": frozenset([b"dt", b"dd"]),
    b"dd": frozenset([b"dt", b"dd"]),
    b"option": frozenset([b"option"]),
    b"tr": frozenset([b"tr"]),
    b"td": frozenset([b"td", b"th"]),
    b"th": frozenset([b"td", b"th"]),
    b"a": frozenset([b"a"]),
}
# The end tag of one of these takes only itself off, and the end of another element does not close it for good.
_FORMATTING: Final = frozenset(b"b big code em font i nobr s small strike strong tt u".split())
_BETWEEN: Final = frozenset([b"a", b"p", b"span", b"td", b"th"])
_CELLS: Final = frozenset([b"td", b"th", b"template", b"object"])  # end tags inside do not reach elements outside
_REACH: Final = 64  # elements further out are taken to stay open


def too_deep(html: bytes) -> bool:
    """Whether a document may nest more than `MAX_DEPTH` elements; `html` is in an encoding whose markup is ASCII's."""
    # Most documents have fewer tags than the limit, and counting bytes costs next to nothing.
    tags = html.count(b"<")
    return tags > MAX_DEPTH and tags - html.count(b"</") > MAX_DEPTH and _deepest(html) > MAX_DEPTH


def _deepest(html: bytes) -> int:
    """The most elements open at a time, as far as needed: counting ends beyond `MAX_DEPTH`."""
    opened: list[bytes] = []
    formatting: dict[bytes, int] = {}
    unclosed = deepest = 0
    for tag in _tags(html):
        if tag[2] is None:
            continue
        name = tag[2].lower()
        if name in _FORMATTING:
            step = -1 if tag[1] else 1
            if step > 0 or formatting.get(name):
                formatting[name] = formatting.get(name, 0) + step
                unclosed += step
        elif tag[1]:
            _close(opened, name)
        elif name not in _VOID:
            if name in _ENDED_BY:
                _end(opened, _ENDED_BY[name])
            opened.append(name)
        deepest = max(deepest, len(opened) + unclosed)
        if deepest > MAX_DEPTH:
            break
    return deepest


def _close(opened: list[bytes], name: bytes) -> None:
    """Take off the innermost element of that name and what it holds; without one the end tag is void."""
    for place in _innermost(opened):
        if opened[place] == name:
            del opened[place:]
            return
        if opened[place] in _CELLS and name not in (b"tr", b"table", b"tbody"):
            return


def _end(opened: list[bytes], ended: frozenset[bytes]) -> None:
    for place in _innermost(opened):
        if opened[place] in ended:
            del opened[place:]
            return
        if opened[place] not in _BETWEEN:
            return


def _innermost(opened: list[bytes]) -> range:
    return range(len(opened) - 1, max(len(opened) - 1 - _REACH, -1), -1)
