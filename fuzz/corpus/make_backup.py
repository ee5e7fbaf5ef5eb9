#!/usr/bin/env python3
"""Makes the seeds of fuzz_backup_*: fuzz/corpus/make_backup.py (from anywhere).

All of it comes from tests/data/synthetic-ios-backup, whose every value is invented.
"""
import datetime
import json
import os
import plistlib
import sqlite3
import struct
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
DATA = os.path.join(HERE, "..", "..", "tests", "data", "synthetic-ios-backup")
UDID = "00008101-000A11112222001E"


def save(target, name, content):
    folder = os.path.join(HERE, target)
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, name), "wb") as file:
        file.write(content)


def content_of(kind, name):
    with open(os.path.join(DATA, kind, UDID, name), "rb") as file:
        return file.read()


def small_manifest(rows, schema, user_version):
    """A database of few, small pages: mutations should meet its structure, not zeroes."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "db")
        database = sqlite3.connect(path)
        database.executescript("PRAGMA page_size = 512;" + schema)
        database.executemany("INSERT INTO Files VALUES (?, ?, ?, ?, ?)", rows)
        database.execute("PRAGMA user_version = %d" % user_version)
        database.commit()
        database.close()
        with open(path, "rb") as file:
            return file.read()


def save_management():
    """One seed for each kind of file, and one that is all of them at once."""
    row = bytes([7] + [0] * 7)
    at = datetime.datetime(2025, 1, 1)
    files = {
        "mdm": {"IdentityPersistentRef": b"idnt" + row, "ManagingProfileIdentifier": "m", "ServerURL": "https://m/s",
                "AccessRights": 8191, "PushMagic": "p", "Topic": "t", "EnrollmentMode": "ADDE",
                "OrganizationInfo": {"OrganizationName": "O"}, "IsProfileLocked": True},
        "stub": {"PayloadIdentifier": "m", "InstallDate": at, "PayloadRemovalDisallowed": True, "PayloadContent": [
            {"PayloadType": "com.apple.mdm", "IdentityCertificateUUID": "U"},
            {"PayloadType": "com.apple.security.acme", "PayloadUUID": "U", "HardwareBound": True}]},
        "cloud": {"ConfigurationSource": 1, "IsSupervised": True, "IsMandatory": True, "IsMDMUnremovable": 1,
                  "MDMServerUID": "A1", "SkipSetup": ["Restore"], "SupervisorHostCertificates": [],
                  "ConfigurationURL": "https://m"},
        "profiles": {"OrderedProfiles": ["m", "n"], "HiddenProfiles": ["h"],
                     "ProfileEvents": [{"m": {"Operation": "install", "Timestamp": at}}],
                     "restrictedBool": {"forceEncryptedBackup": {"value": True}}},
        "keychain": {"cert": [{"v_PersistentRef": b"cert" + row}], "keys": [], "SetupDone": True},
    }
    files["all"] = {key: value for file in list(files.values()) for key, value in file.items()}
    for name, file in files.items():
        save("backup_management", name, plistlib.dumps(file, fmt=plistlib.FMT_BINARY))


def save_mbdb():
    """The manifest of iOS 9 and older: a root, a file with a key and an attribute, a symlink."""
    def data(value):
        return b"\xff\xff" if value is None else struct.pack(">H", len(value)) + value

    def record(path, mode, target=None, key=None, attributes=()):
        strings = b"".join(map(data, [b"HomeDomain", path, target, None, key]))
        numbers = struct.pack(">HQIIIIIQBB", mode, 12, 501, 0xfffffffe, 1400000000, 0, 1300000000, 5, 4, len(attributes))
        return strings + numbers + b"".join(data(word) for attribute in attributes for word in attribute)

    rows = [record(b"", 0o40755), record(b"Library/a", 0o100644, key=b"\4\0\0\0" + bytes(40), attributes=[(b"x", b"y")]),
            record(b"link", 0o120755, target=b"/elsewhere")]
    save("backup_mbdb", "three-rows", b"mbdb\5\0" + b"".join(rows))
    save("backup_mbdb", "empty", b"mbdb\5\0")


def main():
    save_mbdb()
    save_management()
    source = sqlite3.connect("file:%s?immutable=1" % os.path.join(DATA, "plain", UDID, "Manifest.db"), uri=True)
    rows = source.execute("SELECT fileID, domain, relativePath, flags, file FROM Files").fetchall()
    schema = ";".join(row[0] for row in source.execute("SELECT sql FROM sqlite_master WHERE sql IS NOT NULL"))
    kinds = {1: "file", 2: "directory", 4: "symlink"}
    chosen = [next(row for row in rows if row[3] == kind) for kind in kinds]
    chosen.append(max(rows, key=lambda row: len(row[4])))
    for row, name in zip(chosen, list(kinds.values()) + ["extended-attributes"]):
        save("backup_mbfile", name, row[4])
    save("backup_manifest", "four-rows", small_manifest(chosen, schema, 2))
    save("backup_manifest", "bare", small_manifest(chosen[:1], "CREATE TABLE Files (fileID TEXT PRIMARY KEY, domain TEXT, relativePath TEXT, flags INTEGER, file BLOB)", 0))
    save("backup_manifest", "padded", small_manifest(chosen[1:2], schema, 2) + bytes([16]) * 16)
    with open(os.path.join(DATA, "kat.json"), encoding="utf-8") as file:
        kat = json.load(file)
    save("backup_keybag", "known", bytes.fromhex(kat["keybag_blob"]))
    save("backup_keychain", "items", content_of("plain", "51/51a4616e576dd33cd2abadfea874eb8ff246bf0e"))
    save("backup_keychain", "attributes", bytes.fromhex(kat["keychain_items"][2]["der_plain"]))
    small = kat["pbkdf2_small"][0]
    # one class, one round a stage, password "abc": the way into an open bag

    def member(tag, value):
        value = bytes.fromhex(value) if isinstance(value, str) else value.to_bytes(4, "big")
        return tag + len(value).to_bytes(4, "big") + value

    save("backup_keybag", "cheap",
         member(b"TYPE", 1) + member(b"UUID", "00" * 16) + member(b"SALT", small["SALT"]) + member(b"ITER", small["ITER"])
         + member(b"DPIC", small["DPIC"]) + member(b"DPSL", small["DPSL"]) + member(b"UUID", "11" * 16) + member(b"CLAS", 4)
         + member(b"WRAP", 2) + member(b"KTYP", 0) + member(b"WPKY", small["wrapped"]))
    for kind, name in (("encrypted", "Manifest.plist"), ("plain", "Status.plist"), ("plain", "Info.plist")):
        save("backup_plists", name, content_of(kind, name))


if __name__ == "__main__":
    main()
