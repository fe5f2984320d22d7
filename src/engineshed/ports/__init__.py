"""The protocols between floors: what an engine, channel, ledger, store or clock must do. No implementation here."""
