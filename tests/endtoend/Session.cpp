#include "tests/endtoend/Session.h"

#include <algorithm>
#include <limits>

namespace tawny::endtoend {

Session::Session(const Subject &subject, uint32_t threads, bool check) : format(subject.format) {
  std::string path = artifactOf(subject);
  if (path.empty())
    return;
  tawny_options options = tawny_default_options();
  // Enough for the logits of the whole span of the book at once.
  options.max_logit_rows = 2048;
  options.threads = threads;
  options.device = deviceOf(subject.target);
  options.check = check;
  char error[1024] = "";
  model = tawny_open(path.c_str(), &options, error, sizeof(error));
  if (!model) {
    ADD_FAILURE() << subject.name() << ": " << error;
    return;
  }
  tawny_get_model_info(model, &description, sizeof(description));
}

uint64_t Session::memoryBytes(std::string_view line) const {
  for (size_t i = 0; i < tawny_memory_line_count(model); ++i)
    if (tawny_memory_line entry = tawny_get_memory_line(model, i); entry.name == line)
      return entry.bytes;
  return 0;
}

tawny_sequence Session::create() {
  tawny_sequence sequence = 0;
  EXPECT_EQ(tawny_create_sequence(model, &sequence), TAWNY_OK) << lastError();
  return sequence;
}

tawny_sequence Session::fork(tawny_sequence parent) {
  tawny_sequence sequence = 0;
  EXPECT_EQ(tawny_fork_sequence(model, parent, &sequence), TAWNY_OK) << lastError();
  return sequence;
}

void Session::truncate(tawny_sequence sequence, uint32_t length) {
  EXPECT_EQ(tawny_truncate_sequence(model, sequence, length), TAWNY_OK) << lastError();
}

void Session::free(tawny_sequence sequence) {
  EXPECT_EQ(tawny_free_sequence(model, sequence), TAWNY_OK) << lastError();
}

static std::vector<uint8_t> flagsOf(const Feed &feed) {
  if (!feed.flags.empty())
    return feed.flags;
  std::vector<uint8_t> flags(feed.tokens.size(), feed.want == Want::All);
  if (feed.want == Want::Last)
    flags.back() = 1;
  return flags;
}

tawny_status Session::run(const std::vector<Feed> &feeds) {
  std::vector<std::vector<uint8_t>> flags;
  std::vector<tawny_span> spans;
  for (const Feed &feed : feeds)
    flags.push_back(flagsOf(feed));
  for (size_t i = 0; i < feeds.size(); ++i)
    spans.push_back(
        {feeds[i].sequence, feeds[i].tokens.data(), feeds[i].tokens.size(), flags[i].data()});
  return tawny_step(model, spans.data(), spans.size());
}

Logits Session::step(const std::vector<Feed> &feeds) {
  size_t wanted = 0, rows = 0;
  for (const Feed &feed : feeds)
    wanted += static_cast<size_t>(std::ranges::count(flagsOf(feed), 1));
  Logits logits{
      description.vocabulary,
      std::vector<float>(wanted * description.vocabulary, std::numeric_limits<float>::quiet_NaN())};
  tawny_status status = run(feeds);
  EXPECT_EQ(status, TAWNY_OK) << lastError();
  const float *values = tawny_logits(model, &rows);
  EXPECT_EQ(rows, status == TAWNY_OK ? wanted : 0);
  if (rows == wanted && wanted != 0)
    std::copy_n(values, logits.values.size(), logits.values.begin());
  return logits;
}

Logits Session::step(tawny_sequence sequence, const Tokens &tokens, Want want) {
  return step({{sequence, tokens, want}});
}

Logits Session::lastLogits() const {
  size_t rows = 0;
  const float *values = tawny_logits(model, &rows);
  return {description.vocabulary, {values, values + rows * description.vocabulary}};
}

tawny_status Session::tryStep(const std::vector<Feed> &feeds) { return run(feeds); }

Tokens slice(const Tokens &tokens, size_t first, size_t count) {
  auto begin = tokens.begin() + static_cast<ptrdiff_t>(first);
  return {begin, begin + static_cast<ptrdiff_t>(count)};
}

Logits prefillAlone(Session &session, const Tokens &tokens) {
  tawny_sequence sequence = session.create();
  Logits logits = session.step(sequence, tokens, Want::All);
  session.free(sequence);
  return logits;
}

Logits decodeAlone(Session &session, const Tokens &tokens) {
  tawny_sequence sequence = session.create();
  Logits logits;
  for (int32_t token : tokens)
    logits.append(session.step(sequence, {token}));
  session.free(sequence);
  return logits;
}

void CompiledModel::SetUp() {
  if (auto reason = reasonToSkip(GetParam()))
    GTEST_SKIP() << *reason;
  session = std::make_unique<Session>(GetParam());
  ASSERT_TRUE(*session);
  ASSERT_FALSE(referenceOf(GetParam().format).book.empty());
}

std::string caseName(const ::testing::TestParamInfo<Subject> &info) {
  std::string name = info.param.name();
  std::ranges::replace_if(name, [](char c) { return !std::isalnum(c); }, '_');
  return name;
}

std::vector<Subject> allSubjects(const std::vector<std::string> &formats) {
  std::vector<Subject> subjects;
  for (const std::string &format : formats)
    for (const std::string &target : testedTargets()) {
      if (deviceOf(target) == std::string("cpu"))
        subjects.push_back({format, target, "f32"});
      subjects.push_back({format, target, "auto"});
    }
  return subjects;
}

std::vector<std::string> sharedFormats() {
  return {"F16",    "Q8_0",   "Q4_0",   "Q4_1", "Q5_0",   "Q5_1",  "Q2_K",
          "Q3_K_M", "Q4_K_M", "Q5_K_M", "Q6_K", "IQ4_NL", "IQ4_XS"};
}

} // namespace tawny::endtoend
