#!/usr/bin/env python3
"""Writes first inputs for the fuzz targets from the wire tables and the shipped configurations: seed_corpora.py FOLDER

run.sh minimises what is kept in corpus/ (libFuzzer's -merge=1); this script is only needed to begin again.
"""

import json
import pathlib
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]


def wire_bytes(raw):
    if isinstance(raw, str):
        return raw.encode("latin-1")
    return b"".join(wire_bytes(piece) if isinstance(piece, str) else wire_bytes(piece["repeat"]) * piece["times"] for piece in raw)


def main():
    out = pathlib.Path(sys.argv[1])
    seeds = {"head": [], "chunk_reader": [], "query": [], "configuration": []}
    for name in ("cases.json", "bodies.json"):
        for case in json.loads((TESTS / "wire" / name).read_text(encoding="utf-8")):
            raw = wire_bytes(case["raw"])[:4096]
            head, _, body = raw.partition(b"\r\n\r\n")
            seeds["head"].append(b"\x00" + head + b"\r\n\r\n")
            if b"chunked" in head.lower():
                seeds["chunk_reader"].append(b"\x00" + body[:2048])
            words = head.split(b"\r\n")[0].split(b" ")
            if len(words) > 1:
                seeds["query"].append(words[1][:512])
    for status in (b"200 OK", b"100 Continue", b"204 No Content", b"304 Not Modified", b"403 Forbidden"):
        for fields in (b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n", b"Connection: close\r\n", b""):
            seeds["head"].append(b"\x02HTTP/1.1 " + status + b"\r\nDate: x\r\n" + fields + b"\r\n")
    for path in (TESTS.parent / "config").glob("*.toml"):
        seeds["configuration"].append(path.read_bytes())
        seeds["configuration"].append(b"\n".join(line.split(b"#")[0].rstrip() for line in path.read_bytes().splitlines() if not line.startswith(b"#")))
    for target, inputs in seeds.items():
        folder = out / target
        folder.mkdir(parents=True, exist_ok=True)
        for number, data in enumerate(sorted(set(inputs))):
            (folder / f"seed-{number:04}").write_bytes(data)
        print(f"{target}: {len(set(inputs))} inputs")


if __name__ == "__main__":
    main()
