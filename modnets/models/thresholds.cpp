// The joint thresholds of networks as machine code, one network after the other: what the search of
// `thresholds.py` does with arrays.  Both try the same cuts in the same order, within the same limits,
// and find the same thresholds to the last bit.
#include <math.h>
#include <stdint.h>

#include <algorithm>
#include <vector>

using std::vector;
typedef vector<std::pair<double, int>> Ranking; // what is sorted by, and which one
typedef uint64_t Word; // 64 rows, or pairs of rows, a bit of each

struct Level { // of all networks
    long n_slots, arity;
    const double* values;   // (run, slot, row)
    const long* sources;    // (run, slot, position): a slot of the level below; negative for none
    const char *used, *is_output; // (run, slot)
    double* thresholds;     // (run, slot, threshold), the result; NaN where there is none
};

struct Limits { // as in `thresholds.py` and `cuts.py`
    long cuts, few, many, steps, elements, comparison, pairs, thresholds;
    double same;
};

struct Networks {
    long n_runs, n_rows, n_levels;
    Limits limits;
    const Level* levels;
    const char* searched; // (run,)
    char* found;          // (run,), the result
};

static long words(long bits) { return (bits + 63) / 64; }
static bool bit(const Word* bits, long at) { return bits[at / 64] >> at % 64 & 1; }

struct Slot {
    bool used = false;
    vector<long> reads;          // slots of the level below
    vector<int> index;           // of each row's value among the distinct ones
    vector<int> rows;            // that differ in the values that are read and given
    vector<double> middle;       // of each gap between values, the widest first
    vector<int> gaps;            // (cut, threshold), the narrowest last; negative for none
    vector<double> score;        // (cut,), best first
    vector<Word> bits;           // (cut, word of rows)
    vector<int> possible;        // cuts that the slots below can give, best first
};

// Groups of rows that agree in all that they were told apart by.
struct Groups {
    const vector<int>& rows;
    vector<int> group, fresh;
    long count = 1;

    explicit Groups(const vector<int>& rows) : rows(rows), group(rows.size(), 0) {}
    bool all_differ() const { return count == (long)rows.size(); }
    template <class Value> void tell_apart(long n_values, Value value) {
        fresh.assign(count * n_values, -1);
        count = 0;
        for (size_t i = 0; i < rows.size(); i++) {
            int& one = fresh[group[i] * n_values + value(rows[i])];
            if (one < 0) one = count++;
            group[i] = one;
        }
    }
    vector<int> first_of_each() const {
        vector<int> first;
        for (size_t i = 0; i < rows.size(); i++)
            if (group[i] == (long)first.size()) first.push_back(rows[i]);
        return first;
    }
};

struct Search {
    const Networks& all;
    const Limits& limits;
    const long run, n_words;
    vector<vector<Slot>> levels;
    vector<vector<int>> chosen; // the cut of each slot
    long kept = 0, left = 0, top = 0;

    Search(const Networks& all, long run)
        : all(all), limits(all.limits), run(run), n_words(words(all.n_rows)), levels(all.n_levels) {}

    bool found() {
        long most = 0;
        for (long i = 0; i < all.n_levels; i++) {
            const Level& level = all.levels[i];
            levels[i].resize(level.n_slots);
            for (long s = 0; s < level.n_slots; s++) {
                if (!level.used[run * level.n_slots + s]) continue;
                Slot& slot = levels[i][s];
                slot.used = true, top = i;
                make_cuts(level, s, slot, i ? limits.cuts : limits.many);
                if (i) find_rows(level, s, slot, levels[i - 1]);
                find_possible(slot, i ? &levels[i - 1] : nullptr);
                if (slot.possible.empty()) return false;
                if ((long)slot.possible.size() > limits.many) slot.possible.resize(limits.many);
                most = std::max(most, (long)slot.possible.size());
            }
        }
        for (long some : {limits.few, limits.many}) {
            kept = some, left = limits.steps;
            chosen.assign(all.n_levels, {});
            chosen[top].assign(levels[top].size(), -1);
            for (size_t s = 0; s < levels[top].size(); s++)
                if (levels[top][s].used) chosen[top][s] = levels[top][s].possible[0];
            if (descend(top)) return true;
            if (most <= some) return false; // more would be the same again
        }
        return false;
    }

    void write() const {
        const long n = limits.thresholds;
        for (long i = 0; i <= top; i++)
            for (size_t s = 0; s < levels[i].size(); s++) {
                const Slot& slot = levels[i][s];
                double* to = all.levels[i].thresholds + (run * levels[i].size() + s) * n;
                for (long k = 0, placed = 0; slot.used && k < n; k++) { // in ascending order
                    const int gap = slot.gaps[chosen[i][s] * n + k];
                    if (gap < 0) continue;
                    long place = placed++;
                    for (; place > 0 && to[place - 1] > slot.middle[gap]; place--) to[place] = to[place - 1];
                    to[place] = slot.middle[gap];
                }
            }
    }

    // `cuts_of` and `_cuts_at`: all sets of gaps between values, the widest first.
    void make_cuts(const Level& level, long s, Slot& slot, long most) {
        const long n_rows = all.n_rows, n = limits.thresholds, place = run * level.n_slots + s;
        const double* values = level.values + place * n_rows;
        slot.index.assign(n_rows, 0);
        Ranking order(n_rows);
        for (long r = 0; r < n_rows; r++) order[r] = {values[r], r};
        std::sort(order.begin(), order.end());
        const double low = order[0].first, high = order[n_rows - 1].first, spread = high - low;
        const bool varies = spread > limits.same * std::max(fabs(low), fabs(high));
        if (level.is_output[place] || !varies) {
            slot.gaps.assign(n, -1), slot.score.assign(1, 0.0), slot.bits.assign(n_words, 0);
            slot.gaps[0] = 0, slot.middle.assign(1, level.is_output[place] ? 0.0 : high);
            for (long r = 0; level.is_output[place] && r < n_rows; r++)
                if (values[r] > 0) slot.index[r] = 1, slot.bits[r / 64] |= Word(1) << r % 64;
            return;
        }
        vector<double> width, middle;
        for (long r = 1; r < n_rows; r++) {
            const double below = order[r - 1].first, here = order[r].first;
            if ((here - below) / spread > limits.same) {
                width.push_back((here - below) / spread), middle.push_back((below + here) / 2);
            }
            slot.index[order[r].second] = width.size();
        }
        Ranking widest(width.size());
        for (size_t g = 0; g < width.size(); g++) widest[g] = {-width[g], g};
        std::sort(widest.begin(), widest.end());
        const long n_gaps = std::min(most, (long)width.size()); // each is a cut, of those that come first
        vector<Word> over(n_gaps * n_words, 0); // rows above each gap, widest first
        for (long g = 0; g < n_gaps; g++)
            for (long r = 0; r < n_rows; r++)
                if (slot.index[r] > widest[g].second) over[g * n_words + r / 64] |= Word(1) << r % 64;
        for (long g = 0; g < n_gaps; g++) slot.middle.push_back(middle[widest[g].second]);
        slot.gaps.reserve(most * n), slot.score.reserve(most), slot.bits.reserve(most * n_words);
        vector<int> gaps(n);
        for (int size = 1; size <= n; size++)
            for (int last = size - 1; last < n_gaps; last++) { // the narrowest; wider ones in lexical order
                const double score = -widest[last].first - ((double)size - 1);
                std::fill(gaps.begin(), gaps.end(), -1);
                for (int i = 0; i < size - 1; i++) gaps[i] = i;
                gaps[size - 1] = last;
                for (int i = 0; i >= 0;) {
                    if ((long)slot.score.size() == most) return;
                    slot.score.push_back(score);
                    slot.gaps.insert(slot.gaps.end(), gaps.begin(), gaps.end());
                    for (long w = 0; w < n_words; w++) {
                        Word bits = 0;
                        for (int k = 0; k < size; k++) bits ^= over[gaps[k] * n_words + w];
                        slot.bits.push_back(bits);
                    }
                    for (i = size - 2; i >= 0 && gaps[i] == last - (size - 1 - i);) i--;
                    if (i >= 0) gaps[i]++;
                    for (int k = i + 1; i >= 0 && k < size - 1; k++) gaps[k] = gaps[k - 1] + 1;
                }
            }
    }

    // `rows_of`
    void find_rows(const Level& level, long s, Slot& slot, const vector<Slot>& below) {
        const long* sources = level.sources + (run * level.n_slots + s) * level.arity;
        vector<int> rows(all.n_rows);
        for (long r = 0; r < all.n_rows; r++) rows[r] = r;
        Groups groups(rows);
        auto by = [&](const vector<int>& index) {
            const long n_values = 1 + *std::max_element(index.begin(), index.end());
            groups.tell_apart(n_values, [&](int row) { return index[row]; });
        };
        by(slot.index);
        for (long position = 0; position < level.arity; position++)
            if (sources[position] >= 0) {
                slot.reads.push_back(sources[position]);
                by(below[sources[position]].index);
            }
        slot.rows = groups.first_of_each();
    }

    const Word* bits_of(const Slot& slot, long cut) const { return slot.bits.data() + cut * n_words; }

    // `possible`: cuts whose bits are a function of the bits that some cuts below give.
    void find_possible(Slot& slot, const vector<Slot>* below) {
        const long n_cuts = slot.score.size();
        slot.possible.resize(n_cuts);
        for (long cut = 0; cut < n_cuts; cut++) slot.possible[cut] = cut;
        if (!below || n_cuts == 1) return;
        double n_below = 1, n_codes = ldexp(1.0, slot.reads.size());
        for (long read : slot.reads) n_below *= (*below)[read].possible.size();
        const double size = n_below * n_codes * n_cuts;
        if (size > limits.elements) return;
        vector<int> rows = slot.rows;
        if (size * rows.size() > 16.0 * limits.elements) {
            rows = distinct(slot, *below, slot.possible, false);
            if (size * rows.size() > 16.0 * limits.elements) return;
        }
        if (words(rows.size()) == n_words) { // all rows tell no more, and need no packing
            rows.resize(all.n_rows);
            for (long r = 0; r < all.n_rows; r++) rows[r] = r;
        }
        const long n_kept = words(rows.size()), codes = (long)n_codes, n_reads = slot.reads.size();
        const vector<Word> own = of_rows(slot, rows);
        vector<vector<Word>> read;
        for (long one : slot.reads) read.push_back(of_rows((*below)[one], rows));
        vector<Word> every(n_kept, ~Word(0)), met(codes * n_kept), value(n_kept);
        if (rows.size() % 64) every[n_kept - 1] = (Word(1) << rows.size() % 64) - 1;
        vector<char> is_possible(n_cuts, 0);
        // Where there are fewer functions of the bits read than cuts, each function is looked up.
        const bool by_function = codes <= 8 && 1L << codes < codes * n_cuts;
        const Table table(own, by_function ? n_cuts : 0, n_kept);
        vector<long> at(n_reads, 0); // one combination of cuts below after the other
        for (bool more = true; more;) {
            for (long code = 0; code < codes; code++) // rows of each code
                for (long w = 0; w < n_kept; w++) {
                    Word these = every[w];
                    for (long k = 0; k < n_reads; k++) {
                        const Word ones = read[k][at[k] * n_kept + w];
                        these &= code >> k & 1 ? ones : ~ones;
                    }
                    met[code * n_kept + w] = these;
                }
            for (long cut = 0; cut < n_cuts && !by_function; cut++)
                if (!is_possible[cut]) is_possible[cut] = follows(&own[cut * n_kept], met, n_kept);
            std::fill(value.begin(), value.end(), 0);
            for (long f = 1; f <= 1L << codes && by_function; f++) { // functions in the order of Gray's code
                table.each_equal(value.data(), [&](int cut) { is_possible[cut] = 1; });
                const Word* flipped = &met[__builtin_ctzl(f) % codes * n_kept];
                for (long w = 0; w < n_kept; w++) value[w] ^= flipped[w];
            }
            more = false;
            for (long k = n_reads - 1; k >= 0 && !more; k--) {
                more = ++at[k] < (long)(*below)[slot.reads[k]].possible.size();
                if (!more) at[k] = 0;
            }
        }
        slot.possible.clear();
        for (long cut = 0; cut < n_cuts; cut++)
            if (is_possible[cut]) slot.possible.push_back(cut);
    }

    // Which cuts have some bits.
    struct Table {
        const vector<Word>& bits; // (cut, word)
        const long n_words;
        size_t mask = 1;
        vector<int> heads, next;

        Table(const vector<Word>& bits, long n_cuts, long n_words)
            : bits(bits), n_words(n_words), next(n_cuts) {
            while ((long)mask < 2 * n_cuts) mask *= 2;
            heads.assign(mask--, -1);
            for (long cut = 0; cut < n_cuts; cut++) {
                int& head = heads[place(&bits[cut * n_words])];
                next[cut] = head, head = cut;
            }
        }
        size_t place(const Word* value) const {
            Word hash = 0;
            for (long w = 0; w < n_words; w++) hash = (hash ^ value[w]) * 0x9E3779B97F4A7C15ull;
            return (hash >> 32) & mask;
        }
        template <class Do> void each_equal(const Word* value, Do with) const {
            for (int cut = heads[place(value)]; cut >= 0; cut = next[cut])
                if (std::equal(value, value + n_words, &bits[cut * n_words])) with(cut);
        }
    };

    // The bits of the possible cuts of a slot on some rows, (cut, word).
    vector<Word> of_rows(const Slot& slot, const vector<int>& rows) const {
        const long n = words(rows.size());
        vector<Word> packed(slot.possible.size() * n, 0);
        for (size_t c = 0; c < slot.possible.size(); c++) {
            const Word* bits = bits_of(slot, slot.possible[c]);
            if ((long)rows.size() == all.n_rows) std::copy(bits, bits + n, &packed[c * n]);
            else pack(bits, rows, &packed[c * n]);
        }
        return packed;
    }
    static void pack(const Word* bits, const vector<int>& rows, Word* to) {
        for (size_t i = 0; i < rows.size(); i++) to[i / 64] |= Word(bit(bits, rows[i])) << i % 64;
    }

    // Whether bits are the same on all rows of each code.
    static bool follows(const Word* own, const vector<Word>& met, long n_words) {
        for (size_t code = 0; code < met.size(); code += n_words) {
            bool is_zero = true, is_one = true;
            for (long w = 0; w < n_words; w++) {
                const Word ones = own[w] & met[code + w];
                is_zero &= ones == 0, is_one &= ones == met[code + w];
            }
            if (!is_zero && !is_one) return false;
        }
        return true;
    }

    // Rows that differ in the bits that are read, by any of the cuts below, and in own ones.
    vector<int> distinct(const Slot& slot, const vector<Slot>& below, const vector<int>& own, bool few) {
        Groups groups(slot.rows);
        auto by = [&](const Word* bits) {
            if (!groups.all_differ()) groups.tell_apart(2, [&](int row) { return bit(bits, row); });
        };
        for (int cut : own) by(bits_of(slot, cut));
        for (long read : slot.reads)
            for (long c = 0; c < (few ? n_tried(below[read]) : (long)below[read].possible.size()); c++)
                by(bits_of(below[read], below[read].possible[c]));
        return groups.first_of_each();
    }

    // Of the possible cuts of a slot those that are tried.
    long n_tried(const Slot& slot) const { return std::min(kept, (long)slot.possible.size()); }

    // `_descend`: depth first, a cut for each slot of the levels below.
    bool descend(long level) {
        if (level == 0) return true;
        return fitting(level, [&] { return descend(level - 1); });
    }

    // `_separated_pairs`: the pairs of rows that each cut separates; false if they are too many.
    bool separated(long level, vector<vector<Word>>& masks, long& n_pairs) {
        const vector<Slot>&above = levels[level], &below = levels[level - 1];
        struct Pairs {
            size_t slot;
            vector<int> ones, zeros;
        };
        vector<Pairs> parts;
        n_pairs = 0;
        for (size_t s = 0; s < above.size(); s++) {
            if (!above[s].used) continue;
            parts.push_back({s, {}, {}});
            long n_bits = 0;
            for (long read : above[s].reads) n_bits += n_tried(below[read]);
            const int cut = chosen[level][s];
            for (int row : distinct(above[s], below, {cut}, true))
                (bit(bits_of(above[s], cut), row) ? parts.back().ones : parts.back().zeros).push_back(row);
            const long pairs = parts.back().ones.size() * parts.back().zeros.size();
            if (pairs * n_bits > limits.elements) return false;
            n_pairs += pairs;
        }
        const long n = words(n_pairs);
        vector<Word> zeros;
        for (size_t s = 0; s < below.size(); s++)
            masks[s].assign(below[s].used ? n * n_tried(below[s]) : 0, 0);
        long first = 0;
        for (const Pairs& part : parts) {
            for (long read : above[part.slot].reads)
                for (long c = 0; c < n_tried(below[read]); c++) {
                    const Word* bits = bits_of(below[read], below[read].possible[c]);
                    Word* mask = masks[read].data() + c * n;
                    zeros.assign(words(part.zeros.size()), 0);
                    pack(bits, part.zeros, zeros.data());
                    long at = first;
                    for (int one : part.ones) {
                        const Word other = bit(bits, one) ? ~Word(0) : 0;
                        for (long done = 0, n_zeros = part.zeros.size(); done < n_zeros; done += 64) {
                            const long some = std::min(64L, n_zeros - done);
                            const Word apart = (zeros[done / 64] ^ other) & ~Word(0) >> (64 - some);
                            mask[at / 64] |= apart << at % 64;
                            if (at % 64 + some > 64) mask[at / 64 + 1] |= apart >> (64 - at % 64);
                            at += some;
                        }
                    }
                }
            first += part.ones.size() * part.zeros.size();
        }
        return true;
    }

    struct Node {
        double bound;
        long order, n_picked; // of nodes with one bound the last comes first
        double score;
        size_t place; // of its pairs and cuts
        bool operator<(const Node& other) const {
            return bound != other.bound ? bound > other.bound : order < other.order;
        }
    };

    // `_fitting`: a cut for each slot below, such that the cuts fit; best first.
    template <class Then> bool fitting(long level, Then then) {
        left -= limits.comparison;
        vector<Slot>& below = levels[level - 1];
        vector<vector<Word>> masks(below.size());
        long n_pairs = 0;
        if (left <= 0 || !separated(level, masks, n_pairs)) return false;
        Ranking by_cuts;
        long n_cuts = 0;
        for (size_t s = 0; s < below.size(); s++)
            if (below[s].used) by_cuts.push_back({n_tried(below[s]), s}), n_cuts += n_tried(below[s]);
        left -= n_pairs * n_cuts / limits.pairs;
        std::sort(by_cuts.begin(), by_cuts.end());
        vector<int> slots;
        for (const auto& one : by_cuts) slots.push_back(one.second);
        const long n = words(n_pairs), n_slots = slots.size();
        auto score = [&](int s, long c) { return below[s].score[below[s].possible[c]]; };
        // Of the slots from one on: pairs that some cuts separate, and upper bound of the score.
        vector<Word> reachable((n_slots + 1) * n, 0), wanted(n, ~Word(0));
        if (n_pairs % 64) wanted[n - 1] = (Word(1) << n_pairs % 64) - 1;
        vector<double> bounds(n_slots + 1, 0.0);
        for (long i = n_slots - 1; i >= 0; i--) {
            double best = -INFINITY;
            for (long w = 0; w < n; w++) reachable[i * n + w] = reachable[(i + 1) * n + w];
            for (long c = 0; c < n_tried(below[slots[i]]); c++) {
                best = std::max(best, score(slots[i], c));
                for (long w = 0; w < n; w++) reachable[i * n + w] |= masks[slots[i]][c * n + w];
            }
            bounds[i] = bounds[i + 1] + best;
        }
        vector<Word> pairs(n, 0);
        vector<int> picked(n_slots, 0);
        vector<Node> queue = {{-bounds[0], 0, 0, 0.0, 0}}; // a heap
        long order = 0, n_nodes = 1;
        while (!queue.empty() && left > 0) {
            std::pop_heap(queue.begin(), queue.end());
            const Node node = queue.back();
            queue.pop_back();
            if (node.n_picked == n_slots) {
                if (!std::equal(wanted.begin(), wanted.end(), pairs.begin() + node.place * n)) continue;
                chosen[level - 1].assign(below.size(), -1);
                for (long i = 0; i < n_slots; i++)
                    chosen[level - 1][slots[i]] =
                        below[slots[i]].possible[picked[node.place * n_slots + i]];
                if (then()) return true;
                continue;
            }
            const int s = slots[node.n_picked];
            const Word* others = reachable.data() + (node.n_picked + 1) * n;
            left -= n_tried(below[s]) * (1 + n_pairs / limits.pairs);
            for (long c = 0; c < n_tried(below[s]); c++) {
                bool fits = true;
                for (long w = 0; w < n && fits; w++)
                    fits = (pairs[node.place * n + w] | masks[s][c * n + w] | others[w]) == wanted[w];
                if (!fits) continue;
                for (long w = 0; w < n; w++)
                    pairs.push_back(pairs[node.place * n + w] | masks[s][c * n + w]);
                for (long i = 0; i < n_slots; i++) picked.push_back(picked[node.place * n_slots + i]);
                picked[n_nodes * n_slots + node.n_picked] = c;
                const double own = node.score + score(s, c);
                queue.push_back({-(own + bounds[node.n_picked + 1]), order++, node.n_picked + 1, own,
                                 (size_t)n_nodes++});
                std::push_heap(queue.begin(), queue.end());
            }
        }
        return false;
    }
};

extern "C" void joint_thresholds(const Networks* all) {
    for (long run = 0; run < all->n_runs; run++) {
        if (!all->searched[run]) continue;
        Search search(*all, run);
        all->found[run] = search.found();
        if (all->found[run]) search.write();
    }
}
