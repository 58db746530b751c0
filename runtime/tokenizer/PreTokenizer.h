// How byte-level BPE cuts a text into pieces, within which it then merges.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tawny {

class Scanner;

/// One alternative of a regular expression: where its match that begins at byte `at` ends, or `at`
/// if there is none.
using Alternative = size_t (*)(Scanner &scanner, size_t at);

/// Regular expressions that are applied one after another: each cuts every piece that the one
/// before it has left into its matches and what lies between them. docs/tokenizers.md says how to
/// add one.
struct PreTokenizer {
  std::string_view name;                                   ///< as in GGUF's tokenizer.ggml.pre
  std::array<std::span<const Alternative>, 6> expressions; ///< those at the end may be empty

  /// The pre-tokenizer of this name, or null.
  static const PreTokenizer *find(std::string_view name);
  /// All names, with commas between them.
  static std::string names();

  /// Where the pieces of `text` end, ascending; the last is the text's end. The time is linear in
  /// the text's length.
  std::vector<uint32_t> split(std::string_view text) const;
};

} // namespace tawny
