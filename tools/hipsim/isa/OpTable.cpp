#include "tools/hipsim/isa/OpTable.h"

namespace tawny::hipsim {

const OpTable &OpTable::get() {
  static const OpTable table = [] {
    OpTable ops;
    addVectorIntegerOps(ops);
    addVectorFloatOps(ops);
    addVectorHalfOps(ops);
    addVectorDoubleOps(ops);
    addTranscendentalOps(ops);
    addConversionOps(ops);
    addCompareOps(ops);
    addPackedOps(ops);
    addDotOps(ops);
    addCrossLaneOps(ops);
    addScalarAluOps(ops);
    addScalarFloatOps(ops);
    addScalarMemoryOps(ops);
    addVectorMemoryOps(ops);
    addLdsOps(ops);
    addWmmaOps(ops);
    addMfmaOps(ops);
    addControlOps(ops);
    addWaitOps(ops);
    return ops;
  }();
  return table;
}

const OpTable::Op *OpTable::find(std::string_view mnemonic) const {
  auto found = ops.find(mnemonic);
  return found == ops.end() ? nullptr : &found->second;
}

void OpTable::add(std::string_view names, PrepareFn prepare, const void *entry) {
  while (!names.empty()) {
    size_t space = names.find(' ');
    ops.emplace(names.substr(0, space), Op{prepare, entry});
    names = space == std::string_view::npos ? "" : names.substr(space + 1);
  }
}

} // namespace tawny::hipsim
