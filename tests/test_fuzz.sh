#!/bin/sh
# Fuzzes each target of tests/fuzz.c for FUZZ_SECONDS, 60, from its corpus, with clang's libFuzzer.  Only in make test-all; what
# was found before is replayed by test_faults.c in make test.   tests/test_fuzz.sh [TARGET..]
cd "$(dirname "$0")/.." || exit 1
out=build/test/fuzz
passed=0 failed=0
clang=${CLANG:-clang}
flags='-fsanitize=fuzzer,address,undefined,float-cast-overflow -fno-sanitize-recover=all'
[ -n "$TEST_ALL$*" ] || { echo 'fuzz: 0 passed, 0 failed'; exit 0; }
mkdir -p $out
echo 'int LLVMFuzzerTestOneInput(const void *p, long n); int LLVMFuzzerTestOneInput(const void *p, long n) { (void)p; return n < 0; }' >$out/probe.c
if ! $clang $flags $out/probe.c -o $out/probe 2>$out/probe.log; then
    echo 'skipped: no clang with libFuzzer'
    echo 'fuzz: 0 passed, 0 failed, 1 skipped'
    exit 0
fi
$clang -I. -g -O1 -DFUZZ $flags tests/fuzz.c -o $out/fuzz -lm || exit 1
for folder in tests/corpus/*/; do
    target=$(basename "$folder")
    case " ${*:-$target} " in *" $target "*) ;; *) continue ;; esac
    mkdir -p "$out/$target"
    if FUZZ=$target $out/fuzz -max_total_time="${FUZZ_SECONDS:-60}" -timeout=30 -max_len=4096 -print_final_stats=1 \
        -artifact_prefix="$out/$target-" "$out/$target" "$folder" >"$out/$target.log" 2>&1; then passed=$((passed + 1))
    else failed=$((failed + 1)); tail -n 40 "$out/$target.log"; fi
    echo "$target: $(sed -n 's/^stat::number_of_executed_units: *//p' "$out/$target.log") executions"
done
echo "fuzz: $passed passed, $failed failed"
[ $failed = 0 ]
