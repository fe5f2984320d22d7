"""Which ways there are to run a job on the cluster's nodes, priced. Pure.

One offer a node class of the settings, or one for all nodes where none is stated. Refuses a job of which a pod fits no
node, or all pods together not all nodes; a class without a node now counts as one that the cluster can make.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

from engineshed.engines.kubernetes.nodes import Node, fits
from engineshed.engines.kubernetes.pricing import rates
from engineshed.engines.kubernetes.settings import (
    NAME,
    DynamicAllocation,
    KubernetesBlock,
    KubernetesSettings,
    NodeClass,
)
from engineshed.engines.kubernetes.sizes import PodSize, allocation, driver_size, executor_size
from engineshed.model.errors import JobInvalid
from engineshed.model.job import SparkJob
from engineshed.model.offer import Offer
from engineshed.model.plan import Rejection
from engineshed.ports.prices import PriceBook


def offers(
    job: SparkJob, block: KubernetesBlock, settings: KubernetesSettings, nodes: tuple[Node, ...] | str, book: PriceBook
) -> Sequence[Offer | Rejection]:
    """One answer a node class. `nodes`: those of the cluster, or why they are not known."""
    if isinstance(nodes, str) and not settings.nodes:
        reason = f"{nodes}: state node classes in engines.{NAME}.nodes."
        return (Rejection(engine=NAME, code="nodes_unknown", reason=reason),)
    known = () if isinstance(nodes, str) else nodes
    try:
        classes: tuple[NodeClass | None, ...] = settings.nodes or (None,)
        return tuple(_answer(job, block, settings, known, one, book) for one in classes)
    except JobInvalid as error:
        return (Rejection(engine=NAME, code="too_small", reason=str(error)),)


def _answer(
    job: SparkJob,
    block: KubernetesBlock,
    settings: KubernetesSettings,
    nodes: tuple[Node, ...],
    node_class: NodeClass | None,
    book: PriceBook,
) -> Offer | Rejection:
    executors = allocation(job.resources, block, settings)
    least, most = (executors.min, executors.max) if isinstance(executors, DynamicAllocation) else (executors, executors)
    driver = driver_size(job.resources, settings)
    executor = executor_size(job.resources, settings) if most else driver
    name = _name(driver, executor, executors, node_class)
    match_labels = dict(node_class.match_labels) if node_class else {}
    selector = {**settings.node_selector, **block.node_selector, **match_labels}
    tolerations = (*settings.tolerations, *block.tolerations)
    usable = tuple(node for node in nodes if node.takes(selector, tolerations))
    # With none of its nodes up, a class is what the settings say that one is; a cluster may make as many as it takes.
    stated = not usable and node_class is not None
    pods = [_need(driver), *[_need(executor)] * (min(1, most) if stated else max(least, min(1, most)))]
    if stated and node_class is not None:
        as_stated = Node(name=node_class.name, cores=node_class.cores, memory_gib=node_class.memory_gib)
        room = all(fits([pod], [as_stated]) for pod in pods)
    else:
        room = fits(pods, usable)
    if not room:
        return Rejection(engine=NAME, code="does_not_fit", reason=_too_much(pods, usable, node_class), offer=name)
    cores = sum((need[0] for need in [_need(driver), *[_need(executor)] * most]), Decimal(0))
    memory_gib = sum((need[1] for need in [_need(driver), *[_need(executor)] * most]), Decimal(0))
    return Offer(
        engine=NAME,
        name=name,
        resources=replace(job.resources, executors=most),
        rates=rates(cores, memory_gib, node_class, settings.nodes, book),
        cold_start_s=settings.cold_start_s,
        shape={"node_class": node_class.name if node_class else "", "match_labels": match_labels},
    )


def _need(size: PodSize) -> tuple[Decimal, Decimal]:
    """Cores and GiB that the scheduler looks for."""
    return Decimal(size.cpu_m) / 1000, Decimal(size.memory_mib) / 1024


def _name(driver: PodSize, executor: PodSize, executors: DynamicAllocation | int, node_class: NodeClass | None) -> str:
    count = str(executors) if isinstance(executors, int) else f"{executors.min}..{executors.max}"
    text = f"{NAME}[{_shape(driver)}" + ("" if count == "0" else f" + {count} x {_shape(executor)}") + "]"
    return f"{text} on {node_class.name}" if node_class else text


def _shape(size: PodSize) -> str:
    return f"{size.cores}c{size.memory_mib / 1024:g}g"


def _too_much(pods: Sequence[tuple[Decimal, Decimal]], usable: Sequence[Node], node_class: NodeClass | None) -> str:
    where = f"node class {node_class.name}" if node_class else "the cluster"
    asked = f"{len(pods)} pods of up to {max(pods)[0]:g} cores and {max(pod[1] for pod in pods):g} GiB"
    there = ", ".join(f"{node.name} {node.cores:g} cores {float(node.memory_gib):.1f} GiB" for node in usable[:5])
    return (
        f"{where} has no room for {asked} (nodes that take them: {there or 'none'}): ask for less, or add nodes, "
        "or look at node selectors and tolerations."
    )
