/* build: float double asan */
/* Modules: names, trees, sequential, dropout, custom modules, the summary; and initializers. */
#include "dl.h"
#include "test.h"
#if defined(__unix__)
#include <fcntl.h>
#include <unistd.h>
#endif

static dl_module *mlp(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_flatten(c), dl_nn_linear(c, 6, 5), dl_nn_relu(c), dl_nn_dropout(c, (dl_real)0.5), dl_nn_linear(c, 5, 3, .no_bias = 1));
}

/* A module of one's own with children, a parameter and a buffer. */
typedef struct { dl_module base; dl_module *fc1, *fc2; dl_tensor *gain, *offset; } block;

static dl_tensor *block_forward(dl_ctx *c, dl_module *self, dl_tensor *x)
{
    block *b = (block *)self;
    dl_tensor *y = dl_forward(c, b->fc2, dl_tanh(c, dl_forward(c, b->fc1, x)));
    return dl_add(c, dl_add(c, x, dl_mul(c, y, b->gain)), b->offset);
}
static const dl_module_type block_type = { "block", sizeof(block), block_forward };

static dl_module *make_block(dl_ctx *c, int64_t n)
{
    block *b = (block *)dl_module_create(c, &block_type);
    b->fc1 = dl_module_add(c, &b->base, "fc1", dl_nn_linear(c, n, n));
    b->fc2 = dl_module_add(c, &b->base, "fc2", dl_nn_linear(c, n, n));
    b->gain = dl_module_param(c, &b->base, "gain", DL_SHAPE(n));
    b->offset = dl_module_buffer(c, &b->base, "offset", DL_SHAPE(n));
    return &b->base;
}

/* --- trees --------------------------------------------------------------------------------------------- */
static void names(void)                                    /* order and names of PyTorch's state_dict */
{
    static const char *expected[] = {"0.weight", "0.bias", "1.gain", "1.offset", "1.fc1.weight", "1.fc1.bias", "1.fc2.weight", "1.fc2.bias",
                                     "3.0.weight", "3.0.bias"};
    dl_ctx *c = dl_create();
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 4), make_block(c, 4), dl_nn_tanh(c), dl_nn_sequential(c, dl_nn_linear(c, 4, 1)));
    char name[64], small[6];
    int n = 0;
    dl_param *p;
    for (; (p = dl_module_at(net, n, name, sizeof name)) != NULL; n++) {
        CHECK(n < 10 && !strcmp(name, expected[n]));
        CHECK(dl_module_get(c, net, name) == p->tensor);
        CHECK(p->is_buffer == !strcmp(name, "1.offset"));
        CHECK(p->tensor->requires_grad == !p->is_buffer);
        dl_module_at(net, n, small, sizeof small);         /* cut, never overrun */
        CHECK(!strncmp(small, expected[n], 5) && strlen(small) == 5);
    }
    CHECK(n == 10);
    CHECK(dl_module_at(net, -1, NULL, 0) == NULL && dl_module_at(NULL, 0, name, sizeof name) == NULL && !*name);
    CHECK(dl_param_count(net) == 12 + (4 + 2 * 20) + 5);
    CHECK(dl_module_get(c, net, "1.fc1.weight")->shape[0] == 4);
    CHECK(!strcmp(dl_module_at(net->children[1], 2, name, sizeof name)->name, "weight") && !strcmp(name, "fc1.weight"));
    CHECK_OK(c);
    dl_destroy(c);
}

static void shapes_and_counts(void)
{
    dl_ctx *c = dl_create();
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 784, 50), dl_nn_relu(c), dl_nn_linear(c, 50, 10));
    ROW("MLP-13");
    CHECK(dl_param_count(net) == 39760);
    CHECK(dl_module_get(c, net, "0.weight")->shape[0] == 50 && dl_module_get(c, net, "0.weight")->shape[1] == 784);
    CHECK(dl_param_count(dl_nn_sequential(c, dl_nn_linear(c, 784, 50), dl_nn_linear(c, 50, 100), dl_nn_linear(c, 100, 10))) == 45360);
    CHECK(dl_param_count(dl_nn_linear(c, 3072, 10)) == 30730 && dl_param_count(dl_nn_linear(c, 3072, 10, .no_bias = 1)) == 30720);
    dl_destroy(c);
}

static void growing(void)                                  /* by dl_module_add, to any number and depth */
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *list = dl_nn_sequential_with(c, NULL, 0), *deep = dl_nn_linear(c, 1, 1);
    char name[16];
    for (int i = 0; i < 300; i++) dl_module_add(c, list, NULL, dl_nn_linear(c, 2, 2));
    CHECK(list->nchildren == 300 && dl_param_count(list) == 300 * 6);
    dl_module_at(list, 2 * 299 + 1, name, sizeof name);
    CHECK(!strcmp(name, "299.bias"));
    CHECK(dl_forward(c, list, dl_ones(c, DL_SHAPE(1, 2)))->size == 2);
    for (int i = 0; i < 100000; i++) {
        dl_module *outer = dl_nn_sequential_with(c, NULL, 0);
        dl_module_add(c, outer, NULL, deep);
        deep = outer;
    }
    CHECK(dl_param_count(deep) == 2);                      /* walking does not recurse */
    CHECK_OK(c);
    CHECK(dl_is_nil(dl_forward(c, deep, dl_ones(c, DL_SHAPE(1, 1)))));
    CHECK_ERROR(c, "deep");                                /* running does, and has a limit */
    dl_destroy(c);
}

static dl_tensor *endless(dl_ctx *c, dl_module *self, dl_tensor *x) { return dl_forward(c, self, x); }
static dl_tensor *nothing(dl_ctx *c, dl_module *self, dl_tensor *x) { (void)c; (void)self; (void)x; return NULL; }

static void bad_modules(void)
{
    static const dl_module_type endless_type = {"endless", sizeof(dl_module), endless}, null_type = {"nothing", sizeof(dl_module), nothing};
    static const dl_module_type tiny = {"tiny", 1, endless}, huge = {"huge", 1 << 20, endless}, idle = {"idle", sizeof(dl_module), NULL};
    dl_ctx *c = dl_create();
    dl_module *a = dl_nn_linear(c, 2, 2), *b, *list[2], *s = dl_nn_sequential(c, a), *nil;
    dl_module_list many;
    dl_tensor *x = dl_ones(c, DL_SHAPE(3, 2));
    dl_nn_sequential(c, dl_nn_relu(c), NULL, dl_nn_relu(c));           CHECK_ERROR(c, "child \"1\" is NULL");
    list[0] = dl_nn_relu(c); list[1] = NULL;
    dl_nn_sequential_with(c, list, 2);                                 CHECK_ERROR(c, "NULL");
    dl_nn_sequential_with(c, NULL, 2);                                 CHECK_ERROR(c, "NULL");
    dl_nn_sequential_with(c, list, -1);                                CHECK_ERROR(c, "-1 modules");
    for (int i = 0; i < DL_MAX_LIST; i++) many.m[i] = NULL;
    dl_nn_sequential_list(c, many);                                    CHECK_ERROR(c, "more than 127");
    dl_module_add(c, s, "again", a);                                   CHECK_ERROR(c, "one parent");
    dl_nn_sequential(c, list[0], dl_nn_tanh(c), NULL);                 CHECK_ERROR(c, "child \"2\" is NULL");
    dl_nn_sequential(c, list[0], list[0]);                             CHECK_ERROR(c, "child \"1\" is already in a tree");
    dl_nn_sequential(c, dl_nn_tanh(c), list[0]);                       CHECK_OK(c);         /* it went back both times */
    CHECK(list[0]->index == 1 && !strcmp(list[0]->name, "1"));
    b = dl_nn_sequential_with(c, NULL, 0);
    dl_module_add(c, s, "b", b);
    dl_module_add(c, b, "s", s);                                       CHECK_ERROR(c, "one parent");
    dl_module_add(c, b, "b", b);                                       CHECK_ERROR(c, "one parent");
    dl_module_add(c, s, "b", dl_nn_relu(c));                           CHECK_ERROR(c, "already");
    dl_module_add(c, s, "a.b", dl_nn_relu(c));                         CHECK_ERROR(c, "a.b");
    dl_module_add(c, s, "", dl_nn_relu(c));                            CHECK_ERROR(c, "name");
    dl_module_add(c, NULL, "x", dl_nn_relu(c));                        CHECK_ERROR(c, "NULL");
    dl_module_param(c, a, "weight", DL_SHAPE(2));                      CHECK_ERROR(c, "already");
    dl_module_param(c, a, "w2", DL_SHAPE(-2));                         CHECK_ERROR(c, "-2");
    dl_module_param(c, a, "w2", DL_SHAPE(4, 0, 5));                    CHECK_ERROR(c, "module_param: axis 1 has size 0");
    dl_module_buffer(c, a, "w2", DL_SHAPE(0, 5));                      CHECK_ERROR(c, "module_buffer: axis 0 has size 0");
    dl_module_get(c, s, "0.wheel");                                    CHECK_ERROR(c, "0.wheel");
    dl_module_get(c, s, NULL);                                         CHECK_ERROR(c, "NULL");
    dl_nn_linear(c, 0, 5);                                             CHECK_ERROR(c, "linear");
    dl_nn_linear(c, INT64_MAX, INT64_MAX);                             CHECK_ERROR(c, "linear");
    dl_nn_dropout(c, 2);                                               CHECK_ERROR(c, "dropout: p is 2");
    dl_nn_function(c, "f", NULL);                                      CHECK_ERROR(c, "NULL");
    dl_module_create(c, &tiny);                                        CHECK_ERROR(c, "module_create");
    dl_module_create(c, &huge);                                        CHECK_ERROR(c, "module_create");
    nil = dl_module_create(c, NULL);                                   CHECK_ERROR(c, "module_create");
    dl_forward(c, nil, x);                                             CHECK_ERROR(c, "nil");
    dl_forward(c, NULL, x);                                            CHECK_ERROR(c, "NULL");
    dl_forward(c, a, NULL);                                            CHECK_ERROR(c, "input of linear is NULL");
    dl_forward(c, a, dl_ones(c, DL_SHAPE(3, 7)));                      CHECK_ERROR(c, "(3,7)");
    dl_forward(c, dl_module_create(c, &endless_type), x);              CHECK_ERROR(c, "endless");
    dl_forward(c, dl_module_create(c, &null_type), x);                 CHECK_ERROR(c, "nothing returned NULL");
    b = dl_module_create(c, &idle);
    dl_forward(c, b, x);                                               CHECK_ERROR(c, "idle");
    x = dl_module_param(c, b, "x", DL_SHAPE(3, 2));                    /* but it may hold parameters for an optimizer */
    dl_backward(c, dl_sum(c, dl_add_scalar(c, x, 1)));
    dl_optim_step(c, dl_optim_sgd(c, b, .lr = 2));
    CHECK(x->data[0] == -2 && x->data[5] == -2);
    b = dl_nn_sequential(c, a = dl_nn_linear(c, 2, 2), dl_nn_sequential(c, dl_nn_relu(c), dl_nn_linear(c, 3, 2)));
    dl_forward(c, b, x);                                               /* which of many linear layers it is */
    CHECK(dl_error(c) && !strcmp(dl_error(c), "linear: (3,2) with weight (2,3): 2 and 3 differ, in 1.1"));
    dl_clear_error(c);
    dl_reshape(c, x, DL_SHAPE(7));
    CHECK(dl_error(c) && !strcmp(dl_error(c), "reshape: (3,2) has 6 elements, which do not fill (7)"));
    dl_clear_error(c);
    dl_set_detect_nan(c, 1);
    a->params[0].tensor->data[0] = (dl_real)NAN;
    dl_forward(c, b, x);                                               /* names the module once */
    CHECK(dl_error(c) && !strcmp(dl_error(c), "detect_nan: result of linear in 0 (3,2): its input 1, parameter 0.weight (2,2), is nan at index 0"));
    dl_clear_error(c);
    dl_set_detect_nan(c, 0);
    CHECK(!dl_is_nil(dl_forward(c, s, x)));                            /* what was there still works */
    CHECK(dl_param_count(s) == 6 && dl_param_count(NULL) == 0 && dl_param_count(nil) == 0);
    dl_zero_grads(NULL);
    CHECK(dl_is_nil(dl_forward(NULL, s, x)));
    dl_nn_sequential(NULL, dl_nn_linear(NULL, 2, 2), dl_nn_relu(NULL), dl_nn_softmax(NULL, 1), dl_nn_dropout(NULL, 1));
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- forward -------------------------------------------------------------------------------------------- */
static void fused_is_unfused(void)                         /* linear + activation in one kernel: the same bits, gradients too */
{
    static const int width[] = {1, 3, 16, 33, 130};
    for (int w = 0; w < 5; w++)
        for (int act = 0; act < 4; act++) {
            dl_ctx *c = dl_create(.seed = 4);
            dl_tensor *x = dl_requires_grad(c, dl_mul_scalar(c, dl_randn(c, DL_SHAPE(7, 20)), 8), 1), *y[2];
            dl_module *f = act == 0 ? dl_nn_relu(c) : act == 1 ? dl_nn_sigmoid(c) : act == 2 ? dl_nn_tanh(c) : dl_nn_relu6(c);
            dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 20, width[w]), f);
            dl_tensor *weight = dl_module_get(c, net, "0.weight");
            dl_real dx[140], dw[20 * 130];
            for (int apart = 0; apart < 2; apart++) {
                y[apart] = apart ? dl_forward(c, net->children[1], dl_forward(c, net->children[0], x)) : dl_forward(c, net, x);
                dl_backward(c, dl_sum(c, dl_square(c, y[apart])));
                CHECK_OK(c);
                if (!apart) {
                    memcpy(dx, x->grad, sizeof dx);
                    memcpy(dw, weight->grad, (size_t)weight->size * sizeof(dl_real));
                } else {
                    CHECK(!memcmp(y[0]->data, y[1]->data, (size_t)y[0]->size * sizeof(dl_real)));
                    CHECK(!memcmp(dx, x->grad, sizeof dx));
                    CHECK(!memcmp(dw, weight->grad, (size_t)weight->size * sizeof(dl_real)));
                }
                dl_zero_grad(x);
                dl_zero_grads(net);
            }
            dl_destroy(c);
        }
}

static void linear(void)
{
    static const dl_real w[] = {1, 2, 3, 4, 5, 6}, b[] = {10, 20}, in[] = {1, 0, -1};
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_linear(c, 3, 2);
    dl_tensor *y;
    memcpy(dl_module_get(c, m, "weight")->data, w, sizeof w);
    memcpy(dl_module_get(c, m, "bias")->data, b, sizeof b);
    y = dl_forward(c, m, dl_tensor_from(c, in, DL_SHAPE(1, 3)));
    CHECK(y->data[0] == 1 - 3 + 10 && y->data[1] == 4 - 6 + 20);
    CHECK(dl_forward(c, m, dl_ones(c, DL_SHAPE(2, 5, 3)))->shape[1] == 5);
    CHECK_OK(c);
    dl_destroy(c);
}

static void small_modules(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *x = dl_randn(c, DL_SHAPE(2, 3, 4)), *y = dl_forward(c, dl_nn_flatten(c), x);
    CHECK(y->ndim == 2 && y->shape[0] == 2 && y->shape[1] == 12);
    y = dl_forward(c, dl_nn_softmax(c, 1), x);
    CHECK_NEAR(y->data[0] + y->data[4] + y->data[8], 1, 1e-6);
    y = dl_forward(c, dl_nn_function(c, "exp", dl_exp), x);
    CHECK_NEAR(y->data[0], exp((double)x->data[0]), 1e-6);
    CHECK(!strcmp(dl_nn_function(c, "exp", dl_exp)->type->name, "exp"));
    CHECK(!dl_is_nil(dl_forward(c, mlp(c), dl_randn(c, DL_SHAPE(4, 2, 3)))));
    CHECK_OK(c);
    dl_destroy(c);
}

static void dropout(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *m = dl_nn_dropout(c, (dl_real)0.25);
    dl_tensor *x = dl_ones(c, DL_SHAPE(100, 100)), *y = dl_forward(c, m, x), *z = dl_forward(c, m, x);
    int64_t zeros = 0;
    for (int64_t i = 0; i < y->size; i++) {
        zeros += y->data[i] == 0;
        CHECK(y->data[i] == 0 || fabs((double)y->data[i] - 4.0 / 3) < 1e-6);
    }
    CHECK(zeros > 2300 && zeros < 2700);
    CHECK(memcmp(y->data, z->data, (size_t)y->size * sizeof(dl_real)) != 0);       /* another mask every time */
    CHECK(dl_set_training(c, 0) == 1 && !dl_is_training(c));
    y = dl_forward(c, m, x);
    CHECK(!memcmp(y->data, x->data, (size_t)y->size * sizeof(dl_real)));
    dl_destroy(c);
}

/* A parameter gets a gradient if it was trained when the result was made and is trained in dl_backward, as in PyTorch. */
static void frozen(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *G = dl_nn_linear(c, 2, 2), *D = dl_nn_linear(c, 2, 1), *mha = dl_nn_mha(c, 4, 2), *gru = dl_nn_gru(c, 2, 3);
    dl_tensor *z = dl_ones(c, DL_SHAPE(4, 2)), *w = dl_module_get(c, D, "weight"), *above = dl_module_get(c, G, "bias");
    dl_tensor *q = dl_requires_grad(c, dl_randn(c, DL_SHAPE(1, 3, 4)), 1), *k = dl_randn(c, DL_SHAPE(1, 2, 4)), *y;
    dl_tensor *many[40];
    int before, after, i;
    for (before = 0; before < 2; before++)
        for (after = 0; after < 2; after++) {
            dl_nn_freeze(D, before); dl_nn_freeze(mha, before); dl_nn_freeze(gru, before);
            y = dl_sum(c, dl_forward(c, D, dl_forward(c, G, z)));
            y = dl_add(c, y, dl_sum(c, dl_nn_mha_forward(c, mha, q, k, NULL)));
            y = dl_add(c, y, dl_sum(c, dl_forward(c, gru, dl_forward(c, G, dl_reshape(c, z, DL_SHAPE(2, 2, 2))))));
            dl_nn_freeze(D, after); dl_nn_freeze(mha, after); dl_nn_freeze(gru, after);
            CHECK(dl_backward(c, y));
            CHECK(above->grad != NULL && q->grad != NULL);
            CHECK((w->grad != NULL) == (!before && !after));
            CHECK((dl_module_get(c, mha, "in_proj_weight")->grad != NULL) == (!before && !after));
            CHECK((dl_module_get(c, mha, "out_proj.weight")->grad != NULL) == (!before && !after));
            CHECK((dl_module_get(c, gru, "weight_hh_l0")->grad != NULL) == (!before && !after));
            dl_zero_grads(G);
        }
    y = dl_mul(c, z, q = dl_requires_grad(c, dl_full(c, DL_SHAPE(4, 2), 3), 1));       /* a tensor alone; d y / d z = q */
    dl_requires_grad(c, z, 1);
    CHECK(dl_backward(c, dl_sum(c, y)) && z->grad == NULL && q->grad[7] == 1);
    CHECK(dl_backward(c, dl_sum(c, dl_mul(c, z, q))) && z->grad[7] == 3 && q->grad[7] == 2);
    for (i = 0; i < 40; i++) many[i] = i % 2 ? q : dl_ones(c, DL_SHAPE(4, 2));         /* more sources than a mask has bits */
    CHECK(dl_backward(c, dl_sum(c, dl_cat(c, 40, many, 0))) && q->grad[7] == 22);
    CHECK_OK(c);
    dl_destroy(c);
}

static dl_module *with_norm(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_sequential(c, dl_nn_relu(c), dl_nn_batchnorm1d(c, 3)), dl_nn_linear(c, 3, 1));
}

/* w += tau (v - w) for parameters, buffers copied; nothing at all if names or shapes differ */
static void copies(void)
{
    static const dl_real taus[] = {0, (dl_real)0.25, 1, -1};           /* 0: not given, 1; -1: an exact 0 */
    dl_ctx *c = dl_create(.seed = 1), *d = dl_create(.seed = 2);
    dl_module *from = with_norm(c), *to, *other;
    dl_param *p, *q;
    int t, i, k, parameters, buffers;
    dl_forward(c, from, dl_randn(c, DL_SHAPE(50, 2)));                 /* new running statistics */
    for (t = 0; t < 4; t++) {
        const dl_real tau = t == 0 ? 1 : t == 3 ? 0 : taus[t];
        to = with_norm(t % 2 ? c : d);                                 /* of any context */
        other = with_norm(c);
        for (i = 0; (p = dl_module_at(to, i, NULL, 0)) != NULL; i++) CHECK(dl_copy(c, dl_module_at(other, i, NULL, 0)->tensor, p->tensor));
        CHECK(dl_module_copy(c, to, from, .tau = taus[t]));
        for (i = parameters = buffers = 0; (p = dl_module_at(to, i, NULL, 0)) != NULL; i++) {
            const dl_real *w = dl_module_at(other, i, NULL, 0)->tensor->data;
            q = dl_module_at(from, i, NULL, 0);
            CHECK(p->tensor->data != q->tensor->data && p->tensor->requires_grad == !p->is_buffer);
            for (k = 0; k < p->tensor->size; k++)
                if (p->is_buffer || tau == 1) CHECK(p->tensor->data[k] == q->tensor->data[k]);
                else CHECK_NEAR(p->tensor->data[k], (double)w[k] + (double)tau * ((double)q->tensor->data[k] - (double)w[k]), 1e-7);
            if (p->is_buffer) buffers++; else parameters++;
        }
        CHECK(parameters == 6 && buffers == 3 && dl_module_get(c, to, "1.1.running_mean")->data[0] != 0);
    }
    CHECK(dl_module_copy(c, from, from) && dl_module_copy(c, from, from, .tau = (dl_real)0.5));
    CHECK_OK(c);
    to = with_norm(c);
#define DIFFERS(other, message) (CHECK(!dl_module_copy(c, to, other)), CHECK_ERROR(c, message))
    DIFFERS(dl_nn_linear(c, 2, 3), "module_copy: number 0 is \"0.weight\" (3,2) in to, \"weight\" (3,2) in from");
    DIFFERS(dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_relu(c), dl_nn_linear(c, 3, 1)),
            "module_copy: number 2 is \"1.1.weight\" (3) in to, \"2.weight\" (1,3) in from");
    DIFFERS(dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_sequential(c, dl_nn_relu(c), dl_nn_batchnorm1d(c, 3))),
            "number 7 is \"2.weight\" (1,3) in to, \"\" nil in from");
    other = with_norm(c);
    dl_module_param(c, other->children[2], "scale", DL_SHAPE(4));
    DIFFERS(other, "number 9 is \"\" nil in to, \"2.scale\" (4) in from");
    other = dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_sequential(c, dl_nn_relu(c), dl_nn_batchnorm1d(c, 3)), dl_nn_linear(c, 3, 2));
    DIFFERS(other, "number 7 is \"2.weight\" (1,3) in to, \"2.weight\" (2,3) in from");
    CHECK(dl_module_get(c, to, "0.weight")->data[0] != dl_module_get(c, other, "0.weight")->data[0]);
    DIFFERS(NULL, "module_copy: the module is NULL");
    CHECK(!dl_module_copy(c, NULL, to));                               CHECK_ERROR(c, "module_copy: the module is NULL");
    CHECK(!dl_module_copy(c, to, from, .tau = 2));                     CHECK_ERROR(c, "module_copy: tau is 2, expected 0 to 1");
    dl_destroy(d);
    dl_destroy(c);
}

static void custom(void)
{
    dl_ctx *c = dl_create(.seed = 2);
    dl_module *m = make_block(c, 3);
    dl_tensor *x = dl_randn(c, DL_SHAPE(2, 3)), *y = dl_forward(c, m, x);
    CHECK(!memcmp(x->data, y->data, 6 * sizeof(dl_real)));             /* gain 0: the identity */
    dl_init_constant(c, ((block *)m)->gain, 1);
    CHECK(memcmp(x->data, dl_forward(c, m, x)->data, 6 * sizeof(dl_real)) != 0);
    dl_fail(c, "an error of the program");
    block *b = (block *)make_block(c, 3);                              /* after an error: harmless, and may be written */
    CHECK(b->base.nparams == 0 && dl_is_nil(dl_forward(c, &b->base, x)));
    CHECK_ERROR(c, "an error of the program");
    dl_destroy(c);
}

static void summary(void)                                              /* leaves everything as it was */
{
    dl_ctx *c = dl_create(.seed = 1, .no_grad = 1);
    dl_dataset *d = dl_data_tensors(c, dl_randn(c, DL_SHAPE(5, 2, 3)), dl_randn(c, DL_SHAPE(5, 3)));
    dl_module *net = mlp(c);
    size_t before = dl_memory(c).step_bytes;
    printf("\n");
    dl_summary(c, net, d);
    CHECK_OK(c);
    CHECK(dl_memory(c).step_bytes == before && dl_is_training(c) && !dl_set_grad_enabled(c, 0));
    CHECK(dl_module_get(c, net, "1.weight")->grad == NULL);
    dl_summary(c, NULL, d);                                            CHECK_ERROR(c, "summary");
    dl_summary(c, net, NULL);                                          CHECK_ERROR(c, "summary");
    dl_destroy(c);
}

#if defined(__unix__)
/* Every parameter stands in one row: also that of weight norm, which other modules hold, and of attention within a layer. */
static void rows_of_summary(void)
{
    static const char path[] = "build/test/" BUILD "summary.txt";
    dl_ctx *c = dl_create(.seed = 1, .threads = 1);
    dl_dataset *d = dl_data_tensors(c, dl_randn(c, DL_SHAPE(3, 5, 8)), dl_randn(c, DL_SHAPE(3, 3)));
    dl_module *net = dl_nn_sequential(c, dl_nn_weight_norm(c, dl_nn_linear(c, 8, 8)), dl_nn_tfm_encoder(c, 8, 2, 2, .dim_feedforward = 16));
    char line[512], column[15] = "";
    long long sum = 0, total = 0, macs = 0, n;
    int attention = 0, layers = 0, stdout_of_tests, file;
    FILE *f;
    fflush(stdout);
    stdout_of_tests = dup(1);
    file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (!CHECK(stdout_of_tests >= 0 && file >= 0)) { dl_destroy(c); return; }
    dup2(file, 1);
    dl_summary(c, net, d);
    fflush(stdout);
    dup2(stdout_of_tests, 1);
    close(file);
    close(stdout_of_tests);
    CHECK_OK(c);
    for (f = fopen(path, "r"); f && fgets(line, sizeof line, f);) {
        if (strlen(line) < 69) continue;
        memcpy(column, line + 55, 14);                                         /* multiply-adds: the last line is the sum of the others */
        macs += (strncmp(line, "total", 5) ? 1 : -1) * strtoll(column, NULL, 10);
        layers += strstr(line, ": encoder_layer") != NULL;
        if (sscanf(line + 44, "%11lld", &n) != 1) continue;
        if (strncmp(line, "total", 5)) sum += n; else total = n;
        attention += strstr(line, "self_attn: mha") && n == 3 * 8 * 8 + 3 * 8;
    }
    if (f) fclose(f);
    remove(path);
    CHECK(total == dl_param_count(net) && total == 8 * 9 + 8 + 2 * 600 && sum == total && attention == 2);
    CHECK(macs == 0 && layers == 2);
    dl_destroy(c);
}
#endif

static void printing(void)
{
    static const struct { dl_real v[4]; const char *text; } cases[] = {
        {{1, -20, 300, 0}, "[[  1., -20.],\n [300.,   0.]]  (2,2) %s\n"},
        {{(dl_real)0.5, (dl_real)-1.25, 10, 3}, "[[ 0.5000, -1.2500],\n [10.0000,  3.0000]]  (2,2) %s\n"},
        {{(dl_real)1e-6, 1, 0, 2}, "[[1.0000e-06, 1.0000e+00],\n [0.0000e+00, 2.0000e+00]]  (2,2) %s\n"},
        {{(dl_real)INFINITY, -1, (dl_real)-INFINITY, 7}, "[[ inf,  -1.],\n [-inf,   7.]]  (2,2) %s\n"},
    };
    dl_ctx *c = dl_create();
    char text[4096], expected[200];
    for (int i = 0; i < 6; i++) {
        FILE *f = tmpfile();
        size_t n;
        if (!f) { SKIP("no temporary files"); return; }
        if (i < 4) dl_fprint(f, dl_tensor_from(c, cases[i].v, DL_SHAPE(2, 2)));
        if (i == 4) dl_fprint(f, dl_to_int(c, dl_arange(c, 0, 2000, 1)));
        if (i == 5) { dl_fprint(f, dl_zeros(c, DL_SHAPE(2, 2, 1))); dl_fprint(f, dl_scalar(c, 3)); dl_fprint(f, NULL); }
        rewind(f);
        n = fread(text, 1, sizeof text - 1, f);
        text[n] = 0;
        fclose(f);
        if (i < 4) snprintf(expected, sizeof expected, cases[i].text, sizeof(dl_real) == 8 ? "double" : "float");
        if (i == 4) strcpy(expected, "[   0,    1,    2, ..., 1997, 1998, 1999]  (2000) int32\n");
        if (i == 5) snprintf(expected, sizeof expected, "[[[0.],\n  [0.]],\n\n [[0.],\n  [0.]]]  (2,2,1) %s\n3.  () %s\nNULL\n",
                             sizeof(dl_real) == 8 ? "double" : "float", sizeof(dl_real) == 8 ? "double" : "float");
        if (!CHECK(!strcmp(text, expected))) printf("\ngot\n%s\nwanted\n%s", text, expected);
    }
    dl_print(NULL);
    dl_fprint(NULL, NULL);
    dl_destroy(c);
}

/* --- initializers ---------------------------------------------------------------------------------------- */
typedef struct { double mean, std, low, high; } moments;

static moments measure(const dl_tensor *w)
{
    moments m = {0, 0, 1e30, -1e30};
    for (int64_t i = 0; i < w->size; i++) {
        double v = (double)w->data[i];
        m.mean += v / (double)w->size;
        if (v < m.low) m.low = v;
        if (v > m.high) m.high = v;
    }
    for (int64_t i = 0; i < w->size; i++) m.std += ((double)w->data[i] - m.mean) * ((double)w->data[i] - m.mean) / (double)w->size;
    m.std = sqrt(m.std);
    return m;
}

static void is_uniform(const dl_tensor *w, double low, double high)
{
    moments m = measure(w);
    CHECK(m.low >= low && m.high <= high);
    CHECK_NEAR(m.low, low, (high - low) * 0.01);
    CHECK_NEAR(m.high, high, (high - low) * 0.01);
    CHECK_NEAR(m.mean, (low + high) / 2, (high - low) * 0.02);
    CHECK_NEAR(m.std, (high - low) / sqrt(12), (high - low) * 0.02);
}

static void is_normal(const dl_tensor *w, double mean, double std)
{
    moments m = measure(w);
    CHECK_NEAR(m.mean, mean, 5 * std / sqrt((double)w->size));
    CHECK_NEAR(m.std, std, 4 * std / sqrt((double)w->size));
    CHECK(m.high > mean + 2.7 * std && m.low < mean - 2.7 * std);
}

static void initializers(void)                                         /* n_in 100, n_out 50: V21 of the curriculum */
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *w = dl_empty(c, DL_SHAPE(50, 100)), *k = dl_empty(c, DL_SHAPE(256, 128, 3, 3));
    ROW("INIT-02"); ROW("INIT-03"); ROW("INIT-04"); ROW("INIT-05"); ROW("INIT-06"); ROW("INIT-07"); ROW("INIT-08"); ROW("INIT-09");
    dl_init_uniform(c, w, -3, 1);                                      is_uniform(w, -3, 1);
    dl_init_normal(c, w, 0, 1);                                        is_normal(w, 0, 1);
    dl_init_normal(c, w, 5, (dl_real)0.01);                            is_normal(w, 5, 0.01);
    dl_init_constant(c, w, 7);                                         CHECK(measure(w).low == 7 && measure(w).high == 7);
    dl_init_xavier_uniform(c, w);                                      is_uniform(w, -0.2, 0.2);
    dl_init_xavier_normal(c, w);                                       is_normal(w, 0, 0.1154700538);
    dl_init_xavier_normal(c, w, .gain = 2);                            is_normal(w, 0, 0.2309401076);
    dl_init_he_uniform(c, w);                                          is_uniform(w, -0.2449489743, 0.2449489743);
    dl_init_he_normal(c, w);                                           is_normal(w, 0, 0.1414213562);
    dl_init_he_normal(c, w, .mode = DL_FAN_OUT);                       is_normal(w, 0, 0.2);
    dl_init_kaiming_uniform(c, w, .gain = 1);                          is_uniform(w, -0.1732050808, 0.1732050808);
    dl_init_lecun_normal(c, w);                                        is_normal(w, 0, 0.1);
    dl_init_lecun_uniform(c, w);                                       is_uniform(w, -0.1732050808, 0.1732050808);
    dl_init_he_normal(c, k, .gain = 1);                                is_normal(k, 0, 1 / sqrt(1152));
    dl_init_he_normal(c, k, .gain = 1, .mode = DL_FAN_OUT);            is_normal(k, 0, 1 / sqrt(2304));
    CHECK_NEAR(dl_init_gain("relu"), sqrt(2), 1e-12);
    CHECK_NEAR(dl_init_gain("tanh"), 5.0 / 3, 1e-12);
    CHECK_NEAR(dl_init_gain("leaky_relu"), sqrt(2 / 1.0001), 1e-12);
    CHECK(dl_init_gain("linear") == 1 && dl_init_gain("nothing") != dl_init_gain("nothing") && dl_init_gain(NULL) != 1);
    CHECK_OK(c);
    dl_destroy(c);
}

static void truncated(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *w = dl_empty(c, DL_SHAPE(200, 100));
    moments m;
    dl_init_trunc_normal(c, w, 0, 1, -2, 2);
    m = measure(w);
    CHECK(m.low >= -2 && m.high <= 2 && m.low < -1.99 && m.high > 1.99);
    CHECK_NEAR(m.std, 0.8796256610342398, 0.015);                      /* scipy.stats.truncnorm(-2, 2).std() */
    dl_init_trunc_normal(c, w, 1, (dl_real)0.5, 2, 5);                 /* two to eight deviations off */
    m = measure(w);
    CHECK(m.low >= 2 && m.high <= 5);
    CHECK_NEAR(m.mean, 1 + 0.5 * 2.373215532822843, 0.01);             /* truncnorm(2, 8).mean() */
    CHECK_OK(c);
    dl_destroy(c);
}

static void orthogonal(void)
{
    static const int shape[][2] = {{20, 20}, {5, 40}, {40, 5}, {1, 7}, {64, 64}};
    for (int s = 0; s < 5; s++) {
        dl_ctx *c = dl_create(.seed = (uint64_t)s);
        int rows = shape[s][0], cols = shape[s][1], n = rows < cols ? rows : cols;
        dl_tensor *w = dl_empty(c, DL_SHAPE(rows, cols)), *g;
        dl_init_orthogonal(c, w, 2);
        g = rows < cols ? dl_matmul(c, w, w, .transpose_b = 1) : dl_matmul(c, w, w, .transpose_a = 1);
        for (int i = 0; i < n; i++)
            for (int j = 0; j < n; j++) CHECK_NEAR(g->data[i * n + j], i == j ? 4 : 0, 1e-5);
        CHECK_OK(c);
        dl_destroy(c);
    }
}

static void seeded(void)
{
    dl_ctx *a = dl_create(.seed = 9, .threads = 1), *b = dl_create(.seed = 9, .threads = 2);
    dl_module *m = dl_nn_linear(a, 300, 301), *n = dl_nn_linear(b, 300, 301);
    dl_tensor *w = dl_module_get(a, m, "weight");
    ROW("INIT-13");
    CHECK(!memcmp(w->data, dl_module_get(b, n, "weight")->data, (size_t)w->size * sizeof(dl_real)));
    is_uniform(w, -1 / sqrt(300), 1 / sqrt(300));                      /* as torch.nn.Linear */
    dl_manual_seed(b, 10);
    dl_init_lecun_uniform(b, dl_module_get(b, n, "weight"));
    CHECK(w->data[0] != dl_module_get(b, n, "weight")->data[0]);
    dl_destroy(a);
    dl_destroy(b);
}

static void constant_weights(void)                                     /* units that begin equal stay equal; random ones do not */
{
    ROW("INIT-01"); ROW("INIT-12");
    for (int random = 0; random < 2; random++) {
        dl_ctx *c = dl_create(.seed = 3);
        dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_tanh(c), dl_nn_linear(c, 3, 1));
        dl_optim *o = dl_optim_sgd(c, net, .lr = (dl_real)0.1);
        dl_tensor *w = dl_module_get(c, net, "0.weight");
        dl_param *p;
        for (int i = 0; !random && (p = dl_module_at(net, i, NULL, 0)) != NULL; i++) dl_init_constant(c, p->tensor, (dl_real)0.5);
        for (int step = 0; step < 20; step++) {
            dl_step_begin(c);
            dl_tensor *x = dl_randn(c, DL_SHAPE(8, 2));
            dl_backward(c, dl_mse_loss(c, dl_forward(c, net, x), dl_sum(c, x, .dims = DL_DIM(1), .keepdim = 1)));
            dl_optim_step(c, o);
        }
        CHECK((w->data[0] == w->data[2] && w->data[0] == w->data[4]) == !random);
        CHECK(w->data[0] != (dl_real)0.5);
        CHECK_OK(c);
        dl_destroy(c);
    }
}

static void bad_initializers(void)
{
    dl_ctx *c = dl_create();
    dl_tensor *w = dl_ones(c, DL_SHAPE(4));
    dl_init_xavier_uniform(c, w);                                      CHECK_ERROR(c, "init_xavier_uniform: (4)");
    dl_init_orthogonal(c, w, 1);                                       CHECK_ERROR(c, "init_orthogonal");
    dl_init_he_normal(c, dl_ones(c, DL_SHAPE(2, 2)), .mode = (dl_fan)9);   CHECK_ERROR(c, "mode is 9");
    dl_init_uniform(c, NULL, 0, 1);                                    CHECK_ERROR(c, "NULL");
    dl_init_uniform(c, w, 2, 1);                                       CHECK_ERROR(c, "init_uniform");
    dl_init_normal(c, w, 0, -1);                                       CHECK_ERROR(c, "init_normal");
    dl_init_trunc_normal(c, w, 0, 1, 2, 2);                            CHECK_ERROR(c, "init_trunc_normal");
    dl_init_constant(c, dl_to_int(c, w), 1);                           CHECK_ERROR(c, "int32");
    dl_init_he_normal(NULL, w);
    CHECK(measure(w).low == 1 && measure(w).high == 1);
    dl_destroy(c);
}

int main(void)
{
    RUN(names);
    RUN(shapes_and_counts);
    RUN(growing);
    RUN(bad_modules);
    RUN(fused_is_unfused);
    RUN(linear);
    RUN(small_modules);
    RUN(dropout);
    RUN(frozen);
    RUN(copies);
    RUN(custom);
    RUN(summary);
#if defined(__unix__)
    RUN(rows_of_summary);
#endif
    RUN(printing);
    RUN(initializers);
    RUN(truncated);
    RUN(orthogonal);
    RUN(seeded);
    RUN(constant_weights);
    RUN(bad_initializers);
    TEST_END;
}
