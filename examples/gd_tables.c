/* gd_tables.c: gradient descent on E(w) = 3 (w - 2)^2 + 5 from w = 5, with a learning rate that is too large, too small
   and good.

       cc -O2 examples/gd_tables.c -o gd_tables -lm
       ./gd_tables

   Behind each w and E stands what the closed form gives: w(t) = 2 + 3 (1 - 6 lr)^t.  It converges for 0 < lr < 1/3. */
#define DL_DOUBLE                                                 /* all digits: the library in double precision */
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <math.h>

static const dl_module_type point_type = { "point", sizeof(dl_module), NULL };     /* a module whose only parameter is w */

static int table(double lr)
{
    dl_ctx    *c     = dl_create();
    dl_module *point = dl_module_create(c, &point_type);
    dl_tensor *w     = dl_module_param(c, point, "w", DL_SHAPE(1));
    dl_optim  *opt   = dl_optim_sgd(c, point, .lr = lr);
    int wrong = 0;

    dl_init_constant(c, w, 5);
    printf("learning rate %g\n  t             w      expected             E      expected\n", lr);
    for (int t = 0; t <= 10 && !dl_error(c); t++) {
        dl_step_begin(c);
        dl_tensor *e = dl_add_scalar(c, dl_mul_scalar(c, dl_square(c, dl_sub_scalar(c, w, 2)), 3), 5);
        double closed = 2 + 3 * pow(1 - 6 * lr, t), energy = 3 * (closed - 2) * (closed - 2) + 5;
        printf("%3d  %12.6f  %12.6f  %12.6f  %12.6f\n", t, dl_item(w), closed, dl_item(e), energy);
        wrong += !(fabs(dl_item(w) - closed) < 1e-9 * fabs(closed) && fabs(dl_item(e) - energy) < 1e-9 * energy);
        dl_backward(c, e);
        dl_optim_step(c, opt);                                    /* w -= lr dE/dw = lr 6 (w - 2) */
    }
    if (dl_error(c)) { fprintf(stderr, "%s\n", dl_error(c)); wrong = 1; }
    dl_destroy(c);
    printf("\n");
    return wrong;
}

int main(void)
{
    int wrong = table(0.4) + table(0.01) + table(0.1);
    printf(wrong ? "%d numbers are off\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
