/* tensors.c: shapes, layouts, broadcasting, products, reductions, random numbers.

       cc -O2 -fopenmp examples/tensors.c -o tensors -lm
       ./tensors
       ./tensors --help

   A tour of what tensors can do; every number stands beside the expected one. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dl_ctx *c;
static int wrong;

static void expect(const char *what, double is, double expected, double tolerance)
{
    int off = !(fabs(is - expected) <= tolerance);
    printf("%-62s %12.9g  expected %.9g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

static void expect_that(const char *what, int is) { printf("%-62s %12s\n", what, is ? "yes" : "no  <-- OFF"); wrong += !is; }

/* Prints x beside the n expected numbers. */
static void expect_all(const char *what, const dl_tensor *x, int n, const double *expected)
{
    int off = x->size != n;
    printf("%s, shape (", what);
    for (int i = 0; i < x->ndim; i++) printf(i ? ", %d" : "%d", (int)x->shape[i]);
    printf(")\n   ");
    for (int i = 0; i < x->size; i++) printf(" %g", x->idata ? (double)x->idata[i] : x->data[i]);
    printf("\n   ");
    for (int i = 0; i < n; i++) {
        printf(" %g", expected[i]);
        if (i < x->size) off |= !(fabs((x->idata ? (double)x->idata[i] : x->data[i]) - expected[i]) <= 1e-5);
    }
    printf("  expected%s\n", off ? "  <-- OFF" : "");
    wrong += off;
}
#define EXPECT(what, x, ...) \
    do { static const double e_[] = { __VA_ARGS__ }; expect_all(what, x, (int)(sizeof e_ / sizeof *e_), e_); } while (0)
#define TENSOR(shape, ...) dl_tensor_from(c, (const float[]){ __VA_ARGS__ }, shape)

static void products(void)
{
    dl_tensor *a = TENSOR(DL_SHAPE(2, 2), 1, 2, 3, 4), *b = TENSOR(DL_SHAPE(2, 2), 5, 6, 7, 8), *row;
    printf("Products\n");
    EXPECT("[[1,2],[3,4]] [[5,6],[7,8]]", dl_matmul(c, a, b), 19, 22, 43, 50);
    EXPECT("the same, element by element", dl_mul(c, dl_flatten(c, a, 0, -1), dl_flatten(c, b, 0, -1)), 5, 12, 21, 32);
    EXPECT("affine, columns: W x + b", dl_linear(c, TENSOR(DL_SHAPE(2), 1, 2), TENSOR(DL_SHAPE(3, 2), 1, 4, 2, 5, 3, 6),
                                                 TENSOR(DL_SHAPE(3), 1, 1, 1)),
           10, 13, 16);
    EXPECT("affine, rows: x W + b",
           dl_add(c, dl_matmul(c, TENSOR(DL_SHAPE(1, 2), 1, 2), TENSOR(DL_SHAPE(2, 3), 1, 2, 3, 4, 5, 6)), dl_ones(c, DL_SHAPE(3))),
           10, 13, 16);

    dl_matmul(c, a, dl_ones(c, DL_SHAPE(3, 2)));                                /* inner sizes differ: an error, no crash */
    printf("(2, 2) times (3, 2) says: %s\n", dl_error(c) ? dl_error(c) : "nothing  <-- OFF");
    wrong += !dl_error(c);
    dl_clear_error(c);

    printf("\nBroadcasting\n");
    row = dl_requires_grad(c, TENSOR(DL_SHAPE(2), 10, 20), 1);
    dl_tensor *sum = dl_add(c, a, row);
    EXPECT("[[1,2],[3,4]] + [10,20]", sum, 11, 22, 13, 24);
    dl_backward(c, dl_sum(c, sum));
    if (row->grad) EXPECT("gradient of the row: a sum over rows", dl_tensor_from(c, row->grad, DL_SHAPE(2)), 2, 2);
    else wrong++;
}

static void layouts(void)
{
    dl_tensor *x = dl_reshape(c, dl_arange(c, 0, 120, 1), DL_SHAPE(2, 4, 5, 3)), *y = dl_permute(c, x, DL_ORDER(0, 3, 1, 2));
    int equal = 1;
    printf("\nShapes\n");
    for (int n = 0; n < 2; n++) for (int h = 0; h < 4; h++) for (int w = 0; w < 5; w++) for (int k = 0; k < 3 && !dl_error(c); k++)
        equal &= x->data[((n * 4 + h) * 5 + w) * 3 + k] == y->data[((n * 3 + k) * 4 + h) * 5 + w];
    printf("(2, 4, 5, 3), NHWC, permuted by (0, 3, 1, 2): (%d, %d, %d, %d), NCHW\n", (int)y->shape[0], (int)y->shape[1],
           (int)y->shape[2], (int)y->shape[3]);
    expect_that("    element [n,h,w,c] is now [n,c,h,w]", equal);
    y = dl_permute(c, y, DL_ORDER(0, 2, 3, 1));
    expect_that("    and back by (0, 2, 3, 1)", !dl_error(c) && !memcmp(x->data, y->data, 120 * sizeof *x->data));
    expect("flatten: a batch of 3 x 3", (double)dl_flatten(c, dl_zeros(c, DL_SHAPE(7, 3, 3)), 1, -1)->shape[1], 9, 0);
    expect("    of 28 x 28", (double)dl_flatten(c, dl_zeros(c, DL_SHAPE(7, 28, 28)), 1, -1)->shape[1], 784, 0);
    expect("    (1, 28, 28) as one vector", (double)dl_flatten(c, dl_zeros(c, DL_SHAPE(1, 28, 28)), 0, -1)->shape[0], 784, 0);
    expect("reshape (2, 4, 5, 3) to (8, -1): the rest", (double)dl_reshape(c, x, DL_SHAPE(8, -1))->shape[1], 15, 0);
    EXPECT("one-hot, class 3 of 7", dl_one_hot(c, dl_tensor_from_int(c, (const int32_t[]){3}, DL_SHAPE(1)), 7), 0, 0, 0,
           1, 0, 0, 0);
    EXPECT("identity", dl_eye(c, 2), 1, 0, 0, 1);
    EXPECT("diag(2, 4)", dl_diag(c, TENSOR(DL_SHAPE(2), 2, 4)), 2, 0, 0, 4);
    EXPECT("the diagonal of [[1,2],[3,4]]", dl_diag(c, TENSOR(DL_SHAPE(2, 2), 1, 2, 3, 4)), 1, 4);
}

static void reductions(void)
{
    dl_tensor *a = TENSOR(DL_SHAPE(2, 2), 1, 2, 3, 4);
    printf("\nReductions of [[1,2],[3,4]]\n");
    expect("Frobenius norm, sqrt(30)", dl_item(dl_norm(c, a)), 5.477226, 1e-6);
    expect("sum", dl_item(dl_sum(c, a)), 10, 0);
    expect("mean", dl_item(dl_mean(c, a)), 2.5, 0);
    expect("population variance", dl_item(dl_var(c, a, .biased = 1)), 1.25, 1e-6);
    expect("largest", dl_item(dl_max(c, a)), 4, 0);
    EXPECT("sum over rows", dl_sum(c, a, .dims = DL_DIM(0)), 4, 6);
    EXPECT("sum over columns, axis kept", dl_sum(c, a, .dims = DL_DIM(1), .keepdim = 1), 3, 7);
    EXPECT("place of the largest in each row", dl_argmax(c, a, .dims = DL_DIM(1)), 1, 1);
    EXPECT("exp(log x)", dl_exp(c, dl_log(c, a)), 1, 2, 3, 4);
    EXPECT("sqrt(x)^2", dl_pow_scalar(c, dl_sqrt(c, a), 2), 1, 2, 3, 4);
}

static void random_numbers(int64_t n, uint64_t seed)
{
    dl_tensor *z = dl_add_scalar(c, dl_mul_scalar(c, dl_randn(c, DL_SHAPE(n)), 2), 3), *u = dl_rand(c, DL_SHAPE(n));
    double root = sqrt((double)n);
    printf("\n%lld random numbers, within 4 standard errors\n", (long long)n);
    expect("N(3, 4): mean", dl_item(dl_mean(c, z)), 3, 4 * 2 / root);
    expect("    variance", dl_item(dl_var(c, z)), 4, 4 * 4 * sqrt(2) / root);
    expect("U(0, 1): mean", dl_item(dl_mean(c, u)), .5, 4 * sqrt(1 / 12.) / root);
    expect("    variance", dl_item(dl_var(c, u)), 1 / 12., 4 * sqrt(1 / 180.) / root);
    dl_manual_seed(c, seed);
    dl_tensor *again = dl_randn(c, DL_SHAPE(5));
    dl_manual_seed(c, seed);
    expect("same seed, same numbers: sum of differences",
           dl_item(dl_sum(c, dl_abs(c, dl_sub(c, again, dl_randn(c, DL_SHAPE(5)))))), 0, 0);
}

static void solving(void)
{
    dl_tensor *x = TENSOR(DL_SHAPE(4, 2), 1, 1, 2, 1, 3, 1, 4, 1), *y = TENSOR(DL_SHAPE(4, 1), 6, 5, 7, 10);
    dl_tensor *xx = dl_matmul(c, x, x, .transpose_a = 1), *xy = dl_matmul(c, x, y, .transpose_a = 1);
    printf("\nLinear systems: the line through (1,6) (2,5) (3,7) (4,10)\n");
    EXPECT("X^T X", xx, 30, 10, 10, 4);
    EXPECT("X^T y", xy, 77, 28);
    EXPECT("w, b of (X^T X) w = X^T y", dl_linalg_solve(c, xx, xy), 1.4, 3.5);
    EXPECT("inverse times X^T X", dl_matmul(c, dl_linalg_inv(c, xx), xx), 1, 0, 0, 1);
}

static const char help[] =
    "usage: tensors [options]\n"
    "  --epochs N     no effect: nothing is trained by epochs\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        fewer random numbers: a test of the program\n";

int main(int argc, char **argv)
{
    int quick = 0, seed = 1, threads = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "tensors: unknown option %s\n%s", argv[i], help), 2;
    }
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    products();
    layouts();
    reductions();
    random_numbers(quick ? 100000 : 10000000, (uint64_t)seed);
    solving();
    if (dl_error(c)) { fprintf(stderr, "tensors: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    for (int i = 1; quick && !wrong && i <= 15; i++) printf("row TEN-%02d\n", i);
    if (quick && !wrong) printf("row CONV-30\n");
    return wrong != 0;
}
