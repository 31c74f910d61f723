/* build: float */
/* Finding trouble: the first number that is not finite, profiles, graphs, statistics, TensorBoard files. */
#define DL_DEBUG                                          /* messages name the line */
#include "dl.h"
#include "test.h"
#include <time.h>
#if defined(__unix__)
#include <signal.h>
#include <sys/resource.h>
#endif

#define LINE_(n) #n
#define LINE(n)  "test_trouble.c:" LINE_(n)

static dl_module *small_net(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_linear(c, 4, 8), dl_nn_relu(c), dl_nn_linear(c, 8, 3));
}

/* --- detect_nan ---------------------------------------------------------------------------------------------------------- */
static void nan_is_named(void)
{
    dl_ctx *c = dl_create(.detect_nan = 1, .threads = 1);
    dl_tensor *x = dl_keep(c, dl_sub_scalar(c, dl_arange(c, 0, 6, 1), 2)), *w;
    dl_module *net = small_net(c);

    CHECK(dl_is_nil(dl_log(c, x)));                       /* -2 -1 0 1 2 3 */
    CHECK_ERROR(c, "detect_nan: result of log (6) is nan at index 0");
    dl_log(c, x);
    CHECK_ERROR(c, "test_trouble.c:");
    dl_sum(c, dl_sqrt(c, x)); CHECK_ERROR(c, LINE(__LINE__));
    dl_select(c, x, 0, 6);    CHECK_ERROR(c, LINE(__LINE__));

    CHECK(dl_at(c, "here") == c && !dl_at(NULL, "here"));
    dl_fail(c, "it is wrong"); CHECK_ERROR(c, "it is wrong (at or after here)");

    dl_reciprocal(c, x);                                  /* 1 / 0 from finite numbers */
    CHECK_ERROR(c, "result of reciprocal (6) is inf at index 2");

    w = dl_module_get(c, net, "2.weight");
    w->data[5] = (dl_real)NAN;
    dl_forward(c, net, dl_ones(c, DL_SHAPE(2, 4)));
    CHECK_ERROR(c, "result of linear in 2 (2,3): its input 1, parameter 2.weight (3,8), is nan at index 5");
    w->data[5] = 3e38f;
    w->data[6] = 3e38f;
    dl_module_get(c, net, "0.bias")->data[5] = 9;
    dl_module_get(c, net, "0.bias")->data[6] = 9;
    dl_forward(c, net, dl_ones(c, DL_SHAPE(2, 4)));
    if (sizeof(dl_real) == 4) CHECK_ERROR(c, "result of linear in 2 (2,3) is inf");
    dl_clear_error(c);
    dl_destroy(c);
}

static void infinities_that_were_put_in_pass(void)
{
    dl_ctx *c = dl_create(.detect_nan = 1, .threads = 1);
    dl_tensor *scores = dl_zeros(c, DL_SHAPE(3, 3)), *y;
    y = dl_softmax(c, dl_add(c, scores, dl_causal_mask(c, 3)), -1);
    CHECK_OK(c);
    if (!dl_is_nil(y)) CHECK_NEAR(y->data[3], 0.5, 1e-6);
    dl_sub(c, dl_causal_mask(c, 3), dl_causal_mask(c, 3));                 /* inf - inf */
    CHECK_ERROR(c, "result of sub (3,3) is nan");
    dl_destroy(c);
}

static void gradient_is_named(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = dl_requires_grad(c, dl_keep(c, dl_arange(c, 0, 3, 1)), 1), *y;
    int line;
    CHECK(dl_backward(c, dl_sum(c, dl_sqrt(c, x))));      /* off: nobody looks */
    CHECK_OK(c);
    dl_zero_grad(x);
    CHECK(dl_set_detect_nan(c, 1) == 0);
    y = dl_sum(c, dl_sqrt(c, x)); line = __LINE__;
    CHECK(!dl_backward(c, y));
    CHECK(dl_error(c) && strstr(dl_error(c), "backward of the result of sqrt (3): the gradient of its input 0, leaf (3), is inf at index 0"));
    {
        char where[32];
        snprintf(where, sizeof where, "test_trouble.c:%d)", line);         /* the line of the forward call */
        CHECK_ERROR(c, where);
    }
    CHECK(dl_set_detect_nan(c, 0) == 1);
    CHECK(dl_set_detect_nan(NULL, 1) == 0);
    dl_destroy(c);
}

static void weights_stay(void)
{
    dl_ctx *c = dl_create(.detect_nan = 1, .threads = 1);
    dl_module *net = small_net(c);
    dl_optim *o = dl_optim_sgd(c, net, .lr = 0.1f);
    dl_tensor *w = dl_module_get(c, net, "0.weight"), *x = dl_ones(c, DL_SHAPE(2, 4));
    dl_real before = w->data[0];
    x->data[1] = (dl_real)INFINITY;
    x->data[2] = (dl_real)-INFINITY;
    dl_backward(c, dl_sum(c, dl_forward(c, net, x)));
    dl_optim_step(c, o);
    CHECK(dl_error(c) != NULL && w->data[0] == before);
    dl_destroy(c);
}

/* --- profile --------------------------------------------------------------------------------------------------------------- */
static int profiled(dl_ctx *c, const char *op, dl_profile_row *r)
{
    int i;
    for (i = 0; dl_profile_at(c, i, r); i++) if (!strcmp(r->op, op)) return 1;
    return 0;
}

static void profile_counts(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    dl_module *net = small_net(c);
    dl_tensor *x = dl_ones(c, DL_SHAPE(16, 4));
    dl_profile_row r;
    double shares = 0, last = 1e9;
    char line[256];
    int i, lines = 0;
    FILE *f = tmpfile();
    CHECK(!dl_profile_at(c, 0, &r));
    dl_profile_begin(c);
    for (i = 0; i < 20; i++) dl_backward(c, dl_sum(c, dl_exp(c, dl_forward(c, net, x))));
    dl_profile_end(c);
    dl_forward(c, net, x);                                                 /* not counted any more */
    CHECK(profiled(c, "linear", &r));
    CHECK(r.calls == 40 && r.macs == 20 * (16 * 4 * 8 + 16 * 8 * 3));
    CHECK(r.bytes == (int64_t)(20 * sizeof(dl_real) * (16 * 4 + 32 + 8 + 16 * 8 + 16 * 8 + 24 + 3 + 16 * 3)));
    CHECK(r.forward > 0 && r.backward > 0 && r.gflops > 0);
    CHECK(profiled(c, "exp", &r) && r.calls == 20 && r.macs == 0);
    for (i = 0; dl_profile_at(c, i, &r); i++) {
        shares += r.share;
        if (strcmp(r.op, "(rest)")) { CHECK(r.forward + r.backward <= last); last = r.forward + r.backward; }
    }
    CHECK(i == 4);                                                         /* linear, exp, sum, (rest) */
    CHECK_NEAR(shares, 1, 0.01);
    CHECK(!dl_profile_at(c, -1, &r) && !dl_profile_at(NULL, 0, &r) && !dl_profile_at(c, 0, NULL));
    if (f) {
        dl_profile_print(c, f);
        rewind(f);
        while (fgets(line, sizeof line, f)) lines++;
        fclose(f);
        CHECK(lines == 5);
    }
    dl_profile_begin(c);                                                   /* starts from zero */
    CHECK(!profiled(c, "linear", &r));
    dl_profile_end(c);
    dl_profile_begin(NULL);
    dl_profile_end(NULL);
    dl_profile_print(NULL, NULL);
    dl_destroy(c);
}

static void profile_makes_no_malloc_after_the_first_step(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    dl_module *net = small_net(c);
    size_t before = 0;
    int i;
    dl_profile_begin(c);
    for (i = 0; i < 10; i++) {
        dl_step_begin(c);
        dl_backward(c, dl_sum(c, dl_forward(c, net, dl_ones(c, DL_SHAPE(3, 4)))));
        if (i == 0) before = dl_memory(c).keep_bytes;
    }
    CHECK(dl_memory(c).keep_bytes == before);
    dl_destroy(c);
}

/* --- graph and statistics --------------------------------------------------------------------------------------------------- */
static void text_of(FILE *f, char *text, size_t size)
{
    size_t n;
    rewind(f);
    n = fread(text, 1, size - 1, f);
    text[n] = 0;
    fclose(f);
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)) != NULL; text++) n++;
    return n;
}

static void graph_is_drawn(void)
{
    static char text[8192];
    dl_ctx *c = dl_create(.threads = 1);
    dl_module *net = small_net(c);
    dl_tensor *h = dl_forward(c, net, dl_ones(c, DL_SHAPE(2, 4)));
    FILE *f = tmpfile();
    if (!f) { SKIP("no temporary files"); return; }
    dl_graph_dot(c, dl_add(c, h, h), f);
    text_of(f, text, sizeof text);
    CHECK(!strncmp(text, "digraph", 7) && strstr(text, "}\n"));
    CHECK(count(text, "shape=box") == 3);                                  /* linear (with relu), linear, add */
    CHECK(count(text, "shape=ellipse") == 5);                              /* x, two weights, two biases */
    CHECK(count(text, " -> ") == 8);                                       /* 3 + 3 + 2 */
    CHECK(strstr(text, "parameter 2.weight (3,8)") && strstr(text, "add\\n(2,3)") && strstr(text, "leaf (2,4)"));
    dl_graph_dot(c, NULL, NULL);
    CHECK_OK(c);
    dl_destroy(c);
}

static void statistics(void)
{
    static const dl_real v[] = {1, 2, 0, 5, 0, -2};
    static char text[4096];
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = dl_tensor_from(c, v, DL_SHAPE(6));
    dl_module *net = small_net(c);
    dl_stats s = dl_tensor_stats(x);
    FILE *f = tmpfile();
    CHECK(s.size == 6 && s.zeros == 2 && s.nans == 0 && s.infs == 0 && s.min == -2 && s.max == 5);
    CHECK_NEAR(s.mean, 1, 1e-12);
    CHECK_NEAR(s.std, sqrt(28.0 / 6), 1e-12);
    x->data[0] = (dl_real)NAN;
    x->data[3] = (dl_real)INFINITY;
    s = dl_tensor_stats(x);
    CHECK(s.nans == 1 && s.infs == 1 && s.max == 2 && s.mean == 0);
    if (sizeof(dl_real) == 8) {                                            /* sums that overflow */
        const dl_real far = (dl_real)(double)1.5e308;
        s = dl_tensor_stats(dl_full(c, DL_SHAPE(2), far));
        CHECK(s.mean == 1.5e308 && s.std == 0);
        x->data[0] = far; x->data[1] = -far; x->data[2] = x->data[3] = x->data[4] = x->data[5] = 0;
        s = dl_tensor_stats(x);
        CHECK(s.mean == 0);
        CHECK_NEAR(s.std / 1.5e308, sqrt(1.0 / 3), 1e-12);
    }
    CHECK(dl_tensor_stats(NULL).size == 0 && dl_tensor_stats(NULL).mean != dl_tensor_stats(NULL).mean);
    CHECK(dl_grad_stats(dl_module_get(c, net, "2.bias")).size == 0);
    dl_backward(c, dl_sum(c, dl_forward(c, net, dl_ones(c, DL_SHAPE(5, 4)))));
    s = dl_grad_stats(dl_module_get(c, net, "2.bias"));
    CHECK(s.size == 3 && s.min == 5 && s.max == 5 && s.std == 0);
    if (f) {
        dl_module_stats(c, net, f);
        text_of(f, text, sizeof text);
        CHECK(count(text, "\n") == 9 && count(text, "its gradient") == 4 && strstr(text, "2.weight") && strstr(text, "(3,8)"));
    }
    dl_module_stats(c, NULL, NULL);
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- TensorBoard ------------------------------------------------------------------------------------------------------------ */
static uint32_t crc32c(const unsigned char *p, size_t n)                   /* bit by bit from the polynomial, not as dl.h does it */
{
    uint32_t crc = 0xFFFFFFFFu, bit;
    size_t i;
    for (i = 0; i < 8 * n; i++) {
        bit = (p[i / 8] >> i % 8 & 1) ^ (crc & 1);
        crc = crc >> 1 ^ (bit ? 0x82F63B78u : 0);
    }
    return ~crc;
}
static uint32_t masked(const unsigned char *p, size_t n) { uint32_t r = crc32c(p, n); return (r >> 15 | r << 17) + 0xA282EAD8u; }
static uint32_t u32(const unsigned char *p) { return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24; }

/* The records of an event file: how many are whole; the last scalar in *value with its tag and step. */
static int read_events(const unsigned char *p, size_t size, char *tag, int *step, float *value)
{
    size_t at = 0;
    int n = 0;
    for (; at + 16 <= size; n++) {
        size_t length = u32(p + at), i;
        const unsigned char *event = p + at + 12;
        if (u32(p + at + 4) || masked(p + at, 8) != u32(p + at + 8) || at + 16 + length > size || masked(event, length) != u32(event + length)) return -1;
        at += 16 + length;
        for (i = 9; i < length;) {                                         /* behind the time: 2: step, 3: version or 5: summary */
            if (event[i] == 0x10) { *step = event[i + 1]; i += 2; }
            else if (event[i] == 0x2a && event[i + 2] == 0x0a && event[i + 4] == 0x0a) {           /* summary, value, tag */
                size_t k = event[i + 5];
                memcpy(tag, event + i + 6, k);
                tag[k] = 0;
                if (event[i + 6 + k] == 0x15) memcpy(value, event + i + 7 + k, 4);
                break;
            } else break;
        }
    }
    return at == size ? n : -1;
}

static void tensorboard_file(void)
{
    static unsigned char bytes[16384];
    char folder[] = "build", path[512], tag[64] = "";
    long long t;
    size_t size = 0;
    float value = 0;
    int step = -1, i, found = 0;
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensorboard *b;
    CHECK(crc32c((const unsigned char *)"123456789", 9) == 0xE3069283u);
    b = dl_tensorboard_open(c, folder);
    if (dl_error(c)) { SKIP(dl_error(c)); dl_destroy(c); return; }
    t = (long long)time(NULL);
    for (i = 0; i < 3; i++) CHECK(dl_tensorboard_scalar(c, b, "loss/train", 10 * i, 0.5 / (i + 1)));
    CHECK(dl_tensorboard_histogram(c, b, "weights", 20, dl_arange(c, 0, 100, 1)));
    CHECK(dl_tensorboard_scalar(c, b, "loss/train", 30, 0.125));
    dl_tensorboard_close(c, b);
    if (sizeof(dl_real) == 8) {                                            /* a range that overflows */
        dl_tensorboard *wide = dl_tensorboard_open(c, "build/test/" BUILD "wide");
        dl_tensor *x = dl_full(c, DL_SHAPE(4), (dl_real)(double)1.5e308);
        x->data[1] = -x->data[0]; x->data[2] = 0; x->data[3] = 1;
        CHECK(wide && dl_tensorboard_histogram(c, wide, "far", 1, x));
        dl_tensorboard_close(c, wide);
    }
    CHECK_OK(c);
    for (i = 0; i < 200 && !found; i++) {                                  /* our file: of this second or the last ones, the newest number */
        FILE *f;
        snprintf(path, sizeof path, "%s/events.out.tfevents.%lld.dl.%d", folder, t - i % 4, i / 4);
        if (!(f = fopen(path, "rb"))) continue;
        size = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        found = read_events(bytes, size, tag, &step, &value) == 6;
        remove(path);
    }
    CHECK(found);
    CHECK(!strcmp(tag, "loss/train") && step == 30 && value == 0.125f);
    CHECK(!memcmp(bytes + 12 + 9 + 2, "\x1a\x0d" "brain.Event:2", 15));
    bytes[40] ^= 1;
    CHECK(read_events(bytes, size, tag, &step, &value) == -1);             /* this check can fail */
    CHECK(!dl_tensorboard_scalar(c, b, "x", 0, 0));
    CHECK_ERROR(c, "closed");
    CHECK(!dl_tensorboard_open(c, "no/such/folder/here"));
    CHECK_ERROR(c, "no/such/folder/here");
    CHECK(!dl_tensorboard_open(c, NULL) && !dl_tensorboard_scalar(NULL, NULL, NULL, 0, 0));
    CHECK_ERROR(c, "folder is NULL");
    dl_tensorboard_close(c, NULL);
    dl_destroy(c);
}

/* --- what dl_fit tells --------------------------------------------------------------------------------------------------------- */
typedef struct { int steps, epochs, stop_at; double last; } witness;

static int saw_step(dl_ctx *c, const dl_fit_state *s)
{
    witness *w = (witness *)s->user;
    (void)c;
    CHECK(s->step == ++w->steps && s->epoch == (w->steps - 1) / 4 + 1 && s->train.loss > 0 && s->validation.loss != s->validation.loss);
    return w->steps == w->stop_at;
}
static int saw_epoch(dl_ctx *c, const dl_fit_state *s)
{
    witness *w = (witness *)s->user;
    (void)c;
    CHECK(s->epoch == ++w->epochs && s->module != NULL && s->validation.loss > 0);
    CHECK_NEAR(s->lr, 0.1, 1e-6);
    w->last = s->train.loss;
    return 0;
}

#if defined(__unix__)
/* A disk that is full for a moment: the file ends there, and every later call says so. */
static void tensorboard_without_room(void)
{
    static unsigned char bytes[4096];
    dl_ctx *c = dl_create(.threads = 1);
    struct rlimit before, small;
    char tag[64] = "", path[512] = "", *end;
    dl_tensorboard *t = dl_tensorboard_open(c, "build");
    float value = 0;
    int step = 0, i;
    FILE *f;
    if (!t) { SKIP("no folder build"); dl_destroy(c); return; }
    for (i = 0; i < 3; i++) CHECK(dl_tensorboard_scalar(c, t, "loss", i, i));
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 200;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    for (i = 3; i < 9 && dl_tensorboard_scalar(c, t, "loss", i, i); i++) {}
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    CHECK(i < 9);
    if (dl_error(c) && strchr(dl_error(c), '"')) snprintf(path, sizeof path, "%s", strchr(dl_error(c), '"') + 1);
    if ((end = strchr(path, '"')) != NULL) *end = 0;
    CHECK_ERROR(c, "tensorboard: cannot write \"build/events");
    CHECK(!dl_tensorboard_scalar(c, t, "loss", 9, 9));                     /* there is room, but nobody would read it */
    CHECK_ERROR(c, "ends within a record");
    dl_tensorboard_close(c, t);
    CHECK_OK(c);
    if (CHECK((f = fopen(path, "rb")) != NULL)) {
        const size_t size = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        CHECK(size > 120 && size <= 200 && read_events(bytes, size, tag, &step, &value) <= 4);
        remove(path);
    }
    dl_destroy(c);
}
#endif

static void fit_calls_back(void)
{
    static unsigned char bytes[16384];
    witness w = {0, 0, 0, 0};
    dl_ctx *c = dl_create(.seed = 3, .threads = 1);
    dl_module *net = small_net(c);
    dl_tensor *x = dl_keep(c, dl_randn(c, DL_SHAPE(32, 4))), *t = dl_keep(c, dl_slice(c, x, 1, 0, 3));
    dl_dataset *d = dl_data_tensors(c, x, t);
    dl_optim *o = dl_optim_sgd(c, net, .lr = 0.1f);
    char path[512], tag[64] = "";
    long long now;
    size_t size;
    float value = 0;
    int step = 0, i, found = 0;
    dl_fit(c, net, o, d, .epochs = 3, .batch_size = 8, .validation = d, .quiet = 1, .on_step = saw_step, .on_epoch = saw_epoch, .user = &w,
           .tensorboard = "build");
    now = (long long)time(NULL);
    if (dl_error(c) && strstr(dl_error(c), "tensorboard_open")) { SKIP("no folder build"); dl_destroy(c); return; }
    CHECK_OK(c);
    CHECK(w.steps == 12 && w.epochs == 3);
    for (i = 0; i < 200 && !found; i++) {
        FILE *f;
        snprintf(path, sizeof path, "build/events.out.tfevents.%lld.dl.%d", now - i % 4, i / 4);
        if (!(f = fopen(path, "rb"))) continue;
        size = fread(bytes, 1, sizeof bytes, f);
        fclose(f);
        found = read_events(bytes, size, tag, &step, &value) == 1 + 3 * 5;
        if (found) remove(path);
    }
    CHECK(found && step == 3 && !strcmp(tag, "accuracy/validation"));
    w.steps = w.epochs = 0;
    w.stop_at = 6;
    dl_fit(c, net, o, d, .epochs = 3, .batch_size = 8, .validation = d, .quiet = 1, .on_step = saw_step, .on_epoch = saw_epoch, .user = &w);
    CHECK(w.steps == 6 && w.epochs == 2);                                  /* the second epoch ends early */
    dl_destroy(c);
}

int main(void)
{
    RUN(nan_is_named);
    RUN(infinities_that_were_put_in_pass);
    RUN(gradient_is_named);
    RUN(weights_stay);
    RUN(profile_counts);
    RUN(profile_makes_no_malloc_after_the_first_step);
    RUN(graph_is_drawn);
    RUN(statistics);
    RUN(tensorboard_file);
#if defined(__unix__)
    RUN(tensorboard_without_room);
#endif
    RUN(fit_calls_back);
    TEST_END;
}
