/* xor.c: the smallest network that a straight line cannot replace, from start to end.

       cc -O2 examples/xor.c -o xor
       ./xor

   prints the loss as it falls to 0, then what the network makes of the four inputs. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>

int main(void)
{
    static const float in[] = {0,0, 0,1, 1,0, 1,1}, out[] = {0, 1, 1, 0};

    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *x = dl_keep(c, dl_tensor_from(c, in, DL_SHAPE(4, 2)));
    dl_tensor *t = dl_keep(c, dl_tensor_from(c, out, DL_SHAPE(4, 1)));

    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 8), dl_nn_tanh(c), dl_nn_linear(c, 8, 1));
    dl_optim  *opt = dl_optim_adam(c, net, .lr = 0.05f);

    double last = 1;
    for (int step = 0; step < 500; step++) {
        dl_step_begin(c);                                         /* forget the previous step's tensors */
        dl_tensor *loss = dl_bce_with_logits(c, dl_forward(c, net, x), t);
        dl_backward(c, loss);
        dl_optim_step(c, opt);                                    /* update, then clear the gradients */
        last = dl_item(loss);
        if (step % 100 == 0) printf("%3d  %.4f\n", step, last);
    }
    dl_print(dl_sigmoid(c, dl_forward(c, net, x)));

    if (dl_error(c)) { fprintf(stderr, "%s\n", dl_error(c)); return 1; }
    dl_destroy(c);
    return last < 0.05 ? 0 : 1;
}
