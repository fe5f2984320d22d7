#!/usr/bin/env bash
# The end-to-end suite, one test after the other: they share one demo and one webserver, and some of them measure time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

exec .venv/bin/python -m pytest --durations 10 -rA --show-capture no "$@"
