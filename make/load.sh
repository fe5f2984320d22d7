#!/usr/bin/env bash
# Loads the images that docker has built into the nodes of a kind cluster. Elsewhere there is nothing to do: the program in
# $ENGINESHED_IMAGE_BUILDER has loaded them, or a registry holds them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

context=$(kubectl config current-context 2>/dev/null || true)
if [[ -n ${ENGINESHED_IMAGE_BUILDER:-} || $context != kind-* ]]; then exit 0; fi
images=(dagster spark)
for values in code_locations/*/values.yaml; do
  location=$(basename "$(dirname "$values")")
  images+=("${location//_/-}")
done
tag=${ENGINESHED_IMAGE_TAG:-dev}
tagged=("${images[@]/#/engineshed/}")
kind load docker-image --name "${context#kind-}" "${tagged[@]/%/:$tag}"
