/* linear_regression.c: fit y = w x + b to four points by gradient descent on mini-batches.

       cc -O2 examples/linear_regression.c -o linear_regression
       ./linear_regression

   The points (1,6) (2,5) (3,7) (4,10) have the least-squares line w = 1.4, b = 3.5, with a mean squared error of 1.05. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <math.h>

int main(void)
{
    static const float xs[] = {1, 2, 3, 4}, ys[] = {6, 5, 7, 10};

    dl_ctx     *c     = dl_create(.seed = 3);
    dl_dataset *data  = dl_data_tensors(c, dl_tensor_from(c, xs, DL_SHAPE(4, 1)), dl_tensor_from(c, ys, DL_SHAPE(4, 1)));
    dl_module  *model = dl_nn_linear(c, 1, 1);
    dl_optim   *opt   = dl_optim_sgd(c, model, .lr = 0.01f);

    /* smaller and smaller steps average out what the random mini-batches do */
    dl_fit(c, model, opt, data, .epochs = 20000, .batch_size = 2, .quiet = 1,
           .schedule = dl_lr_linear(c, opt, .start_factor = 1, .end_factor = 1e-3, .total_iters = 40000));

    double w = dl_item(dl_module_get(c, model, "weight")), b = dl_item(dl_module_get(c, model, "bias"));
    double mse = dl_evaluate(c, model, data).loss;
    printf("w    %.3f   (1.4)\nb    %.3f   (3.5)\nmse  %.3f   (1.05)\n", w, b, mse);

    if (dl_error(c)) { fprintf(stderr, "%s\n", dl_error(c)); return 1; }
    dl_destroy(c);
    return fabs(w - 1.4) < 0.02 && fabs(b - 3.5) < 0.05 ? 0 : 1;
}
