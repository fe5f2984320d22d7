"""Lives of the real route under drawn misfortunes, in virtual time: one seed is one story, told again by its number.

The route, its adoption, the reaper and the SQL ledger are the real ones; platforms, clock and orchestrator are doubles.
"""
