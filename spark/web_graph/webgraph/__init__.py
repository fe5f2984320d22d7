"""What the web graph payloads share: WARC reading, page parsing, URL and domain rules, tables.

It runs inside Spark drivers and Python workers and beside the scripts that import it, so it knows neither
Dagster nor the orchestration library, and only `webgraph.session` touches Spark.
"""
