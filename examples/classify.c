/* classify.c: what does a photograph show?  A ResNet with weights trained elsewhere gives its five best guesses.

       cc -O2 -fopenmp examples/classify.c -o classify
       ./classify --weights resnet18.safetensors --labels classes.txt photo.jpg ..
       ./classify --help

   The weights come from torchvision, whose names the network has:

       import torchvision, safetensors.torch as st
       net = torchvision.models.resnet18(weights="DEFAULT")
       st.save_file(net.state_dict(), "resnet18.safetensors")
       open("classes.txt", "w").write("\n".join(torchvision.models.ResNet18_Weights.DEFAULT.meta["categories"]))

   Pictures: PPM, and JPEG and PNG if stb's headers are there (Debian: libstb-dev).  Without --weights the program tests itself:
   it writes and reads random weights and a picture drawn by code; the answers before and after must have equal bits.

   Checked against torchvision 0.29 (Resize(256), CenterCrop(224), Normalize) with ResNet-18 and -50 of random weights, batch norms
   with statistics of pictures, on photographs of 32 x 32 to 1001 x 703.  PNG: the same pixels, logits that differ by 6e-7 and 8e-6
   of their deviation, the same five guesses.  JPEG: stb's decoder differs from Pillow's by at most 2 of 255, .01 to .13 in the
   mean; with ResNet-18 the logits then differ by .2 to .9 % of their deviation, and the five guesses stay. */
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
    "usage: classify [options] [PICTURE ..]\n"
    "  --weights FILE  safetensors or npz, torchvision's names; without it: a test of the program\n"
    "  --labels FILE   names of the classes, one per line\n"
    "  --layers N      18, 34, 50, 101 or 152; 18\n"
    "  --top N         guesses, 5\n"
    "  --out DIR       where the test's files go, the current folder\n"
    "  --epochs N      no effect: nothing is trained\n"
    "  --threads N     all\n"
    "  --seed N        1, of the test's weights\n"
    "  --quick         fewer classes in the test\n";

enum { MAX_CLASSES = 10000 };
static char *labels[MAX_CLASSES];
static int wrong;

static char *read_labels(const char *path)                     /* splits the text into lines */
{
    FILE *f = fopen(path, "rb");
    char *text = f ? calloc(1, 1 << 20) : NULL;
    size_t n = text ? fread(text, 1, (1 << 20) - 1, f) : 0;
    if (f) fclose(f);
    if (!n) { fprintf(stderr, "classify: cannot read %s\n", path); free(text); return NULL; }
    int count = 0;
    for (char *line = strtok(text, "\r\n"); line && count < MAX_CLASSES; line = strtok(NULL, "\r\n")) labels[count++] = line;
    return text;
}

/* As the network was trained: the shorter side 256 pixels, the 224 x 224 in the middle, ImageNet's means and deviations. */
static dl_tensor *read_picture(dl_ctx *c, const char *path)
{
    return dl_image_load(c, path, .resize = 256, .crop = 224, .channels = 3,
                         .mean = {.485f, .456f, .406f}, .std = {.229f, .224f, .225f});
}

static dl_tensor *classify(dl_ctx *c, dl_module *net, const char *path, int top)
{
    dl_tensor *which, *p = dl_softmax(c, dl_forward(c, net, read_picture(c, path)), 1);
    dl_tensor *best = dl_topk(c, p, top < p->shape[1] ? top : p->shape[1], 1, .indices = &which);
    if (dl_error(c)) return best;
    printf("%s\n", path);
    for (int i = 0; i < best->size; i++) {
        int k = which->idata[i];
        printf("  %7.4f  class %d", best->data[i], k);
        if (k < MAX_CLASSES && labels[k]) printf(": %s", labels[k]);
        printf("\n");
    }
    return p;
}

static void expect(dl_ctx *c, const char *what, int ok)
{
    ok &= !dl_error(c);
    printf("%-72s %s\n", what, ok ? "yes" : "NO  <-- OFF");
    wrong += !ok;
}

static void self_test(dl_ctx *c, int layers, int classes, int top, const char *out)
{
    char file[512], picture[512];
    snprintf(file, sizeof file, "%s/classify.safetensors", out);
    snprintf(picture, sizeof picture, "%s/classify.ppm", out);

    dl_tensor *x = dl_zeros(c, DL_SHAPE(3, 240, 320));         /* a sun over the sea */
    for (int i = 0; i < 240 * 320 && !dl_error(c); i++) {
        int row = i / 320, dx = i % 320 - 220, dy = row - 70, sun = dx * dx + dy * dy < 30 * 30, sea = row > 150;
        x->data[i]                 = sun ? 1 : sea ? .05f : .5f;
        x->data[i + 240 * 320]     = sun ? .9f : sea ? .25f : .7f;
        x->data[i + 2 * 240 * 320] = sun ? .3f : sea ? .45f : .95f;
    }
    if (!dl_image_save(c, x, picture)) return;
    printf("wrote %s\n", picture);

    dl_module *net = dl_model_resnet(c, layers, .num_classes = classes);
    dl_module *other = dl_model_resnet(c, layers, .num_classes = classes);
    dl_tensor *before = classify(c, net, picture, top);
    double sum = 0;
    for (int i = 0; i < before->size; i++) sum += before->data[i];
    expect(c, "probabilities of all classes, their sum 1", before->size == classes && sum > .9999 && sum < 1.0001);

    if (!dl_save(c, net, file)) return;
    dl_load_report report;
    int loaded = dl_load(c, other, file, .report = &report);
    if (dl_error(c)) return;
    printf("wrote %s, %d tensors\n", file, report.loaded);
    expect(c, "loaded into another network, no name missing or unexpected", loaded && !report.nmissing && !report.nunexpected);
    if (layers == 18) expect(c, "122 of them, as in torchvision's state_dict", report.loaded == 122);
    dl_tensor *after = classify(c, other, picture, top);
    expect(c, "same answer for the picture, bit for bit",
           after->size == before->size && !memcmp(before->data, after->data, (size_t)before->size * sizeof(dl_real)));
    if (!dl_error(c)) remove(file);                            /* random weights are of no use to anybody */
}

int main(int argc, char **argv)
{
    const char *weights = NULL, *names = NULL, *out = ".";
    int layers = 18, top = 5, threads = 0, seed = 1, quick = 0, first = argc;
    for (int i = 1; i < argc; i++) {
        const char *value = i + 1 < argc ? argv[i + 1] : "";
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!strcmp(argv[i], "--weights")) weights = value, i++;
        else if (!strcmp(argv[i], "--labels"))  names = value, i++;
        else if (!strcmp(argv[i], "--layers"))  layers = atoi(value), i++;
        else if (!strcmp(argv[i], "--top"))     top = atoi(value), i++;
        else if (!strcmp(argv[i], "--out"))     out = value, i++;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else if (argv[i][0] != '-')             { first = i; break; }
        else return fprintf(stderr, "classify: unknown option %s\n%s", argv[i], help), 2;
    }
    if (layers != 18 && layers != 34 && layers != 50 && layers != 101 && layers != 152)
        return fprintf(stderr, "classify: --layers %d, expected 18, 34, 50, 101 or 152\n", layers), 2;
    if (top < 1) return fprintf(stderr, "classify: --top %d, expected at least 1\n", top), 2;
    if (!weights && (names || first < argc)) return fprintf(stderr, "classify: a picture needs --weights FILE\n%s", help), 2;
    if (weights && first == argc) return fprintf(stderr, "classify: which picture?\n%s", help), 2;
    char *text = names ? read_labels(names) : NULL;
    if (names && !text) return 1;

    dl_ctx *c = dl_create(.seed = (uint64_t)seed, .threads = threads, .no_grad = 1);
    dl_set_training(c, 0);
    if (!weights) self_test(c, layers, quick ? 10 : 1000, top, out);
    else {
        dl_tensor *last = dl_archive_get(c, dl_load_tensors(c, weights), "fc.weight");          /* (classes, features) */
        dl_module *net = dl_model_resnet(c, layers, .num_classes = (int)last->shape[0]);
        dl_load(c, net, weights);
        for (int i = first; i < argc && !dl_error(c); i++) {
            dl_step_begin(c);
            classify(c, net, argv[i], top);
        }
    }
    if (dl_error(c)) return fprintf(stderr, "classify: %s\n", dl_error(c)), 1;
    dl_destroy(c);
    free(text);
    if (!weights) printf(wrong ? "lines off: %d\n" : "everything is as expected\n", wrong);
    return wrong != 0;
}
