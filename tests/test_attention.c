/* build: float double */
/* Attention: values and gradients against PyTorch (gen_attention.py) and against differences in double, the same bits everywhere,
   rows that see nothing, dropout, memory, the cache, modules, bad input, and rows TFM-02 to TFM-04 and SEQ-11 of the curriculum. */
#include "dl.h"
#include "test.h"

static dl_ctx *c;
static dl_tensor *W34(dl_ctx *ctx);
static dl_tensor *U35(dl_ctx *ctx);

#include "golden_attention.h"
#ifdef DL_DOUBLE
#define TOL 1e-9
#else
#define TOL 1e-5
#endif
#define NO_DIFFERENCES(text) 0
#define UNUSED(text, i)      0
/* options; k and v where heads stand side by side.  What is wrong with a mask's shape, bad_input() shows. */
#define MAY_BE_NULL(text, i) (strstr(text, (i) == 1 ? "= x[1]" : (i) == 2 ? "= x[2]" : "= x[3]") != NULL || \
                              ((i) > 0 && !strncmp(text, "attention(", 10)))
#define IS_MASK(text, i)     (strstr(text, (i) == 1 ? ".mask = x[1]" : (i) == 2 ? ".mask = x[2]" : ".mask = x[3]") != NULL && (i) > 0)
#define MAY_BE_INT(text, i)  IS_MASK(text, i)
#define ANY_SHAPE(text, i)   (IS_MASK(text, i) || ((i) == 0 && strstr(text, "x[0], NULL, NULL") != NULL))
#include "cases.h"

#define FROM(shape, ...) dl_tensor_from(c, (const dl_real[]){__VA_ARGS__}, shape)
#define INTS(shape, ...) dl_tensor_from_int(c, (const int32_t[]){__VA_ARGS__}, shape)

/* Number k of the inputs of golden cases, of a fixed shape. */
static dl_tensor *constant(dl_ctx *ctx, const char *word, int k)
{
    dl_tensor *t;
    make_input(ctx, word, k, &t);
    t->requires_grad = 0;
    return t;
}
static dl_tensor *W34(dl_ctx *ctx) { return constant(ctx, "r3x4", 3); }
static dl_tensor *U35(dl_ctx *ctx) { return constant(ctx, "r3x5", 4); }


/* --- the curriculum's numbers ------------------------------------------------------------------------------------------ */
static void scaled_dot_product(void)
{
    dl_tensor *q = dl_reshape(c, dl_eye(c, 2), DL_SHAPE(1, 1, 2, 2)), *v = FROM(DL_SHAPE(1, 1, 2, 2), 1, 2, 3, 4), *w, *y;
    static const double weights[] = {0.669762, 0.330238, 0.330238, 0.669762}, output[] = {1.660477, 2.660477, 2.339523, 3.339523};
    int i;
    ROW("TFM-02");
    y = dl_attention(c, q, q, v, .weights = &w);
    for (i = 0; i < 4; i++) { CHECK_NEAR(w->data[i], weights[i], 1e-6); CHECK_NEAR(y->data[i], output[i], 1e-6); }
}

static void masks(void)
{
    dl_tensor *q = dl_reshape(c, dl_eye(c, 2), DL_SHAPE(1, 1, 2, 2)), *v = FROM(DL_SHAPE(1, 1, 2, 2), 1, 2, 3, 4), *y[4], *m, *x;
    static const double output[] = {1, 2, 2.339523, 3.339523};
    int i, k, n = 5;
    ROW("TFM-04");
    m = dl_causal_mask(c, 2);
    CHECK(m->data[0] == 0 && m->data[1] == (dl_real)-INFINITY && m->data[2] == 0 && m->data[3] == 0);
    y[0] = dl_attention(c, q, q, v, .causal = 1);
    y[1] = dl_attention(c, q, q, v, .mask = m);
    y[2] = dl_attention(c, q, q, v, .mask = INTS(DL_SHAPE(2, 2), 1, 0, 7, 1));
    for (k = 0; k < 3; k++) for (i = 0; i < 4; i++) CHECK_NEAR(y[k]->data[i], output[i], 1e-6);
    x = dl_randn(c, DL_SHAPE(2, 9, 12));                                         /* padding: as if the keys were not there */
    y[0] = dl_attention(c, x, x, x, .heads = 3, .lengths = INTS(DL_SHAPE(2), n, n));
    y[1] = dl_attention(c, x, dl_slice(c, x, 1, 0, n), dl_slice(c, x, 1, 0, n), .heads = 3);
    for (i = 0; i < x->size; i++) CHECK_NEAR(y[0]->data[i], y[1]->data[i], 1e-6);
}

static void decoder(void)
{
    dl_tensor *I = dl_reshape(c, dl_eye(c, 2), DL_SHAPE(1, 2, 2)), *v = FROM(DL_SHAPE(1, 2, 2), 1, 2, 3, 4), *w, *y;
    const double a = tanh(1.0) * 2;
    int i;
    ROW("SEQ-11");
    y = dl_attention_multiplicative(c, I, I, .W = dl_mul_scalar(c, dl_eye(c, 2), (dl_real)0.70710678), .values = v, .weights = &w);
    CHECK_NEAR(w->data[0], 0.669762, 1e-6);                                      /* V39: 0.70710678 for 1 / sqrt(2) */
    CHECK_NEAR(y->data[0], 1.660477, 1e-6);
    CHECK_NEAR(y->data[3], 3.339523, 1e-6);
    y = dl_attention_additive(c, I, I, dl_eye(c, 2), dl_eye(c, 2), dl_ones(c, DL_SHAPE(2)), .values = v, .weights = &w);
    /* scores: tanh(2) + tanh(0) at the key that equals the query, else 2 tanh(1) */
    for (i = 0; i < 2; i++) {
        const double same = exp(tanh(2.0)), other = exp(a);
        CHECK_NEAR(w->data[3 * i], same / (same + other), 1e-6);
        CHECK_NEAR(y->data[3 * i], ((i ? 4 : 1) * same + (i ? 2 : 3) * other) / (same + other), 1e-5);
    }
}

/* --- blocks against whole matrices ------------------------------------------------------------------------------------- */
typedef struct { int N, H, G, T, S, D, E, causal, mask, alibi, lengths; } layout;
static const layout layouts[] = {
    {1, 1, 1, 70, 260, 20, 33, 0, 0, 0, 0}, {1, 2, 1, 200, 200, 4, 5, 1, 0, 0, 0},  {2, 2, 2, 130, 140, 3, 3, 1, 1, 0, 0},
    {1, 1, 1, 129, 257, 5, 4, 0, 2, 1, 0},  {2, 4, 2, 64, 128, 4, 4, 1, 0, 1, 1},   {3, 2, 1, 1, 270, 12, 9, 1, 1, 1, 1},
    {2, 3, 1, 70, 65, 4, 4, 1, 2, 0, 1},
};
static dl_tensor *leaf(dl_ctx *ctx, dl_shape shape) { return dl_requires_grad(ctx, dl_randn(ctx, shape), 1); }

static dl_tensor *lengths_of(dl_ctx *ctx, const layout *l)
{
    int32_t n[4] = {0, 0, 0, 0};
    int i;
    for (i = 0; i < l->N; i++) n[i] = (int32_t)(i ? l->S - i * 3 : l->S / 2);
    return dl_tensor_from_int(ctx, n, DL_SHAPE(l->N));
}

static dl_tensor *by_blocks(dl_ctx *ctx, const layout *l, dl_tensor **x)
{
    return dl_attention(ctx, x[0], x[1], x[2], .causal = l->causal, .mask = l->mask ? x[3] : NULL,
                        .alibi = l->alibi ? dl_alibi_slopes(ctx, l->H) : NULL, .lengths = l->lengths ? lengths_of(ctx, l) : NULL);
}

/* softmax(q k^T / sqrt(D) + bias) v, with the keys of a group copied for each of its heads */
static dl_tensor *by_matrices(dl_ctx *ctx, const layout *l, dl_tensor **x)
{
    const int group = l->H / l->G;
    dl_tensor *k = x[1], *v = x[2], *z, *bias = dl_zeros(ctx, DL_SHAPE(l->N, l->H, l->T, l->S)), *lengths = lengths_of(ctx, l);
    dl_tensor *slopes = dl_alibi_slopes(ctx, l->H);
    int64_t i;
    k = dl_reshape(ctx, dl_repeat(ctx, dl_unsqueeze(ctx, k, 2), DL_SHAPE(1, 1, group, 1, 1)), DL_SHAPE(l->N, l->H, l->S, l->D));
    v = dl_reshape(ctx, dl_repeat(ctx, dl_unsqueeze(ctx, v, 2), DL_SHAPE(1, 1, group, 1, 1)), DL_SHAPE(l->N, l->H, l->S, l->E));
    for (i = 0; i < bias->size; i++) {
        const int64_t s = i % l->S, t = i / l->S % l->T + l->S - l->T, h = i / l->S / l->T % l->H, n = i / l->S / l->T / l->H;
        if (l->alibi) bias->data[i] -= slopes->data[h] * (dl_real)(s < t ? t - s : s - t);
        if ((l->causal && s > t) || (l->lengths && s >= lengths->idata[n])) bias->data[i] = -1000;
    }
    z = dl_mul_scalar(ctx, dl_matmul(ctx, x[0], k, .transpose_b = 1), (dl_real)(1 / sqrt(l->D)));
    z = dl_add(ctx, z, bias);
    if (l->mask) z = dl_add(ctx, z, x[3]);
    return dl_matmul(ctx, dl_softmax(ctx, z, 3), v);
}

static void blocks_and_matrices(void)
{
    size_t i;
    for (i = 0; i < sizeof layouts / sizeof *layouts; i++) {
        const layout *l = &layouts[i];
        dl_tensor *x[4], *y, *g, *grad[4];
        int64_t e;
        int k;
        dl_step_begin(c);
        x[0] = leaf(c, DL_SHAPE(l->N, l->H, l->T, l->D));
        x[1] = leaf(c, DL_SHAPE(l->N, l->G, l->S, l->D));
        x[2] = leaf(c, DL_SHAPE(l->N, l->G, l->S, l->E));
        x[3] = l->mask == 1 ? leaf(c, DL_SHAPE(l->T, l->S)) : leaf(c, DL_SHAPE(l->H, 1, l->S));
        y = by_matrices(c, l, x);
        g = dl_randn(c, DL_SHAPE(l->N, l->H, l->T, l->E));
        if (l->T > l->S) memset(g->data, 0, (size_t)(l->E * (l->T - l->S)) * sizeof *g->data);     /* rows that see nothing */
        dl_backward(c, y, .grad = g);
        for (k = 0; k < 4; k++) {
            grad[k] = dl_zeros(c, DL_SHAPE(x[k]->size));
            if (x[k]->grad) memcpy(grad[k]->data, x[k]->grad, (size_t)x[k]->size * sizeof *x[k]->grad);
            dl_zero_grad(x[k]);
        }
        if (l->T > l->S) continue;
        g = dl_detach(c, g);
        {
            dl_tensor *z = by_blocks(c, l, x);
            double worst = 0;
            dl_backward(c, z, .grad = g);
            if (!CHECK_OK(c)) return;
            for (e = 0; e < y->size; e++) worst = fmax(worst, fabs((double)(y->data[e] - z->data[e])));
            for (k = 0; k < 3 + (l->mask != 0); k++)
                for (e = 0; e < x[k]->size; e++) worst = fmax(worst, fabs((double)(x[k]->grad[e] - grad[k]->data[e])) / 10);
            if (!CHECK(worst < TOL)) printf("\n    layout %d: %g", (int)i, worst);
        }
    }
}

/* --- the same bits for any number of threads and any instruction set ----------------------------------------------------- */
static uint64_t hash_of(uint64_t hash, const dl_real *x, int64_t n)
{
    const unsigned char *b = (const unsigned char *)x;
    int64_t i;
    for (i = 0; x && i < n * (int64_t)sizeof *x; i++) hash = (hash ^ b[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_all(const char *isa, int threads)
{
    dl_ctx *ctx = dl_create(.isa = isa, .threads = threads, .seed = 7);
    uint64_t hash = 0xcbf29ce484222325u;
    size_t i;
    int k, drop;
    if (dl_error(ctx)) { dl_destroy(ctx); return 0; }
    for (i = 0; i < sizeof layouts / sizeof *layouts; i++)
        for (drop = 0; drop < 2; drop++) {
            const layout *l = &layouts[i];
            dl_tensor *x[4], *y;
            dl_step_begin(ctx);
            x[0] = leaf(ctx, DL_SHAPE(l->N, l->H, l->T, l->D));
            x[1] = leaf(ctx, DL_SHAPE(l->N, l->G, l->S, l->D));
            x[2] = leaf(ctx, DL_SHAPE(l->N, l->G, l->S, l->E));
            x[3] = l->mask == 1 ? leaf(ctx, DL_SHAPE(l->T, l->S)) : leaf(ctx, DL_SHAPE(l->H, 1, l->S));
            y = drop ? dl_attention(ctx, x[0], x[1], x[2], .causal = l->causal, .dropout = (dl_real)0.3) : by_blocks(ctx, l, x);
            dl_backward(ctx, y, .grad = dl_randn(ctx, DL_SHAPE(l->N, l->H, l->T, l->E)));
            hash = hash_of(hash, y->data, y->size);
            for (k = 0; k < 4; k++) hash = hash_of(hash, x[k]->grad, x[k]->size);
        }
    {
        dl_tensor *q = leaf(ctx, DL_SHAPE(3, 8, 50)), *r = leaf(ctx, DL_SHAPE(3, 40, 50)), *v = leaf(ctx, DL_SHAPE(50));
        dl_tensor *y = dl_attention_additive(ctx, q, r, dl_eye(ctx, 50), NULL, v);
        dl_backward(ctx, dl_sum(ctx, dl_square(ctx, y)));
        hash = hash_of(hash, v->grad, v->size);
        hash = hash_of(hash, r->grad, r->size);
    }
    CHECK_OK(ctx);
    dl_destroy(ctx);
    return hash;
}

static void same_bits(void)
{
    const uint64_t want = hash_all("portable", 1);
    int i, threads;
    for (i = 0; test_isa(i); i++)
        for (threads = i ? 1 : 2; threads < (i == 2 ? 6 : 3); threads++) {
            const uint64_t got = hash_all(test_isa(i), threads);
            if (got && !CHECK(got == want)) printf(" with %s, %d threads", test_isa(i), threads);
        }
}

/* --- queries that see nothing, dropout, weights, memory --------------------------------------------------------------------- */
static void nothing_to_see(void)
{
    dl_tensor *x = leaf(c, DL_SHAPE(2, 70, 24)), *one = leaf(c, DL_SHAPE(2, 1, 24)), *y, *w;
    int64_t i;
    int k;
    for (k = 0; k < 4; k++) {
        dl_tensor *mask = k == 0 ? INTS(DL_SHAPE(1), 0) : k == 1 ? FROM(DL_SHAPE(1), (dl_real)-INFINITY) : NULL;
        dl_tensor *none = k > 1 ? INTS(DL_SHAPE(2), 0, 0) : NULL;
        x->grad = one->grad = NULL;
        if (k == 3) y = dl_attention(c, one, x, x, .heads = 3, .lengths = none, .weights = &w);
        else        y = dl_attention(c, x, x, x, .heads = 3, .mask = mask, .lengths = none, .weights = &w);
        dl_backward(c, y, .grad = dl_ones(c, DL_SHAPE(2, k == 3 ? 1 : 70, 24)));
        if (!CHECK_OK(c)) return;
        for (i = 0; i < y->size; i++) CHECK(y->data[i] == 0);
        for (i = 0; i < x->size; i++) CHECK(x->grad[i] == 0);
        for (i = 0; i < w->size; i++) CHECK(w->data[i] == 0);
    }
    y = dl_attention(c, x, dl_slice(c, x, 1, 0, 3), dl_slice(c, x, 1, 0, 3), .heads = 3, .causal = 1);    /* 67 queries before all keys */
    for (i = 0; i < 67 * 24; i++) CHECK(y->data[i] == 0);
    CHECK(y->data[67 * 24] != 0);
    y = dl_attention_additive(c, x, x, dl_eye(c, 24), NULL, dl_ones(c, DL_SHAPE(24)), .lengths = INTS(DL_SHAPE(2), 0, 1), .weights = &w);
    for (i = 0; i < y->size; i++) CHECK(i < y->size / 2 ? y->data[i] == 0 : fabs((double)(y->data[i] - x->data[y->size / 2 + i % 24])) < 1e-6);
    CHECK_NEAR(w->data[w->size / 2], 1, 1e-6);
    y = dl_attention_multiplicative(c, x, x, .lengths = INTS(DL_SHAPE(2), 0, 1));
    for (i = 0; i < y->size / 2; i++) CHECK(y->data[i] == 0);
}

static dl_tensor *dropped(dl_ctx *ctx, dl_tensor **x, void *user)
{
    (void)user;
    return dl_attention(ctx, x[0], x[1], x[2], .causal = 1, .dropout = (dl_real)0.4);
}
static void dropout(void)
{
    dl_tensor *x[3], *q = dl_zeros(c, DL_SHAPE(2, 3, 150, 4)), *y, *again;
    int64_t i, zeros = 0;
    double sum = 0;
    dl_manual_seed(c, 5);
    y = dl_attention(c, q, dl_zeros(c, DL_SHAPE(2, 3, 1, 4)), dl_ones(c, DL_SHAPE(2, 3, 1, 4)), .dropout = (dl_real)0.25);
    for (i = 0; i < y->size; i += 4) {                                           /* one key: kept or dropped */
        zeros += y->data[i] == 0;
        if (y->data[i] != 0) CHECK_NEAR(y->data[i], 4 / 3.0, 1e-6);
    }
    CHECK_NEAR((double)zeros / 900, 0.25, 0.05);
    y = dl_attention(c, q, q, dl_ones(c, DL_SHAPE(2, 3, 150, 4)), .dropout = (dl_real)0.25);
    for (i = 0; i < y->size; i++) sum += (double)y->data[i];
    CHECK_NEAR(sum / (double)y->size, 1, 0.01);
    dl_manual_seed(c, 5);
    again = dl_attention(c, q, q, dl_ones(c, DL_SHAPE(2, 3, 150, 4)), .dropout = (dl_real)0.25);
    CHECK(memcmp(again->data, y->data, (size_t)y->size * sizeof *y->data) != 0);             /* another call, other numbers */
    dl_set_training(c, 0);
    y = dropped(c, (x[0] = x[1] = x[2] = q, x), NULL);
    again = dl_attention(c, q, q, q, .causal = 1);
    dl_set_training(c, 1);
    CHECK(memcmp(again->data, y->data, (size_t)y->size * sizeof *y->data) == 0);
    for (i = 0; i < 3; i++) x[i] = leaf(c, DL_SHAPE(1, 2, i ? 9 : 3, 4));        /* all are dropped: y and gradients are 0 */
    y = dl_attention(c, x[0], x[1], x[2], .dropout = 1);
    CHECK(dl_backward(c, dl_sum(c, y)));
    for (i = 0; i < 24; i++) CHECK(y->data[i] == 0 && x[0]->grad[i] == 0);
    for (i = 0; i < 72; i++) CHECK(x[1]->grad[i] == 0 && x[2]->grad[i] == 0);
    y = dl_forward(c, dl_nn_mha(c, 4, 2, .dropout = 1), dl_ones(c, DL_SHAPE(1, 1, 4)));  /* the bias of out_proj, which is 0 */
    for (i = 0; i < 4; i++) CHECK(y->data[i] == 0);
#ifdef DL_DOUBLE
    for (i = 0; i < 3; i++) x[i] = leaf(c, DL_SHAPE(1, 2, 9, 3));
    CHECK(dl_gradcheck(c, dropped, 3, x));
    x[0] = leaf(c, DL_SHAPE(1, 2, 1, 3));
    CHECK(dl_gradcheck(c, dropped, 3, x));
#endif
    CHECK_OK(c);
}

static void weights(void)
{
    size_t k;
    for (k = 0; k < sizeof layouts / sizeof *layouts; k++) {
        const layout *l = &layouts[k];
        dl_tensor *q, *key, *v, *y, *w;
        double worst = 0;
        int64_t i, e, s;
        dl_step_begin(c);
        q = dl_randn(c, DL_SHAPE(l->N, l->H, l->T, l->D)); key = dl_randn(c, DL_SHAPE(l->N, l->G, l->S, l->D));
        v = dl_randn(c, DL_SHAPE(l->N, l->G, l->S, l->E));
        y = dl_attention(c, q, key, v, .causal = l->causal, .weights = &w);
        if (!CHECK_OK(c) || !CHECK(w->ndim == 4 && w->size == (int64_t)l->N * l->H * l->T * l->S)) return;
        for (i = 0; i < w->size / l->S; i += 17) {
            const int64_t t = i % l->T, head = i / l->T / (l->H / l->G);                     /* n G + g */
            for (e = 0; e < l->E; e++) {
                double sum = 0;
                for (s = 0; s < l->S; s++) sum += (double)w->data[i * l->S + s] * (double)v->data[(head * l->S + s) * l->E + e];
                worst = fmax(worst, fabs(sum - (double)y->data[i * l->E + e]));
            }
            for (s = 0; s < l->S && l->causal; s++) if (s > t + l->S - l->T) CHECK(w->data[i * l->S + s] == 0);
        }
        CHECK_NEAR(worst, 0, TOL);
    }
}

/* Peak of a step, forward and backward: proportional to the number of tokens. */
static size_t peak(int64_t T)
{
    dl_ctx *ctx = dl_create(.threads = 1);
    dl_tensor *x = dl_requires_grad(ctx, dl_zeros(ctx, DL_SHAPE(1, T, 96)), 1);
    size_t bytes;
    dl_backward(ctx, dl_sum(ctx, dl_attention(ctx, x, NULL, NULL, .heads = 2, .causal = 1)));
    CHECK_OK(ctx);
    bytes = dl_memory(ctx).step_peak;
    dl_destroy(ctx);
    return bytes;
}
static void memory_is_linear(void)
{
    const double a = (double)peak(256), b = (double)peak(512), d = (double)peak(1024);
    CHECK_NEAR((d - b) / (b - a), 2, 0.05);
    CHECK(d < 1024 * 1024 * sizeof(dl_real) / 2);                                /* half of a matrix of one head */
}

/* --- modules ------------------------------------------------------------------------------------------------------------- */
static void fill(dl_tensor *t, int k) { int64_t i; for (i = 0; i < t->size; i++) t->data[i] = (dl_real)((number(k, i) - 31.5) / 64); }

static void sums_are(const char *what, int row, const dl_real *v, int64_t n, const double *want)
{
    double sum[3] = {0, 0, 0};
    int64_t i;
    int k;
    for (i = 0; v && i < n; i++) {
        sum[0] += (double)v[i] * cotangent(i);
        sum[1] += (double)v[i] * ((double)((29 * i + 5) % 32 + 1) / 32);
        sum[2] += fabs((double)v[i]);
    }
    for (k = 0; k < 3; k++)
        if (!CHECK(fabs(sum[k] - want[k]) <= TOL * (want[2] + 0.01))) printf("\n    row %d, %s: %.12g, PyTorch has %.12g", row, what, sum[k], want[k]);
}

static void mha_and_pytorch(void)
{
    static const char *const names[] = {"in_proj_weight", "in_proj_bias", "out_proj.weight", "out_proj.bias"};
    size_t row;
    for (row = 0; row < sizeof golden_mha / sizeof *golden_mha; row++) {
        const int N = golden_mha[row].N, kind = golden_mha[row].kind;
        const double *want = golden_mha[row].want;
        dl_module *m = dl_nn_mha(c, golden_mha[row].E, golden_mha[row].H, .no_bias = !golden_mha[row].bias);
        dl_tensor *x[3] = {NULL, NULL, NULL}, *y, *w, *g, *lengths = NULL;
        int32_t n[2];
        dl_param *p;
        int i;
        dl_step_begin(c);
        for (i = 0; (p = dl_module_at(m, i, NULL, 0)) != NULL; i++) fill(p->tensor, i);
        for (i = 0; i < kind; i++) {
            char word[40];
            sprintf(word, "r%dx%dx%d", N, i ? golden_mha[row].S : golden_mha[row].T, golden_mha[row].E);
            make_input(c, word, i, &x[i]);
        }
        for (i = 0; i < N; i++) n[i] = (int32_t)(golden_mha[row].S - i);
        if (golden_mha[row].padded) lengths = dl_tensor_from_int(c, n, DL_SHAPE(N));
        y = dl_nn_mha_forward(c, m, x[0], x[1], x[2], .lengths = lengths, .causal = golden_mha[row].causal, .weights = &w);
        if (!CHECK_OK(c)) return;
        sums_are("y", (int)row, y->data, y->size, want);
        sums_are("weights", (int)row, w->data, w->size, want + 3);
        g = dl_zeros(c, DL_SHAPE(N, golden_mha[row].T, golden_mha[row].E));
        for (i = 0; i < g->size; i++) g->data[i] = (dl_real)cotangent(i);
        dl_backward(c, y, .grad = g);
        want += 6;
        for (i = 0; i < kind; i++, want += 3) sums_are("input", (int)row, x[i]->grad, x[i]->size, want);
        for (i = 0; (p = dl_module_at(m, i, NULL, 0)) != NULL; i++, want += 3) {
            char name[40];
            dl_module_at(m, i, name, sizeof name);
            CHECK(!strcmp(name, names[golden_mha[row].bias ? i : 2 * i]));
            sums_are(name, (int)row, p->tensor->grad, p->tensor->size, want);
        }
        CHECK(i == (golden_mha[row].bias ? 4 : 2));
    }
}

static void mha_module(void)
{
    dl_module *m = dl_nn_mha(c, 512, 8), *plain;
    dl_tensor *w = dl_module_get(c, m, "in_proj_weight"), *x, *y;
    double sum = 0;
    int64_t i;
    ROW("TFM-03");
    CHECK(dl_param_count(m) == 1050624);
    CHECK(dl_param_count(dl_nn_mha(c, 512, 8, .no_bias = 1)) == 4 * 512 * 512);
    CHECK(dl_param_count(dl_nn_mha(c, 512, 8, .kv_heads = 2)) == 512 * (512 + 2 * 128 + 512) + 512 + 2 * 128 + 512);
    for (i = 0; i < w->size; i++) sum += (double)w->data[i] * (double)w->data[i];
    CHECK_NEAR(sum / (double)w->size, 2.0 / (512 + 1536), 2e-5);                 /* Xavier */
    for (i = 0; i < 512; i++) CHECK(dl_module_get(c, m, "out_proj.bias")->data[i] == 0 && dl_module_get(c, m, "in_proj_bias")->data[i] == 0);
    plain = dl_nn_mha(c, 24, 4, .kv_heads = 2, .causal = 1, .rope = 10000);
    x = leaf(c, DL_SHAPE(2, 6, 24));
    y = dl_forward(c, plain, x);
    CHECK(y->ndim == 3 && y->shape[1] == 6 && y->shape[2] == 24);
    dl_backward(c, y, .grad = dl_ones(c, DL_SHAPE(2, 6, 24)));
    CHECK_OK(c);
    for (i = 0, sum = 0; i < w->size && i < x->size; i++) sum += fabs((double)x->grad[i]);
    CHECK(sum > 0);
}

static dl_tensor *mha_of(dl_ctx *ctx, dl_tensor **x, void *user)
{
    return dl_nn_mha_forward(ctx, (dl_module *)user, x[0], x[1], x[2], .causal = 1);
}
static void mha_gradients(void)
{
#ifdef DL_DOUBLE
    dl_module *m = dl_nn_mha(c, 8, 2, .kv_heads = 1, .rope = 100);
    dl_tensor *x[8];
    int i;
    for (i = 0; i < 3; i++) x[i] = leaf(c, DL_SHAPE(1, i ? 5 : 4, 8));
    for (i = 0; i < 4; i++) x[3 + i] = dl_module_at(m, i, NULL, 0)->tensor;
    CHECK(dl_gradcheck(c, mha_of, 7, x, .user = m));
    x[1] = x[2] = x[0];
    CHECK(dl_gradcheck(c, mha_of, 7, x, .user = m));
    m = dl_nn_attention_additive(c, 3, 4, 5);
    CHECK_OK(c);
#else
    SKIP("double only");
#endif
}

static void cache(void)
{
    static const struct { int kv_heads; double rope; int alibi; } kinds[] = {{0, 0, 0}, {2, 0, 1}, {1, 10000, 0}};
    int k, t, i, step;
    for (k = 0; k < 3; k++) {
        dl_module *m = dl_nn_mha(c, 24, 4, .kv_heads = kinds[k].kv_heads, .rope = kinds[k].rope);
        dl_kv_cache *cache = dl_kv_cache_create(c, 2, 20, 6 * (kinds[k].kv_heads ? kinds[k].kv_heads : 4));
        dl_tensor *x, *y, *z, *alibi;
        dl_step_begin(c);
        x = dl_randn(c, DL_SHAPE(2, 20, 24));
        alibi = kinds[k].alibi ? dl_alibi_slopes(c, 4) : NULL;
        dl_set_grad_enabled(c, 0);
        y = dl_nn_mha_forward(c, m, x, NULL, NULL, .causal = 1, .alibi = alibi);
        for (step = 1; step < 8; step += 3) {                                    /* tokens one by one, by fours, by sevens */
            dl_kv_cache_reset(cache);
            for (t = 0; t < 20; t += step) {
                const int n = t + step < 20 ? step : 20 - t;
                z = dl_nn_mha_forward(c, m, dl_slice(c, x, 1, t, t + n), NULL, NULL, .causal = 1, .cache = cache, .alibi = alibi);
                if (!CHECK_OK(c) || !CHECK(cache->length == t + n)) return;
                for (i = 0; i < z->size; i++)
                    CHECK_NEAR(z->data[i], y->data[(i / (n * 24) * 20 + t) * 24 + i % (n * 24)], 2 * TOL);
            }
        }
        dl_nn_mha_forward(c, m, x, NULL, NULL, .cache = cache);
        CHECK_ERROR(c, "20 tokens (2,20,24) more in a cache (2,20,");
        CHECK(cache->length == 20);
        dl_kv_cache_reset(cache);
        dl_nn_mha_forward(c, m, dl_slice(c, x, 0, 0, 1), NULL, NULL, .cache = cache);
        CHECK_ERROR(c, "in a cache");
        dl_set_grad_enabled(c, 1);
        dl_nn_mha_forward(c, m, x, NULL, NULL, .cache = cache);
        CHECK_ERROR(c, "no gradients");
        CHECK(cache->length == 0);
    }
}

static void cache_refuses(void)                                              /* values without room, keys with gradients */
{
    dl_module *m = dl_nn_mha(c, 8, 2);
    dl_kv_cache *cache = dl_kv_cache_create(c, 1, 4, 8);
    dl_tensor *q, *k;
    dl_step_begin(c);
    dl_nn_freeze(m, 1);
    q = dl_ones(c, DL_SHAPE(1, 1, 8));
    k = dl_requires_grad(c, dl_ones(c, DL_SHAPE(1, 1, 8)), 1);
    CHECK(dl_is_nil(dl_nn_mha_forward(c, m, q, k, NULL, .cache = cache)));
    CHECK_ERROR(c, "no gradients");
    CHECK(dl_is_nil(dl_nn_mha_forward(c, m, q, q, k, .cache = cache)));
    CHECK_ERROR(c, "no gradients");
    CHECK(dl_is_nil(dl_nn_mha_forward(c, m, q, q, dl_ones(c, DL_SHAPE(1, 6, 8)), .cache = cache)));
    CHECK_ERROR(c, "mha: query (1,1,8), key (1,1,8), value (1,6,8), expected (N,T,E), (N,S,E), (N,S,E)");
    CHECK(dl_is_nil(dl_nn_mha_forward(c, m, dl_ones(c, DL_SHAPE(2, 1, 8)), q, NULL, .cache = cache)));
    CHECK_ERROR(c, "mha: query (2,1,8), key (1,1,8), value (1,1,8)");
    CHECK(dl_is_nil(dl_nn_mha_forward(c, m, q, q, NULL, .cache = cache, .mask = dl_ones(c, DL_SHAPE(7, 7)))));
    CHECK_ERROR(c, "does not broadcast");
    CHECK(cache->length == 0);
}

/* What fails behind the attention, here in the output projection, leaves the cache as it was. */
static void cache_after_an_error(void)
{
    dl_ctx *c = dl_create(.seed = 1, .no_grad = 1, .detect_nan = 1);
    dl_module *m = dl_nn_mha(c, 8, 2);
    dl_kv_cache *cache = dl_kv_cache_create(c, 1, 4, 8);
    dl_tensor *x = dl_randn(c, DL_SHAPE(1, 2, 8)), *bias = dl_module_get(c, m, "out_proj.bias");
    bias->data[0] = (dl_real)dl_item(NULL);
    CHECK(dl_is_nil(dl_nn_mha_forward(c, m, x, x, x, .cache = cache)) && cache->length == 0);
    CHECK_ERROR(c, "is nan");
    bias->data[0] = 0;
    CHECK(!dl_is_nil(dl_nn_mha_forward(c, m, x, x, x, .cache = cache)) && cache->length == 2);
    CHECK_OK(c);
    dl_destroy(c);
}

/* x as queries and, packed, as keys and values: heads that are q's in one group and k's in another get both gradients. */
static void packed_by_itself(void)
{
    dl_tensor *x, *y, *z, *grad;
    int64_t i;
    dl_step_begin(c);
    x = leaf(c, DL_SHAPE(2, 5, 16));
    y = dl_attention(c, x, x, NULL, .heads = 4, .kv_heads = 2);
    dl_backward(c, dl_sum(c, dl_square(c, y)));
    grad = dl_tensor_from(c, x->grad, DL_SHAPE(2, 5, 16));
    dl_zero_grad(x);
    z = dl_attention(c, x, dl_slice(c, x, 2, 0, 8), dl_slice(c, x, 2, 8, 16), .heads = 4, .kv_heads = 2);
    dl_backward(c, dl_sum(c, dl_square(c, z)));
    for (i = 0; i < y->size; i++) CHECK_NEAR(y->data[i], z->data[i], TOL);
    for (i = 0; i < x->size; i++) CHECK_NEAR(grad->data[i], x->grad[i], 10 * TOL);
    CHECK_OK(c);
}

/* NaN in the padding of keys reaches nothing. */
static void padding_of_nan(void)
{
    static const int32_t seen[] = {2};
    dl_tensor *q, *k, *W, *U, *v, *y;
    dl_step_begin(c);
    q = leaf(c, DL_SHAPE(1, 3, 4)); k = leaf(c, DL_SHAPE(1, 4, 4));
    W = leaf(c, DL_SHAPE(5, 4)); U = leaf(c, DL_SHAPE(5, 4)); v = leaf(c, DL_SHAPE(5));
    k->data[9] = k->data[15] = (dl_real)NAN;
    y = dl_attention_additive(c, q, k, W, U, v, .lengths = dl_tensor_from_int(c, seen, DL_SHAPE(1)));
    dl_backward(c, dl_sum(c, y));
    CHECK(isfinite(dl_item(dl_sum(c, y))) && isfinite((double)U->grad[0]) && isfinite((double)k->grad[0]) && k->grad[9] == 0);
    CHECK_OK(c);
}

static void additive_module(void)
{
    dl_module *m = dl_nn_attention_additive(c, 4, 6, 5);
    dl_tensor *q = leaf(c, DL_SHAPE(2, 3, 4)), *k = leaf(c, DL_SHAPE(2, 7, 6)), *y, *z, *w;
    int64_t i;
    CHECK(dl_param_count(m) == 5 * 4 + 5 * 6 + 5);
    y = dl_nn_attention_additive_forward(c, m, q, k, .weights = &w);
    z = dl_attention_additive(c, q, k, dl_module_get(c, m, "W"), dl_module_get(c, m, "U"), dl_module_get(c, m, "v"));
    CHECK(y->shape[2] == 6 && w->shape[2] == 7);
    for (i = 0; i < y->size; i++) CHECK(y->data[i] == z->data[i]);
    dl_backward(c, dl_sum(c, y));
    CHECK(dl_module_get(c, m, "v")->grad != NULL && q->grad != NULL && k->grad != NULL);
    CHECK_OK(c);
}

/* --- bad input ------------------------------------------------------------------------------------------------------------- */
#define BAD(expr, part) do { dl_step_begin(c); CHECK(dl_is_nil(expr)); CHECK_ERROR(c, part); } while (0)
#define BAD_MODULE(expr, part) do { dl_step_begin(c); expr; CHECK_ERROR(c, part); } while (0)
#define BAD_OUT(expr, part) do { dl_step_begin(c); w = dl_ones(c, DL_SHAPE(1)); CHECK(dl_is_nil(expr) && dl_is_nil(w)); CHECK_ERROR(c, part); } while (0)
#define ONES(...) dl_ones(c, DL_SHAPE(__VA_ARGS__))
static void bad_input(void)
{
    const dl_real nan = (dl_real)NAN;
    dl_module *m = dl_nn_mha(c, 8, 2), *other = dl_nn_relu(c);
    dl_kv_cache *cache;
    dl_tensor *w;
    BAD(dl_attention(c, ONES(2, 6, 4, 3), ONES(2, 4, 5, 3), ONES(2, 4, 5, 3)), "attention: q (2,6,4,3), k (2,4,5,3), v (2,4,5,3), expected");
    BAD(dl_attention(c, ONES(2, 4, 3), ONES(2, 4, 3), ONES(2, 4, 3)), "with .heads");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 4, 8), ONES(2, 4, 8), .heads = 3), "with 3 heads");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 4, 8), ONES(2, 4, 8), .heads = -1), "with -1 heads");
    BAD(dl_attention(c, ONES(2, 4, 8), NULL, NULL, .heads = INT64_MAX), "heads");
    BAD(dl_attention(c, ONES(2, 4, 8), NULL, NULL, .heads = 2, .kv_heads = INT64_MIN), "heads");
    BAD(dl_attention(c, ONES(2, 4, 8), NULL, NULL, .heads = 4, .kv_heads = 3), "4 heads and 3");
    BAD(dl_attention(c, ONES(2, 4, 8), NULL, ONES(2, 4, 8), .heads = 2), "k nil");
    BAD(dl_attention(c, ONES(1, 2, 4, 8), NULL, NULL), "k nil");
    BAD(dl_attention(c, ONES(1, 2, 4, 8), ONES(1, 2, 4, 8), ONES(1, 2, 4, 8), .mask = ONES(3, 4)), "mask (3,4) does not broadcast to (1,2,4,4)");
    BAD(dl_attention(c, ONES(1, 2, 4, 8), ONES(1, 2, 4, 8), ONES(1, 2, 4, 8), .mask = ONES(1, 1, 2, 4, 4)), "mask (1,1,2,4,4)");
    BAD(dl_attention(c, ONES(1, 4, 8), ONES(1, 4, 8), NULL, .heads = 2, .lengths = INTS(DL_SHAPE(2), 1, 1)), "attention: q");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 5, 16), NULL, .heads = 2, .lengths = INTS(DL_SHAPE(2), 5, 6)), "attention: lengths (2) holds 6 at index 1, expected 0 to 5, for (2,5,16)");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 5, 16), NULL, .heads = 2, .lengths = INTS(DL_SHAPE(2), -1, 6)), "lengths (2) holds -1 at index 0, expected 0 to 5");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 5, 16), NULL, .heads = 2, .lengths = INTS(DL_SHAPE(1), 1)), "lengths (1) for (2,5,16), expected (2), one for each sample");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 5, 16), NULL, .heads = 2, .alibi = ONES(3)), "alibi (3), expected (2)");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 5, 16), NULL, .heads = 2, .alibi = leaf(c, DL_SHAPE(2))), "slopes are constants");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 5, 16), NULL, .heads = 2, .dropout = 2), "attention: dropout is 2, expected 0 to 1");
    BAD(dl_attention(c, ONES(2, 4, 8), ONES(2, 5, 16), NULL, .heads = 2, .dropout = nan), "dropout is nan");
    BAD(dl_causal_mask(c, 0), "causal_mask");
    BAD(dl_causal_mask(c, INT64_MAX), "causal_mask");
    BAD_MODULE(dl_nn_mha(c, 10, 4), "nn_mha: 10 channels, 4 heads");
    BAD_MODULE(dl_nn_mha(c, 12, 4, .kv_heads = 3), "4 heads, 3 of keys");
    BAD_MODULE(dl_nn_mha(c, 0, 4), "nn_mha");
    BAD_MODULE(dl_nn_mha(c, INT64_MAX, 1), "nn_mha");
    BAD_MODULE(dl_nn_mha(c, 12, INT64_MIN), "nn_mha");
    BAD_MODULE(dl_nn_mha(c, 12, 4, .dropout = -1), "nn_mha: dropout is -1, expected 0 to 1");
    BAD_MODULE(dl_nn_mha(c, 12, 4, .rope = 1e4), "nn_mha: rope of base 10000 for heads of width 3, expected 1 to 1e30 and an even width");
    BAD_MODULE(dl_nn_mha(c, 16, 4, .rope = 0.5), "nn_mha: rope of base 0.5");
    BAD_MODULE(dl_nn_mha(c, 16, 4, .rope = NAN), "nn_mha: rope of base nan");
    BAD_MODULE(dl_nn_attention_additive(c, 3, 0, 4), "axis");
    BAD(dl_nn_mha_forward(c, m, ONES(2, 3, 7), NULL, NULL), "mha: query (2,3,7), expected (N,T,8)");
    BAD(dl_nn_mha_forward(c, m, ONES(2, 3, 8), ONES(2, 3, 9), NULL), "mha: key (2,3,9)");
    BAD(dl_nn_mha_forward(c, m, ONES(2, 3, 8), ONES(2, 3, 8), ONES(2, 4, 8)), "mha: query (2,3,8), key (2,3,8), value (2,4,8)");
    BAD(dl_nn_mha_forward(c, m, NULL, NULL, NULL), "mha: query is NULL");
    BAD(dl_nn_mha_forward(c, other, ONES(2, 3, 8), NULL, NULL), "the module is a relu");
    BAD(dl_nn_mha_forward(c, NULL, ONES(2, 3, 8), NULL, NULL), "the module is NULL");
    BAD(dl_nn_attention_additive_forward(c, m, ONES(2, 3, 8), ONES(2, 3, 8)), "the module is a mha");
    BAD(dl_attention_additive(c, ONES(2, 3, 8), ONES(3, 3, 8), ONES(4, 8), ONES(4, 8), ONES(4)), "attention_additive: query (2,3,8), keys (3,3,8)");
    BAD(dl_attention_additive(c, ONES(2, 3, 8), ONES(2, 3, 8), ONES(4, 8), ONES(4, 7), ONES(4)), "U (4,7), expected (4,8)");
    BAD(dl_attention_additive(c, ONES(2, 3, 8), ONES(2, 3, 8), ONES(4, 8), NULL, ONES(4)), "keys (2,3,8), v (4)");
    BAD(dl_attention_multiplicative(c, ONES(2, 3, 8), ONES(2, 3, 7)), "need W");
    BAD(dl_attention_multiplicative(c, ONES(2, 3, 8), ONES(2, 3, 8), .lengths = INTS(DL_SHAPE(2), 3, 4)), "lengths (2) holds 4 at index 1, expected 0 to 3, for (2,3,8)");
    BAD_OUT(dl_attention(c, ONES(1, 2, 3, 4), ONES(1, 2, 3, 5), ONES(1, 2, 3, 4), .weights = &w), "attention: q");
    BAD_OUT(dl_nn_mha_forward(c, m, ONES(1, 2, 3, 4), NULL, NULL, .weights = &w), "mha: query");
    BAD_OUT(dl_nn_mha_forward(c, m, ONES(2, 3, 8), NULL, NULL, .mask = ONES(5), .weights = &w), "attention: mask");
    BAD_OUT(dl_attention_additive(c, ONES(1, 2, 3), ONES(1, 2, 4), ONES(1, 2, 4), NULL, ONES(4), .weights = &w), "attention_additive: W");
    BAD_OUT(dl_attention_multiplicative(c, ONES(1, 2, 3), ONES(1, 2, 4), .weights = &w), "need W");
    BAD_OUT(dl_nn_attention_additive_forward(c, m, ONES(1, 2, 3), ONES(1, 2, 4), .weights = &w), "the module is a mha");
    CHECK(dl_kv_cache_create(c, 1, 0, 4) == NULL);
    CHECK_ERROR(c, "kv_cache_create");
    cache = dl_kv_cache_create(c, 1, 4, 8);
    cache->length = -3;
    dl_set_grad_enabled(c, 0);
    BAD(dl_nn_mha_forward(c, m, ONES(1, 1, 8), NULL, NULL, .cache = cache), "cache");
    cache->length = INT64_MAX;
    BAD(dl_nn_mha_forward(c, m, ONES(1, 1, 8), NULL, NULL, .cache = cache), "cache");
    dl_set_grad_enabled(c, 1);
    dl_kv_cache_reset(NULL);
    CHECK(dl_kv_cache_create(NULL, 1, 1, 1) == NULL && dl_is_nil(dl_causal_mask(NULL, 2)));
    CHECK(dl_is_nil(dl_attention(NULL, NULL, NULL, NULL)) && dl_is_nil(dl_nn_mha_forward(NULL, m, NULL, NULL, NULL)));
    CHECK(dl_is_nil(dl_attention_additive(NULL, NULL, NULL, NULL, NULL, NULL)) && dl_is_nil(dl_attention_multiplicative(NULL, NULL, NULL)));
    dl_nn_mha(NULL, 4, 2);
    dl_nn_attention_additive(NULL, 1, 1, 1);
}

int main(void)
{
    c = dl_create(.threads = 2, .seed = 3);
    RUN(values_and_gradients);
    RUN(gradients_by_differences);
    RUN(bad_tensors);
    RUN(scaled_dot_product);
    RUN(masks);
    RUN(decoder);
    RUN(blocks_and_matrices);
    RUN(same_bits);
    RUN(nothing_to_see);
    RUN(dropout);
    RUN(weights);
    RUN(memory_is_linear);
    RUN(mha_and_pytorch);
    RUN(mha_module);
    RUN(mha_gradients);
    RUN(cache);
    RUN(cache_refuses);
    RUN(cache_after_an_error);
    RUN(packed_by_itself);
    RUN(padding_of_nan);
    RUN(additive_module);
    RUN(bad_input);
    dl_destroy(c);
    TEST_END;
}
