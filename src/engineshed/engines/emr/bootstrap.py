"""The bootstrap action that puts a packed environment on every machine of a cluster, by content. Pure.

A wheel is a zip file whose top is what goes on the path, so no pip and no network but S3 is needed. A wheel whose bytes
are not those that were packed ends the bootstrap, and with it the cluster, before anything runs.
"""

from __future__ import annotations

import hashlib

from engineshed.model.staged import PackedEnvironment

FOLDER = "/usr/local/engineshed/packages"
"""Where the packages lie, on PYTHONPATH of drivers and executors."""

SCRIPT = """#!/bin/bash
# Puts Python packages in place: $1 is the folder, $2 the s3:// address of the list (sha256, name, address a line).
set -euo pipefail
folder=$1
scratch=$(mktemp -d)
aws s3 cp --only-show-errors "$2" "$scratch/list"
sudo mkdir -p "$folder"
sudo chmod 0777 "$folder"
while IFS=$'\\t' read -r sha256 name address; do
  aws s3 cp --only-show-errors "$address" "$scratch/$name"
  printf '%s  %s\\n' "$sha256" "$scratch/$name" | sha256sum --check --quiet
  python3 - "$scratch/$name" "$folder" <<'PYTHON'
import pathlib
import shutil
import sys
import zipfile

wheel, folder = sys.argv[1], pathlib.Path(sys.argv[2])
zipfile.ZipFile(wheel).extractall(folder)
for data in folder.glob("*.data"):
    for kind in ("purelib", "platlib"):
        if (data / kind).is_dir():
            shutil.copytree(data / kind, folder, dirs_exist_ok=True)
    shutil.rmtree(data)
PYTHON
done <"$scratch/list"
sudo chmod -R a+rX,go-w "$folder"
rm -rf "$scratch"
"""


def script_key() -> str:
    """Where the script lies below the exchange, by content."""
    return f"staged/emr/{hashlib.sha256(SCRIPT.encode()).hexdigest()}/bootstrap.sh"


def listing(packed: PackedEnvironment) -> tuple[str, str]:
    """Key and content of the list of wheels."""
    lines = sorted(f"{wheel.sha256}\t{wheel.name}\t{wheel.uri}" for wheel in packed.wheels)
    text = "\n".join(lines) + "\n"
    return f"staged/emr/{hashlib.sha256(text.encode()).hexdigest()}/wheels.tsv", text
