"""Fetches the locked documentation packages by apt and reads their files without installing anything.

It exists to keep apt's state of this machine untouched: lists and packages go to a working folder. The
mirror is the one this machine's apt is configured for. It refuses a package whose digest is not the locked
one.
"""

from __future__ import annotations

import csv
import hashlib
import subprocess
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"


@dataclass(frozen=True, slots=True)
class Locked:
    """One line of `packages.lock`."""

    crawl: str
    package: str
    version: str
    sha256: str


@dataclass(frozen=True, slots=True)
class Member:
    """One regular file of a package; `modified_s` is in seconds since 1970."""

    path: str
    body: bytes
    modified_s: int


def read_lock(path: Path) -> tuple[Locked, ...]:
    """The lines of a `packages.lock`."""
    with path.open(encoding="utf-8", newline="") as lines:
        return tuple(Locked(**row) for row in csv.DictReader(lines, delimiter=" "))


def write_lock(path: Path, locked: Sequence[Locked]) -> None:
    """Writes a `packages.lock`, sorted."""
    rows = sorted((each.crawl, each.package, each.version, each.sha256) for each in locked)
    lines = ["crawl package version sha256", *(" ".join(row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


class Archive:
    """The packages of one suite, with lists and downloads below `folder`."""

    def __init__(self, folder: Path, suite: str, mirror: str | None = None) -> None:
        self._downloads = folder / suite / "packages"
        state = folder / suite / "apt"
        for each in (state / "lists/partial", state / "cache/archives/partial", state / "sources"):
            each.mkdir(parents=True, exist_ok=True)
        self._downloads.mkdir(parents=True, exist_ok=True)
        (state / "sources/suite.sources").write_text(
            f"Types: deb\nURIs: {mirror or configured_mirror()}\nSuites: {suite}\nComponents: main\n"
            f"Signed-By: {KEYRING}\n",
            encoding="utf-8",
        )
        settings = {
            "Dir::State": state,
            "Dir::State::status": "/dev/null",
            "Dir::Cache": state / "cache",
            "Dir::Etc::SourceList": "/dev/null",
            "Dir::Etc::SourceParts": state / "sources",
            "APT::Architecture": "amd64",
            "APT::Sandbox::User": "root",
        }
        self._options = [option for key, value in settings.items() for option in ("-o", f"{key}={value}")]

    def fetch(self, wanted: Sequence[str]) -> None:
        """Downloads packages (`name` or `name=version`) that are not there yet."""
        missing = [each for each in wanted if self._find(each) is None]
        if missing:
            _apt([*self._options, "-q", "update"], self._downloads)
            _apt([*self._options, "-q", "download", *missing], self._downloads)

    def lock(self, crawl: str, package: str) -> Locked:
        """What lies in the working folder under that name."""
        path = self._path(package)
        return Locked(crawl, package, unquote(path.name.split("_")[1]), _sha256(path))

    def verify(self, locked: Locked) -> None:
        """Raises `ValueError` if the downloaded package is not the locked one."""
        path = self._path(f"{locked.package}={locked.version}")
        if (found := _sha256(path)) != locked.sha256:
            raise ValueError(f"{path.name}: sha256 is {found}, locked is {locked.sha256}; delete it and run again")

    def members(self, package: str) -> Iterator[Member]:
        """The regular files of a package, in the order of the package."""
        command = ["dpkg-deb", "--fsys-tarfile", str(self._path(package))]
        with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            try:
                with tarfile.open(fileobj=process.stdout, mode="r|") as files:
                    for entry in files:
                        if entry.isfile() and (data := files.extractfile(entry)):
                            yield Member(entry.name.removeprefix("./"), data.read(), int(entry.mtime))
            except GeneratorExit:
                # The reader has what it wants: end dpkg-deb before the pipe breaks under it.
                process.terminate()
                raise
        if process.returncode:
            raise OSError(f"dpkg-deb could not read {command[-1]}; delete it and run again")

    def _find(self, wanted: str) -> Path | None:
        name, _, version = wanted.partition("=")
        for path in sorted(self._downloads.glob(f"{name}_*.deb")):
            if not version or unquote(path.name.split("_")[1]) == version:
                return path
        return None

    def _path(self, wanted: str) -> Path:
        if (path := self._find(wanted)) is None:
            raise FileNotFoundError(f"{wanted} is not in {self._downloads}; fetch it first")
        return path


def configured_mirror() -> str:
    """The mirror that this machine's apt fetches Debian from."""
    listed = _apt(["indextargets", "--format", "$(ORIGIN)|$(SITE)|$(REPO_URI)", "Created-By: Packages"], Path("/"))
    for line in listed.splitlines():
        origin, _, uri = line.split("|")
        if origin == "Debian" and "security" not in uri:
            return uri
    raise OSError("apt knows no Debian mirror here: run `apt-get update` on Debian, or give --mirror URI")


def _apt(arguments: Sequence[str], folder: Path) -> str:
    done = subprocess.run(["apt-get", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"apt-get {arguments[-1]} failed: {done.stderr.strip()}")
    return done.stdout


def _sha256(path: Path) -> str:
    with path.open("rb") as data:
        return hashlib.file_digest(data, "sha256").hexdigest()
