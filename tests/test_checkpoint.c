/* build: float double asan */
/* Checkpoints: training that stops and goes on has the bits of training that did not stop, with every optimizer; saving that
   fails or is killed leaves the old file or the new one; the newest, the best and Ctrl-C. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "dl.h"
#include "test.h"
#include "folder.h"
#if defined(__unix__) || defined(__APPLE__)
#define UNIX 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <limits.h>
#include <unistd.h>
#else
#define UNIX 0
#endif

/* --- faults: on Linux the program's own write, fsync and rename come before the C library's -------------------------------- */
static int fault_calls, fault_at = -1,
        fault_short;                    /* call number fault_at fails; short: writes one byte at a time */
#if defined(__linux__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)
#define FAULTS 1
#include <sys/syscall.h>
static int faulty(int error)
{
    if (fault_at < 0 || fault_calls++ != fault_at) return 0;
    errno = error;
    return 1;
}
ssize_t write(int fd, const void *p, size_t n)
{
    if (faulty(ENOSPC)) return -1;
    if (fault_short && n > 3) { if (fault_short++ % 2) { errno = EINTR; return -1; } n = 3; }
    return syscall(SYS_write, fd, p, n);
}
int fsync(int fd) { return faulty(EIO) ? -1 : (int)syscall(SYS_fsync, fd); }
int rename(const char *from, const char *to) { return faulty(EACCES) ? -1 : (int)syscall(SYS_renameat, AT_FDCWD, from, AT_FDCWD,
        to); }
int close(int fd)
{
    int r = (int)syscall(SYS_close, fd);
    return faulty(EIO) ? -1 : r;
}
#else
#define FAULTS 0
#endif

/* --- programs: networks, optimizers and all that belongs to them ----------------------------------------------------------- */
typedef enum { MLP, CNN, LSTM, GPT, KINDS } kind;
static const char *const optimizers[] = { "sgd", "one_cycle", "momentum", "nesterov", "asgd", "adam", "amsgrad", "adamw", "nadam", "radam",
        "adamax", "adagrad",
    "adadelta", "rmsprop", "rmsprop2", "rprop", "adafactor", "muon", "lbfgs", "lbfgs2", "lookahead", "sam", "lookahead2" };
enum { OPTIMIZERS = sizeof optimizers / sizeof *optimizers };

static dl_optim *optimizer(dl_ctx *c, dl_module *m, const char *name)
{
#define IS(text) if (!strcmp(name, text))
    IS("sgd")        return dl_optim_sgd(c, m, .lr = 0.05);
    IS("one_cycle")  { dl_optim *o = dl_optim_sgd(c, m, .lr = 0.05); dl_lr_one_cycle(c, o, 0.05, 30); return o; }
    IS("momentum")   return dl_optim_sgd(c, m, .lr = 0.05, .momentum = 0.9);
    IS("nesterov")   return dl_optim_sgd(c, m, .lr = 0.05, .momentum = 0.9, .nesterov = 1, .weight_decay = 1e-3);
    IS("asgd")       return dl_optim_asgd(c, m, .t0 = 3);
    IS("adam")       return dl_optim_adam(c, m, .lr = 0.01);
    IS("amsgrad")    return dl_optim_adam(c, m, .lr = 0.01, .amsgrad = 1);
    IS("adamw")      return dl_optim_adamw(c, m, .lr = 0.01);
    IS("nadam")      return dl_optim_nadam(c, m);
    IS("radam")      return dl_optim_radam(c, m);
    IS("adamax")     return dl_optim_adamax(c, m);
    IS("adagrad")    return dl_optim_adagrad(c, m, .lr_decay = 0.1);
    IS("adadelta")   return dl_optim_adadelta(c, m);
    IS("rmsprop")    return dl_optim_rmsprop(c, m);
    IS("rmsprop2")   return dl_optim_rmsprop(c, m, .momentum = 0.9, .centered = 1);
    IS("rprop")      return dl_optim_rprop(c, m);
    IS("adafactor")  return dl_optim_adafactor(c, m);
    IS("muon")       return dl_optim_muon(c, m);
    IS("lbfgs")      return dl_optim_lbfgs(c, m, .lr = 0.1, .max_iter = 3, .history_size = 4);
    IS("lbfgs2")     return dl_optim_lbfgs(c, m, .max_iter = 4, .history_size = 3, .strong_wolfe = 1);
    IS("lookahead")  return dl_optim_lookahead(c, dl_optim_adam(c, m), .k = 3);
    IS("sam")        return dl_optim_sam(c, dl_optim_sgd(c, m, .lr = 0.05, .momentum = 0.9));
    IS("lookahead2") return dl_optim_lookahead(c, dl_optim_lookahead(c, dl_optim_sgd(c, m, .lr = 0.05), .k = 2), .k = 4);
#undef IS
    return NULL;
}

typedef struct { dl_module base; dl_module *tokens, *positions, *layer, *head; } gpt;
static dl_tensor *gpt_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    gpt *m = (gpt *)self;
    dl_tensor *at = dl_to_int(c, dl_arange(c, 0, 8, 1));
    dl_tensor *y = dl_add(c, dl_forward(c, m->tokens, x), dl_forward(c, m->positions, at));
    y = dl_nn_tfm_encoder_forward(c, m->layer, y, .causal = 1);
    return dl_forward(c, m->head, dl_mean(c, y, .dims = DL_DIM(1)));
}
static const dl_module_type gpt_type = { "gpt", sizeof(gpt), gpt_forward };

typedef struct { dl_module base; dl_module *lstm, *head; } lstm;
static dl_tensor *lstm_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    lstm *m = (lstm *)self;
    dl_tensor *y = dl_forward(c, m->lstm, dl_reshape(c, x, DL_SHAPE(x->shape[0], 8, 8)));
    return dl_forward(c, m->head, dl_flatten(c, y, 1, -1));
}
static const dl_module_type lstm_type = { "lstm", sizeof(lstm), lstm_forward };

static dl_module *network(dl_ctx *c, kind k)
{
    dl_real p = (dl_real)0.2;
    if (k == MLP) return dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 64, 20), dl_nn_tanh(c), dl_nn_dropout(c, p),
                                          dl_nn_linear(c, 20, 3));
    if (k == CNN) return dl_nn_sequential(c, dl_nn_conv2d(c, 1, 4, 3, .padding = 1), dl_nn_batchnorm2d(c, 4), dl_nn_relu(c),
                                          dl_nn_dropout(c, p),
                                          dl_nn_max_pool2d(c, 2), dl_nn_flatten(c), dl_nn_linear(c, 64, 3));
    if (k == LSTM) {
        lstm *m = (lstm *)dl_module_create(c, &lstm_type);
        m->lstm = dl_module_add(c, &m->base, "lstm", dl_nn_lstm(c, 8, 6, .num_layers = 2, .batch_first = 1, .dropout = p));
        m->head = dl_module_add(c, &m->base, "head", dl_nn_linear(c, 48, 3));
        return &m->base;
    } else {
        gpt *m = (gpt *)dl_module_create(c, &gpt_type);
        m->tokens = dl_module_add(c, &m->base, "tokens", dl_nn_embedding(c, 10, 8));
        m->positions = dl_module_add(c, &m->base, "positions", dl_nn_embedding(c, 8, 8));
        m->layer = dl_module_add(c, &m->base, "layer", dl_nn_tfm_encoder_layer(c, 8, 2, .dim_feedforward = 16, .norm_first = 1));
        m->head = dl_module_add(c, &m->base, "head", dl_nn_linear(c, 8, 3));
        return &m->base;
    }
}

typedef struct {
    dl_ctx *c;
    dl_checkpoint_opts all;
    double numbers[2];
} program;

static dl_dataset *samples(dl_ctx *c, kind k)
{
    int32_t label[24], token[24 * 8];
    dl_tensor *x;
    int i;
    for (i = 0; i < 24; i++) label[i] = i * 7 % 3;
    for (i = 0; i < 24 * 8; i++) token[i] = i * i % 10;
    if (k == GPT) return dl_data_tensors(c, dl_tensor_from_int(c, token, DL_SHAPE(24, 8)),
                                         dl_tensor_from_int(c, label, DL_SHAPE(24)));
    x = dl_zeros(c, DL_SHAPE(24, 1, 8, 8));
    for (i = 0; i < (int)x->size; i++) x->data[i] = (dl_real)(i * 37 % 101) / 50 - 1;
    return dl_data_tensors(c, x, dl_tensor_from_int(c, label, DL_SHAPE(24)));
}

static int no_bias(const char *name, const dl_tensor *w, void *user) { return dl_is_norm_or_bias(name, w, user); }

static void start(program *p, kind k, const char *name, uint64_t seed)
{
    dl_ctx *c = p->c = dl_create(.seed = seed, .threads = 1);
    dl_optim *inner;
    memset(&p->all, 0, sizeof p->all);
    p->all.module = network(c, k);
    p->all.optim = optimizer(c, p->all.module, name);
    inner = p->all.optim;
    if (strncmp(name, "lbfgs", 5)) dl_optim_group(c, inner, no_bias, .lr = dl_optim_lr(inner) / 2);
    p->all.schedule = dl_lr_cosine(c, p->all.optim, 30);
    p->all.ema = dl_ema_create(c, p->all.module, .decay = 0.9);
    p->all.loader = dl_loader_create(c, samples(c, k), .batch_size = 7, .shuffle = 1);
    p->all.numbers = p->numbers;
    p->all.nnumbers = 2;
    p->numbers[0] = p->numbers[1] = 0;
    CHECK_OK(c);
}

static dl_tensor *loss_of(dl_ctx *c, void *user)
{
    program *p = (program *)user;
    dl_tensor *loss = dl_cross_entropy(c, dl_forward(c, p->all.module, p->all.loader->input), p->all.loader->target);
    dl_backward(c, loss);
    return loss;
}

static void train(program *p, int steps)
{
    while (steps > 0) {
        if (!dl_next_batch(p->c, p->all.loader)) { if (!CHECK_OK(p->c)) return; continue; }
        p->numbers[0] += dl_optim_step_closure(p->c, p->all.optim, loss_of, p);
        p->numbers[1]++;
        dl_schedule_step(p->c, p->all.schedule);
        dl_ema_update(p->c, p->all.ema);
        steps--;
    }
    CHECK_OK(p->c);
}

static uint64_t hash_bytes(uint64_t h, const void *p, size_t n)
{
    const unsigned char *b = (const unsigned char *)p;
    for (; n; n--) h = (h ^ *b++) * 1099511628211u;
    return h;
}
static uint64_t hash_module(dl_module *m)
{
    uint64_t h = 14695981039346656037u;
    dl_param *q;
    int i;
    for (i = 0; (q = dl_module_at(m, i, NULL, 0)) != NULL; i++) h = hash_bytes(h, q->tensor->data,
            (size_t)q->tensor->size * sizeof(dl_real));
    return h;
}
static uint64_t hash(program *p)                                       /* of weights, buffers, averages and what the program counted */
{
    uint64_t h = hash_module(p->all.module);
    h = hash_bytes(h, p->numbers, sizeof p->numbers);
    dl_ema_swap(p->c, p->all.ema);
    h = hash_bytes(h, &h, sizeof h) ^ hash_module(p->all.module);
    dl_ema_swap(p->c, p->all.ema);
    return h;
}

static void resume_one(kind k, const char *name, int before, int after)
{
    program a, b;
    uint64_t wanted, middle;
    start(&a, k, name, 5);
    train(&a, before);
    middle = hash(&a);
    CHECK(dl_checkpoint_save_with(a.c, path("resume.safetensors"), a.all));
    CHECK(hash(&a) == middle);                                         /* saving changes nothing */
    train(&a, after);
    wanted = hash(&a);
    CHECK(wanted != middle);
    dl_destroy(a.c);

    start(&b, k, name, 77);                                            /* a new process with other weights and another seed */
    train(&b, 1);
    CHECK(hash(&b) != middle);
    CHECK(dl_checkpoint_load_with(b.c, path("resume.safetensors"), b.all));
    CHECK_OK(b.c);
    CHECK(hash(&b) == middle);
    train(&b, after);
    if (!CHECK(hash(&b) == wanted)) printf(" %s, network %d ", name, (int)k);
    dl_destroy(b.c);
}

static void resume_optimizers(void)
{
    int i;
    for (i = 0; i < OPTIMIZERS; i++) resume_one(MLP, optimizers[i], 6, 7);
    printf("(%d optimizers) ", (int)OPTIMIZERS);
}
static void resume_networks(void)
{
    int k;
    for (k = 0; k < KINDS; k++) { resume_one((kind)k, "adam", 5, 6); resume_one((kind)k, "momentum", 8, 3); }
}

/* --- what is in the file, and what is refused --------------------------------------------------------------------------------- */
static void contents(void)
{
    static const dl_metadata mine[] = { {"who", "a test"}, {NULL, NULL} };
    program a;
    dl_archive *f;
    dl_module *net;
    start(&a, MLP, "adam", 5);
    train(&a, 5);
    CHECK(dl_checkpoint_save(a.c, path("c.ckpt"), .module = a.all.module, .optim = a.all.optim, .loader = a.all.loader,
                             .metadata = mine));
    f = dl_load_tensors(a.c, path("c.ckpt"));
    CHECK_OK(a.c);
    CHECK(!strcmp(dl_archive_metadata(f, "dl.step"), "5") && !strcmp(dl_archive_metadata(f, "dl.epoch"), "1") &&
          !strcmp(dl_archive_metadata(f, "who"), "a test"));
    CHECK(dl_archive_metadata(f, "none") == NULL && strlen(dl_archive_metadata(f, "dl.crc32c")) == 8);
    CHECK(dl_archive_get(a.c, f, "optimizer.state.1.weight.exp_avg_sq")->size == 20 * 64);
    CHECK(dl_item(dl_archive_get(a.c, f, "optimizer.state.1.weight.step")) == 5);
    CHECK(dl_item(dl_archive_get(a.c, f, "loader.epoch")) == 1);
    dl_archive_get(a.c, f, "nothing");
    CHECK_ERROR(a.c, "no tensor is called \"nothing\"");
    net = network(a.c, MLP);                                           /* the weights alone */
    CHECK(dl_load(a.c, net, path("c.ckpt"), .prefix = "model.") && hash_module(net) == hash_module(a.all.module));
    dl_destroy(a.c);
}

static unsigned char *slurp(const char *name, long *n)
{
    FILE *f = fopen(path(name), "rb");
    unsigned char *p;
    if (!CHECK(f != NULL)) return NULL;
    fseek(f, 0, SEEK_END);
    *n = ftell(f);
    rewind(f);
    p = (unsigned char *)malloc((size_t)*n + 1);
    CHECK(p && fread(p, 1, (size_t)*n, f) == (size_t)*n);
    fclose(f);
    return p;
}
static void spill(const char *name, const void *p, long n)
{
    FILE *f = fopen(path(name), "wb");
    if (!CHECK(f != NULL)) return;
    CHECK(fwrite(p, 1, (size_t)n, f) == (size_t)n);
    fclose(f);
}

/* What the files of every optimizer call what belongs to a matrix: a program compiled years later must find it. */
static void array_names(void)
{
    static const struct { const char *optimizer, *parameter, *arrays; } rows[] = {
        {"sgd",        "1.weight", "step"},
        {"momentum",   "1.weight", "step momentum_from momentum_buffer"},
        {"asgd",       "1.weight", "step ax"},
        {"adam",       "1.weight", "step exp_avg exp_avg_sq"},
        {"amsgrad",    "1.weight", "step exp_avg exp_avg_sq max_exp_avg_sq"},
        {"adamw",      "1.weight", "step exp_avg exp_avg_sq"},
        {"nadam",      "1.weight", "step mu_product exp_avg exp_avg_sq"},
        {"radam",      "1.weight", "step exp_avg exp_avg_sq"},
        {"adamax",     "1.weight", "step exp_avg exp_inf"},
        {"adagrad",    "1.weight", "step sum"},
        {"adadelta",   "1.weight", "step acc_delta square_avg"},
        {"rmsprop",    "1.weight", "step square_avg"},
        {"rmsprop2",   "1.weight", "step grad_avg momentum_buffer square_avg"},
        {"rprop",      "1.weight", "step prev step_size"},
        {"adafactor",  "1.weight", "step col_var row_var"},
        {"muon",       "1.weight", "step momentum_buffer"},
        {"muon",       "1.bias",   "step exp_avg_sq momentum_buffer"},
        {"lbfgs",      "1.weight", "step"},
        {"lookahead",  "1.weight", "step exp_avg exp_avg_sq slow"},
        {"sam",        "1.weight", "step momentum_from momentum_buffer"},
        {"lookahead2", "1.weight", "step slow slow"} };
    char name[64];
    size_t i;
    for (i = 0; i < sizeof rows / sizeof *rows; i++) {
        program a;
        char *file, *p;
        const char *words;
        int n = 0, wanted = 0, length;
        long bytes;
        start(&a, MLP, rows[i].optimizer, 5);
        train(&a, 2);
        CHECK(dl_checkpoint_save(a.c, path("names.ckpt"), .optim = a.all.optim));
        if ((file = (char *)slurp("names.ckpt", &bytes)) == NULL) return;
        file[8 + (unsigned char)file[0] + 256 * (unsigned char)file[1]] = 0;               /* behind the header */
        for (words = rows[i].arrays; *words; words += length + (words[length] == ' '), wanted++) {
            length = (int)strcspn(words, " ");
            sprintf(name, "state.%s.%.*s\"", rows[i].parameter, length, words);
            if (!CHECK(strstr(file + 8, name) != NULL)) printf(" %s: %s ", rows[i].optimizer, name);
        }
        sprintf(name, "state.%s.", rows[i].parameter);
        for (p = file + 8; (p = strstr(p, name)) != NULL; p++) n++;
        CHECK(n == wanted);                                            /* and no others */
        free(file);
        dl_destroy(a.c);
    }
}

/* --- SGD whose momentum begins late: the number of that step is in the file, but not in older ones ---------------------------- */
typedef struct { dl_ctx *c; dl_tensor *w; dl_checkpoint_opts all; } bowl;

static void cycle(bowl *p)                                             /* momentum 0, .45, 0.9, .45, 0, .. */
{
    p->all.schedule = dl_lr_cyclic(p->c, p->all.optim, 0.1, 0.1, .step_size_up = 2, .base_momentum = 0.9, .max_momentum = -1);
}
static bowl bowl_begin(double dampening)
{
    bowl p;
    memset(&p, 0, sizeof p);
    p.c = dl_create(.threads = 1);
    p.all.module = dl_nn_linear(p.c, 1, 1, .no_bias = 1);
    p.all.optim = dl_optim_sgd(p.c, p.all.module, .lr = 0.1, .dampening = dampening);
    p.w = dl_module_get(p.c, p.all.module, "weight");
    p.w->data[0] = 1;
    return p;
}
static void bowl_down(bowl *p)                                         /* a step on w^2 / 2 */
{
    dl_step_begin(p->c);
    dl_backward(p->c, dl_mul_scalar(p->c, dl_sum(p->c, dl_square(p->c, p->w)), (dl_real)0.5));
    dl_optim_step(p->c, p->all.optim);
    if (p->all.schedule) dl_schedule_step(p->c, p->all.schedule);
}

static void late_momentum(void)
{
    static const double after[8] = {.9, .81, .729, .6561, .557685, .485514, .4369626, .38263752};          /* PyTorch's, cycled from step 2 on */
    for (int saved = 0; saved < 8; saved++) {
        bowl a = bowl_begin(0.5), b = bowl_begin(0.5);
        for (int t = 0; t < saved; t++) { if (t == 2) cycle(&a); bowl_down(&a); }
        CHECK(dl_checkpoint_save_with(a.c, path("late.ckpt"), a.all));
        if (saved > 2) cycle(&b);
        CHECK(dl_checkpoint_load_with(b.c, path("late.ckpt"), b.all));
        for (int t = saved; t < 8; t++) {
            if (t == 2) cycle(&b);
            bowl_down(&b);
            CHECK_NEAR(b.w->data[0], after[t], 1e-6);
        }
        CHECK_OK(a.c); CHECK_OK(b.c);
        dl_destroy(a.c);
        dl_destroy(b.c);
    }
}

/* A file of version 0.2.0, after a step with a momentum of 0.9 and a dampening of 0.5: w = 0.9, a = 1. */
static void older_file(void)
{
    static const struct { const char *name, *type; int n; double x[2]; } part[] = {
        {"random.calls", "U64", 1, {3}}, {"random.seed", "U64", 1, {7}}, {"optimizer.optim_sgd.step", "I64", 1, {1}},
        {"optimizer.state.weight.step", "I64", 1, {1}}, {"optimizer.optim_sgd.base_lr", "F64", 1, {.1}},
        {"optimizer.optim_sgd.beta1", "F64", 1, {.9}}, {"optimizer.optim_sgd.groups", "F64", 2, {1}},
        {"optimizer.optim_sgd.lr", "F64", 1, {.1}}, {"model.weight", "F64", 1, {.9}},
        {"optimizer.state.weight.momentum_buffer", "F64", 1, {1}}};
    unsigned char data[8 * 11], file[4096];
    char header[2048];
    uint32_t crc = ~(uint32_t)0;
    bowl p = bowl_begin(0.5);
    int n = 0, length;
    for (int i = 0; i < 10; i++)
        for (int k = 0; k < part[i].n; k++, n += 8) {
            int64_t bits = (int64_t)part[i].x[k];
            if (part[i].type[0] == 'F') memcpy(&bits, &part[i].x[k], 8);
            for (int b = 0; b < 8; b++) data[n + b] = (unsigned char)(bits >> 8 * b);
        }
    for (int i = 0; i < n; i++) {
        crc ^= data[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
    }
    length = sprintf(header, "{\"__metadata__\":{\"dl.crc32c\":\"%08x\",\"dl.version\":\"0.2.0\"}", (unsigned)~crc);
    for (int i = 0, at = 0; i < 10; at += 8 * part[i++].n)
        length += sprintf(header + length, ",\"%s\":{\"dtype\":\"%s\",\"shape\":%s,\"data_offsets\":[%d,%d]}", part[i].name, part[i].type,
                          i > 7 ? "[1,1]" : part[i].n == 2 ? "[2]" : "[]", at, at + 8 * part[i].n);
    header[length++] = '}';
    memset(file, 0, 8);
    file[0] = (unsigned char)length; file[1] = (unsigned char)(length >> 8);
    memcpy(file + 8, header, (size_t)length);
    memcpy(file + 8 + length, data, (size_t)n);
    spill("old.ckpt", file, 8 + length + n);

    cycle(&p);                                                         /* for an array of momentums */
    p.all.schedule = NULL;
    CHECK(dl_checkpoint_load_with(p.c, path("old.ckpt"), p.all));
    bowl_down(&p);                                                     /* a = 0.9 1 + 0.5 0.9 = 1.35: no first step */
    CHECK_NEAR(p.w->data[0], .9 - .1 * 1.35, 1e-6);
    CHECK_OK(p.c);
    dl_destroy(p.c);
}

/* The checksum on every instruction set, of lengths around those that its parts go by, against one made bit by bit. */
static void checksum(void)
{
    static const int length[] = { 1, 383, 384, 385, 800, 32767, 40000 };
    static double x[40000];
    int i, k, runs = 0;
    for (i = 0; i < 40000; i++) x[i] = 1.0 / (i + 1);
    for (i = 0; i == 0 || test_isa(i - 1); i++)
        for (k = 0; k < 7; k++) {
            dl_ctx *c = dl_create(.isa = i ? test_isa(i - 1) : NULL);
            const char *digits;
            unsigned char *bytes;
            uint32_t crc = ~(uint32_t)0;
            long n = 0, at, header;
            int bit;
            if (c && dl_error(c)) { dl_destroy(c); continue; }         /* not on this machine */
            CHECK(dl_checkpoint_save(c, path("sum.ckpt"), .numbers = x, .nnumbers = length[k]));
            digits = dl_archive_metadata(dl_load_tensors(c, path("sum.ckpt")), "dl.crc32c");
            bytes = slurp("sum.ckpt", &n);
            header = 8 + (bytes ? bytes[0] + 256L * bytes[1] : 0);
            CHECK(n == header + 8L * length[k] + 16);                  /* and the state of the random numbers */
            for (at = header; bytes && at < n; at++)
                for (bit = 0, crc ^= bytes[at]; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82F63B78u : 0);
            CHECK(digits && strtoul(digits, NULL, 16) == (~crc & 0xFFFFFFFFu));
            CHECK(dl_checkpoint_load(c, path("sum.ckpt"), .numbers = x, .nnumbers = length[k]));
            CHECK_OK(c);
            runs++;
            free(bytes);
            dl_destroy(c);
        }
    CHECK(runs >= 14);
}

static void refused(void)
{
    program a, b;
    unsigned char *bytes;
    uint64_t before;
    long n, i;
    int bad = 0;
    start(&a, MLP, "adam", 5);
    train(&a, 3);
    CHECK(dl_checkpoint_save_with(a.c, path("r.ckpt"), a.all));
    start(&b, MLP, "adamw", 6);
    before = hash_module(b.all.module);
    CHECK(!dl_checkpoint_load_with(b.c, path("r.ckpt"), b.all));       /* another optimizer, .. */
    CHECK_ERROR(b.c, "optimizer.optim_adamw.");
    CHECK(hash_module(b.all.module) == before);
    dl_destroy(b.c);
    start(&b, CNN, "adam", 6);
    CHECK(!dl_checkpoint_load_with(b.c, path("r.ckpt"), b.all));       /* .. network, .. */
    CHECK_ERROR(b.c, "NamesDiffer");
    b.all.nnumbers = 0;
    CHECK(!dl_checkpoint_load(b.c, path("r.ckpt"), .module = a.all.module));
    CHECK_ERROR(b.c, "unexpected");
    CHECK(!dl_load(b.c, a.all.module, path("r.ckpt")));
    CHECK_ERROR(b.c, "; a checkpoint: load it with .prefix = \"model.\"");
    CHECK(dl_load(b.c, a.all.module, path("r.ckpt"), .prefix = "model."));
    CHECK(!dl_load(b.c, b.all.module, path("r.ckpt")) && !strstr(dl_error(b.c), ".prefix"));      /* another network's */
    dl_clear_error(b.c);
    dl_save(b.c, a.all.module, path("w.safetensors"));
    CHECK(!dl_checkpoint_load(b.c, path("w.safetensors"), .module = a.all.module));
    CHECK_ERROR(b.c, "NotACheckpoint");
    CHECK(!dl_checkpoint_load(b.c, path("none"), .module = a.all.module));
    CHECK_ERROR(b.c, "cannot open it");
    CHECK(!dl_checkpoint_save(b.c, NULL, .module = a.all.module));
    CHECK_ERROR(b.c, "(NULL)");
    CHECK(!dl_checkpoint_save(b.c, path("r.ckpt"), .keep_last = -1));
    CHECK_ERROR(b.c, "keep_last -1");
    CHECK(!dl_checkpoint_load(NULL, path("r.ckpt"), .module = NULL) && !dl_checkpoint_save(NULL, path("r.ckpt"), .module = NULL));
    dl_destroy(b.c);

    bytes = slurp("r.ckpt", &n);                                       /* any flipped bit of the values, and cuts */
    before = hash(&a);
    for (i = 0; bytes && i < 300; i++) {
        long at = (long)((uint64_t)i * 2654435761u % (uint64_t)n);
        uint64_t now;
        bytes[at] ^= (unsigned char)(1 << i % 8);
        spill("f.ckpt", bytes, i % 10 ? n : at);
        bytes[at] ^= (unsigned char)(1 << i % 8);
        if (dl_checkpoint_load_with(a.c, path("f.ckpt"), a.all)) CHECK(i % 10 != 0);
        else { CHECK(dl_error(a.c) != NULL); bad++; }
        dl_clear_error(a.c);
        dl_step_begin(a.c);
        now = hash(&a);
        if (!CHECK(now == before)) { printf(" byte %ld of %ld ", at, n); break; }
    }
    printf("(%d of 300 faults seen, the rest in free text) ", bad);
    CHECK(bad > 280);
    free(bytes);
    dl_module_at(a.all.module, 0, NULL, 0)->tensor->data[3] = (dl_real)NAN;
    CHECK(!dl_checkpoint_save_with(a.c, path("r.ckpt"), a.all));
    CHECK_ERROR(a.c, "NotFinite");
    a.all.force = 1;
    CHECK(dl_checkpoint_save_with(a.c, path("r.ckpt"), a.all));
    dl_destroy(a.c);
}

/* --- the last ones and the best ----------------------------------------------------------------------------------------------- */
static int step_in(dl_ctx *c, const char *name)
{
    dl_archive *f = dl_load_tensors(c, path(name));
    const char *step = dl_archive_metadata(f, "dl.step");
    dl_clear_error(c);
    return step ? atoi(step) : -1;
}
static void last_and_best(void)
{
    program a;
    int i;
    start(&a, MLP, "sgd", 5);
    for (i = 1; i <= 5; i++) {
        train(&a, 1);
        a.all.keep_last = 2;
        a.all.best = i == 2;
        CHECK(dl_checkpoint_save_with(a.c, path("l.ckpt"), a.all));
    }
    CHECK(step_in(a.c, "l.ckpt") == 5 && step_in(a.c, "l.ckpt.1") == 4 && step_in(a.c, "l.ckpt.2") == 3 &&
          step_in(a.c, "l.ckpt.3") == -1);
    CHECK(step_in(a.c, "l.ckpt.best") == 2);
    remove(path("l.ckpt"));                                            /* the newest was bad: the older ones stay */
    CHECK(dl_checkpoint_save_with(a.c, path("l.ckpt"), a.all));
    CHECK(step_in(a.c, "l.ckpt.1") == 4 && step_in(a.c, "l.ckpt.2") == 3);
    a.all.keep_last = INT_MAX;                                         /* all of them, of which there are four then */
    CHECK(dl_checkpoint_save_with(a.c, path("l.ckpt"), a.all));
    CHECK(step_in(a.c, "l.ckpt.1") == 5 && step_in(a.c, "l.ckpt.2") == 4 && step_in(a.c, "l.ckpt.3") == 3 &&
          step_in(a.c, "l.ckpt.4") == -1);
    a.all.metadata = dl_load_tensors(a.c, path("l.ckpt.3"))->metadata; /* an older one's says nothing of this one */
    CHECK(dl_checkpoint_save_with(a.c, path("l.ckpt"), a.all) && dl_checkpoint_load_with(a.c, path("l.ckpt"), a.all));
    CHECK(step_in(a.c, "l.ckpt") == 5);
    CHECK_OK(a.c);
    dl_destroy(a.c);
}

static void back_from_nan(void)                                        /* gradients of before the load do not count */
{
    bowl p = bowl_begin(0);
    CHECK(dl_checkpoint_save_with(p.c, path("nan.ckpt"), p.all));
    dl_backward(p.c, dl_mul_scalar(p.c, dl_sum(p.c, p.w), (dl_real)NAN));
    CHECK(dl_checkpoint_load_with(p.c, path("nan.ckpt"), p.all));
    CHECK(p.w->grad == NULL);
    bowl_down(&p);
    CHECK_NEAR(p.w->data[0], .9, 1e-6);
    CHECK_OK(p.c);
    dl_destroy(p.c);
}

/* A tree that was rearranged after its optimizer was made has all of its states in the file, or there is no file. */
static void rearranged_tree(void)
{
    dl_real end[2] = {0, 1};
    for (int i = 0; i < 2; i++) {                                          /* whole; cut */
        dl_ctx *c = dl_create(.seed = 3);
        dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 3, 4), dl_nn_tanh(c), dl_nn_linear(c, 4, 2));
        dl_optim *o = dl_optim_adam(c, m, .lr = 0.1);
        dl_nn_weight_norm(c, m->children[0]);
        if (i) CHECK(dl_checkpoint_load(c, path("tree.ckpt"), .module = m, .optim = o));
        for (int t = 4 * i; t < 8; t++) {
            if (t == 4 && !i) CHECK(dl_checkpoint_save(c, path("tree.ckpt"), .module = m, .optim = o));
            dl_step_begin(c);
            dl_backward(c, dl_mean(c, dl_square(c, dl_forward(c, m, dl_reshape(c, dl_arange(c, 0, 6, 1), DL_SHAPE(2, 3))))));
            dl_optim_step(c, o);
        }
        CHECK_OK(c);
        end[i] = dl_module_get(c, m, "2.weight")->data[3];
        if (i) {
            m->nchildren = 2;                                              /* as if the head had been taken off */
            CHECK(!dl_checkpoint_save(c, path("tree.ckpt"), .module = m, .optim = o));
            CHECK_ERROR(c, "2 of the 4 parameters of optim_adam are no longer in its module");
            m->nchildren = 3;
        }
        dl_destroy(c);
    }
    CHECK(end[0] == end[1]);
}

static void best_model_to_a_file_and_back(void)
{
    program a, b;
    ROW("TRN-15");
    start(&a, MLP, "adam", 5);
    train(&a, 9);
    CHECK(dl_save(a.c, a.all.module, path("best.safetensors")));
    start(&b, MLP, "adam", 6);
    CHECK(hash_module(a.all.module) != hash_module(b.all.module));
    CHECK(dl_load(b.c, b.all.module, path("best.safetensors")) && hash_module(a.all.module) == hash_module(b.all.module));
    dl_destroy(a.c);
    dl_destroy(b.c);
}

/* --- faults while saving ------------------------------------------------------------------------------------------------------ */
static void faults(void)
{
#if FAULTS
    program a;
    uint64_t old, new_, now;
    int i, total, failed = 0;
    start(&a, MLP, "adam", 5);
    train(&a, 3);
    fault_calls = 0, fault_at = 1 << 30;
    CHECK(dl_checkpoint_save_with(a.c, path("fault.ckpt"), a.all));
    total = fault_calls;
    for (i = 0; i < total; i++) {
        int ok;
        fault_at = -1;
        CHECK(dl_checkpoint_save_with(a.c, path("fault.ckpt"), a.all));
        old = hash(&a);
        train(&a, 1);
        new_ = hash(&a);
        fault_calls = 0, fault_at = i;
        ok = dl_checkpoint_save_with(a.c, path("fault.ckpt"), a.all);
        fault_at = -1;
        CHECK(ok == !dl_error(a.c));
        failed += !ok;
        dl_clear_error(a.c);
        CHECK(dl_checkpoint_load_with(a.c, path("fault.ckpt"), a.all));
        now = hash(&a);
        CHECK(now == (ok ? new_ : old) || (now == new_ && i == total - 1) ||
              (now == new_ && i == total - 2));   /* flushing the folder */
    }
    CHECK(failed >= total - 2);
    fault_short = 1;
    CHECK(dl_checkpoint_save_with(a.c, path("fault.ckpt"), a.all));    /* short writes and signals in between are no faults */
    fault_short = 0;
    now = hash(&a);
    train(&a, 1);
    CHECK(dl_checkpoint_load_with(a.c, path("fault.ckpt"), a.all) && hash(&a) == now);
    printf("(%d calls, each failed once) ", total);
    dl_destroy(a.c);
#else
    SKIP("needs Linux and no sanitizer");
#endif
}

/* Pictures, learning curves and tokenizers go through the same writer: each file is the old one or the new one. */
static int save_whole(dl_ctx *c, int kind, int version)
{
    dl_epoch epoch[2] = {{{1, 0.5}, {2, 0.25}, 0.1}, {{0.5, 1}, {1, 0.5}, 0.1}};
    dl_history h;
    memset(&h, 0, sizeof h);
    h.epochs = epoch;
    h.count = 1 + version;
    if (kind == 0) return dl_image_save(c, dl_full(c, DL_SHAPE(3, 3), (dl_real)version), path("w0.pgm"));
    if (kind == 1) return dl_history_save(c, &h, path("w1"));
    return dl_tokenizer_save(c, dl_tokenizer_train(c, "abababab", -1, 257 + version), path("w2"), path("w3"));
}
static void whole_files(void)
{
#if FAULTS
    static const char *const names[] = { "w0.pgm", "w1", "w2", "w3" };
    dl_ctx *c = dl_create();
    int kind, i, v, k, total, ok;
    for (kind = 0; kind < 3; kind++) {
        unsigned char *whole[2][2], *now;
        long n[2][2], m = 0;
        fault_calls = 0, fault_at = 1 << 30;
        for (v = 0; v < 2; v++) {
            fault_calls = 0;
            CHECK(save_whole(c, kind, v));
            for (k = 0; k < 1 + (kind == 2); k++) whole[v][k] = slurp(names[kind + k], &n[v][k]);
        }
        total = fault_calls;
        CHECK(total >= 4);
        for (i = 0; i < total; i++) {
            fault_at = -1;
            CHECK(save_whole(c, kind, 0));
            fault_calls = 0, fault_at = i;
            ok = save_whole(c, kind, 1);
            fault_at = -1;
            CHECK(ok == !dl_error(c));
            dl_clear_error(c);
            for (k = 0; k < 1 + (kind == 2); k++) {
                now = slurp(names[kind + k], &m);
                for (v = 0; v < 2 && !(now && m == n[v][k] && !memcmp(now, whole[v][k], (size_t)m)); v++) {}
                CHECK(ok ? v == 1 : v < 2);
                free(now);
            }
            dl_step_begin(c);
        }
        for (v = 0; v < 2; v++) for (k = 0; k < 1 + (kind == 2); k++) free(whole[v][k]);
    }
    CHECK(!dl_save_tensors(c, NULL, 0, folder));         CHECK_ERROR(c, "something that is no file");
    dl_destroy(c);
#else
    SKIP("needs Linux and no sanitizer");
#endif
}

static void folders_not_to_write_to(void)
{
#if UNIX
    program a;
    start(&a, MLP, "sgd", 5);
    CHECK(!dl_checkpoint_save_with(a.c, path("no/such/folder/x"), a.all));
    CHECK_ERROR(a.c, "cannot create it");
    if (getuid() != 0) {
        CHECK(dl_checkpoint_save_with(a.c, path("ro.ckpt"), a.all));
        chmod(folder, 0500);
        CHECK(!dl_checkpoint_save_with(a.c, path("ro.ckpt"), a.all));
        chmod(folder, 0700);
        CHECK_ERROR(a.c, "cannot create it");
        CHECK(dl_checkpoint_load_with(a.c, path("ro.ckpt"), a.all));
    }
    dl_destroy(a.c);
#else
    SKIP("needs a Unix");
#endif
}

static void killed(void)
{
#if UNIX
    enum { KILLS = 200 };
    program a;
    uint64_t states[2];
    int i, seen[2] = {0, 0};
    start(&a, MLP, "adam", 5);
    train(&a, 1);
    states[0] = hash(&a);
    CHECK(dl_checkpoint_save_with(a.c, path("kill.0"), a.all));
    CHECK(dl_checkpoint_save_with(a.c, path("kill.ckpt"), a.all));
    train(&a, 1);
    states[1] = hash(&a);
    CHECK(dl_checkpoint_save_with(a.c, path("kill.1"), a.all));
    fflush(stdout);
    for (i = 0; i < KILLS; i++) {
        pid_t child = fork();
        uint64_t now;
        int which = 0;
        if (child == 0)
            for (;; which = !which)
                if (!dl_checkpoint_load_with(a.c, path(which ? "kill.1" : "kill.0"), a.all) ||
                    !dl_checkpoint_save_with(a.c, path("kill.ckpt"), a.all)) _exit(1);
        usleep((useconds_t)((unsigned)i * 2654435761u >> 21));
        kill(child, SIGKILL);
        waitpid(child, &which, 0);
        CHECK(WIFSIGNALED(which));
        if (!CHECK(dl_checkpoint_load_with(a.c, path("kill.ckpt"), a.all))) { printf("%s ", dl_error(a.c)); break; }
        now = hash(&a);
        CHECK(now == states[0] || now == states[1]);
        seen[now == states[1]]++;
    }
    printf("(killed %d times: %d old, %d new) ", KILLS, seen[0], seen[1]);
    dl_destroy(a.c);
#else
    SKIP("needs a Unix");
#endif
}

/* --- dl_fit ------------------------------------------------------------------------------------------------------------------- */
typedef struct { dl_ctx *c; dl_module *net; dl_optim *opt; dl_schedule *schedule; dl_dataset *data; dl_history curve; } fitting;
static int stop_at;                                     /* the step in which the user presses Ctrl-C; -n: on_step ends step n */
static int pressed(dl_ctx *c, const dl_fit_state *s)
{
    (void)c;
    if (s->step == -stop_at) return 1;
#if UNIX
    if (s->step == stop_at) raise(SIGINT);
#endif
    return 0;
}
static uint64_t fit(int epochs, int resume, int interrupted, dl_history *curve)
{
    static dl_epoch epochs_of[16];
    fitting f;
    uint64_t h;
    f.c = dl_create(.seed = (uint64_t)(resume == 2 ? 9 : 4), .threads = 1);
    f.net = network(f.c, CNN);
    f.opt = dl_optim_adam(f.c, f.net, .lr = 0.01);
    f.schedule = dl_lr_cosine(f.c, f.opt, 40);
    f.data = samples(f.c, CNN);
    stop_at = interrupted;
    if (interrupted > 0) dl_interrupt_install(f.c);
    dl_fit(f.c, f.net, f.opt, f.data, .validation = f.data, .epochs = epochs, .batch_size = 5, .schedule = f.schedule,
           .patience = 9, .quiet = 1,
           .checkpoint = path("fit.ckpt"), .resume = resume != 0, .keep_last = 1, .save_best = path("fit.best"),
                   .on_step = pressed, .history = &f.curve);
    CHECK_OK(f.c);
    CHECK((dl_interrupted(f.c) != 0) == (interrupted > 0 && UNIX));
    h = hash_module(f.net);
    *curve = f.curve;
    memcpy(epochs_of, f.curve.epochs, (size_t)f.curve.count * sizeof *epochs_of);
    curve->epochs = epochs_of;
    dl_destroy(f.c);
    return h;
}
static void fit_resumes(void)
{
    dl_history whole, parts;
    dl_epoch last;
    uint64_t wanted, got;
    int i, k;
    dl_ctx *c = dl_create();
    dl_module *best = network(c, CNN);
    remove(path("fit.ckpt"));
    wanted = fit(6, 1, 0, &whole);                                     /* no file yet: from the beginning */
    last = whole.epochs[5];
    CHECK(fit(6, 2, 0, &parts) == wanted && parts.count == 6 && parts.best == whole.best);       /* all done: nothing changes */
    remove(path("fit.ckpt"));
    got = fit(2, 0, 0, &parts);
    CHECK(parts.count == 2 && got != wanted);
    got = fit(6, 2, 0, &parts);
    CHECK(got == wanted && parts.count == 6 && parts.best == whole.best);
    CHECK(!memcmp(&parts.epochs[5], &last, sizeof last));
#if UNIX
    remove(path("fit.ckpt"));
    wanted = fit(6, 0, 0, &whole);
    remove(path("fit.ckpt"));
    fit(6, 0, 8, &parts);                                              /* in the middle of the second epoch */
    CHECK(parts.count == 1);
    got = fit(6, 2, 0, &parts);
    CHECK(got == wanted && parts.count == 6 && !memcmp(&parts.epochs[1], &whole.epochs[1], sizeof last));
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
#endif
    for (i = 1; i <= 8; i++) {                                         /* a callback ends an epoch: the next one begins afterwards */
        remove(path("fit.ckpt"));
        fit(6, 0, -i, &parts);
        CHECK(parts.count == (i > 5 ? 2 : 1));
        got = fit(6, 2, 0, &parts);
        CHECK(parts.count == 6 && (i != 5 || got == wanted));
        for (k = 0; k < 6; k++) CHECK(parts.epochs[k].train.loss > 0);
    }
    CHECK(dl_load(c, best, path("fit.best")));
    dl_fit(c, best, dl_optim_sgd(c, best), samples(c, CNN), .quiet = 1, .resume = 1);
    CHECK_ERROR(c, ".resume needs a .checkpoint");
    dl_fit(c, best, dl_optim_sgd(c, best), samples(c, CNN), .quiet = 1, .resume = 1, .checkpoint = path("fit.best/ckpt"));
    CHECK_ERROR(c, "checkpoint_load: ");                                   /* not the same as if there were none */
    dl_destroy(c);
}

/* The numbers of dl_fit's own, in a file that is whole otherwise: epochs, best, loss, right, samples, step, over. */
static void fit_checks_numbers(void)
{
    static const struct { int at; double value; } bad[] = { {0, NAN}, {0, -1}, {0, 2.5}, {0, 4}, {0, 1e300}, {1, 1e8}, {1, -1}, {1, 2},
        {3, -1}, {3, 1e12}, {3, NAN}, {4, -1e18}, {4, 1e18}, {5, NAN}, {5, 1e19}, {5, -1}, {6, 2}, {6, 1e10}, {-1, 0} };
    for (int i = 0; i < (int)(sizeof bad / sizeof *bad); i++) {
        double numbers[7 + 3 * 5] = {2, 1, 3.5, 4, 5, 8, 0};
        dl_ctx *c = dl_create(.seed = 1, .threads = 1);
        dl_module *net = network(c, MLP);
        dl_optim *opt = dl_optim_sgd(c, net);
        dl_dataset *data = samples(c, MLP);
        dl_loader *loader = dl_loader_create(c, data, .batch_size = 5, .shuffle = 1);
        dl_history h;
        if (bad[i].at >= 0) numbers[bad[i].at] = bad[i].value;
        CHECK(dl_checkpoint_save(c, path("n.ckpt"), .module = net, .optim = opt, .loader = loader, .numbers = numbers, .nnumbers = 22));
        dl_fit(c, net, opt, data, .epochs = 3, .batch_size = 5, .quiet = 1, .checkpoint = path("n.ckpt"), .resume = 1, .history = &h);
        if (bad[i].at < 0) { CHECK_OK(c); CHECK(h.count == 3); }
        else { CHECK_ERROR(c, "n.ckpt\": "); CHECK(h.count == 0); }
        dl_destroy(c);
    }
}

#if UNIX
static int press_ctrl_c(dl_ctx *c, const dl_fit_state *s) { (void)c; if (s->step == 7) raise(SIGINT); return 0; }
#endif

static void ctrl_c(void)
{
    dl_ctx *c = dl_create();
    CHECK(dl_interrupted(c) == 0 && dl_interrupted(NULL) == 0 && !dl_interrupt_install(NULL));
    CHECK(dl_interrupt_install(c) && dl_interrupted(c) == 0);
#if UNIX
    raise(SIGINT);
    CHECK(dl_interrupted(c) == SIGINT && dl_interrupted(c) == SIGINT);
    CHECK(dl_interrupt_install(c) && dl_interrupted(c) == 0);
    raise(SIGTERM);
    CHECK(dl_interrupted(c) == SIGTERM);
    {
        int status = 0;
        pid_t child = fork();
        if (child == 0) { raise(SIGTERM); _exit(0); }                  /* the second one ends the program */
        waitpid(child, &status, 0);
        CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
    }
    {
        dl_module *net = network(c, MLP);                              /* dl_fit: in the second epoch of 5 steps, with and without a file */
        dl_history h;
        for (int file = 0; file < 2; file++) {
            CHECK(dl_interrupt_install(c) && dl_interrupted(c) == 0);
            dl_fit(c, net, dl_optim_sgd(c, net), samples(c, MLP), .epochs = 50, .batch_size = 5, .quiet = 1, .on_step = press_ctrl_c, .history = &h,
                   .checkpoint = file ? path("c.ckpt") : NULL);
            CHECK_OK(c);
            CHECK(h.count == 1 && dl_interrupted(c) == SIGINT);
        }
    }
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
#endif
    dl_destroy(c);
}

int main(void)
{
    folder_make();
    RUN(resume_optimizers);
    RUN(resume_networks);
    RUN(contents);
    RUN(array_names);
    RUN(late_momentum);
    RUN(older_file);
    RUN(checksum);
    RUN(refused);
    RUN(last_and_best);
    RUN(back_from_nan);
    RUN(rearranged_tree);
    RUN(best_model_to_a_file_and_back);
    RUN(faults);
    RUN(whole_files);
    RUN(folders_not_to_write_to);
    RUN(killed);
    RUN(fit_resumes);
    RUN(fit_checks_numbers);
    RUN(ctrl_c);
    folder_remove();
    TEST_END;
}
