#include "tests/runtime/tokenizer/GgufVocabulary.h"

#include "runtime/support/InputFile.h"

#include <cstring>

namespace tawny::testing_support {

namespace {

enum ValueType : uint32_t { Float32 = 6, String = 8, Array = 9 };

/// A cursor that turns bad on the first read past the end, and then gives zeros.
class Cursor {
public:
  explicit Cursor(std::string_view data) : data(data) {}

  template <typename T> T read() {
    T value = {};
    std::string_view bytes = take(sizeof(T));
    std::memcpy(&value, bytes.data(), bytes.size());
    return value;
  }
  std::string_view readString() { return take(read<uint64_t>()); }
  std::string_view take(uint64_t size) {
    if (size > data.size()) {
      isGood = false;
      data = {};
      return {};
    }
    std::string_view taken = data.substr(0, size);
    data.remove_prefix(size);
    return taken;
  }
  bool good() const { return isGood; }

private:
  std::string_view data;
  bool isGood = true;
};

size_t scalarBytes(uint32_t type) {
  static constexpr size_t sizes[] = {1, 1, 2, 2, 4, 4, 4, 1, 0, 0, 8, 8, 8};
  return type < std::size(sizes) ? sizes[type] : 0;
}

class Reader {
public:
  explicit Reader(std::string_view file) : cursor(file) {}

  ErrorOr<OwnedVocabulary> read() {
    vocabulary.addSpacePrefix = true;
    if (cursor.take(4) != "GGUF")
      return makeError("not a GGUF file");
    cursor.read<uint32_t>(); // version
    cursor.read<uint64_t>(); // number of tensors
    for (uint64_t pairs = cursor.read<uint64_t>(); pairs > 0 && cursor.good(); --pairs) {
      std::string key(cursor.readString());
      readValue(key, cursor.read<uint32_t>());
    }
    if (!cursor.good() || !vocabulary.view().check())
      return makeError("the metadata is damaged or holds no vocabulary");
    return std::move(vocabulary);
  }

private:
  void readValue(const std::string &key, uint32_t type) {
    if (type == String)
      cursor.readString();
    else if (type == Array)
      readArray(key);
    else
      setScalar(key, cursor.take(scalarBytes(type)));
  }

  void readArray(const std::string &key) {
    auto type = cursor.read<uint32_t>();
    for (uint64_t count = cursor.read<uint64_t>(); count > 0 && cursor.good(); --count) {
      if (type == String) {
        std::string_view text = cursor.readString();
        if (key != "tokenizer.ggml.tokens")
          continue;
        vocabulary.texts += text;
        vocabulary.offsets.push_back(static_cast<uint32_t>(vocabulary.texts.size()));
      } else if (type == Float32 && key == "tokenizer.ggml.scores") {
        vocabulary.scores.push_back(cursor.read<float>());
      } else if (key == "tokenizer.ggml.token_type") {
        vocabulary.types.push_back(static_cast<uint8_t>(cursor.read<int32_t>()));
      } else {
        cursor.take(scalarBytes(type));
      }
    }
  }

  void setScalar(const std::string &key, std::string_view bytes) {
    int32_t value = 0;
    std::memcpy(&value, bytes.data(), std::min(bytes.size(), sizeof(value)));
    if (key == "tokenizer.ggml.bos_token_id")
      vocabulary.bosId = value;
    else if (key == "tokenizer.ggml.eos_token_id")
      vocabulary.eosId = value;
    else if (key == "tokenizer.ggml.unknown_token_id")
      vocabulary.unkId = value;
    else if (key == "tokenizer.ggml.add_space_prefix")
      vocabulary.addSpacePrefix = value != 0;
  }

  Cursor cursor;
  OwnedVocabulary vocabulary;
};

} // namespace

ErrorOr<OwnedVocabulary> readGgufVocabulary(const std::string &path) {
  auto file = readInput(path, size_t(1) << 30);
  if (!file)
    return file.takeError();
  return Reader(*file).read();
}

} // namespace tawny::testing_support
