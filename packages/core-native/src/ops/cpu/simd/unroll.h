// Unrolls the loop that follows completely: its array of registers then stays in registers.
#pragma once

#if defined(__clang__)
#define ACE_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define ACE_UNROLL _Pragma("GCC unroll 64")
#else
#define ACE_UNROLL
#endif

#if defined(__GNUC__)
#define ACE_PREFETCH(address) __builtin_prefetch(address, 0, 2)
#else
#define ACE_PREFETCH(address) (void)(address)
#endif
