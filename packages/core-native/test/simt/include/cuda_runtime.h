// Stands in for NVIDIA's header of this name where a .cu file is compiled by the host compiler for the emulator.
#pragma once

#define __global__
#define __device__
#define __host__
#define __constant__
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __align__(n) alignas(n)
#if !defined(__restrict__)
#define __restrict__ __restrict
#endif

#include "simt/vectors.h"
#include "simt/intrinsics.h"
#include "simt/runtime.h"
#include "simt/launch.h"
