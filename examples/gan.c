/* gan.c: generators that learn against a discriminator: points, digits by class, pictures from one kind to another.

       cc -O2 -fopenmp examples/gan.c -o gan -lm
       ./gan --data data/mnist
       ./gan --help

   1. The numbers of the theory.  2. A ring of eight Gaussians: the original GAN, WGAN with clipped weights and WGAN with gradient
   penalty; how many of the eight each finds, with half of their points at least.
   3. A conditional DCGAN on digits (--data DIR: MNIST, else drawn by code), judged by a classifier that has seen real digits
   only: by how often it reads the digit that was asked for, and by the Frechet distance of its features.
   4. Two small generators learn to ink white digits and back without ever seeing a pair.
   Writes gan_ring.pgm, gan_digits.pgm (a row for each class, a column for each noise) and gan_cycle.ppm. */
#define DL_STATIC
#define DL_MODELS
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: gan [options]\n"
    "  --data DIR     folder with the MNIST files; without it: digits drawn by code\n"
    "  --out DIR      where the pictures go, the current folder\n"
    "  --epochs N     of the digits, 8\n"
    "  --part N       only 2, 3 or 4\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        little of everything: a test of the program\n";

static dl_ctx *c;
static int wrong, quick;
static const char *directory = ".";

static void expect(const char *what, double is, int ok, const char *expected)
{
    printf("%-60s %10.4g  expected %s%s\n", what, is, expected, ok ? "" : "  <-- OFF");
    wrong += !ok;
}

static void save(const dl_tensor *pictures, const char *name, int nrow, const char *shown)
{
    char path[512];
    snprintf(path, sizeof path, "%s/gan_%s", directory, name);
    if (dl_image_save_grid(c, pictures, path, .nrow = nrow, .value_range = {-1, 1}, .pad_value = .5f)) printf("wrote %s: %s\n", path, shown);
}

/* One step of D, then one of G, on the same generated samples.  labels: NULL or those of x. */
static void adversarial_step(dl_module *G, dl_module *D, dl_optim *opt_g, dl_optim *opt_d, dl_tensor *x, dl_tensor *z, dl_tensor *labels)
{
    dl_tensor *fake = dl_forward(c, G, labels ? dl_join_labels(c, z, labels, 10) : z), *old = dl_detach(c, fake);
    if (labels) {
        x = dl_join_labels(c, x, labels, 10);
        old = dl_join_labels(c, old, labels, 10);
        fake = dl_join_labels(c, fake, labels, 10);
    }
    dl_backward(c, dl_gan_d_loss(c, dl_forward(c, D, x), dl_forward(c, D, old)));
    dl_optim_step(c, opt_d);
    dl_nn_freeze(D, 1);                                                /* its gradients are nobody's business here */
    dl_backward(c, dl_gan_g_loss(c, dl_forward(c, D, fake)));
    dl_optim_step(c, opt_g);
    dl_nn_freeze(D, 0);
}

/* --- 1. the theory ------------------------------------------------------------------------------------ */
static dl_module *times(float a)
{
    dl_module *m = dl_nn_linear(c, 1, 1, .no_bias = 1);
    dl_init_constant(c, dl_module_get(c, m, "weight"), a);
    return m;
}

static void theory(void)
{
    static const char *const names[] = {"first", "second", "third", "fourth"};
    dl_tensor *half = dl_zeros(c, DL_SHAPE(8)), *x = dl_randn(c, DL_SHAPE(4, 1)), *y = dl_randn(c, DL_SHAPE(4, 1));
    dl_module *G = dl_model_dcgan_generator(c, .width = 4);
    double value = -dl_item(dl_gan_d_loss(c, half, half));
    int k = 0;
    if (dl_error(c)) return;
    printf("1. Numbers\n");
    expect("value of the game where D = 1/2", value, fabs(value + 1.3862943611) < 1e-6, "-2 log 2 = -1.386");
    value = dl_item(dl_cycle_loss(c, times(4), times(.25f), x, y));
    expect("cycle loss of y = 4 x and x = y / 4", value, value == 0, "0");
    value = dl_item(dl_cycle_loss(c, times(4), times(.5f), x, y));
    expect("    of y = 4 x and x = y / 2", value, value > 0, "more than 0");
    x = dl_forward(c, G->children[0], dl_randn(c, DL_SHAPE(2, 100)));
    dl_module *layers = G->children[1];
    for (int i = 0; i < layers->nchildren; i++) {
        x = dl_forward(c, layers->children[i], x);
        if (i % 3) continue;
        char what[64];
        snprintf(what, sizeof what, "side of the picture after the %s transposed convolution", names[k]);
        expect(what, (double)x->shape[2], x->shape[2] == 4 << k, k == 0 ? "4" : k == 1 ? "8" : k == 2 ? "16" : "32");
        k++;
    }
}

/* --- 2. a ring ---------------------------------------------------------------------------------------- */
enum { MODES = 8, RING_BATCH = 256, RING_NOISE = 4, RING_SAMPLES = 2000 };
static const double spread = .1;

static dl_tensor *ring(int n)                            /* points at distance 2 from the middle */
{
    dl_tensor *x = dl_randn(c, DL_SHAPE(n, 2)), *where = dl_rand(c, DL_SHAPE(n));
    for (int i = 0; i < n && !dl_error(c); i++) {
        double angle = 2 * 3.14159265358979 / MODES * floor(where->data[i] * MODES);
        x->data[2 * i]     = (float)(2 * cos(angle) + spread * x->data[2 * i]);
        x->data[2 * i + 1] = (float)(2 * sin(angle) + spread * x->data[2 * i + 1]);
    }
    return x;
}

/* Modes with half of their share of the samples at least, within 3 standard deviations, where the data have 0.99 of it and an even
   ring 0.38; *good: the share of all within. */
static int covered(const dl_tensor *x, double *good)
{
    int count[MODES] = {0}, n = (int)x->shape[0], modes = 0;
    *good = 0;
    for (int i = 0; i < n; i++)
        for (int k = 0; k < MODES; k++) {
            double angle = 2 * 3.14159265358979 / MODES * k, u = x->data[2 * i] - 2 * cos(angle), v = x->data[2 * i + 1] - 2 * sin(angle);
            if (u * u + v * v < 9 * spread * spread) count[k]++, *good += 1. / n;
        }
    for (int k = 0; k < MODES; k++) modes += count[k] >= n / MODES / 2;
    return modes;
}

static void scatter(const dl_tensor *x, dl_tensor *pictures, int at)
{
    int side = (int)pictures->shape[3];
    for (int i = 0; i < x->shape[0]; i++) {
        int u = (int)((x->data[2 * i] + 3) / 6 * side), v = (int)((x->data[2 * i + 1] + 3) / 6 * side);
        if (u < 0 || v < 0 || u >= side || v >= side) continue;
        float *pixel = &pictures->data[(at * side + v) * side + u];
        *pixel = fminf(1, *pixel + .4f);
    }
}

static dl_module *points_network(int in, int out)
{
    return dl_nn_sequential(c, dl_nn_linear(c, in, 64), dl_nn_leaky_relu(c, .2f), dl_nn_linear(c, 64, 64), dl_nn_leaky_relu(c, .2f),
                            dl_nn_linear(c, 64, out));
}

static void points(void)
{
    static const char *const names[] = {"GAN", "WGAN, weights clipped", "WGAN, gradient penalty"};
    int steps = quick ? 300 : 4000;
    dl_tensor *pictures = dl_keep(c, dl_full(c, DL_SHAPE(4, 1, 128, 128), -1));
    printf("\n2. A ring of %d Gaussians, %d steps of each generator\n%-24s modes  share near one  Frechet distance\n", MODES, steps, "");
    scatter(ring(RING_SAMPLES), pictures, 0);
    for (int kind = 0; kind < 3; kind++) {
        dl_module *G = points_network(RING_NOISE, 2), *D = points_network(2, 1);
        dl_optim *opt_g = dl_optim_adam(c, G, .lr = kind == 1 ? 5e-4 : 1e-3, .beta1 = .5, .beta2 = .9);
        dl_optim *opt_d = dl_optim_adam(c, D, .lr = kind == 1 ? 5e-4 : 1e-3, .beta1 = .5, .beta2 = .9);
        for (int t = 0; t < steps * (kind ? 3 : 1) && !dl_error(c); t++) {
            dl_step_begin(c);
            dl_tensor *x = ring(RING_BATCH), *z = dl_randn(c, DL_SHAPE(RING_BATCH, RING_NOISE));
            if (kind == 0) { adversarial_step(G, D, opt_g, opt_d, x, z, NULL); continue; }
            dl_tensor *fake = dl_forward(c, G, z), *old = dl_detach(c, fake);
            dl_tensor *loss = dl_gan_d_loss(c, dl_forward(c, D, x), dl_forward(c, D, old), .kind = DL_GAN_WASSERSTEIN);
            if (kind == 2) loss = dl_add(c, loss, dl_gradient_penalty(c, D, x, old, .weight = 1));
            dl_backward(c, loss);
            dl_optim_step(c, opt_d);
            if (kind == 1) dl_clip_weights(c, D, .1);
            if (t % 3) continue;                                       /* three steps of the critic for each */
            dl_nn_freeze(D, 1);
            dl_backward(c, dl_gan_g_loss(c, dl_forward(c, D, fake), .kind = DL_GAN_WASSERSTEIN));
            dl_optim_step(c, opt_g);
            dl_nn_freeze(D, 0);
        }
        dl_step_begin(c);
        dl_tensor *x = dl_forward(c, G, dl_randn(c, DL_SHAPE(RING_SAMPLES, RING_NOISE)));
        if (dl_error(c)) return;
        double good, distance = dl_frechet_distance(c, x, ring(RING_SAMPLES));
        int modes = covered(x, &good);
        printf("%-24s %5d  %14.3f  %16.4f\n", names[kind], modes, good, distance);
        if (kind == 2 && !quick) expect("modes that WGAN with gradient penalty covers", modes, modes == MODES, "8");
        if (quick) expect("Frechet distance, 4 for a point in the middle", distance, distance < 2, "< 2");
        scatter(x, pictures, kind + 1);
    }
    puts("  (a mode counts where half of its eighth is within 3 standard deviations of it; the distance sees\n"
         "  means and covariances, not modes: an even ring has those of the data)");
    if (quick) puts("  (so few steps find no modes yet)");
    save(pictures, "ring.pgm", 4, "the data, GAN, WGAN with clipped weights, WGAN with gradient penalty");
}

/* --- 3. digits ---------------------------------------------------------------------------------------- */
enum { LATENT = 64 };
static dl_tensor *to_tanh(dl_tensor *x) { return dl_sub_scalar(c, dl_mul_scalar(c, x, 2), 1); }       /* [0, 1] to [-1, 1] */

static dl_dataset *first_of(dl_dataset *d, int64_t n)
{
    return n < d->size ? dl_data_tensors(c, dl_slice(c, d->inputs, 0, 0, n), dl_slice(c, d->targets, 0, 0, n)) : d;
}

/* n pictures of digits 0, 1, .., 9, 0, ..; with rows > 1 so many of each in a row, all rows of the same noise. */
static dl_tensor *make_digits(dl_module *G, int n, int rows)
{
    dl_tensor *labels = dl_to_int(c, dl_zeros(c, DL_SHAPE(n))), *z = dl_randn(c, DL_SHAPE(n, LATENT)), *y;
    for (int i = 0; i < n && !dl_error(c); i++) {
        labels->idata[i] = rows ? i * rows / n : i % 10;
        if (rows) memcpy(z->data + i * LATENT, z->data + i % (n / rows) * LATENT, LATENT * sizeof *z->data);
    }
    dl_set_training(c, 0);
    y = dl_forward(c, G, dl_join_labels(c, z, labels, 10));
    dl_set_training(c, 1);
    return y;
}

/* The share of pictures (-1 to 1) that the classifier reads as 0, 1, .., 9, 0, .., and its features. */
static double judge(dl_module *classifier, dl_tensor *pictures, dl_tensor **features)
{
    dl_tensor *x = dl_mul_scalar(c, dl_add_scalar(c, pictures, 1), .5f);
    int right = 0, n = (int)x->shape[0], last = classifier->nchildren - 1;
    dl_set_training(c, 0);
    for (int i = 0; i < last; i++) x = dl_forward(c, classifier->children[i], x);
    dl_tensor *guess = dl_argmax(c, dl_forward(c, classifier->children[last], x), .dims = DL_DIM(1));
    dl_set_training(c, 1);
    *features = x;
    if (dl_error(c)) return 0;
    for (int i = 0; i < n; i++) right += guess->idata[i] == i % 10;
    return right / (double)n;
}

/* goal: the share of generated digits that the judge must read as asked for */
static void digits(dl_dataset *train, dl_dataset *test, int epochs, double goal)
{
    int width = quick ? 8 : 32, n = quick ? 500 : 4000;
    dl_module *classifier = dl_nn_sequential(c,
        dl_nn_conv2d(c, 1, 16, 3, .stride = 2, .padding = 1), dl_nn_batchnorm2d(c, 16), dl_nn_relu(c),
        dl_nn_conv2d(c, 16, 32, 3, .stride = 2, .padding = 1), dl_nn_batchnorm2d(c, 32), dl_nn_relu(c),
        dl_nn_flatten(c), dl_nn_linear(c, 32 * 49, 64), dl_nn_relu(c), dl_nn_linear(c, 64, 10));
    dl_module *G = dl_model_dcgan_generator(c, .size = 28, .width = width, .latent = LATENT, .num_classes = 10);
    dl_module *D = dl_model_dcgan_discriminator(c, .size = 28, .width = width, .num_classes = 10);
    dl_optim *opt_g = dl_optim_adam(c, G, .lr = quick ? 1e-3 : 4e-4, .beta1 = .5);
    dl_optim *opt_d = dl_optim_adam(c, D, .lr = quick ? 1e-3 : 2e-4, .beta1 = .5);
    dl_ema *mean = dl_ema_create(c, G, .decay = quick ? .9 : .998);
    dl_loader *batches = dl_loader_create(c, train, .batch_size = quick ? 50 : 100, .shuffle = 1, .drop_last = 1);
    dl_tensor *real, *features;
    double distance = 0, accuracy = 0, start, floor_distance;

    if (dl_error(c)) return;
    printf("\n3. Digits: conditional DCGAN, generator %d weights, discriminator %d\n", (int)dl_param_count(G), (int)dl_param_count(D));
    dl_fit(c, classifier, dl_optim_adam(c, classifier), train, .epochs = 2, .batch_size = 100, .quiet = 1);
    printf("the judge's accuracy on real digits: %.4f\n", dl_evaluate(c, classifier, test).accuracy);
    dl_step_begin(c);
    judge(classifier, to_tanh(first_of(train, n)->inputs), &features);
    real = dl_keep(c, features);
    judge(classifier, to_tanh(dl_slice(c, train->inputs, 0, n, 2 * n)), &features);
    floor_distance = dl_frechet_distance(c, features, real);
    judge(classifier, make_digits(G, n, 0), &features);
    start = dl_frechet_distance(c, features, real);
    if (dl_error(c)) return;
    printf("Frechet distance to real features: %.2f of other real digits, %.1f at the start\n", floor_distance, start);
    for (int epoch = 0; epoch < epochs && !dl_error(c); epoch++) {
        while (dl_next_batch(c, batches)) {
            adversarial_step(G, D, opt_g, opt_d, to_tanh(batches->input), dl_randn(c, DL_SHAPE(batches->batch_size, LATENT)), batches->target);
            dl_ema_update(c, mean);
        }
        dl_step_begin(c);
        dl_ema_swap(c, mean);                                          /* the mean of the last weights draws better */
        accuracy = judge(classifier, make_digits(G, n, 0), &features);
        distance = dl_frechet_distance(c, features, real);
        printf("epoch %2d  Frechet distance %7.2f  read as asked for %.4f\n", epoch + 1, distance, accuracy);
        fflush(stdout);
        save(make_digits(G, 100, 10), "digits.pgm", 10, "a row for each class, a column for each noise");
        dl_ema_swap(c, mean);
    }
    if (dl_error(c)) return;
    expect("Frechet distance, share of that at the start", distance / start, distance < start / (quick ? 1.5 : 10), quick ? "< 2/3" : "< 0.1");
    if (!quick) expect("generated digits read as what was asked for", accuracy, accuracy > goal, goal > .9 ? "> 0.95" : "> 0.6");
}

/* --- 4. from one kind of picture to another ------------------------------------------------------------ */
static const float paper[3] = {.94f, .86f, .62f}, ink[3] = {.12f, .18f, .55f};

static dl_tensor *inked(dl_tensor *x)                    /* the true map, (N, 1, H, W) -> (N, 3, H, W), [-1, 1]: for data and judgement only */
{
    dl_tensor *parts[3];
    for (int k = 0; k < 3; k++) parts[k] = dl_add_scalar(c, dl_mul_scalar(c, x, ink[k] - paper[k]), ink[k] + paper[k] - 1);
    return dl_cat(c, 3, parts, 1);
}

/* Weights begin small, as in the paper: the colours are then the discriminator's choice before the way back depends on them. */
static dl_module *small_weights(dl_module *m)
{
    for (int i = 0; dl_module_at(m, i, NULL, 0); i++) {
        dl_tensor *w = dl_module_at(m, i, NULL, 0)->tensor;
        if (w->ndim == 4) dl_init_normal(c, w, 0, .02f);
    }
    return m;
}
/* It sees 3 x 3 pixels, no more: with a wider view it warps the digits and its partner unwarps them, which no loss notices. */
static dl_module *translator(int in, int out)
{
    return small_weights(dl_nn_sequential(c,
        dl_nn_conv2d(c, in, 16, 3, .padding = 1), dl_nn_instancenorm2d(c, 16, .affine = 1), dl_nn_relu(c),
        dl_nn_conv2d(c, 16, 16, 1), dl_nn_instancenorm2d(c, 16, .affine = 1), dl_nn_relu(c),
        dl_nn_conv2d(c, 16, out, 1), dl_nn_tanh(c)));
}
static dl_module *patches(int in)                        /* says of every patch whether it is real */
{
    return dl_nn_sequential(c, dl_nn_conv2d(c, in, 16, 4, .stride = 2, .padding = 1), dl_nn_leaky_relu(c, .2f),
                            dl_nn_conv2d(c, 16, 32, 4, .stride = 2, .padding = 1), dl_nn_leaky_relu(c, .2f), dl_nn_conv2d(c, 32, 1, 3, .padding = 1));
}

static void cycle(dl_dataset *train, dl_dataset *test)
{
    int steps = quick ? 20 : 600, batch = quick ? 8 : 32, t = 0;
    dl_module *G = translator(1, 3), *F = translator(3, 1), *Dy = patches(3), *Dx = patches(1);
    dl_module *both = dl_nn_sequential(c, G, F), *judges = dl_nn_sequential(c, Dy, Dx);
    dl_optim *opt_g = dl_optim_adam(c, both, .lr = 1e-3, .beta1 = .5), *opt_d = dl_optim_adam(c, judges, .lr = 1e-3, .beta1 = .5);
    dl_loader *xs = dl_loader_create(c, train, .batch_size = 2 * batch, .shuffle = 1, .drop_last = 1);
    double first = 0, last = 0;
    printf("\n4. White digits to inked ones and back, without pairs: %d weights\n", (int)dl_param_count(both));
    for (; t < steps && !dl_error(c); t++) {
        dl_tensor *x, *y, *fake_x, *fake_y, *loss;
        if (!dl_next_batch(c, xs) && !dl_next_batch(c, xs)) break;
        x = to_tanh(dl_slice(c, xs->input, 0, 0, batch));              /* other digits than those of y */
        y = inked(to_tanh(dl_slice(c, xs->input, 0, batch, 2 * batch)));
        dl_nn_freeze(judges, 1);
        loss = dl_cycle_loss(c, G, F, x, y, .fake_y = &fake_y, .fake_x = &fake_x);
        last = dl_item(loss);
        if (t == 0) first = last;
        loss = dl_add(c, dl_mul_scalar(c, loss, 5), dl_gan_g_loss(c, dl_forward(c, Dy, fake_y), .kind = DL_GAN_LEAST_SQUARES));
        loss = dl_add(c, loss, dl_gan_g_loss(c, dl_forward(c, Dx, fake_x), .kind = DL_GAN_LEAST_SQUARES));
        dl_backward(c, loss);
        dl_optim_step(c, opt_g);
        dl_nn_freeze(judges, 0);
        loss = dl_gan_d_loss(c, dl_forward(c, Dy, y), dl_forward(c, Dy, dl_detach(c, fake_y)), .kind = DL_GAN_LEAST_SQUARES);
        dl_backward(c, dl_add(c, loss, dl_gan_d_loss(c, dl_forward(c, Dx, x), dl_forward(c, Dx, dl_detach(c, fake_x)), .kind = DL_GAN_LEAST_SQUARES)));
        dl_optim_step(c, opt_d);
    }
    dl_step_begin(c);
    dl_set_grad_enabled(c, 0);
    dl_tensor *x = to_tanh(first_of(test, 200)->inputs), *y = inked(x), *made = dl_forward(c, G, x), *back = dl_forward(c, F, made);
    double error = dl_item(dl_l1_loss(c, made, y)) / 2, round = dl_item(dl_l1_loss(c, back, x)) / 2;
    dl_tensor *rows[4] = {dl_expand(c, dl_slice(c, x, 0, 0, 10), DL_SHAPE(10, 3, 28, 28)), dl_slice(c, made, 0, 0, 10),
                          dl_expand(c, dl_slice(c, back, 0, 0, 10), DL_SHAPE(10, 3, 28, 28)), dl_slice(c, y, 0, 0, 10)};
    save(dl_cat(c, 4, rows, 0), "cycle.ppm", 10, "rows are white digits, inked, white again, the truth");
    dl_set_grad_enabled(c, 1);
    if (dl_error(c)) return;
    expect("cycle loss, share of the first", last / first, last / first < (quick ? .9 : .3), quick ? "< 0.9" : "< 0.3");
    expect("mean error of the way there and back, colours from 0 to 1", round, round < (quick ? .45 : .05), quick ? "< 0.45" : "< 0.05");
    expect("    of the inked digits against the truth it never saw", error, error < (quick ? .35 : .07), quick ? "< 0.35" : "< 0.07");
}

int main(int argc, char **argv)
{
    const char *folder = NULL;
    int epochs = 0, threads = 0, seed = 1, part = 0;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--data"))    folder = value, i++;
        else if (!strcmp(argv[i], "--out"))     directory = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--part"))    part = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "gan: unknown option %s\n%s", argv[i], help), 2;
    }
    if (part && (part < 2 || part > 4)) return fprintf(stderr, "gan: --part %d, expected 2, 3 or 4\n%s", part, help), 2;
    if (epochs <= 0) epochs = quick ? 2 : 8;

    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);                                  /* lines as they come, in a pipe too */
    dl_dataset *train = NULL, *test = NULL;
    if (!part || part > 2) {
        train = folder ? dl_data_mnist(c, folder, .train = 1) : dl_data_drawn_digits(c, quick ? 1500 : 60000, 1);
        test = folder ? dl_data_mnist(c, folder) : dl_data_drawn_digits(c, quick ? 500 : 5000, 2);
    }
    if (!dl_error(c)) theory();
    if (!dl_error(c) && (!part || part == 2)) points();
    if (!dl_error(c) && (!part || part == 3)) digits(quick ? first_of(train, 1500) : train, test, epochs, folder ? .95 : .6);
    if (!dl_error(c) && (!part || part == 4)) cycle(train, test);
    if (dl_error(c)) { fprintf(stderr, "gan: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
