/* overhead: what an op costs when its arrays are tiny: 100 ops on 8 elements, recorded, forward and backward, per op.
   Also the cost of dl_step_begin and of an OpenMP parallel region.
   cc -O2 -fopenmp -I. bench/overhead.c -o build/bench_overhead -ldl -lm */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"

#define OPS 100

typedef struct player player;
struct player {
    const char *name;
    dl_tensor *(*op)(player *p, dl_tensor *y);
    dl_ctx     *c;
    dl_tensor  *x, *g, *w, *b;                       /* (8), (8), (8, 8), (8) */
    dl_tensor  *y;
};

static dl_tensor *op_add(player *p, dl_tensor *y)        { return dl_add(p->c, y, p->x); }
static dl_tensor *op_mul(player *p, dl_tensor *y)        { return dl_mul(p->c, y, p->x); }
static dl_tensor *op_relu(player *p, dl_tensor *y)       { return dl_relu(p->c, y); }
static dl_tensor *op_tanh(player *p, dl_tensor *y)       { return dl_tanh(p->c, y); }
static dl_tensor *op_sigmoid(player *p, dl_tensor *y)    { return dl_sigmoid(p->c, y); }
static dl_tensor *op_mul_scalar(player *p, dl_tensor *y) { return dl_mul_scalar(p->c, y, 1.01f); }
static dl_tensor *op_reshape(player *p, dl_tensor *y)    { return dl_reshape(p->c, y, DL_SHAPE(8)); }
static dl_tensor *op_linear(player *p, dl_tensor *y)     { return dl_linear(p->c, y, p->w, p->b); }

static double seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t = bench_now();
    for (; calls > 0; calls--) {
        int i;
        dl_step_begin(p->c);
        dl_zero_grad(p->x);
        dl_zero_grad(p->w);
        dl_zero_grad(p->b);
        p->y = p->x;
        for (i = 0; i < OPS; i++) p->y = p->op(p, p->y);
        dl_backward(p->c, p->y, .grad = p->g);
    }
    return (bench_now() - t) / OPS;
}

/* y = W y + b, 100 times: the result, and of the gradients that of b, which sums those of all steps, in double. */
static int linear_right(const player *p)
{
    double y[8], g[8], db[8] = {0}, next[8];
    int    i, j, k, ok = 1;
    for (k = 0; k < 8; k++) { y[k] = p->x->data[k]; g[k] = p->g->data[k]; }
    for (i = 0; i < OPS; i++) {
        for (k = 0; k < 8; k++)
            for (next[k] = p->b->data[k], j = 0; j < 8; j++) next[k] += p->w->data[8 * k + j] * y[j];
        memcpy(y, next, sizeof y);
        for (k = 0; k < 8; k++) db[k] += g[k];
        for (k = 0; k < 8; k++)
            for (next[k] = 0, j = 0; j < 8; j++) next[k] += p->w->data[8 * j + k] * g[j];
        memcpy(g, next, sizeof g);
    }
    for (k = 0; k < 8; k++)
        ok &= fabs(p->y->data[k] - y[k]) <= 1e-4 * (fabs(y[k]) + 1) && fabs(p->b->grad[k] - db[k]) <= 1e-4 * (fabs(db[k]) + 1);
    return ok;
}

/* Forward and the gradient of x along the chain of the simple ops, in double. */
static int right(void *arg)
{
    player *p = (player *)arg;
    int i, k;
    seconds(arg, 1);
    if (dl_error(p->c)) { printf("%s\n", dl_error(p->c)); return 0; }
    if (p->op == op_linear) return linear_right(p);
    for (k = 0; k < 8; k++) {
        double x = p->x->data[k], g = p->g->data[k], y[OPS + 1], dx = 0;
        y[0] = x;
        for (i = 0; i < OPS; i++)
            y[i + 1] = p->op == op_add ? y[i] + x : p->op == op_mul ? y[i] * x : p->op == op_tanh ? tanh(y[i])
                     : p->op == op_sigmoid ? 1 / (1 + exp(-y[i])) : p->op == op_mul_scalar ? y[i] * 1.01 : y[i];
        for (i = OPS - 1; i >= 0; i--) {
            if (p->op == op_add) dx += g;
            if (p->op == op_mul) { dx += g * y[i]; g *= x; }
            if (p->op == op_tanh) g *= 1 - y[i + 1] * y[i + 1];
            if (p->op == op_sigmoid) g *= y[i + 1] * (1 - y[i + 1]);
            if (p->op == op_mul_scalar) g *= 1.01;
        }
        dx += g;
        if (!(fabs(p->y->data[k] - y[OPS]) <= 1e-4 * fabs(y[OPS]) + 1e-30)) return 0;
        if (!(fabs(p->x->grad[k] - dx) <= 1e-4 * fabs(dx) + 1e-30)) return 0;
    }
    return 1;
}

static double step_begin_seconds(void *arg, int64_t calls)
{
    player *p = (player *)arg;
    double  t = bench_now();
    while (calls-- > 0) dl_step_begin(p->c);
    return bench_now() - t;
}

static double region_seconds(void *arg, int64_t calls)
{
    double t = bench_now();
    (void)arg;
    for (; calls > 0; calls--) {
        #pragma omp parallel num_threads(2)
        machine_sink = 0;
    }
    return bench_now() - t;
}

int main(int argc, char **argv)
{
    static player players[] = {
        { .name = "add",     .op = op_add },     { .name = "mul",        .op = op_mul },
        { .name = "relu",    .op = op_relu },    { .name = "tanh",       .op = op_tanh },
        { .name = "sigmoid", .op = op_sigmoid }, { .name = "mul_scalar", .op = op_mul_scalar },
        { .name = "reshape", .op = op_reshape }, { .name = "linear",     .op = op_linear },
    };
    bench_case k;
    dl_ctx    *c = dl_create(.threads = 1);
    size_t     i;
    bench_arguments(argc, argv);
    peer_open_torch();
    machine_print();
    bench_heading();
    for (i = 0; i < sizeof players / sizeof *players; i++) {
        peer_torch_arg torch;
        bench_result r;
        player *p = &players[i];
        char    request[64], name[64];
        snprintf(name, sizeof name, "%s fwd+bwd, 8 elements", p->name);
        if (!bench_wanted(p->name, 1)) continue;
        p->c = c;
        p->x = dl_requires_grad(c, dl_keep(c, dl_empty(c, DL_SHAPE(8))), 1);
        p->g = dl_keep(c, dl_empty(c, DL_SHAPE(8)));
        p->w = dl_requires_grad(c, dl_keep(c, dl_empty(c, DL_SHAPE(8, 8))), 1);
        p->b = dl_requires_grad(c, dl_keep(c, dl_empty(c, DL_SHAPE(8))), 1);
        bench_fill(p->x->data, 8, 0.9f, 1.1f, 1);
        bench_fill(p->g->data, 8, 0.9f, 1.1f, 2);
        bench_fill(p->w->data, 64, -0.35f, 0.35f, 3);
        bench_fill(p->b->data, 8, -1, 1, 4);
        memset(&k, 0, sizeof k);
        k.bench = "overhead"; k.name = name; k.threads = 1; k.isa = dl_info(c).isa; k.unit = "ns";
        k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = p;
        k.nsides = 1;
        snprintf(request, sizeof request, "overhead %s", p->name);
        peer_add_torch(&k, &torch, request);
        r = bench_run(&k);
        if (r.ok) bench_note(name, 1, 200 / r.value, 1);
    }
    peer_close_torch();

    memset(&k, 0, sizeof k);
    k.bench = "overhead"; k.name = "dl_step_begin"; k.threads = 1; k.isa = dl_info(c).isa; k.unit = "ns";
    k.sides[0].name = "dl.h"; k.sides[0].seconds = step_begin_seconds; k.sides[0].arg = &players[0];
    players[0].c = c;
    k.nsides = 1;
    if (bench_wanted(k.name, 1)) bench_run(&k);

    k.name = "OpenMP parallel region"; k.threads = 2; k.isa = "-";
    k.sides[0].name = "OpenMP"; k.sides[0].seconds = region_seconds;
    if (bench_max_threads() > 1 && bench_wanted(k.name, 2)) bench_run(&k);

    bench_notes("200 ns / time of a recorded op");
    dl_destroy(c);
    return bench_state.failures > 0;
}
