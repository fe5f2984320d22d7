#!/usr/bin/env bash
# Runs the tests of the paths given, all by default. One file stays on one worker, so that a session or a server that a file
# starts is started once; the slow files come first.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

wanted=("$@")
if ((${#wanted[@]} == 0)); then
  wanted=(tests/integration tests/contract tests code_locations)
fi
present=()
for path in "${wanted[@]}"; do
  if [[ -e $path ]]; then present+=("$path"); fi
done

exec .venv/bin/python -m pytest --numprocesses "${TEST_WORKERS:-2}" --dist loadfile --no-loadscope-reorder \
  --durations 15 --ignore tests/e2e "${present[@]}"
