/* imbalance.c: ninety samples of one class to ten of the other, and what helps.

       cc -O2 examples/imbalance.c -o imbalance -lm
       ./imbalance
       ./imbalance --help

   Small numbers first, each beside the expected one: confusion matrix, precision, recall, F1, class weights, SMOTE, focal
   loss, bootstrap.  Then one small network is trained in eight ways on the same points, one class a ring of small islands in
   the other: accuracy is highest for the network that finds nothing; recall and F1 tell the truth. */
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

/* --- small numbers -------------------------------------------------------------------------------------------------- */
static void scores(void)
{
    static const int cells[2][2] = { {6, 2}, {4, 8} };                          /* [truth][prediction]: TN FP, FN TP */
    int32_t truth[20], prediction[20];
    int n = 0;
    for (int t = 0; t < 2; t++)
        for (int p = 0; p < 2; p++)
            for (int i = 0; i < cells[t][p]; i++, n++) { truth[n] = t; prediction[n] = p; }
    dl_tensor *y = dl_tensor_from_int(c, prediction, DL_SHAPE(20)), *t = dl_tensor_from_int(c, truth, DL_SHAPE(20));
    dl_tensor *confusion = dl_metric_confusion(c, y, t, 2);
    dl_class_scores s = dl_metric_scores(c, confusion);

    printf("Confusion matrix, rows: truth\n");
    dl_print(confusion);
    expect("precision = TP / (TP + FP), TP 8, FP 2", s.precision, 0.8, 1e-12);
    expect("recall = TP / (TP + FN), FN 4", s.recall, 0.6666667, 5e-8);
    expect("F1 = 2 TP / (2 TP + FP + FN)", s.f1, 0.7272727, 5e-8);
    expect("accuracy", s.accuracy, 0.7, 1e-12);
}

static void weights_and_losses(void)
{
    static const double p[] = {.9, .5, .1}, focal2[] = {0.0010536052, 0.1732867951, 1.8650939253};
    static const double focal0[] = {0.1053605157, 0.6931471806, 2.3025850930};
    int32_t labels[100];
    for (int i = 0; i < 100; i++) labels[i] = i >= 90;
    dl_tensor *w = dl_data_class_weights(c, dl_tensor_from_int(c, labels, DL_SHAPE(100)), 2);
    if (dl_error(c)) return;
    printf("\nClass weights n / (K n_k) for 90 and 10\n");
    expect("class 0", w->data[0], 0.5556, 5e-5);
    expect("class 1", w->data[1], 5, 1e-6);

    printf("\nFocal loss -(1 - p)^gamma log p: what is easy hardly counts\n");
    for (int i = 0; i < 3; i++) {
        float log_p[2] = { (float)log(p[i]), (float)log(1 - p[i]) };
        int32_t first = 0;
        dl_tensor *x = dl_tensor_from(c, log_p, DL_SHAPE(1, 2)), *t = dl_tensor_from_int(c, &first, DL_SHAPE(1));
        char what[64];
        snprintf(what, sizeof what, "p %.1f, gamma 2", p[i]);
        expect(what, dl_item(dl_focal_loss(c, x, t)), focal2[i], 1e-6);
        snprintf(what, sizeof what, "p %.1f, gamma 0: cross-entropy", p[i]);
        expect(what, dl_item(dl_focal_loss(c, x, t, .gamma = -1)), focal0[i], 1e-6);
    }
}

static void smote(void)
{
    static const float a[] = {1, 1}, b[] = {3, 5};
    float points[20] = {1, 1,  3, 5};                                           /* two of class 1, then eight of class 0 */
    int32_t labels[10] = {1, 1};
    double off = 0;
    dl_tensor *x = dl_tensor_from(c, a, DL_SHAPE(2)), *neighbour = dl_tensor_from(c, b, DL_SHAPE(2));
    dl_tensor *new_x = dl_add(c, x, dl_mul_scalar(c, dl_sub(c, neighbour, x), .5f));
    dl_dataset *d = dl_data_smote(c, dl_data_tensors(c, dl_tensor_from(c, points, DL_SHAPE(10, 2)),
                                                     dl_tensor_from_int(c, labels, DL_SHAPE(10))));

    printf("\nSMOTE, x + u (neighbour - x), between (1, 1) and (3, 5)\n");
    if (dl_error(c)) return;
    expect("u = .5, first coordinate", new_x->data[0], 2, 0);
    expect("u = .5, second", new_x->data[1], 3, 0);
    expect("8 of one class, 2 of the other: samples afterwards", (double)d->size, 16, 0);
    for (int i = 10; i < 16; i++) {
        const float *y = d->inputs->data + 2 * i;
        printf("    (%.3f, %.3f)\n", y[0], y[1]);
        off = fmax(off, fabs(y[1] - (1 + 2 * (y[0] - 1))));                     /* on the line between the two */
        off = fmax(off, fmax(1 - y[0], y[0] - 3));
        off = fmax(off, d->targets->idata[i] != 1);
    }
    expect("largest distance from the segment", off, 0, 1e-6);
}

/* The share of distinct samples among n draws with replacement: 1 - (1 - 1/n)^n, towards 1 - 1/e. */
static void bootstrap(void)
{
    static const int64_t sizes[] = {10, 100, 1000};
    static const double  shares[] = {0.6513215599, 0.6339676587, 0.6323045752};
    const int trials = 2000;
    printf("\nBootstrap: the share of distinct samples, mean of %d, within 4 standard errors\n", trials);
    for (int k = 0; k < 3; k++) {
        int64_t n = sizes[k];
        double mean = 0, square = 0;
        char what[64], seen[1000];
        for (int t = 0; t < trials && !dl_error(c); t++) {
            dl_step_begin(c);
            dl_tensor *index = dl_data_bootstrap(c, n);
            double distinct = 0;
            memset(seen, 0, sizeof seen);
            for (int64_t i = 0; i < index->size; i++) {
                distinct += !seen[index->idata[i]];
                seen[index->idata[i]] = 1;
            }
            mean += distinct / (double)n / trials;
            square += distinct / (double)n * distinct / (double)n / trials;
        }
        snprintf(what, sizeof what, "%d draws with replacement", (int)n);
        expect(what, mean, shares[k], 4 * sqrt((square - mean * mean) / trials));
    }
}

/* --- the experiment ------------------------------------------------------------------------------------------------- */
/* Points N(0, 1); one in ten is moved to one of four islands on a ring of radius 1.8, of standard deviation .4. */
static dl_dataset *make_points(int64_t n)
{
    static const float islands[4][2] = { {1.8f, 0}, {0, 1.8f}, {-1.8f, 0}, {0, -1.8f} };
    dl_tensor *x = dl_randn(c, DL_SHAPE(n, 2)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n)));
    for (int64_t i = 0; i < n && !dl_error(c); i += 10) {
        t->idata[i] = 1;
        for (int k = 0; k < 2; k++) x->data[2 * i + k] = .4f * x->data[2 * i + k] + islands[i / 10 % 4][k];
    }
    return dl_data_tensors(c, x, t);
}

static dl_tensor *class_weights;                                                /* for the loss functions below */
static dl_tensor *plain_loss(dl_ctx *ctx, dl_tensor *y, dl_tensor *t)    { return dl_cross_entropy(ctx, y, t); }
static dl_tensor *weighted_loss(dl_ctx *ctx, dl_tensor *y, dl_tensor *t)
{
    return dl_cross_entropy(ctx, y, t, .weight = class_weights);
}
static dl_tensor *focal_loss(dl_ctx *ctx, dl_tensor *y, dl_tensor *t)
{
    return dl_focal_loss(ctx, y, t, .weight = class_weights);
}

static dl_module *train(dl_dataset *d, dl_loss_fn loss, dl_tensor *sample_weights, int updates)
{
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 24), dl_nn_tanh(c), dl_nn_linear(c, 24, 24), dl_nn_tanh(c),
                                      dl_nn_linear(c, 24, 2));
    dl_optim  *opt = dl_optim_adam(c, net, .lr = 0.01);
    dl_loader *batches = dl_loader_create(c, d, .batch_size = 64, .shuffle = 1, .weights = sample_weights);
    while (updates > 0 && !dl_error(c))
        while (dl_next_batch(c, batches) && updates-- > 0) {
            dl_backward(c, loss(c, dl_forward(c, net, batches->input), batches->target));
            dl_optim_step(c, opt);
        }
    return net;
}

/* The bootstrap as over-sampling: class 0 as it is, and as many draws with replacement from class 1. */
static dl_dataset *redraw_small_class(dl_dataset *d)
{
    dl_step_begin(c);
    int64_t large = 0, n = d->size;
    int32_t *index = dl_alloc(c, 2 * (size_t)n * sizeof *index);
    dl_tensor *w = dl_to_real(c, d->targets), *drawn;
    for (int64_t i = 0; index && i < n; i++) if (d->targets->idata[i] == 0) index[large++] = (int32_t)i;
    drawn = dl_multinomial(c, w, large, .replacement = 1);                      /* weight 1 for class 1, 0 for class 0 */
    if (!dl_error(c)) memcpy(index + large, drawn->idata, (size_t)large * sizeof *index);
    return dl_data_subset(c, d, dl_tensor_from_int(c, index, DL_SHAPE(2 * large)));
}

static dl_class_scores report(const char *name, dl_tensor *output, dl_dataset *test, double *auc)
{
    dl_tensor *s = dl_sub(c, dl_slice(c, output, 1, 1, 2), dl_slice(c, output, 1, 0, 1));
    dl_tensor *confusion = dl_metric_confusion(c, output, test->targets, 2);
    dl_class_scores m = dl_metric_scores(c, confusion);
    *auc = dl_metric_roc_auc(c, dl_flatten(c, s, 0, -1), test->targets);
    if (dl_error(c)) return m;
    printf("%-23s%8.4f%8.4f%8.4f%8.4f%8.4f%8.4f%8.4f%5d%5d%5d%5d\n", name, m.accuracy, m.balanced_accuracy,
           m.precision, m.recall, m.f1, m.mcc, *auc,
           confusion->idata[3], confusion->idata[1], confusion->idata[2], confusion->idata[0]);
    return m;
}

static void experiment(int quick, int updates)
{
    dl_dataset *data = make_points(quick ? 1000 : 3000), *test = make_points(10000);
    dl_tensor *by_class = dl_keep(c, dl_data_class_weights(c, data->targets, 2));
    struct { const char *name; dl_dataset *data; dl_loss_fn loss; dl_tensor *sample_weights; } ways[] = {
        { "as it is",                   data, plain_loss, NULL },
        { "over-sampling",              dl_data_subset(c, data, dl_data_balanced(c, data->targets)), plain_loss, NULL },
        { "bootstrap of class 1",       redraw_small_class(data), plain_loss, NULL },
        { "under-sampling",             dl_data_subset(c, data, dl_data_balanced(c, data->targets, .under = 1)), plain_loss, NULL },
        { "SMOTE",                      dl_data_smote(c, data), plain_loss, NULL },
        { "weights in the loss",        data, weighted_loss, NULL },
        { "weights in the loader",      data, plain_loss, dl_keep(c, dl_index_select(c, by_class, 0, data->targets)) },
        { "focal loss with weights",    data, focal_loss, NULL },
    };
    enum { WAYS = sizeof ways / sizeof *ways };
    dl_class_scores m[WAYS], none;
    double auc[WAYS], chance;

    class_weights = by_class;
    printf("\n%-23saccuracy balance precis.  recall      F1     MCC ROC AUC   TP   FP   FN   TN\n", "trained");
    dl_step_begin(c);
    dl_tensor *zeros = dl_to_int(c, dl_zeros(c, DL_SHAPE(test->size)));
    none = report("nothing: always class 0", dl_one_hot(c, zeros, 2), test, &chance);
    for (int i = 0; i < WAYS && !dl_error(c); i++) {
        dl_module *net = train(ways[i].data, ways[i].loss, ways[i].sample_weights, updates);
        dl_step_begin(c);
        dl_set_grad_enabled(c, 0);
        m[i] = report(ways[i].name, dl_forward(c, net, test->inputs), test, &auc[i]);
        dl_set_grad_enabled(c, 1);
    }
    if (dl_error(c)) return;

    printf("\n");
    expect("accuracy of always class 0: looks good", none.accuracy, 0.9, 1e-12);
    expect("    but its F1", none.f1, 0, 0);
    expect("    and its ROC AUC", chance, 0.5, 1e-12);
    for (int i = 1; i < WAYS; i++) {
        char what[96];
        snprintf(what, sizeof what, "%s: finds more of class 1", ways[i].name);
        expect_that(what, m[i].recall > m[0].recall);
        snprintf(what, sizeof what, "%s: higher balanced accuracy", ways[i].name);
        expect_that(what, m[i].balanced_accuracy > m[0].balanced_accuracy);
    }
}

static const char help[] =
    "usage: imbalance [options]\n"
    "  --epochs N     of 100 updates, 15\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        less data, fewer epochs: a test of the program\n";

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
        else return fprintf(stderr, "imbalance: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 4 : 15;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    c = dl_create(.seed = (uint64_t)seed);
    scores();
    weights_and_losses();
    smote();
    bootstrap();
    experiment(quick, 100 * epochs);
    if (dl_error(c)) { fprintf(stderr, "imbalance: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    if (quick && !wrong) printf("row IMB-01\nrow IMB-02\nrow IMB-03\nrow IMB-04\nrow IMB-05\n");
    return wrong != 0;
}
