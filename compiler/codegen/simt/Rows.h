// Kernels that take a row to a workgroup and map its columns one by one: how lanes share them.
#pragma once

#include "compiler/codegen/simt/Kernel.h"

namespace tawny::simt {

/// How a workgroup divides a row: each thread takes `width` neighbouring columns at a time.
struct RowShape {
  int64_t columns = 0;
  int64_t width = 1;
  int64_t threads = 0;

  /// For rows whose elements have these types. Accesses are 16 bytes of the narrowest type where
  /// the columns are a multiple of so many, as rows are then aligned to it, and fewer otherwise.
  static RowShape of(int64_t columns, llvm::ArrayRef<Type> elements, const TargetInfo &target);

  /// The first column of a thread; of its next ones, `threads * width` further on each.
  Value firstColumn(Simt &b) const { return b.mul(b.threadId(), width); }
};

/// Row `row` (i32) of a tensor of `columns` columns.
Value rowAddress(Simt &b, Value base, Value row, int64_t columns, Type element);

/// `width` elements from `column` on of a row at `address`: a vector.
Value loadColumns(Simt &b, const RowShape &shape, Value address, Value column, Type element);
void storeColumns(Simt &b, const RowShape &shape, Value vector, Value address, Value column);

/// Calls `load` and then `store` with every column that the thread has the first of `width` from.
/// `load` gives values of `types`, which `store` gets; loads of up to four columns go ahead of
/// their stores, so that they are in flight together.
using LoadColumn = std::function<mlir::SmallVector<Value>(Value column)>;
using StoreColumn = std::function<void(Value column, mlir::ValueRange values)>;
void mapRow(Simt &b, const RowShape &shape, llvm::ArrayRef<Type> types, const LoadColumn &load,
            const StoreColumn &store);

} // namespace tawny::simt
