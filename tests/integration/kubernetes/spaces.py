"""Namespaces of a test's own on the real cluster, and what teams and admins put into them."""

from __future__ import annotations

import base64
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kubernetes import client, config

from engineshed.discovery.kubernetes_api import KubernetesApi, Reply


def until(true: Callable[[], object], within_s: float, what: str) -> float:
    """Wait; the seconds it took. Fails with `what` when time is up."""
    began = time.monotonic()
    while not true():
        took = time.monotonic() - began
        assert took < within_s, f"not within {within_s} s: {what}"
        time.sleep(0.1)
    return time.monotonic() - began


@dataclass
class Cluster:
    """The admin's hand on the real API server."""

    api: KubernetesApi
    made: list[str] = field(default_factory=list)

    def do(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Reply:
        reply = self.api.call(method, path, body)
        assert reply.ok or method == "DELETE", (method, path, reply)
        return reply

    def namespace(self, team: str = "") -> str:
        """A new namespace, labelled when it is a team's."""
        name = f"try-launcher-{uuid.uuid4().hex[:8]}"
        labels = {"engineshed.dev/team": team} if team else {}
        self.do("POST", "/api/v1/namespaces", {"metadata": {"name": name, "labels": labels}})
        self.made.append(name)
        until(lambda: self.api.call("GET", f"/api/v1/namespaces/{name}/serviceaccounts/default").ok, 30, "account")
        return name

    def service(self, space: str, name: str, location: str, address: str, port: int) -> str:
        """A Service of a code location with an EndpointSlice that points at a process of this machine; its uid."""
        marks = {"engineshed.dev/service-account": "default", "engineshed.dev/image": "team/app:1"}
        meta = {"name": name, "labels": {"engineshed.dev/code-location": location}, "annotations": marks}
        spec = {"ports": [{"name": "grpc", "port": 4000, "targetPort": port}]}
        made = self.do("POST", f"/api/v1/namespaces/{space}/services", {"metadata": meta, "spec": spec})
        slices = f"/apis/discovery.k8s.io/v1/namespaces/{space}/endpointslices"
        self.do(
            "POST",
            slices,
            {
                "metadata": {"name": f"{name}-1", "labels": {"kubernetes.io/service-name": name}},
                "addressType": "IPv4",
                "ports": [{"name": "grpc", "port": port, "protocol": "TCP"}],
                "endpoints": [{"addresses": [address], "conditions": {"ready": True}}],
            },
        )
        return str(made.body["metadata"]["uid"])

    def remove_service(self, space: str, name: str) -> None:
        self.do("DELETE", f"/apis/discovery.k8s.io/v1/namespaces/{space}/endpointslices/{name}-1")
        self.do("DELETE", f"/api/v1/namespaces/{space}/services/{name}")

    def account(self, space: str, name: str) -> KubernetesApi:
        """An account of its own, as the platform's pods have one, and the API under it."""
        self.do("POST", f"/api/v1/namespaces/{space}/serviceaccounts", {"metadata": {"name": name}})
        path = f"/api/v1/namespaces/{space}/serviceaccounts/{name}/token"
        asked = self.do("POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})
        known = client.Configuration()
        config.load_kube_config(client_configuration=known)
        own = client.Configuration(host=known.host)
        own.ssl_ca_cert = known.ssl_ca_cert
        own.api_key = {"authorization": f"Bearer {asked.body['status']['token']}"}
        own.connection_pool_maxsize = 32
        own.retries = False
        return KubernetesApi(client.ApiClient(own), watch_s=5)

    def may_see_namespaces(self, space: str, account: str) -> str:
        """The platform's only right beyond namespaces: to see which there are, and the nodes."""
        rules = [{"apiGroups": [""], "resources": ["namespaces", "nodes"], "verbs": ["get", "list", "watch"]}]
        group = "/apis/rbac.authorization.k8s.io/v1"
        self.do("POST", f"{group}/clusterroles", {"metadata": {"name": space}, "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": space}
        subject = {"kind": "ServiceAccount", "name": account, "namespace": space}
        self.do(
            "POST",
            f"{group}/clusterrolebindings",
            {"metadata": {"name": space}, "roleRef": reference, "subjects": [subject]},
        )
        return space

    def grant(self, space: str, holder: str, account: str, rules: list[dict[str, Any]]) -> None:
        """What a team's release grants to an account of the platform."""
        group = f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}"
        self.do("POST", f"{group}/roles", {"metadata": {"name": "platform"}, "rules": rules})
        reference = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "platform"}
        subject = {"kind": "ServiceAccount", "name": account, "namespace": holder}
        self.do(
            "POST",
            f"{group}/rolebindings",
            {"metadata": {"name": "platform"}, "roleRef": reference, "subjects": [subject]},
        )

    def withdraw(self, space: str) -> None:
        self.do("DELETE", f"/apis/rbac.authorization.k8s.io/v1/namespaces/{space}/rolebindings/platform")

    def secret_text(self, space: str, name: str, key: str) -> str:
        return base64.b64decode(self.do("GET", f"/api/v1/namespaces/{space}/secrets/{name}").body["data"][key]).decode()

    def clean(self) -> None:
        for name in self.made:
            self.api.call("DELETE", f"/api/v1/namespaces/{name}")
            for kind in ("clusterroles", "clusterrolebindings"):
                self.api.call("DELETE", f"/apis/rbac.authorization.k8s.io/v1/{kind}/{name}")


READ_LOCATIONS = [
    {"apiGroups": [""], "resources": ["services"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["get", "list", "watch"]},
    {"apiGroups": [""], "resources": ["events"], "verbs": ["create"]},
]
