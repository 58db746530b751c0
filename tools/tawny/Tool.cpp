#include "tools/tawny/Tool.h"

#include "runtime/support/Progress.h"
#include "runtime/support/TokenIds.h"

#include <csignal>
#include <optional>

namespace tawny::tool {

static volatile std::sig_atomic_t interruptRequested = 0;

void catchInterrupt() {
  struct sigaction action = {};
  action.sa_handler = [](int) { interruptRequested = 1; };
  action.sa_flags = SA_RESTART | SA_RESETHAND;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, nullptr);
}

bool interrupted() { return interruptRequested != 0; }

tawny_options optionsFor(const CommonOptions &common) {
  tawny_options options = tawny_default_options();
  options.device = common.device.c_str();
  options.threads = static_cast<uint32_t>(common.threads);
  options.check = common.check;
  options.launch = common.launch.c_str();
  return options;
}

ErrorOr<ModelHandle> openModel(const std::string &path, tawny_options options, bool quiet) {
  struct Loading {
    bool quiet;
    std::optional<Progress> bar;
  } loading{quiet, {}};
  options.progress_user = &loading;
  options.progress = [](uint64_t bytes, uint64_t total, void *user) {
    auto *loading = static_cast<Loading *>(user);
    if (!loading->bar)
      loading->bar.emplace("loading", total, loading->quiet);
    loading->bar->update(bytes);
    return !interrupted();
  };
  char error[4096];
  ModelHandle model(tawny_open(path.c_str(), &options, error, sizeof(error)));
  if (!model)
    return makeError("%s", error);
  loading.bar.reset();
  if (!quiet && infoOf(model.get()).generated_weights)
    std::fprintf(stderr,
                 "note: the weights of '%s' are random numbers made at load: it measures speed, "
                 "its text means nothing\n",
                 path.c_str());
  return model;
}

tawny_model_info infoOf(const tawny_model *model) {
  tawny_model_info info;
  tawny_get_model_info(model, &info, sizeof(info));
  return info;
}

Error lastError(const tawny_model *model) { return makeError("%s", tawny_last_error(model)); }

ErrorOr<std::vector<int32_t>> tokenize(tawny_model *model, std::string_view text, bool bos,
                                       bool special) {
  std::vector<int32_t> tokens(text.size() + 2);
  size_t count = 0;
  tawny_status status = tawny_tokenize(model, text.data(), text.size(), bos, special, tokens.data(),
                                       tokens.size(), &count);
  if (status != TAWNY_OK)
    return lastError(model);
  tokens.resize(count);
  return tokens;
}

ErrorOr<std::string> detokenize(tawny_model *model, std::span<const int32_t> tokens, bool special,
                                bool continuation) {
  std::string text(256, '\0');
  size_t bytes = 0;
  tawny_status status = TAWNY_TOO_SHORT;
  while (status == TAWNY_TOO_SHORT) {
    text.resize(std::max(text.size(), bytes));
    status = tawny_detokenize(model, tokens.data(), tokens.size(), special, continuation,
                              text.data(), text.size(), &bytes);
  }
  if (status != TAWNY_OK)
    return lastError(model);
  text.resize(bytes);
  return text;
}

ErrorOr<std::vector<int32_t>> readTokens(const tawny_model *model, const std::string &argument) {
  TokenIdLimits limits;
  limits.vocabularySize = infoOf(model).vocabulary;
  return readTokenArgument(argument, limits);
}

void print(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stdout); }

std::string formatBytes(uint64_t bytes) {
  constexpr const char *units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  auto amount = static_cast<double>(bytes);
  size_t unit = 0;
  while (amount >= 1024 && unit + 1 < std::size(units)) {
    amount /= 1024;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof(text), unit == 0 ? "%.0f %s" : "%.1f %s", amount, units[unit]);
  return text;
}

double millisecondsSince(std::chrono::steady_clock::time_point start) {
  std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - start;
  return elapsed.count();
}

} // namespace tawny::tool
