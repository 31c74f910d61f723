/* build: float asan */
/* Memory that runs out: every allocation of sixteen programs fails, once and from then on.  After each: no crash, no leak, an
   error or the right result, weights as they were before the step that failed, and a context that works again after
   dl_clear_error.  And the corpus of fuzz.c: whatever is in a file, there is no crash. */
#include "faulty_malloc.h"
#define DL_IMPLEMENTATION
#define DL_MODELS
#define DL_EXPORT
#include "dl.h"
#include "test.h"
#include "fuzz.c"
#include <time.h>

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
    CHECK(live_blocks == 0);
    fault_calls = 0, fault_at = -1, fault_persistent = 0;
    p = start(block_bytes);
    CHECK(train(&p));
    wanted = hash(p.net);
    total = fault_calls;
    dl_destroy(p.c);
    CHECK(live_blocks == 0 && total >= 3);

    for (i = 0; i < 2 * total; i++) {
        fault_calls = 0, fault_at = i % total, fault_persistent = i / total;
        p = start(block_bytes);
        if (!p.c) { CHECK(fault_at == 0 && live_blocks == 0); continue; }
        n = !dl_error(p.c);                              /* built without a fault */
        CHECK(train(&p) == !dl_error(p.c));
        CHECK(fault_calls > fault_at);
        /* a block that malloc refuses is asked for again, smaller: a transient fault may heal by itself */
        if (dl_error(p.c)) CHECK(strstr(dl_error(p.c), "memory"));
        else CHECK(!fault_persistent && hash(p.net) == wanted);

        fault_at = -1, fault_persistent = 0;                    /* memory is back */
        dl_clear_error(p.c);
        dl_step_begin(p.c);
        CHECK(dl_item(dl_sum(p.c, dl_ones(p.c, DL_SHAPE(1000)))) == 1000);
        if (n) CHECK(train(&p) || train(&p));            /* the first may finish an epoch that the fault cut short */
        CHECK_OK(p.c);
        dl_destroy(p.c);
        CHECK(live_blocks == 0);
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
        fault_calls = 0, fault_at = i < 0 ? -1 : i % total, fault_persistent = i >= total;
        c = dl_create(.seed = 1, .block_bytes = 64);
        net = perceptron(c);
        data = samples(c);
        dl_fit(c, net, dl_optim_sgd(c, net), data, .validation = data, .epochs = 2, .batch_size = 5, .quiet = 1);
        if (i < 0) { CHECK_OK(c); total = fault_calls; }
        else if (dl_error(c)) CHECK(strstr(dl_error(c), "memory"));
        fault_at = -1, fault_persistent = 0;
        if (c) {
            dl_clear_error(c);
            CHECK(dl_item(dl_scalar(c, 3)) == 3);
        }
        dl_destroy(c);
        CHECK(live_blocks == 0);
    }
}

/* --- programs: what they build once, and a step that may be repeated ------------------------------------------------------- */
typedef struct {
    dl_ctx *c;
    dl_module *net, *other;
    dl_optim *opt, *opt2;
    dl_loader *batches;
    dl_dataset *data;
    dl_tensor *x, *labels;
    dl_tokenizer *words;
    dl_schedule *schedule;
} state;

static const char words[] = "the cat sat on the mat, the rat sat on the cat";

static uint64_t hash_weights(dl_module *net)             /* without buffers: those of a batch norm change in the forward pass */
{
    uint64_t h = 1;
    dl_param *p;
    int64_t k;
    int i;
    for (i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
        for (k = 0; !p->is_buffer && k < p->tensor->size; k++) h = (h ^ (uint64_t)(p->tensor->data[k] * 1e6)) * 1099511628211u;
    return h;
}
/* Backward and a step of the optimizer, which is taken if all before it worked, and then as a whole. */
static int update(state *s, dl_module *net, dl_optim *opt, dl_tensor *loss)
{
    uint64_t before = hash_weights(net);
    int updated;
    dl_backward(s->c, loss);
    updated = dl_optim_step(s->c, opt);
    CHECK(updated == !dl_error(s->c));
    CHECK((hash_weights(net) == before) == !updated);
    return updated;
}
static void images_and_labels(state *s, int64_t n, int64_t channels, int64_t size)
{
    int32_t label[8] = {0, 1, 2, 1, 0, 2, 1, 1};
    s->x = dl_keep(s->c, dl_randn(s->c, DL_SHAPE(n, channels, size, size)));
    s->labels = dl_keep(s->c, dl_tensor_from_int(s->c, label, DL_SHAPE(n)));
}
static dl_tensor *tokens(state *s, int64_t n, int64_t t)
{
    int32_t id[40];
    int i;
    for (i = 0; i < 40; i++) id[i] = i * i % 11;
    return dl_tensor_from_int(s->c, id, DL_SHAPE(n, t));
}

static void cnn_build(state *s)
{
    dl_ctx *c = s->c;
    s->net = dl_nn_sequential(c, dl_nn_conv2d(c, 1, 4, 3, .padding = 1), dl_nn_batchnorm2d(c, 4), dl_nn_relu(c), dl_nn_max_pool2d(c, 2),
                              dl_nn_conv2d(c, 4, 4, 3, .groups = 2), dl_nn_groupnorm(c, 2, 4), dl_nn_dropout(c, (dl_real)0.1),
                              dl_nn_global_avg_pool2d(c), dl_nn_flatten(c), dl_nn_linear(c, 4, 3));
    s->opt = dl_optim_sgd(c, s->net, .lr = 0.1, .momentum = 0.9);
    s->schedule = dl_lr_cosine(c, s->opt, 10);
    images_and_labels(s, 4, 1, 8);
}
static int cnn_step(state *s)
{
    int ok = update(s, s->net, s->opt, dl_cross_entropy(s->c, dl_forward(s->c, s->net, s->x), s->labels));
    return dl_schedule_step(s->c, s->schedule) && ok;
}

static void rnn_build(state *s, dl_module *rnn)
{
    s->net = dl_nn_sequential(s->c, rnn, dl_nn_linear(s->c, 6, 3));
    s->opt = dl_optim_rmsprop(s->c, s->net);
    images_and_labels(s, 2, 3, 4);
}
static void lstm_build(state *s) { rnn_build(s, dl_nn_lstm(s->c, 4, 6, .num_layers = 2, .dropout = (dl_real)0.2)); }
static void gru_build(state *s)  { rnn_build(s, dl_nn_gru(s->c, 4, 3, .bidirectional = 1)); }
static int rnn_step(state *s)
{
    return update(s, s->net, s->opt, dl_mean(s->c, dl_abs(s->c, dl_forward(s->c, s->net, dl_flatten(s->c, s->x, 0, 1)))));
}

static void transformer_build(state *s)
{
    s->net = dl_model_transformer(s->c, .dim = 8, .heads = 2, .encoder_layers = 1, .decoder_layers = 1, .dim_feedforward = 12);
    s->opt = dl_optim_adamw(s->c, s->net);
    s->x = dl_keep(s->c, dl_randn(s->c, DL_SHAPE(2, 5, 8)));
}
static int transformer_step(state *s)
{
    dl_tensor *y = dl_model_transformer_forward(s->c, s->net, s->x, dl_slice(s->c, s->x, 1, 0, 3), .causal = 1);
    return update(s, s->net, s->opt, dl_mean(s->c, dl_mul(s->c, y, y)));
}

static void gpt_build(state *s)
{
    s->net = dl_model_gpt(s->c, .vocab_size = 11, .block_size = 8, .layers = 1, .heads = 2, .dim = 8);
    s->opt = dl_optim_adam(s->c, s->net);
}
static int gpt_step(state *s)
{
    dl_tensor *y, *x = NULL, *t = NULL;
    int ok = dl_text_batch(s->c, dl_keep(s->c, tokens(s, 40, 0)), 2, 6, &x, &t);
    if (!ok) { CHECK(dl_error(s->c) != NULL); return 0; }
    y = dl_forward(s->c, s->net, x);
    ok = update(s, s->net, s->opt, dl_cross_entropy(s->c, dl_reshape(s->c, y, DL_SHAPE(12, 11)), dl_flatten(s->c, t, 0, -1)));
    y = dl_generate(s->c, s->net, tokens(s, 1, 3), 4, .temperature = -1);
    CHECK(dl_is_nil(y) == (dl_error(s->c) != NULL));
    return ok && y->size == 7;
}

static void vae_build(state *s)
{
    s->net = dl_model_vae(s->c, DL_SHAPE(10), 2, .hidden = 7);
    s->opt = dl_optim_adamax(s->c, s->net);
    s->x = dl_keep(s->c, dl_rand(s->c, DL_SHAPE(3, 10)));
}
static int vae_step(state *s) { return update(s, s->net, s->opt, dl_model_vae_loss(s->c, s->net, s->x)); }

static void gan_build(state *s)
{
    dl_ctx *c = s->c;
    s->net = dl_nn_sequential(c, dl_nn_linear(c, 2, 6), dl_nn_tanh(c), dl_nn_linear(c, 6, 3));
    s->other = dl_nn_sequential(c, dl_nn_spectral_norm(c, dl_nn_linear(c, 3, 6)), dl_nn_tanh(c), dl_nn_linear(c, 6, 1));
    s->opt = dl_optim_adam(c, s->net);
    s->opt2 = dl_optim_nadam(c, s->other);
    s->x = dl_keep(c, dl_randn(c, DL_SHAPE(4, 3)));
}
static int gan_step(state *s)
{
    dl_ctx *c = s->c;
    dl_tensor *fake = dl_forward(c, s->net, dl_randn(c, DL_SHAPE(4, 2))), *loss;
    int ok;
    loss = dl_gan_d_loss(c, dl_forward(c, s->other, s->x), dl_forward(c, s->other, dl_detach(c, fake)));
    loss = dl_add(c, loss, dl_gradient_penalty(c, s->other, s->x, dl_detach(c, fake)));
    ok = update(s, s->other, s->opt2, loss);
    dl_nn_freeze(s->other, 1);
    ok = update(s, s->net, s->opt, dl_gan_g_loss(c, dl_forward(c, s->other, fake))) && ok;
    dl_nn_freeze(s->other, 0);
    return ok;
}

static void detection_build(state *s)
{
    dl_ctx *c = s->c;
    s->net = dl_nn_sequential(c, dl_nn_conv2d(c, 3, 4, 3, .padding = 1, .activation = DL_RELU));
    s->other = dl_nn_sequential(c, dl_nn_conv2d(c, 4, 10, 1));
    s->opt = dl_optim_sgd(c, s->net);
    s->opt2 = dl_optim_sgd(c, s->other);
    images_and_labels(s, 1, 3, 8);
}
static int detection_step(state *s)
{
    static const dl_real truth[8] = {1, 1, 5, 6, 2, 0, 7, 3}, rois[10] = {0, 1, 1, 5, 6, 0, 2, 0, 7, 3};
    dl_ctx *c = s->c;
    dl_tensor *maps = dl_forward(c, s->net, s->x), *head = dl_permute(c, dl_forward(c, s->other, maps), DL_ORDER(0, 2, 3, 1));
    dl_tensor *score = dl_flatten(c, dl_slice(c, head, 3, 0, 2), 0, -1), *deltas = dl_reshape(c, dl_slice(c, head, 3, 2, 10), DL_SHAPE(128, 4));
    dl_tensor *anchors = dl_anchors(c, 8, 8, .sizes = {3}, .ratios = {1, 2}, .stride = 1), *boxes, *stay;
    dl_tensor *loss = dl_rpn_loss(c, score, deltas, anchors, dl_tensor_from(c, truth, DL_SHAPE(2, 4)), .samples = 16);
    int ok;
    maps = dl_roi_align(c, maps, dl_tensor_from(c, rois, DL_SHAPE(2, 5)), 2, 2);
    loss = dl_add(c, loss, dl_mean(c, maps));
    ok = update(s, s->net, s->opt, loss) && dl_optim_step(c, s->opt2);
    boxes = dl_box_clip(c, dl_box_decode(c, deltas, anchors), 8, 8);
    stay = dl_nms(c, boxes, score, 0.5);
    CHECK(stay && dl_is_nil(stay) == (dl_error(c) != NULL));
    return ok && !dl_is_nil(stay);
}

/* The training stops in the middle of a step's work on the disk as well: the file is the old one or the new one. */
static void fit_build(state *s)
{
    s->net = perceptron(s->c);
    s->opt = dl_optim_adam(s->c, s->net);
    s->data = samples(s->c);
    remove(path("x"));
    remove(path("y"));
}
static int fit_step(state *s)
{
    dl_fit(s->c, s->net, s->opt, s->data, .validation = s->data, .epochs = 2, .batch_size = 9, .quiet = 1, .checkpoint = path("x"),
           .resume = 1, .save_best = path("y"), .patience = 5);
    return !dl_error(s->c);
}

static void weights_build(state *s) { s->net = perceptron(s->c); s->other = perceptron(s->c); }
static int weights_step(state *s)
{
    uint64_t before = hash(s->other);
    int saved = dl_save(s->c, s->net, path("x")) && dl_save(s->c, s->net, path("x.npz")), loaded;
    dl_archive *a;
    loaded = dl_load(s->c, s->other, path("x"));
    CHECK(hash(s->other) == (loaded ? hash(s->net) : before));
    loaded = dl_load(s->c, s->other, path("x.npz")) && loaded;
    a = dl_load_tensors(s->c, path("x"));
    CHECK(a->size == (dl_error(s->c) ? 0 : 4));
    return saved && loaded && a->size == 4;
}

static void tokenizer_build(state *s) { s->words = dl_tokenizer_train(s->c, words, -1, 262); }
static int tokenizer_step(state *s)
{
    dl_ctx *c = s->c;
    dl_tensor *ids = dl_text_encode(c, s->words, words, -1);
    const char *text = dl_text_decode(c, s->words, ids, NULL);
    dl_tokenizer *again;
    CHECK(dl_error(c) || !strcmp(text, words));
    dl_tokenizer_save(c, s->words, path("vocab.json"), path("merges.txt"));
    again = dl_tokenizer_gpt2(c, path("vocab.json"), path("merges.txt"));
    CHECK(dl_error(c) || dl_tokenizer_size(again) == dl_tokenizer_size(s->words));
    dl_tokenizer_chars(c, words, -1);
    return !dl_error(c);
}

static void export_build(state *s)
{
    cnn_build(s);
    s->other = dl_nn_sequential(s->c, dl_nn_linear(s->c, 3, 4), dl_nn_sigmoid(s->c));
}
static int export_step(state *s)
{
    int ok = dl_export_onnx(s->c, s->net, s->x, path("x"));
    ok = dl_export_c(s->c, s->other, dl_ones(s->c, DL_SHAPE(1, 3)), path("y"), "net") && ok;
    CHECK(ok == !dl_error(s->c));
    return ok;
}

static void every_way(dl_ctx *c, dl_tensor **x, dl_tensor **target, void *user)
{
    (void)user;
    *x = dl_aug_random_crop(c, *x, 6, 6, .padding = 1);
    *x = dl_aug_color_jitter(c, dl_aug_affine(c, dl_aug_hflip(c, *x), .degrees = {-9, 9}), .brightness = 0.3, .hue = 0.1);
    *x = dl_aug_random_erasing(c, dl_aug_cutout(c, *x, 2), .p = 0.5);
    dl_aug_mixup(c, x, target, 3, .alpha = 0.4);
    dl_aug_cutmix(c, x, target, 3, .alpha = 1);
}
static void augment_build(state *s)
{
    images_and_labels(s, 7, 3, 8);
    s->batches = dl_loader_create(s->c, dl_data_tensors(s->c, s->x, s->labels), .batch_size = 3, .shuffle = 1, .augment = every_way);
}
static int augment_step(state *s)
{
    int n = 0;
    s->batches->position = 0;                            /* a fault may have cut the epoch short */
    while (dl_next_batch(s->c, s->batches)) n++;
    CHECK(n == 3 || dl_error(s->c));
    return n == 3;
}

static dl_tensor *closure(dl_ctx *c, void *user)
{
    state *s = (state *)user;
    dl_tensor *loss = dl_cross_entropy(c, dl_forward(c, s->net, dl_flatten(c, s->x, 1, -1)), s->labels);
    dl_backward(c, loss);
    return loss;
}
static void lbfgs_build(state *s)
{
    s->net = dl_nn_sequential(s->c, dl_nn_linear(s->c, 4, 5), dl_nn_tanh(s->c), dl_nn_linear(s->c, 5, 3));
    s->opt = dl_optim_lbfgs(s->c, s->net, .max_iter = 3, .history_size = 2, .strong_wolfe = 1);
    images_and_labels(s, 6, 1, 2);
}
static int closure_step(state *s)
{
    uint64_t before = hash_weights(s->net);
    dl_optim_step_closure(s->c, s->opt, closure, s);
    CHECK(!dl_error(s->c) || hash_weights(s->net) == before);
    return !dl_error(s->c);
}
static void sam_build(state *s)
{
    lbfgs_build(s);
    s->opt = dl_optim_sam(s->c, dl_optim_adam(s->c, s->net));
}

static void readers_build(state *s)
{
    static const char csv[] = "a,b,kind\n1,2.5,cat\n3,?,ape\n5,6,cat\n", pnm[] = "P6 2 1 100 abcdef";
    static const unsigned char idx[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 9};
    fuzz_file("x.csv", csv, sizeof csv - 1);
    fuzz_file("x", pnm, sizeof pnm - 1);
    fuzz_file("y", idx, sizeof idx);
    s->net = perceptron(s->c);
}
static int readers_step(state *s)
{
    dl_ctx *c = s->c;
    dl_dataset *d;
    CHECK(dl_is_nil(dl_load_csv(c, path("x.csv"), .columns = "a,b", .missing = DL_MISSING_NAN)) == (dl_error(c) != NULL));
    d = dl_data_csv(c, path("x.csv"), .missing = DL_MISSING_DROP);
    CHECK(dl_error(c) || d->size == 2);
    CHECK(dl_is_nil(dl_image_load(c, path("x"), .resize = 4, .crop = 3)) == (dl_error(c) != NULL));
    CHECK(dl_is_nil(dl_data_idx(c, path("y"))) == (dl_error(c) != NULL));
    return !dl_error(c);
}

static void seq2seq_build(state *s)
{
    s->net = dl_model_seq2seq(s->c, 11, 11, 4);
    s->opt = dl_optim_adagrad(s->c, s->net);
}
static int seq2seq_step(state *s)
{
    dl_tensor *y = dl_model_seq2seq_forward(s->c, s->net, tokens(s, 2, 4), tokens(s, 2, 3));
    int ok = update(s, s->net, s->opt, dl_mean(s->c, dl_abs(s->c, y)));
    y = dl_model_seq2seq_decode(s->c, s->net, tokens(s, 2, 4), 1);
    CHECK(dl_is_nil(y) == (dl_error(s->c) != NULL));
    return ok && !dl_is_nil(y);
}

/* --- all of them under fire ----------------------------------------------------------------------------------------------------- */
static dl_ctx *small;                                    /* its arenas grow by one object at a time, so that each is an allocation */
static void stay_small(void) { if (small) small->step.next_size = small->keep.next_size = 32; }
static int begin(state *s, void (*build)(state *))       /* 1: built without a fault */
{
    memset(s, 0, sizeof *s);
    s->c = small = dl_create(.seed = 1, .threads = 1, .block_bytes = 64);
    if (s->c) build(s);
    return s->c && !dl_error(s->c);
}
static uint64_t outcome(state *s) { return (s->net ? hash(s->net) : 0) ^ (s->other ? hash(s->other) >> 1 : 0); }

static long failures, healed;
static void every_allocation(const char *name, void (*build)(state *), int (*step)(state *))
{
    state s;
    uint64_t wanted;
    int i, n, total, stride;
    fault_hook = stay_small;
    fault_calls = 0, fault_at = -1, fault_persistent = 0;
    CHECK(begin(&s, build) && step(&s));
    dl_step_begin(s.c);
    CHECK(step(&s));
    CHECK_OK(s.c);
    wanted = outcome(&s);
    total = fault_calls;
    small = NULL;
    dl_destroy(s.c);
    CHECK(live_blocks == 0 && total > 20);
    stride = SLOW ? 1 : 1 + total / 40;
    for (i = 0; i < 2 * total && test_errors < 20; i += stride) {
        int before = test_errors, done;
        fault_calls = 0, fault_at = i % total, fault_persistent = i >= total;
        n = begin(&s, build);
        done = n && step(&s);
        if (done) { dl_step_begin(s.c); done = step(&s); }
        if (n) CHECK(done == !dl_error(s.c));
        CHECK(fault_calls > fault_at);
        if (!s.c) CHECK(live_blocks == 0);
        else if (dl_error(s.c)) CHECK(strstr(dl_error(s.c), "memory"));
        else CHECK(!fault_persistent && outcome(&s) == wanted);         /* it was done without */
        failures++;
        healed += s.c && !dl_error(s.c);
        fault_at = -1, fault_persistent = 0;             /* memory is back */
        dl_clear_error(s.c);
        dl_step_begin(s.c);
        if (n) CHECK(step(&s));
        if (s.c) CHECK(dl_item(dl_sum(s.c, dl_ones(s.c, DL_SHAPE(100)))) == 100);
        if (s.c) CHECK_OK(s.c);
        small = NULL;
        dl_destroy(s.c);
        CHECK(live_blocks == 0);
        if (test_errors > before) printf(" in %s, allocation %d of %d, %s", name, i % total, total, i < total ? "once" : "from then on");
    }
    fault_hook = NULL;
    printf("%s %d ", name, total);
    fflush(stdout);
}
static void programs(void)
{
#define FIRE(name) every_allocation(#name, name##_build, name##_step)
    FIRE(cnn); FIRE(transformer); FIRE(gpt); FIRE(vae); FIRE(gan); FIRE(detection); FIRE(fit); FIRE(weights); FIRE(tokenizer);
    FIRE(export); FIRE(augment); FIRE(readers); FIRE(seq2seq);
    every_allocation("lstm", lstm_build, rnn_step);
    every_allocation("gru", gru_build, rnn_step);
    every_allocation("lbfgs", lbfgs_build, closure_step);
    every_allocation("sam", sam_build, closure_step);
    printf("(%ld faults, %ld of them without effect) ", failures, healed);
}

/* dl_backward fails at each of its allocations; after dl_clear_error the same call gives the gradients of one that never failed. */
static void backward_again(void)
{
    dl_real wanted[3 * 12], *grad;
    int i, n = 1;
    fault_hook = stay_small;
    fault_at = -1, fault_persistent = 0;
    for (i = -1; i < n; i++) {                           /* -1: none fails */
        dl_ctx *c = small = dl_create(.seed = 1, .threads = 1, .block_bytes = 64);
        dl_module *m = dl_nn_lstm(c, 3, 3);
        dl_tensor *h_n, *c_n, *loss;
        dl_nn_rnn_forward(c, m, dl_requires_grad(c, dl_randn(c, DL_SHAPE(2, 4, 3)), 1), .h_n = &h_n, .c_n = &c_n);
        loss = dl_add(c, dl_sum(c, dl_square(c, h_n)), dl_sum(c, dl_square(c, c_n)));
        CHECK_OK(c);
        fault_calls = 0, fault_at = i;
        CHECK(dl_backward(c, loss) == (i < 0));
        n = i < 0 ? fault_calls : n;
        fault_at = -1;
        dl_clear_error(c);
        if (i >= 0) CHECK(dl_backward(c, loss));
        grad = dl_module_get(c, m, "weight_ih_l0")->grad;
        if (i < 0) memcpy(wanted, grad, sizeof wanted);
        CHECK(!memcmp(grad, wanted, sizeof wanted));
        small = NULL;
        dl_destroy(c);
    }
    CHECK(n > 10);
    fault_hook = NULL;
}

/* --- calls that fail at each of their allocations leave what they change as it was, or as after a whole call ------------------- */
static dl_tensor *result;
static void muon_build(state *s)
{
    s->net = dl_nn_linear(s->c, 6, 5);
    s->opt = dl_optim_muon(s->c, s->net);
    dl_backward(s->c, dl_sum(s->c, dl_square(s->c, dl_forward(s->c, s->net, dl_ones(s->c, DL_SHAPE(4, 6))))));
}
static void muon_call(state *s)  { dl_optim_step(s->c, s->opt); }
static int muon_whole(state *s)  { return dl_module_get(s->c, s->net, "weight")->grad != NULL; }

static void norm_build(state *s)
{
    s->net = dl_nn_sequential(s->c, dl_nn_batchnorm1d(s->c, 6, .cumulative = 1), dl_nn_tanh(s->c));
    s->x = dl_keep(s->c, dl_add_scalar(s->c, dl_randn(s->c, DL_SHAPE(4, 6)), 3));
}
static void norm_call(state *s)  { result = dl_forward(s->c, s->net, s->x); }
static int norm_whole(state *s)
{
    return dl_is_nil(result) && dl_item(dl_module_get(s->c, s->net, "0.num_batches_tracked")) ==
                                (dl_module_get(s->c, s->net, "0.running_mean")->data[0] != 0);
}

static void cycle_build(state *s)
{
    s->net = dl_nn_linear(s->c, 6, 5);
    s->opt = dl_optim_sgd(s->c, s->net, .lr = 0.5);
}
static void cycle_call(state *s) { dl_lr_one_cycle(s->c, s->opt, 0.1, 10); }
static int cycle_whole(state *s) { return dl_optim_state_bytes(s->opt) == 0 && dl_optim_lr(s->opt) == 0.5; }

static void other_build(state *s)                        /* two graphs on one tape */
{
    dl_tensor *sum, *other;
    s->x = dl_requires_grad(s->c, dl_keep(s->c, dl_ones(s->c, DL_SHAPE(5))), 1);
    s->labels = dl_requires_grad(s->c, dl_keep(s->c, dl_ones(s->c, DL_SHAPE(5))), 1);
    other = dl_exp(s->c, s->labels);
    sum = dl_sum(s->c, dl_square(s->c, s->x));
    result = dl_sum(s->c, dl_mul(s->c, other, dl_square(s->c, s->labels)));
    dl_backward(s->c, sum);
}
static void other_call(state *s) { dl_backward(s->c, result); }
static int other_whole(state *s) { return s->x->grad && s->x->grad[0] == 2 && !s->labels->grad && !result->grad; }

static void couple_build(state *s) { s->x = dl_keep(s->c, dl_ones(s->c, DL_SHAPE(2, 4))); }
static void couple_call(state *s)
{
    dl_tensor *log_det;
    result = dl_coupling(s->c, s->x, dl_eye(s->c, 1), s->x, s->x, .log_det = &log_det);
}
static int nil_whole(state *s) { (void)s; return dl_is_nil(result); }

static void cell_build(state *s) { s->net = dl_nn_lstm_cell(s->c, 4, 3); couple_build(s); }
static void cell_call(state *s)  { dl_tensor *next = NULL; result = dl_nn_rnn_step(s->c, s->net, s->x, NULL, &next); }

static int has_batch(void)
{
    static char text[1 << 16];
    FILE *f = fopen(path("x"), "rb");
    size_t n = f ? fread(text, 1, sizeof text, f) : 0, i;
    if (f) fclose(f);
    for (i = 0; i + 5 < n && memcmp(text + i, "batch", 5); i++) {}
    return i + 5 < n;
}
static void onnx_call(state *s) { if (dl_export_onnx(s->c, s->net, s->x, path("x"))) CHECK(has_batch()); }
static int onnx_whole(state *s) { (void)s; return 1; }

static void state_after_faults(void)
{
#define WHOLE(name) { #name, name##_build, name##_call, name##_whole }
    static const struct { const char *name; void (*build)(state *), (*call)(state *); int (*whole)(state *); } all[] = {
        WHOLE(muon), WHOLE(norm), WHOLE(cycle), WHOLE(other),
        { "couple", couple_build, couple_call, nil_whole }, { "cell", cell_build, cell_call, nil_whole },
        { "onnx", cnn_build, onnx_call, onnx_whole } };
    int i, k, failed;
    fault_hook = stay_small;
    for (i = 0; i < (int)(sizeof all / sizeof *all); i++)
        for (k = 0, failed = 1; failed; k++) {
            state s;
            fault_at = -1, fault_persistent = 0;
            CHECK(begin(&s, all[i].build));
            fault_calls = 0, fault_at = k;
            all[i].call(&s);
            fault_at = -1;
            failed = dl_error(s.c) != NULL;
            dl_clear_error(s.c);
            if (failed && !CHECK(all[i].whole(&s))) printf("  (%s, allocation %d)", all[i].name, k);
            if (!failed) CHECK(k > 0);
            small = NULL;
            dl_destroy(s.c);
            CHECK(live_blocks == 0);
        }
    fault_hook = NULL;
}

/* --- the corpus, whole, cut and with flipped bits, through the targets of fuzz.c ---------------------------------------------- */
#if defined(__unix__) || defined(__APPLE__)
#include <dirent.h>
static long files, cuts, flips;
static void corpus_file(const fuzz_target *t, const char *name)
{
    static uint8_t b[1 << 16];
    FILE *f = fopen(name, "rb");
    size_t n, i, at, step;
    if (!CHECK(f != NULL)) return;
    n = fread(b, 1, sizeof b, f);
    fclose(f);
    fuzz_run(t, b, n);
    files++;
    if (t->run == fuzz_ops) return;
    step = SLOW ? 1 : 1 + n / 16;
    for (i = 0; i < n; i += step, cuts++) fuzz_run(t, b, n - 1 - i);
    step = SLOW ? 1 + n / 512 : 1 + n / 4;               /* in bits: every one of the first 64 bytes, or of smaller files */
    for (i = 0; i < 8 * n; i += SLOW && i < 512 ? 1 : step, flips++) {
        at = i / 8;
        b[at] ^= (uint8_t)(1 << i % 8);
        fuzz_run(t, b, n);
        b[at] ^= (uint8_t)(1 << i % 8);
    }
}
static void corpus(void)
{
    char name[600];
    int i;
    for (i = 0; i < FUZZ_TARGETS; i++) {
        long before = files;
        DIR *d;
        struct dirent *e;
        snprintf(name, sizeof name, "tests/corpus/%s", fuzz_targets[i].name);
        d = opendir(name);
        while (d && (e = readdir(d)) != NULL) {
            snprintf(name, sizeof name, "tests/corpus/%s/%s", fuzz_targets[i].name, e->d_name);
            if (e->d_name[0] != '.') corpus_file(&fuzz_targets[i], name);
        }
        if (d) closedir(d);
        if (!CHECK(files > before)) printf(" no files for %s ", fuzz_targets[i].name);
    }
    printf("(%ld files, %ld cuts, %ld flipped bits) ", files, cuts, flips);
}

/* Numbers in a checkpoint that index memory later: every value in it becomes an extreme one, with a checksum that fits. */
static void extreme_checkpoints(void)
{
    static const int64_t extremes[] = { -1, INT64_MAX, INT64_MIN, 1000000000, INT32_MAX, (int64_t)1 << 52 };
    static uint8_t file[1 << 14], b[1 << 14];
    FILE *f = fopen("tests/corpus/checkpoint/seed-all", "rb");
    size_t n, at;
    long runs = 0;
    int k;
    if (!CHECK(f != NULL)) return;
    n = fread(file, 1, sizeof file, f);
    fclose(f);
    for (at = 8 + (size_t)file[0] + ((size_t)file[1] << 8); at + 8 <= n; at += SLOW ? 4 : 8)
        for (k = 0; k < 6; k++, runs++) {
            memcpy(b, file, n);
            memcpy(b + at, &extremes[k], k == 4 ? 4 : 8);
            fuzz_run(&fuzz_targets[9], b, n);
        }
    printf("(%ld checkpoints) ", runs);
}
#else
static void extreme_checkpoints(void) { SKIP("needs folders"); }
static void corpus(void) { SKIP("needs folders"); }
#endif

/* The changes end with the first one that fails: 2^31 of them, but not a second of nothing. */
static void many_changes(void)
{
    size_t limit = limit_bytes;
    clock_t from;
    dl_ctx *c;
    limit_bytes = (size_t)1 << 18;
    c = dl_create(.threads = 1, .block_bytes = 64);
    from = clock();
    CHECK(dl_is_nil(dl_aug_rand_augment(c, dl_zeros(c, DL_SHAPE(1, 1, 8, 8)), .num_ops = INT32_MAX)));
    CHECK_ERROR(c, "memory");
    CHECK((double)(clock() - from) / CLOCKS_PER_SEC < 2);
    dl_destroy(c);
    limit_bytes = limit;
}

int main(void)
{
    folder_make();
    RUN(large_blocks);
    RUN(tiny_blocks);
    RUN(fit);
    RUN(programs);
    RUN(backward_again);
    RUN(state_after_faults);
    RUN(corpus);
    RUN(extreme_checkpoints);
    RUN(many_changes);
    folder_remove();
    TEST_END;
}
