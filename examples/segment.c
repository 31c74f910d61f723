/* segment.c: classify every pixel of a picture.

       cc -O2 -fopenmp examples/segment.c -o segment
       ./segment

   Pictures of 64 x 64 pixels with discs, squares and triangles on a noisy ground are drawn by code, with the class of each
   pixel.  Two networks learn them: a small fully convolutional network, which scores coarse features and adds the scores of
   finer ones on its way up through transposed convolutions (Long et al. 2015), and a U-Net (Ronneberger et al. 2015). */
#define DL_MODELS
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: segment [options]\n"
    "  --epochs N     rounds of 50 batches, 12\n"
    "  --out DIR      where the picture goes, scenes, truth and predictions of both; the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        smaller pictures and batches, fewer rounds: a test of the program\n";

enum { GROUND, DISC, SQUARE, TRIANGLE, CLASSES };

/* --- scenes: a function of the number of the picture alone ------------------------------------------------- */
typedef struct { uint32_t picture, draw; } dice;
static double roll(dice *d, double low, double high)
{
    uint32_t counter[4] = {0, 0, 0, 3}, key[2] = {2, 0}, out[4];
    counter[0] = d->draw++;
    counter[1] = d->picture;
    dl_philox(counter, key, out);
    return low + (high - low) * (out[0] / 4294967296.0);
}

/* objects have typical colours, but these vary */
static const double hues[3][3] = {{.85, .35, .35}, {.35, .85, .35}, {.35, .35, .85}};

static void draw_scene(float *image, int32_t *label, int side, uint32_t picture)
{
    dice d = {0, 0};
    d.picture = picture;
    int objects = 1 + (int)roll(&d, 0, 3);
    double ground[3], slope = roll(&d, -.3, .3);
    for (int k = 0; k < 3; k++) ground[k] = roll(&d, .3, .7);
    memset(label, 0, (size_t)(side * side) * sizeof *label);
    for (int k = 0; k < 3; k++)
        for (int i = 0; i < side * side; i++) image[k * side * side + i] = (float)(ground[k] + slope * (i / side) / side);
    while (objects-- > 0) {
        int kind = 1 + (int)roll(&d, 0, 3);
        double cx = roll(&d, .2, .8) * side, cy = roll(&d, .2, .8) * side, r = roll(&d, .15, .26) * side, colour[3];
        for (int k = 0; k < 3; k++) colour[k] = hues[kind - 1][k] + roll(&d, -.25, .25);
        for (int y = 0; y < side; y++)
            for (int x = 0; x < side; x++) {
                double u = x + .5 - cx, v = y + .5 - cy, w = u < 0 ? -u : u;
                int in = kind == DISC ? u * u + v * v < r * r : kind == SQUARE ? w < .85 * r && v < .85 * r && v > -.85 * r
                                                              : v < .8 * r && v > -r && w < (v + r) * .6;
                if (!in) continue;
                label[y * side + x] = kind;
                for (int k = 0; k < 3; k++) image[(k * side + y) * side + x] = (float)colour[k];
            }
    }
    for (int i = 0; i < 3 * side * side; i++) image[i] += (float)roll(&d, -.1, .1);
}

/* n pictures (n, 3, side, side) and their pixels' classes (n, side, side) */
static dl_tensor *draw_scenes(dl_ctx *c, int n, int side, uint32_t first, dl_tensor **label)
{
    dl_tensor *x = dl_zeros(c, DL_SHAPE(n, 3, side, side));
    *label = dl_to_int(c, dl_zeros(c, DL_SHAPE(n, side, side)));
    for (int i = 0; i < n && !dl_error(c); i++)
        draw_scene(x->data + i * 3 * side * side, (*label)->idata + i * side * side, side, first + (uint32_t)i);
    return x;
}

/* --- a fully convolutional network: scores at 1/8, 1/4 and 1/2 of the size ------------------------------------ */
typedef struct { dl_module base; dl_module *stage[3], *score[3], *up[3]; } fcn;

static dl_tensor *fcn_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    fcn *f = (fcn *)self;
    dl_tensor *y = NULL, *features[3];
    for (int i = 0; i < 3; i++) features[i] = x = dl_forward(c, f->stage[i], x);
    for (int i = 2; i >= 0; i--) {
        dl_tensor *score = dl_forward(c, f->score[i], features[i]);
        y = dl_forward(c, f->up[i], y ? dl_add(c, y, score) : score);
    }
    return y;                                                        /* (N, CLASSES, H, W) */
}
static const dl_module_type fcn_type = { "fcn", sizeof(fcn), fcn_forward };

static dl_module *make_fcn(dl_ctx *c, int width)
{
    static const char *const stages[3] = {"stage1", "stage2", "stage3"}, *const scores[3] = {"score1", "score2", "score3"};
    static const char *const ups[3] = {"up1", "up2", "up3"};
    fcn *f = (fcn *)dl_module_create(c, &fcn_type);
    int in = 3;
    for (int i = 0; i < 3; i++) {
        int out = width << i;
        f->stage[i] = dl_module_add(c, &f->base, stages[i], dl_nn_sequential(c,
            dl_nn_conv2d(c, in, out, 3, .padding = 1, .no_bias = 1), dl_nn_batchnorm2d(c, out), dl_nn_relu(c),
            dl_nn_conv2d(c, out, out, 3, .padding = 1, .no_bias = 1), dl_nn_batchnorm2d(c, out), dl_nn_relu(c),
            dl_nn_max_pool2d(c, 2)));
        f->score[i] = dl_module_add(c, &f->base, scores[i], dl_nn_conv2d(c, out, CLASSES, 1));
        f->up[i] = dl_module_add(c, &f->base, ups[i], dl_nn_conv_transpose2d(c, CLASSES, CLASSES, 4, .stride = 2, .padding = 1));
        in = out;
    }
    return &f->base;
}

/* --- training and looking --------------------------------------------------------------------------------------- */
static uint32_t seed = 1;

static void train(dl_ctx *c, const char *name, dl_module *net, int rounds, int batch, int side)
{
    dl_optim *opt = dl_optim_adam(c, net, .lr = 5e-3f);
    uint32_t next = (1 + (seed - 1) % 4000) * 1000000;              /* whatever the seed: not 0 to 199, the test scenes */
    printf("%s: %d parameters\n", name, (int)dl_param_count(net));
    for (int round = 0; round < rounds && !dl_error(c); round++) {
        double sum = 0;
        dl_optim_set_lr(opt, 5e-3f * (float)(rounds - round) / (float)rounds);
        for (int step = 0; step < 50 && !dl_error(c); step++, next += (uint32_t)batch) {
            dl_tensor *label, *x, *loss;
            dl_step_begin(c);
            x = draw_scenes(c, batch, side, next, &label);
            loss = dl_cross_entropy2d(c, dl_forward(c, net, x), label);
            dl_backward(c, loss);
            dl_optim_step(c, opt);
            sum += dl_item(loss);
        }
        printf("  round %2d: loss %.4f\n", round + 1, sum / 50);
    }
}

static const float colours[CLASSES][3] = {{.1f, .1f, .1f}, {.9f, .3f, .2f}, {.3f, .8f, .3f}, {.3f, .5f, 1}};

static void paint(float *image, const int32_t *label, int pixels)    /* classes as colours */
{
    for (int k = 0; k < 3; k++) for (int i = 0; i < pixels; i++) image[k * pixels + i] = colours[label[i]][k];
}

int main(int argc, char **argv)
{
    const char *out = ".";
    char path[512];
    int epochs = 0, threads = 0, quick = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = (uint32_t)atoi(value), i++;
        else return fprintf(stderr, "segment: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 3 : 12;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);                                /* lines as they come, in a pipe too */
    int side = quick ? 32 : 64, batch = 16, tests = quick ? 64 : 200;
    double goal = quick ? .5 : .8, iou[2];

    dl_ctx *c = dl_create(.seed = seed, .threads = threads);
    dl_module *nets[2];
    const char *names[2] = {"FCN", "U-Net"};
    nets[0] = make_fcn(c, 12);
    nets[1] = dl_model_unet(c, CLASSES, .depth = 3, .width = 8);
    for (int n = 0; n < 2; n++) train(c, names[n], nets[n], epochs, batch, side);
    if (dl_error(c)) { fprintf(stderr, "segment: %s\n", dl_error(c)); return 1; }

    /* columns: picture, truth, what the networks say */
    dl_set_training(c, 0);
    dl_set_grad_enabled(c, 0);
    dl_step_begin(c);
    dl_tensor *label, *x = draw_scenes(c, tests, side, 0, &label), *picture = dl_zeros(c, DL_SHAPE(24, 3, side, side));
    for (int n = 0; n < 2; n++) {
        dl_tensor *pred = dl_argmax(c, dl_forward(c, nets[n], x), .dims = DL_DIM(1));
        iou[n] = dl_metric_miou(c, pred, label, CLASSES);
        printf("%-5s pixel accuracy %.4f, mean IoU %.4f, expected more than %.1f\n", names[n],
               dl_metric_pixel_accuracy(c, pred, label), iou[n], goal);
        for (int i = 0; i < 6 && !dl_error(c); i++) {
            int pixels = side * side;
            float *row = picture->data + i * 4 * 3 * pixels;
            memcpy(row, x->data + i * 3 * pixels, 3 * (size_t)pixels * sizeof *row);
            paint(row + 3 * pixels, label->idata + i * pixels, pixels);
            paint(row + (2 + n) * 3 * pixels, pred->idata + i * pixels, pixels);
        }
    }
    if (dl_error(c)) { fprintf(stderr, "segment: %s\n", dl_error(c)); return 1; }
    snprintf(path, sizeof path, "%s/segment.ppm", out);
    int written = dl_image_save_grid(c, picture, path, .nrow = 4);
    if (written) printf("wrote %s: columns are the picture, the truth, FCN, U-Net\n", path);
    else printf("no picture: %s\n", dl_error(c));
    dl_destroy(c);
    return written && iou[0] > goal && iou[1] > goal ? 0 : 1;
}
