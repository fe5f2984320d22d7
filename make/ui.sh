#!/usr/bin/env bash
# Dagster's web pages with both code locations, its daemon beside them (run queue, retries) and the exporter of metrics,
# until interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

port=${1:-3000} metrics=${2:-9103}
refuse_taken() {
  local name=$1 number=$2
  if (exec 3<>"/dev/tcp/127.0.0.1/$number") 2>/dev/null; then
    echo "ui: port $number is taken: end what listens there, or take another: make ui $name=$((number + 1))" >&2
    exit 1
  fi
}
refuse_taken PORT "$port"
refuse_taken METRICS "$metrics"
make/dagster_home.sh

# Runs that the pages start post their live progress there.
export ENGINESHED_EXPORTER_URL=http://127.0.0.1:$metrics
.venv/bin/engineshed exporter --port "$metrics" &
exporter=$!
# It goes when the pages go, however they end: this process becomes theirs. Ctrl-C is for them alone.
{ trap '' INT; tail --pid=$$ --follow /dev/null; kill "$exporter" 2>/dev/null || true; } &

# A shell starts background jobs with SIGINT ignored, and Dagster then ignores SIGTERM too: `make ui &` could not be ended.
exec env --default-signal=INT .venv/bin/dagster dev --workspace workspace.yaml --host 127.0.0.1 --port "$port"
