"""Golden values of the models of dl.h: the same networks in PyTorch, in double, with weights from a formula.

    python3 tests/gen_models.py > tests/golden_models.h
"""
import math

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.set_default_dtype(torch.float64)


def sines(n, phase):
    return torch.sin(torch.arange(n) * 0.37 + phase)


def fill(net):                                  # the formula of test_models.c: fill()
    for j, (name, t) in enumerate((k, v) for k, v in net.state_dict().items() if "num_batches" not in k):
        s = sines(t.numel(), 1.3 * j).reshape(t.shape)
        last = name.split(".")[-1]
        if t.dim() > 1:
            t.copy_(s * math.sqrt(3 / (t.numel() / t.shape[0])))
        elif last == "weight":
            t.copy_(1 + 0.1 * s)
        elif last == "running_var":
            t.copy_(1 + 0.3 * s)
        else:
            t.copy_(0.1 * s)


def seq(**layers):
    m = nn.Sequential()
    for k, v in layers.items():
        m.add_module(k, v)
    return m


def lenet5():
    return seq(conv1=nn.Conv2d(1, 6, 5, padding=2), s1=nn.Sigmoid(), p1=nn.AvgPool2d(2), conv2=nn.Conv2d(6, 16, 5),
               s2=nn.Sigmoid(), p2=nn.AvgPool2d(2), f=nn.Flatten(), fc1=nn.Linear(400, 120), s3=nn.Sigmoid(),
               fc2=nn.Linear(120, 84), s4=nn.Sigmoid(), fc3=nn.Linear(84, 10))


class Residual(nn.Module):
    def __init__(self, i, w, stride=1, wide=False, plain=False, pre_act=False, zero_pad=False):
        super().__init__()
        o = 4 * w if wide else w
        n, b = len([1, 3, 1] if wide else [3, 3]), i
        self.n, self.plain, self.pre, self.zero, self.stride, self.o = n, plain, pre_act, zero_pad, stride, o
        for k in range(n):
            kernel = 1 if wide and k != 1 else 3
            to = o if k == n - 1 else w
            conv = nn.Conv2d(b, to, kernel, stride if k == int(wide) else 1, kernel // 2, bias=False)
            if pre_act:
                self.add_module(f"bn{k + 1}", nn.BatchNorm2d(b))
            self.add_module(f"conv{k + 1}", conv)
            if not pre_act:
                self.add_module(f"bn{k + 1}", nn.BatchNorm2d(to))
            b = to
        self.downsample = None
        if (stride != 1 or i != o) and not plain and not zero_pad:
            self.downsample = nn.Sequential(nn.Conv2d(i, o, 1, stride, bias=False))
            if not pre_act:
                self.downsample.append(nn.BatchNorm2d(o))

    def forward(self, x):
        y = F.relu(self.bn1(x)) if self.pre else x
        s = self.downsample(y) if self.downsample else x
        if self.zero and not self.plain:
            s = x[:, :, ::self.stride, ::self.stride]
            s = torch.cat((s, s.new_zeros(s.shape[0], self.o - s.shape[1], *s.shape[2:])), 1)
        for k in range(1, self.n + 1):
            if self.pre:
                y = getattr(self, f"conv{k}")(F.relu(getattr(self, f"bn{k}")(y)) if k > 1 else y)
            else:
                y = getattr(self, f"bn{k}")(getattr(self, f"conv{k}")(y))
                y = F.relu(y) if k < self.n else y
        y = y if self.plain else y + s
        return y if self.pre else F.relu(y)


def stage(n, i, w, stride, **o):
    return nn.Sequential(*(Residual(i if k == 0 else w, w, stride if k == 0 else 1, **o) for k in range(n)))


def head(i, classes):
    return dict(avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), fc=nn.Linear(i, classes))


def resnet18():
    return seq(conv1=nn.Conv2d(3, 64, 7, 2, 3, bias=False), bn1=nn.BatchNorm2d(64), r=nn.ReLU(), p=nn.MaxPool2d(3, 2, 1),
               layer1=stage(2, 64, 64, 1), layer2=stage(2, 64, 128, 2), layer3=stage(2, 128, 256, 2),
               layer4=stage(2, 256, 512, 2), **head(512, 10))


def resnet_cifar(n, **o):
    stem = dict(conv1=nn.Conv2d(3, 16, 3, 1, 1, bias=False))
    tail = {}
    if o.get("pre_act"):
        tail = dict(bn=nn.BatchNorm2d(64), relu=nn.ReLU())
    else:
        stem.update(bn1=nn.BatchNorm2d(16), relu=nn.ReLU())
    return seq(**stem, layer1=stage(n, 16, 16, 1, **o), layer2=stage(n, 16, 32, 2, **o), layer3=stage(n, 32, 64, 2, **o),
               **tail, **head(64, 10))


def cna(i, o, k=1, s=1, g=1, act=True):
    layers = [nn.Conv2d(i, o, k, s, k // 2, groups=g, bias=False), nn.BatchNorm2d(o)]
    return nn.Sequential(*layers, nn.ReLU6()) if act else layers


class Inverted(nn.Module):
    def __init__(self, i, o, s, e):
        super().__init__()
        self.skip = s == 1 and i == o
        first = [cna(i, i * e)] if e > 1 else []
        self.conv = nn.Sequential(*first, cna(i * e, i * e, 3, s, i * e), *cna(i * e, o, act=False))

    def forward(self, x):
        return x + self.conv(x) if self.skip else self.conv(x)


def mobilenet_v2():
    layers, i = [cna(3, 32, 3, 2)], 32
    for e, o, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for k in range(n):
            layers.append(Inverted(i, o, s if k == 0 else 1, e))
            i = o
    return seq(features=nn.Sequential(*layers, cna(320, 1280)), p=nn.AdaptiveAvgPool2d(1), f=nn.Flatten(),
               classifier=nn.Sequential(nn.Dropout(0.2), nn.Linear(1280, 10)))


class DenseBlock(nn.Sequential):
    def forward(self, x):
        for layer in self:
            x = torch.cat((x, layer(x)), 1)
        return x


def densenet121():
    f, i = dict(conv0=nn.Conv2d(3, 64, 7, 2, 3, bias=False), norm0=nn.BatchNorm2d(64), relu0=nn.ReLU(), pool0=nn.MaxPool2d(3, 2, 1)), 64
    for b, n in enumerate((6, 12, 24, 16)):
        block = DenseBlock()
        for k in range(n):
            block.add_module(f"denselayer{k + 1}", seq(
                norm1=nn.BatchNorm2d(i), relu1=nn.ReLU(), conv1=nn.Conv2d(i, 128, 1, bias=False),
                norm2=nn.BatchNorm2d(128), relu2=nn.ReLU(), conv2=nn.Conv2d(128, 32, 3, 1, 1, bias=False)))
            i += 32
        f[f"denseblock{b + 1}"] = block
        if b < 3:
            f[f"transition{b + 1}"] = seq(norm=nn.BatchNorm2d(i), relu=nn.ReLU(), conv=nn.Conv2d(i, i // 2, 1, bias=False),
                                          pool=nn.AvgPool2d(2))
            i //= 2
    f["norm5"] = nn.BatchNorm2d(i)
    return seq(features=seq(**f), relu=nn.ReLU(), avgpool=nn.AdaptiveAvgPool2d(1), flatten=nn.Flatten(), classifier=nn.Linear(i, 10))


def basic(i, o, k, bn, s=1, p=0):
    return seq(conv=nn.Conv2d(i, o, k, s, p, bias=not bn), **(dict(bn=nn.BatchNorm2d(o, eps=1e-3)) if bn else {}), relu=nn.ReLU())


class Inception(nn.Module):
    def __init__(self, i, c1, r3, c3, r5, c5, pp, bn=False):
        super().__init__()
        k = 3 if bn else 5
        self.branch1 = basic(i, c1, 1, bn)
        self.branch2 = nn.Sequential(basic(i, r3, 1, bn), basic(r3, c3, 3, bn, p=1))
        self.branch3 = nn.Sequential(basic(i, r5, 1, bn), basic(r5, c5, k, bn, p=k // 2))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, 1, 1, ceil_mode=True), basic(i, pp, 1, bn))

    def forward(self, x):
        return torch.cat([b(x) for b in (self.branch1, self.branch2, self.branch3, self.branch4)], 1)


class GoogLeNet(nn.Module):
    def __init__(self):
        super().__init__()
        def pool(k):
            return nn.MaxPool2d(k, 2, ceil_mode=True)
        self.conv1, self.pool1 = basic(3, 64, 7, True, 2, 3), pool(3)
        self.conv2, self.conv3, self.pool2 = basic(64, 64, 1, True), basic(64, 192, 3, True, p=1), pool(3)
        self.inception3a = Inception(192, 64, 96, 128, 16, 32, 32, True)
        self.inception3b, self.pool3 = Inception(256, 128, 128, 192, 32, 96, 64, True), pool(3)
        self.inception4a = Inception(480, 192, 96, 208, 16, 48, 64, True)
        self.inception4b = Inception(512, 160, 112, 224, 24, 64, 64, True)
        self.inception4c = Inception(512, 128, 128, 256, 24, 64, 64, True)
        self.inception4d = Inception(512, 112, 144, 288, 32, 64, 64, True)
        self.inception4e, self.pool4 = Inception(528, 256, 160, 320, 32, 128, 128, True), pool(2)
        self.inception5a = Inception(832, 256, 160, 320, 32, 128, 128, True)
        self.inception5b = Inception(832, 384, 192, 384, 48, 128, 128, True)
        for i in (1, 2):
            setattr(self, f"aux{i}", seq(p=nn.AdaptiveAvgPool2d(4), conv=basic(512 if i == 1 else 528, 128, 1, True), f=nn.Flatten(),
                                         fc1=nn.Linear(2048, 1024), r=nn.ReLU(), d=nn.Dropout(0.7), fc2=nn.Linear(1024, 10)))
        self.fc = nn.Linear(1024, 10)

    def forward(self, x):
        x = self.pool2(self.conv3(self.conv2(self.pool1(self.conv1(x)))))
        x = self.inception4a(self.pool3(self.inception3b(self.inception3a(x))))
        a = self.aux1(x)
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        b = self.aux2(x)
        x = self.inception5b(self.inception5a(self.pool4(self.inception4e(x))))
        return torch.cat((self.fc(x.mean((2, 3))), a, b), 1)


def vgg_block(n, i, o):
    return nn.Sequential(*(m for k in range(n) for m in (nn.Conv2d(o if k else i, o, 3, 1, 1), nn.ReLU())), nn.MaxPool2d(2))


class FCN(nn.Module):                           # the last layers only add scores: any upsampling weights
    def __init__(self, classes, w):
        super().__init__()
        ws = (w, 2 * w, 4 * w, 8 * w, 8 * w)
        for i, n in enumerate((2, 2, 3, 3, 3)):
            self.add_module(f"stage{i + 1}", vgg_block(n, ws[i - 1] if i else 3, ws[i]))
        self.score = seq(fc6=nn.Conv2d(8 * w, 64 * w, 7, 1, 3), r6=nn.ReLU(), d6=nn.Dropout(), fc7=nn.Conv2d(64 * w, 64 * w, 1),
                         r7=nn.ReLU(), d7=nn.Dropout(), score_fr=nn.Conv2d(64 * w, classes, 1))
        self.score_pool4, self.score_pool3 = nn.Conv2d(8 * w, classes, 1), nn.Conv2d(4 * w, classes, 1)
        self.upscore2 = nn.ConvTranspose2d(classes, classes, 4, 2, 1, bias=False)
        self.upscore_pool4 = nn.ConvTranspose2d(classes, classes, 4, 2, 1, bias=False)
        self.upscore = nn.ConvTranspose2d(classes, classes, 16, 8, 4, bias=False)

    def forward(self, x):
        p3 = self.stage3(self.stage2(self.stage1(x)))
        p4 = self.stage4(p3)
        y = self.upscore2(self.score(self.stage5(p4))) + self.score_pool4(p4)
        return self.upscore(self.upscore_pool4(y) + self.score_pool3(p3))


def double_conv(i, o):
    return seq(double_conv=nn.Sequential(*(m for k in (i, o) for m in (nn.Conv2d(k, o, 3, 1, 1, bias=False), nn.BatchNorm2d(o), nn.ReLU()))))


class UNet(nn.Module):
    def __init__(self, classes, w, depth):
        super().__init__()
        self.depth, self.inc = depth, double_conv(3, w)
        for i in range(depth):
            self.add_module(f"down{i + 1}", seq(maxpool_conv=nn.Sequential(nn.MaxPool2d(2), double_conv(w << i, w << i + 1))))
        for i in range(depth):
            f = w << depth - i
            self.add_module(f"up{i + 1}", seq(up=nn.ConvTranspose2d(f, f // 2, 2, 2), conv=double_conv(f, f // 2)))
        self.outc = seq(conv=nn.Conv2d(w, classes, 1))

    def forward(self, x):
        ys = [self.inc(x)]
        for i in range(self.depth):
            ys.append(getattr(self, f"down{i + 1}")(ys[-1]))
        x = ys.pop()
        for i in range(self.depth):
            up = getattr(self, f"up{i + 1}")
            x = up.conv(torch.cat((ys.pop(), up.up(x)), 1))
        return self.outc(x)


CASES = [  # name in test_models.c, network, batch, channels, size
    ("lenet5", lenet5(), 2, 1, 28),
    ("basic_block", Residual(4, 6, 2), 2, 4, 8), ("basic_block_same", Residual(4, 4), 2, 4, 8),
    ("basic_block_zero_pad", Residual(4, 6, 2, zero_pad=True), 2, 4, 8), ("basic_block_plain", Residual(4, 6, 2, plain=True), 2, 4, 8),
    ("basic_block_pre_act", Residual(4, 6, 2, pre_act=True), 2, 4, 8), ("basic_block_pre_act_same", Residual(4, 4, pre_act=True), 2, 4, 8),
    ("bottleneck", Residual(8, 4, 2, wide=True), 2, 8, 8), ("bottleneck_same", Residual(16, 4, wide=True), 2, 16, 8),
    ("resnet18", resnet18(), 2, 3, 64), ("resnet_cifar", resnet_cifar(1, zero_pad=True), 2, 3, 32),
    ("resnet_cifar_pre_act", resnet_cifar(2, pre_act=True), 2, 3, 16),
    ("mobilenet_v2", mobilenet_v2(), 2, 3, 64), ("densenet121", densenet121(), 2, 3, 64),
    ("inception", Inception(6, 4, 3, 5, 2, 4, 3), 2, 6, 9), ("googlenet", GoogLeNet(), 2, 3, 96),
    ("fcn", FCN(4, 2), 1, 3, 64), ("unet", UNet(3, 4, 2), 2, 3, 16),
]

print("/* made by tests/gen_models.py: parameters; sum of y_i sin(i + 1) in evaluation; in training the same sum and that of")
print("   dL/dx_i sin(i + 1) and of dL/dw_i sin(i + 1) of the first parameter, where L = sum of y_i sin(i + 1) */")
print("static const struct { const char *name; int batch, channels, size; long parameters; double eval, train, dx, dw; } golden_models[] = {")
for name, net, n, c, s in CASES:
    with torch.no_grad():
        fill(net)
    x = sines(n * c * s * s, 0.5).reshape(n, c, s, s).requires_grad_()

    def weighted(y):
        return (y.flatten() * torch.sin(torch.arange(y.numel()) + 1.0)).sum()
    net.eval()
    with torch.no_grad():
        e = weighted(net(x)).item()
    net.train()
    for m in net.modules():
        if isinstance(m, nn.Dropout):
            m.p = 0.0
    loss = weighted(net(x))
    loss.backward()
    count = sum(p.numel() for p in net.parameters())
    print(f'    {{"{name}", {n}, {c}, {s}, {count}, {e!r}, {loss.item()!r}, {weighted(x.grad).item()!r}, '
          f'{weighted(next(net.parameters()).grad).item()!r}}},')
print("};")
