#include "runtime/support/Safetensors.h"

#include "runtime/support/InputFile.h"
#include "tests/runtime/support/TestFolder.h"

#include <cstring>
#include <filesystem>
#include <gtest/gtest.h>

using namespace tawny;

namespace {

class Safetensors : public test::TestFolder {
protected:
  void SetUp() override {
    TestFolder::SetUp();
    output = path("out.safetensors");
  }

  std::string output;
};

constexpr auto F32 = SafetensorsType::F32;
constexpr auto I32 = SafetensorsType::I32;
const std::vector<float> sixFloats = {1, -2, 3.5f, 0, 1e30f, -0.0f};
const std::vector<int32_t> twoIntegers = {INT32_MIN, 7};

/// A file with this header and so many bytes of data.
std::string makeFile(const std::string &header, size_t dataBytes) {
  uint64_t size = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &size, 8);
  return file + header + std::string(dataBytes, '\0');
}

std::string readError(const std::string &file) {
  auto content = readSafetensors(file, "f");
  return content ? "no error" : content.error().message;
}

std::string headerError(const std::string &header, size_t dataBytes = 8) {
  return readError(makeFile(header, dataBytes));
}

TEST_F(Safetensors, ReadsBackWhatItWrote) {
  auto writer = SafetensorsWriter::create(
      output, {{"logits", F32, {2, 3}}, {"empty", F32, {0, 5}}, {"ids \"x\"\n", I32, {2}}},
      {{"model", "a\\b"}});
  ASSERT_TRUE(writer) << writer.error().message;
  ASSERT_TRUE(writer->append(std::span(sixFloats).first(4)));
  ASSERT_TRUE(writer->append(std::span(sixFloats).subspan(4)));
  ASSERT_TRUE(writer->append(std::span<const float>()));
  ASSERT_TRUE(writer->append(twoIntegers));
  EXPECT_FALSE(std::filesystem::exists(output));
  ASSERT_TRUE(writer->commit());

  std::string file = *readInput(output, 1 << 20);
  auto content = readSafetensors(file, output);
  ASSERT_TRUE(content) << content.error().message;
  EXPECT_EQ(content->metadata, (SafetensorsMetadata{{"model", "a\\b"}}));
  ASSERT_EQ(content->tensors.size(), 3u);
  const SafetensorsView &logits = content->tensors["logits"];
  EXPECT_EQ(logits.shape, (std::vector<uint64_t>{2, 3}));
  EXPECT_EQ(logits.floats(), sixFloats);
  EXPECT_TRUE(logits.integers().empty());
  EXPECT_EQ((logits.bytes.data() - file.data()) % 8, 0);
  EXPECT_TRUE(content->tensors["empty"].floats().empty());
  EXPECT_EQ(content->tensors["ids \"x\"\n"].integers(), twoIntegers);
}

TEST_F(Safetensors, WritesScalarsAndNothing) {
  auto scalar = SafetensorsWriter::create(output, {{"x", F32, {}}});
  ASSERT_TRUE(scalar && scalar->append(std::span(sixFloats).first(1)) && scalar->commit());
  EXPECT_EQ(readSafetensors(*readInput(output, 1 << 20), output)->tensors["x"].floats().size(), 1u);
  auto nothing = SafetensorsWriter::create(output, {});
  ASSERT_TRUE(nothing && nothing->commit());
  EXPECT_TRUE(readSafetensors(*readInput(output, 1 << 20), output)->tensors.empty());
}

TEST_F(Safetensors, LeavesNoPartialFile) {
  {
    auto writer = SafetensorsWriter::create(output, {{"x", F32, {7}}});
    ASSERT_TRUE(writer && writer->append(sixFloats));
    EXPECT_EQ(writer->commit().error().message,
              "tensor 'x' is incomplete: 6 of 7 elements were written");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST_F(Safetensors, RefusesWhatDoesNotFit) {
  auto writer = SafetensorsWriter::create(output, {{"x", F32, {5}}, {"y", I32, {1}}});
  ASSERT_TRUE(writer);
  EXPECT_EQ(writer->append(sixFloats).error().message,
            "tensor 'x' has room for 5 more elements; 6 do not fit");
  EXPECT_EQ(writer->append(twoIntegers).error().message,
            "tensor 'x' was declared with another element type");
  ASSERT_TRUE(writer->append(std::span(sixFloats).first(5)));
  ASSERT_TRUE(writer->append(std::span(twoIntegers).first(1)));
  EXPECT_EQ(writer->append(twoIntegers).error().message,
            "all 2 tensors are full; 2 elements do not fit");
}

TEST_F(Safetensors, RefusesBadDeclarations) {
  auto error = [&](std::vector<SafetensorsTensor> tensors) {
    return SafetensorsWriter::create(output, std::move(tensors)).error().message;
  };
  EXPECT_EQ(error({{"", F32, {1}}}), "a tensor's name must be non-empty UTF-8 to be written");
  EXPECT_EQ(error({{"\xFF", F32, {1}}}), "a tensor's name must be non-empty UTF-8 to be written");
  EXPECT_EQ(error({{"x", F32, {1}}, {"x", I32, {1}}}),
            "the tensor name 'x' is reserved or was given twice");
  EXPECT_EQ(error({{"__metadata__", F32, {1}}}),
            "the tensor name '__metadata__' is reserved or was given twice");
  EXPECT_EQ(error({{"x", F32, {uint64_t(1) << 62, 4}}}),
            "the shape of tensor 'x' is too large to be written");
  EXPECT_TRUE(std::filesystem::is_empty(folder));
}

TEST(SafetensorsReader, ChecksTheFrame) {
  EXPECT_EQ(readError("1234567"), "f: 7 bytes are too few for a safetensors file");
  std::string file = makeFile("{}", 0);
  EXPECT_EQ(readError(file), "no error");
  EXPECT_NE(readError(file.substr(0, 9)).find("the header claims 2 bytes"), std::string::npos);
  file[7] = '\x7f';
  EXPECT_NE(readError(file).find("the header claims"), std::string::npos);
  EXPECT_EQ(headerError(" {}", 0), "f: the header must begin with '{' right after its length");
  EXPECT_EQ(headerError("{} ", 0), "no error");
  EXPECT_EQ(headerError("{}x", 0), "f: header: expected nothing more at offset 2, found 'x'");
}

TEST(SafetensorsReader, ChecksEveryKey) {
  EXPECT_EQ(headerError(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"), "no error");
  EXPECT_EQ(headerError(R"({"x":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})"),
            "f: tensor 'x' has dtype 'F16'; only F32 and I32 are read here");
  EXPECT_EQ(headerError(R"({"x":{"dtype":"F32","shape":[2]}})"),
            "f: tensor 'x' needs dtype, shape and two data_offsets");
  EXPECT_EQ(headerError(R"({"x":{"shape":[2],"shape":[2]}})"),
            "f: tensor 'x' has the key 'shape' twice or it is unknown");
  EXPECT_EQ(headerError(R"({"x":{"colour":1}})"),
            "f: tensor 'x' has the key 'colour' twice or it is unknown");
  EXPECT_NE(headerError(R"({"x":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}})"), "no error");
  EXPECT_NE(headerError(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8,9]}})"), "no error");
  EXPECT_EQ(headerError(R"({"__metadata__":{"k":"1","k":"2"}})"),
            "f: the metadata key 'k' occurs twice");
  EXPECT_EQ(headerError(R"({"__metadata__":{},"__metadata__":{}})"),
            "f: '__metadata__' occurs twice");
  EXPECT_NE(headerError(R"({"__metadata__":{"k":1}})"), "no error");
}

TEST(SafetensorsReader, ChecksEveryRange) {
  auto tensor = [](const char *name, const char *shape, const char *offsets) {
    return std::string("\"") + name + R"(":{"dtype":"I32","shape":)" + shape +
           R"(,"data_offsets":)" + offsets + "}";
  };
  EXPECT_EQ(
      headerError("{" + tensor("x", "[1]", "[0,4]") + "," + tensor("y", "[1]", "[4,8]") + "}"),
      "no error");
  EXPECT_EQ(headerError("{" + tensor("x", "[3]", "[0,8]") + "}"),
            "f: the data_offsets 0..8 of tensor 'x' do not match its shape");
  EXPECT_NE(headerError("{" + tensor("x", "[2]", "[8,0]") + "}"), "no error");
  EXPECT_NE(headerError("{" + tensor("x", "[4611686018427387904,4]", "[0,0]") + "}"), "no error");
  EXPECT_EQ(
      headerError("{" + tensor("x", "[1]", "[0,4]") + "," + tensor("y", "[1]", "[0,4]") + "}"),
      "f: a tensor begins at offset 0 of the data, where 4 was expected");
  EXPECT_EQ(headerError("{" + tensor("x", "[1]", "[4,8]") + "}"),
            "f: a tensor begins at offset 4 of the data, where 0 was expected");
  EXPECT_EQ(headerError("{" + tensor("x", "[1]", "[0,4]") + "}"),
            "f: the tensors take 4 bytes but the file holds 8 after its header");
  EXPECT_EQ(headerError("{" + tensor("x", "[3]", "[0,12]") + "}"),
            "f: the tensors take 12 bytes but the file holds 8 after its header");
}

} // namespace
