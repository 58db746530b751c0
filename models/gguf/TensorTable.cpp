#include "models/gguf/TensorTable.h"
#include "models/gguf/Diagnostics.h"
#include "llvm/ADT/STLExtras.h"
#include <tuple>

namespace tawny::gguf {
namespace {

/// Both limits are the specification's.
constexpr uint64_t maxNameBytes = 64;
constexpr uint32_t maxRank = 4;

llvm::Error fail(const Tensor &tensor, const llvm::Twine &message) {
  return errorInTensor(tensor.name, tensor.infoOffset, message);
}

llvm::Error readName(Cursor &cursor, const llvm::Twine &which, Tensor &tensor) {
  if (llvm::Error error = cursor.readString("the name of " + which, tensor.name))
    return error;
  if (tensor.name.empty() || tensor.name.size() > maxNameBytes)
    return errorAt(tensor.infoOffset, "expected a name of 1 to " + llvm::Twine(maxNameBytes) +
                                          " bytes for " + which + ", found " +
                                          llvm::Twine(tensor.name.size()) + " bytes");
  return llvm::Error::success();
}

llvm::Error readSizes(Cursor &cursor, Tensor &tensor, uint64_t &elements) {
  std::string name = "tensor " + quote(tensor.name);
  if (llvm::Error error = cursor.readU32("the number of dimensions of " + name, tensor.rank))
    return error;
  if (tensor.rank == 0 || tensor.rank > maxRank)
    return fail(tensor, "expected 1 to " + llvm::Twine(maxRank) + " dimensions, found " +
                            llvm::Twine(tensor.rank));
  elements = 1;
  for (uint32_t i = 0; i < tensor.rank; ++i) {
    if (llvm::Error error =
            cursor.readU64("dimension " + llvm::Twine(i) + " of " + name, tensor.sizes[i]))
      return error;
    if (tensor.sizes[i] == 0)
      return fail(tensor,
                  "expected dimensions of at least 1, found 0 in dimension " + llvm::Twine(i));
    if (__builtin_mul_overflow(elements, tensor.sizes[i], &elements))
      return fail(tensor, "expected a number of elements below 2^64, found dimensions " +
                              formatDims(tensor.dims().take_front(i + 1)));
  }
  return llvm::Error::success();
}

/// Finds the type and from it the number of bytes; rows are the unit in which blocks are laid out.
llvm::Error readType(Cursor &cursor, uint64_t elements, Tensor &tensor) {
  if (llvm::Error error = cursor.readU32("the type of tensor " + quote(tensor.name), tensor.type))
    return error;
  llvm::StringRef withdrawn = withdrawnTypeName(tensor.type);
  if (!withdrawn.empty())
    return fail(tensor, "expected an element type in use, found type " + llvm::Twine(tensor.type) +
                            " (" + withdrawn +
                            "), which the format has withdrawn; quantise the model again");
  const TypeInfo *info = typeInfo(tensor.type);
  if (!info)
    return fail(tensor, "expected a known element type, found type " + llvm::Twine(tensor.type) +
                            "; the file is damaged or newer than this compiler");
  if (tensor.sizes[0] % info->blockElements != 0)
    return fail(tensor, "expected rows of whole " + info->name + " blocks of " +
                            llvm::Twine(info->blockElements) + " elements, found rows of " +
                            llvm::Twine(tensor.sizes[0]));
  if (__builtin_mul_overflow(elements / info->blockElements, uint64_t(info->blockBytes),
                             &tensor.byteSize))
    return fail(tensor, "expected less than 2^64 bytes of data, found " + info->name +
                            " elements with dimensions " + formatDims(tensor.dims()));
  return llvm::Error::success();
}

llvm::Error readTensorInfo(Cursor &cursor, const llvm::Twine &which, Tensor &tensor) {
  tensor.infoOffset = cursor.offset();
  uint64_t elements = 0;
  if (llvm::Error error = readName(cursor, which, tensor))
    return error;
  if (llvm::Error error = readSizes(cursor, tensor, elements))
    return error;
  if (llvm::Error error = readType(cursor, elements, tensor))
    return error;
  return cursor.readU64("the data offset of tensor " + quote(tensor.name), tensor.offset);
}

/// The file counts offsets from the start of the data section; turn them into file offsets, which
/// is what everyone else wants, once they are known to lie in the file.
llvm::Error placeTensor(Tensor &tensor, const File &file, uint64_t fileSize) {
  uint64_t relative = tensor.offset;
  if (relative % file.alignment != 0)
    return fail(tensor, "expected a data offset that is a multiple of the alignment, " +
                            llvm::Twine(file.alignment) + ", found " + llvm::Twine(relative));
  uint64_t end = 0;
  if (__builtin_add_overflow(file.dataOffset, relative, &tensor.offset) ||
      __builtin_add_overflow(tensor.offset, tensor.byteSize, &end) || end > fileSize)
    return fail(tensor, "expected " + llvm::Twine(tensor.byteSize) + " bytes of data at offset " +
                            llvm::Twine(file.dataOffset) + " + " + llvm::Twine(relative) +
                            ", found the end of the file at " + llvm::Twine(fileSize) +
                            "; it is truncated or damaged, fetch it again");
  return llvm::Error::success();
}

llvm::Error checkOverlaps(const File &file) {
  std::vector<const Tensor *> byOffset;
  byOffset.reserve(file.tensors.size());
  for (const Tensor &tensor : file.tensors)
    byOffset.push_back(&tensor);
  // Tensors at the same offset stay in the order of the file, so that errors are reproducible.
  llvm::sort(byOffset, [](const Tensor *a, const Tensor *b) {
    return std::tie(a->offset, a->infoOffset) < std::tie(b->offset, b->infoOffset);
  });
  for (size_t i = 1; i < byOffset.size(); ++i) {
    const Tensor &before = *byOffset[i - 1], &tensor = *byOffset[i];
    if (before.offset + before.byteSize > tensor.offset)
      return fail(tensor, "expected data of its own, found that its " +
                              llvm::Twine(tensor.byteSize) + " bytes at offset " +
                              llvm::Twine(tensor.offset) + " overlap the " +
                              llvm::Twine(before.byteSize) + " bytes of tensor " +
                              quote(before.name) + " at offset " + llvm::Twine(before.offset));
  }
  return llvm::Error::success();
}

} // namespace

llvm::Error readTensorTable(Cursor &cursor, uint64_t count, File &file) {
  // Nothing is reserved: a count may fit the file's size and still be wrong by orders of magnitude.
  for (uint64_t i = 0; i < count; ++i) {
    Tensor tensor;
    if (llvm::Error error = readTensorInfo(
            cursor, "tensor " + llvm::Twine(i + 1) + " of " + llvm::Twine(count), tensor))
      return error;
    auto [previous, isNew] = file.tensorIndex.try_emplace(tensor.name, i);
    if (!isNew)
      return fail(tensor, "expected unique names, found another tensor of this name at offset " +
                              llvm::Twine(file.tensors[previous->second].infoOffset));
    file.tensors.push_back(tensor);
  }

  uint64_t padding = -cursor.offset() % file.alignment;
  if (__builtin_add_overflow(cursor.offset(), padding, &file.dataOffset))
    return errorAt(cursor.offset(), "the padding before the tensor data passes 2^64 bytes");
  for (Tensor &tensor : file.tensors)
    if (llvm::Error error = placeTensor(tensor, file, cursor.fileSize()))
      return error;
  return checkOverlaps(file);
}

} // namespace tawny::gguf
