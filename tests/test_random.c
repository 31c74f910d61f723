/* build: float +double +asan */
/* Random kernels: Philox4x32-10 against known answers, any split of a row, moments, every instruction set. */
#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"

#define N 200000
static dl_real a[N], b[N], x[N];

/* Random123's known answers, as in Salmon et al. 2011 */
static void known_answers(void)
{
    static const struct { uint32_t counter[4], key[2], out[4]; } known[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u}},
        {{0xffffffffu, 0xffffffffu, 0xffffffffu, 0xffffffffu}, {0xffffffffu, 0xffffffffu},
         {0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu}},
        {{0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u},
         {0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u}}};
    uint32_t out[4];
    int i, j;
    for (i = 0; i < 3; i++) {
        dl_philox(known[i].counter, known[i].key, out);
        for (j = 0; j < 4; j++) CHECK(out[j] == known[i].out[j]);
    }
}

/* uniform is what its row in the kernel list says: 24 bits of word e % 4 of block e / 4 */
static void uniform_is_philox(void)
{
    const uint64_t seed = 0x299f31d0a4093822u, call = 0x0370734413198a2eu, first = 0x85a308d3243f6a88u * 4 + 3;
    const dli_isa *k = dli_choose_isa(NULL);
    uint32_t counter[4], key[2], out[4];
    int i;
    DLI_ON(k, uniform)(a, 1000, seed, call, first);
    for (i = 0; i < 1000; i++) {
        const uint64_t e = first + (uint64_t)i;
        counter[0] = (uint32_t)(e / 4); counter[1] = (uint32_t)(e / 4 >> 32);
        counter[2] = (uint32_t)call; counter[3] = (uint32_t)(call >> 32);
        key[0] = (uint32_t)seed; key[1] = (uint32_t)(seed >> 32);
        dl_philox(counter, key, out);
        CHECK(a[i] == (dl_real)(out[e % 4] >> 8) / 16777216);
    }
}

static void any_split_is_the_same(void)
{
    static const int cut[] = {0, 1, 2, 3, 4, 5, 255, 256, 257, 511, 512, 513, 1000, 1999, 2000};
    int v, i;
    for (i = 0; i < 2000; i++) x[i] = (dl_real)(i + 1);
    for (v = 0; test_isa(v); v++) {
        const dli_isa *k = dli_choose_isa(test_isa(v));
        if (!k) continue;
        for (i = 0; i < (int)(sizeof cut / sizeof *cut); i++) {
            const int n = cut[i], rest = 2000 - n;
            DLI_ON(k, uniform)(a, 2000, 7, 9, 40);
            if (n) DLI_ON(k, uniform)(b, n, 7, 9, 40);
            if (rest) DLI_ON(k, uniform)(b + n, rest, 7, 9, 40 + (uint64_t)n);
            CHECK(!memcmp(a, b, 2000 * sizeof *a));
            DLI_ON(k, normal)(a, 2000, 7, 9, 40);
            if (n) DLI_ON(k, normal)(b, n, 7, 9, 40);
            if (rest) DLI_ON(k, normal)(b + n, rest, 7, 9, 40 + (uint64_t)n);
            CHECK(!memcmp(a, b, 2000 * sizeof *a));
            DLI_ON(k, dropout)(a, x, 2000, 7, 9, 40, DLI_C(0.3), 0);
            if (n) DLI_ON(k, dropout)(b, x, n, 7, 9, 40, DLI_C(0.3), 0);
            if (rest) DLI_ON(k, dropout)(b + n, x + n, rest, 7, 9, 40 + (uint64_t)n, DLI_C(0.3), 0);
            CHECK(!memcmp(a, b, 2000 * sizeof *a));
        }
    }
}

static void same_on_every_isa(void)
{
    const dli_isa *p = dli_choose_isa("portable");
    int v, i;
    if (dli_choose_isa(NULL) == p) { SKIP("one instruction set"); return; }
    for (i = 0; i < 5000; i++) x[i] = (dl_real)(i + 1);
    for (v = 1; test_isa(v); v++) {
        const dli_isa *k = dli_choose_isa(test_isa(v));
        if (!k) continue;
        DLI_ON(p, uniform)(a, 5000, 1, 2, 3); DLI_ON(k, uniform)(b, 5000, 1, 2, 3);
        CHECK(!memcmp(a, b, 5000 * sizeof *a));
        DLI_ON(p, normal)(a, 5000, 1, 2, 3); DLI_ON(k, normal)(b, 5000, 1, 2, 3);
        CHECK(!memcmp(a, b, 5000 * sizeof *a));
        DLI_ON(p, dropout)(a, x, 5000, 1, 2, 3, DLI_C(0.5), 0); DLI_ON(k, dropout)(b, x, 5000, 1, 2, 3, DLI_C(0.5), 0);
        CHECK(!memcmp(a, b, 5000 * sizeof *a));
        DLI_ON(p, dropout)(a, x, 5000, 1, 2, 3, DLI_C(0.5), 1); DLI_ON(k, dropout)(b, x, 5000, 1, 2, 3, DLI_C(0.5), 1);
        CHECK(!memcmp(a, b, 5000 * sizeof *a));
        CHECK(memcmp(a, x, 5000 * sizeof *a));                        /* negative control */
    }
}

/* mean, variance, skewness, kurtosis and the correlation of neighbours, within five standard errors */
static void moments(const dl_real *y, double mean, double var, double skew, double kurtosis)
{
    double m = 0, v = 0, s = 0, q = 0, r = 0, se = 1 / sqrt((double)N);
    int i;
    for (i = 0; i < N; i++) m += (double)y[i] / N;
    for (i = 0; i < N; i++) {
        double d = (double)y[i] - m;
        v += d * d / N; s += d * d * d / N; q += d * d * d * d / N;
        if (i) r += d * ((double)y[i - 1] - m) / N;
    }
    CHECK_NEAR(m, mean, 5 * se * sqrt(var));
    CHECK_NEAR(v, var, 5 * se * var * sqrt(kurtosis - 1));
    CHECK_NEAR(s / pow(v, 1.5), skew, 5 * se * sqrt(6.0));
    CHECK_NEAR(q / (v * v), kurtosis, 5 * se * sqrt(24.0));
    CHECK_NEAR(r / v, 0, 5 * se);
}

static void uniform_moments(void)
{
    int count[64] = {0}, i;
    double chi2 = 0;
    DLI_ON(dli_choose_isa(NULL), uniform)(a, N, 42, 0, 0);
    moments(a, 0.5, 1.0 / 12, 0, 1.8);
    for (i = 0; i < N; i++) {
        CHECK(a[i] >= 0 && a[i] < 1);
        count[(int)(a[i] * 64)]++;
    }
    for (i = 0; i < 64; i++) chi2 += (count[i] - N / 64.0) * (count[i] - N / 64.0) / (N / 64.0);
    CHECK_NEAR(chi2, 63, 5 * sqrt(2 * 63.0));
}

static void normal_moments(void)
{
    double chi2 = 0, low = 0;
    int count[32] = {0}, i;
    DLI_ON(dli_choose_isa(NULL), normal)(a, N, 42, 1, 0);
    moments(a, 0, 1, 0, 3);
    for (i = 0; i < N; i++) {                                         /* equally likely bins by the distribution function */
        const int bin = (int)(0.5 * erfc(-(double)a[i] / sqrt(2.0)) * 32);
        count[bin < 0 ? 0 : bin > 31 ? 31 : bin]++;
        if ((double)a[i] < low) low = (double)a[i];
    }
    for (i = 0; i < 32; i++) chi2 += (count[i] - N / 32.0) * (count[i] - N / 32.0) / (N / 32.0);
    CHECK_NEAR(chi2, 31, 5 * sqrt(2 * 31.0));
    CHECK(low < -3.5 && low > -7);
}

static void dropout_keeps_the_mean(void)
{
    static const double p[] = {0, 0.1, 0.5, 0.9, 1};
    const dli_isa *k = dli_choose_isa(NULL);
    int v, i;
    for (i = 0; i < N; i++) x[i] = 3;
    for (v = 0; v < 5; v++) {
        const dl_real kept = p[v] < 1 ? 3 * (1 / (1 - (dl_real)p[v])) : 0;
        int n = 0;
        DLI_ON(k, dropout)(a, x, N, 5, 6, 0, (dl_real)p[v], 0);
        for (i = 0; i < N; i++) { CHECK(a[i] == 0 || a[i] == kept); n += a[i] != 0; }
        CHECK_NEAR((double)n / N, 1 - p[v], 5 * sqrt(p[v] * (1 - p[v]) / N) + 1.0 / 65536);
        for (i = 0; i < N; i++) b[i] = 1;
        DLI_ON(k, dropout)(b, x, N, 5, 6, 0, (dl_real)p[v], 1);               /* adds, with the same mask */
        for (i = 0; i < N; i++) CHECK(b[i] == 1 + a[i]);
    }
}

/* different seeds, calls and ranges give different numbers; equal ones the same */
static void streams_differ(void)
{
    const dli_isa *k = dli_choose_isa(NULL);
    int i, same = 0;
    DLI_ON(k, uniform)(a, 1000, 1, 1, 0); DLI_ON(k, uniform)(b, 1000, 2, 1, 0);
    for (i = 0; i < 1000; i++) same += a[i] == b[i];
    DLI_ON(k, uniform)(b, 1000, 1, 2, 0);
    for (i = 0; i < 1000; i++) same += a[i] == b[i];
    DLI_ON(k, uniform)(b, 1000, 1, 1, 1000);
    for (i = 0; i < 1000; i++) same += a[i] == b[i];
    CHECK(same < 4);
    DLI_ON(k, uniform)(b, 1000, 1, 1, 0);
    CHECK(!memcmp(a, b, 1000 * sizeof *a));
}

int main(void)
{
    RUN(known_answers);
    RUN(uniform_is_philox);
    RUN(any_split_is_the_same);
    RUN(same_on_every_isa);
    RUN(uniform_moments);
    RUN(normal_moments);
    RUN(dropout_keeps_the_mean);
    RUN(streams_differ);
    TEST_END;
}
