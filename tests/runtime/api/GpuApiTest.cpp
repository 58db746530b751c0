// A GPU that fails, seen from C: sentences, not crashes.
#include "runtime/include/tawny.h"
#include "tests/runtime/gpu/FakeDevice.h"
#include "tests/runtime/toy/ToyArtifact.h"

#include <filesystem>
#include <gtest/gtest.h>

namespace tawny::test {
namespace {

class GpuApi : public testing::TestWithParam<const char *> {
protected:
  GpuApi() : flavour(GetParam()), driver(flavour) {
    path = writeTemporary("gpu-api", toyModel(asGpuCode(toyCode()), flavour).encode().span());
    options = tawny_default_options();
    options.device = flavour.c_str();
  }
  ~GpuApi() override {
    std::filesystem::remove(path);
    EXPECT_EQ(driver->live(), 0u);
  }
  std::string openError() {
    char message[1024] = "";
    tawny_model *model = tawny_open(path.c_str(), &options, message, sizeof(message));
    EXPECT_EQ(model, nullptr);
    tawny_close(model);
    return message;
  }
  tawny_status step(tawny_model *model, tawny_sequence sequence) {
    int32_t tokens[] = {3, 4};
    tawny_span span = {sequence, tokens, 2, nullptr};
    return tawny_step(model, &span, 1);
  }

  std::string flavour;
  FakeDriver driver;
  std::string path;
  tawny_options options;
};

TEST_P(GpuApi, SurvivesALostDevice) {
  char message[1024] = "";
  tawny_model *model = tawny_open(path.c_str(), &options, message, sizeof(message));
  ASSERT_NE(model, nullptr) << message;
  tawny_sequence sequence = 0;
  ASSERT_EQ(tawny_create_sequence(model, &sequence), TAWNY_OK);
  EXPECT_EQ(step(model, sequence), TAWNY_OK) << tawny_last_error(model);
  driver->loseAtLaunch(1, 719);
  EXPECT_EQ(step(model, sequence), TAWNY_ERROR);
  std::string first = tawny_last_error(model);
  EXPECT_NE(first.find("(719): fake failure"), std::string::npos) << first;
  for (int again = 0; again < 3; ++again) {
    EXPECT_EQ(step(model, sequence), TAWNY_ERROR);
    EXPECT_EQ(tawny_last_error(model), first);
  }
  tawny_close(model);
}

TEST_P(GpuApi, SaysWhyItCannotOpen) {
  options.launch = "fast";
  EXPECT_EQ(openError(), "launch: expected auto, eager or graph, found 'fast'");
  options.launch = "graph";
  std::string third = flavour + ":2";
  options.device = third.c_str();
  EXPECT_NE(openError().find("expected a number below 2"), std::string::npos);
  options.device = flavour.c_str();
  driver->setMemory(1000);
  EXPECT_NE(openError().find("the model needs "), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Flavours, GpuApi, testing::Values("hip", "cuda"),
                         [](const testing::TestParamInfo<const char *> &info) {
                           return std::string(info.param);
                         });

} // namespace
} // namespace tawny::test
