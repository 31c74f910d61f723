#!/bin/sh
# Lints: format, versions, the API against the tests, the manual against the file.  Prints what is wrong.
cd "$(dirname "$0")/.." || exit 1
passed=0 failed=0
tmp=build/check
mkdir -p $tmp

# COMMAND >$bad; check NAME: passes if the command found nothing
bad=$tmp/bad tab=$(printf '\t')
check() {
    if [ ! -s $bad ]; then passed=$((passed + 1)); return; fi
    failed=$((failed + 1))
    echo "FAILED $1:"
    head -n 20 $bad
}

sources=$(ls dl.h examples/*.c examples/*.cpp examples/*.py tests/*.[ch] tests/*.sh bench/*.[ch] bench/*.sh 2>/dev/null)
# --- format
LC_ALL=C grep -n "[^ -~$tab]" $sources Makefile README.md /dev/null >$bad
check 'ASCII only'
grep -n "$tab" $sources /dev/null >$bad
check 'no tabs'
grep -n ' $' $sources Makefile README.md /dev/null >$bad
check 'no space at the end of a line'
grep -nwE '(abort|exit|assert) *\(' dl.h >$bad
check 'dl.h never ends the process'
grep -nwE '(atof|strto[a-z]+|sscanf|fscanf|isalpha|isdigit|isspace|to(lower|upper)) *\(' dl.h >$bad
check 'dl.h reads numbers and letters alike in every locale'
grep -nwE 'TODO|FIXME|XXX' $sources /dev/null | grep -v '^tests/check.sh' >$bad
check 'no unfinished business'

# --- the top folder of what is committed
git ls-files 2>/dev/null | cut -d/ -f1 | sort -u | grep -vxE 'dl\.h|examples|tests|bench|Makefile|README\.md|\..*' >$bad
check 'the top folder holds what it should'

# --- versions: the macros, the string, the change log
number() { sed -n "s/^#define DL_VERSION_$1  *//p" dl.h; }
version="$(number MAJOR).$(number MINOR).$(number PATCH)"
{ [ "\"$version\"" = "$(number STRING)" ] || echo "$version is not $(number STRING)"; } >$bad
check 'version string'
{ sed -n '/>>changes/,$p' dl.h | grep -q "^ *$version " || echo "$version"; } >$bad
check 'version in the change log'

# --- tags: the table of contents lists the sections in their order
sed -n '/^ *Contents/,/^ *Concepts/p' dl.h | grep -o '>>[a-z][a-z]*' | grep -vx '>>name' >$tmp/contents
sed -n '/^ *Concepts/,$p' dl.h | sed -n 's/^   \(>>[a-z][a-z]*\).*/\1/p' >$tmp/sections
diff $tmp/contents $tmp/sections >$bad
check 'table of contents'

# --- every public function is named in a test; rows of the elementwise tables through their macros
sed '/^#endif.*DL_H/q' dl.h >$tmp/api.h
functions() { sed -n 's,^DL_API [^(]*[ *]\(dl_[a-z0-9_]*\)(.*,\1,p' "$1" | sed 's,_with$,,; s,_list$,,' | sort -u; }
cat tests/*.c >$tmp/tests.c
for f in $(functions $tmp/api.h); do grep -qE "\<$f(_with|_list)?\>" $tmp/tests.c || echo "$f"; done >$bad
check 'every public function is named in a test'
{ [ "$(functions $tmp/api.h | wc -l)" -gt 100 ] || echo "$(functions $tmp/api.h | wc -l) functions"; } >$bad
check 'there are more than 100 of them'
grep -oE '\<DL_[A-Z]+_OPS\>' $tmp/api.h | sort -u >$tmp/tables
for t in $(cat $tmp/tables); do grep -q "$t" tests/test_ops.c tests/test_simd.c tests/test_errors.c || echo "$t"; done >$bad
check 'every table of ops is tested'


# --- DL_DEBUG: a call that does not note its place would blame the one before it; what ops call belongs to the op's call
sed -n 's,^| `[^(]*[ *]\(dl_[a-z0-9_]*\)(dl_ctx \*c\, [^.`]*)`.*,\1,p' examples/API.md |
    grep -vxE 'dl_(at|alloc|alloc_keep|set_shape|grad_of)' >$tmp/calls
sed -n '/^#define DLI_DEBUG_CALLS/,/^#endif/s,^#define \(dl_[a-z0-9_]*\)(.*,\1,p' dl.h | diff $tmp/calls - >$bad
check 'DL_DEBUG: every call notes its place'

{ sh tests/api.sh | diff - examples/API.md; sh tests/rows.sh | diff - examples/ROWS.md; } >$bad
check 'examples/API.md and ROWS.md are up to date (make api)'
grep -oE '\<dl_[a-z0-9_]+' tests/curriculum.txt README.md examples/README.md | sed 's,.*:,,' | sort -u | while read -r f; do
    grep -qE "\<$f\>" $tmp/api.h || grep -q "\<$f(" examples/API.md || echo "$f"
done >$bad
check 'the functions that the curriculum and the READMEs name are there'
sed '1,/^#ifndef DLI_ISA/d' dl.h >$tmp/code.h
{ cat README.md bench/README.md; sed '/^#ifndef DLI_ISA/q' dl.h; } | grep -oE '\<(dli|dlv|DLI|DL)_[A-Za-z0-9_]*[A-Za-z0-9]\>' | sort -u | while read -r f; do
    grep -qE "\<$f" $tmp/code.h || echo "$f"
done >$bad
check 'what the manual and the READMEs name of the inside is there'
while IFS='|' read -r topic functions programs; do
    any=$(echo $functions | tr ' ' '|')
    for p in $programs; do grep -qE "\<(${any:-dl_create})(_with|_list)?\>" examples/$p.c || echo "$topic: no $any in examples/$p.c"; done
done <tests/curriculum.txt >$bad 2>&1
check 'a program of the curriculum is there and calls one of the functions in its row'

# --- every differentiable op has its row in test_ops.c
sed -n '/--- elementwise ops/,/--- modules/p' $tmp/api.h >$tmp/ops.h
grep '^DL_API dl_tensor ' $tmp/ops.h >$tmp/ops && functions $tmp/ops |
    grep -vxE 'dl_(argmax|argmin)' | while read -r f; do
        grep -qE "(GRADCHECK\(|OVER_AXES\(GRADCHECK, *)${f#dl_}\>" tests/test_ops.c || echo "$f"
    done >$bad
check 'every differentiable op has a GRADCHECK row in test_ops.c'
for t in $(grep -v COMPARE $tmp/tables); do grep -q "$t(" tests/test_ops.c || echo "$t"; done >$bad
check 'every differentiable table has its gradients checked'

# --- tests and examples keep to their conventions
for f in tests/test_*.c; do head -n 1 "$f" | grep -qE '^/\* build:( \+?(float|double|asan|tsan))+ \*/' || echo "$f"; done >$bad
check 'every test says how to build it'
sed -n 's/.*ROW("\([^"]*\)").*/\1/p' tests/*.c | sort -u | while read -r id; do
    grep -q "^$id " tests/curriculum.txt || echo "$id"
done >$bad
check 'rows that tests claim are in the curriculum'
for f in examples/*.c examples/*.cpp examples/*.py; do
    source=${f%.py}
    [ $source = $f ] || source=dl.h                       # from other languages: dl.h as a library
    head -n 12 "$f" | grep -qE "^#? *(cc|c\+\+|mpicc) .*$source" || echo "$f: no cc line"
    for option in help quick seed epochs threads; do grep -q -e "--$option" "$f" || echo "$f: no --$option"; done
    grep -q "$(basename "$f")" examples/README.md || echo "$f: not in examples/README.md"
done >$bad
check 'every example has its cc line, the common options, and a place in the README'

echo "check: $passed passed, $failed failed"
[ $failed = 0 ]
