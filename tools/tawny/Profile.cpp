#include "tools/tawny/Profile.h"

#include "runtime/support/OutputFile.h"

#include <algorithm>
#include <cstdio>

namespace tawny::tool {

/// Bytes of weights that a launch reads. Only where rows are divided among the tiles is all of a
/// weight read: an embedding takes a row per token of a large table.
static uint64_t weightBytesOf(const fb::Dispatch &dispatch) {
  uint64_t bytes = 0;
  for (const fb::Binding *binding : *dispatch.bindings())
    if (binding->space() == fb::Space::Weight && dispatch.grid()->fixed() > 1)
      bytes += binding->bytes();
  return bytes;
}

void Profile::launched(const fb::Program &program, std::span<const Launch> launches,
                       std::span<const double> seconds) {
  ++parts;
  for (size_t i = 0; i < launches.size(); ++i) {
    if (launches[i].tiles == 0)
      continue;
    const char *name = launches[i].kernelName;
    auto found = std::ranges::find(kernels, name, &Kernel::name);
    if (found == kernels.end())
      found = kernels.insert(kernels.end(), Kernel{name});
    ++found->launches;
    found->seconds += seconds[i];
    found->weightBytes += weightBytesOf(*program.dispatches()->Get(static_cast<uint32_t>(i)));
    events.push_back({&program, launches[i], seconds[i]});
  }
}

void Profile::start() {
  simulator = SimulatorCounters::find();
  if (simulator)
    simulator->reset();
}

void Profile::finish() {
  if (simulator)
    counted = simulator->kernels();
}

std::vector<Profile::Kernel> Profile::sorted() const {
  std::vector<Kernel> order = kernels;
  std::ranges::sort(order, std::ranges::greater(), &Kernel::seconds);
  return order;
}

void Profile::printTable() const {
  double total = 0;
  for (const Kernel &kernel : kernels)
    total += kernel.seconds;
  std::printf("\n%s: %llu step%s, %.3f ms each in kernels\n", title.c_str(),
              static_cast<unsigned long long>(parts), parts == 1 ? "" : "s",
              1e3 * total / static_cast<double>(std::max<uint64_t>(parts, 1)));
  std::printf("%10s%12s%8s%12s%10s  %s\n", "launches", "ms", "share", "us each", "GB/s", "kernel");
  for (const Kernel &kernel : sorted()) {
    std::printf("%10llu%12.3f%7.1f%%%12.2f", static_cast<unsigned long long>(kernel.launches),
                1e3 * kernel.seconds, total > 0 ? 100 * kernel.seconds / total : 0,
                1e6 * kernel.seconds / static_cast<double>(kernel.launches));
    if (kernel.weightBytes > 0 && kernel.seconds > 0)
      std::printf("%10.1f", static_cast<double>(kernel.weightBytes) / kernel.seconds / 1e9);
    else
      std::printf("%10s", "-");
    std::printf("  %s\n", kernel.name.c_str());
  }
  if (simulator)
    printCounters(*simulator, counted);
}

Json Profile::json() const {
  double total = 0;
  for (const Kernel &kernel : kernels)
    total += kernel.seconds;
  Json list = Json::array();
  for (const Kernel &kernel : sorted())
    list.push_back({{"name", kernel.name},
                    {"launches", kernel.launches},
                    {"seconds", kernel.seconds},
                    {"share", total > 0 ? kernel.seconds / total : 0},
                    {"weight_bytes", kernel.weightBytes}});
  Json object = {{"title", title}, {"steps", parts}, {"kernels", list}};
  if (simulator)
    object["counters"] = countersJson(*simulator, counted);
  return object;
}

double Profile::appendEvents(Json &list, double start) const {
  double now = start;
  for (const Event &event : events) {
    double duration = 1e6 * event.seconds;
    list.push_back({{"name", event.launch.kernelName},
                    {"cat", event.program->name()->str()},
                    {"ph", "X"},
                    {"ts", now},
                    {"dur", duration},
                    {"pid", 0},
                    {"tid", 0},
                    {"args",
                     {{"dispatch", event.launch.label},
                      {"grid", event.launch.tiles},
                      {"block", event.launch.tileThreads},
                      {"shared_bytes", event.launch.sharedBytes}}}});
    now += duration;
  }
  list.push_back({{"name", title},
                  {"cat", "steps"},
                  {"ph", "X"},
                  {"ts", start},
                  {"dur", now - start},
                  {"pid", 0},
                  {"tid", 1}});
  return now;
}

ErrorOr<void> writeTrace(const std::string &path, const std::vector<Profile> &profiles) {
  Json events = Json::array();
  double now = 0;
  for (const Profile &profile : profiles)
    now = profile.appendEvents(events, now);
  std::string text = dumpJson({{"traceEvents", events}, {"displayTimeUnit", "ms"}});
  ErrorOr<OutputFile> file = OutputFile::create(path);
  if (!file)
    return file.takeError();
  if (ErrorOr<void> written = file->write(text.data(), text.size()); !written)
    return written;
  return file->commit();
}

} // namespace tawny::tool
