/* ensemble.c: many models that decide together: voting, averaging, bagging, boosting, uncertainty, dropout.

       cc -O2 examples/ensemble.c -o ensemble -lm
       ./ensemble
       ./ensemble --help

   Small numbers first, each beside the expected one.  Then, on two noisy half moons: AdaBoost with decision stumps, bagged
   networks, snapshots of one training run, dropout as an ensemble inside one network; and on a curve: gradient boosting with
   tiny networks, and how far bagged networks agree where there are data and where there are none. */
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

/* --- outputs of M models for N samples, probabilities (M, N, C), become one -------------------------------------------- */
static dl_tensor *average(dl_tensor *p) { return dl_mean(c, p, .dims = DL_DIM(0)); }                       /* (N, C) */
static dl_tensor *spread(dl_tensor *p)  { return dl_std(c, p, .dims = DL_DIM(0)); }
static dl_tensor *votes(dl_tensor *p)                                           /* shares of the votes, (N, C) */
{
    return average(dl_one_hot(c, dl_argmax(c, p, .dims = DL_DIM(2)), p->shape[2]));
}

static void small_numbers(void)
{
    static const float three[] = { .9f, .1f,  .4f, .6f,  .45f, .55f };
    dl_tensor *p = dl_tensor_from(c, three, DL_SHAPE(3, 1, 2)), *mean = average(p);
    if (dl_error(c)) return;
    printf("Three models say [.9, .1], [.4, .6], [.45, .55]\n");
    expect("the vote, 0 1 1, is for class", dl_item(dl_argmax(c, votes(p))), 1, 0);
    expect("mean probability of class 0", mean->data[0], 0.5833333, 1e-7);
    expect("mean probability of class 1", mean->data[1], 0.4166667, 1e-7);
    expect("the mean is for class: they differ", dl_item(dl_argmax(c, mean)), 0, 0);
}

/* --- boosting with decision stumps --------------------------------------------------------------------------------------
   h(x) = sign if x[feature] > threshold, else -sign; labels y are 1 or -1. */
typedef struct { int feature; double threshold, sign, error; } stump;

static double stump_says(const stump *h, const float *x) { return x[h->feature] > h->threshold ? h->sign : -h->sign; }

/* The stump with the smallest weighted error.  order[f]: the n samples, (n, features), by rising feature f. */
static stump stump_fit(const float *x, const double *y, const double *w, int n, int features, const int32_t *const *order)
{
    stump best = { 0, 0, 1, INFINITY };
    for (int f = 0; f < features; f++) {
        double error = 0;                                                       /* of: everything is 1 */
        for (int i = 0; i < n; i++) error += y[i] < 0 ? w[i] : 0;
        for (int k = 0; k <= n; k++) {                                          /* the first k samples are -1 */
            const int32_t *o = order[f];
            if (k > 0) error += y[o[k - 1]] * w[o[k - 1]];
            if (k > 0 && k < n && x[o[k] * features + f] == x[o[k - 1] * features + f]) continue;
            for (int sign = 1; sign >= -1; sign -= 2) {
                double e = sign > 0 ? error : 1 - error;
                if (e >= best.error - 1e-12) continue;
                best.feature = f;
                best.sign = sign;
                best.error = fmax(e, 0);
                best.threshold = k == 0 ? -INFINITY : k == n ? INFINITY :
                                 .5 * ((double)x[o[k] * features + f] + (double)x[o[k - 1] * features + f]);
            }
        }
    }
    return best;
}

static double adaboost_weight(double error) { return .5 * log((1 - error) / error); }

/* w_i exp(-a y_i h(x_i)), normalised: what was wrong counts more in the next round */
static void adaboost_update(double *w, const double *y, const double *h, int n, double a)
{
    double sum = 0;
    for (int i = 0; i < n; i++) sum += w[i] *= exp(-a * y[i] * h[i]);
    for (int i = 0; i < n; i++) w[i] /= sum;
}

static void boosting_numbers(void)
{
    static const float  line[] = { 3, 7, 1, 9, 4, 6, 2, 10, 5, 8 };
    double w[10], y[10], h[10];
    dl_tensor *x = dl_tensor_from(c, line, DL_SHAPE(10)), *order;
    const int32_t *orders[1];
    dl_sort(c, x, 0, .indices = &order);
    if (dl_error(c)) return;
    orders[0] = order->idata;

    printf("\nDecision stump on 1 .. 10, class 1 above 6\n");
    for (int i = 0; i < 10; i++) { w[i] = .1; y[i] = line[i] > 6 ? 1 : -1; }
    stump s = stump_fit(line, y, w, 10, 1, orders);
    expect("threshold", s.threshold, 6.5, 0);
    expect("error", s.error, 0, 1e-12);

    printf("\nAdaBoost\n");
    expect("weight of a learner with error .3", adaboost_weight(.3), 0.4236489302, 5e-11);
    expect("weight of a learner with error .1", adaboost_weight(.1), 1.0986122887, 5e-11);
    for (int i = 0; i < 10; i++) h[i] = i < 3 ? -y[i] : y[i];                    /* 3 of 10 are wrong */
    adaboost_update(w, y, h, 10, adaboost_weight(.3));
    expect("10 equal weights, 3 wrong: a wrong one afterwards", w[0], 1 / 6.0, 1e-12);
    expect("    and a right one", w[9], 1 / 14.0, 1e-12);
}

/* --- two half moons ------------------------------------------------------------------------------------------------------ */
static dl_dataset *make_moons(int64_t n, float noise)
{
    dl_tensor *x = dl_mul_scalar(c, dl_randn(c, DL_SHAPE(n, 2)), noise), *at = dl_rand(c, DL_SHAPE(n)),
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

static void adaboost(dl_dataset *train, dl_dataset *test, int rounds)
{
    int n = (int)train->size, right[2] = {0, 0};
    double *y = malloc((size_t)n * sizeof *y), *w = malloc((size_t)n * sizeof *w), *h = malloc((size_t)n * sizeof *h), all = 1;
    double *sum = calloc((size_t)test->size, sizeof *sum), single = 0, boosted = 0;
    dl_tensor *order[2], *columns = dl_transpose(c, train->inputs, 0, 1);
    const int32_t *orders[2];
    for (int f = 0; f < 2; f++) dl_sort(c, dl_flatten(c, dl_slice(c, columns, 0, f, f + 1), 0, -1), 0, .indices = &order[f]);
    if (dl_error(c) || !y || !w || !h || !sum) { dl_fail(c, "out of memory"); rounds = 0; }
    else for (int f = 0; f < 2; f++) orders[f] = order[f]->idata;

    for (int i = 0; rounds && i < n; i++) { y[i] = train->targets->idata[i] ? 1 : -1; w[i] = 1.0 / n; }
    for (int m = 0; m < rounds; m++) {
        stump s = stump_fit(train->inputs->data, y, w, n, 2, orders);
        double a = adaboost_weight(fmax(s.error, 1e-10));
        for (int i = 0; i < n; i++) h[i] = stump_says(&s, train->inputs->data + 2 * i);
        adaboost_update(w, y, h, n, a);
        all *= 2 * sqrt(s.error * (1 - s.error));               /* bounds the training error, Freund and Schapire 1997 */
        right[m > 0] = 0;
        for (int i = 0; i < test->size; i++) {                                  /* F = sign(sum a_m h_m) */
            sum[i] += a * stump_says(&s, test->inputs->data + 2 * i);
            right[m > 0] += (sum[i] > 0) == (test->targets->idata[i] == 1);
        }
        if (m == 0) single = right[0] / (double)test->size;
        boosted = right[m > 0] / (double)test->size;
        if ((m & (m + 1)) == 0 || m == rounds - 1)
            printf("    %3d stump%s test accuracy %.4f, bound of the training error %.4f\n", m + 1, m ? "s:" : ": ", boosted, all);
    }
    free(y); free(w); free(h); free(sum);
    expect_that("boosted stumps are at least .05 better than one", boosted > single + .05);
}

static dl_module *make_net(int64_t in, int64_t hidden, int64_t out)
{
    return dl_nn_sequential(c, dl_nn_linear(c, in, hidden), dl_nn_tanh(c), dl_nn_linear(c, hidden, hidden),
                            dl_nn_tanh(c), dl_nn_linear(c, hidden, out));
}

static dl_tensor *predict(dl_module *net, dl_tensor *x)                         /* class probabilities, kept */
{
    int training = dl_set_training(c, 0), grad = dl_set_grad_enabled(c, 0);
    dl_tensor *p = dl_keep(c, dl_softmax(c, dl_forward(c, net, x), 1));
    dl_set_training(c, training);
    dl_set_grad_enabled(c, grad);
    return p;
}

static dl_dataset *resample(dl_dataset *d) { dl_step_begin(c); return dl_data_subset(c, d, dl_data_bootstrap(c, d->size)); }

static void bagging(dl_dataset *train, dl_dataset *test, int models, int epochs)
{
    dl_tensor *p[32], *all;
    double mean = 0, together, voted;
    for (int m = 0; m < models; m++) {
        dl_module *net = make_net(2, 24, 2);
        dl_fit(c, net, dl_optim_adam(c, net, .lr = .02), resample(train), .epochs = epochs, .batch_size = 32, .quiet = 1);
        p[m] = predict(net, test->inputs);
        mean += dl_metric_accuracy(c, p[m], test->targets) / models;
    }
    dl_step_begin(c);
    all = dl_stack(c, models, p, 0);
    together = dl_metric_accuracy(c, average(all), test->targets);
    voted = dl_metric_accuracy(c, votes(all), test->targets);
    printf("\nBagging: %d networks, each on its own bootstrap sample of %d points\n", models, (int)train->size);
    printf("    test accuracy: mean of the single ones %.4f, vote %.4f, mean of probabilities %.4f\n", mean, voted, together);
    expect_that("the vote is better than the mean single network", voted > mean);
    expect_that("so is the average", together > mean);
}

/* One run whose learning rate starts anew now and then: the network at the end of each cycle is a member, Huang et al. 2017. */
static void snapshots(dl_dataset *train, dl_dataset *test, int cycles, int epochs)
{
    dl_tensor *p[16];
    dl_module *net = make_net(2, 24, 2);
    dl_optim *opt = dl_optim_adam(c, net, .lr = .05);
    dl_schedule *cosine = dl_lr_cosine_restarts(c, opt, epochs * ((train->size + 31) / 32));
    double mean = 0, together;
    for (int m = 0; m < cycles; m++) {
        dl_fit(c, net, opt, train, .epochs = epochs, .batch_size = 32, .schedule = cosine, .quiet = 1);
        p[m] = predict(net, test->inputs);
        mean += dl_metric_accuracy(c, p[m], test->targets) / cycles;
    }
    dl_step_begin(c);
    together = dl_metric_accuracy(c, average(dl_stack(c, cycles, p, 0)), test->targets);
    printf("\nSnapshots of one run, %d cycles of the learning rate\n"
           "    test accuracy: mean of the single ones %.4f, together %.4f\n", cycles, mean, together);
    expect_that("together as good as the mean snapshot, within .005", together > mean - .005);
}

/* Each training pass of a network with dropout is one thinned network; the evaluation pass stands for their mean. */
static void dropout(dl_dataset *train, dl_dataset *test, int passes, int epochs)
{
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 128), dl_nn_relu(c), dl_nn_dropout(c, .3f), dl_nn_linear(c, 128, 2));
    dl_tensor *p[64], *all, *whole, *mean;
    double thinned = 0;
    dl_fit(c, net, dl_optim_adam(c, net, .lr = .01), train, .epochs = epochs, .batch_size = 32, .quiet = 1);
    dl_step_begin(c);
    whole = predict(net, test->inputs);
    dl_set_grad_enabled(c, 0);
    for (int m = 0; m < passes; m++) {                                          /* training mode: dropout is on */
        p[m] = dl_softmax(c, dl_forward(c, net, test->inputs), 1);
        thinned += dl_metric_accuracy(c, p[m], test->targets) / passes;
    }
    dl_set_grad_enabled(c, 1);
    all = dl_stack(c, passes, p, 0);
    mean = average(all);
    double apart = dl_item(dl_mean(c, dl_abs(c, dl_sub(c, mean, whole)))),
        single = dl_item(dl_mean(c, dl_abs(c, dl_sub(c, p[0], whole))));
    printf("\nDropout: %d thinned networks inside of one\n", passes);
    printf("    test accuracy: mean of the thinned ones %.4f, their mean %.4f, the whole network %.4f\n",
           thinned, dl_metric_accuracy(c, mean, test->targets), dl_metric_accuracy(c, whole, test->targets));
    printf("    mean distance from the whole network's probabilities: one thinned %.4f, their mean %.4f\n", single, apart);
    expect_that("the whole network speaks for the mean of the thinned ones", apart < .5 * single);
}

/* --- a curve: y = sin(3 x) + noise, x in [-1, 1] ------------------------------------------------------------------------- */
static dl_dataset *make_curve(int64_t n, float noise)
{
    dl_tensor *x = dl_sub_scalar(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(n, 1)), 2), 1);
    return dl_data_tensors(c, x, dl_add(c, dl_sin(c, dl_mul_scalar(c, x, 3)),
                                        dl_mul_scalar(c, dl_randn(c, DL_SHAPE(n, 1)), noise)));
}

static void fit_curve(dl_module *net, dl_dataset *d, double lr, int epochs)
{
    dl_fit(c, net, dl_optim_adam(c, net, .lr = lr), d, .epochs = epochs, .batch_size = 20, .quiet = 1);
}

static void uncertainty(dl_dataset *curve, int models, int epochs)
{
    dl_tensor *y[32], *x = dl_keep(c, dl_reshape(c, dl_arange(c, -2.5, 2.51, .25), DL_SHAPE(-1, 1))), *mean, *std;
    double inside = 0, outside = 0;
    for (int m = 0; m < models; m++) {
        dl_module *net = make_net(1, 16, 1);
        fit_curve(net, resample(curve), .02, epochs);
        dl_step_begin(c);
        dl_set_grad_enabled(c, 0);
        y[m] = dl_keep(c, dl_forward(c, net, x));
        dl_set_grad_enabled(c, 1);
    }
    dl_step_begin(c);
    mean = average(dl_stack(c, models, y, 0));
    std = spread(dl_stack(c, models, y, 0));
    printf("\nUncertainty: %d networks, data only in [-1, 1]\n       x     mean      std  (40 # are 1)\n", models);
    for (int i = 0; i < x->size && !dl_error(c); i++) {
        printf("   %5.2f  %7.3f  %7.3f  ", x->data[i], mean->data[i], std->data[i]);
        for (int k = 0; k < (int)(40 * std->data[i]) && k < 60; k++) putchar('#');
        putchar('\n');
        if (fabs(x->data[i]) < .8) inside = fmax(inside, std->data[i]);
        if (fabs(x->data[i]) > 2.3) outside += std->data[i] / 2;
    }
    expect_that("far from the data they agree less than anywhere among them", outside > inside);
}

/* Each small network learns what the sum of those before it leaves over, Friedman 2001. */
static void gradient_boosting(dl_dataset *curve, int stages, int epochs)
{
    dl_tensor *left = dl_keep(c, curve->targets);
    double first = 0, mse = 0;
    printf("\nGradient boosting: networks with 2 hidden units, each on the residuals so far\n    mean squared error:");
    for (int m = 0; m < stages && !dl_error(c); m++) {
        dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 1, 2), dl_nn_tanh(c), dl_nn_linear(c, 2, 1));
        fit_curve(net, dl_data_tensors(c, curve->inputs, left), .03, epochs);
        dl_step_begin(c);
        dl_set_grad_enabled(c, 0);
        left = dl_keep(c, dl_sub(c, left, dl_mul_scalar(c, dl_forward(c, net, curve->inputs), .5f)));     /* half a step */
        dl_set_grad_enabled(c, 1);
        mse = dl_item(dl_mean(c, dl_square(c, left)));
        printf(" %.4f", mse);
        if (m == 0) first = mse;
    }
    printf("\n");
    expect_that("less than a third of the first one's is left", mse < first / 3);
}

static const char help[] =
    "usage: ensemble [options]\n"
    "  --epochs N     400, of each network\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        fewer networks and epochs: a test of the program\n";

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
        else return fprintf(stderr, "ensemble: unknown option %s\n%s", argv[i], help), 2;
    }
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    c = dl_create(.seed = (uint64_t)seed);
    small_numbers();
    boosting_numbers();

    dl_dataset *train = make_moons(quick ? 200 : 300, .3f), *test = make_moons(4000, .3f), *curve = make_curve(60, .1f);
    int models = quick ? 15 : 30;
    if (epochs <= 0) epochs = quick ? 200 : 400;
    printf("\nBoosting on two half moons\n");
    adaboost(train, test, quick ? 60 : 200);
    bagging(train, test, models, epochs);
    snapshots(train, test, 5, 40);
    dropout(train, test, 50, epochs);
    uncertainty(curve, models, epochs);
    gradient_boosting(curve, 8, epochs);

    if (dl_error(c)) { fprintf(stderr, "ensemble: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    for (int i = 1; quick && !wrong && i <= 8; i++) printf("row ENS-%02d\n", i);
    return wrong != 0;
}
