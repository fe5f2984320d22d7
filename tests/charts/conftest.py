"""Charts without a cluster: render them as Helm does, read what came out, hold it against Pod Security "restricted".

`render` uses Helm's own code from the package helm-python-sdk. Tests that need another API to be there (`auto`) ask
`render_with_apis`, which takes the helm program and is skipped where there is none.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import helm_python
import pytest
import yaml

CHARTS = Path(__file__).parents[2] / "charts"
Manifest = dict[str, Any]
_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet", "Job", "CronJob", "Pod")


@dataclass(frozen=True)
class Release:
    """The objects of one rendered release, each with the template it came from, and the notes."""

    objects: tuple[Manifest, ...]
    sources: tuple[str, ...]
    notes: str

    def all(self, kind: str) -> list[Manifest]:
        return [found for found in self.objects if found["kind"] == kind]

    def one(self, kind: str, name: str | None = None) -> Manifest:
        """The only object of that kind (and name)."""
        found = [one for one in self.all(kind) if name in (None, one["metadata"]["name"])]
        assert len(found) == 1, f"{len(found)} of {kind} {name or ''}: {self.names(kind)}"
        return found[0]

    def names(self, kind: str) -> list[str]:
        return [found["metadata"]["name"] for found in self.all(kind)]

    def source(self, template: str) -> list[Manifest]:
        """What one template made; `template` is its path below the chart's templates/."""
        return [
            found
            for found, source in zip(self.objects, self.sources, strict=True)
            if source.endswith(f"/templates/{template}")
        ]

    def pods(self) -> Iterator[tuple[str, Manifest]]:
        """(kind/name, pod template) of everything that makes pods."""
        for found in self.objects:
            if found["kind"] in _WORKLOADS:
                yield f"{found['kind']}/{found['metadata']['name']}", pod_template(found)

    def containers(self) -> Iterator[tuple[str, Manifest]]:
        """(kind/name, container) of everything that makes pods, the initial containers too."""
        for name, pod in self.pods():
            yield from ((name, container) for container in containers(pod))

    def pod(self, workload: str) -> Manifest:
        """The pod template of `Kind/name`."""
        return dict(self.pods())[workload]

    def container(self, workload: str, name: str) -> Manifest:
        """One container of the pods of `Kind/name`."""
        return next(one for one in containers(self.pod(workload)) if one["name"] == name)

    def data(self, config_map: str, key: str) -> Any:
        """One YAML file of a ConfigMap, read."""
        return yaml.safe_load(self.one("ConfigMap", config_map)["data"][key])


def pod_template(workload: Manifest) -> Manifest:
    """The pod template ({metadata, spec}) of a workload."""
    if workload["kind"] == "Pod":
        return workload
    if workload["kind"] == "CronJob":
        return workload["spec"]["jobTemplate"]["spec"]["template"]
    return workload["spec"]["template"]


def containers(pod: Manifest) -> list[Manifest]:
    """All containers of a pod template, the initial ones too."""
    return [*pod["spec"].get("initContainers", []), *pod["spec"]["containers"]]


Render = Callable[..., Release]


@pytest.fixture(scope="session")
def render() -> Render:
    """render(chart, values, files=("values-kind.yaml",), release="engineshed", namespace=.., upgrade=False).

    Later values win over earlier ones, `values` over all files. Raises helm_python's errors: HelmValuesError for what
    the schema refuses, HelmRenderError for what a template refuses.
    """

    def rendered(
        chart: str,
        values: Mapping[str, Any] | None = None,
        *,
        files: Sequence[str] = (),
        release: str = "engineshed",
        namespace: str = "engineshed",
        upgrade: bool = False,
        revision: int | None = None,
    ) -> Release:
        given: dict[str, Any] = {}
        for file in files:
            given = merged(given, yaml.safe_load((CHARTS / chart / file).read_text()) or {})
        given = merged(given, values or {})
        with helm_python.Chart.load(CHARTS / chart) as loaded:
            texts = loaded.render(
                given,
                name=release,
                namespace=namespace,
                is_upgrade=upgrade,
                is_install=not upgrade,
                revision=revision or (2 if upgrade else 1),
            )
        return _release(texts)

    return rendered


@pytest.fixture(scope="session")
def render_with_apis() -> Render:
    """The same by the helm program, as if the cluster had these APIs: render_with_apis(chart, values, apis=[..])."""
    helm = shutil.which("helm")
    if helm is None:
        pytest.skip("no helm program on PATH")

    def rendered(chart: str, values: Mapping[str, Any] | None = None, *, apis: Sequence[str]) -> Release:
        command = [helm, "template", "engineshed", str(CHARTS / chart), "--namespace", "engineshed", "--values", "-"]
        command += ["--kube-version", "1.34"]  # a helm that was built without its flags says 1.20
        for api in apis:
            command += ["--api-versions", api]
        done = subprocess.run(command, input=json.dumps(values or {}), capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return _release({"helm/templates/all": done.stdout})

    return rendered


@pytest.fixture(scope="session")
def lint() -> Callable[..., list[str]]:
    """lint(chart, values) -> what Helm's strict lint has to say beyond information."""

    def found(chart: str, values: Mapping[str, Any] | None = None) -> list[str]:
        told = helm_python.lint(CHARTS / chart, dict(values or {}), strict=True)
        return [f"{message['path']}: {message['error']}" for message in told["messages"] if message["severity"] > 1]

    return found


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """`above` laid over `below`, maps key by key, as Helm merges values files."""
    result = dict(below)
    for key, value in above.items():
        inner = result.get(key)
        result[key] = merged(inner, value) if isinstance(inner, Mapping) and isinstance(value, Mapping) else value
    return result


def _release(texts: Mapping[str, str]) -> Release:
    objects, sources, notes = [], [], ""
    for source, text in sorted(texts.items()):
        if source.endswith("NOTES.txt"):
            notes = text if source.count("/charts/") == 0 else notes
            continue
        for made in yaml.load_all(text, _Strict):
            if made:
                objects.append(made)
                sources.append(source)
    return Release(tuple(objects), tuple(sources), notes)


class _Strict(yaml.SafeLoader):
    """YAML as the API server reads it: a key written twice is an error, not the last one."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = {key for key in keys if keys.count(key) > 1}
        assert not twice, f"written twice: {twice} {node.start_mark}"
        return super().construct_mapping(node, deep)


@pytest.fixture(scope="session")
def restricted() -> Callable[[Manifest], list[str]]:
    """restricted(pod_template) -> how it breaks Pod Security "restricted" or our stricter rules; [] if it does not."""
    return _violations


_VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def _violations(pod: Manifest) -> list[str]:
    spec = pod["spec"]
    of_pod = spec.get("securityContext", {})
    found = [f"pod: {key}" for key in ("hostNetwork", "hostPID", "hostIPC") if spec.get(key)]
    if of_pod.get("runAsNonRoot") is not True:
        found.append("pod: runAsNonRoot is not true")
    if of_pod.get("runAsUser") in (None, 0):
        found.append("pod: runAsUser is root or the image's choice")
    if of_pod.get("seccompProfile", {}).get("type") not in ("RuntimeDefault", "Localhost"):
        found.append("pod: no seccompProfile")
    for volume in spec.get("volumes", []):
        found += [f"volume {volume['name']}: {kind}" for kind in volume if kind not in {"name", *_VOLUMES}]
    for container in containers(pod):
        found += _container_violations(container)
    return found


def _container_violations(container: Manifest) -> Iterator[str]:
    name, context = container["name"], container.get("securityContext", {})
    if context.get("allowPrivilegeEscalation") is not False:
        yield f"{name}: allowPrivilegeEscalation is not false"
    if context.get("privileged"):
        yield f"{name}: privileged"
    if context.get("readOnlyRootFilesystem") is not True:
        yield f"{name}: readOnlyRootFilesystem is not true"
    if context.get("capabilities") != {"drop": ["ALL"]}:
        yield f"{name}: capabilities are not just drop ALL"
    if context.get("runAsNonRoot") is False or context.get("runAsUser") == 0:
        yield f"{name}: runs as root"
    if any("hostPort" in port for port in container.get("ports", [])):
        yield f"{name}: hostPort"
    if not {"requests", "limits"} <= set(container.get("resources", {})):
        yield f"{name}: no requests or limits"
