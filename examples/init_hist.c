/* init_hist.c: what the initializer does to the activations of five layers, and to gradients on their way back.

       cc -O2 examples/init_hist.c -o init_hist -lm
       ./init_hist
       ./init_hist --help

   5 layers of 100 units, 1000 inputs from N(0, 1); a histogram of each layer's activations as a line of digits: 9 is the
   fullest of 40 bins, each digit below it half as many values, blank none.
   sigmoid with N(0, 1): the units saturate at 0 and 1; with N(0, 0.01^2) all give 0.5: they could as well be one unit.
   Xavier (fan-in) keeps sigmoid and tanh alive; for ReLU, whose negative half is 0, He doubles the variance. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

enum { LAYERS = 5, UNITS = 100, BINS = 40 };
static const char help[] =
    "usage: init_hist [options]\n"
    "  --epochs N     no effect: nothing is trained by epochs\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        fewer inputs: a test of the program\n";
static int wrong, samples = 1000;

static const char *verdict(int ok) { wrong += !ok; return ok ? "ok" : "OFF"; }

/* --- the initializers ------------------------------------------------------------------------------------ */
typedef void initializer(dl_ctx *c, dl_tensor *w);
static void zero(dl_ctx *c, dl_tensor *w)         { dl_init_zeros(c, w); }
static void normal_1(dl_ctx *c, dl_tensor *w)     { dl_init_normal(c, w, 0, 1); }
static void normal_001(dl_ctx *c, dl_tensor *w)   { dl_init_normal(c, w, 0, 0.01f); }
static void xavier_u(dl_ctx *c, dl_tensor *w)     { dl_init_xavier_uniform(c, w); }
static void xavier_n(dl_ctx *c, dl_tensor *w)     { dl_init_xavier_normal(c, w); }
static void he_u(dl_ctx *c, dl_tensor *w)         { dl_init_he_uniform(c, w); }
static void he_n(dl_ctx *c, dl_tensor *w)         { dl_init_he_normal(c, w); }
static void orthogonal(dl_ctx *c, dl_tensor *w)   { dl_init_orthogonal(c, w, 1); }
static const struct { const char *name; initializer *f; } initializers[] = {
    {"zero", zero}, {"N(0, 1)", normal_1}, {"N(0, 0.01^2)", normal_001}, {"Xavier, fan-in", dl_init_lecun_normal},
    {"Xavier uniform", xavier_u}, {"Xavier normal", xavier_n}, {"He uniform", he_u}, {"He normal", he_n}, {"orthogonal", orthogonal},
};
enum { ZERO, NORMAL_1, NORMAL_001, FAN_IN, INITIALIZERS = sizeof initializers / sizeof *initializers };

/* --- numbers: n_in 100, n_out 50 --------------------------------------------------------------------------- */
static void table(dl_ctx *c)
{
    static const struct { const char *name; initializer *f; double bound, std; } rows[] = {           /* bound 0: none     */
        {"N(0, 1)", normal_1, 0, 1}, {"N(0, 0.01^2)", normal_001, 0, 0.01},
        {"Xavier uniform", xavier_u, 0.2, 0.1154700538}, {"Xavier normal", xavier_n, 0, 0.1154700538},
        {"Xavier, fan-in", dl_init_lecun_normal, 0, 0.1}, {"He uniform", he_u, 0.2449489743, 0.1414213562}, {"He normal", he_n, 0, 0.1414213562},
    };
    dl_tensor *k = dl_empty(c, DL_SHAPE(256, 128, 3, 3));
    printf("weights (50, 100)       bound expected       std  expected\n");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        double squares = 0, bound = 0;
        const int draws = 40;                                     /* 200,000 numbers */
        for (int d = 0; d < draws; d++) {
            dl_tensor *w = dl_empty(c, DL_SHAPE(50, 100));
            rows[i].f(c, w);
            for (int64_t j = 0; j < w->size; j++) {
                squares += (double)w->data[j] * w->data[j] / (double)(draws * w->size);
                bound = fmax(bound, fabs(w->data[j]));
            }
        }
        int ok = fabs(sqrt(squares) / rows[i].std - 1) < 0.01 && (rows[i].bound == 0 || (bound <= rows[i].bound * 1.000001 && bound > rows[i].bound * 0.999));
        if (rows[i].bound > 0) printf("  %-18s %8.5f %8.5f", rows[i].name, bound, rows[i].bound);
        else                   printf("  %-18s %8s %8s", rows[i].name, "", "none");
        printf("  %8.6f  %8.6f  %s\n", sqrt(squares), rows[i].std, verdict(ok));
    }
    printf("  convolution 3 x 3, 128 -> 256: fan in %lld (1152), fan out %lld (2304)  %s\n\n", (long long)dl_init_fan(c, k, DL_FAN_IN),
           (long long)dl_init_fan(c, k, DL_FAN_OUT), verdict(dl_init_fan(c, k, DL_FAN_IN) == 1152 && dl_init_fan(c, k, DL_FAN_OUT) == 2304));
}

/* --- activations and gradients ------------------------------------------------------------------------------- */
typedef dl_tensor *activation(dl_ctx *c, dl_tensor *x);
typedef struct { double mean, std, square, outside, gradient; } numbers;      /* outside: share of values beyond (0.1, 0.9) */

static void histogram(const dl_tensor *z, double low, double high)
{
    int count[BINS] = {0}, most = 0;
    for (int64_t i = 0; i < z->size; i++) {
        int b = (int)((z->data[i] - low) / (high - low) * BINS);
        b = b < 0 ? 0 : b >= BINS ? BINS - 1 : b;
        if (++count[b] > most) most = count[b];
    }
    putchar('|');
    for (int b = 0; b < BINS; b++) {
        int digit = '9';
        for (int n = count[b]; n && n < most && digit > '0'; n *= 2) digit--;
        putchar(count[b] ? digit : ' ');
    }
    putchar('|');
}

static void layers(dl_ctx *c, activation *f, initializer *init, double low, double high, numbers *out)
{
    dl_tensor *z[LAYERS + 1];
    dl_step_begin(c);
    z[0] = dl_requires_grad(c, dl_randn(c, DL_SHAPE(samples, UNITS)), 1);
    for (int i = 0; i < LAYERS; i++) {
        dl_tensor *w = dl_empty(c, DL_SHAPE(UNITS, UNITS));
        init(c, w);
        z[i + 1] = f(c, dl_linear(c, z[i], w, NULL));
        dl_retain_grad(z[i + 1]);
    }
    dl_backward(c, z[LAYERS], .grad = dl_randn(c, DL_SHAPE(samples, UNITS)));
    for (int i = 1; i <= LAYERS && !dl_error(c); i++) {
        numbers *n = &out[i - 1];
        dl_stats s = dl_tensor_stats(z[i]), g = dl_grad_stats(z[i - 1]);
        int outside = 0;
        for (int64_t j = 0; j < z[i]->size; j++) outside += z[i]->data[j] < 0.1 || z[i]->data[j] > 0.9;
        n->mean = s.mean;
        n->std = s.std;
        n->square = s.std * s.std + s.mean * s.mean;
        n->gradient = sqrt(g.std * g.std + g.mean * g.mean);
        n->outside = outside / (double)z[i]->size;
        printf("    layer %d  ", i);
        histogram(z[i], low, high);
        printf("  mean %8.5f  std %8.2e  gradient arriving %8.2e\n", n->mean, n->std, n->gradient);
    }
}

static void activations(dl_ctx *c, const char *name, activation *f, double low, double high)
{
    const int sigmoid = f == dl_sigmoid, relu = f == dl_relu;
    printf("%s: activations from %g to %g\n", name, low, high);
    for (int i = 0; i < INITIALIZERS; i++) {
        numbers n[LAYERS];
        const numbers *first = n, *last = n + LAYERS - 1;
        int shrinks = 1;
        printf("  %s\n", initializers[i].name);
        layers(c, f, initializers[i].f, low, high, n);
        if (dl_error(c)) return;
        for (int k = 1; k < LAYERS; k++) shrinks &= n[k].std < n[k - 1].std;
        if (i == ZERO)                         printf("    expected: all units equal, no gradient: %s\n", verdict(last->std < 1e-6 && first->gradient == 0));
        if (sigmoid && i == NORMAL_1)          printf("    expected: more than half outside (0.1, 0.9): %.2f %s\n", last->outside, verdict(last->outside > 0.5));
        if (sigmoid && i == NORMAL_001)        printf("    expected: mean 0.5, std below 0.02, gradient vanishes: %s\n",
                                                      verdict(fabs(last->mean - 0.5) < 0.02 && last->std < 0.02 && first->gradient < 1e-6));
        if (sigmoid && i == FAN_IN)            printf("    expected: std above 0.08: %s\n", verdict(last->std > 0.08));
        if (relu && i == NORMAL_1)             printf("    expected: activations and gradients explode: %s\n", verdict(last->std > 1e3 && first->gradient > 1e3));
        if (relu && i == NORMAL_001)           printf("    expected: std below 1e-4, gradient vanishes: %s\n", verdict(last->std < 1e-4 && first->gradient < 1e-4));
        if (relu && i == FAN_IN)               printf("    expected: shrinks layer by layer: %s\n", verdict(shrinks));
        if (relu && i >= INITIALIZERS - 3 && i < INITIALIZERS - 1)
            printf("    expected: mean square within a factor 3 of the first layer's: %s\n",
                   verdict(last->square < 3 * first->square && last->square > first->square / 3));
        if (f == dl_tanh && i == FAN_IN)       printf("    expected: alive, std between 0.2 and 0.9: %s\n", verdict(last->std > 0.2 && last->std < 0.9));
    }
    printf("\n");
}

/* Constant weights: equal gradients keep the hidden units equal; small random ones part. */
static void symmetry(dl_ctx *c)
{
    for (int random = 0; random < 2; random++) {
        dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_tanh(c), dl_nn_linear(c, 3, 1));
        dl_optim  *opt = dl_optim_sgd(c, net, .lr = 0.1);
        dl_param *p;
        for (int i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
            if (random) dl_init_normal(c, p->tensor, 0, 0.01f); else dl_init_constant(c, p->tensor, 0.5f);
        for (int step = 0; step < 20 && !dl_error(c); step++) {
            dl_step_begin(c);
            dl_tensor *x = dl_randn(c, DL_SHAPE(8, 2));
            dl_backward(c, dl_mse_loss(c, dl_forward(c, net, x), dl_sum(c, x, .dims = DL_DIM(1), .keepdim = 1)));
            dl_optim_step(c, opt);
        }
        const dl_real *w = dl_module_get(c, net, "0.weight")->data;
        if (dl_error(c)) return;
        int equal = w[0] == w[2] && w[0] == w[4];
        printf("after 20 steps from %s the three hidden units are %s: %s\n", random ? "N(0, 0.01^2)" : "constant weights", equal ? "equal" : "different",
               verdict(equal == !random));
    }
}

int main(int argc, char **argv)
{
    int seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   samples = 200;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "init_hist: unknown option %s\n%s", argv[i], help), 2;
    }
    dl_ctx *c = dl_create(.seed = (uint64_t)seed);
    table(c);
    activations(c, "sigmoid", dl_sigmoid, 0, 1);
    activations(c, "tanh", dl_tanh, -1, 1);
    activations(c, "ReLU", dl_relu, 0, 4);
    symmetry(c);

    dl_ctx *again = dl_create(.seed = (uint64_t)seed); /* one seed, one sequence */
    dl_manual_seed(c, (uint64_t)seed);
    dl_tensor *a = dl_randn(c, DL_SHAPE(1000)), *b = dl_randn(again, DL_SHAPE(1000));
    printf("the same seed in another context: %s\n", verdict(!dl_error(c) && !dl_error(again) && !memcmp(a->data, b->data, 1000 * sizeof(dl_real))));

    if (dl_error(c)) { fprintf(stderr, "init_hist: %s\n", dl_error(c)); wrong++; }
    dl_destroy(again);
    dl_destroy(c);
    printf(wrong ? "%d lines are off\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
