#!/usr/bin/env python3
"""Writes golden_activations.h: values and gradients of the activations, computed by PyTorch in double.

    python3 tests/gen_activations.py > tests/golden_activations.h

Every case takes x of test_activations.c, as (2, 8); the gradient is that of sum_i r_i y_i, r_i = ((37 i + 11) mod 64 - 31.5) / 32.
Kinks are among the inputs: the gradient there is PyTorch's.
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
X = [-30, -8, -4.5, -3, -1, -0.5, -0.25, 0, 0.25, 0.5, 1, 2, 3, 6, 7.5, 25]
SLOPES = torch.tensor([0.25, -0.5, 1.5, 0, 0.125, 2, -1, 0.75])


def gate(f):
    return lambda x: x.chunk(2, 1)[0] * f(x.chunk(2, 1)[1])


cases = [
    ("relu", F.relu), ("relu6", F.relu6), ("leaky_relu", lambda x: F.leaky_relu(x, 0.1)), ("prelu", lambda x: F.prelu(x, SLOPES)),
    ("prelu one", lambda x: F.prelu(x, SLOPES[:1])), ("rrelu", lambda x: F.rrelu(x, 0.125, 0.5)), ("elu", lambda x: F.elu(x, 1.5)),
    ("selu", F.selu), ("celu", lambda x: F.celu(x, 1.5)), ("gelu", F.gelu), ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")),
    ("silu", F.silu), ("swish", lambda x: x * torch.sigmoid(1.5 * x)), ("mish", F.mish), ("softplus", lambda x: F.softplus(x)),
    ("softplus 2 5", lambda x: F.softplus(x, 2, 5)), ("softsign", F.softsign), ("softshrink", lambda x: F.softshrink(x, 0.5)),
    ("hardshrink", lambda x: F.hardshrink(x, 0.5)), ("tanhshrink", F.tanhshrink), ("threshold", lambda x: F.threshold(x, 0.5, -2)),
    ("hardtanh", lambda x: F.hardtanh(x, -1, 2)), ("hardsigmoid", F.hardsigmoid), ("hardswish", F.hardswish),
    ("logsigmoid", F.logsigmoid), ("sigmoid", torch.sigmoid), ("tanh", torch.tanh), ("maxout", lambda x: x.view(2, 4, 2).amax(2)),
    ("glu", lambda x: F.glu(x, 1)), ("swiglu", gate(F.silu)), ("geglu", gate(F.gelu)),
    ("softmax 3", lambda x: F.softmax(x / 3, 1)), ("softmin", lambda x: F.softmin(x, 1)), ("log_softmax", lambda x: F.log_softmax(x, 1)),
]

print("/* Made by tests/gen_activations.py with PyTorch " + torch.__version__.split("+")[0] + ": do not edit. */")
print("static const struct { const char *name; int n; double y[16], dx[16]; } golden[] = {")
for name, f in cases:
    x = torch.tensor(X).reshape(2, 8).requires_grad_()
    y = f(x)
    r = torch.tensor([((37 * i + 11) % 64 - 31.5) / 32 for i in range(y.numel())]).reshape(y.shape)
    (y * r).sum().backward()
    out = ["{" + ", ".join("%.10g" % v for v in t.flatten().tolist()) + "}" for t in (y, x.grad)]
    print('    {"%s", %d,\n     %s,\n     %s},' % (name, y.numel(), out[0], out[1]))
print("};")
