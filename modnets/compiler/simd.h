// What the loops are written in: vectors with a lane for each replica.  A replica that fills vectors
// by itself has plain numbers (one lane), and vectors of elements side by side in `simd::wide`.
#if LANES == 1
typedef float vec;
typedef int ivec;
static inline ivec mask(bool x) { return -x; }
static inline float lane_of(vec x, int) { return x; }
static inline vec to_float(ivec x) { return x; }
static inline ivec to_int(vec x) { return x; }
#define SET_LANE(x, lane, value) x = value
#else
typedef float vec __attribute__((vector_size(4 * LANES)));
typedef int ivec __attribute__((vector_size(4 * LANES)));
static inline ivec mask(ivec x) { return x; }
static inline float lane_of(vec x, int lane) { return x[lane]; }
static inline vec to_float(ivec x) { return __builtin_convertvector(x, vec); }
static inline ivec to_int(vec x) { return __builtin_convertvector(x, ivec); }
#define SET_LANE(x, lane, value) x[lane] = value
#endif

// A vector that is read from memory once and stays in its register.  Else compilers read it again
// in each multiply-add that uses it, and a core reads two vectors while it multiplies two.
#undef HOLD
#if defined(__GNUC__) && (defined(__AVX512F__) || (defined(__AVX__) && LANES == 8))
#define HOLD(x) asm("" : "+v"(x))
#else
#define HOLD(x)
#endif

static inline vec splat(float x) { return x - vec{}; }
static inline ivec isplat(long x) { return (int)x - ivec{}; }
static const vec zero = {};
static const ivec izero = {};
static const vec one = splat(1.0f);

static inline long clip(long i, long size) { return i < 0 ? 0 : i >= size ? size - 1 : i; }
static inline vec select(ivec m, vec a, vec b) { return m ? a : b; }
static inline ivec select(ivec m, ivec a, ivec b) { return m ? a : b; }
static inline vec fmax(vec a, vec b) { return b > a ? b : a; } // a, if one of them is NaN
// As in IEEE 754-2019: NaN, if one of them is.
static inline vec maximum(vec a, vec b) { return (b > a) | (b != b) ? b : a; }
static inline vec minimum(vec a, vec b) { return (b < a) | (b != b) ? b : a; }

// A loop over numbers in memory is what compilers turn into instructions for vectors; of one that
// takes lanes out of a vector and puts them back, g++ makes scalar code.
#define VECTOR_FUNCTION(name, function)                                                            \
    static inline vec name(vec x) {                                                                \
        float in[LANES], out[LANES];                                                               \
        memcpy(in, &x, sizeof x);                                                                  \
        for (int lane = 0; lane < LANES; lane++) out[lane] = function(in[lane]);                   \
        memcpy(&x, out, sizeof x);                                                                 \
        return x;                                                                                  \
    }

#if defined(__AVX512DQ__) && LANES == 16
// Estimates of 14 bits and a step of Newton's: a third of the time of the exact instructions, and
// at most two units in the last place off.  Where the step has no meaning (0, infinity) none is
// made; a divisor beyond 8e37 is taken for infinity.
static inline vec divide(vec a, vec b) {
    const __m512 r = _mm512_rcp14_ps((__m512)b);
    const __m512 e = _mm512_fnmadd_ps((__m512)b, r, _mm512_set1_ps(1.0f));
    return a * (vec)_mm512_mask3_fmadd_ps(e, r, r, _mm512_cmp_ps_mask(e, e, _CMP_ORD_Q));
}
static inline vec sqrt(vec x) {
    const __m512 y = _mm512_rsqrt14_ps((__m512)x);
    const __m512 s = _mm512_mul_ps((__m512)x, y), h = _mm512_mul_ps(_mm512_set1_ps(0.5f), y);
    const __m512 e = _mm512_fnmadd_ps(s, s, (__m512)x);
    const __mmask16 zero_or_infinite = _mm512_fpclass_ps_mask((__m512)x, 0x0e);
    return (vec)_mm512_mask_mov_ps(_mm512_fmadd_ps(e, h, s), zero_or_infinite, (__m512)x);
}
#else
static inline vec divide(vec a, vec b) { return a / b; }
VECTOR_FUNCTION(sqrt, sqrtf)
#endif

VECTOR_FUNCTION(floor, floorf)
VECTOR_FUNCTION(ceil, ceilf)
VECTOR_FUNCTION(trunc, truncf)
VECTOR_FUNCTION(round, nearbyintf)
VECTOR_FUNCTION(exp, expf)
VECTOR_FUNCTION(log, logf)
VECTOR_FUNCTION(log1p, log1pf)
VECTOR_FUNCTION(expm1, expm1f)
VECTOR_FUNCTION(tanh, tanhf)
VECTOR_FUNCTION(erf, erff)
VECTOR_FUNCTION(sin, sinf)
VECTOR_FUNCTION(cos, cosf)
VECTOR_FUNCTION(atan, atanf)
VECTOR_FUNCTION(sinh, sinhf)
VECTOR_FUNCTION(cosh, coshf)

static inline vec pow(vec x, vec y) {
    for (int lane = 0; lane < LANES; lane++)
        SET_LANE(x, lane, powf(lane_of(x, lane), lane_of(y, lane)));
    return x;
}

// Elements side by side, all lanes of them or only some.
struct All {};
struct Some {
    long n;
};
static inline vec load(const float* from, All) {
    vec x;
    memcpy(&x, from, sizeof x);
    return x;
}
static inline void store(float* to, vec x, All) { memcpy(to, &x, sizeof x); }
#if defined(__AVX512F__) && LANES == 16
static inline vec load(const float* from, Some some) {
    return (vec)_mm512_maskz_loadu_ps((1u << some.n) - 1, from);
}
static inline void store(float* to, vec x, Some some) {
    _mm512_mask_storeu_ps(to, (1u << some.n) - 1, (__m512)x);
}
#else
static inline vec load(const float* from, Some some) {
    float x[LANES] = {};
    for (long lane = 0; lane < LANES; lane++) x[lane] = lane < some.n ? from[lane] : 0.0f;
    return load(x, All());
}
static inline void store(float* to, vec x, Some some) {
    for (long lane = 0; lane < some.n; lane++) to[lane] = lane_of(x, lane);
}
#endif
// What a sum takes in where a vector is not full, and the sum of its elements, two and two.
static inline vec keep(vec x, All) { return x; }
static inline vec keep(vec x, Some some) {
    for (long lane = some.n; lane < LANES; lane++) SET_LANE(x, lane, 0.0f);
    return x;
}
static inline float total(vec x) {
    float part[LANES];
    memcpy(part, &x, sizeof x);
    for (long half = LANES / 2; half > 0; half /= 2)
        for (long lane = 0; lane < half; lane++) part[lane] += part[lane + half];
    return part[0];
}
static inline long count(All) { return LANES; }
static inline long count(Some some) { return some.n; }
template <class N> static inline ivec load(const int* from, N n) { return (ivec)load((const float*)from, n); }
template <class N> static inline void store(int* to, ivec x, N n) { store((float*)to, (vec)x, n); }
template <class T, class N> static inline auto load(const T* from, long step, N n) {
    T x[LANES] = {};
    for (long lane = 0; lane < count(n); lane++) x[lane] = from[lane * step];
    return load(x, All());
}
template <class T, class V, class N> static inline void store(T* to, long step, V x, N n) {
    T from[LANES];
    store(from, x, All());
    for (long lane = 0; lane < count(n); lane++) to[lane * step] = from[lane];
}
template <class Body> static inline void for_each(long i, long size, Body body) {
    for (; i + LANES <= size; i += LANES) body(i, All());
    if (i < size) body(i, Some{size - i});
}
