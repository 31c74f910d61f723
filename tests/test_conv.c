/* build: float double asan */
/* Convolution: values and gradients against PyTorch (gen_conv.py), gradients against differences, same bits for every
   instruction set and number of threads, bad input, and the rows of the curriculum about convolution. */
#include "dl.h"
#include "test.h"

#ifdef DL_DOUBLE
#define TOL 1e-11
#else
#define TOL 3e-5
#endif

/* --- against PyTorch ------------------------------------------------------------------------------------------------------ */
typedef struct {
    int    n, transposed, batch, cin, cout, groups, size[3], kernel[3], stride[3], before[3], after[3], dilation[3], extra[3];
    int    mode, same, bias, activation;
    int    shape[5];
    double values[4][4];                                 /* of y, dx, dw, db: the weighted sum, some values */
} golden_conv;
#include "golden_conv.h"
#define CASES ((int)(sizeof golden_convs / sizeof *golden_convs))

static dl_real hashed(int64_t i, uint32_t salt)
{
    uint32_t h = (uint32_t)i * 2654435761u + salt * 1013904223u;
    h = ((h >> 15) ^ h) * 2246822519u;
    return (dl_real)((int)((h >> 13) % 33) - 16) / 16;
}

static dl_tensor *hashed_tensor(dl_ctx *c, int n, const int64_t *shape, uint32_t salt)
{
    dl_shape s = DL_SHAPE(0);
    dl_tensor *t;
    int64_t i;
    int d;
    for (d = 0; d < n; d++) s.d[d] = shape[d];
    t = dl_empty(c, s);
    for (i = 0; i < t->size; i++) t->data[i] = hashed(i, salt);
    return dl_requires_grad(c, t, 1);
}

static void compare(const golden_conv *g, int which, const dl_real *got, int64_t n)
{
    static const char *const names[] = {"y", "dx", "dw", "db"};
    double sum = 0, scale = 0, largest = 0;
    int64_t i;
    int ok;
    for (i = 0; i < n; i++) {
        sum += (double)got[i] * (double)hashed(i, 5);
        scale += fabs((double)got[i]);
        if (fabs((double)got[i]) > largest) largest = fabs((double)got[i]);
    }
    ok = fabs(sum - g->values[which][0]) <= TOL * (scale + 1);
    for (i = 1; i <= 3; i++) ok &= fabs((double)got[i * (n - 1) / 3] - g->values[which][i]) <= TOL * (largest + 1);
    if (!CHECK(ok))
        printf("\n    case %d: %s: sum %.10g, PyTorch %.10g; values %g %g %g, PyTorch %g %g %g", (int)(g - golden_convs), names[which],
               sum, g->values[which][0], (double)got[(n - 1) / 3], (double)got[2 * (n - 1) / 3], (double)got[n - 1], g->values[which][1],
               g->values[which][2], g->values[which][3]);
}

static dl_tensor *apply(dl_ctx *c, int n, int transposed, dl_tensor *x, dl_tensor *w, dl_tensor *b, dl_conv_opts o)
{
    if (transposed) return (n == 1 ? dl_conv_transpose1d_with : n == 2 ? dl_conv_transpose2d_with : dl_conv_transpose3d_with)(c, x, w, b, o);
    return (n == 1 ? dl_conv1d_with : n == 2 ? dl_conv2d_with : dl_conv3d_with)(c, x, w, b, o);
}

/* The same options in different ways: for all axes where they are equal and the number of the case is even, else by axis. */
static dl_conv_opts options(const golden_conv *g, int together)
{
    dl_conv_opts o;
    int i;
    memset(&o, 0, sizeof o);
    for (i = 1; i < g->n; i++)
        together = together && g->stride[i] == g->stride[0] && g->dilation[i] == g->dilation[0] && g->before[i] == g->before[0];
    if (together) { o.stride = g->stride[0]; o.dilation = g->dilation[0]; o.padding = g->same ? 0 : g->before[0]; }
    for (i = 0; i < g->n; i++) {
        if (!together) {
            o.strides[i] = g->stride[i];
            o.dilations[i] = g->dilation[i];
            if (!g->same) o.paddings[i] = g->before[i] ? g->before[i] : DL_ZERO;
        }
        if (!g->same && g->after[i] != g->before[i]) o.padding_end[i] = g->after[i] ? g->after[i] : DL_ZERO;
        o.output_paddings[i] = g->extra[i];
    }
    o.same = g->same;
    o.groups = g->groups;
    o.padding_mode = (dl_padding_mode)g->mode;
    o.activation = (dl_activation)g->activation;
    return o;
}

static dl_tensor *run_case(dl_ctx *c, const golden_conv *g, dl_tensor **in)
{
    int64_t shape[5];
    int i, batched = g->batch > 0;
    shape[0] = g->batch;
    shape[batched] = g->cin;
    for (i = 0; i < g->n; i++) shape[batched + 1 + i] = g->size[i];
    in[0] = hashed_tensor(c, g->n + 1 + batched, shape, 1);
    shape[0] = g->transposed ? g->cin : g->cout;
    shape[1] = (g->transposed ? g->cout : g->cin) / g->groups;
    for (i = 0; i < g->n; i++) shape[2 + i] = g->kernel[i];
    in[1] = hashed_tensor(c, g->n + 2, shape, 2);
    shape[0] = g->cout;
    in[2] = g->bias ? hashed_tensor(c, 1, shape, 3) : NULL;
    return apply(c, g->n, g->transposed, in[0], in[1], in[2], options(g, (int)(g - golden_convs) % 2 == 0));
}

static void pytorch(void)
{
    dl_ctx *c = dl_create(.threads = 2);
    int k, i;
    for (k = 0; k < CASES; k++) {
        const golden_conv *g = &golden_convs[k];
        dl_tensor *in[3], *y, *dy;
        dl_step_begin(c);
        y = run_case(c, g, in);
        if (!CHECK_OK(c)) { printf("\n    case %d: %s", k, dl_error(c)); dl_clear_error(c); continue; }
        if (!CHECK(y->ndim == g->n + 1 + (g->batch > 0))) continue;
        for (i = 0; i < y->ndim; i++) CHECK(y->shape[i] == g->shape[i]);
        compare(g, 0, y->data, y->size);
        dy = hashed_tensor(c, y->ndim, y->shape, 4);
        CHECK(dl_backward(c, y, .grad = dy));
        for (i = 0; i < 2 + g->bias; i++) compare(g, 1 + i, in[i]->grad, in[i]->size);
    }
    dl_destroy(c);
    printf("(%d configurations) ", CASES);
}

/* --- gradients against differences ---------------------------------------------------------------------------------------- */
typedef struct { int n, transposed, bias; dl_conv_opts o; } grad_case;

static dl_tensor *grad_conv(dl_ctx *c, dl_tensor **in, void *user)
{
    const grad_case *g = (const grad_case *)user;
    return apply(c, g->n, g->transposed, in[0], in[1], g->bias ? in[2] : NULL, g->o);
}

static dl_tensor *grad_unfold(dl_ctx *c, dl_tensor **in, void *user) { (void)user; return dl_unfold(c, in[0], 3, .stride = 2, .padding = 1); }
static dl_tensor *grad_fold(dl_ctx *c, dl_tensor **in, void *user)
{ (void)user; return dl_fold(c, in[0], DL_SHAPE(5, 4), 2, .stride = 1, .padding = 1); }
static dl_tensor *grad_im2col(dl_ctx *c, dl_tensor **in, void *user) { (void)user; return dl_im2col(c, in[0], 2, .dilation = 2); }
static dl_tensor *grad_col2im(dl_ctx *c, dl_tensor **in, void *user) { (void)user; return dl_col2im(c, in[0], DL_SHAPE(2, 3, 3, 3), 2); }
static dl_tensor *grad_pad(dl_ctx *c, dl_tensor **in, void *user) { return dl_pad2d(c, in[0], 2, .mode = *(dl_padding_mode *)user); }
static dl_tensor *grad_pad_mode(dl_ctx *c, dl_tensor **in, void *user)
{
    dl_pads pads = {{0}, {0}};
    pads.before[1] = 1; pads.after[3] = 2;
    return dl_pad_mode(c, in[0], pads, *(dl_padding_mode *)user);
}
static dl_tensor *grad_convolve1d(dl_ctx *c, dl_tensor **in, void *user) { (void)user; return dl_convolve1d(c, in[0], in[1]); }
static dl_tensor *grad_convolve2d(dl_ctx *c, dl_tensor **in, void *user) { (void)user; return dl_convolve2d(c, in[0], in[1], .valid = 1); }

#ifdef DL_DOUBLE
#define GRADCHECK(c, f, n, in, data) CHECK(dl_gradcheck(c, f, n, in, .user = data))
#else
#define GRADCHECK(c, f, n, in, data) CHECK(dl_gradcheck(c, f, n, in, .user = data, .rtol = 5e-2, .atol = 2e-2))
#endif

static void gradients(void)
{
    static const int64_t x[][5] = {{2, 4, 9}, {2, 4, 5, 6}, {1, 4, 3, 4, 3}}, w[][5] = {{6, 4, 3}, {6, 4, 3, 2}, {6, 4, 2, 2, 3}};
    static const int64_t wt[][5] = {{4, 6, 3}, {4, 6, 3, 2}, {4, 6, 2, 2, 3}};
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *in[3];
    int64_t six = 6;
    int n, transposed, k;
    for (n = 1; n <= 3; n++)
        for (transposed = 0; transposed < 2; transposed++)
            for (k = 0; k < 6; k++) {
                grad_case g;
                int64_t shape[5];
                memset(&g, 0, sizeof g);
                g.n = n;
                g.transposed = transposed;
                g.bias = k % 2;
                g.o.stride = k == 1 || k == 4 ? 2 : 1;
                g.o.padding = k == 5 && transposed ? 1 : k % 3;
                g.o.dilation = k == 2 ? 2 : 1;
                g.o.groups = k == 3 || k == 4 ? 2 : 1;
                g.o.activation = k == 5 ? DL_TANH : DL_LINEAR;
                g.o.padding_mode = k == 5 && !transposed ? DL_PAD_CIRCULAR : DL_PAD_ZEROS;
                if (transposed && k == 4) g.o.output_padding = 1;
                dl_step_begin(c);
                in[0] = hashed_tensor(c, n + 2, x[n - 1], 1);
                memcpy(shape, transposed ? wt[n - 1] : w[n - 1], sizeof shape);
                shape[1] /= g.o.groups;
                in[1] = hashed_tensor(c, n + 2, shape, 2);
                in[2] = hashed_tensor(c, 1, &six, 3);
                if (!GRADCHECK(c, grad_conv, 2 + g.bias, in, &g)) printf("\n    %d axes, transposed %d, case %d: %s", n, transposed, k, dl_error(c));
                dl_clear_error(c);
            }
    {
        static const int64_t image[] = {2, 3, 5, 6}, cols[] = {2, 12, 30}, rows[] = {8, 12}, vector[] = {7}, three[] = {3}, plane[] = {4, 5}, two[] = {2, 3};
        dl_padding_mode mode;
        in[0] = hashed_tensor(c, 4, image, 1);
        GRADCHECK(c, grad_unfold, 1, in, NULL);
        GRADCHECK(c, grad_im2col, 1, in, NULL);
        for (k = 0; k < 4; k++) {
            mode = (dl_padding_mode)k;
            GRADCHECK(c, grad_pad, 1, in, &mode);
            GRADCHECK(c, grad_pad_mode, 1, in, &mode);
        }
        in[0] = hashed_tensor(c, 3, cols, 1);
        GRADCHECK(c, grad_fold, 1, in, NULL);
        in[0] = hashed_tensor(c, 2, rows, 1);
        GRADCHECK(c, grad_col2im, 1, in, NULL);
        in[0] = hashed_tensor(c, 1, vector, 1);
        in[1] = hashed_tensor(c, 1, three, 2);
        GRADCHECK(c, grad_convolve1d, 2, in, NULL);
        in[0] = hashed_tensor(c, 2, plane, 1);
        in[1] = hashed_tensor(c, 2, two, 2);
        GRADCHECK(c, grad_convolve2d, 2, in, NULL);
        CHECK_OK(c);
    }
    dl_destroy(c);
}

/* dw[k][c][r][s] = sum over n, i, j of g[n][k][i][j] x[n][c][i step + r - pad][j step + s - pad], added up over two passes: by products of
   matrices, by blocks in several parts, by transforms in several parts (two numbers of threads), from one channel. */
static void weights_from_definition(void)
{
    static const struct { int64_t x[4], w[4]; int stride, padding, groups, threads; } layers[] = {
        {{2, 130, 12, 13}, {56, 130, 1, 1}, 1, 0, 1, 2}, {{2, 3, 101, 90}, {20, 3, 7, 7}, 2, 3, 1, 3}, {{2, 4, 60, 61}, {6, 2, 5, 5}, 1, 2, 2, 2},
        {{3, 40, 47, 50}, {36, 40, 3, 3}, 1, 1, 1, 2}, {{3, 40, 47, 50}, {36, 40, 3, 3}, 1, 1, 1, 3}, {{3, 1, 40, 41}, {7, 1, 3, 3}, 1, 1, 1, 3},
        {{2, 1, 60, 61}, {20, 1, 5, 5}, 3, 2, 1, 2}, {{9, 20, 4, 5}, {11, 20, 4, 5}, 1, 0, 1, 2},
    };
    size_t l;
    for (l = 0; l < sizeof layers / sizeof *layers; l++) {
        const int64_t *xs = layers[l].x, *ws = layers[l].w;
        const int64_t step = layers[l].stride, pad = layers[l].padding, H = xs[2], W = xs[3];
        const int64_t gs[] = {xs[0], ws[0], (H + 2 * pad - ws[2]) / step + 1, (W + 2 * pad - ws[3]) / step + 1};
        dl_ctx *c = dl_create(.threads = layers[l].threads);
        dl_tensor *x = hashed_tensor(c, 4, xs, 1), *w = hashed_tensor(c, 4, ws, 2), *g = hashed_tensor(c, 4, gs, 3);
        int64_t e;
        int bad = 0, pass;
        for (pass = 0; pass < 2; pass++)
            dl_backward(c, dl_conv2d(c, x, w, NULL, .stride = (int)step, .padding = (int)pad, .groups = layers[l].groups), .grad = g);
        CHECK_OK(c);
        for (e = 0; e < w->size && !dl_error(c); e++) {
            const int64_t s = e % ws[3], r = e / ws[3] % ws[2], k = e / ws[3] / ws[2] / ws[1];
            const int64_t channel = e / ws[3] / ws[2] % ws[1] + k / (ws[0] / layers[l].groups) * ws[1];
            double sum = 0;
            int64_t n, i, j;
            for (n = 0; n < gs[0]; n++)
                for (i = 0; i < gs[2]; i++)
                    for (j = 0; j < gs[3]; j++) {
                        const int64_t h = i * step + r - pad, v = j * step + s - pad;
                        if (h >= 0 && h < H && v >= 0 && v < W)
                            sum += (double)g->data[((n * gs[1] + k) * gs[2] + i) * gs[3] + j] * (double)x->data[((n * xs[1] + channel) * H + h) * W + v];
                    }
            bad += !(fabs((double)w->grad[e] - 2 * sum) <= (sizeof(dl_real) == 4 ? 1e-4 : 1e-12));
        }
        if (!CHECK(bad == 0)) printf("\n    layer %d: %d of %d numbers", (int)l, bad, (int)w->size);
        dl_destroy(c);
    }
}

/* y = relu(b + sum over c, r, s of w[k][c][r][s] x[c][i step + r - pad][j step + s - pad]) of a single image, whose last columns, up to
   four beyond a multiple of 16, are made by dots: in one block, in several, in rows shorter than four; depthwise with steps of 2. */
static void single_image(void)
{
    static const struct { int64_t x[4], w[4]; int stride, padding, groups, threads; } layers[] = {
        {{1, 70, 7, 7}, {33, 70, 1, 1}, 1, 0, 1, 1}, {{1, 600, 14, 14}, {70, 600, 1, 1}, 1, 0, 1, 3}, {{1, 28, 14, 14}, {17, 14, 3, 3}, 2, 1, 1, 2},
        {{1, 66, 34, 41}, {20, 66, 1, 1}, 1, 0, 1, 2}, {{1, 64, 514, 2}, {13, 64, 1, 1}, 1, 0, 1, 2}, {{1, 8, 514, 2}, {13, 8, 5, 5}, 1, 2, 1, 2},
        {{1, 8, 1027, 1}, {9, 8, 3, 3}, 1, 1, 1, 3}, {{1, 140, 9, 11}, {550, 70, 1, 1}, 1, 0, 2, 2}, {{1, 70, 7, 9}, {33, 70, 7, 9}, 1, 0, 1, 2},
        {{1, 6, 30, 41}, {6, 1, 7, 5}, 2, 3, 6, 2}, {{1, 6, 29, 33}, {6, 1, 4, 6}, 2, 1, 6, 1}, {{1, 3, 40, 20}, {3, 1, 5, 5}, 2, 2, 3, 1},
        {{1, 3, 40, 35}, {3, 1, 6, 3}, 2, 1, 3, 1}, {{1, 3, 27, 38}, {3, 1, 3, 5}, 2, 1, 3, 1},
    };
    size_t l;
    for (l = 0; l < sizeof layers / sizeof *layers; l++) {
        const int64_t *xs = layers[l].x, *ws = layers[l].w, step = layers[l].stride, pad = layers[l].padding;
        const int64_t groups = xs[1] / ws[1], K = ws[0] - ws[0] % groups, shape[] = {K, ws[1], ws[2], ws[3]};
        dl_ctx *c = dl_create(.threads = layers[l].threads);
        dl_tensor *x = hashed_tensor(c, 4, xs, 1), *w = hashed_tensor(c, 4, shape, 2), *b = hashed_tensor(c, 1, &K, 3);
        dl_tensor *y = dl_conv2d(c, x, w, b, .stride = (int)step, .padding = (int)pad, .groups = (int)groups, .activation = DL_RELU);
        int64_t e, channel, r, s;
        int bad = 0;
        CHECK_OK(c);
        for (e = 0; e < y->size && !dl_error(c); e++) {
            const int64_t j = e % y->shape[3], i = e / y->shape[3] % y->shape[2], k = e / y->shape[3] / y->shape[2];
            double sum = (double)b->data[k], size = 1;
            for (channel = 0; channel < ws[1]; channel++)
                for (r = 0; r < ws[2]; r++)
                    for (s = 0; s < ws[3]; s++) {
                        const int64_t h = i * step + r - pad, v = j * step + s - pad;
                        const double tap = (double)w->data[((k * ws[1] + channel) * ws[2] + r) * ws[3] + s];
                        if (h < 0 || h >= xs[2] || v < 0 || v >= xs[3]) continue;
                        sum += tap * (double)x->data[((k / (K / groups) * ws[1] + channel) * xs[2] + h) * xs[3] + v];
                        size += fabs(tap);
                    }
            bad += !(fabs((double)y->data[e] - (sum > 0 ? sum : 0)) <= size * (sizeof(dl_real) == 4 ? 1e-6 : 1e-15));
        }
        if (!CHECK(bad == 0)) printf("\n    layer %d: %d of %d numbers", (int)l, bad, (int)y->size);
        dl_destroy(c);
    }
}

/* dx[c][h][v] = sum over k, r, s of w[k][c][r][s] g[k][i][j] with h = i step + r dilation - pad, added up over two passes, and the transposed
   convolution, which is the same with bias and activation.  To images of few channels: some rows at a time, more or fewer than a window
   sees, by several threads; strides longer than the kernel, than the image; groups.  To others, whose phases take turns: some images at a
   time, some groups; phases without a tap.  Depthwise with steps of 2.  From one position: products. */
static void data_from_definition(void)
{
    static const struct { int64_t x[4], w[4]; int stride, padding, dilation, groups, threads; } layers[] = {
        {{2, 3, 47, 51}, {20, 3, 11, 11}, 4, 2, 1, 1, 1}, {{1, 3, 64, 400}, {24, 3, 7, 7}, 2, 3, 1, 1, 3}, {{3, 8, 19, 17}, {33, 8, 3, 3}, 1, 1, 2, 1, 2},
        {{2, 4, 20, 23}, {32, 2, 5, 5}, 2, 0, 1, 2, 5}, {{2, 2, 31, 29}, {16, 2, 2, 3}, 5, 1, 1, 1, 1}, {{1, 1, 40, 2}, {17, 1, 3, 2}, 3, 1, 2, 1, 4},
        {{1, 2, 90, 600}, {16, 2, 9, 3}, 1, 4, 10, 1, 1}, {{2, 5, 12, 13}, {270, 5, 3, 3}, 2, 1, 1, 1, 1},
        {{2, 3, 9, 8}, {16, 3, 3, 3}, 1 << 30, 0, 1, 1, 2},
        {{5, 12, 122, 123}, {17, 12, 3, 3}, 2, 1, 1, 1, 2}, {{2, 40, 150, 151}, {40, 1, 3, 3}, 3, 1, 1, 40, 3}, {{3, 9, 33, 35}, {20, 9, 1, 1}, 2, 0, 1, 1, 2},
        {{3, 10, 22, 25}, {17, 10, 4, 3}, 4, 1, 1, 1, 1}, {{2, 20, 31, 17}, {6, 10, 3, 3}, 3, 2, 2, 2, 3},
        {{3, 5, 33, 70}, {5, 1, 3, 3}, 2, 1, 1, 5, 2}, {{2, 3, 20, 65}, {3, 1, 5, 4}, 2, 2, 1, 3, 1}, {{1, 4, 31, 40}, {4, 1, 3, 3}, 2, 3, 3, 4, 1},
        {{2, 4, 31, 34}, {4, 1, 3, 5}, 2, 4, 2, 4, 3}, {{2, 3, 9, 1}, {3, 1, 3, 1}, 2, 0, 1, 3, 1}, {{2, 3, 64, 96}, {3, 1, 1, 1}, 2, 0, 1, 3, 1},
        {{19, 21, 1, 1}, {35, 21, 1, 1}, 1, 0, 1, 1, 2}, {{7, 30, 4, 5}, {24, 30, 4, 5}, 1, 0, 1, 1, 2},
    };
    size_t l;
    for (l = 0; l < sizeof layers / sizeof *layers; l++) {
        const int64_t *xs = layers[l].x, *ws = layers[l].w, H = xs[2], W = xs[3];
        const int64_t step = layers[l].stride, pad = layers[l].padding, d = layers[l].dilation, groups = layers[l].groups;
        const int64_t gs[] = {xs[0], ws[0], (H + 2 * pad - d * (ws[2] - 1) - 1) / step + 1, (W + 2 * pad - d * (ws[3] - 1) - 1) / step + 1};
        dl_ctx *c = dl_create(.threads = layers[l].threads);
        dl_tensor *x = hashed_tensor(c, 4, xs, 1), *w = hashed_tensor(c, 4, ws, 2), *g = hashed_tensor(c, 4, gs, 3), *b = hashed_tensor(c, 1, xs + 1, 5), *y;
        int64_t e;
        int bad = 0, pass;
        for (pass = 0; pass < 2; pass++)
            dl_backward(c, dl_conv2d(c, x, w, NULL, .stride = (int)step, .padding = (int)pad, .dilation = (int)d, .groups = (int)groups), .grad = g);
        y = dl_conv_transpose2d(c, g, w, b, .stride = (int)step, .padding = (int)pad, .dilation = (int)d, .groups = (int)groups, .activation = DL_RELU,
            .output_paddings = {(int)(H - (gs[2] - 1) * step + 2 * pad - d * (ws[2] - 1) - 1), (int)(W - (gs[3] - 1) * step + 2 * pad - d * (ws[3] - 1) - 1)});
        if (!CHECK_OK(c)) printf("\n    layer %d: %s", (int)l, dl_error(c));
        for (e = 0; e < x->size && !dl_error(c); e++) {
            const int64_t v = e % W, h = e / W % H, channel = e / W / H % xs[1], n = e / W / H / xs[1], group = channel / ws[1];
            double sum = 0, out, tol;
            int64_t k, r, s;
            for (r = 0; r < ws[2]; r++)
                for (s = 0; s < ws[3]; s++) {
                    const int64_t i = h + pad - r * d, j = v + pad - s * d;
                    if (i < 0 || i % step || i / step >= gs[2] || j < 0 || j % step || j / step >= gs[3]) continue;
                    for (k = group * ws[0] / groups; k < (group + 1) * ws[0] / groups; k++)
                        sum += (double)w->data[((k * ws[1] + channel % ws[1]) * ws[2] + r) * ws[3] + s] *
                               (double)g->data[((n * ws[0] + k) * gs[2] + i / step) * gs[3] + j / step];
                }
            out = sum + (double)b->data[channel];
            tol = (1 + fabs(sum)) * (sizeof(dl_real) == 4 ? 2e-5 : 1e-13);
            bad += !(fabs((double)x->grad[e] - 2 * sum) <= tol) + !(fabs((double)y->data[e] - (out > 0 ? out : 0)) <= tol);
        }
        if (!CHECK(bad == 0)) printf("\n    layer %d: %d of %d numbers", (int)l, bad, (int)x->size);
        dl_destroy(c);
    }
}

/* --- same bits -------------------------------------------------------------------------------------------------------------- */
static uint64_t add_bits(uint64_t hash, const dl_real *x, int64_t n)
{
    const unsigned char *p = (const unsigned char *)x;
    int64_t i;
    for (i = 0; i < n * (int64_t)sizeof *x; i++) hash = (hash ^ p[i]) * 0x100000001b3u;
    return hash;
}

/* One layer large enough for all threads: values and all gradients, the one of x added to. */
static uint64_t bits_of(dl_ctx *c, const int64_t *xs, const int64_t *ws, int transposed, dl_conv_opts o)
{
    int64_t K = transposed ? ws[1] * (o.groups ? o.groups : 1) : ws[0];
    dl_tensor *x = hashed_tensor(c, 4, xs, 1), *w = hashed_tensor(c, 4, ws, 2), *b = hashed_tensor(c, 1, &K, 3), *y, *g;
    uint64_t hash = 0xcbf29ce484222325u;
    int i;
    for (i = 0; i < 2; i++) {
        y = apply(c, 2, transposed, x, w, b, o);
        if (!CHECK_OK(c)) { printf("\n    %s", dl_error(c)); return 0; }
        g = hashed_tensor(c, 4, y->shape, 4);
        dl_backward(c, y, .grad = g);
    }
    hash = add_bits(hash, y->data, y->size);
    hash = add_bits(hash, x->grad, x->size);
    hash = add_bits(hash, w->grad, w->size);
    return add_bits(hash, b->grad, b->size);
}

#ifdef __SANITIZE_ADDRESS__
enum { LEFT_OUT = 1 };                                   /* layers, the last ones: slow */
#else
enum { LEFT_OUT = 0 };
#endif

static void same_bits(void)
{
    static const struct { int64_t x[4], w[4]; int transposed, stride, padding, dilation, groups; } layers[] = {
        {{3, 40, 17, 19}, {37, 40, 3, 3}, 0, 1, 1, 1, 1}, {{2, 3, 61, 67}, {33, 3, 7, 7}, 0, 2, 3, 1, 1}, {{8, 96, 7, 7}, {70, 96, 3, 3}, 0, 1, 1, 1, 1},
        {{4, 256, 14, 14}, {24, 256, 1, 1}, 0, 1, 0, 1, 1}, {{4, 24, 29, 31}, {48, 12, 3, 3}, 0, 2, 1, 1, 2}, {{5, 33, 28, 28}, {33, 1, 3, 3}, 0, 1, 1, 1, 33},
        {{5, 33, 27, 28}, {66, 1, 5, 5}, 0, 2, 2, 1, 33}, {{2, 16, 33, 30}, {20, 16, 3, 3}, 0, 1, 2, 2, 1}, {{3, 24, 13, 14}, {24, 17, 4, 4}, 1, 2, 1, 1, 1},
        {{3, 1, 28, 28}, {600, 1, 3, 3}, 0, 1, 1, 1, 1}, {{1, 600, 5, 5}, {7, 600, 3, 3}, 0, 1, 1, 1, 1}, {{2, 3, 160, 90}, {17, 3, 7, 7}, 0, 2, 3, 1, 1},
        {{1, 140, 14, 14}, {66, 70, 1, 1}, 0, 1, 0, 1, 2}, {{1, 70, 34, 41}, {150, 70, 1, 1}, 0, 1, 0, 1, 1}, {{1, 8, 514, 2}, {24, 8, 5, 5}, 0, 1, 2, 1, 1},
        {{1, 600, 14, 14}, {24, 600, 3, 3}, 0, 2, 1, 1, 1}, {{1, 64, 1027, 1}, {70, 64, 1, 1}, 0, 1, 0, 1, 1},
        {{2, 3, 95, 99}, {40, 3, 11, 11}, 0, 4, 2, 1, 1}, {{1, 48, 30, 41}, {48, 2, 4, 4}, 1, 2, 1, 1, 2},
        {{2, 1, 40, 161}, {33, 1, 2, 9}, 0, 4, 1, 1, 1},
        {{3, 33, 29, 71}, {33, 1, 3, 3}, 0, 2, 1, 1, 33}, {{3, 33, 29, 41}, {33, 1, 5, 4}, 0, 2, 2, 1, 33}, {{3, 17, 29, 41}, {17, 1, 4, 3}, 0, 2, 1, 1, 17},
        {{3, 17, 29, 41}, {17, 1, 7, 7}, 0, 2, 3, 1, 17}, {{3, 30, 97, 98}, {20, 30, 3, 3}, 0, 2, 1, 1, 1}, {{33, 100, 1, 1}, {100, 70, 4, 4}, 1, 1, 0, 1, 1}, {{33, 70, 4, 4}, {100, 70, 4, 4}, 0, 1, 0, 1, 1},
        {{2, 100, 56, 57}, {70, 100, 3, 3}, 0, 1, 1, 1, 1},
    };
    size_t k;
    int i, threads;
    for (k = 0; k < sizeof layers / sizeof *layers - LEFT_OUT; k++) {
        uint64_t first = 0;
        for (i = 0; test_isa(i); i++)
            for (threads = 1; threads <= 5; threads += i ? 1 : 4) {
                dl_ctx *c = dl_create(.isa = test_isa(i), .threads = threads);
                dl_conv_opts o;
                uint64_t hash;
                if (dl_error(c)) { dl_destroy(c); continue; }        /* this machine has no such instruction set */
                memset(&o, 0, sizeof o);
                o.stride = layers[k].stride; o.padding = layers[k].padding; o.dilation = layers[k].dilation; o.groups = layers[k].groups;
                o.activation = k % 3 == 0 ? DL_SIGMOID : k % 3 == 1 ? DL_RELU : DL_RELU6;
                hash = bits_of(c, layers[k].x, layers[k].w, layers[k].transposed, o);
                if (!first) first = hash;
                if (!CHECK(hash == first)) printf("\n    layer %d differs with %s and %d threads", (int)k, test_isa(i), threads);
                dl_destroy(c);
            }
    }
}

/* Nothing behind a tensor is read: the image, the weights and the result's gradient end where a page does that nobody may touch. */
#if defined __unix__ || defined __APPLE__
#include <sys/mman.h>
#include <unistd.h>

static int at_end_of_page(dl_tensor *t)                  /* gives the data a place of its own; is never freed */
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE), bytes = (size_t)t->size * sizeof *t->data, room = (bytes + page - 1) / page * page;
    char *p = (char *)mmap(NULL, room + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == (char *)MAP_FAILED || mprotect(p + room, page, PROT_NONE)) return 0;
    t->data = (dl_real *)memcpy(p + room - bytes, t->data, bytes);
    return 1;
}

static void ends_of_memory(void)
{
    static const struct { int64_t x[4], w[4]; int transposed, stride, padding, dilation, groups; } layers[] = {
        {{1, 3, 7, 7}, {5, 3, 1, 1}, 0, 1, 0, 1, 1}, {{2, 16, 5, 5}, {16, 16, 1, 1}, 0, 1, 0, 1, 1}, {{3, 64, 14, 13}, {32, 64, 1, 1}, 0, 1, 0, 1, 1},
        {{1, 24, 9, 9}, {24, 24, 1, 1}, 0, 2, 0, 1, 1}, {{1, 16, 15, 15}, {16, 8, 1, 1}, 0, 1, 0, 1, 2}, {{2, 8, 11, 11}, {8, 8, 3, 3}, 0, 1, 0, 1, 1},
        {{2, 32, 13, 13}, {32, 32, 3, 3}, 0, 1, 1, 1, 1}, {{2, 8, 13, 13}, {8, 8, 3, 3}, 0, 2, 1, 1, 1}, {{1, 3, 31, 31}, {8, 3, 7, 7}, 0, 2, 3, 1, 1},
        {{1, 3, 47, 47}, {8, 3, 11, 11}, 0, 4, 2, 1, 1}, {{2, 5, 7, 7}, {5, 1, 3, 3}, 0, 1, 1, 1, 5}, {{2, 5, 17, 17}, {5, 1, 3, 3}, 0, 2, 1, 1, 5},
        {{2, 3, 19, 21}, {3, 1, 5, 5}, 0, 1, 2, 1, 3}, {{2, 3, 19, 21}, {6, 1, 3, 3}, 0, 1, 2, 2, 3}, {{2, 9, 5, 5}, {9, 4, 3, 3}, 1, 2, 1, 1, 1},
        {{2, 9, 5, 5}, {9, 4, 1, 1}, 1, 1, 0, 1, 1}, {{4, 2, 1, 3}, {5, 2, 1, 1}, 0, 1, 0, 1, 1}, {{9, 5, 1, 1}, {4, 5, 1, 1}, 0, 1, 0, 1, 1},
        {{7, 1, 2, 2}, {3, 1, 1, 1}, 0, 1, 0, 1, 1}, {{40, 1, 1, 1}, {3, 1, 1, 1}, 0, 1, 0, 1, 1}, {{12, 3, 1, 5}, {2, 3, 1, 1}, 0, 1, 0, 1, 1},
        {{2, 129, 12, 11}, {60, 129, 1, 1}, 0, 1, 0, 1, 1},
    };
    size_t k;
    int i;
    for (i = 0; test_isa(i); i++)
        for (k = 0; k < sizeof layers / sizeof *layers; k++) {
            dl_ctx *c = dl_create(.isa = test_isa(i), .threads = 1);
            dl_tensor *x, *w, *y, *g;
            if (dl_error(c)) { dl_destroy(c); continue; }            /* this machine has no such instruction set */
            x = hashed_tensor(c, 4, layers[k].x, 1);
            w = hashed_tensor(c, 4, layers[k].w, 2);
            if (!CHECK(at_end_of_page(x) && at_end_of_page(w))) { dl_destroy(c); return; }
            if (layers[k].transposed)
                y = dl_conv_transpose2d(c, x, w, NULL, .stride = layers[k].stride, .padding = layers[k].padding);
            else
                y = dl_conv2d(c, x, w, NULL, .stride = layers[k].stride, .padding = layers[k].padding, .dilation = layers[k].dilation,
                              .groups = layers[k].groups);
            if (CHECK_OK(c)) {
                g = hashed_tensor(c, 4, y->shape, 3);
                CHECK(at_end_of_page(g));
                dl_backward(c, y, .grad = g);
                CHECK_OK(c);
            }
            dl_destroy(c);
        }
}
#else
static void ends_of_memory(void) { SKIP("no mmap"); }
#endif

/* The fused activation does what the separate one does. */
static void fused_activation(void)
{
    static const int64_t xs[] = {2, 6, 9, 9}, ws[] = {6, 6, 3, 3}, depthwise[] = {6, 1, 3, 3};
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = hashed_tensor(c, 4, xs, 1), *w[2], *y, *z;
    int deep, stride, f;
    w[0] = dl_mul_scalar(c, hashed_tensor(c, 4, ws, 2), 4);
    w[1] = dl_mul_scalar(c, hashed_tensor(c, 4, depthwise, 2), 8);
    dl_requires_grad(c, x, 1);
    for (deep = 0; deep < 2; deep++)
        for (stride = 1; stride <= 2; stride++)
            for (f = DL_RELU; f <= DL_RELU6; f++) {
                dl_real dx[2 * 6 * 81];
                z = dl_conv2d(c, x, w[deep], NULL, .stride = stride, .groups = deep ? 6 : 1, .activation = (dl_activation)f);
                y = dl_conv2d(c, x, w[deep], NULL, .stride = stride, .groups = deep ? 6 : 1);
                y = f == DL_RELU ? dl_relu(c, y) : f == DL_RELU6 ? dl_relu6(c, y) : f == DL_SIGMOID ? dl_sigmoid(c, y) : dl_tanh(c, y);
                CHECK(!memcmp(y->data, z->data, (size_t)y->size * sizeof *y->data));
                dl_backward(c, dl_sum(c, dl_square(c, z)));
                memcpy(dx, x->grad, sizeof dx);
                dl_zero_grad(x);
                dl_backward(c, dl_sum(c, dl_square(c, y)));
                CHECK(!memcmp(dx, x->grad, sizeof dx));
                dl_zero_grad(x);
                CHECK(f != DL_RELU6 || (dl_item(dl_max(c, y)) == 6 && dl_item(dl_min(c, y)) == 0));
            }
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- bad input --------------------------------------------------------------------------------------------------------------- */
/* The result of a convolution without N has its channels where a batch norm looks for samples: never folded. */
static void norm_of_another_axis(void)
{
    dl_ctx *c = dl_create(.threads = 1, .seed = 2);
    dl_module *conv = dl_nn_conv2d(c, 3, 5, 1), *norm = dl_nn_batchnorm1d(c, 5);
    dl_tensor *x = dl_randn(c, DL_SHAPE(3, 5, 2)), *y, *z;
    int i;
    for (i = 0; i < 5; i++) dl_module_get(c, norm, "running_mean")->data[i] = (dl_real)i;
    y = dl_conv_bn_forward(c, conv, norm, x);
    dl_set_grad_enabled(c, 0);
    z = dl_conv_bn_forward(c, conv, norm, x);
    CHECK(y->size == 50 && z->size == 50);
    for (i = 0; i < 50; i++) CHECK_NEAR(y->data[i], z->data[i], 1e-5);
    CHECK_OK(c);
    dl_destroy(c);
}

static void bad_input(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = dl_keep(c, dl_ones(c, DL_SHAPE(2, 4, 5, 6))), *w = dl_keep(c, dl_ones(c, DL_SHAPE(6, 4, 3, 3)));
    dl_tensor *b = dl_keep(c, dl_ones(c, DL_SHAPE(6))), *v = dl_keep(c, dl_ones(c, DL_SHAPE(3))), *i = dl_keep(c, dl_to_int(c, v));
    dl_tensor *big = dl_keep(c, dl_ones(c, DL_SHAPE(6, 4, 7, 3)));
    dl_pads pads = {{0, 0, 5, 0}, {0}};
    dl_conv2d(c, x, big, b);                                    CHECK_ERROR(c, "conv2d: (2,4,5,6) with weight (6,4,7,3): the kernel spans 7 along axis 0, the padded input has 5");
    dl_conv2d(c, x, w, b, .dilation = 3);                       CHECK_ERROR(c, "the kernel spans 7");
    dl_conv2d(c, x, w, b, .dilation = INT32_MAX);               CHECK_ERROR(c, "the kernel spans 4294967295");
    dl_conv2d(c, x, w, b, .stride = DL_ZERO);                   CHECK_ERROR(c, "conv2d: stride 0");
    dl_conv2d(c, x, w, b, .stride = -1);                        CHECK_ERROR(c, "conv2d: stride -1");
    dl_conv2d(c, x, w, b, .strides = {0, -2});                  CHECK_ERROR(c, "stride -2");
    dl_conv2d(c, x, w, b, .padding = -1);                       CHECK_ERROR(c, "padding -1 and -1");
    dl_conv2d(c, x, w, b, .padding_end = {0, -3});              CHECK_ERROR(c, "padding 0 and -3");
    dl_conv2d(c, x, w, b, .dilation = -1);                      CHECK_ERROR(c, "dilation -1");
    dl_conv2d(c, x, w, b, .groups = 3);                         CHECK_ERROR(c, "3 groups do not divide");
    dl_conv2d(c, x, w, b, .groups = -1);                        CHECK_ERROR(c, "-1 groups");
    dl_conv2d(c, x, w, b, .groups = 2);                         CHECK_ERROR(c, "4 channels in 2 groups, expected 8");
    dl_conv2d(c, x, w, b, .no_bias = 1);                        CHECK_ERROR(c, "no_bias and kernels are for modules");
    dl_conv2d(c, x, w, b, .kernels = {5, 5});                   CHECK_ERROR(c, "no_bias and kernels are for modules");
    dl_unfold(c, x, 3, .output_paddings = {1, 1});              CHECK_ERROR(c, "unfold: it has no groups");
    dl_unfold(c, x, 3, .groups = 2);                            CHECK_ERROR(c, "unfold: it has no groups");
    dl_fold(c, dl_ones(c, DL_SHAPE(1, 9, 9)), DL_SHAPE(1, 1, 5, 5), 3);   CHECK_ERROR(c, "fold: a size of 4 axes, expected {H, W}");
    dl_conv2d(c, w, x, NULL);                                   CHECK_ERROR(c, "conv2d: (6,4,3,3) with weight (2,4,5,6): the kernel spans 5 along axis 0, the padded input has 3");
    dl_conv2d(c, w, w, v);                                      CHECK_ERROR(c, "conv2d: bias (3) with weight (6,4,3,3), expected (6)");
    dl_conv1d(c, x, w, b);                                      CHECK_ERROR(c, "conv1d: (2,4,5,6) with weight (6,4,3,3), expected 2 or 3 axes");
    dl_conv3d(c, x, w, b);                                      CHECK_ERROR(c, "conv3d:");
    dl_conv2d(c, v, w, b);                                      CHECK_ERROR(c, "conv2d: (3) with weight");
    dl_conv2d(c, NULL, w, b);                                   CHECK_ERROR(c, "conv2d: x is NULL");
    dl_conv2d(c, x, NULL, b);                                   CHECK_ERROR(c, "conv2d: weight is NULL");
    dl_conv2d(c, i, w, b);                                      CHECK_ERROR(c, "int32");
    dl_conv2d(c, x, w, b, .padding_mode = (dl_padding_mode)9);  CHECK_ERROR(c, "padding_mode is 9, expected 0 to 3 (DL_PAD_CIRCULAR)");
    dl_conv2d(c, x, w, b, .activation = (dl_activation)9);      CHECK_ERROR(c, "activation is 9, expected 0 to 4 (DL_RELU6)");
    dl_conv2d(c, x, w, b, .same = 1, .stride = 2);              CHECK_ERROR(c, "same padding needs stride 1");
    dl_conv2d(c, x, w, b, .output_padding = 1);                 CHECK_ERROR(c, "output_padding 1");
    dl_conv2d(c, x, w, b, .padding = 5, .padding_mode = DL_PAD_REFLECT); CHECK_ERROR(c, "at most 4");
    dl_conv2d(c, x, w, b, .padding = INT32_MAX);                CHECK_ERROR(c, "too large");
    dl_conv_transpose2d(c, x, w, b);                            CHECK_ERROR(c, "conv_transpose2d: (2,4,5,6) with weight (6,4,3,3)");
    dl_conv_transpose2d(c, w, w, v, .stride = INT32_MAX);       CHECK_ERROR(c, "conv_transpose2d");
    dl_conv_transpose2d(c, x, dl_ones(c, DL_SHAPE(4, 6, 3, 3)), NULL, .stride = INT32_MAX); CHECK_ERROR(c, "too large");
    dl_conv_transpose2d(c, x, dl_ones(c, DL_SHAPE(4, 6, 3, 3)), NULL, .padding = 9);        CHECK_ERROR(c, "padding 9 and 9 along axis 0 leaves -11");
    dl_conv_transpose2d(c, x, dl_ones(c, DL_SHAPE(4, 6, 3, 3)), NULL, .output_padding = 1); CHECK_ERROR(c, "output_padding 1");
    dl_conv_transpose2d(c, x, dl_ones(c, DL_SHAPE(4, 6, 3, 3)), NULL, .padding_mode = DL_PAD_CIRCULAR); CHECK_ERROR(c, "only zeros");
    dl_conv_transpose1d(c, x, w, NULL);                         CHECK_ERROR(c, "conv_transpose1d");
    dl_conv_transpose3d(c, x, w, NULL);                         CHECK_ERROR(c, "conv_transpose3d");
    dl_unfold(c, x, 6);                                         CHECK_ERROR(c, "unfold: the kernel spans 6 along axis 0, the padded input has 5");
    dl_unfold(c, x, 0);                                         CHECK_ERROR(c, "unfold: a kernel of 0");
    dl_unfold(c, x, INT64_MAX);                                 CHECK_ERROR(c, "unfold:");
    dl_unfold(c, v, 1);                                         CHECK_ERROR(c, "unfold: (3)");
    dl_im2col(c, v, 1);                                         CHECK_ERROR(c, "im2col: (3)");
    dl_fold(c, x, DL_SHAPE(3, 3), 2);                           CHECK_ERROR(c, "fold: (2,4,5,6)");
    dl_fold(c, dl_ones(c, DL_SHAPE(1, 5, 4)), DL_SHAPE(3, 3), 2); CHECK_ERROR(c, "fold: (1,5,4), expected a multiple of 2 x 2 rows and 2 x 2 windows");
    dl_fold(c, dl_ones(c, DL_SHAPE(1, 4, 4)), DL_SHAPE(0), 2);  CHECK_ERROR(c, "fold:");
    dl_col2im(c, v, DL_SHAPE(1, 1, 2, 2), 1);                   CHECK_ERROR(c, "col2im: (3)");
    dl_col2im(c, dl_ones(c, DL_SHAPE(4, 4)), DL_SHAPE(1, 3, 3, 3), 2); CHECK_ERROR(c, "col2im");
    dl_pad_mode(c, x, pads, DL_PAD_REFLECT);                    CHECK_ERROR(c, "pad_mode: 5 and 0 at axis 2 of (2,4,5,6), expected at most 4");
    dl_pad_mode(c, x, pads, (dl_padding_mode)7);                CHECK_ERROR(c, "mode is 7");
    pads.before[1] = pads.after[1] = INT64_MAX;
    dl_pad_mode(c, x, pads, DL_PAD_REPLICATE);                  CHECK_ERROR(c, "pad_mode: 9223372036854775807 and 9223372036854775807 at axis 1");
    dl_pad2d(c, v, 1);                                          CHECK_ERROR(c, "pad2d: (3)");
    dl_pad2d(c, x, -1);                                         CHECK_ERROR(c, "pad");
    dl_convolve1d(c, x, v);                                     CHECK_ERROR(c, "convolve1d: (2,4,5,6) with kernel (3)");
    dl_convolve2d(c, v, v);                                     CHECK_ERROR(c, "convolve2d");
    CHECK(dl_conv_out_size(3, 4, 1, 0, 1) == 0);
    CHECK(dl_conv_out_size(3, INT64_MAX, 1, 0, INT64_MAX) == 0);
    CHECK(dl_conv_out_size(INT64_MAX, 1, 1, INT64_MAX, 1) == 0);
    CHECK(dl_receptive_field(2, NULL, NULL) == 1);
    dl_nn_conv2d(c, 3, 8, 0);                                   CHECK_ERROR(c, "a kernel of 0");
    dl_nn_conv2d(c, 3, 8, 3, .groups = 2);                      CHECK_ERROR(c, "nn_conv2d: 2 groups of 3 and 8 channels");
    dl_nn_conv2d(c, 0, 8, 3);                                   CHECK_ERROR(c, "nn_conv2d");
    dl_nn_conv3d(c, 1, 1, INT64_MAX);                           CHECK_ERROR(c, "conv3d");
    dl_forward(c, dl_nn_conv2d(c, 3, 8, 3), x);                 CHECK_ERROR(c, "conv2d: (2,4,5,6) with weight (8,3,3,3)");
    CHECK(dl_is_nil(dl_conv2d(NULL, x, w, b)));
    CHECK(dl_is_nil(dl_unfold(NULL, x, 1)));
    CHECK(dl_nn_conv1d(NULL, 1, 1, 1) != NULL);
    dl_destroy(c);
}

/* --- the curriculum ---------------------------------------------------------------------------------------------------------- */
static const dl_real input5[] = {3,3,2,1,0, 0,0,1,3,1, 3,1,2,2,3, 2,0,0,2,2, 2,0,0,0,1}, kernel3[] = {0,1,2, 2,2,0, 0,1,2};

static void values(dl_tensor *x, int64_t n, const double *wanted)
{
    int64_t i;
    if (!CHECK(!dl_is_nil(x) && x->size == n)) return;
    for (i = 0; i < n; i++) CHECK_NEAR(x->data[i], wanted[i], 1e-5);
}
#define VALUES(x, ...) do { static const double v_[] = {__VA_ARGS__}; values(x, (int64_t)(sizeof v_ / sizeof *v_), v_); } while (0)
static dl_tensor *as_grad(dl_ctx *c, dl_tensor *x)
{
    dl_shape s = DL_SHAPE(0);
    s.d[0] = x->size;
    return dl_tensor_from(c, x->grad, s);
}

static void conv_5x5(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = dl_tensor_from(c, input5, DL_SHAPE(1, 1, 5, 5)), *w = dl_tensor_from(c, kernel3, DL_SHAPE(1, 1, 3, 3));
    dl_tensor *b = dl_zeros(c, DL_SHAPE(1)), *y;
    ROW("CONV-04"); ROW("CONV-06"); ROW("CONV-07"); ROW("CONV-08"); ROW("CONV-16"); ROW("CONV-19"); ROW("CONV-31");
    dl_requires_grad(c, x, 1); dl_requires_grad(c, w, 1); dl_requires_grad(c, b, 1);
    y = dl_conv2d(c, x, w, b);
    VALUES(y, 12, 12, 17, 10, 17, 19, 9, 6, 14);
    dl_backward(c, y, .grad = dl_ones(c, DL_SHAPE(1, 1, 3, 3)));
    VALUES(as_grad(c, w), 15, 15, 15, 9, 11, 16, 10, 7, 12);
    VALUES(as_grad(c, b), 9);
    VALUES(as_grad(c, x), 0, 1, 3, 3, 2, 2, 5, 7, 5, 2, 2, 6, 10, 8, 4, 2, 5, 7, 5, 2, 0, 1, 3, 3, 2);
    VALUES(dl_conv2d(c, x, w, NULL, .stride = 2), 12, 17, 9, 14);
    VALUES(dl_conv2d(c, x, w, NULL, .stride = 2, .padding = 1), 6, 17, 3, 8, 17, 13, 6, 4, 4);
    VALUES(dl_conv2d(c, x, w, NULL, .dilation = 2), 14);
    VALUES(dl_conv2d(c, x, w, NULL, .padding = 1), 6, 14, 17, 11, 3, 14, 12, 12, 17, 11, 8, 10, 17, 19, 13, 11, 9, 6, 14, 12, 6, 4, 4, 6, 4);
    VALUES(dl_conv2d(c, dl_pad2d(c, x, 1), w, NULL), 6, 14, 17, 11, 3, 14, 12, 12, 17, 11, 8, 10, 17, 19, 13, 11, 9, 6, 14, 12, 6, 4, 4, 6, 4);
    y = dl_reshape(c, dl_conv2d(c, x, w, NULL, .padding = 2), DL_SHAPE(7, 7));
    VALUES(dl_slice(c, y, 0, 0, 1), 6, 9, 7, 4, 1, 0, 0);
    VALUES(dl_slice(c, y, 0, 6, 7), 4, 2, 0, 0, 2, 1, 0);
    b->data[0] = 100;                                          /* the multiply-adds, then the bias */
    VALUES(dl_conv2d(c, x, w, b), 112, 112, 117, 110, 117, 119, 109, 106, 114);
    CHECK_OK(c);
    dl_destroy(c);
}

static void convolution(void)
{
    static const dl_real a[] = {1, 2, 3}, k[] = {0, 1, .5f};
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = dl_tensor_from(c, input5, DL_SHAPE(5, 5)), *w = dl_tensor_from(c, kernel3, DL_SHAPE(3, 3)), *y;
    ROW("CONV-02"); ROW("CONV-03");
    VALUES(dl_convolve1d(c, dl_tensor_from(c, a, DL_SHAPE(3)), dl_tensor_from(c, k, DL_SHAPE(3))), 0, 1, 2.5, 4, 1.5);
    VALUES(dl_convolve1d(c, dl_tensor_from(c, k, DL_SHAPE(3)), dl_tensor_from(c, a, DL_SHAPE(3))), 0, 1, 2.5, 4, 1.5);     /* commutes */
    VALUES(dl_convolve2d(c, x, w, .valid = 1), 18, 20, 19, 10, 9, 17, 11, 8, 14);
    y = dl_convolve2d(c, x, w);
    CHECK(y->ndim == 2 && y->shape[0] == 7 && y->shape[1] == 7);
    VALUES(dl_slice(c, dl_slice(c, y, 0, 2, 5), 1, 2, 5), 18, 20, 19, 10, 9, 17, 11, 8, 14);
    CHECK_OK(c);
    dl_destroy(c);
}

static void sizes(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *y;
    ROW("CONV-09"); ROW("CONV-10"); ROW("CONV-11"); ROW("CONV-35"); ROW("CONV-36"); ROW("CONV-37");
    CHECK(dl_conv_out_size(5, 4, 1, 2, 1) == 6);
    CHECK(dl_conv_out_size(5, 3, 2, 1, 1) == 3);
    CHECK(dl_conv_out_size(5, 3, 1, 1, 1) == 5);
    CHECK(dl_conv_out_size(28, 5, 1, 2, 1) == 28);
    CHECK(dl_conv_out_size(7, 3, 1, 0, 2) == 3);
    y = dl_conv2d(c, dl_ones(c, DL_SHAPE(1, 5, 5)), dl_ones(c, DL_SHAPE(1, 1, 4, 4)), NULL, .padding = 2);
    CHECK(y->shape[1] == 6 && y->shape[2] == 6);
    y = dl_conv2d(c, dl_ones(c, DL_SHAPE(3, 32, 32)), dl_ones(c, DL_SHAPE(4, 3, 5, 5)), dl_zeros(c, DL_SHAPE(4)));
    CHECK(y->ndim == 3 && y->shape[0] == 4 && y->shape[1] == 28 && y->shape[2] == 28);
    CHECK_NEAR(y->data[0], 75, 0);                             /* 5 x 5 x 3 weights */
    y = dl_conv2d(c, y, dl_ones(c, DL_SHAPE(10, 4, 5, 5)), NULL);
    CHECK(y->shape[0] == 10 && y->shape[1] == 24 && y->shape[2] == 24);
    dl_conv2d(c, dl_ones(c, DL_SHAPE(3, 8, 8)), dl_ones(c, DL_SHAPE(1, 4, 3, 3)), NULL);        /* the depths must be equal */
    CHECK_ERROR(c, "conv2d: (3,8,8) with weight (1,4,3,3): 3 channels in 1 groups, expected 4");
    {                                                          /* a stack keeps the image an image; the kernels are as deep as what comes */
        dl_module *net = dl_nn_sequential(c, dl_nn_conv2d(c, 3, 4, 5), dl_nn_relu(c), dl_nn_conv2d(c, 4, 10, 5));
        y = dl_forward(c, net, dl_ones(c, DL_SHAPE(2, 3, 32, 32)));
        CHECK(y->ndim == 4 && y->shape[0] == 2 && y->shape[1] == 10 && y->shape[2] == 24 && y->shape[3] == 24);
        CHECK(dl_module_get(c, net, "2.weight")->shape[1] == 4);
        y = dl_forward(c, dl_nn_conv2d(c, 1, 1, 3, .padding = 1), dl_ones(c, DL_SHAPE(1, 28, 28)));
        CHECK(y->ndim == 3 && y->shape[1] == 28 && y->shape[2] == 28);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static int64_t count(dl_ctx *c, int64_t in, int64_t out, int64_t kernel, int no_bias)
{
    return dl_param_count(dl_nn_conv2d(c, in, out, kernel, .no_bias = no_bias));
}

/* A result too large for the caches goes past them: 128 channels of 130 x 128, and of 131 x 127, whose rows of numbers are not aligned. */
static void large_results(void)
{
    for (int k = 0; k < 4; k++) {
        const int64_t H = k % 2 ? 131 : 130, W = k % 2 ? 127 : 128, C = k < 2 ? 3 : 40;
        uint64_t first = 0, hash;
        for (int i = 0; test_isa(i); i++)
            for (int threads = 1; threads <= 2; threads++) {
                dl_ctx *c = dl_create(.isa = test_isa(i), .threads = threads, .no_grad = 1);
                dl_tensor *x, *w, *b, *y, *plain;
                if (dl_error(c)) { dl_destroy(c); continue; }
                x = dl_randn(c, DL_SHAPE(1, C, H, W));
                w = dl_randn(c, DL_SHAPE(128, C, 1, 1));
                b = dl_randn(c, DL_SHAPE(128));
                y = dl_conv2d(c, x, w, b, .activation = DL_RELU);
                if (i == 0 && threads == 1) {                             /* as a product of matrices */
                    plain = dl_matmul(c, dl_reshape(c, w, DL_SHAPE(128, C)), dl_reshape(c, x, DL_SHAPE(C, H * W)));
                    plain = dl_relu(c, dl_add(c, plain, dl_reshape(c, b, DL_SHAPE(128, 1))));
                    CHECK(dl_item(dl_max(c, dl_abs(c, dl_sub(c, plain, dl_reshape(c, y, DL_SHAPE(128, H * W)))))) < 10 * TOL);
                }
                CHECK_OK(c);
                hash = add_bits(0xcbf29ce484222325u, y->data, y->size);
                if (!first) first = hash;
                CHECK(hash == first);
                dl_destroy(c);
            }
    }
}

static void conv_counts(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    int D, i;
    ROW("CONV-05"); ROW("CONV-12"); ROW("CONV-13"); ROW("CONV-14"); ROW("CONV-15"); ROW("CONV-20"); ROW("CONV-21"); ROW("CONV-33");
    for (D = 1; D < 4; D++) {
        CHECK(count(c, 1, 1, 2 * D + 1, 1) == (2 * D + 1) * (2 * D + 1));
        CHECK(count(c, 1, 1, 2 * D + 1, 0) == (2 * D + 1) * (2 * D + 1) + 1);
    }
    CHECK(count(c, 128, 256, 3, 1) == 294912);
    CHECK(dl_param_count(dl_nn_conv2d(c, 128, 64, 3, .padding = 1, .stride = 1, .no_bias = 1)) == 73728);
    CHECK(count(c, 1, 32, 3, 1) == 288);
    CHECK(count(c, 128, 256, 3, 0) == 294912 + 256);
    CHECK(count(c, 18, 5, 1, 1) == 90);
    CHECK(count(c, 5, 30, 3, 1) == 1350);
    CHECK(count(c, 18, 30, 3, 1) == 4860);
    CHECK_NEAR((90 + 1350) / 4860.0, 0.296, 5e-4);
    CHECK(dl_param_count(dl_nn_linear(c, 400, 120, .no_bias = 1)) == 48000);      /* a dense layer has a weight for each pair */
    CHECK(count(c, 6, 16, 5, 1) == 2400);                                         /* the convolution before it shares its own */
    {                                                          /* 1 x 1: a dense layer over the channels, at every position */
        static const int64_t xs[] = {2, 6, 3, 4}, ws[] = {5, 6, 1, 1};
        dl_tensor *x = hashed_tensor(c, 4, xs, 1), *w = hashed_tensor(c, 4, ws, 2), *y = dl_conv2d(c, x, w, NULL);
        dl_tensor *z = dl_linear(c, dl_permute(c, x, DL_ORDER(0, 2, 3, 1)), dl_reshape(c, w, DL_SHAPE(5, 6)), NULL);
        z = dl_permute(c, z, DL_ORDER(0, 3, 1, 2));
        CHECK(y->shape[1] == 5);
        for (i = 0; i < y->size; i++) CHECK_NEAR(y->data[i], z->data[i], 1e-5);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static void receptive_field(void)
{
    static const int64_t three[] = {3, 3, 3, 3}, strides[] = {2, 2, 1}, far[] = {(int64_t)1 << 40, (int64_t)1 << 40, 1, 1};
    static const int64_t last_one[] = {3, 3, 1, 1}, none[] = {3, 0, 3}, huge[] = {INT64_MAX, 2};
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = dl_requires_grad(c, dl_ones(c, DL_SHAPE(1, 1, 9, 9)), 1), *w = dl_ones(c, DL_SHAPE(1, 1, 3, 3)), *y;
    int i, seen = 0;
    ROW("CONV-22"); ROW("CONV-23");
    CHECK(dl_receptive_field(0, three, NULL) == 1);
    CHECK(dl_receptive_field(1, three, NULL) == 3);
    CHECK(dl_receptive_field(2, three, NULL) == 5);
    CHECK(dl_receptive_field(3, three, NULL) == 7);
    CHECK(dl_receptive_field(3, three, strides) == 1 + 2 + 2 * 2 + 2 * 4);
    CHECK(dl_receptive_field(4, three, far) == 0 && dl_receptive_field(2, huge, NULL) == 0);          /* more than an int64_t holds */
    CHECK(dl_receptive_field(4, last_one, far) == 3 + ((int64_t)2 << 40) && dl_receptive_field(1, huge, NULL) == INT64_MAX);
    CHECK(dl_receptive_field(3, none, NULL) == 0 && dl_receptive_field(3, three, none) == 0);
    CHECK(2 * count(c, 1, 1, 3, 1) == 18 && count(c, 1, 1, 5, 1) == 25);
    y = dl_conv2d(c, dl_relu(c, dl_conv2d(c, x, w, NULL)), w, NULL);              /* what one result sees: 5 x 5 */
    dl_backward(c, dl_slice(c, dl_slice(c, y, 2, 2, 3), 3, 2, 3));
    for (i = 0; i < 81; i++) seen += x->grad[i] != 0;
    CHECK(seen == 25);
    CHECK_OK(c);
    dl_destroy(c);
}

static void transposed(void)
{
    static const dl_real v[] = {0, 1, 2, 3};
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = dl_tensor_from(c, v, DL_SHAPE(1, 1, 2, 2)), *y;
    ROW("CONV-18");
    VALUES(dl_conv_transpose2d(c, x, x, NULL), 0, 0, 1, 0, 4, 6, 4, 12, 9);
    VALUES(dl_conv_transpose2d(c, x, x, NULL, .stride = 2), 0, 0, 0, 1, 0, 0, 2, 3, 0, 2, 0, 3, 4, 6, 6, 9);
    VALUES(dl_conv_transpose2d(c, x, x, NULL, .padding = 1), 4);
    y = dl_conv_transpose2d(c, x, dl_ones(c, DL_SHAPE(1, 1, 3, 3)), NULL);
    CHECK(y->shape[2] == 4);
    y = dl_conv_transpose2d(c, x, dl_ones(c, DL_SHAPE(1, 1, 3, 3)), NULL, .stride = 2);
    CHECK(y->shape[2] == 5 && y->shape[3] == 5);
    y = dl_forward(c, dl_nn_conv_transpose2d(c, 1, 4, 2, .stride = 2), x);
    CHECK(y->shape[1] == 4 && y->shape[2] == 4 && y->shape[3] == 4);
    y = dl_forward(c, dl_nn_conv_transpose1d(c, 2, 3, 4, .stride = 2, .padding = 1), dl_ones(c, DL_SHAPE(1, 2, 5)));
    CHECK(y->shape[1] == 3 && y->shape[2] == 10);
    y = dl_forward(c, dl_nn_conv_transpose3d(c, 2, 4, 2, .groups = 2), dl_ones(c, DL_SHAPE(2, 2, 3, 4)));
    CHECK(y->ndim == 4 && y->shape[0] == 4 && y->shape[3] == 5);
    CHECK_OK(c);
    dl_destroy(c);
}

static void im2col(void)
{
    static const dl_real v[] = {0, 1, 2, 3, 4, 5, 6, 7, 8};
    static const int64_t xs[] = {2, 3, 6, 5}, ws[] = {4, 3, 3, 3};
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = dl_tensor_from(c, v, DL_SHAPE(1, 1, 3, 3)), *w, *y, *z, *u;
    int i;
    ROW("CONV-28"); ROW("CONV-29");
    VALUES(dl_im2col(c, x, 2), 0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8);
    VALUES(dl_unfold(c, x, 2), 0, 1, 3, 4, 1, 2, 4, 5, 3, 4, 6, 7, 4, 5, 7, 8);             /* symmetric here */
    VALUES(dl_col2im(c, dl_ones(c, DL_SHAPE(4, 4)), DL_SHAPE(1, 1, 3, 3), 2), 1, 2, 1, 2, 4, 2, 1, 2, 1);
    VALUES(dl_fold(c, dl_ones(c, DL_SHAPE(4, 4)), DL_SHAPE(3, 3), 2), 1, 2, 1, 2, 4, 2, 1, 2, 1);
    x = hashed_tensor(c, 4, xs, 1);                           /* the convolution is one product of matrices */
    w = hashed_tensor(c, 4, ws, 2);
    y = dl_conv2d(c, x, w, NULL, .stride = 2, .padding = 1);
    z = dl_linear(c, dl_im2col(c, x, 3, .stride = 2, .padding = 1), dl_reshape(c, w, DL_SHAPE(4, 27)), NULL);
    z = dl_permute(c, dl_reshape(c, z, DL_SHAPE(2, 3, 3, 4)), DL_ORDER(0, 3, 1, 2));
    u = dl_matmul(c, dl_reshape(c, w, DL_SHAPE(4, 27)), dl_unfold(c, x, 3, .stride = 2, .padding = 1));
    CHECK(u->ndim == 3 && u->shape[0] == 2 && u->shape[1] == 4 && u->shape[2] == 9);
    for (i = 0; i < y->size; i++) {
        CHECK_NEAR(y->data[i], z->data[i], 1e-4);
        CHECK_NEAR(y->data[i], u->data[i], 1e-4);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static void equivariance(void)
{
    static const int64_t xs[] = {1, 2, 12, 12}, ws[] = {3, 2, 3, 3};
    dl_ctx *c = dl_create(.threads = 1);
    dl_tensor *x = hashed_tensor(c, 4, xs, 1), *w = hashed_tensor(c, 4, ws, 2), *y, *z;
    double score[2];
    int64_t k, i, j;
    ROW("CONV-32");
    y = dl_conv2d(c, x, w, NULL);                                                          /* (1, 3, 10, 10) */
    z = dl_conv2d(c, dl_slice(c, dl_slice(c, x, 2, 2, 12), 3, 1, 12), w, NULL);            /* the input shifted by 2 and 1 */
    for (k = 0; k < 3; k++)
        for (i = 0; i < 8; i++)
            for (j = 0; j < 9; j++) CHECK(z->data[(k * 8 + i) * 9 + j] == y->data[(k * 10 + i + 2) * 10 + j + 1]);
    for (k = 0; k < 2; k++) {                                                              /* the score of a pattern, wherever it is */
        dl_tensor *a = dl_zeros(c, DL_SHAPE(1, 2, 12, 12));
        for (i = 0; i < 18; i++) a->data[i / 9 * 144 + (i % 9 / 3 + 3 + 4 * k) * 12 + i % 3 + 2 + 5 * k] = w->data[i];
        score[k] = dl_item(dl_max(c, dl_conv2d(c, a, w, NULL)));
    }
    CHECK(score[0] == score[1] && score[0] > 0);
    CHECK_OK(c);
    dl_destroy(c);
}

static void modules(void)
{
    dl_ctx *c = dl_create(.threads = 1, .seed = 3);
    dl_module *m = dl_nn_conv2d(c, 8, 16, 3, .kernels = {3, 5}, .groups = 2);
    dl_tensor *w = dl_module_get(c, m, "weight"), *b = dl_module_get(c, m, "bias");
    double bound = 1 / sqrt(4 * 15.0), largest = 0;
    int i;
    CHECK(w->ndim == 4 && w->shape[0] == 16 && w->shape[1] == 4 && w->shape[2] == 3 && w->shape[3] == 5 && b->size == 16);
    for (i = 0; i < w->size; i++) largest = fmax(largest, fabs((double)w->data[i]));
    CHECK(largest <= bound * 1.000001 && largest > 0.95 * bound);
    CHECK(dl_param_count(dl_nn_conv1d(c, 3, 4, 5)) == 3 * 4 * 5 + 4);
    CHECK(dl_param_count(dl_nn_conv3d(c, 3, 4, 2, .no_bias = 1)) == 3 * 4 * 8);
    CHECK(dl_param_count(dl_nn_conv_transpose2d(c, 6, 4, 3, .groups = 2)) == 6 * 2 * 9 + 4);
    CHECK_OK(c);
    dl_destroy(c);
}

int main(void)
{
    RUN(pytorch);
    RUN(gradients);
    RUN(weights_from_definition);
    RUN(single_image);
    RUN(data_from_definition);
    RUN(same_bits);
    RUN(ends_of_memory);
    RUN(fused_activation);
    RUN(norm_of_another_axis);
    RUN(bad_input);
    RUN(conv_5x5);
    RUN(convolution);
    RUN(sizes);
    RUN(conv_counts);
    RUN(large_results);
    RUN(receptive_field);
    RUN(transposed);
    RUN(im2col);
    RUN(equivariance);
    RUN(modules);
    TEST_END;
}
