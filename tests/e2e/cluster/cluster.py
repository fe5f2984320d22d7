"""The cluster that KUBECONFIG names, asked by kubectl as a person would, and a way to the web pages inside it."""

from __future__ import annotations

import json
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Object = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What a command said. `text` holds both its streams."""

    code: int
    text: str


def call(*command: str, stdin: str | None = None, timeout_s: float = 300, env: Mapping[str, str] | None = None) -> Said:
    """Run a command, whatever its exit code."""
    done = subprocess.run(
        command,
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=timeout_s,
        env=dict(env) if env is not None else None,
        check=False,
    )
    return Said(done.returncode, done.stdout)


class Cluster:
    """kubectl."""

    def kubectl(self, *arguments: str, stdin: str | None = None, timeout_s: float = 300) -> str:
        """What kubectl says; a failure fails the test with its words."""
        said = call("kubectl", *arguments, stdin=stdin, timeout_s=timeout_s)
        assert said.code == 0, f"kubectl {' '.join(arguments)}: {said.text}"
        return said.text

    def apply(self, manifest: str) -> str:
        """Apply objects given as YAML."""
        return self.kubectl("apply", "--filename", "-", stdin=manifest)

    def objects(self, kind: str, namespace: str | None = None, selector: str = "") -> list[Object]:
        """All objects of a kind, in a namespace or in all, with those labels."""
        where = ["--namespace", namespace] if namespace else ["--all-namespaces"]
        found = self.kubectl("get", kind, *where, "--selector", selector, "--output", "json")
        items: list[Object] = json.loads(found)["items"]
        return items

    def object(self, kind: str, name: str, namespace: str) -> Object | None:
        """One object, or None."""
        said = self.kubectl("get", kind, name, "--namespace", namespace, "--ignore-not-found", "--output", "json")
        return json.loads(said) if said.strip() else None

    def can(self, account: str, namespace: str, verb: str, resource: str) -> bool:
        """Whether a service account (`namespace:name`) may do that."""
        user = f"system:serviceaccount:{account}"
        said = call("kubectl", "auth", "can-i", verb, resource, "--namespace", namespace, "--as", user)
        return said.text.strip().splitlines()[-1] == "yes"

    def node_pids(self, pod: Object) -> list[int]:
        """Process ids, on the node, of a pod's containers, where the node is this machine; else none."""
        uid = str(pod["metadata"]["uid"])
        needles = (uid.encode(), uid.replace("-", "_").encode())
        found = []
        for process in Path("/proc").iterdir():
            if not process.name.isdigit():
                continue
            try:
                groups, command = (process / "cgroup").read_bytes(), (process / "cmdline").read_bytes()
            except OSError:
                continue
            if any(needle in groups for needle in needles) and b"pause" not in command:
                found.append(int(process.name))
        return sorted(found)

    @contextmanager
    def forwarded(self, target: str, port: int, namespace: str) -> Iterator[int]:
        """A port of this machine that leads there; another tunnel is dug when one breaks."""
        tunnel = _Tunnel(target, port, namespace)
        try:
            yield tunnel.local_port
        finally:
            tunnel.close()


class _Tunnel:
    """`kubectl port-forward`, started again when the pod behind it goes."""

    def __init__(self, target: str, port: int, namespace: str) -> None:
        self._command = ["kubectl", "port-forward", "--namespace", namespace, "--address", "127.0.0.1", target]
        self._port = port
        self._closed = False
        self._process, self.local_port = self._dig(0)
        self._keeper = threading.Thread(target=self._keep, daemon=True)
        self._keeper.start()

    def close(self) -> None:
        """Fill it in."""
        self._closed = True
        self._process.terminate()
        self._process.wait(timeout=10)

    def _dig(self, local_port: int) -> tuple[subprocess.Popen[str], int]:
        process = subprocess.Popen(
            [*self._command, f"{local_port or ''}:{self._port}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdout is not None
        said = process.stdout.readline()
        found = re.search(r"127\.0\.0\.1:(\d+)", said)
        if found is None:
            process.terminate()
            process.wait(timeout=10)
            raise ConnectionError(f"no way to {self._command[-1]}: {said}")
        return process, int(found[1])

    def _keep(self) -> None:
        while not self._closed:
            time.sleep(0.5)
            if self._process.poll() is None or self._closed:
                continue
            try:
                self._process, _ = self._dig(self.local_port)
            except ConnectionError:
                continue
