#include "compiler/codegen/nvptx/Ptxas.h"

#include "compiler/codegen/TemporaryFile.h"

#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Program.h"

#include <cstdlib>

namespace tawny::nvptx {
namespace {

/// The number that stands before `unit` in a line; 0 where there is none.
uint64_t numberBefore(llvm::StringRef line, llvm::StringRef unit) {
  size_t end = line.find(unit);
  if (end == llvm::StringRef::npos)
    return 0;
  llvm::StringRef head = line.take_front(end).rtrim();
  uint64_t number = 0;
  head.substr(head.find_last_not_of("0123456789") + 1).getAsInteger(10, number);
  return number;
}

/// Reads the report of `ptxas -v`:
///   ptxas info    : Compiling entry function 'NAME' for 'sm_90'
///       16 bytes stack frame, 8 bytes spill stores, 8 bytes spill loads
///   ptxas info    : Used 40 registers, used 1 barriers, …
llvm::Error readReport(llvm::StringRef report, CodeObject &code) {
  constexpr uint64_t registerBytes = 4;
  std::vector<KernelCode *> kernels = code.allKernels();
  KernelCode *kernel = nullptr;
  size_t found = 0;
  llvm::SmallVector<llvm::StringRef> lines;
  report.split(lines, '\n');
  for (llvm::StringRef line : lines) {
    if (line.contains("Compiling entry function")) {
      llvm::StringRef name = line.split('\'').second.split('\'').first;
      auto entry = llvm::find_if(
          kernels, [&](const KernelCode *candidate) { return candidate->symbol == name; });
      kernel = entry == kernels.end() ? nullptr : *entry;
    } else if (kernel && line.contains("bytes stack frame")) {
      kernel->scratchBytes = numberBefore(line, "bytes stack frame");
      kernel->spills =
          static_cast<uint32_t>(numberBefore(line, "bytes spill stores") / registerBytes);
    } else if (kernel && line.contains("Used")) {
      kernel->vectorRegisters = static_cast<uint32_t>(numberBefore(line, "registers"));
      ++found;
    }
  }
  if (found == kernels.size())
    return llvm::Error::success();
  return llvm::createStringError("expected ptxas to report on %zu kernels, found %zu:\n%s",
                                 kernels.size(), found, report.str().c_str());
}

} // namespace

std::optional<std::string> findPtxas() {
  llvm::SmallVector<std::string> folders;
  if (const char *home = std::getenv("CUDA_HOME"))
    folders.push_back(std::string(home) + "/bin");
  folders.push_back("/usr/local/cuda/bin");
  llvm::SmallVector<llvm::StringRef> paths(folders.begin(), folders.end());
  for (llvm::ArrayRef<llvm::StringRef> where : {llvm::ArrayRef<llvm::StringRef>(), // PATH
                                                llvm::ArrayRef<llvm::StringRef>(paths)})
    if (auto path = llvm::sys::findProgramByName("ptxas", where))
      return *path;
  return std::nullopt;
}

llvm::Expected<std::string> assemble(llvm::StringRef ptxas, llvm::StringRef ptx,
                                     llvm::StringRef chip, CodeObject &code) {
  llvm::Expected<TemporaryFile> input = TemporaryFile::create(".ptx", ptx);
  if (!input)
    return input.takeError();
  llvm::Expected<TemporaryFile> output = TemporaryFile::create(".cubin", "");
  if (!output)
    return output.takeError();
  llvm::Expected<TemporaryFile> messages = TemporaryFile::create(".txt", "");
  if (!messages)
    return messages.takeError();
  std::string arch = ("-arch=" + chip).str();
  std::optional<llvm::StringRef> redirects[] = {
      llvm::StringRef(""), llvm::StringRef(messages->path()), llvm::StringRef(messages->path())};
  std::string failure;
  int status = llvm::sys::ExecuteAndWait(
      ptxas, {ptxas, "-v", "-O3", arch, input->path(), "-o", output->path()},
      /*Env=*/std::nullopt, redirects, /*SecondsToWait=*/0, /*MemoryLimit=*/0, &failure);
  llvm::Expected<std::string> report = messages->read();
  if (!report)
    return report.takeError();
  if (status != 0)
    return llvm::createStringError("%s failed: %s%s", ptxas.str().c_str(), failure.c_str(),
                                   report->c_str());
  if (llvm::Error error = readReport(*report, code))
    return error;
  return output->read();
}

} // namespace tawny::nvptx
