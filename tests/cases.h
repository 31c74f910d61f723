/* cases.h: runs the cases of a generator, see gen_cases.py: values and gradients against PyTorch's, gradients against differences
   in double, and every tensor of every case NULL, nil, of the other dtype, of another shape.  Before it: golden_X.h, `c`, and
       #define NO_DIFFERENCES(text)   cases whose gradient is not that of their value
       #define UNUSED(text, i), MAY_BE_NULL(text, i), MAY_BE_INT(text, i), ANY_SHAPE(text, i)   what the sweep of bad input must leave out

   Inputs: a kind, a shape.  r, R reals in [-2, 2], p, P in (0, 1), s 1 or -1, b 0 or 1, o, O boxes, qN: boxes behind the number
   of one of N maps, iN: labels below N, i..=1,2,3 labels as they stand.  r, p and o are differentiated.  Element i of input k
   comes from number(). */
#ifndef TOL
#ifdef DL_DOUBLE
#define TOL 1e-9
#else
#define TOL 4e-6
#endif
#endif

#define MAX_INPUTS 4
static int number(int k, int64_t i)
{
    static const int multipliers[] = {37, 29, 51, 45, 43};
    return (int)((multipliers[k] * i + 11 - 2 * k) % 64);
}

/* Coordinate of a row (x1, y1, x2, y2), behind the number of a map if mapped. */
static double box_number(int k, int64_t i, int mapped, int64_t maps)
{
    int64_t row = i / (4 + mapped), j = i % (4 + mapped) - mapped;
    if (j < 0) return (double)(row % maps);
    return number(k, 4 * row + j % 2) / 8.0 + k / 64.0 + (j < 2 ? 0 : number(k, 4 * row + j) / 8.0 + 0.5);
}

static const char *make_input(dl_ctx *ctx, const char *s, int k, dl_tensor **x)     /* returns what follows the word */
{
    char kind = *s++, *end = (char *)s;
    int64_t classes = 0, i;
    dl_shape shape = DL_SHAPE(0);
    int d = 0;
    if (s[strcspn(s, ": ")] == ':') { classes = strtol(s, &end, 10); end++; }
    for (; *end && *end != ' ' && *end != '='; end += *end == 'x') shape.d[d++] = strtol(end, &end, 10);
    *x = dl_zeros(ctx, shape);
    if (kind == 'i') *x = dl_to_int(ctx, *x);
    for (i = 0; i < (*x)->size; i++) {
        int v = number(k, i);
        switch (kind) {
        case 'i': if (*end == '=' || *end == ',') (*x)->idata[i] = (int32_t)strtol(end + 1, &end, 10);
                  else (*x)->idata[i] = (int32_t)(v % classes);
                  break;
        case 'r': case 'R': (*x)->data[i] = (dl_real)((v - 31.5 + k / 4.0) / 16); break;
        case 'o': case 'O': case 'q': (*x)->data[i] = (dl_real)box_number(k, i, kind == 'q', classes); break;
        case 's': (*x)->data[i] = v < 32 ? 1 : -1; break;
        case 'b': (*x)->data[i] = v < 32; break;
        default:  (*x)->data[i] = (dl_real)((v + 0.5 + k / 8.0) / 66);
        }
    }
    if (strchr("rpo", kind)) dl_requires_grad(ctx, *x, 1);
    return end + (*end == ' ');
}

typedef struct { const char *text, *inputs; dl_tensor *(*call)(dl_ctx *c, dl_tensor **x); } test_case;
#define CASE(n, inputs, ...) static dl_tensor *case_##n(dl_ctx *c, dl_tensor **x) { return __VA_ARGS__; }
CASES(CASE)
#undef CASE
#define CASE(n, inputs, ...) {#__VA_ARGS__, inputs, case_##n},
static const test_case cases[] = { CASES(CASE) };
#undef CASE
#define NCASES ((int)(sizeof cases / sizeof *cases))

static int make_inputs(const test_case *l, dl_tensor **x)
{
    const char *s = l->inputs;
    int n = 0;
    for (; *s; n++) s = make_input(c, s, n, &x[n]);
    return n;
}

static double cotangent(int64_t i) { return ((double)((37 * i + 11) % 64) - 31.5) / 32; }

/* The three sums of n values against want[0..2], within TOL of the sum of absolute values. */
static void compare(const test_case *l, const char *what, const dl_real *v, int64_t n, const double *want)
{
    double sum[3] = {0, 0, 0};
    int64_t i;
    int k;
    for (i = 0; i < n && v; i++) {
        sum[0] += (double)v[i] * cotangent(i);
        sum[1] += (double)v[i] * ((double)((29 * i + 5) % 32 + 1) / 32);
        sum[2] += fabs((double)v[i]);
    }
    for (k = 0; k < 3; k++) {
        if (fabs(sum[k] - want[k]) <= TOL * (want[2] + 0.01) || (isinf(want[2]) && isinf(sum[2]))) continue;
        CHECK(!"a golden value");
        printf("\n    %s of %s: %s, sum %d is %.12g, PyTorch has %.12g", l->text, l->inputs, what, k, sum[k], want[k]);
        return;
    }
}

static void values_and_gradients(void)
{
    const double *want = golden;
    int k, i, n, before;
    for (k = 0; k < NCASES; k++) {
        dl_tensor *x[MAX_INPUTS], *y, *r;
        dl_step_begin(c);
        n = make_inputs(&cases[k], x);
        y = cases[k].call(c, x);
        before = test_errors;
        if (!CHECK_OK(c)) { printf(" %s of %s", cases[k].text, cases[k].inputs); dl_clear_error(c); return; }
        compare(&cases[k], "value", y->data, y->size, want);
        want += 3;
        r = dl_detach(c, dl_mul_scalar(c, y, 1));
        for (i = 0; i < r->size; i++) r->data[i] = (dl_real)cotangent(i);
        if (y->requires_grad) dl_backward(c, y, .grad = r);
        for (i = 0; i < n; i++) {
            if (!x[i]->requires_grad) continue;
            CHECK(x[i]->grad != NULL);
            compare(&cases[k], "gradient", x[i]->grad, x[i]->size, want);
            want += 3;
        }
        CHECK_OK(c);
        if (test_errors > before + 3) printf("\n    %s", cases[k].text);
    }
    CHECK(want + 1 == golden + sizeof golden / sizeof *golden);
}

#ifdef DL_DOUBLE
static dl_tensor *build(dl_ctx *ctx, dl_tensor **reals, void *user)
{
    dl_tensor **x = (dl_tensor **)user;                              /* all inputs, and behind them the case */
    (void)reals;
    return ((const test_case *)(void *)x[MAX_INPUTS])->call(ctx, x);
}
#endif

static void gradients_by_differences(void)
{
#ifdef DL_DOUBLE
    int k, i, n, reals, nan;
    for (k = 0; k < NCASES; k++) {
        dl_tensor *x[MAX_INPUTS + 1], *r[MAX_INPUTS], *y;
        int64_t e;
        if (NO_DIFFERENCES(cases[k].text)) continue;
        dl_step_begin(c);
        n = make_inputs(&cases[k], x);
        x[MAX_INPUTS] = (dl_tensor *)(void *)&cases[k];
        for (reals = i = 0; i < n; i++) if (x[i]->requires_grad) r[reals++] = x[i];
        if (!reals) continue;
        y = cases[k].call(c, x);
        for (nan = 0, e = 0; e < y->size; e++) nan |= !isfinite(y->data[e]);
        if (nan) continue;                                           /* ctc: the target does not fit */
        if (!CHECK(dl_gradcheck(c, build, reals, r, .user = x, .rtol = 1e-6)))
            printf("\n    %s of %s: %s", cases[k].text, cases[k].inputs, dl_error(c));
        dl_clear_error(c);
    }
#else
    SKIP("double only");
#endif
}

/* --- bad input: every tensor of every case NULL, nil, of the other dtype, of another shape ------------------------------ */
static void bad_tensors(void)
{
    int k, i, n, what;
    for (k = 0; k < NCASES; k++) {
        const char *text = cases[k].text + 3;                        /* behind "dl_" */
        char name[64];
        sprintf(name, "%.*s", (int)strcspn(text, "("), text);
        if (!strcmp(name, "cross_entropy2d")) strcpy(name, "cross_entropy");
        if (strstr(text, "dl_")) continue;                           /* an input goes through another op first */
        for (i = 0; i < MAX_INPUTS; i++)
            for (what = 0; what < 4; what++) {
                dl_tensor *x[MAX_INPUTS], *y, *nil;
                dl_step_begin(c);
                n = make_inputs(&cases[k], x);
                if (i >= n || UNUSED(text, i)) continue;
                nil = dl_fail(c, "before");
                dl_clear_error(c);
                if (what == 0) { if (MAY_BE_NULL(text, i)) continue; x[i] = NULL; }
                if (what == 1) x[i] = nil;
                if (what == 2) {
                    if (MAY_BE_INT(text, i)) continue;
                    x[i] = x[i]->dtype == DL_REAL ? dl_to_int(c, dl_zeros(c, DL_SHAPE(2))) : dl_ones(c, DL_SHAPE(2));
                }
                if (what == 3 && ANY_SHAPE(text, i)) continue;
                if (what == 3) x[i] = x[i]->dtype == DL_REAL ? dl_ones(c, DL_SHAPE(7, 6, 7)) : dl_to_int(c, dl_ones(c, DL_SHAPE(1, 1, 1)));
                y = cases[k].call(c, x);
                if (!CHECK(dl_is_nil(y) && dl_error(c) && strncmp(dl_error(c), name, strlen(name)) == 0))
                    printf("\n    %s of %s, input %d, %d: %s", text, cases[k].inputs, i, what, dl_error(c) ? dl_error(c) : "(no error)");
                dl_clear_error(c);
            }
    }
}
