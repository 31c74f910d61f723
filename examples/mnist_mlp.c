/* mnist_mlp.c: the standard exercise, step by step: prepare the data, train a two-layer perceptron, look at its curves.

       cc -O2 -fopenmp examples/mnist_mlp.c -o mnist_mlp
       ./mnist_mlp --data data/mnist
       ./mnist_mlp --help

   With --data DIR it reads the four MNIST files (train-images-idx3-ubyte, ...) in DIR, otherwise digits drawn by code, which
   are harder for a perceptron: positions vary more.  1. pixels to [0, 1]; 2. a tenth of the training data, with equal shares
   of the classes, for validation; 3. every pixel standardised with the numbers of the training data, pixels that never change
   become 0; 4. the training loop, written out, with early stopping; 5. the test: accuracy by digit and the commonest
   confusions; 6. learning curves on the screen and in a CSV file. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: mnist_mlp [options]\n"
    "  --data DIR     folder with the MNIST files; without it: digits drawn by code\n"
    "  --out DIR      where the learning curves go, mnist_mlp.csv; the current folder\n"
    "  --epochs N     at most; 20\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        less data, a few epochs: a test of the program\n";

static dl_ctx *c;
static int wrong;

static void expect_number(const char *what, double is, double expected, double tolerance)
{
    int off = !(is - expected <= tolerance && expected - is <= tolerance);
    printf("%-62s %10g  expected %g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

/* The data set with its inputs as columns, (n, 784), standardised. */
static dl_dataset *standardised(const dl_scaler *s, dl_dataset *d)
{
    dl_step_begin(c);
    return dl_data_tensors(c, dl_data_apply(c, s, dl_flatten(c, d->inputs, 1, -1)), d->targets);
}

static void preparation(void)
{
    static const float column[] = {2, 4, 10}, constant[] = {7, 7, 7};
    dl_tensor *x = dl_tensor_from(c, column, DL_SHAPE(3, 1)), *y = dl_data_zscore(c, x), *m = dl_data_minmax(c, x);
    dl_tensor *z = dl_data_zscore(c, dl_tensor_from(c, constant, DL_SHAPE(3, 1)));
    if (dl_error(c)) return;
    printf("Data preparation\n");
    expect_number("min-max of 2, 4, 10: the 4 becomes", m->data[1], .25, 1e-6);
    expect_number("z-score of 2, 4, 10", y->data[0], -.980581, 1e-6);
    expect_number("", y->data[1], -.392232, 1e-6);
    expect_number("", y->data[2], 1.372813, 1e-6);
    expect_number("z-score of a constant", z->data[0], 0, 0);
}

static void confusions(dl_module *net, dl_dataset *test)
{
    int count[10][10] = {{0}};
    dl_set_training(c, 0);
    dl_loader *batches = dl_loader_create(c, test, .batch_size = 500);
    while (dl_next_batch(c, batches)) {
        dl_tensor *guess = dl_argmax(c, dl_forward(c, net, batches->input), .dims = DL_DIM(1));
        for (int i = 0; i < guess->size; i++) count[batches->target->idata[i]][guess->idata[i]]++;
    }
    dl_set_training(c, 1);
    printf("\ndigit      0     1     2     3     4     5     6     7     8     9\naccuracy");
    for (int i = 0; i < 10; i++) {
        int n = 0;
        for (int j = 0; j < 10; j++) n += count[i][j];
        printf("  %.2f", n ? count[i][i] / (double)n : 0);
        count[i][i] = 0;                                               /* only mistakes are left */
    }
    printf("\ncommonest confusions\n");
    for (int k = 0; k < 5; k++) {
        int a = 0, b = 0;
        for (int i = 0; i < 10; i++)
            for (int j = 0; j < 10; j++)
                if (count[i][j] > count[a][b]) a = i, b = j;
        if (count[a][b]) printf("    a %d is taken for a %d: %d\n", a, b, count[a][b]);
        count[a][b] = 0;
    }
}

int main(int argc, char **argv)
{
    static const double shares[] = {.9, .1};
    const char *folder = NULL, *out = ".";
    char log[512];
    int epochs = 0, threads = 0, seed = 1, quick = 0;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--data"))    folder = value, i++;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "mnist_mlp: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 5 : 20;
    snprintf(log, sizeof log, "%s/mnist_mlp.csv", out);

    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    preparation();
    dl_dataset *all  = folder ? dl_data_mnist(c, folder, .train = 1) : dl_data_drawn_digits(c, quick ? 30000 : 60000, 1);
    dl_dataset *test = folder ? dl_data_mnist(c, folder)             : dl_data_drawn_digits(c, quick ? 2000 : 10000, 2);
    dl_dataset *parts[2];
    dl_data_split(c, all, 2, shares, parts, .stratified = 1);
    dl_scaler *scaler = dl_data_fit(c, dl_flatten(c, parts[0]->inputs, 1, -1), DL_ZSCORE);
    /* A pixel that is ink in a handful of 60,000 digits deviates by 1e-4, and one stroke there would become 700: such inputs
       make the network sure of wrong answers, and its validation loss rises.  No pixel counts for less than a deviation of .1. */
    int faint = 0;
    for (int i = 0; i < 784 && !dl_error(c); i++)
        if (scaler->scale->data[i] > 10) { scaler->scale->data[i] = 10; faint++; }
    dl_dataset *train = standardised(scaler, parts[0]), *validation = standardised(scaler, parts[1]);
    test = standardised(scaler, test);
    if (!dl_error(c)) {
        dl_tensor *v = dl_var(c, train->inputs, .dims = DL_DIM(0), .biased = 1);
        double sum = 0;
        int constant = 0;
        for (int i = 0; i < 784 && !dl_error(c); i++) {
            if (scaler->scale->data[i] < 10) sum += v->data[i];
            constant += scaler->scale->data[i] == 0;
        }
        printf("%d digits for training, %d for validation, %d for the test\n%d pixels never change, %d deviate by less than .1\n",
               (int)train->size, (int)validation->size, (int)test->size, constant, faint);
        expect_number("mean of the standardised training data", dl_item(dl_mean(c, train->inputs)), 0, 1e-4);
        expect_number("mean variance of the others", sum / (784 - constant - faint), 1, 1e-3);
    }

    dl_manual_seed(c, (uint64_t)seed);
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 784, 256), dl_nn_relu(c), dl_nn_dropout(c, .3f), dl_nn_linear(c, 256, 10));
    dl_optim *opt = dl_optim_adam(c, net, .lr = 1e-3f);
    dl_loader *batches = dl_loader_create(c, train, .batch_size = 100, .shuffle = 1);
    dl_early_stop *stop = dl_early_stop_create(c, net, 5);
    dl_epoch *curve = calloc((size_t)epochs, sizeof *curve);
    dl_history history = {curve, 0, 0};
    if (!curve) return fprintf(stderr, "mnist_mlp: out of memory\n"), 1;
    for (int epoch = 0; epoch < epochs && !dl_error(c); epoch++) {     /* this is what dl_fit does */
        dl_epoch *now = &curve[epoch];
        while (dl_next_batch(c, batches)) {
            dl_tensor *output = dl_forward(c, net, batches->input), *guess = dl_argmax(c, output, .dims = DL_DIM(1));
            dl_tensor *loss = dl_cross_entropy(c, output, batches->target);
            dl_backward(c, loss);
            dl_optim_step(c, opt);
            now->train.loss += dl_item(loss) / (double)batches->batches;
            for (int i = 0; i < guess->size; i++)
                now->train.accuracy += (guess->idata[i] == batches->target->idata[i]) / (double)train->size;
        }
        now->validation = dl_evaluate(c, net, validation);
        now->lr = dl_optim_lr(opt);
        history.count++;
        printf("epoch %2d  loss %.4f  accuracy %.4f  validation loss %.4f  accuracy %.4f\n", epoch + 1, now->train.loss,
               now->train.accuracy, now->validation.loss, now->validation.accuracy);
        fflush(stdout);
        if (dl_early_stop_observe(c, stop, now->validation.loss)) break;
    }
    dl_early_stop_restore(c, stop);
    history.best = stop ? (int)stop->best_index : 0;

    dl_history_print(stdout, &history);
    if (dl_history_save(c, &history, log)) printf("wrote %s; the weights are those of epoch %d\n", log, history.best + 1);
    if (!dl_error(c)) confusions(net, test);
    double accuracy = dl_evaluate(c, net, test).accuracy, goal = .97;
    printf("test accuracy %.4f, expected above %.2f%s\n", accuracy, goal, accuracy > goal ? "" : "  <-- OFF");
    wrong += !(accuracy > goal);
    if (dl_error(c)) { fprintf(stderr, "mnist_mlp: %s\n", dl_error(c)); wrong++; }
    free(curve);
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
