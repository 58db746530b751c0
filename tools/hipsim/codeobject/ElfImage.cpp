#include "tools/hipsim/codeobject/ElfImage.h"

#include "llvm/BinaryFormat/ELF.h"

#include <algorithm>
#include <cstring>
#include <sys/uio.h>
#include <unistd.h>

namespace tawny::hipsim {
namespace {

using namespace llvm::ELF;

constexpr uint64_t largestFile = uint64_t{1} << 30;

/// Whether [offset, offset + bytes) lies within `size`.
bool within(uint64_t offset, uint64_t bytes, uint64_t size) {
  return offset <= size && bytes <= size - offset;
}

/// A structure at an offset of `bytes`; false where it does not fit.
template <typename T> bool readAt(std::span<const std::byte> bytes, uint64_t offset, T &value) {
  if (!within(offset, sizeof(T), bytes.size()))
    return false;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return true;
}

bool readMemory(void *to, const void *from, uint64_t bytes) {
  iovec local{to, bytes}, remote{const_cast<void *>(from), bytes};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == static_cast<ssize_t>(bytes);
}

/// What the dynamic section says, as addresses in the image.
struct Dynamic {
  uint64_t symbols = 0, strings = 0, stringBytes = 0, hash = 0, rela = 0, relaBytes = 0;
};

/// Builds an ElfImage from a file, step by step.
class Layout {
public:
  explicit Layout(std::span<const std::byte> file) : file(file) {}

  ErrorOr<ElfImage> run() {
    for (auto step : {&Layout::readHeader, &Layout::readSegments, &Layout::readDynamic,
                      &Layout::readSymbols, &Layout::readRelocations})
      if (ErrorOr<void> done = (this->*step)(); !done)
        return done.takeError();
    return std::move(image);
  }

private:
  ErrorOr<void> readHeader();
  ErrorOr<void> readSegments();
  ErrorOr<void> placeSegment(const Elf64_Phdr &segment, unsigned index);
  ErrorOr<void> readNotes(const Elf64_Phdr &segment);
  ErrorOr<void> readDynamic();
  ErrorOr<void> readSymbols();
  ErrorOr<void> readRelocations();
  ErrorOr<std::string> symbolName(uint32_t offset) const;

  std::span<const std::byte> file;
  std::vector<Elf64_Phdr> headers;
  Elf64_Ehdr header{};
  Dynamic dynamic;
  std::vector<Elf64_Sym> symbols;
  std::vector<std::string> names;
  ElfImage image;
};

ErrorOr<void> Layout::readHeader() {
  if (!readAt(file, 0, header) || std::memcmp(header.e_ident, ElfMagic, 4) != 0)
    return makeError("it is no ELF file");
  if (header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_ident[EI_DATA] != ELFDATA2LSB ||
      header.e_machine != EM_AMDGPU || header.e_ident[EI_OSABI] != ELFOSABI_AMDGPU_HSA)
    return makeError("it is an ELF file, but not one for AMD GPUs under HSA");
  uint8_t version = header.e_ident[EI_ABIVERSION];
  if (version < ELFABIVERSION_AMDGPU_HSA_V4 || version > ELFABIVERSION_AMDGPU_HSA_V6)
    return makeError("its ABI version is %u; code object versions 4 to 6 have 2 to 4", version);
  if (header.e_type != ET_DYN)
    return makeError("it is an ELF file of type %u; a linked one is of type %u", header.e_type,
                     ET_DYN);
  image.flags = header.e_flags;
  headers.resize(header.e_phnum);
  for (unsigned i = 0; i < header.e_phnum; ++i)
    if (header.e_phentsize != sizeof(Elf64_Phdr) ||
        !readAt(file, header.e_phoff + i * sizeof(Elf64_Phdr), headers[i]))
      return makeError("program header %u lies outside the file", i);
  return {};
}

ErrorOr<void> Layout::readSegments() {
  uint64_t size = 0;
  for (unsigned i = 0; i < headers.size(); ++i) {
    const Elf64_Phdr &segment = headers[i];
    if (segment.p_type != PT_LOAD && segment.p_type != PT_NOTE && segment.p_type != PT_DYNAMIC)
      continue;
    if (!within(segment.p_offset, segment.p_filesz, file.size()))
      return makeError("program header %u: bytes %llu to %llu of a file of %zu", i,
                       static_cast<unsigned long long>(segment.p_offset),
                       static_cast<unsigned long long>(segment.p_offset + segment.p_filesz),
                       file.size());
    if (segment.p_memsz < segment.p_filesz ||
        !within(segment.p_vaddr, segment.p_memsz, largestFile))
      return makeError("program header %u: %llu bytes at address %llu", i,
                       static_cast<unsigned long long>(segment.p_memsz),
                       static_cast<unsigned long long>(segment.p_vaddr));
    if (segment.p_type == PT_LOAD)
      size = std::max(size, segment.p_vaddr + segment.p_memsz);
  }
  image.bytes.resize(size);
  for (unsigned i = 0; i < headers.size(); ++i) {
    ErrorOr<void> done;
    if (headers[i].p_type == PT_LOAD)
      done = placeSegment(headers[i], i);
    else if (headers[i].p_type == PT_NOTE)
      done = readNotes(headers[i]);
    if (!done)
      return done;
  }
  if (image.segments.empty())
    return makeError("it has nothing to load");
  return {};
}

ErrorOr<void> Layout::placeSegment(const Elf64_Phdr &segment, unsigned index) {
  if (!image.segments.empty() &&
      segment.p_vaddr < image.segments.back().address + image.segments.back().bytes)
    return makeError("program header %u overlaps the one before", index);
  std::copy_n(file.data() + segment.p_offset, segment.p_filesz,
              image.bytes.data() + segment.p_vaddr);
  // What PT_GNU_RELRO covers is written by the loader alone.
  bool writable = segment.p_flags & PF_W;
  for (const Elf64_Phdr &other : headers)
    if (other.p_type == PT_GNU_RELRO && other.p_vaddr <= segment.p_vaddr &&
        other.p_vaddr + other.p_memsz >= segment.p_vaddr + segment.p_memsz)
      writable = false;
  image.segments.push_back({segment.p_vaddr, segment.p_memsz, writable});
  return {};
}

ErrorOr<void> Layout::readNotes(const Elf64_Phdr &segment) {
  auto aligned = [](uint64_t size) { return (size + 3) & ~uint64_t{3}; };
  uint64_t offset = segment.p_offset, end = segment.p_offset + segment.p_filesz;
  std::span<const std::byte> notes = file.first(end);
  Elf64_Nhdr note;
  while (readAt(notes, offset, note)) {
    uint64_t name = offset + sizeof(note), description = name + aligned(note.n_namesz);
    if (!within(name, aligned(note.n_namesz), end) || !within(description, note.n_descsz, end))
      return makeError("the note at offset %llu does not end inside its segment",
                       static_cast<unsigned long long>(offset));
    if (note.n_type == NT_AMDGPU_METADATA && note.n_namesz == sizeof("AMDGPU") &&
        std::memcmp(file.data() + name, "AMDGPU", sizeof("AMDGPU")) == 0)
      image.metadata.assign(reinterpret_cast<const char *>(file.data()) + description,
                            note.n_descsz);
    offset = description + aligned(note.n_descsz);
  }
  return {};
}

ErrorOr<void> Layout::readDynamic() {
  for (const Elf64_Phdr &segment : headers) {
    if (segment.p_type != PT_DYNAMIC)
      continue;
    std::span<const std::byte> section = file.subspan(segment.p_offset, segment.p_filesz);
    Elf64_Dyn entry;
    for (uint64_t at = 0; readAt(section, at, entry) && entry.d_tag != DT_NULL; at += sizeof(entry))
      switch (entry.d_tag) {
      case DT_SYMTAB:
        dynamic.symbols = entry.d_un.d_ptr;
        break;
      case DT_STRTAB:
        dynamic.strings = entry.d_un.d_ptr;
        break;
      case DT_STRSZ:
        dynamic.stringBytes = entry.d_un.d_val;
        break;
      case DT_HASH:
        dynamic.hash = entry.d_un.d_ptr;
        break;
      case DT_RELA:
        dynamic.rela = entry.d_un.d_ptr;
        break;
      case DT_RELASZ:
        dynamic.relaBytes = entry.d_un.d_val;
        break;
      case DT_NEEDED:
        return makeError("it needs another library, which devices do not have");
      case DT_REL:
      case DT_JMPREL:
        return makeError("it has relocations of a kind that HSA does not load");
      default:
        break;
      }
  }
  if (!dynamic.symbols || !dynamic.strings || !dynamic.hash)
    return makeError("its dynamic section lacks DT_SYMTAB, DT_STRTAB or DT_HASH");
  if (!within(dynamic.strings, dynamic.stringBytes, image.bytes.size()))
    return makeError("its dynamic string table lies outside the loaded segments");
  return {};
}

ErrorOr<std::string> Layout::symbolName(uint32_t offset) const {
  const char *table = reinterpret_cast<const char *>(image.bytes.data()) + dynamic.strings;
  if (offset >= dynamic.stringBytes ||
      !std::memchr(table + offset, 0, dynamic.stringBytes - offset))
    return makeError("a symbol's name at offset %u does not end inside the string table", offset);
  return std::string(table + offset);
}

ErrorOr<void> Layout::readSymbols() {
  uint32_t counts[2]; // buckets, then chains: one for each symbol
  if (!readAt(image.bytes, dynamic.hash, counts) ||
      !within(dynamic.symbols, uint64_t{counts[1]} * sizeof(Elf64_Sym), image.bytes.size()))
    return makeError("its dynamic symbol table lies outside the loaded segments");
  for (uint32_t i = 0; i < counts[1]; ++i) {
    Elf64_Sym symbol;
    readAt(image.bytes, dynamic.symbols + i * sizeof(symbol), symbol);
    ErrorOr<std::string> name = symbolName(symbol.st_name);
    if (!name)
      return name.takeError();
    if (symbol.st_shndx != SHN_UNDEF) {
      if (!within(symbol.st_value, symbol.st_size, image.bytes.size()))
        return makeError("symbol '%s' lies outside the loaded segments", name->c_str());
      image.symbols[*name] = {symbol.st_value, symbol.st_size};
    }
    symbols.push_back(symbol);
    names.push_back(*name);
  }
  return {};
}

ErrorOr<void> Layout::readRelocations() {
  if (!within(dynamic.rela, dynamic.relaBytes, image.bytes.size()))
    return makeError("its relocations lie outside the loaded segments");
  Elf64_Rela rela;
  for (uint64_t at = 0; at + sizeof(rela) <= dynamic.relaBytes; at += sizeof(rela)) {
    readAt(image.bytes, dynamic.rela + at, rela);
    uint32_t index = rela.getSymbol();
    if (index >= symbols.size())
      return makeError("a relocation refers to symbol %u of %zu", index, symbols.size());
    image.relocations.push_back({rela.r_offset, static_cast<uint64_t>(rela.r_addend),
                                 symbols[index].st_value, rela.getType(),
                                 symbols[index].st_shndx != SHN_UNDEF, names[index]});
  }
  return {};
}

} // namespace

ErrorOr<void> ElfImage::relocate(uint64_t base) {
  for (const Relocation &relocation : relocations) {
    uint64_t value = base + relocation.addend;
    unsigned size = 8;
    switch (relocation.type) {
    case R_AMDGPU_NONE:
      continue;
    case R_AMDGPU_RELATIVE64:
      break;
    case R_AMDGPU_ABS64:
      value += relocation.symbolValue;
      break;
    case R_AMDGPU_ABS32_LO:
    case R_AMDGPU_ABS32:
      value += relocation.symbolValue;
      size = 4;
      break;
    case R_AMDGPU_ABS32_HI:
      value = (value + relocation.symbolValue) >> 32;
      size = 4;
      break;
    default:
      return makeError("a relocation is of type %u, which is not loaded", relocation.type);
    }
    if (relocation.type != R_AMDGPU_RELATIVE64 && !relocation.symbolDefined)
      return makeError("symbol '%s' is not defined", relocation.symbol.c_str());
    if (!within(relocation.address, size, bytes.size()))
      return makeError("a relocation of address %llu lies outside the loaded segments",
                       static_cast<unsigned long long>(relocation.address));
    std::memcpy(bytes.data() + relocation.address, &value, size);
  }
  return {};
}

bool isElf(const void *image) {
  char magic[4];
  return readMemory(magic, image, sizeof(magic)) && std::memcmp(magic, ElfMagic, 4) == 0;
}

ErrorOr<std::vector<std::byte>> copyElf(const void *image) {
  Elf64_Ehdr header;
  if (!readMemory(&header, image, sizeof(header)))
    return makeError("its header cannot be read");
  uint64_t size = sizeof(header);
  auto extend = [&](uint64_t offset, uint64_t bytes) {
    size = within(offset, bytes, largestFile) ? std::max(size, offset + bytes) : largestFile + 1;
  };
  extend(header.e_phoff, uint64_t{header.e_phnum} * sizeof(Elf64_Phdr));
  for (unsigned i = 0; i < header.e_phnum && size <= largestFile; ++i) {
    Elf64_Phdr segment;
    const auto *at = static_cast<const std::byte *>(image) + header.e_phoff + i * sizeof(segment);
    if (!readMemory(&segment, at, sizeof(segment)))
      return makeError("program header %u cannot be read", i);
    if (size <= largestFile)
      extend(segment.p_offset, segment.p_filesz);
  }
  if (size > largestFile)
    return makeError("its headers claim more than %llu bytes",
                     static_cast<unsigned long long>(largestFile));
  std::vector<std::byte> file(size);
  if (!readMemory(file.data(), image, size))
    return makeError("it claims %llu bytes, which cannot all be read",
                     static_cast<unsigned long long>(size));
  return file;
}

ErrorOr<ElfImage> layOutElf(std::span<const std::byte> file) { return Layout(file).run(); }

} // namespace tawny::hipsim
