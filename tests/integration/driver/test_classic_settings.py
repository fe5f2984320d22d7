"""What classic Spark is told so that it reaches the object store of the launch."""

from __future__ import annotations

import pytest
from tests.integration.driver.drivers import SESSIONS, Launcher

pytestmark = pytest.mark.needs_java

BODY = """
keys = ("fs.s3.impl", "fs.s3a.endpoint", "fs.s3a.path.style.access", "fs.s3a.connection.ssl.enabled",
        "fs.s3a.endpoint.region")
job.report({key: job.session.conf.get("spark.hadoop." + key, "") for key in keys})
"""


def test_the_store_of_the_launch_is_the_one_behind_s3_addresses(launcher: Launcher) -> None:
    store = {"endpoint_url": "http://store:9000", "region": "eu-south-1"}
    session = {**SESSIONS["classic"], "conf": {"spark.hadoop.fs.s3a.endpoint.region": "eu-north-1"}}
    ended = launcher.start(BODY, session, tables=[], store=store).ended()
    assert ended.exception is None, ended.stderr
    assert ended.report == [
        {
            "fs.s3.impl": "org.apache.hadoop.fs.s3a.S3AFileSystem",
            "fs.s3a.endpoint": "http://store:9000",
            "fs.s3a.path.style.access": "true",
            "fs.s3a.connection.ssl.enabled": "false",
            "fs.s3a.endpoint.region": "eu-north-1",
        }
    ]
