// The element types a GGUF tensor can have, and the geometry of their blocks.
#pragma once

#include "llvm/ADT/StringRef.h"
#include <cstdint>

namespace tawny::gguf {

/// Ids of the element types, as a tensor's description stores them. Only those that this project's
/// code names are listed; typeInfo() knows the others too.
enum TypeId : uint32_t {
  TypeF32 = 0,
  TypeF16 = 1,
  TypeQ4_0 = 2,
  TypeQ8_0 = 8,
  TypeQ4_K = 12,
  TypeQ5_K = 13,
  TypeQ6_K = 14,
};

/// Ids at and above this one are unknown.
inline constexpr uint32_t numTypeIds = 42;

/// How a type is stored: `blockElements` consecutive elements of a row take `blockBytes` bytes.
struct TypeInfo {
  llvm::StringRef name;
  uint32_t blockElements;
  uint32_t blockBytes;
};

/// The geometry of type `id`, or null for an id that is unknown or that the format has withdrawn.
const TypeInfo *typeInfo(uint32_t id);

/// The name of a type that the format has withdrawn (such as Q4_2), or an empty string.
llvm::StringRef withdrawnTypeName(uint32_t id);

} // namespace tawny::gguf
