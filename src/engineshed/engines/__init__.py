"""The built-in engines. Each is one module with a `build`, found by entry point, blind to the others and to Dagster."""
