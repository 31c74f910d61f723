/* peak: the FMA peak of this machine per instruction set and thread count, and its memory bandwidth.
   cc -O2 -fopenmp -I. bench/peak.c -o build/bench_peak -ldl */
#include "machine.h"

int main(int argc, char **argv)
{
    static const char *const isas[] = { "portable", "avx2", "avx512", "neon" };
    enum { ISAS = 4 };
    double peak[ISAS][3] = {{0}}, stream[MACHINE_KINDS][3] = {{0}}, x;
    int    round, i, t;
    bench_arguments(argc, argv);
    machine_print();

    for (round = 0; round < 20; round++)             /* interleaved, and the best: neighbours come and go */
        for (i = 0; i < ISAS; i++)
            for (t = 1; t <= bench_max_threads(); t++) {
                machine_peak_arg a;
                a.isa = isas[i]; a.threads = t;
                if (machine_has(isas[i]) && (x = machine_best(machine_peak, &a, 3)) > peak[i][t]) peak[i][t] = x;
            }
    for (round = 0; round < 8; round++)
        for (i = 0; i < MACHINE_KINDS; i++)
            for (t = 1; t <= bench_max_threads(); t++) {
                machine_stream_arg a;
                a.kind = (machine_kind)i; a.threads = t;
                if ((x = machine_stream(&a)) > stream[i][t]) stream[i][t] = x;
            }

    printf("\n%-36s %10s %10s\n", "", "1 thread", "2 threads");
    for (i = 0; i < ISAS; i++) {
        char name[64];
        if (!machine_has(isas[i])) continue;
        snprintf(name, sizeof name, "%s %s", isas[i], i ? "fused multiply-add" : "(4 lanes) multiply, add");
        printf("%-36s %10.1f %10.1f  GFLOP/s\n", name, peak[i][1], peak[i][2]);
        for (t = 1; t <= bench_max_threads(); t++)
            bench_csv("peak", "fma", t, isas[i], peak[i][t], "GFLOP/s", 1, NULL, 0, 0);
    }
    for (i = 0; i < MACHINE_KINDS; i++) {
        printf("%-36s %10.1f %10.1f  GB/s\n", machine_kind_name[i], stream[i][1], stream[i][2]);
        for (t = 1; t <= bench_max_threads(); t++)
            bench_csv("peak", machine_kind_name[i], t, "best", stream[i][t], "GB/s", 1, NULL, 0, 0);
    }
    return 0;
}
