/* waldo.c: find somebody in a crowd with a classifier of small patches.

       cc -O2 -fopenmp examples/waldo.c -o waldo
       ./waldo

   A network learns to tell a patch of 16 x 16 pixels with Waldo in its middle from any other.  Then it looks at a whole
   picture in two ways: at every patch by itself, and in a single pass, because its layers are convolutions, the dense
   one being a convolution as large as its input.  The scores are the same; the second way computes only once what
   patches share. */
#define _POSIX_C_SOURCE 199309L
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: waldo [options]\n"
    "  --epochs N     rounds of 50 batches, 16\n"
    "  --out DIR      where the last picture goes, Waldo framed; the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        fewer rounds and pictures: a test of the program\n";

enum { H = 96, W = 128, PATCH = 16, WALDO = 12, MARGIN = (PATCH - WALDO) / 2, STRIDE = 2 };

static uint32_t draws, seed = 1;
static int pick(int n)                                               /* 0 .. n - 1 */
{
    uint32_t counter[4] = {0, 0, 0, 7}, key[2] = {0, 0}, out[4];
    counter[0] = draws++;
    key[0] = seed;
    dl_philox(counter, key, out);
    return (int)(out[0] % (uint32_t)n);
}

static void pixel(float *image, int h, int w, int y, int x, const float *rgb)
{
    if (y >= 0 && y < h && x >= 0 && x < w) for (int k = 0; k < 3; k++) image[(k * h + y) * w + x] = rgb[k];
}

static const float red[3] = {.85f, .1f, .15f}, white[3] = {.95f, .95f, .9f}, skin[3] = {.9f, .7f, .55f}, dark[3] = {.1f, .1f, .1f};
static const float blue[3] = {.2f, .3f, .8f};

/* 12 x 12: striped hat, face with glasses, striped shirt.  Doubles wear the shirt, or the hat and another face. */
static void draw_person(float *image, int h, int w, int top, int left, int kind)
{
    for (int y = 0; y < WALDO; y++)
        for (int x = 0; x < WALDO; x++) {
            int face = y >= 4 && y < 8, glasses = face && y == 5 && (x == 4 || x == 5 || x == 7 || x == 8);
            const float *stripe = y / 2 % 2 ? white : red, *colour = stripe;
            if (x < (face ? 3 : 1) || x >= (face ? 10 : 11)) continue;
            if (face) colour = glasses ? dark : skin;
            if (kind == 1 && y < 8) colour = face ? skin : dark;     /* no hat, no glasses */
            if (kind == 2 && y >= 4) colour = face ? skin : blue;    /* a blue shirt       */
            pixel(image, h, w, top + y, left + x, colour);
        }
}

/* Rectangles, stripes and doubles of Waldo. */
static void draw_crowd(float *image, int h, int w)
{
    for (int i = 0; i < 3 * h * w; i++) image[i] = .4f + .1f * (float)pick(3);
    for (int n = 0; n < h * w / 100; n++) {
        int top = pick(h), left = pick(w), tall = 2 + pick(10), wide = 2 + pick(10), striped = pick(4) == 0, doubles = pick(3);
        float colour[3];
        for (int k = 0; k < 3; k++) colour[k] = .1f * (float)pick(10);
        if (doubles) { draw_person(image, h, w, top - 6, left - 6, doubles); continue; }
        for (int y = top; y < top + tall; y++)
            for (int x = left; x < left + wide; x++) pixel(image, h, w, y, x, striped ? (y / 2 % 2 ? red : white) : colour);
    }
}

/* Cut out of the middle of a small crowd: half of the patches have Waldo in the middle, a quarter have him elsewhere. */
static dl_tensor *draw_patches(dl_ctx *c, int n, dl_tensor **target)
{
    enum { SIDE = 40, FIRST = (SIDE - PATCH) / 2 };
    static float crowd[3 * SIDE * SIDE];
    dl_tensor *x = dl_zeros(c, DL_SHAPE(n, 3, PATCH, PATCH));
    *target = dl_zeros(c, DL_SHAPE(n, 1, 1, 1));
    for (int i = 0; i < n && !dl_error(c); i++) {
        int dy = pick(2), dx = pick(2), centred = i % 2 == 0;
        while (!centred && abs(dy) < 3 && abs(dx) < 3) { dy = pick(25) - 12; dx = pick(25) - 12; }
        draw_crowd(crowd, SIDE, SIDE);
        if (centred || i % 4 == 1) draw_person(crowd, SIDE, SIDE, FIRST + MARGIN + dy, FIRST + MARGIN + dx, 0);
        for (int row = 0; row < 3 * PATCH; row++)
            memcpy(x->data + (i * 3 * PATCH + row) * PATCH,
                   crowd + (row / PATCH * SIDE + FIRST + row % PATCH) * SIDE + FIRST, PATCH * sizeof(float));
        (*target)->data[i] = (float)centred;
    }
    return x;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
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
        else return fprintf(stderr, "waldo: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 5 : 16;
    int pictures = quick ? 10 : 50;
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);                                /* lines as they come, in a pipe too */

    dl_ctx *c = dl_create(.seed = seed, .threads = threads);
    /* 16 -> 6 -> 4 -> 1: without padding, so that a larger picture gives a map of scores */
    dl_module *net = dl_nn_sequential(c, dl_nn_conv2d(c, 3, 16, 5, .stride = STRIDE), dl_nn_relu(c),
                                      dl_nn_conv2d(c, 16, 32, 3), dl_nn_relu(c), dl_nn_conv2d(c, 32, 1, 4));
    dl_optim *opt = dl_optim_adam(c, net, .lr = 2e-3f);
    printf("%d parameters\n", (int)dl_param_count(net));
    for (int epoch = 0; epoch < epochs && !dl_error(c); epoch++) {
        double sum = 0;
        for (int step = 0; step < 50 && !dl_error(c); step++) {
            dl_tensor *target, *x, *loss;
            dl_step_begin(c);
            x = draw_patches(c, 64, &target);
            loss = dl_bce_with_logits(c, dl_forward(c, net, x), target);
            dl_backward(c, loss);
            dl_optim_step(c, opt);
            sum += dl_item(loss);
        }
        printf("round %2d: loss %.4f\n", epoch + 1, sum / 50);
    }
    if (dl_error(c)) { fprintf(stderr, "waldo: %s\n", dl_error(c)); return 1; }

    dl_set_grad_enabled(c, 0);
    int found = 0;
    dl_tensor *last = NULL;                                          /* the last picture, Waldo framed */
    double largest = 0, slow = 0, fast = 0, start;
    for (int n = 0; n < pictures && !dl_error(c); n++) {
        dl_tensor *picture, *patches, *one_by_one, *map, *best;
        int top = pick(H - WALDO), left = pick(W - WALDO), y, x, near;
        dl_step_begin(c);
        picture = dl_zeros(c, DL_SHAPE(1, 3, H, W));
        if (dl_error(c)) break;
        draw_crowd(picture->data, H, W);
        draw_person(picture->data, H, W, top, left, 0);

        start = now();
        patches = dl_sliding_window(c, picture, PATCH, .stride = STRIDE);                    /* (P, 3, 16, 16) */
        one_by_one = dl_forward(c, net, patches);                                            /* (P, 1, 1, 1)   */
        slow += now() - start;
        start = now();
        map = dl_forward(c, net, picture);                                                   /* (1, 1, H', W') */
        fast += now() - start;
        if (dl_error(c) || map->size != one_by_one->size) break;
        for (int i = 0; i < map->size; i++) {
            double d = map->data[i] - one_by_one->data[i];
            if (d < 0) d = -d;
            if (d > largest) largest = d;
        }

        best = dl_argmax(c, map);
        y = best->idata[0] / (int)map->shape[3] * STRIDE + MARGIN;
        x = best->idata[0] % (int)map->shape[3] * STRIDE + MARGIN;
        near = abs(y - top) <= STRIDE && abs(x - left) <= STRIDE;
        found += near;
        if (n < 5 || n + 1 == pictures || !near)
            printf("picture %2d: Waldo is at (%3d, %3d), found at (%3d, %3d)%s\n", n + 1, left, top, x, y, near ? "" : "  wrong");
        if (n + 1 < pictures) continue;
        printf("%d windows of %d x %d in %d x %d, expected %d\n", (int)patches->shape[0], PATCH, PATCH, H, W,
               ((H - PATCH) / STRIDE + 1) * ((W - PATCH) / STRIDE + 1));
        for (int i = -2; i < WALDO + 2; i++) {
            static const float green[3] = {0, 1, 0};
            pixel(picture->data, H, W, y + i, x - 2, green);
            pixel(picture->data, H, W, y + i, x + WALDO + 1, green);
            pixel(picture->data, H, W, y - 2, x + i, green);
            pixel(picture->data, H, W, y + WALDO + 1, x + i, green);
        }
        last = picture;
    }
    if (dl_error(c)) { fprintf(stderr, "waldo: %s\n", dl_error(c)); return 1; }
    printf("found %d of %d (all misses are above), expected at least %d\n", found, pictures, pictures * 9 / 10);
    printf("patches and one pass differ by at most %.2g, expected less than 1e-4\n", largest);
    printf("a picture takes %.2f ms patch by patch, %.2f ms in one pass\n", 1e3 * slow / pictures, 1e3 * fast / pictures);
    snprintf(path, sizeof path, "%s/waldo.ppm", out);
    int written = dl_image_save(c, dl_interpolate(c, last, .size = {4 * H, 4 * W}), path);
    if (written) printf("wrote %s: picture %d\n", path, pictures);
    else fprintf(stderr, "waldo: no picture: %s\n", dl_error(c));
    dl_destroy(c);
    return written && found >= pictures * 9 / 10 && largest < 1e-4 ? 0 : 1;
}
