/* build: float double asan */
/* Files of tensors: safetensors, npy, npz, raw, CSV.  What the reference implementations write is read and written bit for bit; every
   named fault has a file that shows it; every cut and every flipped bit of small files is an error or changes nothing but values. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE
#endif
#include "dl.h"
#include "test.h"
#include "folder.h"
#include "golden_files.h"
#if defined(__unix__) || defined(__APPLE__)
#include <sys/stat.h>
#include <unistd.h>
#endif
#include <time.h>
#if defined(__linux__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__)     /* reading without a map, a byte at a time */
#define FAULTS 1
#include <errno.h>
#include <sys/mman.h>
#include <sys/syscall.h>
static int no_map, read_at = -1;
void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
    if (no_map && fd >= 0) { errno = ENODEV; return MAP_FAILED; }
    return (void *)syscall(SYS_mmap, at, n, protection, flags, fd, offset);
}
ssize_t read(int fd, void *p, size_t n)
{
    if (read_at == 0) { errno = EIO; return -1; }
    if (read_at == 1) { read_at = -1; errno = EINTR; return -1; }
    return syscall(SYS_read, fd, p, no_map && n ? 1 : n);
}
#else
#define FAULTS 0
#endif

static const char *spill(const char *name, const void *bytes, size_t n)
{
    const char *p = path(name);
    FILE *f = fopen(p, "wb");
    if (!CHECK(f != NULL)) return p;
    CHECK(fwrite(bytes, 1, n, f) == n);
    fclose(f);
    return p;
}
static int same(const char *file, const unsigned char *bytes, size_t n)
{
    unsigned char got[8192];
    FILE *f = fopen(file, "rb");
    size_t m = f ? fread(got, 1, sizeof got, f) : 0;
    if (f) fclose(f);
    return m == n && !memcmp(got, bytes, n);
}
#define LOAD(c, bytes)       dl_load_tensors(c, spill("x", bytes, sizeof bytes))
#define IS_FILE(file, bytes) CHECK(same(path(file), bytes, sizeof bytes))

/* A safetensors file of a header and n bytes 0, 1, 2, .. */
static const char *st(const char *header, size_t n)
{
    static unsigned char b[4096];
    size_t h = strlen(header), i;
    memset(b, 0, 8);
    b[0] = (unsigned char)h; b[1] = (unsigned char)(h >> 8);
    memcpy(b + 8, header, h);
    for (i = 0; i < n; i++) b[8 + h + i] = (unsigned char)i;
    return spill("x", b, 8 + h + n);
}
static void bad(dl_ctx *c, const char *error, const char *file)
{
    dl_archive *a = dl_load_tensors(c, file);
    CHECK(a->size == 0);
    CHECK_ERROR(c, error);
}

/* --- safetensors -------------------------------------------------------------------------------------------------------------- */
static void reads_the_reference(void)
{
    static const dl_real values[4] = {0, 1, 5, 100};
    dl_ctx *c = dl_create();
    dl_archive *a = LOAD(c, st_types);
    int64_t i, k;
    CHECK(a->size == 12);
    for (i = 0; i < a->size; i++) {
        dl_tensor *t = a->item[i].tensor;
        int is_bool = !strcmp(a->item[i].name, "bool");
        CHECK(t->size == 4 && t->ndim == 1 && (t->dtype == DL_REAL) == !strncmp(a->item[i].name, "float", 5));
        for (k = 0; k < 4 && t->size == 4; k++) CHECK((t->idata ? (dl_real)t->idata[k] : t->data[k]) == (is_bool ? k > 0 : values[k]));
        CHECK(i == 0 || strcmp(a->item[i - 1].name, a->item[i].name) < 0);
    }
    a = LOAD(c, st_empty);
    CHECK(a->size == 2 && dl_is_nil(a->item[0].tensor) && dl_item(a->item[1].tensor) == 2.5);
    a = LOAD(c, st_nothing);
    CHECK(a->size == 0);
    a = LOAD(c, st_named);
    CHECK(a->size == 4 && !strcmp(dl_archive_metadata(a, "who"), "ref \"x\"") &&
          dl_archive_get(c, a, "a\"\\\n\x01\303\251")->size == 3);
    CHECK_OK(c);
    dl_destroy(c);
}

static void writes_as_the_reference(void)
{
    static const dl_real w[6] = {-1, (dl_real)-0.75, (dl_real)-0.5, (dl_real)-0.25, 0, (dl_real)0.25};
    static const int32_t zz[2] = {3, -4}, aa[1] = {7};
    static const dl_metadata meta[] = { {"who", "ref \"x\""}, {NULL, NULL} };
    dl_ctx *c = dl_create();
    dl_named list[4];
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 3, 2), dl_nn_batchnorm1d(c, 2));
    list[0].name = "b";                    list[0].tensor = dl_tensor_from(c, w, DL_SHAPE(2, 3));
    list[1].name = "a\"\\\n\x01\303\251";  list[1].tensor = dl_tensor_from(c, w, DL_SHAPE(3));
    list[2].name = "zz";                   list[2].tensor = dl_tensor_from_int(c, zz, DL_SHAPE(2));
    list[3].name = "aa";                   list[3].tensor = dl_tensor_from_int(c, aa, DL_SHAPE(0));
    CHECK(dl_save_tensors(c, list, 4, path("named"), .metadata = meta, .type = DL_F32));
    IS_FILE("named", st_named);
    CHECK(dl_load(c, m, spill("x", st_module, sizeof st_module)) && dl_module_get(c, m, "0.weight")->data[5] == (dl_real)0.25);
    CHECK(dl_save(c, m, path("module"), .type = DL_F32));
    IS_FILE("module", st_module);
    CHECK(dl_save_tensors(c, NULL, 0, path("none")));
    IS_FILE("none", st_nothing);
    list[0].name = "";
    CHECK(dl_save_tensors(c, list, 1, path("one.npy"), .type = DL_F32));
    IS_FILE("one.npy", npy_float32);
    CHECK_OK(c);
    dl_destroy(c);
}

#define T(dtype, shape, from, to) "{\"dtype\":\"" dtype "\",\"shape\":" shape ",\"data_offsets\":[" #from "," #to "]}"
static void named_faults(void)
{
    dl_ctx *c = dl_create();
    char long_name[1200] = "{\"";
    static const unsigned char small[] = {1, 2, 3}, large[] = {0, 0, 0, 0, 1, 0, 0, 0, '{'}, length[] = {200, 0, 0, 0, 0, 0, 0, 0,
            '{', '}'};
    bad(c, "HeaderTooSmall at byte 0", spill("x", small, sizeof small));
    bad(c, "HeaderTooLarge at byte 0: bytes of header (is it a safetensors file?)", spill("x", large, sizeof large));
    bad(c, "InvalidHeaderLength", spill("x", length, sizeof length));
    bad(c, "InvalidHeader at byte 9", st("{\xff}", 0));
    bad(c, "InvalidHeader at byte 10", st("{\"\xc0\x80\":1}", 0));                 /* overlong, .. */
    bad(c, "InvalidHeader", st("{\"\xed\xa0\x80\":1}", 0));                         /* .. a surrogate, .. */
    bad(c, "InvalidHeader", st("{\"\xf4\x90\x80\x80\":1}", 0));                     /* .. beyond Unicode */
    bad(c, "InvalidHeaderDeserialization at byte 8", st("nothing", 0));
    bad(c, "InvalidHeaderDeserialization", st("", 0));
    bad(c, "InvalidHeaderDeserialization", st("{", 0));
    bad(c, "InvalidHeaderDeserialization", st("{\"a", 0));
    bad(c, "InvalidHeaderDeserialization", st("{} x", 0));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":" T("F32", "[1]", 0, 4) ",}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":" T("F33", "[1]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":" T("F32", "[-1]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":" T("F32", "[1.0]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":" T("F32", "[1e0]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":" T("F32", "[01]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":" T("F32", "[18446744073709551616]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":" T("F32", "1", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":{\"dtype\":\"F32\",\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\":{\"dtypeeeeeeeeeeeeeeee\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                                              4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\\x\":" T("F32", "[1]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"a\\u0000\":" T("F32", "[1]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"\\ud800\":" T("F32", "[1]", 0, 4) "}", 4));
    bad(c, "InvalidHeaderDeserialization", st("{\"__metadata__\":{\"a\":1}}", 0));
    bad(c, "DuplicateName", st("{\"__metadata__\":{},\"__metadata__\":{}}", 0));
    bad(c, "RankTooLarge", st("{\"a\":" T("F32", "[1,1,1,1,1,1,1,1,1]", 0, 4) "}", 4));
    memset(long_name + 2, 'n', 1100);
    strcpy(long_name + 1102, "\":" T("F32", "[1]", 0, 4) "}");
    bad(c, "1024", st(long_name, 4));
    bad(c, "DuplicateName", st("{\"a\":" T("F32", "[1]", 0, 4) ",\"\\u0061\":" T("F32", "[1]", 4, 8) "}", 8));
    bad(c, "InvalidOffset", st("{\"a\":" T("F32", "[1]", 0, 4) ",\"b\":" T("F32", "[1]", 0, 4) "}",
                               4));          /* json_attack: overlap, .. */
    bad(c, "tensor \"b\": begin: 4 expected, 8 found", st("{\"a\":" T("F32", "[1]", 0, 4) ",\"b\":" T("F32", "[1]", 8, 12) "}",
                                                          12));     /* .. hole */
    bad(c, "InvalidOffset", st("{\"a\":" T("F32", "[1]", 4, 0) "}", 4));
    bad(c, "ValidationOverflow", st("{\"a\":" T("F32", "[4194305,4194305,211106198978564]", 0, 16) "}", 16));
    bad(c, "ValidationOverflow", st("{\"a\":" T("F64", "[9223372036854775807,3,0]", 0, 0) "}", 0));
    bad(c, "MisalignedSlice", st("{\"a\":" T("F4", "[3]", 0, 2) "}", 2));
    bad(c, "UnsupportedDtype", st("{\"a\":" T("F4", "[4]", 0, 2) "}", 2));
    bad(c, "UnsupportedDtype", st("{\"a\":" T("C64", "[1]", 0, 8) "}", 8));
    bad(c, "TensorInvalidInfo at byte 62: tensor \"a\": bytes: 8 expected, 4 found", st("{\"a\":" T("F32", "[2]", 0, 4) "}", 4));
    bad(c, "MetadataIncompleteBuffer", st("{\"a\":" T("F32", "[1]", 0, 4) "}", 3));
    bad(c, "MetadataIncompleteBuffer", st("{\"a\":" T("F32", "[1]", 0, 4) "}", 5));
    bad(c, "ValueOutOfRange", st("{\"a\":" T("I64", "[1]", 0, 8) "}", 8));
    bad(c, "cannot open it", path("is not there"));
#if defined(_WIN32)
    bad(c, "cannot open it", folder);
#else
    bad(c, "a folder or a pipe", folder);
#endif
    bad(c, "the path is NULL", NULL);
#ifdef S_ISFIFO
    CHECK(mkfifo(path("pipe"), 0600) == 0);                                          /* opening it must not wait for a writer */
    bad(c, "a folder or a pipe", path("pipe"));
#endif
    CHECK(dl_load_tensors(c, st("  {\"a\":" T("F32", "[ 1 , 1 ]", 0, 4) " } \n",
                                4))->size == 1);                    /* white space is fine, .. */
    CHECK(dl_load_tensors(c, st("{\"\\ud83d\\ude00\\u00e9\\/\\t\":" T("I8", "[]", 0, 1) "}",
                                1))->size == 1);         /* .. escapes, .. */
    CHECK(!strcmp(dl_load_tensors(c, path("x"))->item[0].name, "\360\237\230\200\303\251/\t"));
    CHECK(dl_load_tensors(c, st("{\"a\":" T("F32", "[0]", 0, 0) ",\"b\":" T("I8", "[1]", 0, 1) "}",
                                1))->size == 2); /* .. nothing at all */
    CHECK_OK(c);
    dl_destroy(c);
}

static void weights(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 3, 2)), *n = dl_nn_sequential(c, dl_nn_linear(c, 3, 2)),
            *wrong = dl_nn_sequential(c, dl_nn_linear(c, 2, 3)),
              *more = dl_nn_sequential(c, dl_nn_linear(c, 3, 2), dl_nn_linear(c, 2, 1));
    dl_load_report report;
    dl_real before = dl_module_get(c, wrong, "0.weight")->data[0];
    CHECK(dl_save(c, m, path("w.safetensors")) && dl_save(c, m, path("w.npz")));
    CHECK(dl_load(c, n, path("w.safetensors"), .report = &report) && report.loaded == 2 && !report.nmissing &&
          !report.nunexpected && !report.nmismatched);
    CHECK(!memcmp(dl_module_get(c, m, "0.weight")->data, dl_module_get(c, n, "0.weight")->data, 6 * sizeof(dl_real)));
    dl_init_zeros(c, dl_module_get(c, n, "0.weight"));
    CHECK(dl_load(c, n, path("w.npz")));
    CHECK(!memcmp(dl_module_get(c, m, "0.weight")->data, dl_module_get(c, n, "0.weight")->data, 6 * sizeof(dl_real)));
    CHECK(!dl_load(c, wrong, path("w.safetensors"), .report = &report) && report.nmismatched == 2 &&
          !strcmp(report.mismatched[0], "0.weight"));
    CHECK_ERROR(c, "NamesDiffer: \"0.weight\" is F");
    CHECK(dl_module_get(c, wrong, "0.weight")->data[0] == before);
    CHECK(!dl_load(c, wrong, path("w.safetensors"), .loose = 1));                  /* shapes must fit in any case, as in PyTorch */
    CHECK_ERROR(c, "expected F");
    CHECK(!dl_load(c, more, path("w.safetensors"), .report = &report) && report.nmissing == 2 &&
          !strcmp(report.missing[1], "1.bias"));
    CHECK_ERROR(c, "2 missing: 1.weight, 1.bias");
    CHECK(dl_load(c, more, path("w.safetensors"), .loose = 1, .report = &report) && report.loaded == 2 && report.nmissing == 2);
    CHECK(dl_save(c, more, path("more.safetensors")));
    CHECK(!dl_load(c, m, path("more.safetensors"), .report = &report) && report.nunexpected == 2);
    CHECK_ERROR(c, "2 unexpected: 1.bias, 1.weight");
    dl_module_get(c, m, "0.bias")->data[1] = (dl_real)HUGE_VAL;
    CHECK(!dl_save(c, m, path("w.safetensors")));
    CHECK_ERROR(c, "NotFinite: \"0.bias\" has inf at element 1");
    CHECK(dl_load(c, n, path("w.safetensors")));                                   /* the old file is still there */
    CHECK(dl_save(c, m, path("w.safetensors"), .force = 1));
    CHECK(!dl_save(c, m, path("w.safetensors"), .force = 1, .type = DL_I8));
    CHECK_ERROR(c, ".type 3");
    CHECK(!dl_save(c, NULL, path("w.safetensors")));      CHECK_ERROR(c, "NULL");
    CHECK(!dl_save(c, m, NULL, .force = 1));              CHECK_ERROR(c, "NULL");
    CHECK(!dl_save(c, m, "", .force = 1));                CHECK_ERROR(c, "empty");
    CHECK(!dl_load(NULL, m, path("w.safetensors")) && !dl_save(NULL, m, path("w.safetensors")));
    dl_destroy(c);
}

static const char *renamed(const char *name, void *user)
{
    (*(int *)user)++;
    return !strcmp(name, "w") ? "0.weight" : !strcmp(name, "b") ? "0.bias" : NULL;
}
static void other_names(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 1, 2));
    dl_tensor *t = dl_arange(c, 0, 2, 1);
    static const dl_metadata meta[] = { {"note", "x"}, {NULL, NULL} };
    dl_named list[4];
    dl_archive *a;
    int calls = 0;
    list[0].name = "net.w"; list[0].tensor = dl_reshape(c, t, DL_SHAPE(2, 1));
    list[1].name = "net.b"; list[1].tensor = t;
    list[2].name = "net.c"; list[2].tensor = dl_ones(c, DL_SHAPE(5));
    list[3].name = "other"; list[3].tensor = list[2].tensor;
    CHECK(dl_save_tensors(c, list, 4, path("p.safetensors"), .metadata = meta));
    a = dl_load_tensors(c, path("p.safetensors"));                                 /* other is net.c: stored once, found as both */
    CHECK(a->size == 3 && !strcmp(dl_archive_metadata(a, "other"), "net.c") && !strcmp(dl_archive_metadata(a, "note"), "x"));
    CHECK(dl_archive_get(c, a, "other") == dl_archive_get(c, a, "net.c") && dl_archive_get(c, a, "net.c")->size == 5);
    CHECK_OK(c);
    CHECK(dl_is_nil(dl_archive_get(c, a, "note")));                CHECK_ERROR(c, "no tensor is called \"note\"");
    list[0].tensor = dl_add_scalar(c, list[0].tensor, 5);
    CHECK(dl_save_tensors(c, list, 4, path("p.safetensors")));
    CHECK(dl_load(c, m, path("p.safetensors"), .prefix = "net.", .rename = renamed, .user = &calls) && calls == 3);
    CHECK(dl_module_get(c, m, "0.weight")->data[1] == 6 && dl_module_get(c, m, "0.bias")->data[1] == 1);
    list[0].name = "0.weight"; list[0].tensor = dl_reshape(c, t, DL_SHAPE(2, 1));
    list[1].name = "0.bias";   list[1].tensor = t;
    CHECK(dl_save_tensors(c, list, 2, path("p.safetensors")));
    CHECK(dl_load(c, m, path("p.safetensors")));                                   /* a view of another shape: stored twice */
    CHECK(dl_module_get(c, m, "0.weight")->data[1] == 1);
    CHECK_OK(c);
    list[1].name = "0.weight";
    CHECK(!dl_save_tensors(c, list, 2, path("p.safetensors")));    CHECK_ERROR(c, "DuplicateName");
    list[1].name = "__metadata__";
    CHECK(!dl_save_tensors(c, list, 2, path("p.safetensors")));    CHECK_ERROR(c, "InvalidName");
    list[1].name = "\xff";
    CHECK(!dl_save_tensors(c, list, 2, path("p.safetensors")));    CHECK_ERROR(c, "InvalidName");
    list[1].name = NULL;
    CHECK(!dl_save_tensors(c, list, 2, path("p.safetensors")));    CHECK_ERROR(c, "NULL");
    CHECK(!dl_save_tensors(c, list, -1, path("p.safetensors")));   CHECK_ERROR(c, "-1 tensors");
    CHECK(!dl_save_tensors(c, list, 2, path("p.npy")));            CHECK_ERROR(c, "NULL");
    list[1].name = "b";
    CHECK(!dl_save_tensors(c, list, 2, path("p.npy")));            CHECK_ERROR(c, "one tensor");
    CHECK(!dl_save_tensors(c, list, 2, path("p.npz"), .type = DL_BF16));  CHECK_ERROR(c, "NumPy has no BF16");
    dl_destroy(c);
}

/* One matrix under two names of a module: found by either, whatever the names in the file begin with. */
static void shared_weights(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *t = dl_arange(c, 0, 4, 1), *w = dl_reshape(c, t, DL_SHAPE(2, 2)), *b = dl_zeros(c, DL_SHAPE(2));
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 2, 2), dl_nn_linear(c, 2, 2));
    dl_named list[4];
    static const dl_metadata clash[] = { {"net.1.weight", "note"}, {NULL, NULL} };
    dl_load_report report;
    dl_archive *a;
    int calls = 0;
    list[0].name = "net.0.weight"; list[0].tensor = w;
    list[1].name = "net.0.bias";   list[1].tensor = b;
    list[2].name = "net.1.bias";   list[2].tensor = dl_ones(c, DL_SHAPE(2));
    list[3].name = "net.1.weight"; list[3].tensor = w;
    CHECK(dl_save_tensors(c, list, 4, path("s.safetensors")) && dl_load_tensors(c, path("s.safetensors"))->size == 3);
    CHECK(dl_load(c, m, path("s.safetensors"), .prefix = "net.", .report = &report) && report.loaded == 4 && !report.nunexpected);
    CHECK(dl_module_get(c, m, "0.weight")->data[3] == 3 && dl_module_get(c, m, "1.weight")->data[3] == 3);
    CHECK(!dl_load(c, m, path("s.safetensors"), .prefix = "net.", .rename = renamed, .user = &calls, .report = &report) &&
          report.nmissing == 4 && report.nunexpected == 0);
    CHECK_ERROR(c, "4 missing");
    CHECK(!dl_save_tensors(c, list, 4, path("s.safetensors"), .metadata = clash));
    CHECK_ERROR(c, "DuplicateName: \"net.1.weight\" is a shared tensor and in the metadata");
    CHECK(!dl_save_tensors(c, list, 4, path("s.npz"), .metadata = clash));
    CHECK_ERROR(c, "no place for metadata");
    list[0].name = "a"; list[1].name = "b"; list[2].name = "c";                    /* a view of another shape in between */
    list[1].tensor = t; list[2].tensor = w;
    CHECK(dl_save_tensors(c, list, 3, path("s.safetensors")));
    a = dl_load_tensors(c, path("s.safetensors"));
    CHECK(a->size == 2 && dl_archive_get(c, a, "c") == dl_archive_get(c, a, "a") && dl_archive_get(c, a, "b")->ndim == 1);
    CHECK_OK(c);
    dl_destroy(c);
}

/* What a format cannot hold, names at its limits, a file whose name says something else, who may read it. */
static void limits(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 1, 2));
    char name[1025];
    static const int lengths[] = {0, 1020, 1021, 1024};
    dl_named one;
    int i;
    dl_module_get(c, m, "0.weight")->data[1] = 65519;                              /* half-precision: 65504 is the largest */
    CHECK(dl_save(c, m, path("h.safetensors"), .type = DL_F16) && dl_load(c, m, path("h.safetensors")));
    CHECK(dl_module_get(c, m, "0.weight")->data[1] == 65504);
    dl_module_get(c, m, "0.weight")->data[1] = -65520;
    CHECK(!dl_save(c, m, path("h.safetensors"), .type = DL_F16));
    CHECK_ERROR(c, "NotFinite: \"0.weight\" has -65520 at element 1, expected what is finite in F16");
    CHECK(dl_save(c, m, path("h.safetensors"), .type = DL_BF16) && dl_save(c, m, path("h.safetensors"), .type = DL_F16, .force = 1));
    dl_module_get(c, m, "0.weight")->data[1] = (dl_real)3.39617e38;
    CHECK(dl_save(c, m, path("h.safetensors"), .type = DL_BF16));
    dl_module_get(c, m, "0.weight")->data[1] = (dl_real)3.39618e38;
    CHECK(!dl_save(c, m, path("h.safetensors"), .type = DL_BF16));
    CHECK_ERROR(c, "finite in BF16");
    CHECK(dl_save(c, m, path("h.json")) && dl_load(c, m, path("h.json")));         /* .json: of the index, if that is what it is */
    one.name = name; one.tensor = dl_ones(c, DL_SHAPE(3));
    for (i = 0; i < 4; i++) {
        memset(name, 'n', sizeof name);
        name[lengths[i]] = 0;
        CHECK(dl_save_tensors(c, &one, 1, path("n.npz")));
        CHECK(dl_archive_get(c, dl_load_tensors(c, path("n.npz")), name)->size == 3);
    }
    CHECK_OK(c);
    dl_destroy(c);
}

static void permissions_stay(void)
{
#if defined(__unix__) || defined(__APPLE__)
    static const mode_t modes[] = {0600, 0666};
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_linear(c, 1, 2);
    struct stat s;
    int i;
    CHECK(dl_save(c, m, path("mode.safetensors")));
    for (i = 0; i < 2; i++) {
        chmod(path("mode.safetensors"), modes[i]);
        CHECK(dl_save(c, m, path("mode.safetensors")) && stat(path("mode.safetensors"), &s) == 0 && (s.st_mode & 0777) == modes[i]);
    }
    CHECK_OK(c);
    dl_destroy(c);
#else
    SKIP("no permissions");
#endif
}

static void long_names(void)                            /* of 245 to 255 bytes: a temporary name is longer */
{
#if defined(__unix__) || defined(__APPLE__)
    char name[256] = "";
    dl_ctx *c = dl_create();
    dl_module *m = dl_nn_linear(c, 1, 2);
    int i;
    memset(name, 'a', 99);
    for (i = 0; i < 72; i++) strcat(name, "\303\244");                  /* byte 100 is within a letter */
    strcat(name, ".safetensors");
    CHECK(strlen(name) == 255);
    for (i = 0; i < 2; i++) CHECK(dl_save(c, m, path(name)));            /* new, and in the place of the old one */
    CHECK(dl_load(c, m, path(name)));
    CHECK_OK(c);
    dl_destroy(c);
#else
    SKIP("no long names");
#endif
}

static void shards(void)
{
    dl_ctx *c = dl_create(.seed = 1);
    dl_module *m = dl_nn_sequential(c, dl_nn_linear(c, 3, 2));
    dl_named one;
    static const char good[] = "{\"metadata\": {\"total_size\": 32, \"x\": [true, {\"y\": null}]},\n \"weight_map\": "
                               "{\"0.weight\": \"m-1.safetensors\", \"0.bias\": \"m-2.safetensors\"}}";
#define INDEX(text) spill("m.index.json", text, strlen(text))
    one.name = "0.weight"; one.tensor = dl_ones(c, DL_SHAPE(2, 3));
    CHECK(dl_save_tensors(c, &one, 1, path("m-1.safetensors")));
    one.name = "0.bias"; one.tensor = dl_ones(c, DL_SHAPE(2));
    CHECK(dl_save_tensors(c, &one, 1, path("m-2.safetensors")));
    CHECK(dl_load(c, m, INDEX(good)) && dl_module_get(c, m, "0.weight")->data[5] == 1 &&
          dl_module_get(c, m, "0.bias")->data[1] == 1);
    CHECK(dl_load_tensors(c, path("m.index.json"))->size == 2);
    CHECK_OK(c);
    bad(c, "MissingTensor", INDEX("{\"weight_map\":{\"0.weight\":\"m-2.safetensors\"}}"));
    bad(c, "MissingTensor", INDEX("{\"weight_map\":{\"0.weight\":\"m-2.safetensors\",\"0.bias\":\"m-1.safetensors\"}}"));
    bad(c, "BadShardName", INDEX("{\"weight_map\":{\"0.weight\":\"../m-2.safetensors\"}}"));
    bad(c, "BadShardName", INDEX("{\"weight_map\":{\"0.weight\":\"a/m-2.safetensors\"}}"));
    bad(c, "BadShardName", INDEX("{\"weight_map\":{\"0.weight\":\"a\\\\m-2.safetensors\"}}"));
    bad(c, "BadShardName", INDEX("{\"weight_map\":{\"0.weight\":\"\"}}"));
    bad(c, "cannot open it", INDEX("{\"weight_map\":{\"0.weight\":\"m-3.safetensors\"}}"));
    bad(c, "weight_map", INDEX("{\"metadata\":{}}"));
    bad(c, "at most 4 levels", INDEX("{\"metadata\":[[[[[[[[[[]]]]]]]]]],\"weight_map\":{}}"));
    bad(c, "InvalidHeaderDeserialization", INDEX("{\"weight_map\":{\"a\":1}}"));
    dl_destroy(c);
}

/* All 65536 halves and bfloat16s come and go; floats are rounded to the nearest, ties to even. */
static void halves(void)
{
    static unsigned char b[2 * 65536 + 128];
    static const char *const kind[2] = {"F16", "BF16"};
    static const dl_file_type type[2] = {DL_F16, DL_BF16};
    dl_ctx *c = dl_create();
    int k, i;
    for (k = 0; k < 2; k++) {
        char header[128];
        dl_named one;
        unsigned char *p;
        FILE *f;
        dl_tensor *t, *v, *r;
        memset(b, 0, 8);
        sprintf(header, "{\"a\":{\"dtype\":\"%s\",\"shape\":[65536],\"data_offsets\":[0,131072]}}", kind[k]);
        while (strlen(header) % 8) strcat(header, " ");
        b[0] = (unsigned char)strlen(header);
        memcpy(b + 8, header, strlen(header));
        p = b + 8 + strlen(header);
        for (i = 0; i < 65536; i++) { p[2 * i] = (unsigned char)i; p[2 * i + 1] = (unsigned char)(i >> 8); }
        one.name = "a";
        one.tensor = t = dl_load_tensors(c, spill("h", b, 8 + strlen(header) + 131072))->item[0].tensor;
        CHECK(dl_save_tensors(c, &one, 1, path("h2"), .type = type[k]));
        f = fopen(path("h2"), "rb");
        if (f && fread(b, 1, sizeof b, f)) fclose(f);
        for (i = 0; i < 65536 && t->size == 65536; i++) {
            int back = p[2 * i] | p[2 * i + 1] << 8;
            if (!CHECK(back == i || (t->data[i] != t->data[i] && (back & 0x7fff) > (k ? 0x7f80 : 0x7c00)))) break;
        }
        CHECK(t->data[0x8000] == 0 && t->data[k ? 0x3f80 : 0x3c00] == 1 && t->data[k ? 0xc040 : 0xc200] == -3);
        v = dl_empty(c, DL_SHAPE(65536));                                          /* between two neighbours: below, at and above the middle */
        for (i = 0; i < 65536; i++) {
            dl_real low = t->data[i & 0x7fff], high = t->data[(i & 0x7fff) + 1];
            v->data[i] = high - high == 0 ? low + (high - low) * (dl_real)(i & 0x8000 ? 0.5 : 0.375) : 0;
        }
        one.tensor = v;
        CHECK(dl_save_tensors(c, &one, 1, path("h2"), .type = type[k]));
        r = dl_load_tensors(c, path("h2"))->item[0].tensor;
        for (i = 0; i < 65536 && r->size == 65536; i++) {
            int j = i & 0x7fff;
            if (j == 0x7fff || !(t->data[j + 1] - t->data[j + 1] == 0)) continue;
            if (!CHECK(r->data[i] == t->data[j + (i & 0x8000 ? j % 2 : 0)])) { printf("%d ", i); break; }
        }
    }
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- npy and npz -------------------------------------------------------------------------------------------------------------- */
static void numpy(void)
{
    static const dl_real values[4] = {0, 1, 5, 100};
    dl_ctx *c = dl_create();
    dl_tensor *t;
    dl_archive *a;
    int i;
#define VALUES(file) t = LOAD(c, file)->item[0].tensor; \
    for (i = 0; CHECK(t->size == 4) && i < 4; i++) CHECK((t->idata ? (dl_real)t->idata[i] : t->data[i]) == values[i])
    VALUES(npy_little_f4);
    VALUES(npy_big_f4);
    VALUES(npy_little_i2);
    VALUES(npy_big_i2);
    VALUES(npy_little_u8);
    VALUES(npy_big_u8);
    t = LOAD(c, npy_bool)->item[0].tensor;
    CHECK(t->size == 4 && t->idata[0] == 0 && t->idata[3] == 1);
    t = LOAD(c, npy_fortran)->item[0].tensor;
    CHECK(t->ndim == 3 && t->shape[0] == 2 && t->shape[2] == 4);
    for (i = 0; i < 24; i++) CHECK(t->data[i] == i);
    t = LOAD(c, npy_scalar)->item[0].tensor;
    CHECK(t->ndim == 0 && dl_item(t) == 2.5);
    t = LOAD(c, npy_v2)->item[0].tensor;
    CHECK(t->ndim == 2 && t->data[5] == (dl_real)0.25);
    a = LOAD(c, npz);
    CHECK(a->size == 2 && dl_archive_get(c, a, "n")->idata[1] == -4 && dl_archive_get(c, a, "w")->data[0] == -1);
    CHECK_OK(c);
    bad(c, "UnsupportedType", spill("x", npy_record, sizeof npy_record));
    bad(c, "CompressedMember", spill("x", npz_compressed, sizeof npz_compressed));
    dl_destroy(c);
}

static const char *npy(const char *dict, size_t n)
{
    static unsigned char b[4096];
    size_t h = strlen(dict), i;
    memcpy(b, "\223NUMPY\1\0", 8);
    b[8] = (unsigned char)h; b[9] = (unsigned char)(h >> 8);
    memcpy(b + 10, dict, h);
    for (i = 0; i < n; i++) b[10 + h + i] = (unsigned char)i;
    return spill("x", b, 10 + h + n);
}
static void npy_faults(void)
{
    dl_ctx *c = dl_create();
    static const unsigned char version[] = "\223NUMPY\4\0\0\0\0\0", cut[] = "\223NUMPY\1", large[] = "\223NUMPY\1\0\377\377";
    unsigned char z[sizeof npz];
    bad(c, "HeaderTruncated", spill("x", cut, sizeof cut - 1));
    bad(c, "BadVersion", spill("x", version, sizeof version));
    bad(c, "HeaderTooLarge", spill("x", large, sizeof large));
    CHECK(dl_load_tensors(c, npy("{'shape': (2,), 'fortran_order': False, 'descr': '|u1'}   \n", 2))->size == 1);
    CHECK(dl_load_tensors(c, npy("{'descr':'<f2','fortran_order':True,'shape':(1,1),}\n", 2))->size == 1);
    bad(c, "HeaderSyntax", npy("{'shape': (2,), 'fortran_order': False, 'descr': '|u1', 'more': 1}\n", 2));
    bad(c, "HeaderSyntax", npy("{'shape': (2,), 'shape': (2,), 'descr': '|u1'}\n", 2));
    bad(c, "HeaderSyntax", npy("{'shape': (2,), 'descr': '|u1'}\n", 2));
    bad(c, "HeaderSyntax", npy("{'shape': (2), 'fortran_order': False, 'descr': '|u1'}\n", 2));
    bad(c, "HeaderSyntax", npy("{'shape': (-2,), 'fortran_order': False, 'descr': '|u1'}\n", 2));
    bad(c, "HeaderSyntax", npy("{'shape': (2,), 'fortran_order': 0, 'descr': '|u1'}\n", 2));
    bad(c, "HeaderSyntax", npy("{'shape': (2,), 'fortran_order': False, 'descr': '|u1'}", 0));
    bad(c, "HeaderSyntax", npy("['shape']\n", 2));
    bad(c, "HeaderSyntax", npy("{\n", 2));
    bad(c, "UnsupportedType", npy("{'shape': (2,), 'fortran_order': False, 'descr': '|O'}\n", 2));
    bad(c, "UnsupportedType", npy("{'shape': (2,), 'fortran_order': False, 'descr': '<c8'}\n", 16));
    bad(c, "UnsupportedType", npy("{'shape': (2,), 'fortran_order': False, 'descr': '|i4'}\n", 8));
    bad(c, "RankTooLarge", npy("{'shape': (1,1,1,1,1,1,1,1,1), 'fortran_order': False, 'descr': '|u1'}\n", 1));
    bad(c, "SizeOverflow", npy("{'shape': (4194305,4194305,211106198978564), 'fortran_order': False, 'descr': '<f4'}\n", 16));
    bad(c, "a number below 2^64", npy("{'shape': (99999999999999999999,), 'fortran_order': False, 'descr': '<f4'}\n", 16));
    bad(c, "DataTruncated", npy("{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}\n", 7));
    bad(c, "TrailingData", npy("{'shape': (2,), 'fortran_order': False, 'descr': '<f4'}\n", 9));
    memcpy(z, npz, sizeof z);
    z[200] ^= 1;
    bad(c, "ChecksumMismatch", spill("x", z, sizeof z));
    bad(c, "DirectoryMissing", spill("x", npz, sizeof npz - 23));
    memcpy(z, npz, sizeof z);
    z[sizeof z - 6]++;                                                             /* where the directory begins */
    bad(c, "DirectoryTruncated", spill("x", z, sizeof z));
    memcpy(z, npz, sizeof z);
    z[sizeof z - 12] = 200;                                                        /* how many files are in it */
    bad(c, "DirectoryTruncated", spill("x", z, sizeof z));
    CHECK_OK(c);
    dl_destroy(c);
}

/* --- cuts and flipped bits: never a crash; values or an error ----------------------------------------------------------------- */
static long cuts, flips, refused;
static void torture(dl_ctx *c, const unsigned char *bytes, size_t n, size_t header)
{
    static unsigned char b[4096];
    size_t i;
    for (i = 0; i < n; i++, cuts++) {
        dl_archive *a = dl_load_tensors(c, spill("x", bytes, i));
        if (!CHECK(dl_error(c) && a->size == 0)) { printf("cut at %d of %d ", (int)i, (int)n); break; }
        dl_clear_error(c);
        dl_step_begin(c);
    }
    for (i = 0; i < 8 * header; i++, flips++) {
        dl_archive *a;
        memcpy(b, bytes, n);
        b[i / 8] ^= (unsigned char)(1 << i % 8);
        a = dl_load_tensors(c, spill("x", b, n));
        CHECK(dl_error(c) ? a->size == 0 : a->size > 0 || a->nmetadata == 0);
        refused += dl_error(c) != NULL;
        dl_clear_error(c);
        dl_step_begin(c);
    }
}
static void torture_text(dl_ctx *c, const char *name, const char *text)   /* CSV files and indices: no crash */
{
    static char b[1024];
    size_t i, n = strlen(text);
    for (i = 0; i < 9 * n; i++, flips += i >= n, cuts += i < n) {
        const char *file;
        memcpy(b, text, n);
        if (i >= n) b[(i - n) / 8] ^= (char)(1 << i % 8);
        file = spill(name, b, i < n ? i : n);
        if (strstr(name, ".csv")) {
            dl_load_csv(c, file, .missing = DL_MISSING_NAN);
            dl_clear_error(c);
            dl_data_csv(c, file, .missing = DL_MISSING_DROP);
        } else dl_load_tensors(c, file);
        refused += dl_error(c) != NULL;
        dl_clear_error(c);
        dl_step_begin(c);
    }
}
static void cuts_and_flips(void)
{
    dl_ctx *c = dl_create();
#define TORTURE(file) torture(c, file, sizeof file, sizeof file)
    TORTURE(st_named);
    TORTURE(st_module);
    TORTURE(st_types);
    TORTURE(st_empty);
    torture(c, npy_fortran, sizeof npy_fortran, 128);
    torture(c, npy_v2, sizeof npy_v2, 128);
    TORTURE(npz);
    spill("t-1.safetensors", st_empty, sizeof st_empty);
    torture_text(c, "t.index.json",
                 "{\"metadata\":{\"n\":[1,{}]},\"weight_map\":{\"scalar\":\"t-1.safetensors\",\"none\":\"t-1.safetensors\"}}");
    torture_text(c, "t.csv", "\357\273\277a,\"b \"\"c\"\"\",d\r\n1,\"2.5\",cat\r\n-3e2,?,\"ape\"\n.5,1e-400,cat\n");
    printf("(%ld cuts, %ld flips, %ld of them refused) ", cuts, flips, refused);
    dl_destroy(c);
}

static void without_maps(void)
{
#if FAULTS
    dl_ctx *c = dl_create();
    no_map = 1;
    reads_the_reference();                                             /* a byte at a time, .. */
    numpy();
    spill("x", npz, sizeof npz);
    read_at = 1;
    CHECK(dl_load_tensors(c, path("x"))->size == 2);                   /* .. with a signal in between, .. */
    read_at = 0;
    bad(c, "cannot read it", path("x"));                               /* .. with a broken disk */
    no_map = 0;
    read_at = -1;
    dl_destroy(c);
#else
    SKIP("needs Linux and no sanitizer");
#endif
}

static void many_entries(void)
{
    enum { N = 20000 };
    dl_ctx *c = dl_create();
    char *h = (char *)malloc(N * 90 + 16), *p = h + 8;
    dl_archive *a;
    int i, k;
    for (i = 0; i < N; i++) p += sprintf(p, "%c\"layer.%d.w\":" "{\"dtype\":\"I8\",\"shape\":[1],\"data_offsets\":[%d,%d]}",
                                         i ? ',' : '{', i * 7919 % N, i, i + 1);
    *p++ = '}';
    for (k = 0; k < 8; k++) h[k] = (char)((uint64_t)(p - h - 8) >> 8 * k);
    for (i = 0; i < N; i++) *p++ = (char)(i % 100);
    a = dl_load_tensors(c, spill("x", h, (size_t)(p - h)));
    CHECK_OK(c);
    CHECK(a->size == N);
    CHECK(dl_item(dl_archive_get(c, a, "layer.7919.w")) == 1 && dl_item(dl_archive_get(c, a, "layer.15838.w")) == 2);
    free(h);
    dl_destroy(c);
}

/* --- raw numbers and CSV ------------------------------------------------------------------------------------------------------ */
static void raw(void)
{
    static const unsigned char b[] = {9, 0, 1, 0, 2, 255, 255, 0x40, 0x20, 0, 0};
    const int64_t large = (int64_t)1 << (sizeof(size_t) == 8 ? 45 : 28);
    dl_ctx *c = dl_create();
    const char *file = spill("x", b, sizeof b);
    dl_tensor *t = dl_load_raw(c, file, DL_I16, DL_SHAPE(5), .offset = 1, .big_endian = 1);
    CHECK(t->size == 5 && t->idata[0] == 1 && t->idata[1] == 2 && t->idata[2] == -1);
    CHECK(dl_item(dl_load_raw(c, file, DL_F32, DL_SHAPE(1), .offset = 7, .big_endian = 1)) == 2.5);
    CHECK(dl_load_raw(c, file, DL_U8, DL_SHAPE(11))->idata[0] == 9);
    CHECK_OK(c);
    dl_load_raw(c, file, DL_U8, DL_SHAPE(12));                       CHECK_ERROR(c, "DataTruncated");
    dl_load_raw(c, file, DL_U8, DL_SHAPE(1), .offset = 100);         CHECK_ERROR(c, "DataTruncated");
    dl_load_raw(c, file, DL_U8, DL_SHAPE(10));                       CHECK_ERROR(c, "TrailingData at byte 10");
    dl_load_raw(c, file, DL_AS_IS, DL_SHAPE(10));                    CHECK_ERROR(c, "type 0");
    dl_load_raw(c, file, DL_U8, DL_SHAPE(10), .offset = -1);         CHECK_ERROR(c, "offset -1");
    dl_load_raw(c, file, DL_U8, DL_SHAPE(INT64_MAX, 4));             CHECK_ERROR(c, "too large");
    dl_load_raw(c, file, DL_U8, DL_SHAPE(large));                    CHECK_ERROR(c, "DataTruncated");       /* before it asks for memory */
    dl_load_raw(c, "no/such", DL_U8, DL_SHAPE(large));               CHECK_ERROR(c, "no/such");
    dl_destroy(c);
}

#define CSV(text) spill("x.csv", text, strlen(text))
static void is(dl_tensor *t, int64_t rows, int64_t cols, const double *want)
{
    int64_t i;
    if (!CHECK(t->ndim == 2 && t->shape[0] == rows && t->shape[1] == cols && t->size == rows * cols)) return;
    for (i = 0; i < t->size; i++) CHECK(t->data[i] == (dl_real)want[i] || (want[i] != want[i] && t->data[i] != t->data[i]));
}
static void csv(void)
{
    static const double plain[] = {1, 2.5, -3e2, 0.5, 7, 0.001}, gaps[] = {1, 0, 3, 4};
    double nan[6] = {1, 0, 2, 3, 4, 5};
    dl_ctx *c = dl_create();
    dl_dataset *d;
    int i;
    is(dl_load_csv(c, CSV("1,2.5,-3e2\n.5,7,1e-3\n")), 2, 3, plain);
    is(dl_load_csv(c, CSV("1,2.5,-3e2\n.5,7,1e-3")), 2, 3, plain);                 /* no end of the last line */
    is(dl_load_csv(c, CSV("\357\273\277a,\"b c\",d\r\n 1 , \"2.5\",-3E+2\r\n+0.5,7.,001e-3\r\n\r\n")), 2, 3, plain);
    is(dl_load_csv(c, CSV("1;2.5;-3e2\n.5;7;1e-3\n"), .delimiter = ';'), 2, 3, plain);
    is(dl_load_csv(c, CSV("1\t2.5\t-3e2\n.5\t7\t1e-3\n"), .delimiter = '\t'), 2, 3, plain);
    is(dl_load_csv(c, CSV("w,x,1,y,2.5,-3e2\nw,\"a,\"\"\nb\",.5,y,7,1e-3\n"), .header = -1, .columns = "2,4,5"), 2, 3, plain);
    is(dl_load_csv(c, CSV("\"1\" 2.5 -3e2\n.5 \"7\" \"1e-3\"\n"), .delimiter = ' '), 2, 3, plain);
    is(dl_load_csv(c, CSV("\"a\"\"\",b,c\n-3e2,2.5,1\n1e-3,7,.5\n"), .columns = "c,b,a\""), 2, 3, plain);
    is(dl_load_csv(c, CSV("0,1,2\n9,1,9\n9,0,9\n9,3,9\n9,4,9\n"), .header = 1, .columns = "1"), 4, 1, gaps);
    is(dl_load_csv(c, CSV("c,b,a\n-3e2,2.5,1\n1e-3,7,.5\n"), .columns = "a,b,c"), 2, 3, plain);
    is(dl_load_csv(c, CSV("c,a,b,a,a\n-3e2,1,2.5,9,9\n1e-3,.5,7,9,9\n"), .columns = "a,b,c"), 2, 3, plain);      /* the first "a" */
    nan[1] = NAN;
    is(dl_load_csv(c, CSV("1,,2\n3,4,5\n"), .missing = DL_MISSING_NAN), 2, 3, nan);
    is(dl_load_csv(c, CSV("1,NA,2\n3,4,5\n"), .missing = DL_MISSING_NAN), 2, 3, nan);
    is(dl_load_csv(c, CSV("1,?,2\n3,4,5\n"), .missing = DL_MISSING_DROP), 1, 3, nan + 3);
    d = dl_data_csv(c, CSV("a,b,kind\n1,2.5,cat\n-3e2,.5,ape\n7,1e-3,\"cat\"\n"));
    is(d->inputs, 3, 2, plain);
    CHECK(d->classes == 2 && !strcmp(d->names[0], "ape") && d->targets->idata[0] == 1 && d->targets->idata[1] == 0 &&
          d->targets->idata[2] == 1);
    d = dl_data_csv(c, CSV("x,kind\n1,0\n?,unknown\n4,1\n"), .missing = DL_MISSING_DROP);
    CHECK(d->classes == 2 && d->names == NULL && d->targets->size == 2);           /* the row that is left out makes no class */
    d = dl_data_csv(c, CSV("3,1,2.5\n0,-3e2,.5\n"), .target = "0");
    CHECK(d->classes == 4 && d->names == NULL && d->targets->idata[0] == 3 && d->inputs->data[2] == -300);
    d = dl_data_csv(c, CSV("x,y\n3,1.5\n4,-2\n"), .regression = 1, .target = "y", .columns = "x");
    CHECK(d->classes == 0 && d->targets->ndim == 2 && d->targets->data[1] == -2 && d->inputs->data[1] == 4);
    CHECK_OK(c);
    {
        enum { LINES = 200000 };                                       /* of which all but two are blank: time in proportion */
        char *many = (char *)malloc(LINES + 10);
        clock_t before = clock();
        memset(many, '\n', LINES);
        many[0] = '1';
        strcpy(many + LINES, "2\n\n");
        is(dl_load_csv(c, CSV(many), .missing = DL_MISSING_DROP), 2, 1, (double[]){1, 2});
        CHECK((double)(clock() - before) < 5.0 * CLOCKS_PER_SEC);
        free(many);
    }
    CHECK_OK(c);
    d = dl_data_csv(c, CSV("1,1.0\n2,2e0\n"));
    CHECK(d->classes == 3 && d->names == NULL && d->targets->idata[1] == 2);
    d = dl_data_csv(c, CSV("1,0.5\n2,half\n3,-1\n"));                 /* words some of which look like numbers */
    CHECK(d->classes == 3 && !strcmp(d->names[1], "0.5") && d->targets->idata[2] == 0);
    d = dl_data_csv(c, CSV("1,-1\n2,1\n"));
    CHECK(d->classes == 2 && !strcmp(d->names[0], "-1"));
    CHECK_OK(c);
    CHECK(!dl_data_csv(c, CSV("x,y,z\n1,2,3\n1,0.011,3\n1,.381,4\n"), .target = "y")->inputs->size);
    CHECK_ERROR(c, "NotAClass at byte 14: line 3, column 1: a class: 0, 1, .. or a word (reals: .regression = 1) expected, \"0.011\" found");
    {
        char *many = (char *)malloc(1002 * 9 + 1);
        for (i = 0; i < 1002; i++) snprintf(many + i * 9, 10, "1,0.%04d\n", i);
        dl_data_csv(c, CSV(many));                                    CHECK_ERROR(c, "labels (reals: .regression = 1) expected, \"0.1000\"");
        free(many);
    }
    dl_load_csv(c, CSV(""));                                          CHECK_ERROR(c, "EmptyFile");
    dl_load_csv(c, CSV("\r\n\n"));                                    CHECK_ERROR(c, "EmptyFile");
    dl_load_csv(c, CSV("a,b\n"));                                     CHECK_ERROR(c, "EmptyFile");
    dl_load_csv(c, CSV("1,?\n"), .missing = DL_MISSING_DROP);         CHECK_ERROR(c, "EmptyFile");
    dl_load_csv(c, CSV("1,2\n3,4,5\n"));                              CHECK_ERROR(c, "RaggedRow");
    dl_load_csv(c, CSV("1,2\n3\n"));                                  CHECK_ERROR(c, "RaggedRow at byte 6: line 2");
    dl_load_csv(c, CSV("1,2\n\n3,4\n"));                              CHECK_ERROR(c, "RaggedRow");
    dl_load_csv(c, CSV("1,2\n3,4x\n"));                               CHECK_ERROR(c,
            "NotANumber at byte 6: line 2, column 1: a number expected, \"4x\" found");
    dl_load_csv(c, CSV("1,2\n3,\n"));                                 CHECK_ERROR(c, "see .missing");
    dl_load_csv(c, CSV("1,2\n3,\"4\n"));                              CHECK_ERROR(c, "UnterminatedQuote");
    dl_load_csv(c, CSV("1,2\n3,\"4\"5\n"));                           CHECK_ERROR(c, "UnterminatedQuote");
    dl_load_csv(c, CSV("1,2\n3,\""));                                 CHECK_ERROR(c, "UnterminatedQuote");
    dl_load_csv(c, CSV("1,2\n3,\"4\"\""));                             CHECK_ERROR(c, "UnterminatedQuote");
    dl_load_csv(c, CSV("\"a\n\",2\n3\n"), .header = -1, .columns = "1"); CHECK_ERROR(c, "RaggedRow at byte 9: line 3");
    dl_load_csv(c, CSV("1,2\n"), .columns = "2");                     CHECK_ERROR(c, "UnknownColumn: \"2\"");
    dl_load_csv(c, CSV("a,b\n1,2\n"), .columns = "a,c");              CHECK_ERROR(c, "UnknownColumn: \"c\"");
    dl_load_csv(c, CSV("a,b\n1,2\n"), .columns = "a,a");              CHECK_ERROR(c, "twice");
    dl_load_csv(c, CSV("a,b\n1,2\n"), .columns = "");                 CHECK_ERROR(c, "UnknownColumn");
    dl_load_csv(c, CSV("1,2\n"), .delimiter = '.');                   CHECK_ERROR(c, "delimiter 46");
    dl_data_csv(c, CSV("1\n"));                                       CHECK_ERROR(c, "no columns");
    dl_data_csv(c, CSV("1,?\n"));                                     CHECK_ERROR(c, "BadLabel");
    dl_load_csv(c, path("none.csv"));                                 CHECK_ERROR(c, "cannot open it");
    dl_load_csv(NULL, path("none.csv"));
    {
        char *big = (char *)malloc(((size_t)1 << 24) + 100);
        memset(big, ',', 70000);
        strcpy(big + 70000, "\n");
        dl_load_csv(c, CSV(big));                                     CHECK_ERROR(c, "TooManyColumns");
        memset(big, '1', ((size_t)1 << 24) + 10);
        strcpy(big + ((size_t)1 << 24) + 10, ",2\n");
        dl_load_csv(c, CSV(big));                                     CHECK_ERROR(c, "LineTooLong");
        free(big);
    }
    dl_destroy(c);
}

static void decimal_numbers(void)
{
    static const char *const hard[] = { "16777217", "16777219", "16777216.99999999999999999", "1e39", "-1e39", "1e400", "1e-400",
            "0e999999999999", "-0",
        "3.4028235677973366e38", "3.4028234663852886e38", "1.17549435e-38", "1.401298464324817e-45", "0.7e-45",
                "0.70064923216240853e-45", "0.70064923216240855e-45",
        "123456789012345678901234567890", "0.000000000000000000000000000000000000000000001234567890123456789",
                "00000000000000000000000000000000001.5",
        "9007199254740993", "8.5899345920000001e9", "1.00000017881393432617187499", "7205759403792793200001e-20",
        "4486.44e311", "179769313486231580e291", "17976931348623159077e289", "8.43e307", "123456789e299", "1e308" };
    enum { N = 20000 };
    dl_ctx *c = dl_create();
    char *text = (char *)malloc(N * 32), *p = text;
    dl_real *want = (dl_real *)malloc(N * sizeof *want);
    dl_tensor *t;
    uint32_t r = 12345;
    int i, off = 0;
    for (i = 0; i < N; i++) {
        float f;
        uint32_t bits;
        r = r * 1664525u + 1013904223u;
        bits = r ^ r >> 13;
        memcpy(&f, &bits, sizeof f);
        if (!(f - f == 0)) f = 1;
        p += sprintf(p, "%.9g\n", (double)f);
        want[i] = (dl_real)f;
        if (sizeof(dl_real) == 8) { char one[40]; sprintf(one, "%.9g", (double)f); want[i] = (dl_real)strtod(one, NULL); }
    }
    t = dl_load_csv(c, CSV(text));
    for (i = 0; i < N && CHECK(t->size == N); i++) off += t->data[i] != want[i];
    CHECK(off == 0);
    for (i = 0; i < (int)(sizeof hard / sizeof *hard); i++) {
        dl_real exact = sizeof(dl_real) == 4 ? (dl_real)strtof(hard[i], NULL) : (dl_real)strtod(hard[i], NULL);
        t = dl_load_csv(c, CSV(hard[i]));
        if (!CHECK(t->size == 1 && t->data[0] == exact)) printf(" %s: %.17g, wanted %.17g ", hard[i],
                                                                t->size == 1 ? (double)t->data[0] : 0, (double)exact);
    }
    CHECK_OK(c);
    free(text);
    free(want);
    dl_destroy(c);
}

int main(void)
{
    folder_make();
    RUN(reads_the_reference);
    RUN(writes_as_the_reference);
    RUN(named_faults);
    RUN(weights);
    RUN(other_names);
    RUN(shared_weights);
    RUN(limits);
    RUN(permissions_stay);
    RUN(long_names);
    RUN(shards);
    RUN(halves);
    RUN(numpy);
    RUN(npy_faults);
    RUN(cuts_and_flips);
    RUN(without_maps);
    RUN(many_entries);
    RUN(raw);
    RUN(csv);
    RUN(decimal_numbers);
    folder_remove();
    TEST_END;
}
