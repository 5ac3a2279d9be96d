// What the loops are written in: vectors with a lane for each replica.
#include <math.h>
#include <string.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int ivec __attribute__((vector_size(4 * LANES)));

static inline vec all(float x) { return x - vec{}; }
static inline ivec iall(long x) { return (int)x - ivec{}; }
static const vec zero = {};
static const ivec izero = {};
static const vec one = all(1.0f);

static inline long clip(long i, long size) { return i < 0 ? 0 : i >= size ? size - 1 : i; }
static inline vec select(ivec m, vec a, vec b) { return m ? a : b; }
static inline ivec select(ivec m, ivec a, ivec b) { return m ? a : b; }
static inline vec larger(vec a, vec b) { return b > a ? b : a; } // a, if one is not a number
static inline vec smaller(vec a, vec b) { return b < a ? b : a; }
static inline vec largest(vec a, vec b) { return (b > a) | (b != b) ? b : a; } // NAN, if one is
static inline vec smallest(vec a, vec b) { return (b < a) | (b != b) ? b : a; }
static inline vec to_float(ivec x) { return __builtin_convertvector(x, vec); }
static inline ivec to_int(vec x) { return __builtin_convertvector(x, ivec); }
static inline void copy(vec* to, const vec* from, long n) { memcpy(to, from, n * sizeof(vec)); }

#define OF_EACH(name, function)                                                                    \
    static inline vec name(vec x) {                                                                \
        for (int lane = 0; lane < LANES; lane++) x[lane] = function(x[lane]);                      \
        return x;                                                                                  \
    }
OF_EACH(floor, floorf)
OF_EACH(ceil, ceilf)
OF_EACH(trunc, truncf)
OF_EACH(round, nearbyintf)

#if defined(__AVX512DQ__) && LANES == 16
// Estimates of 14 bits and a step of Newton's: a third of the time of the exact instructions, and
// at most two units in the last place off.  Where the step has no meaning (0, infinity) none is
// made; a divisor beyond 8e37 is taken for infinity.
static inline vec divide(vec a, vec b) {
    const __m512 r = _mm512_rcp14_ps((__m512)b);
    const __m512 e = _mm512_fnmadd_ps((__m512)b, r, _mm512_set1_ps(1.0f));
    return a * (vec)_mm512_mask3_fmadd_ps(e, r, r, _mm512_cmp_ps_mask(e, e, _CMP_ORD_Q));
}
static inline vec root(vec x) {
    const __m512 y = _mm512_rsqrt14_ps((__m512)x);
    const __m512 s = _mm512_mul_ps((__m512)x, y), h = _mm512_mul_ps(_mm512_set1_ps(0.5f), y);
    const __m512 e = _mm512_fnmadd_ps(s, s, (__m512)x);
    const __mmask16 zero_or_infinite = _mm512_fpclass_ps_mask((__m512)x, 0x0e);
    return (vec)_mm512_mask_mov_ps(_mm512_fmadd_ps(e, h, s), zero_or_infinite, (__m512)x);
}
#else
static inline vec divide(vec a, vec b) { return a / b; }
OF_EACH(root, sqrtf)
#endif

// The C library has its functions for vectors too, on Linux; elsewhere one lane follows the other.
#if defined(__GLIBC__) && defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#if __GLIBC_PREREQ(2, 35)
#define FOR_VECTORS __attribute__((simd("notinbranch")))
#endif
#endif
#ifndef FOR_VECTORS
#define FOR_VECTORS
#endif
#define OF_ONE(name, function)                                                                     \
    extern "C" FOR_VECTORS float function(float) noexcept;                                         \
    static inline vec name(vec x) {                                                                \
        float given[LANES], found[LANES];                                                          \
        memcpy(given, &x, sizeof x);                                                               \
        for (int lane = 0; lane < LANES; lane++) found[lane] = function(given[lane]);              \
        memcpy(&x, found, sizeof x);                                                               \
        return x;                                                                                  \
    }
OF_ONE(exp, expf)
OF_ONE(log, logf)
OF_ONE(log1p, log1pf)
OF_ONE(expm1, expm1f)
OF_ONE(tanh, tanhf)
OF_ONE(erf, erff)
OF_ONE(sin, sinf)
OF_ONE(cos, cosf)
OF_ONE(atan, atanf)
OF_ONE(sinh, sinhf)
OF_ONE(cosh, coshf)

static inline vec pow(vec x, vec y) {
    for (int lane = 0; lane < LANES; lane++) x[lane] = powf(x[lane], y[lane]);
    return x;
}

// Numbers too small for full precision are taken for zero: they cost up to 100 times as much.
struct FlushTiny {
#if defined(__x86_64__)
    unsigned before = _mm_getcsr();
    FlushTiny() { _mm_setcsr(before | 0x8040); }
    ~FlushTiny() { _mm_setcsr(before); }
#endif
};
