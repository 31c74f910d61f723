/* loader: training from a folder of JPEGs, cropped and mirrored at random: how long it waits for its pictures.
   cc -O2 -fopenmp -I. bench/loader.c -o build/bench_loader -ldl -lm

   5,000 pictures of 32 x 32 in 10 classes, from code, lie in $TMPDIR or in memory; they are PPM where stb's headers
   are missing (Debian: libstb-dev).  ResNet-20 with SGD, 64 pictures a step.  dl_data_image_folder reads and decodes
   all of them before the first step; the wait of a step is dl_next_batch, which gathers and augments; that of the first
   epoch is both. */
#include "machine.h"
#if defined(__has_include)
#if __has_include(<stb/stb_image_write.h>)
#define STBI_ONLY_JPEG
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#endif
#endif
#define DL_MODELS
#define DL_IMPLEMENTATION
#include "dl.h"
#include "../tests/folder.h"

enum { CLASSES = 10, PICTURES = 5000, SIDE = 32, BATCH = 64, MOST = 200 };

/* Soft waves of three colours with a little noise: about as many bytes as photographs of this size have. */
static void write_pictures(void)
{
    static float noise[SIDE * SIDE * 3];
    unsigned char pixels[SIDE * SIDE * 3];
    char file[400];
    int i, k;
    for (i = 0; i < PICTURES; i++) {
        snprintf(file, sizeof file, "%s/%d", folder, i % CLASSES);
        mkdir(file, 0777);
        bench_fill(noise, SIDE * SIDE * 3, -25, 25, (uint32_t)i);
        for (k = 0; k < SIDE * SIDE * 3; k++) {
            int column = k / 3 % SIDE, row = k / 3 / SIDE;
            double wave = sin(.05 * (i % CLASSES + 2) * (column + k % 3) + .01 * i) + cos(.2 * row + i);
            pixels[k] = (unsigned char)(128 + 48 * wave + (double)noise[k]);
        }
#ifdef STBI_INCLUDE_STB_IMAGE_H
        snprintf(file, sizeof file, "%s/%d/%04d.jpg", folder, i % CLASSES, i);
        stbi_write_jpg(file, SIDE, SIDE, 3, pixels, 90);
#else
        snprintf(file, sizeof file, "%s/%d/%04d.ppm", folder, i % CLASSES, i);
        FILE *f = fopen(file, "wb");
        if (!f) continue;
        fprintf(f, "P6 %d %d 255\n", SIDE, SIDE);
        fwrite(pixels, 1, sizeof pixels, f);
        fclose(f);
#endif
    }
}

static void augment(dl_ctx *c, dl_tensor **x, dl_tensor **target, void *user)
{
    (void)target; (void)user;
    *x = dl_aug_random_crop(c, *x, SIDE, SIDE, .padding = 4);
    *x = dl_aug_hflip(c, *x);
}

static void row(dl_ctx *c, const char *name, double seconds)
{
    bench_case k;
    bench_result r;
    memset(&k, 0, sizeof k);
    memset(&r, 0, sizeof r);
    k.bench = "loader"; k.name = name; k.isa = dl_info(c).isa; k.unit = "us"; k.nsides = 1;
    k.threads = dl_info(c).threads;
    r.value = 1e6 * seconds;
    bench_row(&k, &r);
}

static void measure(int threads)
{
    double waits[MOST], steps[MOST], begin = bench_now(), read, wait, step, end;
    dl_ctx *c = dl_create(.threads = threads, .seed = 1);
    dl_dataset *d = dl_data_image_folder(c, folder);
    dl_module *net = dl_model_resnet_cifar(c, 3);
    dl_optim *opt = dl_optim_sgd(c, net, .lr = .05, .momentum = .9, .weight_decay = 1e-4);
    dl_loader *batches = dl_loader_create(c, d, .batch_size = BATCH, .shuffle = 1, .drop_last = 1, .augment = augment);
    int n = -3;                                      /* steps that warm up */
    read = bench_now() - begin;
    end = bench_now() + 10 * bench_state.budget;
    for (; n < MOST && (n < 10 || bench_now() < end) && !dl_error(c); n++) {
        double before = bench_now(), got;
        if (!dl_next_batch(c, batches) && !dl_next_batch(c, batches)) break;
        got = bench_now();
        dl_backward(c, dl_cross_entropy(c, dl_forward(c, net, batches->input), batches->target));
        dl_optim_step(c, opt);
        if (n >= 0) { waits[n] = got - before; steps[n] = bench_now() - before; }
    }
    if (dl_error(c) || d->size != PICTURES || n < 1) {
        printf("loader: FAIL: %s\n", dl_error(c) ? dl_error(c) : "not all pictures");
        bench_state.failures++;
    } else {
        wait = bench_typical(waits, n);
        step = bench_typical(steps, n);
        row(c, "reading a picture", read / PICTURES);
        row(c, "waiting for a batch of 64", wait);
        row(c, "step with that", step);
        printf("  waiting: %.2f %% of a step, %.2f %% of the first epoch\n", 100 * wait / step,
               100 * (read + wait * (PICTURES / BATCH)) / (read + step * (PICTURES / BATCH)));
        bench_note("step without its wait", threads, 1 - wait / step, .95);
    }
    dl_destroy(c);
}

int main(int argc, char **argv)
{
    int threads;
    bench_arguments(argc, argv);
    folder_make();
    machine_print();
    bench_heading();
    write_pictures();
    for (threads = 1; threads <= bench_max_threads(); threads++)
        if (bench_wanted("loader", threads)) measure(threads);
    bench_notes("share of the time that trains");
    folder_remove();
    return bench_state.failures > 0;
}
