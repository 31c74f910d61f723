#!/usr/bin/env python3
"""Writes golden_recurrent.h: outputs, last states and all gradients of random recurrent layers and cells, by PyTorch in double.

    python3 tests/gen_recurrent.py > tests/golden_recurrent.h

A configuration is drawn at random; both sides fill inputs and parameters by value().  The loss is the sum of the output, h_n and
c_n, each times value(i, 50 + which); of each result and gradient digest() is written: two sums, parameters all together.
"""
import random
import torch
import torch.nn as nn

torch.set_default_dtype(torch.float64)
random.seed(7)
KINDS = ["RNN_TANH", "RNN_RELU", "LSTM", "GRU"]


def value(i, k):
    return ((37 * i + 11 * k + i * i % 23) % 61 - 30) / 61


def tensor(k, shape):
    n = 1
    for d in shape:
        n *= d
    return torch.tensor([value(i, k) for i in range(n)]).reshape(shape)


def digest(t, s=None):
    s = s or [0, 0]
    for i, v in enumerate([] if t is None else t.detach().reshape(-1).tolist()):
        s[0] += v * value(i, 3)
        s[1] += abs(v)
    return s


def configuration(number):
    r = random.randrange
    o = dict(kind=number % 4, cell=0, T=r(1, 9), N=r(1, 6), I=r(1, 8), H=r(1, 12), layers=1, both=0, batch_first=r(2), bias=r(4) > 0, proj=0,
             states=r(2), unbatched=0, lengths=r(2))
    if number % 3 == 1: o["layers"] = r(2, 4)
    if number % 5 < 2: o["both"] = 1
    if o["kind"] == 2 and number % 8 == 2 and o["H"] > 1: o["proj"] = r(1, o["H"])
    if number % 11 == 5: o.update(unbatched=1, N=1, lengths=0)
    if number % 10 >= 8: o.update(cell=1, layers=1, both=0, proj=0, lengths=0, batch_first=0)
    if number >= 64: o["H"] = r(17, 70)                              # several vectors and an end
    if number >= 68: o.update(T=r(4, 7), N=r(1, 4), I=r(1, 300), H=r(257, 300), layers=1, both=0)        # several blocks of the product
    if o["proj"]: o["proj"] = min(o["proj"], o["H"] - 1)
    o["length"] = [r(1, o["T"] + 1) for _ in range(o["N"])]
    return o


def run(o):
    kind, T, N, I, H, D = KINDS[o["kind"]], o["T"], o["N"], o["I"], o["H"], 1 + o["both"]
    P = o["proj"] or H
    options = dict(bias=bool(o["bias"]))
    if kind[:3] == "RNN": options["nonlinearity"] = kind[4:].lower()
    name = {"RNN_TANH": "RNN", "RNN_RELU": "RNN"}.get(kind, kind)
    if o["cell"]:
        m = getattr(nn, name + "Cell")(I, H, **options)
    else:
        if kind == "LSTM": options["proj_size"] = o["proj"]
        m = getattr(nn, name)(I, H, num_layers=o["layers"], batch_first=bool(o["batch_first"]), bidirectional=bool(o["both"]), **options)
    for k, p in enumerate(m.parameters()):
        p.data.copy_(tensor(10 + k, p.shape) * (0.9 if H < 17 else 0.3))
    batch = [] if o["unbatched"] else [N]
    shape = [T, I] if o["unbatched"] else [N, T, I] if o["batch_first"] else [T, N, I]
    x = tensor(0, shape).requires_grad_()
    front = [] if o["cell"] else [o["layers"] * D]
    h0 = tensor(1, front + batch + [P]).requires_grad_() if o["states"] else None
    c0 = tensor(2, front + batch + [H]).requires_grad_() if o["states"] and kind == "LSTM" else None
    state = (h0, c0) if c0 is not None else h0
    if o["cell"]:
        rows = []
        for t in range(T):
            state = m(x[t], state)
            rows.append(state[0] if kind == "LSTM" else state)
        y, h, c = torch.stack(rows), rows[-1], state[1] if kind == "LSTM" else None
    else:
        if o["lengths"]:
            packed = nn.utils.rnn.pack_padded_sequence(x, torch.tensor(o["length"]), batch_first=bool(o["batch_first"]), enforce_sorted=False)
            y, state = m(packed, state)
            y, _ = nn.utils.rnn.pad_packed_sequence(y, batch_first=bool(o["batch_first"]), total_length=T)
        else:
            y, state = m(x, state)
        h, c = state if kind == "LSTM" else (state, None)
    results = [t for t in (y, h, c) if t is not None]
    sum((t * tensor(50 + k, t.shape)).sum() for k, t in enumerate(results)).backward()
    numbers = []
    for t in results: numbers += digest(t)
    for t in (x, h0, c0):
        if t is not None: numbers += digest(t.grad)
    s = [0, 0]
    for p in m.parameters(): s = digest(p.grad, s)
    return numbers + s, sum(p.numel() for p in m.parameters())


print("/* Made by tests/gen_recurrent.py with PyTorch %s in double: do not edit. */" % torch.__version__.split("+")[0])
print("static const configuration configurations[] = {")
print("    /* kind, cell, T, N, I, H, layers, both, batch_first, bias, proj, states, unbatched, lengths, parameters, length */")
golden = []
for number in range(72):
    o = configuration(number)
    numbers, parameters = run(o)
    golden.append(numbers)
    print("    {DL_%s, %s, %d, {%s}}," % (KINDS[o["kind"]], ", ".join(str(int(o[k])) for k in
          "cell T N I H layers both batch_first bias proj states unbatched lengths".split()), parameters, ", ".join(map(str, o["length"]))))
print("};\nstatic const double golden[] = {")
for numbers in golden:
    print("    " + ", ".join("%.11g" % v for v in numbers) + ",")
print("    0};")
