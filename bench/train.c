/* train: whole training steps, forward, loss, backward, update, against PyTorch with the same number of threads.
   cc -O2 -fopenmp -I. bench/train.c -o build/bench_train -ldl -lm

   The fraction is the share of the FMA bound: (flops of the step / FMA peak of the threads) / time.  Before timing, the
   weights of the perceptrons after 3 steps are compared with a plain double-precision training written out below; those of
   the convolutional networks after a step with few samples must have the bits that the portable kernels give, which the
   tests compare with PyTorch's.  For the largest network the memory of a step follows: the peak of the resident set over what
   is there when the network has been made, each in a process of its own. */
#include "machine.h"
#include "peers.h"
#define DL_MODELS
#define DL_IMPLEMENTATION
#include "dl.h"

#define MAX_LAYERS 3

typedef struct {
    const char *name, *request;
    int         layers, size[MAX_LAYERS + 1], batch;
    int         classify;                            /* ReLU and cross-entropy, else tanh and mean squared error */
    double      lr, momentum;
    dl_precision precision;
} task;

static const task tasks[] = {
    { "2-8-1 b4 sgd", "train perceptron", 2, {2, 8, 1, 0}, 4, 0, 0.01, 0, DL_HIGHEST },
    { "784-512-512-10 b64 momentum", "train mlp", 3, {784, 512, 512, 10}, 64, 1, 0.01, 0.9, DL_HIGHEST },
    { "784-512-512-10 b64, precision high", "train mlp", 3, {784, 512, 512, 10}, 64, 1, 0.01, 0.9, DL_HIGH },
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

/* One step in double.  a[l + 1] = act(a[l] w[l]^T + b[l]), w (out, in); v: momentum of the weights, then of the biases.
   nearest[l][o]: how near to 0 the argument of unit o's activation was. */
static void reference_step(const player *p, double **w, double **b, double **v, double **nearest)
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
                if (fabs(s) < nearest[l][o]) nearest[l][o] = fabs(s);
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

/* Precision high and medium without matrix tiles is highest, but for convolutions. */
static int has_tiles(void)
{
    dl_ctx *c = dl_create(.precision = DL_HIGH);
    const int there = !strcmp(dl_info(c).isa, "amx");
    dl_destroy(c);
    return there;
}

static const float *parameter(const player *p, int i) { return dl_module_at(p->net, i, NULL, 0)->tensor->data; }

static int right(void *arg)
{
    player *p = (player *)arg;
    const task *t = p->t;
    double *w[MAX_LAYERS], *b[MAX_LAYERS], *v[2 * MAX_LAYERS], *nearest[MAX_LAYERS];
    const double limit = t->precision == DL_HIGHEST ? 1e-6 : 3e-6;
    const double sure = t->precision == DL_HIGHEST ? 0 : 1e-4;             /* nearer to 0 another rounding may decide about a ReLU */
    int     l, i, step, ok = 1;
    for (l = 0; l < t->layers; l++) {
        int n = t->size[l] * t->size[l + 1];
        w[l] = doubles(n);
        b[l] = doubles(t->size[l + 1]);
        v[l] = doubles(n);
        v[t->layers + l] = doubles(t->size[l + 1]);
        nearest[l] = doubles(t->size[l + 1]);
        for (i = 0; i < t->size[l + 1]; i++) nearest[l][i] = 1;
        for (i = 0; i < n; i++) w[l][i] = parameter(p, 2 * l)[i];
        for (i = 0; i < t->size[l + 1]; i++) b[l][i] = parameter(p, 2 * l + 1)[i];
    }
    for (step = 0; step < 3; step++) reference_step(p, w, b, v, nearest);
    seconds(arg, 3);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    for (l = 0; l < t->layers; l++) {
        const float *weight = parameter(p, 2 * l), *bias = parameter(p, 2 * l + 1);
        for (i = 0; i < t->size[l] * t->size[l + 1]; i++)
            ok &= nearest[l][i / t->size[l]] < sure || fabs(weight[i] - w[l][i]) < limit;
        for (i = 0; i < t->size[l + 1]; i++) ok &= nearest[l][i] < sure || fabs(bias[i] - b[l][i]) < limit;
        free(w[l]); free(b[l]); free(v[l]); free(v[t->layers + l]); free(nearest[l]);
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

    if (!bench_wanted(t->name, threads) || (t->precision != DL_HIGHEST && !has_tiles())) return;
    memset(&k, 0, sizeof k);
    p.t = t;
    p.c = dl_create(.threads = threads, .seed = 1, .precision = t->precision);
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
    bench_ours(&k, seconds, right, &p);
    peer_add_torch(&k, &torch, t->request);
    r = bench_run(&k);
    if (t->classify) bench_note_torch(&k, &r, r.fraction > 0.3 * r.ratio[1] ? 1.6 : 3);
    else if (r.best) bench_note(t->name, threads, r.ratio[1], 30);
    dl_destroy(p.c);
}

/* --- convolutional networks ------------------------------------------------------------------------------------------ */
typedef struct {
    const char *name, *request;
    dl_module *(*make)(dl_ctx *c);
    dl_optim  *(*optimizer)(dl_ctx *c, dl_module *m);
    int         batch, channels, side;               /* images; without channels: side token ids   */
    double      wanted, with_tiles;                  /* ratio to PyTorch; where the processor has matrix tiles; 0: not measured there */
    dl_module *(*check)(dl_ctx *c);                  /* NULL: make; else something smaller, whose result is compared */
    int         vocab;
    dl_precision precision;
} net_task;

static dl_module *mnist_cnn(dl_ctx *c)               /* the design's */
{
    return dl_nn_sequential(c,
        dl_nn_conv2d(c, 1, 32, 3, .padding = 1), dl_nn_relu(c), dl_nn_max_pool2d(c, 2),
        dl_nn_conv2d(c, 32, 64, 3, .padding = 1), dl_nn_relu(c), dl_nn_max_pool2d(c, 2),
        dl_nn_flatten(c), dl_nn_linear(c, 3136, 128), dl_nn_relu(c), dl_nn_dropout(c, 0.5f), dl_nn_linear(c, 128, 10));
}
static dl_module *kann_cnn(dl_ctx *c)                /* kann's mnist-cnn */
{
    return dl_nn_sequential(c,
        dl_nn_conv2d(c, 1, 32, 3), dl_nn_relu(c), dl_nn_conv2d(c, 32, 32, 3), dl_nn_relu(c), dl_nn_max_pool2d(c, 2),
        dl_nn_dropout(c, 0.2f), dl_nn_flatten(c), dl_nn_linear(c, 4608, 128), dl_nn_relu(c), dl_nn_dropout(c, 0.2f),
        dl_nn_linear(c, 128, 10));
}
static dl_module *resnet18(dl_ctx *c) { return dl_model_resnet(c, 18, .num_classes = 10, .small_images = 1); }
static dl_module *gpt(dl_ctx *c)      { return dl_model_gpt(c, .vocab_size = 65, .block_size = 256, .layers = 6, .heads = 6, .dim = 384); }
static dl_module *gpt2(dl_ctx *c)     { return dl_model_gpt(c); }
static dl_module *one_block(dl_ctx *c) { return dl_model_gpt(c, .vocab_size = 65, .block_size = 16, .layers = 1, .heads = 3, .dim = 96); }

static dl_module *two_convolutions(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_conv2d(c, 3, 32, 3, .padding = 1), dl_nn_relu(c), dl_nn_conv2d(c, 32, 64, 3, .padding = 1, .stride = 2),
                            dl_nn_relu(c), dl_nn_flatten(c), dl_nn_linear(c, 4096, 10));
}

static dl_optim *adam(dl_ctx *c, dl_module *m)     { return dl_optim_adam(c, m); }
static dl_optim *rmsprop(dl_ctx *c, dl_module *m)  { return dl_optim_rmsprop(c, m, .lr = 0.001); }
static dl_optim *adamw(dl_ctx *c, dl_module *m)    { return dl_optim_adamw(c, m); }
static dl_optim *momentum(dl_ctx *c, dl_module *m) { return dl_optim_sgd(c, m, .lr = 0.01f, .momentum = 0.9f); }

static const net_task net_tasks[] = {
    { "design's MNIST CNN b64 adam", "mnist_cnn", mnist_cnn, adam, 64, 1, 28, 1.6, 1.6, NULL, 10, DL_HIGHEST },
    { "kann's mnist-cnn b64 rmsprop", "kann_cnn", kann_cnn, rmsprop, 64, 1, 28, 1.6, 1.6, NULL, 10, DL_HIGHEST },
    { "ResNet-18 CIFAR b32 momentum", "resnet18", resnet18, momentum, 32, 3, 32, 1.05, 1.05, NULL, 10, DL_HIGHEST },
    { "ResNet-18 CIFAR b32, precision high", "resnet18", resnet18, momentum, 32, 3, 32, 1.35, 2.5, two_convolutions, 10, DL_HIGH },
    { "ResNet-18 CIFAR b32, medium", "resnet18", resnet18, momentum, 32, 3, 32, 0, 1, two_convolutions, 10, DL_MEDIUM },
    { "design's MNIST CNN, precision high", "mnist_cnn", mnist_cnn, adam, 64, 1, 28, 0, 2.5, NULL, 10, DL_HIGH },
    { "GPT 6x384 T256 b4 adamw", "gpt", gpt, adamw, 4, 0, 256, 1.25, 1.25, one_block, 65, DL_HIGHEST },
    { "GPT-2 124M T64 b4 adamw", "gpt2", gpt2, adamw, 4, 0, 64, 1.6, 1.6, one_block, 50257, DL_HIGHEST },
    { "GPT 6x384, precision high", "gpt", gpt, adamw, 4, 0, 256, 0, 1.8, one_block, 65, DL_HIGH },
    { "GPT-2 124M, precision high", "gpt2", gpt2, adamw, 4, 0, 64, 0, 2.5, one_block, 50257, DL_HIGH },
    { "GPT-2 124M, medium", "gpt2", gpt2, adamw, 4, 0, 64, 0, 1, one_block, 50257, DL_MEDIUM },
};

typedef struct { const net_task *t; dl_ctx *c; dl_module *net; dl_optim *o; dl_tensor *x, *target; int threads; } net_player;

static void prepare(net_player *p, const net_task *t, dl_module *(*make)(dl_ctx *c), int threads, int batch, const char *isa)
{
    int i, small = make == t->check, vocab = small && !t->channels ? 65 : t->vocab, side = small ? 16 : t->side, n = t->channels ? batch : batch * side;
    p->t = t;
    p->threads = threads;
    p->c = dl_create(.threads = threads, .seed = 1, .isa = isa, .precision = t->precision);
    p->net = make(p->c);
    if (t->channels) p->x = dl_keep(p->c, dl_rand(p->c, DL_SHAPE(batch, t->channels, side, side)));
    else             p->x = dl_keep(p->c, dl_to_int(p->c, dl_mul_scalar(p->c, dl_rand(p->c, DL_SHAPE(batch, side)), (dl_real)vocab)));
    p->target = dl_keep(p->c, dl_to_int(p->c, dl_zeros(p->c, DL_SHAPE(n))));
    for (i = 0; i < n && !dl_error(p->c); i++) p->target->idata[i] = i * 7 % vocab;
}

static double net_seconds(void *arg, int64_t calls)
{
    net_player *p = (net_player *)arg;
    dl_ctx *c = p->c;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        dl_tensor *y;
        dl_step_begin(c);
        y = dl_forward(c, p->net, p->x);
        if (y->ndim == 3) y = dl_flatten(c, y, 0, 1);            /* every token of every sequence */
        dl_backward(c, dl_cross_entropy(c, y, p->target));
        dl_optim_step(c, p->o);
    }
    return bench_now() - t;
}

static int net_right(void *arg)
{
    const net_player *p = (const net_player *)arg;
    net_player fast, portable;
    dl_param *a, *b;
    dl_module *(*make)(dl_ctx *c) = p->t->check ? p->t->check : p->t->make;
    int i, ok = 1;
    prepare(&fast, p->t, make, p->threads, 3, NULL);
    prepare(&portable, p->t, make, p->threads, 3, "portable");
    portable.c->parts = fast.c->parts;               /* portable code knows what matrix tiles compute */
    fast.o = p->t->optimizer(fast.c, fast.net);
    portable.o = p->t->optimizer(portable.c, portable.net);
    net_seconds(&fast, 1);
    net_seconds(&portable, 1);
    if (dl_error(fast.c) || dl_error(portable.c)) { printf("%s\n", dl_error(fast.c) ? dl_error(fast.c) : dl_error(portable.c)); ok = 0; }
    for (i = 0; ok && (a = dl_module_at(fast.net, i, NULL, 0)) != NULL; i++) {
        b = dl_module_at(portable.net, i, NULL, 0);
        ok = !memcmp(a->tensor->data, b->tensor->data, (size_t)a->tensor->size * sizeof(float));
    }
    dl_destroy(fast.c);
    dl_destroy(portable.c);
    return ok;
}

/* Bytes in /proc/self/status. */
static double resident(const char *key)
{
    char line[200];
    double kb = 0;
    FILE *f = fopen("/proc/self/status", "r");
    while (f && fgets(line, sizeof line, f)) if (!strncmp(line, key, strlen(key))) sscanf(line + strlen(key), ": %lf", &kb);
    if (f) fclose(f);
    return 1024 * kb;
}

static double ask(const char *command)               /* the number that a command prints, 0 without one */
{
    double x = 0;
    FILE *f = popen(command, "r");
    if (f && fscanf(f, "%lf", &x) != 1) x = 0;
    if (f) pclose(f);
    return x;
}

static int memory_of_steps(const net_task *t, int threads)       /* in a process of its own: see main */
{
    net_player p;
    double before;
    prepare(&p, t, t->make, threads, t->batch, NULL);
    before = resident("VmRSS");
    p.o = t->optimizer(p.c, p.net);
    net_seconds(&p, 3);
    printf("%.0f\n", resident("VmHWM") - before);
    return dl_error(p.c) != NULL;
}

static void compare_memory(const net_task *t, int threads, const char *self)
{
    char command[1000];
    const char *python = getenv("PYTHON");
    double ours, theirs;
    snprintf(command, sizeof command, "\"%s\" --memory %s %d", self, t->request, threads);
    ours = ask(command);
    snprintf(command, sizeof command, "\"%s\" bench/peer_torch.py memory %s %d 2>/dev/null", python ? python : "python3", t->request, threads);
    theirs = peer_torch.to ? ask(command) : 0;
    printf("  peak of the resident set over the weights, 3 steps: %.1f MB", ours / 1e6);
    if (theirs > 0) printf(", PyTorch %.1f MB", theirs / 1e6);
    printf("\n");
    if (ours > 0 && theirs > 0) bench_note("memory of ResNet-18's step, PyTorch's over dl.h's", threads, theirs / ours, 1);
}

static void measure_net(const net_task *t, int threads, const char *self)
{
    machine_peak_arg peak;
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    net_player p;
    char request[100];
    int64_t all, first;
    const int tiles = has_tiles();

    if (!bench_wanted(t->name, threads) || (tiles ? t->with_tiles : t->wanted) == 0) return;
    memset(&k, 0, sizeof k);
    prepare(&p, t, t->make, threads, t->batch, NULL);
    p.o = t->optimizer(p.c, p.net);
    all = p.c->macs;
    dl_forward(p.c, p.net, p.x);
    all = p.c->macs - all;
    first = p.c->macs;
    if (t->channels) dl_forward(p.c, p.net->children[0], p.x);
    first = p.c->macs - first;
    if (dl_error(p.c)) { printf("%s\n", dl_error(p.c)); bench_state.failures++; dl_destroy(p.c); return; }

    snprintf(request, sizeof request, "%s %s%s", t->channels ? "train" : "gpt_step", t->request,
             t->precision == DL_MEDIUM ? " precision=medium" : "");      /* PyTorch's high is its highest on these processors, or slower */
    k.bench = "train"; k.name = t->name; k.threads = threads; k.isa = dl_info(p.c).isa; k.unit = "us";
    peak.isa = k.isa;
    peak.threads = threads;
    k.peak = machine_peak;
    k.peak_arg = &peak;
    k.flops = 2.0 * (3.0 * (double)all - (double)first);         /* forward, dw, and dx but for the first layer */
    bench_ours(&k, net_seconds, net_right, &p);
    peer_add_torch(&k, &torch, request);
    r = bench_run(&k);
    bench_note_torch(&k, &r, tiles ? t->with_tiles : t->wanted);
    if (t->make == resnet18 && t->precision == DL_HIGHEST) compare_memory(t, threads, self);
    dl_destroy(p.c);
}

int main(int argc, char **argv)
{
    size_t i;
    int    threads;
    if (argc == 4 && !strcmp(argv[1], "--memory")) {
        for (i = 0; i < sizeof net_tasks / sizeof *net_tasks; i++)
            if (!strcmp(net_tasks[i].request, argv[2])) return memory_of_steps(&net_tasks[i], atoi(argv[3]));
        return 1;
    }
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (i = 0; i < sizeof tasks / sizeof *tasks; i++)
        for (threads = 1; threads <= bench_max_threads(); threads++) measure(&tasks[i], threads);
    for (i = 0; i < sizeof net_tasks / sizeof *net_tasks; i++)
        for (threads = 1; threads <= bench_max_threads(); threads++) measure_net(&net_tasks[i], threads, argv[0]);
    bench_notes("ratio to PyTorch");
    peer_close_torch();
    return bench_state.failures > 0;
}
