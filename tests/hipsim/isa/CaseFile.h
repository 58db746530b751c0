// The files in cases/: one test to a line. cases/README.md says how they are written.
#pragma once

#include "tests/hipsim/isa/Snippet.h"

namespace tawny::hipsim::test {

struct CaseFile {
  struct Line {
    unsigned number;
    std::vector<std::string> chips;
    Case test;
  };
  std::vector<Line> lines;
  std::string error; ///< with the line's number; empty if the file is well-formed
};

/// Reads a file.
CaseFile readCases(const std::string &path);

} // namespace tawny::hipsim::test
