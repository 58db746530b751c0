#include "runtime/tokenizer/SentencePiece.h"

#include "runtime/support/Utf8.h"

#include <algorithm>
#include <unordered_map>

namespace tawny {

static constexpr std::string_view spaceMark = "\u2581";
static constexpr std::string_view unknownText = " \u2047 ";

/// A part of the text, in a list linked in the order of the text.
struct SentencePieceTokenizer::Symbol {
  uint32_t begin;   ///< in the text
  uint32_t size;    ///< 0 once it is merged into its left neighbour
  int32_t previous; ///< -1: none
  int32_t next;     ///< -1: none
  int32_t id;       ///< the piece or user-defined token it is, or -1
  bool isMergeable; ///< false for user-defined tokens
};

/// Two symbols whose concatenation is a piece.
struct SentencePieceTokenizer::Candidate {
  float score;
  int32_t left, right;
  uint32_t size; ///< of both, to tell whether either has changed since
  int32_t id;    ///< of the concatenation

  /// Heap order: the best score is taken first, then the leftmost.
  bool operator<(const Candidate &other) const {
    return score < other.score || (score == other.score && left > other.left);
  }
};

/// Merges one text, whose spaces are already written as in tokens.
class SentencePieceTokenizer::Merger {
public:
  Merger(const SentencePieceTokenizer &tokenizer, std::string_view text)
      : tokenizer(tokenizer), vocabulary(tokenizer.vocabularyView), text(text) {}

  void split();
  void merge();
  ErrorOr<void> emit(std::vector<int32_t> &ids);

private:
  void consider(int32_t left);
  ErrorOr<void> emitUnknown(std::string_view bytes, std::vector<int32_t> &ids);

  const SentencePieceTokenizer &tokenizer;
  const VocabularyView &vocabulary;
  std::string_view text;
  std::vector<Symbol> symbols;
  std::vector<Candidate> candidates; ///< a heap
  /// How an unused token was put together: the length of its left part.
  std::unordered_map<int32_t, uint32_t> leftSizes;
  bool isAfterUnknown = false; ///< whether what was emitted last is the unknown token
};

void SentencePieceTokenizer::Merger::split() {
  symbols.reserve(text.size());
  for (size_t begin = 0; begin < text.size();) {
    std::string_view rest = text.substr(begin);
    Symbol symbol = {};
    symbol.begin = static_cast<uint32_t>(begin);
    auto match = tokenizer.userDefined.matchPrefix(rest);
    if (match.id >= 0) {
      symbol.size = static_cast<uint32_t>(match.length);
      symbol.id = match.id;
    } else {
      // Bytes that are not UTF-8 are symbols of one byte each.
      Utf8Unit unit = firstUtf8Unit(rest);
      symbol.size = unit.kind == Utf8Kind::Character ? unit.length : 1;
      symbol.id = tokenizer.pieces.find(rest.substr(0, symbol.size));
      symbol.isMergeable = true;
    }
    auto index = static_cast<int32_t>(symbols.size());
    symbol.previous = index - 1;
    symbol.next = index + 1;
    symbols.push_back(symbol);
    begin += symbol.size;
  }
  if (!symbols.empty())
    symbols.back().next = -1;
}

void SentencePieceTokenizer::Merger::consider(int32_t left) {
  if (left < 0 || symbols[left].next < 0)
    return;
  int32_t right = symbols[left].next;
  if (!symbols[left].isMergeable || !symbols[right].isMergeable)
    return;
  uint32_t size = symbols[left].size + symbols[right].size;
  int32_t id = tokenizer.pieces.find(text.substr(symbols[left].begin, size));
  if (id < 0)
    return;
  candidates.push_back({vocabulary.scores[id], left, right, size, id});
  if (vocabulary.type(id) == TokenType::Unused)
    leftSizes[id] = symbols[left].size;
}

void SentencePieceTokenizer::Merger::merge() {
  for (size_t i = 0; i + 1 < symbols.size(); ++i)
    consider(static_cast<int32_t>(i));
  std::make_heap(candidates.begin(), candidates.end());
  auto considerNow = [&](int32_t left) {
    size_t before = candidates.size();
    consider(left);
    if (candidates.size() != before)
      std::push_heap(candidates.begin(), candidates.end());
  };
  while (!candidates.empty()) {
    std::pop_heap(candidates.begin(), candidates.end());
    Candidate best = candidates.back();
    candidates.pop_back();
    Symbol &left = symbols[best.left], &right = symbols[best.right];
    // Symbols only grow or vanish, so an equal sum of sizes means that both are as they were.
    if (left.size == 0 || right.size == 0 || left.size + right.size != best.size)
      continue;
    left.size = best.size;
    left.id = best.id;
    left.next = right.next;
    if (right.next >= 0)
      symbols[right.next].previous = best.left;
    right.size = 0;
    considerNow(left.previous);
    considerNow(best.left);
  }
}

ErrorOr<void> SentencePieceTokenizer::Merger::emitUnknown(std::string_view bytes,
                                                          std::vector<int32_t> &ids) {
  if (!tokenizer.byteIds.empty()) {
    for (unsigned char byte : bytes)
      ids.push_back(tokenizer.byteIds[byte]);
    return {};
  }
  if (vocabulary.unkId < 0)
    return makeError("the vocabulary has no token for the byte 0x%02X in the text, no byte tokens "
                     "and no unknown token",
                     static_cast<unsigned char>(bytes[0]));
  if (!isAfterUnknown)
    ids.push_back(vocabulary.unkId);
  isAfterUnknown = true;
  return {};
}

ErrorOr<void> SentencePieceTokenizer::Merger::emit(std::vector<int32_t> &ids) {
  struct Part {
    std::string_view bytes;
    int32_t id;
  };
  std::vector<Part> stack; // what is still to be emitted of a symbol, the leftmost on top
  for (int32_t i = symbols.empty() ? -1 : 0; i >= 0; i = symbols[i].next) {
    stack.push_back({text.substr(symbols[i].begin, symbols[i].size), symbols[i].id});
    while (!stack.empty()) {
      Part part = stack.back();
      stack.pop_back();
      if (part.id < 0) {
        if (auto result = emitUnknown(part.bytes, ids); !result)
          return result;
        continue;
      }
      isAfterUnknown = false;
      auto merged = leftSizes.find(part.id);
      if (vocabulary.type(part.id) != TokenType::Unused || merged == leftSizes.end()) {
        ids.push_back(part.id);
        continue;
      }
      std::string_view left = part.bytes.substr(0, merged->second);
      std::string_view right = part.bytes.substr(merged->second);
      stack.push_back({right, tokenizer.pieces.find(right)});
      stack.push_back({left, tokenizer.pieces.find(left)});
    }
  }
  return {};
}

/// What the texts of `vocabulary` write for a space.
static std::string_view findSpace(const VocabularyView &vocabulary) {
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    auto id = static_cast<int32_t>(i);
    TokenType type = vocabulary.type(id);
    if ((type == TokenType::Normal || type == TokenType::UserDefined) &&
        vocabulary.text(id) == spaceMark)
      return spaceMark;
  }
  return " ";
}

static bool isUserDefined(const VocabularyView &vocabulary, int32_t id) {
  return vocabulary.type(id) == TokenType::UserDefined;
}

/// A user-defined token that strips ends the text before it; the others are part of it.
static bool endsSegment(const VocabularyView &vocabulary, int32_t id) {
  return isUserDefined(vocabulary, id) &&
         (vocabulary.strips(id, StripLeft) || vocabulary.strips(id, StripRight));
}

SentencePieceTokenizer::SentencePieceTokenizer(const VocabularyView &vocabulary)
    : Tokenizer(vocabulary, endsSegment), space(findSpace(vocabulary)),
      pieces(vocabulary, vocabulary.size()),
      userDefined(vocabulary, [&](int32_t id) { return isUserDefined(vocabulary, id); }, space) {
  for (size_t i = 0; i < vocabulary.size(); ++i) {
    auto id = static_cast<int32_t>(i);
    TokenType type = vocabulary.type(id);
    if (type == TokenType::Normal || type == TokenType::Unused)
      pieces.insert(id);
  }
}

/// The byte that the text of a byte token, "<0x0A>", names, or -1.
static int parseByteToken(std::string_view text) {
  if (text.size() != 6 || !text.starts_with("<0x") || text[5] != '>')
    return -1;
  int value = 0;
  for (char digit : text.substr(3, 2)) {
    bool isDecimal = digit >= '0' && digit <= '9';
    if (!isDecimal && !(digit >= 'A' && digit <= 'F') && !(digit >= 'a' && digit <= 'f'))
      return -1;
    value = value * 16 + (isDecimal ? digit - '0' : (digit | 0x20) - 'a' + 10);
  }
  return value;
}

ErrorOr<void> SentencePieceTokenizer::indexBytes() {
  std::vector<int32_t> ids(256, -1);
  std::vector<uint8_t> values(vocabularyView.size());
  size_t found = 0;
  for (size_t i = 0; i < vocabularyView.size(); ++i) {
    auto id = static_cast<int32_t>(i);
    if (vocabularyView.type(id) != TokenType::Byte)
      continue;
    std::string_view text = vocabularyView.text(id);
    int value = parseByteToken(text);
    if (value < 0)
      return makeError("the byte token %d has the text '%s'; \"<0x00>\" to \"<0xFF>\" were "
                       "expected",
                       id, std::string(text.substr(0, 40)).c_str());
    if (ids[static_cast<size_t>(value)] >= 0)
      return makeError("the vocabulary has two tokens for the byte 0x%02X: %d and %d",
                       static_cast<unsigned>(value), ids[static_cast<size_t>(value)], id);
    ids[static_cast<size_t>(value)] = id;
    values[i] = static_cast<uint8_t>(value);
    ++found;
  }
  if (found == 0)
    return {};
  if (found != ids.size())
    return makeError("the vocabulary has tokens for %zu of the 256 bytes; all or none are needed",
                     found);
  byteIds = std::move(ids);
  byteValues = std::move(values);
  return {};
}

ErrorOr<std::unique_ptr<Tokenizer>>
SentencePieceTokenizer::create(const VocabularyView &vocabulary) {
  std::unique_ptr<SentencePieceTokenizer> tokenizer(new SentencePieceTokenizer(vocabulary));
  if (auto indexed = tokenizer->indexBytes(); !indexed)
    return indexed.takeError();
  return std::unique_ptr<Tokenizer>(std::move(tokenizer));
}

ErrorOr<void> SentencePieceTokenizer::encodeSegment(std::string_view segment,
                                                    std::vector<int32_t> &ids) const {
  if (segment.empty())
    return {};
  std::string text;
  text.reserve(segment.size() + segment.size() / 2 + space.size());
  if (vocabularyView.addSpacePrefix)
    text += space;
  for (char c : segment)
    if (c == ' ')
      text += space;
    else
      text += c;
  Merger merger(*this, text);
  merger.split();
  merger.merge();
  return merger.emit(ids);
}

void SentencePieceTokenizer::appendValidToken(int32_t id, const DecodeOptions &options,
                                              DecodePosition &position, std::string &bytes) const {
  std::string_view text = vocabularyView.text(id);
  TokenType type = vocabularyView.type(id);
  bool isSpecial = vocabularyView.isSpecial(id);
  if (isSpecial && options.renderSpecial) {
    bytes += text;
    // Encoding such a text puts a space before what follows.
    position.atStart = true;
    return;
  }
  if (type == TokenType::Control || (text.empty() && !isSpecial))
    return;
  bool dropsSpace = position.atStart && vocabularyView.addSpacePrefix;
  position.atStart = false;
  if (type == TokenType::Unknown) {
    bytes += unknownText;
    return;
  }
  if (type == TokenType::Byte) {
    auto byte = static_cast<char>(byteValues[static_cast<size_t>(id)]);
    // Without a token for it, the space in front was itself written as a byte.
    if (!dropsSpace || space != " " || byte != ' ')
      bytes += byte;
    return;
  }
  if (dropsSpace && text.starts_with(space))
    text.remove_prefix(space.size());
  position.atStart = endsSegment(vocabularyView, id);
  for (size_t mark; (mark = text.find(space)) != std::string_view::npos;) {
    bytes += text.substr(0, mark);
    bytes += ' ';
    text.remove_prefix(mark + space.size());
  }
  bytes += text;
}

} // namespace tawny
