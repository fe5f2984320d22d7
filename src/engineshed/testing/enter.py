"""Runs a command on a double's machine: `python enter.py '{"root": .., "cwd": .., "own": {..}, "mixed": {..}}' ...`

A script on a platform finds folders there that this machine does not have, or that are to stay as they are here. So the
command gets a root of its own, in a mount namespace of its own: all that is there, but the folders of `own` are the
double's, and those of `mixed` hold what is there, read-only, and what the double adds. Root may do that; others do it
in a user namespace, where the kernel lets them. Imports nothing but the standard library.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

_NEW_NAMESPACE, _NEW_USER = 0x00020000, 0x10000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_DIE_WITH_PARENT, _KILL = 1, 9
NO_NAMESPACE = 71
"""Exit code where the kernel refuses, as in sysexits.h: OSERR."""

_libc = ctypes.CDLL(None, use_errno=True)


def main(asked: Mapping[str, Any], command: list[str]) -> None:
    """Does not return."""
    try:
        if asked.get("root"):
            _unshare()
            _Root(asked).build()
            os.chroot(asked["root"])
    except OSError as error:
        sys.stderr.write(f"no mount namespace here: {error}\n")
        sys.exit(NO_NAMESPACE)
    # After the namespace: what changes a process's rights takes this wish away.
    _libc.prctl(_DIE_WITH_PARENT, _KILL, 0, 0, 0)
    os.chdir(asked["cwd"])
    os.execv(command[0], command)


def _unshare() -> None:
    if _libc.unshare(_NEW_NAMESPACE) == 0:
        return
    user, group = os.getuid(), os.getgid()
    _check(_libc.unshare(_NEW_NAMESPACE | _NEW_USER), "unshare")
    for name, text in (("setgroups", "deny"), ("uid_map", f"0 {user} 1"), ("gid_map", f"0 {group} 1")):
        Path(f"/proc/self/{name}").write_text(text)


class _Root:
    """The new root. own, mixed: paths to folders of the double's."""

    def __init__(self, asked: Mapping[str, Any]) -> None:
        self._root = Path(asked["root"])
        self._own: Mapping[str, str] = asked["own"]
        self._mixed: Mapping[str, str] = asked["mixed"]
        self._special = {*self._own, *self._mixed}

    def build(self) -> None:
        """Raises OSError."""
        _mount("none", Path("/"), "", _RECURSIVE | _PRIVATE)
        _mount("tmpfs", self._root, "tmpfs", 0)
        self._children(Path("/"))

    def _children(self, path: Path) -> None:
        there = {child.name for child in path.iterdir()} if path.is_dir() else set()
        below = str(path).rstrip("/") + "/"
        wanted = {name[len(below) :].partition("/")[0] for name in self._special if name.startswith(below)}
        for name in sorted(there | wanted):
            self._place(path / name)

    def _place(self, path: Path) -> None:
        target = Path(f"{self._root}{path}")
        if str(path) in self._own:
            _bind(self._own[str(path)], target)
        elif str(path) in self._mixed:
            _bind(self._mixed[str(path)], target)
            for child in path.iterdir() if path.is_dir() else ():
                if str(child) in self._special:
                    self._place(child)
                else:
                    with _unless_gone(child):
                        _mirror(child, target / child.name)
                        _keep_from_writing(target / child.name)
        elif any(name.startswith(f"{path}/") for name in self._special):
            target.mkdir(parents=True, exist_ok=True)
            self._children(path)
        else:
            with _unless_gone(path):
                _mirror(path, target)


@contextmanager
def _unless_gone(entry: Path) -> Iterator[None]:
    """Others make and delete folders of /tmp while it is looked through: what is gone since is not there to be seen."""
    try:
        yield
    except FileNotFoundError:
        if os.path.lexists(entry):
            raise


def _mirror(entry: Path, target: Path) -> None:
    if entry.is_symlink():
        # A mixed folder is shared by all processes of its machine: another one may have put the link there just now.
        with suppress(FileExistsError):
            target.symlink_to(entry.readlink())
    elif entry.is_dir():
        _bind(str(entry), target)
    elif entry.is_file():
        target.touch()
        _mount(str(entry), target, "", _BIND)


def _bind(folder: str, target: Path) -> None:
    target.mkdir(parents=True, exist_ok=True)
    _mount(folder, target, "", _BIND | _RECURSIVE)


def _keep_from_writing(target: Path) -> None:
    # In a user namespace the kernel may refuse; there only what belongs to this user could be written anyway.
    with suppress(OSError):
        if not target.is_symlink():
            _mount("none", target, "", _BIND | _REMOUNT | _READ_ONLY)


def _mount(source: str, target: Path, kind: str, flags: int) -> None:
    _check(_libc.mount(source.encode(), bytes(target), kind.encode() or None, flags, None), f"mount {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
