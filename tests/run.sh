#!/bin/sh
# Runs the tests: all of them, or those whose name contains one of the arguments.
#     tests/run.sh            tests/run.sh ops context
# CC: the C compiler.  J: how many jobs at a time, 2.  TEST_ALL=1: the slow sweeps too.
#
# A job is one program built in one way; the first line of tests/test_NAME.c lists the ways:
#     /* build: float double asan */
#   float    as users do: no -std, OpenMP if there is one, the best instruction set of this machine
#   double   -DDL_DOUBLE, for gradient checks
#   asan     float under AddressSanitizer and UBSan
#   tsan     float under ThreadSanitizer, without OpenMP
# +asan, +double stand for: asan, double in make test-all only.
# tests/test_NAME.sh and the examples are jobs too.  Every job ends with the line "name: N passed, M failed".
# A job whose tool is missing says so and counts as skipped.
cd "$(dirname "$0")/.." || exit 1
out=build/test
CC=${CC:-cc}
export CC TEST_ALL
export OMP_WAIT_POLICY=passive                           # jobs share the cores: waiting threads must not spin

WARN='-Wall -Wextra -Wshadow -Wno-unused-function'
ASAN='-O0 -g -fsanitize=address,undefined -fno-sanitize-recover=all'
TSAN='-g -fsanitize=thread'

name_of() { basename "$1" | sed 's/\..*//; s/^test_//'; }
log_of() { echo "$out/$(name_of "$1").$2.log"; }

# --- one job: run.sh --job PATH KIND ----------------------------------------------------------------------
job() {
    path=$1 kind=$2
    name=$(name_of "$path") log=$(log_of "$path" "$kind")
    exe=${log%.log}
    begin=$(date +%s)
    case $kind in
    sh)      timeout 1800 sh "$path" >"$log" 2>&1 ;;
    example) example >"$log" 2>&1 ;;
    *)       program >"$log" 2>&1 ;;
    esac
    code=$?
    last=$(tail -n 1 "$log")
    case $last in                                        # a crash or a compile error never got to its last line
    *': '*' passed, '*' failed'*) ;;
    *) code=1 last="$name: 0 passed, 1 failed"; echo "$last" >>"$log" ;;
    esac
    printf '%-14s %-8s %4ds  %s\n' "$name" "$kind" $(($(date +%s) - begin)) "${last#*: }"
    sed -n 's,^ *\(.*skipped: .*\),    \1,p' "$log"
    [ $code = 0 ] || tail -n 30 "$log" | sed 's/^/    /'
}

how() {                             # sets cc and flags for a kind of build; cc is empty if no compiler can
    cc=$CC
    case $1 in
    float)  flags="-O1 $(cat $out/openmp)" ;;
    double) flags="-O1 -DDL_DOUBLE $(cat $out/openmp)" ;;
    asan)   flags=$ASAN cc=$(cat $out/asan) ;;
    tsan)   flags="-O1 $TSAN" cc=$(cat $out/tsan) ;;
    *)      echo "unknown build $1"; return 1 ;;
    esac
}

# The implementation, compiled once a kind for the tests that do not define DL_IMPLEMENTATION themselves.
object() {
    how "$1" && [ -n "$cc" ] || return 0
    [ $1 != asan ] || flags="-O1 ${flags#-O0}"             # compiled once, run by many
    [ $out/dl.$1.o -nt dl.h ] || $cc $WARN $flags -DDL_IMPLEMENTATION -DDL_MODELS -DDL_EXPORT -x c -c dl.h -o $out/dl.$1.o
}

program() {
    how $kind || return 1
    if [ -z "$cc" ]; then echo "skipped: no compiler with $flags"; echo "$name: 0 passed, 0 failed, 1 skipped"; return 0; fi
    lib=-DDL_STATIC                                      # compiles faster: what is not called is dropped
    grep -q '^#define DL_IMPLEMENTATION' "$path" || lib=$out/dl.$kind.o
    echo "$cc $flags $path $lib"
    $cc -I. $WARN $flags "$path" $lib -o "$exe" -pthread -lm || return 1
    timeout 300 $(cat $out/fixed) "$exe"
    code=$?
    [ $code != 124 ] || echo "$name: still running after 300 s"
    return $code
}

# An example is built by the cc (c++, mpicc) line of its head comment and must succeed with --quick.  A shadow of the top folder
# keeps what it writes inside build/.  To save time make test only parses most of them by their line, and runs them with the
# compiled copy; make test-all builds all by their line.
example() {
    dir=$out/examples/$name
    rm -rf "$dir" && mkdir -p "$dir" && cp dl.h "$dir" && cp -r examples "$dir" || return 1
    line=$(sed -nE 's,^[ /*#]*((cc|c\+\+|mpicc) .*)$,\1,p' "$path" | sed 's,\*/.*,,; s,  .*,,' | head -n 1)
    exe=$(echo "$line" | sed -n 's,.*-o *\([^ ]*\).*,\1,p')
    echo "$line"
    case $line in
    *-fopenmp*) [ -n "$(cat $out/openmp)" ] || line=$(echo "$line" | sed 's/-fopenmp//') ;;
    '')         echo "$path: no cc line in the head comment"; return 1 ;;
    esac
    compiler=$CC tool=$CC run="./${exe:-a.out}"
    case $path in
    *.cpp) compiler=${CXX:-c++} tool=$compiler ;;
    *.py)  tool=python3 run="python3 $path" ;;
    */mpi_*)
        export OMPI_CC="$CC" OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
        compiler=mpicc tool=mpirun run="mpirun -n 2 $run" ;;
    esac
    if ! command -v "${tool%% *}" >/dev/null; then
        echo "skipped: no $tool"; echo "$name: 0 passed, 0 failed, 1 skipped"; return 0
    fi
    linked=
    if [ -z "${TEST_ALL-}" ] && [ -f $out/dl.float.o ] && [ "${path##*.}" = c ] &&
        ! grep -qE '^#define (DL_(USE|DEBUG|DOUBLE|MALLOC|NO)|STB)' "$path"; then
        case "$name $line" in xor\ *|mnist\ *|linreg\ *|*-DDL_*) ;; *) linked="-w ../../dl.float.o $(cat $out/openmp) -pthread" ;; esac
    fi
    if [ -n "$linked" ]; then
        (cd "$dir" && eval "$compiler ${line#* } -fsyntax-only") || return 1
        sed '/^#define DL_STATIC/d; /^#define DL_IMPLEMENTATION/d' "$path" >"$dir/$path"
    fi
    (cd "$dir" && eval "$compiler ${line#* } $linked" && timeout 120 $run --quick </dev/null) &&
        echo "$name: 1 passed, 0 failed"
}

# --- what the compilers can do -----------------------------------------------------------------------------
probe() {                           # the first of the compilers that builds and runs a program with the flags
    flags=$1; shift
    for cc in "$@"; do
        command -v "$cc" >/dev/null && $cc $flags $out/probe.c -o $out/probe 2>/dev/null &&
            $(cat $out/fixed) $out/probe >/dev/null 2>&1 && echo "$cc" && return
    done
}

probes() {
    echo 'int main(void) { return 0; }' >$out/probe.c
    : >$out/fixed                                        # what goes before every program
    [ -z "$(probe -fopenmp "$CC")" ] && : >$out/openmp || echo -fopenmp >$out/openmp
    probe "$ASAN" "$CC" gcc clang >$out/asan
    probe "$TSAN" "$CC" gcc clang >$out/tsan
    if [ ! -s $out/tsan ] && setarch -R true 2>/dev/null; then            # it dislikes some address randomisations
        echo 'setarch -R' >$out/fixed
        probe "$TSAN" "$CC" gcc clang >$out/tsan
    fi
}

# --- all jobs ------------------------------------------------------------------------------------------------
jobs() {
    for path in tests/test_*.sh tests/check.sh; do [ ! -f "$path" ] || echo "$path sh"; done
    for path in tests/test_*.c; do
        for kind in $(sed -n '1s,^/\* build: \([a-z +]*\).*,\1,p' "$path"); do
            case $kind in +*) [ -z "${TEST_ALL-}" ] || echo "$path ${kind#+}" ;; *) echo "$path $kind" ;; esac
        done
    done
    for path in examples/*.c examples/*.cpp examples/*.py; do [ ! -f "$path" ] || echo "$path example"; done
}

# After all jobs: every row of curriculum.txt was true, unless a test or a job that claims it was skipped; no other row was.
curriculum() {
    sed 's/ .*//' tests/curriculum.txt | sort -u >$out/rows
    sed -n 's/^row //p' $out/*.log | sort -u >$out/rows.true
    {
        sed -n 's/^skipped row //p' $out/*.log
        while read -r path kind; do
            case $(tail -n 1 "$(log_of "$path" "$kind")") in
            *': 0 passed, 0 failed, '*) grep -oE '(ROW\("|row )[A-Z]+-[0-9]+' "$path" | sed 's/.*[" ]//' ;;
            esac
        done <$out/jobs.$$
    } | sort -u >$out/rows.skipped
    comm -23 $out/rows $out/rows.true >$out/rows.missing
    { comm -23 $out/rows.missing $out/rows.skipped; comm -13 $out/rows $out/rows.true; } >$out/rows.wrong
    echo "curriculum: $(comm -12 $out/rows $out/rows.true | wc -l) of $(wc -l <$out/rows) rows true"
    comm -12 $out/rows.missing $out/rows.skipped | sed 's/^/    skipped: /'
    sed 's/^/    FAILED: not true, or not in curriculum.txt: /' $out/rows.wrong
}

if [ "${1-}" = --job ]; then job "$2" "$3"; exit 0; fi
if [ "${1-}" = --object ]; then object "$2"; exit 0; fi

pattern=$(echo "$*" | sed 's/ /|/g')
[ -n "$pattern" ] || rm -rf $out
mkdir -p $out && probes || exit 1
jobs | grep -E "${pattern:-.}" >$out/jobs.$$ || { echo "no test is called $pattern; see tests/ and examples/"; exit 2; }
sed -n 's,.*\.c \(float\|double\|asan\|tsan\)$,\1,p' $out/jobs.$$ | sort -u | xargs -r -n 1 -P "${J:-2}" sh tests/run.sh --object
xargs -r -n 2 -P "${J:-2}" sh tests/run.sh --job <$out/jobs.$$

if [ -n "$pattern" ]; then : >$out/rows.wrong; else curriculum; fi
{
    while read -r path kind; do tail -n 1 "$(log_of "$path" "$kind")"; done <$out/jobs.$$
    echo "0 passed, $(wc -l <$out/rows.wrong) failed"
} | sed 's/.*: //' | awk '
    { passed += $1; failed += $3; skipped += $5 }
    END { printf "%d passed, %d failed", passed, failed; if (skipped) printf ", %d skipped", skipped; print ""
          exit failed || !passed }'
