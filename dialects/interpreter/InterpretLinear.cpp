// llm.linear: its parts, its epilogue, and the named epilogue rope_append.
#include "dialects/interpreter/Environment.h"
#include "dialects/interpreter/Interpreter.h"
#include "dialects/interpreter/Scalar.h"

using namespace mlir;

namespace tawny::interpreter {

llvm::Error Interpreter::runRopeAppend(llm::LinearOp op, const Rows &x,
                                       llvm::ArrayRef<LinearPart> parts, Environment &values) {
  const Step &step = stepOf(values, op.getState()[0]);
  Rotation rotation = rotationOf(op.getRopeAppendAttr());
  Rows projected[3];
  for (unsigned part = 0; part < 3; ++part) {
    projected[part] = Rows(x.rows, op.partRows(part));
    linear(x, parts[part], accumulate, [&](int64_t t, int64_t r, llvm::ArrayRef<float> values) {
      projected[part].row(t)[r] = values.front();
    });
  }
  llvm::Expected<Rows> q = rope(projected[0], step, rotation);
  if (!q)
    return q.takeError();
  llvm::Expected<Rows> k = rope(projected[1], step, rotation);
  if (!k)
    return k.takeError();
  llvm::Expected<Pool> pool =
      kvAppend(poolOf(values, op.getState()[1]), *k, projected[2], step, layerOf(*op.getLayer()));
  if (!pool)
    return pool.takeError();
  setRows(values, op.getResult(0), std::move(*q));
  setPool(values, op.getResult(1), std::move(*pool));
  return llvm::Error::success();
}

llvm::Error Interpreter::runLinear(llm::LinearOp op, Environment &values) {
  std::shared_ptr<const Rows> x = rowsOf(values, op.getInput());
  SmallVector<std::vector<float>> biases;
  for (mlir::Value bias : op.getBiases())
    biases.push_back(vectorOf(values, bias));
  SmallVector<LinearPart> parts;
  for (mlir::Value weight : op.getWeights())
    parts.push_back({weightOf(values, weight), {}});
  if (std::optional<ArrayRef<int64_t>> biasParts = op.getBiasParts())
    for (auto [part, bias] : llvm::zip_equal(*biasParts, biases))
      parts[part].bias = bias;

  if (op.getRopeAppendAttr())
    return runRopeAppend(op, *x, parts, values);

  if (op.getEpilogue().empty()) {
    for (auto [part, result] : llvm::zip_equal(parts, op.getResults())) {
      Rows rows(x->rows, part.weight.rows);
      linear(*x, part, accumulate, [&](int64_t t, int64_t r, llvm::ArrayRef<float> sums) {
        rows.row(t)[r] = sums.front();
      });
      setRows(values, result, std::move(rows));
    }
    return llvm::Error::success();
  }

  llvm::Expected<ScalarProgram> epilogue = ScalarProgram::compile(op.getEpilogue().front());
  if (!epilogue)
    return epilogue.takeError();
  SmallVector<std::shared_ptr<const Rows>> reads;
  for (mlir::Value read : op.getReads()) {
    reads.push_back(rowsOf(values, read));
    if (reads.back()->rows != x->rows)
      return llvm::createStringError("expects as many rows in what it reads as in its input");
  }
  Rows rows(x->rows, op.outputRows());
  SmallVector<float> arguments(parts.size() + reads.size());
  linear(*x, parts, accumulate, [&](int64_t t, int64_t r, llvm::ArrayRef<float> sums) {
    llvm::copy(sums, arguments.begin());
    for (auto [i, read] : llvm::enumerate(reads))
      arguments[parts.size() + i] = read->row(t)[r];
    rows.row(t)[r] = epilogue->run(arguments);
  });
  setRows(values, op.getResult(0), std::move(rows));
  return llvm::Error::success();
}

} // namespace tawny::interpreter
