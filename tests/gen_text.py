#!/usr/bin/env python3
"""Writes golden_text.h: embeddings and positions by PyTorch in double; byte pairs by a direct Python version of the published
algorithms (Sennrich et al. 2016; Radford et al. 2019), which knows nothing of dl.h.

    python3 tests/gen_text.py > tests/golden_text.h
    python3 tests/gen_text.py classes                     the tables of letters and numbers in dl.h
"""
import sys
import unicodedata


# --- Unicode classes, see >>text ---------------------------------------------------------------------------------------
def runs(kind):
    """Lengths of the runs of code points without and with the property, in turn."""
    lengths, inside, start = [], False, 0
    for code in range(0x110000):
        if (unicodedata.category(chr(code))[0] == kind) != inside:
            lengths.append(code - start)
            start, inside = code, not inside
    return lengths


def base26(v):
    digits = chr(97 + v % 26)
    while v >= 26:
        v //= 26
        digits = chr(65 + v % 26) + digits
    return digits


if sys.argv[1:] == ["classes"]:
    for kind, name in (("L", "letters"), ("N", "numbers")):
        s = "".join(map(base26, runs(kind)))
        lines = [s[i:i + 112] for i in range(0, len(s), 112)]
        print("static const char dli_%s[] =\n    %s;" % (name, "\n    ".join('"%s"' % line for line in lines)))
    sys.exit()

import torch
import torch.nn.functional as F
from gen_cases import case, write


# --- embedding ---------------------------------------------------------------------------------------------------------
W = "r6x5"
for inputs in (W + " i6:4", W + " i6:2x3=0,1,5,5,2,0", W + " i6:", "r3x1 i3:7", "r2x40 i2:3"):
    case("dl_embedding(c, x[0], x[1])", lambda w, i: F.embedding(i, w), inputs)
IDS = W + " i6:2x4=0,3,3,5,0,3,1,0"
case("dl_embedding(c, x[0], x[1], .padding_idx = 3)", lambda w, i: F.embedding(i, w, padding_idx=3), IDS)
case("dl_embedding(c, x[0], x[1], .padding_idx = DL_ZERO)", lambda w, i: F.embedding(i, w, padding_idx=0), IDS)
case("dl_embedding(c, x[0], x[1], .padding_idx = -1)", lambda w, i: F.embedding(i, w, padding_idx=-1), IDS)
case("dl_embedding(c, x[0], x[1], .scale_grad_by_freq = 1)", lambda w, i: F.embedding(i, w, scale_grad_by_freq=True), IDS)
case("dl_embedding(c, x[0], x[1], .max_norm = 2)", lambda w, i: F.embedding(i, w, max_norm=2.0), IDS)
case("dl_embedding(c, x[0], x[1], .max_norm = 3, .norm_type = 1)", lambda w, i: F.embedding(i, w, max_norm=3.0, norm_type=1.0), IDS)

BAGS = {"": {}, ".mode = DL_BAG_SUM": {"mode": "sum"}, ".mode = DL_BAG_MAX": {"mode": "max"}}
MORE = {"": {}, ".padding_idx = 3": {"padding_idx": 3}, ".max_norm = 2": {"max_norm": 2.0}, ".scale_grad_by_freq = 1": {"scale_grad_by_freq": True}}
for mode, mode_kw in BAGS.items():
    for more, more_kw in MORE.items():
        if "max" in mode_kw.values() and "freq" in more:
            continue
        options = "".join(", " + o for o in (mode, more) if o)
        kw = dict(mode_kw, **more_kw)
        case("dl_embedding_bag(c, x[0], x[1]%s)" % options, lambda w, i, kw=kw: F.embedding_bag(i, w, **kw), IDS)
        case("dl_embedding_bag(c, x[0], x[1], .offsets = x[2]%s)" % options,
             lambda w, i, o, kw=kw: F.embedding_bag(i, w, o, **kw), W + " i6:8=0,3,3,5,3,2,1,0 i8:4=0,4,4,5")
case("dl_embedding_bag(c, x[0], x[1], .mode = DL_BAG_SUM, .per_sample_weights = x[2])",
     lambda w, i, f: F.embedding_bag(i, w, per_sample_weights=f, mode="sum"), IDS + " r2x4")
case("dl_embedding_bag(c, x[0], x[1], .mode = DL_BAG_SUM, .offsets = x[2], .per_sample_weights = x[3], .padding_idx = 3)",
     lambda w, i, o, f: F.embedding_bag(i, w, o, per_sample_weights=f, mode="sum", padding_idx=3),
     W + " i6:8=0,3,3,5,3,2,1,0 i8:4=0,4,4,5 r8")


# --- positions ---------------------------------------------------------------------------------------------------------
def encoding(T, d, offset=0, base=10000.0):
    p = torch.arange(offset, offset + T).double()
    rate = base ** (-torch.arange(0, d, 2).double() / d)
    y = torch.empty(T, d)
    y[:, 0::2], y[:, 1::2] = torch.sin(p[:, None] * rate), torch.cos(p[:, None] * rate)
    return y


def rope(x, heads=1, offset=0, base=10000.0, interleaved=False):
    """The rotation by complex numbers, Su et al. 2021; halves: LLaMA's rotate_half."""
    T, d = x.shape[-2], x.shape[-1] // heads
    rate = base ** (-torch.arange(0, d, 2).double() / d)
    angle = torch.arange(offset, offset + T).double()[:, None, None] * rate
    z = x.reshape(x.shape[:-1] + (heads, d))
    if interleaved:
        z = torch.view_as_complex(z.reshape(z.shape[:-1] + (d // 2, 2)).contiguous())
        return torch.view_as_real(z * torch.polar(torch.ones_like(angle), angle)).reshape(x.shape)
    cos, sin = torch.cat((angle.cos(),) * 2, -1), torch.cat((angle.sin(),) * 2, -1)
    turned = torch.cat((-z[..., d // 2:], z[..., :d // 2]), -1)
    return (z * cos + turned * sin).reshape(x.shape)


for T, d, text, kw in ((7, 8, "", {}), (3, 4, ", .offset = 4000", {"offset": 4000}), (4, 64, ", .base = 500000, .offset = 100", {"base": 5e5, "offset": 100})):
    case("dl_add(c, x[0], dl_positional_encoding(c, %d, %d%s))" % (T, d, text), lambda x, T=T, d=d, kw=kw: x + encoding(T, d, **kw), "r%dx%d" % (T, d))
for inputs, text, kw in (("r5x8", "", {}), ("r2x3x4x6", "", {}), ("r2x4x12", ".heads = 3", {"heads": 3}),
                         ("r2x4x12", ".heads = 3, .interleaved = 1", {"heads": 3, "interleaved": True}),
                         ("r3x16", ".offset = 5000, .base = 500000", {"offset": 5000, "base": 5e5}), ("r1x2", ".interleaved = 1", {"interleaved": True})):
    case("dl_rope(c, x[0]%s)" % (text and ", " + text), lambda x, kw=kw: rope(x, **kw), inputs)

write("gen_text.py", "embeddings and positions")


# --- byte pairs --------------------------------------------------------------------------------------------------------
def kind(ch):
    if ord(ch) in (9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, 0x2028, 0x2029, 0x202F, 0x205F, 0x3000) or 0x2000 <= ord(ch) <= 0x200A:
        return " "
    c = unicodedata.category(ch)[0]
    return c if c in "LN" else "."


def pieces(text):
    """GPT-2's pattern, alternative by alternative."""
    out, i = [], 0
    while i < len(text):
        end = None
        for s in ("'s", "'t", "'re", "'ve", "'m", "'ll", "'d"):
            if end is None and text.startswith(s, i):
                end = i + len(s)
        for k in "LN.":
            j = i + (text[i] == " ")
            if end is None and j < len(text) and kind(text[j]) == k:
                while j < len(text) and kind(text[j]) == k:
                    j += 1
                end = j
        if end is None:
            j = i
            while j < len(text) and kind(text[j]) == " ":
                j += 1
            end = j - 1 if j < len(text) and j - i > 1 else j                     # \s+(?!\S)|\s+
        out.append(text[i:end])
        i = end
    return out


def join(word, pair, new):
    out, i = [], 0
    while i < len(word):
        both = i + 1 < len(word) and (word[i], word[i + 1]) == pair
        out.append(new if both else word[i])
        i += 2 if both else 1
    return out


def train(text, size):
    words = [list(p.encode()) for p in pieces(text)]
    tokens, merges = [bytes([i]) for i in range(256)], []
    while len(tokens) < size:
        count = {}
        for w in words:
            for pair in zip(w, w[1:]):
                count[pair] = count.get(pair, 0) + 1
        count = {p: n for p, n in count.items() if n > 1}
        if not count:
            break
        pair = min(count, key=lambda p: (-count[p], p))
        joint = tokens[pair[0]] + tokens[pair[1]]
        if joint not in tokens:
            tokens.append(joint)
        merges.append(pair)
        words = [join(w, pair, tokens.index(joint)) for w in words]
    return tokens, merges


def encode(text, tokens, merges):
    ids, rank = [], {p: i for i, p in enumerate(merges)}
    for p in pieces(text):
        word = list(p.encode())
        while len(word) > 1:
            best = min(zip(word, word[1:]), key=lambda q: rank.get(q, len(merges)))
            if best not in rank:
                break
            word = join(word, best, tokens.index(tokens[best[0]] + tokens[best[1]]))
        ids += word
    return ids


def c_string(text):
    out = ""
    for b in text.encode():
        out += chr(b) if 32 <= b < 127 and chr(b) not in '"\\?' else "\\%03o" % b
    lines, line = [], ""
    while out:
        n = 100
        while n < len(out) and "\\" in out[n - 3:n]:
            n -= 1
        lines.append('    "%s"' % out[:n])
        out = out[n:]
    return "\n".join(lines)


def c_ints(name, v):
    print("static const int %s[] = {" % name)
    for i in range(0, len(v), 24):
        print("    " + ", ".join(map(str, v[i:i + 24])) + ",")
    print("    -1};")


TRAIN = ("It's the same with all of us: we'd rather, they'll say, that the others weren't there; and there they're, the others.\n"
         "  The thing that the others thought, then, is that there's nothing there.   There is nothing there, they thought.\n\n\n"
         "aaaa aaaaaaaa aaaaaaaaaaa 1999 2000 2001 2002 20020 abcabc abcbc bcabc abc bc\t\tbc ,,,, ;;,, ;;\n"
         "Der B\u00e4r und die B\u00e4ren; o\u00f9 est-il? \u0422\u0430\u043c, \u0442\u0430\u043c \u0431\u044b\u043b \u043e\u043d. \u4f60\u597d, \u4f60\u597d\u5417? na\u00efve caf\u00e9, Z\u00fcrich \u00bd \u00b2\u00b3 \u0663\u0664 \u0e52\u0e53 \u201cquoted\u201d \u2014 dash\u00a0\u2003x \U0001f44d\U0001f3fd\U0001f44d\n")
TEXT = ("There'll be others, they'd thought: \"there's nothing\"... 2002 caf\u00e9s o\u00f9 l'on dort ,,  \n\n x'S 'twas abcabcabcbc aaaaaaaaaaaaa \u0411\u00e4r"
        " \u0442\u0430\u043c \u0442\u0430\u043c\u0442\u0430\u043c \u4f60\u597d\u4f60\u597d, \u0663\u0664\u0665 \u0e52 \u00bd\u00bd\u2003\u2003y\u00a0\U0001f44d\U0001f3fd've\u0085\u3000 \n")
TOKENS, MERGES = train(TRAIN, 256 + 140)
print("static const char bpe_train[] =\n%s;" % c_string(TRAIN))
print("static const char bpe_text[] =\n%s;" % c_string(TEXT))
c_ints("bpe_merges", [v for pair in MERGES for v in pair])
c_ints("bpe_ids", encode(TEXT, TOKENS, MERGES))
c_ints("bpe_pieces", [len(p.encode()) for p in pieces(TEXT)])
