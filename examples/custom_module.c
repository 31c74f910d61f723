/* custom_module.c: a residual block as a module of your own, in a network with built-in ones.

       cc -O2 examples/custom_module.c -o custom_module -lm
       ./custom_module
       ./custom_module --help

   It lists the parameters, with the names that PyTorch would give them, and learns to tell two spirals apart. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* y = x + scale fc2(relu(fc1(x))).  A module is a struct that begins with a dl_module, and a forward function. */
typedef struct { dl_module base; dl_module *fc1, *fc2; dl_tensor *scale; } block;

static dl_tensor *block_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    block *b = (block *)self;
    dl_tensor *y = dl_forward(c, b->fc2, dl_relu(c, dl_forward(c, b->fc1, x)));
    return dl_add(c, x, dl_mul(c, y, b->scale));
}

static const dl_module_type block_type = { "block", sizeof(block), block_forward };

static dl_module *make_block(dl_ctx *c, int64_t width)
{
    block *b = (block *)dl_module_create(c, &block_type);
    b->scale = dl_module_param(c, &b->base, "scale", DL_SHAPE(1));            /* 0: the block begins as the identity */
    b->fc1 = dl_module_add(c, &b->base, "fc1", dl_nn_linear(c, width, width));
    b->fc2 = dl_module_add(c, &b->base, "fc2", dl_nn_linear(c, width, width));
    return &b->base;
}

/* n points on two spirals, and which of them each is on */
static dl_dataset *spirals(dl_ctx *c, int n)
{
    dl_tensor *x = dl_empty(c, DL_SHAPE(n, 2)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n)));
    for (int i = 0; i < n && !dl_error(c); i++) {
        float r = 0.1f + 0.9f * (float)i / (float)n, angle = 9 * r + 3.14159265f * (float)(i % 2);
        x->data[2 * i] = r * cosf(angle);
        x->data[2 * i + 1] = r * sinf(angle);
        t->idata[i] = i % 2;
    }
    return dl_data_tensors(c, x, t);
}

static const char help[] =
    "usage: custom_module [options]\n"
    "  --epochs N     100\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        fewer points\n";

int main(int argc, char **argv)
{
    int epochs = 0, seed = 1, quick = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "custom_module: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = 100;
    dl_ctx *c = dl_create(.seed = (uint64_t)seed);
    if (!c) return 1;
    dl_dataset *data = spirals(c, quick ? 200 : 400);
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 32), make_block(c, 32), make_block(c, 32), dl_nn_linear(c, 32, 2));
    char name[64];
    dl_param *p;

    for (int i = 0; (p = dl_module_at(net, i, name, sizeof name)) != NULL; i++) printf("%-14s %4d values\n", name, (int)p->tensor->size);
    dl_summary(c, net, data);

    dl_optim *opt = dl_optim_adamw(c, net, .lr = 0.005f);
    double accuracy = dl_fit(c, net, opt, data, .epochs = epochs, .batch_size = 50, .quiet = 1).accuracy;
    if (dl_error(c)) { fprintf(stderr, "custom_module: %s\n", dl_error(c)); return 1; }
    printf("accuracy on the training data %.3f, expected above 0.98\n", accuracy);
    dl_destroy(c);
    return accuracy > 0.98 ? 0 : 1;
}
