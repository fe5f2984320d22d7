"""Kubernetes objects -> code locations and findings. Pure: the same objects give the same catalogue in every pod.

Objects are plain JSON as the API server gives it, of which everything is doubted. What is wrong with one Service is a
finding about that Service and never touches another. Of two Services with one name, the namespace that claims the name
wins, else the older Service.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from engineshed.discovery import marks
from engineshed.discovery.listing import CodeLocation

Json = Mapping[str, Any]
#: Service (JSON) -> the host by which the webserver reaches it.
Addressing = Callable[[Json], str]

#: The most Services of one namespace that are looked at, the oldest first.
MOST_PER_NAMESPACE = 20

#: In the metadata of a Service as the view keeps it.
_ROLLED_OUT = "rolledOut"

#: Why a Service or a Namespace is skipped.
REASONS = (
    "invalid_team",
    "invalid_name",
    "invalid_port",
    "invalid_service_account",
    "invalid_image",
    "external_name",
    "name_claimed",
    "name_taken",
    "too_many",
)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A code location that is there; `ready` when an endpoint of it takes requests now."""

    location: CodeLocation
    ready: bool


@dataclass(frozen=True, slots=True)
class Finding:
    """Why an object is skipped: one of REASONS, and a sentence for its owner. `service` is empty for a Namespace."""

    namespace: str
    service: str
    uid: str
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Catalogue:
    """What was found: the winner of each name, and every finding."""

    sightings: Mapping[str, Sighting]
    findings: tuple[Finding, ...]


class _Refused(Exception):
    """A Service cannot be listed."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def cluster_name(service: Json) -> str:
    """`<service>.<namespace>.svc`: the name inside the cluster."""
    meta = _meta(service)
    return f"{meta.get('name')}.{meta.get('namespace')}.svc"


def cluster_ip(service: Json) -> str:
    """The Service's address, for a webserver outside the cluster; its name where it has no address of its own."""
    address = _part(service, "spec").get("clusterIP")
    return address if isinstance(address, str) and address not in ("", "None") else cluster_name(service)


def survey(
    namespaces: Iterable[Json], services: Iterable[Json], slices: Iterable[Json], addressing: Addressing = cluster_name
) -> Catalogue:
    """The catalogue of what the given objects say. Never raises on what a team can write."""
    findings: list[Finding] = []
    teams, claims = _teams(namespaces, findings)
    ready = {key for each in slices if (key := _ready_service(each))}
    by_name: dict[str, list[Sighting]] = {}
    for service in _bounded(services, findings):
        namespace, name = _key(service)
        if namespace not in teams:
            continue
        try:
            location = _location(service, teams[namespace], addressing)
            _allow(location, claims)
        except _Refused as refusal:
            findings.append(Finding(namespace, name, _uid(service), refusal.reason, str(refusal)))
            continue
        by_name.setdefault(location.name, []).append(Sighting(location, (namespace, name) in ready))
    sightings = {name: _winner(rivals, findings) for name, rivals in sorted(by_name.items())}
    return Catalogue(sightings, tuple(findings))


def _teams(namespaces: Iterable[Json], findings: list[Finding]) -> tuple[dict[str, str], dict[str, set[str]]]:
    """Namespace -> team, and name of a code location -> the namespaces that claim it."""
    teams: dict[str, str] = {}
    claims: dict[str, set[str]] = {}
    for namespace in namespaces:
        name = str(_meta(namespace).get("name"))
        team = _labels(namespace).get(marks.TEAM)
        if not marks.is_whole(marks.TEAM_NAME, team):
            message = f"label {marks.TEAM} is {_shown(team)}: lower-case letters, digits, - and _ are allowed."
            findings.append(Finding(name, "", _uid(namespace), "invalid_team", message))
            continue
        teams[name] = str(team)
        for claimed in str(_annotations(namespace).get(marks.CLAIMS, "")).split(","):
            if claimed.strip():
                claims.setdefault(claimed.strip(), set()).add(name)
    return teams, claims


def _bounded(services: Iterable[Json], findings: list[Finding]) -> Iterable[Json]:
    counts: dict[str, int] = {}
    for service in sorted(services, key=_seniority):
        namespace, name = _key(service)
        counts[namespace] = counts.get(namespace, 0) + 1
        if counts[namespace] <= MOST_PER_NAMESPACE:
            yield service
            continue
        message = f"namespace {namespace} has over {MOST_PER_NAMESPACE} code locations: remove some."
        findings.append(Finding(namespace, name, _uid(service), "too_many", message))


def _location(service: Json, team: str, addressing: Addressing) -> CodeLocation:
    meta, annotations = _meta(service), _annotations(service)
    name = _labels(service).get(marks.CODE_LOCATION)
    if not marks.is_whole(marks.LOCATION_NAME, name):
        raise _Refused(
            "invalid_name",
            f"label {marks.CODE_LOCATION} is {_shown(name)}: a letter, then at most 62 letters, digits, - and _.",
        )
    if _part(service, "spec").get("type") == "ExternalName":
        raise _Refused("external_name", "a Service of type ExternalName points out of its namespace: use ClusterIP.")
    account, image = annotations.get(marks.SERVICE_ACCOUNT), annotations.get(marks.IMAGE)
    if not marks.is_whole(marks.DNS_SUBDOMAIN, account):
        raise _Refused(
            "invalid_service_account",
            f"annotation {marks.SERVICE_ACCOUNT} is {_shown(account)}: name the account that runs start under.",
        )
    if not marks.is_whole(marks.IMAGE_REFERENCE, image):
        raise _Refused("invalid_image", f"annotation {marks.IMAGE} is {_shown(image)}: name the image of runs.")
    return CodeLocation(
        name=str(name),
        namespace=str(meta.get("namespace")),
        team=team,
        service_account=str(account),
        image=str(image),
        service=str(meta.get("name")),
        host=addressing(service),
        port=_port(service),
        uid=_uid(service),
        created=str(meta.get("creationTimestamp", "")),
        shown=_shown_facts({**annotations, _ROLLED_OUT: meta.get(_ROLLED_OUT) or None}),
    )


def _port(service: Json) -> int:
    ports = _part(service, "spec").get("ports")
    ports = [p for p in ports if isinstance(p, Mapping)] if isinstance(ports, list) else []
    named = [p for p in ports if p.get("name") == marks.GRPC_PORT_NAME] or (ports if len(ports) == 1 else [])
    number = named[0].get("port") if named else None
    if not isinstance(number, int) or isinstance(number, bool) or not 0 < number < 65536:
        raise _Refused("invalid_port", f"no port is named {marks.GRPC_PORT_NAME}, and there is not exactly one port.")
    if named[0].get("protocol", "TCP") != "TCP":
        raise _Refused("invalid_port", f"port {number} is not TCP: gRPC needs it.")
    return number


def _shown_facts(annotations: Json) -> dict[str, str]:
    """What people are shown. A value that is no printable line is left out: it decides nothing."""
    wanted = {
        "owners": marks.OWNERS,
        "contact": marks.CONTACT,
        "commit": marks.COMMIT,
        "version": marks.VERSION,
        "revision": marks.REVISION,
        "rolled_out": _ROLLED_OUT,
    }
    return {
        key: str(annotations[mark])
        for key, mark in wanted.items()
        if marks.is_whole(marks.SHOWN_TEXT, annotations.get(mark))
    }


def _allow(location: CodeLocation, claims: Mapping[str, set[str]]) -> None:
    claimants = claims.get(location.name)
    if claimants and location.namespace not in claimants:
        raise _Refused(
            "name_claimed",
            f"code location {location.name!r} is claimed by another namespace ({marks.CLAIMS}): choose another name.",
        )


def _winner(rivals: list[Sighting], findings: list[Finding]) -> Sighting:
    """The oldest; `rivals` come by seniority."""
    winner, *losers = rivals
    for loser in losers:
        lost = loser.location
        message = f"the name {lost.name!r} belongs to an older Service of another release: choose another name."
        findings.append(Finding(lost.namespace, lost.service, lost.uid, "name_taken", message))
    return winner


def _seniority(service: Json) -> tuple[str, str, str]:
    """Age, then namespace and name: RFC 3339 in UTC with whole seconds sorts as text."""
    return (str(_meta(service).get("creationTimestamp", "")), *_key(service))


def _ready_service(endpoint_slice: Json) -> tuple[str, str] | None:
    """(namespace, service) when an endpoint of the slice is ready; the API says that unset means ready."""
    service = _labels(endpoint_slice).get(marks.SERVICE_OF_SLICE)
    endpoints = endpoint_slice.get("endpoints")
    if not isinstance(service, str) or not isinstance(endpoints, list):
        return None
    for endpoint in endpoints:
        there = isinstance(endpoint, Mapping) and endpoint.get("addresses")
        if there and _part(endpoint, "conditions").get("ready") is not False:
            return str(_meta(endpoint_slice).get("namespace")), service
    return None


def _part(thing: Json, key: str) -> Json:
    part = thing.get(key)
    return part if isinstance(part, Mapping) else {}


def _meta(thing: Json) -> Json:
    return _part(thing, "metadata")


def _labels(thing: Json) -> Json:
    return _part(_meta(thing), "labels")


def _annotations(thing: Json) -> Json:
    return _part(_meta(thing), "annotations")


def _key(thing: Json) -> tuple[str, str]:
    return str(_meta(thing).get("namespace")), str(_meta(thing).get("name"))


def _uid(thing: Json) -> str:
    return str(_meta(thing).get("uid", ""))


def _shown(value: object) -> str:
    """A value in a message: quoted and cut, so that no one writes a page into another's log."""
    return "missing" if value is None else repr(str(value)[:80])
