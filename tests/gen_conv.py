#!/usr/bin/env python3
"""Writes golden_conv.h: random convolutions, their values and gradients computed by PyTorch in double.

    python3 tests/gen_conv.py > tests/golden_conv.h

Inputs are hash(i, salt), see below; test_conv.c has the same.  Stored of every tensor: its weighted sum and some values.
"""
import random
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rnd = random.Random(20)
MODES = ["constant", "reflect", "replicate", "circular"]
ACTIVATIONS = [lambda y: y, torch.relu, torch.sigmoid, torch.tanh]
CONV = [F.conv1d, F.conv2d, F.conv3d]
TRANSPOSED = [F.conv_transpose1d, F.conv_transpose2d, F.conv_transpose3d]
SAMPLES = 3


def hashed(shape, salt):
    n = 1
    for s in shape:
        n *= s
    i = torch.arange(n, dtype=torch.int64)
    h = (i * 2654435761 + salt * 1013904223) % 2**32
    h = ((h >> 15) ^ h) * 2246822519 % 2**32
    return (((h >> 13) % 33 - 16).double() / 16).reshape(shape)


def choice(*values):
    return rnd.choice(values)


def config():
    """A random configuration, or None if it has no output."""
    n = choice(1, 1, 2, 2, 2, 3)
    transposed = rnd.random() < 0.35
    large = {1: 40, 2: 13, 3: 6}[n]
    size = [rnd.randint(1, large) for _ in range(n)]
    kernel = [rnd.randint(1, choice(2, 3, 3, 5, 7)) for _ in range(n)]
    if rnd.random() < 0.5:
        kernel = [kernel[0]] * n
    one = rnd.random() < 0.5
    stride = [choice(1, 1, 1, 2, 3, 4) for _ in range(n)]
    dilation = [choice(1, 1, 1, 2, 3) for _ in range(n)]
    if one:
        stride, dilation = [stride[0]] * n, [dilation[0]] * n
    before = [rnd.randint(0, 4) if rnd.random() < 0.6 else 0 for _ in range(n)]
    after = list(before) if rnd.random() < 0.7 else [rnd.randint(0, 3) for _ in range(n)]
    mode = 0 if transposed or rnd.random() < 0.7 else rnd.randint(1, 3)
    same = not transposed and rnd.random() < 0.12
    extra = [0] * n
    if same:
        stride = [1] * n
        before = [d * (k - 1) // 2 for d, k in zip(dilation, kernel)]
        after = [d * (k - 1) - b for d, k, b in zip(dilation, kernel, before)]
    if transposed and rnd.random() < 0.5:
        extra = [rnd.randint(0, max(s, d) - 1) for s, d in zip(stride, dilation)]
    kind = rnd.random()
    if kind < 0.5:
        groups, cin, cout = 1, choice(1, 2, 3, 5, 8, 17), choice(1, 2, 4, 7, 16, 33)
    elif kind < 0.75:
        groups = choice(2, 3, 4)
        cin, cout = groups * rnd.randint(1, 4), groups * rnd.randint(1, 5)
    else:                                                  # depthwise, with a multiplier
        groups = rnd.randint(2, 9)
        cin, cout = groups, groups * choice(1, 1, 2, 3)
        if transposed:
            cin, cout = cout, cin
    if rnd.random() < 0.04:                                # long sums: more than one block of 256
        groups, cin, cout, kernel = 1, 61, 5, [min(k, 3) for k in kernel]
        before = [min(b, 3) for b in before]
        after = [min(b, 3) for b in after]
        if same:
            before = [d * (k - 1) // 2 for d, k in zip(dilation, kernel)]
            after = [d * (k - 1) - b for d, k, b in zip(dilation, kernel, before)]
    if mode == 1 and any(p >= s for p, s in zip(before + after, size + size)):
        return None
    if mode == 3 and any(p > s for p, s in zip(before + after, size + size)):
        return None
    for s, k, t, d, b, a, e in zip(size, kernel, stride, dilation, before, after, extra):
        if transposed and (s - 1) * t - b - a + d * (k - 1) + e + 1 < 1:
            return None
        if not transposed and s + b + a < d * (k - 1) + 1:
            return None
    return dict(n=n, transposed=transposed, batch=choice(0, 1, 2, 2, 3, 5), cin=cin, cout=cout, groups=groups, size=size,
                kernel=kernel, stride=stride, before=before, after=after, dilation=dilation, extra=extra, mode=mode, same=same,
                bias=rnd.random() < 0.6, activation=choice(0, 0, 0, 1, 2, 3))


def run(g):
    n, pads = g["n"], []
    for b, a in zip(reversed(g["before"]), reversed(g["after"])):
        pads += [b, a]
    x = hashed(([g["batch"]] if g["batch"] else []) + [g["cin"]] + g["size"], 1).requires_grad_()
    io = (g["cin"], g["cout"] // g["groups"]) if g["transposed"] else (g["cout"], g["cin"] // g["groups"])
    w = hashed(list(io) + g["kernel"], 2).requires_grad_()
    b = hashed([g["cout"]], 3).requires_grad_() if g["bias"] else None
    if g["transposed"]:
        y = TRANSPOSED[n - 1](x, w, b, g["stride"], 0, g["extra"], g["groups"], g["dilation"])
        for i in range(n):
            d = y.ndim - n + i
            y = y.narrow(d, g["before"][i], y.shape[d] - g["before"][i] - g["after"][i])
    else:
        # circular and the others want exactly n spatial axes padded: add the batch that an unbatched input lacks
        p = F.pad(x if g["batch"] else x[None], pads, MODES[g["mode"]])
        y = CONV[n - 1](p if g["batch"] else p[0], w, b, g["stride"], 0, g["dilation"], g["groups"])
    y = ACTIVATIONS[g["activation"]](y)
    y.backward(hashed(list(y.shape), 4))
    return [y.detach(), x.grad, w.grad] + ([b.grad] if g["bias"] else [])


def numbers(values):
    return ", ".join("%.13g" % v for v in values)


def ints(values):
    return "{" + ", ".join(str(v) for v in values) + "}"


print("/* Random convolutions, made by gen_conv.py with PyTorch %s in double: do not edit. */" % torch.__version__.split("+")[0])
print("static const golden_conv golden_convs[] = {")
made = seen = 0
while made < 400:
    g = config()
    if g is None:
        continue
    result = run(g)
    if result[0].numel() > 30000:
        continue
    made += 1
    three = lambda k: ints(g[k])
    values = []
    for t in result:
        f = t.reshape(-1)
        r = hashed([f.numel()], 5)
        values.append("{%s}" % numbers([float((f * r).sum())] + [float(f[i * (f.numel() - 1) // SAMPLES]) for i in range(1, SAMPLES + 1)]))
    print("    {%d, %d, %d, %d, %d, %d, %s, %s, %s, %s, %s, %s, %s, %d, %d, %d, %d, %s,\n     {%s}}," % (
        g["n"], g["transposed"], g["batch"], g["cin"], g["cout"], g["groups"], three("size"), three("kernel"), three("stride"),
        three("before"), three("after"), three("dilation"), three("extra"), g["mode"], g["same"], g["bias"], g["activation"],
        ints(result[0].shape), ", ".join(values)))
print("};")
