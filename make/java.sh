#!/usr/bin/env bash
# Classic Spark (engine `local`) wants Java 17 or 21. Offers it where it can be had; nothing else needs it, so it never fails.
set -euo pipefail

say() { printf '%s\n' "setup: $*" >&2; }

# Java 17 or 21?
fits() { "$1" -version 2>&1 | grep -Eq 'version "(17|21)[."]'; }

for java in ${JAVA_HOME:+"$JAVA_HOME/bin/java"} java /usr/lib/jvm/*-{17,21}-*/bin/java; do
  if command -v "$java" >/dev/null 2>&1 && fits "$java"; then exit 0; fi
done

off="no Java 17 or 21: engine 'local' (classic Spark) is off, engine 'sail' runs everything"
sudo=()
if [[ $(id -u) != 0 ]]; then sudo=(sudo -n); fi
if ! command -v apt-get >/dev/null || ! "${sudo[@]}" true 2>/dev/null; then
  say "$off"
  exit 0
fi

say "no Java 17 or 21; installing it by apt-get"
"${sudo[@]}" apt-get update -qq >&2 || true
for version in 17 21; do
  if "${sudo[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends "openjdk-$version-jre-headless" >/dev/null 2>&1; then
    say "installed openjdk-$version-jre-headless"
    exit 0
  fi
done
say "$off"
