/* optim: one optimizer step as a fraction of its stream bound.
   cc -O2 -fopenmp -I. bench/optim.c -o build/bench_optim -ldl -lm

   Arrays that must move, per parameter: SGD reads w, g and writes w: 3; momentum adds b, read and written: 5; Adam has m
   and v: 7.  The bound is the bandwidth of a += 3 b, in place like these.  PyTorch runs its fused and its default step. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

typedef enum { SGD, MOMENTUM, ADAM, ADAMW, KINDS } kind;
static const char *const names[KINDS] = { "sgd", "momentum", "adam", "adamw" };
static const int streams[KINDS] = { 3, 5, 7, 7 };

typedef struct { dl_ctx *c; dl_tensor *w; dl_optim *o; float *g; kind k; } player;

static dl_tensor *forward(dl_ctx *c, dl_module *m, dl_tensor *x) { (void)c; (void)m; return x; }
static const dl_module_type holder = { "holder", sizeof(dl_module), forward };

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        p->w->grad = p->g;                           /* dl_optim_step clears it */
        dl_optim_step(p->c, p->o);
    }
    return bench_now() - t;
}

/* The first step from w, with state 0, by the formulas of torch.optim in double. */
static int right(void *arg)
{
    player *p = (player *)arg;
    int64_t n = p->w->size, i, ok = 1;
    float  *before = bench_floats(n);
    memcpy(before, p->w->data, (size_t)n * sizeof *before);
    seconds(arg, 1);
    for (i = 0; i < n; i += 7) {
        double w = before[i], g = p->g[i], wanted = w - 0.01 * g;
        if (p->k >= ADAM) wanted = w * (p->k == ADAMW ? 1 - 1e-3 * 1e-2 : 1) - 1e-3 * g / (fabs(g) + 1e-8);
        ok &= fabs(p->w->data[i] - wanted) <= 3e-7 * fabs(w) + 1e-8;
    }
    free(before);
    return (int)ok && !dl_error(p->c);
}

static void measure(kind which, int64_t n, const char *size, int threads)
{
    machine_stream_arg bandwidth;
    peer_torch_arg torch[2];
    bench_result r;
    bench_case k;
    dl_module *m;
    player     p;
    char       name[64], request[64];
    int        i;

    snprintf(name, sizeof name, "%s %s", names[which], size);
    if (!bench_wanted(name, threads)) return;
    memset(&k, 0, sizeof k);
    p.k = which;
    p.c = dl_create(.threads = threads);
    m = dl_module_create(p.c, &holder);
    p.w = dl_module_param(p.c, m, "weight", DL_SHAPE(n));
    p.g = bench_floats(n);
    bench_fill(p.w->data, n, 1, 2, 1);
    bench_fill(p.g, n, 0.5f, 1, 2);
    p.o = which == SGD      ? dl_optim_sgd(p.c, m, .lr = 0.01f)
        : which == MOMENTUM ? dl_optim_sgd(p.c, m, .lr = 0.01f, .momentum = 0.9f)
        : which == ADAM     ? dl_optim_adam(p.c, m) : dl_optim_adamw(p.c, m);
    k.bench = "optim"; k.name = name; k.threads = threads; k.isa = dl_info(p.c).isa; k.unit = "GB/s";
    k.work = 4.0 * streams[which] * (double)n;
    bandwidth.kind = MACHINE_UPDATE;
    bandwidth.threads = threads;
    if (n > 4 << 20) k.peak = machine_stream;   /* smaller ones stay in cache */
    k.peak_arg = &bandwidth;
    k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = &p;
    k.nsides = 1;
    for (i = 0; i < 2; i++) {
        snprintf(request, sizeof request, "optim %s %s %d", names[which], i ? "default" : "fused", (int)n);
        peer_add_torch(&k, &torch[i], request);
        if (peer_torch.to) k.sides[k.nsides - 1].name = i ? "pytorch default" : "pytorch fused";
    }
    r = bench_run(&k);
    if (r.ok && k.peak) bench_note(name, threads, r.fraction, 0.85);
    dl_destroy(p.c);
    free(p.g);
}

int main(int argc, char **argv)
{
    int which, threads;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (threads = 1; threads <= bench_max_threads(); threads++)
        for (which = 0; which < KINDS; which++) {
            measure((kind)which, 16 << 20, "16M", threads);
            measure((kind)which, 668672, "668672", threads);     /* the weights of a 784-512-512-10 perceptron */
        }
    bench_notes("fraction of the stream bound");
    peer_close_torch();
    return bench_state.failures > 0;
}
