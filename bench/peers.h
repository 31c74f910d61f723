/* peers.h: the libraries that dl.h is compared with.  All are found at run time and none is needed.

   BLAS libraries are opened by soname.  Those of Debian (OpenBLAS, BLIS, oneDNN, in their OpenMP builds) use the same
   libgomp, so the same sleeping and spinning workers, as this program; MKL is told to use it too (its GNU layer).  So no
   library's idle threads disturb another's, and all run in one process.  An OpenBLAS with its own threads is followed by
   a pause that lets them go to sleep.
   Each library runs at its best: environment variables that hold a library back are removed, and where one chooses the
   kernels, a setting that is 1.5 times faster in a short trial is used: a library older than the processor may choose badly.
   PyTorch has an OpenMP of its own: it runs in a child process (peer_torch.py), which is asked for one sample a round.
   Both sides pause before they hand over, until their workers sleep, and both warm up before they time. */
#ifndef BENCH_PEERS_H
#define BENCH_PEERS_H

#include "bench.h"
#include <dlfcn.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/wait.h>

/* --- BLAS --------------------------------------------------------------------------------------- */
enum { PEER_OPENBLAS, PEER_BLIS, PEER_ONEDNN, PEER_MKL, PEER_BLAS };

typedef void peer_cblas(int order, int ta, int tb, int M, int N, int K, float alpha, const float *A, int lda,
                        const float *B, int ldb, float beta, float *C, int ldc);
typedef int  peer_dnnl(char ta, char tb, int64_t M, int64_t N, int64_t K, float alpha, const float *A, int64_t lda,
                       const float *B, int64_t ldb, float beta, float *C, int64_t ldc);
typedef void peer_set_int(int n);
typedef void peer_set_long(long n);

static struct peer_blas {
    const char *name, *sonames[4];
    const char *variable, *settings[3];              /* environment variable that chooses the kernels */
    void       *library;
    peer_cblas *cblas;
    peer_dnnl  *dnnl;
    void       *set_threads;
    double      pause;                               /* after a sample, for threads of its own */
    char        version[80];
} peer_blas[PEER_BLAS] = {
    { .name = "openblas", .sonames = { "libopenblas.so.0", "libopenblas.so" },
      .variable = "OPENBLAS_CORETYPE", .settings = { "SkylakeX" } },
    { .name = "blis",     .sonames = { "libblis.so.4", "libblis.so" },
      .variable = "BLIS_ARCH_TYPE", .settings = { "0", "1", "3" } },
    { .name = "onednn",   .sonames = { "libdnnl.so.2", "libdnnl.so.3", "libdnnl.so" } },
    { .name = "mkl",      .sonames = { "libmkl_rt.so", "libmkl_rt.so.3", "libmkl_rt.so.2" } },
};

/* ISO C has no cast from an object pointer to a function pointer; POSIX promises that this works. */
static inline void peer_symbol(void *library, const char *name, void *to_function_pointer)
{
    void *p = dlsym(library, name);
    memcpy(to_function_pointer, &p, sizeof p);
}

static inline int peer_open(struct peer_blas *p)
{
    int i;
    for (i = 0; i < 4 && p->sonames[i] && !p->library; i++) p->library = dlopen(p->sonames[i], RTLD_NOW | RTLD_LOCAL);
    if (!p->library) return 0;
    if (p == &peer_blas[PEER_ONEDNN]) peer_symbol(p->library, "dnnl_sgemm", &p->dnnl);
    else                              peer_symbol(p->library, "cblas_sgemm", &p->cblas);
    return p->cblas || p->dnnl;
}

/* C = op(A) op(B), row-major. */
static inline void peer_gemm(int i, int ta, int tb, int64_t M, int64_t N, int64_t K, const float *A, int64_t lda,
                             const float *B, int64_t ldb, float *C, int64_t ldc)
{
    const struct peer_blas *p = &peer_blas[i];
    if (p->dnnl) p->dnnl(ta ? 'T' : 'N', tb ? 'T' : 'N', M, N, K, 1, A, lda, B, ldb, 0, C, ldc);
    else p->cblas(101, ta ? 112 : 111, tb ? 112 : 111, (int)M, (int)N, (int)K, 1, A, (int)lda, B, (int)ldb, 0, C, (int)ldc);
}

/* Seconds of a 256^3 product by library i in a child process with that environment variable; 0 if it cannot. */
static inline double peer_trial(int i, const char *variable, const char *value)
{
    int    result[2];
    double best = 0;
    pid_t  child;
    if (pipe(result)) return 0;
    child = fork();
    if (child == 0) {
        enum { n = 256 };
        float *x = bench_floats(3 * n * n);
        int    round;
        close(2);                                    /* a library may complain about the setting */
        setenv("OMP_NUM_THREADS", "1", 1);
#ifdef _OPENMP
        omp_set_num_threads(1);
#endif
        if (value) setenv(variable, value, 1);
        bench_fill(x, 3 * n * n, -1, 1, 1);
        if (!peer_open(&peer_blas[i])) _exit(1);
        for (round = 0; round < 30; round++) {
            double t = bench_now();
            peer_gemm(i, 0, 0, n, n, n, x, n, x + n * n, n, x + 2 * n * n, n);
            t = bench_now() - t;
            if (!round || t < best) best = t;
        }
        if (write(result[1], &best, sizeof best) != (ssize_t)sizeof best) _exit(1);
        _exit(0);
    }
    close(result[1]);
    if (child < 0 || read(result[0], &best, sizeof best) != (ssize_t)sizeof best) best = 0;
    close(result[0]);
    if (child > 0) waitpid(child, NULL, 0);
    return best;
}

/* Nobody is measured under a limit that the shell happened to set. */
static inline void peer_clean_environment(void)
{
    static const char *const limits[] = {
        "OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "OPENBLAS_NUM_THREADS", "BLIS_ARCH_TYPE", "BLIS_NUM_THREADS",
        "DNNL_MAX_CPU_ISA", "ONEDNN_MAX_CPU_ISA", "MKL_CBWR", "MKL_ENABLE_INSTRUCTIONS", "MKL_NUM_THREADS",
        "ATEN_CPU_CAPABILITY", "OMP_NUM_THREADS",
    };
    size_t i;
    for (i = 0; i < sizeof limits / sizeof *limits; i++)
        if (getenv(limits[i])) {
            printf("removed from the environment: %s=%s\n", limits[i], getenv(limits[i]));
            unsetenv(limits[i]);
        }
}

/* Call it before the first parallel region: it forks. */
static inline void peer_open_blas(void)
{
    int i;
    peer_clean_environment();
    setenv("MKL_THREADING_LAYER", "GNU", 0);
#if defined(__clang__) && defined(_OPENMP)
    printf("peers: two OpenMP libraries in one process disturb each other: compile with gcc\n");
#endif
    printf("peers:");
    for (i = 0; i < PEER_BLAS; i++) {
        struct peer_blas *p = &peer_blas[i];
        const char *(*text)(void) = NULL;
        char all[200] = "", chosen[60] = "", *v;
        if (p->variable) {
            double best[4] = {0}, t;                 /* of its own choice, and of our settings */
            int    round, j, which = 0;
            for (round = 0; round < 3; round++)
                for (j = 0; j < 4 && (j == 0 || p->settings[j - 1]); j++)
                    if ((t = peer_trial(i, p->variable, j ? p->settings[j - 1] : NULL)) > 0 && (best[j] == 0 || t < best[j]))
                        best[j] = t;
            for (j = 1; j < 4; j++)
                if (best[j] > 0 && best[j] < best[0] / 1.5 && (!which || best[j] < best[which])) which = j;
            if (which) {
                setenv(p->variable, p->settings[which - 1], 1);
                snprintf(chosen, sizeof chosen, " with %s=%s, %.1f times faster", p->variable, p->settings[which - 1],
                         best[0] / best[which]);
            }
        }
        if (!peer_open(p)) { printf(" no %s;", p->name); continue; }
        if (i == PEER_OPENBLAS) {
            int (*parallel)(void) = NULL;
            peer_symbol(p->library, "openblas_set_num_threads", &p->set_threads);
            peer_symbol(p->library, "openblas_get_config", &text);
            peer_symbol(p->library, "openblas_get_parallel", &parallel);
            if (parallel && parallel() == 1) p->pause = 0.03;
            if (text) {
                snprintf(all, sizeof all, "%.40s", text());        /* "OpenBLAS 0.3.21 NO_LAPACKE ..." */
                if ((v = strchr(all, ' ')) && (v = strchr(v + 1, ' '))) *v = 0;
            }
        } else if (i == PEER_BLIS) {
            peer_symbol(p->library, "bli_thread_set_num_threads", &p->set_threads);
            peer_symbol(p->library, "bli_info_get_version_str", &text);
            if (text) snprintf(all, sizeof all, "BLIS %.20s", text());
        } else if (i == PEER_ONEDNN) {
            const struct { int major, minor, patch; } *version, *(*get)(void) = NULL;
            peer_symbol(p->library, "dnnl_version", &get);
            if (get && (version = get()))
                snprintf(all, sizeof all, "oneDNN %d.%d.%d", version->major, version->minor, version->patch);
        } else {
            void (*get)(char *, int) = NULL;
            peer_symbol(p->library, "MKL_Set_Num_Threads", &p->set_threads);
            peer_symbol(p->library, "MKL_Get_Version_String", &get);
            if (get) get(all, (int)sizeof all - 1);
            if ((v = strstr(all, "Version "))) { memmove(all + 4, v + 8, 6); memcpy(all, "MKL ", 4); all[10] = 0; }
        }
        printf(" %s%s%s;", all[0] ? all : p->name, p->pause > 0 ? " (own threads)" : "", chosen);
    }
    printf("\n");
}

static inline int peer_has(int i) { return peer_blas[i].cblas || peer_blas[i].dnnl; }

static inline void peer_set_threads(int n)
{
    int i;
#ifdef _OPENMP
    omp_set_num_threads(n);
#endif
    for (i = 0; i < PEER_BLAS; i++) {
        if (!peer_blas[i].set_threads) continue;
        if (i == PEER_BLIS) { peer_set_long *set; memcpy(&set, &peer_blas[i].set_threads, sizeof set); set(n); }
        else                { peer_set_int  *set; memcpy(&set, &peer_blas[i].set_threads, sizeof set); set(n); }
    }
}

/* --- PyTorch ------------------------------------------------------------------------------------ */
static struct { FILE *to, *from; pid_t child; char version[40]; } peer_torch;

/* Starts $PYTHON, or python3; leaves peer_torch.to NULL if it has no torch. */
static inline void peer_open_torch(void)
{
    int to[2], from[2];
    char usual[] = "python3", *python = getenv("PYTHON"), line[100];
    if (!python || !*python) python = usual;
    peer_clean_environment();
    signal(SIGPIPE, SIG_IGN);
    if (pipe(to) || pipe(from)) return;
    peer_torch.child = fork();
    if (peer_torch.child == 0) {
        dup2(to[0], 0); dup2(from[1], 1);
        close(to[0]); close(to[1]); close(from[0]); close(from[1]);
        setenv("MALLOC_MMAP_MAX_", "0", 1);          /* else large results are mapped, zeroed and unmapped at every call */
        setenv("MALLOC_TRIM_THRESHOLD_", "1099511627776", 1);
        execlp(python, python, "-u", "bench/peer_torch.py", (char *)NULL);
        _exit(1);
    }
    close(to[0]); close(from[1]);
    peer_torch.to = fdopen(to[1], "w");
    peer_torch.from = fdopen(from[0], "r");
    if (peer_torch.child < 0 || !fgets(line, sizeof line, peer_torch.from) ||
        sscanf(line, "ready %39s", peer_torch.version) != 1) {
        printf("peers: no PyTorch (set PYTHON to a python3 that has torch)\n");
        fclose(peer_torch.to); fclose(peer_torch.from);
        peer_torch.to = NULL;
        return;
    }
    printf("peers: PyTorch %s\n", peer_torch.version);
}

static inline void peer_close_torch(void)
{
    if (!peer_torch.to) return;
    fclose(peer_torch.to);
    fclose(peer_torch.from);
    waitpid(peer_torch.child, NULL, 0);
    peer_torch.to = NULL;
}

/* A side of a case: request is "CASE ARGUMENTS...", as peer_torch.py knows them. */
typedef struct { char request[100]; int threads; } peer_torch_arg;

static inline double peer_torch_seconds(void *arg, int64_t calls)
{
    const peer_torch_arg *a = (const peer_torch_arg *)arg;
    char line[200];
    double t = 0;
    (void)calls;
    bench_sleep(0.008);
    fprintf(peer_torch.to, "run %d %s\n", a->threads, a->request);
    fflush(peer_torch.to);
    if (!fgets(line, sizeof line, peer_torch.from) || sscanf(line, "%lf", &t) != 1 || t <= 0) {
        fprintf(stderr, "bench: PyTorch failed at \"%s\"\n", a->request);
        exit(1);
    }
    return t;
}

/* Adds PyTorch to a case, if it is there.  a must live as long as the case. */
static inline void peer_add_torch(bench_case *k, peer_torch_arg *a, const char *request)
{
    bench_side *s = &k->sides[k->nsides];
    if (!peer_torch.to) return;
    snprintf(a->request, sizeof a->request, "%s", request);
    a->threads = k->threads;
    memset(s, 0, sizeof *s);
    s->name = "pytorch"; s->seconds = peer_torch_seconds; s->arg = a; s->remote = 1;
    k->nsides++;
}

#endif
