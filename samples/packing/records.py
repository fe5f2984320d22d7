"""Writes WARC records that depend on nothing but their content.

It exists because the sample must come out byte for byte the same on every machine: record ids are derived
from the content, dates are given, the gzip header holds no time. It writes; it does not read.
"""

from __future__ import annotations

import base64
import hashlib
import re
import uuid
import zlib
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_DNS, "engineshed.sample")
CHARSET = re.compile(rb"charset\s*=\s*[\"']?([A-Za-z0-9_-]+)")


def warcinfo(file_name: str, date: datetime, fields: Mapping[str, str]) -> bytes:
    """The record that opens a file: one gzip member."""
    block = "".join(f"{key}: {value}\r\n" for key, value in fields.items()).encode()
    return _record(
        {"WARC-Type": "warcinfo", "WARC-Filename": file_name, "Content-Type": "application/warc-fields"},
        date,
        block,
    )


def response(
    url: str,
    date: datetime,
    body: bytes,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
) -> bytes:
    """One answer of a server: one gzip member."""
    lines = [f"HTTP/1.1 {status.value} {status.phrase}", f"Date: {_http_date(date)}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    lines += [f"Content-Length: {len(body)}", "Connection: close"]
    block = ("\r\n".join(lines) + "\r\n\r\n").encode() + body
    return _record(
        {
            "WARC-Type": "response",
            "WARC-Target-URI": url,
            "WARC-Payload-Digest": _digest(body),
            "Content-Type": "application/http; msgtype=response",
        },
        date,
        block,
    )


def page_headers(path: str, body: bytes, modified_s: int, asked: datetime) -> dict[str, str]:
    """Headers of a file as a plain web server sends them: the charset only where the page declares one.

    A package can be younger than the crawl it stands for; such a file goes without Last-Modified.
    """
    kind = {"html": "text/html", "htm": "text/html", "txt": "text/plain"}[path.rpartition(".")[2]]
    declared = CHARSET.search(body[:1024]) if kind == "text/html" else None
    charset = f"; charset={declared[1].decode().lower()}" if declared else ""
    headers = {"Content-Type": kind + charset}
    modified = datetime.fromtimestamp(modified_s, UTC)
    if modified <= asked:
        headers["Last-Modified"] = _http_date(modified)
    return headers


def _record(fields: Mapping[str, str], date: datetime, block: bytes) -> bytes:
    stamp = date.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    identity = f"{fields.get('WARC-Target-URI', '')} {stamp} {_digest(block)}"
    header = {
        "WARC-Type": fields["WARC-Type"],
        "WARC-Record-ID": f"<urn:uuid:{uuid.uuid5(NAMESPACE, identity)}>",
        "WARC-Date": stamp,
        **fields,
        "WARC-Block-Digest": _digest(block),
        "Content-Length": str(len(block)),
    }
    head = "WARC/1.1\r\n" + "".join(f"{key}: {value}\r\n" for key, value in header.items()) + "\r\n"
    return _gzip(head.encode() + block + b"\r\n\r\n")


def _gzip(data: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 16 + zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


def _digest(data: bytes) -> str:
    return "sha1:" + base64.b32encode(hashlib.sha1(data, usedforsecurity=False).digest()).decode()


def _http_date(date: datetime) -> str:
    return format_datetime(date.astimezone(UTC), usegmt=True)
