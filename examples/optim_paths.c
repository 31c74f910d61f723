/* optim_paths.c: the paths of sixteen optimizers on two functions, and the memory that they need.

       cc -O2 examples/optim_paths.c -o optim_paths -lm
       ./optim_paths
       ./optim_paths --help

   E(w) = 3 (w - 2)^2 + 5 from w = 5: ten steps, beside what the formulas of the optimizers give.
   f(x, y) = x^2 / 20 + y^2 from (-7, 2): a bowl that is 20 times as steep in y as in x.  Steps of SGD that bring x home make
   y jump from one side of the valley to the other; momentum and the adaptive methods turn less.  Not among them: AdamW, which
   is Adam where no weights decay, and Muon, which is for matrices. */
#define DL_DOUBLE                                                 /* all digits: the library in double precision */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>

static const char help[] =
    "usage: optim_paths [options]\n"
    "  --epochs N     no effect: nothing is trained by epochs\n"
    "  --out DIR      where the picture goes, the current folder\n"
    "  --threads N    no effect: nothing is large\n"
    "  --seed N       no effect: nothing is random\n"
    "  --quick        no effect: it is quick\n";
static const dl_module_type point_type = { "point", sizeof(dl_module), NULL };     /* a module whose only parameter is w */
static int wrong;

static const char *verdict(int ok) { wrong += !ok; return ok ? "" : "   <-- OFF"; }

/* --- E(w) ------------------------------------------------------------------------------------------- */
enum { MOMENTUM, NESTEROV, ADAGRAD, ADADELTA, RMSPROP, ADAM, UNCORRECTED, TABLES };
static const struct { const char *name; double w[10]; } table[TABLES] = {
    { "momentum 0.9, lr 0.01",       {4.820000, 4.488800, 4.041392, 3.516241, 2.952631, 2.388224, 1.856964, 1.387413, 1.001572, 0.714220} },
    { "Nesterov 0.9, lr 0.01",       {4.820000, 4.498520, 4.076637, 3.595125, 3.092059, 2.600941, 2.149400, 1.758431, 1.442166, 1.208076} },
    { "AdaGrad, lr 0.5",             {4.500000, 4.179908, 3.936199, 3.737553, 3.569640, 3.424486, 3.297102, 3.184111, 3.083089, 2.992224} },
    { "Adadelta 0.9, eps 1e-6",      {4.996838, 4.993595, 4.990298, 4.986960, 4.983588, 4.980189, 4.976764, 4.973317, 4.969850, 4.966365} },
    { "RMSprop 0.9, lr 0.1",         {4.683772, 4.466821, 4.291766, 4.141057, 4.006704, 3.884314, 3.771189, 3.665544, 3.566135, 3.472064} },
    { "Adam, lr 0.1",                {4.900000, 4.800103, 4.700382, 4.600914, 4.501779, 4.403064, 4.304854, 4.207241, 4.110320, 4.014188} },
    { "Adam without correction",     {4.683772, 4.260700, 3.773664, 3.250825, 2.716802, 2.196554, 1.716354, 1.302037, 0.974851, 0.747094} },
};

static dl_optim *table_optimizer(dl_ctx *c, dl_module *m, int which)
{
    switch (which) {
    case MOMENTUM: return dl_optim_sgd(c, m, .lr = 0.01, .momentum = 0.9);
    case NESTEROV: return dl_optim_sgd(c, m, .lr = 0.01, .momentum = 0.9, .nesterov = 1);
    case ADAGRAD:  return dl_optim_adagrad(c, m, .lr = 0.5, .eps = 1e-7);
    case ADADELTA: return dl_optim_adadelta(c, m, .rho = 0.9, .eps = 1e-6);
    case RMSPROP:  return dl_optim_rmsprop(c, m, .lr = 0.1, .alpha = 0.9, .eps = 1e-7);
    case ADAM:     return dl_optim_adam(c, m, .lr = 0.1, .eps = 1e-7);
    default:       return dl_optim_adam(c, m, .lr = 0.1, .eps = 1e-7, .no_bias_correction = 1);
    }
}

static void ten_steps(int which)
{
    dl_ctx    *c = dl_create();
    dl_module *m = dl_module_create(c, &point_type);
    dl_tensor *w = dl_module_param(c, m, "w", DL_SHAPE(1));
    dl_optim  *o = table_optimizer(c, m, which);
    double far = 0;

    dl_init_constant(c, w, 5);
    printf("  %s\n%9s", table[which].name, "");
    for (int t = 0; t < 10 && !dl_error(c); t++) {
        dl_step_begin(c);
        dl_backward(c, dl_add_scalar(c, dl_mul_scalar(c, dl_square(c, dl_sub_scalar(c, w, 2)), 3), 5));
        dl_optim_step(c, o);
        double at = dl_item(w);
        /* w is kept at the point where Nesterov looks ahead, as in PyTorch; the point itself is lr momentum a further back */
        if (which == NESTEROV) at += 0.01 * 0.9 * dl_optim_state(o, w, 0)[0];
        printf(" %8.6f", at);
        far = fmax(far, fabs(at - table[which].w[t]));
    }
    printf("\n%9s", "  expected");
    for (int t = 0; t < 10; t++) printf(" %8.6f", table[which].w[t]);
    printf("%s\n", verdict(!dl_error(c) && far < 2e-6));
    dl_destroy(c);
}

/* --- the bowl ---------------------------------------------------------------------------------------- */
enum { STEPS = 30 };
typedef struct { const char *name; double x, y; int turns; } path;             /* x, y: expected end; turns: at most     */
static const path paths[] = {
    { "SGD, lr 0.95",            -0.350393, 0.084782, 30 },
    { "momentum 0.9, lr 0.1",     0.896414, 0.088086, 14 },
    { "AdaGrad, lr 1.5",         -0.120162, 0.000000, 14 },
    { "Adam, lr 0.3",             0.136014, 0.318245, 14 },
    { "RMSprop, lr 0.3",         -0.153911, 0.000000, 14 },        /* from here on what PyTorch gives */
    { "Adadelta, lr 20",         -0.082860, 0.000000, 14 },
    { "NAdam, lr 0.3",           -1.073202, -0.027388, 14 },
    { "RAdam, lr 1.5",           -0.602024, -0.139144, 14 },
    { "Adamax, lr 0.5",           0.472144, 0.196594, 14 },
    { "AMSGrad, lr 0.5",          1.224827, -0.241780, 14 },
    { "Adafactor, lr 0.5",       -0.282295, 0.000000, 30 },
    { "Rprop, lr 0.3",           -0.011903, -0.000269, 14 },
    { "averaged SGD, lr 0.95",   -0.350429, 0.079665, 30 },
    { "lookahead on SGD",        -1.884240, 0.000147, 30 },        /* this and SAM, which PyTorch lacks: the papers' formulas */
    { "SAM on momentum 0.8",      0.222683, -0.070424, 14 },
    { "L-BFGS",                   0.000034, 0.000006, 14 },
};
enum { PATHS = sizeof paths / sizeof *paths };

static dl_optim *bowl_optimizer(dl_ctx *c, dl_module *m, int which)
{
    switch (which) {
    case 0:  return dl_optim_sgd(c, m, .lr = 0.95);
    case 1:  return dl_optim_sgd(c, m, .lr = 0.1, .momentum = 0.9);
    case 2:  return dl_optim_adagrad(c, m, .lr = 1.5, .eps = 1e-7);
    case 3:  return dl_optim_adam(c, m, .lr = 0.3, .eps = 1e-7);
    case 4:  return dl_optim_rmsprop(c, m, .lr = 0.3, .alpha = 0.9);
    case 5:  return dl_optim_adadelta(c, m, .lr = 20, .eps = 1e-4);
    case 6:  return dl_optim_nadam(c, m, .lr = 0.3);
    case 7:  return dl_optim_radam(c, m, .lr = 1.5);
    case 8:  return dl_optim_adamax(c, m, .lr = 0.5);
    case 9:  return dl_optim_adam(c, m, .lr = 0.5, .amsgrad = 1);
    case 10: return dl_optim_adafactor(c, m, .lr = 0.5);
    case 11: return dl_optim_rprop(c, m, .lr = 0.3);
    case 12: return dl_optim_asgd(c, m, .lr = 0.95);
    case 13: return dl_optim_lookahead(c, dl_optim_sgd(c, m, .lr = 0.95));
    case 14: return dl_optim_sam(c, dl_optim_sgd(c, m, .lr = 0.3, .momentum = 0.8));
    default: return dl_optim_lbfgs(c, m, .strong_wolfe = 1, .max_iter = 1);
    }
}

static dl_tensor *bowl(dl_ctx *c, void *user)                     /* a closure, because L-BFGS asks more than once */
{
    static const double steepness[] = {0.05, 1};
    dl_tensor *w = dl_module_get(c, (dl_module *)user, "w");
    dl_step_begin(c);
    dl_tensor *f = dl_sum(c, dl_mul(c, dl_tensor_from(c, steepness, DL_SHAPE(2)), dl_square(c, w)));
    dl_backward(c, f);
    return f;
}

/* One path; its points go into a panel of the picture, over contours of f and a cross at the minimum. */
enum { COLUMNS = 4, WIDTH = 264, HEIGHT = 170 };                   /* 24 pixels a unit: x from -8.5 to 2.5, y from -4.2 to 2.9 */
static void walk(int which, FILE *svg)
{
    dl_ctx    *c = dl_create();
    dl_module *m = dl_module_create(c, &point_type);
    dl_tensor *w = dl_module_param(c, m, "w", DL_SHAPE(2));
    dl_optim  *o = bowl_optimizer(c, m, which);
    const path *p = &paths[which];
    int turns = 0;

    if (dl_error(c)) { fprintf(stderr, "optim_paths: %s\n", dl_error(c)); wrong++; dl_destroy(c); return; }
    w->data[0] = -7; w->data[1] = 2;
    if (svg) {
        int left = 10 + which % COLUMNS * (WIDTH + 10), top = 24 + which / COLUMNS * (HEIGHT + 30);
        fprintf(svg, "<text x='%d' y='%d'>%s</text>\n<svg x='%d' y='%d' width='%d' height='%d' viewBox='-204 -70 %d %d' fill='none'>\n",
                left, top - 6, p->name, left, top, WIDTH, HEIGHT, WIDTH, HEIGHT);
        for (int level = 1; level <= 10; level++)
            fprintf(svg, "<ellipse rx='%.1f' ry='%.1f' stroke='#ccc'/>\n", 24 * sqrt(20 * 0.16) * level, 24 * sqrt(0.16) * level);
        fprintf(svg, "<path d='M-5 0h10M0 -5v10' stroke='#d62728'/>\n<polyline stroke='#1f77b4' stroke-width='1.5' points='");
    }
    for (int t = 0; t < STEPS && !dl_error(c); t++) {
        double y = w->data[1];
        if (svg) fprintf(svg, "%.1f,%.1f ", 24 * w->data[0], -24 * w->data[1]);
        dl_optim_step_closure(c, o, bowl, m);
        turns += y * w->data[1] < 0;
    }
    if (svg) fprintf(svg, "%.1f,%.1f'/>\n</svg>\n", 24 * w->data[0], -24 * w->data[1]);
    double x = w->data[0], y = w->data[1], f = x * x / 20 + y * y;
    printf("  %-22s (%9.6f, %9.6f)  (%9.6f, %9.6f)  %8.1e  %5d%s\n", p->name, x, y, p->x, p->y, f, turns,
           verdict(!dl_error(c) && turns <= p->turns && fabs(x - p->x) < 2e-6 && fabs(y - p->y) < 2e-6));
    if (dl_error(c)) fprintf(stderr, "optim_paths: %s\n", dl_error(c));
    dl_destroy(c);
}

/* --- memory ------------------------------------------------------------------------------------------- */
static void state_sizes(void)
{
    dl_ctx    *c = dl_create();
    dl_module *m = dl_nn_linear(c, 999, 1000);                    /* a million numbers */
    const struct { const char *name; dl_optim *o; double tensors; } all[] = {
        { "SGD",                     dl_optim_sgd(c, m), 0 },
        { "momentum, Nesterov",      dl_optim_sgd(c, m, .momentum = 0.9), 1 },
        { "AdaGrad",                 dl_optim_adagrad(c, m), 1 },
        { "RMSprop",                 dl_optim_rmsprop(c, m), 1 },
        { "Adadelta",                dl_optim_adadelta(c, m), 2 },
        { "Adam, AdamW, NAdam, RAdam", dl_optim_adam(c, m), 2 },
        { "AMSGrad",                 dl_optim_adam(c, m, .amsgrad = 1), 3 },
        { "Muon",                    dl_optim_muon(c, m), 1.001 },
        { "Adafactor",               dl_optim_adafactor(c, m), 0.002999 },
        { "L-BFGS (+ 2 a step remembered)", dl_optim_lbfgs(c, m), 4 },
    };
    const double gpt3 = 1.75e11 * sizeof(float) / 1e9;            /* GB of its parameters in float */
    printf("state, in tensors of the size of the parameters; and for the 1.75e11 parameters of GPT-3, in float\n"
           "  %-32s %8s %18s %11s\n", "", "tensors", "", "GPT-3");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        double tensors = (double)dl_optim_state_bytes(all[i].o) / (1e6 * sizeof(dl_real));
        printf("  %-32s %8.6g  expected %8.6g  %8.0f GB%s\n", all[i].name, tensors, all[i].tensors, tensors * gpt3,
               verdict(!dl_error(c) && fabs(tensors - all[i].tensors) < 1e-9));
    }
    printf("  (a moving average needs one tensor; the mean of the last w gradients would need w of them)\n");
    dl_destroy(c);
}

int main(int argc, char **argv)
{
    const char *out = ".";
    char picture[512];
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   continue;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs") || !strcmp(argv[i], "--threads") || !strcmp(argv[i], "--seed")) i++;
        else return fprintf(stderr, "optim_paths: unknown option %s\n%s", argv[i], help), 2;
    }
    printf("E(w) = 3 (w - 2)^2 + 5 from w = 5: w after steps 1 to 10\n");
    for (int i = 0; i < TABLES; i++) ten_steps(i);

    snprintf(picture, sizeof picture, "%s/optim_paths.svg", out);
    FILE *svg = fopen(picture, "w");
    if (svg) fprintf(svg, "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %d %d' font-size='14' font-family='sans-serif'>\n"
                          "<rect width='100%%' height='100%%' fill='white'/>\n", COLUMNS * (WIDTH + 10) + 10,
                     (PATHS + COLUMNS - 1) / COLUMNS * (HEIGHT + 30) + 10);
    printf("\nf(x, y) = x^2 / 20 + y^2 from (-7, 2): after %d steps\n  %-22s %-24s %-24s %8s  turns\n", STEPS, "",
           "(x, y)", "expected", "f");
    for (int i = 0; i < PATHS; i++) walk(i, svg);
    if (svg) fprintf(svg, "</svg>\n");
    if (svg && !(ferror(svg) | fclose(svg))) printf("wrote %s: the paths over contours of f\n", picture);
    else printf("cannot write %s%s\n", picture, verdict(0));

    printf("\n");
    state_sizes();
    printf(wrong ? "\nlines off: %d\n" : "\nall numbers are as expected\n", wrong);
    return wrong != 0;
}
