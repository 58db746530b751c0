// What tawny-interpret says when it cannot run: on stderr, with exit code 1.
// RUN: not tawny-interpret %s --function=absent 2>&1 | FileCheck --check-prefix=FUNCTION %s
// FUNCTION: error: expects one function with a body, or --function=NAME or --program=NAME

// RUN: not tawny-interpret %s --function=f --weights=%t.absent 2>&1 \
// RUN:   | FileCheck --check-prefix=WEIGHTS %s
// WEIGHTS: error: cannot read '{{.*}}.absent':

// RUN: not tawny-interpret %s --function=f --tokens=1,2 --positions=1 2>&1 \
// RUN:   | FileCheck --check-prefix=STEP %s
// STEP: error: expects as many sequences and positions as tokens

// RUN: not tawny-interpret %s --function=f --tokens=9 2>&1 | FileCheck --check-prefix=TOKEN %s
// TOKEN: error: {{.*}}'llm.embed': expects tokens from 0 to 7, found 9 at row 0

// A file that is too short for a weight is named with the bytes that were wanted.
// RUN: not tawny-interpret %s --function=f --weights=%s 2>&1 | FileCheck --check-prefix=SHORT %s
// SHORT: expects weight 'table' in bytes [1000000, 1000512) of the file

// Which of two functions is meant has to be said.
// RUN: not tawny-interpret %s 2>&1 | FileCheck --check-prefix=FUNCTION %s

llm.weight @table : tensor<8x16xf32> at 1000000

func.func @f(%step: !llm.step) -> tensor<?x16xf32> {
  %table = llm.load_weight @table : tensor<8x16xf32>
  %x = llm.embed %step, %table : tensor<8x16xf32> -> tensor<?x16xf32>
  return %x : tensor<?x16xf32>
}

func.func @g(%x: tensor<?x16xf32>) -> tensor<?x16xf32> {
  return %x : tensor<?x16xf32>
}
