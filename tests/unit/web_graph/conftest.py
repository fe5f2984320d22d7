from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

Record = Callable[..., bytes]


def _record(
    body: bytes,
    *,
    uri: str | None = "http://site.example/page",
    head: str = "Content-Type: text/html; charset=utf-8",
    status: str = "200 OK",
    kind: str = "response",
    extra: str = "",
    http: bytes | None = None,
) -> bytes:
    block = http if http is not None else f"HTTP/1.1 {status}\r\n{head}\r\n\r\n".encode() + body
    target = f"WARC-Target-URI: {uri}\r\n" if uri is not None else ""
    header = (
        f"WARC/1.0\r\nWARC-Type: {kind}\r\nWARC-Date: 2024-03-01T10:00:00Z\r\n"
        f"WARC-Record-ID: <urn:uuid:00000000-0000-0000-0000-000000000000>\r\n{target}{extra}"
        f"Content-Type: application/http; msgtype={kind}\r\nContent-Length: {len(block)}\r\n\r\n"
    )
    return header.encode() + block + b"\r\n\r\n"


@pytest.fixture
def record() -> Record:
    """Bytes of one WARC record."""
    return _record


@pytest.fixture
def packed(tmp_path: Path) -> Callable[..., str]:
    """Writes records, each a gzip member of its own, and gives the path."""

    def write(*records: bytes, name: str = "crawl.warc.gz") -> str:
        path = tmp_path / name
        path.write_bytes(b"".join(gzip.compress(one, 1) for one in records))
        return str(path)

    return write


@pytest.fixture
def foreign() -> Path:
    """The folder of samples from other projects."""
    return Path(__file__).parents[2] / "data" / "warc"


@pytest.fixture
def repository_samples() -> list[str]:
    """The shipped crawls."""
    return sorted(map(str, (Path(__file__).parents[3] / "samples" / "crawls").glob("*/*.warc.gz")))
