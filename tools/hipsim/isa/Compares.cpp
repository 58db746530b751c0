// Compares: a bit per lane, 0 for lanes that are switched off. Rows are made from a condition and a
// type, so this file builds its table at start.
#include "tools/hipsim/isa/Floats.h"
#include "tools/hipsim/isa/Lanes.h"

#include <deque>
#include <string>

namespace tawny::hipsim {

namespace {

struct Condition {
  std::string_view name;
  LaneFn lanes;
};

template <typename T> struct FloatConditions {
  static constexpr Condition all[] = {
      {"f", each<[](T a, T b) { return false; }>},
      {"lt", each<[](T a, T b) { return a < b; }>},
      {"eq", each<[](T a, T b) { return a == b; }>},
      {"le", each<[](T a, T b) { return a <= b; }>},
      {"gt", each<[](T a, T b) { return a > b; }>},
      {"lg", each<[](T a, T b) { return a < b || a > b; }>},
      {"ge", each<[](T a, T b) { return a >= b; }>},
      {"o", each<[](T a, T b) { return a == a && b == b; }>},
      {"u", each<[](T a, T b) { return a != a || b != b; }>},
      {"nge", each<[](T a, T b) { return !(a >= b); }>},
      {"nlg", each<[](T a, T b) { return !(a < b || a > b); }>},
      {"ngt", each<[](T a, T b) { return !(a > b); }>},
      {"nle", each<[](T a, T b) { return !(a <= b); }>},
      {"neq", each<[](T a, T b) { return !(a == b); }>},
      {"nlt", each<[](T a, T b) { return !(a < b); }>},
      {"t tru", each<[](T a, T b) { return true; }>},
      {"class", each<[](T a, std::conditional_t<sizeof(T) == 2, uint16_t, uint32_t> classes) {
         return (classes >> classBit(a) & 1) != 0;
       }>},
  };
};

template <typename T> struct IntegerConditions {
  static constexpr Condition all[] = {
      {"f", each<[](T a, T b) { return false; }>},
      {"lt", each<[](T a, T b) { return a < b; }>},
      {"eq", each<[](T a, T b) { return a == b; }>},
      {"le", each<[](T a, T b) { return a <= b; }>},
      {"gt", each<[](T a, T b) { return a > b; }>},
      {"ne lg", each<[](T a, T b) { return a != b; }>},
      {"ge", each<[](T a, T b) { return a >= b; }>},
      {"t tru", each<[](T a, T b) { return true; }>},
  };
};

/// What the rows point to.
struct Storage {
  std::deque<std::string> strings;
  std::deque<VectorOp> rows;
};

std::string_view keep(Storage &storage, std::string text) {
  return storage.strings.emplace_back(std::move(text));
}

/// Adds v_cmp_CONDITION_TYPE and v_cmpx_CONDITION_TYPE.
template <size_t N>
void addAll(OpTable &table, Storage &storage, const Condition (&conditions)[N],
            std::string_view suffix, std::string_view type) {
  for (const Condition &condition : conditions)
    for (std::string_view prefix : {"v_cmp_", "v_cmpx_"}) {
      std::string names, sources(type);
      std::string_view spellings = condition.name;
      while (!spellings.empty()) {
        size_t space = spellings.find(' ');
        names += std::string(names.empty() ? "" : " ") + std::string(prefix) +
                 std::string(spellings.substr(0, space)) + std::string(suffix);
        spellings = space == std::string_view::npos ? "" : spellings.substr(space + 1);
      }
      sources +=
          condition.name == "class" ? (type == "f16" ? ",b16" : ",b32") : "," + std::string(type);
      std::string result = prefix == "v_cmp_" ? "mask=" : "exec=";
      VectorOp &row = storage.rows.emplace_back(
          VectorOp{keep(storage, names), keep(storage, result + sources), condition.lanes});
      table.add(row.names, prepareVector, &row);
    }
}

} // namespace

void addCompareOps(OpTable &table) {
  static Storage storage;
  addAll(table, storage, FloatConditions<float>::all, "_f32", "f32");
  addAll(table, storage, FloatConditions<Half>::all, "_f16", "f16");
  addAll(table, storage, FloatConditions<double>::all, "_f64", "f64");
  addAll(table, storage, IntegerConditions<int32_t>::all, "_i32", "b32");
  addAll(table, storage, IntegerConditions<uint32_t>::all, "_u32", "b32");
  addAll(table, storage, IntegerConditions<int16_t>::all, "_i16", "b16");
  addAll(table, storage, IntegerConditions<uint16_t>::all, "_u16", "b16");
  addAll(table, storage, IntegerConditions<int64_t>::all, "_i64", "b64");
  addAll(table, storage, IntegerConditions<uint64_t>::all, "_u64", "b64");
}

} // namespace tawny::hipsim
