#!/usr/bin/env bash
# Runs every benchmark by hand; none of them is a test, since a shared machine's clock proves nothing.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

for benchmark in benchmarks/*.py; do
  printf '== %s\n' "$benchmark"
  .venv/bin/python "$benchmark"
done
printf '== %s\n' "benchmarks.clients"
.venv/bin/python -m benchmarks.clients

printf '== the platform on the cluster that KUBECONFIG names\n'
if [[ -n ${KUBECONFIG:-} ]]; then
  make/e2e.sh tests/e2e/cluster -m speed
else
  echo "left out: KUBECONFIG names none"
fi
