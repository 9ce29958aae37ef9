"""Draws the pictures that the demo uploads: a baseline JPEG of an identity card and a PNG of a face.

Both are complete, valid files of the size a telephone's camera makes, built with the standard library only.
Usage: pictures.py FOLDER
"""

import math
import os
import random
import struct
import sys
import zlib

WIDTH, HEIGHT = 800, 600


def draw(face, seed):
    """Rows of (red, green, blue): a card with a portrait and lines of text, or a face that fills the picture."""
    noise = random.Random(seed)
    card = (250, 120, 95, 120) if not face else (400, 300, 190, 250)
    middle_x, middle_y, radius_x, radius_y = card
    rows = []
    for y in range(HEIGHT):
        row = []
        for x in range(WIDTH):
            red, green, blue = 205 - y // 8, 214 - x // 16, 224 - (x + y) // 20
            dx, dy = (x - middle_x) / radius_x, (y - middle_y * (1 if face else 2.2)) / radius_y
            distance = dx * dx + dy * dy
            if distance < 1:
                red, green, blue = 226 - int(40 * distance), 178 - int(50 * distance), 150 - int(60 * distance)
                if (abs(dx) - 0.4) ** 2 + (dy + 0.2) ** 2 < 0.012 or (abs(dx) < 0.35 and 0.42 < dy < 0.5):
                    red, green, blue = 60, 40, 40
            elif not face and x > 400 and y % 60 < 22 and 90 < y < 500 and x < 760 - y // 60 * 70 % 160:
                red, green, blue = 45, 50, 70
            grain = noise.getrandbits(4) - 8
            row.append((red + grain, green + grain, blue + grain))
        rows.append(row)
    return rows


def png(rows):
    """An 8-bit RGB PNG whose scan lines hold differences to the line above (filter 2)."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    raw, above = bytearray(), bytes(3 * WIDTH)
    for row in rows:
        line = bytes(max(0, min(255, value)) for pixel in row for value in pixel)
        raw.append(2)
        raw.extend((new - old) & 255 for new, old in zip(line, above))
        above = line
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, 8, 2, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(raw), 6))
            + chunk(b"IEND", b""))


COSINES = [math.cos(i * math.pi / 16) / 2 for i in range(16)]
ROOT = math.sqrt(1 / 8)


def dct(a, b, c, d, e, f, g, h):
    """The eight-point cosine transform: sums feed the even results, differences the odd ones."""
    p, q, r, s = a + h, b + g, c + f, d + e
    t, u, v, w = a - h, b - g, c - f, d - e
    _, c1, c2, c3, c4, c5, c6, c7 = COSINES[:8]
    return (ROOT * (p + q + r + s), c1 * t + c3 * u + c5 * v + c7 * w,
            c2 * (p - s) + c6 * (q - r), c3 * t - c7 * u - c1 * v - c5 * w,
            c4 * (p + s - q - r), c5 * t - c1 * u + c7 * v + c3 * w,
            c6 * (p - s) - c2 * (q - r), c7 * t - c5 * u + c3 * v - c1 * w)


def zigzag():
    cells = [(u, v) for u in range(8) for v in range(8)]
    return sorted(cells, key=lambda cell: (cell[0] + cell[1], cell[0] if (cell[0] + cell[1]) % 2 else cell[1]))


ORDER = zigzag()
STEPS = [2 + (u + v) // 3 for u, v in ORDER]


class BitWriter:
    def __init__(self):
        self.out, self.bits, self.count = bytearray(), 0, 0

    def put(self, value, length):
        self.bits = self.bits << length | value
        self.count += length
        while self.count >= 8:
            self.count -= 8
            byte = self.bits >> self.count & 255
            self.out.append(byte)
            if byte == 255:
                self.out.append(0)
        self.bits &= (1 << self.count) - 1

    def finish(self):
        if self.count:
            self.put((1 << 8 - self.count) - 1, 8 - self.count)
        return bytes(self.out)


# Flat Huffman codes are allowed, need no table from the standard and compress well enough here:
# four bits for the twelve sizes of a first coefficient, eight bits for a run of zeros and a size.
DC_SYMBOLS = list(range(12))
AC_SYMBOLS = [0x00, 0xF0] + [run << 4 | size for run in range(16) for size in range(1, 11)]
AC_CODES = {symbol: code for code, symbol in enumerate(AC_SYMBOLS)}


def write_block(writer, block, previous):
    """Transforms, quantises and writes one block of 64 samples; the result is its first coefficient."""
    lines = [dct(*block[8 * y:8 * y + 8]) for y in range(8)]
    columns = [dct(*column) for column in zip(*lines)]
    values = [round(columns[v][u] / step) for (u, v), step in zip(ORDER, STEPS)]

    def put_number(number, size):
        if size:
            writer.put(number if number > 0 else number + (1 << size) - 1, size)

    difference = values[0] - previous
    size = abs(difference).bit_length()
    writer.put(size, 4)
    put_number(difference, size)
    run = 0
    for value in values[1:]:
        if not value:
            run += 1
            continue
        while run > 15:
            writer.put(AC_CODES[0xF0], 8)
            run -= 16
        size = abs(value).bit_length()
        writer.put(AC_CODES[run << 4 | size], 8)
        put_number(value, size)
        run = 0
    if run:
        writer.put(AC_CODES[0x00], 8)
    return values[0]


def jpeg(rows):
    """A baseline JFIF file: three components, none of them reduced."""

    def segment(marker, data):
        return struct.pack(">BBH", 255, marker, len(data) + 2) + data

    def huffman(kind, length, symbols):
        counts = bytes(len(symbols) if bits == length else 0 for bits in range(1, 17))
        return segment(0xC4, bytes([kind]) + counts + bytes(symbols))

    writer, previous = BitWriter(), [0, 0, 0]
    for top in range(0, HEIGHT, 8):
        for left in range(0, WIDTH, 8):
            pixels = [pixel for y in range(top, top + 8) for pixel in rows[y][left:left + 8]]
            blocks = ([0.299 * r + 0.587 * g + 0.114 * b - 128 for r, g, b in pixels],
                      [-0.168736 * r - 0.331264 * g + 0.5 * b for r, g, b in pixels],
                      [0.5 * r - 0.418688 * g - 0.081312 * b for r, g, b in pixels])
            for number, block in enumerate(blocks):
                previous[number] = write_block(writer, block, previous[number])
    frame = struct.pack(">BHHB", 8, HEIGHT, WIDTH, 3) + bytes([1, 0x11, 0, 2, 0x11, 0, 3, 0x11, 0])
    return b"".join([
        b"\xff\xd8", segment(0xE0, b"JFIF\0" + struct.pack(">HBHHBB", 0x0101, 1, 300, 300, 0, 0)),
        segment(0xDB, bytes([0] + STEPS)), segment(0xC0, frame),
        huffman(0x00, 4, DC_SYMBOLS), huffman(0x10, 8, AC_SYMBOLS),
        segment(0xDA, bytes([3, 1, 0, 2, 0, 3, 0, 0, 63, 0])), writer.finish(), b"\xff\xd9"])


def write(path, data):
    with open(path + ".new", "wb") as file:
        file.write(data)
    os.replace(path + ".new", path)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    folder = sys.argv[1]
    os.makedirs(folder, exist_ok=True)
    write(os.path.join(folder, "id-card.jpg"), jpeg(draw(face=False, seed=1)))
    write(os.path.join(folder, "selfie.png"), png(draw(face=True, seed=2)))


if __name__ == "__main__":
    main()
