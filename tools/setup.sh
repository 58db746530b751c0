#!/usr/bin/env bash
# Installs the Debian packages that are missing and configures a build folder. Run it for both, or
# source it for its functions; it changes nothing when everything is there.
tawny_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# Each package and why it is needed.
tawny_packages() {
  cat <<'TABLE'
cmake                 configures the build
ninja-build           runs it
python3               tools/tidy.py and lit
perl                  executes the regular expressions that pre-tokenizers are tested against
clang-22              compiles the C++ and makes the fuzzers
lld-22                links this project's binaries
libclang-rt-22-dev    sanitizers and libFuzzer for tools/check.sh
clang-format-22       formatting, checked by tools/tidy.py
clang-tidy-22         tools/tidy.py --clang-tidy
llvm-22-dev           LLVM: optimiser and backends
llvm-22-tools         lit and FileCheck
libmlir-22-dev        MLIR's headers and libraries
mlir-22-tools         mlir-tblgen
liblld-22-dev         lld as a library: links compiled kernels in process
libflatbuffers-dev    header-only reader of the artifact
flatbuffers-compiler  flatc: generates that reader from runtime/artifact.fbs
libamd-comgr-dev      AMD's code-object manager, which links kernels for chips it knows
libamdhip64-dev       HIP's headers; the library itself is only opened at run time
libgtest-dev          unit tests
nlohmann-json3-dev    config.json, tokenizer.json and --json
libutf8proc-dev       Unicode's tables for tokenizers, linked statically into the runtime
libxxhash-dev         checksums of the artifact's segments
zlib1g-dev            lld's static libraries refer to it
libzstd-dev           lld's static libraries refer to it
TABLE
}

# Prints the packages of the table that are not installed, one per line.
tawny_missing_packages() {
  local package reason
  while read -r package reason; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      echo "$package"
  done < <(tawny_packages)
}

tawny_install_packages() {
  if ! command -v apt-get >/dev/null; then
    echo "error: tools/setup.sh installs Debian packages and found no apt-get. Install what this" \
      "table names by other means and run cmake yourself:" >&2
    tawny_packages >&2
    return 1
  fi
  local missing
  mapfile -t missing < <(tawny_missing_packages)
  [ ${#missing[@]} -gt 0 ] || return 0

  local as_root=()
  if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
      echo "error: these packages are missing and installing them needs root or sudo:" \
        "${missing[*]}" >&2
      return 1
    fi
    as_root=(sudo)
  fi
  echo "Installing ${missing[*]}"
  "${as_root[@]}" apt-get update -q || return 1
  local package unknown=()
  for package in "${missing[@]}"; do
    apt-cache show "$package" >/dev/null 2>&1 || unknown+=("$package")
  done
  if [ ${#unknown[@]} -gt 0 ]; then
    echo "error: this system's package sources do not offer ${unknown[*]}. Tawny needs LLVM," \
      "MLIR, clang and lld 22, as Debian 12 with its security updates offers them; use that" \
      "release or add a source that has these packages, then run this again." >&2
    return 1
  fi
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -q --no-install-recommends "${missing[@]}"
}

# tawny_configure FOLDER [cmake options]: configures FOLDER below the repository.
tawny_configure() {
  local folder=$1 launcher=()
  shift
  if command -v ccache >/dev/null; then
    launcher=(-DCMAKE_C_COMPILER_LAUNCHER=ccache -DCMAKE_CXX_COMPILER_LAUNCHER=ccache)
  fi
  cmake -S "$tawny_root" -B "$tawny_root/$folder" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER=clang-22 -DCMAKE_CXX_COMPILER=clang++-22 -DTAWNY_BUILD_TESTS=ON \
    "${launcher[@]}" "$@"
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
  set -euo pipefail
  tawny_install_packages
  tawny_configure build "$@"
fi
