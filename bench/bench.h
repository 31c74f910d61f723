/* bench.h: how the benches measure.  See README.md for the rules and the columns.

   A case has sides: dl.h first, then the peers.  bench_run
     1. checks the result of every side; a wrong dl.h prints FAIL and is not timed, a wrong peer is left out;
     2. finds, for every side, how many calls fill one sample (about 1 ms);
     3. runs rounds until the time is spent: in each, one sample of every side, in rotating order, and one of the peak;
     4. takes, for every side, the median of the faster half of its samples, as a disturbance only ever adds time.  The
        peak is the best of its samples. */
#ifndef BENCH_H
#define BENCH_H

#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <math.h>
#include <time.h>
#include <unistd.h>
#include <sys/stat.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#define BENCH_MAX_SIDES  8
#define BENCH_MAX_ROUNDS 61

/* --- clock and small helpers ------------------------------------------------------------------- */
static inline double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static inline void bench_sleep(double seconds)
{
    struct timespec t;
    t.tv_sec = (time_t)seconds;
    t.tv_nsec = (long)((seconds - (double)t.tv_sec) * 1e9);
    nanosleep(&t, NULL);
}

/* Threads that the machine offers to the benches, which measure with 1 and 2. */
static inline int bench_max_threads(void)
{
#ifdef _OPENMP
    return omp_get_num_procs() < 2 ? 1 : 2;
#else
    return 1;
#endif
}

static int bench_ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

/* The median of the faster half.  Sorts x. */
static inline double bench_typical(double *x, int n)
{
    int half = (n + 1) / 2;
    qsort(x, (size_t)n, sizeof *x, bench_ascending);
    return half % 2 ? x[half / 2] : 0.5 * (x[half / 2 - 1] + x[half / 2]);
}

/* 64-byte aligned, never freed: a bench ends soon. */
static inline float *bench_floats(int64_t n)
{
    void *p = NULL;
    if (posix_memalign(&p, 64, (size_t)n * sizeof(float) + 64)) { fprintf(stderr, "bench: out of memory\n"); exit(1); }
    return (float *)p;
}

/* The same numbers in every run, uniform on [low, high). */
static inline void bench_fill(float *x, int64_t n, float low, float high, uint32_t seed)
{
    uint32_t s = seed * 2654435761u + 1;
    int64_t i;
    for (i = 0; i < n; i++) {
        s = s * 1664525u + 1013904223u;
        x[i] = low + (high - low) * (float)(s >> 8) * (1.0f / 16777216.0f);
    }
}

/* --- a case and its result --------------------------------------------------------------------- */
typedef struct {
    const char *name;                                /* "dl.h", "openblas", ...                                       */
    double    (*seconds)(void *arg, int64_t calls);  /* time of that many calls; may leave out what does not count    */
    int       (*check)(void *arg);                   /* 1 if the result is right; NULL: nothing to check              */
    void       *arg;
    int         remote;                              /* runs in another process: repeats, warms up and settles itself */
} bench_side;

typedef struct {
    const char *bench, *name, *isa, *unit;           /* of the value: "GFLOP/s", "GB/s", ...; or "ns", "us", "ms", "s" */
    int         threads;
    double      work;                                /* per call; value = work / seconds / 1e9.  0: the value is time */
    double    (*peak)(void *arg);                    /* one quick sample of the bound in that unit, or NULL           */
    void       *peak_arg;
    double      flops;                               /* where the value is a time: work that is compared with the peak */
    bench_side  sides[BENCH_MAX_SIDES];
    int         nsides;
} bench_case;

typedef struct {
    int    ok;                                       /* 0: dl.h was wrong                                             */
    double value, fraction;                          /* of dl.h; fraction is 0 without a peak                         */
    double peak;
    double peer_value[BENCH_MAX_SIDES], ratio[BENCH_MAX_SIDES];   /* of side i; 0: was not timed                      */
    int    best;                                     /* side of the fastest peer, 0: there is none                    */
} bench_result;

static struct {
    double      budget;                              /* seconds a case may take, about                                */
    const char *filter;                              /* only cases whose name contains it                             */
    int         threads;                             /* only this number of threads, 0: all                           */
    int         failures;
} bench_state = { 0.6, NULL, 0, 0 };

/* Arguments every bench takes: -s SECONDS (per case), -t THREADS, and part of a case's name. */
static inline void bench_arguments(int argc, char **argv)
{
    int i;
    if (getenv("BENCH_SECONDS")) bench_state.budget = atof(getenv("BENCH_SECONDS"));
    for (i = 1; i < argc; i++)
        if      (!strcmp(argv[i], "-s") && i + 1 < argc) bench_state.budget = atof(argv[++i]);
        else if (!strcmp(argv[i], "-t") && i + 1 < argc) bench_state.threads = atoi(argv[++i]);
        else if (argv[i][0] != '-') bench_state.filter = argv[i];
    setvbuf(stdout, NULL, _IOLBF, 0);
}

static inline int bench_wanted(const char *name, int threads)
{
    return (!bench_state.filter || strstr(name, bench_state.filter)) &&
           (!bench_state.threads || bench_state.threads == threads);
}

/* One row of build/bench.csv.  peer may be NULL. */
static inline void bench_csv(const char *bench, const char *name, int threads, const char *isa, double value,
                             const char *unit, double fraction, const char *peer, double peer_value, double ratio)
{
    FILE *f;
    mkdir("build", 0777);
    f = fopen("build/bench.csv", "a");
    if (!f) return;
    fseek(f, 0, SEEK_END);
    if (!ftell(f)) fprintf(f, "bench,case,threads,isa,value,unit,peak_fraction,peer,peer_value,ratio\n");
    fprintf(f, "%s,", bench);
    for (; *name; name++) fputc(*name == ',' ? ';' : *name, f);          /* a comma would be another column */
    fprintf(f, ",%d,%s,%.6g,%s,", threads, isa, value, unit);
    if (fraction > 0) fprintf(f, "%.4f", fraction);
    if (peer) fprintf(f, ",%s,%.6g,%.4f\n", peer, peer_value, ratio);
    else fprintf(f, ",,,\n");
    fclose(f);
}

/* Calls that fill about the given time: doubles until a tenth of it is reached, then scales.  0: one alone is so long that
   it matters little what was in the caches before. */
static inline int64_t bench_calls(const bench_side *s, double sample)
{
    int64_t n = 1;
    double  t = s->seconds(s->arg, 1);
    if (t > 100e-3) return 0;
    if (t < sample) t = s->seconds(s->arg, 1);       /* the first call may build things */
    while (t < 0.1 * sample && n < (1 << 28)) { n *= t > 0 && t < 0.01 * sample ? 8 : 2; t = s->seconds(s->arg, n); }
    n = t > 0 ? (int64_t)((double)n * sample / t) : n;
    return n < 1 ? 1 : n;
}

static inline double bench_sample(const bench_side *s, int64_t calls)
{
    if (calls == 0) return s->seconds(s->arg, 1);
    s->seconds(s->arg, calls / 4 + 1);                    /* wakes threads, warms caches */
    return s->seconds(s->arg, calls) / (double)calls;
}

static inline void bench_row(const bench_case *k, const bench_result *r)
{
    int i;
    char digits[32];
    snprintf(digits, sizeof digits, r->value < 10 ? "%.3f" : "%.1f", r->value);
    printf("%-11s %-28s %d  %-8s %9s %-8s", k->bench, k->name, k->threads, k->isa, digits, k->unit);
    if (r->fraction > 0) printf(" %5.1f %%", 100 * r->fraction); else printf("       -");
    for (i = 1; i < k->nsides; i++) {
        if (r->ratio[i] <= 0) { printf("  %s wrong", k->sides[i].name); continue; }
        printf("  %s %.*f (%.2f)", k->sides[i].name, r->peer_value[i] < 10 ? 2 : 1, r->peer_value[i], r->ratio[i]);
    }
    printf("\n");
    if (k->nsides == 1) bench_csv(k->bench, k->name, k->threads, k->isa, r->value, k->unit, r->fraction, NULL, 0, 0);
    for (i = 1; i < k->nsides; i++)
        if (r->ratio[i] > 0)
            bench_csv(k->bench, k->name, k->threads, k->isa, r->value, k->unit, r->fraction, k->sides[i].name,
                      r->peer_value[i], r->ratio[i]);
}

static inline void bench_heading(void)
{
    printf("%-11s %-28s t  %-8s %9s %-8s %7s  %s\n", "bench", "case", "isa", "dl.h", "unit", "of peak",
           "peer value (ratio; above 1: dl.h is faster)");
}

static inline bench_result bench_run(bench_case *k)
{
    bench_result r;
    double  seconds[BENCH_MAX_SIDES][BENCH_MAX_ROUNDS], typical[BENCH_MAX_SIDES], end, spent;
    int64_t calls[BENCH_MAX_SIDES];
    int     i, j, rounds, right[BENCH_MAX_SIDES] = {0};

    memset(&r, 0, sizeof r);
    for (i = 0; i < k->nsides; i++) right[i] = !k->sides[i].check || k->sides[i].check(k->sides[i].arg);
    if (!right[0]) {
        printf("%-11s %-28s %d  %-8s FAIL: the result is wrong, not timed\n", k->bench, k->name, k->threads, k->isa);
        bench_state.failures++;
        return r;
    }
    for (i = 0; i < k->nsides; i++)
        if (right[i]) calls[i] = k->sides[i].remote ? 0 : bench_calls(&k->sides[i], 1e-3);

    end = bench_now() + bench_state.budget;
    for (rounds = 0; rounds < BENCH_MAX_ROUNDS; rounds++) {
        spent = bench_now();
        if (k->peak) { double p = k->peak(k->peak_arg); if (p > r.peak) r.peak = p; }
        for (j = 0; j < k->nsides; j++) {
            i = (j + rounds) % k->nsides;
            if (right[i]) seconds[i][rounds] = bench_sample(&k->sides[i], calls[i]);
        }
        spent = bench_now() - spent;
        if (rounds >= 4 && bench_now() + spent > end) { rounds++; break; }     /* at least 5 rounds */
    }
    if (k->peak) { double p = k->peak(k->peak_arg); if (p > r.peak) r.peak = p; }

    r.ok = 1;
    for (i = 0; i < k->nsides; i++) {
        double t, value;
        if (!right[i]) continue;
        t = typical[i] = bench_typical(seconds[i], rounds);
        value = k->work > 0 ? k->work / t * 1e-9
              : !strcmp(k->unit, "ns") ? t * 1e9 : !strcmp(k->unit, "us") ? t * 1e6 : !strcmp(k->unit, "ms") ? t * 1e3 : t;
        if (i == 0) { r.value = value; continue; }
        r.peer_value[i] = value;
        r.ratio[i] = typical[i] / typical[0];
        if (!r.best || r.ratio[i] < r.ratio[r.best]) r.best = i;
    }
    if (k->peak) r.fraction = (k->work > 0 ? k->work : k->flops) / typical[0] * 1e-9 / r.peak;
    bench_row(k, &r);
    return r;
}

static inline void bench_ours(bench_case *k, double (*seconds)(void *arg, int64_t calls), int (*check)(void *arg), void *arg)
{
    k->sides[0].name = "dl.h"; k->sides[0].seconds = seconds; k->sides[0].check = check; k->sides[0].arg = arg;
    k->nsides = 1;
}

/* --- summaries ----------------------------------------------------------------------------------- */

/* Geometric mean and minimum of a series. */
typedef struct { double log_sum, least; int n; char least_name[64]; } bench_series;
static inline void bench_series_add(bench_series *s, double x, const char *name, int threads)
{
    if (!s->n || x < s->least) {
        s->least = x;
        snprintf(s->least_name, sizeof s->least_name, "%.40s, %d thread%s", name, threads, threads > 1 ? "s" : "");
    }
    s->log_sum += log(x);
    s->n++;
}
static inline double bench_series_mean(const bench_series *s) { return s->n ? exp(s->log_sum / s->n) : 0; }

static inline void bench_target(const char *what, double is, const char *at, double wanted)
{
    printf("  %-62s %9.3f  wanted %7.3f  %-4s %s\n", what, is, wanted, is >= wanted ? "met" : "MISS", at);
}

static inline void bench_series_target(const char *what, const bench_series *s, double wanted)
{
    if (s->n) bench_target(what, s->least, s->least_name, wanted);
}

/* Targets of single cases, larger is better: noted while running, listed at the end if they are missed. */
static struct { char name[64]; int threads; double is, wanted; } bench_noted[128];
static int bench_nnoted;
static inline void bench_note(const char *name, int threads, double is, double wanted)
{
    if (bench_nnoted == 128) return;
    snprintf(bench_noted[bench_nnoted].name, sizeof bench_noted[0].name, "%.60s", name);
    bench_noted[bench_nnoted].threads = threads;
    bench_noted[bench_nnoted].is = is;
    bench_noted[bench_nnoted++].wanted = wanted;
}
/* The end of a case whose peak is of fused multiply-adds and whose only peer is PyTorch. */
static inline void bench_note_torch(const bench_case *k, const bench_result *r, double wanted)
{
    if (!r->best) return;
    printf("  PyTorch runs at %.2f of the FMA bound, dl.h at %.2f\n", r->fraction / r->ratio[1], r->fraction);
    bench_note(k->name, k->threads, r->ratio[1], wanted);
}
static inline void bench_notes(const char *what)
{
    int i, met = 0;
    for (i = 0; i < bench_nnoted; i++) met += bench_noted[i].is >= bench_noted[i].wanted;
    if (!bench_nnoted) return;
    printf("\n%s: %d of %d targets met\n", what, met, bench_nnoted);
    for (i = 0; i < bench_nnoted; i++)
        if (bench_noted[i].is < bench_noted[i].wanted) {
            char line[100];
            int  t = bench_noted[i].threads;
            snprintf(line, sizeof line, "%.60s, %d thread%s", bench_noted[i].name, t, t > 1 ? "s" : "");
            bench_target(line, bench_noted[i].is, "", bench_noted[i].wanted);
        }
}

#endif
