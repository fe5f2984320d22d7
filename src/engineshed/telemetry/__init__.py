"""Telemetry: the one table of metrics, and what is made of it (exporter, rules, boards, reference page)."""
