"""What `doctor` says of this engine: whether the API server answers, and what it lets us do there. Changes nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from engineshed.engines.kubernetes.api import APPLICATIONS, CONFIG_MAPS, EVENTS, PODS, Api, Kind
from engineshed.engines.kubernetes.nodes import Node
from engineshed.engines.kubernetes.settings import NAME, KubernetesSettings
from engineshed.model.errors import EngineError
from engineshed.ports.engine import Check

_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"


def checks(api: Api, kind: Kind, nodes: tuple[Node, ...] | str, settings: KubernetesSettings) -> Sequence[Check]:
    """All findings; one alone where the API server does not answer."""
    try:
        version = api.get("/version")["gitVersion"]
        found = [Check("API server", True, f"Kubernetes {version}, namespace {api.namespace}")]
        found += _rights(api, kind)
    except EngineError as error:
        return (Check("API server", False, str(error), f"look at KUBECONFIG or engines.{NAME}.kubeconfig"),)
    if isinstance(nodes, str):
        stated = bool(settings.nodes)
        remedy = "" if stated else f"state node classes in engines.{NAME}.nodes"
        found.append(Check("nodes", stated, nodes if not stated else "as stated in the settings", remedy))
    else:
        found.append(Check("nodes", True, f"{len(nodes)} known"))
    return found


def _rights(api: Api, kind: Kind) -> Iterator[Check]:
    asked = [
        *((kind, "", verb) for verb in ("create", "get", "list", "patch")),
        (PODS, "", "list"),
        (PODS, "log", "get"),
        (EVENTS, "", "list"),
        (CONFIG_MAPS, "", "create"),
    ]
    missing = [
        f"{verb} {where.plural}{part and '/' + part}" for where, part, verb in asked if not _may(api, where, part, verb)
    ]
    fact = f"the account may not {', '.join(missing)}" if missing else "all rights that a launch needs are there"
    yield Check("rights", not missing, fact, "install the code location's chart, which grants them" if missing else "")
    if kind is APPLICATIONS:
        try:
            api.get(kind.path)
        except EngineError as error:
            yield Check("Spark operator", False, str(error), "install it, or set operator.enabled to false")
        else:
            yield Check("Spark operator", True, "its API is there")


def _may(api: Api, kind: Kind, part: str, verb: str) -> bool:
    group = kind.path.split("/")[2] if kind.path.startswith("/apis/") else ""
    attributes = {
        "namespace": api.namespace,
        "verb": verb,
        "group": group,
        "resource": kind.plural,
        **({"subresource": part} if part else {}),
    }
    review = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": attributes},
    }
    return bool(api.create(_REVIEWS, review)["status"]["allowed"])
