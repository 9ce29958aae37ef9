"""Pictures as encoders write them: by Pillow, and those that Debian packages have put on this machine."""

import io
import os
import random

from PIL import Image, PngImagePlugin

LIMIT = 2_500_000
ROOTS = ("/usr/share/doc", "/usr/lib/python3/dist-packages", "/usr/share/javascript", "/usr/share/icons",
         "/usr/share/pixmaps")


def noise(mode, size=(97, 61), seed=1):
    """A picture with something in every pixel."""
    image = Image.frombytes("RGB", size, random.Random(seed).randbytes(size[0] * size[1] * 3))
    return image.convert("RGBA").convert(mode) if mode in ("LA", "RGBA") else image.convert(mode)


def saved(image, kind, **options):
    out = io.BytesIO()
    image.save(out, kind, **options)
    return out.getvalue()


def exif_with_thumbnail():
    """An EXIF block whose second directory holds a JPEG of its own, as cameras write it."""
    thumbnail = saved(noise("RGB", (160, 120), 2), "JPEG")
    ifd0 = b"\x01\x00" + b"\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00" + (26).to_bytes(4, "little")
    ifd1 = (b"\x02\x00" + b"\x01\x02\x04\x00\x01\x00\x00\x00" + (26 + 30).to_bytes(4, "little")
            + b"\x02\x02\x04\x00\x01\x00\x00\x00" + len(thumbnail).to_bytes(4, "little") + bytes(4))
    return b"Exif\0\0" + b"II*\0\x08\0\0\0" + ifd0 + ifd1 + thumbnail


def jpegs():
    """name -> bytes."""
    rgb, grey = noise("RGB"), noise("L")
    profile = bytes(3000)
    rows = {"baseline": saved(rgb, "JPEG"), "progressive": saved(rgb, "JPEG", progressive=True),
            "grey": saved(grey, "JPEG"),
            "grey-progressive": saved(grey, "JPEG", progressive=True), "cmyk": saved(noise("CMYK"), "JPEG"),
            "cmyk-progressive": saved(noise("CMYK"), "JPEG", progressive=True),
            "optimized": saved(rgb, "JPEG", optimize=True),
            "exif": saved(rgb, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
            "thumbnail": saved(rgb, "JPEG", exif=exif_with_thumbnail()),
            "thumbnail-progressive": saved(rgb, "JPEG", exif=exif_with_thumbnail(), progressive=True),
            "icc": saved(rgb, "JPEG", icc_profile=profile), "icc-in-two": saved(rgb, "JPEG", icc_profile=bytes(90_000)),
            "density": saved(rgb, "JPEG", dpi=(300, 300)), "comment": saved(rgb, "JPEG", comment=b"\xff\xd9--\r\n"),
            "one-pixel": saved(noise("RGB", (1, 1)), "JPEG"), "wide": saved(noise("RGB", (4000, 2)), "JPEG"),
            "large": saved(noise("RGB", (1200, 900)), "JPEG", quality=90),
            "large-progressive": saved(noise("RGB", (1200, 900)), "JPEG", quality=90, progressive=True)}
    rows |= {f"quality-{quality}": saved(rgb, "JPEG", quality=quality) for quality in (1, 50, 95, 100)}
    rows |= {f"subsampling-{mode}": saved(rgb, "JPEG", subsampling=mode) for mode in (0, 1, 2)}
    return rows


def pngs():
    """name -> bytes; every colour type. Pillow writes no interlaced ones: the table of tests/upload/cases has those."""
    rows = {f"mode-{mode}": saved(noise(mode), "PNG") for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I")}
    rows |= {f"palette-{bits}": saved(noise("P").quantize(1 << bits), "PNG", bits=bits) for bits in (1, 2, 4, 8)}
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "--\r\n--")
    text.add_itxt("Title", "\uc2e0\ubd84\uc99d")
    palette = noise("P")
    rows |= {"grey-16": saved(noise("L").convert("I").point(lambda value: value * 257), "PNG"),
             "text": saved(noise("RGB"), "PNG", pnginfo=text),
             "compressed-text": saved(noise("L"), "PNG", icc_profile=bytes(2000)),
             "density": saved(noise("L"), "PNG", dpi=(300, 300)),
             "transparency": saved(palette, "PNG", transparency=0),
             "grey-transparency": saved(noise("L"), "PNG", transparency=7),
             "exif": saved(noise("L"), "PNG", exif=b"Exif\0\0II*\0\x08\0\0\0\0\0\0\0\0\0"),
             "one-pixel": saved(noise("RGB", (1, 1)), "PNG"),
             "level-0": saved(noise("RGB"), "PNG", compress_level=0), "large": saved(noise("RGB", (800, 700)), "PNG")}
    return rows


def installed(most=400):
    """(path, kind, bytes) of pictures in Debian packages that Pillow can read to the end, spread over all there are."""
    found = []
    for root in ROOTS:
        for folder, folders, names in os.walk(root):
            folders.sort()
            found += [os.path.join(folder, name) for name in sorted(names) if name.lower().endswith((".png", ".jpg",
                                                                                                     ".jpeg"))]
    few = [path for path in found if "/icons/" not in path]
    found = few[:most] + [path for path in found if "/icons/" in path][::20]
    for path in found[:most]:
        with open(path, "rb") as file:
            data = file.read(LIMIT + 1)
        if len(data) > LIMIT:
            continue
        try:
            with Image.open(io.BytesIO(data)) as image:
                kind = image.format
                image.load()
        except (OSError, SyntaxError, ValueError):
            continue
        if kind in ("JPEG", "PNG"):
            yield path, kind, data
