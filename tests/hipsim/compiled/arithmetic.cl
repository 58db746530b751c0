// Each function of Arithmetic.h as a kernel of one workgroup.
#include "Arithmetic.h"

#define KERNEL(function, type)                                                                     \
  kernel void function##Kernel(global type *out, global const type *in) {                          \
    function(__builtin_amdgcn_workitem_id_x(), out, in);                                           \
  }

KERNEL(ints, int)
KERNEL(longs, long)
KERNEL(shorts, short)
KERNEL(floats, float)
KERNEL(doubles, double)
KERNEL(halves, Half)
KERNEL(flow, int)
