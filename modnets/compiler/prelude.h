#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>
#if defined(__x86_64__)
#define PAUSE _mm_pause()
#else
#define PAUSE sched_yield()
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

// Reading <math.h> takes g++ a tenth of its time, for templates of C++ that are not used.
#define INFINITY __builtin_inff()
#define NAN __builtin_nanf("")

// The C library has its functions for vectors too, on Linux; elsewhere one lane follows the
// other.  Declared here, as in a namespace they would be other functions.
#if defined(__GLIBC__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#if __GLIBC_PREREQ(2, 35)
#define SIMD_VARIANT __attribute__((simd("notinbranch")))
#endif
#endif
#ifndef SIMD_VARIANT
#define SIMD_VARIANT
#endif
extern "C" {
float sqrtf(float) noexcept;
float floorf(float) noexcept;
float ceilf(float) noexcept;
float truncf(float) noexcept;
float nearbyintf(float) noexcept;
float powf(float, float) noexcept;
SIMD_VARIANT float expf(float) noexcept;
SIMD_VARIANT float logf(float) noexcept;
SIMD_VARIANT float log1pf(float) noexcept;
SIMD_VARIANT float expm1f(float) noexcept;
SIMD_VARIANT float tanhf(float) noexcept;
SIMD_VARIANT float erff(float) noexcept;
SIMD_VARIANT float sinf(float) noexcept;
SIMD_VARIANT float cosf(float) noexcept;
SIMD_VARIANT float atanf(float) noexcept;
SIMD_VARIANT float sinhf(float) noexcept;
SIMD_VARIANT float coshf(float) noexcept;
}
