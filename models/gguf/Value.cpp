#include "models/gguf/Value.h"
#include "llvm/ADT/StringExtras.h"
#include "llvm/Support/Endian.h"
#include "llvm/Support/Format.h"
#include "llvm/Support/raw_ostream.h"
#include <cassert>
#include <cmath>
#include <iterator>

namespace tawny::gguf {

using namespace llvm::support;

namespace {

struct ValueTypeInfo {
  llvm::StringRef name;
  uint32_t bytes;
};

constexpr ValueTypeInfo valueTypes[] = {
    {"u8", 1},   {"i8", 1},     {"u16", 2},   {"i16", 2}, {"u32", 4}, {"i32", 4}, {"f32", 4},
    {"bool", 1}, {"string", 0}, {"array", 0}, {"u64", 8}, {"i64", 8}, {"f64", 8},
};
static_assert(std::size(valueTypes) == numValueTypes);

/// Files cannot make a message longer than this many quoted bytes.
constexpr size_t maxQuotedBytes = 80;

} // namespace

llvm::StringRef valueTypeName(ValueType type) { return valueTypes[uint32_t(type)].name; }

uint32_t valueTypeBytes(ValueType type) { return valueTypes[uint32_t(type)].bytes; }

llvm::StringRef StringArray::iterator::operator*() const {
  return {reinterpret_cast<const char *>(at + 8), endian::read64le(at)};
}

StringArray::iterator &StringArray::iterator::operator++() {
  at += 8 + endian::read64le(at);
  return *this;
}

std::optional<int64_t> Value::getSigned() const {
  switch (valueType) {
  case ValueType::Int8:
    return int8_t(bytes[0]);
  case ValueType::Int16:
    return int16_t(endian::read16le(bytes.data()));
  case ValueType::Int32:
    return int32_t(endian::read32le(bytes.data()));
  case ValueType::Int64:
    return int64_t(endian::read64le(bytes.data()));
  default:
    return std::nullopt;
  }
}

std::optional<uint64_t> Value::getUnsigned() const {
  switch (valueType) {
  case ValueType::UInt8:
    return bytes[0];
  case ValueType::UInt16:
    return endian::read16le(bytes.data());
  case ValueType::UInt32:
    return endian::read32le(bytes.data());
  case ValueType::UInt64:
    return endian::read64le(bytes.data());
  default:
    break;
  }
  std::optional<int64_t> value = getSigned();
  if (!value || *value < 0)
    return std::nullopt;
  return uint64_t(*value);
}

std::optional<double> Value::getFloat() const {
  if (valueType == ValueType::Float32)
    return endian::read<float>(bytes.data(), llvm::endianness::little);
  if (valueType == ValueType::Float64)
    return endian::read<double>(bytes.data(), llvm::endianness::little);
  return std::nullopt;
}

std::optional<bool> Value::getBool() const {
  if (valueType != ValueType::Bool)
    return std::nullopt;
  return bytes[0] != 0;
}

std::optional<llvm::StringRef> Value::getString() const {
  if (valueType != ValueType::String)
    return std::nullopt;
  return llvm::toStringRef(bytes);
}

std::optional<StringArray> Value::getStrings() const {
  if (!isArrayOf(ValueType::String))
    return std::nullopt;
  return StringArray(bytes, count);
}

Value Value::element(uint64_t index) const {
  assert(index < count && "array index out of range");
  uint64_t size = valueTypeBytes(arrayElementType);
  assert(size != 0 && "only elements of a fixed size can be indexed");
  uint64_t begin = index * size;
  // An array's elements follow its element type (4 bytes) and its count (8 bytes).
  return Value(arrayElementType, bytes.slice(begin, size), start + 12 + begin);
}

std::string Value::describe() const {
  std::string text;
  llvm::raw_string_ostream os(text);
  if (valueType == ValueType::Array) {
    os << "array of " << count << ' ' << valueTypeName(arrayElementType);
    return text;
  }
  os << valueTypeName(valueType) << ' ';
  if (std::optional<llvm::StringRef> string = getString())
    os << quote(*string);
  else if (std::optional<bool> flag = getBool())
    os << (*flag ? "true" : "false");
  else if (std::optional<uint64_t> integer = getUnsigned())
    os << *integer;
  else if (std::optional<int64_t> integer = getSigned())
    os << *integer;
  else if (std::optional<double> number = getFloat(); std::isnan(*number))
    os << "NaN";
  else
    os << llvm::format("%.9g", *number);
  return text;
}

std::string quote(llvm::StringRef text) {
  std::string result;
  llvm::raw_string_ostream os(result);
  os << '\'';
  for (char c : text.take_front(maxQuotedBytes)) {
    if (c == '\\' || c == '\'')
      os << '\\' << c;
    else if (llvm::isPrint(c))
      os << c;
    else
      os << "\\x" << llvm::format_hex_no_prefix(uint8_t(c), 2);
  }
  os << '\'';
  if (text.size() > maxQuotedBytes)
    os << " (cut, " << text.size() << " bytes)";
  return result;
}

} // namespace tawny::gguf
