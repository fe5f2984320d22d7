"""Where a piece of UTF-8 may be cut."""

from __future__ import annotations


def whole_characters(piece: bytes) -> bytes:
    """Without the bytes of a last character that goes on in the next piece."""
    for back in range(1, min(4, len(piece)) + 1):
        byte = piece[-back]
        if byte & 0b1100_0000 == 0b1000_0000:
            continue
        length = 4 if byte >= 0xF0 else 3 if byte >= 0xE0 else 2 if byte >= 0xC0 else 1
        return piece[:-back] if length > back else piece
    return piece


def whole_lines(piece: bytes, most: int) -> bytes:
    """Up to the end of the last line in it; a line that fills `most` bytes by itself is cut between characters."""
    line_end = piece.rfind(b"\n") + 1
    if line_end:
        return piece[:line_end]
    return whole_characters(piece) if len(piece) >= most else b""
