"""A script that does its work and never opens Pipes."""

print("all done")  # noqa: T201
