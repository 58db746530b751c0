#!/bin/sh
# status.sh STATUS COMMAND...: succeeds if the command exits with exactly this status.
expected=$1
shift
"$@"
found=$?
[ "$found" -eq "$expected" ] && exit 0
echo "expected exit status $expected, found $found" >&2
exit 1
