#!/usr/bin/env python3
"""Seeds for the repository's fuzz targets: one well-formed thing of each kind."""
import os
import struct

here = os.path.dirname(os.path.abspath(__file__))


def write(target, name, data):
    folder = os.path.join(here, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(data)


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def entry(path, kind, size=0, time=0, content=b""):
    value = bytes([kind]) + varint(size) + varint(time << 1) + content
    return struct.pack("<HH", len(path), len(value)) + path + value


def block(entries):
    starts, body = [], b""
    for one in entries:
        starts.append(len(body))
        body += one
    return body + b"".join(struct.pack("<I", s) for s in starts) + struct.pack("<I", len(starts))


one = bytes([0, 1]) + bytes(32)
two = bytes([1, 2]) + 2 * (bytes(range(32)) + struct.pack("<Q", 500))
write("repo_table", "block", block([
    entry(b"U", 2), entry(b"U/a", 1, 10, 1790000000, one), entry(b"U/b", 1, 1000, 5, two),
    entry(b"U/c", 1, 0, 5, bytes([0, 0])), entry(b"U/d", 3)]))
index = struct.pack("<QIIBH", 64, 100, 200, 1, 1) + b"U"
index += struct.pack("<QIIBH", 164, 50, 60, 0, 3) + b"U/b"
write("repo_table", "index", bytes([2]) + struct.pack("<I", 214)[:3] + index)
blob = b"RHb1" + bytes([1, 0, 0, 0]) + struct.pack("<II", 5, 21) + bytes(32)
write("repo_pack", "header", blob)
write("repo_pack", "two", bytes(64) + 2 * (blob + bytes(21)))
packed = b"RHb1" + bytes([2, 1, 0, 0]) + struct.pack("<II", 500, 30) + bytes(32) + bytes(30)
write("repo_pack", "list", bytes(64) + packed + b"torn")
head = struct.pack("<II8s8sqQQIIQQII", 1, 3, b"\1" * 8, bytes(8), 1790000000, 2, 300, 6, 1, 64, 3, 40, 1)
write("repo_head", "fields", head + bytes(128 - len(head)))
write("repo_head", "list", 3 * (bytes(range(32)) + struct.pack("<Q", 65536)))
