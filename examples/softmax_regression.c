/* softmax_regression.c: linear classifiers: softmax, cross-entropy in all its forms, entropy; digits by straight lines.

       cc -O2 -fopenmp examples/softmax_regression.c -o softmax_regression -lm
       ./softmax_regression
       ./softmax_regression --help

   Every small number stands beside the expected one.  Then a linear model, O = X W + b on mini-batches, learns to tell
   digits drawn by code, by two losses: cross-entropy on softmax, and squared errors; beside it what the nearest neighbours say.
   A small change of one weight always changes the loss, and mostly not the accuracy. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dl_ctx *c;
static int wrong;

static void expect_within(const char *what, double is, double expected, double tolerance)
{
    int off = !(fabs(is - expected) <= tolerance);
    printf("%-62s %13.9g  expected %.10g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

static void expect(const char *what, double is, double expected)
{
    expect_within(what, is, expected, 1e-6 * fmax(1, fabs(expected)));
}

static void expect_that(const char *what, int is) { printf("%-62s %13s\n", what, is ? "yes" : "no  <-- OFF"); wrong += !is; }

static void expect_all(const char *what, const dl_tensor *x, int n, const double *expected)
{
    int off = x->size != n;
    printf("%s\n   ", what);
    for (int i = 0; i < x->size; i++) printf(" %.8g", x->data[i]);
    printf("\n   ");
    for (int i = 0; i < n; i++) {
        printf(" %.8g", expected[i]);
        off |= i < x->size && !(fabs(x->data[i] - expected[i]) <= 1e-6 * fmax(.01, fabs(expected[i])));
    }
    printf("  expected%s\n", off ? "  <-- OFF" : "");
    wrong += off;
}
#define EXPECT(what, x, ...) \
    do { static const double e_[] = { __VA_ARGS__ }; expect_all(what, x, (int)(sizeof e_ / sizeof *e_), e_); } while (0)
#define ROW_OF(n, ...) dl_tensor_from(c, (const float[]){ __VA_ARGS__ }, DL_SHAPE(n))
#define LABELS(n, ...) dl_tensor_from_int(c, (const int32_t[]){ __VA_ARGS__ }, DL_SHAPE(n))

static dl_tensor *gradient(dl_tensor *x)
{
    return x->grad ? dl_tensor_from(c, x->grad, DL_SHAPE(x->size)) : dl_fail(c, "no gradient");
}

static void softmax(void)
{
    static const int classes[] = {2, 3, 10, 100, 1000};
    static const double largest[] = {0.7310585786, 0.5761168848, 0.2319693167, 0.0267236310, 0.0027136191};
    dl_tensor *o = ROW_OF(3, 1, 2, 3), *p = dl_softmax(c, o, 0);
    printf("Linear classifiers\n");
    expect("4 features (weight, fur, wing, ears), 3 classes: parameters", (double)dl_param_count(dl_nn_linear(c, 4, 3)), 15);
    expect("32 x 32 x 3 inputs, 10 classes: weights", (double)dl_param_count(dl_nn_linear(c, 3072, 10, .no_bias = 1)), 30720);
    expect("    with bias", (double)dl_param_count(dl_nn_linear(c, 3072, 10)), 30730);

    printf("\nSoftmax\n");
    EXPECT("of .3, 2.9, 4", dl_softmax(c, ROW_OF(3, .3f, 2.9f, 4), 0), 0.0182112733, 0.2451918129, 0.7365969138);
    EXPECT("of 1010, 1000, 990: no overflow", dl_softmax(c, ROW_OF(3, 1010, 1000, 990), 0), 0.9999546, 4.5397869e-05,
           2.0610600e-09);
    expect("sum", dl_item(dl_sum(c, p)), 1);
    EXPECT("of (1, 2, 3) / .5", dl_softmax_temperature(c, o, 0, .5f), 0.01587624, 0.11731043, 0.86681333);
    EXPECT("of (1, 2, 3) / 1", p, 0.09003057, 0.24472847, 0.66524096);
    EXPECT("of (1, 2, 3) / 2", dl_softmax_temperature(c, o, 0, 2), 0.18632372, 0.30719589, 0.50648039);
    EXPECT("of (1, 2, 3) / 10: high temperature, more even", dl_softmax_temperature(c, o, 0, 10), 0.30060961,
           0.33222499, 0.36716540);
    EXPECT("of (1, 2, 3) + 100: the same", dl_softmax(c, dl_add_scalar(c, o, 100), 0), 0.09003057, 0.24472847, 0.66524096);
    dl_tensor *biased = dl_softmax(c, dl_add(c, o, ROW_OF(3, 1, 0, 0)), 0);
    if (dl_error(c)) return;
    expect_that("a bias of 1 for class 0 favours it", biased->data[0] > p->data[0]);
    for (int k = 0; k < 5; k++) {
        char what[64];
        dl_tensor *x = dl_zeros(c, DL_SHAPE(classes[k]));
        if (dl_error(c)) return;
        x->data[0] = 1;
        snprintf(what, sizeof what, "largest of softmax(1, 0, .., 0), %d classes", classes[k]);
        expect(what, dl_item(dl_max(c, dl_softmax(c, x, 0))), largest[k]);
    }
}

static void cross_entropy(void)
{
    static const double by_class[] = {2.4076059644, 1.4076059644, 0.4076059644};
    dl_tensor *o = ROW_OF(3, 1, 2, 3), *batch, *x;
    char what[64];
    printf("\nCross-entropy on logits 1, 2, 3\n");
    expect("log-sum-exp, between 3 and 3 + log 3", dl_item(dl_logsumexp(c, o)), 3.4076059644);
    expect_that("    it is", dl_item(dl_logsumexp(c, o)) >= 3 && dl_item(dl_logsumexp(c, o)) <= 3 + log(3));
    EXPECT("log-softmax", dl_log_softmax(c, o, 0), -2.4076059644, -1.4076059644, -0.4076059644);
    for (int k = 0; k < 3; k++) {
        dl_tensor *row = dl_reshape(c, o, DL_SHAPE(1, 3)), *label = LABELS(1, k), *hot = dl_one_hot(c, label, 3);
        snprintf(what, sizeof what, "class %d, on logits", k);
        expect(what, dl_item(dl_cross_entropy(c, row, label)), by_class[k]);
        expect("    by a one-hot target", dl_item(dl_cross_entropy(c, row, hot)), by_class[k]);
        expect("    by log-softmax and likelihood", dl_item(dl_nll_loss(c, dl_log_softmax(c, row, 1), label)), by_class[k]);
        expect("    -sum y log yhat", dl_item(dl_neg(c, dl_sum(c, dl_mul(c, hot, dl_log(c, dl_softmax(c, row, 1)))))), by_class[k]);
        expect("    log-sum-exp - sum y o", dl_item(dl_sub(c, dl_logsumexp(c, row), dl_sum(c, dl_mul(c, hot, row)))), by_class[k]);
    }
    batch = dl_requires_grad(c, dl_reshape(c, ROW_OF(3, 1, 2, 3), DL_SHAPE(1, 3)), 1);
    dl_backward(c, dl_cross_entropy(c, batch, LABELS(1, 2)));
    EXPECT("gradient for class 2, softmax - y", gradient(batch), 0.0900305732, 0.2447284711, -0.3347590442);
    batch = dl_requires_grad(c, dl_tensor_from(c, (const float[]){1, 2, 3, 1, 2, 3}, DL_SHAPE(2, 3)), 1);
    dl_backward(c, dl_cross_entropy(c, batch, LABELS(2, 2, 0)));
    EXPECT("a batch, classes 2 and 0: (y - t) / 2", gradient(batch), 0.0450152866, 0.1223642355, -0.1673795221,
           -0.4549847134, 0.1223642355, 0.3326204779);
    expect("the likelihood of both labels is the product: -log of it",
           dl_item(dl_cross_entropy(c, batch, LABELS(2, 2, 0), .reduction = DL_SUM)),
           by_class[2] + by_class[0]);

    printf("\nTwo classes, logit .5; focal loss\n");
    for (int y = 1; y >= 0; y--) {
        x = dl_requires_grad(c, ROW_OF(1, .5f), 1);
        dl_tensor *l = dl_bce_with_logits(c, x, dl_full(c, DL_SHAPE(1), (float)y));
        dl_backward(c, l);
        snprintf(what, sizeof what, "y = %d", y);
        expect(what, dl_item(l), y ? 0.4740769842 : 0.9740769842);
        expect("    on the probability itself",
               dl_item(dl_bce_loss(c, dl_sigmoid(c, x), dl_full(c, DL_SHAPE(1), (float)y))), y ? 0.4740769842 : 0.9740769842);
        expect("    gradient", dl_item(gradient(x)), y ? -0.3775406688 : 0.6224593312);
    }
    for (int k = 0; k < 3; k++) {
        static const float p[] = {.9f, .5f, .1f};
        static const double focal[] = {0.0010536052, 0.1732867951, 1.8650939253};
        static const double plain[] = {0.1053605157, 0.6931471806, 2.3025850930};
        x = dl_full(c, DL_SHAPE(1), (float)log(p[k] / (1 - p[k])));
        snprintf(what, sizeof what, "p %.1f, gamma 2", p[k]);
        expect(what, dl_item(dl_sigmoid_focal_loss(c, x, dl_ones(c, DL_SHAPE(1)), .alpha = -1)), focal[k]);
        expect("       gamma 0", dl_item(dl_sigmoid_focal_loss(c, x, dl_ones(c, DL_SHAPE(1)), .alpha = -1, .gamma = -1)), plain[k]);
    }
}

static void on_probabilities(void)
{
    dl_tensor *good = ROW_OF(10, .1f, .05f, .6f, 0, .05f, .1f, 0, .1f, 0, 0);
    dl_tensor *bad  = ROW_OF(10, .1f, .05f, .1f, 0, .05f, .1f, 0, .6f, 0, 0);
    dl_tensor *t = dl_flatten(c, dl_one_hot(c, LABELS(1, 2), 10), 0, -1), *two[2] = {good, bad}, *both[2] = {t, t};
    printf("\nTen outputs, the true class is 2; 1e-7 inside the logarithm\n");
    expect("most probable is 2: sum of squares / 2", dl_item(dl_sse_loss(c, good, t)), 0.0975);
    expect("    cross-entropy", dl_item(dl_cross_entropy_probs(c, t, good, 0, .eps = 1e-7f)), 0.5108254571);
    expect("most probable is 7: sum of squares / 2", dl_item(dl_sse_loss(c, bad, t)), 0.5975);
    expect("    cross-entropy", dl_item(dl_cross_entropy_probs(c, t, bad, 0, .eps = 1e-7f)), 2.3025840930);
    expect("mini-batch of both: the mean",
           dl_item(dl_mean(c, dl_cross_entropy_probs(c, dl_stack(c, 2, both, 0), dl_stack(c, 2, two, 0), 1, .eps = 1e-7f))),
           (0.5108254571 + 2.3025840930) / 2);
}

static void information(void)
{
    dl_tensor *P = ROW_OF(4, .5f, .25f, .125f, .125f), *Q = dl_full(c, DL_SHAPE(4), .25f);
    printf("\nP = 1/2, 1/4, 1/8, 1/8; Q uniform; nats and bits\n");
    expect("entropy of P", dl_item(dl_entropy(c, P, 0)), 1.2130075660);
    expect("    bits", dl_item(dl_entropy(c, P, 0, .bits = 1)), 1.75);
    expect("entropy of Q", dl_item(dl_entropy(c, Q, 0)), 1.3862943611);
    expect("    bits", dl_item(dl_entropy(c, Q, 0, .bits = 1)), 2);
    expect("H(P, Q)", dl_item(dl_cross_entropy_probs(c, P, Q, 0)), 1.3862943611);
    expect("H(Q, P)", dl_item(dl_cross_entropy_probs(c, Q, P, 0)), 1.5595811563);
    expect("    bits", dl_item(dl_cross_entropy_probs(c, Q, P, 0, .bits = 1)), 2.25);
    expect("KL(P, Q)", dl_item(dl_kl_divergence(c, P, Q, 0)), 0.1732867951);
    expect("KL(Q, P)", dl_item(dl_kl_divergence(c, Q, P, 0)), 0.1732867951);
    expect("    bits", dl_item(dl_kl_divergence(c, Q, P, 0, .bits = 1)), .25);
    expect("KL(P, P)", dl_item(dl_kl_divergence(c, P, P, 0)), 0);
    expect("surprisal of 1/8, bits", dl_item(dl_surprisal(c, ROW_OF(1, .125f), .bits = 1)), 3);
}

/* J = L + S: the cross-entropy of logits o = W2 h, class 0, and S = lambda / 2 times the squares of all weights. */
static void regularised(void)
{
    dl_tensor *W1 = ROW_OF(6, .1f, .2f, -.3f, .4f, .5f, -.6f), *W2 = ROW_OF(6, .1f, -.2f, .3f, .4f, .5f, -.6f), *h = ROW_OF(3, .5f, .5f, 0);
    dl_tensor *o = dl_linear(c, dl_reshape(c, h, DL_SHAPE(1, 3)), dl_reshape(c, W2, DL_SHAPE(2, 3)), NULL);
    dl_tensor *L = dl_cross_entropy(c, o, LABELS(1, 0));
    dl_tensor *S = dl_mul_scalar(c, dl_add(c, dl_sum(c, dl_square(c, W1)), dl_sum(c, dl_square(c, W2))), .1f / 2);
    printf("\nRegularised loss, lambda = .1\n");
    expect("L", dl_item(L), 0.9740769842);
    expect("S", dl_item(S), 0.091);
    expect("J = L + S", dl_item(dl_add(c, L, S)), 1.0650769842);
}

/* Why a loss and not accuracy: a small change of a weight changes the loss by its slope, the accuracy mostly not at all. */
static void small_change(dl_module *net, dl_dataset *d)
{
    dl_tensor *bias = dl_module_get(c, net, "1.bias");
    int same = 0, changed = 0;
    dl_scores s, before = dl_evaluate(c, net, d);
    if (dl_error(c)) return;
    float at = bias->data[3];
    for (int i = 1; i <= 10; i++, before = s) {
        bias->data[3] = at + 1e-4f * (float)i;
        s = dl_evaluate(c, net, d);
        same += s.accuracy == before.accuracy;
        changed += s.loss != before.loss;
    }
    bias->data[3] = at;
    printf("A bias moved ten times by 1e-4: the loss changes %d times, the accuracy %d times\n", changed, 10 - same);
    expect_that("the loss always changes", changed == 10);
    expect_that("accuracy mostly does not", same >= 8);
}

static dl_tensor *squared_errors(dl_ctx *ctx, dl_tensor *o, dl_tensor *t)
{
    return dl_mse_loss(ctx, o, dl_one_hot(ctx, t, 10));
}

/* What learns nothing: an image is what most of the five training images are that are nearest to it.  300 test images: it is slow. */
static void neighbours(dl_dataset *train, dl_dataset *test)
{
    dl_tensor *x = dl_slice(c, dl_flatten(c, test->inputs, 1, -1), 0, 0, 300);
    dl_tensor *guess = dl_knn(c, dl_flatten(c, train->inputs, 1, -1), train->targets, x, 5);
    int right = 0;
    for (int64_t i = 0; i < guess->size; i++) right += guess->idata[i] == test->targets->idata[i];
    printf("five nearest neighbours, among the same training digits: accuracy %.4f (first 300 test digits)\n", right / 300.);
    expect_that("a baseline without training: more than 70 %", right > 210);
}

static void digits(int64_t n, int epochs, uint64_t seed)
{
    dl_dataset *train = dl_data_drawn_digits(c, n, seed), *test = dl_data_drawn_digits(c, 2000, seed + 1);
    dl_module *net = dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 784, 10)),
        *squares = dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 784, 10));
    dl_optim *opt = dl_optim_sgd(c, net, .lr = .1);
    dl_scores first = dl_evaluate(c, net, test), s = first;
    printf("\n%lld digits drawn by code, 784 inputs, 10 classes, %lld parameters\n"
           "epoch   loss  accuracy (test)\n%5d %6.4f    %.4f\n",
           (long long)n, (long long)dl_param_count(net), 0, first.loss, first.accuracy);
    for (int e = 1; e <= epochs && !dl_error(c); e++) {
        s = dl_fit(c, net, opt, train, .validation = test, .batch_size = 32, .quiet = 1);
        printf("%5d %6.4f    %.4f\n", e, s.loss, s.accuracy);
    }
    expect_within("loss before learning: about log 10", first.loss, log(10), .3);
    expect_that("it falls by more than a third", s.loss < first.loss * 2 / 3);
    expect_that("and more than 60 % are right, with straight lines only", s.accuracy > .6);
    small_change(net, test);
    s = dl_fit(c, squares, dl_optim_sgd(c, squares, .lr = .05), train, .validation = test, .epochs = epochs,
               .batch_size = 32, .loss = squared_errors, .quiet = 1);
    printf("the same with squared errors: accuracy %.4f\n", dl_evaluate(c, squares, test).accuracy);
    neighbours(train, test);
}

/* Logistic regression: p = sigmoid(w x + b) on one feature, where the boundary is known. */
static void logistic(void)
{
    dl_tensor *x = dl_reshape(c, dl_arange(c, -2, 2, .05), DL_SHAPE(-1, 1)), *t = dl_gt(c, x, dl_full(c, DL_SHAPE(1, 1), .5f));
    dl_dataset *d = dl_data_tensors(c, x, t);
    dl_module *net = dl_nn_linear(c, 1, 1);
    dl_optim *opt = dl_optim_sgd(c, net, .lr = 1);
    for (int step = 0; step < 400; step++) {
        dl_step_begin(c);
        dl_backward(c, dl_bce_with_logits(c, dl_forward(c, net, d->inputs), d->targets));
        dl_optim_step(c, opt);
    }
    printf("\nLogistic regression, class 1 above .5\n");
    expect_within("learned boundary -b / w",
                  -dl_item(dl_module_get(c, net, "bias")) / dl_item(dl_module_get(c, net, "weight")), .5, .1);
}

static const char help[] =
    "usage: softmax_regression [options]\n"
    "  --epochs N     15\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        less data, fewer epochs: a test of the program\n";

int main(int argc, char **argv)
{
    int quick = 0, seed = 1, epochs = 0, threads = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "softmax_regression: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 4 : 15;
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);                           /* lines as they come, in a pipe too */
    softmax();
    cross_entropy();
    on_probabilities();
    information();
    regularised();
    logistic();
    digits(quick ? 3000 : 20000, epochs, (uint64_t)seed);
    if (dl_error(c)) { fprintf(stderr, "softmax_regression: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    if (wrong || !quick) return wrong != 0;
    printf("row LIN-14\nrow LIN-15\nrow LIN-16\nrow LIN-18\nrow AD-11\nrow AD-12\n");
    for (int i = 2; i <= 25; i++) printf("row LOSS-%02d\n", i);
    return 0;
}
