"""From a root and settings to a store. The SDK of a store is imported only when a root asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.model.errors import ExtraMissing, SettingInvalid
from engineshed.storage.objects.local import LocalStore
from engineshed.storage.objects.store import TableStore

_S3_SETTINGS = ("endpoint_url", "region")


def open_store(root: str, settings: Mapping[str, Any]) -> TableStore:
    """The store at a folder, at `s3://bucket/prefix`, or in a volume, at `/Volumes/catalog/schema/volume/prefix`.

    settings: `endpoint_url` and `region` of an S3 store; others ignore them. A folder of this machine that happens to
    lie below `/Volumes` is spelt `file:///Volumes/..`. Raises SettingInvalid for another scheme or setting,
    ExtraMissing without boto3 or the Databricks SDK.
    """
    unknown = sorted(set(settings) - set(_S3_SETTINGS))
    if unknown:
        raise SettingInvalid(f"store.{unknown[0]} is no setting of a store: there are {', '.join(_S3_SETTINGS)}.")
    if root.startswith(("/Volumes/", "dbfs:/Volumes/")):
        from engineshed.storage.objects.volumes import connect as connect_volume

        return connect_volume(root, {})
    scheme, separator, rest = root.partition("://")
    if not separator:
        if not root:
            raise SettingInvalid("the root of a store is empty: give a folder or s3://BUCKET/PREFIX.")
        return LocalStore(root)
    if scheme == "file":
        return LocalStore(rest)
    bucket, _, prefix = rest.partition("/")
    if scheme not in ("s3", "s3a") or not bucket:
        raise SettingInvalid(f"the root {root!r} is no place for objects: give a folder or s3://BUCKET/PREFIX.")
    try:
        from engineshed.storage.objects.s3 import connect
    except ModuleNotFoundError as error:
        raise ExtraMissing(f"the root {root} needs boto3: install engineshed[s3].") from error
    return connect(bucket, prefix, settings)
