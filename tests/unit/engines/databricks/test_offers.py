"""What the engine offers: machines by what the job needs and by price, pools and clusters as they are, serverless."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from engineshed.engines.databricks.shape import Shape, memory_for_spark_gib
from engineshed.model.job import SparkJob
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.model.resources import Resources
from engineshed.ports.prices import InstanceType

Ask = Callable[..., list[Offer | Rejection]]

NEW: Mapping[str, Any] = {"kind": "new_cluster", "runtime": "16.4"}
SERVERLESS: Mapping[str, Any] = {"kind": "serverless", "environment_version": "4"}
JOB = SparkJob(
    name="edges",
    script="edges.py",
    resources=Resources(driver_cores=2, driver_memory_gib=2, executors=6, executor_cores=2, executor_memory_gib=4),
)


def names(answers: list[Offer | Rejection]) -> list[str]:
    return [answer.name for answer in answers if isinstance(answer, Offer)]


def only(answers: list[Offer | Rejection]) -> Offer:
    (offer,) = answers
    assert isinstance(offer, Offer), offer
    return offer


def rejection(answers: list[Offer | Rejection]) -> Rejection:
    (answer,) = answers
    assert isinstance(answer, Rejection), answer
    return answer


def test_the_cheapest_machines_of_each_market_come_first(ask: Ask) -> None:
    answers = ask(NEW | {"most_offers": 2})
    assert names(answers) == [
        "1 + 3 x m6i.xlarge spot",
        "1 + 3 x m6id.xlarge spot",
        "1 + 3 x m6i.xlarge on_demand",
        "1 + 3 x m6id.xlarge on_demand",
    ]


def test_a_machine_is_worth_as_many_executors_as_it_holds(ask: Ask) -> None:
    """16 cores and 46 GiB for Spark hold eight executors of 2 cores and 4 GiB."""
    offer = only(ask(NEW | {"node_types": ["m6i.4xlarge"], "markets": ["on_demand"]}))
    assert offer.name == "1 + 1 x m6i.4xlarge on_demand"
    assert offer.resources.executors == 1
    assert offer.resources.executor_cores == 16
    assert offer.resources.executor_memory_gib == pytest.approx(45.9)


def test_what_spark_has_of_a_machine_is_less_than_its_memory() -> None:
    large = InstanceType(name="x", vcpus=4, memory_bytes=16 * 2**30, architecture="x86_64")
    assert memory_for_spark_gib(large) == pytest.approx((16 * 0.97 - 4800 / 1024) * 0.8)


def test_the_price_is_of_machines_disks_and_units(ask: Ask) -> None:
    offer = only(ask(NEW | {"node_types": ["m6i.xlarge"], "markets": ["spot"]}))
    assert offer.rates is not None
    assert offer.rates.compute_usd_per_hour == Decimal("0.2") + 3 * Decimal("0.06")
    assert offer.rates.storage_usd_per_hour == 4 * (180 + 100) * Decimal("0.0001")
    assert offer.rates.surcharge_usd_per_hour == 4 * Decimal("0.7") * Decimal("0.15")
    assert offer.spot


def test_photon_has_its_own_units(ask: Ask) -> None:
    plain = only(ask(NEW | {"node_types": ["m6i.xlarge"], "markets": ["on_demand"]}))
    photon = only(ask(NEW | {"node_types": ["m6i.xlarge"], "markets": ["on_demand"], "photon": True}))
    assert photon.name == "1 + 3 x m6i.xlarge on_demand photon"
    assert plain.rates is not None
    assert photon.rates is not None
    assert photon.rates.surcharge_usd_per_hour == 2 * plain.rates.surcharge_usd_per_hour


def test_a_machine_with_disks_of_its_own_gets_no_volume(ask: Ask) -> None:
    offer = only(ask(NEW | {"node_types": ["m6id.xlarge"], "markets": ["on_demand"]}))
    assert Shape.from_json(offer.shape).disk_gib == 0
    hungry = replace(JOB, resources=replace(JOB.resources, disk_gib=400))
    offer = only(ask(NEW | {"node_types": ["m6id.xlarge"], "markets": ["on_demand"]}, job=hungry))
    assert Shape.from_json(offer.shape).disk_gib == 400


def test_a_job_without_executors_is_one_machine_and_never_spot(ask: Ask) -> None:
    alone = replace(JOB, resources=Resources(driver_cores=2, driver_memory_gib=2, executors=0))
    assert names(ask(NEW, job=alone)) == ["m6i.large on_demand", "m6i.xlarge on_demand", "m6id.xlarge on_demand"]


def test_a_driver_too_large_for_the_workers_machine_gets_another(ask: Ask) -> None:
    heavy = replace(JOB, resources=replace(JOB.resources, driver_memory_gib=20.0))
    offer = ask(NEW | {"markets": ["on_demand"], "most_offers": 1}, job=heavy)
    assert names(offer) == ["m6i.4xlarge + 3 x m6i.xlarge on_demand"]


def test_autoscale_is_priced_at_its_largest(ask: Ask) -> None:
    offer = only(
        ask(
            NEW | {"node_types": ["m6i.xlarge"], "markets": ["on_demand"], "autoscale": {"min": 2, "max": 10}},
        )
    )
    assert offer.name == "1 + 2..10 x m6i.xlarge on_demand"
    assert offer.rates is not None
    assert offer.rates.compute_usd_per_hour == 11 * Decimal("0.2")


def test_another_architecture_is_another_choice(ask: Ask) -> None:
    assert names(ask(NEW | {"architecture": "arm64", "markets": ["on_demand"]})) == ["1 + 3 x m7g.xlarge on_demand"]


def test_an_unknown_price_leaves_the_offer_without_rates(ask: Ask, small_book: Any) -> None:
    book = type(small_book)(missing="ec2:m6i.xlarge")
    assert only(ask(NEW | {"node_types": ["m6i.xlarge"], "markets": ["spot"]}, book=book)).rates is None


def test_what_fits_nowhere_is_turned_down_with_what_was_asked(ask: Ask) -> None:
    giant = replace(JOB, resources=replace(JOB.resources, executor_memory_gib=400.0))
    answer = rejection(ask(NEW, job=giant))
    assert answer.code == "does_not_fit"
    assert "400 GiB" in answer.reason


def test_a_book_without_machines_says_so(ask: Ask, small_book: Any) -> None:
    answer = rejection(ask(NEW, book=type(small_book)(()), region="eu-west-9"))
    assert answer.code == "no_machines"
    assert "eu-west-9" in answer.reason


def test_a_cluster_that_the_job_states_is_offered_as_it_is(ask: Ask) -> None:
    spec = {
        "node_type_id": "m6i.4xlarge",
        "num_workers": 2,
        "runtime_engine": "PHOTON",
        "aws_attributes": {"availability": "SPOT", "first_on_demand": 2, "ebs_volume_count": 2, "ebs_volume_size": 100},
    }
    job = replace(JOB, engine_settings={"databricks": {"new_cluster": spec}})
    offer = only(ask(NEW, job=job))
    assert offer.name == "1 + 2 x m6i.4xlarge spot photon"
    assert offer.rates is not None
    assert offer.rates.compute_usd_per_hour == 2 * Decimal("0.8") + Decimal("0.24")
    assert offer.rates.storage_usd_per_hour == 3 * (180 + 200) * Decimal("0.0001")


def test_a_pool_is_what_the_workspace_says_of_it(ask: Ask) -> None:
    offer = only(ask({"kind": "pool", "runtime": "16.4", "pool": "p1", "driver_pool": "small"}))
    assert offer.name == "m6i.large + 3 x m6i.xlarge spot of pool p1"
    assert offer.cold_start_s == 90


def test_a_cluster_that_is_there_is_priced_as_one_for_all_purposes(ask: Ask) -> None:
    offer = only(ask({"kind": "existing", "runtime": "16.4", "cluster": "c1"}))
    assert offer.name == "cluster c1"
    assert offer.rates is not None
    assert offer.rates.surcharge_usd_per_hour == (4 * Decimal("1.4") + Decimal("5.6")) * Decimal("0.55")


@pytest.mark.parametrize(
    "compute",
    [{"kind": "pool", "runtime": "16.4", "pool": "gone"}, {"kind": "existing", "runtime": "16.4", "cluster": "gone"}],
)
def test_what_is_not_there_is_named(compute: Mapping[str, Any], ask: Ask) -> None:
    answer = rejection(ask(compute))
    assert answer.code == "no_answer"
    assert "gone" in answer.reason


def test_serverless_has_a_price_only_where_somebody_says_what_it_takes(ask: Ask) -> None:
    assert only(ask(SERVERLESS)).rates is None
    offer = only(ask(SERVERLESS | {"dbus_per_hour": "4"}))
    assert offer.rates is not None
    assert offer.rates.total_usd_per_hour == 4 * Decimal("0.15")
    assert "4 DBUs an hour" in offer.rates.source


def test_serverless_refuses_settings_that_it_would_not_take(ask: Ask) -> None:
    job = replace(JOB, conf={"spark.sql.shuffle.partitions": "8", "spark.executor.memoryOverhead": "1g"})
    answer = rejection(ask(SERVERLESS, job=job))
    assert answer.code == "unsupported_conf"
    assert answer.reason.endswith("and not spark.executor.memoryOverhead")


def test_a_job_may_take_some_ways_only(ask: Ask) -> None:
    job = replace(JOB, engine_settings={"databricks": {"compute": ["serverless"]}})
    assert names(ask(NEW, SERVERLESS, job=job)) == ["serverless 4 standard"]
    assert rejection(ask(NEW, job=job)).code == "not_allowed"


def test_a_stated_cold_start_is_taken(ask: Ask) -> None:
    assert only(ask(SERVERLESS, cold_start_s={"serverless": 12})).cold_start_s == 12
