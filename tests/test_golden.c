/* build: float double asan */
/* Values and gradients of every op against PyTorch's, see gen_golden.py. */
#include "dl.h"
#include "test.h"

#ifdef DL_DOUBLE
#define TOL 1e-10
#else
#define TOL 2e-5
#endif

/* Results that a call gives through a pointer. */
static dl_tensor *part(dl_ctx *c, dl_tensor *x, int64_t size, int dim, int i)
{
    dl_tensor *parts[8];
    return i < dl_split(c, x, size, dim, parts, 8) ? parts[i] : NULL;
}
static dl_tensor *sort_indices(dl_ctx *c, dl_tensor *x, int dim, int descending)
{
    dl_tensor *indices = NULL;
    dl_sort(c, x, dim, .descending = descending, .indices = &indices);
    return indices;
}
static dl_tensor *topk_indices(dl_ctx *c, dl_tensor *x, int64_t k, int dim, int smallest)
{
    dl_tensor *indices = NULL;
    dl_topk(c, x, k, dim, .smallest = smallest, .indices = &indices);
    return indices;
}

#include "golden_ops.h"

#define FUNCTION(n, shapes, ...) static dl_tensor *golden_call_##n(dl_ctx *c, dl_tensor **x) { return __VA_ARGS__; }
GOLDEN_CASES(FUNCTION)
#define ENTRY(n, shapes, ...) {#__VA_ARGS__, shapes, golden_call_##n, golden_##n, sizeof golden_##n / sizeof(double)},
static const struct {
    const char   *text, *shapes;
    dl_tensor  *(*call)(dl_ctx *c, dl_tensor **x);
    const double *data;
    size_t        count;
} cases[] = { GOLDEN_CASES(ENTRY) };
#define CASES ((int)(sizeof cases / sizeof *cases))

/* Reads one word of a case's shapes: "r2x3" is a real (2, 3), "i" an int32 scalar.  Returns what follows it. */
static const char *read_shape(const char *s, char *kind, int64_t *shape, int *ndim, int64_t *size)
{
    while (*s == ' ' || *s == '>') s++;
    *kind = *s++;
    for (*ndim = 0, *size = 1; *s && *s != ' '; s += *s == 'x') {
        char *end;
        shape[*ndim] = strtol(s, &end, 10);
        *size *= shape[(*ndim)++];
        s = end;
    }
    return s;
}

/* got[i] against want[i] within TOL of the value itself plus TOL of the average, so that sums may cancel. */
static int compare(const char *text, const char *what, const double *got, const double *want, int64_t n)
{
    double average = 0;
    int64_t i;
    for (i = 0; i < n; i++) if (fabs(want[i]) < 1e300) average += fabs(want[i]) / (double)n;
    for (i = 0; i < n; i++) {
        double tol = TOL * (fabs(want[i]) + 0.2 * average) + TOL * 1e-3;
        if (got[i] == want[i] || (got[i] != got[i] && want[i] != want[i]) || fabs(got[i] - want[i]) <= tol) continue;
        CHECK(!"a golden value");
        printf("\n    %s: %s[%d] is %.12g, PyTorch has %.12g", text, what, (int)i, got[i], want[i]);
        return 0;
    }
    return 1;
}

static double cotangent(int64_t i) { return ((double)((37 * i + 11) % 64) - 31.5) / 32; }

/* Runs cases first, first + 1, ..; returns how many differ. */
static void run_case(dl_ctx *c, int k)
{
    static double got[4096];
    dl_tensor *x[4], *y, *r;
    const char *s = cases[k].shapes, *text = cases[k].text;
    const double *data = cases[k].data;
    int64_t shape[DL_MAX_DIMS], size, i;
    int n = 0, ndim, d, j, grads = 0;
    char kind;

    dl_step_begin(c);
    while (*s != ' ' || s[1] != '>') {
        dl_shape dims = DL_SHAPE(0);
        s = read_shape(s, &kind, shape, &ndim, &size);
        for (d = 0; d < ndim; d++) dims.d[d] = shape[d];
        x[n] = dl_zeros(c, dims);
        for (i = 0; i < size; i++) x[n]->data[i] = (dl_real)data[i];
        if (kind == 'i') x[n] = dl_to_int(c, x[n]);
        if (kind == 'r') { dl_requires_grad(c, x[n], 1); grads++; }
        data += size;
        n++;
    }
    read_shape(s, &kind, shape, &ndim, &size);
    y = cases[k].call(c, x);
    if (dl_error(c) || dl_is_nil(y)) {
        CHECK(!"a golden case failed");
        printf("\n    %s of %s: %s", text, cases[k].shapes, dl_error(c));
        dl_clear_error(c);
        return;
    }
    for (d = 0; d < ndim && y->ndim == ndim && y->shape[d] == shape[d]; d++) {}
    if (y->ndim != ndim || d < ndim || y->size != size || (y->dtype == DL_INT32) != (kind == 'i')) {
        CHECK(!"a golden shape");
        printf("\n    %s of %s has another shape or type", text, cases[k].shapes);
        return;
    }
    for (i = 0; i < size; i++) got[i] = kind == 'i' ? (double)y->idata[i] : (double)y->data[i];
    compare(text, "value", got, data, size);
    data += size;
    if (grads) {
        dl_shape dims = DL_SHAPE(0);
        for (d = 0; d < ndim; d++) dims.d[d] = shape[d];
        r = dl_zeros(c, dims);
        for (i = 0; i < size; i++) r->data[i] = (dl_real)cotangent(i);
        if (!CHECK(dl_backward(c, y, .grad = r))) printf("\n    %s: %s", text, dl_error(c) ? dl_error(c) : "");
        dl_clear_error(c);
        for (j = 0; j < n; j++) {
            char what[16];
            if (!x[j]->requires_grad) continue;
            for (i = 0; i < x[j]->size; i++) got[i] = x[j]->grad ? (double)x[j]->grad[i] : 0;
            sprintf(what, "x[%d]->grad", j);
            compare(text, what, got, data, x[j]->size);
            data += x[j]->size;
        }
    }
    CHECK(data == cases[k].data + cases[k].count);
}

/* One test per op: the cases that begin with the same name. */
static int next_case;
static size_t name_length(int k) { return strcspn(cases[k].text, "("); }
static void next_op(void)
{
    dl_ctx *c = dl_create(.threads = 1);
    const char *name = cases[next_case].text;
    size_t length = name_length(next_case);
    for (; next_case < CASES && name_length(next_case) == length &&
         !strncmp(cases[next_case].text, name, length); next_case++)
        run_case(c, next_case);
    dl_destroy(c);
}

int main(void)
{
    while (next_case < CASES) {
        char name[64];
        sprintf(name, "%.*s", (int)name_length(next_case), cases[next_case].text);
        test_run(next_op, name);
    }
    printf("%d golden cases\n", CASES);
    TEST_END;
}
