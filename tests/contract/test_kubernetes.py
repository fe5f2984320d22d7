"""The contract on a real API server. Drivers share no folder with this machine: what one wrote, it tells itself."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.contract.clusters import ClusterBench, job_extras

from engineshed.model.status import State
from engineshed.testing.bench import Bench
from engineshed.testing.contract import EngineContract

_SPARK = """
import glob
import engineshed_driver
with engineshed_driver.open_job(app_name="contract") as job:
    frame = job.session.range(1000).selectExpr("id % 7 as rest").groupBy("rest").count()
    job.write("counts", frame)
    job.report({"rests": frame.count(), "files": len(glob.glob("/scratch/out/counts/*.parquet"))})
"""


@pytest.mark.needs_cluster
class TestKubernetes(EngineContract):
    @pytest.fixture
    def bench(self, on_cluster: Callable[..., ClusterBench]) -> Bench:
        return on_cluster()

    def test_a_spark_job_runs_and_seals_its_table(self, bench: Bench) -> None:
        token = bench.token()
        work = bench.work(_SPARK, token=token, extras=job_extras(token, tables=["counts"]))
        engine = bench.engine()
        launch = engine.submit(engine.render(work))
        status = bench.final(engine, launch)
        assert status.state is State.SUCCEEDED, status.failure
        payloads = [m.params["payload"] for m in bench.messages(work) if m.method == "report_custom_message"]
        assert any("engineshed/seal" in payload for payload in payloads)
        reports = [payload["engineshed/report"] for payload in payloads if "engineshed/report" in payload]
        assert reports[-1]["rests"] == 7
        assert reports[-1]["files"] >= 1
