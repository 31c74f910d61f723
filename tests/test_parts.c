/* build: float asan */
/* Precision high and medium where the processor has matrix tiles: products by bfloat16 parts.  Portable code computes the same bits, so
   that all but the tiles themselves is tested on every machine. */
#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 3 };                                     /* slow: some of the sizes */
#else
enum { STRIDE = 1 };
#endif

/* A context that multiplies by so many parts, or NULL: avx512 has no kernel of its own for them, only amx. */
static dl_ctx *by_parts(int parts, const char *isa, int threads)
{
    dl_ctx *c = dl_create(.seed = 3, .isa = isa, .threads = threads, .precision = parts == 1 ? DL_MEDIUM : DL_HIGH);
    if (dl_error(c) || !strcmp(isa, "avx512")) { dl_destroy(c); return NULL; }
    c->parts = parts;
    return c;
}
/* Portable code takes a minute for all of this, so it has a share of the cases where there is another: every `turn` modulo 8 is 0. */
static const char *const isas[] = { "avx2", "neon", "portable", "amx" };
enum { ISAS = 4, PORTABLE = 2 };
static dl_ctx *by_parts_in_turn(int parts, int k, int threads, int turn)
{
    static int others = -1;
    if (others < 0) {
        dl_ctx *a = by_parts(parts, "avx2", 1), *n = by_parts(parts, "neon", 1);
        others = a || n;
        dl_destroy(a);
        dl_destroy(n);
    }
    return k == PORTABLE && others && turn % 8 && !SLOW ? NULL : by_parts(parts, isas[k], threads);
}
static dl_ctx *any_by_parts(int parts)                   /* the fastest that every machine of its kind has */
{
    dl_ctx *c = NULL;
    int k;
    for (k = 0; !c && k < ISAS; k++) c = by_parts(parts, isas[k], 1);
    return c;
}

static uint32_t state = 1;
static float number(void)                                /* on [-1, 1) */
{
    state = state * 1664525u + 1013904223u;
    return (float)(int32_t)(state >> 8) / 8388608.0f - 1;
}

typedef struct { int64_t M, N, K; } size;
static const size sizes[] = {
    {24, 32, 400}, {33, 150, 65}, {70, 100, 257}, {128, 96, 300}, {200, 33, 513}, {600, 70, 40}, {64, 1100, 64}, {48, 50, 1100},
};

/* C = alpha op(A) op(B) + beta C with bias and ReLU or without, rows of C five numbers longer: of C (M x (N + 5)) */
static void product(dl_ctx *c, const size *s, int how, const dl_real *A, const dl_real *B, const dl_real *bias, dl_real *C)
{
    dli_gemm_args g;
    memset(&g, 0, sizeof g);
    g.trans_a = how & 1;
    g.trans_b = how >> 1 & 1;
    g.M = s->M; g.N = s->N; g.K = s->K;
    g.A = A; g.lda = g.trans_a ? s->M : s->K;
    g.B = B; g.ldb = g.trans_b ? s->K : s->N;
    g.C = C; g.ldc = s->N + 5;
    g.alpha = how & 4 ? 1.5f : 1;
    g.beta = how & 8 ? 0.5f : how & 4 ? 1 : 0;
    g.bias = how & 4 ? bias : NULL;
    g.activation = how & 8 ? DL_RELU : DL_LINEAR;
    CHECK(dli_gemm(c, &g));
    CHECK_OK(c);
}

static dl_real *numbers(int64_t n)
{
    dl_real *x = (dl_real *)malloc((size_t)n * sizeof *x);
    int64_t i;
    if (!x) exit(1);
    for (i = 0; i < n; i++) x[i] = number();
    return x;
}

static void products_have_the_bits_of_portable_code(void)
{
    size_t i;
    int parts, how, k, compared = 0;
    for (parts = 1; parts <= 2; parts++) for (i = 0; i < sizeof sizes / sizeof *sizes; i += STRIDE) for (how = 0; how < 16; how += 1 + 2 * (STRIDE > 1)) {
        const size *s = &sizes[i];
        const int64_t n = s->M * (s->N + 5);
        dl_real *A = numbers(s->M * s->K), *B = numbers(s->N * s->K), *bias = numbers(s->N), *C = numbers(n), *first = numbers(n), *y = numbers(n);
        int there = 0;
        for (k = 0; k < ISAS; k++) {
            dl_ctx *c = by_parts_in_turn(parts, k, 1 + k, how + (int)i);
            if (!c) continue;
            memcpy(y, C, (size_t)n * sizeof *y);
            product(c, s, how, A, B, bias, y);
            if (there++ == 0) memcpy(first, y, (size_t)n * sizeof *y);
            else compared++;
            CHECK(!memcmp(first, y, (size_t)n * sizeof *y));
            dl_destroy(c);
        }
        for (k = 0; k < n; k++) if (k % (s->N + 5) >= s->N && first[k] != C[k]) break;
        CHECK(k == n);                                   /* nothing but C was written */
        free(A); free(B); free(bias); free(C); free(first); free(y);
    }
    if (!compared) SKIP("nothing but portable code here");
}

/* Of the sum over k of abs (a b): at most three times 2^-16 by two parts, 2^-7 by one (rounding to 8 bits is off by 2^-8 of either
   factor at most), and what summing in float adds.  They are not what whole numbers give. */
static void products_are_as_exact_as_said(void)
{
    size_t i;
    int parts, how;
    for (parts = 1; parts <= 2; parts++) for (i = 0; i < sizeof sizes / sizeof *sizes; i += STRIDE) for (how = 0; how < 4; how++) {
        const size *s = &sizes[i];
        dl_real *A = numbers(s->M * s->K), *B = numbers(s->N * s->K), *y = numbers(s->M * (s->N + 5));
        dl_ctx *c = any_by_parts(parts);
        double error = 0, all = 0, worst = 0;
        int64_t m, n, k;
        product(c, s, how, A, B, NULL, y);
        for (m = 0; m < s->M; m++) for (n = 0; n < s->N; n++) {
            double sum = 0, size_of = 0, e;
            for (k = 0; k < s->K; k++) {
                const double ab = (double)A[how & 1 ? k * s->M + m : m * s->K + k] * (double)B[how & 2 ? n * s->K + k : k * s->N + n];
                sum += ab;
                size_of += fabs(ab);
            }
            e = (double)y[m * (s->N + 5) + n] - sum;
            error += e * e;
            all += sum * sum;
            worst = fmax(worst, fabs(e) / size_of);
        }
        CHECK(sqrt(error / all) < (parts == 2 ? 5e-6 : 2.5e-3) && sqrt(error / all) > (parts == 2 ? 2e-6 : 1e-3));
        CHECK(worst < (parts == 2 ? 3.0 / 65536 : 1.0 / 127) + 1e-6);
        dl_destroy(c);
        free(A); free(B); free(y);
    }
}

/* Whole numbers of at most 8 bits are one part, of 16 bits two: their products are exact, if one of each two has one part. */
static void products_of_small_integers_are_exact(void)
{
    const size s = {40, 70, 128};
    dl_real *A = numbers(s.M * s.K), *B = numbers(s.N * s.K), *y = numbers(s.M * (s.N + 5));
    int64_t i, j, k, wrong = 0;
    int parts;
    for (parts = 1; parts <= 2; parts++) {
        dl_ctx *c = any_by_parts(parts);
        for (i = 0; i < s.M * s.K; i++) A[i] = (dl_real)(int)(number() * (parts == 2 ? 4000 : 200));
        for (i = 0; i < s.N * s.K; i++) B[i] = (dl_real)(int)(number() * 20);
        product(c, &s, 0, A, B, NULL, y);
        for (i = 0; i < s.M; i++) for (j = 0; j < s.N; j++) {
            int64_t sum = 0;
            for (k = 0; k < s.K; k++) sum += (int64_t)A[i * s.K + k] * (int64_t)B[k * s.N + j];
            wrong += y[i * (s.N + 5) + j] != (dl_real)sum;
        }
        dl_destroy(c);
    }
    CHECK(wrong == 0);
    free(A); free(B); free(y);
}

/* NaN stays, infinity does by one part and becomes NaN by two; the other rows are what they were. */
static void numbers_that_are_not_finite(void)
{
    const size s = {32, 64, 160};
    dl_real *A = numbers(s.M * s.K), *B = numbers(s.N * s.K), *y = numbers(s.M * (s.N + 5)), *z = numbers(s.M * (s.N + 5));
    int64_t i, j, differ = 0, finite = 0;
    int parts, k;
    for (parts = 1; parts <= 2; parts++) for (k = 0; k < ISAS; k++) {
        dl_ctx *c = by_parts_in_turn(parts, k, 1, 0);
        const dl_real a5 = A[5], a7 = A[7 * s.K];
        if (!c) continue;
        product(c, &s, 0, A, B, NULL, z);
        A[5] = (dl_real)NAN;
        A[7 * s.K] = (dl_real)INFINITY;
        product(c, &s, 0, A, B, NULL, y);
        A[5] = a5;
        A[7 * s.K] = a7;
        for (i = 0; i < s.M; i++) for (j = 0; j < s.N; j++) {
            const dl_real v = y[i * (s.N + 5) + j];
            if (i == 0) finite += v == v;
            else if (i == 7) finite += parts == 2 ? v == v : !isinf(v);
            else differ += v != z[i * (s.N + 5) + j];
        }
        dl_destroy(c);
    }
    CHECK(finite == 0);
    CHECK(differ == 0);
    free(A); free(B); free(y); free(z);
}

/* --- convolution ------------------------------------------------------------------------------------------------------- */
typedef struct { int N, C, H, K, R, stride, padding, groups, dilation, residual; } layer;
static const layer layers[] = {
    {2, 32, 14, 64, 3, 1, 1, 1, 1, 0}, {1, 64, 7, 48, 3, 2, 1, 1, 1, 0}, {3, 40, 9, 33, 1, 1, 0, 1, 1, 1}, {1, 3, 30, 64, 7, 2, 3, 1, 1, 0},
    {2, 64, 12, 64, 3, 2, 1, 2, 1, 0}, {1, 64, 12, 64, 5, 1, 2, 1, 2, 0}, {1, 600, 5, 600, 1, 1, 0, 1, 1, 0}, {9, 130, 4, 256, 3, 1, 1, 1, 1, 1},
    {1, 3, 31, 40, 5, 3, 0, 1, 1, 0}, {1, 64, 40, 64, 3, 1, 1, 1, 1, 0},
};
enum { LAYERS = sizeof layers / sizeof *layers };

typedef struct { dl_ctx *c; dl_tensor *x, *w, *y; } pass;
static pass convolve(const layer *l, dl_ctx *c)
{
    pass p;
    p.c = c;
    p.x = dl_requires_grad(c, dl_keep(c, dl_randn(c, DL_SHAPE(l->N, l->C, l->H, l->H))), 1);
    p.w = dl_requires_grad(c, dl_keep(c, dl_randn(c, DL_SHAPE(l->K, l->C / l->groups, l->R, l->R))), 1);
    p.y = dl_conv2d(c, p.x, p.w, dl_randn(c, DL_SHAPE(l->K)), .stride = l->stride, .padding = l->padding ? l->padding : DL_ZERO,
                    .groups = l->groups, .dilation = l->dilation, .activation = l->residual ? DL_LINEAR : DL_RELU);
    CHECK(dl_backward(c, dl_sum(c, dl_mul(c, p.y, p.y))));
    CHECK_OK(c);
    return p;
}

static double distance(const dl_real *a, const dl_real *b, int64_t n)           /* of a from b, relative, root mean square */
{
    double d = 0, s = 0;
    int64_t i;
    for (i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)b[i] * (double)b[i];
    }
    return sqrt(d / s);
}

static int same(const dl_real *a, const dl_real *b, int64_t n) { return !memcmp(a, b, (size_t)n * sizeof *a); }

static void convolutions(void)
{
    int l, parts, k, other = 0;
    for (l = 0; l < LAYERS; l += STRIDE) {
        pass whole = convolve(&layers[l], dl_create(.seed = 3, .threads = 1));
        for (parts = 1; parts <= 2; parts++) {
            const double limit = parts == 2 ? 1e-5 : 5e-3;
            pass first = convolve(&layers[l], any_by_parts(parts));
            CHECK(distance(first.y->data, whole.y->data, whole.y->size) < limit);
            CHECK(distance(first.x->grad, whole.x->grad, whole.x->size) < limit);
            CHECK(distance(first.w->grad, whole.w->grad, whole.w->size) < limit);
            other += !same(first.y->data, whole.y->data, whole.y->size);
            other += !same(first.w->grad, whole.w->grad, whole.w->size);
            for (k = 1; k < ISAS; k++) {
                dl_ctx *c = by_parts_in_turn(parts, k, k, l);
                pass p;
                if (!c) continue;
                p = convolve(&layers[l], c);
                CHECK(same(p.y->data, first.y->data, p.y->size));
                CHECK(same(p.x->grad, first.x->grad, p.x->size));
                CHECK(same(p.w->grad, first.w->grad, p.w->size));
                dl_destroy(c);
            }
            dl_destroy(first.c);
        }
        dl_destroy(whole.c);
    }
    CHECK(other > 3 * LAYERS / STRIDE);                  /* they were another method */
}

/* The fused end of a convolution: batch norm, residual and ReLU in evaluation, of one image (whole rows) and of several */
static void fused_ends(void)
{
    int images, k, parts;
    for (images = 1; images <= 3; images += 2) for (parts = 1; parts <= 2; parts++) {
        dl_real *first = NULL;
        for (k = 0; k < ISAS; k++) {
            dl_ctx *c = by_parts_in_turn(parts, k, 1 + k, images + parts);
            dl_module *conv, *norm;
            dl_tensor *x, *r, *y, *z;
            if (!c) continue;
            conv = dl_nn_conv2d(c, 40, 72, 3, .padding = 1, .stride = 2, .no_bias = 1);
            norm = dl_nn_batchnorm2d(c, 72);
            x = dl_keep(c, dl_randn(c, DL_SHAPE(images, 40, 21, 21)));
            r = dl_keep(c, dl_randn(c, DL_SHAPE(images, 72, 11, 11)));
            dl_set_training(c, 0);
            dl_set_grad_enabled(c, 0);
            y = dl_conv_bn_forward(c, conv, norm, x, .residual = r, .activation = DL_RELU);
            z = dl_relu(c, dl_add(c, dl_forward(c, norm, dl_forward(c, conv, x)), r));
            CHECK_OK(c);
            CHECK(distance(y->data, z->data, z->size) < 1e-6);
            if (!first) {
                first = (dl_real *)malloc((size_t)y->size * sizeof *first);
                if (first) memcpy(first, y->data, (size_t)y->size * sizeof *first);
            } else CHECK(same(first, y->data, y->size));
            dl_destroy(c);
        }
        free(first);
    }
}

/* --- training: the same bits for any number of threads, and a loss like that of whole numbers --------------------------- */
static double train(dl_ctx *c, dl_real *weights, int64_t n)
{
    dl_module *net = dl_nn_sequential(c, dl_nn_conv2d(c, 3, 32, 3), dl_nn_relu(c), dl_nn_conv2d(c, 32, 40, 3, .stride = 2), dl_nn_relu(c),
                                      dl_nn_flatten(c), dl_nn_linear(c, 1440, 64), dl_nn_relu(c), dl_nn_linear(c, 64, 10));
    dl_optim *o = dl_optim_sgd(c, net, .lr = 0.05f, .momentum = 0.9f);
    dl_tensor *x = dl_keep(c, dl_randn(c, DL_SHAPE(32, 3, 16, 16))), *t = dl_keep(c, dl_to_int(c, dl_zeros(c, DL_SHAPE(32))));
    double loss = 0;
    int i;
    dl_param *p;
    for (i = 0; i < 32; i++) t->idata[i] = i * 7 % 10;
    for (i = 0; i < 12; i++) {
        dl_tensor *l;
        dl_step_begin(c);
        l = dl_cross_entropy(c, dl_forward(c, net, x), t);
        dl_backward(c, l);
        dl_optim_step(c, o);
        loss = dl_item(l);
    }
    CHECK_OK(c);
    p = dl_module_at(net, 4, NULL, 0);
    CHECK(p && p->tensor->size == n);
    if (p && p->tensor->size == n) memcpy(weights, p->tensor->data, (size_t)n * sizeof *weights);
    return loss;
}
static void training(void)
{
    enum { W = 64 * 1440 };
    dl_real *first = numbers(W), *other = numbers(W);
    dl_ctx *c = dl_create(.seed = 3, .threads = 1);
    const double whole = train(c, first, W);
    int parts, k, threads;
    dl_destroy(c);
    for (parts = 1; parts <= (STRIDE > 1 ? 0 : 2); parts++) {
        c = any_by_parts(parts);
        CHECK_NEAR(train(c, first, W), whole, parts == 2 ? 1e-3 : 0.05);
        dl_destroy(c);
        for (k = 1; k < ISAS; k++) for (threads = 1; threads < 4; threads++) {
            c = by_parts_in_turn(parts, k, threads, 1);
            if (!c) continue;
            train(c, other, W);
            CHECK(same(first, other, W));
            dl_destroy(c);
        }
    }
    free(first); free(other);
    if (STRIDE > 1) SKIP("takes minutes under the sanitizers");
}

/* Whoever asks for the tiles and has none is told so. */
static void names(void)
{
    dl_ctx *c = dl_create(.precision = DL_MEDIUM), *d = dl_create(.isa = "amx");
    const int there = !strcmp(dl_info(c).isa, "amx");
    CHECK(!strcmp(dl_info(c).precision, "float medium"));
    CHECK(c->parts == (there ? 1 : 0));
    if (there) CHECK_OK(d); else CHECK_ERROR(d, "instruction set \"amx\" is unknown or this machine lacks it");
    CHECK(d->parts == 0);                                /* precision highest */
    dl_destroy(c);
    dl_destroy(d);
    c = dl_create(.isa = "avx2", .precision = DL_HIGH);
    CHECK(c->parts == 0);
    dl_destroy(c);
    if (!there) SKIP("no matrix tiles here: compared among the other instruction sets");
}

int main(void)
{
    RUN(products_have_the_bits_of_portable_code);
    RUN(products_are_as_exact_as_said);
    RUN(products_of_small_integers_are_exact);
    RUN(numbers_that_are_not_finite);
    RUN(convolutions);
    RUN(fused_ends);
    RUN(training);
    RUN(names);
    TEST_END;
}
