/* build: float +double +asan */
/* dl.h's own functions against libm in double: the largest error in units of the last place, over at least 2^24 floats
   each, spread evenly over all bit patterns; special values; the square root correctly rounded. */
#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"
#include <pthread.h>
#include <float.h>

static const dli_isa *k;

static double ref_sigmoid(double x) { return x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x)); }

/* max: the largest error allowed; limit: beyond it, results are only checked to be between -1 and 1; worst: the float with the
   largest error where a search of all floats found one that the sweep here misses */
static const struct { const char *name; double (*ref)(double); double max, limit; float worst; } functions[] = {
    {"sqrt",    sqrt,        0.5,  INFINITY, 1},
    {"exp",     exp,         1.04, INFINITY, 26.730072f},
    {"expm1",   expm1,       1.54, INFINITY, 0.376191616f},
    {"log",     log,         0.9,  INFINITY, 1},
    {"log1p",   log1p,       1.0,  INFINITY, 1},
    {"sin",     sin,         0.57, 16777216, 1},
    {"cos",     cos,         0.57, 16777216, 1},
    {"tanh",    tanh,        1.96, INFINITY, 0.519323409f},
    {"sigmoid", ref_sigmoid, 2.0,  INFINITY, 1},
    {"erf",     erf,         1.89, INFINITY, 0.00346125383f}};
#define FUNCTIONS (int)(sizeof functions / sizeof *functions)
static dli_map *map_of(int f)
{
    dli_map *const maps[] = {DLI_ON(k, f_sqrt), DLI_ON(k, f_exp), DLI_ON(k, f_expm1), DLI_ON(k, f_log), DLI_ON(k, f_log1p),
                             DLI_ON(k, f_sin), DLI_ON(k, f_cos), DLI_ON(k, f_tanh), DLI_ON(k, f_sigmoid), DLI_ON(k, f_erf)};
    return maps[f];
}
static dl_real value(int f, double x)
{
    const dl_real v = (dl_real)x, *in[3];
    dl_real y;
    in[0] = in[1] = in[2] = &v;
    map_of(f)(&y, in, 1, NULL);
    return y;
}
static dl_real power(double x, double y)
{
    const dl_real a = (dl_real)x, b = (dl_real)y, *in[4];
    dl_real z;
    in[0] = &a; in[1] = &b; in[2] = in[3] = &b;
    DLI_ON(k, f_pow)(&z, in, 1, NULL);
    return z;
}

#ifndef DL_DOUBLE
/* the distance of y from the true value, in units of the last place of the float nearest to it */
static double ulps(float y, double truth)
{
    const double overflow = 3.4028235677973366e38;       /* from here on the nearest float is infinite */
    int e;
    if (truth != truth || y != y) return truth != truth && y != y ? 0 : 1e9;
    if (fabs(truth) >= overflow) return fabs((double)y) > FLT_MAX && (y > 0) == (truth > 0) ? 0 : 1e9;
    if (fabs((double)y) > FLT_MAX) return fabs(truth) > FLT_MAX ? 0.5 : 1e9;
    frexp(truth, &e);
    return fabs((double)y - truth) / ldexp(1, (truth == 0 || e < -125 ? -125 : e) - 24);
}

static const uint32_t step = 251;                        /* every so many bit patterns: 2^32 / 251 = 2^24.03 */

typedef struct { int f; uint64_t begin, end; double max; float at; int sane; } sweep;
static void *run_sweep(void *arg)
{
    sweep *s = (sweep *)arg;
    float x[1024], y[1024];
    const float *in[3];
    uint64_t bits = s->begin;
    in[0] = in[1] = in[2] = x;
    while (bits < s->end) {
        int n, i;
        for (n = 0; n < 1024 && bits < s->end; n++, bits += step) { const uint32_t u = (uint32_t)bits; memcpy(x + n, &u, 4); }
        map_of(s->f)(y, in, n, NULL);
        for (i = 0; i < n; i++) {
            double e;
            if (fabs((double)x[i]) > functions[s->f].limit) {
                if (x[i] - x[i] == 0 && !(y[i] >= -1 && y[i] <= 1)) s->sane = 0;
                continue;
            }
            e = ulps(y[i], functions[s->f].ref((double)x[i]));
            if (e > s->max) { s->max = e; s->at = x[i]; }
        }
    }
    return NULL;
}

static void sweep_all(void)
{
    int f;
    printf("\n");
    for (f = 0; f < FUNCTIONS; f++) {
        const uint64_t half = ((uint64_t)1 << 31) / step * step + step;
        sweep s[2] = {{f, 0, half, 0, 0, 1}, {f, half, (uint64_t)1 << 32, 0, 0, 1}};
        pthread_t t;
        const int threaded = !pthread_create(&t, NULL, run_sweep, &s[1]);
        run_sweep(&s[0]);
        if (threaded) pthread_join(t, NULL);
        else run_sweep(&s[1]);
        if (s[1].max > s[0].max) s[0].max = s[1].max, s[0].at = s[1].at;
        printf("    %-8s max %.4f ULP at %.9g\n", functions[f].name, s[0].max, (double)s[0].at);
        CHECK(s[0].max <= functions[f].max);
        CHECK(ulps(value(f, functions[f].worst), functions[f].ref((double)functions[f].worst)) <= functions[f].max);
        CHECK(s[0].sane && s[1].sane);
    }
}

/* x^y over bases near 1 and of any size, exponents that reach all results */
static void sweep_pow(void)
{
    static float x[1024], y[1024], z[1024];
    const float *in[4];
    uint32_t u = 1;
    double max = 0;
    float ax = 0, ay = 0;
    int i, j;
    in[0] = x; in[1] = in[2] = in[3] = y;
    for (j = 0; j < 1 << 14; j++) {
        for (i = 0; i < 1024; i++) {
            uint32_t bits;
            u = u * 1664525u + 1013904223u;
            bits = i & 1 ? (u >> 9) + (((u >> 3) % 253 + 1) << 23) : 0x3F800000u + (u >> 8) - (1u << 23);
            memcpy(x + i, &bits, 4);
            u = u * 1664525u + 1013904223u;
            y[i] = (float)((u / 4294967296.0 - 0.5) * 302 / (fabs(log2((double)x[i])) + 1e-3));
        }
        DLI_ON(k, f_pow)(z, in, 1024, NULL);
        for (i = 0; i < 1024; i++) {
            const double e = ulps(z[i], pow((double)x[i], (double)y[i]));
            if (e > max) { max = e; ax = x[i]; ay = y[i]; }
        }
    }
    printf("\n    pow      max %.4f ULP at %.9g ^ %.9g ", max, (double)ax, (double)ay);
    CHECK(max <= 0.51);
}

/* all floats of two binades: the square root of every other one is their multiple by a power of two */
static void sqrt_is_correctly_rounded(void)
{
    static float x[4096], y[4096];
    const float *in[3];
    uint32_t bits;
    int i, bad = 0;
    in[0] = in[1] = in[2] = x;
    for (bits = 0x3F800000u; bits < 0x40800000u; bits += 4096) {
        for (i = 0; i < 4096; i++) { const uint32_t u = bits + (uint32_t)i; memcpy(x + i, &u, 4); }
        DLI_ON(k, f_sqrt)(y, in, 4096, NULL);
        for (i = 0; i < 4096; i++) bad += y[i] != (float)sqrt((double)x[i]);
    }
    for (bits = 0; bits < 0x02000000u; bits += 4096 * 61) {           /* subnormal and tiny */
        for (i = 0; i < 4096; i++) { const uint32_t u = bits + (uint32_t)i; memcpy(x + i, &u, 4); }
        DLI_ON(k, f_sqrt)(y, in, 4096, NULL);
        for (i = 0; i < 4096; i++) bad += y[i] != (float)sqrt((double)x[i]);
    }
    CHECK(bad == 0);
}

/* the fma without the instruction against libm's: any bits, special values, cancellation, ties */
static void portable_fma(void)
{
    static const uint32_t special[] = {0, 0x80000000u, 1, 0x80000001u, 0x7F800000u, 0xFF800000u, 0x7FC00000u, 0x7F7FFFFFu, 0xFF7FFFFFu,
                                       0x00800000u, 0x007FFFFFu, 0x3F800000u, 0xBF800000u, 0x33800000u, 0x4B800000u};
    uint32_t u = 1, bits[3];
    int i, j, bad = 0;
    for (i = 0; i < 1 << 22; i++) {
        float v[3], y, want;
        for (j = 0; j < 3; j++) { u = u * 1664525u + 1013904223u; bits[j] = (u >> 16) * 40503u ^ u; }
        if (i % 4 == 1) for (j = 0; j < 3; j++) bits[j] = special[bits[j] % 15];
        if (i % 4 == 2) { bits[0] &= 0xBFFFF000u; bits[1] &= 0xBFFFE000u; bits[0] |= 0x3C000000u; bits[1] |= 0x3C000000u; }
        memcpy(v, bits, 12);
        if (i % 4 == 2) v[2] = -v[0] * v[1] * (1 + (float)(u % 5) * 5.9604645e-8f);             /* cancels */
        if (i % 4 == 3) { v[0] = 1 + (float)(u & 0xFFF) / 4096; v[1] = 1 + (float)(u >> 20) / 4096; v[2] = (float)(u & 1 ? 1e-12 : -1e-12); }
        want = fmaf(v[0], v[1], v[2]);
        y = dli_fma_portable(v[0], v[1], v[2]);
        bad += memcmp(&y, &want, 4) && (y == y || want == want);
    }
    CHECK(bad == 0);
}
#else
static void sweep_all(void)                 { SKIP("libm's functions"); }
static void sweep_pow(void)                 { SKIP("libm's functions"); }
static void sqrt_is_correctly_rounded(void) { SKIP("libm's functions"); }
static void portable_fma(void)              { SKIP("not in double"); }
#endif

static void special_values(void)
{
    const double inf = INFINITY, nan = NAN, pi = 3.14159265358979323846;
    static const double any[] = {0, 1, -1, 0.3, 20, -20, 1e-30, 1e4};
    int f, i;
    for (f = 0; f < FUNCTIONS; f++) {
        CHECK_NEAR_NAN(value(f, nan), nan, 0);
        CHECK_NEAR_NAN(value(f, inf), functions[f].ref(inf), 0);
        CHECK_NEAR_NAN(value(f, -inf), functions[f].ref(-inf), 0);
        for (i = 0; i < 8; i++) CHECK_NEAR_NAN(value(f, any[i]), functions[f].ref((double)(dl_real)any[i]), 3e-7 * (1 + fabs(functions[f].ref(any[i]))));
        if (strcmp(functions[f].name, "exp") && strcmp(functions[f].name, "cos") && strcmp(functions[f].name, "sigmoid") &&
            strcmp(functions[f].name, "log")) CHECK(value(f, 0.0) == 0);
    }
    CHECK(value(1, 0) == 1 && value(6, 0) == 1 && value(8, 0) == DLI_C(0.5));
    CHECK(value(3, 1) == 0 && value(3, 0) == -(dl_real)inf && value(3, -0.0) == -(dl_real)inf && value(4, -1) == -(dl_real)inf);
    CHECK(value(3, -1) != value(3, -1) && value(4, -1.5) != value(4, -1.5) && value(0, -1) != value(0, -1));
    CHECK(value(7, 20) == 1 && value(7, -20) == -1 && value(9, 6) == 1 && value(9, -6) == -1);
    CHECK(value(8, 200) == 1 && value(8, -800) == 0 && value(1, -800) == 0 && value(2, -100) == -1);
    CHECK(value(1, 800) == (dl_real)inf && value(2, 800) == (dl_real)inf);
    CHECK_NEAR(value(5, pi / 6), 0.5, 1e-7);
    CHECK_NEAR(value(6, 1e4 * pi), 1, 1e-5);
}

/* pow as Annex F of C99 has it */
static void powers(void)
{
    const double v[] = {0, -0.0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, INFINITY, -INFINITY, NAN, 1e30, -1e30, 1e-40, -1e-40,
                               8388609, 16777216, -8388607, 1.5, -1.5};
    const int n = (int)(sizeof v / sizeof *v);
    int i, j;
    for (i = 0; i < n; i++) for (j = 0; j < n; j++) {
        const double want = (double)(dl_real)pow((double)(dl_real)v[i], (double)(dl_real)v[j]), z = (double)power(v[i], v[j]);
        if (!(want != want && z != z)) {
            if (!(z == want || fabs(z - want) <= 1.2e-7 * fabs(want))) printf("\n    %g ^ %g = %g, wanted %g", v[i], v[j], z, want);
            CHECK(z == want || fabs(z - want) <= 1.2e-7 * fabs(want));
            CHECK(signbit(z) == signbit(want));
        }
    }
}

static void a_wrong_result_is_seen(void)                 /* negative control */
{
    CHECK_NEAR(value(1, 1), 2.718281828, 3e-7);
    CHECK(fabs((double)value(1, 1) - 2.71829) > 3e-7);
#ifndef DL_DOUBLE
    CHECK(ulps(1.0000002f, 1) > 1.9 && ulps(1, 1) == 0 && ulps(INFINITY, 1) > 2 && ulps(1, NAN) > 2 && ulps(1e-45f, 0) > 0.9);
#endif
}

int main(void)
{
    k = dli_choose_isa(NULL);
    RUN(special_values);
    RUN(powers);
    RUN(sqrt_is_correctly_rounded);
    RUN(portable_fma);
    RUN(sweep_all);
    RUN(sweep_pow);
    RUN(a_wrong_result_is_seen);
    TEST_END;
}
