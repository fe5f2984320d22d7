"""Packs the Python packages that a job's drivers need on another platform, from a lock with hashes.

In CI or in the build of an image, never at run time: what was packed is what every driver is given. Only wheels are
taken; nothing is built, and nothing without a hash is believed. Which lines of the lock count is decided here for the
target, since pip decides by the interpreter that it runs in.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from packaging.requirements import InvalidRequirement, Requirement
from packaging.utils import canonicalize_name

from engineshed.model.errors import SettingInvalid
from engineshed.running.packed import MANIFEST, Packed, sha256_of, write_manifest

ARCHITECTURES = ("x86_64", "aarch64")
NEWEST_GLIBC = 28
"""Wheels for up to glibc 2.28 are taken: Amazon Linux 2023 has 2.34, Databricks runtimes since 13.3 have 2.35."""

_OLDEST_GLIBC = 17
_HASH = re.compile(r"\s--hash=(\S+)")


@dataclass(frozen=True, slots=True)
class Target:
    """Where the packages will run: CPython `python` (`3.11`) on Linux of that architecture."""

    python: str
    architecture: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"3\.\d+", self.python):
            raise SettingInvalid(f"--python {self.python!r} is no minor version: give one such as 3.11.")
        if self.architecture not in ARCHITECTURES:
            raise SettingInvalid(f"--architecture {self.architecture!r}: give {' or '.join(ARCHITECTURES)}.")

    @property
    def platforms(self) -> list[str]:
        """The platform tags of wheels that run there, newest first."""
        modern = [f"manylinux_2_{minor}_{self.architecture}" for minor in range(NEWEST_GLIBC, _OLDEST_GLIBC - 1, -1)]
        old = ["manylinux2014", *(["manylinux2010", "manylinux1"] if self.architecture == "x86_64" else [])]
        return [*modern, *(f"{name}_{self.architecture}" for name in old), f"linux_{self.architecture}"]

    @property
    def environment(self) -> dict[str, str]:
        """For markers of PEP 508."""
        return {
            "implementation_name": "cpython",
            "implementation_version": f"{self.python}.0",
            "os_name": "posix",
            "platform_machine": self.architecture,
            "platform_python_implementation": "CPython",
            "platform_release": "",
            "platform_system": "Linux",
            "platform_version": "",
            "python_full_version": f"{self.python}.0",
            "python_version": self.python,
            "sys_platform": "linux",
            "extra": "",
        }


def chosen(lock: str, target: Target, without: Sequence[str] = ()) -> list[str]:
    """The lines of a lock that count on the target, without markers, each with its hashes.

    without: packages that the platform brings itself. Raises SettingInvalid for a line that is no pinned requirement
    with hashes, and for a package left out that the lock does not have.
    """
    left_out = {canonicalize_name(name): name for name in without}
    lines: list[str] = []
    for line in _logical_lines(lock):
        requirement, hashes = _pinned(line)
        name = canonicalize_name(requirement.name)
        if name in left_out:
            left_out[name] = ""
        elif requirement.marker is None or requirement.marker.evaluate(target.environment):
            lines.append(" ".join([f"{requirement.name}{requirement.specifier}", *(f"--hash={h}" for h in hashes)]))
    missing = [name for name in left_out.values() if name]
    if missing:
        raise SettingInvalid(f"--without {missing[0]}: the lock has no such package.")
    return lines


def pack(
    lock: Path, target: Target, out: Path, *, without: Sequence[str], download: Callable[[Sequence[str]], None]
) -> Packed:
    """Fill the folder with wheels and their manifest; what an earlier pack left there and is not needed now goes.

    download: runs `pip download` with these arguments. Raises SettingInvalid for a folder with other content.
    """
    lines = chosen(lock.read_text(encoding="utf-8"), target, without)
    _refuse_foreign(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / MANIFEST).unlink(missing_ok=True)  # an interrupted pack must not look whole
    with TemporaryDirectory(prefix="engineshed-pack-") as scratch:
        requirements, wheels = Path(scratch, "requirements.txt"), Path(scratch, "wheels")
        requirements.write_text("\n".join(lines) + "\n", encoding="utf-8")
        wheels.mkdir()
        if lines:
            download([*_options(target), "--dest", str(wheels), "--requirement", str(requirements)])
        hashes = {wheel.name: sha256_of(wheel) for wheel in sorted(wheels.glob("*.whl"))}
        if len(hashes) != len(lines):
            raise SettingInvalid(f"of {len(lines)} packages {len(hashes)} wheels came: something else than wheels did.")
        for old in out.glob("*.whl"):
            old.unlink()
        for name in hashes:
            shutil.copyfile(wheels / name, out / name)
    packed = Packed(
        folder=out,
        python=target.python,
        architecture=target.architecture,
        lock_sha256=sha256_of(lock),
        wheels=hashes,
    )
    write_manifest(packed)
    return packed


def _options(target: Target) -> list[str]:
    digits = target.python.replace(".", "")
    return [
        "--no-deps",  # the lock holds them all
        "--only-binary=:all:",
        "--require-hashes",
        "--implementation=cp",
        f"--python-version={target.python}",
        *(f"--abi={abi}" for abi in (f"cp{digits}", "abi3", "none")),
        *(f"--platform={name}" for name in target.platforms),
    ]


def _logical_lines(lock: str) -> Iterator[str]:
    for line in lock.replace("\\\n", " ").splitlines():
        text = re.sub(r"(^|\s)#.*", "", line).strip()
        if text and not text.startswith(("--index-url", "--extra-index-url", "--find-links", "-i ")):
            yield text


def _pinned(line: str) -> tuple[Requirement, list[str]]:
    hashes = _HASH.findall(f" {line}")
    text = _HASH.sub("", f" {line}").strip()
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        raise SettingInvalid(f"the lock has the line {text!r}: give `name==version` with hashes.") from None
    pins = list(requirement.specifier)
    if len(pins) != 1 or pins[0].operator != "==" or not hashes:
        raise SettingInvalid(
            f"the lock has {text!r} without a pinned version and hashes: make it by `uv pip compile --generate-hashes`."
        )
    return requirement, hashes


def _refuse_foreign(out: Path) -> None:
    foreign = [p.name for p in out.iterdir() if p.suffix != ".whl" and p.name != MANIFEST] if out.is_dir() else []
    if foreign:
        raise SettingInvalid(f"{out} holds {foreign[0]}, which no pack made: name a folder of its own.")
