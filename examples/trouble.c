/* trouble.c: a network that does not learn; the instruments that show why; the cure.

       cc -O2 -fopenmp examples/trouble.c -o trouble
       ./trouble
       ./trouble --help

   The patient: six dense layers with sigmoids, weights from N(0, 0.1^2), a learning rate that somebody guessed.
   1. dl_fit with .history and .tensorboard: the loss stays at log 10, one guess in ten is right
   2. dl_graph_dot: is every layer connected with the loss?  dot -Tsvg trouble.dot >trouble.svg draws it
   3. dl_module_stats, dl_grad_stats: how large are the gradients, layer by layer?
   4. dl_lr_find: the rate rises from step to step; where does the loss fall, where does it diverge?
      (the curves of 1 and 4: tensorboard --logdir trouble_log)
   5. dl_set_detect_nan: which operation makes the first NaN?
   6. dl_profile_begin .. dl_profile_print: where does the time go?
   The cure: ReLU, He's initial weights and the learning rate that was found; neither is enough alone. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LAYERS = 6, WIDTH = 64 };
static dl_ctx *c;
static dl_dataset *train, *test;
static int epochs, seed = 1, wrong;
static char log_folder[512], dot[512];

static void expect(const char *what, double value, double low, double high)
{
    int ok = value >= low && value <= high;
    printf("%-60s %10.4g   expected ", what, value);
    if (low == high)           printf("%g", low);
    else if (high == INFINITY) printf("at least %g", low);
    else                       printf("%g to %g", low, high);
    puts(ok ? "" : "  <-- OFF");
    wrong += !ok;
}

static dl_module *make_net(int healthy)
{
    dl_module *net = dl_nn_sequential_with(c, NULL, 0);
    dl_manual_seed(c, (uint64_t)seed);
    dl_module_add(c, net, NULL, dl_nn_flatten(c));
    for (int i = 1; i <= LAYERS; i++) {
        dl_module *linear = dl_nn_linear(c, i == 1 ? 784 : WIDTH, i == LAYERS ? 10 : WIDTH);
        char name[16];
        snprintf(name, sizeof name, "layer%d", i);
        dl_module_add(c, net, name, linear);
        if (healthy) dl_init_he_normal(c, dl_module_get(c, linear, "weight"));
        else         dl_init_normal(c, dl_module_get(c, linear, "weight"), 0, .1f);
        dl_init_zeros(c, dl_module_get(c, linear, "bias"));
        if (i < LAYERS) dl_module_add(c, net, NULL, healthy ? dl_nn_relu(c) : dl_nn_sigmoid(c));
    }
    return net;
}

/* The accuracy after training; the loss of each epoch in *h. */
static double fit(dl_module *net, double lr, const char *tensorboard, dl_history *h)
{
    dl_fit(c, net, dl_optim_sgd(c, net, .lr = (dl_real)lr, .momentum = .9f), train, .epochs = epochs, .batch_size = 50, .quiet = 1,
           .history = h, .tensorboard = tensorboard);
    return dl_evaluate(c, net, test).accuracy;
}

/* One batch of 50: the graph of its loss, its gradients.  Returns the ratio of the last layer's gradient to the first's. */
static double examine(dl_module *net, int table)
{
    dl_tensor *loss, *x = dl_slice(c, train->inputs, 0, 0, 50), *t = dl_slice(c, train->targets, 0, 0, 50);
    double first = 0, std = 0;
    loss = dl_cross_entropy(c, dl_forward(c, net, x), t);
    FILE *f = table ? fopen(dot, "w") : NULL;
    if (f) dl_graph_dot(c, loss, f);
    if (f && !(ferror(f) | fclose(f))) printf("wrote %s\n", dot);
    else if (table) { fprintf(stderr, "trouble: cannot write %s\n", dot); wrong++; }
    dl_backward(c, loss);
    if (table) dl_module_stats(c, net, stdout);
    printf("std of the gradients, layer by layer:");
    for (int i = 1; i <= LAYERS; i++) {
        char name[32];
        snprintf(name, sizeof name, "layer%d.weight", i);
        std = dl_grad_stats(dl_module_get(c, net, name)).std;  /* NaN if the loss does not reach this layer */
        if (i == 1) first = std;
        printf(" %.1e", std);
    }
    printf("\n");
    return std / first;
}

static double find_lr(int healthy)
{
    dl_module *net = make_net(healthy);
    dl_tensorboard *board = dl_tensorboard_open(c, log_folder);
    double rates[100], losses[100], best;
    int n;
    best = dl_lr_find(c, net, dl_optim_sgd(c, net, .momentum = .9f), train, .first = 1e-5, .batch_size = 50,
                      .rates = rates, .losses = losses, .count = &n);
    printf("%s, loss at rate:\n   ", healthy ? "ReLU and He" : "the patient");
    for (int i = 0; i < n; i++) {
        dl_tensorboard_scalar(c, board, healthy ? "finder/healthy" : "finder/patient", i, losses[i]);
        if (i % 16 == 15) printf("%s %.2f at %.0e", i > 15 ? "," : "", losses[i], rates[i]);
    }
    printf("\n    steepest at %.1e\n", best);
    dl_tensorboard_close(c, board);
    return best;
}

static const char help[] =
    "usage: trouble [options]\n"
    "  --epochs N     5\n"
    "  --out DIR      where the files go, the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        less data: a test of the program\n";

int main(int argc, char **argv)
{
    const char *out = ".";
    int threads = 0, quick = 0;
    dl_history h;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "trouble: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = 5;
    snprintf(log_folder, sizeof log_folder, "%s/trouble_log", out);
    snprintf(dot, sizeof dot, "%s/trouble.dot", out);
    FILE *f = fopen(dot, "ab");                                /* an error now, not in the middle */
    if (!f) return fprintf(stderr, "trouble: cannot write %s\n", dot), 1;
    fclose(f);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    train = dl_data_drawn_digits(c, quick ? 5000 : 20000, 1);
    test = dl_data_drawn_digits(c, 1000, 2);

    printf("1. The patient trains %d epochs\n", epochs);
    dl_module *net = make_net(0);
    double before = fit(net, .01, log_folder, &h);
    printf("wrote %s\n", log_folder);
    dl_history_print(stdout, &h);
    expect("loss of the last epoch; guessing has log 10 = 2.303", h.count ? h.epochs[h.count - 1].train.loss : NAN, 2.25, 2.36);
    expect("accuracy", before, .05, .2);

    printf("\n2. and 3. One batch: the graph, weights and gradients\n");
    expect("gradient of the last layer over that of the first", examine(net, 1), 1000, INFINITY);
    printf("(a sigmoid hands on at most 1/4 of a gradient, and the small weights less: layer 1 hears nothing)\n");
    expect("the same with ReLU and He's weights", examine(make_net(1), 0), .1, 20);

    printf("\n4. The learning-rate finder\n");
    find_lr(0);
    double lr = find_lr(1);
    expect("a good learning rate", lr, .003, .3);

    printf("\n5. A rate that is too large, and who makes the first NaN\n");
    dl_set_detect_nan(c, 1);
    fit(make_net(1), 1e6, NULL, &h);
    printf("%s\n", dl_error(c) ? dl_error(c) : "no error");
    expect("the error names it (1: yes)", dl_error(c) && strstr(dl_error(c), "detect_nan"), 1, 1);
    dl_clear_error(c);
    dl_set_detect_nan(c, 0);

    printf("\n6. The cure, with a profile\n");
    double rate = fit(make_net(0), lr, NULL, &h), layers = fit(make_net(1), .0001, NULL, &h);
    dl_profile_begin(c);
    double both = fit(make_net(1), lr, NULL, &h);
    dl_profile_end(c);
    dl_profile_print(c, stdout);
    printf("\naccuracy before and after\n");
    expect("the patient", before, .05, .2);
    expect("the patient with the new learning rate", rate, .05, .3);
    expect("ReLU and He with a rate that is too small", layers, 0, both);
    expect("ReLU and He with the new rate", both, quick ? .7 : .85, 1);
    if (dl_error(c)) { fprintf(stderr, "trouble: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
