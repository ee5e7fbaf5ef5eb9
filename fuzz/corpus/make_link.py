#!/usr/bin/env python3
"""Makes the seeds of fuzz_link_* and fuzz_exchange: fuzz/corpus/make_link.py (from anywhere).

Small well-formed messages and a few broken ones; the fuzzer finds the rest by itself.
"""
import os
import plistlib
import struct

HERE = os.path.dirname(os.path.abspath(__file__))
UDID = "0000FE5A-00112233AABBCCDD"
EMPTY = "___EmptyParameterString___"


def save(target, name, content):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)


def frame(value, binary):
    fmt = plistlib.FMT_BINARY if binary else plistlib.FMT_XML
    body = plistlib.dumps(value, fmt=fmt, sort_keys=False)
    return struct.pack(">I", len(body)) + body


def raw_frame(body):
    return struct.pack(">I", len(body)) + body


def mux(body, version=1, message=8, tag=1):
    return struct.pack("<IIII", 16 + len(body), version, message, tag) + body


def mux_plist(value):
    return mux(plistlib.dumps(value))


def afc(number, op, arguments=b"", payload=b""):
    this_len = 40 + len(arguments)
    return b"CFA6LPAA" + struct.pack("<QQQQ", this_len + len(payload), this_len, number, op) + arguments + payload


def name(text):
    return struct.pack(">I", len(text)) + text


def block(code, content=b""):
    return struct.pack(">IB", 1 + len(content), code) + content


END = struct.pack(">I", 0)


def link_stream():
    # first byte: bit 0 = two names, the rest = length of the pieces - 1
    two, one = b"\x05", b"\x06"
    batch = (name(b"/a") + name(b"U/00") + block(0x0C, b"abc") + block(0x0C, b"de") + block(0)
             + name(b"/b") + name(b"U/01") + block(0)
             + name(b"/c") + name(b"U/02") + block(0x0C, b"f") + block(0x0B, b"forbidden") + END)
    save("link_stream", "upload", two + batch)
    save("link_stream", "two_batches", two + batch + END)
    save("link_stream", "download", one + name(b"U/Info.plist") + block(0x0C, b"x") + block(0)
         + name(b"z") + block(0x06, b"missing") + END)
    save("link_stream", "block_4gib", two + name(b"/") + name(b"u") + b"\xff\xff\xff\xff\x0c" + b"data")
    save("link_stream", "block_0", two + name(b"/") + name(b"u") + b"\0\0\0\0\x0c")
    save("link_stream", "name_2gib", two + b"\x80\0\0\0name")
    save("link_stream", "name_nul", one + name(b"U/\0/../x") + block(0) + END)
    save("link_stream", "end_with_contents", one + name(b"u") + block(0, b"x"))


def link_dl():
    messages = {
        "version": ["DLMessageVersionExchange", 400, 0],
        "version_ok": ["DLMessageVersionExchange", "DLVersionsOk", 400],
        "ready": ["DLMessageDeviceReady"],
        "download": ["DLMessageDownloadFiles", [UDID + "/Status.plist", 5, ""], {}, 0.5, 0],
        "upload": ["DLMessageUploadFiles", {"DLDeviceIOCallbacks": 4447}, 12.5, 8192],
        "contents": ["DLContentsOfDirectory", UDID],
        "mkdir": ["DLMessageCreateDirectory", UDID + "/Snapshot", {}],
        "move": ["DLMessageMoveItems", {UDID + "/Snapshot/00": UDID + "/00"}, {}, 99],
        "remove": ["DLMessageRemoveItems", [UDID + "/../x"], {}, -1],
        "copy": ["DLMessageCopyItem", UDID, EMPTY, {}],
        "purge": ["DLMessagePurgeDiskSpace", 1 << 62, 4],
        "message": ["DLMessageProcessMessage", {"MessageName": "Response", "ErrorCode": 105}],
        "status": ["DLMessageStatusResponse", -13, "Multi status", {"a": {"DLFileErrorCode": -6}}],
        "status_wide": ["DLMessageStatusResponse", (1 << 64) - 13, EMPTY, EMPTY],
        "disconnect": ["DLMessageDisconnect", EMPTY],
        "unknown": ["DLMessagePing"],
        "not_an_array": {"DLMessagePing": 1},
        "wrong_types": ["DLMessageMoveItems", [1, 2], "x", True],
    }
    for key, value in messages.items():
        save("link_dl", key + ".xml", frame(value, False))
        save("link_dl", key + ".bin", frame(value, True))


def link_lockdown():
    replies = {
        "value": {"Request": "GetValue", "Key": "WillEncrypt", "Value": True},
        "other": {"Request": "StartSession", "SessionID": "1", "EnableSessionSSL": True},
        "error": {"Request": "GetValue", "Error": "PasswordProtected"},
        "error_unknown": {"Request": "GetValue", "Error": "Caf\u00e9\n\u2603"},
        "error_no_text": {"Request": "GetValue", "Error": 5},
        "failure": {"Request": "GetValue", "Result": "Failure"},
        "array": ["GetValue"],
    }
    for key, value in replies.items():
        save("link_lockdown", key + ".xml", frame(value, False))
        save("link_lockdown", key + ".bin", frame(value, True))
    save("link_lockdown", "empty", raw_frame(b""))
    save("link_lockdown", "huge", b"\xff\xff\xff\xff<plist>")
    save("link_lockdown", "no_plist", raw_frame(b"hello"))


def link_mux():
    save("link_mux", "list", mux_plist({"MessageType": "ListDevices", "kLibUSBMuxVersion": 3}))
    save("link_mux", "connect", mux_plist({"MessageType": "Connect", "DeviceID": 1, "PortNumber": 32498}))
    save("link_mux", "pair_record", mux_plist({"MessageType": "ReadPairRecord", "PairRecordID": UDID}))
    save("link_mux", "pair_record_bad", mux_plist({"MessageType": "ReadPairRecord", "PairRecordID": "../../etc"}))
    save("link_mux", "old_connect", mux(struct.pack("<I", 1) + b"\xf2\x7e\0\0", 0, 2))
    save("link_mux", "two", mux(UDID.replace("-", "").encode()) + mux(b"a" * 40))
    save("link_mux", "short", struct.pack("<IIII", 15, 1, 8, 1))
    save("link_mux", "huge", struct.pack("<IIII", 0xFFFFFFFF, 1, 8, 1))


def link_afc():
    handle = struct.pack("<Q", 3)
    save("link_afc", "open", afc(1, 0x0D, struct.pack("<Q", 2) + b"/com.apple.itunes.lock_sync\0"))
    save("link_afc", "lock", afc(2, 0x1B, handle + struct.pack("<Q", 6)))
    save("link_afc", "write", afc(3, 0x10, handle, b"hello"))
    save("link_afc", "status_read", afc(4, 0x01, struct.pack("<Q", 19)) + afc(5, 0x03, b"/Books\0"))
    save("link_afc", "contradiction", b"CFA6LPAA" + struct.pack("<QQQQ", 40, 48, 1, 1))
    save("link_afc", "huge", b"CFA6LPAA" + struct.pack("<QQQQ", 1 << 40, 40, 1, 1))
    save("link_afc", "no_magic", b"CFA6LPAB" + struct.pack("<QQQQ", 40, 40, 1, 1))


def exchange():
    end = frame(["DLMessageProcessMessage", {"MessageName": "Response", "ErrorCode": 0}], True)
    upload = frame(["DLMessageUploadFiles", {}, 1.0, 100], False)
    inside = (UDID + "/Snapshot/00").encode()
    save("exchange", "uploads", upload + name(b"/a") + name(inside) + block(0x0C, b"abc") + block(0)
         + name(b"/b") + name(inside) + block(0x0B, b"forbidden") + END + end)
    save("exchange", "climbs", upload + name(b"/a") + name(b"../x") + block(0x0C, b"abc") + block(0) + END + end)
    save("exchange", "directory", b"".join(frame(message, False) for message in (
        ["DLMessageCreateDirectory", UDID + "/a", {}], ["DLMessageMoveItems", {UDID + "/a": UDID + "/b"}, {}, 1.0],
        ["DLMessageCopyItem", UDID + "/b", UDID + "/c", {}], ["DLContentsOfDirectory", UDID],
        ["DLMessageDownloadFiles", [UDID + "/b", UDID + "/x"], {}, 1.0], ["DLMessageRemoveItems", [UDID + "/b"], {}],
        ["DLMessageGetFreeDiskSpace"], ["DLMessagePurgeDiskSpace", 1 << 40, 4], ["DLMessageNobodyKnows"])) + end)
    save("exchange", "goodbye", frame(["DLMessageDisconnect", EMPTY], True))


for make in (link_stream, link_dl, link_lockdown, link_mux, link_afc, exchange):
    make()
