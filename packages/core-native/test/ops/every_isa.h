// Runs a test's body with each instruction set that this build has and this CPU can run.
#pragma once
#include "check.h"
#include "ops/cpu/simd/isa.h"

namespace ace::test {

template <class F> void on_every_isa(F&& body) {
  struct Restore {
    cpu::Isa before = cpu::active_isa();
    ~Restore() { cpu::force_isa(before); }
  } restore;
  for (const cpu::Isa isa : cpu::available_isas()) {
    cpu::force_isa(isa);
    CONTEXT(cpu::name(isa));
    body();
  }
}

}  // namespace ace::test
