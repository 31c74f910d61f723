/* build: float double asan */
/* Data preparation, linear algebra, augmentation, regularisation, early stopping, learning curves. */
#include "dl.h"
#include "test.h"
#include "folder.h"
#include "golden_augment.h"
#include "golden_randaugment.h"
#include <unistd.h>

#ifdef DL_DOUBLE
#define TOL 1e-8
#else
#define TOL 3e-5
#endif

static dl_ctx *c;

#define FROM(shape, ...)    dl_tensor_from(c, (dl_real[]){__VA_ARGS__}, shape)
#define INTS(shape, ...)    dl_tensor_from_int(c, (int32_t[]){__VA_ARGS__}, shape)
#define LIST(...)           (int)(sizeof (double[]){__VA_ARGS__} / sizeof(double)), (double[]){__VA_ARGS__}
#define IS(x, ...)          same(__LINE__, x, TOL, LIST(__VA_ARGS__))
#define GOLDEN(x, name)     same(__LINE__, x, TOL, (int)(sizeof golden_##name / sizeof(double)), golden_##name)
#define BAD(call, part)     do { (void)(call); CHECK_ERROR(c, part); } while (0)

static int same(int line, const dl_tensor *x, double tol, int n, const double *values)
{
    int i;
    if (x->size != n) return test_check(__FILE__, line, 0, "number of values");
    for (i = 0; i < n; i++) {
        double v = x->dtype == DL_INT32 ? (double)x->idata[i] : (double)x->data[i];
        if (!test_near(__FILE__, line, v, values[i], tol * fmax(1, fabs(values[i])), "a value")) return 0;
    }
    return 1;
}
static dl_tensor *numbers(dl_shape shape)                              /* those of gen_augment.py */
{
    dl_tensor *x = dl_zeros(c, shape);
    for (int64_t i = 0; i < x->size; i++) x->data[i] = (dl_real)((double)(i * 37 % 101) / 101);
    return x;
}
static int equal(const dl_tensor *a, const dl_tensor *b)
{
    return a->size && a->size == b->size && !memcmp(a->data, b->data, (size_t)a->size * sizeof(dl_real));
}
static void fresh(uint64_t seed) { dl_step_begin(c); dl_manual_seed(c, seed); }

/* --- preparation ---------------------------------------------------------------------------------------------- */
static void prep_scaling(void)
{
    dl_tensor *x, *y, *z;
    dl_scaler *s;
    ROW("PREP-02"); ROW("PREP-03"); ROW("PREP-04");
    fresh(1);
    x = FROM(DL_SHAPE(3, 1), 2, 4, 10);
    IS(dl_data_minmax(c, x), 0, .25, 1);
    for (int i = 0; i < 2; i++) {                                            /* so narrow that 1 / width is no number */
        dl_tensor *narrow = dl_mul_scalar(c, x, sizeof(dl_real) == 4 ? (dl_real)1e-40 : (dl_real)1e-310);
        narrow = i ? dl_data_zscore(c, narrow) : dl_data_minmax(c, narrow);
        for (int k = 0; k < narrow->size; k++) CHECK(narrow->data[k] == 0);
    }
    y = dl_data_zscore(c, x);
    CHECK_NEAR(y->data[0], -.980581, 1e-6);
    CHECK_NEAR(y->data[1], -.392232, 1e-6);
    CHECK_NEAR(y->data[2], 1.372813, 1e-6);
    s = dl_data_fit(c, x, DL_MINMAX);                                  /* statistics of the training data, applied to others */
    IS(dl_data_apply(c, s, FROM(DL_SHAPE(2, 1), 18, 6)), 2, .5);
    s = dl_data_fit(c, FROM(DL_SHAPE(5, 2), 1, 0, 2, 10, 3, 20, 4, 30, 100, 40), DL_ROBUST);
    IS(dl_data_apply(c, s, FROM(DL_SHAPE(2, 2), 3, 20, 5, 50)), 0, 0, 1, 1.5);   /* medians 3, 20; quartiles 2, 4 and 10, 30 */
    x = FROM(DL_SHAPE(8, 1), 1, 1, 1, 1, 1, 1, 1, 6);                  /* equal quartiles: over 1, as RobustScaler */
    IS(dl_data_apply(c, dl_data_fit(c, x, DL_ROBUST), x), 0, 0, 0, 0, 0, 0, 0, 5);
    x = FROM(DL_SHAPE(2, 2, 2), 1, 3, 10, 10, 5, 7, 30, 30);           /* by channel: 1 3 5 7 and 10 10 30 30 */
    y = dl_data_apply(c, dl_data_fit(c, x, DL_ZSCORE, .by_channel = 1), x);
    IS(y, -3 / sqrt(5), -1 / sqrt(5), -1, -1, 1 / sqrt(5), 3 / sqrt(5), 1, 1);
    CHECK(y->ndim == 3 && y->shape[2] == 2);
    z = dl_requires_grad(c, dl_zeros(c, DL_SHAPE(1, 1)), 1);           /* a gradient: the scale */
    dl_backward(c, dl_sum(c, dl_data_apply(c, dl_data_fit(c, FROM(DL_SHAPE(2, 1), 1, 5), DL_MINMAX), z)));
    CHECK_NEAR(z->grad[0], .25, TOL);
    CHECK_OK(c);
}

static void prep_constant(void)
{
    dl_tensor *x;
    ROW("PREP-07");
    fresh(1);
    x = dl_full(c, DL_SHAPE(10, 2), (dl_real)0.1);                     /* ten times .1 is not 1 in binary */
    for (int i = 0; i < 10; i++) x->data[2 * i + 1] = (dl_real)i;
    for (int how = DL_MINMAX; how <= DL_ROBUST; how++) {
        dl_tensor *y = dl_data_apply(c, dl_data_fit(c, x, (dl_scaling)how), x);
        for (int i = 0; i < 10; i++) CHECK(y->data[2 * i] == 0);
        y = dl_data_apply(c, dl_data_fit(c, x, (dl_scaling)how), FROM(DL_SHAPE(1, 2), 7, 2));
        CHECK(y->data[0] == 0);
    }
    CHECK_OK(c);
}

static void prep_whitening(void)                                       /* the covariance becomes I */
{
    dl_tensor *x, *mix, *y, *cov;
    fresh(2);
    mix = FROM(DL_SHAPE(3, 3), 3, 1, 0, 0, 1, (dl_real)0.5, 1, 0, (dl_real)0.2);
    x = dl_add_scalar(c, dl_matmul(c, dl_randn(c, DL_SHAPE(500, 3)), mix), 4);
    for (int how = DL_PCA; how <= DL_ZCA; how++) {
        y = dl_data_apply(c, dl_data_fit(c, x, (dl_scaling)how, .eps = 1e-9), x);
        cov = dl_div_scalar(c, dl_matmul(c, y, y, .transpose_a = 1), 500);
        for (int i = 0; i < 9; i++) CHECK_NEAR(cov->data[i], i % 4 == 0, 2e-3);
        CHECK_NEAR(dl_item(dl_mean(c, y)), 0, 1e-4);
    }
    mix = dl_data_fit(c, x, DL_ZCA)->rotation;                         /* ZCA: symmetric; PCA: variances fall */
    CHECK_NEAR(mix->data[1], mix->data[3], 1e-5);
    y = dl_matmul(c, dl_sub(c, x, dl_mean(c, x, .dims = DL_DIM(0))), dl_data_fit(c, x, DL_PCA)->rotation);
    CHECK(y->shape[1] == 3);
    x = dl_reshape(c, dl_slice(c, x, 0, 0, 400), DL_SHAPE(25, 3, 16)); /* by channel: the positions are samples */
    y = dl_data_apply(c, dl_data_fit(c, x, DL_ZCA, .by_channel = 1), x);
    y = dl_reshape(c, dl_transpose(c, y, 1, 2), DL_SHAPE(400, 3));
    cov = dl_div_scalar(c, dl_matmul(c, y, y, .transpose_a = 1), 400);
    for (int i = 0; i < 9; i++) CHECK_NEAR(cov->data[i], i % 4 == 0, 2e-3);
    CHECK_OK(c);
}

static void prep_errors(void)
{
    dl_scaler *s;
    dl_tensor *x, *bad;
    fresh(1);
    x = dl_ones(c, DL_SHAPE(3, 2));
    s = dl_data_fit(c, x, DL_MINMAX);
    bad = FROM(DL_SHAPE(2, 1), 1, (dl_real)NAN);
    BAD(dl_data_fit(c, NULL, DL_MINMAX), "data_fit: x is NULL");
    BAD(dl_data_fit(c, x, (dl_scaling)9), "data_fit: how is 9, expected 0 to 4 (DL_ZCA)");
    BAD(dl_data_fit(c, bad, DL_ZSCORE), "nan at index 1");
    BAD(dl_data_fit(c, dl_ones(c, DL_SHAPE(3)), DL_ZSCORE), "no features");
    BAD(dl_data_fit(c, x, DL_PCA, .eps = -2), "data_fit: eps is -2, expected 0 or more");
    BAD(dl_data_apply(c, NULL, x), "scaler is NULL");
    BAD(dl_data_apply(c, s, dl_ones(c, DL_SHAPE(3, 4))), "4 features, 2 were fitted");
    CHECK(dl_data_fit(NULL, x, DL_MINMAX) == NULL && dl_is_nil(dl_data_minmax(NULL, x)));
    BAD(dl_data_poly_features(c, x, 0), "to the power of 0");
    BAD(dl_data_linreg(c, 3, x, 0, 1), "data_linreg: w (3,2)");
}

/* Files as Yann LeCun published them: the 10,000 test images; in the long run the 60,000 as well. */
static int write_mnist(const char *images, const char *labels, int n)
{
    FILE *f = fopen(images, "wb"), *g = fopen(labels, "wb");
    unsigned char head[16] = {0, 0, 8, 3, 0, 0, 0, 0, 0, 0, 0, 28, 0, 0, 0, 28}, row[784];
    int ok;
    if (!f || !g) return 0;
    head[6] = (unsigned char)(n >> 8); head[7] = (unsigned char)n;
    fwrite(head, 1, 16, f);
    head[3] = 1;
    fwrite(head, 1, 8, g);
    for (int i = 0; i < n; i++) {
        for (int j = 0; j < 784; j++) row[j] = (unsigned char)(i + j);
        fwrite(row, 1, 784, f);
        fputc(i % 10, g);
    }
    ok = !ferror(f) && !ferror(g);
    return (fclose(f) == 0) & (fclose(g) == 0) & ok;
}
static void prep_files(void)
{
    static const char *name[2][2] = {{"t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"}, {"train-images-idx3-ubyte", "train-labels-idx1-ubyte"}};
    dl_ctx *k = dl_create();
    dl_dataset *d;
    FILE *f;
    ROW("PREP-05"); ROW("PREP-06");
    for (int train = 0; train <= (SLOW ? 1 : 0); train++) {
        int n = train ? 60000 : 10000;
        CHECK(write_mnist(path(name[train][0]), path(name[train][1]), n));
        d = dl_data_mnist(k, folder, .train = train);
        CHECK_OK(k);
        CHECK(d->size == n && d->inputs->shape[1] == 1 && d->inputs->shape[2] == 28 && d->inputs->shape[3] == 28 && d->classes == 10);
        CHECK_NEAR(d->inputs->data[784 * 255], 1, 0);
        CHECK(d->targets->idata[n - 1] == 9);
        remove(path(name[train][0])); remove(path(name[train][1]));
    }
    f = fopen(path("test_batch.bin"), "wb");
    for (int i = 0; f && i < 2 * 3073; i++) fputc(i % 3073 ? i % 251 : 3 + i / 3073, f);
    if (f) fclose(f);
    d = dl_data_cifar10(k, folder);
    CHECK_OK(k);
    CHECK(d->size == 2 && d->inputs->size == 2 * 3072 && d->inputs->shape[1] == 3 && d->inputs->shape[2] == 32 && d->classes == 10);
    CHECK(d->targets->idata[1] == 4);
    CHECK_NEAR(d->inputs->data[0], 1 / 255.0, 1e-7);                   /* a folder of images: test_images */
    remove(path("test_batch.bin"));
    dl_destroy(k);
}

/* --- subsets and splits ------------------------------------------------------------------------------------------ */
static dl_dataset *labelled(int n)                                     /* input i is i, one in five is of class 1 */
{
    dl_tensor *x = dl_reshape(c, dl_arange(c, 0, n, 1), DL_SHAPE(n, 1)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n)));
    for (int i = 0; i < n; i += 5) t->idata[i] = 1;
    return dl_data_tensors(c, x, t);
}
static void splits(void)
{
    const double shares[3] = {0.7, 0.2, 0.1};
    dl_dataset *d, *part[3], *again[3];
    fresh(3);
    d = labelled(200);
    for (int how = 0; how < 3; how++) {                                /* shuffled, in order, stratified */
        int seen[200] = {0};
        CHECK(dl_data_split(c, d, 3, shares, part, .stratified = how == 2, .no_shuffle = how == 1));
        CHECK(part[0]->size == 140 && part[1]->size == 40 && part[2]->size == 20);
        for (int k = 0; k < 3; k++) {
            int ones = 0;
            for (int i = 0; i < part[k]->size; i++) {
                int v = (int)part[k]->inputs->data[i];
                seen[v]++;
                CHECK(part[k]->targets->idata[i] == (v % 5 == 0));     /* labels stay with their inputs */
                ones += part[k]->targets->idata[i];
            }
            CHECK(part[k]->classes == 2);
            if (how == 2) CHECK(ones == part[k]->size / 5);
        }
        for (int i = 0; i < 200; i++) CHECK(seen[i] == 1);
        CHECK((part[0]->inputs->data[0] == 0 && part[0]->inputs->data[1] == 1) == (how == 1));
    }
    dl_manual_seed(c, 9); dl_data_split(c, d, 3, shares, part);
    dl_manual_seed(c, 9); dl_data_split(c, d, 3, shares, again);
    CHECK(equal(part[0]->inputs, again[0]->inputs));
    d = dl_data_subset(c, d, INTS(DL_SHAPE(3), 7, 5, 7));
    IS(d->inputs, 7, 5, 7);
    IS(d->targets, 0, 1, 0);
    CHECK_OK(c);
    BAD(dl_data_subset(c, d, INTS(DL_SHAPE(2), 0, 3)), "data_subset: indices (2) holds 3 at index 1, expected 0 to 2, for (");
    BAD(dl_data_subset(c, NULL, INTS(DL_SHAPE(1), 0)), "data_subset: the data set is NULL");
    BAD(dl_data_split(c, d, 2, shares, part), "add up to 0.9");
    BAD(dl_data_split(c, d, 0, shares, part), "0 parts");
    BAD(dl_data_split(c, d, 3, NULL, part), "no fractions");
    BAD(dl_data_split(c, d, 3, shares, part), "would be empty");
    d = dl_data_tensors(c, dl_zeros(c, DL_SHAPE(600000, 1)), dl_to_int(c, dl_zeros(c, DL_SHAPE(600000))));
    BAD(dl_data_split(c, d, 2, ((double[]){1.0000009, 1e-9}), part), "part 1 of 600000 samples would be empty");
    BAD(dl_data_split(c, dl_data_tensors(c, dl_ones(c, DL_SHAPE(4, 1)), dl_ones(c, DL_SHAPE(4, 1))), 3, shares, part, .stratified = 1), "one class a sample");
    d = dl_data_tensors(c, dl_ones(c, DL_SHAPE(4, 1)), INTS(DL_SHAPE(4), 0, 30000000, 0, 30000000));     /* no table of 30 million classes */
    BAD(dl_data_split(c, d, 2, ((double[]){.5, .5}), part, .stratified = 1), "data_split: targets (4) holds 30000000 at index 1, expected 0 to 16777215");
    d = dl_data_tensors(c, dl_ones(c, DL_SHAPE(4, 1)), INTS(DL_SHAPE(4), 0, 1, 0, 1));
    d->targets->idata[2] = 3;                                                /* behind the back of d->classes */
    BAD(dl_data_split(c, d, 2, ((double[]){.5, .5}), part, .stratified = 1), "data_split: targets (4) holds 3 at index 2, expected 0 to 1");
    CHECK(dl_data_split(NULL, NULL, 3, shares, part) == 0);
}

/* --- linear algebra and linear regression ------------------------------------------------------------------------- */
static void linalg(void)
{
    dl_tensor *a, *b, *x, *y, *one;
    ROW("TEN-13"); ROW("LIN-05");
    fresh(1);
    a = dl_add(c, numbers(DL_SHAPE(5, 5)), dl_mul_scalar(c, dl_eye(c, 5), 2));
    b = dl_sub_scalar(c, dl_reshape(c, dl_arange(c, 0, 10, 1), DL_SHAPE(5, 2)), 3);
    GOLDEN(dl_linalg_solve(c, a, b), solve);
    GOLDEN(dl_linalg_inv(c, a), inv);
    GOLDEN(dl_linalg_cholesky(c, dl_matmul(c, a, a, .transpose_b = 1)), cholesky);
    x = dl_linalg_solve(c, FROM(DL_SHAPE(2, 2), 0, 2, 4, 0), FROM(DL_SHAPE(2), 6, 8));      /* needs an exchange of rows */
    IS(x, 2, 3);
    CHECK(x->ndim == 1);
    x = FROM(DL_SHAPE(4, 2), 1, 1, 2, 1, 3, 1, 4, 1);                  /* V02 */
    y = FROM(DL_SHAPE(4), 6, 5, 7, 10);
    a = dl_matmul(c, x, x, .transpose_a = 1);
    IS(a, 30, 10, 10, 4);
    b = dl_matmul(c, x, dl_reshape(c, y, DL_SHAPE(4, 1)), .transpose_a = 1);
    IS(b, 77, 28);
    IS(dl_linalg_solve(c, a, b), 1.4, 3.5);
    BAD(dl_linalg_solve(c, FROM(DL_SHAPE(2, 2), 1, 2, (dl_real)NAN, 4), FROM(DL_SHAPE(2), 1, 2)), "linalg_solve: a (2,2) is nan at index 2");
    IS(dl_matmul(c, dl_linalg_inv(c, a), b), 1.4, 3.5);
    IS(dl_linreg_fit(c, x, y, .no_bias = 1), 1.4, 3.5);
    one = dl_slice(c, x, 1, 0, 1);
    IS(dl_linreg_fit(c, one, y), 1.4, 3.5);
    y = dl_sub(c, dl_add_scalar(c, dl_mul_scalar(c, dl_reshape(c, one, DL_SHAPE(4)), (dl_real)1.4), (dl_real)3.5), y);
    IS(y, -1.1, 1.3, .7, -.9);
    CHECK_NEAR(dl_item(dl_sum(c, dl_square(c, y))), 4.2, TOL * 10);
    x = numbers(DL_SHAPE(12, 3));
    y = dl_zeros(c, DL_SHAPE(12, 1));
    for (int i = 0; i < 12; i++) y->data[i] = (dl_real)(i * 7 % 13 / 3.0);
    GOLDEN(dl_linreg_fit(c, x, y), linreg);
    GOLDEN(dl_linreg_fit(c, x, dl_reshape(c, y, DL_SHAPE(12)), .no_bias = 1, .l2 = 0.5), ridge);
    IS(dl_linalg_solve(c, FROM(DL_SHAPE(2, 2), (dl_real)1e8, 0, 0, (dl_real)1e-7), FROM(DL_SHAPE(2), (dl_real)1e8, (dl_real)1e-7)), 1, 1);
    IS(dl_linalg_solve(c, FROM(DL_SHAPE(2, 2), 1, (dl_real)1e16, 0, 1), FROM(DL_SHAPE(2), (dl_real)1e16, 1)), 0, 1);
    CHECK_OK(c);
    BAD(dl_linalg_solve(c, FROM(DL_SHAPE(3, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9), dl_ones(c, DL_SHAPE(3))), "nothing is left of column 2");
    BAD(dl_linalg_solve(c, FROM(DL_SHAPE(3, 3), (dl_real).1, (dl_real).3, (dl_real).7, (dl_real).2, (dl_real).6, (dl_real)1.4, 1, 1, 1), dl_ones(c, DL_SHAPE(3))),
        "nothing is left of column 2");
    BAD(dl_linalg_solve(c, FROM(DL_SHAPE(2, 2), 1, 2, 2, 4), dl_ones(c, DL_SHAPE(2))), "linalg_solve: the matrix of 2 rows is singular");
    BAD(dl_linalg_inv(c, dl_zeros(c, DL_SHAPE(2, 2))), "linalg_inv: the matrix of 2 rows is singular");
    BAD(dl_linalg_inv(c, dl_zeros(c, DL_SHAPE(2, 3))), "linalg_inv: a is (2,3), expected a square");
    BAD(dl_linalg_solve(c, dl_eye(c, 2), dl_ones(c, DL_SHAPE(3))), "a (2,2) with b (3)");
    BAD(dl_linalg_cholesky(c, FROM(DL_SHAPE(2, 2), 1, 2, 2, 1)), "not positive definite: -3 is left in row 1");
    BAD(dl_linreg_fit(c, dl_ones(c, DL_SHAPE(3, 2)), dl_ones(c, DL_SHAPE(3))), "not positive definite");
    BAD(dl_linreg_fit(c, dl_ones(c, DL_SHAPE(3, 2)), dl_ones(c, DL_SHAPE(4))), "x (3,2), y (4)");
    BAD(dl_linalg_solve(c, NULL, NULL), "a is NULL");
}

static void linear_data(void)
{
    dl_tensor *w, *fit, *x, *y;
    dl_dataset *d;
    double mean = 0, square = 0;
    ROW("LIN-09"); ROW("LIN-17");
    fresh(4);
    w = FROM(DL_SHAPE(2), 2, (dl_real)-3.4);
    d = dl_data_linreg(c, 4000, w, 4.2, 0.5);
    CHECK(d->inputs->shape[1] == 2 && d->targets->shape[1] == 1 && d->size == 4000);
    for (int i = 0; i < 4000; i++) {                                   /* the noise: mean 0, standard deviation .5 */
        double e = d->targets->data[i] - (2 * d->inputs->data[2 * i] - 3.4 * d->inputs->data[2 * i + 1] + 4.2);
        mean += e / 4000;
        square += e * e / 4000;
    }
    CHECK_NEAR(mean, 0, 4 * .5 / sqrt(4000));
    CHECK_NEAR(square, .25, 4 * .25 * sqrt(2.0 / 4000));
    fit = dl_linreg_fit(c, d->inputs, d->targets);                     /* .. and the fit finds w, b within 4 standard errors */
    CHECK_NEAR(fit->data[0], 2, 4 * .5 / sqrt(4000));
    CHECK_NEAR(fit->data[1], -3.4, 4 * .5 / sqrt(4000));
    CHECK_NEAR(fit->data[2], 4.2, 4 * .5 / sqrt(4000));
    x = FROM(DL_SHAPE(5, 1), -2, -1, 0, 1, 2);                         /* y = x^2 is no line, but one in (x, x^2) */
    y = dl_reshape(c, dl_square(c, x), DL_SHAPE(5));
    IS(dl_linreg_fit(c, x, y), 0, 2);
    IS(dl_linreg_fit(c, dl_data_poly_features(c, x, 2), y), 0, 1, 0);
    IS(dl_data_poly_features(c, FROM(DL_SHAPE(1, 2), 2, 3), 3), 2, 3, 4, 9, 8, 27);
    CHECK_OK(c);
}

/* --- augmentation ----------------------------------------------------------------------------------------------------- */
static void crops(void)
{
    dl_tensor *x, *y, *ten;
    int places[9][9] = {{0}}, empty = 0;
    ROW("AUG-02");
    fresh(5);
    x = dl_reshape(c, dl_add_scalar(c, dl_arange(c, 0, 2 * 2 * 20, 1), 1), DL_SHAPE(2, 2, 4, 5));
    IS(dl_slice(c, dl_aug_center_crop(c, x, 2, 3), 0, 0, 1), 7, 8, 9, 12, 13, 14, 27, 28, 29, 32, 33, 34);
    ten = dl_aug_ten_crop(c, x, 2, 2);                                 /* AlexNet's: corners, middle, mirrored */
    CHECK(ten->ndim == 5 && ten->shape[0] == 2 && ten->shape[1] == 10 && ten->shape[2] == 2 && ten->shape[3] == 2);
    ten = dl_slice(c, dl_slice(c, ten, 0, 0, 1), 2, 0, 1);
    IS(ten, 1, 2, 6, 7,  4, 5, 9, 10,  11, 12, 16, 17,  14, 15, 19, 20,  8, 9, 13, 14,
            5, 4, 10, 9,  2, 1, 7, 6,  15, 14, 20, 19,  12, 11, 17, 16,  8, 7, 13, 12);
    x = dl_reshape(c, dl_add_scalar(c, dl_arange(c, 0, 30, 1), 1), DL_SHAPE(1, 1, 5, 6));
    x = dl_expand(c, x, DL_SHAPE(500, 1, 5, 6));
    y = dl_aug_random_crop(c, x, 5, 6, .padding = 4);                  /* every window of (5, 6) in the 13 x 14 padded image */
    CHECK(y->shape[2] == 5 && y->shape[3] == 6);
    for (int n = 0; n < 500; n++) {
        int top = 99, left = 99;
        for (int i = 0; i < 30 && top == 99; i++)                      /* where pixel (2, 3) went says where the window was */
            if (y->data[n * 30 + i] == 16) { top = 2 - i / 6; left = 3 - i % 6; }
        if (top == 99) { empty++; continue; }
        places[top + 4][left + 4]++;
        for (int i = 0; i < 30; i++) {
            int r = i / 6 + top, k = i % 6 + left;
            CHECK(y->data[n * 30 + i] == (r < 0 || r > 4 || k < 0 || k > 5 ? 0 : r * 6 + k + 1));
        }
    }
    CHECK(empty > 100 && empty < 400);
    for (int i = 2; i < 7; i++) CHECK(places[i][4] > 0 && places[4][i] > 0);
    y = dl_aug_random_crop(c, dl_slice(c, x, 0, 0, 50), 5, 6, .padding = 2, .padding_mode = DL_PAD_REFLECT);
    CHECK(dl_item(dl_min(c, y)) >= 1);
    y = dl_aug_random_crop(c, dl_slice(c, x, 0, 0, 50), 5, 6, .padding = 3, .fill = -7);
    CHECK(dl_item(dl_min(c, y)) == -7);
    dl_set_training(c, 0);                                             /* in evaluation: the middle */
    IS(dl_slice(c, dl_aug_random_crop(c, x, 1, 2, .padding = 4), 0, 0, 1), 15, 16);
    y = dl_aug_random_crop(c, x, 9, 6, .padding = 2);                  /* larger than x: in the padded image here, too */
    CHECK(y->shape[2] == 9 && y->data[2 * 6 - 1] == 0 && y->data[2 * 6] == 1 && y->data[6 * 7 - 1] == 30 && y->data[6 * 7] == 0);
    dl_set_training(c, 1);
    CHECK_OK(c);
}

static void flips(void)
{
    dl_tensor *x, *y;
    int turned = 0;
    ROW("AUG-03");
    fresh(6);
    x = FROM(DL_SHAPE(1, 1, 2, 2), 1, 2, 3, 4);
    IS(dl_aug_hflip(c, x, .p = 1), 2, 1, 4, 3);
    IS(dl_aug_vflip(c, x, .p = 1), 3, 4, 1, 2);
    IS(dl_aug_hflip(c, x, .p = -1), 1, 2, 3, 4);
    x = dl_expand(c, x, DL_SHAPE(4000, 1, 2, 2));
    y = dl_aug_hflip(c, x, .p = 0.25);
    for (int n = 0; n < 4000; n++) turned += y->data[4 * n] == 2;
    CHECK_NEAR(turned / 4000.0, .25, 4 * sqrt(.25 * .75 / 4000));
    y = dl_aug_vflip(c, x);                                            /* .5 is the usual */
    for (int n = turned = 0; n < 4000; n++) turned += y->data[4 * n] == 3;
    CHECK_NEAR(turned / 4000.0, .5, 4 * sqrt(.25 / 4000));
    dl_set_training(c, 0);
    CHECK(dl_aug_hflip(c, x, .p = 1) == x);
    dl_set_training(c, 1);
    CHECK_OK(c);
}

/* Every result of one change with strength .6 is one of these images, and all of them occur.  Pillow rounds what it blends. */
enum { RAND_SIZE = 3 * 16 * 24, RAND_IMAGES = 23 };
static void rand_augment(void)
{
    static const unsigned char *wanted[RAND_IMAGES] = {
        rand_image, rand_more_brightness, rand_less_brightness, rand_more_saturation, rand_less_saturation, rand_more_contrast,
        rand_less_contrast, rand_more_sharpness, rand_less_sharpness, rand_posterize, rand_solarize, rand_autocontrast, rand_equalize,
        rand_more_turn, rand_less_turn, rand_more_shear_x, rand_less_shear_x, rand_more_shear_y, rand_less_shear_y,
        rand_more_shift_x, rand_less_shift_x, rand_more_shift_y, rand_less_shift_y};
    dl_tensor *x, *y, *z, *one;
    int same_as[2] = {0, 0}, seen[RAND_IMAGES] = {0};
    fresh(8);
    one = dl_empty(c, DL_SHAPE(1, 3, 16, 24));
    for (int i = 0; i < RAND_SIZE; i++) one->data[i] = (dl_real)rand_image[i] / 255;
    x = dl_expand(c, one, DL_SHAPE(400, 3, 16, 24));
    y = dl_aug_rand_augment(c, x, .num_ops = 1, .magnitude = 18);
    CHECK_OK(c);
    for (int n = 0; n < 400 && !dl_error(c); n++) {
        int like = -1;
        for (int k = 0; k < RAND_IMAGES; k++) {
            double worst = 0;
            for (int i = 0; i < RAND_SIZE; i++) worst = fmax(worst, fabs((double)y->data[n * RAND_SIZE + i] * 255 - wanted[k][i]));
            if (worst < 2.1) { like = k; seen[k]++; }
        }
        CHECK(like >= 0);
    }
    for (int k = 0; k < RAND_IMAGES; k++) if (!CHECK(seen[k])) printf(" image %d never", k);
    x = dl_rand(c, DL_SHAPE(400, 1, 8, 8));                            /* 3 of 14 change nothing: none; saturation of grey; to */
    y = dl_aug_rand_augment(c, x, .num_ops = 1);                       /* equalize 64 pixels; two in a row: 9 of 196 */
    z = dl_aug_rand_augment(c, x, .magnitude = 30);
    for (int i = 0; i < 400; i++) {
        same_as[0] += !memcmp(y->data + 64 * i, x->data + 64 * i, 64 * sizeof(dl_real));
        same_as[1] += !memcmp(z->data + 64 * i, x->data + 64 * i, 64 * sizeof(dl_real));
    }
    CHECK(same_as[0] > 86 - 33 && same_as[0] < 86 + 33);               /* four standard deviations */
    CHECK(same_as[1] > 18 - 17 && same_as[1] < 18 + 17);
    dl_set_training(c, 0);
    CHECK(dl_aug_rand_augment(c, x) == x);
    dl_set_training(c, 1);
    CHECK_OK(c);
    BAD(dl_aug_rand_augment(c, x, .magnitude = 31), "magnitude 31");
    BAD(dl_aug_rand_augment(c, x, .num_ops = -1), "-1 changes");
    BAD(dl_aug_rand_augment(c, dl_zeros(c, DL_SHAPE(1, 2, 4, 4))), "1 or 3 channels");
    BAD(dl_aug_rand_augment(c, NULL), "aug_rand_augment");
}

/* By hand: on a line. */
static void neighbours(void)
{
    dl_real at[6] = {0, 1, 2, 3, 4, 10}, where[4] = {0.4f, 2.5f, 9, 3}, numbers_at[6] = {5, 7, 9, 11, 13, 100};
    int32_t labels[6] = {1, 1, 2, 3, 2, 3};
    dl_tensor *x, *y, *q, *t, *v;
    fresh(9);
    x = dl_tensor_from(c, at, DL_SHAPE(6, 1)); t = dl_tensor_from_int(c, labels, DL_SHAPE(6)); q = dl_tensor_from(c, where, DL_SHAPE(4, 1));
    y = dl_knn(c, x, t, q, 1);
    CHECK(y->dtype == DL_INT32 && y->ndim == 1 && y->idata[0] == 1 && y->idata[1] == 2 && y->idata[2] == 3 && y->idata[3] == 3);
    y = dl_knn(c, x, t, q, 3);                                         /* 2.5: 2, 3 and the first of 1 and 4: three labels, the nearest */
    CHECK(y->idata[0] == 1 && y->idata[1] == 2 && y->idata[2] == 3 && y->idata[3] == 2);
    y = dl_knn(c, x, dl_tensor_from(c, numbers_at, DL_SHAPE(6)), q, 2);
    CHECK(y->dtype == DL_REAL && y->data[0] == 6 && y->data[1] == 10 && y->data[2] == (dl_real)56.5);
    v = dl_knn(c, x, dl_tensor_from(c, numbers_at, DL_SHAPE(6, 1)), q, 6);
    CHECK(v->ndim == 2 && v->shape[1] == 1);
    CHECK_NEAR(v->data[3], 145.0 / 6, 1e-5);
    x->data[0] = NAN;                                                  /* is nearest to nothing */
    y = dl_knn(c, x, t, q, 1);
    CHECK(y->idata[0] == 1 && y->idata[1] == 2 && y->idata[2] == 3 && y->idata[3] == 3);
    x->data[0] = 0;
    CHECK_OK(c);
    BAD(dl_knn(c, x, t, q, 0), "knn: 0 neighbours of (6,1), expected 1 to 6");
    BAD(dl_knn(c, x, t, q, 7), "7 neighbours");
    BAD(dl_knn(c, x, q, x, 1), "knn: data (6,1), targets (4,1)");
    BAD(dl_knn(c, x, t, dl_zeros(c, DL_SHAPE(2, 2)), 1), "expected (N, d)");
    BAD(dl_knn(c, x, NULL, q, 1), "knn");
}

static void geometry(void)
{
    dl_tensor *x, *y, *z;
    int moved = 0;
    ROW("AUG-09");
    fresh(7);
    x = numbers(DL_SHAPE(1, 2, 6, 9));
    GOLDEN(dl_aug_affine(c, x, .degrees = {30, 30}, .scale = {1.25, 1.25}, .shear = {10, 10}), affine);
    x = numbers(DL_SHAPE(1, 1, 5, 5));
    y = dl_aug_affine(c, x, .degrees = {90, 90});                      /* a quarter clockwise: row i becomes column 4 - i */
    for (int i = 0; i < 25; i++) CHECK_NEAR(y->data[i % 5 * 5 + 4 - i / 5], x->data[i], 1e-5);
    y = dl_aug_affine(c, x);
    for (int i = 0; i < 25; i++) CHECK_NEAR(y->data[i], x->data[i], 1e-6);
    x = dl_add_scalar(c, numbers(DL_SHAPE(60, 1, 6, 6)), 1);           /* shifts by whole pixels, at most a third of 6 */
    y = dl_aug_affine(c, x, .translate = {1 / 3.0, 1 / 3.0});
    for (int n = 0; n < 60; n++) {
        int found = 0;
        for (int a = -2; a <= 2; a++) for (int b = -2; b <= 2; b++) {
            int ok = 1;
            for (int i = 0; i < 36; i++) {
                int r = i / 6 - a, k = i % 6 - b;
                double v = r < 0 || r > 5 || k < 0 || k > 5 ? 0 : x->data[n * 36 + r * 6 + k];
                ok &= fabs(v - y->data[n * 36 + i]) < 1e-5;
            }
            found += ok;
            moved += ok && (a || b);
        }
        CHECK(found == 1);
    }
    CHECK(moved > 40);
    y = dl_aug_affine(c, x, .degrees = {20});                          /* from -20 to 20: each image its own way */
    z = dl_aug_affine(c, x, .degrees = {20});
    CHECK(!equal(y, z) && !equal(x, y));
    CHECK_OK(c);
}

static void hsv(const double *rgb, double *h, double *s, double *v)    /* the textbook's, Smith 1978 */
{
    double max = fmax(rgb[0], fmax(rgb[1], rgb[2])), min = fmin(rgb[0], fmin(rgb[1], rgb[2])), d = max - min;
    *v = max;
    *s = max > 0 ? d / max : 0;
    *h = d == 0 ? 0 : max == rgb[0] ? fmod((rgb[1] - rgb[2]) / d + 6, 6) : max == rgb[1] ? (rgb[2] - rgb[0]) / d + 2 : (rgb[0] - rgb[1]) / d + 4;
    *h /= 6;
}
static void colours(void)
{
    dl_tensor *x, *y;
    double low = 9, high = 0, f, first = 0;
    ROW("AUG-09");
    fresh(8);
    x = dl_mul_scalar(c, numbers(DL_SHAPE(200, 3, 4, 4)), (dl_real)0.4);
    y = dl_aug_color_jitter(c, x, .brightness = 0.5);                  /* one factor from .5 to 1.5 for each image */
    for (int n = 0; n < 200; n++) {
        int64_t top = dl_argmax(c, dl_slice(c, x, 0, n, n + 1))->idata[0];
        f = y->data[48 * n + top] / x->data[48 * n + top];
        if (f < low) low = f;
        if (f > high) high = f;
        for (int i = 0; i < 48; i++) CHECK_NEAR(y->data[48 * n + i], f * x->data[48 * n + i], 1e-5);
    }
    CHECK(low >= .5 - 1e-6 && low < .55 && high <= 1.5 + 1e-6 && high > 1.45);
    y = dl_aug_color_jitter(c, x, .contrast = 0.5);                    /* distances from the grey mean grow by one factor */
    for (int n = 0; n < 200; n++) {
        const dl_real *a = x->data + 48 * n, *b = y->data + 48 * n;
        double mean = 0;
        for (int i = 0; i < 16; i++) mean += (.2989 * a[i] + .587 * a[16 + i] + .114 * a[32 + i]) / 16;
        int64_t top = dl_argmax(c, dl_slice(c, x, 0, n, n + 1))->idata[0];
        f = (b[top] - mean) / (a[top] - mean);
        for (int i = 0; i < 48; i++) CHECK_NEAR(b[i], fmax(0, mean + f * (a[i] - mean)), 1e-3);
    }
    y = dl_aug_color_jitter(c, x, .saturation = 0.4);                  /* grey stays */
    for (int i = 0; i < 16; i++)
        if (y->data[i] > 0 && y->data[16 + i] > 0 && y->data[32 + i] > 0)
            CHECK_NEAR(.2989 * y->data[i] + .587 * y->data[16 + i] + .114 * y->data[32 + i],
                       .2989 * x->data[i] + .587 * x->data[16 + i] + .114 * x->data[32 + i], 1e-4);
    y = dl_aug_color_jitter(c, x, .hue = 0.3);                         /* value and saturation stay, one turn for an image */
    for (int n = 0; n < 200; n++)
        for (int i = 0; i < 16; i++) {
            double a[3], b[3], h[2], s[2], v[2], turn;
            for (int k = 0; k < 3; k++) { a[k] = x->data[48 * n + 16 * k + i]; b[k] = y->data[48 * n + 16 * k + i]; }
            hsv(a, h, s, v);
            hsv(b, h + 1, s + 1, v + 1);
            CHECK_NEAR(s[0], s[1], 1e-5);
            CHECK_NEAR(v[0], v[1], 1e-6);
            turn = fmod(h[1] - h[0] + 1.5, 1) - .5;
            if (i == 0) first = turn;
            CHECK_NEAR(turn, first, 1e-4);
            CHECK(turn > -.3001 && turn < .3001);
        }
    x = dl_full(c, DL_SHAPE(2, 1, 3, 3), (dl_real)0.5);                /* grey images have no saturation and no hue */
    y = dl_aug_color_jitter(c, x, .saturation = 1, .hue = 0.5);
    CHECK(equal(x, y));
    CHECK_OK(c);
}

static void alexnet(void)                                              /* colours along the principal components */
{
    dl_tensor *x, *y, *basis;
    double square[3] = {0}, across = 0;
    int n = 2000;
    ROW("AUG-08");
    fresh(9);
    x = dl_zeros(c, DL_SHAPE(50, 3, 8, 8));                            /* red and green vary together, blue a little */
    y = dl_randn(c, DL_SHAPE(50, 2, 8, 8));
    for (int i = 0; i < 50 * 64; i++) {
        int at = i / 64 * 192 + i % 64;
        double a = y->data[i / 64 * 128 + i % 64], b = y->data[i / 64 * 128 + 64 + i % 64];
        x->data[at] = (dl_real)(.6 * a); x->data[at + 64] = (dl_real)(.8 * a); x->data[at + 128] = (dl_real)(.5 * b);
    }
    basis = dl_data_color_pca(c, x);                                   /* eigenvalues 1, .25, 0 of (.6, .8, 0), (0, 0, 1) */
    CHECK_NEAR(basis->data[0], .6, .05);
    CHECK_NEAR(basis->data[1], .8, .06);
    CHECK_NEAR(basis->data[2], 0, .02);
    CHECK_NEAR(fabs(basis->data[5]), .25, .02);
    for (int i = 6; i < 9; i++) CHECK_NEAR(basis->data[i], 0, 1e-5);
    x = dl_zeros(c, DL_SHAPE(n, 3, 1, 2));
    y = dl_aug_color_pca(c, x, FROM(DL_SHAPE(3, 3), 3, 0, 0, 0, 2, 0, 0, 0, 1), .std = 0.5);
    for (int i = 0; i < n; i++) {
        for (int k = 0; k < 3; k++) {
            square[k] += y->data[6 * i + 2 * k] * y->data[6 * i + 2 * k] / n;
            CHECK(y->data[6 * i + 2 * k] == y->data[6 * i + 2 * k + 1]);         /* the same for all pixels */
        }
        across += y->data[6 * i] * y->data[6 * i + 2] / n;
    }
    for (int k = 0; k < 3; k++) {
        double variance = .25 * (3 - k) * (3 - k);
        CHECK_NEAR(square[k], variance, 4 * variance * sqrt(2.0 / n));
    }
    CHECK_NEAR(across, 0, 4 * 1.5 / sqrt(n));
    y = dl_aug_color_pca(c, x, NULL);
    CHECK(dl_item(dl_max(c, y)) < .3 && dl_item(dl_max(c, y)) > .01);  /* ImageNet's: .2175 * .58 * .1 for one deviation */
    x = dl_rand(c, DL_SHAPE(1, 3, 256, 256));                          /* ten crops of 227 and the mean of ten answers */
    y = dl_aug_ten_crop(c, x, 227, 227);
    CHECK(y->shape[1] == 10 && y->shape[3] == 227);
    y = dl_mean(c, dl_reshape(c, dl_mean(c, y, .dims = DL_DIM(3) | DL_DIM(4)), DL_SHAPE(1, 10, 3)), .dims = DL_DIM(1));
    CHECK(y->shape[0] == 1 && y->shape[1] == 3);
    CHECK_OK(c);
}

static void boxes(void)
{
    dl_tensor *x, *y;
    int inside = 0, erased = 0;
    ROW("AUG-10");
    fresh(10);
    x = dl_ones(c, DL_SHAPE(400, 2, 9, 9));
    y = dl_aug_cutout(c, x, 3);
    for (int n = 0; n < 400; n++) {                                    /* a box cut by the border: 9, 6 or 4 zeros */
        int zeros = 0, top = 9, bottom = -1, left = 9, right = -1;
        for (int i = 0; i < 81; i++)
            if (y->data[162 * n + i] == 0) {
                zeros++;
                if (i / 9 < top) top = i / 9;
                if (i / 9 > bottom) bottom = i / 9;
                if (i % 9 < left) left = i % 9;
                if (i % 9 > right) right = i % 9;
                CHECK(y->data[162 * n + 81 + i] == 0);
            }
        CHECK(zeros == (bottom - top + 1) * (right - left + 1) && (zeros == 9 || zeros == 6 || zeros == 4));
        inside += zeros == 9;
    }
    CHECK_NEAR(inside / 400.0, 49 / 81.0, 4 * sqrt(49 / 81.0 * 32 / 81.0 / 400));
    y = dl_aug_cutout(c, x, 100, .value = 5);
    CHECK(y->data[0] == 5);
    x = dl_ones(c, DL_SHAPE(600, 1, 20, 30));
    y = dl_aug_random_erasing(c, x, .value = 3);
    for (int n = 0; n < 600; n++) {
        int count = 0, rows = 0;
        for (int r = 0; r < 20; r++) {
            int in_row = 0;
            for (int i = 0; i < 30; i++) in_row += y->data[600 * n + 30 * r + i] == 3;
            count += in_row;
            rows += in_row > 0;
        }
        erased += count > 0;
        if (!count) continue;
        CHECK(count % rows == 0 && count >= 600 * .02 - 8 && count <= 600 * .33 + 16);
        CHECK((double)rows / (count / rows) > .2 && (double)rows / (count / rows) < 4.5);
    }
    CHECK_NEAR(erased / 600.0, .5, 4 * sqrt(.25 / 600));
    CHECK_OK(c);
}

static dl_tensor *noise_of(dl_ctx *k, dl_tensor **x, void *user) { (void)user; return dl_aug_gaussian_noise(k, x[0], .sigma = 0.5); }
static void noise(void)
{
    dl_tensor *x, *y;
    double mean, var;
    int64_t n = 40000;
    ROW("AUG-04");
    fresh(11);
    x = dl_full(c, DL_SHAPE(4, n / 4), 3);
    y = dl_sub(c, dl_aug_gaussian_noise(c, x, .sigma = 0.2), x);
    mean = dl_item(dl_mean(c, y));
    var = dl_item(dl_var(c, y));
    CHECK_NEAR(mean, 0, 4 * .2 / sqrt((double)n));
    CHECK_NEAR(var, .04, 4 * .04 * sqrt(2.0 / (double)n));
    y = dl_aug_gaussian_noise(c, x, .mean = 1);
    CHECK_NEAR(dl_item(dl_mean(c, y)), 4, 4 * .1 / sqrt((double)n));
    CHECK(dl_item(dl_max(c, dl_aug_gaussian_noise(c, x, .clip = 1))) == 1);
    dl_set_training(c, 0);
    CHECK(dl_aug_gaussian_noise(c, x) == x);
    dl_set_training(c, 1);
#ifdef DL_DOUBLE
    x = dl_requires_grad(c, numbers(DL_SHAPE(3, 4)), 1);
    CHECK(dl_gradcheck(c, noise_of, 1, &x));
#else
    (void)noise_of;
#endif
    CHECK_OK(c);
}

static dl_tensor *mixup_of(dl_ctx *k, dl_tensor **x, void *user)
{
    dl_tensor *y = x[0], *t = x[1];
    (void)user;
    dl_aug_mixup(k, &y, &t, 2, .lambda = 0.3);
    return dl_add(k, dl_sum(k, dl_square(k, y)), dl_sum(k, dl_square(k, t)));
}
static dl_tensor *cutmix_of(dl_ctx *k, dl_tensor **x, void *user)
{
    dl_tensor *y = x[0], *t = x[1];
    (void)user;
    dl_aug_cutmix(k, &y, &t, 2, .lambda = 0.4);
    return dl_add(k, dl_sum(k, dl_square(k, y)), dl_sum(k, dl_square(k, t)));
}

static void mixup(void)
{
    dl_tensor *x, *t, *logits, *first, *second;
    double l, mean = 0, square = 0;
    int n = 1000;
    ROW("AUG-05");
    fresh(12);
    x = FROM(DL_SHAPE(2, 1), 1, 3);                                    /* V34; sample i with the one before it */
    t = INTS(DL_SHAPE(2), 0, 1);
    l = dl_aug_mixup(c, &x, &t, 2, .lambda = 0.3);
    CHECK_NEAR(l, .3, 0);
    IS(x, 2.4, 1.6);
    IS(t, .3, .7, .7, .3);
    logits = FROM(DL_SHAPE(2, 2), 1, (dl_real)-0.5, (dl_real)0.25, 2); /* the loss is that mixture of losses, exactly */
    first = dl_cross_entropy(c, logits, INTS(DL_SHAPE(2), 0, 1));
    second = dl_cross_entropy(c, logits, INTS(DL_SHAPE(2), 1, 0));
    CHECK_NEAR(dl_item(dl_cross_entropy(c, logits, t)), .3 * dl_item(first) + .7 * dl_item(second), 1e-6);
    x = FROM(DL_SHAPE(3, 1, 2), 1, 2, 10, 20, 100, 200);               /* again on what is mixed; any shape */
    t = dl_eye(c, 3);
    dl_aug_mixup(c, &x, &t, 3, .lambda = 0.75);
    IS(x, 25.75, 51.5, 7.75, 15.5, 77.5, 155);
    IS(t, .75, 0, .25, .25, .75, 0, 0, .25, .75);
    for (int i = 0; i < n; i++) {                                      /* lambda ~ Beta(1, 1) = U(0, 1) */
        dl_step_begin(c);
        x = dl_zeros(c, DL_SHAPE(2, 1));
        t = INTS(DL_SHAPE(2), 0, 1);
        l = dl_aug_mixup(c, &x, &t, 2);
        mean += l / n;
        square += l * l / n;
    }
    CHECK_NEAR(mean, .5, 4 * sqrt(1 / 12.0 / n));
    CHECK_NEAR(square - mean * mean, 1 / 12.0, .01);
#ifdef DL_DOUBLE
    {
        dl_tensor *in[2] = {dl_requires_grad(c, numbers(DL_SHAPE(3, 4)), 1), dl_requires_grad(c, numbers(DL_SHAPE(3, 2)), 1)};
        CHECK(dl_gradcheck(c, mixup_of, 2, in));
        in[0] = dl_requires_grad(c, numbers(DL_SHAPE(3, 2, 4, 4)), 1);
        CHECK(dl_gradcheck(c, cutmix_of, 2, in));
    }
#else
    (void)mixup_of; (void)cutmix_of;
#endif
    CHECK_OK(c);
}

static void beta_numbers(void)                                         /* moments: a / (a + b), ab / (a + b)^2 (a + b + 1) */
{
    static const double ab[][2] = {{1, 1}, {0.2, 0.2}, {2, 5}, {0.5, 3}, {40, 20}};
    int n = 20000;
    fresh(13);
    for (int k = 0; k < 5; k++) {
        double a = ab[k][0], b = ab[k][1], m = a / (a + b), v = a * b / ((a + b) * (a + b) * (a + b + 1));
        dl_tensor *y = dl_rand_beta(c, DL_SHAPE(n), a, b);
        CHECK_NEAR(dl_item(dl_mean(c, y)), m, 4 * sqrt(v / n));
        CHECK_NEAR(dl_item(dl_var(c, y)), v, .04 * v + .001);
        CHECK(dl_item(dl_min(c, y)) >= 0 && dl_item(dl_max(c, y)) <= 1);
    }
    {
        dl_tensor *y = dl_rand_beta(c, DL_SHAPE(n), 1, 1);             /* uniform: a tenth in each tenth */
        int tenth[10] = {0};
        for (int i = 0; i < n; i++) tenth[(int)(y->data[i] * 10) % 10]++;
        for (int i = 0; i < 10; i++) CHECK_NEAR(tenth[i], n / 10, 4 * sqrt(n * .09));
    }
    {
        dl_real drawn[2];                                              /* ranks draw numbers of their own */
        for (int rank = 0; rank < 2; rank++) {
            dl_ctx *k = dl_create(.seed = 1);
            dl_dataset *d = dl_data_tensors(k, dl_zeros(k, DL_SHAPE(4, 1)), dl_zeros(k, DL_SHAPE(4, 1)));
            CHECK(dl_next_batch(k, dl_loader_create(k, d, .rank = rank, .ranks = 2)));
            drawn[rank] = dl_rand_beta(k, DL_SHAPE(1), 2, 3)->data[0];
            dl_destroy(k);
        }
        CHECK(drawn[0] != drawn[1]);
    }
    BAD(dl_rand_beta(c, DL_SHAPE(3), 0, 1), "rand_beta: Beta(0, 1)");
    CHECK_OK(c);
}

static void cutmix(void)
{
    int whole = 0, cut = 0;
    ROW("AUG-06");
    fresh(14);
    for (int trial = 0; trial < 60; trial++) {
        dl_tensor *x, *t;
        double l;
        int box = 0, top = 32, bottom = -1, left = 32, right = -1;
        dl_step_begin(c);
        x = dl_zeros(c, DL_SHAPE(2, 3, 32, 32));
        for (int i = 3072; i < 6144; i++) x->data[i] = 1;
        t = INTS(DL_SHAPE(2), 0, 1);
        l = dl_aug_cutmix(c, &x, &t, 2, .lambda = 0.75);               /* a box of 16 x 16, if it is inside */
        for (int i = 0; i < 1024; i++) {
            CHECK(x->data[i] == x->data[1024 + i] && x->data[i] == 1 - x->data[3072 + i]);
            if (x->data[i] == 0) continue;
            box++;
            if (i / 32 < top) top = i / 32;
            if (i / 32 > bottom) bottom = i / 32;
            if (i % 32 < left) left = i % 32;
            if (i % 32 > right) right = i % 32;
        }
        CHECK(box == (bottom - top + 1) * (right - left + 1) && box <= 256 && box >= 64);
        CHECK_NEAR(l, 1 - box / 1024.0, 1e-12);
        IS(t, l, 1 - l, 1 - l, l);
        if (box == 256) { whole++; CHECK_NEAR(l, .75, 0); }
        else cut++;
    }
    CHECK(whole > 5 && cut > 20);
    CHECK_OK(c);
}

/* --- in the loader ------------------------------------------------------------------------------------------------------- */
static int calls_of_user;
static void augment(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user)
{
    (void)t;
    ++*(int *)user;
    *x = dl_aug_random_crop(k, *x, 8, 8, .padding = 2);
    *x = dl_aug_hflip(k, *x);
    *x = dl_aug_affine(k, *x, .degrees = {10});
    *x = dl_aug_color_jitter(k, *x, .brightness = 0.3, .contrast = 0.3, .saturation = 0.2, .hue = 0.1);
    *x = dl_aug_random_erasing(k, *x);
    *x = dl_aug_gaussian_noise(k, *x, .sigma = 0.05);
}
static void spoil(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user) { (void)t; (void)user; *x = dl_slice(k, *x, 0, 0, 1); }
static void five_times(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user)
{
    dl_tensor *xs[5] = {*x, *x, *x, *x, *x}, *ts[5] = {*t, *t, *t, *t, *t};
    (void)user;
    *x = dl_aug_gaussian_noise(k, dl_cat(k, 5, xs, 0));
    *t = dl_cat(k, 5, ts, 0);
}

/* Two epochs of 40 images, sample i at out[epoch][i]. */
static void run_epochs(int threads, int64_t batch, dl_real *out)
{
    dl_ctx *k = dl_create(.seed = 5, .threads = threads);
    dl_tensor *x = dl_rand(k, DL_SHAPE(40, 3, 8, 8)), *t = dl_to_int(k, dl_arange(k, 0, 40, 1));
    dl_loader *l = dl_loader_create(k, dl_data_tensors(k, x, t), .batch_size = batch, .shuffle = batch != 7, .augment = augment, .user = &calls_of_user);
    for (int epoch = 0; epoch < 2; epoch++)
        while (dl_next_batch(k, l))
            for (int i = 0; i < l->target->size; i++)
                memcpy(out + (epoch * 40 + l->target->idata[i]) * 192, l->input->data + i * 192, 192 * sizeof *out);
    CHECK_OK(k);
    dl_destroy(k);
}
static void in_the_loader(void)
{
    static dl_real a[80 * 192], b[80 * 192];
    dl_loader *l;
    dl_dataset *d;
    ROW("AUG-01");
    calls_of_user = 0;
    run_epochs(1, 10, a);
    CHECK(calls_of_user == 8);
    for (int how = 0; how < 4; how++) {                                /* the same for threads, batch sizes, any order */
        memset(b, 0, sizeof b);
        run_epochs(how & 1 ? 4 : 2, how < 2 ? 10 : 7, b);
        CHECK(!memcmp(a, b, sizeof a));
    }
    CHECK(memcmp(a, a + 40 * 192, sizeof a / 2));                      /* n images, 2 n after two epochs, all different */
    for (int i = 0; i < 80; i++) for (int j = 0; j < i; j++) CHECK(memcmp(a + i * 192, a + j * 192, 192 * sizeof *a));
    fresh(15);
    d = dl_data_tensors(c, dl_ones(c, DL_SHAPE(4, 6)), INTS(DL_SHAPE(4), 0, 1, 0, 1));
    l = dl_loader_create(c, d, .batch_size = 4, .augment = five_times);
    CHECK(dl_next_batch(c, l) && l->input->shape[0] == 20 && l->target->size == 20);     /* .. or k n in one batch */
    for (int i = 0; i < 20; i++) for (int j = 0; j < i; j++) CHECK(memcmp(l->input->data + 6 * i, l->input->data + 6 * j, 6 * sizeof(dl_real)));
    CHECK_OK(c);
    l = dl_loader_create(c, d, .batch_size = 4, .augment = spoil);
    BAD(dl_next_batch(c, l), "augmentation made (1,6) with targets (4)");
}

/* Every function on images that are large enough for threads: the same bits for any number of them and instruction set. */
static void same_bits(void)
{
    static const struct { int threads; const char *isa; } how[] = {{1, NULL}, {2, NULL}, {4, NULL}, {2, "portable"}};
    enum { FUNCTIONS = 12 };
    static dl_real first[FUNCTIONS][16 * 3 * 64 * 64];
    for (int h = 0; h < 4; h++) {
        dl_ctx *k = dl_create(.seed = 77, .threads = how[h].threads, .isa = how[h].isa);
        dl_tensor *x = dl_rand(k, DL_SHAPE(16, 3, 64, 64)), *y[FUNCTIONS], *t;
        int32_t labels[16] = {0};
        y[0] = dl_aug_random_crop(k, x, 64, 64, .padding = 5, .padding_mode = DL_PAD_REPLICATE);
        y[1] = dl_aug_hflip(k, x);
        y[2] = dl_aug_vflip(k, x);
        y[3] = dl_aug_affine(k, x, .degrees = {45}, .translate = {.1, .1}, .scale = {.5, 2}, .shear = {10});
        y[4] = dl_aug_color_jitter(k, x, .brightness = .4, .contrast = .4, .saturation = .4, .hue = .4);
        y[5] = dl_aug_color_pca(k, x, NULL);
        y[6] = dl_aug_cutout(k, x, 20);
        y[7] = dl_aug_random_erasing(k, x);
        y[8] = dl_aug_gaussian_noise(k, x);
        y[9] = y[10] = x;
        y[11] = dl_aug_rand_augment(k, x, .num_ops = 3);
        t = dl_tensor_from_int(k, labels, DL_SHAPE(16));
        dl_aug_mixup(k, &y[9], &t, 3);
        dl_aug_cutmix(k, &y[10], &t, 3);
        CHECK_OK(k);
        for (int i = 0; i < FUNCTIONS && !dl_error(k); i++) {
            CHECK(memcmp(y[i]->data, x->data, sizeof first[i]));
            if (h == 0) memcpy(first[i], y[i]->data, sizeof first[i]);
            else CHECK(!memcmp(y[i]->data, first[i], sizeof first[i]));
        }
        dl_destroy(k);
    }
}

static void bad_input(void)
{
    dl_tensor *x, *flat, *t, *two, *nil = NULL;
    fresh(16);
    x = dl_ones(c, DL_SHAPE(2, 3, 4, 4));
    flat = dl_ones(c, DL_SHAPE(2, 5));
    two = dl_ones(c, DL_SHAPE(2, 2, 4, 4));
    t = INTS(DL_SHAPE(2), 0, 1);
    BAD(dl_aug_random_crop(c, flat, 2, 2), "aug_random_crop: (2,5), expected images (N, C, H, W)");
    BAD(dl_aug_random_crop(c, x, 5, 2), "aug_random_crop: a window of (5,2) in (2,3,4,4)");
    BAD(dl_aug_random_crop(c, x, 2, 2, .padding = -1), "padding -1");
    BAD(dl_aug_center_crop(c, x, 0, 2), "aug_center_crop: a window of (0,2)");
    BAD(dl_aug_ten_crop(c, x, 2, 9), "aug_ten_crop: a window of (2,9)");
    BAD(dl_aug_hflip(c, x, .p = 2), "aug_hflip: p is 2");
    BAD(dl_aug_vflip(c, t), "aug_vflip: x (2) holds int32");
    BAD(dl_aug_affine(c, x, .scale = {2, 1}), "scale (2,1)");
    BAD(dl_aug_affine(c, x, .degrees = {NAN, 5}), "degrees (nan,5)");
    BAD(dl_aug_color_jitter(c, two, .hue = 0.1), "(2,2,4,4)");
    BAD(dl_aug_color_jitter(c, x, .hue = 0.6), "hue 0.6");
    BAD(dl_aug_color_pca(c, two, NULL), "(2,2,4,4)");
    BAD(dl_aug_color_pca(c, x, flat), "basis (2,5)");
    BAD(dl_data_color_pca(c, two), "data_color_pca: (2,2,4,4)");
    BAD(dl_aug_cutout(c, x, 0), "box of size 0");
    BAD(dl_aug_random_erasing(c, x, .scale = {0.5, 2}), "scale (0.5,2)");
    BAD(dl_aug_gaussian_noise(c, x, .sigma = -3), "sigma -3");
    BAD(dl_aug_gaussian_noise(c, NULL), "x is NULL");
    BAD(dl_aug_mixup(c, &flat, &flat, 2), "aug_mixup: x (2,5) with target (2,5) of 2 classes");
    BAD(dl_aug_mixup(c, &flat, &t, 2, .alpha = -3), "alpha -3");
    BAD(dl_aug_mixup(c, &flat, &t, 1), "one_hot: labels (2) holds 1 at index 1, expected 0 to 0");
    BAD(dl_aug_mixup(c, NULL, &t, 2), "aug_mixup: x is NULL");
    BAD(dl_aug_cutmix(c, &x, NULL, 2), "aug_cutmix: target is NULL");
    BAD(dl_aug_cutmix(c, &flat, &t, 2), "aug_cutmix: (2,5), expected images");
    BAD(dl_aug_cutmix(c, &nil, &t, 2), "NULL");
    CHECK(isnan(dl_aug_mixup(NULL, &x, &t, 2)) && dl_is_nil(dl_aug_hflip(NULL, x)) && dl_is_nil(dl_aug_cutout(NULL, x, 3)));
    CHECK(dl_is_nil(dl_aug_affine(NULL, x)) && dl_is_nil(dl_aug_gaussian_noise(NULL, x)) && dl_is_nil(dl_rand_beta(NULL, DL_SHAPE(1), 1, 1)));
}

/* --- regularisation ----------------------------------------------------------------------------------------------------------- */
static const dl_module_type vector_type = {"vector", sizeof(dl_module), NULL};
static dl_tensor *penalties_of(dl_ctx *k, dl_tensor **x, void *user)
{
    (void)x;
    return dl_add(k, dl_l1_penalty(k, (dl_module *)user), dl_l2_penalty(k, (dl_module *)user));
}
static void penalties(void)
{
    dl_module *m = dl_module_create(c, &vector_type), *net;
    dl_tensor *w = dl_module_param(c, m, "w", DL_SHAPE(2)), *v;
    double losses = 2;                                                 /* the mean of 1 and 3 */
    fresh(17);
    w->data[0] = 1; w->data[1] = -2;
    CHECK_NEAR(losses + .1 * dl_item(dl_l1_penalty(c, m)), 2.3, 1e-6);           /* V23 */
    CHECK_NEAR(losses + .1 * dl_item(dl_l2_penalty(c, m)), 2.5, 1e-6);
    CHECK_NEAR(losses + .1 / 2 * dl_item(dl_l2_penalty(c, m)), 2.25, 1e-6);
    dl_backward(c, dl_l1_penalty(c, m));
    CHECK(w->grad[0] == 1 && w->grad[1] == -1);
    dl_zero_grads(m);
    dl_backward(c, dl_l2_penalty(c, m));
    CHECK(w->grad[0] == 2 && w->grad[1] == -4);
    CHECK(dl_item(dl_l1_penalty(c, m, .weights_only = 1)) == 0);       /* a vector is no weight matrix */
    dl_zero_grads(m);
#ifdef DL_DOUBLE
    CHECK(dl_gradcheck(c, penalties_of, 1, &w, .user = m));
    dl_zero_grads(m);
#else
    (void)penalties_of;
#endif
    net = dl_nn_linear(c, 2, 3);
    v = dl_module_get(c, net, "weight");
    for (int i = 0; i < 6; i++) v->data[i] = (dl_real)(i < 2 ? 3 + i : 0.1);     /* norms 5 and .14 */
    CHECK_NEAR(dl_item(dl_l2_penalty(c, net, .weights_only = 1)), 25.04, 1e-5);
    dl_max_norm(c, net, 2);
    CHECK_NEAR(v->data[0], 1.2, 1e-6);
    CHECK_NEAR(v->data[1], 1.6, 1e-6);
    CHECK(v->data[2] == (dl_real)0.1);
    v->data[0] = (dl_real)3e20; v->data[1] = (dl_real)4e20;            /* squares leave the range of float */
    dl_max_norm(c, net, 2);
    CHECK_NEAR(v->data[0], 1.2, 1e-6);
    CHECK_NEAR(v->data[1], 1.6, 1e-6);
    v->data[0] = 3; v->data[1] = 4;
    dl_nn_freeze(net, 1);                                              /* then it stays */
    dl_max_norm(c, net, 2);
    CHECK(v->data[0] == 3 && v->data[1] == 4);
    CHECK_OK(c);
    BAD(dl_max_norm(c, net, 0), "largest norm is 0");
    BAD(dl_max_norm(c, NULL, 1), "max_norm: the module is NULL");
    BAD(dl_l1_penalty(c, NULL), "l1_penalty: the module is NULL");
    dl_max_norm(NULL, net, 1);
    CHECK(dl_is_nil(dl_l2_penalty(NULL, m)));
}

static void weight_noise(void)
{
    dl_module *net = dl_nn_linear(c, 1, 1000), *deep;
    dl_tensor *w = dl_module_get(c, net, "weight"), *x, *y, *z, *plain;
    double var;
    ROW("REG-11");
    fresh(18);
    x = dl_ones(c, DL_SHAPE(1, 1));
    plain = dl_forward(c, net, x);
    CHECK(dl_nn_weight_noise(c, net, (dl_real)0.3) == net);
    y = dl_sub(c, dl_forward(c, net, x), plain);                       /* w + noise - w */
    CHECK_NEAR(dl_item(dl_mean(c, y)), 0, 4 * .3 / sqrt(1000));
    var = dl_item(dl_var(c, y));
    CHECK_NEAR(var, .09, 4 * .09 * sqrt(2 / 1000.0));
    z = dl_sub(c, dl_forward(c, net, x), plain);
    CHECK(!equal(y, z));                                               /* new noise each time */
    dl_backward(c, dl_sum(c, dl_forward(c, net, x)));
    CHECK(w->grad && w->grad[7] == 1);                                 /* the gradient goes to the weight */
    dl_set_training(c, 0);
    CHECK(equal(dl_forward(c, net, x), plain) || dl_item(dl_max(c, dl_abs(c, dl_sub(c, dl_forward(c, net, x), plain)))) == 0);
    dl_set_training(c, 1);
    dl_nn_weight_noise(c, net, 0);
    CHECK(equal(dl_forward(c, net, x), plain));
    x = dl_ones(c, DL_SHAPE(1000, 50));                                /* on inputs: moments in `noise`, off in evaluation */
    y = dl_sub(c, dl_aug_gaussian_noise(c, x, .sigma = 0.3), x);
    CHECK_NEAR(dl_item(dl_var(c, y)), .09, 4 * .09 * sqrt(2 / 50000.0));
    deep = dl_nn_sequential(c, dl_nn_conv2d(c, 1, 2, 3), dl_nn_relu(c), dl_nn_flatten(c), dl_nn_linear(c, 8, 2));
    dl_nn_weight_noise(c, deep, (dl_real)0.1);                         /* everything below */
    x = dl_ones(c, DL_SHAPE(1, 1, 4, 4));
    CHECK(!equal(dl_forward(c, deep, x), dl_forward(c, deep, x)));
    CHECK(dl_module_get(c, deep, "0.weight")->size == 18);             /* names stay */
    CHECK_OK(c);
    deep = dl_nn_weight_norm(c, dl_nn_weight_noise(c, dl_nn_linear(c, 6, 4), (dl_real)1e-6));       /* noise on what the norm makes */
    dl_init_constant(c, dl_module_get(c, deep, "parametrizations.weight.original0"), 5);
    x = dl_randn(c, DL_SHAPE(3, 6));
    y = dl_forward(c, deep, x);
    dl_backward(c, dl_sum(c, y));
    CHECK(dl_module_get(c, deep, "parametrizations.weight.original0")->grad != NULL);
    dl_set_training(c, 0);
    CHECK(dl_item(dl_max(c, dl_abs(c, dl_sub(c, dl_forward(c, deep, x), y)))) < 1e-4);
    dl_set_training(c, 1);
    CHECK_OK(c);
    BAD(dl_nn_weight_noise(c, deep, -1), "nn_weight_noise: std is -1, expected 0 or more");
    BAD(dl_nn_weight_noise(c, dl_nn_relu(c), 1), "no \"weight\"");
    BAD(dl_nn_weight_noise(c, NULL, 1), "NULL");
}

static void dropout_forms(void)
{
    dl_tensor *x, *y = NULL;
    uint64_t seed;
    ROW("REG-07");
    fresh(19);
    x = FROM(DL_SHAPE(4), 1, 2, 3, 4);
    for (seed = 0; seed < 1000; seed++) {                              /* until the mask is [1, 0, 1, 0] */
        dl_manual_seed(c, seed);
        y = dl_dropout(c, x, (dl_real)0.5);
        if (y->data[0] != 0 && y->data[1] == 0 && y->data[2] != 0 && y->data[3] == 0) break;
    }
    /* V23.  dl_dropout is the inverted form; the classic one, which scales in evaluation and not in training, is 1 - p times it
       in both. */
    IS(y, 2, 0, 6, 0);
    IS(dl_mul_scalar(c, y, (dl_real)0.5), 1, 0, 3, 0);                 /* classic */
    dl_set_training(c, 0);
    IS(dl_dropout(c, x, (dl_real)0.5), 1, 2, 3, 4);                    /* all units on */
    IS(dl_mul_scalar(c, dl_dropout(c, x, (dl_real)0.5), (dl_real)0.5), .5, 1, 1.5, 2);     /* classic */
    dl_set_training(c, 1);
    CHECK_OK(c);
}

static void modes(void)                                                /* dropout and batch norm act differently */
{
    dl_module *net = dl_nn_sequential(c, dl_nn_batchnorm1d(c, 2), dl_nn_dropout(c, (dl_real)0.5));
    dl_tensor *x, *a, *b, *var;
    ROW("TRN-08");
    fresh(20);
    x = FROM(DL_SHAPE(4, 2), 1, 10, 2, 20, 3, 30, 4, 40);
    a = dl_forward(c, net, x);
    b = dl_forward(c, net, x);
    CHECK(!equal(a, b));
    var = dl_module_get(c, net, "0.running_var");
    CHECK(var->data[0] != 1);                                          /* statistics of the batch go into the running ones */
    dl_set_training(c, 0);
    a = dl_forward(c, net, x);
    b = dl_forward(c, net, x);
    CHECK(equal(a, b));
    for (int i = 0; i < 8; i++) {
        double mean = dl_module_get(c, net, "0.running_mean")->data[i % 2];
        CHECK_NEAR(a->data[i], (x->data[i] - mean) / sqrt(var->data[i % 2] + 1e-5), 1e-4);
    }
    dl_set_training(c, 1);
    CHECK_OK(c);
}

static void two_towers(void)                                           /* AlexNet on two devices: groups, and threads */
{
    dl_ctx *one = dl_create(.seed = 3, .threads = 1), *two = dl_create(.seed = 3, .threads = 2);
    dl_tensor *y[2], *half[2], *join;
    ROW("TRN-11");
    for (int k = 0; k < 2; k++) {
        dl_ctx *t = k ? two : one;
        dl_tensor *x = dl_randn(t, DL_SHAPE(8, 6, 16, 16)), *w = dl_randn(t, DL_SHAPE(8, 3, 3, 3));
        y[k] = dl_conv2d(t, x, w, NULL, .groups = 2, .padding = 1);
        for (int i = 0; i < 2; i++)
            half[i] = dl_conv2d(t, dl_slice(t, x, 1, 3 * i, 3 * i + 3), dl_slice(t, w, 0, 4 * i, 4 * i + 4), NULL, .padding = 1);
        join = dl_cat(t, 2, half, 1);
        for (int64_t i = 0; i < join->size; i++) CHECK_NEAR(join->data[i], y[k]->data[i], 1e-4);
        CHECK_OK(t);
    }
    CHECK(equal(y[0], y[1]));
    dl_destroy(one);
    dl_destroy(two);
}

/* --- early stopping, dl_fit ------------------------------------------------------------------------------------------------------ */
static void early_stop(void)
{
    static const double losses[] = {1.0, .8, .7, .72, .71, .73, .1};
    dl_module *m = dl_nn_linear(c, 1, 1);
    dl_tensor *w = dl_module_get(c, m, "weight");
    dl_early_stop *e = dl_early_stop_create(c, m, 3);
    int i, stop = 0;
    ROW("REG-09"); ROW("TRN-03");
    for (i = 0; !stop; i++) {
        w->data[0] = (dl_real)i;
        stop = dl_early_stop_observe(c, e, losses[i]);
    }
    CHECK(i - 1 == 5 && e->best_index == 2 && e->best == .7);          /* V23 */
    dl_early_stop_restore(c, e);
    CHECK(w->data[0] == 2);
    e = dl_early_stop_create(c, NULL, 1, .min_delta = 0.1);            /* less than .1 is no fall */
    CHECK(!dl_early_stop_observe(c, e, 1) && dl_early_stop_observe(c, e, .95) && !dl_early_stop_observe(c, e, .8));
    e = dl_early_stop_create(c, NULL, 2);                              /* NaN is worse than anything */
    CHECK(!dl_early_stop_observe(c, e, NAN) && !dl_early_stop_observe(c, e, 5) && e->best == 5);
    CHECK(!dl_early_stop_observe(c, e, NAN) && dl_early_stop_observe(c, e, NAN) && e->best_index == 1);
    dl_early_stop_restore(c, e);
    CHECK_OK(c);
    BAD(dl_early_stop_create(c, m, 0), "patience 0");
    BAD(dl_early_stop_observe(c, NULL, 1), "NULL");
    BAD(dl_early_stop_restore(c, NULL), "NULL");
    CHECK(dl_early_stop_create(NULL, m, 1) == NULL && !dl_early_stop_observe(NULL, e, 1));
    m = dl_nn_sequential(c, dl_nn_linear(c, 1, 1));                    /* a module that grows has no room in the copy */
    e = dl_early_stop_create(c, m, 3);
    dl_early_stop_observe(c, e, 1);
    dl_module_add(c, m, NULL, dl_nn_linear(c, 1, 2000));
    BAD(dl_early_stop_observe(c, e, .5), "early_stop_observe: the module has changed");
    BAD(dl_early_stop_restore(c, e), "early_stop_restore: the module has changed");
    BAD(dl_checkpoint_save(c, path("grown.ckpt"), .stop = e), "checkpoint: the module has changed");
    CHECK(e->count == 1 && e->best == 1);
}

static dl_dataset *blobs(int n)                                        /* two clouds around (-1, 0) and (1, 0) */
{
    dl_tensor *x = dl_randn(c, DL_SHAPE(n, 2)), *t = dl_to_int(c, dl_zeros(c, DL_SHAPE(n)));
    for (int i = 0; i < n; i++) {
        t->idata[i] = i % 2;
        x->data[2 * i] += (dl_real)(i % 2 ? 1 : -1);
    }
    return dl_data_tensors(c, x, t);
}
static dl_module *small_net(void)
{
    dl_manual_seed(c, 33);
    return dl_nn_sequential(c, dl_nn_linear(c, 2, 16), dl_nn_relu(c), dl_nn_linear(c, 16, 2));
}
static double largest_row(const dl_tensor *w)
{
    double most = 0;
    for (int64_t i = 0; i < w->shape[0]; i++) {
        double s = 0;
        for (int64_t j = 0; j < w->shape[1]; j++) s += w->data[i * w->shape[1] + j] * w->data[i * w->shape[1] + j];
        most = fmax(most, sqrt(s));
    }
    return most;
}
static void mix(dl_ctx *k, dl_tensor **x, dl_tensor **t, void *user) { (void)user; dl_aug_mixup(k, x, t, 2, .alpha = 0.4); }

static int grow(dl_ctx *k, const dl_fit_state *s)
{
    if (s->epoch == 1) dl_module_add(k, s->module, NULL, dl_nn_linear(k, 2, 2));
    return 0;
}

static void fit_options(void)
{
    dl_dataset *train, *validation;
    dl_module *net, *other;
    dl_optim *opt;
    dl_history h;
    dl_scores s;
    fresh(21);
    train = blobs(60);
    validation = blobs(200);

    net = small_net();                                                 /* a large rate overfits; the best weights come back */
    s = dl_fit(c, net, dl_optim_adam(c, net, .lr = 0.1), train, .validation = validation, .epochs = 200, .patience = 4, .history = &h, .quiet = 1);
    CHECK(h.count < 200 && h.count == h.best + 5);
    for (int i = 0; i < h.count; i++) CHECK(h.epochs[i].validation.loss >= h.epochs[h.best].validation.loss);
    CHECK(s.loss == h.epochs[h.best].validation.loss && dl_evaluate(c, net, validation).loss == s.loss);

    net = small_net();                                                 /* l1 makes weights small, max_norm bounds them */
    dl_fit(c, net, dl_optim_sgd(c, net, .lr = 0.1), train, .epochs = 40, .quiet = 1);
    other = small_net();
    dl_fit(c, other, dl_optim_sgd(c, other, .lr = 0.1), train, .epochs = 40, .l1 = 0.05, .quiet = 1);
    dl_step_begin(c);
    CHECK(dl_item(dl_l1_penalty(c, other, .weights_only = 1)) < .5 * dl_item(dl_l1_penalty(c, net, .weights_only = 1)));
    other = small_net();
    dl_fit(c, other, dl_optim_sgd(c, other, .lr = 0.1), train, .epochs = 40, .max_norm = 0.25, .quiet = 1);
    CHECK(largest_row(dl_module_get(c, other, "0.weight")) < .2501 && largest_row(dl_module_get(c, net, "0.weight")) > .3);

    net = small_net();                                                 /* 4 batches of 15, one step: as one batch of 60 */
    opt = dl_optim_sgd(c, net, .lr = 0.1);
    dl_fit(c, net, opt, train, .batch_size = 15, .accumulate = 4, .epochs = 3, .no_shuffle = 1, .quiet = 1);
    other = small_net();
    dl_fit(c, other, dl_optim_sgd(c, other, .lr = 0.1), train, .batch_size = 60, .epochs = 3, .no_shuffle = 1, .quiet = 1);
    for (int i = 0; i < 32; i++)
        CHECK_NEAR(dl_module_get(c, net, "0.weight")->data[i], dl_module_get(c, other, "0.weight")->data[i], 1e-5);

    net = small_net();                                                 /* mixed targets still go through cross-entropy */
    s = dl_fit(c, net, dl_optim_adam(c, net, .lr = 0.02), train, .validation = validation, .epochs = 40, .augment = mix, .history = &h, .quiet = 1);
    CHECK(s.accuracy > .78 && h.epochs[39].train.loss > .2 && h.epochs[39].train.accuracy > .7);
    CHECK_OK(c);
    opt = dl_optim_sgd(c, net, .lr = 0.1);
    BAD(dl_fit(c, net, opt, train, .epochs = 2, .patience = 5, .on_epoch = grow, .quiet = 1), "early_stop_observe: the module has changed");
    BAD(dl_fit(c, net, opt, train, .patience = -1, .quiet = 1), "patience -1");
    BAD(dl_fit(c, net, opt, train, .accumulate = -1, .quiet = 1), "accumulate -1");
    BAD(dl_fit(c, net, opt, train, .l1 = -1, .quiet = 1), "fit: l1 is -1, expected 0 or more");
    BAD(dl_fit(c, net, opt, train, .log = "no/such/folder/log.csv", .quiet = 1), "history_save: \"no/such/folder/log.csv\"");
}

/* The rows, from the top, of the sign in the first three columns of the n-th chart of a history; -1: none. */
static void chart_rows(const dl_history *h, int n, char sign, int rows[3])
{
    char line[200];
    FILE *f = tmpfile();
    rows[0] = rows[1] = rows[2] = -1;
    if (!f) return;
    dl_history_print(f, h);
    rewind(f);
    for (int i = 0; fgets(line, sizeof line, f); i++)
        for (int k = 0; k < 3 && i / 13 == n && i % 13 < 12; k++) if (line[11 + k] == sign) rows[k] = i % 13;
    fclose(f);
}

static void charts(void)                                               /* large values are at the top, early epochs on the left */
{
    dl_epoch e[3];
    dl_history h = {e, 3, 2};
    int rows[3];
    ROW("TRN-10");
    for (int i = 0; i < 3; i++) {
        e[i].train.loss = 3 - i;
        e[i].train.accuracy = .2 + .3 * i;
        e[i].validation.loss = e[i].validation.accuracy = NAN;
    }
    chart_rows(&h, 0, '*', rows);
    CHECK(rows[0] == 0 && rows[1] == 6 && rows[2] == 11);              /* 5.5 rounds up */
    chart_rows(&h, 1, '*', rows);
    CHECK(rows[0] == 11 && rows[1] > 4 && rows[1] < 7 && rows[2] == 0);
    chart_rows(&h, 1, 'o', rows);
    CHECK(rows[0] < 0 && rows[1] < 0 && rows[2] < 0);
    for (int i = 0; i < 3; i++) { e[i].validation.loss = 4 - i; e[i].validation.accuracy = .1 + .3 * i; }
    chart_rows(&h, 0, 'o', rows);                                      /* of 4 .. 1 */
    CHECK(rows[0] == 0 && rows[1] == 4 && rows[2] == 7);
    chart_rows(&h, 1, 'o', rows);                                      /* of .1 .. .8 */
    CHECK(rows[0] == 11 && rows[1] == 6 && rows[2] == 2);
    for (int i = 0; i < 3; i++) { e[i].train.accuracy = 0; e[i].validation.accuracy = NAN; }       /* numbers, not classes */
    chart_rows(&h, 0, '*', rows);
    CHECK(rows[0] == 4 && rows[2] == 11);
    chart_rows(&h, 1, '*', rows);
    CHECK(rows[0] < 0 && rows[2] < 0);
    e[0].train.loss = 1e308; e[2].train.loss = -1e308;                 /* their difference is infinite */
    chart_rows(&h, 0, '*', rows);
    CHECK(rows[0] == 0 && rows[2] == 11);
}

static void curves(void)
{
    const char *log = path("log.csv");
    char line[200];
    dl_dataset *d;
    dl_module *net;
    dl_history h;
    FILE *f;
    int lines = 0;
    ROW("TRN-10");
    fresh(22);
    d = blobs(40);
    net = small_net();
    dl_fit(c, net, dl_optim_sgd(c, net, .lr = 0.05), d, .validation = d, .epochs = 5, .log = log, .history = &h, .quiet = 1);
    CHECK_OK(c);
    f = fopen(log, "r");
    if (!CHECK(f != NULL)) return;
    while (fgets(line, sizeof line, f)) {
        double v[6];
        if (lines == 0) CHECK(!strcmp(line, "epoch,loss,accuracy,validation_loss,validation_accuracy,lr\n"));
        else if (CHECK(sscanf(line, "%lf,%lf,%lf,%lf,%lf,%lf", v, v + 1, v + 2, v + 3, v + 4, v + 5) == 6)) {
            const dl_epoch *e = &h.epochs[lines - 1];
            CHECK(v[0] == lines);
            CHECK_NEAR(v[1], e->train.loss, 1e-5);
            CHECK_NEAR(v[2], e->train.accuracy, 1e-5);
            CHECK_NEAR(v[3], e->validation.loss, 1e-5);
            CHECK_NEAR(v[4], e->validation.accuracy, 1e-5);
            CHECK_NEAR(v[5], .05, 1e-6);
        }
        lines++;
    }
    fclose(f);
    remove(log);
    CHECK(lines == 6);
    f = tmpfile();                                                     /* two charts: 12 lines and an axis each */
    if (f) {
        int stars = 0;
        dl_history_print(f, &h);
        rewind(f);
        for (lines = 0; fgets(line, sizeof line, f); lines++)
            for (char *p = line; lines % 13 < 12 && *p; p++) stars += *p == '*';
        CHECK(lines == 26 && stars >= 2 && stars <= 10 && strstr(line, "5 epochs"));
        fclose(f);
    }
    for (int i = 0; i < 2; i++) {                                      /* a range that overflows, and one whose half is 0 */
        dl_epoch ends[2] = {{{i ? 5e-324 : 1e308, 0}, {NAN, NAN}, 0}, {{i ? 0 : -1e308, 0}, {NAN, NAN}, 0}};
        char top[200] = "", bottom[200] = "";
        h.epochs = ends; h.count = 2; h.best = 1;
        f = tmpfile();
        if (!f) break;
        dl_history_print(f, &h);
        rewind(f);
        for (lines = 0; fgets(line, sizeof line, f); lines++) if (lines == 0 || lines == 11) strcpy(lines ? bottom : top, line);
        CHECK(lines == 13 && (i ? strstr(bottom, "|**") != NULL : strstr(top, "|* ") && strstr(bottom, "| *")));
        fclose(f);
    }
    dl_history_print(NULL, &h);
    dl_history_print(stdout, NULL);
    BAD(dl_history_save(c, NULL, log), "history is NULL");
    BAD(dl_history_save(c, &h, NULL), "path is NULL");
}

static void sharpness(void)
{
    dl_module *m = dl_nn_linear(c, 3, 1, .no_bias = 1);
    dl_tensor *w = dl_module_get(c, m, "weight"), *x, *y;
    dl_real before[3];
    double flat, sharp, small;
    ROW("TRN-06");
    fresh(23);
    w->data[0] = 1; w->data[1] = -2; w->data[2] = (dl_real)0.5;
    memcpy(before, w->data, sizeof before);
    x = dl_eye(c, 3);
    y = dl_reshape(c, dl_detach(c, w), DL_SHAPE(3, 1));                /* y = x w exactly: the minimum, loss |d|^2 / 3 around it */
    flat = dl_sharpness(c, m, dl_data_tensors(c, x, y), 0.6);
    CHECK_NEAR(flat, .36 / 3, 1e-6);
    small = dl_sharpness(c, m, dl_data_tensors(c, x, y), 0.3, .trials = 3);
    CHECK_NEAR(small, .09 / 3, 1e-6);
    sharp = dl_sharpness(c, m, dl_data_tensors(c, dl_mul_scalar(c, x, 10), dl_mul_scalar(c, y, 10)), 0.6);
    CHECK_NEAR(sharp, 100 * flat, 1e-3);                               /* the same model where the loss is 100 times as curved */
    CHECK(!memcmp(before, w->data, sizeof before));
    CHECK_OK(c);
    BAD(dl_sharpness(c, m, NULL, 1), "sharpness: the data set is NULL");
    BAD(dl_sharpness(c, m, dl_data_tensors(c, x, y), 0), "length 0");
    CHECK(isnan(dl_sharpness(NULL, m, NULL, 1)));
}

int main(void)
{
    folder_make();
    c = dl_create(.seed = 1);
    RUN(prep_scaling);
    RUN(prep_constant);
    RUN(prep_whitening);
    RUN(prep_errors);
    RUN(prep_files);
    RUN(splits);
    RUN(linalg);
    RUN(linear_data);
    RUN(crops);
    RUN(flips);
    RUN(geometry);
    RUN(rand_augment);
    RUN(neighbours);
    RUN(colours);
    RUN(alexnet);
    RUN(boxes);
    RUN(noise);
    RUN(mixup);
    RUN(beta_numbers);
    RUN(cutmix);
    RUN(in_the_loader);
    RUN(same_bits);
    RUN(bad_input);
    RUN(penalties);
    RUN(weight_noise);
    RUN(dropout_forms);
    RUN(modes);
    RUN(two_towers);
    RUN(early_stop);
    RUN(fit_options);
    RUN(charts);
    RUN(curves);
    RUN(sharpness);
    dl_destroy(c);
    folder_remove();
    TEST_END;
}
