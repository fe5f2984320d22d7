"""Ledgers on both databases, and an exporter over real HTTP."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

_TESTS = Path(__file__).parents[2]
sys.path[:0] = [str(Path(__file__).parent), str(_TESTS / "integration" / "storage"), str(_TESTS / "unit" / "storage")]

from postgres_server import PostgresServer, server_programs  # noqa: E402


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
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/ledger.db"
    server: PostgresServer = request.getfixturevalue("postgres")
    return server.database()
