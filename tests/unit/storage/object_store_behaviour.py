"""What an object store does wherever it keeps its objects. Subclasses give the fixture `store`, empty."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import pytest

from engineshed.model.errors import ObjectMissing, StoreError
from engineshed.storage.objects import TableStore


def keys(store: TableStore, prefix: str = "") -> list[str]:
    return [info.key for info in store.list(prefix)]


class ObjectStoreBehaviour:
    def test_objects_come_back(self, store: TableStore) -> None:
        store.put("a/b/c.json", b"one")
        store.put("empty", b"")
        store.put("a/ü| =%41.json", b"odd name")
        assert store.get("a/b/c.json") == b"one"
        assert store.get("empty") == b""
        assert store.get("a/ü| =%41.json") == b"odd name"

    def test_put_replaces(self, store: TableStore) -> None:
        store.put("k", b"one")
        [before] = store.list("k")
        store.put("k", b"two!")
        [after] = store.list("k")
        assert store.get("k") == b"two!"
        assert (before.size_bytes, after.size_bytes) == (3, 4)
        assert before.etag != after.etag

    def test_an_object_says_when_it_was_written(self, store: TableStore) -> None:
        """Only roughly: it is the store's own clock. A store may say nothing."""
        store.put("k", b"one")
        [found] = store.list("k")
        assert found.modified_at is None or abs((datetime.now(UTC) - found.modified_at).total_seconds()) < 60

    def test_put_if_absent_keeps_the_first(self, store: TableStore) -> None:
        assert store.put_if_absent("x/k", b"one") is True
        assert store.put_if_absent("x/k", b"one") is False
        assert store.put_if_absent("x/k", b"two") is False
        assert store.get("x/k") == b"one"
        store.delete("x/k")
        assert store.put_if_absent("x/k", b"three") is True
        assert keys(store) == ["x/k"]

    def test_one_of_many_at_once_puts(self, store: TableStore) -> None:
        start = threading.Barrier(16)

        def put(number: int) -> bool:
            start.wait()
            return store.put_if_absent("race/commit", str(number).encode() * 1000)

        with ThreadPoolExecutor(16) as pool:
            won = list(pool.map(put, range(16)))
        assert sum(won) == 1
        assert store.get("race/commit") == str(won.index(True)).encode() * 1000
        assert keys(store) == ["race/commit"]

    def test_reader_sees_whole_objects(self, store: TableStore) -> None:
        sizes = [b"a" * 50_000, b"b" * 70_000]
        store.put("k", sizes[0])
        done = threading.Event()

        def write() -> None:
            for number in range(30):
                store.put("k", sizes[number % 2])
            done.set()

        with ThreadPoolExecutor(1) as pool:
            writing = pool.submit(write)
            while not done.is_set():
                assert store.get("k") in sizes
            writing.result()

    def test_missing_object(self, store: TableStore) -> None:
        store.put("a/b", b"1")
        for key in ("nothing", "a", "a/c", "a/b/c"):
            with pytest.raises(ObjectMissing, match=key):
                store.get(key)

    def test_delete_is_idempotent(self, store: TableStore) -> None:
        store.put("a/b", b"1")
        store.delete("a/b")
        store.delete("a/b")
        assert keys(store) == []

    def test_list_is_sorted_by_key(self, store: TableStore) -> None:
        written = ["b", "a/z/1", "a-b/1", "a/b", "a0/1", "a/b.json", "ä", "a/Z", ".hidden", "a/_x/.y"]
        for key in written:
            store.put(key, b"1")
        assert keys(store) == sorted(written)

    def test_list_takes_any_prefix(self, store: TableStore) -> None:
        for key in ("ab/1", "ab/2", "abc/1", "a/1", "b"):
            store.put(key, b"1")
        assert keys(store, "ab") == ["ab/1", "ab/2", "abc/1"]
        assert keys(store, "ab/") == ["ab/1", "ab/2"]
        assert keys(store, "ab/1") == ["ab/1"]
        assert keys(store, "nothing/here/") == []

    def test_list_begins_after_a_key(self, store: TableStore) -> None:
        for key in ("m/1", "m/2", "m/3", "m/end"):
            store.put(key, b"1")
        after = {key: [info.key for info in store.list("m/", after=key)] for key in ("m/1", "m/25", "m/end", "a")}
        assert after == {
            "m/1": ["m/2", "m/3", "m/end"],
            "m/25": ["m/3", "m/end"],
            "m/end": [],
            "a": ["m/1", "m/2", "m/3", "m/end"],
        }

    def test_a_file_arrives_whole_and_is_told_of_on_its_way(self, store: TableStore, tmp_path: Path) -> None:
        file = tmp_path / "large.bin"
        file.write_bytes(bytes(range(256)) * 40_000)
        told: list[int] = []
        store.put("k", b"before")
        store.put_file("k", file, told.append)
        assert store.get("k") == file.read_bytes()
        assert sum(told) == file.stat().st_size
        file.write_bytes(b"")
        store.put_file("empty", file)
        assert store.get("empty") == b""

    def test_an_ended_upload_leaves_what_was_there(self, store: TableStore, tmp_path: Path) -> None:
        file = tmp_path / "large.bin"
        file.write_bytes(b"x" * 20_000_000)
        store.put("k", b"before")

        def end(count: int) -> None:
            raise KeyError("enough")

        with pytest.raises(KeyError, match="enough"):
            store.put_file("k", file, end)
        assert (store.get("k"), keys(store)) == (b"before", ["k"])

    @pytest.mark.parametrize("key", ["", "/a", "a//b", "a/", "../a", "a/../b", "a/..", ".", "a/./b", "a\x00"])
    def test_unfit_key_is_refused(self, store: TableStore, key: str) -> None:
        uses: list[Callable[[], object]] = [
            lambda: store.put(key, b"1"),
            lambda: store.put_if_absent(key, b"1"),
            lambda: store.get(key),
            lambda: store.delete(key),
            lambda: store.uri(key),
        ]
        for use in uses:
            with pytest.raises(StoreError, match="is unfit"):
                use()

    @pytest.mark.parametrize("prefix", ["/", "../", "a/../b", "a//"])
    def test_unfit_prefix_is_refused(self, store: TableStore, prefix: str) -> None:
        with pytest.raises(StoreError, match="is unfit"):
            keys(store, prefix)

    def test_uri_lies_below_the_root(self, store: TableStore) -> None:
        assert store.uri("a/b c") == f"{store.root}/a/b c"
        assert not store.root.endswith("/")

    def test_pyarrow_reads_the_same_objects(self, store: TableStore) -> None:
        store.put("a/b|c=d/e.bin", b"hello")
        with store.filesystem().open_input_file("a/b|c=d/e.bin") as file:
            assert file.read() == b"hello"
