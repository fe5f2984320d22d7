"""Sail with an object store: names that hold `%`, tables without rows, and the seal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import boto3
import pyarrow
import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs, parquet
from tests.integration.driver.drivers import SESSIONS, Launcher

ROOT = "bucket/data/2024%2E10|a"


@pytest.fixture(scope="module")
def endpoint() -> Iterator[str]:
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def account(endpoint: str) -> Mapping[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_ENDPOINT_URL": endpoint,
        "AWS_ENDPOINT": endpoint,
        "AWS_ALLOW_HTTP": "true",
    }


def test_objects_have_the_very_names_that_the_launch_gave(launcher: Launcher, endpoint: str, account) -> None:
    client = boto3.client(
        "s3", endpoint_url=endpoint, region_name="us-east-1", aws_access_key_id="test", aws_secret_access_key="test"
    )
    client.create_bucket(Bucket="bucket")
    store = fs.S3FileSystem(
        endpoint_override=endpoint, access_key="test", secret_key="test", region="us-east-1", allow_bucket_creation=True
    )
    parquet.write_table(pyarrow.table({"id": [1, 2, 3]}), f"{ROOT}/in.parquet", filesystem=store)
    body = """
numbers = job.read("nodes", "nodes")
job.write("pages", numbers)
job.write("links", numbers.filter("id > 7"))
"""
    launch = {"outputs": {"": f"s3://{ROOT}/out"}, "inputs": {"": {"nodes": {"nodes": [f"s3://{ROOT}/in.parquet"]}}}}
    ended = launcher.start(body, SESSIONS["sail"], env=account, **launch).ended()
    assert ended.exception is None, ended.stderr
    assert ended.seals == [{"tables": {"": {"pages": 3, "links": 0}}}]
    found = {table: _read(store, f"{ROOT}/out/{table}") for table in ("pages", "links", "_seal")}
    assert {table: content.num_rows for table, content in found.items()} == {"pages": 3, "links": 0, "_seal": 1}
    assert found["links"].column_names == ["id"]


def _read(store: fs.S3FileSystem, folder: str) -> pyarrow.Table:
    files = [file.path for file in store.get_file_info(fs.FileSelector(folder)) if file.is_file]
    return pyarrow.concat_tables([parquet.ParquetFile(store.open_input_file(path)).read() for path in files])
