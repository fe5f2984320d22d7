#!/usr/bin/env bash
# Installs the releases on the cluster of the current context, each in a namespace that enforces Pod Security "restricted":
#   release.sh platform            dev-services (PostgreSQL, object store, ..) and the platform, empty
#   release.sh namespace LOCATION  the namespace of a team, labelled as its own, with the secret of the object store
#   release.sh location LOCATION   that, and the release of the code location
#   release.sh uninstall           all of it away
# For local clusters: on a real one the platform team makes the namespaces, and each team installs its release.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

platform=engineshed
timeout=${ENGINESHED_HELM_TIMEOUT:-180s}
grafana=${ENGINESHED_GRAFANA:-true}

say() { printf '%s\n' "release: $*" >&2; }
need() { command -v "$1" >/dev/null || { say "$1 is not installed: see docs/kubernetes.md"; exit 1; }; }
# A location that is not there has no team: said before anything is asked of a cluster.
known() {
  [[ -n ${1:-} && -f code_locations/$1/values.yaml ]] && return
  local there
  there=$(cd code_locations && printf '%s\n' */values.yaml | sed 's,/.*,,' | paste --serial --delimiters ' ')
  say "no code location '${1:-}' (code_locations/${1:-..}/values.yaml is not there): give LOCATION=, one of $there"
  exit 2
}

case ${1:-} in namespace | location) known "${2:-}" ;; esac
need kubectl
need helm

apply() { kubectl apply --server-side --field-manager engineshed-make --filename - >/dev/null; }

namespace() {
  local name=$1 team=${2:-}
  # One that is on its way out would swallow what is put into it.
  if [[ $(kubectl get namespace "$name" --ignore-not-found --output 'jsonpath={.status.phase}') == Terminating ]]; then
    say "waiting for the end of the earlier namespace $name"
    kubectl wait --for=delete "namespace/$name" --timeout 180s >/dev/null
  fi
  apply <<EOF
apiVersion: v1
kind: Namespace
metadata:
  name: $name
  labels:
    pod-security.kubernetes.io/enforce: restricted
    ${team:+engineshed.dev/team: $team}
EOF
}

install() {
  local release=$1 chart=$2
  shift 2
  helm upgrade --install "$release" "charts/$chart" --wait --timeout "$timeout" "$@" >/dev/null
  say "$release is ready"
}

install_platform() {
  namespace $platform
  # The platform's migration waits for the database by itself, so both are installed side by side.
  install dev-services dev-services --namespace $platform --set "grafana.enabled=$grafana" &
  local services=$!
  install engineshed platform --namespace $platform --values charts/platform/values-kind.yaml
  wait $services
}

team_of() { sed -n 's/^  team: *//p' "code_locations/$1/values.yaml" | head -n 1; }

team_namespace() {
  local location=$1 team
  team=$(team_of "$location")
  namespace "team-$team" "$team"
  # What a platform team would give as cloud identity; on a local cluster every team has the one key there is.
  kubectl get secret dev-services-objectstore --namespace $platform --output json |
    .venv/bin/python -c '
import json, sys
kept = json.load(sys.stdin)
print(json.dumps({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "object-store", "namespace": sys.argv[1]},
                  "data": {k: v for k, v in kept["data"].items() if k.startswith("AWS_")}}))' "team-$team" | apply
}

install_location() {
  local location=$1 team
  team=$(team_of "$location")
  team_namespace "$location"
  install "$team" code-location --namespace "team-$team" --values "code_locations/$location/values.yaml" "${@:2}"
}

uninstall() {
  local values team
  for values in code_locations/*/values.yaml; do
    team=$(team_of "$(basename "$(dirname "$values")")")
    helm uninstall "$team" --namespace "team-$team" --wait --timeout "$timeout" --ignore-not-found >/dev/null
    kubectl delete namespace "team-$team" --ignore-not-found --wait=false >/dev/null
  done
  for release in engineshed dev-services; do
    helm uninstall $release --namespace $platform --wait --timeout "$timeout" --ignore-not-found >/dev/null
  done
  kubectl delete namespace $platform --ignore-not-found --wait=false >/dev/null
  say "all releases are gone"
}

case ${1:-} in
  platform) install_platform ;;
  namespace) team_namespace "$2" ;;
  location) install_location "${@:2}" ;;
  uninstall) uninstall ;;
  *) sed -n '2,7s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
esac
