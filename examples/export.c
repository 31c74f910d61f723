/* export.c: a trained network for other programs: as weights, as ONNX, and as one C file that needs no dl.h.

       cc -O2 -fopenmp examples/export.c -o export
       ./export
       ./export --help

   1. a small convolutional network learns digits drawn by code
   2. dl_save: export.safetensors, the weights alone; in Python: safetensors.torch.load_file
   3. dl_export_onnx: export.onnx, weights and operations for any ONNX runtime; in Python:
          session = onnxruntime.InferenceSession("export.onnx");  y, = session.run(None, {"input": x})
   4. dl_export_c: export_net.c, weights and operations as C99, for a microcontroller or a program that wants no library.
      The compiler of this machine ($CC, cc) builds it with a main of ten lines; its results are those of dl_forward.
      Where there is no compiler ("cc --version" fails), this is skipped.
   Exported is the network in evaluation mode: dropout is gone, batch normalization is a multiplication and an addition. */
#define DL_EXPORT
#define DL_STATIC
#define DL_IMPLEMENTATION
#include "../dl.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 200, PIXELS = 28 * 28, CLASSES = 10 };
static const char *out = ".";
static int wrong;

static const char *file(const char *name)                      /* out/name; the result is good for seven calls more */
{
    static char text[8][512];
    static int turn;
    turn = (turn + 1) % 8;
    snprintf(text[turn], sizeof text[turn], "%s/%s", out, name);
    return text[turn];
}

static void expect(const char *what, double value, double low, double high)
{
    int ok = value >= low && value <= high;
    printf("%-64s %10.6g   expected %g to %g%s\n", what, value, low, high, ok ? "" : "  <-- OFF");
    wrong += !ok;
}

static double wrote(const char *path)                          /* bytes */
{
    FILE *f = fopen(path, "rb");
    long size = f && !fseek(f, 0, SEEK_END) ? ftell(f) : 0;
    if (f) fclose(f);
    printf("wrote %s, %ld bytes\n", path, size);
    return (double)size;
}

static dl_module *make_net(dl_ctx *c)
{
    return dl_nn_sequential(c, dl_nn_conv2d(c, 1, 8, 3, .stride = 2), dl_nn_batchnorm2d(c, 8), dl_nn_relu(c), dl_nn_max_pool2d(c, 2),
                            dl_nn_flatten(c), dl_nn_dropout(c, .2f), dl_nn_linear(c, 288, CLASSES));
}

/* The program around the exported function: pictures from one file, answers into another. */
static const char program[] =
    "#include \"export_net.c\"\n"
    "#include <stdio.h>\n"
    "int main(int argc, char **argv)\n"
    "{\n"
    "    static float x[digits_INPUT], y[digits_OUTPUT], work[digits_WORK];\n"
    "    FILE *in = argc > 2 ? fopen(argv[1], \"rb\") : NULL, *out = argc > 2 ? fopen(argv[2], \"wb\") : NULL;\n"
    "    if (!in || !out) return 1;\n"
    "    while (fread(x, sizeof x, 1, in)) { digits(x, y, work); fwrite(y, sizeof y, 1, out); }\n"
    "    return fclose(out) != 0;\n"
    "}\n";

static int transfer(const char *path, const char *mode, void *p, size_t bytes)          /* all of p to or from a file */
{
    FILE *f = fopen(path, mode);
    int ok = f && (*mode == 'w' ? fwrite(p, bytes, 1, f) : fread(p, bytes, 1, f)) == 1;
    return f && fclose(f) == 0 && ok;
}

/* 1 if the exported C file was compiled and run, and has written its answers to y; -1 if there is no compiler. */
static int run_c(const dl_tensor *x, float *y)
{
    const char *cc = getenv("CC");
    char command[4096];
    if (!cc || !*cc) cc = "cc";
    snprintf(command, sizeof command, "%s --version > \"%s\" 2>&1", cc, file("export.answers"));
    int missing = system(command) != 0;
    remove(file("export.answers"));
    if (missing) return -1;
    if (!transfer(file("export_main.c"), "wb", (void *)program, sizeof program - 1) ||
        !transfer(file("export.pictures"), "wb", x->data, sizeof(float) * DIGITS * PIXELS)) return 0;
    snprintf(command, sizeof command, "%s -O2 \"%s\" -o \"%s\" -lm", cc, file("export_main.c"), file("export_main"));
    printf("%s\n", command);
    fflush(stdout);
    int ran = !system(command);
    snprintf(command, sizeof command, "\"%s\" \"%s\" \"%s\"", file("export_main"), file("export.pictures"), file("export.answers"));
    ran = ran && !system(command) && transfer(file("export.answers"), "rb", y, sizeof(float) * DIGITS * CLASSES);
    remove(file("export.pictures"));
    remove(file("export.answers"));
    return ran;
}

static void exports(dl_ctx *c, dl_module *net, dl_module *copy, dl_dataset *test)      /* up to the first error */
{
    static float answers[DIGITS * CLASSES];
    dl_set_training(c, 0);                                     /* for dl_forward; the exports do it by themselves */
    dl_step_begin(c);
    dl_tensor *x = dl_slice(c, test->inputs, 0, 0, DIGITS), *y = dl_forward(c, net, x), *one = dl_slice(c, x, 0, 0, 1);

    /* 8 x 9 + 8 weights of the convolution, 4 x 8 of the normalization, 2880 + 10 of the linear layer: 3002 numbers */
    if (!dl_save(c, net, file("export.safetensors"))) return;
    expect("bytes beyond those of 3002 floats: names and shapes", wrote(file("export.safetensors")) - 4 * 3002, 1, 1500);
    if (!dl_load(c, copy, file("export.safetensors"))) return;
    dl_tensor *again = dl_forward(c, copy, x);
    expect("largest difference after dl_load", dl_item(dl_max(c, dl_abs(c, dl_sub(c, again, y)))), 0, 0);

    if (!dl_export_onnx(c, net, one, file("export.onnx"))) return;              /* one picture or many: the batch is free */
    expect("bytes beyond those of 3002 floats: names and operations", wrote(file("export.onnx")) - 4 * 3002, 1, 3000);

    if (!dl_export_c(c, net, one, file("export_net.c"), "digits")) return;      /* digits(input, output, work), picture by picture */
    expect("characters for each of its 3002 numbers", wrote(file("export_net.c")) / 3002, 4, 20);
    int ran = run_c(x, answers), same = 0;
    double farthest = 0;
    if (ran < 0) { printf("skipped: no C compiler here\n"); return; }
    expect("the C file compiles and runs (1: yes)", ran, 1, 1);
    if (!ran) return;
    for (int i = 0; i < DIGITS; i++) {
        int a = 0, b = 0;
        for (int k = 0; k < CLASSES; k++) {
            double d = fabs(answers[i * CLASSES + k] - y->data[i * CLASSES + k]);
            if (d > farthest || d != d) farthest = d;          /* nan stays */
            if (answers[i * CLASSES + k] > answers[i * CLASSES + a]) a = k;
            if (y->data[i * CLASSES + k] > y->data[i * CLASSES + b]) b = k;
        }
        same += a == b;
    }
    expect("largest difference of the C file's answers from dl_forward's", farthest, 0, 1e-4);
    expect("digits out of 200 that both classify alike", same, DIGITS, DIGITS);
}

static const char help[] =
    "usage: export [options]\n"
    "  --epochs N     8\n"
    "  --out DIR      where the files go, the current folder\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        less data, 4 epochs: a test of the program\n";

int main(int argc, char **argv)
{
    int epochs = 0, threads = 0, seed = 1, quick = 0;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  epochs = atoi(value), i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else return fprintf(stderr, "export: unknown option %s\n%s", argv[i], help), 2;
    }
    if (epochs <= 0) epochs = quick ? 4 : 8;
    dl_ctx *c = dl_create(.seed = (uint64_t)seed, .threads = threads);
    dl_dataset *train = dl_data_drawn_digits(c, quick ? 2000 : 10000, 1), *test = dl_data_drawn_digits(c, 1000, 2);
    dl_module *net = make_net(c);
    dl_fit(c, net, dl_optim_adamw(c, net, .lr = 5e-3f), train, .epochs = epochs, .batch_size = 50);
    expect("accuracy", dl_evaluate(c, net, test).accuracy, quick ? .7 : .9, 1);

    exports(c, net, make_net(c), test);
    if (dl_error(c)) { fprintf(stderr, "export: %s\n", dl_error(c)); return 1; }
    dl_destroy(c);
    printf(wrong ? "numbers off: %d\n" : "all numbers are as expected\n", wrong);
    return wrong != 0;
}
