// Which instruction set the CPU twin's kernels use.
#pragma once
#include <vector>

namespace ace::cpu {

enum class Isa { scalar, avx2, avx512, neon };

const char* name(Isa isa);

// Those this build has kernels for and this CPU can run, slowest first; scalar is always there.
const std::vector<Isa>& available_isas();

// The one of that name, or the best available for null and "".
// Errors: ERR_CONFIG for an unknown name, ERR_DEVICE for one that is not available here.
Isa choose_isa(const char* wanted);

// choose_isa of the environment variable ACEWRIGHT_ISA, read once.
Isa active_isa();

// For tests: uses isa, which must be available, from now on.
void force_isa(Isa isa);

}  // namespace ace::cpu
