// Says which field of a header is wrong, and keeps the first such finding.
#pragma once

#include "runtime/artifact_generated.h"
#include "runtime/support/Error.h"

#include <cstdint>
#include <optional>
#include <string>

namespace tawny {

/// The path of a header field, `targets[0].programs[2].name`. It is a chain of frames on the stack
/// and becomes text only when something is wrong, so checking allocates nothing.
class Field {
public:
  explicit Field(const char *name, int64_t index = -1) : name(name), index(index) {}

  /// A field of this table, or with an index an element of that field.
  Field operator()(const char *child, int64_t childIndex = -1) const & {
    return Field(this, child, childIndex);
  }
  /// A frame keeps its parent's address, so the parent must be a named variable.
  Field operator()(const char *child, int64_t childIndex = -1) && = delete;

  std::string text() const;

private:
  Field(const Field *parent, const char *name, int64_t index)
      : parent(parent), name(name), index(index) {}

  const Field *parent = nullptr;
  const char *name;
  int64_t index;
};

/// Each check answers whether the field is good, so checks chain with && and stop at the first bad
/// one; error() then describes it.
class Checker {
public:
  /// `format` completes "expected …, found …".
  [[gnu::format(printf, 4, 5)]] bool expect(bool good, const Field &where, const char *format, ...);

  bool inRange(const Field &where, uint64_t value, uint64_t low, uint64_t high);
  bool multipleOf(const Field &where, uint64_t value, uint64_t divisor);
  /// [offset, offset + bytes) lies within `limit` bytes of `what`, and is not empty.
  bool within(const Field &where, uint64_t offset, uint64_t bytes, uint64_t limit,
              const char *what);
  bool text(const Field &where, const flatbuffers::String *string);
  /// `largest` is the last value of the enum.
  template <typename Enum> bool enumeration(const Field &where, Enum value, Enum largest) {
    return expect(value <= largest, where, "expected a value of at most %u, found %u",
                  static_cast<unsigned>(largest), static_cast<unsigned>(value));
  }
  /// A table, vector or struct that FlatBuffers lets a writer leave out.
  bool present(const Field &where, const void *pointer) {
    return expect(pointer != nullptr, where, "expected a value, found none");
  }

  const std::optional<Error> &error() const { return failure; }

private:
  std::optional<Error> failure;
};

} // namespace tawny
