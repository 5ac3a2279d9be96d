// A sweep of Gibbs sampling as machine code, one chain after the other: what the sweep of `gibbs.py`
// does for all chains side by side.  Both draw the same random numbers and give the same bits, so that
// sums of doubles keep their order here, without fused multiply-adds.
#include <stdlib.h>
#include <string.h>

typedef unsigned long long Word; // 64 rows, a bit of each
static_assert(sizeof(long) == 8, "arrays hold whole numbers of 64 bits");

struct Level { // indices as in `Circuits`
    long n_slots, n_sources, n_sets, first_table, knows_routing, knows_selection;
    const long* sets; // (run, set, position)
    long* sources;    // (run, chain, slot, position); n_sources stands for a node that is 0
    long* filled;     // (run, chain, slot)
};

struct Sweep {
    long n_runs, n_chains, n_levels, n_inputs, n_outputs, n_words, arity, n_tables, n_orders;
    long n_shared; // tables that slots choose from; 0 where each has one of its own
    long given_tables, knows_outputs, first_readable;
    const Level* levels;
    const Word *x, *y, *counted; // (run, input or output, word)
    const Word* input_corners;   // (run, set, corner, word)
    Word* tables;                // (run, chain, table, corner), all ones or 0
    long* outputs;               // (run, chain, output)
    const Word* states;          // (run, chain), of random numbers, of which so many are taken
    Word taken;
    const double* weights;             // of each number of errors
    const long *positions, *permuted;  // (order, position) and (order, corner)
    long* errors;                      // (run, chain), the result
};

// Sizes that are known when this is compiled are those of most searches; 0 stands for any other.
template <long ARITY, long WORDS> struct Chain {
    const Sweep& sweep;
    const long n_outputs;
    const Word *x, *y, *counted, *given_corners;
    Word *values, *wrong, *cut, *left, *tables;
    long run, chain, *outputs;
    int *zero, *one, *errors;
    double* weights;
    Word state, taken = 0;

    long arity() const { return ARITY ? ARITY : sweep.arity; }
    long corners() const { return 1L << arity(); }
    long n_words() const { return WORDS ? WORDS : sweep.n_words; }

    explicit Chain(const Sweep& sweep) : sweep(sweep), n_outputs(sweep.n_outputs) {
        const long corners = this->corners(), n_words = this->n_words();
        long nodes = sweep.n_inputs + 1, slots = 0, alternatives = 1;
        for (long i = 0; i < sweep.n_levels; i++) {
            const Level& level = sweep.levels[i];
            const long n = level.n_sets * sweep.n_orders * (sweep.n_shared ? sweep.n_shared : 1);
            nodes += level.n_slots + 1, slots += level.n_slots;
            if (n > alternatives) alternatives = n;
        }
        if (slots > alternatives) alternatives = slots;
        values = allocated<Word>(nodes * n_words), wrong = allocated<Word>(2 * n_outputs * n_words);
        cut = allocated<Word>(alternatives * corners * n_words), left = allocated<Word>(corners);
        zero = allocated<int>(alternatives * corners), one = allocated<int>(alternatives * corners);
        errors = allocated<int>(alternatives + slots * n_outputs);
        weights = allocated<double>(alternatives);
    }
    ~Chain() {
        void* all[] = {values, wrong, cut, left, zero, one, errors, weights};
        for (void* each : all) free(each);
    }
    template <class T> static T* allocated(long size) { return (T*)calloc(size, sizeof(T)); }

    long draw_all(long of_run, long of_chain) {
        run = of_run, chain = of_chain;
        const long place = run * sweep.n_chains + chain;
        y = sweep.y + run * n_outputs * n_words(), counted = sweep.counted + run * n_outputs * n_words();
        tables = sweep.tables + place * sweep.n_tables * corners();
        outputs = sweep.outputs + place * n_outputs;
        state = sweep.states[place], taken = sweep.taken;
        const long inputs = sweep.n_inputs * n_words();
        memcpy(values, sweep.x + run * inputs, inputs * sizeof(Word)); // the last node stays 0
        upward(0);
        for (long level = 0; level < sweep.n_levels; level++) draw_level(level);
        if (!sweep.knows_outputs) draw_outputs();
        if (sweep.n_shared && !sweep.given_tables) draw_pool();
        return wrong_bits();
    }

    // The nodes of a level: 0 has the inputs, level + 1 its slots; a node that is 0 comes last.
    Word* nodes(long level) const {
        long first = 0;
        for (long i = 0; i < level; i++) first += (i ? sweep.levels[i - 1].n_slots : sweep.n_inputs) + 1;
        return values + first * n_words();
    }
    long* sources_of(const Level& level, long slot) const {
        return level.sources + ((run * sweep.n_chains + chain) * level.n_slots + slot) * arity();
    }
    long& filled(const Level& level, long slot) const {
        return level.filled[(run * sweep.n_chains + chain) * level.n_slots + slot];
    }

    void upward(long first) {
        for (long i = first; i < sweep.n_levels; i++) {
            const Word* below = nodes(i);
            Word* here = nodes(i + 1);
            for (long slot = 0; slot < sweep.levels[i].n_slots; slot++) compute(i, slot, below, here);
        }
    }
    void compute(long level, long slot, const Word* below, Word* here) {
        const long* sources = sources_of(sweep.levels[level], slot);
        const Word* table = tables + filled(sweep.levels[level], slot) * corners();
        Word few[ARITY ? 1L << ARITY : 1], *left = ARITY ? few : this->left;
        for (long w = 0; w < n_words(); w++) {
            for (long i = 0; i < corners(); i++) left[i] = table[i];
            for (long i = arity() - 1; i >= 0; i--) {
                const Word source = below[sources[i] * n_words() + w];
                for (long c = 0; c < 1L << i; c++)
                    left[c] ^= (left[c] ^ left[c + (1L << i)]) & source;
            }
            here[slot * n_words() + w] = left[0];
        }
    }
    // The slots that outputs are read from, one after the other.
    const Word* readable(long index) const {
        long level = sweep.first_readable;
        while (index >= sweep.levels[level].n_slots) index -= sweep.levels[level++].n_slots;
        return nodes(level + 1) + index * n_words();
    }
    void wrong_rows(Word* to) {
        for (long i = 0; i < n_outputs; i++) {
            const Word* read = readable(outputs[i]);
            for (long w = i * n_words(), r = 0; r < n_words(); w++, r++)
                to[w] = (read[r] ^ y[w]) & counted[w];
        }
    }
    long wrong_bits() {
        wrong_rows(wrong);
        long sum = 0;
        for (long i = 0; i < n_outputs * n_words(); i++) sum += __builtin_popcountll(wrong[i]);
        return sum;
    }

    // SplitMix64, see `random_numbers.py`.
    double uniform() {
        Word z = state + ++taken * 0x9E3779B97F4A7C15ull;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ull;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBull;
        return (double)((z ^ (z >> 31)) >> 11) * 0x1p-53;
    }
    // An index drawn by weights.
    long drawn(long n) {
        for (long i = 1; i < n; i++) weights[i] += weights[i - 1];
        const double at = uniform() * weights[n - 1];
        long index = 0;
        while (index < n - 1 && weights[index] <= at) index++;
        return index;
    }
    // The weight of each number of errors, of which the least counts as 0.
    void weigh(long n) {
        int least = errors[0];
        for (long i = 1; i < n; i++)
            if (errors[i] < least) least = errors[i];
        for (long i = 0; i < n; i++) weights[i] = sweep.weights[errors[i] - least];
    }

    void draw_level(long number) {
        const Level& level = sweep.levels[number];
        const Word* below = nodes(number);
        Word* here = nodes(number + 1);
        if (number == 0)
            given_corners = sweep.input_corners + run * level.n_sets * corners() * n_words();
        else if (!level.knows_routing)
            for (long set = 0; set < level.n_sets; set++) cut_rows(level.sets + set * arity(), below, set);
        for (long slot = 0; slot < level.n_slots; slot++) {
            const Word* rows = number == 0 ? given_corners : cut;
            if (level.knows_routing) cut_rows(sources_of(level, slot), below, 0), rows = cut;
            count_errors(number, slot, rows, level.knows_routing ? 1 : level.n_sets);
            draw_slot(level, slot);
            compute(number, slot, below, here);
        }
        upward(number + 1);
    }
    // The rows in each corner of a set of sources.
    void cut_rows(const long* sources, const Word* below, long set) {
        Word* rows = cut + set * corners() * n_words();
        for (long w = 0; w < n_words(); w++) rows[w] = ~0ull;
        for (long i = 0; i < arity(); i++)
            for (long c = 0; c < 1L << i; c++)
                for (long w = 0; w < n_words(); w++) {
                    const Word source = below[sources[i] * n_words() + w], all = rows[c * n_words() + w];
                    rows[(c + (1L << i)) * n_words() + w] = all & source;
                    rows[c * n_words() + w] = all & ~source;
                }
    }
    // Errors on the rows of each corner if a slot is 0, and if it is 1.
    void count_errors(long level, long slot, const Word* rows, long n_sets) {
        Word* here = nodes(level + 1) + slot * n_words();
        const long n = n_outputs * n_words();
        for (long value = 0; value < 2; value++) {
            for (long w = 0; w < n_words(); w++) here[w] = -(Word)value;
            upward(level + 1);
            wrong_rows(wrong + value * n);
        }
        for (long i = 0; i < n_sets * corners(); i++) {
            int without = 0, with = 0;
            for (long o = 0; o < n_outputs; o++)
                for (long w = 0; w < n_words(); w++) {
                    const Word all = rows[i * n_words() + w];
                    without += __builtin_popcountll(all & wrong[o * n_words() + w]);
                    with += __builtin_popcountll(all & wrong[n + o * n_words() + w]);
                }
            zero[i] = without, one[i] = with;
        }
    }

    void draw_slot(const Level& level, long slot) {
        const long n_sets = level.knows_routing ? 1 : level.n_sets;
        long order = 0, set;
        if (!sweep.n_shared && !sweep.given_tables) set = draw_own(level, slot, n_sets);
        else set = draw_shared(level, slot, n_sets, order);
        if (level.knows_routing) return;
        const long* chosen = level.sets + (run * level.n_sets + set) * arity();
        long* sources = sources_of(level, slot);
        for (long i = 0; i < arity(); i++) sources[i] = chosen[sweep.positions[order * arity() + i]];
    }
    // A set of sources, and a table of its own.
    long draw_own(const Level& level, long slot, long n_sets) {
        for (long set = 0; set < n_sets; set++) {
            errors[set] = 0;
            for (long c = set * corners(); c < (set + 1) * corners(); c++)
                errors[set] += zero[c] < one[c] ? zero[c] : one[c];
        }
        weigh(n_sets);
        for (long set = 0; set < n_sets; set++)
            for (long c = set * corners(); c < (set + 1) * corners(); c++)
                weights[set] *= 1.0 + sweep.weights[abs(zero[c] - one[c])];
        const long set = drawn(n_sets);
        Word* table = tables + filled(level, slot) * corners();
        for (long c = 0; c < corners(); c++)
            table[c] = -(Word)is_one(zero[set * corners() + c], one[set * corners() + c]);
        return set;
    }
    // Whether a bit is 1, given the errors if it is 0 and if it is 1.
    bool is_one(long zero, long one) {
        const long least = zero < one ? zero : one;
        const double up = sweep.weights[one - least], down = sweep.weights[zero - least];
        return uniform() * (up + down) < up;
    }
    // A set of sources, their order and a table of those there are.
    long draw_shared(const Level& level, long slot, long n_sets, long& order) {
        const bool only_one = !sweep.n_shared || level.knows_selection;
        const long first = only_one ? filled(level, slot) : level.first_table;
        const long n_orders = level.knows_routing ? 1 : sweep.n_orders;
        const long n_tables = only_one ? 1 : sweep.n_shared;
        int* next = errors;
        for (long set = 0; set < n_sets; set++)
            for (long t = 0; t < n_tables; t++)
                for (long o = 0; o < n_orders; o++) {
                    const Word* table = tables + (first + t) * corners();
                    int sum = 0;
                    for (long c = 0; c < corners(); c++)
                        sum += (table[sweep.permuted[o * corners() + c]] ? one : zero)[set * corners() + c];
                    *next++ = sum;
                }
        weigh(next - errors);
        long index = drawn(next - errors);
        order = index % n_orders, index /= n_orders;
        if (!only_one) filled(level, slot) = first + index % n_tables;
        return index / n_tables;
    }
    // The slot that each output reads; one that another reads is exchanged.
    void draw_outputs() {
        long n = 0;
        for (long i = sweep.first_readable; i < sweep.n_levels; i++) n += sweep.levels[i].n_slots;
        int* of_output = errors + n; // (output, slot)
        for (long i = 0; i < n_outputs; i++)
            for (long slot = 0; slot < n; slot++) {
                const Word *read = readable(slot), *here = y + i * n_words(), *some = counted + i * n_words();
                int sum = 0;
                for (long w = 0; w < n_words(); w++)
                    sum += __builtin_popcountll((read[w] ^ here[w]) & some[w]);
                of_output[i * n + slot] = sum;
            }
        for (long i = 0; i < n_outputs; i++) {
            const long now = outputs[i];
            memcpy(errors, of_output + i * n, n * sizeof *errors);
            for (long other = 0; other < n_outputs; other++)
                if (other != i) {
                    const int *theirs = of_output + other * n, at = outputs[other];
                    errors[at] += theirs[now] - theirs[at];
                }
            weigh(n);
            const long chosen = drawn(n);
            for (long other = 0; other < n_outputs; other++)
                if (outputs[other] == chosen) outputs[other] = now;
            outputs[i] = chosen;
        }
    }
    // Each corner of each table of the pool.
    void draw_pool() {
        for (long i = 0; i < sweep.n_tables * corners(); i++) {
            long errors_of[2];
            for (long value = 0; value < 2; value++) {
                tables[i] = -(Word)value;
                upward(0);
                errors_of[value] = wrong_bits();
            }
            tables[i] = -(Word)is_one(errors_of[0], errors_of[1]);
        }
        upward(0);
    }
};

template <long ARITY, long WORDS> static Word each_chain(const Sweep& sweep) {
    Chain<ARITY, WORDS> one(sweep);
    for (long run = 0; run < sweep.n_runs; run++)
        for (long chain = 0; chain < sweep.n_chains; chain++)
            sweep.errors[run * sweep.n_chains + chain] = one.draw_all(run, chain);
    return one.taken;
}

// How many random numbers are taken afterwards.
extern "C" Word sweep(const Sweep* given) {
    if (given->arity == 2 && given->n_words == 1) return each_chain<2, 1>(*given);
    if (given->arity == 2) return each_chain<2, 0>(*given);
    return each_chain<0, 0>(*given);
}
