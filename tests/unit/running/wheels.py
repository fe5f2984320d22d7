"""Tiny wheels and a lock of them, as an index and `uv pip compile --generate-hashes` would give."""

from __future__ import annotations

import hashlib
import zipfile
from pathlib import Path


def wheel(folder: Path, name: str, version: str = "1.0", tag: str = "py3-none-any") -> Path:
    """A wheel of one module that holds its version."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-{tag}.whl"
    info = f"{name}-{version}.dist-info"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr(f"{name}.py", f"VERSION = {version!r}\n")
        packed.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        packed.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        packed.writestr(f"{info}/RECORD", "")
    return path


def pinned(*wheels: Path, marker: str = "") -> str:
    """One entry of a lock, with the hashes of these wheels of one version."""
    name, version = wheels[0].name.split("-")[:2]
    hashes = " \\\n".join(f"    --hash=sha256:{hashlib.sha256(w.read_bytes()).hexdigest()}" for w in wheels)
    return f"{name}=={version}{f' ; {marker}' if marker else ''} \\\n{hashes}\n"
