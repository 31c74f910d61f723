#!/usr/bin/env python3
"""Writes golden_attention.h: attention in all its forms, values and gradients, computed by PyTorch in double.

    python3 tests/gen_attention.py > tests/golden_attention.h
"""
import random
import torch
import torch.nn.functional as F
from gen_cases import case, make, number, sums, write

rng = random.Random(6)


def sdpa(q, k, v, mask=None, lengths=None, causal=False, scale=None, alibi=None):
    """scaled_dot_product_attention on (N, H, T, D); queries that see nothing give zeros, where PyTorch gives NaN."""
    (N, H, T, _), S = q.shape, k.shape[2]
    bias, seen = torch.zeros(N, H, T, S), torch.ones(N, H, T, S, dtype=torch.bool)
    t, s = torch.arange(T)[:, None] + S - T, torch.arange(S)[None]
    if mask is not None and mask.is_floating_point():
        bias = bias + mask
    elif mask is not None:
        seen = seen & (mask != 0)
    if lengths is not None:
        seen = seen & (s < lengths[:, None, None, None])
    if causal:
        seen = seen & (s <= t)
    if alibi is not None:
        bias = bias - alibi[:, None, None] * (t - s).abs()
    some = seen.any(-1, keepdim=True)
    bias = bias.masked_fill(~seen & some, float("-inf"))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=scale, enable_gqa=True) * some


def heads(x, H):
    return x.unflatten(-1, (H, -1)).transpose(1, 2)


def text(**o):
    return "".join(", .%s = %s" % (k, v) for k, v in o.items() if v)


# --- (N, H, T, D) and heads side by side, in three tensors, two or one; every option by chance
for i in range(80):
    N, G, group, T = rng.randint(1, 2), rng.randint(1, 2), rng.choice([1, 1, 2, 3]), rng.choice([1, 1, 2, 5, 7, 17])
    H, S, D = G * group, rng.choice([T, T, T + 3, 2, 19]), rng.choice([1, 2, 3, 4, 17 if T < 4 else 5])
    if i in (15, 32, 49, 66):
        N, G, H, T, S, D = 1, 1, 1, rng.choice([65, 70]), rng.choice([130, 135]), 2          # several tiles
    E = rng.choice([D, D, 5])
    form = i % 4
    if form == 2:
        E = D
    if form == 3:
        E, S = D, T
    shapes = [["r%dx%dx%dx%d" % (N, H, T, D), "r%dx%dx%dx%d" % (N, G, S, D), "r%dx%dx%dx%d" % (N, G, S, E)],
              ["r%dx%dx%d" % (N, T, H * D), "r%dx%dx%d" % (N, S, G * D), "r%dx%dx%d" % (N, S, G * E)],
              ["r%dx%dx%d" % (N, T, H * D), "r%dx%dx%d" % (N, S, 2 * G * D)], ["r%dx%dx%d" % (N, T, (H + 2 * G) * D)]][form]
    o, kw, room = {}, {}, 4 - len(shapes)
    if form:
        o["heads"] = H
        o["kv_heads"] = G if form > 1 and G != H else 0
    if rng.random() < 0.4:
        o["causal"], kw["causal"] = 1, True
    if D == 17:                                                 # 1 / sqrt(17) would make weights of 0 and 1
        o["scale"], kw["scale"] = "(dl_real)0.05", 0.05
    elif rng.random() < 0.3:
        o["scale"], kw["scale"] = "(dl_real)0.7", 0.7
    for extra in rng.sample(["mask", "mask", "int", "lengths", "alibi"], 5):
        name = "mask" if extra == "int" else extra
        if room == 0 or name in o or rng.random() < 0.3:
            continue
        room -= 1
        full = [rng.choice([1, n]) for n in (N, H, T, S)]
        shape = "x".join(map(str, full[rng.choice([0, 0, 1, 2]):]))
        word = {"mask": ("R" if full[3] == 1 else rng.choice("rR")) + shape,              # the same for all keys: no gradient
                "int": "i3:" + shape, "alibi": "P%d" % H,
                "lengths": "i:%d=" % N + ",".join(str(rng.randint(0, S)) for _ in range(N))}[extra]
        o[name], kw[name] = "x[%d]" % len(shapes), len(shapes)
        shapes.append(word)

    def run(*x, form=form, H=H, G=G, D=D, kw=dict(kw)):
        kw = {k: x[v] if k in ("mask", "lengths", "alibi") else v for k, v in kw.items()}
        if form == 0:
            return sdpa(*x[:3], **kw)
        if form == 1:
            parts = x[:3]
        else:
            parts = (x[0],) + x[1].split(G * D, -1) if form == 2 else x[0].split([H * D, G * D, G * D], -1)
        q, k, v = parts
        return sdpa(heads(q, H), heads(k, G), heads(v, G), **kw).transpose(1, 2).flatten(2)
    call = ["x[0], x[1], x[2]", "x[0], x[1], x[2]", "x[0], x[1], NULL", "x[0], NULL, NULL"][form]
    case("dl_attention(c, %s%s)" % (call, text(**o)), run, " ".join(shapes))


# --- attention of a decoder
def seen(lengths, S):
    return (torch.arange(S)[None] < lengths[:, None])[:, None]


def average(z, values, lengths):
    if lengths is None:
        return z.softmax(-1) @ values
    m = seen(lengths, z.shape[2])
    return (z.masked_fill(~m, -1e30).softmax(-1) * m) @ values


def additive(q, r, v, W=None, values=None, lengths=None):
    p = q if W is None else q @ W.T
    return average(torch.tanh(p[:, :, None] + r[:, None]) @ v, values if values is not None else r, lengths)


case("dl_attention_additive(c, x[0], x[1], W34(c), U35(c), x[2])",
     lambda q, k, v: average(torch.tanh((q @ make("r3x4", 3).detach().T)[:, :, None] + (k @ make("r3x5", 4).detach().T)[:, None]) @ v, k, None),
     "r2x3x4 r2x6x5 r3")
case("dl_attention_additive(c, x[0], x[1], x[2], NULL, x[3])", lambda q, r, W, v: additive(q, r, v, W), "r2x3x4 r2x6x5 r5x4 r5")
case("dl_attention_additive(c, x[0], x[1], W34(c), NULL, x[2], .lengths = x[3])",
     lambda q, r, v, l: additive(q, r, v, make("r3x4", 3).detach(), lengths=l), "r3x2x4 r3x6x3 r3 i:3=6,0,4")
case("dl_attention_additive(c, x[0], x[1], W34(c), NULL, x[2], .values = x[3])",
     lambda q, r, v, x: additive(q, r, v, make("r3x4", 3).detach(), x), "r1x1x4 r1x17x3 r3 r1x17x7")
case("dl_attention_multiplicative(c, x[0], x[1])", lambda q, k: average(q @ k.mT, k, None), "r2x3x4 r2x6x4")
case("dl_attention_multiplicative(c, x[0], x[1], .W = x[2])", lambda q, k, W: average(q @ W @ k.mT, k, None), "r2x3x4 r2x6x5 r4x5")
case("dl_attention_multiplicative(c, x[0], x[1], .values = x[2], .lengths = x[3])", lambda q, k, v, l: average(q @ k.mT, v, l),
     "r3x2x4 r3x6x4 r3x6x7 i:3=0,6,1")
write("gen_attention.py", "attention")


# --- nn.MultiheadAttention: sums of y, of the averaged weights, of the gradients of query, key, value and the parameters
def fill(t, k):
    with torch.no_grad():
        t.copy_(torch.tensor([(number(k, i) - 31.5) / 64 for i in range(t.numel())]).reshape(t.shape))


print("static const struct { int N, T, S, E, H, bias, kind, causal, padded; double want[30]; } golden_mha[] = {")
for N, T, S, E, H, bias, kind, causal, padded in [(2, 5, 5, 8, 2, 1, 1, 0, 0), (1, 7, 7, 12, 4, 1, 1, 1, 0), (2, 3, 3, 6, 3, 0, 1, 0, 1),
                                                  (2, 4, 6, 8, 4, 1, 2, 0, 1), (1, 3, 5, 4, 2, 0, 2, 1, 0), (2, 4, 6, 8, 2, 1, 3, 0, 0)]:
    m = torch.nn.MultiheadAttention(E, H, bias=bool(bias), batch_first=True)
    for k, p in enumerate(m.parameters()):
        fill(p, k)
    xs = [make("r%dx%dx%d" % (N, n, E), k) for k, n in enumerate((T, S, S))][:kind]
    q, key, value = (xs + xs[-1:] * 2)[:3]
    pad = torch.arange(S)[None] >= torch.tensor([S - n for n in range(N)])[:, None] if padded else None
    mask = torch.ones(T, S).triu(S - T + 1).bool() if causal else None
    y, w = m(q, key, value, key_padding_mask=pad, attn_mask=mask)
    (y.reshape(-1) * torch.tensor([((37 * i + 11) % 64 - 31.5) / 32 for i in range(y.numel())])).sum().backward()
    data = sums(y) + sums(w)
    for t in xs + list(m.parameters()):
        data += sums(t.grad)
    print("    {%d, %d, %d, %d, %d, %d, %d, %d, %d, {%s}}," % (N, T, S, E, H, bias, kind, causal, padded, ", ".join("%.11g" % d for d in data)))
print("};")
