// Rows of a step in blocks; see row_blocks.py.

// One block after the other: all add to the same sums.
template <class SomeRows> static INLINE inline void in_blocks(long rows, long block, SomeRows some_rows) {
    for (long first = 0; first < rows; first += block)
        some_rows(first, rows - first < block ? rows - first : block);
}

// The same within a replica.  Each block has sums of its own, which are added up in the order of
// blocks, so that threads can take blocks; where these are too few, threads share each of them.
// The workspace has a region for the results, and one for each block that is under way.
template <class Team, class SomeRows, class Sums>
static INLINE inline void in_blocks(
    Team& team, long rows, long block, float* work, long region, SomeRows some_rows, Sums sums) {
    const long blocks = (rows + block - 1) / block;
    auto rows_of = [&](long number, float* own, Team& team) {
        const long first = number * block;
        some_rows(first, rows - first < block ? rows - first : block, own, team);
    };
    auto add_sums_of = [&](long number, const float* own) {
        sums([&](float* to, long size) {
            const float* from = own + (to - work);
            for (long i = 0; i < size; i++) to[i] = number == 0 ? from[i] : to[i] + from[i];
        });
    };
    if (blocks == 1) rows_of(0, work, team);
    else if (blocks < 2 * team.threads)
        for (long number = 0; number < blocks; number++) {
            rows_of(number, work + region, team);
            add_sums_of(number, work + region);
        }
    else
        team.in_turn(
            blocks,
            [&](long number, long place) {
                Team alone(1);
                rows_of(number, work + (1 + place) * region, alone);
            },
            [&](long number, long place) { add_sums_of(number, work + (1 + place) * region); });
}
