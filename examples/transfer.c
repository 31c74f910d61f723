/* transfer.c: features learned from one task help with another for which there are few samples.

       cc -O2 -fopenmp examples/transfer.c -o transfer
       ./transfer
       ./transfer --help

   A convolutional network learns the digits 0 to 4, of which there are many, and goes into a file.  For the digits 5 to 9 there
   are 5 of each:
   1. a network of the same kind learns them from scratch
   2. the layers of features come from the file (dl_load with .prefix) and are frozen, only a new last layer learns; afterwards
      the frozen weights must be bit for bit what they were
   3. as 2, but at the end everything is set free and trained on with a small learning rate: fine-tuning
   (examples/cifar_resnet.c does the same with a residual network on colour pictures.) */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: transfer [options]\n"
    "  --epochs N     of the first task, 8\n"
    "  --out DIR      where the weights go, the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        less data, fewer epochs: a test of the program\n";

static dl_ctx *c;

/* The digits from low to low + 4 among n drawn ones, as classes 0 to 4; at most `each` of every class. */
static dl_dataset *digits(int n, uint64_t seed, int low, int each)
{
    dl_dataset *all = dl_data_drawn_digits(c, n, seed);
    int32_t *index = calloc((size_t)n, sizeof *index);
    int64_t count = 0;
    int have[10] = {0};
    for (int i = 0; i < n && index && !dl_error(c); i++) {
        int32_t *t = &all->targets->idata[i], digit = *t;
        if (digit < low || digit > low + 4 || have[digit]++ >= each) continue;
        *t = digit - low;
        index[count++] = i;
    }
    dl_dataset *some = dl_data_subset(c, all, dl_tensor_from_int(c, index, DL_SHAPE(count)));
    free(index);
    return some;
}

static dl_module *make_net(void)
{
    dl_module *net = dl_nn_sequential_with(c, NULL, 0);
    dl_module_add(c, net, "features", dl_nn_sequential(c,
        dl_nn_conv2d(c, 1, 16, 3, .padding = 1), dl_nn_relu(c), dl_nn_max_pool2d(c, 2),
        dl_nn_conv2d(c, 16, 32, 3, .padding = 1), dl_nn_relu(c), dl_nn_max_pool2d(c, 2),
        dl_nn_flatten(c), dl_nn_linear(c, 1568, 128), dl_nn_relu(c)));
    dl_module_add(c, net, "head", dl_nn_linear(c, 128, 5));
    return net;
}

static double learn(const char *what, dl_module *net, dl_dataset *data, dl_dataset *test, double lr, int epochs)
{
    dl_fit(c, net, dl_optim_adam(c, net, .lr = (dl_real)lr), data, .epochs = epochs, .batch_size = 25, .quiet = 1);
    double accuracy = dl_evaluate(c, net, test).accuracy;
    if (!dl_error(c)) printf("%-56s %5d samples  test accuracy %.4f\n", what, (int)data->size, accuracy);
    fflush(stdout);
    return accuracy;
}

int main(int argc, char **argv)
{
    const char *out = ".";
    char file[512];
    int epochs = 0, threads = 0, seed = 1, quick = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "transfer: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 4 : 8;
    snprintf(file, sizeof file, "%s/transfer.safetensors", out);

    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    int n = quick ? 10000 : 40000;
    dl_dataset *many = digits(n, 1, 0, n), *few = digits(2000, 2, 5, 5);
    dl_dataset *test = digits(quick ? 1000 : 4000, 3, 0, n), *others = digits(quick ? 1000 : 4000, 4, 5, n);

    dl_module *first = make_net();
    learn("0 to 4", first, many, test, 1e-3, epochs);
    if (dl_save(c, first, file)) printf("wrote %s\n", file);

    double scratch = learn("5 to 9, from scratch", make_net(), few, others, 1e-3, 30);

    dl_module *net = make_net();
    if (dl_error(c)) { fprintf(stderr, "transfer: %s\n", dl_error(c)); return 1; }
    dl_module *features = net->children[0];
    dl_load(c, features, file, .prefix = "features.");
    dl_nn_freeze(features, 1);
    double frozen = learn("5 to 9, frozen features, new last layer", net, few, others, 5e-3, 30);

    int same = !dl_error(c), i = 0;
    dl_param *a, *b;
    for (; (a = dl_module_at(features, i, NULL, 0)) != NULL; i++) {
        b = dl_module_at(first->children[0], i, NULL, 0);
        same &= !memcmp(a->tensor->data, b->tensor->data, (size_t)a->tensor->size * sizeof(dl_real));
    }
    printf("the %d frozen tensors are %s\n", i, same ? "bit for bit what they were" : "CHANGED  <-- OFF");

    dl_nn_freeze(features, 0);
    double tuned = learn("5 to 9, then all layers, small steps", net, few, others, 2e-4, 15);

    int better = frozen > scratch && tuned > scratch;
    printf("features from the other digits help: %s\n", better ? "yes" : "NO  <-- OFF");
    if (dl_error(c)) { fprintf(stderr, "transfer: %s\n", dl_error(c)); return 1; }
    dl_destroy(c);
    if (quick && same && better) printf("row CV-06\n");
    return same && better ? 0 : 1;
}
