#!/bin/sh
# build: how long the smallest example takes to compile (processor time), and how large the program is.
limit_seconds=8
limit_bytes=1500000
program=examples/xor.c
out=build/bench_smallest
over=
mkdir -p build
[ -s build/bench.csv ] || echo "bench,case,threads,isa,value,unit,peak_fraction,peer,peer_value,ratio" > build/bench.csv
printf '%-24s %9s %12s\n' "$program" seconds bytes
for cc in gcc clang tcc; do
    command -v $cc > /dev/null || continue
    for level in -O2 -O0; do
        rm -f $out
        ( $cc $level -I. $program -o $out 2> $out.log; times > $out.times )
        # the last line of times is user and system time of children, as 1m2.345s 0m0.123s
        seconds=$(tail -n 1 $out.times |
                  awk '{ for (i = 1; i <= 2; i++) { split($i, t, /[ms]/); sum += 60 * t[1] + t[2] } printf "%.2f", sum }')
        [ -f $out ] || { cat $out.log; over="$over $cc"; continue; }
        bytes=$(wc -c < $out)
        printf '%-24s %9s %12s\n' "$cc $level" "$seconds" "$bytes"
        echo "build,$cc $level time,1,-,$seconds,s,,,," >> build/bench.csv
        echo "build,$cc $level size,1,-,$bytes,bytes,,,," >> build/bench.csv
        if [ $level = -O2 ] && ! awk "BEGIN { exit $seconds > $limit_seconds || $bytes > $limit_bytes }"; then over="$over $cc"; fi
    done
done
if [ -z "$over" ]; then verdict=met; else verdict="MISS:$over"; fi
echo "  -O2: at most $limit_seconds s and $limit_bytes bytes: $verdict"
