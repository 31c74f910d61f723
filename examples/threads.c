/* threads.c: several threads use one trained network at the same time.

       cc -O2 -fopenmp examples/threads.c -o threads
       ./threads
       ./threads --help

   In evaluation mode a network is only read by dl_forward, so threads may share it.  Each has a context of its own: own
   step memory, own error, own random numbers.  Only the context that made the network trains it.  (pthreads or C11 threads
   would do as well as OpenMP; without it, one thread does all.) */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { N = 4000, BATCH = 50, MOST = 64 };

static const char help[] =
    "usage: threads [options]\n"
    "  --epochs N     3\n"
    "  --threads N    that use the network, 1 to 64; 4\n"
    "  --seed N       1\n"
    "  --quick        no effect: it is quick\n";

int main(int argc, char **argv)
{
    int epochs = 3, threads = 4, seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   continue;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "threads: unknown option %s\n%s", argv[i], help), 2;
    }
    if (threads < 1 || threads > MOST || epochs < 1)
        return fprintf(stderr, "threads: --threads is 1 to %d, --epochs at least 1\n", MOST), 2;
    dl_ctx     *c    = dl_create(.seed = (uint64_t)seed, .threads = 1);
    dl_dataset *data = dl_data_drawn_digits(c, N, 1);
    dl_module  *net  = dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 784, 64), dl_nn_relu(c), dl_nn_linear(c, 64, 10));
    dl_optim   *opt  = dl_optim_adam(c, net);
    dl_fit(c, net, opt, data, .epochs = epochs, .batch_size = BATCH, .quiet = 1);
    double alone = dl_evaluate(c, net, data).accuracy;
    if (dl_error(c)) { fprintf(stderr, "threads: %s\n", dl_error(c)); return 1; }

    int right = 0, failed = 0;
#pragma omp parallel num_threads(threads) reduction(+: right, failed)
    {
        dl_ctx *mine = dl_create(.threads = 1, .no_grad = 1);
        dl_set_training(mine, 0);
#pragma omp for schedule(dynamic)
        for (int i = 0; i < N / BATCH; i++) {                     /* whichever thread is free takes the next batch */
            dl_step_begin(mine);
            dl_tensor *x = dl_tensor_from(mine, data->inputs->data + i * BATCH * 784, DL_SHAPE(BATCH, 784));
            dl_tensor *class_of = dl_argmax(mine, dl_forward(mine, net, x), .dims = DL_DIM(1));
            for (int k = 0; k < BATCH && !dl_error(mine); k++) right += class_of->idata[k] == data->targets->idata[i * BATCH + k];
        }
        failed += dl_error(mine) != NULL;
        dl_destroy(mine);
    }
    int same = !failed && (double)right / N == alone;
    printf("accuracy on the training data %.4f with one thread, %.4f with %d, expected the same%s\n", alone, (double)right / N,
           threads, same ? "" : "  <-- OFF");
    dl_destroy(c);
    return !same;
}
