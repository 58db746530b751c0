// An AMDGPU code object laid out as its program headers say. Every offset in the file is checked;
// nothing here trusts it. Source: LLVM, User Guide for AMDGPU Backend, "ELF Code Object".
#pragma once

#include "runtime/support/Error.h"

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace tawny::hipsim {

/// A PT_LOAD segment.
struct Segment {
  uint64_t address; ///< within the image
  uint64_t bytes;
  bool writable;
};

/// A symbol that the image defines.
struct ElfSymbol {
  uint64_t address; ///< within the image
  uint64_t bytes;
};

/// Segments of a code object in memory, from address 0 on, before relocation.
struct ElfImage {
  uint32_t flags = 0; ///< e_flags: machine, xnack, sramecc
  std::vector<std::byte> bytes;
  std::vector<Segment> segments;
  std::map<std::string, ElfSymbol> symbols; ///< defined dynamic ones
  std::string metadata;                     ///< MessagePack, from the note

  /// Applies the dynamic relocations for an image that starts at `base`.
  ErrorOr<void> relocate(uint64_t base);

  struct Relocation {
    uint64_t address, addend, symbolValue;
    uint32_t type;
    bool symbolDefined;
    std::string symbol;
  };
  std::vector<Relocation> relocations;
};

/// What a file that starts at `image` says its size is, from an ELF64 header and what that points
/// to. Reads the caller's memory through the operating system, so that memory which is not there
/// is an error and no crash.
ErrorOr<std::vector<std::byte>> copyElf(const void *image);

/// Lays the file out. The error says what is broken and where.
ErrorOr<ElfImage> layOutElf(std::span<const std::byte> file);

/// Whether the file starts as an ELF file does.
bool isElf(const void *image);

} // namespace tawny::hipsim
