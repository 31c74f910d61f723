/* gemm: C = op(A) op(B) against OpenBLAS, BLIS, oneDNN and MKL, as a fraction of the FMA peak measured in the same rounds.
   cc -O2 -fopenmp -I. bench/gemm.c -o build/bench_gemm -ldl -lm
   build/bench_gemm [-t THREADS] [-s SECONDS] [-x] [CASE]      -x: also transposes and odd leading dimensions
   Where the processor has matrix tiles, precision high and medium follow, against PyTorch in the same precision. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

typedef struct {
    int64_t M, N, K;
    int     ta, tb, pad;                             /* pad: leading dimensions are that much larger than a row */
} shape;

#define NN(M, N, K) {M, N, K, 0, 0, 0}
#define NT(M, N, K) {M, N, K, 0, 1, 0}
#define TN(M, N, K) {M, N, K, 1, 0, 0}
#define TT(M, N, K) {M, N, K, 1, 1, 0}
static const shape shapes[] = {
    NN(8, 8, 8), NN(16, 16, 16), NN(32, 32, 32), NN(64, 64, 64), NN(96, 96, 96), NN(128, 128, 128),
    NN(256, 256, 256), NN(512, 512, 512), NN(1024, 1024, 1024), NN(2048, 2048, 2048),
    NN(64, 10, 784), NN(64, 512, 784), NN(256, 4096, 1024), NN(1, 4096, 4096), NN(4096, 1, 4096), NN(8, 4096, 4096),
    NN(64, 3136, 576), NN(64, 64, 65536), NN(50257, 64, 768), NN(127, 131, 257), NN(509, 521, 503),
};
/* What training runs: forward x W^T, backward g W and g^T x; large results of short sums, as low-rank layers have; and all transposes,
   and leading dimensions that are odd. */
static const shape extra_shapes[] = {
    NT(64, 512, 784), NT(64, 512, 512), NT(64, 10, 512), NN(64, 512, 10), TN(512, 784, 64), TN(512, 512, 64), TN(10, 512, 64),
    NT(1, 4096, 4096), NT(8, 4096, 4096), NN(4096, 4096, 8), NT(512, 4096, 16), NN(4096, 4096, 32),
    NT(64, 64, 64), TN(64, 64, 64), TT(64, 64, 64), NT(256, 256, 256), TN(256, 256, 256), TT(256, 256, 256),
    NT(1024, 1024, 1024), TN(1024, 1024, 1024), TT(1024, 1024, 1024),
    {127, 131, 257, 0, 0, 3}, {127, 131, 257, 0, 1, 3}, {127, 131, 257, 1, 0, 3}, {127, 131, 257, 1, 1, 3},
};

/* In precision high and medium: squares, and the three products of a linear layer. */
static const shape coarse_shapes[] = {
    NN(96, 96, 96), NN(256, 256, 256), NN(512, 512, 512), NN(1024, 1024, 1024), NN(2048, 2048, 2048),
    NT(256, 3072, 768), NN(256, 768, 3072), TN(3072, 768, 256), NN(50257, 64, 768),
};

typedef struct {
    shape   s;
    int64_t lda, ldb, ldc;
    float  *A, *B, *C;
} problem;

/* dl.h is side -1, the peers are 0, 1, ... */
typedef struct { const problem *p; int peer; dl_ctx *c; } player;

static double player_seconds(void *arg, int64_t calls)
{
    const player  *y = (const player *)arg;
    const problem *p = y->p;
    const shape   *s = &p->s;
    double t = bench_now();
    if (y->peer < 0)
        while (calls-- > 0) dl_gemm(y->c, s->ta, s->tb, s->M, s->N, s->K, 1, p->A, p->lda, p->B, p->ldb, 0, p->C, p->ldc);
    else
        while (calls-- > 0) peer_gemm(y->peer, s->ta, s->tb, s->M, s->N, s->K, p->A, p->lda, p->B, p->ldb, p->C, p->ldc);
    t = bench_now() - t;
    if (y->peer >= 0 && peer_blas[y->peer].pause > 0) bench_sleep(peer_blas[y->peer].pause);
    return t;
}

/* Every row of C, which held NaN before, against op(A) (op(B) x) in double, x random signs (Freivalds 1977): one wrong
   element spoils its row.  The rounding of a row grows like K sqrt(N). */
static int player_right(void *arg)
{
    const player  *y = (const player *)arg;
    const problem *p = y->p;
    const shape   *s = &p->s;
    double  *x = (double *)malloc((size_t)s->N * sizeof *x), *Bx = (double *)malloc((size_t)s->K * sizeof *Bx);
    double   limit = 3e-8 * (double)(s->K + 32) * sqrt((double)s->N);
    const char *precision = y->c ? dl_info(y->c).precision : "";
    int64_t  i, j, k, right = 1;
    uint32_t r = 1;
    if (!strcmp(precision, "float high"))   limit += 8e-6 * sqrt((double)(s->K * s->N));        /* of each number 4e-6 */
    if (!strcmp(precision, "float medium")) limit += 5e-3 * sqrt((double)(s->K * s->N));
    for (i = 0; i < s->M * p->ldc; i++) p->C[i] = NAN;
    player_seconds(arg, 1);
    for (j = 0; j < s->N; j++) { r = r * 1664525u + 1013904223u; x[j] = r >> 31 ? 1 : -1; }
    for (k = 0; k < s->K; k++) {
        double sum = 0;
        for (j = 0; j < s->N; j++) sum += x[j] * p->B[s->tb ? j * p->ldb + k : k * p->ldb + j];
        Bx[k] = sum;
    }
    for (i = 0; i < s->M; i++) {
        double sum = 0, got = 0;
        for (k = 0; k < s->K; k++) sum += Bx[k] * p->A[s->ta ? k * p->lda + i : i * p->lda + k];
        for (j = 0; j < s->N; j++) got += x[j] * p->C[i * p->ldc + j];
        if (!(fabs(sum - got) <= limit)) right = 0;  /* also for NaN */
    }
    free(x);
    free(Bx);
    return (int)right;
}

/* bound: how many times faster than the best peer the machine could be, by its FMA peak or by reading A and B once; and
   what that leaves where a peer is already within a tenth of it. */
static struct {
    bench_series best, bound, best_near, bound_near, high[2], avx2_high;
    int          cases, below;
} summary;

/* in_summary: one of the shapes that the targets are about. */
static void measure(const problem *p, int threads, const char *isa, dl_precision precision, int against_peers, int in_summary)
{
    static const char *const transposed[] = { "", " NT", " TN", " TT" }, *const named[] = { "", " high", " medium" };
    peer_torch_arg torch;
    const shape *s = &p->s;
    machine_peak_arg peak;
    player     players[1 + PEER_BLAS];
    bench_case k;
    bench_result r;
    char   name[64], row[80];
    double bound;
    int    i;

    snprintf(name, sizeof name, "%dx%dx%d%s%s%s", (int)s->M, (int)s->N, (int)s->K,
             transposed[2 * s->ta + s->tb], s->pad ? " ld+3" : "", named[precision]);
    if (!bench_wanted(name, threads) || (isa && !machine_has(isa))) return;
    memset(&k, 0, sizeof k);
    memset(players, 0, sizeof players);
    k.bench = "gemm"; k.name = name; k.unit = "GFLOP/s"; k.threads = threads;
    k.work = 2.0 * (double)s->M * (double)s->N * (double)s->K;

    players[0].p = p;
    players[0].peer = -1;
    players[0].c = dl_create(.threads = threads, .isa = isa, .precision = precision);
    k.isa = isa = dl_info(players[0].c).isa;
    peak.isa = isa;
    peak.threads = threads;
    k.peak = machine_peak;
    k.peak_arg = &peak;
    k.sides[0].name = "dl.h";
    k.sides[0].seconds = player_seconds;
    k.sides[0].check = player_right;
    k.sides[0].arg = &players[0];
    k.nsides = 1;
    for (i = 0; against_peers && i < PEER_BLAS; i++) {
        if (!peer_has(i)) continue;
        players[k.nsides].p = p;
        players[k.nsides].peer = i;
        k.sides[k.nsides] = k.sides[0];
        k.sides[k.nsides].name = peer_blas[i].name;
        k.sides[k.nsides].arg = &players[k.nsides];
        k.nsides++;
    }
    if (precision != DL_HIGHEST) {
        snprintf(row, sizeof row, "gemm %d %d %d %d %d%s", (int)s->M, (int)s->N, (int)s->K, s->ta, s->tb,
                 precision == DL_MEDIUM ? " precision=medium" : "");
        peer_add_torch(&k, &torch, row);
    }
    peer_set_threads(threads);
    r = bench_run(&k);
    dl_destroy(players[0].c);
    if (!r.ok) return;
    bound = r.peak;
    if (against_peers && (s->M <= 8 || s->N <= 8) && s->K * (s->M + s->N) > 4 << 20) {    /* bound by reading once */
        machine_stream_arg read = { MACHINE_READ, threads };
        double bytes = 4.0 * (double)(s->M * s->K + s->K * s->N + s->M * s->N), rate = r.value / k.work * bytes;
        double best = machine_best(machine_stream, &read, 3);
        if (bound > best / bytes * k.work) bound = best / bytes * k.work;
        printf("%43s %-8s %9.1f GB/s     %5.1f %% of the bandwidth of reading\n", "", isa, rate, 100 * rate / best);
        snprintf(row, sizeof row, "%s bandwidth", name);
        bench_csv("gemm", row, threads, isa, rate, "GB/s", rate / best, NULL, 0, 0);
    }
    if (in_summary && r.best) {
        bound /= r.peer_value[r.best];
        bench_series_add(&summary.best, r.ratio[r.best], name, threads);
        bench_series_add(&summary.bound, bound, name, threads);
        if (bound < 1.1) {
            bench_series_add(&summary.best_near, r.ratio[r.best], name, threads);
            bench_series_add(&summary.bound_near, bound, name, threads);
        }
        summary.cases++;
        summary.below += r.ratio[r.best] < 0.95;
    }
    if (in_summary && s->M >= 256 && s->M == s->N && s->N == s->K)
        bench_series_add(against_peers ? &summary.high[threads - 1] : &summary.avx2_high, r.fraction, name, threads);
}

int main(int argc, char **argv)
{
    static const int64_t elements[3] = { 40 << 20, 17 << 20, 16 << 20 };      /* enough for every A, B, C */
    int n = (int)(sizeof shapes / sizeof *shapes), all = n, i, threads;
    problem p;
    float *memory[3];
    dl_ctx *tiles;
    bench_arguments(argc, argv);
    for (i = 1; i < argc; i++) if (!strcmp(argv[i], "-x")) all = n + (int)(sizeof extra_shapes / sizeof *extra_shapes);
    peer_open_blas();
    machine_print();
    for (i = 0; i < 3; i++) {
        memory[i] = bench_floats(elements[i]);
        bench_fill(memory[i], elements[i], -1, 1, (uint32_t)i + 1);
    }
    bench_heading();
    for (i = 0; i < all; i++) {
        p.s = i < n ? shapes[i] : extra_shapes[i - n];
        p.lda = (p.s.ta ? p.s.M : p.s.K) + p.s.pad;
        p.ldb = (p.s.tb ? p.s.K : p.s.N) + p.s.pad;
        p.ldc = p.s.N + p.s.pad;
        p.A = memory[0]; p.B = memory[1]; p.C = memory[2];
        for (threads = 1; threads <= bench_max_threads(); threads++) measure(&p, threads, NULL, DL_HIGHEST, 1, i < n);
        if (i < n) measure(&p, 1, "avx2", DL_HIGHEST, 0, 1);
    }
    tiles = dl_create(.isa = "amx");
    if (!dl_error(tiles)) peer_open_torch();
    for (i = 0; !dl_error(tiles) && i < 2 * (int)(sizeof coarse_shapes / sizeof *coarse_shapes); i++) {
        p.s = coarse_shapes[i / 2];
        p.lda = p.s.ta ? p.s.M : p.s.K;
        p.ldb = p.s.tb ? p.s.K : p.s.N;
        p.ldc = p.s.N;
        for (threads = 1; threads <= bench_max_threads(); threads++) measure(&p, threads, NULL, i % 2 ? DL_MEDIUM : DL_HIGH, 0, 0);
    }
    if (!dl_error(tiles)) peer_close_torch();
    dl_destroy(tiles);
    if (summary.cases) {
        char what[80];
        printf("\nsummary of %d cases (best peer: the fastest of those found, case by case)\n", summary.cases);
        bench_series_target("ratio to the best peer, the least", &summary.best, 0.95);
        bench_target("ratio to the best peer, geometric mean", bench_series_mean(&summary.best), "", 1.10);
        printf("  %-62s %9.3f\n", "  bound: FMA peak or bandwidth over the best peer", bench_series_mean(&summary.bound));
        printf("  where the best peer is within 10 %% of the bound, %2d cases: ours %.3f, bound %.3f\n", summary.best_near.n,
               bench_series_mean(&summary.best_near), bench_series_mean(&summary.bound_near));
        snprintf(what, sizeof what, "cases with a ratio of at least 0.95, of %d", summary.cases);
        bench_target(what, summary.cases - summary.below, "", summary.cases);
    }
    bench_series_target("fraction of FMA peak, 256^3 and up, 1 thread, the least", &summary.high[0], 0.90);
    bench_series_target("fraction of FMA peak, 256^3 and up, 2 threads, the least", &summary.high[1], 0.85);
    bench_series_target("AVX2 forced: fraction of AVX2 peak, 256^3 and up, the least", &summary.avx2_high, 0.88);
    return bench_state.failures > 0;
}
