"""The Tiltfile, evaluated by a Starlark interpreter with stubs that record what it asks of Tilt.

Tilt itself needs Docker and kind. What it is asked to do is held here: nothing but make targets that exist, charts that
are installed by the end-to-end suite too, and images of this repository.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import starlark as sl
import yaml

ROOT = Path(__file__).parents[2]

RENDERED = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: server}
---
apiVersion: batch/v1
kind: Job
metadata: {name: leaving, annotations: {helm.sh/hook: pre-delete}}
"""


@dataclass
class Asked:
    """Every call, in order: (function, positional arguments, named arguments)."""

    calls: list[tuple[str, tuple[Any, ...], dict[str, Any]]] = field(default_factory=list)

    def of(self, name: str) -> list[tuple[tuple[Any, ...], dict[str, Any]]]:
        """The calls of one function."""
        return [(args, named) for called, args, named in self.calls if called == name]

    def names(self) -> set[str]:
        """Every resource that has a name to depend on."""
        return {args[0] for args, _ in [*self.of("local_resource"), *self.of("k8s_resource")]}


STUBS = (
    "allow_k8s_contexts", "update_settings", "local_resource", "link", "probe", "http_get_action", "docker_build",
    "sync", "k8s_yaml", "k8s_resource", "helm", "decode_yaml_stream", "encode_yaml_stream",
)  # fmt: skip


@pytest.fixture(scope="module")
def asked() -> Asked:
    """What the Tiltfile asks."""
    asked = Asked()
    answers = {
        "helm": lambda *_, **__: RENDERED,
        "decode_yaml_stream": lambda text: list(yaml.safe_load_all(text)),
        "encode_yaml_stream": lambda objects: yaml.safe_dump_all(objects),
        "sync": lambda source, target: f"sync {source} {target}",
    }

    def stub(name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            asked.calls.append((name, args, named))
            return answers[name](*args, **named) if name in answers else None

        return call

    module = sl.Module()
    for name in STUBS:
        module.add_callable(name, stub(name))
    module["TRIGGER_MODE_MANUAL"] = "manual"
    dialect = sl.Dialect.extended()
    dialect.enable_top_level_stmt = True
    tree = sl.parse("Tiltfile", (ROOT / "Tiltfile").read_text(), dialect=dialect)
    sl.eval(module, tree, sl.Globals.extended_by([sl.LibraryExtension.Print]))
    return asked


def test_it_runs_on_the_local_cluster_alone(asked: Asked) -> None:
    (((context,), _),) = asked.of("allow_k8s_contexts")
    kind = yaml.safe_load((ROOT / "kind-config.yaml").read_text())
    assert context == f"kind-{kind['name']}"


def test_every_command_is_a_make_target(asked: Asked) -> None:
    targets = set(re.findall(r"^([a-z0-9-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    commands = [
        command
        for args, named in asked.of("local_resource")
        for command in (*args[1:2], named.get("serve_cmd"))
        if command
    ]
    assert len(commands) >= 8
    for command in commands:
        words = command.split()
        assert words[0] == "make", command
        assert words[1] in targets, command


def test_every_chart_is_one_of_ours_with_values_that_the_suite_installs(asked: Asked) -> None:
    helms = asked.of("helm")
    assert {named["name"] for _, named in helms} == {"web-graph", "company-registry"}
    for (chart,), named in helms:
        assert chart == "charts/code-location"
        assert all((ROOT / values).is_file() for values in named["values"])
        assert named["namespace"] == f"team-{named['name']}"


def test_images_are_built_from_files_that_are_there(asked: Asked) -> None:
    builds = asked.of("docker_build")
    assert {args[0] for args, _ in builds} == {"engineshed/web-graph", "engineshed/company-registry"}
    for _, named in builds:
        assert (ROOT / named["dockerfile"]).is_file()
        assert (ROOT / "code_locations" / named["build_args"]["LOCATION"]).is_dir()
        for step in named["live_update"]:
            _, source, target = step.split()
            assert (ROOT / source).is_dir()
            assert target == f"/opt/engineshed/{source}"


def test_hooks_are_left_to_helm(asked: Asked) -> None:
    for (manifest,), _ in asked.of("k8s_yaml"):
        assert [o["metadata"]["name"] for o in yaml.safe_load_all(manifest)] == ["server"]


def test_what_is_waited_for_and_watched_is_there(asked: Asked) -> None:
    for _, named in [*asked.of("local_resource"), *asked.of("k8s_resource")]:
        for needed in named.get("resource_deps") or []:
            assert needed in asked.names()
        for path in named.get("deps") or []:
            assert (ROOT / path).exists(), path


def test_buttons_wait_for_a_person(asked: Asked) -> None:
    buttons = [(args, named) for args, named in asked.of("local_resource") if named.get("labels") == ["try"]]
    assert {args[1].split()[1] for args, _ in buttons} == {"materialise", "test", "e2e"}
    for _, named in buttons:
        assert (named["trigger_mode"], named["auto_init"]) == ("manual", False)
