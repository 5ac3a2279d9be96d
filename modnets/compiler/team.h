// Threads that share the work within one replica, for code with one lane.
//
// The results of a loop or of a product fall into parts, each computed by one thread as it would be
// by itself, so that nothing depends on how many threads there are.  Who is free takes the next
// part: where other programs hold the cores, the caller does all of it.  The threads live as long as
// a call of a function.
struct Team {
    typedef void (*Work)(void*, long part);
    static const int MOST = 64;
    static const int LOOKS = 400; // for work, before a thread sleeps for a while
    pthread_t members[MOST];
    long threads = 1;
    Work work = 0;
    void* data = 0;
    bool over = false;
    alignas(64) long left = 0; // parts that nobody has taken yet
    alignas(64) long done = 0; // parts that are done

    explicit Team(long wanted) {
        for (; threads < wanted && threads < MOST; threads++)
            if (pthread_create(&members[threads], 0, member, this)) break;
    }
    ~Team() {
        __atomic_store_n(&over, true, __ATOMIC_RELEASE);
        for (long i = 1; i < threads; i++) pthread_join(members[i], 0);
    }
    // Ranges of a loop, at multiples of a grain.
    template <class Range> void loop(long size, long grain, Range range) {
        const long grains = (size + grain - 1) / grain;
        const long most = threads == 1 ? 1 : 4 * threads, parts = grains < most ? grains : most;
        if (parts <= 1) return range(0, size);
        auto part = [&](long i) {
            const long first = grains * i / parts * grain, end = grains * (i + 1) / parts * grain;
            range(first, end < size ? end : size);
        };
        share(parts, part);
    }
    // Pieces of work that are finished in their order, one after the other.  No more of them are
    // under way than there are threads, and each of those has a place of its own.
    template <class Start, class Finish> void in_turn(long pieces, Start start, Finish finish) {
        alignas(64) long turn = 0;
        auto part = [&](long left) { // the first piece is taken first
            const long piece = pieces - 1 - left, place = piece % threads;
            start(piece, place);
            for (long looks = 0; __atomic_load_n(&turn, __ATOMIC_ACQUIRE) != piece; looks++)
                if (looks < LOOKS) PAUSE;
                else sched_yield();
            finish(piece, place);
            __atomic_store_n(&turn, piece + 1, __ATOMIC_RELEASE);
        };
        share(pieces, part);
    }

private:
    template <class Part> void share(long parts, Part& part) {
        work = [](void* data, long i) { (*(Part*)data)(i); };
        data = &part, done = 0;
        __atomic_store_n(&left, parts, __ATOMIC_RELEASE);
        while (take()) {}
        while (__atomic_load_n(&done, __ATOMIC_ACQUIRE) != parts) sched_yield();
    }
    bool take() {
        long part = __atomic_load_n(&left, __ATOMIC_ACQUIRE);
        while (part > 0)
            if (__atomic_compare_exchange_n(
                    &left, &part, part - 1, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE)) {
                work(data, part - 1);
                __atomic_fetch_add(&done, 1, __ATOMIC_RELEASE);
                return true;
            }
        return false;
    }
    static void* member(void* given) {
        const FlushSubnormals flush;
        Team* team = (Team*)given;
        for (long looks = 0; !__atomic_load_n(&team->over, __ATOMIC_ACQUIRE); looks++)
            if (team->take()) looks = 0;
            else if (looks > LOOKS) usleep(20);
            else PAUSE;
        return 0;
    }
};
