#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

#define INLINE __attribute__((always_inline))
#define OUTLINE __attribute__((noinline))

// Numbers too small for full precision are taken for zero: they cost up to 100 times as much.
struct FlushSubnormals {
#if defined(__x86_64__)
    unsigned before = _mm_getcsr();
    FlushSubnormals() { _mm_setcsr(before | 0x8040); }
    ~FlushSubnormals() { _mm_setcsr(before); }
#endif
};
