/* build: float double asan */
/* Embeddings and positions: values and gradients against PyTorch (gen_text.py) and against differences.  Tokens, batches of
   text, sampling, beam search: against the published algorithms, frequencies and enumeration; hostile files. */
#define DL_MODELS
#include "dl.h"
#include "test.h"

static dl_ctx *c;

#include "golden_text.h"
/* they change the weight, or the gradient alone */
#define NO_DIFFERENCES(text) (strstr(text, "max_norm") || strstr(text, "freq") || (!strncmp(text, "dl_embedding(", 13) && strstr(text, "padding")))
#define UNUSED(text, i)      0
#define MAY_BE_NULL(text, i) (strstr(text, (i) == 2 ? "= x[2]" : (i) == 3 ? "= x[3]" : "?") != NULL)
#define MAY_BE_INT(text, i)  0
#define ANY_SHAPE(text, i)   ((i) == 0 || !strncmp(text, "embedding(", 10))
#include "cases.h"

#define INTS(...)  dl_tensor_from_int(c, (const int32_t[]){__VA_ARGS__}, DL_SHAPE(sizeof((int32_t[]){__VA_ARGS__}) / 4))
#define REALS(...) dl_tensor_from(c, (const dl_real[]){__VA_ARGS__}, DL_SHAPE(sizeof((dl_real[]){__VA_ARGS__}) / sizeof(dl_real)))
#define BAD(expr, part) do { dl_step_begin(c); CHECK(dl_is_nil(expr)); CHECK_ERROR(c, part); } while (0)

/* --- embedding ----------------------------------------------------------------------------------------------------------- */
static void embedding_row(void)
{
    dl_tensor *w, *y;
    int i;
    ROW("SEQ-07");
    dl_step_begin(c);
    w = dl_requires_grad(c, dl_tensor_from(c, (const dl_real[]){1, 2, 3, 4, 5, 6}, DL_SHAPE(3, 2)), 1);
    y = dl_embedding(c, w, INTS(2, 0, 2, 2));
    for (i = 0; i < 8; i++) CHECK(y->data[i] == (dl_real)((const int[]){5, 6, 1, 2, 5, 6, 5, 6}[i]));
    dl_backward(c, dl_sum(c, dl_mul(c, y, dl_reshape(c, dl_arange(c, 1, 9, 1), DL_SHAPE(4, 2)))));
    for (i = 0; i < 6; i++) CHECK(w->grad[i] == (dl_real)((const int[]){3, 4, 0, 0, 1 + 5 + 7, 2 + 6 + 8}[i]));
    CHECK_OK(c);
}

static void embedding_module(void)
{
    dl_module *m = dl_nn_embedding(c, 1000, 20, .padding_idx = DL_ZERO);
    dl_tensor *w = dl_module_get(c, m, "weight"), *y, *first;
    double sum = 0, squares = 0;
    int64_t i;
    for (i = 20; i < w->size; i++) { sum += (double)w->data[i]; squares += (double)w->data[i] * (double)w->data[i]; }
    CHECK_NEAR(sum / 19980, 0, 0.03);
    CHECK_NEAR(squares / 19980, 1, 0.04);
    for (i = 0; i < 20; i++) CHECK(w->data[i] == 0);
    dl_step_begin(c);
    y = dl_forward(c, m, INTS(0, 7, 999));
    dl_backward(c, dl_sum(c, y));
    CHECK(w->grad[0] == 0 && w->grad[7 * 20] == 1 && w->grad[999 * 20 + 19] == 1 && w->grad[8 * 20] == 0);
    dl_step_begin(c);                                              /* the second gradient is added */
    dl_backward(c, dl_sum(c, dl_forward(c, m, INTS(7, 7, 0))));
    CHECK(w->grad[0] == 0 && w->grad[7 * 20] == 3 && w->grad[999 * 20] == 1);
    dl_zero_grads(m);
    dl_backward(c, dl_sum(c, dl_forward(c, m, INTS(3))));          /* and nothing is left of the first */
    CHECK(w->grad[3 * 20] == 1 && w->grad[7 * 20] == 0);
    first = dl_keep(c, dl_embedding(c, w, INTS(5, 6)));            /* max_norm changes the weight, but only rows looked up */
    y = dl_embedding(c, w, INTS(5, 5), .max_norm = (dl_real)0.5);
    CHECK_NEAR(dl_item(dl_norm(c, dl_embedding(c, w, INTS(5)))), 0.5, 1e-6);
    CHECK(w->data[6 * 20] == first->data[20] && y->data[0] == w->data[5 * 20]);
    CHECK_OK(c);
}

/* The same bits from portable kernels and from the best on 2 to 4 threads: the large gradient is split by columns. */
static void threads_change_nothing(void)
{
    static dl_real want[997 * 96];
    int threads, t;
    for (threads = 1; threads <= 4; threads++) {
        dl_ctx *d = dl_create(.seed = 5, .threads = threads, .isa = threads == 1 ? "portable" : NULL);
        dl_tensor *w = dl_requires_grad(d, dl_randn(d, DL_SHAPE(997, 96)), 1), *ids = dl_to_int(d, dl_mul_scalar(d, dl_rand(d, DL_SHAPE(4, 700)), 997));
        dl_tensor *f = dl_rand(d, DL_SHAPE(4, 700)), *y = dl_rope(d, dl_embedding(d, w, ids), .heads = 3);
        dl_tensor *z = dl_embedding_bag(d, w, ids, .mode = DL_BAG_SUM, .per_sample_weights = f);
        dl_backward(d, dl_add(d, dl_sum(d, dl_square(d, y)), dl_sum(d, dl_square(d, z))));
        CHECK_OK(d);
        if (threads == 1) memcpy(want, w->grad, sizeof want);
        t = memcmp(want, w->grad, sizeof want);
        CHECK(t == 0);
        dl_destroy(d);
    }
}

static void positions(void)
{
    static const double want[3][4] = {{0, 1, 0, 1}, {0.841471, 0.540302, 0.010000, 0.999950}, {0.909297, -0.416147, 0.019999, 0.999800}};
    dl_tensor *y, *z, *x;
    double worst = 0, score[2];
    int p, i, k;
    ROW("TFM-05");
    dl_step_begin(c);
    y = dl_positional_encoding(c, 3, 4);
    for (p = 0; p < 3; p++) for (i = 0; i < 4; i++) CHECK_NEAR(y->data[4 * p + i], want[p][i], 5e-7);
    y = dl_positional_encoding(c, 5000, 128);                      /* far out, where an angle in float is 1e-4 off */
    z = dl_positional_encoding(c, 2, 128, .offset = 4998);
    for (p = 0; p < 5000; p += 7) for (i = 0; i < 64; i++) {
        double angle = p / pow(10000, 2.0 * i / 128), e = fabs((double)y->data[p * 128 + 2 * i] - sin(angle));
        worst = fmax(worst, fmax(e, fabs((double)y->data[p * 128 + 2 * i + 1] - cos(angle))));
    }
    CHECK(worst < (sizeof(dl_real) == 8 ? 1e-11 : 7e-8));
    for (i = 0; i < 256; i++) CHECK_NEAR(z->data[i], y->data[4998 * 128 + i], 1e-7);
    for (k = 0; k < 2; k++) {                                      /* products of rotated vectors depend on the distance only */
        x = dl_rope(c, dl_reshape(c, dl_arange(c, 0.1, 1.65, 0.1), DL_SHAPE(2, 8)), .offset = 3 + 400 * k);
        score[k] = dl_item(dl_sum(c, dl_mul(c, dl_slice(c, x, 0, 0, 1), dl_slice(c, x, 0, 1, 2))));
    }
    CHECK_NEAR(score[0], score[1], 1e-5);
    CHECK_OK(c);
}

static void slopes(void)
{
    dl_tensor *y;
    int i;
    dl_step_begin(c);
    y = dl_alibi_slopes(c, 8);
    for (i = 0; i < 8; i++) CHECK_NEAR(y->data[i], pow(2, -(i + 1)), 1e-9);
    y = dl_alibi_slopes(c, 12);                                    /* those of 8 heads, then every other one of 16 */
    for (i = 0; i < 8; i++) CHECK_NEAR(y->data[i], pow(2, -(i + 1)), 1e-9);
    for (i = 0; i < 4; i++) CHECK_NEAR(y->data[8 + i], pow(2, -0.5 - i), 1e-7);
    y = dl_alibi_slopes(c, 1);
    CHECK_NEAR(dl_item(dl_sum(c, y)), pow(2, -8), 1e-9);
    BAD(dl_alibi_slopes(c, 0), "alibi_slopes");
}

/* --- tokens -------------------------------------------------------------------------------------------------------------- */
static const char *token(const dl_tokenizer *t, int id) { return dl_text_decode(c, t, INTS(id), NULL); }

/* The example of Sennrich et al. 2016: low 5 times, lower 2, newest 6, widest 3, Z ends a word; a line end separates pieces.
   Worked by hand; of equal counts the pair of smaller numbers comes first, letters in the order of the alphabet, Z before them:
   es 9; tZ 9 (t before es); es+tZ 9; lo 7; lo+w 7; ew 6 (e before n); n+ew 6; new+estZ 6; low+Z 5; d+estZ 3; i+destZ 3; w+idestZ 3; er 2; low+er 2
   (low before er); lower+Z 2; then nothing comes twice but line ends, which stand alone between pieces. */
static void byte_pairs_by_hand(void)
{
    static const char *const want[] = {"es", "tZ", "estZ", "lo", "low", "ew", "new", "newestZ", "lowZ", "destZ", "idestZ", "widestZ"};
    static const char text[] = "lowZ\nlowZ\nlowZ\nlowZ\nlowZ\nlowerZ\nlowerZ\nnewestZ\nnewestZ\nnewestZ\nnewestZ\nnewestZ\nnewestZ\nwidestZ\nwidestZ\nwidestZ\n";
    dl_tokenizer *t = dl_tokenizer_train(c, text, -1, 268), *rest = dl_tokenizer_train(c, text, -1, 1000);
    dl_tensor *y;
    int i;
    dl_step_begin(c);
    for (i = 0; i < 12; i++) CHECK(strcmp(token(t, 256 + i), want[i]) == 0);
    y = dl_text_encode(c, t, "lowestZ", -1);                       /* a word it never saw: low, estZ */
    CHECK(y->size == 2 && y->idata[0] == 260 && y->idata[1] == 258);
    CHECK(dl_tokenizer_id(t, "newestZ", -1) == 263 && dl_tokenizer_id(t, "newest", -1) == -1 && dl_tokenizer_id(t, "new", 2) == -1);
    CHECK(dl_tokenizer_size(t) == 268 && dl_tokenizer_size(rest) == 271);
    CHECK_OK(c);
}

static void byte_pairs_against_python(void)
{
    static const char vocab[] = "build/test_text_" BUILD "vocab.json", merges[] = "build/test_text_" BUILD "merges.txt";
    dl_tokenizer *t[2];
    dl_tensor *y;
    int64_t n;
    int k, i, size = 256 + (int)(sizeof bpe_merges / sizeof *bpe_merges - 1) / 2;
    dl_step_begin(c);
    t[0] = dl_tokenizer_train(c, bpe_train, -1, size);
    CHECK(dl_tokenizer_size(t[0]) == size);
    for (i = 0; bpe_merges[i] >= 0; i += 2) {
        char joint[64];
        int64_t left, right;
        dl_text_decode(c, t[0], INTS(bpe_merges[i]), &left);
        dl_text_decode(c, t[0], INTS(bpe_merges[i + 1]), &right);
        memcpy(joint, token(t[0], bpe_merges[i]), (size_t)left);
        memcpy(joint + left, token(t[0], bpe_merges[i + 1]), (size_t)right);
        if (!CHECK(dl_tokenizer_id(t[0], joint, left + right) == 256 + i / 2)) break;
    }
    CHECK(dl_tokenizer_save(c, t[0], vocab, merges));
    t[1] = dl_tokenizer_gpt2(c, vocab, merges);
    CHECK(dl_tokenizer_size(t[1]) == size);
    for (k = 0; k < 2; k++) {
        y = dl_text_encode(c, t[k], bpe_text, -1);
        CHECK(y->size == (int64_t)(sizeof bpe_ids / sizeof *bpe_ids - 1));
        for (i = 0; i < y->size; i++) if (!CHECK(y->idata[i] == bpe_ids[i])) break;
        CHECK(strcmp(dl_text_decode(c, t[k], y, &n), bpe_text) == 0 && n == (int64_t)strlen(bpe_text));
    }
    for (i = 0, n = 0; bpe_pieces[i] >= 0; n += bpe_pieces[i++]) {             /* tokens never cross the border of a piece */
        dl_tensor *a = dl_text_encode(c, t[0], bpe_text, n + bpe_pieces[i]);
        CHECK(memcmp(a->idata, y->idata, (size_t)a->size * 4) == 0);
    }
    CHECK_OK(c);
}

/* The most frequent pair, of equals the first, is joined from left to right, again and again.  Words of few letters have runs, in
   which pairs overlap, and tokens that are made in two ways. */
static void byte_pairs_by_definition(void)
{
    enum { N = 60, MADE = 12 };
    static char name[256 + MADE][N + 1];
    int trial, i, k;
    for (i = 0; i < 256; i++) name[i][0] = (char)i;
    for (trial = 0; trial < 60; trial++) {
        char text[N];
        int s[N], n = N, size = 256;
        dl_tokenizer *t;
        dl_tensor *letters;
        dl_step_begin(c);
        letters = dl_rand(c, DL_SHAPE(N));
        for (i = 0; i < N; i++) s[i] = text[i] = (char)('a' + (int)(letters->data[i] * (dl_real)(1 + trial % 4)));
        t = dl_tokenizer_train(c, text, N, 256 + MADE);
        while (size < 256 + MADE) {
            int most = 1, left = 0, right = 0, id = 256, to = 0;
            char joint[2 * N + 1];
            for (i = 0; i + 1 < n; i++) {
                int count = 0;
                for (k = 0; k + 1 < n; k++) count += s[k] == s[i] && s[k + 1] == s[i + 1];
                if (count < most || (count == most && (s[i] > left || (s[i] == left && s[i + 1] >= right)))) continue;
                most = count; left = s[i]; right = s[i + 1];
            }
            if (most < 2) break;
            strcat(strcpy(joint, name[left]), name[right]);
            while (id < size && strcmp(name[id], joint)) id++;
            if (id == size) strcpy(name[size++], joint);
            for (i = 0; i < n; i++, to++) {
                int joins = i + 1 < n && s[i] == left && s[i + 1] == right;
                s[to] = joins ? id : s[i];
                i += joins;
            }
            n = to;
        }
        if (!CHECK(dl_tokenizer_size(t) == size)) break;
        for (i = 256; i < size; i++) if (!CHECK(strcmp(token(t, i), name[i]) == 0)) break;
    }
    CHECK_OK(c);
}

static void any_bytes_come_back(void)
{
    static char bytes[5000];
    dl_tokenizer *t;
    dl_tensor *y;
    const char *back;
    int64_t i, n;
    dl_step_begin(c);
    for (i = 0; i < 5000; i++) bytes[i] = (char)(i < 256 ? i : i < 600 ? 'a' : (i * i * 31 >> 3 ^ i * 7) % (i < 3000 ? 256 : 40));
    t = dl_tokenizer_train(c, bytes, 5000, 700);
    y = dl_text_encode(c, t, bytes, 5000);
    back = dl_text_decode(c, t, y, &n);
    CHECK(y->size < 4600 && n == 5000 && memcmp(back, bytes, 5000) == 0 && back[5000] == 0);
    t = dl_tokenizer_chars(c, bytes, 5000);
    y = dl_text_encode(c, t, bytes, 5000);
    back = dl_text_decode(c, t, y, &n);
    CHECK(n == 5000 && memcmp(back, bytes, 5000) == 0);
    CHECK_OK(c);
}

static void characters(void)
{
    static const int want[5] = {4, 1, 2, 3, 0};
    dl_tokenizer *t = dl_tokenizer_chars(c, "b\xc3\xa4" "a\nb\xe2\x82\xac", -1);           /* \n a b, a umlaut, the euro sign */
    dl_tensor *y;
    int i, end;
    dl_step_begin(c);
    y = dl_text_encode(c, t, "\xe2\x82\xac" "ab\xc3\xa4\n", -1);
    CHECK(dl_tokenizer_size(t) == 5 && y->size == 5);
    for (i = 0; i < 5; i++) CHECK(y->idata[i] == want[i]);
    end = dl_tokenizer_add(c, t, "<end>");
    CHECK(end == 5 && dl_tokenizer_id(t, "<end>", -1) == 5 && dl_tokenizer_size(t) == 6);
    CHECK(strcmp(dl_text_decode(c, t, INTS(1, 5, 3), NULL), "a<end>\xc3\xa4") == 0);
    CHECK(dl_tokenizer_add(c, t, "x") == 6);                       /* a text is not encoded to what was added */
    BAD(dl_text_encode(c, t, "abx", -1), "text_encode: no token for the character 120 at position 2");
    BAD(dl_text_encode(c, t, "ab\xc3", -1), "text_encode: no token for the character 195 at position 2");
    CHECK(dl_tokenizer_add(c, t, "a") == -1);
    CHECK_ERROR(c, "tokenizer_add: there is a token \"a\" already");
}

/* --- files --------------------------------------------------------------------------------------------------------------- */
static void write_file(const char *path, const char *s, size_t n)
{
    FILE *f = fopen(path, "wb");
    if (CHECK(f != NULL)) { fwrite(s, 1, n, f); fclose(f); }
}

#define VOCAB  "build/test_text_" BUILD "v.json"
#define MERGES "build/test_text_" BUILD "m.txt"
static void bad_files(void)
{
    static const char *const bad[][3] = {
        {"", "", "BadVocabulary at byte 0: { expected, the end found"}, {"[", "", "{ expected, '[' found"}, {"{\"a\":0", "", "a comma or } expected"},
        {"{\"a\":0}x", "", "nothing more expected, 'x' found"}, {"{\"a\" 0}", "", "at byte 5: : expected"}, {"{\"a\":}", "", "a whole number expected"},
        {"{\"a\":-1}", "", "a whole number expected, '-' found"}, {"{\"a\":99999999999999999999}", "", "a number below 2^64"},
        {"{\"a\":9}", "", "BadId at byte 1: id, at most: 1 expected, 9 found"}, {"{\"a\":18446744073709551615}", "", "BadId"},
        {"{\"a\":0,\"b\":0}", "", "DuplicateId at byte 7"}, {"{\"a\":0,\"a\":1}", "", "token 1 is the same as token 0"}, {"{\"a\":1}", "", "no token has the id 0"},
        {"{\"\":0}", "", "stand for bytes"}, {"{\"\\u2000\":0}", "", "stand for bytes"}, {"{\"\\u00g0\":0}", "", "the escape of a character"},
        {"{\"a", "", "\" expected, the end found"}, {"{\"a\\", "", "the escape of a character"}, {"{\"\xff\":0}", "", "BadVocabulary at byte 2: UTF-8"},
        {"{\"a\":0,}", "", "in quotes"}, {"{\"a\":0,\"b\":1}", "a b\n", "whose joint is a token"}, {"{\"a\":0,\"aa\":1}", "a\n", "two tokens"},
        {"{\"a\":0,\"aa\":1}", "a a a\n", "BadMerge at byte 0: two tokens and a blank between them"}, {"{\"a\":0,\"aa\":1}", "a \n", "stand for bytes"},
        {"{\"a\":0,\"aa\":1}", "#version: 0.2\r\na a\r\na a\r\n", "DuplicateMerge at byte 20"}, {"{\"a\":0,\"aa\":1}", "a \xe4\n", "stand for bytes"}};
    static const char good_vocab[] = " { \"b\" : 1,\n\"a\":0 , \"ab\":\t2, \"\\u0120\\\"\\\\\\/\": 3 }\n", good_merges[] = "#version: 0.2\n\na b\r\n";
    static const char *const paths[][2] = {{"build/none.json", MERGES}, {VOCAB, "build/none.txt"}, {NULL, MERGES}, {VOCAB, NULL}, {"build", MERGES}};
    dl_tokenizer *t;
    dl_tensor *y;
    int64_t n;
    int i;
    for (i = 0; i < (int)(sizeof bad / sizeof *bad); i++) {
        write_file(VOCAB, bad[i][0], strlen(bad[i][0]));
        write_file(MERGES, bad[i][1], strlen(bad[i][1]));
        CHECK(dl_tokenizer_gpt2(c, VOCAB, MERGES) == NULL);
        if (!CHECK(dl_error(c) && strncmp(dl_error(c), "tokenizer_gpt2: \"build/", 23) == 0)) printf("\n    %s", bad[i][0]);
        CHECK_ERROR(c, bad[i][2]);
    }
    write_file(VOCAB, good_vocab, sizeof good_vocab - 1);
    write_file(MERGES, good_merges, sizeof good_merges - 1);
    t = dl_tokenizer_gpt2(c, VOCAB, MERGES);
    CHECK_OK(c);
    CHECK(dl_tokenizer_size(t) == 4 && dl_tokenizer_id(t, " \"\\/", -1) == 3);
    y = dl_text_encode(c, t, "abba", -1);
    CHECK(y->size == 3 && y->idata[0] == 2 && y->idata[1] == 1 && y->idata[2] == 0);
    BAD(dl_text_encode(c, t, "abc", -1), "text_encode: no token for the byte 99 at position 2");
    for (i = 0; i < 5; i++) {
        CHECK(dl_tokenizer_gpt2(c, paths[i][0], paths[i][1]) == NULL);
        CHECK_ERROR(c, "tokenizer_gpt2: \"");
    }
    CHECK(strcmp(dl_text_load(c, MERGES, &n), good_merges) == 0 && n == (int64_t)sizeof good_merges - 1);
    CHECK(dl_text_load(c, "build/none.txt", &n) == NULL && n == 0);
    CHECK_ERROR(c, "text_load: \"build/none.txt\": cannot open it");
    CHECK(!dl_tokenizer_save(c, t, "build/no/folder", MERGES));
    CHECK_ERROR(c, "tokenizer_save: \"build/no/folder\"");
    dl_tokenizer_add(c, t, "");
    CHECK(!dl_tokenizer_save(c, t, VOCAB, MERGES));
    CHECK_ERROR(c, "tokenizer_save: token 4 is empty");
    CHECK(!dl_tokenizer_save(c, dl_tokenizer_chars(c, "ab", -1), VOCAB, MERGES));
    CHECK_ERROR(c, "tokenizer_save: characters");
    write_file(VOCAB, "{}", 2);                                                            /* no tokens at all: and back again */
    write_file(MERGES, "", 0);
    t = dl_tokenizer_gpt2(c, VOCAB, MERGES);
    CHECK(dl_tokenizer_save(c, t, VOCAB, MERGES) && dl_tokenizer_size(dl_tokenizer_gpt2(c, VOCAB, MERGES)) == 0);
    CHECK_OK(c);
    dl_text_decode(c, t, dl_to_int(c, dl_zeros(c, DL_SHAPE(9))), NULL);
    CHECK_ERROR(c, "text_decode: ids (9) holds 0 at index");
}

/* Truncations and flipped bits of good files: an error or a tokenizer, never a crash; what loads can encode and decode. */
static void hostile_files(void)
{
    static char file[2][40000], broken[40000];
    static const char *const path[2] = {VOCAB, MERGES};
    int64_t n[2], i;
    int k, loaded = 0, refused = 0;
    dl_ctx *d = dl_create(.seed = 1);
    dl_tokenizer *t = dl_tokenizer_train(d, bpe_train, -1, 300);
    CHECK(dl_tokenizer_save(d, t, VOCAB, MERGES));
    for (k = 0; k < 2; k++) {
        char *text = dl_text_load(d, path[k], &n[k]);
        if (CHECK(text && n[k] < 40000)) memcpy(file[k], text, (size_t)n[k] + 1);
    }
    for (k = 0; k < 2; k++) {
        for (i = 0; i < 2 * n[k]; i += i < n[k] ? n[k] / 60 + 1 : n[k] / 150 + 1) {
            dl_ctx *e = dl_create(.block_bytes = 4096);
            int64_t at = i % n[k], length = i < n[k] ? at : n[k];
            memcpy(broken, file[k], (size_t)n[k]);
            if (i >= n[k]) broken[at] = (char)(broken[at] ^ 1 << (i * 5 % 8));
            write_file(path[k], broken, (size_t)length);
            t = dl_tokenizer_gpt2(e, VOCAB, MERGES);
            CHECK((t != NULL) == (dl_error(e) == NULL));
            if (t) dl_text_decode(e, t, dl_text_encode(e, t, "then the others", -1), NULL);
            if (t) loaded++; else refused++;
            dl_destroy(e);
        }
        write_file(path[k], file[k], (size_t)n[k]);
    }
    CHECK(loaded > 20 && refused > 120);
    dl_destroy(d);
}

/* --- batches ------------------------------------------------------------------------------------------------------------- */
static void batches(void)
{
    dl_tensor *tokens, *x, *y;
    int64_t index, i, total = 0;
    int seen[92] = {0}, k;
    dl_step_begin(c);
    tokens = dl_keep(c, dl_to_int(c, dl_arange(c, 0, 100, 1)));
    for (k = 0; k < 400; k++) {
        dl_step_begin(c);
        CHECK(dl_text_batch(c, tokens, 3, 9, &x, &y) == 1);
        for (i = 0; i < 27; i++) CHECK(y->idata[i] == x->idata[i] + 1 && x->idata[i] == x->idata[i / 9 * 9] + i % 9);
        for (i = 0; i < 27; i += 9) seen[x->idata[i]]++;
    }
    for (i = 0; i <= 90; i++) CHECK(seen[i] > 0);                  /* 1,200 draws from 91 places: each, but with 2e-4 */
    CHECK(seen[91] == 0);
    for (index = 0; dl_text_batch(c, tokens, 4, 5, &x, &y, .sequential = 1, .index = index); index++)
        for (i = 0; i < 20; i++, total++) CHECK(x->idata[i] == i / 5 * 24 + index * 5 + i % 5 && y->idata[i] == x->idata[i] + 1);
    CHECK(index == 4 && total == 80);                              /* tracks of 24, of which a rest of 4 is dropped */
    CHECK_OK(c);
    CHECK(dl_text_batch(c, tokens, 2, 2, &x, &y, .index = INT64_MAX));           /* means nothing where places are random */
    CHECK(!dl_text_batch(c, tokens, 4, 100, &x, &y) && dl_is_nil(x) && dl_is_nil(y));
    CHECK_ERROR(c, "text_batch: 4 windows of 100 tokens and the one behind, number 0, of (100)");
    CHECK(!dl_text_batch(c, tokens, 0, 10, &x, &y));
    CHECK_ERROR(c, "text_batch");
    CHECK(!dl_text_batch(c, tokens, 1, 10, &x, NULL));
    CHECK_ERROR(c, "text_batch");
    CHECK(!dl_text_batch(c, NULL, 1, 10, &x, &y));
    CHECK_ERROR(c, "text_batch: tokens is NULL");
}

/* --- sampling ------------------------------------------------------------------------------------------------------------ */
#define DRAWS 20000
/* Draws from the first 6 logits' distribution against its probabilities by a chi-square test; the 0.9999 point of 5 degrees is 25.7. */
static void frequencies(dl_sample_token_opts o, const double *p)
{
    dl_tensor *logits, *y;
    int count[6] = {0}, i;
    double chi = 0;
    dl_step_begin(c);
    logits = dl_expand(c, dl_reshape(c, REALS(1, 0, (dl_real)2.5, -1, 2, (dl_real)0.5), DL_SHAPE(1, 6)), DL_SHAPE(DRAWS, 6));
    y = dl_sample_token_with(c, logits, o);
    if (!CHECK_OK(c)) return;
    CHECK(y->ndim == 1 && y->size == DRAWS && y->dtype == DL_INT32);
    for (i = 0; i < DRAWS; i++) count[y->idata[i]]++;
    for (i = 0; i < 6; i++) {
        if (p[i] == 0) CHECK(count[i] == 0);
        else chi += (count[i] - DRAWS * p[i]) * (count[i] - DRAWS * p[i]) / (DRAWS * p[i]);
    }
    CHECK(chi < 25.7);
}

static void sampled_tokens(void)
{
    static const double logit[6] = {1, 0, 2.5, -1, 2, 0.5};
    dl_sample_token_opts o;
    double p[6], sum, t;
    int i, k;
    ROW("GEN-04");
    for (k = 0; k < 5; k++) {
        memset(&o, 0, sizeof o);
        t = k == 1 ? 0.7 : 1;
        if (k == 1) o.temperature = (dl_real)0.7;
        if (k == 2) o.top_k = 3;
        if (k == 3) o.top_p = (dl_real)0.7;                        /* 2.5 and 2 have 0.503 + 0.305 */
        if (k == 4) o.repetition_penalty = 2, o.history = INTS(2, 3, 2);
        for (sum = 0, i = 0; i < 6; i++) {
            double l = logit[i];
            if (k == 4 && (i == 2 || i == 3)) l = l < 0 ? l * 2 : l / 2;
            p[i] = exp(l / t);
            if ((k == 2 && i != 2 && i != 4 && i != 0) || (k == 3 && i != 2 && i != 4)) p[i] = 0;
            sum += p[i];
        }
        for (i = 0; i < 6; i++) p[i] /= sum;
        if (k == 4) o.history = dl_keep(c, o.history);
        frequencies(o, p);
    }
    dl_step_begin(c);
    {
        dl_tensor *b = dl_bernoulli(c, dl_full(c, DL_SHAPE(100, 100), (dl_real)0.3)), *edge = dl_bernoulli(c, REALS(0, 1, 0, 1));
        double mean = dl_item(dl_mean(c, b));
        CHECK_NEAR(mean, 0.3, 4 * sqrt(0.21 / 10000));
        for (i = 0; i < 10000; i++) CHECK(b->data[i] == 0 || b->data[i] == 1);
        for (i = 0; i < 4; i++) CHECK(edge->data[i] == i % 2);
    }
    {
        dl_tensor *y = dl_multinomial(c, REALS(1, 2, 3, 4), DRAWS, .replacement = 1);
        double chi = 0;
        int count[4] = {0};
        for (i = 0; i < DRAWS; i++) count[y->idata[i]]++;
        for (i = 0; i < 4; i++) chi += pow(count[i] - DRAWS * (i + 1) / 10.0, 2) / (DRAWS * (i + 1) / 10.0);
        CHECK(chi < 21.1);
    }
    CHECK_OK(c);
}

static void greedy_tokens(void)
{
    dl_tensor *y, *x;
    int i;
    dl_step_begin(c);
    x = dl_tensor_from(c, (const dl_real[]){0, 3, 1, 2, -1, -3, -2, -1}, DL_SHAPE(2, 1, 4));
    y = dl_sample_token(c, x, .temperature = -1);
    CHECK(y->ndim == 2 && y->shape[0] == 2 && y->shape[1] == 1 && y->idata[0] == 1 && y->idata[1] == 0);
    y = dl_sample_token(c, x, .temperature = -1, .repetition_penalty = 4, .history = dl_tensor_from_int(c, (const int32_t[]){1, 0}, DL_SHAPE(2, 1)));
    CHECK(y->idata[0] == 3 && y->idata[1] == 3);                   /* 3 / 4 < 2; -1 * 4 < -1 */
    y = dl_sample_token(c, x, .temperature = -1, .repetition_penalty = 4, .history = dl_tensor_from_int(c, (const int32_t[]){1, 1, 0, 0}, DL_SHAPE(2, 1, 2)));
    CHECK(y->idata[0] == 3 && y->idata[1] == 3);
    y = dl_sample_token(c, x, .history = dl_tensor_from_int(c, (const int32_t[]){0, 1, 1, 1, 0, 0}, DL_SHAPE(3, 2)));
    CHECK_ERROR(c, "sample_token: history (3,2) for logits (2,1,4), expected one axis or (2, ..)");
    for (i = 0; i < 20; i++) CHECK(dl_item(dl_sample_token(c, REALS(5, 9, 1), .top_k = 1)) == 1);
    for (i = 0; i < 20; i++) CHECK(dl_item(dl_sample_token(c, REALS(5, 9, 1), .top_p = (dl_real)1e-6)) == 1);
    y = dl_sample_token(c, REALS(-INFINITY, 0, -INFINITY));        /* masked ones never come */
    CHECK(y->ndim == 0 && y->idata[0] == 1);
    CHECK_OK(c);
    BAD(dl_sample_token(c, REALS(0, 1), .temperature = -2), "sample_token: temperature -2");
    BAD(dl_sample_token(c, REALS(0, 1), .temperature = (dl_real)NAN), "sample_token: temperature nan");
    BAD(dl_sample_token(c, REALS(-INFINITY, 1), .temperature = (dl_real)INFINITY), "sample_token: temperature inf");
    BAD(dl_sample_token(c, REALS(0, 1), .top_k = -1), "sample_token: temperature 1, top_k -1");
    BAD(dl_sample_token(c, REALS(0, 1), .top_p = (dl_real)1.5), "top_p 1.5");
    BAD(dl_sample_token(c, REALS(0, 1), .repetition_penalty = -1), "repetition_penalty -1");
    BAD(dl_sample_token(c, REALS(0, (dl_real)NAN)), "sample_token: the largest logit is nan, at position 1");
    BAD(dl_sample_token(c, REALS(-INFINITY, -INFINITY)), "sample_token: the largest logit is -inf");
    BAD(dl_sample_token(c, dl_scalar(c, 1)), "sample_token: logits () have no axis");
    BAD(dl_sample_token(c, REALS(0, 1), .history = INTS(0, 2)), "sample_token: history (2) holds 2 at index 1, expected 0 to 1, for (2)");
    BAD(dl_sample_token(c, REALS(0, 1), .history = REALS(0, 1)), "sample_token: history (2) holds reals");
    BAD(dl_sample_token(c, INTS(1)), "sample_token: logits (1) holds int32");
    BAD(dl_bernoulli(c, REALS(0, (dl_real)1.5)), "bernoulli: probability 1.5 at position 1");
    BAD(dl_bernoulli(c, NULL), "bernoulli: p is NULL");
}

/* --- beam search --------------------------------------------------------------------------------------------------------- */

/* A language of 4 tokens, 3 ends it: logits depend on the last two tokens, by a formula.  user: counts the calls. */
static double language(const int32_t *p, int64_t n, int next)
{
    int64_t a = p[n - 1], b = n > 1 ? p[n - 2] : 0;
    return (double)((a * 7 + b * 5 + next * 3 + a * next * 2 + n) % 11) / 4 - (next == 3 ? 1.5 : 0);
}
static dl_tensor *language_step(dl_ctx *ctx, dl_tensor *prefixes, dl_tensor *parent, void *user)
{
    dl_tensor *y = dl_empty(ctx, DL_SHAPE(prefixes->shape[0], 4));
    int64_t b, n = prefixes->shape[1];
    int k;
    CHECK(parent->size == prefixes->shape[0] && !dl_is_training(ctx));
    for (b = 0; b < parent->size; b++) for (k = 0; k < 4; k++) y->data[4 * b + k] = (dl_real)language(prefixes->idata + b * n, n, k);
    ++*(int *)user;
    return y;
}
static double log_probability(const int32_t *p, int64_t n, int next)
{
    double sum = 0;
    int k;
    for (k = 0; k < 4; k++) sum += exp(language(p, n, k));
    return language(p, n, next) - log(sum);
}
/* The best ended continuation of at most `left` more tokens, by trying all. */
static void enumerate(int32_t *p, int64_t n, int64_t start, int64_t left, double sum, double penalty, double *best, int32_t *best_p, int64_t *best_n)
{
    int k;
    for (k = 0; k < 4 && left; k++) {
        double s = sum + log_probability(p, n, k);
        p[n] = k;
        if (k < 3) enumerate(p, n + 1, start, left - 1, s, penalty, best, best_p, best_n);
        else if (s / pow((double)(n + 1 - start), penalty) > *best) {
            *best = s / pow((double)(n + 1 - start), penalty);
            memcpy(best_p, p, (size_t)(n + 1) * 4);
            *best_n = n + 1;
        }
    }
}

static dl_tensor *bad_step(dl_ctx *ctx, dl_tensor *prefixes, dl_tensor *parent, void *user)
{
    (void)prefixes; (void)parent;
    return *(int *)user == 0 ? NULL : *(int *)user == 1 ? dl_ones(ctx, DL_SHAPE(3, 3)) : dl_full(ctx, DL_SHAPE(1, 3), -INFINITY);
}

static dl_tensor *forgetful_step(dl_ctx *ctx, dl_tensor *prefixes, dl_tensor *parent, void *user)
{
    const int64_t beams = prefixes->shape[0];
    (void)parent; (void)user;
    dl_step_begin(ctx);
    return dl_ones(ctx, DL_SHAPE(beams, 3));
}

static void beams(void)
{
    static const double penalties[] = {-1, 0, 2};
    int32_t p[16] = {1}, want[16];
    int calls = 0, i, k;
    double score;
    ROW("SEQ-10");
    for (k = 0; k < 3; k++) {                                      /* one beam: the largest logit again and again */
        dl_tensor *y;
        int64_t n = 1;
        dl_step_begin(c);
        p[0] = k;
        while (n < 13 && (n == 1 || p[n - 1] != 3)) {
            int best = 0;
            for (i = 1; i < 4; i++) if (language(p, n, i) > language(p, n, best)) best = i;
            p[n++] = best;
        }
        y = dl_beam_search(c, INTS(k), language_step, &calls, .beams = 1, .max_length = 12, .end_token = 3);
        CHECK(y->size == n && memcmp(y->idata, p, (size_t)n * 4) == 0);
    }
    for (k = 0; k < 9; k++) {                                      /* beams for all prefixes: the best there is */
        double best = -1e9, penalty = penalties[k % 3];
        int64_t n = 0;
        dl_tensor *y;
        dl_step_begin(c);
        p[0] = k / 3;
        enumerate(p, 1, 1, 5, 0, penalty == -1 ? 0 : penalty == 0 ? 1 : penalty, &best, want, &n);
        y = dl_beam_search(c, INTS(k / 3), language_step, &calls, .beams = 1024, .max_length = 5, .end_token = 3, .length_penalty = penalty, .score = &score);
        CHECK(y->size == n && memcmp(y->idata, want, (size_t)n * 4) == 0);
        CHECK_NEAR(score, best, 1e-5);
    }
    {                                                              /* more beams never end below the sum that greedy reached */
        double greedy = 0;
        dl_step_begin(c);
        dl_beam_search(c, INTS(2), language_step, &calls, .beams = 1, .max_length = 12, .length_penalty = -1, .score = &greedy);
        dl_beam_search(c, INTS(2), language_step, &calls, .beams = 64, .max_length = 12, .length_penalty = -1, .score = &score);
        CHECK(score >= greedy - 1e-6);
        CHECK(dl_beam_search(c, INTS(2, 0), language_step, &calls, .max_length = 3)->size == 5);    /* no end token: full length */
        CHECK(dl_beam_search(c, INTS(2), language_step, &calls, .end_token = DL_ZERO, .max_length = 40)->size <= 41);
    }
    CHECK(calls > 50 && dl_is_training(c));
    CHECK_OK(c);
    i = 0;
    BAD(dl_beam_search(c, INTS(0), bad_step, &i), "beam_search: the step's result is NULL");
    i = 1;
    BAD(dl_beam_search(c, INTS(0), bad_step, &i), "beam_search: the step's result is (3,3), expected (1, vocabulary)");
    i = 2;
    BAD(dl_beam_search(c, INTS(0), bad_step, &i), "beam_search: no token is possible at position 1");
    BAD(dl_beam_search(c, INTS(0), language_step, &i, .beams = -1), "beam_search: beams -1");
    BAD(dl_beam_search(c, INTS(0), language_step, &i, .end_token = -2), "beam_search: end_token is -2");
    BAD(dl_beam_search(c, INTS(0), language_step, &i, .end_token = 4), "beam_search: end_token is 4, the step's result (1,4) has 4 tokens");
    BAD(dl_beam_search(c, INTS(0), language_step, &i, .max_length = -1), "beam_search: beams 4, max_length -1");
    BAD(dl_beam_search(c, INTS(0), NULL, &i), "beam_search");
    BAD(dl_beam_search(c, INTS(0), forgetful_step, NULL), "step_begin: beam_search still needs the tensors of this step");
    BAD(dl_beam_search(c, NULL, language_step, &i), "beam_search: prefix is NULL");
}

/* --- sequence to sequence ------------------------------------------------------------------------------------------------ */
enum { START = 3, END = 4, TOKENS = 5, LONGEST = 3, STRINGS = 3 + 9 + 27 };

/* All strings of 1 to 3 of 3 letters, and what comes out: the string reversed and END. */
static dl_tensor *strings(dl_tensor **lengths, dl_tensor **input, dl_tensor **target)
{
    dl_tensor *source = dl_to_int(c, dl_full(c, DL_SHAPE(STRINGS, LONGEST), END));
    int n, k, i = 0;
    *lengths = dl_to_int(c, dl_zeros(c, DL_SHAPE(STRINGS)));
    *input = dl_to_int(c, dl_full(c, DL_SHAPE(STRINGS, LONGEST + 1), END));
    *target = dl_to_int(c, dl_full(c, DL_SHAPE(STRINGS, LONGEST + 1), END));
    for (n = 1; n <= LONGEST; n++) {
        int j, of = n == 1 ? 3 : n == 2 ? 9 : 27;
        for (j = 0; j < of; j++, i++) {
            int rest = j;
            (*lengths)->idata[i] = n;
            for (k = 0; k < n; k++, rest /= 3) source->idata[i * LONGEST + k] = rest % 3;
            (*input)->idata[i * (LONGEST + 1)] = START;
            for (k = 0; k < n; k++) {
                (*target)->idata[i * (LONGEST + 1) + k] = source->idata[i * LONGEST + n - 1 - k];
                (*input)->idata[i * (LONGEST + 1) + k + 1] = source->idata[i * LONGEST + n - 1 - k];
            }
        }
    }
    return source;
}

static void train(dl_module *m, int steps)
{
    dl_optim *o = dl_optim_adam(c, m, .lr = 0.02);
    dl_tensor *source, *lengths, *input, *target;
    while (steps--) {
        dl_step_begin(c);
        source = strings(&lengths, &input, &target);
        dl_backward(c, dl_cross_entropy(c, dl_flatten(c, dl_model_seq2seq_forward(c, m, source, input, .lengths = lengths), 0, 1),
                                        dl_flatten(c, target, 0, 1)));
        dl_clip_grad_norm(c, m, 1.0);
        dl_optim_step(c, o);
    }
}

static void reversed_strings(void)
{
    dl_module *m = dl_model_seq2seq(c, TOKENS, TOKENS, 24);
    dl_tensor *source, *lengths, *input, *target, *y;
    int beams, i, right;
    ROW("SEQ-04");
    train(m, 150);
    for (beams = 1; beams <= 3; beams += 2) {
        dl_step_begin(c);
        source = strings(&lengths, &input, &target);
        y = dl_model_seq2seq_decode(c, m, source, START, .lengths = lengths, .end_token = END, .max_length = LONGEST + 1, .beams = beams);
        if (!CHECK_OK(c)) return;
        CHECK(y->shape[0] == STRINGS && y->shape[1] == LONGEST + 2);
        for (i = right = 0; i < STRINGS; i++)
            right += y->idata[i * (LONGEST + 2)] == START && !memcmp(y->idata + i * (LONGEST + 2) + 1, target->idata + i * (LONGEST + 1), 4 * (LONGEST + 1));
        CHECK(right == STRINGS);
    }
}

/* Attention of both kinds: weights of a letter sum to 1 and end with the string; decoding is arg-max again and again. */
static void attention_for_sequences(void)
{
    int kind, i, k, t;
    for (kind = DL_ATTENTION_ADDITIVE; kind <= DL_ATTENTION_DOT; kind++) {
        dl_module *m = dl_model_seq2seq(c, TOKENS, TOKENS, 12, .attention = (dl_attention_kind)kind, .lstm = kind == DL_ATTENTION_DOT, .layers = 2, .embed = 6, .dropout = (dl_real)0.1);
        dl_tensor *source, *lengths, *input, *target, *y, *a = NULL, *next;
        train(m, 20);
        dl_step_begin(c);
        dl_set_training(c, 0);
        source = strings(&lengths, &input, &target);
        y = dl_model_seq2seq_decode(c, m, source, START, .lengths = lengths, .end_token = END, .max_length = LONGEST + 1);
        next = dl_model_seq2seq_forward(c, m, source, dl_slice(c, y, 1, 0, LONGEST + 1), .lengths = lengths, .weights = &a);
        if (!CHECK_OK(c)) return;
        CHECK(next->shape[0] == STRINGS && next->shape[1] == LONGEST + 1 && next->shape[2] == TOKENS);
        CHECK(a->ndim == 3 && a->shape[0] == STRINGS && a->shape[1] == LONGEST + 1 && a->shape[2] == LONGEST);
        next = dl_argmax(c, next, .dims = DL_DIM(2));
        for (i = 0; i < STRINGS; i++)
            for (t = 0; t <= LONGEST; t++) {
                const int32_t *row = y->idata + i * (LONGEST + 2);
                double sum = 0;
                for (k = 0; k < LONGEST; k++) {
                    double w = (double)a->data[(i * (LONGEST + 1) + t) * LONGEST + k];
                    if (k >= lengths->idata[i]) CHECK(w == 0);
                    sum += w;
                }
                CHECK_NEAR(sum, 1, 1e-5);
                if (t == 0 || row[t] != END) CHECK(row[t + 1] == next->idata[i * (LONGEST + 1) + t]);
                else CHECK(row[t + 1] == END);
            }
        dl_set_training(c, 1);
        source = dl_keep(c, source);
        input = dl_keep(c, input);
        BAD(dl_model_seq2seq_forward(c, m, source, INTS(1)), "model_seq2seq_forward: source (39,3) and target (1)");
        BAD(dl_model_seq2seq_forward(c, m, INTS(1), input), "model_seq2seq_forward: source (1)");
        BAD(dl_model_seq2seq_forward(c, m, NULL, input), "model_seq2seq_forward: source is NULL");
        BAD(dl_model_seq2seq_decode(c, m, INTS(1), START), "model_seq2seq_decode: source (1)");
        BAD(dl_model_seq2seq_decode(c, m, source, START, .end_token = TOKENS), "model_seq2seq_decode: end_token is");
        BAD(dl_model_seq2seq_decode(c, dl_nn_linear(c, 2, 2), INTS(1), START), "model_seq2seq_decode: the module is a linear");
        BAD(dl_forward(c, m, INTS(1)), "forward: model_seq2seq has no forward function");
    }
    CHECK(dl_model_seq2seq(c, 3, 3, 4, .attention = (dl_attention_kind)5) != NULL);
    CHECK_ERROR(c, "model_seq2seq: attention is 5, expected 0 to 2");
    CHECK(dl_model_seq2seq(c, 3, 3, 4, .dropout = 2) != NULL);
    CHECK_ERROR(c, "model_seq2seq: dropout is 2");
    CHECK(dl_model_seq2seq(c, 3, 3, 4, .dropout = -1) != NULL);
    CHECK_OK(c);
    CHECK(dl_is_nil(dl_model_seq2seq_forward(NULL, NULL, NULL, NULL)) && dl_is_nil(dl_model_seq2seq_decode(NULL, NULL, NULL, 0)));
    CHECK(dl_model_seq2seq(NULL, 3, 3, 4) != NULL);
}

/* --- bad input ----------------------------------------------------------------------------------------------------------- */
#define W32 dl_ones(c, DL_SHAPE(3, 2))
static void bad_numbers(void)
{
    const dl_real nan = (dl_real)NAN;
    BAD(dl_embedding(c, W32, INTS(0, 3)), "embedding: ids (2) holds 3 at index 1, expected 0 to 2, for (3,2)");
    BAD(dl_embedding(c, W32, INTS(-1)), "embedding: ids (1) holds -1 at index 0");
    BAD(dl_embedding(c, dl_ones(c, DL_SHAPE(3)), INTS(0)), "embedding: weight (3), expected (rows, dim)");
    BAD(dl_embedding(c, W32, INTS(0), .padding_idx = 3), "embedding: padding_idx 3 is not one of the 3 rows");
    BAD(dl_embedding(c, W32, INTS(0), .padding_idx = -4), "embedding: padding_idx -4");
    BAD(dl_embedding(c, W32, INTS(0), .max_norm = -1), "embedding: max_norm is -1, expected 0 or more");
    BAD(dl_embedding(c, W32, INTS(0), .max_norm = nan), "embedding: max_norm is nan, expected 0 or more");
    BAD(dl_embedding(c, W32, INTS(0), .norm_type = -1), "norm_type is -1, expected 0 or more");
    BAD(dl_embedding_bag(c, W32, INTS(0, 1)), "embedding_bag: ids (2), expected (bags, ids)");
    BAD(dl_embedding_bag(c, W32, INTS(0, 1), .offsets = INTS(0, 3)), "embedding_bag: offset 3 at position 1");
    BAD(dl_embedding_bag(c, W32, INTS(0, 1), .offsets = INTS(1)), "embedding_bag: offset 1 at position 0");
    BAD(dl_embedding_bag(c, W32, INTS(0, 1), .offsets = INTS(0, 2, 1)), "embedding_bag: offset 1 at position 2");
    BAD(dl_embedding_bag(c, W32, INTS(0, 1), .offsets = INTS(0), .per_sample_weights = REALS(1, 2)), "embedding_bag: per_sample_weights (2)");
    BAD(dl_embedding_bag(c, W32, INTS(0, 1), .offsets = INTS(0), .mode = (dl_bag_mode)9), "embedding_bag: mode is 9");
    BAD(dl_embedding_bag(c, W32, INTS(0, 1), .offsets = INTS(0), .mode = DL_BAG_MAX, .scale_grad_by_freq = 1), "scale_grad_by_freq");
    BAD(dl_positional_encoding(c, 4, 3), "positional_encoding: dim 3 is odd");
    BAD(dl_positional_encoding(c, 0, 4), "positional_encoding: axis 0 has size 0");
    BAD(dl_positional_encoding(c, 4, 4, .base = -1), "positional_encoding: base -1");
    BAD(dl_positional_encoding(c, 4, 4, .offset = -1), "positional_encoding: base 10000, offset -1");
    BAD(dl_rope(c, W32, .heads = 2), "rope: x (3,2), expected (.., T, heads D) with 2 heads and an even D");
    BAD(dl_rope(c, W32, .heads = -1), "rope: x (3,2)");
    BAD(dl_rope(c, dl_ones(c, DL_SHAPE(2, 3))), "rope: x (2,3)");
    BAD(dl_rope(c, dl_scalar(c, 1)), "rope: x ()");
    BAD(dl_rope(c, W32, .base = (double)nan), "rope: base nan");
    CHECK(dl_module_get(c, dl_nn_embedding(c, 0, 3), "weight") != NULL);
    CHECK_ERROR(c, "embedding: axis 0 has size 0");
    CHECK(dl_nn_embedding(c, 4, 3, .padding_idx = 4) != NULL);
    CHECK_ERROR(c, "nn_embedding: padding_idx 4");
    BAD(dl_text_encode(c, NULL, "a", 1), "text_encode: the tokenizer is NULL");
    BAD(dl_text_encode(c, dl_tokenizer_chars(c, "a", 1), NULL, 1), "text_encode: the text is NULL");
    BAD(dl_text_encode(c, dl_tokenizer_chars(c, "a", 1), "", -1), "text_encode: the text is empty");
    CHECK(!*dl_text_decode(c, dl_tokenizer_chars(c, "a", 1), INTS(1), NULL));
    CHECK_ERROR(c, "text_decode: ids (1) holds 1 at index 0, expected 0 to 0");
    CHECK(dl_tokenizer_chars(c, NULL, 1) == NULL);
    CHECK_ERROR(c, "tokenizer_chars: the text is NULL");
    CHECK(dl_tokenizer_train(c, "abc", -1, 255) == NULL);
    CHECK_ERROR(c, "tokenizer_train: 255 tokens, expected from 256");
}

static void no_context(void)
{
    dl_tensor *x, *y;
    int64_t n;
    CHECK(dl_is_nil(dl_embedding(NULL, NULL, NULL)) && dl_is_nil(dl_embedding_bag(NULL, NULL, NULL)) && dl_nn_embedding(NULL, 3, 3) != NULL);
    CHECK(dl_is_nil(dl_positional_encoding(NULL, 2, 2)) && dl_is_nil(dl_rope(NULL, NULL)) && dl_is_nil(dl_alibi_slopes(NULL, 2)));
    CHECK(!dl_tokenizer_chars(NULL, "a", 1) && !dl_tokenizer_train(NULL, "a", 1, 300) && !dl_tokenizer_gpt2(NULL, "a", "b"));
    CHECK(!dl_tokenizer_save(NULL, NULL, "a", "b") && !dl_text_load(NULL, "a", &n) && dl_tokenizer_add(NULL, NULL, "a") == -1);
    CHECK(dl_tokenizer_id(NULL, "a", 1) == -1 && dl_tokenizer_size(NULL) == 0 && dl_is_nil(dl_text_encode(NULL, NULL, "a", 1)));
    CHECK(!*dl_text_decode(NULL, NULL, NULL, &n) && !dl_text_batch(NULL, NULL, 1, 1, &x, &y) && dl_is_nil(dl_sample_token(NULL, NULL)));
    CHECK(dl_is_nil(dl_bernoulli(NULL, NULL)) && dl_is_nil(dl_beam_search(NULL, NULL, NULL, NULL)));
}

int main(void)
{
    c = dl_create(.seed = 7);
    RUN(values_and_gradients);
    RUN(gradients_by_differences);
    RUN(bad_tensors);
    RUN(embedding_row);
    RUN(embedding_module);
    RUN(threads_change_nothing);
    RUN(positions);
    RUN(slopes);
    RUN(byte_pairs_by_hand);
    RUN(byte_pairs_against_python);
    RUN(byte_pairs_by_definition);
    RUN(any_bytes_come_back);
    RUN(characters);
    RUN(bad_files);
    RUN(hostile_files);
    RUN(batches);
    RUN(sampled_tokens);
    RUN(greedy_tokens);
    RUN(beams);
    RUN(reversed_strings);
    RUN(attention_for_sequences);
    RUN(bad_numbers);
    RUN(no_context);
    dl_destroy(c);
    TEST_END;
}
