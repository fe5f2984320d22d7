"""The folder of a token: who may read it, what a second prepare does, how it is configured."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest
from dagster_pipes import PipesMappingParamsLoader

from engineshed.channels.files import FileChannel, build
from engineshed.model.errors import AccessDenied, ChannelError, SettingInvalid
from engineshed.model.launch import Token
from engineshed.ports.engine import Surroundings
from engineshed.testing.clock import VirtualClock

TOKEN = Token("es-0123456789abcdef01234567")


@pytest.fixture
def channel(tmp_path: Path) -> FileChannel:
    return FileChannel(tmp_path / "channels")


@contextmanager
def as_another_user(folder: Path) -> Iterator[None]:
    """Root passes every permission, so it becomes nobody; anyone else locks the folder."""
    if os.geteuid() == 0:
        os.seteuid(65534)
        try:
            yield
        finally:
            os.seteuid(0)
    else:
        folder.chmod(0o000)
        try:
            yield
        finally:
            folder.chmod(0o700)


def surroundings(home: Path) -> Surroundings:
    return Surroundings(home=str(home), python="python", clock=VirtualClock())


def test_the_wiring_is_what_stock_loaders_read(channel, tmp_path):
    wiring = channel.prepare(TOKEN, {"run_id": "r", "extras": {}})
    loader = PipesMappingParamsLoader(wiring.env)
    folder = tmp_path / "channels" / TOKEN
    assert (wiring.channel, wiring.address) == ("files", str(folder))
    assert loader.load_messages_params() == {"path": str(folder / "messages.jsonl")}
    assert json.loads(Path(loader.load_context_params()["path"]).read_text()) == {"run_id": "r", "extras": {}}


def test_nobody_else_can_read_it(channel, tmp_path):
    before = os.umask(0)
    try:
        channel.prepare(TOKEN, {})
    finally:
        os.umask(before)
    root = tmp_path / "channels"
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (root, *root.rglob("*"))}
    assert modes == {"channels": 0o700, TOKEN: 0o700, "context.json": 0o600, "messages.jsonl": 0o600}


def test_many_preparing_at_once_agree_on_one_context(channel, tmp_path):
    with ThreadPoolExecutor(8) as pool:
        wirings = list(pool.map(lambda number: channel.prepare(TOKEN, {"who": number}), range(40)))
    assert all(wiring == wirings[0] for wiring in wirings)
    folder = tmp_path / "channels" / TOKEN
    assert sorted(path.name for path in folder.iterdir()) == ["context.json", "messages.jsonl"]
    assert json.loads((folder / "context.json").read_text())["who"] in range(40)


def test_a_reader_that_may_not_read_says_so_at_once(channel, tmp_path):
    wiring = channel.prepare(TOKEN, {})
    reader = channel.reader(wiring.address)
    with as_another_user(tmp_path / "channels"), pytest.raises(AccessDenied, match=r"messages\.jsonl is closed to us"):
        reader.poll("")


def test_a_root_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "taken").write_text("")
    with pytest.raises(ChannelError, match=str(tmp_path / "taken")):
        FileChannel(tmp_path / "taken").prepare(TOKEN, {})


@pytest.mark.parametrize("token", ["", "..", "a/b", "/a"])
def test_a_token_is_one_folder(channel, token):
    with pytest.raises(ChannelError, match="single word"):
        channel.prepare(Token(token), {})


def test_remove_leaves_what_is_not_its_own(channel):
    folder = Path(channel.prepare(TOKEN, {}).address)
    (folder / "note.txt").write_text("mine")
    channel.remove(str(folder))
    assert [path.name for path in folder.iterdir()] == ["note.txt"]


def test_it_lies_in_the_home_folder_unless_told_otherwise(tmp_path):
    home, other = tmp_path / "home", tmp_path / "other"
    assert Path(build({}, surroundings(home)).prepare(TOKEN, {}).address) == home / "channels" / TOKEN
    assert Path(build({"root": str(other)}, surroundings(home)).prepare(TOKEN, {}).address) == other / TOKEN


@pytest.mark.parametrize(
    ("settings", "fact"),
    [({"rot": "/x"}, "channels.files.rot: no such setting; allowed is root"), ({"root": "x"}, "no absolute path")],
)
def test_wrong_settings_are_named(tmp_path, settings, fact):
    with pytest.raises(SettingInvalid, match=fact):
        build(settings, surroundings(tmp_path))
