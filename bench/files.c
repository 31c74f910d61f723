/* files: safetensors, checkpoints and npz against a copy of the file, headers of 100,000 entries, CSV; against safetensors and NumPy
   for Python where $PYTHON has them.
   cc -O2 -fopenmp -I. bench/files.c -o build/bench_files -ldl -lm

   Everything happens in $TMPDIR, else in /dev/shm, that is in the page cache, where flushing costs nothing.  "cp" is read and write
   of 256 KB pieces; "write" is what saving cannot do without: the same bytes from memory to a new file, fsync, rename.  dl.h does
   all of that, too, and takes a checkpoint's checksum on the way; safetensors renames but does not flush.  The times of Python are
   the best of seven, taken before the rounds: on a machine that others use, too, compare them with care.  Every side's result is
   compared before it is timed. */
#include "machine.h"
#include "peers.h"
#define DL_IMPLEMENTATION
#include "dl.h"
#include "../tests/folder.h"
#include <fcntl.h>

enum { LAYERS = 24, WIDE = 1024, ENTRIES = 100000, ROWS = 400000, COLUMNS = 10 };
#define WEIGHTS "weights.safetensors"
static double size_of(const char *name)
{
    struct stat s;
    return stat(path(name), &s) == 0 ? (double)s.st_size : 0;
}

typedef struct { dl_ctx *c; dl_module *net; dl_optim *opt; const char *name; int what; double fixed; } work;
enum { LOAD, SAVE, COPY, WRITE, READ, CHECKPOINT, RESUME };

static int copy(const char *from, const char *to)
{
    static char piece[256 * 1024];
    int in = open(from, O_RDONLY), out = to ? open(to, O_WRONLY | O_CREAT | O_TRUNC, 0666) : -1, ok = in >= 0;
    ssize_t n;
    while (ok && (n = read(in, piece, sizeof piece)) > 0) ok = write(out, piece, (size_t)n) == n;
    close(in);
    close(out);
    return ok;
}

static void write_plain(int64_t n)
{
    enum { PIECE = 256 * 1024, MOST = 320 << 20 };
    static char *bytes;
    int64_t at;
    int out = open(path("plain.tmp"), O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (!bytes && (bytes = (char *)malloc(MOST)) != NULL) memset(bytes, 1, MOST);
    for (at = 0; bytes && at < n && at < MOST; at += PIECE)
        if (write(out, bytes + at, (size_t)(n - at < PIECE ? n - at : PIECE)) < 0) perror("write");
    fsync(out);
    close(out);
    rename(path("plain.tmp"), path("plain"));
}

static double seconds(void *arg, int64_t calls)
{
    work *w = (work *)arg;
    double t = bench_now();
    if (w->fixed > 0) return w->fixed;                                 /* measured by Python */
    for (; calls > 0; calls--) {
        dl_step_begin(w->c);
        switch (w->what) {
        case LOAD:       dl_load(w->c, w->net, path(w->name)); break;
        case SAVE:       dl_save(w->c, w->net, path("saved.safetensors")); break;
        case CHECKPOINT: dl_checkpoint_save(w->c, path("saved.ckpt"), .module = w->net, .optim = w->opt); break;
        case RESUME:     dl_checkpoint_load(w->c, path("saved.ckpt"), .module = w->net, .optim = w->opt); break;
        case COPY:       copy(path(w->name), path("copy")); break;
        case WRITE:      write_plain((int64_t)size_of(w->name)); break;
        default:         if (strstr(w->name, ".csv")) dl_load_csv(w->c, path(w->name)); else dl_load_tensors(w->c, path(w->name));
        }
    }
    if (dl_error(w->c)) { fprintf(stderr, "bench: %s\n", dl_error(w->c)); exit(1); }
    return bench_now() - t;
}

static int right(void *arg)                                            /* what comes back is what was there */
{
    work *w = (work *)arg;
    dl_tensor *x = dl_module_get(w->c, w->net, "3.weight");
    dl_real *before = bench_floats(x->size);
    int ok;
    if (w->what == READ) return seconds(arg, 1) >= 0;
    memcpy(before, x->data, (size_t)x->size * sizeof *before);
    if (w->what == SAVE || w->what == CHECKPOINT) seconds(arg, 1);
    memset(x->data, 0, (size_t)x->size * sizeof *before);
    ok = w->what == SAVE ? dl_load(w->c, w->net, path("saved.safetensors"))
       : w->what == CHECKPOINT ? dl_checkpoint_load(w->c, path("saved.ckpt"), .module = w->net, .optim = w->opt) : seconds(arg,
               1) >= 0;
    ok = ok && !memcmp(before, x->data, (size_t)x->size * sizeof *before);
    free(before);
    return ok;
}

static struct { char name[16]; double seconds; } python[16];
static int npython;
static void ask_python(void)
{
    const char *name = getenv("PYTHON");
    char line[256];
    FILE *f;
    snprintf(line, sizeof line, "%s bench/peer_files.py %s 2>/dev/null", name && *name ? name : "python3", folder);
    f = popen(line, "r");
    while (f && npython < 16 && fgets(line, sizeof line, f))
        if (sscanf(line, "%15s %lf", python[npython].name, &python[npython].seconds) == 2) npython++;
    if (f) pclose(f);
    if (!npython) printf("peers: no NumPy (set PYTHON to a python3 that has numpy and safetensors)\n");
}

/* target: of the ratio to write or cp, or, without one, of the value. */
static void measure(const work *w, const char *name, int what, const char *file, const char *size, const char *peer,
                    const char *peer_name, double target)
{
    work mine = *w, copying = *w, writing = *w, other = *w;
    bench_case k;
    bench_result r;
    int i;
    if (!bench_wanted(name, dl_info(w->c).threads)) return;
    memset(&k, 0, sizeof k);
    k.bench = "files"; k.name = name; k.threads = dl_info(w->c).threads; k.isa = "-"; k.unit = size ? "GB/s" : "s";
    k.work = size ? size_of(size) : 0;
    mine.what = what;
    mine.name = copying.name = writing.name = file;
    copying.what = COPY;
    writing.what = WRITE;
    k.sides[0].name = "dl.h"; k.sides[0].seconds = seconds; k.sides[0].check = right; k.sides[0].arg = &mine;
    k.nsides = 1;
    if (what == SAVE || what == CHECKPOINT) {
        k.sides[1].name = "write"; k.sides[1].seconds = seconds; k.sides[1].arg = &writing;
        k.nsides = 2;
    }
    if (what != READ) {
        k.sides[k.nsides].name = "cp"; k.sides[k.nsides].seconds = seconds; k.sides[k.nsides++].arg = &copying;
    }
    for (i = 0; i < npython; i++)
        if (peer && !strcmp(python[i].name, peer)) {
            other.fixed = python[i].seconds;
            k.sides[k.nsides].name = peer_name; k.sides[k.nsides].seconds = seconds; k.sides[k.nsides].arg = &other; k.sides[k.nsides++].remote = 1;
        }
    r = bench_run(&k);
    if (what != READ) bench_note(name, k.threads, r.ratio[1], target);
    else if (target > 0) bench_note(name, k.threads, size ? r.value : 0.3 / r.value, target);
}

static void write_inputs(work *w)
{
    FILE *f = fopen(path("numbers.csv"), "w");
    float *x = bench_floats(ROWS * COLUMNS);
    char *h = (char *)malloc((size_t)ENTRIES * 96), *p = h + 8;
    int i, k;
    dl_save(w->c, w->net, path(WEIGHTS));
    dl_save(w->c, w->net, path("weights.npz"));
    bench_fill(x, ROWS * COLUMNS, -1, 1, 7);
    for (i = 0; f && i < ROWS * COLUMNS; i++) fprintf(f, "%.9g%c", x[i], i % COLUMNS == COLUMNS - 1 ? '\n' : ',');
    if (f) fclose(f);
    for (i = 0; i < ENTRIES; i++)
        p += sprintf(p, "%c\"model.layers.%d.weight\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[%d,%d]}", i ? ',' : '{',
                     i, 4 * i, 4 * i + 4);
    *p++ = '}';
    for (k = 0; k < 8; k++) h[k] = (char)((size_t)(p - h - 8) >> 8 * k);
    f = fopen(path("entries.safetensors"), "wb");
    if (f) {
        fwrite(h, 1, (size_t)(p - h), f);
        fwrite(x, 4, ENTRIES, f);
        fclose(f);
    }
    free(x);
    free(h);
}

int main(int argc, char **argv)
{
    work w;
    int i, threads;
    bench_arguments(argc, argv);
    folder_make();
    machine_print();
    for (threads = 1; threads <= bench_max_threads(); threads++) {
        memset(&w, 0, sizeof w);
        w.c = dl_create(.threads = threads, .seed = 1);
        w.net = dl_nn_sequential_with(w.c, NULL, 0);
        for (i = 0; i < LAYERS; i++) dl_module_add(w.c, w.net, NULL, dl_nn_linear(w.c, WIDE, WIDE));
        w.opt = dl_optim_adam(w.c, w.net);
        if (threads == 1) { write_inputs(&w); ask_python(); bench_heading(); }
        measure(&w, "load 100 MB", LOAD, WEIGHTS, WEIGHTS, "load", "safetensors", 0.8);
        measure(&w, "save 100 MB", SAVE, WEIGHTS, WEIGHTS, "save", "safetensors", 0.95);
        dl_checkpoint_save(w.c, path("saved.ckpt"), .module = w.net, .optim = w.opt);
        measure(&w, "checkpoint 300 MB, save", CHECKPOINT, "saved.ckpt", "saved.ckpt", NULL, NULL, 0.95);
        measure(&w, "checkpoint 300 MB, load", RESUME, "saved.ckpt", "saved.ckpt", NULL, NULL, 0.5);
        measure(&w, "load npz 100 MB", LOAD, "weights.npz", "weights.npz", "npz", "numpy", 0.2);
        measure(&w, "header of 100,000 entries", READ, "entries.safetensors", NULL, "header", "safetensors", 1);
        measure(&w, "CSV", READ, "numbers.csv", "numbers.csv", "csv", "numpy", 0.2);
        dl_destroy(w.c);
    }
    bench_notes("ratio to write or cp (header: 0.3 s over its time; CSV: GB/s)");
    folder_remove();
    return bench_state.failures > 0;
}
