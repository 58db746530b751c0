#include "compiler/targets/Target.h"
#include "compiler/targets/TargetTables.h"
#include "dialects/formats/Layouts.h"

#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"

#include <gtest/gtest.h>

using namespace tawny;

namespace {

TEST(Targets, RowsAreComplete) {
  llvm::StringSet<> names;
  for (const TargetInfo &target : allTargets()) {
    SCOPED_TRACE(target.name.str());
    EXPECT_TRUE(names.insert(target.name).second);
    EXPECT_TRUE(layoutByName(target.layout).has_value());
    EXPECT_FALSE(target.device.empty());
    EXPECT_FALSE(target.triple.empty());
    EXPECT_FALSE(target.cpu.empty());
    EXPECT_FALSE(target.required.empty());
    EXPECT_FALSE(target.source.empty());
    EXPECT_TRUE(llvm::is_contained({"i8", "f16", "f32"}, target.activations));
  }
}

TEST(Targets, X86) {
  for (llvm::StringRef name : {"x86-64-v3", "x86-64-v4", "znver4", "znver5"}) {
    llvm::Expected<const TargetInfo *> target = findTarget(name);
    ASSERT_TRUE(bool(target)) << llvm::toString(target.takeError());
    EXPECT_EQ((*target)->name, name);
    EXPECT_EQ((*target)->family, TargetFamily::X86);
    EXPECT_EQ((*target)->vectorBits, name == "x86-64-v3" ? 256u : 512u);
    EXPECT_EQ((*target)->vnni, llvm::is_contained((*target)->required, "avx512vnni"));
  }
}

TEST(Targets, Gpus) {
  for (const TargetInfo &target : allTargets()) {
    if (target.family == TargetFamily::X86)
      continue;
    SCOPED_TRACE(target.name.str());
    EXPECT_TRUE(target.waveSize == 32 || target.waveSize == 64);
    EXPECT_GE(target.sharedBytes, 65536u);
    EXPECT_GE(target.vectorRegisters, 255u);
    EXPECT_TRUE(target.dotI8);
    EXPECT_EQ(target.product.name.empty(), target.product.computeUnits == 0);
    EXPECT_EQ(target.product.name.empty(), target.product.memoryGBs == 0);
    // A device asks for chips by the names that it reports.
    EXPECT_EQ(target.required.size(), 1u);
    EXPECT_EQ(target.required[0], target.name);
  }
}

TEST(Targets, TheFirstCitizen) {
  llvm::Expected<const TargetInfo *> found = findTarget("gfx1151");
  ASSERT_TRUE(bool(found)) << llvm::toString(found.takeError());
  const TargetInfo &target = **found;
  EXPECT_EQ(target.waveSize, 32u);
  EXPECT_EQ(target.sharedBytes, 65536u);
  EXPECT_EQ(target.matrix, MatrixUnit::WmmaReplicated);
  EXPECT_EQ(target.product.computeUnits, 40u);
  // 8000 million transfers of 32 bytes a second.
  EXPECT_EQ(target.product.memoryGBs, 8u * 32u);
}

// A device of a later architecture runs code of an earlier one too, so it must see its own first.
TEST(Targets, NvidiaRowsAreInOrderOfPreference) {
  llvm::ArrayRef<TargetInfo> rows = nvidiaTargets();
  ASSERT_FALSE(rows.empty());
  for (size_t later = 1; later < rows.size(); ++later)
    EXPECT_GT(rows[later - 1].name, rows[later].name);
}

// A later row must not demand all that an earlier one does and more: it would never be chosen.
TEST(Targets, X86RowsAreInOrderOfPreference) {
  llvm::ArrayRef<TargetInfo> rows = x86Targets();
  for (size_t earlier = 0; earlier < rows.size(); ++earlier)
    for (const TargetInfo &later : rows.drop_front(earlier + 1)) {
      bool shadowed = llvm::all_of(rows[earlier].required, [&](llvm::StringRef feature) {
        return llvm::is_contained(later.required, feature);
      });
      EXPECT_FALSE(shadowed) << later.name.str() << " behind " << rows[earlier].name.str();
    }
}

TEST(Targets, CpuIsARowOfThisMachine) {
  llvm::Expected<const TargetInfo *> target = findTarget("cpu");
  if (!target)
    GTEST_SKIP() << llvm::toString(target.takeError());
  EXPECT_EQ((*target)->family, TargetFamily::X86);
  llvm::Expected<const TargetInfo *> named = findTarget((*target)->name);
  ASSERT_TRUE(bool(named));
  EXPECT_EQ(*target, *named);
}

TEST(Targets, UnknownNamesListTheKnown) {
  llvm::Expected<const TargetInfo *> target = findTarget("z80");
  ASSERT_FALSE(bool(target));
  std::string message = llvm::toString(target.takeError());
  EXPECT_EQ(message.find("target 'z80' is unknown; known are cpu, znver5, "), 0u) << message;
}

} // namespace
