/* build: float +asan */
/* Bad input to every public function: an error that names the function, a live process, untouched weights. */
#include <stdlib.h>
static void *small_malloc(size_t n)           { return n >> 32 ? NULL : malloc(n); }     /* nobody gets 4 GB here */
static void *small_realloc(void *p, size_t n) { return n >> 32 ? NULL : realloc(p, n); }
#define DL_MALLOC  small_malloc
#define DL_REALLOC small_realloc
#define DL_FREE    free

#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"

static dl_ctx *c;
static dl_tensor *nil;                                   /* what failed calls return */
static dl_module *net;                                   /* its weights stay as they are through everything below */
static dl_optim *opt;

/* --- one row per function of tensors: name in messages, its valid arguments, a call --------------------------
   Arguments: r real, i int32, each followed by its shape, one digit an axis; ? after it: may be NULL.
   int32 arguments are all 0.  The sweep replaces every argument in turn by NULL, nil and the other dtype. */
typedef struct { const char *name, *args; dl_tensor *(*call)(dl_tensor **x); } call;

#define CALLS(OP)                                                                                             \
    OP(one_hot,       "i4",            dl_one_hot(c, x[0], 3))                                                \
    OP(sum,           "r23",           dl_sum(c, x[0], .dims = DL_DIM(1)))                                    \
    OP(mean,          "r23",           dl_mean(c, x[0]))                                                      \
    OP(var,           "r23",           dl_var(c, x[0], .dims = DL_DIM(-1)))                                   \
    OP(std,           "r23",           dl_std(c, x[0]))                                                       \
    OP(max,           "r23",           dl_max(c, x[0], .keepdim = 1))                                         \
    OP(min,           "r23",           dl_min(c, x[0]))                                                       \
    OP(prod,          "r23",           dl_prod(c, x[0]))                                                      \
    OP(argmax,        "r23",           dl_argmax(c, x[0], .dims = DL_DIM(1)))                                 \
    OP(argmin,        "r23",           dl_argmin(c, x[0]))                                                    \
    OP(logsumexp,     "r23",           dl_logsumexp(c, x[0], .dims = DL_DIM(1)))                              \
    OP(norm,          "r23",           dl_norm(c, x[0]))                                                      \
    OP(cumsum,        "r23",           dl_cumsum(c, x[0], 1))                                                 \
    OP(cat,           "r23 r43",       dl_cat(c, 2, x, 0))                                                    \
    OP(stack,         "r23 r23",       dl_stack(c, 2, x, 0))                                                  \
    OP(gather,        "r23 i23",       dl_gather(c, x[0], 1, x[1]))                                           \
    OP(scatter_add,   "r23 i23 r23",   dl_scatter_add(c, x[0], 1, x[1], x[2]))                                \
    OP(index_select,  "r23 i5",        dl_index_select(c, x[0], 1, x[1]))                                     \
    OP(sort,          "r23",           dl_sort(c, x[0], 1))                                                   \
    OP(topk,          "r23",           dl_topk(c, x[0], 2, 1))                                                \
    OP(matmul,        "r23 r34",       dl_matmul(c, x[0], x[1]))                                              \
    OP(linear,        "r23 r43 r4?",   dl_linear(c, x[0], x[1], x[2]))                                        \
    OP(softmax,       "r23",           dl_softmax(c, x[0], 1))                                                \
    OP(log_softmax,   "r23",           dl_log_softmax(c, x[0], 1))                                            \
    OP(cross_entropy, "r43 i4 r3?",    dl_cross_entropy(c, x[0], x[1], .weight = x[2]))                       \
    OP(mse_loss,      "r23 r23",       dl_mse_loss(c, x[0], x[1]))                                            \
    OP(bce_with_logits, "r23 r23",     dl_bce_with_logits(c, x[0], x[1]))                                     \
    OP(dropout,       "r23",           dl_dropout(c, x[0], (dl_real)0.5))
/* these take both dtypes */
#define ANY_CALLS(OP)                                                                                         \
    OP(to_real,       "i23",           dl_to_real(c, x[0]))                                                   \
    OP(to_int,        "r23",           dl_to_int(c, x[0]))                                                    \
    OP(detach,        "r23",           dl_detach(c, x[0]))                                                    \
    OP(keep,          "r23",           dl_keep(c, x[0]))                                                      \
    OP(reshape,       "r23",           dl_reshape(c, x[0], DL_SHAPE(3, -1)))                                  \
    OP(flatten,       "r23",           dl_flatten(c, x[0], 0, -1))                                            \
    OP(squeeze,       "r13",           dl_squeeze(c, x[0], 0))                                                \
    OP(unsqueeze,     "r23",           dl_unsqueeze(c, x[0], -1))                                             \
    OP(permute,       "r23",           dl_permute(c, x[0], DL_ORDER(1, 0)))                                   \
    OP(transpose,     "r23",           dl_transpose(c, x[0], 0, 1))                                           \
    OP(slice,         "r23",           dl_slice(c, x[0], 1, 0, 2))                                            \
    OP(select,        "r23",           dl_select(c, x[0], 1, 0))                                              \
    OP(expand,        "r13",           dl_expand(c, x[0], DL_SHAPE(4, 3)))                                    \
    OP(repeat,        "r23",           dl_repeat(c, x[0], DL_SHAPE(2, 1)))                                    \
    OP(diag,          "r23",           dl_diag(c, x[0]))                                                      \
    OP(pad,           "r23",           dl_pad(c, x[0], pads_of_one()))

static dl_pads pads_of_one(void) { dl_pads p; memset(&p, 0, sizeof p); p.before[0] = 1; return p; }

#define FUNCTION(name, args, expr) static dl_tensor *call_##name(dl_tensor **x) { return expr; }
CALLS(FUNCTION)
ANY_CALLS(FUNCTION)
#define UNARY(name, f, dx)        FUNCTION(name, "", dl_##name(c, x[0]))
#define UNARY_S(name, f, dx)      FUNCTION(name, "", dl_##name(c, x[0], 2))
#define UNARY_R(name, f, dx)      FUNCTION(name, "", dl_##name(c, x[0], 1, 2))
#define BINARY(name, f, da, db)   FUNCTION(name, "", dl_##name(c, x[0], x[1]))
#define COMPARE(name, f)          FUNCTION(name, "", dl_##name(c, x[0], x[1]))
#define TERNARY(name, f, da, db)  FUNCTION(name, "", dl_##name(c, x[0], x[1], x[2]))
DL_UNARY_OPS(UNARY) DL_UNARY_SCALAR_OPS(UNARY_S) DL_UNARY_RANGE_OPS(UNARY_R) DL_BINARY_OPS(BINARY) DL_COMPARE_OPS(COMPARE)
DL_TERNARY_OPS(TERNARY)

static const call calls[] = {
#define ROW_(name, args, expr)    {#name, args, call_##name},
    CALLS(ROW_)
#define ROW_1(name, f, dx)        {#name, "r23", call_##name},
#define ROW_2(name, f, da, db)    {#name, "r23 r13", call_##name},
#define ROW_3(name, f)            {#name, "r23 r3", call_##name},
#define ROW_4(name, f, da, db)    {#name, "r23 r21 r3", call_##name},
    DL_UNARY_OPS(ROW_1) DL_UNARY_SCALAR_OPS(ROW_1) DL_UNARY_RANGE_OPS(ROW_1) DL_BINARY_OPS(ROW_2) DL_COMPARE_OPS(ROW_3)
    DL_TERNARY_OPS(ROW_4)
};
static const call any_calls[] = { ANY_CALLS(ROW_) };

static dl_tensor *make(char type, dl_shape shape)
{
    static const int32_t zeros[64];
    return type == 'r' ? dl_full(c, shape, (dl_real)0.5) : dl_tensor_from_int(c, zeros, shape);
}

static int parse(const call *f, dl_tensor **x, char *type, int *optional)
{
    const char *s = f->args;
    int n = 0, d;
    for (; *s; n++) {
        dl_shape shape = DL_SHAPE(0);
        type[n] = *s++;
        for (d = 0; *s >= '1' && *s <= '9'; s++) shape.d[d++] = *s - '0';
        optional[n] = *s == '?';
        s += optional[n];
        while (*s == ' ') s++;
        x[n] = make(type[n], shape);
    }
    return n;
}

static dl_shape shape_of(const dl_tensor *x)
{
    dl_shape s = DL_SHAPE(0);
    memcpy(s.d, x->shape, sizeof(int64_t) * (size_t)x->ndim);
    return s;
}

/* "linear" in a message names dl_linear; so does "cross_entropy(": the name must not be part of a longer word */
static int names(const char *message, const char *name)
{
    const char *p = message;
    size_t n = strlen(name);
    for (; message && (p = strstr(p, name)) != NULL; p++)
        if ((p == message || p[-1] == '_' || p[-1] == ' ') && (p[n] == ':' || p[n] == ' ' || p[n] == '(')) return 1;
    return 0;
}

static void sweep(const call *f, int n_calls, int any_dtype)
{
    dl_ctx *context = c;
    int k, i, n, what;
    for (k = 0; k < n_calls; k++, f++) {
        dl_tensor *x[8], *y;
        char type[8];
        int optional[8];
        n = parse(f, x, type, optional);
        y = f->call(x);
        if (!CHECK_OK(c) || !CHECK(!dl_is_nil(y))) printf("  dl_%s, valid call", f->name);
        dl_clear_error(c);
        c = NULL;
        y = f->call(x);
        c = context;
        if (!CHECK(dl_is_nil(y))) printf("  dl_%s without a context", f->name);
        for (i = 0; i < n; i++)
            for (what = 0; what < 3; what++) {              /* NULL, nil, the other dtype */
                dl_tensor *good = x[i];
                if ((what == 0 && optional[i]) || (what == 2 && any_dtype)) continue;
                if (what == 2 && i == 1 && !strcmp(f->name, "cross_entropy")) continue;       /* probabilities */
                if (what == 2 && i == 0 && !strcmp(f->name, "index_select")) continue;        /* of labels    */
                x[i] = what == 0 ? NULL : what == 1 ? nil : make(type[i] == 'r' ? 'i' : 'r', shape_of(good));
                y = f->call(x);
                if (!CHECK(dl_is_nil(y)) || !CHECK(names(dl_error(c), f->name)))
                    printf("  dl_%s, argument %d %s: \"%s\"", f->name, i, what == 0 ? "NULL" : what == 1 ? "nil" : "of the other dtype",
                           dl_error(c) ? dl_error(c) : "(no error)");
                dl_clear_error(c);
                x[i] = good;
            }
        dl_fail(c, "stands");
        y = f->call(x);
        if (!CHECK(dl_is_nil(y)) || !CHECK(dl_error(c) && !strcmp(dl_error(c), "stands"))) printf("  dl_%s, while an error stands", f->name);
        dl_clear_error(c);
        dl_step_begin(c);
    }
}

static void every_tensor_argument(void)
{
    sweep(calls, sizeof calls / sizeof *calls, 0);
    sweep(any_calls, sizeof any_calls / sizeof *any_calls, 1);
}

static uint64_t weights(void)                            /* a hash of all parameters */
{
    uint64_t hash = 14695981039346656037u;
    dl_param *p;
    size_t k;
    int i;
    for (i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
        for (k = 0; k < (size_t)p->tensor->size * sizeof(dl_real); k++) hash = (hash ^ ((unsigned char *)p->tensor->data)[k]) * 1099511628211u;
    return hash;
}
static uint64_t weights_before;

/* --- one line per mistake ---------------------------------------------------------------------------------------
   BAD: the call returns nil and the error says each of the words.  BAD_: it returns 0 or NULL. */
static void bad(int line, const char *text, int nothing, const char *words)
{
    char word[64];
    const char *e = dl_error(c);
    int ok = nothing && e != NULL;
    while (e && *words) {
        size_t n = strcspn(words, "|");
        snprintf(word, sizeof word, "%.*s", (int)n, words);
        ok = ok && strstr(e, word);
        words += n + (words[n] == '|');
    }
    if (!ok && test_error(__FILE__, line))
        printf("%s: %s, error \"%s\"", text, nothing ? "failed" : "succeeded", e ? e : "(none)");
    if (weights() != weights_before && test_error(__FILE__, line)) {
        printf("%s: changes weights", text);
        weights_before = weights();
    }
    dl_clear_error(c);
}
#define BAD(call, words)  bad(__LINE__, #call, dl_is_nil(call), words)
#define BAD_(call, words) bad(__LINE__, #call, !(call), words)
#define BADV(call, words) (call, bad(__LINE__, #call, 1, words))
#define BIG ((int64_t)1 << 40)

static dl_tensor *ones(int64_t a, int64_t b) { return dl_ones(c, DL_SHAPE(a, b)); }
static dl_tensor *ints(int n, int32_t v)
{
    int32_t data[16];
    int i;
    for (i = 0; i < n; i++) data[i] = v;
    return dl_tensor_from_int(c, data, DL_SHAPE(n));
}

static void creation(void)
{
    static const dl_real one[1] = {1};
    static const int32_t zero[1] = {0};
    BAD(dl_zeros(c, DL_SHAPE(2, -3)), "zeros|-3");
    BAD(dl_ones(c, DL_SHAPE(-1)), "ones|-1");
    BAD(dl_full(c, DL_SHAPE(INT64_MIN), 1), "full|-9223372036854775808");
    BAD(dl_empty(c, DL_SHAPE(BIG, BIG)), "empty|too large");
    BAD(dl_zeros(c, DL_SHAPE(4194305, 4194305, 211106198978564)), "zeros|too large");      /* 4 modulo 2^64 */
    BAD(dl_zeros(c, DL_SHAPE(BIG)), "memory");
    BAD(dl_zeros(c, DL_SHAPE(INT64_MAX)), "zeros|too large");
    BAD(dl_zeros(c, DL_SHAPE(2, 0, 3)), "zeros");                                           /* an axis after the end */
    BAD(dl_rand(c, DL_SHAPE(-2)), "rand|-2");
    BAD(dl_randn(c, DL_SHAPE(BIG, BIG)), "randn|too large");
    BAD(dl_tensor_from(c, NULL, DL_SHAPE(1)), "tensor_from|NULL");
    BAD(dl_tensor_from_int(c, NULL, DL_SHAPE(1)), "tensor_from_int|NULL");
    BAD(dl_tensor_from(c, one, DL_SHAPE(-1)), "tensor_from|-1");
    BAD(dl_tensor_from_int(c, zero, DL_SHAPE(BIG, BIG)), "tensor_from_int|too large");
    BAD(dl_eye(c, 0), "eye|0");
    BAD(dl_eye(c, -4), "eye|-4");
    BAD(dl_eye(c, INT64_MAX), "eye|too large");
    BAD(dl_randperm(c, 0), "randperm|0");
    BAD(dl_randperm(c, -1), "randperm|-1");
    BAD(dl_randperm(c, BIG), "randperm");
    BAD(dl_arange(c, 0, 10, 0), "arange|0");
    BAD(dl_arange(c, 0, 10, -1), "arange");
    BAD(dl_arange(c, 0, INFINITY, 1), "arange");
    BAD(dl_arange(c, NAN, 1, 1), "arange");
    BAD(dl_arange(c, 0, 1, NAN), "arange");
    BAD(dl_arange(c, 0, 1e300, 1e-300), "arange|too many");
    BAD(dl_arange(c, 0, 1e16, 1), "arange|too many");
    BAD(dl_one_hot(c, ints(3, 5), 5), "one_hot|5");
    BAD(dl_one_hot(c, ints(3, -1), 5), "one_hot|-1");
    BAD(dl_one_hot(c, ints(3, 0), 0), "one_hot|0");
    BAD(dl_one_hot(c, ints(3, 0), INT64_MAX), "one_hot|too large");
    CHECK(isnan(dl_item(NULL)) && isnan(dl_item(nil)) && isnan(dl_item(ones(2, 2))));
    CHECK(dl_is_nil(dl_scalar(NULL, 1)) && dl_is_nil(dl_zeros(NULL, DL_SHAPE(2))) && dl_is_nil(dl_ones(NULL, DL_SHAPE(2))));
    CHECK(dl_is_nil(dl_full(NULL, DL_SHAPE(2), 1)) && dl_is_nil(dl_empty(NULL, DL_SHAPE(2))) && dl_is_nil(dl_eye(NULL, 2)));
    CHECK(dl_is_nil(dl_rand(NULL, DL_SHAPE(2))) && dl_is_nil(dl_randn(NULL, DL_SHAPE(2))) && dl_is_nil(dl_randperm(NULL, 2)));
    CHECK(dl_is_nil(dl_arange(NULL, 0, 2, 1)) && dl_is_nil(dl_tensor_from(NULL, one, DL_SHAPE(1))));
    CHECK(dl_is_nil(dl_tensor_from_int(NULL, zero, DL_SHAPE(1))));
    dl_manual_seed(NULL, 1);
    dl_step_begin(NULL);
}

static void shapes(void)
{
    dl_tensor *x = ones(2, 3), *xs[3];
    dl_pads p;
    int i;
    BAD(dl_add(c, x, ones(2, 4)), "add|(2,3)|(2,4)");
    BAD(dl_where(c, x, x, ones(4, 3)), "where|(2,3)|(4,3)");
    BAD(dl_where(c, ones(2, 3), ones(2, 4), ones(2, 4)), "where|(2,3) and (2,4)");           /* the two that do not fit */
    BAD(dl_where(c, ones(2, 1), ones(1, 4), ones(3, 1)), "where|(2,1) and (3,1)");
    BAD(dl_lt(c, x, dl_ones(c, DL_SHAPE(5))), "lt|(2,3)|(5)");
    BAD(dl_add(c, dl_ones(c, DL_SHAPE(100000, 1)), dl_ones(c, DL_SHAPE(100000))), "memory");
    BAD(dl_reshape(c, x, DL_SHAPE(4)), "reshape|(2,3)");
    BAD(dl_reshape(c, x, DL_SHAPE(-1, -1)), "reshape");
    BAD(dl_reshape(c, x, DL_SHAPE(-1, 4)), "reshape|(2,3)");
    BAD(dl_reshape(c, x, DL_SHAPE(-2, 3)), "reshape|-2");
    BAD(dl_view(c, x, DL_SHAPE(7)), "(2,3)");
    BAD(dl_reshape(c, x, DL_SHAPE(BIG, BIG, -1)), "reshape");
    BAD(dl_reshape(c, x, DL_SHAPE(-1, 0, 3)), "reshape|axis 1 has size 0");
    BAD(dl_expand(c, dl_scalar(c, 1), DL_SHAPE(4, 0, 5)), "expand|axis 1 has size 0");
    BAD(dl_repeat(c, dl_ones(c, DL_SHAPE(6)), DL_SHAPE(2, 0, 5)), "repeat|axis 1 has size 0");
    BAD(dl_flatten(c, x, 1, 0), "flatten");
    BAD(dl_flatten(c, x, 0, 2), "flatten|2");
    BAD(dl_flatten(c, x, -3, 1), "flatten|-3");
    BAD(dl_squeeze(c, x, DL_DIM(5)), "squeeze");
    BAD(dl_unsqueeze(c, x, 3), "unsqueeze|3");
    BAD(dl_unsqueeze(c, x, INT_MIN), "unsqueeze");
    BAD(dl_unsqueeze(c, dl_ones(c, DL_SHAPE(1, 1, 1, 1, 1, 1, 1, 1)), 0), "unsqueeze");
    BAD(dl_permute(c, x, DL_ORDER(0, 0)), "permute|0");
    BAD(dl_permute(c, x, DL_ORDER(0, 2)), "permute|2");
    BAD(dl_permute(c, x, DL_ORDER(-3, 1)), "permute|-3");
    BAD(dl_permute(c, x, DL_ORDER(1, 0, 5)), "permute|5");
    BAD(dl_transpose(c, x, 0, 2), "transpose|2");
    BAD(dl_transpose(c, x, INT_MAX, 0), "transpose");
    BAD(dl_slice(c, x, 2, 0, 1), "slice|2");
    BAD(dl_slice(c, x, 1, 2, 2), "slice");                                                  /* nothing left */
    BAD(dl_slice(c, x, 1, 0, 2, .step = -1), "slice|-1");
    BAD(dl_slice(c, x, 1, 3, INT64_MAX), "slice");
    BAD(dl_select(c, x, 2, 0), "select|2|(2,3)");
    BAD(dl_select(c, x, 1, 3), "select: index 3 along axis 1 of (2,3)");
    BAD(dl_select(c, x, -2, -3), "select: index -3 along axis 0 of (2,3)");
    BAD(dl_select(c, x, 0, INT64_MIN), "select");
    BAD(dl_select(c, dl_scalar(c, 1), 0, 0), "select|()");
    BAD(dl_expand(c, x, DL_SHAPE(2, 4)), "expand|(2,3)");
    BAD(dl_expand(c, x, DL_SHAPE(3)), "expand|(2,3)");
    BAD(dl_expand(c, x, DL_SHAPE(-1, 2, 3)), "expand");
    BAD(dl_expand(c, ones(1, 1), DL_SHAPE(BIG, BIG)), "expand|too large");
    BAD(dl_repeat(c, x, DL_SHAPE(2)), "repeat");
    BAD(dl_diag(c, dl_scalar(c, 1)), "diag: (), expected 1 or 2 axes");
    BAD(dl_diag(c, dl_ones(c, DL_SHAPE(2, 2, 2))), "diag: (2,2,2), expected 1 or 2 axes");
    BAD(dl_repeat(c, x, DL_SHAPE(-1, 2)), "repeat|-1");
    BAD(dl_repeat(c, x, DL_SHAPE(BIG, BIG)), "repeat|too large");
    BAD(dl_repeat(c, x, DL_SHAPE(INT64_MAX, 1)), "repeat|too large");
    memset(&p, 0, sizeof p);
    p.after[1] = -3;
    BAD(dl_pad(c, x, p), "pad");
    p.after[1] = INT64_MAX;
    BAD(dl_pad(c, x, p), "pad");
    memset(&p, 0, sizeof p);
    p.before[2] = 1;                                                                        /* x has two axes */
    BAD(dl_pad(c, x, p), "pad|expected");
    memset(&p, 0, sizeof p);
    BAD(dl_pad(c, ints(2, 1), p, .value = (dl_real)0.5), "pad|0.5|whole");
    BAD(dl_pad(c, ints(2, 1), p, .value = (dl_real)3e9), "pad|whole");
    BAD(dl_pad(c, ints(2, 1), p, .value = (dl_real)NAN), "pad|nan|whole");
    xs[0] = x, xs[1] = ones(2, 4), xs[2] = dl_ones(c, DL_SHAPE(2));
    BAD(dl_cat(c, 2, xs, 0), "cat|(2,3)|(2,4)");
    BAD(dl_cat(c, 3, xs, 1), "cat|(2)");
    BAD(dl_cat(c, 2, xs, 2), "cat|2");
    BAD(dl_cat(c, 0, xs, 0), "cat|0");
    BAD(dl_cat(c, -1, xs, 0), "cat|-1");
    BAD(dl_cat(c, 2, NULL, 0), "cat");
    BAD(dl_stack(c, 2, xs, 0), "stack|(2,3)|(2,4)");
    BAD(dl_stack(c, 0, xs, 0), "stack|0");
    BAD(dl_stack(c, 1, xs, 3), "stack|3");
    BAD(dl_stack(c, 1, NULL, 0), "stack");
    BAD_(dl_split(c, x, 0, 0, xs, 3), "split|0|expected 1 or more");
    BAD_(dl_split(c, x, 1, 5, xs, 3), "split|5");
    BAD_(dl_split(c, x, 1, 1, xs, 2), "split|3 parts|room for 2");
    BAD_(dl_split(c, x, 1, 1, NULL, 3), "split|room for 0");
    BAD_(dl_split(c, NULL, 1, 1, xs, 3), "split|NULL");
    BAD_(dl_split(c, nil, 1, 1, xs, 3), "split|nil");
    CHECK(!dl_split(NULL, x, 1, 1, xs, 3));
    for (i = 0; i < 3; i++) {
        static const int dims[] = {2, -3, INT_MIN};
        BAD(dl_cumsum(c, x, dims[i]), "cumsum");
        BAD(dl_softmax(c, x, dims[i]), "softmax");
        BAD(dl_log_softmax(c, x, dims[i]), "log_softmax");
        BAD(dl_sort(c, x, dims[i]), "sort");
        BAD(dl_topk(c, x, 1, dims[i]), "topk");
        BAD(dl_gather(c, x, dims[i], ints(2, 0)), "gather");
        BAD(dl_index_select(c, x, dims[i], ints(2, 0)), "index_select");
        BAD(dl_scatter_add(c, x, dims[i], ints(2, 0), x), "scatter_add");
    }
}

static void reductions_and_indices(void)
{
    static const int32_t wrong[] = {3, -4, INT32_MAX, INT32_MIN};
    dl_tensor *x = ones(2, 3), huge = *dl_ones(c, DL_SHAPE(1));
    int i;
    BAD(dl_sum(c, x, .dims = DL_DIM(2)), "sum|(2,3)");
    BAD(dl_mean(c, x, .dims = DL_DIM(-3)), "mean|(2,3)");
    BAD(dl_sum(c, x, .dims = DL_DIM(16)), "sum|DL_DIM(7)");                                 /* no axis 0 by a wrap */
    BAD(dl_sum(c, x, .dims = DL_DIM(0) | DL_DIM(8)), "sum|DL_DIM(7)");
    BAD(dl_squeeze(c, x, DL_DIM(-9)), "squeeze|DL_DIM(-8)");
    BAD(dl_sum(c, x, .dims = 1), "sum: .dims is 1, write DL_DIM(1)");                       /* as PyTorch has it */
    BAD(dl_std(c, x, .dims = 2), "std: .dims is 2, write DL_DIM(2)");
    BAD(dl_squeeze(c, x, 1), "squeeze: .dims is 1, write DL_DIM(1)");
    BAD(dl_max(c, x, .dims = (unsigned)-1), "max: .dims is -1, write DL_DIM(-1)");
    BAD(dl_norm(c, x, .dims = (unsigned)-8), "norm|DL_DIM(-8)");
    BAD(dl_mean(c, x, .dims = (unsigned)-9), "mean|DL_DIM(7)");
    BAD(dl_prod(c, x, .dims = 1u << 15), "prod|DL_DIM(7)");
    BAD(dl_sum(c, x, .dims = DL_DIM(0) | 1u << 18), "sum|DL_DIM(7)");
    BAD(dl_eq(c, ints(3, 0), ones(1, 3)), "eq:|holds int32, expected reals (dl_to_real)");
    BAD(dl_gather(c, x, 1, x), "gather: index (2,3) holds reals, expected int32 (dl_to_int)");
    huge.shape[0] = huge.size = BIG;                                                        /* never read */
    BAD(dl_argmax(c, &huge), "argmax|int32");
    BAD(dl_argmax(c, dl_ones(c, DL_SHAPE(2, 3, 4)), .dims = DL_DIM(0) | DL_DIM(1)), "argmax");
    BAD(dl_norm(c, x, .p = NAN), "norm");
    BAD(dl_norm(c, x, .p = -1), "norm|-1");
    BAD(dl_topk(c, x, 4, 1), "topk|4|1 to 3");
    BAD(dl_topk(c, x, 0, 1), "topk|0");
    BAD(dl_topk(c, x, -1, 1), "topk|-1");
    for (i = 0; i < 4; i++) {
        char value[16];
        dl_tensor *index = dl_reshape(c, ints(1, wrong[i]), DL_SHAPE(1, 1));
        snprintf(value, sizeof value, "%d", wrong[i]);
        BAD(dl_gather(c, x, 1, index), "gather");
        BAD(dl_scatter_add(c, x, 1, index, ones(1, 1)), "scatter_add");
        BAD(dl_index_select(c, x, 1, ints(1, wrong[i])), "index_select");
        CHECK(dl_is_nil(dl_index_select(c, x, 1, ints(1, wrong[i]))) && strstr(dl_error(c), value));     /* says which */
        dl_clear_error(c);
        if (wrong[i] == INT32_MIN) continue;
        BAD(dl_cross_entropy(c, x, ints(2, wrong[i])), "cross_entropy");
    }
    BAD(dl_gather(c, x, 1, ints(2, 0)), "gather|(2,3)|(2)");
    BAD(dl_gather(c, x, 1, dl_reshape(c, ints(3, 0), DL_SHAPE(3, 1))), "gather|(2,3)|(3,1)");
    BAD(dl_scatter_add(c, x, 1, dl_reshape(c, ints(4, 0), DL_SHAPE(2, 2)), ones(2, 1)), "scatter_add|(2,2)|(2,1)");
    BAD(dl_index_select(c, x, 1, dl_reshape(c, ints(4, 0), DL_SHAPE(2, 2))), "index_select|(2,2)");
}

static void products_and_losses(void)
{
    dl_tensor *x = ones(2, 3);
    dl_real m[16] = {0};
    BAD(dl_matmul(c, x, ones(2, 3)), "matmul|(2,3)|(2,3)");
    BAD(dl_matmul(c, x, ones(3, 2), .transpose_b = 1), "matmul|(2,3)|(3,2)");
    BAD(dl_matmul(c, dl_ones(c, DL_SHAPE(2, 2, 3)), dl_ones(c, DL_SHAPE(3, 3, 4))), "matmul|(2,2,3)|(3,3,4)");
    BAD(dl_matmul(c, dl_scalar(c, 1), x), "matmul|()");
    BAD(dl_linear(c, x, ones(4, 4), NULL), "linear|(2,3)|(4,4)");
    BAD(dl_linear(c, x, ones(4, 3), dl_ones(c, DL_SHAPE(5))), "linear|(5)");
    BAD(dl_linear(c, x, dl_ones(c, DL_SHAPE(3)), NULL), "linear|(3)");
    BAD(dl_linear(c, x, ones(4, 3), NULL, .activation = (dl_activation)99), "linear|99");
    BAD_(dl_gemm(c, 0, 0, -1, 2, 2, 1, m, 2, m, 2, 0, m, 2), "gemm|-1");
    BAD_(dl_gemm(c, 0, 0, 2, 2, 3, 1, m, 2, m, 2, 0, m + 8, 2), "gemm|lda");
    BAD_(dl_gemm(c, 0, 1, 2, 2, 3, 1, m, 3, m, 2, 0, m + 8, 2), "gemm|ldb");
    BAD_(dl_gemm(c, 0, 0, 2, 2, 2, 1, m, 2, m, 2, 0, m + 8, 1), "gemm|ldc");
    BAD_(dl_gemm(c, 0, 0, 2, 2, 2, 1, NULL, 2, m, 2, 0, m, 2), "gemm|NULL");
    BAD_(dl_gemm(c, 0, 0, 2, 2, 2, 1, m, 2, m, 2, 0, NULL, 2), "gemm|NULL");
    CHECK(!dl_gemm(NULL, 0, 0, 2, 2, 2, 1, m, 2, m, 2, 0, m + 8, 2));
    BAD(dl_cross_entropy(c, x, ints(3, 0)), "cross_entropy|(2,3)|(3)");
    BAD(dl_cross_entropy(c, x, ones(2, 4)), "cross_entropy|(2,3)|(2,4)");
    BAD(dl_cross_entropy(c, x, ints(2, 0), .weight = dl_ones(c, DL_SHAPE(4))), "cross_entropy|(4)");
    BAD(dl_cross_entropy(c, x, ints(2, 0), .label_smoothing = 2), "cross_entropy|2");
    BAD(dl_cross_entropy(c, x, ints(2, 0), .label_smoothing = -1), "cross_entropy|-1");
    BAD(dl_cross_entropy(c, x, ints(2, 0), .reduction = (dl_reduction)7), "cross_entropy|7");
    BAD(dl_mse_loss(c, x, ones(2, 4)), "mse_loss|(2,3)|(2,4)");
    BAD(dl_mse_loss(c, x, x, .reduction = (dl_reduction)-1), "mse_loss");
    BAD(dl_bce_with_logits(c, x, ones(3, 3)), "bce_with_logits|(2,3)|(3,3)");
    BAD(dl_dropout(c, x, (dl_real)-0.5), "dropout|-0.5");
    BAD(dl_dropout(c, x, (dl_real)1.5), "dropout|1.5");
    BAD(dl_dropout(c, x, (dl_real)NAN), "dropout");
}

static int any_shape(dl_ctx *ctx, dl_tensor *y)     { static const int64_t d[1] = {-1}; return dl_set_shape(ctx, y, 1, d); }
static int nine_axes(dl_ctx *ctx, dl_tensor *y)     { static const int64_t d[9] = {1}; return dl_set_shape(ctx, y, 9, d); }
static int no_shape(dl_ctx *ctx, dl_tensor *y)      { (void)ctx; (void)y; return 1; }
static int no_error(dl_ctx *ctx, dl_tensor *y)      { (void)ctx; (void)y; return 0; }
static void no_forward(dl_ctx *ctx, dl_tensor *y)   { (void)ctx; (void)y; }
static dl_tensor *identity(dl_ctx *ctx, dl_tensor **x, void *user) { (void)user; return dl_neg(ctx, x[0]); }
static dl_tensor *changing(dl_ctx *ctx, dl_tensor **x, void *user)                          /* the first call is a good one */
{
    static int calls;
    const int how = *(int *)user;
    if (calls++ % 2 == 0) return dl_neg(ctx, x[0]);
    if (how == 0) dl_step_begin(ctx);
    return how == 0 ? dl_ones(ctx, DL_SHAPE(2, 3)) : how == 1 ? dl_argmax(ctx, x[0], .dims = DL_DIM(1)) : dl_repeat(ctx, x[0], DL_SHAPE(999, 99));
}

static void autograd(void)
{
    static const dl_op negative = {"negative", any_shape, no_forward, NULL}, many = {"many", nine_axes, no_forward, NULL};
    static const dl_op careless[2] = {{"careless", no_shape, no_forward, NULL}, {"careless", no_error, no_forward, NULL}};
    static const dl_op half[3] = {{NULL, any_shape, no_forward, NULL}, {"half", NULL, no_forward, NULL}, {"half", any_shape, NULL, NULL}};
    dl_tensor *x = dl_requires_grad(c, ones(2, 3), 1), *y = dl_exp(c, x), *list[10];
    const int64_t large[] = {3000, 3000};
    double certified;
    int i;
    BAD_(dl_backward(c, y), "backward|(2,3)");                                              /* not a scalar */
    BAD_(dl_backward(c, y, .grad = ones(3, 2)), "backward|(2,3)|(3,2)");
    BAD_(dl_backward(c, y, .grad = nil), "backward|nil");
    BAD_(dl_backward(c, NULL), "backward|NULL");
    BAD_(dl_backward(c, nil), "backward|nil");
    BAD_(dl_backward(c, dl_sum(c, ones(2, 3))), "backward");                                /* nothing requires a gradient */
    CHECK(!dl_backward(NULL, y));
    CHECK(x->grad == NULL);
    for (i = 0; i < 10; i++) list[i] = x;
    BAD(dl_apply(c, &negative, 1, list, NULL, 0), "negative|-1");
    BAD(dl_apply(c, &many, 1, list, NULL, 0), "many|9");
    BAD(dl_apply(c, NULL, 1, list, NULL, 0), "apply|NULL");
    for (i = 0; i < 3; i++) BAD(dl_apply(c, &half[i], 1, list, NULL, 0), "apply|NULL");
    for (i = 0; i < 2; i++) BAD(dl_apply(c, &careless[i], 1, list, NULL, 0), "apply|careless|dl_set_shape");
    BAD(dl_apply(c, &negative, -1, list, NULL, 0), "apply");
    BAD(dl_apply(c, &negative, 1, NULL, NULL, 0), "apply|NULL");
    BAD(dl_apply(c, &negative, 1, list, NULL, 8), "apply|NULL");
    BAD(dl_requires_grad(c, ints(3, 0), 1), "requires_grad");
    BAD(dl_requires_grad(c, y, 0), "requires_grad");                                        /* not a leaf */
    BAD(dl_requires_grad(c, NULL, 1), "requires_grad|NULL");
    BAD(dl_requires_grad(c, nil, 1), "requires_grad|nil");
    CHECK(dl_is_nil(dl_requires_grad(NULL, nil, 1)) && nil->requires_grad == 0);
    dl_zero_grad(NULL);
    dl_zero_grad(nil);
    BAD_(dl_set_shape(c, NULL, 2, x->shape), "set_shape|NULL");
    BAD_(dl_set_shape(c, nil, 2, x->shape), "set_shape|nil");
    BAD_(dl_set_shape(c, y, 2, large), "set_shape|(2,3) has its numbers already");
    CHECK(y->size == 6);
    CHECK(nil->ndim == 0 && nil->size == 0);
    CHECK(!dl_grad_of(c, NULL, &i) && !i && !dl_grad_of(c, nil, &i) && !i && !dl_grad_of(NULL, x, &i) && !i);
    BAD_(dl_gradcheck(c, NULL, 1, list), "gradcheck|no");
    BAD_(dl_gradcheck(c, identity, 0, list), "gradcheck|no");
    BAD_(dl_gradcheck(c, identity, 1, NULL), "gradcheck|no");
    i = 0; BAD_(dl_gradcheck(c, changing, 1, list, .user = &i), "step_begin: gradcheck still needs");
    i = 1; BAD_(dl_gradcheck(c, changing, 1, list, .user = &i), "gradcheck: the function's result (2) holds int32");
    i = 2; BAD_(dl_gradcheck(c, changing, 1, list, .user = &i), "gradcheck: the function's result is (1998,297), and was (2,3) before");
    list[0] = nil;
    BAD_(dl_gradcheck(c, identity, 1, list, .certified = &certified), "nil");
    CHECK(!dl_gradcheck(NULL, identity, 1, list));
}

typedef struct { dl_module base; int more; } own;
static dl_tensor *forgetful(dl_ctx *ctx, dl_tensor *x) { dl_step_begin(ctx); return dl_neg(ctx, x); }
static dl_tensor *forgetful_loss(dl_ctx *ctx, dl_tensor *y, dl_tensor *t) { (void)t; dl_step_begin(ctx); return dl_mean(ctx, y); }
static void forgetful_augment(dl_ctx *ctx, dl_tensor **x, dl_tensor **t, void *user) { (void)x; (void)t; (void)user; dl_step_begin(ctx); }
static dl_tensor *whole(dl_ctx *ctx, dl_tensor *x) { return dl_to_int(ctx, x); }
static dl_tensor *any_loss(dl_ctx *ctx, dl_tensor *y, dl_tensor *t) { (void)t; return dl_mean(ctx, dl_to_real(ctx, y)); }
static dl_tensor *own_forward(dl_ctx *ctx, dl_module *self, dl_tensor *x) { (void)self; return dl_neg(ctx, x); }

static void modules(void)
{
    static const dl_module_type good = {"own", sizeof(own), own_forward}, too_small = {"small", 4, own_forward}, mute = {"mute", sizeof(own), NULL};
    dl_module *m = dl_module_create(c, &good), *failed = dl_nn_linear(c, -1, 3);
    char name[4];
    CHECK(strstr(dl_error(c), "linear") && strstr(dl_error(c), "-1"));
    dl_clear_error(c);
    BADV(dl_nn_linear(c, 3, 0), "linear|0");
    BADV(dl_nn_linear(c, BIG, BIG), "linear|too large");
    BADV(dl_nn_dropout(c, 2), "dropout|2");
    BADV(dl_module_create(c, NULL), "module_create");
    BADV(dl_module_create(c, &too_small), "module_create");
    BADV(dl_module_add(c, NULL, "a", m), "module_add|NULL");
    BADV(dl_module_add(c, m, "a", NULL), "own|NULL");
    BADV(dl_module_add(c, m, "a", failed), "own|nil");
    BAD(dl_module_param(c, m, "w", DL_SHAPE(-1)), "-1");
    BAD(dl_module_param(c, m, NULL, DL_SHAPE(1)), "own|name");
    BAD(dl_module_param(c, NULL, "w", DL_SHAPE(1)), "module_param|NULL");
    BAD(dl_module_buffer(c, NULL, "w", DL_SHAPE(1)), "NULL");
    BAD(dl_module_param(c, failed, "w", DL_SHAPE(1)), "module_param");
    dl_module_param(c, m, "w", DL_SHAPE(1));
    BAD(dl_module_param(c, m, "w", DL_SHAPE(1)), "own|w");                         /* twice */
    BAD(dl_module_get(c, net, "7.weight"), "module_get|7.weight");
    BAD(dl_module_get(c, net, NULL), "module_get|NULL");
    BAD(dl_module_get(c, NULL, "w"), "module_get|NULL");
    CHECK(dl_module_at(NULL, 0, NULL, 0) == NULL && dl_module_at(net, -1, NULL, 0) == NULL && dl_module_at(net, 99, NULL, 0) == NULL);
    CHECK(dl_module_at(net, 0, name, sizeof name) != NULL && !strcmp(name, "0.w"));         /* cut */
    CHECK(dl_param_count(NULL) == 0 && dl_param_count(failed) == 0);
    dl_zero_grads(NULL);
    dl_zero_grads(failed);
    BAD(dl_forward(c, NULL, ones(2, 3)), "forward|NULL");
    BAD(dl_forward(c, failed, ones(2, 3)), "forward|nil");
    BAD(dl_forward(c, dl_module_create(c, &mute), ones(2, 3)), "mute");                     /* no forward function */
    BAD(dl_forward(c, net, NULL), "NULL");
    BAD(dl_forward(c, net, nil), "nil");
    BAD(dl_forward(c, net, ones(2, 7)), "linear|(2,7)");
    BAD(dl_forward(c, net, dl_to_int(c, ones(2, 3))), "linear");
    CHECK(dl_is_nil(dl_forward(NULL, net, ones(2, 3))));
    BADV(dl_nn_sequential_with(c, NULL, 2), "sequential|NULL");
    BADV(dl_nn_sequential_with(c, &m, -1), "sequential|-1");
    BADV(dl_nn_sequential(c, m, failed), "sequential");
    CHECK_OK(c);
    CHECK(dl_is_nil(dl_forward(NULL, dl_nn_linear(NULL, 2, 3), ones(2, 2))));               /* modules without a context */
    dl_nn_relu(NULL), dl_nn_tanh(NULL), dl_nn_sigmoid(NULL), dl_nn_softmax(NULL, 1), dl_nn_flatten(NULL), dl_nn_dropout(NULL, 0);
    dl_module_create(NULL, &good), dl_module_add(NULL, m, "x", m), dl_module_param(NULL, m, "y", DL_SHAPE(1));
    dl_module_buffer(NULL, m, "y", DL_SHAPE(1)), dl_module_get(NULL, m, "y"), dl_nn_sequential(NULL, m);
}

static void initializers_and_optimizers(void)
{
    dl_tensor *w = ones(3, 4), *vector = dl_ones(c, DL_SHAPE(3));
    dl_optim *o;
    BADV(dl_init_uniform(c, NULL, 0, 1), "init_uniform|NULL");
    BADV(dl_init_uniform(c, nil, 0, 1), "init_uniform|nil");
    BADV(dl_init_uniform(c, ints(3, 0), 0, 1), "init_uniform");
    BADV(dl_init_normal(c, NULL, 0, 1), "init_normal|NULL");
    BADV(dl_init_normal(c, w, 0, -1), "init_normal|-1");
    BADV(dl_init_constant(c, NULL, 1), "init_constant|NULL");
    BADV(dl_init_trunc_normal(c, NULL, 0, 1, -2, 2), "init_trunc_normal|NULL");
    BADV(dl_init_trunc_normal(c, w, 0, 1, 2, -2), "init_trunc_normal");
    BADV(dl_init_orthogonal(c, NULL, 1), "init_orthogonal|NULL");
    BADV(dl_init_orthogonal(c, vector, 1), "init_orthogonal|(3)");
    BADV(dl_init_lecun_normal(c, vector), "init_lecun_normal|(3)");
    BADV(dl_init_lecun_uniform(c, nil), "init_lecun_uniform|nil");
    BADV(dl_init_xavier_uniform(c, vector), "init_xavier_uniform|(3)");
    BADV(dl_init_xavier_normal(c, NULL), "init_xavier_normal|NULL");
    BADV(dl_init_he_uniform(c, vector), "init_he_uniform|(3)");
    BADV(dl_init_he_normal(c, w, .mode = (dl_fan)9), "init_he_normal|9");
    BADV(dl_init_kaiming_normal(c, NULL), "init_he_normal|NULL");
    CHECK(dl_item(dl_sum(c, w)) == 12 && dl_item(dl_sum(c, vector)) == 3);                  /* untouched */
    CHECK(isnan(dl_init_gain("gelu9")) && isnan(dl_init_gain(NULL)));
    dl_init_uniform(NULL, w, 0, 1), dl_init_normal(NULL, w, 0, 1), dl_init_constant(NULL, nil, 1), dl_init_orthogonal(NULL, w, 1);
    dl_init_trunc_normal(NULL, w, 0, 1, -2, 2), dl_init_lecun_normal(NULL, w), dl_init_lecun_uniform(NULL, w);
    dl_init_xavier_uniform(NULL, w), dl_init_xavier_normal(NULL, w), dl_init_he_uniform(NULL, w), dl_init_he_normal(NULL, w);

    BADV(dl_optim_sgd(c, NULL), "optim_sgd|NULL");
    BADV(dl_optim_adam(c, NULL), "optim_adam|NULL");
    BADV(dl_optim_adamw(c, NULL), "optim_adamw|NULL");
    BADV(dl_optim_sgd(c, dl_nn_relu(c)), "optim_sgd");                                      /* nothing to train */
    BADV(dl_optim_sgd(c, net, .lr = (dl_real)-0.5), "optim_sgd|-0.5");
    BADV(dl_optim_sgd(c, net, .momentum = -2), "optim_sgd|-2");
    BADV(dl_optim_sgd(c, net, .nesterov = 1), "optim_sgd");                                 /* needs momentum */
    BADV(dl_optim_adam(c, net, .lr = (dl_real)NAN), "optim_adam");
    BADV(dl_optim_adam(c, net, .beta1 = 1), "optim_adam|1");
    BADV(dl_optim_adam(c, net, .beta2 = (dl_real)1.5), "optim_adam|1.5");
    BADV(dl_optim_adamw(c, net, .eps = (dl_real)-0.5), "optim_adamw|-0.5");
    BADV(dl_optim_adamw(c, net, .weight_decay = -2), "optim_adamw|-2");
    BAD_(dl_optim_step(c, NULL), "optim_step|NULL");
    o = dl_optim_sgd(NULL, net);
    CHECK(!dl_optim_step(NULL, opt) && !dl_optim_step(NULL, o));
    CHECK(isnan(dl_optim_lr(NULL)));
    dl_optim_set_lr(NULL, 1);
    BADV(dl_clip_grad_norm(c, NULL, 1), "clip_grad_norm|NULL");
    BADV(dl_clip_grad_norm(c, net, -1), "clip_grad_norm|-1");
    BADV(dl_clip_grad_norm(c, net, NAN), "clip_grad_norm");
    BADV(dl_clip_grad_value(c, NULL, 1), "clip_grad_value|NULL");
    BADV(dl_clip_grad_value(c, net, -1), "clip_grad_value|-1");
    dl_clip_grad_norm(NULL, net, 1), dl_clip_grad_value(NULL, net, 1);
}

static const char *file_of(const void *bytes, size_t n)  /* a file of these bytes */
{
    static const char path[] = "build/test/" BUILD "bad.idx";
    FILE *f = fopen(path, "wb");
    if (f) { fwrite(bytes, 1, n, f); fclose(f); }
    CHECK(f != NULL);
    return path;
}

static void data(void)
{
    static const unsigned char head[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 2, 1, 2, 3, 4, 5, 6, 7, 8, 9};
    unsigned char b[sizeof head];
    dl_dataset *d = dl_data_tensors(c, ones(4, 3), ints(4, 0)), empty;
    dl_loader *l = dl_loader_create(c, d);
    size_t n;
    CHECK_OK(c);
    BADV(dl_data_tensors(c, ones(4, 3), ints(5, 0)), "data_tensors|(4,3)|(5)");
    BADV(dl_data_tensors(c, NULL, ints(5, 0)), "data_tensors|nil");
    BADV(dl_data_tensors(c, ones(4, 3), NULL), "data_tensors|nil");
    BADV(dl_data_tensors(c, nil, ints(5, 0)), "data_tensors|nil");
    BADV(dl_data_tensors(c, dl_scalar(c, 1), ints(1, 0)), "data_tensors");
    BADV(dl_data_tensors(c, ones(4, 3), ints(4, -2)), "data_tensors|-2");
    BADV(dl_data_mnist(c, NULL), "NULL");
    BADV(dl_data_mnist(c, "no/such/folder"), "no/such/folder/t10k-images");
    BADV(dl_data_mnist(c, "no/such/folder", .train = 1), "no/such/folder/train-images");
    BADV(dl_data_drawn_digits(c, 0, 1), "data_drawn_digits|0");
    BADV(dl_data_drawn_digits(c, -5, 1), "drawn_digits|-5");
    BADV(dl_data_drawn_digits(c, INT64_MAX, 1), "drawn_digits");
    BAD(dl_data_idx(c, NULL), "idx|NULL");
    BAD(dl_data_idx(c, "no/such.idx"), "idx|no/such.idx");
    CHECK(!dl_is_nil(dl_data_idx(c, file_of(head, 24))));
    CHECK_OK(c);
    for (n = 0; n < 24; n++) BAD(dl_data_idx(c, file_of(head, n)), "idx|bad.idx");     /* every prefix */
    BAD(dl_data_idx(c, file_of(head, 25)), "idx|bad.idx");                             /* something behind the end */
    for (n = 0; n < 4; n++) {                                                               /* every byte of the magic wrong */
        memcpy(b, head, sizeof b);
        b[n] = 0xff;
        BAD(dl_data_idx(c, file_of(b, 24)), "idx|bad.idx");
    }
    memcpy(b, head, sizeof b);
    memset(b + 4, 0xff, 12);                                                                /* the product overflows */
    BAD(dl_data_idx(c, file_of(b, 24)), "idx|bad.idx");
    memset(b + 4, 0, 4);                                                                    /* an axis of size 0 */
    BAD(dl_data_idx(c, file_of(b, 24)), "idx|bad.idx");
    b[0] = 0x1f, b[1] = 0x8b;
    BAD(dl_data_idx(c, file_of(b, 24)), "idx|gz");
    BADV(dl_loader_create(c, NULL), "loader_create|NULL");
    BADV(dl_loader_create(c, d, .batch_size = -1), "loader_create|-1");
    BADV(dl_loader_create(c, d, .batch_size = 5, .drop_last = 1), "loader_create|5");       /* not one batch */
    memset(&empty, 0, sizeof empty);
    BADV(dl_loader_create(c, &empty), "loader_create");
    BAD_(dl_next_batch(c, NULL), "next_batch|NULL");
    dl_fail(c, "stands");
    CHECK(!dl_next_batch(c, l) && !dl_next_batch(NULL, l));
    dl_clear_error(c);
    BADV(dl_evaluate(c, NULL, d), "module is NULL");
    BADV(dl_evaluate(c, net, NULL), "evaluate|NULL");
    BADV(dl_evaluate(c, net, d, .batch_size = -1), "evaluate|-1");
    BADV(dl_fit(c, NULL, opt, d, .quiet = 1), "module is NULL");
    BADV(dl_fit(c, net, NULL, d, .quiet = 1), "optimizer is NULL");
    BADV(dl_fit(c, net, opt, NULL), "data set is NULL");
    BADV(dl_fit(c, net, opt, d, .epochs = -1, .quiet = 1), "fit|-1");
    BADV(dl_fit(c, net, opt, d, .batch_size = -1, .quiet = 1), "-1");
    BADV(dl_fit(c, net, opt, d, .clip_norm = -1, .quiet = 1), "-1");
    BADV(dl_fit(c, net, opt, dl_data_tensors(c, ones(4, 7), ints(4, 0)), .quiet = 1), "linear|(4,7)");
    BADV(dl_fit(c, net, opt, dl_data_tensors(c, ones(4, 3), ints(4, 9)), .quiet = 1), "cross_entropy|9");
    BADV(dl_evaluate(c, dl_nn_function(c, "forgetful", forgetful), d), "step_begin: forgetful still needs the tensors of this step");
    BADV(dl_evaluate(c, net, d, .loss = forgetful_loss), "step_begin: the loss still needs");
    BADV(dl_fit(c, net, opt, d, .loss = forgetful_loss, .quiet = 1), "step_begin: the loss still needs");
    BADV(dl_next_batch(c, dl_loader_create(c, d, .augment = forgetful_augment)), "step_begin: next_batch still needs");
    CHECK(dl_evaluate(c, dl_nn_sequential(c, net, dl_nn_function(c, "whole", whole)), d, .loss = any_loss).accuracy == 0);
    CHECK_OK(c);
    dl_evaluate(NULL, net, d), dl_fit(NULL, net, opt, d, .quiet = 1);
    CHECK(!dl_data_tensors(NULL, ones(4, 3), ints(4, 0))->size && !dl_data_mnist(NULL, "x")->size);
    CHECK(!dl_data_drawn_digits(NULL, 1, 1)->size && dl_is_nil(dl_data_idx(NULL, "x")));
    CHECK(!dl_next_batch(c, dl_loader_create(NULL, d)));
    CHECK_ERROR(c, "next_batch: the loader is nil");
    remove(file_of("", 0));
}

static void printing(void)
{
    FILE *f = tmpfile();
    if (!CHECK(f != NULL)) return;
    dl_fprint(f, NULL);
    dl_fprint(f, nil);
    dl_fprint(NULL, ones(2, 3));
    dl_print(NULL);
    dl_print(nil);
    fclose(f);
    BADV(dl_summary(c, NULL, NULL), "summary|NULL");
    BADV(dl_summary(c, net, NULL), "summary|NULL");
    dl_summary(NULL, net, NULL);
    dl_clear_error(c);
    CHECK(dl_error(c) == NULL);
}

/* A tensor of an older step, whose memory serves others since: never read, and nothing written there. */
static void forgotten_tensors(void)
{
    dl_module *empty = dl_nn_sequential_with(c, NULL, 0);
    dl_dataset *d = dl_data_tensors(c, ones(4, 3), ints(4, 0));
    dl_tensor *x, *other;
    int64_t i, changed = 0;
    dl_step_begin(c);
    x = dl_exp(c, dl_requires_grad(c, ones(2, 3), 1));
    dl_step_begin(c);
    other = dl_empty(c, DL_SHAPE(20000));
    memset(other->data, 0x41, 20000 * sizeof(dl_real));
    BAD(dl_std(c, x, .dims = DL_DIM(0)), "std: x was made before the last dl_step_begin");
    BAD(dl_mean(c, x, .dims = DL_DIM(0)), "mean: an input was made before");
    BAD(dl_forward(c, empty, x), "forward: the input was made before");
    BADV(dl_data_tensors(c, x, x), "data_tensors: the tensor of inputs was made before");
    BADV(dl_loader_create(c, d, .weights = x), "loader_create: the tensor of weights was made before");
    dl_fail(c, "shape %t", x);
    CHECK_ERROR(c, "shape (of an older step)");
    dl_print(x);
    dl_zero_grad(x);
    dl_retain_grad(x);
    CHECK(isnan(dl_item(x)) && isnan(dl_tensor_stats(x).mean) && isnan(dl_grad_stats(x).mean));
    CHECK(!dl_is_norm_or_bias("w", x, NULL) && !dl_is_norm_or_bias("w", NULL, NULL));
    for (i = 0; i < 20000; i++) changed += memcmp(&other->data[i], &other->data[0], sizeof(dl_real)) != 0;
    CHECK(changed == 0 && ((unsigned char *)other->data)[3] == 0x41);
    CHECK_OK(c);
}

static dl_tensor *closure_of_before(dl_ctx *ctx, void *user)
{
    dl_tensor *loss = dl_sum(ctx, dl_forward(ctx, (dl_module *)user, ones(2, 3)));
    dl_backward(ctx, loss);
    dl_step_begin(ctx);
    dl_full(ctx, DL_SHAPE(20000), 7);
    return loss;
}
static double forgetful_statistic(const int32_t *index, int64_t n, void *user) { (void)n; (void)user; dl_step_begin(c); return index[0]; }
static const char *forgetful_rename(const char *name, void *user) { (void)user; dl_step_begin(c); return name; }

static void forgetful_callbacks(void)
{
    static const char path[] = "build/test/" BUILD "forgetful.safetensors";
    dl_module *m = dl_nn_linear(c, 3, 2);
    dl_optim *o = dl_optim_sgd(c, m, .lr = (dl_real)0.1);
    BADV(dl_optim_step_closure(c, o, closure_of_before, m), "optim_sgd: the loss of the closure was made before");
    BADV(dl_optim_step_closure(c, dl_optim_lbfgs(c, m), closure_of_before, m), "optim_lbfgs: the loss of the closure was made before");
    BADV(dl_bootstrap(c, 10, forgetful_statistic, NULL), "step_begin: bootstrap still needs");
    BADV(dl_bootstrap(c, 10, NULL, NULL), "bootstrap: the statistic is NULL");
    CHECK(dl_save(c, m, path));
    BAD_(dl_load(c, m, path, .rename = forgetful_rename), "step_begin: load still needs");
    CHECK(dl_load(c, m, path));
    CHECK_OK(c);
    remove(path);
}

static void messages(void)
{
    dl_tensor *x = ones(2, 4), *w = ones(1, 3);
    dl_module *cell = dl_nn_lstm_cell(c, 3, 2);
    BAD(dl_bce_with_logits(c, x, x, .pos_weight = w), "bce_with_logits: pos_weight (1,3) for (2,4)");
    BAD(dl_coupling(c, x, w, x, x), "coupling: mask (1,3) for (2,4)");
    BAD(dl_forward(c, cell, w), "the module is a lstm cell, expected a recurrent layer");
    BADV(dl_optim_rprop(c, net, .step_max = -3), "optim_rprop: step_max is -3");
    BADV(dl_init_xavier_uniform(c, w, .gain = -2), "init_xavier_uniform: gain is -2");
    BADV(dl_init_he_normal(c, w, .gain = NAN), "init_he_normal: gain is nan");
    CHECK(!dl_alloc(c, SIZE_MAX));
    CHECK_ERROR(c, "out of memory: 9223372036854775807 bytes");
    BAD_(dl_checkpoint_save(c, "build/test/" BUILD "none", .module = net, .nnumbers = -1), "nnumbers -1");
    dl_init_xavier_normal(c, w, .gain = -1);                               /* an exact 0 */
    CHECK(dl_item(dl_sum(c, dl_abs(c, w))) == 0);
    dl_init_he_uniform(c, x, .gain = -1);
    CHECK(dl_item(dl_sum(c, dl_abs(c, x))) == 0);
    w = dl_randn(c, DL_SHAPE(1, 1, 3, 4));
    x = dl_attention(c, w, w, w, .scale = -1);                             /* all keys weigh the same */
    w = dl_sub(c, x, dl_mean(c, w, .dims = DL_DIM(2), .keepdim = 1));
    CHECK(x->size == 12 && dl_item(dl_max(c, dl_abs(c, w))) < 1e-6);
    CHECK_OK(c);
}

static void the_context_still_works(void)
{
    double loss = 0;
    int i;
    for (i = 0; i < 20; i++) {
        dl_tensor *y;
        dl_step_begin(c);
        y = dl_cross_entropy(c, dl_forward(c, net, ones(2, 3)), ints(2, 1));
        dl_backward(c, y);
        dl_optim_step(c, opt);
        loss = dl_item(y);
    }
    CHECK_OK(c);
    CHECK(loss < 0.5 && weights() != weights_before);
}

int main(void)
{
    c = dl_create(.seed = 1);
    net = dl_nn_sequential(c, dl_nn_linear(c, 3, 8), dl_nn_relu(c), dl_nn_linear(c, 8, 4));
    opt = dl_optim_adam(c, net, .lr = (dl_real)0.1);
    nil = dl_fail(c, "for the nil tensor");
    dl_clear_error(c);
    weights_before = weights();
    RUN(every_tensor_argument);
    RUN(creation);
    RUN(shapes);
    RUN(reductions_and_indices);
    RUN(products_and_losses);
    RUN(autograd);
    RUN(modules);
    RUN(initializers_and_optimizers);
    RUN(data);
    RUN(printing);
    RUN(forgotten_tensors);
    RUN(forgetful_callbacks);
    RUN(messages);
    RUN(the_context_still_works);
    dl_destroy(c);
    TEST_END;
}
