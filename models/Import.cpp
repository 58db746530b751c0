#include "models/Import.h"
#include "models/Architectures.h"
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Keys.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "llvm/Support/Path.h"

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

/// Maps the file without reading it: weights may be larger than memory.
llvm::Expected<std::unique_ptr<ModelFile>> openFile(llvm::StringRef path) {
  llvm::Expected<llvm::sys::fs::file_t> opened = llvm::sys::fs::openNativeFileForRead(path);
  if (!opened)
    return opened.takeError();
  llvm::sys::fs::file_t descriptor = *opened;
  llvm::sys::fs::file_status status;
  std::error_code code = llvm::sys::fs::status(descriptor, status);
  if (!code && status.type() != llvm::sys::fs::file_type::regular_file)
    code = std::make_error_code(std::errc::invalid_argument);
  auto file = std::make_unique<ModelFile>();
  file->path = path;
  file->name = llvm::sys::path::filename(path);
  if (!code && status.getSize() != 0)
    file->mapping = llvm::sys::fs::mapped_file_region(
        descriptor, llvm::sys::fs::mapped_file_region::readonly, status.getSize(), 0, code);
  llvm::sys::fs::closeFile(descriptor);
  if (code)
    return llvm::errorCodeToError(code);
  llvm::Expected<gguf::File> parsed = gguf::parseFile(file->bytes());
  if (!parsed)
    return parsed.takeError();
  file->gguf = std::move(*parsed);
  return file;
}

/// The part that every import shares: the file, its vocabulary and its names.
llvm::Expected<ImportedModel> importCommon(llvm::StringRef path) {
  ImportedModel model;
  llvm::Expected<std::unique_ptr<ModelFile>> file = openFile(path);
  if (!file)
    return file.takeError();
  model.file = std::move(*file);
  const gguf::File &gguf = model.file->gguf;
  llvm::Expected<llvm::StringRef> architecture = gguf::requireString(gguf, "general.architecture");
  if (!architecture)
    return architecture.takeError();
  llvm::Expected<std::optional<llvm::StringRef>> name = gguf::findString(gguf, "general.name");
  if (!name)
    return name.takeError();
  model.info.architecture = architecture->str();
  model.info.name =
      name->value_or("").empty() ? llvm::sys::path::stem(model.file->name).str() : (*name)->str();
  llvm::Expected<gguf::Vocabulary> vocabulary = gguf::readVocabulary(gguf);
  if (!vocabulary)
    return vocabulary.takeError();
  model.vocabulary = std::move(*vocabulary);
  return model;
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

} // namespace

llvm::Expected<ImportedModel> importGgufVocabulary(llvm::StringRef path) {
  llvm::Expected<ImportedModel> model = importCommon(path);
  if (!model)
    return llvm::createFileError(path, model.takeError());
  model->info.vocabSize = static_cast<uint32_t>(model->vocabulary.tokens.size());
  return model;
}

llvm::Expected<ImportedModel> importGguf(mlir::MLIRContext &context, llvm::StringRef path) {
  llvm::Expected<ImportedModel> model = importCommon(path);
  if (!model)
    return llvm::createFileError(path, model.takeError());
  llvm::Expected<const Architecture *> architecture = findArchitecture(model->info.architecture);
  if (!architecture)
    return llvm::createFileError(path, architecture.takeError());

  context.loadDialect<llm::LlmDialect, mlir::func::FuncDialect, mlir::arith::ArithDialect>();
  model->module = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context), "model");
  if (llvm::Error error = (*architecture)->import(model->file->gguf, *model->module, model->info))
    return llvm::createFileError(path, std::move(error));
  if (model->vocabulary.tokens.size() > model->info.vocabSize)
    return llvm::createFileError(
        path, gguf::errorInFile("key 'tokenizer.ggml.tokens': expected at most as many tokens as "
                                "the model has embeddings, " +
                                llvm::Twine(model->info.vocabSize) + ", found " +
                                llvm::Twine(model->vocabulary.tokens.size())));
  setModuleAttributes(*model->module, *model->file, model->info);
  return model;
}

} // namespace tawny
