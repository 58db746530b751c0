#include "runtime/support/FileMapping.h"
#include "runtime/support/InputFile.h"
#include "runtime/support/OutputFile.h"
#include "tests/runtime/support/TestFolder.h"

#include <cstring>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

using namespace tawny;
namespace fs = std::filesystem;

namespace {

class Files : public test::TestFolder {
protected:
  static void write(const std::string &path, const std::string &text) {
    std::ofstream(path, std::ios::binary) << text;
  }
  static std::string read(const std::string &path) { return *readInput(path, 1 << 24); }
  size_t countFiles() const {
    return static_cast<size_t>(
        std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
  }
};

TEST_F(Files, MapsAFile) {
  std::string text(10000, 'a');
  text[9999] = 'z';
  write(path("a"), text);
  auto mapping = FileMapping::open(path("a"));
  ASSERT_TRUE(mapping) << mapping.error().message;
  ASSERT_EQ(mapping->size(), text.size());
  EXPECT_EQ(std::memcmp(mapping->bytes().data(), text.data(), text.size()), 0);
  char last = 0;
  ASSERT_EQ(pread(mapping->descriptor(), &last, 1, 9999), 1);
  EXPECT_EQ(last, 'z');
  FileMapping moved = std::move(*mapping);
  EXPECT_EQ(moved.size(), text.size());
  // Advice never changes what is read.
  for (FileAdvice advice : {FileAdvice::Normal, FileAdvice::Sequential, FileAdvice::Random,
                            FileAdvice::WillNeed, FileAdvice::DontNeed}) {
    EXPECT_TRUE(moved.advise(advice));
    EXPECT_TRUE(moved.advise(advice, 1, 5000));
    EXPECT_TRUE(moved.advise(advice, 10000, 0));
    EXPECT_EQ(std::memcmp(moved.bytes().data(), text.data(), text.size()), 0);
  }
  EXPECT_FALSE(moved.advise(FileAdvice::WillNeed, 9999, 2));
  EXPECT_FALSE(moved.advise(FileAdvice::WillNeed, SIZE_MAX, 2));
}

TEST_F(Files, MapsAnEmptyFile) {
  write(path("a"), "");
  auto mapping = FileMapping::open(path("a"));
  ASSERT_TRUE(mapping);
  EXPECT_TRUE(mapping->bytes().empty());
  EXPECT_TRUE(mapping->advise(FileAdvice::Sequential));
}

TEST_F(Files, SaysWhatCannotBeMapped) {
  EXPECT_EQ(FileMapping::open(path("a")).error().message,
            "cannot open '" + path("a") + "': No such file or directory");
  EXPECT_EQ(FileMapping::open(folder.string()).error().message,
            "cannot read '" + folder.string() + "': expected a regular file");
  // A pipe that nobody writes to must not be waited for.
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  EXPECT_EQ(FileMapping::open(path("pipe")).error().message,
            "cannot read '" + path("pipe") + "': expected a regular file");
}

TEST_F(Files, ReadsUpToALimit) {
  std::string text("a\0b\r\n", 5);
  write(path("a"), text);
  EXPECT_EQ(*readInput(path("a"), 5), text);
  EXPECT_EQ(readInput(path("a"), 4).error().message,
            "'" + path("a") + "' has more than the 4 bytes that are allowed here");
  std::string large(3'000'000, 'x');
  write(path("b"), large);
  EXPECT_EQ(*readInput(path("b"), 1 << 24), large);
  EXPECT_EQ(readInput(folder.string(), 10).error().message,
            "cannot read '" + folder.string() + "': Is a directory");
}

TEST_F(Files, AppearWhenCommitted) {
  auto file = OutputFile::create(path("a"));
  ASSERT_TRUE(file) << file.error().message;
  ASSERT_TRUE(file->write("hello", 5));
  EXPECT_FALSE(fs::exists(path("a")));
  ASSERT_TRUE(file->commit());
  EXPECT_EQ(read(path("a")), "hello");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(Files, LeaveNothingUnlessCommitted) {
  write(path("a"), "old");
  for (const char *name : {"a", "b"}) {
    auto file = OutputFile::create(path(name));
    ASSERT_TRUE(file);
    ASSERT_TRUE(file->write("new", 3));
  }
  EXPECT_EQ(countFiles(), 1u);
  EXPECT_EQ(read(path("a")), "old");
}

TEST_F(Files, ReplaceOldOnesThroughLinksAndKeepPermissions) {
  write(path("a"), "old");
  fs::permissions(path("a"), fs::perms::owner_read | fs::perms::owner_write);
  fs::create_symlink("a", path("link"));
  auto file = OutputFile::create(path("link"));
  ASSERT_TRUE(file && file->write("new", 3) && file->commit());
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(read(path("a")), "new");
  EXPECT_EQ(fs::status(path("a")).permissions(), fs::perms::owner_read | fs::perms::owner_write);
}

TEST_F(Files, OverwriteFromTwoWritersWithoutMixing) {
  auto first = OutputFile::create(path("a")), second = OutputFile::create(path("a"));
  ASSERT_TRUE(first && second);
  ASSERT_TRUE(first->write("first", 5) && second->write("second", 6));
  ASSERT_TRUE(first->commit() && second->commit());
  EXPECT_EQ(read(path("a")), "second");
  EXPECT_EQ(countFiles(), 1u);
}

TEST_F(Files, WriteToDevices) {
  auto file = OutputFile::create("/dev/null");
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_TRUE(file->write("x", 1) && file->commit());
  EXPECT_TRUE(fs::is_character_file("/dev/null"));
}

TEST_F(Files, SayWhyTheyCannotBeWritten) {
  EXPECT_EQ(OutputFile::create(folder.string()).error().message,
            "cannot write '" + folder.string() + "': it is a folder");
  EXPECT_EQ(OutputFile::create(path("no/a")).error().message,
            "cannot create a file beside '" + path("no/a") + "': No such file or directory");
  auto full = OutputFile::create("/dev/full");
  ASSERT_TRUE(full);
  EXPECT_EQ(full->write("x", 1).error().message,
            "cannot write '/dev/full': No space left on device");
  EXPECT_EQ(full->commit().error().message,
            "'/dev/full' was not completed because an earlier write failed");
}

} // namespace
