/* overfit.c: 300 images and a network that memorizes them; then the cures, one by one.

       cc -O2 -fopenmp examples/overfit.c -o overfit
       ./overfit
       ./overfit --help

   A perceptron 784 - 256 - 10 knows all its 300 digits after a few epochs, but far fewer of 2,000 others.  Data,
   network and optimizer stay; each line switches one technique on.  At the end dropout is seen as an ensemble: the mean of
   many networks with random units left out agrees with one network with all units. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dl_ctx *c;
static dl_dataset *train, *validation, *test;
static int epochs, seed = 1, wrong;

static void expect(const char *what, int ok, const char *numbers)
{
    printf("%-74s %s%s\n", what, numbers, ok ? "" : "  <-- OFF");
    wrong += !ok;
}

/* --- the cures: an option of dl_fit, of the optimizer, a layer or a function that changes the batch ---------------------- */
static void shift(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user)
{
    (void)t; (void)user;
    *x = dl_aug_affine(k, *x, .degrees = {15}, .translate = {.08, .08}, .scale = {.9, 1.1});
}
static void noise(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user)
{
    (void)t; (void)user;
    *x = dl_aug_gaussian_noise(k, *x, .sigma = .3);
}
static void mixup(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user) { (void)user; dl_aug_mixup(k, x, t, 10, .alpha = .4); }
static void cutmix(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user) { (void)user; dl_aug_cutmix(k, x, t, 10); }

typedef struct {
    const char *name;
    double weight_decay, l1, max_norm, dropout, weight_noise, label_smoothing;
    dl_augment_fn augment;
    int batch_norm, patience;
} cure;
static const cure cures[] = {
    { .name = "nothing" },
    { .name = "L2: decoupled weight decay .3",       .weight_decay = .3 },
    { .name = "L1: .0005 sum abs(w)",                .l1 = 5e-4 },
    { .name = "max-norm 1",                          .max_norm = 1 },
    { .name = "dropout .2 of the pixels, .5 inside", .dropout = .5 },
    { .name = "batch normalization",                 .batch_norm = 1 },
    { .name = "label smoothing .1",                  .label_smoothing = .1 },
    { .name = "noise .3 on the inputs",              .augment = noise },
    { .name = "noise .05 on the weights",            .weight_noise = .05 },
    { .name = "mixup, alpha .4",                     .augment = mixup },
    { .name = "cutmix",                              .augment = cutmix },
    { .name = "early stopping, patience 5",          .patience = 5 },
    { .name = "augmentation: turn, shift, scale",    .augment = shift },
};
enum { CURES = sizeof cures / sizeof *cures, NOTHING = 0, DROPOUT = 4, EARLY = 11, AUGMENT = 12 };

static dl_module *make_net(const cure *k)
{
    dl_module *net = dl_nn_sequential_with(c, NULL, 0);
    dl_manual_seed(c, (uint64_t)seed);                                 /* all begin with the same weights */
    dl_module_add(c, net, NULL, dl_nn_flatten(c));
    if (k->dropout > 0) dl_module_add(c, net, NULL, dl_nn_dropout(c, .2f));
    dl_module_add(c, net, "hidden", dl_nn_linear(c, 784, 256));
    if (k->batch_norm) dl_module_add(c, net, NULL, dl_nn_batchnorm1d(c, 256));
    dl_module_add(c, net, NULL, dl_nn_relu(c));
    if (k->dropout > 0) dl_module_add(c, net, NULL, dl_nn_dropout(c, (dl_real)k->dropout));
    dl_module_add(c, net, "output", dl_nn_linear(c, 256, 10));
    if (k->weight_noise > 0) dl_nn_weight_noise(c, net, (dl_real)k->weight_noise);
    return net;
}

/* Dropout in evaluation against the mean of the probabilities of `n` random networks. */
static void dropout_is_an_ensemble(dl_module *net, int n)
{
    dl_tensor *x, *mean, *p;
    int same = 0, right = 0, single = 0, size = 500;
    char text[80];
    dl_set_training(c, 0);
    dl_step_begin(c);
    x = dl_slice(c, test->inputs, 0, 0, size);
    p = dl_softmax(c, dl_forward(c, net, x), 1);
    dl_set_training(c, 1);
    dl_set_grad_enabled(c, 0);
    mean = dl_zeros(c, DL_SHAPE(size, 10));
    for (int i = 0; i < n && !dl_error(c); i++) {
        dl_tensor *q = dl_softmax(c, dl_forward(c, net, x), 1);
        for (int k = 0; k < 10 * size; k++) mean->data[k] += q->data[k] / (float)n;
        q = dl_argmax(c, q, .dims = DL_DIM(1));
        for (int k = 0; k < size; k++) single += q->idata[k] == test->targets->idata[k];
    }
    dl_set_grad_enabled(c, 1);
    p = dl_argmax(c, p, .dims = DL_DIM(1));
    mean = dl_argmax(c, mean, .dims = DL_DIM(1));
    for (int k = 0; k < size && !dl_error(c); k++) {
        same += p->idata[k] == mean->idata[k];
        right += mean->idata[k] == test->targets->idata[k];
    }
    snprintf(text, sizeof text, "%.3f, expected above .93", same / (double)size);
    printf("\nDropout as an ensemble of %d networks\n", n);
    expect("share of answers that scaling and averaging have in common", same > .93 * size, text);
    snprintf(text, sizeof text, "%.3f > %.3f", right / (double)size, single / (double)(size * n));
    expect("accuracy of the ensemble above that of a single random network", right * n > single, text);
}

static const char help[] =
    "usage: overfit [options]\n"
    "  --epochs N     150, of each training\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        fewer epochs: a test of the program\n";

int main(int argc, char **argv)
{
    int threads = 0, quick = 0, better = 0, second = NOTHING, kept_best = 0;
    double accuracy[CURES] = {0}, loss[CURES] = {0}, fitted[CURES] = {0};
    char text[80], kept_text[80] = "";
    dl_module *dropped = NULL;                                         /* the network trained with dropout */
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "overfit: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 30 : 150;
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    train      = dl_data_drawn_digits(c, 300, 1);
    validation = dl_data_drawn_digits(c, 500, 2);
    test       = dl_data_drawn_digits(c, quick ? 1000 : 2000, 3);

    snprintf(text, sizeof text, "300 digits, 784 - 256 - 10, %d epochs", epochs);
    printf("%-36s training: loss accuracy  others: loss accuracy\n", text);
    for (int i = 0; i < CURES && !dl_error(c); i++) {
        dl_module *net = make_net(&cures[i]);
        dl_optim *opt = dl_optim_adamw(c, net, .lr = 1e-3f, .weight_decay = cures[i].weight_decay > 0 ? cures[i].weight_decay : -1);
        dl_history h;
        dl_scores on_train, on_test;
        dl_fit(c, net, opt, train, .validation = cures[i].patience ? validation : NULL, .epochs = epochs, .batch_size = 30, .quiet = 1,
               .label_smoothing = (dl_real)cures[i].label_smoothing, .augment = cures[i].augment, .patience = cures[i].patience,
               .l1 = cures[i].l1, .max_norm = cures[i].max_norm, .history = &h);
        on_train = dl_evaluate(c, net, train);
        on_test = dl_evaluate(c, net, test);
        fitted[i] = on_train.accuracy;
        accuracy[i] = on_test.accuracy;
        loss[i] = on_test.loss;
        printf("%-36s %14.3f %8.3f %13.3f %8.3f", cures[i].name, on_train.loss, fitted[i], on_test.loss, accuracy[i]);
        if (cures[i].patience) printf("  after epoch %d", h.best + 1);
        printf("\n");
        fflush(stdout);
        if (i == DROPOUT) dropped = net;
        if (i == EARLY) {
            double kept = dl_evaluate(c, net, validation).loss, smallest = h.epochs[0].validation.loss, apart;
            for (int k = 1; k < h.count; k++) if (h.epochs[k].validation.loss < smallest) smallest = h.epochs[k].validation.loss;
            apart = kept - smallest;
            snprintf(kept_text, sizeof kept_text, "%.4f, smallest %.4f", kept, smallest);
            kept_best = apart < 1e-5 && apart > -1e-5;
        }
    }
    printf("\nExpected\n");
    snprintf(text, sizeof text, "%.3f", fitted[NOTHING]);
    expect("without a cure: all 300 known", fitted[NOTHING] == 1, text);
    snprintf(text, sizeof text, "%.3f", accuracy[NOTHING]);
    expect(".. and fewer of the others", accuracy[NOTHING] < .95, text);
    for (int i = 0; i < CURES; i++) {
        better += loss[i] < loss[NOTHING];
        if (i != AUGMENT && accuracy[i] > accuracy[second]) second = i;
    }
    snprintf(text, sizeof text, "%.3f > %.3f", accuracy[AUGMENT], accuracy[second]);
    expect("new images from old ones help most", accuracy[AUGMENT] > accuracy[second], text);
    expect("early stopping kept the weights of the smallest validation loss", kept_best, kept_text);
    snprintf(text, sizeof text, "%d of %d", better, CURES - 1);
    expect("cures with a smaller loss on the others than none, at least 8", better >= 8, text);
    if (!dl_error(c)) dropout_is_an_ensemble(dropped, 50);
    if (dl_error(c)) { fprintf(stderr, "overfit: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    if (quick && !wrong) printf("row REG-08\nrow REG-10\nrow REG-14\nrow TRN-13\n");
    return wrong != 0;
}
