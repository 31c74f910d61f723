/* build: float double */
/* Transformers: layers, stacks and whole models against PyTorch (gen_transformer.py), numbers of parameters, generation with
   and without a cache, bad input, and rows TFM-06 .. TFM-12 of the curriculum. */
#define DL_MODELS
#include "dl.h"
#include "test.h"
#include "golden_transformer.h"

static dl_ctx *c;

/* --- the generator's formulas ------------------------------------------------------------------------ */
static double number(int64_t i, int64_t s) { return ((double)((37 * i + s) % 64) - 31.5) / 32; }

static int64_t seed_of(const char *name)
{
    int64_t s = 0, k;
    for (k = 0; name[k]; k++) s += (k + 1) * name[k];
    return s % 61;
}

static dl_module *fill(dl_module *m)
{
    char name[128];
    dl_param *p;
    int i;
    int64_t j;
    for (i = 0; (p = dl_module_at(m, i, name, sizeof name)) != NULL; i++)
        for (j = 0; j < p->tensor->size; j++) {
            int around_one = p->tensor->ndim == 1 && strcmp(name + strlen(name) - 4, "bias") != 0;
            p->tensor->data[j] = (dl_real)(around_one + 0.25 * number(j, seed_of(name)));
        }
    return m;
}

static dl_tensor *real(dl_shape shape, int s)
{
    dl_tensor *t = dl_empty(c, shape);
    int64_t i;
    for (i = 0; i < t->size; i++) t->data[i] = (dl_real)number(i, s);
    return dl_requires_grad(c, t, 1);
}

static dl_tensor *ids(int64_t n, int64_t t, int vocab)
{
    dl_tensor *x = dl_to_int(c, dl_zeros(c, DL_SHAPE(n, t)));
    int64_t i;
    for (i = 0; i < x->size; i++) x->idata[i] = (int32_t)((7 * i + 3) % vocab);
    return x;
}

static dl_tensor *lengths(int32_t a, int32_t b)
{
    int32_t l[2];
    l[0] = a; l[1] = b;
    return dl_tensor_from_int(c, l, DL_SHAPE(2));
}

static double weigh(const dl_real *x, int64_t n, int a)
{
    double s = 0;
    int64_t i;
    for (i = 0; i < n; i++) s += number(i, a) * (double)x[i];
    return s;
}

/* y, the gradients of inputs and of the parameters of m are as in the table, which has the parameters in PyTorch's order. */
static void compare(const golden *g, dl_module *m, dl_tensor *y, dl_tensor *x, dl_tensor *memory)
{
    const double eps = sizeof(dl_real) == 8 ? 2e-9 : 2e-4;
    dl_tensor *r = dl_empty(c, DL_SHAPE(y->size));
    int i, n = 0;
    double size = 0;
    if (!CHECK_OK(c)) { dl_clear_error(c); return; }
    for (i = 0; i < y->size; i++) { r->data[i] = (dl_real)number(i, 11); size += fabs((double)y->data[i]); }
    dl_backward(c, dl_sum(c, dl_mul(c, dl_reshape(c, y, DL_SHAPE(y->size)), r)));
    CHECK_NEAR(weigh(y->data, y->size, 11), g[0].value, eps * size);
    CHECK_NEAR(weigh(y->data, y->size, 5), g[1].value, eps * size);
    CHECK_NEAR(size, g[2].value, eps * size);
    for (g += 3; g->name; g++) {
        int input = !strcmp(g->name, "input");
        dl_tensor *t = !input ? dl_module_get(c, m, g->name) : n++ ? memory : x;
        if (!CHECK_OK(c) || !CHECK(t->grad != NULL)) { printf(" %s", g->name); dl_clear_error(c); continue; }
        for (size = 0, i = 0; i < t->size; i++) size += fabs((double)t->grad[i]);
        if (!CHECK_NEAR(weigh(t->grad, t->size, 5), g->value, eps * (size + 1))) printf(" %s", g->name);
    }
    for (n = 0; dl_module_at(m, n, NULL, 0); n++) {}
    for (i = 0; m && (g - 1 - i)->name && (g - 1 - i)->name[0] && strcmp((g - 1 - i)->name, "input"); i++) {}
    CHECK(i == n);                                                       /* and there are no others */
    CHECK_OK(c);
}

/* --- layers ------------------------------------------------------------------------------------------ */
#define X(s) real(DL_SHAPE(2, 5, 8), s)
static void encoder_layer(void)
{
    dl_module *m = dl_nn_tfm_encoder_layer(c, 8, 2, .dim_feedforward = 12, .dropout = -1);
    dl_tensor *x, *mask;
    int i;
    ROW("TFM-07");
    dl_step_begin(c);
    x = X(7);
    fill(m);
    compare(golden_encoder_post, m, dl_forward(c, m, x), x, NULL);

    dl_zero_grads(m);
    dl_step_begin(c);
    x = X(7);
    mask = dl_empty(c, DL_SHAPE(5, 5));
    for (i = 0; i < 25; i++) mask->data[i] = (dl_real)number(i, 3);
    compare(golden_encoder_masked, m, dl_nn_tfm_encoder_forward(c, m, x, .mask = mask, .lengths = lengths(5, 3)), x, NULL);

    m = fill(dl_nn_tfm_encoder_layer(c, 8, 2, .dim_feedforward = 12, .dropout = -1, .norm_first = 1, .activation = dl_gelu));
    dl_step_begin(c);
    x = X(7);
    compare(golden_encoder_pre_causal, m, dl_nn_tfm_encoder_forward(c, m, x, .causal = 1), x, NULL);
    CHECK(dl_param_count(dl_nn_tfm_encoder_layer(c, 512, 8)) == 3152384);
}

static void decoder_layer(void)
{
    dl_module *m = fill(dl_nn_tfm_decoder_layer(c, 8, 2, .dim_feedforward = 12, .dropout = -1));
    dl_tensor *x, *memory, *seen;
    int i;
    ROW("TFM-08");
    dl_step_begin(c);
    x = X(7);
    memory = real(DL_SHAPE(2, 3, 8), 20);
    compare(golden_decoder_post, m, dl_nn_tfm_decoder_forward(c, m, x, memory, .causal = 1, .memory_lengths = lengths(3, 2)),
            x, memory);

    m = fill(dl_nn_tfm_decoder_layer(c, 8, 2, .dim_feedforward = 12, .dropout = -1, .norm_first = 1, .no_bias = 1,
                                     .activation = dl_gelu));
    dl_step_begin(c);
    x = X(7);
    memory = real(DL_SHAPE(2, 3, 8), 20);
    seen = dl_to_int(c, dl_zeros(c, DL_SHAPE(5, 3)));
    for (i = 0; i < 15; i++) seen->idata[i] = (i / 3 + i % 3) % 3 != 0;
    compare(golden_decoder_pre, m, dl_nn_tfm_decoder_forward(c, m, x, memory, .memory_mask = seen), x, memory);
    CHECK(dl_param_count(dl_nn_tfm_decoder_layer(c, 512, 8)) == 4204032);
}

static void transformer(void)
{
    dl_module *m = fill(dl_model_transformer(c, .dim = 8, .heads = 2, .encoder_layers = 2, .decoder_layers = 2,
                                             .dim_feedforward = 12, .dropout = -1));
    dl_tensor *src, *tgt;
    dl_ctx *whole;
    int64_t one;
    ROW("TFM-09");
    dl_step_begin(c);
    src = real(DL_SHAPE(2, 4, 8), 7);
    tgt = real(DL_SHAPE(2, 3, 8), 20);
    compare(golden_transformer, m, dl_model_transformer_forward(c, m, src, tgt, .causal = 1, .src_lengths = lengths(4, 2),
            .memory_lengths = lengths(4, 2)), src, tgt);
    one = dl_param_count(dl_model_transformer(c, .encoder_layers = 1, .decoder_layers = 1));
    CHECK(one == 3152384 + 4204032 + 2 * 1024);
    /* the usual settings: 6 + 6 layers and two norms, 177 MB */
    whole = dl_create();
    CHECK(dl_param_count(dl_model_transformer(whole)) == 6 * (one - 2048) + 2048 && 6 * (one - 2048) + 2048 == 44140544);
    CHECK_OK(whole);
    dl_destroy(whole);
    CHECK(dl_param_count(dl_nn_tfm_encoder(c, 8, 2, 3, .dim_feedforward = 12)) ==
          3 * dl_param_count(dl_nn_tfm_encoder_layer(c, 8, 2, .dim_feedforward = 12)));
    CHECK(dl_param_count(dl_nn_tfm_decoder(c, 8, 2, 3, .dim_feedforward = 12, .final_norm = 1)) ==
          3 * dl_param_count(dl_nn_tfm_decoder_layer(c, 8, 2, .dim_feedforward = 12)) + 16);
    CHECK_OK(c);
}

static void all_dropped(void)                              /* what is left of a layer are its norms */
{
    dl_tensor *x = dl_randn(c, DL_SHAPE(2, 3, 8)), *a = dl_forward(c, dl_nn_tfm_encoder_layer(c, 8, 2, .dropout = 1), x), *b;
    int i;
    b = dl_forward(c, dl_nn_layernorm(c, DL_SHAPE(8)), dl_forward(c, dl_nn_layernorm(c, DL_SHAPE(8)), x));
    for (i = 0; i < a->size; i++) CHECK_NEAR(a->data[i], b->data[i], 1e-6);
    CHECK_OK(c);
}

static void feed_forward(void)
{
    dl_module *m = dl_nn_ffn(c, 512, 2048), *g = dl_nn_ffn(c, 4, 6, .gated = 1, .no_bias = 1);
    dl_module *d = dl_nn_ffn(c, 4, 6, .dropout = (dl_real)0.5);
    dl_tensor *x, *a, *b;
    int i;
    ROW("TFM-06");
    CHECK(dl_param_count(m) == 2099712);
    dl_step_begin(c);
    x = dl_rand(c, DL_SHAPE(2, 3, 4));
    m = dl_nn_ffn(c, 4, 6);
    a = dl_forward(c, m, x);
    b = dl_linear(c, dl_relu(c, dl_linear(c, x, dl_module_get(c, m, "linear1.weight"), dl_module_get(c, m, "linear1.bias"))),
                  dl_module_get(c, m, "linear2.weight"), dl_module_get(c, m, "linear2.bias"));
    for (i = 0; i < a->size && i < b->size; i++) CHECK_NEAR(a->data[i], b->data[i], 1e-6);
    a = dl_forward(c, g, x);                                             /* SwiGLU */
    b = dl_linear(c, dl_mul(c, dl_silu(c, dl_linear(c, x, dl_module_get(c, g, "gate_proj.weight"), NULL)),
                            dl_linear(c, x, dl_module_get(c, g, "up_proj.weight"), NULL)),
                  dl_module_get(c, g, "down_proj.weight"), NULL);
    for (i = 0; i < a->size && i < b->size; i++) CHECK_NEAR(a->data[i], b->data[i], 1e-6);
    a = dl_forward(c, d, x);
    b = dl_forward(c, d, x);
    for (i = 0; i < a->size && a->data[i] == b->data[i]; i++) {}
    CHECK(i < a->size);                                                  /* other masks each time, none in evaluation */
    dl_set_training(c, 0);
    a = dl_forward(c, d, x);
    b = dl_forward(c, d, x);
    for (i = 0; i < a->size && a->data[i] == b->data[i]; i++) {}
    CHECK(i == a->size);
    dl_set_training(c, 1);
    CHECK_OK(c);
}

static void usual_options(void)                                          /* no options: the same as all of them spelt out */
{
    dl_module *a, *b;
    dl_tensor *x, *y, *z;
    int i;
    dl_step_begin(c);
    dl_manual_seed(c, 3);
    a = dl_nn_tfm_encoder_layer(c, 8, 2);
    x = dl_rand(c, DL_SHAPE(1, 3, 8));
    y = dl_forward(c, a, x);
    dl_manual_seed(c, 3);
    b = dl_nn_tfm_encoder_layer(c, 8, 2, .dim_feedforward = 2048, .dropout = (dl_real)0.1, .activation = dl_relu,
                                .layer_norm_eps = (dl_real)1e-5);
    x = dl_rand(c, DL_SHAPE(1, 3, 8));
    z = dl_forward(c, b, x);
    for (i = 0; i < y->size && y->data[i] == z->data[i]; i++) {}
    CHECK(i == 24);
    CHECK_OK(c);
}

static void noam(void)
{
    dl_module *m = dl_nn_linear(c, 1, 1);
    dl_optim *o = dl_optim_adam(c, m, .lr = 1);
    dl_schedule *s = dl_lr_noam(c, o, 512, 4000);
    int64_t t;
    double top = 0;
    ROW("TFM-10");
    CHECK_NEAR(dl_optim_lr(o), 1.7469281e-07, 1e-14);
    for (t = 2; t <= 5000; t++) {
        dl_schedule_step(c, s);
        if (t == 4000) top = dl_optim_lr(o);
        else CHECK(t < 4000 || dl_optim_lr(o) < top);
    }
    CHECK_NEAR(top, 6.9877124e-04, 1e-11);
    CHECK_NEAR(dl_optim_lr(o), 1 / sqrt(512.0 * 5000), 1e-12);
    dl_lr_noam(c, o, 0, 4000);
    CHECK_ERROR(c, "lr_noam: dim is 0");
    dl_lr_noam(c, o, 512, 0);
    CHECK_ERROR(c, "lr_noam: warmup_steps is 0");
}

/* --- models ------------------------------------------------------------------------------------------ */
static dl_module *small_gpt(void)
{
    return dl_model_gpt(c, .vocab_size = 11, .block_size = 6, .layers = 2, .heads = 2, .dim = 8);
}
static dl_module *small_llama(void)
{
    return dl_model_llama(c, .vocab_size = 11, .block_size = 6, .layers = 2, .heads = 4, .kv_heads = 2, .dim = 16, .hidden = 12);
}

static void language_models(void)
{
    dl_module *m;
    dl_tensor *y, *one;
    int i;
    int64_t layer;
    dl_step_begin(c);
    m = fill(small_gpt());
    y = dl_forward(c, m, ids(2, 5, 11));
    compare(golden_gpt, m, y, NULL, NULL);
    one = dl_forward(c, m, dl_tensor_from_int(c, ids(2, 5, 11)->idata + 5, DL_SHAPE(5)));
    CHECK(one->ndim == 2 && one->shape[0] == 5 && one->shape[1] == 11);
    for (i = 0; i < one->size; i++) CHECK_NEAR(one->data[i], y->data[55 + i], 1e-6);
    dl_step_begin(c);
    m = fill(small_llama());
    compare(golden_llama, m, dl_forward(c, m, ids(2, 5, 11)), NULL, NULL);

    /* GPT-2 has 124,439,808 parameters: layers of 12 d^2 + 13 d, as one sees from small ones, embeddings, the last norm */
    layer = dl_param_count(dl_model_gpt(c, .vocab_size = 1, .block_size = 1, .layers = 2, .dim = 24)) -
            dl_param_count(dl_model_gpt(c, .vocab_size = 1, .block_size = 1, .layers = 1, .dim = 24));
    CHECK(layer == 12 * 24 * 24 + 13 * 24 && 12 * (12 * 768 * 768 + 13 * 768) + (50257 + 1024 + 2) * 768 == 124439808);
    layer = dl_param_count(dl_model_llama(c, .vocab_size = 2, .layers = 2, .heads = 4, .dim = 64, .hidden = 172, .tied = 1)) -
            dl_param_count(dl_model_llama(c, .vocab_size = 2, .layers = 1, .heads = 4, .dim = 64, .hidden = 172, .tied = 1));
    CHECK(layer == 4 * 64 * 64 + 3 * 64 * 172 + 2 * 64);
    CHECK_OK(c);
}

static void initial_weights(void)
{
    dl_module *m = dl_model_gpt(c, .vocab_size = 50, .block_size = 16, .layers = 8, .heads = 2, .dim = 64);
    const dl_tensor *w = dl_module_get(c, m, "h.3.attn.c_attn.weight"), *p = dl_module_get(c, m, "h.3.mlp.c_proj.weight");
    double a = 0, b = 0;
    int64_t i;
    for (i = 0; i < w->size; i++) a += (double)w->data[i] * (double)w->data[i] / (double)w->size;
    for (i = 0; i < p->size; i++) b += (double)p->data[i] * (double)p->data[i] / (double)p->size;
    CHECK_NEAR(sqrt(a), 0.02, 0.0005);
    CHECK_NEAR(sqrt(b), 0.02 / 4, 0.0002);                               /* sqrt(2 * 8) = 4 */
    CHECK(dl_module_get(c, m, "h.0.mlp.c_fc.bias")->data[0] == 0 && dl_module_get(c, m, "ln_f.weight")->data[0] == 1);
    CHECK_OK(c);
}

static void vision(void)
{
    dl_module *m = fill(dl_model_vit(c, 8, 4, .layers = 2, .heads = 2, .dim = 8, .mlp_dim = 12, .num_classes = 5));
    dl_tensor *x;
    ROW("TFM-12");
    dl_step_begin(c);
    x = real(DL_SHAPE(2, 3, 8, 8), 7);
    compare(golden_vit, m, dl_forward(c, m, x), x, NULL);
    m = dl_model_vit(c, 32, 4, .layers = 1, .heads = 2, .dim = 8, .mlp_dim = 12, .num_classes = 10);
    CHECK(dl_module_get(c, m, "encoder.pos_embedding")->shape[1] == 64 + 1);        /* 64 patches and the class token */
    x = dl_forward(c, m, dl_rand(c, DL_SHAPE(3, 3, 32, 32)));
    CHECK(x->ndim == 2 && x->shape[0] == 3 && x->shape[1] == 10);
    CHECK_OK(c);
}

/* --- generation -------------------------------------------------------------------------------------- */
static int stop_at_three(dl_ctx *ctx, const int32_t *tokens, void *user)
{
    (void)ctx; (void)tokens;
    return ++*(int *)user == 3;
}
typedef struct { dl_tensor *made[9]; int32_t token[9]; int n; } kept;
static int keep_each(dl_ctx *ctx, const int32_t *tokens, void *user)      /* what a callback makes lives on in the step */
{
    kept *k = (kept *)user;
    k->made[k->n] = dl_to_real(ctx, dl_tensor_from_int(ctx, tokens, DL_SHAPE(2)));
    k->token[k->n++] = tokens[1];
    return 0;
}
static int step_each(dl_ctx *ctx, const int32_t *tokens, void *user) { (void)tokens; (void)user; dl_step_begin(ctx); return 0; }

static void generation(void)
{
    int kind, i, k, count = 0;
    kept k9;
    for (kind = 0; kind < 2; kind++) {
        dl_module *m = fill(kind ? small_llama() : small_gpt());
        dl_tensor *prompt, *logits, *all, *a, *b;
        dl_step_begin(c);
        prompt = ids(2, 3, 11);
        for (k = 0; k < 2; k++) {                                        /* 20 tokens in a block of 6, greedy and sampled */
            dl_manual_seed(c, 5);
            a = dl_generate(c, m, prompt, 20, .temperature = k ? 2 : -1);
            dl_manual_seed(c, 5);
            b = dl_generate(c, m, prompt, 20, .temperature = k ? 2 : -1, .no_cache = 1);
            CHECK(a->ndim == 2 && a->shape[0] == 2 && a->shape[1] == 23);
            for (i = 0; i < a->size && i < b->size; i++) CHECK(a->idata[i] == b->idata[i]);
        }
        for (i = 0; i < 6; i++) CHECK(a->idata[i / 3 * 23 + i % 3] == prompt->idata[i]);

        /* greedy is the arg-max of the model's own logits */
        a = dl_generate(c, m, prompt, 3, .temperature = -1);
        logits = dl_forward(c, m, dl_slice(c, a, 1, 0, 5));
        all = dl_argmax(c, logits, .dims = DL_DIM(-1));
        for (i = 0; i < 2; i++)
            for (k = 3; k < 6; k++) CHECK(a->idata[i * 6 + k] == all->idata[i * 5 + k - 1]);

        /* one sequence alone, a stop token, a callback that stops */
        b = dl_generate(c, m, dl_tensor_from_int(c, prompt->idata, DL_SHAPE(3)), 3, .temperature = -1);
        CHECK(b->ndim == 1 && b->shape[0] == 6);
        for (i = 0; i < 6; i++) CHECK(b->idata[i] == a->idata[i]);
        b = dl_generate(c, m, dl_tensor_from_int(c, prompt->idata, DL_SHAPE(3)), 30, .temperature = -1,
                        .stop = a->idata[3] ? a->idata[3] : DL_ZERO);
        CHECK(b->shape[0] == 4);
        b = dl_generate(c, m, prompt, 30, .each = stop_at_three, .user = &count);
        CHECK(b->shape[1] == 6);
        count = 0;
        memset(&k9, 0, sizeof k9);
        b = dl_generate(c, m, prompt, 9, .each = keep_each, .user = &k9);
        CHECK(k9.n == 9);
        for (i = 0; i < k9.n; i++) CHECK(k9.made[i]->data[1] == k9.token[i] && b->idata[12 + 3 + i] == k9.token[i]);
        dl_generate(c, m, prompt, 9, .each = step_each);
        CHECK_ERROR(c, "step_begin: generate still needs the tensors of this step");
        CHECK(dl_forward(c, m, prompt)->size > 0);                        /* which are all there */

        /* a strong penalty of repetition: each token comes once */
        b = dl_generate(c, m, dl_tensor_from_int(c, prompt->idata, DL_SHAPE(1)), 5, .temperature = -1,
                        .repetition_penalty = (dl_real)1e6);
        for (i = 0; i < 6; i++) for (k = 0; k < i; k++) CHECK(b->idata[i] != b->idata[k]);
        CHECK(dl_generate(c, m, prompt, 2, .top_k = 1)->size == 10);
        CHECK(dl_generate(c, m, prompt, 2, .top_p = (dl_real)0.5)->size == 10);
        CHECK(dl_is_training(c) && dl_forward(c, m, prompt)->requires_grad);          /* as before */
        CHECK_OK(c);
    }
}

static void cached_logits(void)                                          /* to rounding, not only the arg-max */
{
    dl_module *m = fill(small_gpt());
    dl_tensor *x, *all, *k;
    double eps = sizeof(dl_real) == 8 ? 1e-12 : 1e-5;
    int i;
    dl_step_begin(c);
    x = ids(1, 6, 11);
    all = dl_forward(c, m, x);
    for (i = 1; i < 6; i++) {
        k = dl_forward(c, m, dl_slice(c, x, 1, 0, i));
        CHECK_NEAR(k->data[(i - 1) * 11 + 4], all->data[(i - 1) * 11 + 4], eps);      /* nobody sees what comes later */
    }
    CHECK_OK(c);
}

/* --- TFM-11: eight random letters, then the same again.  GPT looks them up; a recurrent network would have to carry them. --- */
enum { LETTERS = 8, TOKENS = 2 * LETTERS + 1, ROWS = 32 };

static double copy_loss(dl_module *m, int steps)
{
    dl_optim *o = dl_optim_adamw(c, m, .lr = 1e-2);
    double last = 0;
    int i, n, t;
    for (i = 0; i < steps; i++) {
        int32_t x[ROWS * TOKENS], y[ROWS * TOKENS];
        dl_tensor *r, *loss;
        dl_step_begin(c);
        r = dl_rand(c, DL_SHAPE(ROWS, LETTERS + 1));
        for (n = 0; n < ROWS; n++)
            for (t = 0; t < TOKENS; t++) {
                int64_t at = n * TOKENS + t;
                x[at] = t == LETTERS ? 8 : (int32_t)(8 * r->data[n * (LETTERS + 1) + t % (LETTERS + 1)]);
                y[at] = -100;
                if (t > LETTERS) y[at - 1] = x[at];
            }
        loss = dl_cross_entropy(c, dl_flatten(c, dl_forward(c, m, dl_tensor_from_int(c, x, DL_SHAPE(ROWS, TOKENS))), 0, 1),
                                dl_tensor_from_int(c, y, DL_SHAPE(ROWS * TOKENS)));
        dl_backward(c, loss);
        dl_clip_grad_norm(c, m, 1);
        last = dl_item(loss);
        dl_optim_step(c, o);
    }
    return last;
}

static void gpt_beats_rnn(void)
{
    dl_module *gpt, *rnn;
    double a, b;
    ROW("TFM-11");
    dl_manual_seed(c, 1);
    gpt = dl_model_gpt(c, .vocab_size = 9, .block_size = TOKENS, .layers = 1, .heads = 2, .dim = 32);
    rnn = dl_nn_sequential(c, dl_nn_embedding(c, 9, 32), dl_nn_rnn(c, 32, 96, .batch_first = 1), dl_nn_linear(c, 96, 9));
    CHECK(dl_param_count(gpt) < dl_param_count(rnn));
    a = copy_loss(gpt, 80);
    b = copy_loss(rnn, 80);
    CHECK(a < 0.1 && b > 1);                                             /* log 8 = 2.08 is guessing */
    if (!(a < 0.1 && b > 1)) printf(" GPT %.4f, RNN %.4f", a, b);
    CHECK_OK(c);
}

/* --- the linear layer with (in, out) weights ---------------------------------------------------------- */
static dl_tensor *turned(dl_ctx *ctx, dl_tensor **x, void *user)
{
    (void)user;
    return dl_linear(ctx, x[0], x[1], x[2], .activation = DL_TANH, .transposed = 1);
}

static void transposed_linear(void)
{
    dl_tensor *x[3], *y, *z;
    int i;
    dl_step_begin(c);
    x[0] = real(DL_SHAPE(4, 3), 7); x[1] = real(DL_SHAPE(3, 5), 9); x[2] = real(DL_SHAPE(5), 4);
    y = turned(c, x, NULL);
    z = dl_tanh(c, dl_add(c, dl_matmul(c, x[0], x[1]), x[2]));
    for (i = 0; i < z->size; i++) CHECK_NEAR(y->data[i], z->data[i], 1e-6);
#ifdef DL_DOUBLE
    CHECK(dl_gradcheck(c, turned, 3, x));
#endif
    CHECK_OK(c);
    CHECK(dl_is_nil(dl_linear(c, x[0], x[2], NULL, .transposed = 1)));
    CHECK_ERROR(c, "linear: (4,3) with weight (5), expected (.., in) and (in, out)");
}

/* --- bad input ---------------------------------------------------------------------------------------- */
#define BAD(expr, part)        do { dl_step_begin(c); CHECK(dl_is_nil(expr)); CHECK_ERROR(c, part); } while (0)
#define BAD_MODULE(expr, part) do { dl_step_begin(c); (void)(expr); CHECK_ERROR(c, part); } while (0)
static void bad_input(void)
{
    dl_module *gpt = small_gpt(), *llama = small_llama();
    dl_module *e = dl_nn_tfm_encoder_layer(c, 8, 2), *d = dl_nn_tfm_decoder_layer(c, 8, 2);
    dl_module *t = dl_model_transformer(c, .dim = 8, .heads = 2, .encoder_layers = 1, .decoder_layers = 1), *v;
    int32_t far[2] = {0, 11}, negative[1] = {-1};
    v = dl_model_vit(c, 8, 4, .layers = 1, .heads = 2, .dim = 8, .mlp_dim = 12);
    CHECK_OK(c);
    BAD(dl_forward(c, gpt, ids(1, 7, 11)), "gpt: 7 tokens, the model sees at most 6");
    BAD(dl_forward(c, llama, ids(1, 7, 11)), "llama: 7 tokens, the model sees at most 6");
    BAD(dl_forward(c, gpt, dl_tensor_from_int(c, far, DL_SHAPE(2))), "embedding: ");
    BAD(dl_forward(c, gpt, dl_tensor_from_int(c, negative, DL_SHAPE(1))), "embedding: ");
    BAD(dl_forward(c, gpt, dl_ones(c, DL_SHAPE(1, 3))), "gpt: ids (1,3) holds reals, expected int32");
    BAD(dl_forward(c, gpt, dl_to_int(c, dl_ones(c, DL_SHAPE(1, 3, 1)))), "gpt: ids (1,3,1), expected (N, T) or (T)");
    BAD(dl_generate(c, gpt, dl_tensor_from_int(c, far, DL_SHAPE(2)), 3), "generate: prompt (2) holds 11");
    BAD(dl_generate(c, e, ids(1, 3, 11), 3), "generate: the module is a encoder_layer");
    BAD(dl_generate(c, gpt, dl_ones(c, DL_SHAPE(3)), 3), "generate: prompt (3) holds reals");
    BAD(dl_generate(c, gpt, ids(1, 3, 11), -1), "generate: -1 tokens");
    BAD(dl_generate(c, gpt, NULL, 3), "generate: prompt is NULL");
    BAD(dl_generate(c, NULL, ids(1, 3, 11), 3), "generate");
    BAD(dl_generate(c, gpt, ids(1, 3, 11), 3, .temperature = -2), "sample_token");
    BAD(dl_forward(c, d, dl_ones(c, DL_SHAPE(1, 3, 8))), "forward: decoder_layer has no forward function");
    BAD(dl_nn_tfm_decoder_forward(c, d, dl_ones(c, DL_SHAPE(1, 3, 8)), NULL), "nn_tfm_decoder_forward: memory is NULL");
    BAD(dl_nn_tfm_encoder_forward(c, d, dl_ones(c, DL_SHAPE(1, 3, 8))), "nn_tfm_encoder_forward: the module is a decoder_layer");
    BAD(dl_nn_tfm_decoder_forward(c, e, dl_ones(c, DL_SHAPE(1, 3, 8)), dl_ones(c, DL_SHAPE(1, 3, 8))),
        "nn_tfm_decoder_forward: the module is a encoder_layer");
    BAD(dl_nn_tfm_encoder_forward(c, e, dl_ones(c, DL_SHAPE(1, 3, 7))), "");
    BAD(dl_nn_tfm_encoder_forward(c, e, NULL), "");
    BAD(dl_nn_tfm_encoder_forward(c, NULL, NULL), "nn_tfm_encoder_forward");
    BAD(dl_nn_tfm_encoder_forward(c, e, dl_ones(c, DL_SHAPE(1, 3, 8)), .mask = dl_ones(c, DL_SHAPE(2, 2))), "attention");
    BAD(dl_model_transformer_forward(c, e, dl_ones(c, DL_SHAPE(1, 3, 8)), dl_ones(c, DL_SHAPE(1, 3, 8))),
        "model_transformer_forward: the module is a encoder_layer");
    BAD(dl_model_transformer_forward(c, t, dl_ones(c, DL_SHAPE(1, 3, 8)), dl_ones(c, DL_SHAPE(2, 3, 8))), "");
    BAD(dl_forward(c, v, dl_ones(c, DL_SHAPE(1, 3, 8, 9))), "vit: x (1,3,8,9), expected (N, 3, 8, 8)");
    BAD(dl_positional_encoding(c, 2, 4, .offset = 1LL << 50), "expected a base from 1 to 1e30 and an offset from 0 to 2^40");
    BAD(dl_generate(c, gpt, dl_tensor_from_int(c, far, DL_SHAPE(2)), 0), "generate: prompt (2) holds 11 at index 1, expected 0 to 10");
    BAD(dl_generate(c, gpt, ids(1, 2, 11), 2, .stop = 11), "generate: stop is 11, expected 0 (none), DL_ZERO or 1 to 10");
    BAD(dl_generate(c, gpt, ids(1, 2, 11), 2, .stop = -1), "generate: stop is -1");
    CHECK(!dl_is_nil(dl_forward(c, dl_model_vit(c, 8, 4, .layers = 1, .heads = 2, .dim = 8, .mlp_dim = 12, .attention_dropout = -1), dl_ones(c, DL_SHAPE(1, 3, 8, 8)))));
    CHECK_OK(c);
    BAD_MODULE(dl_model_vit(c, 9, 4), "model_vit: patches of size 4 do not fill images of size 9");
    BAD_MODULE(dl_model_vit(c, 8, 0), "model_vit: patches of size 0");
    BAD_MODULE(dl_model_vit(c, 8, 4, .layers = 1, .heads = 3, .dim = 8), "");
    BAD_MODULE(dl_model_gpt(c, .heads = 5), "gpt: 5 heads, 5 of keys: the first must divide dim 768");
    BAD_MODULE(dl_model_gpt(c, .vocab_size = -1), "gpt: a vocabulary of -1");
    BAD_MODULE(dl_model_gpt(c, .vocab_size = 2, .layers = 1, .heads = 1, .dim = 2, .dropout = 2), "gpt: dropout is 2");
    BAD_MODULE(dl_model_llama(c, .heads = 4, .kv_heads = 3, .dim = 16), "llama: 4 heads, 3 of keys");
    BAD_MODULE(dl_model_llama(c, .vocab_size = 5, .layers = 1, .heads = 1, .dim = 3, .hidden = 4),
               "llama: rope of base 10000 for heads of width 3, expected 1 to 1e30 and an even width");
    BAD_MODULE(dl_model_llama(c, .vocab_size = 5, .layers = 1, .heads = 1, .dim = 4, .hidden = 4, .rope_base = -3), "llama: rope of base -3");
    BAD_MODULE(dl_nn_tfm_encoder_layer(c, 8, 3), "");
    BAD_MODULE(dl_nn_tfm_encoder_layer(c, 8, 2, .dropout = 2), "encoder_layer: dropout is 2");
    BAD_MODULE(dl_nn_tfm_encoder(c, 8, 2, -1), "encoder: -1 layers");
    BAD_MODULE(dl_nn_ffn(c, 4, 0), "linear");
    BAD_MODULE(dl_nn_ffn(c, 4, 4, .dropout = (dl_real)NAN), "nn_ffn: dropout is nan");
    CHECK(dl_is_nil(dl_generate(NULL, gpt, NULL, 1)) && dl_is_nil(dl_nn_tfm_decoder_forward(NULL, d, NULL, NULL)));
    (void)dl_model_gpt(NULL);
    (void)dl_model_llama(NULL);
    (void)dl_model_vit(NULL, 8, 4);
    (void)dl_model_transformer(NULL);
    (void)dl_nn_ffn(NULL, 4, 4);
    (void)dl_nn_tfm_encoder(NULL, 4, 4, 1);
    (void)dl_nn_tfm_decoder_layer(NULL, 4, 4);
    (void)dl_lr_noam(NULL, NULL, 1, 1);
}

int main(void)
{
    c = dl_create(.seed = 1);
    RUN(all_dropped);
    RUN(feed_forward);
    RUN(encoder_layer);
    RUN(decoder_layer);
    RUN(usual_options);
    RUN(transformer);
    RUN(noam);
    RUN(language_models);
    RUN(initial_weights);
    RUN(vision);
    RUN(generation);
    RUN(cached_logits);
    RUN(gpt_beats_rnn);
    RUN(transposed_linear);
    RUN(bad_input);
    CHECK_OK(c);
    dl_destroy(c);
    TEST_END;
}
