"""What `engineshed pack` made: a folder of wheels and the manifest that names them.

A wheel that is missing or has other bytes than the manifest says is refused by name: what a driver installs is what CI
has packed, or nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engineshed.model.errors import SettingInvalid

MANIFEST = "environment.json"
_PIECE_BYTES = 4 * 2**20


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """One packed environment on this machine. `wheels`: file name -> sha256."""

    folder: Path
    python: str
    architecture: str
    lock_sha256: str
    wheels: Mapping[str, str]


def read_packed(folder: Path) -> Packed:
    """What the folder's manifest says. Raises SettingInvalid naming the folder and how to make it."""
    manifest = folder / MANIFEST
    try:
        plain: Any = json.loads(manifest.read_text(encoding="utf-8"))
        if plain["version"] != 1:
            raise ValueError(f"version {plain['version']}")
        return Packed(
            folder=folder,
            python=str(plain["python"]),
            architecture=str(plain["architecture"]),
            lock_sha256=str(plain["lock_sha256"]),
            wheels={str(wheel["name"]): str(wheel["sha256"]) for wheel in plain["wheels"]},
        )
    except FileNotFoundError:
        raise SettingInvalid(f"{manifest} does not exist: make it by `engineshed pack --out {folder}`.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise SettingInvalid(
            f"{manifest} is no manifest of a packed environment ({error!r}): make it anew by `engineshed pack`."
        ) from None


def write_manifest(packed: Packed) -> None:
    """Beside its wheels."""
    plain = {
        "version": 1,
        "python": packed.python,
        "architecture": packed.architecture,
        "lock_sha256": packed.lock_sha256,
        "wheels": [{"name": name, "sha256": sha256} for name, sha256 in sorted(packed.wheels.items())],
    }
    (packed.folder / MANIFEST).write_text(json.dumps(plain, indent=2) + "\n", encoding="utf-8")


def wheel_files(packed: Packed) -> dict[Path, str]:
    """Each wheel's file and the hash that it must have. Raises SettingInvalid naming one that is missing."""
    files = {packed.folder / name: sha256 for name, sha256 in packed.wheels.items()}
    for file in files:
        if not file.is_file():
            raise SettingInvalid(f"wheel {file.name} is missing in {file.parent}: pack the environment anew.")
    return files


def refuse_changed(file: Path, sha256: str, found: str) -> None:
    """Raises SettingInvalid for a wheel with other bytes than were packed."""
    if found != sha256:
        raise SettingInvalid(
            f"wheel {file.name} in {file.parent} is not what was packed: its sha256 is {found}, not {sha256}. "
            "Pack the environment anew."
        )


def sha256_of(file: Path, go_on: Callable[[], None] = lambda: None) -> str:
    """Hex digest of a file's bytes. go_on: called between pieces; what it raises ends the reading."""
    total = hashlib.sha256()
    with file.open("rb") as source:
        while piece := source.read(_PIECE_BYTES):
            go_on()
            total.update(piece)
    return total.hexdigest()
