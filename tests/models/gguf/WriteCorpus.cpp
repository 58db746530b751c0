// gguf-write-corpus FOLDER: writes the fuzzer's seed files. The tests compare the committed ones
// with what the builder makes, so run it after a change to the builder.
#include "tests/models/gguf/Builder.h"
#include "llvm/Support/raw_ostream.h"

int main(int argc, char **argv) {
  if (argc != 2) {
    llvm::errs() << "usage: gguf-write-corpus FOLDER\n";
    return 2;
  }
  for (const tawny::gguf::test::Seed &seed : tawny::gguf::test::seeds()) {
    std::string path = std::string(argv[1]) + "/" + seed.name;
    std::error_code code;
    llvm::raw_fd_ostream out(path, code);
    if (!code) {
      out << seed.bytes;
      out.close();
      code = out.error();
      out.clear_error();
    }
    if (code) {
      llvm::errs() << "error: cannot write " << path << ": " << code.message() << "\n";
      return 1;
    }
  }
  return 0;
}
