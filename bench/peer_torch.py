"""PyTorch as a peer of the benches: a child process that times one case whenever it is asked.

Line in:   run THREADS CASE ARGUMENTS...
Line out:  seconds per call

A case is a function that prepares everything and returns what is to be timed.  PyTorch gets its best: preallocated
results where there is an out=, fused optimizers where they are faster, and (peers.h) a malloc that keeps its memory.
"""
import os
import sys
import time

import torch
import torch.nn.functional as F

SAMPLE = 2e-3                                   # seconds a sample takes, about; at least one call


def gemm(M, N, K):
    a, b, c = torch.rand(M, K), torch.rand(K, N), torch.empty(M, N)
    return lambda: torch.mm(a, b, out=c)


# --- elementwise: n elements, softmax on rows of 1024
def shape(op, n):
    return (n // 1024, 1024) if op == "softmax" else (n,)


def forward(op, n):
    a, b = torch.rand(shape(op, n)) * 4 - 2, torch.rand(shape(op, n)) * 4 - 2
    y = torch.empty_like(a)
    return {
        "add": lambda: torch.add(a, b, out=y), "mul": lambda: torch.mul(a, b, out=y),
        "relu": lambda: torch.clamp_min(a, 0, out=y), "exp": lambda: torch.exp(a, out=y),
        "tanh": lambda: torch.tanh(a, out=y), "sigmoid": lambda: torch.sigmoid(a, out=y),
        "erf": lambda: torch.erf(a, out=y), "softmax": lambda: torch.softmax(a, -1, out=y),
        "sum": lambda: torch.sum(a), "dropout": lambda: F.dropout(a, 0.5, True),
    }[op]


def backward(op, n):
    a, b = torch.rand(shape(op, n)) * 4 - 2, torch.rand(shape(op, n)) * 4 - 2
    g = torch.rand(shape(op, n))
    a.requires_grad_()
    b.requires_grad_()
    y = {
        "add": lambda: a + b, "mul": lambda: a * b, "relu": lambda: torch.relu(a), "exp": lambda: torch.exp(a),
        "tanh": lambda: torch.tanh(a), "sigmoid": lambda: torch.sigmoid(a), "erf": lambda: torch.erf(a),
        "softmax": lambda: torch.softmax(a, -1), "dropout": lambda: F.dropout(a, 0.5, True),
    }[op]()

    def run():
        a.grad = b.grad = None
        y.backward(g, retain_graph=True)
    return run


# --- optimizers
def optimizer(kind, params, fused):
    kinds = {
        "sgd": lambda **o: torch.optim.SGD(params, lr=0.01, **o),
        "momentum": lambda **o: torch.optim.SGD(params, lr=0.01, momentum=0.9, **o),
        "adam": lambda **o: torch.optim.Adam(params, **o), "adamw": lambda **o: torch.optim.AdamW(params, **o),
    }
    return kinds[kind](fused=True) if fused else kinds[kind]()


def optim(kind, variant, n):
    w = torch.rand(n, requires_grad=True)
    w.grad = torch.rand(n)
    o = optimizer(kind, [w], variant == "fused")
    return o.step


# --- losses
def cross_entropy(N, C):
    x, t = torch.randn(N, C, requires_grad=True), torch.randint(C, (N,))

    def run():
        x.grad = None
        F.cross_entropy(x, t).backward()
    return run


# --- normalisation: what as in norm.c; for images whichever layout is faster
def norm(what, grad, N, C, H, W):
    shape = (N, C) if H == 1 else (N, C, H, W)
    w, b = torch.rand(C), torch.rand(C)
    mean, var = torch.zeros(C), torch.ones(C)
    layouts = [torch.contiguous_format] + ([torch.channels_last] if len(shape) == 4 else [])

    def step(layout):
        x, g, skip = (torch.rand(shape).contiguous(memory_format=layout) for _ in range(3))
        leaves = [x, w, b, skip] if what == 1 else [x, w, b]
        for t in leaves:
            t.requires_grad_(grad == 1)
        f = [lambda: F.relu_(F.batch_norm(x, mean, var, w, b, True)),
             lambda: F.relu_(F.batch_norm(x, mean, var, w, b, True).add_(skip)),
             lambda: F.group_norm(x, 32, w, b), lambda: F.layer_norm(x, (C,), w, b), lambda: F.rms_norm(x, (C,), w, 1e-5)][what]

        def run():
            y = f()
            if grad:
                for t in leaves:
                    t.grad = None
                y.backward(g)
        return run
    steps = [step(layout) for layout in layouts]
    return min(steps, key=lambda s: min(sample(s, calls(s)) for _ in range(3))) if len(steps) > 1 else steps[0]


# --- pooling, forward and backward, in NCHW or channels_last, whichever is faster
def pool(kind, N, C, H, kernel, stride, padding):
    def step(layout):
        x = torch.rand(N, C, H, H).contiguous(memory_format=layout).requires_grad_()
        f = F.max_pool2d if kind == "max" else F.avg_pool2d
        g = torch.rand_like(f(x, kernel, stride, padding))

        def run():
            x.grad = None
            f(x, kernel, stride, padding).backward(g)
        return run
    steps = [step(layout) for layout in (torch.contiguous_format, torch.channels_last)]
    return min(steps, key=lambda s: min(sample(s, 1) for _ in range(3)))


# --- overhead: 100 ops on 8 elements, forward and backward; seconds per op
def overhead(op):
    x, w, b = (torch.rand(s, requires_grad=True) for s in ((8,), (8, 8), (8,)))
    g = torch.rand(8)
    f = {
        "add": lambda y: y + x, "mul": lambda y: y * x, "relu": torch.relu, "tanh": torch.tanh, "sigmoid": torch.sigmoid,
        "mul_scalar": lambda y: y * 1.01, "reshape": lambda y: y.reshape(8), "linear": lambda y: F.linear(y, w, b),
    }[op]

    def run():
        y = x
        for _ in range(100):
            y = f(y)
        x.grad = w.grad = b.grad = None
        y.backward(g)
    run.calls = 100
    return run


# --- whole training steps
def train(model, fused=None):
    if fused is None:                           # whichever optimizer is faster
        steps = [train(model, f) for f in (False, True)]
        return min(steps, key=lambda s: min(sample(s, calls(s)) for _ in range(3)))
    nn = torch.nn
    torch.manual_seed(1)
    if model == "perceptron":
        net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
        x, t, kind, loss = torch.rand(4, 2), torch.rand(4, 1), "sgd", F.mse_loss
    else:
        net = nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10))
        x, t, kind, loss = torch.rand(64, 784), torch.randint(10, (64,)), "momentum", F.cross_entropy
    o = optimizer(kind, net.parameters(), fused)

    def run():
        o.zero_grad()
        loss(net(x), t).backward()
        o.step()
    return run


def sample(run, n):
    for _ in range(n // 4 + 1):
        run()
    t = time.perf_counter()
    for _ in range(n):
        run()
    return (time.perf_counter() - t) / n


def calls(run):
    n, t = 1, 0.0
    run()
    while t < 0.1 * SAMPLE:
        n *= 2
        t = sample(run, n) * n
    return max(1, int(n * SAMPLE / t))


def main():
    cases = {f.__name__: f for f in (gemm, forward, backward, optim, cross_entropy, overhead, train, norm, pool)}
    out = os.fdopen(os.dup(1), "w")             # whatever else is printed must not disturb the protocol
    os.dup2(2, 1)
    print("ready", torch.__version__, file=out, flush=True)
    current, run, n = None, None, 0
    for line in sys.stdin:
        _, threads, name, *args = line.split()
        if line != current:
            run = None                          # frees the memory of the last case
            torch.set_num_threads(int(threads))
            run = cases[name](*[int(a) if a.isdigit() else a for a in args])
            n = calls(run)
            current = line
        seconds = sample(run, n) / getattr(run, "calls", 1)
        time.sleep(0.008)                       # until idle OpenMP workers sleep
        print(repr(seconds), file=out, flush=True)


main()
