# size.sh PROGRAM BYTES: fails if PROGRAM's file has more bytes.
bytes=$(wc -c <"$1") || exit 1
echo "$1: $bytes bytes"
if [ "$bytes" -gt "$2" ]; then
  echo "error: expected at most $2"
  exit 1
fi
