"""Tasks that really run: a process per task that sees what a driver on Databricks sees. Needs Linux."""
