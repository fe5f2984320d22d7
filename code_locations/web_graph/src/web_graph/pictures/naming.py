"""How organisations and figures are written in pictures and tables.

Names come from seed lists of other people: they may hold line breaks, markup, 200 characters or scripts that the
drawing font lacks. Only characters that the font has are drawn; a name that loses half of its letters by that gives
way to its domain, which every font can show.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Final

from matplotlib import font_manager
from matplotlib.ft2font import FT2Font

FONT: Final = "DejaVu Sans"  # comes with Matplotlib, so that a picture is the same on every machine
MAX_CHARS: Final = 26
_MAX_DOMAIN_CHARS: Final = 24
# CommonMark's ASCII punctuation that can begin or end markup within a line.
_markup = re.compile(r"([\\`*_{}\[\]()<>#+!|~$&])")


def one_line(text: str) -> str:
    """The text without control and formatting characters, blanks collapsed."""
    kept = "".join(" " if unicodedata.category(char) in ("Cc", "Zl", "Zp") else char for char in text)
    return " ".join("".join(char for char in kept if unicodedata.category(char) not in ("Cf", "Cs")).split())


def shortened(text: str, limit: int = MAX_CHARS) -> str:
    """The text, cut with an ellipsis where it is longer than `limit` characters."""
    return text if len(text) <= limit else text[: limit - 1].rstrip() + "…"


def drawable(text: str) -> str:
    """The characters of one line that the drawing font has."""
    glyphs = _glyphs()
    return " ".join("".join(char for char in one_line(text) if ord(char) in glyphs).split())


def shown_name(organisation: str | None, domain: str) -> str:
    """What a node is called in a picture: the organisation's name if it can be drawn, else the domain."""
    wanted = one_line(organisation or "")
    name = drawable(wanted)
    if not name or _letters(name) * 2 < _letters(wanted):
        return shown_domain(domain)
    return shortened(name)


def shown_domain(domain: str) -> str:
    """What a node without a name of its own is called: the domain, or its first part where that is long."""
    whole = drawable(domain)
    return shortened(whole if len(whole) <= _MAX_DOMAIN_CHARS else whole.partition(".")[0])


def escaped(text: str) -> str:
    """One line of plain text as Markdown that shows just that text, also within a table."""
    return _markup.sub(r"\\\1", one_line(text))


def counted(number: int, one: str, many: str) -> str:
    """`1 link`, `2,000 links`."""
    return f"{number:,} {one if number == 1 else many}"


def compact(number: int) -> str:
    """`950`, `1.8k`, `7.3M`."""
    for unit, size in (("M", 1_000_000), ("k", 1_000)):
        if number >= size:
            return f"{number / size:.1f}{unit}"
    return f"{number}"


def _letters(text: str) -> int:
    return sum(char.isalnum() for char in text)


@cache
def _glyphs() -> frozenset[int]:
    return frozenset(FT2Font(font_manager.findfont(FONT)).get_charmap())
