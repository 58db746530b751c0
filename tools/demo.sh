#!/usr/bin/env bash
# Compiles the sample model that ships with the repository and lets it recite Alice in Wonderland.
set -euo pipefail
cd "$(dirname "$0")/.."
source tools/setup.sh

echo "== Packages and build"
tawny_install_packages
tawny_configure build
ninja -C build tawnyc tawny

echo "== Compile: a GGUF file becomes one file with code and weights"
build/bin/tawnyc models/samples/alice-llama-Q4_K_M.gguf -o build/alice.tawny
ls -l build/alice.tawny

echo "== Run: the heading and two words of chapter I, continued by 64 tokens"
prompt=$'CHAPTER I. Down the Rabbit-Hole\n\nAlice was'
printf '%s' "$prompt"
build/bin/tawny run build/alice.tawny -p "$prompt" -n 64
