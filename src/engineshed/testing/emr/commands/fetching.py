"""Addresses that a cluster's commands take, as files of its disk: `s3://` by way of boto3, all else as it is."""

from __future__ import annotations

import shutil
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

S3 = ("s3", "s3a", "s3n")


class NotFetched(Exception):
    """There is nothing at the address, or it may not be read."""


@cache
def s3() -> Any:
    """The cluster's own client, set by its environment."""
    import boto3

    return boto3.client("s3")


def in_s3(address: str) -> bool:
    """Whether it is an object's address."""
    return urlsplit(address).scheme in S3


def bucket_and_key(address: str) -> tuple[str, str]:
    """Of an object's address."""
    parts = urlsplit(address)
    return parts.netloc, parts.path.lstrip("/")


def fetched(address: str, folder: Path, name: str = "") -> Path:
    """The file, in the folder when it has to be fetched. Raises NotFetched."""
    from botocore.exceptions import ClientError

    if not in_s3(address):
        return Path(address.removeprefix("file://").removeprefix("local://"))
    bucket, key = bucket_and_key(address)
    target = folder / (name or key.rpartition("/")[2])
    folder.mkdir(parents=True, exist_ok=True)
    try:
        s3().download_file(bucket, key, str(target))
    except ClientError as error:
        raise NotFetched(
            f"{address}: {error.response['Error']['Code']}: {error.response['Error']['Message']}"
        ) from error
    return target


def unpacked(archive: Path, folder: Path) -> None:
    """A zip, tar or tgz, as YARN unpacks archives. Raises NotFetched for any other file."""
    if zipfile.is_zipfile(archive):
        with zipfile.ZipFile(archive) as packed:
            packed.extractall(folder)
            for entry in packed.infolist():
                mode = entry.external_attr >> 16
                if mode and not entry.is_dir():
                    (folder / entry.filename).chmod(mode & 0o777)
    elif tarfile.is_tarfile(archive):
        with tarfile.open(archive) as packed_tar:
            packed_tar.extractall(folder, filter="tar")
    else:
        raise NotFetched(f"{archive} is neither zip nor tar")


def copied(path: Path, target: Path) -> None:
    """A file into a folder that may not be there yet."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(path, target)
