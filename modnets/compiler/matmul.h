// Matrix products of one replica, for code with one lane: the vector goes over columns.
//
// A block of ROWS x VECTORS results stays in registers while it runs over the inner axis; the right
// matrix is packed before, so that its columns lie side by side.  (The usual form: K. Goto and
// R. van de Geijn, Anatomy of high-performance matrix multiplication, 2008.)
typedef float unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
static const long INNER = 256;           // of the inner axis at once: a packed panel stays in the cache
static const int MOST_VECTORS = LANES == 16 ? 4 : 2;
static const int MOST_ROWS = LANES == 16 ? 8 : 6;

struct Matrix {
    const float* data;
    long row, column; // steps in memory
};

#if defined(__has_builtin)
#if __has_builtin(__builtin_shufflevector)
#define SHUFFLES
#endif
#endif

// LANES rows of LANES numbers that lie `step` apart, written as columns, `to_step` apart.
static inline void transpose_block(const float* from, long step, float* to, long to_step) {
#if defined(SHUFFLES) && LANES == 16
    typedef float v __attribute__((vector_size(64), aligned(4), may_alias));
    v a[16], b[16];
    for (int i = 0; i < 16; i++) a[i] = *(const v*)(from + i * step);
#define LOW(x, y) __builtin_shufflevector(x, y, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define HIGH(x, y) __builtin_shufflevector(x, y, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define LOW2(x, y) __builtin_shufflevector(x, y, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define HIGH2(x, y) __builtin_shufflevector(x, y, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#define EVEN4(x, y) __builtin_shufflevector(x, y, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27)
#define ODD4(x, y) __builtin_shufflevector(x, y, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31)
    for (int i = 0; i < 16; i += 2) {
        b[i] = LOW(a[i], a[i + 1]);
        b[i + 1] = HIGH(a[i], a[i + 1]);
    }
    for (int i = 0; i < 16; i += 4)
        for (int j = 0; j < 2; j++) {
            a[i + 2 * j] = LOW2(b[i + j], b[i + j + 2]);
            a[i + 2 * j + 1] = HIGH2(b[i + j], b[i + j + 2]);
        }
    // a[4 i + c] holds, of rows 4 i to 4 i + 3, columns c, c + 4, c + 8, c + 12.
    for (int c = 0; c < 4; c++) {
        const v p = EVEN4(a[c], a[4 + c]), q = ODD4(a[c], a[4 + c]);
        const v r = EVEN4(a[8 + c], a[12 + c]), s = ODD4(a[8 + c], a[12 + c]);
        *(v*)(to + (c + 0) * to_step) = EVEN4(p, r);
        *(v*)(to + (c + 8) * to_step) = ODD4(p, r);
        *(v*)(to + (c + 4) * to_step) = EVEN4(q, s);
        *(v*)(to + (c + 12) * to_step) = ODD4(q, s);
    }
#undef LOW
#undef HIGH
#undef LOW2
#undef HIGH2
#undef EVEN4
#undef ODD4
#else
    for (int j = 0; j < LANES; j++)
        for (int i = 0; i < LANES; i++) to[j * to_step + i] = from[i * step + j];
#endif
}

// Columns of a matrix side by side, `n` of them out of up to `padded`; zeros beyond.
static void pack(Matrix b, long inner, long n, long padded, float* to) {
    long column = 0;
    if (b.row == 1)
        for (; column + LANES <= n; column += LANES) {
            const float* from = b.data + column * b.column;
            long k = 0;
            for (; k + LANES <= inner; k += LANES)
                transpose_block(from + k, b.column, to + k * padded + column, padded);
            for (; k < inner; k++)
                for (int j = 0; j < LANES; j++) to[k * padded + column + j] = from[k + j * b.column];
        }
    else if (b.column == 1)
        for (; column + LANES <= n; column += LANES)
            for (long k = 0; k < inner; k++)
                *(unaligned*)(to + k * padded + column) = *(const unaligned*)(b.data + k * b.row + column);
    for (; column < n; column++)
        for (long k = 0; k < inner; k++)
            to[k * padded + column] = b.data[k * b.row + column * b.column];
    for (; column < padded; column++)
        for (long k = 0; k < inner; k++) to[k * padded + column] = 0.0f;
}

template <int ROWS, int VECTORS>
static inline void block(
    Matrix a, const float* packed, long inner, float* c, long c_row, long columns, bool add) {
    unaligned sums[ROWS][VECTORS] = {};
    const float* from = a.data;
    for (long k = 0; k < inner; k++, from += a.column, packed += VECTORS * LANES) {
        unaligned right[VECTORS];
        for (int j = 0; j < VECTORS; j++) right[j] = *(const unaligned*)(packed + j * LANES);
        for (int i = 0; i < ROWS; i++) {
            const float left = from[i * a.row];
            for (int j = 0; j < VECTORS; j++) sums[i][j] += left * right[j];
        }
    }
    for (int i = 0; i < ROWS; i++) {
        float* to = c + i * c_row;
        for (int j = 0; j < VECTORS; j++) {
            float* place = to + j * LANES;
            wide::vec sum = (wide::vec)sums[i][j];
            if (columns >= (j + 1) * LANES) {
                if (add) sum += wide::load(place, wide::All());
                wide::store(place, sum, wide::All());
            } else {
                const wide::Some some = {columns - j * LANES};
                if (add) sum += wide::load(place, some);
                wide::store(place, sum, some);
            }
        }
    }
}

template <int VECTORS, int ROWS> struct Rows {
    static inline void rest(
        long rows, Matrix a, const float* packed, long inner, float* c, long c_row, long columns,
        bool add) {
        if (rows == ROWS) block<ROWS, VECTORS>(a, packed, inner, c, c_row, columns, add);
        else Rows<VECTORS, ROWS - 1>::rest(rows, a, packed, inner, c, c_row, columns, add);
    }
};
template <int VECTORS> struct Rows<VECTORS, 0> {
    static inline void rest(long, Matrix, const float*, long, float*, long, long, bool) {}
};

template <int VECTORS>
static void panel(
    Matrix a, const float* packed, long rows, long inner, float* c, long c_row, long columns,
    bool add) {
    const int ROWS = VECTORS == 4 ? 6 : MOST_ROWS;
    for (; rows >= ROWS; rows -= ROWS, a.data += ROWS * a.row, c += ROWS * c_row)
        block<ROWS, VECTORS>(a, packed, inner, c, c_row, columns, add);
    Rows<VECTORS, ROWS - 1>::rest(rows, a, packed, inner, c, c_row, columns, add);
}

// c (rows, columns) = a (rows, inner) b (inner, columns); c without gaps.
static __attribute__((noinline)) void matmul(
    float* c, Matrix a, Matrix b, long rows, long inner, long columns) {
    alignas(64) float packed[INNER * MOST_VECTORS * LANES];
    if (inner <= 0) memset(c, 0, rows * columns * sizeof(float));
    for (long k = 0; k < inner; k += INNER) {
        const long depth = inner - k < INNER ? inner - k : INNER;
        const Matrix left = {a.data + k * a.column, a.row, a.column};
        long column = 0;
        while (column < columns) {
            const long left_over = columns - column;
            const long vectors = (left_over + LANES - 1) / LANES;
            const int taken = vectors < MOST_VECTORS ? vectors : MOST_VECTORS;
            const long n = left_over < taken * LANES ? left_over : taken * LANES;
            const Matrix right = {b.data + k * b.row + column * b.column, b.row, b.column};
            pack(right, depth, n, taken * LANES, packed);
            float* to = c + column;
            switch (taken) {
            case 1: panel<1>(left, packed, rows, depth, to, columns, n, k > 0); break;
            case 2: panel<2>(left, packed, rows, depth, to, columns, n, k > 0); break;
#if LANES == 16
            case 3: panel<3>(left, packed, rows, depth, to, columns, n, k > 0); break;
            case 4: panel<4>(left, packed, rows, depth, to, columns, n, k > 0); break;
#endif
            }
            column += n;
        }
    }
}
