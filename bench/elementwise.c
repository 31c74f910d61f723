/* elementwise: ops over arrays, forward and gradient, out of cache as a fraction of the measured bandwidth, and in cache.
   cc -O2 -fopenmp -I. bench/elementwise.c -o build/bench_elementwise -ldl -lm

   Bytes are those that must move: every input once, every result once.  The bound is the best of copy and triad with
   ordinary stores, for sum the bandwidth of reading.  Gradients go to leaves that have none yet, in PyTorch by .backward().
   Out of cache, dl.h's is the op's backward function, as dl_backward calls it, without the copy of the given gradient that
   a training step does not make; in cache it is the whole dl_backward. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

#define LARGE (16 << 20)                             /* 64 MB an array                   */
#define SMALL 4096                                   /* two or three arrays fit in cache */

static dl_tensor *softmax_rows(dl_ctx *c, dl_tensor *x) { return dl_softmax(c, x, -1); }
static dl_tensor *sum_all(dl_ctx *c, dl_tensor *x)      { return dl_sum(c, x); }
static dl_tensor *dropout_half(dl_ctx *c, dl_tensor *x) { return dl_dropout(c, x, 0.5f); }

/* References in double: y of a and b, and the gradients with g = 1. */
static double ref_add(double a, double b)     { return a + b; }
static double ref_mul(double a, double b)     { return a * b; }
static double ref_relu(double a, double b)    { (void)b; return a > 0 ? a : 0; }
static double ref_exp(double a, double b)     { (void)b; return exp(a); }
static double ref_tanh(double a, double b)    { (void)b; return tanh(a); }
static double ref_sigmoid(double a, double b) { (void)b; return 1 / (1 + exp(-a)); }
static double ref_erf(double a, double b)     { (void)b; return erf(a); }
static double d_add(double a, double b)       { (void)a; (void)b; return 1; }
static double d_mul(double a, double b)       { (void)a; return b; }
static double d_relu(double a, double b)      { (void)b; return a > 0; }
static double d_tanh(double a, double b)      { (void)b; return 1 - tanh(a) * tanh(a); }
static double d_sigmoid(double a, double b)   { double y = ref_sigmoid(a, b); return y * (1 - y); }
static double d_erf(double a, double b)       { (void)b; return 1.1283791670955126 * exp(-a * a); }

/* Activations: name, what dl.h and double compute of x. */
#define ACTIVATIONS(A)                                                                                                 \
    A(leaky_relu,  dl_leaky_relu(c, x, 0.01f),     x > 0 ? x : x * (double)0.01f)                                      \
    A(elu,         dl_elu(c, x, 1),                x > 0 ? x : expm1(x))                                               \
    A(selu,        dl_selu(c, x),                  1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x)))   \
    A(celu,        dl_celu(c, x, 2),               x > 0 ? x : 2 * expm1(x / 2))                                       \
    A(gelu,        dl_gelu(c, x),                  0.5 * x * (1 + erf(x * 0.70710678118654752)))                       \
    A(gelu_tanh,   dl_gelu_tanh(c, x),             0.5 * x * (1 + tanh(0.79788456080286536 * (x + 0.044715 * x * x * x)))) \
    A(silu,        dl_silu(c, x),                  x / (1 + exp(-x)))                                                  \
    A(mish,        dl_mish(c, x),                  x * tanh(log1p(exp(x))))                                            \
    A(softplus,    dl_softplus(c, x, 1, 20),       log1p(exp(x)))                                                      \
    A(logsigmoid,  dl_logsigmoid(c, x),            -log1p(exp(-x)))                                                    \
    A(softsign,    dl_softsign(c, x),              x / (1 + fabs(x)))                                                  \
    A(tanhshrink,  dl_tanhshrink(c, x),            x - tanh(x))                                                        \
    A(softshrink,  dl_softshrink(c, x, 0.5f),      x > 0.5 ? x - 0.5 : x < -0.5 ? x + 0.5 : 0)                         \
    A(hardtanh,    dl_hardtanh(c, x, -1, 1),       x < -1 ? -1 : x > 1 ? 1 : x)                                        \
    A(hardsigmoid, dl_hardsigmoid(c, x),           (x + 3) / 6)                                                        \
    A(hardswish,   dl_hardswish(c, x),             x * (x + 3) / 6)
#define FUNCTIONS(name, call, y)                                                                                       \
    static dl_tensor *act_##name(dl_ctx *c, dl_tensor *x) { return call; }                                             \
    static double ref_##name(double x, double b) { (void)b; return y; }
ACTIVATIONS(FUNCTIONS)

typedef struct {
    const char *name;
    dl_tensor *(*unary)(dl_ctx *c, dl_tensor *x);
    dl_tensor *(*binary)(dl_ctx *c, dl_tensor *a, dl_tensor *b);
    double    (*f)(double a, double b);              /* NULL: has a check of its own                      */
    double    (*df)(double a, double b);             /* of the first input; NULL: by differences          */
    int         forward_streams, backward_streams;   /* arrays that must move; 0: not measured            */
    double      target;                              /* fraction of the bandwidth that is asked for       */
} row;

static const row rows[] = {
    { "add",     NULL, dl_add, ref_add, d_add, 3, 3, 0.90 },           /* backward: g -> da, db           */
    { "mul",     NULL, dl_mul, ref_mul, d_mul, 3, 5, 0.90 },           /* backward: g, a, b -> da, db     */
    { "relu",    dl_relu,    NULL, ref_relu,    d_relu,    2, 3, 0.90 },
    { "exp",     dl_exp,     NULL, ref_exp,     ref_exp,   2, 3, 0.85 },
    { "tanh",    dl_tanh,    NULL, ref_tanh,    d_tanh,    2, 3, 0.85 },
    { "sigmoid", dl_sigmoid, NULL, ref_sigmoid, d_sigmoid, 2, 3, 0.85 },
    { "erf",     dl_erf,     NULL, ref_erf,     d_erf,     2, 3, 0.85 },
    { "softmax", softmax_rows, NULL, NULL, NULL, 2, 3, 0.85 },
    { "sum",     sum_all,      NULL, NULL, NULL, 1, 0, 0.85 },
    { "dropout", dropout_half, NULL, NULL, NULL, 2, 2, 0.85 },
#define ROW(name, call, y) { #name, act_##name, NULL, ref_##name, NULL, 2, 3, 0.85 },
    ACTIVATIONS(ROW)
};
#define IN_CACHE 10                                  /* rows measured in cache as well   */

typedef struct { const row *r; dl_ctx *c; dl_tensor *a, *b, *g, *y; int backward; } player;

static dl_tensor *apply(player *p) { return p->r->unary ? p->r->unary(p->c, p->a) : p->r->binary(p->c, p->a, p->b); }

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t;
    if (!p->backward) {
        t = bench_now();
        for (; calls > 0; calls--) {
            dl_step_begin(p->c);
            p->y = apply(p);
        }
        return bench_now() - t;
    }
    dl_step_begin(p->c);
    p->y = apply(p);
    if (p->y->size == LARGE) p->y->grad = p->g->data;
    t = bench_now();
    for (; calls > 0; calls--) {
        dl_zero_grad(p->a);
        dl_zero_grad(p->b);
        if (p->y->size == LARGE) p->y->op->backward(p->c, p->y);
        else dl_backward(p->c, p->y, .grad = p->g);
    }
    return bench_now() - t;
}

static int near(double got, double wanted, double tolerance) { return fabs(got - wanted) <= tolerance * (fabs(wanted) + 1e-3); }

static double slope(const row *r, double a, double b) { return r->df ? r->df(a, b) : (r->f(a + 1e-6, b) - r->f(a - 1e-6, b)) / 2e-6; }

static int right(void *arg)
{
    player  *p = (player *)arg;
    const char *name = p->r->name;
    const float *a = p->a->data, *b = p->b->data, *g = p->g->data, *y, *da;
    int64_t  n = p->a->size, i, j, zeros = 0, ok = 1;
    seconds(arg, 1);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    y = p->y->data;
    da = p->a->grad;
    if (p->backward && !da) return 0;
    if (p->r->f)                                             /* a derivative from y, 1 - y^2, has twice the error of y, 1.2e-7 */
        for (i = 0; i < n; i += 61) {
            const double dx = g[i] * (p->backward ? slope(p->r, a[i], b[i]) : 0);
            const double f = p->r->f(a[i], b[i]);
            ok &= p->backward ? near(da[i], dx, 2e-6) || fabs(da[i] - dx) <= 2.5e-7 * fabs(g[i])
                : p->r->df ? near(y[i], f, 5e-7) : fabs(y[i] - f) <= 2e-6 * fabs(f) + 2.4e-7 * fabs(a[i]);    /* tanhshrink: 2 units of a */
        }
    if (p->r->f && p->r->binary && p->backward) {
        const float *db = p->b->grad;
        for (i = 0; i < n; i += 61) ok &= near(db[i], g[i] * p->r->df(b[i], a[i]), 2e-6);
    }
    if (!strcmp(name, "softmax"))
        for (i = 0; i < n; i += 1024 * (n > 1 << 20 ? 37 : 1)) {
            double sum = 0, dot = 0;
            for (j = 0; j < 1024; j++) sum += exp(a[i + j]);
            for (j = 0; j < 1024; j++) dot += g[i + j] * exp(a[i + j]) / sum;
            for (j = 0; j < 1024; j++) {
                double e = exp(a[i + j]) / sum;
                ok &= p->backward ? fabs(da[i + j] - e * (g[i + j] - dot)) <= 1e-6 * e + 1e-9 : near(y[i + j], e, 2e-6);
            }
        }
    if (!strcmp(name, "sum")) {
        double sum = 0;
        for (i = 0; i < n; i++) sum += a[i];
        ok = fabs(y[0] - sum) <= 1e-5 * sqrt((double)n) + 1e-5 * fabs(sum);
    }
    if (!strcmp(name, "dropout")) {
        const float *out = p->backward ? da : y, *in = p->backward ? g : a;
        for (i = 0; i < n; i++) { zeros += y[i] == 0; ok &= y[i] == 0 ? a[i] == 0 || out[i] == 0 : out[i] == 2 * in[i]; }
        ok &= fabs((double)zeros / (double)n - 0.5) < 2 / sqrt((double)n);
    }
    return (int)ok;
}

static dl_tensor *kept(dl_ctx *c, int64_t n, int as_rows, uint32_t seed, float low, float high, int requires_grad)
{
    dl_tensor *t;
    dl_step_begin(c);
    t = dl_keep(c, as_rows ? dl_empty(c, DL_SHAPE(n / 1024, 1024)) : dl_empty(c, DL_SHAPE(n)));
    bench_fill(t->data, n, low, high, seed);
    return dl_requires_grad(c, t, requires_grad);
}

static void measure(const row *r, int64_t n, int threads, int backward)
{
    machine_stream_arg bandwidth;
    peer_torch_arg torch;
    bench_result result;
    bench_case k;
    player     p;
    char       name[64], request[64];
    int        streams = backward ? r->backward_streams : r->forward_streams, rows_of = !strcmp(r->name, "softmax");

    snprintf(name, sizeof name, "%s%s %s", r->name, backward ? " backward" : "", n == LARGE ? "16M" : "4096");
    if (!streams || !bench_wanted(name, threads)) return;
    memset(&k, 0, sizeof k);
    p.r = r;
    p.backward = backward;
    p.c = dl_create(.threads = threads);
    p.a = kept(p.c, n, rows_of, 1, -2, 2, backward);
    p.b = kept(p.c, n, rows_of, 2, -2, 2, backward);
    p.g = kept(p.c, n, rows_of, 3, 1, 2, 0);
    k.bench = "elementwise"; k.name = name; k.threads = threads; k.isa = dl_info(p.c).isa;
    k.unit = n == LARGE ? "GB/s" : "elem/ns";
    k.work = n == LARGE ? 4.0 * streams * (double)n : (double)n;
    bandwidth.threads = threads;
    bandwidth.kind = MACHINE_READ;
    if (n == LARGE) k.peak = streams == 1 ? machine_stream : machine_stream_best;
    k.peak_arg = &bandwidth;
    k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = &p;
    k.nsides = 1;
    snprintf(request, sizeof request, "%s %s %d", backward ? "backward" : "forward", r->name, (int)n);
    peer_add_torch(&k, &torch, request);
    result = bench_run(&k);
    dl_destroy(p.c);
    if (result.ok && n == LARGE) bench_note(name, threads, result.fraction, r->target);
}

int main(int argc, char **argv)
{
    size_t i;
    int    backward, threads;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (threads = 1; threads <= bench_max_threads(); threads++)
        for (i = 0; i < sizeof rows / sizeof *rows; i++)
            for (backward = 0; backward < 2; backward++) measure(&rows[i], LARGE, threads, backward);
    for (i = 0; i < IN_CACHE; i++)
        for (backward = 0; backward < 2; backward++) measure(&rows[i], SMALL, 1, backward);
    bench_notes("fraction of the bandwidth");
    peer_close_torch();
    return bench_state.failures > 0;
}
