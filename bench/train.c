/* train: whole training steps, forward, loss, backward, update, against PyTorch with the same number of threads.
   cc -O2 -fopenmp -I. bench/train.c -o build/bench_train -ldl -lm

   The fraction is the share of the FMA bound: (flops of the step / FMA peak of the threads) / time.  Before timing, the
   weights after 3 steps are compared with a plain double-precision training written out below. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

#define MAX_LAYERS 3

typedef struct {
    const char *name, *request;
    int         layers, size[MAX_LAYERS + 1], batch;
    int         classify;                            /* ReLU and cross-entropy, else tanh and mean squared error */
    double      lr, momentum;
} task;

static const task tasks[] = {
    { "2-8-1 b4 sgd", "train perceptron", 2, {2, 8, 1, 0}, 4, 0, 0.01, 0 },
    { "784-512-512-10 b64 momentum", "train mlp", 3, {784, 512, 512, 10}, 64, 1, 0.01, 0.9 },
};

typedef struct { const task *t; dl_ctx *c; dl_module *net; dl_optim *o; dl_tensor *x, *target; } player;

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    dl_ctx *c = p->c;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        dl_tensor *y, *loss;
        dl_step_begin(c);
        y = dl_forward(c, p->net, p->x);
        loss = p->t->classify ? dl_cross_entropy(c, y, p->target) : dl_mse_loss(c, y, p->target);
        dl_backward(c, loss);
        dl_optim_step(c, p->o);
    }
    return bench_now() - t;
}

static double *doubles(int64_t n)
{
    double *p = (double *)calloc((size_t)n, sizeof *p);
    if (!p) { fprintf(stderr, "bench: out of memory\n"); exit(1); }
    return p;
}

/* One step in double.  a[l + 1] = act(a[l] w[l]^T + b[l]), w (out, in); v: momentum of the weights, then of the biases. */
static void reference_step(const player *p, double **w, double **b, double **v)
{
    const task *t = p->t;
    double *a[MAX_LAYERS + 1], *g, *h;
    int     N = t->batch, l, n, i, o;
    a[0] = doubles((int64_t)N * t->size[0]);
    for (i = 0; i < N * t->size[0]; i++) a[0][i] = p->x->data[i];
    for (l = 0; l < t->layers; l++) {
        int in = t->size[l], out = t->size[l + 1], last = l == t->layers - 1;
        a[l + 1] = doubles((int64_t)N * out);
        for (n = 0; n < N; n++)
            for (o = 0; o < out; o++) {
                double s = b[l][o];
                for (i = 0; i < in; i++) s += a[l][n * in + i] * w[l][o * in + i];
                a[l + 1][n * out + o] = last ? s : t->classify ? (s > 0 ? s : 0) : tanh(s);
            }
    }
    g = doubles((int64_t)N * t->size[t->layers]);    /* gradient of what stands before the activation */
    for (n = 0; n < N; n++) {
        int out = t->size[t->layers];
        double sum = 0, *y = a[t->layers] + n * out;
        for (o = 0; o < out; o++) sum += exp(y[o]);
        for (o = 0; o < out; o++)
            g[n * out + o] = t->classify ? (exp(y[o]) / sum - (o == p->target->idata[n])) / N
                                         : 2 * (y[o] - p->target->data[n * out + o]) / (N * out);
    }
    for (l = t->layers - 1; l >= 0; l--) {
        int in = t->size[l], out = t->size[l + 1];
        h = doubles((int64_t)N * in);
        for (n = 0; n < N; n++)
            for (o = 0; o < out; o++)
                for (i = 0; i < in; i++) h[n * in + i] += g[n * out + o] * w[l][o * in + i];
        for (i = 0; l > 0 && i < N * in; i++) h[i] *= t->classify ? a[l][i] > 0 : 1 - a[l][i] * a[l][i];
        for (o = 0; o < out; o++) {
            for (i = 0; i <= in; i++) {              /* i = in: the bias */
                double dw = 0, *m = i < in ? &v[l][o * in + i] : &v[t->layers + l][o];
                for (n = 0; n < N; n++) dw += g[n * out + o] * (i < in ? a[l][n * in + i] : 1);
                *m = t->momentum * *m + dw;
                *(i < in ? &w[l][o * in + i] : &b[l][o]) -= t->lr * *m;
            }
        }
        free(g);
        g = h;
    }
    free(g);
    for (l = 0; l <= t->layers; l++) free(a[l]);
}

static const float *parameter(const player *p, int i) { return dl_module_at(p->net, i, NULL, 0)->tensor->data; }

static int right(void *arg)
{
    player *p = (player *)arg;
    const task *t = p->t;
    double *w[MAX_LAYERS], *b[MAX_LAYERS], *v[2 * MAX_LAYERS];
    int     l, i, step, ok = 1;
    for (l = 0; l < t->layers; l++) {
        int n = t->size[l] * t->size[l + 1];
        w[l] = doubles(n);
        b[l] = doubles(t->size[l + 1]);
        v[l] = doubles(n);
        v[t->layers + l] = doubles(t->size[l + 1]);
        for (i = 0; i < n; i++) w[l][i] = parameter(p, 2 * l)[i];
        for (i = 0; i < t->size[l + 1]; i++) b[l][i] = parameter(p, 2 * l + 1)[i];
    }
    for (step = 0; step < 3; step++) reference_step(p, w, b, v);
    seconds(arg, 3);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    for (l = 0; l < t->layers; l++) {
        const float *weight = parameter(p, 2 * l), *bias = parameter(p, 2 * l + 1);
        for (i = 0; i < t->size[l] * t->size[l + 1]; i++) ok &= fabs(weight[i] - w[l][i]) < 1e-6;
        for (i = 0; i < t->size[l + 1]; i++) ok &= fabs(bias[i] - b[l][i]) < 1e-6;
        free(w[l]); free(b[l]); free(v[l]); free(v[t->layers + l]);
    }
    return ok;
}

static void measure(const task *t, int threads)
{
    machine_peak_arg peak;
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    player     p;
    double     flops = 0;
    int        l, i;

    if (!bench_wanted(t->name, threads)) return;
    memset(&k, 0, sizeof k);
    p.t = t;
    p.c = dl_create(.threads = threads, .seed = 1);
    p.net = t->classify
        ? dl_nn_sequential(p.c, dl_nn_linear(p.c, 784, 512), dl_nn_relu(p.c), dl_nn_linear(p.c, 512, 512), dl_nn_relu(p.c),
                           dl_nn_linear(p.c, 512, 10))
        : dl_nn_sequential(p.c, dl_nn_linear(p.c, 2, 8), dl_nn_tanh(p.c), dl_nn_linear(p.c, 8, 1));
    p.o = dl_optim_sgd(p.c, p.net, .lr = (dl_real)t->lr, .momentum = (dl_real)t->momentum);
    p.x = dl_keep(p.c, dl_rand(p.c, DL_SHAPE(t->batch, t->size[0])));
    if (t->classify) {
        p.target = dl_keep(p.c, dl_to_int(p.c, dl_zeros(p.c, DL_SHAPE(t->batch))));
        for (i = 0; i < t->batch; i++) p.target->idata[i] = i * 7 % 10;
    } else p.target = dl_keep(p.c, dl_rand(p.c, DL_SHAPE(t->batch, t->size[t->layers])));
    if (dl_error(p.c)) { printf("%s\n", dl_error(p.c)); bench_state.failures++; return; }

    for (l = 0; l < t->layers; l++)                  /* forward, dw, and dx but for the first layer */
        flops += 2.0 * t->batch * t->size[l] * t->size[l + 1] * (l ? 3 : 2);
    k.bench = "train"; k.name = t->name; k.threads = threads; k.isa = dl_info(p.c).isa; k.unit = "us";
    peak.isa = k.isa;
    peak.threads = threads;
    k.peak = machine_peak;
    k.peak_arg = &peak;
    k.flops = flops;
    k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = &p;
    k.nsides = 1;
    peer_add_torch(&k, &torch, t->request);
    r = bench_run(&k);
    if (r.best) {
        double share = r.fraction / r.ratio[1];      /* of PyTorch */
        if (t->classify) printf("  PyTorch runs at %.2f of the FMA bound, dl.h at %.2f\n", share, r.fraction);
        bench_note(t->name, threads, r.ratio[1], !t->classify ? 30 : share > 0.3 ? 1.6 : 3);
    }
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
