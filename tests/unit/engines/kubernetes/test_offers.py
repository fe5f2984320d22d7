"""What fits the nodes, and at what price."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from engineshed.engines.kubernetes.api import Api
from engineshed.engines.kubernetes.nodes import Node, read_nodes
from engineshed.engines.kubernetes.offers import offers
from engineshed.engines.kubernetes.rendering import job_block
from engineshed.engines.kubernetes.settings import KubernetesSettings
from engineshed.model.errors import JobInvalid, SettingInvalid
from engineshed.model.job import SparkJob
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.resources import Resources
from engineshed.ports.prices import InstanceType, Price, PriceUnknown
from engineshed.processes.settings import checked

JOB = SparkJob(
    name="edges",
    script="edges.py",
    resources=Resources(driver_cores=1, driver_memory_gib=2, executors=3, executor_cores=2, executor_memory_gib=4),
)
LARGE: Mapping[str, Any] = {
    "name": "large",
    "match_labels": {"size": "large"},
    "usd_per_hour": "0.80",
    "cores": 8,
    "memory_gib": 32,
}


class Book:
    def __init__(self, **usd_per_hour: str) -> None:
        self._usd_per_hour = {item.replace("_", "-"): Decimal(usd) for item, usd in usd_per_hour.items()}

    def price(self, item: str, market: str = "", region: str = "") -> Price:
        if item not in self._usd_per_hour:
            raise PriceUnknown(f"no price of {item}")
        usd = self._usd_per_hour[item]
        return Price(item=item, market=market, usd_per_hour=usd, source="own", as_of=date(2026, 1, 2))

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        return ()


def node(name: str, cores: int, gib: int, *taints: Mapping[str, str], **labels: str) -> Node:
    return Node(name=name, cores=Decimal(cores), memory_gib=Decimal(gib), labels=labels, taints=taints)


def ask(*nodes: Node, job: SparkJob = JOB, book: Book | None = None, **settings: Any) -> list[Offer | Rejection]:
    own = KubernetesSettings(image="spark", **settings)
    return list(offers(job, job_block(job), own, nodes, book or Book()))


def test_without_node_classes_there_is_one_offer_by_the_book() -> None:
    (offer,) = ask(node("a", 8, 32), book=Book(pod_cpu="0.04", pod_memory_gib="0.005"))
    assert isinstance(offer, Offer)
    assert offer.name == "kubernetes[1c2g + 3 x 2c4g]"
    assert offer.resources == JOB.resources
    assert offer.rates is not None
    assert offer.rates.total_usd_per_hour == 7 * Decimal("0.04") + 14 * Decimal("0.005")


def test_without_a_price_the_offer_has_no_rates() -> None:
    (offer,) = ask(node("a", 8, 32))
    assert isinstance(offer, Offer)
    assert offer.rates is None


def test_pods_that_fill_a_node_cost_the_node() -> None:
    whole = Resources(driver_cores=8, driver_memory_gib=32, executors=0)
    (offer,) = ask(node("a", 8, 32, size="large"), job=replace(JOB, resources=whole), nodes=[LARGE])
    assert isinstance(offer, Offer)
    assert offer.rates is not None
    assert offer.rates.total_usd_per_hour == Decimal("0.80")
    assert offer.shape == {"node_class": "large", "match_labels": {"size": "large"}}
    assert offer.name == "kubernetes[8c32g] on large"


def test_requests_are_billed_not_limits() -> None:
    (whole,) = ask(node("a", 8, 32, size="large"), nodes=[{**LARGE, "cpu_share": 1}])
    (half,) = ask(node("a", 8, 32, size="large"), nodes=[{**LARGE, "cpu_share": 1}], cpu_request_ratio="0.5")
    assert isinstance(whole, Offer)
    assert isinstance(half, Offer)
    assert whole.rates is not None
    assert half.rates is not None
    assert half.rates.total_usd_per_hour * 2 == whole.rates.total_usd_per_hour


@pytest.mark.parametrize(
    "nodes",
    [
        (),
        (node("a", 2, 64),),
        (node("a", 64, 8),),
        (node("a", 8, 32, {"key": "gpu", "effect": "NoSchedule"}),),
        (replace(node("a", 8, 32), schedulable=False),),
    ],
)
def test_a_job_that_does_not_fit_is_turned_down(nodes: tuple[Node, ...]) -> None:
    (answer,) = ask(*nodes)
    assert isinstance(answer, Rejection)
    assert answer.code == "does_not_fit"
    assert "4 pods" in answer.reason


def test_a_toleration_opens_a_tainted_node() -> None:
    taint = {"key": "gpu", "value": "yes", "effect": "NoSchedule"}
    (answer,) = ask(node("a", 8, 32, taint), tolerations=[{"key": "gpu", "value": "yes", "effect": "NoSchedule"}])
    assert isinstance(answer, Offer)


def test_a_class_without_nodes_now_is_one_that_the_cluster_can_make() -> None:
    (answer,) = ask(node("a", 1, 1), nodes=[LARGE])
    assert isinstance(answer, Offer)
    (small,) = ask(node("a", 1, 1), nodes=[{**LARGE, "cores": 1}])
    assert isinstance(small, Rejection)


def test_dynamic_allocation_needs_room_for_one_and_is_priced_for_all() -> None:
    job = replace(JOB, engine_settings={"kubernetes": {"dynamic_allocation": {"min": 0, "max": 9}}})
    (answer,) = ask(node("a", 4, 8), job=job, book=Book(pod_cpu="1", pod_memory_gib="0"))
    assert isinstance(answer, Offer)
    assert answer.name == "kubernetes[1c2g + 0..9 x 2c4g]"
    assert answer.resources.executors == 9
    assert answer.rates is not None
    assert answer.rates.total_usd_per_hour == 19


def test_a_pod_too_small_for_spark_is_turned_down() -> None:
    (answer,) = ask(node("a", 8, 32), job=replace(JOB, resources=Resources(driver_memory_gib=0.5)))
    assert isinstance(answer, Rejection)
    assert "driver_memory_gib" in answer.reason


def test_unknown_nodes_are_a_reason_unless_classes_are_stated() -> None:
    (answer,) = offers(JOB, job_block(JOB), KubernetesSettings(image="spark"), "nobody says", Book())
    assert isinstance(answer, Rejection)
    assert "nobody says" in answer.reason
    stated = KubernetesSettings(image="spark", nodes=[LARGE])  # type: ignore[list-item]
    (offer,) = offers(JOB, job_block(JOB), stated, "nobody says", Book())
    assert isinstance(offer, Offer)


def test_nodes_come_from_the_platforms_file(tmp_path: Path) -> None:
    file = tmp_path / "cluster.json"
    plain = {
        "name": "a",
        "cpu": "1930m",
        "memory_bytes": 8 * 2**30,
        "labels": {"x": "y"},
        "taints": [],
        "schedulable": True,
    }
    file.write_text(json.dumps({"nodes": [plain], "as_of": "2026-05-01T00:00:00Z"}))
    api = Api(client.Configuration(host="http://127.0.0.1:9"), "team", 0.1)
    assert read_nodes(str(file), api) == (
        Node(name="a", cores=Decimal("1.93"), memory_gib=Decimal(8), labels={"x": "y"}),
    )
    assert "does not" in read_nodes(str(tmp_path / "none.json"), api)
    file.write_text("{}")
    assert "not readable" in read_nodes(str(file), api)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "image"),
        ({"image": "x", "imagee": "y"}, "imagee does not exist"),
        ({"image": "x", "labels": {"engineshed.dev/team": "other"}}, "engineshed.dev/team"),
        ({"image": "x", "env": {"ENGINESHED_SESSION": "y"}}, "ENGINESHED_SESSION"),
        ({"image": "x", "dynamic_allocation": {"min": 3, "max": 2}}, "above max"),
        ({"image": "x", "nodes": [LARGE, LARGE]}, "twice"),
    ],
)
def test_wrong_settings_are_refused_by_name(settings: dict[str, Any], said: str) -> None:
    with pytest.raises(SettingInvalid, match=said):
        checked(KubernetesSettings, settings, "engines.kubernetes")


def test_a_jobs_wrong_block_names_the_job() -> None:
    with pytest.raises(JobInvalid, match=r"edges.*engine_settings\.kubernetes\.executers does not exist"):
        job_block(replace(JOB, engine_settings={"kubernetes": {"executers": 1}}))
