"""What several benchmarks stand on: an S3 server that counts, an engine that starts relays, a route under Dagster."""
