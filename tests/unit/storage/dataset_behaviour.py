"""What publishing and reading promise on any store. Subclasses give the fixture `store`, empty."""

from __future__ import annotations

import io
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from engineshed.model.commit import Commit, CommitRef
from engineshed.model.errors import ObjectMissing, PublishRefused, StoreError
from engineshed.model.job import Mode
from engineshed.storage.datasets import Datasets
from engineshed.storage.hashing import dataset_hash
from engineshed.storage.objects import TableStore

ASSET, PARTITION, MODE = "web/edges", "2026-03|.de/ü", Mode.SAMPLE
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class FixedClock:
    """Noon, always."""

    moment: datetime = field(default=NOON)

    def now(self) -> datetime:
        return self.moment

    def monotonic_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing in storage sleeps")


def parquet(table: pa.Table) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer)
    return buffer.getvalue()


def pages(number: int, rows: int = 3) -> pa.Table:
    return pa.table({"url": [f"u{number}-{i}" for i in range(rows)], "size": pa.array(range(rows), pa.int64())})


def links(number: int) -> pa.Table:
    return pa.table({"src": [f"s{number}"], "at": pa.array([NOON], pa.timestamp("us", "UTC"))})


class CallBefore:
    """A store that calls something right before the first commit is put."""

    def __init__(self, store: TableStore, call: Callable[[], object]) -> None:
        self._store, self._call = store, call

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def put_if_absent(self, key: str, data: bytes) -> bool:
        self._call()
        return self._store.put_if_absent(key, data)


class DatasetBehaviour:
    @pytest.fixture
    def datasets(self, store: TableStore) -> Datasets:
        return Datasets(store, FixedClock())

    def key(self, store: TableStore, datasets: Datasets, token: str) -> str:
        uri = datasets.attempt_uri(ASSET, PARTITION, MODE, token)
        return uri.removeprefix(f"{store.root}/")

    def write(self, store: TableStore, datasets: Datasets, token: str, number: int) -> None:
        """Two tables, as Spark leaves them."""
        base = self.key(store, datasets, token)
        store.put(f"{base}/pages/part-00000.snappy.parquet", parquet(pages(number).slice(0, 2)))
        store.put(f"{base}/pages/part-00001.snappy.parquet", parquet(pages(number).slice(2)))
        store.put(f"{base}/pages/_SUCCESS", b"")
        store.put(f"{base}/pages/.part-00000.snappy.parquet.crc", b"crc")
        store.put(f"{base}/pages/_temporary/0/part-00000.parquet", b"half")
        store.put(f"{base}/links/part-00000.parquet", parquet(links(number)))
        store.put(f"{base}/links_$folder$", b"")

    def publish(
        self, datasets: Datasets, ordinal: int, token: str | None = None, tables: tuple[str, ...] = ("pages", "links")
    ) -> Commit:
        token = token or f"es-{ordinal}"
        return datasets.publish(
            asset=ASSET,
            partition=PARTITION,
            mode=MODE,
            ordinal=ordinal,
            token=token,
            contents=datasets.collect(ASSET, PARTITION, MODE, token, tables),
            upstream=(CommitRef(asset="a", partition=None, mode=Mode.FULL, ordinal=1, digest="d"),),
            provenance={"lock": "abc", "at": NOON, "pair": (1, 2)},
        )

    @pytest.fixture
    def written(self, store: TableStore, datasets: Datasets) -> Datasets:
        """With three attempts that wrote all their tables."""
        for number in (1, 2, 3):
            self.write(store, datasets, f"es-{number}", number)
        return datasets

    # Publishing and reading

    def test_published_partition_is_read_whole(self, written: Datasets, store: TableStore) -> None:
        assert written.latest(ASSET, PARTITION, MODE) is None
        commit = self.publish(written, 1)
        assert written.latest(ASSET, PARTITION, MODE) == commit
        assert (commit.token, commit.ordinal, commit.created_at) == ("es-1", 1, NOON)
        assert [(t.name, t.rows, len(t.files)) for t in commit.tables] == [("pages", 3, 2), ("links", 1, 1)]
        assert commit.table("pages").columns == (("url", "string"), ("size", "int64"))
        assert commit.table("pages").dataset_hash == dataset_hash(pages(1))
        assert commit.table("pages").size_bytes == sum(
            i.size_bytes for i in store.list("") if "/es-1/pages/part-" in i.key
        )
        assert written.read(commit, "pages").equals(pages(1))
        assert written.read(commit, "pages", ["size"]).column_names == ["size"]
        assert written.dataset(commit, "pages").count_rows() == 3
        base = written.attempt_uri(ASSET, PARTITION, MODE, "es-1")
        assert written.files(commit, "links") == [f"{base}/links/part-00000.parquet"]
        assert commit.provenance == {"lock": "abc", "at": str(NOON), "pair": [1, 2]}

    def test_commit_is_found_by_its_name_for_ever(self, written: Datasets, store: TableStore) -> None:
        first, second = self.publish(written, 1), self.publish(written, 2)
        assert written.at(first.ref) == first
        assert written.at(first.ref).digest == first.digest
        assert written.history(ASSET, PARTITION, MODE) == (first, second)
        assert written.read(first, "pages").equals(pages(1))
        with pytest.raises(StoreError, match="has digest"):
            written.at(replace(first.ref, digest="0" * 64))
        with pytest.raises(ObjectMissing):
            written.at(replace(first.ref, ordinal=9))

    def test_names_that_are_not_there_are_said(self, written: Datasets) -> None:
        commit = self.publish(written, 1)
        with pytest.raises(KeyError, match="it has pages, links"):
            written.read(commit, "nodes")
        with pytest.raises(KeyError, match="it has url, size"):
            written.read(commit, "pages", ["rank"])

    def test_modes_partitions_and_assets_are_apart(self, written: Datasets) -> None:
        self.publish(written, 1)
        assert written.latest(ASSET, PARTITION, Mode.FULL) is None
        assert written.latest(ASSET, None, MODE) is None
        assert written.latest("web", PARTITION, MODE) is None
        assert written.latest("web/edges/x", PARTITION, MODE) is None
        assert written.partitions(ASSET, MODE) == (PARTITION,)
        assert written.partitions(ASSET, Mode.FULL) == written.partitions("web", MODE) == ()

    def test_any_partition_key_is_kept(self, datasets: Datasets) -> None:
        partitions = (None, "_all", "..", "a/b", "a|b", "a b%2F", "ü", "000000000001.json")
        for partition in partitions:
            datasets.write_file(ASSET, partition, MODE, "es-1", "pages", parquet(pages(1)))
            datasets.publish(
                asset=ASSET,
                partition=partition,
                mode=MODE,
                ordinal=1,
                token="es-1",
                contents=datasets.collect(ASSET, partition, MODE, "es-1", ["pages"]),
                upstream=(),
                provenance={},
            )
        assert set(datasets.partitions(ASSET, MODE)) == set(partitions)
        for partition in partitions:
            commit = datasets.latest(ASSET, partition, MODE)
            assert commit is not None
            assert commit.partition == partition
            assert datasets.read(commit, "pages").equals(pages(1))

    def test_hash_over_the_limit_is_left_to_the_reader(self, store: TableStore, written: Datasets) -> None:
        commit = self.publish(Datasets(store, FixedClock(), hash_limit_bytes=10), 1)
        assert [table.dataset_hash for table in commit.tables] == [None, None]
        assert written.compute_hash(commit, "pages") == dataset_hash(pages(1))

    # What is refused

    def test_missing_table_publishes_nothing(self, written: Datasets, store: TableStore) -> None:
        store.put(f"{self.key(store, written, 'es-1')}/nodes/_SUCCESS", b"")
        with pytest.raises(PublishRefused, match=r"no file of table nodes \(it wrote: pages\)"):
            self.publish(written, 1, tables=("pages", "nodes"))
        with pytest.raises(PublishRefused, match="no file of table pages, links"):
            self.publish(written, 9, token="es-nobody")
        with pytest.raises(PublishRefused, match="name the job's tables"):
            self.publish(written, 1, tables=())
        assert written.history(ASSET, PARTITION, MODE) == ()

    def test_empty_table_is_a_table(self, datasets: Datasets) -> None:
        datasets.write_file(ASSET, PARTITION, MODE, "es-1", "pages", parquet(pages(1, rows=0)))
        commit = self.publish(datasets, 1, tables=("pages",))
        assert commit.table("pages").rows == 0
        assert datasets.read(commit, "pages").schema.names == ["url", "size"]

    @pytest.mark.parametrize("data", [b"", b"PAR1", b"url,size\n1,2\n", parquet(pages(1))[:-20]])
    def test_torn_or_foreign_file_is_refused(self, written: Datasets, store: TableStore, data: bytes) -> None:
        store.put(f"{self.key(store, written, 'es-1')}/pages/part-00002.parquet", data)
        with pytest.raises(PublishRefused, match=r"part-00002\.parquet is no whole Parquet file"):
            self.publish(written, 1)

    def test_two_schemas_in_a_table_are_refused(self, written: Datasets, store: TableStore) -> None:
        store.put(f"{self.key(store, written, 'es-1')}/pages/part-00002.parquet", parquet(links(1)))
        with pytest.raises(PublishRefused, match=r"'pages' has two schemas.*url string.*src string"):
            self.publish(written, 1)

    def test_encodings_of_one_schema_are_one_table(self, datasets: Datasets, store: TableStore) -> None:
        base = self.key(store, datasets, "es-1")
        large = pa.schema([pa.field("url", pa.large_string(), nullable=False), ("size", pa.int64())])
        store.put(f"{base}/pages/part-0.parquet", parquet(pages(1).slice(0, 1)))
        store.put(f"{base}/pages/part-1.parquet", parquet(pages(1).slice(1).cast(large)))
        commit = self.publish(datasets, 1, tables=("pages",))
        assert commit.table("pages").dataset_hash == dataset_hash(pages(1))

    def test_folders_of_values_are_refused(self, written: Datasets, store: TableStore) -> None:
        store.put(f"{self.key(store, written, 'es-1')}/pages/lang=de/part-0.parquet", parquet(pages(1)))
        with pytest.raises(PublishRefused, match="without partitionBy"):
            self.publish(written, 1)

    def test_files_of_another_attempt_are_refused(self, written: Datasets) -> None:
        contents = written.collect(ASSET, PARTITION, MODE, "es-1", ("pages",))
        with pytest.raises(PublishRefused, match="is not of attempt es-2"):
            written.publish(
                asset=ASSET, partition=PARTITION, mode=MODE, ordinal=2, token="es-2", contents=contents,
                upstream=(), provenance={},
            )  # fmt: skip

    def test_asset_named_like_our_folders_is_refused(self, datasets: Datasets) -> None:
        with pytest.raises(StoreError, match="rename it"):
            datasets.attempt_uri("web/_commits", None, MODE, "es-1")
        with pytest.raises(StoreError, match="unfit"):
            datasets.attempt_uri("../web", None, MODE, "es-1")

    # Races and repetitions

    def test_publishing_again_returns_the_same_commit(self, written: Datasets) -> None:
        first = self.publish(written, 1)
        assert self.publish(written, 1) == first
        self.publish(written, 2)
        assert self.publish(written, 1) == first
        assert len(written.history(ASSET, PARTITION, MODE)) == 2

    def test_lost_reply_of_the_commit_is_no_failure(self, written: Datasets, store: TableStore) -> None:
        class LosesReply(CallBefore):
            def put_if_absent(self, key: str, data: bytes) -> bool:
                assert self._store.put_if_absent(key, data)
                return False  # as S3 answers to the repetition that its client makes

        losing = LosesReply(store, lambda: None)
        commit = self.publish(Datasets(losing, FixedClock()), 1)  # type: ignore[arg-type]
        assert written.latest(ASSET, PARTITION, MODE) == commit

    def test_zombie_with_a_lower_ordinal_is_refused(self, written: Datasets, store: TableStore) -> None:
        later = self.publish(written, 3)
        before = [info.key for info in store.list("")]
        with pytest.raises(PublishRefused, match=r"ordinal 2\) comes too late, ordinal 3 has published"):
            self.publish(written, 2)
        assert [info.key for info in store.list("")] == before
        assert written.latest(ASSET, PARTITION, MODE) == later

    def test_ordinal_serves_one_attempt(self, written: Datasets) -> None:
        first = self.publish(written, 1)
        with pytest.raises(PublishRefused, match="published by attempt es-1, not by es-2"):
            self.publish(written, 1, token="es-2")
        assert written.latest(ASSET, PARTITION, MODE) == first

    @pytest.mark.parametrize(("slow", "quick"), [(1, 2), (2, 1)])
    def test_of_two_publishers_at_once_the_higher_ordinal_stays(
        self, written: Datasets, store: TableStore, slow: int, quick: int
    ) -> None:
        """The quick one publishes in the very moment between the slow one's last look and its commit."""
        late = CallBefore(store, lambda: self.publish(written, quick))
        self.publish(Datasets(late, FixedClock()), slow)  # type: ignore[arg-type]
        latest = written.latest(ASSET, PARTITION, MODE)
        assert latest is not None
        assert latest.ordinal == 2
        assert written.read(latest, "pages").equals(pages(2))
        assert [c.ordinal for c in written.history(ASSET, PARTITION, MODE)] == [1, 2]

    def test_many_bodies_of_one_attempt_make_one_commit(self, written: Datasets) -> None:
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: self.publish(written, 1), range(4)))
        assert made == [made[0]] * 4
        assert written.history(ASSET, PARTITION, MODE) == (made[0],)

    def test_reader_during_publishing_sees_one_whole_version(self, written: Datasets, store: TableStore) -> None:
        self.publish(written, 1)
        for number in range(4, 9):
            self.write(store, written, f"es-{number}", number)
        done = threading.Event()
        seen: set[int] = set()

        def read() -> None:
            while not done.is_set():
                commit = written.latest(ASSET, PARTITION, MODE)
                assert commit is not None
                assert written.read(commit, "pages").equals(pages(commit.ordinal))
                assert written.read(commit, "links").equals(links(commit.ordinal))
                seen.add(commit.ordinal)

        with ThreadPoolExecutor(2) as pool:
            reading = pool.submit(read)
            for number in range(2, 9):
                self.publish(written, number)
            done.set()
            reading.result()
        assert seen <= set(range(1, 9))
        assert len(seen) > 0

    # Around an attempt

    def test_seal_counts_once_its_write_is_finished(self, datasets: Datasets, store: TableStore) -> None:
        base = self.key(store, datasets, "es-1")
        store.put(f"{base}/_seal/_temporary/0/part-0.parquet", b"half")
        store.put(f"{base}/_sealing/part-0.parquet", b"other")
        assert not datasets.sealed(ASSET, PARTITION, MODE, "es-1")
        store.put(f"{base}/_seal/part-0.parquet", b"whole")
        assert datasets.sealed(ASSET, PARTITION, MODE, "es-1")
        assert not datasets.sealed(ASSET, PARTITION, MODE, "es-2")

    def test_discard_deletes_only_what_was_never_published(self, written: Datasets, store: TableStore) -> None:
        commit = self.publish(written, 2)
        assert written.discard(ASSET, PARTITION, MODE, "es-1") == 7
        assert written.discard(ASSET, PARTITION, MODE, "es-1") == 0
        with pytest.raises(StoreError, match="published as ordinal 2"):
            written.discard(ASSET, PARTITION, MODE, "es-2")
        assert written.read(commit, "pages").equals(pages(2))
        tokens = {info.key.split("/")[5] for info in store.list(f"sample/{ASSET}/data/")}
        assert tokens == {"es-2", "es-3"}

    def test_file_deleted_by_hand_is_missing(self, written: Datasets, store: TableStore) -> None:
        commit = self.publish(written, 1)
        store.delete(commit.table("links").files[0].path)
        with pytest.raises(ObjectMissing, match="links"):
            written.read(commit, "links")

    @pytest.mark.parametrize("text", ["{}", "no json", '{"format": 2}'])
    def test_foreign_object_among_commits_is_said(self, written: Datasets, store: TableStore, text: str) -> None:
        commit = self.publish(written, 1)
        [key] = [info.key for info in store.list("") if "/_commits/" in info.key]
        store.put(key.replace("001.json", "004.json"), text.encode())
        with pytest.raises(StoreError, match=r"000000000004\.json"):
            written.latest(ASSET, PARTITION, MODE)
        store.delete(key.replace("001.json", "004.json"))
        store.put(key.replace("001.json", "notes.txt"), b"left by a person")
        assert written.latest(ASSET, PARTITION, MODE) == commit
