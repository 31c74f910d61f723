#!/bin/sh
# Same bits from every compiler, optimisation level and language mode: builds test_hash.c several ways and compares its hash.
out=build/test/hash.builds
CC=${CC:-cc}
passed=0 failed=0 skipped=0 want=
mkdir -p "$out"

build() {                           # name, then the compiler and its flags
    name=$1; shift
    if ! command -v "$1" >/dev/null; then echo "skipped: no $1"; skipped=$((skipped + 1)); return; fi
    got=
    "$@" -DDL_STATIC -DDL_IMPLEMENTATION -I. tests/test_hash.c -o "$out/$name" -lm && got=$("$out/$name" --hash | grep '^hash')
    echo "$got  $*"
    [ -n "$want" ] || want=$got
    if [ -n "$got" ] && [ "$got" = "$want" ]; then passed=$((passed + 1)); return; fi
    echo "FAILED: wanted $want"
    failed=$((failed + 1))
}

build O0     "$CC" -O0
[ -z "$TEST_ALL" ] || build gnu99 "$CC" -O2 -std=gnu99
build native "$CC" -O3 -march=native
build clang  clang -O2
[ -z "$TEST_ALL" ] || build tcc tcc                       # half a minute without an optimizer
echo "hash_builds: $passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
