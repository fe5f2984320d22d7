"""The protocols between floors: what an engine, a channel, a ledger, a store, a clock must do. No implementation here."""
