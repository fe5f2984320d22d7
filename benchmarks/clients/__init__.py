"""Dagster's own clients of EMR and Databricks beside engineshed, in the same experiments, on the same doubles."""
