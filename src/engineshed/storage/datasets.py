"""Datasets: partitions replaced as a whole or not at all, readable while they are replaced, and for ever after.

An attempt writes Parquet below a prefix of its own, which no reader looks at. Publishing makes one immutable
object that names those files, and only if no other has its name; the highest ordinal is current. So no crash,
zombie or race leaves a mixture behind. Refuses an attempt whose tables are incomplete, or over which a later
one has published.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engineshed.model.commit import Commit, CommitRef, DataFile, TableContent
from engineshed.model.errors import ObjectMissing, PublishRefused, StoreError
from engineshed.model.job import Mode
from engineshed.model.partition import partition_of_dir
from engineshed.ports.clock import Clock
from engineshed.storage import commits
from engineshed.storage.layout import Place, commits_of_all, is_visible, ordinal_of
from engineshed.storage.objects.store import TableStore, checked_key

if TYPE_CHECKING:
    import pyarrow as pa
    import pyarrow.dataset as ds

HASH_LIMIT_BYTES = 256 * 1024**2
"""Uncompressed size above which publishing leaves a table's hash out, since it must hold the rows in memory."""


class Datasets:
    """All datasets below one root. All methods raise StoreError and its kin when the store refuses or is away."""

    def __init__(self, store: TableStore, clock: Clock, *, hash_limit_bytes: int = HASH_LIMIT_BYTES) -> None:
        self._store, self._clock, self._hash_limit_bytes = store, clock, hash_limit_bytes

    def attempt_uri(self, asset: str, partition: str | None, mode: Mode, token: str) -> str:
        """The prefix below which an attempt writes: `<prefix>/<table>/*.parquet`."""
        return self._store.uri(Place(asset, partition, mode).attempt(token))

    def write_file(self, asset: str, partition: str | None, mode: Mode, token: str, table: str, data: bytes) -> None:
        """Write one Parquet file as a whole table of an attempt, for what is made without an engine."""
        self._store.put(f"{Place(asset, partition, mode).attempt(token)}/{table}/part-00000.parquet", data)

    def sealed(self, asset: str, partition: str | None, mode: Mode, token: str) -> bool:
        """Whether the attempt's driver said, by a finished write, that all its tables are there."""
        prefix = f"{Place(asset, partition, mode).attempt(token)}/_seal/"
        below = (info.key.removeprefix(prefix) for info in self._store.list(prefix))
        return any(is_visible(key) or key == "_SUCCESS" for key in below)

    def collect(
        self, asset: str, partition: str | None, mode: Mode, token: str, tables: Sequence[str]
    ) -> tuple[TableContent, ...]:
        """What an attempt wrote, by its files' footers, with the hash of each table up to the limit.

        An empty table is one file without rows. Raises PublishRefused naming a table without files, files that are no
        Parquet, folders inside a table, or two schemas in one table.
        """
        from engineshed.storage.tables import describe

        place, filesystem = Place(asset, partition, mode), self._store.filesystem()
        files = {table: self._files(place, token, table) for table in tables}
        missing = [table for table, found in files.items() if not found]
        if missing:
            written = ", ".join(table for table, found in files.items() if found) or "none"
            raise PublishRefused(
                f"{place}: attempt {token} has no file of table {', '.join(missing)} (it wrote: {written}). "
                "Write every table of the job, an empty one too, before the driver ends."
            )
        return tuple(
            describe(table, found, filesystem, hash_limit_bytes=self._hash_limit_bytes)
            for table, found in files.items()
        )

    def publish(
        self,
        *,
        asset: str,
        partition: str | None,
        mode: Mode,
        ordinal: int,
        token: str,
        contents: Sequence[TableContent],
        upstream: Sequence[CommitRef],
        provenance: Mapping[str, Any],
    ) -> Commit:
        """Replace the partition by what `collect` found. The same ordinal and token again return the same commit.

        Raises PublishRefused, with nothing written, when a later ordinal has published, or another attempt this one.
        """
        place = Place(asset, partition, mode)
        _check_contents(place, token, contents)
        there = self._commit_at(place, ordinal)
        if there is not None:
            return _own(there, place, token)
        newest = max(self._ordinals(place), default=0)
        if newest > ordinal:
            raise PublishRefused(
                f"{place}: attempt {token} (ordinal {ordinal}) comes too late, ordinal {newest} has published. "
                "Its result is superseded; nothing is to be done."
            )
        commit = Commit(
            asset=asset,
            partition=partition,
            mode=mode,
            ordinal=ordinal,
            token=token,
            created_at=self._clock.now(),
            tables=tuple(contents),
            upstream=tuple(upstream),
            provenance=commits.as_json(provenance),
        )
        if self._store.put_if_absent(place.commit(ordinal), commits.to_bytes(commit)):
            return commit
        # Taken meanwhile: by another body of this attempt, or by ourselves when only the reply was lost.
        return _own(self._read_commit(place.commit(ordinal)), place, token)

    def latest(self, asset: str, partition: str | None, mode: Mode) -> Commit | None:
        """The current content of a partition; None where none was published."""
        place = Place(asset, partition, mode)
        newest = max(self._ordinals(place), default=None)
        return None if newest is None else self._read_commit(place.commit(newest))

    def at(self, ref: CommitRef) -> Commit:
        """The commit of that name, current or not. Raises ObjectMissing, StoreError where its content is another."""
        key = Place(ref.asset, ref.partition, ref.mode).commit(ref.ordinal)
        commit = self._read_commit(key)
        if commit.digest != ref.digest:
            raise StoreError(
                f"commit {self._store.uri(key)} has digest {commit.digest}, not {ref.digest}: "
                "it was changed or is of another root. Restore the root that the reference was made from."
            )
        return commit

    def history(self, asset: str, partition: str | None, mode: Mode) -> tuple[Commit, ...]:
        """All commits of a partition, oldest first; the last is current."""
        place = Place(asset, partition, mode)
        return tuple(self._read_commit(place.commit(ordinal)) for ordinal in self._ordinals(place))

    def partitions(self, asset: str, mode: Mode) -> tuple[str | None, ...]:
        """All partitions that were ever published, by name; None stands for an asset without partitions."""
        prefix = commits_of_all(asset, mode)
        keys = (info.key for info in self._store.list(prefix) if ordinal_of(info.key) is not None)
        return tuple(partition_of_dir(name) for name in dict.fromkeys(k[len(prefix) :].partition("/")[0] for k in keys))

    def discard(self, asset: str, partition: str | None, mode: Mode, token: str) -> int:
        """Delete what an attempt wrote, and say how many objects. Raises StoreError for one that published."""
        place = Place(asset, partition, mode)
        for commit in self.history(asset, partition, mode):
            if commit.token == token:
                raise StoreError(f"{place}: attempt {token} is published as ordinal {commit.ordinal}, its data stays.")
        below = (info.key for info in self._store.list(f"{place.attempt(token)}/"))
        keys = [key for key in below if not key.endswith("/")]
        for key in keys:
            self._store.delete(key)
        return len(keys)

    def sweep(self, asset: str, partition: str | None, mode: Mode, token: str, tables: Sequence[str]) -> int:
        """Delete what an attempt left beside its tables (scratch, markers, seal), and say how many objects."""
        attempt = f"{Place(asset, partition, mode).attempt(token)}/"
        kept = tuple(f"{attempt}{table}/" for table in tables)
        below = [info.key for info in self._store.list(attempt)]
        left = [key for key in below if not key.startswith(kept) and not key.endswith("/")]
        for key in left:
            self._store.delete(key)
        return len(left)

    def files(self, commit: Commit, table: str) -> list[str]:
        """URIs of a table's Parquet files. Raises KeyError naming the tables there are."""
        return [self._store.uri(file.path) for file in commit.table(table).files]

    def read(self, commit: Commit, table: str, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a table of a commit. Raises KeyError naming the tables or columns there are."""
        return self.read_content(commit.table(table), columns)

    def read_content(self, content: TableContent, columns: Sequence[str] | None = None) -> pa.Table:
        """The rows of a table, published or only collected. Raises KeyError naming the columns there are."""
        from engineshed.storage.tables import read

        return read(content, self._store.filesystem(), columns)

    def dataset(self, commit: Commit, table: str) -> ds.Dataset:
        """A table of a commit, read lazily. Raises KeyError naming the tables there are."""
        from engineshed.storage.tables import open_dataset

        return open_dataset(commit.table(table), self._store.filesystem())

    def compute_hash(self, commit: Commit, table: str) -> str:
        """The hash of a table's content now, whatever its size; needs memory for its rows."""
        from engineshed.storage.hashing import dataset_hash

        return dataset_hash(self.read(commit, table))

    def _files(self, place: Place, token: str, table: str) -> list[DataFile]:
        prefix = f"{checked_key(place.attempt(token))}/{table}/"
        found = [info for info in self._store.list(prefix) if is_visible(info.key.removeprefix(prefix))]
        for info in found:
            if "/" in info.key.removeprefix(prefix):
                raise PublishRefused(
                    f"{place}: table {table!r} has folders ({info.key}), whose names hold what the files lack: "
                    "write it without partitionBy."
                )
        return [DataFile(info.key, info.size_bytes, 0) for info in found]

    def _ordinals(self, place: Place) -> list[int]:
        found = (ordinal_of(info.key) for info in self._store.list(place.commits))
        return [ordinal for ordinal in found if ordinal is not None]

    def _commit_at(self, place: Place, ordinal: int) -> Commit | None:
        try:
            return self._read_commit(place.commit(ordinal))
        except ObjectMissing:
            return None

    def _read_commit(self, key: str) -> Commit:
        return commits.from_bytes(self._store.get(key), self._store.uri(key))


def _check_contents(place: Place, token: str, contents: Sequence[TableContent]) -> None:
    if not contents:
        raise PublishRefused(f"{place}: attempt {token} has no table to publish: name the job's tables.")
    prefix = f"{place.attempt(token)}/"
    for content in contents:
        for file in content.files:
            if not file.path.startswith(prefix):
                raise PublishRefused(f"{place}: {file.path} is not of attempt {token}: publish what it wrote itself.")


def _own(commit: Commit, place: Place, token: str) -> Commit:
    if commit.token != token:
        raise PublishRefused(
            f"{place}: ordinal {commit.ordinal} is published by attempt {commit.token}, not by {token}: "
            "take a new ordinal from the ledger."
        )
    return commit
