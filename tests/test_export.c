/* build: float +asan */
/* Export to ONNX and to C.  Alone it checks what the files say and the errors; test_export.sh calls it with --write DIR, which
   writes for each model MODEL.onnx, MODEL.c, MODEL.in, MODEL.out and a batch of another size, and compares other people's runs. */
#define DL_EXPORT
#define DL_MODELS
#include "dl.h"
#include "test.h"

/* --- modules of functions ----------------------------------------------------------------------------------------------- */
static dl_tensor *elementwise(dl_ctx *c, dl_tensor *x)                   /* every row of the tables, in one tensor */
{
    dl_tensor *y[80], *b = dl_add_scalar(c, dl_mul_scalar(c, x, 0.5f), 0.4f), *v = dl_sub_scalar(c, x, 1);
    int n = 0;
#define ROW1(name, f, dx) y[n++] = dl_##name(c, x);
    DL_UNARY_OPS(ROW1)
#undef ROW1
#define ROW1(name, f, dx) y[n++] = dl_##name(c, x, (dl_real)0.7);
    DL_UNARY_SCALAR_OPS(ROW1)
#undef ROW1
#define ROW1(name, f, dx) y[n++] = dl_##name(c, x, (dl_real)0.3, (dl_real)1.2);
    DL_UNARY_RANGE_OPS(ROW1)
#undef ROW1
#define ROW1(name, f, da, db) y[n++] = dl_##name(c, x, b);
    DL_BINARY_OPS(ROW1)
#undef ROW1
#define ROW1(name, f) y[n++] = dl_##name(c, x, b);
    DL_COMPARE_OPS(ROW1)
#undef ROW1
    y[n++] = dl_where(c, dl_gt(c, x, b), x, b);
    y[n++] = dl_huber_loss(c, x, b, .delta = (dl_real)0.3, .reduction = DL_NONE);
    y[n++] = dl_smooth_l1_loss(c, x, b, .beta = (dl_real)0.3, .reduction = DL_NONE);
    y[n++] = dl_relu(c, v); y[n++] = dl_gelu(c, v); y[n++] = dl_silu(c, v); y[n++] = dl_selu(c, v); y[n++] = dl_elu(c, v, 1);
    y[n++] = dl_softplus(c, v, 1, 20); y[n++] = dl_logsigmoid(c, v); y[n++] = dl_hardshrink(c, v, (dl_real)0.2); y[n++] = dl_relu6(c, v);
    return dl_cat(c, n, y, 1);
}

static dl_tensor *shapes(dl_ctx *c, dl_tensor *x)                        /* (N, 4, 6): views, moves, reductions, look-ups */
{
    static const int32_t order[] = {3, 0, 2, 2, 1};
    dl_pads pads = {{0, 1, 2}, {0, 0, 1}};
    dl_tensor *y[24], *t = dl_transpose(c, x, 1, 2), *part[2];
    int n = 0, i;
    y[n++] = dl_flatten(c, t, 1, -1);
    y[n++] = dl_flatten(c, dl_permute(c, dl_unsqueeze(c, x, 1), DL_ORDER(0, 3, 1, 2)), 1, -1);
    y[n++] = dl_flatten(c, dl_slice(c, x, 2, 1, 6, .step = 2), 1, -1);
    y[n++] = dl_flatten(c, dl_pad(c, x, pads, .value = 2), 1, -1);
    y[n++] = dl_flatten(c, dl_repeat(c, x, DL_SHAPE(1, 2, 3)), 1, -1);
    y[n++] = dl_flatten(c, dl_index_select(c, x, 1, dl_tensor_from_int(c, order, DL_SHAPE(5))), 1, -1);
    part[0] = x; part[1] = dl_neg(c, x);
    y[n++] = dl_flatten(c, dl_stack(c, 2, part, 2), 1, -1);
    y[n++] = dl_sum(c, x, .dims = DL_DIM(1));
    y[n++] = dl_mean(c, x, .dims = DL_DIM(2));
    y[n++] = dl_max(c, x, .dims = DL_DIM(1));
    y[n++] = dl_min(c, x, .dims = DL_DIM(2));
    y[n++] = dl_prod(c, x, .dims = DL_DIM(2));
    y[n++] = dl_var(c, x, .dims = DL_DIM(1));
    y[n++] = dl_std(c, x, .dims = DL_DIM(2));
    y[n++] = dl_logsumexp(c, x, .dims = DL_DIM(1));
    y[n++] = dl_norm(c, x, .dims = DL_DIM(2));
    y[n++] = dl_flatten(c, dl_cumsum(c, x, 2), 1, -1);
    y[n++] = dl_flatten(c, dl_matmul(c, x, t), 1, -1);
    y[n++] = dl_flatten(c, dl_matmul(c, x, x, .transpose_b = 1), 1, -1);
    y[n++] = dl_flatten(c, dl_matmul(c, x, x, .transpose_a = 1), 1, -1);
    y[n++] = dl_flatten(c, dl_log_softmax(c, dl_softmax(c, x, 1), 2), 1, -1);
    y[n++] = dl_flatten(c, dl_mul(c, x, dl_expand(c, dl_mean(c, x, .dims = DL_DIM(2), .keepdim = 1), DL_SHAPE(-1, -1, 6))), 1, -1);
    for (i = 0; i < n; i++) if (dl_is_nil(y[i])) return y[i];
    return dl_cat(c, n, y, 1);
}

static dl_tensor *upsample(dl_ctx *c, dl_tensor *x)
{
    dl_tensor *y[3];
    y[0] = dl_interpolate(c, x, .size = {9, 12}, .mode = DL_BILINEAR);
    y[1] = dl_interpolate(c, x, .size = {9, 12});
    y[2] = dl_pad_mode(c, dl_adaptive_avg_pool2d(c, x, 4), (dl_pads){{0, 0, 2, 4}, {0, 0, 3, 4}}, DL_PAD_CIRCULAR);
    return dl_cat(c, 3, y, 1);
}

/* --- a residual block -------------------------------------------------------------------------------------------------- */
typedef struct { dl_module base; dl_module *conv1, *bn1, *conv2, *bn2, *down; } block;

static dl_tensor *block_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    block *b = (block *)self;
    dl_tensor *y = dl_relu(c, dl_forward(c, b->bn1, dl_forward(c, b->conv1, x)));
    y = dl_forward(c, b->bn2, dl_forward(c, b->conv2, y));
    return dl_relu(c, dl_add(c, y, b->down ? dl_forward(c, b->down, x) : x));
}
static const dl_module_type block_type = { "block", sizeof(block), block_forward };

static dl_module *make_block(dl_ctx *c, int in, int out, int stride)
{
    block *b = (block *)dl_module_create(c, &block_type);
    b->conv1 = dl_module_add(c, &b->base, "conv1", dl_nn_conv2d(c, in, out, 3, .stride = stride, .padding = 1, .no_bias = 1));
    b->bn1 = dl_module_add(c, &b->base, "bn1", dl_nn_batchnorm2d(c, out));
    b->conv2 = dl_module_add(c, &b->base, "conv2", dl_nn_conv2d(c, out, out, 3, .padding = 1, .no_bias = 1));
    b->bn2 = dl_module_add(c, &b->base, "bn2", dl_nn_batchnorm2d(c, out));
    if (stride > 1)
        b->down = dl_module_add(c, &b->base, "downsample", dl_nn_sequential(c, dl_nn_conv2d(c, in, out, 1, .stride = stride, .no_bias = 1),
                                                                            dl_nn_batchnorm2d(c, out)));
    return &b->base;
}

/* --- a transformer: tokens, positions, a block that looks back, logits -------------------------------------------------------- */
typedef struct { dl_module base; dl_module *tokens, *norm1, *qkv, *out, *norm2, *up, *down; } gpt;

static dl_tensor *gpt_forward(dl_ctx *c, dl_module *self, dl_tensor *ids)
{
    gpt *g = (gpt *)self;
    dl_tensor *x = dl_forward(c, g->tokens, ids), *y;
    x = dl_add(c, x, dl_rope(c, dl_mul_scalar(c, x, (dl_real)0.5), .heads = 2));
    y = dl_attention(c, dl_forward(c, g->qkv, dl_forward(c, g->norm1, x)), NULL, NULL, .heads = 4, .kv_heads = 2, .causal = 1);
    x = dl_add(c, x, dl_forward(c, g->out, y));
    y = dl_gelu(c, dl_forward(c, g->up, dl_forward(c, g->norm2, x)));
    x = dl_add(c, x, dl_forward(c, g->down, y));
    return dl_matmul(c, x, dl_module_get(c, g->tokens, "weight"), .transpose_b = 1);        /* tied */
}
static const dl_module_type gpt_type = { "gpt", sizeof(gpt), gpt_forward };

static dl_module *make_gpt(dl_ctx *c)
{
    gpt *g = (gpt *)dl_module_create(c, &gpt_type);
    g->tokens = dl_module_add(c, &g->base, "tokens", dl_nn_embedding(c, 11, 16));
    g->norm1 = dl_module_add(c, &g->base, "norm1", dl_nn_layernorm(c, DL_SHAPE(16)));
    g->qkv = dl_module_add(c, &g->base, "qkv", dl_nn_linear(c, 16, 32));
    g->out = dl_module_add(c, &g->base, "out", dl_nn_linear(c, 16, 16));
    g->norm2 = dl_module_add(c, &g->base, "norm2", dl_nn_rmsnorm(c, DL_SHAPE(16)));
    g->up = dl_module_add(c, &g->base, "up", dl_nn_linear(c, 16, 40));
    g->down = dl_module_add(c, &g->base, "down", dl_nn_linear(c, 40, 16));
    return &g->base;
}

/* --- recurrent layers: words, a layer, its last state, logits ------------------------------------------------------------------- */
typedef struct { dl_module base; dl_module *words, *rnn, *out; } reader;

static dl_tensor *reader_forward(dl_ctx *c, dl_module *self, dl_tensor *ids)
{
    reader *r = (reader *)self;
    dl_tensor *h, *y = dl_nn_rnn_forward(c, r->rnn, dl_forward(c, r->words, ids), .h_n = &h);
    dl_tensor *both[2];
    both[0] = dl_mean(c, y, .dims = DL_DIM(1));
    both[1] = dl_flatten(c, dl_transpose(c, h, 0, 1), 1, -1);             /* (layers directions, N, H) -> (N, ..) */
    return dl_forward(c, r->out, dl_cat(c, 2, both, 1));
}
static const dl_module_type reader_type = { "reader", sizeof(reader), reader_forward };

static dl_module *make_reader(dl_ctx *c, dl_module *rnn, int features)
{
    reader *r = (reader *)dl_module_create(c, &reader_type);
    r->words = dl_module_add(c, &r->base, "words", dl_nn_embedding(c, 11, 6));
    r->rnn = dl_module_add(c, &r->base, "rnn", rnn);
    r->out = dl_module_add(c, &r->base, "out", dl_nn_linear(c, features, 4));
    return &r->base;
}

/* Every kind of layer in both directions with a first state, and without a batch */
static dl_tensor *recurrence(dl_ctx *c, dl_tensor *x)                    /* (N, 4, 3) */
{
    static const int32_t ends[] = {4, 2};
    const int64_t N = x->shape[0];
    dl_tensor *y[17], *one = dl_squeeze(c, dl_slice(c, x, 0, 0, 1), DL_DIM(0)), *lengths = N == 2 ? dl_tensor_from_int(c, ends, DL_SHAPE(2)) : NULL;
    dl_tensor *h0 = dl_expand(c, dl_mul_scalar(c, dl_sum(c, one), (dl_real)0.1), DL_SHAPE(2, N, 2)), *last;
    int kind, n = 0, k, d;
    int64_t i;
    for (kind = DL_RNN_TANH; kind <= DL_GRU; kind++) {
        const int G = 2 * (kind == DL_LSTM ? 4 : kind == DL_GRU ? 3 : 1);
        dl_rnn_weights w[2];
        memset(w, 0, sizeof w);
        for (d = 0; d < 2; d++)
            for (k = 0; k < 4; k++) {
                dl_tensor *p = k < 2 ? dl_zeros(c, DL_SHAPE(G, 3 - k)) : dl_zeros(c, DL_SHAPE(G));
                for (i = 0; i < p->size; i++) p->data[i] = (dl_real)((double)((i * 7 + k * 5 + d * 3 + kind) % 11) / 10 - 0.45);
                *(k == 0 ? &w[d].weight_ih : k == 1 ? &w[d].weight_hh : k == 2 ? &w[d].bias_ih : &w[d].bias_hh) = p;
            }
        y[n++] = dl_rnn(c, (dl_rnn_kind)kind, x, &w[0], .reverse = &w[1], .h0 = h0, .lengths = lengths, .h_n = &last, .batch_first = 1);
        y[n++] = last;
        y[n++] = dl_rnn(c, (dl_rnn_kind)kind, one, &w[0], .h_n = &last);
        y[n++] = last;
    }
    y[n++] = dl_attention_additive(c, dl_slice(c, x, 1, 0, 2), x, dl_eye(c, 3), NULL, dl_arange(c, 1, 4, 1), .lengths = lengths);
    for (k = 0; k < n; k++) y[k] = dl_flatten(c, y[k], 0, -1);
    return dl_cat(c, n, y, 0);
}

typedef struct { dl_module base; dl_module *lstm, *gru; } cells;
static dl_tensor *cells_forward(dl_ctx *c, dl_module *self, dl_tensor *x)          /* (N, 4, 3), step by step */
{
    cells *m = (cells *)self;
    dl_tensor *h = NULL, *state = NULL, *z = NULL, *last[2];
    int t;
    for (t = 0; t < 3; t++) {
        h = dl_nn_rnn_step(c, m->lstm, dl_squeeze(c, dl_slice(c, x, 1, t, t + 1), DL_DIM(1)), h, &state);
        z = dl_nn_rnn_step(c, m->gru, h, z, NULL);
    }
    last[0] = z; last[1] = state;
    return dl_cat(c, 2, last, 1);
}
static const dl_module_type cells_type = { "cells", sizeof(cells), cells_forward };
static dl_module *make_cells(dl_ctx *c)
{
    cells *m = (cells *)dl_module_create(c, &cells_type);
    m->lstm = dl_module_add(c, &m->base, "lstm", dl_nn_lstm_cell(c, 3, 5));
    m->gru = dl_module_add(c, &m->base, "gru", dl_nn_gru_cell(c, 5, 4, .no_bias = 1));
    return &m->base;
}

static dl_tensor *pools(dl_ctx *c, dl_tensor *x)                         /* (N, 2, 9, 8) and what is looked up in it */
{
    static const int32_t index[] = {1, 0, 7, 3, 3, 2, 5, 6};
    dl_tensor *y[8];
    int n = 0, i;
    y[n++] = dl_max_pool2d(c, x, 3, .stride = 2, .ceil_mode = 1);
    y[n++] = dl_max_pool2d(c, x, 2, .dilation = 2, .stride = 1);
    y[n++] = dl_avg_pool2d(c, x, 3, .stride = 2, .padding = 1, .ceil_mode = 1);
    y[n++] = dl_avg_pool2d(c, x, 3, .stride = 3, .padding = 1, .no_count_include_pad = 1);
    y[n++] = dl_adaptive_avg_pool2d(c, x, 5);
    y[n++] = dl_adaptive_max_pool2d(c, x, 4, .sizes = {3, 4});
    y[n++] = dl_gather(c, dl_slice(c, x, 0, 0, 1), 3, dl_tensor_from_int(c, index, DL_SHAPE(1, 1, 2, 4)));
    for (i = 0; i < n; i++) y[i] = dl_flatten(c, y[i], 0, -1);
    return dl_cat(c, n, y, 0);
}

static dl_tensor *corners(dl_ctx *c, dl_tensor *x)                       /* (N, 3): rows of -infinity, queries that see no key */
{
    static const int32_t seen[] = {1, 0, 1, 0, 0, 0, 1, 1, 1};
    const dl_real inf = (dl_real)INFINITY, hides[] = {-inf, 2, -1, 0, 1, -inf, -inf, (dl_real)-3.4e38, -inf};
    dl_tensor *y[6], *q = dl_reshape(c, x, DL_SHAPE(-1, 1, 3, 1)), *k = dl_slice(c, q, 2, 0, 2);
    int i;
    y[0] = dl_logsumexp(c, dl_add(c, x, dl_full(c, DL_SHAPE(3), (dl_real)-INFINITY)), .dims = DL_DIM(1), .keepdim = 1);
    y[1] = dl_attention(c, q, k, k, .causal = 1);                        /* 3 queries, 2 keys: the first sees none */
    y[2] = dl_attention(c, q, q, q, .mask = dl_tensor_from_int(c, seen, DL_SHAPE(3, 3)));
    y[3] = dl_attention(c, q, q, q, .mask = dl_tensor_from(c, hides, DL_SHAPE(3, 3)), .causal = 1);   /* the first and the last see none */
    y[4] = dl_attention(c, q, q, q, .mask = dl_log(c, dl_relu(c, q)));   /* those that are negative see none */
    y[5] = dl_attention(c, q, q, q, .mask = dl_scalar(c, -inf));
    for (i = 1; i < 6; i++) y[i] = dl_flatten(c, y[i], 1, -1);
    return dl_cat(c, 6, y, 1);
}
static dl_tensor *outer(dl_ctx *c, dl_tensor *x)                         /* (N, 3) -> (N N), exported with N = 1 */
{
    return dl_flatten(c, dl_matmul(c, x, x, .transpose_b = 1), 0, -1);
}
static dl_tensor *sums(dl_ctx *c, dl_tensor *x)                          /* (N, 2): of 65536 equal numbers, ONNX Runtime's add up to 5e-4 too much */
{
    dl_tensor *y[4], *all = dl_expand(c, dl_reshape(c, x, DL_SHAPE(-1, 2, 1, 1)), DL_SHAPE(-1, -1, 256, 256));
    y[0] = dl_flatten(c, dl_global_avg_pool2d(c, all), 1, -1);
    y[1] = dl_mean(c, all, .dims = DL_DIM(2) | DL_DIM(3));
    y[2] = dl_div_scalar(c, dl_sum(c, all, .dims = DL_DIM(2) | DL_DIM(3)), 65536);
    y[3] = dl_div_scalar(c, dl_log(c, dl_div_scalar(c, dl_sum(c, dl_softmax(c, dl_flatten(c, all, 2, -1), 2), .dims = DL_DIM(2)), 2)), 10);
    return dl_cat(c, 4, y, 1);
}
static dl_tensor *one(dl_ctx *c, dl_tensor *x)                           /* (N, 1, 3), exported with N = 1: which axis is which? */
{
    dl_tensor *y[2], *rows = dl_squeeze(c, x, DL_DIM(1));
    y[0] = dl_transpose(c, x, 0, 1);
    y[1] = dl_transpose(c, dl_stack(c, 1, &rows, 1), 0, 1);
    return dl_cat(c, 2, y, 2);
}
static dl_tensor *odd(dl_ctx *c, dl_tensor *x)                           /* (N, 6): NaN goes through, small numbers stay */
{
    dl_tensor *y[20], *small = dl_mul_scalar(c, x, (dl_real)1e-8);
    int n = 0, i;
    y[n++] = dl_expm1(c, small);
    y[n++] = dl_log1p(c, small);
    y[n++] = dl_celu(c, small, (dl_real)0.5);
    y[n++] = dl_selu(c, small);
    for (i = 0; i < n; i++) y[i] = dl_mul_scalar(c, y[i], (dl_real)1e8);
    y[n++] = dl_relu(c, x);
    y[n++] = dl_maximum(c, x, dl_neg(c, x));
    y[n++] = dl_minimum(c, dl_ones(c, DL_SHAPE(6)), x);
    y[n++] = dl_clamp(c, x, (dl_real)-0.2, (dl_real)0.2);
    y[n++] = dl_hardshrink(c, x, (dl_real)0.2);
    y[n++] = dl_max(c, x, .dims = DL_DIM(1), .keepdim = 1);
    y[n++] = dl_min(c, x, .dims = DL_DIM(1), .keepdim = 1);
    y[n++] = dl_flatten(c, dl_max_pool1d(c, dl_unsqueeze(c, x, 1), 3), 1, -1);
    return dl_cat(c, n, y, 1);
}

static dl_tensor *edges(dl_ctx *c, dl_tensor *x)                         /* (N, 3, 4) */
{
    dl_tensor *y[8], *part = dl_slice(c, x, 1, 0, 1), *w;
    int n = 0;
    y[n++] = dl_flatten(c, dl_softplus(c, x, 1, (dl_real)0.3), 1, -1);                       /* on both sides of the threshold */
    y[n++] = dl_flatten(c, dl_squeeze(c, dl_stack(c, 1, &part, 2), DL_DIM(1)), 1, -1);       /* (N, 1, 1, 4): which is the new one? */
    y[n++] = dl_div(c, dl_norm(c, dl_mul_scalar(c, x, (dl_real)1e25), .dims = DL_DIM(2)), dl_full(c, DL_SHAPE(3), (dl_real)1e25));
    y[n++] = dl_div(c, dl_norm(c, dl_mul_scalar(c, x, (dl_real)1e-25), .p = 3, .dims = DL_DIM(2)), dl_full(c, DL_SHAPE(3), (dl_real)1e-25));
    y[n++] = dl_flatten(c, dl_max_pool1d(c, x, 2, .stride = 3, .padding = 1, .ceil_mode = 1), 1, -1);
    y[n++] = dl_flatten(c, dl_attention(c, x, x, x, .heads = 2, .weights = &w), 1, -1);
    y[n++] = dl_flatten(c, w, 1, -1);
    return dl_cat(c, n, y, 1);
}
static dl_module *first_tree, *second_tree;                              /* both have a "weight" */
static dl_tensor *trees(dl_ctx *c, dl_tensor *x)                         /* (N, 3) */
{
    static const int32_t last = 2;
    dl_tensor *y[2];
    y[0] = dl_forward(c, second_tree, dl_relu(c, dl_forward(c, first_tree, x)));
    y[1] = dl_index_select(c, x, 1, dl_tensor_from_int(c, &last, DL_SHAPE(0)));             /* an index without axes */
    return dl_cat(c, 2, y, 1);
}
static dl_module *few, *many;
static dl_tensor *columns(dl_ctx *c, dl_tensor *ids)                     /* (N, 2): of the one there are 2, of the other 1000 */
{
    return dl_add(c, dl_forward(c, few, dl_select(c, ids, 1, 0)), dl_forward(c, many, dl_select(c, ids, 1, 1)));
}
/* A module whose own parameters are called as the graph's ends. */
typedef struct { dl_module base; dl_tensor *in, *out; } ends;
static dl_tensor *ends_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    return dl_add(c, dl_mul(c, x, ((ends *)self)->in), ((ends *)self)->out);
}
static const dl_module_type ends_type = { "ends", sizeof(ends), ends_forward };

/* --- the models ---------------------------------------------------------------------------------------------------------- */
static const struct { const char *name; char input; int64_t shape[4]; } models[] = {    /* r: -0.9 .. 1.1, p: positive, w: words,
                                                                     1: like r, exported with N = 1; n: with NaN, C only, c: like p, C only;
                                                                     o: rows (1, 900), (0, 901), .., ONNX only */
    {"mlp", 'r', {6}}, {"lenet", 'r', {1, 28, 28}}, {"resnet", 'r', {3, 18, 18}}, {"gpt", 'w', {7}}, {"elementwise", 'p', {9}},
    {"shapes", 'p', {4, 6}}, {"segment", 'r', {4, 7, 8}}, {"audio", 'r', {2, 23}}, {"volume", 'r', {1, 4, 6, 5}}, {"rnn", 'r', {4, 3}},
    {"lstm", 'w', {7}}, {"gru", 'w', {7}}, {"recurrence", 'r', {4, 3}}, {"cells", 'r', {4, 3}}, {"mobile", 'r', {3, 13, 12}},
    {"encoder", 'r', {6, 8}}, {"gpt2", 'w', {7}}, {"llama", 'w', {7}}, {"pools", 'r', {2, 9, 8}},
    {"vit", 'r', {3, 8, 8}}, {"corners", 'r', {3}}, {"one", '1', {1, 3}}, {"odd", 'n', {6}}, {"look_up", 'w', {1}},
    {"edges", 'r', {3, 4}}, {"ends", 'r', {4}}, {"outer", '1', {3}}, {"sums", 'c', {2}},
    {"trees", 'r', {3}}, {"columns", 'o', {2}}};
enum { MODELS = sizeof models / sizeof *models };

static dl_module *make(dl_ctx *c, int i)
{
    switch (i) {
    case 0: return dl_nn_sequential(c, dl_nn_linear(c, 6, 16), dl_nn_relu(c), dl_nn_dropout(c, 0.5f), dl_nn_linear(c, 16, 12),
                                    dl_nn_batchnorm1d(c, 12), dl_nn_tanh(c), dl_nn_linear(c, 12, 5, .no_bias = 1), dl_nn_softmax(c, 1));
    case 1: return dl_nn_sequential(c, dl_nn_conv2d(c, 1, 6, 5, .padding = 2), dl_nn_relu(c), dl_nn_max_pool2d(c, 2),
                                    dl_nn_conv2d(c, 6, 16, 5), dl_nn_sigmoid(c), dl_nn_avg_pool2d(c, 2), dl_nn_flatten(c),
                                    dl_nn_linear(c, 400, 84), dl_nn_relu(c), dl_nn_linear(c, 84, 10));
    case 2: return dl_nn_sequential(c, dl_nn_conv2d(c, 3, 8, 3, .padding = 1, .no_bias = 1), dl_nn_batchnorm2d(c, 8), dl_nn_relu(c),
                                    dl_nn_max_pool2d(c, 3, .stride = 2, .padding = 1), make_block(c, 8, 8, 1), make_block(c, 8, 16, 2),
                                    dl_nn_global_avg_pool2d(c), dl_nn_flatten(c), dl_nn_linear(c, 16, 10));
    case 3: return make_gpt(c);
    case 4: return dl_nn_function(c, "elementwise", elementwise);
    case 5: return dl_nn_function(c, "shapes", shapes);
    case 6: return dl_nn_sequential(c, dl_nn_conv2d(c, 4, 8, 3, .groups = 2, .dilation = 2, .padding = 2), dl_nn_groupnorm(c, 2, 8),
                                    dl_nn_prelu(c, 8), dl_nn_conv_transpose2d(c, 8, 6, 3, .stride = 2, .padding = 1, .output_padding = 1, .groups = 2),
                                    dl_nn_instancenorm2d(c, 6), dl_nn_function(c, "upsample", upsample), dl_nn_conv2d(c, 18, 2, 1));
    case 7: return dl_nn_sequential(c, dl_nn_conv1d(c, 2, 6, 5, .stride = 2), dl_nn_relu6(c), dl_nn_avg_pool1d(c, 3, .stride = 2, .padding = 1),
                                    dl_nn_local_response_norm(c, 3), dl_nn_conv_transpose1d(c, 6, 3, 4, .stride = 2), dl_nn_flatten(c));
    case 9: return dl_nn_rnn(c, 3, 5, .relu = 1);
    case 10: return make_reader(c, dl_nn_lstm(c, 6, 5, .num_layers = 2, .bidirectional = 1, .batch_first = 1, .dropout = (dl_real)0.5), 30);
    case 11: return make_reader(c, dl_nn_gru(c, 6, 5, .num_layers = 2, .batch_first = 1), 15);
    case 12: return dl_nn_function(c, "recurrence", recurrence);
    case 13: return make_cells(c);
    case 14: return dl_nn_sequential(c, dl_nn_conv2d(c, 3, 8, 3, .stride = 2, .padding = 1, .no_bias = 1), dl_nn_batchnorm2d(c, 8),
                                     dl_nn_relu6(c), dl_nn_conv2d(c, 8, 8, 3, .groups = 8, .padding = 1), dl_nn_batchnorm2d(c, 8),
                                     dl_nn_hardswish(c), dl_nn_conv2d(c, 8, 12, 1), dl_nn_dropout(c, (dl_real)0.2),
                                     dl_nn_global_avg_pool2d(c), dl_nn_flatten(c), dl_nn_linear(c, 12, 4));
    case 15: return dl_nn_tfm_encoder(c, 8, 2, 2, .dim_feedforward = 12, .dropout = (dl_real)0.1, .final_norm = 1);
    case 16: return dl_model_gpt(c, .vocab_size = 11, .block_size = 9, .layers = 2, .heads = 2, .dim = 8, .dropout = (dl_real)0.1);
    case 17: return dl_model_llama(c, .vocab_size = 11, .block_size = 9, .layers = 2, .heads = 4, .kv_heads = 2, .dim = 16, .hidden = 24);
    case 18: return dl_nn_function(c, "pools", pools);
    case 20: return dl_nn_function(c, "corners", corners);
    case 21: return dl_nn_function(c, "one", one);
    case 22: return dl_nn_function(c, "odd", odd);
    case 24: return dl_nn_function(c, "edges", edges);
    case 25: {
        ends *m = (ends *)dl_module_create(c, &ends_type);
        m->in = dl_module_param(c, &m->base, "input", DL_SHAPE(4));
        m->out = dl_module_param(c, &m->base, "output", DL_SHAPE(4));
        dl_init_uniform(c, m->in, 1, 2);
        dl_init_uniform(c, m->out, 1, 2);
        return &m->base;
    }
    case 26: return dl_nn_function(c, "outer", outer);
    case 27: return dl_nn_function(c, "sums", sums);
    case 28:
        first_tree = dl_nn_linear(c, 3, 3);
        second_tree = dl_nn_linear(c, 3, 3);
        return dl_nn_function(c, "trees", trees);
    case 29:
        few = dl_nn_embedding(c, 2, 3);
        many = dl_nn_embedding(c, 1000, 3);
        return dl_nn_function(c, "columns", columns);
    case 23: return dl_nn_embedding(c, 11, 4, .max_norm = (dl_real)0.5);
    case 19: return dl_model_vit(c, 8, 4, .layers = 1, .heads = 2, .dim = 8, .mlp_dim = 12, .num_classes = 5);
    default: return dl_nn_sequential(c, dl_nn_conv3d(c, 1, 4, 3, .padding = 1), dl_nn_relu(c), dl_nn_max_pool3d(c, 2), dl_nn_flatten(c));
    }
}

static dl_tensor *input(dl_ctx *c, int i, int batch)
{
    dl_shape s;
    dl_tensor *x;
    int64_t k;
    memset(&s, 0, sizeof s);
    s.d[0] = batch;
    memcpy(s.d + 1, models[i].shape, sizeof models[i].shape);
    dl_manual_seed(c, 77);
    x = dl_add_scalar(c, dl_rand(c, s), (dl_real)0.05);
    if (models[i].input == 'n') x->data[1] = (dl_real)NAN;
    for (k = 0; models[i].input == 'o' && k < x->size; k++) x->data[k] = (dl_real)(k % 2 ? 900 + k / 2 : 1 - k / 2 % 2);
    if (models[i].input == 'o') return dl_to_int(c, x);
    if (models[i].input != 'w') return strchr("pc", models[i].input) ? x : dl_sub_scalar(c, dl_mul_scalar(c, x, 2), 1);
    for (k = 0; k < x->size; k++) x->data[k] = (dl_real)(k * k % 11);
    return dl_to_int(c, x);
}

/* Statistics of batch norms as after training. */
static void season(dl_module *m)
{
    char name[128];
    dl_param *p;
    int i;
    int64_t k;
    for (i = 0; (p = dl_module_at(m, i, name, sizeof name)) != NULL; i++)
        for (k = 0; k < p->tensor->size; k++) {
            if (strstr(name, "running_mean")) p->tensor->data[k] = (dl_real)(0.1 * (double)(k % 5) - 0.2);
            if (strstr(name, "heads")) p->tensor->data[k] = (dl_real)(0.1 * (double)(k % 7) - 0.3);      /* else 0 */
            if (strstr(name, "running_var")) p->tensor->data[k] = (dl_real)(0.5 + 0.2 * (double)(k % 4));
            if (strstr(name, "bn") || strstr(name, "norm")) { if (strstr(name, ".weight")) p->tensor->data[k] = (dl_real)(0.8 + 0.1 * (double)(k % 3)); }
        }
}

/* --- for test_export.sh ------------------------------------------------------------------------------------------------------ */
static void save(const char *folder, const char *name, const char *end, const dl_tensor *x)
{
    char path[512];
    FILE *f;
    int d;
    int64_t i;
    snprintf(path, sizeof path, "%s/%s%s", folder, name, end);
    if (!(f = fopen(path, "w"))) return;
    for (d = 0; d < x->ndim; d++) fprintf(f, "%lld ", (long long)x->shape[d]);
    fprintf(f, "\n");
    for (i = 0; i < x->size; i++) fprintf(f, "%.9g\n", x->idata ? (double)x->idata[i] : (double)x->data[i]);
    fclose(f);
}

static int write_all(const char *folder)
{
    int i, failed = 0;
    for (i = 0; i < MODELS; i++) {
        char path[512];
        dl_ctx *c = dl_create(.seed = 5, .threads = 1);
        dl_module *m = make(c, i);
        dl_tensor *x = input(c, i, models[i].input == '1' ? 1 : 2), *more = input(c, i, 5);
        season(m);
        dl_set_training(c, 0);
        save(folder, models[i].name, ".in", x);
        save(folder, models[i].name, ".out", dl_forward(c, m, x));
        snprintf(path, sizeof path, "%s/%s.onnx", folder, models[i].name);
        if (!strchr("nc", models[i].input)) dl_export_onnx(c, m, x, path);
        snprintf(path, sizeof path, "%s/%s.c", folder, models[i].name);
        if (models[i].input != 'o') dl_export_c(c, m, x, path, models[i].name);
        save(folder, models[i].name, ".in5", more);                      /* not before: .max_norm changes what it looks up */
        save(folder, models[i].name, ".out5", dl_forward(c, m, more));
        if (dl_error(c)) { printf("%s: %s\n", models[i].name, dl_error(c)); failed = 1; }
        dl_destroy(c);
    }
    return failed;
}

/* --- what the files say -------------------------------------------------------------------------------------------------------- */
static unsigned char file[1 << 20];

static size_t slurp(const char *path)
{
    FILE *f = fopen(path, "rb");
    size_t n = f ? fread(file, 1, sizeof file - 1, f) : 0;
    if (f) fclose(f);
    file[n] = 0;
    return n;
}

static int has(size_t n, const char *text)
{
    size_t i, length = strlen(text);
    for (i = 0; i + length <= n; i++) if (!memcmp(file + i, text, length)) return 1;
    return 0;
}

/* A field of a protobuf message at p: its number and bytes (or value); returns what is behind it, NULL if it is broken. */
static const unsigned char *field(const unsigned char *p, const unsigned char *end, int *number, const unsigned char **at, uint64_t *size)
{
    uint64_t key = 0;
    int shift, part;
    *size = 0;
    for (part = 0; part < 2; part++)
        for (shift = 0;; shift += 7) {
            if (p >= end || shift > 63) return NULL;
            *(part ? size : &key) |= (uint64_t)(*p & 127) << shift;
            if (*p++ < 128) {
                if (!part) { *number = (int)(key >> 3); if ((key & 7) == 5 || (key & 7) == 1) { *at = p; return p + ((key & 7) == 5 ? 4 : 8); } }
                break;
            }
        }
    *at = p;
    if ((key & 7) == 0) return p;
    return *size <= (uint64_t)(end - p) ? p + *size : NULL;
}

/* How often the graph has a node of this type; negative: the file is broken.  initializer: the raw data of the tensor of that name. */
static int onnx_nodes(size_t length, const char *type, const char *initializer, const unsigned char **raw, uint64_t *raw_size)
{
    const unsigned char *p = file, *end = file + length, *g, *gend, *n, *nend, *at;
    uint64_t size;
    int number, count = 0;
    while (p && p < end) {
        p = field(p, end, &number, &g, &size);
        if (!p) return -1;
        if (number != 7) continue;
        for (gend = g + size; g < gend;) {
            const unsigned char *data = NULL;
            uint64_t data_size = 0, s;
            int kind, ours = 0;
            g = field(g, gend, &kind, &n, &size);
            if (!g) return -1;
            for (nend = n + size; (kind == 1 || kind == 5) && n < nend;) {
                n = field(n, nend, &number, &at, &s);
                if (!n) return -1;
                if (kind == 1 && number == 4) count += s == strlen(type) && !memcmp(at, type, (size_t)s);
                if (kind == 5 && number == 8) ours = initializer && s == strlen(initializer) && !memcmp(at, initializer, (size_t)s);
                if (kind == 5 && number == 9) { data = at; data_size = s; }
            }
            if (ours) { *raw = data; *raw_size = data_size; }
        }
    }
    return count;
}

static void onnx_file(void)
{
    const char *path = "build/test_export_" BUILD "m.onnx";
    const unsigned char *raw = NULL;
    uint64_t size = 0;
    size_t n;
    int i, k;
    dl_ctx *c = dl_create(.seed = 5, .threads = 1);
    dl_module *m = make(c, 2);
    dl_tensor *w = dl_module_get(c, m, "4.bn1.running_var");
    FILE *f = fopen(path, "wb");
    if (!f) { SKIP("no folder build"); dl_destroy(c); return; }
    fclose(f);
    season(m);
    CHECK(dl_export_onnx(c, m, input(c, 2, 1), path));
    CHECK_OK(c);
    n = slurp(path);
    CHECK(onnx_nodes(n, "Conv", NULL, &raw, &size) == 6);
    CHECK(onnx_nodes(n, "BatchNormalization", NULL, &raw, &size) == 6);
    CHECK(onnx_nodes(n, "Gemm", "4.bn1.running_var", &raw, &size) == 1);
    CHECK(raw && size == 8 * 4);
    for (i = 0; raw && i < 8 && sizeof(dl_real) == 4; i++) {               /* low bytes first on every machine */
        uint32_t bits = 0;
        for (k = 3; k >= 0; k--) bits = bits << 8 | raw[4 * i + k];
        CHECK(!memcmp(&bits, &w->data[i], 4));
    }
    CHECK(onnx_nodes(n - 1, "Conv", NULL, &raw, &size) == -1);             /* this check can fail */
    remove(path);
    dl_destroy(c);
}

static dl_tensor *leave_the_ops(dl_ctx *c, dl_tensor *x) { return dl_mul(c, x, dl_to_real(c, dl_argmax(c, x, .dims = DL_DIM(1), .keepdim = 1))); }
static dl_tensor *sorted(dl_ctx *c, dl_tensor *x) { return dl_sort(c, dl_relu(c, x), 1); }
static dl_tensor *detached(dl_ctx *c, dl_tensor *x) { return dl_mul(c, x, dl_detach(c, dl_exp(c, x))); }
static dl_tensor *fixed_batch(dl_ctx *c, dl_tensor *x) { return dl_reshape(c, x, DL_SHAPE(2, 4)); }
static dl_tensor *two_batches(dl_ctx *c, dl_tensor *x)                    /* (N, 4) -> (1, 1, N, N): Reshape could not say that */
{
    return dl_reshape(c, dl_matmul(c, x, x, .transpose_b = 1), DL_SHAPE(1, 1, x->shape[0], x->shape[0]));
}
static dl_module *pair;                                                  /* convolution and batch norm */
static dl_tensor *without_gradients(dl_ctx *c, dl_tensor *x)             /* then they are one op */
{
    const int before = dl_set_grad_enabled(c, 0);
    dl_tensor *y = dl_forward(c, pair, x);
    dl_set_grad_enabled(c, before);
    return y;
}
static dl_tensor *hyper(dl_ctx *c, dl_tensor *x)                         /* weights that are made of the input */
{
    dl_rnn_weights w;
    memset(&w, 0, sizeof w);
    w.weight_ih = dl_mul_scalar(c, dl_repeat(c, dl_slice(c, x, 0, 0, 1), DL_SHAPE(6, 1)), 2);
    w.weight_hh = dl_ones(c, DL_SHAPE(6, 2));
    return dl_rnn(c, DL_GRU, x, &w);
}
static dl_tensor *item(dl_ctx *c, dl_tensor *x) { return dl_mul_scalar(c, x, (dl_real)dl_item(dl_mean(c, x))); }
static dl_tensor *sampled(dl_ctx *c, dl_tensor *x)
{
    return dl_mul(c, x, dl_unsqueeze(c, dl_to_real(c, dl_sample_token(c, x, .temperature = (dl_real)1e-3, .top_k = 2)), 1));
}
static dl_module *translator;
static dl_tensor *decoded(dl_ctx *c, dl_tensor *x)
{
    return dl_relu(c, dl_to_real(c, dl_model_seq2seq_decode(c, translator, x, 1, .max_length = 3, .end_token = 2)));
}
/* What wants the batch it was exported with */
static dl_tensor *mean_row(dl_ctx *c, dl_tensor *x)  { return dl_mul_scalar(c, dl_sum(c, x, .dims = DL_DIM(0)), 1 / (dl_real)x->shape[0]); }
static dl_tensor *share(dl_ctx *c, dl_tensor *x)     { return dl_mul(c, x, dl_full(c, DL_SHAPE(1), 1 / (dl_real)x->shape[0])); }
static dl_tensor *last_row(dl_ctx *c, dl_tensor *x)  { return dl_slice(c, x, 0, x->shape[0] - 1, x->shape[0]); }
static dl_tensor *two_rows(dl_ctx *c, dl_tensor *x)  { return dl_slice(c, x, 0, 0, 2); }
static dl_tensor *even_rows(dl_ctx *c, dl_tensor *x) { return dl_slice(c, x, 0, 0, x->shape[0], .step = 2); }
static dl_tensor *flat(dl_ctx *c, dl_tensor *x)                          /* a constant that shares its numbers with a view of its shape */
{
    return dl_mul(c, x, dl_flatten(c, dl_ones(c, DL_SHAPE(x->shape[0], 4)), 1, -1));
}
static dl_tensor *pad_to_8(dl_ctx *c, dl_tensor *x)
{
    dl_pads pads = {{0}, {0}};
    pads.after[0] = 8 - x->shape[0];
    return dl_pad(c, x, pads);
}
static dl_tensor *copies(dl_ctx *c, dl_tensor *x)                        /* as many as rows */
{
    dl_tensor *y[8];
    int64_t i;
    for (i = 0; i < 8; i++) y[i] = x;
    return dl_cat(c, (int)x->shape[0], y, 1);
}
static dl_tensor *as_time(dl_ctx *c, dl_tensor *x) { return dl_unsqueeze(c, dl_transpose(c, x, 0, 1), 0); }       /* (T, C) -> (1, C, T) */
static dl_tensor *time_conv(dl_ctx *c, dl_tensor *x) { return dl_conv1d(c, as_time(c, x), dl_ones(c, DL_SHAPE(3, 4, 3)), NULL, .stride = 2, .padding = 1); }
static dl_tensor *time_pool(dl_ctx *c, dl_tensor *x) { return dl_max_pool1d(c, as_time(c, x), 2, .stride = 2, .ceil_mode = 1); }
static dl_tensor *time_mean(dl_ctx *c, dl_tensor *x) { return dl_adaptive_avg_pool1d(c, as_time(c, x), 1); }
static dl_tensor *time_most(dl_ctx *c, dl_tensor *x) { return dl_adaptive_max_pool1d(c, as_time(c, x), 1); }
static dl_tensor *time_step(dl_ctx *c, dl_tensor *x)                     /* stride 1: for any length */
{
    return dl_max_pool1d(c, dl_conv1d(c, as_time(c, x), dl_ones(c, DL_SHAPE(3, 4, 3)), NULL, .padding = 1), 3, .stride = 1, .padding = 1);
}
static dl_tensor *twice(dl_ctx *c, dl_tensor *x)     { return dl_repeat(c, x, DL_SHAPE(2, 3)); }
static dl_tensor *numbers(dl_ctx *c, dl_tensor *ids) { return dl_mul_scalar(c, dl_to_real(c, ids), 2); }
static dl_tensor *first_id(dl_ctx *c, dl_tensor *ids)                    /* a number that no op made, for each of the batch */
{
    return dl_mul_scalar(c, dl_reshape(c, dl_index_select(c, dl_eye(c, 9), 0, dl_flatten(c, ids, 0, -1)), DL_SHAPE(ids->shape[0], -1)),
                         (dl_real)ids->idata[0]);
}
static dl_tensor *nothing(dl_ctx *c, dl_tensor *x) { (void)c; return x; }
static dl_tensor *pad_least(dl_ctx *c, dl_tensor *x)
{
    dl_pads pads = {{0, 1}, {0}};
    return dl_pad(c, x, pads, .value = (dl_real)dl_item(dl_min(c, x)));
}
static dl_module *words;
static dl_tensor *padded(dl_ctx *c, dl_tensor *ids)                      /* token 0 is padding: a mask that no op made */
{
    dl_tensor *x = dl_unsqueeze(c, dl_forward(c, words, ids), 1);
    dl_tensor *mask = dl_to_int(c, dl_ne(c, dl_to_real(c, ids), dl_scalar(c, 0)));
    return dl_flatten(c, dl_attention(c, x, x, x, .mask = dl_reshape(c, mask, DL_SHAPE(ids->shape[0], 1, 1, ids->shape[1]))), 1, -1);
}
static dl_tensor *weighed(dl_ctx *c, dl_tensor *ids)                     /* the same by hand */
{
    dl_tensor *weight = dl_to_real(c, dl_to_int(c, dl_ne(c, dl_to_real(c, ids), dl_scalar(c, 0))));
    return dl_mul(c, dl_forward(c, words, ids), dl_unsqueeze(c, weight, 2));
}

static void refused(void)
{
    const char *path = "build/test_export_" BUILD "m.c";
    dl_ctx *c = dl_create(.seed = 5, .threads = 1);
    dl_tensor *x = dl_rand(c, DL_SHAPE(2, 4));
    dl_module *m = dl_nn_function(c, "sorted", sorted);
    dl_module *relu = dl_nn_relu(c);
    static const char *const taken[] = {"exp", "log", "floor", "round", "cosl", "j0", "int8_t", "float_t", "isnan", "w1", "w12_weight", "main",
                                        "_Bool", "_net", "HUGE_VALF", "INT32_MAX", "FP_NAN", "MATH_ERRNO", "M_PI", "UINT8_C", "linux"};
    int before = dl_set_training(c, 1), i;
    CHECK(!dl_export_onnx(c, m, x, path)); CHECK_ERROR(c, "the op sort cannot be written to ONNX: result of sort");
    CHECK(!dl_export_onnx(c, dl_nn_conv_transpose2d(c, 1, 1, 2, .dilation = 2, .output_padding = 1), dl_ones(c, DL_SHAPE(1, 1, 2, 2)), path));
    CHECK_ERROR(c, "with an output_padding of its stride or more");
    CHECK(!dl_export_c(c, m, x, path, "f")); CHECK_ERROR(c, "the op sort cannot be written to C");
    m = dl_nn_lstm(c, 4, 3, .proj_size = 2);
    CHECK(!dl_export_onnx(c, m, x, path)); CHECK_ERROR(c, "the op lstm cannot be written with a projection");
    CHECK(!dl_export_c(c, m, x, path, "f")); CHECK_ERROR(c, "the op lstm cannot be written with a projection");
    pair = dl_nn_sequential(c, dl_nn_conv1d(c, 2, 3, 1), dl_nn_batchnorm1d(c, 3));
    m = dl_nn_function(c, "without", without_gradients);
    CHECK(!dl_export_onnx(c, m, dl_rand(c, DL_SHAPE(1, 2, 4)), path)); CHECK_ERROR(c, "conv1d has taken in a batch norm");
    CHECK(!dl_export_c(c, m, dl_rand(c, DL_SHAPE(1, 2, 4)), path, "f")); CHECK_ERROR(c, "conv1d has taken in a batch norm");
    m = dl_nn_function(c, "hyper", hyper);
    CHECK(!dl_export_onnx(c, m, x, path)); CHECK_ERROR(c, "the op gru cannot be written, whose weights");
    CHECK(!dl_export_c(c, m, x, path, "f")); CHECK_ERROR(c, "the op gru cannot be written, whose weights");
    m = dl_nn_function(c, "leave", leave_the_ops);
    CHECK(!dl_export_onnx(c, m, x, path)); CHECK_ERROR(c, "depends on its input");
    CHECK(!dl_export_c(c, m, x, path, "f")); CHECK_ERROR(c, "depends on its input");
    CHECK(!dl_export_c(c, m, dl_zeros(c, DL_SHAPE(2, 4)), path, "f")); CHECK_ERROR(c, "depends on its input");
    m = dl_nn_function(c, "item", item);
    CHECK(!dl_export_onnx(c, m, x, path)); CHECK_ERROR(c, "depends on its input");
    CHECK(!dl_export_c(c, m, x, path, "f")); CHECK_ERROR(c, "depends on its input");
    m = dl_nn_function(c, "sampled", sampled);
    CHECK(!dl_export_onnx(c, m, x, path)); CHECK_ERROR(c, "depends on its input");
    CHECK(!dl_export_c(c, m, x, path, "f")); CHECK_ERROR(c, "depends on its input");
    for (i = 0; i < 2; i++) {                                              /* ids that read the same backwards */
        dl_tensor *ids = dl_to_int(c, i ? dl_full(c, DL_SHAPE(2, 3), 7) : dl_zeros(c, DL_SHAPE(2, 3)));
        CHECK(!dl_export_onnx(c, dl_nn_function(c, "numbers", numbers), ids, path)); CHECK_ERROR(c, "depends on its input");
        CHECK(!dl_export_c(c, dl_nn_function(c, "numbers", numbers), ids, path, "f")); CHECK_ERROR(c, "depends on its input");
        CHECK(!dl_export_onnx(c, dl_nn_function(c, "first", first_id), ids, path)); CHECK_ERROR(c, "depends on its input");
        CHECK(dl_export_onnx(c, dl_nn_embedding(c, i ? 8 : 1, 3), ids, path)); CHECK_OK(c);         /* it knows no 1 */
    }
    m = dl_nn_function(c, "least", pad_least);
    CHECK(!dl_export_onnx(c, m, x, path)); CHECK_ERROR(c, "depends on its input");
    CHECK(!dl_export_c(c, m, x, path, "f")); CHECK_ERROR(c, "depends on its input");
    words = dl_nn_embedding(c, 6, 2);
    for (i = 0; i < 2; i++) {
        static const int32_t full[] = {3, 1, 4, 1, 5, 2};                      /* no padding in it, nor backwards */
        dl_tensor *ids = dl_tensor_from_int(c, full, DL_SHAPE(2, 3));
        m = dl_nn_function(c, "padded", i ? padded : weighed);
        CHECK(!dl_export_onnx(c, m, ids, path)); CHECK_ERROR(c, i ? "make the model run other ops" : "depends on its input");
        CHECK(!dl_export_c(c, m, ids, path, "f")); CHECK_ERROR(c, i ? "make the model run other ops" : "depends on its input");
    }
    translator = dl_model_seq2seq(c, 5, 5, 4);
    dl_export_c(c, dl_nn_function(c, "decoded", decoded), dl_to_int(c, dl_ones(c, DL_SHAPE(2, 3))), path, "f");
    dl_clear_error(c);                                                     /* the point is that it lives */
    for (i = 0; i < (int)(sizeof taken / sizeof *taken); i++) {
        CHECK(!dl_export_c(c, relu, x, path, taken[i])); CHECK_ERROR(c, "no name");
    }
    CHECK(!dl_export_c(c, relu, x, path, "while")); CHECK_ERROR(c, "\"while\" is no name");
    CHECK(!dl_export_c(c, relu, x, path, "2b")); CHECK_ERROR(c, "no name");
    CHECK(!dl_export_c(c, relu, x, path, "max_")); CHECK_ERROR(c, "no name");
    CHECK(!dl_export_c(c, relu, x, path, "expf")); CHECK_ERROR(c, "no name");
    CHECK(!dl_export_c(c, relu, x, path, "int32_t")); CHECK_ERROR(c, "no name");
    CHECK(dl_export_c(c, relu, x, path, "My_do_2")); CHECK_OK(c);
    CHECK(!dl_export_c(c, relu, x, path, "a b")); CHECK_ERROR(c, "no name");
    CHECK(!dl_export_c(c, relu, x, path, NULL)); CHECK_ERROR(c, "no name");
    CHECK(!dl_export_c(c, relu, x, "no/such/folder/f.c", "f")); CHECK_ERROR(c, "no/such/folder/f.c");
    CHECK(!dl_export_onnx(c, relu, x, "no/such/folder/f.onnx")); CHECK_ERROR(c, "no/such/folder/f.onnx");
    CHECK(!dl_export_onnx(c, relu, x, NULL)); CHECK_ERROR(c, "the path is NULL");
    CHECK(!dl_export_onnx(c, relu, NULL, path)); CHECK_ERROR(c, "export_onnx");
    CHECK(!dl_export_onnx(c, NULL, x, path)); CHECK_ERROR(c, "export_onnx");
    CHECK(!dl_export_c(c, NULL, x, path, "f")); CHECK_ERROR(c, "export_c");
    CHECK(!dl_export_onnx(NULL, relu, x, path) && !dl_export_c(NULL, relu, x, path, "f"));
    CHECK(dl_set_training(c, before) == 1);                                /* all is as it was */
    remove(path);
    dl_destroy(c);
}

static void state_comes_back(void)
{
    static const struct { const char *name; dl_tensor *(*f)(dl_ctx *c, dl_tensor *x); } fixed[] = {
        {"fixed", fixed_batch}, {"two", two_batches}, {"mean", mean_row}, {"share", share}, {"last", last_row}, {"rows", two_rows},
        {"even", even_rows}, {"pad", pad_to_8}, {"copies", copies}, {"flat", flat},
        {"conv", time_conv}, {"pool", time_pool}, {"adaptive", time_mean}, {"most", time_most} };
    const char *path = "build/test_export_" BUILD "m.c";
    int i;
    dl_ctx *c = dl_create(.seed = 5, .threads = 1, .no_grad = 1);
    dl_module *m = make(c, 0);
    dl_tensor *x = input(c, 0, 3), *w = dl_requires_grad(c, dl_ones(c, DL_SHAPE(2)), 1), *y;
    season(m);
    dl_set_grad_enabled(c, 1);
    y = dl_sum(c, dl_square(c, w));
    CHECK(dl_export_c(c, m, x, path, "f"));
    CHECK(has(slurp(path), "f_INPUT = 18, f_OUTPUT = 15"));
    CHECK(dl_export_c(c, dl_nn_function(c, "detached", detached), x, path, "f"));          /* through the result, not as a constant */
    CHECK(has(slurp(path), "= expf("));
    CHECK(dl_export_c(c, dl_nn_function(c, "nothing", nothing), x, path, "f") && has(slurp(path), "output[i0] = input[i0]"));
    for (i = 0; i < (int)(sizeof fixed / sizeof *fixed); i++) {
        int ok = CHECK(dl_export_onnx(c, dl_nn_function(c, fixed[i].name, fixed[i].f), dl_rand(c, DL_SHAPE(2, 4)), path));
        if (!(CHECK(!has(slurp(path), "batch")) && ok)) printf("  (%s: %s)", fixed[i].name, dl_error(c) ? dl_error(c) : "");
        dl_clear_error(c);
    }
    CHECK(dl_export_onnx(c, dl_nn_function(c, "step", time_step), dl_rand(c, DL_SHAPE(2, 4)), path) && has(slurp(path), "batch"));
    CHECK(!has(slurp(path), "axis0") && has(slurp(path), "axis2"));        /* (1, 3, T) */
    CHECK(dl_export_onnx(c, dl_nn_function(c, "twice", twice), dl_rand(c, DL_SHAPE(2, 4)), path));
    CHECK(has(slurp(path), "batch") && has(slurp(path), "axis0"));         /* (2 N, 12) */
    m = dl_nn_embedding(c, 3, 2, .max_norm = (dl_real)0.5);                /* rows nobody looked up, too, but in the file only */
    for (i = 0; i < 6; i++) dl_module_get(c, m, "weight")->data[i] = (dl_real)(4 + i % 2);
    CHECK(dl_export_c(c, m, dl_to_int(c, dl_zeros(c, DL_SHAPE(2))), path, "f"));
    CHECK(has(slurp(path), "w") && !has(slurp(path), "4.0f") && dl_module_get(c, m, "weight")->data[5] == 5);
    CHECK(dl_export_onnx(c, dl_nn_relu(c), dl_rand(c, DL_SHAPE(2, 4)), path, .fixed_batch = 1));
    CHECK(!has(slurp(path), "batch"));
    CHECK(dl_export_onnx(c, dl_nn_relu(c), dl_rand(c, DL_SHAPE(2, 4)), path) && has(slurp(path), "batch"));
    CHECK(dl_backward(c, y) && w->grad && w->grad[0] == 2);                /* the tape goes on */
    memset(dl_alloc(c, 100000), 0xff, 100000);
    CHECK(dl_backward(c, dl_sum(c, dl_square(c, w))) && w->grad[0] == 4);
    CHECK_OK(c);
    remove(path);
    dl_destroy(c);
}

int main(int argc, char **argv)
{
    if (argc > 2 && !strcmp(argv[1], "--write")) return write_all(argv[2]);
    RUN(onnx_file);
    RUN(refused);
    RUN(state_comes_back);
    TEST_END;
}
