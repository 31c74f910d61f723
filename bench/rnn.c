/* rnn: training steps and inference of recurrent networks against PyTorch with the same number of threads.
   cc -O2 -fopenmp -I. bench/rnn.c -o build/bench_rnn -ldl -lm

   The fraction is the share of the FMA bound: (flops of the step / FMA peak of the threads) / time.  Character models: embedding
   (V, H), recurrent layers, linear (H, V), cross-entropy, Adam.  V = 0: the layers alone, forward and backward from a sum, Adam;
   or, with train = 0, forward alone.  Before timing, the weights after a step (the output) with few sequences must have the bits that
   the portable kernels give, which the tests compare with PyTorch's. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

typedef struct { const char *name, *kind; int layers, H, N, T, V, train; double wanted; } task;

static const task tasks[] = {
    { "char LSTM 2x256 b32 T64 V96 adam", "lstm", 2, 256, 32, 64, 96, 1, 1.1 },
    { "char GRU 2x256 b32 T64 V96 adam",  "gru",  2, 256, 32, 64, 96, 1, 1.1 },
    { "char RNN 2x256 b32 T64 V96 adam",  "rnn",  2, 256, 32, 64, 96, 1, 1.1 },
    { "LSTM H128 b1 T64 training",        "lstm", 1, 128, 1, 64, 0, 1, 5 },
    { "LSTM H128 b1 T64 forward",         "lstm", 1, 128, 1, 64, 0, 0, 5 },
    { "LSTM H128 b1 T1 forward",          "lstm", 1, 128, 1, 1, 0, 0, 5 },
    { "GRU H128 b1 T64 training",         "gru",  1, 128, 1, 64, 0, 1, 5 },
    { "LSTM H512 b64 T64 training",       "lstm", 1, 512, 64, 64, 0, 1, 1.0 },
};

typedef struct { const task *t; int threads; dl_ctx *c; dl_module *net; dl_optim *o; dl_tensor *x, *target, *y; } player;

static void prepare(player *p, const task *t, int threads, int N, const char *isa)
{
    dl_ctx *c = p->c = dl_create(.threads = threads, .seed = 1, .isa = isa);
    dl_module *m = !strcmp(t->kind, "lstm") ? dl_nn_lstm(c, t->H, t->H, .num_layers = t->layers)
                 : !strcmp(t->kind, "gru")  ? dl_nn_gru(c, t->H, t->H, .num_layers = t->layers)
                                            : dl_nn_rnn(c, t->H, t->H, .num_layers = t->layers);
    int i, n = t->T * N;
    p->t = t;
    p->threads = threads;
    p->net = t->V ? dl_nn_sequential(c, dl_nn_embedding(c, t->V, t->H), m, dl_nn_linear(c, t->H, t->V)) : dl_nn_sequential(c, m);
    p->o = dl_optim_adam(c, p->net);
    if (t->V) {
        p->x = dl_keep(c, dl_to_int(c, dl_zeros(c, DL_SHAPE(t->T, N))));
        p->target = dl_keep(c, dl_to_int(c, dl_zeros(c, DL_SHAPE(n))));
        for (i = 0; i < n && !dl_error(c); i++) { p->x->idata[i] = i * 7 % t->V; p->target->idata[i] = i * 11 % t->V; }
    } else p->x = dl_keep(c, dl_rand(c, DL_SHAPE(t->T, N, t->H)));
}

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    const task *t = p->t;
    dl_ctx *c = p->c;
    double start = bench_now();
    dl_set_grad_enabled(c, t->train);
    for (; calls > 0; calls--) {
        dl_step_begin(c);
        p->y = dl_forward(c, p->net, p->x);
        if (!t->train) continue;
        dl_backward(c, t->V ? dl_cross_entropy(c, dl_reshape(c, p->y, DL_SHAPE(p->target->size, t->V)), p->target) : dl_sum(c, p->y));
        dl_optim_step(c, p->o);
    }
    return bench_now() - start;
}

static int right(void *arg)
{
    const player *p = (const player *)arg;
    player fast, portable;
    dl_param *a, *b;
    int i, ok = 1, N = p->t->N < 3 ? p->t->N : 3;
    prepare(&fast, p->t, p->threads, N, NULL);
    prepare(&portable, p->t, p->threads, N, "portable");
    seconds(&fast, 1);
    seconds(&portable, 1);
    if (dl_error(fast.c) || dl_error(portable.c)) { printf("%s\n", dl_error(fast.c) ? dl_error(fast.c) : dl_error(portable.c)); ok = 0; }
    if (ok) ok = !memcmp(fast.y->data, portable.y->data, (size_t)fast.y->size * sizeof(float));
    for (i = 0; ok && (a = dl_module_at(fast.net, i, NULL, 0)) != NULL; i++) {
        b = dl_module_at(portable.net, i, NULL, 0);
        ok = !memcmp(a->tensor->data, b->tensor->data, (size_t)a->tensor->size * sizeof(float));
    }
    dl_destroy(fast.c);
    dl_destroy(portable.c);
    return ok;
}

static void measure(const task *t, int threads)
{
    machine_peak_arg peak;
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    player p;
    char request[100];
    double gates = !strcmp(t->kind, "lstm") ? 4 : !strcmp(t->kind, "gru") ? 3 : 1, rows = (double)t->T * t->N, H = t->H;

    if (!bench_wanted(t->name, threads)) return;
    memset(&k, 0, sizeof k);
    prepare(&p, t, threads, t->N, NULL);
    if (dl_error(p.c)) { printf("%s\n", dl_error(p.c)); bench_state.failures++; dl_destroy(p.c); return; }
    snprintf(request, sizeof request, "rnn %s %d %d %d %d %d %d", t->kind, t->layers, t->H, t->N, t->T, t->V, t->train);
    k.bench = "rnn"; k.name = t->name; k.threads = threads; k.isa = dl_info(p.c).isa; k.unit = "us";
    peak.isa = k.isa;
    peak.threads = threads;
    k.peak = machine_peak;
    k.peak_arg = &peak;
    /* input and state products of each layer, forward and twice backward; dx of the first layer only behind an embedding */
    k.flops = 2 * rows * gates * H * H * (t->train ? t->layers * 6 - !t->V : t->layers * 2) + 6 * rows * H * t->V;
    bench_ours(&k, seconds, right, &p);
    peer_add_torch(&k, &torch, request);
    r = bench_run(&k);
    bench_note_torch(&k, &r, t->wanted);
    dl_destroy(p.c);
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
    bench_notes("ratio to PyTorch");
    peer_close_torch();
    return bench_state.failures > 0;
}
