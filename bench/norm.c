/* norm: normalisation, forward and backward, as a fraction of the measured bandwidth.
   cc -O2 -fopenmp -I. bench/norm.c -o build/bench_norm -ldl -lm

   Bytes are those that a training step must move once: forward x -> y, backward x, g -> dx, that is 5 arrays; forward alone 2.
   The bound is the best of copy and triad with ordinary stores.  PyTorch: batch_norm and relu_, in NCHW or channels_last,
   whichever is faster.  Gradients go to leaves that have none yet. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

typedef enum { BATCH_RELU, BATCH_ADD_RELU, GROUP, LAYER, RMS } kind;
static const char *const names[] = { "batch_norm relu", "batch_norm add relu", "group_norm", "layer_norm", "rms_norm" };

typedef struct {
    kind    what;
    int64_t shape[4];
    int     forward_only;
    double  ratio, fraction;                         /* targets: against PyTorch, of the bandwidth; 0: none     */
} row;

static const row rows[] = {
    { BATCH_RELU,     { 64, 32, 28, 28 },  0, 2.0, 0 },
    { BATCH_RELU,     { 32, 64, 32, 32 },  0, 2.0, 0 },
    { BATCH_RELU,     { 8, 256, 56, 56 },  0, 2.0, 0.80 },
    { BATCH_ADD_RELU, { 8, 256, 56, 56 },  0, 2.0, 0 },
    { BATCH_RELU,     { 256, 512, 1, 1 },  0, 2.0, 0 },
    { GROUP,          { 8, 256, 28, 28 },  0, 1.2, 0 },
    { LAYER,          { 4096, 768, 1, 1 }, 1, 1.2, 0.85 },
    { LAYER,          { 4096, 768, 1, 1 }, 0, 1.2, 0 },
    { RMS,            { 4096, 768, 1, 1 }, 0, 1.2, 0 },
};

typedef struct { const row *r; dl_ctx *c; dl_tensor *x, *w, *b, *g, *skip, *mean, *var, *y; } player;

static dl_tensor *apply(player *p)
{
    dl_ctx *c = p->c;
    switch (p->r->what) {
    case BATCH_RELU:     return dl_batch_norm(c, p->x, p->mean, p->var, p->w, p->b, .activation = DL_RELU);
    case BATCH_ADD_RELU: return dl_batch_norm(c, p->x, p->mean, p->var, p->w, p->b, .activation = DL_RELU, .residual = p->skip);
    case GROUP:          return dl_group_norm(c, p->x, 32, p->w, p->b);
    case LAYER:          return dl_layer_norm(c, p->x, DL_SHAPE(p->r->shape[1]), p->w, p->b);
    default:             return dl_rms_norm(c, p->x, DL_SHAPE(p->r->shape[1]), p->w, .eps = 1e-5f);
    }
}

static void step(player *p)
{
    dl_step_begin(p->c);
    p->y = apply(p);
    if (p->r->forward_only || dl_error(p->c)) return;
    dl_zero_grad(p->x); dl_zero_grad(p->w); dl_zero_grad(p->b); dl_zero_grad(p->skip);
    p->y->grad = p->g->data;                         /* as dl_backward leaves it, without the copy into y's gradient */
    p->y->op->backward(p->c, p->y);
}

static double seconds(void *arg, int64_t calls)
{
    double t;
    step((player *)arg);                             /* warms the caches after the peer, as PyTorch's samples do too */
    t = bench_now();
    for (; calls > 0; calls--) step((player *)arg);
    return bench_now() - t;
}

/* Element i of set s, the elements that share mean and variance; -1 behind the last.  *ch: its weight. */
static int64_t element(const row *r, int64_t s, int64_t i, int64_t *ch)
{
    const int64_t *d = r->shape, S = d[2] * d[3], per = d[1] / 32 * S;
    switch (r->what) {
    case BATCH_RELU: case BATCH_ADD_RELU: *ch = s; return i < d[0] * S ? (i / S * d[1] + s) * S + i % S : -1;
    case GROUP: *ch = (s % 32 * per + i) / S;      return i < per ? s * per + i : -1;
    default:    *ch = i;                           return i < d[1] ? s * d[1] + i : -1;
    }
}

/* Some sets against double: y and, of the gradients, dx. */
static int right(void *arg)
{
    player *p = (player *)arg;
    const row *r = p->r;
    const int64_t *d = r->shape;
    int64_t sets = r->what < GROUP ? d[1] : r->what == GROUP ? d[0] * 32 : d[0], s, i, k, ch;
    int ok = 1, relu = r->what < GROUP;
    seconds(arg, 1);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    for (s = 0; s < sets; s += sets / 5) {
        const float *x = p->x->data, *w = p->w->data, *b = p->b->data, *g = p->g->data, *y = p->y->data, *dx = p->x->grad;
        double n = 0, mean = 0, var = 0, m1 = 0, m2 = 0, rstd;
        for (i = 0; (k = element(r, s, i, &ch)) >= 0; i++) { mean += x[k]; n++; }
        mean = r->what == RMS ? 0 : mean / n;
        for (i = 0; (k = element(r, s, i, &ch)) >= 0; i++) var += (x[k] - mean) * (x[k] - mean) / n;
        rstd = 1 / sqrt(var + 1e-5);
        for (i = 0; (k = element(r, s, i, &ch)) >= 0; i++) {
            double v = (x[k] - mean) * rstd, want = v * w[ch] + (r->what == RMS ? 0 : b[ch]), h = g[k] * w[ch];
            if (r->what == BATCH_ADD_RELU) want += p->skip->data[k];
            if (relu && want <= 0) h = 0;
            if (relu && want < 0) want = 0;
            ok &= fabs(want - y[k]) <= 4e-6 * (1 + fabs(want));
            m1 += r->what == RMS ? 0 : h / n;
            m2 += h * v / n;
        }
        for (i = 0; (k = element(r, s, i, &ch)) >= 0 && !r->forward_only; i++) {
            double v = (x[k] - mean) * rstd, h = relu && !(y[k] > 0) ? 0 : g[k] * w[ch], want = rstd * (h - m1 - v * m2);
            ok &= fabs(want - dx[k]) <= 4e-6 * (1 + fabs(want));
        }
    }
    return ok;
}

static dl_tensor *kept(dl_ctx *c, dl_shape shape, uint32_t seed, float low, float high, int requires_grad)
{
    dl_tensor *t = dl_keep(c, dl_empty(c, shape));
    bench_fill(t->data, t->size, low, high, seed);
    return dl_requires_grad(c, t, requires_grad);
}

static void measure(const row *r, int threads)
{
    const int64_t *d = r->shape;
    machine_stream_arg bandwidth;
    peer_torch_arg torch;
    bench_result result;
    bench_case k;
    player p;
    char   name[64], request[100];
    dl_shape shape = {{ d[0], d[1], 0 }};
    int    grad = !r->forward_only;

    snprintf(name, sizeof name, "%s%s %dx%d", names[r->what], grad ? "" : " fwd", (int)d[0], (int)d[1]);
    if (d[2] > 1) {
        shape.d[2] = d[2]; shape.d[3] = d[3];
        snprintf(name + strlen(name), sizeof name - strlen(name), "x%dx%d", (int)d[2], (int)d[3]);
    }
    if (!bench_wanted(name, threads)) return;
    memset(&k, 0, sizeof k);
    memset(&p, 0, sizeof p);
    p.r = r;
    p.c = dl_create(.threads = threads);
    p.x = kept(p.c, shape, 1, -1, 3, grad);
    p.g = kept(p.c, shape, 2, -1, 1, 0);
    p.skip = r->what == BATCH_ADD_RELU ? kept(p.c, shape, 3, -1, 1, 1) : NULL;
    p.w = kept(p.c, DL_SHAPE(d[1]), 4, 0.5f, 1.5f, grad);
    p.b = kept(p.c, DL_SHAPE(d[1]), 5, -1, 1, grad);
    p.mean = kept(p.c, DL_SHAPE(d[1]), 6, 0, 1, 0);
    p.var = kept(p.c, DL_SHAPE(d[1]), 7, 1, 2, 0);
    k.bench = "norm"; k.name = name; k.threads = threads; k.isa = dl_info(p.c).isa;
    k.unit = "GB/s";
    k.work = 4.0 * (grad ? p.skip ? 7 : 5 : 2) * (double)p.x->size;
    bandwidth.threads = threads;
    k.peak = machine_stream_best;
    k.peak_arg = &bandwidth;
    bench_ours(&k, seconds, right, &p);
    snprintf(request, sizeof request, "norm %d %d %d %d %d %d", (int)r->what, grad, (int)d[0], (int)d[1], (int)d[2], (int)d[3]);
    peer_add_torch(&k, &torch, request);
    result = bench_run(&k);
    dl_destroy(p.c);
    if (!result.ok) return;
    if (r->fraction > 0) bench_note(name, threads, result.fraction, r->fraction);
    if (result.best && result.ratio[result.best] > 0) {
        strcat(name, ", PyTorch");
        bench_note(name, threads, result.ratio[result.best], r->ratio);
    }
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
    bench_notes("fraction of the bandwidth and ratio to PyTorch");
    peer_close_torch();
    return bench_state.failures > 0;
}
