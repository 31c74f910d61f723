/* build: float double asan */
/* Precision high: 3 x 3 convolutions by Winograd's method against the direct sum. */
#include "dl.h"
#include "test.h"
#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct { int64_t N, C, H, W, K; int padding; dl_activation activation; } layer;

/* Values that a user of PyTorch would meet: sizes that are no multiple of the tile or of 16 channels, every padding. */
static const layer layers[] = {
    {8, 32, 9, 10, 40, 1, DL_LINEAR}, {4, 40, 18, 16, 33, 0, DL_LINEAR}, {4, 35, 17, 19, 64, 2, DL_RELU}, {64, 64, 4, 4, 64, 1, DL_LINEAR},
    {3, 32, 21, 30, 32, 1, DL_TANH},  {2, 33, 31, 23, 47, 2, DL_SIGMOID},
};

typedef struct { dl_ctx *c; dl_tensor *x, *w, *b, *y; dl_real *dx, *dw, *db; } run;

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
    o.activation = l->activation;
    r.y = dl_conv2d_with(r.c, r.x, r.w, r.b, o);
    CHECK(dl_backward(r.c, dl_sum(r.c, dl_mul(r.c, r.y, dl_conv2d_with(r.c, r.x, r.w, NULL, o)))));
    CHECK_OK(r.c);
    r.dx = r.x->grad; r.dw = r.w->grad; r.db = r.b->grad;
    return r;
}

/* Root mean square of a - b over that of a. */
static double distance(const dl_real *a, const dl_real *b, int64_t n)
{
    double d = 0, s = 0;
    int64_t i;
    for (i = 0; i < n; i++) {
        d += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        s += (double)a[i] * (double)a[i];
    }
    return sqrt(d / s);
}

static void close_to_the_direct_sum(void)
{
    const double bound = sizeof(dl_real) == 8 ? 1e-13 : 1e-5;
    size_t i;
    for (i = 0; i < sizeof layers / sizeof *layers; i++) {
        run a = run_layer(&layers[i], DL_HIGHEST, 1, NULL), b = run_layer(&layers[i], DL_HIGH, 1, NULL);
        CHECK(distance(a.y->data, b.y->data, a.y->size) < bound);
        CHECK(distance(a.dx, b.dx, a.x->size) < bound);
        CHECK(distance(a.dw, b.dw, a.w->size) < bound);
        CHECK(distance(a.db, b.db, a.b->size) < bound);
        CHECK(memcmp(a.y->data, b.y->data, (size_t)a.y->size * sizeof(dl_real)) != 0);       /* it was another method */
        dl_destroy(a.c);
        dl_destroy(b.c);
    }
}

static void same_bits_for_threads_and_instruction_sets(void)
{
    static const char *const isa[] = {"portable", "avx2", "avx512"};
    const layer *l = &layers[1];
    run a = run_layer(l, DL_HIGH, 1, "portable");
    int i;
    for (i = 0; i < 9; i++) {
        dl_ctx *probe = dl_create(.isa = isa[i % 3]);
        const int there = !dl_error(probe);
        run b;
        dl_destroy(probe);
        if (!there) continue;
        b = run_layer(l, DL_HIGH, 1 + i / 3 * 2, isa[i % 3]);
        CHECK(!memcmp(a.y->data, b.y->data, (size_t)a.y->size * sizeof(dl_real)));
        CHECK(!memcmp(a.dx, b.dx, (size_t)a.x->size * sizeof(dl_real)));
        dl_destroy(b.c);
    }
    dl_destroy(a.c);
}

static void precision_is_named(void)
{
    dl_ctx *c = dl_create(.precision = DL_HIGH), *d = dl_create(.precision = (dl_precision)9);
    CHECK(!strcmp(dl_info(c).precision, sizeof(dl_real) == 8 ? "double" : "float high"));
    CHECK_ERROR(d, "precision 9");
    dl_destroy(c);
    dl_destroy(d);
}

int main(void)
{
    RUN(close_to_the_direct_sum);
    RUN(same_bits_for_threads_and_instruction_sets);
    RUN(precision_is_named);
    TEST_END;
}
