"""Golden values of the generative ops: values and gradients that PyTorch gives, and its normal distributions' divergence.

    python3 tests/gen_generative.py > tests/golden_generative.h
"""
import math
import torch
import torch.nn.functional as F
from torch.distributions import Normal, kl_divergence
from gen_cases import case, write

X2, X4 = "x[0], x[1]", "x[0], x[1], x[2], x[3]"


# --- divergence -----------------------------------------------------------------------------------------------------
def kl(mu, logvar):
    return kl_divergence(Normal(mu, (logvar / 2).exp()), Normal(torch.zeros(()), torch.ones(())))


case("dl_kl_normal(c, %s)" % X2, lambda m, v: kl(m, v).mean(), "r3x5 r3x5")
case("dl_kl_normal(c, %s, .reduction = DL_SUM)" % X2, lambda m, v: kl(m, v).sum(), "r3x5 r3x5")
case("dl_kl_normal(c, %s, .reduction = DL_NONE)" % X2, kl, "r2x3x4 r2x3x4")
case("dl_kl_normal(c, %s, .batchmean = 1)" % X2, lambda m, v: kl(m, v).sum() / 4, "r4x3 r4x3")


# --- masked convolution ---------------------------------------------------------------------------------------------
def masked(x, w, b, own, colours=1, dilation=1):
    """Channel o of the result may see channel i of x at its own pixel if colour(i) < colour(o) + own."""
    m = torch.zeros_like(w)
    R, S = w.shape[2:]
    m[:, :, :R // 2] = 1
    m[:, :, R // 2, :S // 2] = 1
    for o in range(w.shape[0]):
        for i in range(w.shape[1]):
            m[o, i, R // 2, S // 2] = float(i // (w.shape[1] // colours) < o // (w.shape[0] // colours) + own)
    return F.conv2d(x, w * m, b, padding=(R // 2 * dilation, S // 2 * dilation), dilation=dilation)


MASKED = "x[0], x[1], x[2], DL_MASK_"
case("dl_masked_conv2d(c, %sA)" % MASKED, lambda x, w, b: masked(x, w, b, 0), "r2x2x5x4 r3x2x3x3 r3")
case("dl_masked_conv2d(c, %sB)" % MASKED, lambda x, w, b: masked(x, w, b, 1), "r2x2x5x4 r3x2x3x3 r3")
case("dl_masked_conv2d(c, %sA)" % MASKED, lambda x, w, b: masked(x, w, b, 0), "r1x1x7x8 r4x1x7x7 r4")
case("dl_masked_conv2d(c, %sB)" % MASKED, lambda x, w, b: masked(x, w, b, 1), "r2x3x4x3 r2x3x1x5 r2")
case("dl_masked_conv2d(c, %sA, .colours = 3)" % MASKED, lambda x, w, b: masked(x, w, b, 0, 3), "r2x3x4x4 r6x3x3x3 r6")
case("dl_masked_conv2d(c, %sB, .colours = 3)" % MASKED, lambda x, w, b: masked(x, w, b, 1, 3), "r2x6x4x4 r3x6x3x3 r3")
case("dl_masked_conv2d(c, %sB, .dilation = 2)" % MASKED, lambda x, w, b: masked(x, w, b, 1, 1, 2), "r1x2x6x7 r3x2x3x3 r3")


# --- coupling -------------------------------------------------------------------------------------------------------
def coupling(x, m, s, t):
    return m * x + (1 - m) * (x * s.exp() + t)


def inverse(y, m, s, t):
    return m * y + (1 - m) * (y - t) * (-s).exp()


for shapes in ("r3x6 b6 r3x6 r3x6", "r2x3x4 b2x3x4 r2x3x4 r2x3x4"):
    only_s = "R" + shapes[1:].rpartition("r")[0] + "R" + shapes.rpartition("r")[2]
    case("dl_coupling(c, %s)" % X4, coupling, shapes)
    case("dl_coupling(c, %s, .inverse = 1)" % X4, inverse, shapes)
    case("log_det(c, %s, 0)" % X4, lambda x, m, s, t: ((1 - m) * s).flatten(1).sum(1), only_s)
    case("log_det(c, %s, 1)" % X4, lambda x, m, s, t: -((1 - m) * s).flatten(1).sum(1), only_s)


# --- diffusion ------------------------------------------------------------------------------------------------------
def linear(T):
    return torch.linspace(0.1 / T, 20 / T, T)


def cosine(T):
    f = torch.cos((torch.arange(T + 1) / T + 0.008) / 1.008 * math.pi / 2) ** 2
    return (1 - f[1:] / f[:-1]).clamp(max=0.999)


def bars(beta):
    return torch.cumprod(1 - beta, 0)


for name, beta in (("linear", linear(50)), ("cosine", cosine(50))):
    bar = bars(beta)

    def noise(x, t, e):
        a = bar[t].reshape(-1, *[1] * (x.dim() - 1))
        return a.sqrt() * x + (1 - a).sqrt() * e

    def ddpm(x, e, t):                          # without the noise, as at t = 0
        return (x - beta[t] / (1 - bar[t]).sqrt() * e) / (1 - beta[t]).sqrt()

    def ddim(x, e, t, s, clip=False):
        then = bar[s] if s >= 0 else torch.ones(())
        x0 = (x - (1 - bar[t]).sqrt() * e) / bar[t].sqrt()
        if clip:
            x0 = x0.clamp(-1, 1)
            e = (x - bar[t].sqrt() * x0) / (1 - bar[t]).sqrt()
        return then.sqrt() * x0 + (1 - then).sqrt() * e

    case("dl_ddpm_noise(c, %s, x[0], x[1], x[2])" % name, noise, "r3x2x4 i3=0,20,49 r3x2x4")
    case("dl_ddpm_step(c, %s, %s, 0)" % (name, X2), lambda x, e: ddpm(x, e, 0), "r2x5 r2x5")
    case("dl_ddim_step(c, %s, %s, 40, 12)" % (name, X2), lambda x, e: ddim(x, e, 40, 12), "r2x5 r2x5")
    case("dl_ddim_step(c, %s, %s, 40, 12, .clip = 1)" % (name, X2), lambda x, e: ddim(x, e, 40, 12, True), "r2x5 r2x5")
    case("dl_ddim_step(c, %s, %s, 7, -1)" % (name, X2), lambda x, e: ddim(x, e, 7, -1), "r2x5 r2x5")
    case("schedule_of(c, %s, x[0])" % name, lambda x: torch.cat([beta, bar]) + 0 * x.sum(), "R1")

write("gen_generative.py", "the generative ops")
