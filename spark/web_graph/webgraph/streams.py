"""Opens the bytes behind a local path, an `https://` or an `s3://` address, and lists what a pattern names.

A remote stream that breaks off is resumed with a range request where it stopped, a bounded number of times;
nothing is ever held whole in memory. Credentials come from the process's own environment.
"""

from __future__ import annotations

import glob
import io
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator
from fnmatch import fnmatchcase
from http.client import HTTPException
from pathlib import Path
from typing import Any, BinaryIO, Protocol, TypeVar, cast

ATTEMPTS = 5  # per stall; a byte that arrives starts the count anew
TIMEOUT_S = 60.0
READ_BYTES = 1 << 20
_RETRIED = (OSError, HTTPException)
_PERMANENT_STATUS = frozenset({400, 401, 403, 404, 405, 410, 416})

_Result = TypeVar("_Result")


class InputMissing(ValueError):
    """A pattern that names no input; the text says which and what to do."""


class Part(Protocol):
    """What is left of a remote object from some offset on."""

    def read(self, size: int = -1, /) -> bytes: ...

    def close(self) -> None: ...


def expand(patterns: Iterable[str]) -> list[str]:
    """Addresses that the patterns name, sorted and distinct: globs for local paths and S3 keys, URLs as they are.

    Raises InputMissing for a pattern without a match.
    """
    found: set[str] = set()
    for pattern in patterns:
        if pattern.startswith(("https://", "http://")):
            matches = [pattern]
        elif pattern.startswith("s3://"):
            matches = list(_s3_matches(pattern))
        else:
            path = pattern.removeprefix("file://")
            found_here = glob.glob(path, recursive=True)  # noqa: PTH207 - Path.glob takes no absolute patterns
            matches = [str(Path(match).absolute()) for match in found_here if Path(match).is_file()]
        if not matches:
            raise InputMissing(f"no file matches {pattern!r}: correct the pattern or put the files there")
        found.update(matches)
    if not found:
        raise InputMissing("no input pattern was given: name at least one WARC path, glob, https:// or s3:// address")
    return sorted(found)


def open_binary(uri: str, sleep: Callable[[float], None] = time.sleep) -> BinaryIO:
    """A readable binary stream. Raises OSError when it cannot be opened; `sleep` waits between attempts."""
    if uri.startswith(("https://", "http://")):
        return _buffered(_Resumed(lambda offset: _http_part(uri, offset), uri, sleep))
    if uri.startswith("s3://"):
        return _buffered(_Resumed(_s3_parts(uri), uri, sleep))
    return open(uri.removeprefix("file://"), "rb")


def describe(uri: str) -> dict[str, Any]:
    """`uri`, `size` in bytes and `etag` of an input, for a result's provenance; what cannot be learned is None.

    The etag is the server's own; of a local file it is made of size and time of change.
    """
    facts: dict[str, Any] = {"uri": uri, "size": None, "etag": None}
    if uri.startswith(("https://", "http://")):
        try:
            with urllib.request.urlopen(urllib.request.Request(uri, method="HEAD"), timeout=TIMEOUT_S) as answer:
                length = answer.headers.get("Content-Length")
                facts |= {"size": int(length) if length else None, "etag": answer.headers.get("ETag")}
        except _RETRIED:  # some servers refuse HEAD; reading decides whether the input is there
            return facts
    elif uri.startswith("s3://"):
        bucket, key = _bucket_and_key(uri)
        head = _s3_client().head_object(Bucket=bucket, Key=key)
        facts |= {"size": int(head["ContentLength"]), "etag": head["ETag"]}
    else:
        found = Path(uri.removeprefix("file://")).stat()
        facts |= {"size": found.st_size, "etag": f"{found.st_size:x}-{found.st_mtime_ns:x}"}
    return facts


def _buffered(raw: io.RawIOBase) -> BinaryIO:
    return cast("BinaryIO", io.BufferedReader(raw, buffer_size=READ_BYTES))


class _Resumed(io.RawIOBase):
    """A forward stream over parts: when one breaks off, the next begins where it ended."""

    def __init__(self, open_part: Callable[[int], tuple[Part, int]], uri: str, sleep: Callable[[float], None]) -> None:
        self._open_part = open_part
        self._uri = uri
        self._sleep = sleep
        self._offset = 0
        self._part: Part | None = None
        self._part, self._size = self._retried(lambda: open_part(0))

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._offset

    def readinto(self, buffer: Any) -> int:
        if self._size >= 0 and self._offset >= self._size:
            return 0
        chunk = self._retried(lambda: self._read(len(buffer)))
        buffer[: len(chunk)] = chunk
        self._offset += len(chunk)
        return len(chunk)

    def close(self) -> None:
        self._drop_part()
        super().close()

    def _read(self, size: int) -> bytes:
        if self._part is None:
            self._part, _ = self._open_part(self._offset)
        chunk = self._part.read(size)
        if not chunk and 0 <= self._offset < self._size:
            raise ConnectionError(f"{self._uri} broke off at byte {self._offset} of {self._size}")
        return chunk

    def _retried(self, act: Callable[[], _Result]) -> _Result:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return act()
            except _RETRIED as error:
                if attempt == ATTEMPTS or _permanent(error):
                    raise OSError(f"{self._uri} cannot be read at byte {self._offset}: {error}") from error
                self._drop_part()
                self._sleep(min(2.0**attempt, 30.0))
        raise AssertionError("the last attempt returns or raises")

    def _drop_part(self) -> None:
        if self._part is not None:
            self._part.close()
            self._part = None


def _permanent(error: Exception) -> bool:
    if isinstance(error, urllib.error.HTTPError):
        return error.code in _PERMANENT_STATUS
    return isinstance(error, FileNotFoundError | PermissionError)


def _http_part(uri: str, offset: int) -> tuple[Part, int]:
    request = urllib.request.Request(uri, headers={"Range": f"bytes={offset}-"} if offset else {})
    response = urllib.request.urlopen(request, timeout=TIMEOUT_S)
    if offset and response.status != 206:
        response.close()
        raise FileNotFoundError(f"{uri} does not serve ranges, so it cannot be resumed at byte {offset}: copy it first")
    length = response.headers.get("Content-Length")
    return response, offset + int(length) if length is not None else -1


def _s3_parts(uri: str) -> Callable[[int], tuple[Part, int]]:
    client, (bucket, key) = _s3_client(), _bucket_and_key(uri)
    from botocore.exceptions import BotoCoreError, ClientError

    def part(offset: int) -> tuple[Part, int]:
        try:
            answer = client.get_object(Bucket=bucket, Key=key, **({"Range": f"bytes={offset}-"} if offset else {}))
        except ClientError as error:
            refused = error.response["ResponseMetadata"]["HTTPStatusCode"] in _PERMANENT_STATUS
            raise (FileNotFoundError if refused else OSError)(f"{uri}: {error}") from error
        except BotoCoreError as error:
            raise OSError(f"{uri}: {error}") from error
        return _S3Body(answer["Body"], uri), offset + int(answer["ContentLength"])

    return part


class _S3Body:
    """A body whose interruptions are OSErrors, as those of every other stream."""

    def __init__(self, body: Any, uri: str) -> None:
        self._body = body
        self._uri = uri

    def read(self, size: int = -1, /) -> bytes:
        from botocore.exceptions import BotoCoreError

        try:
            return bytes(self._body.read(size))
        except BotoCoreError as error:
            raise OSError(f"{self._uri}: {error}") from error

    def close(self) -> None:
        self._body.close()


def _s3_matches(pattern: str) -> Iterator[str]:
    bucket, key = _bucket_and_key(pattern)
    wild = min((key.index(char) for char in "*?[" if char in key), default=len(key))
    pages = _s3_client().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=key[:wild])
    for page in pages:
        for item in page.get("Contents", ()):
            if item["Key"] == key or fnmatchcase(item["Key"], key):
                yield f"s3://{bucket}/{item['Key']}"


def _bucket_and_key(uri: str) -> tuple[str, str]:
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def _s3_client() -> Any:
    try:
        import boto3
    except ImportError as error:
        raise InputMissing("s3:// inputs need boto3 in the driver and its workers: install engineshed[s3]") from error
    return boto3.client("s3")
