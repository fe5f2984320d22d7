"""WARC files in an object store, named by key or by glob."""

from __future__ import annotations

import boto3
import pytest
from moto import mock_aws

from webgraph.streams import InputMissing, expand, open_binary


@pytest.fixture
def bucket(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="crawls")
        for key in ("2024/a.warc.gz", "2024/b.warc.gz", "2024/c.txt", "2025/a.warc.gz"):
            client.put_object(Bucket="crawls", Key=key, Body=key.encode() * 100_000)
        yield


@pytest.mark.usefixtures("bucket")
def test_globs_and_keys_name_objects_and_their_bytes_are_read():
    assert expand(["s3://crawls/2024/*.warc.gz"]) == ["s3://crawls/2024/a.warc.gz", "s3://crawls/2024/b.warc.gz"]
    [uri] = expand(["s3://crawls/2025/a.warc.gz"])
    with open_binary(uri) as stream:
        assert stream.read() == b"2025/a.warc.gz" * 100_000
    with pytest.raises(InputMissing, match="2026"):
        expand(["s3://crawls/2026/*.warc.gz"])


@pytest.mark.usefixtures("bucket")
def test_an_object_that_is_not_there_cannot_be_opened():
    with pytest.raises(OSError, match="absent"):
        open_binary("s3://crawls/absent.warc.gz", sleep=lambda _: None)
