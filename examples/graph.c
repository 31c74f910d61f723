/* graph.c: computation graphs forward and backward, gate by gate, up to a whole network, and the check of its gradients.

       cc -O2 examples/graph.c -o graph -lm
       ./graph
       ./graph --help

   Every number stands beside the expected one; the first graph is also written to graph.dot, for
       dot -Tsvg graph.dot -o graph.svg */
#define DL_DOUBLE                                               /* all digits: the library in double precision */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dl_ctx *c;
static int wrong;
static char dot[512];

static void expect(const char *what, double is, double expected)
{
    int off = !(fabs(is - expected) <= 6e-11 * fmax(1, fabs(expected)));
    printf("%-50s %16.10g  expected %.10g%s\n", what, is, expected, off ? "  <-- OFF" : "");
    wrong += off;
}

static dl_tensor *variable(double v) { return dl_requires_grad(c, dl_scalar(c, v), 1); }
static double slope(const dl_tensor *x) { return x->grad ? x->grad[0] : NAN; }

static void expect_all(const char *what, const dl_real *x, int n, const double *expected)
{
    int off = x == NULL;
    printf("%s\n   ", what);
    for (int i = 0; x && i < n; i++) printf(" %.10g", x[i]);
    printf("\n   ");
    for (int i = 0; i < n; i++) {
        printf(" %.10g", expected[i]);
        off |= x && !(fabs(x[i] - expected[i]) <= 6e-11 * fmax(1, fabs(expected[i])));
    }
    printf("  expected%s\n", off ? "  <-- OFF" : "");
    wrong += off;
}
#define EXPECT(what, x, ...) \
    do { static const double e_[] = { __VA_ARGS__ }; expect_all(what, x, (int)(sizeof e_ / sizeof *e_), e_); } while (0)
#define TENSOR(shape, ...) dl_tensor_from(c, (const double[]){ __VA_ARGS__ }, shape)
#define LEAF(shape, ...)   dl_requires_grad(c, TENSOR(shape, __VA_ARGS__), 1)

/* --- small graphs --------------------------------------------------------------------------------------------------------- */
static void small_graphs(void)
{
    dl_tensor *a = variable(3), *b = variable(1), *k = variable(-2);
    dl_tensor *d = dl_mul_scalar(c, b, 2), *e = dl_add(c, a, d), *L = dl_mul(c, k, e);
    dl_retain_grad(d);
    dl_retain_grad(e);
    dl_backward(c, L);
    printf("L = c (a + 2 b) at a 3, b 1, c -2: d = 2 b, e = a + d, L = c e\n");
    expect("d", dl_item(d), 2);
    expect("e", dl_item(e), 5);
    expect("L", dl_item(L), -10);
    expect("dL/da = dL/de de/da", slope(a), -2);
    expect("dL/db = dL/de de/dd dd/db", slope(b), -4);
    expect("dL/dc = e", slope(k), 5);
    expect("dL/de", slope(e), -2);
    expect("dL/dd: an addition passes it on", slope(d), -2);
    FILE *file = fopen(dot, "w");
    if (file) dl_graph_dot(c, L, file);
    if (file && !(ferror(file) | fclose(file))) printf("wrote %s\n", dot);
    else { fprintf(stderr, "graph: cannot write %s\n", dot); wrong++; }

    dl_tensor *x = variable(3), *y = variable(-4), *z = variable(2), *w = variable(-1);
    dl_tensor *s = dl_mul_scalar(c, dl_add(c, dl_mul(c, x, y), dl_maximum(c, z, w)), 2);
    dl_backward(c, s);
    printf("\n2 (x y + max(z, w)) at 3, -4, 2, -1\n");
    expect("value", dl_item(s), -20);
    expect("x: a product passes on the other factor", slope(x), -8);
    expect("y", slope(y), 6);
    expect("z: the larger one gets it all", slope(z), 2);
    expect("w", slope(w), 0);
    x = variable(3);
    dl_backward(c, dl_mul(c, x, x));
    expect("x x at 3: both uses add up", slope(x), 6);

    dl_tensor *apples = variable(2), *price = variable(100), *oranges = variable(3), *dear = variable(150), *tax = variable(1.1);
    dl_tensor *bill = dl_mul(c, dl_add(c, dl_mul(c, apples, price), dl_mul(c, oranges, dear)), tax);
    dl_backward(c, bill);
    printf("\n2 apples at 100, 3 oranges at 150, tax 1.1\n");
    expect("bill", dl_item(bill), 715);
    expect("apple price", slope(price), 2.2);
    expect("apples", slope(apples), 110);
    expect("orange price", slope(dear), 3.3);
    expect("oranges", slope(oranges), 165);
    expect("tax", slope(tax), 650);
}

static void layers(void)
{
    dl_tensor *w0 = variable(2), *x0 = variable(-1), *w1 = variable(-3), *x1 = variable(-2), *w2 = variable(-3);
    dl_tensor *logit = dl_add(c, dl_add(c, dl_mul(c, w0, x0), dl_mul(c, w1, x1)), w2);
    dl_tensor *f = dl_reciprocal(c, dl_add_scalar(c, dl_exp(c, dl_neg(c, logit)), 1));
    dl_backward(c, f);
    printf("\nLogistic regression gate by gate: 1 / (1 + exp(-(w0 x0 + w1 x1 + w2)))\n");
    expect("logit", dl_item(logit), 1);
    expect("f", dl_item(f), 0.7310585786);
    expect("w0", slope(w0), -0.1966119332);
    expect("x0", slope(x0), 0.3932238665);
    expect("w1", slope(w1), -0.3932238665);
    expect("x1", slope(x1), -0.5898357997);
    expect("w2", slope(w2), 0.1966119332);
    dl_tensor *y = variable(1);
    f = dl_sigmoid(c, y);
    dl_backward(c, f);
    expect("a sigmoid layer: y (1 - y), from its output alone", slope(y), dl_item(f) * (1 - dl_item(f)));

    dl_tensor *x = LEAF(DL_SHAPE(4), -2, -1, 1, 2);
    dl_backward(c, dl_sum(c, dl_relu(c, x)));
    printf("\n");
    EXPECT("ReLU layer at -2, -1, 1, 2: passes where x > 0", x->grad, 0, 0, 1, 1);

    dl_tensor *r = LEAF(DL_SHAPE(1, 2), 1, 2), *W = LEAF(DL_SHAPE(2, 3), 1, 2, 3, 4, 5, 6), *B = LEAF(DL_SHAPE(3), 0, 0, 0);
    dl_tensor *d = TENSOR(DL_SHAPE(1, 3), 1, 0, -1);
    dl_tensor *z = dl_add(c, dl_matmul(c, r, W), B);
    dl_backward(c, z, .grad = d);
    EXPECT("affine layer z = x W + b", z->data, 9, 12, 15);
    EXPECT("    dW = x^T d", W->grad, 1, 0, -1, 2, 0, -2);
    EXPECT("    dx = d W^T", r->grad, -2, -2);
    EXPECT("    db = d, summed over the batch", B->grad, 1, 0, -1);

    dl_tensor *column = LEAF(DL_SHAPE(2, 1), 1, 2), *V = LEAF(DL_SHAPE(3, 2), 1, 4, 2, 5, 3, 6);
    dl_backward(c, dl_matmul(c, V, column), .grad = dl_transpose(c, d, 0, 1));
    EXPECT("columns, z = W x: dW = d^T x^T, of W's shape", V->grad, 1, 2, 0, 0, -1, -2);

    dl_tensor *o = LEAF(DL_SHAPE(1, 3), 1, 2, 3);
    dl_backward(c, dl_cross_entropy(c, o, dl_tensor_from_int(c, (const int32_t[]){2}, DL_SHAPE(1))));
    EXPECT("softmax with loss, logits 1, 2, 3, class 2: y - t", o->grad, 0.0900305732, 0.2447284711, -0.3347590442);
    o = LEAF(DL_SHAPE(2, 3), 1, 2, 3, 1, 2, 3);
    dl_backward(c, dl_cross_entropy(c, o, dl_tensor_from_int(c, (const int32_t[]){2, 2}, DL_SHAPE(2))));
    if (o->grad) expect("    in a batch of 2: half of it", o->grad[5], -0.3347590442 / 2);
}

/* --- Jacobians: row i is the gradient of output i ------------------------------------------------------------------------ */
static dl_tensor *two_to_three(dl_tensor *x)                    /* [2 x1 + x2^2, -x1^2 + 3 x2, 4 x1 x2] */
{
    dl_tensor *x1 = dl_slice(c, x, 0, 0, 1), *x2 = dl_slice(c, x, 0, 1, 2), *y[3];
    y[0] = dl_add(c, dl_mul_scalar(c, x1, 2), dl_square(c, x2));
    y[1] = dl_sub(c, dl_mul_scalar(c, x2, 3), dl_square(c, x1));
    y[2] = dl_mul_scalar(c, dl_mul(c, x1, x2), 4);
    return dl_cat(c, 3, y, 0);
}
static dl_tensor *squares(dl_tensor *x) { return dl_square(c, x); }
static dl_tensor *same(dl_tensor *x)    { return dl_mul_scalar(c, x, 1); }
static dl_tensor *affine(dl_tensor *x)  { return dl_matmul(c, TENSOR(DL_SHAPE(3, 2), 1, 4, 2, 5, 3, 6), x); }

static dl_tensor *jacobian(dl_tensor *(*f)(dl_tensor *), dl_tensor *x)
{
    int64_t n = x->size, m = f(x)->size;
    dl_tensor *J = dl_zeros(c, DL_SHAPE(m, n)), *unit = dl_eye(c, m);
    for (int64_t i = 0; i < m && !dl_error(c); i++) {
        dl_zero_grad(x);
        dl_backward(c, f(x), .grad = dl_flatten(c, dl_slice(c, unit, 0, i, i + 1), 0, -1));
        if (x->grad) memcpy(J->data + i * n, x->grad, (size_t)n * sizeof *x->grad);
    }
    return J;
}

static void jacobians(void)
{
    dl_tensor *x = LEAF(DL_SHAPE(2), 1, 2);
    printf("\nJacobians\n");
    EXPECT("f = [2 x1 + x2^2, -x1^2 + 3 x2, 4 x1 x2] at (1, 2)", two_to_three(x)->data, 6, 5, 8);
    EXPECT("J = [[2, 2 x2], [-2 x1, 3], [4 x2, 4 x1]]", jacobian(two_to_three, x)->data, 2, 4, -2, 3, 8, 4);
    dl_zero_grad(x);
    dl_backward(c, two_to_three(x), .grad = dl_ones(c, DL_SHAPE(3)));
    EXPECT("vector-Jacobian product (1, 1, 1) J, J never stored", x->grad, 8, 11);
    EXPECT("elementwise, x^2 at (1, 2, 3): diagonal 2 x", jacobian(squares, LEAF(DL_SHAPE(3), 1, 2, 3))->data, 2, 0, 0,
           0, 4, 0, 0, 0, 6);
    EXPECT("identity: I", jacobian(same, LEAF(DL_SHAPE(2), 1, 2))->data, 1, 0, 0, 1);
    EXPECT("z = W x: W", jacobian(affine, LEAF(DL_SHAPE(2), 1, 2))->data, 1, 4, 2, 5, 3, 6);
}

/* --- numerical differentiation ------------------------------------------------------------------------------------------- */
static double parabola(const double *x) { return .01 * x[0] * x[0] + .1 * x[0]; }
static double bowl(const double *x)     { return x[0] * x[0] + x[1] * x[1]; }

static double numerical(double (*f)(const double *), double *x, int i)          /* (f(x + h) - f(x - h)) / 2 h in direction i */
{
    double h = 1e-4, at = x[i], up, down;
    x[i] = at + h; up = f(x);
    x[i] = at - h; down = f(x);
    x[i] = at;
    return (up - down) / (2 * h);
}

static void numerical_gradients(void)
{
    static const double points[3][2] = { {3, 4}, {0, 2}, {3, 0} };
    double x = 5;
    printf("\nNumerical differentiation, h = 1e-4\n");
    expect("d/dx (.01 x^2 + .1 x) at 5, to 9 digits", floor(1e9 * numerical(parabola, &x, 0) + .5) / 1e9, .2);
    x = 10;
    expect("    at 10", floor(1e9 * numerical(parabola, &x, 0) + .5) / 1e9, .3);
    for (int k = 0; k < 3; k++) {
        double p[2] = { points[k][0], points[k][1] };
        dl_tensor *t = LEAF(DL_SHAPE(2), p[0], p[1]);
        dl_backward(c, dl_sum(c, dl_square(c, t)));
        printf("x0^2 + x1^2 at (%g, %g)\n", p[0], p[1]);
        for (int i = 0; i < 2; i++) {
            expect(i ? "    d/dx1, backward" : "    d/dx0, backward", t->grad ? t->grad[i] : NAN, 2 * p[i]);
            expect(i ? "    d/dx1, numerical, to 9 digits" : "    d/dx0, numerical, to 9 digits",
                   floor(1e9 * numerical(bowl, p, i) + .5) / 1e9, 2 * p[i]);
        }
    }
}

/* --- one hidden layer, complete --------------------------------------------------------------------------------------
   z = W1 x, h = relu(z), o = W2 h, L = cross-entropy(o, class 0), S = lambda / 2 (sum W1^2 + sum W2^2), J = L + S */
static dl_tensor *objective(dl_ctx *ctx, dl_tensor **in, void *user)            /* in: x (1, 2), W1 (3, 2), W2 (2, 3) */
{
    static const int32_t first = 0;
    dl_tensor *z = dl_matmul(ctx, in[0], in[1], .transpose_b = 1), *o = dl_matmul(ctx, dl_relu(ctx, z), in[2], .transpose_b = 1);
    dl_tensor *L = dl_cross_entropy(ctx, o, dl_tensor_from_int(ctx, &first, DL_SHAPE(1)));
    dl_tensor *S = dl_mul_scalar(ctx, dl_add(ctx, dl_sum(ctx, dl_square(ctx, in[1])), dl_sum(ctx, dl_square(ctx, in[2]))), .05);
    dl_tensor **out = user;
    if (out) { out[0] = z; out[1] = o; out[2] = L; out[3] = S; }
    return dl_add(ctx, L, S);
}

static void whole_network(void)
{
    dl_tensor *in[3] = { LEAF(DL_SHAPE(1, 2), 1, 2), LEAF(DL_SHAPE(3, 2), .1, .2, -.3, .4, .5, -.6),
                         LEAF(DL_SHAPE(2, 3), .1, -.2, .3, .4, .5, -.6) };
    dl_tensor *out[4], *J = objective(c, in, out);
    dl_backward(c, J);
    printf("\nOne hidden layer with ReLU, cross-entropy and lambda = .1\n");
    EXPECT("z = W1 x", out[0]->data, 0.5, 0.5, -0.7);
    EXPECT("o = W2 h", out[1]->data, -0.05, 0.45);
    expect("L", dl_item(out[2]), 0.9740769842);
    expect("S", dl_item(out[3]), 0.091);
    expect("J = L + S", dl_item(J), 1.0650769842);
    EXPECT("dJ/dW1 = ((W2^T dL/do) f'(z)) x^T + lambda W1", in[1]->grad, 0.1967377994, 0.3934755987, 0.4057215318,
           0.9114430637, 0.05, -0.06);
    EXPECT("dJ/dW2 = dL/do h^T + lambda W2", in[2]->grad, -0.3012296656, -0.3312296656, 0.03, 0.3512296656, 0.3612296656, -0.06);

    int agree = dl_gradcheck(c, objective, 3, in);
    printf("central differences agree with backward in all entries: %s\n", agree ? "yes" : "no  <-- OFF");
    wrong += !agree;
}

static const char help[] =
    "usage: graph [options]\n"
    "  --epochs N     no effect: nothing is trained by epochs\n"
    "  --out DIR      where graph.dot goes, the current folder\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       1\n"
    "  --quick        a test of the program: the same, and the rows of the curriculum at the end\n";

int main(int argc, char **argv)
{
    const char *out = ".";
    int quick = 0, seed = 1;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else if (!strcmp(argv[i], "--threads")) i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "graph: unknown option %s\n%s", argv[i], help), 2;
    }
    c = dl_create(.seed = (uint64_t)seed);
    snprintf(dot, sizeof dot, "%s/graph.dot", out);
    small_graphs();
    layers();
    jacobians();
    numerical_gradients();
    whole_network();
    if (dl_error(c)) { fprintf(stderr, "graph: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    for (int i = 1; quick && !wrong && i <= 25; i++)
        if (i != 11 && i != 12 && i != 19 && i != 21 && i != 24) printf("row AD-%02d\n", i);
    return wrong != 0;
}
