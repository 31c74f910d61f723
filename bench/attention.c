/* attention: scaled dot-product attention, forward and backward, as fractions of the FMA peak and against PyTorch; one query
   over a cache, as in generation, as a fraction of the read bandwidth; memory of a step against the number of tokens.
   cc -O2 -fopenmp -I. bench/attention.c -o build/bench_attention -ldl -lm

   Work of causal attention: the half of the products that is needed, 2 N H T T D forward, 2.5 times that backward (5 products for
   2).  One query: bytes are keys and values. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

enum { FORWARD, BACKWARD, ONE };
static const char *const pass_names[] = { "forward", "backward", "one query" };
typedef struct { int N, H, T, S, D; double target, fraction[2]; } row;       /* wanted: ratio to PyTorch, forward and backward share of the peak */
static const row rows[] = {
    { 4,  6, 1024, 1024, 64, 1.4, { 0.65, 0.60 } },
    { 4,  6,  256,  256, 64, 1.4, { 0, 0 } },
    { 4, 12,   64,   64, 64, 1.4, { 0, 0 } },
    { 12, 4,   64,   64, 32, 1.4, { 0, 0 } },
    { 1, 12,    1, 1024, 64, 1,   { 0, 0 } },
};
typedef struct { const row *r; dl_ctx *c; dl_tensor *q, *k, *v, *g, *y; } player;

static void forward(player *p)
{
    p->q->grad = p->k->grad = p->v->grad = NULL;
    dl_step_begin(p->c);
    p->y = dl_attention(p->c, p->q, p->k, p->v, .causal = 1);
    p->y->grad = p->g->data;
}
static double forward_seconds(void *arg, int64_t calls)
{
    double t = bench_now();
    for (; calls > 0; calls--) forward((player *)arg);
    return bench_now() - t;
}
static double backward_seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t;
    forward(p);
    t = bench_now();
    for (; calls > 0; calls--) {
        p->q->grad = p->k->grad = p->v->grad = NULL;
        p->y->op->backward(p->c, p->y);
    }
    return bench_now() - t;
}

static int near(const float *x, const double *want, int64_t n)
{
    double error = 0, size = 0;
    int64_t i;
    for (i = 0; i < n; i++) { error = fmax(error, fabs((double)x[i] - want[i])); size = fmax(size, fabs(want[i])); }
    return error <= 2e-5 * size;
}

/* The last head of the last sample, values and gradients, in double. */
static int right(void *arg)
{
    player *p = (player *)arg;
    const int64_t T = p->r->T, S = p->r->S, D = p->r->D, last = (int64_t)p->r->N * p->r->H - 1;
    const float *q = p->q->data + last * T * D, *k = p->k->data + last * S * D, *v = p->v->data + last * S * D, *g = p->g->data + last * T * D;
    double *out = (double *)calloc((size_t)((2 * T + 2 * S) * D + S), sizeof *out);
    double *y = out, *dq = y + T * D, *dk = dq + T * D, *dv = dk + S * D, *w = dv + S * D;
    int64_t t, s, d;
    int     ok;
    backward_seconds(arg, 1);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    for (t = 0; t < T; t++) {
        const int64_t keys = t + S - T + 1;
        double sum = 0, delta = 0;
        for (s = 0; s < keys; s++) {
            w[s] = 0;
            for (d = 0; d < D; d++) w[s] += (double)q[t * D + d] * k[s * D + d];
            sum += w[s] = exp(w[s] / sqrt((double)D));
        }
        for (s = 0; s < keys; s++)
            for (w[s] /= sum, d = 0; d < D; d++) y[t * D + d] += w[s] * v[s * D + d];
        for (d = 0; d < D; d++) delta += y[t * D + d] * g[t * D + d];
        for (s = 0; s < keys; s++) {
            double dz = -delta;
            for (d = 0; d < D; d++) { dz += (double)g[t * D + d] * v[s * D + d]; dv[s * D + d] += w[s] * g[t * D + d]; }
            dz *= w[s] / sqrt((double)D);
            for (d = 0; d < D; d++) { dq[t * D + d] += dz * k[s * D + d]; dk[s * D + d] += dz * q[t * D + d]; }
        }
    }
    ok = near(p->y->data + last * T * D, y, T * D) && near(p->q->grad + last * T * D, dq, T * D) &&
         near(p->k->grad + last * S * D, dk, S * D) && near(p->v->grad + last * S * D, dv, S * D);
    free(out);
    return ok;
}

static dl_tensor *input(dl_ctx *c, int N, int H, int T, int D)
{
    return dl_requires_grad(c, dl_keep(c, dl_randn(c, DL_SHAPE(N, H, T, D))), 1);
}

static void measure(const row *r, int pass, int threads)
{
    machine_stream_arg bandwidth;
    machine_peak_arg   peak;
    peer_torch_arg torch;
    bench_result result;
    bench_case k;
    player     p;
    char       request[96], name[64];
    if ((pass == ONE) != (r->T == 1)) return;
    snprintf(name, sizeof name, "%s %dx%dx%dx%d", pass_names[pass], r->N, r->H, r->S, r->D);
    if (!bench_wanted(name, threads)) return;
    memset(&k, 0, sizeof k);
    p.r = r;
    p.c = dl_create(.threads = threads);
    p.q = input(p.c, r->N, r->H, r->T, r->D);
    p.k = input(p.c, r->N, r->H, r->S, r->D);
    p.v = input(p.c, r->N, r->H, r->S, r->D);
    p.g = input(p.c, r->N, r->H, r->T, r->D);
    k.bench = "attention"; k.name = name; k.threads = threads; k.isa = dl_info(p.c).isa;
    bandwidth.threads = peak.threads = threads;
    bandwidth.kind = MACHINE_READ;
    peak.isa = k.isa;
    k.unit = pass == ONE ? "GB/s" : "GFLOP/s";
    k.work = (double)r->N * r->H * r->S * r->D * (pass == ONE ? 8.0 : 2.0 * r->T * (pass == BACKWARD ? 2.5 : 1));
    if (pass == ONE) { k.peak = machine_stream; k.peak_arg = &bandwidth; }
    else             { k.peak = machine_peak;   k.peak_arg = &peak; }
    bench_ours(&k, pass == BACKWARD ? backward_seconds : forward_seconds, right, &p);
    snprintf(request, sizeof request, "attention %d %d %d %d %d %d", pass == BACKWARD, r->N, r->H, r->T, r->S, r->D);
    peer_add_torch(&k, &torch, request);
    result = bench_run(&k);
    dl_destroy(p.c);
    if (result.ok && result.best) bench_note(name, threads, result.ratio[result.best], r->target);
    strcat(name, ", of peak");
    if (result.ok && pass != ONE && r->fraction[pass] > 0) bench_note(name, threads, result.fraction, r->fraction[pass]);
}

/* Peak of a step, forward and backward, of 4 samples with 6 heads of 64: inputs and their gradients are kept, not counted. */
static void memory(void)
{
    int T;
    printf("\nmemory of a step, 4x6xTx64: result, its gradient, logarithms of sums and scratch\n");
    for (T = 1024; T <= 4096; T *= 2) {
        dl_ctx *c = dl_create(.threads = 1);
        dl_tensor *x = dl_requires_grad(c, dl_empty(c, DL_SHAPE(4, T, 3 * 384)), 1), *y;
        size_t before = dl_memory(c).step_bytes, bytes;
        bench_fill(x->data, x->size, -1, 1, 3);
        y = dl_attention(c, x, NULL, NULL, .heads = 6, .causal = 1);
        dl_backward(c, dl_sum(c, y));
        bytes = dl_memory(c).step_peak - before - (size_t)x->size * sizeof(float);
        if (dl_error(c)) { printf("%s\n", dl_error(c)); bench_state.failures++; }
        else printf("T %5d  %9.2f MB  %7.1f bytes a token and head; a (T, T) matrix for each head: %9.2f MB\n", T, (double)bytes * 1e-6,
                    (double)bytes / (24.0 * T), 96e-6 * T * T);
        bench_csv("attention", T == 1024 ? "memory 1024" : T == 2048 ? "memory 2048" : "memory 4096", 1, dl_info(c).isa, (double)bytes, "bytes", 0,
                  NULL, 0, 0);
        dl_destroy(c);
    }
}

int main(int argc, char **argv)
{
    size_t i;
    int    threads, pass;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (threads = 1; threads <= bench_max_threads(); threads++)
        for (i = 0; i < sizeof rows / sizeof *rows; i++)
            for (pass = FORWARD; pass <= ONE; pass++) measure(&rows[i], pass, threads);
    if (!bench_state.filter) memory();
    bench_notes("against PyTorch's scaled_dot_product_attention, and shares of the FMA peak");
    peer_close_torch();
    return bench_state.failures > 0;
}
