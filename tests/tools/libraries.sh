# libraries.sh PROGRAM: fails if PROGRAM needs a library beyond those of C and C++. The runtime has
# to start on a machine that holds neither LLVM nor a GPU driver; drivers are opened when asked for.
needed=$(ldd "$1") || exit 1
foreign=$(printf '%s\n' "$needed" |
  grep -vE '^\s*(linux-vdso|/lib64/ld-linux-[a-z0-9-]+|lib(c|m|stdc\+\+|gcc_s|dl|pthread))\.so')
if [ -n "$foreign" ]; then
  echo "error: $1 may need only libc, libm, libstdc++, libgcc_s, libdl and libpthread, but needs:"
  echo "$foreign"
  exit 1
fi
