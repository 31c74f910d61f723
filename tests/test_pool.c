/* build: float double asan */
/* Pooling, resampling, grid sampling and the regularisers of feature maps: values and gradients against PyTorch (gen_pool.py) and
   against differences, the same bits everywhere, the statistics of the random ones, bad input, the curriculum's numbers. */
#include "dl.h"
#include "test.h"

#ifdef DL_DOUBLE
#define TOL 1e-9
#else
#define TOL 2e-5
#endif

static dl_tensor *unpooled1(dl_ctx *ctx, dl_tensor *x, int k, int s)
{
    dl_tensor *index, *y = dl_max_pool1d(ctx, x, k, .stride = s, .indices = &index);
    return dl_max_unpool1d(ctx, y, index, k, .stride = s, .sizes = {x->shape[2]});
}
static dl_tensor *unpooled2(dl_ctx *ctx, dl_tensor *x, int k, int s)
{
    dl_tensor *index, *y = dl_max_pool2d(ctx, x, k, .stride = s, .indices = &index);
    return dl_max_unpool2d(ctx, y, index, k, .stride = s, .sizes = {x->shape[2], x->shape[3]});
}
static dl_tensor *unpooled3(dl_ctx *ctx, dl_tensor *x, int k, int s)
{
    dl_tensor *index, *y = dl_max_pool3d(ctx, x, k, .stride = s, .indices = &index);
    return dl_max_unpool3d(ctx, y, index, k, .stride = s, .sizes = {x->shape[2], x->shape[3], x->shape[4]});
}

#include "golden_pool.h"
#define FUNCTION(n, shapes, ...) static dl_tensor *case_##n(dl_ctx *c, dl_tensor **x) { return __VA_ARGS__; }
CASES(FUNCTION)
typedef struct { const char *text, *shapes; dl_tensor *(*call)(dl_ctx *c, dl_tensor **x); } pool_case;
#define ENTRY(n, shapes, ...) {#__VA_ARGS__, shapes, case_##n},
static const pool_case cases[] = { CASES(ENTRY) };
#define NCASES ((int)(sizeof cases / sizeof *cases))

static dl_ctx *c;

static dl_real value(int64_t i, int k) { return (dl_real)(((double)(((389 + 2 * k) * i + 17 * k + 5) % 1021) - 509.5) / 256); }
static double cotangent(int64_t i)     { return ((double)((37 * i + 11) % 64) - 31.5) / 32; }

static dl_tensor *filled(dl_ctx *ctx, dl_shape shape, int k)
{
    dl_tensor *t = dl_requires_grad(ctx, dl_empty(ctx, shape), 1);
    int64_t i;
    for (i = 0; i < t->size; i++) t->data[i] = value(i, k);
    return t;
}
static int make_inputs(dl_ctx *ctx, const pool_case *k, dl_tensor **x)
{
    const char *s = k->shapes;
    char *end;
    int n = 0, d;
    for (; *s; n++) {
        dl_shape shape = DL_SHAPE(0);
        for (d = 0; *s && *s != ' '; s = end + (*end == 'x')) shape.d[d++] = strtol(s, &end, 10);
        s += *s == ' ';
        x[n] = filled(ctx, shape, n);
    }
    return n;
}

static void compare(const pool_case *k, const char *what, const dl_real *v, int64_t n, const double *want)
{
    double sum[3] = {0, 0, 0};
    int64_t i;
    int j;
    for (i = 0; v && i < n; i++) {
        sum[0] += (double)v[i] * cotangent(i);
        sum[1] += (double)v[i] * ((double)((29 * i + 5) % 32 + 1) / 32);
        sum[2] += fabs((double)v[i]);
    }
    for (j = 0; j < 3; j++)
        if (!(fabs(sum[j] - want[j]) <= TOL * (want[2] + 0.01))) {
            CHECK(!"a golden value");
            printf("\n    %s of %s: %s, sum %d is %.12g, PyTorch has %.12g", k->text, k->shapes, what, j, sum[j], want[j]);
            return;
        }
}

static void pytorch(void)
{
    const double *want = golden;
    dl_tensor *x[4], *y, *r;
    int64_t e;
    int k, i, n;
    CHECK(NCASES >= 150);
    for (k = 0; k < NCASES; k++) {
        dl_step_begin(c);
        n = make_inputs(c, &cases[k], x);
        y = cases[k].call(c, x);
        if (!CHECK_OK(c)) { printf(" %s of %s", cases[k].text, cases[k].shapes); dl_clear_error(c); want += 4 + 3 * n; continue; }
        if (!CHECK((double)y->size == *want)) printf("\n    %s of %s: %d elements", cases[k].text, cases[k].shapes, (int)y->size);
        compare(&cases[k], "value", y->data, y->size, ++want);
        want += 3;
        r = dl_detach(c, dl_mul_scalar(c, y, 1));
        for (e = 0; e < r->size; e++) r->data[e] = (dl_real)cotangent(e);
        CHECK(dl_backward(c, y, .grad = r));
        for (i = 0; i < n; i++, want += 3) compare(&cases[k], "gradient", x[i]->grad, x[i]->size, want);
    }
    CHECK(want + 1 == golden + sizeof golden / sizeof *golden);
}

#ifdef DL_DOUBLE
static dl_tensor *build(dl_ctx *ctx, dl_tensor **x, void *user) { return ((const pool_case *)user)->call(ctx, x); }
/* The same through a sum of two uses, so that gradients are added to what is there. */
static dl_tensor *build_twice(dl_ctx *ctx, dl_tensor **x, void *user)
{
    const pool_case *k = (const pool_case *)user;
    return dl_add(ctx, dl_mul_scalar(ctx, k->call(ctx, x), 2), k->call(ctx, x));
}
#endif
static void differences(void)
{
#ifdef DL_DOUBLE
    dl_tensor *x[4];
    int k, n;
    for (k = 0; k < NCASES; k++) {
        dl_step_begin(c);
        n = make_inputs(c, &cases[k], x);
        if (!CHECK(dl_gradcheck(c, k % 2 ? build : build_twice, n, x, .user = (void *)(uintptr_t)&cases[k])))
            printf("\n    %s of %s: %s", cases[k].text, cases[k].shapes, dl_error(c));
        dl_clear_error(c);
    }
#else
    SKIP("double only");
#endif
}


/* --- the same bits for every instruction set and number of threads -------------------------------------------------------- */
static uint64_t hash;
static void add_bits(const dl_real *v, int64_t n)
{
    int64_t i;
    uint64_t u = 0;
    CHECK(v != NULL);
    for (i = 0; v && i < n; i++) { memcpy(&u, &v[i], sizeof *v); hash = (hash ^ u) * 1099511628211u; }
}
static void use(dl_ctx *ctx, dl_tensor *y, dl_tensor *x)
{
    dl_shape s = DL_SHAPE(0);
    int d;
    for (d = 0; d < y->ndim; d++) s.d[d] = y->shape[d];
    add_bits(y->data, y->size);
    dl_backward(ctx, y, .grad = dl_rand(ctx, s));
    dl_backward(ctx, y, .grad = dl_rand(ctx, s));            /* added to the first */
    add_bits(x->grad, x->size);
    dl_zero_grad(x);
}
static uint64_t hash_all(const char *isa, int threads)
{
    static const int size[] = {1, 3, 5, 15, 16, 17, 31, 32, 33, 47, 65};
    dl_ctx *ctx = dl_create(.seed = 3, .isa = isa, .threads = threads);
    dl_tensor *x, *grid;
    int i, k, s;
    hash = 14695981039346656037u;
    for (i = 0; i < 11; i++)
        for (k = 1; k <= 3; k++)
            for (s = 1; s <= 3; s++) {
                dl_step_begin(ctx);
                x = dl_requires_grad(ctx, dl_randn(ctx, DL_SHAPE(2, 3, 7, size[i])), 1);
                if (size[i] < k) continue;
                use(ctx, dl_max_pool2d(ctx, x, k, .stride = s, .padding = k / 2), x);
                use(ctx, dl_avg_pool2d(ctx, x, k, .stride = s, .padding = k / 2, .ceil_mode = 1), x);
                if (size[i] > 4) use(ctx, dl_max_pool2d(ctx, x, k, .stride = s, .dilation = 2), x);
            }
    dl_step_begin(ctx);
    x = dl_requires_grad(ctx, dl_randn(ctx, DL_SHAPE(4, 8, 40, 41)), 1);
    use(ctx, dl_max_pool2d(ctx, x, 2), x);
    use(ctx, dl_max_pool2d(ctx, x, 3, .stride = 2, .padding = 1), x);
    use(ctx, dl_max_pool2d(ctx, x, 17), x);
    use(ctx, dl_avg_pool2d(ctx, x, 3, .stride = 2, .padding = 1), x);
    use(ctx, dl_lp_pool2d(ctx, dl_abs(ctx, x), 3, 2), x);
    use(ctx, dl_adaptive_avg_pool2d(ctx, x, 7), x);
    use(ctx, dl_adaptive_max_pool2d(ctx, x, 7), x);
    use(ctx, dl_global_avg_pool2d(ctx, x), x);
    use(ctx, dl_interpolate(ctx, x, .scale = {1.7}, .mode = DL_BILINEAR), x);
    use(ctx, dl_interpolate(ctx, x, .size = {20, 30}, .mode = DL_BICUBIC, .antialias = 1), x);
    grid = dl_rand(ctx, DL_SHAPE(4, 20, 20, 2));
    use(ctx, dl_grid_sample(ctx, x, grid), x);
    use(ctx, dl_grid_sample(ctx, x, grid, .bicubic = 1, .padding = DL_PAD_REFLECT), x);
    for (k = 0; k < 9; k++) {                                 /* a picture, or a volume, for all threads */
        const int deep = k / 3 == 1;
        dl_tensor *one = dl_requires_grad(ctx, dl_randn(ctx, deep ? DL_SHAPE(1, 7, 5, 6, 9) : DL_SHAPE(1, 7, 15, 18)), 1);
        grid = dl_requires_grad(ctx, dl_randn(ctx, deep ? DL_SHAPE(1, 3, 20, 19, 3) : DL_SHAPE(1, 60, 37, 2)), 1);
        use(ctx, dl_grid_sample(ctx, one, grid, .nearest = k / 3 == 2, .bicubic = k == 0, .padding = (dl_padding_mode)(k % 3)), one);
        add_bits(grid->grad, grid->size);
    }
    use(ctx, dl_dropout2d(ctx, x, 0.3f), x);
    use(ctx, dl_alpha_dropout(ctx, x, 0.3f), x);
    use(ctx, dl_feature_alpha_dropout(ctx, x, 0.3f), x);
    use(ctx, dl_drop_block2d(ctx, x, 0.2f, 5), x);
    use(ctx, dl_stochastic_depth(ctx, x, 0.5f), x);
    CHECK_OK(ctx);
    dl_destroy(ctx);
    return hash;
}
static void same_bits(void)
{
    uint64_t want = hash_all("portable", 1);
    int i, t;
    for (i = 0; test_isa(i); i++) {
        dl_ctx *ctx = dl_create(.isa = test_isa(i));
        int there = !dl_error(ctx);
        dl_destroy(ctx);
        for (t = 1; t <= 3 && there; t++) if (!CHECK(hash_all(test_isa(i), t) == want)) printf(" %s, %d threads", test_isa(i), t);
    }
}

/* --- special values -------------------------------------------------------------------------------------------------------- */
static void nan_ties_padding(void)
{
    const dl_real v[] = {1, (dl_real)NAN, 3, 5, 5, 5, 2, 1, -INFINITY, -INFINITY};
    dl_tensor *x, *y, *index;
    int i;
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_tensor_from(c, v, DL_SHAPE(1, 10)), 1);
    y = dl_max_pool1d(c, x, 2, .indices = &index);
    CHECK(y->data[0] != y->data[0] && y->data[1] == 5 && y->data[2] == 5 && y->data[3] == 2 && y->data[4] == -INFINITY);
    CHECK(index->idata[0] == 1 && index->idata[1] == 3 && index->idata[2] == 4 && index->idata[3] == 6 && index->idata[4] == 8);
    CHECK(dl_backward(c, dl_sum(c, dl_slice(c, y, 1, 1, 4))));
    for (i = 0; i < 10; i++) CHECK(x->grad[i] == (i == 3 || i == 4 || i == 6));
    y = dl_adaptive_max_pool1d(c, x, 5, .indices = &index);          /* the same windows */
    CHECK(y->data[0] != y->data[0] && y->data[2] == 5 && index->idata[0] == 1 && index->idata[2] == 4 && index->idata[4] == 8);
    y = dl_adaptive_max_pool1d(c, x, 3, .indices = &index);          /* 0 to 3, 3 to 6, 6 to 9, the other way */
    CHECK(y->data[0] != y->data[0] && y->data[1] == 5 && index->idata[0] == 1 && index->idata[1] == 3 && index->idata[2] == 6);
    y = dl_max_pool1d(c, dl_mul_scalar(c, dl_ones(c, DL_SHAPE(1, 3)), -1), 3, .stride = 1, .padding = 1);
    for (i = 0; i < 3; i++) CHECK(y->data[i] == -1);                 /* padding never wins */
    /* options by axis, defaults spelled out */
    x = filled(c, DL_SHAPE(2, 3, 8, 9), 0);
    y = dl_sub(c, dl_max_pool2d(c, x, 3), dl_max_pool2d(c, x, 1, .stride = 7, .kernels = {3, 3}, .strides = {3, 3}, .dilation = 1));
    CHECK(dl_item(dl_sum(c, dl_abs(c, y))) == 0);
    CHECK_OK(c);
}

/* Windows of nothing but -infinity: the first tap that is no padding wins. */
static void no_largest(const char *isa)
{
    static const int32_t along[] = {1, 0, 1, 2}, plane[] = {7, 6, 7, 8, 1, 0, 1, 2, 7, 6, 7, 8}, strided[] = {0, 1, 3, 6, 7, 9, 18, 19, 21};
    static const dl_real to_along[] = {1, 2, 1, 0, 0, 0}, to_plane[] = {1, 2, 1, 0, 0, 0, 2, 4, 2};
    dl_ctx *ctx = dl_create(.isa = isa);
    dl_tensor *x, *y, *index;
    int i, w;
    if (dl_error(ctx)) { dl_destroy(ctx); return; }                  /* not on this machine */
    x = dl_requires_grad(ctx, dl_full(ctx, DL_SHAPE(1, 1, 6), -INFINITY), 1);
    y = dl_max_pool1d(ctx, x, 3, .stride = 1, .padding = 1, .dilation = 2, .indices = &index);
    dl_backward(ctx, dl_sum(ctx, y));
    for (i = 0; i < 4; i++) CHECK(y->data[i] == -INFINITY && index->idata[i] == along[i]);
    for (i = 0; i < 6; i++) CHECK(x->grad[i] == to_along[i]);
    x = dl_requires_grad(ctx, dl_full(ctx, DL_SHAPE(1, 1, 5, 6), -INFINITY), 1);
    y = dl_max_pool2d(ctx, x, 3, .stride = 1, .padding = 1, .dilation = 2, .indices = &index);
    dl_backward(ctx, dl_sum(ctx, y));
    for (i = 0; i < 12; i++) CHECK(index->idata[i] == plane[i]);
    for (i = 0; i < 30; i++) CHECK(x->grad[i] == (i < 9 ? to_plane[i] : 0));
    y = dl_max_pool2d(ctx, x, 3, .stride = 2, .padding = 1, .indices = &index);
    for (i = 0; i < 9; i++) CHECK(index->idata[i] == strided[i]);
    for (w = 15; w <= 33; w++) {                                     /* one such window in a row of others */
        x = dl_zeros(ctx, DL_SHAPE(1, w));
        x->data[0] = x->data[1] = x->data[w - 2] = x->data[w - 1] = -INFINITY;
        dl_requires_grad(ctx, x, 1);
        y = dl_max_pool1d(ctx, x, 3, .stride = 1, .padding = 1, .indices = &index);
        dl_backward(ctx, dl_sum(ctx, y));
        CHECK(y->data[0] == -INFINITY && y->data[w - 1] == -INFINITY && index->idata[0] == 0 && index->idata[w - 1] == w - 2);
        CHECK(x->grad[0] == 1 && x->grad[1] == 0 && x->grad[2] == 3 && x->grad[w - 3] == 1 && x->grad[w - 2] == 1 && x->grad[w - 1] == 0);
    }
    x = dl_requires_grad(ctx, dl_ones(ctx, DL_SHAPE(1, 2)), 1);
    y = dl_max_pool1d(ctx, x, 2, .stride = 1, .padding = 2, .dilation = 3, .indices = &index);
    dl_backward(ctx, dl_sum(ctx, y));
    CHECK(y->size == 3 && y->data[0] == 1 && y->data[1] == -INFINITY && y->data[2] == 1);            /* the taps -1 and 2 are not there */
    CHECK(index->idata[0] == 1 && (unsigned)index->idata[1] < 2 && index->idata[2] == 0 && x->grad[0] == 1 && x->grad[1] == 1);
    CHECK_OK(ctx);
    dl_destroy(ctx);
}
/* Lp pooling of {1, inf, 0}: gradients as PyTorch's, 1 1 1 with p = 1 and 0 nan 0 with p = 2 */
static void infinite_lp(void)
{
    dl_ctx *ctx = dl_create();
    int p;
    for (p = 1; p <= 2; p++) {
        dl_tensor *x = dl_requires_grad(ctx, dl_zeros(ctx, DL_SHAPE(1, 1, 3)), 1), *y;
        x->data[0] = 1; x->data[1] = INFINITY;
        y = dl_lp_pool1d(ctx, x, p, 3);
        dl_backward(ctx, dl_sum(ctx, y));
        CHECK(y->data[0] == INFINITY && x->grad[0] == (p == 1) && (p == 1 ? x->grad[1] == 1 : x->grad[1] != x->grad[1]));
        CHECK(x->grad[2] == (p == 1));
    }
    CHECK_OK(ctx);
    dl_destroy(ctx);
}
static void infinite(void) { int i; for (i = 0; test_isa(i); i++) no_largest(test_isa(i)); }

/* A window that sees nothing gives its gradient to nobody, with few taps and with many. */
static void windows_without_taps(void)
{
    dl_tensor *x, *y;
    int i, k;
    for (k = 2; k <= 200; k += 198) {
        x = dl_requires_grad(c, filled(c, DL_SHAPE(1, 1, 1, 300), 0), 1);
        y = dl_max_pool2d(c, x, 2, .kernels = {2, k}, .dilations = {3, 1}, .paddings = {2, DL_ZERO}, .stride = 1);
        CHECK(dl_backward(c, dl_sum(c, y)));
        for (i = 0; i < y->size; i++) CHECK(y->data[i] == -INFINITY);
        for (i = 0; i < 300; i++) CHECK(x->grad[i] == 0);
    }
    CHECK_OK(c);
}

/* Pixels outside a filter count nothing, even if they are infinite; along rows as along columns. */
static void infinite_pixels(void)
{
    static const dl_resample modes[] = {DL_BILINEAR, DL_BICUBIC};
    int k, i;
    for (k = 0; k < 4; k++) {
        dl_tensor *row = dl_zeros(c, DL_SHAPE(1, 1, 1, 12)), *column, *a, *b;
        const int out = k / 2 ? 23 : 8;
        row->data[5] = INFINITY;
        column = dl_reshape(c, row, DL_SHAPE(1, 1, 12, 1));
        a = dl_interpolate(c, row, .size = {1, out}, .mode = modes[k % 2], .antialias = k / 2 == 0, .align_corners = k / 2);
        b = dl_interpolate(c, column, .size = {out, 1}, .mode = modes[k % 2], .antialias = k / 2 == 0, .align_corners = k / 2);
        CHECK(a->size == out && b->size == out);
        for (i = 0; i < out; i++) CHECK(a->data[i] == b->data[i] || (isnan(a->data[i]) && isnan(b->data[i])));
        if (k == 0) for (i = 0; i < out; i++) CHECK(i == 3 || i == 4 ? a->data[i] == INFINITY : a->data[i] == 0);    /* as PyTorch */
    }
    CHECK_OK(c);
}

/* Boxes are computed for many planes: all together give what each gives alone. */
static void planes_in_parts(void)
{
    int k;
    for (k = 0; k < 2; k++) {
        dl_tensor *x, *y, *g, *grad;
        int64_t q;
        dl_step_begin(c);
        x = dl_requires_grad(c, dl_randn(c, DL_SHAPE(1, 37, 9, 10)), 1);
        g = dl_randn(c, DL_SHAPE(1, 37, 4, 4));
        y = k ? dl_adaptive_max_pool2d(c, x, 4) : dl_adaptive_avg_pool2d(c, x, 4);
        CHECK(dl_backward(c, y, .grad = g));
        grad = dl_tensor_from(c, x->grad, DL_SHAPE(1, 37, 9, 10));
        for (q = 0; q < 37; q++) {
            dl_tensor *one = dl_requires_grad(c, dl_slice(c, dl_detach(c, x), 1, q, q + 1), 1);
            dl_tensor *z = k ? dl_adaptive_max_pool2d(c, one, 4) : dl_adaptive_avg_pool2d(c, one, 4);
            CHECK(dl_backward(c, z, .grad = dl_slice(c, g, 1, q, q + 1)));
            CHECK(!memcmp(z->data, y->data + q * 16, 16 * sizeof(dl_real)));
            CHECK(!memcmp(one->grad, grad->data + q * 90, 90 * sizeof(dl_real)));
        }
    }
    CHECK_OK(c);
}

/* Adaptive boxes of two elements each are windows of two, with their places and gradients. */
static void even_boxes(void)
{
    int k;
    for (k = 0; k < 2; k++) {
        dl_tensor *x, *y, *z, *g, *at = NULL, *where = NULL, *grad;
        dl_step_begin(c);
        x = dl_requires_grad(c, dl_randn(c, DL_SHAPE(2, 5, 8, 12, 22)), 1);
        g = dl_randn(c, DL_SHAPE(2, 5, 4, 12, 11));
        y = k ? dl_adaptive_max_pool3d(c, x, 0, .sizes = {4, 12, 11}, .indices = &at) : dl_adaptive_avg_pool3d(c, x, 0, .sizes = {4, 12, 11});
        CHECK(dl_backward(c, y, .grad = g));
        grad = dl_tensor_from(c, x->grad, DL_SHAPE(2, 5, 8, 12, 22));
        dl_zero_grad(x);
        z = k ? dl_max_pool3d(c, x, 2, .kernels = {2, 1, 2}, .indices = &where) : dl_avg_pool3d(c, x, 2, .kernels = {2, 1, 2});
        CHECK(dl_backward(c, z, .grad = g));
        CHECK(y->size == g->size && !memcmp(y->data, z->data, (size_t)y->size * sizeof(dl_real)));
        CHECK(!memcmp(grad->data, x->grad, (size_t)x->size * sizeof(dl_real)));
        CHECK(!k || !memcmp(at->idata, where->idata, (size_t)at->size * sizeof(int32_t)));
    }
    CHECK_OK(c);
}

/* Positions are taken some at a time: many together give what each row gives alone. */
static void grids_in_parts(void)
{
    dl_tensor *x, *grid, *y, *row;
    int64_t r, ch;
    int k;
    for (k = 0; k < 4; k++) {
        dl_step_begin(c);
        x = dl_randn(c, DL_SHAPE(1, 3, 11, 12));
        grid = dl_randn(c, DL_SHAPE(1, 40, 33, 2));
        y = dl_grid_sample(c, x, grid, .bicubic = k == 1, .nearest = k == 2, .padding = k == 3 ? DL_PAD_REPLICATE : DL_PAD_ZEROS);
        for (r = 0; r < 40; r++) {
            row = dl_grid_sample(c, x, dl_slice(c, grid, 1, r, r + 1), .bicubic = k == 1, .nearest = k == 2,
                                 .padding = k == 3 ? DL_PAD_REPLICATE : DL_PAD_ZEROS);
            for (ch = 0; ch < 3; ch++) CHECK(!memcmp(row->data + ch * 33, y->data + (ch * 40 + r) * 33, 33 * sizeof(dl_real)));
        }
    }
    CHECK_OK(c);
}

/* Half-way between pixels nearest-exact rounds as PyTorch, with scales in dl_real: the sum over 0 .. n-1 made m long. */
static void half_way(void)
{
    static const struct { int n, m, sum, sum_double, sum_2d; } row[] = {{2, 41, 21, 21, 20}, {2, 61, 30, 31, 30}, {4, 110, 166, 166, 165}};
    int k;
    for (k = 0; k < 3; k++) {
        const int n = row[k].n, m = row[k].m, sum = sizeof(dl_real) == 8 ? row[k].sum_double : row[k].sum;
        dl_tensor *x = dl_arange(c, 0, n, 1);
        x = dl_interpolate(c, dl_reshape(c, x, DL_SHAPE(1, 1, n)), .size = {m}, .mode = DL_NEAREST_EXACT);
        CHECK(dl_item(dl_sum(c, x)) == sum);
        x = dl_interpolate(c, dl_reshape(c, dl_arange(c, 0, n, 1), DL_SHAPE(1, 1, n, 1)), .size = {m, 1}, .mode = DL_NEAREST_EXACT);
        CHECK(dl_item(dl_sum(c, x)) == row[k].sum_2d);
        x = dl_interpolate(c, dl_reshape(c, dl_arange(c, 0, n, 1), DL_SHAPE(1, 1, 1, n, 1)), .size = {1, m, 1}, .mode = DL_NEAREST_EXACT);
        CHECK(dl_item(dl_sum(c, x)) == sum);
    }
    CHECK_OK(c);
}

/* A position that is NaN gives NaN; the nearest pixel's slope is 0, whatever it holds. */
static void grids_of_nan(void)
{
    dl_tensor *x = dl_ones(c, DL_SHAPE(1, 1, 3, 3)), *grid = dl_zeros(c, DL_SHAPE(1, 1, 1, 2)), *y;
    int nearest;
    dl_requires_grad(c, grid, 1);
    x->data[4] = INFINITY;
    y = dl_grid_sample(c, x, grid, .nearest = 1);
    dl_backward(c, dl_sum(c, y));
    CHECK(y->data[0] == INFINITY && grid->grad[0] == 0 && grid->grad[1] == 0);
    grid->data[1] = NAN;
    for (nearest = 0; nearest < 2; nearest++) {                         /* as PyTorch */
        y = dl_grid_sample(c, x, grid, .nearest = nearest);
        CHECK(nearest ? y->data[0] == 0 : isnan(y->data[0]));
    }
    CHECK(isnan(dl_grid_sample(c, x, grid, .bicubic = 1)->data[0]));
    CHECK_OK(c);
}

/* A column of more taps than the kernels take, dilated along the rows. */
static void dilated_column(void)
{
    dl_tensor *x = dl_requires_grad(c, filled(c, DL_SHAPE(1, 1, 257, 1), 0), 1), *y, *index;
    int i;
    x->data[255] = 9;
    y = dl_max_pool2d(c, x, 1, .kernels = {257, 1}, .dilations = {1, 2}, .indices = &index);
    CHECK(dl_backward(c, y));
    CHECK(y->size == 1 && y->data[0] == 9 && index->idata[0] == 255);
    for (i = 0; i < 257; i++) CHECK(x->grad[i] == (i == 255));
    CHECK_OK(c);
}

/* With antialias an axis that keeps its size is copied, whatever its factor; PyTorch's own gradient is not that of its value. */
static void kept_axes(void)
{
    static const dl_resample modes[] = {DL_BILINEAR, DL_BICUBIC};
    int k, i;
    for (k = 0; k < 2; k++) {
        dl_tensor *x = filled(c, DL_SHAPE(1, 2, 8, 9), 0), *y = dl_interpolate(c, x, .scale = {1, 1.1}, .mode = modes[k], .antialias = 1), *z;
        CHECK(y->size == x->size && !memcmp(y->data, x->data, (size_t)x->size * sizeof *x->data));
        y = dl_interpolate(c, x, .scale = {0.5, 1.1}, .mode = modes[k], .antialias = 1);
        z = dl_interpolate(c, x, .size = {4, 9}, .mode = modes[k], .antialias = 1);
        for (i = 0; i < y->size; i++) CHECK(y->data[i] == z->data[i]);
    }
    CHECK_OK(c);
}

/* --- bad input ------------------------------------------------------------------------------------------------------------- */
static void bad_input(void)
{
    static const int32_t wrong[] = {0, 4};
    dl_tensor *x, *x3, *index, *ints, *out = NULL;
    dl_step_begin(c);
    x = dl_ones(c, DL_SHAPE(1, 2, 5, 5));
    x3 = dl_ones(c, DL_SHAPE(2, 2));
    ints = dl_tensor_from_int(c, wrong, DL_SHAPE(1, 2));
#define BAD(call, says) { dl_tensor *bad = call; CHECK(dl_is_nil(bad)); CHECK_ERROR(c, says); }
    BAD(dl_max_pool2d(c, x, 6), "max_pool2d: a window of 6 is larger than axis 2 of (1,2,5,5) with padding 0");
    BAD(dl_max_pool2d(c, x, 4, .dilation = 2), "window of 7");
    BAD(dl_max_pool2d(c, x, 7, .stride = 2, .ceil_mode = 1), "window of 7");
    BAD(dl_max_pool2d(c, x, 3, .padding = 2), "padding 2, expected 0 to half of the window of 3");
    BAD(dl_max_pool2d(c, x, 3, .padding = -1), "padding -1");
    BAD(dl_max_pool2d(c, x, 3, .stride = -1), "must be positive");
    BAD(dl_max_pool2d(c, x, 3, .strides = {1, DL_ZERO}), "must be positive");
    BAD(dl_max_pool2d(c, x, 0), "must be positive");
    BAD(dl_max_pool2d(c, x, -3), "must be positive");
    BAD(dl_max_pool2d(c, x, 3, .dilation = -2), "must be positive");
    BAD(dl_max_pool2d(c, x, INT32_MAX, .dilation = INT32_MAX, .padding = INT32_MAX), "max_pool2d");
    BAD(dl_max_pool2d(c, x, INT32_MIN, .stride = INT32_MIN, .padding = INT32_MIN), "max_pool2d");
    BAD(dl_avg_pool2d(c, x, 3, .divisor_override = -1), "divisor -1");
    BAD(dl_avg_pool3d(c, x3, 1), "avg_pool3d: (2,2), expected 4 or 5 axes");
    BAD(dl_avg_pool1d(c, x, 1), "expected 2 or 3 axes");
    BAD(dl_lp_pool2d(c, x, 0, 2), "lp_pool2d: p is");
    BAD(dl_lp_pool2d(c, x, -2, 2), "lp_pool2d: p is -2");
    BAD(dl_lp_pool2d(c, x, NAN, 2), "lp_pool2d: p is nan");
    BAD(dl_adaptive_avg_pool2d(c, x, -1), "output size -1");
    BAD(dl_adaptive_max_pool2d(c, x, INT32_MAX), "too large");
    BAD(dl_max_pool2d(c, ints, 1), "holds int32");
    BAD(dl_max_pool2d(c, NULL, 1), "NULL");
    BAD(dl_max_pool2d(c, x, 9, .indices = &out), "window of 9");
    CHECK(dl_is_nil(out));
    BAD(dl_spatial_pyramid_pool(c, x3), "expected (N, C, H, W)");
    BAD(dl_spatial_pyramid_pool(c, x, .bins = {-1}), "output size -1");
    BAD(dl_max_unpool1d(c, x3, dl_tensor_from_int(c, wrong, DL_SHAPE(2, 1)), 2), "expected the same shape");
    BAD(dl_max_unpool1d(c, dl_ones(c, DL_SHAPE(1, 2)), ints, 2), "indices (1,2) holds 4 at index 1, expected 0 to 3, for (1,2)");
    BAD(dl_max_unpool1d(c, dl_ones(c, DL_SHAPE(1, 2)), ints, 2, .sizes = {9}), "to size 9, expected 4");
    BAD(dl_max_unpool1d(c, dl_ones(c, DL_SHAPE(1, 2)), dl_ones(c, DL_SHAPE(1, 2)), 2), "holds reals");
    BAD(dl_max_unpool1d(c, dl_ones(c, DL_SHAPE(1, 2)), ints, 0), "must be positive");
    BAD(dl_interpolate(c, x), "neither a size nor a scale");
    BAD(dl_interpolate(c, x, .size = {8, 8}, .scale = {3}), "a size and a scale");
    BAD(dl_interpolate(c, x, .scale = {-2}), "neither a size nor a scale");
    BAD(dl_interpolate(c, x, .scale = {NAN}), "neither a size nor a scale");
    BAD(dl_interpolate(c, x, .scale = {1e15}), "interpolate");
    BAD(dl_interpolate(c, x, .size = {3}), "size 0 of axis 3");
    BAD(dl_interpolate(c, x, .size = {INT64_MAX, INT64_MAX}, .mode = DL_BICUBIC), "interpolate");
    BAD(dl_interpolate(c, x3, .scale = {2}), "interpolate: (2,2), expected");
    BAD(dl_interpolate(c, x, .scale = {2}, .align_corners = 1), "align_corners is for");
    BAD(dl_interpolate(c, x, .scale = {2}, .antialias = 1), "antialias is for");
    BAD(dl_interpolate(c, dl_ones(c, DL_SHAPE(1, 1, 4)), .scale = {2}, .mode = DL_BICUBIC), "bicubic needs");
    BAD(dl_interpolate(c, x, .scale = {2}, .mode = (dl_resample)9), "mode is 9, expected 0 to 4 (DL_NEAREST_EXACT)");
    BAD(dl_upsample2d(c, x3, 2), "upsample2d: (2,2)");
    BAD(dl_pixel_shuffle(c, x, 2), "channels of (1,2,5,5) are no multiple of 2 squared");
    BAD(dl_pixel_shuffle(c, x, 0), "pixel_shuffle");
    BAD(dl_pixel_unshuffle(c, x, 2), "no multiples of 2");
    BAD(dl_pixel_unshuffle(c, x3, 2), "expected (.., C, H, W)");
    BAD(dl_to_nhwc(c, x3), "to_nhwc: (2,2), expected 4 axes");
    BAD(dl_to_nchw(c, NULL), "to_nchw");
    BAD(dl_affine_grid(c, x3, DL_SHAPE(2, 1, 3, 3)), "affine_grid: theta (2,2)");
    BAD(dl_affine_grid(c, dl_ones(c, DL_SHAPE(1, 2, 3)), DL_SHAPE(1, 1, INT64_MAX / 2, 4)), "affine_grid");
    BAD(dl_grid_sample(c, x, x3), "grid_sample: (1,2,5,5) with grid (2,2)");
    BAD(dl_grid_sample(c, x, dl_ones(c, DL_SHAPE(1, 2, 2, 2)), .padding = DL_PAD_CIRCULAR), "padding mode 3");
    BAD(dl_grid_sample(c, dl_ones(c, DL_SHAPE(1, 1, 2, 2)), dl_ones(c, DL_SHAPE(1, 2, 2, 2)), .nearest = 1, .bicubic = 1), "both nearest and bicubic");
    BAD(dl_grid_sample(c, dl_ones(c, DL_SHAPE(1, 1, 2, 2, 2)), dl_ones(c, DL_SHAPE(1, 2, 2, 2, 3)), .bicubic = 1), "bicubic needs");
    BAD(dl_dropout2d(c, x, -1), "dropout2d: p is -1");
    BAD(dl_dropout2d(c, x, (dl_real)NAN), "dropout2d: p is nan");
    BAD(dl_dropout1d(c, x, 0.5f), "dropout1d: (1,2,5,5), expected 2 or 3 axes");
    BAD(dl_dropout3d(c, x3, 0.5f), "dropout3d: (2,2)");
    BAD(dl_alpha_dropout(c, x, 2), "alpha_dropout: p is 2");
    BAD(dl_feature_alpha_dropout(c, NULL, 0.5f), "feature_alpha_dropout");
    BAD(dl_drop_block2d(c, x, 0.5f, 0), "blocks of 0");
    BAD(dl_drop_block2d(c, x3, 0.5f, 2), "drop_block2d: (2,2)");
    BAD(dl_stochastic_depth(c, x, 3), "stochastic_depth: p is 3");
    dl_nn_dropout2d(c, 2);
    CHECK_ERROR(c, "nn_dropout2d: p is 2");
    {                                                                /* positions that are no numbers */
        const dl_real mad[] = {(dl_real)NAN, INFINITY, -INFINITY, (dl_real)1e30, (dl_real)-1e30, 0};
        static const dl_padding_mode modes[] = {DL_PAD_ZEROS, DL_PAD_REFLECT, DL_PAD_REPLICATE};
        int i;
        for (i = 0; i < 9; i++) {
            index = dl_grid_sample(c, x, dl_tensor_from(c, mad, DL_SHAPE(1, 3, 1, 2)), .padding = modes[i % 3], .bicubic = i / 3 == 1, .nearest = i / 3 == 2);
            CHECK(index->size == 6);
        }
        CHECK_OK(c);
    }
    CHECK(dl_is_nil(dl_max_pool2d(NULL, x, 2)) && dl_is_nil(dl_interpolate(NULL, x)) && dl_is_nil(dl_grid_sample(NULL, x, x)));
    CHECK(dl_is_nil(dl_dropout2d(NULL, x, 0.5f)) && dl_is_nil(dl_drop_block2d(NULL, x, 0.5f, 2)) && dl_is_nil(dl_max_unpool2d(NULL, x, x, 2)));
}

/* --- the random ones: statistics, evaluation, gradients through the same mask ----------------------------------------------- */
static void random_ones(void)
{
    dl_tensor *x, *y;
    int64_t n, ch, i, zeros, whole;
    double mean, var, p;
    int k, on;
    for (k = 0; k < 3; k++) {                                        /* channels: whole, kept with probability 1 - p, scaled */
        dl_step_begin(c);
        x = dl_requires_grad(c, dl_ones(c, k == 0 ? DL_SHAPE(100, 200, 7) : k == 1 ? DL_SHAPE(100, 200, 3, 2) : DL_SHAPE(100, 200, 2, 2, 2)), 1);
        y = k == 0 ? dl_dropout1d(c, x, 0.25f) : k == 1 ? dl_dropout2d(c, x, 0.25f) : dl_dropout3d(c, x, 0.25f);
        n = x->size / 20000;
        for (ch = zeros = 0, whole = 1; ch < 20000; ch++) {
            zeros += y->data[ch * n] == 0;
            for (i = 0; i < n; i++) whole &= y->data[ch * n + i] == y->data[ch * n];
        }
        CHECK(whole);
        CHECK_NEAR((double)zeros / 20000, 0.25, 0.013);              /* 4 standard deviations */
        CHECK(dl_backward(c, dl_sum(c, y)));
        for (i = 0; i < x->size; i++) whole &= x->grad[i] == y->data[i];
        CHECK(whole);
        CHECK_NEAR(dl_item(dl_max(c, y)), 4 / 3.0, 1e-5);
    }
    y = dl_dropout2d(c, dl_ones(c, DL_SHAPE(50, 40, 6)), 0.5f);      /* (N, C, L) */
    for (whole = 1, ch = 0; ch < 2000; ch++) whole &= y->data[6 * ch] == y->data[6 * ch + 5];
    CHECK(whole);
    for (k = 0; k < 2; k++) {                                        /* alpha: mean 0 and variance 1 stay */
        dl_step_begin(c);
        x = dl_randn(c, DL_SHAPE(200, 200, 5));
        y = k ? dl_feature_alpha_dropout(c, x, 0.3f) : dl_alpha_dropout(c, x, 0.3f);
        mean = dl_item(dl_mean(c, y));
        var = dl_item(dl_var(c, y));
        CHECK_NEAR(mean, 0, 0.03);
        CHECK_NEAR(var, 1, 0.03);
    }
    for (k = 3; k <= 4; k++) {                                       /* blocks: share, size, sum */
        dl_step_begin(c);
        x = dl_requires_grad(c, dl_ones(c, DL_SHAPE(40, 50, 16, 18)), 1);
        y = dl_drop_block2d(c, x, 0.1f, k);
        for (i = zeros = 0; i < y->size; i++) zeros += y->data[i] == 0;
        p = (double)zeros / (double)y->size;
        CHECK(p > 0.085 && p < 0.101);                               /* a little below 0.1, as squares overlap */
        CHECK_NEAR(dl_item(dl_mean(c, y)), 1, 1e-4);
        for (whole = 1, n = 0; n < 2000; n++)                        /* every zero is in a k x k square of zeros */
            for (i = 0; i < 288; i++) {
                int64_t h = i / 18, w = i % 18, a, b, e, f, found = 0;
                if (y->data[n * 288 + i] != 0) continue;
                for (a = h - k + 1; a <= h; a++)
                    for (b = w - k + 1; b <= w; b++) {
                        int all = a >= 0 && b >= 0 && a + k <= 16 && b + k <= 18;
                        for (e = a; e < a + k && all; e++) for (f = b; f < b + k; f++) all &= y->data[n * 288 + e * 18 + f] == 0;
                        found |= all;
                    }
                whole &= found != 0;
            }
        CHECK(whole);
        CHECK(dl_backward(c, dl_sum(c, y)));
        for (i = 0; i < x->size; i++) whole &= x->grad[i] == y->data[i];
        CHECK(whole);
    }
    dl_step_begin(c);
    y = dl_stochastic_depth(c, dl_ones(c, DL_SHAPE(10000, 3)), 0.2f);
    for (i = zeros = 0, whole = 1; i < 10000; i++) {
        zeros += y->data[3 * i] == 0;
        whole &= y->data[3 * i] == y->data[3 * i + 2] && (y->data[3 * i] == 0 || fabs((double)y->data[3 * i] - 1.25) < 1e-5);
    }
    CHECK(whole);
    CHECK_NEAR((double)zeros / 10000, 0.2, 0.016);
    for (i = zeros = 0; i < 2000; i++) {
        y = dl_stochastic_depth(c, dl_ones(c, DL_SHAPE(2, 2)), 0.2f, .batch = 1);
        zeros += y->data[0] == 0;
        CHECK(y->data[0] == y->data[3]);
    }
    CHECK_NEAR((double)zeros / 2000, 0.2, 0.036);
    x = dl_randn(c, DL_SHAPE(2, 3, 4, 4));                           /* p = 0 and evaluation: the identity; p = 1: zeros */
    for (k = 0; k < 2; k++) {
        on = dl_set_training(c, k);
        p = k ? 0 : 0.5;
        CHECK(dl_dropout2d(c, x, (dl_real)p) == x && dl_alpha_dropout(c, x, (dl_real)p) == x && dl_feature_alpha_dropout(c, x, (dl_real)p) == x);
        CHECK(dl_drop_block2d(c, x, (dl_real)p, 2) == x && dl_stochastic_depth(c, x, (dl_real)p) == x);
        CHECK(dl_dropout1d(c, dl_reshape(c, x, DL_SHAPE(2, 3, 16)), (dl_real)p)->data == x->data && dl_dropout3d(c, x, (dl_real)p) == x);
        dl_set_training(c, on);
    }
    CHECK(dl_item(dl_sum(c, dl_abs(c, dl_dropout2d(c, x, 1)))) == 0 && dl_item(dl_sum(c, dl_abs(c, dl_alpha_dropout(c, x, 1)))) == 0);
    CHECK_OK(c);
}

/* --- modules: the same as the functions ------------------------------------------------------------------------------------- */
static int equal(dl_ctx *ctx, dl_module *m, dl_tensor *x, dl_tensor *y)
{
    dl_tensor *z = dl_forward(ctx, m, x);
    return CHECK_OK(ctx) && CHECK(z->size == y->size && z->ndim == y->ndim && !memcmp(z->data, y->data, (size_t)y->size * sizeof *y->data));
}
static void modules(void)
{
    dl_tensor *x1, *x2, *x3;
    dl_step_begin(c);
    x1 = dl_abs(c, dl_randn(c, DL_SHAPE(2, 3, 9)));
    x2 = dl_abs(c, dl_randn(c, DL_SHAPE(2, 4, 6, 8)));
    x3 = dl_abs(c, dl_randn(c, DL_SHAPE(2, 3, 4, 5, 6)));
    equal(c, dl_nn_max_pool1d(c, 3, .stride = 2), x1, dl_max_pool1d(c, x1, 3, .stride = 2));
    equal(c, dl_nn_max_pool2d(c, 2), x2, dl_max_pool2d(c, x2, 2));
    equal(c, dl_nn_max_pool3d(c, 2, .padding = 1), x3, dl_max_pool3d(c, x3, 2, .padding = 1));
    equal(c, dl_nn_avg_pool1d(c, 3), x1, dl_avg_pool1d(c, x1, 3));
    equal(c, dl_nn_avg_pool2d(c, 3, .padding = 1, .no_count_include_pad = 1), x2, dl_avg_pool2d(c, x2, 3, .padding = 1, .no_count_include_pad = 1));
    equal(c, dl_nn_avg_pool3d(c, 2), x3, dl_avg_pool3d(c, x3, 2));
    equal(c, dl_nn_lp_pool1d(c, 2, 3), x1, dl_lp_pool1d(c, x1, 2, 3));
    equal(c, dl_nn_lp_pool2d(c, 2, 2), x2, dl_lp_pool2d(c, x2, 2, 2));
    equal(c, dl_nn_lp_pool3d(c, 3, 2), x3, dl_lp_pool3d(c, x3, 3, 2));
    equal(c, dl_nn_adaptive_max_pool1d(c, 4), x1, dl_adaptive_max_pool1d(c, x1, 4));
    equal(c, dl_nn_adaptive_max_pool2d(c, 3), x2, dl_adaptive_max_pool2d(c, x2, 3));
    equal(c, dl_nn_adaptive_max_pool3d(c, 2), x3, dl_adaptive_max_pool3d(c, x3, 2));
    equal(c, dl_nn_adaptive_avg_pool1d(c, 4), x1, dl_adaptive_avg_pool1d(c, x1, 4));
    equal(c, dl_nn_adaptive_avg_pool2d(c, 1, .sizes = {2, 3}), x2, dl_adaptive_avg_pool2d(c, x2, 1, .sizes = {2, 3}));
    equal(c, dl_nn_adaptive_avg_pool3d(c, 2), x3, dl_adaptive_avg_pool3d(c, x3, 2));
    equal(c, dl_nn_global_avg_pool2d(c), x2, dl_adaptive_avg_pool2d(c, x2, 1));
    equal(c, dl_nn_global_max_pool2d(c), x2, dl_adaptive_max_pool2d(c, x2, 1));
    equal(c, dl_nn_upsample(c, 2, .mode = DL_BILINEAR), x2, dl_upsample2d(c, x2, 2, .mode = DL_BILINEAR));
    equal(c, dl_nn_upsample(c, 0, .size = {7, 7, 7}, .mode = DL_TRILINEAR), x3, dl_interpolate(c, x3, .size = {7, 7, 7}, .mode = DL_BILINEAR));
    equal(c, dl_nn_pixel_shuffle(c, 2), x2, dl_pixel_shuffle(c, x2, 2));
    equal(c, dl_nn_pixel_unshuffle(c, 2), x2, dl_pixel_unshuffle(c, x2, 2));
#define AGAIN(module, x, call) { dl_tensor *y; dl_manual_seed(c, 9); y = call; dl_manual_seed(c, 9); equal(c, module, x, y); }
    AGAIN(dl_nn_dropout1d(c, 0.5f), x1, dl_dropout1d(c, x1, 0.5f))
    AGAIN(dl_nn_dropout2d(c, 0.5f), x2, dl_dropout2d(c, x2, 0.5f))
    AGAIN(dl_nn_dropout3d(c, 0.5f), x3, dl_dropout3d(c, x3, 0.5f))
    AGAIN(dl_nn_alpha_dropout(c, 0.5f), x2, dl_alpha_dropout(c, x2, 0.5f))
    AGAIN(dl_nn_feature_alpha_dropout(c, 0.5f), x2, dl_feature_alpha_dropout(c, x2, 0.5f))
    AGAIN(dl_nn_drop_block2d(c, 0.3f, 2), x2, dl_drop_block2d(c, x2, 0.3f, 2))
    AGAIN(dl_nn_stochastic_depth(c, 0.5f), x2, dl_stochastic_depth(c, x2, 0.5f))
    CHECK(dl_param_count(dl_nn_max_pool2d(c, 2)) == 0);
}

/* --- the curriculum: V26, V33 ------------------------------------------------------------------------------------------------ */
static int is(const dl_tensor *y, int n, const double *want)
{
    int i;
    if (!CHECK(y->size == n)) return 0;
    for (i = 0; i < n; i++) CHECK_NEAR(y->data[i], want[i], 2e-6);
    return 1;
}
#define IS(y, ...) { static const double want_[] = {__VA_ARGS__}; is(y, (int)(sizeof want_ / sizeof *want_), want_); }

static dl_tensor *nine(void)    { return dl_reshape(c, dl_arange(c, 0, 9, 1), DL_SHAPE(1, 1, 3, 3)); }
static dl_tensor *sixteen(void) { return dl_reshape(c, dl_arange(c, 1, 17, 1), DL_SHAPE(1, 1, 4, 4)); }
static dl_tensor *v24(void)
{
    static const dl_real v[] = {3, 3, 2, 1, 0, 0, 0, 1, 3, 1, 3, 1, 2, 2, 3, 2, 0, 0, 2, 2, 2, 0, 0, 0, 1};
    return dl_tensor_from(c, v, DL_SHAPE(1, 1, 5, 5));
}

static void max_pooling(void)
{
    dl_tensor *x;
    ROW("CONV-24");
    dl_step_begin(c);
    x = dl_requires_grad(c, nine(), 1);
    IS(dl_max_pool2d(c, x, 2, .stride = 1), 4, 5, 7, 8)
    IS(dl_max_pool2d(c, v24(), 3, .stride = 1), 3, 3, 3, 3, 3, 3, 3, 2, 3)
    dl_backward(c, dl_sum(c, dl_max_pool2d(c, x, 2, .stride = 1)));
    CHECK(x->grad[4] == 1 && x->grad[5] == 1 && x->grad[7] == 1 && x->grad[8] == 1 && x->grad[0] == 0);
}
static void average_pooling(void)
{
    ROW("CONV-25");
    dl_step_begin(c);
    IS(dl_avg_pool2d(c, nine(), 2, .stride = 1), 2, 3, 5, 6)
    IS(dl_avg_pool2d(c, sixteen(), 2), 3.5, 5.5, 11.5, 13.5)
    IS(dl_avg_pool2d(c, v24(), 3, .stride = 2), 15 / 9.0, 15 / 9.0, 10 / 9.0, 12 / 9.0)
}
static void pooling_by_the_book(void)
{
    dl_pads pads = {{0, 0, 0, 1}, {0}};
    dl_tensor *x, *y, *shifted;
    int64_t i, same = 0;
    ROW("CONV-26");
    dl_step_begin(c);
    IS(dl_max_pool2d(c, sixteen(), 2), 6, 8, 14, 16)                /* the stride is the window */
    CHECK(dl_param_count(dl_nn_max_pool2d(c, 2)) == 0);
    x = dl_randn(c, DL_SHAPE(2, 7, 12, 12));
    y = dl_max_pool2d(c, x, 4);
    CHECK(y->shape[1] == 7 && y->shape[2] == 3 && y->shape[3] == 3);
    shifted = dl_max_pool2d(c, dl_pad(c, dl_slice(c, x, 3, 0, 11), pads), 4);
    for (i = 0; i < y->size; i++) same += y->data[i] == shifted->data[i];
    CHECK(same > y->size / 2);                                       /* moved by one column, most maxima stay */
}
static void overlapping_pooling(void)
{
    dl_tensor *x;
    ROW("CONV-27");
    dl_step_begin(c);
    IS(dl_max_pool2d(c, v24(), 3, .stride = 2), 3, 3, 3, 3)
    x = dl_requires_grad(c, dl_zeros(c, DL_SHAPE(1, 1, 5, 5)), 1);
    x->data[12] = 1;                                                 /* the middle is in all four windows */
    dl_backward(c, dl_sum(c, dl_max_pool2d(c, x, 3, .stride = 2)));
    CHECK(x->grad[12] == 4);
}
static void layouts(void)
{
    dl_tensor *x, *y, *z;
    int64_t n, ch, h, w;
    ROW("CONV-30");
    dl_step_begin(c);
    x = dl_reshape(c, dl_arange(c, 0, 2 * 3 * 4 * 5, 1), DL_SHAPE(2, 3, 4, 5));
    y = dl_to_nhwc(c, x);
    CHECK(y->shape[0] == 2 && y->shape[1] == 4 && y->shape[2] == 5 && y->shape[3] == 3);
    for (n = 0; n < 2; n++) for (ch = 0; ch < 3; ch++) for (h = 0; h < 4; h++) for (w = 0; w < 5; w++)
        CHECK(y->data[((n * 4 + h) * 5 + w) * 3 + ch] == x->data[((n * 3 + ch) * 4 + h) * 5 + w]);
    z = dl_to_nchw(c, y);
    CHECK(z->shape[1] == 3 && !memcmp(z->data, x->data, (size_t)x->size * sizeof *x->data));
}
static void global_pooling(void)
{
    ROW("CONV-38");
    dl_step_begin(c);
    IS(dl_global_avg_pool2d(c, nine()), 4)
    IS(dl_global_max_pool2d(c, nine()), 8)
}
static void pyramid(void)
{
    dl_tensor *y;
    ROW("DET-07");
    dl_step_begin(c);
    y = dl_spatial_pyramid_pool(c, dl_randn(c, DL_SHAPE(1, 256, 13, 17)));        /* any size gives 256 * 21 */
    CHECK(y->shape[0] == 1 && y->shape[1] == 5376);
    y = dl_spatial_pyramid_pool(c, dl_randn(c, DL_SHAPE(2, 256, 7, 9)));
    CHECK(y->shape[0] == 2 && y->shape[1] == 5376);
    IS(dl_spatial_pyramid_pool(c, sixteen()), 16, 6, 8, 14, 16, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
    CHECK(dl_spatial_pyramid_pool(c, sixteen(), .bins = {1, 3})->shape[1] == 10);
}
static void upsampling(void)
{
    static const dl_real four[] = {1, 2, 3, 4};
    dl_tensor *x, *y, *index, *w, *up, *bilinear;
    int64_t i, j;
    ROW("DET-13");
    dl_step_begin(c);
    x = dl_tensor_from(c, four, DL_SHAPE(1, 1, 2, 2));
    IS(dl_upsample2d(c, x, 2), 1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4)
    IS(dl_upsample2d(c, x, 2, .mode = DL_BILINEAR, .align_corners = 1),
       1, 4 / 3.0, 5 / 3.0, 2, 5 / 3.0, 2, 7 / 3.0, 8 / 3.0, 7 / 3.0, 8 / 3.0, 3, 10 / 3.0, 3, 10 / 3.0, 11 / 3.0, 4)
    y = dl_max_pool2d(c, sixteen(), 2, .indices = &index);
    IS(dl_max_unpool2d(c, y, index, 2), 0, 0, 0, 0, 0, 6, 0, 8, 0, 0, 0, 0, 0, 14, 0, 16)
    /* a transposed convolution with bilinear weights is bilinear interpolation, away from the border */
    w = dl_zeros(c, DL_SHAPE(1, 1, 4, 4));
    for (i = 0; i < 16; i++) w->data[i] = (dl_real)((i / 4 % 3 ? 0.75 : 0.25) * (i % 4 % 3 ? 0.75 : 0.25));
    up = dl_conv_transpose2d(c, sixteen(), w, NULL, .stride = 2, .padding = 1);
    bilinear = dl_upsample2d(c, sixteen(), 2, .mode = DL_BILINEAR);
    for (i = 1; i < 7; i++) for (j = 1; j < 7; j++) CHECK_NEAR(up->data[8 * i + j], bilinear->data[8 * i + j], 1e-5);
    CHECK_OK(c);
}

/* In dl_nn_sequential ReLU waits for the max pooling behind it: the same numbers and gradients as one by one, except where the places
   of the maxima are asked for, which zeros could change. */
static void relu_waits(void)
{
    int which, i;
    for (which = 0; which < 7; which++) {
        dl_tensor *x, *y[2], *index;
        dl_param *p[2];
        dl_module *net[2];
        const int waits = which < 5;
        int64_t k;
        dl_step_begin(c);
        for (i = 0; i < 2; i++) {
            dl_manual_seed(c, 5);
            net[i] = dl_nn_sequential(c, dl_nn_conv2d(c, 3, 6, 3, .padding = 1));
            if (which == 1 || which == 2) dl_module_add(c, net[i], NULL, dl_nn_batchnorm2d(c, 6));
            dl_module_add(c, net[i], NULL, which == 2 ? dl_nn_relu6(c) : which == 5 ? dl_nn_tanh(c) : dl_nn_relu(c));
            dl_module_add(c, net[i], NULL, which == 3 ? dl_nn_max_pool2d(c, 3, .stride = 2, .padding = 1) : which == 4 ? dl_nn_adaptive_max_pool2d(c, 3) :
                          which == 6 ? dl_nn_max_pool2d(c, 2, .indices = &index) : dl_nn_max_pool2d(c, 2));
            x = dl_mul_scalar(c, dl_randn(c, DL_SHAPE(2, 3, 8, 10)), 3);
            y[i] = i ? dl_forward(c, net[i]->children[0], x) : dl_forward(c, net[i], x);
            for (k = 1; i && k < net[i]->nchildren; k++) y[i] = dl_forward(c, net[i]->children[k], y[i]);
            dl_backward(c, dl_sum(c, dl_square(c, y[i])));
        }
        CHECK_OK(c);
        CHECK((strstr(y[0]->op->name, "max_pool") == NULL) == waits && strstr(y[1]->op->name, "max_pool"));
        CHECK(!memcmp(y[0]->data, y[1]->data, (size_t)y[0]->size * sizeof(dl_real)));
        for (i = 0; (p[0] = dl_module_at(net[0], i, NULL, 0)) != NULL; i++) {
            p[1] = dl_module_at(net[1], i, NULL, 0);
            for (k = 0; k < p[0]->tensor->size && !p[0]->is_buffer; k++) CHECK(p[0]->tensor->grad[k] == p[1]->tensor->grad[k]);
        }
        dl_set_grad_enabled(c, 0);                           /* without gradients nothing is gained: in the order of the list */
        dl_forward(c, net[0], x);
        dl_set_grad_enabled(c, 1);
    }
    CHECK_OK(c);
}

int main(void)
{
    c = dl_create(.seed = 1, .threads = 2);
    RUN(pytorch);
    RUN(differences);
    RUN(same_bits);
    RUN(nan_ties_padding);
    RUN(infinite);
    RUN(infinite_lp);
    RUN(windows_without_taps);
    RUN(infinite_pixels);
    RUN(planes_in_parts);
    RUN(even_boxes);
    RUN(grids_in_parts);
    RUN(half_way);
    RUN(grids_of_nan);
    RUN(dilated_column);
    RUN(kept_axes);
    RUN(bad_input);
    RUN(random_ones);
    RUN(modules);
    RUN(relu_waits);
    RUN(max_pooling);
    RUN(average_pooling);
    RUN(pooling_by_the_book);
    RUN(overlapping_pooling);
    RUN(layouts);
    RUN(global_pooling);
    RUN(pyramid);
    RUN(upsampling);
    dl_destroy(c);
    TEST_END;
}
