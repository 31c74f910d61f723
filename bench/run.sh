#!/bin/sh
# bench/run.sh [NAME [ARGUMENT...]]: builds and runs all benches, or one, from the top folder.
# The rows of a bench replace its old ones in build/bench.csv.  CC, CFLAGS: compiler and further flags.
cd "$(dirname "$0")/.." || exit 1
mkdir -p build
: "${CC:=cc}"
failed=

openmp=
echo 'int main(void) { return 0; }' > build/openmp.c
$CC -fopenmp build/openmp.c -o build/openmp 2>/dev/null && openmp=-fopenmp

one() {
    name=$1
    shift
    echo
    echo "=== $name"
    if [ -f build/bench.csv ]; then
        grep -v "^$name," build/bench.csv > build/bench.tmp
        mv build/bench.tmp build/bench.csv
    fi
    if [ -f "bench/$name.sh" ]; then
        CC="$CC" sh "bench/$name.sh" "$@" || failed="$failed $name"
    else
        $CC -O2 $openmp $CFLAGS -I. "bench/$name.c" -o "build/bench_$name" -ldl -lm && "build/bench_$name" "$@" || failed="$failed $name"
    fi
}

if [ $# -gt 0 ] && [ "$1" != all ]; then
    [ -f "bench/$1.c" ] || [ -f "bench/$1.sh" ] || { echo "no bench is called $1; see bench/"; exit 2; }
    one "$@"
else
    rm -f build/bench.csv
    for name in peak gemm conv elementwise norm pool ops attention optim augment loss rnn overhead train infer files loader build; do one $name; done
fi
echo
[ -z "$failed" ] || { echo "failed:$failed"; exit 1; }
echo "rows are in build/bench.csv"
