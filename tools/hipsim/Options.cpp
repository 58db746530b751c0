#include "tools/hipsim/Options.h"

#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace tawny::hipsim {
namespace {

void warn(const char *name, const char *value, const char *expected) {
  std::fprintf(stderr, "hipsim: %s=%s is ignored: expected %s\n", name, value, expected);
}

template <typename Number>
void readNumber(const char *name, uint64_t most, Number &number, bool isBytes = false) {
  const char *value = std::getenv(name);
  if (!value || !*value)
    return;
  uint64_t parsed;
  bool understood = parseBytes(value, parsed);
  if (!isBytes && understood)
    understood = value[std::string_view(value).size() - 1] <= '9';
  if (understood && parsed <= most)
    number = static_cast<Number>(parsed);
  else
    warn(name, value, isBytes ? "bytes, such as 96G" : "a number");
}

void readFlag(const char *name, bool &flag) {
  const char *value = std::getenv(name);
  if (!value || !*value)
    return;
  std::string_view text = value;
  if (text == "0" || text == "1")
    flag = text == "1";
  else
    warn(name, value, "0 or 1");
}

/// The next part of `text` up to `separator`, which is taken off its front.
std::string_view takePart(std::string_view &text, char separator) {
  size_t end = text.find(separator);
  std::string_view part = text.substr(0, end);
  text = end == std::string_view::npos ? std::string_view() : text.substr(end + 1);
  return part;
}

bool toNumber(std::string_view text, uint64_t &number) {
  number = 0;
  if (text.empty() || text.size() > 18)
    return false;
  for (char digit : text) {
    if (digit < '0' || digit > '9')
      return false;
    number = number * 10 + (digit - '0');
  }
  return true;
}

void readFailures(std::vector<PlannedFailure> &failures) {
  const char *value = std::getenv("HIPSIM_FAIL");
  std::string_view rest = value ? value : "";
  while (!rest.empty()) {
    std::string_view entry = takePart(rest, ',');
    PlannedFailure failure{std::string(takePart(entry, ':')), 0, 0};
    uint64_t error = 0;
    if (toNumber(takePart(entry, ':'), failure.call) && toNumber(entry, error)) {
      failure.error = static_cast<int>(error);
      failures.push_back(failure);
    } else {
      warn("HIPSIM_FAIL", value, "FUNCTION:CALL:ERROR[,…], such as hipMalloc:3:2");
    }
  }
}

/// KERNEL:WORKGROUP:WAVE[:LAUNCH], where an empty kernel is any.
void readTrace(TraceRequest &trace) {
  const char *value = std::getenv("HIPSIM_TRACE");
  if (!value || !*value)
    return;
  std::string_view rest = value;
  trace.kernel = takePart(rest, ':');
  uint64_t wave = 0;
  trace.enabled = toNumber(takePart(rest, ':'), trace.workgroup) &&
                  toNumber(takePart(rest, ':'), wave) &&
                  (rest.empty() || toNumber(rest, trace.launch));
  trace.wave = static_cast<uint32_t>(wave);
  if (!trace.enabled)
    warn("HIPSIM_TRACE", value, "KERNEL:WORKGROUP:WAVE[:LAUNCH]");
}

} // namespace

bool parseBytes(const char *text, uint64_t &bytes) {
  std::string_view digits = text;
  unsigned shift = 0;
  if (!digits.empty()) {
    size_t suffix = std::string_view("KMGT").find(digits.back());
    if (suffix != std::string_view::npos) {
      shift = 10 * static_cast<unsigned>(suffix + 1);
      digits.remove_suffix(1);
    }
  }
  if (!toNumber(digits, bytes) || (shift && bytes >> (64 - shift)))
    return false;
  bytes <<= shift;
  return true;
}

Options readOptions() {
  Options options;
  if (const char *arch = std::getenv("HIPSIM_ARCH"); arch && *arch)
    options.arch = arch;
  readNumber("HIPSIM_DEVICES", 1, options.devices);
  readNumber("HIPSIM_MEMORY", UINT64_MAX, options.memoryBytes, /*isBytes=*/true);
  readNumber("HIPSIM_THREADS", 1024, options.threads);
  readNumber("HIPSIM_REPORTS", UINT64_MAX, options.reportLimit);
  readNumber("HIPSIM_INSTRUCTION_LIMIT", UINT64_MAX, options.instructionLimit);
  readNumber("HIPSIM_LOST_AFTER", UINT64_MAX, options.lostAfterLaunches);
  readFlag("HIPSIM_COUNT", options.countTraffic);
  readFlag("HIPSIM_CHECK_UNINITIALISED", options.checkUninitialised);
  readFlag("HIPSIM_CHECK_RACES", options.checkRaces);
  readFlag("HIPSIM_FILLS_INITIALISE", options.fillsInitialise);
  if (const char *file = std::getenv("HIPSIM_COUNTERS"))
    options.countersFile = file;
  if (const char *value = std::getenv("HIPSIM_ON_VIOLATION"); value && *value) {
    std::string_view policy = value;
    if (policy == "abort")
      options.onViolation = OnViolation::Abort;
    else if (policy == "report")
      options.onViolation = OnViolation::Report;
    else if (policy != "error")
      warn("HIPSIM_ON_VIOLATION", value, "error, report or abort");
  }
  // What a launch has touched, and is to be forgotten after it, is found by the counters.
  options.countTraffic |= options.checkRaces;
  readFailures(options.failures);
  readTrace(options.trace);
  return options;
}

} // namespace tawny::hipsim
