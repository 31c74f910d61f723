#!/usr/bin/env python3
"""Writes golden_norm.h: values and gradients of the normalisations, computed by PyTorch in double.

    python3 tests/gen_norm.py > tests/golden_norm.h

A case is the C expression, whether it trains, the shapes of its inputs x[0], x[1], .., and the same in PyTorch.  Both sides
make the inputs by value(); of each result they compare digest().  The gradients are those of sum_i r_i y_i, r = value(i, 9).
"""
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
cases = []


def value(i, k):
    return ((37 * i + 11 * k) % 64 - 31.5) / 32 + ((5 * i + k) % 7) / 8 + k / 16


def tensor(k, shape):
    n = 1
    for d in shape:
        n *= d
    return torch.tensor([value(i, k) for i in range(n)]).reshape(shape)


def digest(t):
    a = t.detach().reshape(-1).tolist()
    n = len(a)
    return [a[0], a[n // 2], a[n - 1], sum(v * ((29 * i + 5) % 32 - 15.5) / 16 for i, v in enumerate(a)), sum(map(abs, a))]


def case(expression, shapes, f, training=True):
    x = [tensor(k, s).requires_grad_() for k, s in enumerate(shapes)]
    y = f(x, training)
    r = tensor(9, y.shape)
    (y * r).sum().backward()
    numbers = digest(y)
    for t in x:
        numbers += digest(t.grad)
    cases.append((expression, shapes, training, numbers))


def bn(x, training, w=None, b=None, mean=None, var=None, eps=1e-5, act=lambda t: t, r=0):
    return act(F.batch_norm(x, mean, var, w, b, training or mean is None, 0.1, eps) + r)


# --- batch norm: all ranks, short and long rows, training and evaluation
for shape in [(5, 3), (4, 3, 5), (2, 3, 4, 9), (3, 2, 2, 3, 4), (1, 2, 3, 3), (40, 2), (2, 5, 37)]:
    C = (shape[1],)
    case("dl_batch_norm(c, x[0], NULL, NULL, x[1], x[2])", [shape, C, C], lambda x, t: bn(x[0], t, x[1], x[2]))
    case("dl_batch_norm(c, x[0], NULL, NULL, x[1], x[2], .activation = DL_RELU, .residual = x[3])", [shape, C, C, shape],
         lambda x, t: bn(x[0], t, x[1], x[2], act=F.relu, r=x[3]))
    case("dl_batch_norm(c, x[0], NULL, NULL, x[1], x[2], .residual = x[3])", [shape, C, C, shape],
         lambda x, t: bn(x[0], t, x[1], x[2], r=x[3]))
    case("dl_batch_norm(c, x[0], NULL, NULL, x[1], x[2], .activation = DL_RELU)", [shape, C, C],
         lambda x, t: bn(x[0], t, x[1], x[2], act=F.relu))
    for training in (False, True):
        case("dl_batch_norm(c, x[0], means(c, x[0]), vars(c, x[0]), x[1], x[2], .activation = DL_RELU, .eps = 0.125f)",
             [shape, C, C], lambda x, t, n=C[0]: bn(x[0], t, x[1], x[2], torch.arange(n) * 0.25,
                                                    torch.arange(n) * 0.5 + 1, 0.125, F.relu), training)
case("dl_batch_norm(c, x[0], NULL, NULL, NULL, NULL)", [(4, 3, 5)], lambda x, t: bn(x[0], t), False)
case("dl_batch_norm(c, x[0], NULL, NULL, NULL, NULL, .eps = -1)", [(4, 3, 5)], lambda x, t: bn(x[0], t, eps=1e-300))
case("dl_batch_norm(c, x[0], NULL, NULL, x[1], NULL, .activation = DL_TANH)", [(4, 3), (3,)],
     lambda x, t: bn(x[0], t, x[1], act=torch.tanh))
case("dl_batch_norm(c, x[0], NULL, NULL, NULL, x[1], .activation = DL_SIGMOID, .residual = x[2])", [(4, 3, 40), (3,), (4, 3, 40)],
     lambda x, t: bn(x[0], t, None, x[1], act=torch.sigmoid, r=x[2]))
case("dl_batch_norm(c, x[0], NULL, NULL, NULL, NULL, .activation = DL_RELU, .residual = x[0])", [(4, 3, 5)],
     lambda x, t: bn(x[0], t, act=F.relu, r=x[0]))
case("dl_batch_norm(c, x[0], NULL, NULL, NULL, NULL, .activation = DL_RELU, .residual = x[0])", [(2, 3, 40)],
     lambda x, t: bn(x[0], t, act=F.relu, r=x[0]))

# --- group, instance, layer, RMS, local response
for shape, groups in [((3, 6, 5), 2), ((2, 4, 3, 7), 4), ((2, 4), 2), ((1, 3, 33), 1), ((2, 4, 2, 2, 3), 2)]:
    C = (shape[1],)
    case(f"dl_group_norm(c, x[0], {groups}, x[1], x[2])", [shape, C, C], lambda x, t, g=groups: F.group_norm(x[0], g, x[1], x[2]))
case("dl_group_norm(c, x[0], 3, NULL, NULL, .eps = 0.5f)", [(2, 6, 4)], lambda x, t: F.group_norm(x[0], 3, eps=0.5))
case("dl_group_norm(c, x[0], 3, NULL, x[1])", [(2, 6, 4), (6,)], lambda x, t: F.group_norm(x[0], 3, None, x[1]))
case("dl_instance_norm(c, x[0], x[1], x[2])", [(3, 2, 5), (2,), (2,)], lambda x, t: F.instance_norm(x[0], None, None, x[1], x[2]))
case("dl_instance_norm(c, x[0], NULL, NULL)", [(2, 3, 6, 7)], lambda x, t: F.instance_norm(x[0]), False)
for shape, axes in [((4, 6), 1), ((2, 3, 5), 2), ((3, 37), 1), ((100,), 1), ((20, 2, 8), 1), ((2, 3, 2, 4), 3)]:
    last = shape[len(shape) - axes:]
    text = "DL_SHAPE(" + ", ".join(map(str, last)) + ")"
    case(f"dl_layer_norm(c, x[0], {text}, x[1], x[2])", [shape, last, last], lambda x, t, l=last: F.layer_norm(x[0], l, x[1], x[2]))
    case(f"dl_layer_norm(c, x[0], {text}, NULL, NULL, .eps = 0.25f)", [shape], lambda x, t, l=last: F.layer_norm(x[0], l, eps=0.25))
    case(f"dl_rms_norm(c, x[0], {text}, x[1], .eps = 1e-3f)", [shape, last], lambda x, t, l=last: F.rms_norm(x[0], l, x[1], float(torch.tensor(1e-3, dtype=torch.float32))))
case("dl_layer_norm(c, x[0], DL_SHAPE(6), NULL, x[1])", [(4, 6), (6,)], lambda x, t: F.layer_norm(x[0], (6,), None, x[1]))
case("dl_layer_norm(c, x[0], DL_SHAPE(6), x[1], NULL)", [(4, 6), (6,)], lambda x, t: F.layer_norm(x[0], (6,), x[1], None))
case("dl_rms_norm(c, x[0], DL_SHAPE(6), NULL, .eps = 0.5f)", [(4, 6)], lambda x, t: F.rms_norm(x[0], (6,), None, 0.5))
for shape in [(2, 7, 3), (1, 6, 2, 3)]:
    for size in (1, 2, 3, 4, 5, 20):
        case(f"dl_local_response_norm(c, x[0], {size}, .alpha = 0.5f, .k = 2)", [shape],
             lambda x, t, n=size: F.local_response_norm(x[0], n, 0.5, 0.75, 2))
case("dl_local_response_norm(c, x[0], 3)", [(2, 4, 5)], lambda x, t: F.local_response_norm(x[0], 3))
case("dl_local_response_norm(c, x[0], 3, .alpha = 0.5f, .beta = 0.5f, .sum = 1)", [(2, 4, 5)],
     lambda x, t: F.local_response_norm(x[0], 3, 1.5, 0.5))


def numbers(values):
    return ", ".join(f"{v:.12g}" for v in values)


print("/* Made by gen_norm.py from PyTorch", torch.__version__.split("+")[0], "*/")
print("#define GOLDEN_NORM(CASE) \\")
for i, (expression, shapes, training, _) in enumerate(cases):
    text = " ".join("x".join(map(str, s)) for s in shapes)
    print(f'    CASE({i}, {int(training)}, "{text}", {expression}) \\')
print()
for i, (_, _, _, values) in enumerate(cases):
    print(f"static const double golden_norm_{i}[] = {{")
    for k in range(0, len(values), 5):
        print("    " + numbers(values[k:k + 5]) + ",")
    print("};")


def array(name, *tensors):
    print(f"static const double {name}[] = {{")
    for t in tensors:
        a = t.detach().reshape(-1).tolist()
        for k in range(0, len(a), 8):
            print("    " + numbers(a[k:k + 8]) + ",")
    print("};")


# --- modules: running statistics after three batches, then the output in evaluation
for name, momentum in (("running", 0.3), ("cumulative", None)):
    m = torch.nn.BatchNorm2d(3, momentum=momentum)
    for k in range(3):
        m(tensor(k, (4, 3, 2, 5)) * (k + 1))
    m.eval()
    array("golden_" + name, m.running_mean, m.running_var, m(tensor(3, (1, 3, 2, 2))))

# --- weight and spectral norm of a linear module: output, gradients of the parameters; spectral: three steps of training
def filled(linear):
    with torch.no_grad():
        linear.weight.copy_(tensor(1, linear.weight.shape))
        linear.bias.copy_(tensor(2, linear.bias.shape))
    return linear


for dim in (0, 1):
    m = torch.nn.utils.parametrizations.weight_norm(filled(torch.nn.Linear(4, 3)), dim=dim)
    with torch.no_grad():
        m.parametrizations.weight.original0.mul_(1.5)
    y = m(tensor(0, (5, 4)))
    (y * tensor(9, y.shape)).sum().backward()
    p = m.parametrizations.weight
    array(f"golden_weight_norm{dim}", p.original0, y, p.original0.grad, p.original1.grad, m.bias.grad)

    m = torch.nn.utils.parametrizations.spectral_norm(filled(torch.nn.Linear(4, 3)), dim=dim)
    p = m.parametrizations.weight
    with torch.no_grad():
        p[0]._u.copy_(F.normalize(tensor(3, p[0]._u.shape), dim=0))
        p[0]._v.copy_(F.normalize(tensor(4, p[0]._v.shape), dim=0))
    for _ in range(3):
        y = m(tensor(0, (5, 4)))
    (y * tensor(9, y.shape)).sum().backward()
    m.eval()
    array(f"golden_spectral_norm{dim}", p[0]._u, p[0]._v, y, p.original.grad, m(tensor(5, (2, 4))))
print("/* state_dict of the two:")
for wrap in (torch.nn.utils.parametrizations.weight_norm, torch.nn.utils.parametrizations.spectral_norm):
    print("   ", " ".join(wrap(torch.nn.Linear(4, 3)).state_dict()))
print("*/")
