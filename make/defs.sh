#!/usr/bin/env bash
# What Dagster makes of every code location: checked and listed together.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export VIRTUAL_ENV=$PWD/.venv PYTHONWARNINGS=${PYTHONWARNINGS:-ignore}
.venv/bin/dg check defs
.venv/bin/dg list defs
