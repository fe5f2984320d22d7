#!/usr/bin/env bash
# Renews requirements.lock: one universal, hashed set for the library with all its extras, every code location and the tools.
# It names no index, so that it serves wherever packages are mirrored. Pins stay unless UPGRADE=1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=$(make/uv.sh)
sources=(pyproject.toml spark/driver/pyproject.toml code_locations/*/pyproject.toml)
own=()
for source in "${sources[@]}"; do
  own+=(--no-emit-package "$(awk -F'"' '/^name = / {print $2; exit}' "$source")")
done

"$uv" pip compile "${sources[@]}" \
  --universal --python-version 3.11 --generate-hashes --all-extras --group dev ${UPGRADE:+--upgrade} \
  --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet \
  "${own[@]}" --output-file requirements.lock
git diff --stat -- requirements.lock || true
