#!/bin/sh
# Every public function of dl.h as a table in Markdown, in the order of the header: tests/api.sh >examples/API.md
# It reads the part up to #endif DL_H: banners, prototypes with the comment beside them, options, tables of ops.
cd "$(dirname "$0")/.." || exit 1
sed '/^#endif.*DL_H/q' "${1:-dl.h}" | awk '
function trim(s) { gsub(/[ \t]+/, " ", s); sub(/^ /, "", s); sub(/ $/, "", s); return s }
function cell(s) { s = trim(s); gsub(/\|/, "\\|", s); gsub(/</, "\\&lt;", s); gsub(/\*/, "\\*", s); gsub(/_/, "\\_", s); return s }
function row(code, note) {
    if (group != "") printf "\n## %s\n\n| | |\n|---|---|\n", group
    group = ""
    printf "| `%s` | %s |\n", code, note
    count++
}
# "{ int a, *b; double c[2]; int end_; }" -> ".a .b .c"
function members(body,   n, m, i, k, part, names, word, list) {
    sub(/^[^{]*\{/, "", body)
    n = split(body, part, ";")
    for (i = 1; i <= n; i++) {
        if (match(part[i], /\(\*[a-z_]+\)/)) { list = list " ." substr(part[i], RSTART + 2, RLENGTH - 3); continue }
        m = split(part[i], names, ",")
        for (k = 1; k <= m; k++) {
            gsub(/\[[^\]]*\]/, "", names[k])
            word = trim(names[k])
            sub(/.*[ *]/, "", word)
            if (word ~ /^[A-Za-z]/ && word != "end_") list = list " ." word
        }
    }
    return substr(list, 2)
}
/^\/\* --- / {
    group = $0
    sub(/^\/\* --- */, "", group); sub(/ *-+ *(\*\/)?$/, "", group)
}
# options: one typedef may have several names, and one may be another name for an earlier one
/^typedef struct/ && !/\{/ { next }
/^typedef struct.*\{/ { body = ""; collecting = 1 }
collecting {
    line = $0
    gsub(/\/\*[^*]*\*\//, "", line); sub(/\/\*.*/, "", line)
    if (comment) { if (!sub(/^.*\*\//, "", line)) line = ""; else comment = 0 }
    if ($0 ~ /\/\*/ && $0 !~ /\*\//) comment = 1
    body = body " " line
    if (body ~ /\}[^{};]*;[ ]*$/) {
        collecting = comment = 0
        names = body
        sub(/.*\}/, "", names)
        sub(/\}[^}]*$/, "", body)
        n = split(names, alias, /[ ,;]+/)
        for (i = 1; i <= n; i++) if (alias[i] != "") options[alias[i]] = members(body)
    }
    next
}
/^typedef dl_[a-z0-9_]+_opts / { body = ""; renaming = 1 }
renaming {
    body = body " " $0
    if ($0 !~ /;/) next
    renaming = 0
    sub(/;.*/, "", body)
    n = split(trim(body), alias, /[ ,]+/)
    for (i = 3; i <= n; i++) options[alias[i]] = options[alias[2]]
}
# tables of ops
/^#define DL_[A-Z_]+\((OP|M)\)/ {
    table = $2
    arguments = "dl_tensor *a, dl_tensor *b"
    if (table ~ /^DL_UNARY/)  arguments = "dl_tensor *x"
    if (table ~ /SCALAR/)     arguments = arguments ", dl_real p"
    if (table ~ /RANGE/)      arguments = arguments ", dl_real p, dl_real q"
    if (table ~ /TERNARY/)    arguments = "dl_tensor *m, " arguments
}
table != "" {
    line = $0
    while (match(line, /(OP|M)\([a-z0-9_]+, */)) {
        what = substr(line, RSTART, RLENGTH)
        line = substr(line, RSTART + RLENGTH)
        name = what
        sub(/^[A-Z]+\(/, "", name); sub(/,.*/, "", name)
        if (what ~ /^M/) {
            if (match(line, /^\([^)]*\)/)) row("dl_module *dl_nn_" name substr(line, 1, RLENGTH), "")
            continue
        }
        depth = 0
        for (i = 1; i <= length(line); i++) {
            ch = substr(line, i, 1)
            if (ch == "(") depth++
            if (ch == ")" && depth-- == 0 || ch == "," && !depth) break
        }
        formula = substr(line, 1, i - 1)
        gsub(/dli_/, "", formula)
        row("dl_tensor *dl_" name "(dl_ctx *c, " arguments ")", formula ~ /DLI_C/ ? "" : cell(formula))
    }
    if ($0 !~ /\\$/) table = ""
    next
}
# prototypes, which may go over several lines; a comment behind it, which may do so, too, describes it
/^DL_API / { text = ""; prototype = 1 }
prototype {
    text = text " " $0
    if (text !~ /;/ || (text ~ /\/\*/ && text !~ /\*\//)) next
    prototype = 0
    note = text
    sub(/;.*/, "", text)
    if (!sub(/^[^;]*; *\/\* */, "", note)) note = ""
    sub(/ *\*\/ *$/, "", note)
    text = trim(text)
    sub(/^DL_API /, "", text)
    gsub(/ *\* */, " *", text); gsub(/\* \*/, "**", text); gsub(/\( \*/, "(*", text)
    if (match(text, /dl_[a-z0-9_]+_opts [a-z]+\)$/)) {
        o = substr(text, RSTART, RLENGTH)
        sub(/ .*/, "", o)
        text = substr(text, 1, RSTART - 1) "...)"
        sub(/_with\(/, "(", text)
        note = cell(note) (note == "" ? "" : "; ") "options: " (options[o] == "" ? "none" : "`" options[o] "`")
        row(text, note)
    } else {
        if (sub(/dl_[a-z_]+_list list\)$/, "...)", text)) sub(/_list\(/, "(", text)
        row(text, cell(note))
    }
}
BEGIN {
    print "# Every public function\n"
    print "Made from `dl.h` by `make api`; `make check` sees to it that it is up to date. Formulas, shapes and defaults stand above each"
    print "prototype in the header. `...` stands for options by name, `.option = value`; without them the call ends before it."
}
END { printf "\n%d functions.\n", count }'
