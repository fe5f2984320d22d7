"""A step's output, as EMR delivers it: `<LogUri>/<cluster>/steps/<step>/{stdout,stderr}.gz`, pushed anew as it grows.

The step is the driver (client mode), so these are the driver's own words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from engineshed.delivered import DeliveredLog, Part, RangeSource
from engineshed.model.errors import PlatformBusy

STREAMS = ("stdout", "stderr")
_SCHEMES = ("s3://", "s3n://", "s3a://")


def folder_of(log_uri: str, cluster_id: str, step_id: str) -> tuple[str, str] | None:
    """Bucket and prefix of a step's logs; None for another store. EMR answers `s3n://` for what was given as `s3://`."""
    for scheme in _SCHEMES:
        if log_uri.startswith(scheme):
            bucket, _, prefix = log_uri.removeprefix(scheme).strip("/").partition("/")
            return bucket, "/".join(part for part in (prefix.strip("/"), cluster_id, "steps", step_id) if part)
    return None


class StepLog:
    """One stream of a step (delivered.RangeSource). `client`: boto3's for S3, opened when it is first asked."""

    def __init__(self, client: Callable[[], Any], bucket: str, prefix: str, stream: str) -> None:
        self._client, self._bucket, self._key = client, bucket, f"{prefix}/{stream}.gz"

    def parts(self) -> Sequence[Part]:
        """See RangeSource."""
        try:
            found = self._client().head_object(Bucket=self._bucket, Key=self._key)
        except ClientError as error:
            if int(error.response["ResponseMetadata"]["HTTPStatusCode"]) == 404:
                return ()
            raise PlatformBusy(f"S3 did not show s3://{self._bucket}/{self._key}: {error}") from error
        except BotoCoreError as error:
            raise PlatformBusy(f"S3 did not answer for s3://{self._bucket}/{self._key}: {error}") from error
        return (Part(self._key, int(found["ContentLength"]), str(found["ETag"])),)

    def read(self, part: Part, offset: int, most: int) -> bytes:
        """See RangeSource."""
        last = min(offset + most, part.size_bytes) - 1
        if last < offset:
            return b""
        try:
            asked = {"Range": f"bytes={offset}-{last}", "IfMatch": part.version}
            body: bytes = self._client().get_object(Bucket=self._bucket, Key=part.name, **asked)["Body"].read()
        except (ClientError, BotoCoreError) as error:
            raise PlatformBusy(f"s3://{self._bucket}/{part.name} changed while it was read: {error}") from error
        return body


def tail(streams: dict[str, RangeSource], lines: int) -> str:
    """The last lines of what was delivered."""
    log, cursor, kept = DeliveredLog(streams), "", ""
    while True:
        chunk = log.next(cursor, final=True)
        if not chunk.text:
            return "\n".join(kept.splitlines()[-lines:])
        kept, cursor = (kept + chunk.text)[-64 * 1024 :], chunk.cursor
