#include "compiler/Diagnostics.h"

#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/Location.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

TEST(Diagnostics, NamesWhatFailedAndWhere) {
  mlir::MLIRContext context;
  DiagnosticCollector diagnostics(context);
  mlir::Location named = mlir::NameLoc::get(mlir::StringAttr::get(&context, "blk.0.attn_q"));
  mlir::emitError(named, "expected columns").attachNote(mlir::UnknownLoc::get(&context))
      << "the weight has rows";
  EXPECT_EQ(llvm::toString(diagnostics.takeError("tawny-fuse")),
            "tawny-fuse failed: blk.0.attn_q: expected columns\nthe weight has rows");
  // Each is told once.
  EXPECT_EQ(llvm::toString(diagnostics.takeError("tawny-fuse")), "tawny-fuse failed");
}

TEST(Diagnostics, CompletesAnotherError) {
  mlir::MLIRContext context;
  DiagnosticCollector diagnostics(context);
  EXPECT_EQ(llvm::toString(diagnostics.addTo(llvm::createStringError("no code"))), "no code");
  mlir::emitError(mlir::FileLineColLoc::get(&context, "a.mlir", 2, 3), "not legal");
  EXPECT_EQ(llvm::toString(diagnostics.addTo(llvm::createStringError("no code"))),
            "no code: loc(\"a.mlir\":2:3): not legal");
}

TEST(Diagnostics, LeavesTheOpOut) {
  mlir::MLIRContext context;
  DiagnosticCollector diagnostics(context);
  mlir::OwningOpRef<mlir::ModuleOp> module =
      mlir::ModuleOp::create(mlir::UnknownLoc::get(&context));
  module->emitError("expected a smaller pool");
  EXPECT_EQ(llvm::toString(diagnostics.takeError("rt-plan")),
            "rt-plan failed: expected a smaller pool");
}

} // namespace
