// Marks what both the host and the kernels of CUDA call.
#pragma once

#if defined(__CUDACC__)
#define ACE_HOST_DEVICE __host__ __device__
#else
#define ACE_HOST_DEVICE
#endif
