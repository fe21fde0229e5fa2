// CUDA's small vectors and dim3, as <vector_types.h> has them.
#pragma once

#define SIMT_VECTORS(type, name)                                                     \
  struct name##1 { type x; };                                                        \
  struct alignas(2 * sizeof(type)) name##2 { type x, y; };                           \
  struct name##3 { type x, y, z; };                                                  \
  struct alignas(4 * sizeof(type) > 16 ? 16 : 4 * sizeof(type)) name##4 { type x, y, z, w; }; \
  inline name##1 make_##name##1(type x) { return {x}; }                              \
  inline name##2 make_##name##2(type x, type y) { return {x, y}; }                   \
  inline name##3 make_##name##3(type x, type y, type z) { return {x, y, z}; }        \
  inline name##4 make_##name##4(type x, type y, type z, type w) { return {x, y, z, w}; }
SIMT_VECTORS(signed char, char)
SIMT_VECTORS(unsigned char, uchar)
SIMT_VECTORS(short, short)
SIMT_VECTORS(unsigned short, ushort)
SIMT_VECTORS(int, int)
SIMT_VECTORS(unsigned, uint)
SIMT_VECTORS(long long, longlong)
SIMT_VECTORS(unsigned long long, ulonglong)
SIMT_VECTORS(float, float)
SIMT_VECTORS(double, double)
#undef SIMT_VECTORS

struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned a = 1, unsigned b = 1, unsigned c = 1) : x(a), y(b), z(c) {}
};
