#!/usr/bin/env bash
# Style, types and the one-way imports. Every check runs even when an earlier one fails, so that one run shows all.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

bin=.venv/bin
failed=()

check() {
  local name=$1
  shift
  printf '== %s\n' "$name"
  "$@" || failed+=("$name")
}

check "ruff check" $bin/ruff check
check "ruff format" $bin/ruff format --check
check "mypy" $bin/mypy
# A team's payloads are scripts that import their neighbours by bare name: each folder is a world of its own.
for team in spark/*/; do
  [[ $team == spark/driver/ ]] && continue
  MYPYPATH=$team check "mypy $team" $bin/mypy "$team"
done
check "import-linter" $bin/lint-imports --no-logo

if ((${#failed[@]})); then
  printf 'lint: failed:'
  printf ' [%s]' "${failed[@]}"
  printf '\n'
  exit 1
fi
