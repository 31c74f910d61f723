#!/usr/bin/env python3
"""Writes golden_losses.h: values and gradients of every loss, computed by PyTorch in double.

    python3 tests/gen_losses.py > tests/golden_losses.h
"""
import torch
import torch.nn.functional as F
from gen_cases import case, write


REDUCTIONS = [("", "mean"), (".reduction = DL_SUM", "sum"), (".reduction = DL_NONE", "none")]


def each(name, args, fn, inputs, o=None):
    """All reductions of one loss; o: C text -> keyword arguments of the PyTorch function."""
    for c_red, red in REDUCTIONS:
        for c_opt, kw in (o or {"": {}}).items():
            text = ", ".join([args] + [t for t in (c_opt, c_red) if t])
            case("dl_%s(c, %s)" % (name, text), lambda *x, kw=kw: fn(*x, reduction=red, **kw), inputs)


X2, X3 = "x[0], x[1]", "x[0], x[1], x[2]"

# --- classes: (N, C), (C), (N, C, d), (N, C, d1, d2) ------------------------------------------------------------------
for inputs in ("r4x5 i5:4", "r5 i5:", "r2x3x4 i3:2x4", "r2x3x2x3 i3:2x2x3"):
    each("cross_entropy", X2, F.cross_entropy, inputs,
         o={"": {}, ".label_smoothing = (dl_real)0.2": {"label_smoothing": 0.2}, ".ignore_index = 1": {"ignore_index": 1}})
    each("nll_loss", "dl_log_softmax(c, x[0], x[0]->ndim > 1 ? 1 : 0), x[1]",
         lambda x, t, **o: F.nll_loss(F.log_softmax(x, 1 if x.dim() > 1 else 0), t, **o), inputs,
         o={"": {}, ".ignore_index = 2": {"ignore_index": 2}})
for inputs in ("r4x5 i5:4 P5", "r2x3x2x2 i3:2x2x2 P3"):
    each("cross_entropy", X2 + ", .weight = x[2]", lambda x, t, w, **o: F.cross_entropy(x, t, weight=w, **o), inputs,
         o={"": {}, ".label_smoothing = (dl_real)0.3": {"label_smoothing": 0.3},
            ".ignore_index = DL_ZERO": {"ignore_index": 0},
            ".ignore_index = 1, .label_smoothing = (dl_real)0.1": {"ignore_index": 1, "label_smoothing": 0.1}})
    each("nll_loss", X2 + ", .weight = x[2]", lambda x, t, w, **o: F.nll_loss(x, t, weight=w, **o), inputs,
         o={"": {}, ".ignore_index = 1": {"ignore_index": 1}})
for inputs in ("r4x5 p4x5", "r2x3x4 p2x3x4", "r2x3x2x2 p2x3x2x2"):
    each("cross_entropy", X2, F.cross_entropy, inputs, o={"": {}, ".label_smoothing = (dl_real)0.2": {"label_smoothing": 0.2}})
each("cross_entropy", X2 + ", .weight = x[2], .label_smoothing = (dl_real)0.2",
     lambda x, q, w, **o: F.cross_entropy(x, q, weight=w, label_smoothing=0.2, **o), "r2x3x4 p2x3x4 P3")
case("dl_cross_entropy2d(c, x[0], x[1])", F.cross_entropy, "r1x4x3x5 i4:1x3x5")
case("dl_cross_entropy(c, x[0], x[1], .label_smoothing = (dl_real)0.1)", lambda x, t: F.cross_entropy(x, t, label_smoothing=0.1),
     "r2x1100 i1100:2")


def reduced(l, reduction, weight=None):
    if reduction == "mean":
        return l.mean() if weight is None else l.sum() / weight.sum()
    return l.sum() if reduction == "sum" else l


def focal(x, t, gamma=2.0, w=None, reduction="mean", ignore=-100):
    log_p = F.log_softmax(x, 1).gather(1, t.clamp(min=0).unsqueeze(1)).squeeze(1)
    wt = torch.ones_like(log_p) if w is None else w[t]
    wt = wt * (t != ignore)
    return reduced(-wt * (1 - log_p.exp()) ** gamma * log_p, reduction, wt)


for inputs in ("r4x5 i5:4", "r2x3x2x3 i3:2x2x3"):
    each("focal_loss", X2, focal, inputs,
         o={"": {}, ".gamma = -1": {"gamma": 0.0}, ".gamma = (dl_real)1.5, .ignore_index = 1": {"gamma": 1.5, "ignore": 1}})
each("focal_loss", X2 + ", .weight = x[2]", lambda x, t, w, **o: focal(x, t, w=w, **o), "r4x5 i5:4 P5")


def sigmoid_focal(x, t, alpha=0.25, gamma=2.0, reduction="mean"):
    """torchvision.ops.sigmoid_focal_loss"""
    p = torch.sigmoid(x)
    ce = F.binary_cross_entropy_with_logits(x, t, reduction="none")
    p_t = p * t + (1 - p) * (1 - t)
    l = ce * ((1 - p_t) ** gamma)
    if alpha >= 0:
        l = (alpha * t + (1 - alpha) * (1 - t)) * l
    return reduced(l, reduction)


each("sigmoid_focal_loss", X2, sigmoid_focal, "r3x5 b3x5",
     o={"": {}, ".alpha = -1, .gamma = -1": {"alpha": -1, "gamma": 0.0}, ".alpha = (dl_real)0.6, .gamma = 3": {"alpha": 0.6, "gamma": 3.0}})
each("sigmoid_focal_loss", X2, sigmoid_focal, "r3x5 p3x5")

# --- elementwise ------------------------------------------------------------------------------------------------------
each("mse_loss", X2, F.mse_loss, "r3x5 r3x5")
each("mse_loss", X2 + ", .weight = x[2]", lambda x, t, w, **o: F.mse_loss(x, t, weight=w, **o), "r3x5 r3x5 P3x5")
each("half_mse_loss", X2, lambda x, t, **o: F.mse_loss(x, t, **o) / 2, "r3x5 r3x5")
case("dl_sse_loss(c, x[0], x[1])", lambda x, t: F.mse_loss(x, t, reduction="sum") / 2, "r3x5 r3x5")
each("l1_loss", X2, F.l1_loss, "r3x5 r3x5")
each("l1_loss", X2 + ", .weight = x[2]", lambda x, t, w, **o: F.l1_loss(x, t, weight=w, **o), "r3x5 r3x5 P3x5")
each("huber_loss", X2, F.huber_loss, "r3x5 r3x5", o={"": {}, ".delta = (dl_real)0.4": {"delta": 0.4}})
each("huber_loss", X2 + ", .weight = x[2]", lambda x, t, w, **o: F.huber_loss(x, t, weight=w, **o), "r3x5 r3x5 P3x5")
each("smooth_l1_loss", X2, F.smooth_l1_loss, "r3x5 r3x5",
     o={"": {}, ".beta = (dl_real)0.3": {"beta": 0.3}, ".beta = -1": {"beta": 0.0}})
each("bce_loss", X2, F.binary_cross_entropy, "p3x5 p3x5")
each("bce_loss", X2 + ", .weight = x[2]", lambda x, t, w, **o: F.binary_cross_entropy(x, t, weight=w, **o), "p3x5 p3x5 P5")
each("bce_loss", "dl_clamp(c, x[0], 0, 1), x[1]", lambda x, t, **o: F.binary_cross_entropy(x.clamp(0, 1), t, **o), "r3x5 b3x5")
each("bce_with_logits", X2, F.binary_cross_entropy_with_logits, "r3x5 p3x5")
each("bce_with_logits", X2 + ", .weight = x[2]", lambda x, t, w, **o: F.binary_cross_entropy_with_logits(x, t, weight=w, **o),
     "r3x5 p3x5 P3x1")
each("bce_with_logits", X2 + ", .pos_weight = x[2]", lambda x, t, w, **o: F.binary_cross_entropy_with_logits(x, t, pos_weight=w, **o),
     "r3x5 p3x5 P5")
each("bce_with_logits", X2 + ", .weight = x[2], .pos_weight = x[3]",
     lambda x, t, w, p, **o: F.binary_cross_entropy_with_logits(x, t, weight=w, pos_weight=p, **o), "r3x5 b3x5 P5 P5")

# --- distributions ----------------------------------------------------------------------------------------------------
each("kl_div", X2, F.kl_div, "r3x5 p3x5")
each("kl_div", X2 + ", .log_target = 1", lambda x, t, **o: F.kl_div(x, t, log_target=True, **o), "r3x5 r3x5")
case("dl_kl_div(c, x[0], x[1], .batchmean = 1)", lambda x, t: F.kl_div(x, t, reduction="batchmean"), "r3x5 p3x5")
case("dl_kl_div(c, x[0], x[1], .batchmean = 1, .log_target = 1)", lambda x, t: F.kl_div(x, t, reduction="batchmean", log_target=True),
     "r3x5 r3x5")
case("dl_kl_div(c, x[0], x[1])", F.kl_div, "r3x5 b3x5")
# PyTorch's gradient of a negative target is NaN with full: there the target is constant
each("poisson_nll_loss", X2, F.poisson_nll_loss, "r3x5 r3x5")
each("poisson_nll_loss", X2 + ", .full = 1", lambda x, t, **o: F.poisson_nll_loss(x, t, full=True, **o), "r3x5 R3x5")
each("poisson_nll_loss", X2 + ", .no_log_input = 1", lambda x, t, **o: F.poisson_nll_loss(x, t, log_input=False, **o), "p3x5 r3x5")
each("poisson_nll_loss", X2 + ", .no_log_input = 1, .eps = (dl_real)0.25, .full = 1",
     lambda x, t, **o: F.poisson_nll_loss(x, t, log_input=False, eps=0.25, full=True, **o), "p3x5 R3x5")
for var in ("p3x5", "p3", "p3x1"):
    each("gaussian_nll_loss", X3, F.gaussian_nll_loss, "r3x5 r3x5 " + var,
         o={"": {}, ".full = 1, .eps = (dl_real)0.3": {"full": True, "eps": 0.3}})

# --- margins ----------------------------------------------------------------------------------------------------------
each("hinge_embedding_loss", X2, F.hinge_embedding_loss, "r3x5 s3x5", o={"": {}, ".margin = (dl_real)0.4": {"margin": 0.4}})
each("margin_ranking_loss", X3, F.margin_ranking_loss, "r12 r12 s12", o={"": {}, ".margin = (dl_real)0.6": {"margin": 0.6}})
each("soft_margin_loss", X2, F.soft_margin_loss, "r3x5 s3x5")
each("cosine_embedding_loss", X3, F.cosine_embedding_loss, "r6x4 r6x4 s6", o={"": {}, ".margin = (dl_real)0.2": {"margin": 0.2}})
each("cosine_embedding_loss", X3, F.cosine_embedding_loss, "r4 r4 s")
each("triplet_margin_loss", X3, F.triplet_margin_loss, "r6x4 r6x4 r6x4",
     o={"": {}, ".margin = (dl_real)0.3, .p = 3": {"margin": 0.3, "p": 3.0}, ".swap = 1": {"swap": True},
        ".margin = 2, .p = 1, .eps = (dl_real)0.125": {"margin": 2.0, "p": 1.0, "eps": 0.125}})
each("triplet_margin_loss", X3 + ", .distance = city_blocks",
     lambda a, p, n, **o: F.triplet_margin_with_distance_loss(a, p, n, distance_function=lambda a, b: (a - b).abs().sum(1), **o),
     "r6x4 r6x4 r6x4", o={"": {}, ".swap = 1, .margin = 4": {"swap": True, "margin": 4.0}})
case("dl_pairwise_distance(c, x[0], x[1])", F.pairwise_distance, "r3x5 r3x5")
case("dl_pairwise_distance(c, x[0], x[1], .p = 1, .keepdim = 1)", lambda a, b: F.pairwise_distance(a, b, p=1, keepdim=True), "r3x5 r3x5")
for inputs in ("r4x5 i5:4", "r5 i5:"):
    each("multi_margin_loss", X2, F.multi_margin_loss, inputs,
         o={"": {}, ".p = 2": {"p": 2}, ".margin = (dl_real)0.3": {"margin": 0.3}})
each("multi_margin_loss", X2 + ", .p = 2, .weight = x[2]", lambda x, t, w, **o: F.multi_margin_loss(x, t, weight=w, p=2, **o), "r4x5 i5:4 P5")
each("multilabel_margin_loss", X2, F.multilabel_margin_loss, "r3x4 i3x4=3,0,-1,1,2,-1,0,0,-1,1,1,1")
each("multilabel_margin_loss", X2, F.multilabel_margin_loss, "r2x3 i2x3=2,1,0,1,2,-1")
each("multilabel_margin_loss", X2, F.multilabel_margin_loss, "r4 i4=3,0,-1,1")
each("multilabel_soft_margin_loss", X2, F.multilabel_soft_margin_loss, "r3x5 b3x5")
each("multilabel_soft_margin_loss", X2 + ", .weight = x[2]", lambda x, t, w, **o: F.multilabel_soft_margin_loss(x, t, weight=w, **o),
     "r3x5 b3x5 P5")


def tversky(p, t, alpha=0.3, beta=0.7, smooth=1.0, batch=False, reduction="mean"):
    dims = ([0] if batch else []) + list(range(2, p.dim()))
    tp, fp, fn = (p * t).sum(dims), (p * (1 - t)).sum(dims), ((1 - p) * t).sum(dims)
    return reduced(1 - (tp + smooth) / (tp + alpha * fp + beta * fn + smooth), reduction)


def dice(p, t, smooth=1.0, batch=False, reduction="mean"):
    dims = ([0] if batch else []) + list(range(2, p.dim()))
    return reduced(1 - (2 * (p * t).sum(dims) + smooth) / (p.sum(dims) + t.sum(dims) + smooth), reduction)


each("tversky_loss", X2, tversky, "p2x3x4 b2x3x4",
     o={"": {}, ".batch = 1": {"batch": True}, ".alpha = -1, .beta = 2, .smooth = -1": {"alpha": 0, "beta": 2, "smooth": 0}})
each("dice_loss", X2, dice, "p2x3x2x3 b2x3x2x3", o={"": {}, ".batch = 1, .smooth = -1": {"batch": True, "smooth": 0}})

# --- ctc: log-probabilities from log_softmax --------------------------------------------------------------------------
CTC = "dl_log_softmax(c, x[0], -1), x[1], x[2], x[3]"


def ctc(x, *rest, **o):
    return F.ctc_loss(F.log_softmax(x, -1), *rest, **o)


each("ctc_loss", CTC, ctc, "r7x3x4 i3x3=1,2,3,2,2,1,3,1,1 i3=7,6,5 i3=3,2,1")
each("ctc_loss", CTC, ctc, "r7x3x4 i6=1,2,3,2,2,1 i3=7,6,5 i3=3,2,1")
each("ctc_loss", CTC, ctc, "r8x2x3 i2x3=0,0,1,1,0,1 i2=8,8 i2=3,2", o={".blank = 2": {"blank": 2}})
each("ctc_loss", CTC, ctc, "r4x3x4 i3x3=1,1,1,2,3,1,1,1,1 i3=4,4,4 i3=3,3,0", o={".zero_infinity = 1": {"zero_infinity": True}})
each("ctc_loss", CTC, ctc, "r6x4 i2=1,3 i1=6 i1=2")
each("ctc_loss", CTC, ctc, "r40x2x5 i2x9=1,2,3,4,1,1,2,2,3,4,4,4,3,2,1,1,1,2 i2=40,33 i2=9,8")

write("gen_losses.py", "every loss")
