"""The last resort for pages that declare no encoding and are not UTF-8.

Scores the few legacy encodings that the web still holds in quantity by how much of the text looks like a script
that people write in them. Deliberately small: on the web of today few pages come this far, and a wrong
guess costs text, never a link's ASCII part.
"""

from __future__ import annotations

import re
from typing import Final

SAMPLE_BYTES: Final = 64 * 1024
FALLBACK: Final = "cp1252"  # the standard's default for Western locales

_MULTIBYTE: Final = ("euc_jp", "cp932", "cp949", "gb18030", "big5hkscs")
_CYRILLIC: Final = ("cp1251", "koi8-r", "iso8859-5", "cp866")
# Accented letters of Western texts stand alone, letters of other scripts side by side.
_RUNS: Final = re.compile(rb"[\x80-\xff]{2,}")
_FREQUENT: Final = {
    "euc_jp": re.compile(r"[\u3041-\u30fe\u3001\u3002]"),
    "cp932": re.compile(r"[\u3041-\u30fe\u3001\u3002]"),
    "cp949": re.compile(r"[\uac00-\ud7a3]"),
    "gb18030": re.compile(
        "[的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下自之年，。、]"
    ),
    "big5hkscs": re.compile(
        "[的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下自之年，。、]"
    ),
}
_LOWER_CYRILLIC: Final = re.compile(r"[а-яё]")
_ANY_CYRILLIC: Final = re.compile(r"[\u0400-\u04ff]")
_FREQUENT_CYRILLIC: Final = re.compile(r"[оеаинтсрвл]")


def guess(html: bytes) -> str:
    """Python codec for bytes that are not UTF-8; `FALLBACK` when nothing speaks for another one."""
    sample = html[:SAMPLE_BYTES]
    if b"\x1b$B" in sample or b"\x1b$@" in sample:
        return "iso2022_jp"
    if sample[:200].count(b"\x00") > len(sample[:200]) // 4:
        return "utf-16-be" if sample[:1] == b"\x00" else "utf-16-le"
    high = sum(1 for byte in sample if byte >= 0x80)
    if sum(map(len, _RUNS.findall(sample))) < 0.7 * high:
        return FALLBACK
    best, best_score = FALLBACK, 0.35
    for codec in (*_MULTIBYTE, *_CYRILLIC):
        score = _score(sample, codec, high)
        if score > best_score:
            best, best_score = codec, score
    return best


def _score(sample: bytes, codec: str, high: int) -> float:
    """Share of the non-ASCII text that looks right in this encoding, 0 to 1."""
    try:
        text = sample.decode(codec)
    except UnicodeDecodeError as error:
        # The sample may end inside a character.
        if error.start < len(sample) - 4:
            return 0.0
        text = sample[: error.start].decode(codec)
    if codec in _CYRILLIC:
        letters = len(_ANY_CYRILLIC.findall(text))
        if letters < 0.9 * high or not letters:
            return 0.0
        return (
            0.5 * len(_FREQUENT_CYRILLIC.findall(text)) / letters + 0.5 * len(_LOWER_CYRILLIC.findall(text)) / letters
        )
    wide = sum(1 for char in text if char >= "\u0100")
    frequent = len(_FREQUENT[codec].findall(text))
    if not wide:
        return 0.0
    share = frequent / wide
    # Common ideographs make up a fifth to a third of Chinese text; kana and hangul make up most of theirs.
    return share * 2.5 if codec in ("gb18030", "big5hkscs") else share
