/* augment.c: data augmentation, as pictures and as accuracy.

       cc -O2 -fopenmp examples/augment.c -o augment
       ./augment
       ./augment --help

   Crops, flips, rotations, colours, noise, boxes, Mixup and CutMix on coloured digits, one row of the picture for each; their
   worked numbers; and a small convolutional network (Adam, He's initial weights, batch normalization, dropout) that has few
   digits to learn from: as they are, turned and shifted anew in each epoch, and mixed. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dl_ctx *c;
static int wrong;

static void expect_number(const char *what, double is, double expected, double tolerance)
{
    int off = !(is - expected <= tolerance && expected - is <= tolerance);
    printf("%-62s %12g  expected %g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

static void expect_that(const char *what, int is) { printf("%-62s %12s\n", what, is ? "yes" : "no  <-- OFF"); wrong += !is; }

static double at(const dl_tensor *x, int i) { return x->data ? x->data[i] : 0; }           /* 0: after an error */

static void numbers(void)
{
    static const float four[] = {1, 2, 3, 4}, one_three[] = {1, 3};
    static const int32_t labels[] = {0, 1};
    dl_tensor *x = dl_tensor_from(c, four, DL_SHAPE(1, 1, 2, 2)), *y, *t;
    double lambda, mean, var;

    printf("Numbers\n");
    y = dl_aug_hflip(c, x, .p = 1);
    expect_number("[[1,2],[3,4]] mirrored begins with", at(y, 0), 2, 0);
    y = dl_aug_vflip(c, x, .p = 1);
    expect_number("upside down it begins with", at(y, 0), 3, 0);
    y = dl_aug_affine(c, x, .degrees = {90, 90});
    expect_number("turned by 90 degrees it begins with", at(y, 0), 3, 1e-5);
    x = dl_tensor_from(c, one_three, DL_SHAPE(2, 1));
    t = dl_tensor_from_int(c, labels, DL_SHAPE(2));
    dl_aug_mixup(c, &x, &t, 2, .lambda = .3);
    expect_number("Mixup .3 of 1 (class 0) and .7 of 3 (class 1): x", at(x, 0), 2.4, 1e-6);
    expect_number("    share of class 1", at(t, 1), .7, 1e-6);
    y = dl_rand_beta(c, DL_SHAPE(20000), 1, 1);
    mean = dl_item(dl_mean(c, y));
    var = dl_item(dl_var(c, y));
    expect_number("Beta(1, 1): mean", mean, .5, .01);
    expect_number("    variance", var, 1 / 12., .003);
    for (int i = 0; ; i++) {                                           /* until the box is inside */
        x = dl_rand(c, DL_SHAPE(2, 3, 32, 32));
        t = dl_tensor_from_int(c, labels, DL_SHAPE(2));
        lambda = dl_aug_cutmix(c, &x, &t, 2, .lambda = .75);
        if (lambda == .75 || i == 100) break;
    }
    expect_number("CutMix, a 16 x 16 box in 32 x 32: lambda", lambda, .75, 0);
    expect_number("    share of the other class", at(t, 1), .25, 1e-6);
    y = dl_aug_cutout(c, dl_ones(c, DL_SHAPE(1, 1, 28, 28)), 200);
    expect_number("Cutout larger than the image leaves", dl_item(dl_sum(c, y)), 0, 0);
    y = dl_aug_ten_crop(c, dl_rand(c, DL_SHAPE(1, 3, 256, 256)), 227, 227);
    expect_number("AlexNet's crops of an image", (double)y->shape[1], 10, 0);
    x = dl_full(c, DL_SHAPE(100, 400), 3);
    y = dl_sub(c, dl_aug_gaussian_noise(c, x, .sigma = .1), x);
    expect_number("noise of .1: mean", dl_item(dl_mean(c, y)), 0, .002);
    expect_number("    standard deviation", dl_item(dl_std(c, y)), .1, .002);
}

/* Eight digits in colours: the digit in one, the background in another. */
static dl_tensor *coloured(dl_dataset *d)
{
    dl_tensor *x = dl_zeros(c, DL_SHAPE(8, 3, 28, 28)), *colour = dl_rand(c, DL_SHAPE(8, 6));
    for (int n = 0; n < 8 && !dl_error(c); n++)
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < 784; i++) {
                float ink = d->inputs->data[n * 784 + i], paper = .1f + .35f * colour->data[n * 6 + k];
                x->data[(n * 3 + k) * 784 + i] = paper + ink * (.45f + .55f * colour->data[n * 6 + 3 + k] - paper);
            }
    return x;
}

static void pictures(dl_dataset *d, const char *path)
{
    static const char *const names[] = {"as they are", "random crop of 4 pixels of padding", "mirrored with probability .5",
        "turned, shifted, scaled, sheared", "brightness, contrast, saturation, hue", "along the principal colours", "noise", "cutout",
        "random erasing", "Mixup", "CutMix"};
    enum { ROWS = sizeof names / sizeof *names };
    dl_tensor *x = coloured(d), *row[ROWS], *t;
    int32_t labels[8] = {0};
    for (int i = 0; i < ROWS; i++) row[i] = x;
    row[1] = dl_aug_random_crop(c, x, 28, 28, .padding = 4);
    row[2] = dl_aug_hflip(c, x);
    row[3] = dl_aug_affine(c, x, .degrees = {25}, .translate = {.1, .1}, .scale = {.8, 1.2}, .shear = {15});
    row[4] = dl_aug_color_jitter(c, x, .brightness = .4, .contrast = .4, .saturation = .6, .hue = .2);
    row[5] = dl_aug_color_pca(c, x, dl_data_color_pca(c, x), .std = 4);
    row[6] = dl_aug_gaussian_noise(c, x, .sigma = .12, .clip = 1);
    row[7] = dl_aug_cutout(c, x, 10);
    row[8] = dl_aug_random_erasing(c, x, .p = 1, .value = .5f);
    t = dl_tensor_from_int(c, labels, DL_SHAPE(8));
    dl_aug_mixup(c, &row[9], &t, 1, .lambda = .6);
    t = dl_tensor_from_int(c, labels, DL_SHAPE(8));
    dl_aug_cutmix(c, &row[10], &t, 1, .lambda = .7);
    if (!dl_image_save_grid(c, dl_cat(c, ROWS, row, 0), path, .nrow = 8)) return;
    printf("\nwrote %s; its rows:\n", path);
    for (int i = 0; i < ROWS; i++) printf("    %2d  %s\n", i + 1, names[i]);
}

/* --- the effect on accuracy */
static void turn(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user)
{
    (void)t; (void)user;
    *x = dl_aug_affine(k, *x, .degrees = {15}, .translate = {.08, .08}, .scale = {.9, 1.1});
}
static void turn_and_mix(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user)
{
    turn(k, x, t, user);
    dl_aug_mixup(k, x, t, 10, .alpha = .2);
}

static double train_with(dl_dataset *train, dl_dataset *test, dl_augment_fn augment, int epochs, int seed)
{
    dl_module *conv1, *conv2, *net;
    dl_manual_seed(c, (uint64_t)seed);
    conv1 = dl_nn_conv2d(c, 1, 16, 3, .stride = 2, .padding = 1, .no_bias = 1);
    conv2 = dl_nn_conv2d(c, 16, 32, 3, .stride = 2, .padding = 1, .no_bias = 1);
    dl_init_he_normal(c, dl_module_get(c, conv1, "weight"));
    dl_init_he_normal(c, dl_module_get(c, conv2, "weight"));
    net = dl_nn_sequential(c, conv1, dl_nn_batchnorm2d(c, 16), dl_nn_relu(c), conv2, dl_nn_batchnorm2d(c, 32), dl_nn_relu(c),
                           dl_nn_flatten(c), dl_nn_dropout(c, .3f), dl_nn_linear(c, 1568, 10));
    dl_fit(c, net, dl_optim_adam(c, net, .lr = 2e-3f), train, .epochs = epochs, .batch_size = 25, .augment = augment, .quiet = 1);
    return dl_evaluate(c, net, test).accuracy;
}

static void accuracy(int quick, int epochs, int seed)
{
    int n = quick ? 200 : 500;
    dl_dataset *train = dl_data_drawn_digits(c, n, 1), *test = dl_data_drawn_digits(c, quick ? 1000 : 4000, 2);
    double plain, turned, mixed;
    if (epochs <= 0) epochs = quick ? 25 : 80;
    printf("\n%d digits to learn from, %d epochs, test accuracy\n", n, epochs);
    fflush(stdout);
    plain = train_with(train, test, NULL, epochs, seed);
    printf("    as they are                           %.3f\n", plain);
    fflush(stdout);
    turned = train_with(train, test, turn, epochs, seed);
    printf("    turned and shifted, %-5d images      %.3f\n", n * epochs, turned);
    fflush(stdout);
    mixed = train_with(train, test, turn_and_mix, epochs, seed);
    printf("    .. and mixed                          %.3f\n", mixed);
    expect_that("augmentation raises it by 3 points or more", turned > plain + .03);
    expect_that("with Mixup it is still above the plain one", mixed > plain);
}

static const char help[] =
    "usage: augment [options]\n"
    "  --epochs N     80, of each training\n"
    "  --out DIR      where the picture goes, the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        less data, fewer epochs: a test of the program\n";

int main(int argc, char **argv)
{
    const char *out = ".";
    char path[512];
    int quick = 0, seed = 1, epochs = 0, threads = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "augment: unknown option %s\n%s", argv[i], help), 2;
    }
    snprintf(path, sizeof path, "%s/augment.ppm", out);
    FILE *f = fopen(path, "ab");                                       /* an error now, not in the middle */
    if (!f) return fprintf(stderr, "augment: cannot write %s\n", path), 1;
    fclose(f);
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    numbers();
    pictures(dl_data_drawn_digits(c, 8, 5), path);
    accuracy(quick, epochs, seed);
    if (dl_error(c)) { fprintf(stderr, "augment: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    if (quick && !wrong) printf("row AUG-01\nrow REG-10\nrow TRN-16\n");
    return wrong != 0;
}
