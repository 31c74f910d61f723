/* linreg.c: linear regression: house prices, by the normal equations and by gradient descent.

       cc -O2 examples/linreg.c -o linreg -lm
       ./linreg
       ./linreg --help

   1. y = w x + b through four points, solved exactly and learned on mini-batches; squared error and Gaussian likelihood have
      the same best line, whatever the variance
   2. the price of a house from its area and age, features of very different size: standardised, learned, compared with the
      exact solution and with the numbers that the data were made from
   3. feature maps: a linear model of x and x^2 fits a parabola exactly
   Every number stands beside the expected one. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: linreg [options]\n"
    "  --epochs N     of the four points, 20000\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        fewer epochs and houses: a test of the program\n";

static dl_ctx *c;
static int wrong;

static void expect(const char *what, double is, double expected, double tolerance)
{
    int off = !(fabs(is - expected) <= tolerance);
    printf("  %-56s %12.6g  expected %.6g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

static void four_points(int epochs)
{
    static const float xs[] = {1, 2, 3, 4}, ys[] = {6, 5, 7, 10};
    dl_dataset *data = dl_data_tensors(c, dl_tensor_from(c, xs, DL_SHAPE(4, 1)), dl_tensor_from(c, ys, DL_SHAPE(4, 1)));

    printf("Four points: (1, 6) (2, 5) (3, 7) (4, 10)\n");
    dl_tensor *exact = dl_linreg_fit(c, data->inputs, data->targets);
    if (dl_error(c)) return;
    expect("normal equations: w", exact->data[0], 1.4, 1e-5);
    expect("normal equations: b", exact->data[1], 3.5, 1e-5);

    dl_module   *model = dl_nn_linear(c, 1, 1);
    dl_optim    *opt   = dl_optim_sgd(c, model, .lr = 0.01f);
    dl_schedule *falls = dl_lr_linear(c, opt, .start_factor = 1, .end_factor = 1e-3, .total_iters = 2 * epochs);
    dl_fit(c, model, opt, data, .epochs = epochs, .batch_size = 2, .quiet = 1, .schedule = falls);
    dl_tensor *w = dl_module_get(c, model, "weight"), *b = dl_module_get(c, model, "bias");
    expect("mini-batches of 2: w", dl_item(w), 1.4, .02);
    expect("mini-batches of 2: b", dl_item(b), 3.5, .05);

    dl_step_begin(c);
    if (dl_error(c)) return;
    w->data[0] = 1.4f;
    b->data[0] = 3.5f;
    dl_tensor *y = dl_forward(c, model, data->inputs);
    expect("mean of 1/2 (yhat - y)^2 at the best line", dl_item(dl_half_mse_loss(c, y, data->targets)), .525, 1e-6);
    expect("mean of (yhat - y)^2", dl_item(dl_mse_loss(c, y, data->targets)), 1.05, 1e-6);
    dl_tensor *likelihood = dl_gaussian_nll_loss(c, y, data->targets, dl_ones(c, DL_SHAPE(4, 1)), .full = 1,
                                                 .reduction = DL_SUM);
    expect("-log of the Gaussian likelihood, variance 1", dl_item(likelihood), 5.7757541, 1e-5);

    /* at any other line the gradient of -log likelihood is n / s^2 times that of the error */
    const double variance = 2;
    double slope[2][2];
    w->data[0] = 1;
    b->data[0] = 2;
    for (int k = 0; k < 2; k++) {
        dl_step_begin(c);
        y = dl_forward(c, model, data->inputs);
        dl_tensor *s2 = dl_full(c, DL_SHAPE(4, 1), variance);
        dl_backward(c, k ? dl_gaussian_nll_loss(c, y, data->targets, s2, .full = 1, .reduction = DL_SUM)
                         : dl_half_mse_loss(c, y, data->targets));
        if (dl_error(c)) return;
        slope[k][0] = w->grad[0];
        slope[k][1] = b->grad[0];
        dl_zero_grads(model);
    }
    expect("gradient of -log likelihood over that of the error, w", slope[1][0] / slope[0][0], 4 / variance, 1e-5);
    expect("the same for b: the same line is the best of both", slope[1][1] / slope[0][1], 4 / variance, 1e-5);
}

static void houses(int n, int epochs)
{
    const double per_m2 = 3.2, per_year = -1.5, base = 40, noise = 12;           /* thousands */
    dl_tensor *x = dl_keep(c, dl_rand(c, DL_SHAPE(n, 2))), *y = dl_keep(c, dl_zeros(c, DL_SHAPE(n, 1)));
    dl_tensor *e = dl_randn(c, DL_SHAPE(n, 1));
    for (int i = 0; i < n && !dl_error(c); i++) {
        float *house = x->data + 2 * i;
        house[0] = 40 + 160 * house[0];                                           /* area, square metres */
        house[1] = 80 * house[1];                                                 /* age, years          */
        y->data[i] = (float)(per_m2 * house[0] + per_year * house[1] + base + noise * e->data[i]);
    }
    printf("\n%d houses: price = %g area %+g age + %g + noise of %g\n", n, per_m2, per_year, base, noise);
    dl_tensor *exact = dl_linreg_fit(c, x, y);
    if (dl_error(c)) return;
    double sigma = noise / sqrt(n);                                               /* of each number below, about */
    expect("normal equations: price of a square metre", exact->data[0], per_m2, 5 * sigma / 46);
    expect("normal equations: price of a year", exact->data[1], per_year, 5 * sigma / 23);
    expect("normal equations: the rest", exact->data[2], base, 20 * sigma);

    /* SGD needs features of equal size; the weights are scaled back afterwards */
    dl_scaler  *s     = dl_data_fit(c, x, DL_ZSCORE);
    dl_dataset *data  = dl_data_tensors(c, dl_data_apply(c, s, x), y);
    dl_module  *model = dl_nn_linear(c, 2, 1);
    dl_optim   *opt   = dl_optim_sgd(c, model, .lr = .1f);
    dl_schedule *falls = dl_lr_linear(c, opt, .start_factor = 1, .end_factor = 1e-3, .total_iters = epochs * ((n + 9) / 10));
    dl_fit(c, model, opt, data, .epochs = epochs, .batch_size = 10, .quiet = 1, .schedule = falls);
    dl_tensor *w = dl_module_get(c, model, "weight");
    exact = dl_linreg_fit(c, data->inputs, y);
    if (dl_error(c)) return;
    expect("mini-batches: weight of the standardised area", w->data[0], exact->data[0], 1);
    expect("mini-batches: weight of the standardised age", w->data[1], exact->data[1], 1);
    expect("root of the mean squared error, the noise", sqrt(dl_evaluate(c, model, data).loss), noise, noise / 4);
}

static void feature_maps(void)
{
    static const float xs[] = {-2, -1, 0, 1, 2}, ys[] = {4, 1, 0, 1, 4};
    dl_tensor *x = dl_tensor_from(c, xs, DL_SHAPE(5, 1)), *y = dl_tensor_from(c, ys, DL_SHAPE(5, 1));
    printf("\nFeature maps: y = x^2\n");
    dl_tensor *line = dl_linreg_fit(c, x, y), *parabola = dl_linreg_fit(c, dl_data_poly_features(c, x, 2), y);
    if (dl_error(c)) return;
    expect("a line: slope", line->data[0], 0, 1e-6);
    expect("a line: the best it can do is the mean", line->data[1], 2, 1e-6);
    expect("with x and x^2 as inputs: weight of x", parabola->data[0], 0, 1e-6);
    expect("weight of x^2", parabola->data[1], 1, 1e-6);
    expect("bias", parabola->data[2], 0, 1e-6);
}

int main(int argc, char **argv)
{
    int quick = 0, seed = 1, epochs = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "linreg: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 10000 : 20000;
    c = dl_create(.seed = (uint64_t)seed);
    four_points(epochs);
    houses(quick ? 200 : 1000, quick ? 30 : 50);
    feature_maps();
    if (dl_error(c)) { fprintf(stderr, "linreg: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
