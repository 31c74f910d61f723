/* build: float double */
/* Adversarial losses at points known by hand, the gradient penalty and the Frechet distance against PyTorch (gen_gan.py), the
   shapes and parameters of DCGAN, labels, cycles, bad input. */
#define DL_MODELS
#include "dl.h"
#include "test.h"
#include "golden_gan.h"

#ifdef DL_DOUBLE
#define TOL 1e-10
#define TOL_PENALTY 1e-6             /* relative to the largest gradient: finite differences */
#else
#define TOL 2e-6
#define TOL_PENALTY 1e-3
#endif

static dl_ctx *c;

static dl_tensor *row(int n, const double *values)
{
    dl_tensor *x = dl_zeros(c, DL_SHAPE(n));
    for (int i = 0; i < n; i++) x->data[i] = (dl_real)values[i];
    return x;
}

/* --- losses ------------------------------------------------------------------------------------------ */
static const dl_gan_kind kinds[] = {DL_GAN_LOGISTIC, DL_GAN_HINGE, DL_GAN_LEAST_SQUARES, DL_GAN_WASSERSTEIN};
static dl_tensor *d_loss(dl_ctx *ctx, dl_tensor **x, void *kind) { return dl_gan_d_loss(ctx, x[0], x[1], .kind = *(dl_gan_kind *)kind); }
static dl_tensor *g_loss(dl_ctx *ctx, dl_tensor **x, void *kind) { return dl_gan_g_loss(ctx, x[0], .kind = *(dl_gan_kind *)kind); }

static void losses(void)
{
    static const double r[] = {2, -.5, .25}, f[] = {-3, 0.5, 1};
    double d[4] = {0}, g[4] = {0};
    ROW("GEN-07");
    dl_step_begin(c);
    dl_tensor *half = dl_zeros(c, DL_SHAPE(5, 1)), *x[2] = {row(3, r), row(3, f)};
    CHECK_NEAR(-dl_item(dl_gan_d_loss(c, half, half)), -1.3862943611, 1e-6);                 /* D = 1/2: the optimum, -2 log 2 */
    CHECK_NEAR(dl_item(dl_gan_g_loss(c, half)), .6931471806, 1e-6);
    for (int i = 0; i < 3; i++) {
        d[0] += (log(1 + exp(-r[i])) + log(1 + exp(f[i]))) / 3;
        d[1] += (fmax(0, 1 - r[i]) + fmax(0, 1 + f[i])) / 3;
        d[2] += ((r[i] - 1) * (r[i] - 1) + f[i] * f[i]) / 6;
        d[3] += (f[i] - r[i]) / 3;
        g[0] += log(1 + exp(-f[i])) / 3;
        g[1] -= f[i] / 3;
        g[2] += (f[i] - 1) * (f[i] - 1) / 6;
        g[3] -= f[i] / 3;
    }
    for (int k = 0; k < 4; k++) {
        dl_gan_kind kind = kinds[k];
        CHECK_NEAR(dl_item(dl_gan_d_loss(c, x[0], x[1], .kind = kind)), d[k], TOL);
        CHECK_NEAR(dl_item(dl_gan_g_loss(c, x[1], .kind = kind)), g[k], TOL);
    }
    for (int k = 0; k < 2; k++) dl_requires_grad(c, x[k], 1);
    dl_backward(c, dl_gan_g_loss(c, x[1]));                              /* -(1 - D) / n: large where D is sure, log(1 - D)'s is not */
    for (int i = 0; i < 3; i++) CHECK_NEAR(x[1]->grad[i], -1 / (1 + exp(f[i])) / 3, TOL);
#ifdef DL_DOUBLE
    for (int k = 0; k < 4; k++) {
        dl_gan_kind kind = kinds[k];
        CHECK(dl_gradcheck(c, d_loss, 2, x, .user = &kind));
        CHECK(dl_gradcheck(c, g_loss, 1, x + 1, .user = &kind));
    }
#else
    (void)d_loss; (void)g_loss;
#endif
    CHECK_OK(c);
}

/* A generator of one number and a linear discriminator, alternating steps: the two means become equal and D cannot tell. */
static void game(void)
{
    dl_ctx *old = c;
    c = dl_create(.seed = 3);
    dl_module *G = dl_nn_linear(c, 1, 1), *D = dl_nn_sequential(c, dl_nn_linear(c, 1, 1));
    dl_optim *opt_d = dl_optim_sgd(c, D, .lr = .3, .weight_decay = .1), *opt_g = dl_optim_sgd(c, G, .lr = .1);
    dl_init_constant(c, dl_module_get(c, G, "weight"), 1);
    double value = 0, mean = 0;
    for (int t = 0; t < 400; t++) {
        dl_step_begin(c);
        dl_tensor *x = dl_add_scalar(c, dl_randn(c, DL_SHAPE(64, 1)), 3), *fake = dl_forward(c, G, dl_randn(c, DL_SHAPE(64, 1)));
        dl_tensor *loss = dl_gan_d_loss(c, dl_forward(c, D, x), dl_forward(c, D, dl_detach(c, fake)));
        dl_backward(c, loss);
        CHECK(!dl_module_get(c, G, "bias")->grad);
        dl_optim_step(c, opt_d);
        dl_nn_freeze(D, 1);
        dl_backward(c, dl_gan_g_loss(c, dl_forward(c, D, fake)));
        CHECK(!dl_module_get(c, D, "0.bias")->grad);
        dl_optim_step(c, opt_g);
        dl_nn_freeze(D, 0);
        if (t >= 300) { value += dl_item(loss) / 100; mean += (double)dl_module_get(c, G, "bias")->data[0] / 100; }
    }
    CHECK_NEAR(mean, 3, .25);
    CHECK_NEAR(value, 1.3863, .05);
    CHECK_OK(c);
    dl_destroy(c);
    c = old;
}

static void clipping(void)
{
    dl_step_begin(c);
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 3, 2), dl_nn_batchnorm1d(c, 2));
    dl_tensor *w = dl_module_get(c, m, "0.weight"), *var = dl_module_get(c, m, "1.running_var");
    for (int i = 0; i < 6; i++) w->data[i] = (dl_real)((i - 2.5) / 10);
    dl_clip_weights(c, m, .1);
    for (int i = 0; i < 6; i++) CHECK_NEAR(w->data[i], fmax(-.1, fmin(.1, (i - 2.5) / 10)), 1e-7);
    CHECK_NEAR(dl_module_get(c, m, "1.weight")->data[1], .1, 1e-7);
    CHECK(var->data[0] == 1);                                            /* a buffer */
    dl_clip_weights(c, m, 0);
    CHECK_ERROR(c, "clip_weights: the largest weight is 0");
}

/* --- gradient penalty -------------------------------------------------------------------------------- */
static dl_module *critic(void)
{
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 3, 5), dl_nn_tanh(c), dl_nn_linear(c, 5, 4), dl_nn_softplus(c, 1, 20),
                                    dl_nn_linear(c, 4, 1));
    for (int i = 0, n = 0; dl_module_at(m, i, NULL, 0); i++) {
        dl_tensor *w = dl_module_at(m, i, NULL, 0)->tensor;
        for (int j = 0; j < w->size; j++) w->data[j] = (dl_real)sin(++n);
    }
    return m;
}

static void penalty(void)
{
    dl_step_begin(c);
    dl_module *D = critic();
    dl_tensor *x = dl_zeros(c, DL_SHAPE(6, 3));
    for (int j = 0; j < 18; j++) x->data[j] = (dl_real)cos(.7 * j);
    for (int k = 0; k < 2; k++) {
        dl_real target = golden_penalty[k].target == 0 ? -1 : (dl_real)golden_penalty[k].target;
        dl_tensor *p = dl_gradient_penalty(c, D, x, x, .weight = (dl_real)golden_penalty[k].weight, .target = target);
        double largest = 0, worst = 0;
        CHECK_NEAR(dl_item(p), golden_penalty[k].value, 4 * TOL);
        dl_zero_grads(D);
        dl_backward(c, p);
        for (int i = 0, n = 0; dl_module_at(D, i, NULL, 0); i++) {
            dl_tensor *w = dl_module_at(D, i, NULL, 0)->tensor;
            for (int j = 0; j < w->size; j++, n++) {
                largest = fmax(largest, fabs(golden_penalty[k].grad[n]));
                worst = fmax(worst, fabs((w->grad ? (double)w->grad[j] : 0) - golden_penalty[k].grad[n]));
            }
        }
        CHECK_NEAR(worst / largest, 0, TOL_PENALTY);
    }
    CHECK_OK(c);
    /* the random points lie between real and fake; other gradients, frozen weights and x stay as they are */
    dl_zero_grads(D);
    dl_tensor *w = dl_module_get(c, D, "0.weight"), *b = dl_module_get(c, D, "0.bias"), *fake = dl_mul_scalar(c, x, -1);
    b->requires_grad = 0;
    dl_backward(c, dl_sum(c, dl_forward(c, D, x)));
    double before = (double)w->grad[0];
    dl_tensor *p = dl_gradient_penalty(c, D, x, fake);
    CHECK(!b->requires_grad && w->requires_grad && !x->requires_grad && (double)w->grad[0] == before && dl_item(p) > 0);
    dl_backward(c, p);
    CHECK(!b->grad && (double)w->grad[0] != before);
    b->requires_grad = 1;
    int on = dl_set_grad_enabled(c, 0);
    p = dl_gradient_penalty(c, D, x, x);
    dl_set_grad_enabled(c, on);
    CHECK(!p->requires_grad);
    CHECK_NEAR(dl_item(p), golden_penalty[0].value, 4 * TOL);
    /* a critic without a gradient: (0 - 1)^2 */
    dl_tensor *last = dl_module_get(c, D, "4.weight");
    dl_init_constant(c, last, 0);
    CHECK_NEAR(dl_item(dl_gradient_penalty(c, D, x, x)), 10, 1e-6);
    CHECK_OK(c);
    dl_gradient_penalty(c, D, x, dl_zeros(c, DL_SHAPE(3, 6)));
    CHECK_ERROR(c, "gradient_penalty: real (6,3), fake (3,6)");
    dl_gradient_penalty(c, dl_nn_linear(c, 3, 2), x, x);
    CHECK_ERROR(c, "expected one a sample");
    CHECK(w->requires_grad);
}

/* --- labels, cycles ---------------------------------------------------------------------------------- */
static void labels(void)
{
    static const int32_t classes[] = {2, 0};
    dl_step_begin(c);
    dl_tensor *y = dl_tensor_from_int(c, classes, DL_SHAPE(2)), *z = dl_full(c, DL_SHAPE(2, 2), 7), *x = dl_full(c, DL_SHAPE(2, 1, 2, 2), 5);
    static const double flat[] = {7, 7, 0, 0, 1,  7, 7, 1, 0, 0};
    dl_tensor *joined = dl_join_labels(c, z, y, 3);
    ROW("GEN-09");
    CHECK(joined->ndim == 2 && joined->shape[1] == 5);
    for (int i = 0; i < 10; i++) CHECK((double)joined->data[i] == flat[i]);
    joined = dl_join_labels(c, x, y, 3);
    CHECK(joined->ndim == 4 && joined->shape[1] == 4 && joined->size == 32);
    for (int i = 0; i < 32; i++) CHECK((double)joined->data[i] == (i / 4 % 4 == 0 ? 5 : i / 4 % 4 - 1 == classes[i / 16]));
    /* both networks of a conditional DCGAN take what it gives, and the label changes what they say */
    dl_module *G = dl_model_dcgan_generator(c, .size = 8, .latent = 2, .width = 4, .num_classes = 3);
    dl_module *D = dl_model_dcgan_discriminator(c, .size = 8, .width = 4, .num_classes = 3);
    dl_set_training(c, 0);
    dl_tensor *a = dl_forward(c, G, dl_join_labels(c, z, y, 3));
    CHECK(a->shape[2] == 8 && memcmp(a->data, a->data + 64, 64 * sizeof(dl_real)));
    dl_tensor *s = dl_forward(c, D, dl_join_labels(c, dl_zeros(c, DL_SHAPE(2, 1, 8, 8)), y, 3));
    CHECK(s->ndim == 2 && s->shape[0] == 2 && s->shape[1] == 1 && (double)s->data[0] != (double)s->data[1]);
    dl_set_training(c, 1);
    CHECK_OK(c);
    dl_join_labels(c, x, y, 2);
    CHECK_ERROR(c, "one_hot");
    dl_join_labels(c, x, dl_tensor_from_int(c, classes, DL_SHAPE(1)), 3);
    CHECK_ERROR(c, "join_labels");
}

static dl_module *times(double a)
{
    dl_module *m = dl_nn_linear(c, 2, 2, .no_bias = 1);
    dl_init_eye(c, dl_module_get(c, m, "weight"));
    for (int i = 0; i < 4; i++) dl_module_get(c, m, "weight")->data[i] *= (dl_real)a;
    return m;
}
static dl_tensor *cycle_loss(dl_ctx *ctx, dl_tensor **x, void *maps) { return dl_cycle_loss(ctx, ((dl_module **)maps)[0], ((dl_module **)maps)[1], x[0], x[1]); }

static void cycles(void)
{
    static const double values[] = {1, -2, 3, -4};
    dl_step_begin(c);
    dl_module *G = times(2), *F = times(.5), *wrong = times(.25);
    dl_tensor *x = dl_reshape(c, row(4, values), DL_SHAPE(2, 2)), *y = dl_reshape(c, row(2, values + 1), DL_SHAPE(1, 2)), *fake_x, *fake_y;
    ROW("GEN-10");
    CHECK(dl_item(dl_cycle_loss(c, G, F, x, y)) == 0);
    double l = dl_item(dl_cycle_loss(c, G, wrong, x, y, .fake_y = &fake_y, .fake_x = &fake_x));
    CHECK_NEAR(l, 2.5 / 2 + 2.5 / 2, 1e-6);                              /* everything comes back as its half */
    CHECK((double)fake_y->data[3] == -8 && (double)fake_x->data[1] == .75);
    dl_module *maps[2], *norm = dl_nn_sequential(c, dl_nn_conv2d(c, 1, 2, 3, .padding = 1), dl_nn_instancenorm2d(c, 2), dl_nn_tanh(c), dl_nn_conv2d(c, 2, 1, 1));
    maps[0] = maps[1] = norm;
    dl_tensor *in[2] = {dl_requires_grad(c, dl_randn(c, DL_SHAPE(2, 1, 3, 3)), 1), dl_requires_grad(c, dl_randn(c, DL_SHAPE(1, 1, 4, 3)), 1)};
#ifdef DL_DOUBLE
    CHECK(dl_gradcheck(c, cycle_loss, 2, in, .user = maps));
#else
    CHECK(dl_item(cycle_loss(c, in, maps)) > 0);
#endif
    /* random draws are made in the order G(x), F(y), F(G(x)), G(F(y)) */
    G = dl_nn_sequential(c, dl_nn_dropout(c, (dl_real)0.5));
    F = dl_nn_sequential(c, dl_nn_dropout(c, (dl_real)0.25));
    x = dl_ones(c, DL_SHAPE(64));
    dl_manual_seed(c, 5);
    l = dl_item(dl_cycle_loss(c, G, F, x, x));
    dl_manual_seed(c, 5);
    fake_y = dl_forward(c, G, x);
    fake_x = dl_forward(c, F, x);
    fake_y = dl_l1_loss(c, dl_forward(c, F, fake_y), x);
    fake_x = dl_l1_loss(c, dl_forward(c, G, fake_x), x);
    CHECK_NEAR(l, dl_item(fake_y) + dl_item(fake_x), 1e-6);
    CHECK_OK(c);
    dl_cycle_loss(c, times(2), times(1), row(2, values), dl_zeros(c, DL_SHAPE(1, 3)));
    CHECK_ERROR(c, "linear");
}

/* --- Frechet distance -------------------------------------------------------------------------------- */
static void frechet(void)
{
    dl_step_begin(c);
    dl_tensor *a = dl_zeros(c, DL_SHAPE(40, 4)), *b = dl_zeros(c, DL_SHAPE(30, 4));
    for (int j = 0; j < 160; j++) a->data[j] = (dl_real)sin(1.3 * j + .01 * j * j);
    for (int j = 0; j < 120; j++) b->data[j] = (dl_real)(cos(.9 * j + .02 * j * j) + .2);
    CHECK_NEAR(dl_frechet_distance(c, a, b), golden_frechet, 10 * TOL);
    CHECK_NEAR(dl_frechet_distance(c, b, a), golden_frechet, 10 * TOL);
    CHECK_NEAR(dl_frechet_distance(c, a, a), 0, 10 * TOL);
    CHECK_NEAR(dl_frechet_distance(c, a, dl_add_scalar(c, a, 2)), 16, 1e-4);                 /* |(2, 2, 2, 2)|^2 */
    CHECK_OK(c);
    CHECK(isnan(dl_frechet_distance(c, a, dl_zeros(c, DL_SHAPE(4, 3)))));
    CHECK_ERROR(c, "frechet_distance: (40,4) and (4,3)");
}

/* --- DCGAN ------------------------------------------------------------------------------------------- */
static void dcgan(void)
{
    dl_step_begin(c);
    ROW("GEN-08");
    dl_module *G = dl_model_dcgan_generator(c, .width = 8), *D = dl_model_dcgan_discriminator(c, .width = 8), *list = G->children[1];
    static const int side[] = {4, 8, 16, 32};
    dl_tensor *x = dl_forward(c, G->children[0], dl_randn(c, DL_SHAPE(2, 100)));
    int up = 0, down = 0, norms = 0;
    for (int i = 0; i < list->nchildren; i++) {
        x = dl_forward(c, list->children[i], x);
        if (!strncmp(list->children[i]->type->name, "conv", 4) || strstr(list->children[i]->type->name, "transpose"))
            CHECK(x->shape[2] == side[up] && x->shape[3] == side[up] && x->shape[1] == (up == 3 ? 1 : 32 >> up)), up++;
    }
    CHECK(up == 4 && x->shape[0] == 2 && x->shape[1] == 1);
    for (int i = 0; i + 1 < list->nchildren; i++)
        if (!strcmp(list->children[i]->type->name, "batchnorm2d")) norms++, CHECK(!strcmp(list->children[i + 1]->type->name, "relu"));
    CHECK(norms == 3 && !strcmp(list->children[list->nchildren - 1]->type->name, "tanh"));
    for (int i = 0; i < x->size; i++) CHECK(fabs((double)x->data[i]) < 1);
    list = D->children[0];
    for (int i = 0; i < list->nchildren; i++) {
        x = dl_forward(c, list->children[i], x);
        if (strstr(list->children[i]->type->name, "conv")) CHECK(x->shape[2] == (down == 3 ? 1 : side[2 - down])), down++;
    }
    CHECK(down == 4 && x->shape[1] == 1);
    CHECK(!strcmp(list->children[1]->type->name, "leaky_relu") && list->nchildren == 9);
    dl_tensor *w = dl_module_get(c, G, "main.0.weight"), *g = dl_module_get(c, G, "main.1.weight");
    CHECK(w->shape[0] == 100 && w->shape[1] == 32 && w->shape[2] == 4);
    CHECK_NEAR(dl_item(dl_std(c, w)), .02, .001);
    CHECK_NEAR(dl_item(dl_mean(c, w)), 0, .0005);
    CHECK_NEAR(dl_item(dl_mean(c, g)), 1, .02);
    CHECK_NEAR(dl_item(dl_std(c, g)), .02, .01);
    /* PyTorch's example: 64 x 64, three channels */
    CHECK(dl_param_count(dl_model_dcgan_generator(c, .size = 64, .channels = 3)) == 3576704);
    CHECK(dl_param_count(dl_model_dcgan_discriminator(c, .size = 64, .channels = 3)) == 2765568);
    /* 7-14-28, gradients for everything in both */
    dl_step_begin(c);
    G = dl_model_dcgan_generator(c, .size = 28, .width = 4, .latent = 5);
    D = dl_model_dcgan_discriminator(c, .size = 28, .width = 4, .no_batch_norm = 1);
    x = dl_forward(c, G, dl_randn(c, DL_SHAPE(3, 5)));
    CHECK(x->shape[2] == 28);
    dl_backward(c, dl_gan_g_loss(c, dl_forward(c, D, x)));
    for (int k = 0; k < 2; k++)
        for (int i = 0; dl_module_at(k ? D : G, i, NULL, 0); i++) {
            dl_param *p = dl_module_at(k ? D : G, i, NULL, 0);
            CHECK(p->is_buffer || p->tensor->grad);
            CHECK(!k || !strstr(p->name, "running"));
        }
    CHECK_OK(c);
    x = dl_forward(c, dl_model_dcgan_generator(c, .size = 12, .width = 2, .latent = 5), dl_randn(c, DL_SHAPE(3, 5)));       /* 3-6-12 */
    CHECK(x->shape[2] == 12);
    CHECK_OK(c);
    dl_model_dcgan_generator(c, .size = 30);                             /* 15 */
    CHECK_ERROR(c, "model_dcgan_generator: size 30, expected 2^n times 3, 4, 5 or 7, n from 1 to 8");
    dl_model_dcgan_discriminator(c, .width = -1);
    CHECK_ERROR(c, "width -1");
}

static void bad_input(void)
{
    dl_tensor *nil = dl_fail(c, "x"), *x;
    dl_module *m;
    dl_clear_error(c);
    dl_step_begin(c);
    x = dl_zeros(c, DL_SHAPE(2, 2));
    m = dl_nn_linear(c, 2, 1);
    for (int k = 0; k < 3; k++) {
        dl_ctx *ctx = k == 2 ? NULL : c;
        dl_tensor *bad = k ? nil : NULL;
        dl_module *none = k ? dl_module_create(c, NULL) : NULL;
        dl_clear_error(c);
        CHECK(dl_is_nil(dl_gan_d_loss(ctx, bad, x)));                  dl_clear_error(c);
        CHECK(dl_is_nil(dl_gan_d_loss(ctx, x, bad)));                  dl_clear_error(c);
        CHECK(dl_is_nil(dl_gan_g_loss(ctx, bad)));                     dl_clear_error(c);
        dl_clip_weights(ctx, none, 1);                                 CHECK(!ctx || dl_error(c)); dl_clear_error(c);
        CHECK(dl_is_nil(dl_gradient_penalty(ctx, none, x, x)));        dl_clear_error(c);
        CHECK(dl_is_nil(dl_gradient_penalty(ctx, m, bad, x)));         dl_clear_error(c);
        CHECK(dl_is_nil(dl_gradient_penalty(ctx, m, x, bad)));         dl_clear_error(c);
        CHECK(dl_is_nil(dl_join_labels(ctx, bad, bad, 3)));            dl_clear_error(c);
        CHECK(dl_is_nil(dl_join_labels(ctx, x, bad, 3)));              dl_clear_error(c);
        CHECK(dl_is_nil(dl_cycle_loss(ctx, none, m, x, x)));           dl_clear_error(c);
        CHECK(dl_is_nil(dl_cycle_loss(ctx, m, m, bad, x)));            dl_clear_error(c);
        CHECK(isnan(dl_frechet_distance(ctx, bad, x)));                dl_clear_error(c);
        CHECK(isnan(dl_frechet_distance(ctx, x, bad)));                dl_clear_error(c);
        if (!ctx) { dl_model_dcgan_generator(ctx); dl_model_dcgan_discriminator(ctx); }
    }
    dl_gan_g_loss(c, x, .kind = (dl_gan_kind)9);
    CHECK_ERROR(c, "gan_g_loss: there is no loss number 9");
}

int main(void)
{
    c = dl_create(.seed = 1);
    RUN(losses);
    RUN(game);
    RUN(clipping);
    RUN(penalty);
    RUN(labels);
    RUN(cycles);
    RUN(frechet);
    RUN(dcgan);
    RUN(bad_input);
    dl_destroy(c);
    TEST_END;
}
