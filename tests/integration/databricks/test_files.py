"""Volumes, DBFS and workspace files of the double, through the real SDK and past it."""

from __future__ import annotations

import base64
import io

import pytest
from databricks.sdk.errors import (
    DatabricksError,
    NotFound,
    ResourceAlreadyExists,
    ResourceConflict,
    ResourceDoesNotExist,
)
from databricks.sdk.service.workspace import ImportFormat, ObjectType
from tests.integration.databricks.clients import VOLUME, Workspace, open_workspace

from engineshed.testing.databricks import DatabricksDouble, Limits

HOME = "/Workspace/Users/double@example.com"


def test_a_file_of_a_volume_is_written_read_and_deleted(workspace: Workspace) -> None:
    files, path = workspace.client.files, f"{VOLUME}/a b/straße#1.txt"
    files.upload(path, io.BytesIO(b"first"))
    with pytest.raises(ResourceConflict):
        files.upload(path, io.BytesIO(b"second"))
    files.upload(path, io.BytesIO(b"second"), overwrite=True)
    download = files.download(path)
    assert download.contents is not None
    assert download.contents.read() == b"second"
    assert files.get_metadata(path).content_length == 6
    assert workspace.double.local(path).read_bytes() == b"second"
    files.delete(path)
    for ask in (files.get_metadata, files.download, files.delete):
        with pytest.raises(NotFound):
            ask(path)


def test_a_range_gives_those_bytes(workspace: Workspace) -> None:
    url = f"/api/2.0/fs/files{VOLUME}/numbers"
    assert workspace.call("PUT", url, data=b"0123456789").status_code == 204
    for wanted, found in (("bytes=0-3", b"0123"), ("bytes=7-", b"789"), ("bytes=-2", b"89"), ("bytes=8-99", b"89")):
        answer = workspace.call("GET", url, headers={"Range": wanted})
        assert (answer.status_code, answer.content) == (206, found)
    assert workspace.call("GET", url, headers={"Range": "bytes=4-5"}).headers["Content-Range"] == "bytes 4-5/10"
    assert workspace.call("GET", url, headers={"Range": "bytes=10-"}).status_code == 416
    assert (
        workspace.call("GET", url, headers={"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}).status_code == 412
    )
    head = workspace.call("HEAD", url)
    assert (head.status_code, head.headers["Content-Length"], head.content) == (200, "10", b"")


def test_a_stream_of_unknown_length_arrives_whole(workspace: Workspace) -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

    data = bytes(range(256)) * 50_000
    workspace.client.config.files_ext_multipart_upload_min_stream_size = 1_000_000
    workspace.client.files.upload(f"{VOLUME}/stream", Pipe(data))
    assert workspace.double.local(f"{VOLUME}/stream").read_bytes() == data


def test_a_directory_is_listed_in_pages() -> None:
    with DatabricksDouble(limits=Limits(entries=3)) as double:
        workspace = open_workspace(double)
        files = workspace.client.files
        files.create_directory(f"{VOLUME}/many/inner")
        files.create_directory(f"{VOLUME}/many/inner")
        for number in range(10):
            files.upload(f"{VOLUME}/many/{number}", io.BytesIO(b"x" * number))
        entries = list(files.list_directory_contents(f"{VOLUME}/many"))
        assert [entry.name for entry in entries] == [*map(str, range(10)), "inner"]
        assert (entries[4].file_size, entries[4].is_directory, entries[-1].is_directory) == (4, False, True)
        assert len(workspace.call("GET", f"/api/2.0/fs/directories{VOLUME}/many").json()["contents"]) == 3
        with pytest.raises(DatabricksError, match="not empty"):
            files.delete_directory(f"{VOLUME}/many")
        files.delete_directory(f"{VOLUME}/many/inner")
        with pytest.raises(NotFound):
            files.get_directory_metadata(f"{VOLUME}/many/inner")


def test_a_volume_must_be_there_and_nothing_leads_out_of_it(workspace: Workspace) -> None:
    with pytest.raises(NotFound, match=r"Volume 'main\.default\.other'"):
        workspace.client.files.upload("/Volumes/main/default/other/x", io.BytesIO(b""))
    for wrong in ("/Volumes/main", "/tmp/x", f"{VOLUME}/%2e%2e/%2e%2e/%2e%2e/x"):
        assert workspace.call("PUT", f"/api/2.0/fs/files{wrong}", data=b"").status_code == 400


def test_dbfs_reads_half_a_megabyte_unless_asked_and_a_whole_one_at_most(workspace: Workspace) -> None:
    dbfs, data = workspace.client.dbfs, bytes(range(256)) * 5000
    with dbfs.open("/messages", write=True, overwrite=True) as file:
        file.write(data)
    answer = workspace.call("GET", "/api/2.0/dbfs/read?path=/messages").json()
    assert answer["bytes_read"] == 524_288
    assert base64.b64decode(answer["data"]) == data[:524_288]
    answer = workspace.call("GET", "/api/2.0/dbfs/read?path=/messages&offset=1200000&length=1048576").json()
    assert base64.b64decode(answer["data"]) == data[1_200_000:]
    too_much = workspace.call("GET", "/api/2.0/dbfs/read?path=/messages&length=1048577").json()
    assert too_much["error_code"] == "MAX_READ_SIZE_EXCEEDED"
    with dbfs.open("/messages", read=True) as file:
        assert file.read() == data
    assert workspace.double.local("/dbfs/messages").read_bytes() == data


def test_dbfs_takes_a_megabyte_at_once(workspace: Workspace) -> None:
    def put(size: int, **more: object) -> str:
        body = {"path": "/block", "contents": base64.b64encode(b"x" * size).decode(), **more}
        return str(workspace.call("POST", "/api/2.0/dbfs/put", body).json().get("error_code"))

    assert put(1_048_577) == "MAX_BLOCK_SIZE_EXCEEDED"
    assert put(1_048_576) == "None"
    assert put(1) == "RESOURCE_ALREADY_EXISTS"
    assert put(1, overwrite=True) == "None"
    assert workspace.call("POST", "/api/2.0/dbfs/add-block", {"handle": 99, "data": ""}).status_code == 404
    assert [entry.path for entry in workspace.client.dbfs.list("/")] == ["/block"]
    with pytest.raises(ResourceDoesNotExist):
        workspace.client.dbfs.get_status("/gone")
    workspace.client.dbfs.mkdirs("/folder/inner")
    refused = workspace.call("POST", "/api/2.0/dbfs/delete", {"path": "/folder"})
    assert refused.json()["error_code"] == "IO_ERROR"
    workspace.client.dbfs.delete("/folder", recursive=True)
    workspace.client.dbfs.delete("/gone")
    assert not workspace.client.dbfs.exists("/folder")


def test_a_new_account_has_no_dbfs() -> None:
    with DatabricksDouble(limits=Limits(dbfs=False)) as double:
        workspace = open_workspace(double)
        answer = workspace.call("GET", "/api/2.0/dbfs/list?path=/")
        assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_workspace_files_and_notebooks(workspace: Workspace) -> None:
    tree, path = workspace.client.workspace, f"{HOME}/jobs/main.py"
    with pytest.raises(ResourceDoesNotExist, match="parent folder"):
        tree.upload(path, b"print(1)\n", format=ImportFormat.AUTO)
    tree.mkdirs(f"{HOME}/jobs")
    tree.upload(path, b"print(1)\n", format=ImportFormat.AUTO)
    with pytest.raises(ResourceAlreadyExists):
        tree.upload(path, b"print(2)\n", format=ImportFormat.AUTO)
    tree.upload(path, b"print(2)\n", format=ImportFormat.AUTO, overwrite=True)
    assert tree.download(path).read() == b"print(2)\n"
    assert tree.get_status(path.removeprefix("/Workspace")).object_type is ObjectType.FILE
    exported = tree.export(path).content
    assert exported is not None
    assert base64.b64decode(exported) == b"print(2)\n"
    tree.upload(f"{HOME}/jobs/note.py", b"# Databricks notebook source\n", format=ImportFormat.AUTO)
    assert {o.path: o.object_type for o in tree.list(f"{HOME}/jobs")} == {
        path: ObjectType.FILE,
        f"{HOME}/jobs/note": ObjectType.NOTEBOOK,
    }
    with pytest.raises(DatabricksError, match="not empty"):
        tree.delete(f"{HOME}/jobs")
    tree.delete(f"{HOME}/jobs", recursive=True)
    with pytest.raises(ResourceDoesNotExist):
        tree.get_status(path)


def test_a_workspace_file_has_at_most_ten_megabytes(workspace: Workspace) -> None:
    with pytest.raises(DatabricksError, match="exceeded max size"):
        workspace.client.workspace.upload(f"{HOME}/x.py", b"#" * (10 * 1024 * 1024 + 1), format=ImportFormat.RAW)
