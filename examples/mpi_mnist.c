/* mpi_mnist.c: several processes, on one machine or many, train one network to read handwritten digits.

       mpicc -O2 -fopenmp -DDL_USE_MPI examples/mpi_mnist.c -o mpi_mnist
       mpirun -n 2 ./mpi_mnist

   Each rank takes its share of every batch, batch norm uses the statistics of all shares, and all ranks step with the mean of
   their gradients.  With --data DIR every rank reads the four MNIST files in DIR, otherwise digits drawn by code.  With
   --checkpoint FILE an interrupted run goes on.
   Two ranks end with "test accuracy 0.9790, expected above 0.95" for MNIST, 0.9856 for the drawn digits, and a hash of the
   weights, which is the same on all ranks. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: mpirun -n RANKS mpi_mnist [options]\n"
    "  --data DIR         folder with the MNIST files; without it: digits drawn by code\n"
    "  --checkpoint FILE  saved after each epoch; if it is there, training goes on from it\n"
    "  --batch N          samples in a batch, over all ranks; 128\n"
    "  --epochs N         5\n"
    "  --threads N        of each rank; 1\n"
    "  --seed N           1\n"
    "  --quick            less data, fewer epochs: a test of the program\n";

int main(int argc, char **argv)
{
    const char *folder = NULL, *checkpoint = NULL;
    int epochs = 0, threads = 1, seed = 1, quick = 0, batch = 128;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))      quick = 1;
        else if (!strcmp(argv[i], "--help"))       return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--data"))       folder = value, i++;
        else if (!strcmp(argv[i], "--checkpoint")) checkpoint = value, i++;
        else if (!strcmp(argv[i], "--batch"))      batch = atoi(value), i++;
        else if (!strcmp(argv[i], "--epochs"))     epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads"))    threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))       seed = atoi(value), i++;
        else return fprintf(stderr, "mpi_mnist: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 2 : 5;

    dl_ctx *c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    dl_mpi_init(c);
    int rank = dl_mpi_rank(c), ranks = dl_mpi_size(c);
    if (batch < ranks) batch = ranks;

    dl_dataset *train = folder ? dl_data_mnist(c, folder, .train = 1) : dl_data_drawn_digits(c, quick ? 6000 : 30000, 1);
    dl_dataset *test  = folder ? dl_data_mnist(c, folder)             : dl_data_drawn_digits(c, quick ? 1000 : 5000, 2);
    dl_module *net = dl_nn_sequential(c, dl_nn_flatten(c),
        dl_nn_linear(c, 784, 256), dl_nn_batchnorm1d(c, 256), dl_nn_relu(c), dl_nn_dropout(c, 0.2f),
        dl_nn_linear(c, 256, 10));
    dl_optim *opt = dl_optim_adam(c, net, .lr = 2e-3f);

    if (rank == 0) printf("ranks: %d, samples of each batch on each: %d\n", ranks, batch / ranks);
    dl_interrupt_install(c);                                           /* Ctrl-C finishes the step and saves */
    /* Validation is the test set here, and chooses nothing.  Who chooses by it keeps a third set: dl_data_split. */
    double accuracy = dl_fit(c, net, opt, train, .validation = test, .epochs = epochs, .batch_size = batch / ranks,
                             .checkpoint = checkpoint, .resume = checkpoint != NULL).accuracy, goal = quick ? 0.75 : 0.95;
    uint64_t hash = dl_mpi_hash(c, net);                               /* an error if the ranks do not hold the same bits */

    if (dl_error(c)) fprintf(stderr, "mpi_mnist: %s\n", dl_error(c));
    else if (rank == 0)
        printf("test accuracy %.4f, expected above %g\nweights on all ranks: %016llx\n", accuracy, goal, (unsigned long long)hash);
    int failed = dl_error(c) || !(accuracy > goal);
    dl_mpi_finalize(c);
    dl_destroy(c);
    return failed;
}
