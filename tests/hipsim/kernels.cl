// Kernels for the simulator's tests, in OpenCL C without its library. Every chip of the tests runs
// all of them.

unsigned lane() { return __builtin_amdgcn_workitem_id_x(); }
unsigned item() { return __builtin_amdgcn_workgroup_id_x() * 64 + lane(); }

kernel void add(global const float *a, global const float *b, global float *sum) {
  sum[item()] = a[item()] + b[item()];
}

// One element for each work-item: `offset` elements further on.
kernel void store(global unsigned *to, unsigned value, long offset) {
  to[item() + offset] = value;
}

// Each workgroup reads what it and the next one have.
kernel void shift(global unsigned *values) { values[item()] = values[item() + 64]; }

kernel void load(global const unsigned *from, global unsigned *to, long offset) {
  to[item()] = from[item() + offset];
}

// 16 bytes for each work-item, `stride` of them apart.
kernel void wide(global const uint4 *from, global uint4 *to, unsigned stride) {
  to[item()] = from[item() * stride];
}

kernel void misaligned(global const char *from, global unsigned *to) {
  to[item()] = *(global const unsigned *)(from + 4 * item() + 1);
}

// The waves of a workgroup read what another one wrote, with and without a barrier in between.
kernel void exchange(global unsigned *to) {
  local volatile unsigned shared[64];
  shared[lane()] = item();
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
  __builtin_amdgcn_s_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
  to[item()] = shared[63 - lane()];
}

kernel void race(global unsigned *to) {
  local volatile unsigned shared[64];
  shared[lane()] = 0;
  __builtin_amdgcn_fence(__ATOMIC_RELEASE, "workgroup");
  __builtin_amdgcn_s_barrier();
  __builtin_amdgcn_fence(__ATOMIC_ACQUIRE, "workgroup");
  shared[lane()] = lane();
  to[item()] = shared[lane() ^ 32];
}

kernel void unwritten(global unsigned *to) {
  local volatile unsigned shared[64];
  if (lane() != 5)
    shared[lane()] = 0;
  to[item()] = shared[lane()];
}

kernel void endless(global volatile unsigned *flag) {
  while (*flag == 0)
    ;
}

kernel void grid(global unsigned *to) {
  constant unsigned *hidden = __builtin_amdgcn_implicitarg_ptr();
  unsigned at = 4 * __builtin_amdgcn_workgroup_id_x();
  to[at] = hidden[0];                                 // workgroups in x
  to[at + 1] = ((constant unsigned short *)hidden)[6]; // work-items of one in x
  to[at + 2] = __builtin_amdgcn_workgroup_id_y();
  to[at + 3] = lane();
}

constant unsigned squares[8] = {0, 1, 4, 9, 16, 25, 36, 49};
__attribute__((visibility("protected"))) global unsigned counter = 5;
global unsigned *global pointer = &counter;

kernel void constants(global unsigned *to) { to[item()] = squares[item() % 8]; }

kernel void count(global unsigned *to) {
  if (lane() == 0)
    to[0] = (*pointer)++;
}

kernel void spoil(ulong address) { *(global unsigned *)address = 1; }

kernel void tally(global unsigned *sum, unsigned value) {
  __atomic_fetch_add(sum, value, __ATOMIC_RELAXED);
}
