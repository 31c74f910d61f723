/* build: float asan */
/* Every allocation of a training program fails, once and from then on.  After each: no crash, no leak, an error,
   weights as they were before the step that failed, and a context that works again after dl_clear_error. */
#include <stdlib.h>
static int calls, live, fail_at, persistent;             /* allocation number fail_at fails, and all later ones if persistent */
static int refused(void) { int n = calls++; return n == fail_at || (persistent && n > fail_at); }
static void *faulty_malloc(size_t n)
{
    void *p = refused() ? NULL : malloc(n);
    live += p != NULL;
    return p;
}
static void *faulty_realloc(void *p, size_t n)
{
    void *q = refused() ? NULL : realloc(p, n);
    live += q && !p;
    return q;
}
static void faulty_free(void *p) { live -= p != NULL; free(p); }
#define DL_MALLOC  faulty_malloc
#define DL_REALLOC faulty_realloc
#define DL_FREE    faulty_free

#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"

static uint64_t hash(dl_module *net)                     /* of all parameters */
{
    uint64_t h = 14695981039346656037u;
    dl_param *p;
    size_t k;
    int i;
    for (i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
        for (k = 0; k < (size_t)p->tensor->size * sizeof(dl_real); k++) h = (h ^ ((unsigned char *)p->tensor->data)[k]) * 1099511628211u;
    return h;
}

static dl_dataset *samples(dl_ctx *c)
{
    int32_t label[24];
    int i;
    for (i = 0; i < 24; i++) label[i] = i % 3;
    return dl_data_tensors(c, dl_randn(c, DL_SHAPE(24, 6)), dl_tensor_from_int(c, label, DL_SHAPE(24)));
}

static dl_module *perceptron(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_linear(c, 6, 33), dl_nn_tanh(c), dl_nn_dropout(c, (dl_real)0.3), dl_nn_linear(c, 33, 3));
}

typedef struct { dl_ctx *c; dl_module *net; dl_optim *opt; dl_loader *batches; } program;

/* Trains for two epochs of four steps; CHECKs that a step that fails leaves the weights alone.  1: it reached the end. */
static int train(program *p)
{
    int epoch, steps = 0;
    for (epoch = 0; epoch < 2; epoch++)
        for (;;) {
            uint64_t before = hash(p->net);
            int more = dl_next_batch(p->c, p->batches), updated;
            dl_tensor *x = more ? p->batches->input : NULL, *loss;
            if (!more) break;
            loss = dl_cross_entropy(p->c, dl_forward(p->c, p->net, x), p->batches->target, .label_smoothing = (dl_real)0.1);
            dl_backward(p->c, loss);
            dl_clip_grad_norm(p->c, p->net, 1);
            updated = dl_optim_step(p->c, p->opt);
            CHECK(updated == !dl_error(p->c));
            CHECK((hash(p->net) == before) == !updated);
            steps += updated;
        }
    return steps == 8;
}

static program start(size_t block_bytes)
{
    program p;
    p.c = dl_create(.seed = 1, .block_bytes = block_bytes);
    p.net = perceptron(p.c);
    p.opt = dl_optim_adam(p.c, p.net);
    p.batches = dl_loader_create(p.c, samples(p.c), .batch_size = 6, .shuffle = 1);
    return p;
}

static void fail_every_allocation(size_t block_bytes)
{
    program p;
    uint64_t wanted;
    int i, n, total;
    CHECK(live == 0);
    calls = 0, fail_at = -1, persistent = 0;
    p = start(block_bytes);
    CHECK(train(&p));
    wanted = hash(p.net);
    total = calls;
    dl_destroy(p.c);
    CHECK(live == 0 && total >= 3);

    for (i = 0; i < 2 * total; i++) {
        calls = 0, fail_at = i % total, persistent = i / total;
        p = start(block_bytes);
        if (!p.c) { CHECK(fail_at == 0 && live == 0); continue; }
        n = !dl_error(p.c);                              /* built without a fault */
        CHECK(train(&p) == !dl_error(p.c));
        CHECK(calls > fail_at);
        /* a block that malloc refuses is asked for again, smaller: a transient fault may heal by itself */
        if (dl_error(p.c)) CHECK(strstr(dl_error(p.c), "memory"));
        else CHECK(!persistent && hash(p.net) == wanted);

        fail_at = -1, persistent = 0;                    /* memory is back */
        dl_clear_error(p.c);
        dl_step_begin(p.c);
        CHECK(dl_item(dl_sum(p.c, dl_ones(p.c, DL_SHAPE(1000)))) == 1000);
        if (n) CHECK(train(&p) || train(&p));            /* the first may finish an epoch that the fault cut short */
        CHECK_OK(p.c);
        dl_destroy(p.c);
        CHECK(live == 0);
    }
    printf("(%d allocations) ", total);
}

static void large_blocks(void)  { fail_every_allocation(0); }
static void tiny_blocks(void)   { fail_every_allocation(1); }

/* dl_fit and dl_evaluate under the same fire. */
static void fit(void)
{
    int i, total = 1;
    for (i = -1; i < 2 * total; i++) {
        dl_ctx *c;
        dl_module *net;
        dl_dataset *data;
        calls = 0, fail_at = i < 0 ? -1 : i % total, persistent = i >= total;
        c = dl_create(.seed = 1, .block_bytes = 64);
        net = perceptron(c);
        data = samples(c);
        dl_fit(c, net, dl_optim_sgd(c, net), data, .validation = data, .epochs = 2, .batch_size = 5, .quiet = 1);
        if (i < 0) { CHECK_OK(c); total = calls; }
        else if (dl_error(c)) CHECK(strstr(dl_error(c), "memory"));
        fail_at = -1, persistent = 0;
        if (c) {
            dl_clear_error(c);
            CHECK(dl_item(dl_scalar(c, 3)) == 3);
        }
        dl_destroy(c);
        CHECK(live == 0);
    }
}

int main(void)
{
    RUN(large_blocks);
    RUN(tiny_blocks);
    RUN(fit);
    TEST_END;
}
