/* gd_tables.c: gradient descent in numbers, each beside the one expected.

       cc -O2 examples/gd_tables.c -o gd_tables -lm
       ./gd_tables
       ./gd_tables --help

   E(w) = 3 (w - 2)^2 + 5 from w = 5 with a learning rate that is too large, too small and good, beside the closed form
   w(t) = 2 + 3 (1 - 6 lr)^t, which converges for 0 < lr < 1/3; two coordinates at once; how many updates an epoch has;
   the moving average; how a learning rate falls. */
#define DL_DOUBLE                                                 /* all digits: the library in double precision */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

static const char help[] =
    "usage: gd_tables [options]\n"
    "  --epochs N     no effect: nothing is trained by epochs\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        no effect: it is quick\n";
static const dl_module_type point_type = { "point", sizeof(dl_module), NULL };     /* a module whose only parameter is w */
static int wrong;

static const char *near(double x, double expected, double tolerance)
{
    int ok = fabs(x - expected) <= tolerance;
    wrong += !ok;
    return ok ? "" : "  <-- OFF";
}

/* A fresh point with n coordinates, all of them `start`. */
static dl_tensor *point(dl_ctx *c, dl_module **m, int n, double start)
{
    *m = dl_module_create(c, &point_type);
    dl_tensor *w = dl_module_param(c, *m, "w", DL_SHAPE(n));
    dl_init_constant(c, w, start);
    return w;
}

static void table(dl_ctx *c, double lr)
{
    dl_module *m;
    dl_tensor *w   = point(c, &m, 1, 5);
    dl_optim  *opt = dl_optim_sgd(c, m, .lr = lr);

    printf("E(w) = 3 (w - 2)^2 + 5 from w = 5, learning rate %g\n  t             w      expected             E      expected\n", lr);
    for (int t = 0; t <= 10 && !dl_error(c); t++) {
        dl_step_begin(c);
        dl_tensor *e = dl_add_scalar(c, dl_mul_scalar(c, dl_square(c, dl_sub_scalar(c, w, 2)), 3), 5);
        double closed = 2 + 3 * pow(1 - 6 * lr, t), energy = 3 * (closed - 2) * (closed - 2) + 5;
        printf("%3d  %12.6f  %12.6f  %12.6f  %12.6f%s%s\n", t, dl_item(w), closed, dl_item(e), energy,
               near(dl_item(w), closed, 1e-9 * fabs(closed)), near(dl_item(e), energy, 1e-9 * energy));
        dl_backward(c, e);
        dl_optim_step(c, opt);                                    /* w -= lr dE/dw = lr 6 (w - 2) */
    }
    printf("\n");
}

/* f = x^2 + y^2: both coordinates move from the same point, w -= 0.1 (2 x, 2 y) */
static void coordinates(dl_ctx *c)
{
    dl_module *m;
    dl_tensor *w   = point(c, &m, 2, 4);
    dl_optim  *opt = dl_optim_sgd(c, m, .lr = 0.1);
    if (dl_error(c)) return;
    w->data[0] = -3;
    for (int t = 0; t < 100; t++) {
        dl_step_begin(c);
        dl_backward(c, dl_sum(c, dl_square(c, w)));
        dl_optim_step(c, opt);
    }
    printf("x^2 + y^2 from (-3, 4), 100 steps of 0.1\n  (%.4e, %.4e), expected (-6.1111e-10, 8.1481e-10)%s%s\n\n",
           w->data[0], w->data[1], near(w->data[0], -6.1111e-10, 1e-14), near(w->data[1], 8.1481e-10, 1e-14));
}

/* n = 10 samples: batch, stochastic and mini-batch gradient descent differ in the updates of an epoch. */
static void updates(dl_ctx *c)
{
    static const struct { const char *name; int64_t size; int expected; } kinds[] = {
        {"batch, all 10", 10, 1}, {"stochastic, 1", 1, 10}, {"mini-batch, 4", 4, 3},
    };
    dl_tensor  *x    = dl_randn(c, DL_SHAPE(10, 1));
    dl_dataset *data = dl_data_tensors(c, x, dl_mul_scalar(c, x, 2));
    printf("updates an epoch, 10 samples\n");
    for (int i = 0; i < 3; i++) {
        dl_loader *batches = dl_loader_create(c, data, .batch_size = kinds[i].size, .shuffle = 1);
        int count = 0;
        while (dl_next_batch(c, batches)) count++;
        printf("  %-14s %2d, expected %2d%s\n", kinds[i].name, count, kinds[i].expected, near(count, kinds[i].expected, 0));
    }
    printf("\n");
}

/* E = 0.9 E + 0.1 x from 0: what came before is forgotten slowly, by a factor 0.9 a step. */
static void average(dl_ctx *c)
{
    static const double expected[] = {0.1, 0.29, 0.561};
    dl_module *m;
    dl_tensor *w = point(c, &m, 1, 0);
    dl_ema    *e = dl_ema_create(c, m, .decay = 0.9);
    dl_ema_update(c, e);                                          /* the first one is a copy: 0 */
    printf("moving average of 1, 2, 3:");
    for (int i = 0; i < 3 && !dl_error(c); i++) {
        w->data[0] = i + 1;
        dl_ema_update(c, e);
        dl_ema_swap(c, e);
        printf("  %.3f (%.3f)%s", dl_item(w), expected[i], near(dl_item(w), expected[i], 1e-12));
        dl_ema_swap(c, e);
    }
    printf("\n\n");
}

static void decay(dl_ctx *c)
{
    static const struct { const char *name; int at[4]; double lr[4]; } rows[] = {
        {"halved every 10 steps", {0, 9, 10, 25}, {.1, .1, .05, .025}},
        {"0.1 exp(-0.1 t)",       {0, 1, 10, -1}, {.1, .0904837418, .0367879441}},
        {"0.1 / (1 + 0.1 t)",     {0, 1, 10, -1}, {.1, .0909090909, .05}},
        {"cosine over 10 steps",  {0, 5, 10, -1}, {.1, .05, 0}},
    };
    printf("learning rates that fall from 0.1\n                             t       rate  expected\n");
    for (int i = 0; i < 4; i++) {
        dl_module *m;
        point(c, &m, 1, 0);
        dl_optim    *opt = dl_optim_sgd(c, m, .lr = 0.1);
        dl_schedule *s = i == 0 ? dl_lr_step(c, opt, 10, .gamma = 0.5) : i == 1 ? dl_lr_exponential(c, opt, exp(-0.1))
                       : i == 2 ? dl_lr_inverse(c, opt, 0.1) : dl_lr_cosine(c, opt, 10);
        for (int t = 0, k = 0; t <= 25 && k < 4; t++) {
            if (t == rows[i].at[k]) {
                printf("  %-22s  %4d  %.10f  %.10f%s\n", k ? "" : rows[i].name, t, dl_optim_lr(opt), rows[i].lr[k],
                       near(dl_optim_lr(opt), rows[i].lr[k], 1e-10));
                k++;
            }
            dl_schedule_step(c, s);
        }
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    int seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   continue;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "gd_tables: unknown option %s\n%s", argv[i], help), 2;
    }
    dl_ctx *c = dl_create(.seed = (uint64_t)seed);
    table(c, 0.4);
    table(c, 0.01);
    table(c, 0.1);
    coordinates(c);
    updates(c);
    average(c);
    decay(c);
    if (dl_error(c)) { fprintf(stderr, "gd_tables: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
