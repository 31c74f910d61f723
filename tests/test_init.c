/* build: float double asan */
/* Initializers that test_modules.c does not show: fixed patterns, sparse, gains, fans, layer-sequential unit variance. */
#include "dl.h"
#include "test.h"

#define R(x) ((dl_real)(x))

static double mean_square(const dl_tensor *x, double mean)
{
    double s = 0;
    for (int64_t i = 0; i < x->size; i++) s += ((double)x->data[i] - mean) * ((double)x->data[i] - mean);
    return s / (double)x->size;
}

static void constants(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *w = dl_empty(c, DL_SHAPE(2, 3));
    dl_init_ones(c, w);
    for (int i = 0; i < 6; i++) CHECK(w->data[i] == 1);
    dl_init_zeros(c, w);
    for (int i = 0; i < 6; i++) CHECK(w->data[i] == 0);
    dl_init_eye(c, w);
    for (int i = 0; i < 6; i++) CHECK(w->data[i] == (i == 0 || i == 4));
    CHECK_OK(c);
    dl_destroy(c);
}

/* A convolution with it passes its input on: y_k = x_k for the first channels of each group. */
static void dirac(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *w = dl_empty(c, DL_SHAPE(4, 2, 3, 5)), *line = dl_empty(c, DL_SHAPE(3, 2, 4)), *x, *y;
    dl_init_dirac(c, w, .groups = 2);
    for (int k = 0; k < 4; k++) for (int i = 0; i < 2; i++) for (int j = 0; j < 15; j++)
        CHECK(w->data[(k * 2 + i) * 15 + j] == (i == k % 2 && j == 7));
    x = dl_randn(c, DL_SHAPE(1, 4, 6, 7));
    y = dl_conv2d(c, x, w, NULL, .same = 1, .groups = 2);
    for (int64_t i = 0; i < x->size; i++) CHECK(x->data[i] == y->data[i]);
    dl_init_dirac(c, line);                                            /* even sizes: the one behind the middle */
    for (int k = 0; k < 3; k++) for (int i = 0; i < 2; i++) for (int j = 0; j < 4; j++)
        CHECK(line->data[(k * 2 + i) * 4 + j] == (i == k && j == 2));
    CHECK_OK(c);
    dl_destroy(c);
}

static void sparse(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *w = dl_empty(c, DL_SHAPE(50, 300));
    int different = 0;
    dl_init_sparse(c, w, 0.29, .std = 2);
    for (int j = 0; j < 300; j++) {
        int zeros = 0;
        for (int i = 0; i < 50; i++) {
            zeros += w->data[i * 300 + j] == 0;
            different += (w->data[i * 300 + j] == 0) != (w->data[i * 300] == 0);
        }
        CHECK(zeros == 15);                                            /* 14.5 rounded up, in each column, as in PyTorch */
    }
    CHECK(different > 1000);
    CHECK_NEAR(sqrt(mean_square(w, 0) * 50 / 35), 2, 0.06);
    dl_init_sparse(c, w, 0);
    CHECK_NEAR(sqrt(mean_square(w, 0)), 0.01, 3e-4);
    dl_init_sparse(c, w, 1);
    CHECK(mean_square(w, 0) == 0);
    CHECK_OK(c);
    dl_destroy(c);
}

static void gains_and_fans(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *w = dl_empty(c, DL_SHAPE(256, 128, 3, 3)), *v = dl_empty(c, DL_SHAPE(400, 250));
    ROW("INIT-09");
    CHECK(dl_init_fan(c, w, DL_FAN_IN) == 1152 && dl_init_fan(c, w, DL_FAN_OUT) == 2304);
    CHECK(dl_init_gain("linear") == 1 && dl_init_gain("conv2d") == 1 && dl_init_gain("conv_transpose3d") == 1);
    CHECK(dl_init_gain("selu") == 0.75);
    CHECK_NEAR(dl_init_gain("leaky_relu", .slope = 0.2), sqrt(2 / 1.04), 1e-12);
    CHECK_NEAR(dl_init_gain("leaky_relu", .slope = -1), sqrt(2), 1e-12);
    CHECK(dl_init_gain("leaky") != dl_init_gain("leaky"));
    dl_init_he_normal(c, v, .a = sqrt(5));                             /* torch.nn.Linear: gain sqrt(1/3) */
    CHECK_NEAR(sqrt(mean_square(v, 0)), sqrt(1.0 / 3 / 250), 3e-4);
    dl_init_he_uniform(c, v, .a = 0.2, .mode = DL_FAN_OUT);
    CHECK_NEAR(sqrt(mean_square(v, 0)), sqrt(2 / 1.04 / 400), 2e-4);
    CHECK_OK(c);
    dl_destroy(c);
}

/* Ten layers of tanh: with N(0, 0.01^2) nothing arrives; after LSUV each layer's output has standard deviation 1. */
static void lsuv(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *net = dl_nn_sequential_with(c, NULL, 0);
    dl_tensor *x = dl_keep(c, dl_randn(c, DL_SHAPE(200, 64))), *h;
    dl_param *p;
    for (int i = 0; i < 10; i++) {
        dl_module_add(c, net, NULL, dl_nn_linear(c, 64, i == 4 ? 96 : 64));
        dl_module_add(c, net, NULL, dl_nn_tanh(c));
        if (i == 4) dl_module_add(c, net, NULL, dl_nn_linear(c, 96, 64));
    }
    for (int i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++) dl_init_normal(c, p->tensor, 0, R(0.01));
    dl_set_grad_enabled(c, 0);
    dl_step_begin(c);
    CHECK(mean_square(dl_forward(c, net, x), 0) < 1e-3);
    CHECK(dl_init_lsuv(c, net, x) == 11);
    CHECK(dl_is_training(c));
    h = x;
    for (int i = 0; i < net->nchildren; i++) {
        h = dl_forward(c, net->children[i], h);
        if (net->children[i]->nparams) {
            double mean = 0;
            for (int64_t k = 0; k < h->size; k++) mean += (double)h->data[k] / (double)h->size;
            CHECK_NEAR(sqrt(mean_square(h, mean)), 1, 0.1);
        }
    }
    CHECK(dl_init_lsuv(c, net, x, .std = 0.5, .tol = 0.01) == 11);
    CHECK(dl_init_lsuv(c, dl_nn_weight_noise(c, net, R(0.01)), x) == 11);               /* modules whose type is a struct of their own */
    CHECK_OK(c);
    dl_destroy(c);
}

static void bad_input(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *v = dl_empty(c, DL_SHAPE(5)), *m = dl_empty(c, DL_SHAPE(5, 4)), *k = dl_empty(c, DL_SHAPE(5, 4, 3)), *n = dl_arange(c, 0, 4, 1);
    dl_module *net = dl_nn_linear(c, 4, 3);
    dl_init_eye(c, v);                                        CHECK_ERROR(c, "init_eye: (5)");
    dl_init_eye(c, NULL);                                     CHECK_ERROR(c, "NULL");
    dl_init_zeros(c, NULL);                                   CHECK_ERROR(c, "NULL");
    dl_init_dirac(c, m);                                      CHECK_ERROR(c, "init_dirac: (5,4)");
    dl_init_dirac(c, k, .groups = 2);                         CHECK_ERROR(c, "2 groups");
    dl_init_sparse(c, v, 0.5);                                CHECK_ERROR(c, "init_sparse: (5)");
    dl_init_sparse(c, m, 1.5);                                CHECK_ERROR(c, "init_sparse: sparsity is 1.5, expected 0 to 1");
    dl_init_sparse(c, m, NAN);                                CHECK_ERROR(c, "sparsity is nan, expected 0 to 1");
    CHECK(dl_init_fan(c, v, DL_FAN_IN) == 0);                 CHECK_ERROR(c, "init_fan: (5) has no fan");
    CHECK(dl_init_fan(c, m, (dl_fan)5) == 0);                 CHECK_ERROR(c, "init_fan: mode is 5");
    CHECK(dl_init_lsuv(c, NULL, m) == 0);                     CHECK_ERROR(c, "NULL");
    CHECK(dl_init_lsuv(c, net, NULL) == 0);                   CHECK_ERROR(c, "NULL");
    CHECK(dl_init_lsuv(c, net, k) == 0);                      CHECK_ERROR(c, "linear");                    /* a wrong shape */
    CHECK(dl_init_lsuv(c, net, dl_zeros(c, DL_SHAPE(2, 4)), .std = -2) == 0);   CHECK_ERROR(c, "std -2");
    dl_init_zeros(c, dl_module_get(c, net, "bias"));
    dl_init_constant(c, dl_module_get(c, net, "weight"), R(0.25));
    CHECK(dl_init_lsuv(c, net, dl_zeros(c, DL_SHAPE(2, 4))) == 0);              CHECK_ERROR(c, "constant");
    n = dl_module_get(c, net, "weight");
    CHECK(n->data[0] == R(0.25) && n->data[n->size - 1] == R(0.25));           /* as it was */
    CHECK(dl_init_lsuv(NULL, net, n) == 0 && dl_init_fan(NULL, m, DL_FAN_IN) == 0);
    CHECK(dl_is_training(c) && dl_set_grad_enabled(c, 1) == 1);        /* restored after errors, too */
    dl_destroy(c);
}

int main(void)
{
    RUN(constants);
    RUN(dirac);
    RUN(sparse);
    RUN(gains_and_fans);
    RUN(lsuv);
    RUN(bad_input);
    TEST_END;
}
