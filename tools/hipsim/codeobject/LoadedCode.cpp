#include "tools/hipsim/codeobject/LoadedCode.h"

#include "llvm/BinaryFormat/ELF.h"

namespace tawny::hipsim {
namespace {

using namespace llvm::ELF;

/// Whether what the file was compiled for, by one setting of e_flags, runs with it on or off. The
/// values of XNACK and SRAMECC follow each other in the same order.
bool settingFits(uint32_t value, uint32_t any, bool supported, bool on) {
  uint32_t unit = any; // unsupported 0, any 1, off 2, on 3 units
  if (value == 0 || value == unit)
    return true;
  return supported && value == (on ? 3 * unit : 2 * unit);
}

std::string settingName(const char *name, uint32_t value, uint32_t any) {
  if (value <= any)
    return "";
  return std::string(":") + name + (value == 3 * any ? "+" : "-");
}

/// The chip and settings that e_flags name.
std::string targetName(uint32_t flags) {
  const Card *card = findCard(flags & EF_AMDGPU_MACH);
  std::string name = card ? card->name : "machine " + std::to_string(flags & EF_AMDGPU_MACH);
  return name +
         settingName("sramecc", flags & EF_AMDGPU_FEATURE_SRAMECC_V4,
                     EF_AMDGPU_FEATURE_SRAMECC_ANY_V4) +
         settingName("xnack", flags & EF_AMDGPU_FEATURE_XNACK_V4, EF_AMDGPU_FEATURE_XNACK_ANY_V4);
}

bool fits(uint32_t flags, const Card &card) {
  return (flags & EF_AMDGPU_MACH) == card.machine &&
         settingFits(flags & EF_AMDGPU_FEATURE_XNACK_V4, EF_AMDGPU_FEATURE_XNACK_ANY_V4,
                     card.hasXnack, card.xnackOn) &&
         settingFits(flags & EF_AMDGPU_FEATURE_SRAMECC_V4, EF_AMDGPU_FEATURE_SRAMECC_ANY_V4,
                     card.hasSramecc, card.srameccOn);
}

/// Writes the segments to `allocation` and marks what they cover. Bytes between them stay
/// uninitialised, and only data is writable.
void placeSegments(const ElfImage &elf, Allocation &allocation, DeviceMemory &memory) {
  allocation.writableFrom = allocation.writableTo = 0;
  for (const Segment &segment : elf.segments) {
    uint64_t address = allocation.base + segment.address;
    if (segment.writable) {
      allocation.writableFrom = allocation.writableTo ? allocation.writableFrom : address;
      allocation.writableTo = address + segment.bytes;
    }
    memory.write(address, elf.bytes.data() + segment.address, segment.bytes);
  }
}

} // namespace

std::unique_ptr<LoadedCode> LoadedCode::load(const void *image, const Card &card,
                                             DeviceMemory &memory,
                                             std::optional<LoadFailure> &failure) {
  auto fail = [&](LoadFailure::Kind kind, std::string message) {
    failure = LoadFailure{kind, std::move(message)};
    return nullptr;
  };
  if (!isElf(image))
    return fail(LoadFailure::NotAnImage, "it is no ELF file");
  ErrorOr<std::vector<std::byte>> file = copyElf(image);
  if (!file)
    return fail(LoadFailure::Broken, file.error().message);
  ErrorOr<ElfImage> elf = layOutElf(*file);
  if (!elf)
    return fail(LoadFailure::Broken, elf.error().message);
  if (!fits(elf->flags, card))
    return fail(LoadFailure::OtherChip,
                "it is for " + targetName(elf->flags) + ", and the device is " + archName(card));
  Allocation *allocation = memory.allocateInternal(elf->bytes.size(), AllocationKind::Code);
  if (!allocation)
    return fail(LoadFailure::OutOfMemory, "no addresses are left for it");
  std::unique_ptr<LoadedCode> loaded(new LoadedCode(memory));
  loaded->base = allocation->base;
  if (ErrorOr<void> done = elf->relocate(loaded->base); !done)
    return fail(LoadFailure::Broken, done.error().message);
  placeSegments(*elf, *allocation, memory);
  loaded->symbols = std::move(elf->symbols);
  const std::byte *bytes = memory.addresses().host(loaded->base);
  ErrorOr<CodeImage> code = CodeImage::create(loaded->base, {bytes, elf->bytes.size()}, card.name);
  if (!code)
    return fail(LoadFailure::Broken, code.error().message);
  loaded->code.emplace(std::move(*code));
  if (ErrorOr<void> done = loaded->readKernels(elf->metadata); !done)
    return fail(LoadFailure::Broken, done.error().message);
  return loaded;
}

ErrorOr<void> LoadedCode::readKernels(const std::string &note) {
  ErrorOr<std::vector<KernelMetadata>> metadata = readMetadata(note);
  if (!metadata)
    return metadata.takeError();
  for (KernelMetadata &entry : *metadata) {
    auto symbol = symbols.find(entry.symbol);
    if (symbol == symbols.end())
      return makeError("kernel '%s' has no descriptor '%s'", entry.name.c_str(),
                       entry.symbol.c_str());
    ErrorOr<KernelDescriptor> descriptor = code->descriptor(base + symbol->second.address);
    if (!descriptor)
      return makeError("kernel '%s': %s", entry.name.c_str(), descriptor.error().message.c_str());
    std::string name = entry.name;
    kernels[name] = LoadedKernel{this, std::move(entry), *descriptor};
  }
  return {};
}

LoadedCode::~LoadedCode() { memory.release(base, AllocationKind::Code); }

const LoadedKernel *LoadedCode::kernel(const std::string &name) const {
  auto entry = kernels.find(name);
  return entry == kernels.end() ? nullptr : &entry->second;
}

bool LoadedCode::variable(const std::string &name, uint64_t &address, uint64_t &bytes) const {
  auto entry = symbols.find(name);
  if (entry == symbols.end())
    return false;
  address = base + entry->second.address;
  bytes = entry->second.bytes;
  return true;
}

} // namespace tawny::hipsim
