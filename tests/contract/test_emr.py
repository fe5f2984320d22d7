"""The contract on an account of EMR that really runs its steps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.emr_accounts import DRIVER, EmrBench, SmallBook, engine_settings

from engineshed.channels.objects import ObjectChannel
from engineshed.running.system_clock import SystemClock
from engineshed.storage.objects import open_store
from engineshed.testing.bench import Bench
from engineshed.testing.contract import EngineContract
from engineshed.testing.emr import EmrDouble

pytestmark = pytest.mark.needs_java
EXCHANGE = "s3://jobs/exchange"
MakeBench = Callable[..., EmrBench]


@pytest.fixture(scope="module")
def account() -> Iterator[EmrDouble]:
    with EmrDouble(execute=True, time_scale=0.002) as double:
        double.neighbours.make_bucket("jobs")
        yield double
        assert double.bugs == []


@pytest.fixture
def on_emr(account: EmrDouble, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeBench:
    for name, value in account.environment().items():
        if name != "AWS_ENDPOINT_URL":
            monkeypatch.setenv(name, value)
    access = {"endpoint_url": account.neighbours.endpoint_url, "region": "us-east-1"}

    def make(**more: Any) -> EmrBench:
        return EmrBench(
            builder="engineshed.engines.emr:build",
            channel=ObjectChannel(open_store(EXCHANGE, access), access, SystemClock()),
            folder=tmp_path,
            settings=engine_settings(account.endpoint_url, **more),
            driver=DRIVER,
            book=SmallBook(),
            patience_s=240,
            exchange=EXCHANGE,
            exchange_access=access,
        )

    return make


class TestOnAClusterOfItsOwn(EngineContract):
    @pytest.fixture
    def bench(self, on_emr: MakeBench) -> Bench:
        return on_emr()
