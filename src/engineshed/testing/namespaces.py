"""Command lines whose processes have a root of their own: folders of a double at a platform's paths. Needs Linux."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from engineshed.testing import enter


class NoNamespace(RuntimeError):
    """This machine lets nobody have a mount namespace."""


def entering(root: Path | str, own: Mapping[str, str], mixed: Mapping[str, str], cwd: str = "/") -> list[str]:
    """What to put before a command. root: an empty folder; own, mixed: paths to folders, as `enter` has it.

    An empty root leaves the process this machine's own.
    """
    asked = {"root": str(root), "cwd": cwd, "own": dict(own), "mixed": dict(mixed)}
    return [sys.executable, "-IS", enter.__file__, json.dumps(asked)]


def require_namespaces(scratch: Path, remedy: str = "") -> None:
    """Raises NoNamespace where no process can have a root of its own. remedy: what else may be done about it."""
    with tempfile.TemporaryDirectory(dir=scratch) as root:
        done = subprocess.run([*entering(root, {}, {}), "/bin/true"], capture_output=True, check=False)
    if done.returncode != 0:
        raise NoNamespace(
            f"a double's machines cannot have folders of their own here ({done.stderr.decode().strip()}): run the "
            "tests on Linux, as root or where user namespaces are allowed "
            f"(sysctl kernel.unprivileged_userns_clone=1){remedy}."
        )
