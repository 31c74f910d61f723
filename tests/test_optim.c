/* build: float double asan */
/* Optimizers and clipping: against PyTorch, against the curriculum's numbers, and after errors. */
#include "dl.h"
#include "test.h"
#include "golden_optim.h"

#ifdef DL_DOUBLE
#define TOL 1e-9
#else
#define TOL 1e-5                             /* 100 steps in float */
#endif

static dl_module *xor_net(dl_ctx *c)         /* as in gen_optim.py */
{
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_tanh(c), dl_nn_linear(c, 3, 1));
    dl_param *p;
    int n = 0;
    for (int i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
        for (int64_t k = 0; k < p->tensor->size; k++) p->tensor->data[k] = (dl_real)sin(++n);
    return net;
}

static dl_tensor *xor_loss(dl_ctx *c, dl_module *net)
{
    static const dl_real in[] = {0, 0, 0, 1, 1, 0, 1, 1}, out[] = {0, 1, 1, 0};
    return dl_mse_loss(c, dl_forward(c, net, dl_tensor_from(c, in, DL_SHAPE(4, 2))), dl_tensor_from(c, out, DL_SHAPE(4, 1)));
}

static dl_optim *make(dl_ctx *c, dl_module *m, const char *name, double *clip)
{
    *clip = 0;
    if (!strcmp(name, "sgd"))           return dl_optim_sgd(c, m, .lr = (dl_real)0.1);
    if (!strcmp(name, "sgd_default"))   return dl_optim_sgd(c, m);
    if (!strcmp(name, "sgd_momentum"))  return dl_optim_sgd(c, m, .lr = (dl_real)0.1, .momentum = (dl_real)0.9);
    if (!strcmp(name, "sgd_dampening"))
        return dl_optim_sgd(c, m, .lr = (dl_real)0.1, .momentum = (dl_real)0.9, .dampening = (dl_real)0.3, .weight_decay = (dl_real)0.02);
    if (!strcmp(name, "sgd_nesterov"))
        return dl_optim_sgd(c, m, .lr = (dl_real)0.05, .momentum = (dl_real)0.8, .weight_decay = (dl_real)0.01, .nesterov = 1);
    if (!strcmp(name, "sgd_clip"))      return *clip = 0.1, dl_optim_sgd(c, m, .lr = (dl_real)0.3, .momentum = (dl_real)0.9);
    if (!strcmp(name, "adam"))          return dl_optim_adam(c, m);
    if (!strcmp(name, "adam_options"))
        return dl_optim_adam(c, m, .lr = (dl_real)0.05, .beta1 = (dl_real)0.7, .beta2 = (dl_real)0.95, .eps = (dl_real)1e-3, .weight_decay = (dl_real)0.1);
    if (!strcmp(name, "adam_clip"))     return *clip = 0.05, dl_optim_adam(c, m, .lr = (dl_real)0.02);
    if (!strcmp(name, "adamw"))         return dl_optim_adamw(c, m);
    if (!strcmp(name, "adamw_options"))
        return dl_optim_adamw(c, m, .lr = (dl_real)0.03, .beta1 = (dl_real)0.8, .beta2 = (dl_real)0.99, .eps = (dl_real)1e-6, .weight_decay = (dl_real)0.3);
    return NULL;
}

static void pytorch_trajectories(void)
{
    double worst = 0;
    for (size_t s = 0; s < sizeof golden_optim / sizeof *golden_optim; s++) {
        dl_ctx *c = dl_create();
        dl_module *net = xor_net(c);
        double clip;
        dl_optim *opt = make(c, net, golden_optim[s].name, &clip);
        int at = 0;
        CHECK(opt != NULL);
        for (int step = 1; step <= 100; step++) {
            dl_step_begin(c);
            dl_backward(c, xor_loss(c, net));
            if (clip > 0) dl_clip_grad_norm(c, net, clip);
            CHECK(dl_optim_step(c, opt));
            if (step == golden_steps[at]) {
                dl_param *p;
                int n = 0;
                for (int i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
                    for (int64_t k = 0; k < p->tensor->size; k++, n++) {
                        double d = fabs((double)p->tensor->data[k] - golden_optim[s].w[at][n]);
                        if (d > worst) worst = d;
                        if (!(d <= TOL)) printf("%s, step %d:", golden_optim[s].name, step);
                        CHECK_NEAR(p->tensor->data[k], golden_optim[s].w[at][n], TOL);
                    }
                CHECK(n == 13);
                at++;
            }
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
    printf("(worst difference %.1e) ", worst);
}

/* --- the curriculum: E(w) = 3 (w - 2)^2 + 5 from w = 5 ----------------------------------------------- */
static const dl_module_type point_type = { "point", sizeof(dl_module), NULL };

static dl_module *point(dl_ctx *c)
{
    dl_module *m = dl_module_create(c, &point_type);
    dl_init_constant(c, dl_module_param(c, m, "w", DL_SHAPE(1)), 5);
    return m;
}

static void follows(dl_ctx *c, dl_module *m, dl_optim *o, const double *expected, int n)
{
    dl_tensor *w = dl_module_get(c, m, "w");
    for (int t = 0; t < n; t++) {
        dl_step_begin(c);
        dl_backward(c, dl_add_scalar(c, dl_mul_scalar(c, dl_square(c, dl_sub_scalar(c, w, 2)), 3), 5));
        dl_optim_step(c, o);
        CHECK_NEAR(dl_item(w), expected[t], 1e-6 * (fabs(expected[t]) + 1));
    }
    CHECK_OK(c);
}

static void gradient_descent(void)
{
    static const double lr[] = {0.4, 0.01, 0.1};
    ROW("OPT-01"); ROW("OPT-03"); ROW("OPT-04"); ROW("OPT-05"); ROW("OPT-24"); ROW("OPT-25");
    for (int i = 0; i < 3; i++) {
        dl_ctx *c = dl_create();
        dl_module *m = point(c);
        double w[10];
        for (int t = 0; t < 10; t++) w[t] = 2 + 3 * pow(1 - 6 * lr[i], t + 1);
        follows(c, m, dl_optim_sgd(c, m, .lr = (dl_real)lr[i]), w, 10);
        dl_destroy(c);
    }
}

static void momentum_and_adam(void)
{
    static const double momentum[] = {4.820000, 4.488800, 4.041392, 3.516241, 2.952631, 2.388224, 1.856964, 1.387413, 1.001572, 0.714220};
    static const double ahead[]    = {4.658000, 4.209188, 3.696942, 3.161765, 2.639299, 2.158936, 1.743012, 1.406559, 1.157527, 0.997394};
    static const double adam[]     = {4.900000, 4.800103, 4.700382, 4.600914, 4.501779, 4.403064, 4.304854, 4.207241, 4.110320, 4.014188};
    dl_ctx *c = dl_create();
    dl_module *m = point(c);
    ROW("OPT-09"); ROW("OPT-10"); ROW("OPT-16"); ROW("OPT-18");
    follows(c, m, dl_optim_sgd(c, m, .lr = (dl_real)0.01, .momentum = (dl_real)0.9), momentum, 10);
    m = point(c);                                                      /* PyTorch's Nesterov: the look-ahead point */
    follows(c, m, dl_optim_sgd(c, m, .lr = (dl_real)0.01, .momentum = (dl_real)0.9, .nesterov = 1), ahead, 10);
    m = point(c);
    follows(c, m, dl_optim_adam(c, m, .lr = (dl_real)0.1, .eps = (dl_real)1e-7), adam, 10);
    dl_destroy(c);
}

/* --- options, groups of parameters, errors -------------------------------------------------------------- */
static void defaults(void)
{
    dl_ctx *c = dl_create();
    dl_module *a = xor_net(c), *b = xor_net(c);
    dl_optim *p = dl_optim_adamw(c, a);
    dl_optim *q = dl_optim_adamw(c, b, .lr = (dl_real)1e-3, .beta1 = (dl_real)0.9, .beta2 = (dl_real)0.999, .eps = (dl_real)1e-8, .weight_decay = (dl_real)1e-2);
    for (int step = 0; step < 5; step++) {
        dl_step_begin(c);
        dl_backward(c, xor_loss(c, a));
        dl_backward(c, xor_loss(c, b));
        dl_optim_step(c, p);
        dl_optim_step(c, q);
    }
    for (int i = 0; i < 4; i++) {
        dl_tensor *x = dl_module_at(a, i, NULL, 0)->tensor, *y = dl_module_at(b, i, NULL, 0)->tensor;
        CHECK(!memcmp(x->data, y->data, (size_t)x->size * sizeof(dl_real)));
    }
    CHECK_NEAR(dl_optim_lr(p), 1e-3, 1e-9);
    dl_optim_set_lr(p, (dl_real)0.25);
    CHECK(dl_optim_lr(p) == (dl_real)0.25);
    CHECK_NEAR(dl_optim_lr(dl_optim_sgd(c, a)), 1e-3, 1e-9);
    CHECK(dl_optim_lr(dl_optim_sgd(c, a, .lr = -1)) == 0);             /* -1: an exact 0 */
    CHECK_OK(c);
    dl_destroy(c);
}

static void without_gradient(void)                                     /* such parameters are left alone, as in PyTorch */
{
    dl_ctx *c = dl_create();
    dl_module *net = xor_net(c);
    dl_tensor *frozen = dl_module_get(c, net, "0.weight"), *other = dl_module_get(c, net, "2.weight");
    dl_real before[6], moved = other->data[0];
    dl_optim *opt = dl_optim_adamw(c, net);
    memcpy(before, frozen->data, sizeof before);
    dl_requires_grad(c, frozen, 0);
    dl_backward(c, xor_loss(c, net));
    CHECK(frozen->grad == NULL && other->grad != NULL);
    CHECK(dl_optim_step(c, opt));
    CHECK(other->grad == NULL);                                        /* cleared */
    CHECK(!memcmp(before, frozen->data, sizeof before));
    CHECK(other->data[0] != moved);
    CHECK(dl_param_count(net) == 13 - 6);
    dl_destroy(c);
}

static void two_optimizers(void)                                       /* each moves its own module only */
{
    dl_ctx *c = dl_create();
    dl_module *a = xor_net(c), *b = xor_net(c);
    dl_optim *o = dl_optim_sgd(c, a, .lr = 1);
    dl_real b0 = dl_module_get(c, b, "0.bias")->data[0];
    dl_backward(c, dl_add(c, xor_loss(c, a), xor_loss(c, b)));
    dl_optim_step(c, o);
    CHECK(dl_module_get(c, b, "0.bias")->data[0] == b0);
    CHECK(dl_module_get(c, b, "0.bias")->grad != NULL);
    dl_zero_grads(b);
    CHECK(dl_module_get(c, b, "0.bias")->grad == NULL);
    dl_destroy(c);
}

static void threads_and_pieces(void)                                   /* a large parameter, cut for the threads: the same bits */
{
    dl_real *kept[2];
    dl_ctx *c[2];
    int64_t n = 300 * 301;
    for (int run = 0; run < 2; run++) {
        c[run] = dl_create(.seed = 5, .threads = run + 1);
        dl_module *m = dl_nn_linear(c[run], 301, 300, .no_bias = 1);
        dl_optim *o = dl_optim_adam(c[run], m, .weight_decay = (dl_real)0.1);
        dl_tensor *w = dl_module_get(c[run], m, "weight");
        for (int step = 0; step < 3; step++) {
            dl_step_begin(c[run]);
            dl_backward(c[run], dl_sum(c[run], dl_square(c[run], w)));
            dl_optim_step(c[run], o);
        }
        kept[run] = w->data;
        CHECK_OK(c[run]);
    }
    CHECK(!memcmp(kept[0], kept[1], (size_t)n * sizeof(dl_real)));
    dl_destroy(c[0]);
    dl_destroy(c[1]);
}

static void frozen_after_error(void)
{
    dl_ctx *c = dl_create();
    dl_module *net = xor_net(c);
    dl_optim *opt = dl_optim_sgd(c, net, .lr = 1);
    dl_tensor *w = dl_module_get(c, net, "0.weight");
    dl_real before = w->data[0];
    dl_backward(c, xor_loss(c, net));
    CHECK(dl_is_nil(dl_matmul(c, w, w)));                              /* (3,2) x (3,2) */
    CHECK(!dl_optim_step(c, opt));
    CHECK(w->data[0] == before);
    CHECK_ERROR(c, "matmul");
    CHECK(dl_optim_step(c, opt));                                      /* usable again */
    CHECK(w->data[0] != before);
    dl_destroy(c);
}

static void bad_input(void)
{
    dl_ctx *c = dl_create();
    dl_module *net = xor_net(c);
    dl_optim *nil;
    dl_optim_sgd(c, net, .lr = (dl_real)-2);                  CHECK_ERROR(c, "learning rate -2");
    dl_optim_sgd(c, net, .momentum = (dl_real)-0.5);          CHECK_ERROR(c, "momentum");
    dl_optim_sgd(c, net, .nesterov = 1);                      CHECK_ERROR(c, "nesterov");
    dl_optim_adam(c, net, .beta1 = 1);                        CHECK_ERROR(c, "beta1");
    dl_optim_adam(c, net, .eps = (dl_real)NAN);               CHECK_ERROR(c, "eps");
    dl_optim_adam(c, dl_nn_relu(c));                          CHECK_ERROR(c, "no parameters");
    nil = dl_optim_adam(c, NULL);                             CHECK_ERROR(c, "NULL");
    CHECK(!dl_optim_step(c, nil));                            CHECK_ERROR(c, "nil");
    CHECK(!dl_optim_step(c, NULL));                           CHECK_ERROR(c, "NULL");
    dl_optim_set_lr(nil, 1);
    dl_optim_set_lr(NULL, 1);
    CHECK(dl_optim_lr(nil) != dl_optim_lr(nil));
    CHECK(!dl_optim_step(NULL, nil));
    dl_optim_sgd(NULL, net);
    dl_clip_grad_norm(c, NULL, 1);                            CHECK_ERROR(c, "NULL");
    dl_clip_grad_norm(c, net, -1);                            CHECK_ERROR(c, "clip_grad_norm");
    dl_clip_grad_value(c, net, -1);                           CHECK_ERROR(c, "clip_grad_value");
    dl_destroy(c);
}

/* --- clipping -------------------------------------------------------------------------------------------- */
static void clipping(void)
{
    static const dl_real scale[] = {1, (dl_real)1e-30, (dl_real)1e25};
    for (int s = 0; s < 3; s++) {                                      /* squares of the last two leave the range of float */
        dl_ctx *c = dl_create();
        dl_module *m = dl_nn_linear(c, 1, 2);
        dl_tensor *w = dl_module_get(c, m, "weight"), *b = dl_module_get(c, m, "bias");
        dl_real g[2], h[2];
        g[0] = 1 * scale[s]; g[1] = 2 * scale[s]; h[0] = -4 * scale[s]; h[1] = 10 * scale[s];
        w->grad = g;
        b->grad = h;
        CHECK_NEAR(dl_clip_grad_norm(c, m, 1e30) / (double)scale[s], 11, 1e-5);
        CHECK(g[1] == 2 * scale[s]);                                   /* below the limit: untouched */
        dl_clip_grad_norm(c, m, 5.5 * (double)scale[s]);
        CHECK_NEAR(g[1] / scale[s], s == 1 ? 0 : 1, 1e-5);             /* the 1e-6 in the formula wins over tiny norms */
        CHECK_NEAR(h[0] / scale[s], s == 1 ? 0 : -2, 1e-5);
        w->grad = b->grad = NULL;
        CHECK(dl_clip_grad_norm(c, m, 1) == 0);
        CHECK_OK(c);
        dl_destroy(c);
    }
}

static void clipping_by_value(void)
{
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_linear(c, 3, 1, .no_bias = 1);
    dl_real g[3] = {(dl_real)0.5, -7, 9};
    dl_module_get(c, m, "weight")->grad = g;
    dl_clip_grad_value(c, m, 2);
    CHECK(g[0] == (dl_real)0.5 && g[1] == -2 && g[2] == 2);
    dl_module_get(c, m, "weight")->grad = NULL;
    dl_destroy(c);
}

int main(void)
{
    RUN(pytorch_trajectories);
    RUN(gradient_descent);
    RUN(momentum_and_adam);
    RUN(defaults);
    RUN(without_gradient);
    RUN(two_optimizers);
    RUN(threads_and_pieces);
    RUN(frozen_after_error);
    RUN(bad_input);
    RUN(clipping);
    RUN(clipping_by_value);
    TEST_END;
}
