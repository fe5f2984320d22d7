"""The object store on a volume, over the Files API as the real SDK speaks it."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from object_store_behaviour import ObjectStoreBehaviour, keys
from pyarrow.fs import FileSelector, FileType

from engineshed.model.errors import ObjectMissing, SettingInvalid, StoreBusy, StoreDenied, StoreError
from engineshed.storage.objects import TableStore, open_store
from engineshed.storage.objects.volumes import VolumeStore, checked_root
from engineshed.testing.databricks import CallFault, CallTrouble, DatabricksDouble, Faults
from engineshed.workspace import Files, Login, Workspace

PATH = "/Volumes/main/web_graph/exchange"


@pytest.fixture
def store(root: str) -> TableStore:
    return open_store(root, {})


@pytest.fixture
def in_trouble(double: DatabricksDouble) -> Iterator[Callable[..., None]]:
    """What goes wrong from now on; nothing does after the test."""
    yield lambda *faults: double.plan(Faults(calls=faults))
    double.plan(Faults())


class TestVolumeStore(ObjectStoreBehaviour):
    pass


@pytest.mark.parametrize("spelt", [PATH, f"{PATH}/some/prefix/", f"dbfs:{PATH}/some"])
def test_a_root_may_be_spelt_as_databricks_does(spelt: str) -> None:
    assert checked_root(spelt) == spelt.removeprefix("dbfs:").rstrip("/")


@pytest.mark.parametrize("spelt", ["/Volumes/main", "/Volumes/main/x", "/Volumes/a/b/../c/d", "/volumes/a/b/c", ""])
def test_a_root_outside_of_any_volume_is_refused(spelt: str) -> None:
    with pytest.raises(SettingInvalid, match="no place in a volume"):
        checked_root(spelt)


def test_a_folder_of_this_machine_may_be_called_volumes_too(tmp_path: Path) -> None:
    store = open_store(f"file://{tmp_path}/Volumes/a/b/c", {})
    store.put("k", b"1")
    assert (tmp_path / "Volumes/a/b/c/k").read_bytes() == b"1"


def test_drivers_find_the_file_under_the_same_path(double: DatabricksDouble, store: TableStore) -> None:
    store.put("a/b.json", b"1")
    assert double.platform.storage.local(store.uri("a/b.json")).read_bytes() == b"1"


def test_a_volume_that_is_not_there_is_said(double: DatabricksDouble) -> None:
    nowhere = open_store("/Volumes/main/web_graph/nowhere/x", {})
    with pytest.raises(StoreError, match=r"main\.web_graph\.nowhere"):
        nowhere.put("k", b"1")


def test_lists_go_over_pages_and_folders(double: DatabricksDouble, store: TableStore) -> None:
    written = [f"many/{number % 7}/{number:03}" for number in range(60)]
    for key in written:
        store.put(key, b"")
    before = double.platform.limits
    double.platform.limits = type(before)(entries=4)
    try:
        assert keys(store, "many/") == sorted(written)
    finally:
        double.platform.limits = before


def test_a_list_leaves_out_folders_that_lie_before_its_start(double: DatabricksDouble, store: TableStore) -> None:
    for key in ("m/01/a", "m/02/a", "m/03/a"):
        store.put(key, b"1")
    before = len(double.asked)
    assert [found.key for found in store.list("m/", after="m/02/z")] == ["m/03/a"]
    listed = [asked.path for asked in double.asked[before:]]
    assert not any(path.endswith("/m/01") for path in listed)


def test_throttled_writes_are_tried_again_and_reads_are_not(
    root: str, double: DatabricksDouble, in_trouble: Callable[..., None]
) -> None:
    waited: list[float] = []
    store = VolumeStore(root, Files(Workspace(Login())), pause=waited.append)
    in_trouble(CallFault(trouble=CallTrouble.THROTTLED, on="PUT .*fs/files", times=2))
    store.put("k", b"1")
    assert waited == [0.5, 1.0]
    in_trouble(CallFault(trouble=CallTrouble.UNAVAILABLE, on="GET .*fs/files", times=1))
    with pytest.raises(StoreBusy) as caught:
        store.get("k")
    assert caught.value.transient
    assert store.get("k") == b"1"


def test_writes_are_given_up_after_a_while(root: str, in_trouble: Callable[..., None]) -> None:
    store = VolumeStore(root, Files(Workspace(Login())), pause=lambda seconds: None)
    in_trouble(CallFault(trouble=CallTrouble.THROTTLED, on="PUT .*fs/files", times=0))
    with pytest.raises(StoreBusy):
        store.put_if_absent("k", b"1")


def test_a_write_whose_reply_was_lost_is_there_once(root: str, in_trouble: Callable[..., None]) -> None:
    store = VolumeStore(root, Files(Workspace(Login())), pause=lambda seconds: None)
    in_trouble(CallFault(trouble=CallTrouble.LOST_REPLY, on="PUT .*fs/files", times=1))
    assert store.put_if_absent("k", b"1") is False
    assert store.get("k") == b"1"


def test_a_right_that_is_missing_is_told_at_once(store: TableStore, in_trouble: Callable[..., None]) -> None:
    in_trouble(CallFault(trouble=CallTrouble.DENIED, on="fs/", times=0))
    for use in (lambda: store.get("k"), lambda: store.put("k", b"1"), lambda: keys(store)):
        with pytest.raises(StoreDenied, match="READ VOLUME and WRITE VOLUME"):
            use()


def test_pyarrow_reads_tables_there(store: TableStore) -> None:
    table = pa.table({"a": list(range(10_000)), "b": ["x" * 50] * 10_000})
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=1000)
    store.put("t/part=1/f.parquet", buffer.getvalue())
    store.put("t/part=2/f.parquet", buffer.getvalue())
    filesystem = store.filesystem()
    assert ds.dataset("t", filesystem=filesystem, format="parquet").count_rows() == 20_000
    with filesystem.open_input_file("t/part=1/f.parquet") as file:
        assert pq.ParquetFile(file).read(columns=["a"]).column("a").to_pylist() == list(range(10_000))


def test_pyarrow_sees_folders_and_what_is_missing(store: TableStore) -> None:
    store.put("t/a/f", b"12")
    store.put("t/g", b"1")
    filesystem = store.filesystem()
    found = {info.path: info.type for info in filesystem.get_file_info(["t", "t/g", "t/nothing"])}
    assert found == {"t": FileType.Directory, "t/g": FileType.File, "t/nothing": FileType.NotFound}
    below = filesystem.get_file_info(FileSelector("t", recursive=True))
    assert {(info.path, info.size) for info in below if info.type is FileType.File} == {("t/a/f", 2), ("t/g", 1)}
    assert {info.path for info in filesystem.get_file_info(FileSelector("t"))} == {"t/a", "t/g"}
    with pytest.raises(FileNotFoundError):
        filesystem.get_file_info(FileSelector("nowhere"))
    with pytest.raises(FileNotFoundError):
        filesystem.open_input_file("t/nothing")
    with pytest.raises(OSError, match="read-only"):
        filesystem.delete_file("t/g")


def test_a_range_is_read_by_range(double: DatabricksDouble, root: str) -> None:
    store = VolumeStore(root, Files(Workspace(Login())))
    store.put("k", bytes(range(100)))
    assert store.read("k", 10, 5) == bytes(range(10, 15))
    assert store.read("k", 98, 50) == bytes((98, 99))
    assert {asked.status for asked in double.asked[-2:]} == {206}
    with pytest.raises(ObjectMissing):
        store.read("nothing", 0, 1)
