#!/usr/bin/env bash
# Dagster's web pages with both code locations, its daemon beside them (run queue, retries), until interrupted.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

port=${1:-3000}
if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
  echo "ui: port $port is taken: end what listens there, or take another: make ui PORT=$((port + 1))" >&2
  exit 1
fi
make/dagster_home.sh

# A shell starts background jobs with SIGINT ignored, and Dagster then ignores SIGTERM too: `make ui &` could not be ended.
exec env --default-signal=INT .venv/bin/dagster dev --workspace workspace.yaml --host 127.0.0.1 --port "$port"
