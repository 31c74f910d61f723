"""Writes tests/golden_gan.h: the gradient penalty of a small critic and its gradients (PyTorch, create_graph, double), the
Frechet distance of two sets of 40 and 30 points sin(1.3 j + 0.01 j^2) and cos(0.9 j + 0.02 j^2) + 0.2.

    python3 tests/gen_gan.py > tests/golden_gan.h

The critic is linear(3, 5), tanh, linear(5, 4), softplus, linear(4, 1); parameter number i is sin(i + 1), point j of 6 x 3
cos(0.7 j).  tests/test_gan.c does the same with dl.h."""
import torch

torch.set_default_dtype(torch.float64)
critic = torch.nn.Sequential(torch.nn.Linear(3, 5), torch.nn.Tanh(), torch.nn.Linear(5, 4), torch.nn.Softplus(), torch.nn.Linear(4, 1))
i = 0
for p in critic.parameters():
    p.data = torch.sin(torch.arange(i, i + p.numel()) + 1.0).reshape(p.shape)
    i += p.numel()
x = torch.cos(0.7 * torch.arange(18)).reshape(6, 3).requires_grad_()

print(f"/* Made by gen_gan.py with PyTorch {torch.__version__.split('+')[0]}: do not edit. */")
print("static const struct { double weight, target, value, grad[%d]; } golden_penalty[] = {" % i)
for weight, target in ((10, 1), (5, 0)):
    g, = torch.autograd.grad(critic(x).sum(), x, create_graph=True)
    penalty = weight * ((g.norm(dim=1) - target) ** 2).mean()
    grads = torch.autograd.grad(penalty, list(critic.parameters()), allow_unused=True)
    flat = torch.cat([(torch.zeros_like(p) if d is None else d).flatten() for p, d in zip(critic.parameters(), grads)])
    rows = [f"{v:.12g}" for v in flat.tolist()]
    lines = ",\n        ".join(", ".join(rows[k:k + 8]) for k in range(0, len(rows), 8))
    print(f"    {{{weight}, {target}, {penalty.item():.12g}, {{\n        {lines}}}}},")
print("};")

j = torch.arange(160.)
a, b = torch.sin(1.3 * j + 0.01 * j * j).reshape(40, 4), (torch.cos(0.9 * j + 0.02 * j * j) + 0.2)[:120].reshape(30, 4)
A, B = a.T.cov(), b.T.cov()
root = torch.linalg.eigvals(A @ B).sqrt().real.sum()
distance = ((a.mean(0) - b.mean(0)) ** 2).sum() + A.trace() + B.trace() - 2 * root
print(f"static const double golden_frechet = {distance.item():.12g};")
