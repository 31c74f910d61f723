/* save_load.c: weights into a file and back; a training run that stops and goes on with the same bits.

       cc -O2 -fopenmp examples/save_load.c -o save_load
       ./save_load
       ./save_load --help

   1. dl_save, dl_load: the weights of a network as a safetensors file, with the names that PyTorch gives them
      (in Python: net.load_state_dict(safetensors.torch.load_file("save_load.safetensors")), and back)
   2. dl_load with .prefix and .rename: the same weights for a network with other names
   3. dl_checkpoint_save, dl_checkpoint_load: weights, optimizer, schedule, order of the data, random numbers.  A run of 2 n
      epochs, and one of n epochs that is thrown away and goes on from its file, end with equal bits
   4. the same by dl_fit with .checkpoint and .resume; with --interrupt Ctrl-C finishes the step and saves */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: save_load [options]\n"
    "  --epochs N     before and after the break, 2\n"
    "  --out DIR      where the files go, the current folder\n"
    "  --interrupt    train long enough to be stopped by Ctrl-C; started again, it goes on\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        less data: a test of the program\n";

static int wrong, epochs, threads;
static uint64_t seed = 1;
static char weights[512], checkpoint[512], fitted[512];

/* Everything that a training consists of; the same calls make the same parts. */
typedef struct {
    dl_ctx *c;
    dl_dataset *data;
    dl_module *net;
    dl_optim *opt;
    dl_schedule *schedule;
    dl_loader *batches;
} training;

static dl_module *make_net(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_conv2d(c, 1, 8, 3, .stride = 2), dl_nn_batchnorm2d(c, 8), dl_nn_relu(c),
                            dl_nn_max_pool2d(c, 2), dl_nn_flatten(c), dl_nn_dropout(c, .2f), dl_nn_linear(c, 288, 10));
}

static training start(int samples)
{
    training t;
    t.c = dl_create(.seed = seed, .threads = threads);
    t.data = dl_data_drawn_digits(t.c, samples, 1);
    t.net = make_net(t.c);
    t.opt = dl_optim_adamw(t.c, t.net, .lr = 5e-3f);
    t.schedule = dl_lr_cosine(t.c, t.opt, 2 * epochs * (samples / 50));
    t.batches = dl_loader_create(t.c, t.data, .batch_size = 50, .shuffle = 1);
    return t;
}

static void train(training *t, int n)
{
    for (int epoch = 0; epoch < n && !dl_error(t->c); epoch++)
        while (dl_next_batch(t->c, t->batches)) {
            dl_backward(t->c, dl_cross_entropy(t->c, dl_forward(t->c, t->net, t->batches->input), t->batches->target));
            dl_optim_step(t->c, t->opt);
            dl_schedule_step(t->c, t->schedule);
        }
}

static int equal(dl_module *a, dl_module *b)                   /* all parameters and buffers, bit for bit */
{
    dl_param *p, *q;
    for (int i = 0; (p = dl_module_at(a, i, NULL, 0)) != NULL; i++) {
        q = dl_module_at(b, i, NULL, 0);
        if (!q || memcmp(p->tensor->data, q->tensor->data, (size_t)p->tensor->size * sizeof(dl_real))) return 0;
    }
    return 1;
}

static void check(dl_ctx *c)                                   /* an error is the end */
{
    if (dl_error(c)) { fprintf(stderr, "save_load: %s\n", dl_error(c)); exit(1); }
}

static void expect(dl_ctx *c, const char *what, int ok)
{
    check(c);
    printf("%-72s %s\n", what, ok ? "yes" : "NO  <-- OFF");
    wrong += !ok;
}

static const char *old_name(const char *name, void *user)      /* the file says body.0.weight, the network 0.weight */
{
    (void)user;
    return strncmp(name, "body.", 5) ? NULL : name + 5;
}

static void files(training *t)
{
    dl_ctx *c = t->c;
    dl_module *copy = make_net(c), *outer = dl_nn_sequential_with(c, NULL, 0), *twin;
    expect(c, "saved", dl_save(c, t->net, weights));
    printf("wrote %s\n", weights);
    dl_archive *a = dl_load_tensors(c, weights);
    for (int64_t i = 0; i < a->size && !dl_error(c); i++)
        printf("    %-24s %8d numbers\n", a->item[i].name, (int)a->item[i].tensor->size);
    expect(c, "a new network has other weights", !equal(t->net, copy));
    expect(c, "loaded: they are the same, bit for bit", dl_load(c, copy, weights) && equal(t->net, copy));

    dl_module_add(c, outer, "body", t->net);                   /* now every name begins with body. */
    copy = make_net(c);
    expect(c, "saved as part of a larger network", dl_save(c, outer, weights));
    expect(c, "loaded by .prefix", dl_load(c, copy, weights, .prefix = "body.") && equal(t->net, copy));
    copy = make_net(c);
    expect(c, "loaded by .rename", dl_load(c, copy, weights, .rename = old_name) && equal(t->net, copy));

    /* The names do not fit: an error, and nothing is touched.  Two networks with equal weights, not
       the file's: what one of them loads, and be it a part, would show against the other. */
    dl_manual_seed(c, seed + 1);
    copy = make_net(c);
    dl_manual_seed(c, seed + 1);
    twin = make_net(c);
    expect(c, "two new networks, alike, unlike the file", equal(copy, twin) && !equal(copy, t->net));
    dl_load(c, copy, weights);
    int refused = dl_error(c) != NULL;
    printf("without either:\n");
    for (const char *text = dl_error(c); text && *text; text += strlen(text) < 90 ? strlen(text) : 90) printf("    %.90s\n", text);
    dl_clear_error(c);
    expect(c, "names that do not fit are an error, the weights as they were", refused && equal(copy, twin));
    expect(c, "saved again with the names above", dl_save(c, t->net, weights));
}

int main(int argc, char **argv)
{
    const char *out = ".";
    int quick = 0, interrupt = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))     quick = 1;
        else if (!strcmp(argv[i], "--interrupt")) interrupt = 1;
        else if (!strcmp(argv[i], "--help"))      return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))       out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))    epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads"))   threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))      seed = (uint64_t)atoi(value), i++;
        else return fprintf(stderr, "save_load: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = 2;
    int samples = quick ? 500 : 5000;
    snprintf(weights, sizeof weights, "%s/save_load.safetensors", out);
    snprintf(checkpoint, sizeof checkpoint, "%s/save_load.checkpoint", out);
    snprintf(fitted, sizeof fitted, "%s/save_load.fit", out);

    if (interrupt) {
        training t = start(samples);
        dl_interrupt_install(t.c);
        dl_fit(t.c, t.net, t.opt, t.data, .epochs = 1000, .batch_size = 50, .checkpoint = fitted, .resume = 1);
        printf("%s\n", dl_error(t.c) ? dl_error(t.c) : dl_interrupted(t.c) ? "\ninterrupted, saved: start me again" : "done");
        dl_destroy(t.c);
        return 0;
    }

    training whole = start(samples);
    train(&whole, 2 * epochs);
    files(&whole);

    training first = start(samples);
    train(&first, epochs);
    expect(first.c, "checkpoint after half of the epochs",
           dl_checkpoint_save(first.c, checkpoint, .module = first.net, .optim = first.opt, .schedule = first.schedule,
                              .loader = first.batches));
    printf("wrote %s\n", checkpoint);
    dl_destroy(first.c);                                       /* the power fails */

    training second = start(samples);
    expect(second.c, "loaded",
           dl_checkpoint_load(second.c, checkpoint, .module = second.net, .optim = second.opt, .schedule = second.schedule,
                              .loader = second.batches));
    train(&second, epochs);
    expect(second.c, "the weights at the end are those of a training without a break", equal(whole.net, second.net));
    dl_destroy(second.c);

    training runs[3];
    remove(fitted);
    for (int i = 0; i < 3; i++) {                              /* one run of 2 n epochs; n epochs, then on to 2 n */
        runs[i] = start(samples);
        dl_fit(runs[i].c, runs[i].net, runs[i].opt, runs[i].data, .epochs = i == 1 ? epochs : 2 * epochs, .batch_size = 50,
               .quiet = 1, .checkpoint = i ? fitted : NULL, .resume = i > 0);
        check(runs[i].c);
    }
    printf("wrote %s\n", fitted);
    expect(runs[2].c, "dl_fit with .resume: the same", equal(runs[0].net, runs[2].net));
    for (int i = 0; i < 3; i++) dl_destroy(runs[i].c);

    dl_destroy(whole.c);
    printf(wrong ? "lines off: %d\n" : "everything is as expected\n", wrong);
    return wrong != 0;
}
