// A model opened through the C interface, as tests use it: failures are recorded, not returned.
#pragma once

#include "runtime/include/tawny.h"
#include "tests/endtoend/Artifacts.h"
#include "tests/endtoend/Numbers.h"

#include <gtest/gtest.h>
#include <memory>
#include <string_view>
#include <vector>

namespace tawny::endtoend {

/// Which of a span's tokens want their logits.
enum class Want : uint8_t { None, Last, All };

/// New tokens of one sequence.
struct Feed {
  tawny_sequence sequence;
  Tokens tokens;
  Want want = Want::Last;
  std::vector<uint8_t> flags = {}; ///< one per token; stands for `want` where it is not empty
};

class Session {
public:
  /// `threads` and `check` as tawny_options has them.
  explicit Session(const Subject &subject, uint32_t threads = 0, bool check = false);
  ~Session() { tawny_close(model); }
  Session(const Session &) = delete;
  Session &operator=(const Session &) = delete;

  explicit operator bool() const { return model != nullptr; }
  const tawny_model_info &info() const { return description; }
  tawny_model *handle() { return model; }
  Bounds bounds() const { return boundsOf(description.activations, format); }
  double agreementBound() const { return endtoend::agreementBound(description.activations); }

  tawny_sequence create();
  tawny_sequence fork(tawny_sequence parent);
  void truncate(tawny_sequence sequence, uint32_t length);
  void free(tawny_sequence sequence);
  uint32_t length(tawny_sequence sequence) const { return tawny_sequence_length(model, sequence); }
  /// Bytes of a line of the memory plan, such as "weights".
  uint64_t memoryBytes(std::string_view line) const;
  uint32_t freePages() const { return tawny_free_pages(model); }

  /// Runs one step and copies its logits, which are NaN where it failed.
  Logits step(const std::vector<Feed> &feeds);
  Logits step(tawny_sequence sequence, const Tokens &tokens, Want want = Want::Last);
  /// The same for a step that may fail; its logits are not copied.
  tawny_status tryStep(const std::vector<Feed> &feeds);
  /// The logits of the last step, which succeeded.
  Logits lastLogits() const;
  const char *lastError() const { return tawny_last_error(model); }

private:
  tawny_status run(const std::vector<Feed> &feeds);

  std::string format;
  tawny_model *model = nullptr;
  tawny_model_info description = {};
};

/// The part [first, first + count) of `tokens`.
Tokens slice(const Tokens &tokens, size_t first, size_t count);

/// Logits of all tokens of a sequence of its own, through one large span.
Logits prefillAlone(Session &session, const Tokens &tokens);
/// The same, one token at a time.
Logits decodeAlone(Session &session, const Tokens &tokens);

/// Tests of a compiled model; skipped where it cannot be compiled or run.
class CompiledModel : public ::testing::TestWithParam<Subject> {
protected:
  void SetUp() override;
  std::string name() const { return GetParam().name(); }

  std::unique_ptr<Session> session;
};

/// Names a case in test listings, where only letters, digits and underscores may stand.
std::string caseName(const ::testing::TestParamInfo<Subject> &info);

/// Every target and kind of activations for each of the formats.
std::vector<Subject> allSubjects(const std::vector<std::string> &formats);
std::vector<std::string> sharedFormats();

} // namespace tawny::endtoend

/// The sample model runs always, the shared ones in the long test.
#define TAWNY_INSTANTIATE(suite)                                                                   \
  INSTANTIATE_TEST_SUITE_P(Sample, suite, ::testing::ValuesIn(allSubjects({"sample"})), caseName); \
  INSTANTIATE_TEST_SUITE_P(Long, suite, ::testing::ValuesIn(allSubjects(sharedFormats())), caseName)
