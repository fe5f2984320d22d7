"""Objects in an S3 bucket, or in any store that speaks its protocol and honours `If-None-Match: *` on writes.

A store that ignores that condition would let two attempts publish the same commit; `engineshed` cannot work on it.
Errors: AWS, Amazon S3 API Reference, "Error responses".
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
)
from botocore.exceptions import ConnectionError as NoConnection

from engineshed.model.errors import ObjectMissing, StoreBusy, StoreDenied, StoreError
from engineshed.ports.store import ObjectInfo
from engineshed.storage.objects.store import checked_key, checked_prefix

if TYPE_CHECKING:
    from pyarrow.fs import FileSystem

_TAKEN = {"PreconditionFailed", "412"}
# Two conditional writes at once: the API says to send it again.
_CONFLICT = {"ConditionalRequestConflict", "OperationAborted", "409"}
_DENIED = {
    "AccessDenied",
    "AllAccessDisabled",
    "AuthorizationHeaderMalformed",
    "ExpiredToken",
    "InvalidAccessKeyId",
    "InvalidToken",
    "SignatureDoesNotMatch",
    "403",
}
_MISSING = {"NoSuchKey", "404"}
_BUSY = {
    "InternalError",
    "RequestTimeout",
    "RequestTimeTooSkewed",
    "ServiceUnavailable",
    "SlowDown",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "429",
    "500",
    "502",
    "503",
    "504",
}
_CONFLICT_TRIES = 5
_CONNECT_S = 10


class S3Store:
    """ports.store.ObjectStore on a bucket.

    client: boto3's for S3, which has no type of its own without generated stubs. filesystem: makes a pyarrow filesystem
    of `bucket/prefix`.
    """

    def __init__(self, bucket: str, prefix: str, client: Any, filesystem: Callable[[str], FileSystem]) -> None:
        self._bucket, self._client, self._make_filesystem = bucket, client, filesystem
        self._base = f"{checked_key(prefix.strip('/'))}/" if prefix.strip("/") else ""

    @property
    def root(self) -> str:
        """`s3://bucket/prefix`."""
        return f"s3://{self._bucket}/{self._base}".rstrip("/")

    def uri(self, key: str) -> str:
        """`s3://bucket/prefix/key`."""
        return f"s3://{self._bucket}/{self._base}{checked_key(key)}"

    def put(self, key: str, data: bytes) -> None:
        """See ObjectStore."""
        with self._translated(key):
            self._client.put_object(Bucket=self._bucket, Key=self._at(key), Body=data)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        """See ObjectStore. False, too, when the first sending of this very call got through and its reply was lost."""
        with self._translated(key):
            for attempt in range(_CONFLICT_TRIES):
                try:
                    self._client.put_object(Bucket=self._bucket, Key=self._at(key), Body=data, IfNoneMatch="*")
                except ClientError as error:
                    if _code(error) in _TAKEN:
                        return False
                    if _code(error) not in _CONFLICT or attempt == _CONFLICT_TRIES - 1:
                        raise
                else:
                    return True
        raise AssertionError("the last try returns or raises")

    def get(self, key: str) -> bytes:
        """See ObjectStore."""
        with self._translated(key):
            body: bytes = self._client.get_object(Bucket=self._bucket, Key=self._at(key))["Body"].read()
            return body

    def put_file(self, key: str, path: Path, moved: Callable[[int], None] | None = None) -> None:
        """See ObjectStore. Large files go in parts, several at a time."""
        with self._translated(key), path.open("rb") as file:
            self._client.upload_fileobj(file, self._bucket, self._at(key), Callback=moved)

    def list(self, prefix: str, *, after: str = "") -> Iterator[ObjectInfo]:
        """See ObjectStore."""
        pages = self._client.get_paginator("list_objects_v2")
        with self._translated(prefix):
            start = {"StartAfter": self._base + after} if after else {}
            for page in pages.paginate(Bucket=self._bucket, Prefix=self._base + checked_prefix(prefix), **start):
                for found in page.get("Contents", ()):
                    key, etag = found["Key"].removeprefix(self._base), found["ETag"].strip('"')
                    yield ObjectInfo(key, found["Size"], etag, found["LastModified"].astimezone(UTC))

    def delete(self, key: str) -> None:
        """See ObjectStore."""
        with self._translated(key):
            self._client.delete_object(Bucket=self._bucket, Key=self._at(key))

    def filesystem(self) -> FileSystem:
        """See TableStore."""
        return self._make_filesystem(f"{self._bucket}/{self._base}".rstrip("/"))

    def _at(self, key: str) -> str:
        return self._base + checked_key(key)

    @contextmanager
    def _translated(self, key: str) -> Iterator[None]:
        where = f"s3://{self._bucket}/{self._base}{key}"
        try:
            yield
        except ClientError as error:
            raise _from_reply(error, where) from error
        except (NoCredentialsError, PartialCredentialsError) as error:
            raise StoreDenied(
                f"{where} needs credentials and finds none: {error}. Give this process a role."
            ) from error
        except (HTTPClientError, NoConnection, IncompleteReadError) as error:
            raise StoreBusy(f"{where} does not answer ({error}): repeat the call.") from error
        except BotoCoreError as error:
            raise StoreError(f"{where} cannot be reached: {error}. Check the store's settings.") from error


def connect(bucket: str, prefix: str, settings: Mapping[str, Any]) -> S3Store:
    """A store with boto3's own chain of credentials and its own rule for retries.

    settings: `endpoint_url` and `region`, both optional.
    """
    endpoint_url, region = settings.get("endpoint_url"), settings.get("region")
    session = boto3.Session(region_name=region)
    # Buckets as host names need wildcard DNS, which an endpoint of one's own seldom has.
    style = {"addressing_style": "path"} if endpoint_url else {}
    # boto3 waits 60 s for a connection and tries five times: a watcher must hear sooner that a store is away.
    config = Config(s3=style, connect_timeout=_CONNECT_S)  # type: ignore[arg-type]
    client = session.client("s3", endpoint_url=endpoint_url, config=config)

    def filesystem(base: str) -> FileSystem:
        try:
            return _arrow(base, session, endpoint_url or _own_endpoint(client.meta.endpoint_url), region)
        except OSError as error:
            raise StoreError(
                f"s3://{base} cannot be reached: {error}. Check the store's endpoint_url and region."
            ) from error

    return S3Store(bucket, prefix, client, filesystem)


def _own_endpoint(of_client: str) -> str | None:
    """The endpoint that boto3 took from its environment or profile; None for the vendor's, which pyarrow knows
    itself.
    """
    return None if ".amazonaws.com" in of_client else of_client


def _arrow(base: str, session: boto3.Session, endpoint_url: str | None, region: str | None) -> FileSystem:
    from pyarrow.fs import S3FileSystem, SubTreeFileSystem, resolve_s3_region

    options: dict[str, Any] = {"region": region}
    if endpoint_url:
        scheme, _, host = endpoint_url.rstrip("/").rpartition("://")
        options |= {"endpoint_override": host, "scheme": scheme or "https", "region": region or session.region_name}
    elif region is None:
        # boto3 follows a bucket to its region by itself, pyarrow must be told.
        options["region"] = resolve_s3_region(base.partition("/")[0])
    credentials = session.get_credentials()
    if credentials is not None:
        # Resolved here, so that both libraries read as the same user whatever chains they know.
        frozen = credentials.get_frozen_credentials()
        options |= {"access_key": frozen.access_key, "secret_key": frozen.secret_key, "session_token": frozen.token}
    return SubTreeFileSystem(base, S3FileSystem(**options))


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))


def _from_reply(error: ClientError, where: str) -> StoreError:
    code, status = _code(error), str(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", ""))
    if code == "NoSuchBucket":
        return StoreError(f"{where}: the bucket does not exist. Make it, or name another as the root.")
    for codes, make in (
        (_DENIED, lambda: StoreDenied(f"{where} is refused ({code}): let this role read, write and list there.")),
        (_MISSING, lambda: ObjectMissing(f"no object {where}: it was never written, or deleted.")),
        (_BUSY | _CONFLICT, lambda: StoreBusy(f"{where} is busy ({code}): repeat the call.")),
    ):
        if code in codes or status in codes:
            return make()
    return StoreError(f"{where} failed: {error}.")
