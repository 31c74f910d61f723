/* build: float double asan */
/* Optimizers and clipping: against PyTorch, against the curriculum's numbers, and after errors. */
#include "dl.h"
#include "test.h"
#include "golden_optim.h"

#define R(x) ((dl_real)(x))

static dl_module *xor_net(dl_ctx *c)         /* as in gen_optim.py */
{
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 3), dl_nn_tanh(c), dl_nn_linear(c, 3, 1));
    dl_param *p;
    int n = 0;
    for (int i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++)
        for (int64_t k = 0; k < p->tensor->size; k++) p->tensor->data[k] = (dl_real)sin(++n);
    return net;
}

static int now;                              /* the step; 0: plain XOR */

static dl_tensor *xor_loss(dl_ctx *c, dl_module *net)
{
    static const dl_real in[] = {0, 0, 0, 1, 1, 0, 1, 1};
    dl_real out[] = {0, 1, 1, 0};
    for (int k = 0; k < 4 && now; k++) out[k] += (dl_real)sin(0.7 * now + k);
    return dl_mse_loss(c, dl_forward(c, net, dl_tensor_from(c, in, DL_SHAPE(4, 2))), dl_tensor_from(c, out, DL_SHAPE(4, 1)));
}

static dl_tensor *xor_closure(dl_ctx *c, void *net)
{
    dl_tensor *loss;
    dl_step_begin(c);
    loss = xor_loss(c, (dl_module *)net);
    dl_backward(c, loss);
    return loss;
}

static int is_bias(const char *name, const dl_tensor *w, void *user) { (void)w; (void)user; return strstr(name, "bias") != NULL; }
static int is_named(const char *name, const dl_tensor *w, void *user) { (void)w; return !strcmp(name, (const char *)user); }

static dl_optim *make(dl_ctx *c, dl_module *m, const char *name, double *clip)
{
    dl_optim *o;
    *clip = 0;
#define IS(n) if (!strcmp(name, n))
    IS("sgd")               return dl_optim_sgd(c, m, .lr = 0.1);
    IS("sgd_default")       return dl_optim_sgd(c, m);
    IS("sgd_momentum")      return dl_optim_sgd(c, m, .lr = 0.1, .momentum = 0.9);
    IS("sgd_dampening")     return dl_optim_sgd(c, m, .lr = 0.02, .momentum = 0.9, .dampening = 0.3, .weight_decay = 0.02);
    IS("sgd_nesterov")      return dl_optim_sgd(c, m, .lr = 0.05, .momentum = 0.8, .weight_decay = 0.01, .nesterov = 1);
    IS("sgd_clip")          return *clip = 0.1, dl_optim_sgd(c, m, .lr = 0.3, .momentum = 0.9);
    IS("asgd")              return dl_optim_asgd(c, m);
    IS("asgd_options")      return dl_optim_asgd(c, m, .lr = 0.1, .lambd = 1e-2, .alpha = 0.6, .t0 = 5, .weight_decay = 0.01);
    IS("asgd_average")      return dl_optim_asgd(c, m, .lr = 0.1, .t0 = 5);
    IS("adam")              return dl_optim_adam(c, m);
    IS("adam_options")      return dl_optim_adam(c, m, .lr = 0.05, .beta1 = 0.7, .beta2 = 0.95, .eps = 1e-3, .weight_decay = 0.1);
    IS("adam_clip")         return *clip = 0.05, dl_optim_adam(c, m, .lr = 0.02);
    IS("adam_amsgrad")      return dl_optim_adam(c, m, .lr = 0.02, .amsgrad = 1);
    IS("adamw")             return dl_optim_adamw(c, m);
    IS("adamw_options")
        return dl_optim_adamw(c, m, .lr = 0.03, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.3, .amsgrad = 1);
    IS("nadam")             return dl_optim_nadam(c, m);
    IS("nadam_options")
        return dl_optim_nadam(c, m, .lr = 0.02, .beta1 = 0.8, .beta2 = 0.99, .momentum_decay = 1e-2, .weight_decay = 0.1,
                              .decoupled_weight_decay = 1);
    IS("radam")             return dl_optim_radam(c, m);
    IS("radam_options")     return dl_optim_radam(c, m, .lr = 0.02, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-6, .weight_decay = 0.1);
    IS("adamax")            return dl_optim_adamax(c, m);
    IS("adamax_options")    return dl_optim_adamax(c, m, .lr = 0.01, .beta1 = 0.8, .beta2 = 0.99, .eps = 1e-4, .weight_decay = 0.05);
    IS("adagrad")           return dl_optim_adagrad(c, m);
    IS("adagrad_options")
        return dl_optim_adagrad(c, m, .lr = 0.1, .lr_decay = 0.01, .weight_decay = 0.02, .initial_accumulator_value = 0.1, .eps = 1e-3);
    IS("adadelta")          return dl_optim_adadelta(c, m);
    IS("adadelta_options")  return dl_optim_adadelta(c, m, .lr = 0.5, .rho = 0.8, .eps = 1e-4, .weight_decay = 0.01);
    IS("rmsprop")           return dl_optim_rmsprop(c, m);
    IS("rmsprop_momentum")  return dl_optim_rmsprop(c, m, .lr = 0.002, .momentum = 0.8, .weight_decay = 0.01);
    IS("rmsprop_centered")  return dl_optim_rmsprop(c, m, .lr = 0.002, .alpha = 0.9, .eps = 1e-3, .centered = 1, .momentum = 0.5);
    IS("rmsprop_variance")  return dl_optim_rmsprop(c, m, .lr = 0.002, .centered = 1);
    IS("rprop")             return dl_optim_rprop(c, m);
    IS("rprop_options")     return dl_optim_rprop(c, m, .lr = 0.05, .eta_minus = 0.4, .eta_plus = 1.1, .step_min = 1e-4, .step_max = 0.06);
    IS("adafactor")         return dl_optim_adafactor(c, m, .eps1 = 2.220446049250313e-16);
    IS("adafactor_options")
        return dl_optim_adafactor(c, m, .lr = 0.05, .beta2_decay = -0.5, .eps1 = 1e-6, .eps2 = 1e-2, .d = 2, .weight_decay = 0.1);
    IS("lbfgs")             return dl_optim_lbfgs(c, m, .lr = 0.2, .max_iter = 5, .history_size = 3);
    IS("lbfgs_wolfe")       return dl_optim_lbfgs(c, m, .strong_wolfe = 1);
    IS("groups") {
        o = dl_optim_adamw(c, m, .lr = 0.01, .weight_decay = 0.2);
        CHECK(dl_optim_group(c, o, is_bias, .weight_decay = -1) == 2);
        CHECK(dl_optim_group(c, o, is_named, .lr = 0.002, .user = "0.weight") == 1);
        return o;
    }
    IS("muon")              return dl_optim_muon(c, m);
    IS("muon_options")
        return dl_optim_muon(c, m, .lr = 0.02, .momentum = 0.8, .weight_decay = 0.01, .no_nesterov = 1, .ns_steps = 3,
                             .adjust_lr = DL_MUON_MATCH_RMS_ADAMW);
    IS("lookahead")         return dl_optim_lookahead(c, dl_optim_adam(c, m, .lr = 0.01));
    IS("sam")               return dl_optim_sam(c, dl_optim_sgd(c, m, .lr = 0.1, .momentum = 0.9), .rho = 0.1);
    IS("ema")               return dl_optim_adam(c, m, .lr = 0.01);
    IS("swa")               return dl_optim_adam(c, m, .lr = 0.01);
#undef IS
    return NULL;
}

/* All trajectories of golden_optim.h.  Floats follow for ten steps (L-BFGS: one, which is 20
   iterations); that they do the same everywhere is test_hash.c's business. */
static void pytorch_trajectories(void)
{
    double worst = 0;
    for (size_t s = 0; s < sizeof golden_optim / sizeof *golden_optim; s++) {
        const char *name = golden_optim[s].name;
        dl_ctx *c = dl_create();
        dl_module *net = xor_net(c);
        double clip;
        dl_optim *opt = make(c, net, name, &clip);
        int ema = !strcmp(name, "ema"), swa = !strcmp(name, "swa"), closure = !strncmp(name, "lbfgs", 5) || !strcmp(name, "sam");
        dl_ema *average = ema ? dl_ema_create(c, net, .decay = 0.9) : swa ? dl_ema_create(c, net, .swa = 1) : NULL;
        CHECK(opt != NULL);
        for (int step = 1, at = 0; at < 3; step++) {
            now = step;
            if (closure) CHECK(dl_optim_step_closure(c, opt, xor_closure, net) >= 0);
            else {
                xor_closure(c, net);
                if (clip > 0) dl_clip_grad_norm(c, net, clip);
                CHECK(dl_optim_step(c, opt));
            }
            if (average) CHECK(dl_ema_update(c, average));
            if (step == golden_optim[s].steps[at]) {
                dl_param *p;
                int n = 0;
                if (average) CHECK(dl_ema_swap(c, average));
#ifndef DL_DOUBLE
                if (step <= (!strncmp(name, "lbfgs", 5) ? 1 : 10))
#endif
                for (int i = 0; (p = dl_module_at(net, i, NULL, 0)) != NULL; i++) {
                    const dl_real *w = strcmp(name, "asgd_average") ? p->tensor->data : dl_optim_state(opt, p->tensor, 0);
                    for (int64_t k = 0; k < p->tensor->size; k++, n++) {
                        double wanted = golden_optim[s].w[at][n], d = fabs((double)w[k] - wanted) / (fabs(wanted) + 1e-2);
#ifdef DL_DOUBLE
                        double tol = !strncmp(name, "lbfgs", 5) ? 1e-5 : 1e-6;
#else
                        double tol = !strncmp(name, "lbfgs", 5) ? 1e-2 : 1e-4;
#endif
                        if (d > worst) worst = d;
                        if (!(d <= tol)) printf("%s, step %d:", name, step);
                        CHECK_NEAR(w[k], wanted, tol * (fabs(wanted) + 1e-2));
                    }
                }
                if (average) CHECK(dl_ema_swap(c, average));
                at++;
            }
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
    now = 0;
    printf("(worst relative difference %.1e) ", worst);
}

/* --- the curriculum: E(w) = 3 (w - 2)^2 + 5 from w = 5 ----------------------------------------------- */
static const dl_module_type point_type = { "point", sizeof(dl_module), NULL };

static dl_module *point(dl_ctx *c)
{
    dl_module *m = dl_module_create(c, &point_type);
    dl_init_constant(c, dl_module_param(c, m, "w", DL_SHAPE(1)), 5);
    return m;
}

static dl_tensor *parabola(dl_ctx *c, dl_tensor *w)                    /* E(w) */
{
    dl_step_begin(c);
    return dl_add_scalar(c, dl_mul_scalar(c, dl_square(c, dl_sub_scalar(c, w, 2)), 3), 5);
}

static void follows(dl_ctx *c, dl_module *m, dl_optim *o, const double *expected, int n)
{
    dl_tensor *w = dl_module_get(c, m, "w");
    for (int t = 0; t < n; t++) {
        dl_backward(c, parabola(c, w));
        dl_optim_step(c, o);
        CHECK_NEAR(dl_item(w), expected[t], 1e-6 * (fabs(expected[t]) + 1));
    }
    CHECK_OK(c);
}

static void gradient_descent(void)
{
    static const double lr[] = {0.4, 0.01, 0.1};
    static const double printed[11][6] = {                             /* V17, step by step: w and E for each rate */
        {5.000000, 32.000000, 5.000000, 32.000000, 5.000000, 32.000000},
        {-2.200000, 57.920000, 4.820000, 28.857200, 3.200000, 9.320000},
        {7.880000, 108.723200, 4.650800, 26.080222, 2.480000, 5.691200},
        {-6.232000, 208.297472, 4.491752, 23.626484, 2.192000, 5.110592},
        {13.524800, 403.463045, 4.342247, 21.458361, 2.076800, 5.017695},
        {-14.134720, 785.987568, 4.201712, 19.542608, 2.030720, 5.002831},
        {24.588608, 1535.735634, 4.069609, 17.849848, 2.012288, 5.000453},
        {-29.624051, 3005.241843, 3.945433, 16.354126, 2.004915, 5.000072},
        {46.273672, 5885.474012, 3.828707, 15.032506, 2.001966, 5.000012},
        {-59.983140, 11530.729064, 3.718984, 13.864722, 2.000786, 5.000002},
        {88.776396, 22595.428965, 3.615845, 12.832869, 2.000315, 5.000000} };
    const double digits = sizeof(dl_real) == 8 ? 6e-7 : 0;             /* six decimals; in float the first six digits */
    ROW("OPT-01"); ROW("OPT-03"); ROW("OPT-04"); ROW("OPT-05"); ROW("OPT-24"); ROW("OPT-25");
    for (int i = 0; i < 3; i++) {
        dl_ctx *c = dl_create();
        dl_module *m = point(c);
        dl_optim *o = dl_optim_sgd(c, m, .lr = (dl_real)lr[i]);
        dl_tensor *w = dl_module_get(c, m, "w");
        for (int t = 0; t <= 10; t++) {
            const double *want = printed[t] + 2 * i, closed = 2 + 3 * pow(1 - 6 * lr[i], t);
            dl_tensor *E = parabola(c, w);
            CHECK_NEAR(dl_item(w), want[0], digits ? digits : 1e-6 * (fabs(want[0]) + 1));
            CHECK_NEAR(dl_item(E), want[1], digits ? digits : 1e-6 * (fabs(want[1]) + 1));
            CHECK_NEAR(dl_item(w), closed, 1e-6 * (fabs(closed) + 1));
            dl_backward(c, E);
            dl_optim_step(c, o);
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
}

/* V19 of the curriculum: w(1) .. w(10).  Computed by its formulas, not by this library. */
static void ten_steps(void)
{
    static const double momentum[] = {4.820000, 4.488800, 4.041392, 3.516241, 2.952631, 2.388224, 1.856964, 1.387413, 1.001572, 0.714220};
    static const double ahead[]    = {4.658000, 4.209188, 3.696942, 3.161765, 2.639299, 2.158936, 1.743012, 1.406559, 1.157527, 0.997394};
    static const double adagrad[]  = {4.500000, 4.179908, 3.936199, 3.737553, 3.569640, 3.424486, 3.297102, 3.184111, 3.083089, 2.992224};
    static const double adadelta[] = {4.996838, 4.993595, 4.990298, 4.986960, 4.983588, 4.980189, 4.976764, 4.973317, 4.969850, 4.966365};
    static const double rmsprop[]  = {4.683772, 4.466821, 4.291766, 4.141057, 4.006704, 3.884314, 3.771189, 3.665544, 3.566135, 3.472064};
    static const double adam[]     = {4.900000, 4.800103, 4.700382, 4.600914, 4.501779, 4.403064, 4.304854, 4.207241, 4.110320, 4.014188};
    static const double plain[]    = {4.683772, 4.260700, 3.773664, 3.250825, 2.716802, 2.196554, 1.716354, 1.302037, 0.974851, 0.747094};
    dl_ctx *c = dl_create();
    dl_module *m[7];
    ROW("OPT-09"); ROW("OPT-10"); ROW("OPT-12"); ROW("OPT-14"); ROW("OPT-15"); ROW("OPT-16"); ROW("OPT-17"); ROW("OPT-18");
    for (int i = 0; i < 7; i++) m[i] = point(c);
    follows(c, m[0], dl_optim_sgd(c, m[0], .lr = 0.01, .momentum = 0.9), momentum, 10);
    follows(c, m[1], dl_optim_sgd(c, m[1], .lr = 0.01, .momentum = 0.9, .nesterov = 1), ahead, 10);
    follows(c, m[2], dl_optim_adagrad(c, m[2], .lr = 0.5, .eps = 1e-7), adagrad, 10);
    follows(c, m[3], dl_optim_adadelta(c, m[3], .rho = 0.9, .eps = 1e-6), adadelta, 10);
    follows(c, m[4], dl_optim_rmsprop(c, m[4], .lr = 0.1, .alpha = 0.9, .eps = 1e-7), rmsprop, 10);
    follows(c, m[5], dl_optim_adam(c, m[5], .lr = 0.1, .eps = 1e-7), adam, 10);
    follows(c, m[6], dl_optim_adam(c, m[6], .lr = 0.1, .eps = 1e-7, .no_bias_correction = 1), plain, 10);
    dl_destroy(c);
}

/* OPT-11: W itself, where PyTorch keeps W - lr momentum a: W = w + lr momentum a. */
static void nesterov_point(void)
{
    static const double point_[] = {4.820000, 4.498520, 4.076637, 3.595125, 3.092059, 2.600941, 2.149400, 1.758431, 1.442166, 1.208076};
    dl_ctx *c = dl_create();
    dl_module *m = point(c);
    dl_tensor *w = dl_module_get(c, m, "w");
    dl_optim *o = dl_optim_sgd(c, m, .lr = 0.01, .momentum = 0.9, .nesterov = 1);
    ROW("OPT-11");
    for (int t = 0; t < 10; t++) {
        dl_backward(c, parabola(c, w));
        dl_optim_step(c, o);
        CHECK_NEAR(dl_item(w) + 0.01 * 0.9 * (double)dl_optim_state(o, w, 0)[0], point_[t], 2e-6);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* The longer AdaGrad runs, the shorter its steps: 1, 1, .. as gradients give steps lr / sqrt(t).  A parameter that is seldom
   changed keeps its large ones.  RMSprop forgets, and goes on. */
static void adagrad_stall(void)
{
    dl_ctx *c = dl_create();
    dl_module *a = dl_module_create(c, &point_type), *b = dl_module_create(c, &point_type);
    dl_tensor *w = dl_module_param(c, a, "w", DL_SHAPE(2)), *v = dl_module_param(c, b, "w", DL_SHAPE(2));
    dl_optim *adagrad = dl_optim_adagrad(c, a, .lr = 0.1), *rmsprop = dl_optim_rmsprop(c, b, .lr = 0.1, .alpha = 0.9);
    dl_real g[2] = {1, 0};
    double before = 0, last = 0;
    ROW("OPT-13");
    for (int t = 1; t <= 1000; t++) {
        g[1] = t % 100 == 0;                                           /* the second one: every hundredth step */
        w->grad = v->grad = g;
        before = (double)w->data[0]; last = (double)v->data[0];
        dl_optim_step(c, adagrad);
        dl_optim_step(c, rmsprop);
        CHECK_NEAR(before - (double)w->data[0], 0.1 / sqrt(t), 2e-6);
    }
    CHECK_NEAR(last - (double)v->data[0], 0.1, 1e-5);
    {
        double rare = 0;
        for (int t = 1; t <= 10; t++) rare += 0.1 / sqrt(t);
        CHECK_NEAR(w->data[1], -rare, 1e-5);                           /* its tenth step is as long as the other's tenth */
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* V20: f = x^2 / 20 + y^2 from (-7, 2), 30 steps.  OPT-21: SGD zigzags along y, momentum and the adaptive ones do less. */
static void stretched_bowl(void)
{
    static const double end[4][2] = {{-0.350393, 0.084782}, {0.896414, 0.088086}, {-0.120162, 0.000000}, {0.136007, 0.318245}};
    int turns[4];
    ROW("OPT-21");
    for (int i = 0; i < 4; i++) {
        dl_ctx *c = dl_create();
        dl_module *m = dl_module_create(c, &point_type);
        dl_tensor *w = dl_module_param(c, m, "w", DL_SHAPE(2)), *scale = dl_keep(c, dl_tensor_from(c, (dl_real[]){R(0.05), 1}, DL_SHAPE(2)));
        dl_optim *o = i == 0 ? dl_optim_sgd(c, m, .lr = 0.95) : i == 1 ? dl_optim_sgd(c, m, .lr = 0.1, .momentum = 0.9)
                    : i == 2 ? dl_optim_adagrad(c, m, .lr = 1.5, .eps = 1e-7) : dl_optim_adam(c, m, .lr = 0.3, .eps = 1e-7);
        w->data[0] = -7; w->data[1] = 2;
        turns[i] = 0;
        for (int t = 0; t < 30; t++) {
            double y = (double)w->data[1];
            dl_step_begin(c);
            dl_backward(c, dl_sum(c, dl_mul(c, scale, dl_square(c, w))));
            dl_optim_step(c, o);
            turns[i] += y * (double)w->data[1] < 0;                    /* crossed the valley */
        }
        /* V20 computes Adam with lr sqrt(1 - beta2^t) / (1 - beta1^t) m / (sqrt(v) + eps), where PyTorch corrects v before it
           adds eps: seven millionths less in x.  With PyTorch's formula x ends at 0.136013858. */
        CHECK_NEAR(w->data[0], end[i][0], i == 3 ? 1e-5 : 2e-6);
        if (i == 3) CHECK_NEAR(w->data[0], 0.136013858, 2e-6);
        CHECK_NEAR(w->data[1], end[i][1], 2e-6);
        CHECK_OK(c);
        dl_destroy(c);
    }
    CHECK(turns[0] == 30);
    CHECK(turns[1] < 15 && turns[2] < 15 && turns[3] < 15);
}

/* A gradient of 1 and then none: momentum 0.9 decays below 2^-120 = 7.5e-37 after 790 steps, Adam's after as many, and is 0 then; in
   floats it would end as a denormal number otherwise, because 0.9 of the least rounds to itself.  Adam's mean of squares is not there yet. */
static void states_end(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    int k, t;
    for (k = 0; k < 2; k++) {
        dl_module *m = dl_nn_linear(c, 19, 1);
        dl_tensor *w = dl_module_get(c, m, "weight");
        dl_optim *o = k ? dl_optim_adam(c, m, .lr = (dl_real)1e-3) : dl_optim_sgd(c, m, .lr = (dl_real)1e-3, .momentum = (dl_real)0.9);
        for (t = 0; t < 1100; t++) {
            dl_step_begin(c);
            dl_backward(c, dl_sum(c, dl_mul_scalar(c, w, t == 0)));
            CHECK(dl_optim_step(c, o));
            if (t == 700) CHECK(dl_optim_state(o, w, 0)[0] > 0 && dl_optim_state(o, w, 0)[18] > 0);
        }
        CHECK(dl_optim_state(o, w, 0)[0] == 0 && dl_optim_state(o, w, 0)[18] == 0);
        CHECK(k == 0 || dl_optim_state(o, w, 1)[18] > 0);
        CHECK_OK(c);
    }
    dl_destroy(c);
}

static void state_bytes(void)
{
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_linear(c, 100, 50);                           /* 5050 numbers */
    const int64_t size = 5050 * (int64_t)sizeof(dl_real);
    dl_optim *adam = dl_optim_adam(c, m);
    ROW("OPT-22");
    CHECK(dl_optim_state_bytes(dl_optim_sgd(c, m)) == 0);
    CHECK(dl_optim_state_bytes(dl_optim_sgd(c, m, .momentum = 0.9)) == size);
    CHECK(dl_optim_state_bytes(dl_optim_adagrad(c, m)) == size);
    CHECK(dl_optim_state_bytes(dl_optim_rmsprop(c, m)) == size);
    CHECK(dl_optim_state_bytes(dl_optim_adadelta(c, m)) == 2 * size);
    CHECK(dl_optim_state_bytes(adam) == 2 * size);
    CHECK(dl_optim_state_bytes(dl_optim_adamw(c, m, .amsgrad = 1)) == 3 * size);
    CHECK(dl_optim_state_bytes(dl_optim_lookahead(c, adam)) == 3 * size);
    CHECK(dl_optim_state_bytes(dl_optim_adafactor(c, m)) == (50 + 100 + 50) * (int64_t)sizeof(dl_real));
    CHECK(dl_optim_state_bytes(dl_optim_lbfgs(c, m)) == 4 * size);     /* and 2 for each remembered step */
    CHECK(dl_optim_state_bytes(NULL) == 0 && !dl_optim_state(NULL, NULL, 0));
    /* GPT-3, 1e11 parameters: for Adam 2e11 numbers, in float 800 GB */
    CHECK_NEAR(1e11 / 5050 * (double)dl_optim_state_bytes(adam), 2e11 * sizeof(dl_real), 1);
    CHECK_OK(c);
    dl_destroy(c);
}

/* V18: E = 0.9 E + 0.1 x of 1, 2, 3 from 0 */
static void moving_average(void)
{
    static const double wanted[] = {0.1, 0.29, 0.561};
    dl_ctx *c = dl_create();
    dl_module *m = point(c);
    dl_tensor *w = dl_module_get(c, m, "w");
    dl_ema *e = dl_ema_create(c, m, .decay = 0.9), *mean = dl_ema_create(c, m, .swa = 1), *nil;
    ROW("OPT-19");
    dl_ema_swap(c, e);                                          CHECK_ERROR(c, "no dl_ema_update");
    w->data[0] = 0;
    CHECK(dl_ema_update(c, e));                                        /* begins as the weights are */
    for (int i = 0; i < 3; i++) {
        w->data[0] = (dl_real)(i + 1);
        CHECK(dl_ema_update(c, e) && dl_ema_update(c, mean));
        CHECK(dl_ema_swap(c, e));
        CHECK_NEAR(dl_item(w), wanted[i], 1e-6);
        CHECK(dl_ema_swap(c, e));
        CHECK(dl_item(w) == i + 1);
    }
    CHECK(dl_ema_swap(c, mean));
    CHECK_NEAR(dl_item(w), 2, 1e-6);                                   /* the mean of 1, 2, 3 */
    dl_ema_update(c, mean);                                     CHECK_ERROR(c, "swapped");
    nil = dl_ema_create(c, m, .decay = 1);                      CHECK_ERROR(c, "decay");
    dl_ema_update(c, nil);                                      CHECK_ERROR(c, "nil");
    dl_ema_swap(c, NULL);                                       CHECK_ERROR(c, "NULL");
    dl_ema_create(c, NULL);                                     CHECK_ERROR(c, "NULL");
    CHECK(!dl_ema_update(NULL, e) && !dl_ema_swap(NULL, e));
    dl_destroy(c);
}

/* --- schedules --------------------------------------------------------------------------------------------- */
static double inverse_square(int64_t t, void *user) { return 1 / (*(double *)user + (double)(t * t)); }

static dl_schedule *make_schedule(dl_ctx *c, dl_optim *o, const char *name, double *user)
{
    *user = 1;
#define IS(n) if (!strcmp(name, n))
    IS("constant")         return dl_lr_constant(c, o);
    IS("linear")           return dl_lr_linear(c, o, .start_factor = 0.1, .total_iters = 8);
    IS("step")             return dl_lr_step(c, o, 7, .gamma = 0.5);
    IS("multi_step")       return dl_lr_multi_step(c, o, DL_SHAPE(3, 9, 20));
    IS("exponential")      return dl_lr_exponential(c, o, 0.9);
    IS("polynomial")       return dl_lr_polynomial(c, o, .total_iters = 20, .power = 2);
    IS("cosine")           return dl_lr_cosine(c, o, 20, .eta_min = 0.01);
    IS("cosine_restarts")  return dl_lr_cosine_restarts(c, o, 4, .T_mult = 2, .eta_min = 0.001);
    IS("cosine_restarts1") return dl_lr_cosine_restarts(c, o, 6);
    IS("one_cycle")        return dl_lr_one_cycle(c, o, 0.5, 30);
    IS("one_cycle3")       return dl_lr_one_cycle(c, o, 0.5, 30, .pct_start = 0.4, .linear = 1, .three_phase = 1);
    IS("cyclic")           return dl_lr_cyclic(c, o, 0.01, 0.1, .step_size_up = 5);
    IS("cyclic2")          return dl_lr_cyclic(c, o, 0.01, 0.1, .step_size_up = 3, .step_size_down = 5, .mode = DL_TRIANGULAR2);
    IS("cyclic_exp")       return dl_lr_cyclic(c, o, 0.01, 0.1, .step_size_up = 5, .mode = DL_EXP_RANGE, .gamma = 0.95, .no_cycle_momentum = 1);
    IS("lambda")           return dl_lr_lambda(c, o, inverse_square, user);
    IS("plateau")          return dl_lr_plateau(c, o, .factor = 0.5, .patience = 2, .cooldown = 1, .min_lr = 0.02);
    IS("chained")          return dl_lr_chained(c, dl_lr_constant(c, o, .factor = 0.1, .total_iters = 4), dl_lr_exponential(c, o, 0.9));
    IS("sequential")
        return dl_lr_sequential(c, DL_SHAPE(6), dl_lr_linear(c, o, .start_factor = 0.2, .total_iters = 6), dl_lr_cosine(c, o, 20));
#undef IS
    return NULL;
}

static void pytorch_schedules(void)
{
    for (size_t i = 0; i < sizeof golden_schedules / sizeof *golden_schedules; i++) {
        const char *name = golden_schedules[i].name;
        dl_ctx *c = dl_create();
        dl_optim *o = dl_optim_sgd(c, point(c), .lr = 0.1, .momentum = 0.9);
        double user;
        dl_schedule *s = make_schedule(c, o, name, &user);
        CHECK(s != NULL);
        for (int t = 0; t < 30 && s; t++) {
            int before = test_errors;
            CHECK_NEAR(dl_optim_lr(o), golden_schedules[i].lr[t], 2e-7);
            CHECK_NEAR(dl_optim_momentum(o), golden_schedules[i].momentum[t], 1e-5);
            if (test_errors > before) printf("  %s, step %d", name, t);
            if (!strcmp(name, "plateau")) CHECK(dl_schedule_observe(c, s, (1 - 0.1 * t > 0.5 ? 1 - 0.1 * t : 0.5) + 0.01 * (t % 3)));
            else CHECK(dl_schedule_step(c, s));
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
}

static void decay_numbers(void)                                        /* V18, from 0.1 */
{
    static const int at[4][4] = {{0, 9, 10, 25}, {0, 1, 10, -1}, {0, 1, 10, -1}, {0, 5, 10, -1}};
    static const double lr[4][4] = {{.1, .1, .05, .025}, {.1, .0904837418, .0367879441, 0}, {.1, .0909090909, .05, 0}, {.1, .05, 0, 0}};
    ROW("OPT-20"); ROW("TRN-07");
    for (int i = 0; i < 4; i++) {
        dl_ctx *c = dl_create();
        dl_optim *o = dl_optim_sgd(c, point(c), .lr = 0.1);
        dl_schedule *s = i == 0 ? dl_lr_step(c, o, 10, .gamma = 0.5) : i == 1 ? dl_lr_exponential(c, o, exp(-0.1))
                       : i == 2 ? dl_lr_inverse(c, o, 0.1) : dl_lr_cosine(c, o, 10);
        for (int t = 0, k = 0; t <= 25 && k < 4; t++) {
            if (t == at[i][k]) { CHECK_NEAR(dl_optim_lr(o), lr[i][k], 1e-8); k++; }
            dl_schedule_step(c, s);
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
}

static void ends_of_waves(void)                                        /* a cosine near its end keeps its digits */
{
    dl_ctx *c = dl_create();
    dl_optim *o = dl_optim_sgd(c, point(c), .lr = 1);
    dl_schedule *s = dl_lr_cosine(c, o, 10000);
    for (int t = 0; t <= 20000; t++, dl_schedule_step(c, s)) {
        const double x = sin(1.5707963267948966 * (1 - t / 10000.0));
        CHECK_NEAR(dl_optim_lr(o), x * x, 2e-6 * x * x + 1e-30);
    }
    CHECK_OK(c);
    for (int t = 0; t < 300; t++) o = dl_optim_lookahead(c, o);
    CHECK_ERROR(c, "optim_lookahead: optimizers wrap each other more than 256 deep");
    for (int t = 0; t < 300; t++) s = dl_lr_chained(c, s);
    CHECK_ERROR(c, "lr_chained: schedules join each other more than 256 deep");
    dl_destroy(c);
}

static void schedules_of_groups_and_wrappers(void)                     /* ratios stay; set_lr is where a schedule goes on from */
{
    dl_ctx *c = dl_create();
    dl_module *net = xor_net(c);
    dl_optim *o = dl_optim_sgd(c, net, .lr = 0.1), *outer = dl_optim_lookahead(c, o, .k = 1000);
    dl_tensor *w = dl_module_get(c, net, "0.weight"), *b = dl_module_get(c, net, "0.bias");
    dl_real gw[6] = {1}, gb[3] = {1}, w0 = w->data[0], b0 = b->data[0];
    dl_schedule *s;
    CHECK(dl_optim_group(c, outer, is_bias, .lr = 0.01) == 2);
    s = dl_lr_exponential(c, outer, 0.5);
    dl_schedule_step(c, s);
    CHECK_NEAR(dl_optim_lr(outer), 0.05, 1e-12);
    CHECK(dl_optim_lr(o) == dl_optim_lr(outer));
    w->grad = gw; b->grad = gb;
    dl_optim_step(c, outer);
    CHECK_NEAR(w0 - w->data[0], 0.05, 1e-6);
    CHECK_NEAR(b0 - b->data[0], 0.005, 1e-6);
    dl_optim_set_lr(outer, 0.4);
    dl_schedule_step(c, s);
    CHECK_NEAR(dl_optim_lr(o), 0.1, 1e-12);
    CHECK_OK(c);
    dl_destroy(c);
}

static void plateau_of_accuracies(void)                                /* .max, .absolute, NaN is never better */
{
    dl_ctx *c = dl_create();
    dl_optim *o = dl_optim_sgd(c, point(c), .lr = 1);
    dl_schedule *s = dl_lr_plateau(c, o, .max = 1, .absolute = 1, .threshold = 0.1, .patience = DL_ZERO, .factor = 0.5);
    static const double values[] = {0.5, 0.7, 0.75, 0.9, NAN, 0.9}, lr[] = {1, 1, 0.5, 0.5, 0.25, 0.125};
    for (int i = 0; i < 6; i++) {
        dl_schedule_observe(c, s, values[i]);
        CHECK_NEAR(dl_optim_lr(o), lr[i], 1e-12);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static void plateau_from_infinity(void)                                /* PyTorch's rates: an infinite value is a start as good as none */
{
    static const double values[3][8] = {{INFINITY, 5, 4, 3, 2, 1, .5, .25}, {-INFINITY, 1, 2, 3, 4, 5, 6, 7},
                                        {INFINITY, INFINITY, INFINITY, 5, 4, 4, 4, 3}};
    static const double last[3] = {1, 1, .01};
    dl_ctx *c = dl_create();
    for (int i = 0; i < 6; i++) {
        dl_optim *o = dl_optim_sgd(c, point(c), .lr = 1);
        dl_schedule *s = dl_lr_plateau(c, o, .patience = 1, .max = i % 3 == 1, .absolute = i > 2);
        for (int k = 0; k < 8; k++) dl_schedule_observe(c, s, values[i % 3][k]);
        CHECK_NEAR(dl_optim_lr(o), last[i % 3], 1e-12);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* one_cycle and cyclic give a momentum to optimizers that were made without one; weights from 1, gradients 1 2 1 2 1: PyTorch's */
static void cycled_momentum(void)
{
    static const double after[2][3][5] = {
        {{.996, .8452, .4987, .027031, -.404125}, {.96, .026432, -1.909894, -4.088145, -5.951634},
         {.959798, .019645, -1.93297, -4.135481, -6.022551}},
        {{.99, .875333, .638111, .167, -.177815}, {.9, .195204, -1.119834, -3.258997, -4.720024},
         {.899496, .189702, -1.136493, -3.300003, -4.780045}}};
    for (int i = 0; i < 6; i++) {
        dl_ctx *c = dl_create();
        dl_module *m = point(c);
        dl_tensor *w = dl_module_get(c, m, "w");
        dl_optim *o = i % 3 == 0 ? dl_optim_sgd(c, m, .lr = 0.1) : dl_optim_rmsprop(c, m, .lr = 0.1, .centered = i % 3 == 2), *outer;
        dl_schedule *s;
        int64_t bytes = dl_optim_state_bytes(o);
        w->data[0] = 1;
        outer = dl_optim_lookahead(c, o, .k = 1000);
        s = i < 3 ? dl_lr_one_cycle(c, outer, 0.1, 10) : dl_lr_cyclic(c, outer, 0.01, 0.1, .step_size_up = 3);
        CHECK(dl_optim_state_bytes(o) == bytes + (int64_t)sizeof(dl_real));
        for (int t = 0; t < 5; t++) {
            dl_step_begin(c);
            dl_backward(c, dl_mul_scalar(c, dl_sum(c, w), R(1 + t % 2)));
            dl_optim_step(c, outer);
            dl_schedule_step(c, s);
            CHECK_NEAR(w->data[0], after[i / 3][i % 3][t], 3e-5);
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
}

static void down(dl_ctx *c, dl_optim *o, dl_schedule *s, dl_tensor *w, dl_tensor *b)       /* a step on (w^2 + b^2) / 2; either may be NULL */
{
    dl_tensor *loss;
    dl_step_begin(c);
    loss = dl_mul_scalar(c, dl_sum(c, dl_square(c, w ? w : b)), R(0.5));
    if (w && b) loss = dl_add(c, loss, dl_mul_scalar(c, dl_sum(c, dl_square(c, b)), R(0.5)));
    dl_backward(c, loss);
    dl_optim_step(c, o);
    if (s) dl_schedule_step(c, s);
}

/* A product of momentums for each parameter, of the steps in which it has a gradient: PyTorch's numbers */
static void nadam_products(void)
{
    static const double after[8][2] = {{.995877266, 1}, {.995877266, .961122692}, {.906932771, .874069750}, {.813971341, .782243550},
        {.732277155, .701524258}, {.665196896, .635319531}, {.614118576, .584967554}, {.578668535, .550050437}};
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_linear(c, 1, 1);
    dl_tensor *w = dl_module_get(c, m, "weight"), *b = dl_module_get(c, m, "bias");
    dl_optim *o = dl_optim_nadam(c, m, .lr = 0.02);
    dl_schedule *s = dl_lr_one_cycle(c, o, 0.1, 12, .base_momentum = 0.3, .max_momentum = 0.95);
    w->data[0] = b->data[0] = 1;
    for (int t = 0; t < 8; t++) {
        down(c, o, s, t == 1 ? NULL : w, t == 0 ? NULL : b);
        CHECK_NEAR(w->data[0], after[t][0], 1e-6);
        CHECK_NEAR(b->data[0], after[t][1], 1e-6);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* A momentum that a schedule takes to 0 and back: its array rests meanwhile, and begins as the first gradient undampened: PyTorch's */
static void momentum_at_rest(void)
{
    static const double after[7][8] = {
        {.9, .765, .6885, .5589, .38637, .2700945, .24308505, .16645257},
        {.9, .81, .729, .65205, .5501925, .476847, .4291623, .37469871},
        {.81, .6723, .60507, .49181985, .3034364085, .2281178021, .2053060219, .1552979138},
        {.89, .767075, .68269675, .571058018, .423470873, .322120311, .286687076, .217427640},
        {.9, .81, .729, .6561, .59049, .5281605, .445655925, .386246070},                    /* from step 2 on */
        {1e-7, -.449999956, -.036197083, -.205262662, -.170237962, -.000316032, -.000028404, .076462446},
        {-.005037714, -.452216667, -.036250659, -.203992842, -.168991176, -.000266942, -.000024085, .075923843}};
    for (int i = 0; i < 7; i++) {
        dl_ctx *c = dl_create();
        dl_module *m = point(c);
        dl_tensor *w = dl_module_get(c, m, "w");
        dl_optim *o = i == 0 ? dl_optim_sgd(c, m, .lr = 0.1, .momentum = 0.9)
                    : i == 1 ? dl_optim_sgd(c, m, .lr = 0.1, .momentum = 0.9, .dampening = 0.5)
                    : i == 2 ? dl_optim_sgd(c, m, .lr = 0.1, .momentum = 0.9, .nesterov = 1)
                    : i == 3 ? dl_optim_sgd(c, m, .lr = 0.1, .momentum = 0.9, .dampening = 0.25, .weight_decay = 0.1)
                    : i == 4 ? dl_optim_sgd(c, m, .lr = 0.1, .dampening = 0.5)
                    : dl_optim_rmsprop(c, m, .lr = 0.1, .momentum = 0.9, .centered = i == 6);
        dl_schedule *s = NULL;
        w->data[0] = 1;
        for (int t = 0; t < 8; t++) {
            if (t == (i == 4 ? 2 : 0)) s = dl_lr_cyclic(c, o, 0.1, 0.1, .step_size_up = 2, .base_momentum = -1, .max_momentum = 0.9);
            down(c, o, s, w, NULL);
            CHECK_NEAR(w->data[0], after[i][t], i < 5 ? 1e-6 : 1e-5);
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
}

/* A schedule that has no value changes nothing but the rate, which is 0: steps after that are harmless. */
static void schedule_over(void)
{
    for (int linear = 0; linear < 2; linear++) {
        dl_ctx *c = dl_create();
        dl_module *m = point(c);
        dl_tensor *w = dl_module_get(c, m, "w");
        dl_optim *o = dl_optim_adam(c, m);
        dl_schedule *s = dl_lr_one_cycle(c, o, 0.1, 2, .pct_start = 1, .linear = linear);
        CHECK(dl_schedule_step(c, s));
        CHECK_NEAR(dl_optim_momentum(o), .85, 1e-7);
        CHECK(!dl_schedule_step(c, s));                                /* PyTorch divides by zero there */
        CHECK_ERROR(c, "step 2, but lr_one_cycle has no value there");
        CHECK_NEAR(dl_optim_momentum(o), .85, 1e-7);
        CHECK(dl_optim_lr(o) == 0);
        dl_optim_set_lr(o, 0.1);
        down(c, o, NULL, w, NULL);
        CHECK_NEAR(w->data[0], 4.9, 1e-5);                             /* Adam's first step is lr */
        CHECK_OK(c);
        dl_destroy(c);
    }
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
    CHECK(dl_optim_state_bytes(dl_optim_sgd(c, a, .momentum = -1, .weight_decay = -1)) == 0);
    dl_optim_sgd(c, a, .momentum = 0.9, .nesterov = 1, .dampening = -1);
    dl_optim_asgd(c, a, .weight_decay = -1);
    dl_optim_nadam(c, a, .weight_decay = -1);
    dl_optim_radam(c, a, .weight_decay = -1);
    dl_optim_adamax(c, a, .weight_decay = -1);
    dl_optim_adagrad(c, a, .lr_decay = -1, .weight_decay = -1, .initial_accumulator_value = -1);
    CHECK(dl_optim_momentum(dl_optim_rmsprop(c, a, .momentum = -1, .weight_decay = -1)) == 0);
    dl_optim_adadelta(c, a, .weight_decay = -1);
    dl_optim_adafactor(c, a, .weight_decay = -1);
    dl_lr_cosine(c, p, 5, .eta_min = -1);
    dl_lr_cosine_restarts(c, p, 5, .eta_min = -1);
    dl_lr_plateau(c, p, .min_lr = -1);
    dl_optim_set_lr(p, (dl_real)0.25);
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

/* Four backwards of a quarter of the batch each, then one step: the step of the whole batch.  dl_step_begin in between is free
   to forget the results: gradients of parameters are kept. */
static void accumulation(void)
{
    dl_ctx *c = dl_create(.seed = 3);
    dl_module *whole = xor_net(c), *parts = xor_net(c);
    dl_optim *a = dl_optim_adam(c, whole), *b = dl_optim_adam(c, parts);
    dl_tensor *x = dl_keep(c, dl_randn(c, DL_SHAPE(8, 2))), *t = dl_keep(c, dl_randn(c, DL_SHAPE(8, 1)));
    for (int step = 0; step < 5; step++) {
        dl_step_begin(c);
        dl_backward(c, dl_mse_loss(c, dl_forward(c, whole, x), t));
        dl_optim_step(c, a);
        for (int i = 0; i < 4; i++) {
            dl_step_begin(c);
            dl_tensor *y = dl_forward(c, parts, dl_slice(c, x, 0, 2 * i, 2 * i + 2));
            dl_backward(c, dl_div_scalar(c, dl_mse_loss(c, y, dl_slice(c, t, 0, 2 * i, 2 * i + 2)), 4));
        }
        dl_optim_step(c, b);
    }
    for (int i = 0; i < 4; i++) {
        dl_tensor *p = dl_module_at(whole, i, NULL, 0)->tensor, *q = dl_module_at(parts, i, NULL, 0)->tensor;
        for (int64_t k = 0; k < p->size; k++) CHECK_NEAR(p->data[k], q->data[k], 1e-5);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* Rosenbrock's valley, 100 (y - x^2)^2 + (1 - x)^2: L-BFGS with a line search is at (1, 1) after a few steps */
static int closure_calls, closure_fails_at;
static dl_tensor *rosenbrock(dl_ctx *c, void *user)
{
    dl_tensor *w = dl_module_get(c, (dl_module *)user, "w"), *x, *y, *loss;
    dl_step_begin(c);
    closure_calls++;
    if (closure_calls == closure_fails_at) return dl_fail(c, "the closure gives up");
    x = dl_slice(c, w, 0, 0, 1);
    y = dl_slice(c, w, 0, 1, 2);
    loss = dl_add(c, dl_mul_scalar(c, dl_square(c, dl_sub(c, y, dl_square(c, x))), 100), dl_square(c, dl_rsub_scalar(c, x, 1)));
    loss = dl_sum(c, loss);
    dl_backward(c, loss);
    return loss;
}
static dl_module *valley(dl_ctx *c)
{
    dl_module *m = dl_module_create(c, &point_type);
    dl_tensor *w = dl_module_param(c, m, "w", DL_SHAPE(2));
    w->data[0] = -1.5; w->data[1] = 2;
    return m;
}
static void lbfgs(void)
{
    dl_ctx *c = dl_create();
    dl_module *m = valley(c);
    dl_tensor *w = dl_module_get(c, m, "w");
    dl_optim *o = dl_optim_lbfgs(c, m, .strong_wolfe = 1, .history_size = 5);
    for (int i = 0; i < 8; i++) dl_optim_step_closure(c, o, rosenbrock, m);
    CHECK_NEAR(w->data[0], 1, 1e-3);
    CHECK_NEAR(w->data[1], 1, 2e-3);
    CHECK(w->grad == NULL);
    CHECK_OK(c);
    dl_destroy(c);
}

static dl_tensor *returns_null(dl_ctx *c, void *user)        { (void)c; (void)user; return NULL; }
static dl_tensor *returns_two(dl_ctx *c, void *user)         { (void)user; return dl_zeros(c, DL_SHAPE(2)); }
static dl_tensor *forgets_backward(dl_ctx *c, void *user)    { (void)user; return dl_scalar(c, 1); }

static dl_optim *of_closures(dl_ctx *c, dl_module *m, int which)
{
    dl_optim *lbfgs = dl_optim_lbfgs(c, m, .strong_wolfe = which % 2), *sam = dl_optim_sam(c, dl_optim_sgd(c, m, .lr = 1e-3));
    return which < 2 ? lbfgs : which == 2 ? sam : which == 3 ? dl_optim_lookahead(c, sam, .k = 2)
         : which == 4 ? dl_optim_lookahead(c, lbfgs, .k = 2) : dl_optim_adam(c, m);
}

/* A closure that fails, wherever it does: the error stands, the weights are as before the step, and the next steps are as if it
   had not been tried. */
static void closures_that_fail(void)
{
    for (int which = 0; which < 6; which++)
        for (int at = 1; at <= 6; at++) {
            dl_ctx *c = dl_create();
            dl_module *m = valley(c), *fresh = valley(c);
            dl_tensor *w = dl_module_get(c, m, "w"), *v = dl_module_get(c, fresh, "w");
            dl_optim *o = of_closures(c, m, which), *p = of_closures(c, fresh, which);
            double loss;
            closure_calls = 0;
            closure_fails_at = at;
            loss = dl_optim_step_closure(c, o, rosenbrock, m);
            closure_fails_at = 0;
            if (closure_calls < at) { CHECK_OK(c); CHECK(loss == loss && w->data[0] != R(-1.5)); }
            else {
                CHECK(loss != loss && w->data[0] == R(-1.5) && w->data[1] == 2);
                CHECK_ERROR(c, "gives up");
                for (int i = 0; i < 3; i++) {
                    CHECK(dl_optim_step_closure(c, o, rosenbrock, m) > 0 && dl_optim_step_closure(c, p, rosenbrock, fresh) > 0);
                    if (!CHECK(!memcmp(w->data, v->data, 2 * sizeof(dl_real)))) printf(" optimizer %d, failed at %d", which, at);
                }
                CHECK_OK(c);
            }
            dl_destroy(c);
        }
    {
        dl_ctx *c = dl_create();
        dl_module *m = valley(c);
        dl_optim *o = dl_optim_lbfgs(c, m), *sam = dl_optim_sam(c, dl_optim_adam(c, m));
        dl_optim_step_closure(c, o, returns_null, m);                  CHECK_ERROR(c, "closure returned nil");
        dl_optim_step_closure(c, o, returns_two, m);                   CHECK_ERROR(c, "(2)");
        dl_optim_step_closure(c, sam, forgets_backward, m);            CHECK_ERROR(c, "no gradients");
        dl_optim_step_closure(c, sam, NULL, m);                        CHECK_ERROR(c, "NULL");
        dl_optim_step_closure(c, NULL, rosenbrock, m);                 CHECK_ERROR(c, "NULL");
        CHECK(dl_optim_step_closure(NULL, o, rosenbrock, m) != 0);
        dl_optim_step(c, o);                                           CHECK_ERROR(c, "optim_lbfgs: needs dl_optim_step_closure");
        dl_optim_step(c, sam);                                         CHECK_ERROR(c, "optim_sam: needs dl_optim_step_closure");
        dl_optim_step(c, dl_optim_lookahead(c, o));                    CHECK_ERROR(c, "optim_lookahead: needs dl_optim_step_closure");
        dl_optim_sam(c, sam);                                          CHECK_ERROR(c, "itself");
        dl_optim_group(c, o, dl_is_norm_or_bias);                      CHECK_ERROR(c, "no groups");
        dl_destroy(c);
    }
}

static void nan_gradients(void)                                        /* as in PyTorch they reach their weights, and no others */
{
    dl_ctx *c = dl_create();
    for (int i = 0; i < 5; i++) {
        dl_module *m = dl_module_create(c, &point_type);
        dl_tensor *w = dl_module_param(c, m, "w", DL_SHAPE(3));
        dl_optim *o = i == 0 ? dl_optim_sgd(c, m, .momentum = 0.9) : i == 1 ? dl_optim_adam(c, m) : i == 2 ? dl_optim_adadelta(c, m)
                    : i == 3 ? dl_optim_rmsprop(c, m, .centered = 1) : dl_optim_adamax(c, m);
        dl_real g[3] = {1, (dl_real)NAN, -1};
        double norm;
        w->grad = g;
        norm = dl_clip_grad_norm(c, m, 1e9);
        CHECK(norm != norm);
        g[0] = 1; g[2] = -1;
        dl_optim_step(c, o);
        CHECK(w->data[0] < 0 && w->data[1] != w->data[1] && w->data[2] == -w->data[0]);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* norms of rows: w (3,4) and (0,0); clipping 0.1: the most are 0.5 and 0.1 eps */
static void adaptive_clipping(void)
{
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_linear(c, 2, 2);
    dl_tensor *w = dl_module_get(c, m, "weight"), *b = dl_module_get(c, m, "bias");
    dl_real g[4] = {6, 8, 0, 5}, h[2] = {0, R(0.01)};
    w->data[0] = 3; w->data[1] = 4; w->data[2] = w->data[3] = 0;
    b->data[0] = 0; b->data[1] = 1;
    w->grad = g;
    b->grad = h;
    dl_clip_grad_adaptive(c, m, .clipping = 0.1);
    CHECK_NEAR(g[0], 0.3, 1e-6); CHECK_NEAR(g[1], 0.4, 1e-6);
    CHECK(g[2] == 0); CHECK_NEAR(g[3], 1e-4, 1e-9);
    CHECK(h[1] == R(0.01));                                            /* below: untouched */
    g[0] = R(6e25); g[1] = R(8e25);                                    /* squares leave the range of float */
    dl_clip_grad_adaptive(c, m, .clipping = 0.1);
    CHECK_NEAR(g[0], 0.3, 1e-6); CHECK_NEAR(g[1], 0.4, 1e-6);
    w->grad = b->grad = NULL;
    dl_clip_grad_adaptive(c, m);
    CHECK_OK(c);
    dl_destroy(c);
}

/* N(0, eta / (1 + t)^gamma): Neelakantan et al. 2015 */
static void gradient_noise(void)
{
    dl_ctx *c = dl_create(.seed = 4);
    dl_module *m = dl_nn_linear(c, 200, 200, .no_bias = 1);
    dl_tensor *w = dl_module_get(c, m, "weight");
    for (int i = 0; i < 2; i++) {
        double sum = 0, squares = 0, std = i ? sqrt(0.3 / pow(101, 0.55)) : sqrt(0.01);
        dl_step_begin(c);
        w->grad = dl_zeros(c, DL_SHAPE(200, 200))->data;
        if (i) dl_add_grad_noise(c, m, 100, .eta = 0.3); else dl_add_grad_noise(c, m, 0);
        for (int k = 0; k < 40000; k++) { sum += (double)w->grad[k]; squares += (double)w->grad[k] * (double)w->grad[k]; }
        CHECK_NEAR(sum / 40000, 0, 5 * std / 200);
        CHECK_NEAR(sqrt(squares / 40000), std, 0.03 * std);
        w->grad = NULL;
    }
    dl_add_grad_noise(c, m, 5);                                        /* no gradient, no noise */
    CHECK(w->grad == NULL);
    CHECK_OK(c);
    dl_destroy(c);
}

/* LIN-13: the parameters that make data most probable.  n draws of a category: P = prod p_k^n_k is largest at p_k = n_k / n. */
static void maximum_likelihood(void)
{
    static const int32_t draws[] = {0, 1, 0, 2, 0, 1, 0, 0, 2, 1};     /* 5, 3, 2 */
    static const double share[] = {0.5, 0.3, 0.2};
    dl_ctx *c = dl_create();
    dl_module *m = dl_module_create(c, &point_type);
    dl_tensor *theta = dl_module_param(c, m, "theta", DL_SHAPE(1, 3)), *x = dl_keep(c, dl_tensor_from_int(c, draws, DL_SHAPE(10))), *p, *loss;
    dl_optim *o = dl_optim_sgd(c, m, .lr = 0.1);
    double product = 1, sum = 0;
    ROW("LIN-13");
    for (int t = 0; t < 500; t++) {
        dl_step_begin(c);
        p = dl_log_softmax(c, dl_add(c, dl_zeros(c, DL_SHAPE(10, 3)), theta), 1);
        loss = dl_nll_loss(c, p, x, .reduction = DL_SUM);              /* -L(theta; x) = -sum log P(x_i; theta) */
        dl_backward(c, loss);
        dl_optim_step(c, o);
    }
    dl_step_begin(c);
    p = dl_softmax(c, theta, 1);
    for (int k = 0; k < 3; k++) CHECK_NEAR(p->data[k], share[k], 1e-5);
    for (int i = 0; i < 10; i++) { product *= (double)p->data[draws[i]]; sum += log((double)p->data[draws[i]]); }
    CHECK_NEAR(log(product), sum, 1e-9);                               /* the product's logarithm is the sum of logarithms */
    CHECK_NEAR(sum, 5 * log(0.5) + 3 * log(0.3) + 2 * log(0.2), 1e-5);
    CHECK_OK(c);
    dl_destroy(c);
}

static void bad_input(void)
{
    dl_ctx *c = dl_create();
    dl_module *net = xor_net(c);
    dl_optim *nil;
    dl_optim_sgd(c, net, .lr = (dl_real)-2);                  CHECK_ERROR(c, "learning rate is -2");
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
    dl_optim_nadam(c, net, .beta2 = 1.5);                     CHECK_ERROR(c, "optim_nadam: beta2 is 1.5");
    dl_optim_nadam(c, net, .momentum_decay = -2);             CHECK_ERROR(c, "momentum_decay");
    dl_optim_radam(c, net, .beta1 = -0.5);                    CHECK_ERROR(c, "optim_radam: beta1");
    dl_optim_adamax(c, net, .eps = -3);                       CHECK_ERROR(c, "optim_adamax: eps");
    dl_optim_adagrad(c, net, .lr_decay = -2);                 CHECK_ERROR(c, "lr_decay");
    dl_optim_adagrad(c, net, .initial_accumulator_value = NAN);  CHECK_ERROR(c, "initial_accumulator_value");
    dl_optim_adadelta(c, net, .rho = 2);                      CHECK_ERROR(c, "optim_adadelta: rho is 2");
    dl_optim_rmsprop(c, net, .alpha = 1);                     CHECK_ERROR(c, "optim_rmsprop: alpha is 1");
    dl_optim_rmsprop(c, net, .momentum = -0.1);               CHECK_ERROR(c, "momentum");
    dl_optim_rprop(c, net, .eta_minus = 1.5);                 CHECK_ERROR(c, "eta_minus");
    dl_optim_rprop(c, net, .eta_plus = 0.5);                  CHECK_ERROR(c, "eta_plus");
    dl_optim_rprop(c, net, .step_min = 100);                  CHECK_ERROR(c, "step_min");
    dl_optim_asgd(c, net, .lambd = -2);                       CHECK_ERROR(c, "lambd");
    dl_optim_adafactor(c, net, .beta2_decay = 1);             CHECK_ERROR(c, "beta2_decay");
    dl_optim_adafactor(c, net, .d = 0.5);                     CHECK_ERROR(c, "optim_adafactor: d");
    dl_optim_muon(c, net, .ns_steps = 200);                   CHECK_ERROR(c, "ns_steps");
    dl_optim_muon(c, net, .adjust_lr = (dl_muon_adjust_lr)7); CHECK_ERROR(c, "adjust_lr");
    dl_optim_lbfgs(c, net, .max_iter = -1);                   CHECK_ERROR(c, "max_iter -1");
    dl_optim_lbfgs(c, net, .history_size = -1);               CHECK_ERROR(c, "history_size -1");
    dl_optim_group(c, dl_optim_rprop(c, net), is_bias, .weight_decay = 5);  CHECK_ERROR(c, "optim_rprop has no weight_decay");
    dl_optim_lookahead(c, NULL);                              CHECK_ERROR(c, "NULL");
    dl_optim_lookahead(c, nil);                               CHECK_ERROR(c, "nil");
    dl_optim_lookahead(c, dl_optim_sgd(c, net), .k = -1);     CHECK_ERROR(c, "optim_lookahead: k");
    dl_optim_sam(c, dl_optim_sgd(c, net), .rho = NAN);        CHECK_ERROR(c, "optim_sam: rho");
    dl_optim_sam(NULL, NULL);
    dl_optim_group(c, NULL, is_bias);                         CHECK_ERROR(c, "NULL");
    dl_optim_group(c, dl_optim_sgd(c, net), NULL);            CHECK_ERROR(c, "filter is NULL");
    dl_optim_group(c, dl_optim_sgd(c, net), is_bias, .lr = -3);  CHECK_ERROR(c, "learning rate");
    dl_optim_group(c, dl_optim_sgd(c, net, .lr = -1), is_bias, .lr = 1);  CHECK_ERROR(c, "learning rate is 0");
    {
        dl_optim *o = dl_optim_sgd(c, net, .lr = 0.1), *other = dl_optim_sgd(c, net);
        dl_schedule *s, *t;
        CHECK(dl_optim_group(c, o, dl_is_norm_or_bias, .lr = -1) == 2);
        dl_lr_step(c, o, 0);                                  CHECK_ERROR(c, "lr_step: step_size is 0, expected at least 1 step");
        dl_lr_cosine(c, o, 0);                                CHECK_ERROR(c, "lr_cosine: T_max is 0");
        dl_lr_cosine_restarts(c, o, 3, .T_mult = -1);         CHECK_ERROR(c, "T_mult");
        dl_lr_one_cycle(c, o, 0.1, 0);                        CHECK_ERROR(c, "lr_one_cycle: total_steps is 0");
        dl_lr_one_cycle(c, o, -1, 10);                        CHECK_ERROR(c, "max_lr");
        dl_lr_cyclic(c, o, 0.1, 0.2, .step_size_up = -3);     CHECK_ERROR(c, "step_size_up");
        dl_lr_cyclic(c, o, 0.1, 0.2, .step_size_up = INT64_MAX / 2 + 10);  CHECK_ERROR(c, "step_size_up");
        dl_lr_one_cycle(c, dl_optim_adagrad(c, net), 0.1, 9); CHECK_ERROR(c, "lr_one_cycle: optim_adagrad has no momentum");
        dl_lr_cyclic(c, dl_optim_adafactor(c, net), 0.1, 1);  CHECK_ERROR(c, "lr_cyclic: optim_adafactor has no momentum");
        dl_lr_cyclic(c, dl_optim_adafactor(c, net), 0.1, 1, .no_cycle_momentum = 1);
        dl_lr_constant(c, o, .total_iters = -1);              CHECK_ERROR(c, "lr_constant: total_iters is -1");
        dl_lr_linear(c, o, .end_factor = -2);                 CHECK_ERROR(c, "end_factor");
        dl_lr_polynomial(c, o, .power = -2);                  CHECK_ERROR(c, "power");
        dl_lr_multi_step(c, o, DL_SHAPE(5, 3));               CHECK_ERROR(c, "milestone 1 is 3, expected more than 5");
        dl_lr_multi_step(c, o, DL_SHAPE(0));                  CHECK_ERROR(c, "no milestones");
        dl_lr_exponential(c, o, NAN);                         CHECK_ERROR(c, "gamma");
        dl_lr_inverse(c, o, -1);                              CHECK_ERROR(c, "gamma");
        dl_lr_lambda(c, o, NULL, NULL);                       CHECK_ERROR(c, "NULL");
        dl_lr_plateau(c, o, .factor = 1.5);                   CHECK_ERROR(c, "lr_plateau: factor is 1.5");
        dl_lr_plateau(c, NULL);                               CHECK_ERROR(c, "optimizer is NULL");
        s = dl_lr_step(c, o, 5);
        t = dl_lr_step(c, other, 5);
        dl_lr_chained(c, s, t);                               CHECK_ERROR(c, "another optimizer");
        dl_lr_chained(c, s, dl_lr_plateau(c, o));             CHECK_ERROR(c, "plateau");
        dl_schedule_step(c, s);                               CHECK_ERROR(c, "schedule_step: its optimizer has a newer schedule");
        t = dl_lr_chained(c, s, dl_lr_exponential(c, o, 0.9)); CHECK(dl_schedule_step(c, t));
        CHECK(dl_schedule_observe(c, t, 1));
        dl_schedule_step(c, s);                               CHECK_ERROR(c, "newer schedule");
        t = dl_lr_plateau(c, o);                              CHECK(dl_schedule_observe(c, t, 1));
        dl_lr_step(c, o, 5);
        dl_schedule_observe(c, t, 1);                         CHECK_ERROR(c, "schedule_observe: its optimizer has a newer schedule");
        dl_lr_sequential(c, DL_SHAPE(0), s, s);               CHECK_ERROR(c, "0 milestones between 2 schedules");
        dl_lr_sequential(c, DL_SHAPE(5), s, NULL);            CHECK_ERROR(c, "the schedule is NULL");
        dl_schedule_step(c, NULL);                            CHECK_ERROR(c, "NULL");
        dl_schedule_observe(c, NULL, 1);                      CHECK_ERROR(c, "NULL");
        t = dl_lr_step(c, o, -1);                             CHECK_ERROR(c, "step_size");
        dl_schedule_step(c, t);                               CHECK_ERROR(c, "nil");
        CHECK(!dl_schedule_step(NULL, s));
        s = dl_lr_one_cycle(c, other, 0.1, 3);
        for (int i = 0; i < 4; i++) dl_schedule_step(c, s);
        CHECK_ERROR(c, "step 4, but lr_one_cycle has no value there");
        CHECK(dl_optim_momentum(NULL) != dl_optim_momentum(NULL));
    }
    dl_clip_grad_adaptive(c, net, .clipping = -2);            CHECK_ERROR(c, "clipping");
    dl_clip_grad_adaptive(c, NULL);                           CHECK_ERROR(c, "NULL");
    dl_add_grad_noise(c, net, -1);                            CHECK_ERROR(c, "step -1");
    dl_add_grad_noise(c, net, 0, .eta = NAN);                 CHECK_ERROR(c, "eta");
    dl_add_grad_noise(c, NULL, 0);                            CHECK_ERROR(c, "NULL");
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

/* What is frozen stays, bit for bit, also with optimizers that remember steps of before. */
static dl_tensor *frozen_loss(dl_ctx *c, void *user)
{
    dl_module *net = (dl_module *)user;
    dl_tensor *loss;
    dl_step_begin(c);
    loss = dl_mean(c, dl_square(c, dl_forward(c, net, dl_reshape(c, dl_sin(c, dl_arange(c, 0, 8, 1)), DL_SHAPE(4, 2)))));
    dl_backward(c, loss);
    return loss;
}
static void frozen_stay(void)
{
    for (int i = 0; i < 5; i++) {
        dl_ctx *c = dl_create(.seed = 4);
        dl_module *net = xor_net(c);
        dl_tensor *w = dl_module_get(c, net, "0.weight"), *other = dl_module_get(c, net, "2.weight");
        dl_optim *sgd = dl_optim_sgd(c, net, .lr = 0.1, .momentum = 0.9), *o =
            i == 0 ? dl_optim_lookahead(c, sgd, .k = 2) : i == 1 ? dl_optim_lookahead(c, dl_optim_sam(c, sgd), .k = 1)
            : i == 2 ? dl_optim_lbfgs(c, net, .lr = 0.3, .max_iter = 3) : i == 3 ? dl_optim_lbfgs(c, net, .max_iter = 3, .strong_wolfe = 1) : sgd;
        dl_real before[6], moved;
        for (int t = 0; t < 3; t++) dl_optim_step_closure(c, o, frozen_loss, net);
        memcpy(before, w->data, sizeof before);
        moved = other->data[0];
        dl_nn_freeze(net->children[0], 1);
        for (int t = 0; t < 4; t++) dl_optim_step_closure(c, o, frozen_loss, net);
        CHECK_OK(c);
        CHECK(!memcmp(before, w->data, sizeof before) && other->data[0] != moved);
        dl_destroy(c);
    }
}

/* A tree that is rearranged after the optimizer was made: groups still find all parameters. */
static int any_parameter(const char *name, const dl_tensor *w, void *user) { (void)name; (void)w; (void)user; return 1; }
static void rearranged(void)
{
    dl_ctx *c = dl_create();
    dl_module *net = xor_net(c);
    dl_optim *o = dl_optim_adam(c, net);
    dl_nn_weight_norm(c, net->children[0]);
    CHECK(dl_optim_group(c, o, any_parameter, .lr = 0.1) == 4);
    CHECK(dl_optim_state(o, dl_module_get(c, net, "2.bias"), 0) && !dl_optim_state(o, dl_module_get(c, net, "0.parametrizations.weight.original0"), 0));
    dl_clear_error(c);
    dl_destroy(c);
}

/* Muon's vectors: adam_lr, which falls as lr does, or the rate of their group.  The first step of Adam is the rate, the decay apart. */
static void muon_vectors(void)
{
    for (int i = 0; i < 4; i++) {
        dl_ctx *c = dl_create(.seed = 2);
        dl_module *net = xor_net(c);
        dl_optim *o = dl_optim_muon(c, net, .lr = 0.02, .weight_decay = -1);
        dl_tensor *b = dl_module_get(c, net, "0.bias");
        dl_real g[3] = {1, -2, 3}, before = b->data[0];
        if (i == 1) dl_optim_group(c, o, is_bias, .lr = 0.01);
        if (i == 2) dl_optim_set_lr(o, 0.002);
        if (i == 3) dl_schedule_step(c, dl_lr_exponential(c, o, 0.1));
        b->grad = g;
        dl_optim_step(c, o);
        CHECK_OK(c);
        CHECK_NEAR(before - b->data[0], i == 0 ? 3e-4 : i == 1 ? 0.01 : 3e-5, 1e-7);
        dl_destroy(c);
    }
}

int main(void)
{
    RUN(frozen_stay);
    RUN(rearranged);
    RUN(muon_vectors);
    RUN(pytorch_trajectories);
    RUN(gradient_descent);
    RUN(ten_steps);
    RUN(nesterov_point);
    RUN(adagrad_stall);
    RUN(stretched_bowl);
    RUN(states_end);
    RUN(state_bytes);
    RUN(moving_average);
    RUN(pytorch_schedules);
    RUN(decay_numbers);
    RUN(ends_of_waves);
    RUN(schedules_of_groups_and_wrappers);
    RUN(plateau_of_accuracies);
    RUN(plateau_from_infinity);
    RUN(cycled_momentum);
    RUN(nadam_products);
    RUN(momentum_at_rest);
    RUN(schedule_over);
    RUN(defaults);
    RUN(without_gradient);
    RUN(two_optimizers);
    RUN(threads_and_pieces);
    RUN(frozen_after_error);
    RUN(accumulation);
    RUN(lbfgs);
    RUN(closures_that_fail);
    RUN(nan_gradients);
    RUN(adaptive_clipping);
    RUN(gradient_noise);
    RUN(maximum_likelihood);
    RUN(bad_input);
    RUN(clipping);
    RUN(clipping_by_value);
    TEST_END;
}
