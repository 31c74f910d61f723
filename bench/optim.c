/* optim: one optimizer step as a fraction of its stream bound.
   cc -O2 -fopenmp -I. bench/optim.c -o build/bench_optim -ldl -lm

   Arrays that must move, per parameter: SGD reads w, g and writes w: 3; each array of state is read and written: 2 more.  The
   bound is the bandwidth of a += 3 b, in place like these.  PyTorch runs its default step and, where it has one, the fused.
   Adafactor and Muon are measured on a matrix of 1024 x 640, as times. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

/* name, arrays that move, whether PyTorch has a fused step, constructor, w after the first step with gradient g > 0 */
#define KINDS(K)                                                                                                     \
    K(sgd,      3, 1, dl_optim_sgd(c, m, .lr = 0.01),                  w - 0.01 * g)                                 \
    K(momentum, 5, 1, dl_optim_sgd(c, m, .lr = 0.01, .momentum = 0.9), w - 0.01 * g)                                 \
    K(adam,     7, 1, dl_optim_adam(c, m),                             w - 1e-3 * g / (g + 1e-8))                    \
    K(adamw,    7, 1, dl_optim_adamw(c, m),                            w * (1 - 1e-3 * 1e-2) - 1e-3 * g / (g + 1e-8)) \
    K(nadam,    7, 0, dl_optim_nadam(c, m),    w - 2e-3 * (1 + 0.1 * nadam(2) / (1 - nadam(1) * nadam(2))) * g / (g + 1e-8)) \
    K(radam,    7, 0, dl_optim_radam(c, m),    w - 1e-3 * g)                                                         \
    K(adamax,   7, 0, dl_optim_adamax(c, m),   w - 2e-3 * g / (g + 1e-8))                                            \
    K(adagrad,  5, 1, dl_optim_adagrad(c, m),  w - 1e-2 * g / (g + 1e-10))                                           \
    K(adadelta, 7, 0, dl_optim_adadelta(c, m), w - g * sqrt(1e-6 / (0.1 * g * g + 1e-6)))                            \
    K(rmsprop,  5, 0, dl_optim_rmsprop(c, m),  w - 1e-2 * g / (0.1 * g + 1e-8))                                      \
    K(rprop,    7, 0, dl_optim_rprop(c, m),    w - 1e-2)                                                             \
    K(asgd,     5, 0, dl_optim_asgd(c, m),     w * (1 - 1e-6) - 1e-2 * g)                                            \
    K(amsgrad,  9, 1, dl_optim_adam(c, m, .amsgrad = 1), w - 1e-3 * g / (g + 1e-8))                                  \
    K(centered, 9, 0, dl_optim_rmsprop(c, m, .centered = 1, .momentum = 0.9), w - 1e-2 * g / (sqrt(0.0099) * g + 1e-8)) \
    K(adafactor, 0, 0, dl_optim_adafactor(c, m), NAN)                                                                \
    K(muon,      0, 0, dl_optim_muon(c, m),      NAN)

static double nadam(int t) { return 0.9 * (1 - 0.5 * pow(0.96, t * 0.004)); }

typedef struct {
    const char *name;
    int         streams, fused;
    dl_optim *(*make)(dl_ctx *c, dl_module *m);
    double    (*first)(double w, double g);
} kind;
#define FUNCTIONS(name, streams, fused, make, after)                                                                 \
    static dl_optim *make_##name(dl_ctx *c, dl_module *m) { return make; }                                           \
    static double    first_##name(double w, double g)     { (void)w; (void)g; return after; }
KINDS(FUNCTIONS)
#define ROW(name, streams, fused, make, after) { #name, streams, fused, make_##name, first_##name },
static const kind kinds[] = { KINDS(ROW) };

typedef struct { dl_ctx *c; dl_tensor *w; dl_optim *o; float *g; const kind *k; } player;

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

/* The first step from w, with state 0, by the formulas of torch.optim in double; matrix methods: every weight moves. */
static int right(void *arg)
{
    player *p = (player *)arg;
    int64_t n = p->w->size, i, ok = 1;
    float  *before = bench_floats(n);
    memcpy(before, p->w->data, (size_t)n * sizeof *before);
    seconds(arg, 1);
    for (i = 0; i < n; i += 7) {
        double wanted = p->k->first(before[i], p->g[i]);
        ok &= p->k->streams ? fabs(p->w->data[i] - wanted) <= 3e-7 * fabs(before[i]) + 1e-6 * fabs(wanted - before[i]) + 1e-8
                            : p->w->data[i] != before[i];
    }
    free(before);
    return (int)ok && !dl_error(p->c);
}

static void measure(const kind *which, int64_t n, const char *size, int threads)
{
    machine_stream_arg bandwidth;
    peer_torch_arg torch[2];
    bench_result r;
    bench_case k;
    dl_module *m;
    player     p;
    char       name[64], request[64];
    int        i;

    snprintf(name, sizeof name, "%s %s", which->name, size);
    if (!bench_wanted(name, threads)) return;
    memset(&k, 0, sizeof k);
    p.k = which;
    p.c = dl_create(.threads = threads);
    m = dl_module_create(p.c, &holder);
    p.w = which->streams ? dl_module_param(p.c, m, "weight", DL_SHAPE(n)) : dl_module_param(p.c, m, "weight", DL_SHAPE(1024, n / 1024));
    p.g = bench_floats(n);
    bench_fill(p.w->data, n, 1, 2, 1);
    bench_fill(p.g, n, 0.5f, 1, 2);
    p.o = which->make(p.c, m);
    k.bench = "optim"; k.name = name; k.threads = threads; k.isa = dl_info(p.c).isa; k.unit = which->streams ? "GB/s" : "ms";
    k.work = 4.0 * which->streams * (double)n;
    bandwidth.kind = MACHINE_UPDATE;
    bandwidth.threads = threads;
    if (n > 4 << 20) k.peak = machine_stream;   /* smaller ones stay in cache */
    k.peak_arg = &bandwidth;
    k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = &p;
    k.nsides = 1;
    for (i = !which->fused; i < 2; i++) {
        snprintf(request, sizeof request, "optim %s %s %d", which->name, i ? "default" : "fused", (int)n);
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
        for (which = 0; which < (int)(sizeof kinds / sizeof *kinds); which++) {
            if (kinds[which].streams) measure(&kinds[which], 16 << 20, "16M", threads);
            if (which < 4) measure(&kinds[which], 668672, "668672", threads);    /* the weights of a 784-512-512-10 perceptron */
            if (!kinds[which].streams) measure(&kinds[which], 1024 * 640, "1024x640", threads);
        }
    bench_notes("fraction of the stream bound");
    peer_close_torch();
    return bench_state.failures > 0;
}
