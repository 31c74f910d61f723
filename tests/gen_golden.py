#!/usr/bin/env python3
"""Writes golden_ops.h: values and gradients of every op, computed by PyTorch in double.

    python3 tests/gen_golden.py > tests/golden_ops.h

A case is the C expression, the same thing in PyTorch, and the inputs.  Inputs are multiples of 1/256, exact in float too.
The gradient is that of sum_i r_i y_i with r_i = ((37 i + 11) mod 64 - 31.5) / 32, see cotangent(); test_golden.c has the same r.
"""
import math
import sys
import warnings
import numpy as np
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
torch.manual_seed(0)
warnings.simplefilter("ignore")
rng = np.random.default_rng(7)
inf, nan = math.inf, math.nan
cases = []


class Const(torch.Tensor):
    """An input that needs no gradient."""


def real(values, *shape):
    t = torch.tensor(values, dtype=torch.float64)
    return t.reshape(shape) if shape else t


def rnd(*shape, low=-2.0, high=2.0):
    n = int(np.prod(shape))
    return real((np.round(rng.uniform(low, high, n) * 256) / 256).tolist()).reshape(shape)


def distinct(*shape):
    """No two values closer than 1/16."""
    n = int(np.prod(shape))
    return real(((rng.permutation(n) - n // 2) / 16 + 1 / 256).tolist()).reshape(shape)


def positive(*shape):
    return rnd(*shape, low=0.25, high=3)


def ints(values, *shape):
    t = torch.tensor(values, dtype=torch.int64)
    return t.reshape(shape) if shape else t


def const(t):
    return t.as_subclass(Const)


def cotangent(n):
    return real([((37 * i + 11) % 64 - 31.5) / 32 for i in range(n)])


def case(c_expr, torch_fn, *inputs, grad=True):
    """inputs: real tensors (differentiated unless const), int tensors; grad=False: compare values only."""
    kinds, leaves = [], []
    for t in inputs:
        if t.dtype == torch.int64:
            kinds.append("i")
            leaves.append(t)
        elif isinstance(t, Const) or not grad:
            kinds.append("c")
            leaves.append(t.as_subclass(torch.Tensor).clone())
        else:
            kinds.append("r")
            leaves.append(t.clone().requires_grad_(True))
    y = torch_fn(*leaves)
    data = [leaf.detach().reshape(-1).tolist() for leaf in leaves]
    data.append(y.detach().reshape(-1).tolist())
    if "r" in kinds:
        (y.reshape(-1) * cotangent(y.numel())).sum().backward()
        for kind, leaf in zip(kinds, leaves):
            if kind == "r":
                data.append((torch.zeros_like(leaf) if leaf.grad is None else leaf.grad).reshape(-1).tolist())
    shapes = " ".join(k + "x".join(map(str, leaf.shape)) for k, leaf in zip(kinds, leaves))
    result = ("i" if y.dtype == torch.int64 else "r") + "x".join(map(str, y.shape))
    cases.append((c_expr, shapes + " > " + result, data))


def shape_of(dims):
    return "DL_SHAPE(%s)" % (", ".join(map(str, dims)) if len(dims) else "0")


def dim_set(dims):
    return " | ".join("DL_DIM(%d)" % d for d in dims)


# --- elementwise -----------------------------------------------------------------------------------------------------
grid = real([-3, -2, -1.5, -1, -0.5, -0.125, 0, 0.125, 0.5, 1, 1.5, 2, 3])
tiny = real([-2**-12, -2**-20, 2**-30, 2**-20, 2**-12])
for name, fn in [("neg", torch.neg), ("abs", torch.abs), ("square", torch.square), ("exp", torch.exp), ("expm1", torch.expm1),
                 ("sin", torch.sin), ("cos", torch.cos), ("tanh", torch.tanh), ("sigmoid", torch.sigmoid), ("erf", torch.erf),
                 ("relu", torch.relu)]:
    case("dl_%s(c, x[0])" % name, fn, grid)
for name, fn in [("expm1", torch.expm1), ("log1p", torch.log1p), ("sin", torch.sin), ("tanh", torch.tanh), ("erf", torch.erf)]:
    case("dl_%s(c, x[0])" % name, fn, tiny)
for name, fn in [("sqrt", torch.sqrt), ("rsqrt", torch.rsqrt), ("reciprocal", torch.reciprocal), ("log", torch.log),
     ("log1p", torch.log1p)]:
    case("dl_%s(c, x[0])" % name, fn, real([2**-20, 0.0625, 0.5, 1, 1.5, 2, 3, 100, 65536]))
case("dl_reciprocal(c, x[0])", torch.reciprocal, real([-4, -0.5, 0.25]))
case("dl_log1p(c, x[0])", torch.log1p, real([-0.75, -0.5, 0]))
case("dl_sqrt(c, x[0])", torch.sqrt, real([0, 4, inf, -1]), grad=False)
case("dl_rsqrt(c, x[0])", torch.rsqrt, real([0, 4, inf, -1]), grad=False)
case("dl_log(c, x[0])", torch.log, real([0, 1, inf, -1]), grad=False)
case("dl_log1p(c, x[0])", torch.log1p, real([-1, 0, inf, -2]), grad=False)
case("dl_exp(c, x[0])", torch.exp, real([-inf, -80, 80, inf, nan]), grad=False)
case("dl_expm1(c, x[0])", torch.expm1, real([-inf, -40, 40, inf, nan]), grad=False)
case("dl_sin(c, x[0])", torch.sin, real([-1000, -100, 25, 1024, inf, nan]), grad=False)
case("dl_cos(c, x[0])", torch.cos, real([-1000, -100, 25, 1024, inf, nan]), grad=False)
case("dl_tanh(c, x[0])", torch.tanh, real([-inf, -100, -9, 9, 100, inf, nan]), grad=False)
case("dl_erf(c, x[0])", torch.erf, real([-inf, -10, -3.5, 3.5, 10, inf, nan]), grad=False)
case("dl_sigmoid(c, x[0])", torch.sigmoid, real([-inf, -1e4, -80, -30, 30, 80, 1e4, inf, nan]), grad=False)
case("dl_sigmoid(c, x[0])", torch.sigmoid, real([-1e4, -80, -30, 30, 80, 1e4]))
case("dl_tanh(c, x[0])", torch.tanh, real([-1e4, -30, 30, 1e4]))
case("dl_relu(c, x[0])", torch.relu, real([-inf, inf, nan]), grad=False)

x = rnd(3, 5)
for name, fn, p in [("add", lambda x, p: x + p, 1.5), ("sub", lambda x, p: x - p, 1.5), ("mul", lambda x, p: x * p, -0.75),
                    ("div", lambda x, p: x / p, 3.0), ("rsub", lambda x, p: p - x, 0.5), ("rdiv", lambda x, p: p / x, 2.0)]:
    case("dl_%s_scalar(c, x[0], (dl_real)%g)" % (name, p), lambda t, fn=fn, p=p: fn(t, p), x)
for p in [0, 1, 2, 3, -1, -2]:
    case("dl_pow_scalar(c, x[0], (dl_real)%g)" % p, lambda t, p=p: torch.pow(t, float(p)), real([-3, -1.5, -1, 0.5, 1, 2, 3]))
for p in [0, 1, 2, 3]:
    case("dl_pow_scalar(c, x[0], (dl_real)%g)" % p, lambda t, p=p: torch.pow(t, float(p)), real([0, 1]))
for p in [0.5, 1.5, -0.5, 2.5]:
    case("dl_pow_scalar(c, x[0], (dl_real)%g)" % p, lambda t, p=p: torch.pow(t, p), real([0.0625, 0.5, 1, 2, 9]))
case("dl_pow_scalar(c, x[0], (dl_real)0.5)", lambda t: torch.pow(t, 0.5), real([-1, 0, inf]), grad=False)
case("dl_clamp(c, x[0], (dl_real)-1, (dl_real)1.5)", lambda t: torch.clamp(t, -1, 1.5), grid)
case("dl_clamp(c, x[0], (dl_real)2, (dl_real)1)", lambda t: torch.clamp(t, 2, 1), real([0, 1.5, 3]), grad=False)
case("dl_clamp(c, x[0], (dl_real)-1, (dl_real)1)", lambda t: torch.clamp(t, -1, 1), real([-inf, inf, nan]), grad=False)

pairs = [((3, 5), (3, 5)), ((3, 5), (5,)), ((3, 1), (1, 5)), ((2, 1, 3), (2, 4, 1)), ((), (2, 3)), ((2, 3), (1, 1))]
for name, fn in [("add", torch.add), ("sub", torch.sub), ("mul", torch.mul), ("div", torch.div), ("pow", torch.pow),
                 ("minimum", torch.minimum), ("maximum", torch.maximum)]:
    for sa, sb in pairs:
        a = positive(*sa) if name == "pow" else rnd(*sa)
        b = positive(*sb) if name == "div" else rnd(*sb)
        case("dl_%s(c, x[0], x[1])" % name, fn, a, b)
case("dl_mul(c, x[0], x[0])", lambda t: t * t, rnd(4))
case("dl_pow(c, x[0], x[1])", torch.pow, real([0, 0, 0, 2, 2, 1]), real([0, 1, 2, 0, -1, 5]))
case("dl_pow(c, x[0], x[1])", torch.pow, real([-2, -2, -3, 0, -8, inf, 2, nan, 1]),
     real([3, -2, 0, -1, 0.5, 0.5, inf, 0, nan]), grad=False)
for name, fn in [("minimum", torch.minimum), ("maximum", torch.maximum)]:
    case("dl_%s(c, x[0], x[1])" % name, fn, real([1, 2, 3, -1, 0]), real([1, 3, 2, -1, 0]))
case("dl_div(c, x[0], x[1])", torch.div, real([1, -1, 0]), real([0, 0, 0]), grad=False)
case("dl_where(c, x[0], x[1], x[2])", lambda m, a, b: torch.where(m != 0, a, b), const(real([1, 0, 2, -1, 0, 0], 2, 3)),
     rnd(2, 3), rnd(2, 3))
case("dl_where(c, x[0], x[1], x[2])", lambda m, a, b: torch.where(m != 0, a, b), const(real([1, 0], 2, 1)), rnd(3), rnd(2, 1))
for name in ["eq", "ne", "lt", "le", "gt", "ge"]:
    fn = lambda a, b, name=name: getattr(torch, name)(a, b).double()
    case("dl_%s(c, x[0], x[1])" % name, fn, real([1, 2, 3, nan, inf, 0]), real([1, 3, 2, nan, inf, -0.0]), grad=False)
    case("dl_%s(c, x[0], x[1])" % name, fn, real([1, 2, 3, 2], 4, 1), real([2, 1]), grad=False)

# --- reductions ------------------------------------------------------------------------------------------------------
reductions = [("sum", lambda x, d, k: torch.sum(x, d, k)), ("mean", lambda x, d, k: torch.mean(x, d, k)),
              ("var", lambda x, d, k: torch.var(x, d, keepdim=k)), ("std", lambda x, d, k: torch.std(x, d, keepdim=k)),
              ("max", torch.amax), ("min", torch.amin), ("logsumexp", torch.logsumexp),
              ("norm", lambda x, d, k: torch.linalg.vector_norm(x, 2, d, k))]
x = distinct(2, 3, 4)
for name, fn in reductions:
    case("dl_%s(c, x[0])" % name, lambda t, fn=fn: fn(t, (0, 1, 2), False), x)
    for dims in [(0,), (1,), (-1,), (0, 1), (0, 2), (1, 2), (-3, -2)]:
        case("dl_%s(c, x[0], .dims = %s)" % (name, dim_set(dims)), lambda t, fn=fn, dims=dims: fn(t, dims, False), x)
    case("dl_%s(c, x[0], .dims = DL_DIM(1), .keepdim = 1)" % name, lambda t, fn=fn: fn(t, (1,), True), x)
    case("dl_%s(c, x[0], .keepdim = 1)" % name, lambda t, fn=fn: fn(t, (0, 1, 2), True), x)


def prod(t, dims, keep=False):
    for d in sorted((d % t.ndim for d in dims), reverse=True):
        t = torch.prod(t, d, keep)
    return t


for zeros in [0, 1, 2]:
    p = rnd(3, 4)
    p[p == 0] = 1
    p[1, :zeros] = 0
    case("dl_prod(c, x[0], .dims = DL_DIM(1))", lambda t: prod(t, (1,)), p)
    case("dl_prod(c, x[0], .dims = DL_DIM(0), .keepdim = 1)", lambda t: prod(t, (0,), True), p)
    case("dl_prod(c, x[0])", lambda t: torch.prod(t), p)
case("dl_prod(c, x[0], .dims = DL_DIM(0) | DL_DIM(2))", lambda t: prod(t, (0, 2)), rnd(2, 3, 2))
for dims in [(0,), (-1,), (0, 1)]:
    text = dim_set(dims)
    case("dl_var(c, x[0], .dims = %s, .biased = 1)" % text, lambda t, dims=dims: torch.var(t, dims, correction=0), rnd(3, 4))
    case("dl_std(c, x[0], .dims = %s, .biased = 1, .keepdim = 1)" % text, lambda t,
         dims=dims: torch.std(t, dims, correction=0, keepdim=True), rnd(3, 4))
case("dl_var(c, x[0])", torch.var, real([1e6, 1e6 + 1, 1e6 + 2, 1e6 + 5]))
case("dl_var(c, x[0], .biased = 1)", lambda t: torch.var(t, correction=0), real([3]))
case("dl_std(c, x[0], .dims = DL_DIM(1))", lambda t: torch.std(t, 1), real([2, 2, 2, 1, 2, 4], 2, 3))
for name, fn in [("max", torch.amax), ("min", torch.amin)]:
    ties = real([1, 3, 3, 2, 3, 2, 2, 2, 0, 0, 0, 0], 3, 4)
    case("dl_%s(c, x[0], .dims = DL_DIM(1))" % name, lambda t, fn=fn: fn(t, 1), ties)
    case("dl_%s(c, x[0], .dims = DL_DIM(0))" % name, lambda t, fn=fn: fn(t, 0), ties)
    case("dl_%s(c, x[0])" % name, lambda t, fn=fn: fn(t), ties)
    case("dl_%s(c, x[0], .dims = DL_DIM(1))" % name, lambda t, fn=fn: fn(t, 1), real([-inf, -inf, 1, inf], 2, 2), grad=False)
for name, fn in [("argmax", np.argmax), ("argmin", np.argmin)]:
    t = real([1, 3, 3, 2, 3, 2, 2, 2, 0, 0, 0, 0], 3, 4)
    case("dl_%s(c, x[0])" % name, lambda t, fn=fn: ints(int(fn(t.numpy()))), t, grad=False)
    for d in [0, 1, -1]:
        case("dl_%s(c, x[0], .dims = DL_DIM(%d))" % (name, d), lambda t, fn=fn, d=d: ints(fn(t.numpy(), d).tolist()), t,
             grad=False)
    case("dl_%s(c, x[0], .dims = DL_DIM(1), .keepdim = 1)" % name, lambda t,
         fn=fn: ints(fn(t.numpy(), 1).tolist()).reshape(3, 1), t, grad=False)
    case("dl_%s(c, x[0], .dims = DL_DIM(1))" % name, lambda t, fn=fn: ints(fn(t.numpy(), 1).tolist()), distinct(2, 5, 3),
         grad=False)
case("dl_logsumexp(c, x[0], .dims = DL_DIM(1))", lambda t: torch.logsumexp(t, 1), real([-inf, -inf, 1, -inf, 1, inf], 3, 2),
     grad=False)
case("dl_logsumexp(c, x[0], .dims = DL_DIM(1))", lambda t: torch.logsumexp(t, 1), real([1e4, 1e4 + 1, -1e4, -1e4 - 1], 2, 2),
     grad=False)
case("dl_logsumexp(c, x[0], .dims = DL_DIM(1))", lambda t: torch.logsumexp(t, 1), real([64, 65, -64, -65, 1, -inf], 3, 2))
zero = real([3, 0, -4, 0, 0, 0, 2, 2, -2], 3, 3)
for p, text in [(1, "1"), (2, "2"), (3, "3"), (1.5, "1.5"), (inf, "INFINITY")]:
    case("dl_norm(c, x[0], .p = %s, .dims = DL_DIM(1))" % text, lambda t, p=p: torch.linalg.vector_norm(t, p, 1), zero)
    case("dl_norm(c, x[0], .p = %s)" % text, lambda t, p=p: torch.linalg.vector_norm(t, p), rnd(3, 5))
    case("dl_norm(c, x[0], .p = %s, .dims = DL_DIM(0), .keepdim = 1)" % text, lambda t,
         p=p: torch.linalg.vector_norm(t, p, 0, True), rnd(3, 5))
for d in [0, 1, 2, -1]:
    case("dl_cumsum(c, x[0], %d)" % d, lambda t, d=d: torch.cumsum(t, d), rnd(2, 3, 4))

# --- shapes ----------------------------------------------------------------------------------------------------------
case("dl_reshape(c, x[0], DL_SHAPE(3, -1))", lambda t: t.reshape(3, -1), rnd(2, 6))
case("dl_view(c, x[0], DL_SHAPE(-1))", lambda t: t.reshape(-1), rnd(2, 3))
case("dl_reshape(c, x[0], DL_SHAPE(0))", lambda t: t.reshape(()), rnd(1, 1))
case("dl_flatten(c, x[0], 1, -1)", lambda t: t.flatten(1), rnd(2, 3, 2))
case("dl_flatten(c, x[0], 0, 1)", lambda t: t.flatten(0, 1), rnd(2, 3, 2))
case("dl_squeeze(c, x[0], 0)", lambda t: t.squeeze(), rnd(1, 3, 1, 2))
case("dl_squeeze(c, x[0], DL_DIM(-2))", lambda t: t.squeeze(-2), rnd(1, 3, 1, 2))
case("dl_squeeze(c, x[0], DL_DIM(0) | DL_DIM(1))", lambda t: t.squeeze((0, 1)), rnd(1, 3, 1, 2))
for d in [0, 1, 2, -1]:
    case("dl_unsqueeze(c, x[0], %d)" % d, lambda t, d=d: t.unsqueeze(d), rnd(2, 3))
case("dl_permute(c, x[0], DL_ORDER(0, 3, 1, 2))", lambda t: t.permute(0, 3, 1, 2).contiguous(), rnd(2, 3, 2, 3))
case("dl_permute(c, x[0], DL_ORDER(2, 0, 1))", lambda t: t.permute(2, 0, 1).contiguous(), rnd(2, 3, 4))
case("dl_permute(c, x[0], DL_ORDER(-1, 0, -2))", lambda t: t.permute(-1, 0, -2).contiguous(), rnd(2, 3, 4))
case("dl_transpose(c, x[0], 0, 1)", lambda t: t.transpose(0, 1).contiguous(), rnd(3, 5))
case("dl_transpose(c, x[0], -1, 0)", lambda t: t.transpose(-1, 0).contiguous(), rnd(2, 3, 4))
case("dl_transpose(c, x[0], 1, 1)", lambda t: t.transpose(1, 1).contiguous(), rnd(2, 3))
for d, start, end, step in [(0, 1, 3, 1), (1, 0, 5, 2), (1, -3, -1, 1), (-1, 1, 100, 3), (0, -100, 2, 1), (1, 4, 5, 7)]:
    option = ", .step = %d" % step if step != 1 else ""
    index = lambda t, d=d, s=slice(start, end, step): t[(slice(None),) * (d % t.ndim) + (s,)].contiguous()
    case("dl_slice(c, x[0], %d, %d, %d%s)" % (d, start, end, option), index, rnd(4, 5))
case("dl_slice(c, x[0], 1, 1, INT64_MAX)", lambda t: t[:, 1:].contiguous(), rnd(2, 3, 2))
for d in [0, 1, -1]:
    shapes = [(2, 3), (2, 3)] if d else [(1, 3), (3, 3)]
    if d:
        shapes = [(2, 1), (2, 4)]
    case("dl_cat(c, 2, x, %d)" % d, lambda *t, d=d: torch.cat(t, d), rnd(*shapes[0]), rnd(*shapes[1]))
case("dl_cat(c, 3, x, 1)", lambda *t: torch.cat(t, 1), rnd(2, 2, 2), rnd(2, 1, 2), rnd(2, 3, 2))
for d in [0, 1, 2, -1]:
    case("dl_stack(c, 2, x, %d)" % d, lambda *t, d=d: torch.stack(t, d), rnd(2, 3), rnd(2, 3))
for i in [0, 1, 2]:
    case("part(c, x[0], 2, 1, %d)" % i, lambda t, i=i: torch.split(t, 2, 1)[i].contiguous(), rnd(2, 5))
case("part(c, x[0], 3, -2, 0)", lambda t: torch.split(t, 3, -2)[0].contiguous(), rnd(3, 2))
case("dl_expand(c, x[0], DL_SHAPE(4, 3))", lambda t: t.expand(4, 3).contiguous(), rnd(3))
case("dl_expand(c, x[0], DL_SHAPE(2, -1, 3))", lambda t: t.expand(2, -1, 3).contiguous(), rnd(2, 1))
case("dl_expand(c, x[0], DL_SHAPE(2, 2))", lambda t: t.expand(2, 2).contiguous(), rnd())
case("dl_repeat(c, x[0], DL_SHAPE(2, 3))", lambda t: t.repeat(2, 3), rnd(2, 2))
case("dl_repeat(c, x[0], DL_SHAPE(2, 1, 2))", lambda t: t.repeat(2, 1, 2), rnd(2, 3))
case("dl_pad(c, x[0], ((dl_pads){{1, 0}, {0, 2}}))", lambda t: F.pad(t, (0, 2, 1, 0)), rnd(2, 3))
case("dl_pad(c, x[0], ((dl_pads){{0, 2, 1}, {1, 0, 1}}), .value = (dl_real)-1.5)",
     lambda t: F.pad(t, (1, 1, 2, 0, 0, 1), value=-1.5), rnd(2, 2, 2))

# --- indexing --------------------------------------------------------------------------------------------------------
case("dl_gather(c, x[0], 0, x[1])", lambda t, i: torch.gather(t, 0, i), rnd(3, 4), ints([0, 2, 1, 1, 2, 2, 2, 0], 2, 4))
case("dl_gather(c, x[0], 1, x[1])", lambda t, i: torch.gather(t, 1, i), rnd(3, 4), ints([3, 0, 0, 1, 2, 2], 3, 2))
case("dl_gather(c, x[0], -1, x[1])", lambda t, i: torch.gather(t, -1, i), rnd(3, 4), ints([3, 0, 0, 1], 2, 2))
case("dl_gather(c, x[0], 1, x[1])", lambda t, i: torch.gather(t, 1, i), rnd(2, 3, 2), ints([0, 1, 2, 2, 1, 1, 0, 0], 2, 2, 2))
case("dl_scatter_add(c, x[0], 0, x[1], x[2])", lambda t, i, s: torch.scatter_add(t, 0, i, s), rnd(3, 4),
     ints([0, 2, 1, 1, 0, 2, 2, 0], 2, 4), rnd(2, 4))
case("dl_scatter_add(c, x[0], 1, x[1], x[2])", lambda t, i, s: torch.scatter_add(t, 1, i, s), rnd(3, 4),
     ints([3, 3, 3, 1, 2, 1], 2, 3), rnd(2, 3))
case("dl_scatter_add(c, x[0], -1, x[1], x[2])", lambda t, i, s: torch.scatter_add(t, -1, i, s), rnd(2, 3), ints([0, 2], 2, 1),
     rnd(2, 1))
case("dl_index_select(c, x[0], 0, x[1])", lambda t, i: torch.index_select(t, 0, i), rnd(3, 4), ints([2, 0, 2, 2]))
case("dl_index_select(c, x[0], 1, x[1])", lambda t, i: torch.index_select(t, 1, i), rnd(2, 3, 2), ints([1, 1]))
case("dl_index_select(c, x[0], -1, x[1])", lambda t, i: torch.index_select(t, -1, i), rnd(2, 3), ints([2]))
ties = real([2, 1, 2, 0, 1, 2, 2, 2, 2, -1, 0, -1], 2, 6)
for t in [ties, distinct(2, 6)]:
    for d in [0, 1]:
        for desc in [0, 1]:
            option = ", .descending = 1" if desc else ""
            order = lambda t, d=d, desc=desc: torch.sort(t, dim=d, descending=bool(desc), stable=True)
            case("dl_sort(c, x[0], %d%s)" % (d, option), lambda t, order=order: order(t)[0], t)
            case("sort_indices(c, x[0], %d, %d)" % (d, desc), lambda t, order=order: order(t)[1], t, grad=False)
    for k, d, small in [(1, 1, 0), (3, -1, 0), (4, 1, 1), (1, 0, 1), (6, 1, 0)]:
        option = ", .smallest = 1" if small else ""
        top = lambda t, k=k, d=d, small=small: [r.narrow(d, 0, k).contiguous() for r in torch.sort(t, dim=d,
             descending=not small, stable=True)]
        case("dl_topk(c, x[0], %d, %d%s)" % (k, d, option), lambda t, top=top: top(t)[0], t)
        case("topk_indices(c, x[0], %d, %d, %d)" % (k, d, small), lambda t, top=top: top(t)[1], t, grad=False)
case("dl_sort(c, x[0], 1)", lambda t: torch.sort(t, dim=1, stable=True)[0], distinct(2, 3, 2))

# --- products --------------------------------------------------------------------------------------------------------
for sa, sb in [((2, 3), (3, 4)), ((1, 3), (3, 1)), ((5, 1), (1, 5)), ((3,), (3,)), ((3,), (3, 2)), ((2, 3), (3,)),
     ((2, 2, 3), (3,)),
               ((3,), (2, 3, 2)), ((2, 2, 3), (2, 3, 2)), ((2, 2, 3), (3, 2)), ((2, 3), (2, 3, 2)), ((2, 1, 2, 3), (3, 3, 1)),
               ((1, 2, 3), (3, 3, 2)), ((2, 2, 3), (1, 3, 2)), ((1, 1, 2, 2), (2, 3, 2, 1))]:
    case("dl_matmul(c, x[0], x[1])", torch.matmul, rnd(*sa), rnd(*sb))
for sa, sb in [((3, 2), (3, 4)), ((2, 3, 2), (3, 2)), ((2, 1, 3, 2), (2, 3, 4))]:
    case("dl_matmul(c, x[0], x[1], .transpose_a = 1)", lambda a, b: a.transpose(-1, -2) @ b, rnd(*sa), rnd(*sb))
for sa, sb in [((2, 3), (4, 3)), ((2, 2, 3), (2, 3)), ((2, 3), (2, 2, 3))]:
    case("dl_matmul(c, x[0], x[1], .transpose_b = 1)", lambda a, b: a @ b.transpose(-1, -2), rnd(*sa), rnd(*sb))
for sa, sb in [((3, 2), (4, 3)), ((2, 3, 2), (2, 4, 3)), ((2, 3, 2), (4, 3))]:
    case("dl_matmul(c, x[0], x[1], .transpose_a = 1, .transpose_b = 1)", lambda a,
         b: a.transpose(-1, -2) @ b.transpose(-1, -2), rnd(*sa), rnd(*sb))
case("dl_matmul(c, x[0], x[0])", lambda t: t @ t, rnd(3, 3))
for activation, fn in [("LINEAR", lambda t: t), ("RELU", torch.relu), ("SIGMOID", torch.sigmoid), ("TANH", torch.tanh)]:
    option = "" if activation == "LINEAR" else ", .activation = DL_%s" % activation
    for shape in [(3, 4), (4,), (2, 2, 4)]:
        case("dl_linear(c, x[0], x[1], x[2]%s)" % option, lambda t, w, b, fn=fn: fn(F.linear(t, w, b)), rnd(*shape),
             rnd(5, 4), rnd(5))
    case("dl_linear(c, x[0], x[1], NULL%s)" % option, lambda t, w, fn=fn: fn(F.linear(t, w)), rnd(3, 4), rnd(2, 4))

# --- softmax and losses ----------------------------------------------------------------------------------------------
for name, fn in [("softmax", torch.softmax), ("log_softmax", torch.log_softmax)]:
    for d in [0, 1, -1]:
        case("dl_%s(c, x[0], %d)" % (name, d), lambda t, fn=fn, d=d: fn(t, d), rnd(2, 3, 4))
    case("dl_%s(c, x[0], 0)" % name, lambda t, fn=fn: fn(t, 0), rnd(5))
    case("dl_%s(c, x[0], 1)" % name, lambda t, fn=fn: fn(t, 1), rnd(3, 1))
    case("dl_%s(c, x[0], -1)" % name, lambda t, fn=fn: fn(t, -1),
         real([1e4, 1e4 + 1, 1e4 - 1, -1e4, -1e4 - 1, -1e4, 1.5 * 2.0**126, 2.0**126, -1.5 * 2.0**126, 0, -100, -inf], 4, 3))

logits, classes = rnd(4, 5), ints([2, 0, 4, 2])
weight = const(real([0.5, 1, 2, 0.25, 1.5]))
soft = torch.tensor([[.25, .25, .5, 0, 0], [0, 1, 0, 0, 0], [.125, .125, .25, .25, .25], [0, 0, 0, .5, .5]])
for reduction in ["mean", "sum", "none"]:
    r = "" if reduction == "mean" else ", .reduction = DL_" + reduction.upper()
    for smoothing in [0, 0.125]:
        s = "" if not smoothing else ", .label_smoothing = (dl_real)0.125"
        opts = dict(reduction=reduction, label_smoothing=smoothing)
        case("dl_cross_entropy(c, x[0], x[1]%s%s)" % (r, s), lambda t, k, o=opts: F.cross_entropy(t, k, **o), logits, classes)
        case("dl_cross_entropy(c, x[0], x[1], .weight = x[2]%s%s)" % (r, s), lambda t, k, w,
             o=opts: F.cross_entropy(t, k, weight=w, **o), logits, classes, weight)
        case("dl_cross_entropy(c, x[0], x[1], .ignore_index = 2%s%s)" % (r, s), lambda t, k,
             o=opts: F.cross_entropy(t, k, ignore_index=2, **o), logits, classes)
        case("dl_cross_entropy(c, x[0], x[1], .weight = x[2], .ignore_index = DL_ZERO%s%s)" % (r, s), lambda t, k, w,
             o=opts: F.cross_entropy(t, k, weight=w, ignore_index=0, **o), logits, classes, weight)
        case("dl_cross_entropy(c, x[0], x[1]%s%s)" % (r, s), lambda t, q, o=opts: F.cross_entropy(t, q, **o), logits, soft)
        case("dl_cross_entropy(c, x[0], x[1], .weight = x[2]%s%s)" % (r, s), lambda t, q, w,
             o=opts: F.cross_entropy(t, q, weight=w, **o), logits, const(soft), weight)
case("dl_cross_entropy(c, x[0], x[1])", F.cross_entropy, logits, ints([2, -100, 4, -100]))
case("dl_cross_entropy(c, x[0], x[1], .reduction = DL_SUM)", lambda t, k: F.cross_entropy(t, k, reduction="sum"), logits,
     ints([-100] * 4))
case("dl_cross_entropy(c, x[0], x[1])", F.cross_entropy, logits, ints([-100] * 4), grad=False)
case("dl_cross_entropy(c, x[0], x[1])", F.cross_entropy, rnd(5), ints(3))
case("dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.25)", lambda t,
     k: F.cross_entropy(t, k, label_smoothing=0.25), rnd(5), ints(3))
case("dl_cross_entropy(c, x[0], x[1])", F.cross_entropy, rnd(3), const(real([.5, .25, .25])))
for row, k in [([0, -100], 1), ([1e4, 1e4 + 1], 0), ([1e4, 1e4 + 1], 1), ([-1e4, 1e4], 0)]:
    case("dl_cross_entropy(c, x[0], x[1], .reduction = DL_NONE)", lambda t, k: F.cross_entropy(t, k, reduction="none"),
         real([row]), ints([k]))
for reduction in ["mean", "sum", "none"]:
    r = "" if reduction == "mean" else ", .reduction = DL_" + reduction.upper()
    case("dl_mse_loss(c, x[0], x[1]%s)" % r, lambda a, b, o=reduction: F.mse_loss(a, b, reduction=o), rnd(3, 5), rnd(3, 5))
    case("dl_bce_with_logits(c, x[0], x[1]%s)" % r, lambda a, b,
         o=reduction: F.binary_cross_entropy_with_logits(a, b, reduction=o), rnd(3, 5), rnd(3, 5, low=0, high=1))
    case("dl_bce_with_logits(c, x[0], x[1]%s)" % r, lambda a, b,
         o=reduction: F.binary_cross_entropy_with_logits(a, b, reduction=o),
         real([100, -100, 1e4, -1e4, 0, 100]), const(real([1, 1, 0, 0, 0.5, 0])))
case("dl_mse_loss(c, x[0], x[1])", F.mse_loss, rnd(), rnd())
for shape in [(3,), (1,), (3, 3), (2, 4), (4, 2)]:
    case("dl_diag(c, x[0])", torch.diag, rnd(*shape))
for d, i in [(0, 1), (1, -1), (-1, 0), (1, -3)]:
    case("dl_select(c, x[0], %d, %d)" % (d, i), lambda t, d=d, i=i: t.select(d, i).contiguous(), rnd(2, 3, 4))
case("dl_select(c, x[0], 0, 2)", lambda t: t[2], rnd(5))


def number(v):
    if isinstance(v, float) and math.isnan(v):
        return "NAN"
    if isinstance(v, float) and math.isinf(v):
        return "INFINITY" if v > 0 else "-INFINITY"
    return "%.13g" % v


def main():
    out = sys.stdout
    out.write("/* Values and gradients of every op, made by gen_golden.py with PyTorch %s in double: do not edit.\n" % torch.__version__.split("+")[0])
    out.write("   A case is its inputs, its value, then the gradient of each input marked r (i: int32, c: no gradient asked). */\n")
    for i, (_, _, data) in enumerate(cases):
        text = [", ".join(map(number, part)) for part in data]
        out.write("static const double golden_%d[] = {" % i)
        column = 0
        for word in ", ".join(text).split(" "):
            if column + len(word) > 110:
                out.write("\n   ")
                column = 0
            out.write((" " if column else "") + word if column or not i else word)
            column += len(word) + 1
        out.write("};\n")
    out.write("\n#define GOLDEN_CASES(G) \\\n")
    out.write(" \\\n".join("    G(%d, \"%s\", %s)" % (i, shapes, expr) for i, (expr, shapes, _) in enumerate(cases)))
    out.write("\n")


main()
