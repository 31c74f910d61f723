"""Golden values of dl_image_load's resizing and cropping: what Pillow and torchvision's transforms make of a formula.

    python3 tests/gen_images.py > tests/golden_images.h        (needs Pillow)
"""
from PIL import Image

CASES = [  # height, width, channels, resize, crop, read as channels
    (40, 60, 3, 20, 0, 3), (40, 60, 3, 13, 13, 3), (61, 40, 1, 17, 10, 1), (32, 32, 3, 48, 33, 3), (7, 200, 3, 5, 4, 3),
    (33, 47, 3, 33, 0, 3), (30, 30, 3, 100, 64, 1), (64, 48, 3, 0, 31, 3), (50, 37, 3, 0, 12, 1), (1, 1, 3, 9, 0, 3),
    (5, 3, 1, 64, 0, 3), (300, 211, 3, 32, 32, 3),
]


def pixel(y, x, k):
    return (x * 7 + y * 13 + k * 50 + x * y * (k + 1) + x // 5 * 91) % 256


def resize(im, size):                           # torchvision.transforms.Resize(size) of an image
    w, h = im.size
    short, long = min(w, h), max(w, h)
    other = int(size * long / short)
    return im.resize((size, other) if w <= h else (other, size), Image.BILINEAR) if short != size else im


def crop(im, size):                             # torchvision.transforms.CenterCrop(size)
    w, h = im.size
    top, left = int(round((h - size) / 2.0)), int(round((w - size) / 2.0))
    return im.crop((left, top, left + size, top + size))


print("/* made by tests/gen_images.py: h, w, channels, resize, crop, read as, height and width of the result, checksum */")
print("static const struct { int h, w, channels, resize, crop, as, out_h, out_w; unsigned sum; } golden_images[] = {")
for h, w, channels, size, side, read_as in CASES:
    pixels = bytes(pixel(y, x, k) for y in range(h) for x in range(w) for k in range(channels))
    im = Image.frombytes("L" if channels == 1 else "RGB", (w, h), pixels).convert("L" if read_as == 1 else "RGB")
    im = resize(im, size) if size else im
    im = crop(im, side) if side else im
    total = 0
    for b in im.tobytes():
        total = (total * 31 + b) % 2**32
    print(f"    {{{h}, {w}, {channels}, {size}, {side}, {read_as}, {im.size[1]}, {im.size[0]}, {total}u}},")
print("};")
