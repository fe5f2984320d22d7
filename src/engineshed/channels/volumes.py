"""The channel of drivers on Databricks: context and messages as files of a Unity Catalog volume.

The same numbered objects as channel `objects`, read by the Files API and written by the driver through the mount below
/Volumes: drivers need no credentials, and serverless, which reaches nothing else, is heard. It lies in the location's
exchange where that is in a volume, else at a root of its own. A file that is not whole yet counts as not there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from engineshed.channels.objects import ObjectChannel
from engineshed.model.errors import SettingInvalid
from engineshed.ports.engine import Surroundings
from engineshed.ports.store import ObjectStore
from engineshed.processes.settings import checked

NAME = "volumes"

LOOK_S = 0.4
"""Between two looks that find nothing: the Files API is slower than a bucket, and limited for each workspace."""


class VolumesSettings(BaseModel):
    """Settings of channel `volumes` (`channels.volumes` of the location's settings)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    root: str = Field(
        default="", description="Folder, /Volumes/CATALOG/SCHEMA/VOLUME/..; empty: the exchange, where that is one."
    )


def build(settings: Mapping[str, Any], surroundings: Surroundings) -> ObjectChannel:
    """The channel. Raises SettingInvalid where neither its settings nor the exchange name a volume, ExtraMissing."""
    root = checked(VolumesSettings, settings, f"channels.{NAME}").root
    return ObjectChannel(_store(root, surroundings), {}, surroundings.clock, name=NAME, look_s=LOOK_S)


def _store(root: str, surroundings: Surroundings) -> ObjectStore:
    exchange = surroundings.exchange
    if not root and exchange is not None and exchange.root.startswith("/Volumes/"):
        return exchange
    if not root.removeprefix("dbfs:").startswith("/Volumes/") or surroundings.open_store is None:
        raise SettingInvalid(
            f"channels.{NAME}: no volume: set channels.{NAME}.root, or exchange_root, to "
            "/Volumes/CATALOG/SCHEMA/VOLUME/FOLDER."
        )
    return surroundings.open_store(root)
