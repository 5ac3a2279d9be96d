// Matrix products of one replica, for code with one lane: the vector goes over columns.
//
// A block of ROWS x VECTORS results stays in registers while it runs over the inner axis; the right
// matrix is packed before, so that its columns lie side by side, some panels of it at once: these
// and some rows of the left matrix stay in the second cache.  (The usual form: K. Goto and
// R. van de Geijn, Anatomy of high-performance matrix multiplication, 2008.)  Where an element of
// the left matrix lies is a sum of what its row and its place along the inner axis add, each looked
// up in a table: so the windows of an image are a matrix without being copied.
typedef float unaligned __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
static const long INNER = 256;        // of the inner axis at once: a packed panel stays in the cache
static const long COLUMNS = 256;      // of the right matrix packed at once
static const long ROWS_AT_ONCE = 96;  // a multiple of the rows of each block
static const long MANY = 3;           // panels of columns from which on rows are worth copying
static const long SHARED = 1000000; // multiply-adds from which threads share a product
static const int MOST_VECTORS = LANES == 16 ? 4 : 2;
static const int MOST_ROWS = LANES == 16 ? 8 : 6;
#define UNROLL _Pragma("GCC unroll 16")

// Nested axes that count as one, the last fastest, and their steps in memory.
struct Axes {
    long size[3], step[3];
    long count() const { return size[0] * size[1] * size[2]; }
    // Where the elements from `first` on lie; the last one again and again beyond `n` of them.
    void places(long first, long n, long padded, long* to) const {
        long k = first % size[2], j = first / size[2] % size[1], i = first / size[2] / size[1];
        for (long done = 0; done < n;) {
            long at = i * step[0] + j * step[1] + k * step[2];
            for (; k < size[2] && done < n; k++, at += step[2]) to[done++] = at;
            if (k == size[2]) k = 0, j++;
            if (j == size[1]) j = 0, i++;
        }
        for (long done = n; done < padded; done++) to[done] = to[n - 1];
    }
};

struct Matrix {
    const float* data;
    Axes row, column;
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

// Columns of a matrix side by side, `n` of them out of up to `padded`; zeros beyond.  Its elements
// lie at `inner` along the inner axis, and columns `step` apart.
static void pack(const float* b, const long* inner, bool dense, long depth, long step, long n, long padded, float* to) {
    long column = 0;
    if (step == 1) {
        for (; column + LANES <= n; column += LANES)
            for (long k = 0; k < depth; k++)
                *(unaligned*)(to + k * padded + column) = *(const unaligned*)(b + inner[k] + column);
        if (column < n)
            for (long k = 0; k < depth; k++)
                wide::store(to + k * padded + column, wide::load(b + inner[k] + column, wide::Some{n - column}), wide::All());
        return;
    }
    if (dense)
        for (; column + LANES <= n; column += LANES) {
            const float* from = b + inner[0] + column * step;
            long k = 0;
            for (; k + LANES <= depth; k += LANES)
                transpose_block(from + k, step, to + k * padded + column, padded);
            for (; k < depth; k++)
                for (int j = 0; j < LANES; j++) to[k * padded + column + j] = from[k + j * step];
        }
    for (; column < n; column++)
        for (long k = 0; k < depth; k++) to[k * padded + column] = b[inner[k] + column * step];
    for (; column < padded; column++)
        for (long k = 0; k < depth; k++) to[k * padded + column] = 0.0f;
}

// Results of a few rows, `present` of them, and of columns that fill some vectors.
template <int ROWS, int VECTORS>
static OUTLINE void block(
    const float* a, const long* rows, const long* inner, const float* packed, long depth, float* c,
    const long* places, long present, long columns, bool add) {
    unaligned sums[ROWS][VECTORS] = {};
    const float* from[ROWS];
    UNROLL for (int i = 0; i < ROWS; i++) from[i] = a + rows[i];
    for (long k = 0; k < depth; k++, packed += VECTORS * LANES) {
        unaligned right[VECTORS];
        const long at = inner[k];
        UNROLL for (int j = 0; j < VECTORS; j++) right[j] = *(const unaligned*)(packed + j * LANES);
        UNROLL for (int i = 0; i < ROWS; i++) {
            const float left = from[i][at];
            UNROLL for (int j = 0; j < VECTORS; j++) sums[i][j] += left * right[j];
        }
    }
    UNROLL for (int i = 0; i < ROWS; i++) {
        if (i >= present) return;
        float* to = c + places[i];
        UNROLL for (int j = 0; j < VECTORS; j++) {
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

// Some rows of the left matrix: where they lie, and where their results go.
struct Rows {
    const float* data;
    const long* inner; // what places along the inner axis add
    long depth, n;
    long from[ROWS_AT_ONCE + MOST_ROWS], to[ROWS_AT_ONCE];
    bool side_by_side; // but a step apart along the inner axis
    int packed_by;     // so many rows, in `packed`; 0 where they are not
    float* packed;

    // The rows from `first` on, up to `end`, none of them packed.
    void take(const Axes& row, const Axes& target, long first, long end) {
        n = end - first < ROWS_AT_ONCE ? end - first : ROWS_AT_ONCE;
        row.places(first, n, n + MOST_ROWS - 1, from);
        target.places(first, n, n, to);
        packed_by = 0;
    }
    // Rows side by side that are far apart along the inner axis share lines of the cache, which
    // fall out of it before the next rows come: copied, as many as a block takes.
    template <int BY> void pack() {
        if (packed_by == BY) return;
        packed_by = BY;
        for (long i = 0; i < n; i += BY) {
            float* to = packed + i * depth;
            const float* row[BY];
            UNROLL for (int j = 0; j < BY; j++) row[j] = data + from[i + j];
            if (from[i + BY - 1] - from[i] == BY - 1)
                for (long k = 0; k < depth; k++) memcpy(to + k * BY, row[0] + inner[k], BY * sizeof(float));
            else
                for (long k = 0; k < depth; k++)
                    UNROLL for (int j = 0; j < BY; j++) to[k * BY + j] = row[j][inner[k]];
        }
    }
};

// Some rows, for columns that fill some vectors.
template <int VECTORS>
static void panel(Rows& rows, const float* right, float* c, long columns, bool many, bool add) {
    const int ROWS = VECTORS == 4 ? 6 : MOST_ROWS;
    static const long first[8] = {0, 1, 2, 3, 4, 5, 6, 7};
    long apart[INNER];
    const bool packed = many && rows.side_by_side;
    if (packed) {
        rows.pack<ROWS>();
        for (long k = 0; k < rows.depth; k++) apart[k] = k * ROWS;
    }
    for (long i = 0; i < rows.n; i += ROWS) {
        const float* data = packed ? rows.packed + i * rows.depth : rows.data;
        const long* from = packed ? first : rows.from + i;
        const long* inner = packed ? apart : rows.inner;
        if (rows.n - i > ROWS / 2)
            block<ROWS, VECTORS>(data, from, inner, right, rows.depth, c, rows.to + i, rows.n - i, columns, add);
        else
            block<ROWS / 2, VECTORS>(data, from, inner, right, rows.depth, c, rows.to + i, rows.n - i, columns, add);
    }
}

// Some rows and columns of c (rows, columns) = a (rows, inner) b (inner, columns), or added to what
// is there; columns of c lie side by side.
static OUTLINE void some_results(
    float* c, const Axes& target, const Matrix& a, const Matrix& b, bool add, long row, long last_row,
    long column, long last_column) {
    alignas(64) static thread_local float packed[INNER * COLUMNS], packed_rows[INNER * ROWS_AT_ONCE];
    long left[INNER], right[INNER];
    const long inner = a.column.count(), step = b.column.step[2], wide = MOST_VECTORS * LANES;
    const bool dense = b.row.count() == b.row.size[2] && b.row.step[2] == 1;
    Rows rows;
    rows.data = a.data, rows.inner = left, rows.packed = packed_rows;
    rows.side_by_side = a.row.step[2] == 1 && a.column.step[2] != 1;
    for (long k = 0; k < inner; k += INNER, add = true) {
        const long depth = rows.depth = inner - k < INNER ? inner - k : INNER;
        a.column.places(k, depth, depth, left);
        b.row.places(k, depth, depth, right);
        for (long start = column; start < last_column; start += COLUMNS) {
            const long end = last_column - start < COLUMNS ? last_column : start + COLUMNS;
            for (long at = start; at < end; at += wide) {
                const long n = end - at < wide ? end - at : wide;
                const long padded = (n + LANES - 1) / LANES * LANES;
                pack(b.data + at * step, right, dense, depth, step, n, padded, packed + (at - start) * INNER);
            }
            for (long i = row; i < last_row; i += ROWS_AT_ONCE) {
                rows.take(a.row, target, i, last_row);
                for (long at = start; at < end; at += wide) {
                    const long n = end - at < wide ? end - at : wide;
                    const float* from = packed + (at - start) * INNER;
#define PANEL(vectors)                                                                             \
    case vectors: panel<vectors>(rows, from, c + at, n, end - start > MANY * wide, add); break;
                    switch ((n + LANES - 1) / LANES) {
                        PANEL(1)
                        PANEL(2)
#if LANES == 16
                        PANEL(3)
                        PANEL(4)
#endif
                    }
#undef PANEL
                }
            }
        }
    }
}

// All results, by as many threads as there are: each takes some columns, or some rows.  Where
// results are added, rows may overlap, but not those of different places on their first axis.
static OUTLINE void matmul(Team& team, float* c, Axes target, Matrix a, Matrix b, bool add) {
    const long rows = a.row.count(), inner = a.column.count(), columns = b.column.count();
    const long grain = add ? target.size[1] * target.size[2] : MOST_ROWS;
    const long wide = MOST_VECTORS * LANES;
    const bool many_rows = rows >= 4 * team.threads * ROWS_AT_ONCE;
    if (team.threads == 1 || rows * inner * columns < SHARED)
        some_results(c, target, a, b, add, 0, rows, 0, columns);
    else if (!add && !many_rows && columns >= team.threads * wide)
        team.loop(columns, columns >= team.threads * 64 ? 64 : wide, [&](long first, long last) {
            some_results(c, target, a, b, add, 0, rows, first, last);
        });
    else
        team.loop(rows, grain, [&](long first, long last) {
            some_results(c, target, a, b, add, first, last, 0, columns);
        });
}
