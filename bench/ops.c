/* ops: forward and backward of ops that are no kernel of their own elsewhere: indexing, lines along other axes than the last, short rows,
   transposes, resampling, losses; against PyTorch.
   cc -O2 -fopenmp -I. bench/ops.c -o build/bench_ops -ldl -lm

   A case is the op on an input that needs a gradient and dl_backward of its result.  Before it is timed, result and gradient must
   have the bits of the portable kernels, which the tests compare with PyTorch. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

typedef dl_tensor *op(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *index);
static dl_tensor *grid_sample(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)  { (void)i; return dl_grid_sample(c, x, b); }
static dl_tensor *nearest(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)      { (void)b; (void)i; return dl_interpolate(c, x, .scale = {2, 2}); }
static dl_tensor *bilinear(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)
{ (void)b; (void)i; return dl_interpolate(c, x, .scale = {2, 2}, .mode = DL_BILINEAR); }
static dl_tensor *adaptive_avg(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i) { (void)b; (void)i; return dl_adaptive_avg_pool2d(c, x, 7); }
static dl_tensor *adaptive_max(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i) { (void)b; (void)i; return dl_adaptive_max_pool2d(c, x, 7); }
static dl_tensor *nhwc(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)         { (void)b; (void)i; return dl_permute(c, x, DL_ORDER(0, 2, 3, 1)); }
static dl_tensor *transpose(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)    { (void)b; (void)i; return dl_transpose(c, x, 0, 1); }
static dl_tensor *softmax(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)      { (void)b; (void)i; return dl_softmax(c, x, 0); }
static dl_tensor *log_softmax(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)  { (void)b; (void)i; return dl_log_softmax(c, x, 0); }
static dl_tensor *logsumexp(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)    { (void)b; (void)i; return dl_logsumexp(c, x, .dims = DL_DIM(0)); }
static dl_tensor *gather(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)       { (void)b; return dl_gather(c, x, 0, i); }
static dl_tensor *scatter_add(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)  { return dl_scatter_add(c, x, 0, i, b); }
static dl_tensor *sort(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)         { (void)b; (void)i; return dl_sort(c, x, 1); }
static dl_tensor *kl_div(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)       { (void)i; return dl_kl_div(c, x, b); }
static dl_tensor *bce(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)          { (void)i; return dl_bce_loss(c, x, b); }
static dl_tensor *huber(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)        { (void)i; return dl_huber_loss(c, x, b); }
static dl_tensor *smooth_l1(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)    { (void)i; return dl_smooth_l1_loss(c, x, b, .beta = 0.5f); }
static dl_tensor *adaptive_even(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i) { (void)b; (void)i; return dl_adaptive_avg_pool2d(c, x, 16); }
static dl_tensor *add(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)          { (void)i; return dl_add(c, x, b); }
static dl_tensor *sum(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)          { (void)b; (void)i; return dl_sum(c, x, .dims = DL_DIM(1)); }
static dl_tensor *lse_last(dl_ctx *c, dl_tensor *x, dl_tensor *b, dl_tensor *i)     { (void)b; (void)i; return dl_logsumexp(c, x, .dims = DL_DIM(1)); }

/* x, b: their shapes, numbers between 0 and 1; index: (256, 1024), below 64.  request: what bench/peer_torch.py calls it. */
static const struct { const char *name, *request; op *f; dl_shape x, b; } rows[] = {
    { "grid_sample 8,32,32,32",          "grid_sample",  grid_sample,  {{8, 32, 32, 32}}, {{8, 32, 32, 2}} },
    { "interpolate nearest 8,32,32,32",  "nearest",      nearest,      {{8, 32, 32, 32}}, {{1}} },
    { "interpolate bilinear 8,32,32,32", "bilinear",     bilinear,     {{8, 32, 32, 32}}, {{1}} },
    { "adaptive_avg_pool 7 8,32,32,32",  "adaptive_avg", adaptive_avg, {{8, 32, 32, 32}}, {{1}} },
    { "adaptive_max_pool 7 8,32,32,32",  "adaptive_max", adaptive_max, {{8, 32, 32, 32}}, {{1}} },
    { "permute NHWC 8,32,32,32",         "nhwc",         nhwc,         {{8, 32, 32, 32}}, {{1}} },
    { "transpose 64,1024",               "transpose",    transpose,    {{64, 1024}},      {{1}} },
    { "softmax dim 0 64,1024",           "softmax",      softmax,      {{64, 1024}},      {{1}} },
    { "log_softmax dim 0 64,1024",       "log_softmax",  log_softmax,  {{64, 1024}},      {{1}} },
    { "logsumexp dim 0 64,1024",         "logsumexp",    logsumexp,    {{64, 1024}},      {{1}} },
    { "gather dim 0 256,1024",           "gather",       gather,       {{64, 1024}},      {{1}} },
    { "scatter_add dim 0 256,1024",      "scatter_add",  scatter_add,  {{64, 1024}},      {{256, 1024}} },
    { "sort 64,1024",                    "sort",         sort,         {{64, 1024}},      {{1}} },
    { "kl_div 64,1024",                  "kl_div",       kl_div,       {{64, 1024}},      {{64, 1024}} },
    { "bce_loss 64,1024",                "bce_loss",     bce,          {{64, 1024}},      {{64, 1024}} },
    { "huber_loss 64,1024",              "huber_loss",   huber,        {{64, 1024}},      {{64, 1024}} },
    { "adaptive_avg_pool 16 8,32,32,32", "adaptive_even", adaptive_even, {{8, 32, 32, 32}}, {{1}} },
    { "add 64,1000,3 and 64,1000,1",     "add_short",    add,          {{64, 1000, 3}},   {{64, 1000, 1}} },
    { "sum dim 1 65536,3",               "sum_short",    sum,          {{65536, 3}},      {{1}} },
    { "logsumexp dim 1 65536,3",         "lse_short",    lse_last,     {{65536, 3}},      {{1}} },
    { "smooth_l1_loss 64,1024",          "smooth_l1_loss", smooth_l1,  {{64, 1024}},      {{64, 1024}} },
};
enum { ROWS = sizeof rows / sizeof *rows };
typedef struct { int row; dl_ctx *c; dl_tensor *x, *b, *index, *g, *y; } player;

static void prepare(player *p, int row, int threads, const char *isa)
{
    dl_ctx *c = dl_create(.threads = threads, .isa = isa);
    int64_t i;
    p->row = row; p->c = c;
    p->x = dl_requires_grad(c, dl_keep(c, dl_rand(c, rows[row].x)), 1);
    p->b = dl_keep(c, dl_rand(c, rows[row].b));
    p->index = dl_keep(c, dl_to_int(c, dl_zeros(c, DL_SHAPE(256, 1024))));
    for (i = 0; i < p->index->size; i++) p->index->idata[i] = (int32_t)(i * 7919 % 64);
    p->g = dl_keep(c, rows[row].f(c, p->x, p->b, p->index));
    bench_fill(p->g->data, p->g->size, 0, 1, 7);
}

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        dl_step_begin(p->c);
        dl_zero_grad(p->x);
        p->y = rows[p->row].f(p->c, p->x, p->b, p->index);
        dl_backward(p->c, p->y, .grad = p->g);
    }
    return bench_now() - t;
}

static int right(void *arg)
{
    player *p = (player *)arg, slow;
    int ok;
    prepare(&slow, p->row, 1, "portable");
    seconds(&slow, 1);
    seconds(p, 1);
    if (dl_error(p->c)) printf("%s\n", dl_error(p->c));
    ok = !dl_error(p->c) && !dl_error(slow.c) && !memcmp(p->y->data, slow.y->data, (size_t)p->y->size * sizeof(float)) &&
         !memcmp(p->x->grad, slow.x->grad, (size_t)p->x->size * sizeof(float));
    dl_destroy(slow.c);
    return ok;
}

static void measure(int row, int threads, bench_series *all)
{
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    player     p;
    char       request[64];
    if (!bench_wanted(rows[row].name, threads)) return;
    memset(&k, 0, sizeof k);
    prepare(&p, row, threads, NULL);
    k.bench = "ops"; k.name = rows[row].name; k.threads = threads; k.isa = dl_info(p.c).isa;
    k.unit = "us";
    bench_ours(&k, seconds, right, &p);
    snprintf(request, sizeof request, "op %s", rows[row].request);
    peer_add_torch(&k, &torch, request);
    r = bench_run(&k);
    dl_destroy(p.c);
    if (!r.ok || !r.best) return;
    bench_note(rows[row].name, threads, r.ratio[r.best], 1);
    bench_series_add(all, r.ratio[r.best], rows[row].name, threads);
}

int main(int argc, char **argv)
{
    bench_series all = {0, 0, 0, ""};
    int threads, i;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (threads = 1; threads <= bench_max_threads(); threads++)
        for (i = 0; i < ROWS; i++) measure(i, threads, &all);
    if (all.n) printf("\ngeometric mean of the ratios to PyTorch: %.2f\n", bench_series_mean(&all));
    bench_notes("ratio to PyTorch");
    peer_close_torch();
    return bench_state.failures > 0;
}
