# Defines ace_gemm: element types, thread pool and the CPU matrix products.
# Included from the CMakeLists.txt beside this folder.
find_package(Threads REQUIRED)
get_filename_component(ace_core_root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(ace_src "${ace_core_root}/src")

add_library(ace_gemm STATIC
  ${ace_src}/tensor/scratch.cpp
  ${ace_src}/tensor/thread_pool.cpp
  ${ace_src}/ops/cpu/gemm/gemm.cpp)
target_include_directories(ace_gemm PUBLIC ${ace_src})
target_compile_features(ace_gemm PUBLIC cxx_std_20)
target_link_libraries(ace_gemm PUBLIC Threads::Threads)
set_target_properties(ace_gemm PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
