/* arch_table.c: the well-known convolutional networks, layer by layer: output shapes and parameter counts; totals beside those of
   the literature; one forward pass each.

       cc -O2 -fopenmp examples/arch_table.c -o arch_table
       ./arch_table

   Ends with a table of all networks: depth, parameters, the dense layers' share, time of a picture. */
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
    "usage: arch_table [options]\n"
    "  --net NAME     only networks whose name contains NAME\n"
    "  --epochs N     no effect: nothing is trained\n"
    "  --threads N    all\n"
    "  --seed N       1\n"
    "  --quick        only the final table, of one run each; without --net no network of more than 62 million parameters\n";

static dl_module *lenet5(dl_ctx *c)       { return dl_model_lenet5(c, .no_padding = 1); }
static dl_module *deepcnn(dl_ctx *c)      { return dl_model_deepcnn(c); }
static dl_module *alexnet2012(dl_ctx *c)  { return dl_model_alexnet(c, .original = 1); }
static dl_module *alexnet(dl_ctx *c)      { return dl_model_alexnet(c); }
static dl_module *vgg11(dl_ctx *c)        { return dl_model_vgg(c, 11); }
static dl_module *vgg13(dl_ctx *c)        { return dl_model_vgg(c, 13); }
static dl_module *vgg16(dl_ctx *c)        { return dl_model_vgg(c, 16); }
static dl_module *vgg19(dl_ctx *c)        { return dl_model_vgg(c, 19); }
static dl_module *googlenet(dl_ctx *c)    { return dl_model_googlenet(c); }
static dl_module *resnet18(dl_ctx *c)     { return dl_model_resnet(c, 18); }
static dl_module *resnet34(dl_ctx *c)     { return dl_model_resnet(c, 34); }
static dl_module *plain18(dl_ctx *c)      { return dl_model_resnet(c, 18, .plain = 1); }
static dl_module *plain34(dl_ctx *c)      { return dl_model_resnet(c, 34, .plain = 1); }
static dl_module *resnet50(dl_ctx *c)     { return dl_model_resnet(c, 50); }
static dl_module *resnet101(dl_ctx *c)    { return dl_model_resnet(c, 101); }
static dl_module *resnet152(dl_ctx *c)    { return dl_model_resnet(c, 152); }
static dl_module *cifar20(dl_ctx *c)      { return dl_model_resnet_cifar(c, 3); }
static dl_module *cifar56(dl_ctx *c)      { return dl_model_resnet_cifar(c, 9); }
static dl_module *mobilenet_v2(dl_ctx *c) { return dl_model_mobilenet_v2(c); }
static dl_module *densenet121(dl_ctx *c)  { return dl_model_densenet(c, 121); }

static const struct {
    const char *name;
    int         year;
    dl_module *(*make)(dl_ctx *c);
    int         channels, side, classes;
    long        parameters;                          /* in the literature, with biases */
} nets[] = {
    { "LeNet-5",                 1998, lenet5,       1,  32,   10,     61706 },
    { "deep CNN for digits",     2016, deepcnn,      1,  28,   10,    123552 },
    { "AlexNet, two groups",     2012, alexnet2012,  3, 227, 1000,  60965224 },
    { "AlexNet, one tower",      2014, alexnet,      3, 224, 1000,  61100840 },
    { "VGG-11",                  2014, vgg11,        3, 224, 1000, 132863336 },
    { "VGG-13",                  2014, vgg13,        3, 224, 1000, 133047848 },
    { "VGG-16",                  2014, vgg16,        3, 224, 1000, 138357544 },
    { "VGG-19",                  2014, vgg19,        3, 224, 1000, 143667240 },
    { "GoogLeNet",               2014, googlenet,    3, 224, 1000,   6998552 },
    { "plain-18",                2015, plain18,      3, 224, 1000,  11515688 },
    { "plain-34",                2015, plain34,      3, 224, 1000,  21623848 },
    { "ResNet-18",               2015, resnet18,     3, 224, 1000,  11689512 },
    { "ResNet-34",               2015, resnet34,     3, 224, 1000,  21797672 },
    { "ResNet-50",               2015, resnet50,     3, 224, 1000,  25557032 },
    { "ResNet-101",              2015, resnet101,    3, 224, 1000,  44549160 },
    { "ResNet-152",              2015, resnet152,    3, 224, 1000,  60192808 },
    { "ResNet-20 for 32 x 32",   2015, cifar20,      3,  32,   10,    269722 },
    { "ResNet-56 for 32 x 32",   2015, cifar56,      3,  32,   10,    853018 },
    { "DenseNet-121",            2017, densenet121,  3, 224, 1000,   7978856 },
    { "MobileNetV2",             2018, mobilenet_v2, 3, 224, 1000,   3504872 },
};
enum { NETS = sizeof nets / sizeof *nets };

static long long weights(dl_module *m)               /* of its convolutions: without biases and norms */
{
    long long n = 0;
    dl_param *p;
    for (int i = 0; (p = dl_module_at(m, i, NULL, 0)) != NULL; i++) if (p->tensor->ndim > 1) n += p->tensor->size;
    return n;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(int argc, char **argv)
{
    const char *wanted = "";
    int threads = 0, seed = 1, quick = 0, known = 0, wrong = 0;
    char table[NETS][128];

    for (int i = 1; i < argc; i++) {
        const char *value = argv[i + 1];             /* NULL behind the last one */
        if      (!strcmp(argv[i], "--quick"))   quick = 1;
        else if (!strcmp(argv[i], "--help"))    return fputs(help, stdout), 0;
        else if (!value)                        return fprintf(stderr, "arch_table: %s: unknown, or without a value\n%s", argv[i], help), 2;
        else if (!strcmp(argv[i], "--net"))     wanted = value, i++;
        else if (!strcmp(argv[i], "--threads")) threads = atoi(value), i++;
        else if (!strcmp(argv[i], "--seed"))    seed = atoi(value), i++;
        else if (!strcmp(argv[i], "--epochs"))  i++;
        else return fprintf(stderr, "arch_table: unknown option %s\n%s", argv[i], help), 2;
    }

    for (int i = 0; i < NETS; i++) {
        table[i][0] = 0;
        if (!strstr(nets[i].name, wanted) || (quick && !*wanted && nets[i].parameters > 62000000)) continue;
        known = 1;
        dl_ctx    *c   = dl_create(.seed = (uint64_t)seed, .threads = threads, .no_grad = 1);
        dl_module *net = nets[i].make(c);
        dl_tensor *x   = dl_keep(c, dl_rand(c, DL_SHAPE(1, nets[i].channels, nets[i].side, nets[i].side)));
        dl_set_training(c, 0);

        if (!quick) {
            printf("--- %s\n", nets[i].name);
            dl_summary(c, net, dl_data_tensors(c, x, dl_to_int(c, dl_zeros(c, DL_SHAPE(1)))));
            printf("\n");
        }

        int layers = 0;                              /* with weights: all but shortcuts and norms */
        int64_t dense = 0;
        char name[128];
        dl_param *p;
        for (int k = 0; (p = dl_module_at(net, k, name, sizeof name)) != NULL; k++) {
            layers += p->tensor->ndim > 1 && !strstr(name, "downsample");
            if (p->tensor->ndim == 2) dense += p->tensor->size;
        }

        double best = 1e9;
        dl_tensor *y = NULL;
        for (int run = 0; run < (quick ? 1 : 3); run++) {
            dl_step_begin(c);
            double start = now();
            y = dl_forward(c, net, x);
            if (now() - start < best) best = now() - start;
        }
        if (dl_error(c)) { fprintf(stderr, "arch_table: %s: %s\n", nets[i].name, dl_error(c)); return 1; }
        int right = dl_param_count(net) == nets[i].parameters && y->ndim == 2 && y->shape[1] == nets[i].classes;
        wrong += !right;
        snprintf(table[i], sizeof table[i], "%-22s %4d %7d %12lld %8.1f %% %12.2f   %s", nets[i].name, nets[i].year, layers,
                 (long long)dl_param_count(net), 100.0 * (double)dense / (double)dl_param_count(net), 1e3 * best,
                 right ? "as in the literature" : "WRONG");
        dl_destroy(c);
    }
    if (!known) return fprintf(stderr, "arch_table: no network's name contains %s\n", wanted), 2;

    printf("%-22s %4s %7s %12s %10s %12s\n", "network", "year", "layers", "parameters", "dense", "ms a picture");
    for (int i = 0; i < NETS; i++) if (table[i][0]) printf("%s\n", table[i]);
    dl_ctx *c = dl_create();
    long long narrow = weights(dl_model_bottleneck(c, 256, 64)), wide = weights(dl_model_basic_block(c, 256, 256));
    int right = narrow == 69632 && wide == 1179648 && !dl_error(c);
    printf("\nA bottleneck 256-64-64-256 has %lld weights, expected 69632; two 3 x 3 convolutions of 256 channels %lld,\n"
           "expected 1179648%s\n", narrow, wide, right ? "" : "  <-- OFF");
    dl_destroy(c);
    return wrong > 0 || !right;
}
