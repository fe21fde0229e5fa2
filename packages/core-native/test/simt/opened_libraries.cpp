#include "simt/opened_libraries.h"

#include <cstdlib>

#include "simt/stream.h"

bool simt_put(void* stream, const std::function<void()>& work) { return simt::put(static_cast<cudaStream_t>(stream), work) == cudaSuccess; }

// The program's own search then finds the stand-in of cublaslt/.
[[maybe_unused]] static const int said_where = setenv("ACEWRIGHT_CUBLASLT_PATH", ACE_CUBLASLT_STAND_IN, 1);
