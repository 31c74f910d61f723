/* build: float +double +asan */
/* Contexts: life, memory, errors, instruction sets. */
#include <stdlib.h>
static int mallocs, live;                                /* calls so far, blocks not yet freed */
static void *count_malloc(size_t n)           { void *p = malloc(n); mallocs++; live += p != NULL; return p; }
static void *count_realloc(void *p, size_t n) { void *q = realloc(p, n); mallocs++; live += !p && q; return q; }
static void  count_free(void *p)              { live -= p != NULL; free(p); }
#define DL_MALLOC  count_malloc
#define DL_REALLOC count_realloc
#define DL_FREE    count_free

#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"
#include <time.h>
#if defined(_WIN32)
#define setenv(name, value, again) _putenv_s(name, value)
#define unsetenv(name)             _putenv_s(name, "")
#endif

static dl_module *perceptron(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_linear(c, 5, 19), dl_nn_relu(c), dl_nn_dropout(c, (dl_real)0.25), dl_nn_linear(c, 19, 3));
}

static dl_dataset *samples(dl_ctx *c)                    /* 50 of 5 values, in 3 classes */
{
    int32_t label[50];
    int i;
    for (i = 0; i < 50; i++) label[i] = i % 3;
    return dl_data_tensors(c, dl_randn(c, DL_SHAPE(50, 5)), dl_tensor_from_int(c, label, DL_SHAPE(50)));
}

static void create_and_destroy(void)
{
    int before = live;
    dl_ctx *c = dl_create();
    CHECK(c && !dl_error(c));
    dl_destroy(c);
    c = dl_create(.seed = 7, .block_bytes = 100);
    CHECK(dl_ones(c, DL_SHAPE(100, 100))->data[9999] == 1);
    CHECK(dl_keep(c, dl_ones(c, DL_SHAPE(1000)))->data[999] == 1);
    CHECK_OK(c);
    CHECK(live > before);
    dl_destroy(c);
    dl_destroy(NULL);
    CHECK(live == before);
}

static void info(void)
{
    dl_ctx *c = dl_create(.threads = 3);
    dl_information i = dl_info(c), none = dl_info(NULL);
    CHECK(!strcmp(i.version, DL_VERSION_STRING) && !strcmp(none.version, DL_VERSION_STRING));
    CHECK(i.isa && *i.isa);
    CHECK(strstr(i.precision, sizeof(dl_real) == 8 ? "double" : "float highest"));
#ifdef _OPENMP
    CHECK(i.openmp == 1 && i.threads == 3);
#else
    CHECK(i.openmp == 0 && i.threads == 1);
#endif
    CHECK(i.l1d_bytes == 0 || (i.l1d_bytes >= 4096 && i.l1d_bytes <= i.l2_bytes));
    CHECK(DL_VERSION_NUMBER == DL_VERSION_MAJOR * 10000 + DL_VERSION_MINOR * 100 + DL_VERSION_PATCH);
    dl_destroy(c);
}

static void instruction_sets(void)
{
    dl_ctx *c;
    int i, found = 0;
    for (i = 0; test_isa(i); i++) {
        c = dl_create(.isa = test_isa(i));
        if (!dl_error(c)) { found++; CHECK(!strcmp(dl_info(c).isa, test_isa(i))); }
        else CHECK_ERROR(c, test_isa(i));
        CHECK(dl_item(dl_sum(c, dl_ones(c, DL_SHAPE(7)))) == 7);
        dl_destroy(c);
    }
    CHECK(found >= 1);
    c = dl_create(.isa = "portable");
    CHECK(!strcmp(dl_info(c).isa, "portable"));
    dl_destroy(c);
    c = dl_create(.isa = "sse9");
    CHECK_ERROR(c, "\"sse9\" is unknown");
    CHECK(dl_item(dl_add(c, dl_scalar(c, 1), dl_scalar(c, 2))) == 3);        /* usable all the same */
    dl_destroy(c);

    setenv("DL_ISA", "portable", 1);
    c = dl_create();
    CHECK(!strcmp(dl_info(c).isa, "portable"));
    dl_destroy(c);
    setenv("DL_ISA", "sse9", 1);
    c = dl_create(.isa = "portable");                    /* the option wins */
    CHECK_OK(c);
    dl_destroy(c);
    c = dl_create();
    CHECK_ERROR(c, "sse9");
    dl_destroy(c);
    setenv("DL_ISA", "", 1);
    c = dl_create();
    CHECK_OK(c);
    dl_destroy(c);
    unsetenv("DL_ISA");
}

static void lifetimes(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *kept = dl_keep(c, dl_full(c, DL_SHAPE(3, 2), 5)), *first, *again;
    dl_memory_report m = dl_memory(c);
    CHECK(kept->kept && kept->ndim == 2 && m.keep_bytes >= 6 * sizeof(dl_real) && m.blocks >= 2);
    dl_step_begin(c);
    CHECK(dl_memory(c).step_bytes == 0);
    first = dl_full(c, DL_SHAPE(100), 1);
    m = dl_memory(c);
    CHECK(m.step_bytes >= 100 * sizeof(dl_real) && m.step_peak >= m.step_bytes);
    CHECK(m.reserved_bytes >= m.step_bytes + m.keep_bytes);
    dl_step_begin(c);
    CHECK(dl_memory(c).step_bytes == 0 && dl_memory(c).step_peak == m.step_peak);
    CHECK(dl_memory(c).reserved_bytes == m.reserved_bytes);                  /* blocks stay */
    again = dl_full(c, DL_SHAPE(100), 2);
    CHECK(again == first && again->data == first->data);                     /* the same memory serves every step */
    CHECK(kept->data[0] == 5 && kept->data[5] == 5 && kept->shape[0] == 3 && kept->shape[2] == 1);
    CHECK(dl_keep(c, kept) != NULL && !dl_error(c));
    CHECK(dl_memory(NULL).blocks == 0);
    dl_destroy(c);
}

static void raw_memory(void)
{
    dl_ctx *c = dl_create(.block_bytes = 1);
    size_t n;
    for (n = 1; n < 3000; n = n * 2 + 1) {
        char *step = (char *)dl_alloc(c, n), *keep = (char *)dl_alloc_keep(c, n);
        size_t i, sum = 0;
        CHECK(step && keep && (uintptr_t)step % 64 == 0 && (uintptr_t)keep % 64 == 0);
        for (i = 0; i < n; i++) sum += (unsigned char)keep[i];
        CHECK(sum == 0);
        memset(step, 1, n);
        memset(keep, 2, n);
    }
    CHECK(!dl_alloc(c, SIZE_MAX));
    CHECK_ERROR(c, "out of memory");
    CHECK(!dl_alloc_keep(c, SIZE_MAX - 64));
    CHECK_ERROR(c, "out of memory");
    CHECK(!dl_alloc(NULL, 8) && !dl_alloc_keep(NULL, 8));
    dl_destroy(c);
}

/* Memory given back inside a step takes the results that were recorded there off the tape. */
static void released_results_are_forgotten(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *x = dl_requires_grad(c, dl_ones(c, DL_SHAPE(3)), 1), *y = dl_exp(c, x), *z;
    dli_mark m = dli_arena_mark(&c->step);
    z = dl_exp(c, y);
    CHECK(c->tape == z && z->prev == y);
    dli_arena_release(&c->step, m);
    CHECK(c->tape == y);
    dl_zeros(c, DL_SHAPE(1000));                         /* over what was z */
    CHECK(dl_backward(c, dl_sum(c, y)) && fabs((double)x->grad[0] - exp(1)) < 1e-5);
    dl_step_begin(c);
    CHECK(!c->tape);
    dl_destroy(c);
}

/* What dl_step_begin forgot is an error where it is used, not a crash and not other numbers.  (AddressSanitizer stops the program.) */
static void forgotten_tensors(void)
{
    dl_ctx *c, *other;
    dl_module *net;
    dl_tensor *x, *loss, *kept;
    int i;
#ifdef DLI_ASAN
    SKIP("AddressSanitizer has the last word there");
    return;
#endif
    c = dl_create();
    other = dl_create();
    net = dl_nn_sequential(c, dl_nn_conv2d(c, 1, 2, 3), dl_nn_relu(c), dl_nn_flatten(c), dl_nn_linear(c, 32, 3));
    kept = dl_keep(c, dl_ones(c, DL_SHAPE(2, 1, 6, 6)));
    x = dl_ones(c, DL_SHAPE(2, 1, 6, 6));
    for (i = 0; i < 3; i++) {
        loss = dl_sum(c, dl_forward(c, net, i ? kept : x));
        CHECK(dl_backward(c, loss) == 1);
        dl_step_begin(c);
        if (i == 1) dl_alloc(c, 1 << 16);                    /* the memory may serve again before */
        CHECK(dl_backward(c, loss) == 0);
        CHECK_ERROR(c, "before the last dl_step_begin");
        CHECK(dl_is_nil(dl_add(c, loss, kept)));
        CHECK_ERROR(c, "add: a");
        CHECK(dl_is_nil(dl_forward(c, net, x)));
        CHECK_ERROR(c, "before the last dl_step_begin");
        CHECK(dl_is_nil(dl_keep(c, x)));
        CHECK_ERROR(c, "before the last dl_step_begin");
        CHECK(dl_backward(c, dl_forward(c, net, kept), .grad = loss) == 0);
        CHECK_ERROR(c, "backward: .grad was made before");
    }
    c->now |= 0xFFFFFFFF;                                        /* after 2^32 steps they are counted anew */
    dl_step_begin(c);
    CHECK(dl_backward(c, dl_sum(c, dl_forward(c, net, kept))) == 1);
    x = dl_ones(c, DL_SHAPE(3));
    dl_step_begin(other);
    CHECK(dl_item(dl_sum(other, x)) == 3);                       /* another context's steps say nothing of it */
    CHECK_OK(c);
    CHECK_OK(other);
    dl_destroy(c);
    dl_destroy(other);
}

/* Reductions that read rows in their place copy nothing. */
static void norms_need_no_copy(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *x = dl_ones(c, DL_SHAPE(1 << 18));
    const size_t before = dl_memory(c).step_bytes;
    dl_norm(c, x);
    dl_logsumexp(c, x);
    dl_argmax(c, x);
    CHECK(dl_memory(c).step_peak < before + 10000);
    CHECK_OK(c);
    dl_destroy(c);
}

static void reset_in_constant_time(void)
{
    dl_ctx *c = dl_create();
    double best = 1;
    int round, i;
#ifdef DLI_ASAN
    SKIP("the sanitizer poisons what is given back");
    dl_destroy(c);
    return;
#endif
    for (round = 0; round < 5; round++) {
        clock_t start;
        double t;
        for (i = 0; i < 100000; i++) dl_scalar(c, 1);
        start = clock();
        dl_step_begin(c);
        t = (double)(clock() - start) / CLOCKS_PER_SEC;
        best = t < best ? t : best;
    }
    CHECK(best < 1e-4);                                  /* 100,000 frees would take milliseconds */
    CHECK_OK(c);
    dl_destroy(c);
}

/* From the second step on, a training step never calls malloc. */
static void no_malloc_per_step(void)
{
    dl_ctx *c = dl_create(.seed = 3);
    dl_module *net = perceptron(c);
    dl_optim *opt = dl_optim_adam(c, net);
    dl_loader *batches = dl_loader_create(c, samples(c), .batch_size = 8, .shuffle = 1);
    dl_memory_report m;
    int epoch, step = 0, first = 0;
    for (epoch = 0; epoch < 20; epoch++)
        while (dl_next_batch(c, batches)) {
            dl_backward(c, dl_cross_entropy(c, dl_forward(c, net, batches->input), batches->target));
            dl_clip_grad_norm(c, net, 1);
            dl_optim_step(c, opt);
            if (step++ == 0) { first = mallocs; m = dl_memory(c); }
        }
    CHECK_OK(c);
    CHECK(step == 140);
    CHECK(mallocs == first);
    CHECK(dl_memory(c).reserved_bytes == m.reserved_bytes && dl_memory(c).keep_bytes == m.keep_bytes);
    CHECK(dl_memory(c).step_peak == m.step_peak);
    dl_destroy(c);
}

/* Tiny blocks give the same numbers as large ones. */
static void block_size_does_not_matter(void)
{
    double loss[3];
    int k;
    for (k = 0; k < 3; k++) {
        dl_ctx *c = dl_create(.seed = 9, .block_bytes = (size_t)(k == 0 ? 0 : k == 1 ? 1 : 777));
        dl_module *net = perceptron(c);
        dl_optim *opt = dl_optim_sgd(c, net, .lr = (dl_real)0.1, .momentum = (dl_real)0.9);
        dl_loader *batches = dl_loader_create(c, samples(c), .batch_size = 7);
        while (dl_next_batch(c, batches)) {
            dl_tensor *y = dl_cross_entropy(c, dl_forward(c, net, batches->input), batches->target);
            dl_backward(c, y);
            dl_optim_step(c, opt);
            loss[k] = dl_item(y);
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
    CHECK(loss[0] == loss[1] && loss[0] == loss[2] && loss[0] > 0);
}

static void first_error_wins(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *a = dl_ones(c, DL_SHAPE(2, 3)), *y;
    char message[200];
    CHECK(!dl_error(c));
    y = dl_matmul(c, a, dl_ones(c, DL_SHAPE(4, 5)));
    CHECK(dl_is_nil(y) && dl_is_nil(NULL) && !dl_is_nil(a));
    CHECK(strstr(dl_error(c), "matmul") && strstr(dl_error(c), "(2,3)") && strstr(dl_error(c), "(4,5)"));
    snprintf(message, sizeof message, "%s", dl_error(c));
    CHECK(dl_is_nil(dl_reshape(c, a, DL_SHAPE(5))));
    CHECK(dl_is_nil(dl_add(c, y, a)) && dl_is_nil(dl_exp(c, a)) && dl_is_nil(dl_zeros(c, DL_SHAPE(2))));   /* harmless */
    CHECK(dl_item(y) != dl_item(y));                     /* NaN */
    dl_fail(c, "another");
    CHECK(!strcmp(dl_error(c), message));
    dl_step_begin(c);
    CHECK(dl_error(c) != NULL);                          /* only dl_clear_error forgives */
    dl_clear_error(c);
    CHECK(!dl_error(c) && dl_item(dl_sum(c, dl_ones(c, DL_SHAPE(2, 3)))) == 6);
    CHECK(!strcmp(dl_error(NULL), "dl_create: out of memory"));
    dl_clear_error(NULL);
    dl_destroy(c);
}

/* While an error stands backward and the optimizer do nothing, so that half a step cannot spoil the weights. */
static void errors_freeze_training(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *net = perceptron(c);
    dl_optim *opt = dl_optim_sgd(c, net, .lr = 1);
    dl_tensor *w = dl_module_get(c, net, "0.weight"), *loss = dl_sum(c, dl_forward(c, net, dl_ones(c, DL_SHAPE(2, 5))));
    dl_real before = w->data[0];
    dl_fail(c, "stop");
    CHECK(dl_backward(c, loss) == 0 && w->grad == NULL);
    dl_clear_error(c);
    CHECK(dl_backward(c, loss) == 1 && w->grad != NULL);
    dl_fail(c, "stop");
    CHECK(dl_optim_step(c, opt) == 0 && w->data[0] == before);
    dl_clear_error(c);
    CHECK(dl_optim_step(c, opt) == 1 && w->grad == NULL);
    CHECK_OK(c);
    dl_destroy(c);
}

static int says(dl_ctx *c, const char *wanted)           /* the error is exactly this; clears it */
{
    int ok = dl_error(c) && !strcmp(dl_error(c), wanted);
    if (!ok) printf("\n\"%s\", wanted \"%s\"", dl_error(c) ? dl_error(c) : "(none)", wanted);
    dl_clear_error(c);
    return ok;
}

static void message_formats(void)
{
    dl_ctx *c = dl_create();
    char longer[2000];
    dl_fail(c, "%s: %d%% of %t and %t", "op", -5, dl_ones(c, DL_SHAPE(2, 3)), dl_scalar(c, 1));
    CHECK(says(c, "op: -5% of (2,3) and ()"));
    dl_fail(c, "%d %d %l %l", INT_MIN, INT_MAX, INT64_MIN, INT64_MAX);
    CHECK(says(c, "-2147483648 2147483647 -9223372036854775808 9223372036854775807"));
    dl_fail(c, "%t %t", dl_fail(c, "x"), (dl_tensor *)NULL);
    CHECK(says(c, "x"));
    dl_fail(c, "%t", (dl_tensor *)NULL);
    CHECK(says(c, "nil"));
    dl_fail(c, "%g %g %g %g", (double)INFINITY, -(double)INFINITY, (double)NAN, -0.0);
    CHECK(says(c, "inf -inf nan 0"));
    dl_fail(c, NULL);
    CHECK(says(c, "fail: the format is NULL"));
    dl_fail(c, "%s is %s", "name", (char *)NULL);
    CHECK(says(c, "name is NULL"));
    dl_fail(c, "100%");                                  /* a lone % at the end */
    CHECK(dl_error(c) && !strncmp(dl_error(c), "100", 3));
    dl_clear_error(c);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    dl_fail(c, "%s%d", longer, 1);                       /* cut, not overrun */
    CHECK(strlen(dl_error(c)) > 100 && strlen(dl_error(c)) < sizeof longer - 1);
    dl_destroy(c);
}

/* %g shows six significant digits like printf's. */
static void message_numbers(void)
{
    static const double plain[] = {1, 10, 0.1, 0.5, 0.05, 0.001, 0.0001, 1e-5, 123456, 1234.5, 99.9999, 999999, 1e6, 1e-10, 2.5e300, 3.1415926};
    dl_ctx *c = dl_create();
    uint64_t bits = 88172645463325252u;
    size_t i;
    for (i = 0; i < 20000; i++) {
        char text[40];
        double v, shown;
        if (i < sizeof plain / sizeof *plain) v = plain[i];
        else {
            bits ^= bits << 13; bits ^= bits >> 7; bits ^= bits << 17;                        /* xorshift: any bits */
            if (i % 2) memcpy(&v, &bits, 8); else v = (double)(int64_t)bits * 1e-15;
            if (v != v || fabs(v) > 1e308) continue;
        }
        snprintf(text, sizeof text, "%.6g", v);
        dl_fail(c, "%g", v);
        shown = atof(dl_error(c));
        if (i < sizeof plain / sizeof *plain) CHECK_NEAR(shown, atof(text), 1e-12 * fabs(v));
        else CHECK_NEAR(shown, v, 5.01e-6 * fabs(v) + 1e-322);
        CHECK(strlen(dl_error(c)) < 16);
        dl_clear_error(c);
    }
    dl_destroy(c);
}

static void contexts_are_independent(void)
{
    dl_ctx *a = dl_create(.seed = 5), *b = dl_create(.seed = 5), *d = dl_create(.seed = 6);
    dl_tensor *x, *y, *z;
    dl_fail(a, "only here");
    CHECK(dl_error(a) && !dl_error(b));
    dl_clear_error(a);
    x = dl_rand(a, DL_SHAPE(100));
    dl_rand(d, DL_SHAPE(3));
    y = dl_rand(b, DL_SHAPE(100));
    z = dl_rand(d, DL_SHAPE(100));
    CHECK(!memcmp(x->data, y->data, 100 * sizeof(dl_real)));
    CHECK(memcmp(x->data, z->data, 100 * sizeof(dl_real)));
    dl_step_begin(a);
    CHECK(y->size == 100 && y->data[0] >= 0);
    dl_destroy(a);
    CHECK_OK(b);
    CHECK(dl_item(dl_sum(b, dl_ones(b, DL_SHAPE(3)))) == 3);
    dl_destroy(b);
    dl_destroy(d);
}

static void switches(void)
{
    dl_ctx *c = dl_create(), *quiet = dl_create(.no_grad = 1);
    dl_tensor *w = dl_requires_grad(c, dl_ones(c, DL_SHAPE(2)), 1);
    CHECK(dl_exp(c, w)->requires_grad == 1);
    CHECK(dl_set_grad_enabled(c, 0) == 1 && dl_exp(c, w)->requires_grad == 0);
    CHECK(dl_set_grad_enabled(c, 1) == 0 && dl_exp(c, w)->requires_grad == 1);
    CHECK(dl_exp(quiet, w)->requires_grad == 0 && dl_set_grad_enabled(quiet, 1) == 0);
    CHECK(dl_is_training(c) && dl_set_training(c, 0) == 1 && !dl_is_training(c) && dl_set_training(c, 1) == 0);
    CHECK(!dl_is_training(NULL) && !dl_set_training(NULL, 1) && !dl_set_grad_enabled(NULL, 1));
    CHECK_OK(c);
    dl_destroy(c);
    dl_destroy(quiet);
}

static void models_of_others(void)                        /* are used, not trained */
{
    dl_ctx *c = dl_create(.seed = 1), *d = dl_create();
    dl_module *net = dl_nn_linear(c, 4, 3);
    dl_tensor *w = dl_module_get(c, net, "weight"), *x = dl_ones(d, DL_SHAPE(2, 4));
    CHECK(!dl_backward(d, dl_sum(d, dl_forward(d, net, x))) && w->grad == NULL);
    CHECK_ERROR(d, "backward: parameter (3,4) belongs to another context; only that one trains it, others use .no_grad");
    CHECK(dl_backward(c, dl_sum(c, dl_forward(c, net, dl_ones(c, DL_SHAPE(2, 4))))) && w->grad[0] == 2);
    dl_zero_grads(net);
    CHECK(!dl_backward(d, dl_sum(d, dl_forward(d, net, x))) && w->grad == NULL);      /* though there is room for it now */
    CHECK_ERROR(d, "belongs to another context");
    CHECK(dl_backward(c, dl_sum(c, w)) && w->grad[0] == 1);
    CHECK(!dl_backward(d, dl_sum(d, w)));                                              /* nor adds it to what is there */
    CHECK_ERROR(d, "belongs to another context");
    CHECK(!dl_backward(d, dl_sum(d, dl_exp(c, w))));                                   /* nor goes on in the other's graph */
    CHECK_ERROR(d, "backward: tensor (3,4) belongs to another context");
    dl_zero_grads(net);
    dl_nn_freeze(net, 1);
    CHECK(dl_backward(d, dl_sum(d, dl_forward(d, net, dl_requires_grad(d, x, 1)))) && w->grad == NULL);
    CHECK_NEAR(x->grad[0], w->data[0] + w->data[4] + w->data[8], 1e-6);
    CHECK_OK(d);
    dl_destroy(d);
    dl_destroy(c);
}

/* What dl_fit shows on a terminal: lines that are overwritten are narrower than 80 columns, whatever the numbers; losses without
   classes have no accuracy. */
static void progress_lines(void)
{
#if (defined(__unix__) || defined(__APPLE__)) && !defined(DL_NO_STDIO)
    static const struct { int epochs; int64_t size; double seconds; } runs[] = {{1, 60, 0}, {5, 60000, 12}, {100, 14197122, 86000}};
    const dl_scores classes = {2.30258, 0.125}, none = {1234.5, 0};
    FILE *f = tmpfile();
    char text[4096];
    size_t i, n, r, column = 0, widest = 0;
    int screen = dup(2), bars = 0;
    if (!CHECK(f && screen >= 0)) return;
    fflush(stderr);
    dup2(fileno(f), 2);
    for (r = 0; r < sizeof runs / sizeof *runs; r++) {
        dli_progress p = {0, 1, 0, runs[r].epochs, runs[r].size, 0, 0};
        for (i = 1; i <= 3; i++) {
            p.start = dli_seconds() - runs[r].seconds * (double)i / 3;
            p.next = 0;
            dli_progress_show(&p, runs[r].epochs, runs[r].size * (int64_t)i / 3, classes, NULL, 0);
        }
        dli_progress_show(&p, runs[r].epochs, runs[r].size, classes, &classes, 1);
        dli_progress_show(&p, runs[r].epochs, runs[r].size, none, &none, 1);
    }
    dup2(screen, 2);
    close(screen);
    rewind(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    for (i = 0; i < n; i++) {
        if (text[i] == 27) i += 2;                           /* ESC [ K */
        else if (text[i] == '\r' || text[i] == '\n') column = 0;
        else if (++column > widest) widest = column;
        bars += text[i] == '[';
    }
    if (!CHECK(widest < 80)) printf(" %d columns", (int)widest);
    if (!CHECK(bars == 7)) printf(" %d bars", bars);         /* hardly room for it in the third run, whose numbers are long */
    CHECK(strstr(text, "=] 60000/60000  12.0 s, 0.0 s left, 5000/s, loss 2.3026\033[K\r"));
    CHECK(strstr(text, "loss 2.3026, accuracy 0.1250; validation 2.3026, 0.1250"));
    CHECK(strstr(text, "loss 1234.5000; validation 1234.5000\033[K\n"));
#else
    SKIP("needs a terminal's calls");
#endif
}

int main(void)
{
    RUN(create_and_destroy);
    RUN(info);
    RUN(instruction_sets);
    RUN(lifetimes);
    RUN(raw_memory);
    RUN(released_results_are_forgotten);
    RUN(forgotten_tensors);
    RUN(norms_need_no_copy);
    RUN(reset_in_constant_time);
    RUN(no_malloc_per_step);
    RUN(block_size_does_not_matter);
    RUN(first_error_wins);
    RUN(errors_freeze_training);
    RUN(message_formats);
    RUN(message_numbers);
    RUN(contexts_are_independent);
    RUN(switches);
    RUN(models_of_others);
    RUN(progress_lines);
    TEST_END;
}
