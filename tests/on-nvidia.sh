#!/bin/sh
# Runs a test on the NVIDIA GPU of this machine; where there is none that runs the target, says so
# and ends with 77, which CTest counts as skipped.
#   on-nvidia.sh TAWNY TARGET TEST [ARGUMENT...]
set -eu
tawny=$1
target=$2
shift 2
if ! "$tawny" devices | sed -n '/^cuda: usable/,/^[a-z]*: usable/p' | grep -qw "$target"; then
  echo "skipped: no NVIDIA GPU here runs $target"
  exit 77
fi
TAWNY_TEST_TARGET=$target exec "$@"
