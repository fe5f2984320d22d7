#!/usr/bin/env bash
# Renews requirements.lock: one universal, hashed set for the library with all its extras, every code location and the tools.
# Then the lock of each image: the part of it that this image needs. None names an index, so that they serve wherever packages
# are mirrored. Pins stay unless UPGRADE=1.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

uv=$(make/uv.sh)
sources=(pyproject.toml spark/driver/pyproject.toml code_locations/*/pyproject.toml)
own=()
for source in "${sources[@]}"; do
  own+=(--no-emit-package "$(awk -F'"' '/^name = / {print $2; exit}' "$source")")
done

# compile FILE ARGUMENTS..
compile() {
  local output=$1; shift
  "$uv" pip compile "$@" --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-header --no-annotate --quiet "${own[@]}" --output-file "$output"
}

compile requirements.lock "${sources[@]}" --all-extras --group dev ${UPGRADE:+--upgrade}

# image FILE SOURCE..: at the versions of requirements.lock, never at others
image() {
  local output=$1; shift
  rm -f "$output"
  compile "$output" "$@" --constraint requirements.lock
}

platform=(--extra platform --extra postgres --extra s3 --extra exporter --extra kubernetes)
location=(--extra kubernetes --extra s3 --extra postgres --extra compute-logs)
image images/build.lock images/build.in
image images/dagster/requirements.lock pyproject.toml "${platform[@]}"
image images/spark/requirements.lock images/spark/requirements.in
for project in code_locations/*/pyproject.toml; do
  image "images/code-location/$(basename "$(dirname "$project")").lock" pyproject.toml "$project" "${location[@]}"
done
of_extra() {
  python3 -c 'import sys, tomllib
extras = tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]
print("\n".join(extras[sys.argv[1]]))' "$1"
}

# What EXTRAS of images/code-location adds, one lock for each.
mkdir -p images/code-location/extras
for extra in sail databricks; do
  of_extra "$extra" | image "images/code-location/extras/$extra.lock" -
done
if command -v mvn >/dev/null; then python3 images/spark/jars.py lock; fi
git diff --stat -- requirements.lock images || true
