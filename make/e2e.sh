#!/usr/bin/env bash
# An end-to-end suite, one test after the other: tests share what they installed, and some of them measure time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ $* == *cluster* ]]; then
  if ! kubectl get --raw /readyz >/dev/null 2>&1; then
    echo "e2e: no cluster answers: set KUBECONFIG, or make one by \`make kind\` (docs/kubernetes.md)" >&2
    exit 1
  fi
  make/images.sh
  make/load.sh
fi

exec .venv/bin/python -m pytest --durations 10 -rA --show-capture no "$@"
