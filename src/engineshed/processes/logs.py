"""Reading a driver's output piece by piece: nothing twice, no character torn, no line of one stream within another."""

from __future__ import annotations

import os
from pathlib import Path

from engineshed.delivered.characters import whole_characters
from engineshed.model.errors import ChannelError
from engineshed.ports.engine import LogChunk
from engineshed.processes.folder import RunFolder

CHUNK_BYTES = 64 * 1024
_TAIL_BYTES = 64 * 1024


def next_chunk(folder: RunFolder, cursor: str, *, final: bool) -> LogChunk:
    """At most 64 KiB of standard error and output after the cursor (`stdout:stderr`, in bytes).

    While the run lives only whole lines are handed out, unless a line is longer than a chunk. Raises ChannelError for a
    cursor that is none of ours.
    """
    at = _offsets(cursor)
    paths = {"out": folder.stdout, "err": folder.stderr}
    pieces = {"out": b"", "err": b""}
    texts: list[bytes] = []
    # The stream whose line was cut goes on first; otherwise standard error, which is short, is not kept waiting.
    order = ("out", "err") if _within_a_line(paths["out"], at["out"]) else ("err", "out")
    for stream in order:
        most = CHUNK_BYTES // 2 if stream == order[0] else CHUNK_BYTES - len(texts[0])
        pieces[stream] = _piece(paths[stream], at[stream], most, final=final)
        texts.append(pieces[stream])
        if pieces[stream] and not pieces[stream].endswith(b"\n"):
            break
    text = b"".join(texts).decode("utf-8", errors="replace")
    return LogChunk(text=text, cursor=":".join(str(at[name] + len(pieces[name])) for name in ("out", "err")))


def last_lines(path: Path, count: int) -> str:
    """The last lines of a file, as far as its last 64 KiB hold them; empty when there is no file."""
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return ""
    tail = _read(path, max(0, size - _TAIL_BYTES), _TAIL_BYTES)
    return "\n".join(tail.decode("utf-8", errors="replace").splitlines()[-count:])


def _offsets(cursor: str) -> dict[str, int]:
    out, _, err = (cursor or "0:0").partition(":")
    if not (out.isdecimal() and err.isdecimal()):
        raise ChannelError(f"log cursor {cursor!r} is none of ours: start with an empty one.")
    return {"out": int(out), "err": int(err)}


def _within_a_line(path: Path, offset: int) -> bool:
    return offset > 0 and _read(path, offset - 1, 1) != b"\n"


def _piece(path: Path, offset: int, most: int, *, final: bool) -> bytes:
    piece = _read(path, offset, most)
    if final and len(piece) < most:
        return piece
    line_end = piece.rfind(b"\n") + 1
    if line_end:
        return piece[:line_end]
    return whole_characters(piece) if len(piece) == most else b""


def _read(path: Path, offset: int, most: int) -> bytes:
    try:
        fd = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return b""
    try:
        return os.pread(fd, most, offset)
    finally:
        os.close(fd)
