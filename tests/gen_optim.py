"""Writes tests/golden_optim.h: parameters of a small network after some of 100 steps of PyTorch's optimizers, in double.

    python3 tests/gen_optim.py > tests/golden_optim.h

The network is linear(2, 3), tanh, linear(3, 1) with the mean squared error on the four points of XOR; parameter number i
begins as sin(i + 1).  tests/test_optim.c does the same with dl.h."""
import math
import torch

STEPS = [1, 2, 3, 10, 30, 100]
SETTINGS = [  # name, optimizer, options, largest norm of the gradient
    ("sgd", torch.optim.SGD, dict(lr=0.1), 0),
    ("sgd_default", torch.optim.SGD, dict(), 0),
    ("sgd_momentum", torch.optim.SGD, dict(lr=0.1, momentum=0.9), 0),
    ("sgd_dampening", torch.optim.SGD, dict(lr=0.1, momentum=0.9, dampening=0.3, weight_decay=0.02), 0),
    ("sgd_nesterov", torch.optim.SGD, dict(lr=0.05, momentum=0.8, nesterov=True, weight_decay=0.01), 0),
    ("sgd_clip", torch.optim.SGD, dict(lr=0.3, momentum=0.9), 0.1),
    ("adam", torch.optim.Adam, dict(), 0),
    ("adam_options", torch.optim.Adam, dict(lr=0.05, betas=(0.7, 0.95), eps=1e-3, weight_decay=0.1), 0),
    ("adam_clip", torch.optim.Adam, dict(lr=0.02), 0.05),
    ("adamw", torch.optim.AdamW, dict(), 0),
    ("adamw_options", torch.optim.AdamW, dict(lr=0.03, betas=(0.8, 0.99), eps=1e-6, weight_decay=0.3), 0),
]


def trajectory(optimizer, options, clip):
    net = torch.nn.Sequential(torch.nn.Linear(2, 3), torch.nn.Tanh(), torch.nn.Linear(3, 1)).double()
    i = 0
    for p in net.parameters():
        with torch.no_grad():
            for k in range(p.numel()):
                p.view(-1)[k] = math.sin(i + 1)
                i += 1
    x = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1]], dtype=torch.float64)
    t = torch.tensor([[0], [1], [1], [0]], dtype=torch.float64)
    opt = optimizer(net.parameters(), **options)
    for step in range(1, max(STEPS) + 1):
        opt.zero_grad()
        torch.nn.functional.mse_loss(net(x), t).backward()
        if clip:
            torch.nn.utils.clip_grad_norm_(net.parameters(), clip)
        opt.step()
        if step in STEPS:
            yield torch.cat([p.detach().view(-1) for p in net.parameters()])


print("/* Made by gen_optim.py with PyTorch %s: do not edit. */" % torch.__version__.split("+")[0])
print("static const int golden_steps[] = {%s};" % ", ".join(map(str, STEPS)))
print("static const struct { const char *name; double w[%d][13]; } golden_optim[] = {" % len(STEPS))
for name, optimizer, options, clip in SETTINGS:
    rows = ["{%s}" % ", ".join("%.12g" % v for v in w) for w in trajectory(optimizer, options, clip)]
    print('    {"%s", {\n        %s}},' % (name, ",\n        ".join(rows)))
print("};")
