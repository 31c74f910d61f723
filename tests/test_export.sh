#!/bin/sh
# Exported models against dl_forward: the C files compiled by $CC, the ONNX files by onnxruntime if $PYTHON (python3) has it.
out=build/test/export.files
CC=${CC:-cc}
PYTHON=${PYTHON:-python3}
passed=0 failed=0 skipped=0
rm -rf "$out" && mkdir -p "$out"

if [ build/test/dl.float.o -nt dl.h ]; then lib="build/test/dl.float.o $(cat build/test/openmp 2>/dev/null)"; else lib='-DDL_IMPLEMENTATION -DDL_STATIC'; fi
# shellcheck disable=SC2086
$CC -I. -O1 tests/test_export.c $lib -o "$out/write" -pthread -lm && "$out/write" --write "$out" || { echo 'export_files: 0 passed, 1 failed'; exit 1; }

# runs MODEL on MODEL.in and prints the largest difference from MODEL.out, relative to the largest number there
cat >"$out/run.h" <<'END'
#include <stdio.h>
static void skip(FILE *f) { int ch; while ((ch = getc(f)) != '\n' && ch != EOF) {} }
#define RUN(NAME, TYPE)                                                                                   \
    static TYPE input[NAME##_INPUT];                                                                      \
    static float output[NAME##_OUTPUT], work[NAME##_WORK];                                                \
    int main(int argc, char **argv)                                                                       \
    {                                                                                                     \
        FILE *in = fopen(argv[1], "r"), *out = fopen(argv[argc - 1], "r");                                \
        double v, error = 0, most = 1;                                                                    \
        int i;                                                                                            \
        if (!in || !out) return 2;                                                                        \
        skip(in); skip(out);                                                                              \
        for (i = 0; i < NAME##_INPUT; i++) { if (fscanf(in, "%lf", &v) != 1) return 2; input[i] = (TYPE)v; } \
        for (i = 0; i < NAME##_WORK; i++) work[i] = NAN;                                                  \
        NAME(input, output, work);                                                                        \
        for (i = 0; i < NAME##_OUTPUT; i++) {                                                             \
            if (fscanf(out, "%lf", &v) != 1) return 2;                                                    \
            if (fabs(v) > most && v - v == 0) most = fabs(v);                                             \
            if (v == output[i] || (v != v && output[i] != output[i])) continue;                           \
            if (!(fabs(v - output[i]) <= error) && error == error) error = fabs(v - output[i]);           \
        }                                                                                                 \
        printf("%s %.2g\n", #NAME, error / most);                                                         \
        return !(error / most <= 1e-5);                                                                   \
    }
END
for f in "$out"/*.c; do
    name=$(basename "$f" .c) type=float
    grep -q 'const int32_t \*input' "$f" && type=int32_t
    printf '#include "%s.c"\n#include "run.h"\nRUN(%s, %s)\n' "$name" "$name" $type >"$out/$name.main"
    if $CC -x c -std=c99 -pedantic -Wall -Wextra -Werror -O1 "$out/$name.main" -o "$out/$name" -lm && "$out/$name" "$out/$name.in" "$out/$name.out"; then
        passed=$((passed + 1))
    else echo "FAILED $f"; failed=$((failed + 1)); fi
done

cat >"$out/run.py" <<'END'
import glob, sys
try:
    import numpy, onnx, onnxruntime
except ImportError as e:
    print('skipped:', e)
    sys.exit(77)
def load(path):
    with open(path) as f:
        shape = [int(n) for n in f.readline().split()]
        return numpy.array([float(v) for v in f]).reshape(shape)
failed = 0
for path in sorted(glob.glob(sys.argv[1] + '/*.onnx')):
    name = path[:-5]
    onnx.checker.check_model(onnx.load(path), full_check=True)
    session = onnxruntime.InferenceSession(path, providers=['CPUExecutionProvider'])
    inputs = session.get_inputs()[0]
    for end in '', '5':                                  # the batch it was exported with, and another one
        x, y = load(name + '.in' + end), load(name + '.out' + end)
        if end and isinstance(inputs.shape[0], int):     # lengths for two sequences; all others are free
            failed += not name.endswith('/recurrence')
            continue
        z = session.run(None, {inputs.name: x.astype('int32' if 'int32' in inputs.type else 'float32')})[0]
        if z.shape == y.shape: z = numpy.where(z == y, 0, z - y)                         # infinities, too
        error = abs(z).max() / max(1, abs(y[numpy.isfinite(y)]).max()) if z.shape == y.shape else numpy.inf
        print(path, end, error)
        failed += not error <= 1e-5
sys.exit(failed)
END
"$PYTHON" "$out/run.py" "$out"
case $? in
0)  passed=$((passed + 1)) ;;
77) skipped=1 ;;
*)  failed=$((failed + 1)) ;;
esac
echo "export_files: $passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
