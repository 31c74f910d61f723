#!/usr/bin/env python3
"""Writes golden_pool.h: pooling, resampling and grid sampling computed by PyTorch in double, for random configurations.

    python3 tests/gen_pool.py > tests/golden_pool.h

A case is the C expression, the same in PyTorch, and the shapes of its inputs, which both sides fill by value().  Of the
result and of each gradient three sums are written, see sums().
"""
import random
import torch
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)
rng = random.Random(5)
cases = []


def value(i, k):
    """Element i of input k: the first 1021 differ by at least 1/256."""
    return (((389 + 2 * k) * i + 17 * k + 5) % 1021 - 509.5) / 256


def cotangent(n):
    return torch.tensor([((37 * i + 11) % 64 - 31.5) / 32 for i in range(n)])


def sums(t):
    v = t.detach().reshape(-1).tolist()
    return [sum(x * (((37 * i + 11) % 64 - 31.5) / 32) for i, x in enumerate(v)),
            sum(x * (((29 * i + 5) % 32 + 1) / 32) for i, x in enumerate(v)), sum(abs(x) for x in v)]


def case(c_expr, fn, *shapes):
    xs = []
    for k, shape in enumerate(shapes):
        n = 1
        for d in shape:
            n *= d
        xs.append(torch.tensor([value(i, k) for i in range(n)]).reshape(shape).requires_grad_())
    y = fn(*xs)
    data = [y.numel()] + sums(y)
    (y.reshape(-1) * cotangent(y.numel())).sum().backward()
    for x in xs:
        data += sums(x.grad)
    cases.append((c_expr, " ".join("x".join(map(str, s)) for s in shapes), data))


def braces(v):
    return "{%s}" % ", ".join(map(str, v))


def options(**o):
    return "".join(", .%s = %s" % (k, braces(v) if isinstance(v, list) else v) for k, v in o.items() if v)


def spatial(axes, low, high):
    return [rng.randint(low, high) for _ in range(axes)]


def shape_of(axes, low, high):
    return ([rng.randint(1, 2)] if rng.random() < 0.8 else []) + [rng.randint(1, 3)] + spatial(axes, low, high)


def pooling(count):
    while count:
        axes = rng.choice([1, 2, 2, 2, 3])
        kind = rng.choice(["max", "max", "avg", "avg", "lp"])
        shape = shape_of(axes, 3, {1: 40, 2: 9, 3: 6}[axes])
        if axes == 2 and rng.random() < 0.3:
            shape[-1] = rng.randint(15, 38)
        same = rng.random() < 0.5
        k = [rng.randint(1, 4) for _ in range(axes)]
        s = [rng.choice([1, 1, 2, 2, 3, 4]) for _ in range(axes)]
        d = [rng.choice([1, 1, 1, 2, 3]) for _ in range(axes)] if kind == "max" else [1] * axes
        if same:
            k, s, d = [k[0]] * axes, [s[0]] * axes, [d[0]] * axes
        p = [rng.randint(0, k[a] // 2) for a in range(axes)] if kind != "lp" else [0] * axes
        if same:
            p = [p[0]] * axes
        ceil = rng.random() < 0.4
        default_stride = rng.random() < 0.2
        stride = None if default_stride else s
        if any((k[a] - 1) * d[a] + 1 > shape[len(shape) - axes + a] + 2 * p[a] for a in range(axes)):
            continue
        o = dict(stride=s[0], padding=p[0], dilation=d[0] if d[0] > 1 else 0) if same else dict(kernels=k, strides=s, paddings=p, dilations=d)
        if kind != "max":
            o.pop("dilation" if same else "dilations")
        if kind == "lp":
            o.pop("padding" if same else "paddings")
        if default_stride:
            o.pop("stride" if same else "strides")
        try:
            if kind == "max":
                case("dl_max_pool%dd(c, x[0], %d%s)" % (axes, k[0], options(ceil_mode=int(ceil), **o)),
                     lambda x: getattr(F, "max_pool%dd" % axes)(x, k, stride, p, d, ceil), shape)
            elif kind == "avg":
                include, divisor = rng.random() < 0.5, rng.choice([0, 0, 3]) if axes > 1 else 0
                args = [divisor or None] if axes > 1 else []
                case("dl_avg_pool%dd(c, x[0], %d%s)" % (axes, k[0], options(ceil_mode=int(ceil), no_count_include_pad=int(not include), divisor_override=divisor, **o)),
                     lambda x: getattr(F, "avg_pool%dd" % axes)(x, k, stride, p, ceil, include, *args), shape)
            else:
                power = rng.choice([1, 2, 3, 1.5])
                case("dl_lp_pool%dd(c, dl_abs(c, x[0]), %g, %d%s)" % (axes, power, k[0], options(ceil_mode=int(ceil), **o)),
                     lambda x: getattr(F, "lp_pool%dd" % axes)(x.abs(), power, k if axes > 1 else k[0], stride if axes > 1 or not stride else stride[0], ceil), shape)
        except RuntimeError:
            continue                                            # an output of no elements
        count -= 1


def adaptive(count):
    for _ in range(count):
        axes, kind = rng.choice([1, 2, 2, 3]), rng.choice(["max", "avg"])
        shape, size = shape_of(axes, 2, 9), spatial(axes, 1, 6)
        case("dl_adaptive_%s_pool%dd(c, x[0], 1, .sizes = %s)" % (kind, axes, braces(size)),
             lambda x: getattr(F, "adaptive_%s_pool%dd" % (kind, axes))(x, size), shape)


def unpooling(count):
    for _ in range(count):
        axes, k, s = rng.choice([1, 2, 3]), rng.randint(2, 3), rng.choice([2, 3])
        shape = [2, 2] + spatial(axes, 4, 7)
        k = min(k, s)                                           # apart, so that no index comes twice
        pool, unpool = getattr(F, "max_pool%dd" % axes), getattr(F, "max_unpool%dd" % axes)

        def both(x):
            y, index = pool(x, k, s, return_indices=True)
            return unpool(y, index, k, s, output_size=list(x.shape[2:]))
        case("unpooled%d(c, x[0], %d, %d)" % (axes, k, s), both, shape)


def large():                                                    # more taps than the kernels take
    case("dl_max_pool2d(c, x[0], 17, .stride = 1, .padding = 8)", lambda x: F.max_pool2d(x, 17, 1, 8), (1, 2, 18, 20))
    case("dl_avg_pool2d(c, x[0], 17, .stride = 3, .padding = 8)", lambda x: F.avg_pool2d(x, 17, 3, 8), (1, 2, 18, 20))
    case("dl_avg_pool1d(c, x[0], 300, .stride = 50, .padding = 100)", lambda x: F.avg_pool1d(x, 300, 50, 100), (2, 400))
    case("dl_global_avg_pool2d(c, x[0])", lambda x: F.adaptive_avg_pool2d(x, 1), (2, 3, 5, 4))
    case("dl_global_max_pool2d(c, x[0])", lambda x: F.adaptive_max_pool2d(x, 1), (2, 3, 5, 4))
    case("dl_spatial_pyramid_pool(c, x[0])", lambda x: torch.cat([F.adaptive_max_pool2d(x, b).flatten(1) for b in (1, 2, 4)], 1), (2, 3, 7, 6))


def interpolation(count):
    torch_name = {"NEAREST": ["nearest"] * 3, "NEAREST_EXACT": ["nearest-exact"] * 3, "AREA": ["area"] * 3,
                  "BILINEAR": ["linear", "bilinear", "trilinear"], "BICUBIC": [None, "bicubic", None]}
    while count:
        axes, mode = rng.choice([1, 2, 2, 2, 3]), rng.choice(list(torch_name))
        if not torch_name[mode][axes - 1]:
            continue
        smooth = mode in ("BILINEAR", "BICUBIC")
        align = smooth and rng.random() < 0.4
        antialias = smooth and axes == 2 and rng.random() < 0.5
        shape = [rng.randint(1, 2), rng.randint(1, 2)] + spatial(axes, 2, 9)
        o = dict(mode="DL_" + mode, align_corners=int(align), antialias=int(antialias))
        t = dict(mode=torch_name[mode][axes - 1])
        if smooth:
            t.update(align_corners=align, antialias=antialias)
        if rng.random() < 0.5:
            t["size"] = spatial(axes, 1, 12)
            o["size"] = t["size"]
        else:
            # nearest: PyTorch's backward does not divide by the scale as its forward does, only by powers of 2 is it the same
            t["scale_factor"] = [rng.choice([0.5, 2.0] + [0.7, 2.3, 1.5, 3.0] * smooth) for _ in range(axes)]
            o["scale"] = t["scale_factor"]
        if antialias and F.interpolate(torch.zeros(shape), **t).shape[-1] == 1:
            continue                                            # PyTorch 2.15 repeats one row where the new width is 1
        case("dl_interpolate(c, x[0]%s)" % options(**o), lambda x: F.interpolate(x, **t), shape)
        count -= 1
    for mode, name in (("NEAREST", "nearest"), ("BILINEAR", "bilinear"), ("BICUBIC", "bicubic")):
        case("dl_upsample2d(c, x[0], 2, .mode = DL_%s)" % mode, lambda x: F.interpolate(x, scale_factor=2.0, mode=name), (1, 2, 3, 5))


def kept():                                                     # factors that leave a size, or double it, and are not 1 or 2
    for mode, name in (("NEAREST", "nearest"), ("NEAREST_EXACT", "nearest-exact"), ("BILINEAR", "bilinear"), ("BICUBIC", "bicubic")):
        for scale in ([2.0, 1.1], [2.05, 2.0]):
            case("dl_interpolate(c, x[0]%s)" % options(scale=scale, mode="DL_" + mode),
                 lambda x: F.interpolate(x, scale_factor=scale, mode=name), (1, 2, 8, 9))
    case("dl_interpolate(c, x[0], .scale = {1.1}, .mode = DL_BILINEAR)", lambda x: F.interpolate(x, scale_factor=1.1, mode="linear"), (1, 2, 8))
    case("dl_interpolate(c, x[0], .scale = {1.5, 1.1, 1.3}, .mode = DL_BILINEAR)",
         lambda x: F.interpolate(x, scale_factor=[1.5, 1.1, 1.3], mode="trilinear"), (1, 2, 3, 8, 3))


def ceil():                                                     # windows larger than the padded input
    case("dl_max_pool1d(c, x[0], 4, .stride = 2, .ceil_mode = 1)", lambda x: F.max_pool1d(x, 4, 2, ceil_mode=True), (1, 2, 3))
    case("dl_avg_pool1d(c, x[0], 6, .stride = 2, .padding = 1, .ceil_mode = 1)", lambda x: F.avg_pool1d(x, 6, 2, 1, True), (1, 2, 3))
    case("dl_lp_pool1d(c, dl_abs(c, x[0]), 2, 4, .stride = 2, .ceil_mode = 1)", lambda x: F.lp_pool1d(x.abs(), 2, 4, 2, True), (1, 2, 3))
    case("dl_max_pool2d(c, x[0], 5, .stride = 3, .padding = 1, .ceil_mode = 1)", lambda x: F.max_pool2d(x, 5, 3, 1, ceil_mode=True), (2, 2, 20))
    case("dl_avg_pool2d(c, x[0], 17, .stride = 2, .ceil_mode = 1)", lambda x: F.avg_pool2d(x, 17, 2, 0, True), (1, 2, 16, 16))
    case("dl_max_pool2d(c, x[0], 17, .stride = 2, .ceil_mode = 1)", lambda x: F.max_pool2d(x, 17, 2, 0, ceil_mode=True), (1, 2, 16, 16))


def grids(count):
    for _ in range(count):
        axes = rng.choice([2, 2, 2, 3])
        mode = rng.choice(["bilinear", "bilinear", "nearest"] + (["bicubic"] * 2 if axes == 2 else []))
        padding, align = rng.choice(["zeros", "border", "reflection"]), rng.random() < 0.5
        name = {"zeros": "DL_PAD_ZEROS", "border": "DL_PAD_REPLICATE", "reflection": "DL_PAD_REFLECT"}[padding]
        n = rng.randint(1, 2)
        o = options(nearest=int(mode == "nearest"), bicubic=int(mode == "bicubic"), padding=name, align_corners=int(align))
        case("dl_grid_sample(c, x[0], dl_add_scalar(c, dl_mul_scalar(c, x[1], (dl_real)0.625), (dl_real)0.013671875)%s)" % o,
             lambda x, g: F.grid_sample(x, g * 0.625 + 0.013671875, mode, padding, align),
             [n, 2] + spatial(axes, 2, 6), [n] + spatial(axes, 1, 5) + [axes])
        size = [n, 1] + spatial(axes, 1, 5)
        case("dl_affine_grid(c, x[0], DL_SHAPE(%s)%s)" % (", ".join(map(str, size)), options(align_corners=int(align))),
             lambda t: F.affine_grid(t, size, align), [n, axes, axes + 1])


def layouts():
    for shape, r in (((2, 8, 3, 4), 2), ((9, 2, 2), 3), ((1, 2, 4, 1, 3), 2)):
        case("dl_pixel_shuffle(c, x[0], %d)" % r, lambda x: F.pixel_shuffle(x, r), shape)
    for shape, r in (((2, 2, 4, 6), 2), ((1, 3, 6), 3)):
        case("dl_pixel_unshuffle(c, x[0], %d)" % r, lambda x: F.pixel_unshuffle(x, r), shape)
    case("dl_to_nhwc(c, x[0])", lambda x: x.permute(0, 2, 3, 1), (2, 3, 4, 5))
    case("dl_to_nchw(c, x[0])", lambda x: x.permute(0, 3, 1, 2), (2, 4, 5, 3))


def main():
    pooling(110)
    adaptive(24)
    unpooling(6)
    large()
    interpolation(60)
    grids(20)
    layouts()
    kept()
    ceil()
    print("/* Made by gen_pool.py with PyTorch %s in double: do not edit." % torch.__version__.split("+")[0])
    print("   CASE(number, shapes, call); golden: for each case the size of its value, then three sums of it and of each gradient. */")
    print("#define CASES(CASE) \\")
    print(" \\\n".join('    CASE(%d, "%s", %s)' % (i, shapes, text) for i, (text, shapes, _) in enumerate(cases)))
    print("static const double golden[] = {")
    for _, _, data in cases:
        print("    " + ", ".join("%.11g" % v for v in data) + ",")
    print("    0};")


main()
