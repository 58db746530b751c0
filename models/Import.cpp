#include "models/Import.h"
#include "models/Architectures.h"
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Keys.h"
#include "models/synthetic/Header.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/Path.h"
#include "llvm/Support/Process.h"

#include <sys/mman.h>
#include <unistd.h>

namespace tawny {
namespace {

struct Architecture {
  llvm::StringRef name; ///< The value of general.architecture.
  ArchitectureImporter import;
};

constexpr Architecture architectures[] = {{"llama", importLlama}};

llvm::Expected<const Architecture *> findArchitecture(llvm::StringRef name) {
  std::string known;
  for (const Architecture &architecture : architectures) {
    if (architecture.name == name)
      return &architecture;
    known += (known.empty() ? "" : ", ") + architecture.name.str();
  }
  return gguf::errorInFile("architecture " + gguf::quote(name) +
                           " is not implemented, expected one of " + known +
                           "; --vocab-only works for all");
}

/// Maps and closes the open file without reading it: weights may be larger than memory.
llvm::Expected<std::unique_ptr<ModelFile>> mapFile(llvm::sys::fs::file_t descriptor,
                                                   llvm::StringRef path) {
  llvm::sys::fs::file_status status;
  std::error_code code = llvm::sys::fs::status(descriptor, status);
  auto file = std::make_unique<ModelFile>();
  file->path = path;
  file->name = llvm::sys::path::filename(path);
  if (!code && status.getSize() != 0)
    file->mapping = llvm::sys::fs::mapped_file_region(
        descriptor, llvm::sys::fs::mapped_file_region::readonly, status.getSize(), 0, code);
  std::error_code closed = llvm::sys::fs::closeFile(descriptor);
  if (!code)
    code = closed;
  if (code)
    return llvm::errorCodeToError(code);
  llvm::Expected<gguf::File> parsed = gguf::parseFile(file->bytes());
  if (!parsed)
    return parsed.takeError();
  file->gguf = std::move(*parsed);
  return file;
}

llvm::Expected<std::unique_ptr<ModelFile>> openFile(llvm::StringRef path) {
  // Before it is opened: opening a pipe would wait for a writer.
  llvm::sys::fs::file_status status;
  std::error_code code = llvm::sys::fs::status(path, status);
  if (code)
    return llvm::errorCodeToError(code);
  if (status.type() != llvm::sys::fs::file_type::regular_file)
    return gguf::errorInFile("expected a regular file");
  llvm::Expected<llvm::sys::fs::file_t> opened = llvm::sys::fs::openNativeFileForRead(path);
  if (!opened)
    return opened.takeError();
  return mapFile(*opened, path);
}

/// A file in memory that begins with the header and whose other pages nobody touches, so that it
/// takes no memory beyond the header's.
llvm::Expected<std::unique_ptr<ModelFile>> makeFile(const synthetic::Model &model) {
  synthetic::Header header = synthetic::makeHeader(model);
  int descriptor = memfd_create("tawny-synthetic", MFD_CLOEXEC);
  if (descriptor < 0)
    return llvm::errorCodeToError(llvm::errnoAsErrorCode());
  bool made = ftruncate(descriptor, static_cast<off_t>(header.fileBytes)) == 0 &&
              pwrite(descriptor, header.bytes.data(), header.bytes.size(), 0) ==
                  static_cast<ssize_t>(header.bytes.size());
  if (made)
    return mapFile(descriptor, model.name());
  std::error_code code = llvm::errnoAsErrorCode();
  close(descriptor);
  return llvm::errorCodeToError(code);
}

/// Reads what the model of a file is called.
llvm::Expected<ImportedModel> openModel(llvm::Expected<std::unique_ptr<ModelFile>> file) {
  if (!file)
    return file.takeError();
  ImportedModel model;
  model.file = std::move(*file);
  const gguf::File &gguf = model.file->gguf;
  llvm::Expected<llvm::StringRef> architecture = gguf::requireString(gguf, "general.architecture");
  if (!architecture)
    return architecture.takeError();
  llvm::Expected<std::optional<llvm::StringRef>> name = gguf::findString(gguf, "general.name");
  if (!name)
    return name.takeError();
  model.info.architecture = architecture->str();
  model.info.name = name->value_or("").str();
  if (model.info.name.empty())
    model.info.name = llvm::sys::path::stem(model.file->name);
  return model;
}

llvm::Error readVocabulary(ImportedModel &model) {
  llvm::Expected<gguf::Vocabulary> vocabulary = gguf::readVocabulary(model.file->gguf);
  if (!vocabulary)
    return vocabulary.takeError();
  model.vocabulary = std::move(*vocabulary);
  return llvm::Error::success();
}

void setModuleAttributes(mlir::ModuleOp module, const ModelFile &file, const ModelInfo &info) {
  mlir::Builder builder(module.getContext());
  auto number = [&](llvm::StringRef name, uint64_t value) {
    return builder.getNamedAttr(name, builder.getI64IntegerAttr(static_cast<int64_t>(value)));
  };
  module->setAttr("llm.model", builder.getDictionaryAttr({
                                   builder.getNamedAttr("name", builder.getStringAttr(info.name)),
                                   builder.getNamedAttr("architecture",
                                                        builder.getStringAttr(info.architecture)),
                                   number("layers", info.layers),
                                   number("hidden", info.hiddenSize),
                                   number("intermediate", info.intermediateSize),
                                   number("heads", info.heads),
                                   number("kv_heads", info.kvHeads),
                                   number("head_dim", info.headDim),
                                   number("vocab", info.vocabSize),
                                   number("context_length", info.contextLength),
                                   number("parameters", info.parameters),
                               }));
  module->setAttr("llm.source", builder.getStringAttr(file.name));
}

/// Writes the model's graph into a new module.
llvm::Error importGraph(mlir::MLIRContext &context, ImportedModel &model) {
  // Before the vocabulary: of a model of another architecture that is the news.
  llvm::Expected<const Architecture *> architecture = findArchitecture(model.info.architecture);
  if (!architecture)
    return architecture.takeError();
  if (llvm::Error error = readVocabulary(model))
    return error;
  context.loadDialect<llm::LlmDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect>();
  model.module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context), "model");
  if (llvm::Error error = (*architecture)->import(model.file->gguf, *model.module, model.info))
    return error;
  setModuleAttributes(*model.module, *model.file, model.info);
  size_t tokens = model.vocabulary.tokens.size();
  if (tokens <= model.info.vocabSize)
    return llvm::Error::success();
  return gguf::errorInFile("key 'tokenizer.ggml.tokens': expected at most one token per row of the "
                           "embedding, " +
                           llvm::Twine(model.info.vocabSize) + ", found " + llvm::Twine(tokens));
}

} // namespace

void ModelFile::release(llvm::ArrayRef<uint8_t> range) const {
  uint64_t page = llvm::sys::Process::getPageSizeEstimate();
  // Mappings start at pages, so that offsets in one tell where its pages begin.
  uint64_t begin = llvm::alignDown(range.begin() - bytes().begin(), page);
  uint64_t end = llvm::alignDown(range.end() - bytes().begin(), page);
  if (begin < end)
    madvise(const_cast<uint8_t *>(bytes().begin()) + begin, end - begin, MADV_DONTNEED);
}

llvm::Expected<ImportedModel> importGgufVocabulary(llvm::StringRef path) {
  llvm::Expected<ImportedModel> model = openModel(openFile(path));
  if (!model)
    return llvm::createFileError(path, model.takeError());
  if (llvm::Error error = readVocabulary(*model))
    return llvm::createFileError(path, std::move(error));
  model->info.vocabSize = static_cast<uint32_t>(model->vocabulary.tokens.size());
  return model;
}

static llvm::Expected<ImportedModel>
import(mlir::MLIRContext &context, llvm::Expected<ImportedModel> model, llvm::StringRef path) {
  if (!model)
    return llvm::createFileError(path, model.takeError());
  if (llvm::Error error = importGraph(context, *model))
    return llvm::createFileError(path, std::move(error));
  return model;
}

llvm::Expected<ImportedModel> importGguf(mlir::MLIRContext &context, llvm::StringRef path) {
  return import(context, openModel(openFile(path)), path);
}

llvm::Expected<ImportedModel> importSynthetic(mlir::MLIRContext &context,
                                              const synthetic::Model &model) {
  llvm::Expected<ImportedModel> imported =
      import(context, openModel(makeFile(model)), model.name());
  if (imported)
    imported->isSynthetic = true;
  return imported;
}

} // namespace tawny
