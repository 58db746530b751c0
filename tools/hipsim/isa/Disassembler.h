// LLVM's MC disassembler for one chip, as text.
#pragma once

#include "runtime/support/Error.h"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace tawny::hipsim {

class Disassembler {
public:
  static ErrorOr<std::unique_ptr<Disassembler>> create(std::string_view chip);
  ~Disassembler();

  /// Prints the instruction at the front of `code` without leading white space, and its size.
  /// False if there is none.
  bool print(std::span<const std::byte> code, uint64_t pc, std::string &text, unsigned &size);

private:
  struct Impl;
  explicit Disassembler(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace tawny::hipsim
