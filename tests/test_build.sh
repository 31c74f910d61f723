#!/bin/sh
# Compile matrix and hygiene: every standard, compiler and switch; what is exported; including, renaming, installing.
cd "$(dirname "$0")/.." || exit 1
top=$PWD out=$PWD/build/test/build
rm -rf "$out" && mkdir -p "$out" && cd "$out" || exit 1
cp "$top/dl.h" .
passed=0 failed=0 skipped=0

pass() { passed=$((passed + 1)); }
fail() { failed=$((failed + 1)); echo "FAILED $1"; head -n 12 log; return 1; }
skip() { skipped=$((skipped + 1)); echo "skipped: no $1"; }
slow() { [ -n "${TEST_ALL-}" ]; }                                      # make test-all
have() { command -v "$1" >/dev/null || { skip "$1"; return 1; }; }
try()  { name=$1; shift; if "$@" >log 2>&1 && ! grep -q warning log; then pass; else fail "$name"; fi; }      # quiet success
deny() { name=$1; shift; if "$@" >log 2>&1; then fail "$name"; else pass; fi; }                               # must not compile

# --- programs ---------------------------------------------------------------------------------------------
# A training run; prints the bits of what it learned, which may depend on nothing.
cat >use.c <<'END'
#define DL_IMPLEMENTATION
#include "dl.h"
#include "dl.h"
#include <stdio.h>
#include <string.h>
int main(void)
{
    static const dl_real in[] = {0, 0, 0, 1, 1, 0, 1, 1}, out[] = {0, 1, 1, 0};
    unsigned hash = 2166136261u;
    size_t k;
    int i;
    dl_ctx *c = dl_create(.seed = 1);
    dl_tensor *x = dl_keep(c, dl_tensor_from(c, in, DL_SHAPE(4, 2)));
    dl_tensor *t = dl_keep(c, dl_tensor_from(c, out, DL_SHAPE(4, 1)));
    dl_module *net = dl_nn_sequential(c, dl_nn_linear(c, 2, 37), dl_nn_tanh(c), dl_nn_linear(c, 37, 1));
    dl_optim *opt = dl_optim_adam(c, net, .lr = (dl_real)0.05);
    for (i = 0; i < 50; i++) {
        dl_step_begin(c);
        dl_backward(c, dl_mean(c, dl_bce_with_logits(c, dl_forward(c, net, x), t, .reduction = DL_NONE), .keepdim = 1));
        dl_optim_step(c, opt);
    }
    for (i = 0; dl_module_at(net, i, NULL, 0); i++) {
        const dl_tensor *p = dl_module_at(net, i, NULL, 0)->tensor;
        for (k = 0; k < (size_t)p->size * sizeof *p->data; k++) hash = (hash ^ ((const unsigned char *)p->data)[k]) * 16777619u;
    }
    if (dl_error(c)) { printf("%s\n", dl_error(c)); return 1; }
    printf("%08x\n", hash);
    dl_destroy(c);
    return 0;
}
END
# the same calls as C++11 writes them: options through their structs
cat >use11.cc <<'END'
#include "dl.h"
int main()
{
    dl_create_opts create = dl_create_opts();
    create.seed = 1;
    dl_ctx *c = dl_create_with(create);
    dl_tensor *x = dl_ones(c, DL_SHAPE(2, 3));
    dl_sum_opts sum = {};
    sum.dims = DL_DIM(-1);
    sum.keepdim = 1;
    bool ok = dl_sum_with(c, dl_sum(c, x), dl_sum_opts()) && dl_item(dl_mean(c, dl_sum_with(c, x, sum))) == 3 && !dl_error(c);
    dl_destroy(c);
    return !ok;
}
END
sed 's/#include <stdio.h>/#include <cstdio>/' use.c >use20.cc
{ echo '#define DL_IMPLEMENTATION'; cat use11.cc; } >impl11.cc
printf '#define DL_IMPLEMENTATION\n#include "dl.h"\n' >impl.c
printf '#include "dl.h"\n#include "dl.h"\ndl_ctx *other(void);\ndl_ctx *other(void) { return dl_create(.seed = 2); }\n' >other.c
printf '#define DL_STATIC\n#define DL_IMPLEMENTATION\n#include "dl.h"\ndl_ctx *other(void);\ndl_ctx *other(void) { return dl_create(.seed = 2); }\n' >static.c
printf '#include "dl.h"\ndl_ctx *other(void);\nint main(void) { dl_ctx *c = other(); dl_destroy(c); return !c; }\n' >main.c
printf '#define DL_STATIC\n#define DL_IMPLEMENTATION\n' | cat - main.c >static_main.c
cat >own_malloc.h <<'END'
#include <stddef.h>
void *my_malloc(size_t n); void *my_realloc(void *p, size_t n); void my_free(void *p);
#define DL_MALLOC my_malloc
#define DL_REALLOC my_realloc
#define DL_FREE my_free
END
printf '#include "own_malloc.h"\n' | cat - impl.c >own_malloc.c
printf '#include <complex.h>\n#include <tgmath.h>\n#define near\n#define far\n' | cat - impl.c >taken.c           # near, far: <windows.h>

# --- standards and switches: clean as -pedantic -Wall -Wextra ---------------------------------------------
WARN='-pedantic -Wall -Wextra -Wshadow -Werror'
CWARN="$WARN -Wstrict-prototypes -Wundef -Wvla"
for cc in gcc clang; do
    have $cc || continue
    for std in c99 $(slow && echo c11 c17); do try "$cc $std" $cc -std=$std $CWARN -fsyntax-only use.c; done
    for switch in -DDL_DOUBLE -DDL_NO_SIMD -DDL_DEBUG $(slow && echo -DDL_NO_OPENMP -DDL_NO_AMX -fopenmp); do
        [ $cc = gcc ] || slow || [ $switch = -DDL_DOUBLE ] || continue
        try "$cc $switch" $cc -std=c99 $WARN -Wstrict-prototypes -Wno-unknown-pragmas $switch -fsyntax-only use.c
    done
    for program in impl.c static_main.c own_malloc.c; do
        for switch in '' -DDL_NO_STDIO '-DDL_NO_STDIO -DDL_DEBUG' '-DDL_MODELS -DDL_EXPORT'; do
            [ $program = impl.c ] || slow || [ -z "$switch" ] || continue
            [ $cc = gcc ] || slow || [ "$switch" != '-DDL_NO_STDIO' ] || continue
            try "$cc $program $switch" $cc -std=c99 $CWARN $switch -fsyntax-only $program
        done
    done
done
try 'after complex.h, tgmath.h and the macros of windows.h' ${CC:-cc} -w -DDL_MODELS -DDL_EXPORT -fsyntax-only taken.c
for cxx in g++ clang++; do
    have $cxx || continue
    try "$cxx c++11" $cxx -std=c++11 $WARN -fsyntax-only impl11.cc
    try "$cxx c++20" $cxx -std=c++20 $WARN -Wno-missing-field-initializers -fsyntax-only use20.cc
done

# --- compile, run, compare the bits ------------------------------------------------------------------------
runs() {                            # runs NAME COMPILER FLAGS..: builds use.c cleanly and gets the same hash as all others
    name=$1; shift
    if ! "$@" -DDL_STATIC use.c -o use >log 2>&1 || grep -q warning log; then fail "$name"; return; fi
    ./use >hash 2>log || { cat hash >>log; fail "$name, run"; return; }
    [ -n "${wanted-}" ] || wanted=$(cat hash)
    if [ "$(cat hash)" = "$wanted" ]; then pass; else echo "$(cat hash), wanted $wanted" >log; fail "$name, bits"; fi
}
cc=${CC:-cc}
for cc in gcc clang; do
    command -v $cc >/dev/null || continue
    openmp=
    if $cc -fopenmp main.c -fsyntax-only 2>log && echo 'int main(void) { return 0; }' >p.c && $cc -fopenmp p.c -o p 2>log; then
        openmp=-fopenmp
    else skip "OpenMP with $cc"; fi
    [ $cc = gcc ] && ! slow || runs "$cc -O0" $cc -O0              # gcc without -O: see test_hash.sh
    runs "$cc -O2 $openmp" $cc -O2 $openmp -Wall -Wextra
    ! slow || runs "$cc -O3 -DDL_NO_SIMD" $cc -O3 -DDL_NO_SIMD -Wall -Wextra           # tcc is portable too
    [ $cc = clang ] && ! slow || try "$cc -O2, all of it" $cc -O2 -fno-pic -Wall -Wextra -c impl.c -o impl.$cc.o            # warnings that need the optimizer
done
slow && command -v gcc >/dev/null && runs 'gcc -O3' gcc -O3 -Wall -Wextra
have tcc && runs tcc tcc -Wall
command -v g++ >/dev/null && runs 'g++ c++20' g++ -std=c++20 -O0 -x c++
cc=${CC:-cc}
for example in xor $(slow && cd "$top/examples" && ls *.c | grep -vE '^xor|mpi_|classify|cifar' | sed 's/\.c$//'); do     # stb_image warns
    try "$cc -O2 -Wall, $example" $cc -O2 -Wall -Wextra -Wshadow -Wno-unknown-pragmas "$top/examples/$example.c" -o example -lm -pthread
done
deny '-ffast-math' $cc -ffast-math -fsyntax-only impl.c
deny 'a part of -ffast-math' $cc -ffinite-math-only -fsyntax-only impl.c
if have clang; then                                      # which fuses whatever the pragmas say: refused where it shows
    clang -O2 -w -DDL_STATIC -ffp-contract=fast use.c -o use >log 2>&1 && { ./use >hash 2>&1; cp hash log; }
    if grep -q 'equal bits' hash || [ "$(cat hash)" = "$wanted" ]; then pass; else fail 'clang -ffp-contract=fast'; fi
fi
deny 'DL_MALLOC alone' $cc -DDL_MALLOC=my_malloc -fsyntax-only impl.c
deny 'a misspelt option' $cc -x c -fsyntax-only - <<'END'
#include "dl.h"
dl_ctx *f(void);
dl_ctx *f(void) { return dl_create(.sead = 1); }
END

# --- several files, static copies, C and C++ together, another name --------------------------------------
NOPIE='-fno-pic -no-pie'                                 # so that constant tables show as constant in nm
if [ -f impl.gcc.o ]; then cp impl.gcc.o impl.o; else try 'implementation' $cc -O2 -fno-pic -c impl.c -o impl.o; fi
try 'two files' $cc $NOPIE main.c other.c impl.o -o two && try 'two files, run' ./two
if command -v g++ >/dev/null; then
    try 'C++ on a C library' g++ $NOPIE -std=c++11 -Wall use11.cc impl.o -o mixed && try 'C++ on a C library, run' ./mixed
fi
try 'static copy' $cc -O1 -DDL_NO_SIMD -c static.c -o static.o
try 'two static copies' $cc -O1 -DDL_NO_SIMD static_main.c static.o -o two && try 'two static copies, run' ./two
mkdir renamed && cp dl.h renamed/learn.h && sed 's/dl\.h/learn.h/' use.c >renamed/use.c
try 'renamed' $cc '-DDL_FILENAME="learn.h"' renamed/use.c -fsyntax-only
try 'in a folder of its own' $cc -DDL_IMPLEMENTATION -include "$top/dl.h" -x c -fsyntax-only /dev/null

# --- symbols and macros --------------------------------------------------------------------------------------
if have nm; then
    nm -g --defined-only impl.o | grep -v ' T dl_' >log; try 'exports only dl_ functions' test ! -s log
    nm impl.o | grep ' [bBdDcCgGsS] ' >log;              try 'no writable globals' test ! -s log
    nm -u impl.o | grep -wE 'abort|exit|_exit|__assert_fail|expf?|logf?|sqrtf?|fmaf?|floorf?|powf?|printf|srand|rand' >log
    try 'neither exits nor needs libm' test ! -s log
    $cc -O0 -DDL_NO_STDIO -DDL_NO_SIMD -c impl.c -o nostdio.o 2>log
    nm -u nostdio.o | grep -E ' (f|v|sn|p)*(printf|open|puts|write|std(out|err|in))$' >log
    try 'DL_NO_STDIO uses no stdio' test ! -s log
    nm -g --defined-only static.o | grep -v ' other' >log; try 'DL_STATIC exports nothing' test ! -s log
fi
if have objdump; then                                   # a call that leaves the upper halves of vectors in use costs the next one 70 ns
    objdump -d --no-show-raw-insn impl.o | awk '
        /^[0-9a-f]+ <.*>:/ { name = $2 }  /%[yz]mm/ { wide[name] = 1 }  /vzeroupper/ { clean[name] = 1 }  /\tret/ { returns[name] = 1 }
        END { for (name in wide) if (returns[name] && !clean[name]) print name }' >log
    try 'functions that use vectors end with vzeroupper' test ! -s log
fi
printf '#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n' >std.h
$cc -dM -E -x c std.h | sort >std.macros
$cc -dM -E -x c dl.h | sort | comm -13 std.macros - | grep -vE '^#define (DLI?_|dl_)' >log
try 'defines only DL_ and dl_ macros' test ! -s log

# --- the programs of manual and README, the test harness, make, install --------------------------------------------------------------------
# the first program of the head comment: from its #define DL_STATIC to the brace that closes main
awk '/The first program/ { found = 1 }
     found && !n && /#define DL_STATIC/ { n = index($0, "#") }
     n { line = substr($0, n); print line; if (line ~ /^}/) exit }' dl.h >manual.c
try 'the manual has a program' grep -q main manual.c && try "the manual's program" $cc -O1 manual.c -o manual &&
    try "the manual's program, run" ./manual
# the rest of its code, up to the contents, as a function of what that program made
{
    echo '#include "dl.h"'; echo '#include <stdio.h>'
    echo 'int f(dl_ctx *c, dl_module *net, dl_optim *opt);'; echo 'int f(dl_ctx *c, dl_module *net, dl_optim *opt)'; echo '{'
    awk '/^   A data set/ { found = 1 } /^   Contents/ { exit } found && /^       /' dl.h
    echo 'return 0; }'
} >manual.c
try 'the manual has a loop' grep -q dl_next_batch manual.c && try "the manual's loop" $cc -Wall -Wextra -fsyntax-only manual.c

# every block of C in README.md that has a main; the first one trains on MNIST: without data, and with four small files
awk '/^```c$/ { n++; on = 1; next } /^```/ { on = 0 } on { print >("readme" n ".c") }' "$top/README.md"
grep -l 'int main' readme*.c >readmes
for program in $(cat readmes); do try "README.md, $program" $cc -O1 -Wall -Wextra $program -o ${program%.c}; done
deny 'README.md, no data' ./readme1 && cp log said &&
    try 'README.md, no data: which file is missing' grep -q 'data/mnist/train-images-idx3-ubyte' said
mkdir -p data/mnist
for set in train t10k; do
    { printf '\0\0\10\3\0\0\0\100\0\0\0\34\0\0\0\34'; head -c 50176 /dev/zero; } >data/mnist/$set-images-idx3-ubyte
    { printf '\0\0\10\1\0\0\0\100'; head -c 64 /dev/zero; } >data/mnist/$set-labels-idx1-ubyte
done
try 'README.md, small data' ./readme1 && cp log said && try 'README.md, small data: its last line' grep -qx 'test accuracy 1.0000' said

cat >harness.c <<'END'
#include "dl.h"
#include "tests/test.h"
static void no_checks(void)       {}
static void nan_is_not_near(void) { CHECK_NEAR(NAN, NAN, 1); }
static void nan_is_wanted(void)   { CHECK_NEAR_NAN(NAN, NAN, 0); CHECK_NEAR_NAN(1, 1.5, 0.5); }
static void number_for_nan(void)  { CHECK_NEAR_NAN(1, NAN, 0); }
static void skips(void)           { SKIP("on purpose"); }
int main(void) { RUN(no_checks); RUN(nan_is_not_near); RUN(nan_is_wanted); RUN(number_for_nan); RUN(skips); TEST_END; }
END
try 'harness' $cc $NOPIE "-I$top" harness.c impl.o -o harness -lm && deny 'harness, run' ./harness && cp log said &&
    try 'harness, what it counts' grep -qx 'harness: 1 passed, 3 failed, 1 skipped' said

try 'make alone helps' sh -c "cd '$top' && make | grep -q 'make test'"
if [ -f "$top/README.md" ]; then
    prefix="$out/a prefix"
    try 'make install' make -C "$top" -s install "PREFIX=$prefix"
    try 'installed header' $cc -I"$prefix/include" -fsyntax-only use.c
    if have pkg-config; then
        pkgconf() { PKG_CONFIG_PATH="$prefix/share/pkgconfig" pkg-config "$@" dl-h; }
        try 'pkg-config' sh -c "eval \"$cc $(pkgconf --cflags | sed 's/["\\]/\\&/g') -fsyntax-only use.c\""
        try 'pkg-config version' test "$(pkgconf --modversion)" = "$(sed -n 's/.*DL_VERSION_STRING "\(.*\)"/\1/p' dl.h)"
    fi
    if have cmake; then
        mkdir user && cat >user/CMakeLists.txt <<'END'
cmake_minimum_required(VERSION 3.5)
project(user C)
find_package(dl-h 0.1 REQUIRED)
add_executable(user user.c)
target_link_libraries(user dl-h::dl-h)
END
        printf '#include <dl.h>\nint main(void) { return sizeof(dl_tensor) == 0; }\n' >user/user.c
        cmake_user() { cmake -S user -B user/build "-DCMAKE_PREFIX_PATH=$prefix" && cmake --build user/build && user/build/user; }
        try 'find_package(dl-h)' cmake_user
        sed 's/dl-h 0.1/dl-h 99/' user/CMakeLists.txt >CMakeLists.txt && mv CMakeLists.txt user/ && rm -rf user/build
        deny 'find_package of a later version' cmake_user
    fi
    make -C "$top" -s uninstall "PREFIX=$prefix" && find "$prefix" -type f >log; try 'make uninstall' test ! -s log
    make -C "$top" -s install "DESTDIR=$out/dest dir" PREFIX=/usr INCLUDEDIR=/usr/include/x >log 2>&1
    try 'make install DESTDIR' test -f "$out/dest dir/usr/include/x/dl.h"
fi

[ $skipped = 0 ] && echo "test_build: $passed passed, $failed failed" ||
    echo "test_build: $passed passed, $failed failed, $skipped skipped"
[ $failed = 0 ]
