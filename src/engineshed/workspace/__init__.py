"""A Databricks workspace by its REST API, in the errors of engineshed: for the engine and for volumes alike.

One client, so that both authenticate alike, take throttling alike, and are refused alike. Nothing here knows jobs,
messages or datasets.
"""

from engineshed.workspace.client import Login, Missing, NoWorkspace, Taken, Unfit, Workspace, require_sdk
from engineshed.workspace.files import Entry, Files

__all__ = ["Entry", "Files", "Login", "Missing", "NoWorkspace", "Taken", "Unfit", "Workspace", "require_sdk"]
