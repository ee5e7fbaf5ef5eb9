#!/usr/bin/env python3
"""Makes the seeds of fuzz_plist: fuzz/corpus/make_plist.py (from anywhere)."""
import datetime
import os
import plistlib

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "plist")
HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n<plist version="1.0">'

EVERYTHING = {
    "a": 1, "b": [255, 256, 65536, 2**32, 2**63, -13], "s": "h\u00e4llo \U0001f600 &<>", "e": "",
    "d": b"x" * 40, "r": [1.5, 0.1, float("inf")], "t": datetime.datetime(2026, 11, 1, 8),
    "y": True, "n": False, "ea": [], "ed": {}, "long": "y" * 40,
}


def save(name, content):
    os.makedirs(FOLDER, exist_ok=True)
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(content)


def objects(*parts):
    """A binary list of raw objects with references and offsets of one byte; the first is the root."""
    body, offsets = b"bplist00", b""
    for part in parts:
        offsets += bytes([len(body)])
        body += part
    trailer = bytes(6) + b"\1\1" + len(parts).to_bytes(8, "big") + bytes(8)
    return body + offsets + trailer + len(body).to_bytes(8, "big")


save("everything.xml", plistlib.dumps(EVERYTHING, fmt=plistlib.FMT_XML))
save("everything.bin", plistlib.dumps(EVERYTHING, fmt=plistlib.FMT_BINARY))
save("archive.bin", plistlib.dumps({
    "$version": 100000, "$archiver": "NSKeyedArchiver", "$top": {"root": plistlib.UID(1)},
    "$objects": ["$null", {"Size": 5, "$class": plistlib.UID(2)}, {"$classname": "MBFile"}],
}, fmt=plistlib.FMT_BINARY))
save("uid.xml", HEAD + b"<dict><key>CF$UID</key><integer>0x3</integer></dict></plist>")
save("wide.xml", HEAD + b"<integer>18446744073709551603</integer></plist>\0")
save("entity.xml", b'<!DOCTYPE p [<!ENTITY a "x">]>' + HEAD + b"<string>&a;</string></plist>")
save("wide.bin", objects(b"\x14" + bytes(8) + b"\xff" * 7 + b"\xf3"))
save("null.bin", objects(b"\xa2\1\2", b"\x00", b"\x22\x3f\xc0\0\0"))
save("shared.bin", objects(b"\xa2\1\1", b"\xa2\2\2", b"\xd1\3\4", b"\x51k", b"\x62\xd8\x00\0z"))
save("loop.bin", objects(b"\xa1\1", b"\xa1\0"))
