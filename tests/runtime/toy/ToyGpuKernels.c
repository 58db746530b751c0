/* The toy model's kernels for GPUs, from the same source: a block is a tile, arguments are one
 * pointer per binding. */
#define KERNEL static void
#define toy_init init_tiles
#define toy_append append_tiles
#define toy_attend attend_tiles
#define toy_logits_step logits_step_tiles
#define toy_logits_decode logits_decode_tiles
#define toy_read read_tiles
#define toy_peak peak_tiles
#include "ToyKernels.c"
#undef toy_init
#undef toy_append
#undef toy_attend
#undef toy_logits_step
#undef toy_logits_decode
#undef toy_read
#undef toy_peak

#if defined(__AMDGCN__)
#define GPU_KERNEL __attribute__((amdgpu_kernel, visibility("protected"))) void
#define TILE __builtin_amdgcn_workgroup_id_x()
#define THREAD __builtin_amdgcn_workitem_id_x()
#else
#define GPU_KERNEL __attribute__((nvptx_kernel)) void
#define TILE __nvvm_read_ptx_sreg_ctaid_x()
#define THREAD __nvvm_read_ptx_sreg_tid_x()
#endif

typedef __attribute__((address_space(1))) void *Global;

/* One thread of a block does the tile's work. */
#define RUN(name)                                                                                  \
  if (THREAD == 0)                                                                                 \
  name(bindings, TILE, (int64)TILE + 1)

GPU_KERNEL toy_init(Global a, Global b) {
  void *bindings[] = {(void *)a, (void *)b};
  RUN(init_tiles);
}
GPU_KERNEL toy_append(Global a, Global b, Global c, Global d) {
  void *bindings[] = {(void *)a, (void *)b, (void *)c, (void *)d};
  RUN(append_tiles);
}
GPU_KERNEL toy_attend(Global a, Global b, Global c, Global d, Global e) {
  void *bindings[] = {(void *)a, (void *)b, (void *)c, (void *)d, (void *)e};
  RUN(attend_tiles);
}
GPU_KERNEL toy_logits_step(Global a, Global b, Global c, Global d, Global e, Global f) {
  void *bindings[] = {(void *)a, (void *)b, (void *)c, (void *)d, (void *)e, (void *)f};
  RUN(logits_step_tiles);
}
GPU_KERNEL toy_logits_decode(Global a, Global b, Global c, Global d, Global e, Global f) {
  void *bindings[] = {(void *)a, (void *)b, (void *)c, (void *)d, (void *)e, (void *)f};
  RUN(logits_decode_tiles);
}
GPU_KERNEL toy_read(Global a, Global b) {
  void *bindings[] = {(void *)a, (void *)b};
  RUN(read_tiles);
}
GPU_KERNEL toy_peak(Global a) {
  void *bindings[] = {(void *)a};
  RUN(peak_tiles);
}
