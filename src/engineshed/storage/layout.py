"""Where everything of a dataset lies below the data root; the one place that knows.

Commits are `<mode>/<asset>/_commits/<partition dir>/<ordinal>.json`, an attempt's files lie below
`<mode>/<asset>/data/<partition dir>/<token>/<table>/`. Ordinals are padded, so that commits sort by key.
"""

from __future__ import annotations

from dataclasses import dataclass

from engineshed.model.errors import StoreError
from engineshed.model.job import Mode
from engineshed.model.partition import partition_dir

_ORDINAL_DIGITS = 12
COMMITS = "_commits"


@dataclass(frozen=True, slots=True)
class Place:
    """Keys of one partition of a dataset. Raises StoreError for an asset key that would lie among commits."""

    asset: str
    partition: str | None
    mode: Mode

    def __post_init__(self) -> None:
        if COMMITS in self.asset.split("/"):
            raise StoreError(
                f"asset {self.asset!r} has the part {COMMITS!r}, which names folders of commits: rename it."
            )

    @property
    def commits(self) -> str:
        """Prefix of the partition's commits."""
        return f"{commits_of_all(self.asset, self.mode)}{partition_dir(self.partition)}/"

    def commit(self, ordinal: int) -> str:
        """Key of one commit."""
        if not 0 < ordinal < 10**_ORDINAL_DIGITS:
            raise StoreError(
                f"ordinal {ordinal} has no place: give one from the ledger, 1 to {_ORDINAL_DIGITS} digits."
            )
        return f"{self.commits}{ordinal:0{_ORDINAL_DIGITS}}.json"

    def attempt(self, token: str) -> str:
        """Key below which an attempt writes, without a trailing slash."""
        return f"{self.mode.value}/{self.asset}/data/{partition_dir(self.partition)}/{token}"

    def __str__(self) -> str:
        whole = "" if self.partition is None else f" partition {self.partition!r}"
        return f"asset {self.asset!r}{whole} in mode {self.mode.value}"


def commits_of_all(asset: str, mode: Mode) -> str:
    """Prefix of the commits of all partitions."""
    return f"{mode.value}/{asset}/{COMMITS}/"


def ordinal_of(commit_key: str) -> int | None:
    """The ordinal in a commit's key; None for a key that is no commit's."""
    name = commit_key.rpartition("/")[2]
    stem = name.removesuffix(".json")
    return int(stem) if stem != name and len(stem) == _ORDINAL_DIGITS and stem.isascii() and stem.isdigit() else None


def is_visible(relative_key: str) -> bool:
    """Whether a key below an attempt is data: no marker, checksum or unfinished file of the engine that wrote it.

    Spark and its committers use names with `_` or `.` in front; S3 clients leave empty objects for folders.
    """
    if relative_key.endswith(("/", "_$folder$")):
        return False
    return not any(part.startswith(("_", ".")) for part in relative_key.split("/"))
