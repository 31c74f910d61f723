#!/bin/sh
# Other machines, by cross compilers and emulation: 32 bits, ARM, RISC-V, a big-endian one, Windows, WebAssembly.  Training and all ops give
# the bits of this machine, the kernels of NEON those of portable C, and files mean the same.  make test takes the kernels of NEON,
# make test-all the rest.  Debian: gcc-{aarch64,arm,i686,riscv64,s390x}-linux-gnu*, libc6-dev-*-cross, qemu-user,
# gcc-mingw-w64-x86-64, wine64; clang, lld, wasi-libc, libclang-rt-14-dev-wasm32, nodejs.
out=build/test/platforms
passed=0 failed=0 skipped=0 want=none
export WINEDEBUG=-all EMULATED=1
mkdir -p $out
echo 'int main(void) { return 0; }' >$out/probe.c

# The last line of a test's log, without its name; of test_hash, the hash.
result() { if [ "$1" = hash ]; then grep '^hash' "$2"; else tail -n 1 "$2" | sed 's/.*: //'; fi; }

platform() {                        # name, what runs its programs, its compiler with flags, tests
    name=$1 run=$2 cc=$3; shift 3
    if ! $cc -static $out/probe.c -o $out/$name.probe.exe 2>/dev/null || ! $run $out/$name.probe.exe 2>/dev/null; then
        echo "$name skipped: no ${cc%% *}${run:+ or no $run}"; skipped=$((skipped + 1)); return
    fi
    for test; do
        exe=$out/$name.$test.exe log=$out/$name.$test.log
        option=; [ $test != hash ] || option=--hash
        $cc -w -static -DDL_STATIC -DDL_IMPLEMENTATION -I. tests/test_$test.c -o $exe -lm >$log 2>&1 &&
            timeout 1500 $run $exe $option 2>&1 | tr -d '\r' >$log
        got=$(result $test $log)
        case $test,$got in
        hash,"$want" | *,*' 0 failed'*) passed=$((passed + 1)); echo "$name $test: $got" ;;
        *) failed=$((failed + 1)); tail -n 20 $log; echo "FAILED: $name $test: $got" ;;
        esac
    done
}

platform aarch64 qemu-aarch64 'aarch64-linux-gnu-gcc -O1' simd
if [ -n "$TEST_ALL" ]; then
    ${CC:-cc} -O1 -DDL_STATIC -DDL_IMPLEMENTATION -w -I. tests/test_hash.c -o $out/here -lm && $out/here --hash >$out/here.log
    want=$(result hash $out/here.log)
    echo "here: $want"
    files='files data checkpoint text export tensor random'
    platform aarch64    qemu-aarch64 'aarch64-linux-gnu-gcc -O1' hash gemm pool norm conv winograd attention recurrent optim
    platform aarch64-clang qemu-aarch64 'clang --target=aarch64-linux-gnu -O2' hash
    platform aarch64-portable qemu-aarch64 'aarch64-linux-gnu-gcc -O1 -DDL_NO_SIMD' hash
    platform arm        qemu-arm 'arm-linux-gnueabihf-gcc -O1' hash
    platform riscv64    qemu-riscv64 'riscv64-linux-gnu-gcc -O1' hash
    platform i686       '' 'i686-linux-gnu-gcc -O1 -msse2 -mfpmath=sse' hash context $files
    platform s390x      qemu-s390x 's390x-linux-gnu-gcc -O1' hash $files
    cat >$out/wasi.mjs <<'END'
import { WASI } from 'node:wasi';
import { readFileSync } from 'node:fs';
// global, or the garbage collector may take it while the program runs (node 20)
const wasi = globalThis.wasi = new WASI({ version: 'preview1', args: process.argv.slice(2), preopens: { '.': '.' } });
const program = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(process.argv[2])), wasi.getImportObject());
process.exit(wasi.start(program));
END
    platform wasm       "node --no-warnings $out/wasi.mjs" 'clang --target=wasm32-wasi --sysroot=/usr -O2' hash gemm conv
    platform windows    wine 'x86_64-w64-mingw32-gcc -O1' hash context errors gemm images $files
fi
echo "platforms: $passed passed, $failed failed$([ $skipped = 0 ] || echo ", $skipped skipped")"
[ $failed = 0 ]
