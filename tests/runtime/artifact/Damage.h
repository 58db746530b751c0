// A way to break an artifact, and the finding that must name it.
#pragma once

#include "tests/runtime/toy/ToyArtifact.h"

#include <gtest/gtest.h>
#include <span>
#include <string>

namespace tawny::test {

struct Damage {
  const char *name;
  void (*change)(fb::ArtifactT &header);
  const char *finding;
};

inline std::vector<std::byte> anyCode() { return std::vector<std::byte>(100, std::byte(0xc3)); }

inline std::string errorOf(ErrorOr<std::unique_ptr<Artifact>> opened) {
  return opened ? "" : opened.takeError().message;
}

/// The whole sentence for a finding.
inline std::string sentence(const std::string &finding) {
  return "'toy' cannot be used: " + finding +
         "; it is damaged or was made by another version of tawnyc: copy it again or compile it "
         "again";
}

inline void expectFindings(std::span<const Damage> damages) {
  for (const Damage &damage : damages) {
    ToyFile file = toyModel(anyCode());
    AlignedBytes bytes = file.encode(damage.change);
    EXPECT_EQ(errorOf(Artifact::fromMemory(bytes.span(), "toy")), sentence(damage.finding))
        << damage.name;
  }
}

} // namespace tawny::test
