"""What gen_losses.py and gen_detect.py share: cases whose inputs both sides make by a formula, and sums over their results.

A case is the C expression, the same thing in PyTorch, and the inputs: words of a kind, a shape and more, see cases.h.
Of the result and of each gradient three sums are written, see sums().
"""
import warnings
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
warnings.simplefilter("ignore")                                 # kl_div: "mean" is not the divergence
MULTIPLIERS = [37, 29, 51, 45, 43]
cases = []


def number(k, i):
    """Element i of input k: 0 .. 63."""
    return (MULTIPLIERS[k] * i + 11 - 2 * k) % 64


def make(word, k):
    kind, rest = word[0], word[1:]
    values = None
    if "=" in rest:
        rest, values = rest.split("=")
    if ":" in rest:
        classes, rest = rest.split(":")
    shape = [int(d) for d in rest.split("x")] if rest else []
    n = 1
    for d in shape:
        n *= d
    raw = [number(k, i) for i in range(n)]
    if kind == "i":
        t = torch.tensor([int(v) for v in values.split(",")] if values else [v % int(classes) for v in raw])
        return t.reshape(shape)
    if kind in "oOq":                                          # boxes; q: behind the number of a map
        rows, v = shape[0], []
        for r in range(rows):
            a = [number(k, 4 * r + j) / 8 for j in range(4)]
            v += ([r % int(classes)] if kind == "q" else []) + [x + k / 64 for x in (a[0], a[1], a[0] + a[2] + 0.5, a[1] + a[3] + 0.5)]
    elif kind in "rR":
        v = [(x - 31.5 + k / 4) / 16 for x in raw]
    elif kind == "s":
        v = [1 if x < 32 else -1 for x in raw]
    elif kind == "b":
        v = [1 if x < 32 else 0 for x in raw]
    else:                                                       # p, P: in (0, 1)
        v = [(x + 0.5 + k / 8) / 66 for x in raw]
    return torch.tensor(v, dtype=torch.float64).reshape(shape).requires_grad_(kind in "rpo")


def sums(t):
    """Of all elements, with two sets of weights, and of their absolute values."""
    v = t.detach().reshape(-1).tolist()
    return [sum(x * (((37 * i + 11) % 64 - 31.5) / 32) for i, x in enumerate(v)),
            sum(x * (((29 * i + 5) % 32 + 1) / 32) for i, x in enumerate(v)), sum(abs(x) for x in v)]


def case(c_expr, fn, inputs):
    xs = [make(word, k) for k, word in enumerate(inputs.split())]
    y = fn(*xs).double()
    data = sums(y)
    cot = torch.tensor([((37 * i + 11) % 64 - 31.5) / 32 for i in range(y.numel())])
    if y.requires_grad:
        (y.reshape(-1) * cot).sum().backward()
    for x in xs:
        if x.is_floating_point() and x.requires_grad:
            data += sums(torch.zeros_like(x) if x.grad is None else x.grad)
    cases.append((c_expr, inputs, data))


def write(generator, what):
    print("/* Sums over values and gradients of %s, made by %s with PyTorch %s in double: do not edit." % (what, generator, torch.__version__.split("+")[0]))
    print("   CASE(number, inputs, call); golden: for each case three sums of its value, then of each gradient. */")
    print("#define CASES(CASE) \\")
    print(" \\\n".join('    CASE(%d, "%s", %s)' % (i, inputs, text) for i, (text, inputs, _) in enumerate(cases)))
    print("static const double golden[] = {")
    for _, _, data in cases:
        print("    " + ", ".join("%.11g" % v for v in data) + ",")
    print("    0};")
