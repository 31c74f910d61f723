/* model_selection.c: which polynomial? splits, cross-validation, bias and variance, bootstrap.

       cc -O2 examples/model_selection.c -o model_selection -lm
       ./model_selection
       ./model_selection --help

   Points of sin(3 x) with noise are fitted by polynomials of degree 1 to 15.  Degree 1 is too simple, degree 15 follows the
   noise; cross-validation finds what is between without a look at the test set.  Numbers known in advance stand beside the
   expected ones. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST = 15 };                                             /* highest degree                               */
static const double NOISE = .25;                                /* standard deviation s of e in t = f(x) + e    */
static dl_ctx *c;
static int wrong;

static void expect(const char *what, double is, double expected, double tolerance)
{
    int off = !(fabs(is - expected) <= tolerance);
    printf("%-62s %13.10g  expected %.10g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

static void expect_that(const char *what, int is) { printf("%-62s %13s\n", what, is ? "yes" : "no  <-- OFF"); wrong += !is; }

/* --- least squares with polynomials -------------------------------------------------------------------------------------- */
static double f(double x) { return sin(3 * x); }

static dl_dataset *make_points(int64_t n)                       /* x from U(-1, 1) */
{
    dl_tensor *x = dl_sub_scalar(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(n, 1)), 2), 1), *t = dl_randn(c, DL_SHAPE(n, 1));
    for (int64_t i = 0; i < n && !dl_error(c); i++) t->data[i] = (float)(f(x->data[i]) + NOISE * t->data[i]);
    return dl_data_tensors(c, x, t);
}

/* Chebyshev's polynomials: T_0 = 1, T_1 = x, T_k = 2 x T_(k-1) - T_(k-2) */
static void features(double x, int degree, double *p)
{
    for (int k = 0; k <= degree; k++) p[k] = k == 0 ? 1 : k == 1 ? x : 2 * x * p[k - 1] - p[k - 2];
}

typedef struct { int degree; double w[MOST + 1]; } polynomial;

static double value(const polynomial *m, double x)
{
    double p[MOST + 1], y = 0;
    features(x, m->degree, p);
    for (int k = 0; k <= m->degree; k++) y += m->w[k] * p[k];
    return y;
}

/* The w with the smallest sum of squares; so little l2 only helps where X^T X has hardly an inverse. */
static polynomial fit(const float *x, const float *t, int64_t n, int degree)
{
    dl_tensor *X = dl_zeros(c, DL_SHAPE(n, degree + 1)), *w;
    double p[MOST + 1];
    polynomial m = { degree, {0} };
    for (int64_t i = 0; i < n && !dl_error(c); i++) {
        features(x[i], degree, p);
        for (int k = 0; k <= degree; k++) X->data[i * (degree + 1) + k] = (float)p[k];
    }
    w = dl_linreg_fit(c, X, dl_tensor_from(c, t, DL_SHAPE(n)), .l2 = 1e-9, .no_bias = 1);
    for (int k = 0; k <= degree && !dl_error(c); k++) m.w[k] = w->data[k];
    return m;
}

static polynomial fit_data(const dl_dataset *d, int degree) { return fit(d->inputs->data, d->targets->data, d->size, degree); }

static double loss(const polynomial *m, const dl_dataset *d)    /* mean of squares */
{
    double sum = 0;
    for (int64_t i = 0; i < d->size; i++) sum += pow(d->targets->data[i] - value(m, d->inputs->data[i]), 2);
    return sum / (double)d->size;
}

/* --- numbers known in advance -------------------------------------------------------------------------------------------- */
/* How often each of the samples 0 .. n-1 stands in d, whose inputs are their numbers. */
static void count(const dl_dataset *d, int *times) { for (int64_t i = 0; i < d->size; i++) times[(int)d->inputs->data[i]]++; }

static void splits(void)
{
    static const int sizes[2][5] = { {2, 2, 2, 2, 2}, {4, 3, 3} }, folds[2] = {5, 3};
    static const double shares[3] = {.6, .2, .2};
    dl_tensor *numbers = dl_arange(c, 0, 10, 1), *many = dl_arange(c, 0, 100, 1);
    dl_dataset *d = dl_data_tensors(c, numbers, numbers), *hundred = dl_data_tensors(c, many, many), *part[3], *train;
    int times[100] = {0}, once = 1;
    char what[80];

    printf("Training, validation and test set\n");
    dl_data_split(c, hundred, 3, shares, part);
    for (int p = 0; p < 3 && !dl_error(c); p++) {
        snprintf(what, sizeof what, "samples in part %d of 100, share %.1f", p, shares[p]);
        expect(what, (double)part[p]->size, 100 * shares[p], 1e-9);
        count(part[p], times);
    }
    for (int i = 0; i < 100; i++) once &= times[i] == 1;
    expect_that("each sample is in one part", once);

    printf("\nk folds of 10 samples\n");
    for (int s = 0; s < 2; s++) {
        int in_validation[10] = {0}, in_training[10] = {0};
        for (int i = 0; i < folds[s] && !dl_error(c); i++) {
            dl_data_kfold(c, d, folds[s], i, &train, &part[0], .seed = 7);
            if (dl_error(c)) return;
            snprintf(what, sizeof what, "%d folds, size of validation part %d", folds[s], i);
            expect(what, (double)part[0]->size, sizes[s][i], 0);
            count(part[0], in_validation);
            count(train, in_training);
        }
        once = 1;
        for (int i = 0; i < 10; i++) once &= in_validation[i] == 1 && in_training[i] == folds[s] - 1;
        expect_that("each sample is validated once, trained with otherwise", once);
    }
}

/* E[(t - fh)^2] = (f - E[fh])^2 + E[(E[fh] - fh)^2] + E[e^2] for fh = .9 mean of 4 samples of t = 2 + e, s^2 = .25 */
static void decomposition(int trials)
{
    dl_tensor *e = dl_randn(c, DL_SHAPE(trials, 5));
    double mean = 0, square = 0, noise = 0, all = 0, all2 = 0, bias, variance;
    for (int i = 0; i < trials && !dl_error(c); i++) {
        const float *r = e->data + 5 * i;
        double fh = .9 * (2 + .5 * (r[0] + r[1] + r[2] + r[3]) / 4), t = 2 + .5 * r[4];
        mean += fh / trials;
        square += (fh - 1.8) * (fh - 1.8) / trials;
        noise += (t - 2) * (t - 2) / trials;
        all += (t - fh) * (t - fh) / trials;
        all2 += pow(t - fh, 4) / trials;
    }
    bias = (2 - mean) * (2 - mean);
    variance = square - (mean - 1.8) * (mean - 1.8);
    printf("\nBias and variance of .9 mean of 4 samples, from %d trials, within 3 standard errors\n", trials);
    expect("bias^2", bias, .04, 3 * 2 * .2 * sqrt(.050625 / trials));
    expect("variance", variance, .050625, 3 * .050625 * sqrt(2.0 / trials));
    expect("noise", noise, .25, 3 * .25 * sqrt(2.0 / trials));
    expect("mean squared error", all, .340625, 3 * sqrt((all2 - all * all) / trials));
    expect("the sum of the three, with the same trials", bias + variance + noise, all, 6 * sqrt(.25 * .090625 / trials));
}

/* --- under- and overfitting, cross-validation -------------------------------------------------------------------------- */
static double cross_validate(dl_dataset *d, int k, int degree)  /* mean validation loss */
{
    double sum = 0;
    for (int i = 0; i < k; i++) {
        dl_dataset *train, *validation;
        if (!dl_data_kfold(c, d, k, i, &train, &validation, .seed = 1)) return NAN;
        polynomial m = fit_data(train, degree);
        sum += loss(&m, validation) / k;
    }
    return sum;
}

typedef struct { const dl_dataset *d; const polynomial *m; } scored;
static double test_loss(const int32_t *index, int64_t n, void *user)
{
    const scored *s = user;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += pow(s->d->targets->data[index[i]] - value(s->m, s->d->inputs->data[index[i]]), 2);
    return sum / (double)n;
}

static double mean_of(const int32_t *index, int64_t n, void *user)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += ((const float *)user)[index[i]];
    return sum / (double)n;
}

static void select_degree(int resamples)
{
    static const double shares[2] = {.4, .6};
    dl_dataset *part[2], *fresh = make_points(10000);           /* fresh: what nobody has in real life */
    double train[MOST + 1], valid[MOST + 1], general[MOST + 1];
    int best = 1, falls = 1;
    if (!dl_data_split(c, make_points(60), 2, shares, part)) return;
    printf("\nPolynomials, %d points for training, %d for the test; losses: mean of squares, s^2 = %g\n",
           (int)part[0]->size, (int)part[1]->size, NOISE * NOISE);
    printf("degree   training  8-fold cross-validation  fresh data        gap\n");
    for (int k = 1; k <= MOST; k++) {
        polynomial m = fit_data(part[0], k);
        train[k] = loss(&m, part[0]);
        valid[k] = cross_validate(part[0], 8, k);
        general[k] = loss(&m, fresh);
        if (valid[k] < valid[best]) best = k;
        printf("%6d %10.4f %24.4f %11.4f %10.4f\n", k, train[k], valid[k], general[k], general[k] - train[k]);
    }
    expect_that("degree 1 underfits: both losses far above s^2", train[1] > 2 * NOISE * NOISE && general[1] > 2 * NOISE * NOISE);
    expect_that("degree 15 overfits: training below s^2, fresh data far above",
                train[MOST] < NOISE * NOISE && general[MOST] > 2 * NOISE * NOISE);
    for (int k = 2; k <= MOST; k++) falls &= train[k] < train[k - 1] + 1e-6;                    /* float32 */
    expect_that("training loss never rises with the degree", falls);
    expect_that("cross-validation takes a degree from 3 to 9", best >= 3 && best <= 9);
    expect_that("which is better on fresh data than 1 and 15", general[best] < general[1] && general[best] < general[MOST]);

    polynomial m = fit_data(part[0], best);                     /* degree fixed: again on all training data, then the test set */
    scored s = { part[1], &m };
    dl_interval i = dl_bootstrap(c, part[1]->size, test_loss, &s, .resamples = resamples);
    printf("\nDegree %d, trained on all training data: test loss %.4f, standard error %.4f,\n"
           "95 %% of resamples in [%.4f, %.4f]; fresh data %.4f\n",
           best, i.value, i.error, i.low, i.high, general[best]);
    expect("the bootstrap's value is the test loss itself", i.value, loss(&m, part[1]), 1e-12);
    expect_that("the loss on fresh data within 4 standard errors", fabs(i.value - general[best]) < 4 * i.error);

    dl_tensor *x = dl_randn(c, DL_SHAPE(400));
    double sd = dl_item(dl_std(c, x, .biased = 1));
    i = dl_bootstrap(c, 400, mean_of, x->data, .resamples = resamples);
    printf("\nBootstrap of the mean of 400 numbers\n");
    expect("standard error, s / sqrt(n) is known here", i.error, sd / 20, 4 * sd / 20 / sqrt(2.0 * resamples));
    expect("half of the 95 % interval over it", (i.high - i.low) / 2 / i.error, 1.96, .15);
}

/* --- bias and variance of the polynomials, by simulation --------------------------------------------------------------- */
static void trade_off(int sets)
{
    enum { GRID = 41, POINTS = 24 };
    static const int degrees[] = {1, 3, 5, 7, 9};
    enum { DEGREES = sizeof degrees / sizeof *degrees };
    double bias[DEGREES], variance[DEGREES];
    printf("\n%d training sets of %d points; at %d x in [-1, 1]\n"
           "degree     bias^2   variance      noise        sum   measured\n", sets, POINTS, GRID);
    for (int k = 0; k < DEGREES; k++) {
        double sum[GRID] = {0}, square[GRID] = {0}, measured = 0, spread = 0, all, error;
        for (int s = 0; s < sets && !dl_error(c); s++) {
            float x[POINTS], t[POINTS];
            double here = 0;
            dl_step_begin(c);
            dl_tensor *e = dl_randn(c, DL_SHAPE(POINTS + GRID));
            if (dl_error(c)) return;
            for (int i = 0; i < POINTS; i++) {
                x[i] = (float)cos(3.14159265358979 * (i + .5) / POINTS);
                t[i] = (float)(f(x[i]) + NOISE * e->data[i]);
            }
            polynomial m = fit(x, t, POINTS, degrees[k]);
            for (int i = 0; i < GRID; i++) {
                double at = 2.0 * i / (GRID - 1) - 1, y = value(&m, at);
                sum[i] += y / sets;
                square[i] += y * y / sets;
                here += pow(f(at) + NOISE * e->data[POINTS + i] - y, 2) / GRID;
            }
            measured += here / sets;
            spread += here * here / sets;
        }
        bias[k] = variance[k] = 0;
        for (int i = 0; i < GRID; i++) {
            bias[k] += pow(f(2.0 * i / (GRID - 1) - 1) - sum[i], 2) / GRID;
            variance[k] += (square[i] - sum[i] * sum[i]) / GRID;
        }
        all = bias[k] + variance[k] + NOISE * NOISE;
        error = sqrt((spread - measured * measured) / sets);
        printf("%6d %10.5f %10.5f %10.5f %10.5f %10.5f%s\n", degrees[k], bias[k], variance[k], NOISE * NOISE, all, measured,
               fabs(all - measured) < 4 * error ? "" : "  <-- OFF");
        wrong += !(fabs(all - measured) < 4 * error);
    }
    expect_that("a higher degree: less bias, until hardly any is left", bias[0] > 10 * bias[1] && bias[1] > 5 * bias[2]);
    expect_that("    and more variance", variance[0] < variance[1] && variance[1] < variance[2] &&
                variance[2] < variance[3] && variance[3] < variance[4]);
}

static void learning_curve(void)
{
    dl_dataset *fresh = make_points(10000);
    double gap[2] = {0, 0};
    printf("\nLearning curve of degree 9\npoints   training  fresh data        gap   (mean of 20 training sets)\n");
    for (int n = 15; n <= 960; n *= 4) {
        double train = 0, general = 0;
        for (int s = 0; s < 20 && !dl_error(c); s++) {
            dl_dataset *d = make_points(n);
            polynomial m = fit_data(d, 9);
            train += loss(&m, d) / 20;
            general += loss(&m, fresh) / 20;
        }
        printf("%6d %10.4f %11.4f %10.4f\n", n, train, general, general - train);
        gap[n > 15] = general - train;
    }
    expect_that("more data close the generalization gap", gap[1] < .1 * gap[0] && gap[1] < .01);
}

static const char help[] =
    "usage: model_selection [options]\n"
    "  --epochs N     no effect: nothing is trained by epochs\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        fewer simulations: a test of the program\n";

int main(int argc, char **argv)
{
    int quick = 0, seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "model_selection: unknown option %s\n%s", argv[i], help), 2;
    }
    c = dl_create(.seed = (uint64_t)seed, .no_grad = 1);
    splits();
    decomposition(quick ? 100000 : 1000000);
    select_degree(quick ? 1000 : 4000);
    trade_off(quick ? 400 : 4000);
    learning_curve();
    if (dl_error(c)) { fprintf(stderr, "model_selection: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    for (int i = 1; quick && !wrong && i <= 10; i++) printf("row SEL-%02d\n", i);
    return wrong != 0;
}
