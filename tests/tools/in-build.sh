# in-build.sh BUILD COMMAND...: runs COMMAND if BUILD is configured; else CTest counts a skip.
if [ ! -f "$1/CTestTestfile.cmake" ]; then
  echo "skipped: there is no $1; tools/check.sh makes it"
  exit 77
fi
shift
exec "$@"
