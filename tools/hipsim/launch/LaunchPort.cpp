#include "tools/hipsim/launch/LaunchPort.h"

#include <algorithm>
#include <bit>

namespace tawny::hipsim {
namespace {

using Unsigned = unsigned long long;

size_t widthIndex(unsigned bytes) {
  switch (bytes) {
  case 1:
    return 0;
  case 2:
    return 1;
  case 4:
    return 2;
  case 8:
    return 3;
  case 12:
    return 4;
  default:
    return 5;
  }
}

bool isRead(const Access &access) { return access.kind != AccessKind::Store; }
bool isWrite(const Access &access) {
  return access.kind == AccessKind::Store || access.kind == AccessKind::Atomic;
}

const char *accessName(AccessKind kind) {
  switch (kind) {
  case AccessKind::ScalarLoad:
    return "scalar load";
  case AccessKind::Load:
    return "load";
  case AccessKind::Store:
    return "store";
  case AccessKind::Atomic:
    return "atomic";
  }
  return "";
}

std::string format(const char *pattern, auto... values) {
  return makeError(pattern, values...).message;
}

const char *allocationName(AllocationKind kind) {
  switch (kind) {
  case AllocationKind::Device:
    return "allocation";
  case AllocationKind::Host:
    return "host allocation";
  case AllocationKind::Registered:
    return "registered memory";
  case AllocationKind::Code:
    return "code object";
  case AllocationKind::Arguments:
    return "kernel arguments";
  }
  return "";
}

/// "nearest: allocation of 64 bytes at 0x1000, which ended 4 bytes before".
std::string describeNearest(const AddressSpace &space, uint64_t address) {
  Nearest nearest = space.nearest(address);
  if (!nearest.allocation)
    return "nothing is allocated";
  const Allocation &near = *nearest.allocation;
  std::string text =
      format("nearest: %s%s of %llu bytes at 0x%llx, which ", nearest.freed ? "freed " : "",
             allocationName(near.kind), Unsigned(near.bytes), Unsigned(near.base));
  if (address < near.base)
    return text + format("begins %llu bytes behind", Unsigned(near.base - address));
  if (address < near.end())
    return text +
           format("has the address %llu bytes from its beginning", Unsigned(address - near.base));
  return text + format("ends %llu bytes before", Unsigned(address - near.end()));
}

} // namespace

bool LaunchPort::access(const Access &access, const Location &location, std::byte **hosts) {
  const bool reads = isRead(access), writes = isWrite(access);
  const uint8_t wanted = (reads ? pageReadable : 0) | (writes ? pageWritable : 0);
  const AddressSpace &space = memory.addresses();
  const Shadow &shadow = memory.shadow();
  if (!options.races && accessRun(access, wanted, hosts)) [[likely]]
    return true;
  Trouble trouble;
  for (uint64_t lanes = access.lanes; lanes; lanes &= lanes - 1) {
    unsigned lane = static_cast<unsigned>(std::countr_zero(lanes));
    uint64_t address = access.addresses[lane];
    bool onePage = address % Shadow::pageBytes + access.bytes <= Shadow::pageBytes;
    Problem problem = Problem::None;
    if (onePage && space.reserved(address) && address % access.alignment == 0 &&
        (shadow.state(address) & wanted) == wanted) [[likely]]
      hosts[lane] = space.host(address);
    else
      problem = check(access, address, hosts[lane]);
    if (problem == Problem::None) {
      if (options.countTraffic)
        count(access, address, access.bytes);
      if (options.races && accessRaces(access, address))
        problem = Problem::Race;
    }
    if (problem == Problem::None)
      continue;
    if (trouble.problem == Problem::None) {
      trouble = {problem, lane, 1};
    } else if (trouble.problem == problem) {
      ++trouble.lanes;
    }
  }
  if (options.countTraffic && access.kind != AccessKind::ScalarLoad)
    countInstruction(access);
  return trouble.problem == Problem::None || describe(access, location, trouble);
}

/// Atomics order themselves, and memory outside the reserved range has no table.
bool LaunchPort::accessRaces(const Access &access, uint64_t address) {
  if (access.kind == AccessKind::Atomic || !memory.addresses().reserved(address))
    return false;
  return options.races->touch(address, access.bytes, isWrite(access),
                              static_cast<uint32_t>(workgroup));
}

/// Accesses of lanes that follow each other without a gap, as most do, are one range.
bool LaunchPort::accessRun(const Access &access, uint8_t wanted, std::byte **hosts) {
  if (!access.lanes)
    return true;
  const AddressSpace &space = memory.addresses();
  const Shadow &shadow = memory.shadow();
  const uint64_t begin = access.addresses[std::countr_zero(access.lanes)];
  uint64_t end = begin;
  for (uint64_t lanes = access.lanes; lanes; lanes &= lanes - 1) {
    if (access.addresses[std::countr_zero(lanes)] != end)
      return false;
    end += access.bytes;
  }
  if (!space.reserved(begin) || !space.reserved(end - 1) || begin % access.alignment)
    return false;
  for (uint64_t page = begin; page < end; page = (page / Shadow::pageBytes + 1) * Shadow::pageBytes)
    if ((shadow.state(page) & wanted) != wanted)
      return false;
  std::byte *host = space.host(begin);
  for (uint64_t lanes = access.lanes; lanes; lanes &= lanes - 1) {
    hosts[std::countr_zero(lanes)] = host;
    host += access.bytes;
  }
  if (!options.countTraffic)
    return true;
  count(access, begin, end - begin);
  if (access.kind != AccessKind::ScalarLoad) {
    ++memoryInstructions;
    instructionLines += (end - 1) / Shadow::lineBytes - begin / Shadow::lineBytes + 1;
  }
  return true;
}

/// Adds the distinct lines of one instruction. Neighbouring lanes mostly share or follow each
/// other's lines, so only lines that do not ascend are sorted.
void LaunchPort::countInstruction(const Access &access) {
  uint64_t lines[2 * 64];
  size_t count = 0;
  bool ascends = true;
  for (uint64_t lanes = access.lanes; lanes; lanes &= lanes - 1) {
    uint64_t address = access.addresses[std::countr_zero(lanes)];
    uint64_t last = (address + access.bytes - 1) / Shadow::lineBytes;
    for (uint64_t line = address / Shadow::lineBytes; line <= last; ++line) {
      if (count && lines[count - 1] == line)
        continue;
      ascends &= !count || lines[count - 1] < line;
      lines[count++] = line;
    }
  }
  if (!ascends) {
    std::sort(lines, lines + count);
    count = static_cast<size_t>(std::unique(lines, lines + count) - lines);
  }
  ++memoryInstructions;
  instructionLines += count;
}

const Allocation *LaunchPort::allocationOf(uint64_t address, uint64_t bytes) {
  if (current < uses.size() && uses[current].allocation->holds(address, bytes))
    return uses[current].allocation;
  for (current = 0; current < uses.size(); ++current)
    if (uses[current].allocation->holds(address, bytes))
      return uses[current].allocation;
  const Allocation *allocation = memory.addresses().find(address, bytes);
  if (allocation)
    uses.push_back({allocation, {}, {}, 0});
  return allocation;
}

/// An access that needs a closer look. What kernels write is noted as initialised here.
LaunchPort::Problem LaunchPort::check(const Access &access, uint64_t address, std::byte *&host) {
  host = nullptr;
  const Allocation *allocation = allocationOf(address, access.bytes);
  if (!allocation)
    return Problem::Outside;
  bool writes = isWrite(access);
  if (writes && !allocation->writable(address, access.bytes))
    return Problem::ReadOnly;
  host = memory.addresses().host(address);
  Problem problem = address % access.alignment ? Problem::Misaligned : Problem::None;
  if (allocation->kind == AllocationKind::Registered)
    return problem;
  Shadow &shadow = memory.shadow();
  if (isRead(access) && options.checkUninitialised &&
      shadow.firstUninitialised(address, access.bytes) != address + access.bytes)
    problem = Problem::Uninitialised;
  if (writes)
    shadow.markInitialised(*allocation, address, access.bytes, /*hasData=*/true);
  return problem;
}

/// Counts bytes that lanes asked for, all in one allocation.
void LaunchPort::count(const Access &access, uint64_t address, uint64_t bytes) {
  const bool reads = isRead(access), writes = isWrite(access);
  const Allocation *allocation = allocationOf(address, bytes);
  AllocationUse &entry = uses[current];
  size_t width = widthIndex(access.bytes);
  if (access.kind == AccessKind::ScalarLoad)
    entry.scalarBytesRead += bytes;
  else if (reads)
    entry.bytesRead[width] += bytes;
  if (writes)
    entry.bytesWritten[width] += bytes;
  if (allocation->kind == AllocationKind::Registered)
    return;
  if (reads)
    use(address, bytes, /*isWrite=*/false);
  if (writes)
    use(address, bytes, /*isWrite=*/true);
}

void LaunchPort::use(uint64_t address, uint64_t bytes, bool isWrite) {
  Shadow &shadow = memory.shadow();
  while (bytes) {
    uint64_t part = std::min(bytes, Shadow::pageBytes - address % Shadow::pageBytes);
    if (shadow.use(address, part, isWrite))
      (isWrite ? pagesWritten : pagesRead).push_back(shadow.pageOf(address));
    address += part;
    bytes -= part;
  }
}

bool LaunchPort::addFinding(std::string text) {
  if (findings.size() < options.mostFindings)
    findings.push_back({workgroup, findings.size(), std::move(text)});
  return !options.stopAtFinding;
}

std::string LaunchPort::place(const Location &location, unsigned lane, unsigned lanes) const {
  std::string who = format("lane %u", lane);
  if (lanes > 1)
    who += format(" and %u more", lanes - 1);
  return who +
         format(" of wave %u, workgroup (%u, %u, %u)\n", location.wave, location.workgroup.x,
                location.workgroup.y, location.workgroup.z) +
         "  instruction: " + code.text(location.pc);
}

bool LaunchPort::describe(const Access &access, const Location &location, const Trouble &trouble) {
  const AddressSpace &space = memory.addresses();
  uint64_t address = access.addresses[trouble.firstLane];
  std::string text =
      format("kernel '%.*s': ", int(location.kernel.size()), location.kernel.data()) +
      format("%s of %u bytes ", accessName(access.kind), access.bytes);
  uint64_t end = address + access.bytes;
  switch (trouble.problem) {
  case Problem::None:
    return true;
  case Problem::Outside:
    text += "outside every live allocation";
    break;
  case Problem::Race:
    text += "on bytes that another workgroup touches in this launch, one of them writing";
    break;
  case Problem::ReadOnly:
    text += "to memory that kernels only read";
    break;
  case Problem::Misaligned:
    text += format("at an address that is no multiple of %u", access.alignment);
    break;
  case Problem::Uninitialised: {
    uint64_t missing = memory.shadow().firstUninitialised(address, access.bytes);
    // An atomic has marked its bytes by now.
    if (missing < end)
      text += format("whose byte %llu was never written", Unsigned(missing - address));
    else
      text += "on bytes that were never written";
    break;
  }
  }
  text += format("\n  address 0x%llx, ", Unsigned(address)) +
          place(location, trouble.firstLane, trouble.lanes) + "\n  ";
  return addFinding(text + describeNearest(space, address));
}

bool LaunchPort::report(const Violation &violation) {
  const Location &where = violation.location;
  std::string_view kind = violationName(violation.kind);
  std::string text = format("kernel '%.*s': ", int(where.kernel.size()), where.kernel.data());
  bool hasAddress = violation.kind != ViolationKind::MissingWait &&
                    violation.kind != ViolationKind::MatrixHalves &&
                    violation.kind != ViolationKind::BarrierDivergence;
  text += std::string(kind) + ": " + violation.message + "\n  ";
  if (hasAddress)
    text += format("address 0x%llx, ", Unsigned(violation.address));
  return addFinding(text + place(where, violation.lane, 1));
}

} // namespace tawny::hipsim
