/* augment: augmentation of a CIFAR batch, (128, 3, 32, 32), in millions of pictures a second.
   cc -O2 -fopenmp -I. bench/augment.c -o build/bench_augment -ldl -lm

   The peer does what torchvision's transforms do, picture by picture, in PyTorch's own operations.  crop: a random 32 x 32
   window of the picture padded by 4; flip: mirrored with probability 1/2; recipe: both; affine: turned by up to 15 degrees and
   moved by up to a tenth; jitter: brightness, contrast and saturation changed by up to a fifth. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

enum { BATCH = 128 };
enum { CROP, FLIP, RECIPE, AFFINE, JITTER, KINDS };
static const char *const names[KINDS] = { "crop", "flip", "recipe", "affine", "jitter" };
typedef struct { dl_ctx *c; dl_tensor *x, *y; int kind; } player;

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        dl_step_begin(p->c);
        p->y = p->x;
        if (p->kind == CROP || p->kind == RECIPE) p->y = dl_aug_random_crop(p->c, p->y, 32, 32, .padding = 4);
        if (p->kind == FLIP || p->kind == RECIPE) p->y = dl_aug_hflip(p->c, p->y);
        if (p->kind == AFFINE) p->y = dl_aug_affine(p->c, p->y, .degrees = {-15, 15}, .translate = {.1, .1});
        if (p->kind == JITTER) p->y = dl_aug_color_jitter(p->c, p->y, .brightness = .2, .contrast = .2, .saturation = .2);
    }
    return bench_now() - t;
}

/* Of the same shape, in [0, 1], and not all as it was. */
static int right(void *arg)
{
    player *p = (player *)arg;
    int64_t i, ok = 1, changed = 0;
    seconds(arg, 1);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    for (i = 0; i < p->x->size; i++) {
        ok &= p->y->data[i] >= 0 && p->y->data[i] <= 1;
        changed += p->y->data[i] != p->x->data[i];
    }
    return ok && p->y->size == p->x->size && changed > p->x->size / 4;
}

static void measure(int kind, int threads)
{
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    player     p;
    char       request[64];

    if (!bench_wanted(names[kind], threads)) return;
    memset(&k, 0, sizeof k);
    p.kind = kind;
    p.c = dl_create(.threads = threads);
    p.x = dl_keep(p.c, dl_rand(p.c, DL_SHAPE(BATCH, 3, 32, 32)));
    k.bench = "augment"; k.name = names[kind]; k.threads = threads; k.isa = dl_info(p.c).isa; k.unit = "M/s";
    k.work = BATCH * 1e3;                            /* value = work / seconds / 1e9 */
    k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = &p;
    k.nsides = 1;
    snprintf(request, sizeof request, "augment %s %d", names[kind], BATCH);
    peer_add_torch(&k, &torch, request);
    r = bench_run(&k);
    if (r.best) bench_note(names[kind], threads, r.ratio[r.best], 1);
    dl_destroy(p.c);
}

int main(int argc, char **argv)
{
    int kind, threads;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (threads = 1; threads <= bench_max_threads(); threads++)
        for (kind = 0; kind < KINDS; kind++) measure(kind, threads);
    bench_notes("ratio to PyTorch");
    peer_close_torch();
    return bench_state.failures > 0;
}
