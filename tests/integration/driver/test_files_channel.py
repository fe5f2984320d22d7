"""The channel `files` under the contract of every channel, spoken to by stock Pipes and by the driver's own writer."""

from __future__ import annotations

from pathlib import Path

import pytest

from engineshed.channels.files import FileChannel
from engineshed.testing.channel_contract import ChannelContract


class TestStockWriter(ChannelContract):
    @pytest.fixture
    def channel(self, tmp_path: Path) -> FileChannel:
        return FileChannel(tmp_path / "channels")


class TestDriversWriter(TestStockWriter):
    imports = "engineshed_driver"
    writer = "engineshed_driver.MessageWriter()"
    env = {"PYTHONPATH": str(Path(__file__).parents[3] / "spark" / "driver")}  # noqa: RUF012 - never changed
