/* build: float +double +asan */
/* dl_gemm against a plain loop in double, and against itself: the bits depend on neither threads nor instruction set. */
#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"
#include <math.h>
#include <stdlib.h>

static uint64_t state = 1;
static double uniform(void)                              /* on [-0.5, 0.5) */
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 40) / 16777216 - 0.5;
}
static int64_t below(int64_t n) { return (int64_t)((uniform() + 0.5) * (double)n); }

static dl_real *numbers(int64_t n)
{
    dl_real *x = (dl_real *)malloc((size_t)(n + 1) * sizeof *x);
    int64_t i;
    for (i = 0; x && i < n; i++) x[i] = (dl_real)uniform();
    return x;
}

static double activated(double z, dl_activation a)
{
    return a == DL_RELU ? (z > 0 ? z : 0) : a == DL_RELU6 ? (z > 6 ? 6 : z > 0 ? z : 0) : a == DL_TANH ? tanh(z) : a == DL_SIGMOID ? 1 / (1 + exp(-z)) : z;
}

/* Elements of C that are off by more than the rounding of 2 K + 6 operations, or that lie between the rows and changed. */
static int wrong(const dli_gemm_args *g, const dl_real *before)
{
    const double unit = ldexp(1, sizeof(dl_real) == 8 ? -53 : -24);
    int64_t i, j, k;
    int bad = 0;
    for (i = 0; i < g->M; i++)
        for (j = 0; j < g->ldc; j++) {
            double s = 0, size = 0, y;
            if (j >= g->N) { bad += g->C[i * g->ldc + j] != before[i * g->ldc + j]; continue; }
            for (k = 0; k < g->K; k++) {
                double p = (double)g->A[g->trans_a ? k * g->lda + i : i * g->lda + k] * (double)g->B[g->trans_b ? j * g->ldb + k : k * g->ldb + j];
                s += p;
                size += fabs(p);
            }
            y = (double)g->alpha * s + (double)g->beta * (double)before[i * g->ldc + j] + (g->bias ? (double)g->bias[j] : 0);
            size = fabs((double)g->alpha) * size + fabs((double)g->beta * (double)before[i * g->ldc + j]) + 1;
            bad += !(fabs(activated(y, g->activation) - (double)g->C[i * g->ldc + j]) <= (double)(2 * g->K + 6) * unit * size);
        }
    return bad;
}

/* Runs g with each instruction set and several numbers of threads; the first result is checked by wrong(). */
static void try_all(dli_gemm_args g)
{
    static const int threads[] = { 1, 2, 3, 4, 7 };
    const size_t bytes = (size_t)(g.M * g.ldc) * sizeof(dl_real);
    dl_real *C = g.C, *before = numbers(g.M * g.ldc), *first = NULL;
    int i, t;
    memcpy(before, C, bytes);
    for (i = 0; test_isa(i); i++)
        for (t = 0; t < (i == 0 ? 1 : 5); t++) {
            dl_create_opts o;
            dl_ctx *c;
            memset(&o, 0, sizeof o);
            o.isa = test_isa(i);
            o.threads = threads[t];
            c = dl_create_with(o);
            if (!dl_error(c)) {                          /* else this machine lacks it */
                memcpy(C, before, bytes);
                CHECK(dli_gemm(c, &g) == 1);
                if (!first) {
                    first = numbers(g.M * g.ldc);
                    memcpy(first, C, bytes);
                    CHECK(wrong(&g, before) == 0);
                }
                CHECK(memcmp(first, C, bytes) == 0);
            }
            dl_destroy(c);
        }
    free(before);
    free(first);
}

static void one_case(int trans_a, int trans_b, int64_t M, int64_t N, int64_t K, int kind)
{
    static const double alphas[] = { 1, -0.5, 0, 1.7 }, betas[] = { 0, 1, 0.3 };
    dli_gemm_args g;
    dl_real *A, *B, *bias = numbers(N);
    memset(&g, 0, sizeof g);
    g.trans_a = trans_a; g.trans_b = trans_b;
    g.M = M; g.N = N; g.K = K;
    g.lda = (trans_a ? M : K) + kind % 5;
    g.ldb = (trans_b ? K : N) + kind % 3;
    g.ldc = N + kind % 4;
    g.alpha = (dl_real)alphas[kind % 4];
    g.beta = (dl_real)betas[kind % 3];
    if (kind % 2) { g.bias = bias; g.activation = (dl_activation)(kind % 5); }
    g.A = A = numbers(g.lda * (trans_a ? K : M));
    g.B = B = numbers(g.ldb * (trans_b ? N : K));
    g.C = numbers(g.ldc * M);
    try_all(g);
    free(A); free(B); free(g.C); free(bias);
}

static void random_shapes(void)
{
    int n, cases = SLOW ? 2000 : 240;
    for (n = 0; n < cases; n++) {
        int large = n % 12 == 0;
        int64_t M = 1 + below(large ? 150 : 40), N = 1 + below(large ? 150 : 70), K = below(large ? 700 : 60);
        if (n % 7 == 0)  M = 1 + n % 3;
        if (n % 11 == 0) N = 1 + n % 4;
        one_case(uniform() > 0, uniform() > 0, M, N, K, n);
    }
}

/* Every size around a tile, all transposes. */
static void small_sizes(void)
{
    int64_t M, N, K;
    int kind = 0;
    for (M = 1; M <= 17; M += 4)
        for (N = 1; N <= 17; N += 4)
            for (K = 0; K <= 17; K += 8, kind++) one_case(kind & 1, kind >> 1 & 1, M, N, K, kind);
}

/* Sizes at which blocks of K, of the caches and of the threads begin. */
static void block_edges(void)
{
    static const int64_t K[] = { 255, 256, 257, 511, 513 };
    int i;
    for (i = 0; i < 5; i++) {
        one_case(i & 1, i >> 1 & 1, 13, 65, K[i], i);
        one_case(i & 1, i >> 1 & 1, 1, 260, K[i], i);
        one_case(i & 1, i >> 1 & 1, 260, 1, K[i], i);
        one_case(0, i & 1, 8, 300, K[i], i);
    }
    one_case(0, 0, 250, 33, 40, 0);
    one_case(0, 1, 250, 130, 40, 1);
    one_case(1, 0, 70, 1100, 20, 0);
    for (i = 0; i < 2; i++) {                            /* B too large for a cache: for one block of A, for several; more columns than its blocks */
        one_case(i, 0, 25, 527, 257, i);
        one_case(i, 0, 280, 527, 257, i);
        one_case(i, 0, 270, 2065, 66, i);
    }
}

/* Few rows, which read a B that is in no cache from end to end: with 1, 8 and 32 rows of it at a time, over blocks of K and of N. */
static void few_rows(void)
{
    static const int64_t M[] = { 1, 2, 4, 5, 8, 9, 12 };
    int i;
    for (i = 0; i < 7; i++) one_case(0, 0, M[i], 613 + 31 * i, 513 + 3 * i, i);
    one_case(0, 0, 3, 4100, 259, 5);
    one_case(0, 0, 14, 4129, 2913, 7);
}

/* One to five columns beyond a multiple of 16: by dots up to four, if A is as it stands and small. */
static void few_columns(void)
{
    int n;
    for (n = 1; n <= 5; n++) {
        one_case(0, 0, 70, 64 + n, 129, n);
        one_case(0, 1, 101, 48 + n, 100, n + 1);
        one_case(1, n & 1, 70, 64 + n, 129, n);
        one_case(0, n & 1, 530, 16 + n, 520, n);                         /* 530 x 520 > 2^18 */
        one_case(0, n & 1, 9, 512 + n, 83, n);
    }
}

/* Few rows times a large B^T, which is (B A^T)^T, with every activation; A packed for many panels, and A^T for one. */
static void turned_and_packed(void)
{
    int kind;
    for (kind = 3; kind <= 27; kind += 6) one_case(0, 1, 13 + kind, 280, 250 + 2 * kind, kind);
    for (kind = 0; kind < 2; kind++) {
        one_case(0, 1, 140, 150, 1024, 5 * kind);
        one_case(1, kind, 530, 40, 140, kind);
        one_case(1, kind, 270, 135, 20, kind);
    }
}

/* A large C of short sums, whose rows begin with a cache line, goes past the caches; the last columns and what is between rows do not. */
static void large_results(void)
{
    static const int64_t N[] = { 1920, 1931 };
    dl_real *A = numbers(1100 * 9), *B = numbers(9 * 1931), *room = numbers(1100 * 1936 + 16);
    dli_gemm_args g;
    int i;
    memset(&g, 0, sizeof g);
    g.M = 1100; g.K = 9; g.alpha = DLI_C(-0.5);
    g.A = A; g.lda = 9; g.B = B; g.C = room;
    while ((uintptr_t)g.C % 64) g.C++;
    for (i = 0; i < 2; i++) {
        g.N = g.ldb = N[i];
        g.ldc = (N[i] + 15) / 16 * 16;
        CHECK(g.M * g.N >= DLI_STREAMED);
        try_all(g);
    }
    free(A); free(B); free(room);
}

static void batches(void)
{
    enum { M = 5, N = 7, K = 9, BATCH = 6 };
    dl_ctx *c = dl_create(.threads = 2);
    dl_real *A = numbers(BATCH * M * K), *B = numbers(K * N), *C = numbers(BATCH * M * N);
    dli_gemm_args g, one;
    int64_t b;
    memset(&g, 0, sizeof g);
    g.M = M; g.N = N; g.K = K; g.alpha = 1;
    g.A = A; g.lda = K; g.B = B; g.ldb = N; g.C = C; g.ldc = N;
    g.batch = BATCH; g.stride_a = M * K; g.stride_b = 0; g.stride_c = M * N;
    CHECK(dli_gemm(c, &g) == 1);
    for (b = 0; b < BATCH; b++) {
        one = g;
        one.batch = 0;
        one.A = A + b * M * K;
        one.C = C + b * M * N;
        CHECK(wrong(&one, one.C) == 0);                  /* beta is 0: what was there before does not count */
    }
    free(A); free(B); free(C);
    dl_destroy(c);
}

static void bad_arguments(void)
{
    dl_ctx *c = dl_create(.threads = 2);
    dl_real x[4] = { 1, 2, 3, 4 }, y[4] = { 0, 0, 0, 0 };
    CHECK(dl_gemm(c, 0, 0, -1, 2, 2, 1, x, 2, x, 2, 0, y, 2) == 0);   CHECK_ERROR(c, "negative");
    CHECK(dl_gemm(c, 0, 0, 2, 2, 2, 1, NULL, 2, x, 2, 0, y, 2) == 0); CHECK_ERROR(c, "NULL");
    CHECK(dl_gemm(c, 0, 0, 2, 2, 2, 1, x, 1, x, 2, 0, y, 2) == 0);    CHECK_ERROR(c, "lda");
    CHECK(dl_gemm(NULL, 0, 0, 2, 2, 2, 1, x, 2, x, 2, 0, y, 2) == 0);
    CHECK(y[0] == 0 && y[3] == 0);
    CHECK(dl_gemm(c, 0, 0, 0, 2, 2, 1, NULL, 2, NULL, 2, 0, NULL, 2) == 1);
    CHECK(dl_gemm(c, 0, 0, 2, 2, 0, 1, NULL, 1, NULL, 2, 0, y, 2) == 1);
    CHECK(dl_gemm(c, 0, 0, 2, 2, 2, 1, x, 2, x, 2, 0, y, 2) == 1);
    CHECK(y[0] == 7 && y[1] == 10 && y[2] == 15 && y[3] == 22);
    CHECK_OK(c);
    dl_destroy(c);
}

int main(void)
{
    RUN(small_sizes);
    RUN(random_shapes);
    RUN(block_edges);
    RUN(few_rows);
    RUN(few_columns);
    RUN(turned_and_packed);
    RUN(large_results);
    RUN(batches);
    RUN(bad_arguments);
    TEST_END;
}
