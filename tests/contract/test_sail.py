from pathlib import Path

import pytest

from engineshed.ports.channel import Channel
from engineshed.testing.bench import Bench
from engineshed.testing.contract import EngineContract

DRIVER = Path(__file__).parents[2] / "spark" / "driver" / "engineshed_driver.py"


class TestSail(EngineContract):
    @pytest.fixture
    def bench(self, tmp_path: Path, channel: Channel) -> Bench:
        return Bench(builder="engineshed.engines.sail:build", channel=channel, folder=tmp_path, driver=DRIVER)
