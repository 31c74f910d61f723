/* Fuzzing: a target for each reader of files, and one that makes random graphs of ops.  Whatever the bytes are, there is no
   crash, no undefined behaviour, no leak, a result or an error, and memory in proportion to the file.

       clang -I. -g -O1 -DFUZZ -fsanitize=fuzzer,address,undefined,float-cast-overflow tests/fuzz.c -o build/fuzz -lm
       FUZZ=npy build/fuzz -max_total_time=60 tests/corpus/npy

   A target has the name of its folder in tests/corpus.  test_faults.c includes this file and runs the corpus through the same
   functions. */
#if defined(FUZZ) || defined(FUZZ_SEEDS)
#include "faulty_malloc.h"
#define DL_MODELS
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "dl.h"
#include <string.h>
#endif
#ifdef FUZZ_SEEDS
#include "golden_files.h"
#endif
#include "folder.h"
#include <math.h>
#include <stdint.h>
#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#include <unistd.h>
#endif

#define MUST(cond) ((cond) ? (void)0 : fuzz_stop(#cond, __LINE__))
static void fuzz_stop(const char *text, int line) { fprintf(stderr, "fuzz.c:%d: %s\n", line, text); abort(); }

/* --- files: the bytes under a name ------------------------------------------------------------------------------------------ */
static const char *fuzz_file(const char *name, const void *bytes, size_t n)
{
    const char *p = path(name);
    FILE *f = fopen(p, "wb");
    MUST(f != NULL);
    MUST(fwrite(bytes, 1, n, f) == n);
    fclose(f);
    return p;
}
/* --- what comes out: all of it can be read, and there is either a result or an error -------------------------------------- */
static volatile double fuzz_sink;
static uint64_t fuzz_bits;                               /* a hash of all real results; NaNs are one number */
static void fuzz_touch(const dl_tensor *t)
{
    int64_t i, n = 1;
    int k;
    if (dl_is_nil(t)) return;
    for (k = 0; k < t->ndim; k++) { MUST(t->shape[k] > 0); n *= t->shape[k]; }
    MUST(n == t->size && !t->data != !t->idata && (t->dtype == DL_INT32) == (t->idata != NULL));
    for (i = 0; i < n; i++) {
        double v = t->data ? (double)t->data[i] : (double)t->idata[i];
        uint64_t bits = 1;
        if (v == v) memcpy(&bits, &v, sizeof bits);
        fuzz_bits = (fuzz_bits ^ bits) * 1099511628211u;
    }
}
static void fuzz_result(dl_ctx *c, const dl_tensor *t)
{
    MUST(dl_is_nil(t) == (dl_error(c) != NULL));
    fuzz_touch(t);
    dl_clear_error(c);
    dl_step_begin(c);
}
static void fuzz_data(dl_ctx *c, const dl_dataset *d)
{
    if (dl_error(c)) { dl_clear_error(c); return; }
    fuzz_touch(d->inputs);
    fuzz_touch(d->targets);
    MUST(d->size == d->inputs->shape[0] && d->size == d->targets->shape[0]);
}

static dl_module *fuzz_net(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_linear(c, 3, 2), dl_nn_batchnorm1d(c, 2));
}
static uint64_t fuzz_hash(dl_module *m)
{
    uint64_t h = 14695981039346656037u;
    dl_param *p;
    size_t i, n;
    int k;
    for (k = 0; (p = dl_module_at(m, k, NULL, 0)) != NULL; k++)
        for (i = 0, n = (size_t)p->tensor->size * sizeof(dl_real); i < n; i++)
            h = (h ^ ((const unsigned char *)p->tensor->data)[i]) * 1099511628211u;
    return h;
}

/* safetensors, .npy, .npz, index.json: all tensors; the weights of a module; what was read can be written and read again */
static void fuzz_archive(const uint8_t *p, size_t n, const char *name)
{
    const char *file = fuzz_file(name, p, n);
    dl_ctx *c = dl_create(.threads = 1, .block_bytes = 64);
    dl_module *m = fuzz_net(c);
    dl_archive *a = dl_load_tensors(c, file), *b;
    uint64_t before = fuzz_hash(m);
    int64_t i, k = 0;
    if (dl_error(c)) MUST(a->size == 0);
    for (i = 0; i < a->size; i++) {
        fuzz_touch(a->item[i].tensor);
        MUST(!strcmp(a->item[i].name, a->item[i].name) && dl_archive_get(c, a, a->item[i].name) == a->item[i].tensor);
        if (!dl_is_nil(a->item[i].tensor)) a->item[k++] = a->item[i];
    }
    for (i = 0; i < a->nmetadata; i++) MUST(strlen(a->metadata[i].key) + strlen(a->metadata[i].value) <= n);
    if (!dl_error(c) && dl_save_tensors(c, a->item, k, path("y"))) {
        b = dl_load_tensors(c, path("y"));
        MUST(!dl_error(c) && b->size == k);
        for (i = 0; i < k; i++)
            MUST(!strcmp(a->item[i].name, b->item[i].name) && a->item[i].tensor->size == b->item[i].tensor->size);
    }
    dl_clear_error(c);
    dl_step_begin(c);
    if (!dl_load(c, m, file)) MUST(dl_error(c) && fuzz_hash(m) == before);
    dl_clear_error(c);
    if (!dl_load(c, m, file, .loose = 1, .prefix = "0.")) MUST(dl_error(c) != NULL);
    dl_destroy(c);
}
static void fuzz_safetensors(const uint8_t *p, size_t n) { fuzz_archive(p, n, "x"); }
static void fuzz_npz(const uint8_t *p, size_t n)         { fuzz_archive(p, n, "x.npz"); }
static void fuzz_index(const uint8_t *p, size_t n)
{
    static const char shard[] = "_\0\0\0\0\0\0\0{\"0.bias\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                                "\"w\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[8,9]}}123456789";
    char bytes[sizeof shard];
    memcpy(bytes, shard, sizeof shard);
    bytes[0] = (char)(sizeof shard - 1 - 8 - 9);
    fuzz_file("t-1.safetensors", bytes, sizeof shard - 1);
    fuzz_archive(p, n, "m.index.json");
}

static void fuzz_csv(const uint8_t *p, size_t n)
{
    const char *file = fuzz_file("x.csv", p, n);
    dl_ctx *c = dl_create(.threads = 1, .block_bytes = 64);
    fuzz_result(c, dl_load_csv(c, file));
    fuzz_result(c, dl_load_csv(c, file, .missing = DL_MISSING_NAN, .header = 1, .delimiter = ';'));
    fuzz_result(c, dl_load_csv(c, file, .missing = DL_MISSING_DROP, .header = -1, .columns = "1,0"));
    fuzz_data(c, dl_data_csv(c, file, .missing = DL_MISSING_NAN));
    fuzz_data(c, dl_data_csv(c, file, .missing = DL_MISSING_DROP, .regression = 1, .target = "0"));
    fuzz_data(c, dl_data_csv(c, file, .target = "a", .columns = "b"));
    dl_destroy(c);
}

static void fuzz_idx(const uint8_t *p, size_t n)
{
    dl_ctx *c = dl_create(.threads = 1, .block_bytes = 64);
    fuzz_result(c, dl_data_idx(c, fuzz_file("x", p, n)));
    fuzz_file("t10k-images-idx3-ubyte", p, n);
    fuzz_file("t10k-labels-idx1-ubyte", p, n);
    fuzz_data(c, dl_data_mnist(c, folder));
    if (n > 9) {                                         /* one label, and behind it its image */
        fuzz_file("t10k-labels-idx1-ubyte", p, 9);
        fuzz_file("t10k-images-idx3-ubyte", p + 9, n - 9);
        fuzz_data(c, dl_data_mnist(c, folder));
    }
    dl_destroy(c);
}

static void fuzz_cifar(const uint8_t *p, size_t n)
{
    dl_ctx *c = dl_create(.threads = 1, .block_bytes = 64);
    fuzz_file("test_batch.bin", p, n);
    fuzz_file("test.bin", p, n);
    fuzz_data(c, dl_data_cifar10(c, folder));
    fuzz_data(c, dl_data_cifar100(c, folder));
    fuzz_data(c, dl_data_cifar100(c, folder, .coarse = 1));
    dl_destroy(c);
}

static void fuzz_raw(const uint8_t *p, size_t n)         /* 8 bytes say how the rest is read */
{
    dl_ctx *c = dl_create(.threads = 1, .block_bytes = 64);
    uint8_t how[8] = {0};
    const char *file;
    size_t i;
    for (i = 0; i < 8 && n; i++, n--) how[i] = *p++;
    file = fuzz_file("x", p, n);
    fuzz_result(c, dl_load_raw(c, file, (dl_file_type)(how[0] % 20), DL_SHAPE((int8_t)how[1], how[2] % 16, (int64_t)how[3] << (how[4] & 1 ? 54 : 0)),
                               .offset = how[5], .big_endian = how[6] & 1));
    fuzz_result(c, dl_load_raw(c, file, (dl_file_type)(how[0] % 14), DL_SHAPE((int64_t)n), .big_endian = how[6] & 1));
    dl_destroy(c);
}

static void fuzz_pnm(const uint8_t *p, size_t n)
{
    const char *file = fuzz_file("x", p, n);
    dl_ctx *c = dl_create(.threads = 1, .block_bytes = 64);
    fuzz_result(c, dl_image_load(c, file));
    fuzz_result(c, dl_image_load(c, file, .resize = 5, .crop = 4, .channels = 3));
    fuzz_result(c, dl_image_load(c, file, .crop = 2, .channels = 1, .mean = {1}, .std = {2}));
    dl_destroy(c);
}

/* A checkpoint whose checksum is put right first, so that there is something behind it: training goes on, or all is as it was. */
static void fuzz_put_checksum(uint8_t *p, size_t n)
{
    static const char key[] = "\"dl.crc32c\":\"";
    uint64_t header = 0;
    uint32_t sum = 0xffffffffu;
    size_t i, k, at = 0;
    for (i = 0; i + sizeof key + 8 < n; i++) if (!memcmp(p + i, key, sizeof key - 1)) at = i + sizeof key - 1;
    for (i = 0; i < 8 && i < n; i++) header |= (uint64_t)p[i] << 8 * i;
    if (!at || header > n - 8) return;
    for (i = 8 + (size_t)header; i < n; i++)
        for (sum ^= p[i], k = 0; k < 8; k++) sum = sum >> 1 ^ (sum & 1 ? 0x82f63b78u : 0);
    for (sum = ~sum, k = 0; k < 8; k++) p[at + k] = (uint8_t)"0123456789abcdef"[sum >> (28 - 4 * k) & 15];
}
typedef struct { dl_ctx *c; dl_checkpoint_opts all; double numbers[2]; } fuzz_program;
static void fuzz_start(fuzz_program *q)
{
    dl_ctx *c = q->c = dl_create(.seed = 1, .threads = 1, .block_bytes = 64);
    int32_t labels[5] = {0, 1, 0, 1, 1};
    memset(&q->all, 0, sizeof q->all);
    q->numbers[0] = q->numbers[1] = 0;
    q->all.module = fuzz_net(c);
    q->all.optim = dl_optim_lookahead(c, dl_optim_adam(c, q->all.module), .k = 2);
    q->all.optim2 = dl_optim_lbfgs(c, q->all.module, .history_size = 2, .max_iter = 2);
    q->all.schedule = dl_lr_plateau(c, q->all.optim);
    q->all.schedule2 = dl_lr_multi_step(c, q->all.optim2, DL_SHAPE(2, 4));
    q->all.ema = dl_ema_create(c, q->all.module);
    q->all.stop = dl_early_stop_create(c, q->all.module, 2);
    q->all.loader = dl_loader_create(c, dl_data_tensors(c, dl_randn(c, DL_SHAPE(5, 3)), dl_tensor_from_int(c, labels, DL_SHAPE(5))),
                                     .batch_size = 2, .shuffle = 1, .drop_last = 1);
    q->all.numbers = q->numbers;
    q->all.nnumbers = 2;
}
static dl_tensor *fuzz_loss(dl_ctx *c, void *user)
{
    fuzz_program *q = (fuzz_program *)user;
    dl_tensor *l = dl_cross_entropy(c, dl_forward(c, q->all.module, q->all.loader->input), q->all.loader->target);
    dl_backward(c, l);
    return l;
}
static void fuzz_train(fuzz_program *q, int steps)
{
    while (steps-- > 0) {
        if (!dl_next_batch(q->c, q->all.loader)) continue;
        dl_optim_step_closure(q->c, steps % 2 ? q->all.optim : q->all.optim2, fuzz_loss, q);
        dl_schedule_observe(q->c, q->all.schedule, 1.0 / (steps + 1));
        dl_schedule_step(q->c, q->all.schedule);
        dl_schedule_step(q->c, q->all.schedule2);
        dl_ema_update(q->c, q->all.ema);
        dl_early_stop_observe(q->c, q->all.stop, steps);
    }
}
static void fuzz_checkpoint(const uint8_t *p, size_t n)
{
    fuzz_program q;
    uint8_t *copy = (uint8_t *)malloc(n + 1);
    uint64_t before;
    MUST(copy != NULL);
    if (n) memcpy(copy, p, n);
    fuzz_put_checksum(copy, n);
    fuzz_start(&q);
    before = fuzz_hash(q.all.module);
    if (!dl_checkpoint_load_with(q.c, fuzz_file("x", copy, n), q.all)) MUST(dl_error(q.c) && fuzz_hash(q.all.module) == before);
    free(copy);
    dl_clear_error(q.c);
    fuzz_train(&q, 6);
    dl_ema_swap(q.c, q.all.ema);
    dl_early_stop_restore(q.c, q.all.stop);
    dl_destroy(q.c);
}

static void fuzz_tokenizer(const uint8_t *p, size_t n)   /* vocab.json, a 0, merges.txt */
{
    const uint8_t *cut = n ? (const uint8_t *)memchr(p, 0, n) : NULL;
    size_t m = cut ? (size_t)(cut - p) : n;
    dl_ctx *c = dl_create(.threads = 1, .block_bytes = 64);
    const char *vocab = fuzz_file("vocab.json", n ? (const void *)p : "", m), *merges = fuzz_file("merges.txt", cut ? (const void *)(cut + 1) : "", cut ? n - m - 1 : 0);
    dl_tokenizer *t = dl_tokenizer_gpt2(c, vocab, merges);
    int64_t i, k, size = dl_tokenizer_size(t);
    MUST(!t == (dl_error(c) != NULL));
    dl_clear_error(c);
    for (i = 0; i < 2; i++) {                            /* then a tokenizer that learnt from the bytes themselves */
        dl_tensor *ids = dl_text_encode(c, t, (const char *)p, (int64_t)n);
        const char *text = "";
        for (k = 0; k < ids->size; k++) MUST(ids->idata[k] >= 0 && ids->idata[k] < size);
        if (!dl_is_nil(ids)) {
            text = dl_text_decode(c, t, ids, &k);
            MUST(k == (int64_t)n && !memcmp(text, p, n));
        }
        dl_clear_error(c);
        if (t && size) {
            ids = dl_arange(c, 0, (double)size, 1);
            text = dl_text_decode(c, t, dl_to_int(c, ids), &k);
            if (!dl_error(c)) fuzz_sink = (double)strlen(text);
            dl_tokenizer_add(c, t, "<end>");
            dl_tokenizer_save(c, t, path("x"), path("y"));
            if (!dl_error(c)) dl_tokenizer_gpt2(c, path("x"), path("y"));
            dl_clear_error(c);
        }
        dl_step_begin(c);
        t = i ? t : dl_tokenizer_train(c, n ? (const char *)p : "", (int64_t)n, 270);
        dl_clear_error(c);
        size = dl_tokenizer_size(t);
    }
    dl_tokenizer_chars(c, n ? (const char *)p : "", (int64_t)n);
    dl_destroy(c);
}

/* --- random graphs: the bytes choose ops, shapes, options and values ------------------------------------------------------- */
enum { FUZZ_SLOTS = 16 };
typedef struct { dl_ctx *c; const uint8_t *p, *end; dl_tensor *slot[FUZZ_SLOTS]; int slots; } fuzz_graph;

static int fuzz_byte(fuzz_graph *g) { return g->p < g->end ? *g->p++ : 0; }
static int64_t fuzz_int64(fuzz_graph *g)                 /* most often small */
{
    static const int64_t hard[] = { INT64_MAX, INT64_MIN, INT32_MAX, INT32_MIN, -1, 255, 65536, (int64_t)1 << 31, (int64_t)1 << 40,
                                    (int64_t)1 << 62, -100, 1000, 33, 17, 64, 128 };
    int b = fuzz_byte(g);
    return b < 208 ? b % 6 : b < 240 ? b % 16 - 6 : hard[b - 240];
}
static int fuzz_int(fuzz_graph *g) { int64_t v = fuzz_int64(g); return v > INT32_MAX ? INT32_MAX : v < INT32_MIN ? INT32_MIN : (int)v; }
static double fuzz_real(fuzz_graph *g)
{
    static const double hard[] = { 0, 1, -1, 0.5, 2, 1e-3, 1e30, -1e30, 1e300, 1e-300, 0.1, 0.9, -2.5, 100 };
    int b = fuzz_byte(g);
    return b < 192 ? hard[b % 6] : b < 250 ? hard[b % 14] : b < 252 ? (double)NAN : b < 254 ? HUGE_VAL : -HUGE_VAL;
}
static const int fuzz_long[6] = {1, 70, 20, 9, 6, 4};    /* the longest axis of tensors with so many */
static dl_shape fuzz_shape(fuzz_graph *g)
{
    dl_shape s;
    int i, n = fuzz_byte(g) % 6;
    memset(&s, 0, sizeof s);
    for (i = 0; i < n; i++) { int b = fuzz_byte(g); s.d[i] = b < 250 ? 1 + b % fuzz_long[n] : fuzz_int64(g); }
    return s;
}
static void fuzz_arrays(fuzz_graph *g, int *a, int n)    /* sometimes axis by axis */
{
    int i;
    if (fuzz_byte(g) % 8 == 0) for (i = 0; i < n; i++) a[i] = fuzz_int(g);
}
static dl_tensor *fuzz_leaf(fuzz_graph *g, dl_shape s)
{
    int64_t i;
    int how = fuzz_byte(g), seed = fuzz_byte(g);
    dl_tensor *t = dl_empty(g->c, s);
    for (i = 0; i < t->size; i++) t->data[i] = (dl_real)((i * 37 + seed) % 101) / 50 - 1;
    if (how % 8 == 1 && t->size) for (i = 0; i < 4; i++) t->data[(i * 7919 + seed) % t->size] = (dl_real)fuzz_real(g);
    if (how % 8 == 2) for (i = 0; i < t->size; i++) t->data[i] = 0;
    if (how & 16) t = dl_requires_grad(g->c, t, 1);
    return t;
}
static dl_tensor *fuzz_any(fuzz_graph *g)                /* an earlier result, often; NULL, rarely */
{
    int b = fuzz_byte(g);
    if (b == 255) return NULL;
    if (b >= 224 || !g->slots) return fuzz_leaf(g, fuzz_shape(g));
    return g->slot[b % (g->slots < FUZZ_SLOTS ? g->slots : FUZZ_SLOTS)];
}
static dl_tensor *fuzz_fit(fuzz_graph *g, int64_t a, int64_t b, int64_t d, int64_t e)       /* of the shape that is right; mostly */
{
    dl_shape s = DL_SHAPE(a, b, d, e);
    return fuzz_byte(g) % 8 == 7 ? fuzz_any(g) : fuzz_leaf(g, s);
}
static dl_tensor *fuzz_rank(fuzz_graph *g, int n)        /* an earlier result with n axes, mostly */
{
    dl_shape s;
    int i;
    for (i = 0; i < g->slots && i < FUZZ_SLOTS; i++) {
        dl_tensor *t = g->slot[(g->slots - 1 - i) % FUZZ_SLOTS];
        if (t->ndim == n && t->data && fuzz_byte(g) % 4) return t;
    }
    memset(&s, 0, sizeof s);
    for (i = 0; i < n; i++) s.d[i] = 1 + fuzz_byte(g) % fuzz_long[n];
    return fuzz_byte(g) % 16 == 15 ? fuzz_any(g) : fuzz_leaf(g, s);
}
static dl_tensor *fuzz_ids(fuzz_graph *g, int64_t a, int64_t b, int64_t d, int64_t below)   /* int32, mostly from 0 .. below - 1 */
{
    int32_t v[64];
    int64_t n = (a ? a : 1) * (b ? b : 1) * (d ? d : 1), i;
    int how = fuzz_byte(g);
    if (how % 16 == 15) return fuzz_any(g);
    if (n < 1 || n > 64) { dl_tensor *t = fuzz_leaf(g, DL_SHAPE(a, b, d)); return dl_to_int(g->c, t); }
    for (i = 0; i < n; i++) v[i] = how % 8 == 7 ? (int32_t)fuzz_int(g) : (int32_t)((i * 7 + how) % (below > 0 ? below : 1));
    return dl_tensor_from_int(g->c, v, DL_SHAPE(a, b, d));
}
static dl_tensor *fuzz_maybe(fuzz_graph *g, dl_tensor *t) { return fuzz_byte(g) % 2 ? t : NULL; }
#define DIM(t, i) ((t) && (i) >= 0 && (t)->ndim > (i) ? (t)->shape[i] : 1)

static dl_tensor *fuzz_conv(fuzz_graph *g, int axes, int transposed)
{
    dl_conv_opts o;
    dl_tensor *x = fuzz_rank(g, axes + 2), *w, *b;
    int64_t C = DIM(x, 1), K = 1 + fuzz_byte(g) % 5, groups;
    int i;
    dl_shape s;
    memset(&o, 0, sizeof o);
    o.stride = fuzz_int(g); o.padding = fuzz_int(g); o.dilation = fuzz_int(g);
    o.groups = fuzz_byte(g) % 4 ? 0 : fuzz_byte(g) % 2 ? (int)C : fuzz_int(g);
    fuzz_arrays(g, o.strides, 3); fuzz_arrays(g, o.paddings, 3); fuzz_arrays(g, o.dilations, 3); fuzz_arrays(g, o.padding_end, 3);
    o.same = fuzz_byte(g) % 8 == 1;
    o.padding_mode = (dl_padding_mode)(fuzz_byte(g) % 4 ? 0 : fuzz_int(g));
    o.activation = (dl_activation)(fuzz_byte(g) % 2 ? 0 : fuzz_int(g));
    if (transposed) { o.output_padding = fuzz_int(g); fuzz_arrays(g, o.output_paddings, 3); }
    groups = o.groups > 0 && C % o.groups == 0 ? o.groups : 1;
    memset(&s, 0, sizeof s);
    s.d[0] = transposed ? C : K * groups;
    s.d[1] = transposed ? K : C / groups;
    for (i = 0; i < axes; i++) s.d[2 + i] = 1 + fuzz_byte(g) % 4;
    w = fuzz_byte(g) % 16 == 15 ? fuzz_any(g) : fuzz_leaf(g, s);
    b = fuzz_maybe(g, fuzz_fit(g, K * groups, 0, 0, 0));
    if (axes == 1) return transposed ? dl_conv_transpose1d_with(g->c, x, w, b, o) : dl_conv1d_with(g->c, x, w, b, o);
    if (axes == 2) return transposed ? dl_conv_transpose2d_with(g->c, x, w, b, o) : dl_conv2d_with(g->c, x, w, b, o);
    return transposed ? dl_conv_transpose3d_with(g->c, x, w, b, o) : dl_conv3d_with(g->c, x, w, b, o);
}
static dl_tensor *fuzz_window(fuzz_graph *g)
{
    dl_conv_opts o;
    dl_tensor *x;
    int which = fuzz_byte(g) % 4;
    int64_t kernel = fuzz_int64(g);
    memset(&o, 0, sizeof o);
    o.stride = fuzz_int(g); o.padding = fuzz_int(g); o.dilation = fuzz_int(g);
    fuzz_arrays(g, o.kernels, 3); fuzz_arrays(g, o.strides, 3);
    if (which == 0) return dl_unfold_with(g->c, fuzz_rank(g, 4), kernel, o);
    if (which == 1) return dl_im2col_with(g->c, fuzz_rank(g, 4), kernel, o);
    x = fuzz_rank(g, which == 2 ? 3 : 2);
    if (which == 2) return dl_fold_with(g->c, x, DL_SHAPE(fuzz_int64(g), fuzz_int64(g)), kernel, o);
    return dl_col2im_with(g->c, x, DL_SHAPE(fuzz_int64(g), fuzz_int64(g), fuzz_int64(g), fuzz_int64(g)), kernel, o);
}
static dl_tensor *fuzz_pool(fuzz_graph *g)
{
    int which = fuzz_byte(g) % 6, axes = 1 + fuzz_byte(g) % 3, kernel = fuzz_int(g), i;
    dl_tensor *x = fuzz_rank(g, axes + 2 - (fuzz_byte(g) % 8 == 0)), *at = NULL;
    dl_max_pool_opts m;
    dl_avg_pool_opts a;
    dl_lp_pool_opts l;
    dl_adaptive_max_pool_opts am;
    dl_adaptive_avg_pool_opts aa;
    dl_max_unpool_opts u;
    memset(&m, 0, sizeof m); memset(&a, 0, sizeof a); memset(&l, 0, sizeof l); memset(&am, 0, sizeof am); memset(&aa, 0, sizeof aa); memset(&u, 0, sizeof u);
    a.stride = l.stride = u.stride = m.stride = fuzz_int(g);
    a.padding = u.padding = m.padding = fuzz_int(g);
    m.dilation = fuzz_int(g);
    a.ceil_mode = l.ceil_mode = m.ceil_mode = fuzz_byte(g) & 1;
    a.no_count_include_pad = fuzz_byte(g) & 1;
    a.divisor_override = fuzz_byte(g) % 8 ? 0 : fuzz_int(g);
    fuzz_arrays(g, m.kernels, 3); fuzz_arrays(g, m.strides, 3); fuzz_arrays(g, m.paddings, 3); fuzz_arrays(g, am.sizes, 3);
    for (i = 0; i < 3; i++) {
        a.kernels[i] = l.kernels[i] = u.kernels[i] = m.kernels[i]; a.strides[i] = l.strides[i] = u.strides[i] = m.strides[i];
        a.paddings[i] = u.paddings[i] = m.paddings[i]; aa.sizes[i] = am.sizes[i];
    }
    m.indices = am.indices = &at;
#define POOLS(NAME, ...) (axes == 1 ? NAME##1d_with(__VA_ARGS__) : axes == 2 ? NAME##2d_with(__VA_ARGS__) : NAME##3d_with(__VA_ARGS__))
    switch (which) {
    case 0: x = POOLS(dl_max_pool, g->c, x, kernel, m); break;
    case 1: return POOLS(dl_avg_pool, g->c, x, kernel, a);
    case 2: return POOLS(dl_lp_pool, g->c, x, fuzz_real(g), kernel, l);
    case 3: x = POOLS(dl_adaptive_max_pool, g->c, x, kernel, am); break;
    case 4: return POOLS(dl_adaptive_avg_pool, g->c, x, kernel, aa);
    default:
        at = fuzz_ids(g, DIM(x, 0), DIM(x, 1), DIM(x, 2), 4);
        if (x && at && x->ndim == 4) at = dl_to_int(g->c, dl_mul_scalar(g->c, x, 5));
        return POOLS(dl_max_unpool, g->c, x, at, kernel, u);
    }
    if (at) fuzz_touch(at);
    if (fuzz_byte(g) % 2 && at && !dl_is_nil(x)) x = POOLS(dl_max_unpool, g->c, x, at, kernel, u);
    return x;
}
static dl_tensor *fuzz_norm(fuzz_graph *g)
{
    int which = fuzz_byte(g) % 7;
    dl_tensor *x = fuzz_rank(g, 2 + fuzz_byte(g) % 3);
    int64_t C = DIM(x, 1), last = DIM(x, x ? x->ndim - 1 : 0);
    dl_real eps = fuzz_byte(g) % 4 ? 0 : (dl_real)fuzz_real(g);
    dl_tensor *w = fuzz_maybe(g, fuzz_fit(g, which == 1 || which == 2 ? last : C, 0, 0, 0)), *b = fuzz_maybe(g, fuzz_fit(g, which == 1 ? last : C, 0, 0, 0));
    dl_shape s = DL_SHAPE(last);
    if (fuzz_byte(g) % 8 == 0) s = fuzz_shape(g);
    switch (which) {
    case 0: {
        dl_tensor *mean = fuzz_maybe(g, fuzz_fit(g, C, 0, 0, 0)), *var = mean ? fuzz_fit(g, C, 0, 0, 0) : NULL;
        return dl_batch_norm(g->c, x, mean, var, w, b, .eps = eps, .activation = (dl_activation)fuzz_int(g), .residual = fuzz_byte(g) % 4 ? NULL : x);
    }
    case 1: return dl_layer_norm(g->c, x, s, w, b, .eps = eps);
    case 2: return dl_rms_norm(g->c, x, s, w, .eps = eps);
    case 3: return dl_group_norm(g->c, x, fuzz_byte(g) % 2 ? C : fuzz_int64(g), w, b, .eps = eps);
    case 4: return dl_instance_norm(g->c, x, w, b, .eps = eps);
    default: return dl_local_response_norm(g->c, x, fuzz_int64(g), .alpha = eps, .beta = (dl_real)fuzz_real(g), .sum = fuzz_byte(g) & 1);
    }
}
static dl_tensor *fuzz_attention(fuzz_graph *g)
{
    dl_attention_opts o;
    dl_tensor *q, *k, *v, *weights = NULL;
    int64_t N = 1 + fuzz_byte(g) % 3, H = 1 + fuzz_byte(g) % 4, T = 1 + fuzz_byte(g) % 9, S = 1 + fuzz_byte(g) % 9, D = 1 + fuzz_byte(g) % 9;
    int packed = fuzz_byte(g) % 4, G = fuzz_byte(g) % 3 ? (int)H : 1;
    memset(&o, 0, sizeof o);
    if (packed) {
        o.heads = packed == 1 ? H : fuzz_byte(g) % 8 ? H : fuzz_int64(g);
        o.kv_heads = packed > 1 ? G : 0;
        q = fuzz_fit(g, N, T, packed == 3 ? (H + 2 * G) * D : H * D, 0);
        k = packed == 3 ? NULL : fuzz_fit(g, N, S, packed == 2 ? 2 * G * D : G * D, 0);
        v = packed > 1 ? NULL : fuzz_fit(g, N, S, G * D, 0);
        if (packed == 3) S = T;
    } else {
        q = fuzz_fit(g, N, H, T, D);
        k = fuzz_fit(g, N, G, S, D);
        v = fuzz_fit(g, N, G, S, 1 + fuzz_byte(g) % 5);
    }
    o.causal = fuzz_byte(g) % 2;
    o.mask = fuzz_byte(g) % 4 ? NULL : fuzz_byte(g) % 2 ? fuzz_fit(g, T, S, 0, 0) : fuzz_ids(g, T, S, 0, 2);
    o.lengths = fuzz_byte(g) % 4 ? NULL : fuzz_ids(g, N, 0, 0, S + 1);
    o.scale = fuzz_byte(g) % 4 ? 0 : (dl_real)fuzz_real(g);
    o.dropout = fuzz_byte(g) % 4 ? 0 : (dl_real)fuzz_real(g);
    o.alibi = fuzz_byte(g) % 8 ? NULL : fuzz_fit(g, H, 0, 0, 0);
    o.weights = fuzz_byte(g) % 4 ? NULL : &weights;
    q = dl_attention_with(g->c, q, k, v, o);
    if (weights) fuzz_touch(weights);
    return q;
}
static dl_tensor *fuzz_recurrent(fuzz_graph *g)
{
    static const int gates[4] = {1, 1, 4, 3};
    dl_rnn_opts o;
    dl_rnn_weights w[2];
    int kind = fuzz_byte(g) % 4, directions = 1 + fuzz_byte(g) % 2, project = fuzz_byte(g) % 4 == 1, bias = fuzz_byte(g) % 2, i;
    int64_t T = 1 + fuzz_byte(g) % 5, N = 1 + fuzz_byte(g) % 3, I = 1 + fuzz_byte(g) % 5, H = 1 + fuzz_byte(g) % 5, P = project ? 1 + fuzz_byte(g) % 3 : H, G = gates[kind];
    dl_tensor *x, *h = NULL, *cell = NULL;
    memset(&o, 0, sizeof o);
    memset(w, 0, sizeof w);
    for (i = 0; i < directions; i++) {
        w[i].weight_ih = fuzz_fit(g, G * H, I, 0, 0); w[i].weight_hh = fuzz_fit(g, G * H, P, 0, 0);
        if (bias) { w[i].bias_ih = fuzz_fit(g, G * H, 0, 0, 0); w[i].bias_hh = fuzz_fit(g, G * H, 0, 0, 0); }
        if (project) w[i].weight_hr = fuzz_fit(g, P, H, 0, 0);
    }
    o.batch_first = fuzz_byte(g) & 1;
    x = fuzz_fit(g, o.batch_first ? N : T, o.batch_first ? T : N, I, 0);
    o.h0 = fuzz_byte(g) % 2 ? NULL : fuzz_fit(g, directions, N, P, 0);
    o.c0 = fuzz_byte(g) % 2 ? NULL : fuzz_fit(g, directions, N, H, 0);
    o.lengths = fuzz_byte(g) % 4 ? NULL : fuzz_ids(g, N, 0, 0, T + 1);
    o.h_n = &h; o.c_n = &cell;
    o.reverse = directions == 2 ? &w[1] : NULL;
    x = dl_rnn_with(g->c, (dl_rnn_kind)(fuzz_byte(g) % 32 ? kind : fuzz_int(g)), x, &w[0], o);
    if (fuzz_byte(g) % 2 && !dl_is_nil(h)) return h;
    if (cell) fuzz_touch(cell);
    return x;
}
static dl_tensor *fuzz_losses(fuzz_graph *g)
{
    dl_ctx *c = g->c;
    int which = fuzz_byte(g) % 24;
    dl_tensor *x = fuzz_rank(g, which == 20 ? 3 : 2), *y = fuzz_fit(g, DIM(x, 0), DIM(x, 1), 0, 0), *z = fuzz_fit(g, DIM(x, 0), 0, 0, 0);
    dl_tensor *labels = fuzz_ids(g, DIM(x, 0), 0, 0, DIM(x, 1)), *w = fuzz_byte(g) % 4 ? NULL : fuzz_fit(g, DIM(x, 1), 0, 0, 0);
    dl_reduction how = (dl_reduction)(fuzz_byte(g) % 16 ? fuzz_byte(g) % 3 : fuzz_int(g));
    dl_real r = fuzz_byte(g) % 2 ? 0 : (dl_real)fuzz_real(g);
    int i = fuzz_byte(g) % 2 ? 0 : fuzz_int(g);
    switch (which) {
    case 0: return dl_cross_entropy(c, x, fuzz_byte(g) % 4 ? labels : y, .weight = w, .ignore_index = i, .reduction = how, .label_smoothing = r);
    case 1: return dl_nll_loss(c, x, labels, .weight = w, .ignore_index = i, .reduction = how);
    case 2: return dl_focal_loss(c, x, labels, .weight = w, .gamma = r, .ignore_index = i, .reduction = how);
    case 3: return dl_mse_loss(c, x, y, .weight = fuzz_maybe(g, y), .reduction = how);
    case 4: return dl_huber_loss(c, x, y, .delta = r, .reduction = how);
    case 5: return dl_smooth_l1_loss(c, x, y, .beta = r, .reduction = how);
    case 6: return dl_bce_loss(c, x, y, .weight = w, .reduction = how);
    case 7: return dl_bce_with_logits(c, x, y, .weight = w, .pos_weight = fuzz_maybe(g, w), .reduction = how);
    case 8: return dl_sigmoid_focal_loss(c, x, y, .alpha = r, .reduction = how);
    case 9: return dl_kl_div(c, x, y, .log_target = i, .reduction = how, .batchmean = fuzz_byte(g) & 1);
    case 10: return dl_poisson_nll_loss(c, x, y, .no_log_input = i, .full = fuzz_byte(g) & 1, .eps = r, .reduction = how);
    case 11: return dl_gaussian_nll_loss(c, x, y, y, .full = i, .reduction = how);
    case 12: return dl_hinge_embedding_loss(c, x, y, .margin = r, .reduction = how);
    case 13: return dl_margin_ranking_loss(c, x, y, y, .margin = r, .reduction = how);
    case 14: return dl_cosine_embedding_loss(c, x, y, z, .margin = r, .reduction = how);
    case 15: return dl_triplet_margin_loss(c, x, y, x, .margin = r, .p = (dl_real)fuzz_real(g), .swap = i, .reduction = how);
    case 16: return dl_multi_margin_loss(c, x, labels, .p = i, .margin = r, .weight = w, .reduction = how);
    case 17: return dl_multilabel_margin_loss(c, x, fuzz_ids(g, DIM(x, 0), DIM(x, 1), 0, DIM(x, 1)), .reduction = how);
    case 18: return dl_dice_loss(c, x, y, .smooth = r, .batch = i, .reduction = how);
    case 19: return dl_tversky_loss(c, x, y, .alpha = r, .reduction = how);
    case 20: return dl_ctc_loss(c, x, fuzz_ids(g, DIM(x, 1), 1 + fuzz_byte(g) % 4, 0, DIM(x, 2)), fuzz_ids(g, DIM(x, 1), 0, 0, DIM(x, 0) + 1),
                                fuzz_ids(g, DIM(x, 1), 0, 0, 4), .blank = i, .zero_infinity = fuzz_byte(g) & 1, .reduction = how);
    case 21: return dl_entropy(c, x, i, .bits = 1);
    case 22: return dl_kl_normal(c, x, y, .reduction = how);
    default: return dl_pairwise_distance(c, x, y, .p = r, .keepdim = i);
    }
}
static dl_tensor *fuzz_detection(fuzz_graph *g)
{
    dl_ctx *c = g->c;
    int which = fuzz_byte(g) % 16, samples;
    int64_t n = 1 + fuzz_byte(g) % 6, m = 1 + fuzz_byte(g) % 4;
    dl_tensor *a = fuzz_fit(g, n, 4, 0, 0), *b = fuzz_fit(g, m, 4, 0, 0), *x, *rois;
    switch (which) {
    case 0: return dl_box_convert(c, a, (dl_box_format)fuzz_int(g), (dl_box_format)fuzz_int(g));
    case 1: return dl_box_iou(c, a, b);
    case 2: return dl_box_giou(c, a, b);
    case 3: return dl_giou_loss(c, a, fuzz_fit(g, n, 4, 0, 0), .reduction = (dl_reduction)fuzz_int(g));
    case 4: return dl_box_encode(c, a, fuzz_fit(g, n, 4, 0, 0));
    case 5: return dl_box_decode(c, a, fuzz_fit(g, n, 4, 0, 0));
    case 6: return dl_anchors(c, fuzz_int64(g), fuzz_int64(g), .sizes = {(dl_real)fuzz_real(g), 3}, .stride = (dl_real)fuzz_real(g));
    case 7: return dl_box_match(c, a, b, .high = (dl_real)fuzz_real(g), .low = (dl_real)fuzz_real(g), .best = fuzz_byte(g) & 1);
    case 8: return dl_nms(c, a, fuzz_fit(g, n, 0, 0, 0), fuzz_real(g), .classes = fuzz_byte(g) % 2 ? NULL : fuzz_ids(g, n, 0, 0, 3));
    case 9: return dl_region_proposals(c, fuzz_rank(g, 3), .scale = (dl_real)fuzz_real(g), .min_size = fuzz_int(g));
    case 10: return dl_sliding_window(c, fuzz_rank(g, 4), fuzz_int64(g), .stride = fuzz_int(g));
    case 11: case 12:
        x = fuzz_rank(g, 4);
        rois = fuzz_fit(g, m, 5, 0, 0);
        if (which == 11) return dl_roi_pool(c, x, rois, fuzz_int64(g), fuzz_int64(g), .spatial_scale = (dl_real)fuzz_real(g));
        rois = dl_clamp(c, rois, -300, 300);                         /* time goes by the samples in a region: not 10^9 of them */
        samples = fuzz_int(g);
        if (samples > 64 && samples <= 1024) samples = 64;
        return dl_roi_align(c, x, rois, fuzz_int64(g), fuzz_int64(g), .spatial_scale = (dl_real)fuzz_byte(g) / 64, .sampling_ratio = samples, .aligned = fuzz_byte(g) & 1);
    case 13: return dl_rpn_loss(c, fuzz_fit(g, n, 0, 0, 0), a, fuzz_fit(g, n, 4, 0, 0), fuzz_maybe(g, b), .samples = fuzz_int(g), .high = (dl_real)fuzz_real(g));
    case 14: return dl_yolo_loss(c, fuzz_fit(g, m, n, n, 10 + fuzz_byte(g) % 3), fuzz_maybe(g, fuzz_fit(g, m, 6, 0, 0)), .boxes = fuzz_int(g));
    default:
        x = dl_yolo_decode(c, fuzz_fit(g, m, n, n, 10 + fuzz_byte(g) % 3), .boxes = fuzz_int(g));
        return dl_is_nil(x) ? x : dl_detections_nms(c, x, fuzz_real(g), .min_score = (dl_real)fuzz_real(g));
    }
}
static dl_tensor *fuzz_images(fuzz_graph *g)
{
    dl_ctx *c = g->c;
    int which = fuzz_byte(g) % 20, axes = 1 + fuzz_byte(g) % 3;
    dl_tensor *x = fuzz_rank(g, 4), *labels;
    switch (which) {
    case 0: case 1: case 2:
        return dl_interpolate(c, fuzz_rank(g, axes + 2), .size = {which ? 0 : fuzz_int64(g), which ? 0 : fuzz_int64(g)}, .scale = {which ? fuzz_real(g) : 0, which == 2 ? fuzz_real(g) : 0},
                              .mode = (dl_resample)fuzz_int(g), .align_corners = fuzz_byte(g) & 1, .antialias = fuzz_byte(g) & 1);
    case 3: return dl_pixel_shuffle(c, x, fuzz_int(g));
    case 4: return dl_pixel_unshuffle(c, x, fuzz_int(g));
    case 5: return dl_affine_grid(c, fuzz_fit(g, DIM(x, 0), 2, 3, 0), DL_SHAPE(DIM(x, 0), 1, fuzz_int64(g), fuzz_int64(g)), .align_corners = fuzz_byte(g) & 1);
    case 6: case 7:
        return dl_grid_sample(c, x, fuzz_fit(g, DIM(x, 0), 1 + fuzz_byte(g) % 5, 1 + fuzz_byte(g) % 5, 2), .nearest = fuzz_byte(g) & 1, .bicubic = fuzz_byte(g) % 4 == 1,
                              .padding = (dl_padding_mode)fuzz_int(g), .align_corners = fuzz_byte(g) & 1);
    case 8: return dl_drop_block2d(c, x, (dl_real)fuzz_real(g), fuzz_int(g));
    case 9: return dl_stochastic_depth(c, x, (dl_real)fuzz_real(g));
    case 10: return dl_aug_random_crop(c, x, fuzz_int64(g), fuzz_int64(g), .padding = fuzz_int(g), .padding_mode = (dl_padding_mode)fuzz_int(g));
    case 11: return dl_aug_affine(c, x, .degrees = {fuzz_real(g), fuzz_real(g)}, .translate = {fuzz_real(g), fuzz_real(g)}, .scale = {fuzz_real(g), fuzz_real(g)});
    case 12: return dl_aug_color_jitter(c, x, .brightness = fuzz_real(g), .contrast = fuzz_real(g), .saturation = fuzz_real(g), .hue = fuzz_real(g));
    case 13: return dl_aug_cutout(c, x, fuzz_int(g));
    case 14: return dl_aug_random_erasing(c, x, .p = fuzz_real(g), .scale = {fuzz_real(g), fuzz_real(g)}, .ratio = {fuzz_real(g), fuzz_real(g)});
    case 15: return dl_aug_ten_crop(c, x, fuzz_int64(g), fuzz_int64(g));
    case 16: case 17:
        labels = fuzz_ids(g, DIM(x, 0), 0, 0, 3);
        if (which == 16) dl_aug_mixup(c, &x, &labels, fuzz_int64(g), .alpha = fuzz_real(g), .lambda = fuzz_real(g));
        else dl_aug_cutmix(c, &x, &labels, fuzz_int64(g), .alpha = fuzz_real(g), .lambda = fuzz_real(g));
        return NULL;
    case 18: return dl_image_grid(c, x);
    default: return dl_spatial_pyramid_pool(c, x, .bins = {fuzz_int(g), fuzz_int(g)});
    }
}
static dl_tensor *fuzz_text(fuzz_graph *g)
{
    dl_ctx *c = g->c;
    int which = fuzz_byte(g) % 10;
    int64_t V = 1 + fuzz_byte(g) % 6, D = 1 + fuzz_byte(g) % 6;
    dl_tensor *w = fuzz_fit(g, V, D, 0, 0), *ids = fuzz_ids(g, 1 + fuzz_byte(g) % 4, fuzz_byte(g) % 4, 0, V);
    switch (which) {
    case 0: case 1: return dl_embedding(c, w, ids, .padding_idx = fuzz_int(g), .max_norm = (dl_real)fuzz_real(g), .norm_type = fuzz_real(g), .scale_grad_by_freq = fuzz_byte(g) & 1);
    case 2: case 3: return dl_embedding_bag(c, w, ids, .mode = (dl_bag_mode)fuzz_int(g), .offsets = fuzz_byte(g) % 2 ? NULL : fuzz_ids(g, 1 + fuzz_byte(g) % 3, 0, 0, 3),
                                            .per_sample_weights = fuzz_byte(g) % 4 ? NULL : fuzz_fit(g, DIM(ids, 0), ids && ids->ndim > 1 ? ids->shape[1] : 0, 0, 0), .padding_idx = fuzz_int(g));
    case 4: return dl_positional_encoding(c, fuzz_int64(g), fuzz_int64(g), .offset = fuzz_int64(g), .base = fuzz_real(g));
    case 5: return dl_rope(c, fuzz_any(g), .heads = fuzz_int64(g), .offset = fuzz_int64(g), .base = fuzz_real(g), .interleaved = fuzz_byte(g) & 1);
    case 6: return dl_alibi_slopes(c, fuzz_int64(g));
    case 7: return dl_sample_token(c, w, .temperature = (dl_real)fuzz_real(g), .top_k = fuzz_int64(g), .top_p = (dl_real)fuzz_real(g), .repetition_penalty = (dl_real)fuzz_real(g),
                                   .history = fuzz_byte(g) % 2 ? NULL : ids);
    case 8: return dl_multinomial(c, w, fuzz_int64(g), .replacement = fuzz_byte(g) & 1);
    default: return dl_one_hot(c, ids, fuzz_int64(g));
    }
}
static dl_tensor *fuzz_shapes(fuzz_graph *g)
{
    dl_ctx *c = g->c;
    int which = fuzz_byte(g) % 20, i, n;
    dl_tensor *x = fuzz_any(g), *xs[4];
    dl_order order;
    dl_pads pads;
    switch (which) {
    case 0: { dl_shape s = fuzz_shape(g); if (fuzz_byte(g) % 2) s.d[0] = -1; return dl_reshape(c, x, s); }
    case 1: return dl_flatten(c, x, fuzz_int(g), fuzz_int(g));
    case 2: return dl_squeeze(c, x, (unsigned)fuzz_int(g) | DLI_AXES);
    case 3: return dl_unsqueeze(c, x, fuzz_int(g));
    case 4:
        for (i = 0; i < DL_MAX_DIMS; i++) order.d[i] = fuzz_byte(g) % 16 ? (i + which + fuzz_byte(g)) % (x && x->ndim ? x->ndim : 1) : fuzz_int(g);
        return dl_permute(c, x, order);
    case 5: return dl_transpose(c, x, fuzz_int(g), fuzz_int(g));
    case 6: case 7: return dl_slice(c, x, fuzz_int(g), fuzz_int64(g), fuzz_int64(g), .step = fuzz_int64(g));
    case 8: case 9:
        n = fuzz_byte(g) % 4;
        for (i = 0; i < n; i++) xs[i] = fuzz_byte(g) % 4 ? x : fuzz_any(g);
        return which == 8 ? dl_cat(c, n, xs, fuzz_int(g)) : dl_stack(c, n, xs, fuzz_int(g));
    case 10:
        n = dl_split(c, x, fuzz_int64(g), fuzz_int(g), xs, 4);
        MUST(n <= 4 || dl_error(c));
        return n ? xs[0] : NULL;
    case 11: return dl_expand(c, x, fuzz_shape(g));
    case 12: return dl_repeat(c, x, fuzz_shape(g));
    case 13: case 14:
        memset(&pads, 0, sizeof pads);
        for (i = 0; i < 4; i++) { pads.before[i] = fuzz_int64(g); pads.after[i] = fuzz_int64(g); }
        return which == 13 ? dl_pad(c, x, pads, .value = (dl_real)fuzz_real(g)) : dl_pad_mode(c, x, pads, (dl_padding_mode)fuzz_int(g));
    case 15: return dl_gather(c, x, fuzz_int(g), fuzz_ids(g, DIM(x, 0), x && x->ndim > 1 ? DIM(x, 1) : 0, 0, DIM(x, 0)));
    case 16: return dl_scatter_add(c, x, fuzz_int(g), fuzz_ids(g, DIM(x, 0), x && x->ndim > 1 ? DIM(x, 1) : 0, 0, DIM(x, 0)), fuzz_byte(g) % 2 ? x : fuzz_any(g));
    case 17: return dl_index_select(c, x, fuzz_int(g), fuzz_ids(g, 1 + fuzz_byte(g) % 5, 0, 0, DIM(x, 0)));
    case 18: { dl_tensor *at = NULL; x = dl_sort(c, x, fuzz_int(g), .descending = fuzz_byte(g) & 1, .indices = &at); fuzz_touch(at); return x; }
    default: { dl_tensor *at = NULL; x = dl_topk(c, x, fuzz_int64(g), fuzz_int(g), .smallest = fuzz_byte(g) & 1, .indices = &at); fuzz_touch(at); return x; }
    }
}
static dl_tensor *fuzz_reduce(fuzz_graph *g)
{
    dl_ctx *c = g->c;
    int which = fuzz_byte(g) % 13, keep = fuzz_byte(g) & 1;
    dl_tensor *x = fuzz_any(g);
    unsigned dims = fuzz_byte(g) % 2 ? 0 : (unsigned)fuzz_int(g) | DLI_AXES;
    switch (which) {
    case 0: return dl_sum(c, x, .dims = dims, .keepdim = keep);
    case 1: return dl_mean(c, x, .dims = dims, .keepdim = keep);
    case 2: return dl_var(c, x, .dims = dims, .keepdim = keep, .biased = fuzz_byte(g) & 1);
    case 3: return dl_std(c, x, .dims = dims, .keepdim = keep);
    case 4: return dl_max(c, x, .dims = dims, .keepdim = keep);
    case 5: return dl_min(c, x, .dims = dims, .keepdim = keep);
    case 6: return dl_prod(c, x, .dims = dims, .keepdim = keep);
    case 7: return dl_argmax(c, x, .dims = dims, .keepdim = keep);
    case 8: return dl_logsumexp(c, x, .dims = dims, .keepdim = keep);
    case 9: return dl_norm(c, x, .dims = dims, .keepdim = keep, .p = fuzz_real(g));
    case 10: return dl_cumsum(c, x, fuzz_int(g));
    case 11: return dl_softmax(c, x, fuzz_int(g));
    default: return dl_log_softmax(c, x, fuzz_int(g));
    }
}
static dl_tensor *fuzz_elements(fuzz_graph *g)
{
    dl_ctx *c = g->c;
    int which = fuzz_byte(g), n = 0;
    dl_tensor *x = fuzz_any(g);
    dl_real p = (dl_real)fuzz_real(g), q = (dl_real)fuzz_real(g);
#define OP(name, ...) if (which % 64 == n++) return dl_##name(c, x);
    DL_UNARY_OPS(OP)
#undef OP
#define OP(name, ...) if (which % 64 == n++) return dl_##name(c, x, p);
    DL_UNARY_SCALAR_OPS(OP)
#undef OP
#define OP(name, ...) if (which % 64 == n++) return dl_##name(c, x, p, q);
    DL_UNARY_RANGE_OPS(OP)
#undef OP
#define OP(name, ...) if (which % 64 == n++) return dl_##name(c, x, fuzz_any(g));
    DL_BINARY_OPS(OP)
    DL_COMPARE_OPS(OP)
#undef OP
    switch (which % 13) {
    case 0: return dl_where(c, x, fuzz_any(g), fuzz_any(g));
    case 1: return dl_dropout(c, x, p);
    case 2: return dl_prelu(c, x, fuzz_fit(g, DIM(x, 1), 0, 0, 0));
    case 3: return dl_rrelu(c, x, p, q);
    case 4: return dl_maxout(c, x, fuzz_int64(g), fuzz_int(g));
    case 5: return dl_glu(c, x, fuzz_int(g));
    case 6: return dl_gumbel_softmax(c, x, fuzz_int(g), .tau = p, .hard = fuzz_byte(g) & 1);
    case 7: return dl_to_int(c, x);
    case 8: return dl_to_real(c, x);
    case 9: return dl_alpha_dropout(c, x, p);
    case 10: return dl_detach(c, x);
    case 11: return dl_keep(c, x);
    default: return dl_reparameterize(c, x, fuzz_any(g));
    }
}
static dl_tensor *fuzz_product(fuzz_graph *g)
{
    dl_ctx *c = g->c;
    int which = fuzz_byte(g) % 8, ta = fuzz_byte(g) % 4 == 1, tb = fuzz_byte(g) % 4 == 1;
    dl_tensor *x = fuzz_any(g), *w, *b;
    int64_t K = x && x->ndim ? x->shape[x->ndim - 1] : 1, N = 1 + fuzz_byte(g) % 40;
    switch (which) {
    case 0: case 1: return dl_matmul(c, x, fuzz_fit(g, tb ? N : K, tb ? K : N, 0, 0), .transpose_a = ta, .transpose_b = tb);
    case 2: return dl_matmul(c, x, fuzz_any(g), .transpose_a = ta, .transpose_b = tb);
    case 3: case 4:
        w = fuzz_fit(g, ta ? K : N, ta ? N : K, 0, 0);
        b = fuzz_maybe(g, fuzz_fit(g, N, 0, 0, 0));
        return dl_linear(c, x, w, b, .activation = (dl_activation)fuzz_int(g), .transposed = ta);
    case 5: return dl_convolve1d(c, fuzz_rank(g, 1), fuzz_rank(g, 1), .valid = ta);
    case 6: return dl_convolve2d(c, fuzz_rank(g, 2), fuzz_rank(g, 2), .valid = ta);
    default: return dl_linalg_solve(c, fuzz_rank(g, 2), fuzz_any(g));
    }
}
static dl_tensor *fuzz_op(fuzz_graph *g)
{
    switch (fuzz_byte(g) % 20) {
    case 0: return fuzz_leaf(g, fuzz_shape(g));
    case 1: return fuzz_conv(g, 1, 0);
    case 2: return fuzz_conv(g, 2, 0);
    case 3: return fuzz_conv(g, 3, 0);
    case 4: return fuzz_conv(g, 1 + fuzz_byte(g) % 3, 1);
    case 5: return fuzz_window(g);
    case 6: case 7: return fuzz_pool(g);
    case 8: return fuzz_norm(g);
    case 9: return fuzz_attention(g);
    case 10: return fuzz_recurrent(g);
    case 11: return fuzz_losses(g);
    case 12: return fuzz_detection(g);
    case 13: return fuzz_images(g);
    case 14: return fuzz_text(g);
    case 15: return fuzz_shapes(g);
    case 16: return fuzz_reduce(g);
    case 17: return fuzz_product(g);
    default: return fuzz_elements(g);
    }
}
static int fuzz_short;                                   /* memory ran out: how early depends on the instruction set */
static void fuzz_clear(dl_ctx *c)
{
    if (dl_error(c) && strstr(dl_error(c), "memory")) fuzz_short = 1;
    dl_clear_error(c);
}
static void fuzz_ops_on(const uint8_t *p, size_t n, const char *isa)
{
    fuzz_graph g;
    size_t limit = limit_bytes;
    int64_t k;
    int i;
    memset(&g, 0, sizeof g);
    g.p = p; g.end = p + n;
    limit_bytes = (size_t)1 << 20;
    g.c = dl_create(.threads = 1, .block_bytes = 64, .isa = isa);
    dl_set_training(g.c, fuzz_byte(&g) & 1);
    for (i = 0; i < 12 && g.p < g.end; i++) {
        dl_tensor *y = fuzz_op(&g);
        if (y) { MUST(dl_is_nil(y) || !dl_error(g.c)); fuzz_touch(y); }
        fuzz_clear(g.c);                                 /* of this op or of its arguments */
        if (dl_is_nil(y)) continue;
        g.slot[g.slots++ % FUZZ_SLOTS] = y;
        if (fuzz_byte(&g) % 4 == 0 && y->data) { dl_backward(g.c, dl_sum(g.c, y)); fuzz_clear(g.c); }
    }
    for (i = 0; i < g.slots && i < FUZZ_SLOTS; i++)
        if (g.slot[i]->data) { dl_backward(g.c, dl_mean(g.c, g.slot[i])); fuzz_clear(g.c); }
    for (i = 0; i < g.slots && i < FUZZ_SLOTS; i++)      /* the gradients of leaves */
        for (k = 0; g.slot[i]->grad && k < g.slot[i]->size; k++) {
            double v = (double)g.slot[i]->grad[k];
            uint64_t bits = 1;
            if (v == v) memcpy(&bits, &v, sizeof bits);
            fuzz_bits = (fuzz_bits ^ bits) * 1099511628211u;
        }
    dl_destroy(g.c);
    limit_bytes = limit;
}
static void fuzz_ops(const uint8_t *p, size_t n)         /* the same bits on every instruction set */
{
    uint64_t first;
    fuzz_bits = 0; fuzz_short = 0;
    fuzz_ops_on(p, n, NULL);
    first = fuzz_bits;
    fuzz_bits = 0;
    fuzz_ops_on(p, n, "portable");
    MUST(fuzz_short || first == fuzz_bits);
}

/* --- the table ----------------------------------------------------------------------------------------------------------------- */
typedef struct { const char *name; void (*run)(const uint8_t *p, size_t n); } fuzz_target;
static const fuzz_target fuzz_targets[] = {
    {"safetensors", fuzz_safetensors}, {"npy", fuzz_safetensors}, {"npz", fuzz_npz}, {"index", fuzz_index}, {"csv", fuzz_csv},
    {"idx", fuzz_idx}, {"cifar", fuzz_cifar}, {"raw", fuzz_raw}, {"pnm", fuzz_pnm}, {"checkpoint", fuzz_checkpoint},
    {"tokenizer", fuzz_tokenizer}, {"ops", fuzz_ops}
};
enum { FUZZ_TARGETS = sizeof fuzz_targets / sizeof *fuzz_targets };

/* One input.  Afterwards nothing is left, and a file of n bytes took no more than so much memory. */
static void fuzz_run(const fuzz_target *t, const uint8_t *p, size_t n)
{
    int before = live_blocks;
    most_bytes = live_bytes;
    t->run(p, n);
    MUST(live_blocks == before);
    MUST(most_bytes - live_bytes <= 32 * n + ((size_t)8 << 20));
}

#ifdef FUZZ
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *p, size_t n)
{
    static const fuzz_target *target;
    const char *name = getenv("FUZZ");
    int i;
    if (!target) {
        for (i = 0; i < FUZZ_TARGETS; i++) if (name && !strcmp(name, fuzz_targets[i].name)) target = &fuzz_targets[i];
        MUST(target != NULL);
        folder_make();
        atexit(folder_remove);
    }
    fuzz_run(target, p, n);
    return 0;
}
#endif

/* cc -I. -DFUZZ_SEEDS tests/fuzz.c -lm, then a.out tests/corpus: the valid files that fuzzing began with */
#ifdef FUZZ_SEEDS
#define SEED(target, bytes)    seed(argv[1], #target, "seed-" #bytes, bytes, sizeof bytes)
#define SEED_TEXT(target, text) seed(argv[1], #target, NULL, text, sizeof text - 1)
static void seed(const char *folder, const char *target, const char *name, const void *bytes, size_t n)
{
    static int number;
    char file[400];
    FILE *f;
    snprintf(file, sizeof file, "%s/%s", folder, target);
    mkdir(file, 0755);
    if (name) snprintf(file, sizeof file, "%s/%s/%s", folder, target, name);
    else snprintf(file, sizeof file, "%s/%s/seed-%d", folder, target, number++);
    f = fopen(file, "wb");
    MUST(f && fwrite(bytes, 1, n, f) == n);
    fclose(f);
}
static size_t seed_read(const char *file, void *bytes, size_t room)
{
    FILE *f = fopen(file, "rb");
    size_t n;
    MUST(f != NULL);
    n = fread(bytes, 1, room, f);
    fclose(f);
    return n;
}
int main(int argc, char **argv)
{
    static uint8_t b[1 << 16];
    static const uint8_t idx_images[] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28}, idx_labels[] = {0, 0, 8, 1, 0, 0, 0, 3, 0, 1, 9},
        idx_floats[] = {0, 0, 0x0d, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x40, 0x20, 0, 0, 0, 0, 0, 0}, idx_gzip[] = {0x1f, 0x8b, 8, 0},
        raw_floats[] = {10, 2, 2, 0, 0, 0, 1, 0, 0x40, 0x20, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8};
    fuzz_program q;
    size_t n, i;
    uint32_t r = 1;
    MUST(argc == 2);
    folder_make();
    mkdir(argv[1], 0755);
    SEED(safetensors, st_named); SEED(safetensors, st_module); SEED(safetensors, st_types); SEED(safetensors, st_empty); SEED(safetensors, st_nothing);
    SEED(npy, npy_big_f4); SEED(npy, npy_little_u8); SEED(npy, npy_bool); SEED(npy, npy_fortran); SEED(npy, npy_scalar); SEED(npy, npy_v2);
    SEED(npz, npz); SEED(npz, npz_compressed);
    SEED_TEXT(index, "{\"metadata\":{\"n\":[1,{}]},\"weight_map\":{\"0.bias\":\"t-1.safetensors\",\"w\":\"t-1.safetensors\"}}");
    SEED_TEXT(csv, "\357\273\277a,\"b \"\"c\"\"\",d\r\n1,\"2.5\",cat\r\n-3e2,?,\"ape\"\n.5,1e-400,cat\n");
    SEED_TEXT(csv, "a,b\n1,0\n2.5e-3,1\nNaN,1\n");
    SEED_TEXT(csv, "1;2;3\n4;5;6");
    SEED(idx, idx_labels); SEED(idx, idx_floats); SEED(idx, idx_gzip);
    memcpy(b, "\0\0\10\1\0\0\0\1\5", 9);              /* a label, then its image */
    memcpy(b + 9, idx_images, 16); memset(b + 25, 7, 784);
    seed(argv[1], "idx", "seed-image", b, 9 + 16 + 784);
    memset(b, 5, sizeof b);
    seed(argv[1], "cifar", "seed-10", b, 3073);
    seed(argv[1], "cifar", "seed-100", b, 3074);
    SEED(raw, raw_floats);
    SEED_TEXT(pnm, "P5\n# grey\n3 2\n255\n123456");
    SEED_TEXT(pnm, "P6 2 1 100 abcdef");
    fuzz_start(&q);
    fuzz_train(&q, 6);
    MUST(dl_checkpoint_save_with(q.c, path("x"), q.all));
    n = seed_read(path("x"), b, sizeof b);
    seed(argv[1], "checkpoint", "seed-all", b, n);
    q.all.optim2 = NULL; q.all.schedule2 = NULL; q.all.ema = NULL; q.all.stop = NULL;
    MUST(dl_checkpoint_save_with(q.c, path("x"), q.all));
    n = seed_read(path("x"), b, sizeof b);
    seed(argv[1], "checkpoint", "seed-some", b, n);
    MUST(dl_tokenizer_save(q.c, dl_tokenizer_train(q.c, "low lower lowest low", -1, 260), path("x"), path("y")));
    n = seed_read(path("x"), b, sizeof b);
    b[n++] = 0;
    n += seed_read(path("y"), b + n, sizeof b - n);
    seed(argv[1], "tokenizer", "seed-trained", b, n);
    SEED_TEXT(tokenizer, "{\"a\":0,\"b\":1,\"ab\":2,\"\\u0120\":3,\"<|endoftext|>\":4}\0#version: 0.2\na b\n");
    dl_destroy(q.c);
    for (i = 0; i < 20; i++) {                           /* a graph that begins with each of the groups */
        for (n = 0; n < 200; n++) { r = r * 1664525u + 1013904223u; b[n] = (uint8_t)(r >> 24); if (n % 3) b[n] %= 64; }
        b[1] = (uint8_t)i;
        snprintf((char *)b + 1000, 20, "seed-%02d", (int)i);
        seed(argv[1], "ops", (char *)b + 1000, b, 200);
    }
    folder_remove();
    return 0;
}
#endif
