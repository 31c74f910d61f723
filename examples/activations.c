/* activations.c: every activation function and its derivative: a table, a picture, dead units and saturation.

       cc -O2 -fopenmp examples/activations.c -o activations -lm
       ./activations
       ./activations --help

   The table has the values f and derivatives f' at eight points.  Below it stand the numbers that follow from formulas or
   from the literature, each beside the one that was computed. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

static const char help[] =
    "usage: activations [options]\n"
    "  --epochs N     no effect: nothing is trained by epochs\n"
    "  --out DIR      where the picture goes, the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        no effect: it is quick\n";
static dl_ctx *c;
static int wrong;

static void expect(const char *what, double got, double wanted, double tolerance)
{
    int ok = fabs(got - wanted) <= tolerance;
    char within[32] = "";
    wrong += !ok;
    if (tolerance > 1e-4) snprintf(within, sizeof within, " +- %g", tolerance);
    printf("  %-54s %10.7f  expected %10.7f%s%s\n", what, got, wanted, within, ok ? "" : "   <-- OFF");
}

/* --- the functions ----------------------------------------------------------------------------------- */
static dl_tensor *identity(dl_ctx *ctx, dl_tensor *x)   { return dl_mul_scalar(ctx, x, 1); }
static dl_tensor *leaky(dl_ctx *ctx, dl_tensor *x)      { return dl_leaky_relu(ctx, x, 0.01f); }
static dl_tensor *elu(dl_ctx *ctx, dl_tensor *x)        { return dl_elu(ctx, x, 1); }
static dl_tensor *celu(dl_ctx *ctx, dl_tensor *x)       { return dl_celu(ctx, x, 2); }
static dl_tensor *swish2(dl_ctx *ctx, dl_tensor *x)     { return dl_swish(ctx, x, 2); }
static dl_tensor *softplus(dl_ctx *ctx, dl_tensor *x)   { return dl_softplus(ctx, x, 1, 20); }
static dl_tensor *softshrink(dl_ctx *ctx, dl_tensor *x) { return dl_softshrink(ctx, x, 0.5f); }
static dl_tensor *hardshrink(dl_ctx *ctx, dl_tensor *x) { return dl_hardshrink(ctx, x, 0.5f); }
static dl_tensor *hardtanh(dl_ctx *ctx, dl_tensor *x)   { return dl_hardtanh(ctx, x, -1, 1); }

static const struct { const char *name; dl_nn_fn f; } functions[] = {
    {"step", dl_step}, {"identity", identity}, {"sigmoid", dl_sigmoid}, {"tanh", dl_tanh}, {"relu", dl_relu}, {"relu6", dl_relu6},
    {"leaky_relu", leaky}, {"elu", elu}, {"selu", dl_selu}, {"celu 2", celu}, {"gelu", dl_gelu}, {"gelu_tanh", dl_gelu_tanh},
    {"silu", dl_silu}, {"swish 2", swish2}, {"mish", dl_mish}, {"softplus", softplus}, {"softsign", dl_softsign},
    {"logsigmoid", dl_logsigmoid}, {"softshrink", softshrink}, {"hardshrink", hardshrink}, {"tanhshrink", dl_tanhshrink},
    {"hardtanh", hardtanh}, {"hardsigmoid", dl_hardsigmoid}, {"hardswish", dl_hardswish}};
#define COUNT (int)(sizeof functions / sizeof *functions)

/* f and f' of the points x; f' stays 0 where there is no gradient, as of the step function */
static void evaluate(dl_nn_fn f, dl_tensor *x, dl_real *value, dl_real *slope)
{
    dl_tensor *y = f(c, x);
    int64_t i;
    dl_zero_grad(x);
    if (!dl_is_nil(y) && y->requires_grad) dl_backward(c, dl_sum(c, y));
    for (i = 0; i < x->size && !dl_error(c); i++) {
        value[i] = y->data[i];
        slope[i] = x->grad ? x->grad[i] : 0;
    }
}

static dl_tensor *points(int n, double from, double to)
{
    dl_tensor *x = dl_empty(c, DL_SHAPE(n));
    for (int i = 0; i < n && !dl_error(c); i++) x->data[i] = (dl_real)(from + (to - from) * i / (n - 1));
    return dl_requires_grad(c, x, 1);
}

static void table(void)
{
    enum { N = 8 };
    static const dl_real at[N] = {-3, -1, -0.5f, 0, 0.5f, 1, 3, 8};
    dl_real value[N], slope[N];
    int i, k;
    dl_step_begin(c);
    dl_tensor *x = dl_requires_grad(c, dl_tensor_from(c, at, DL_SHAPE(N)), 1);
    printf("%-12s", "x");
    for (i = 0; i < N; i++) printf(" %10g", (double)at[i]);
    for (k = 0; k < COUNT && !dl_error(c); k++) {
        evaluate(functions[k].f, x, value, slope);
        printf("\n%-12s", functions[k].name);
        for (i = 0; i < N; i++) printf(" %10.6f", (double)value[i]);
        printf("\n%-12s", "");
        for (i = 0; i < N; i++) printf(" %10.6f", (double)slope[i]);
    }
    printf("\n\n");
}

/* --- the picture: one panel a function, f solid, f' dashed, over -4 .. 8 --------------------------------------- */
#define SAMPLES 241
static void curve(FILE *file, const dl_real *v, const char *style)
{
    fprintf(file, "<polyline fill='none' %s points='", style);
    for (int i = 0; i < SAMPLES; i++) fprintf(file, "%.1f,%.1f ", 160.0 * i / (SAMPLES - 1), (7 - (double)v[i]) * 160 / 12);
    fprintf(file, "'/>\n");
}

static void picture(const char *path)
{
    dl_real value[SAMPLES], slope[SAMPLES];
    FILE *file = fopen(path, "w");
    if (!file) { printf("cannot write %s  <-- OFF\n\n", path); wrong++; return; }
    dl_step_begin(c);
    dl_tensor *x = points(SAMPLES, -4, 8);
    fprintf(file, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 1080 %d' font-family='sans-serif' font-size='12'>\n"
                  "<rect width='100%%' height='100%%' fill='white'/>\n", (COUNT + 5) / 6 * 160 + 10);
    for (int k = 0; k < COUNT && !dl_error(c); k++) {
        int left = 10 + k % 6 * 180, top = 25 + k / 6 * 160;
        evaluate(functions[k].f, x, value, slope);
        fprintf(file, "<text x='%d' y='%d'>%s</text>\n<svg x='%d' y='%d' width='160' height='120'>\n"
                      "<path stroke='#bbb' d='M0 93.3h160M53.3 0v120'/>\n", left, top - 6, functions[k].name, left, top);
        curve(file, slope, "stroke='#d62728' stroke-dasharray='4 3'");
        curve(file, value, "stroke='#1f77b4' stroke-width='2'");
        fprintf(file, "</svg>\n");
    }
    fprintf(file, "</svg>\n");
    if (ferror(file) | fclose(file)) { printf("cannot write %s  <-- OFF\n\n", path); wrong++; return; }
    printf("wrote %s: f solid, f' dashed, x from -4 to 8, y from -2 to 7\n\n", path);
}

/* --- facts -------------------------------------------------------------------------------------------- */
static double value_at(dl_nn_fn f, double at, int derivative)
{
    dl_real value[2], slope[2];
    dl_tensor *x;
    dl_step_begin(c);
    x = points(2, at, at);
    evaluate(f, x, value, slope);
    return (double)(derivative ? slope[0] : value[0]);
}

/* The largest difference between f' and the differences of f, away from kinks: the points are no multiples of 1/8. */
static double worst_gradient(void)
{
    enum { N = 99 };
    dl_real value[N], slope[N], above[N], below[N], unused[N];
    double worst = 0, h = 1.0 / 256;
    for (int k = 1; k < COUNT && !dl_error(c); k++) {
        dl_step_begin(c);
        evaluate(functions[k].f, points(N, -3.97, 3.97 - 1e-3), value, slope);
        evaluate(functions[k].f, points(N, -3.97 + h, 3.97 - 1e-3 + h), above, unused);
        evaluate(functions[k].f, points(N, -3.97 - h, 3.97 - 1e-3 - h), below, unused);
        for (int i = 0; i < N; i++) {
            double x = -3.97 + (7.94 - 1e-3) * i / (N - 1), away = fabs(x * 2 - floor(x * 2 + 0.5)) / 2;
            double difference = fabs((double)(above[i] - below[i]) / (2 * h) - (double)slope[i]);
            if (away > 2 * h && difference > worst) worst = difference;
        }
    }
    return worst;
}

/* Share of 256 units behind a linear layer with bias b that give no gradient for any of 512 inputs. */
static double dead_units(dl_nn_fn f, double bias)
{
    int dead = 0;
    dl_step_begin(c);
    dl_tensor *w = dl_mul_scalar(c, dl_randn(c, DL_SHAPE(256, 16)), 0.25f);
    dl_tensor *b = dl_requires_grad(c, dl_full(c, DL_SHAPE(256), (dl_real)bias), 1);
    dl_backward(c, dl_sum(c, f(c, dl_linear(c, dl_randn(c, DL_SHAPE(512, 16)), w, b))));
    for (int i = 0; i < 256 && !dl_error(c); i++) dead += b->grad[i] == 0;
    return dead / 256.0;
}

/* Share of units whose slope is below 1/100 when their inputs are normal with deviation s. */
static double saturated(dl_nn_fn f, double s)
{
    enum { N = 4096 };
    static dl_real value[N], slope[N];
    int flat = 0;
    dl_step_begin(c);
    evaluate(f, dl_requires_grad(c, dl_detach(c, dl_mul_scalar(c, dl_randn(c, DL_SHAPE(N)), (dl_real)s)), 1), value, slope);
    for (int i = 0; i < N; i++) flat += fabs((double)slope[i]) < 0.01;
    return flat / (double)N;
}

/* The gradient that depth sigmoids leave of 1: each is fed 0, where its slope is largest. */
static double chain(int depth)
{
    dl_step_begin(c);
    dl_tensor *x = dl_requires_grad(c, dl_scalar(c, 0), 1), *y = x;
    for (int i = 0; i < depth; i++) y = dl_sigmoid(c, i ? dl_sub_scalar(c, y, 0.5f) : y);
    dl_backward(c, y);
    return dl_error(c) ? NAN : (double)x->grad[0];
}

static void facts(void)
{
    printf("numbers\n");
    expect("sigmoid'(0): the largest slope, 1/4", value_at(dl_sigmoid, 0, 1), 0.25, 1e-7);
    expect("gradient through  5 sigmoids, (1/4)^5", chain(5), pow(0.25, 5), 1e-9);
    expect("gradient through 10 sigmoids, (1/4)^10", chain(10), pow(0.25, 10), 1e-12);
    expect("tanh'(0), which is four times the sigmoid's", value_at(dl_tanh, 0, 1), 1, 1e-7);
    expect("tanh(1)", value_at(dl_tanh, 1, 0), 0.76159416, 1e-7);
    expect("gelu(1) = Phi(1)", value_at(dl_gelu, 1, 0), 0.84134475, 1e-7);
    expect("gelu_tanh(1)", value_at(dl_gelu_tanh, 1, 0), 0.84119199, 1e-7);
    expect("silu(1) = sigmoid(1)", value_at(dl_silu, 1, 0), 0.73105858, 1e-7);
    expect("mish'(0) = 3/5: not the identity near 0", value_at(dl_mish, 0, 1), 0.6, 1e-6);
    expect("softplus(0) = log 2", value_at(softplus, 0, 0), log(2), 1e-7);
    expect("softplus(1000), stable", value_at(softplus, 1000, 0), 1000, 1e-4);
    expect("relu'(0), PyTorch's choice at the kink", value_at(dl_relu, 0, 1), 0, 0);
    expect("elu(-1) = exp(-1) - 1", value_at(elu, -1, 0), exp(-1) - 1, 1e-7);
    expect("all derivatives against differences, worst", worst_gradient(), 0, 2e-4);

    printf("\ndead units: share of 256 that learn nothing from 512 inputs of deviation 1\n");
    expect("relu, bias  0", dead_units(dl_relu, 0), 0, 0.02);
    expect("relu, bias -10", dead_units(dl_relu, -10), 1, 0.02);
    expect("leaky relu, bias -10", dead_units(leaky, -10), 0, 0);
    expect("elu, bias -10", dead_units(elu, -10), 0, 0);

    /* sigmoid' < 0.01 for abs x > 4.5849, tanh' < 0.01 for abs x > 2.9932: tails of the normal distribution */
    printf("\nsaturation: share of units with a slope below 0.01, inputs normal with deviation s\n");
    expect("sigmoid, s = 1", saturated(dl_sigmoid, 1), erfc(4.5849 / sqrt(2)), 0.01);
    expect("sigmoid, s = 5", saturated(dl_sigmoid, 5), erfc(4.5849 / 5 / sqrt(2)), 0.03);
    expect("tanh,    s = 5", saturated(dl_tanh, 5), erfc(2.9932 / 5 / sqrt(2)), 0.03);
    expect("relu,    s = 5: the negative half", saturated(dl_relu, 5), 0.5, 0.03);
    expect("softsign, s = 5: 1 / (1 + abs x)^2 < 0.01 beyond 9", saturated(dl_softsign, 5), erfc(9.0 / 5 / sqrt(2)), 0.03);
}

int main(int argc, char **argv)
{
    const char *out = ".";
    char path[512];
    int threads = 0, seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   continue;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "activations: unknown option %s\n%s", argv[i], help), 2;
    }
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    table();
    snprintf(path, sizeof path, "%s/activations.svg", out);
    picture(path);
    facts();
    if (dl_error(c)) { fprintf(stderr, "activations: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "\nnumbers off: %d\n" : "\nall numbers are as expected\n", wrong);
    return wrong != 0;
}
