"""Where the price list in force lies: a file, an object that `engineshed prices refresh` writes, or the shipped one.

A list in an object store that is not there yet is no error: until the first refresh the shipped one is in force.
"""

from __future__ import annotations

from pathlib import Path

from engineshed.model.errors import ObjectMissing, SettingInvalid
from engineshed.prices.snapshot import PriceList, parse_list, read_list, shipped_list, to_text
from engineshed.running.settings import PlatformSettings
from engineshed.storage.objects import TableStore, open_store

SHIPPED = "the list that comes with engineshed"


def price_list(platform: PlatformSettings) -> tuple[PriceList, str]:
    """The list in force, and where it was read, for people. Raises SettingInvalid, StoreError."""
    address = platform.price_list
    if not address:
        return shipped_list(), SHIPPED
    if "://" not in address:
        return read_list(Path(address)), address
    store, key = _object(address, platform)
    try:
        return parse_list(store.get(key).decode("utf-8"), address), address
    except ObjectMissing:
        return shipped_list(), f"{SHIPPED} ({address} is not written yet)"
    except UnicodeDecodeError as error:
        raise SettingInvalid(f"price list {address} is no text ({error}): write it anew.") from error


def write_price_list(listed: PriceList, address: str, platform: PlatformSettings) -> None:
    """Write it there, whole or not at all. Raises StoreError, SettingInvalid."""
    store, key = _object(address, platform)
    store.put(key, to_text(listed).encode())


def _object(address: str, platform: PlatformSettings) -> tuple[TableStore, str]:
    """The store and the key of a file or an object."""
    if "://" not in address:
        path = Path(address).absolute()
        return open_store(str(path.parent), {}), path.name
    root, _, key = address.rpartition("/")
    return open_store(root, platform.price_store.model_dump(exclude_none=True)), key
