"""The durable home of intents, launches, leases, settlements and facts, on SQLite or PostgreSQL.

One schema and one set of statements serve both databases. Refuses databases in memory, which would forget what was
launched, and databases that a newer engineshed has migrated.
"""

from engineshed.storage.ledger.backup import restore
from engineshed.storage.ledger.sql import SqlLedger, open_ledger

__all__ = ["SqlLedger", "open_ledger", "restore"]
