"""Writes tests/golden_optim.h: parameters of a small network on the way of 1000 steps of PyTorch's optimizers, and learning
rates of its schedulers, in double.

    python3 tests/gen_optim.py > tests/golden_optim.h

The network is linear(2, 3), tanh, linear(3, 1) with the mean squared error on the four points of XOR; parameter number i
begins as sin(i + 1).  Target k is XOR + sin(0.7 t + k) in step t: gradients that vanish would make the scale-free optimizers
chaotic.  tests/test_optim.c does the same with dl.h.  What PyTorch lacks (SAM, lookahead, Muon in double) is
written out here."""
import math
import torch
import torch.optim.lr_scheduler as lr
import torch.optim._muon as muon
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

O = torch.optim
STEPS = [1, 10, 1000]
SETTINGS = [  # name, optimizer, options, largest norm of the gradient
    ("sgd", O.SGD, dict(lr=0.1), 0),
    ("sgd_default", O.SGD, dict(), 0),
    ("sgd_momentum", O.SGD, dict(lr=0.1, momentum=0.9), 0),
    ("sgd_dampening", O.SGD, dict(lr=0.02, momentum=0.9, dampening=0.3, weight_decay=0.02), 0),
    ("sgd_nesterov", O.SGD, dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01), 0),
    ("sgd_clip", O.SGD, dict(lr=0.3, momentum=0.9), 0.1),
    ("asgd", O.ASGD, dict(), 0),
    ("asgd_options", O.ASGD, dict(lr=0.1, lambd=1e-2, alpha=0.6, t0=5, weight_decay=0.01), 0),
    ("adam", O.Adam, dict(), 0),
    ("adam_options", O.Adam, dict(lr=0.05, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.1), 0),
    ("adam_clip", O.Adam, dict(lr=0.02), 0.05),
    ("adam_amsgrad", O.Adam, dict(lr=0.02, amsgrad=True), 0),
    ("adamw", O.AdamW, dict(), 0),
    ("adamw_options", O.AdamW, dict(lr=0.03, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.3, amsgrad=True), 0),
    ("nadam", O.NAdam, dict(), 0),
    ("nadam_options", O.NAdam, dict(lr=0.02, betas=(0.8, 0.99), momentum_decay=1e-2, weight_decay=0.1, decoupled_weight_decay=True), 0),
    ("radam", O.RAdam, dict(), 0),
    ("radam_options", O.RAdam, dict(lr=0.02, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.1), 0),
    ("adamax", O.Adamax, dict(), 0),
    ("adamax_options", O.Adamax, dict(lr=0.01, betas=(0.8, 0.99), eps=1e-4, weight_decay=0.05), 0),
    ("adagrad", O.Adagrad, dict(), 0),
    ("adagrad_options", O.Adagrad, dict(lr=0.1, lr_decay=0.01, weight_decay=0.02, initial_accumulator_value=0.1, eps=1e-3), 0),
    ("adadelta", O.Adadelta, dict(), 0),
    ("adadelta_options", O.Adadelta, dict(lr=0.5, rho=0.8, eps=1e-4, weight_decay=0.01), 0),
    ("rmsprop", O.RMSprop, dict(), 0),
    ("rmsprop_momentum", O.RMSprop, dict(lr=0.002, momentum=0.8, weight_decay=0.01), 0),
    ("rmsprop_centered", O.RMSprop, dict(lr=0.002, alpha=0.9, eps=1e-3, centered=True, momentum=0.5), 0),
    ("rmsprop_variance", O.RMSprop, dict(lr=0.002, centered=True), 0),
    ("rprop", O.Rprop, dict(), 0),
    ("rprop_options", O.Rprop, dict(lr=0.05, etas=(0.4, 1.1), step_sizes=(1e-4, 0.06)), 0),
    ("adafactor", O.Adafactor, dict(), 0),
    ("adafactor_options", O.Adafactor, dict(lr=0.05, beta2_decay=-0.5, eps=(1e-6, 1e-2), d=2.0, weight_decay=0.1), 0),
]


def network():
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    i = 0
    for p in net.parameters():
        with torch.no_grad():
            for k in range(p.numel()):
                p.view(-1)[k] = math.sin(i + 1)
                i += 1
    return net


X = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
T = torch.tensor([[0], [1], [1], [0]], dtype=torch.float64)


NOW = 0


def closure_of(net):
    def closure():
        net.zero_grad()
        target = T + torch.tensor([[math.sin(0.7 * NOW + k)] for k in range(4)], dtype=torch.float64)
        loss = torch.nn.functional.mse_loss(net(X), target)
        loss.backward()
        return loss
    return closure


def values(net):
    return torch.cat([p.detach().reshape(-1) for p in net.parameters()])


def row(name, steps, w):
    rows = ["{%s}" % ", ".join("%.12g" % v for v in x) for x in w]
    print('    {"%s", {%s}, {\n        %s}},' % (name, ", ".join(map(str, steps)), ",\n        ".join(rows)))


def run(name, net, step, steps=STEPS, look=lambda: None):
    global NOW
    out = []
    for t in range(1, max(steps) + 1):
        NOW = t
        step(t)
        if t in steps:
            out.append(values(look() or net))
    row(name, steps, out)


print("/* Made by gen_optim.py with PyTorch %s: do not edit. */" % torch.__version__.split("+")[0])
print("static const struct { const char *name; int steps[3]; double w[3][13]; } golden_optim[] = {")

for name, optimizer, options, clip in SETTINGS:
    net = network()
    opt, closure = optimizer(net.parameters(), **options), closure_of(net)

    def step(t):
        closure()
        if clip:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        opt.step()
    run(name, net, step)

for name, options in [("lbfgs", dict(lr=0.2, max_iter=5, history_size=3)), ("lbfgs_wolfe", dict(line_search_fn="strong_wolfe"))]:
    net = network()
    opt, closure = O.LBFGS(net.parameters(), **options), closure_of(net)
    run(name, net, lambda t: opt.step(closure), [1, 2, 3])

# groups: no decay on biases, another rate for the first layer
net = network()
opt, closure = O.AdamW([dict(params=[net[0].weight], lr=0.002), dict(params=[net[2].weight]),
                        dict(params=[net[0].bias, net[2].bias], weight_decay=0)], lr=0.01, weight_decay=0.2), closure_of(net)
run("groups", net, lambda t: (closure(), opt.step()))

# Muon in double, not bfloat16; biases by AdamW
def orthogonalize(g, coefficients, steps, eps):
    a, b, c = coefficients
    x = g.T if g.size(0) > g.size(1) else g
    x = x / max(x.norm().item(), eps)
    for _ in range(steps):
        m = x @ x.T
        x = a * x + (b * m + c * m @ m) @ x
    return x.T if g.size(0) > g.size(1) else x


muon._zeropower_via_newtonschulz = orthogonalize
for name, options in [("muon", dict()), ("muon_options", dict(lr=0.02, momentum=0.8, weight_decay=0.01, nesterov=False, ns_steps=3,
                                                               adjust_lr_fn="match_rms_adamw"))]:
    net = network()
    closure = closure_of(net)
    m = O.Muon([p for p in net.parameters() if p.ndim > 1], **options)
    a = O.AdamW([p for p in net.parameters() if p.ndim < 2], lr=3e-4, betas=(0.9, 0.95), eps=1e-10, weight_decay=options.get("weight_decay", 0.1))
    run(name, net, lambda t: (closure(), m.step(), a.step()))

# lookahead and SAM
net = network()
opt, closure, slow = O.Adam(net.parameters(), lr=0.01), closure_of(net), [p.detach().clone() for p in net.parameters()]


def step(t):
    closure()
    opt.step()
    if t % 5 == 0:
        with torch.no_grad():
            for p, s in zip(net.parameters(), slow):
                s += 0.5 * (p - s)
                p.copy_(s)


run("lookahead", net, step)
net = network()
opt, closure = O.SGD(net.parameters(), lr=0.1, momentum=0.9), closure_of(net)


def step(t):
    closure()
    with torch.no_grad():
        before = [p.clone() for p in net.parameters()]
        norm = torch.sqrt(sum((p.grad ** 2).sum() for p in net.parameters()))
        for p in net.parameters():
            p += 0.1 * p.grad / (norm + 1e-12)
    closure()
    with torch.no_grad():
        for p, b in zip(net.parameters(), before):
            p.copy_(b)
    opt.step()


run("sam", net, step)

net, average = network(), network()                              # what ASGD is for: not the weights, their average
opt, closure = O.ASGD(net.parameters(), lr=0.1, t0=5), closure_of(net)


def averaged():
    with torch.no_grad():
        for p, q in zip(net.parameters(), average.parameters()):
            q.copy_(opt.state[p]["ax"])
    return average


run("asgd_average", net, lambda t: (closure(), opt.step()), look=averaged)

for name, options in [("ema", dict(multi_avg_fn=get_ema_multi_avg_fn(0.9))), ("swa", dict())]:
    net = network()
    opt, closure, average = O.Adam(net.parameters(), lr=0.01), closure_of(net), AveragedModel(net, **options)
    run(name, net, lambda t: (closure(), opt.step(), average.update_parameters(net)), look=lambda: average.module)
print("};")

# --- schedules: learning rate and momentum at the steps 0 .. 29, from lr 0.1 and momentum 0.9
SCHEDULES = [
    ("constant", lambda o: lr.ConstantLR(o)),
    ("linear", lambda o: lr.LinearLR(o, start_factor=0.1, total_iters=8)),
    ("step", lambda o: lr.StepLR(o, 7, gamma=0.5)),
    ("multi_step", lambda o: lr.MultiStepLR(o, [3, 9, 20])),
    ("exponential", lambda o: lr.ExponentialLR(o, 0.9)),
    ("polynomial", lambda o: lr.PolynomialLR(o, total_iters=20, power=2.0)),
    ("cosine", lambda o: lr.CosineAnnealingLR(o, 20, eta_min=0.01)),
    ("cosine_restarts", lambda o: lr.CosineAnnealingWarmRestarts(o, 4, T_mult=2, eta_min=0.001)),
    ("cosine_restarts1", lambda o: lr.CosineAnnealingWarmRestarts(o, 6)),
    ("one_cycle", lambda o: lr.OneCycleLR(o, 0.5, total_steps=30)),
    ("one_cycle3", lambda o: lr.OneCycleLR(o, 0.5, total_steps=30, pct_start=0.4, anneal_strategy="linear", three_phase=True)),
    ("cyclic", lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=5)),
    ("cyclic2", lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=3, step_size_down=5, mode="triangular2")),
    ("cyclic_exp", lambda o: lr.CyclicLR(o, 0.01, 0.1, step_size_up=5, mode="exp_range", gamma=0.95, cycle_momentum=False)),
    ("lambda", lambda o: lr.LambdaLR(o, lambda t: 1 / (1 + t * t))),
    ("plateau", lambda o: lr.ReduceLROnPlateau(o, factor=0.5, patience=2, cooldown=1, min_lr=0.02)),
    ("chained", lambda o: lr.ChainedScheduler([lr.ConstantLR(o, factor=0.1, total_iters=4), lr.ExponentialLR(o, 0.9)], o)),
    ("sequential", lambda o: lr.SequentialLR(o, [lr.LinearLR(o, start_factor=0.2, total_iters=6), lr.CosineAnnealingLR(o, 20)], [6])),
]
print("static const struct { const char *name; double lr[30], momentum[30]; } golden_schedules[] = {")
for name, make in SCHEDULES:
    w = torch.zeros(1, requires_grad=True)
    opt = O.SGD([w], lr=0.1, momentum=0.9)
    s = make(opt)
    rates, momenta = [], []
    for t in range(30):
        rates.append(opt.param_groups[0]["lr"])
        momenta.append(opt.param_groups[0]["momentum"])
        opt.step()
        if name == "plateau":
            s.step(max(1.0 - 0.1 * t, 0.5) + 0.01 * (t % 3))
        elif t < 29:
            s.step()
    print('    {"%s",\n     {%s},\n     {%s}},' % (name, ", ".join("%.10g" % v for v in rates), ", ".join("%.6g" % v for v in momenta)))
print("};")
