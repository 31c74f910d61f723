/* Training on several ranks; tests/test_mpi.sh compiles it and runs it under mpirun:  mpirun -n 2 mpi MODE [FILE]
   Each mode prints a line beginning with "ok" on rank 0, or what is wrong on any; the script looks for that. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "dl.h"
#include <math.h>
#include <mpi.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int rank, ranks, wrong;
static const char *mode;

static void check(int line, int ok, const char *what)
{
    if (ok) return;
    wrong++;
    printf("WRONG rank %d of %d, line %d: %s\n", rank, ranks, line, what);
}
#define CHECK(cond) check(__LINE__, (cond) != 0, #cond)
#define CHECK_OK(c) check(__LINE__, !dl_error(c), dl_error(c))

/* drop: with dropout, which makes n ranks differ from one */
static dl_module *net(dl_ctx *c, int drop)
{
    dl_module *m = dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 784, 24), dl_nn_tanh(c), dl_nn_batchnorm1d(c, 24));
    if (drop) dl_module_add(c, m, NULL, dl_nn_dropout(c, 0.2f));
    dl_module_add(c, m, NULL, dl_nn_linear(c, 24, 10));
    return m;
}
static dl_module *conv_net(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_conv2d(c, 1, 4, 3, .stride = 2), dl_nn_batchnorm2d(c, 4), dl_nn_relu(c),
                            dl_nn_conv2d(c, 4, 6, 3, .stride = 3), dl_nn_batchnorm2d(c, 6, .no_affine = 1, .no_track = 1),
                            dl_nn_tanh(c), dl_nn_flatten(c), dl_nn_linear(c, 96, 10),
                            dl_nn_batchnorm1d(c, 10, .cumulative = 1));
}

static void erase(dl_ctx *c, dl_tensor **input, dl_tensor **target, void *user)     /* random numbers for each sample */
{
    (void)target; (void)user;
    *input = dl_aug_cutout(c, *input, 8);
}

static double furthest(dl_module *a, dl_module *b)       /* largest difference of two networks' weights */
{
    double most = 0;
    dl_param *p, *q;
    for (int i = 0; (p = dl_module_at(a, i, NULL, 0)) != NULL; i++) {
        q = dl_module_at(b, i, NULL, 0);
        for (int64_t k = 0; k < p->tensor->size; k++) {
            double d = (double)p->tensor->data[k] - (double)q->tensor->data[k];
            if (!(d < 0 ? -d <= most : d <= most)) most = d < 0 ? -d : d;
        }
    }
    return most;
}

/* Batch norm of x (N, 3, ..) + r on all ranks, of which each has some samples, rank r 2 r + 2, against the whole on one:
   result, gradients of x, w and r, running statistics. */
static void norm(dl_ctx *c, int64_t height, int64_t width, int relu)
{
    int64_t first = (int64_t)rank * (rank + 1), mine = 2 * rank + 2, N = (int64_t)ranks * (ranks + 1), S = 3 * height * width;
    dl_ctx *one = dl_create(.seed = 3, .threads = 1);
    dl_tensor *x[2], *w[2], *r[2], *mean[2], *var[2], *y[2], *g;
    dl_manual_seed(c, 3);
    for (int k = 0; k < 2; k++) {
        dl_ctx *s = k ? c : one;
        dl_step_begin(s);
        x[k] = dl_add_scalar(s, dl_randn(s, DL_SHAPE(N, 3, height, width)), 100);
        r[k] = dl_randn(s, DL_SHAPE(N, 3, height, width));
        g = dl_randn(s, DL_SHAPE(N, 3, height, width));
        w[k] = dl_requires_grad(s, dl_rand(s, DL_SHAPE(3)), 1);
        mean[k] = dl_zeros(s, DL_SHAPE(3));
        var[k] = dl_ones(s, DL_SHAPE(3));
        if (k) {                                        /* a part of all that */
            x[k] = dl_slice(s, x[k], 0, first, first + mine);
            r[k] = dl_slice(s, r[k], 0, first, first + mine);
            g = dl_slice(s, g, 0, first, first + mine);
        }
        dl_requires_grad(s, x[k], 1);
        dl_requires_grad(s, r[k], 1);
        y[k] = dl_batch_norm(s, x[k], mean[k], var[k], w[k], NULL, .residual = r[k], .activation = relu ? DL_RELU : DL_LINEAR);
        dl_backward(s, y[k], .grad = g);
    }
    CHECK_OK(c); CHECK_OK(one);
    double tolerance = sizeof(dl_real) == 8 ? 1e-12 : 2e-5;
    for (int64_t i = 0; i < mine * S; i++) {
        CHECK(fabs((double)(y[1]->data[i] - y[0]->data[first * S + i])) < tolerance);
        CHECK(fabs((double)(x[1]->grad[i] - x[0]->grad[first * S + i])) < tolerance);
        CHECK(r[1]->grad[i] == r[0]->grad[first * S + i]);
    }
    for (int i = 0; i < 3; i++) {
        double dw[1] = {(double)w[1]->grad[i]};
        dl_mpi_sum(c, dw, 1);
        CHECK(fabs(dw[0] - (double)w[0]->grad[i]) < 10 * tolerance);
        CHECK(fabs((double)(mean[1]->data[i] - mean[0]->data[i])) < tolerance);
        CHECK(fabs((double)(var[1]->data[i] - var[0]->data[i])) < tolerance);
    }
    dl_destroy(one);
}

/* n ranks with batches of b train as one rank with batches of n b: written out; by dl_fit with augmentation and clipping; with
   L-BFGS, whose line search needs the mean of the losses too; with accumulation, and different seeds before dl_fit; with
   convolutions.  240 samples are divisible by n b, so that no sample is used twice. */
static void same_as_one(dl_ctx *c)
{
    const int local = !strcmp(mode, "local");           /* batch norm of each rank for itself: not the same */
    dl_ctx *one = dl_create(.seed = 7, .threads = 1);
    for (int how = local ? 4 : 0; how < 5; how++) {
        int total = how == 2 ? 240 : 24, batch = total / ranks;
        dl_manual_seed(c, how == 3 ? 7 + (uint64_t)rank : 7);
        dl_manual_seed(one, 7);
        dl_ctx *side[2] = {one, c};
        dl_module *m[2];
        dl_scores scores[2];
        for (int k = 0; k < 2; k++) {
            dl_dataset *d = dl_data_drawn_digits(side[k], 240, 3), *v = dl_data_drawn_digits(side[k], 300, 4);
            int b = k ? batch : total;
            m[k] = how == 4 ? conv_net(side[k]) : net(side[k], 0);
            dl_optim *o = how == 2 ? dl_optim_lbfgs(side[k], m[k], .max_iter = 5, .strong_wolfe = 1)
                                   : dl_optim_sgd(side[k], m[k], 0.1f, .momentum = 0.9f);
            if (how == 3 && (k == 0 || rank == 0)) dl_rand(side[k], DL_SHAPE(1));     /* rank 0 has drawn a number of its own */
            if (how == 0) {
                dl_mpi_broadcast(side[k], m[k]);
                dl_loader *l = dl_loader_create(side[k], d, .batch_size = b, .shuffle = 1, .rank = dl_mpi_rank(side[k]),
                                                .ranks = dl_mpi_size(side[k]));
                for (int epoch = 0; epoch < 3; epoch++)
                    while (dl_next_batch(side[k], l)) {
                        dl_backward(side[k], dl_cross_entropy(side[k], dl_forward(side[k], m[k], l->input), l->target));
                        dl_mpi_reduce_gradients(side[k], m[k]);
                        dl_optim_step(side[k], o);
                    }
                scores[k] = dl_evaluate(side[k], m[k], v);
            } else
                scores[k] = dl_fit(side[k], m[k], o, d, .epochs = 2, .batch_size = b, .validation = v, .quiet = 1,
                                   .clip_norm = how == 2 ? 0 : 1, .augment = how == 2 ? NULL : erase, .accumulate = how == 3 ? 2 : 1);
        }
        CHECK_OK(one); CHECK_OK(c);
        double far = furthest(m[0], m[1]);
        double tolerance = sizeof(dl_real) == 8 ? 1e-12 : 3e-6;
        if (how == 2) tolerance *= sizeof(dl_real) == 8 ? 1e3 : 1e5;                /* L-BFGS amplifies rounding */
        CHECK(local ? far > 1e-3 : far <= tolerance);
        CHECK(local || fabs(scores[0].loss - scores[1].loss) < tolerance);
        CHECK(local || scores[0].accuracy == scores[1].accuracy);
        CHECK(dl_mpi_hash(c, m[1]) != 0);
        if (rank == 0) printf("%d ranks of %d, case %d: weights within %.2g of one rank of %d\n", ranks, batch, how, far, total);
    }
    dl_destroy(one);
}

/* Which of 24 samples were used: their number is their first feature. */
static double used[24];
static void mark(dl_ctx *c, dl_tensor **input, dl_tensor **target, void *user)
{
    (void)c; (void)target; (void)user;
    for (int64_t i = 0; i < (*input)->shape[0]; i++) used[(int)(*input)->data[2 * i]]++;
}
static int all_used_once(dl_ctx *c, const dl_fit_state *s)
{
    (void)s;
    dl_mpi_sum(c, used, 24);
    for (int i = 0; i < 24; i++) { CHECK(used[i] == 1); used[i] = 0; }
    if (rank == 0) dl_rand(c, DL_SHAPE(5));             /* rank 0 looks at a sample of its own */
    return 0;
}
static void drawn_on_one_rank(dl_ctx *c)
{
    dl_module *m = dl_nn_linear(c, 2, 3), *table = dl_nn_embedding(c, 5, 2, .max_norm = 1);
    dl_tensor *x = dl_zeros(c, DL_SHAPE(24, 2)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(24)));
    for (int i = 0; i < 24; i++) x->data[2 * i] = (dl_real)i;
    dl_fit(c, m, dl_optim_sgd(c, m), dl_data_tensors(c, x, t), .epochs = 4, .batch_size = 24 / ranks / 2, .quiet = 1, .augment = mark,
           .on_epoch = all_used_once);
    CHECK_OK(c);
    dl_forward(c, table, dl_to_int(c, dl_zeros(c, DL_SHAPE(3))));
    CHECK(dl_error(c) && strstr(dl_error(c), "embedding: max_norm would change rows on this rank alone"));
    dl_clear_error(c);
}

/* Batch norm, dropout, sizes that do not divide: all ranks hold the same bits all the time, and dropout differs. */
static void equal(dl_ctx *c)
{
    dl_dataset *d = dl_data_drawn_digits(c, 101, 3);
    dl_manual_seed(c, 5 + (uint64_t)rank);
    dl_module *m = net(c, 1);
    dl_optim *o = dl_optim_adam(c, m);
    dl_fit(c, m, o, d, .epochs = 3, .batch_size = 16, .quiet = 1, .validation = d);
    CHECK(dl_mpi_hash(c, m) != 0);
    CHECK_OK(c);

    /* a loader whose batches use every sample, the first few twice */
    int64_t mine = 0;
    double seen[1] = {0};
    dl_loader *l = dl_loader_create(c, d, .batch_size = 4, .shuffle = 1, .rank = rank, .ranks = ranks);
    while (dl_next_batch(c, l)) mine += l->input->shape[0];
    CHECK(mine == (101 - 1) / ranks + 1);
    seen[0] = (double)mine;
    dl_mpi_sum(c, seen, 1);
    CHECK(seen[0] == (double)(mine * ranks));

    /* random numbers differ while a batch is worked on, and are the same when its gradients are reduced */
    for (int reduced = 0; reduced < 2; reduced++) {
        double sum[64];
        int differ = 0;
        if (reduced) dl_mpi_reduce_gradients(c, m);
        else dl_next_batch(c, l);
        dl_tensor *mask = dl_dropout(c, dl_ones(c, DL_SHAPE(64)), 0.5f);
        for (int i = 0; i < 64; i++) sum[i] = (double)mask->data[i];
        dl_mpi_sum(c, sum, 64);
        for (int i = 0; i < 64; i++) differ |= sum[i] != ranks * (double)mask->data[i];
        CHECK(differ == (ranks > 1 && !reduced));
    }

    /* a parameter without a gradient on one rank counts as 0 there, one without any stays so */
    dl_param *first = dl_module_at(m, 0, NULL, 0), *second = dl_module_at(m, 1, NULL, 0);
    dl_step_begin(c);
    dl_zero_grads(m);
    if (rank == 0) dl_backward(c, dl_sum(c, first->tensor));
    dl_mpi_reduce_gradients(c, m);
    CHECK(first->tensor->grad && first->tensor->grad[5] == (dl_real)(1.0 / ranks));
    CHECK(!second->tensor->grad);

    /* weights that differ are found, and buffers that differ become their mean */
    dl_param *mean = NULL, *p;
    for (int i = 0; (p = dl_module_at(m, i, NULL, 0)) != NULL; i++) if (!strcmp(p->name, "running_mean")) mean = p;
    mean->tensor->data[3] = (dl_real)rank;
    dl_mpi_reduce_gradients(c, m);
    CHECK(mean->tensor->data[3] == (dl_real)((ranks - 1) / 2.0));
    CHECK_OK(c);
    drawn_on_one_rank(c);
    if (ranks == 1) return;
    if (rank == 1) first->tensor->data[0] += 1;
    CHECK(dl_mpi_hash(c, m) == 0);
    CHECK(dl_error(c) && strstr(dl_error(c), "do not hold what rank 0 holds"));
    dl_clear_error(c);
}

/* An error on rank 1 becomes an error on all ranks, wherever it happens. */
static int fails_at_5(dl_ctx *c, const dl_fit_state *s)
{
    if (rank == 1 && s->step == 5) dl_fail(c, "the disk of rank 1 is full");
    return 0;
}
static void error(dl_ctx *c)
{
    dl_dataset *d = dl_data_drawn_digits(c, 100, 3);
    dl_module *m = net(c, 1);
    if (!strcmp(mode, "error-step"))
        dl_fit(c, m, dl_optim_adam(c, m), d, .epochs = 5, .batch_size = 10, .quiet = 1, .on_step = fails_at_5);
    else if (!strcmp(mode, "error-before")) {
        if (rank == 1) dl_fail(c, "the disk of rank 1 is full");
        dl_fit(c, m, dl_optim_adam(c, m), d, .epochs = 5, .batch_size = 10, .quiet = 1);
    } else if (!strcmp(mode, "error-loop")) {           /* rank 1 leaves the loop and meets the others at the end */
        dl_loader *l = dl_loader_create(c, d, .batch_size = 10, .shuffle = 1, .rank = rank, .ranks = ranks);
        dl_optim *o = dl_optim_adam(c, m);
        for (int step = 0; dl_next_batch(c, l); step++) {
            if (rank == 1 && step == 2) dl_fail(c, "the disk of rank 1 is full");
            dl_backward(c, dl_cross_entropy(c, dl_forward(c, m, l->input), l->target));
            dl_mpi_reduce_gradients(c, m);
            dl_optim_step(c, o);
        }
    } else if (!strcmp(mode, "error-calls")) {          /* the ranks do not make the same calls */
        if (rank == 1) dl_mpi_broadcast(c, m);
        else dl_mpi_reduce_gradients(c, m);
    } else {                                            /* another network on rank 1 */
        dl_mpi_reduce_gradients(c, rank == 1 ? dl_nn_linear(c, 3, 4) : m);
    }
    dl_mpi_sum(c, NULL, 0);                             /* the ranks have parted by now, or part here */
    CHECK(dl_error(c) != NULL);
    if (strcmp(mode, "error-calls") && strcmp(mode, "error-net")) {
        CHECK(strstr(dl_error(c), "the disk of rank 1 is full"));
        CHECK(rank == 1 || !strncmp(dl_error(c), "rank 1 of ", 10));
    } else CHECK(strstr(dl_error(c), "all ranks make the same calls"));
    if (rank == 0) printf("%s\n", dl_error(c));
}

/* A long training with a checkpoint, whole or cut: by SIGKILL of rank 1, or by SIGTERM of rank 1, which stops all of them. */
static int cuts(dl_ctx *c, const dl_fit_state *s)
{
    (void)c;
    if (rank == 1 && s->step == 23) raise(!strcmp(mode, "kill") ? SIGKILL : SIGTERM);
    return 0;
}
static int goes_on(dl_ctx *c, const dl_fit_state *s) { (void)c; (void)s; return 0; }
static void long_run(dl_ctx *c, const char *file)
{
    dl_dataset *d = dl_data_drawn_digits(c, 160, 3);
    dl_module *m = net(c, 1);
    dl_optim *o = dl_optim_adam(c, m);
    dl_history curves;
    int cut = !strcmp(mode, "kill") || !strcmp(mode, "stop"), resume = !strcmp(mode, "resume");
    dl_interrupt_install(c);
    dl_scores s = dl_fit(c, m, o, d, .epochs = 6, .batch_size = 16, .quiet = 1, .checkpoint = file, .resume = resume,
                         .augment = erase, .on_step = cut ? cuts : goes_on, .history = &curves, .validation = d);
    uint64_t hash = dl_mpi_hash(c, m);
    CHECK_OK(c);
    if (cut) CHECK(curves.count == 4);                  /* 5 steps in an epoch, 23 done */
    else CHECK(curves.count == 6);
    if (rank == 0) printf("%s: hash %016llx loss %.9g\n", cut ? "cut" : "end", (unsigned long long)hash,
                          cut ? 0 : s.loss + curves.epochs[4].train.loss);
}

int main(int argc, char **argv)
{
    dl_ctx *c = dl_create(.seed = 7, .threads = 1);
    int own = 0;
    mode = argc > 1 ? argv[1] : "";
    own = !strcmp(mode, "own");
    if (own) MPI_Init(&argc, &argv);
    CHECK(dl_mpi_rank(c) == 0 && dl_mpi_size(c) == 1);  /* not yet joined */
    CHECK(dl_mpi_init(c, .local_batch_norm = !strcmp(mode, "local")));
    rank = dl_mpi_rank(c);
    ranks = dl_mpi_size(c);
    if (own) {
        double x[2] = {rank + 1.0, 0.5};
        dl_mpi_sum(c, x, 2);
        CHECK(x[0] == ranks * (ranks + 1) / 2 && x[1] == ranks / 2.0);
        CHECK(!dl_mpi_init(c) && strstr(dl_error(c), "joined already"));
        dl_clear_error(c);
    }
    else if (!strcmp(mode, "same") || !strcmp(mode, "local")) same_as_one(c);
    else if (!strcmp(mode, "norm")) for (int i = 0; i < 6; i++) norm(c, i % 3 == 0 ? 1 : 5, i % 3 == 2 ? 9 : 1 + i % 3, i < 3);
    else if (!strcmp(mode, "equal")) equal(c);
    else if (!strncmp(mode, "error", 5)) error(c);
    else if (argc > 2) long_run(c, argv[2]);
    else CHECK(!"a mode");
    dl_mpi_finalize(c);
    CHECK(dl_mpi_size(c) == 1);
    if (own) { int all, one = wrong; MPI_Allreduce(&one, &all, 1, MPI_INT, MPI_SUM, MPI_COMM_WORLD); wrong = all; MPI_Finalize(); }
    dl_clear_error(c);
    CHECK(!dl_mpi_init(c) && strstr(dl_error(c), "cannot begin again"));
    dl_destroy(c);
    if (rank == 0 && !wrong) printf("ok %s\n", mode);
    return wrong != 0;
}
