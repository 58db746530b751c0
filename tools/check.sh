#!/usr/bin/env bash
# Builds everything, once plainly, once with sanitizers and fuzzers, and what has threads a third
# time with the thread sanitizer, and runs every test. The last lines are CTest's summary of all.
#   tools/check.sh [--all]      --all runs the tests labelled `long` too
#   JOBS=N                      parallel jobs; all processors without it
#   FUZZ_SECONDS=N              seconds for each fuzzer; 60 without it
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/setup.sh

selection=(-LE '^long$')
case "${1-}" in
"") ;;
--all) selection=() ;;
*)
  echo "usage: tools/check.sh [--all]" >&2
  exit 2
  ;;
esac
jobs=${JOBS:-$(nproc)}

tawny_install_packages
tawny_configure build
ninja -C build -j "$jobs"

# Unlike the release build, this one keeps its assertions.
tawny_configure build-asan -DTAWNY_SANITIZE=address,undefined -DTAWNY_BUILD_FUZZERS=ON \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -gline-tables-only"
ninja -C build-asan -j "$jobs" asan-tests

# What has threads and runs without LLVM, with the thread sanitizer.
tawny_configure build-tsan -DTAWNY_SANITIZE=thread -DTAWNY_BUILD_COMPILER=OFF \
  -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG="-O1 -gline-tables-only"
ninja -C build-tsan -j "$jobs" tsan-tests

# CTest's tests `asan` and `fuzz` run what build-asan holds, `tsan` what build-tsan holds.
exec ctest --test-dir build --output-on-failure -j "$jobs" "${selection[@]}"
