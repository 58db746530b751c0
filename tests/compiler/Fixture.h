// What the tests of the driver and the writer share.
#pragma once

#include "compiler/Compile.h"

#include "llvm/ADT/SmallString.h"

#include <gtest/gtest.h>

#include <string>

namespace tawny::test {

/// The sample model of the repository.
std::string sampleModel();

/// All bytes of a file; an empty string where there is none.
std::string readFile(llvm::StringRef path);

/// Names of all files in a folder, sorted.
std::vector<std::string> filesIn(llvm::StringRef folder);

/// A code generator whose objects are a name for each kernel: it makes artifacts without making
/// code, so that tests of the writer neither depend on a processor nor wait for LLVM.
llvm::Expected<CodeObject> fakeCodegen(rt::ExecutableOp executable, const TargetInfo &target,
                                       const CodegenOptions &options);
/// One that fails.
llvm::Expected<CodeObject> failingCodegen(rt::ExecutableOp executable, const TargetInfo &target,
                                          const CodegenOptions &options);

/// A test with a folder of its own that is removed at the end.
class CompileTest : public testing::Test {
protected:
  void SetUp() override;
  void TearDown() override;

  std::string path(llvm::StringRef name) const;
  /// Options that compile the sample model to `name` in the folder.
  CompileOptions sampleOptions(llvm::StringRef name) const;
  /// Compiles, and fails the test where that fails.
  CompileResult compile(const CompileOptions &options);
  std::string errorOf(const CompileOptions &options, Codegen codegen = fakeCodegen);

  llvm::SmallString<128> folder;
};

} // namespace tawny::test
