#!/usr/bin/env python3
"""Writes golden_randaugment.h: an image of bytes, and what Pillow and torchvision's RandAugment (bilinear) make of it.
   python3 tests/gen_randaugment.py >tests/golden_randaugment.h"""
from PIL import Image, ImageEnhance, ImageOps
from torchvision.transforms import InterpolationMode
from torchvision.transforms.autoaugment import _apply_op
from torchvision.transforms.functional import to_pil_image, to_tensor

W, H = 24, 16
image = Image.new("RGB", (W, H))
for y in range(H):                                # some levels often, some never
    for x in range(W):
        i = y * W + x
        image.putpixel((x, y), (30 + i * 37 % 101 * 2, 200 - i * i % 61 * 3, 17 * (i % 7) + 5 * (y % 3)))

def write(name, picture):
    planes = [v for band in picture.split() for v in (band.get_flattened_data() if hasattr(band, "get_flattened_data") else band.getdata())]
    rows = ["    " + ", ".join(map(str, planes[i:i + 24])) for i in range(0, len(planes), 24)]
    print("static const unsigned char rand_%s[%d] = {\n%s\n};" % (name, len(planes), ",\n".join(rows)))

print("/* golden_randaugment.h: made by gen_randaugment.py, do not edit */")
write("image", image)
for name, enhance in (("brightness", ImageEnhance.Brightness), ("saturation", ImageEnhance.Color),
                      ("contrast", ImageEnhance.Contrast), ("sharpness", ImageEnhance.Sharpness)):
    write("more_" + name, enhance(image).enhance(1 + 0.9 * 0.6))                 # magnitude 18 of 30: strength .6
    write("less_" + name, enhance(image).enhance(1 - 0.9 * 0.6))
write("posterize", ImageOps.posterize(image, 6))                                 # 8 - round(4 * .6) bits
write("solarize", ImageOps.solarize(image, 102))
write("autocontrast", ImageOps.autocontrast(image))
write("equalize", ImageOps.equalize(image))
for name, op, magnitude in (("turn", "Rotate", 18), ("shear_x", "ShearX", .18), ("shear_y", "ShearY", .18),
                            ("shift_x", "TranslateX", 150 / 331 * W * .6), ("shift_y", "TranslateY", 150 / 331 * H * .6)):
    for sign in ("more", "less"):
        moved = _apply_op(to_tensor(image), op, magnitude if sign == "more" else -magnitude, InterpolationMode.BILINEAR, None)
        write(sign + "_" + name, to_pil_image(moved))
