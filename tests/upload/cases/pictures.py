"""Pictures of a few hundred bytes, good and broken ones, made from nothing: `python3 make.py` puts them into the table."""

import struct
import zlib


# -- JPEG ---------------------------------------------------------------------------------------------------------

SOI, EOI = b"\xff\xd8", b"\xff\xd9"


def segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


APP0 = segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
DQT = segment(0xDB, b"\0" + bytes([16] * 64))
DC = segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0")     # one code of one bit: difference 0
AC = segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0")   # one code of one bit: end of block


def frame(marker=0xC0, width=8, height=8, components=1, precision=8):
    rows = b"".join(bytes([number, 0x11, 0]) for number in range(1, components + 1))
    return segment(marker, struct.pack(">BHHB", precision, height, width, components) + rows)


def scan(components=1, first=0, last=63, approximation=0, data=b"\x3f"):
    rows = b"".join(bytes([number, 0]) for number in range(1, components + 1))
    return segment(0xDA, bytes([components]) + rows + bytes([first, last, approximation])) + data


def jpeg(width=8, height=8, extra=b"", data=b"\x3f"):
    return SOI + APP0 + extra + DQT + frame(width=width, height=height) + DC + AC + scan(data=data) + EOI


def exif(thumbnail):
    """APP1 with a TIFF directory of two entries that place a JPEG thumbnail behind it."""
    directory = struct.pack("<HHHII", 1, 0x0201, 4, 1, 0) + struct.pack("<HHII", 0x0202, 4, 1, len(thumbnail))
    tiff = b"II*\0\x08\0\0\0\0\0" + b"\x0a\0\0\0" + directory
    return segment(0xE1, b"Exif\0\0" + tiff + thumbnail)


def good_jpegs():
    thumbnail = SOI + DQT + frame() + DC + AC + scan() + EOI
    progressive = (SOI + APP0 + DQT + frame(0xC2) + DC + scan(last=0, data=b"\x7f") + AC
                   + scan(first=1, data=b"\x7f") + EOI)
    return {
        "jpeg": jpeg(),
        "jpeg-bare": SOI + DQT + frame() + DC + AC + scan() + EOI,
        "jpeg-progressive": progressive,
        "jpeg-extended": SOI + DQT + frame(0xC1) + DC + AC + scan() + EOI,
        "jpeg-thumbnail": jpeg(extra=exif(thumbnail)),
        "jpeg-cmyk": (SOI + segment(0xEE, b"Adobe\0\x64\0\0\0\0\x02") + DQT + frame(components=4) + DC + AC
                      + scan(components=4, data=b"\x00") + EOI),
        "jpeg-three-scans": (SOI + DQT + frame(components=3) + DC + AC
                             + b"".join(segment(0xDA, bytes([1, n, 0, 0, 63, 0])) + b"\x3f" for n in (1, 2, 3)) + EOI),
        "jpeg-restart": (SOI + DQT + frame(width=24) + DC + AC + segment(0xDD, b"\0\x01")
                         + scan(data=b"\x3f\xff\xd0\x3f\xff\xd1\x3f") + EOI),
        "jpeg-stuffed": jpeg(width=64, height=64, data=b"\x00" * 4 + b"\xff\x00" * 3 + b"\x00\xff\x00" + b"\x00" * 6),
        "jpeg-comments": jpeg(extra=segment(0xFE, b"a comment") + segment(0xFE, EOI + SOI) + segment(0xED, b"--\r\n" * 4)),
        "jpeg-fill-bytes": SOI + b"\xff\xff" + APP0 + b"\xff" + DQT + frame() + DC + AC + scan() + b"\xff\xff" + EOI,
        "jpeg-wide": jpeg(width=4000, height=3000),
    }


def broken_jpegs():
    """name -> (bytes, reason)."""
    whole = jpeg()
    at = {name: whole.index(part) for name, part in (("DQT", DQT), ("SOF", frame()), ("DHT", DC), ("SOS", b"\xff\xda"))}
    rows = {f"jpeg-cut-{name}": (whole[:size], "image_truncated") for name, size in {
        "after-magic": 3, "in-app0": 9, "before-dqt": at["DQT"], "in-dqt": at["DQT"] + 20, "in-sof": at["SOF"] + 6,
        "after-sof": at["DHT"], "in-sos": at["SOS"] + 5, "before-eoi": len(whole) - 2,
        "in-eoi": len(whole) - 1}.items()}
    rows |= {f"jpeg-tail-{name}": (whole + tail, "image_trailing_data") for name, tail in {
        "byte": b"x", "nul": b"\0", "newline": b"\n", "eoi": EOI, "jpeg": whole,
        "zip": b"PK\x03\x04" + bytes(18) + b"PK\x05\x06" + bytes(18),
        "html": b"<html><script>1</script>", "php": b"<?php 1 ?>", "nuls": bytes(100), "png": png()}.items()}
    rows |= {
        "jpeg-no-width": (jpeg(width=0), "image_dimensions_invalid"),
        "jpeg-no-height": (jpeg(height=0), "image_dimensions_invalid"),
        "jpeg-no-size": (jpeg(width=0, height=0), "image_dimensions_invalid"),
        "jpeg-bomb": (jpeg(width=65500, height=65500), "image_too_many_pixels"),
        "jpeg-bomb-flat": (jpeg(width=65535, height=763), "image_too_many_pixels"),
        "jpeg-length-0": (SOI + b"\xff\xe0\0\0" + whole[2:], "image_malformed"),
        "jpeg-length-1": (SOI + b"\xff\xe0\0\x01" + whole[2:], "image_malformed"),
        "jpeg-no-frame": (SOI + APP0 + DQT + DC + AC + scan() + EOI, "image_malformed"),
        "jpeg-nothing": (SOI + EOI, "image_malformed"),
        "jpeg-no-scan": (SOI + APP0 + DQT + frame() + EOI, "image_malformed"),
        "jpeg-no-marker": (SOI + APP0 + b"garbage" + whole[20:], "image_malformed"),
        "jpeg-two-frames": (SOI + DQT + frame() + frame() + DC + AC + scan() + EOI, "image_malformed"),
        "jpeg-two-starts": (SOI + SOI + whole[2:], "image_malformed"),
        "jpeg-frame-short": (SOI + DQT + segment(0xC0, b"\x08\0\x08\0") + DC + AC + scan() + EOI, "image_malformed"),
    }
    return rows


# -- PNG ----------------------------------------------------------------------------------------------------------

MAGIC = b"\x89PNG\r\n\x1a\n"
CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}


def chunk(kind, data, crc=None):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data) if crc is None else crc)


def stored(data):
    """A zlib stream that every version of zlib would write the same: not compressed."""
    return b"\x78\x01\x01" + struct.pack("<HH", len(data),
                                         len(data) ^ 0xFFFF) + data + struct.pack(">I", zlib.adler32(data))


def header(width=2, height=2, depth=8, colour=0, compression=0, filtering=0, interlace=0):
    return chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, compression, filtering, interlace))


def rows_of(depth=8, colour=0, interlace=0):
    """The lines of 2 x 2 pixels."""
    lines = ((1, 1), (1, 1),
             (2, 1)) if interlace else ((2, 2),)  # width and number of lines of the passes that have any
    return b"".join((b"\0" + bytes((width * CHANNELS[colour] * depth + 7) // 8)) * count for width, count in lines)


IEND = chunk(b"IEND", b"")
PALETTE = chunk(b"PLTE", b"\0\0\0\xff\xff\xff")


def png(depth=8, colour=0, interlace=0, extra=b"", **size):
    return (MAGIC + header(depth=depth, colour=colour, interlace=interlace,
                           **size) + (PALETTE if colour == 3 else b"") + extra
            + chunk(b"IDAT", stored(rows_of(depth, colour, interlace))) + IEND)


def good_pngs():
    rows = {"png": png(), "png-interlaced": png(interlace=1), "png-wide": png(width=5000, height=4000)}
    for colour, depths in {0: (1, 2, 4, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}.items():
        rows |= {f"png-colour{colour}-{depth}": png(depth, colour) for depth in depths}
    data = stored(rows_of())
    rows |= {
        "png-interlaced-palette": png(4, 3, 1),
        "png-ancillary": png(extra=chunk(b"gAMA", b"\0\0\xb1\x8f") + chunk(b"tEXt", b"Title\0--\r\n--") + chunk(b"eXIf", b"II*\0\x08\0\0\0\0\0")),
        "png-three-idat": MAGIC + header() + b"".join(chunk(b"IDAT", data[at:at + 6]) for at in range(0, len(data),
                                                                                                      6)) + IEND,
        "png-empty-idat": MAGIC + header() + chunk(b"IDAT", b"") + chunk(b"IDAT", data) + IEND,
        "png-text-behind": MAGIC + header() + chunk(b"IDAT", data) + chunk(b"tEXt", b"Comment\0last") + IEND,
    }
    return rows


def broken_pngs():
    whole, data = png(), chunk(b"IDAT", stored(rows_of()))
    rows = {f"png-cut-{name}": (whole[:size], "image_truncated") for name, size in {
        "after-magic": 8, "in-length": 10, "in-ihdr": 20, "in-crc": 31, "after-ihdr": 33, "in-idat": 45,
        "before-iend": len(whole) - 12, "in-iend": len(whole) - 1}.items()}
    rows |= {f"png-tail-{name}": (whole + tail, "image_trailing_data") for name, tail in {
        "byte": b"x", "newline": b"\n", "iend": IEND, "png": whole, "zip": b"PK\x03\x04" + bytes(18), "html": b"<html>",
        "nuls": bytes(64),
        "jpeg": jpeg()}.items()}
    rows |= {f"png-crc-{name}": (bytes_, "image_malformed") for name, bytes_ in {
        "ihdr": MAGIC + header()[:-4] + b"\0\0\0\0" + data + IEND, "idat": MAGIC + header() + data[:-1] + b"\0" + IEND,
        "iend": MAGIC + header() + data + IEND[:-1] + b"\0",
        "plte": MAGIC + header(colour=3) + PALETTE[:-1] + b"\0" + chunk(b"IDAT", stored(rows_of(8, 3))) + IEND}.items()}
    for name, fields in {"depth-3": {"depth": 3}, "colour-1": {"colour": 1}, "colour-7": {"colour": 7},
                         "colour2-depth4": {"colour": 2, "depth": 4},
                         "compression": {"compression": 1}, "filter": {"filtering": 1},
                         "interlace": {"interlace": 2}}.items():
        rows[f"png-{name}"] = (MAGIC + header(**fields) + data + IEND, "image_malformed")
    rows |= {
        "png-no-width": (png(width=0), "image_dimensions_invalid"),
        "png-no-height": (png(height=0), "image_dimensions_invalid"),
        "png-side-65536": (png(width=65536, height=1), "image_dimensions_invalid"),
        "png-side-2g": (png(width=1, height=0x80000000), "image_dimensions_invalid"),
        "png-bomb": (png(width=10000, height=10000), "image_too_many_pixels"),
        "png-bomb-tall": (png(width=763, height=65535), "image_too_many_pixels"),
        "png-first-idat": (MAGIC + data + header() + IEND, "image_malformed"),
        "png-first-text": (MAGIC + chunk(b"tEXt", b"a\0b") + header() + data + IEND, "image_malformed"),
        "png-two-headers": (MAGIC + header() + header() + data + IEND, "image_malformed"),
        "png-no-idat": (MAGIC + header() + IEND, "image_malformed"),
        "png-no-palette": (MAGIC + header(colour=3) + chunk(b"IDAT", stored(rows_of(8, 3))) + IEND, "image_malformed"),
        "png-unknown-critical": (MAGIC + header() + chunk(b"ABCD", b"") + data + IEND, "image_malformed"),
        "png-iend-with-data": (MAGIC + header() + data + chunk(b"IEND", b"x"), "image_malformed"),
        "png-length-4g": (MAGIC + header() + b"\xff\xff\xff\xffIDAT" + bytes(20), "image_malformed"),
        "png-ihdr-12": (MAGIC + chunk(b"IHDR", bytes(12)) + data + IEND, "image_malformed"),
        "png-split-idat": (MAGIC + header() + chunk(b"IDAT", b"\x78\x01") + chunk(b"tEXt", b"a\0b") + data + IEND,
                           "image_malformed"),
        "png-bad-name": (MAGIC + header() + chunk(b"I\0AT", b"") + data + IEND, "image_malformed"),
    }
    return rows


OTHERS = {
    "gif": b"GIF89a\x01\0\x01\0\0\0\0;", "pdf": b"%PDF-1.7\n%%EOF\n",
    "webp": b"RIFF\x1a\0\0\0WEBPVP8L\x0d\0\0\0/\0\0\0\0", "bmp": b"BM" + bytes(52),
    "tiff": b"II*\0\x08\0\0\0\0\0\0\0", "heic": b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'/>",
    "html": b"<!doctype html><p>no", "text": b"no picture at all", "zip": b"PK\x03\x04" + bytes(26),
    "program": b"MZ" + bytes(62),
    "blank-before-jpeg": b" " + jpeg(), "newline-before-png": b"\n" + png(), "jp2": b"\0\0\0\x0cjP  \r\n\x87\n",
    "mng": b"\x8aMNG\r\n\x1a\n" + bytes(8),
    "png-text-mode": b"\x89PNG\n\x1a\n" + png()[8:], "one-byte": b"\xff", "gif-tail-jpeg": b"GIF89a" + jpeg(),
}
