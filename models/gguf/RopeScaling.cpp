#include "models/gguf/RopeScaling.h"
#include "models/gguf/Diagnostics.h"
#include "models/gguf/Keys.h"
#include "models/gguf/LlamaTensors.h"
#include "llvm/ADT/STLExtras.h"
#include <algorithm>
#include <cmath>
#include <numbers>

namespace tawny::gguf {
namespace {

constexpr llvm::StringRef typeKey = "llama.rope.scaling.type";
constexpr llvm::StringRef factorKey = "llama.rope.scaling.factor";

/// Models go to 128 times their first context.
constexpr FloatRange factorRange = {1, 1e6};
constexpr FloatRange magnitudeRange = {1e-3, 1e3};
constexpr FloatRange turnsRange = {1e-3, 1e6};
constexpr FloatRange shareRange = {0, 1};
constexpr IntegerRange contextRange = {1, 1u << 28};

enum class Kind { None, Linear, Yarn };

llvm::Expected<Kind> readKind(const File &file) {
  llvm::Expected<std::optional<llvm::StringRef>> type = findString(file, typeKey);
  if (!type)
    return type.takeError();
  // Files from before the key was introduced say only by how much.
  if (!*type || **type == "linear")
    return Kind::Linear;
  if (**type == "none")
    return Kind::None;
  if (**type == "yarn")
    return Kind::Yarn;
  return wrongValue(*file.find(typeKey), "'none', 'linear' or 'yarn'");
}

/// Sets `result` where the key is there.
llvm::Error readFloat(const File &file, llvm::StringRef key, FloatRange range, double &result) {
  llvm::Expected<std::optional<double>> found = findFloat(file, key, range);
  if (!found)
    return found.takeError();
  result = found->value_or(result);
  return llvm::Error::success();
}

llvm::Expected<double> readFactor(const File &file, Kind kind) {
  double factor = 1;
  if (llvm::Error error = readFloat(file, "llama.rope.scale_linear", factorRange, factor))
    return std::move(error);
  if (llvm::Error error = readFloat(file, factorKey, factorRange, factor))
    return std::move(error);
  if (kind == Kind::Yarn && !file.find(factorKey))
    return requireFloat(file, factorKey, factorRange);
  return factor;
}

llvm::Expected<Yarn> readYarn(const File &file, double factor, uint32_t contextLength) {
  Yarn yarn{factor, static_cast<double>(contextLength)};
  llvm::Expected<std::optional<uint32_t>> context =
      findInteger(file, "llama.rope.scaling.original_context_length", contextRange);
  if (!context)
    return context.takeError();
  if (*context)
    yarn.originalContext = **context;
  constexpr llvm::StringRef slowKey = "llama.rope.scaling.yarn_beta_slow";
  struct Field {
    llvm::StringRef key;
    FloatRange range;
    double Yarn::*member;
  };
  const Field fields[] = {
      {"llama.rope.scaling.yarn_ext_factor", shareRange, &Yarn::extrapolation},
      {"llama.rope.scaling.yarn_beta_fast", turnsRange, &Yarn::fastTurns},
      {slowKey, turnsRange, &Yarn::slowTurns},
  };
  for (const Field &field : fields)
    if (llvm::Error error = readFloat(file, field.key, field.range, yarn.*field.member))
      return std::move(error);
  if (yarn.slowTurns <= yarn.fastTurns)
    return yarn;
  const MetadataEntry *entry = file.find(slowKey);
  if (!entry)
    entry = file.find("llama.rope.scaling.yarn_beta_fast");
  return wrongValue(*entry, "a slow beta that is not above the fast one");
}

/// The tensor that Llama 3 has: one divisor for each pair.
llvm::Error applyTensor(const File &file, LlamaParameters &p) {
  const Tensor *tensor = file.findTensor(ropeDivisorsTensor);
  if (!tensor)
    return llvm::Error::success();
  auto fail = [&](const llvm::Twine &message) {
    return errorInTensor(tensor->name, tensor->infoOffset, message);
  };
  const uint64_t pairs = p.ropeDim / 2;
  if (tensor->dims() != llvm::ArrayRef(pairs) || tensor->type != TypeF32)
    return fail("expected F32 with dimensions " + formatDims(pairs) +
                ", a divisor for each pair of rotated elements, found " +
                typeInfo(tensor->type)->name + " with dimensions " + formatDims(tensor->dims()));
  for (auto [pair, divisor] : llvm::enumerate(p.ropeDivisors)) {
    const uint64_t begin = pair * sizeof(float);
    Value value(ValueType::Float32, file.dataOf(*tensor).slice(begin, sizeof(float)),
                tensor->offset + begin);
    double number = *value.getFloat();
    // Written so that NaN fails.
    if (!(number > 0 && std::isfinite(number)))
      return fail("expected positive and finite divisors of frequencies, found " +
                  value.describe() + " for pair " + llvm::Twine(pair));
    divisor *= number;
  }
  return llvm::Error::success();
}

} // namespace

std::vector<double> yarnDivisors(uint32_t ropeDim, double ropeTheta, const Yarn &yarn) {
  // Pair i turns L theta^(-2i / d) / (2 pi) times in L positions; solved for i.
  auto pairThatTurns = [&](double times) {
    return ropeDim * std::log(yarn.originalContext / (times * 2 * std::numbers::pi)) /
           (2 * std::log(ropeTheta));
  };
  double low = std::max(std::floor(pairThatTurns(yarn.fastTurns)), 0.0);
  double high = std::min(std::ceil(pairThatTurns(yarn.slowTurns)), ropeDim - 1.0);
  constexpr double leastWidth = 1e-3; // of the authors: no division by zero
  double width = std::max(high - low, leastWidth);
  std::vector<double> divisors(ropeDim / 2);
  for (auto [pair, divisor] : llvm::enumerate(divisors)) {
    double slowed = std::clamp((static_cast<double>(pair) - low) / width, 0.0, 1.0);
    double kept = (1 - slowed) * yarn.extrapolation;
    divisor = 1 / ((1 - kept) / yarn.factor + kept);
  }
  return divisors;
}

double yarnMagnitude(double factor) { return 0.1 * std::log(factor) + 1; }

llvm::Error readRopeScaling(const File &file, LlamaParameters &p) {
  llvm::Expected<Kind> kind = readKind(file);
  if (!kind)
    return kind.takeError();
  llvm::Expected<double> factor = readFactor(file, *kind);
  if (!factor)
    return factor.takeError();
  llvm::Expected<Yarn> yarn = readYarn(file, *factor, p.contextLength);
  if (!yarn)
    return yarn.takeError();
  p.ropeDivisors.assign(p.ropeDim / 2, *kind == Kind::Linear ? *factor : 1.0);
  if (*kind == Kind::Yarn) {
    if (!(p.ropeTheta > 1))
      return wrongValue(*file.find("llama.rope.freq_base"), "a base above 1, as YaRN needs");
    p.ropeDivisors = yarnDivisors(p.ropeDim, p.ropeTheta, *yarn);
    if (yarn->extrapolation > 0)
      p.ropeMagnitude = yarnMagnitude(*factor);
  }
  for (llvm::StringRef key :
       {"llama.rope.scaling.attn_factor", "llama.rope.scaling.yarn_attn_factor"}) {
    double magnitude = 1;
    if (llvm::Error error = readFloat(file, key, magnitudeRange, magnitude))
      return error;
    p.ropeMagnitude *= magnitude;
  }
  if (llvm::Error error = applyTensor(file, p))
    return error;
  if (llvm::all_of(p.ropeDivisors, [](double divisor) { return divisor == 1; }))
    p.ropeDivisors.clear();
  return llvm::Error::success();
}

} // namespace tawny::gguf
