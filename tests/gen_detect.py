#!/usr/bin/env python3
"""Writes golden_detect.h: boxes, regions of interest and detectors' losses, by PyTorch in double.

    python3 tests/gen_detect.py > tests/golden_detect.h

What torchvision has is written here a second time, from its documentation, with operations that PyTorch differentiates.
"""
import math
import torch
import torch.nn.functional as F
from gen_cases import case, write


# --- boxes ------------------------------------------------------------------------------------------------------------
def area(b):
    return (b[..., 2] - b[..., 0]) * (b[..., 3] - b[..., 1])


def giou(a, b, eps=0.0, generalized=True):
    low, high = torch.maximum(a[..., :2], b[..., :2]), torch.minimum(a[..., 2:], b[..., 2:])
    both = (high - low).clamp(min=0).prod(-1)
    either = area(a) + area(b) - both
    if not generalized:
        return both / (either + eps)
    hull = area(torch.cat([torch.minimum(a[..., :2], b[..., :2]), torch.maximum(a[..., 2:], b[..., 2:])], -1))
    return both / (either + eps) - (hull - either) / (hull + eps)


def pairs(a, b, **o):
    return giou(a[:, None, :], b[None, :, :], **o)


def centred(b):
    return torch.cat([(b[:, :2] + b[:, 2:]) / 2, b[:, 2:] - b[:, :2]], 1)


def encode(b, a, w=(1, 1, 1, 1)):
    b, a = centred(b), centred(a)
    return torch.cat([(b[:, :2] - a[:, :2]) / a[:, 2:], torch.log(b[:, 2:] / a[:, 2:])], 1) * torch.tensor(w)


def decode(d, a, w=(1, 1, 1, 1)):
    d, a = d / torch.tensor(w), centred(a)
    centre, size = d[:, :2] * a[:, 2:] + a[:, :2], torch.exp(d[:, 2:].clamp(max=math.log(1000 / 16))) * a[:, 2:]
    return torch.cat([centre - size / 2, centre + size / 2], 1)


case("dl_box_iou(c, x[0], x[1])", lambda a, b: pairs(a, b, generalized=False), "o5x4 o3x4")
case("dl_box_giou(c, x[0], x[1])", pairs, "o5x4 o3x4")
case("dl_giou_loss(c, x[0], x[1])", lambda a, b: (1 - giou(a, b, 1e-7)).mean(), "o6x4 o6x4")
case("dl_giou_loss(c, x[0], x[1], .reduction = DL_NONE)", lambda a, b: 1 - giou(a, b, 1e-7), "o6x4 o6x4")
case("dl_box_area(c, x[0])", area, "o5x4")
case("dl_box_clip(c, x[1], 7.3, 9.3)", lambda _, a: torch.stack([a[:, 0].clamp(0, 9.3), a[:, 1].clamp(0, 7.3), a[:, 2].clamp(0, 9.3),
                                                          a[:, 3].clamp(0, 7.3)], 1), "R1 o5x4")
case("dl_box_convert(c, x[0], DL_XYXY, DL_CXCYWH)", centred, "o5x4")
case("dl_box_convert(c, x[0], DL_XYXY, DL_XYWH)", lambda b: torch.cat([b[:, :2], b[:, 2:] - b[:, :2]], 1), "o5x4")
case("dl_box_convert(c, x[0], DL_XYWH, DL_XYXY)", lambda b: torch.cat([b[:, :2], b[:, 2:] + b[:, :2]], 1), "o5x4")
case("dl_box_convert(c, x[0], DL_CXCYWH, DL_XYWH)", lambda b: torch.cat([b[:, :2] - b[:, 2:] / 2, b[:, 2:]], 1), "o5x4")
case("dl_box_encode(c, x[0], x[1])", encode, "o5x4 O5x4")
case("dl_box_encode(c, x[0], x[1], .weights = {10, 10, 5, 5})", lambda b, a: encode(b, a, (10, 10, 5, 5)), "o5x4 O5x4")
case("dl_box_decode(c, x[0], x[1])", decode, "r5x4 O5x4")
case("dl_box_decode(c, x[0], x[1], .weights = {10, 10, (dl_real)0.25, (dl_real)0.25})",
     lambda d, a: decode(d, a, (10, 10, 0.25, 0.25)), "r5x4 O5x4")                  # some are above the limit


def anchors(h, w, sizes, ratios, stride, offset=0.0):
    ratios, sizes = torch.tensor(ratios, dtype=torch.float64), torch.tensor(sizes, dtype=torch.float64)
    hs = (ratios.sqrt()[:, None] * sizes[None, :]).reshape(-1)
    ws = (1 / ratios.sqrt()[:, None] * sizes[None, :]).reshape(-1)
    base = torch.stack([-ws, -hs, ws, hs], 1) / 2
    y, x = torch.meshgrid((torch.arange(h) + offset) * stride, (torch.arange(w) + offset) * stride, indexing="ij")
    shifts = torch.stack([x, y, x, y], -1).reshape(-1, 1, 4)
    return (shifts + base[None]).reshape(-1, 4)


case("dl_anchors(c, 3, 4)", lambda: anchors(3, 4, [128, 256, 512], [0.5, 1, 2], 16), "")
case("dl_anchors(c, 2, 5, .sizes = {8, 12}, .ratios = {1, 3}, .stride = 4, .offset = (dl_real)0.5)",
     lambda: anchors(2, 5, [8, 12], [1, 3], 4, 0.5), "")


# --- matching and suppression -----------------------------------------------------------------------------------------
def match(boxes, truth, high, low, best):
    """torchvision's Matcher"""
    quality = pairs(truth, boxes, generalized=False)
    value, index = quality.max(0)
    out = index.clone()
    out[value < low] = -1
    out[(value >= low) & (value < high)] = -2
    if best:
        at = torch.where(quality == quality.max(1, keepdim=True).values)[1]
        out[at] = index[at]
    return out


def nms(boxes, scores, threshold, classes=None):
    left, keep = sorted(range(len(boxes)), key=lambda i: -scores[i].item()), []
    while left:
        i = left.pop(0)
        keep.append(i)
        left = [j for j in left if (classes is not None and classes[i] != classes[j]) or
                pairs(boxes[i:i + 1], boxes[j:j + 1], generalized=False).item() <= threshold]
    return torch.tensor(keep)


case("dl_to_real(c, dl_box_match(c, x[0], x[1], .high = (dl_real)0.3, .low = (dl_real)0.1))", lambda b, t: match(b, t, 0.3, 0.1, False), "O40x4 O6x4")
case("dl_to_real(c, dl_box_match(c, x[0], x[1], .best = 1))", lambda b, t: match(b, t, 0.5, 0.5, True), "O40x4 O6x4")
for t in (0.1, 0.4):
    case("dl_to_real(c, dl_nms(c, x[0], x[1], %g))" % t, lambda b, s, t=t: nms(b, s, t), "O60x4 R60")
    case("dl_to_real(c, dl_nms(c, x[0], x[1], %g, .classes = x[2]))" % t, lambda b, s, k, t=t: nms(b, s, t, k), "O60x4 R60 i3:60")


# --- regions of interest ----------------------------------------------------------------------------------------------
def rounded(v):
    return math.floor(abs(v) + 0.5) * (1 if v >= 0 else -1)


def roi_pool(x, rois, ph, pw, scale=1.0):
    N, C, H, W = x.shape
    out = []
    for r in rois.tolist():
        x1, y1, x2, y2 = (rounded(v * scale) for v in r[1:])
        h, w = max(y2 - y1 + 1, 1), max(x2 - x1 + 1, 1)
        for i in range(ph):
            for j in range(pw):
                a, b = y1 + math.floor(i * (h / ph)), y1 + math.ceil((i + 1) * (h / ph))
                d, e = x1 + math.floor(j * (w / pw)), x1 + math.ceil((j + 1) * (w / pw))
                part = x[int(r[0]), :, max(a, 0):max(min(b, H), 0), max(d, 0):max(min(e, W), 0)].reshape(C, -1)
                out.append(part.max(1).values if part.shape[1] else torch.zeros(C))
    return torch.stack(out).reshape(len(rois), ph, pw, C).permute(0, 3, 1, 2)


def at(plane, y, x):
    """Bilinear: weights of the nearest four by their distance, coordinates clamped to the map; 0 beyond one pixel outside."""
    C, H, W = plane.shape
    if y < -1 or y > H or x < -1 or x > W:
        return torch.zeros(C)
    y, x = min(max(y, 0), H - 1), min(max(x, 0), W - 1)
    total = 0
    for i in range(math.floor(y), min(math.floor(y) + 2, H)):
        for j in range(math.floor(x), min(math.floor(x) + 2, W)):
            total = total + plane[:, i, j] * (1 - abs(y - i)) * (1 - abs(x - j))
    return total


def roi_align(x, rois, ph, pw, scale=1.0, sampling=0, aligned=False):
    out = []
    for r in rois.tolist():
        x1, y1, x2, y2 = (v * scale - 0.5 * aligned for v in r[1:])
        h, w = y2 - y1, x2 - x1
        if not aligned:
            h, w = max(h, 1), max(w, 1)
        gh, gw = sampling or math.ceil(h / ph), sampling or math.ceil(w / pw)
        for i in range(ph):
            for j in range(pw):
                points = [at(x[int(r[0])], y1 + (i + (u + 0.5) / gh) * h / ph, x1 + (j + (v + 0.5) / gw) * w / pw)
                          for u in range(gh) for v in range(gw)]
                out.append(sum(points) / len(points))
    return torch.stack(out).reshape(len(rois), ph, pw, -1).permute(0, 3, 1, 2)


MAPS = "r2x3x7x9 q2:6x5"
case("dl_roi_pool(c, x[0], x[1], 2, 3)", lambda x, r: roi_pool(x, r, 2, 3), MAPS)
case("dl_roi_pool(c, x[0], x[1], 3, 2, .spatial_scale = (dl_real)0.5)", lambda x, r: roi_pool(x, r, 3, 2, 0.5), MAPS)
case("dl_roi_align(c, x[0], x[1], 2, 3)", lambda x, r: roi_align(x, r, 2, 3), MAPS)
case("dl_roi_align(c, x[0], x[1], 3, 2, .spatial_scale = (dl_real)0.5, .aligned = 1)",
     lambda x, r: roi_align(x, r, 3, 2, 0.5, 0, True), MAPS)
case("dl_roi_align(c, x[0], x[1], 2, 2, .spatial_scale = (dl_real)0.5, .sampling_ratio = 2)",
     lambda x, r: roi_align(x, r, 2, 2, 0.5, 2), MAPS)
case("dl_roi_align(c, x[0], x[1], 1, 4, .sampling_ratio = 3, .aligned = 1)", lambda x, r: roi_align(x, r, 1, 4, 1.0, 3, True), MAPS)

# --- windows ----------------------------------------------------------------------------------------------------------
for inputs, size, stride in (("r2x3x5x6", 3, 1), ("r1x2x8x8", 4, 3), ("r2x1x7x5", 2, 2), ("r2x4x4", 4, 1)):
    def windows(x, size=size, stride=stride):
        x = x if x.dim() == 4 else x[None]
        return x.unfold(2, size, stride).unfold(3, size, stride).permute(0, 2, 3, 1, 4, 5).reshape(-1, x.shape[1], size, size)
    case("dl_sliding_window(c, x[0], %d, .stride = %d)" % (size, stride), windows, inputs)


# --- detectors' losses ------------------------------------------------------------------------------------------------
def rpn_loss(objectness, deltas, a, truth, high=0.7, low=0.3, weight=1.0):
    m = match(a, truth, high, low, True)
    used, found = m != -2, m >= 0                                   # all of them: fewer than the number of samples
    cls = F.binary_cross_entropy_with_logits(objectness[used], found[used].double())
    box = F.smooth_l1_loss(deltas[found], encode(truth[m[found]], a[found]), beta=1 / 9, reduction="sum") / used.sum()
    return cls + weight * box


case("dl_rpn_loss(c, x[0], x[1], x[2], x[3])", rpn_loss, "r30 r30x4 O30x4 O3x4")
case("dl_rpn_loss(c, x[0], x[1], x[2], x[3], .high = (dl_real)0.4, .low = (dl_real)0.1, .box_weight = 2)",
     lambda o, d, a, t: rpn_loss(o, d, a, t, 0.4, 0.1, 2.0), "r30 r30x4 O30x4 O3x4")
case("dl_rpn_loss(c, x[0], x[1], x[2], NULL)", lambda o, d, a: F.binary_cross_entropy_with_logits(o, torch.zeros(30)) + 0 * d.sum(),
     "r30 R30x4 O30x4")


def yolo_loss(pred, truth, B=2, coord=5.0, noobj=0.5):
    """Term by term, as the paper has them."""
    N, S, _, width = pred.shape
    total, taken = 0, {}
    for t in truth:
        n, k = int(t[0]), int(t[1])
        x, y, w, h = (t[2] + t[4]) / 2 * S, (t[3] + t[5]) / 2 * S, t[4] - t[2], t[5] - t[3]
        cell = (n, int(y), int(x))
        if cell in taken:
            continue
        p = pred[cell]
        boxes = []
        for b in range(B):
            cx, cy, bw, bh = (int(x) + p[5 * b]) / S, (int(y) + p[5 * b + 1]) / S, p[5 * b + 2] ** 2, p[5 * b + 3] ** 2
            boxes.append(giou(torch.stack([cx - bw / 2, cy - bh / 2, cx + bw / 2, cy + bh / 2]), torch.tensor(t[2:]), generalized=False).item())
        b = taken[cell] = boxes.index(max(boxes))
        q = p[5 * b:5 * b + 5]
        total = total + coord * ((q[0] - (x - int(x))) ** 2 + (q[1] - (y - int(y))) ** 2 + (q[2] - w ** 0.5) ** 2 + (q[3] - h ** 0.5) ** 2)
        total = total + (q[4] - boxes[b]) ** 2
        total = total + ((p[5 * B:] - F.one_hot(torch.tensor(k), width - 5 * B)) ** 2).sum()
    for n in range(N):
        for i in range(S):
            for j in range(S):
                for b in range(B):
                    if taken.get((n, i, j)) != b:
                        total = total + noobj * pred[n, i, j, 5 * b + 4] ** 2
    return total / N


SCENE = [[0, 1, 0.1, 0.2, 0.5, 0.9], [0, 0, 0.6, 0.1, 0.9, 0.3], [1, 2, 0.0, 0.0, 0.3, 0.3], [1, 1, 0.05, 0.0, 0.3, 0.35]]
case("dl_yolo_loss(c, x[0], scene())", lambda p: yolo_loss(p, SCENE), "p2x3x3x13")
case("dl_yolo_loss(c, x[0], scene(), .boxes = 1, .coord = 2, .noobj = (dl_real)0.25)", lambda p: yolo_loss(p, SCENE, 1, 2.0, 0.25), "p2x3x3x8")
case("dl_yolo_loss(c, x[0], NULL)", lambda p: yolo_loss(p, []), "p2x3x3x13")


def yolo_decode(pred, B=2):
    N, S, _, width = pred.shape
    rows = []
    for n in range(N):
        for i in range(S):
            for j in range(S):
                p = pred[n, i, j].tolist()
                best = max(range(width - 5 * B), key=lambda k: p[5 * B + k])
                for b in range(B):
                    x, y, w, h = (j + p[5 * b]) / S, (i + p[5 * b + 1]) / S, p[5 * b + 2] ** 2, p[5 * b + 3] ** 2
                    rows.append([n, best, p[5 * b + 4] * p[5 * B + best], x - w / 2, y - h / 2, x + w / 2, y + h / 2])
    return torch.tensor(rows)


case("dl_yolo_decode(c, x[0])", yolo_decode, "P2x3x3x13")
write("gen_detect.py", "boxes, regions and detectors' losses")
