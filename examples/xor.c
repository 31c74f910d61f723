/* xor.c: perceptrons, and the smallest network that a straight line cannot replace.

       cc -O2 examples/xor.c -o xor
       ./xor
       ./xor --help

   1. gates as perceptrons with weights set by hand; XOR takes two layers of them
   2. two linear layers in a row are one; a linear model gives 0.5 for every input of XOR
   3. a network with three layers, forward, one product per layer
   4. a network with one hidden layer learns XOR: the loss falls to 0 */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: xor [options]\n"
    "  --epochs N     500\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        no effect: it is quick\n";

static const float inputs[] = {0,0, 0,1, 1,0, 1,1}, targets[] = {0, 1, 1, 0};
static dl_ctx *c;
static int wrong;

static void expect(const char *what, const dl_tensor *x, const float *expected, double tolerance)
{
    int off = dl_error(c) != NULL;
    printf("  %-31s", what);
    for (int i = 0; i < 4; i++) {
        if (i >= x->size || dl_error(c)) { printf("%9s", ""); continue; }
        double d = (double)x->data[i] - expected[i];
        off |= !(d <= tolerance && d >= -tolerance);
        printf(" %8.4f", x->data[i]);
    }
    printf("  expected");
    for (int i = 0; i < x->size; i++) printf(" %.4g", expected[i]);
    printf("%s\n", off ? "  <-- OFF" : "");
    wrong += off;
}

/* 1 where w1 x1 + w2 x2 + b > 0, else 0 */
static dl_tensor *gate(dl_tensor *x, float w1, float w2, float b)
{
    const float w[] = {w1, w2};
    dl_tensor *a = dl_linear(c, x, dl_tensor_from(c, w, DL_SHAPE(1, 2)), dl_full(c, DL_SHAPE(1), b));
    return dl_gt(c, a, dl_zeros(c, DL_SHAPE(1)));
}

static void gates(dl_tensor *x)
{
    static const float and_[] = {0, 0, 0, 1}, nand_[] = {1, 1, 1, 0}, or_[] = {0, 1, 1, 1};
    printf("Perceptrons on (0, 0) (0, 1) (1, 0) (1, 1)\n");
    dl_tensor *nand = gate(x, -.5f, -.5f, .7f), *either = gate(x, .5f, .5f, -.2f), *both[2];
    expect("AND", gate(x, .5f, .5f, -.7f), and_, 0);
    expect("NAND", nand, nand_, 0);
    expect("OR", either, or_, 0);
    both[0] = nand;
    both[1] = either;
    expect("XOR = AND of NAND and OR", gate(dl_cat(c, 2, both, 1), .5f, .5f, -.7f), targets, 0);
}

static void linear_layers(dl_tensor *x)
{
    static const float w1[] = {1, 2, 3, 4}, b1[] = {1, 1}, w2[] = {5, 6, 7, 8}, b2[] = {1, 2};
    static const float w[] = {19, 22, 43, 50}, b[] = {13, 16}, halves[] = {.5f, .5f, .5f, .5f};
    printf("\nTwo linear layers are one\n");
    dl_tensor *W1 = dl_tensor_from(c, w1, DL_SHAPE(2, 2)), *W2 = dl_tensor_from(c, w2, DL_SHAPE(2, 2));
    dl_tensor *B1 = dl_tensor_from(c, b1, DL_SHAPE(1, 2)), *B2 = dl_tensor_from(c, b2, DL_SHAPE(2));
    expect("W1 W2", dl_matmul(c, W1, W2), w, 0);
    expect("b1 W2 + b2", dl_add(c, dl_matmul(c, B1, W2), B2), b, 0);
    dl_tensor *line = dl_linreg_fit(c, x, dl_tensor_from(c, targets, DL_SHAPE(4, 1)));
    if (dl_error(c)) return;
    dl_tensor *best = dl_add_scalar(c, dl_matmul(c, x, dl_reshape(c, dl_slice(c, line, 0, 0, 2), DL_SHAPE(2, 1))), line->data[2]);
    expect("the best linear model of XOR", best, halves, 1e-6);
}

static void three_layers(void)
{
    static const float in[] = {1, .5f}, w1[] = {.1f, .3f, .5f, .2f, .4f, .6f}, b1[] = {.1f, .2f, .3f};
    static const float w2[] = {.1f, .4f, .2f, .5f, .3f, .6f}, b2[] = {.1f, .2f}, w3[] = {.1f, .3f, .2f, .4f}, b3[] = {.1f, .2f};
    static const float a1[] = {.3f, .7f, 1.1f}, z1[] = {.57444252f, .66818777f, .75026011f}, z2[] = {.62624937f, .77101070f};
    static const float last[] = {.31682708f, .69627909f}, shares[] = {.40625907f, .59374093f};
    printf("\nThree layers, forward: z = sigmoid(x W + b)\n");
    dl_tensor *x = dl_tensor_from(c, in, DL_SHAPE(1, 2)), *z, *y;
    dl_tensor *a = dl_add(c, dl_matmul(c, x, dl_tensor_from(c, w1, DL_SHAPE(2, 3))), dl_tensor_from(c, b1, DL_SHAPE(3)));
    expect("first layer, sums", a, a1, 1e-6);
    expect("first layer, z", z = dl_sigmoid(c, a), z1, 1e-6);
    z = dl_sigmoid(c, dl_add(c, dl_matmul(c, z, dl_tensor_from(c, w2, DL_SHAPE(3, 2))), dl_tensor_from(c, b2, DL_SHAPE(2))));
    expect("second layer, z", z, z2, 1e-6);
    y = dl_add(c, dl_matmul(c, z, dl_tensor_from(c, w3, DL_SHAPE(2, 2))), dl_tensor_from(c, b3, DL_SHAPE(2)));
    expect("output", y, last, 1e-6);
    expect("softmax of the output", dl_softmax(c, y, -1), shares, 1e-6);
}

int main(int argc, char **argv)
{
    int epochs = 500, seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   continue;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "xor: unknown option %s\n%s", argv[i], help), 2;
    }
    c = dl_create(.seed = (uint64_t)seed);
    dl_tensor *x = dl_keep(c, dl_tensor_from(c, inputs, DL_SHAPE(4, 2)));
    dl_tensor *t = dl_keep(c, dl_tensor_from(c, targets, DL_SHAPE(4, 1)));
    gates(x);
    linear_layers(x);
    three_layers();

    printf("\nA network with one hidden layer learns XOR: loss by epoch\n");
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 8), dl_nn_tanh(c), dl_nn_linear(c, 8, 1));
    dl_optim  *opt = dl_optim_adam(c, net, .lr = 0.05f);
    for (int epoch = 0; epoch < epochs; epoch++) {
        dl_step_begin(c);                                         /* forget the previous step's tensors */
        dl_tensor *loss = dl_bce_with_logits(c, dl_forward(c, net, x), t);
        dl_backward(c, loss);
        dl_optim_step(c, opt);                                    /* update, then clear the gradients */
        if (epoch % 100 == 0 || epoch == epochs - 1) printf("  %3d  %.4f\n", epoch, dl_item(loss));
    }
    expect("output for the four inputs", dl_sigmoid(c, dl_forward(c, net, x)), targets, 0.05);

    if (dl_error(c)) { fprintf(stderr, "xor: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "lines off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
