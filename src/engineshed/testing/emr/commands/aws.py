"""`aws s3 cp | sync | ls | rm`, as bootstrap scripts use it, by way of boto3. Nothing else of the AWS CLI."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from engineshed.testing.emr.commands.fetching import NotFetched, bucket_and_key, fetched, in_s3, s3

_WITH_VALUE = ("--region", "--endpoint-url", "--profile", "--acl", "--sse", "--include", "--exclude", "--content-type")


def main(argv: list[str]) -> None:
    """Ends with 1 when an object is not there, with 252 for what it does not know."""
    words, options = _words(argv)
    if len(words) < 3 or words[0] != "s3" or words[1] not in ("cp", "sync", "ls", "rm"):
        sys.stderr.write(f"aws {' '.join(argv)}: the double knows `aws s3 cp | sync | ls | rm` only\n")
        sys.exit(252)
    try:
        _do(words[1], words[2:], recursive="--recursive" in options or words[1] == "sync")
    except NotFetched as error:
        sys.stderr.write(f"fatal error: {error}\n")
        sys.exit(1)


def _words(argv: list[str]) -> tuple[list[str], set[str]]:
    words: list[str] = []
    options: set[str] = set()
    rest = list(argv)
    while rest:
        word = rest.pop(0)
        if word.startswith("--"):
            options.add(word)
            if word in _WITH_VALUE:
                rest.pop(0)
        else:
            words.append(word)
    return words, options


def _do(command: str, places: list[str], *, recursive: bool) -> None:
    if command == "ls":
        for key, size in _objects(places[0]):
            sys.stdout.write(f"{size:>10} {key}\n")
    elif command == "rm":
        bucket, prefix = bucket_and_key(places[0])
        for key in [key for key, _ in _objects(places[0])] if recursive else [prefix]:
            s3().delete_object(Bucket=bucket, Key=key)
    elif recursive:
        _copy_all(*places[:2])
    else:
        _copy(*places[:2])


def _copy(source: str, target: str) -> None:
    if in_s3(source) and in_s3(target):
        (from_bucket, from_key), (bucket, key) = bucket_and_key(source), bucket_and_key(target)
        s3().copy_object(Bucket=bucket, Key=_named(key, source), CopySource={"Bucket": from_bucket, "Key": from_key})
    elif in_s3(target):
        bucket, key = bucket_and_key(target)
        body = sys.stdin.buffer.read() if source == "-" else Path(source).read_bytes()
        s3().put_object(Bucket=bucket, Key=_named(key, source), Body=body)
    elif target == "-":
        bucket, key = bucket_and_key(source)
        sys.stdout.buffer.write(s3().get_object(Bucket=bucket, Key=key)["Body"].read())
    else:
        place = Path(target)
        if place.is_dir() or target.endswith("/"):
            fetched(source, place)
        else:
            fetched(source, place.parent, place.name)


def _copy_all(source: str, target: str) -> None:
    if in_s3(source):
        _, prefix = bucket_and_key(source)
        bucket, _ = bucket_and_key(source)
        for key, _ in _objects(source):
            place = Path(target) / key.removeprefix(prefix).lstrip("/")
            fetched(f"s3://{bucket}/{key}", place.parent, place.name)
    else:
        bucket, prefix = bucket_and_key(target)
        for path in sorted(p for p in Path(source).rglob("*") if p.is_file()):
            key = f"{prefix.rstrip('/')}/{path.relative_to(source)}"
            s3().put_object(Bucket=bucket, Key=key, Body=path.read_bytes())


def _objects(address: str) -> Iterator[tuple[str, int]]:
    bucket, prefix = bucket_and_key(address)
    for answer in s3().get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for found in answer.get("Contents", ()):
            yield found["Key"], found["Size"]


def _named(key: str, source: str) -> str:
    return key + source.rpartition("/")[2] if not key or key.endswith("/") else key


if __name__ == "__main__":
    main(sys.argv[1:])
