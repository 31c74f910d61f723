/* char_rnn.c: a recurrent network learns to write, character by character.

       cc -O2 -fopenmp examples/char_rnn.c -o char_rnn
       ./char_rnn --data tinyshakespeare.txt
       ./char_rnn --help

   The model is autoregressive: p(x_1 .. x_T) = product over t of p(x_t given x_<t).  A Markov model of order tau sees the last tau
   characters only and counts; a recurrent network carries a state.  Text without --data comes from a small grammar in which a verb
   must agree with its subject across a relative clause and brackets must close: beyond the reach of three characters.
   The text is cut into `batch` tracks that are read side by side in windows of `length`; the state at the end of a window starts the
   next (backpropagation through time, truncated), gradients are clipped to norm 1.  Loss is in nats per character,
   perplexity = exp(loss). */
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: char_rnn [options]\n"
    "  --data FILE       a text; without it: sentences of a small grammar\n"
    "  --model NAME      rnn, lstm or gru; lstm\n"
    "  --one-hot         no embedding: one input for each character\n"
    "  --hidden N        128\n"
    "  --layers N        1\n"
    "  --dropout P       0\n"
    "  --batch N         32 tracks of the text side by side\n"
    "  --length N        64 characters in a window\n"
    "  --epochs N        3\n"
    "  --lr X            0.002\n"
    "  --sample N        characters to write at the end, 400\n"
    "  --temperature X   of the sample, 0.8\n"
    "  --threads N       all\n"
    "  --seed N          1\n"
    "  --quick           small: a test of the program\n";

static dl_ctx *c;
static int wrong;

static double logarithm(double x)   { return dl_item(dl_log(c, dl_scalar(c, (dl_real)x))); }
static double perplexity(double x)  { return dl_item(dl_exp(c, dl_scalar(c, (dl_real)x))); }
static double distance(double a, double b) { return a > b ? a - b : b - a; }

static void expect_below(const char *what, double is, double bound)
{
    printf("%-58s %.4f  expected below %.4f%s\n", what, is, bound, is < bound ? "" : "  <-- OFF");
    wrong += !(is < bound);
}

/* --- text of a grammar: "the dogs that see (a small cat) sing." ---------------------------------------------------------- */
static uint32_t grammar_state;
static int one_of(int n) { grammar_state = grammar_state * 1664525u + 1013904223u; return (int)(grammar_state >> 16) % n; }

static void noun_phrase(char *s, int plural, int depth)
{
    static const char *const adjectives[] = { "old ", "small ", "red ", "" }, *const nouns[] = { "cat", "dog", "bird", "horse" };
    const char *adjective = adjectives[one_of(4)];
    strcat(s, plural || one_of(2) ? "the " : *adjective == 'o' ? "an " : "a ");
    strcat(s, adjective);
    strcat(s, nouns[one_of(4)]);
    if (plural) strcat(s, "s");
    if (depth < 2 && one_of(3) == 0) {
        strcat(s, plural ? " that see (" : " that sees (");
        noun_phrase(s, one_of(2), depth + 1);
        strcat(s, ")");
    }
}

static char *grammar_text(int64_t n)
{
    static const char *const verbs[] = { "sing", "run", "sleep" };
    char *text = calloc((size_t)n + 1000, 1), *end = text;
    grammar_state = 7;
    while (text && end - text < n) {
        int plural = one_of(2);
        noun_phrase(end, plural, 0);
        strcat(end, " ");
        strcat(end, verbs[one_of(3)]);
        strcat(end, plural ? ".\n" : "s.\n");
        end += strlen(end);
    }
    return text;
}

/* --- Markov models ---------------------------------------------------------------------------------------------------------
   p_tau(x) = (count(context x) + 4 p_{tau-1}(x)) / (count(context) + 4), from the uniform p_{-1}: the loss on tokens [from, n) */
static double markov_loss(const int32_t *x, int64_t from, int64_t n, int V, int tau)
{
    uint32_t *count[4], *total[4];
    dl_tensor *p = dl_empty(c, DL_SHAPE(n - from));
    size_t size = 1;
    for (int k = 0; k <= tau; k++, size *= (size_t)V) {
        count[k] = calloc(size * (size_t)V, sizeof(uint32_t));
        total[k] = calloc(size, sizeof(uint32_t));
        if (!count[k] || !total[k] || dl_is_nil(p)) { fprintf(stderr, "char_rnn: out of memory\n"); exit(1); }
    }
    for (int64_t i = tau; i < n; i++) {
        double chance = 1.0 / V;
        for (int k = 0; k <= tau; k++) {                               /* the context: the last k characters */
            size_t context = 0;
            for (int j = k; j > 0; j--) context = context * (size_t)V + (size_t)x[i - j];
            uint32_t *seen = &count[k][context * (size_t)V + (size_t)x[i]];
            chance = (*seen + 4 * chance) / (total[k][context] + 4.0);
            if (i < from) { ++*seen; total[k][context]++; }
        }
        if (i >= from) p->data[i - from] = (dl_real)chance;
    }
    for (int k = 0; k <= tau; k++) { free(count[k]); free(total[k]); }
    return -dl_item(dl_mean(c, dl_log(c, p)));
}

/* --- the network ------------------------------------------------------------------------------------------------------------- */
typedef struct {
    dl_module *all, *embedding, *rnn, *head;                           /* embedding NULL: one-hot */
    int        V, lstm;
} model;

/* ids (N, T) and states to logits (N, T, V); the states at the end go into h_n, c_n */
static dl_tensor *logits_of(const model *m, dl_tensor *ids, dl_tensor *h0, dl_tensor *c0, dl_tensor **h_n, dl_tensor **c_n)
{
    dl_tensor *x = m->embedding ? dl_forward(c, m->embedding, ids) : dl_one_hot(c, ids, m->V);
    return dl_forward(c, m->head, m->lstm ? dl_nn_rnn_forward(c, m->rnn, x, .h0 = h0, .c0 = c0, .h_n = h_n, .c_n = c_n)
                                          : dl_nn_rnn_forward(c, m->rnn, x, .h0 = h0, .h_n = h_n));
}

/* One pass over tokens in order, training if there is an optimizer; the mean loss. */
static double pass(const model *m, dl_tensor *tokens, int64_t batch, int64_t length, dl_tensor *h, dl_tensor *cell, dl_optim *opt)
{
    dl_tensor *x, *y, *h_n = NULL, *c_n = NULL;
    double sum = 0;
    int64_t i;
    memset(h->data, 0, (size_t)h->size * sizeof *h->data);
    memset(cell->data, 0, (size_t)cell->size * sizeof *cell->data);
    dl_set_training(c, opt != NULL);
    dl_set_grad_enabled(c, opt != NULL);
    for (i = 0; dl_step_begin(c), dl_text_batch(c, tokens, batch, length, &x, &y, .sequential = 1, .index = i); i++) {
        dl_tensor *logits = logits_of(m, x, h, cell, &h_n, &c_n);
        dl_tensor *loss = dl_cross_entropy(c, dl_flatten(c, logits, 0, 1), dl_flatten(c, y, 0, 1));
        if (opt) {
            dl_backward(c, loss);
            dl_clip_grad_norm(c, m->all, 1);
            dl_optim_step(c, opt);
        }
        sum += dl_item(loss);
        dl_copy(c, h, h_n);                                            /* without its history */
        if (m->lstm) dl_copy(c, cell, c_n);
        if (dl_error(c)) break;
    }
    dl_set_grad_enabled(c, 1);
    return i ? sum / (double)i : 0;
}

static void write_sample(const model *m, const dl_tokenizer *chars, int n, double temperature, dl_tensor *h, dl_tensor *cell)
{
    int32_t id = (int32_t)dl_tokenizer_id(chars, "\n", 1);
    if (id < 0) id = 0;
    memset(h->data, 0, (size_t)h->size * sizeof *h->data);
    memset(cell->data, 0, (size_t)cell->size * sizeof *cell->data);
    dl_set_grad_enabled(c, 0);
    dl_set_training(c, 0);
    for (; n > 0 && !dl_error(c); n--) {
        dl_step_begin(c);
        dl_tensor *h_n = NULL, *c_n = NULL, *logits = logits_of(m, dl_tensor_from_int(c, &id, DL_SHAPE(1, 1)), h, cell, &h_n, &c_n);
        dl_tensor *next = dl_sample_token(c, dl_reshape(c, logits, DL_SHAPE(1, m->V)), .temperature = (dl_real)temperature);
        if (dl_error(c)) break;
        id = next->idata[0];
        dl_copy(c, h, h_n);                                            /* without its history */
        if (m->lstm) dl_copy(c, cell, c_n);
        fputs(dl_text_decode(c, chars, dl_tensor_from_int(c, &id, DL_SHAPE(1)), NULL), stdout);
    }
    printf("\n");
    dl_set_grad_enabled(c, 1);
}

int main(int argc, char **argv)
{
    const char *file = NULL, *kind = "lstm";
    int one_hot = 0, hidden = 0, layers = 1, batch = 0, length = 0, epochs = 0, sample = -1, seed = 1, threads = 0, quick = 0;
    double dropout = 0, lr = 0, temperature = 0.8;

    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))       quick = 1;
        else if (!strcmp(argv[i], "--one-hot"))     one_hot = 1;
        else if (!strcmp(argv[i], "--help"))        return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--data"))        file = value, i++;
        else if (!strcmp(argv[i], "--model"))       kind = value, i++;
        else if (!strcmp(argv[i], "--hidden"))      hidden = atoi(value), i++;
        else if (!strcmp(argv[i], "--layers"))      layers = atoi(value), i++;
        else if (!strcmp(argv[i], "--dropout"))     dropout = atof(value), i++;
        else if (!strcmp(argv[i], "--batch"))       batch = atoi(value), i++;
        else if (!strcmp(argv[i], "--length"))      length = atoi(value), i++;
        else if (!strcmp(argv[i], "--epochs"))      epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--lr"))          lr = atof(value), i++;
        else if (!strcmp(argv[i], "--temperature")) temperature = atof(value), i++;
        else if (!strcmp(argv[i], "--sample"))      sample = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))        seed = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads"))     threads = atoi(value), i++;
        else return fprintf(stderr, "char_rnn: unknown option %s\n%s", argv[i], help), 2;
    }
    if (strcmp(kind, "rnn") && strcmp(kind, "lstm") && strcmp(kind, "gru"))
        return fprintf(stderr, "char_rnn: no model is called %s\n%s", kind, help), 2;
    if (hidden <= 0) hidden = quick ? 64 : 128;
    if (batch <= 0)  batch = quick ? 16 : 32;
    if (length <= 0) length = quick ? 32 : 64;
    if (epochs <= 0) epochs = quick ? 6 : 3;
    if (sample < 0)  sample = quick ? 200 : 400;
    if (!(lr > 0))   lr = quick ? 0.01 : 0.002;

    setvbuf(stdout, NULL, _IOLBF, BUFSIZ);
    c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    int64_t n = 0;
    char *made = file ? NULL : grammar_text(quick ? 60000 : 300000);
    const char *text = file ? dl_text_load(c, file, &n) : made;
    if (made) n = (int64_t)strlen(made);
    if (!text) return fprintf(stderr, "char_rnn: %s\n", dl_error(c) ? dl_error(c) : "out of memory"), 1;
    dl_tokenizer *chars = dl_tokenizer_chars(c, text, n);
    dl_tensor *tokens = dl_keep(c, dl_text_encode(c, chars, text, n));
    if (dl_error(c)) return fprintf(stderr, "char_rnn: %s\n", dl_error(c)), 1;
    int V = (int)dl_tokenizer_size(chars);
    int64_t cut = tokens->size * 9 / 10, shortest = 10 * (int64_t)batch * length + 1;
    if (tokens->size < shortest)                                       /* the last tenth has no window for each track */
        return fprintf(stderr, "char_rnn: a text of %lld characters is too short for --batch %d --length %d: at least %lld\n",
                       (long long)tokens->size, batch, length, (long long)shortest), 1;
    dl_tensor *train = dl_keep(c, dl_slice(c, tokens, 0, 0, cut)), *held = dl_keep(c, dl_slice(c, tokens, 0, cut, tokens->size));

    double uniform = dl_item(dl_cross_entropy(c, dl_zeros(c, DL_SHAPE(1, 65)), dl_to_int(c, dl_zeros(c, DL_SHAPE(1)))));
    printf("uniform over 65 characters: loss %.7f, perplexity %.2f, expected 4.1743873%s\n", uniform, perplexity(uniform),
           distance(uniform, 4.1743873) < 1e-6 ? "" : "  <-- OFF");
    wrong += !(distance(uniform, 4.1743873) < 1e-6);
    printf("%lld characters, %d different, %lld for training\n\n", (long long)tokens->size, V, (long long)cut);

    double markov = 0, table = V;
    for (int tau = 0; tau <= 3 && table < 1e8; tau++, table *= V) {
        markov = markov_loss(tokens->idata, cut, tokens->size, V, tau);
        printf("Markov model, tau %d:       loss %.4f, perplexity %6.2f\n", tau, markov, perplexity(markov));
    }

    model m = { NULL, NULL, NULL, NULL, V, !strcmp(kind, "lstm") };
    int input = one_hot ? V : hidden;
    m.embedding = one_hot ? NULL : dl_nn_embedding(c, V, input);
    m.rnn = m.lstm             ? dl_nn_lstm(c, input, hidden, .num_layers = layers, .batch_first = 1, .dropout = (dl_real)dropout)
          : !strcmp(kind, "gru") ? dl_nn_gru(c, input, hidden, .num_layers = layers, .batch_first = 1, .dropout = (dl_real)dropout)
                               : dl_nn_rnn(c, input, hidden, .num_layers = layers, .batch_first = 1, .dropout = (dl_real)dropout);
    m.head = dl_nn_linear(c, hidden, V);
    m.all = one_hot ? dl_nn_sequential(c, m.rnn, m.head) : dl_nn_sequential(c, m.embedding, m.rnn, m.head);
    dl_optim *opt = dl_optim_adam(c, m.all, .lr = lr);
    dl_tensor *zeros = dl_zeros(c, DL_SHAPE(layers, batch, hidden)), *h = dl_keep(c, zeros), *cell = dl_keep(c, zeros);
    dl_tensor *zeros1 = dl_zeros(c, DL_SHAPE(layers, 1, hidden)), *h1 = dl_keep(c, zeros1), *cell1 = dl_keep(c, zeros1);
    if (dl_error(c)) return fprintf(stderr, "char_rnn: %s\n", dl_error(c)), 1;

    double loss = pass(&m, held, batch, length, h, cell, NULL);
    int near = distance(loss, logarithm(V)) < 0.2;
    printf("%s, %d layer%s of %d, %lld parameters\n", kind, layers, layers == 1 ? "" : "s", hidden, (long long)dl_param_count(m.all));
    printf("before training: loss %.4f, perplexity %.2f, expected about %.4f, %d%s\n", loss, perplexity(loss), logarithm(V), V,
           near ? "" : "  <-- OFF");
    wrong += !near;
    for (int epoch = 0; epoch < epochs && !dl_error(c); epoch++) {
        double trained = pass(&m, train, batch, length, h, cell, opt);
        loss = pass(&m, held, batch, length, h, cell, NULL);
        printf("epoch %2d: training loss %.4f, validation loss %.4f, perplexity %.3f\n", epoch + 1, trained, loss, perplexity(loss));
        fflush(stdout);
    }
    printf("\n");
    write_sample(&m, chars, sample, temperature, h1, cell1);
    printf("\n");
    expect_below("validation loss against the best Markov model's", loss, markov);
    if (dl_error(c)) return fprintf(stderr, "char_rnn: %s\n", dl_error(c)), 1;
    free(made);
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
