from collections.abc import Iterator
from pathlib import Path

import pytest

from engineshed.channels.files import build as build_files_channel
from engineshed.ports.channel import Channel
from engineshed.ports.engine import Surroundings
from engineshed.processes.leftovers import carrying
from engineshed.running.system_clock import SystemClock


@pytest.fixture
def channel(tmp_path: Path) -> Channel:
    return build_files_channel({}, Surroundings(home=str(tmp_path / "home"), python="", clock=SystemClock()))


@pytest.fixture(autouse=True)
def nothing_is_left_running(tmp_path: Path) -> Iterator[None]:
    yield
    tokens = [folder.name for folder in tmp_path.glob("home/runs/*/*")]
    assert {token: carrying(token) for token in tokens if carrying(token)} == {}
