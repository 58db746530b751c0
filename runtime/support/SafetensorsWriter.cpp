#include "runtime/support/Safetensors.h"
#include "runtime/support/Utf8.h"

#include <bit>
#include <set>

static_assert(std::endian::native == std::endian::little, "tensors are written as they lie");

namespace tawny {

constexpr uint64_t elementBytes = 4;

static std::string quoteJson(std::string_view text) {
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (static_cast<unsigned char>(c) < 0x20) {
      char escape[8];
      std::snprintf(escape, sizeof(escape), "\\u%04x", c);
      quoted += escape;
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

/// The number of elements of each tensor, whose bytes together must fit in 63 bits.
static ErrorOr<std::vector<uint64_t>> countElements(const std::vector<SafetensorsTensor> &tensors) {
  std::vector<uint64_t> counts;
  std::set<std::string_view> names = {"__metadata__"};
  uint64_t totalBytes = 0;
  for (const SafetensorsTensor &tensor : tensors) {
    if (tensor.name.empty() || !isUtf8(tensor.name))
      return makeError("a tensor's name must be non-empty UTF-8 to be written");
    if (!names.insert(tensor.name).second)
      return makeError("the tensor name '%s' is reserved or was given twice", tensor.name.c_str());
    uint64_t count = 1, bytes = 0;
    bool overflow = false;
    for (uint64_t extent : tensor.shape)
      overflow |= __builtin_mul_overflow(count, extent, &count);
    overflow |= __builtin_mul_overflow(count, elementBytes, &bytes);
    overflow |= __builtin_add_overflow(totalBytes, bytes, &totalBytes);
    if (overflow || totalBytes > uint64_t(INT64_MAX))
      return makeError("the shape of tensor '%s' is too large to be written", tensor.name.c_str());
    counts.push_back(count);
  }
  return counts;
}

static std::string makeHeader(const std::vector<SafetensorsTensor> &tensors,
                              const std::vector<uint64_t> &counts,
                              const SafetensorsMetadata &metadata) {
  std::string header = "{";
  auto separate = [&] {
    if (header.back() != '{')
      header += ',';
  };
  if (!metadata.empty()) {
    header += "\"__metadata__\":{";
    for (const auto &[key, value] : metadata) {
      separate();
      header += quoteJson(key) + ':' + quoteJson(value);
    }
    header += '}';
  }
  uint64_t offset = 0;
  for (size_t i = 0; i < tensors.size(); ++i) {
    separate();
    header += quoteJson(tensors[i].name) + ":{\"dtype\":\"";
    header += tensors[i].type == SafetensorsType::F32 ? "F32" : "I32";
    header += "\",\"shape\":[";
    for (size_t d = 0; d < tensors[i].shape.size(); ++d)
      header += (d ? "," : "") + std::to_string(tensors[i].shape[d]);
    uint64_t end = offset + counts[i] * elementBytes;
    header += "],\"data_offsets\":[" + std::to_string(offset) + "," + std::to_string(end) + "]}";
    offset = end;
  }
  header += '}';
  // The data begin at a multiple of 8, so that a mapping of the file gives aligned tensors.
  header.append((8 - header.size() % 8) % 8, ' ');
  return header;
}

ErrorOr<SafetensorsWriter> SafetensorsWriter::create(const std::string &path,
                                                     std::vector<SafetensorsTensor> tensors,
                                                     const SafetensorsMetadata &metadata) {
  auto counts = countElements(tensors);
  if (!counts)
    return counts.takeError();
  for (const auto &[key, value] : metadata)
    if (!isUtf8(key) || !isUtf8(value))
      return makeError("the metadata for '%s' must be UTF-8", path.c_str());
  auto file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  std::string header = makeHeader(tensors, *counts, metadata);
  uint64_t headerBytes = header.size();
  if (auto length = file->write(&headerBytes, sizeof(headerBytes)); !length)
    return length.takeError();
  if (auto text = file->write(header.data(), header.size()); !text)
    return text.takeError();
  SafetensorsWriter writer(std::move(*file), std::move(tensors), std::move(*counts));
  writer.skipFullTensors();
  return writer;
}

void SafetensorsWriter::skipFullTensors() {
  while (current < tensors.size() && written == counts[current]) {
    ++current;
    written = 0;
  }
}

ErrorOr<void> SafetensorsWriter::append(std::span<const float> values) {
  return append(SafetensorsType::F32, values.data(), values.size());
}

ErrorOr<void> SafetensorsWriter::append(std::span<const int32_t> values) {
  return append(SafetensorsType::I32, values.data(), values.size());
}

ErrorOr<void> SafetensorsWriter::append(SafetensorsType type, const void *data, size_t count) {
  if (count == 0)
    return {};
  if (current == tensors.size())
    return makeError("all %zu tensors are full; %zu elements do not fit", tensors.size(), count);
  const std::string &name = tensors[current].name;
  if (type != tensors[current].type)
    return makeError("tensor '%s' was declared with another element type", name.c_str());
  if (count > counts[current] - written)
    return makeError("tensor '%s' has room for %llu more elements; %zu do not fit", name.c_str(),
                     static_cast<unsigned long long>(counts[current] - written), count);
  if (auto result = file.write(data, count * elementBytes); !result)
    return result;
  written += count;
  skipFullTensors();
  return {};
}

ErrorOr<void> SafetensorsWriter::commit() {
  if (current != tensors.size())
    return makeError("tensor '%s' is incomplete: %llu of %llu elements were written",
                     tensors[current].name.c_str(), static_cast<unsigned long long>(written),
                     static_cast<unsigned long long>(counts[current]));
  return file.commit();
}

} // namespace tawny
