"""Where the workspace's files are: one folder of this machine each for volumes, DBFS and workspace files.

A driver sees the same folders under `/Volumes`, `/dbfs` and `/Workspace`, so that what the Files API wrote is what it
reads.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from engineshed.testing.databricks.refusals import Refusal, invalid


class Storage:
    """Paths of the platform as paths of this machine, and no way out of them. notebooks: files that are none."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.notebooks: set[Path] = set()
        for name in ("Volumes", "dbfs", "Workspace"):
            (root / name).mkdir(parents=True, exist_ok=True)

    def make_volume(self, path: str) -> None:
        """Make a volume `/Volumes/<catalog>/<schema>/<volume>`, which no file API makes."""
        self.local(path).mkdir(parents=True, exist_ok=True)

    def volume(self, path: str) -> Path:
        """A path on a volume. Raises Refusal for one outside, and for a volume that is not there."""
        parts = PurePosixPath(path).parts
        if len(parts) < 5 or parts[1] != "Volumes" or ".." in parts:
            raise invalid(f"Invalid path: {path} must be /Volumes/<catalog>/<schema>/<volume>/<path>.")
        if not self.local("/".join(parts[:5])).is_dir():
            raise Refusal(404, "NOT_FOUND", f"Volume '{'.'.join(parts[2:5])}' does not exist.")
        return self.local(path)

    def dbfs(self, path: str) -> Path:
        """A path on DBFS, with or without `dbfs:`; `dbfs:/Volumes/...` is the volume."""
        plain = "/" + path.removeprefix("dbfs:").lstrip("/")
        if plain.startswith("/Volumes/"):
            return self.volume(plain)
        return self._below(self.root / "dbfs", plain)

    def workspace(self, path: str) -> Path:
        """A path of the workspace's tree, with or without `/Workspace` before it."""
        if not path.startswith("/"):
            raise invalid(f"Path ({path}) doesn't start with '/'")
        return self._below(self.root / "Workspace", path.removeprefix("/Workspace"))

    def local(self, path: str) -> Path:
        """The path of this machine behind one of `/Volumes`, `/dbfs`, `/Workspace`."""
        return self._below(self.root, "/" + path.strip("/"))

    @staticmethod
    def _below(root: Path, path: str) -> Path:
        if ".." in PurePosixPath(path).parts:
            raise invalid(f"Invalid path: {path} leaves its root.")
        return root / path.strip("/")
