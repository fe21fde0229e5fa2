# Defines ace_gemm: element types, thread pool, the CPU matrix products and vector exponentials.
# Included from the CMakeLists.txt beside this folder.
#
# Each instruction set has source files of its own with flags of their own; the rest is compiled for the oldest CPU, and
# the choice is made at run time. -march=native must not appear anywhere.
find_package(Threads REQUIRED)
get_filename_component(ace_core_root "${CMAKE_CURRENT_LIST_DIR}/.." ABSOLUTE)
set(ace_src "${ace_core_root}/src")
set(ace_cpu "${ace_src}/ops/cpu")

add_library(ace_gemm STATIC
  ${ace_src}/tensor/scratch.cpp
  ${ace_src}/tensor/thread_pool.cpp
  ${ace_cpu}/simd/isa.cpp
  ${ace_cpu}/gemm/batched.cpp
  ${ace_cpu}/gemm/batched_reduce.cpp
  ${ace_cpu}/gemm/gemm.cpp
  ${ace_cpu}/gemm/kernels.cpp
  ${ace_cpu}/gemm/kernels_scalar.cpp
  ${ace_cpu}/vector_math.cpp
  ${ace_cpu}/vector_math_scalar.cpp)

include(CheckCXXCompilerFlag)
set(ace_isa_names "")
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64|amd64)$")
  list(APPEND ace_isa_names avx2 avx512)
  if(MSVC)
    set(ACE_HAS_AVX512_BF16 ON)
  else()
    check_cxx_compiler_flag(-mavx512bf16 ACE_HAS_AVX512_BF16)
  endif()
elseif(CMAKE_SYSTEM_PROCESSOR MATCHES "^(aarch64|arm64|ARM64)$")
  list(APPEND ace_isa_names neon)  # part of every aarch64: no flags
endif()
if(MSVC)
  set(ace_flags_avx2 /arch:AVX2)
  set(ace_flags_avx512 /arch:AVX512)
  set(ace_flags_avx512_bf16 /arch:AVX512)
else()
  set(ace_flags_avx2 -mavx2 -mfma -mf16c)
  set(ace_flags_avx512 -mavx512f -mavx512bw -mavx512dq -mavx512vl -mfma -mf16c -mprefer-vector-width=512)
  set(ace_flags_avx512_bf16 ${ace_flags_avx512} -mavx512bf16)
  if(CMAKE_CXX_COMPILER_ID STREQUAL GNU AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    list(APPEND ace_flags_avx512 -Wno-maybe-uninitialized -Wno-uninitialized)
    list(APPEND ace_flags_avx512_bf16 -Wno-maybe-uninitialized -Wno-uninitialized)  # false, from the intrinsics' own header
  endif()
endif()
foreach(isa IN LISTS ace_isa_names)
  set(ace_isa_sources ${ace_cpu}/gemm/kernels_${isa}.cpp ${ace_cpu}/vector_math_${isa}.cpp)
  target_sources(ace_gemm PRIVATE ${ace_isa_sources})
  set_source_files_properties(${ace_isa_sources} PROPERTIES COMPILE_OPTIONS "${ace_flags_${isa}}")
  string(TOUPPER ${isa} ace_isa_upper)
  target_compile_definitions(ace_gemm PRIVATE ACE_HAVE_${ace_isa_upper})
endforeach()

# Compilers older than VDPBF16PS build everything but this.
if(ACE_HAS_AVX512_BF16)
  target_sources(ace_gemm PRIVATE ${ace_cpu}/gemm/kernels_avx512_bf16.cpp)
  set_source_files_properties(${ace_cpu}/gemm/kernels_avx512_bf16.cpp PROPERTIES COMPILE_OPTIONS "${ace_flags_avx512_bf16}")
  target_compile_definitions(ace_gemm PRIVATE ACE_HAVE_AVX512_BF16)
endif()

target_include_directories(ace_gemm PUBLIC ${ace_src})
target_compile_features(ace_gemm PUBLIC cxx_std_20)
target_link_libraries(ace_gemm PUBLIC Threads::Threads)
set_target_properties(ace_gemm PROPERTIES POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden)
