/* conv: forward pass, data gradient and weight gradient of convolution layers, against PyTorch in NCHW or channels_last,
   whichever is faster, and as a fraction of the FMA peak measured in the same rounds.
   cc -O2 -fopenmp -I. bench/conv.c -o build/bench_conv -ldl -lm
   build/bench_conv [-t THREADS] [-s SECONDS] [CASE] */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

typedef struct { int N, C, H, K, R, stride, padding, groups, dilation; } layer;
static const layer layers[] = {
    {64, 1, 28, 32, 3, 1, 1, 1, 1}, {64, 32, 14, 64, 3, 1, 1, 1, 1}, {32, 64, 32, 64, 3, 1, 1, 1, 1}, {32, 256, 8, 256, 3, 1, 1, 1, 1},
    {8, 3, 224, 64, 7, 2, 3, 1, 1}, {8, 64, 56, 64, 3, 1, 1, 1, 1}, {8, 64, 56, 256, 1, 1, 0, 1, 1}, {8, 128, 28, 128, 3, 1, 1, 1, 1},
    {8, 256, 14, 256, 3, 1, 1, 1, 1}, {8, 512, 7, 512, 3, 1, 1, 1, 1}, {8, 1024, 14, 256, 1, 1, 0, 1, 1}, {1, 64, 224, 64, 3, 1, 1, 1, 1},
    {1, 512, 28, 512, 3, 1, 1, 1, 1}, {8, 3, 227, 96, 11, 4, 0, 1, 1}, {8, 192, 28, 192, 3, 1, 1, 192, 1}, {2, 256, 32, 256, 3, 1, 2, 1, 2},
};
/* No target: strides of 2 as in ResNet, MobileNet, EfficientNet and DCGAN; one position, as in squeeze-and-excitation, heads and the layers
   that replace fully connected ones; a dilation that mostly sees padding. */
static const layer others[] = {
    {16, 64, 56, 128, 3, 2, 1, 1, 1}, {16, 64, 56, 128, 1, 2, 0, 1, 1}, {8, 96, 112, 96, 3, 2, 1, 96, 1}, {8, 672, 14, 672, 5, 2, 2, 672, 1},
    {64, 64, 32, 128, 4, 2, 1, 1, 1}, {32, 960, 1, 240, 1, 1, 0, 1, 1}, {64, 512, 4, 1, 4, 1, 0, 1, 1}, {16, 512, 7, 512, 7, 1, 0, 1, 1},
    {4, 256, 28, 64, 3, 1, 12, 1, 12},
};
static const char *const passes[] = { "forward", "data", "weights" };

typedef struct { const layer *l; int pass; dl_ctx *c; dl_tensor *x, *w, *y, *g; } player;

static void run(const player *p)
{
    if (p->pass == 0) {
        const layer *l = p->l;
        dl_step_begin(p->c);
        dl_conv2d(p->c, p->x, p->w, NULL, .stride = l->stride, .padding = l->padding, .dilation = l->dilation, .groups = l->groups);
    } else {                                             /* the backward function of the op, as dl_backward calls it */
        dl_zero_grad(p->x);
        dl_zero_grad(p->w);
        p->y->grad = p->g->data;
        p->y->op->backward(p->c, p->y);
    }
}

static double seconds(void *arg, int64_t calls)
{
    const player *p = (const player *)arg;
    double t = bench_now();
    while (calls-- > 0) run(p);
    return bench_now() - t;
}

/* Some results, made again in double from the definition. */
static int right(void *arg)
{
    player *p = (player *)arg;
    const layer *l = p->l;
    const int C = l->C / l->groups, K = l->K / l->groups, H = l->H, R = l->R, O = (int)p->g->shape[2];
    const float *x = p->x->data, *w = p->w->data, *g = p->g->data, *result;
    dl_tensor *y = NULL;
    int64_t size, i;
    int n, r, s, h, v, c, k, a, b, t;
    if (p->pass == 0) {
        dl_step_begin(p->c);
        y = dl_conv2d(p->c, p->x, p->w, NULL, .stride = l->stride, .padding = l->padding, .dilation = l->dilation, .groups = l->groups);
        result = y->data;
        size = y->size;
    } else {
        run(p);
        result = p->pass == 1 ? p->x->grad : p->w->grad;
        size = p->pass == 1 ? p->x->size : p->w->size;
    }
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    for (t = 0; t < 300; t++) {
        double sum = 0, scale = 0;
        i = t < 100 ? t * 7 % size : (int64_t)((double)size * t / 300);
        if (p->pass == 0) {
            b = (int)(i % O); a = (int)(i / O % O); k = (int)(i / O / O % l->K); n = (int)(i / O / O / l->K);
            for (c = 0; c < C; c++) for (r = 0; r < R; r++) for (s = 0; s < R; s++) {
                h = a * l->stride - l->padding + r * l->dilation; v = b * l->stride - l->padding + s * l->dilation;
                if (h < 0 || v < 0 || h >= H || v >= H) continue;
                sum += (double)w[((k * C + c) * R + r) * R + s] * x[(((int64_t)n * l->C + k / K * C + c) * H + h) * H + v];
                scale += fabs((double)w[((k * C + c) * R + r) * R + s] * x[(((int64_t)n * l->C + k / K * C + c) * H + h) * H + v]);
            }
        } else if (p->pass == 1) {
            v = (int)(i % H); h = (int)(i / H % H); c = (int)(i / H / H % l->C); n = (int)(i / H / H / l->C);
            for (k = c / C * K; k < (c / C + 1) * K; k++) for (r = 0; r < R; r++) for (s = 0; s < R; s++) {
                a = h + l->padding - r * l->dilation; b = v + l->padding - s * l->dilation;
                if (a < 0 || b < 0 || a % l->stride || b % l->stride || a / l->stride >= O || b / l->stride >= O) continue;
                sum += (double)w[((k * C + c % C) * R + r) * R + s] * g[(((int64_t)n * l->K + k) * O + a / l->stride) * O + b / l->stride];
                scale += fabs((double)w[((k * C + c % C) * R + r) * R + s] * g[(((int64_t)n * l->K + k) * O + a / l->stride) * O + b / l->stride]);
            }
        } else {
            if (t >= 30) break;
            s = (int)(i % R); r = (int)(i / R % R); c = (int)(i / R / R % C); k = (int)(i / R / R / C);
            for (n = 0; n < l->N; n++) for (a = 0; a < O; a++) for (b = 0; b < O; b++) {
                h = a * l->stride - l->padding + r * l->dilation; v = b * l->stride - l->padding + s * l->dilation;
                if (h < 0 || v < 0 || h >= H || v >= H) continue;
                sum += (double)g[(((int64_t)n * l->K + k) * O + a) * O + b] * x[(((int64_t)n * l->C + k / K * C + c) * H + h) * H + v];
                scale += fabs((double)g[(((int64_t)n * l->K + k) * O + a) * O + b] * x[(((int64_t)n * l->C + k / K * C + c) * H + h) * H + v]);
            }
        }
        if (!(fabs(sum - result[i]) <= 1e-6 * scale + 1e-6)) return 0;
    }
    return 1;
}

static bench_series ratios, ratios_by[3], high[3], others_ratios;

static void measure(const layer *l, int pass, int threads, int has_target)
{
    machine_peak_arg peak;
    peer_torch_arg torch;
    bench_result r;
    bench_case k;
    player p;
    char name[64], request[100];
    snprintf(name, sizeof name, "%dx%dx%d %dk%ds%d%s%s %s", l->N, l->C, l->H, l->K, l->R, l->stride,
             l->groups > 1 ? " depthwise" : "", l->dilation > 1 ? " dilated" : "", passes[pass]);
    if (!bench_wanted(name, threads)) return;
    memset(&k, 0, sizeof k);
    p.l = l;
    p.pass = pass;
    p.c = dl_create(.threads = threads, .seed = 1);
    p.x = dl_keep(p.c, dl_rand(p.c, DL_SHAPE(l->N, l->C, l->H, l->H)));
    p.w = dl_keep(p.c, dl_sub_scalar(p.c, dl_rand(p.c, DL_SHAPE(l->K, l->C / l->groups, l->R, l->R)), 0.5f));
    if (pass == 1) dl_requires_grad(p.c, p.x, 1);
    if (pass == 2) dl_requires_grad(p.c, p.w, 1);
    dl_step_begin(p.c);
    p.y = dl_conv2d(p.c, p.x, p.w, NULL, .stride = l->stride, .padding = l->padding, .dilation = l->dilation, .groups = l->groups);
    p.g = dl_keep(p.c, dl_rand(p.c, DL_SHAPE(l->N, l->K, p.y->shape[2], p.y->shape[3])));
    if (dl_error(p.c)) { printf("%s\n", dl_error(p.c)); bench_state.failures++; return; }
    k.bench = "conv"; k.name = name; k.threads = threads; k.isa = dl_info(p.c).isa; k.unit = "GFLOP/s";
    k.work = 2.0 * (double)p.g->size * (l->C / l->groups) * l->R * l->R;
    peak.isa = k.isa;
    peak.threads = threads;
    k.peak = machine_peak;
    k.peak_arg = &peak;
    k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = &p;
    k.nsides = 1;
    snprintf(request, sizeof request, "conv %s %d %d %d %d %d %d %d %d %d", passes[pass], l->N, l->C, l->H, l->K, l->R, l->stride, l->padding,
             l->dilation, l->groups);
    peer_add_torch(&k, &torch, request);
    r = bench_run(&k);
    if (r.best && !has_target) bench_series_add(&others_ratios, r.ratio[1], name, threads);
    if (r.best && has_target) {
        bench_series_add(&ratios, r.ratio[1], name, threads);
        bench_series_add(&ratios_by[pass], r.ratio[1], name, threads);
        bench_note(name, threads, r.ratio[1], 0.95);
    }
    if (r.ok && has_target && l->R == 3 && l->groups == 1 && l->C >= 64) bench_series_add(&high[pass], r.fraction, name, threads);
    dl_destroy(p.c);
}

int main(int argc, char **argv)
{
    static const double wanted[3] = { 0.80, 0.76, 0.72 };
    size_t i;
    int pass, threads;
    char what[80];
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (i = 0; i < sizeof layers / sizeof *layers; i++)
        for (pass = 0; pass < 3; pass++)
            for (threads = 1; threads <= bench_max_threads(); threads++) measure(&layers[i], pass, threads, 1);
    for (i = 0; i < sizeof others / sizeof *others; i++)
        for (pass = 0; pass < 3; pass++)
            for (threads = 1; threads <= bench_max_threads(); threads++) measure(&others[i], pass, threads, 0);
    bench_notes("ratio to PyTorch, at least 0.95");
    if (ratios.n) {
        printf("\nsummary of %d cases\n", ratios.n);
        bench_series_target("ratio to PyTorch, the least", &ratios, 0.95);
        bench_target("ratio to PyTorch, geometric mean", bench_series_mean(&ratios), "", 1.25);
        bench_csv("conv", "geometric mean", 0, "-", bench_series_mean(&ratios), "ratio", 0, NULL, 0, 0);
        for (pass = 0; pass < 3; pass++)
            if (ratios_by[pass].n) printf("  %-62s %9.3f\n", passes[pass], bench_series_mean(&ratios_by[pass]));
    }
    if (others_ratios.n) printf("  %-62s %9.3f\n", "ratio to PyTorch, geometric mean of the other layers", bench_series_mean(&others_ratios));
    for (pass = 0; pass < 3; pass++) {
        snprintf(what, sizeof what, "3 x 3 with 64 channels and more, fraction of FMA peak, %s", passes[pass]);
        bench_series_target(what, &high[pass], wanted[pass]);
    }
    peer_close_torch();
    return bench_state.failures > 0;
}
