/* build: float double asan */
/* Normalisation: values and gradients against PyTorch (gen_norm.py) and against differences, the same bits everywhere, running
   statistics, modules, fusion, reparametrized weights, bad input, and the curriculum's numbers. */
#include "dl.h"
#include "test.h"

#ifdef DL_DOUBLE
#define TOL 1e-9
#else
#define TOL 3e-5
#endif

/* Running statistics that depend on the channel: 0, 0.25, ..; 1, 1.5, .. */
static dl_tensor *means(dl_ctx *c, dl_tensor *x)
{ return dl_arange(c, 0, 0.25 * (double)x->shape[1] - 0.125, 0.25); }
static dl_tensor *vars(dl_ctx *c, dl_tensor *x)
{ return dl_arange(c, 1, 1 + 0.5 * (double)x->shape[1] - 0.25, 0.5); }

#include "golden_norm.h"

#define FUNCTION(n, training, shapes, ...) static dl_tensor *norm_call_##n(dl_ctx *c, dl_tensor **x) { return __VA_ARGS__; }
GOLDEN_NORM(FUNCTION)
typedef struct {
    const char   *text, *shapes;
    int           training;
    dl_tensor  *(*call)(dl_ctx *c, dl_tensor **x);
    const double *data;
} norm_case;
#define ENTRY(n, training, shapes, ...) {#__VA_ARGS__, shapes, training, norm_call_##n, golden_norm_##n},
static const norm_case cases[] = { GOLDEN_NORM(ENTRY) };
#define CASES ((int)(sizeof cases / sizeof *cases))

static dl_real value(int64_t i, int k)
{ return (dl_real)(((double)((37 * i + 11 * k) % 64) - 31.5) / 32 + (double)((5 * i + k) % 7) / 8 + k / 16.0); }

static dl_tensor *filled(dl_ctx *c, dl_shape shape, int k)
{
    dl_tensor *t = dl_empty(c, shape);
    int64_t i;
    for (i = 0; i < t->size; i++) t->data[i] = value(i, k);
    return t;
}

static dl_tensor *filled_like(dl_ctx *c, const dl_tensor *x, int k)
{
    dl_shape shape = {{0}};
    memcpy(shape.d, x->shape, (size_t)x->ndim * sizeof *x->shape);
    return filled(c, shape, k);
}

/* The inputs of a case, each needing a gradient; returns how many. */
static int inputs(dl_ctx *c, const norm_case *k, dl_tensor **x)
{
    const char *s = k->shapes;
    int n = 0;
    while (*s) {
        dl_shape shape = {{0}};
        int d = 0;
        for (; *s && *s != ' '; s += *s == 'x') {
            char *end;
            shape.d[d++] = strtol(s, &end, 10);
            s = end;
        }
        x[n] = dl_requires_grad(c, filled(c, shape, n), 1);
        n++;
        s += *s == ' ';
    }
    return n;
}

static int near_digest(const norm_case *k, const char *what, const dl_real *a, int64_t n, const double *want)
{
    double got[5] = {0, 0, 0, 0, 0}, scale;
    int64_t i;
    int j;
    if (!a) { CHECK(!"a gradient is missing"); return 0; }
    got[0] = a[0]; got[1] = a[n / 2]; got[2] = a[n - 1];
    for (i = 0; i < n; i++) {
        got[3] += a[i] * ((double)((29 * i + 5) % 32) - 15.5) / 16;
        got[4] += fabs(a[i]);
    }
    for (j = 0; j < 5; j++) {
        scale = j < 3 ? fabs(want[j]) + want[4] / (double)n + 0.01 : want[4] + 0.01;
        if (fabs(got[j] - want[j]) <= TOL * scale) continue;
        CHECK(!"a golden value");
        printf("\n    %s: %s: digest[%d] is %.12g, PyTorch has %.12g", k->text, what, j, got[j], want[j]);
        return 0;
    }
    return 1;
}

static void golden(void)
{
    int i, j;
    for (i = 0; i < CASES; i++) {
        dl_ctx *c = dl_create();
        dl_tensor *x[4], *y;
        char what[32];
        int n = inputs(c, &cases[i], x);
        dl_set_training(c, cases[i].training);
        y = cases[i].call(c, x);
        dl_backward(c, y, .grad = filled_like(c, y, 9));
        if (!CHECK_OK(c)) printf(" in %s", cases[i].text);
        else {
            near_digest(&cases[i], "y", y->data, y->size, cases[i].data);
            for (j = 0; j < n; j++) {
                snprintf(what, sizeof what, "gradient of x[%d]", j);
                near_digest(&cases[i], what, x[j]->grad, x[j]->size, cases[i].data + 5 * (j + 1));
            }
        }
        dl_destroy(c);
    }
}

/* Each input alone, then all, against differences; and each gradient added to one that is there. */
static dl_tensor *call_case(dl_ctx *c, dl_tensor **x, void *user) { return ((const norm_case *)user)->call(c, x); }
/* x as its own weight and bias: values computed by PyTorch in double, see the comment of each */
static void input_is_the_weight(void)
{
    static const dl_real v[] = {1, 2, 4}, g[] = {1, -2, 3};
    static const double want[3][3] = {{1.90897, -3.93255, 5.49796},         /* layer_norm(x, (3,), weight=x)            */
                                      {2.25994, -3.88991, 3.62998},         /* layer_norm(x, (3,), bias=x)              */
                                      {0.0179983, -4.49958, 6.11942}};      /* rms_norm(x, (3,), weight=x)              */
    dl_ctx *c = dl_create();
    int i, k;
    for (k = 0; k < 3; k++) {
        dl_tensor *x = dl_requires_grad(c, dl_tensor_from(c, v, DL_SHAPE(3)), 1);
        dl_tensor *y = k == 2 ? dl_rms_norm(c, x, DL_SHAPE(3), x) : dl_layer_norm(c, x, DL_SHAPE(3), k ? NULL : x, k ? x : NULL);
        CHECK(dl_backward(c, y, .grad = dl_tensor_from(c, g, DL_SHAPE(3))));
        for (i = 0; i < 3; i++) CHECK_NEAR(x->grad[i], want[k][i], 1e-5);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static dl_tensor *call_twice(dl_ctx *c, dl_tensor **x, void *user)
{ return dl_add(c, ((const norm_case *)user)->call(c, x), dl_mul_scalar(c, ((const norm_case *)user)->call(c, x), 0.5)); }

static void gradients(void)
{
#ifdef DL_DOUBLE
    int i, j, k;
    for (i = 0; i < CASES; i++)
        for (j = -1; j < 4; j++) {
            dl_ctx *c = dl_create();
            dl_tensor *x[4];
            int n = inputs(c, &cases[i], x);
            if (j < n) {
                dl_set_training(c, cases[i].training);
                for (k = 0; k < n && j >= 0; k++) dl_requires_grad(c, x[k], k == j);
                if (!CHECK(dl_gradcheck(c, j < 0 ? call_twice : call_case, n, x, .user = (void *)(uintptr_t)&cases[i], .atol = 1e-7)))
                    printf(" %s in %s, input %d", dl_error(c), cases[i].text, j);
            }
            dl_destroy(c);
        }
#else
    SKIP("needs double");
#endif
}

/* --- bits ----------------------------------------------------------------------------------------- */
static uint64_t hash_values(uint64_t h, const dl_real *x, int64_t n)
{
    const unsigned char *b = (const unsigned char *)x;
    int64_t i;
    if (x) for (i = 0; i < n * (int64_t)sizeof *x; i++) h = (h ^ b[i]) * 0x100000001b3u;
    return h;
}

static uint64_t hash_all(const char *isa, int threads)
{
    static const int64_t shapes[][4] = { {16, 12, 20, 21}, {300, 257, 1, 1}, {2, 3, 150, 99}, {64, 40, 5, 7} };
    dl_ctx *c = dl_create(.isa = isa, .threads = threads);
    uint64_t h = 14695981039346656037u;
    int i, j, which;
    if (dl_error(c)) { dl_destroy(c); return 0; }
    for (i = 0; i < CASES; i++) {
        dl_tensor *x[4], *y;
        int n = inputs(c, &cases[i], x);
        dl_set_training(c, cases[i].training);
        y = cases[i].call(c, x);
        dl_backward(c, dl_sum(c, dl_square(c, y)));
        h = hash_values(h, y->data, y->size);
        for (j = 0; j < n; j++) h = hash_values(h, x[j]->grad, x[j]->size);
    }
    dl_set_training(c, 1);
    for (i = 0; i < 4; i++)
        for (which = 0; which < 6; which++) {
            const int64_t *d = shapes[i];
            dl_tensor *x, *r, *w, *b, *y = NULL, *m, *v;
            dl_step_begin(c);
            x = dl_requires_grad(c, filled(c, DL_SHAPE(d[0], d[1], d[2], d[3]), 0), 1);
            r = dl_requires_grad(c, filled(c, DL_SHAPE(d[0], d[1], d[2], d[3]), 1), 1);
            w = dl_requires_grad(c, filled(c, DL_SHAPE(which > 3 ? d[3] : d[1]), 2), 1);
            b = dl_requires_grad(c, filled(c, DL_SHAPE(which > 3 ? d[3] : d[1]), 3), 1);
            m = dl_zeros(c, DL_SHAPE(d[1]));
            v = dl_ones(c, DL_SHAPE(d[1]));
            switch (which) {
            case 0: y = dl_batch_norm(c, x, m, v, w, b, .activation = DL_RELU); break;
            case 1: y = dl_batch_norm(c, x, m, v, w, b, .activation = DL_RELU, .residual = r); break;
            case 2: y = dl_group_norm(c, x, d[1] % 3 ? 1 : 3, w, b); break;
            case 3: y = dl_local_response_norm(c, x, 5); break;
            case 4: y = dl_layer_norm(c, x, DL_SHAPE(d[3]), w, b); break;
            case 5: y = dl_rms_norm(c, x, DL_SHAPE(d[3]), w); break;
            }
            dl_backward(c, dl_sum(c, dl_mul(c, y, r)));
            h = hash_values(h, y->data, y->size);
            h = hash_values(h, m->data, m->size);
            h = hash_values(h, v->data, v->size);
            h = hash_values(h, x->grad, x->size);
            h = hash_values(h, r->grad, r->size);
            h = hash_values(h, w->grad, w->size);
            h = hash_values(h, b->grad, b->size);
        }
    CHECK_OK(c);
    dl_destroy(c);
    return h;
}

static void same_bits(void)
{
    uint64_t want = hash_all("portable", 1), got;
    int i, threads;
    for (i = 0; test_isa(i); i++)
        for (threads = 1; threads <= 3; threads++) {
            got = hash_all(test_isa(i), threads);
            if (got && !CHECK(got == want)) printf(" with %s, %d threads", test_isa(i), threads);
        }
}

/* --- running statistics ----------------------------------------------------------------------------- */
static void check_values(const dl_tensor *t, const double *want)
{
    int64_t i;
    for (i = 0; i < t->size; i++) if (!CHECK_NEAR(t->data[i], want[i], TOL * (1 + fabs(want[i])))) return;
}

static void running(void)
{
    int cumulative, k;
    for (cumulative = 0; cumulative < 2; cumulative++) {
        dl_ctx *c = dl_create();
        dl_module *m = dl_nn_batchnorm2d(c, 3, .momentum = (dl_real)0.3, .cumulative = cumulative);
        const double *want = cumulative ? golden_cumulative : golden_running;
        for (k = 0; k < 3; k++) dl_forward(c, m, dl_mul_scalar(c, filled(c, DL_SHAPE(4, 3, 2, 5), k), (dl_real)(k + 1)));
        dl_set_training(c, 0);
        check_values(dl_module_get(c, m, "running_mean"), want);
        check_values(dl_module_get(c, m, "running_var"), want + 3);
        check_values(dl_forward(c, m, filled(c, DL_SHAPE(1, 3, 2, 2), 3)), want + 6);
        CHECK(dl_item(dl_module_get(c, m, "num_batches_tracked")) == 3);
        CHECK_OK(c);
        dl_destroy(c);
    }
}

/* The mean is 1e4 and more, the spread 1: values and gradients as without the offset; NaN stays in its set. */
static void far_from_zero(void)
{
    static const double offsets[] = { 1e4, -3e5 };
    dl_ctx *c = dl_create();
    int i, which;
    for (i = 0; i < 2; i++)
        for (which = 0; which < 4; which++) {
            dl_tensor *y[2], *x[2];
            int64_t k;
            int far;
            for (far = 0; far < 2; far++) {
                x[far] = dl_requires_grad(c, filled(c, DL_SHAPE(8, 4, 50), 0), 1);
                for (k = 0; k < x[far]->size; k++)          /* multiples of 1/8: exact with the offset */
                    x[far]->data[k] = (dl_real)((double)((k * 37 + k / 50) % 29) / 8 + (far ? offsets[i] : 0));
                switch (which) {
                case 0: y[far] = dl_batch_norm(c, x[far], NULL, NULL, NULL, NULL); break;
                case 1: y[far] = dl_group_norm(c, x[far], 2, NULL, NULL); break;
                case 2: y[far] = dl_layer_norm(c, x[far], DL_SHAPE(50), NULL, NULL); break;
                default: y[far] = dl_reshape(c, dl_batch_norm(c, dl_reshape(c, x[far], DL_SHAPE(400, 4)), NULL, NULL, NULL, NULL),
                                             DL_SHAPE(8, 4, 50)); break;
                }
                dl_backward(c, dl_sum(c, dl_mul(c, dl_square(c, y[far]), y[far])));
            }
            for (k = 0; k < x[0]->size; k++) {
                if (!CHECK_NEAR(y[1]->data[k], y[0]->data[k], 4e-6)) break;
                if (!CHECK_NEAR(x[1]->grad[k], x[0]->grad[k], 4e-5)) break;
            }
        }
    {
        dl_tensor *x = dl_randn(c, DL_SHAPE(4, 3, 40)), *y;
        int64_t k;
        x->data[45] = (dl_real)NAN;                         /* channel 1 */
        y = dl_batch_norm(c, x, NULL, NULL, NULL, NULL, .activation = DL_RELU);
        for (k = 0; k < y->size; k++) if (!CHECK((y->data[k] != y->data[k]) == (k / 40 % 3 == 1))) break;
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- curriculum -------------------------------------------------------------------------------------- */
static const dl_real batch[] = { 1, 2, 3, 4, 5, 9 };
#define CHECK_ALL(t, tol, ...)                                                                     \
    do {                                                                                           \
        const double want_[] = { __VA_ARGS__ };                                                    \
        const dl_tensor *t_ = (t);                                                                 \
        int i_;                                                                                    \
        CHECK(t_->size == (int64_t)(sizeof want_ / sizeof *want_));                                \
        for (i_ = 0; i_ < t_->size; i_++) CHECK_NEAR(t_->data[i_], want_[i_], tol);                \
    } while (0)

static void v22_training(void)
{
    static const dl_real one_to_four[] = { 1, 2, 3, 4 };
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_batchnorm1d(c, 2, .eps = (dl_real)1e-7), *one = dl_nn_batchnorm1d(c, 1, .eps = (dl_real)1e-7, .no_affine = 1);
    ROW("NORM-01"); ROW("NORM-02"); ROW("NORM-03"); ROW("NORM-04"); ROW("REG-13");
    CHECK_ALL(dl_batch_norm(c, dl_tensor_from(c, one_to_four, DL_SHAPE(4, 1)), NULL, NULL, NULL, NULL, .eps = (dl_real)1e-7), 2e-7,
              -1.34164073, -0.44721358, 0.44721358, 1.34164073);
    CHECK_ALL(dl_forward(c, one, dl_tensor_from(c, one_to_four, DL_SHAPE(4, 1))), 2e-7, -1.34164073, -0.44721358, 0.44721358, 1.34164073);
    CHECK(dl_param_count(one) == 0);
    CHECK_ALL(dl_forward(c, m, dl_tensor_from(c, batch, DL_SHAPE(3, 2))), 5e-7, -1.224745, -1.019049, 0, -0.339683, 1.224745, 1.358732);
    /* eps matters where the variance is small: 1e-5 is PyTorch's, 1e-7 the lecture's */
    CHECK_NEAR(dl_batch_norm(c, dl_tensor_from(c, one_to_four, DL_SHAPE(4, 1)), NULL, NULL, NULL, NULL)->data[3], 1.5 / sqrt(1.25001), 2e-7);
    CHECK_NEAR(dl_batch_norm(c, dl_full(c, DL_SHAPE(4, 1), 7), NULL, NULL, NULL, NULL, .eps = (dl_real)1e-7)->data[3], 0, 0);
    {   /* each channel of images on its own, over N, H and W: the same batch spread over images of 1 x 3 */
        dl_tensor *x = dl_permute(c, dl_tensor_from(c, batch, DL_SHAPE(1, 1, 3, 2)), DL_ORDER(0, 3, 1, 2));
        dl_module *two = dl_nn_batchnorm2d(c, 2, .eps = (dl_real)1e-7);
        CHECK_ALL(dl_forward(c, two, x), 5e-7, -1.224745, 0, 1.224745, -1.019049, -0.339683, 1.358732);
        CHECK_ALL(dl_module_get(c, two, "running_mean"), 1e-7, 0.3, 0.5);
    }
    {   /* a regularizer: an image's output depends on the others of its batch */
        dl_tensor *x = filled(c, DL_SHAPE(4, 2, 3, 3), 0), *y;
        dl_module *two = dl_nn_batchnorm2d(c, 2);
        y = dl_forward(c, two, dl_slice(c, x, 0, 0, 2));
        CHECK(fabs(y->data[0] - dl_forward(c, two, x)->data[0]) > 1e-3);
        dl_set_training(c, 0);
        y = dl_forward(c, two, dl_slice(c, x, 0, 0, 2));
        CHECK(y->data[0] == dl_forward(c, two, x)->data[0]);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static void v22_inference(void)
{
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_batchnorm1d(c, 2, .eps = (dl_real)1e-7);
    dl_tensor *y;
    ROW("NORM-05");
    dl_forward(c, m, dl_tensor_from(c, batch, DL_SHAPE(3, 2)));
    CHECK_ALL(dl_module_get(c, m, "running_mean"), 1e-7, 0.3, 0.5);
    CHECK_ALL(dl_module_get(c, m, "running_var"), 2.5e-7, 1.3, 2.2);
    CHECK(dl_item(dl_module_get(c, m, "num_batches_tracked")) == 1);
    dl_set_training(c, 0);
    y = dl_forward(c, m, dl_tensor_from(c, batch, DL_SHAPE(1, 2)));                /* one sample is enough */
    CHECK_ALL(y, 1e-6, (1 - 0.3) / sqrt(1.3 + 1e-7), (2 - 0.5) / sqrt(2.2 + 1e-7));
    CHECK_ALL(dl_module_get(c, m, "running_mean"), 1e-7, 0.3, 0.5);                /* nothing moved */
    CHECK(dl_item(dl_module_get(c, m, "num_batches_tracked")) == 1);
    CHECK_OK(c);
    dl_destroy(c);
}

static void v22_backward(void)
{
    static const dl_real upstream[] = { 1, 0, 0, 2, 0, -1 };
    static const double want[] = { 0.102062, -0.348393, -0.204124, 0.487750, 0.102062, -0.139357 };
    dl_ctx *c = dl_create();
    dl_tensor *x = dl_requires_grad(c, dl_tensor_from(c, batch, DL_SHAPE(3, 2)), 1);
    dl_tensor *w = dl_requires_grad(c, dl_ones(c, DL_SHAPE(2)), 1), *b = dl_requires_grad(c, dl_zeros(c, DL_SHAPE(2)), 1);
    dl_tensor *y = dl_batch_norm(c, x, NULL, NULL, w, b, .eps = (dl_real)1e-7);
    int i;
    ROW("NORM-08");
    dl_backward(c, y, .grad = dl_tensor_from(c, upstream, DL_SHAPE(3, 2)));
    CHECK_OK(c);
    for (i = 0; i < 6; i++) CHECK_NEAR(x->grad[i], want[i], 6e-7);
    CHECK_NEAR(w->grad[0], -1.224745, 1e-6);                                        /* sum dy xhat */
    CHECK_NEAR(w->grad[1], 2 * -0.339683 - 1.358732, 2e-6);
    CHECK_NEAR(b->grad[0], 1, 0);                                                   /* sum dy */
    CHECK_NEAR(b->grad[1], 1, 0);
    dl_destroy(c);
}

static void v22_others(void)
{
    static const dl_real numbers[] = { 1, 2, 3, 4, 5, 6 };
    dl_ctx *c = dl_create();
    dl_tensor *x = dl_tensor_from(c, numbers, DL_SHAPE(1, 6)), *y;
    int i;
    ROW("NORM-09"); ROW("NORM-11");
    y = dl_local_response_norm(c, x, 5, .k = 2, .sum = 1);                           /* alpha 1e-4, beta 0.75 are the defaults */
    CHECK_ALL(y, 1e-6, 0.59429158, 1.18787101, 1.78014039, 2.37041856, 2.96346574, 3.55735442);
    y = dl_forward(c, dl_nn_local_response_norm(c, 5, .k = 2, .sum = 1), x);
    CHECK_NEAR(y->data[5], 3.55735442, 1e-6);
    y = dl_local_response_norm(c, x, 5, .k = 2, .alpha = (dl_real)5e-4);             /* PyTorch's way of writing it */
    CHECK_NEAR(y->data[2], 1.78014039, 1e-6);
    CHECK_ALL(dl_layer_norm(c, dl_tensor_from(c, numbers, DL_SHAPE(4)), DL_SHAPE(4), NULL, NULL), 1e-6,
              -1.341635, -0.447212, 0.447212, 1.341635);
    CHECK_ALL(dl_forward(c, dl_nn_layernorm(c, DL_SHAPE(4)), dl_tensor_from(c, numbers, DL_SHAPE(4))), 1e-6,
              -1.341635, -0.447212, 0.447212, 1.341635);
    CHECK_OK(c);
    (void)i;
    dl_destroy(c);
}

/* Instance norm is layer norm of each channel, group norm that of each group; gradients: see `gradients`. */
static void groups_are_rows(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *x = filled(c, DL_SHAPE(3, 6, 4, 5), 0), *y, *want;
    int64_t i;
    int groups;
    ROW("NORM-12");
    for (groups = 1; groups <= 6; groups++) {
        if (6 % groups) continue;
        want = dl_layer_norm(c, dl_reshape(c, x, DL_SHAPE(3, groups, 120 / groups)), DL_SHAPE(120 / groups), NULL, NULL);
        y = dl_group_norm(c, x, groups, NULL, NULL);
        for (i = 0; i < y->size; i++) if (!CHECK_NEAR(y->data[i], want->data[i], 1e-6)) break;
        if (groups < 6) continue;
        y = dl_instance_norm(c, x, NULL, NULL);
        for (i = 0; i < y->size; i++) if (!CHECK_NEAR(y->data[i], want->data[i], 1e-6)) break;
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- modules ------------------------------------------------------------------------------------------ */
static void names(void)
{
    static const struct { int which; const char *names; } rows[] = {
        { 0, "weight bias running_mean running_var num_batches_tracked" },
        { 1, "running_mean running_var num_batches_tracked" },
        { 2, "weight bias" }, { 3, "weight bias" }, { 4, "weight" }, { 5, "weight bias" }, { 6, "" }, { 7, "weight bias" }, { 8, "" },
        { 9, "bias parametrizations.weight.original0 parametrizations.weight.original1" },
        { 10, "bias parametrizations.weight.original parametrizations.weight.0._u parametrizations.weight.0._v" },
        { 11, "weight" },
    };
    dl_ctx *c = dl_create();
    size_t r;
    for (r = 0; r < sizeof rows / sizeof *rows; r++) {
        dl_module *m = NULL;
        char all[200] = "", name[64];
        int i;
        switch (rows[r].which) {
        case 0:  m = dl_nn_batchnorm1d(c, 4); break;
        case 1:  m = dl_nn_batchnorm2d(c, 4, .no_affine = 1); break;
        case 2:  m = dl_nn_batchnorm3d(c, 4, .no_track = 1); break;
        case 3:  m = dl_nn_layernorm(c, DL_SHAPE(3, 4)); break;
        case 4:  m = dl_nn_rmsnorm(c, DL_SHAPE(4)); break;
        case 5:  m = dl_nn_groupnorm(c, 2, 4); break;
        case 6:  m = dl_nn_instancenorm1d(c, 4); break;
        case 7:  m = dl_nn_instancenorm2d(c, 4, .affine = 1); break;
        case 8:  m = dl_nn_local_response_norm(c, 4); break;
        case 9:  m = dl_nn_weight_norm(c, dl_nn_linear(c, 4, 3)); break;
        case 10: m = dl_nn_spectral_norm(c, dl_nn_linear(c, 4, 3)); break;
        case 11: m = dl_nn_layernorm(c, DL_SHAPE(4), .no_bias = 1); break;
        }
        for (i = 0; dl_module_at(m, i, name, sizeof name); i++) { if (i) strcat(all, " "); strcat(all, name); }
        if (!CHECK(!strcmp(all, rows[r].names))) printf(": %s", all);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static void modules_are_ops(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *x3 = filled(c, DL_SHAPE(4, 6, 5), 0), *x4 = filled(c, DL_SHAPE(4, 6, 5, 2), 0), *x5 = filled(c, DL_SHAPE(2, 6, 2, 3, 2), 0);
    struct { dl_tensor *y, *want; } pair[10];
    int i, n = 0;
#define PAIR(a, b) (pair[n].y = (a), pair[n++].want = (b))
    PAIR(dl_forward(c, dl_nn_batchnorm1d(c, 6), x3), dl_batch_norm(c, x3, NULL, NULL, NULL, NULL));
    PAIR(dl_forward(c, dl_nn_batchnorm2d(c, 6, .no_track = 1), x4), dl_batch_norm(c, x4, NULL, NULL, NULL, NULL));
    PAIR(dl_forward(c, dl_nn_batchnorm3d(c, 6, .eps = 1), x5), dl_batch_norm(c, x5, NULL, NULL, NULL, NULL, .eps = 1));
    PAIR(dl_forward(c, dl_nn_groupnorm(c, 3, 6), x4), dl_group_norm(c, x4, 3, NULL, NULL));
    PAIR(dl_forward(c, dl_nn_instancenorm1d(c, 6), x3), dl_instance_norm(c, x3, NULL, NULL));
    PAIR(dl_forward(c, dl_nn_instancenorm2d(c, 6, .affine = 1), x4), dl_instance_norm(c, x4, NULL, NULL));
    PAIR(dl_forward(c, dl_nn_instancenorm3d(c, 6), x5), dl_instance_norm(c, x5, NULL, NULL));
    PAIR(dl_forward(c, dl_nn_rmsnorm(c, DL_SHAPE(6, 5)), x3), dl_rms_norm(c, x3, DL_SHAPE(6, 5), NULL));
    PAIR(dl_forward(c, dl_nn_local_response_norm(c, 3, .alpha = 1), x4), dl_local_response_norm(c, x4, 3, .alpha = 1));
    PAIR(dl_batchnorm_forward(c, dl_nn_batchnorm1d(c, 6), x3, .activation = DL_RELU, .residual = x3),
         dl_batch_norm(c, x3, NULL, NULL, NULL, NULL, .activation = DL_RELU, .residual = x3));
    CHECK_OK(c);
    for (i = 0; i < n; i++)
        if (!CHECK(pair[i].y->size == pair[i].want->size &&
                   !memcmp(pair[i].y->data, pair[i].want->data, (size_t)pair[i].y->size * sizeof(dl_real)))) printf(" pair %d", i);
    dl_destroy(c);
}

/* --- fusion: sequential against the same modules one by one ---------------------------------------------- */
static dl_tensor *one_by_one(dl_ctx *c, dl_module *net, dl_tensor *x)
{
    int i;
    for (i = 0; i < net->nchildren; i++) x = dl_forward(c, net->children[i], x);
    return x;
}

#define NETS 8
static dl_module *some_net(dl_ctx *c, int which, dl_tensor **x)
{
    dl_module *act = which % 3 == 0 ? dl_nn_relu(c) : which % 3 == 1 ? dl_nn_tanh(c) : dl_nn_sigmoid(c);
    *x = which / 3 < 3 ? filled(c, DL_SHAPE(40, 6), 0) : which / 3 == 7 ? filled(c, DL_SHAPE(3, 6, 14), 0) :
         filled(c, DL_SHAPE(3, 6, 7, 5), 0);
    switch (which / 3) {
    case 0: return dl_nn_sequential(c, dl_nn_linear(c, 6, 5), dl_nn_batchnorm1d(c, 5), act, dl_nn_linear(c, 5, 2));
    case 1: return dl_nn_sequential(c, dl_nn_batchnorm1d(c, 6), act, dl_nn_linear(c, 6, 4, .no_bias = 1), dl_nn_batchnorm1d(c, 4, .no_affine = 1));
    case 2: return dl_nn_sequential(c, dl_nn_linear(c, 6, 5), act, dl_nn_batchnorm1d(c, 5, .no_track = 1), dl_nn_relu(c));
    case 3: return dl_nn_sequential(c, dl_nn_conv2d(c, 6, 8, 3, .padding = 1, .no_bias = 1), dl_nn_batchnorm2d(c, 8), act, dl_nn_conv2d(c, 8, 2, 1));
    case 4: return dl_nn_sequential(c, dl_nn_conv2d(c, 6, 6, 3, .groups = 6), dl_nn_batchnorm2d(c, 6, .no_affine = 1));
    case 5: return dl_nn_sequential(c, dl_nn_conv2d(c, 6, 64, 3), dl_nn_batchnorm2d(c, 64), act);   /* more weights than inputs: not folded */
    case 6: return dl_nn_sequential(c, dl_nn_conv_transpose2d(c, 6, 6, 3), dl_nn_batchnorm2d(c, 6), act, dl_nn_conv2d(c, 6, 4, 2), dl_nn_tanh(c));
    default: return dl_nn_sequential(c, dl_nn_conv1d(c, 6, 4, 3, .stride = 2), dl_nn_batchnorm1d(c, 4), act);
    }
}

static void randomize(dl_module *net)                        /* weights and running statistics that matter */
{
    dl_param *p;
    int64_t k;
    int i;
    for (i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
        for (k = 0; k < p->tensor->size; k++) p->tensor->data[k] = (dl_real)(0.1 + 0.1 * (double)((7 * k + 3 * i) % 9));
}

static void fused_is_unfused(void)
{
    int which, mode, i;
    for (which = 0; which < 3 * NETS; which++)
        for (mode = 0; mode < 3; mode++) {                   /* training; evaluation; evaluation without gradients: weights folded */
            dl_ctx *c = dl_create();
            dl_module *net[2];
            dl_tensor *y[2], *x[2];
            dl_param *p[2];
            int64_t k;
            for (i = 0; i < 2; i++) {
                net[i] = some_net(c, which, &x[i]);
                randomize(net[i]);
                dl_set_training(c, mode == 0);
                dl_set_grad_enabled(c, mode < 2);
                dl_requires_grad(c, x[i], 1);
                y[i] = i ? one_by_one(c, net[i], x[i]) : dl_forward(c, net[i], x[i]);
                if (mode < 2) dl_backward(c, dl_sum(c, dl_square(c, y[i])));
            }
            CHECK_OK(c);
            for (k = 0; k < y[0]->size; k++) if (!CHECK_NEAR(y[0]->data[k], y[1]->data[k], TOL * (1 + fabs(y[1]->data[k])))) break;
            for (k = 0; k < x[0]->size && mode < 2; k++) if (!CHECK_NEAR(x[0]->grad[k], x[1]->grad[k], TOL * (1 + fabs(x[1]->grad[k])))) break;
            for (i = 0; (p[0] = dl_module_at(net[0], i, NULL, 0)) != NULL; i++) {
                p[1] = dl_module_at(net[1], i, NULL, 0);
                for (k = 0; k < p[0]->tensor->size; k++) {
                    CHECK_NEAR(p[0]->tensor->data[k], p[1]->tensor->data[k], TOL);         /* running statistics */
                    if (mode < 2 && !p[0]->is_buffer && p[0]->tensor->grad)
                        CHECK_NEAR(p[0]->tensor->grad[k], p[1]->tensor->grad[k], TOL * (1 + fabs(p[1]->tensor->grad[k])));
                }
            }
            dl_destroy(c);
        }
}

/* A user's module that swallows everything behind it, and one with three initializers and no fuse. */
typedef struct { dl_module base; int ran; } eater;
static dl_tensor *eater_forward(dl_ctx *c, dl_module *self, dl_tensor *x) { (void)c; (void)self; return x; }
static int eater_fuse(dl_ctx *c, dl_module *const *run, int n, dl_tensor **x)
{
    ((eater *)run[0])->ran = n;
    *x = dl_mul_scalar(c, *x, 2);
    return n;
}
static const dl_module_type eater_type = { "eater", sizeof(eater), eater_forward };

static void user_fuse(void)
{
    static const dl_real one = 1;
    dl_ctx *c = dl_create();
    eater *e = (eater *)dl_module_create(c, &eater_type);
    dl_module *net = dl_nn_sequential(c, dl_nn_relu(c), &e->base, dl_nn_tanh(c), dl_nn_tanh(c));
    CHECK_NEAR(dl_item(dl_forward(c, net, dl_tensor_from(c, &one, DL_SHAPE(1)))), tanh(tanh(1)), 1e-6);
    e->base.fuse = eater_fuse;
    CHECK_NEAR(dl_item(dl_forward(c, net, dl_tensor_from(c, &one, DL_SHAPE(1)))), 2, 0);
    CHECK(e->ran == 3);
    CHECK_OK(c);
    dl_destroy(c);
}

static void folded_weights(void)
{
    dl_ctx *c = dl_create(.no_grad = 1);
    dl_tensor *x = filled(c, DL_SHAPE(7, 4), 0), *w = filled(c, DL_SHAPE(3, 4), 1), *b = filled(c, DL_SHAPE(3), 2);
    dl_tensor *m = filled(c, DL_SHAPE(3), 3), *v = dl_exp(c, filled(c, DL_SHAPE(3), 4)), *nw = filled(c, DL_SHAPE(3), 5);
    dl_tensor *nb = filled(c, DL_SHAPE(3), 6), *fw, *fb, *y, *want;
    int64_t i;
    int k;
    dl_set_training(c, 0);
    for (k = 0; k < 4; k++) {
        dl_tensor *bias = k & 1 ? b : NULL, *gamma = k & 2 ? nw : NULL, *beta = k & 2 ? nb : NULL;
        CHECK(dl_fuse_conv_bn_weights(c, w, bias, m, v, 0, gamma, beta, &fw, &fb));
        y = dl_linear(c, x, fw, fb);
        want = dl_batch_norm(c, dl_linear(c, x, w, bias), m, v, gamma, beta);
        for (i = 0; i < y->size; i++) if (!CHECK_NEAR(y->data[i], want->data[i], TOL)) break;
    }
    CHECK(!dl_fuse_conv_bn_weights(c, w, b, m, v, 0, x, nb, &fw, &fb));        CHECK_ERROR(c, "norm_weight (7,4), expected (3)");
    CHECK(dl_is_nil(fw) && dl_is_nil(fb));
    fw = fb = x;
    CHECK(!dl_fuse_conv_bn_weights(c, w, b, NULL, v, 0, nw, nb, &fw, &fb));    CHECK_ERROR(c, "running_mean is NULL");
    CHECK(dl_is_nil(fw) && dl_is_nil(fb));
    fw = fb = x;
    CHECK(!dl_fuse_conv_bn_weights(c, w, b, m, NULL, 0, nw, nb, &fw, &fb));    CHECK_ERROR(c, "running_var is NULL");
    CHECK(!dl_fuse_conv_bn_weights(c, NULL, b, m, v, 0, nw, nb, &fw, &fb));    CHECK_ERROR(c, "w is NULL");
    CHECK(dl_is_nil(fw) && dl_is_nil(fb));
    CHECK(!dl_fuse_conv_bn_weights(c, w, b, m, v, 0, nw, nb, NULL, &fb));      CHECK_ERROR(c, "nowhere to put");
    dl_destroy(c);
}

/* --- weight and spectral norm ----------------------------------------------------------------------------- */
static void fill_param(dl_ctx *c, dl_module *m, const char *name, int k)
{
    dl_tensor *t = dl_module_get(c, m, name);
    int64_t i;
    for (i = 0; i < t->size; i++) t->data[i] = value(i, k);
}
static void unit_param(dl_ctx *c, dl_module *m, const char *name, int k)
{
    dl_tensor *t = dl_module_get(c, m, name);
    double s = 0;
    int64_t i;
    fill_param(c, m, name, k);
    for (i = 0; i < t->size; i++) s += t->data[i] * t->data[i];
    for (i = 0; i < t->size; i++) t->data[i] /= (dl_real)sqrt(s);
}
static const double *check_next(const dl_real *x, int64_t n, const double *want)
{
    int64_t i;
    for (i = 0; i < n; i++) if (!x || !CHECK_NEAR(x[i], want[i], TOL * (1 + fabs(want[i])))) break;
    return want + n;
}

/* The end of a residual block, in training, in evaluation, and in evaluation without gradients, where it is one convolution. */
static void conv_bn_forward(void)
{
    int k, groups;
    for (k = 0; k < 8; k++) {
        const int bias = k & 1, many = k & 2;                  /* many: Winograd's method */
        dl_ctx *c = dl_create(.seed = 5, .precision = many ? DL_HIGH : DL_HIGHEST);
        dl_module *conv, *bn;
        dl_tensor *x, *r, *want, *y;
        int64_t i;
        groups = k & 4 ? 32 : 1;
        conv = dl_nn_conv2d(c, 32, 32, 3, .padding = 1, .groups = groups, .no_bias = !bias);
        bn = dl_nn_batchnorm2d(c, 32);
        fill_param(c, bn, "weight", 1);
        fill_param(c, bn, "bias", 2);
        fill_param(c, bn, "running_mean", 3);
        for (i = 0; i < 32; i++) dl_module_get(c, bn, "running_var")->data[i] = (dl_real)(1 + 0.1 * (double)i);
        x = dl_randn(c, DL_SHAPE(many ? 16 : 3, 32, 9, 10));
        r = dl_randn(c, DL_SHAPE(many ? 16 : 3, 32, 9, 10));
        dl_set_training(c, 0);
        want = dl_relu(c, dl_add(c, dl_forward(c, bn, dl_forward(c, conv, x)), r));
        y = dl_conv_bn_forward(c, conv, bn, x, .activation = DL_RELU, .residual = r);
        CHECK_OK(c);
        for (i = 0; i < y->size; i++) if (!CHECK_NEAR(y->data[i], want->data[i], 1e-5)) break;
        dl_set_grad_enabled(c, 0);
        y = dl_conv_bn_forward(c, conv, bn, x, .activation = DL_RELU, .residual = r);
        CHECK_OK(c);
        for (i = 0; i < y->size; i++) if (!CHECK_NEAR(y->data[i], want->data[i], 1e-5)) break;
        CHECK(dl_is_nil(dl_conv_bn_forward(c, conv, bn, x, .residual = conv->params[0].tensor)));
        CHECK_ERROR(c, "residual");
        dl_set_grad_enabled(c, 1);
        dl_set_training(c, 1);
        y = dl_conv_bn_forward(c, conv, bn, x, .activation = DL_RELU, .residual = r);
        want = dl_relu(c, dl_add(c, dl_forward(c, bn, dl_forward(c, conv, x)), r));
        for (i = 0; i < y->size; i++) if (!CHECK_NEAR(y->data[i], want->data[i], 1e-5)) break;
        CHECK(dl_is_nil(dl_conv_bn_forward(c, conv, conv, x)));  CHECK_ERROR(c, "the module is a conv2d");
        CHECK(dl_is_nil(dl_conv_bn_forward(c, NULL, bn, x)));    CHECK_ERROR(c, "NULL");
        dl_destroy(c);
    }
}

static void weight_norm(void)
{
    int dim;
    for (dim = 0; dim < 2; dim++) {
        dl_ctx *c = dl_create();
        const double *want = dim ? golden_weight_norm1 : golden_weight_norm0;
        dl_module *m = dl_nn_linear(c, 4, 3);
        dl_tensor *g, *v, *y;
        int64_t i;
        fill_param(c, m, "weight", 1);
        fill_param(c, m, "bias", 2);
        CHECK(dl_nn_weight_norm(c, m, .dim = dim) == m);
        g = dl_module_get(c, m, "parametrizations.weight.original0");
        v = dl_module_get(c, m, "parametrizations.weight.original1");
        for (i = 0; i < g->size; i++) g->data[i] *= (dl_real)1.5;
        y = dl_forward(c, m, filled(c, DL_SHAPE(5, 4), 0));
        dl_backward(c, y, .grad = filled(c, DL_SHAPE(5, 3), 9));
        CHECK_OK(c);
        CHECK(g->shape[dim] == (dim ? 4 : 3) && g->shape[1 - dim] == 1);
        want = check_next(g->data, g->size, want);
        want = check_next(y->data, y->size, want);
        want = check_next(g->grad, g->size, want);
        want = check_next(v->grad, v->size, want);
        check_next(dl_module_get(c, m, "bias")->grad, 3, want);
        CHECK(dl_param_count(m) == 12 + 3 + (dim ? 4 : 3));
        dl_destroy(c);
    }
}

/* Which axis of the weight (in, out, ..) of a transposed convolution gives the rows, by the lengths of u and z. */
static void spectral_norm_axis(void)
{
    dl_ctx *c = dl_create();
    dl_module *m[5];
    int i;
    static const int u[] = {5, 5, 5, 2, 5}, z[] = {6, 18, 54, 45, 18};
    m[0] = dl_nn_spectral_norm(c, dl_nn_conv_transpose1d(c, 2, 5, 3));
    m[1] = dl_nn_spectral_norm(c, dl_nn_conv_transpose2d(c, 2, 5, 3));
    m[2] = dl_nn_spectral_norm(c, dl_nn_conv_transpose3d(c, 2, 5, 3));
    m[3] = dl_nn_spectral_norm(c, dl_nn_conv_transpose2d(c, 2, 5, 3), .dim = DL_ZERO);
    m[4] = dl_nn_spectral_norm(c, dl_nn_conv2d(c, 2, 5, 3));
    for (i = 0; i < 5; i++) {
        CHECK(dl_module_get(c, m[i], "parametrizations.weight.0._u")->size == u[i]);
        CHECK(dl_module_get(c, m[i], "parametrizations.weight.0._v")->size == z[i]);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static void spectral_norm(void)
{
    int dim, k;
    for (dim = 0; dim < 2; dim++) {
        dl_ctx *c = dl_create();
        const double *want = dim ? golden_spectral_norm1 : golden_spectral_norm0;
        dl_module *m = dl_nn_linear(c, 4, 3);
        dl_tensor *u, *z, *y = NULL, *w;
        fill_param(c, m, "weight", 1);
        fill_param(c, m, "bias", 2);
        m = dl_nn_spectral_norm(c, m, .dim = dim);
        unit_param(c, m, "parametrizations.weight.0._u", 3);
        unit_param(c, m, "parametrizations.weight.0._v", 4);
        for (k = 0; k < 3; k++) y = dl_forward(c, m, filled(c, DL_SHAPE(5, 4), 0));
        dl_backward(c, y, .grad = filled(c, DL_SHAPE(5, 3), 9));
        u = dl_module_get(c, m, "parametrizations.weight.0._u");
        z = dl_module_get(c, m, "parametrizations.weight.0._v");
        w = dl_module_get(c, m, "parametrizations.weight.original");
        want = check_next(u->data, u->size, want);
        want = check_next(z->data, z->size, want);
        want = check_next(y->data, y->size, want);
        want = check_next(w->grad, w->size, want);
        dl_set_training(c, 0);
        check_next(dl_forward(c, m, filled(c, DL_SHAPE(2, 4), 5))->data, 6, want);
        CHECK_OK(c);
        dl_destroy(c);
    }
}

/* With given statistics dx = g w / sqrt(var + eps): a sample that is infinite, or whose gradient is, stays alone. */
static void given_statistics(void)
{
    for (int i = 0; i < 8; i++) {
        dl_ctx *c = dl_create();
        const int bad_g = i & 1, rows = i & 2, affine = i & 4;
        dl_tensor *x = dl_full(c, rows ? DL_SHAPE(4, 1, 3) : DL_SHAPE(4, 1), 2), *w = affine ? dl_full(c, DL_SHAPE(1), 3) : NULL, *y, *g = dl_add_scalar(c, dl_mul_scalar(c, x, 0), 1);
        const int step = rows ? 3 : 1, n = 4 * step;
        if (bad_g) g->data[step] = (dl_real)INFINITY; else x->data[step] = (dl_real)INFINITY;
        if (w) dl_requires_grad(c, w, 1);
        dl_requires_grad(c, x, 1);
        dl_set_training(c, 0);
        y = dl_batch_norm(c, x, dl_zeros(c, DL_SHAPE(1)), dl_ones(c, DL_SHAPE(1)), w, NULL, .eps = -1);
        dl_backward(c, y, .grad = g);
        CHECK_OK(c);
        for (int k = 0; k < n && x->grad; k++) CHECK(x->grad[k] == (affine ? 3 : 1) * g->data[k]);
        CHECK(x->grad != NULL);
        dl_destroy(c);
    }
}

/* --- bad input ----------------------------------------------------------------------------------------------- */
static void bad_input(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *x = filled(c, DL_SHAPE(2, 6, 4), 0), *w = dl_keep(c, dl_ones(c, DL_SHAPE(6))), *five = dl_keep(c, dl_ones(c, DL_SHAPE(5)));
    dl_tensor *labels = dl_to_int(c, five), *nil = NULL;
    dl_module *m;
    CHECK(dl_is_nil(dl_batch_norm(c, x, NULL, NULL, five, w)));                CHECK_ERROR(c, "batch_norm: weight (5), expected (6)");
    dl_batch_norm(c, x, NULL, NULL, w, five);                                  CHECK_ERROR(c, "batch_norm: bias (5), expected (6)");
    dl_batch_norm(c, x, five, w, NULL, NULL);                                  CHECK_ERROR(c, "running_mean (5), expected (6)");
    dl_batch_norm(c, x, w, NULL, NULL, NULL);                                  CHECK_ERROR(c, "go together");
    dl_batch_norm(c, x, NULL, NULL, NULL, NULL, .residual = w);                CHECK_ERROR(c, "residual (6), expected (2,6,4)");
    dl_batch_norm(c, dl_slice(c, dl_slice(c, x, 0, 0, 1), 2, 0, 1), NULL, NULL, NULL, NULL);   CHECK_ERROR(c, "one value per channel");
    dl_set_training(c, 0);
    dl_batch_norm(c, dl_slice(c, dl_slice(c, x, 0, 0, 1), 2, 0, 1), NULL, NULL, NULL, NULL);   CHECK_ERROR(c, "the batch's variance needs more");
    dl_set_training(c, 1);
    dl_batch_norm(c, w, NULL, NULL, NULL, NULL);                               CHECK_ERROR(c, "x (6), expected (N, C)");
    dl_batch_norm(c, x, NULL, NULL, NULL, NULL, .eps = -2);                    CHECK_ERROR(c, "eps is -2");
    dl_batch_norm(c, x, NULL, NULL, NULL, NULL, .eps = (dl_real)NAN);          CHECK_ERROR(c, "eps is nan");
    dl_batch_norm(c, x, NULL, NULL, NULL, NULL, .momentum = 2);                CHECK_ERROR(c, "momentum is 2");
    dl_batch_norm(c, x, NULL, NULL, NULL, NULL, .activation = (dl_activation)9); CHECK_ERROR(c, "activation is 9");
    dl_batch_norm(c, labels, NULL, NULL, NULL, NULL);                          CHECK_ERROR(c, "int32");
    dl_batch_norm(c, x, NULL, NULL, labels, NULL);                             CHECK_ERROR(c, "int32");
    dl_batch_norm(c, NULL, NULL, NULL, NULL, NULL);                            CHECK_ERROR(c, "x is NULL");
    nil = dl_add(c, x, five);                                                  CHECK_ERROR(c, "add");
    dl_batch_norm(c, x, NULL, NULL, nil, NULL);                                CHECK_ERROR(c, "weight is nil");
    dl_layer_norm(c, x, DL_SHAPE(4, 0, 5), NULL, NULL);                        CHECK_ERROR(c, "layer_norm: axis 1 has size 0");
    m = dl_nn_layernorm(c, DL_SHAPE(4, 0, 5));                                 CHECK_ERROR(c, "layernorm: axis 1 has size 0");
    dl_group_norm(c, x, 4, NULL, NULL);                                        CHECK_ERROR(c, "4 groups do not divide the 6 channels");
    dl_group_norm(c, x, 0, NULL, NULL);                                        CHECK_ERROR(c, "0 groups");
    dl_group_norm(c, x, -2, NULL, NULL);                                       CHECK_ERROR(c, "-2 groups");
    dl_group_norm(c, x, 2, five, NULL);                                        CHECK_ERROR(c, "group_norm: weight (5)");
    dl_instance_norm(c, dl_reshape(c, x, DL_SHAPE(8, 6)), NULL, NULL);         CHECK_ERROR(c, "one value per channel");
    dl_layer_norm(c, x, DL_SHAPE(5), NULL, NULL);                              CHECK_ERROR(c, "the last axes of x (2,6,4) are not (5)");
    dl_layer_norm(c, x, DL_SHAPE(1, 2, 6, 4), NULL, NULL);                     CHECK_ERROR(c, "are not (1,2,6,4)");
    dl_layer_norm(c, x, DL_SHAPE(0), NULL, NULL);                              CHECK_ERROR(c, "are not ()");
    dl_layer_norm(c, x, DL_SHAPE(6, 4), w, NULL);                              CHECK_ERROR(c, "layer_norm: weight (6), expected (6,4)");
    dl_rms_norm(c, x, DL_SHAPE(-4), NULL);                                     CHECK_ERROR(c, "rms_norm");
    dl_local_response_norm(c, x, 0);                                           CHECK_ERROR(c, "size is 0");
    dl_local_response_norm(c, w, 3);                                           CHECK_ERROR(c, "x (6), expected (N, C)");
    CHECK(!dl_is_nil(dl_local_response_norm(c, x, INT64_MAX)));                CHECK_OK(c);

    dl_nn_batchnorm2d(c, 0);                                                   CHECK_ERROR(c, "batchnorm2d: axis 0 has size 0");
    dl_nn_batchnorm2d(c, -1, .no_affine = 1, .no_track = 1);                   CHECK_ERROR(c, "number of channels is -1, expected at least 1");
    dl_nn_groupnorm(c, 4, 6);                                                  CHECK_ERROR(c, "4 groups do not divide 6");
    dl_nn_layernorm(c, DL_SHAPE(0));                                           CHECK_ERROR(c, "shape is empty");
    dl_nn_local_response_norm(c, 0);                                           CHECK_ERROR(c, "size is 0");
    dl_forward(c, dl_nn_batchnorm2d(c, 6), x);                                 CHECK_ERROR(c, "batchnorm2d: x (2,6,4) has 3 axes, expected (N, C, H, W)");
    dl_forward(c, dl_nn_batchnorm1d(c, 5), x);                                 CHECK_ERROR(c, "expected (6)");
    dl_forward(c, dl_nn_instancenorm2d(c, 6), x);                              CHECK_ERROR(c, "expected (N, 6, H, W)");
    dl_forward(c, dl_nn_groupnorm(c, 2, 4), x);                                CHECK_ERROR(c, "expected (N, 4, ..)");
    dl_batchnorm_forward(c, dl_nn_relu(c), x);                                 CHECK_ERROR(c, "the module is a relu");
    dl_batchnorm_forward(c, NULL, x);                                          CHECK_ERROR(c, "NULL");
    dl_nn_weight_norm(c, dl_nn_relu(c));                                       CHECK_ERROR(c, "has no parameter \"weight\"");
    dl_nn_weight_norm(c, dl_nn_batchnorm1d(c, 2));                             CHECK_ERROR(c, "two axes");
    dl_nn_weight_norm(c, dl_nn_linear(c, 2, 2), .dim = 2);                     CHECK_ERROR(c, "axis 2");
    dl_nn_weight_norm(c, NULL);                                                CHECK_ERROR(c, "NULL");
    dl_nn_spectral_norm(c, dl_nn_linear(c, 2, 2), .power_iterations = -1);     CHECK_ERROR(c, "-1 power iterations");
    dl_nn_spectral_norm(c, dl_nn_linear(c, 2, 2), .eps = -3);                  CHECK_ERROR(c, "eps -3");
    m = dl_nn_weight_norm(c, dl_nn_linear(c, 2, 2));
    dl_nn_weight_norm(c, m);                                                   CHECK_ERROR(c, "has no parameter \"weight\"");

    CHECK(dl_is_nil(dl_batch_norm(NULL, x, NULL, NULL, NULL, NULL)) && dl_is_nil(dl_layer_norm(NULL, x, DL_SHAPE(4), NULL, NULL)));
    CHECK(dl_is_nil(dl_group_norm(NULL, x, 2, NULL, NULL)) && dl_is_nil(dl_local_response_norm(NULL, x, 2)));
    CHECK(dl_is_nil(dl_rms_norm(NULL, x, DL_SHAPE(4), NULL)) && dl_is_nil(dl_instance_norm(NULL, x, NULL, NULL)));
    CHECK(dl_nn_batchnorm1d(NULL, 3) && dl_nn_batchnorm3d(NULL, 3) && dl_nn_layernorm(NULL, DL_SHAPE(3)) && dl_nn_rmsnorm(NULL, DL_SHAPE(3)));
    CHECK(dl_nn_groupnorm(NULL, 1, 3) && dl_nn_instancenorm1d(NULL, 3) && dl_nn_instancenorm3d(NULL, 3) && dl_nn_local_response_norm(NULL, 3));
    CHECK(dl_nn_weight_norm(NULL, m) && dl_nn_spectral_norm(NULL, m));
    CHECK(dl_is_nil(dl_batchnorm_forward(NULL, m, x)) && !dl_fuse_conv_bn_weights(NULL, x, x, x, x, 0, x, x, &nil, &nil));
    dl_destroy(c);
}

/* Once grown, memory stays as it is. */
static void steady(void)
{
    dl_ctx *c = dl_create();
    dl_module *net = dl_nn_sequential(c, dl_nn_spectral_norm(c, dl_nn_linear(c, 6, 8)), dl_nn_batchnorm1d(c, 8), dl_nn_relu(c),
                                      dl_nn_weight_norm(c, dl_nn_linear(c, 8, 8)), dl_nn_layernorm(c, DL_SHAPE(8)));
    dl_memory_report before = dl_memory(c), after;
    int step;
    for (step = 0; step < 6; step++) {
        dl_step_begin(c);
        dl_backward(c, dl_sum(c, dl_square(c, dl_forward(c, net, filled(c, DL_SHAPE(50, 6), step)))));
        dl_zero_grads(net);
        if (step == 1) before = dl_memory(c);
    }
    after = dl_memory(c);
    CHECK_OK(c);
    CHECK(after.keep_bytes == before.keep_bytes && after.step_bytes == before.step_bytes && after.blocks == before.blocks);
    dl_destroy(c);
}

int main(void)
{
    RUN(input_is_the_weight);
    RUN(golden);
    RUN(gradients);
    RUN(same_bits);
    RUN(running);
    RUN(far_from_zero);
    RUN(v22_training);
    RUN(v22_inference);
    RUN(v22_backward);
    RUN(v22_others);
    RUN(groups_are_rows);
    RUN(names);
    RUN(modules_are_ops);
    RUN(fused_is_unfused);
    RUN(user_fuse);
    RUN(folded_weights);
    RUN(conv_bn_forward);
    RUN(weight_norm);
    RUN(spectral_norm);
    RUN(spectral_norm_axis);
    RUN(given_statistics);
    RUN(bad_input);
    RUN(steady);
    TEST_END;
}
