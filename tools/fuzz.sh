#!/usr/bin/env bash
# Runs the fuzzers of a build two at a time, each on its own copy of its corpus.
#   tools/fuzz.sh [BUILD [FUZZER...]]    default: every fuzzer of build-asan
#   FUZZ_SECONDS=N                       seconds for each; 60 without it
#   FUZZ_SEED=N                          libFuzzer's seed; 1 without it
# Fails when one finds something and prints the file that reproduces it, which stays under
# BUILD/fuzz/. To reproduce: BUILD/bin/FUZZER FILE
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=$(realpath "${1:-$root/build-asan}")
shift || true
seconds=${FUZZ_SECONDS:-60} seed=${FUZZ_SEED:-1}
# libLLVM is not instrumented, so containers that cross into it look overflowed to ASan.
export ASAN_OPTIONS=${ASAN_OPTIONS:-detect_container_overflow=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS:-print_stacktrace=1}

# fuzz_one NAME CORPUS
fuzz_one() {
  local name=$1 corpus=$2 found=$build/fuzz/$1 log scratch
  if [ ! -x "$build/bin/$name" ] || [ ! -d "$corpus" ]; then
    echo "error: $name: there is no program $build/bin/$name or no corpus '$corpus'" >&2
    return 1
  fi
  mkdir -p "$found"
  log=$found/log
  scratch=$(mktemp -d)
  cp -r "$corpus/." "$scratch"
  # A dictionary of the format stands beside its corpus.
  local status=0 dictionary=()
  if [ -f "$corpus.dict" ]; then
    dictionary=("-dict=$corpus.dict")
  fi
  "$build/bin/$name" -max_total_time="$seconds" -seed="$seed" -timeout=20 \
    -rss_limit_mb=3072 -print_final_stats=1 -artifact_prefix="$found/" \
    "${dictionary[@]}" "$scratch" >"$log" 2>&1 || status=$?
  rm -rf "$scratch"
  if [ "$status" -ne 0 ]; then
    echo "error: $name found an input that fails:" \
      "$(sed -n 's/.*Test unit written to //p' "$log" | tail -n 1)"
    grep -vE '^#[0-9]+\s' "$log" | tail -n 60
    return 1
  fi
  echo "$name: $(sed -n 's/^stat::number_of_executed_units: *//p' "$log") inputs in" \
    "$seconds s, seed $seed, nothing found"
}

lines=$(cat "$build/fuzzers.txt")
if [ $# -gt 0 ]; then
  lines=$(for name in "$@"; do grep "^$name " <<<"$lines" || echo "$name"; done)
fi
if [ -z "$lines" ]; then
  echo "error: $build has no fuzzers; tools/check.sh makes a build that does" >&2
  exit 1
fi

running=0 failed=0
while read -r name corpus; do
  if [ "$running" -eq 2 ]; then
    wait -n || failed=1
    running=$((running - 1))
  fi
  fuzz_one "$name" "$corpus" &
  running=$((running + 1))
done <<<"$lines"
while [ "$running" -gt 0 ]; do
  wait -n || failed=1
  running=$((running - 1))
done
exit "$failed"
