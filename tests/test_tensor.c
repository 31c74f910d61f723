/* build: float double asan */
/* Tensors: creation, types, views, printing; broadcasting, reductions and permutations against plain loops; autograd semantics. */
#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"

#ifdef DL_DOUBLE
#define TOL 1e-11
#else
#define TOL 1e-5
#endif

static dl_ctx *c;

static int64_t pick(int64_t n)                            /* 0 .. n - 1, the same in every run */
{
    static uint64_t state = 1;
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((state >> 33) % (uint64_t)n);
}
static void number(dl_tensor *t)                          /* 0, 1, 2, ... */
{
    int64_t i;
    for (i = 0; i < t->size; i++) t->data[i] = (dl_real)i;
}
static int has_shape(const dl_tensor *x, int ndim, int64_t a, int64_t b, int64_t d)
{
    return x->ndim == ndim && x->shape[0] == a && x->shape[1] == b && x->shape[2] == d && x->size == a * b * d;
}
static int same_values(const dl_tensor *x, int n, const double *values)
{
    int i;
    if (x->size != n) return 0;
    for (i = 0; i < n; i++) if (fabs((x->dtype == DL_INT32 ? (double)x->idata[i] : (double)x->data[i]) - values[i]) > TOL) return 0;
    return 1;
}
#define SAME(x, ...) same_values(x, (int)(sizeof (double[]){__VA_ARGS__} / sizeof(double)), (double[]){__VA_ARGS__})
#define FROM(shape, ...) dl_tensor_from(c, (dl_real[]){__VA_ARGS__}, shape)
#define INTS(shape, ...) dl_tensor_from_int(c, (int32_t[]){__VA_ARGS__}, shape)

/* --- creation ----------------------------------------------------------------------------------------------------------- */
static void creation(void)
{
    dl_tensor *x;
    dl_step_begin(c);
    x = FROM(DL_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    CHECK(has_shape(x, 2, 2, 3, 1) && SAME(x, 1, 2, 3, 4, 5, 6));
    CHECK(x->dtype == DL_REAL && !x->idata && !x->grad && !x->requires_grad && !x->op);
    CHECK(has_shape(dl_scalar(c, 4), 0, 1, 1, 1) && dl_item(dl_scalar(c, 4)) == 4);
    CHECK(has_shape(dl_ones(c, DL_SHAPE(0)), 0, 1, 1, 1));
    CHECK(SAME(dl_zeros(c, DL_SHAPE(3)), 0, 0, 0) && SAME(dl_ones(c, DL_SHAPE(2, 1)), 1, 1) && SAME(dl_full(c, DL_SHAPE(2), 7), 7, 7));
    CHECK(has_shape(dl_empty(c, DL_SHAPE(2, 3, 4)), 3, 2, 3, 4));
    CHECK(SAME(dl_arange(c, 0, 5, 1), 0, 1, 2, 3, 4) && SAME(dl_arange(c, 1, 2, 0.25), 1, 1.25, 1.5, 1.75));
    CHECK(SAME(dl_arange(c, 3, 0, -1), 3, 2, 1) && dl_arange(c, 0, 1, 0.3)->size == 4);
    CHECK(has_shape(dl_eye(c, 2), 2, 2, 2, 1) && SAME(dl_eye(c, 2), 1, 0, 0, 1));
    CHECK(((uintptr_t)dl_empty(c, DL_SHAPE(3))->data & 63) == 0);
    CHECK_OK(c);
    x = dl_zeros(c, DL_SHAPE(2, 1, 2, 1, 2, 1, 2, 3));
    CHECK(x->ndim == 8 && x->size == 48 && x->shape[7] == 3);
    CHECK(dl_is_nil(dl_zeros(c, DL_SHAPE(2, 0, 3))));
    CHECK_ERROR(c, "zeros");
    CHECK(dl_is_nil(dl_zeros(c, DL_SHAPE(2, -3))));
    CHECK_ERROR(c, "-3");
    CHECK(dl_is_nil(dl_zeros(c, DL_SHAPE((int64_t)1 << 40, (int64_t)1 << 40))));
    CHECK_ERROR(c, "too large");
    CHECK(dl_is_nil(dl_tensor_from(c, NULL, DL_SHAPE(2))));
    CHECK_ERROR(c, "NULL");
    CHECK(dl_is_nil(dl_arange(c, 0, 1, 0)));
    CHECK_ERROR(c, "arange");
    CHECK(dl_is_nil(dl_arange(c, 0, 1, -1)));
    CHECK_ERROR(c, "arange");
    CHECK(dl_is_nil(dl_eye(c, 0)));
    CHECK_ERROR(c, "eye");
}

static void integers(void)
{
    dl_tensor *i, *r;
    dl_step_begin(c);
    i = INTS(DL_SHAPE(3), 2, 0, 1);
    CHECK(i->dtype == DL_INT32 && i->idata && !i->data && i->size == 3);
    CHECK(SAME(dl_to_real(c, i), 2, 0, 1) && dl_to_real(c, i)->dtype == DL_REAL);
    r = dl_to_int(c, FROM(DL_SHAPE(4), 1.9f, -1.9f, 0, 7));
    CHECK(r->dtype == DL_INT32 && SAME(r, 1, -1, 0, 7));
    r = dl_one_hot(c, i, 4);
    CHECK(has_shape(r, 2, 3, 4, 1) && r->dtype == DL_REAL && SAME(r, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0));
    CHECK(has_shape(dl_one_hot(c, INTS(DL_SHAPE(2, 1), 0, 1), 2), 3, 2, 1, 2));
    CHECK(has_shape(dl_reshape(c, i, DL_SHAPE(1, 3)), 2, 1, 3, 1) && dl_reshape(c, i, DL_SHAPE(3, 1))->idata == i->idata);
    CHECK(SAME(dl_slice(c, i, 0, 1, 3), 0, 1) && SAME(dl_index_select(c, i, 0, INTS(DL_SHAPE(2), 2, 2)), 1, 1));
    CHECK(SAME(dl_cat(c, 2, (dl_tensor *[]){i, i}, 0), 2, 0, 1, 2, 0, 1) && SAME(dl_repeat(c, i, DL_SHAPE(2)), 2, 0, 1, 2, 0, 1));
    CHECK(SAME(dl_transpose(c, INTS(DL_SHAPE(2, 2), 1, 2, 3, 4), 0, 1), 1, 3, 2, 4));
    CHECK(dl_item(INTS(DL_SHAPE(1), 9)) == 9 && dl_keep(c, i)->idata != i->idata && SAME(dl_keep(c, i), 2, 0, 1));
    CHECK_OK(c);
    dl_add(c, i, i);
    CHECK_ERROR(c, "int32");
    dl_one_hot(c, i, 2);
    CHECK_ERROR(c, "one_hot");
    dl_to_int(c, FROM(DL_SHAPE(1), (dl_real)3e9));
    CHECK_ERROR(c, "to_int");
    dl_to_int(c, FROM(DL_SHAPE(1), (dl_real)NAN));
    CHECK_ERROR(c, "to_int");
    dl_requires_grad(c, i, 1);
    CHECK_ERROR(c, "int32");
}

static void random_numbers(void)
{
    static int seen[1000];
    static const uint32_t pi[4] = {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344}, pik[2] = {0xa4093822, 0x299f31d0};
    static const uint32_t zero[4], ones[4] = {~0u, ~0u, ~0u, ~0u};
    dl_tensor *u, *n, *p, *again;
    double mean = 0, square = 0, cube = 0, fourth = 0, low = 1, high = 0;
    uint32_t out[4];
    int64_t i;
    ROW("TEN-12"); ROW("INIT-13");
    dl_step_begin(c);
    dl_philox(zero, zero, out);                           /* the known answers of Random123 */
    CHECK(out[0] == 0x6627e8d5 && out[1] == 0xe169c58d && out[2] == 0xbc57ac4c && out[3] == 0x9b00dbd8);
    dl_philox(ones, ones, out);
    CHECK(out[0] == 0x408f276d && out[1] == 0x41c83b0e && out[2] == 0xa20bc7c6 && out[3] == 0x6d5451fd);
    dl_philox(pi, pik, out);
    CHECK(out[0] == 0xd16cfe09 && out[1] == 0x94fdcceb && out[2] == 0x5001e420 && out[3] == 0x24126ea1);

    dl_manual_seed(c, 3);
    u = dl_rand(c, DL_SHAPE(100000));
    for (i = 0; i < u->size; i++) {
        double v = (double)u->data[i];
        mean += v / 100000;
        square += v * v / 100000;
        if (v < low) low = v;
        if (v > high) high = v;
    }
    CHECK(low >= 0 && low < 1e-3 && high < 1 && high > 0.999);
    CHECK_NEAR(mean, 0.5, 4 * sqrt(1.0 / 12 / 100000));
    CHECK_NEAR(square - mean * mean, 1.0 / 12, 4 * sqrt(1.0 / 180 / 100000));
    n = dl_randn(c, DL_SHAPE(100000));
    for (mean = square = 0, i = 0; i < n->size; i++) {
        double v = (double)n->data[i];
        mean += v / 100000;
        square += v * v / 100000;
        cube += v * v * v / 100000;
        fourth += v * v * v * v / 100000;
    }
    CHECK_NEAR(mean, 0, 4 * sqrt(1.0 / 100000));
    CHECK_NEAR(square, 1, 4 * sqrt(2.0 / 100000));
    CHECK_NEAR(cube, 0, 4 * sqrt(15.0 / 100000));
    CHECK_NEAR(fourth, 3, 4 * sqrt(96.0 / 100000));
    for (square = 0, i = 1; i < n->size; i++) square += (double)n->data[i] * (double)n->data[i - 1] / 100000;      /* neighbours */
    CHECK_NEAR(square, 0, 4 * sqrt(1.0 / 100000));

    p = dl_randperm(c, 1000);
    CHECK(p->dtype == DL_INT32 && has_shape(p, 1, 1000, 1, 1));
    for (i = 0; i < 1000; i++) if (p->idata[i] >= 0 && p->idata[i] < 1000) seen[p->idata[i]]++;
    for (i = 0; i < 1000 && seen[i] == 1; i++) {}
    CHECK(i == 1000);
    for (mean = 0, i = 0; i < 1000; i++) mean += p->idata[i] == i;
    CHECK(mean < 10);

    dl_manual_seed(c, 3);                                 /* one seed, one sequence */
    again = dl_rand(c, DL_SHAPE(100000));
    CHECK(!memcmp(again->data, u->data, 100000 * sizeof(dl_real)));
    CHECK(memcmp(dl_randn(c, DL_SHAPE(100000))->data, u->data, 100000 * sizeof(dl_real)));
    CHECK(!memcmp(dl_randperm(c, 1000)->idata, p->idata, 1000 * sizeof(int32_t)));
    CHECK(memcmp(dl_randperm(c, 1000)->idata, p->idata, 1000 * sizeof(int32_t)));
    dl_manual_seed(c, 4);
    CHECK(memcmp(dl_rand(c, DL_SHAPE(1000))->data, u->data, 1000 * sizeof(dl_real)));
    CHECK(SAME(dl_randperm(c, 1), 0));
    CHECK_OK(c);
    dl_randperm(c, 0);
    CHECK_ERROR(c, "randperm");
}

static void permutations_are_even(void)                   /* all 6 orders of 3 equally often */
{
    int count[27] = {0}, i;
    dl_manual_seed(c, 1);
    for (i = 0; i < 6000; i++) {
        int32_t *p;
        dl_step_begin(c);
        p = dl_randperm(c, 3)->idata;
        count[p[0] * 9 + p[1] * 3 + p[2]]++;
    }
    CHECK_NEAR(count[5], 1000, 120);  CHECK_NEAR(count[7], 1000, 120);  CHECK_NEAR(count[11], 1000, 120);
    CHECK_NEAR(count[15], 1000, 120); CHECK_NEAR(count[19], 1000, 120); CHECK_NEAR(count[21], 1000, 120);
}

static void item_and_keep(void)
{
    dl_tensor *x, *k;
    dl_step_begin(c);
    x = FROM(DL_SHAPE(2), 1, 2);
    CHECK(dl_item(FROM(DL_SHAPE(1, 1), 3)) == 3);
    CHECK(dl_item(x) != dl_item(x) && dl_item(NULL) != dl_item(NULL));
    k = dl_keep(c, dl_requires_grad(c, x, 1));
    CHECK(k->data != x->data && k->requires_grad && k->kept && !k->op);
    CHECK(!dl_keep(c, dl_square(c, x))->requires_grad);
    dl_step_begin(c);
    CHECK(dl_full(c, DL_SHAPE(100), 5)->data[0] == 5 && SAME(k, 1, 2));
    CHECK_OK(c);
}

/* --- views ---------------------------------------------------------------------------------------------------------------- */
static void views(void)
{
    dl_tensor *x, *y;
    dl_step_begin(c);
    x = dl_zeros(c, DL_SHAPE(2, 3, 4));
    number(x);
    CHECK(has_shape(dl_reshape(c, x, DL_SHAPE(6, 4)), 2, 6, 4, 1) && has_shape(dl_reshape(c, x, DL_SHAPE(4, -1)), 2, 4, 6, 1));
    CHECK(has_shape(dl_reshape(c, x, DL_SHAPE(-1)), 1, 24, 1, 1) && has_shape(dl_view(c, x, DL_SHAPE(1, -1, 12)), 3, 1, 2, 12));
    CHECK(has_shape(dl_flatten(c, x, 1, -1), 2, 2, 12, 1) && has_shape(dl_flatten(c, x, 0, -1), 1, 24, 1, 1));
    CHECK(has_shape(dl_flatten(c, x, 0, 1), 2, 6, 4, 1) && has_shape(dl_flatten(c, x, 1, 1), 3, 2, 3, 4));
    y = dl_unsqueeze(c, x, 1);
    CHECK(y->ndim == 4 && y->shape[1] == 1 && y->shape[3] == 4 && dl_unsqueeze(c, x, -1)->shape[3] == 1 && dl_unsqueeze(c, x, -4)->shape[0] == 1);
    CHECK(has_shape(dl_squeeze(c, y, 0), 3, 2, 3, 4) && dl_squeeze(c, y, DL_DIM(0))->ndim == 4 && has_shape(dl_squeeze(c, y, DL_DIM(-3)), 3, 2, 3, 4));
    CHECK(has_shape(dl_squeeze(c, dl_ones(c, DL_SHAPE(1, 1)), 0), 0, 1, 1, 1));
    CHECK(has_shape(dl_flatten(c, dl_scalar(c, 1), 0, -1), 1, 1, 1, 1));
    CHECK(dl_reshape(c, x, DL_SHAPE(24))->data == x->data && dl_flatten(c, x, 0, -1)->data == x->data);
    CHECK(dl_squeeze(c, y, 0)->data == x->data && y->data == x->data && dl_detach(c, x)->data == x->data);
    dl_view(c, x, DL_SHAPE(24))->data[23] = -1;           /* one memory */
    CHECK(x->data[23] == -1);
    CHECK_OK(c);
    dl_reshape(c, x, DL_SHAPE(5, -1));
    CHECK_ERROR(c, "reshape: (2, 3, 4)");
    dl_reshape(c, x, DL_SHAPE(-1, -1));
    CHECK_ERROR(c, "reshape");
    dl_reshape(c, x, DL_SHAPE(25));
    CHECK_ERROR(c, "24 elements");
    dl_unsqueeze(c, x, 4);
    CHECK_ERROR(c, "unsqueeze");
    dl_squeeze(c, x, DL_DIM(3));
    CHECK_ERROR(c, "squeeze");
    dl_flatten(c, x, 2, 1);
    CHECK_ERROR(c, "flatten");
}

/* --- against plain loops: offset of an index in a contiguous tensor, with size-1 axes standing still ---------------------- */
static int64_t offset(const dl_tensor *x, int ndim, const int64_t *index)
{
    int64_t off = 0;
    int d;
    for (d = 0; d < x->ndim; d++) off = off * x->shape[d] + (x->shape[d] == 1 ? 0 : index[ndim - x->ndim + d]);
    return off;
}
static void unravel(const dl_tensor *x, int64_t i, int64_t *index)
{
    int d;
    for (d = x->ndim - 1; d >= 0; d--) { index[d] = i % x->shape[d]; i /= x->shape[d]; }
}
static dl_tensor *random_tensor(int ndim, const int64_t *shape)
{
    dl_shape s = DL_SHAPE(0);
    dl_tensor *t;
    int64_t i;
    int d;
    for (d = 0; d < ndim; d++) s.d[d] = shape[d];
    t = dl_zeros(c, s);
    for (i = 0; i < t->size; i++) t->data[i] = (dl_real)(pick(4001) - 2000) / 1024;
    return t;
}

static void broadcasting(void)                            /* values, and gradients summed over the stretched axes */
{
    int round, d;
    for (round = 0; round < 500; round++) {
        int64_t full[5], sa[5], sb[5], index[5], i;
        int ndim = (int)pick(6), na = ndim, nb = ndim, ok = 1;
        dl_tensor *a, *b, *y, *g;
        double da[3200] = {0}, db[3200] = {0};
        dl_step_begin(c);
        if (pick(2)) na = (int)pick(ndim + 1); else nb = (int)pick(ndim + 1);
        for (d = 0; d < ndim; d++) full[d] = d == ndim - 1 && pick(4) == 0 ? 16 + pick(10) : 1 + pick(4);
        for (d = 0; d < na; d++) sa[d] = pick(3) ? full[ndim - na + d] : 1;
        for (d = 0; d < nb; d++) sb[d] = pick(3) ? full[ndim - nb + d] : 1;
        a = dl_requires_grad(c, random_tensor(na, sa), 1);
        b = dl_requires_grad(c, random_tensor(nb, sb), 1);
        y = dl_mul(c, a, b);
        g = random_tensor(y->ndim, y->shape);
        ok = y->ndim == (na > nb ? na : nb);
        for (d = 0; ok && d < y->ndim; d++) {
            int64_t in_a = d - (y->ndim - na) < 0 ? 1 : sa[d - (y->ndim - na)], in_b = d - (y->ndim - nb) < 0 ? 1 : sb[d - (y->ndim - nb)];
            ok = y->shape[d] == (in_a > in_b ? in_a : in_b);
        }
        if (!CHECK(ok) || !CHECK(dl_backward(c, y, .grad = g))) return;
        for (i = 0; i < y->size; i++) {
            int64_t ia, ib;
            unravel(y, i, index);
            ia = offset(a, y->ndim, index);
            ib = offset(b, y->ndim, index);
            ok &= y->data[i] == a->data[ia] * b->data[ib];
            da[ia] += (double)g->data[i] * (double)b->data[ib];
            db[ib] += (double)g->data[i] * (double)a->data[ia];
        }
        for (i = 0; i < a->size; i++) ok &= fabs((double)a->grad[i] - da[i]) <= TOL * (1 + fabs(da[i]));
        for (i = 0; i < b->size; i++) ok &= fabs((double)b->grad[i] - db[i]) <= TOL * (1 + fabs(db[i]));
        if (!CHECK(ok)) return;
    }
    dl_step_begin(c);
    dl_add(c, dl_ones(c, DL_SHAPE(2, 3)), dl_ones(c, DL_SHAPE(4)));
    CHECK_ERROR(c, "add: shapes (2, 3) and (4)");
    dl_mul(c, dl_ones(c, DL_SHAPE(2, 3)), dl_ones(c, DL_SHAPE(3, 3)));
    CHECK_ERROR(c, "mul");
}

static void reductions(void)                              /* over random sets of axes */
{
    int round, d;
    for (round = 0; round < 300; round++) {
        int64_t shape[5], index[5], i;
        int ndim = 1 + (int)pick(5), keepdim = (int)pick(2), ok = 1;
        unsigned dims = 0, set = 0;
        static double sum[8000], square[8000], product[8000], top[8000], low[8000];
        double count;
        dl_tensor *x, *y, *mean, *var, *max, *min, *prod, *lse, *norm;
        dl_step_begin(c);
        for (d = 0; d < ndim; d++) {
            shape[d] = pick(5) == 0 ? 1 : d == ndim - 1 && pick(3) == 0 ? 17 + pick(20) : 1 + pick(5);
            if (pick(2)) { dims |= DL_DIM(pick(2) ? d : d - ndim); set |= 1u << d; }
        }
        if (!set) set = (1u << ndim) - 1;
        x = random_tensor(ndim, shape);
        y = dl_sum(c, x, .dims = dims, .keepdim = keepdim);
        mean = dl_mean(c, x, .dims = dims, .keepdim = keepdim);
        var = dl_var(c, x, .dims = dims, .keepdim = keepdim, .biased = 1);
        max = dl_max(c, x, .dims = dims, .keepdim = keepdim);
        min = dl_min(c, x, .dims = dims, .keepdim = keepdim);
        lse = dl_logsumexp(c, x, .dims = dims, .keepdim = keepdim);
        norm = dl_norm(c, x, .dims = dims, .keepdim = keepdim);
        prod = dl_prod(c, x, .dims = dims, .keepdim = keepdim);
        count = (double)(x->size / y->size);
        for (i = 0; i < y->size; i++) { sum[i] = square[i] = 0; product[i] = 1; top[i] = -1e9; low[i] = 1e9; }
        for (i = 0; i < x->size; i++) {
            int64_t out = 0;
            double v = (double)x->data[i];
            unravel(x, i, index);
            for (d = 0; d < ndim; d++) if (!(set >> d & 1)) out = out * shape[d] + index[d];
            sum[out] += v;
            square[out] += v * v;
            product[out] *= v;
            if (v > top[out]) top[out] = v;
            if (v < low[out]) low[out] = v;
        }
        for (d = 0; d < ndim && keepdim; d++) ok &= y->shape[d] == (set >> d & 1 ? 1 : shape[d]);
        for (i = 0; i < y->size; i++) {
            double m = sum[i] / count;
            ok &= fabs((double)y->data[i] - sum[i]) <= TOL * (1 + fabs(sum[i]));
            ok &= fabs((double)mean->data[i] - m) <= TOL;
            ok &= fabs((double)var->data[i] - (square[i] / count - m * m)) <= TOL * 4;
            ok &= (double)max->data[i] == top[i] && (double)min->data[i] == low[i];
            ok &= fabs(product[i]) > 1e30 || fabs((double)prod->data[i] - product[i]) <= TOL * (1e-30 + fabs(product[i])) * count;
            ok &= fabs((double)norm->data[i] - sqrt(square[i])) <= TOL * (1 + sqrt(square[i]));
            ok &= lse->data[i] >= max->data[i] - (dl_real)TOL && lse->data[i] <= max->data[i] + (dl_real)(log(count) + TOL);
        }
        if (!CHECK(ok && y->ndim == (keepdim ? ndim : y->ndim))) return;
    }
    CHECK_OK(c);
    dl_sum(c, dl_ones(c, DL_SHAPE(2, 3)), .dims = DL_DIM(2));
    CHECK_ERROR(c, "sum");
    dl_argmax(c, dl_ones(c, DL_SHAPE(2, 3, 4)), .dims = DL_DIM(0) | DL_DIM(1));
    CHECK_ERROR(c, "argmax");
}
