"""Objects by key, on a local disk or in an S3 bucket, with one atomic primitive: put if absent."""

from engineshed.storage.objects.local import LocalStore
from engineshed.storage.objects.opening import open_store
from engineshed.storage.objects.store import TableStore

__all__ = ["LocalStore", "TableStore", "open_store"]
