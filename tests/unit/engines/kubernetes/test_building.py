"""Building the engine looks for no cluster: a location's definitions load anywhere."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from engineshed.engines.kubernetes import build, check_block
from engineshed.engines.kubernetes.settings import KubernetesSettings
from engineshed.model.errors import ExtraMissing, SettingInvalid
from engineshed.model.job import SparkJob
from engineshed.model.plan import Rejection
from engineshed.ports.engine import Surroundings
from engineshed.ports.prices import InstanceType, Price, PriceUnknown
from engineshed.processes.settings import checked
from engineshed.testing.clock import VirtualClock

JOB = SparkJob(name="edges", script="edges.py")


class NoBook:
    def price(self, item: str, market: str = "", region: str = "") -> Price:
        raise PriceUnknown(item)

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        return ()


@pytest.fixture
def surroundings(tmp_path: Path) -> Surroundings:
    return Surroundings(home=str(tmp_path), python="python", clock=VirtualClock())


def test_without_a_cluster_it_makes_no_offer_and_says_why(surroundings: Surroundings, tmp_path: Path) -> None:
    engine = build({"image": "spark", "kubeconfig": str(tmp_path / "none")}, surroundings)
    (answer,) = engine.offers(JOB, NoBook())
    assert isinstance(answer, Rejection)
    assert answer.code == "no_cluster"
    assert "kubeconfig" in answer.reason
    (check,) = engine.doctor()
    assert not check.ok
    assert check.remedy


def test_without_an_exchange_the_pods_log_carries_messages(surroundings: Surroundings) -> None:
    capabilities = build({"image": "spark"}, surroundings).capabilities
    assert (capabilities.transports, capabilities.beyond_machine) == (("pod_logs",), True)


def test_settings_show_the_names_of_variables_alone(surroundings: Surroundings) -> None:
    shown = build({"image": "spark", "env": {"KEY": "no secret, but long"}}, surroundings).settings()
    assert shown["env"] == ["KEY"]


def test_without_an_image_it_is_not_built(surroundings: Surroundings) -> None:
    with pytest.raises(SettingInvalid, match=r"engines\.kubernetes\.image"):
        build({}, surroundings)


def test_without_the_client_the_extra_is_named(surroundings: Surroundings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "kubernetes"]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("api", "engine"):
        monkeypatch.delitem(sys.modules, f"engineshed.engines.kubernetes.{name}", raising=False)
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    with pytest.raises(ExtraMissing, match=r"engineshed\[kubernetes\]"):
        build({"image": "spark"}, surroundings)


@pytest.mark.parametrize(
    ("block", "said"),
    [
        ({"executers": 2}, r"engine_settings.kubernetes.executers does not exist"),
        ({"executors": -1}, r"engine_settings.kubernetes.executors is -1"),
        ({"dynamic_allocation": {"min": 3, "max": 1}}, r"min 3 is above max 1"),
    ],
)
def test_a_wrong_block_of_a_job_is_refused_by_its_key(block: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingInvalid, match=said):
        check_block(block)


def test_endless_numbers_are_no_settings() -> None:
    with pytest.raises(SettingInvalid, match="grace_s"):
        checked(KubernetesSettings, {"image": "spark", "grace_s": float("inf")}, "engines.kubernetes")
