"""Alembic's entry: runs the steps on the connection, and in the transaction, that `upgrade` hands over.

Refuses to run by Alembic's own command line, which would migrate without our locks.
"""

from alembic import context

from engineshed.storage.ledger.schema import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
