#include "runtime/tokenizer/BytePair.h"

#include "runtime/tokenizer/Normalizer.h"

#include <algorithm>
#include <functional>

namespace tawny {

static constexpr std::string_view replacement = "\uFFFD";
static constexpr int32_t none = -1;

/// Merges pieces one after another, in memory that it keeps from one to the next.
class BytePairTokenizer::Merger {
public:
  explicit Merger(const VocabularyView &vocabulary) : merges(*vocabulary.merges) {}

  void append(std::string_view piece, std::vector<int32_t> &ids);

private:
  /// A token of the piece, in a list linked in the order of the text.
  struct Symbol {
    int32_t id;       ///< none once it is merged into its left neighbour
    int32_t previous; ///< none: it is the first
    int32_t next;     ///< none: it is the last
    int32_t merge;    ///< that of it and the next one, or none
  };

  void addByte(unsigned char byte);
  int32_t findMerge(int32_t left, int32_t right) const;
  /// Notes what the symbol and the one after it merge to. True if they do.
  bool consider(int32_t left);
  void merge();

  const MergeView &merges;
  std::vector<Symbol> symbols;
  /// A heap, the lowest first: a merge's rank above the index of its left symbol.
  std::vector<uint64_t> candidates;
};

void BytePairTokenizer::Merger::addByte(unsigned char byte) {
  int32_t id = merges.byteTokens[byte];
  if (id >= 0)
    symbols.push_back({id, none, none, none});
  else
    // The vocabulary has these bytes: verifyHeader requires all that UTF-8 uses.
    for (unsigned char part : replacement)
      symbols.push_back({merges.byteTokens[part], none, none, none});
}

int32_t BytePairTokenizer::Merger::findMerge(int32_t left, int32_t right) const {
  auto first = merges.right.begin() + merges.starts[static_cast<size_t>(left)];
  auto last = merges.right.begin() + merges.starts[static_cast<size_t>(left) + 1];
  auto wanted = static_cast<uint32_t>(right);
  auto found = std::lower_bound(first, last, wanted);
  return found != last && *found == wanted ? static_cast<int32_t>(found - merges.right.begin())
                                           : none;
}

bool BytePairTokenizer::Merger::consider(int32_t left) {
  if (left < 0)
    return false;
  Symbol &symbol = symbols[left];
  symbol.merge = symbol.next < 0 ? none : findMerge(symbol.id, symbols[symbol.next].id);
  if (symbol.merge < 0)
    return false;
  candidates.push_back(uint64_t(merges.rank[symbol.merge]) << 32 | static_cast<uint32_t>(left));
  return true;
}

void BytePairTokenizer::Merger::merge() {
  for (size_t i = 0; i < symbols.size(); ++i) {
    symbols[i].previous = static_cast<int32_t>(i) - 1;
    symbols[i].next = i + 1 < symbols.size() ? static_cast<int32_t>(i + 1) : none;
  }
  for (size_t i = 0; i + 1 < symbols.size(); ++i)
    consider(static_cast<int32_t>(i));
  std::make_heap(candidates.begin(), candidates.end(), std::greater<>());
  auto considerNow = [&](int32_t left) {
    if (consider(left))
      std::push_heap(candidates.begin(), candidates.end(), std::greater<>());
  };
  while (!candidates.empty()) {
    std::pop_heap(candidates.begin(), candidates.end(), std::greater<>());
    uint64_t best = candidates.back();
    candidates.pop_back();
    auto index = static_cast<int32_t>(best & UINT32_MAX);
    Symbol &left = symbols[index];
    // What has changed since is there again with its present merge, if it has one.
    if (left.merge < 0 || merges.rank[left.merge] != best >> 32)
      continue;
    Symbol &right = symbols[left.next];
    left.id = static_cast<int32_t>(merges.result[left.merge]);
    left.next = right.next;
    if (right.next >= 0)
      symbols[right.next].previous = index;
    right.id = right.merge = none;
    considerNow(left.previous);
    considerNow(index);
  }
}

void BytePairTokenizer::Merger::append(std::string_view piece, std::vector<int32_t> &ids) {
  symbols.clear();
  for (char byte : piece)
    addByte(static_cast<unsigned char>(byte));
  merge();
  for (int32_t i = 0; i >= 0; i = symbols[i].next)
    ids.push_back(symbols[i].id);
}

static bool isUserDefined(const VocabularyView &vocabulary, int32_t id) {
  return vocabulary.type(id) == TokenType::UserDefined;
}

BytePairTokenizer::BytePairTokenizer(const VocabularyView &vocabulary,
                                     const PreTokenizer &preTokenizer)
    : Tokenizer(vocabulary, isUserDefined), preTokenizer(preTokenizer),
      pieces(vocabularyView, vocabulary.merges->wholeTokens ? vocabulary.size() : 0) {
  if (!vocabulary.merges->wholeTokens)
    return;
  for (size_t i = 0; i < vocabulary.size(); ++i)
    if (vocabulary.type(static_cast<int32_t>(i)) == TokenType::Normal)
      pieces.insert(static_cast<int32_t>(i));
}

ErrorOr<std::unique_ptr<Tokenizer>> BytePairTokenizer::create(const VocabularyView &vocabulary) {
  std::string_view name = vocabulary.merges->preTokenizer;
  const PreTokenizer *preTokenizer = PreTokenizer::find(name);
  if (!preTokenizer)
    return makeError("pre_tokenizer: expected one of %s, found '%s'", PreTokenizer::names().c_str(),
                     std::string(name.substr(0, 40)).c_str());
  return std::unique_ptr<Tokenizer>(new BytePairTokenizer(vocabulary, *preTokenizer));
}

ErrorOr<void> BytePairTokenizer::encodeSegment(std::string_view segment,
                                               std::vector<int32_t> &ids) const {
  if (segment.empty())
    return {};
  std::string changed;
  if (vocabularyView.merges->nfc) {
    ErrorOr<std::string> composed = toNfc(segment);
    if (!composed)
      return composed.takeError();
    changed = std::move(*composed);
    segment = changed;
  }
  if (vocabularyView.addSpacePrefix)
    segment = changed = ' ' + std::string(segment);
  Merger merger(vocabularyView);
  size_t begin = 0;
  for (uint32_t end : preTokenizer.split(segment)) {
    std::string_view piece = segment.substr(begin, end - begin);
    begin = end;
    int32_t whole = pieces.find(piece);
    if (whole >= 0)
      ids.push_back(whole);
    else
      merger.append(piece, ids);
  }
  return {};
}

void BytePairTokenizer::appendValidToken(int32_t id, const DecodeOptions &options,
                                         DecodePosition &position, std::string &bytes) const {
  if (vocabularyView.isSpecial(id) && !options.renderSpecial)
    return;
  std::string_view text = vocabularyView.text(id);
  bool isSegment = vocabularyView.isSpecial(id) || isUserDefined(vocabularyView, id);
  if (position.atStart && vocabularyView.addSpacePrefix && !isSegment && text.starts_with(' '))
    text.remove_prefix(1);
  // What follows such a token was encoded as a text of its own.
  position.atStart = isSegment;
  bytes += text;
}

} // namespace tawny
