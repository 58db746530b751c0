// AMD machine code, executed on the host: the interface of this folder. A CodeImage is one loaded
// code object, a Kernel an entry point of it, a WorkgroupRunner runs workgroups of one launch on
// one host thread. All global memory belongs to whoever implements MemoryPort; registers, LDS and
// scratch belong to the runner. Source of the initial state and of the descriptor: LLVM, User
// Guide for AMDGPU Backend, "Code Object" and "Kernel Prolog".
#pragma once

#include "runtime/support/Error.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tawny::hipsim {

/// Sizes and positions in a grid or a workgroup.
struct Dim3 {
  uint32_t x = 1, y = 1, z = 1;
};

/// Where a wave is: for messages.
struct Location {
  std::string_view kernel;
  Dim3 workgroup;
  uint32_t wave = 0; ///< within its workgroup
  uint64_t pc = 0;   ///< of the instruction; CodeImage::text() prints it
};

enum class AccessKind : uint8_t { ScalarLoad, Load, Store, Atomic };

/// One instruction's access to global memory by the lanes of one wave, before it happens.
struct Access {
  AccessKind kind = AccessKind::Load;
  uint8_t bytes = 0;     ///< per lane, contiguous: 1, 2, 4, 8, 12, 16; scalar loads up to 64
  uint8_t alignment = 1; ///< that the hardware wants of each address: min(bytes, 4)
  uint64_t lanes = 0;    ///< a bit for each lane that takes part; scalar loads: lane 0
  const uint64_t *addresses = nullptr; ///< by lane; those of other lanes are not to be read
};

enum class ViolationKind : uint8_t {
  LdsOutOfBounds,
  LdsUninitialised, ///< reads a byte that nothing in the workgroup has written
  LdsRace,          ///< two waves, one of them writing, and no barrier between
  LdsMisaligned,
  ScratchOutOfBounds,
  MissingWait,       ///< a register is used before the s_waitcnt that its load wants
  MatrixHalves,      ///< gfx11's WMMA wants its operands in lanes 0 to 15 and again in 16 to 31
  BarrierDivergence, ///< waves ended while others wait at a barrier that counts them
};

/// What a program does that hardware would let pass.
struct Violation {
  ViolationKind kind;
  Location location;
  uint32_t lane = 0;    ///< the first lane concerned
  uint64_t address = 0; ///< within LDS or scratch; 0 where there is none
  std::string message;  ///< a sentence without the location
};

/// The name of a kind, for messages: "LDS race".
std::string_view violationName(ViolationKind kind);

/// Global memory, as a kernel sees it. Called from every thread that runs workgroups.
class MemoryPort {
public:
  virtual ~MemoryPort() = default;

  /// Called once per instruction of a wave, for every global, flat, buffer and scalar access.
  /// Writes to hosts[lane], for each lane of access.lanes, where the host finds those bytes; null
  /// refuses a lane, which then reads zeros and whose store is dropped. The bytes are read,
  /// written or (atomically) updated after the call returns. What is wrong with the access is for
  /// the port to report. False ends the kernel with an error.
  [[nodiscard]] virtual bool access(const Access &access, const Location &location,
                                    std::byte **hosts) = 0;

  /// Called for what the runner finds itself. False ends the kernel with an error.
  [[nodiscard]] virtual bool report(const Violation &violation) = 0;
};

/// Classes of instructions that are counted apart.
enum class InstructionClass : uint8_t {
  Salu,
  Smem,
  Valu, ///< one operation per lane, vector integer and float
  ValuTranscendental,
  ValuDot,
  Matrix,    ///< WMMA, MFMA
  CrossLane, ///< readlane, writelane, permlane (DPP counts as Valu)
  VmemLoad,  ///< global, flat, buffer
  VmemStore,
  VmemAtomic,
  Scratch,
  LdsLoad,
  LdsStore,
  LdsAtomic,
  LdsPermute, ///< ds_bpermute, ds_permute, ds_swizzle: no memory
  Branch,
  Barrier,
  Wait,  ///< s_waitcnt and its kin
  Other, ///< s_nop, s_delay_alu, s_endpgm, messages, cache control
  NumClasses
};

constexpr size_t numInstructionClasses = static_cast<size_t>(InstructionClass::NumClasses);

/// The name of a class, for tables: "SALU".
std::string_view className(InstructionClass kind);

/// What ran, summed over waves.
struct Counters {
  /// Instructions of waves; both halves of a VOPD count.
  std::array<uint64_t, numInstructionClasses> instructions{};
  uint64_t workgroups = 0;
  uint64_t waves = 0;
  /// Cycles in which a SIMD issues vector instructions, one wave's after the other: 1 per
  /// instruction of 32 lanes (docs/hipsim.md has the table).
  uint64_t valuCycles = 0;
  /// Cycles that LDS instructions take beyond those that they would without bank conflicts.
  uint64_t ldsBankConflictCycles = 0;
  uint64_t ldsBytesRead = 0, ldsBytesWritten = 0;

  Counters &operator+=(const Counters &other);
};

class Program; // predecoded instructions

/// What a kernel descriptor says.
struct KernelDescriptor {
  uint64_t entry = 0; ///< address of the first instruction
  uint32_t ldsBytes = 0, scratchBytesPerLane = 0, kernargBytes = 0;
  uint32_t vectorRegisters = 0; ///< allocated; AGPRs of gfx90a+ included
  uint32_t agprOffset = 0;      ///< gfx90a+: first AGPR in the unified file
  uint32_t waveSize = 64;
  uint32_t rsrc1 = 0, rsrc2 = 0, rsrc3 = 0; ///< COMPUTE_PGM_RSRC1 to 3
  uint16_t properties = 0;                  ///< KERNEL_CODE_PROPERTIES
};

/// The code of one loaded code object. Its bytes must outlive it and stay as they are.
class CodeImage {
public:
  /// `image` are the loaded segments as the device sees them from `loadAddress` on; `chip` is a
  /// processor of LLVM's AMDGPU target, without features. An error if LLVM does not know it or
  /// its family is not executed here.
  static ErrorOr<CodeImage> create(uint64_t loadAddress, std::span<const std::byte> image,
                                   std::string_view chip);
  CodeImage(CodeImage &&) noexcept;
  CodeImage &operator=(CodeImage &&) noexcept;
  ~CodeImage();

  /// Reads the 64-byte descriptor (symbol NAME.kd) at a device address. An error if it is not in
  /// the image or asks for what is not modelled.
  ErrorOr<KernelDescriptor> descriptor(uint64_t address) const;

  /// The instruction at `pc` as LLVM prints it, with its address.
  std::string text(uint64_t pc) const;

  Program &program() const { return *state; }

private:
  explicit CodeImage(std::unique_ptr<Program> state);
  std::unique_ptr<Program> state;
};

/// The wave whose instructions are printed on stderr, each with what it changes.
struct TracedWave {
  Dim3 workgroup;
  uint32_t wave = 0;
};

/// One launch of one kernel.
struct KernelLaunch {
  const CodeImage *code = nullptr;
  KernelDescriptor kernel;
  std::string_view name;        ///< must outlive the runner
  Dim3 grid;                    ///< workgroups
  Dim3 block;                   ///< work-items of a workgroup
  uint64_t kernargAddress = 0;  ///< device address, read through the port
  uint64_t dispatchAddress = 0; ///< of the AQL packet, for kernels that ask; 0: refuse those
  uint32_t dynamicLdsBytes = 0;
  uint64_t instructionBudget = uint64_t(1) << 32; ///< of one wave, before it counts as endless
  std::optional<TracedWave> trace;
};

class Workgroup; // registers, LDS and scratch

/// Runs workgroups of one launch, one after another, on one host thread. Keeps its memory between
/// workgroups; a launch has one runner per thread.
class WorkgroupRunner {
public:
  WorkgroupRunner(const KernelLaunch &launch, MemoryPort &port);
  ~WorkgroupRunner();
  WorkgroupRunner(const WorkgroupRunner &) = delete;
  WorkgroupRunner &operator=(const WorkgroupRunner &) = delete;

  /// Runs all waves of a workgroup to their end. The error names the kernel, the workgroup, the
  /// wave and the instruction with its text and address.
  ErrorOr<void> run(Dim3 workgroup);

  const Counters &counters() const;

private:
  std::unique_ptr<Workgroup> state;
};

/// Addresses in a flat access that mean LDS and scratch: 4 GiB each from these on.
constexpr uint64_t sharedAperture = uint64_t(1) << 48;
constexpr uint64_t privateAperture = uint64_t(2) << 48;

} // namespace tawny::hipsim
