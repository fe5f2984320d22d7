"""A fifth engine, installed from elsewhere: one module and its entry point, and not a line changed in engineshed."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest

from engineshed import Engineshed, SampleInput, SparkJob, has_rows, spark_asset
from engineshed.channels.files import build as build_files_channel
from engineshed.model.errors import SettingInvalid
from engineshed.model.job import Mode
from engineshed.ports.engine import Surroundings
from engineshed.processes.leftovers import carrying
from engineshed.running.roster import ENGINES, build_roster, installed
from engineshed.running.system_clock import SystemClock
from engineshed.storage.datasets import Datasets
from engineshed.storage.objects import open_store
from engineshed.testing.bench import Bench
from engineshed.testing.contract import EngineContract

DRIVER = Path(__file__).parents[2] / "spark" / "driver" / "engineshed_driver.py"

MODULE = '''
"""Engine `abacus`: plain Python on this machine, for jobs that need no Spark."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from engineshed.model.errors import SettingInvalid
from engineshed.model.job import SparkJob
from engineshed.model.money import Rates
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.ports.engine import Capabilities, Check
from engineshed.processes.engine import ProcessEngine
from engineshed.processes.settings import ProcessSettings


class Beads:
    name = "abacus"
    extra = "abacus"
    requirements = ("dagster-pipes",)
    cold_start_s = 0.5

    def memory_gib(self, job):
        return 0.25

    def shape(self):
        return {"beads": 10}

    def session(self, work, scratch):
        return {"kind": "sail", "conf": dict(work.job.conf)}

    def env(self, work):
        return {"ABACUS_BEADS": str(work.offer.shape["beads"])}

    def checks(self):
        return (Check("beads", True, "ten on each wire"),)


def build(settings: Mapping[str, Any], surroundings):
    unknown = sorted(set(settings) - {"usd_per_hour"})
    if unknown:
        raise SettingInvalid(f"engines.abacus.{unknown[0]}: unknown key; allowed here: usd_per_hour")
    price = Decimal(str(settings.get("usd_per_hour", "36")))
    return ProcessEngine(Beads(), ProcessSettings(usd_per_hour=price), surroundings)
'''

PAYLOAD = """
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from dagster_pipes import open_dagster_pipes

with open_dagster_pipes() as pipes:
    job = pipes.get_extra("engineshed")
    for prefix in job["outputs"].values():
        folder = Path(prefix, "sums")
        folder.mkdir(parents=True)
        pq.write_table(pa.table({"beads": [int(os.environ["ABACUS_BEADS"])]}), folder / "part-0.parquet")
    pipes.report_custom_message({"engineshed/report": {"wires": 13}})
    pipes.report_custom_message({"engineshed/seal": {"tables": {}}})
"""


@pytest.fixture
def abacus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The distribution, importable here and in every process started from here."""
    site = tmp_path / "site"
    information = site / "abacus_engine-1.0.dist-info"
    information.mkdir(parents=True)
    (site / "abacus_engine.py").write_text(MODULE)
    (information / "METADATA").write_text("Metadata-Version: 2.1\nName: abacus-engine\nVersion: 1.0\n")
    (information / "entry_points.txt").write_text(f"[{ENGINES}]\nabacus = abacus_engine:build\n")
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")])))
    yield site
    sys.modules.pop("abacus_engine", None)
    tokens = [path.name for path in tmp_path.glob("home/runs/*/*")]
    assert {token: carrying(token) for token in tokens if carrying(token)} == {}


@pytest.mark.usefixtures("abacus")
class TestAbacus(EngineContract):
    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        surroundings = Surroundings(home=str(tmp_path / "home"), python=sys.executable, clock=SystemClock())
        channel = build_files_channel({}, surroundings)
        return Bench(builder="abacus_engine:build", channel=channel, folder=tmp_path, driver=DRIVER)


@pytest.mark.usefixtures("abacus")
def test_it_goes_the_whole_route_from_plan_to_metadata(tmp_path: Path) -> None:
    result = _materialised(tmp_path, {"objective": {"prefer": ["abacus"]}})
    (materialisation,) = result.asset_materializations_for_node("sums")
    metadata = {name: value.value for name, value in materialisation.metadata.items()}
    assert metadata["engineshed/engine"] == "abacus"
    assert metadata["wires"] == 13
    assert metadata["rows/sums"] == 1
    assert metadata["engineshed/cost_usd"] == pytest.approx(metadata["engineshed/seconds"] / 100, abs=1e-3)
    assert "| **chosen** | abacus |" in metadata["engineshed/plan"]
    assert "link/driver output" in metadata
    datasets = Datasets(open_store(str(tmp_path / "home" / "data"), {}), SystemClock())
    commit = datasets.latest("sums", None, Mode.SAMPLE)
    assert commit is not None
    assert datasets.read(commit, "sums").to_pylist() == [{"beads": 10}]
    assert commit.provenance["engine"] == "abacus"


@pytest.mark.usefixtures("abacus")
def test_a_run_may_pin_it_and_its_own_settings_are_its_own_to_check(tmp_path: Path) -> None:
    pinned = {"engineshed/engine": "abacus"}
    result = _materialised(tmp_path, {"engines": {"abacus": {"usd_per_hour": 0}}}, tags=pinned)
    (materialisation,) = result.asset_materializations_for_node("sums")
    assert materialisation.metadata["engineshed/engine"].value == "abacus"
    surroundings = Surroundings(home=str(tmp_path), python=sys.executable, clock=SystemClock())
    with pytest.raises(SettingInvalid, match=r"engines\.abacus\.wires: unknown key"):
        build_roster({"abacus": {"wires": 3}}, {}, surroundings)


def test_without_its_distribution_it_is_not_there() -> None:
    assert "abacus" not in installed(ENGINES)


def test_nothing_else_in_the_repository_knows_it(repository) -> None:
    knowing = [path for path, text in repository.texts() if "abacus" in text.lower()]
    assert [path for path in knowing if path != "tests/architecture/test_fifth_engine.py"] == []


def _materialised(
    folder: Path, settings: dict[str, object], tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    script = folder / "sums.py"
    script.write_text(PAYLOAD)
    location = folder / "location.yaml"
    location.write_text(json.dumps({"team": "tests", "code_location": "tests", "home": "home", **settings}))
    job = SparkJob(name="sums", script=str(script), tables=("sums",), sample=SampleInput())
    asset = spark_asset("sums", job, team="tests", checks=[has_rows("sums")])
    resources = {"engineshed": Engineshed(location_file=str(location))}
    return dg.materialize([asset], resources=resources, tags=tags, instance=dg.DagsterInstance.ephemeral())
