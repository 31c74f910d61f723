/* build: float +asan */
/* Every kernel of the table gives the portable one's bits on AVX2 and AVX-512: all lengths, alignments, special values.
   A new row of a kernel list or op table does not compile here, or is tested.  (The gemm kernels: test_gemm.c.) */
#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"

#define MAX  10000                                       /* longest row                              */
#define OUTS 8                                           /* rows of results                          */
#define GUARD 16                                         /* must stay as it was, before and behind   */
typedef void run(const dli_isa *k, int64_t n, dl_real *out, const dl_real *const *in);

/* --- how to run a kernel: results to out (OUTS n), inputs in[0..4] --------------------------------- */
static const dl_real scalars[2] = {DLI_C(0.7), DLI_C(1.3)};
#define MAP(name)                                                                                  \
    static void run_##name(const dli_isa *k, int64_t n, dl_real *out, const dl_real *const *in)    \
    { DLI_ON(k, name)(out, in, n, scalars); }
#define ROWS(name, f, dx) MAP(f_##name) MAP(dx_##name)
DL_UNARY_OPS(ROWS) DL_UNARY_SCALAR_OPS(ROWS) DL_UNARY_RANGE_OPS(ROWS)
#undef ROWS
#define ROWS(name, f, da, db) MAP(f_##name) MAP(da_##name) MAP(db_##name)
DL_BINARY_OPS(ROWS) DL_TERNARY_OPS(ROWS) DLI_LOSS_OPS(ROWS)
#undef ROWS
#define ROWS(name, f) MAP(f_##name)
DL_COMPARE_OPS(ROWS)
#undef ROWS

#define RUNS(name) static void run_##name(const dli_isa *k, int64_t n, dl_real *out, const dl_real *const *in)
#define COPY(to, from) memcpy(to, from, (size_t)n * sizeof(dl_real))
RUNS(sum)         { out[0] = DLI_ON(k, sum)(in[0], n); }
RUNS(dot)         { out[0] = DLI_ON(k, dot)(in[0], in[1], n); }
RUNS(max)         { out[0] = DLI_ON(k, max)(in[0], n); }
RUNS(min)         { out[0] = DLI_ON(k, min)(in[0], n); }
RUNS(prod)        { out[0] = DLI_ON(k, prod)(in[0], n); }
RUNS(sum_squares) { out[0] = DLI_ON(k, sum_squares)(in[0], DLI_C(0.3), DLI_C(1.1), n); }
RUNS(log_sum_exp) { out[0] = DLI_ON(k, log_sum_exp)(in[0], DLI_C(0.3), n); }
RUNS(argmax)      { out[0] = (dl_real)DLI_ON(k, argmax)(in[0], n); }
RUNS(argmin)      { out[0] = (dl_real)DLI_ON(k, argmin)(in[0], n); }
RUNS(int_ends)                                           /* of the bits of reals */
{
    static int32_t x[MAX + 3];
    int32_t end[4], *from = x + n % 4;
    memcpy(from, in[0], (size_t)n * sizeof *x);
    DLI_ON(k, int_ends)(end, from, n, 0, 0);
    DLI_ON(k, int_ends)(end + 2, from, n, end[0], from[n - 1]);            /* without the smallest */
    memcpy(out, end, sizeof end);
}
RUNS(axpy)        { COPY(out, in[1]); DLI_ON(k, axpy)(out, DLI_C(0.3), in[0], n); }
RUNS(add)         { COPY(out, in[1]); DLI_ON(k, add)(out, in[0], n); }
RUNS(scale)       { COPY(out, in[0]); DLI_ON(k, scale)(out, DLI_C(0.3), n); }
RUNS(exp_row)
{
    COPY(out + n, in[1]);
    DLI_ON(k, exp_row)(out, 2, in[0], 1, n, 0);
    DLI_ON(k, exp_row)(out + n, 2, in[0], 1, n, 1);
}
RUNS(softmax)     { DLI_ON(k, softmax)(out, in[0], n, 1); }
RUNS(log_softmax)
{
    DLI_ON(k, log_softmax)(out, in[0], n, 1);
    DLI_ON(k, log_softmax)(out + n, in[1], n / 19 + !(n / 19), n < 19 ? n : 19);                   /* short rows */
}
RUNS(softmax_back)
{
    COPY(out + n, in[2]);
    DLI_ON(k, softmax_back)(out, in[0], in[1], n, 1, 0);
    DLI_ON(k, softmax_back)(out + n, in[0], in[1], n, 1, 1);
}
RUNS(log_softmax_back)
{
    COPY(out + n, in[2]);
    DLI_ON(k, log_softmax_back)(out, in[0], in[1], n, 0);
    DLI_ON(k, log_softmax_back)(out + n, in[0], in[1], n, 1);
}
static const dli_update step = {DLI_C(0.1), DLI_C(0.01), DLI_C(0.99), DLI_C(0.9), DLI_C(0.2), DLI_C(0.99), DLI_C(0.01), DLI_C(0.3),
                                DLI_C(0.7), DLI_C(1.1), DLI_C(1e-3), DLI_C(0.01), DLI_C(0.5), DLI_C(0.05)};
#define ROWS(name, a, v, b, ...)                                                               \
    static void run_update_##name(const dli_isa *k, int64_t n, dl_real *out, const dl_real *const *in) \
    {                                                                                              \
        dl_real *s[3];                                                                             \
        s[0] = a ? out + n : NULL; s[1] = v ? out + 2 * n : NULL; s[2] = b ? out + 3 * n : NULL;   \
        COPY(out, in[0]); COPY(out + n, in[1]); COPY(out + 2 * n, in[2]); COPY(out + 3 * n, in[3]); \
        DLI_ON(k, update)(DLI_RULE_##name, out, in[4], s, n, &step);                                       \
    }
DLI_OPTIM_RULES(ROWS, ROWS)
#undef ROWS

/* gates of recurrent layers: OUTS results of up to ten inputs */
static void gates(dli_gates *f, int64_t n, dl_real *out, const dl_real *const *in)
{
    const dl_real *from[10];
    dl_real *to[OUTS];
    int i;
    for (i = 0; i < 10; i++) from[i] = in[i % 5];
    for (i = 0; i < OUTS; i++) to[i] = out + i * n;
    f(to, from, n);
}
#define GATES(ret, name, args) RUNS(name) { gates(DLI_ON(k, name), n, out, in); }
DLI_KERNELS_RECURRENT(GATES)
#undef GATES

/* tiles of attention: n / 16 keys by 16 queries */
static int64_t tile(int64_t n, dl_real *out, const dl_real *const *in)
{
    COPY(out, in[0]);
    if (n >= 16) memcpy(out + n, in[1], 48 * sizeof *out);
    return n / 16;
}
RUNS(attention_bias)
{
    const int64_t keys = tile(n, out, in);
    dli_attention_bias b;
    b.mask = in[2]; b.slope = DLI_C(0.3); b.offset = keys / 2 - 8; b.causal = 1;
    DLI_ON(k, attention_bias)(out, keys, 16, &b);
    b.mask = NULL; b.slope = 0;
    DLI_ON(k, attention_bias)(out, keys, 16, &b);
}
RUNS(attention_softmax)
{
    const int64_t keys = tile(n, out, in);
    if (keys) DLI_ON(k, attention_softmax)(out, keys, 16, out + n, out + n + 16, out + n + 32);
}
RUNS(attention_scale)   { const int64_t rows = tile(n, out, in); DLI_ON(k, attention_scale)(out, rows, 16, in[1], 13); }
RUNS(attention_weights) { const int64_t keys = tile(n, out, in); DLI_ON(k, attention_weights)(out, keys, 16, in[1]); }
RUNS(attention_back)    { const int64_t keys = tile(n, out, in); DLI_ON(k, attention_back)(out, in[2], keys, 16, in[1]); }

RUNS(rotate)                                             /* pairs side by side, and every second one */
{
    COPY(out + 2 * n, in[1]); COPY(out + 3 * n, in[2]);
    DLI_ON(k, rotate)(out, out + n, in[0], in[1], in[2], in[3], n, 1, 1, 0);
    DLI_ON(k, rotate)(out + 2 * n, out + 3 * n, in[0], in[1], in[2], in[3], n, 1, -1, 1);
    COPY(out + 4 * n, in[4]);
    DLI_ON(k, rotate)(out + 4 * n, out + 4 * n + 1, in[0], in[0] + 1, in[2], in[3], n / 2, 2, 1, 1);
}

/* a row of pixels dealt by the stride */
RUNS(conv_deal)
{
    DLI_ON(k, conv_deal)(out, n, in[0], n, 2);
    DLI_ON(k, conv_deal)(out + 2 * n, n, in[1], n, 3);
    DLI_ON(k, conv_deal)(out + 4 * n, n, in[2], n, 4);
}
RUNS(conv_weave)                                         /* and woven from them */
{
    DLI_ON(k, conv_weave)(out, in[0], n / 2 + 1, n, 2);
    DLI_ON(k, conv_weave)(out + n, in[1], n / 3 + 1, n, 3);
    DLI_ON(k, conv_weave)(out + 2 * n, in[2], n / 4 + 1, n, 4);
}
RUNS(uniform)     { (void)in; DLI_ON(k, uniform)(out, n, 1, 2, 3); }
RUNS(normal)      { (void)in; DLI_ON(k, normal)(out, n, 1, 2, 3); }
RUNS(dropout)
{
    COPY(out + n, in[1]);
    DLI_ON(k, dropout)(out, in[0], n, 1, 2, 3, DLI_C(0.5), 0);
    DLI_ON(k, dropout)(out + n, in[0], n, 1, 2, 3, DLI_C(0.5), 1);
}

static const struct { const char *name; run *f; } kernels[] = {
#define ROWS(ret, name, args) {#name, run_##name},
    {"sum", run_sum}, {"dot", run_dot}, {"max", run_max}, {"min", run_min}, {"axpy", run_axpy}, DLI_KERNELS_ROWS(ROWS)
    DLI_KERNELS_RECURRENT(ROWS) DLI_KERNELS_ATTENTION(ROWS) DLI_KERNELS_TEXT(ROWS) {"conv_deal", run_conv_deal},
    {"conv_weave", run_conv_weave},
#undef ROWS
#define ROWS(name, a, v, b, ...) {"update " #name, run_update_##name},
    DLI_OPTIM_RULES(ROWS, ROWS)
#undef ROWS
#define ROWS(name, f, dx) {"f_" #name, run_f_##name}, {"dx_" #name, run_dx_##name},
    DL_UNARY_OPS(ROWS) DL_UNARY_SCALAR_OPS(ROWS) DL_UNARY_RANGE_OPS(ROWS)
#undef ROWS
#define ROWS(name, f, da, db) {"f_" #name, run_f_##name}, {"da_" #name, run_da_##name}, {"db_" #name, run_db_##name},
    DL_BINARY_OPS(ROWS) DL_TERNARY_OPS(ROWS) DLI_LOSS_OPS(ROWS)
#undef ROWS
#define ROWS(name, f) {"f_" #name, run_f_##name},
    DL_COMPARE_OPS(ROWS)
#undef ROWS
};
#define KERNELS (int)(sizeof kernels / sizeof *kernels)

/* --- inputs ---------------------------------------------------------------------------------------- */
static dl_real input[5][MAX + 64], want[OUTS * MAX + 2 * GUARD + 8], got[OUTS * MAX + 2 * GUARD + 8];
static uint32_t state = 1;
static uint32_t random_bits(void) { state = state * 1664525u + 1013904223u; return (state >> 16) * 40503u ^ state; }

static void make_inputs(int kind)
{
    static const dl_real special[] = {0, DLI_C(-0.0), 1, -1, DLI_C(1e-45), DLI_C(-1e-39), DLI_C(3e38), DLI_C(-3e38), DLI_C(0.5), 88, -104, 1e9, 2};
    int i, j;
    for (j = 0; j < 5; j++) for (i = 0; i < MAX + 64; i++) {
        const uint32_t u = random_bits();
        dl_real v = DLI_C((double)u / 4294967296.0 * 8 - 4);
        if (kind == 1) memcpy(&v, &u, sizeof(uint32_t));                       /* any bits: NaN, infinity, huge, tiny */
        if (kind == 1 && v - v != 0 && i % 64) v = (dl_real)i;                 /* but not in every row                */
        if (kind == 2) v = u % 97 == 0 ? (dl_real)NAN : u % 89 == 0 ? (dl_real)INFINITY : special[u % 13];
        input[j][i] = v;
    }
}

static int same(const dl_real *a, const dl_real *b, int64_t n)                /* NaN is NaN: sign and payload are free */
{
    int64_t i;
    for (i = 0; i < n; i++) if (memcmp(a + i, b + i, sizeof *a) && (a[i] == a[i] || b[i] == b[i])) return 0;
    return 1;
}

static void fill(dl_real *p, int n) { int i; for (i = 0; i < n; i++) p[i] = DLI_C(12345); }

static void compare(const char *isa)
{
    const dli_isa *p = dli_choose_isa("portable"), *k = dli_choose_isa(isa);
    static const int longer[] = {127, 128, 129, 511, 1000, 4095, 4096, 4097, 8192, MAX};
    int kind, j, l, shift;
    if (!k) { SKIP(isa); return; }
    for (kind = 0; kind < 3; kind++) {
        make_inputs(kind);
        for (j = 0; j < KERNELS; j++) for (l = 1; l < 110; l++) {
            const int64_t n = l <= 100 ? l : longer[l - 101];
            for (shift = 0; shift < (l <= 40 ? 4 : 1); shift++) {
                const int all = (l <= 100 ? OUTS * 100 : OUTS * MAX) + 2 * GUARD + 8;
                const dl_real *in[5];
                int i;
                for (i = 0; i < 5; i++) in[i] = input[i] + (shift + i * (l % 3)) % 4 + l;
                fill(want, all); fill(got, all);
                kernels[j].f(p, n, want + GUARD + shift, in);
                kernels[j].f(k, n, got + GUARD + shift, in);
                if (!CHECK(same(want, got, all)))
                    printf("  %s: n %d, shift %d, inputs %d", kernels[j].name, (int)n, shift, kind);
            }
        }
    }
}
static void avx2_is_portable(void)   { compare("avx2"); }
static void avx512_is_portable(void) { compare("avx512"); }
static void neon_is_portable(void)   { compare("neon"); }

/* --- what the bits should be ------------------------------------------------------------------------ */
static void nan_wins(void)
{
    dl_real x[70];
    int v, n, i, j;
    for (v = 0; test_isa(v); v++) {
        const dli_isa *k = dli_choose_isa(test_isa(v));
        if (!k) continue;
        for (n = 1; n < 70; n++) for (i = 0; i < n; i++) {
            for (j = 0; j < n; j++) x[j] = j % 3 ? (dl_real)-j : (dl_real)INFINITY;
            x[i] = (dl_real)NAN;
            if (n > i + 2) x[i + 2] = (dl_real)NAN;
            CHECK(DLI_ON(k, max)(x, n) != DLI_ON(k, max)(x, n) && DLI_ON(k, min)(x, n) != DLI_ON(k, min)(x, n));
            CHECK(DLI_ON(k, argmax)(x, n) == i && DLI_ON(k, argmin)(x, n) == i);
        }
    }
}

static void first_of_equals(void)
{
    dl_real x[300];
    int v, n, i;
    for (v = 0; test_isa(v); v++) {
        const dli_isa *k = dli_choose_isa(test_isa(v));
        if (!k) continue;
        for (n = 1; n < 300; n += 7) for (i = 0; i < n; i++) {
            int j;
            for (j = 0; j < n; j++) x[j] = (dl_real)(j >= i ? 2 : -j);
            CHECK(DLI_ON(k, max)(x, n) == 2 && DLI_ON(k, argmax)(x, n) == i);
            for (j = 0; j < n; j++) x[j] = -x[j];
            CHECK(DLI_ON(k, min)(x, n) == -2 && DLI_ON(k, argmin)(x, n) == i);
        }
        for (i = 0; i < 300; i++) x[i] = -(dl_real)INFINITY;
        CHECK(DLI_ON(k, max)(x, 300) == -(dl_real)INFINITY && DLI_ON(k, argmax)(x, 300) == 0);
    }
}

/* 2^25 times 0.1f: a plain loop is wrong by more than a tenth */
static void sums_are_accurate(void)
{
    const int64_t n = 1 << 25;
    dl_real *x = (dl_real *)malloc((size_t)n * sizeof *x), plain = 0;
    const dli_isa *k = dli_choose_isa(NULL);
    double s = 0;
    int64_t i;
    if (!x) { SKIP("no memory"); return; }
    for (i = 0; i < n; i++) x[i] = DLI_C(0.1);
    for (i = 0; i < n; i++) { plain += x[i]; s += (double)x[i]; }
    CHECK_NEAR(DLI_ON(k, sum)(x, n), s, s * 1e-6);       /* equal numbers: the rounding errors add up as they can */
    CHECK_NEAR(DLI_ON(k, dot)(x, x, n), s * (double)x[0], s * 1e-7);
    CHECK_NEAR(DLI_ON(k, sum_squares)(x, DLI_C(0.3), 2, n), (double)n * 4 * 0.04, (double)n * 0.16 * 1e-6);
    CHECK(fabs((double)plain - s) > s * 0.1);
    free(x);
}

static void softmax_rows(void)
{
    static dl_real x[5000], y[5000], z[5000];
    const dli_isa *k = dli_choose_isa(NULL);
    int i;
    for (i = 0; i < 5000; i++) x[i] = DLI_C(1000 + 10 * sin(i * 1.7));
    DLI_ON(k, softmax)(y, x, 5000, 1);
    DLI_ON(k, log_softmax)(z, x, 5000, 1);
    CHECK_NEAR(DLI_ON(k, sum)(y, 5000), 1, 1e-6);
    for (i = 0; i < 5000; i++) CHECK_NEAR(log((double)y[i]), z[i], 1e-5);
    CHECK_NEAR(DLI_ON(k, log_sum_exp)(x, 1000, 5000), (double)x[7] - 1000 - (double)z[7], 1e-4);
    x[0] = (dl_real)NAN;
    DLI_ON(k, softmax)(y, x, 5000, 1);
    CHECK(y[0] != y[0] && y[4999] != y[4999]);
}

static void a_difference_is_seen(void)                    /* negative control */
{
    static dl_real x[MAX];
    dl_real plain = 0, tree, a[3] = {1, (dl_real)NAN, 3}, b[3] = {1, (dl_real)NAN, 3};
    int i;
    for (i = 0; i < MAX; i++) plain += x[i] = DLI_C(1.0 / (i + 1));
    tree = DLI_ON(dli_choose_isa(NULL), sum)(x, MAX);
    CHECK(!same(&plain, &tree, 1));
    CHECK(same(a, b, 3));
    b[2] = DLI_C(3.0000002);
    CHECK(!same(a, b, 3));
    a[0] = 0; b[0] = DLI_C(-0.0);
    CHECK(!same(a, b, 1));
}

int main(void)
{
    RUN(avx2_is_portable);
    RUN(avx512_is_portable);
    RUN(neon_is_portable);
    RUN(nan_wins);
    RUN(first_of_equals);
    RUN(sums_are_accurate);
    RUN(softmax_rows);
    RUN(a_difference_is_seen);
    TEST_END;
}
