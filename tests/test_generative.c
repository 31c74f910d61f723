/* build: float double */
/* Generative models: ops against PyTorch's values (gen_generative.py) and differences, likelihoods that sum to 1, causality,
   inverses, Jacobians, diffusion of a distribution whose noise is known exactly, and rows GEN-01 .. GEN-06, GEN-11, GEN-12. */
#define DL_MODELS
#include "dl.h"
#include "test.h"

static dl_ctx *c;
static dl_ddpm *linear, *cosine;                             /* 50 steps */

static dl_tensor *log_det(dl_ctx *ctx, dl_tensor *x, dl_tensor *mask, dl_tensor *s, dl_tensor *t, int inverse)
{
    dl_tensor *sum = NULL;
    dl_coupling(ctx, x, mask, s, t, .inverse = inverse, .log_det = &sum);
    return sum;
}

static dl_tensor *schedule_of(dl_ctx *ctx, const dl_ddpm *d, dl_tensor *unused)
{
    dl_tensor *y = dl_zeros(ctx, DL_SHAPE(2 * d->steps));
    (void)unused;
    for (int64_t i = 0; i < d->steps; i++) {
        y->data[i] = (dl_real)d->beta[i];
        y->data[d->steps + i] = (dl_real)d->alpha_bar[i];
    }
    return y;
}

#include "golden_generative.h"
#define NO_DIFFERENCES(text) 0
#define UNUSED(text, i)      (!strncmp(text, "_det", 4) || !strncmp(text, "edule", 5))
#define MAY_BE_NULL(text, i) ((i) == 2 && !strncmp(text, "masked", 6))
#define MAY_BE_INT(text, i)  0
#define ANY_SHAPE(text, i)   0
#include "cases.h"

#define FROM(shape, ...) dl_tensor_from(c, (const dl_real[]){__VA_ARGS__}, shape)
#define FINE (sizeof(dl_real) == 8)

/* --- small helpers -------------------------------------------------------------------------------------------------------- */

/* All 2^n words of n bits, (2^n, n). */
static dl_tensor *all_words(int n)
{
    dl_tensor *x = dl_zeros(c, DL_SHAPE(1 << n, n));
    for (int64_t i = 0; i < x->size; i++) x->data[i] = (dl_real)((i / n) >> (i % n) & 1);
    return x;
}

/* -log p of each sample from logits of its bits: (N, n) -> (N) */
static dl_tensor *nats_of(dl_tensor *logits, dl_tensor *x)
{
    return dl_sum(c, dl_bce_with_logits(c, logits, x, .reduction = DL_NONE), .dims = DL_DIM(1));
}

static double total_probability(const dl_tensor *nats)
{
    double sum = 0;
    for (int64_t i = 0; i < nats->size; i++) sum += exp(-(double)nats->data[i]);
    return sum;
}

/* Larger, random weights: what a new network has is too tame to test. */
static void roughen(dl_module *m, double std)
{
    for (int i = 0; dl_module_at(m, i, NULL, 0); i++) dl_init_normal(c, dl_module_at(m, i, NULL, 0)->tensor, 0, (dl_real)std);
}

static int index_of_word(const dl_real *x, int n)
{
    int word = 0;
    for (int i = 0; i < n; i++) word |= (x[i] != 0) << i;
    return word;
}

/* Largest distance between the shares of all words of n bits among the samples and their probabilities. */
static double largest_gap(const dl_tensor *samples, int n, const dl_tensor *nats)
{
    double count[512] = {0}, gap = 0;
    for (int64_t k = 0; k < samples->size / n; k++) count[index_of_word(samples->data + k * n, n)] += (double)n / (double)samples->size;
    for (int k = 0; k < 1 << n; k++) gap = fmax(gap, fabs(count[k] - exp(-(double)nats->data[k])));
    return gap;
}

/* --- GEN-01: two bits, fitted exactly ---------------------------------------------------------------------------------------- */
static void two_bits(void)
{
    static const dl_real share[4] = {(dl_real)0.1, (dl_real)0.4, (dl_real)0.3, (dl_real)0.2};
    ROW("GEN-01");
    dl_module *net = dl_nn_linear(c, 2, 2);                  /* logits of x_0; of x_1 given x_0 */
    dl_tensor *earlier = dl_keep(c, FROM(DL_SHAPE(2, 2), 0, 0, 1, 0)), *nats = NULL;
    dl_optim *opt = dl_optim_adam(c, net, .lr = 0.05);
    double entropy = 0, cross = 0;
    for (int i = 0; i < 1500; i++) {
        dl_step_begin(c);
        dl_tensor *x = all_words(2), *w = dl_mul(c, dl_module_get(c, net, "weight"), earlier);
        nats = nats_of(dl_linear(c, x, w, dl_module_get(c, net, "bias")), x);
        dl_backward(c, dl_sum(c, dl_mul(c, nats, dl_tensor_from(c, share, DL_SHAPE(4)))));
        dl_optim_step(c, opt);
    }
    CHECK_OK(c);
    for (int i = 0; i < 4; i++) {
        CHECK_NEAR(exp(-(double)nats->data[i]), share[i], 1e-4);
        entropy -= share[i] * log(share[i]);
        cross += share[i] * (double)nats->data[i];
    }
    CHECK_NEAR(cross, entropy, 1e-6);                        /* the least that a likelihood can be */
    CHECK_NEAR(total_probability(nats), 1, 1e-6);
}

/* --- GEN-02: NADE -------------------------------------------------------------------------------------------------------------- */
static dl_tensor *nade_by_formula(dl_module *m, dl_tensor *x)      /* h_i = sigmoid(b + W[:, <i] x_<i), y_i = c_i + V_i h_i */
{
    dl_tensor *W = dl_module_get(c, m, "W"), *V = dl_module_get(c, m, "V"), *b = dl_module_get(c, m, "b");
    dl_tensor *bias = dl_module_get(c, m, "c");
    dl_tensor *y = dl_zeros(c, DL_SHAPE(x->shape[0], x->shape[1]));
    const int64_t D = W->shape[0], H = W->shape[1];
    for (int64_t n = 0; n < x->shape[0]; n++)
        for (int64_t i = 0; i < D; i++) {
            double sum = bias->data[i];
            for (int64_t k = 0; k < H; k++) {
                double a = b->data[k];
                for (int64_t j = 0; j < i; j++) a += (double)W->data[j * H + k] * x->data[n * D + j];
                sum += V->data[i * H + k] / (1 + exp(-a));
            }
            y->data[n * D + i] = (dl_real)sum;
        }
    return y;
}

static dl_tensor *forward_of(dl_ctx *ctx, dl_tensor **parameters, void *user)
{
    dl_tensor *x = ((dl_tensor **)user)[1];
    (void)parameters;
    return dl_forward(ctx, (dl_module *)((void **)user)[0], x);
}

static void gradients_of(dl_module *m, dl_gradcheck_fn f, void *user)
{
    dl_tensor *parameters[128];
    int n = 0;
    for (; n < 128 && dl_module_at(m, n, NULL, 0); n++) parameters[n] = dl_module_at(m, n, NULL, 0)->tensor;
    if (FINE) CHECK(dl_gradcheck(c, f, n, parameters, .user = user));
    CHECK_OK(c);
    dl_clear_error(c);
}

static void nade(void)
{
    ROW("GEN-02");
    dl_step_begin(c);
    dl_module *m = dl_model_nade(c, 8, 5), *large;
    dl_tensor *x = all_words(8), *y, *wanted;
    roughen(m, 1.5);
    y = dl_forward(c, m, x);
    CHECK_NEAR(total_probability(nats_of(y, x)), 1, FINE ? 1e-12 : 1e-5);
    wanted = nade_by_formula(m, x);
    for (int64_t i = 0; i < y->size; i++) CHECK_NEAR(y->data[i], wanted->data[i], FINE ? 1e-12 : 2e-5);

    dl_tensor *some = dl_slice(c, dl_mul_scalar(c, x, (dl_real)0.75), 0, 37, 48);              /* any numbers will do */
    void *user[2] = {m, some};
    gradients_of(m, forward_of, user);

    large = dl_model_nade(c, 8, 700);                        /* more units than one task has */
    roughen(large, 0.2);
    y = dl_forward(c, large, x);
    wanted = nade_by_formula(large, x);
    for (int64_t i = 0; i < y->size; i += 7) CHECK_NEAR(y->data[i], wanted->data[i], FINE ? 1e-11 : 1e-4);
    some = dl_slice(c, x, 0, 100, 103);
    user[0] = large; user[1] = some;
    if (FINE && SLOW) gradients_of(large, forward_of, user);
}

/* --- GEN-03: who sees whom ------------------------------------------------------------------------------------------------------ */

/* How many of the n channels at pixel q of y (1, C, H, W) move when pixel p of x does; must be 0 for later p. */
static int moves(dl_module *m, dl_tensor *x, int p, int q, const dl_tensor *before)
{
    const int64_t pixels = x->shape[2] * x->shape[3];
    int n = 0;
    x->data[p] += 1;
    const dl_tensor *after = dl_forward(c, m, x);
    for (int64_t k = 0; k < before->shape[1]; k++) n += after->data[k * pixels + q] != before->data[k * pixels + q];
    x->data[p] -= 1;
    return n;
}

static void causality(dl_module *m, int own, int H, int W)
{
    dl_tensor *x = dl_bernoulli(c, dl_full(c, DL_SHAPE(1, 1, H, W), (dl_real)0.5)), *y = dl_forward(c, m, x);
    int seen = 0, wanted = 0;
    for (int p = 0; p < H * W; p++)
        for (int q = 0; q < H * W; q++) {
            const int n = moves(m, x, p, q, y);
            if (p > q || (p == q && !own)) CHECK(n == 0);
            seen += n > 0 && q - p == 1 && q % W;            /* the neighbour on the left, and the one above */
            seen += n > 0 && q - p == W;
            wanted += (q - p == 1 && q % W) + (q - p == W);
        }
    CHECK(seen == wanted);
    /* the gradient of the logits of pixel q reaches no pixel from q on */
    for (int q = 0; q < H * W; q++) {
        dl_tensor *in = dl_requires_grad(c, dl_detach(c, dl_mul_scalar(c, x, 1)), 1), *out = dl_forward(c, m, in);
        out = dl_slice(c, dl_reshape(c, out, DL_SHAPE(out->shape[1], H * W)), 1, q, q + 1);
        dl_backward(c, dl_sum(c, out));
        for (int p = q + own; p < H * W; p++) CHECK(in->grad && in->grad[p] == 0);
    }
    CHECK_OK(c);
}

static dl_tensor *pixelcnn_nats(dl_module *m, dl_tensor *x)        /* (N, 1, H, W) of bits -> (N) */
{
    dl_tensor *l = dl_cross_entropy2d(c, dl_forward(c, m, x), dl_to_int(c, dl_squeeze(c, x, DL_DIM(1))), .reduction = DL_NONE);
    return dl_sum(c, dl_flatten(c, l, 1, -1), .dims = DL_DIM(1));
}

static void pixels(void)
{
    ROW("GEN-03");
    dl_step_begin(c);
    dl_manual_seed(c, 11);
    dl_module *a = dl_nn_masked_conv2d(c, 1, 3, 5, DL_MASK_A), *b = dl_nn_masked_conv2d(c, 1, 3, 3, DL_MASK_B);
    dl_module *net = dl_model_pixelcnn(c, .width = 8, .blocks = 3);
    causality(a, 0, 4, 5);
    causality(b, 1, 4, 5);
    roughen(net, 0.4);
    causality(net, 0, 4, 5);

    dl_tensor *x = dl_reshape(c, all_words(9), DL_SHAPE(512, 1, 3, 3)), *nats = pixelcnn_nats(net, x);
    CHECK_NEAR(total_probability(nats), 1, FINE ? 1e-12 : 1e-5);
    CHECK_NEAR(largest_gap(dl_model_pixelcnn_sample(c, net, 4000, 3, 3), 9, nats), 0, 0.03);
    CHECK_OK(c);

    dl_manual_seed(c, 3);                                              /* weights that are computed, to the same values */
    dl_tensor *as_stored = dl_model_pixelcnn_sample(c, net, 100, 3, 3), *as_computed;
    dl_nn_weight_norm(c, net->children[0]);
    dl_tensor *v = dl_module_get(c, net, "first.parametrizations.weight.original1");
    for (int i = 0; i < v->size; i++) v->data[i] *= 4;                 /* g v / |v| stays */
    dl_manual_seed(c, 3);
    as_computed = dl_model_pixelcnn_sample(c, net, 100, 3, 3);
    int differ = 0;
    for (int i = 0; i < 900; i++) differ += as_stored->data[i] != as_computed->data[i];
    CHECK(differ < 3);                                                 /* but for the last bit of a probability */

    dl_module *grey = dl_model_pixelcnn(c, .levels = 5, .width = 4, .blocks = 1);
    dl_tensor *picture = dl_model_pixelcnn_sample(c, grey, 3, 2, 4);
    CHECK(picture->shape[0] == 3 && picture->shape[1] == 1 && picture->shape[2] == 2 && picture->shape[3] == 4);
    for (int i = 0; i < picture->size; i++) CHECK(picture->data[i] * 4 == (int)(picture->data[i] * 4 + (dl_real)0.5));
    picture = dl_forward(c, grey, picture);
    CHECK(picture->ndim == 4 && picture->shape[1] == 5);
    CHECK_OK(c);
}

/* --- GEN-04: draws ----------------------------------------------------------------------------------------------------------------- */
static void draws(void)
{
    static const dl_real weights[4] = {1, 2, 3, 4};
    double count[4] = {0}, ones = 0;
    ROW("GEN-04");
    dl_step_begin(c);
    dl_manual_seed(c, 4);
    dl_tensor *b = dl_bernoulli(c, dl_full(c, DL_SHAPE(100, 200), (dl_real)0.3));
    for (int i = 0; i < b->size; i++) { CHECK(b->data[i] == 0 || b->data[i] == 1); ones += b->data[i]; }
    CHECK_NEAR(ones / 20000, 0.3, 0.01);
    CHECK(dl_item(dl_sum(c, dl_bernoulli(c, dl_ones(c, DL_SHAPE(500))))) == 500);
    CHECK(dl_item(dl_sum(c, dl_bernoulli(c, dl_zeros(c, DL_SHAPE(500))))) == 0);
    dl_tensor *k = dl_multinomial(c, dl_tensor_from(c, weights, DL_SHAPE(4)), 20000, .replacement = 1);
    for (int i = 0; i < k->size; i++) count[k->idata[i]]++;
    for (int i = 0; i < 4; i++) CHECK_NEAR(count[i] / 20000, (i + 1) / 10.0, 0.015);

    dl_module *m = dl_model_nade(c, 3, 4);                   /* ancestral: bit after bit, each given those before it */
    roughen(m, 1.5);
    dl_tensor *x = all_words(3), *nats = nats_of(dl_forward(c, m, x), x), *samples = dl_model_nade_sample(c, m, 20000);
    CHECK(samples->shape[0] == 20000 && samples->shape[1] == 3);
    CHECK_NEAR(largest_gap(samples, 3, nats), 0, 0.015);
    CHECK_OK(c);
}

/* --- GEN-05: a linear autoencoder is as good as principal components, and no better --------------------------------------------- */
static void eigenvalues(double a[6][6], double *values)      /* of a symmetric matrix, by Jacobi's rotations, sorted */
{
    for (int sweep = 0; sweep < 50; sweep++)
        for (int p = 0; p < 6; p++)
            for (int q = p + 1; q < 6; q++) {
                if (fabs(a[p][q]) < 1e-300) continue;
                double angle = 0.5 * atan2(2 * a[p][q], a[q][q] - a[p][p]), s = sin(angle), co = cos(angle);
                for (int i = 0; i < 6; i++) {
                    double u = a[i][p], v = a[i][q];
                    a[i][p] = co * u - s * v;
                    a[i][q] = s * u + co * v;
                }
                for (int i = 0; i < 6; i++) {
                    double u = a[p][i], v = a[q][i];
                    a[p][i] = co * u - s * v;
                    a[q][i] = s * u + co * v;
                }
            }
    for (int i = 0; i < 6; i++) values[i] = a[i][i];
    for (int i = 0; i < 6; i++)
        for (int j = i + 1; j < 6; j++)
            if (values[j] > values[i]) { double v = values[i]; values[i] = values[j]; values[j] = v; }
}

static void principal_components(void)
{
    double mean[6] = {0}, cov[6][6] = {{0}}, values[6], bound = 0, loss = 0;
    ROW("GEN-05");
    dl_step_begin(c);
    dl_manual_seed(c, 5);
    dl_tensor *x = dl_matmul(c, dl_randn(c, DL_SHAPE(100, 6)), dl_randn(c, DL_SHAPE(6, 6)));
    x = dl_keep(c, dl_detach(c, dl_add_scalar(c, x, (dl_real)0.7)));
    for (int n = 0; n < 100; n++) for (int i = 0; i < 6; i++) mean[i] += x->data[6 * n + i] / 100.0;
    for (int n = 0; n < 100; n++)
        for (int i = 0; i < 6; i++)
            for (int j = 0; j < 6; j++) cov[i][j] += (x->data[6 * n + i] - mean[i]) * (x->data[6 * n + j] - mean[j]) / 100;
    eigenvalues(cov, values);
    for (int i = 2; i < 6; i++) bound += values[i];          /* what a code of two numbers must lose */
    dl_module *m = dl_model_autoencoder(c, DL_SHAPE(6), 2, .linear = 1);
    CHECK(dl_param_count(m) == 6 * 2 + 2 + 2 * 6 + 6);
    dl_optim *opt = dl_optim_adam(c, m, .lr = 0.02);
    for (int i = 0; i < 3000; i++) {
        dl_step_begin(c);
        dl_tensor *l = dl_mse_loss(c, dl_forward(c, m, x), x);
        dl_backward(c, l);
        dl_optim_step(c, opt);
        loss = 6 * dl_item(l);
        if (i > 10) CHECK(loss > bound * (1 - 1e-5));
        if (i == 2000) dl_optim_set_lr(opt, 0.001);
    }
    CHECK_NEAR(loss, bound, 1e-3 * bound);
    CHECK_OK(c);
}

static void autoencoders(void)
{
    dl_step_begin(c);
    dl_module *m = dl_model_autoencoder(c, DL_SHAPE(2, 8, 12), 7, .hidden = 4), *dense = dl_model_autoencoder(c, DL_SHAPE(5), 3);
    dl_tensor *x = dl_randn(c, DL_SHAPE(3, 2, 8, 12)), *code = dl_model_encode(c, m, x), *y = dl_model_decode(c, m, code), *z;
    CHECK(code->ndim == 2 && code->shape[0] == 3 && code->shape[1] == 7);
    CHECK(y->ndim == 4 && y->shape[1] == 2 && y->shape[2] == 8 && y->shape[3] == 12);
    z = dl_forward(c, m, x);
    for (int i = 0; i < y->size; i++) CHECK(z->data[i] == y->data[i]);
    CHECK(dl_param_count(dense) == 5 * 400 + 400 + 400 * 3 + 3 + 3 * 400 + 400 + 400 * 5 + 5);
    CHECK(dl_model_encode(c, dense, dl_ones(c, DL_SHAPE(2, 5)))->shape[1] == 3);
    CHECK_OK(c);

    /* denoising: clean targets of noisy inputs, points on a circle; what comes out is nearer to them than what went in */
    dl_module *d = dl_model_autoencoder(c, DL_SHAPE(2), 1, .hidden = 32);
    dl_optim *opt = dl_optim_adam(c, d, .lr = 0.01);
    double before = 0, after = 0;
    d = dl_model_autoencoder(c, DL_SHAPE(2), 2, .hidden = 32);
    opt = dl_optim_adam(c, d, .lr = 0.01);
    for (int i = 0; i < 600; i++) {
        dl_step_begin(c);
        dl_tensor *angle = dl_mul_scalar(c, dl_rand(c, DL_SHAPE(64, 1)), (dl_real)6.2831853), *both[2], *clean, *noisy, *l;
        both[0] = dl_cos(c, angle); both[1] = dl_sin(c, angle);
        clean = dl_cat(c, 2, both, 1);
        noisy = dl_add(c, clean, dl_mul_scalar(c, dl_randn(c, DL_SHAPE(64, 2)), (dl_real)0.3));
        l = dl_mse_loss(c, dl_forward(c, d, noisy), clean);
        if (i >= 500) { before += dl_item(dl_mse_loss(c, noisy, clean)); after += dl_item(l); }
        dl_backward(c, l);
        dl_optim_step(c, opt);
    }
    CHECK(after < 0.7 * before);
    CHECK_OK(c);
}

/* --- GEN-06: the variational autoencoder ------------------------------------------------------------------------------------------ */
static void variational(void)
{
    ROW("GEN-06");
    dl_step_begin(c);
    dl_manual_seed(c, 6);
    /* V40; the third is 1/2 times the sum of two such numbers */
    CHECK_NEAR(dl_item(dl_kl_normal(c, dl_scalar(c, 1), dl_scalar(c, (dl_real)log(0.25)))), 0.8181471806, FINE ? 1e-10 : 1e-7);
    CHECK_NEAR(dl_item(dl_kl_normal(c, dl_scalar(c, 1), dl_scalar(c, 0))), 0.5, 1e-12);
    CHECK_NEAR(dl_item(dl_kl_normal(c, dl_scalar(c, 0), dl_scalar(c, (dl_real)1e-3))), 2.5008335418e-7, FINE ? 1e-15 : 1e-9);
    CHECK_NEAR(dl_item(dl_kl_normal(c, dl_zeros(c, DL_SHAPE(3)), dl_zeros(c, DL_SHAPE(3)))), 0, 0);

    /* draws have the mean and variance asked for, and the gradients of mu + sigma e */
    dl_tensor *mu = dl_requires_grad(c, dl_full(c, DL_SHAPE(20000), 2), 1);
    dl_tensor *v = dl_requires_grad(c, dl_full(c, DL_SHAPE(20000), (dl_real)log(0.09)), 1);
    dl_tensor *z = dl_reparameterize(c, mu, v);
    CHECK_NEAR(dl_item(dl_mean(c, z)), 2, 0.01);
    CHECK_NEAR(dl_item(dl_std(c, z)), 0.3, 0.01);
    dl_backward(c, dl_sum(c, z));
    for (int i = 0; i < 20000; i += 997) {
        CHECK_NEAR(mu->grad[i], 1, 0);
        CHECK_NEAR(v->grad[i], 0.5 * (z->data[i] - 2), 1e-6);
    }

    /* four words of six bits, equally often: no bound can be above -log 4, and a trained one is near it */
    static const dl_real words[] = {1, 1, 0, 0, 0, 0,  0, 0, 1, 1, 0, 0,  0, 0, 0, 0, 1, 1,  1, 0, 1, 0, 1, 0};
    dl_module *m = dl_model_vae(c, DL_SHAPE(6), 2, .hidden = 32);
    dl_optim *opt = dl_optim_adam(c, m, .lr = 0.01);
    dl_tensor *data = dl_keep(c, dl_repeat(c, dl_tensor_from(c, words, DL_SHAPE(4, 6)), DL_SHAPE(32, 1)));
    dl_tensor *l = NULL, *reconstruction, *kl, *code;
    double mean = 0;
    for (int i = 0; i < 600; i++) {
        dl_step_begin(c);
        l = dl_model_vae_loss(c, m, data, .reconstruction = &reconstruction, .kl = &kl);
        dl_backward(c, l);
        dl_optim_step(c, opt);
        if (i >= 500) mean += dl_item(l) / 100;
    }
    CHECK(mean > log(4.0) && mean < log(4.0) + 0.6);
    CHECK_NEAR(dl_item(l), dl_item(reconstruction) + dl_item(kl), 1e-5);
    l = dl_model_vae_loss(c, m, data, .beta = 4, .reconstruction = &reconstruction, .kl = &kl);
    CHECK_NEAR(dl_item(l), dl_item(reconstruction) + 4 * dl_item(kl), 1e-4);
    code = dl_model_encode(c, m, data);
    CHECK(code->shape[1] == 4);
    CHECK_NEAR(dl_item(kl), dl_item(dl_kl_normal(c, dl_slice(c, code, 1, 0, 2), dl_slice(c, code, 1, 2, 4), .batchmean = 1)), 1e-5);
    dl_set_training(c, 0);                                   /* without draws: the words come back */
    dl_tensor *y = dl_forward(c, m, data), *again = dl_model_decode(c, m, dl_slice(c, code, 1, 0, 2));
    for (int i = 0; i < 24; i++) {
        CHECK((y->data[i] > 0) == (words[i] > 0));
        CHECK(y->data[i] == again->data[i]);
    }
    dl_set_training(c, 1);
    dl_module *conv = dl_model_vae(c, DL_SHAPE(1, 8, 8), 3, .hidden = 4);
    CHECK(dl_forward(c, conv, dl_rand(c, DL_SHAPE(2, 1, 8, 8)))->size == 128);
    CHECK(dl_item(dl_model_vae_loss(c, conv, dl_rand(c, DL_SHAPE(2, 1, 8, 8)))) > 0);
    CHECK_OK(c);
}

/* --- GEN-11: flows ------------------------------------------------------------------------------------------------------------------ */
static double log_abs_det(double a[4][4])                    /* by elimination */
{
    double sum = 0;
    for (int k = 0; k < 4; k++) {
        int best = k;
        for (int i = k; i < 4; i++) if (fabs(a[i][k]) > fabs(a[best][k])) best = i;
        for (int j = 0; j < 4; j++) { double v = a[k][j]; a[k][j] = a[best][j]; a[best][j] = v; }
        sum += log(fabs(a[k][k]));
        for (int i = k + 1; i < 4; i++)
            for (int j = 3; j >= k; j--) a[i][j] -= a[i][k] / a[k][k] * a[k][j];
    }
    return sum;
}

static dl_tensor *log_prob_of(dl_ctx *ctx, dl_tensor **parameters, void *user)
{
    (void)parameters;
    return dl_model_realnvp_log_prob(ctx, (dl_module *)((void **)user)[0], ((dl_tensor **)user)[1]);
}

static void flows(void)
{
    ROW("GEN-11");
    dl_step_begin(c);
    dl_manual_seed(c, 11);
    dl_tensor *x = dl_randn(c, DL_SHAPE(5, 4)), *mask = FROM(DL_SHAPE(4), 1, 0, 1, 0), *s = dl_randn(c, DL_SHAPE(5, 4));
    dl_tensor *t = dl_randn(c, DL_SHAPE(5, 4));
    dl_tensor *there, *back, *y = dl_coupling(c, x, mask, s, t, .log_det = &there);
    dl_tensor *again = dl_coupling(c, y, mask, s, t, .inverse = 1, .log_det = &back);
    for (int i = 0; i < 20; i++) {
        CHECK_NEAR(again->data[i], x->data[i], FINE ? 1e-14 : 1e-5);
        if (i % 2 == 0) CHECK(y->data[i] == x->data[i] && again->data[i] == x->data[i]);
    }
    for (int n = 0; n < 5; n++) {
        CHECK_NEAR(there->data[n], s->data[4 * n + 1] + s->data[4 * n + 3], 1e-6);
        CHECK(back->data[n] == -there->data[n]);
    }

    dl_module *m = dl_model_realnvp(c, 4, .layers = 3, .hidden = 16);
    y = dl_model_realnvp_forward(c, m, x, .log_det = &there);                  /* it begins as the identity */
    for (int i = 0; i < 20; i++) CHECK(y->data[i] == x->data[i]);
    for (int n = 0; n < 5; n++) {
        double sum = 4 * log(2 * 3.14159265358979);
        for (int i = 0; i < 4; i++) sum += (double)x->data[4 * n + i] * x->data[4 * n + i];
        CHECK_NEAR(dl_model_realnvp_log_prob(c, m, x)->data[n], -sum / 2, 1e-5);
    }
    roughen(m, 0.4);
    y = dl_model_realnvp_forward(c, m, x, .log_det = &there);
    again = dl_model_realnvp_forward(c, m, y, .inverse = 1, .log_det = &back);
    for (int i = 0; i < 20; i++) CHECK_NEAR(again->data[i], x->data[i], FINE ? 1e-12 : 2e-4);
    for (int n = 0; n < 5; n++) CHECK_NEAR(back->data[n], -there->data[n], FINE ? 1e-12 : 2e-4);
    CHECK(dl_forward(c, m, x)->data[7] == y->data[7]);
    for (int n = 0; n < 5 && FINE; n++) {                    /* against the Jacobian by differences */
        double J[4][4];
        for (int j = 0; j < 4; j++) {
            dl_real keep = x->data[4 * n + j], h = (dl_real)1e-6;
            x->data[4 * n + j] = keep + h;
            dl_tensor *up = dl_forward(c, m, x);
            x->data[4 * n + j] = keep - h;
            dl_tensor *down = dl_forward(c, m, x);
            x->data[4 * n + j] = keep;
            for (int i = 0; i < 4; i++) J[i][j] = (up->data[4 * n + i] - down->data[4 * n + i]) / (2 * h);
        }
        CHECK_NEAR(log_abs_det(J), there->data[n], 1e-6);
    }
    void *user[2] = {m, x};
    gradients_of(m, log_prob_of, user);

    dl_module *plane = dl_model_realnvp(c, 2, .layers = 2, .hidden = 8);       /* the density integrates to 1 */
    roughen(plane, 0.3);
    dl_tensor *grid = dl_zeros(c, DL_SHAPE(40000, 2)), *log_p;
    for (int i = 0; i < 40000; i++) { grid->data[2 * i] = (dl_real)(-12 + i / 200 * 0.12); grid->data[2 * i + 1] = (dl_real)(-12 + i % 200 * 0.12); }
    log_p = dl_model_realnvp_log_prob(c, plane, grid);
    double integral = 0;
    for (int i = 0; i < 40000; i++) integral += exp((double)log_p->data[i]) * 0.12 * 0.12;
    CHECK_NEAR(integral, 1, 1e-3);
    CHECK_OK(c);
}

/* --- GEN-12: diffusion ---------------------------------------------------------------------------------------------------------------- */

/* The best guess of the noise in x_t, where x_0 ~ N(m, s^2):  sqrt(1 - abar) (x_t - sqrt(abar) m) / (abar s^2 + 1 - abar) */
static dl_tensor *exact_noise(const dl_ddpm *d, dl_tensor *x, int64_t t, double m, double s)
{
    const double a = d->alpha_bar[t];
    return dl_mul_scalar(c, dl_sub_scalar(c, x, (dl_real)(sqrt(a) * m)), (dl_real)(sqrt(1 - a) / (a * s * s + 1 - a)));
}

static void arrives(dl_tensor *x, double m, double s, const char *how)
{
    const int before = test_errors;
    CHECK_NEAR(dl_item(dl_mean(c, x)), m, 0.02);
    CHECK_NEAR(dl_item(dl_std(c, x)), s, 0.02);
    if (test_errors > before) printf(" (%s)", how);
}

static void diffusion(void)
{
    ROW("GEN-12");
    dl_step_begin(c);
    dl_manual_seed(c, 12);
    dl_ddpm *d = dl_ddpm_schedule(c, 1000), *cos1000 = dl_ddpm_schedule(c, 1000, .cosine = 1);
    CHECK_NEAR(d->alpha_bar[0], 0.9999, 1e-12);              /* V40 */
    CHECK_NEAR(d->alpha_bar[499], 0.0785872429, 5e-11);
    CHECK_NEAR(d->alpha_bar[999], 4.0358298e-05, 5e-13);
    CHECK_NEAR(d->beta[0], 1e-4, 1e-16);
    CHECK_NEAR(d->beta[999], 0.02, 1e-16);
    CHECK(cos1000->beta[999] == 0.999 && cos1000->alpha_bar[0] > 0.9999 && cos1000->steps == 1000);
    for (int t = 0; t < 999; t++) {                          /* alpha_bar is cos^2, as long as no beta is clipped */
        double f = cos((0 + 0.008) / 1.008 * 3.14159265358979 / 2), g = cos(((t + 1) / 1000.0 + 0.008) / 1.008 * 3.14159265358979 / 2);
        CHECK_NEAR(cos1000->alpha_bar[t], g * g / (f * f), 1e-12);
    }

    /* noise: x_t = sqrt(abar) x_0 + sqrt(1 - abar) e keeps the variance of data with variance 1 */
    static const int32_t steps[3] = {0, 250, 999};
    dl_tensor *x0 = dl_randn(c, DL_SHAPE(3, 20000)), *e = dl_randn(c, DL_SHAPE(3, 20000));
    dl_tensor *x = dl_ddpm_noise(c, d, x0, dl_tensor_from_int(c, steps, DL_SHAPE(3)), e);
    dl_tensor *var = dl_var(c, x, .dims = DL_DIM(1));
    for (int i = 0; i < 3; i++) {
        CHECK_NEAR(var->data[i], 1, 0.03);
        CHECK_NEAR(x->data[20000 * i + 7], sqrt(d->alpha_bar[steps[i]]) * x0->data[20000 * i + 7] + sqrt(1 - d->alpha_bar[steps[i]]) * e->data[20000 * i + 7], 1e-6);
    }
    /* with the true noise one step of DDIM is the way back */
    dl_tensor *x250 = dl_slice(c, x, 0, 1, 2), *e250 = dl_slice(c, e, 0, 1, 2), *back = dl_ddim_step(c, d, x250, e250, 250, -1);
    for (int i = 0; i < 20000; i += 501) CHECK_NEAR(back->data[i], x0->data[20000 + i], 1e-5);
    /* the two samplers are one at eta = 1: the same draws, the same numbers */
    dl_manual_seed(c, 99);
    dl_tensor *ancestral = dl_ddpm_step(c, d, x250, e250, 250, .posterior_variance = 1);
    dl_manual_seed(c, 99);
    dl_tensor *stochastic = dl_ddim_step(c, d, x250, e250, 250, 249, .eta = 1);
    for (int i = 0; i < 20000; i += 501) CHECK_NEAR(ancestral->data[i], stochastic->data[i], 1e-6);
    CHECK_NEAR(dl_item(dl_std(c, dl_sub(c, dl_ddpm_step(c, d, x250, e250, 250), dl_ddpm_step(c, d, x250, e250, 250)))), sqrt(2 * d->beta[250]), 0.003);

    /* from noise to N(0.5, 0.2^2), whose noise is known exactly: by every sampler */
    d = dl_ddpm_schedule(c, 200);
    cos1000 = dl_ddpm_schedule(c, 200, .cosine = 1);
    for (int k = 0; k < 4; k++) {
        static const char *const how[4] = {"ddpm", "ddpm, cosine, posterior variance", "ddim", "ddim, eta 0.5"};
        const dl_ddpm *sch = k == 1 ? cos1000 : d;
        dl_tensor *y = dl_keep(c, dl_randn(c, DL_SHAPE(20000)));
        for (int64_t t = 199; t >= 0; t -= 1 + (k == 2)) {
            dl_step_begin(c);
            e = exact_noise(sch, y, t, 0.5, 0.2);
            x = k < 2 ? dl_ddpm_step(c, sch, y, e, t, .posterior_variance = k == 1)
                      : dl_ddim_step(c, sch, y, e, t, t - 1 - (k == 2) < 0 ? -1 : t - 1 - (k == 2), .eta = k == 3 ? 0.5 : 0);
            memcpy(y->data, x->data, (size_t)y->size * sizeof *y->data);
        }
        arrives(y, 0.5, 0.2, how[k]);
    }
    CHECK_OK(c);
}

/* Where sqrt(abar_t) is no number of a float any more the formulas of both samplers still hold; x_0 alone cannot be told. */
static void nothing_left(void)
{
    const double last[2] = {.5, .999};                       /* in float and in double */
    for (int k = 0; k < 2; k++) {
        dl_step_begin(c);
        dl_ddpm *d = dl_ddpm_schedule(c, 1000, .beta_start = 1e-4, .beta_end = last[k]);
        dl_tensor *x = dl_full(c, DL_SHAPE(1), (dl_real)0.7), *e = dl_full(c, DL_SHAPE(1), (dl_real)0.3);
        const double beta = d->beta[999], now = d->alpha_bar[999], then = d->alpha_bar[998];
        dl_manual_seed(c, 9);
        double y = dl_item(dl_ddpm_step(c, d, x, e, 999));
        dl_manual_seed(c, 9);
        double z = dl_item(dl_randn(c, DL_SHAPE(1)));
        CHECK(now < 1e-90);
        CHECK_NEAR(y, sqrt(1 / (1 - beta)) * (.7 - beta / sqrt(1 - now) * .3) + sqrt(beta) * z, 1e-5);
        if (k == 0) CHECK_NEAR(dl_item(dl_ddim_step(c, d, x, e, 999, 998)), sqrt(then / now) * (.7 - sqrt(1 - now) * .3) + sqrt(1 - then) * .3, 1e-5);
        CHECK_OK(c);
        if (FINE && k == 0) continue;
        CHECK(dl_is_nil(dl_ddpm_step(c, d, x, e, 999, .clip = 1)));
        CHECK_ERROR(c, "ddpm_step: abar is");
        CHECK(dl_is_nil(dl_ddim_step(c, d, x, e, 999, 998, .clip = 1)));
        CHECK_ERROR(c, "ddim_step: abar is");
        CHECK(dl_is_nil(dl_ddim_step(c, d, x, e, 999, -1)));
        CHECK_ERROR(c, "so little that x_0 cannot be told");
    }
}

typedef struct { dl_module *net; dl_tensor *x, *t; } ddpm_case;
static dl_tensor *unet_of(dl_ctx *ctx, dl_tensor **parameters, void *user)
{
    const ddpm_case *u = (const ddpm_case *)user;
    (void)parameters;
    return dl_model_unet_ddpm_forward(ctx, u->net, u->x, u->t);
}

static void unet(void)
{
    static const int32_t steps[2] = {3, 700}, others[2] = {3, 701};
    dl_step_begin(c);
    dl_manual_seed(c, 13);
    dl_module *m = dl_model_unet_ddpm(c, .width = 2, .channels = 2);
    dl_tensor *x = dl_randn(c, DL_SHAPE(2, 2, 4, 4)), *t = dl_tensor_from_int(c, steps, DL_SHAPE(2));
    dl_tensor *y = dl_model_unet_ddpm_forward(c, m, x, t), *z;
    CHECK(y->ndim == 4 && y->shape[0] == 2 && y->shape[1] == 2 && y->shape[2] == 4 && y->shape[3] == 4);
    for (int i = 0; i < y->size; i++) CHECK(y->data[i] == 0);                  /* it begins with the guess 0 */
    roughen(m, 0.5);
    y = dl_model_unet_ddpm_forward(c, m, x, t);
    z = dl_model_unet_ddpm_forward(c, m, x, dl_tensor_from_int(c, others, DL_SHAPE(2)));
    int same = 0, different = 0;
    for (int i = 0; i < 32; i++) same += y->data[i] == z->data[i];
    for (int i = 32; i < 64; i++) different += y->data[i] != z->data[i];
    CHECK(same == 32 && different == 32);                    /* each sample sees its own t */
    ddpm_case u = {m, x, t};
    gradients_of(m, unet_of, &u);
    CHECK_OK(c);
}

/* --- the same bits for any number of threads -------------------------------------------------------------------------------------------- */
static uint64_t hash_of(uint64_t h, const dl_real *x, int64_t n)
{
    const unsigned char *p = (const unsigned char *)x;
    for (int64_t i = 0; i < n * (int64_t)sizeof *x; i++) h = (h ^ p[i]) * 1099511628211u;
    return h;
}

static uint64_t gradients_hash(dl_ctx *ctx, dl_module *m, dl_tensor *loss, uint64_t h)
{
    dl_param *p;
    dl_backward(ctx, loss);
    for (int i = 0; (p = dl_module_at(m, i, NULL, 0)) != NULL; i++)
        if (p->tensor->grad) h = hash_of(h, p->tensor->grad, p->tensor->size);
    return h;
}

static uint64_t all_models_hash(int threads)
{
    static const int32_t steps[16] = {5, 900, 17, 44, 300, 2, 1, 0, 999, 500, 20, 30, 40, 50, 60, 70};
    const int n = FINE ? 3 : 16;                             /* double is slow */
    dl_ctx *mine = dl_create(.seed = 21, .threads = threads), *before = c;
    uint64_t h = 14695981039346656037u;
    c = mine;
    dl_module *vae = dl_model_vae(c, DL_SHAPE(1, 28, 28), 8), *nade_model = dl_model_nade(c, 784, 300), *cnn = dl_model_pixelcnn(c, .width = 16, .blocks = 2);
    dl_module *flow = dl_model_realnvp(c, 784, .layers = 2), *u = dl_model_unet_ddpm(c, .width = 16);
    roughen(flow, 0.05); roughen(u, 0.05);
    dl_tensor *x = dl_bernoulli(c, dl_full(c, DL_SHAPE(n, 1, 28, 28), (dl_real)0.3)), *flat = dl_flatten(c, x, 1, -1);
    dl_tensor *e = dl_randn(c, DL_SHAPE(n, 1, 28, 28));
    dl_tensor *t = dl_tensor_from_int(c, steps, DL_SHAPE(n));
    h = gradients_hash(c, vae, dl_model_vae_loss(c, vae, x), h);
    h = gradients_hash(c, nade_model, dl_sum(c, nats_of(dl_forward(c, nade_model, flat), flat)), h);
    h = gradients_hash(c, cnn, dl_sum(c, pixelcnn_nats(cnn, x)), h);
    h = gradients_hash(c, flow, dl_sum(c, dl_model_realnvp_log_prob(c, flow, flat)), h);
    h = gradients_hash(c, u, dl_mse_loss(c, dl_model_unet_ddpm_forward(c, u, dl_ddpm_noise(c, dl_ddpm_schedule(c, 1000), x, t, e), t), e), h);
    x = dl_model_nade_sample(c, nade_model, 3);
    h = hash_of(h, x->data, x->size);
    CHECK_OK(c);
    c = before;
    dl_destroy(mine);
    return h;
}

static void threads_change_nothing(void)
{
    uint64_t one = all_models_hash(1);
    CHECK(all_models_hash(2) == one);
    if (!FINE) CHECK(all_models_hash(3) == one);
}

/* --- bad input -------------------------------------------------------------------------------------------------------------------------- */
#define BAD(expr, part)    do { dl_step_begin(c); CHECK(dl_is_nil(expr)); CHECK_ERROR(c, part); } while (0)
#define BAD_MODEL(expr, part) do { dl_step_begin(c); expr; CHECK_ERROR(c, part); } while (0)
#define BAD_OUT(expr, part) do { dl_step_begin(c); out = other = ONES(1); CHECK(dl_is_nil(expr) && dl_is_nil(out)); CHECK_ERROR(c, part); } while (0)
#define ONES(...) dl_ones(c, DL_SHAPE(__VA_ARGS__))

static void bad_input(void)
{
    static const int32_t late[2] = {0, 50};
    dl_module *ae = dl_model_autoencoder(c, DL_SHAPE(6), 2), *flow = dl_model_realnvp(c, 4), *u = dl_model_unet_ddpm(c, .width = 4, .steps = 50);
    dl_module *cnn = dl_model_pixelcnn(c, .width = 4, .blocks = 1), *nade_model = dl_model_nade(c, 4, 3);
    dl_tensor *out, *other;
    CHECK_OK(c);
    BAD(dl_bernoulli(c, dl_full(c, DL_SHAPE(3), (dl_real)1.5)), "bernoulli: probability 1.5");
    BAD(dl_bernoulli(c, dl_full(c, DL_SHAPE(3), (dl_real)NAN)), "bernoulli: probability");
    BAD(dl_bernoulli(c, NULL), "bernoulli: p is NULL");
    BAD(dl_kl_normal(c, ONES(3), ONES(4)), "kl_normal: mu (3) with logvar (4)");
    BAD(dl_kl_normal(c, ONES(3), ONES(3), .reduction = (dl_reduction)9), "kl_normal: reduction is 9, expected 0 to 2 (DL_NONE)");
    CHECK_NEAR(dl_item(dl_kl_normal(c, dl_scalar(c, 1), dl_scalar(c, 0), .batchmean = 1)), 0.5, 1e-7);       /* no axis: one sample */
    BAD(dl_reparameterize(c, ONES(3), NULL), "reparameterize: logvar is NULL");
    BAD(dl_reparameterize(c, ONES(3), ONES(3, 1)), "reparameterize: mu (3) with logvar (3,1)");
    BAD(dl_masked_conv2d(c, ONES(1, 2, 5, 5), ONES(3, 2, 4, 3), NULL, DL_MASK_A), "masked_conv2d: (1,2,5,5) with w (3,2,4,3)");
    BAD(dl_masked_conv2d(c, ONES(1, 2, 5, 5), ONES(3, 2, 3, 3), ONES(4), DL_MASK_A), "masked_conv2d");
    BAD(dl_masked_conv2d(c, ONES(1, 2, 5, 5), ONES(3, 2, 3, 3), NULL, (dl_mask)7), "masked_conv2d: mask is 7");
    BAD(dl_masked_conv2d(c, ONES(1, 2, 5, 5), ONES(3, 2, 3, 3), ONES(3), DL_MASK_A, .no_bias = 1), "a bias is given and no_bias is set");
    BAD(dl_masked_conv2d(c, ONES(1, 2, 5, 5), ONES(4, 2, 3, 3), NULL, DL_MASK_B, .colours = 3), "masked_conv2d: 3 colours do not divide 2 and 4 channels");
    BAD(dl_masked_conv2d(c, ONES(1, 2, 5, 5), ONES(4, 2, 3, 3), NULL, DL_MASK_B, .colours = -1), "masked_conv2d: -1 colours");
    BAD_MODEL(dl_nn_masked_conv2d(c, 1, 2, 4, DL_MASK_A), "nn_masked_conv2d: 1 to 2 channels, kernel 4");
    BAD(dl_masked_conv2d(c, ONES(1, 2, 5, 5), ONES(4, 2, 3, 3), NULL, DL_MASK_B, .dilation = -2), "conv2d");
    BAD_MODEL(dl_nn_masked_conv2d(c, 0, 2, 3, DL_MASK_A), "nn_masked_conv2d: 0 to 2 channels");
    BAD_MODEL(dl_nn_masked_conv2d(c, 1, 2, 3, (dl_mask)-1), "nn_masked_conv2d: mask is -1");
    BAD(dl_coupling(c, ONES(2, 3), ONES(4), ONES(2, 3), ONES(2, 3)), "coupling: mask (4) for (2,3)");
    BAD(dl_coupling(c, ONES(2, 3), ONES(3), ONES(2, 4), ONES(2, 3)), "coupling: x (2,3) with s (2,4)");
    BAD(dl_coupling(c, ONES(2, 3), NULL, ONES(2, 3), ONES(2, 3)), "coupling: mask is NULL");
    CHECK(dl_ddpm_schedule(c, 0) == NULL); CHECK_ERROR(c, "ddpm_schedule: 0 steps");
    CHECK(dl_ddpm_schedule(c, 10, .beta_end = 1.5) == NULL); CHECK_ERROR(c, "ddpm_schedule: beta from");
    CHECK(dl_ddpm_schedule(c, 10, .beta_start = NAN) == NULL); CHECK_ERROR(c, "ddpm_schedule: beta from");
    CHECK(dl_ddpm_schedule(c, 1) != NULL && dl_ddpm_schedule(c, 1, .cosine = 1) != NULL && dl_ddpm_schedule(c, 5) != NULL);
    BAD(dl_ddpm_noise(c, linear, ONES(2, 3), dl_tensor_from_int(c, late, DL_SHAPE(2)), ONES(2, 3)), "ddpm_noise: t (2) holds 50 at index 1, expected 0 to 49");
    BAD(dl_ddpm_noise(c, NULL, ONES(2, 3), dl_tensor_from_int(c, late, DL_SHAPE(2)), ONES(2, 3)), "ddpm_noise: the schedule is NULL");
    BAD(dl_ddpm_noise(c, linear, ONES(3, 3), dl_tensor_from_int(c, late, DL_SHAPE(2)), ONES(3, 3)), "ddpm_noise: t (2) for x (3,3)");
    BAD(dl_ddpm_step(c, linear, ONES(2, 3), ONES(2, 3), 50), "ddpm_step: step 50");
    BAD(dl_ddpm_step(c, linear, ONES(2, 3), ONES(3, 3), 5), "ddpm_step: (2,3) with e (3,3)");
    BAD(dl_ddim_step(c, linear, ONES(2, 3), ONES(2, 3), 5, 5), "ddim_step: from step 5 to 5");
    BAD(dl_ddim_step(c, linear, ONES(2, 3), ONES(2, 3), 5, -2), "ddim_step: from step 5 to -2");
    BAD(dl_ddim_step(c, linear, ONES(2, 3), ONES(2, 3), 5, 3, .eta = -1), "ddim_step: eta is -1");
    BAD(dl_ddim_step(c, NULL, ONES(2, 3), ONES(2, 3), 5, 3), "ddim_step: the schedule is NULL");

    BAD_MODEL(dl_model_autoencoder(c, DL_SHAPE(1, 27, 28), 3), "model_autoencoder: a sample of 3 axes, the first 1, 27 and 28");
    BAD_MODEL(dl_model_autoencoder(c, DL_SHAPE(1, 28, 28), 3, .linear = 1), "model_autoencoder");
    BAD_MODEL(dl_model_autoencoder(c, DL_SHAPE(784), 0), "model_autoencoder: a sample of 1 axes");
    BAD_MODEL(dl_model_vae(c, DL_SHAPE(28, 28), 3), "model_vae: a sample of 2 axes");
    BAD_MODEL(dl_model_vae(c, DL_SHAPE(784), 3, .hidden = -5), "model_vae");
    BAD(dl_model_encode(c, flow, ONES(2, 4)), "model_encode: the module is a realnvp");
    BAD(dl_model_decode(c, NULL, ONES(2, 4)), "model_decode: the module is NULL");
    BAD(dl_model_encode(c, ae, ONES(2, 7)), "linear");
    BAD(dl_model_vae_loss(c, ae, ONES(2, 6)), "model_vae_loss: the module is a autoencoder, expected a vae");
    BAD_OUT(dl_coupling(c, ONES(2, 3), ONES(3), ONES(2, 2), ONES(2, 3), .log_det = &out), "coupling: x (2,3) with s (2,2)");
    BAD_OUT(dl_model_realnvp_forward(c, flow, ONES(2, 3), .log_det = &out), "model_realnvp_forward: (2,3)");
    BAD_OUT(dl_model_vae_loss(c, ae, ONES(2, 6), .reconstruction = &other, .kl = &out), "model_vae_loss: the module");
    CHECK(dl_is_nil(other));
    BAD_MODEL(dl_model_nade(c, 0, 3), "model_nade: bits is 0, expected at least 1");
    BAD(dl_forward(c, nade_model, ONES(2, 5)), "nade: x (2,5), expected (N,4)");
    BAD(dl_forward(c, nade_model, dl_to_int(c, ONES(2, 4))), "nade: x (2,4) holds int32");
    BAD(dl_model_nade_sample(c, cnn, 3), "model_nade_sample: the module is a pixelcnn");
    BAD(dl_model_nade_sample(c, nade_model, -1), "model_nade_sample");
    BAD_MODEL(dl_model_pixelcnn(c, .levels = 1), "model_pixelcnn: 1 levels");
    BAD_MODEL(dl_model_pixelcnn(c, .width = -2), "model_pixelcnn: 2 levels, width -2");
    BAD_MODEL(dl_model_pixelcnn(c, .width = INT32_MAX), "model_pixelcnn: 2 levels, width 2147483647");
    BAD_MODEL(dl_model_unet_ddpm(c, .width = 1000000000), "model_unet_ddpm: 1 channels, width 1000000000");
    BAD(dl_model_pixelcnn_sample(c, nade_model, 1, 3, 3), "model_pixelcnn_sample: the module is a nade");
    BAD(dl_model_pixelcnn_sample(c, cnn, 1, 3, -3), "model_pixelcnn_sample");
    BAD_MODEL(dl_model_realnvp(c, 1), "model_realnvp: 1 numbers");
    BAD_MODEL(dl_model_realnvp(c, 4, .layers = 65), "model_realnvp: 4 numbers, 65 layers");
    BAD(dl_model_realnvp_forward(c, flow, ONES(2, 5)), "model_realnvp_forward: (2,5), expected (N,4)");
    BAD(dl_model_realnvp_log_prob(c, ae, ONES(2, 4)), "the module is a autoencoder, expected a realnvp");
    BAD_MODEL(dl_model_unet_ddpm(c, .width = 3), "model_unet_ddpm: 1 channels, width 3");
    BAD(dl_model_unet_ddpm_forward(c, u, ONES(2, 1, 6, 8), dl_tensor_from_int(c, late, DL_SHAPE(2))), "model_unet_ddpm_forward: (2,1,6,8) with t (2)");
    BAD(dl_model_unet_ddpm_forward(c, u, ONES(2, 1, 8, 8), dl_tensor_from_int(c, late, DL_SHAPE(2))), "50");
    BAD(dl_model_unet_ddpm_forward(c, ae, ONES(2, 1, 8, 8), dl_tensor_from_int(c, late, DL_SHAPE(2))), "the module is a autoencoder");
    BAD(dl_forward(c, u, ONES(2, 1, 8, 8)), "unet_ddpm has no forward function");
    CHECK_OK(c);
}

static void no_context(void)
{
    dl_module *m = dl_model_autoencoder(NULL, DL_SHAPE(6), 2);
    CHECK(dl_is_nil(dl_bernoulli(NULL, NULL)) && dl_is_nil(dl_kl_normal(NULL, NULL, NULL)) &&
          dl_is_nil(dl_reparameterize(NULL, NULL, NULL)));
    CHECK(dl_is_nil(dl_masked_conv2d(NULL, NULL, NULL, NULL, DL_MASK_A)) && dl_is_nil(dl_coupling(NULL, NULL, NULL, NULL, NULL)));
    CHECK(!dl_ddpm_schedule(NULL, 10) && dl_is_nil(dl_ddpm_noise(NULL, linear, NULL, NULL, NULL)) &&
          dl_is_nil(dl_ddpm_step(NULL, linear, NULL, NULL, 0)));
    CHECK(dl_is_nil(dl_ddim_step(NULL, linear, NULL, NULL, 1, 0)) && dl_is_nil(dl_model_encode(NULL, m, NULL)) &&
          dl_is_nil(dl_model_decode(NULL, m, NULL)));
    CHECK(dl_is_nil(dl_model_vae_loss(NULL, m, NULL)) && dl_is_nil(dl_model_nade_sample(NULL, m, 1)) &&
          dl_is_nil(dl_model_pixelcnn_sample(NULL, m, 1, 1, 1)));
    CHECK(dl_is_nil(dl_model_realnvp_forward(NULL, m, NULL)) && dl_is_nil(dl_model_realnvp_log_prob(NULL, m, NULL)));
    CHECK(dl_is_nil(dl_model_unet_ddpm_forward(NULL, m, NULL, NULL)));
    dl_model_vae(NULL, DL_SHAPE(6), 2); dl_model_nade(NULL, 3, 3); dl_model_pixelcnn(NULL); dl_model_realnvp(NULL, 4); dl_model_unet_ddpm(NULL);
    dl_nn_masked_conv2d(NULL, 1, 1, 3, DL_MASK_A);
}

int main(void)
{
    c = dl_create(.seed = 3);
    linear = dl_ddpm_schedule(c, 50);
    cosine = dl_ddpm_schedule(c, 50, .cosine = 1);
    RUN(values_and_gradients);
    RUN(gradients_by_differences);
    RUN(bad_tensors);
    RUN(two_bits);
    RUN(nade);
    RUN(pixels);
    RUN(draws);
    RUN(principal_components);
    RUN(autoencoders);
    RUN(variational);
    RUN(flows);
    RUN(diffusion);
    RUN(nothing_left);
    RUN(unet);
    RUN(threads_change_nothing);
    RUN(bad_input);
    RUN(no_context);
    dl_destroy(c);
    TEST_END;
}
