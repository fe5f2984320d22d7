"""The object store on a folder, and the choice of a store."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

import pytest
from object_store_behaviour import ObjectStoreBehaviour, keys

from engineshed.model.errors import ExtraMissing, SettingInvalid, StoreError
from engineshed.storage.objects import LocalStore, open_store


def no_links(source: Path, target: Path) -> None:
    raise OSError(errno.EOPNOTSUPP, "no hard links here")


class TestLocalStore(ObjectStoreBehaviour):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "root")


class TestLocalStoreWithoutLinks(ObjectStoreBehaviour):
    @pytest.fixture
    def store(self, tmp_path: Path) -> LocalStore:
        return LocalStore(tmp_path / "root", link=no_links)


def test_failed_write_leaves_nothing(tmp_path: Path) -> None:
    def broken(source: Path, target: Path) -> None:
        raise OSError(errno.ENOSPC, "disk full")

    with pytest.raises(StoreError, match="disk full"):
        LocalStore(tmp_path, link=broken).put_if_absent("a", b"1")
    assert list(tmp_path.iterdir()) == []


def test_unfinished_write_of_a_dead_process_is_no_object(tmp_path: Path) -> None:
    died = {}

    def die(source: Path, target: Path) -> None:
        died["left"] = source.name
        os.link(source, tmp_path / "kept")
        raise OSError(errno.EIO, "died")

    with pytest.raises(StoreError):
        LocalStore(tmp_path, link=die).put_if_absent("a", b"1")
    (tmp_path / "kept").rename(tmp_path / died["left"])
    store = LocalStore(tmp_path)
    assert keys(store) == []
    with pytest.raises(StoreError, match="unfinished"):
        store.get(died["left"])


def test_file_in_the_way_is_said(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    store.put("a", b"1")
    with pytest.raises(StoreError, match="Check the folder"):
        store.put("a/b", b"1")


def test_folder_is_opened_by_path_and_by_uri(tmp_path: Path) -> None:
    for root in (str(tmp_path), f"file://{tmp_path}", f"{tmp_path}/"):
        assert open_store(root, {"endpoint_url": "http://ignored"}).root == str(tmp_path)


@pytest.mark.parametrize("root", ["", "gs://bucket/x", "s3://", "s3:///x"])
def test_unfit_root_is_refused(root: str) -> None:
    with pytest.raises(SettingInvalid, match="give a folder or s3://"):
        open_store(root, {})


def test_unknown_setting_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingInvalid, match=r"store\.endpiont.*endpoint_url, region"):
        open_store(str(tmp_path), {"endpiont": "http://x"})


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    monkeypatch.delitem(sys.modules, "engineshed.storage.objects.s3", raising=False)
    with pytest.raises(ExtraMissing, match=r"engineshed\[s3\]"):
        open_store("s3://bucket/prefix", {})
