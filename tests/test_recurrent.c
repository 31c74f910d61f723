/* build: float double asan */
/* Recurrent layers and cells: outputs, states and gradients against PyTorch (gen_recurrent.py) and against differences, the
   formulas written out, the same bits everywhere, and bad input. */
#include "dl.h"
#include "test.h"

typedef struct {
    dl_rnn_kind kind;
    int cell, T, N, I, H, layers, both, batch_first, bias, proj, states, unbatched, lengths, parameters, length[5];
} configuration;
#include "golden_recurrent.h"
#define COUNT ((int)(sizeof configurations / sizeof *configurations))
#ifdef DL_DOUBLE
#define TOL 1e-9
#else
#define TOL 5e-6
#endif

static dl_ctx *c;

static double value(int64_t i, int k) { return (double)((37 * i + 11 * k + i * i % 23) % 61 - 30) / 61; }

static dl_tensor *filled(dl_ctx *ctx, dl_tensor *t, int k, double scale)
{
    int64_t i;
    (void)ctx;
    for (i = 0; i < t->size; i++) t->data[i] = (dl_real)(value(i, k) * scale);
    return t;
}

static dl_module *make(dl_ctx *ctx, const configuration *o)
{
    dl_module *m;
    dl_param *p;
    int i, relu = o->kind == DL_RNN_RELU;
    if (o->cell)
        m = o->kind == DL_LSTM ? dl_nn_lstm_cell(ctx, o->I, o->H, .no_bias = !o->bias)
          : o->kind == DL_GRU  ? dl_nn_gru_cell(ctx, o->I, o->H, .no_bias = !o->bias)
                               : dl_nn_rnn_cell(ctx, o->I, o->H, .no_bias = !o->bias, .relu = relu);
    else
        m = o->kind == DL_LSTM ? dl_nn_lstm(ctx, o->I, o->H, .num_layers = o->layers, .no_bias = !o->bias, .batch_first = o->batch_first,
                                            .bidirectional = o->both, .proj_size = o->proj)
          : o->kind == DL_GRU  ? dl_nn_gru(ctx, o->I, o->H, .num_layers = o->layers, .no_bias = !o->bias, .batch_first = o->batch_first,
                                           .bidirectional = o->both)
                               : dl_nn_rnn(ctx, o->I, o->H, .num_layers = o->layers, .relu = relu, .no_bias = !o->bias,
                                           .batch_first = o->batch_first, .bidirectional = o->both);
    for (i = 0; (p = dl_module_at(m, i, NULL, 0)) != NULL; i++) filled(ctx, p->tensor, 10 + i, o->H < 17 ? 0.9 : 0.3);
    return m;
}

/* x, h0, c0 (NULL: not there), and the lengths */
static void make_inputs(dl_ctx *ctx, const configuration *o, dl_tensor **in, dl_tensor **lengths)
{
    const int64_t front = o->layers * (1 + o->both), N = o->N, P = o->proj ? o->proj : o->H;
    int i;
    in[0] = o->unbatched ? dl_empty(ctx, DL_SHAPE(o->T, o->I)) : o->batch_first ? dl_empty(ctx, DL_SHAPE(N, o->T, o->I))
                                                                               : dl_empty(ctx, DL_SHAPE(o->T, N, o->I));
    in[1] = in[2] = *lengths = NULL;
    if (o->states) {
        const int64_t size[2] = { P, o->H };
        for (i = 0; i < 1 + (o->kind == DL_LSTM); i++)
            in[1 + i] = o->cell ? (o->unbatched ? dl_empty(ctx, DL_SHAPE(size[i])) : dl_empty(ctx, DL_SHAPE(N, size[i])))
                                : (o->unbatched ? dl_empty(ctx, DL_SHAPE(front, size[i])) : dl_empty(ctx, DL_SHAPE(front, N, size[i])));
    }
    for (i = 0; i < 3; i++) if (in[i]) dl_requires_grad(ctx, filled(ctx, in[i], i, 1), 1);
    if (o->lengths) *lengths = dl_tensor_from_int(ctx, o->length, DL_SHAPE(N));
}

/* out: y, h_n, c_n (NULL: none) */
static void run(dl_ctx *ctx, const configuration *o, dl_module *m, dl_tensor **in, dl_tensor *lengths, dl_tensor **out)
{
    dl_tensor *rows[9], *h = in[1], *cell = in[2], *x;
    int t;
    out[2] = NULL;
    if (!o->cell) {
        out[0] = o->kind == DL_LSTM ? dl_nn_rnn_forward(ctx, m, in[0], .h0 = in[1], .c0 = in[2], .lengths = lengths, .h_n = &out[1], .c_n = &out[2])
                                    : dl_nn_rnn_forward(ctx, m, in[0], .h0 = in[1], .lengths = lengths, .h_n = &out[1]);
        return;
    }
    for (t = 0; t < o->T; t++) {
        x = dl_squeeze(ctx, dl_slice(ctx, in[0], 0, t, t + 1), DL_DIM(0));
        if (!o->unbatched) x = dl_reshape(ctx, x, DL_SHAPE(o->N, o->I));
        else x = dl_reshape(ctx, x, DL_SHAPE(o->I));
        rows[t] = h = dl_nn_rnn_step(ctx, m, x, h, o->kind == DL_LSTM ? &cell : NULL);
    }
    out[0] = dl_stack(ctx, o->T, rows, 0);
    out[1] = h;
    if (o->kind == DL_LSTM) out[2] = cell;
}

static dl_tensor *loss_of(dl_ctx *ctx, dl_tensor **out)
{
    dl_tensor *loss = NULL;
    int k;
    for (k = 0; k < 3; k++) {
        dl_tensor *w, *s;
        if (!out[k]) continue;
        w = filled(ctx, dl_detach(ctx, dl_mul_scalar(ctx, out[k], 1)), 50 + k, 1);
        s = dl_sum(ctx, dl_mul(ctx, out[k], w));
        loss = loss ? dl_add(ctx, loss, s) : s;
    }
    return loss;
}

static void digest(const dl_real *v, int64_t n, double *s)
{
    int64_t i;
    for (i = 0; i < n && v; i++) { s[0] += (double)v[i] * value(i, 3); s[1] += fabs((double)v[i]); }
}
static void compare(int number, const char *what, const double *s, const double **want)
{
    const double *w = *want, tol = TOL * (w[1] + 0.1);
    *want += 2;
    if (!CHECK(fabs(s[0] - w[0]) <= tol && fabs(s[1] - w[1]) <= tol))
        printf("\n    %s of %d: %.12g and %.12g, PyTorch has %.12g and %.12g", what, number, s[0], s[1], w[0], w[1]);
}

static void values_and_gradients(void)
{
    static const char *const names[] = { "output", "h_n", "c_n" }, *const grads[] = { "dx", "dh0", "dc0" };
    const double *want = golden;
    int i, k;
    for (i = 0; i < COUNT; i++) {
        const configuration *o = &configurations[i];
        dl_ctx *old = c;
        dl_tensor *in[3], *out[3], *lengths;
        dl_module *m;
        dl_param *p;
        double s[2] = {0, 0};
        c = dl_create();
        m = make(c, o);
        make_inputs(c, o, in, &lengths);
        run(c, o, m, in, lengths, out);
        if (CHECK_OK(c)) dl_backward(c, loss_of(c, out));
        if (!CHECK_OK(c)) { printf(" in %d", i); dl_destroy(c); c = old; return; }
        CHECK(dl_param_count(m) == o->parameters);
        for (k = 0; k < 3; k++) if (out[k]) { double t[2] = {0, 0}; digest(out[k]->data, out[k]->size, t); compare(i, names[k], t, &want); }
        for (k = 0; k < 3; k++) if (in[k])  { double t[2] = {0, 0}; digest(in[k]->grad, in[k]->size, t); compare(i, grads[k], t, &want); }
        for (k = 0; (p = dl_module_at(m, k, NULL, 0)) != NULL; k++) digest(p->tensor->grad, p->tensor->size, s);
        compare(i, "parameters' gradients", s, &want);
        dl_destroy(c);
        c = old;
    }
    CHECK(want + 1 == golden + sizeof golden / sizeof *golden);
}

#ifdef DL_DOUBLE
typedef struct { const configuration *o; dl_module *m; dl_tensor *in[3], *lengths; } checked;
static dl_tensor *build(dl_ctx *ctx, dl_tensor **x, void *user)
{
    checked *u = (checked *)user;
    dl_tensor *out[3];
    (void)x;
    run(ctx, u->o, u->m, u->in, u->lengths, out);
    return loss_of(ctx, out);
}
#endif

static void gradients_by_differences(void)
{
#ifdef DL_DOUBLE
    int i, k, n;
    for (i = 0; i < 64; i++) {
        dl_ctx *ctx = dl_create(.threads = 1);
        dl_tensor *x[32];
        dl_param *p;
        checked u;
        int64_t e;
        u.o = &configurations[i];
        u.m = make(ctx, u.o);
        make_inputs(ctx, u.o, u.in, &u.lengths);
        for (k = n = 0; k < 3; k++) if (u.in[k]) x[n++] = u.in[k];
        for (k = 0; n < 32 && (p = dl_module_at(u.m, k, NULL, 0)) != NULL; k++) x[n++] = p->tensor;
        for (k = 0; k < n; k++) for (e = 0; e < x[k]->size; e++) x[k]->data[e] += 0.0037 * (double)(e % 7 + 1);   /* no kinks of relu */
        if (!CHECK(dl_gradcheck(ctx, build, n, x, .user = &u, .rtol = 1e-5))) printf("\n    %d: %s", i, dl_error(ctx));
        dl_destroy(ctx);
    }
#else
    SKIP("double only");
#endif
}

/* --- formulas, V38 ------------------------------------------------------------------------------------------------------ */
static double logistic(double a) { return 1 / (1 + exp(-a)); }

/* Steps of one sequence in double, from the weights of m (I = 3, H = 4): out (T, H) */
static void reference(dl_rnn_kind kind, dl_module *m, const dl_real *x, int T, double out[][4])
{
    const int G = kind == DL_LSTM ? 4 : kind == DL_GRU ? 3 : 1, I = 3, H = 4;
    double h[4] = {0, 0, 0, 0}, cell[4] = {0, 0, 0, 0}, a[16], b[16];
    int t, r, k;
    for (t = 0; t < T; t++) {
        for (r = 0; r < G * H; r++) {
            a[r] = dl_module_get(c, m, "bias_ih_l0")->data[r];
            b[r] = dl_module_get(c, m, "bias_hh_l0")->data[r];
            for (k = 0; k < I; k++) a[r] += dl_module_get(c, m, "weight_ih_l0")->data[r * I + k] * x[t * I + k];
            for (k = 0; k < H; k++) b[r] += dl_module_get(c, m, "weight_hh_l0")->data[r * H + k] * h[k];
        }
        for (k = 0; k < H; k++) {
            double r0 = logistic(a[k] + b[k]);
            if (kind == DL_LSTM) {
                cell[k] = logistic(a[4 + k] + b[4 + k]) * cell[k] + r0 * tanh(a[8 + k] + b[8 + k]);
                h[k] = logistic(a[12 + k] + b[12 + k]) * tanh(cell[k]);
            } else if (kind == DL_GRU) {
                double z = logistic(a[4 + k] + b[4 + k]), n = tanh(a[8 + k] + r0 * b[8 + k]);
                h[k] = (1 - z) * n + z * h[k];
            } else h[k] = tanh(a[k] + b[k]);
            out[t][k] = h[k];
        }
    }
}

static void formula(dl_rnn_kind kind, dl_module *m, int64_t parameters, dl_module *twenty, dl_module *without)
{
    double want[5][4];
    dl_tensor *x = filled(c, dl_empty(c, DL_SHAPE(5, 3)), 1, 2), *y = dl_forward(c, m, x);
    int i;
    reference(kind, m, x->data, 5, want);
    for (i = 0; i < 20 && CHECK_OK(c); i++) CHECK_NEAR(y->data[i], want[i / 4][i % 4], 1e-6);
    CHECK(dl_param_count(twenty) == parameters);
    CHECK(dl_param_count(without) + 20 * (kind == DL_LSTM ? 8 : kind == DL_GRU ? 6 : 2) == parameters);
    for (i = 0; i < 4; i++) {                                            /* U(-1/sqrt(H), 1/sqrt(H)) */
        const dl_tensor *w = dl_module_at(twenty, i, NULL, 0)->tensor;
        double most = 0;
        int64_t k;
        for (k = 0; k < w->size; k++) most = fabs((double)w->data[k]) > most ? fabs((double)w->data[k]) : most;
        CHECK(most <= 1 / sqrt(20) + 1e-7 && most > 0.7 / sqrt(20));
    }
    CHECK_OK(c);
}
static void rnn(void)
{
    ROW("SEQ-01");
    formula(DL_RNN_TANH, dl_nn_rnn(c, 3, 4), 640, dl_nn_rnn(c, 10, 20), dl_nn_rnn(c, 10, 20, .no_bias = 1));
}
static void lstm(void)
{
    ROW("SEQ-02");
    formula(DL_LSTM, dl_nn_lstm(c, 3, 4), 2560, dl_nn_lstm(c, 10, 20), dl_nn_lstm(c, 10, 20, .no_bias = 1));
}
static void gru(void)
{
    ROW("SEQ-03");
    formula(DL_GRU, dl_nn_gru(c, 3, 4), 1920, dl_nn_gru(c, 10, 20), dl_nn_gru(c, 10, 20, .no_bias = 1));
}

/* Cut after 3 of 6 steps: the gradient is that of the second half alone, from a constant state. */
static void truncated_backpropagation(void)
{
    dl_module *m = dl_nn_lstm(c, 2, 5);
    dl_tensor *x = filled(c, dl_empty(c, DL_SHAPE(6, 3, 2)), 0, 1), *w = dl_module_get(c, m, "weight_hh_l0"), *h, *cell, *y, *whole;
    dl_real cut[100], kept[100];
    int64_t i;
    double differs = 0;
    ROW("SEQ-05");
    dl_nn_rnn_forward(c, m, dl_slice(c, x, 0, 0, 3), .h_n = &h, .c_n = &cell);
    y = dl_nn_rnn_forward(c, m, dl_slice(c, x, 0, 3, 6), .h0 = dl_detach(c, h), .c0 = dl_detach(c, cell));
    dl_backward(c, dl_sum(c, y));
    memcpy(cut, w->grad, sizeof cut);
    dl_zero_grads(m);
    y = dl_nn_rnn_forward(c, m, dl_slice(c, x, 0, 3, 6), .h0 = dl_keep(c, h), .c0 = dl_keep(c, cell));
    dl_backward(c, dl_sum(c, y));
    memcpy(kept, w->grad, sizeof kept);
    CHECK(!memcmp(cut, kept, sizeof cut));
    dl_zero_grads(m);                                                    /* not cut: the same as the whole sequence at once */
    y = dl_nn_rnn_forward(c, m, dl_slice(c, x, 0, 3, 6), .h0 = h, .c0 = cell);
    dl_backward(c, dl_sum(c, y));
    for (i = 0; i < 100; i++) { kept[i] = w->grad[i]; differs += fabs((double)(w->grad[i] - cut[i])); }
    CHECK(differs > 0.01);
    dl_zero_grads(m);
    whole = dl_forward(c, m, x);
    dl_backward(c, dl_sum(c, dl_slice(c, whole, 0, 3, 6)));
    for (i = 0; i < 100 && CHECK_OK(c); i++) CHECK_NEAR(w->grad[i], kept[i], 1e-5);
}

/* Without gates a state times 1.5 at each step explodes through time; clipping takes a gradient of norm 5 to 1. */
static void exploding_gradients(void)
{
    dl_module *m = dl_nn_rnn(c, 1, 1, .relu = 1, .no_bias = 1);
    dl_tensor *x = dl_zeros(c, DL_SHAPE(20, 1, 1)), *h0 = dl_requires_grad(c, dl_ones(c, DL_SHAPE(1, 1, 1)), 1), *h, *ih, *hh;
    ROW("SEQ-06");
    hh = dl_module_get(c, m, "weight_hh_l0");
    ih = dl_module_get(c, m, "weight_ih_l0");
    hh->data[0] = 1.5f;
    dl_nn_rnn_forward(c, m, x, .h0 = h0, .h_n = &h);
    dl_backward(c, dl_sum(c, h));
    CHECK_NEAR(h0->grad[0], pow(1.5, 20), 0.01);
    CHECK_NEAR(hh->grad[0], 20 * pow(1.5, 19), 0.2);
    ih->grad[0] = 3;
    hh->grad[0] = 4;
    CHECK_NEAR(dl_clip_grad_norm(c, m, 1), 5, 1e-6);
    CHECK_NEAR(ih->grad[0], 0.6, 1e-6);
    CHECK_NEAR(hh->grad[0], 0.8, 1e-6);
    CHECK_OK(c);
}

/* Two directions: the second is the first on the reversed sequence.  Behind its end a sequence is 0, whatever stands there. */
static void stacked_bidirectional_padded(void)
{
    static const int32_t lengths[] = {4, 2};
    static const char *const names[] = { "weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0", "weight_hr_l0", "weight_ih_l0_reverse",
        "weight_hh_l0_reverse", "bias_ih_l0_reverse", "bias_hh_l0_reverse", "weight_hr_l0_reverse", "weight_ih_l1" };
    dl_module *m = dl_nn_lstm(c, 3, 5, .num_layers = 2, .bidirectional = 1, .proj_size = 2, .batch_first = 1, .dropout = 0.5f);
    dl_tensor *l = dl_tensor_from_int(c, lengths, DL_SHAPE(2)), *x = filled(c, dl_empty(c, DL_SHAPE(2, 4, 3)), 0, 1), *h, *cell, *y, *z, *alone;
    dl_rnn_weights w[2];
    char name[64];
    int i, k;
    ROW("SEQ-12");
    for (i = 0; i < 11 && dl_module_at(m, i, name, sizeof name); i++) CHECK(!strcmp(name, names[i]));
    CHECK(dl_module_get(c, m, "weight_ih_l1")->shape[1] == 4);
    dl_set_training(c, 0);
    y = dl_nn_rnn_forward(c, m, x, .lengths = l, .h_n = &h, .c_n = &cell);
    CHECK(y->ndim == 3 && y->shape[0] == 2 && y->shape[1] == 4 && y->shape[2] == 4);
    CHECK(h->shape[0] == 4 && h->shape[1] == 2 && h->shape[2] == 2 && cell->shape[0] == 4 && cell->shape[2] == 5);
    for (i = 0; i < 8; i++) CHECK(y->data[24 + i] == 0);
    for (k = 6; k < 12; k++) x->data[12 + k] = (dl_real)NAN;             /* padding of sequence 1 */
    z = dl_nn_rnn_forward(c, m, x, .lengths = l);
    CHECK(!memcmp(y->data, z->data, (size_t)y->size * sizeof *y->data));
    dl_backward(c, dl_sum(c, z));
    for (i = 0; i < 4 * 5 * 3; i++) CHECK(isfinite((double)dl_module_get(c, m, "weight_ih_l0")->grad[i]));
    alone = dl_nn_rnn_forward(c, m, dl_slice(c, dl_slice(c, x, 0, 1, 2), 1, 0, 2));
    for (i = 0; i < 8; i++) CHECK_NEAR(alone->data[i], y->data[16 + i], 1e-6);
    dl_set_training(c, 1);
    z = dl_nn_rnn_forward(c, m, x, .lengths = l);                        /* dropout: another result */
    CHECK(memcmp(y->data, z->data, (size_t)y->size * sizeof *y->data));
    m = dl_nn_gru(c, 3, 5, .bidirectional = 1);
    w[0].weight_ih = dl_module_get(c, m, "weight_ih_l0_reverse");
    w[0].weight_hh = dl_module_get(c, m, "weight_hh_l0_reverse");
    w[0].bias_ih = dl_module_get(c, m, "bias_ih_l0_reverse");
    w[0].bias_hh = dl_module_get(c, m, "bias_hh_l0_reverse");
    w[0].weight_hr = NULL;
    x = filled(c, dl_empty(c, DL_SHAPE(4, 3)), 5, 1);
    y = dl_forward(c, m, x);
    z = dl_empty(c, DL_SHAPE(4, 3));
    for (i = 0; i < 12; i++) z->data[i] = x->data[(3 - i / 3) * 3 + i % 3];
    z = dl_rnn(c, DL_GRU, z, w);
    for (i = 0; i < 20 && CHECK_OK(c); i++) CHECK_NEAR(y->data[i / 5 * 10 + 5 + i % 5], z->data[(3 - i / 5) * 5 + i % 5], 1e-6);
    dl_set_training(c, 1);
}

/* --- the same bits -------------------------------------------------------------------------------------------------------- */
static uint64_t hash;
static void add_values(const dl_tensor *t, const dl_real *v)
{
    const unsigned char *b = (const unsigned char *)v;
    size_t n = (size_t)t->size * sizeof *v;
    for (; v && n; n--) hash = (hash ^ *b++) * 0x100000001b3u;
}
static uint64_t hash_all(const char *isa, int threads)
{
    static const configuration large[] = {
        { DL_LSTM, 0, 6, 5, 33, 70, 2, 1, 0, 1, 0, 1, 0, 1, 0, {6, 2, 3, 6, 1} }, { DL_GRU, 0, 9, 5, 20, 83, 1, 0, 1, 1, 0, 1, 0, 0, 0, {0} },
        { DL_RNN_TANH, 0, 8, 4, 7, 300, 1, 0, 0, 1, 0, 0, 0, 0, 0, {0} }, { DL_LSTM, 0, 7, 5, 9, 65, 1, 1, 0, 1, 17, 1, 0, 1, 0, {7, 2, 3, 6, 1} } };
    size_t i;
    hash = 0xcbf29ce484222325u;
    for (i = 0; i < 72 + sizeof large / sizeof *large; i++) {
        const configuration *o = i < 72 ? &configurations[i] : &large[i - 72];
        dl_ctx *ctx = dl_create(.isa = isa, .threads = threads);
        dl_tensor *in[3], *out[3], *lengths;
        dl_module *m;
        dl_param *p;
        int k;
        if (dl_error(ctx)) { dl_destroy(ctx); return 0; }
        if (!SLOW && i < 72 && i % 5) { dl_destroy(ctx); continue; }
        m = make(ctx, o);
        make_inputs(ctx, o, in, &lengths);
        run(ctx, o, m, in, lengths, out);
        dl_backward(ctx, loss_of(ctx, out));
        CHECK_OK(ctx);
        for (k = 0; k < 3; k++) if (out[k]) add_values(out[k], out[k]->data);
        for (k = 0; k < 3; k++) if (in[k]) add_values(in[k], in[k]->grad);
        for (k = 0; (p = dl_module_at(m, k, NULL, 0)) != NULL; k++) add_values(p->tensor, p->tensor->grad);
        dl_destroy(ctx);
    }
    return hash;
}
static void same_bits(void)
{
    uint64_t want = hash_all("portable", 1), got;
    int i, threads;
    for (i = 0; test_isa(i); i++)
        for (threads = 1; threads <= 5; threads += i ? 2 : 3) {
            got = hash_all(test_isa(i), threads);
            if (got && !CHECK(got == want)) printf(" with %s, %d threads", test_isa(i), threads);
        }
}

/* --- bad input -------------------------------------------------------------------------------------------------------------- */
static void bad_input(void)
{
    static const int32_t long_one[] = {3, 5}, none[] = {3, 0};
    dl_module *m = dl_nn_lstm(c, 3, 4, .num_layers = 2), *one = dl_nn_lstm(c, 3, 4), *g = dl_nn_gru(c, 3, 4), *cell = dl_nn_lstm_cell(c, 3, 4);
    dl_module *linear = dl_nn_linear(c, 3, 4);
    dl_tensor *x = dl_ones(c, DL_SHAPE(4, 2, 3)), *h = dl_ones(c, DL_SHAPE(2, 2, 4)), *h_n, *c_n, *ids = dl_to_int(c, x), *state = NULL;
    dl_rnn_weights w;
    dl_nn_lstm(c, 0, 4);                                      CHECK_ERROR(c, "nn_lstm: input size 0, hidden size 4");
    dl_nn_gru(c, 3, -1);                                      CHECK_ERROR(c, "nn_gru: input size 3, hidden size -1");
    dl_nn_rnn(c, INT64_MAX, INT64_MAX);                       CHECK_ERROR(c, "nn_rnn: input size");
    dl_nn_lstm(c, 3, INT64_MAX / 2);                          CHECK_ERROR(c, "nn_lstm: input size 3, hidden size 4611686018427387903");
    dl_nn_rnn(c, INT32_MAX, INT32_MAX);                       CHECK_ERROR(c, "rnn: axis");
    dl_nn_lstm(c, 3, 4, .num_layers = -1);                    CHECK_ERROR(c, "nn_lstm: -1 layers");
    dl_nn_lstm(c, 3, 4, .num_layers = INT64_MAX);             CHECK_ERROR(c, "layers, expected 1 to");
    dl_nn_gru(c, 3, 4, .dropout = (dl_real)1.5);              CHECK_ERROR(c, "dropout is 1.5");
    dl_nn_gru(c, 3, 4, .dropout = (dl_real)NAN);              CHECK_ERROR(c, "dropout is nan");
    dl_nn_gru(c, 3, 4, .relu = 1);                            CHECK_ERROR(c, "relu is for a plain RNN only");
    dl_nn_gru(c, 3, 4, .proj_size = 2);                       CHECK_ERROR(c, "proj_size is for an LSTM only");
    dl_nn_lstm(c, 3, 4, .proj_size = 4);                      CHECK_ERROR(c, "proj_size is 4, expected less than the hidden size 4");
    dl_nn_lstm(c, 3, 4, .proj_size = -1);                     CHECK_ERROR(c, "proj_size is -1");
    dl_nn_rnn_cell(c, 0, 4);                                  CHECK_ERROR(c, "nn_rnn: input size 0");
    dl_nn_gru_cell(c, 0, 4, .relu = 1);                       CHECK_ERROR(c, "nn_gru: input size 0");
    dl_forward(c, m, dl_ones(c, DL_SHAPE(4, 2, 5)));          CHECK_ERROR(c, "lstm: x (4,2,5) has 5 features, weight_ih (16,3) takes 3");
    dl_forward(c, m, dl_ones(c, DL_SHAPE(3)));                CHECK_ERROR(c, "lstm: x is (3), expected (T, N, I) or (T, I)");
    dl_forward(c, m, ids);                                    CHECK_ERROR(c, "lstm: x (4,2,3) holds int32");
    dl_nn_rnn_forward(c, m, NULL, .h0 = h, .h_n = &h_n);      CHECK_ERROR(c, "lstm: ");
    CHECK(dl_is_nil(h_n));
    dl_nn_rnn_forward(c, m, x, .h0 = dl_ones(c, DL_SHAPE(1, 2, 4)));     CHECK_ERROR(c, "lstm: h0 is (1,2,4), expected (2,2,4)");
    dl_nn_rnn_forward(c, m, x, .h0 = h, .c0 = dl_ones(c, DL_SHAPE(2, 8)));    CHECK_ERROR(c, "lstm: c0 is (2,8), expected (2,2,4)");
    dl_nn_rnn_forward(c, one, x, .h0 = h);                    CHECK_ERROR(c, "lstm: h0 is (2,2,4), expected (1,2,4)");
    dl_nn_rnn_forward(c, one, x, .h0 = ids);                  CHECK_ERROR(c, "h0");
    dl_nn_rnn_forward(c, g, x, .c0 = h);                      CHECK_ERROR(c, "gru: c0 is for an LSTM only");
    dl_nn_rnn_forward(c, g, x, .c_n = &c_n);                  CHECK_ERROR(c, "gru: only an LSTM has c_n");
    dl_nn_rnn_forward(c, m, x, .lengths = dl_tensor_from_int(c, long_one, DL_SHAPE(2)));   CHECK_ERROR(c, "lengths (2) holds 5 at index 1, expected 1 to 4, for (");
    dl_nn_rnn_forward(c, m, x, .lengths = dl_tensor_from_int(c, none, DL_SHAPE(2)));       CHECK_ERROR(c, "lengths (2) holds 0 at index 1, expected 1 to 4, for (");
    dl_nn_rnn_forward(c, m, x, .lengths = dl_tensor_from_int(c, none, DL_SHAPE(1)));       CHECK_ERROR(c, "lengths (1) for (4,2,3), expected (2), one for each sample");
    dl_nn_rnn_forward(c, m, x, .lengths = x);                 CHECK_ERROR(c, "lengths");
    dl_nn_rnn_forward(c, linear, x);                          CHECK_ERROR(c, "the module is a linear, expected a recurrent layer");
    dl_nn_rnn_forward(c, cell, x);                            CHECK_ERROR(c, "expected a recurrent layer");
    dl_nn_rnn_forward(c, NULL, x);                            CHECK_ERROR(c, "nn_rnn_forward: the module is NULL");
    dl_nn_rnn_step(c, m, x, NULL, &state);                    CHECK_ERROR(c, "expected a recurrent cell");
    dl_nn_rnn_step(c, cell, dl_ones(c, DL_SHAPE(2, 3)), NULL, NULL);    CHECK_ERROR(c, "cell needs a place for its state");
    dl_nn_rnn_step(c, dl_nn_gru_cell(c, 3, 4), x, NULL, &state);        CHECK_ERROR(c, "has no use for a place for its state");
    dl_nn_rnn_step(c, cell, x, NULL, &state);                 CHECK_ERROR(c, "lstm: x is (4,2,3), expected (N, I) or (I)");
    state = NULL;
    dl_nn_rnn_step(c, cell, dl_ones(c, DL_SHAPE(2, 3)), dl_ones(c, DL_SHAPE(4)), &state);  CHECK_ERROR(c, "lstm: h0 is (4), expected (2,4)");
    w.weight_ih = dl_ones(c, DL_SHAPE(12, 3)); w.weight_hh = dl_ones(c, DL_SHAPE(12, 4)); w.bias_ih = dl_ones(c, DL_SHAPE(12)); w.bias_hh = NULL;
    w.weight_hr = NULL;
    dl_rnn(c, DL_GRU, x, &w);                                 CHECK_ERROR(c, "gru: one bias is NULL, the other is not");
    w.bias_hh = dl_ones(c, DL_SHAPE(11));
    dl_rnn(c, DL_GRU, x, &w);                                 CHECK_ERROR(c, "gru: bias_hh is (11), expected (12)");
    dl_rnn(c, DL_LSTM, x, &w);                                CHECK_ERROR(c, "lstm: weight_hh is (12,4), expected (12,3)");
    w.bias_ih = w.bias_hh = NULL;
    w.weight_hr = dl_ones(c, DL_SHAPE(2, 4));
    dl_rnn(c, DL_GRU, x, &w);                                 CHECK_ERROR(c, "weight_hr is (2,4)");
    w.weight_hr = NULL;
    w.weight_ih = NULL;
    dl_rnn(c, DL_GRU, x, &w);                                 CHECK_ERROR(c, "gru: input 1 is NULL");
    h_n = c_n = x;
    dl_rnn(c, DL_LSTM, x, NULL, .h_n = &h_n, .c_n = &c_n);    CHECK_ERROR(c, "rnn: no weights");
    CHECK(dl_is_nil(h_n) && dl_is_nil(c_n));
    dl_rnn(c, (dl_rnn_kind)9, x, &w);                         CHECK_ERROR(c, "rnn: the kind is unknown");
    CHECK(dl_is_nil(dl_nn_rnn_forward(NULL, m, x, .h_n = &h_n)) && dl_is_nil(h_n));
    CHECK(dl_is_nil(dl_nn_rnn_step(NULL, cell, x, NULL, NULL)) && dl_is_nil(dl_rnn(NULL, DL_GRU, x, &w)));
    dl_nn_lstm(NULL, 3, 4); dl_nn_rnn(NULL, 3, 4); dl_nn_gru(NULL, 3, 4);
    dl_nn_rnn_cell(NULL, 3, 4); dl_nn_lstm_cell(NULL, 3, 4); dl_nn_gru_cell(NULL, 3, 4);
}

/* States that nobody asks for, a second backward, gradients that add up, and no allocation from the second step on. */
static void steps(void)
{
    dl_module *m = dl_nn_lstm(c, 3, 9, .num_layers = 2);
    dl_tensor *x, *h, *cell, *w = dl_module_get(c, m, "weight_hh_l1");
    dl_real once[2] = {0, 0};
    size_t reserved = 0;
    int i;
    for (i = 0; i < 5; i++) {
        dl_step_begin(c);
        dl_zero_grads(m);
        x = filled(c, dl_empty(c, DL_SHAPE(7, 4, 3)), 2, 1);
        dl_nn_rnn_forward(c, m, x, .h_n = &h, .c_n = &cell);
        dl_backward(c, dl_sum(c, cell));                                 /* the output has no gradient of its own */
        once[0] = w->grad[7];
        dl_backward(c, dl_sum(c, cell));
        once[1] = w->grad[7];
        if (i == 1) reserved = dl_memory(c).reserved_bytes;
    }
    CHECK_NEAR(once[1], 2 * once[0], 1e-6);
    CHECK(once[0] != 0);
    CHECK(dl_memory(c).reserved_bytes == reserved);
    CHECK_OK(c);
}

/* --- models of sequences ------------------------------------------------------------------------------------------------ */

/* p(x_1 .. x_T) = prod p(x_t given x_<t).  In 0 0 1 1 0 0 1 1 .. a window of one symbol (Markov) leaves ln 2 a symbol, one of
   two symbols nothing; a recurrent network has to keep what it needs in its state. */
static void autoregressive(void)
{
    enum { T = 32 };
    int32_t text[T + 1];
    double markov[3] = {0, 0, 0}, loss = 0;
    for (int t = 0; t <= T; t++) text[t] = t / 2 % 2;
    for (int tau = 1; tau <= 2; tau++) {
        int count[4][2] = {{0}};
        for (int t = tau; t <= T; t++) count[tau == 1 ? text[t - 1] : 2 * text[t - 2] + text[t - 1]][text[t]]++;
        for (int k = 0; k < 4; k++)
            for (int x = 0; x < 2; x++)
                if (count[k][x]) markov[tau] -= count[k][x] * log((double)count[k][x] / (count[k][0] + count[k][1])) / (T + 1 - tau);
    }
    CHECK_NEAR(markov[1], log(2.0), 0.01);
    CHECK_NEAR(markov[2], 0, 1e-12);

    dl_module *rnn = dl_nn_rnn(c, 2, 8), *head = dl_nn_linear(c, 8, 2), *net = dl_nn_sequential(c, rnn, head);
    dl_optim *opt = dl_optim_adam(c, net, .lr = 0.03);
    for (int step = 0; step < 200; step++) {
        dl_step_begin(c);
        dl_tensor *x = dl_one_hot(c, dl_tensor_from_int(c, text, DL_SHAPE(T, 1)), 2);
        dl_tensor *y = dl_cross_entropy(c, dl_reshape(c, dl_forward(c, net, x), DL_SHAPE(T, 2)), dl_tensor_from_int(c, text + 1, DL_SHAPE(T)));
        loss = dl_item(y);
        dl_backward(c, y);
        dl_optim_step(c, opt);
    }
    CHECK_OK(c);
    CHECK(loss < 0.1);                                                 /* the first symbols cannot be known */
    ROW("SEQ-08");
}

/* Before training each of 65 characters is as likely: ln 65, perplexity 65.  Sampling draws from softmax(z / temperature). */
static void characters(void)
{
    enum { N = 4000 };
    int32_t next[4] = {0, 7, 64, 31};
    dl_tensor *loss = dl_cross_entropy(c, dl_zeros(c, DL_SHAPE(4, 65)), dl_tensor_from_int(c, next, DL_SHAPE(4)));
    CHECK_NEAR(dl_item(loss), 4.1743873, 1e-6);
    CHECK_NEAR(exp(dl_item(loss)), 65, 1e-3);
    static const dl_real z[] = {0, 1, 2};
    dl_tensor *logits = dl_expand(c, dl_tensor_from(c, z, DL_SHAPE(1, 3)), DL_SHAPE(N, 3));
    for (int hot = 1; hot <= 2; hot++) {
        dl_tensor *drawn = dl_sample_token(c, logits, .temperature = (dl_real)hot);
        double n = 0, p = exp(2.0 / hot) / (1 + exp(1.0 / hot) + exp(2.0 / hot));
        for (int i = 0; i < N && !dl_error(c); i++) n += drawn->idata[i] == 2;
        CHECK_NEAR(n / N, p, 4 * sqrt(p * (1 - p) / N));
    }
    CHECK_OK(c);
    ROW("SEQ-09");
}

int main(void)
{
    c = dl_create(.seed = 3);
    RUN(values_and_gradients);
    RUN(gradients_by_differences);
    RUN(rnn);
    RUN(lstm);
    RUN(gru);
    RUN(truncated_backpropagation);
    RUN(exploding_gradients);
    RUN(stacked_bidirectional_padded);
    RUN(same_bits);
    RUN(bad_input);
    RUN(steps);
    RUN(autoregressive);
    RUN(characters);
    dl_destroy(c);
    TEST_END;
}
