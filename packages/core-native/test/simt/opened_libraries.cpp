#include "simt/opened_libraries.h"

#include <cstdlib>

#include "simt/stream.h"

void simt_put(void* stream, const std::function<void()>& work) { simt::put(static_cast<cudaStream_t>(stream), work); }

// The program's own search then finds the stand-in of cublaslt/.
[[maybe_unused]] static const int said_where = setenv("ACEWRIGHT_CUBLASLT_PATH", ACE_CUBLASLT_STAND_IN, 1);
