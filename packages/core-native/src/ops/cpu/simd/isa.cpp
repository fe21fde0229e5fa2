#include "ops/cpu/simd/isa.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "tensor/error.h"

#if defined(ACE_HAVE_AVX2) || defined(ACE_HAVE_AVX512)
#if defined(_MSC_VER)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#endif

namespace ace::cpu {

namespace {

#if defined(ACE_HAVE_AVX2) || defined(ACE_HAVE_AVX512)
struct CpuId { uint32_t eax, ebx, ecx, edx; };

CpuId cpuid(uint32_t leaf, uint32_t part = 0) {
#if defined(_MSC_VER)
  int registers[4];
  __cpuidex(registers, static_cast<int>(leaf), static_cast<int>(part));
  return {static_cast<uint32_t>(registers[0]), static_cast<uint32_t>(registers[1]), static_cast<uint32_t>(registers[2]),
          static_cast<uint32_t>(registers[3])};
#else
  CpuId id{};
  if (!__get_cpuid_count(leaf, part, &id.eax, &id.ebx, &id.ecx, &id.edx)) return {};
  return id;
#endif
}

// The register states the operating system saves; an instruction set without that is not usable.
uint64_t saved_states() {
#if defined(_MSC_VER)
  return _xgetbv(0);
#else
  uint32_t low, high;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
#endif
}

bool has_all(uint64_t word, uint64_t bits) { return (word & bits) == bits; }

bool cpu_has(Isa isa) {
  const CpuId basic = cpuid(1), extended = cpuid(7);
  const uint64_t fma = 1u << 12, os_saves = 1u << 27, avx = 1u << 28, f16c = 1u << 29;  // basic.ecx
  const uint64_t avx2 = 1u << 5;                                                        // extended.ebx
  const uint64_t avx512 = 1u << 16 | 1u << 17 | 1u << 30 | 1u << 31;                    // F, DQ, BW, VL
  if (!has_all(basic.ecx, fma | os_saves | avx | f16c) || !has_all(extended.ebx, avx2)) return false;
  if (!has_all(saved_states(), 0x06)) return false;
  if (isa == Isa::avx2) return true;
  if (!has_all(extended.ebx, avx512) || !has_all(saved_states(), 0xe6)) return false;
  const uint64_t bf16 = 1u << 5;  // eax of leaf 7, part 1
  return isa == Isa::avx512 || has_all(cpuid(7, 1).eax, bf16);
}
#endif

std::vector<Isa> detect() {
  std::vector<Isa> found{Isa::scalar};
#if defined(ACE_HAVE_AVX2)
  if (cpu_has(Isa::avx2)) found.push_back(Isa::avx2);
#endif
#if defined(ACE_HAVE_AVX512)
  if (cpu_has(Isa::avx512)) found.push_back(Isa::avx512);
#endif
#if defined(ACE_HAVE_NEON)
  found.push_back(Isa::neon);  // part of every aarch64
#endif
  return found;
}

std::vector<Isa> detect_lossy() {
  std::vector<Isa> found;
#if defined(ACE_HAVE_AVX512_BF16)
  if (cpu_has(Isa::avx512_bf16)) found.push_back(Isa::avx512_bf16);
#endif
  return found;
}

std::atomic<Isa>& active() {
  static std::atomic<Isa> isa{choose_isa(std::getenv("ACEWRIGHT_ISA"))};
  return isa;
}

}  // namespace

const char* name(Isa isa) {
  switch (isa) {
    case Isa::scalar: return "scalar";
    case Isa::avx2: return "avx2";
    case Isa::avx512: return "avx512";
    case Isa::neon: return "neon";
    case Isa::avx512_bf16: return "avx512_bf16";
  }
  return "?";
}

const std::vector<Isa>& available_isas() {
  static const std::vector<Isa> isas = detect();
  return isas;
}

const std::vector<Isa>& lossy_isas() {
  static const std::vector<Isa> isas = detect_lossy();
  return isas;
}

Isa choose_isa(const char* wanted) {
  if (!wanted || !*wanted) return available_isas().back();
  std::string available;
  for (const std::vector<Isa>* isas : {&available_isas(), &lossy_isas()}) {
    for (const Isa isa : *isas) {
      if (std::string(name(isa)) == wanted) return isa;
      available += std::string(available.empty() ? "" : ", ") + name(isa);
    }
  }
  for (const Isa isa : {Isa::scalar, Isa::avx2, Isa::avx512, Isa::neon, Isa::avx512_bf16}) {
    if (std::string(name(isa)) == wanted) {
      throw Error(ErrorCode::device, "ACEWRIGHT_ISA=" + std::string(wanted) + " is not available on this machine, only " + available);
    }
  }
  throw Error(ErrorCode::config, "ACEWRIGHT_ISA=" + std::string(wanted) + " is not an instruction set: use one of " + available);
}

Isa active_isa() { return active().load(std::memory_order_relaxed); }

void force_isa(Isa isa) {
  for (const std::vector<Isa>* isas : {&available_isas(), &lossy_isas()}) {
    for (const Isa available : *isas) {
      if (available == isa) return active().store(isa);
    }
  }
  throw Error(ErrorCode::device, std::string(name(isa)) + " is not available on this machine");
}

}  // namespace ace::cpu
