"""From a root and settings to a store. The SDK of a store is imported only when a root asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from engineshed.model.errors import ExtraMissing, SettingInvalid
from engineshed.storage.objects.local import LocalStore
from engineshed.storage.objects.store import TableStore

_S3_SETTINGS = ("endpoint_url", "region")


def open_store(root: str, settings: Mapping[str, Any]) -> TableStore:
    """The store at a folder or at `s3://bucket/prefix`.

    settings: `endpoint_url` and `region` of an S3 store; a folder ignores them. Raises SettingInvalid for another
    scheme or setting, ExtraMissing without boto3.
    """
    unknown = sorted(set(settings) - set(_S3_SETTINGS))
    if unknown:
        raise SettingInvalid(f"store.{unknown[0]} is no setting of a store: there are {', '.join(_S3_SETTINGS)}.")
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
