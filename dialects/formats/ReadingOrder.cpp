#include "dialects/formats/ReadingOrder.h"

#include "dialects/formats/Decode.h"

#include <algorithm>
#include <array>
#include <set>

namespace tawny {
namespace {

/// Decode.h's operations, of which only the words they ask for matter.
struct NoOps {
  struct Int {};
  struct Float {};
  Int constant(uint32_t) { return {}; }
  Int addI(Int, Int) { return {}; }
  Int andI(Int, Int) { return {}; }
  Int orI(Int, Int) { return {}; }
  Int xorI(Int, Int) { return {}; }
  Int shlI(Int, unsigned) { return {}; }
  Int shrI(Int, unsigned) { return {}; }
  Int lookup(Int, const CodeTable &) { return {}; }
  Float bitsToFloat(Int) { return {}; }
  Float halfToFloat(Int) { return {}; }
  Float toFloat(Int) { return {}; }
  Float constantF(float) { return {}; }
  Float addF(Float, Float) { return {}; }
  Float mulF(Float, Float) { return {}; }
};

struct RecordingBlock {
  std::set<uint32_t> words;
  NoOps::Int word(unsigned index) {
    words.insert(index);
    return {};
  }
  NoOps::Int half() { return {}; }
};

std::set<uint32_t> wordsOfGroup(const FormatInfo &format, unsigned group) {
  NoOps ops;
  RecordingBlock block;
  decodeGroup(format.format, ops, block, group);
  return block.words;
}

std::set<uint32_t> wordsOfQuad(const FormatInfo &format, unsigned quad) {
  NoOps ops;
  RecordingBlock block;
  decodeQuad(format.format, ops, block, quad);
  return block.words;
}

/// Whether the word holds codes of every section.
bool isShared(const FormatInfo &format, uint32_t word) {
  return format.sections > 1 && format.sectionStride(word) == 0;
}

/// The quads of section `section`: those that share a word stand together.
std::vector<unsigned> findQuadOrder(const FormatInfo &format, unsigned section) {
  unsigned count = format.blockElements / 4 / format.sections, first = section * count;
  std::vector<unsigned> order;
  std::vector<bool> placed(count);
  // Quads that share words, with a quad that shares words with one of them, and so on.
  auto place = [&](auto &&self, unsigned quad) -> void {
    if (placed[quad - first])
      return;
    placed[quad - first] = true;
    order.push_back(quad);
    for (uint32_t word : wordsOfQuad(format, quad))
      for (unsigned other = first; other < first + count; ++other)
        if (!isShared(format, word) && wordsOfQuad(format, other).contains(word))
          self(self, other);
  };
  for (unsigned quad = first; quad < first + count; ++quad)
    place(place, quad);
  return order;
}

/// What is known of a format's blocks, found once.
struct Reading {
  std::vector<unsigned> quads;
  std::vector<uint32_t> words, places;
};

Reading findReading(const FormatInfo &format) {
  Reading reading;
  for (unsigned section = 0; section < format.sections; ++section)
    for (unsigned quad : findQuadOrder(format, section))
      reading.quads.push_back(quad);

  auto append = [&](uint32_t word) {
    if (std::find(reading.words.begin(), reading.words.end(), word) == reading.words.end())
      reading.words.push_back(word);
  };
  for (unsigned group = 0; group < format.groups(); ++group)
    for (uint32_t word : wordsOfGroup(format, group))
      append(word);
  for (unsigned quad : reading.quads)
    for (uint32_t word : wordsOfQuad(format, quad))
      if (isShared(format, word))
        append(word);
  for (unsigned quad : reading.quads)
    for (uint32_t word : wordsOfQuad(format, quad))
      append(word);

  reading.places.resize(format.words);
  for (uint32_t place = 0; place < format.words; ++place)
    reading.places[reading.words[place]] = place;
  return reading;
}

const Reading &readingOf(const FormatInfo &format) {
  static const auto readings = [] {
    std::array<Reading, static_cast<size_t>(Format::MXFP4) + 1> found;
    for (size_t kind = 0; kind < found.size(); ++kind) {
      const FormatInfo &info = formatInfo(static_cast<Format>(kind));
      if (!info.isFloat())
        found[kind] = findReading(info);
    }
    return found;
  }();
  return readings[static_cast<size_t>(format.format)];
}

} // namespace

std::span<const uint32_t> readingOrder(const FormatInfo &format) { return readingOf(format).words; }

uint32_t readingPlace(const FormatInfo &format, uint32_t word) {
  return readingOf(format).places[word];
}

std::span<const unsigned> quadOrder(const FormatInfo &format) { return readingOf(format).quads; }

} // namespace tawny
