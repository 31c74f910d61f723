#!/bin/sh
# build: how long the smallest example takes to compile, and how large the program is.
limit_seconds=8
limit_bytes=1500000
program=examples/xor.c
over=
printf '%-24s %9s %12s\n' "$program" seconds bytes
for cc in gcc clang tcc; do
    command -v $cc > /dev/null || continue
    for level in -O2 -O0; do
        start=$(date +%s.%N)
        $cc $level -I. "$program" -o build/bench_smallest 2> build/bench_smallest.log || { cat build/bench_smallest.log; continue; }
        end=$(date +%s.%N)
        seconds=$(echo "$start $end" | awk '{ printf "%.2f", $2 - $1 }')
        bytes=$(wc -c < build/bench_smallest)
        printf '%-24s %9s %12s\n' "$cc $level" "$seconds" "$bytes"
        [ -s build/bench.csv ] || echo "bench,case,threads,isa,value,unit,peak_fraction,peer,peer_value,ratio" > build/bench.csv
        echo "build,$cc $level time,1,-,$seconds,s,,,," >> build/bench.csv
        echo "build,$cc $level size,1,-,$bytes,bytes,,,," >> build/bench.csv
        if [ $level = -O2 ]; then
            awk "BEGIN { exit !($seconds > $limit_seconds || $bytes > $limit_bytes) }" && over="$over $cc"
        fi
    done
done
if [ -z "$over" ]; then verdict=met; else verdict="MISS:$over"; fi
echo "  -O2: at most $limit_seconds s and $limit_bytes bytes: $verdict"
