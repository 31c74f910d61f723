/* batchnorm.c: what normalisation does, by hand on a few numbers and in deep networks that classify digits drawn by code.

       cc -O2 -fopenmp examples/batchnorm.c -o batchnorm -lm
       ./batchnorm

   1. batch, layer and local response normalisation of small tensors, each number beside the expected one
   2. a deep perceptron without normalisation, with it before or after the activation, and with layer normalisation, from
      initial weights that are too small, right and too large
   3. how the inputs of its layers move while it learns ("internal covariate shift", whose role is disputed)
   4. running statistics: what evaluation uses instead of the batch's
   Exits with 1 if a number is off. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: batchnorm [options]\n"
    "  --epochs N     8\n"
    "  --threads N    1: the layers are small\n"
    "  --seed N       1\n"
    "  --quick        less data, fewer epochs: a test of the program\n";

#define WIDTH 64
#define DEPTH 8                                      /* hidden layers */

static int wrong;                                    /* numbers that are off */

static void expect(const char *what, const float *got, int n, const double *wanted, double tolerance)
{
    printf("  %s\n", what);
    for (int i = 0; i < n; i++) {
        int ok = got && fabs(got[i] - wanted[i]) <= tolerance;
        printf("    %11.6f  expected %11.6f%s\n", got ? got[i] : NAN, wanted[i], ok ? "" : "  WRONG");
        wrong += !ok;
    }
}

static void claim(const char *what, int holds)
{
    printf("  %-86s %s\n", what, holds ? "yes" : "NO");
    wrong += !holds;
}

/* --- 1. by hand ----------------------------------------------------------------------------------- */
static void by_hand(dl_ctx *c)
{
    static const float batch[] = {1,2, 3,4, 5,9}, upstream[] = {1,0, 0,2, 0,-1}, numbers[] = {1, 2, 3, 4, 5, 6};
    dl_module *norm = dl_nn_batchnorm1d(c, 2, .eps = 1e-7f);
    dl_tensor *x = dl_requires_grad(c, dl_tensor_from(c, batch, DL_SHAPE(3, 2)), 1);
    dl_tensor *y = dl_forward(c, norm, x);

    dl_backward(c, y, .grad = dl_tensor_from(c, upstream, DL_SHAPE(3, 2)));
    printf("1. By hand.  Batch normalisation of [[1,2],[3,4],[5,9]], by column:\n   means 3, 5, variances 8/3, 26/3\n");
    expect("output in training", y->data, 6, (double[]){-1.224745, -1.019049, 0, -0.339683, 1.224745, 1.358732}, 1e-6);
    expect("gradient of [[1,0],[0,2],[0,-1]]", x->grad, 6,
           (double[]){0.102062, -0.348393, -0.204124, 0.487750, 0.102062, -0.139357}, 1e-6);
    expect("running mean, from 0 with momentum 0.1", dl_module_get(c, norm, "running_mean")->data, 2, (double[]){0.3, 0.5}, 1e-6);
    expect("running variance, from 1", dl_module_get(c, norm, "running_var")->data, 2, (double[]){1.3, 2.2}, 1e-6);
    dl_set_training(c, 0);
    expect("the row [1,2] in evaluation: (x - running mean) / root of the running variance",
           dl_forward(c, norm, dl_tensor_from(c, batch, DL_SHAPE(1, 2)))->data, 2, (double[]){0.613941, 1.011300}, 1e-6);
    dl_set_training(c, 1);
    expect("layer normalisation of [1,2,3,4]: over the features of one sample",
           dl_layer_norm(c, dl_tensor_from(c, numbers, DL_SHAPE(4)), DL_SHAPE(4), NULL, NULL)->data, 4,
           (double[]){-1.341635, -0.447212, 0.447212, 1.341635}, 1e-6);
    expect("local response normalisation of the channels 1..6, n 5, k 2, alpha 1e-4, beta 0.75",
           dl_local_response_norm(c, dl_tensor_from(c, numbers, DL_SHAPE(1, 6)), 5, .k = 2, .sum = 1)->data, 6,
           (double[]){0.59429158, 1.18787101, 1.78014039, 2.37041856, 2.96346574, 3.55735442}, 1e-6);
}

/* --- 2. deep networks ------------------------------------------------------------------------------ */
typedef enum { NONE, BEFORE, AFTER, LAYER, KINDS } kind;
static const char *const names[] = {"no normalisation", "batch norm, relu", "relu, batch norm", "layer norm, relu"};

static dl_module *make_norm(dl_ctx *c, kind k)
{
    return k == LAYER ? dl_nn_layernorm(c, DL_SHAPE(WIDTH)) : dl_nn_batchnorm1d(c, WIDTH);
}

/* flatten, DEPTH times linear - norm - relu or linear - relu - norm, linear.  Weights: He's initialization times `scale`. */
static dl_module *make_net(dl_ctx *c, kind k, float scale)
{
    dl_module *net = dl_nn_sequential(c, dl_nn_flatten(c));
    for (int i = 0; i < DEPTH; i++) {
        dl_module *linear = dl_module_add(c, net, NULL, dl_nn_linear(c, i ? WIDTH : 784, WIDTH));
        dl_init_he_normal(c, dl_module_get(c, linear, "weight"), .gain = scale * 1.41421356f);
        if (k == BEFORE || k == LAYER) dl_module_add(c, net, NULL, make_norm(c, k));
        dl_module_add(c, net, NULL, dl_nn_relu(c));
        if (k == AFTER) dl_module_add(c, net, NULL, make_norm(c, k));
    }
    dl_module_add(c, net, NULL, dl_nn_linear(c, WIDTH, 10));
    return net;
}

typedef struct { double mean[DEPTH], std[DEPTH]; } inputs;          /* of the linear layers behind the first */

/* Runs the modules one by one and looks at what each linear layer gets. */
static inputs look(dl_ctx *c, dl_module *net, dl_tensor *x)
{
    inputs s;
    int layer = -1;
    memset(&s, 0, sizeof s);
    for (int i = 0; i < net->nchildren && !dl_error(c); i++) {
        if (!strcmp(net->children[i]->type->name, "linear") && ++layer > 0) {
            s.mean[layer - 1] = dl_item(dl_mean(c, x));
            s.std[layer - 1] = dl_item(dl_std(c, x));
        }
        x = dl_forward(c, net->children[i], x);
    }
    return s;
}

typedef struct { double first_loss, train, test, drift; } outcome;

/* Trains, prints the loss of each epoch and then accuracies.  drift: how far mean and spread of the layers' inputs moved from
   epoch to epoch, relative to the spread, on average. */
static outcome train(dl_ctx *c, dl_module *net, dl_dataset *data, dl_dataset *test, int epochs, float lr, int show_inputs)
{
    dl_optim *opt = dl_optim_sgd(c, net, .lr = lr, .momentum = 0.9f);
    dl_loader *batches = dl_loader_create(c, data, .batch_size = 64, .shuffle = 1, .drop_last = 1);
    inputs now, before;
    outcome o = {0, 0, 0, 0};
    memset(&before, 0, sizeof before);
    for (int epoch = 0; epoch < epochs; epoch++) {
        double loss = 0;
        while (dl_next_batch(c, batches)) {
            dl_tensor *l = dl_cross_entropy(c, dl_forward(c, net, batches->input), batches->target);
            loss += dl_item(l) / (double)batches->batches;
            dl_backward(c, l);
            dl_optim_step(c, opt);
        }
        printf(" %6.3f", fabs(loss));                              /* fabs: what has diverged is nan, not -nan */
        if (epoch == 0) o.first_loss = loss;
        dl_step_begin(c);
        now = look(c, net, dl_slice(c, data->inputs, 0, 0, 512));
        for (int i = 0; i < DEPTH && epoch; i++)
            o.drift += (fabs(now.mean[i] - before.mean[i]) + fabs(now.std[i] - before.std[i])) / (before.std[i] + 1e-12) / DEPTH /
                       (epochs - 1);
        if (show_inputs) {
            printf(" ");
            for (int i = 0; i < DEPTH; i++) printf(" %5.2f", now.mean[i]);
            printf("  ");
            for (int i = 0; i < DEPTH; i++) printf(" %4.2f", now.std[i]);
            printf("\n");
        }
        before = now;
    }
    o.train = dl_evaluate(c, net, data).accuracy;
    o.test = dl_evaluate(c, net, test).accuracy;
    printf("   train %.3f  test %.3f\n", o.train, o.test);
    return o;
}

static int lower(double a, double b) { return isfinite(a) && (a < b || !isfinite(b)); } /* what has diverged is higher */

int main(int argc, char **argv)
{
    static const float scales[] = {0.25f, 1, 2};
    outcome all[KINDS][3], slow = {0, 0, 0, 0};
    int epochs = 0, threads = 1, seed = 1, quick = 0;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "batchnorm: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs < 2) epochs = quick ? 5 : 8;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);                               /* a line at once, into a file too */
    dl_ctx *c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    if (!c) return 1;
    dl_dataset *data = dl_data_drawn_digits(c, quick ? 6144 : 20480, 1), *test = dl_data_drawn_digits(c, quick ? 1024 : 4096, 2);
    by_hand(c);

    printf("\n2. A perceptron with %d hidden layers of %d, weights: He's times a factor; loss of each epoch\n", DEPTH, WIDTH);
    for (int s = 0; s < 3 && !dl_error(c); s++) {
        printf("  factor %g\n", scales[s]);
        for (int k = 0; k < KINDS; k++) {
            printf("    %-18s", names[k]);
            all[k][s] = train(c, make_net(c, (kind)k, scales[s]), data, test, epochs, 0.05f, 0);
        }
        if (s == 0) {
            printf("    %-18s", ".. its lr / 16");
            slow = train(c, make_net(c, LAYER, scales[s]), data, test, epochs, 0.05f / 16, 0);
            printf("    Without normalisation %d layers shrink their input by 4^%d: at the output images look alike.\n"
                   "    Before a norm the size of the weights changes no output, but the steps: a quarter of it makes\n"
                   "    them 16 times as large.  Batch norm bears that; layer norm does not centre units over the\n"
                   "    images, and they may end up off for all.  With a sixteenth of the learning rate it learns.\n",
                   DEPTH + 1, DEPTH + 1);
        }
        if (s == 2)
            printf("    Without normalisation outputs begin 2^%d times as large: the first steps overshoot, to nan.\n", DEPTH + 1);
    }
    if (dl_error(c)) { fprintf(stderr, "batchnorm: %s\n", dl_error(c)); return 1; }
    for (int k = BEFORE; k <= AFTER; k++) {
        double low = 1, high = 0;
        for (int s = 0; s < 3; s++) { low = fmin(low, all[k][s].test); high = fmax(high, all[k][s].test); }
        printf("  %s: test accuracy %.3f to %.3f\n", names[k], low, high);
        claim("it learns from all three initial weights", low >= (quick ? 0.75 : 0.93));
    }
    claim("so does layer norm, from factor 0.25 with the smaller learning rate", slow.test >= (quick ? 0.75 : 0.93));
    claim("without normalisation a network with too small weights learns little (50 % and less)", all[NONE][0].test <= 0.5);
    claim("the first epoch ends with a lower loss with batch norm, from every initial weights",
          lower(all[BEFORE][0].first_loss, all[NONE][0].first_loss) && lower(all[BEFORE][1].first_loss, all[NONE][1].first_loss) &&
          lower(all[BEFORE][2].first_loss, all[NONE][2].first_loss));
    printf("  accuracy, training minus test, from factor 1: %.3f without normalisation, %.3f with batch norm\n",
           all[NONE][1].train - all[NONE][1].test, all[BEFORE][1].train - all[BEFORE][1].test);

    printf("\n3. Mean and standard deviation of the inputs of hidden layers 2 .. %d and the output layer, by epoch\n", DEPTH);
    outcome moves[2];
    dl_module *net = NULL;
    for (int k = NONE; k <= AFTER; k += AFTER) {
        printf("  %s\n   loss  mean%46s std\n", names[k], "");
        net = make_net(c, (kind)k, 1);
        moves[k != NONE] = train(c, net, data, test, epochs, 0.05f, 1);
    }
    if (dl_error(c)) { fprintf(stderr, "batchnorm: %s\n", dl_error(c)); return 1; }
    printf("  from epoch to epoch they moved by %.3f of their spread without, by %.3f with batch norm\n", moves[0].drift, moves[1].drift);
    claim("batch norm holds the statistics of the inputs in place", moves[1].drift < 0.5 * moves[0].drift);

    printf("\n4. Running statistics of the first batch norm, momentum 0.1, against all training data at once\n");
    dl_step_begin(c);
    dl_module *norm = net->children[3];
    dl_tensor *mean = dl_module_get(c, norm, "running_mean"), *var = dl_module_get(c, norm, "running_var");
    dl_tensor *h = dl_relu(c, dl_forward(c, net->children[1], dl_flatten(c, data->inputs, 1, -1)));
    dl_tensor *m = dl_mean(c, h, .dims = DL_DIM(0)), *v = dl_var(c, h, .dims = DL_DIM(0));
    double error = 0;
    for (int i = 0; i < WIDTH && !dl_error(c); i++) {
        if (i < 5) printf("  channel %d: mean %7.4f, of the data %7.4f; variance %7.4f, of the data %7.4f\n", i,
                          mean->data[i], m->data[i], var->data[i], v->data[i]);
        error += fabs(mean->data[i] - m->data[i]) / sqrt(v->data[i] + 1e-3) / WIDTH;
    }
    printf("  batches seen: %.0f\n", dl_item(dl_module_get(c, norm, "num_batches_tracked")));
    claim("they differ by less than a fifth of a standard deviation", error < 0.2);

    dl_set_training(c, 0);                                          /* alone or among others: the same, but for rounding */
    dl_tensor *together = dl_forward(c, net, dl_slice(c, data->inputs, 0, 0, 8));
    dl_tensor *alone = dl_forward(c, net, dl_slice(c, data->inputs, 0, 0, 1));
    double apart = 0;
    for (int i = 0; i < 10 && !dl_error(c); i++) apart += fabs(together->data[i] - alone->data[i]);
    claim("in evaluation a sample's output does not depend on the others of its batch", apart < 1e-4);

    if (dl_error(c)) { fprintf(stderr, "batchnorm: %s\n", dl_error(c)); return 1; }
    dl_destroy(c);
    printf(wrong ? "\nnumbers off: %d\n" : "\nall numbers are as expected\n", wrong);
    if (quick && !wrong) printf("row NORM-06\nrow NORM-07\nrow NORM-10\n");
    return wrong > 0;
}
