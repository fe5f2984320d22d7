#!/usr/bin/env bash
# Builds the images, or those named: dagster, spark, and one for each folder of code_locations/ (web-graph for web_graph).
# By docker where its daemon answers; by the command in $ENGINESHED_IMAGE_BUILDER where that is set, called as
#   $ENGINESHED_IMAGE_BUILDER TAG -f FILE [--build-arg NAME=VALUE].. FOLDER
# which is to build and, where it serves a cluster, to load. An image whose inputs did not change is left as it is.
# ENGINESHED_IMAGE_TAG (dev) is the tag, EXTRAS goes to the locations' images.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tag=${ENGINESHED_IMAGE_TAG:-dev}
stamps=.engineshed/images
version=$(awk -F'"' '/^version = / {print $2; exit}' pyproject.toml)

say() { printf '%s\n' "images: $*" >&2; }
sha256() { { sha256sum 2>/dev/null || shasum -a 256; } | cut -d' ' -f1; }

# What builds, and for which cluster: an image built for another is not there.
builder() {
  if [[ -n ${ENGINESHED_IMAGE_BUILDER:-} ]]; then
    printf '%s ' "$ENGINESHED_IMAGE_BUILDER"
    kubectl get namespace kube-system -o 'jsonpath={.metadata.uid}' --request-timeout 5s 2>/dev/null || true
  elif docker version >/dev/null 2>&1; then
    printf 'docker'
  else
    say "no docker daemon answers, and ENGINESHED_IMAGE_BUILDER names no other program to build with."
    exit 1
  fi
}

# Is what an earlier call made still there? Another builder than docker is asked only whether it is the same one.
there() { [[ $made_by != docker ]] || docker image inspect "$1" >/dev/null 2>&1; }

run() {
  local command=(docker build -t)
  if [[ $made_by != docker ]]; then read -ra command <<<"$ENGINESHED_IMAGE_BUILDER"; fi
  "${command[@]}" "$@"
}

# The files that go into an image, as far as git tracks or would track them.
inputs() { git ls-files -z --cached --others --exclude-standard -- "$@" | sort -zu; }

# build NAME DOCKERFILE PATHS [BUILD ARGUMENTS..]: PATHS in one word
build() {
  local name=engineshed/$1:$tag file=$2 paths=$3 stamp=$stamps/$1 wanted revision start=$SECONDS each
  local arguments=(--build-arg "VERSION=$version")
  for each in "${@:4}"; do arguments+=(--build-arg "$each"); done
  # shellcheck disable=SC2086
  wanted=$({
    printf '%s\n' "$made_by" "$name" "${arguments[@]}"
    inputs "$file" .dockerignore $paths | while IFS= read -r -d '' each; do
      if [[ -f $each ]]; then printf '%s ' "$each"; sha256 <"$each"; fi
    done
  } | sha256)
  if [[ -f $stamp && $(<"$stamp") == "$wanted" ]] && there "$name"; then
    say "$name is up to date"
    return
  fi
  say "building $name"
  # shellcheck disable=SC2086
  revision=$(git log -1 --format=%H -- "$file" $paths)
  rm -f "$stamp"
  run "$name" -f "$file" "${arguments[@]}" --build-arg "REVISION=${revision:-unknown}" .
  printf '%s\n' "$wanted" >"$stamp"
  say "$name in $((SECONDS - start)) s"
}

library="images/build.lock pyproject.toml README.md LICENSE src spark/driver"
locations=()
for project in code_locations/*/pyproject.toml; do locations+=("$(basename "$(dirname "$project")")"); done

image() {
  local location=${1//-/_} lock
  case $1 in
    dagster) build dagster images/dagster/Dockerfile "$library images/dagster" ;;
    spark) build spark images/spark/Dockerfile "images/build.lock images/spark spark/driver" ;;
    *)
      if [[ " ${locations[*]} " != *" $location "* ]]; then
        say "there is no image $1; there are: dagster spark ${locations[*]//_/-}"
        exit 2
      fi
      lock=$(sha256 <"images/code-location/$location.lock")
      build "${location//_/-}" images/code-location/Dockerfile \
        "$library images/code-location/$location.lock images/code-location/extras code_locations/$location spark/$location samples" \
        "LOCATION=$location" "LOCK_HASH=sha256:$lock" ${EXTRAS:+"EXTRAS=$EXTRAS"}
      ;;
  esac
}

made_by=$(builder)
mkdir -p "$stamps"
if (($# == 0)); then set -- spark dagster "${locations[@]}"; fi
for each; do image "$each"; done
