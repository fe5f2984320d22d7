#!/usr/bin/env bash
# A kind cluster with a registry beside it, as kind's documentation describes it; `down` removes both.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=engineshed
registry=$name-registry
port=5001

need() { command -v "$1" >/dev/null || { echo "kind: $1 is not installed: see docs/kubernetes.md" >&2; exit 1; }; }
need docker
need kind
need kubectl

up() {
  if [[ $(docker inspect --format '{{.State.Running}}' "$registry" 2>/dev/null || true) != true ]]; then
    docker rm --force "$registry" >/dev/null 2>&1 || true
    docker run --detach --restart always --publish "127.0.0.1:$port:5000" --network bridge --name "$registry" registry:2
  fi
  if ! kind get clusters 2>/dev/null | grep -qx "$name"; then
    kind create cluster --config kind-config.yaml
  fi
  for node in $(kind get nodes --name "$name"); do
    docker exec "$node" mkdir -p "/etc/containerd/certs.d/localhost:$port"
    printf '[host."http://%s:5000"]\n' "$registry" |
      docker exec --interactive "$node" cp /dev/stdin "/etc/containerd/certs.d/localhost:$port/hosts.toml"
  done
  docker network connect kind "$registry" 2>/dev/null || true
  # How Tilt learns of the registry: KEP 1755.
  kubectl --context "kind-$name" apply --filename - <<EOF
apiVersion: v1
kind: ConfigMap
metadata: {name: local-registry-hosting, namespace: kube-public}
data:
  localRegistryHosting.v1: |
    host: "localhost:$port"
EOF
}

down() {
  kind delete cluster --name "$name"
  docker rm --force "$registry" >/dev/null 2>&1 || true
}

case ${1:-up} in
  up | down) "$1" ;;
  *) echo "usage: make/kind.sh up|down" >&2; exit 2 ;;
esac
