#!/usr/bin/env bash
# The web pages of the cluster's services on this machine: Dagster on 3000, Grafana on 3001, Prometheus on 9090.
# A tunnel that breaks, because the pod behind it was replaced, is dug again. Ends with Ctrl-C.
set -euo pipefail

namespace=engineshed

tunnel() {
  local service=$1 ports=$2
  kubectl get service "$service" --namespace $namespace >/dev/null 2>&1 || return 0
  while true; do
    kubectl port-forward --namespace $namespace "service/$service" "$ports" || true
    sleep 1
  done
}

trap 'kill $(jobs -p) 2>/dev/null || true' EXIT
trap 'exit 0' INT TERM
tunnel dev-services-grafana 3001:3000 &
tunnel dev-services-prometheus 9090:9090 &
tunnel engineshed-webserver "${PORT:-3000}:80" &
wait
