// The toy model, opened, with what tests ask of it.
#pragma once

#include "runtime/executor/Executor.h"
#include "tests/runtime/toy/ToyArtifact.h"

#include <gtest/gtest.h>
#include <memory>
#include <vector>

namespace tawny::test {

using Tokens = std::vector<int32_t>;
using Flags = std::vector<uint8_t>;

class ToyRun {
public:
  explicit ToyRun(const ModelOptions &options = {}, unsigned threads = 2,
                  const HeaderChange &change = {})
      : ToyRun(options, threads, toyModel(toyCode()), change) {}

  /// A file for the device that the options name.
  ToyRun(const ModelOptions &options, unsigned threads, ToyFile file,
         const HeaderChange &change = {})
      : bytes(file.encode(change)) {
    auto artifact = Artifact::fromMemory(bytes.span(), "toy");
    auto device = openDevice(options.device, threads);
    EXPECT_TRUE(device) << device.error().message;
    EXPECT_TRUE(artifact) << artifact.error().message;
    auto opened = Model::create(std::move(*artifact), std::move(*device), options);
    EXPECT_TRUE(opened) << opened.error().message;
    model = std::move(*opened);
    auto made = Executor::create(*model);
    EXPECT_TRUE(made) << made.error().message;
    executor = std::move(*made);
  }

  KvPool &pool() { return executor->sequences(); }
  SequenceId create() { return *pool().create(); }

  /// A step that must succeed; its logits, row by row.
  std::vector<std::vector<float>> step(std::span<const SequenceInput> batch) {
    auto result = executor->step(batch);
    EXPECT_TRUE(result) << result.error().message;
    if (!result)
      return {};
    EXPECT_EQ(result->outcome, KvPool::Outcome::Done);
    std::vector<std::vector<float>> rows;
    rows.reserve(result->rows);
    const float *next = result->logits;
    for (uint32_t row = 0; row < result->rows; ++row, next += TOY_VOCABULARY)
      rows.emplace_back(next, next + TOY_VOCABULARY);
    return rows;
  }
  std::vector<std::vector<float>> step(SequenceId sequence, const Tokens &tokens,
                                       const uint8_t *wanted = nullptr) {
    SequenceInput input{sequence, tokens, wanted};
    return step({&input, 1});
  }

  std::string errorOf(std::span<const SequenceInput> batch) {
    auto result = executor->step(batch);
    return result ? "" : result.error().message;
  }
  std::string errorOf(SequenceId sequence, const Tokens &tokens) {
    SequenceInput input{sequence, tokens};
    return errorOf({&input, 1});
  }

private:
  AlignedBytes bytes;

public:
  std::unique_ptr<Model> model;
  std::unique_ptr<Executor> executor;
};

/// A row of logits without column 0, which tells about the part instead of the tokens.
inline std::vector<float> tail(const std::vector<float> &row) {
  return {row.begin() + 1, row.end()};
}

/// Tokens of the part that computed the row; decode programs add TOY_DECODE_MARK.
inline float mark(const std::vector<float> &row) { return row[0]; }

inline std::vector<float> expectedAt(const Tokens &tokens, size_t position) {
  return expectedLogits(std::span(tokens).first(position + 1));
}

} // namespace tawny::test
