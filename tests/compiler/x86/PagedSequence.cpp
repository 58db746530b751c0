#include "tests/compiler/x86/PagedSequence.h"

#include "dialects/formats/ScalarDecode.h"

#include <algorithm>
#include <cmath>
#include <map>

namespace tawny::test {

double AttentionShape::scale() const {
  return std::stod(std::to_string(1 / std::sqrt(static_cast<double>(headDim))));
}

std::string AttentionShape::kvType() const {
  return "<layers = 1, heads = " + std::to_string(kvHeads) + ", dim = " + std::to_string(headDim) +
         (bits == 32 ? ", bits = 32>" : ">");
}

std::string AttentionShape::describe() const {
  return std::string(activations) + " kv heads " + std::to_string(kvHeads) + " group " +
         std::to_string(group) + " dim " + std::to_string(headDim) + " bits " +
         std::to_string(bits) + " window " + std::to_string(window);
}

std::string rowsType(int64_t columns, const std::string &element) {
  return "tensor<?x" + std::to_string(columns) + "x" + element + ">";
}

std::string attentionKernel(const AttentionShape &shape, const std::string &op,
                            const std::string &attributes,
                            const std::vector<std::string> &results) {
  std::string q = rowsType(shape.columns()), types, values, bindings;
  for (size_t i = 0; i < results.size(); ++i) {
    types += (i ? ", " : "") + results[i];
    values += (i ? ", %r#" : "%r#") + std::to_string(i);
    bindings += ", #rt.arg<result " + std::to_string(i) + ", write>";
  }
  return "rt.kernel @k grid <1 x attention_blocks by 1> bindings [#rt.arg<row_count 0, read>, "
         "#rt.arg<attention_blocks 0, read>, #rt.arg<block_tables 0, read>, "
         "#rt.arg<key_pages 0, read>, #rt.arg<value_pages 0, read>, #rt.arg<operand 0, read>" +
         bindings + "] {\n^bb0(%q: " + q + ", %kv: !llm.kv" + shape.kvType() +
         ", %s: !llm.step):\n  %r:" + std::to_string(results.size()) + " = " + op +
         " %q, %kv, %s layer 0 scale " + std::to_string(shape.scale()) +
         (shape.window == 0 ? "" : " window " + std::to_string(shape.window)) + attributes + " : " +
         q + ", " + shape.kvType() + " -> " + types + "\n  rt.return " + values + " : " + types +
         "\n}";
}

const CompiledKernel &compiledOnce(const std::string &text, const std::string &target,
                                   const std::string &activations, uint64_t maxContext) {
  static std::map<std::string, CompiledKernel> kernels;
  std::string key = target + activations + std::to_string(maxContext) + text;
  auto found = kernels.find(key);
  if (found == kernels.end()) {
    auto kernel = CompiledKernel::compile(text, target, activations, maxContext);
    found = kernels.emplace(key, std::move(kernel)).first;
  }
  return found->second;
}

PagedSequence::PagedSequence(const AttentionShape &shape, const std::string &target,
                             int64_t positions, int64_t maxContext, std::mt19937_64 &random)
    : shape(shape), target(target), positions(positions),
      pages((maxContext + pageTokens - 1) / pageTokens),
      k(randomActivations(positions, shape.kvColumns(), false, random)),
      v(randomActivations(positions, shape.kvColumns(), false, random)),
      keys(static_cast<size_t>(pages * pageTokens * shape.kvColumns() * shape.bits / 8)),
      values(keys.size()), tables(static_cast<size_t>(2 * pages * 4)) {
  if (shape.bits == 16)
    k[0] = 1e6f;
  std::fill_n(tables.as<int32_t>(), 2 * pages, 1 << 30);
  for (int64_t page = 0; page < pages; ++page)
    tables.as<int32_t>()[pages + page] = pageOf(page * pageTokens);
  overwrite(k, v);
  if (shape.bits == 32)
    return;
  for (std::vector<float> *rows : {&k, &v})
    for (float &x : *rows)
      x = halfToFloat(floatToHalf(std::clamp(x, -65504.0f, 65504.0f)));
}

void PagedSequence::overwrite(const std::vector<float> &otherKeys,
                              const std::vector<float> &otherValues) {
  std::string type = rowsType(shape.kvColumns()), kv = "!llm.kv" + shape.kvType();
  std::string text =
      "rt.kernel @k grid <1 x tokens by 1> bindings [#rt.arg<row_count 0, read>, "
      "#rt.arg<kv_slots 0, read>, #rt.arg<key_pages 0, read_write>, "
      "#rt.arg<value_pages 0, read_write>, #rt.arg<operand 1, read>, #rt.arg<operand 2, read>] {\n"
      "^bb0(%kv: " +
      kv + ", %k: " + type + ", %v: " + type +
      ", %s: !llm.step):\n  %r = llm.kv_append %kv, %k, %v, %s layer 0 : " + shape.kvType() + ", " +
      type + "\n  rt.return %r : " + kv + "\n}";
  const CompiledKernel &kernel =
      compiledOnce(text, target, shape.activations, static_cast<uint64_t>(pages * pageTokens));
  std::vector<int32_t> slots(positions);
  for (int64_t t = 0; t < positions; ++t)
    slots[t] = pageOf(t) * pageTokens + static_cast<int32_t>(t % pageTokens);
  GuardedBuffer kRows = guarded(otherKeys), vRows = guarded(otherValues), where = guarded(slots);
  GuardedBuffer count = guarded(std::vector<int32_t>{static_cast<int32_t>(positions)});
  kernel.run({count.as<void>(), where.as<void>(), keys.as<void>(), values.as<void>(),
              kRows.as<void>(), vRows.as<void>()},
             positions);
}

std::vector<void *> PagedSequence::bindings(GuardedBuffer &count, GuardedBuffer &blocks) {
  return {count.as<void>(), blocks.as<void>(), tables.as<void>(), keys.as<void>(),
          values.as<void>()};
}

std::vector<double> PagedSequence::attend(const std::vector<float> &queries,
                                          const std::vector<int64_t> &lastPositions) const {
  const int64_t dim = shape.headDim, kvColumns = shape.kvColumns();
  std::vector<double> result(queries.size());
  for (size_t row = 0; row < lastPositions.size(); ++row)
    for (int64_t head = 0; head < shape.heads(); ++head) {
      int64_t visible = lastPositions[row] + 1, kvColumn = head / shape.group * dim;
      int64_t first = shape.window == 0 ? 0 : std::max<int64_t>(visible - shape.window, 0);
      const size_t at = row * shape.columns() + head * dim;
      std::vector<double> weights(visible);
      double largest = -INFINITY, total = 0;
      for (int64_t p = first; p < visible; ++p) {
        for (int64_t d = 0; d < dim; ++d)
          weights[p] += shape.scale() * queries[at + d] * k[p * kvColumns + kvColumn + d];
        largest = std::max(largest, weights[p]);
      }
      for (int64_t p = first; p < visible; ++p)
        total += weights[p] = std::exp(weights[p] - largest);
      for (int64_t p = first; p < visible; ++p)
        for (int64_t d = 0; d < dim; ++d)
          result[at + d] += weights[p] / total * v[p * kvColumns + kvColumn + d];
    }
  return result;
}

} // namespace tawny::test
