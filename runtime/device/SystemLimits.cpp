#include "runtime/device/SystemLimits.h"

#include "runtime/device/SystemFiles.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <sched.h>
#include <set>
#include <string_view>

namespace tawny {

static std::vector<std::string_view> linesOf(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

unsigned SystemLimits::physicalCores(const std::vector<unsigned> &cpus) const {
  std::set<std::string> cores;
  for (unsigned cpu : cpus) {
    std::string own = "cpu" + std::to_string(cpu);
    std::string folder = sys + "/devices/system/cpu/" + own + "/topology/";
    // Older kernels know the first name only under the second.
    std::optional<std::string> siblings = readSystemText(folder + "core_cpus_list");
    if (!siblings)
      siblings = readSystemText(folder + "thread_siblings_list");
    cores.insert(siblings.value_or(own));
  }
  return static_cast<unsigned>(cores.size());
}

/// The folders of this process's control group for `controller` and of all groups around it,
/// innermost first: each may set a limit. A line of /proc/self/cgroup is `id:controllers:path`; the
/// unified hierarchy of version 2 has the id 0 and no controllers.
std::vector<std::string> SystemLimits::controlGroups(const std::string &controller) const {
  std::vector<std::string> folders;
  std::string text = readSystemText(proc + "/self/cgroup").value_or("");
  for (std::string_view line : linesOf(text)) {
    size_t first = line.find(':');
    size_t second = first == std::string_view::npos ? first : line.find(':', first + 1);
    if (second == std::string_view::npos)
      continue;
    std::string names = "," + std::string(line.substr(first + 1, second - first - 1)) + ",";
    bool unified = names == ",,";
    if (!unified && names.find("," + controller + ",") == std::string::npos)
      continue;
    std::string root = sys + "/fs/cgroup" + (unified ? "" : "/" + controller);
    std::string path(line.substr(second + 1));
    while (path.size() > 1) {
      folders.push_back(root + path);
      path.resize(path.rfind('/'));
    }
    folders.push_back(root);
  }
  return folders;
}

std::optional<double> SystemLimits::cpuQuota() const {
  std::optional<double> least;
  auto limit = [&](double quota, double period) {
    if (quota > 0 && period > 0)
      least = std::min(least.value_or(quota / period), quota / period);
  };
  for (const std::string &folder : controlGroups("cpu")) {
    // "max 100000" where there is no limit: no number, so the quota reads as 0.
    std::string both = readSystemText(folder + "/cpu.max").value_or("");
    char *rest;
    double quota = std::strtod(both.c_str(), &rest);
    limit(quota, std::strtod(rest, nullptr));
    limit(static_cast<double>(readSystemInteger(folder + "/cpu.cfs_quota_us").value_or(0)),
          static_cast<double>(readSystemInteger(folder + "/cpu.cfs_period_us").value_or(0)));
  }
  return least;
}

/// The CPUs that the scheduler may put this thread on. The kernel's mask may be wider than
/// cpu_set_t, so the set grows until it fits.
static std::vector<unsigned> affinity() {
  std::vector<unsigned> cpus;
  constexpr unsigned most = 1 << 16;
  for (unsigned capacity = CPU_SETSIZE; capacity <= most; capacity *= 2) {
    cpu_set_t *set = CPU_ALLOC(capacity);
    size_t bytes = CPU_ALLOC_SIZE(capacity);
    bool fits = sched_getaffinity(0, bytes, set) == 0;
    for (unsigned cpu = 0; fits && cpu < capacity; ++cpu)
      if (CPU_ISSET_S(cpu, bytes, set))
        cpus.push_back(cpu);
    CPU_FREE(set);
    if (fits)
      break;
  }
  return cpus;
}

unsigned SystemLimits::usableCores() const {
  unsigned cores = physicalCores(affinity());
  if (std::optional<double> quota = cpuQuota(); quota && *quota < cores)
    cores = static_cast<unsigned>(*quota);
  return std::max(cores, 1u);
}

std::optional<uint64_t> SystemLimits::memoryLine(const std::string &key) const {
  std::string text = readSystemText(proc + "/meminfo").value_or("");
  for (std::string_view line : linesOf(text)) {
    if (!line.starts_with(key + ":"))
      continue;
    std::string value(line.substr(key.size() + 1));
    char *end;
    if (uint64_t kibibytes = std::strtoull(value.c_str(), &end, 10); end != value.c_str())
      return kibibytes << 10;
  }
  return std::nullopt;
}

std::optional<uint64_t> SystemLimits::totalMemory() const { return memoryLine("MemTotal"); }

std::optional<uint64_t> SystemLimits::availableMemory() const {
  std::optional<uint64_t> least = memoryLine("MemAvailable");
  auto limit = [&](std::optional<int64_t> most, std::optional<int64_t> used) {
    // Version 1 says "no limit" with a number near 2^63, which the minimum takes care of.
    if (!most || !used || *most < 0)
      return;
    uint64_t left = *most > *used ? static_cast<uint64_t>(*most - *used) : 0;
    least = std::min(least.value_or(left), left);
  };
  for (const std::string &folder : controlGroups("memory")) {
    limit(readSystemInteger(folder + "/memory.max"), readSystemInteger(folder + "/memory.current"));
    limit(readSystemInteger(folder + "/memory.limit_in_bytes"),
          readSystemInteger(folder + "/memory.usage_in_bytes"));
  }
  return least;
}

} // namespace tawny
