// From a model file to the llm dialect.
#pragma once

#include "dialects/llm/Llm.h"
#include "models/gguf/Reader.h"
#include "models/gguf/Vocabulary.h"
#include "models/synthetic/Presets.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "llvm/Support/Error.h"
#include "llvm/Support/FileSystem.h"

#include <cstdint>
#include <memory>
#include <string>

namespace tawny {

/// A model file, mapped read-only, and its structure. What the reader found are views of the
/// mapping, so the two stay together, at one address.
struct ModelFile {
  llvm::sys::fs::mapped_file_region mapping;
  gguf::File gguf;
  std::string path; ///< As it was given.
  std::string name; ///< The file's name without its folder.

  llvm::ArrayRef<uint8_t> bytes() const {
    return {reinterpret_cast<const uint8_t *>(mapping.const_data()), mapping.size()};
  }

  /// Lets the system drop the pages of `range`, which lies in bytes(), except for the last one,
  /// which what follows may share. Only advice: pages that are needed again are read again.
  void release(llvm::ArrayRef<uint8_t> range) const;
};

/// What is known of a model besides its graph. Numbers that a file without weights does not state
/// are 0.
struct ModelInfo {
  std::string name;
  std::string architecture;
  uint64_t parameters = 0; ///< Stored weights, counted as elements; a tied head counts once.
  uint32_t layers = 0;
  uint32_t hiddenSize = 0;
  uint32_t intermediateSize = 0;
  uint32_t heads = 0;
  uint32_t kvHeads = 0;
  uint32_t headDim = 0;
  uint32_t vocabSize = 0;
  uint32_t contextLength = 0; ///< Tokens the model was trained on at once.
};

/// A model as imported, with the file that its weights lie in.
struct ImportedModel {
  std::unique_ptr<ModelFile> file;
  /// Holds one `func.func @model`; null where only the vocabulary was asked for.
  mlir::OwningOpRef<mlir::ModuleOp> module;
  gguf::Vocabulary vocabulary;
  ModelInfo info;
  /// Of the file there is the header alone; weights are random (see FillTable).
  bool isSynthetic = false;
};

/// Reads the GGUF file at `path` and writes its model as
/// `func.func @model(!llm.step, !llm.kv<…>) -> (tensor<?xVxf32>, !llm.kv<…>)`: the logits of the
/// rows that want some, and the pool after the step. Weights are `llm.weight` symbols named as in
/// the file. Fails for files that cannot be read or do not hold what they must, for architectures
/// and element types that are not implemented; every message names the tensor, key or offset.
llvm::Expected<ImportedModel> importGguf(mlir::MLIRContext &context, llvm::StringRef path);

/// The same for a model that is made up. Its file exists in memory, and of its weights' bytes only
/// the places.
llvm::Expected<ImportedModel> importSynthetic(mlir::MLIRContext &context,
                                              const synthetic::Model &model);

/// Reads the tokenizer of a GGUF file of any architecture, with weights or without.
llvm::Expected<ImportedModel> importGgufVocabulary(llvm::StringRef path);

} // namespace tawny
