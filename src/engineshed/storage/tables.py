"""Parquet files of one table: what they hold, by their footers, and how they are read together.

Refuses files that are no whole Parquet, and files of one table whose schemas differ.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
from pyarrow.fs import FileSystem

from engineshed.model.commit import DataFile, TableContent
from engineshed.model.errors import ObjectMissing, PublishRefused, StoreDenied, StoreError
from engineshed.storage.hashing import canonical_type, dataset_hash

_FOOTERS_AT_ONCE = 8
_BYTES_A_VALUE = 16  # what a value of a run-length encoded column takes at least once it is text


@dataclass(frozen=True, slots=True)
class _Footer:
    file: DataFile
    schema: pa.Schema
    content_bytes: int


def describe(name: str, files: Sequence[DataFile], filesystem: FileSystem, *, hash_limit_bytes: int) -> TableContent:
    """Rows, schema and hash of a table from its files, whose own `rows` are not read yet.

    The hash is left out where the uncompressed content is over the limit. Raises PublishRefused, StoreError.
    """
    with ThreadPoolExecutor(_FOOTERS_AT_ONCE) as pool:
        footers = list(pool.map(lambda file: _footer(file, filesystem), files))
    first = footers[0]
    for other in footers[1:]:
        if _shape(other.schema) != _shape(first.schema):
            raise PublishRefused(
                f"table {name!r} has two schemas: {first.file.path} holds {_said(first.schema)}, "
                f"{other.file.path} holds {_said(other.schema)}. Write all of it with one DataFrame."
            )
    columns = tuple((field.name, str(field.type)) for field in first.schema)
    content = TableContent(name=name, files=tuple(f.file for f in footers), columns=columns, dataset_hash=None)
    if sum(footer.content_bytes for footer in footers) > hash_limit_bytes:
        return content
    hashed = dataset_hash(read(content, filesystem, None))
    return TableContent(name=name, files=content.files, columns=columns, dataset_hash=hashed)


def open_dataset(content: TableContent, filesystem: FileSystem) -> ds.Dataset:
    """All files as one dataset, read lazily. Raises ObjectMissing, StoreError."""
    with translated(content.name):
        return ds.dataset([file.path for file in content.files], filesystem=filesystem, format="parquet")


def read(content: TableContent, filesystem: FileSystem, columns: Sequence[str] | None) -> pa.Table:
    """The rows, or some columns of them. Raises KeyError naming the columns there are, ObjectMissing, StoreError."""
    there = [name for name, _ in content.columns]
    for column in columns or ():
        if column not in there:
            raise KeyError(f"table {content.name!r} has no column {column!r}: it has {', '.join(there)}.")
    dataset = open_dataset(content, filesystem)
    with translated(content.name):
        return dataset.to_table(columns=None if columns is None else list(columns))


@contextmanager
def translated(name: str) -> Iterator[None]:
    """Errors of pyarrow's filesystems in our own words."""
    try:
        yield
    except FileNotFoundError as error:
        raise ObjectMissing(f"a file of table {name!r} is gone: {error}. Was the data deleted by hand?") from error
    except PermissionError as error:
        raise StoreDenied(f"a file of table {name!r} is refused: {error}. Let this role read it.") from error
    except OSError as error:
        raise StoreError(f"a file of table {name!r} cannot be read: {error}") from error


def _footer(file: DataFile, filesystem: FileSystem) -> _Footer:
    with translated(file.path), filesystem.open_input_file(file.path) as source:
        try:
            parquet = pq.ParquetFile(source)
            metadata, schema = parquet.metadata, parquet.schema_arrow
        except (pa.ArrowInvalid, OSError) as error:
            if "AWS Error" in str(error):  # the network's failure, not the file's
                raise
            raise PublishRefused(
                f"{file.path} is no whole Parquet file ({error}): write tables as Parquet, and let the write finish."
            ) from error
    groups = sum(metadata.row_group(index).total_byte_size for index in range(metadata.num_row_groups))
    values = metadata.num_rows * len(schema) * _BYTES_A_VALUE
    return _Footer(DataFile(file.path, file.size_bytes, metadata.num_rows), schema, max(groups, values))


def _shape(schema: pa.Schema) -> list[tuple[str, object]]:
    return [(field.name, canonical_type(field.type)) for field in schema]


def _said(schema: pa.Schema) -> str:
    return ", ".join(f"{field.name} {field.type}" for field in schema)
