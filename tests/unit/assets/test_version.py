"""Which version of engineshed a code location runs, as Dagster's pages and our metrics show it."""

from __future__ import annotations

from importlib.metadata import version

from dagster._core.libraries import DagsterLibraryRegistry

import engineshed.assets


def test_dagster_is_told_the_version_of_engineshed() -> None:
    assert engineshed.assets.spark_asset is not None
    assert DagsterLibraryRegistry.get()["engineshed"] == version("engineshed")
