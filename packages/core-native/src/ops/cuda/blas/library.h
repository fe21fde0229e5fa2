// cuBLASLt, found and opened at run time.
#pragma once
#include <cstddef>
#include <string>
#include <vector>

#include "ops/cuda/blas/prototypes.h"

namespace ace::cuda::lt {

struct Library {
  std::string path;    // as it was opened
  size_t version = 0;  // 130002: 13.0.2
  Functions call;
};

// "13.0.2"
std::string version_text(size_t version);

// Where it is looked for, in this order; a bare name is left to the system's loader. With ACEWRIGHT_CUBLASLT_PATH (a file,
// or a folder that holds one) that and nothing else; else the loader's path, the CUDA toolkit's folders, and nvidia/*/lib
// in the site-packages of every Python that the environment shows. Only files that exist are listed, but `folders` names
// all that were looked into.
struct Search {
  std::vector<std::string> files, folders;
  bool named = false;  // by the variable
};
Search find_libraries();

// Opens the first that fits; it stays open. Errors: ERR_DEVICE with all that was tried, why each was not it, and what to do.
Library open_library();

}  // namespace ace::cuda::lt
