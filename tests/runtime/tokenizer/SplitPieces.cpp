// split-pieces PRE-TOKENIZER: cuts the texts on standard input, each of which ends with byte 1,
// into pieces and ends each piece with byte 2, for expressions.pl.
#include "runtime/tokenizer/PreTokenizer.h"

#include <iostream>
#include <iterator>

using namespace tawny;

int main(int argc, char **argv) {
  const PreTokenizer *preTokenizer = argc == 2 ? PreTokenizer::find(argv[1]) : nullptr;
  if (!preTokenizer) {
    std::cerr << "usage: split-pieces with one of " << PreTokenizer::names() << '\n';
    return 2;
  }
  std::string input(std::istreambuf_iterator<char>(std::cin), {});
  for (size_t begin = 0, end; (end = input.find('\1', begin)) != std::string::npos;
       begin = end + 1) {
    std::string_view text = std::string_view(input).substr(begin, end - begin);
    size_t piece = 0;
    for (uint32_t pieceEnd : preTokenizer->split(text)) {
      std::cout << text.substr(piece, pieceEnd - piece) << '\2';
      piece = pieceEnd;
    }
    std::cout << '\1';
  }
}
