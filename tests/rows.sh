#!/bin/sh
# The rows of the curriculum as tables in Markdown: tests/rows.sh >examples/ROWS.md
# tests/curriculum.txt says what a row is, which functions and which programs; ROW("ID") in a test, or "row ID" in a program,
# claims that it is checked there.
cd "$(dirname "$0")/.." || exit 1
{
    grep -o 'ROW("[A-Z]*-[0-9]*")' tests/test_*.c | sed 's,tests/\(.*\)\.c:ROW("\(.*\)"),claim \2 \1,' | sort -u
    cat tests/curriculum.txt
} | awk '
BEGIN {
    split("TEN tensors|LIN linear models, maximum likelihood|LOSS losses, information theory|ACT activations|MLP perceptrons|" \
          "AD computation graphs, backpropagation|OPT gradient descent, optimizers|INIT initial weights|PREP data preparation|" \
          "NORM normalisation|REG regularization|CONV convolution, pooling|CNN convolutional networks|DET detection, segmentation|" \
          "AUG augmentation|IMB imbalanced classes|ENS ensembles|SEL model selection|TRN training|SEQ sequences|TFM transformers|" \
          "GEN generative models|CV computer vision", part, "|")
    for (i in part) { name = part[i]; id = name; sub(/ .*/, "", id); sub(/[^ ]* /, "", name); title[id] = name }
    print "# The curriculum: where each topic is\n"
    print "Made by `make api`; `make check` sees to it that it is up to date. For every topic: its functions in `dl.h`; programs about"
    print "it, each of which calls at least one of them (the others may be at work inside it, as attention is in a Transformer); the"
    print "tests that compare numbers. Where no test is named, the program compares; where no program is named, the test is the example."
}
$1 == "claim" { old = tests[$2]; tests[$2] = old (old == "" ? "" : ", ") "`" $3 "`"; next }
{
    split($0, cell, / *\| */)
    id = $1
    sub(/^[^ ]* */, "", cell[1])
    gsub(/dl_[a-z0-9_]+/, "`&`", cell[2]); gsub(/ /, ", ", cell[2])
    n = split(cell[3], program, " ")
    programs = ""
    for (i = 1; i <= n; i++) programs = programs (i > 1 ? ", " : "") "[" program[i] "](" program[i] ".c)"
    prefix = id; sub(/-.*/, "", prefix)
    if (prefix != last) printf "\n## %s: %s\n\n| | | functions | program | tests |\n|---|---|---|---|---|\n", prefix, title[prefix]
    last = prefix
    printf "| %s | %s | %s | %s | %s |\n", id, cell[1], cell[2], programs, tests[id]
}'
