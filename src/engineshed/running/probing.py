"""Whether the places that runs need can be used: ledger, data root, exchange, packed environments. For `doctor`."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

from engineshed.model.errors import ConfigurationInvalid, SettingInvalid, StoreError
from engineshed.ports.engine import Check
from engineshed.ports.store import ObjectStore
from engineshed.running.packed import read_packed, refuse_changed, sha256_of, wheel_files
from engineshed.running.premises import Premises
from engineshed.storage.ledger import open_ledger
from engineshed.storage.objects import open_store

_PROBE = ".probe-of-engineshed-"


def probe_places(premises: Premises) -> Iterator[Check]:
    """A finding for each place. Probes leave nothing behind; a ledger that is not there yet is made.

    Raises SettingInvalid and LedgerError where the ledger cannot be opened.
    """
    yield _probe_ledger(premises.ledger_url)
    settings = premises.location.store.model_dump(exclude_none=True)
    roots = {"data root": premises.data_root, "exchange": premises.location.exchange_root}
    for subject, root in roots.items():
        if root:
            yield _probe_root(subject, root, settings)
    for engine, folder in premises.location.environments.items():
        yield _probe_environment(f"environment of {engine}", Path(folder))


def _probe_ledger(url: str) -> Check:
    ledger = open_ledger(url)
    return Check("ledger", True, f"{ledger.label}, schema {ledger.revision}")


def _probe_root(subject: str, root: str, settings: dict[str, str]) -> Check:
    try:
        fault = _round_trip(open_store(root, settings))
    except (StoreError, ConfigurationInvalid) as error:
        remedy = f"Let this user write there, or name another {subject} in location.yaml."
        return Check(subject, False, f"{root}: {error}", remedy)
    if fault:
        return Check(subject, False, f"{root} {fault}", "Use a store with conditional writes (docs/storage.md).")
    return Check(subject, True, f"{root}: an object was written if absent, listed, read and deleted")


def _probe_environment(subject: str, folder: Path) -> Check:
    try:
        packed = read_packed(folder)
        for file, sha256 in wheel_files(packed).items():
            refuse_changed(file, sha256, sha256_of(file))
    except SettingInvalid as error:
        return Check(subject, False, str(error), "Pack it in CI or in the image, by `engineshed pack`.")
    fact = f"{len(packed.wheels)} wheels for Python {packed.python} on {packed.architecture}, as they were packed"
    return Check(subject, True, fact)


def _round_trip(store: ObjectStore) -> str:
    """What is wrong with the store; empty where it does what a publish needs."""
    key = f"{_PROBE}{uuid.uuid4().hex}"
    try:
        if not store.put_if_absent(key, b"1") or store.put_if_absent(key, b"2"):
            return "does not write an object only if it is absent"
        if [found.key for found in store.list(key)] != [key] or store.get(key) != b"1":
            return "does not show an object that was just written"
    finally:
        store.delete(key)
    return ""
