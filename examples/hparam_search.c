/* hparam_search.c: hyperparameters by random search that narrows down, and by Bayesian optimization, with equal budgets.

       cc -O2 examples/hparam_search.c -o hparam_search -lm
       ./hparam_search
       ./hparam_search --help

   A trial trains a small network for a few epochs on two noisy half moons; its score is the loss on the validation set.
   Random search: draw from the ranges; then from the ranges of the best fifth, and so on, 100 trials in all.  Bayesian: a
   Gaussian process learns the score of the trials so far; the next trial is where the expected improvement is largest.
   The best of both is trained again on all data but the test set, which is then used once. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dl_ctx *c;
static int wrong;

static void expect(const char *what, double is, double expected, double tolerance)
{
    int off = !(fabs(is - expected) <= tolerance);
    printf("%-62s %13.10g  expected %.10g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

static void expect_that(const char *what, int is) { printf("%-62s %13s\n", what, is ? "yes" : "no  <-- OFF"); wrong += !is; }

/* --- what people set -------------------------------------------------------------------------------------------------- */
enum { LR, MOMENTUM, DECAY, HIDDEN, DIMS, TRIALS = 100 };
static const struct { const char *name; double low, high; } space[DIMS] = {     /* all on a logarithmic scale */
    [LR]       = { "learning rate", 1e-4, 1 },
    [MOMENTUM] = { "1 - momentum",  .02,  1 },
    [DECAY]    = { "weight decay",  1e-6, 1 },
    [HIDDEN]   = { "hidden units",  2,    64 },
};
typedef struct { double u[DIMS], score; } trial;                                /* u: each hyperparameter in 0 .. 1 of its range */

static double setting(const trial *t, int k)
{
    double v = space[k].low * pow(space[k].high / space[k].low, t->u[k]);
    return k == HIDDEN ? floor(v + .5) : v;
}

static double uniform(void)
{
    double u = dl_item(dl_rand(c, DL_SHAPE(1)));
    return u == u ? u : 0;
}

/* --- a trial ------------------------------------------------------------------------------------------------------------ */
static dl_dataset *make_moons(int64_t n)
{
    dl_tensor *x = dl_mul_scalar(c, dl_randn(c, DL_SHAPE(n, 2)), .25f), *at = dl_rand(c, DL_SHAPE(n)),
        *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n)));
    for (int64_t i = 0; i < n && !dl_error(c); i++) {
        double angle = 3.14159265358979 * (double)at->data[i];
        int lower = i % 2;
        x->data[2 * i]     += (float)(lower ? 1 - cos(angle) : cos(angle));
        x->data[2 * i + 1] += (float)(lower ? .5 - sin(angle) : sin(angle));
        t->idata[i] = lower;
    }
    return dl_data_tensors(c, x, t);
}

static dl_scores train(const trial *t, dl_dataset *data, dl_dataset *validation, int epochs)
{
    int64_t hidden = (int64_t)setting(t, HIDDEN);
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, hidden), dl_nn_tanh(c), dl_nn_linear(c, hidden, 2));
    dl_optim *opt = dl_optim_sgd(c, net, .lr = setting(t, LR), .momentum = 1 - setting(t, MOMENTUM),
                                 .weight_decay = setting(t, DECAY));
    return dl_fit(c, net, opt, data, .validation = validation, .epochs = epochs, .batch_size = 20, .quiet = 1);
}

static dl_dataset *training, *validation;
static int epochs;
static trial best_of_all = { {0}, INFINITY };

static void run(trial *t, const char *name, int number)
{
    static double best;
    double chance = log(2);
    t->score = train(t, training, validation, epochs).loss;
    t->score = t->score < 2 * chance ? t->score : 2 * chance;                   /* diverged, NaN too: bad, but not infinitely */
    if (number == 0 || t->score < best) best = t->score;
    if (t->score < best_of_all.score) best_of_all = *t;
    if ((number + 1) % 10 == 0) {
        printf("%s %3d/%d  best %.4f  ", name, number + 1, TRIALS, best);
        for (int i = 0; i < (int)(60 * best / chance) && i < 60; i++) putchar('=');
        printf("\n");
        fflush(stdout);
    }
}

static int by_score(const void *a, const void *b)
{
    double x = ((const trial *)a)->score, y = ((const trial *)b)->score;
    return (x > y) - (x < y);
}

static double mean_score(const trial *t, int n)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += t[i].score / n;
    return sum;
}

static void table(const trial *t, int n)                                        /* the best five */
{
    trial sorted[TRIALS];
    memcpy(sorted, t, (size_t)n * sizeof *t);
    qsort(sorted, (size_t)n, sizeof *sorted, by_score);
    printf("%10s", "score");
    for (int k = 0; k < DIMS; k++) printf("%15s", space[k].name);
    printf("\n");
    for (int i = 0; i < 5; i++) {
        printf("%10.4f", sorted[i].score);
        for (int k = 0; k < DIMS; k++) printf("%15.4g", setting(&sorted[i], k));
        printf("\n");
    }
}

/* --- random search, narrowed -------------------------------------------------------------------------------------------- */
static void random_search(trial *t)
{
    static const int rounds[] = {40, 30, 30};
    double low[DIMS] = {0}, high[DIMS];
    int n = 0;
    for (int k = 0; k < DIMS; k++) high[k] = 1;
    for (int r = 0; r < 3; r++) {
        printf("round %d:", r + 1);
        for (int k = 0; k < DIMS; k++) {
            trial a = {{0}, 0}, b = {{0}, 0};
            a.u[k] = low[k];
            b.u[k] = high[k];
            printf("%s%s %.3g .. %.3g%s", k % 2 ? "  " : k ? "         " : " ", space[k].name, setting(&a, k), setting(&b, k),
                   k % 2 ? "\n" : ",");
        }
        for (int i = 0; i < rounds[r]; i++, n++) {
            for (int k = 0; k < DIMS; k++) t[n].u[k] = low[k] + (high[k] - low[k]) * uniform();
            run(&t[n], "random", n);
        }
        trial sorted[TRIALS];                                                   /* of all so far */
        memcpy(sorted, t, (size_t)n * sizeof *t);
        qsort(sorted, (size_t)n, sizeof *sorted, by_score);
        for (int k = 0; k < DIMS; k++) {
            double l = 1, h = 0, margin;
            for (int i = 0; i < n / 5; i++) {
                l = fmin(l, sorted[i].u[k]);
                h = fmax(h, sorted[i].u[k]);
            }
            margin = .05 * (h - l);
            low[k] = fmax(low[k], l - margin);
            high[k] = fmin(high[k], h + margin);
        }
    }
    expect_that("draws from narrowed ranges are better on average", mean_score(t + 40, 60) < mean_score(t, 40));
}

/* --- Bayesian optimization ------------------------------------------------------------------------------------------------
   A Gaussian process over points x with values y: the covariance of two is k(a, b) = exp(-abs(a - b)^2 / (2 length^2)).
   With K = L L^T the covariances of the points, noise on the diagonal, and k those of x to them:
       mean(x) = k^T K^-1 y,   variance(x) = 1 - k^T K^-1 k = 1 - abs(L^-1 k)^2 */
typedef struct { int n, dims; double length, noise, x[TRIALS][DIMS], z[TRIALS], L[TRIALS][TRIALS]; } process;     /* z = L^-1 y */

static double covariance(const process *p, const double *a, const double *b)
{
    double d = 0;
    for (int k = 0; k < p->dims; k++) d += (a[k] - b[k]) * (a[k] - b[k]);
    return exp(-d / (2 * p->length * p->length));
}

static void solve(const process *p, const double *b, double *v)                 /* L v = b */
{
    for (int i = 0; i < p->n; i++) {
        v[i] = b[i];
        for (int j = 0; j < i; j++) v[i] -= p->L[i][j] * v[j];
        v[i] /= p->L[i][i];
    }
}

static void predict(const process *p, const double *x, double *mean, double *variance)
{
    double k[TRIALS] = {0}, v[TRIALS];
    for (int i = 0; i < p->n; i++) k[i] = covariance(p, p->x[i], x);
    solve(p, k, v);
    *mean = 0;
    *variance = 1;
    for (int i = 0; i < p->n; i++) {
        *mean += v[i] * p->z[i];
        *variance -= v[i] * v[i];
    }
}

static void add_point(process *p, const double *x)                              /* one more row of L */
{
    double k[TRIALS] = {0}, rest = 1 + p->noise, *row = p->L[p->n];
    for (int i = 0; i < p->n; i++) k[i] = covariance(p, p->x[i], x);
    solve(p, k, row);
    for (int i = 0; i < p->n; i++) rest -= row[i] * row[i];
    row[p->n] = sqrt(fmax(rest, 1e-12));
    memcpy(p->x[p->n++], x, (size_t)p->dims * sizeof *x);
}

/* E[max(0, y - best)] for y ~ N(mu, sigma^2), to be maximised: (mu - best) Phi(z) + sigma phi(z), z = (mu - best) / sigma */
static double expected_improvement(double mu, double sigma, double best)
{
    double z = sigma > 0 ? (mu - best) / sigma : 0;
    if (!(sigma > 0)) return fmax(0, mu - best);
    return (mu - best) * .5 * erfc(-z * sqrt(.5)) + sigma * exp(-.5 * z * z) / sqrt(2 * 3.14159265358979323846);
}

static void bayesian(trial *t, int candidates)
{
    static process p;
    const int start = 12;                                                       /* random ones first */
    memset(&p, 0, sizeof p);
    p.dims = DIMS;
    p.length = .3;
    p.noise = .01;
    for (int n = 0; n < TRIALS && !dl_error(c); n++) {
        double mean = 0, square = 0, best = -INFINITY, most = -1, y[TRIALS], sd;
        for (int i = 0; i < n; i++) { mean += t[i].score / n; square += t[i].score * t[i].score / n; }
        sd = sqrt(fmax(square - mean * mean, 1e-12));
        for (int i = 0; i < n; i++) {                                           /* more is better: minus the loss, standardised */
            y[i] = (mean - t[i].score) / sd;
            best = fmax(best, y[i]);
        }
        solve(&p, y, p.z);
        dl_step_begin(c);
        dl_tensor *u = dl_rand(c, DL_SHAPE(candidates, DIMS)), *near = dl_randn(c, DL_SHAPE(candidates, DIMS));
        for (int i = 0; i < candidates && !dl_error(c); i++) {
            double x[DIMS], mu, variance, gain;
            int around = (int)(i % 2 && n > 0), top = 0;
            for (int j = 1; around && j < n; j++) if (t[j].score < t[top].score) top = j;
            for (int k = 0; k < DIMS; k++)                                      /* half of them near the best so far */
                x[k] = around ? fmin(1, fmax(0, t[top].u[k] + .1 * near->data[i * DIMS + k])) : u->data[i * DIMS + k];
            predict(&p, x, &mu, &variance);
            gain = n < start ? 0 : expected_improvement(mu, sqrt(fmax(variance, 0)), best);
            if (gain > most) { most = gain; memcpy(t[n].u, x, sizeof x); }
            if (n < start) break;
        }
        run(&t[n], "bayesian", n);
        add_point(&p, t[n].u);
    }
    expect_that("its own trials are better on average than the random ones",
                mean_score(t + start, TRIALS - start) < mean_score(t, start));
}

static void small_numbers(void)
{
    static process p;
    double x = 0, at = 1, y = 1, mean, variance;
    printf("Gaussian process, length 1, one point (0, 1), no noise\n");
    p.dims = 1;
    p.length = 1;
    add_point(&p, &x);
    solve(&p, &y, p.z);
    predict(&p, &at, &mean, &variance);
    expect("mean at 1: exp(-1/2)", mean, 0.6065306597, 5e-11);
    expect("variance at 1: 1 - exp(-1)", variance, 0.6321205588, 5e-11);
    expect("expected improvement, mu 1, sigma .5, best .5", expected_improvement(1, .5, .5), 0.5416577353, 5e-11);
}

static const char help[] =
    "usage: hparam_search [options]\n"
    "  --epochs N     10, of each trial\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        less data, fewer epochs: a test of the program\n";

int main(int argc, char **argv)
{
    static trial random_trials[TRIALS], bayes_trials[TRIALS];
    int quick = 0, seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "hparam_search: unknown option %s\n%s", argv[i], help), 2;
    }
    c = dl_create(.seed = (uint64_t)seed);
    small_numbers();

    static const double shares[3] = {.2, .2, .6};
    dl_dataset *part[3];
    dl_data_split(c, make_moons(quick ? 2000 : 4000), 3, shares, part, .stratified = 1);
    training = part[0];
    validation = part[1];
    if (epochs <= 0) epochs = quick ? 4 : 10;
    if (!dl_error(c)) {
        printf("\nRandom search, %d samples for training, %d for validation, %d epochs a trial\n", (int)training->size,
               (int)validation->size, epochs);
        printf("(a bar is the smallest validation loss so far; guessing, log 2 = %.4f, has 60 =)\n", log(2));
        random_search(random_trials);
        table(random_trials, TRIALS);
        printf("\nBayesian optimization, same budget\n");
        bayesian(bayes_trials, quick ? 100 : 1000);
        table(bayes_trials, TRIALS);

        dl_tensor *x[2] = {training->inputs, validation->inputs};               /* for the last time: all but the test set */
        int64_t n = training->size, m = validation->size;
        dl_tensor *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n + m)));
        if (!dl_error(c)) {
            memcpy(t->idata, training->targets->idata, (size_t)n * sizeof(int32_t));
            memcpy(t->idata + n, validation->targets->idata, (size_t)m * sizeof(int32_t));
        }
        dl_scores final = train(&best_of_all, dl_data_tensors(c, dl_cat(c, 2, x, 0), t), part[2], 5 * epochs);
        printf("\nThe best settings, trained on training and validation set: test loss %.4f, accuracy %.4f\n",
               final.loss, final.accuracy);
        expect_that("at least .88 of the test set right", final.accuracy >= .88);
    }
    if (dl_error(c)) { fprintf(stderr, "hparam_search: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    if (quick && !wrong) printf("row SEL-11\nrow SEL-12\nrow SEL-13\n");
    return wrong != 0;
}
