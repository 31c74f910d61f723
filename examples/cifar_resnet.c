/* cifar_resnet.c: small colour pictures in classes: plain against residual networks, variants of the residual block, gradients
   through skips, and transfer learning by freezing.

       cc -O2 -fopenmp examples/cifar_resnet.c -o cifar_resnet
       ./cifar_resnet --data DIR

   DIR holds the binary CIFAR-10 files (data_batch_1.bin .. test_batch.bin), or train/ and test/ with a sub-folder of pictures
   for each class: PPM, and JPEG and PNG if stb's headers are there (Debian: libstb-dev).  Without --data: shapes drawn by code. */
#if defined(__has_include) && !defined(__TINYC__)
#if __has_include(<stb/stb_image.h>)
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_IMPLEMENTATION
#include <stb/stb_image.h>
#endif
#endif
#define DL_MODELS
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: cifar_resnet [options]\n"
    "  --data DIR     CIFAR-10 files or folders of pictures; without it: coloured shapes drawn by code\n"
    "  --epochs N     4, of each network\n"
    "  --layers N     6 n + 2; 20\n"
    "  --limit N      at most so many pictures for training; 1500 (0: all)\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        few pictures, shallow networks: a test of the program\n";

/* --- shapes: disk, square, ring, cross, bars; classes 5..9 are the same on a bright ground ------------------------ */
static dl_dataset *shapes(dl_ctx *c, int n)
{
    dl_tensor *x = dl_mul_scalar(c, dl_rand(c, DL_SHAPE(n, 3, 32, 32)), 0.25f), *r = dl_rand(c, DL_SHAPE(n, 12));
    dl_tensor *t = dl_to_int(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(n)), 9.999f));
    for (int i = 0; i < n && !dl_error(c); i++) {
        const dl_real *u = r->data + 12 * i;
        dl_real cx = 10 + 12 * u[0], cy = 10 + 12 * u[1], size = 5 + 5 * u[2];
        dl_real tilt = 2 * u[3] - 1, cosine = (1 - tilt * tilt) / (1 + tilt * tilt), sine = 2 * tilt / (1 + tilt * tilt);
        int bright = t->idata[i] >= 5;
        for (int k = 0; k < 3; k++) {
            dl_real ground = 0.3f * u[4 + k] + 0.4f * (dl_real)bright, ink = 0.3f + 0.4f * u[7 + k] - 0.3f * (dl_real)bright;
            for (int p = 0; p < 1024; p++) {
                dl_real dx = (dl_real)(p % 32) - cx, dy = (dl_real)(p / 32) - cy, round = dx * dx + dy * dy;
                dl_real a = cosine * dx + sine * dy, b = cosine * dy - sine * dx;
                a = a < 0 ? -a : a;
                b = b < 0 ? -b : b;
                int kind = t->idata[i] % 5, inside = kind == 0 ? round < size * size : kind == 1 ? a < 0.85f * size && b < 0.85f * size
                    : kind == 2 ? round < size * size && round > 0.36f * size * size
                    : kind == 3 ? (a < size && b < 0.3f * size) || (b < size && a < 0.3f * size)
                    : a < size && b < size && b > 0.4f * size;
                x->data[(i * 3 + k) * 1024 + p] += ground + (inside ? ink : 0);
            }
        }
    }
    return dl_data_tensors(c, x, t);
}

static dl_dataset *pictures(dl_ctx *c, const char *folder, int train, int limit)
{
    char path[1024];
    FILE *f;
    dl_dataset *d;
    snprintf(path, sizeof path, "%s/test_batch.bin", folder);
    f = fopen(path, "rb");
    if (f) fclose(f);
    snprintf(path, sizeof path, "%s/%s", folder, train ? "train" : "test");
    d = f ? dl_data_cifar10(c, folder, .train = train)
          : dl_data_image_folder(c, path, .resize = 32, .crop = 32, .per_class = (limit + 9) / 10);
    if (!limit || d->size <= limit) return d;
    return dl_data_tensors(c, dl_slice(c, d->inputs, 0, 0, limit), dl_tensor_from_int(c, d->targets->idata, DL_SHAPE(limit)));
}

/* --- training ------------------------------------------------------------------------------------------------------- */
static double train(dl_ctx *c, const char *name, dl_module *net, dl_dataset *data, dl_dataset *test, int epochs)
{
    dl_optim *o = dl_optim_sgd(c, net, .lr = 0.05f, .momentum = 0.9f, .weight_decay = 1e-4f);
    double before = dl_evaluate(c, net, data).loss;
    dl_scores s;
    dl_schedule *falling = dl_lr_linear(c, o, .start_factor = 1, .end_factor = 0.02, .total_iters = epochs * ((data->size + 31) / 32));
    dl_fit(c, net, o, data, .epochs = epochs, .batch_size = 32, .schedule = falling);
    s = dl_evaluate(c, net, test);
    printf("%-34s %9lld parameters, loss %.3f -> %.3f, test accuracy %.4f\n", name, (long long)dl_param_count(net), before,
           dl_evaluate(c, net, data).loss, s.accuracy);
    fflush(stdout);
    return s.accuracy;
}

/* Norm of the gradient at the first convolution of a new network: what is left of it after all layers. */
static double gradient(dl_ctx *c, dl_module *net, dl_dataset *d)
{
    dl_loader *batches = dl_loader_create(c, d, .batch_size = 32);
    dl_tensor *w = dl_module_get(c, net, "conv1.weight");
    double norm;
    if (!dl_next_batch(c, batches)) return 0;
    dl_backward(c, dl_cross_entropy(c, dl_forward(c, net, batches->input), batches->target));
    norm = w->grad ? dl_item(dl_norm(c, dl_tensor_from(c, w->grad, DL_SHAPE(w->size)))) : 0;
    dl_zero_grads(net);
    return norm;
}

int main(int argc, char **argv)
{
    const char *folder = NULL;
    int epochs = 0, threads = 0, seed = 1, quick = 0, layers = 0, limit = -1, wrong = 0;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--data"))    folder = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--layers"))  layers = atoi(value), i++;
        else if (!strcmp(argv[i], "--limit"))   limit = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "cifar_resnet: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 1 : 4;
    if (!layers) layers = quick ? 8 : 20;
    if (limit < 0) limit = quick ? 320 : 1500;
    if (layers < 8 || layers % 6 != 2)
        return fprintf(stderr, "cifar_resnet: --layers %d is not 6 n + 2: 8, 14, 20, ..\n", layers), 1;
    int n = (layers - 2) / 6;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    dl_ctx *c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    dl_dataset *data = folder ? pictures(c, folder, 1, limit) : shapes(c, limit ? limit : 10000);
    dl_dataset *test = folder ? pictures(c, folder, 0, (limit + 1) / 2) : shapes(c, quick ? 100 : 1000);
    dl_module *shown = dl_model_resnet_cifar(c, n);
    if (dl_error(c)) { fprintf(stderr, "cifar_resnet: %s\n", dl_error(c)); return 1; }
    printf("%lld pictures (%lld values each) in %d classes, %lld for testing\n", (long long)data->size,
           (long long)(data->inputs->size / data->size), data->classes, (long long)test->size);
    dl_summary(c, shown, data);

    /* On its way back through plain layers the gradient changes with every one of them, with skips far less. */
    double g[4], grows[2], less = quick ? 1.5 : 5;
    for (int k = 0; k < 4; k++) g[k] = gradient(c, dl_model_resnet_cifar(c, k % 2 ? 3 * n : n, .plain = k < 2), data);
    for (int k = 0; k < 2; k++) grows[k] = g[2 * k + 1] / g[2 * k];
    if (dl_error(c)) { fprintf(stderr, "cifar_resnet: %s\n", dl_error(c)); return 1; }
    printf("\ngradient at the first layer of %d and %d layers, untrained:\nplain %.3g and %.3g, residual %.3g and %.3g\n",
           6 * n + 2, 18 * n + 2, g[0], g[1], g[2], g[3]);
    printf("it grows by a factor of %.3g, with skips by %.3g, expected at least %g times less%s\n\n", grows[0], grows[1], less,
           grows[1] < grows[0] / less ? "" : "  <-- OFF");
    wrong |= !(grows[1] < grows[0] / less);

    dl_module *residual = dl_model_resnet_cifar(c, n);
    train(c, "plain", dl_model_resnet_cifar(c, n, .plain = 1), data, test, epochs);
    if (!quick) train(c, "plain, three times as deep", dl_model_resnet_cifar(c, 3 * n, .plain = 1), data, test, epochs);
    double accuracy = train(c, "residual, zero-padded shortcuts", residual, data, test, epochs);
    if (!quick) train(c, "residual, three times as deep", dl_model_resnet_cifar(c, 3 * n), data, test, epochs);
    train(c, "residual, projection shortcuts", dl_model_resnet_cifar(c, n, .projection = 1), data, test, epochs);
    train(c, "residual, pre-activation", dl_model_resnet_cifar(c, n, .pre_act = 1), data, test, epochs);

    /* With f = 0 a pre-activation block is the identity, and so is its gradient. */
    dl_module *block = dl_model_basic_block(c, 16, 16, .pre_act = 1);
    dl_init_constant(c, dl_module_get(c, block, "conv2.weight"), 0);
    dl_step_begin(c);
    dl_tensor *x = dl_requires_grad(c, dl_randn(c, DL_SHAPE(2, 16, 8, 8)), 1), *up = dl_randn(c, DL_SHAPE(2, 16, 8, 8));
    dl_tensor *y = dl_forward(c, block, x);
    dl_backward(c, y, .grad = up);
    if (dl_error(c)) { fprintf(stderr, "cifar_resnet: %s\n", dl_error(c)); return 1; }
    size_t bytes = (size_t)x->size * sizeof *x->data;
    int same = !memcmp(x->data, y->data, bytes) && x->grad && !memcmp(x->grad, up->data, bytes);
    printf("block with f = 0: output and gradient are %s\n", same ? "exactly the input and the upstream gradient" : "WRONG");
    wrong |= !same;

    /* Transfer: keep the features of the residual network, train a new last layer for another task, classes 0-4 or 5-9. */
    dl_module *whole = dl_nn_sequential_with(c, NULL, 0);
    int tensors = 0, frozen = 0;
    while (dl_module_at(residual, tensors, NULL, 0)) tensors++;
    dl_tensor **old = dl_alloc_keep(c, (size_t)tensors * sizeof *old), *w = dl_module_get(c, residual, "fc.weight");
    for (int i = 0; i < tensors && !dl_error(c); i++) old[i] = dl_keep(c, dl_module_at(residual, i, NULL, 0)->tensor);
    for (int64_t i = 0; i < data->size; i++) data->targets->idata[i] = data->targets->idata[i] >= 5;
    for (int64_t i = 0; i < test->size; i++) test->targets->idata[i] = test->targets->idata[i] >= 5;
    dl_nn_freeze(residual, 1);
    dl_module_add(c, whole, "features", residual);
    dl_module_add(c, whole, "head", dl_nn_linear(c, w->shape[0], 2));
    train(c, "new last layer, the rest frozen", whole, data, test, epochs);
    same = !dl_error(c);
    for (int i = 0; i < tensors && same; i++) {
        dl_param *p = dl_module_at(residual, i, NULL, 0);
        if (p->is_buffer) continue;                  /* the statistics of batch norms go on */
        same = !memcmp(p->tensor->data, old[i]->data, (size_t)old[i]->size * sizeof *old[i]->data);
        frozen++;
    }
    printf("the %d frozen tensors are %s\n", frozen, same ? "bit for bit what they were" : "CHANGED  <-- OFF");
    wrong |= !same;

    if (dl_error(c)) { fprintf(stderr, "cifar_resnet: %s\n", dl_error(c)); return 1; }
    if (quick) puts("(one epoch of 320 pictures: its accuracies say nothing yet)");
    double goal = quick || folder ? 0.1 : 0.4;
    printf("residual: test accuracy %.4f, expected above %g%s\n", accuracy, goal, goal > 0.1 ? "" : ", which is chance");
    dl_destroy(c);
    return wrong || !(accuracy > goal);
}
