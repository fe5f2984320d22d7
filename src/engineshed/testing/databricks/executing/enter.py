"""Runs a command where folders of this machine lie at other paths: `python enter.py '{"at": {"/Volumes": "/real"},
...}' ...`

The driver is to find `/Volumes` and `/dbfs`, and this machine is to keep its own root: so the command gets a root of
its own, in a mount namespace of its own, made of everything that is there and of the folders asked for. Root may do
that; others do it in a user namespace, where the kernel lets them. Imports nothing but the standard library: it runs
before the driver's environment is there.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

NEW_NAMESPACE, NEW_USER = 0x00020000, 0x10000000
BIND, RECURSIVE, PRIVATE = 4096, 16384, 1 << 18
DIE_WITH_PARENT, KILL = 1, 9
NO_NAMESPACE = 71
"""Exit code where the kernel refuses, as in sysexits.h: OSERR."""

_libc = ctypes.CDLL(None, use_errno=True)


def main(asked: Mapping[str, Any], command: list[str]) -> None:
    """Does not return. asked: `at`, paths to folders; `root`, an empty folder; `cwd`; `env`."""
    try:
        unshare()
        build_root(asked["root"], asked["at"])
        os.chroot(asked["root"])
    except OSError as error:
        sys.stderr.write(f"no mount namespace here: {error}\n")
        sys.exit(NO_NAMESPACE)
    # Last, since the kernel takes this wish away from whoever changes his rights.
    _libc.prctl(DIE_WITH_PARENT, KILL, 0, 0, 0)
    os.chdir(asked["cwd"])
    os.execvpe(command[0], command, asked["env"])


def unshare() -> None:
    """A mount namespace. Raises OSError."""
    if _libc.unshare(NEW_NAMESPACE) == 0:
        return
    user, group = os.getuid(), os.getgid()
    _check(_libc.unshare(NEW_NAMESPACE | NEW_USER), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)


def build_root(root: str, at: Mapping[str, str]) -> None:
    """Everything of `/`, and the folders asked for, below `root`."""
    _mount("none", Path("/"), "", RECURSIVE | PRIVATE)
    _mount("tmpfs", Path(root), "tmpfs", 0)
    hidden = {Path(path).parts[1] for path in at}
    for entry in Path("/").iterdir():
        if entry.name not in hidden:
            _mirror(entry, Path(root) / entry.name)
    for path, folder in sorted(at.items()):
        _bind(folder, Path(root + path))


def _mirror(entry: Path, target: Path) -> None:
    if entry.is_symlink():
        target.symlink_to(entry.readlink())
    elif entry.is_dir():
        _bind(str(entry), target)


def _bind(folder: str, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    _mount(folder, target, "", BIND | RECURSIVE)


def _mount(source: str, target: Path, kind: str, flags: int) -> None:
    _check(_libc.mount(source.encode(), bytes(target), kind.encode() or None, flags, None), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
