"""A Databricks workspace for tests: the real databricks-sdk talks to it over HTTP, and it keeps books.

    from databricks.sdk import WorkspaceClient
    from engineshed.testing.databricks import DatabricksDouble

    with DatabricksDouble() as double:                      # virtual time, no driver: `simulate`
        double.make_volume("/Volumes/main/default/jobs")
        client = WorkspaceClient(host=double.host, token=double.token)
        ...
        double.clock.sleep(600)                             # ten minutes later

    with DatabricksDouble(execute=True, time_scale=0.01):   # real time, the submitted script really runs: `execute`
        ...

docs/doubles.md says what it does as the vendor does, which faults it can be told to have, and what it does otherwise.
Needs the extras `databricks` and `testing`.
"""

from __future__ import annotations

from engineshed.testing.databricks.bookkeeping import Books, Held, Span
from engineshed.testing.databricks.double import DatabricksDouble
from engineshed.testing.databricks.endings import SUCCESS, Ending, raised
from engineshed.testing.databricks.faults import CallFault, CallTrouble, Faults, RunFault, RunTrouble
from engineshed.testing.databricks.limits import Limits
from engineshed.testing.databricks.machines import Machines
from engineshed.testing.databricks.pace import Pace
from engineshed.testing.databricks.records import TaskRun
from engineshed.testing.databricks.scripted import Script

__all__ = [
    "SUCCESS",
    "Books",
    "CallFault",
    "CallTrouble",
    "DatabricksDouble",
    "Ending",
    "Faults",
    "Held",
    "Limits",
    "Machines",
    "Pace",
    "RunFault",
    "RunTrouble",
    "Script",
    "Span",
    "TaskRun",
    "raised",
]
