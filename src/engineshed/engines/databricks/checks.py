"""What `doctor` says of this engine: whether the workspace answers, and whether all that the settings name is there.

Each finding names the id that is wrong. Changes nothing, so a folder that is not there yet is no fault where its volume
or parent is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import date
from pathlib import PurePosixPath
from typing import Any

from engineshed.engines.databricks.names import NAME
from engineshed.engines.databricks.runtimes import ENVIRONMENTS, RUNTIMES, Runtime
from engineshed.engines.databricks.settings import DatabricksSettings, Existing, NewCluster, Pool, Serverless
from engineshed.model.errors import EngineError
from engineshed.ports.engine import Check
from engineshed.workspace import Missing, Unfit, Workspace


def checks(workspace: Workspace, settings: DatabricksSettings, exchange_root: str, today: date) -> Sequence[Check]:
    """All findings; one alone where the workspace does not answer."""
    try:
        me = workspace.get("/api/2.0/preview/scim/v2/Me")
    except EngineError as error:
        remedy = f"look at DATABRICKS_HOST and its credentials, or engines.{NAME}.host and .profile"
        return (Check("workspace", False, str(error), remedy),)
    who = me.get("userName") or me.get("displayName") or "somebody"
    found = [Check("workspace", True, f"{workspace.host} knows us as {who}")]
    found += _Findings(workspace, settings, today).all(exchange_root)
    return found


class _Findings:
    def __init__(self, workspace: Workspace, settings: DatabricksSettings, today: date) -> None:
        self._workspace, self._settings, self._today = workspace, settings, today

    def all(self, exchange_root: str) -> Iterator[Check]:
        yield from self._volumes(exchange_root)
        if self._settings.code_folder.startswith("/Workspace/"):
            yield self._code_folder()
        if self._settings.policy:
            yield self._policy(self._settings.policy)
        for compute in self._settings.compute:
            if isinstance(compute, NewCluster):
                yield self._runtime(RUNTIMES[compute.runtime])
                yield from self._node_types(compute)
            elif isinstance(compute, Pool):
                yield self._runtime(RUNTIMES[compute.runtime])
                yield self._pool(compute.pool)
                if compute.driver_pool:
                    yield self._pool(compute.driver_pool)
            elif isinstance(compute, Existing):
                yield self._cluster(compute)
            elif isinstance(compute, Serverless):
                yield self._supported(ENVIRONMENTS[compute.environment_version], "environment_version")

    def _volumes(self, exchange_root: str) -> Iterator[Check]:
        named = {
            "exchange_root": exchange_root,
            f"engines.{NAME}.code_folder": self._settings.code_folder,
            f"engines.{NAME}.log_folder": self._settings.log_folder,
        }
        for setting, path in named.items():
            if path.startswith("/Volumes/"):
                yield self._volume(setting, path)

    def _volume(self, setting: str, path: str) -> Check:
        volume = "/".join(path.split("/")[:5])

        def ask() -> str:
            self._workspace.get(f"/api/2.0/fs/directories{volume}")
            return f"{volume} can be read"

        return _asked(f"volume {volume}", ask, f"create it, grant READ VOLUME and WRITE VOLUME, or correct {setting}")

    def _code_folder(self) -> Check:
        folder = PurePosixPath(self._settings.code_folder)

        def ask() -> str:
            for place in (folder, *folder.parents):
                if str(place) in ("/Workspace", "/"):
                    break
                try:
                    self._workspace.get("/api/2.0/workspace/get-status", path=str(place))
                except Missing:
                    continue
                return f"{place} is there"
            raise Missing(f"neither {folder} nor any folder above it is there")

        return _asked(f"folder {folder}", ask, f"create it, or correct engines.{NAME}.code_folder")

    def _policy(self, policy_id: str) -> Check:
        def ask() -> str:
            policy = self._workspace.get("/api/2.0/policies/clusters/get", policy_id=policy_id)
            return f"policy {policy.get('name', policy_id)} may be used"

        return _asked(f"policy {policy_id}", ask, f"correct engines.{NAME}.policy, or let this identity use it")

    def _runtime(self, runtime: Runtime) -> Check:
        def ask() -> str:
            versions = self._workspace.get("/api/2.1/clusters/spark-versions").get("versions") or ()
            if runtime.spark_version not in {version["key"] for version in versions}:
                raise Missing(f"the workspace offers no {runtime.spark_version}")
            return f"the workspace offers {runtime.said}"

        found = _asked(f"runtime {runtime.name}", ask, f"set another runtime in engines.{NAME}.compute")
        return found if not found.ok else self._supported(runtime, "runtime", found.fact)

    def _supported(self, runtime: Runtime, setting: str, fact: str = "") -> Check:
        over = runtime.supported_until < self._today
        said = f"{runtime.said}, supported until {runtime.supported_until}"
        remedy = f"set a newer {setting} in engines.{NAME}.compute" if over else ""
        return Check(f"{setting} {runtime.name}", not over, fact if fact and not over else said, remedy)

    def _node_types(self, compute: NewCluster) -> Iterator[Check]:
        named = [*compute.node_types, *([compute.driver_node_type] if compute.driver_node_type else [])]
        if not named:
            return
        try:
            there = {
                kind["node_type_id"]
                for kind in self._workspace.get("/api/2.1/clusters/list-node-types").get("node_types") or ()
            }
        except EngineError as error:
            yield Check("node types", False, str(error), "let this identity list node types")
            return
        for name in dict.fromkeys(named):
            ok = name in there
            fact = f"the workspace has {name}" if ok else f"the workspace has no node type {name}"
            yield Check(f"node type {name}", ok, fact, "" if ok else f"correct node_types in engines.{NAME}.compute")

    def _pool(self, pool_id: str) -> Check:
        def ask() -> str:
            pool = self._workspace.get("/api/2.0/instance-pools/get", instance_pool_id=pool_id)
            return f"pool {pool.get('instance_pool_name', pool_id)} of {pool.get('node_type_id')}"

        return _asked(f"pool {pool_id}", ask, f"correct the pool in engines.{NAME}.compute, or let us attach to it")

    def _cluster(self, compute: Existing) -> Check:
        wanted = RUNTIMES[compute.runtime]

        def ask() -> str:
            cluster: dict[str, Any] = self._workspace.get("/api/2.1/clusters/get", cluster_id=compute.cluster)
            version = str(cluster.get("spark_version") or "")
            if version != wanted.spark_version:
                raise Unfit(f"cluster {compute.cluster} runs {version}, and the settings say {wanted.said}")
            return f"cluster {cluster.get('cluster_name', compute.cluster)} is {cluster.get('state', 'there')}"

        remedy = f"correct the cluster or its runtime in engines.{NAME}.compute"
        return _asked(f"cluster {compute.cluster}", ask, remedy)


def _asked(subject: str, ask: Callable[[], str], remedy: str) -> Check:
    try:
        return Check(subject, True, ask())
    except EngineError as error:
        return Check(subject, False, str(error), remedy)
