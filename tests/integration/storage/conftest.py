"""A scratch PostgreSQL server, and the path to the suites shared with the unit tests."""

from __future__ import annotations

import itertools
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "unit" / "storage")]

from postgres_server import PostgresServer, server_programs  # noqa: E402
from s3_server import S3Server  # noqa: E402


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    programs = server_programs()
    if programs is None:
        pytest.skip("no initdb on the path or below /usr/lib/postgresql: apt-get install postgresql")
    with tempfile.TemporaryDirectory(prefix="engineshed-postgres-") as folder:
        server_folder = Path(folder) / "server"
        server_folder.mkdir(mode=0o700)
        Path(folder).chmod(0o755)
        server = PostgresServer(programs, server_folder)
        yield server
        server.stop()


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.needs_postgresql)])
def new_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a database that holds nothing yet, on both databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.empty_database()


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    server = S3Server()
    yield server
    server.stop()


_buckets = itertools.count()


@pytest.fixture
def s3_root(s3_server: S3Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A root in a new bucket of the double."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "1")
    bucket = f"bucket-{next(_buckets)}"
    s3_server.make_bucket(bucket)
    return f"s3://{bucket}/some/prefix"
