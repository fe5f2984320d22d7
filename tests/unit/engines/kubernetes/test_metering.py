"""Pod seconds: nothing that was seen is lost, whatever became of its pod."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from engineshed.engines.kubernetes import metering
from engineshed.engines.kubernetes.metering import recorded, seen, usage_of
from engineshed.engines.kubernetes.pricing import cost
from engineshed.engines.kubernetes.settings import NodeClass
from engineshed.model.money import Basis
from engineshed.ports.prices import InstanceType, Price, PriceUnknown

Make = Callable[..., dict[str, Any]]

ENDED = {"terminated": {"exitCode": 0, "finishedAt": "2026-05-01T11:58:00Z"}}
SMALL = NodeClass(name="small", usd_per_hour=Decimal(2), cores=Decimal(2), memory_gib=Decimal(8))


class NoBook:
    def price(self, item: str, market: str = "", region: str = "") -> Price:
        raise PriceUnknown(item)

    def instances(self, platform: str, region: str = "") -> Sequence[InstanceType]:
        return ()


def executor(pod: Make, name: str, **more: Any) -> dict[str, Any]:
    return pod(name=name, role="spark-executor", created="2026-05-01T11:55:00Z", cpu="1", memory="2Gi", **more)


def test_driver_and_executors_are_metered_by_their_requests(pod: Make, now: datetime) -> None:
    pods = [pod("Succeeded", state=ENDED), executor(pod, "x-1", phase="Succeeded", state=ENDED)]
    end = datetime.fromisoformat("2026-05-01T11:58:00Z")
    usage = usage_of(seen({}, pods, now=now, ended=end), now=now, ended=end)
    spans = [(i.item, i.quantity, (i.end - i.start).total_seconds()) for i in usage.intervals]
    assert spans == [
        ("pod-cpu", 0.5, 480),
        ("pod-memory-gib", 1.0, 480),
        ("pod-cpu", 1.0, 180),
        ("pod-memory-gib", 2.0, 180),
    ]
    assert usage.complete


def test_a_living_pod_is_metered_until_now_and_not_complete(pod: Make, now: datetime) -> None:
    usage = usage_of(seen({}, [pod()], now=now, ended=None), now=now, ended=None)
    assert usage.hours == pytest.approx(1 / 6)
    assert not usage.complete


def test_a_pod_that_is_gone_was_held_until_it_was_missed(pod: Make, job: Make, now: datetime) -> None:
    first = seen({}, [pod(), executor(pod, "x-1")], now=now, ended=None)
    run = job(metered=recorded(first))
    later = now + timedelta(seconds=30)
    second = seen(metering.known(run), [pod()], now=later, ended=None)
    assert datetime.fromisoformat(second["x-1"].end) == later
    assert second["es-1-a"].end == ""
    third = seen(second, [], now=later + timedelta(hours=1), ended=later)
    assert {datetime.fromisoformat(one.end) for one in third.values()} == {later}
    assert usage_of(third, now=later, ended=later).complete


def test_what_does_not_change_is_recorded_the_same(pod: Make, now: datetime) -> None:
    pods = [pod(), executor(pod, "x-1")]
    first = seen({}, pods, now=now, ended=None)
    assert seen(first, pods, now=now + timedelta(minutes=1), ended=None) == first


def test_an_evicted_pod_ends_with_its_last_condition(pod: Make, now: datetime) -> None:
    condition = {"type": "Ready", "status": "False", "lastTransitionTime": "2026-05-01T11:57:00Z"}
    held = seen({}, [pod("Failed", conditions=(condition,), reason="Evicted")], now=now, ended=None)
    assert held["es-1-a"].end == "2026-05-01T11:57:00Z"


def test_a_pod_that_no_node_took_costs_nothing(pod: Make, now: datetime) -> None:
    assert seen({}, [pod("Pending", startTime=None)], now=now, ended=None) == {}


def test_thousands_of_executors_still_fit_the_record(pod: Make, now: datetime) -> None:
    pods = [executor(pod, f"x-{number}", phase="Succeeded", state=ENDED) for number in range(3000)]
    whole = usage_of(seen({}, pods[:1400], now=now, ended=now), now=now, ended=now)
    folded = seen({}, pods, now=now, ended=now)
    assert len(recorded(folded)) < 256 * 1024
    usage = usage_of(folded, now=now, ended=now)
    core_seconds = sum(i.quantity * i.hours * 3600 for i in usage.intervals if i.item == "pod-cpu")
    assert core_seconds == pytest.approx(3000 * 180)
    assert usage.hours == whole.hours


def test_the_bill_is_hours_times_the_parts_of_a_node(pod: Make, now: datetime) -> None:
    labels = {"engineshed.dev/node-class": "small"}
    held = seen({}, [pod("Succeeded", cpu="2", memory="8Gi", labels=labels, state=ENDED)], now=now, ended=now)
    bill = cost(usage_of(held, now=now, ended=now), [SMALL], NoBook())
    assert bill.compute_usd == (Decimal(2) * 480 / 3600).quantize(Decimal("0.000001"))
    assert bill.basis is Basis.METERED


def test_a_class_that_is_no_longer_stated_has_no_price(pod: Make, now: datetime) -> None:
    held = seen({}, [pod(labels={"engineshed.dev/node-class": "gone"})], now=now, ended=None)
    with pytest.raises(PriceUnknown, match="gone"):
        cost(usage_of(held, now=now, ended=None), [SMALL], NoBook())
