#!/usr/bin/env bash
# Makes .venv from requirements.lock, every file checked by hash. A second call finds the stamp and ends at once.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=.venv
stamp=$venv/.engineshed-setup
members=(spark/driver)
for project in code_locations/*/pyproject.toml; do members+=("$(dirname "$project")"); done

say() { printf '%s\n' "setup: $*" >&2; }

# What the environment was made from, and where: an editable install and a venv's scripts hold absolute paths.
fingerprint() {
  { pwd; cat requirements.lock pyproject.toml make/setup.sh make/uv.sh "${members[@]/%//pyproject.toml}"; } \
    | { sha256sum 2>/dev/null || shasum -a 256; } | cut -d' ' -f1
}

wanted=$(fingerprint)
if [[ -f $stamp && $(<"$stamp") == "$wanted" && -x $venv/bin/python ]]; then
  exit 0
fi

fits() { "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null; }

# The Python at hand when it fits. Prints nothing when none does.
python_at_hand() {
  local name
  for name in python3 python3.12 python3.13 python3.11 python3.14; do
    if fits "$name"; then
      "$name" -c 'import sys; print(sys.executable)'
      return
    fi
  done
}

# What pip is told about this network (a mirror, a certificate) a uv that pip brought is told too.
as_pip() {
  local cert index
  cert=${PIP_CERT:-$(python3 -m pip config get global.cert 2>/dev/null || true)}
  index=${PIP_INDEX_URL:-$(python3 -m pip config get global.index-url 2>/dev/null || true)}
  if [[ -n $cert ]]; then export SSL_CERT_FILE=${SSL_CERT_FILE:-$cert}; fi
  if [[ -n $index ]]; then export UV_DEFAULT_INDEX=${UV_DEFAULT_INDEX:-$index}; fi
}

# A user without a home (a service account, a container's) has no place for uv's cache and Pythons: keep them here.
if ! mkdir -p "${XDG_CACHE_HOME:-${HOME:-/dev/null}/.cache}" 2>/dev/null; then
  say "no cache can be kept in the home folder '${HOME:-}'; keeping it in .venv-cache"
  export UV_CACHE_DIR=${UV_CACHE_DIR:-$PWD/.venv-cache/uv} UV_PYTHON_INSTALL_DIR=${UV_PYTHON_INSTALL_DIR:-$PWD/.venv-cache/python}
fi

uv=$(make/uv.sh)
if [[ $uv == .venv-tools/* ]]; then as_pip; fi
rm -f "$stamp"
# A venv whose Python went away, or that was moved here from another folder, is made anew.
if ! fits $venv/bin/python || ! grep -qsF "$PWD/$venv" $venv/bin/activate; then
  python=$(python_at_hand)
  if [[ -z $python ]]; then
    say "no Python from 3.11 to 3.14 at hand; uv fetches 3.12 (or install one and call again)"
    python=3.12
  fi
  rm -rf -- "$venv"
  say "making $venv with $python"
  "$uv" venv --quiet --python "$python" "$venv"
fi

say "installing the locked packages into $venv (the first time a few minutes)"
if [[ -t 2 ]]; then
  "$uv" pip sync --python "$venv/bin/python" --require-hashes requirements.lock
else # no progress bars here: what is downloaded and counted, not one line per package
  "$uv" pip sync --python "$venv/bin/python" --require-hashes requirements.lock 2>&1 | { grep -v '^ [+-] ' || true; } >&2
fi
say "installing the workspace: engineshed ${members[*]}"
editable=(--editable .)
for member in "${members[@]}"; do editable+=(--editable "$member"); done
"$uv" pip install --quiet --python "$venv/bin/python" --no-deps --no-build-isolation "${editable[@]}"

# dg looks for one .venv per code location; here all share one.
for project in code_locations/*/pyproject.toml; do
  ln -sfn ../../.venv "$(dirname "$project")/.venv"
done

if ! LC_ALL=C $venv/bin/python -c '' 2>/dev/null; then
  say "this folder's name has letters that Python can read in a UTF-8 locale only: call programs of $venv with LC_ALL=C.UTF-8"
fi

make/java.sh
printf '%s\n' "$wanted" >"$stamp"
say "done"
