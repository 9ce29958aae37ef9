"""Image files and multipart bodies made from nothing."""

import hashlib
import random
import struct
import zlib

MIB = 1024 * 1024


def sha256(data):
    return hashlib.sha256(data).hexdigest()


def png(width=8, height=8, seed=1):
    """A valid RGB PNG of noise."""
    noise = random.Random(seed)
    rows = b"".join(b"\0" + noise.randbytes(width * 3) for _ in range(height))

    def chunk(kind, data):
        return (struct.pack(">I", len(data)) + kind + data
                + struct.pack(">I", zlib.crc32(kind + data)))

    return (b"\x89PNG\r\n\x1a\n"
            + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
            + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b""))


def _segment(marker, data):
    return struct.pack(">BBH", 0xFF, marker, len(data) + 2) + data


def _comments(noise, length):
    """COM segments that take exactly `length` bytes (0 or at least 4)."""
    out = bytearray()
    while length:
        take = min(length, 65000)
        if 0 < length - take < 4:
            take -= 4
        out += _segment(0xFE, noise.randbytes(take - 4))
        length -= take
    return bytes(out)


def jpeg(size=None, width=8, height=8, seed=1):
    """A decodable grey baseline JPEG; `size` pads it to exactly that many bytes."""
    head = b"\xff\xd8" + _segment(0xE0, b"JFIF\0\x01\x01\0\0\x01\0\x01\0\0")
    tables = (_segment(0xDB, b"\0" + bytes([16] * 64))
              + _segment(0xC0, struct.pack(">BHHB", 8, height, width, 1) + b"\x01\x11\0")
              # one code of one bit in each Huffman table: DC difference 0 and end of block
              + _segment(0xC4, b"\0" + bytes([1] + [0] * 15) + b"\0")
              + _segment(0xC4, b"\x10" + bytes([1] + [0] * 15) + b"\0"))
    blocks = ((width + 7) // 8) * ((height + 7) // 8)
    bits = "0" * (2 * blocks)
    bits += "1" * (-len(bits) % 8)
    scan = (_segment(0xDA, b"\x01\x01\0\0\x3f\0")
            + bytes(int(bits[at:at + 8], 2) for at in range(0, len(bits), 8)) + b"\xff\xd9")
    if size is None:
        return head + tables + scan
    padding = size - len(head) - len(tables) - len(scan)
    if padding and padding < 4:
        raise ValueError("size too small")
    return head + _comments(random.Random(seed), padding) + tables + scan


def multipart(fields, boundary="----argosTestBoundary7d81"):
    """fields: [(name, value)] or [(name, filename, content type, bytes)].
    Returns (content type, body)."""
    out = bytearray()
    for field in fields:
        out += f"--{boundary}\r\nContent-Disposition: form-data; name=\"{field[0]}\"".encode()
        if len(field) == 2:
            value = field[1].encode() if isinstance(field[1], str) else field[1]
            out += b"\r\n\r\n" + value + b"\r\n"
        else:
            out += (f"; filename=\"{field[1]}\"\r\nContent-Type: {field[2]}\r\n\r\n".encode()
                    + field[3] + b"\r\n")
    out += f"--{boundary}--\r\n".encode()
    return f"multipart/form-data; boundary={boundary}", bytes(out)


def step1_fields(image=None, email="mina@example.test", **extra):
    return [("issuingCountry", "GHA"), ("email", email), ("idType", "passport"),
            *extra.items(), ("idImage", "id.jpg", "image/jpeg", image or jpeg())]


def step2_fields(submission_id, image=None, **extra):
    return [("submissionId", submission_id), ("name", "Okafor, Mina"),
            ("date_of_birth", "1991-04-02"), *extra.items(),
            ("faceImage", "face.png", "image/png", image or png())]
