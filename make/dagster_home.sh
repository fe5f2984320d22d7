#!/usr/bin/env bash
# Makes $DAGSTER_HOME with the settings that the route counts on; settings that are there already stay.
set -euo pipefail

mkdir -p "$DAGSTER_HOME"
if [[ ! -e $DAGSTER_HOME/dagster.yaml ]]; then
  cp "$(dirname "${BASH_SOURCE[0]}")/dagster.yaml" "$DAGSTER_HOME/dagster.yaml"
fi
