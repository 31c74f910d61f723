/* build: float +double +asan */
/* The models: layer tables, counts and names against the literature and torchvision, values and gradients against PyTorch,
   what residual blocks do, freezing. */
#define DL_MODELS
#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"
#include "golden_models.h"
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif

#ifdef DLI_ASAN                                              /* large networks: only where they are quick */
#define SMALL 1
#else
#define SMALL 0
#endif
#define LARGE (sizeof(dl_real) == 4 && !SMALL)

static void shape_is(const dl_tensor *x, int64_t C, int64_t H, int64_t W)
{
    if (!CHECK(x->shape[0] == 1 && x->shape[1] == C && x->shape[2] == H && x->shape[3] == W))
        printf(" (%d,%d,%d), wanted (%d,%d,%d)", (int)x->shape[1], (int)x->shape[2], (int)x->shape[3], (int)C, (int)H, (int)W);
}

static int64_t weights(dl_module *m)                         /* of all layers, without biases and norms */
{
    int64_t n = 0;
    dl_param *p;
    for (int i = 0; (p = dl_module_at(m, i, NULL, 0)) != NULL; i++) if (p->tensor->ndim > 1) n += p->tensor->size;
    return n;
}

static int64_t size_of(dl_ctx *c, dl_module *m, const char *name) { return dl_module_get(c, m, name)->size; }

/* Evaluation without gradients, one picture. */
static dl_ctx *viewer(void)
{
    dl_ctx *c = dl_create(.seed = 1, .no_grad = 1);
    dl_set_training(c, 0);
    return c;
}
static dl_tensor *picture(dl_ctx *c, int C, int side) { return dl_rand(c, DL_SHAPE(1, C, side, side)); }

/* The layers of m in order: the names of their types, each followed by a space. */
static void add_leaves(dl_module *m, char *text, size_t size)
{
    if (!m->nchildren) snprintf(text + strlen(text), size - strlen(text), "%s ", m->type->name);
    for (int i = 0; i < m->nchildren; i++) add_leaves(m->children[i], text, size);
}
static void leaves_are(dl_module *m, const char *want)
{
    char text[1000] = "";
    add_leaves(m, text, sizeof text);
    if (!CHECK(!strcmp(text, want))) printf(" %s", text);
}

/* Every dropout of m zeroes the share p of 100,000 ones, within 6 standard deviations; gives how many there are. */
static int dropouts(dl_ctx *c, dl_module *m, double p)
{
    int n = 0;
    if (!strcmp(m->type->name, "dropout")) {
        int training = dl_set_training(c, 1), zeros = 0;
        dl_tensor *y = dl_forward(c, m, dl_ones(c, DL_SHAPE(1, 100000)));
        dl_set_training(c, training);
        for (int64_t i = 0; i < y->size; i++) zeros += y->data[i] == 0;
        CHECK_NEAR(zeros / 100000.0, p, 0.01);
        n++;
    }
    for (int i = 0; i < m->nchildren; i++) n += dropouts(c, m->children[i], p);
    return n;
}

/* --- counts of convolutions ------------------------------------------------------------------------------------ */
static void conv_counts(void)
{
    dl_ctx *c = dl_create();
    ROW("CONV-12"); ROW("CONV-13"); ROW("CONV-14"); ROW("CONV-15"); ROW("CONV-21"); ROW("CONV-33"); ROW("CNN-14");
    CHECK(dl_param_count(dl_nn_conv2d(c, 128, 256, 3, .no_bias = 1)) == 294912);
    CHECK(dl_param_count(dl_nn_conv2d(c, 128, 256, 3)) == 294912 + 256);
    CHECK(dl_param_count(dl_nn_conv2d(c, 128, 64, 3, .padding = 1, .no_bias = 1)) == 73728);
    CHECK(dl_param_count(dl_nn_conv2d(c, 128, 64, 3, .stride = 2, .no_bias = 1)) == 73728);      /* whatever stride and padding */
    CHECK(dl_param_count(dl_nn_conv2d(c, 1, 32, 3, .no_bias = 1)) == 288);
    CHECK(dl_param_count(dl_nn_conv2d(c, 4, 8, 3, .no_bias = 1)) == 288);
    dl_module *bottleneck = dl_nn_sequential(c, dl_nn_conv2d(c, 18, 5, 1, .no_bias = 1), dl_nn_conv2d(c, 5, 30, 3, .padding = 1, .no_bias = 1));
    dl_module *direct = dl_nn_conv2d(c, 18, 30, 3, .padding = 1, .no_bias = 1);
    CHECK(size_of(c, bottleneck, "0.weight") == 90 && size_of(c, bottleneck, "1.weight") == 1350 && dl_param_count(bottleneck) == 1440);
    CHECK(dl_param_count(direct) == 4860);
    CHECK_NEAR(100.0 * 1440 / 4860, 29.6, 0.05);             /* to 29.6 %, that is by 70.4 % */
    dl_tensor *x = dl_rand(c, DL_SHAPE(1, 18, 7, 7));
    CHECK(dl_forward(c, bottleneck, x)->size == dl_forward(c, direct, x)->size);
    /* sharing: FC1 of AlexNet as printed has 400 times the weights of conv5, which serves all positions */
    CHECK_NEAR(177209344.0 / (double)dl_param_count(dl_nn_conv2d(c, 384, 256, 3, .groups = 2, .no_bias = 1)), 400, 1);
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- small networks ---------------------------------------------------------------------------------------------- */
static void small_networks(void)
{
    static const struct { int C, H; } lenet[6] = { {6, 28}, {6, 28}, {6, 14}, {16, 10}, {16, 10}, {16, 5} };
    static const int64_t lenet_counts[] = {150, 6, 2400, 16, 48000, 120, 10080, 84, 840, 10};
    static const int64_t deep_counts[] = {160, 2320, 4640, 9248, 18496, 36928, 51250, 510};
    dl_ctx *c = viewer();
    dl_module *m = dl_model_small_cnn(c);
    dl_tensor *x = picture(c, 1, 28), *y;
    ROW("CNN-01"); ROW("CNN-02"); ROW("CNN-03"); ROW("CNN-04"); ROW("CNN-09");
    leaves_are(m, "conv2d relu max_pool2d conv2d relu max_pool2d flatten linear ");
    y = dl_forward(c, m->children[0], x);                    /* [conv - ReLU - pool] x 2, affine */
    shape_is(y, 32, 14, 14);
    shape_is(y = dl_forward(c, m->children[2], dl_forward(c, m->children[1], y)), 32, 7, 7);
    shape_is(y = dl_forward(c, m->children[3], y), 64, 4, 4);
    shape_is(y = dl_forward(c, m->children[5], y), 64, 2, 2);
    CHECK(size_of(c, m, "0.weight") == 288 && dl_forward(c, m, x)->shape[1] == 10);
    CHECK_NEAR(dl_item(dl_sum(c, dl_softmax(c, dl_forward(c, m, x), 1))), 1, 1e-5);
    CHECK(dl_forward(c, dl_model_small_cnn(c, .channels = 3, .num_classes = 7), picture(c, 3, 28))->shape[1] == 7);

    m = dl_model_lenet5(c, .no_padding = 1);
    y = picture(c, 1, 32);
    for (int i = 0; i < 6; i++) shape_is(y = dl_forward(c, m->children[i], y), lenet[i].C, lenet[i].H, lenet[i].H);
    for (int i = 0; i < 10; i++) CHECK(dl_module_at(m, i, NULL, 0)->tensor->size == lenet_counts[i]);
    CHECK(dl_param_count(m) == 61706 && dl_forward(c, m, picture(c, 1, 32))->shape[1] == 10);
    CHECK(dl_forward(c, dl_model_lenet5(c), x)->shape[1] == 10);

    m = dl_model_deepcnn(c);
    for (int i = 0; i < 8; i++)
        CHECK(dl_module_at(m, 2 * i, NULL, 0)->tensor->size + dl_module_at(m, 2 * i + 1, NULL, 0)->tensor->size == deep_counts[i]);
    CHECK(dl_param_count(m) == 123552);
    leaves_are(m, "conv2d relu conv2d relu max_pool2d conv2d relu conv2d relu max_pool2d conv2d relu conv2d relu max_pool2d "
                  "flatten linear relu dropout linear dropout ");
    CHECK(dropouts(c, m, 0.5) == 2);
    CHECK_NEAR(dl_item(dl_std(c, dl_module_get(c, m, "12.weight"))) / sqrt(2.0 / (64 * 9)), 1, 0.03);     /* He's */
    y = x;
    for (int i = 0; i < 15; i++) {
        y = dl_forward(c, m->children[i], y);
        if (i == 4) shape_is(y, 16, 14, 14);
        if (i == 9) shape_is(y, 32, 8, 8);
    }
    shape_is(y, 64, 4, 4);
    CHECK(dl_forward(c, m, x)->shape[1] == 10);
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- AlexNet -------------------------------------------------------------------------------------------------------- */
static void alexnet_counts(void)
{
    static const int64_t with_biases[8] = {34944, 307456, 885120, 663936, 442624, 37752832, 16781312, 4097000};
    static const int64_t only_weights[8] = {34848, 307200, 884736, 663552, 442368, 37748736, 16777216, 4096000};
    /* the row's numbers; it prints 177M and 16M for the first two dense layers: E29.  177M is checked below. */
    static const double rounded[8] = {35e3, 307e3, 884e3, 663e3, 442e3, 37.7e6, 16.7e6, 4e6};
    static const struct { int at, C, H; } shapes[] = { {0, 96, 55}, {3, 96, 27}, {4, 256, 27}, {7, 256, 13}, {8, 384, 13}, {10, 384, 13}, {12, 256, 13}, {14, 256, 6} };
    dl_ctx *c;
    dl_module *m, *features, *one;
    dl_tensor *x, *half[2], *w, *y;
    int64_t convolutions = 0, before_pool5 = 0;
    ROW("CNN-05"); ROW("CNN-06"); ROW("CNN-07"); ROW("CNN-08");
    if (!LARGE) { SKIP("only in the plain build"); return; }
    c = viewer();
    m = dl_model_alexnet(c, .original = 1);
    features = m->children[0];
    CHECK(dl_param_count(m) == 60965224 && weights(m) == 60954656);
    leaves_are(m, "conv2d relu local_response_norm max_pool2d conv2d relu local_response_norm max_pool2d conv2d relu conv2d relu "
                  "conv2d relu max_pool2d flatten dropout linear relu dropout linear relu linear ");
    CHECK(dropouts(c, m, 0.5) == 2);
    y = dl_forward(c, features->children[2], dl_ones(c, DL_SHAPE(1, 96, 1, 1)));       /* (2 + 1e-4 sum of 5 squares)^-.75 */
    CHECK_NEAR(y->data[40], pow(2 + 5e-4, -0.75), 1e-6);
    CHECK_NEAR(y->data[0], pow(2 + 3e-4, -0.75), 1e-6);
    for (int i = 0; i < 8; i++) {
        dl_tensor *weight = dl_module_at(m, 2 * i, NULL, 0)->tensor, *bias = dl_module_at(m, 2 * i + 1, NULL, 0)->tensor;
        CHECK(weight->size == only_weights[i] && weight->size + bias->size == with_biases[i]);
        CHECK_NEAR((double)weight->size / rounded[i], 1, 0.03);
        if (i < 5) convolutions += weight->size;
    }
    y = x = picture(c, 3, 227);
    for (int i = 0, s = 0; i < features->nchildren; i++) {
        y = dl_forward(c, features->children[i], y);
        if (s < 8 && shapes[s].at == i) { shape_is(y, shapes[s].C, shapes[s].H, shapes[s].H); s++; }
        if (i == 13) before_pool5 = y->size;                 /* 13 * 13 * (128 * 2) */
    }
    CHECK(before_pool5 * 4096 == 177209344);                 /* FC1 as printed, without the last pooling */
    CHECK(weights(m) - 37748736 + 177209344 == 200415264 && convolutions == 2332704);
    CHECK_NEAR(100.0 * 2332704 / 200415264, 1.16, 0.01);     /* the dense layers have nearly all */
    CHECK(dl_forward(c, m, x)->shape[1] == 1000);

    /* two groups are two networks: 96 = 2 x 48 feature maps, each half of conv2 sees one of them */
    w = dl_module_get(c, features, "4.weight");
    CHECK(w->shape[0] == 256 && w->shape[1] == 48 && w->shape[2] == 5);
    x = dl_rand(c, DL_SHAPE(1, 96, 9, 9));
    y = dl_conv2d(c, x, w, NULL, .padding = 2, .groups = 2);
    for (int g = 0; g < 2; g++)
        half[g] = dl_conv2d(c, dl_slice(c, x, 1, 48 * g, 48 * g + 48), dl_slice(c, w, 0, 128 * g, 128 * g + 128), NULL, .padding = 2);
    x = dl_abs(c, dl_sub(c, y, dl_cat(c, 2, half, 1)));
    CHECK(dl_item(dl_max(c, x)) < 1e-4);
    CHECK_OK(c);
    dl_destroy(c);

    c = viewer();
    one = dl_model_alexnet(c);                               /* torchvision's */
    CHECK(dl_param_count(one) == 61100840 && size_of(c, one, "features.10.weight") == 589824 && size_of(c, one, "classifier.6.bias") == 1000);
    CHECK(dl_forward(c, one, picture(c, 3, 224))->shape[1] == 1000);
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- VGG ---------------------------------------------------------------------------------------------------------------- */
static void vgg(void)
{
    static const struct { int layers; int64_t count; } nets[] = { {16, 138357544}, {11, 132863336}, {13, 133047848}, {19, 143667240} };
    static const int64_t layers[] = {1792, 36928, 73856, 147584, 295168, 590080, 590080, 1180160, 2359808, 2359808, 2359808, 2359808,
                                     2359808, 102764544, 16781312, 4097000};
    int64_t sum = 0;
    dl_ctx *c = viewer();
    dl_module *block = dl_model_vgg_block(c, 3, 5, 7);
    ROW("CNN-10"); ROW("CNN-11");
    CHECK(block->nchildren == 7 && dl_param_count(block) == 7 * (45 + 1) + 2 * 7 * (63 + 1));
    shape_is(dl_forward(c, block, picture(c, 5, 12)), 7, 6, 6);
    shape_is(dl_forward(c, block->children[4], dl_forward(c, block->children[2], dl_forward(c, block->children[0], picture(c, 5, 12)))), 7, 12, 12);
    CHECK_OK(c);
    dl_destroy(c);
    if (!LARGE) { SKIP("only in the plain build"); return; }
    for (size_t n = 0; n < sizeof nets / sizeof *nets; n++) {
        dl_module *m;
        c = viewer();
        m = dl_model_vgg(c, nets[n].layers);
        CHECK(dl_param_count(m) == nets[n].count);
        CHECK(dropouts(c, m, 0.5) == 2);
        if (n == 0) {
            for (int i = 0; i < 16; i++) {
                int64_t both = dl_module_at(m, 2 * i, NULL, 0)->tensor->size + dl_module_at(m, 2 * i + 1, NULL, 0)->tensor->size;
                CHECK(both == layers[i]);
                if (i < 13) sum += both;
            }
            CHECK(sum == 14714688 && dl_module_at(m, 32, NULL, 0) == NULL);       /* 16 layers */
            shape_is(dl_forward(c, m->children[0], picture(c, 3, 224)), 512, 7, 7);
            CHECK(dl_forward(c, m, picture(c, 3, 64))->shape[1] == 1000);
            CHECK(size_of(c, m, "features.28.weight") == 2359296 && size_of(c, m, "classifier.0.weight") == 102760448);
        }
        if (n == 1) CHECK(dl_param_count(dl_model_vgg(c, 11, .num_classes = 10, .batch_norm = 1)->children[0]) == 9220480 + 2 * 2752);
        CHECK_OK(c);
        dl_destroy(c);
    }
}

/* --- GoogLeNet ------------------------------------------------------------------------------------------------------------ */
static void googlenet(void)
{
    static const struct { int in, c1, r3, c3, r5, c5, pool, out, size; int64_t weights, biased; } blocks[9] = {
        {192, 64, 96, 128, 16, 32, 32, 256, 28, 163328, 163696},      {256, 128, 128, 192, 32, 96, 64, 480, 28, 388096, 388736},
        {480, 192, 96, 208, 16, 48, 64, 512, 14, 375552, 376176},     {512, 160, 112, 224, 24, 64, 64, 512, 14, 448512, 449160},
        {512, 128, 128, 256, 24, 64, 64, 512, 14, 509440, 510104},    {512, 112, 144, 288, 32, 64, 64, 528, 14, 604672, 605376},
        {528, 256, 160, 320, 32, 128, 128, 832, 14, 867328, 868352},  {832, 256, 160, 320, 32, 128, 128, 832, 7, 1042432, 1043456},
        {832, 384, 192, 384, 48, 128, 128, 1024, 7, 1442816, 1444080} };
    dl_ctx *c = viewer();
    dl_module *m = dl_model_googlenet(c), *aux;
    dl_tensor *x = picture(c, 3, 224), *y = x, *heads[2];
    int block = 0;
    ROW("CNN-12"); ROW("CNN-13");
    if (SMALL) { SKIP("too slow here"); dl_destroy(c); return; }
    for (int i = 0; i < m->nchildren; i++) {
        dl_module *child = m->children[i];
        y = dl_forward(c, child, y);
        if (!strcmp(child->name, "conv1")) { shape_is(y, 64, 112, 112); CHECK(dl_param_count(child) == 9472); }
        if (!strcmp(child->name, "maxpool1")) shape_is(y, 64, 56, 56);
        if (!strcmp(child->name, "conv2")) CHECK(dl_param_count(child) == 4160);
        if (!strcmp(child->name, "conv3")) { shape_is(y, 192, 56, 56); CHECK(dl_param_count(child) == 110784); }
        if (!strcmp(child->name, "maxpool2")) shape_is(y, 192, 28, 28);
        if (!strncmp(child->name, "inception", 9) && block < 9) {
            shape_is(y, blocks[block].out, blocks[block].size, blocks[block].size);
            CHECK(weights(child) == blocks[block].weights && dl_param_count(child) == blocks[block].biased);
            dl_inception_channels n = {blocks[block].c1, blocks[block].r3, blocks[block].c3, blocks[block].r5, blocks[block].c5, blocks[block].pool};
            CHECK(dl_param_count(dl_model_inception(c, blocks[block].in, n)) == blocks[block].biased);
            block++;
        }
        if (!strcmp(child->name, "avgpool")) shape_is(y, 1024, 1, 1);
        if (!strcmp(child->name, "fc")) CHECK(dl_param_count(child) == 1025000);
    }
    CHECK(block == 9 && y->shape[1] == 1000 && dl_param_count(m) == 6998552);
    CHECK(dropouts(c, m, 0.4) == 1);
    CHECK(!memcmp(dl_forward(c, m, x)->data, y->data, 1000 * sizeof *y->data));
    CHECK(dl_is_nil(dl_model_googlenet_forward(c, m, x, heads)) == 0 && dl_is_nil(heads[0]) && dl_is_nil(heads[1]));
    CHECK_OK(c);

    aux = dl_model_googlenet(c, .aux = 1, .batch_norm = 1);  /* torchvision's */
    CHECK(dl_param_count(aux) == 13004888 && dl_param_count(dl_model_googlenet(c, .batch_norm = 1)) == 6624904);
    CHECK(size_of(c, aux, "inception3a.branch2.1.conv.weight") == 96 * 128 * 9 && size_of(c, aux, "inception5b.branch4.1.bn.running_var") == 128);
    CHECK(size_of(c, aux, "aux1.conv.conv.weight") == 512 * 128 && size_of(c, aux, "aux2.fc1.weight") == 2048 * 1024);
    x = picture(c, 3, 96);
    y = dl_model_googlenet_forward(c, aux, x, heads);
    CHECK(y->shape[1] == 1000 && heads[0]->shape[1] == 1000 && heads[1]->shape[1] == 1000);
    CHECK(!memcmp(dl_model_googlenet_forward(c, aux, x, NULL)->data, dl_forward(c, aux, x)->data, 1000 * sizeof *y->data));
    CHECK_OK(c);
    dl_model_googlenet_forward(c, dl_nn_relu(c), x, heads);  CHECK_ERROR(c, "the module is a relu");
    dl_model_googlenet_forward(c, NULL, x, heads);           CHECK_ERROR(c, "NULL");
    dl_destroy(c);
}

/* --- ResNets ------------------------------------------------------------------------------------------------------------------ */
static void resnets(void)
{
    static const struct { int layers, plain; int64_t count; } nets[] = {
        {18, 0, 11689512}, {34, 0, 21797672}, {50, 0, 25557032}, {18, 1, 11515688}, {34, 1, 21623848}, {101, 0, 44549160}, {152, 0, 60192808} };
    static const char *const names[] = {"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var",
        "bn1.num_batches_tracked", "layer1.0.conv1.weight", "layer1.0.bn1.weight"};
    char name[64];
    dl_ctx *c = viewer();
    dl_module *m;
    dl_tensor *y;
    ROW("CNN-17"); ROW("CNN-18"); ROW("CNN-20"); ROW("CNN-22"); ROW("CNN-26");
    for (size_t i = 0; i < sizeof nets / sizeof *nets; i++) {
        dl_ctx *d;
        if (i > (LARGE ? 6 : SMALL ? 0 : 2)) break;
        d = viewer();
        m = dl_model_resnet(d, nets[i].layers, .plain = nets[i].plain);
        CHECK(dl_param_count(m) == nets[i].count);
        if (i < 3) CHECK(dl_forward(d, m, picture(d, 3, 33))->shape[1] == 1000);
        if (i == 0) {
            for (int k = 0; k < 8; k++) { dl_module_at(m, k, name, sizeof name); CHECK(!strcmp(name, names[k])); }
            CHECK(size_of(d, m, "layer2.0.downsample.0.weight") == 64 * 128 && dl_module_get(d, m, "layer2.0.downsample.0.weight")->shape[2] == 1);
            CHECK(size_of(d, m, "layer4.1.bn2.num_batches_tracked") == 1 && size_of(d, m, "fc.bias") == 1000);
            y = picture(d, 3, 224);
            for (int k = 0; k < m->nchildren; k++) {
                y = dl_forward(d, m->children[k], y);
                if (k == 0) shape_is(y, 64, 112, 112);
                if (k >= 3 && k < 8) shape_is(y, k < 5 ? 64 : 64 << (k - 4), 56 >> (k < 5 ? 0 : k - 4), 56 >> (k < 5 ? 0 : k - 4));
            }
        }
        if (i == 2) CHECK(size_of(d, m, "layer1.0.downsample.0.weight") == 64 * 256 && size_of(d, m, "layer4.2.conv3.weight") == 512 * 2048);
        CHECK_OK(d);
        dl_destroy(d);
    }
    m = dl_model_bottleneck(c, 256, 64);
    CHECK(size_of(c, m, "conv1.weight") == 16384 && size_of(c, m, "conv2.weight") == 36864 && size_of(c, m, "conv3.weight") == 16384);
    CHECK(weights(m) == 69632 && weights(dl_model_basic_block(c, 256, 256)) == 1179648);
    CHECK(dl_param_count(dl_model_resnet_cifar(c, 3)) == 269722 && dl_param_count(dl_model_resnet_cifar(c, 9)) == 853018);
    CHECK(dl_param_count(dl_model_resnet(c, 18, .num_classes = 10, .small_images = 1)) == 11173962);
    CHECK(dl_forward(c, dl_model_resnet_cifar(c, 3), picture(c, 3, 32))->shape[1] == 10);
    CHECK_OK(c);
    dl_destroy(c);
}

static void initial_weights(void)                            /* torchvision's, where they are no He's */
{
    static const char *const names[] = {"conv1.conv.weight", "inception4a.branch3.1.conv.weight", "aux1.fc1.weight", "fc.weight"};
    dl_ctx *c = viewer();
    dl_module *m = dl_model_densenet(c, 121, .num_classes = 4);
    for (int i = 0; i < 4; i++) CHECK(dl_module_get(c, m, "classifier.bias")->data[i] == 0);
    m = dl_model_googlenet(c, .batch_norm = 1, .aux = 1, .num_classes = 4);
    for (int i = 0; i < 4; i++) CHECK_NEAR(dl_item(dl_std(c, dl_module_get(c, m, names[i]))), 0.01, 5e-4);
    CHECK_OK(c);
    dl_destroy(c);
}

static void more_networks(void)
{
    dl_ctx *c = viewer();
    dl_module *m = dl_model_densenet(c, 121);
    ROW("CNN-25");
    CHECK(dl_param_count(m) == 7978856 && size_of(c, m, "features.denseblock4.denselayer16.conv2.weight") == 128 * 32 * 9);
    CHECK(size_of(c, m, "features.transition3.conv.weight") == 1024 * 512 && size_of(c, m, "features.denseblock1.denselayer2.norm1.weight") == 96);
    CHECK(dl_forward(c, m, picture(c, 3, SMALL ? 33 : 64))->shape[1] == 1000);
    if (LARGE) {
        CHECK(dl_param_count(dl_model_densenet(c, 169)) == 14149480 && dl_param_count(dl_model_densenet(c, 201)) == 20013928);
        CHECK(dl_param_count(dl_model_densenet(c, 161)) == 28681000);
    }
    m = dl_model_mobilenet_v2(c);
    CHECK(dl_param_count(m) == 3504872 && size_of(c, m, "features.1.conv.0.0.weight") == 288 && size_of(c, m, "features.2.conv.1.0.weight") == 96 * 9);
    CHECK(size_of(c, m, "features.17.conv.3.weight") == 320 && size_of(c, m, "classifier.1.weight") == 1280000);
    CHECK(dl_forward(c, m, picture(c, 3, SMALL ? 33 : 64))->shape[1] == 1000);
    for (int up = 8; up <= 32; up *= 2) {
        m = dl_model_fcn(c, 5, .upsample = up, .width = 2, .channels = 1);
        shape_is(dl_forward(c, m, picture(c, 1, 64)), 5, 64, 64);
    }
    CHECK(dl_param_count(dl_model_unet(c, 2)) == 31037698);
    m = dl_model_unet(c, 3, .width = 4, .depth = 3, .channels = 1);
    shape_is(dl_forward(c, m, picture(c, 1, 40)), 3, 40, 40);
    CHECK_OK(c);

    /* upsampling begins as bilinear interpolation: a slope stays one, away from the border */
    m = dl_model_fcn(c, 1, .upsample = 16, .width = 1);
    dl_tensor *slope = dl_reshape(c, dl_arange(c, 0, 8, 1), DL_SHAPE(1, 1, 1, 8)), *y;
    y = dl_conv_transpose2d(c, dl_expand(c, slope, DL_SHAPE(1, 1, 8, 8)), dl_module_get(c, m, "upscore.weight"), NULL, .stride = 16, .padding = 8);
    shape_is(y, 1, 128, 128);
    for (int i = 8; i < 119; i++) CHECK_NEAR(y->data[64 * 128 + i + 1] - y->data[64 * 128 + i], 1.0 / 16, 1e-5);
    CHECK_OK(c);
    dl_destroy(c);
}

static void trend(void)                                      /* deeper, fewer parameters, small or no dense part */
{
    dl_ctx *c;
    double share[4];
    int64_t count[4];
    ROW("CNN-24");
    if (!LARGE) { SKIP("only in the plain build"); return; }
    for (int i = 0; i < 4; i++) {
        dl_module *m;
        dl_param *p;
        int64_t dense = 0;
        c = viewer();
        m = i == 0 ? dl_model_alexnet(c) : i == 1 ? dl_model_vgg(c, 16) : i == 2 ? dl_model_googlenet(c) : dl_model_resnet(c, 50);
        for (int k = 0; (p = dl_module_at(m, k, NULL, 0)) != NULL; k++) if (p->tensor->ndim == 2) dense += p->tensor->size;
        count[i] = dl_param_count(m);
        share[i] = (double)dense / (double)count[i];
        CHECK_OK(c);
        dl_destroy(c);
    }
    CHECK(share[0] > 0.9 && share[1] > 0.85 && share[2] < 0.2 && share[3] < 0.1);
    CHECK(count[2] < count[0] && count[3] < count[0] && count[0] < count[1]);
}

/* --- residual blocks -------------------------------------------------------------------------------------------------------------- */
static void silence(dl_ctx *c, dl_module *block, const char *name)       /* its last layer gives zeros: f = 0 */
{
    dl_init_constant(c, dl_module_get(c, block, name), 0);
}

static void skip_grad(void)
{
    dl_ctx *c = dl_create(.seed = 3);
    dl_module *block = dl_model_basic_block(c, 6, 6), *before = dl_model_basic_block(c, 6, 6, .pre_act = 1), *wide = dl_model_bottleneck(c, 8, 2);
    dl_module *half = dl_model_basic_block(c, 6, 12, .stride = 2), *plain = dl_model_basic_block(c, 6, 6, .plain = 1);
    dl_tensor *x = dl_requires_grad(c, dl_keep(c, dl_randn(c, DL_SHAPE(2, 6, 5, 5))), 1), *x8 = dl_randn(c, DL_SHAPE(2, 8, 5, 5)), *y, *up;
    ROW("CNN-16"); ROW("CNN-19"); ROW("CNN-21");
    silence(c, block, "bn2.weight");
    silence(c, wide, "bn3.weight");
    silence(c, plain, "bn2.weight");
    silence(c, before, "conv2.weight");
    y = dl_forward(c, block, x);                             /* relu(0 + x), exactly */
    for (int64_t i = 0; i < y->size; i++) CHECK(y->data[i] == (x->data[i] > 0 ? x->data[i] : 0));
    y = dl_forward(c, wide, x8);
    for (int64_t i = 0; i < y->size; i++) CHECK(y->data[i] == (x8->data[i] > 0 ? x8->data[i] : 0));
    y = dl_forward(c, plain, x);                             /* without the shortcut nothing is left */
    for (int64_t i = 0; i < y->size; i++) CHECK(y->data[i] == 0);
    y = dl_forward(c, before, x);                            /* 0 + x, and the gradient comes back as it is */
    CHECK(!memcmp(y->data, x->data, (size_t)x->size * sizeof *x->data));
    up = dl_randn(c, DL_SHAPE(2, 6, 5, 5));
    dl_backward(c, y, .grad = up);
    CHECK(x->grad && !memcmp(x->grad, up->data, (size_t)x->size * sizeof *x->data));
    y = dl_forward(c, half, x);
    CHECK(y->shape[1] == 12 && y->shape[2] == 3);
    CHECK(dl_module_get(c, half, "downsample.0.weight")->shape[2] == 1 && half->nchildren == 5);
    CHECK(dl_forward(c, dl_model_basic_block(c, 6, 12, .stride = 2, .pre_act = 1), x)->shape[2] == 3);
    CHECK(dl_forward(c, dl_model_basic_block(c, 6, 12, .stride = 2, .zero_pad = 1), x)->shape[1] == 12);
    CHECK_OK(c);
    dl_destroy(c);
}

/* Degradation: with the same budget the deep plain network learns worse than the shallow one and than the deep residual one,
   on its training data. */
static double loss_after(int n, int plain, int steps)
{
    dl_ctx *c = dl_create(.seed = 5);
    dl_module *m = dl_model_resnet_cifar(c, n, .plain = plain, .channels = 1);
    dl_dataset *d = dl_data_drawn_digits(c, 64, 1);
    dl_optim *o = dl_optim_sgd(c, m, .lr = (dl_real)0.02, .momentum = (dl_real)0.9);
    dl_loader *batches = dl_loader_create(c, d, .batch_size = 32);
    double loss = 0;
    for (int i = 0; i < steps; i++) {
        dl_tensor *l;
        while (!dl_next_batch(c, batches) && !dl_error(c)) {}
        l = dl_cross_entropy(c, dl_forward(c, m, dl_avg_pool2d(c, batches->input, 2)), batches->target);
        dl_backward(c, l);
        dl_optim_step(c, o);
        if (i >= steps - 2) loss += dl_item(l) / 2;
    }
    CHECK_OK(c);
    dl_destroy(c);
    return loss;
}
static void degradation(void)
{
    double shallow, deep, residual;
    ROW("CNN-15");
    if (!LARGE) { SKIP("only in the plain build"); return; }
    shallow = loss_after(3, 1, 30);
    deep = loss_after(9, 1, 30);
    residual = loss_after(9, 0, 30);
    if (!CHECK(deep > shallow + 0.4 && residual < deep - 1)) printf(" plain 20: %.3f, plain 56: %.3f, residual 56: %.3f", shallow, deep, residual);
}

/* --- against PyTorch --------------------------------------------------------------------------------------------------------------- */
static void fill(dl_module *m)                               /* the formula of gen_models.py: fill() */
{
    dl_param *p;
    int j = 0;
    for (int k = 0; (p = dl_module_at(m, k, NULL, 0)) != NULL; k++) {
        dl_tensor *t = p->tensor;
        double scale = t->ndim > 1 ? sqrt(3 / ((double)t->size / (double)t->shape[0])) : 0.1, offset = 0;
        if (!strcmp(p->name, "num_batches_tracked")) continue;
        if (t->ndim == 1 && !strcmp(p->name, "weight")) offset = 1;
        if (!strcmp(p->name, "running_var")) { offset = 1; scale = 0.3; }
        for (int64_t i = 0; i < t->size; i++) t->data[i] = (dl_real)(offset + scale * sin((double)i * 0.37 + 1.3 * j));
        j++;
    }
}

static void no_dropout(dl_module *m)
{
    if (m->type == &dli_nn_dropout_type) ((dli_nn_call *)m)->p = 0;
    for (int i = 0; i < m->nchildren; i++) no_dropout(m->children[i]);
}

static dl_tensor *sines(dl_ctx *c, const dl_tensor *like)
{
    dl_tensor *y = dl_zeros(c, DL_SHAPE(like->size));
    for (int64_t i = 0; i < y->size; i++) y->data[i] = (dl_real)sin((double)i + 1);
    return y;
}

static double weighted(const dl_real *x, int64_t n)
{
    double s = 0;
    for (int64_t i = 0; x && i < n; i++) s += (double)x[i] * sin((double)i + 1);
    return s;
}

static dl_module *by_name(dl_ctx *c, const char *name)
{
    dl_inception_channels n = {4, 3, 5, 2, 4, 3};
    if (!strcmp(name, "lenet5")) return dl_model_lenet5(c);
    if (!strcmp(name, "basic_block")) return dl_model_basic_block(c, 4, 6, .stride = 2);
    if (!strcmp(name, "basic_block_same")) return dl_model_basic_block(c, 4, 4);
    if (!strcmp(name, "basic_block_zero_pad")) return dl_model_basic_block(c, 4, 6, .stride = 2, .zero_pad = 1);
    if (!strcmp(name, "basic_block_plain")) return dl_model_basic_block(c, 4, 6, .stride = 2, .plain = 1);
    if (!strcmp(name, "basic_block_pre_act")) return dl_model_basic_block(c, 4, 6, .stride = 2, .pre_act = 1);
    if (!strcmp(name, "basic_block_pre_act_same")) return dl_model_basic_block(c, 4, 4, .pre_act = 1);
    if (!strcmp(name, "bottleneck")) return dl_model_bottleneck(c, 8, 4, .stride = 2);
    if (!strcmp(name, "bottleneck_same")) return dl_model_bottleneck(c, 16, 4);
    if (!strcmp(name, "resnet18")) return dl_model_resnet(c, 18, .num_classes = 10);
    if (!strcmp(name, "resnet_cifar")) return dl_model_resnet_cifar(c, 1);
    if (!strcmp(name, "resnet_cifar_pre_act")) return dl_model_resnet_cifar(c, 2, .pre_act = 1, .projection = 1);
    if (!strcmp(name, "mobilenet_v2")) return dl_model_mobilenet_v2(c, .num_classes = 10);
    if (!strcmp(name, "densenet121")) return dl_model_densenet(c, 121, .num_classes = 10);
    if (!strcmp(name, "inception")) return dl_model_inception(c, 6, n);
    if (!strcmp(name, "googlenet")) return dl_model_googlenet(c, .num_classes = 10, .batch_norm = 1, .aux = 1);
    if (!strcmp(name, "fcn")) return dl_model_fcn(c, 4, .width = 2);
    return dl_model_unet(c, 3, .width = 4, .depth = 2);
}

static dl_tensor *all_outputs(dl_ctx *c, const char *name, dl_module *m, dl_tensor *x)
{
    dl_tensor *y[3];
    if (strcmp(name, "googlenet")) return dl_forward(c, m, x);
    y[0] = dl_model_googlenet_forward(c, m, x, y + 1);
    return dl_cat(c, 3, y, 1);
}

static void pytorch(void)
{
    const double tol = sizeof(dl_real) == 8 ? 1e-8 : 2e-3;   /* float: only what is well conditioned */
    for (size_t i = 0; i < sizeof golden_models / sizeof *golden_models; i++) {
        const char *name = golden_models[i].name;
        int n = golden_models[i].batch, C = golden_models[i].channels, side = golden_models[i].size;
        if (SMALL && golden_models[i].parameters > 200000) continue;
        dl_ctx *c = dl_create();
        dl_module *m = by_name(c, name);
        dl_tensor *x = dl_requires_grad(c, dl_keep(c, dl_zeros(c, DL_SHAPE(n, C, side, side))), 1), *y, *w, *s;
        double eval, folded, train, dx, dw;
        int grad;
        for (int64_t k = 0; k < x->size; k++) x->data[k] = (dl_real)sin((double)k * 0.37 + 0.5);
        fill(m);
        no_dropout(m);
        CHECK(dl_param_count(m) == golden_models[i].parameters);
        dl_set_training(c, 0);
        y = all_outputs(c, name, m, x);
        eval = weighted(y->data, y->size);
        grad = dl_set_grad_enabled(c, 0);                     /* batch norms in the convolutions before, blocks in one memory */
        y = all_outputs(c, name, m, x);
        folded = weighted(y->data, y->size);
        dl_set_grad_enabled(c, grad);
        dl_set_training(c, 1);
        y = all_outputs(c, name, m, x);
        train = weighted(y->data, y->size);
        s = sines(c, y);
        s->ndim = y->ndim;
        memcpy(s->shape, y->shape, sizeof s->shape);
        dl_backward(c, y, .grad = s);
        dx = weighted(x->grad, x->size);
        w = dl_module_at(m, 0, NULL, 0)->tensor;
        dw = weighted(w->grad, w->size);
        CHECK_OK(c);
        CHECK_NEAR(folded, golden_models[i].eval, tol * (1 + fabs(eval)));
        if (!CHECK(fabs(eval - golden_models[i].eval) <= tol * (1 + fabs(eval)) &&
                   (sizeof(dl_real) == 4 || (fabs(train - golden_models[i].train) <= 100 * tol * (1 + fabs(train)) &&
                    fabs(dx - golden_models[i].dx) <= 1e3 * tol * (1 + fabs(dx)) && fabs(dw - golden_models[i].dw) <= 1e3 * tol * (1 + fabs(dw))))))
            printf(" %s: %.10g %.10g %.10g %.10g, wanted %.10g %.10g %.10g %.10g", name, eval, train, dx, dw, golden_models[i].eval,
                   golden_models[i].train, golden_models[i].dx, golden_models[i].dw);
        dl_destroy(c);
    }
}

/* Without gradients a residual block gives back the memory of what it computed on the way, and the results are the same. */
static void blocks_keep_results(void)
{
    for (int i = 0; i < 2; i++) {
        dl_ctx *c = viewer();
        dl_module *m = i ? dl_model_mobilenet_v2(c, .num_classes = 10) : dl_model_resnet_cifar(c, 3);
        dl_tensor *x = dl_keep(c, dl_rand(c, DL_SHAPE(1, 3, 32, 32)));
        size_t with, without;
        fill(m);
        dl_set_training(c, 0);
        dl_set_grad_enabled(c, 1);
        dl_step_begin(c);
        dl_tensor *y = dl_keep(c, dl_forward(c, m, x));
        with = dl_memory(c).step_bytes;
        dl_set_grad_enabled(c, 0);
        for (int again = 0; again < 3; again++) {
            dl_step_begin(c);
            dl_tensor *z = dl_forward(c, m, x);
            without = dl_memory(c).step_bytes;
            CHECK(without * 2 < with && z->shape[1] == 10);
            for (int64_t k = 0; k < 10; k++) CHECK_NEAR(z->data[k], y->data[k], 2e-3 * (1 + fabs((double)y->data[k])));
        }
        CHECK_OK(c);
        dl_destroy(c);
    }
}

/* --- freezing ------------------------------------------------------------------------------------------------------------------------- */
static void freezing(void)                                   /* keep the feature layers, train a new head */
{
    ROW("CV-06");
    for (int kind = 0; kind < 3; kind++) {
        dl_ctx *c = dl_create(.seed = 1);
        dl_module *net = dl_nn_sequential(c, dl_nn_conv2d(c, 1, 4, 3, .stride = 2), dl_nn_batchnorm2d(c, 4), dl_nn_relu(c), dl_nn_flatten(c)), *head;
        dl_module *all = dl_nn_sequential(c, net, dl_nn_linear(c, 4 * 13 * 13, 10));
        dl_dataset *d = dl_data_drawn_digits(c, 64, 1);
        dl_optim *o = kind == 0 ? dl_optim_sgd(c, all, .lr = (dl_real)0.1, .momentum = (dl_real)0.9, .weight_decay = (dl_real)0.1)
                    : kind == 1 ? dl_optim_adam(c, all, .weight_decay = (dl_real)0.1) : dl_optim_adamw(c, all, .weight_decay = (dl_real)0.1);
        dl_real before[4][36];
        double moved = 0;
        int64_t trainable = dl_param_count(all);
        head = all->children[1];
        dl_fit(c, all, o, d, .epochs = 2, .batch_size = 32, .quiet = 1);        /* the optimizer has momentum by now */
        dl_nn_freeze(net, 1);
        CHECK(dl_param_count(net) == 0 && dl_param_count(all) == dl_param_count(head));
        for (int i = 0; i < 4; i++) memcpy(before[i], dl_module_at(net, i, NULL, 0)->tensor->data, (size_t)dl_module_at(net, i, NULL, 0)->tensor->size * sizeof(dl_real));
        dl_tensor *w = dl_module_get(c, head, "weight"), *old = dl_keep(c, w);
        dl_fit(c, all, o, d, .epochs = 2, .batch_size = 32, .quiet = 1);
        for (int i = 0; i < 4; i++) {
            dl_tensor *t = dl_module_at(net, i, NULL, 0)->tensor;
            CHECK(!memcmp(before[i], t->data, (size_t)t->size * sizeof(dl_real)));
            CHECK(t->grad == NULL);
        }
        for (int64_t i = 0; i < w->size; i++) moved += fabs((double)(w->data[i] - old->data[i]));
        CHECK(moved > 0.01);
        dl_nn_freeze(net, 0);
        CHECK(dl_param_count(all) == trainable);
        dl_fit(c, all, o, d, .batch_size = 32, .quiet = 1);
        CHECK(memcmp(before[0], dl_module_get(c, net, "0.weight")->data, 36 * sizeof(dl_real)) != 0);
        CHECK_OK(c);
        dl_nn_freeze(NULL, 1);
        dl_destroy(c);
    }
}

static void classification(void)                             /* digits by a small CNN */
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *net = dl_model_small_cnn(c);
    dl_dataset *train = dl_data_drawn_digits(c, 3000, 1), *test = dl_data_drawn_digits(c, 500, 2);
    double accuracy;
    ROW("CV-01");
    if (!LARGE) { SKIP("only in the plain build"); dl_destroy(c); return; }
    accuracy = dl_fit(c, net, dl_optim_adam(c, net, .lr = (dl_real)3e-3), train, .validation = test, .epochs = 6, .batch_size = 32, .quiet = 1).accuracy;
    if (!CHECK(accuracy > 0.75)) printf(" %.3f", accuracy);
    CHECK_OK(c);
    dl_destroy(c);
}

static void bad_models(void)
{
    dl_ctx *c = dl_create();
    dl_inception_channels n = {0, 1, 1, 1, 1, 1};
    dl_module *m;
    dl_model_vgg(c, 12);                                     CHECK_ERROR(c, "model_vgg: 12 layers");
    dl_model_resnet(c, 19);                                  CHECK_ERROR(c, "model_resnet: 19 layers");
    dl_model_resnet(c, -1);                                  CHECK_ERROR(c, "-1 layers");
    dl_model_resnet_cifar(c, 0);                             CHECK_ERROR(c, "n 0");
    dl_model_densenet(c, 0);                                 CHECK_ERROR(c, "0 layers");
    dl_model_fcn(c, 0);                                      CHECK_ERROR(c, "0 classes");
    dl_model_fcn(c, 2, .upsample = 7);                       CHECK_ERROR(c, "upsample 7");
    dl_model_unet(c, 2, .depth = 99);                        CHECK_ERROR(c, "depth 99");
    dl_model_unet(c, -1);                                    CHECK_ERROR(c, "-1 classes");
    dl_model_basic_block(c, 4, 2, .zero_pad = 1);            CHECK_ERROR(c, "cannot make 2 channels of 4");
    m = dl_model_basic_block(c, 0, 2);                       CHECK_ERROR(c, "conv2d");
    dl_forward(c, m, dl_ones(c, DL_SHAPE(1, 1, 4, 4)));      CHECK_ERROR(c, "nil");
    dl_model_bottleneck(c, 4, -2);                           CHECK_ERROR(c, "bottleneck: width -2, expected 1 to 536870911");
    dl_model_bottleneck(c, 4, 1 << 30);                      CHECK_ERROR(c, "bottleneck: width 1073741824");
    dl_model_vgg_block(c, -3, 4, 4);                         CHECK_ERROR(c, "model_vgg_block: n is -3, expected 1 or more");
    dl_model_inception(c, 3, n);                             CHECK_ERROR(c, "conv2d");
    dl_model_vgg_block(c, 2, 1, 0);                          CHECK_ERROR(c, "conv2d");
    dl_model_small_cnn(c, .num_classes = -1);                CHECK_ERROR(c, "linear");
    dl_model_lenet5(c, .channels = -1);                      CHECK_ERROR(c, "conv2d");
    dl_model_deepcnn(c, .num_classes = -1);                  CHECK_ERROR(c, "linear");
    dl_model_mobilenet_v2(c, .channels = -1);                CHECK_ERROR(c, "conv2d");
    dl_model_googlenet(c, .channels = -1);                   CHECK_ERROR(c, "conv2d");
    dl_forward(c, dl_model_unet(c, 2, .depth = 2, .width = 2), dl_ones(c, DL_SHAPE(1, 3, 10, 10)));       CHECK_ERROR(c, "cat");
    dl_forward(c, dl_model_basic_block(c, 2, 4, .zero_pad = 1, .stride = 2), NULL);                       CHECK_ERROR(c, "NULL");
    dl_model_small_cnn(NULL); dl_model_lenet5(NULL); dl_model_deepcnn(NULL); dl_model_alexnet(NULL); dl_model_vgg(NULL, 16);
    dl_model_vgg_block(NULL, 1, 1, 1); dl_model_inception(NULL, 1, n); dl_model_googlenet(NULL); dl_model_basic_block(NULL, 1, 1);
    dl_model_bottleneck(NULL, 1, 1); dl_model_resnet(NULL, 18); dl_model_resnet_cifar(NULL, 1); dl_model_mobilenet_v2(NULL);
    dl_model_densenet(NULL, 121); dl_model_fcn(NULL, 2); dl_model_unet(NULL, 2); dl_model_googlenet_forward(NULL, NULL, NULL, NULL);
    CHECK_OK(c);
    dl_destroy(c);
}

/* The rows of dl_summary have all parameters, also of layers that run fused with others. */
static int64_t summary_rows(dl_ctx *c, dl_module *m, int channels, int side)
{
    dli_row *first = NULL, *r;
    int64_t n = 0;
    c->watch = &first;
    dl_forward(c, m, picture(c, channels, side));
    c->watch = NULL;
    CHECK_OK(c);
    for (r = first; r; r = r->next) {
        CHECK(r->y->size > 0);
        for (int i = 0; i < r->module->nparams; i++) n += r->module->params[i].is_buffer ? 0 : r->module->params[i].tensor->size;
    }
    return n;
}

/* What dl_summary prints of LeNet-5: parameters by layer, and their sum. */
static void printed_summary(dl_ctx *c)
{
#if defined(__unix__) || defined(__APPLE__)
    static const struct { const char *layer, *parameters; } want[] = { {"conv1: conv2d ", " 156 "}, {"conv2: conv2d ", " 2416 "},
        {"fc1: linear ", " 48120 "}, {"fc2: linear ", " 10164 "}, {"fc3: linear ", " 850 "}, {"total ", " 61706 "} };
    dl_dataset *d = dl_data_tensors(c, picture(c, 1, 28), dl_zeros(c, DL_SHAPE(1, 10)));
    dl_module *m = dl_model_lenet5(c);
    FILE *f = tmpfile();
    char line[200];
    int screen = dup(1), rows = 0;
    if (!CHECK(f && screen >= 0)) return;
    fflush(stdout);
    dup2(fileno(f), 1);
    dl_summary(c, m, d);
    fflush(stdout);
    dup2(screen, 1);
    close(screen);
    rewind(f);
    while (fgets(line, sizeof line, f))
        for (int i = 0; i < 6; i++)
            if (strstr(line, want[i].layer)) { rows++; if (!CHECK(strstr(line, want[i].parameters))) printf(" %s", line); }
    fclose(f);
    CHECK(rows == 6);
    CHECK_OK(c);
#else
    (void)c;
#endif
}
static void summaries(void)
{
    dl_ctx *c = viewer();
    dl_module *m[] = {dl_model_resnet_cifar(c, 1), dl_model_resnet_cifar(c, 1, .pre_act = 1), dl_model_unet(c, 2, .depth = 2, .width = 4),
                      dl_model_lenet5(c), dl_model_small_cnn(c)};
    ROW("CNN-23");
    printed_summary(c);
    for (int i = 0; i < 5; i++) CHECK(summary_rows(c, m[i], i < 3 ? 3 : 1, i < 3 ? 32 : 28) == dl_param_count(m[i]));
    if (LARGE) {
        m[0] = dl_model_resnet(c, 50);
        m[1] = dl_model_mobilenet_v2(c);
        m[2] = dl_model_densenet(c, 121);
        for (int i = 0; i < 3; i++) CHECK(summary_rows(c, m[i], 3, 64) == dl_param_count(m[i]));
    }
    dl_destroy(c);
}

int main(void)
{
    RUN(conv_counts);
    RUN(small_networks);
    RUN(alexnet_counts);
    RUN(vgg);
    RUN(googlenet);
    RUN(resnets);
    RUN(initial_weights);
    RUN(more_networks);
    RUN(trend);
    RUN(skip_grad);
    RUN(degradation);
    RUN(pytorch);
    RUN(blocks_keep_results);
    RUN(summaries);
    RUN(freezing);
    RUN(classification);
    RUN(bad_models);
    TEST_END;
}
