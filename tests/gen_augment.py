#!/usr/bin/env python3
"""Writes golden_augment.h: a warped image and some linear algebra from PyTorch, in double.
   python3 tests/gen_augment.py >tests/golden_augment.h"""
import math, torch
import torch.nn.functional as F

def values(name, x):
    x = x.reshape(-1).tolist()
    rows = ["    " + ", ".join("%.9g" % v for v in x[i:i + 8]) for i in range(0, len(x), 8)]
    print("static const double golden_%s[%d] = {\n%s\n};" % (name, len(x), ",\n".join(rows)))

def numbers(*shape):
    n = math.prod(shape)
    return torch.tensor([(i * 37 % 101) / 101 for i in range(n)], dtype=torch.float64).reshape(shape)

print("/* golden_augment.h: made by gen_augment.py, do not edit */")

# torchvision's affine with 30 degrees, scale 1.25, shear 10 degrees in x
angle, scale, shear = math.radians(30), 1.25, math.radians(10)
x = numbers(1, 2, 6, 9)
h, w = 6, 9
a, b = math.cos(angle), -math.cos(angle) * math.tan(shear) - math.sin(angle)
c, d = math.sin(angle), -math.sin(angle) * math.tan(shear) + math.cos(angle)
m = torch.tensor([[d, -b], [-c, a]], dtype=torch.float64) / scale
ys, xs = torch.meshgrid(torch.arange(h) - (h - 1) / 2, torch.arange(w) - (w - 1) / 2, indexing="ij")
p = torch.stack([xs, ys], -1).double() @ m.T
grid = torch.stack([p[..., 0] * 2 / w, p[..., 1] * 2 / h], -1)[None]
values("affine", F.grid_sample(x, grid, mode="bilinear", padding_mode="zeros", align_corners=False))

n = 5
a = numbers(n, n) + 2 * torch.eye(n, dtype=torch.float64)
b = torch.arange(2 * n, dtype=torch.float64).reshape(n, 2) - 3
values("solve", torch.linalg.solve(a, b))
values("inv", torch.linalg.inv(a))
values("cholesky", torch.linalg.cholesky(a @ a.T))
X = numbers(12, 3)
y = torch.tensor([(i * 7 % 13) / 3 for i in range(12)], dtype=torch.float64)
ones = torch.cat([X, torch.ones(12, 1, dtype=torch.float64)], 1)
values("linreg", torch.linalg.lstsq(ones, y[:, None]).solution)
values("ridge", torch.linalg.solve(X.T @ X + 0.5 * torch.eye(3, dtype=torch.float64), X.T @ y))
