"""Datasets on S3, read back through pyarrow's own client."""

from __future__ import annotations

import pytest
from dataset_behaviour import DatasetBehaviour
from s3_server import S3Server

from engineshed.storage.objects import TableStore, open_store


class TestOnS3(DatasetBehaviour):
    @pytest.fixture
    def store(self, s3_server: S3Server, s3_root: str) -> TableStore:
        return open_store(s3_root, {"endpoint_url": s3_server.url})
