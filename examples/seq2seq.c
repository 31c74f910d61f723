/* seq2seq.c: from one sequence to another: strings of letters reversed, and sorted.

       cc -O2 -fopenmp examples/seq2seq.c -o seq2seq
       ./seq2seq

   Three ways, trained with teacher forcing (the true tokens go into the decoder) on strings of 3 to 8 letters drawn at random:
   a GRU whose last state starts another GRU (Sutskever et al. 2014), which must squeeze the string into one vector;
   the same with additive attention to all states of the encoder (Bahdanau et al. 2015);
   a Transformer (Vaswani et al. 2017), encoder and decoder.
   The first gets twice the steps of the others: it learns that much more slowly.
   Each is measured by the share of new strings that come out without any mistake, decoded greedily and by beam search.  The
   last table shows the attention weights: one row for each output letter, one column for each input letter. */
#define DL_STATIC
#define DL_IMPLEMENTATION
#define DL_MODELS
#include "../dl.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char help[] =
    "usage: seq2seq [options]\n"
    "  --epochs N     of 50 steps of 64 strings; 30.  The GRU without attention gets twice as many\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        fewer and shorter strings, attention and Transformer only: a test of the program\n";

enum { LETTERS = 10, START = LETTERS, END, VOCAB, BATCH = 64, MAX_LETTERS = 8 };

static int longest = MAX_LETTERS;

/* --- the task: strings and what is to become of them ------------------------------------------------------------- */
typedef struct { dl_tensor *source, *lengths, *input, *target; } examples;

static int by_value(const void *a, const void *b) { return *(const int32_t *)a - *(const int32_t *)b; }

/* n strings: source (n, longest); into the decoder goes START abc, out of it is to come abc END; END fills both up. */
static examples draw(dl_ctx *c, int64_t n, int sort)
{
    examples e;
    dl_tensor *size = dl_rand(c, DL_SHAPE(n));
    e.source = dl_to_int(c, dl_mul_scalar(c, dl_rand(c, DL_SHAPE(n, longest)), LETTERS));
    e.lengths = dl_to_int(c, dl_add_scalar(c, dl_mul_scalar(c, size, (float)(longest - 2)), 3));
    e.input = dl_to_int(c, dl_full(c, DL_SHAPE(n, longest + 1), END));
    e.target = dl_to_int(c, dl_full(c, DL_SHAPE(n, longest + 1), END));
    for (int64_t i = 0; i < n && !dl_error(c); i++) {
        int32_t *s = e.source->idata + i * longest, *in = e.input->idata + i * (longest + 1);
        int32_t *out = e.target->idata + i * (longest + 1);
        int length = e.lengths->idata[i];
        for (int k = length; k < longest; k++) s[k] = END;
        for (int k = 0; k < length; k++) out[k] = s[length - 1 - k];
        if (sort) qsort(out, (size_t)length, sizeof *out, by_value);
        in[0] = START;
        memcpy(in + 1, out, (size_t)length * sizeof *in);
    }
    return e;
}

/* --- the networks -------------------------------------------------------------------------------------------------- */
typedef struct { dl_module base, *source, *target, *encoder, *decoder, *output; } transformer;
static const dl_module_type transformer_type = {"transformer", sizeof(transformer), NULL};
enum { DIM = 64, HEADS = 4, LAYERS = 2 };

static dl_module *make_transformer(dl_ctx *c)
{
    transformer *m = (transformer *)dl_module_create(c, &transformer_type);
    m->source = dl_module_add(c, &m->base, "source", dl_nn_embedding(c, VOCAB, DIM));
    m->target = dl_module_add(c, &m->base, "target", dl_nn_embedding(c, VOCAB, DIM));
    m->encoder = dl_module_add(c, &m->base, "encoder",
                               dl_nn_tfm_encoder(c, DIM, HEADS, LAYERS, .dim_feedforward = 2 * DIM, .dropout = -1));
    m->decoder = dl_module_add(c, &m->base, "decoder",
                               dl_nn_tfm_decoder(c, DIM, HEADS, LAYERS, .dim_feedforward = 2 * DIM, .dropout = -1));
    m->output = dl_module_add(c, &m->base, "output", dl_nn_linear(c, DIM, VOCAB));
    return &m->base;
}
static dl_tensor *embed(dl_ctx *c, dl_module *embedding, dl_tensor *ids)
{
    return dl_add(c, dl_forward(c, embedding, ids), dl_positional_encoding(c, ids->shape[1], DIM));
}
static dl_tensor *encode(dl_ctx *c, transformer *m, dl_tensor *source, dl_tensor *lengths)
{
    return dl_nn_tfm_encoder_forward(c, m->encoder, embed(c, m->source, source), .lengths = lengths);
}
static dl_tensor *decode(dl_ctx *c, transformer *m, dl_tensor *ids, dl_tensor *memory, dl_tensor *lengths)
{
    return dl_forward(c, m->output, dl_nn_tfm_decoder_forward(c, m->decoder, embed(c, m->target, ids), memory,
                                                              .causal = 1, .memory_lengths = lengths));
}

/* A step of beam search: all prefixes again, of which the last token's logits count. */
typedef struct { transformer *m; dl_tensor *memory, *length; } search;
static dl_tensor *next_token(dl_ctx *c, dl_tensor *prefixes, dl_tensor *parent, void *user)
{
    search *s = (search *)user;
    dl_tensor *same = dl_to_int(c, dl_zeros(c, DL_SHAPE(parent->size)));          /* one source for all of them */
    dl_tensor *y = decode(c, s->m, prefixes, dl_index_select(c, s->memory, 0, same), dl_index_select(c, s->length, 0, same));
    return dl_squeeze(c, dl_slice(c, y, 1, -1, prefixes->shape[1]), DL_DIM(1));
}

/* The decoded strings (n, 1 + longest + 1), from START on, filled up with END. */
static dl_tensor *translate(dl_ctx *c, dl_module *m, examples e, int beams)
{
    dl_tensor *y, *start;
    if (m->type != &transformer_type)
        return dl_model_seq2seq_decode(c, m, e.source, START, .lengths = e.lengths, .end_token = END,
                                       .max_length = longest + 1, .beams = beams);
    y = dl_to_int(c, dl_full(c, DL_SHAPE(e.source->shape[0], longest + 2), END));
    start = dl_to_int(c, dl_full(c, DL_SHAPE(1), START));
    dl_set_grad_enabled(c, 0);
    for (int64_t i = 0; i < e.source->shape[0] && !dl_error(c); i++) {
        search s = {(transformer *)m, NULL, dl_slice(c, e.lengths, 0, i, i + 1)};
        s.memory = encode(c, s.m, dl_slice(c, e.source, 0, i, i + 1), s.length);
        dl_tensor *best = dl_beam_search(c, start, next_token, &s, .beams = beams, .end_token = END, .max_length = longest + 1);
        if (!dl_error(c)) memcpy(y->idata + i * (longest + 2), best->idata, (size_t)best->size * sizeof(int32_t));
    }
    dl_set_grad_enabled(c, 1);
    return y;
}

/* Share of n new strings that come out without a mistake. */
static double exact(dl_ctx *c, dl_module *m, int n, int sort, int beams)
{
    examples e;
    dl_tensor *y;
    int right = 0;
    dl_step_begin(c);
    e = draw(c, n, sort);
    y = translate(c, m, e, beams);
    for (int i = 0; i < n && !dl_error(c); i++)
        right += !memcmp(y->idata + i * (longest + 2) + 1, e.target->idata + i * (longest + 1),
                         (size_t)(longest + 1) * sizeof(int32_t));
    return (double)right / n;
}

/* Loss of the last 50 steps. */
static double train(dl_ctx *c, dl_module *m, int steps, int sort, double lr)
{
    dl_optim *o = dl_optim_adam(c, m, .lr = lr);
    dl_schedule *s = dl_lr_one_cycle(c, o, lr, steps, .no_cycle_momentum = 1);
    double sum = 0;
    for (int step = 0; step < steps && !dl_error(c); step++) {
        dl_tensor *y, *loss;
        examples e;
        dl_step_begin(c);
        e = draw(c, BATCH, sort);
        y = m->type != &transformer_type ? dl_model_seq2seq_forward(c, m, e.source, e.input, .lengths = e.lengths)
                                         : decode(c, (transformer *)m, e.input, encode(c, (transformer *)m, e.source,
                                                                      e.lengths), e.lengths);
        loss = dl_cross_entropy(c, dl_flatten(c, y, 0, 1), dl_flatten(c, e.target, 0, 1));     /* END behind the end as well */
        if (step >= steps - 50) sum += dl_item(loss) / 50;
        dl_backward(c, loss);
        dl_clip_grad_norm(c, m, 1.0);
        dl_optim_step(c, o);
        dl_schedule_step(c, s);
    }
    return sum;
}

/* Attention of one string, darker for more. */
static void show(dl_ctx *c, dl_module *m, dl_tokenizer *letters, int sort)
{
    static const char shades[] = " .:-=+*#%@";
    dl_tensor *weights = NULL, *one;
    examples e;
    dl_step_begin(c);
    e = draw(c, 1, sort);
    dl_model_seq2seq_forward(c, m, e.source, e.input, .lengths = e.lengths, .weights = &weights);
    if (dl_error(c)) return;
    one = dl_slice(c, dl_flatten(c, e.source, 0, 1), 0, 0, e.lengths->idata[0]);
    printf("\nattention, %s:  in ->\n         ", sort ? "sorting" : "reversing");
    for (int k = 0; k < one->size; k++) printf(" %.*s", 1, dl_text_decode(c, letters, one, NULL) + k);
    for (int t = 0; t <= one->size; t++) {
        printf("\n    %5s", dl_text_decode(c, letters, dl_slice(c, dl_flatten(c, e.target, 0, 1), 0, t, t + 1), NULL));
        for (int k = 0; k < one->size; k++) printf(" %c", shades[(int)(9.99f * weights->data[t * longest + k])]);
    }
    printf("\n");
}

int main(int argc, char **argv)
{
    static const char *const names[] = {"GRU, last state", "GRU, attention", "Transformer"};
    int epochs = 0, threads = 0, seed = 1, quick = 0, n = 500, wrong = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "seq2seq: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 5 : 30;
    if (quick) { n = 100; longest = 4; }
    int steps = 50 * epochs;
    dl_ctx *c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    dl_tokenizer *letters = dl_tokenizer_chars(c, "abcdefghij", -1);
    dl_tokenizer_add(c, letters, "");
    dl_tokenizer_add(c, letters, "<end>");
    printf("%-8s %-15s %10s %6s %7s %14s %14s\n", "task", "network", "parameters", "steps", "loss", "right, greedy", "right, 4 beams");
    for (int sort = 0; sort < 2; sort++)
        for (int k = quick; k < 3; k++) {
            dl_attention_kind attention = k ? DL_ATTENTION_ADDITIVE : DL_ATTENTION_NONE;
            dl_module *m = k == 2 ? make_transformer(c) : dl_model_seq2seq(c, VOCAB, VOCAB, quick ? 48 : 96, .attention = attention);
            double least = quick ? 0.9 : k || sort ? 0.99 : 0.95, loss, greedy, beam;
            if (quick && sort) break;
            int own = k == 0 ? 2 * steps : steps, ok;
            loss = train(c, m, own, sort, k == 2 ? 3e-3 : 1e-2);
            if (dl_error(c)) break;
            greedy = exact(c, m, n, sort, 1);
            beam = exact(c, m, n, sort, 4);
            if (dl_error(c)) { fprintf(stderr, "seq2seq: %s\n", dl_error(c)); return 1; }
            ok = greedy >= least && beam >= least;
            printf("%-8s %-15s %10d %6d %7.4f %14.3f %14.3f   at least %.2f%s\n", sort ? "sort" : "reverse", names[k],
                   (int)dl_param_count(m), own, loss, greedy, beam, least, ok ? "" : "  <-- OFF");
            wrong += !ok;
            fflush(stdout);
            if (k == 1) show(c, m, letters, sort);
        }
    if (dl_error(c)) { fprintf(stderr, "seq2seq: %s\n", dl_error(c)); return 1; }
    dl_destroy(c);
    printf(wrong ? "\nnumbers off: %d\n" : "\nall numbers are as expected\n", wrong);
    return wrong != 0;
}
