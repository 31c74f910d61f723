/* build: float double asan */
/* Activations: values and gradients against PyTorch's, the curriculum's numbers, modules, randomness, bad input. */
#include "dl.h"
#include "test.h"
#include "golden_activations.h"

static dl_ctx *c;
static const dl_real X[16] = {-30, -8, -4.5, -3, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 2, 3, 6, 7.5, 25};
static const dl_real SLOPES[8] = {0.25, -0.5, 1.5, 0, 0.125, 2, -1, 0.75};
#define CASES (int)(sizeof golden / sizeof *golden)

static dl_tensor *slopes(int n) { return dl_tensor_from(c, SLOPES, DL_SHAPE(n)); }

/* the function and the module of a case of the golden values */
static dl_tensor *function(const char *name, dl_tensor *x)
{
#define CASE(text, call) if (!strcmp(name, text)) return call;
    CASE("relu", dl_relu(c, x))                          CASE("relu6", dl_relu6(c, x))
    CASE("leaky_relu", dl_leaky_relu(c, x, 0.1f))        CASE("prelu", dl_prelu(c, x, slopes(8)))
    CASE("prelu one", dl_prelu(c, x, slopes(1)))         CASE("rrelu", dl_rrelu(c, x, 0.125f, 0.5f))
    CASE("elu", dl_elu(c, x, 1.5f))                      CASE("selu", dl_selu(c, x))
    CASE("celu", dl_celu(c, x, 1.5f))                    CASE("gelu", dl_gelu(c, x))
    CASE("gelu_tanh", dl_gelu_tanh(c, x))                CASE("silu", dl_silu(c, x))
    CASE("swish", dl_swish(c, x, 1.5f))                  CASE("mish", dl_mish(c, x))
    CASE("softplus", dl_softplus(c, x, 1, 20))           CASE("softplus 2 5", dl_softplus(c, x, 2, 5))
    CASE("softsign", dl_softsign(c, x))                  CASE("softshrink", dl_softshrink(c, x, 0.5f))
    CASE("hardshrink", dl_hardshrink(c, x, 0.5f))        CASE("tanhshrink", dl_tanhshrink(c, x))
    CASE("threshold", dl_threshold(c, x, 0.5f, -2))      CASE("hardtanh", dl_hardtanh(c, x, -1, 2))
    CASE("hardsigmoid", dl_hardsigmoid(c, x))            CASE("hardswish", dl_hardswish(c, x))
    CASE("logsigmoid", dl_logsigmoid(c, x))              CASE("sigmoid", dl_sigmoid(c, x))
    CASE("tanh", dl_tanh(c, x))                          CASE("maxout", dl_maxout(c, x, 2, 1))
    CASE("glu", dl_glu(c, x, 1))                         CASE("swiglu", dl_swiglu(c, x, -1))
    CASE("geglu", dl_geglu(c, x, 1))                     CASE("softmax 3", dl_softmax_temperature(c, x, 1, 3))
    CASE("softmin", dl_softmin(c, x, -1))                CASE("log_softmax", dl_log_softmax(c, x, 1))
#undef CASE
    return NULL;
}
static dl_module *module(const char *name)
{
#define CASE(text, call) if (!strcmp(name, text)) return call;
    CASE("relu", dl_nn_relu(c))                          CASE("relu6", dl_nn_relu6(c))
    CASE("leaky_relu", dl_nn_leaky_relu(c, 0.1f))        CASE("prelu one", dl_nn_prelu(c, 1))
    CASE("rrelu", dl_nn_rrelu(c, 0.125f, 0.5f))
    CASE("elu", dl_nn_elu(c, 1.5f))                      CASE("selu", dl_nn_selu(c))
    CASE("celu", dl_nn_celu(c, 1.5f))                    CASE("gelu", dl_nn_gelu(c))
    CASE("gelu_tanh", dl_nn_gelu_tanh(c))                CASE("silu", dl_nn_silu(c))
    CASE("swish", dl_nn_swish(c, 1.5f))                  CASE("mish", dl_nn_mish(c))
    CASE("softplus", dl_nn_softplus(c, 1, 20))           CASE("softplus 2 5", dl_nn_softplus(c, 2, 5))
    CASE("softsign", dl_nn_softsign(c))                  CASE("softshrink", dl_nn_softshrink(c, 0.5f))
    CASE("hardshrink", dl_nn_hardshrink(c, 0.5f))        CASE("tanhshrink", dl_nn_tanhshrink(c))
    CASE("threshold", dl_nn_threshold(c, 0.5f, -2))      CASE("hardtanh", dl_nn_hardtanh(c, -1, 2))
    CASE("hardsigmoid", dl_nn_hardsigmoid(c))            CASE("hardswish", dl_nn_hardswish(c))
    CASE("logsigmoid", dl_nn_logsigmoid(c))              CASE("maxout", dl_nn_maxout(c, 2, 1))
    CASE("glu", dl_nn_glu(c, 1))                         CASE("swiglu", dl_nn_swiglu(c, 1))
    CASE("geglu", dl_nn_geglu(c, 1))                     CASE("softmin", dl_nn_softmin(c, 1))
    CASE("log_softmax", dl_nn_log_softmax(c, 1))
#undef CASE
    return NULL;
}

static double tolerance(double v) { return sizeof(dl_real) == 8 ? 2e-7 * (fabs(v) + 1e-3) : 2e-6 * (fabs(v) + 0.1); }

static void values_and_gradients(void)
{
    int i, k, training = dl_set_training(c, 0), modules = 0;
    for (k = 0; k < CASES; k++) {
        dl_tensor *x, *y, *r;
        dl_module *m;
        dl_step_begin(c);
        x = dl_requires_grad(c, dl_tensor_from(c, X, DL_SHAPE(2, 8)), 1);
        y = function(golden[k].name, x);
        if (!CHECK(y && y->size == golden[k].n)) { printf("  %s: %s\n", golden[k].name, dl_error(c) ? dl_error(c) : ""); dl_clear_error(c); continue; }
        r = dl_empty(c, DL_SHAPE(y->shape[0], y->shape[1]));
        for (i = 0; i < y->size; i++) r->data[i] = (dl_real)(((37 * i + 11) % 64 - 31.5) / 32);
        dl_backward(c, y, .grad = r);
        CHECK_OK(c);
        for (i = 0; i < y->size; i++)
            if (!CHECK_NEAR(y->data[i], golden[k].y[i], tolerance(golden[k].y[i]))) printf("  %s value %d\n", golden[k].name, i);
        for (i = 0; i < 16; i++)
            if (!CHECK_NEAR(x->grad[i], golden[k].dx[i], tolerance(golden[k].dx[i]))) printf("  %s gradient %d\n", golden[k].name, i);
        m = module(golden[k].name);
        if (!m) continue;
        modules++;
        r = dl_forward(c, m, x);
        CHECK(r->size == y->size && (!memcmp(r->data, y->data, (size_t)y->size * sizeof *y->data)));
    }
    CHECK(modules == 30);
    dl_set_training(c, training);
    CHECK_OK(c);
}

/* V08 of the curriculum: values and derivatives at -3, -1, -1/2, 0, 1/2, 1, 3 */
static void same(dl_tensor *y, dl_tensor *x, const double *value, const double *derivative)
{
    const double digits = sizeof(dl_real) == 8 ? 6e-9 : 5e-7;                        /* eight decimals */
    int i;
    dl_backward(c, y, .grad = dl_ones(c, DL_SHAPE(7)));
    for (i = 0; i < 7; i++) {
        CHECK_NEAR(y->data[i], value[i], digits);
        if (derivative) CHECK_NEAR(x->grad[i], derivative[i], digits);
    }
    dl_zero_grad(x);
}
static void curriculum(void)
{
    static const dl_real at[7] = {-3, -1, -0.5, 0, 0.5, 1, 3};
    static const double
        leaky[]   = {-0.03, -0.01, -0.005, 0, 0.5, 1, 3},
        dleaky[]  = {0.01, 0.01, 0.01, 0.01, 1, 1, 1},
        elu[]     = {-0.95021293, -0.63212056, -0.39346934, 0, 0.5, 1, 3},
        delu[]    = {0.04978707, 0.36787944, 0.60653066, 1, 1, 1, 1},
        gelu_t[]  = {-0.00363739, -0.15880801, -0.15428599, 0, 0.34571401, 0.84119199, 2.99636261},
        dgelu_t[] = {-0.01158417, -0.08296408, 0.13263010, 0.5, 0.86736990, 1.08296408, 1.01158417},
        gelu[]    = {-0.00404969, -0.15865525, -0.15426877, 0, 0.34573123, 0.84134475, 2.99595031},
        swish[]   = {-0.14227762, -0.26894142, -0.18877033, 0, 0.31122967, 0.73105858, 2.85772238},
        dswish[]  = {-0.08810411, 0.07232949, 0.26003881, 0.5, 0.73996119, 0.92767051, 1.08810411},
        mish[]    = {-0.14564746, -0.30340146, -0.22074377, 0, 0.37524521, 0.86509839, 2.98653500},
        dmish[]   = {-0.09339311, 0.05921676, 0.28951068, 0.6, 0.88642438, 1.04903622, 1.02110691},
        softplus[] = {0.04858735, 0.31326169, 0.47407698, 0.69314718, 0.97407698, 1.31326169, 3.04858735};
    dl_tensor *x;
    dl_real far[2] = {-1000, 1000}, huge[4] = {(dl_real)1e13, (dl_real)1e30, (dl_real)-1e13, (dl_real)-1e30};
    int i;
    ROW("ACT-06"); ROW("ACT-07"); ROW("ACT-08"); ROW("ACT-09"); ROW("ACT-10"); ROW("ACT-11"); ROW("TFM-01");
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_tensor_from(c, at, DL_SHAPE(7)), 1);
    same(dl_leaky_relu(c, x, 0.01f), x, leaky, dleaky);
    same(dl_elu(c, x, 1), x, elu, delu);
    same(dl_gelu_tanh(c, x), x, gelu_t, dgelu_t);
    same(dl_gelu(c, x), x, gelu, NULL);
    same(dl_silu(c, x), x, swish, dswish);
    same(dl_mish(c, x), x, mish, dmish);
    same(dl_softplus(c, x, 1, 20), x, softplus, NULL);
    x = dl_requires_grad(c, dl_tensor_from(c, huge, DL_SHAPE(4)), 1);                 /* x^3 is infinite in float */
    dl_backward(c, dl_sum(c, dl_gelu_tanh(c, x)));
    for (i = 0; i < 4; i++) CHECK(x->grad[i] == (i < 2));
    x = dl_softplus(c, dl_tensor_from(c, far, DL_SHAPE(2)), 1, 20);                   /* stable for large abs(x) */
    CHECK(x->data[0] == 0 && x->data[1] == 1000);
    x = dl_tensor_from(c, at, DL_SHAPE(7));                                          /* step(0) = 0; the identity is x itself */
    for (i = 0; i < 7; i++) CHECK(dl_step(c, x)->data[i] == (at[i] > 0));
    CHECK(dl_identity(c, x) == x && dl_forward(c, dl_nn_identity(c), x) == x);
    CHECK(dl_forward(c, dl_nn_step(c), x)->data[6] == 1);
    CHECK_OK(c);
}

/* ACT-12: relu units with a large negative bias give 0 and learn nothing; leaky relu and elu keep a gradient */
static dl_tensor *dead(dl_tensor *w, dl_tensor *b, int kind)
{
    dl_tensor *h = dl_linear(c, dl_sub_scalar(c, dl_rand(c, DL_SHAPE(50, 4)), 0.5f), w, b);
    h = kind == 0 ? dl_relu(c, h) : kind == 1 ? dl_leaky_relu(c, h, 0.01f) : dl_elu(c, h, 1);
    dl_zero_grad(w);
    dl_backward(c, dl_sum(c, h));
    return h;
}
static void dead_relu(void)
{
    dl_tensor *w, *b, *h;
    int i, kind;
    ROW("ACT-12");
    dl_step_begin(c);
    w = dl_requires_grad(c, dl_randn(c, DL_SHAPE(3, 4)), 1);
    b = dl_full(c, DL_SHAPE(3), -10);
    h = dead(w, b, 0);
    for (i = 0; i < h->size; i++) CHECK(h->data[i] == 0);
    for (i = 0; i < w->size; i++) CHECK(w->grad[i] == 0);
    for (kind = 1; kind < 3; kind++) {
        double sum = 0;
        dead(w, b, kind);
        for (i = 0; i < w->size; i++) sum += fabs((double)w->grad[i]);
        CHECK(sum > 1e-4);
    }
    CHECK_OK(c);
}

/* ACT-16: away from the kinks every gradient is that of differences; compositions and the learned slope too */
static dl_tensor *check_case(dl_ctx *ctx, dl_tensor **x, void *user) { (void)ctx; return function((const char *)user, x[0]); }
static dl_tensor *check_prelu(dl_ctx *ctx, dl_tensor **x, void *user) { (void)user; return dl_prelu(ctx, x[0], x[1]); }
static dl_tensor *check_gumbel(dl_ctx *ctx, dl_tensor **x, void *user) { (void)user; return dl_gumbel_softmax(ctx, x[0], 1, .tau = 0.7f); }
static void gradcheck(void)
{
    int k, i, training = dl_set_training(c, 0);
    dl_tensor *x[2];
    ROW("ACT-16");
#ifndef DL_DOUBLE
    dl_set_training(c, training);
    SKIP("in double");
    return;
#else
    dl_step_begin(c);
    x[0] = dl_requires_grad(c, dl_empty(c, DL_SHAPE(2, 8)), 1);
    for (i = 0; i < 16; i++) x[0]->data[i] = (dl_real)(i - 7.7) * 0.43;              /* no kink at any of them */
    for (k = 0; k < CASES; k++) if (!CHECK(dl_gradcheck(c, check_case, 1, x, .user = (void *)golden[k].name))) printf("  %s\n", dl_error(c));
    x[1] = dl_requires_grad(c, slopes(8), 1);
    CHECK(dl_gradcheck(c, check_prelu, 2, x));
    x[1] = dl_requires_grad(c, slopes(1), 1);
    CHECK(dl_gradcheck(c, check_prelu, 2, x));
    CHECK(dl_gradcheck(c, check_gumbel, 1, x));
    dl_set_training(c, training);
    CHECK_OK(c);
#endif
}

static void random_slopes(void)
{
    dl_tensor *x, *y, *z;
    double sum = 0;
    int i;
    dl_step_begin(c);
    dl_set_training(c, 1);
    x = dl_requires_grad(c, dl_full(c, DL_SHAPE(1000), -1), 1);
    y = dl_rrelu(c, x, 0.125f, 0.5f);
    z = dl_rrelu(c, x, 0.125f, 0.5f);
    dl_backward(c, dl_sum(c, y));
    for (i = 0; i < 1000; i++) {
        CHECK(y->data[i] <= -0.125f && y->data[i] >= -0.5f && x->grad[i] == -y->data[i]);
        sum += (double)y->data[i];
    }
    CHECK_NEAR(sum / 1000, -0.3125, 0.02);
    CHECK(memcmp(y->data, z->data, 1000 * sizeof(dl_real)));
    CHECK_OK(c);
}

/* class i is drawn with probability softmax(x)_i: 0.1, 0.2, 0.7; hard samples have the soft ones' gradient */
static void gumbel(void)
{
    const dl_real p[3] = {(dl_real)log(0.1), (dl_real)log(0.2), (dl_real)log(0.7)};
    static const dl_real tied[4] = {(dl_real)1e20, (dl_real)1e20, (dl_real)1e20, 0};
    double count[3] = {0, 0, 0};
    dl_tensor *x, *y;
    int i, j;
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_expand(c, dl_tensor_from(c, p, DL_SHAPE(1, 3)), DL_SHAPE(20000, 3)), 1);
    y = dl_gumbel_softmax(c, x, -1, .hard = 1);
    for (i = 0; i < 20000; i++) for (j = 0; j < 3; j++) count[j] += (double)y->data[3 * i + j];
    CHECK_NEAR(count[0] / 20000, 0.1, 0.01);
    CHECK_NEAR(count[1] / 20000, 0.2, 0.015);
    CHECK_NEAR(count[2] / 20000, 0.7, 0.015);
    for (i = 0; i < 60; i++) CHECK(fabs((double)y->data[i]) < 1e-6 || fabs((double)y->data[i] - 1) < 1e-6);
    dl_backward(c, dl_sum(c, dl_mul(c, y, x)), .grad = NULL);
    CHECK(x->grad[0] != 0);
    y = dl_gumbel_softmax(c, x, 1, .tau = 0.5f);
    CHECK_NEAR(dl_item(dl_sum(c, y)), 20000, 0.1);
    CHECK(y->data[0] > 0 && y->data[0] < 1);
    for (i = 0; i < 24; i++) {                                       /* rand's largest number, seen among 25 million, is no 1 */
        dl_step_begin(c);
        CHECK(isfinite(dl_item(dl_sum(c, dl_gumbel_softmax(c, dl_zeros(c, DL_SHAPE(65536, 16)), -1)))));
    }
    x = dl_tensor_from(c, tied, DL_SHAPE(2, 2));                                     /* far above the noise: the first of equals */
    y = dl_gumbel_softmax(c, x, 1, .hard = 1);
    for (i = 0; i < 4; i++) CHECK(y->data[i] == (i == 0 || i == 2));
    y = dl_gumbel_softmax(c, x, 0, .hard = 1);
    for (i = 0; i < 4; i++) CHECK(y->data[i] == (i < 2));
    CHECK_OK(c);
}

/* a learned slope: y = x for x > 0 and 0.4 x else is found */
static void prelu_learns(void)
{
    dl_module *m = dl_nn_prelu(c, 1, .slope = 0.1f);
    dl_optim *o = dl_optim_sgd(c, m, .lr = 0.1f);
    int step;
    CHECK(dl_param_count(m) == 1 && dl_module_get(c, m, "weight")->size == 1);
    CHECK_NEAR(dl_module_get(c, dl_nn_prelu(c, 5), "weight")->data[4], 0.25, 0);
    for (step = 0; step < 200; step++) {
        dl_tensor *x;
        dl_step_begin(c);
        x = dl_randn(c, DL_SHAPE(64));
        dl_backward(c, dl_mse_loss(c, dl_forward(c, m, x), dl_leaky_relu(c, x, 0.4f)));
        dl_optim_step(c, o);
    }
    CHECK_NEAR(dl_module_get(c, m, "weight")->data[0], 0.4, 1e-3);
    CHECK_OK(c);
}

/* results so large that they go past the caches have the bits of small ones */
static void large_results(void)
{
    const int64_t n = (2 << 20) + 37;
    dl_tensor *x, *y, *z;
    int64_t i;
    int bad = 0;
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_randn(c, DL_SHAPE(n)), 1);
    y = dl_gelu(c, x);
    z = dl_gelu(c, dl_slice(c, x, 0, n - 1000, n));
    CHECK(!memcmp(z->data, y->data + n - 1000, 1000 * sizeof(dl_real)));
    dl_backward(c, y, .grad = y);
    for (i = 0; i < n; i += 9999) CHECK(x->grad[i] == x->grad[i]);
    x = dl_randn(c, DL_SHAPE(4096, 528));
    y = dl_softmax(c, x, -1);
    z = dl_softmax(c, dl_slice(c, x, 0, 4000, 4096), -1);
    CHECK(!memcmp(z->data, y->data + 4000 * 528, 96 * 528 * sizeof(dl_real)));
    x = dl_requires_grad(c, dl_randn(c, DL_SHAPE(n)), 1);           /* two gradients, stored, then added to */
    z = dl_requires_grad(c, dl_randn(c, DL_SHAPE(n)), 1);
    y = dl_randn(c, DL_SHAPE(n));
    for (i = 0; i < 2; i++) dl_backward(c, dl_mul(c, x, z), .grad = y);
    for (i = 0; i < n && bad < 9; i++) bad += x->grad[i] != 2 * (y->data[i] * z->data[i]) || z->grad[i] != 2 * (y->data[i] * x->data[i]);
    CHECK(bad == 0);
    CHECK_OK(c);
}

static void bad_input(void)
{
    dl_tensor *x;
    dl_step_begin(c);
    x = dl_ones(c, DL_SHAPE(2, 7));
    dl_glu(c, x, 1);                         CHECK_ERROR(c, "glu: axis 1 of (2,7) has no halves");
    dl_softshrink(c, x, -1);                 CHECK_ERROR(c, "softshrink: lambda is -1, expected 0 or more");
    dl_hardshrink(c, x, (dl_real)NAN);       CHECK_ERROR(c, "hardshrink: lambda is nan");
    dl_hardtanh(c, x, 2, 0);                 CHECK_ERROR(c, "hardtanh: from 2 to 0, expected low <= high");
    dl_swiglu(c, x, 5);                      CHECK_ERROR(c, "swiglu: axis 5 of (2,7)");
    dl_geglu(c, NULL, 0);                    CHECK_ERROR(c, "geglu");
    dl_maxout(c, x, 2, 1);                   CHECK_ERROR(c, "maxout: axis 1 of (2,7) is no multiple of k = 2");
    dl_maxout(c, x, 0, 1);                   CHECK_ERROR(c, "k = 0");
    dl_prelu(c, x, slopes(3));               CHECK_ERROR(c, "prelu: the slopes (3) do not fit (2,7)");
    dl_prelu(c, x, NULL);                    CHECK_ERROR(c, "prelu");
    dl_prelu(c, x, dl_ones(c, DL_SHAPE(1, 1, 1))); CHECK_ERROR(c, "prelu: the slopes (1,1,1) do not fit (2,7)");
    CHECK(dl_prelu(c, x, dl_scalar(c, 2))->ndim == 2);
    dl_rrelu(c, x, 0.5f, 0.1f);              CHECK_ERROR(c, "rrelu: slopes from 0.5 to 0.1");
    dl_softmax_temperature(c, x, 1, 0);      CHECK_ERROR(c, "softmax_temperature: temperature is 0, expected a positive number");
    dl_gumbel_softmax(c, x, 1, .tau = -1);   CHECK_ERROR(c, "gumbel_softmax: tau is -1");
    dl_gumbel_softmax(c, x, 2);              CHECK_ERROR(c, "gumbel_softmax: axis 2");
    dl_softmin(c, NULL, 0);                  CHECK_ERROR(c, "NULL");
    dl_elu(c, NULL, 1);                      CHECK_ERROR(c, "elu");
    dl_step(c, NULL);                        CHECK_ERROR(c, "step");
    dl_identity(c, NULL);                    CHECK_ERROR(c, "identity");
    dl_nn_prelu(c, 0);                       CHECK_ERROR(c, "prelu");
    CHECK(dl_is_nil(dl_relu6(NULL, x)) && dl_is_nil(dl_silu(NULL, NULL)) && dl_is_nil(dl_maxout(NULL, x, 2, 0)));
    CHECK(dl_nn_gelu(NULL) != NULL && dl_nn_prelu(NULL, 3) != NULL);
    CHECK_OK(c);
}

int main(void)
{
    c = dl_create(.seed = 5);
    RUN(values_and_gradients);
    RUN(curriculum);
    RUN(dead_relu);
    RUN(gradcheck);
    RUN(random_slopes);
    RUN(gumbel);
    RUN(prelu_learns);
    RUN(large_results);
    RUN(bad_input);
    dl_destroy(c);
    TEST_END;
}
