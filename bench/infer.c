/* infer: one picture through a network, in evaluation mode without gradients, against PyTorch with its batch norms folded into
   the convolutions, in the layout that is faster; and the next token of GPT-2 from the keys and values of those before.
   cc -O2 -fopenmp -I. bench/infer.c -o build/bench_infer -ldl -lm

   The fraction is the share of the FMA bound; for tokens, which read every weight once, of the bandwidth of reading.  Before timing, the logits must have the bits that the portable kernels give, which
   the tests compare with PyTorch's. */
#include "machine.h"
#include "peers.h"
#define DL_MODELS
#define DL_IMPLEMENTATION
#include "dl.h"

typedef struct { const char *name, *request; dl_module *(*make)(dl_ctx *c); } task;

static dl_module *resnet50(dl_ctx *c)  { return dl_model_resnet(c, 50); }
static dl_module *mobilenet(dl_ctx *c) { return dl_model_mobilenet_v2(c); }

static const task tasks[] = { { "ResNet-50 b1", "infer resnet50", resnet50 }, { "MobileNetV2 b1", "infer mobilenet_v2", mobilenet } };

typedef struct { const task *t; dl_ctx *c; dl_module *net; dl_tensor *x; int threads; } player;

static void prepare(player *p, const task *t, int threads, const char *isa)
{
    p->t = t;
    p->threads = threads;
    p->c = dl_create(.threads = threads, .seed = 1, .no_grad = 1, .isa = isa);
    p->net = t->make(p->c);
    p->x = dl_keep(p->c, dl_rand(p->c, DL_SHAPE(1, 3, 224, 224)));
    dl_set_training(p->c, 0);
}

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        dl_step_begin(p->c);
        dl_forward(p->c, p->net, p->x);
    }
    return bench_now() - t;
}

static int right(void *arg)
{
    player *p = (player *)arg, portable;
    dl_tensor *y, *z;
    int ok;
    prepare(&portable, p->t, p->threads, "portable");
    y = dl_forward(p->c, p->net, p->x);
    z = dl_forward(portable.c, portable.net, portable.x);
    if (dl_error(p->c)) printf("%s\n", dl_error(p->c));
    ok = y->size == 1000 && z->size == 1000 && !memcmp(y->data, z->data, 1000 * sizeof(float));
    dl_destroy(portable.c);
    return ok;
}

static void measure(const task *t, int threads)
{
    machine_peak_arg peak;
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    player     p;
    int64_t    macs;

    if (!bench_wanted(t->name, threads)) return;
    memset(&k, 0, sizeof k);
    prepare(&p, t, threads, NULL);
    macs = p.c->macs;
    dl_forward(p.c, p.net, p.x);
    macs = p.c->macs - macs;
    k.bench = "infer"; k.name = t->name; k.threads = threads; k.isa = dl_info(p.c).isa; k.unit = "us";
    peak.isa = k.isa;
    peak.threads = threads;
    k.peak = machine_peak;
    k.peak_arg = &peak;
    k.flops = 2.0 * (double)macs;
    bench_ours(&k, seconds, right, &p);
    peer_add_torch(&k, &torch, t->request);
    r = bench_run(&k);
    bench_note_torch(&k, &r, 1.2);
    dl_destroy(p.c);
}

/* --- tokens --------------------------------------------------------------------------------------------------------- */
typedef struct { dl_ctx *c; dl_module *gpt; dl_tensor *prompt; double start; } writer;

static int first_token(dl_ctx *c, const int32_t *token, void *arg)
{
    writer *w = (writer *)arg;
    (void)c; (void)token;
    if (w->start == 0) w->start = bench_now();           /* the prompt does not count */
    return 0;
}

static double token_seconds(void *arg, int64_t calls)
{
    writer *w = (writer *)arg;
    w->start = 0;
    dl_step_begin(w->c);
    dl_generate(w->c, w->gpt, w->prompt, calls + 1, .temperature = -1, .each = first_token, .user = w);
    return bench_now() - w->start;
}

static int tokens_right(void *arg)                       /* as without the cache */
{
    writer *w = (writer *)arg;
    dl_tensor *a = dl_generate(w->c, w->gpt, w->prompt, 6, .temperature = -1), *b = dl_generate(w->c, w->gpt, w->prompt, 6, .temperature = -1, .no_cache = 1);
    if (dl_error(w->c)) printf("%s\n", dl_error(w->c));
    return a->size == 14 && b->size == 14 && !memcmp(a->idata, b->idata, 14 * sizeof(int32_t));
}

static void measure_tokens(int threads)
{
    static const char name[] = "token of GPT-2 124M b1";
    machine_stream_arg read = { MACHINE_READ, threads };
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    writer w;

    if (!bench_wanted(name, threads)) return;
    memset(&k, 0, sizeof k);
    w.c = dl_create(.threads = threads, .seed = 1, .no_grad = 1);
    w.gpt = dl_model_gpt(w.c);
    w.prompt = dl_keep(w.c, dl_to_int(w.c, dl_zeros(w.c, DL_SHAPE(8))));
    k.bench = "infer"; k.name = name; k.threads = threads; k.isa = dl_info(w.c).isa; k.unit = "GB/s";
    k.work = 4.0 * (double)(dl_param_count(w.gpt) - 1024 * 768);     /* all weights but the positions */
    k.peak = machine_stream;
    k.peak_arg = &read;
    bench_ours(&k, token_seconds, tokens_right, &w);
    peer_add_torch(&k, &torch, "gpt_token");
    r = bench_run(&k);
    bench_note("token of GPT-2, fraction of the bandwidth", threads, r.fraction, 0.85);
    dl_destroy(w.c);
}

int main(int argc, char **argv)
{
    size_t i;
    int    threads;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (i = 0; i < sizeof tasks / sizeof *tasks; i++)
        for (threads = 1; threads <= bench_max_threads(); threads++) measure(&tasks[i], threads);
    for (threads = 1; threads <= bench_max_threads(); threads++) measure_tokens(threads);
    bench_notes("ratio to PyTorch");
    peer_close_torch();
    return bench_state.failures > 0;
}
