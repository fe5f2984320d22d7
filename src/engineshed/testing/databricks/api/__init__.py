"""The REST surface, one module for each of the vendor's services.

Handlers read and change the Platform, nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable

from engineshed.testing.databricks.api.clusters import ClustersApi
from engineshed.testing.databricks.api.dbfs import DbfsApi
from engineshed.testing.databricks.api.files import FilesApi
from engineshed.testing.databricks.api.identity import IdentityApi
from engineshed.testing.databricks.api.jobs import JobsApi
from engineshed.testing.databricks.api.permissions import PermissionsApi
from engineshed.testing.databricks.api.pools import PoolsApi
from engineshed.testing.databricks.api.runs import RunsApi
from engineshed.testing.databricks.api.workspace import WorkspaceApi
from engineshed.testing.databricks.platform import Platform
from engineshed.testing.databricks.routing import Route


def all_routes(platform: Platform) -> Iterable[Route]:
    """Of every service."""
    services = (IdentityApi, RunsApi, JobsApi, PermissionsApi, ClustersApi, PoolsApi, FilesApi, WorkspaceApi, DbfsApi)
    for service in services:
        yield from service(platform).routes()
