"""A scratch PostgreSQL server of the tests' own."""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
from pathlib import Path

import sqlalchemy

from engineshed.storage.ledger import open_ledger

_DEBIAN = Path("/usr/lib/postgresql")
_MIGRATED = "postgres"


def server_programs() -> Path | None:
    """The folder of PostgreSQL's server programs: on the path, or where Debian keeps them."""
    found = shutil.which("initdb")
    if found:
        return Path(found).resolve().parent
    folders = [path.parent for path in _DEBIAN.glob("*/bin/initdb")]
    return max(folders, key=lambda folder: float(folder.parent.name), default=None)


class PostgresServer:
    """A server of its own on a Unix socket. As root it runs as user postgres, since it refuses to run as root."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self._programs, self._folder = programs, folder
        self._numbers = itertools.count()
        if os.getuid() == 0:
            shutil.chown(folder, "postgres", "postgres")
        self._run("initdb", "-D", str(folder / "data"), "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        self.start()
        open_ledger(self._url(_MIGRATED)).close()

    def start(self) -> None:
        options = f"-k {self._folder} -c listen_addresses='' -c fsync=off -c timezone=Asia/Kathmandu"
        self._run(
            "pg_ctl", "-D", str(self._folder / "data"), "-w", "-l", str(self._folder / "log"), "-o", options, "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self._folder / "data"), "-w", "-m", "immediate", "stop")

    def empty_database(self) -> str:
        """The URL of a database without tables."""
        return self._create("template1")

    def database(self) -> str:
        """The URL of a database with an empty ledger, copied from one that was migrated once."""
        return self._create(_MIGRATED)

    def _create(self, template: str) -> str:
        name = f"test{next(self._numbers)}"
        # A template must not be in use: go in by the other one.
        engine = sqlalchemy.create_engine(self._url("template1" if template == _MIGRATED else _MIGRATED))
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name} TEMPLATE {template}"))
        engine.dispose()
        return self._url(name)

    def _url(self, database: str) -> str:
        return f"postgresql://postgres@/{database}?host={self._folder}"

    def _run(self, program: str, *arguments: str) -> None:
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.getuid() == 0 else []
        command = [*become, str(self._programs / program), *arguments]
        with open(self._folder.parent / f"{self._folder.name}.out", "a+b") as out:
            done = subprocess.run(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, cwd="/", check=False)
            out.seek(0)
            assert done.returncode == 0, out.read().decode(errors="replace")
