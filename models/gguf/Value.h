// Metadata values of a GGUF file, read in place.
#pragma once

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/StringRef.h"
#include "llvm/ADT/iterator.h"
#include <cstdint>
#include <optional>
#include <string>

namespace tawny::gguf {

/// The type of a metadata value, numbered as in the file.
enum class ValueType : uint32_t {
  UInt8 = 0,
  Int8 = 1,
  UInt16 = 2,
  Int16 = 3,
  UInt32 = 4,
  Int32 = 5,
  Float32 = 6,
  Bool = 7,
  String = 8,
  Array = 9,
  UInt64 = 10,
  Int64 = 11,
  Float64 = 12,
};

/// Number of value types; larger ids in a file are errors.
inline constexpr uint32_t numValueTypes = 13;

/// "u32", "string", ...
llvm::StringRef valueTypeName(ValueType type);

/// Bytes that one value of a fixed-size type takes; 0 for strings and arrays.
uint32_t valueTypeBytes(ValueType type);

/// The strings of an array, in order, each a view of the file. The reader has checked every length,
/// so iteration needs no further checks. Reaching the n-th string means passing the ones before it.
class StringArray {
public:
  class iterator : public llvm::iterator_facade_base<iterator, std::forward_iterator_tag,
                                                     const llvm::StringRef, ptrdiff_t,
                                                     const llvm::StringRef *, llvm::StringRef> {
  public:
    iterator() = default;
    explicit iterator(const uint8_t *at) : at(at) {}
    bool operator==(const iterator &other) const { return at == other.at; }
    llvm::StringRef operator*() const;
    iterator &operator++();

  private:
    const uint8_t *at = nullptr;
  };

  StringArray(llvm::ArrayRef<uint8_t> bytes, uint64_t count) : bytes(bytes), count(count) {}
  iterator begin() const { return iterator(bytes.begin()); }
  iterator end() const { return iterator(bytes.end()); }
  uint64_t size() const { return count; }

private:
  llvm::ArrayRef<uint8_t> bytes;
  uint64_t count;
};

/// A view of one value inside the mapped file; decoded when asked. Valid while the mapping is.
class Value {
public:
  Value() = default;
  /// A scalar or string; `bytes` is its content (of a string: without the length).
  Value(ValueType type, llvm::ArrayRef<uint8_t> bytes, uint64_t offset)
      : bytes(bytes), start(offset), valueType(type) {}
  /// An array of `count` elements whose bytes are `bytes`.
  Value(ValueType elementType, uint64_t count, llvm::ArrayRef<uint8_t> bytes, uint64_t offset)
      : bytes(bytes), start(offset), count(count), valueType(ValueType::Array),
        arrayElementType(elementType) {}

  ValueType type() const { return valueType; }
  /// File offset, in bytes, of the value's first byte (of a string or array: of its length or
  /// element type).
  uint64_t offset() const { return start; }

  /// Each returns nullopt where the value has another type. An integer of any width fits
  /// getUnsigned() unless it is negative.
  std::optional<uint64_t> getUnsigned() const;
  std::optional<double> getFloat() const;
  std::optional<bool> getBool() const;
  std::optional<llvm::StringRef> getString() const;
  std::optional<StringArray> getStrings() const;

  bool isArrayOf(ValueType type) const {
    return valueType == ValueType::Array && arrayElementType == type;
  }
  /// Number of elements; 0 for what is no array.
  uint64_t arraySize() const { return count; }
  /// Element type of an array.
  ValueType elementType() const { return arrayElementType; }
  /// Element `index` of an array of a fixed-size type. The index must be below arraySize().
  Value element(uint64_t index) const;

  /// "u32 5", "string 'llama'", "array of 3 f32": what an error message calls it.
  std::string describe() const;

private:
  std::optional<int64_t> getSigned() const;

  llvm::ArrayRef<uint8_t> bytes;
  uint64_t start = 0;
  uint64_t count = 0;
  ValueType valueType = ValueType::UInt8;
  ValueType arrayElementType = ValueType::UInt8;
};

/// `text` in single quotes, with control and non-ASCII bytes escaped and long text cut short, so
/// that no file can forge or flood an error message.
std::string quote(llvm::StringRef text);

} // namespace tawny::gguf
