/* machine.h: what this machine can do, measured: the peak of fused multiply-adds and the bandwidth of its memory.

   The FMA peak runs 12 independent chains in registers, on every instruction set and on 1 or 2 threads.  Each sample is
   short, so that bench_run can take one in every round.  Bandwidth is measured as in STREAM (McCalpin 1995), on arrays
   much larger than the cache, with the widest vectors there are.  Bytes are those that the loop names: an ordinary store
   to memory that was not read reads it too, unseen, so copy and triad move more than they count; update does not. */
#ifndef BENCH_MACHINE_H
#define BENCH_MACHINE_H

#include "bench.h"
#if defined(__x86_64__) || defined(__i386__)
#define MACHINE_X86 1
#include <immintrin.h>
#else
#define MACHINE_X86 0
#endif

typedef struct { const char *isa; int threads; } machine_peak_arg;

/* --- FMA peak ----------------------------------------------------------------------------------- */
#define MACHINE_CHAINS(R) R(0) R(1) R(2) R(3) R(4) R(5) R(6) R(7) R(8) R(9) R(10) R(11)
#define MACHINE_DECLARE(i) c##i = SET((float)i);
#define MACHINE_NAME(i)    c##i,
#define MACHINE_STEP(i)    c##i = FMA(c##i, x, y);
#define MACHINE_SUM(i)     s = ADD(s, c##i);
#define MACHINE_LOOP(vector)                                                                   \
    vector MACHINE_CHAINS(MACHINE_NAME) s = SET(0), x = SET(0.999f), y = SET(1e-3f);           \
    MACHINE_CHAINS(MACHINE_DECLARE)                                                            \
    for (; n > 0; n--) { MACHINE_CHAINS(MACHINE_STEP) }                                        \
    MACHINE_CHAINS(MACHINE_SUM)                                                                \
    return ((float *)&s)[0];

#if MACHINE_X86
#define SET(a)       _mm512_set1_ps(a)
#define ADD(a, b)    _mm512_add_ps(a, b)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
__attribute__((target("avx512f"))) static float machine_fma_avx512(int64_t n) { MACHINE_LOOP(__m512) }
#undef SET
#undef ADD
#undef FMA
#define SET(a)       _mm256_set1_ps(a)
#define ADD(a, b)    _mm256_add_ps(a, b)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
__attribute__((target("avx2,fma"))) static float machine_fma_avx2(int64_t n) { MACHINE_LOOP(__m256) }
#undef SET
#undef ADD
#undef FMA
#endif
#if defined(__aarch64__)
#include <arm_neon.h>
typedef struct { float32x4_t a, b; } machine_neon;             /* 24 chains: there are cores with four units of four cycles */
static inline machine_neon machine_neon_set(float v) { machine_neon r; r.a = r.b = vdupq_n_f32(v); return r; }
static inline machine_neon machine_neon_fma(machine_neon x, machine_neon y, machine_neon z)
{ z.a = vfmaq_f32(z.a, x.a, y.a); z.b = vfmaq_f32(z.b, x.b, y.b); return z; }
#define SET(a)       machine_neon_set(a)
#define ADD(x, y)    machine_neon_fma(x, machine_neon_set(1), y)
#define FMA(a, b, c) machine_neon_fma(a, b, c)
static float machine_fma_neon(int64_t n) { MACHINE_LOOP(machine_neon) }
#undef SET
#undef ADD
#undef FMA
#endif
/* Four lanes, a multiply and an add: what portable code gets without FMA instructions. */
typedef float machine_v4 __attribute__((vector_size(16)));
#define SET(a)       ((machine_v4){a, a, a, a})
#define ADD(a, b)    ((a) + (b))
#define FMA(a, b, c) ((a) * (b) + (c))
static float machine_fma_portable(int64_t n) { MACHINE_LOOP(machine_v4) }
#undef SET
#undef ADD
#undef FMA

static inline int machine_has(const char *isa)
{
#if MACHINE_X86
    if (!strcmp(isa, "avx512")) return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                                       __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
    if (!strcmp(isa, "avx2"))   return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#elif defined(__aarch64__)
    if (!strcmp(isa, "neon")) return 1;
#endif
    return !strcmp(isa, "portable");
}

static volatile float machine_sink;

/* Runs work(arg, i) for i = 0 .. threads - 1, each on its thread; returns the seconds from the first start to the last end. */
static inline double machine_span(int threads, void (*work)(void *arg, int i), void *arg)
{
    double first = 1e300, last = 0;
    #pragma omp parallel num_threads(threads)
    {
        double start, end;
        int    i = 0;
#ifdef _OPENMP
        i = omp_get_thread_num();
#endif
        #pragma omp barrier
        start = bench_now();
        work(arg, i);
        end = bench_now();
        #pragma omp critical
        {
            if (start < first) first = start;
            if (end > last) last = end;
        }
    }
    return last - first;
}

typedef struct { float (*loop)(int64_t n); int64_t n; } machine_peak_work;
static void machine_peak_part(void *arg, int i)
{
    const machine_peak_work *w = (const machine_peak_work *)arg;
    (void)i;
    machine_sink = w->loop(w->n);
}

/* One sample in GFLOP/s, about 0.5 ms. */
static inline double machine_peak(void *arg)
{
    const machine_peak_arg *a = (const machine_peak_arg *)arg;
    machine_peak_work w = { machine_fma_portable, 10000 };
    int lanes = 4;
#if MACHINE_X86
    if (!strcmp(a->isa, "avx512") || !strcmp(a->isa, "amx")) { w.loop = machine_fma_avx512; lanes = 16; }
    if (!strcmp(a->isa, "avx2"))   { w.loop = machine_fma_avx2;   lanes = 8; }
#elif defined(__aarch64__)
    if (!strcmp(a->isa, "neon"))   { w.loop = machine_fma_neon;   lanes = 8; }
#endif
    machine_span(a->threads, machine_peak_part, &w);       /* wakes the threads */
    w.n *= 10;
    return 2.0 * 12 * lanes * (double)w.n * a->threads / machine_span(a->threads, machine_peak_part, &w) * 1e-9;
}

/* --- bandwidth ---------------------------------------------------------------------------------- */
typedef enum {
    MACHINE_COPY, MACHINE_TRIAD, MACHINE_UPDATE, MACHINE_READ, MACHINE_COPY_NT, MACHINE_TRIAD_NT, MACHINE_KINDS
} machine_kind;
static const char *const machine_kind_name[MACHINE_KINDS] = {
    "copy", "triad", "update", "read", "copy non-temporal", "triad non-temporal"
};
static const int machine_streams[MACHINE_KINDS] = { 2, 3, 3, 1, 2, 3 };

/* a = b, a = b + 3 c, a = a + 3 b, sum of b: n floats from aligned arrays, a multiple of 64. */
#define MACHINE_STREAMS(name, target, vector, lanes, SET, LOAD, STORE, STREAM, ADD, MUL)                                \
    target static float name(machine_kind kind, float *a, const float *b, const float *c, int64_t n)                    \
    {                                                                                                                   \
        vector s0 = SET(0), s1 = s0, s2 = s0, s3 = s0, three = SET(3);                                                  \
        int64_t i;                                                                                                      \
        switch (kind) {                                                                                                 \
        case MACHINE_COPY:     for (i = 0; i < n; i += lanes) STORE(a + i, LOAD(b + i)); break;                         \
        case MACHINE_COPY_NT:  for (i = 0; i < n; i += lanes) STREAM(a + i, LOAD(b + i)); break;                        \
        case MACHINE_TRIAD:    for (i = 0; i < n; i += lanes) STORE(a + i, ADD(LOAD(b + i), MUL(three, LOAD(c + i)))); break;  \
        case MACHINE_TRIAD_NT: for (i = 0; i < n; i += lanes) STREAM(a + i, ADD(LOAD(b + i), MUL(three, LOAD(c + i)))); break; \
        case MACHINE_UPDATE:   for (i = 0; i < n; i += lanes) STORE(a + i, ADD(LOAD(a + i), MUL(three, LOAD(b + i)))); break; \
        default:                                                                                                        \
            for (i = 0; i < n; i += 4 * lanes) {                                                                        \
                s0 = ADD(s0, LOAD(b + i));             s1 = ADD(s1, LOAD(b + i + lanes));                               \
                s2 = ADD(s2, LOAD(b + i + 2 * lanes)); s3 = ADD(s3, LOAD(b + i + 3 * lanes));                           \
            }                                                                                                           \
        }                                                                                                               \
        s0 = ADD(ADD(s0, s1), ADD(s2, s3));                                                                             \
        return ((float *)&s0)[0];                                                                                       \
    }
#if MACHINE_X86
MACHINE_STREAMS(machine_stream_avx512, __attribute__((target("avx512f"))), __m512, 16, _mm512_set1_ps, _mm512_load_ps,
                _mm512_store_ps, _mm512_stream_ps, _mm512_add_ps, _mm512_mul_ps)
MACHINE_STREAMS(machine_stream_avx2, __attribute__((target("avx2,fma"))), __m256, 8, _mm256_set1_ps, _mm256_load_ps,
                _mm256_store_ps, _mm256_stream_ps, _mm256_add_ps, _mm256_mul_ps)
#endif
#define SET(x)      ((machine_v4){x, x, x, x})
#define LOAD(p)     (*(const machine_v4 *)(p))
#define STORE(p, v) (*(machine_v4 *)(p) = (v))
#define ADD(a, b)   ((a) + (b))
#define MUL(a, b)   ((a) * (b))
MACHINE_STREAMS(machine_stream_portable, , machine_v4, 4, SET, LOAD, STORE, STORE, ADD, MUL)
#undef SET
#undef LOAD
#undef STORE
#undef ADD
#undef MUL

#define MACHINE_STREAM_FLOATS (16 << 20)             /* 64 MB an array */
typedef struct { machine_kind kind; int threads; } machine_stream_arg;

static float *machine_arrays[3];
static void machine_stream_part(void *arg, int i)
{
    const machine_stream_arg *m = (const machine_stream_arg *)arg;
    int64_t part = MACHINE_STREAM_FLOATS / m->threads, at = part * i;
    float (*loop)(machine_kind, float *, const float *, const float *, int64_t) = machine_stream_portable;
#if MACHINE_X86
    if (machine_has("avx2"))   loop = machine_stream_avx2;
    if (machine_has("avx512")) loop = machine_stream_avx512;
#endif
    machine_sink = loop(m->kind, machine_arrays[0] + at, machine_arrays[1] + at, machine_arrays[2] + at, part);
}

/* One sample in GB/s. */
static inline double machine_stream(void *arg)
{
    const machine_stream_arg *m = (const machine_stream_arg *)arg;
    int i;
    for (i = 0; i < 3 && !machine_arrays[i]; i++) {
        machine_arrays[i] = bench_floats(MACHINE_STREAM_FLOATS);
        bench_fill(machine_arrays[i], MACHINE_STREAM_FLOATS, 0, 1, (uint32_t)i + 1);
    }
    return 4.0 * machine_streams[m->kind] * MACHINE_STREAM_FLOATS / machine_span(m->threads, machine_stream_part, arg) * 1e-9;
}

/* The best of copy and triad: the bound of passes with results of their own. */
static inline double machine_stream_best(void *arg)
{
    machine_stream_arg m = *(machine_stream_arg *)arg;
    double copy, triad;
    m.kind = MACHINE_COPY;  copy  = machine_stream(&m);
    m.kind = MACHINE_TRIAD; triad = machine_stream(&m);
    return copy > triad ? copy : triad;
}

/* The best of several samples. */
static inline double machine_best(double (*sample)(void *), void *arg, int n)
{
    double best = 0, x;
    while (n-- > 0) { x = sample(arg); if (x > best) best = x; }
    return best;
}

static inline void machine_print(void)
{
    FILE  *f = fopen("/proc/cpuinfo", "r");
    char   line[256], *name;
    double load = 0;
    while (f && fgets(line, sizeof line, f))
        if (!strncmp(line, "model name", 10) && (name = strchr(line, ':'))) { printf("machine: %s", name + 2); break; }
    if (f) fclose(f);
    if (getloadavg(&load, 1) == 1 && load > 0.5)
        printf("machine: load %.1f: other programs run, results, above all with 2 threads, will be low\n", load);
}

#endif
