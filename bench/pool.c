/* pool: max and average pooling, forward and backward, as fractions of the measured bandwidth and against PyTorch in NCHW or
   channels_last, whichever is faster.
   cc -O2 -fopenmp -I. bench/pool.c -o build/bench_pool -ldl -lm

   Bytes are those that must move: forward x and y, backward the gradients of both.  A case is the forward pass of an input that
   needs a gradient and the op's backward function, as dl_backward calls it. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

typedef struct { const char *name; int average, N, C, H, kernel, stride, padding; double target; } row;
static const row rows[] = {
    { "max 2x2/2 64,32,28",   0, 64, 32,  28, 2, 2, 0, 2 },
    { "max 3x3/2 8,64,112",   0,  8, 64, 112, 3, 2, 1, 2 },
    { "max 3x3/1 8,64,56",    0,  8, 64,  56, 3, 1, 1, 2 },
    { "avg 2x2/2 64,32,28",   1, 64, 32,  28, 2, 2, 0, 1 },
    { "avg 3x3/2 8,64,112",   1,  8, 64, 112, 3, 2, 1, 1 },
};
typedef struct { const row *r; dl_ctx *c; dl_tensor *x, *g, *y; } player;

static dl_tensor *apply(player *p)
{
    const row *r = p->r;
    return r->average ? dl_avg_pool2d(p->c, p->x, r->kernel, .stride = r->stride, .padding = r->padding)
                      : dl_max_pool2d(p->c, p->x, r->kernel, .stride = r->stride, .padding = r->padding);
}

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        dl_step_begin(p->c);
        dl_zero_grad(p->x);
        p->y = apply(p);
        p->y->grad = p->g->data;
        p->y->op->backward(p->c, p->y);
    }
    return bench_now() - t;
}

/* Every 61st output from its window; the gradient by its sum, which pooling keeps, but for the padding of averages. */
static int right(void *arg)
{
    player *p = (player *)arg;
    const row *r = p->r;
    int64_t i, j, k, out, planes = (int64_t)r->N * r->C, ok = 1;
    double  sum = 0, wanted = 0;
    seconds(arg, 1);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    out = p->y->shape[2];
    for (i = 0; i < planes * out * out; i += 61) {
        const float *x = p->x->data + i / (out * out) * r->H * r->H;
        double best = r->average ? 0 : -1e30;
        for (j = 0; j < r->kernel; j++)
            for (k = 0; k < r->kernel; k++) {
                int64_t h = i / out % out * r->stride + j - r->padding, w = i % out * r->stride + k - r->padding;
                if (h < 0 || w < 0 || h >= r->H || w >= r->H) continue;
                best = r->average ? best + x[h * r->H + w] : best > x[h * r->H + w] ? best : x[h * r->H + w];
            }
        if (r->average) best /= r->kernel * r->kernel;
        ok &= fabs(best - p->y->data[i]) <= 1e-6 * (1 + fabs(best));
    }
    for (i = 0; i < p->x->size; i++) sum += p->x->grad[i];
    for (i = 0; i < p->y->size; i++) wanted += p->g->data[i];
    return ok && fabs(sum - wanted) <= (r->average && r->padding ? 0.03 : 1e-6) * wanted;
}

static void measure(const row *r, int threads)
{
    machine_stream_arg bandwidth;
    peer_torch_arg torch;
    bench_result result;
    bench_case k;
    player     p;
    char       request[96];
    if (!bench_wanted(r->name, threads)) return;
    memset(&k, 0, sizeof k);
    p.r = r;
    p.c = dl_create(.threads = threads);
    p.x = dl_requires_grad(p.c, dl_keep(p.c, dl_rand(p.c, DL_SHAPE(r->N, r->C, r->H, r->H))), 1);
    p.g = dl_keep(p.c, dl_add_scalar(p.c, apply(&p), 1));
    bench_fill(p.g->data, p.g->size, 0, 1, 7);
    k.bench = "pool"; k.name = r->name; k.threads = threads; k.isa = dl_info(p.c).isa;
    k.unit = "GB/s";
    k.work = 8.0 * (double)(p.x->size + p.g->size);
    bandwidth.threads = threads;
    k.peak = machine_stream_best;
    k.peak_arg = &bandwidth;
    bench_ours(&k, seconds, right, &p);
    snprintf(request, sizeof request, "pool %s %d %d %d %d %d %d", r->average ? "avg" : "max", r->N, r->C, r->H, r->kernel, r->stride,
             r->padding);
    peer_add_torch(&k, &torch, request);
    result = bench_run(&k);
    dl_destroy(p.c);
    if (result.ok && result.best) bench_note(r->name, threads, result.ratio[result.best], r->target);
}

int main(int argc, char **argv)
{
    size_t i;
    int    threads;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (threads = 1; threads <= bench_max_threads(); threads++)
        for (i = 0; i < sizeof rows / sizeof *rows; i++) measure(&rows[i], threads);
    bench_notes("against PyTorch in its faster layout");
    peer_close_torch();
    return bench_state.failures > 0;
}
