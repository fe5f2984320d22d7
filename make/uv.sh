#!/usr/bin/env bash
# Prints a uv that works: the one on PATH, else the locked one, installed by pip into a folder of its own.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

tools=.venv-tools

say() { printf '%s\n' "setup: $*" >&2; }

# An older uv may lack an option that make/*.sh passes; then the locked one is taken. The floor is pyproject.toml's.
works() { "$1" --version 2>/dev/null | awk '{split($2, v, "."); found = (v[1] > 0 || v[2] >= 9)} END {exit !found}'; }

for uv in uv "${HOME:-}/.local/bin/uv" "${HOME:-}/.cargo/bin/uv" "$tools/bin/uv"; do
  if works "$uv"; then
    printf '%s\n' "$uv"
    exit 0
  fi
done

# As root on Debian and Ubuntu what is missing can be had; elsewhere the message says what to do.
apt() {
  local sudo=()
  command -v apt-get >/dev/null || return 1
  if [[ $(id -u) != 0 ]]; then
    sudo -n true 2>/dev/null || return 1
    sudo=(sudo -n)
  fi
  say "apt-get install $*"
  { "${sudo[@]}" apt-get update -qq && "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$@"; } >&2
}

give_up() {
  say "no uv on PATH, and $1."
  say "Remedy: install python3-venv (Debian, Ubuntu: apt-get install python3-venv) or uv (https://docs.astral.sh/uv/)."
  exit 1
}

command -v python3 >/dev/null || apt python3 python3-venv || give_up "no python3 to install it with"

say "no uv on PATH; installing the locked one into $tools"
locked=$(mktemp)
trap 'rm -f "$locked"' EXIT
awk '/^[a-z0-9]/ {wanted = /^uv==/} wanted' requirements.lock >"$locked"
install=(install --quiet --disable-pip-version-check --no-deps --require-hashes --requirement "$locked")

rm -rf -- "$tools"
if python3 -c 'import ensurepip, venv' 2>/dev/null || apt python3-venv; then
  python3 -m venv "$tools"
  "$tools/bin/python" -m pip "${install[@]}" >&2
elif python3 -m pip --version >/dev/null 2>&1; then
  # Debian's python3 without python3-venv: pip can still fill a folder of ours.
  python3 -m pip "${install[@]}" --target "$tools" >&2
else
  give_up "python3 has neither venv nor pip"
fi
works "$tools/bin/uv" || give_up "the locked uv does not run here"
printf '%s\n' "$tools/bin/uv"
