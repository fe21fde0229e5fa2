// The launch of a kernel that only compute capability 9.0 runs.
#pragma once
#include <utility>

#include "ops/cuda/launch.h"

namespace ace::cuda {

// As launch(), with up to 227 KiB of shared memory.
template <class... A>
void launch_hopper(A&&... args) {
#if ACE_SIMT
  const simt::MoreShared shared(227 * 1024);
#endif
  launch(std::forward<A>(args)...);
}

}  // namespace ace::cuda
