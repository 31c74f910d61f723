/* convolution.c: convolution of signals and images, step by step, every number beside the expected one.

       cc -O2 -fopenmp examples/convolution.c -o convolution
       ./convolution
       ./convolution --help

   Continuous and discrete convolution, padding, stride, dilation, transposed convolution, pooling, im2col, counts; then
   blur, sharpen, edge and emboss on an image, drawn by code or read from a file, and the feature maps of a convolution
   layer.  Writes a picture grid: the image, the filtered ones, the feature maps. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dl_ctx *c;
static int wrong;

/* Prints y beside the n expected numbers, and counts those that are off. */
static void expect(const char *what, const dl_tensor *y, int n, const float *expected)
{
    int off = y->size != n;
    printf("%s\n   ", what);
    for (int i = 0; i < y->size && i < 25; i++) printf(" %g", y->data[i]);
    printf("\n   ");
    for (int i = 0; i < n; i++) {
        printf(" %g", expected[i]);
        if (i < y->size) { float d = y->data[i] - expected[i]; off += !(d < 1e-4f && d > -1e-4f); }
    }
    printf("  expected%s\n", off ? "  <-- OFF" : "");
    wrong += off != 0;
}
#define EXPECT(what, y, ...)                                                                      \
    do { static const float e_[] = { __VA_ARGS__ }; expect(what, y, (int)(sizeof e_ / sizeof *e_), e_); } while (0)

static void expect_number(const char *what, double is, double expected, double tolerance)
{
    int off = !(is - expected <= tolerance && expected - is <= tolerance);
    printf("%-62s %12g  expected %g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

static void expect_that(const char *what, int is) { printf("%-62s %12s\n", what, is ? "yes" : "no  <-- OFF"); wrong += !is; }

static dl_tensor *tensor(dl_shape shape, const float *v) { return dl_tensor_from(c, v, shape); }

/* --- (f * g)(t) = int f(u) g(t - u) du, by the midpoint rule: n samples of width h = 1/n on [0, 1) ---------------------
   f = g = 1 on [0, 1): a triangle, t up to 1, then 2 - t.   f = t, g = 1 on [0, 1): t^2 / 2 up to 1, then (1 - (t - 1)^2) / 2 */
static void continuous(int n)
{
    dl_tensor *one = dl_ones(c, DL_SHAPE(n)), *ramp = dl_div_scalar(c, dl_add_scalar(c, dl_arange(c, 0, n, 1), 0.5f), (float)n);
    dl_tensor *triangle = dl_div_scalar(c, dl_convolve1d(c, one, one), (float)n);         /* sum over u, times h */
    dl_tensor *bent = dl_div_scalar(c, dl_convolve1d(c, ramp, one), (float)n), *back = dl_convolve1d(c, one, ramp);
    float h = 1 / (float)n, t, worst[2] = {0, 0}, swapped = 0;
    for (int i = 0; i < 2 * n - 1 && !dl_error(c); i++) {
        t = (float)(i + 1) * h;                                                           /* the sums of two midpoints */
        float e[2] = { t < 1 ? t : 2 - t, t < 1 ? t * t / 2 : (1 - (t - 1) * (t - 1)) / 2 };
        float d[3] = { triangle->data[i] - e[0], bent->data[i] - e[1], bent->data[i] - back->data[i] * h };
        for (int k = 0; k < 2; k++) if (d[k] > worst[k] || -d[k] > worst[k]) worst[k] = d[k] < 0 ? -d[k] : d[k];
        if (d[2] > swapped || -d[2] > swapped) swapped = d[2] < 0 ? -d[2] : d[2];
    }
    printf("Continuous convolution, %d samples\n", n);
    expect_number("box with box, largest error against the triangle", worst[0], 0, 1e-4);
    expect_number("ramp with box, largest error against the parabolas", worst[1], 0, 1e-4);
    expect_number("f * g - g * f, largest", swapped, 0, 1e-5);
}

static void small_numbers(void)
{
    static const float image[] = {3,3,2,1,0, 0,0,1,3,1, 3,1,2,2,3, 2,0,0,2,2, 2,0,0,0,1}, kernel[] = {0,1,2, 2,2,0, 0,1,2};
    static const float signal[] = {1, 2, 3}, taps[] = {0, 1, .5f}, two[] = {0, 1, 2, 3};
    dl_tensor *x = tensor(DL_SHAPE(1, 1, 5, 5), image), *w = tensor(DL_SHAPE(1, 1, 3, 3), kernel);
    dl_tensor *v = tensor(DL_SHAPE(1, 1, 2, 2), two), *nine = dl_reshape(c, dl_arange(c, 0, 9, 1), DL_SHAPE(1, 1, 3, 3));

    printf("\nDiscrete convolution\n");
    EXPECT("[1,2,3] * [0,1,.5]", dl_convolve1d(c, tensor(DL_SHAPE(3), signal), tensor(DL_SHAPE(3), taps)), 0, 1, 2.5f, 4, 1.5f);
    EXPECT("layer: 5x5 image, 3x3 kernel, not flipped", dl_conv2d(c, x, w, NULL), 12, 12, 17, 10, 17, 19, 9, 6, 14);
    EXPECT("true convolution, flipped",
           dl_convolve2d(c, dl_reshape(c, x, DL_SHAPE(5, 5)), dl_reshape(c, w, DL_SHAPE(3, 3)), .valid = 1), 18, 20, 19, 10, 9, 17, 11, 8, 14);
    EXPECT("padding 1", dl_conv2d(c, x, w, NULL, .padding = 1),
           6, 14, 17, 11, 3, 14, 12, 12, 17, 11, 8, 10, 17, 19, 13, 11, 9, 6, 14, 12, 6, 4, 4, 6, 4);
    EXPECT("stride 2", dl_conv2d(c, x, w, NULL, .stride = 2), 12, 17, 9, 14);
    EXPECT("stride 2, padding 1", dl_conv2d(c, x, w, NULL, .stride = 2, .padding = 1), 6, 17, 3, 8, 17, 13, 6, 4, 4);
    EXPECT("dilation 2", dl_conv2d(c, x, w, NULL, .dilation = 2), 14);
    EXPECT("transposed, 2x2 on 2x2", dl_conv_transpose2d(c, v, v, NULL), 0, 0, 1, 0, 4, 6, 4, 12, 9);
    EXPECT("transposed, stride 2", dl_conv_transpose2d(c, v, v, NULL, .stride = 2), 0, 0, 0, 1, 0, 0, 2, 3, 0, 2, 0, 3, 4, 6, 6, 9);
    EXPECT("im2col of 0..8, 2x2 windows, one per row", dl_im2col(c, nine, 2), 0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8);

    printf("\nPooling\n");
    EXPECT("max 2x2, stride 1, of 0..8", dl_max_pool2d(c, nine, 2, .stride = 1), 4, 5, 7, 8);
    EXPECT("average 2x2, stride 1", dl_avg_pool2d(c, nine, 2, .stride = 1), 2, 3, 5, 6);
    EXPECT("overlapping: max 3x3, stride 2, of the image", dl_max_pool2d(c, x, 3, .stride = 2), 3, 3, 3, 3);
    EXPECT("global average of 0..8", dl_global_avg_pool2d(c, nine), 4);

    printf("\nSizes and counts\n");
    expect_number("output size: in 28, kernel 5, padding 2", (double)dl_conv_out_size(28, 5, 1, 2, 1), 28, 0);
    expect_number("output size: in 5, kernel 3, stride 2, padding 1", (double)dl_conv_out_size(5, 3, 2, 1, 1), 3, 0);
    expect_number("weights 3x3, 128 -> 256 channels", (double)dl_param_count(dl_nn_conv2d(c, 128, 256, 3, .no_bias = 1)), 294912, 0);
    expect_number("1x1 18 -> 5, then 3x3 5 -> 30", (double)(dl_param_count(dl_nn_conv2d(c, 18, 5, 1, .no_bias = 1)) +
                                                              dl_param_count(dl_nn_conv2d(c, 5, 30, 3, .no_bias = 1))), 1440, 0);
    expect_number("against 3x3 18 -> 30", (double)dl_param_count(dl_nn_conv2d(c, 18, 30, 3, .no_bias = 1)), 4860, 0);
}

/* A sun over waves, (1, 1, n, n). */
static dl_tensor *draw(int n)
{
    dl_tensor *x = dl_zeros(c, DL_SHAPE(1, 1, n, n)), *noise = dl_rand(c, DL_SHAPE(n * n));
    for (int i = 0; i < n * n && !dl_error(c); i++) {
        float h = (float)(i / n) / (float)n, w = (float)(i % n) / (float)n, dh = h - .3f, dw = w - .65f;
        float wave = w * 6 - (float)(int)(w * 6) - .5f, level = .7f + .25f * (.25f - wave * wave);
        float v = dh * dh + dw * dw < .03f ? .95f : h > level ? .15f + .2f * (h - level) : .45f + .3f * h;
        x->data[i] = v + .02f * noise->data[i];
    }
    return x;
}

/* The filters of image programs; a sum of 1 keeps the brightness, of 0 leaves only changes. */
static const struct { const char *name; float sum, k[9]; } filters[] = {
    { "identity", 1, { 0, 0, 0,  0, 1, 0,  0, 0, 0 } },
    { "blur",     1, { 1/16.f, 2/16.f, 1/16.f,  2/16.f, 4/16.f, 2/16.f,  1/16.f, 2/16.f, 1/16.f } },
    { "sharpen",  1, { 0, -1, 0,  -1, 5, -1,  0, -1, 0 } },
    { "edge",     0, { -1, -1, -1,  -1, 8, -1,  -1, -1, -1 } },
    { "emboss",   1, { -2, -1, 0,  -1, 1, 1,  0, 1, 2 } },
};
#define FILTERS ((int)(sizeof filters / sizeof *filters))

static dl_tensor *image_filters(dl_tensor *x)
{
    dl_tensor *w = dl_zeros(c, DL_SHAPE(FILTERS, 1, 3, 3)), *y, *spot;
    double rough[FILTERS];
    for (int f = 0; f < FILTERS && !dl_error(c); f++) memcpy(w->data + 9 * f, filters[f].k, sizeof filters[f].k);
    y = dl_conv2d(c, x, w, NULL, .padding = 1, .padding_mode = DL_PAD_REPLICATE);          /* (1, 5, H, W) */

    printf("\nImage filters on %d x %d pixels\n", (int)x->shape[2], (int)x->shape[3]);
    spot = dl_reshape(c, dl_slice(c, dl_eye(c, 9), 0, 4, 5), DL_SHAPE(1, 1, 3, 3));
    for (int f = 0; f < FILTERS && !dl_error(c); f++) {
        dl_tensor *kernel = dl_slice(c, w, 0, f, f + 1), *map = dl_slice(c, y, 1, f, f + 1), *down = dl_slice(c, map, 2, 1, INT64_MAX);
        dl_tensor *stamp = dl_conv2d(c, spot, kernel, NULL, .padding = 1), *flat;
        float off = 0;
        for (int i = 0; i < 9; i++) off += (stamp->data[i] - filters[f].k[8 - i]) * (stamp->data[i] - filters[f].k[8 - i]);
        flat = dl_conv2d(c, dl_ones(c, DL_SHAPE(1, 1, 3, 3)), kernel, NULL);
        rough[f] = dl_item(dl_mean(c, dl_square(c, dl_sub(c, down, dl_slice(c, map, 2, 0, -1)))));
        printf("  %s\n", filters[f].name);
        expect_number("    stamp of one bright pixel - kernel turned round", off, 0, 1e-10);
        expect_number("    a white surface becomes", dl_item(flat), filters[f].sum, 1e-5);
    }
    expect_number("identity - image, sum of squares", dl_item(dl_sum(c, dl_square(c, dl_sub(c, dl_slice(c, y, 1, 0, 1), x)))), 0, 0);
    expect_that("blur has smaller steps between lines", rough[1] < rough[0]);
    expect_that("sharpen has larger ones", rough[2] > rough[0]);
    return dl_reshape(c, y, DL_SHAPE(FILTERS, 1, y->shape[2], y->shape[3]));
}

/* The input and the output of a convolution layer as images. */
static dl_tensor *feature_maps(dl_tensor *x)
{
    dl_module *layer = dl_nn_sequential(c, dl_nn_conv2d(c, 1, FILTERS, 5, .padding = 2), dl_nn_relu(c));
    /* around 0 and of deviation 1, or ReLU would switch whole maps off */
    dl_tensor *y = dl_forward(c, layer, dl_div(c, dl_sub(c, x, dl_mean(c, x)), dl_add_scalar(c, dl_std(c, x), 1e-6f)));
    if (dl_error(c)) return y;
    int h = (int)x->shape[2], w = (int)x->shape[3], at = dl_argmax(c, dl_slice(c, y, 1, 0, 1))->idata[0];
    int top = at / w - 3, left = at % w - 3;                                   /* 6 x 6 pixels around the largest */
    top = top < 0 ? 0 : top > h - 6 ? h - 6 : top;
    left = left < 0 ? 0 : left > w - 6 ? w - 6 : left;
    printf("\nFeature maps of a layer 1 -> %d, 5x5, ReLU, before training; the first one where it is largest:\n", FILTERS);
    dl_print(dl_slice(c, dl_slice(c, dl_slice(c, y, 1, 0, 1), 2, top, top + 6), 3, left, left + 6));
    expect_number("parameters", (double)dl_param_count(layer), FILTERS * 26, 0);
    expect_that("smallest value, after ReLU at least 0", dl_item(dl_min(c, y)) >= 0);
    expect_number("height as before", (double)y->shape[2], (double)x->shape[2], 0);
    y = dl_reshape(c, y, DL_SHAPE(FILTERS, 1, y->shape[2], y->shape[3]));
    y = dl_div(c, y, dl_add_scalar(c, dl_max(c, y, .dims = DL_DIM(1) | DL_DIM(2) | DL_DIM(3), .keepdim = 1), 1e-6f));
    return dl_sqrt(c, y);                                                      /* each by its own range; roots, to see what is weak */
}

static const char help[] =
    "usage: convolution [options] [IMAGE.pgm or IMAGE.ppm]\n"
    "  --epochs N     no effect: nothing is trained by epochs\n"
    "  --out DIR      where the pictures go, the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        smaller pictures: a test of the program\n";

int main(int argc, char **argv)
{
    const char *in = NULL, *out = ".";
    char path[512];
    int quick = 0, seed = 1, threads = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else if (argv[i][0] != '-')             in = argv[i];
        else return fprintf(stderr, "convolution: unknown option %s\n%s", argv[i], help), 2;
    }
    c = dl_create(.seed = (uint64_t)seed, .threads = threads, .no_grad = 1);
    continuous(quick ? 512 : 4096);
    small_numbers();

    dl_tensor *x = in ? dl_image_load(c, in, .channels = 1) : draw(quick ? 64 : 256), *maps[2];
    if (!dl_error(c) && (x->shape[2] < 24 || x->shape[3] < 24)) dl_fail(c, "%s: %t is too small, at least 24 x 24 pixels", in, x);
    if (!dl_error(c)) {
        maps[0] = image_filters(x);
        maps[1] = feature_maps(x);
        snprintf(path, sizeof path, "%s/convolution.pgm", out);
        if (dl_image_save_grid(c, dl_cat(c, 2, maps, 0), path, .nrow = FILTERS))
            printf("\nwrote %s: the image and its filters, then feature maps (square roots)\n", path);
    }
    if (dl_error(c)) { fprintf(stderr, "convolution: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    if (quick && !wrong) printf("row CONV-01\nrow CONV-17\nrow CONV-34\nrow CV-03\n");
    return wrong != 0;
}
