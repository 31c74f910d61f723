/* build: float */
/* Same bits: training and every op give one hash for any number of threads and any instruction set, run after run.
   The last line before the result is "hash ...": test_hash.sh compares it between compilers. */
#include "dl.h"
#include "test.h"

static uint64_t hash;                                     /* FNV-1a, 64 bits */

static void add_byte(unsigned b) { hash = (hash ^ (b & 255)) * 0x100000001b3u; }
static void add_values(const dl_real *x, int64_t n)       /* low byte first; NaN has many bit patterns and counts as one */
{
    int64_t i;
    int shift;
    for (i = 0; i < n; i++) {
        uint32_t bits = 0x7fc00000;
        if (x[i] == x[i]) memcpy(&bits, &x[i], sizeof bits);
        for (shift = 0; shift < 32; shift += 8) add_byte(bits >> shift);
    }
}

/* --- 50 steps of a perceptron with dropout by Adam and by SGD with momentum, some with each other optimizer ------ */
static void train(dl_ctx *c, int which)
{
    dl_module *net;
    dl_optim *opt = NULL;
    dl_param *p;
    int step, i;
    dl_manual_seed(c, 42 + (uint64_t)which);
    dl_step_begin(c);
    net = dl_nn_sequential(c, dl_nn_linear(c, 33, 129), dl_nn_relu(c), dl_nn_dropout(c, 0.3f),
                           dl_nn_linear(c, 129, 67), dl_nn_tanh(c), dl_nn_linear(c, 67, 19), dl_nn_sigmoid(c),
                           dl_nn_linear(c, 19, 10, .no_bias = 1));
    for (i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
        if (p->tensor->ndim == 2 && i % 4) dl_init_xavier_uniform(c, p->tensor);
        else if (p->tensor->ndim == 2) dl_init_he_normal(c, p->tensor);
    switch (which) {
    case 0: opt = dl_optim_adam(c, net, .lr = 0.01f, .weight_decay = 1e-4f); break;
    case 1: opt = dl_optim_sgd(c, net, .lr = 0.05f, .momentum = 0.9f, .dampening = 0.1f, .weight_decay = 1e-3f); break;
    case 2: opt = dl_optim_sgd(c, net, .lr = 0.05f, .momentum = 0.9f, .nesterov = 1); break;
    case 3: opt = dl_optim_sgd(c, net, .lr = 0.1f); break;
    case 4: opt = dl_optim_adamw(c, net, .lr = 0.01f); break;
    case 5: opt = dl_optim_adam(c, net, .lr = 0.01, .amsgrad = 1, .weight_decay = 1e-3); break;
    case 6: opt = dl_optim_nadam(c, net); break;
    case 7: opt = dl_optim_radam(c, net, .lr = 0.01); break;
    case 8: opt = dl_optim_adamax(c, net); break;
    case 9: opt = dl_optim_adagrad(c, net, .lr_decay = 0.01); break;
    case 10: opt = dl_optim_adadelta(c, net); break;
    case 11: opt = dl_optim_rmsprop(c, net, .lr = 1e-3); break;
    case 12: opt = dl_optim_rmsprop(c, net, .lr = 1e-3, .momentum = 0.9, .centered = 1); break;
    case 13: opt = dl_optim_rprop(c, net); break;
    case 14: opt = dl_optim_asgd(c, net, .t0 = 3); break;
    case 15: opt = dl_optim_adafactor(c, net); break;
    case 16: opt = dl_optim_muon(c, net, .lr = 0.01); break;
    case 17: opt = dl_optim_lookahead(c, dl_optim_sgd(c, net, .lr = 0.1), .k = 3); break;
    }
    for (step = 0; step < (which < 2 ? 50 : 15); step++) {
        dl_tensor *x, *t, *y, *loss;
        dl_step_begin(c);
        x = dl_randn(c, DL_SHAPE(50, 33));
        t = dl_argmax(c, dl_slice(c, x, 1, 0, 10), .dims = DL_DIM(1));
        y = dl_forward(c, net, x);
        loss = dl_cross_entropy(c, y, t, .label_smoothing = 0.1f);
        loss = dl_add(c, loss, dl_mul_scalar(c, dl_mean(c, dl_var(c, dl_softmax(c, y, 1), .dims = DL_DIM(0))), 0.1f));
        dl_backward(c, loss);
        if (step % 2) dl_clip_grad_norm(c, net, 1);
        dl_optim_step(c, opt);
        add_values(loss->data, 1);
    }
    for (i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++) add_values(p->tensor->data, p->tensor->size);
}

/* --- every op, values and gradients, on tensors large enough for all threads ------------------------------------- */
static dl_tensor *grad_leaf(dl_tensor *x) { x->requires_grad = 1; return x; }

static void use(dl_ctx *c, dl_tensor *y)
{
    dl_tensor *g;
    dl_shape s = DL_SHAPE(0);
    int d;
    add_values(y->data, y->size);
    if (!y->requires_grad) return;
    for (d = 0; d < y->ndim; d++) s.d[d] = y->shape[d];
    g = dl_rand(c, s);
    dl_backward(c, y, .grad = g);
}
static void use_all(dl_ctx *c, dl_tensor *y, dl_tensor *a, dl_tensor *b)
{
    use(c, y);
    add_values(a->grad, a->size);
    dl_zero_grad(a);
    if (b && b->grad) { add_values(b->grad, b->size); dl_zero_grad(b); }
}

static void elementwise(dl_ctx *c)
{
    dl_tensor *x, *a, *b, *row;
    dl_step_begin(c);
    x = grad_leaf(dl_mul_scalar(c, dl_randn(c, DL_SHAPE(70001)), 3));
#define ROW_(name, f, dx) use_all(c, dl_##name(c, x), x, NULL);
    DL_UNARY_OPS(ROW_)
#undef ROW_
#define ROW_(name, f, dx) use_all(c, dl_##name(c, x, 2.5f), x, NULL); use_all(c, dl_##name(c, x, -3), x, NULL);
    DL_UNARY_SCALAR_OPS(ROW_)
#undef ROW_
#define ROW_(name, f, dx) use_all(c, dl_##name(c, x, -1, 2), x, NULL);
    DL_UNARY_RANGE_OPS(ROW_)
#undef ROW_
    dl_step_begin(c);
    a = grad_leaf(dl_randn(c, DL_SHAPE(257, 300)));
    b = grad_leaf(dl_randn(c, DL_SHAPE(257, 300)));
    row = grad_leaf(dl_randn(c, DL_SHAPE(257, 1)));
#define ROW_(name, f, da, db)                                                                                           \
    use_all(c, dl_##name(c, a, b), a, b); use_all(c, dl_##name(c, a, row), a, row); use_all(c, dl_##name(c, row, b), b, row);
    DL_BINARY_OPS(ROW_)
#undef ROW_
#define ROW_(name, f) use(c, dl_##name(c, a, row));
    DL_COMPARE_OPS(ROW_)
#undef ROW_
    use_all(c, dl_where(c, dl_gt(c, a, b), a, row), a, row);
}

static void whole_ops(dl_ctx *c)
{
    static const unsigned dims[] = {0, DL_DIM(0), DL_DIM(1), DL_DIM(2), DL_DIM(0) | DL_DIM(1), DL_DIM(0) | DL_DIM(2),
                                    DL_DIM(1) | DL_DIM(2)};
    dl_tensor *x, *w, *b, *m, *n, *labels;
    int i;
    for (i = 0; i < 7; i++) {
        dl_step_begin(c);
        x = grad_leaf(dl_randn(c, DL_SHAPE(37, 53, 41)));
        use_all(c, dl_sum(c, x, .dims = dims[i]), x, NULL);
        use_all(c, dl_mean(c, x, .dims = dims[i]), x, NULL);
        use_all(c, dl_std(c, x, .dims = dims[i]), x, NULL);
        use_all(c, dl_max(c, x, .dims = dims[i]), x, NULL);
        use_all(c, dl_min(c, x, .dims = dims[i]), x, NULL);
        use_all(c, dl_logsumexp(c, x, .dims = dims[i]), x, NULL);
        use_all(c, dl_norm(c, x, .dims = dims[i]), x, NULL);
        use_all(c, dl_norm(c, x, .dims = dims[i], .p = 3), x, NULL);
        use_all(c, dl_prod(c, dl_mul_scalar(c, x, 1.5f), .dims = dims[i]), x, NULL);
    }
    for (i = 0; i < 3; i++) {
        dl_step_begin(c);
        x = grad_leaf(dl_randn(c, DL_SHAPE(37, 53, 41)));
        use_all(c, dl_softmax(c, x, i), x, NULL);
        use_all(c, dl_log_softmax(c, x, i), x, NULL);
        use_all(c, dl_cumsum(c, x, i), x, NULL);
        use_all(c, dl_sort(c, x, i), x, NULL);
        use_all(c, dl_topk(c, x, 7, i), x, NULL);
        w = grad_leaf(dl_randn(c, DL_SHAPE(37, 53, 41)));
        labels = dl_to_int(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(37, 50, 39)), (dl_real)x->shape[i]));     /* many of them alike */
        use_all(c, dl_gather(c, x, i, labels), x, NULL);
        use_all(c, dl_scatter_add(c, x, i, labels, w), x, w);
        use_all(c, dl_permute(c, x, DL_ORDER(i, (i + 1) % 3, (i + 2) % 3)), x, NULL);
        use_all(c, dl_slice(c, x, i, 3, 30, .step = 2), x, NULL);
    }
    dl_step_begin(c);
    x = grad_leaf(dl_randn(c, DL_SHAPE(700001)));          /* long rows are summed in pieces */
    use_all(c, dl_sum(c, x), x, NULL);
    use_all(c, dl_dropout(c, x, 0.4f), x, NULL);
    add_values(dl_rand(c, DL_SHAPE(200001))->data, 200001);
    dl_step_begin(c);
    x = grad_leaf(dl_randn(c, DL_SHAPE(1031, 97)));
    labels = dl_argmax(c, x, .dims = DL_DIM(1));
    use_all(c, dl_cross_entropy(c, x, labels), x, NULL);
    use_all(c, dl_cross_entropy(c, x, dl_softmax(c, dl_randn(c, DL_SHAPE(1031, 97)), 1), .label_smoothing = 0.2f), x, NULL);
    use_all(c, dl_mse_loss(c, x, dl_randn(c, DL_SHAPE(1031, 97))), x, NULL);
    use_all(c, dl_bce_with_logits(c, x, dl_rand(c, DL_SHAPE(1031, 97))), x, NULL);
    for (i = 0; i < 4; i++) {                              /* products: large, small, thin, batched, all transposes */
        static const int64_t sizes[4][3] = {{257, 131, 509}, {5, 7, 3}, {1, 300, 700}, {33, 1, 65}};
        int64_t M = sizes[i][0], N = sizes[i][1], K = sizes[i][2];
        int t;
        dl_step_begin(c);
        for (t = 0; t < 4; t++) {
            m = grad_leaf(dl_randn(c, t & 1 ? DL_SHAPE(K, M) : DL_SHAPE(M, K)));
            n = grad_leaf(dl_randn(c, t & 2 ? DL_SHAPE(N, K) : DL_SHAPE(K, N)));
            use_all(c, dl_matmul(c, m, n, .transpose_a = t & 1, .transpose_b = t >> 1), m, n);
        }
        m = grad_leaf(dl_randn(c, DL_SHAPE(7, 1, M / 4 + 1, K)));
        n = grad_leaf(dl_randn(c, DL_SHAPE(3, K, N)));
        use_all(c, dl_matmul(c, m, n), m, n);
        x = grad_leaf(dl_randn(c, DL_SHAPE(M, K)));
        w = grad_leaf(dl_randn(c, DL_SHAPE(N, K)));
        b = grad_leaf(dl_randn(c, DL_SHAPE(N)));
        for (t = 0; t < 5; t++) use_all(c, dl_linear(c, x, w, b, .activation = (dl_activation)t), x, w);
        add_values(b->grad, b->size);
    }
}

static uint64_t run(const char *isa, int threads, int part)
{
    dl_ctx *c = dl_create(.isa = isa, .threads = threads);
    int i;
    hash = 0xcbf29ce484222325u;
    dl_manual_seed(c, 7);
    if (part == 0) for (i = 0; i < 18; i++) train(c, i);
    if (part == 1) elementwise(c);
    if (part == 2) whole_ops(c);
    if (dl_error(c)) { CHECK(!"an error"); printf("\n%s\n", dl_error(c)); }
    dl_destroy(c);
    return hash;
}

static int available(const char *isa)
{
    dl_ctx *c = dl_create(.isa = isa);
    int ok = !dl_error(c);
    dl_destroy(c);
    if (!ok) printf("(no %s here) ", isa);
    return ok;
}

static uint64_t total;
static int part;
static void same_bits(void)
{
    static const struct { const char *isa; int threads; } ways[] = {
        {NULL, 1}, {NULL, 2}, {NULL, 3}, {NULL, 4}, {NULL, 7}, {"avx2", 1}, {"avx2", 3}, {"portable", 3}
    };
    uint64_t first = run(NULL, 1, part);
    int i;
    for (i = 0; i < 8; i++) {                              /* the first way is the same once more */
        if (part > 0 && ways[i].threads % 2 == 0) continue;
        if (available(ways[i].isa) && !CHECK(run(ways[i].isa, ways[i].threads, part) == first))
            printf("\n    %s with %d threads", ways[i].isa ? ways[i].isa : "the best", ways[i].threads);
    }
    total = (total ^ first) * 0x100000001b3u;
}

int main(int argc, char **argv)
{
    static const char *names[] = {"training", "elementwise_ops", "other_ops"};
    int hash_only = argc > 1 && !strcmp(argv[1], "--hash");
    for (part = 0; part < 3; part++)
        if (hash_only) total = (total ^ run(NULL, 1, part)) * 0x100000001b3u;
        else test_run(same_bits, names[part]);
    printf("hash %08x%08x\n", (unsigned)(total >> 32), (unsigned)total);
    TEST_END;
}
