#!/bin/sh
# Training on two ranks over MPI: tests/mpi.c under mpirun.  Two ranks train as one does, hold the same bits, share an error, and
# a training that was cut goes on from its checkpoint with the same bits.
cd "$(dirname "$0")/.." || exit 1
top=$PWD out=$PWD/build/test/mpi
for tool in mpicc mpirun; do
    command -v $tool >/dev/null || { echo "skipped: no $tool"; echo 'mpi: 0 passed, 0 failed, 1 skipped'; exit 0; }
done
rm -rf "$out" && mkdir -p "$out" && cd "$out" || exit 1
export OMPI_CC="${CC:-cc}" OMPI_MCA_rmaps_base_oversubscribe=1 OMPI_MCA_btl_base_warn_component_unused=0
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1            # in a container; as a user they mean nothing
passed=0 failed=0
build() { mpicc -O0 "$@" -DDL_USE_MPI -I"$top" "$top/tests/mpi.c" -lm || { echo 'mpi: 0 passed, 1 failed'; exit 1; }; }
build -Wall -Wextra -Wno-unused-function -o float
! command -v tcc >/dev/null || OMPI_CC=tcc               # ten times as fast a compiler, for what has no SIMD kernels anyway
build -DDL_DOUBLE -o double

# check NAME COMMAND..
check() {
    name=$1; shift
    if "$@" >"$name.log" 2>&1; then passed=$((passed + 1)); echo "  $name ok"; return; fi
    failed=$((failed + 1))
    echo "FAILED $name:"
    tail -n 20 "$name.log"
}
ranks() { timeout 100 mpirun -n "$@"; }                  # N PROGRAM MODE [FILE]
ok()    { ranks "$@" >ok.log 2>&1 || { cat ok.log; return 1; }; cat ok.log; grep -q '^ok' ok.log && ! grep -q WRONG ok.log; }
dies()  { ! ranks "$@" >dies.log 2>&1 || return 1; cat dies.log; grep -q 'exited on signal 9' dies.log; }

check same-float  ok 2 ./float same
check same-double ok 2 ./double same
check local       ok 2 ./float local
check norm-float  ok 2 ./float norm
check norm-double ok 2 ./double norm
check alone       ok 1 ./float equal
check equal       ok 2 ./float equal
check own-init    ok 2 ./float own
for mode in step before loop calls net; do check error-$mode ok 2 ./float error-$mode; done
check whole       ok 2 ./float whole whole.ck
check killed      dies 2 ./float kill killed.ck
check killed-resume  ok 2 ./float resume killed.ck
check killed-equal   cmp whole.ck killed.ck
check stopped        ok 2 ./float stop stopped.ck
check stopped-resume ok 2 ./float resume stopped.ck
check stopped-equal  cmp whole.ck stopped.ck
if [ -n "$TEST_ALL" ]; then for n in 3 4; do
    check same-$n ok $n ./double same
    check norm-$n ok $n ./double norm
    check equal-$n ok $n ./float equal
done; fi
echo "mpi: $passed passed, $failed failed"
[ $failed = 0 ]
