/* build: float double asan */
/* Tensors: creation, types, views, printing; broadcasting, reductions, permutations and products against plain loops;
   what autograd promises. */
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
    for (i = 0; i < n; i++) {
        double v = x->dtype == DL_INT32 ? (double)x->idata[i] : (double)x->data[i];
        if (fabs(v - values[i]) > TOL) return 0;
    }
    return 1;
}
#define SAME(x, ...) same_values(x, (int)(sizeof (double[]){__VA_ARGS__} / sizeof(double)), (double[]){__VA_ARGS__})
#define FROM(shape, ...) dl_tensor_from(c, (dl_real[]){__VA_ARGS__}, shape)
#define INTS(shape, ...) dl_tensor_from_int(c, (int32_t[]){__VA_ARGS__}, shape)

/* --- creation ---------------------------------------------------------------------------------------------------- */
static void creation(void)
{
    dl_tensor *x;
    dl_step_begin(c);
    x = FROM(DL_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    CHECK(has_shape(x, 2, 2, 3, 1) && SAME(x, 1, 2, 3, 4, 5, 6));
    CHECK(x->dtype == DL_REAL && !x->idata && !x->grad && !x->requires_grad && !x->op);
    CHECK(has_shape(dl_scalar(c, 4), 0, 1, 1, 1) && dl_item(dl_scalar(c, 4)) == 4);
    CHECK(has_shape(dl_ones(c, DL_SHAPE(0)), 0, 1, 1, 1));
    CHECK(SAME(dl_zeros(c, DL_SHAPE(3)), 0, 0, 0) && SAME(dl_ones(c, DL_SHAPE(2, 1)), 1, 1) &&
          SAME(dl_full(c, DL_SHAPE(2), 7), 7, 7));
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
    r = dl_to_int(c, FROM(DL_SHAPE(4), 1.9, -1.9, 0, 7));
    CHECK(r->dtype == DL_INT32 && SAME(r, 1, -1, 0, 7));
    r = dl_one_hot(c, i, 4);
    CHECK(has_shape(r, 2, 3, 4, 1) && r->dtype == DL_REAL && SAME(r, 0, 0, 1, 0, 1, 0, 0, 0, 0, 1, 0, 0));
    CHECK(has_shape(dl_one_hot(c, INTS(DL_SHAPE(2, 1), 0, 1), 2), 3, 2, 1, 2));
    CHECK(has_shape(dl_reshape(c, i, DL_SHAPE(1, 3)), 2, 1, 3, 1) &&
          dl_reshape(c, i, DL_SHAPE(3, 1))->idata == i->idata);
    CHECK(SAME(dl_slice(c, i, 0, 1, 3), 0, 1) && SAME(dl_index_select(c, i, 0, INTS(DL_SHAPE(2), 2, 2)), 1, 1));
    CHECK(SAME(dl_cat(c, 2, (dl_tensor *[]){i, i}, 0), 2, 0, 1, 2, 0, 1) &&
          SAME(dl_repeat(c, i, DL_SHAPE(2)), 2, 0, 1, 2, 0, 1));
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
    /* neighbours */
    for (square = 0, i = 1; i < n->size; i++) square += (double)n->data[i] * (double)n->data[i - 1] / 100000;
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

/* --- views ------------------------------------------------------------------------------------------------------- */
static void views(void)
{
    dl_tensor *x, *y;
    dl_step_begin(c);
    x = dl_zeros(c, DL_SHAPE(2, 3, 4));
    number(x);
    CHECK(has_shape(dl_reshape(c, x, DL_SHAPE(6, 4)), 2, 6, 4, 1) &&
          has_shape(dl_reshape(c, x, DL_SHAPE(4, -1)), 2, 4, 6, 1));
    CHECK(has_shape(dl_reshape(c, x, DL_SHAPE(-1)), 1, 24, 1, 1) &&
          has_shape(dl_view(c, x, DL_SHAPE(1, -1, 12)), 3, 1, 2, 12));
    CHECK(has_shape(dl_flatten(c, x, 1, -1), 2, 2, 12, 1) && has_shape(dl_flatten(c, x, 0, -1), 1, 24, 1, 1));
    CHECK(has_shape(dl_flatten(c, x, 0, 1), 2, 6, 4, 1) && has_shape(dl_flatten(c, x, 1, 1), 3, 2, 3, 4));
    y = dl_unsqueeze(c, x, 1);
    CHECK(y->ndim == 4 && y->shape[1] == 1 && y->shape[3] == 4 && dl_unsqueeze(c, x, -1)->shape[3] == 1 &&
          dl_unsqueeze(c, x, -4)->shape[0] == 1);
    CHECK(has_shape(dl_squeeze(c, y, 0), 3, 2, 3, 4) && dl_squeeze(c, y, DL_DIM(0))->ndim == 4 &&
          has_shape(dl_squeeze(c, y, DL_DIM(-3)), 3, 2, 3, 4));
    CHECK(has_shape(dl_squeeze(c, dl_ones(c, DL_SHAPE(1, 1)), 0), 0, 1, 1, 1));
    CHECK(has_shape(dl_flatten(c, dl_scalar(c, 1), 0, -1), 1, 1, 1, 1));
    CHECK(dl_reshape(c, x, DL_SHAPE(24))->data == x->data && dl_flatten(c, x, 0, -1)->data == x->data);
    CHECK(dl_squeeze(c, y, 0)->data == x->data && y->data == x->data && dl_detach(c, x)->data == x->data);
    dl_view(c, x, DL_SHAPE(24))->data[23] = -1;           /* one memory */
    CHECK(x->data[23] == -1);
    CHECK_OK(c);
    dl_reshape(c, x, DL_SHAPE(5, -1));
    CHECK_ERROR(c, "reshape: (2,3,4)");
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

/* --- against plain loops ----------------------------------------------------------------------------------------- */
/* Where the element with this index of the broadcast shape is: axes of size 1 stand still. */
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
            int64_t in_a = d < y->ndim - na ? 1 : sa[d - (y->ndim - na)];
            int64_t in_b = d < y->ndim - nb ? 1 : sb[d - (y->ndim - nb)];
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
    CHECK_ERROR(c, "add: shapes (2,3) and (4)");
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
            ok &= fabs(product[i]) > 1e30 ||
                  fabs((double)prod->data[i] - product[i]) <= TOL * (1e-30 + fabs(product[i])) * count;
            ok &= fabs((double)norm->data[i] - sqrt(square[i])) <= TOL * (1 + sqrt(square[i]));
            ok &= lse->data[i] >= max->data[i] - (dl_real)TOL &&
                  lse->data[i] <= max->data[i] + (dl_real)(log(count) + TOL);
        }
        if (!CHECK(ok && y->ndim == (keepdim ? ndim : y->ndim))) return;
    }
    CHECK_OK(c);
    dl_sum(c, dl_ones(c, DL_SHAPE(2, 3)), .dims = DL_DIM(2));
    CHECK_ERROR(c, "sum");
    dl_argmax(c, dl_ones(c, DL_SHAPE(2, 3, 4)), .dims = DL_DIM(0) | DL_DIM(1));
    CHECK_ERROR(c, "argmax");
}

/* Lines along other axes are moved to rows, some at a time: the bits of rows that lie there already, gradients included.
   (Adding a second gradient may be fused there.) */
static dl_tensor *along(int op, dl_tensor *x, unsigned dims, int dim)
{
    switch (op) {
    case 0:  return dl_logsumexp(c, x, .dims = dims);
    case 1:  return dl_norm(c, x, .dims = dims);
    case 2:  return dl_prod(c, x, .dims = dims);
    case 3:  return dl_softmax(c, x, dim);
    case 4:  return dl_log_softmax(c, x, dim);
    default: return dl_cumsum(c, x, dim);
    }
}
static int equal(const dl_tensor *x, const dl_real *a, const dl_real *b, double tol)
{
    int64_t i;
    for (i = 0; i < x->size; i++) if (!(fabs((double)(a[i] - b[i])) <= tol * (1 + fabs((double)b[i])))) return 0;
    return 1;
}
static dl_tensor *copy_of(const dl_tensor *x, const dl_real *data)
{
    dl_tensor *y = random_tensor(x->ndim, x->shape);
    memcpy(y->data, data, (size_t)x->size * sizeof *data);
    return y;
}
static void lines_and_rows(void)
{
    static const dl_order sides[3] = {{{0, 2, 3, 4, 1}}, {{0, 2, 4, 1, 3}}, {{1, 3, 0, 2, 4}}};   /* what is kept, then what is not */
    static const unsigned dims[3] = {DL_DIM(1), DL_DIM(1) | DL_DIM(3), DL_DIM(0) | DL_DIM(2) | DL_DIM(4)};
    static const unsigned last[3] = {DL_DIM(4), DL_DIM(3) | DL_DIM(4), DL_DIM(2) | DL_DIM(3) | DL_DIM(4)};
    int round, op, k;
    for (round = 0; round < 200; round++) {
        dl_tensor *x, *rows, *y, *z, *r, *s;
        int64_t n = round % 50 ? 1 + pick(40) : 5000;
        int sums;
        dl_step_begin(c);
        op = (int)pick(6);
        k = op < 3 ? (int)pick(3) : 0;
        x = dl_requires_grad(c, dl_rand(c, DL_SHAPE(1 + pick(3), n, 1 + pick(4), k ? 1 + pick(3) : 1, 1 + pick(40))), 1);
        rows = dl_requires_grad(c, dl_permute(c, dl_detach(c, x), sides[k]), 1);
        y = along(op, x, dims[k], 1);
        z = along(op, rows, last[k], 4);
        r = random_tensor(y->ndim, y->shape);
        s = op < 3 ? r : dl_permute(c, r, sides[0]);
        for (sums = 1; sums <= 2; sums++) {
            dl_backward(c, y, .grad = r);
            dl_backward(c, z, .grad = s);
            if (!CHECK(equal(rows, dl_permute(c, copy_of(x, x->grad), sides[k])->data, rows->grad, sums == 1 ? 0 : TOL))) return;
            if (sums == 1) { y = along(op, x, dims[k], 1); z = along(op, rows, last[k], 4); }
        }
        if (!CHECK(op == 2 || equal(z, op < 3 ? y->data : dl_permute(c, y, sides[0])->data, z->data, 0))) return;
    }
    CHECK_OK(c);
}

/* gather and scatter_add against plain loops; the index is smaller than x in the other axes */
static void gathering(void)
{
    int round, d;
    for (round = 0; round < 200; round++) {
        int64_t shape[4], small[4], index[5], i, off;
        int ndim = 1 + (int)pick(4), dim = (int)pick(ndim), ok = 1;
        dl_tensor *x, *src, *at, *y, *z, *g;
        dl_real *sum;
        dl_step_begin(c);
        for (d = 0; d < ndim; d++) { shape[d] = 1 + pick(9); small[d] = d == dim ? 1 + pick(20) : 1 + pick(shape[d]); }
        x = dl_requires_grad(c, random_tensor(ndim, shape), 1);
        g = random_tensor(ndim, small);
        for (d = 0; d < ndim; d++) small[d] += d != dim && pick(2);
        src = dl_requires_grad(c, random_tensor(ndim, small), 1);                    /* may be larger, too */
        at = dl_to_int(c, dl_mul_scalar(c, dl_abs(c, dl_mul_scalar(c, g, (dl_real)0.5)), (dl_real)shape[dim]));
        for (i = 0; i < at->size; i++) if (at->idata[i] == shape[dim]) at->idata[i]--;
        y = dl_gather(c, x, dim, at);
        z = dl_scatter_add(c, x, dim, at, src);
        sum = copy_of(x, x->data)->data;
        for (i = 0; i < at->size; i++) {
            unravel(at, i, index);
            off = offset(src, ndim, index);
            index[dim] = at->idata[i];
            ok &= y->data[i] == x->data[offset(x, ndim, index)];
            sum[offset(x, ndim, index)] += src->data[off];
        }
        if (!CHECK(ok && equal(z, z->data, sum, 0))) return;
        dl_backward(c, y, .grad = g);
        sum = dl_mul_scalar(c, copy_of(x, x->data), 0)->data;
        for (i = 0; i < at->size; i++) { unravel(at, i, index); index[dim] = at->idata[i]; sum[offset(x, ndim, index)] += g->data[i]; }
        if (!CHECK(equal(x, x->grad, sum, 0))) return;
        g = random_tensor(ndim, shape);
        dl_backward(c, z, .grad = g);
        sum = dl_mul_scalar(c, copy_of(src, src->data), 0)->data;
        for (i = 0; i < at->size; i++) {
            unravel(at, i, index);
            off = offset(src, ndim, index);
            index[dim] = at->idata[i];
            sum[off] = g->data[offset(x, ndim, index)];
        }
        if (!CHECK(equal(src, src->grad, sum, 0))) return;
    }
    CHECK_OK(c);
}

/* Sizes at which the drivers change their ways: rows longer than a chunk, many rows, many columns, several threads. */
static void large_tensors(void)
{
    static const int64_t shapes[][3] = {{3, 1, 2500}, {300, 5, 1}, {2, 700, 3}, {7, 600, 100}, {1, 1, 600000}, {2, 3, 262145}, {257, 1, 1030}};
    int s, dim;
    for (s = 0; s < 7; s++) {
        dl_step_begin(c);
        for (dim = -1; dim < 3; dim++) {
            dl_tensor *x = random_tensor(3, shapes[s]), *sum = dl_sum(c, x, .dims = dim < 0 ? 0 : DL_DIM(dim), .keepdim = 1);
            dl_tensor *max = dl_max(c, x, .dims = dim < 0 ? 0 : DL_DIM(dim)), *min = dl_min(c, x, .dims = dim < 0 ? 0 : DL_DIM(dim));
            double *want = (double *)calloc((size_t)sum->size * 3, sizeof *want);
            int64_t i, index[3];
            int ok = 1;
            for (i = 0; i < sum->size; i++) { want[3 * i + 1] = -9; want[3 * i + 2] = 9; }
            for (i = 0; i < x->size; i++) {
                double v = (double)x->data[i], *w;
                unravel(x, i, index);
                w = want + 3 * offset(sum, 3, index);
                w[0] += v;
                w[1] = fmax(w[1], v);
                w[2] = fmin(w[2], v);
            }
            for (i = 0; i < sum->size; i++) {
                ok &= fabs((double)sum->data[i] - want[3 * i]) <= TOL * (1 + fabs(want[3 * i]));
                ok &= (double)max->data[i] == want[3 * i + 1] && (double)min->data[i] == want[3 * i + 2];
            }
            free(want);
            if (!CHECK(ok)) { printf(" shape %d over %d", s, dim); return; }
        }
    }
    CHECK_OK(c);
}

static void long_rows(void)                               /* y = a b + a, a stretched along long rows, gradients added */
{
    static const int64_t shapes[][4] = {{3, 1, 1, 2500}, {40, 1, 40, 2500}, {1, 5000, 30, 5000}, {1, 1, 2, 70000}, {70, 1200, 1, 1200}};
    int s;
    for (s = 0; s < 5; s++) {
        dl_tensor *a, *b, *y, *g;
        double *da, *db;
        int64_t i, index[2];
        int ok = 1;
        dl_step_begin(c);
        a = dl_requires_grad(c, random_tensor(2, shapes[s]), 1);
        b = dl_requires_grad(c, random_tensor(2, shapes[s] + 2), 1);
        y = dl_add(c, dl_mul(c, a, b), a);
        g = random_tensor(2, y->shape);
        dl_backward(c, y, .grad = g);
        da = (double *)calloc((size_t)(a->size + b->size), sizeof *da);
        db = da + a->size;
        for (i = 0; i < y->size; i++) {
            int64_t ia, ib;
            unravel(y, i, index);
            ia = offset(a, 2, index);
            ib = offset(b, 2, index);
            ok &= fabs((double)(y->data[i] - (a->data[ia] * b->data[ib] + a->data[ia]))) <= TOL;
            da[ia] += (double)g->data[i] * ((double)b->data[ib] + 1);
            db[ib] += (double)g->data[i] * (double)a->data[ia];
        }
        for (i = 0; i < a->size; i++) ok &= fabs((double)a->grad[i] - da[i]) <= TOL * (10 + fabs(da[i]));
        for (i = 0; i < b->size; i++) ok &= fabs((double)b->grad[i] - db[i]) <= TOL * (10 + fabs(db[i]));
        free(da);
        if (!CHECK(ok)) { printf(" shapes %d", s); return; }
    }
    CHECK_OK(c);
}

static void hard_numbers(void)                            /* where the plain formula would fail */
{
    dl_real v = (dl_real)0.1;
    dl_tensor *x, *y;
    double mean = 0, square = 0;
    int i;
    dl_step_begin(c);
    x = dl_requires_grad(c, dl_full(c, DL_SHAPE(1 << 20), v), 1);
    CHECK_NEAR(dl_item(dl_sum(c, x)), (double)v * (1 << 20), 0.1 * TOL * (1 << 20));          /* within an ulp */
    CHECK_NEAR(dl_item(dl_mean(c, x)), v, 0.1 * TOL);
    CHECK(dl_item(dl_sum(c, dl_ones(c, DL_SHAPE((1 << 24) + 5)))) == (1 << 24) + 5 - (sizeof(dl_real) == 4));
    x = dl_requires_grad(c, FROM(DL_SHAPE(2), (dl_real)3e25, (dl_real)-4e25), 1);
    CHECK_NEAR(dl_item(dl_norm(c, x)) / 5e25, 1, TOL);     /* the squares overflow */
    dl_backward(c, dl_norm(c, x));
    CHECK_NEAR(x->grad[0], 0.6, TOL);
    CHECK_NEAR(x->grad[1], -0.8, TOL);
    CHECK_NEAR(dl_item(dl_norm(c, FROM(DL_SHAPE(2), (dl_real)3e-25, (dl_real)4e-25))) * 1e25, 5, 5 * TOL);
    x = dl_requires_grad(c, dl_zeros(c, DL_SHAPE(3)), 1);  /* zeros: gradients are finite */
    dl_backward(c, dl_add(c, dl_norm(c, x), dl_std(c, x)));
    CHECK(x->grad[0] == 0 && x->grad[1] == 0 && x->grad[2] == 0);
    x = dl_add_scalar(c, dl_randn(c, DL_SHAPE(1000)), (dl_real)1e6);                         /* a small spread far from 0 */
    for (i = 0; i < 1000; i++) mean += (double)x->data[i] / 1000;
    for (i = 0; i < 1000; i++) square += ((double)x->data[i] - mean) * ((double)x->data[i] - mean) / 999;
    CHECK_NEAR(dl_item(dl_var(c, x)), square, 2e3 * TOL * TOL + 20 * TOL);
    y = dl_softmax(c, FROM(DL_SHAPE(2, 2), (dl_real)-3e38, (dl_real)3e38, (dl_real)1e4, (dl_real)1e4), 1);
    CHECK(SAME(y, 0, 1, 0.5, 0.5));
    y = dl_logsumexp(c, FROM(DL_SHAPE(2, 2), -(dl_real)INFINITY, -(dl_real)INFINITY, (dl_real)INFINITY, 1), .dims = DL_DIM(1));
    CHECK(y->data[0] == -(dl_real)INFINITY && y->data[1] == (dl_real)INFINITY);
    CHECK_OK(c);
}

#define GRADS(x, ...) same_grads(x, (int)(sizeof (double[]){__VA_ARGS__} / sizeof(double)), (double[]){__VA_ARGS__})
static int same_grads(const dl_tensor *x, int n, const double *want)
{
    int i;
    if (!x->grad || x->size != n) return 0;
    for (i = 0; i < n; i++)
        if (!(fabs((double)x->grad[i] - want[i]) <= TOL || (x->grad[i] != x->grad[i] && want[i] != want[i]))) return 0;
    return 1;
}
#define LEAF(n, ...) dl_requires_grad(c, FROM(DL_SHAPE(n), __VA_ARGS__), 1)

/* Tiny, huge and far from 0: norm, var, std. */
static void range_and_digits(void)
{
    dl_tensor *x, *y;
    double mean = 0, square = 0;
    int i;
    dl_step_begin(c);
    x = FROM(DL_SHAPE(3), (dl_real)1e-39, 0, 0);           /* 1 / 1e-39 is infinite in float */
    CHECK_NEAR(dl_item(dl_norm(c, x)), x->data[0], 1e-44);
    x = LEAF(2, (dl_real)1e25, (dl_real)-1e25);            /* torch.std: 1.4142e25, gradient 0.7071, -0.7071 */
    y = dl_std(c, x);
    dl_backward(c, y);
    CHECK_NEAR(dl_item(y) / 1e25, sqrt(2), TOL);
    CHECK(GRADS(x, sqrt(0.5), -sqrt(0.5)));
    x = LEAF(2, (dl_real)1e-25, (dl_real)-1e-25);
    y = dl_std(c, x);
    dl_backward(c, y);
    CHECK_NEAR(dl_item(y) / 1e-25, sqrt(2), TOL);
    CHECK(GRADS(x, sqrt(0.5), -sqrt(0.5)));
    x = dl_reshape(c, FROM(DL_SHAPE(6), (dl_real)1e25, (dl_real)-1e25, 3, 3, (dl_real)1e-25, (dl_real)-1e-25), DL_SHAPE(3, 2));
    y = dl_std(c, x, .dims = DL_DIM(1), .biased = 1);      /* each row its own scale */
    CHECK(has_shape(y, 1, 3, 1, 1) && has_shape(dl_std(c, x, .dims = DL_DIM(1), .keepdim = 1), 2, 3, 1, 1));
    CHECK_NEAR(y->data[0] / 1e25, 1, TOL);
    CHECK_NEAR(y->data[2] / 1e-25, 1, TOL);
    CHECK(y->data[1] == 0 && has_shape(dl_std(c, x), 0, 1, 1, 1));
    x = dl_requires_grad(c, dl_full(c, DL_SHAPE(1000), (dl_real)0.1), 1);
    y = dl_std(c, x);                                      /* equal values, though their mean is rounded */
    dl_backward(c, y);
    CHECK(dl_item(y) == 0 && dl_item(dl_var(c, x)) == 0 && x->grad[0] == 0 && x->grad[999] == 0);
    x = dl_empty(c, DL_SHAPE(1000));
    for (i = 0; i < 1000; i++) x->data[i] = (dl_real)(1e6 + (i % 7) / 16.0);                   /* exact in float */
    for (i = 0; i < 1000; i++) mean += (double)x->data[i] / 1000;
    for (i = 0; i < 1000; i++) square += ((double)x->data[i] - mean) * ((double)x->data[i] - mean) / 999;
    CHECK_NEAR(dl_item(dl_var(c, x)), square, TOL * square);
    CHECK_NEAR(dl_item(dl_std(c, x)), sqrt(square), TOL * sqrt(square));
    CHECK_OK(c);
}

/* Sums of 2^20 numbers: the error must not grow with their count, whichever way they lie. */
static void long_sums(void)
{
    const int64_t n = 1 << 20;
    const double v = (double)(dl_real)0.1, sum = v * (double)n, tol = 5e-6 * sum;
    dl_tensor *x, *y, *g;
    dl_step_begin(c);
    g = dl_full(c, DL_SHAPE(n, 2), (dl_real)0.1);
    CHECK_NEAR(dl_sum(c, g, .dims = DL_DIM(0))->data[1], sum, tol);
    CHECK_NEAR(dl_sum(c, dl_reshape(c, g, DL_SHAPE(n / 2, 2, 2)), .dims = DL_DIM(0) | DL_DIM(2))->data[1], sum, tol);
    x = LEAF(2, 1, 2);
    dl_backward(c, dl_expand(c, x, DL_SHAPE(n, 2)), .grad = g);
    CHECK_NEAR(x->grad[1], sum, tol);
    dl_backward(c, dl_expand(c, x, DL_SHAPE(n, 2)), .grad = g);                               /* added */
    CHECK_NEAR(x->grad[0], 2 * sum, 2 * tol);
    dl_zero_grad(x);
    dl_backward(c, dl_repeat(c, x, DL_SHAPE(n)), .grad = dl_flatten(c, g, 0, -1));
    CHECK_NEAR(x->grad[1], sum, tol);
    x = dl_requires_grad(c, dl_full(c, DL_SHAPE(n), (dl_real)0.1), 1);
    y = dl_cumsum(c, x, 0);
    CHECK_NEAR(y->data[n - 1], sum, 1e-7 * sum);
    dl_backward(c, y, .grad = dl_reshape(c, dl_slice(c, g, 1, 0, 1), DL_SHAPE(n)));
    CHECK_NEAR(x->grad[0], sum, 1e-7 * sum);
    x->data[0] = 1;                                        /* numbers in the norm are divided by the largest */
    CHECK_NEAR(dl_item(dl_norm(c, x, .p = 1)), sum + 1 - v, 1e-6 * sum);
    CHECK_NEAR(dl_item(dl_norm(c, x, .p = 3)), cbrt(v * v * (sum - v) + 1), 1e-6 * cbrt(v * v * sum));
    CHECK_OK(c);
}

/* Zeros, infinities and NaN: PyTorch's values and gradients. */
static void corners(void)
{
    const dl_real inf = (dl_real)INFINITY, nan = (dl_real)NAN;
    const int32_t far = INT32_MIN;
    dl_tensor *x, *y;
    dl_step_begin(c);
    CHECK(!signbit(dl_abs(c, dl_scalar(c, (dl_real)-0.0))->data[0]) && isnan(dl_item(dl_abs(c, dl_scalar(c, nan)))));
    CHECK(dl_item(dl_abs(c, dl_scalar(c, -inf))) == INFINITY);
    dl_backward(c, dl_norm(c, x = LEAF(3, (dl_real)1e-30, (dl_real)1e20, 0), .p = 1));
    CHECK(GRADS(x, 1, 1, 0));
    dl_backward(c, dl_norm(c, x = LEAF(2, inf, -1), .p = 1));
    CHECK(GRADS(x, 1, -1));
    dl_backward(c, dl_norm(c, x = LEAF(3, inf, 1, -inf), .p = INFINITY));
    CHECK(GRADS(x, 0.5, 0, -0.5));
    dl_backward(c, dl_norm(c, x = LEAF(2, 0, 0), .p = INFINITY));
    CHECK(GRADS(x, 0, 0));
    dl_backward(c, dl_norm(c, x = LEAF(2, inf, -1)));
    CHECK(GRADS(x, NAN, 0));
    dl_backward(c, dl_logsumexp(c, x = LEAF(2, inf, 0)));
    CHECK(GRADS(x, NAN, 0));
    dl_backward(c, dl_logsumexp(c, x = LEAF(2, -inf, -inf)));
    CHECK(GRADS(x, NAN, NAN));
    dl_backward(c, dl_logsumexp(c, x = LEAF(2, nan, 0)));
    CHECK(GRADS(x, NAN, NAN));
    x = LEAF(5, nan, 1, 2, 3, nan);
    y = LEAF(5, 1, nan, 2, 1, nan);
    dl_backward(c, dl_sum(c, dl_minimum(c, x, y)));
    CHECK(GRADS(x, 1, 1, 0.5, 0, 1) && GRADS(y, 1, 1, 0.5, 1, 1));
    dl_zero_grad(x);
    dl_zero_grad(y);
    dl_backward(c, dl_sum(c, dl_maximum(c, x, y)));
    CHECK(GRADS(x, 1, 1, 0.5, 1, 1) && GRADS(y, 1, 1, 0.5, 0, 1));
    CHECK(dl_item(dl_sum(c, dl_scalar(c, 3), .dims = DL_DIM(-1))) == 3);                      /* a scalar has one axis, too */
    CHECK(has_shape(dl_max(c, dl_scalar(c, 3), .dims = DL_DIM(0), .keepdim = 1), 0, 1, 1, 1));
    x = LEAF(1, 3);
    x = dl_topk(c, dl_reshape(c, x, DL_SHAPE(0)), 1, -1, .indices = &y);
    CHECK(has_shape(x, 0, 1, 1, 1) && dl_item(x) == 3 && dl_item(y) == 0);
    x = LEAF(1, 3);                                                                          /* indices into a scalar */
    y = dl_tensor_from_int(c, (const int32_t[]){0}, DL_SHAPE(0));
    dl_backward(c, dl_gather(c, dl_reshape(c, x, DL_SHAPE(0)), -1, y), .grad = dl_scalar(c, 2));
    dl_backward(c, dl_index_select(c, dl_reshape(c, x, DL_SHAPE(0)), 0, y), .grad = dl_scalar(c, 4));
    dl_backward(c, dl_scatter_add(c, dl_scalar(c, 7), 0, y, dl_reshape(c, x, DL_SHAPE(0))), .grad = dl_scalar(c, 8));
    CHECK(GRADS(x, 14));
    CHECK(has_shape(dl_gather(c, dl_scalar(c, 3), 0, y), 0, 1, 1, 1) && dl_item(dl_gather(c, dl_scalar(c, 3), 0, y)) == 3);
    CHECK(has_shape(dl_index_select(c, dl_scalar(c, 3), 0, y), 0, 1, 1, 1) && dl_item(dl_index_select(c, dl_scalar(c, 3), 0, y)) == 3);
    CHECK(dl_item(dl_scatter_add(c, dl_scalar(c, 3), 0, y, dl_scalar(c, 2))) == 5);
    CHECK(dl_item(dl_to_int(c, dl_scalar(c, (dl_real)-2147483648.0))) == far);
    CHECK_OK(c);
}

/* Values, and gradients stored and then added to. */
static void permutations(void)
{
    int round, d;
    for (round = 0; round < 200; round++) {
        int64_t shape[5], index[5], from[5], i;
        int ndim = 1 + (int)pick(5), ok = 1;
        dl_order order = DL_ORDER(0);
        dl_tensor *x, *y, *g, *back;
        dl_order inverse = DL_ORDER(0);
        dl_step_begin(c);
        for (d = 0; d < ndim; d++) { order.d[d] = d; shape[d] = 1 + pick(d == 0 ? 40 : d == 1 && round % 4 == 0 ? 90 : 6); }
        for (d = ndim - 1; d > 0; d--) {
            int j = (int)pick(d + 1), swap = order.d[d];
            order.d[d] = order.d[j];
            order.d[j] = swap;
        }
        x = dl_requires_grad(c, random_tensor(ndim, shape), 1);
        y = dl_permute(c, x, order);
        g = random_tensor(ndim, y->shape);
        dl_backward(c, dl_sum(c, dl_mul(c, y, g)));
        dl_backward(c, dl_sum(c, dl_mul(c, y, g)));
        for (d = 0; d < ndim; d++) { ok &= y->shape[d] == shape[order.d[d]]; inverse.d[order.d[d]] = d; }
        for (i = 0; i < y->size && ok; i++) {
            unravel(y, i, index);
            for (d = 0; d < ndim; d++) from[order.d[d]] = index[d];
            ok &= y->data[i] == x->data[offset(x, ndim, from)] && x->grad[offset(x, ndim, from)] == 2 * g->data[i];
        }
        back = dl_permute(c, y, inverse);
        ok &= !memcmp(back->data, x->data, (size_t)x->size * sizeof(dl_real));
        if (!CHECK(ok)) return;
    }
    CHECK_OK(c);
    dl_permute(c, dl_ones(c, DL_SHAPE(2, 3)), DL_ORDER(0, 0));
    CHECK_ERROR(c, "permute");
}

/* matmul with batches, transposes and vectors against loops */
static void products(void)
{
    int round, d;
    for (round = 0; round < 200; round++) {
        int64_t sa[4], sb[4], index[4], M = 1 + pick(round % 20 ? 6 : 40), N = 1 + pick(round % 20 ? 6 : 40),
            K = 1 + pick(20), i, k;
        int batch = (int)pick(3), na = 2 + (int)pick(batch + 1), nb = 2 + batch, ta = (int)pick(2), tb = (int)pick(2),
            ok = 1;
        dl_tensor *a, *b, *y;
        dl_step_begin(c);
        for (d = 0; d < nb - 2; d++) {
            int own = d - (nb - na);
            int64_t n = 1 + pick(3);
            sb[d] = pick(2) ? n : 1;
            if (own >= 0) sa[own] = pick(2) ? n : 1;
        }
        sa[na - 2] = ta ? K : M; sa[na - 1] = ta ? M : K;
        sb[nb - 2] = tb ? N : K; sb[nb - 1] = tb ? K : N;
        a = random_tensor(na, sa);
        b = random_tensor(nb, sb);
        y = pick(2) ? dl_matmul(c, a, b, .transpose_a = ta, .transpose_b = tb)
                    : dl_matmul(c, ta ? dl_transpose(c, a, -1, -2) : a, tb ? dl_transpose(c, b, -1, -2) : b);
        if (!CHECK(y->ndim == nb && y->shape[nb - 2] == M && y->shape[nb - 1] == N)) return;
        for (i = 0; i < y->size; i++) {
            int64_t m, n;
            double sum = 0;
            unravel(y, i, index);
            m = index[nb - 2]; n = index[nb - 1];
            for (k = 0; k < K; k++) {
                double in_a;
                index[nb - 2] = ta ? k : m;
                index[nb - 1] = ta ? m : k;
                in_a = (double)a->data[offset(a, nb, index)];
                index[nb - 2] = tb ? n : k;
                index[nb - 1] = tb ? k : n;
                sum += in_a * (double)b->data[offset(b, nb, index)];
            }
            ok &= fabs((double)y->data[i] - sum) <= TOL * (1 + fabs(sum));
        }
        if (!CHECK(ok)) return;
    }
    CHECK_OK(c);
    dl_step_begin(c);
    CHECK(dl_matmul(c, dl_ones(c, DL_SHAPE(3)), dl_ones(c, DL_SHAPE(3)))->ndim == 0);
    CHECK(has_shape(dl_matmul(c, dl_ones(c, DL_SHAPE(3)), dl_ones(c, DL_SHAPE(5, 3, 2))), 2, 5, 2, 1));
    CHECK(has_shape(dl_matmul(c, dl_ones(c, DL_SHAPE(5, 4, 3)), dl_ones(c, DL_SHAPE(3))), 2, 5, 4, 1));
    CHECK_OK(c);
    dl_matmul(c, dl_ones(c, DL_SHAPE(2, 3)), dl_ones(c, DL_SHAPE(4, 2)));
    CHECK_ERROR(c, "matmul: (2,3)");
    dl_matmul(c, dl_ones(c, DL_SHAPE(2, 2, 3)), dl_ones(c, DL_SHAPE(3, 3, 2)));
    CHECK_ERROR(c, "matmul");
    dl_linear(c, dl_ones(c, DL_SHAPE(2, 8)), dl_ones(c, DL_SHAPE(8, 4)), NULL);
    CHECK_ERROR(c, "linear: (2,8) with weight (8,4)");
}

/* Lines of all lengths, with many equals and some NaN: in order, equals as they were, nothing lost. */
static void sorting(void)
{
    int64_t n, i;
    for (n = 1; n < 200; n++) {
        const int descending = (int)pick(2);
        dl_tensor *x, *y, *at = NULL;
        int seen[200] = {0}, ok = 1;
        dl_step_begin(c);
        x = dl_zeros(c, DL_SHAPE(n));
        for (i = 0; i < n; i++) x->data[i] = pick(20) ? (dl_real)pick(30) - 15 : (dl_real)NAN;
        y = dl_sort(c, x, 0, .descending = descending, .indices = &at);
        for (i = 0; i < n; i++) {
            const dl_real v = x->data[at->idata[i]];
            ok &= !seen[at->idata[i]]++ && (y->data[i] == v || (v != v && y->data[i] != y->data[i]));
        }
        for (i = 1; i < n; i++) {
            const dl_real a = descending ? y->data[i] : y->data[i - 1], b = descending ? y->data[i - 1] : y->data[i];
            ok &= a == b || (a != a && b != b) ? at->idata[i - 1] < at->idata[i] : a < b || (a == a && b != b);
        }
        if (!CHECK(ok)) return;
    }
    CHECK_OK(c);
}

static void indexing(void)
{
    static const int32_t bad[3] = {-1, 3, INT32_MIN};
    dl_tensor *x, *indices = NULL, *parts[4];
    int k;
    dl_step_begin(c);
    x = FROM(DL_SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    CHECK(SAME(dl_slice(c, x, 1, -2, INT64_MAX), 2, 3, 5, 6) && SAME(dl_slice(c, x, 1, 0, 3, .step = 2), 1, 3, 4, 6));
    CHECK(SAME(dl_select(c, x, 0, -1), 4, 5, 6) && SAME(dl_select(c, x, 1, 1), 2, 5) && dl_select(c, x, 1, 1)->ndim == 1);
    CHECK(SAME(dl_select(c, dl_to_int(c, x), -1, 0), 1, 4) && dl_item(dl_select(c, dl_select(c, x, 0, 1), 0, 2)) == 6);
    CHECK(dl_split(c, x, 2, 1, parts, 4) == 2 && SAME(parts[0], 1, 2, 4, 5) && SAME(parts[1], 3, 6));
    dl_sort(c, FROM(DL_SHAPE(5), 2, (dl_real)NAN, 1, 2, -1), 0, .indices = &indices);
    CHECK(indices && SAME(indices, 4, 2, 0, 3, 1));       /* stable, NaN last */
    CHECK_OK(c);
    dl_slice(c, x, 1, 2, 2);
    CHECK_ERROR(c, "slice");
    dl_slice(c, x, 1, 0, 3, .step = -1);
    CHECK_ERROR(c, "step");
    dl_slice(c, x, 2, 0, 1);
    CHECK_ERROR(c, "axis 2");
    CHECK(dl_split(c, x, 1, 1, parts, 2) == 0);
    CHECK_ERROR(c, "split");
    for (k = 0; k < 3; k++) {
        dl_tensor *index = dl_tensor_from_int(c, &bad[k], DL_SHAPE(1, 1));
        dl_gather(c, x, 1, index);
        CHECK_ERROR(c, "gather: index");
        dl_scatter_add(c, x, 1, index, dl_ones(c, DL_SHAPE(1, 1)));
        CHECK_ERROR(c, "scatter_add: index");
        dl_index_select(c, x, 1, dl_tensor_from_int(c, &bad[k], DL_SHAPE(1)));
        CHECK_ERROR(c, "index_select: index (1) holds ");
    }
    dl_topk(c, x, 4, 1);
    CHECK_ERROR(c, "topk");
    dl_cat(c, 2, (dl_tensor *[]){x, dl_ones(c, DL_SHAPE(3, 3))}, 1);
    CHECK_ERROR(c, "cat");
    dl_stack(c, 2, (dl_tensor *[]){x, dl_ones(c, DL_SHAPE(3, 3))}, 0);
    CHECK_ERROR(c, "stack: (3,3) beside (2,3), expected equal shapes");
    dl_gather(c, x, 1, dl_tensor_from_int(c, bad, DL_SHAPE(3)));
    CHECK_ERROR(c, "gather: index (3) must have as many axes as (2,3); dl_unsqueeze adds one");
    dl_scatter_add(c, x, 1, dl_tensor_from_int(c, bad, DL_SHAPE(1, 1, 3)), x);
    CHECK_ERROR(c, "scatter_add: index (1,1,3) must have as many axes as (2,3)");
    dl_scatter_add(c, x, 1, dl_tensor_from_int(c, bad, DL_SHAPE(1, 3)), dl_ones(c, DL_SHAPE(3)));
    CHECK_ERROR(c, "scatter_add: index (1,3) must have as many axes as (3)");
    dl_index_select(c, dl_scalar(c, 1), 0, dl_tensor_from_int(c, (const int32_t[]){0, 0}, DL_SHAPE(2)));
    CHECK_ERROR(c, "index_select: index (2) for (), expected one element");
    dl_reshape(c, x, DL_SHAPE(-1, 4));
    CHECK_ERROR(c, "reshape: (2,3) has 6 elements, which do not fill (-1,4)");
    dl_reshape(c, x, DL_SHAPE(0));
    CHECK_ERROR(c, "reshape: (2,3) has 6 elements, which do not fill ()");
}

/* --- printing ---------------------------------------------------------------------------------------------------- */
static const char *printed(const dl_tensor *x)
{
    static char text[20000];
    FILE *f = tmpfile();
    size_t n;
    if (!f) return "no temporary file";
    dl_fprint(f, x);
    rewind(f);
    n = fread(text, 1, sizeof text - 1, f);
    text[n] = 0;
    fclose(f);
    return text;
}
static int prints(const dl_tensor *x, const char *want)
{
    const char *got = printed(x);
    size_t n = strcspn(got, "(");                          /* up to the shape */
    while (n && got[n - 1] == ' ') n--;
    if (n == strlen(want) && !strncmp(got, want, n)) return 1;
    printf("\n%s  instead of\n%s\n", got, want);
    return 0;
}
static void printing(void)
{
    dl_tensor *x;
    const char *text;
    double v, last;
    int seen;
    dl_step_begin(c);
    CHECK(prints(FROM(DL_SHAPE(3), 1, 2, -30), "[  1.,   2., -30.]"));
    CHECK(prints(FROM(DL_SHAPE(2, 2), 1, 2.5, -3, 4), "[[ 1.0000,  2.5000],\n [-3.0000,  4.0000]]"));
    CHECK(prints(FROM(DL_SHAPE(2, 1, 2), 1, 2, 3, 4), "[[[1., 2.]],\n\n [[3., 4.]]]"));
    CHECK(prints(INTS(DL_SHAPE(2, 2), 1, 22, -3, 4), "[[ 1, 22],\n [-3,  4]]"));
    CHECK(prints(dl_scalar(c, 0.5), "0.5000"));
    CHECK(strstr(printed(dl_scalar(c, 3)), "()") && strstr(printed(INTS(DL_SHAPE(1, 2), 1, 2)), "(1,2) int32"));
    text = printed(FROM(DL_SHAPE(3), 1e-7, 1, 1e7));     /* nothing that matters is lost */
    CHECK(strstr(text, "1.0000e-07") && strstr(text, "1.0000e+07"));
    CHECK(strstr(printed(FROM(DL_SHAPE(2), (dl_real)INFINITY, 1)), "inf") &&
          strstr(printed(FROM(DL_SHAPE(2), (dl_real)NAN, 1)), "nan"));
    CHECK(prints(FROM(DL_SHAPE(2), (dl_real)copysign(NAN, -1), 1), "[nan,  1.]"));             /* as x86 makes of 0 / 0 */
    x = dl_zeros(c, DL_SHAPE(100, 100));
    number(x);
    text = printed(x);
    CHECK(strstr(text, "...") && strstr(text, "9999.") && strlen(text) < 1000);
    x = dl_rand(c, DL_SHAPE(4, 5, 6));                     /* every number, in order, to four places */
    for (text = printed(x), last = 0, seen = 0; *text && *text != '('; text++)
        if (*text >= '0' && *text <= '9') {
            char *end;
            v = strtod(text, &end);
            last = seen < 120 ? fmax(last, fabs(v - (double)x->data[seen])) : 1;
            seen++;
            text = end - 1;
        }
    CHECK(seen == 120 && last < 6e-5);
    CHECK(!strcmp(printed(NULL), "NULL\n"));
    CHECK_OK(c);
}

/* --- autograd ---------------------------------------------------------------------------------------------------- */
static dl_tensor *leaf(int64_t n, dl_real first)          /* first, first + 1, ... */
{
    dl_tensor *t = dl_zeros(c, DL_SHAPE(n));
    number(t);
    for (n = 0; n < t->size; n++) t->data[n] += first;
    return dl_requires_grad(c, t, 1);
}
static int grad_is(const dl_tensor *x, dl_real a, dl_real b)           /* of a tensor of two elements */
{
    return x->grad && fabs((double)(x->grad[0] - a)) < TOL * 10 && fabs((double)(x->grad[1] - b)) < TOL * 10;
}

static void recording(void)                               /* what is recorded, and what is not */
{
    dl_tensor *w, *x, *y, *d;
    int old;
    dl_step_begin(c);
    w = leaf(2, 1);
    x = dl_ones(c, DL_SHAPE(2));
    y = dl_mul(c, w, x);
    CHECK(y->requires_grad && y->op && y->nsrc == 2 && !dl_mul(c, x, x)->requires_grad && !dl_mul(c, x, x)->op);
    CHECK(!dl_gt(c, w, x)->requires_grad && !dl_argmax(c, w)->requires_grad);
    d = dl_detach(c, y);
    CHECK(!d->requires_grad && d->data == y->data && !d->op);
    old = dl_set_grad_enabled(c, 0);
    CHECK(old == 1 && !dl_mul(c, w, x)->requires_grad && dl_set_grad_enabled(c, old) == 0 &&
          dl_mul(c, w, x)->requires_grad);
    CHECK(dl_backward(c, dl_sum(c, dl_add(c, y, dl_mul(c, d, d)))));   /* d is a constant */
    CHECK(grad_is(w, 1, 1) && !x->grad && !d->grad);
    dl_zero_grad(w);
    CHECK(!w->grad);
    dl_requires_grad(c, w, 0);
    CHECK(!dl_mul(c, w, x)->requires_grad);
    CHECK_OK(c);
    CHECK(!dl_backward(c, dl_sum(c, x)));
    CHECK_ERROR(c, "backward");
    dl_requires_grad(c, w, 1);
    CHECK(!dl_backward(c, dl_mul(c, w, x)));               /* no scalar */
    CHECK_ERROR(c, ".grad");
    CHECK(!dl_backward(c, dl_mul(c, w, x), .grad = dl_ones(c, DL_SHAPE(3))));
    CHECK_ERROR(c, "backward");
    CHECK(dl_is_nil(dl_requires_grad(c, dl_mul(c, w, x), 0)));
    CHECK_ERROR(c, "detach");
    {
        dl_ctx *quiet = dl_create(.no_grad = 1);
        CHECK(!dl_mul(quiet, w, x)->requires_grad);
        dl_destroy(quiet);
    }
}

static void accumulation(void)
{
    dl_tensor *w, *k, *h;
    int step;
    ROW("AD-06");
    dl_step_begin(c);
    w = leaf(2, 3);                                        /* 3, 4 */
    dl_backward(c, dl_sum(c, dl_square(c, w)));
    CHECK(grad_is(w, 6, 8));
    dl_backward(c, dl_sum(c, w));                          /* adds */
    CHECK(grad_is(w, 7, 9));
    dl_zero_grad(w);
    dl_backward(c, dl_mul(c, dl_sum(c, w), dl_sum(c, w)));
    CHECK(grad_is(w, 14, 14));
    dl_zero_grad(w);
    /* the same tensor twice in one op: V12, y = x x at 3 gives 6 */
    dl_backward(c, dl_sum(c, dl_mul(c, w, w)));
    CHECK(grad_is(w, 6, 8));
    dl_zero_grad(w);
    dl_backward(c, dl_sum(c, dl_sub(c, w, w)));
    CHECK(grad_is(w, 0, 0));
    dl_zero_grad(w);
    h = dl_square(c, w);                                   /* two losses over one piece of graph */
    dl_backward(c, dl_sum(c, h));
    dl_backward(c, dl_sum(c, dl_square(c, h)));
    CHECK(grad_is(w, 6 + 4 * 27, 8 + 4 * 64));
    dl_zero_grad(w);
    dl_backward(c, dl_sum(c, h));                          /* and the first again */
    CHECK(grad_is(w, 6, 8));
    dl_zero_grad(w);
    dl_backward(c, dl_mul(c, w, w), .grad = FROM(DL_SHAPE(2), 2, -1));
    CHECK(grad_is(w, 12, -8));
    k = dl_keep(c, w);                                     /* over several steps; a micro-batch each */
    for (step = 0; step < 3; step++) {
        dl_step_begin(c);
        dl_backward(c, dl_sum(c, dl_square(c, k)));
    }
    CHECK(grad_is(k, 18, 24));
    dl_zero_grad(k);
    dl_step_begin(c);
    dl_backward(c, dl_sum(c, k));
    CHECK(grad_is(k, 1, 1));
    dl_zero_grad(k);
    dl_backward(c, k, .grad = dl_ones(c, DL_SHAPE(2)));    /* a leaf itself */
    CHECK(grad_is(k, 1, 1));
    CHECK_OK(c);
}

static void retained(void)                                /* gradients of results, on request */
{
    dl_tensor *w, *h, *v;
    dl_step_begin(c);
    w = leaf(2, 3);
    h = dl_mul_scalar(c, w, 2);                            /* 6, 8 */
    dl_retain_grad(h);
    v = dl_reshape(c, h, DL_SHAPE(2, 1));
    dl_retain_grad(v);
    dl_backward(c, dl_sum(c, dl_square(c, v)));
    CHECK(grad_is(v, 12, 16) && grad_is(h, 12, 16) && grad_is(w, 24, 32));
    dl_zero_grad(w); dl_zero_grad(h); dl_zero_grad(v);
    dl_backward(c, dl_sum(c, h));
    CHECK(grad_is(h, 1, 1) && grad_is(w, 2, 2));
    dl_backward(c, dl_sum(c, dl_square(c, h)));            /* the first gradient must not be sent on again */
    CHECK(grad_is(w, 2 + 24, 2 + 32));
    CHECK_OK(c);
}

static void views_share_gradients(void)                   /* a view's gradient is its source's, in the same place */
{
    dl_tensor *x, *v;
    dl_step_begin(c);
    x = leaf(4, 1);
    v = dl_reshape(c, x, DL_SHAPE(2, 2));
    dl_backward(c, dl_sum(c, dl_add(c, dl_matmul(c, v, dl_transpose(c, v, 0, 1)),
                                    dl_unsqueeze(c, dl_slice(c, x, 0, 0, 2), 0))));
    /* sum of v v^T = (1 + 3)^2 + (2 + 4)^2: twice the column sums; the slice is used for both rows */
    CHECK(x->grad && grad_is(x, 8 + 2, 12 + 2));
    CHECK_NEAR(x->grad[2], 8, TOL * 10);
    CHECK_NEAR(x->grad[3], 12, TOL * 10);
    CHECK_OK(c);
}

/* A graph with many shapes, views and shared results.  keep: every result keeps its gradient, so no buffer serves twice. */
static dl_tensor *note(dl_tensor *t, int keep) { if (keep) dl_retain_grad(t); return t; }
static dl_tensor *tangle(dl_tensor **w, int keep)
{
    dl_tensor *h = w[0], *sum = dl_scalar(c, 0);
    int i;
    for (i = 0; i < 12; i++) {
        dl_tensor *a = note(dl_matmul(c, h, w[1]), keep), *b = note(dl_tanh(c, a), keep);
        dl_tensor *s = note(dl_slice(c, b, 1, i % 3, i % 3 + 4), keep);
        dl_tensor *m = note(dl_mean(c, s, .dims = DL_DIM(1), .keepdim = 1), keep);
        dl_tensor *flat = note(dl_reshape(c, b, DL_SHAPE(-1)), keep), *pair[2];
        dl_tensor *p = note(dl_softmax(c, note(dl_add(c, b, m), keep), -1), keep);
        pair[0] = note(dl_mul(c, p, h), keep);
        pair[1] = note(dl_sub(c, b, w[0]), keep);
        h = note(dl_sum(c, note(dl_stack(c, 2, pair, 0), keep), .dims = DL_DIM(0)), keep);
        if (i % 4 == 1) h = note(dl_add(c, h, dl_reshape(c, note(dl_square(c, flat), keep), DL_SHAPE(5, 7))), keep);
        sum = note(dl_add(c, sum, note(dl_mean(c, note(dl_mul(c, h, h), keep)), keep)), keep);
    }
    return sum;
}
/* gradients are the same whether or not buffers are used again */
static void reused_buffers(void)
{
    dl_real grad[2][2][64];
    dl_memory_report spare, all;
    int keep, k;
    for (keep = 0; keep < 2; keep++) {
        dl_tensor *w[2];
        dl_manual_seed(c, 5);
        dl_step_begin(c);
        w[0] = dl_requires_grad(c, dl_randn(c, DL_SHAPE(5, 7)), 1);
        w[1] = dl_requires_grad(c, dl_mul_scalar(c, dl_randn(c, DL_SHAPE(7, 7)), 0.5), 1);
        CHECK(dl_backward(c, tangle(w, keep)));
        for (k = 0; k < 2; k++) memcpy(grad[keep][k], w[k]->grad, (size_t)w[k]->size * sizeof(dl_real));
        if (keep) all = dl_memory(c); else spare = dl_memory(c);
    }
    CHECK(!memcmp(grad[0][0], grad[1][0], 35 * sizeof(dl_real)) &&
          !memcmp(grad[0][1], grad[1][1], 49 * sizeof(dl_real)));
    CHECK(spare.step_bytes < all.step_bytes);
    CHECK_OK(c);
}
static dl_tensor *tangle_loss(dl_ctx *ctx, dl_tensor **w, void *user) { (void)ctx; (void)user; return tangle(w, 0); }
static void reused_buffers_against_differences(void)
{
    dl_tensor *w[2];
    dl_manual_seed(c, 5);
    dl_step_begin(c);
    w[0] = dl_requires_grad(c, dl_randn(c, DL_SHAPE(5, 7)), 1);
    w[1] = dl_requires_grad(c, dl_mul_scalar(c, dl_randn(c, DL_SHAPE(7, 7)), 0.5), 1);
    CHECK(dl_gradcheck(c, tangle_loss, 2, w, .atol = sizeof(dl_real) == 4 ? 1e-3 : 0));
    CHECK_OK(c);
}

/* --- a user's op: y = a x^2 with a the option -------------------------------------------------------------------- */
static int parabola_shape(dl_ctx *ctx, dl_tensor *y) { return dl_set_shape(ctx, y, y->src[0]->ndim, y->src[0]->shape); }
static void parabola_forward(dl_ctx *ctx, dl_tensor *y)
{
    dl_real a = *(const dl_real *)y->opts;
    int64_t i;
    (void)ctx;
    for (i = 0; i < y->size; i++) y->data[i] = a * y->src[0]->data[i] * y->src[0]->data[i];
}
static void parabola_backward(dl_ctx *ctx, dl_tensor *y)
{
    dl_real a = *(const dl_real *)y->opts, *dx;
    int64_t i;
    int add;
    dx = dl_grad_of(ctx, y->src[0], &add);
    for (i = 0; dx && i < y->size; i++) dx[i] = (add ? dx[i] : 0) + 2 * a * y->src[0]->data[i] * y->grad[i];
}
static const dl_op parabola_op = {"parabola", parabola_shape, parabola_forward, parabola_backward};
static const dl_op ceiling_op = {"ceiling", parabola_shape, parabola_forward, NULL};      /* not differentiable */

static dl_tensor *hyperbola(dl_ctx *ctx, dl_tensor **x, void *user) { (void)user; return dl_tanh(ctx, x[0]); }

static void user_op(void)
{
    dl_real a = 3;
    dl_tensor *x, *y, *none = NULL;
    dl_step_begin(c);
    x = leaf(2, 1);
    y = dl_apply(c, &parabola_op, 1, &x, &a, sizeof a);
    a = 100;                                               /* options are copied */
    CHECK(SAME(y, 3, 12) && y->requires_grad && y->op == &parabola_op);
    CHECK(dl_backward(c, dl_sum(c, dl_add(c, y, x))) && grad_is(x, 7, 13));
    a = 3;
    CHECK(!dl_apply(c, &ceiling_op, 1, &x, &a, sizeof a)->requires_grad);
    CHECK_OK(c);
    CHECK(dl_is_nil(dl_apply(c, &parabola_op, 1, &none, &a, sizeof a)));
    CHECK_ERROR(c, "parabola: input 0 is NULL");
    x = FROM(DL_SHAPE(3), 1.5, (dl_real)-0.7, 2);
    dl_requires_grad(c, x, 1);
    CHECK(dl_gradcheck(c, hyperbola, 1, &x));              /* with tolerances that fit dl_real */
    CHECK_OK(c);
}

static void copy(void)
{
    const int32_t labels[3] = {7, -1, 3};
    dl_tensor *state = dl_keep(c, dl_zeros(c, DL_SHAPE(2, 3))), *x, *y, *w, *i, *ids = dl_keep(c, dl_tensor_from_int(c, labels, DL_SHAPE(3)));
    int step, k;
    for (step = 1; step <= 4; step++) {                     /* h = h / 2 + 1 over steps: 1, 3/2, 7/4, 15/8 */
        dl_step_begin(c);
        w = dl_requires_grad(c, dl_full(c, DL_SHAPE(2, 3), (dl_real)0.5), 1);
        y = dl_add_scalar(c, dl_mul(c, state, w), 1);
        CHECK(dl_backward(c, dl_sum(c, y)) && w->grad[5] == state->data[5]);             /* no longer than one step */
        CHECK(dl_copy(c, state, y) && !state->op && !state->requires_grad && state->data != y->data);
    }
    for (k = 0; k < 6; k++) CHECK(state->data[k] == (dl_real)1.875);
    i = dl_tensor_from_int(c, labels, DL_SHAPE(3));
    i->idata[1] = 5;
    CHECK(dl_copy(c, ids, i) && ids->idata[0] == 7 && ids->idata[1] == 5 && ids->idata[2] == 3);
    CHECK(dl_copy(c, w, state) && w->requires_grad && w->data[0] == (dl_real)1.875);     /* a parameter stays one */
    CHECK(dl_copy(c, state, state) && dl_copy(c, dl_detach(c, state), state));           /* also where it is */
    CHECK_OK(c);
    x = dl_ones(c, DL_SHAPE(3, 2));
    CHECK(!dl_copy(c, state, x));      CHECK_ERROR(c, "copy: to (2,3) from (3,2), expected one shape");
    CHECK(!dl_copy(c, y, state));      CHECK_ERROR(c, "copy: to (2,3) is the result of add_scalar, expected a leaf");
    CHECK(!dl_copy(c, ids, x));        CHECK_ERROR(c, "copy: to (3) holds int32, expected reals");
    CHECK(!dl_copy(c, state, NULL));   CHECK_ERROR(c, "copy: from is NULL");
    CHECK(!dl_copy(c, NULL, state));   CHECK_ERROR(c, "copy: to is NULL");
    CHECK(!dl_copy(c, state, dl_log(c, NULL)));
    CHECK_ERROR(c, "log");
    CHECK(state->data[0] == (dl_real)1.875 && ids->idata[0] == 7);
}

static void errors_pass_through(void)                     /* the first error stays; nothing works until it is cleared */
{
    dl_tensor *w, *bad, *y;
    dl_step_begin(c);
    w = leaf(2, 1);
    bad = dl_add(c, w, dl_ones(c, DL_SHAPE(3)));
    y = dl_sum(c, dl_exp(c, dl_matmul(c, bad, bad)));
    CHECK(dl_is_nil(bad) && dl_is_nil(y) && dl_item(y) != dl_item(y) && !dl_backward(c, y) && !w->grad);
    CHECK(dl_is_nil(dl_zeros(c, DL_SHAPE(2))));
    CHECK_ERROR(c, "add: shapes (2) and (3)");
    CHECK(dl_backward(c, dl_sum(c, dl_square(c, w))) && grad_is(w, 2, 4));
    CHECK(dl_is_nil(dl_exp(c, bad)));                      /* the nil tensor is an error of its own by now */
    CHECK_ERROR(c, "exp");
}

/* One wrong number among many right ones is found wherever it stands, and named; an exception is none. */
static void wrong_integers(void)
{
    static const int64_t sizes[] = {1, 2, 7, 33, 1000};
    static const int32_t wrong[] = {INT32_MIN, -1, 3, INT32_MAX};
    char text[128];
    int32_t v[1000];
    for (int k = 0; k < 5; k++)
        for (int w = 0; w < 4; w++)
            for (int place = 0; place < 3; place++) {
                int64_t n = sizes[k], at = place * (n - 1) / 2;
                dl_tensor *x, *scores;
                dl_step_begin(c);
                for (int64_t i = 0; i < n; i++) v[i] = i % 3 ? (int32_t)(i % 3) : place == 1 ? -100 : 0;
                v[at] = wrong[w];
                if (at + 1 < n) v[n - 1] = at == 0 ? -5 : v[n - 1];                      /* not the first that is wrong */
                x = dl_tensor_from_int(c, v, DL_SHAPE(n));
                scores = dl_ones(c, DL_SHAPE(n, 3));
                dl_nll_loss(c, scores, x);
                snprintf(text, sizeof text, "nll_loss: target (%d) holds %d at index %d, expected 0 to 2 or -100, for (%d,3)", (int)n,
                         (int)wrong[w], (int)at, (int)n);
                CHECK_ERROR(c, text);
                for (int64_t i = 0; i < n; i++) if (v[i] == -100) v[i] = 0;
                dl_index_select(c, scores, 1, dl_tensor_from_int(c, v, DL_SHAPE(n)));
                snprintf(text, sizeof text, "index_select: index (%d) holds %d at index %d, expected 0 to 2, for (%d,3)", (int)n,
                         (int)wrong[w], (int)at, (int)n);
                CHECK_ERROR(c, text);
                dl_nll_loss(c, scores, x, .ignore_index = wrong[w]);
                if (place == 2 && n > 1 && w > 0) CHECK_OK(c);                           /* INT32_MIN is DL_ZERO */
                dl_clear_error(c);
            }
}

int main(void)
{
    c = dl_create(.seed = 1, .threads = 2);
    RUN(creation);
    RUN(integers);
    RUN(random_numbers);
    RUN(permutations_are_even);
    RUN(item_and_keep);
    RUN(views);
    RUN(broadcasting);
    RUN(reductions);
    RUN(lines_and_rows);
    RUN(gathering);
    RUN(large_tensors);
    RUN(long_rows);
    RUN(hard_numbers);
    RUN(range_and_digits);
    RUN(long_sums);
    RUN(corners);
    RUN(permutations);
    RUN(products);
    RUN(sorting);
    RUN(indexing);
    RUN(printing);
    RUN(recording);
    RUN(accumulation);
    RUN(retained);
    RUN(views_share_gradients);
    RUN(reused_buffers);
    RUN(reused_buffers_against_differences);
    RUN(user_op);
    RUN(copy);
    RUN(errors_pass_through);
    RUN(wrong_integers);
    dl_destroy(c);
    TEST_END;
}
