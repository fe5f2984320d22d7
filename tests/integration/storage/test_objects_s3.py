"""The object store on S3, against a double that speaks its protocol."""

from __future__ import annotations

import pytest
from object_store_behaviour import ObjectStoreBehaviour, keys
from s3_server import S3Server

from engineshed.model.errors import StoreBusy, StoreDenied, StoreError
from engineshed.storage.objects import TableStore, open_store


@pytest.fixture
def store(s3_server: S3Server, s3_root: str) -> TableStore:
    return open_store(s3_root, {"endpoint_url": s3_server.url})


class TestS3Store(ObjectStoreBehaviour):
    pass


def test_uri_is_spark_and_duckdb_readable(store: TableStore, s3_root: str) -> None:
    assert store.root == s3_root
    assert store.uri("a/b.parquet") == f"{s3_root}/a/b.parquet"


def test_list_goes_over_pages(store: TableStore) -> None:
    written = [f"many/{number:05}" for number in range(1005)]
    for key in written:
        store.put(key, b"")
    assert keys(store, "many/") == written


def test_bucket_without_prefix(s3_server: S3Server, s3_root: str, store: TableStore) -> None:
    bucket = s3_root.removeprefix("s3://").partition("/")[0]
    whole = open_store(f"s3a://{bucket}/", {"endpoint_url": s3_server.url})
    store.put("k", b"1")
    assert whole.root == f"s3://{bucket}"
    assert keys(whole) == ["some/prefix/k"]
    with whole.filesystem().open_input_file("some/prefix/k") as file:
        assert file.read() == b"1"


def test_refused_access_is_denied_at_once(store: TableStore, s3_server: S3Server) -> None:
    before = s3_server.requests.get("PUT", 0)
    with pytest.raises(StoreDenied, match="AccessDenied"):
        store.put("a/AccessDenied", b"1")
    assert s3_server.requests["PUT"] == before + 1
    with pytest.raises(StoreDenied):
        store.get("a/AccessDenied")


@pytest.mark.parametrize("fault", ["SlowDown", "InternalError"])
def test_throttling_is_transient(store: TableStore, fault: str) -> None:
    with pytest.raises(StoreBusy, match=fault) as caught:
        store.get(f"a/{fault}")
    assert caught.value.transient


def test_conflict_of_conditional_writes_is_sent_again(store: TableStore, s3_server: S3Server) -> None:
    before = s3_server.requests.get("PUT", 0)
    with pytest.raises(StoreBusy, match="ConditionalRequestConflict"):
        store.put_if_absent("a/ConditionalRequestConflict", b"1")
    assert s3_server.requests["PUT"] == before + 5


def test_missing_bucket_is_named(s3_server: S3Server, s3_root: str) -> None:
    with pytest.raises(StoreError, match=r"s3://no-such-bucket/x/k: the bucket does not exist") as caught:
        open_store("s3://no-such-bucket/x", {"endpoint_url": s3_server.url}).get("k")
    assert not caught.value.transient


def test_store_that_is_away_is_busy(s3_root: str) -> None:
    with pytest.raises(StoreBusy):
        open_store(s3_root, {"endpoint_url": "http://127.0.0.1:1"}).put("k", b"1")
