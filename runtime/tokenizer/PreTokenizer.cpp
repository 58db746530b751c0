// The expressions are those that the models' publishers give in tokenizer.json or, for GPT-2, with
// its encoder. Their parts are functions here rather than text for a regular-expression library,
// because all of them are a run of characters of one set, sometimes with one character before it:
// they need no backtracking, and so no text can make them slow.
#include "runtime/tokenizer/PreTokenizer.h"

#include "runtime/tokenizer/Characters.h"

#include <algorithm>

namespace tawny {

/// A piece that an expression is applied to.
class Scanner {
public:
  explicit Scanner(std::string_view text) : text(text) {}

  size_t size() const { return text.size(); }
  /// The character at byte `at`; at the end U+0000 with no length.
  Character at(size_t at) const {
    return at < text.size() ? characterAt(text, at) : Character{0, 0};
  }

  /// Where at most `most` characters of `set` from byte `at` on end.
  size_t endOfRun(size_t at, CharacterSet set, size_t most = SIZE_MAX) const {
    while (at < text.size() && most-- > 0) {
      Character character = characterAt(text, at);
      if (!set(character.codePoint))
        break;
      at += character.length;
    }
    return at;
  }

  /// A run of blanks: where it ends, where its last character begins, and where its last line end
  /// ends (0: it has none).
  struct Blanks {
    size_t begin, end, last, lineEnd;
  };
  /// The blanks from byte `at` on. Asking from every character of a run looks at it once.
  const Blanks &blanks(size_t at) {
    if (at >= known.begin && at < known.end)
      return known;
    known = {at, at, at, 0};
    while (known.end < text.size()) {
      Character character = characterAt(text, known.end);
      if (!isBlank(character.codePoint))
        break;
      known.last = known.end;
      known.end += character.length;
      if (isLineEnd(character.codePoint))
        known.lineEnd = known.end;
    }
    return known;
  }

private:
  std::string_view text;
  Blanks known = {};
};

namespace {

// What the expressions are made of. Each comment is the part of an expression that it stands for.

/// set{least,most}
template <CharacterSet set, size_t least = 1, size_t most = SIZE_MAX>
size_t run(Scanner &scanner, size_t at) {
  size_t end = least == 1 ? at : scanner.endOfRun(at, set, least - 1);
  size_t longest = scanner.endOfRun(end, set, most == SIZE_MAX ? most : most - least + 1);
  return longest > end ? longest : at;
}

/// first?set+
template <CharacterSet first, CharacterSet set> size_t runAfter(Scanner &scanner, size_t at) {
  Character character = scanner.at(at);
  size_t begin = character.length && first(character.codePoint) ? at + character.length : at;
  size_t end = scanner.endOfRun(begin, set);
  // Where nothing follows, what could be the first may be of the set itself.
  return end > begin ? end : run<set>(scanner, at);
}

/// 's|'t|'re|'ve|'m|'ll|'d, of which (?i:…) also takes capital letters.
template <bool anyCase> size_t contraction(Scanner &scanner, size_t at) {
  if (scanner.at(at).codePoint != '\'')
    return at;
  for (std::string_view letters : {"s", "t", "re", "ve", "m", "ll", "d"}) {
    size_t end = at + 1;
    bool isEqual = true;
    for (char letter : letters) {
      Character character = scanner.at(end);
      char32_t c = anyCase ? foldCase(character.codePoint) : character.codePoint;
      isEqual = isEqual && c == static_cast<unsigned char>(letter);
      end += character.length;
    }
    if (isEqual)
      return end;
  }
  return at;
}

/// \s+
size_t blanks(Scanner &scanner, size_t at) { return scanner.blanks(at).end; }

/// \s+(?!\S): all but the last blank before a word
size_t blanksBeforeBlank(Scanner &scanner, size_t at) {
  const Scanner::Blanks &run = scanner.blanks(at);
  return run.end == scanner.size() ? run.end : std::max(at, run.last);
}

/// \s+$
size_t blanksAtEnd(Scanner &scanner, size_t at) {
  size_t end = scanner.blanks(at).end;
  return end == scanner.size() ? end : at;
}

/// \s*[\r\n]+
size_t blanksThroughLineEnd(Scanner &scanner, size_t at) {
  return std::max(at, scanner.blanks(at).lineEnd);
}

// The sets that need more than one property.

bool isSpace(char32_t c) { return c == ' '; }
/// [^\s\p{L}\p{N}]
bool isSymbol(char32_t c) { return !isBlank(c) && !isLetter(c) && !isNumber(c); }
/// [^\r\n\p{L}\p{N}]
bool isSymbolOrBlank(char32_t c) { return !isLineEnd(c) && !isLetter(c) && !isNumber(c); }
/// [\p{P}\$\+<=>\^~\|]
bool isSign(char32_t c) { return isPunctuation(c) || isInRanges(c, U"$+<=>^|~"); }
/// What Falcon's tokenizer.json calls punctuation: \p{P} and all of ASCII's signs.
bool isSignOrBacktick(char32_t c) { return isSign(c) || c == '`'; }
/// DeepSeek's letters of scripts that have case.
bool isDeepSeekLetter(char32_t c) {
  return isInRanges(
      c, U"A-Za-z\u00B5\u00C0-\u00D6\u00D8-\u00F6\u00F8-\u01BA\u01BC-\u01BF\u01C4-\u0293"
         U"\u0295-\u02AF\u0370-\u0373\u0376\u0377\u037B-\u037D\u037F\u0386\u0388-\u038A\u038C"
         U"\u038E-\u03A1\u03A3-\u03F5\u03F7-\u0481\u048A-\u052F\u0531-\u0556\u10A0-\u10C5"
         U"\u13A0-\u13F5\u13F8-\u13FD\u1C90-\u1CBA\u1CBD-\u1CBF\u1D00-\u1D2B\u1D6B-\u1D77"
         U"\u1D79-\u1D9A\u1E00-\u1F15\u1F18-\u1F1D\u1F20-\u1F45\u1F48-\u1F4D\u1F50-\u1F57\u1F59"
         U"\u1F5B\u1F5D\u1F5F-\u1F7D\u1F80-\u1FB4\u1FB6-\u1FBC\u1FBE\u1FC2-\u1FC4\u1FC6-\u1FCC"
         U"\u1FD0-\u1FD3\u1FD6-\u1FDB\u1FE0-\u1FEC\u1FF2-\u1FF4\u1FF6-\u1FFC\u2102\u2107"
         U"\u210A-\u2113\u2115\u2119-\u211D\u2124\u2126\u2128\u212A-\u212D\u212F-\u2134\u2139"
         U"\u213C-\u213F\u2145-\u2149\u214E\u2183\u2184\u2C00-\u2C7B\u2C7E-\u2CE4\u2CEB-\u2CEE"
         U"\u2CF2\u2CF3\uA640-\uA66D\uA680-\uA69B\uA722-\uA76F\uA771-\uA787\uA78B-\uA78E"
         U"\uAB70-\uABBF\uFB00-\uFB06\uFB13-\uFB17\uFF21-\uFF3A\uFF41-\uFF5A\U00010400-\U0001044F"
         U"\U000104B0-\U000104D3\U000104D8-\U000104FB\U00010C80-\U00010CB2\U00010CC0-\U00010CF2"
         U"\U000118A0-\U000118DF\U0001E900-\U0001E943");
}
/// [!-/:-~！-／：-～‘-‟　-。], whose second range has the letters of ASCII in it
bool isDeepSeekSign(char32_t c) {
  return isInRanges(c, U"!-/:-~\u2018-\u201F\u3000-\u3002\uFF01-\uFF0F\uFF1A-\uFF5E");
}
/// [一-龥ࠀ-一가-퟿]
bool isDeepSeekScript(char32_t c) { return isInRanges(c, U"\u0800-\u9FA5\uAC00-\uD7FF"); }

/// ` ?[^\s\p{L}\p{N}]+[\r\n]*`
size_t symbolsThroughLineEnds(Scanner &scanner, size_t at) {
  size_t end = runAfter<isSpace, isSymbol>(scanner, at);
  return end > at ? scanner.endOfRun(end, isLineEnd) : at;
}

/// `'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+`
constexpr Alternative gpt2[] = {contraction<false>,          runAfter<isSpace, isLetter>,
                                runAfter<isSpace, isNumber>, runAfter<isSpace, isSymbol>,
                                blanksBeforeBlank,           blanks};

/// `(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,D}| ?[^\s\p{L}\p{N}]+[\r\n]*|
/// \s*[\r\n]+|\s+(?!\S)|\s+`, with D digits together
template <size_t digits>
constexpr Alternative words[] = {contraction<true>,
                                 runAfter<isSymbolOrBlank, isLetter>,
                                 run<isNumber, 1, digits>,
                                 symbolsThroughLineEnds,
                                 blanksThroughLineEnd,
                                 blanksBeforeBlank,
                                 blanks};

constexpr Alternative oneLineEnd[] = {run<isLineEnd, 1, 1>};
constexpr Alternative oneNumber[] = {run<isNumber, 1, 1>};
constexpr Alternative numbers[] = {run<isNumber>};
constexpr Alternative threeDigits[] = {run<isDigit, 3, 3>};
constexpr Alternative signs[] = {run<isSign>};
constexpr Alternative falconSigns[] = {run<isSignOrBacktick>};
constexpr Alternative deepSeekWords[] = {runAfter<isBlank, isDeepSeekLetter>};
constexpr Alternative deepSeekSigns[] = {runAfter<isBlank, isDeepSeekSign>};
constexpr Alternative deepSeekScripts[] = {run<isDeepSeekScript>};
constexpr Alternative coderWords[] = {runAfter<isBlank, isLetter>};
constexpr Alternative coderSigns[] = {runAfter<isBlank, isPunctuation>};
constexpr Alternative trailingBlanks[] = {blanksAtEnd};

/// `default` is what files that name no pre-tokenizer were made for.
constexpr PreTokenizer preTokenizers[] = {
    {"default", {signs, gpt2, numbers, threeDigits}},
    {"gpt-2", {gpt2}},
    {"llama-bpe", {words<3>}},
    {"qwen2", {words<1>}},
    {"deepseek-llm",
     {oneLineEnd, deepSeekWords, deepSeekSigns, trailingBlanks, deepSeekScripts, oneNumber}},
    {"deepseek-coder", {oneLineEnd, coderWords, coderSigns, deepSeekScripts, oneNumber}},
    {"falcon", {falconSigns, gpt2, threeDigits}},
    {"starcoder", {oneNumber, gpt2}},
    {"refact", {oneNumber, gpt2}},
};

/// Appends to `ends` where the matches of `expression` in `piece`, and what lies between them, end;
/// `begin` is where the piece lies in the text.
void cut(std::string_view piece, size_t begin, std::span<const Alternative> expression,
         std::vector<uint32_t> &ends) {
  Scanner scanner(piece);
  size_t gap = 0; // where what no match holds yet begins
  for (size_t at = 0; at < piece.size();) {
    size_t end = at;
    for (size_t i = 0; i < expression.size() && end == at; ++i)
      end = expression[i](scanner, at);
    if (end == at) {
      at += scanner.at(at).length;
      continue;
    }
    if (at > gap)
      ends.push_back(static_cast<uint32_t>(begin + at));
    ends.push_back(static_cast<uint32_t>(begin + end));
    gap = at = end;
  }
  if (gap < piece.size())
    ends.push_back(static_cast<uint32_t>(begin + piece.size()));
}

} // namespace

const PreTokenizer *PreTokenizer::find(std::string_view name) {
  const PreTokenizer *found = std::ranges::find(preTokenizers, name, &PreTokenizer::name);
  return found == std::end(preTokenizers) ? nullptr : found;
}

std::string PreTokenizer::names() {
  std::string list;
  for (const PreTokenizer &preTokenizer : preTokenizers)
    list.append(list.empty() ? "" : ", ").append(preTokenizer.name);
  return list;
}

std::vector<uint32_t> PreTokenizer::split(std::string_view text) const {
  std::vector<uint32_t> ends, finer;
  if (!text.empty())
    ends.push_back(static_cast<uint32_t>(text.size()));
  for (std::span<const Alternative> expression : expressions) {
    if (expression.empty())
      break;
    finer.clear();
    size_t begin = 0;
    for (uint32_t end : ends) {
      cut(text.substr(begin, end - begin), begin, expression, finer);
      begin = end;
    }
    ends.swap(finer);
  }
  return ends;
}

} // namespace tawny
