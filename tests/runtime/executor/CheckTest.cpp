// --check names the first dispatch that wrote a value that is not finite.
#include "tests/runtime/executor/ToyRun.h"

namespace tawny::test {
namespace {

ModelOptions checking() {
  ModelOptions options;
  options.check = true;
  return options;
}

TEST(Check, NamesTheDispatchAndTheValue) {
  ToyRun toy(checking());
  SequenceId a = toy.create();
  EXPECT_EQ(toy.step(a, {1, 2, 3}).size(), 1u);
  EXPECT_EQ(toy.errorOf(a, {4, TOY_POISON, 5}),
            "check: dispatch 1, 'attend', of program 'step' wrote inf at row 1, column 3 of its "
            "binding 4; its kernel is 'attend'");
  EXPECT_EQ(toy.pool().length(a), 3u) << "the step is undone";
  EXPECT_EQ(toy.errorOf(a, {TOY_POISON}),
            "check: dispatch 1, 'attend', of program 'decode[1]' wrote inf at row 0, column 3 of "
            "its binding 4; its kernel is 'attend'");
}

/// What attention makes of a NaN is its own business: some targets read pages as finite numbers.
TEST(Check, LooksAtKeysAndValues) {
  ToyRun toy(checking());
  SequenceId a = toy.create(), b = toy.create();
  toy.step(b, {1, 2, 3, 4, 5});
  EXPECT_EQ(toy.step(a, {1, 2, 3}).size(), 1u);
  EXPECT_EQ(toy.errorOf(a, {4, 5, TOY_KV_POISON, 6}),
            "check: dispatch 0, 'append', of program 'step' wrote nan to page 3 of the values of "
            "layer 1; its kernel is 'append'");
  EXPECT_EQ(toy.pool().length(a), 3u) << "the step is undone";
  // Others, and what comes to the same slots next, are as if it had not been.
  EXPECT_EQ(toy.step(b, {6, 7, 8, 9}).size(), 1u);
  EXPECT_EQ(tail(toy.step(a, {4, 5, 7}).front()), expectedAt({1, 2, 3, 4, 5, 7}, 5));
}

TEST(Check, LooksAtRowsInUseOnly) {
  ToyRun toy(checking());
  SequenceId a = toy.create(), b = toy.create();
  EXPECT_NE(toy.errorOf(a, {4, 4, 4, 4, TOY_POISON}), "");
  // Row 4 of the scratch still holds the infinity; a step of two tokens does not touch it.
  EXPECT_EQ(toy.step(b, {1, 2}).size(), 1u);
}

TEST(Check, IsOffOtherwise) {
  ToyRun toy;
  EXPECT_EQ(toy.step(toy.create(), {4, TOY_POISON, 5}).size(), 1u);
}

TEST(Check, LooksAtInit) {
  ToyFile file = toyModel(toyCode());
  float nan = __builtin_nanf("");
  std::memcpy(file.segments[0].data() + 64 + 5 * sizeof(float), &nan, sizeof(nan));
  AlignedBytes bytes = file.encode();
  auto artifact = Artifact::fromMemory(bytes.span(), "toy");
  auto device = openDevice("cpu", 1);
  ASSERT_TRUE(artifact) << artifact.error().message;
  auto model = Model::create(std::move(*artifact), std::move(*device), checking());
  ASSERT_FALSE(model);
  EXPECT_EQ(model.error().message,
            "'toy': check: dispatch 0, 'materialise', of program 'init' wrote nan at row 0, column "
            "5 of its binding 1; its kernel is 'init'");
}

} // namespace
} // namespace tawny::test
