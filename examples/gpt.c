/* gpt.c: a small GPT learns to write, character by character; the same blocks read digits cut in patches.

       cc -O2 -fopenmp examples/gpt.c -o gpt
       ./gpt --data tinyshakespeare.txt
       ./gpt --digits
       ./gpt --help

   The setting is nanoGPT's for a CPU: 4 layers of 4 heads and 128 channels see 64 characters, 12 pieces of the text at a
   time; 2,000 steps of AdamW on Shakespeare's plays bring the loss to 1.89 on the last tenth of the text, which is held
   out.  Without --data the text is made by code: lines in which everything is said twice.
   --digits: a vision transformer, 28 x 28 pixels as 16 patches of 7 x 7. */
#define _POSIX_C_SOURCE 199309L
#define DL_MODELS
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const char help[] =
    "usage: gpt [options]\n"
    "  --data FILE       text to learn from; without it: lines made by code\n"
    "  --epochs N        of 50 steps of training, 40; of the digits, 10\n"
    "  --sample N        characters to write at the end, 600\n"
    "  --temperature X   of the sample, 0.8\n"
    "  --digits          classify digits instead (drawn by code)\n"
    "  --threads N       all\n"
    "  --seed N          1\n"
    "  --quick           small networks, few steps: a test of the program\n";

enum { BLOCK = 64, BATCH = 12, LINE = 16 };

static dl_ctx *c;
static dl_tokenizer *chars;
static int wrong;

static void expect(const char *what, double is, const char *relation, double bound)
{
    int off = relation[0] == '<' ? !(is < bound) : relation[0] == '>' ? !(is > bound) : is != bound;
    const char *word = relation[0] == '<' ? "below " : relation[0] == '>' ? "above " : "";
    printf("%-62s %10.4f  expected %s%g%s\n", what, is, word, bound, off ? "  <-- OFF" : "");
    wrong += off;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* --- the text as numbers: the first nine tenths for training, the rest for validation ------------------------------- */
typedef struct { dl_tensor *train, *validation; } corpus;

static char *make_lines(int lines)                                     /* "tapiko: tapiko.\n" */
{
    char *text = dl_alloc_keep(c, (size_t)lines * LINE + 1);
    dl_tensor *r = dl_rand(c, DL_SHAPE(lines, 6));
    for (int i = 0; i < lines && !dl_error(c); i++) {
        char *line = text + i * LINE;
        for (int k = 0; k < 6; k++) {
            dl_real u = r->data[6 * i + k];
            line[k] = k % 2 ? "aeiou"[(int)(5 * u)] : "bdfgklmnprst"[(int)(12 * u)];
        }
        memcpy(line + 6, ": ", 2);
        memcpy(line + 8, line, 6);
        memcpy(line + 14, ".\n", 2);
    }
    return text;
}

static corpus read_corpus(const char *path, int lines)
{
    corpus d = {NULL, NULL};
    char *text = path ? dl_text_load(c, path, NULL) : make_lines(lines);
    chars = dl_tokenizer_chars(c, text, -1);
    dl_tensor *ids = dl_text_encode(c, chars, text, -1);
    int64_t shortest = 10 * (BATCH * BLOCK + 1);                       /* its last tenth holds a batch */
    if (!dl_error(c) && ids->size < shortest) dl_fail(c, "a text of %l characters is too short: at least %l", ids->size, shortest);
    if (dl_error(c)) return d;
    int64_t cut = ids->size / 10 * 9;
    d.train = dl_keep(c, dl_slice(c, ids, 0, 0, cut));
    d.validation = dl_keep(c, dl_slice(c, ids, 0, cut, ids->size));
    printf("%lld characters, %d different\n", (long long)ids->size, (int)dl_tokenizer_size(chars));
    return d;
}

static dl_tensor *loss_of(dl_module *net, dl_tensor *x, dl_tensor *y)
{
    return dl_cross_entropy(c, dl_flatten(c, dl_forward(c, net, x), 0, 1), dl_flatten(c, y, 0, 1));
}

/* The mean loss over the validation text, or over its first batches. */
static double validate(dl_module *net, const corpus *d, int most)
{
    int grad = dl_set_grad_enabled(c, 0), training = dl_set_training(c, 0), n = 0;
    double sum = 0;
    dl_tensor *x, *y;
    for (;; n++) {
        dl_step_begin(c);
        if (most && n == most) break;
        if (!dl_text_batch(c, d->validation, BATCH, BLOCK, &x, &y, .sequential = 1, .index = n)) break;
        sum += dl_item(loss_of(net, x, y));
    }
    dl_set_grad_enabled(c, grad);
    dl_set_training(c, training);
    return sum / n;
}

/* --- training --------------------------------------------------------------------------------------------------------- */
static double train(dl_module *net, const corpus *d, int iters)
{
    dl_optim *opt = dl_optim_adamw(c, net, .lr = 1e-3, .beta2 = 0.99, .weight_decay = 0.1);
    dl_optim_group(c, opt, dl_is_norm_or_bias, .weight_decay = -1);    /* no decay but of matrices */
    int warm = iters > 1000 ? 100 : iters / 20 + 1, report = iters > 1000 ? 250 : iters / 4 + 1;
    dl_schedule *rate = dl_lr_sequential(c, DL_SHAPE(warm), dl_lr_linear(c, opt, .start_factor = 0.01, .total_iters = warm),
                                         dl_lr_cosine(c, opt, iters - warm, .eta_min = 1e-4));
    double start = now(), mean = 0, watching = 0;
    printf("GPT: %lld parameters\n", (long long)dl_param_count(net));
    for (int i = 1; i <= iters && !dl_error(c); i++) {
        dl_tensor *x, *y, *loss;
        dl_step_begin(c);
        dl_text_batch(c, d->train, BATCH, BLOCK, &x, &y);          /* at random places of the text */
        loss = loss_of(net, x, y);
        dl_backward(c, loss);
        dl_clip_grad_norm(c, net, 1.0);
        dl_optim_step(c, opt);
        dl_schedule_step(c, rate);
        mean = i == 1 ? dl_item(loss) : 0.98 * mean + 0.02 * dl_item(loss);
        if (i % report == 0 || i == iters) {
            double t = now();
            printf("step %4d  loss %.4f  validation %.4f", i, mean, validate(net, d, 20));
            watching += now() - t;
            printf("  %6.0f characters a second\n", i * (double)(BATCH * BLOCK) / (now() - start - watching));
            fflush(stdout);
        }
    }
    return validate(net, d, 0);
}

/* --- writing ----------------------------------------------------------------------------------------------------------- */
static int write_character(dl_ctx *ctx, const int32_t *token, void *user)
{
    (void)user;
    printf("%s", dl_text_decode(ctx, chars, dl_tensor_from_int(ctx, token, DL_SHAPE(1)), NULL));
    fflush(stdout);
    return 0;
}

static void write_text(dl_module *gpt, int length, double temperature)
{
    double start = now();
    dl_step_begin(c);
    dl_tensor *prompt = dl_text_encode(c, chars, "\n", 1);
    printf("\n--- what it writes, temperature %.2f ---\n", temperature);
    dl_generate(c, gpt, prompt, length, .temperature = (dl_real)temperature, .each = write_character);
    printf("\n--- %d characters, %.0f a second ---\n\n", length, (double)length / (now() - start));

    dl_tensor *a = dl_generate(c, gpt, prompt, 100, .temperature = -1);
    dl_tensor *b = dl_generate(c, gpt, prompt, 100, .temperature = -1, .no_cache = 1);
    int same = 0;
    for (int i = 0; i < a->size && i < b->size; i++) same += a->idata[i] == b->idata[i];
    expect("characters that are the same with and without the cache", same, "=", 101);
}

static void speak(const char *path, int iters, int length, double temperature, int quick)
{
    corpus d = read_corpus(path, quick ? 4000 : 40000);
    if (dl_error(c)) return;
    int layers = quick ? 2 : 4, dim = quick ? 64 : 128, vocab = (int)dl_tokenizer_size(chars);
    dl_module *gpt = dl_model_gpt(c, .vocab_size = vocab, .block_size = BLOCK, .layers = layers, .heads = 4, .dim = dim);
    double loss = train(gpt, &d, iters);
    if (!dl_error(c)) write_text(gpt, length, temperature);
    if (dl_error(c)) return;
    expect("loss on the validation text", loss, "<", path ? iters >= 2000 ? 1.9 : 3.5 : quick ? 1.8 : 1.6);
    /* six consonants, one of 12 each, and six vowels, one of 5; the rest follows from the place */
    if (!path) printf("(a line has 16 characters: letters without the rule cost (6 log 12 + 6 log 5) / 16 = 1.5354;\n"
                      " a model that sees that the second word repeats the first gets to half of it, after many more steps)\n");
}

/* --- digits -------------------------------------------------------------------------------------------------------------- */
static void digits(int epochs, int quick)
{
    dl_dataset *data = dl_data_drawn_digits(c, quick ? 2000 : 20000, 1), *test = dl_data_drawn_digits(c, quick ? 500 : 2000, 2);
    dl_module *vit = dl_model_vit(c, 28, 7, .layers = quick ? 2 : 4, .heads = 4, .dim = 64, .mlp_dim = 128, .channels = 1,
                                  .num_classes = 10);
    dl_optim *opt = dl_optim_adamw(c, vit, .lr = quick ? 3e-3 : 1e-3);
    if (dl_error(c)) return;
    dl_tensor *positions = dl_module_get(c, vit, "encoder.pos_embedding");
    printf("\n");
    expect("tokens of 28 x 28 pixels in patches of 7 x 7, with the class's", (double)positions->shape[1], "=", 17);
    dl_schedule *rate = dl_lr_cosine(c, opt, epochs * ((data->size + 31) / 32));
    printf("vision transformer: %lld parameters\n", (long long)dl_param_count(vit));
    double accuracy = dl_fit(c, vit, opt, data, .validation = test, .epochs = epochs, .batch_size = 32, .schedule = rate,
                             .clip_norm = 1).accuracy;
    expect("accuracy on digits not seen before", accuracy, ">", quick ? 0.25 : 0.9);
}

int main(int argc, char **argv)
{
    const char *path = NULL;
    int epochs = 0, length = 0, threads = 0, seed = 1, quick = 0, pictures = 0;
    double temperature = 0.8;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))       quick = 1;
        else if (!strcmp(argv[i], "--digits"))      pictures = 1;
        else if (!strcmp(argv[i], "--help"))        return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--data"))        path = value, i++;
        else if (!strcmp(argv[i], "--epochs"))      epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--sample"))      length = atoi(value), i++;
        else if (!strcmp(argv[i], "--temperature")) temperature = atof(value), i++;
        else if (!strcmp(argv[i], "--threads"))     threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))        seed = atoi(value), i++;
        else return fprintf(stderr, "gpt: unknown option %s\n%s", argv[i], help), 2;
    }
    if (length < 1) length = quick ? 100 : 600;

    if (quick && !threads) threads = 1;                                /* too small for two */
    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    if (!pictures) speak(path, 50 * (epochs > 0 ? epochs : quick ? 3 : 40), length, temperature, quick);
    if ((pictures || quick) && !dl_error(c)) digits(epochs > 0 ? epochs : quick ? 3 : 10, quick);
    if (dl_error(c)) return fprintf(stderr, "gpt: %s\n", dl_error(c)), 1;
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
