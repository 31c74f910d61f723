"""PyTorch as a peer of the benches: a child process that times one case whenever it is asked.

Line in:   run THREADS CASE ARGUMENTS...
Line out:  seconds per call

A case is a function that prepares everything and returns what is to be timed.  PyTorch gets its best: preallocated
results where there is an out=, fused optimizers where they are faster, and (peers.h) a malloc that keeps its memory.
"""
import math
import os
import sys
import time
import warnings

import torch
import torch.nn.functional as F

warnings.filterwarnings("ignore")
SAMPLE = 2e-3                                   # seconds a sample takes, about; at least one call


def gemm(M, N, K, ta=0, tb=0):
    a, b, c = torch.rand(K, M).t() if ta else torch.rand(M, K), torch.rand(N, K).t() if tb else torch.rand(K, N), torch.empty(M, N)
    return lambda: torch.mm(a, b, out=c)


# --- elementwise: n elements, softmax on rows of 1024
ACTIVATIONS = {
    "leaky_relu": F.leaky_relu, "elu": F.elu, "selu": F.selu, "celu": lambda x: F.celu(x, 2.0), "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"), "silu": F.silu, "mish": F.mish, "softplus": F.softplus,
    "logsigmoid": F.logsigmoid, "softsign": F.softsign, "tanhshrink": F.tanhshrink, "softshrink": F.softshrink,
    "hardtanh": F.hardtanh, "hardsigmoid": F.hardsigmoid, "hardswish": F.hardswish,
}


def shape(op, n):
    return (n // 1024, 1024) if op == "softmax" else (n,)


def forward(op, n):
    a, b = torch.rand(shape(op, n)) * 4 - 2, torch.rand(shape(op, n)) * 4 - 2
    y = torch.empty_like(a)
    if op in ACTIVATIONS:
        return lambda: ACTIVATIONS[op](a)
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
    y = ACTIVATIONS[op](a) if op in ACTIVATIONS else {
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
        "rmsprop": lambda **o: torch.optim.RMSprop(params, lr=0.001, **o),
        "centered": lambda **o: torch.optim.RMSprop(params, lr=0.001, centered=True, momentum=0.9, **o),
        "amsgrad": lambda **o: torch.optim.Adam(params, amsgrad=True, **o),
        "muon": lambda **o: torch.optim.Muon(params, **o),
    }
    for name in ("Adam", "AdamW", "NAdam", "RAdam", "Adamax", "Adagrad", "Adadelta", "Rprop", "ASGD", "Adafactor"):
        kinds[name.lower()] = lambda name=name, **o: getattr(torch.optim, name)(params, **o)
    return kinds[kind](fused=True) if fused else kinds[kind]()


def optim(kind, variant, n):
    shape = (1024, n // 1024) if kind in ("muon", "adafactor") else (n,)
    w = torch.rand(shape, requires_grad=True)
    w.grad = torch.rand(shape)
    o = optimizer(kind, [w], variant == "fused")
    return o.step


# --- losses
def cross_entropy(N, C):
    x, t = torch.randn(N, C, requires_grad=True), torch.randint(C, (N,))

    def run():
        x.grad = None
        F.cross_entropy(x, t).backward()
    return run


# --- ops of bench/ops.c, forward and backward
def op(name):
    maps = name in ("grid_sample", "nearest", "bilinear", "adaptive_avg", "adaptive_max", "adaptive_even", "nhwc")
    x = torch.rand((8, 32, 32, 32) if maps else (64, 1000, 3) if name == "add_short" else (65536, 3) if name.endswith("_short") else (64, 1024),
                   requires_grad=True)
    column = torch.rand(64, 1000, 1)
    grid, index, target, src = torch.rand(8, 32, 32, 2), torch.randint(64, (256, 1024)), torch.rand(64, 1024), torch.rand(256, 1024)
    f = {
        "grid_sample": lambda: F.grid_sample(x, grid, align_corners=False),
        "nearest": lambda: F.interpolate(x, scale_factor=2),
        "bilinear": lambda: F.interpolate(x, scale_factor=2, mode="bilinear"),
        "add_short": lambda: x + column, "sum_short": lambda: x.sum(1), "lse_short": lambda: x.logsumexp(1),
        "adaptive_even": lambda: F.adaptive_avg_pool2d(x, 16), "adaptive_avg": lambda: F.adaptive_avg_pool2d(x, 7), "adaptive_max": lambda: F.adaptive_max_pool2d(x, 7),
        "nhwc": lambda: x.permute(0, 2, 3, 1).contiguous(), "transpose": lambda: x.t().contiguous(),
        "softmax": lambda: x.softmax(0), "log_softmax": lambda: x.log_softmax(0), "logsumexp": lambda: x.logsumexp(0),
        "gather": lambda: x.gather(0, index), "scatter_add": lambda: x.scatter_add(0, index, src), "sort": lambda: x.sort(dim=1, stable=True)[0],
        "kl_div": lambda: F.kl_div(x, target, reduction="mean"), "bce_loss": lambda: F.binary_cross_entropy(x, target),
        "huber_loss": lambda: F.huber_loss(x, target), "smooth_l1_loss": lambda: F.smooth_l1_loss(x, target, beta=0.5),
    }[name]
    g = torch.rand_like(f())

    def run():
        x.grad = None
        f().backward(g)
    return run


# --- augmentation, picture by picture, as torchvision's transforms do it
def augment(kind, N):
    x = torch.rand(N, 3, 32, 32)

    def uniform(low, high):
        return torch.empty(1).uniform_(low, high).item()

    def crop(p):
        p = F.pad(p, [4] * 4)
        i, j = torch.randint(9, (2,)).tolist()
        return p[:, i:i + 32, j:j + 32]

    def flip(p):
        return p.flip(-1) if torch.rand(1) < 0.5 else p

    def affine(p):
        a = uniform(-15, 15) * 3.141592653589793 / 180
        t = torch.tensor([[[math.cos(a), -math.sin(a), uniform(-.2, .2)], [math.sin(a), math.cos(a), uniform(-.2, .2)]]])
        return F.grid_sample(p[None], F.affine_grid(t, (1, 3, 32, 32), align_corners=False), mode="nearest", align_corners=False)[0]

    def grey(p):
        return (0.2989 * p[0] + 0.587 * p[1] + 0.114 * p[2])[None]

    def jitter(p):
        blend = lambda a, b, f: (f * a + (1 - f) * b).clamp(0, 1)
        p = (p * uniform(.8, 1.2)).clamp(0, 1)
        p = blend(p, grey(p).mean(), uniform(.8, 1.2))
        return blend(p, grey(p), uniform(.8, 1.2))

    f = {"crop": crop, "flip": flip, "recipe": lambda p: flip(crop(p)), "affine": affine, "jitter": jitter}[kind]
    return lambda: torch.stack([f(p) for p in x])


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
    return min(steps, key=least) if len(steps) > 1 else steps[0]


# --- convolution: one pass, in NCHW or channels_last, whichever is faster
def conv(which, N, C, H, K, R, stride, padding, dilation, groups):
    def step(layout):
        x, w = torch.rand(N, C, H, H).contiguous(memory_format=layout), torch.rand(K, C // groups, R, R).contiguous(memory_format=layout)
        g = torch.rand_like(F.conv2d(x, w, None, stride, padding, dilation, groups))
        geometry = [stride] * 2, [padding] * 2, [dilation] * 2, False, [0, 0], groups
        wanted = [which == "data", which == "weights", False]

        def run():
            with torch.no_grad():
                if which == "forward":
                    F.conv2d(x, w, None, stride, padding, dilation, groups)
                else:
                    torch.ops.aten.convolution_backward(g, x, w, None, *geometry, wanted)
        return run
    steps = [step(layout) for layout in (torch.contiguous_format, torch.channels_last)]
    return min(steps, key=least)


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
    return min(steps, key=least)


# --- attention, causal; one query sees all keys
def attention(backward, N, H, T, S, D):
    q, k, v = torch.randn(N, H, T, D), torch.randn(N, H, S, D), torch.randn(N, H, S, D)
    if not backward:
        def run():
            with torch.no_grad():
                F.scaled_dot_product_attention(q, k, v, is_causal=T > 1)
        return run
    for t in (q, k, v):
        t.requires_grad_()
    y = F.scaled_dot_product_attention(q, k, v, is_causal=T > 1)
    g = torch.randn_like(y)

    def run_backward():
        q.grad = k.grad = v.grad = None
        y.backward(g, retain_graph=True)
    return run_backward


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


# --- networks: (name of dl.h's bench) -> module, input, kind of optimizer
nn = torch.nn


def conv_norm(i, o, k=1, s=1, g=1, act=None):
    return [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o)] + ([act(inplace=True)] if act else [])


class Residual(nn.Module):                      # y = relu(f(x) + x)
    def __init__(self, f, shortcut):
        super().__init__()
        self.f, self.shortcut = nn.Sequential(*f), nn.Sequential(*shortcut)

    def forward(self, x):
        return F.relu_(self.f(x) + self.shortcut(x))


def resnet(depth, wide, small, classes):
    layers = conv_norm(3, 64, 3, 1, act=nn.ReLU) if small else conv_norm(3, 64, 7, 2, act=nn.ReLU) + [nn.MaxPool2d(3, 2, 1)]
    i = 64
    for stage, n in enumerate(depth):
        for k in range(n):
            w, s = 64 << stage, 2 if stage and not k else 1
            o = 4 * w if wide else w
            f = (conv_norm(i, w, act=nn.ReLU) + conv_norm(w, w, 3, s, act=nn.ReLU) + conv_norm(w, o) if wide else
                 conv_norm(i, w, 3, s, act=nn.ReLU) + conv_norm(w, w, 3))
            layers.append(Residual(f, conv_norm(i, o, 1, s) if s != 1 or i != o else []))
            i = o
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, classes))


class Inverted(nn.Module):
    def __init__(self, i, o, s, e):
        super().__init__()
        self.skip = s == 1 and i == o
        self.f = nn.Sequential(*(conv_norm(i, i * e, act=nn.ReLU6) if e > 1 else []),
                               *conv_norm(i * e, i * e, 3, s, i * e, nn.ReLU6), *conv_norm(i * e, o))

    def forward(self, x):
        return x + self.f(x) if self.skip else self.f(x)


def mobilenet_v2():
    layers, i = conv_norm(3, 32, 3, 2, act=nn.ReLU6), 32
    for e, o, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for k in range(n):
            layers.append(Inverted(i, o, s if k == 0 else 1, e))
            i = o
    return nn.Sequential(*layers, *conv_norm(i, 1280, act=nn.ReLU6), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1280, 1000))


def network(name):
    torch.manual_seed(1)
    if name == "perceptron":
        return nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1)), torch.rand(4, 2), "sgd"
    if name == "mlp":
        return (nn.Sequential(nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(), nn.Linear(512, 10)),
                torch.rand(64, 784), "momentum")
    if name == "mnist_cnn":
        return nn.Sequential(nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(),
                             nn.MaxPool2d(2), nn.Flatten(), nn.Linear(3136, 128), nn.ReLU(), nn.Dropout(0.5),
                             nn.Linear(128, 10)), torch.rand(64, 1, 28, 28), "adam"
    if name == "kann_cnn":
        return nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 32, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(0.2),
                             nn.Flatten(), nn.Linear(4608, 128), nn.ReLU(), nn.Dropout(0.2),
                             nn.Linear(128, 10)), torch.rand(64, 1, 28, 28), "rmsprop"
    if name == "resnet18":
        return resnet((2, 2, 2, 2), False, True, 10), torch.rand(32, 3, 32, 32), "momentum"
    return (resnet((3, 4, 6, 3), True, False, 1000) if name == "resnet50" else mobilenet_v2()), torch.rand(1, 3, 224, 224), None


def inner(net, x):
    return net.to(memory_format=torch.channels_last), x.to(memory_format=torch.channels_last)


# --- whole training steps: the optimizer and the layout that are faster
def train_step(name, fused, channels_last):
    net, x, kind = network(name)
    if channels_last:
        net, x = inner(net, x)
    t = torch.rand(4, 1) if name == "perceptron" else torch.randint(10, (x.shape[0],))
    loss = F.mse_loss if name == "perceptron" else F.cross_entropy
    o = optimizer(kind, list(net.parameters()), fused)

    def run():
        o.zero_grad()
        loss(net(x), t).backward()
        o.step()
    return run


def train(name):
    layouts = (False, True) if network(name)[1].dim() == 4 else (False,)
    fused = (False,) if network(name)[2] == "rmsprop" else (False, True)
    return min([train_step(name, f, l) for f in fused for l in layouts], key=least)


# --- recurrent networks: character models (V > 0), layers alone, training steps or inference
def rnn(kind, layers, H, N, T, V, train):
    def make(fused):
        m = getattr(torch.nn, kind.upper())(H, H, num_layers=layers)
        table, head = torch.nn.Embedding(max(V, 1), H), torch.nn.Linear(H, max(V, 1))
        parts = [m, table, head] if V else [m]
        o = torch.optim.Adam([p for part in parts for p in part.parameters()], fused=fused)
        x = torch.randint(V, (T, N)) if V else torch.rand(T, N, H)
        t = torch.randint(max(V, 1), (T * N,))

        def run():
            if not train:
                with torch.inference_mode():
                    m(x)
                return
            o.zero_grad()
            loss = F.cross_entropy(head(m(table(x))[0]).view(T * N, V), t) if V else m(x)[0].sum()
            loss.backward()
            o.step()
        return run
    return min([make(fused) for fused in ((False, True) if train else (True,))], key=least)


# --- GPT-2's architecture: training steps, and one token with the keys and values of those before in a cache
class GPTBlock(nn.Module):
    def __init__(self, d, heads):
        super().__init__()
        self.heads, self.ln_1, self.ln_2 = heads, nn.LayerNorm(d), nn.LayerNorm(d)
        self.qkv, self.proj, self.fc, self.out = nn.Linear(d, 3 * d), nn.Linear(d, d), nn.Linear(d, 4 * d), nn.Linear(4 * d, d)

    def forward(self, x, cache=None, at=0):
        n, t, d = x.shape
        q, k, v = (z.view(n, t, self.heads, -1).transpose(1, 2) for z in self.qkv(self.ln_1(x)).split(d, 2))
        if cache is not None:
            cache[0][:, :, at:at + t], cache[1][:, :, at:at + t] = k, v
            k, v = cache[0][:, :, :at + t], cache[1][:, :, :at + t]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=t > 1)
        x = x + self.proj(y.transpose(1, 2).reshape(n, t, d))
        return x + self.out(F.gelu(self.fc(self.ln_2(x)), approximate="tanh"))


class GPT(nn.Module):
    def __init__(self, vocab, block, layers, heads, d):
        super().__init__()
        self.wte, self.wpe, self.ln_f = nn.Embedding(vocab, d), nn.Embedding(block, d), nn.LayerNorm(d)
        self.h = nn.ModuleList(GPTBlock(d, heads) for _ in range(layers))

    def forward(self, i, caches=None, at=0):
        x = self.wte(i) + self.wpe(torch.arange(at, at + i.shape[1]))
        for k, b in enumerate(self.h):
            x = b(x, caches and caches[k], at)
        return F.linear(self.ln_f(x), self.wte.weight)


def gpt_step(name):
    vocab, t, sizes = (50257, 64, (1024, 12, 12, 768)) if name == "gpt2" else (65, 256, (256, 6, 6, 384))
    net = GPT(vocab, *sizes)
    o = optimizer("adamw", list(net.parameters()), True)
    x, target = torch.randint(vocab, (4, t)), torch.randint(vocab, (4 * t,))

    def run():
        o.zero_grad()
        F.cross_entropy(net(x).view(4 * t, vocab), target).backward()
        o.step()
    return run


def gpt_token():
    net = GPT(50257, 1024, 12, 12, 768)
    caches = [(torch.zeros(1, 12, 64, 64), torch.zeros(1, 12, 64, 64)) for _ in range(12)]
    token, run_at = torch.tensor([[7]]), [8]

    def run():
        with torch.inference_mode():
            net(token, caches, run_at[0]).argmax(-1)
        run_at[0] = 8 + (run_at[0] - 7) % 32
    return run


# --- bytes of the resident set at the peak of three training steps, over what the weights take
def resident(key):
    with open("/proc/self/status") as f:
        return next(int(line.split()[1]) * 1024 for line in f if line.startswith(key))


def memory(name):                               # run as  python3 peer_torch.py memory NAME THREADS
    net, x, kind = network(name)
    before = resident("VmRSS")
    t, o = torch.randint(10, (x.shape[0],)), optimizer(kind, list(net.parameters()), False)
    for _ in range(3):
        o.zero_grad()
        F.cross_entropy(net(x), t).backward()
        o.step()
    print(resident("VmHWM") - before)


# --- inference of one picture: batch norms folded into the convolutions, the faster layout
def fold(m):
    for name, child in m.named_children():
        fold(child)
    if isinstance(m, nn.Sequential):
        kept = []
        for child in m:
            if isinstance(child, nn.BatchNorm2d):
                kept[-1] = torch.nn.utils.fusion.fuse_conv_bn_eval(kept[-1], child)
            else:
                kept.append(child)
        m._modules = {str(i): k for i, k in enumerate(kept)}


def infer(name):
    runs = []
    for channels_last in (False, True):
        net, x, _ = network(name)
        net.eval()
        fold(net)
        if channels_last:
            net, x = inner(net, x)

        def run(net=net, x=x):
            with torch.inference_mode():
                net(x)
        runs.append(run)
        try:                                    # the graph compiler's oneDNN fusions, where this version still has it
            with torch.inference_mode():
                traced = torch.jit.optimize_for_inference(torch.jit.trace(net, x))
                traced(x)

            def run_traced(net=traced, x=x):
                with torch.inference_mode():
                    net(x)
            runs.append(run_traced)
        except Exception:
            pass
    return min(runs, key=least)


# as in bench.h: a quarter of the calls before, to warm caches; n = 0: one alone, so long that this matters little
def set_precision(p):                           # of matrix products and, where this PyTorch can, of convolutions
    torch.set_float32_matmul_precision(p)
    if hasattr(torch.backends.mkldnn, "conv"):
        torch.backends.mkldnn.conv.fp32_precision = "bf16" if p == "medium" else "ieee"


def sample(run, n):
    warm, n = (n // 4 + 1, n) if n else (0, 1)
    for _ in range(warm):
        run()
    t = time.perf_counter()
    for _ in range(n):
        run()
    return (time.perf_counter() - t) / n


def calls(run):
    run()
    if sample(run, 0) > 100e-3:
        return 0
    n, t = 1, 0.0
    while t < 0.1 * SAMPLE:
        n *= 2
        t = sample(run, n) * n
    return max(1, int(n * SAMPLE / t))


def least(run):
    n = calls(run)
    return min(sample(run, n) for _ in range(3))


def main():
    cases = {f.__name__: f for f in (rnn, augment, op, gemm, conv, forward, backward, optim, cross_entropy, overhead, train, infer, norm, pool, attention, gpt_step, gpt_token)}
    out = os.fdopen(os.dup(1), "w")             # whatever else is printed must not disturb the protocol
    os.dup2(2, 1)
    print("ready", torch.__version__, file=out, flush=True)
    current, run, n = None, None, 0
    for line in sys.stdin:
        _, threads, name, *args = line.split()
        args, options = [a for a in args if "=" not in a], dict(a.split("=") for a in args if "=" in a)
        if line != current:
            run = None                          # frees the memory of the last case
            set_precision(options.get("precision", "highest"))
            torch.set_num_threads(int(threads))
            run = cases[name](*[int(a) if a.isdigit() else a for a in args])
            n = calls(run)
            current = line
        seconds = sample(run, n) / getattr(run, "calls", 1)
        time.sleep(0.008)                       # until idle OpenMP workers sleep
        print(repr(seconds), file=out, flush=True)


if len(sys.argv) > 1:
    torch.set_num_threads(int(sys.argv[3]))
    memory(sys.argv[2])
else:
    main()
