#include "runtime/support/JsonScanner.h"
#include "runtime/support/Safetensors.h"

#include <algorithm>
#include <cstring>

namespace tawny {

namespace {

constexpr uint64_t elementBytes = 4;
// The format's own limit on the header, and bounds on what one tensor may say.
constexpr uint64_t maxHeaderBytes = 100'000'000;
constexpr size_t maxNameBytes = 4096, maxMetadataBytes = size_t(1) << 20, maxRank = 16;

struct Entry {
  SafetensorsType type;
  std::vector<uint64_t> shape;
  uint64_t begin, end;
};

/// Reads the header's JSON; member functions return false once `problem` is set.
class HeaderReader {
public:
  HeaderReader(std::string_view header, const std::string &source)
      : scanner(header, source + ": header"), source(source) {}

  ErrorOr<std::map<std::string, Entry>> read(SafetensorsMetadata &metadata);

private:
  template <typename T> bool take(ErrorOr<T> result, T &value) {
    if (result)
      value = std::move(*result);
    else
      problem = result.takeError();
    return problem.message.empty();
  }
  bool expect(char symbol, const char *role) {
    if (auto result = scanner.expect(symbol, role); !result)
      problem = result.takeError();
    return problem.message.empty();
  }
  bool fail(Error error) {
    problem = std::move(error);
    return false;
  }
  bool readMetadata(SafetensorsMetadata &metadata);
  bool readIntegers(const char *role, size_t maxCount, std::vector<uint64_t> &values);
  bool readEntry(const std::string &name, Entry &entry);
  bool checkSize(const std::string &name, const Entry &entry);

  JsonScanner scanner;
  const std::string &source;
  Error problem;
};

bool HeaderReader::readMetadata(SafetensorsMetadata &metadata) {
  if (!expect('{', "at the start of __metadata__"))
    return false;
  if (scanner.consume('}'))
    return true;
  do {
    std::string key, value;
    if (!take(scanner.readString("a metadata key", maxNameBytes), key) ||
        !expect(':', "after a metadata key") ||
        !take(scanner.readString("a metadata value", maxMetadataBytes), value))
      return false;
    if (!metadata.emplace(key, std::move(value)).second)
      return fail(makeError("%s: the metadata key '%s' occurs twice", source.c_str(), key.c_str()));
  } while (scanner.consume(','));
  return expect('}', "at the end of __metadata__");
}

bool HeaderReader::readIntegers(const char *role, size_t maxCount, std::vector<uint64_t> &values) {
  if (!expect('[', role))
    return false;
  if (scanner.consume(']'))
    return true;
  do {
    int64_t value = 0;
    if (values.size() == maxCount)
      return fail(makeError("%s: more than %zu numbers %s", source.c_str(), maxCount, role));
    if (!take(scanner.readInteger(role, 0, INT64_MAX), value))
      return false;
    values.push_back(static_cast<uint64_t>(value));
  } while (scanner.consume(','));
  return expect(']', role);
}

bool HeaderReader::readEntry(const std::string &name, Entry &entry) {
  bool hasType = false, hasShape = false;
  std::vector<uint64_t> offsets;
  if (!expect('{', "at the start of a tensor's description"))
    return false;
  do {
    std::string key, type;
    if (!take(scanner.readString("a tensor's key", maxNameBytes), key) ||
        !expect(':', "after a tensor's key"))
      return false;
    if (key == "dtype" && !hasType) {
      if (!take(scanner.readString("dtype", maxNameBytes), type))
        return false;
      if (type != "F32" && type != "I32")
        return fail(makeError("%s: tensor '%s' has dtype '%s'; only F32 and I32 are read here",
                              source.c_str(), name.c_str(), type.c_str()));
      entry.type = type == "F32" ? SafetensorsType::F32 : SafetensorsType::I32;
      hasType = true;
    } else if (key == "shape" && !hasShape) {
      if (!readIntegers("in shape", maxRank, entry.shape))
        return false;
      hasShape = true;
    } else if (key == "data_offsets" && offsets.empty()) {
      if (!readIntegers("in data_offsets", 2, offsets))
        return false;
    } else {
      return fail(makeError("%s: tensor '%s' has the key '%s' twice or it is unknown",
                            source.c_str(), name.c_str(), key.c_str()));
    }
  } while (scanner.consume(','));
  if (!expect('}', "at the end of a tensor's description"))
    return false;
  if (!hasType || !hasShape || offsets.size() != 2)
    return fail(makeError("%s: tensor '%s' needs dtype, shape and two data_offsets", source.c_str(),
                          name.c_str()));
  entry.begin = offsets[0];
  entry.end = offsets[1];
  return checkSize(name, entry);
}

bool HeaderReader::checkSize(const std::string &name, const Entry &entry) {
  uint64_t bytes = elementBytes;
  bool overflow = false;
  for (uint64_t extent : entry.shape)
    overflow |= __builtin_mul_overflow(bytes, extent, &bytes);
  if (overflow || entry.end < entry.begin || entry.end - entry.begin != bytes)
    return fail(makeError("%s: the data_offsets %llu..%llu of tensor '%s' do not match its shape",
                          source.c_str(), static_cast<unsigned long long>(entry.begin),
                          static_cast<unsigned long long>(entry.end), name.c_str()));
  return true;
}

ErrorOr<std::map<std::string, Entry>> HeaderReader::read(SafetensorsMetadata &metadata) {
  std::map<std::string, Entry> entries;
  bool hasMetadata = false;
  if (!expect('{', "at the start of the header"))
    return problem;
  if (!scanner.consume('}')) {
    do {
      std::string name;
      if (!take(scanner.readString("a tensor's name", maxNameBytes), name) ||
          !expect(':', "after a tensor's name"))
        return problem;
      Entry entry = {};
      bool isMetadata = name == "__metadata__";
      if (isMetadata ? hasMetadata : entries.count(name) != 0)
        return makeError("%s: '%s' occurs twice", source.c_str(), name.c_str());
      if (!(isMetadata ? readMetadata(metadata) : readEntry(name, entry)))
        return problem;
      hasMetadata |= isMetadata;
      if (!isMetadata)
        entries.emplace(std::move(name), std::move(entry));
    } while (scanner.consume(','));
    if (!expect('}', "at the end of the header"))
      return problem;
  }
  if (auto end = scanner.expectEnd(); !end)
    return end.takeError();
  return entries;
}

template <typename T> std::vector<T> copyElements(std::string_view bytes) {
  std::vector<T> values(bytes.size() / sizeof(T));
  if (!values.empty())
    std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

} // namespace

std::vector<float> SafetensorsView::floats() const {
  return copyElements<float>(type == SafetensorsType::F32 ? bytes : std::string_view());
}

std::vector<int32_t> SafetensorsView::integers() const {
  return copyElements<int32_t>(type == SafetensorsType::I32 ? bytes : std::string_view());
}

/// Ranges, in the order of the file, must follow each other and end where the file ends.
static ErrorOr<void> checkCoverage(const std::map<std::string, Entry> &entries, uint64_t dataBytes,
                                   const std::string &source) {
  std::vector<std::pair<uint64_t, uint64_t>> ranges;
  ranges.reserve(entries.size());
  for (const auto &[name, entry] : entries)
    ranges.emplace_back(entry.begin, entry.end);
  std::sort(ranges.begin(), ranges.end());
  uint64_t covered = 0;
  for (auto [begin, end] : ranges) {
    if (begin != covered)
      return makeError("%s: a tensor begins at offset %llu of the data, where %llu was expected",
                       source.c_str(), static_cast<unsigned long long>(begin),
                       static_cast<unsigned long long>(covered));
    covered = end;
  }
  if (covered != dataBytes)
    return makeError("%s: the tensors take %llu bytes but the file holds %llu after its header",
                     source.c_str(), static_cast<unsigned long long>(covered),
                     static_cast<unsigned long long>(dataBytes));
  return {};
}

ErrorOr<SafetensorsContent> readSafetensors(std::string_view file, const std::string &source) {
  uint64_t headerBytes = 0;
  if (file.size() < sizeof(headerBytes))
    return makeError("%s: %zu bytes are too few for a safetensors file", source.c_str(),
                     file.size());
  std::memcpy(&headerBytes, file.data(), sizeof(headerBytes));
  file.remove_prefix(sizeof(headerBytes));
  if (headerBytes > file.size() || headerBytes > maxHeaderBytes)
    return makeError("%s: the header claims %llu bytes, of which the file holds %zu (at most %llu "
                     "are allowed)",
                     source.c_str(), static_cast<unsigned long long>(headerBytes), file.size(),
                     static_cast<unsigned long long>(maxHeaderBytes));
  std::string_view header = file.substr(0, headerBytes), data = file.substr(headerBytes);
  if (header.empty() || header.front() != '{')
    return makeError("%s: the header must begin with '{' right after its length", source.c_str());
  SafetensorsContent content;
  auto entries = HeaderReader(header, source).read(content.metadata);
  if (!entries)
    return entries.takeError();
  if (auto covered = checkCoverage(*entries, data.size(), source); !covered)
    return covered.takeError();
  for (auto &[name, entry] : *entries)
    content.tensors[name] = {entry.type, std::move(entry.shape),
                             data.substr(entry.begin, entry.end - entry.begin)};
  return content;
}

} // namespace tawny
