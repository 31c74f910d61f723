/* build: float double asan */
/* Data sets, IDX files good and bad, drawn digits, the loader, evaluation and dl_fit. */
#include "dl.h"
#include "test.h"
#include "folder.h"
#include <limits.h>

/* --- files ------------------------------------------------------------------------------------------------ */

static void write_file(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(path(name), "wb");
    if (!CHECK(f != NULL)) return;
    CHECK(fwrite(bytes, 1, n, f) == n);
    CHECK(fclose(f) == 0);
}

static dl_tensor *read_bytes(dl_ctx *c, const void *bytes, size_t n)
{
    write_file("x.idx", bytes, n);
    return dl_data_idx(c, path("x.idx"));
}

static const unsigned char u8_2x3[] = {0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 253, 254, 255};

static void idx_types(void)
{
    static const unsigned char i8[]  = {0, 0, 9, 1, 0, 0, 0, 2, 1, 255}, i16[] = {0, 0, 11, 1, 0, 0, 0, 3, 1, 2, 255, 255, 128, 0};
    static const unsigned char i32[] = {0, 0, 12, 1, 0, 0, 0, 3, 0, 1, 2, 3, 255, 255, 255, 254, 128, 0, 0, 0};
    static const unsigned char f32[] = {0, 0, 13, 1, 0, 0, 0, 2, 0x3f, 0x80, 0, 0, 0xc0, 0x20, 0, 0};
    static const unsigned char f64[] = {0, 0, 14, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0x3f, 0xf0, 0, 0, 0, 0, 0, 0, 0xc0, 4, 0, 0, 0, 0, 0, 0};
    dl_ctx *c = dl_create();
    dl_tensor *t = read_bytes(c, u8_2x3, sizeof u8_2x3);
    CHECK(t->dtype == DL_INT32 && t->ndim == 2 && t->shape[0] == 2 && t->shape[1] == 3 && t->idata[3] == 253 && t->idata[5] == 255);
    t = read_bytes(c, i8, sizeof i8);   CHECK(t->size == 2 && t->idata[0] == 1 && t->idata[1] == -1);
    t = read_bytes(c, i16, sizeof i16); CHECK(t->size == 3 && t->idata[0] == 258 && t->idata[1] == -1 && t->idata[2] == -32768);
    t = read_bytes(c, i32, sizeof i32); CHECK(t->size == 3 && t->idata[0] == 66051 && t->idata[1] == -2 && t->idata[2] == INT32_MIN);
    t = read_bytes(c, f32, sizeof f32); CHECK(t->dtype == DL_REAL && t->data[0] == 1 && t->data[1] == (dl_real)-2.5);
    t = read_bytes(c, f64, sizeof f64); CHECK(t->dtype == DL_REAL && t->shape[1] == 2 && t->data[0] == 1 && t->data[1] == (dl_real)-2.5);
    CHECK_OK(c);
    dl_destroy(c);
}

static void bad(dl_ctx *c, const char *error, const unsigned char *bytes, size_t n)
{
    CHECK(dl_is_nil(read_bytes(c, bytes, n)));
    CHECK_ERROR(c, error);
}

static void idx_errors(void)
{
    static const unsigned char magic[] = {1, 0, 8, 1, 0, 0, 0, 1, 9}, type[] = {0, 0, 7, 1, 0, 0, 0, 1, 9}, type2[] = {0, 0, 0x18, 1, 0, 0, 0, 1, 9};
    static const unsigned char rank[] = {0, 0, 8, 5, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9}, rank0[] = {0, 0, 8, 0, 9};
    static const unsigned char gzip[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0}, empty[] = {0, 0, 8, 2, 0, 0, 0, 0, 0, 0, 0, 1};
    static const unsigned char overflow[] = {0, 0, 8, 3, 0, 64, 0, 1, 0, 64, 0, 1, 255, 255, 255, 255};
    static const unsigned char overflow4[] = {0, 0, 14, 4, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    unsigned char more[sizeof u8_2x3 + 1] = {0};
    dl_ctx *c = dl_create();
    bad(c, "x.idx\": BadMagic at byte 0", magic, sizeof magic);
    bad(c, "UnsupportedType at byte 2", type, sizeof type);
    bad(c, "UnsupportedType at byte 2", type2, sizeof type2);
    bad(c, "RankTooLarge at byte 3", rank, sizeof rank);
    bad(c, "RankTooLarge at byte 3", rank0, sizeof rank0);
    bad(c, "gzip", gzip, sizeof gzip);
    bad(c, "EmptyAxis at byte 4", empty, sizeof empty);
    bad(c, "at byte", overflow, sizeof overflow);
    bad(c, "SizeOverflow at byte", overflow4, sizeof overflow4);
    memcpy(more, u8_2x3, sizeof u8_2x3);
    bad(c, "TrailingData at byte 18: bytes of data: 6 expected, 7 found", more, sizeof more);
    for (size_t n = 0; n < sizeof u8_2x3; n++) bad(c, n < 12 ? "HeaderTruncated" : "DataTruncated at byte 12", u8_2x3, n);    /* every truncation */
    for (size_t bit = 0; bit < 12 * 8; bit++) {                          /* every bit of the header flipped: an error or a tensor, never a crash */
        unsigned char flipped[sizeof u8_2x3];
        memcpy(flipped, u8_2x3, sizeof flipped);
        flipped[bit / 8] ^= (unsigned char)(1 << bit % 8);
        dl_tensor *t = read_bytes(c, flipped, sizeof flipped);
        CHECK(dl_error(c) ? dl_is_nil(t) : t->size == 6);
        dl_clear_error(c);
        dl_step_begin(c);
    }
    dl_data_idx(c, path("missing"));                                   CHECK_ERROR(c, "missing\": cannot open it");
    dl_data_idx(c, folder);                                            CHECK_ERROR(c, "idx:");
    dl_data_idx(c, NULL);                                              CHECK_ERROR(c, "NULL");
    dl_data_idx(NULL, "x");
    CHECK(dl_memory(c).reserved_bytes < 4 << 20);                        /* sizes are checked before memory is taken */
    dl_destroy(c);
}

static void mnist(void)
{
    static const unsigned char images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 51, 102, 255};
    unsigned char labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 7, 9};
    dl_ctx *c = dl_create();
    dl_dataset *d;
    size_t kept;
    dl_data_mnist(c, path("nowhere"));                                 CHECK_ERROR(c, "t10k-images-idx3-ubyte");
    dl_data_mnist(c, path("nowhere"), .train = 1);                     CHECK_ERROR(c, "train-images-idx3-ubyte");
    dl_data_mnist(c, NULL);                                            CHECK_ERROR(c, "NULL");
    write_file("t10k-images-idx3-ubyte", images, sizeof images);
    dl_data_mnist(c, folder);                                          CHECK_ERROR(c, "t10k-labels-idx1-ubyte");
    kept = dl_memory(c).keep_bytes;
    labels[9] = 10;
    write_file("t10k-labels-idx1-ubyte", labels, sizeof labels);
    dl_data_mnist(c, folder);                                          CHECK_ERROR(c, "BadLabel at byte 9");
    labels[7] = 1;
    write_file("t10k-labels-idx1-ubyte", labels, sizeof labels - 1);
    dl_data_mnist(c, folder);                                          CHECK_ERROR(c, "CountMismatch");
    labels[3] = 2;
    write_file("t10k-labels-idx1-ubyte", labels, sizeof labels);
    dl_data_mnist(c, folder);                                          CHECK_ERROR(c, "labels");
    CHECK(dl_memory(c).keep_bytes == kept);                              /* a failed load leaves nothing behind */
    labels[3] = 1; labels[7] = 2; labels[9] = 9;
    write_file("t10k-labels-idx1-ubyte", labels, sizeof labels);
    d = dl_data_mnist(c, folder);
    CHECK_OK(c);
    CHECK(d->size == 2 && d->classes == 10 && d->inputs->ndim == 4 && d->inputs->shape[3] == 2 && d->targets->ndim == 1);
    CHECK(d->inputs->data[0] == 0 && d->inputs->data[1] == (dl_real)0.2 && d->inputs->data[3] == 1 && d->targets->idata[1] == 9);
    dl_destroy(c);
}

/* --- data sets and loader ----------------------------------------------------------------------------------- */
static dl_dataset *counted(dl_ctx *c, int64_t n)                         /* sample i: input (i, -i), label i mod 3 */
{
    dl_tensor *x = dl_empty(c, DL_SHAPE(n, 2)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n)));
    for (int64_t i = 0; i < n; i++) {
        x->data[2 * i] = (dl_real)i;
        x->data[2 * i + 1] = (dl_real)-i;
        t->idata[i] = (int32_t)(i % 3);
    }
    return dl_data_tensors(c, x, t);
}

static void loader(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_dataset *d = counted(c, 10);
    dl_loader *l = dl_loader_create(c, d, .batch_size = 4), *s = dl_loader_create(c, d, .batch_size = 4, .shuffle = 1);
    dl_loader *last = dl_loader_create(c, d, .batch_size = 4, .drop_last = 1);
    int order[3][10], n = 0, same = 1, sorted = 1;
    ROW("OPT-06"); ROW("OPT-07"); ROW("OPT-08");
    CHECK(d->classes == 3 && d->size == 10);
    CHECK(l->batches == 3 && last->batches == 2);                        /* ceil(10 / 4); the last one is partial */
    CHECK(dl_loader_create(c, d)->batches == 10 && dl_loader_create(c, d, .batch_size = 10)->batches == 1);
    for (int epoch = 0; epoch < 2; epoch++, n = 0) {
        while (dl_next_batch(c, l)) {
            CHECK(l->epoch == epoch && l->index == n / 4);
            CHECK(l->input->shape[0] == (n < 8 ? 4 : 2) && l->target->shape[0] == l->input->shape[0] && l->input->shape[1] == 2);
            for (int i = 0; i < l->input->shape[0]; i++, n++) {
                CHECK(l->input->data[2 * i] == (dl_real)n && l->input->data[2 * i + 1] == (dl_real)-n && l->target->idata[i] == n % 3);
            }
        }
        CHECK(n == 10);
    }
    for (int epoch = 0; epoch < 3; epoch++) {
        int seen[10] = {0};
        for (n = 0; dl_next_batch(c, s);)
            for (int i = 0; i < s->input->shape[0]; i++, n++) {
                int k = (int)s->input->data[2 * i];
                order[epoch][n] = k;
                seen[k]++;
                CHECK(s->target->idata[i] == k % 3 && s->input->data[2 * i + 1] == (dl_real)-k);
            }
        CHECK(n == 10);
        for (int k = 0; k < 10; k++) { CHECK(seen[k] == 1); sorted &= order[epoch][k] == k; same &= order[epoch][k] == order[0][k]; }
    }
    CHECK(!sorted && !same);                                             /* shuffled, anew in every epoch */
    for (n = 0; dl_next_batch(c, last); n++) CHECK(last->input->shape[0] == 4);
    CHECK(n == 2);
    CHECK_OK(c);
    dl_destroy(c);
}

/* The ranks' batches together are the batches of one loader, in another order; the order goes on from its beginning where it
   does not divide. */
static void shards(void)
{
    enum { RANKS = 3 };
    dl_ctx *c = dl_create(.seed = 3);
    dl_dataset *d = counted(c, 11);
    dl_loader *part[RANKS], *whole;
    int32_t order[12];
    for (int shuffle = 0; shuffle < 2; shuffle++) {
        dl_manual_seed(c, 3);
        whole = dl_loader_create(c, d, .batch_size = 12, .shuffle = shuffle);
        CHECK(dl_next_batch(c, whole) && whole->target->shape[0] == 11);
        for (int i = 0; i < 12; i++) order[i] = (int32_t)whole->input->data[2 * (i % 11)];
        for (int r = 0; r < RANKS; r++) {
            dl_manual_seed(c, 3);                                        /* each rank is in a process of its own */
            part[r] = dl_loader_create(c, d, .batch_size = 3, .shuffle = shuffle, .rank = r, .ranks = RANKS);
            CHECK(part[r]->batches == 2);
            for (int i = 0; dl_next_batch(c, part[r]); i += 3)
                for (int k = 0; k < part[r]->input->shape[0]; k++) CHECK(part[r]->input->data[2 * k] == order[(i + k) * RANKS + r]);
            CHECK(part[r]->index == 1);
        }
    }
    CHECK_OK(c);
    dl_loader_create(c, d, .rank = 2, .ranks = 2);                     CHECK_ERROR(c, "rank 2 of 2");
    dl_loader_create(c, d, .rank = -1, .ranks = 2);                    CHECK_ERROR(c, "rank -1 of 2");
    dl_loader_create(c, d, .batch_size = 5, .drop_last = 1, .rank = 0, .ranks = 3);    CHECK_ERROR(c, "batch size 5 for 4 samples");
    dl_destroy(c);
}

static void loader_memory(void)                                          /* no malloc once the first epoch is through */
{
    dl_ctx *c = dl_create();
    dl_loader *l = dl_loader_create(c, counted(c, 1000), .batch_size = 7, .shuffle = 1);
    int n = 0;
    while (dl_next_batch(c, l)) {}
    dl_memory_report a = dl_memory(c), b;
    for (int epoch = 0; epoch < 5; epoch++) while (dl_next_batch(c, l)) n++;
    b = dl_memory(c);
    CHECK_OK(c);
    CHECK(n == 5 * 143);                                                 /* 1000 / 7, rounded up */
    CHECK(a.blocks == b.blocks && a.reserved_bytes == b.reserved_bytes && a.keep_bytes == b.keep_bytes);
    dl_destroy(c);
}

static void bad_data(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *x = dl_ones(c, DL_SHAPE(4, 2)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(4)));
    dl_dataset *d = dl_data_tensors(c, x, t), *nil;
    dl_loader *l;
    dl_data_tensors(c, x, dl_ones(c, DL_SHAPE(5)));                    CHECK_ERROR(c, "(4,2) and targets (5)");
    dl_data_tensors(c, x, dl_scalar(c, 1));                            CHECK_ERROR(c, "data_tensors");
    dl_data_tensors(c, NULL, t);                                       CHECK_ERROR(c, "nil");
    t->idata[2] = -1;
    nil = dl_data_tensors(c, x, t);                                    CHECK_ERROR(c, "data_tensors: targets (4) holds -1 at index 2, expected 0 to 2147483646, for (");
    dl_loader_create(c, nil);                                          CHECK_ERROR(c, "nil");
    dl_loader_create(c, NULL);                                         CHECK_ERROR(c, "NULL");
    dl_loader_create(c, d, .batch_size = -1);                          CHECK_ERROR(c, "batch size -1");
    l = dl_loader_create(c, d, .batch_size = 5, .drop_last = 1);       CHECK_ERROR(c, "batch size 5");
    CHECK(!dl_next_batch(c, l));                                       CHECK_ERROR(c, "nil");
    CHECK(!dl_next_batch(c, NULL));                                    CHECK_ERROR(c, "NULL");
    CHECK(!dl_next_batch(NULL, l));
    dl_data_drawn_digits(c, 0, 1);                                     CHECK_ERROR(c, "drawn_digits");
    dl_data_mnist(c, "");                                              CHECK_ERROR(c, "\"t10k-images-idx3-ubyte\"");
    dl_data_drawn_digits(c, -5, 1);                                    CHECK_ERROR(c, "drawn_digits");
    dl_data_drawn_digits(c, INT64_MAX, 1);                             CHECK_ERROR(c, "drawn_digits");
    CHECK(dl_evaluate(c, NULL, d).loss != 0);                          CHECK_ERROR(c, "NULL");
    dl_evaluate(c, dl_nn_linear(c, 2, 3), nil);                        CHECK_ERROR(c, "nil");
    dl_fit(c, dl_nn_linear(c, 2, 3), NULL, d, .quiet = 1);             CHECK_ERROR(c, "fit: the optimizer is NULL");
    dl_fit(c, NULL, NULL, d, .quiet = 1);                              CHECK_ERROR(c, "fit: the module is NULL");
    dl_fit(c, NULL, NULL, NULL, .quiet = 1);                           CHECK_ERROR(c, "fit: the data set is NULL");
    dl_evaluate(c, dl_nn_linear(c, 2, 3), d, .batch_size = -1);        CHECK_ERROR(c, "batch size -1");
    {
        dl_module *a = dl_nn_linear(c, 2, 3), *b = dl_nn_linear(c, 2, 3);
        dl_optim *of_a = dl_optim_sgd(c, a), *of_b = dl_optim_sgd(c, b);
        dl_schedule *s = dl_lr_exponential(c, of_b, 0.5);
        dl_fit(c, a, of_b, d, .quiet = 1, .accumulate = 2);            CHECK_ERROR(c, "fit: the optimizer has no parameter of the module");
        dl_fit(c, a, of_a, d, .quiet = 1, .schedule = s);              CHECK_ERROR(c, "fit: the schedule is of another optimizer");
        dl_fit(c, a, of_a, d, .quiet = 1, .epochs = INT_MAX);          CHECK_ERROR(c, "at most 100000000 epochs");
        dl_fit(c, a, of_a, d, .batch_size = -1);                       CHECK_ERROR(c, "batch size -1");
    }
    dl_fit(c, dl_nn_linear(c, 2, 3), NULL, d, .epochs = -1);           CHECK_ERROR(c, "epochs -1");
    dl_fit(c, dl_nn_linear(c, 2, 3), NULL, d, .clip_norm = -1);        CHECK_ERROR(c, "clip_norm is -1, expected 0 or more");
    dl_fit(NULL, NULL, NULL, NULL);
    CHECK(dl_is_training(c));
    dl_destroy(c);
}

/* --- drawn digits -------------------------------------------------------------------------------------------- */
static void digits(void)
{
    dl_ctx *a = dl_create(.threads = 1), *b = dl_create(.threads = 2, .seed = 77);
    dl_dataset *x = dl_data_drawn_digits(a, 300, 5), *y = dl_data_drawn_digits(b, 200, 5), *z = dl_data_drawn_digits(b, 200, 6);
    int count[10] = {0};
    double ink = 0;
    CHECK_OK(a);
    CHECK(x->size == 300 && x->classes == 10 && x->inputs->ndim == 4 && x->inputs->shape[1] == 1 && x->inputs->shape[2] == 28 && x->inputs->shape[3] == 28);
    /* a sample depends on the seed and its index, not on context, threads or how many there are */
    CHECK(!memcmp(x->inputs->data, y->inputs->data, (size_t)y->inputs->size * sizeof(dl_real)));
    CHECK(!memcmp(x->targets->idata, y->targets->idata, 200 * sizeof(int32_t)));
    CHECK(memcmp(y->inputs->data, z->inputs->data, (size_t)y->inputs->size * sizeof(dl_real)) != 0);
    for (int i = 0; i < 300; i++) count[x->targets->idata[i]]++;
    for (int k = 0; k < 10; k++) CHECK(count[k] > 10);
    for (int64_t i = 0; i < x->inputs->size; i++) {
        CHECK(x->inputs->data[i] >= 0 && x->inputs->data[i] <= 1);
        ink += (double)x->inputs->data[i] / (double)x->inputs->size;
    }
    CHECK(ink > 0.05 && ink < 0.3);
    dl_destroy(a);
    dl_destroy(b);
}

/* --- training ------------------------------------------------------------------------------------------------- */
static dl_module *classifier(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 784, 32), dl_nn_relu(c), dl_nn_dropout(c, (dl_real)0.2), dl_nn_linear(c, 32, 10));
}

static void evaluate(void)                                               /* means over all samples, whatever the batch size */
{
    static const dl_real w[] = {0, 0, 1, 0, 0, 1};                       /* logits 0, x0, x1 = 0, i, -i: class 1 but for sample 0 */
    dl_ctx *c = dl_create();
    dl_dataset *d = counted(c, 10);
    dl_module *m = dl_nn_linear(c, 2, 3, .no_bias = 1);
    dl_tensor *mine = dl_ones(c, DL_SHAPE(3));
    dl_scores all, parts;
    double loss = 0;
    memcpy(dl_module_get(c, m, "weight")->data, w, sizeof w);
    all = dl_evaluate(c, m, d);
    parts = dl_evaluate(c, m, d, .batch_size = 3);
    for (int i = 0; i < 10; i++) loss += log(1 + exp((double)i) + exp((double)-i)) - (i % 3 == 0 ? 0 : i % 3 == 1 ? i : -i);
    CHECK_NEAR(all.loss, loss / 10, 1e-5);
    CHECK_NEAR(parts.loss, loss / 10, 1e-5);
    CHECK_NEAR(all.accuracy, 0.4, 1e-12);                                /* samples 0, 1, 4, 7 */
    CHECK(parts.accuracy == all.accuracy);
    CHECK(dl_is_training(c) && mine->data[2] == 1);                      /* the step it was called in goes on */
    CHECK(dl_set_grad_enabled(c, 1) == 1);
    CHECK_NEAR(dl_evaluate(c, m, dl_data_tensors(c, d->inputs, dl_zeros(c, DL_SHAPE(10, 3)))).loss, 2 * 285.0 / 30, 1e-4);   /* mean squares */
    CHECK_OK(c);
    dl_destroy(c);
}

static dl_tensor *one_row(dl_ctx *c, dl_tensor *x) { return dl_reshape(c, x, DL_SHAPE(1, x->size)); }
static dl_tensor *squares(dl_ctx *c, dl_tensor *y, dl_tensor *t) { (void)t; return dl_mean(c, dl_square(c, y)); }
static void narrow(dl_ctx *c, dl_tensor **x, dl_tensor **t, void *user) { (void)user; *t = dl_zeros(c, DL_SHAPE((*x)->shape[0], 1)); }

static void unusual_shapes(void)                                         /* with a loss of one's own: no accuracy, and no reads beyond */
{
    dl_ctx *c = dl_create();
    dl_dataset *d = counted(c, 200);
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_function(c, "one_row", one_row)), *wide = dl_nn_linear(c, 2, 4000);
    dl_scores s = dl_evaluate(c, m, d, .loss = squares);
    CHECK(s.loss == s.loss && s.accuracy == 0);
    s = dl_fit(c, wide, dl_optim_sgd(c, wide), d, .loss = squares, .augment = narrow, .batch_size = 200, .quiet = 1);
    CHECK(s.loss == s.loss && s.accuracy == 0);
    CHECK_OK(c);
    dl_destroy(c);
}

static dl_tensor *no_scalar(dl_ctx *c, dl_tensor *y, dl_tensor *t) { return dl_square(c, dl_sub(c, y, t)); }
static dl_tensor *no_loss(dl_ctx *c, dl_tensor *y, dl_tensor *t) { (void)c; (void)y; (void)t; return NULL; }
static void losses_that_are_none(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_dataset *d = dl_data_tensors(c, dl_randn(c, DL_SHAPE(10, 3)), dl_randn(c, DL_SHAPE(10, 1)));
    dl_module *m = dl_nn_linear(c, 3, 1);
    dl_optim *o = dl_optim_sgd(c, m);
    for (int i = 0; i < 2; i++) {
        dl_loss_fn f = i ? no_loss : no_scalar;
        const char *says = i ? "the loss is nil, expected a scalar" : "the loss is (10,1), expected a scalar";
        CHECK(isnan(dl_evaluate(c, m, d, .loss = f).loss));            CHECK_ERROR(c, says);
        CHECK(isnan(dl_fit(c, m, o, d, .loss = f, .quiet = 1).loss));  CHECK_ERROR(c, says);
        CHECK(isnan(dl_lr_find(c, m, o, d, .loss = f)));               CHECK_ERROR(c, says);
    }
    dl_destroy(c);
}

static int bad_epochs;                                                   /* so many have a loss that is NaN */
static dl_tensor *at_first_nan(dl_ctx *c, dl_tensor *y, dl_tensor *t)
{
    dl_tensor *loss = dl_mse_loss(c, y, t);
    if (bad_epochs > 0) loss->data[0] = (dl_real)NAN;
    return loss;
}
static int epoch_over(dl_ctx *c, const dl_fit_state *s) { (void)c; (void)s; bad_epochs--; return 0; }
static void best_after_nan(void)                                         /* any number is better than NaN */
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *x = dl_randn(c, DL_SHAPE(64, 1));
    dl_dataset *d = dl_data_tensors(c, x, dl_add_scalar(c, x, -1));
    dl_module *m = dl_nn_linear(c, 1, 1);
    dl_history h;
    bad_epochs = 1;
    dl_fit(c, m, dl_optim_sgd(c, m, .lr = 0.1), d, .loss = at_first_nan, .on_epoch = epoch_over, .epochs = 4, .history = &h, .quiet = 1);
    CHECK_OK(c);
    CHECK(h.count == 4 && h.epochs[0].train.loss != h.epochs[0].train.loss && h.best == 3);
    dl_destroy(c);
}

static dl_tensor *summed(dl_ctx *c, dl_tensor *y, dl_tensor *t) { return dl_mse_loss(c, y, t, .reduction = DL_SUM); }

static void fit(void)
{
    dl_ctx *c = dl_create(.seed = 1, .threads = 1);
    dl_dataset *train = dl_data_drawn_digits(c, 2000, 1), *test = dl_data_drawn_digits(c, 400, 2);
    dl_module *net = classifier(c);
    dl_optim *opt = dl_optim_adam(c, net, .lr = (dl_real)0.003);
    double before = dl_evaluate(c, net, test).loss;
    dl_schedule *falling = dl_lr_linear(c, opt, .start_factor = 1, .end_factor = 1.0 / 30, .total_iters = 4 * 63 - 1);
    dl_scores s = dl_fit(c, net, opt, train, .epochs = 4, .batch_size = 32, .validation = test, .label_smoothing = (dl_real)0.05, .clip_norm = 5,
                         .schedule = falling, .quiet = 1), e = dl_evaluate(c, net, test);
    CHECK(before > 2 && s.loss < 1.5 && s.accuracy > 0.6);
    CHECK(s.loss == e.loss && s.accuracy == e.accuracy);                 /* it returns the validation of the last epoch */
    CHECK_NEAR(dl_optim_lr(opt), 1e-4, 1e-9);
    CHECK(dl_is_training(c));
    CHECK_OK(c);
    printf("(accuracy %.3f) ", s.accuracy);
    dl_destroy(c);
}

/* One weight, x = 1, target 0: l = w^2, w -= 2 rate w, for rates up to where it flies away. */
static void lr_finder(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_dataset *d = dl_data_tensors(c, dl_ones(c, DL_SHAPE(128, 1)), dl_zeros(c, DL_SHAPE(128, 1)));
    dl_module *m = dl_nn_linear(c, 1, 1, .no_bias = 1);
    dl_optim *o = dl_optim_sgd(c, m, .lr = 0.25);
    dl_tensor *w = dl_module_get(c, m, "weight");
    double rates[41], losses[41], rate = 1e-3, factor = pow(1e5, 1.0 / 40), v = 1, mean = 0, past = 1, least = 1, before = 1, fall = 0, best = 0, found;
    int count, i;
    w->data[0] = 1;
    found = dl_lr_find(c, m, o, d, .first = 1e-3, .last = 100, .steps = 41, .rates = rates, .losses = losses, .count = &count);
    for (i = 0; i < 41; i++, rate *= factor) {
        double l;
        mean = 0.9 * mean + 0.1 * v * v;
        past *= 0.9;
        l = mean / (1 - past);
        if (i < count) { CHECK_NEAR(rates[i] / rate, 1, 1e-5); CHECK_NEAR(losses[i] / l, 1, 1e-3); }
        if (l > 4 * least) break;
        if (l < least) least = l;
        if (i >= 4 && l - before < fall) { fall = l - before; best = rate; }
        before = l;
        v -= 2 * rate * v;
    }
    if (!CHECK(count == i + 1 && count < 41)) printf(" %d of %d", count, i);
    CHECK_NEAR(found / best, 1, 1e-5);
    CHECK(w->data[0] == 1 && w->grad == NULL && dl_optim_lr(o) == 0.25);
    CHECK_OK(c);
    dl_lr_find(c, m, o, d, .first = 1, .last = 0.5);        CHECK_ERROR(c, "lr_find: from 1 to 0.5");
    dl_lr_find(c, m, o, d, .steps = 1);                     CHECK_ERROR(c, "in 1 steps");
    dl_lr_find(c, m, dl_optim_lbfgs(c, m), d);              CHECK_ERROR(c, "lr_find: optim_lbfgs needs the loss more than once");
    found = dl_lr_find(c, NULL, o, d);                      CHECK_ERROR(c, "lr_find");
    CHECK(found != found);
    w->data[0] = 0;                                                      /* nowhere to fall; infinite at once */
    CHECK(isnan(dl_lr_find(c, m, o, d, .steps = 20)));      CHECK_ERROR(c, "lr_find: the loss never fell");
    w->data[0] = (dl_real)INFINITY;
    CHECK(isnan(dl_lr_find(c, m, o, d, .count = &count)));  CHECK_ERROR(c, "lr_find: the loss never fell");
    CHECK(count == 1 && w->data[0] == (dl_real)INFINITY);
    dl_destroy(c);
}

/* Training goes on with the bits that it has without the search. */
static void lr_finder_leaves_no_trace(void)
{
    dl_real weight[2][2];
    for (int k = 0; k < 4; k++) {
        dl_ctx *c = dl_create(.seed = 3);
        dl_dataset *d = dl_data_tensors(c, dl_randn(c, DL_SHAPE(96, 4)), dl_randn(c, DL_SHAPE(96, 2)));
        dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 4, 8), dl_nn_batchnorm1d(c, 8), dl_nn_dropout(c, 0.2f), dl_nn_linear(c, 8, 2));
        dl_optim *o = k < 2 ? dl_optim_adam(c, m, .lr = 0.01) : dl_optim_adafactor(c, m);
        dl_fit(c, m, o, d, .batch_size = 16, .quiet = 1);
        if (k & 1) CHECK(dl_lr_find(c, m, o, d, .batch_size = 16, .steps = 30) > 0);
        dl_fit(c, m, o, d, .batch_size = 16, .quiet = 1);
        CHECK_OK(c);
        weight[k & 1][0] = dl_module_get(c, m, "3.weight")->data[0];
        weight[k & 1][1] = dl_module_get(c, m, "1.running_var")->data[5];
        if (k & 1) CHECK(!memcmp(weight[0], weight[1], sizeof weight[0]));
        dl_destroy(c);
    }
}

static void lr_finder_memory(void)                                       /* its copies go with it */
{
    dl_ctx *c = dl_create(.seed = 3);
    dl_dataset *d = dl_data_tensors(c, dl_randn(c, DL_SHAPE(8, 100)), dl_randn(c, DL_SHAPE(8, 100)));
    dl_module *m = dl_nn_linear(c, 100, 100);
    dl_optim *o = dl_optim_adam(c, m);
    size_t once = 0;
    for (int i = 0; i < 30; i++) {
        dl_lr_find(c, m, o, d, .steps = 3, .first = 1e-3);
        if (i == 0) once = dl_memory(c).keep_bytes;                      /* with the memory of gradients */
    }
    CHECK_OK(c);
    if (!CHECK(dl_memory(c).keep_bytes - once < 30000)) printf(" %d bytes ", (int)(dl_memory(c).keep_bytes - once));
    dl_destroy(c);
}

static void fit_line(void)                                               /* real targets, a loss of one's own */
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *x = dl_randn(c, DL_SHAPE(64, 1));
    dl_dataset *d = dl_data_tensors(c, x, dl_add_scalar(c, dl_mul_scalar(c, x, 3), -1));
    dl_module *m = dl_nn_linear(c, 1, 1);
    dl_scores s = dl_fit(c, m, dl_optim_sgd(c, m, .lr = (dl_real)0.01), d, .epochs = 50, .batch_size = 8, .loss = summed, .quiet = 1, .no_shuffle = 1);
    CHECK(s.loss < 1e-6 && s.accuracy == 0);
    CHECK_NEAR(dl_item(dl_module_get(c, m, "weight")), 3, 1e-3);
    CHECK_NEAR(dl_item(dl_module_get(c, m, "bias")), -1, 1e-3);
    CHECK_OK(c);
    dl_destroy(c);
}

static void fit_four_points(void)                                        /* mini-batches, to the least-squares line w 1.4, b 3.5 */
{
    static const dl_real x[] = {1, 2, 3, 4}, y[] = {6, 5, 7, 10};
    dl_ctx *c = dl_create(.seed = 1);
    dl_dataset *d = dl_data_tensors(c, dl_tensor_from(c, x, DL_SHAPE(4, 1)), dl_tensor_from(c, y, DL_SHAPE(4, 1)));
    dl_module *m = dl_nn_linear(c, 1, 1);
    ROW("LIN-07");
    dl_optim *opt = dl_optim_sgd(c, m, .lr = 0.05);
    dl_fit(c, m, opt, d, .epochs = 4000, .batch_size = 2, .schedule = dl_lr_linear(c, opt, .start_factor = 1, .end_factor = 2e-3, .total_iters = 8000), .quiet = 1);
    CHECK_NEAR(dl_item(dl_module_get(c, m, "weight")), 1.4, 0.01);
    CHECK_NEAR(dl_item(dl_module_get(c, m, "bias")), 3.5, 0.02);
    CHECK_NEAR(dl_evaluate(c, m, d).loss, 1.05, 1e-3);
    CHECK_OK(c);
    dl_destroy(c);
}

static void fit_is_the_public_loop(void)                                 /* the same bits as the loop written out */
{
    dl_real *w[2];
    dl_ctx *c[2];
    for (int by_hand = 0; by_hand < 2; by_hand++) {
        dl_ctx *k = c[by_hand] = dl_create(.seed = 3);
        dl_dataset *d = dl_data_drawn_digits(k, 200, 1);
        dl_module *net = classifier(k);
        dl_optim *opt = dl_optim_sgd(k, net, .lr = (dl_real)0.1, .momentum = (dl_real)0.9);
        if (!by_hand) dl_fit(k, net, opt, d, .epochs = 2, .batch_size = 30, .clip_norm = 1, .quiet = 1);
        else {
            dl_loader *batches = dl_loader_create(k, d, .batch_size = 30, .shuffle = 1);
            for (int epoch = 0; epoch < 2; epoch++)
                while (dl_next_batch(k, batches)) {
                    dl_backward(k, dl_cross_entropy(k, dl_forward(k, net, batches->input), batches->target));
                    dl_clip_grad_norm(k, net, 1);
                    dl_optim_step(k, opt);
                }
        }
        w[by_hand] = dl_module_get(k, net, "1.weight")->data;
        CHECK_OK(k);
    }
    CHECK(!memcmp(w[0], w[1], 784 * 32 * sizeof(dl_real)));
    dl_destroy(c[0]);
    dl_destroy(c[1]);
}

/* What gradients were there before, or belong to parameters that the optimizer does not have, count neither in a group of batches
   nor in the norm that is clipped; the last group of an epoch is the mean of the batches that are left. */
static void fit_begins_with_no_gradients(void)
{
    int way;
    dl_real w[4];
    for (way = 0; way < 4; way++) {
        dl_ctx *c = dl_create(.seed = 2, .threads = 1);
        dl_dataset *d = dl_data_tensors(c, dl_randn(c, DL_SHAPE(40, 3)), dl_randn(c, DL_SHAPE(40, 1)));
        dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 3, 4), dl_nn_tanh(c), dl_nn_linear(c, 4, 1));
        dl_optim *o = way < 2 ? dl_optim_sgd(c, net, .lr = 0.1) : dl_optim_sgd(c, net->children[2], .lr = 0.1);
        if (way % 2) dl_backward(c, dl_mul_scalar(c, dl_sum(c, dl_forward(c, net, d->inputs)), 100));
        dl_fit(c, net, o, d, .epochs = 5, .batch_size = 8, .accumulate = way < 2 ? 2 : 1, .clip_norm = way == 3 ? 1000 : 0, .quiet = 1);
        w[way] = dl_module_get(c, net, "2.weight")->data[0];
        CHECK_OK(c);
        dl_destroy(c);
    }
    CHECK(w[0] == w[1] && w[2] == w[3]);
    {
        static const dl_real zero[5] = {0}, one[5] = {1, 1, 1, 1, 1};
        dl_ctx *c = dl_create(.seed = 2, .threads = 1);
        dl_dataset *d = dl_data_tensors(c, dl_tensor_from(c, one, DL_SHAPE(5, 1)), dl_tensor_from(c, zero, DL_SHAPE(5, 1)));
        dl_module *m = dl_nn_linear(c, 1, 1, .no_bias = 1);
        dl_tensor *weight = dl_module_get(c, m, "weight");
        weight->data[0] = 1;                                             /* w - 0.25 2 w at each step, of 4 batches and of 1 */
        dl_fit(c, m, dl_optim_sgd(c, m, .lr = 0.25), d, .batch_size = 1, .accumulate = 4, .quiet = 1);
        CHECK_NEAR(weight->data[0], 0.25, 1e-6);
        CHECK_OK(c);
        dl_destroy(c);
    }
}

/* Optimizers that ask for the loss more than once, against the loop written out. */
typedef struct { dl_module *net; dl_loader *batches; } batch_of;
static dl_tensor *closure(dl_ctx *c, void *user)
{
    batch_of *b = (batch_of *)user;
    dl_tensor *loss = dl_cross_entropy(c, dl_forward(c, b->net, b->batches->input), b->batches->target);
    dl_backward(c, loss);
    dl_clip_grad_norm(c, b->net, 1);
    return loss;
}

static void fit_closures(void)
{
    for (int sam = 0; sam < 2; sam++) {
        dl_real *w[2];
        dl_ctx *c[2];
        double loss[2] = {0, 0};
        for (int by_hand = 0; by_hand < 2; by_hand++) {
            dl_ctx *k = c[by_hand] = dl_create(.seed = 3);
            dl_dataset *d = dl_data_drawn_digits(k, 90, 1);
            dl_module *net = classifier(k);
            dl_optim *opt = sam ? dl_optim_sam(k, dl_optim_sgd(k, net, .lr = 0.1)) : dl_optim_lbfgs(k, net, .lr = 0.1, .max_iter = 4);
            if (!by_hand) loss[0] = dl_fit(k, net, opt, d, .epochs = 2, .batch_size = 30, .clip_norm = 1, .quiet = 1).loss;
            else {
                batch_of b = {net, dl_loader_create(k, d, .batch_size = 30, .shuffle = 1)};
                for (int epoch = 0; epoch < 2; epoch++)
                    while (dl_next_batch(k, b.batches)) loss[1] += epoch * dl_optim_step_closure(k, opt, closure, &b) / 3;
            }
            w[by_hand] = dl_module_get(k, net, "1.weight")->data;
            CHECK_OK(k);
        }
        CHECK(!memcmp(w[0], w[1], 784 * 32 * sizeof(dl_real)));
        CHECK_NEAR(loss[0], loss[1], 1e-6);                              /* the first loss of each step */
        CHECK(dl_memory(c[0]).step_peak < dl_memory(c[1]).step_peak);    /* the losses of a step share their memory */
        dl_destroy(c[0]);
        dl_destroy(c[1]);
    }
    dl_ctx *c = dl_create(.seed = 1);
    dl_dataset *d = dl_data_drawn_digits(c, 60, 1);
    dl_module *net = classifier(c);
    dl_fit(c, net, dl_optim_lbfgs(c, net), d, .batch_size = 30, .accumulate = 2, .quiet = 1);
    CHECK_ERROR(c, "more than once");
    dl_destroy(c);
}

static void digits_goal(void)                                            /* 97 % for a perceptron, 99 % for a convolutional network */
{
#if defined DL_DOUBLE || defined __SANITIZE_ADDRESS__
    SKIP("takes too long in this build");
#else
    if (getenv("EMULATED")) { SKIP("takes half an hour by emulation"); return; }
    dl_ctx *c = dl_create(.seed = 1);
    dl_dataset *train = dl_data_drawn_digits(c, 10000, 1), *test = dl_data_drawn_digits(c, 4000, 2);
    dl_module *net[2];
    double accuracy[2];
    ROW("TRN-12");
    net[0] = dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 784, 256), dl_nn_batchnorm1d(c, 256), dl_nn_relu(c), dl_nn_linear(c, 256, 10));
    net[1] = dl_nn_sequential(c, dl_nn_conv2d(c, 1, 12, 5, .stride = 2, .padding = 2), dl_nn_batchnorm2d(c, 12), dl_nn_relu(c),
                              dl_nn_conv2d(c, 12, 24, 3, .stride = 2, .padding = 1), dl_nn_batchnorm2d(c, 24), dl_nn_relu(c),
                              dl_nn_conv2d(c, 24, 48, 3, .stride = 2, .padding = 1), dl_nn_batchnorm2d(c, 48), dl_nn_relu(c),
                              dl_nn_flatten(c), dl_nn_linear(c, 16 * 48, 10));
    for (int cnn = 0; cnn < 2; cnn++) {
        int epochs = cnn ? 3 : 5;
        dl_optim *opt = dl_optim_adam(c, net[cnn]);
        accuracy[cnn] = dl_fit(c, net[cnn], opt, train, .epochs = epochs, .batch_size = 50, .validation = test, .quiet = 1,
                               .schedule = dl_lr_one_cycle(c, opt, 0.01, 200 * epochs)).accuracy;
    }
    CHECK(accuracy[0] >= .97 && accuracy[1] >= .99);
    CHECK_OK(c);
    printf("(perceptron %.4f, convolutions %.4f) ", accuracy[0], accuracy[1]);
    dl_destroy(c);
#endif
}

int main(void)
{
    folder_make();
    RUN(idx_types);
    RUN(idx_errors);
    RUN(mnist);
    RUN(loader);
    RUN(shards);
    RUN(loader_memory);
    RUN(bad_data);
    RUN(digits);
    RUN(evaluate);
    RUN(fit);
    RUN(unusual_shapes);
    RUN(losses_that_are_none);
    RUN(best_after_nan);
    RUN(lr_finder);
    RUN(lr_finder_leaves_no_trace);
    RUN(lr_finder_memory);
    RUN(fit_line);
    RUN(fit_four_points);
    RUN(fit_is_the_public_loop);
    RUN(fit_begins_with_no_gradients);
    RUN(fit_closures);
    RUN(digits_goal);
    folder_remove();
    TEST_END;
}
