#!/usr/bin/env bash
# Removes what the targets made. Results of the demo go too; nothing that git tracks is touched.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

rm -rf -- .venv .venv-tools .venv-cache .engineshed .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache artifacts \
  spark-warehouse metastore_db
rm -f -- code_locations/*/.venv
find . -name .git -prune -o -type d -name __pycache__ -prune -exec rm -rf -- {} +
