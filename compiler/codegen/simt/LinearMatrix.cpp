// The inner loop of the linear on the matrix unit: 32 rows of a weight by the tile's tokens, by one
// wave.
//
//   sums[2][tokens / N] = 0                         2 tiles of 16 rows; N columns of the unit
//   for chunk in the wave's slice of K              128 or 256 weights of a row
//     for run in chunk                              32 weights (16 in Q4_0)
//       a[2] = rows of the run                      packed bytes once, decoded to f16 in registers
//       for column tile c                           inputs: 16 bytes per lane, from cache
//         sums[.][c] += a[.] * x[c]                 2 or 4 operations of the unit
//   shared[unit][slice][token][row] = sums
//
// Lanes that hold the same column of inputs take consecutive parts of a run, as those that hold the
// same row of weights do, so no operand is moved between lanes.
#include "compiler/codegen/simt/Fragments.h"
#include "compiler/codegen/simt/Linear.h"

#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;

namespace tawny::simt {
namespace {

constexpr int64_t rowTiles = LinearPlan::unitRows / Matrix::rows;

/// One unit of a linear while it is emitted.
class MatrixSums {
public:
  MatrixSums(Simt &b, const LinearPlan &plan, const WeightShape &shape, const LinearGroup &group)
      : b(b), plan(plan), matrix(*plan.matrix), shape(shape), group(group),
        columnTiles(plan.registerTokens() / matrix.columns) {
    part = matrix.part(b);
    Value tile = b.divU(group.firstRow, LinearPlan::unitRows);
    weights = b.at(group.weight, b.mul(b.toI64(tile), shape.tileBytes()));
    Value last = b.sub(group.tokenCount, b.i32c(1));
    ownToken = b.i32c(0);
    if (group.tokenGroup)
      ownToken = b.mul(group.tokenGroup, plan.registerTokens());
    firstToken = b.add(group.firstToken, ownToken);
    for (int64_t c = 0; c < columnTiles; ++c) {
      Value column = b.add(matrix.inputColumn(b), c * matrix.columns);
      Value token = b.minU(b.add(firstToken, column), last);
      Value row = b.at(group.inputs, b.mul(b.toI64(token), plan.columns() * 2));
      inputs.push_back(row);
    }
  }

  void emit() {
    SmallVector<Value> sums(rowTiles * columnTiles, matrix.zeroSums(b));
    int64_t chunks = shape.columns / matrixChunk(shape);
    sums = b.forCarry(group.slice, b.i32c(chunks), plan.slices, sums,
                      [&](Value chunk, ValueRange carried) { return emitChunk(chunk, carried); });
    store(sums);
  }

private:
  SmallVector<Value> emitChunk(Value chunk, ValueRange carried) {
    SmallVector<Value> sums(carried);
    SmallVector<FragmentRow> rows;
    for (int64_t tile = 0; tile < rowTiles; ++tile)
      for (int64_t laneRow = 0; laneRow < matrix.laneRows; ++laneRow) {
        Value row = b.add(matrix.inputRow(b, laneRow), tile * Matrix::rows);
        rows.emplace_back(b, shape, matrix, weights, row, part, chunk);
      }
    const RunShape runs = RunShape::of(shape.format);
    const int64_t share = runs.weights / matrix.parts;
    Value chunkBytes = b.add(b.mul(chunk, matrixChunk(shape) * 2), b.mul(part, share * 2));
    SmallVector<Value> chunkInputs;
    for (Value input : inputs)
      chunkInputs.push_back(b.at(input, chunkBytes));
    // Loads run one step ahead of their use: the weights of the next run, the inputs of the next
    // column tile.
    const int64_t runCount = matrixChunk(shape) / runs.weights, steps = runCount * columnTiles;
    auto loadStep = [&](int64_t step) {
      step = std::min(step, steps - 1);
      int64_t run = step / columnTiles;
      return loadInputs(b.at(chunkInputs[step % columnTiles], run * runs.weights * 2), runs);
    };
    SmallVector<Value> columns = loadStep(0);
    SmallVector<SmallVector<Value>> weightRows;
    for (int64_t step = 0; step < steps; ++step) {
      const int64_t run = step / columnTiles, columnTile = step % columnTiles;
      if (columnTile == 0) {
        weightRows.clear();
        for (FragmentRow &row : rows)
          weightRows.push_back(row.run(run));
        for (FragmentRow &row : rows)
          if (run + 1 < runCount)
            row.prefetch(run + 1);
      }
      inBlock(
          columnTile, columns, sums,
          [&] {
            SmallVector<Value> next = loadStep(step + 1);
            multiplyRun(weightRows, columns, columnTile, runs, sums);
            columns = next;
          },
          [&] { columns = loadStep(step + 1); });
    }
    return sums;
  }

  /// Emits what `body` does to `columns` and `sums` as a block of its own, in the place of which
  /// column tiles without a token have `otherwise`. Within a block LLVM's instruction selection for
  /// AMD GPUs moves all loads ahead of the products, past any fence, and products that no branch
  /// holds sink to the loop's end: either takes more registers than there are.
  void inBlock(int64_t columnTile, SmallVector<Value> &columns, SmallVector<Value> &sums,
               const std::function<void()> &body, const std::function<void()> &otherwise) {
    if (columnTiles == 1 || !b.backend.scheduleFence)
      return body();
    Value first = b.add(firstToken, columnTile * matrix.columns);
    const SmallVector<Value> columnsBefore = columns, sumsBefore = sums;
    SmallVector<Type> types(ValueRange(columns).getTypes());
    llvm::append_range(types, ValueRange(sums).getTypes());
    auto branch = [&](const std::function<void()> &code) {
      return [&] {
        columns = columnsBefore;
        sums = sumsBefore;
        code();
        SmallVector<Value> values(columns);
        llvm::append_range(values, sums);
        return values;
      };
    };
    SmallVector<Value> after =
        b.choose(b.below(first, group.tokenCount), types, branch(body), branch(otherwise));
    columns.assign(after.begin(), after.begin() + static_cast<ptrdiff_t>(columns.size()));
    sums.assign(after.end() - static_cast<ptrdiff_t>(sums.size()), after.end());
  }

  /// Multiplies a run with one tile of columns.
  void multiplyRun(ArrayRef<SmallVector<Value>> weightRows, ArrayRef<Value> columns,
                   int64_t columnTile, const RunShape &runs, SmallVector<Value> &sums) {
    for (int64_t step = 0; step < runs.steps(); ++step)
      for (int64_t tile = 0; tile < rowTiles; ++tile) {
        SmallVector<Value> a;
        for (int64_t laneRow = 0; laneRow < matrix.laneRows; ++laneRow)
          a.push_back(weightRows[tile * matrix.laneRows + laneRow][step]);
        Value &sum = sums[tile * columnTiles + columnTile];
        sum = matrix.multiply(b, a, columns[step], sum);
      }
  }

  /// The lane's share of a run of inputs: loads of up to 16 bytes, cut into operands.
  SmallVector<Value> loadInputs(Value address, const RunShape &runs) {
    const int64_t share = runs.weights / matrix.parts, width = std::min<int64_t>(share, 8);
    SmallVector<Value> loads, columns;
    for (int64_t first = 0; first < share; first += width)
      loads.push_back(b.load(b.vectorOf(b.f16, width), b.at(address, first * 2),
                             static_cast<unsigned>(width * 2)));
    const int64_t perLane = matrix.perLane();
    for (int64_t first = 0; first < share; first += perLane) {
      SmallVector<int64_t> order(perLane);
      std::iota(order.begin(), order.end(), first % width);
      Value load = loads[first / width],
            next = loads[std::min(first / width + 1, share / width - 1)];
      columns.push_back(vector::ShuffleOp::create(b, load, next, order));
    }
    return columns;
  }

  void store(ArrayRef<Value> sums) {
    Value scale = b.f32c(sumScale(shape.format));
    for (int64_t tile = 0; tile < rowTiles; ++tile)
      for (int64_t c = 0; c < columnTiles; ++c)
        for (int64_t i = 0; i < matrix.sums(); ++i) {
          Value row = b.add(matrix.sumRow(b, i), tile * Matrix::rows);
          Value token = b.add(b.add(matrix.sumColumn(b, i), c * matrix.columns), ownToken);
          Value offset = plan.sumOffset(b, group.index, token, row, plan.storedTokens());
          Value sum = b.mulF(b.element(sums[tile * columnTiles + c], i), scale);
          b.store(sum, b.at(group.shared, offset), 4);
        }
  }

  Simt &b;
  const LinearPlan &plan;
  const Matrix matrix;
  const WeightShape &shape;
  const LinearGroup &group;
  const int64_t columnTiles;
  Value part, weights;
  Value firstToken, ownToken; ///< The token group's first token, of the step and of the tile.
  SmallVector<Value> inputs;  ///< The row of the lane's column in each column tile.
};

} // namespace

void emitMatrixSums(Simt &b, const LinearPlan &plan, const WeightShape &shape,
                    const LinearGroup &group) {
  MatrixSums(b, plan, shape, group).emit();
}

} // namespace tawny::simt
