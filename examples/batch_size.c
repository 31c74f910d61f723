/* batch_size.c: one network, one budget of samples, batches of 16 to 2048.

       cc -O2 -fopenmp examples/batch_size.c -o batch_size -lm
       ./batch_size
       ./batch_size --help

   The same small network learns digits drawn by code.  First every batch size gets the same number of epochs: large batches
   need more memory and take fewer steps; beyond 64 samples they get less far.  Batches of 16 get further than those of 256, but
   after 5 epochs, in spite of all their steps, they are behind those of 64 (accuracy .895 against .929).  Then every batch
   size goes on until the loss on the training set is the same, and the minima are compared: the test accuracy, and the sharpness,
   which is how much the training loss rises when the weights take a random step of given length. */
#define _POSIX_C_SOURCE 199309L
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const int sizes[] = {16, 64, 256, 1024, 2048};
enum { SIZES = sizeof sizes / sizeof *sizes };
static int wrong;

static void expect_that(const char *what, int is) { printf("%-70s %s\n", what, is ? "yes" : "no  <-- OFF"); wrong += !is; }

typedef struct { dl_ctx *c; dl_module *net; dl_optim *opt; double time; } run;    /* time: of the fastest epoch */

/* A context for each run: its memory is that of this batch size. */
static run start(int seed, int threads)
{
    run r = { dl_create(.seed = (uint64_t)seed, .threads = threads), NULL, NULL, 0 };
    r.net = dl_nn_sequential(r.c, dl_nn_flatten(r.c), dl_nn_linear(r.c, 784, 32), dl_nn_relu(r.c), dl_nn_linear(r.c, 32, 10));
    r.opt = dl_optim_sgd(r.c, r.net, .lr = .05, .momentum = .9);
    return r;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void train(run *r, dl_dataset *d, int batch_size)        /* one epoch */
{
    double time = now();
    dl_fit(r->c, r->net, r->opt, d, .batch_size = batch_size, .quiet = 1);
    time = now() - time;
    if (r->time == 0 || time < r->time) r->time = time;
}

static int end(run *r)                                          /* 0 after an error */
{
    int ok = !dl_error(r->c);
    if (!ok) { fprintf(stderr, "batch_size: %s\n", dl_error(r->c)); wrong++; }
    dl_destroy(r->c);
    return ok;
}

static void same_epochs(dl_dataset *data, dl_dataset *test, int epochs, int seed, int threads)
{
    double loss[SIZES];
    size_t memory[SIZES];
    printf("%d samples, %d epochs\n batch  updates  training loss  test accuracy  samples/s  memory of a step\n",
           (int)data->size, epochs);
    for (int i = 0; i < SIZES; i++) {
        run r = start(seed, threads);
        for (int e = 0; e < epochs; e++) train(&r, data, sizes[i]);
        memory[i] = dl_memory(r.c).step_peak;
        loss[i] = dl_evaluate(r.c, r.net, data).loss;
        printf("%6d %8d %14.4f %14.4f %10.0f %14.0f KB\n", sizes[i],
               (int)(epochs * ((data->size + sizes[i] - 1) / sizes[i])), loss[i],
               dl_evaluate(r.c, r.net, test).accuracy, (double)data->size / r.time, (double)memory[i] / 1024);
        if (!end(&r)) return;
    }
    int more = 1, less = 1;
    for (int i = 1; i < SIZES; i++) more &= memory[i] > memory[i - 1];
    for (int i = 2; i < SIZES; i++) less &= loss[i] > loss[i - 1];
    expect_that("the larger the batch, the more memory", more);
    expect_that("with the same epochs, from 64 on: the larger the batch, the less far", less);
    expect_that("and batches of 16 get further than those of 256", loss[0] < loss[2]);
}

static void same_loss(dl_dataset *data, dl_dataset *test, double goal, int most, int seeds, int seed, int threads)
{
    static const double lengths[] = {4, 8, 16};
    double accuracy[SIZES] = {0}, sharpness[SIZES][3] = {{0}};
    int epochs[SIZES] = {0};
    printf("\nUntil the training loss is %g; runs averaged: %d\n"
           " batch   epochs  test accuracy   sharpness: step 4         8        16\n", goal, seeds);
    for (int i = 0; i < SIZES; i++) {
        for (int s = 0; s < seeds; s++) {
            run r = start(seed + s, threads);
            do train(&r, data, sizes[i]), epochs[i]++;
            while (!dl_error(r.c) && !(dl_evaluate(r.c, r.net, data).loss < goal) && epochs[i] < most * (s + 1));
            accuracy[i] += dl_evaluate(r.c, r.net, test).accuracy / seeds;
            for (int k = 0; k < 3; k++) sharpness[i][k] += dl_sharpness(r.c, r.net, data, lengths[k]) / seeds;
            if (!end(&r)) return;
        }
        printf("%6d %8.1f %14.4f %21.4f %9.4f %9.4f\n", sizes[i], (double)epochs[i] / seeds, accuracy[i],
               sharpness[i][0], sharpness[i][1], sharpness[i][2]);
    }
    int rises = 1;
    for (int i = 0; i < SIZES; i++)
        for (int k = 1; k < 3; k++) rises &= sharpness[i][k] > sharpness[i][k - 1] && sharpness[i][k] > 0;
    expect_that("at all these minima the loss rises, and more with a longer step", rises);
    expect_that("batches of 2048 end in a sharper minimum than batches of 16", sharpness[SIZES - 1][2] > sharpness[0][2]);
    expect_that("and need more epochs to get there", epochs[SIZES - 1] > epochs[0]);
}

static const char help[] =
    "usage: batch_size [options]\n"
    "  --epochs N     5, where all sizes get the same number\n"
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
        else return fprintf(stderr, "batch_size: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 3 : 5;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    dl_ctx *c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    dl_dataset *data = dl_data_drawn_digits(c, quick ? 2048 : 8192, (uint64_t)seed),
        *test = dl_data_drawn_digits(c, quick ? 1000 : 5000, (uint64_t)seed + 1000);
    if (dl_error(c)) { fprintf(stderr, "batch_size: %s\n", dl_error(c)); wrong++; }
    else {
        same_epochs(data, test, epochs, seed, threads);
        same_loss(data, test, .2, 400, quick ? 1 : 3, seed, threads);
    }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    if (quick && !wrong) printf("row TRN-04\nrow TRN-05\nrow TRN-06\n");
    return wrong != 0;
}
