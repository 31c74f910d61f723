/* loss: cross-entropy of logits (N, C) and labels, forward and backward.
   cc -O2 -fopenmp -I. bench/loss.c -o build/bench_loss -ldl -lm

   The bound of the large case: logits are read, their gradient is written; 2 arrays. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

typedef struct { dl_ctx *c; dl_tensor *x, *t, *loss; } player;

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        dl_step_begin(p->c);
        dl_zero_grad(p->x);
        p->loss = dl_cross_entropy(p->c, p->x, p->t);
        dl_backward(p->c, p->loss);
    }
    return bench_now() - t;
}

static int right(void *arg)
{
    player *p = (player *)arg;
    int64_t N = p->x->shape[0], C = p->x->shape[1], i, j, ok = 1;
    double  loss = 0;
    seconds(arg, 1);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    for (i = 0; i < N; i++) {
        const float *x = p->x->data + i * C, *dx = p->x->grad + i * C;
        double sum = 0;
        for (j = 0; j < C; j++) sum += exp(x[j]);
        loss += log(sum) - x[p->t->idata[i]];
        for (j = 0; j < C; j++) {
            double y = exp(x[j]) / sum, wanted = (y - (j == p->t->idata[i])) / (double)N;
            ok &= fabs(dx[j] - wanted) <= 3e-6 * fabs(wanted) + 1e-9;
        }
    }
    loss /= (double)N;
    return (int)ok && fabs(dl_item(p->loss) - loss) <= 2e-6 * loss;
}

static void measure(int64_t N, int64_t C, int threads)
{
    machine_stream_arg bandwidth;
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    player     p;
    char       name[64], request[64];
    int64_t    i;
    int        large = N * C > 4 << 20;

    snprintf(name, sizeof name, "cross_entropy %dx%d", (int)N, (int)C);
    if (!bench_wanted(name, threads)) return;
    memset(&k, 0, sizeof k);
    p.c = dl_create(.threads = threads);
    p.x = dl_keep(p.c, dl_empty(p.c, DL_SHAPE(N, C)));
    p.t = dl_keep(p.c, dl_to_int(p.c, dl_zeros(p.c, DL_SHAPE(N))));
    dl_requires_grad(p.c, p.x, 1);
    bench_fill(p.x->data, N * C, -3, 3, 1);
    for (i = 0; i < N; i++) p.t->idata[i] = (int32_t)(i * 7919 % C);
    k.bench = "loss"; k.name = name; k.threads = threads; k.isa = dl_info(p.c).isa;
    k.unit = large ? "GB/s" : "us";
    k.work = large ? 8.0 * (double)(N * C) : 0;
    bandwidth.threads = threads;
    if (large) k.peak = machine_stream_best;
    k.peak_arg = &bandwidth;
    k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = &p;
    k.nsides = 1;
    snprintf(request, sizeof request, "cross_entropy %d %d", (int)N, (int)C);
    peer_add_torch(&k, &torch, request);
    r = bench_run(&k);
    if (r.best) bench_note(name, threads, r.ratio[r.best], N == 256 ? 1.0 : 1.5);
    dl_destroy(p.c);
}

int main(int argc, char **argv)
{
    int threads;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (threads = 1; threads <= bench_max_threads(); threads++) {
        measure(64, 10, threads);
        measure(64, 1000, threads);
        measure(256, 50257, threads);
        measure(1024, 50257, threads);
    }
    bench_notes("ratio to PyTorch");
    peer_close_torch();
    return bench_state.failures > 0;
}
