"""One hash for one content, whatever engine wrote it and however it lies in files.

The text that is hashed is defined in docs/storage.md; a change to it would make every published hash a lie. Neither
file layout, row order, encodings, nullability flags nor time zones of columns enter it.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from typing import Any, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from engineshed.model.errors import StoreError

_NAME = "engineshed dataset 1"
_encode = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode
_types = pa.types
# The stubs give arrays and types none of the members of their kinds.
_Array: TypeAlias = Any
_Type: TypeAlias = Any


def dataset_hash(table: pa.Table) -> str:
    """sha256 over the columns' names and types and the sorted rows, 64 hex digits.

    Needs memory for about the rows' text. Raises StoreError for a type without a canonical form (calendar intervals).
    """
    columns = [[field.name, canonical_type(field.type)] for field in table.schema]
    rows: list[bytes] = []
    for batch in table.to_batches(max_chunksize=65_536):
        values = [_values(column) for column in batch.columns]
        rows.extend(_encode(row).encode() for row in zip(*values, strict=True))
    rows.sort()
    digest = hashlib.sha256(_encode([_NAME, columns]).encode())
    for start in range(0, len(rows), 4096):
        digest.update(b"\n")
        digest.update(b"\n".join(rows[start : start + 4096]))
    return digest.hexdigest()


def canonical_type(kind: _Type) -> Any:
    """The type as JSON, equal for what engines mean alike. Raises StoreError for a type without a canonical form."""
    for is_kind, name in _NAMES:
        if is_kind(kind):
            return name
    if _types.is_decimal(kind):
        return f"decimal({kind.precision},{kind.scale})"
    if _types.is_integer(kind) or _types.is_floating(kind) or _types.is_boolean(kind) or _types.is_null(kind):
        return str(kind)
    if _types.is_dictionary(kind):
        return canonical_type(kind.value_type)
    if _types.is_map(kind):
        return {"map": [canonical_type(kind.key_type), canonical_type(kind.item_type)]}
    if _is_list(kind):
        return {"list": canonical_type(kind.value_type)}
    if _types.is_struct(kind):
        return {"struct": [[field.name, canonical_type(field.type)] for field in kind]}
    if isinstance(kind, pa.BaseExtensionType):
        return canonical_type(kind.storage_type)
    raise StoreError(f"type {kind} has no canonical form: cast the column to a number, a text or a time.")


def _is_text(kind: pa.DataType) -> bool:
    return bool(_types.is_string(kind) or _types.is_large_string(kind) or _types.is_string_view(kind))


def _is_bytes(kind: pa.DataType) -> bool:
    return bool(
        _types.is_binary(kind)
        or _types.is_large_binary(kind)
        or _types.is_fixed_size_binary(kind)
        or _types.is_binary_view(kind)
    )


def _is_list(kind: pa.DataType) -> bool:
    return bool(
        _types.is_list(kind)
        or _types.is_large_list(kind)
        or _types.is_fixed_size_list(kind)
        or _types.is_list_view(kind)
        or _types.is_large_list_view(kind)
    )


_NAMES: tuple[tuple[Callable[[pa.DataType], bool], str], ...] = (
    (_is_text, "string"),
    (_is_bytes, "binary"),
    (_types.is_timestamp, "timestamp"),
    (_types.is_date, "date"),
    (_types.is_time, "time"),
    (_types.is_duration, "duration"),
)


def _values(array: _Array) -> list[Any]:
    """One JSON value an element."""
    kind = array.type
    for is_kind, convert in _CONVERTERS:
        if is_kind(kind):
            return convert(array)
    if isinstance(kind, pa.BaseExtensionType):
        return _values(array.storage)
    plain: list[Any] = array.to_pylist()
    return plain


def _floats(array: _Array) -> list[Any]:
    # Adding zero makes one zero of the two; numbers that JSON lacks become their names.
    values = pc.add(array.cast(pa.float64()), 0.0)
    plain: list[Any] = values.to_pylist()
    if pc.all(pc.is_finite(values)).as_py() is not False:
        return plain
    return [value if value is None or math.isfinite(value) else _NOT_FINITE[str(value)] for value in plain]


_NOT_FINITE = {"nan": "NaN", "inf": "Infinity", "-inf": "-Infinity"}


def _counts(to: Callable[[str | None], pa.DataType]) -> Callable[[_Array], list[Any]]:
    def convert(array: _Array) -> list[Any]:
        # Only nanoseconds are cut; a coarser unit that overflows in finer ones must not wrap around.
        fine = getattr(array.type, "unit", None) == "ns"
        counted = array.cast(to(getattr(array.type, "tz", None)), safe=not fine)
        plain: list[Any] = counted.cast(pa.int32() if _types.is_date32(counted.type) else pa.int64()).to_pylist()
        return plain

    return convert


def _lists(array: _Array) -> list[Any]:
    # `flatten` leaves out what lies under a null, in every kind of list.
    flat = _values(array.flatten())
    plain: list[Any] = []
    at = 0
    for size in pc.list_value_length(array).to_pylist():
        plain.append(None if size is None else flat[at : at + size])
        at += size or 0
    return plain


def _maps(array: _Array) -> list[Any]:
    start, end = array.offsets[0].as_py(), array.offsets[-1].as_py()
    keys, items = (_values(child[start:end]) for child in (array.keys, array.items))
    plain, at = [], 0
    offsets, valid = array.offsets.to_pylist(), array.is_valid().to_pylist()
    for index, there in enumerate(valid):
        size = offsets[index + 1] - offsets[index]
        entries = list(zip(keys[at : at + size], items[at : at + size], strict=True))
        plain.append(sorted(entries, key=lambda entry: _encode(entry[0])) if there else None)
        at += size
    return plain


def _structs(array: _Array) -> list[Any]:
    # `flatten` hands the nulls of the whole down to its fields.
    fields = [_values(field) for field in array.flatten()]
    rows = zip(*fields, strict=True) if fields else iter([()] * len(array))
    return [row if there else None for row, there in zip(rows, array.is_valid().to_pylist(), strict=True)]


_CONVERTERS: tuple[tuple[Callable[[pa.DataType], bool], Callable[[_Array], list[Any]]], ...] = (
    (_types.is_dictionary, lambda array: _values(array.dictionary_decode())),
    (_types.is_floating, _floats),
    (_types.is_timestamp, _counts(lambda zone: pa.timestamp("us", zone))),
    (_types.is_date, _counts(lambda _: pa.date32())),
    (_types.is_time, _counts(lambda _: pa.time64("us"))),
    (_types.is_duration, _counts(lambda _: pa.duration("us"))),
    (_types.is_decimal, lambda array: [None if v is None else format(v, "f") for v in array.to_pylist()]),
    (_is_bytes, lambda array: [None if v is None else v.hex() for v in array.to_pylist()]),
    (_types.is_map, _maps),
    (_is_list, _lists),
    (_types.is_struct, _structs),
)
