/* generate.c: eight ways to learn what digits look like; six of them make new ones.

       cc -O2 -fopenmp examples/generate.c -o generate -lm
       ./generate --data data/mnist --model vae
       ./generate --help

   autoregressive  pixel by pixel, a logistic regression on the pixels before it (Frey 1998)            exact likelihood
   nade            the same with hidden units that share their weights (Larochelle and Murray 2011)     exact likelihood
   pixelcnn        the same with masked convolutions (van den Oord et al. 2016)                         exact likelihood
   autoencoder     through a code of 32 numbers and back                                                squared error
   denoising       the clean digit from a noisy one (Vincent et al. 2008)                               squared error
   vae             a code with a distribution of its own (Kingma and Welling 2014)                      a bound of the likelihood
   flow            RealNVP, an invertible map of the pixels to noise (Dinh et al. 2017)                 exact density
   ddpm            removes a little noise many times (Ho et al. 2020; Song et al. 2021)                 error of the noise

   Without --model all eight are trained, one after the other, which takes most of an hour on one core.
   The first three and the vae see black and white pixels.  Nats are -log p(x) of a test picture, to be compared with those of
   independent pixels.  The distance is Frechet's between real test digits and generated ones, in the features of a small
   classifier; those of other real digits and of pure noise say what is good and what is bad.  Pictures go to generate_MODEL.pgm.

   On MNIST, where other real digits have a distance of 16 and noise has 802, with one core's time in minutes:
       pixelcnn  59.5 nats (independent pixels 205.9), distance  37,  6      flow  2.04 bits a pixel, distance 284,  7
       ddpm      error of the noise .040,              distance  25,  9 */
#define _POSIX_C_SOURCE 199309L
#define DL_MODELS
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: generate [options]\n"
    "  --model NAME   autoregressive, nade, pixelcnn, autoencoder, denoising, vae, flow, ddpm or all; all,\n"
    "                 one after the other: most of an hour on one core\n"
    "  --data DIR     folder with the MNIST files; without it: digits drawn by code\n"
    "  --out DIR      where the pictures go, the current folder\n"
    "  --epochs N     instead of each model's own number\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        small pictures, less data, small networks: a test of the program\n";

static dl_ctx *c;
static dl_dataset *train_set, *test_set;
static dl_module *features, *net;                            /* of the Frechet distance; the model at work */
static dl_ddpm *schedule;
static dl_tensor *before;                                    /* of the autoregressive model: 1 where a weight may be */
static const char *folder = ".";
static int side = 28, pixels = 784, quick, seed = 1;
static double independent;                                   /* nats of independent pixels */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static dl_tensor *bits(dl_tensor *x) { return dl_gt(c, x, dl_scalar(c, .5f)); }          /* black and white */
static dl_tensor *flat(dl_tensor *x) { return dl_flatten(c, x, 1, -1); }
static dl_tensor *image(dl_tensor *x) { return dl_reshape(c, x, DL_SHAPE(-1, 1, side, side)); }
static dl_tensor *per_image(dl_tensor *sum, dl_tensor *x) { return dl_div_scalar(c, sum, (float)x->shape[0]); }

/* --- autoregressive:  p(x_i = 1 given x_<i) = sigmoid(b_i + sum over j < i of W_ij x_j) --------------------------- */
static dl_module *make_autoregressive(void)
{
    before = dl_keep(c, dl_zeros(c, DL_SHAPE(pixels, pixels)));
    for (int i = 0; i < pixels && !dl_error(c); i++) for (int j = 0; j < i; j++) before->data[i * pixels + j] = 1;
    dl_module *m = dl_nn_linear(c, pixels, pixels);
    dl_init_zeros(c, dl_module_get(c, m, "weight"));
    return m;
}
static dl_tensor *loss_autoregressive(dl_tensor *x)
{
    dl_tensor *w = dl_mul(c, dl_module_get(c, net, "weight"), before);
    x = flat(bits(x));
    return per_image(dl_bce_with_logits(c, dl_linear(c, x, w, dl_module_get(c, net, "bias")), x, .reduction = DL_SUM), x);
}
static dl_tensor *sample_autoregressive(int n)
{
    dl_tensor *x = dl_zeros(c, DL_SHAPE(n, pixels)), *w = dl_mul(c, dl_module_get(c, net, "weight"), before);
    for (int i = 0; i < pixels && !dl_error(c); i++) {
        dl_tensor *logit = dl_linear(c, x, dl_slice(c, w, 0, i, i + 1), dl_slice(c, dl_module_get(c, net, "bias"), 0, i, i + 1));
        dl_tensor *bit = dl_bernoulli(c, dl_sigmoid(c, logit));
        for (int k = 0; k < n && !dl_error(c); k++) x->data[k * pixels + i] = bit->data[k];
    }
    return image(x);
}

/* --- NADE --------------------------------------------------------------------------------------------------------- */
static dl_module *make_nade(void) { return dl_model_nade(c, pixels, quick ? 32 : 256); }
static dl_tensor *loss_nade(dl_tensor *x)
{
    x = flat(bits(x));
    return per_image(dl_bce_with_logits(c, dl_forward(c, net, x), x, .reduction = DL_SUM), x);
}
static dl_tensor *sample_nade(int n) { return image(dl_model_nade_sample(c, net, n)); }

/* --- PixelCNN ----------------------------------------------------------------------------------------------------- */
static dl_module *make_pixelcnn(void) { return dl_model_pixelcnn(c, .width = quick ? 16 : 64, .blocks = quick ? 3 : 12); }
static dl_tensor *loss_pixelcnn(dl_tensor *x)
{
    x = bits(x);
    dl_tensor *target = dl_to_int(c, dl_squeeze(c, x, DL_DIM(1)));
    return per_image(dl_cross_entropy2d(c, dl_forward(c, net, x), target, .reduction = DL_SUM), x);
}
static dl_tensor *sample_pixelcnn(int n) { return dl_model_pixelcnn_sample(c, net, n, side, side); }

/* --- autoencoders: their pictures are test digits, above what they make of them ----------------------------------- */
static dl_tensor *noisy(dl_tensor *x)
{
    return dl_clamp(c, dl_add(c, x, dl_mul_scalar(c, dl_randn(c, DL_SHAPE(x->shape[0], 1, side, side)), .5f)), 0, 1);
}
static dl_module *make_autoencoder(void)
{
    return dl_model_autoencoder(c, DL_SHAPE(1, side, side), quick ? 8 : 32, .hidden = quick ? 8 : 16);
}
static dl_tensor *loss_autoencoder(dl_tensor *x) { return dl_mse_loss(c, dl_forward(c, net, x), x); }
static dl_tensor *loss_denoising(dl_tensor *x)   { return dl_mse_loss(c, dl_forward(c, net, noisy(x)), x); }
static dl_tensor *sample_autoencoder(int n) { return dl_forward(c, net, dl_slice(c, test_set->inputs, 0, 0, n)); }
static dl_tensor *sample_denoising(int n)   { return dl_forward(c, net, noisy(dl_slice(c, test_set->inputs, 0, 0, n))); }

/* --- variational autoencoder -------------------------------------------------------------------------------------- */
static dl_module *make_vae(void) { return dl_model_vae(c, DL_SHAPE(1, side, side), quick ? 4 : 16, .hidden = quick ? 8 : 32); }
static dl_tensor *loss_vae(dl_tensor *x) { return dl_model_vae_loss(c, net, bits(x)); }
static dl_tensor *sample_vae(int n) { return dl_sigmoid(c, dl_model_decode(c, net, dl_randn(c, DL_SHAPE(n, quick ? 4 : 16)))); }

/* --- RealNVP of z = logit(y),  y = a + (1 - 2 a) u,  u = (255 x + noise) / 256 in (0, 1) --------------------------------------
   -log p(x) <= -log p(z) - sum log(dz/du) + n log 256,  dz/du = (1 - 2 a) / (y (1 - y)) */
#define MARGIN .05f
static dl_module *make_flow(void) { return dl_model_realnvp(c, pixels, .layers = quick ? 4 : 8, .hidden = quick ? 48 : 512); }
static dl_tensor *loss_flow(dl_tensor *x)
{
    dl_tensor *u = dl_div_scalar(c, dl_add(c, dl_mul_scalar(c, flat(x), 255), dl_rand(c, DL_SHAPE(x->shape[0], pixels))), 256);
    dl_tensor *y = dl_add_scalar(c, dl_mul_scalar(c, u, 1 - 2 * MARGIN), MARGIN), *rest = dl_rsub_scalar(c, y, 1);
    dl_tensor *slope = dl_sum(c, dl_log(c, dl_mul(c, y, rest)));       /* minus sum log(dz/du), but for (1 - 2 a) */
    dl_tensor *log_p = dl_model_realnvp_log_prob(c, net, dl_sub(c, dl_log(c, y), dl_log(c, rest)));
    return dl_add_scalar(c, per_image(dl_sub(c, slope, dl_sum(c, log_p)), x), (float)(pixels * (log(256) - log(1 - 2 * MARGIN))));
}
static dl_tensor *sample_flow(int n)
{
    dl_tensor *z = dl_model_realnvp_forward(c, net, dl_randn(c, DL_SHAPE(n, pixels)), .inverse = 1);
    return image(dl_clamp(c, dl_div_scalar(c, dl_sub_scalar(c, dl_sigmoid(c, z), MARGIN), 1 - 2 * MARGIN), 0, 1));
}

/* --- diffusion, of pixels in [-1, 1] ------------------------------------------------------------------------------ */
enum { STEPS = 1000 };
static dl_module *make_ddpm(void)
{
    schedule = dl_ddpm_schedule(c, STEPS, .cosine = 1);
    return dl_model_unet_ddpm(c, .width = quick ? 8 : 24);
}
static dl_tensor *loss_ddpm(dl_tensor *x)
{
    const int64_t n = x->shape[0];
    dl_tensor *t = dl_to_int(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(n)), STEPS)), *e = dl_randn(c, DL_SHAPE(n, 1, side, side));
    x = dl_ddpm_noise(c, schedule, dl_sub_scalar(c, dl_mul_scalar(c, x, 2), 1), t, e);
    return dl_mse_loss(c, dl_model_unet_ddpm_forward(c, net, x, t), e);
}
static dl_tensor *sample_ddpm(int n)                         /* every 20th step */
{
    dl_tensor *x = dl_keep(c, dl_randn(c, DL_SHAPE(n, 1, side, side)));
    const int stride = 20;
    for (int t = STEPS - 1; t >= 0 && !dl_error(c); t -= stride) {
        dl_step_begin(c);
        dl_tensor *time = dl_to_int(c, dl_full(c, DL_SHAPE(n), (float)t)), *e = dl_model_unet_ddpm_forward(c, net, x, time);
        dl_tensor *y = dl_ddim_step(c, schedule, x, e, t, t >= stride ? t - stride : -1, .eta = 1, .clip = 1);
        dl_copy(c, x, y);
    }
    return dl_mul_scalar(c, dl_add_scalar(c, x, 1), .5f);
}

/* --- what they have in common ------------------------------------------------------------------------------------- */
enum { NATS, DENSITY, SQUARED_ERROR, NOISE_ERROR };
typedef struct {
    const char *name;
    dl_module *(*make)(void);
    dl_tensor *(*loss)(dl_tensor *x);                        /* the mean over a batch of what is measured */
    dl_tensor *(*sample)(int n);
    int         measure, batch, epochs, quick_epochs;
    double      lr, goal, quick_goal;                        /* goal: share of the nats of independent pixels; bits a pixel; errors */
} model;

static const model models[] = {
    {"autoregressive", make_autoregressive, loss_autoregressive, sample_autoregressive, NATS,          64, 6, 8, 1e-2, .70, .95},
    {"nade",           make_nade,           loss_nade,           sample_nade,           NATS,          64, 6, 6, 4e-3, .45, .95},
    {"pixelcnn",       make_pixelcnn,       loss_pixelcnn,       sample_pixelcnn,       NATS,          16, 1, 4, 3e-3, .31, .95},
    {"autoencoder",    make_autoencoder,    loss_autoencoder,    sample_autoencoder,    SQUARED_ERROR, 64, 5, 6, 2e-3, .02, .02},
    {"denoising",      make_autoencoder,    loss_denoising,      sample_denoising,      SQUARED_ERROR, 64, 5, 6, 2e-3, .03, .03},
    {"vae",            make_vae,            loss_vae,            sample_vae,            NATS,          64, 8, 8, 2e-3, .70, .95},
    {"flow",           make_flow,           loss_flow,           sample_flow,           DENSITY,      64, 10, 6, 5e-4, 2.7, 6.0},
    {"ddpm",           make_ddpm,           loss_ddpm,           sample_ddpm,           NOISE_ERROR,   64, 3, 4, 2e-3, .06, .16},
};
enum { MODELS = sizeof models / sizeof *models };

/* The loss on the test set, without training. */
static double measured(dl_tensor *(*loss)(dl_tensor *x), int64_t n)
{
    dl_loader *batches = dl_loader_create(c, test_set, .batch_size = 100);
    double sum = 0;
    int64_t seen = 0;
    const int grad = dl_set_grad_enabled(c, 0);
    while (seen < n && dl_next_batch(c, batches)) {
        sum += dl_item(loss(batches->input)) * (double)batches->input->shape[0];
        seen += batches->input->shape[0];
    }
    dl_set_grad_enabled(c, grad);
    return seen ? sum / (double)seen : NAN;
}

static void train(const model *m, int epochs, double lr)
{
    dl_optim *opt = dl_optim_adam(c, net, .lr = lr);
    dl_loader *batches = dl_loader_create(c, train_set, .batch_size = quick ? 32 : m->batch, .shuffle = 1, .drop_last = 1);
    const double begin = now();
    printf("\n%s: %d parameters\n", m->name, (int)dl_param_count(net));
    for (int epoch = 0; epoch < epochs && !dl_error(c); epoch++) {
        double sum = 0;
        while (dl_next_batch(c, batches)) {
            double done = (epoch + (double)batches->index / (double)batches->batches) / epochs;
            dl_optim_set_lr(opt, lr * (done < .05 ? done / .05 + 1e-3 : (1 - done) / .95));     /* warm up, then down to 0 */
            dl_tensor *l = m->loss(batches->input);
            dl_backward(c, l);
            dl_clip_grad_norm(c, net, 200);
            dl_optim_step(c, opt);
            sum += dl_item(l);
        }
        printf("  epoch %2d  loss %.4f  %.1f s\n", epoch + 1, sum / (double)batches->batches, now() - begin);
        fflush(stdout);
    }
}

/* nats of bits that know nothing of each other: each has its own probability */
static double nats_of_independent_pixels(void)
{
    dl_tensor *p = dl_mean(c, bits(train_set->inputs), .dims = DL_DIM(0));
    dl_tensor *q = dl_mean(c, bits(test_set->inputs), .dims = DL_DIM(0));
    double sum = 0;
    for (int i = 0; i < pixels && !dl_error(c); i++) {
        double pi = p->data[i] < 1e-4f ? 1e-4 : (double)p->data[i], qi = (double)q->data[i];
        sum -= qi * log(pi) + (1 - qi) * log(1 - pi);
    }
    return sum;
}

/* A classifier whose 32 numbers before the last layer say what a picture looks like. */
static void learn_features(void)
{
    dl_module *body = dl_nn_sequential(c, dl_nn_conv2d(c, 1, 16, 3, .stride = 2, .padding = 1), dl_nn_relu(c),
        dl_nn_conv2d(c, 16, 32, 3, .stride = 2, .padding = 1), dl_nn_relu(c), dl_nn_flatten(c),
        dl_nn_linear(c, 32 * ((side + 3) / 4) * ((side + 3) / 4), 32), dl_nn_relu(c));
    dl_module *classifier = dl_nn_sequential(c, body, dl_nn_linear(c, 32, 10));
    dl_fit(c, classifier, dl_optim_adam(c, classifier, .lr = 2e-3), train_set, .epochs = quick ? 6 : 2, .quiet = 1);
    printf("a classifier for the Frechet distance: accuracy %.4f\n", dl_evaluate(c, classifier, test_set).accuracy);
    features = body;
}

/* Of x to every second test digit. */
static double frechet(dl_tensor *x)
{
    dl_tensor *real = dl_slice(c, test_set->inputs, 0, 1, test_set->size, .step = 2);
    return dl_frechet_distance(c, dl_forward(c, features, real), dl_forward(c, features, x));
}

static int wrong;
static void expect_below(const char *what, double is, double goal)
{
    const int off = !(is < goal);
    printf("  %-52s %9.4f  expected below %.4f%s\n", what, is, goal, off ? "  <-- OFF" : "");
    wrong += off;
}

static double of_noise;
static void reference_distances(int n)
{
    double of_others = frechet(dl_slice(c, test_set->inputs, 0, 0, 2 * n, .step = 2));
    of_noise = frechet(dl_rand(c, DL_SHAPE(n, 1, side, side)));
    printf("Frechet distance of %d other real digits %.2f, of noise %.2f\n", n, of_others, of_noise);
    fflush(stdout);
}

static void run(const model *m, int epochs, int n)
{
    char path[1024];
    const double begin = now(), goal = quick ? m->quick_goal : m->goal;
    dl_manual_seed(c, (uint64_t)seed);
    net = m->make();
    train(m, epochs, quick ? 3 * m->lr : m->lr);
    dl_set_training(c, 0);
    const double loss = measured(m->loss, 2000);
    if (m->measure == NATS) {
        printf("  %.2f nats per picture, %.4f bits per pixel; independent pixels: %.2f nats\n", loss, loss / pixels / log(2),
               independent);
        expect_below("share of the nats of independent pixels", loss / independent, goal);
    } else if (m->measure == DENSITY) expect_below("bits per pixel, of 8", loss / pixels / log(2), goal);
    else if (m->measure == NOISE_ERROR) expect_below("mean squared error of the noise, whose variance is 1", loss, goal);
    else expect_below("mean squared error of a pixel", loss, goal);

    const int grad = dl_set_grad_enabled(c, 0);
    dl_step_begin(c);
    const double drawing = now();
    dl_tensor *x = dl_keep(c, m->sample(n));
    printf("  %d pictures in %.1f s, %.1f s in all\n", n, now() - drawing, now() - begin);
    if (!dl_error(c)) {
        dl_tensor *shown = dl_slice(c, x, 0, 0, 80);
        if (m->measure == SQUARED_ERROR) {                   /* rows in turn: what went in, what came out */
            dl_tensor *row[2], *in = dl_slice(c, test_set->inputs, 0, 0, 40);
            if (m->loss == loss_denoising) in = noisy(in);
            row[0] = dl_reshape(c, in, DL_SHAPE(4, 10, pixels));
            row[1] = dl_reshape(c, dl_forward(c, net, in), DL_SHAPE(4, 10, pixels));
            shown = image(dl_stack(c, 2, row, 1));
        }
        /* a dense flow does not know which pixels are neighbours: a good density, grainy pictures */
        expect_below("Frechet distance to real digits", frechet(x), m->measure == DENSITY ? of_noise : of_noise / 4);
        snprintf(path, sizeof path, "%s/generate_%s.pgm", folder, m->name);
        if (dl_image_save_grid(c, shown, path, .nrow = 10))
            printf("  wrote %s%s\n", path, m->measure == SQUARED_ERROR ? ": rows in turn, what went in and what came out" : "");
        else { printf("  no picture: %s  <-- OFF\n", dl_error(c)); dl_clear_error(c); wrong++; }
    }
    dl_set_grad_enabled(c, grad);
    dl_set_training(c, 1);
}

/* For --quick: pictures of 12 x 12 pixels. */
static dl_dataset *smaller(dl_dataset *d)
{
    return dl_data_tensors(c, dl_interpolate(c, d->inputs, .size = {12, 12}, .mode = DL_AREA), d->targets);
}

int main(int argc, char **argv)
{
    const char *name = NULL, *data = NULL;
    int epochs = 0, threads = 0, found = 0;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--model"))   name = value, i++;
        else if (!strcmp(argv[i], "--data"))    data = value, i++;
        else if (!strcmp(argv[i], "--out"))     folder = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "generate: unknown option %s\n%s", argv[i], help), 2;
    }
    for (int i = 0; i < MODELS; i++) {
        char path[1024];
        if (name && strcmp(name, "all") && strcmp(name, models[i].name)) continue;
        found = 1;
        snprintf(path, sizeof path, "%s/generate_%s.pgm", folder, models[i].name);
        FILE *f = fopen(path, "ab");                         /* an error now, not after the training */
        if (!f) return fprintf(stderr, "generate: cannot write %s\n", path), 1;
        fseek(f, 0, SEEK_END);
        const int empty = ftell(f) == 0;
        fclose(f);
        if (empty) remove(path);                             /* it was not there */
    }
    if (!found) return fprintf(stderr, "generate: no model is called %s\n%s", name, help), 2;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    train_set = data ? dl_data_mnist(c, data, .train = 1) : dl_data_drawn_digits(c, quick ? 2000 : 60000, 1);
    test_set  = data ? dl_data_mnist(c, data)             : dl_data_drawn_digits(c, quick ? 400 : 10000, 2);
    if (quick) {
        side = 12;
        pixels = side * side;
        train_set = smaller(train_set);
        test_set = smaller(test_set);
    }
    if (dl_error(c)) return fprintf(stderr, "generate: %s\n", dl_error(c)), 1;
    learn_features();
    dl_set_training(c, 0);
    const int n = quick ? 100 : 250;
    independent = nats_of_independent_pixels();
    reference_distances(n);
    dl_set_training(c, 1);
    for (int i = 0; i < MODELS && !dl_error(c); i++)
        if (!name || !strcmp(name, "all") || !strcmp(name, models[i].name))
            run(&models[i], epochs > 0 ? epochs : quick ? models[i].quick_epochs : models[i].epochs, n);
    if (dl_error(c)) { fprintf(stderr, "generate: %s\n", dl_error(c)); wrong++; }
    dl_destroy(c);
    printf(wrong ? "\nnumbers off: %d\n" : "\nall numbers are as expected\n", wrong);
    return wrong != 0;
}
