/* build: float double asan */
/* 3 x 3 convolutions by Winograd's method against the direct sum. */
#include "dl.h"
#include "test.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int64_t N, C, H, W, K; int padding; dl_activation activation; int dilation; } layer;

/* Sizes that are no multiple of the tile or of 16 channels, every padding; the last has fewer tiles than outputs. */
static const layer layers[] = {
    {4, 32, 9, 10, 40, 1, DL_LINEAR, 1}, {2, 40, 18, 16, 33, 0, DL_LINEAR, 1}, {1, 35, 17, 19, 64, 2, DL_RELU, 1},
    {16, 64, 4, 4, 64, 1, DL_LINEAR, 1}, {1, 32, 21, 30, 32, 1, DL_TANH, 1}, {1, 33, 19, 15, 47, 2, DL_SIGMOID, 1},
    {1, 48, 14, 13, 96, 1, DL_RELU, 1}, {2, 40, 19, 21, 40, 2, DL_RELU, 2}, {1, 40, 26, 25, 72, 3, DL_LINEAR, 3},
};

#ifdef __SANITIZE_ADDRESS__
enum { STRIDE = 3 };                                     /* slow: some of the layers */
#else
enum { STRIDE = 1 };
#endif

typedef struct { dl_ctx *c; dl_tensor *x, *w, *b, *y; dl_real *dx, *dw; } run;

/* y = conv(x), L = sum of y conv(x) with x used twice, so that gradients are added to as well as stored */
static run run_layer(const layer *l, dl_precision precision, int threads, const char *isa)
{
    run r;
    dl_shape xs = {{l->N, l->C, l->H, l->W}}, ws = {{l->K, l->C, 3, 3}}, bs = {{l->K}};
    dl_conv_opts o;
    memset(&r, 0, sizeof r);
    memset(&o, 0, sizeof o);
    r.c = dl_create(.seed = 7, .threads = threads, .precision = precision, .isa = isa);
    r.x = dl_requires_grad(r.c, dl_keep(r.c, dl_randn(r.c, xs)), 1);
    r.w = dl_requires_grad(r.c, dl_keep(r.c, dl_mul_scalar(r.c, dl_randn(r.c, ws), (dl_real)(1 / sqrt(9.0 * (double)l->C)))), 1);
    r.b = dl_requires_grad(r.c, dl_keep(r.c, dl_randn(r.c, bs)), 1);
    o.padding = l->padding ? l->padding : DL_ZERO;
    o.dilation = l->dilation;
    o.activation = l->activation;
    r.y = dl_conv2d_with(r.c, r.x, r.w, r.b, o);
    CHECK(dl_backward(r.c, dl_sum(r.c, dl_mul(r.c, r.y, dl_conv2d_with(r.c, r.x, r.w, NULL, o)))));
    CHECK_OK(r.c);
    r.dx = r.x->grad; r.dw = r.w->grad;
    return r;
}

/* Root mean square of a - b over that of b. */
static double distance(const dl_real *a, const double *b, int64_t n)
{
    double d = 0, s = 0;
    int64_t i;
    for (i = 0; i < n; i++) {
        d += ((double)a[i] - b[i]) * ((double)a[i] - b[i]);
        s += b[i] * b[i];
    }
    return sqrt(d / s);
}

/* y = conv(x, w) and, with L = sum of g y, the gradients of x and w, from the definition in double. */
static void define(const layer *l, const dl_real *x, const dl_real *w, const dl_real *g, double *y, double *dx, double *dw)
{
    const int64_t OH = l->H + 2 * (l->padding - l->dilation), OW = l->W + 2 * (l->padding - l->dilation);
    int64_t n, k, c, r, s, i, j;
    for (n = 0; n < l->N; n++) for (k = 0; k < l->K; k++) for (c = 0; c < l->C; c++) for (r = 0; r < 3; r++) for (s = 0; s < 3; s++) {
        const int64_t tap = ((k * l->C + c) * 3 + r) * 3 + s;
        for (i = 0; i < OH; i++) for (j = 0; j < OW; j++) {
            const int64_t h = i + r * l->dilation - l->padding, v = j + s * l->dilation - l->padding;
            const int64_t to = ((n * l->K + k) * OH + i) * OW + j, from = ((n * l->C + c) * l->H + h) * l->W + v;
            if (h < 0 || v < 0 || h >= l->H || v >= l->W) continue;
            y[to] += (double)w[tap] * (double)x[from];
            dx[from] += (double)w[tap] * (double)g[to];
            dw[tap] += (double)x[from] * (double)g[to];
        }
    }
}

/* How far the three passes are from the definition: by columns and a product (the direct sum in float), and by dl_conv2d */
static void errors(const layer *l, double *direct, double *highest, double *high)
{
    const dl_shape xs = {{l->N, l->C, l->H, l->W}}, ws = {{l->K, l->C, 3, 3}}, flat = {{l->K, l->C * 9}};
    const dl_shape ys = {{l->N, l->K, l->H + 2 * (l->padding - l->dilation), l->W + 2 * (l->padding - l->dilation)}};
    double *y = NULL, *dx = NULL, *dw = NULL;
    int way;
    for (way = 0; way < 3; way++) {
        double *error = way == 0 ? direct : way == 1 ? highest : high;
        dl_ctx *c = dl_create(.seed = 7, .threads = 1, .precision = way == 2 ? DL_HIGH : DL_HIGHEST);
        dl_tensor *x = dl_requires_grad(c, dl_keep(c, dl_relu(c, dl_randn(c, xs))), 1), *yt;
        dl_tensor *w = dl_requires_grad(c, dl_keep(c, dl_mul_scalar(c, dl_randn(c, ws), (dl_real)(1 / sqrt(9.0 * (double)l->C)))), 1);
        dl_tensor *g = dl_keep(c, dl_randn(c, ys));
        dl_conv_opts o;
        memset(&o, 0, sizeof o);
        o.padding = l->padding ? l->padding : DL_ZERO;
        o.dilation = l->dilation;
        if (way == 0) {
            y = (double *)calloc((size_t)g->size, sizeof *y);
            dx = (double *)calloc((size_t)x->size, sizeof *y);
            dw = (double *)calloc((size_t)w->size, sizeof *y);
            define(l, x->data, w->data, g->data, y, dx, dw);
            yt = dl_reshape(c, dl_matmul(c, dl_reshape(c, w, flat), dl_unfold_with(c, x, 3, o)), ys);
        } else yt = dl_conv2d_with(c, x, w, NULL, o);
        CHECK(dl_backward(c, dl_sum(c, dl_mul(c, yt, g))));
        CHECK_OK(c);
        error[0] = distance(yt->data, y, yt->size);
        error[1] = distance(x->grad, dx, x->size);
        error[2] = distance(w->grad, dw, w->size);
        dl_destroy(c);
    }
    free(y); free(dx); free(dw);
}

/* The default precision may not cost accuracy: errors of the order of the direct sum's.  (PyTorch 2.15, in such layers: 1.4e-7 to
   1.1e-6, the most in weight gradients.) */
static void errors_are_those_of_the_direct_sum(void)
{
    const int is_double = sizeof(dl_real) == 8;
    int another = 0, large = 0, p;
    size_t i;
    for (i = 0; i < sizeof layers / sizeof *layers; i++) {
        double direct[3], highest[3], high[3];
        errors(&layers[i], direct, highest, high);
        for (p = 0; p < 3; p++) {
            CHECK(highest[p] < (is_double ? 1e-14 : 6e-7) && (is_double || highest[p] < (p < 2 ? 2 : 3.5) * direct[p]));
            CHECK(high[p] < (is_double ? 1e-13 : 1e-5));
            another += highest[p] != direct[p];
            large += high[p] != highest[p];
        }
    }
    CHECK(another >= 16 && large >= 10);                  /* they were other methods */
}

/* Every layer, both tiles, one instruction set and one number of threads after the other */
static void same_bits_for_threads_and_instruction_sets(void)
{
    size_t l;
    int high, i;
    for (l = 0; l < sizeof layers / sizeof *layers; l += STRIDE)
        for (high = 0; high < 2; high++) {
            run a = run_layer(&layers[l], high ? DL_HIGH : DL_HIGHEST, 1, "portable");
            for (i = 0; test_isa(i); i++) {
                dl_ctx *probe = dl_create(.isa = test_isa(i));
                const int there = !dl_error(probe);
                run b;
                dl_destroy(probe);
                if (!there) continue;
                b = run_layer(&layers[l], high ? DL_HIGH : DL_HIGHEST, 3 - i % 3, test_isa(i));
                CHECK(!memcmp(a.y->data, b.y->data, (size_t)a.y->size * sizeof(dl_real)));
                CHECK(!memcmp(a.dx, b.dx, (size_t)a.x->size * sizeof(dl_real)));
                CHECK(!memcmp(a.dw, b.dw, (size_t)a.w->size * sizeof(dl_real)));
                dl_destroy(b.c);
            }
            dl_destroy(a.c);
        }
}

static void precision_is_named(void)
{
    dl_ctx *c = dl_create(.precision = DL_HIGH), *d = dl_create(.precision = (dl_precision)9);
    CHECK(!strcmp(dl_info(c).precision, sizeof(dl_real) == 8 ? "double" : "float high"));
    CHECK_ERROR(d, "precision is 9");
    dl_destroy(c);
    dl_destroy(d);
}

int main(void)
{
    RUN(errors_are_those_of_the_direct_sum);
    RUN(same_bits_for_threads_and_instruction_sets);
    RUN(precision_is_named);
    TEST_END;
}
