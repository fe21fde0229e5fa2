// Which instruction set the CPU twin's kernels use.
#pragma once
#include <vector>

namespace ace::cpu {

enum class Isa { scalar, avx2, avx512, neon, avx512_bf16 };

const char* name(Isa isa);

// Those this build has kernels for and this CPU can run, slowest first; scalar is always there.
const std::vector<Isa>& available_isas();

// Those that trade precision for speed, and so are used only where they are named: avx512_bf16 is avx512, but products with
// a bf16 operand round the other one to bf16 and sum in float32.
const std::vector<Isa>& lossy_isas();

// The one of that name, or the best of available_isas() for null and "".
// Errors: ERR_CONFIG for an unknown name, ERR_DEVICE for one that is not available here.
Isa choose_isa(const char* wanted);

// choose_isa of the environment variable ACEWRIGHT_ISA, read once.
Isa active_isa();

// For tests and benchmarks: uses isa, which must be in one of the two lists, from now on.
void force_isa(Isa isa);

}  // namespace ace::cpu
