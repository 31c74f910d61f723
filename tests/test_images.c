/* build: float +asan */
/* Images: PGM and PPM by dl.h, JPEG and PNG through stb, resizing against Pillow, grids; CIFAR files; folders of pictures. */
#if defined(__has_include) && !defined(__TINYC__)
#if __has_include(<stb/stb_image.h>) && __has_include(<stb/stb_image_write.h>)
#define HAVE_STB 1
#define STBI_ONLY_JPEG
#define STBI_ONLY_PNG
#define STBI_NO_LINEAR
#define STBI_MAX_DIMENSIONS 16384
#define STB_IMAGE_IMPLEMENTATION
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wunused-but-set-variable"
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"
#include <stb/stb_image.h>
#define STB_IMAGE_WRITE_IMPLEMENTATION
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop
#endif
#endif
#define DL_IMPLEMENTATION
#include "dl.h"
#include "test.h"
#include "folder.h"
#include "golden_images.h"
#include <sys/stat.h>
#if defined(_WIN32)
#define mkdir(path, mode) _mkdir(path)
#endif

static void write_file(const char *name, const void *bytes, size_t n)
{
    FILE *f = fopen(path(name), "wb");
    if (!CHECK(f != NULL)) return;
    CHECK(fwrite(bytes, 1, n, f) == n);
    CHECK(fclose(f) == 0);
}

static int byte_of(dl_real v) { return (int)(v * 255 + (dl_real)0.5); }

/* --- PGM and PPM -------------------------------------------------------------------------------------------- */
static void pnm(void)
{
    static const char grey[] = "P5\n# a comment\n3 2\n255\n\0\1\2\375\376\377", colour[] = "P6 2 1 100 \0\62\144\144\1\2";
    dl_ctx *c = dl_create();
    dl_tensor *x;
    write_file("a.pgm", grey, sizeof grey - 1);
    x = dl_image_load(c, path("a.pgm"));
    CHECK_OK(c);
    CHECK(x->ndim == 4 && x->shape[0] == 1 && x->shape[1] == 1 && x->shape[2] == 2 && x->shape[3] == 3);
    CHECK(x->data[0] == 0 && byte_of(x->data[2]) == 2 && byte_of(x->data[3]) == 253 && x->data[5] == 1);
    x = dl_image_load(c, path("a.pgm"), .channels = 3, .mean = {(dl_real)0.5, 0, 1}, .std = {(dl_real)0.5, 0, 2});
    CHECK(x->shape[1] == 3 && x->data[0] == -1 && x->data[5] == 1 && x->data[6] == 0 && x->data[11] == 1 && x->data[12] == (dl_real)-0.5);
    write_file("a.ppm", colour, sizeof colour - 1);
    x = dl_image_load(c, path("a.ppm"));                     /* the largest value, 100, is white; planes, not pixels */
    CHECK(x->shape[1] == 3 && x->shape[2] == 1 && x->shape[3] == 2);
    CHECK(x->data[0] == 0 && x->data[1] == 1 && byte_of(x->data[2]) == 128 && byte_of(x->data[3]) == 3 && x->data[4] == 1 && byte_of(x->data[5]) == 5);
    x = dl_image_load(c, path("a.ppm"), .channels = 1);      /* Pillow: (19595 R + 38470 G + 7471 B + 32768) >> 16 */
    CHECK(byte_of(x->data[0]) == 104 && byte_of(x->data[1]) == 79);
    CHECK_OK(c);
    dl_destroy(c);
}

static void bad_text(dl_ctx *c, const char *error, const char *text, size_t n)
{
    size_t kept = dl_memory(c).keep_bytes;
    write_file("bad.pgm", text, n);
    CHECK(dl_is_nil(dl_image_load(c, path("bad.pgm"))));
    CHECK_ERROR(c, error);
    CHECK(dl_memory(c).keep_bytes == kept);                  /* a failed load leaves nothing behind */
}

static void pnm_errors(void)
{
    static const char good[] = "P5 3 2 255 abcdef";
    dl_ctx *c = dl_create();
    char name[2000];
    for (size_t n = 0; n < sizeof good - 1; n++) bad_text(c, n < 3 ? "BadSize" : "", good, n);        /* every truncation */
    bad_text(c, "bad.pgm\": DataTruncated at byte 11: bytes of pixels: 6 expected, 5 found", good, sizeof good - 2);
    bad_text(c, "TrailingData at byte 17: bytes of pixels: 6 expected, 7 found", good, sizeof good);
    bad_text(c, "BadSize", "P5 0 2 255 ", 11);
    bad_text(c, "BadSize", "P5 x 2 255 ", 11);
    bad_text(c, "SizeOverflow", "P5 99999999999999999999 99999999 255 a", 38);
    bad_text(c, "SizeOverflow", "P6 5000 4001 255 a", 18);
    bad_text(c, "UnsupportedType at byte 10", "P5 1 1 256 a", 12);
    bad_text(c, "UnsupportedType", "P5 1 1 0 a", 10);
    bad_text(c, "DataTruncated", "P6 1 1 255 ab", 13);
    bad_text(c, "HeaderTruncated", "P6 1 1 255", 10);
    bad_text(c, "HeaderTruncated", "P6 1 1 # 255", 12);
    dl_image_load(c, path("missing.ppm"));                                       CHECK_ERROR(c, "missing.ppm\": cannot open it");
    dl_image_load(c, folder);                                                    CHECK_ERROR(c, "image_load:");
    dl_image_load(c, NULL);                                                      CHECK_ERROR(c, "NULL");
    write_file("a.pgm", good, sizeof good - 1);
    dl_image_load(c, path("a.pgm"), .crop = 3);                                  CHECK_ERROR(c, "for .crop, at least: 3 expected, 2 found");
    dl_image_load(c, path("a.pgm"), .resize = INT32_MAX);                        CHECK_ERROR(c, "SizeOverflow");
    dl_image_load(c, path("a.pgm"), .resize = -1);                               CHECK_ERROR(c, "resize -1");
    dl_image_load(c, path("a.pgm"), .crop = -1);                                 CHECK_ERROR(c, "crop -1");
    dl_image_load(c, path("a.pgm"), .channels = 2);                              CHECK_ERROR(c, "channels 2");
    dl_image_load(c, path("a.pgm"), .std = {-1});                                CHECK_ERROR(c, "std (-1,0,0)");
    CHECK(dl_is_nil(dl_image_load(NULL, path("a.pgm"))));
    CHECK(!dl_is_nil(dl_image_load(c, path("a.pgm"))));
    dl_image_save(c, NULL, path("b.pgm"));                                       CHECK_ERROR(c, "NULL");
    dl_image_save(c, dl_ones(c, DL_SHAPE(2, 2)), NULL);                          CHECK_ERROR(c, "NULL");
    dl_image_save(c, dl_ones(c, DL_SHAPE(2, 2)), path("b.gif"));                 CHECK_ERROR(c, "must end in .pgm, .ppm or .png");
    dl_image_save(c, dl_ones(c, DL_SHAPE(4)), path("b.pgm"));                    CHECK_ERROR(c, "(4) is no picture");
    dl_image_save(c, dl_ones(c, DL_SHAPE(2, 2, 2)), path("b.pgm"));              CHECK_ERROR(c, "(2,2,2) is no picture");
    dl_image_save(c, dl_ones(c, DL_SHAPE(2, 3, 2, 2)), path("b.pgm"));           CHECK_ERROR(c, "(2,3,2,2) is no picture");
    dl_image_save(c, dl_ones(c, DL_SHAPE(2, 2)), path("no/b.pgm"));              CHECK_ERROR(c, "cannot create it");
    memset(name, 'x', sizeof name);
    memcpy(name + sizeof name - 5, ".pgm", 5);
    dl_image_save(c, dl_ones(c, DL_SHAPE(2, 2)), name);                          CHECK_ERROR(c, "the path is too long");
    dl_image_grid(c, dl_ones(c, DL_SHAPE(2, 2)));                                CHECK_ERROR(c, "(2,2)");
    dl_image_grid(c, dl_ones(c, DL_SHAPE(2, 1, 2, 2)), .nrow = -1);              CHECK_ERROR(c, "nrow -1");
    dl_image_grid(c, dl_ones(c, DL_SHAPE(2, 1, 2, 2)), .padding = -1);           CHECK_ERROR(c, "padding -1");
    dl_image_grid(c, dl_ones(c, DL_SHAPE(2, 1, 2, 2)), .value_range = {2, 1});   CHECK_ERROR(c, "value_range");
    CHECK(dl_image_save_grid(c, dl_ones(c, DL_SHAPE(2, 2, 2, 2)), path("b.pgm")) == 0);     CHECK_ERROR(c, "no picture");
    dl_destroy(c);
}

/* --- resizing: the bytes that Pillow makes --------------------------------------------------------------------- */
static void pillow(void)
{
    dl_ctx *c = dl_create();
    for (size_t i = 0; i < sizeof golden_images / sizeof *golden_images; i++) {
        const int h = golden_images[i].h, w = golden_images[i].w, channels = golden_images[i].channels;
        unsigned char *file = (unsigned char *)malloc((size_t)(h * w * channels) + 64), *p;
        unsigned sum = 0;
        dl_tensor *x;
        int y, k;
        dl_step_begin(c);
        p = file + sprintf((char *)file, "P%d %d %d 255\n", channels == 1 ? 5 : 6, w, h);
        for (y = 0; y < h; y++)
            for (int xx = 0; xx < w; xx++)
                for (k = 0; k < channels; k++) *p++ = (unsigned char)(xx * 7 + y * 13 + k * 50 + xx * y * (k + 1) + xx / 5 * 91);
        write_file("p.pnm", file, (size_t)(p - file));
        free(file);
        x = dl_image_load(c, path("p.pnm"), .resize = golden_images[i].resize, .crop = golden_images[i].crop, .channels = golden_images[i].as);
        CHECK_OK(c);
        CHECK(x->shape[1] == golden_images[i].as && x->shape[2] == golden_images[i].out_h && x->shape[3] == golden_images[i].out_w);
        for (int64_t at = 0; at < x->shape[2] * x->shape[3]; at++)
            for (k = 0; k < x->shape[1]; k++) sum = sum * 31 + (unsigned)byte_of(x->data[k * x->shape[2] * x->shape[3] + at]);
        if (!CHECK(sum == golden_images[i].sum)) printf(" case %d", (int)i);
    }
    dl_destroy(c);
}

/* --- saving and grids ------------------------------------------------------------------------------------------ */
static void saving(void)
{
    static const dl_real v[] = {-1, 0, (dl_real)0.25, (dl_real)0.5, 1, 7};
    dl_ctx *c = dl_create();
    dl_tensor *x = dl_tensor_from(c, v, DL_SHAPE(2, 3)), *y, *colour = dl_rand(c, DL_SHAPE(3, 5, 7));
    x->data[0] = (dl_real)NAN;
    CHECK(dl_image_save(c, x, path("s.pgm")) == 1);
    y = dl_image_load(c, path("s.pgm"));
    CHECK(y->shape[2] == 2 && y->shape[3] == 3 && y->data[0] == 0 && y->data[1] == 0 && byte_of(y->data[2]) == 64 && byte_of(y->data[3]) == 128 && y->data[4] == 1 && y->data[5] == 1);
    CHECK(dl_image_save(c, colour, path("s.ppm")) == 1);
    y = dl_image_load(c, path("s.ppm"));
    CHECK(y->size == 105 && y->shape[1] == 3);
    for (int i = 0; i < 105 && y->size == 105; i++) CHECK_NEAR(y->data[i], colour->data[i], 0.5 / 255 + 1e-6);
    CHECK(dl_image_save(c, dl_unsqueeze(c, colour, 0), path("s.PPM")) == 1);
    CHECK_OK(c);
    dl_destroy(c);
}

static void grids(void)                                      /* numbers of torchvision.utils.make_grid */
{
    dl_ctx *c = dl_create();
    dl_tensor *x = dl_add_scalar(c, dl_reshape(c, dl_arange(c, 0, 12, 1), DL_SHAPE(3, 1, 2, 2)), -4), *g;
    g = dl_image_grid(c, x, .nrow = 2, .padding = 1, .pad_value = 9);
    CHECK(g->ndim == 4 && g->shape[0] == 1 && g->shape[1] == 1 && g->shape[2] == 7 && g->shape[3] == 7);
    CHECK(g->data[0] == 9 && g->data[8] == -4 && g->data[9] == -3 && g->data[10] == 9 && g->data[11] == 0 && g->data[15] == -2);
    CHECK(g->data[4 * 7 + 1] == 4 && g->data[5 * 7 + 2] == 7 && g->data[4 * 7 + 4] == 9);
    g = dl_image_grid(c, x);
    CHECK(g->shape[2] == 6 && g->shape[3] == 14 && g->data[0] == 0);
    g = dl_image_grid(c, x, .padding = DL_ZERO, .normalize = 1);
    CHECK(g->shape[2] == 2 && g->shape[3] == 6 && g->data[0] == 0 && g->data[11] == 1);
    CHECK_NEAR(g->data[2], 4.0 / 11, 1e-6);
    g = dl_image_grid(c, x, .padding = DL_ZERO, .scale_each = 1);
    CHECK(g->data[0] == 0 && g->data[2] == 0 && g->data[4] == 0 && g->data[7] == 1 && g->data[11] == 1);
    g = dl_image_grid(c, x, .padding = DL_ZERO, .value_range = {-2, 2});
    CHECK(g->data[0] == 0 && g->data[7] == (dl_real)0.25 && g->data[2] == (dl_real)0.5 && g->data[11] == 1);
    g = dl_image_grid(c, dl_slice(c, x, 0, 0, 1));
    CHECK(g->shape[2] == 2 && g->shape[3] == 2);             /* one picture stays as it is */
    CHECK(dl_image_save_grid(c, x, path("g.pgm"), .nrow = 1, .normalize = 1) == 1);
    CHECK(dl_image_load(c, path("g.pgm"))->shape[2] == 14);
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- stb --------------------------------------------------------------------------------------------------------- */
static void png(void)
{
#ifdef HAVE_STB
    dl_ctx *c = dl_create();
    dl_tensor *x = dl_rand(c, DL_SHAPE(3, 9, 5)), *y, *g;
    unsigned char bytes[4096];
    size_t n;
    FILE *f;
    CHECK(dl_image_save(c, x, path("a.png")) == 1 && dl_image_save(c, dl_slice(c, x, 0, 0, 1), path("g.png")) == 1);
    dl_image_save(c, x, path("a.ppm"));
    y = dl_image_load(c, path("a.png"));
    g = dl_image_load(c, path("a.ppm"));
    CHECK(y->size == 135 && g->size == 135 && !memcmp(y->data, g->data, 135 * sizeof *y->data));
    CHECK(dl_image_load(c, path("g.png"))->shape[1] == 1 && dl_image_load(c, path("g.png"), .channels = 3)->shape[1] == 3);
    CHECK(dl_image_load(c, path("a.png"), .resize = 4, .crop = 3)->shape[2] == 3);
    stbi_write_png(path("t.png"), 1, 1, 4, "\10\20\30\40", 4);             /* transparency is dropped */
    y = dl_image_load(c, path("t.png"));
    CHECK(y->shape[1] == 3 && byte_of(y->data[0]) == 8 && byte_of(y->data[2]) == 24);
    CHECK_OK(c);
    f = fopen(path("a.png"), "rb");
    n = f ? fread(bytes, 1, sizeof bytes, f) : 0;
    if (f) fclose(f);
    for (size_t i = 0; i < n - 12; i += 7) {                 /* truncations; stb does not insist on the last chunk */
        write_file("cut.png", bytes, i);
        y = dl_image_load(c, path("cut.png"));
        CHECK(dl_error(c) ? dl_is_nil(y) : y->size == 135);
        dl_clear_error(c);
    }
    write_file("cut.png", "GIF89a..", 8);
    dl_image_load(c, path("cut.png"));                       CHECK_ERROR(c, "cut.png\": unknown image type");
    memcpy(bytes + 16, "\0\0\100\0\0\0\40\0", 8);            /* a header of 16384 x 8192: refused before memory is taken */
    write_file("cut.png", bytes, n);
    dl_image_load(c, path("cut.png"));                       CHECK_ERROR(c, "SizeOverflow");
    CHECK(dl_memory(c).reserved_bytes < 4 << 20);
    dl_destroy(c);
#else
    dl_ctx *c = dl_create();
    write_file("cut.png", "\211PNG....", 8);
    dl_image_load(c, path("cut.png"));                                           CHECK_ERROR(c, "include stb_image.h before dl.h");
    dl_image_save(c, dl_ones(c, DL_SHAPE(2, 2)), path("a.png"));                 CHECK_ERROR(c, "include stb_image_write.h before dl.h");
    dl_destroy(c);
    SKIP("no stb (Debian: libstb-dev)");
#endif
}

/* --- CIFAR files --------------------------------------------------------------------------------------------------- */
static void write_cifar(const char *name, int records, int labels, int label)
{
    unsigned char *b = (unsigned char *)calloc((size_t)records, 3074);
    int size = 3072 + labels;
    for (int i = 0; i < records; i++) {
        b[i * size] = (unsigned char)(labels == 2 ? 7 : label + i);
        b[i * size + labels - 1] = (unsigned char)(label + i);
        for (int j = 0; j < 3072; j++) b[i * size + labels + j] = (unsigned char)(j / 1024 * 100 + j % 97 + i);
    }
    write_file(name, b, (size_t)(records * size));
    free(b);
}

static void cifar(void)
{
    dl_ctx *c = dl_create();
    dl_dataset *d;
    char name[32];
    size_t kept = dl_memory(c).keep_bytes;
    dl_data_cifar10(c, folder);                              CHECK_ERROR(c, "test_batch.bin\": cannot open it");
    dl_data_cifar10(c, NULL);                                CHECK_ERROR(c, "NULL");
    dl_data_cifar100(c, NULL);                               CHECK_ERROR(c, "NULL");
    dl_data_cifar100(c, folder, .train = 1);                 CHECK_ERROR(c, "train.bin");
    for (int i = 1; i <= 5; i++) {
        sprintf(name, "data_batch_%d.bin", i);
        dl_data_cifar10(c, folder, .train = 1);              CHECK_ERROR(c, name);
        write_cifar(name, i, 1, i);
    }
    d = dl_data_cifar10(c, folder, .train = 1);
    CHECK_OK(c);
    CHECK(d->size == 15 && d->classes == 10 && d->inputs->shape[1] == 3 && d->inputs->shape[2] == 32 && d->inputs->shape[3] == 32);
    CHECK(d->targets->idata[0] == 1 && d->targets->idata[1] == 2 && d->targets->idata[2] == 3 && d->targets->idata[14] == 9);
    CHECK(byte_of(d->inputs->data[2 * 3072 + 1024]) == 100 + 1024 % 97 + 1);
    write_cifar("test_batch.bin", 2, 1, 9);
    kept = dl_memory(c).keep_bytes;
    dl_data_cifar10(c, folder);                              CHECK_ERROR(c, "test_batch.bin\": BadLabel at byte 3073: largest label: 9 expected, 10 found");
    write_file("test_batch.bin", "12345", 5);
    dl_data_cifar10(c, folder);                              CHECK_ERROR(c, "PartialRecord at byte 0: bytes of the last record: 3073 expected, 5 found");
    write_file("test_batch.bin", "", 0);
    dl_data_cifar10(c, folder);                              CHECK_ERROR(c, "EmptyFile");
    CHECK(dl_memory(c).keep_bytes == kept);                  /* a failed load leaves nothing behind */
    write_cifar("test.bin", 3, 2, 42);
    d = dl_data_cifar100(c, folder);
    CHECK(d->size == 3 && d->classes == 100 && d->targets->idata[2] == 44);
    d = dl_data_cifar100(c, folder, .coarse = 1);
    CHECK(d->classes == 20 && d->targets->idata[2] == 7);
    CHECK_OK(c);
    dl_data_cifar10(NULL, folder);
    for (int i = 1; i <= 5; i++) { sprintf(name, "data_batch_%d.bin", i); remove(path(name)); }
    remove(path("test_batch.bin"));
    remove(path("test.bin"));
    dl_destroy(c);
}

/* --- a folder of pictures ------------------------------------------------------------------------------------------- */
static void image_folder(void)
{
    static const char *const names[] = {"set/cat/2.pgm", "set/cat/1.ppm", "set/ant/x.ppm", "set/dog/y.ppm"};
    dl_ctx *c = dl_create();
    dl_dataset *d;
    dl_data_image_folder(c, NULL);                           CHECK_ERROR(c, "NULL");
    dl_data_image_folder(c, path("set"));                    CHECK_ERROR(c, "set\": cannot open the folder");
    mkdir(path("set"), 0777);
    dl_data_image_folder(c, path("set"));                    CHECK_ERROR(c, "has no pictures");
    mkdir(path("set/cat"), 0777); mkdir(path("set/ant"), 0777); mkdir(path("set/dog"), 0777);
    dl_data_image_folder(c, path("set"));                    CHECK_ERROR(c, "has no pictures");
    dl_data_image_folder(c, path("set"), .per_class = -1);   CHECK_ERROR(c, "per_class is -1");
    write_file("set/about.txt", "a file beside the classes", 25);
    for (int i = 0; i < 4; i++)
        CHECK(dl_image_save(c, dl_full(c, i == 0 ? DL_SHAPE(4, 6) : DL_SHAPE(3, 4, 6), (dl_real)i / 255), path(names[i])));
    d = dl_data_image_folder(c, path("set"));
    CHECK_OK(c);
    CHECK(d->size == 4 && d->classes == 3 && !strcmp(d->names[0], "ant") && !strcmp(d->names[2], "dog"));
    CHECK(d->inputs->shape[1] == 3 && d->inputs->shape[2] == 4 && d->inputs->shape[3] == 6);
    CHECK(d->targets->idata[0] == 0 && d->targets->idata[1] == 1 && d->targets->idata[2] == 1 && d->targets->idata[3] == 2);
    CHECK(byte_of(d->inputs->data[0]) == 2 && byte_of(d->inputs->data[72]) == 1 && byte_of(d->inputs->data[144]) == 0 && byte_of(d->inputs->data[216]) == 3);
    d = dl_data_image_folder(c, path("set"), .per_class = 1, .channels = 1, .resize = 2, .crop = 2);
    CHECK(d->size == 3 && d->inputs->shape[1] == 1 && d->inputs->shape[2] == 2 && d->inputs->shape[3] == 2);
    CHECK_OK(c);
    dl_image_save(c, dl_ones(c, DL_SHAPE(5, 6)), path("set/dog/z.pgm"));
    dl_data_image_folder(c, path("set"));                    CHECK_ERROR(c, "set/dog/z.pgm\": (1,C,H,W) is (1,3,5,6), the pictures before it make (5,3,4,6)");
    write_file("set/dog/z.pgm", "no picture", 10);
    dl_data_image_folder(c, path("set"));                    CHECK_ERROR(c, "set/dog/z.pgm\"");
    for (int i = 0; i < 4; i++) remove(path(names[i]));
    remove(path("set/dog/z.pgm")); remove(path("set/about.txt"));
    remove(path("set/ant")); remove(path("set/cat")); remove(path("set/dog")); remove(path("set"));
    dl_destroy(c);
}

/* JPEG files in sub-folders of $DATA/cifar10-jpg/test, or of data/cifar10-jpg/test */
static void jpeg_folder(void)
{
    const char *data = getenv("DATA");
    char where[600];
    struct stat there;
    dl_ctx *c;
    dl_dataset *d;
    double sum = 0;
    snprintf(where, sizeof where, "%s/cifar10-jpg/test", data ? data : "data");
    if (stat(where, &there) != 0) { SKIP("no folder of JPEG files ($DATA/cifar10-jpg)"); return; }
#ifdef HAVE_STB
    c = dl_create();
    d = dl_data_image_folder(c, where, .per_class = 20);
    CHECK_OK(c);
    CHECK(d->size == 200 && d->classes == 10 && d->inputs->shape[2] == 32 && !strcmp(d->names[9], "truck") && d->targets->idata[199] == 9);
    for (int64_t i = 0; i < d->inputs->size; i++) sum += d->inputs->data[i];
    CHECK_NEAR(sum / (double)d->inputs->size, 0.47, 0.05);       /* the mean of CIFAR-10 */
    dl_destroy(c);
#else
    (void)c; (void)d; (void)sum;
    SKIP("no stb (Debian: libstb-dev)");
#endif
}

int main(void)
{
    folder_make();
    RUN(pnm);
    RUN(pnm_errors);
    RUN(pillow);
    RUN(saving);
    RUN(grids);
    RUN(png);
    RUN(cifar);
    RUN(image_folder);
    RUN(jpeg_folder);
    folder_remove();
    TEST_END;
}
