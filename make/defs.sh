#!/usr/bin/env bash
# What Dagster makes of every code location: checked together from the root, listed one by one (dg lists by project).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export VIRTUAL_ENV=$PWD/.venv
.venv/bin/dg check defs
for project in code_locations/*/pyproject.toml; do
  .venv/bin/dg list defs --target-path "$(dirname "$project")"
done
