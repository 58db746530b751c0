// What only byte-level BPE vocabularies have: merges, and texts in an alphabet of bytes.
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Keys.h"
#include "models/gguf/VocabularyArrays.h"
#include "llvm/ADT/DenseMap.h"
#include "llvm/ADT/DenseSet.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/ConvertUTF.h"

namespace tawny::gguf {
namespace {

constexpr llvm::StringRef mergesKey = "tokenizer.ggml.merges";
constexpr llvm::StringRef tokensKey = "tokenizer.ggml.tokens";

/// A value of tokenizer.ggml.pre, and what the publishers of its models say in tokenizer.json
/// besides the expression that cuts a text.
struct PreTokenizerInfo {
  llvm::StringRef name;
  llvm::StringRef runtimeName; ///< As in runtime/tokenizer/PreTokenizer.cpp.
  bool nfc = false;            ///< "normalizer": NFC, for which GGUF has no key.
  bool wholeTokens = false;    ///< "ignore_merges".
  bool addBos = false;         ///< What holds where the file does not say.
};

constexpr PreTokenizerInfo preTokenizers[] = {
    {"default", "default"},
    {"gpt-2", "gpt-2"},
    {"llama-bpe", "llama-bpe", false, true, true},
    {"llama3", "llama-bpe", false, true, true},
    {"llama-v3", "llama-bpe", false, true, true},
    {"qwen2", "qwen2", true},
    {"deepseek-llm", "deepseek-llm"},
    {"deepseek-coder", "deepseek-coder"},
    {"falcon", "falcon"},
    {"starcoder", "starcoder"},
    {"refact", "refact"},
};

/// Ids by text as in the file. The bytes behind the views are the file's.
using TextMap = llvm::DenseMap<llvm::StringRef, uint32_t>;

/// The character that stands for each byte in GPT-2's alphabet: itself where it prints in Latin-1,
/// else the next one from U+0100 on.
std::array<uint16_t, 256> makeAlphabet() {
  std::array<uint16_t, 256> alphabet;
  uint16_t next = 0x100;
  for (unsigned byte = 0; byte < 256; ++byte) {
    bool prints = (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte != 0xAD);
    alphabet[byte] = prints ? uint16_t(byte) : next++;
  }
  return alphabet;
}

/// The bytes that a text in the alphabet stands for, or nullopt where it has other characters.
std::optional<std::string> decodeAlphabet(llvm::StringRef text) {
  static const llvm::DenseMap<unsigned, uint8_t> byteOf = [] {
    llvm::DenseMap<unsigned, uint8_t> map;
    for (auto [byte, character] : llvm::enumerate(makeAlphabet()))
      map[character] = uint8_t(byte);
    return map;
  }();
  std::string bytes;
  const auto *at = reinterpret_cast<const llvm::UTF8 *>(text.bytes_begin());
  const auto *end = reinterpret_cast<const llvm::UTF8 *>(text.bytes_end());
  while (at != end) {
    llvm::UTF32 character;
    if (llvm::convertUTF8Sequence(&at, end, &character, llvm::strictConversion) !=
        llvm::conversionOK)
      return std::nullopt;
    auto byte = byteOf.find(character);
    if (byte == byteOf.end())
      return std::nullopt;
    bytes += char(byte->second);
  }
  return bytes;
}

llvm::Error readPreTokenizer(const File &file, Vocabulary &vocabulary) {
  constexpr llvm::StringRef key = "tokenizer.ggml.pre";
  llvm::Expected<std::optional<llvm::StringRef>> name = findString(file, key);
  if (!name)
    return name.takeError();
  // Files from before the key existed were made for this one.
  const PreTokenizerInfo *info = llvm::find_if(preTokenizers, [&](const PreTokenizerInfo &known) {
    return known.name == name->value_or("default");
  });
  if (info == std::end(preTokenizers)) {
    std::string known;
    for (const PreTokenizerInfo &each : preTokenizers)
      known += (known.empty() ? "" : ", ") + each.name.str();
    return wrongValue(*file.find(key), "one of " + known + ", as no other is supported yet");
  }
  vocabulary.preTokenizer = info->runtimeName;
  vocabulary.nfc = info->nfc;
  vocabulary.wholeTokens = info->wholeTokens;
  vocabulary.addBos = info->addBos;
  vocabulary.addSpacePrefix = false;
  return llvm::Error::success();
}

/// Replaces the texts of normal tokens by the bytes they stand for.
llvm::Error decodeTexts(const File &file, Vocabulary &vocabulary, TextMap &ids) {
  const MetadataEntry &entry = *file.find(tokensKey);
  for (auto [id, token, text] : llvm::enumerate(vocabulary.tokens, *entry.value.getStrings())) {
    if (token.kind == TokenKind::Byte)
      return errorInKey(kindsKey, file.find(kindsKey)->value.element(id).offset(),
                        "expected no byte token beside 'gpt2', found " + describe(id, token));
    if (token.kind != TokenKind::Normal)
      continue;
    std::optional<std::string> bytes = decodeAlphabet(text);
    if (!bytes || bytes->empty())
      return errorInKey(tokensKey, entry.value.offset(),
                        "expected characters that stand for bytes in " + describe(id, token) +
                            ", whose type, 1, says that it is made of them");
    auto [first, isNew] = ids.try_emplace(text, uint32_t(id));
    if (!isNew)
      return errorInKey(tokensKey, entry.value.offset(),
                        "expected one token of each text, found " + describe(id, token) +
                            ", again; it is token " + llvm::Twine(first->second) + " already");
    if (bytes->size() == 1)
      vocabulary.byteTokens[uint8_t((*bytes)[0])] = uint32_t(id);
    token.text = std::move(*bytes);
  }
  for (unsigned byte = 0; byte < 256; ++byte) {
    // Bytes that UTF-8 does not use, and those of characters beyond U+3FFFF, are often left out.
    bool mayLack = byte == 0xC0 || byte == 0xC1 || byte > 0xF0;
    if (!mayLack && !vocabulary.byteTokens[byte])
      return errorInKey(tokensKey, entry.value.offset(),
                        "expected a token for each byte, found none for the byte 0x" +
                            llvm::Twine::utohexstr(byte));
  }
  return llvm::Error::success();
}

llvm::Expected<Merge> readMerge(llvm::StringRef text, const TextMap &ids) {
  auto [left, right] = text.split(' ');
  if (left.empty() || right.empty() || right.contains(' '))
    return errorInFile("two texts with one space between them, found " + quote(text));
  std::string joined = (left + right).str();
  const llvm::StringRef parts[] = {left, right, joined};
  uint32_t found[3];
  for (auto [part, id] : llvm::zip(parts, found)) {
    auto token = ids.find(part);
    if (token == ids.end())
      return errorInFile("a merge of two tokens to a third, found " + quote(text) +
                         ", where no normal token has the text " + quote(part));
    id = token->second;
  }
  return Merge{found[0], found[1], found[2]};
}

llvm::Error readMerges(const File &file, Vocabulary &vocabulary, const TextMap &ids) {
  const MetadataEntry *entry = file.find(mergesKey);
  if (!entry)
    return missingKey(mergesKey, "an array of strings, as the tokenizer is byte-level BPE");
  std::optional<StringArray> texts = entry->value.getStrings();
  if (!texts)
    return wrongValue(*entry, "an array of strings");
  vocabulary.merges.reserve(texts->size());
  llvm::DenseSet<uint64_t> seen;
  for (auto [rank, text] : llvm::enumerate(*texts)) {
    auto fail = [&](const llvm::Twine &what) {
      return errorInKey(mergesKey, entry->value.offset(),
                        "merge " + llvm::Twine(rank) + ": expected " + what);
    };
    llvm::Expected<Merge> merge = readMerge(text, ids);
    if (!merge)
      return fail(llvm::toString(merge.takeError()));
    if (!seen.insert(uint64_t(merge->left) << 32 | merge->right).second)
      return fail("each pair of tokens once, found " + quote(text) + " again");
    vocabulary.merges.push_back(*merge);
  }
  return llvm::Error::success();
}

} // namespace

llvm::Error readBytePair(const File &file, Vocabulary &vocabulary) {
  if (llvm::Error error = readPreTokenizer(file, vocabulary))
    return error;
  TextMap ids;
  if (llvm::Error error = decodeTexts(file, vocabulary, ids))
    return error;
  return readMerges(file, vocabulary, ids);
}

} // namespace tawny::gguf
