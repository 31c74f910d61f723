/* build: float double */
/* Rows of curriculum.txt: worked examples, number by number, with the ops that are there. */
#include "dl.h"
#include "test.h"

#ifdef DL_DOUBLE
#define TOL 1e-9
#else
#define TOL 3e-6
#endif

static dl_ctx *c;

/* Values of x, each within tol of itself (or absolutely if small). */
static int same_values(const char *file, int line, const dl_tensor *x, double tol, int n, const double *values)
{
    int i;
    if (x->size != n) return test_check(file, line, 0, "number of values");
    for (i = 0; i < n; i++) {
        double v = x->dtype == DL_INT32 ? (double)x->idata[i] : (double)x->data[i];
        if (!test_near(file, line, v, values[i], tol * fmax(1, fabs(values[i])), "a value")) return 0;
    }
    return 1;
}
static int same_grad(const char *file, int line, const dl_tensor *x, double tol, int n, const double *values)
{
    dl_tensor g = *x;
    g.data = x->grad;
    return test_check(file, line, x->grad != NULL, "a gradient") && same_values(file, line, &g, tol, n, values);
}
#define LIST(...)           (int)(sizeof (double[]){__VA_ARGS__} / sizeof(double)), (double[]){__VA_ARGS__}
#define IS(x, ...)          same_values(__FILE__, __LINE__, x, TOL, LIST(__VA_ARGS__))
#define GRAD_IS(x, ...)     same_grad(__FILE__, __LINE__, x, TOL, LIST(__VA_ARGS__))
#define EIGHT(x, ...)       same_values(__FILE__, __LINE__, x, DIGITS(8), LIST(__VA_ARGS__))
#define NEAR(a, b)          CHECK_NEAR(a, b, TOL * fmax(1, fabs((double)(b))))
#define DIGITS(n)           fmax(TOL, 0.6 * pow(10, -(n)))                         /* printed with n decimals */
#define FROM(shape, ...)    dl_tensor_from(c, (dl_real[]){__VA_ARGS__}, shape)
#define LEAF(shape, ...)    dl_requires_grad(c, FROM(shape, __VA_ARGS__), 1)
#define INTS(shape, ...)    dl_tensor_from_int(c, (int32_t[]){__VA_ARGS__}, shape)
#define S1                  DL_SHAPE(1)

static dl_tensor *number(double v) { return dl_scalar(c, (dl_real)v); }
static dl_tensor *variable(double v) { return dl_requires_grad(c, number(v), 1); }
static dl_tensor *scaled(dl_tensor *x, double v) { return dl_mul_scalar(c, x, (dl_real)v); }
static void set(dl_module *m, const char *name, const dl_real *values)             /* a parameter by name */
{
    dl_tensor *p = dl_module_get(c, m, name);
    memcpy(p->data, values, (size_t)p->size * sizeof *values);
}
#define SET(m, name, ...)   set(m, name, (dl_real[]){__VA_ARGS__})

/* A module that is one trainable vector; its forward is not used. */
static const dl_module_type vector_type = {"vector", sizeof(dl_module), NULL};
static dl_module *vector(dl_tensor **w, dl_shape shape, const dl_real *values)
{
    dl_module *m = dl_module_create(c, &vector_type);
    *w = dl_module_param(c, m, "w", shape);
    memcpy((*w)->data, values, (size_t)(*w)->size * sizeof *values);
    return m;
}

/* --- TEN: tensors ------------------------------------------------------------------------------------------------ */
static void ten_arrays(void)
{
    dl_tensor *x, *y;
    int64_t n, h, v, k;
    int equal = 1;
    ROW("TEN-01"); ROW("TEN-05"); ROW("TEN-06"); ROW("TEN-08");
    dl_step_begin(c);
    x = dl_reshape(c, dl_arange(c, 0, 2 * 4 * 5 * 3, 1), DL_SHAPE(2, 4, 5, 3));
    CHECK(x->ndim == 4 && x->size == 120 && x->dtype == DL_REAL);
    y = dl_permute(c, x, DL_ORDER(0, 3, 1, 2));                                    /* (N, H, W, C) -> (N, C, H, W) */
    CHECK(y->shape[0] == 2 && y->shape[1] == 3 && y->shape[2] == 4 && y->shape[3] == 5);
    for (n = 0; n < 2; n++) for (h = 0; h < 4; h++) for (v = 0; v < 5; v++) for (k = 0; k < 3; k++)
        equal &= x->data[((n * 4 + h) * 5 + v) * 3 + k] == y->data[((n * 3 + k) * 4 + h) * 5 + v];
    y = dl_permute(c, y, DL_ORDER(0, 2, 3, 1));
    CHECK(equal && !memcmp(y->data, x->data, 120 * sizeof(dl_real)));
    CHECK(dl_flatten(c, dl_zeros(c, DL_SHAPE(7, 3, 3)), 1, -1)->shape[1] == 9);
    CHECK(dl_flatten(c, dl_zeros(c, DL_SHAPE(7, 28, 28)), 1, -1)->shape[1] == 784);
    y = dl_flatten(c, dl_zeros(c, DL_SHAPE(1, 28, 28)), 0, -1);
    CHECK(y->ndim == 1 && y->shape[0] == 784);
    IS(dl_one_hot(c, INTS(S1, 3), 7), 0, 0, 0, 1, 0, 0, 0);
    CHECK_OK(c);
}

static void ten_arithmetic(void)
{
    dl_tensor *a, *b, *row, *y;
    ROW("TEN-02"); ROW("TEN-04"); ROW("TEN-09"); ROW("TEN-10"); ROW("TEN-11"); ROW("TEN-15");
    dl_step_begin(c);
    a = FROM(DL_SHAPE(2, 2), 1, 2, 3, 4);
    b = FROM(DL_SHAPE(2, 2), 5, 6, 7, 8);
    IS(dl_matmul(c, a, b), 19, 22, 43, 50);
    row = LEAF(DL_SHAPE(2), 10, 20);
    y = dl_add(c, a, row);
    IS(y, 11, 22, 13, 24);
    dl_backward(c, y, .grad = dl_ones(c, DL_SHAPE(2, 2)));
    GRAD_IS(row, 2, 2);
    NEAR(dl_item(dl_norm(c, a)), sqrt(30));
    CHECK_NEAR(dl_item(dl_norm(c, a)), 5.477226, DIGITS(6));
    a = dl_reshape(c, a, DL_SHAPE(-1));
    IS(dl_mul(c, a, dl_reshape(c, b, DL_SHAPE(-1))), 5, 12, 21, 32);
    NEAR(dl_item(dl_sum(c, a)), 10);
    NEAR(dl_item(dl_mean(c, a)), 2.5);
    NEAR(dl_item(dl_var(c, a, .biased = 1)), 1.25);
    NEAR(dl_item(dl_max(c, a)), 4);
    NEAR(dl_item(dl_argmax(c, a)), 3);
    a = FROM(DL_SHAPE(2, 3), 1, 5, 3, 4, 2, 6);
    IS(dl_sum(c, a, .dims = DL_DIM(0)), 5, 7, 9);
    y = dl_mean(c, a, .dims = DL_DIM(1), .keepdim = 1);
    CHECK(y->ndim == 2 && y->shape[0] == 2 && y->shape[1] == 1);
    IS(y, 3, 4);
    IS(dl_var(c, a, .dims = DL_DIM(1), .biased = 1), 8.0 / 3, 8.0 / 3);
    IS(dl_max(c, a, .dims = DL_DIM(0)), 4, 5, 6);
    IS(dl_argmax(c, a, .dims = DL_DIM(1)), 1, 2);
    a = FROM(DL_SHAPE(3), 0.25, 1, 4);
    IS(dl_exp(c, a), exp(0.25), exp(1), exp(4));
    IS(dl_log(c, a), log(0.25), 0, log(4));
    IS(dl_sqrt(c, a), 0.5, 1, 2);
    IS(dl_pow(c, a, FROM(DL_SHAPE(3), 2, 5, 0.5)), 0.0625, 1, 2);
    IS(dl_pow_scalar(c, a, 3), 0.015625, 1, 64);
    CHECK_OK(c);
    dl_matmul(c, FROM(DL_SHAPE(1, 2), 1, 2), FROM(DL_SHAPE(1, 2), 1, 2));          /* inner sizes must agree */
    CHECK_ERROR(c, "matmul: (1,2)");
}

static void ten_affine(void)
{
    dl_tensor *w, *x;
    ROW("TEN-03");
    dl_step_begin(c);
    w = FROM(DL_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    x = FROM(DL_SHAPE(1, 2), 1, 2);
    IS(dl_matmul(c, x, w), 9, 12, 15);                                             /* row form, x W */
    /* column form, W x + b */
    IS(dl_add(c, dl_matmul(c, w, FROM(DL_SHAPE(3), 1, 0, -1)), FROM(DL_SHAPE(2), 10, 20)), 8, 18);
    IS(dl_linear(c, x, dl_transpose(c, w, 0, 1), FROM(DL_SHAPE(3), 1, 1, 1)), 10, 13, 16);
    CHECK_OK(c);
}

static void ten_reshape(void)                                                      /* V25: image, windows and back */
{
    dl_tensor *x, *y, *part[4];
    int i;
    ROW("TEN-07");
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_reshape(c, dl_arange(c, 0, 9, 1), DL_SHAPE(1, 1, 3, 3)), 1);
    for (i = 0; i < 4; i++)
        part[i] = dl_reshape(c, dl_slice(c, dl_slice(c, x, 2, i / 2, i / 2 + 2), 3, i % 2, i % 2 + 2), DL_SHAPE(-1));
    y = dl_stack(c, 4, part, 1);
    IS(y, 0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8);
    dl_backward(c, y, .grad = dl_ones(c, DL_SHAPE(4, 4)));
    GRAD_IS(x, 1, 2, 1, 2, 4, 2, 1, 2, 1);
    CHECK(dl_reshape(c, y, DL_SHAPE(2, 2, -1))->shape[2] == 4 && dl_reshape(c, y, DL_SHAPE(16))->data == y->data);
    CHECK_OK(c);
}

/* --- LIN: linear models and maximum likelihood ------------------------------------------------------------------- */
static dl_tensor *v02_x(void) { return FROM(DL_SHAPE(4, 2), 1, 1, 2, 1, 3, 1, 4, 1); }
static dl_tensor *v02_y(void) { return FROM(DL_SHAPE(4), 6, 5, 7, 10); }

static void lin_regression(void)
{
    dl_tensor *yhat, *w, *x, *y;
    dl_module *one;
    ROW("LIN-01"); ROW("LIN-02"); ROW("LIN-03"); ROW("LIN-04");
    dl_step_begin(c);
    IS(dl_linear(c, FROM(DL_SHAPE(2), 3, -1), FROM(DL_SHAPE(1, 2), 2, 5), FROM(S1, 0.5)), 1.5);
    y = v02_y();
    yhat = dl_matmul(c, v02_x(), FROM(DL_SHAPE(2), 1.4, 3.5));
    IS(dl_sub(c, yhat, y), -1.1, 1.3, 0.7, -0.9);
    IS(dl_matmul(c, dl_transpose(c, v02_x(), 0, 1), v02_x()), 30, 10, 10, 4);
    IS(dl_matmul(c, dl_transpose(c, v02_x(), 0, 1), y), 77, 28);
    NEAR(dl_item(dl_mse_loss(c, yhat, y, .reduction = DL_SUM)), 4.2);
    NEAR(dl_item(scaled(dl_mse_loss(c, yhat, y), 0.5)), 0.525);
    NEAR(dl_item(dl_mse_loss(c, yhat, y)), 1.05);
    one = dl_nn_linear(c, 1, 1);                                                   /* X w + b with b broadcast */
    SET(one, "weight", 1.4);
    SET(one, "bias", 3.5);
    yhat = dl_squeeze(c, dl_forward(c, one, FROM(DL_SHAPE(4, 1), 1, 2, 3, 4)), DL_DIM(1));
    IS(dl_sub(c, yhat, y), -1.1, 1.3, 0.7, -0.9);
    /* 1/2 (yhat - y)^2: the 2 and the 1/2 cancel */
    x = LEAF(S1, 4.9);
    dl_backward(c, scaled(dl_mse_loss(c, x, FROM(S1, 6), .reduction = DL_SUM), 0.5));
    GRAD_IS(x, -1.1);
    /* at the best w and b the gradient is 0 */
    w = LEAF(DL_SHAPE(2), 1.4, 3.5);
    dl_backward(c, scaled(dl_mse_loss(c, dl_matmul(c, v02_x(), w), y), 0.5));
    CHECK_NEAR(w->grad[0], 0, 1e-6);
    CHECK_NEAR(w->grad[1], 0, 1e-6);
    CHECK_OK(c);
}

/* -log of the Gaussian likelihood of V02: sum 1/2 log(2 pi s2) + (y - X w)^2 / (2 s2) */
static dl_tensor *gaussian_nll(dl_tensor *w, dl_tensor *s2)
{
    dl_tensor *square = dl_square(c, dl_sub(c, v02_y(), dl_matmul(c, v02_x(), w)));
    dl_tensor *constant = scaled(dl_log(c, scaled(s2, 2 * 3.14159265358979323846)), 0.5);
    return dl_sum(c, dl_add(c, constant, dl_div(c, square, scaled(s2, 2))));
}
static void lin_likelihood(void)
{
    dl_tensor *w, *s2, *p;
    double first[2], best;
    int i;
    ROW("LIN-08"); ROW("LIN-10"); ROW("LIN-11"); ROW("LIN-12");
    dl_step_begin(c);
    CHECK_NEAR(dl_item(dl_exp(c, dl_neg(c, gaussian_nll(FROM(DL_SHAPE(2), 1.4, 3.5), number(1))))), exp(-5.7757541328),
               1e-7);
    best = dl_item(gaussian_nll(FROM(DL_SHAPE(2), 1.4, 3.5), number(1)));
    CHECK_NEAR(best, 5.7757541328, DIGITS(10) * 6);
    CHECK(dl_item(gaussian_nll(FROM(DL_SHAPE(2), 1.5, 3.5), number(1))) > best &&
          dl_item(gaussian_nll(FROM(DL_SHAPE(2), 1.4, 3.4), number(1))) > best);
    p = dl_div_scalar(c, dl_exp(c, scaled(dl_square(c, FROM(DL_SHAPE(2), 0, 1)), -0.5)),
                      (dl_real)sqrt(2 * 3.14159265358979323846));
    IS(p, 0.3989422804, 0.2419707245);                                             /* the density of N(0, 1) */
    /* gradients are proportional: n / s^2 */
    for (i = 0; i < 3; i++) {
        double variance = 0.5 + i;
        w = LEAF(DL_SHAPE(2), 0.3 + (dl_real)i, -1);
        dl_backward(c, scaled(dl_mse_loss(c, dl_matmul(c, v02_x(), w), v02_y()), 0.5));
        first[0] = (double)w->grad[0]; first[1] = (double)w->grad[1];
        dl_zero_grad(w);
        dl_backward(c, gaussian_nll(w, number(variance)));
        NEAR(w->grad[0], first[0] * 4 / variance);
        NEAR(w->grad[1], first[1] * 4 / variance);
    }
    /* the likeliest s^2 is the mean of squares */
    s2 = dl_requires_grad(c, number(1.05), 1);
    dl_backward(c, gaussian_nll(FROM(DL_SHAPE(2), 1.4, 3.5), s2));
    CHECK_NEAR(s2->grad[0], 0, 2e-6);
    CHECK_OK(c);
}

static void lin_house_prices(void)                                                 /* [area, age] -> price */
{
    dl_tensor *x, *y;
    dl_module *m;
    ROW("LIN-06");
    dl_manual_seed(c, 6);
    dl_step_begin(c);
    x = dl_rand(c, DL_SHAPE(200, 2));
    y = dl_add(c, dl_matmul(c, x, FROM(DL_SHAPE(2, 1), 3, -1.5)),
               dl_add_scalar(c, scaled(dl_randn(c, DL_SHAPE(200, 1)), 0.01), 2));
    m = dl_nn_linear(c, 2, 1);
    dl_fit(c, m, dl_optim_sgd(c, m, .lr = 0.2), dl_data_tensors(c, x, y), .epochs = 100, .batch_size = 20, .quiet = 1);
    same_values(__FILE__, __LINE__, dl_module_get(c, m, "weight"), 0.01, LIST(3, -1.5));
    same_values(__FILE__, __LINE__, dl_module_get(c, m, "bias"), 0.01, LIST(2));
    CHECK_OK(c);
}

static void lin_classifiers(void)
{
    dl_module *m;
    dl_tensor *x, *y, *s, *w;
    ROW("LIN-14"); ROW("LIN-15"); ROW("LIN-16"); ROW("LIN-18"); ROW("LIN-19"); ROW("MLP-03");
    dl_step_begin(c);
    m = dl_nn_linear(c, 4, 3);
    CHECK(dl_param_count(m) == 15 && dl_forward(c, m, dl_ones(c, DL_SHAPE(4)))->size == 3);
    CHECK(dl_param_count(dl_nn_linear(c, 3072, 10)) == 30730 &&
          dl_param_count(dl_nn_linear(c, 3072, 10, .no_bias = 1)) == 30720);
    y = dl_forward(c, dl_nn_linear(c, 3072, 10, .no_bias = 1),
                   dl_flatten(c, dl_ones(c, DL_SHAPE(1, 3, 32, 32)), 1, -1));
    CHECK(y->shape[0] == 1 && y->shape[1] == 10);                                  /* one score a class */
    m = dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_softmax(c, 1));           /* O = X W + b, softmax by row */
    SET(m, "0.weight", 0.3, 0, 2.9, 1, 4, 2);
    SET(m, "0.bias", 0, 0, 0);
    s = dl_forward(c, m, FROM(DL_SHAPE(2, 2), 1, 0, 0, 1));
    IS(s, 0.0182112733, 0.2451918129, 0.7365969138, 0.0900305732, 0.2447284711, 0.6652409558);
    IS(dl_sum(c, s, .dims = DL_DIM(1)), 1, 1);
    w = LEAF(DL_SHAPE(1, 2), 2, -3);                                               /* logistic regression, V14 */
    x = LEAF(DL_SHAPE(1, 2), -1, -2);
    s = LEAF(S1, -3);
    y = dl_linear(c, x, w, s);
    NEAR(dl_item(y), 1);
    NEAR(dl_item(dl_sigmoid(c, y)), 0.7310585786);
    dl_backward(c, dl_bce_with_logits(c, y, FROM(DL_SHAPE(1, 1), 0)));             /* d / d logit = sigmoid - target */
    GRAD_IS(s, 0.7310585786);
    GRAD_IS(w, -0.7310585786, -1.4621171573);
    /* identity as activation: linear regression */
    x = FROM(DL_SHAPE(3, 2), 1, 2, 3, 4, 5, 6);
    w = FROM(DL_SHAPE(1, 2), 2, -1);
    CHECK(!memcmp(dl_linear(c, x, w, NULL, .activation = DL_LINEAR)->data, dl_linear(c, x, w, NULL)->data,
                  3 * sizeof(dl_real)));
    IS(dl_linear(c, x, w, FROM(S1, 1)), 1, 3, 5);
    CHECK_OK(c);
}

/* --- LOSS -------------------------------------------------------------------------------------------------------- */
static void loss_softmax(void)
{
    static const int q[] = {2, 3, 10, 100, 1000};
    static const double top[] = {0.7310585786, 0.5761168848, 0.2319693167, 0.0267236310, 0.0027136191};
    dl_tensor *x, *y;
    int i;
    ROW("LOSS-03"); ROW("LOSS-04"); ROW("LOSS-05"); ROW("LOSS-06"); ROW("LOSS-07");
    dl_step_begin(c);
    y = dl_softmax(c, FROM(DL_SHAPE(3), 0.3, 2.9, 4), 0);
    IS(y, 0.0182112733, 0.2451918129, 0.7365969138);
    NEAR(dl_item(dl_sum(c, y)), 1);
    y = dl_softmax(c, FROM(DL_SHAPE(3), 1010, 1000, 990), 0);
    CHECK_NEAR(y->data[0], 0.9999546, 1e-7);
    CHECK_NEAR(y->data[1], 4.5397869e-05, 1e-11);
    CHECK_NEAR(y->data[2], 2.0610600e-09, 1e-15);
    x = FROM(DL_SHAPE(3), 1, 2, 3);
    EIGHT(dl_softmax_temperature(c, x, 0, 0.5), 0.01587624, 0.11731043, 0.86681333);
    EIGHT(dl_softmax_temperature(c, x, 0, 1), 0.09003057, 0.24472847, 0.66524096);
    EIGHT(dl_softmax_temperature(c, x, 0, 2), 0.18632372, 0.30719589, 0.50648039);
    EIGHT(dl_softmax_temperature(c, x, 0, 10), 0.30060961, 0.33222499, 0.36716540);
    /* a constant changes nothing, a bias does */
    y = dl_softmax(c, dl_add_scalar(c, x, 7), 0);
    IS(y, 0.090030573170, 0.244728471055, 0.665240955775);
    y = dl_softmax(c, dl_add(c, x, FROM(DL_SHAPE(3), 2, 0, 0)), 0);
    CHECK(y->data[0] > (dl_real)0.4 && y->data[1] < (dl_real)0.2447);
    for (i = 0; i < 5; i++) {
        x = dl_zeros(c, DL_SHAPE(q[i]));
        x->data[0] = 1;
        NEAR(dl_softmax(c, x, 0)->data[0], top[i]);
    }
    CHECK_OK(c);
}

static void loss_cross_entropy(void)
{
    static const double want[] = {2.4076059644, 1.4076059644, 0.4076059644};
    dl_tensor *o, *y, *each, *p, *l;
    int k;
    ROW("LOSS-08"); ROW("LOSS-09"); ROW("LOSS-10"); ROW("LOSS-11"); ROW("LOSS-12"); ROW("LOSS-13"); ROW("LOSS-16");
    ROW("AUG-07");
    ROW("AD-11"); ROW("AD-12");
    dl_step_begin(c);
    o = FROM(DL_SHAPE(3), 1, 2, 3);
    l = dl_logsumexp(c, o);
    NEAR(dl_item(l), 3.4076059644);
    CHECK(dl_item(l) >= 3 && dl_item(l) <= 4.0986122887);
    IS(dl_log_softmax(c, o, 0), -2.4076059644, -1.4076059644, -0.4076059644);
    for (k = 0; k < 3; k++) {
        NEAR(dl_item(dl_cross_entropy(c, o, INTS(DL_SHAPE(0), k))), want[k]);
        NEAR(dl_item(dl_cross_entropy(c, o, dl_one_hot(c, INTS(DL_SHAPE(0), k), 3))), want[k]);
    }
    NEAR(dl_item(dl_cross_entropy(c, o, FROM(DL_SHAPE(3), 0.5, 0.25, 0.25))),
         0.5 * want[0] + 0.25 * want[1] + 0.25 * want[2]);
    o = LEAF(DL_SHAPE(1, 3), 1, 2, 3);
    dl_backward(c, dl_cross_entropy(c, o, INTS(S1, 2)));                           /* softmax - one-hot */
    GRAD_IS(o, 0.0900305732, 0.2447284711, -0.3347590442);
    o = LEAF(DL_SHAPE(2, 3), 1, 2, 3, 3, 1, 2);                                    /* over a batch of N: / N */
    dl_backward(c, dl_cross_entropy(c, o, INTS(DL_SHAPE(2), 2, 0)));
    GRAD_IS(o, 0.0900305732 / 2, 0.2447284711 / 2, -0.3347590442 / 2, -0.3347590442 / 2, 0.0900305732 / 2,
            0.2447284711 / 2);
    /* likelihood of the labels: a product */
    each = dl_cross_entropy(c, o, INTS(DL_SHAPE(2), 2, 1), .reduction = DL_NONE);
    p = dl_gather(c, dl_softmax(c, o, 1), 1, INTS(DL_SHAPE(2, 1), 2, 1));
    NEAR(-log(dl_item(dl_prod(c, p))), dl_item(dl_sum(c, each)));
    NEAR(dl_item(dl_cross_entropy(c, o, INTS(DL_SHAPE(2), 2, 1), .reduction = DL_SUM)), want[2] + want[0]);
    y = FROM(DL_SHAPE(2, 3), 0.2, 0.3, 0.5, 1, 0, 0);                           /* a distribution for each example */
    IS(dl_cross_entropy(c, o, y, .reduction = DL_NONE), 0.2 * want[0] + 0.3 * want[1] + 0.5 * want[2], want[2]);
    CHECK_OK(c);
}

/* V06: probabilities, given by their logarithms */
static void loss_mini_batch(void)
{
    dl_tensor *y, *t;
    ROW("LOSS-02"); ROW("LOSS-14"); ROW("LOSS-15");
    dl_step_begin(c);
    t = dl_one_hot(c, INTS(DL_SHAPE(2), 2, 2), 10);
    y = FROM(DL_SHAPE(2, 10), .1, .05, .6, 0, .05, .1, 0, .1, 0, 0, .1, .05, .1, 0, .05, .1, 0, .6, 0, 0);
    IS(scaled(dl_sum(c, dl_mse_loss(c, y, t, .reduction = DL_NONE), .dims = DL_DIM(1)), 0.5), 0.0975, 0.5975);
    IS(dl_neg(c, dl_sum(c, dl_mul(c, t, dl_log(c, dl_add_scalar(c, y, 1e-7))), .dims = DL_DIM(1))), 0.5108254571,
       2.3025840930);
    y = dl_log(c, y);
    CHECK_NEAR(dl_item(dl_cross_entropy(c, dl_slice(c, y, 0, 0, 1), INTS(S1, 2))), 0.5108254571, 2e-6);
    CHECK_NEAR(dl_item(dl_cross_entropy(c, dl_slice(c, y, 0, 1, 2), INTS(S1, 2))), 2.3025840930, 2e-6);
    CHECK_NEAR(dl_item(dl_cross_entropy(c, y, INTS(DL_SHAPE(2), 2, 2))), (0.5108254571 + 2.3025840930) / 2, 2e-6);
    CHECK_OK(c);
}

static void loss_binary(void)
{
    dl_tensor *x;
    ROW("LOSS-18");
    dl_step_begin(c);
    x = LEAF(S1, 0.5);
    dl_backward(c, dl_bce_with_logits(c, x, FROM(S1, 1)));
    NEAR(dl_item(dl_bce_with_logits(c, x, FROM(S1, 1))), 0.4740769842);
    GRAD_IS(x, -0.3775406688);
    dl_zero_grad(x);
    dl_backward(c, dl_bce_with_logits(c, x, FROM(S1, 0)));
    NEAR(dl_item(dl_bce_with_logits(c, x, FROM(S1, 0))), 0.9740769842);
    GRAD_IS(x, 0.6224593312);
    CHECK_OK(c);
}

/* Three classes of points in a plane. */
static dl_dataset *clouds(int n)
{
    dl_tensor *x = dl_randn(c, DL_SHAPE(n, 2)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n)));
    int i;
    for (i = 0; i < n; i++) {
        t->idata[i] = i % 3;
        x->data[2 * i] = x->data[2 * i] * (dl_real)0.3 + (i % 3 == 1) * 2;
        x->data[2 * i + 1] = x->data[2 * i + 1] * (dl_real)0.3 + (i % 3 == 2) * 2;
    }
    return dl_data_tensors(c, x, t);
}

static void loss_measures_learning(void)
{
    dl_dataset *d;
    dl_module *net;
    dl_scores before, after, nudged;
    dl_tensor *w;
    ROW("LOSS-17"); ROW("LOSS-19"); ROW("TRN-01"); ROW("TRN-09");
    dl_manual_seed(c, 11);
    dl_step_begin(c);
    d = clouds(90);
    net = dl_nn_sequential(c, dl_nn_linear(c, 2, 16), dl_nn_relu(c), dl_nn_linear(c, 16, 3));
    before = dl_evaluate(c, net, d);
    /* a small change: the loss moves, accuracy does not */
    w = dl_module_get(c, net, "2.weight");
    w->data[0] += (dl_real)1e-4;
    nudged = dl_evaluate(c, net, d);
    CHECK(nudged.accuracy == before.accuracy && nudged.loss != before.loss);
    dl_fit(c, net, dl_optim_adam(c, net, .lr = 0.02), d, .epochs = 15, .batch_size = 10, .quiet = 1);
    after = dl_evaluate(c, net, d);
    CHECK(after.loss < 0.3 * before.loss && after.accuracy > 0.97);
    dl_step_begin(c);
    /* predictions 1 0 1, truth 1 1 1: 2/3 */
    net = dl_nn_linear(c, 2, 2, .no_bias = 1);
    SET(net, "weight", 1, 0, 0, 1);
    d = dl_data_tensors(c, FROM(DL_SHAPE(3, 2), 0, 1, 1, 0, 0, 1), INTS(DL_SHAPE(3), 1, 1, 1));
    CHECK_NEAR(dl_evaluate(c, net, d).accuracy, 2.0 / 3, 1e-6);
    CHECK_OK(c);
}

/* --- ACT: activation functions ----------------------------------------------------------------------------------- */
static void act_functions(void)
{
    dl_tensor *x;
    ROW("ACT-01"); ROW("ACT-02"); ROW("ACT-03"); ROW("ACT-04"); ROW("ACT-05"); ROW("AD-08"); ROW("AD-09");
    dl_step_begin(c);
#define V08 -3, -1, -0.5, 0, 0.5, 1, 3
    x = LEAF(DL_SHAPE(7), V08);
    dl_backward(c, dl_sigmoid(c, x), .grad = dl_ones(c, DL_SHAPE(7)));
    EIGHT(dl_sigmoid(c, x), 0.04742587, 0.26894142, 0.37754067, 0.5, 0.62245933, 0.73105858, 0.95257413);
    same_grad(__FILE__, __LINE__, x, DIGITS(8),
              LIST(0.04517666, 0.19661193, 0.23500371, 0.25, 0.23500371, 0.19661193, 0.04517666));
    dl_zero_grad(x);
    dl_backward(c, dl_tanh(c, x), .grad = dl_ones(c, DL_SHAPE(7)));
    EIGHT(dl_tanh(c, x), -0.99505475, -0.76159416, -0.46211716, 0, 0.46211716, 0.76159416, 0.99505475);
    same_grad(__FILE__, __LINE__, x, DIGITS(8),
              LIST(0.00986604, 0.41997434, 0.78644773, 1, 0.78644773, 0.41997434, 0.00986604));
    dl_zero_grad(x);
    dl_backward(c, dl_relu(c, x), .grad = FROM(DL_SHAPE(7), 1, 2, 3, 4, 5, 6, 7));
    IS(dl_relu(c, x), 0, 0, 0, 0, 0.5, 1, 3);
    GRAD_IS(x, 0, 0, 0, 0, 5, 6, 7);
    IS(dl_gt(c, x, number(0)), 0, 0, 0, 0, 1, 1, 1);                               /* the step function, h(0) = 0 */
    IS(dl_linear(c, FROM(S1, 3), FROM(DL_SHAPE(1, 1), 1), NULL, .activation = DL_LINEAR), 3);      /* the identity */
    IS(dl_sigmoid(c, FROM(DL_SHAPE(2), -1000, 1000)), 0, 1);                       /* saturates at both ends */
    CHECK_OK(c);
}

static void act_vanishing(void)
{
    dl_tensor *x, *y;
    int depth, i;
    ROW("ACT-13");
    for (depth = 1; depth <= 10; depth++) {
        dl_step_begin(c);
        x = LEAF(DL_SHAPE(5), -2, -0.5, 0, 0.5, 2);
        for (y = x, i = 0; i < depth; i++) y = dl_sigmoid(c, y);
        dl_backward(c, dl_sum(c, y));
        for (i = 0; i < 5; i++) CHECK(x->grad[i] > 0 && (double)x->grad[i] <= pow(0.25, depth) * (1 + 1e-6));
    }
    NEAR(pow(0.25, 5), 9.765625e-04);
    dl_step_begin(c);
    /* at 0 the bound is met: 1/4 a layer */
    x = LEAF(S1, 0);
    for (y = x, i = 0; i < 10; i++) y = dl_sigmoid(c, dl_sub_scalar(c, y, i ? (dl_real)0.5 : 0));
    dl_backward(c, y, .grad = dl_ones(c, S1));
    CHECK_NEAR(x->grad[0], 9.5367431640625e-07, 1e-12);
    CHECK_OK(c);
}

static void collapse(void)                                                         /* stacked linear layers are one */
{
    dl_tensor *x, *w1, *w2, *b1, *b2, *w, *b, *y;
    ROW("ACT-14"); ROW("MLP-06");
    dl_step_begin(c);
    w1 = FROM(DL_SHAPE(2, 2), 1, 2, 3, 4); b1 = FROM(DL_SHAPE(2), 1, 1);
    w2 = FROM(DL_SHAPE(2, 2), 5, 6, 7, 8); b2 = FROM(DL_SHAPE(2), 1, 2);
    x = dl_randn(c, DL_SHAPE(5, 2));
    w = dl_matmul(c, w1, w2);
    b = dl_add(c, dl_matmul(c, b1, w2), b2);
    IS(w, 19, 22, 43, 50);
    IS(b, 13, 16);
    y = dl_sub(c, dl_add(c, dl_matmul(c, dl_add(c, dl_matmul(c, x, w1), b1), w2), b2),
               dl_add(c, dl_matmul(c, x, w), b));
    CHECK_NEAR(dl_item(dl_norm(c, y, .p = INFINITY)), 0, 1e-4);
    y = dl_sub(c, dl_matmul(c, w2, dl_matmul(c, w1, dl_transpose(c, x, 0, 1))),
               dl_matmul(c, dl_matmul(c, w2, w1), dl_transpose(c, x, 0, 1)));
    CHECK_NEAR(dl_item(dl_norm(c, y, .p = INFINITY)), 0, 1e-4);
    /* with a nonlinearity they are not */
    y = dl_matmul(c, dl_relu(c, dl_matmul(c, x, w1)), w2);
    CHECK(dl_item(dl_norm(c, dl_sub(c, y, dl_matmul(c, x, w)), .p = INFINITY)) > 0.1);
    CHECK_OK(c);
}

/* --- MLP: perceptrons -------------------------------------------------------------------------------------------- */
/* 1 if b + w1 x1 + w2 x2 > 0, else 0 */
static dl_tensor *perceptron(dl_tensor *x, dl_real w1, dl_real w2, dl_real b)
{
    return dl_gt(c, dl_linear(c, x, FROM(DL_SHAPE(1, 2), w1, w2), FROM(S1, b)), number(0));
}
static void mlp_gates(void)
{
    dl_tensor *x, *with_one, *nand, *or, *both[2];
    ROW("MLP-01"); ROW("MLP-02");
    dl_step_begin(c);
    x = FROM(DL_SHAPE(4, 2), 0, 0, 1, 0, 0, 1, 1, 1);
    nand = perceptron(x, -0.5, -0.5, 0.7);
    or = perceptron(x, 0.5, 0.5, -0.2);
    IS(perceptron(x, 0.5, 0.5, -0.7), 0, 0, 0, 1);
    IS(nand, 1, 1, 1, 0);
    IS(or, 0, 1, 1, 1);
    both[0] = nand; both[1] = or;
    IS(perceptron(dl_cat(c, 2, both, 1), 0.5, 0.5, -0.7), 0, 1, 1, 0);          /* XOR */
    /* the bias as weight of a third input, 1 */
    both[0] = x; both[1] = dl_ones(c, DL_SHAPE(4, 1));
    with_one = dl_cat(c, 2, both, 1);
    IS(dl_gt(c, dl_linear(c, with_one, FROM(DL_SHAPE(1, 3), 0.5, 0.5, -0.7), NULL), number(0)), 0, 0, 0, 1);
    CHECK_OK(c);
}

static void mlp_xor(void)
{
    dl_module *line, *net;
    dl_optim *opt;
    dl_tensor *x, *t;
    int step;
    ROW("MLP-04");
    dl_manual_seed(c, 1);
    dl_step_begin(c);
    x = dl_keep(c, FROM(DL_SHAPE(4, 2), 0, 0, 1, 0, 0, 1, 1, 1));
    t = dl_keep(c, FROM(DL_SHAPE(4, 1), 0, 1, 1, 0));
    /* the best line says 0.5 everywhere */
    line = dl_nn_linear(c, 2, 1);
    opt = dl_optim_sgd(c, line, .lr = 0.3, .momentum = 0.8);
    for (step = 0; step < 400; step++) {
        dl_step_begin(c);
        dl_backward(c, dl_mse_loss(c, dl_forward(c, line, x), t));
        dl_optim_step(c, opt);
    }
    same_values(__FILE__, __LINE__, dl_module_get(c, line, "weight"), 1e-4, LIST(0, 0));
    same_values(__FILE__, __LINE__, dl_module_get(c, line, "bias"), 1e-4, LIST(0.5));
    net = dl_nn_sequential(c, dl_nn_linear(c, 2, 8), dl_nn_tanh(c), dl_nn_linear(c, 8, 1));
    opt = dl_optim_adam(c, net, .lr = 0.05);
    for (step = 0; step < 300; step++) {
        dl_step_begin(c);
        dl_backward(c, dl_bce_with_logits(c, dl_forward(c, net, x), t));
        dl_optim_step(c, opt);
    }
    IS(dl_gt(c, dl_forward(c, net, x), number(0)), 0, 1, 1, 0);
    CHECK_OK(c);
}

static void mlp_three_layers(void)                                                 /* V10 */
{
    dl_module *net;
    dl_tensor *x, *a1, *z1, *a2, *z2, *y;
    ROW("MLP-07"); ROW("MLP-08"); ROW("MLP-09"); ROW("ACT-15");
    dl_step_begin(c);
    net = dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_sigmoid(c), dl_nn_linear(c, 3, 2), dl_nn_sigmoid(c),
                           dl_nn_linear(c, 2, 2));
    /* (out, in): the transpose of the row form */
    SET(net, "0.weight", .1, .2, .3, .4, .5, .6);
    SET(net, "0.bias", .1, .2, .3);
    SET(net, "2.weight", .1, .2, .3, .4, .5, .6);
    SET(net, "2.bias", .1, .2);
    SET(net, "4.weight", .1, .2, .3, .4);
    SET(net, "4.bias", .1, .2);
    x = FROM(DL_SHAPE(1, 2), 1, .5);
    a1 = dl_linear(c, x, dl_module_get(c, net, "0.weight"), dl_module_get(c, net, "0.bias"));
    z1 = dl_sigmoid(c, a1);
    a2 = dl_linear(c, z1, dl_module_get(c, net, "2.weight"), dl_module_get(c, net, "2.bias"));
    z2 = dl_sigmoid(c, a2);
    y = dl_forward(c, net, x);
    EIGHT(a1, 0.3, 0.7, 1.1);
    EIGHT(z1, 0.57444252, 0.66818777, 0.75026011);
    EIGHT(a2, 0.51615984, 1.21402696);
    EIGHT(z2, 0.62624937, 0.77101070);
    EIGHT(y, 0.31682708, 0.69627909);                                              /* identity for regression */
    /* softmax for classes: the same arg-max */
    EIGHT(dl_softmax(c, y, 1), 0.40625907, 0.59374093);
    CHECK(dl_argmax(c, y)->idata[0] == dl_argmax(c, dl_softmax(c, y, 1))->idata[0]);
    EIGHT(dl_matmul(c, x, FROM(DL_SHAPE(2, 3), .1, .3, .5, .2, .4, .6)), 0.2, 0.5, 0.8);     /* A = X W + B, row form */
    CHECK_OK(c);
}

static void mlp_networks(void)
{
    dl_module *net;
    dl_tensor *x, *y, *kept;
    dl_dataset *digits;
    dl_loader *batches;
    int i, k, equal = 1;
    ROW("MLP-10"); ROW("MLP-11"); ROW("MLP-12"); ROW("MLP-13");
    dl_manual_seed(c, 5);
    dl_step_begin(c);
    net = dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 784, 50), dl_nn_sigmoid(c), dl_nn_dropout(c, 0.5),
                           dl_nn_linear(c, 50, 10));
    CHECK(dl_param_count(net) == 39760);
    CHECK(dl_param_count(dl_nn_sequential(c, dl_nn_linear(c, 784, 50), dl_nn_linear(c, 50, 100),
                                          dl_nn_linear(c, 100, 10))) == 45360);
    digits = dl_data_drawn_digits(c, 20, 1);
    batches = dl_loader_create(c, digits, .batch_size = 20);
    CHECK(dl_next_batch(c, batches));
    dl_set_training(c, 0);
    y = dl_softmax(c, dl_forward(c, net, batches->input), 1);
    CHECK(y->shape[0] == 20 && y->shape[1] == 10);                                 /* one output a digit */
    /* a batch is as good as one by one */
    for (i = 0; i < 20; i++) {
        x = dl_softmax(c, dl_forward(c, net, dl_slice(c, batches->input, 0, i, i + 1)), 1);
        for (k = 0; k < 10; k++) equal &= fabs((double)(x->data[k] - y->data[10 * i + k])) < TOL;
    }
    CHECK(equal);
    /* inference: no gradients, weights as they were */
    kept = dl_keep(c, dl_detach(c, dl_module_get(c, net, "1.weight")));
    dl_set_grad_enabled(c, 0);
    y = dl_forward(c, net, batches->input);
    CHECK(!y->requires_grad && !memcmp(kept->data, dl_module_get(c, net, "1.weight")->data,
                                       (size_t)kept->size * sizeof(dl_real)));
    dl_set_grad_enabled(c, 1);
    dl_set_training(c, 1);
    dl_fit(c, net, dl_optim_sgd(c, net, .lr = 0.1), digits, .quiet = 1);          /* training: weights move */
    CHECK(memcmp(kept->data, dl_module_get(c, net, "1.weight")->data, (size_t)kept->size * sizeof(dl_real)));
    CHECK_OK(c);
}

static void mlp_interpolates(void)                                                 /* random labels, learned by heart */
{
    dl_dataset *d;
    dl_module *net;
    dl_tensor *t;
    int i;
    ROW("MLP-14");
    dl_manual_seed(c, 3);
    dl_step_begin(c);
    t = dl_to_int(c, scaled(dl_rand(c, DL_SHAPE(100)), 3.999));
    for (i = 0; i < 100; i++) CHECK(t->idata[i] >= 0 && t->idata[i] < 4);
    d = dl_data_tensors(c, dl_randn(c, DL_SHAPE(100, 20)), t);
    net = dl_nn_sequential(c, dl_nn_linear(c, 20, 128), dl_nn_relu(c), dl_nn_linear(c, 128, 4));
    CHECK(dl_param_count(net) > 10 * 100);
    dl_fit(c, net, dl_optim_adam(c, net, .lr = 0.01), d, .epochs = 60, .batch_size = 20, .quiet = 1);
    CHECK(dl_evaluate(c, net, d).accuracy == 1);
    CHECK_OK(c);
}

/* --- AD: graphs and backpropagation ------------------------------------------------------------------------------ */
static void ad_graphs(void)                                                        /* V12 */
{
    dl_tensor *a, *b, *g, *d, *e, *l, *x, *y, *z, *w, *tax, *p[2], *n[2];
    ROW("AD-01"); ROW("AD-02"); ROW("AD-03"); ROW("AD-04"); ROW("AD-05"); ROW("AD-06"); ROW("AD-07"); ROW("AD-25");
    dl_step_begin(c);
    a = variable(3); b = variable(1); g = variable(-2);
    d = scaled(b, 2);
    e = dl_add(c, a, d);
    l = dl_mul(c, g, e);
    dl_retain_grad(d);
    dl_retain_grad(e);
    NEAR(dl_item(d), 2); NEAR(dl_item(e), 5); NEAR(dl_item(l), -10);
    dl_backward(c, l);
    GRAD_IS(a, -2); GRAD_IS(b, -4); GRAD_IS(g, 5); GRAD_IS(e, -2); GRAD_IS(d, -2);
    x = variable(3); y = variable(-4); z = variable(2); w = variable(-1);
    l = scaled(dl_add(c, dl_mul(c, x, y), dl_maximum(c, z, w)), 2);
    NEAR(dl_item(l), -20);
    dl_backward(c, l);
    GRAD_IS(x, -8); GRAD_IS(y, 6); GRAD_IS(z, 2); GRAD_IS(w, 0);
    dl_zero_grad(x);
    dl_backward(c, dl_mul(c, x, x));                                               /* fan-out */
    GRAD_IS(x, 6);
    p[0] = variable(100); n[0] = variable(2); p[1] = variable(150); n[1] = variable(3); tax = variable(1.1);
    l = dl_mul(c, dl_add(c, dl_mul(c, p[0], n[0]), dl_mul(c, p[1], n[1])), tax);   /* the shopping graph */
    CHECK_NEAR(dl_item(l), 715, 1e-4);
    dl_backward(c, l);
    GRAD_IS(p[0], 2.2); GRAD_IS(n[0], 110); GRAD_IS(p[1], 3.3); GRAD_IS(n[1], 165); GRAD_IS(tax, 650);
    CHECK_OK(c);
}

static void ad_affine(void)                                                        /* V13 */
{
    dl_tensor *x, *w, *d, *b, *z, *x1, *x2, *f[3];
    int i;
    ROW("AD-10"); ROW("AD-15"); ROW("AD-16"); ROW("AD-17");
    dl_step_begin(c);
    x = LEAF(DL_SHAPE(1, 2), 1, 2);
    w = LEAF(DL_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    b = LEAF(DL_SHAPE(3), 0, 0, 0);
    d = FROM(DL_SHAPE(1, 3), 1, 0, -1);
    /* row form: dx = d W^T, dW = x^T d, db = d */
    z = dl_add(c, dl_matmul(c, x, w), b);
    IS(z, 9, 12, 15);
    dl_backward(c, z, .grad = d);
    GRAD_IS(w, 1, 0, -1, 2, 0, -2);
    GRAD_IS(x, -2, -2);
    GRAD_IS(b, 1, 0, -1);
    /* row i of the Jacobian dz/dx is row i of W^T */
    for (i = 0; i < 3; i++) {
        dl_tensor *unit = dl_zeros(c, DL_SHAPE(1, 3));
        unit->data[i] = 1;
        dl_zero_grad(x);
        dl_backward(c, dl_matmul(c, x, w), .grad = unit);
        GRAD_IS(x, i + 1, i + 4);
    }
    dl_zero_grad(w);
    /* column form z = W x: dz/dx = W, dW = d^T x^T */
    x = LEAF(DL_SHAPE(3), 1, -1, 2);
    for (i = 0; i < 2; i++) {
        dl_zero_grad(x);
        dl_zero_grad(w);
        dl_backward(c, dl_matmul(c, w, x), .grad = i ? FROM(DL_SHAPE(2), 0, 1) : FROM(DL_SHAPE(2), 1, 0));
        if (i) { GRAD_IS(x, 4, 5, 6); GRAD_IS(w, 0, 0, 0, 1, -1, 2); }
        else   { GRAD_IS(x, 1, 2, 3); GRAD_IS(w, 1, -1, 2, 0, 0, 0); }
    }
    /* f: R^2 -> R^3 at (1, 2): J^T (1, 1, 1), J is in ad_jacobians */
    x1 = variable(1); x2 = variable(2);
    f[0] = dl_add(c, scaled(x1, 2), dl_square(c, x2));
    f[1] = dl_sub(c, scaled(x2, 3), dl_square(c, x1));
    f[2] = scaled(dl_mul(c, x1, x2), 4);
    z = dl_stack(c, 3, f, 0);
    IS(z, 6, 5, 8);
    dl_backward(c, z, .grad = dl_ones(c, DL_SHAPE(3)));
    GRAD_IS(x1, 8); GRAD_IS(x2, 11);
    CHECK_OK(c);
}

/* V16: J = cross-entropy + lambda / 2 (|W1|^2 + |W2|^2) */
/* Row i of the Jacobian of y = f(x): one backward pass from the i-th unit vector. */
static dl_tensor *jacobian_row(dl_tensor *y, dl_tensor *x, int i)
{
    dl_tensor *unit = dl_zeros(c, DL_SHAPE(y->size)), *row = dl_zeros(c, DL_SHAPE(x->size));
    unit->data[i] = 1;
    dl_zero_grad(x);
    dl_backward(c, y, .grad = unit);
    memcpy(row->data, x->grad, (size_t)x->size * sizeof(dl_real));
    return row;
}
static dl_tensor *jacobian(dl_tensor *y, dl_tensor *x)
{
    dl_tensor *row[8];
    int i;
    for (i = 0; i < y->size; i++) row[i] = jacobian_row(y, x, i);
    return dl_stack(c, (int)y->size, row, 0);
}
static void ad_jacobians(void)                                                     /* V13 */
{
    dl_tensor *x, *x1, *x2, *f[3], *w[6], *h[6], *product;
    int i;
    ROW("AD-13"); ROW("AD-14"); ROW("AD-19"); ROW("TEN-14");
    dl_step_begin(c);
    x = LEAF(DL_SHAPE(2), 1, 2);
    x1 = dl_slice(c, x, 0, 0, 1);
    x2 = dl_slice(c, x, 0, 1, 2);
    f[0] = dl_add(c, scaled(x1, 2), dl_square(c, x2));
    f[1] = dl_sub(c, scaled(x2, 3), dl_square(c, x1));
    f[2] = scaled(dl_mul(c, x1, x2), 4);
    IS(dl_cat(c, 3, f, 0), 6, 5, 8);
    IS(jacobian(dl_cat(c, 3, f, 0), x), 2, 4, -2, 3, 8, 4);
    x = LEAF(DL_SHAPE(3), 1, 2, -3);
    IS(dl_eye(c, 3), 1, 0, 0, 0, 1, 0, 0, 0, 1);
    IS(jacobian(dl_reshape(c, x, DL_SHAPE(3)), x), 1, 0, 0, 0, 1, 0, 0, 0, 1);     /* identity */
    IS(jacobian(dl_square(c, x), x), 2, 0, 0, 0, 4, 0, 0, 0, -6);                  /* elementwise: diag(2 x) */
    IS(dl_diag(c, scaled(x, 2)), 2, 0, 0, 0, 4, 0, 0, 0, -6);
    IS(dl_diag(c, dl_diag(c, x)), 1, 2, -3);
    /* a deep net: a product of Jacobians */
    dl_manual_seed(c, 4);
    h[0] = dl_requires_grad(c, dl_randn(c, DL_SHAPE(4)), 1);
    for (i = 1; i < 6; i++) {
        w[i] = scaled(dl_randn(c, DL_SHAPE(4, 4)), 0.3);
        h[i] = dl_tanh(c, dl_matmul(c, w[i], h[i - 1]));
    }
    product = dl_eye(c, 4);
    for (i = 5; i > 0; i--) {                                                      /* diag(1 - h^2) W */
        dl_tensor *slopes = dl_rsub_scalar(c, dl_square(c, dl_detach(c, h[i])), 1);
        product = dl_matmul(c, product, dl_matmul(c, dl_diag(c, slopes), w[i]));
    }
    CHECK_NEAR(dl_item(dl_norm(c, dl_sub(c, product, jacobian(h[5], h[0])))), 0, 1e-6);
    for (i = 0; i < 2; i++) {                                                      /* 10 layers that halve or double */
        dl_tensor *y = LEAF(S1, 1), *first = y;
        int layer;
        for (layer = 0; layer < 10; layer++) y = scaled(y, i ? 2 : 0.5);
        dl_backward(c, y, .grad = dl_ones(c, S1));
        NEAR(first->grad[0], i ? 1024 : 1.0 / 1024);
    }
    CHECK_OK(c);
}

static void ad_hidden_layer(void)
{
    dl_tensor *x, *w1, *w2, *z, *h, *o, *l, *s, *j;
    ROW("AD-18"); ROW("MLP-05"); ROW("LOSS-24");
    dl_step_begin(c);
    x  = FROM(DL_SHAPE(2), 1, 2);
    w1 = LEAF(DL_SHAPE(3, 2), .1, .2, -.3, .4, .5, -.6);
    w2 = LEAF(DL_SHAPE(2, 3), .1, -.2, .3, .4, .5, -.6);
    z = dl_matmul(c, w1, x);
    h = dl_relu(c, z);
    o = dl_matmul(c, w2, h);
    l = dl_cross_entropy(c, o, INTS(DL_SHAPE(0), 0));
    s = scaled(dl_add(c, dl_square(c, dl_norm(c, w1)), dl_square(c, dl_norm(c, w2))), 0.05);
    j = dl_add(c, l, s);
    dl_retain_grad(o); dl_retain_grad(h); dl_retain_grad(z);
    IS(z, 0.5, 0.5, -0.7);
    IS(h, 0.5, 0.5, 0);
    IS(o, -0.05, 0.45);
    NEAR(dl_item(l), 0.9740769842);
    NEAR(dl_item(s), 0.091);
    NEAR(dl_item(j), 1.0650769842);
    dl_backward(c, j);
    GRAD_IS(o, -0.6224593312, 0.6224593312);
    GRAD_IS(h, 0.3 * 0.6224593312, 0.7 * 0.6224593312, -0.9 * 0.6224593312);
    GRAD_IS(z, 0.3 * 0.6224593312, 0.7 * 0.6224593312, 0);
    GRAD_IS(w1, 0.1967377994, 0.3934755987, 0.4057215318, 0.9114430637, 0.05, -0.06);
    GRAD_IS(w2, -0.3012296656, -0.3312296656, 0.03, 0.3512296656, 0.3612296656, -0.06);
    CHECK_OK(c);
}

static void ad_gradients(void)
{
    static const double at[3][2] = {{3, 4}, {0, 2}, {3, 0}};
    dl_tensor *x, *w, *b, *y, *v[5];
    dl_module *m;
    dl_optim *opt;
    int i;
    ROW("AD-22"); ROW("AD-23"); ROW("AD-24");
    dl_step_begin(c);
    for (i = 1; i <= 2; i++) {                                                     /* V15: f = 0.01 x^2 + 0.1 x */
        x = variable(5 * i);
        dl_backward(c, dl_add(c, scaled(dl_square(c, x), 0.01), scaled(x, 0.1)));
        GRAD_IS(x, i == 1 ? 0.2 : 0.3);
    }
    for (i = 0; i < 3; i++) {                                                      /* f = x0^2 + x1^2 */
        x = LEAF(DL_SHAPE(2), (dl_real)at[i][0], (dl_real)at[i][1]);
        dl_backward(c, dl_sum(c, dl_square(c, x)));
        GRAD_IS(x, 2 * at[i][0], 2 * at[i][1]);
    }
    /* for W [2 x 3] the gradient is [2 x 3] */
    w = LEAF(DL_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    dl_backward(c, dl_sum(c, dl_square(c, w)));
    GRAD_IS(w, 2, 4, 6, 8, 10, 12);
    /* V14, gate by gate */
    v[0] = variable(2); v[1] = variable(-1); v[2] = variable(-3); v[3] = variable(-2); v[4] = variable(-3);
    y = dl_add(c, dl_add(c, dl_mul(c, v[0], v[1]), dl_mul(c, v[2], v[3])), v[4]);
    NEAR(dl_item(y), 1);
    y = dl_reciprocal(c, dl_add_scalar(c, dl_exp(c, dl_neg(c, y)), 1));
    NEAR(dl_item(y), 0.7310585786);
    dl_backward(c, y);
    GRAD_IS(v[0], -0.1966119332); GRAD_IS(v[1], 0.3932238665); GRAD_IS(v[2], -0.3932238665);
    GRAD_IS(v[3], -0.5898357997); GRAD_IS(v[4], 0.1966119332);
    /* an update moves against the gradient */
    m = vector(&b, DL_SHAPE(2), (dl_real[]){3, 4});
    opt = dl_optim_sgd(c, m, .lr = 0.1);
    dl_backward(c, dl_sum(c, dl_square(c, b)));
    dl_optim_step(c, opt);
    IS(b, 2.4, 3.2);
    CHECK_OK(c);
}

static dl_tensor *parabola(dl_ctx *ctx, dl_tensor **x, void *unused)               /* 0.01 x^2 + 0.1 x */
{
    (void)unused;
    return dl_add(ctx, dl_mul_scalar(ctx, dl_square(ctx, x[0]), (dl_real)0.01), dl_mul_scalar(ctx, x[0], (dl_real)0.1));
}
/* V15: (f(x + h) - f(x - h)) / 2 h, h = 1e-4 */
static void ad_differences(void)
{
#ifdef DL_DOUBLE
    static const double at[3][2] = {{3, 4}, {0, 2}, {3, 0}};
    double h = 1e-4;
    int i, k;
    dl_tensor *x;
    ROW("AD-20");
    dl_step_begin(c);
    for (i = 1; i <= 2; i++) {
        dl_tensor *up = number(5 * i + h), *down = number(5 * i - h);
        CHECK_NEAR((dl_item(parabola(c, &up, NULL)) - dl_item(parabola(c, &down, NULL))) / (2 * h), 0.1 + 0.1 * i,
                   1e-10);
    }
    for (i = 0; i < 3; i++)
        /* one partial derivative at a time */
        for (k = 0; k < 2; k++) {
            double side[2];
            int s;
            for (s = 0; s < 2; s++) {
                x = FROM(DL_SHAPE(2), at[i][0], at[i][1]);
                x->data[k] += s ? h : -h;
                side[s] = dl_item(dl_sum(c, dl_square(c, x)));
            }
            CHECK_NEAR((side[1] - side[0]) / (2 * h), 2 * at[i][k], 1e-9);
        }
    x = LEAF(DL_SHAPE(2), 5, 10);                                                  /* dl_gradcheck does just that */
    CHECK(dl_gradcheck(c, parabola, 1, &x, .eps = 1e-4, .rtol = 1e-8, .atol = 1e-12));
    CHECK_OK(c);
#else
    (void)parabola;
    SKIP("double only");
#endif
}

/* --- OPT, INIT: what test_optim.c and test_modules.c do not show ------------------------------------------------- */
static void opt_coordinates(void)                                                  /* V18 */
{
    dl_tensor *x;
    dl_module *m;
    dl_optim *opt;
    int i;
    ROW("OPT-02"); ROW("OPT-23");
    dl_step_begin(c);
    m = vector(&x, DL_SHAPE(2), (dl_real[]){-3, 4});
    opt = dl_optim_sgd(c, m, .lr = 0.1);
    for (i = 0; i < 100; i++) {
        /* forward, backward, step; gradients are cleared */
        dl_step_begin(c);
        CHECK(!x->grad);
        dl_backward(c, dl_sum(c, dl_square(c, x)));
        CHECK(dl_optim_step(c, opt));
    }
    CHECK_NEAR(x->data[0], -6.1111e-10, 1e-14);
    CHECK_NEAR(x->data[1], 8.1481e-10, 1e-14);
    CHECK_OK(c);
}

/* Standard deviation and mean of each layer's activations: 5 layers of 100 units on 1000 inputs N(0, 1). */
static void activations(int relu, double std, double *deviation, double *outside, double *mean)
{
    dl_tensor *z = dl_randn(c, DL_SHAPE(1000, 100)), *w;
    int i;
    for (i = 0; i < 5; i++) {
        w = dl_zeros(c, DL_SHAPE(100, 100));
        dl_init_normal(c, w, 0, (dl_real)std);
        z = dl_matmul(c, z, w);
        z = relu ? dl_relu(c, z) : dl_sigmoid(c, z);
        deviation[i] = dl_item(dl_std(c, z));
        mean[i] = relu ? dl_item(dl_mean(c, dl_square(c, z))) : dl_item(dl_mean(c, z));
    }
    *outside = dl_item(dl_mean(c, dl_add(c, dl_lt(c, z, number(0.1)), dl_gt(c, z, number(0.9)))));
}
static void init_histograms(void)
{
    double std[5], mean[5], outside;
    int i;
    ROW("INIT-10"); ROW("INIT-11");
    dl_manual_seed(c, 2);
    dl_set_grad_enabled(c, 0);
    dl_step_begin(c);
    activations(0, 1, std, &outside, mean);                                        /* sigmoid: saturated */
    CHECK(outside > 0.5);
    activations(0, 0.01, std, &outside, mean);                                     /* sigmoid: all units say 0.5 */
    CHECK_NEAR(mean[4], 0.5, 0.02);
    CHECK(std[4] < 0.02);
    activations(0, 0.1, std, &outside, mean);                                      /* fan-in Xavier */
    CHECK(std[4] > 0.08);
    dl_step_begin(c);
    activations(1, 0.01, std, &outside, mean);                                     /* ReLU: dies out */
    CHECK(std[4] < 1e-4);
    /* fan-in Xavier shrinks layer by layer */
    activations(1, 0.1, std, &outside, mean);
    for (i = 1; i < 5; i++) CHECK(std[i] < std[i - 1]);
    activations(1, sqrt(0.02), std, &outside, mean);                               /* He keeps the second moment */
    CHECK(mean[4] < 3 * mean[0] && mean[4] > mean[0] / 3);
    dl_set_grad_enabled(c, 1);
    CHECK_OK(c);
}

/* --- PREP, REG, TRN ---------------------------------------------------------------------------------------------- */
static void prep_pixels(void)
{
    ROW("PREP-01");
    dl_step_begin(c);
    IS(dl_div_scalar(c, dl_to_real(c, INTS(DL_SHAPE(3), 0, 51, 255)), 255), 0, 0.2, 1);
    CHECK_OK(c);
}

/* decay = penalty alpha / 2 |w|^2, for plain SGD */
/* V23: losses 1 and 3, w = [1, -2], lambda = 0.1 */
static void reg_penalties(void)
{
    dl_tensor *loss, *w;
    ROW("REG-01"); ROW("REG-02"); ROW("REG-03"); ROW("REG-04");
    dl_step_begin(c);
    loss = dl_mean(c, FROM(DL_SHAPE(2), 1, 3));
    w = LEAF(DL_SHAPE(2), 1, -2);
    NEAR(dl_item(dl_add(c, loss, scaled(dl_sum(c, dl_abs(c, w)), 0.1))), 2.3);
    NEAR(dl_item(dl_add(c, loss, scaled(dl_norm(c, w, .p = 1), 0.1))), 2.3);
    NEAR(dl_item(dl_add(c, loss, scaled(dl_sum(c, dl_square(c, w)), 0.1))), 2.5);
    NEAR(dl_item(dl_add(c, loss, scaled(dl_square(c, dl_norm(c, w)), 0.05))), 2.25);
    dl_backward(c, dl_add(c, loss, scaled(dl_sum(c, dl_abs(c, w)), 0.1)));         /* lambda sign w */
    GRAD_IS(w, 0.1, -0.1);
    dl_zero_grad(w);
    dl_backward(c, dl_add(c, loss, scaled(dl_square(c, dl_norm(c, w)), 0.05)));    /* lambda w */
    GRAD_IS(w, 0.1, -0.2);
    CHECK_OK(c);
}

static void reg_weight_decay(void)
{
    dl_tensor *a, *b;
    dl_module *ma, *mb;
    dl_optim *oa, *ob;
    int i;
    ROW("REG-05");
    dl_step_begin(c);
    ma = vector(&a, DL_SHAPE(3), (dl_real[]){1, -2, 0.5});
    mb = vector(&b, DL_SHAPE(3), (dl_real[]){1, -2, 0.5});
    oa = dl_optim_sgd(c, ma, .lr = 0.1, .weight_decay = 0.2);
    ob = dl_optim_sgd(c, mb, .lr = 0.1);
    for (i = 0; i < 10; i++) {
        dl_step_begin(c);
        dl_backward(c, dl_sum(c, dl_sin(c, a)));
        if (i == 0) {
            dl_optim_step(c, oa);                                                  /* w <- (1 - eta lambda) w - eta g */
            IS(a, 0.98 - 0.1 * cos(1), -1.96 - 0.1 * cos(2), 0.49 - 0.1 * cos(0.5));
        } else dl_optim_step(c, oa);
        dl_backward(c, dl_add(c, dl_sum(c, dl_sin(c, b)), scaled(dl_sum(c, dl_square(c, b)), 0.1)));
        dl_optim_step(c, ob);
        IS(a, (double)b->data[0], (double)b->data[1], (double)b->data[2]);
    }
    CHECK_OK(c);
}

/* inverted: kept units are divided by the keep probability */
static void reg_dropout(void)
{
    dl_tensor *x, *y, *again;
    double kept = 0;
    int i, right = 1;
    ROW("REG-06");
    dl_manual_seed(c, 9);
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_add_scalar(c, dl_rand(c, DL_SHAPE(10000)), 1), 1);
    y = dl_dropout(c, x, 0.5);
    again = dl_dropout(c, x, 0.5);
    dl_backward(c, y, .grad = dl_full(c, DL_SHAPE(10000), 3));
    for (i = 0; i < 10000; i++) {
        right &= y->data[i] == 0 ? x->grad[i] == 0 : y->data[i] == 2 * x->data[i] && x->grad[i] == 6;
        kept += y->data[i] != 0;
    }
    CHECK(right);
    CHECK_NEAR(kept / 10000, 0.5, 4 * 0.005);
    CHECK(memcmp(y->data, again->data, 10000 * sizeof(dl_real)));                  /* a fresh mask every time */
    dl_set_training(c, 0);
    y = dl_dropout(c, x, 0.5);
    CHECK(!memcmp(y->data, x->data, 10000 * sizeof(dl_real)));
    dl_set_training(c, 1);
    CHECK_OK(c);
}

static void reg_label_smoothing(void)                                              /* y' = (1 - eps) y + eps / K */
{
    dl_tensor *o, *soft;
    ROW("REG-12");
    dl_step_begin(c);
    o = FROM(DL_SHAPE(1, 3), 1, 2, 3);
    NEAR(dl_item(dl_cross_entropy(c, o, INTS(S1, 2), .label_smoothing = 0.1)), 0.5076059644);
    soft = dl_add_scalar(c, scaled(dl_one_hot(c, INTS(S1, 2), 3), 0.9), (dl_real)(0.1 / 3));
    IS(soft, 0.1 / 3, 0.1 / 3, 0.9 + 0.1 / 3);
    NEAR(dl_item(dl_cross_entropy(c, o, soft)), 0.5076059644);
    soft = dl_add_scalar(c, scaled(dl_one_hot(c, INTS(S1, 2), 10), 0.9), 0.01);
    NEAR(dl_item(dl_max(c, soft)), 0.91);
    NEAR(dl_item(dl_min(c, soft)), 0.01);
    CHECK_OK(c);
}

static void trn_epochs(void)
{
    dl_dataset *d;
    dl_loader *l;
    int64_t n = 0, i, same = 0;
    int seen[600] = {0}, first[600], twice = 0;
    ROW("TRN-02"); ROW("TRN-14");
    dl_step_begin(c);
    CHECK(dl_loader_create(c, dl_data_tensors(c, dl_zeros(c, DL_SHAPE(60000, 1)), dl_zeros(c, DL_SHAPE(60000, 1))),
                           .batch_size = 100)->batches == 600);
    d = dl_data_tensors(c, dl_reshape(c, dl_arange(c, 0, 600, 1), DL_SHAPE(600, 1)), dl_zeros(c, DL_SHAPE(600, 1)));
    l = dl_loader_create(c, d, .batch_size = 100, .shuffle = 1);
    for (n = 0; dl_next_batch(c, l); n++)
        for (i = 0; i < 100; i++) { int k = (int)l->input->data[i]; seen[k]++; first[n * 100 + i] = k; }
    for (i = 0; i < 600; i++) twice += seen[i] != 1;
    CHECK(n == 6 && twice == 0);                                                   /* a permutation of all samples */
    for (n = 0; dl_next_batch(c, l); n++)
        for (i = 0; i < 100; i++) same += first[n * 100 + i] == (int)l->input->data[i];
    CHECK(n == 6 && same < 20);                                                    /* in a new order each epoch */
    CHECK_OK(c);
}

int main(void)
{
    c = dl_create(.seed = 1, .threads = 2);
    RUN(ten_arrays);
    RUN(ten_arithmetic);
    RUN(ten_affine);
    RUN(ten_reshape);
    RUN(lin_regression);
    RUN(lin_likelihood);
    RUN(lin_house_prices);
    RUN(lin_classifiers);
    RUN(loss_softmax);
    RUN(loss_cross_entropy);
    RUN(loss_mini_batch);
    RUN(loss_binary);
    RUN(loss_measures_learning);
    RUN(act_functions);
    RUN(act_vanishing);
    RUN(collapse);
    RUN(mlp_gates);
    RUN(mlp_xor);
    RUN(mlp_three_layers);
    RUN(mlp_networks);
    RUN(mlp_interpolates);
    RUN(ad_graphs);
    RUN(ad_affine);
    RUN(ad_jacobians);
    RUN(ad_hidden_layer);
    RUN(ad_differences);
    RUN(ad_gradients);
    RUN(opt_coordinates);
    RUN(init_histograms);
    RUN(prep_pixels);
    RUN(reg_penalties);
    RUN(reg_weight_decay);
    RUN(reg_dropout);
    RUN(reg_label_smoothing);
    RUN(trn_epochs);
    dl_destroy(c);
    TEST_END;
}
