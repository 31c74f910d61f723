/* custom_op.c: an operation of your own with its gradient, checked against central differences, then used in training.

       cc -O2 examples/custom_op.c -o custom_op -lm
       ./custom_op
       ./custom_op --help

   The op is "snake" (Ziyin et al. 2020), an activation for periodic data:  y = x + sin(a x)^2 / a. */
#define DL_DOUBLE                                                 /* gradient checks want double precision */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* An op: shape, forward, backward.  y->src holds the inputs, y->opts a copy of the options. */
static int snake_shape(dl_ctx *c, dl_tensor *y)
{
    return dl_set_shape(c, y, y->src[0]->ndim, y->src[0]->shape);
}

static void snake_forward(dl_ctx *c, dl_tensor *y)
{
    const dl_real *x = y->src[0]->data, a = *(const dl_real *)y->opts;
    (void)c;
    for (int64_t i = 0; i < y->size; i++) y->data[i] = x[i] + sin(a * x[i]) * sin(a * x[i]) / a;
}

static void snake_backward(dl_ctx *c, dl_tensor *y)               /* dx = dy (1 + sin(2 a x)) */
{
    const dl_real *x = y->src[0]->data, *dy = y->grad, a = *(const dl_real *)y->opts;
    int add;
    dl_real *dx = dl_grad_of(c, y->src[0], &add);
    if (!dx) return;                                              /* nobody asks for it */
    for (int64_t i = 0; i < y->size; i++) dx[i] = (add ? dx[i] : 0) + dy[i] * (1 + sin(2 * a * x[i]));
}

static const dl_op snake_op = { "snake", snake_shape, snake_forward, snake_backward };

static dl_tensor *snake(dl_ctx *c, dl_tensor *x)
{
    dl_real a = 3;
    return dl_apply(c, &snake_op, 1, &x, &a, sizeof a);
}

static dl_tensor *check(dl_ctx *c, dl_tensor **inputs, void *user) { (void)user; return snake(c, inputs[0]); }

static const char help[] =
    "usage: custom_op [options]\n"
    "  --epochs N     of 100 steps, 10\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        no effect: it is quick\n";

int main(int argc, char **argv)
{
    int epochs = 10, seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   continue;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "custom_op: unknown option %s\n%s", argv[i], help), 2;
    }
    dl_ctx *c = dl_create(.seed = (uint64_t)seed);

    dl_tensor *x = dl_requires_grad(c, dl_randn(c, DL_SHAPE(3, 5)), 1);
    int agrees = dl_gradcheck(c, check, 1, &x);
    printf("gradient check: %s\n", agrees ? "ok" : dl_error(c));

    /* learn sin(3 x) on [-2, 2] */
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 1, 32), dl_nn_function(c, "snake", snake), dl_nn_linear(c, 32, 1));
    dl_optim  *opt = dl_optim_adam(c, net, .lr = 0.01);
    double last = 1;
    for (int step = 0; step < 100 * epochs; step++) {
        dl_step_begin(c);
        dl_tensor *in = dl_sub_scalar(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(64, 1)), 4), 2);
        dl_tensor *loss = dl_mse_loss(c, dl_forward(c, net, in), dl_sin(c, dl_mul_scalar(c, in, 3)));
        dl_backward(c, loss);
        dl_optim_step(c, opt);
        last = dl_item(loss);
        if (step % 250 == 0) printf("%4d  %.6f\n", step, last);
    }
    if (dl_error(c)) { fprintf(stderr, "custom_op: %s\n", dl_error(c)); return 1; }
    dl_destroy(c);
    printf("loss at the end %.6f, expected below 0.01\n", last);
    return agrees && last < 1e-2 ? 0 : 1;
}
