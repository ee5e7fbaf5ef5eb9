#!/usr/bin/env python3
"""Turn tests/data/synthetic-ios-backup/kat.json (ours, CC0) into kat.h, the table that the tests read.

Usage: src/backup/kat.py > src/backup/kat.h    (from the top of the source tree)
"""
import json
import os

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


def hexes(name, value, width=80):
    lines = [value[i:i + width] for i in range(0, len(value), width)]
    return "static const char %s[] =\n%s;\n" % (name, "\n".join('\t"%s"' % line for line in lines))


def main():
    with open(os.path.join(TOP, "tests/data/synthetic-ios-backup/kat.json"), encoding="utf-8") as file:
        kat = json.load(file)
    derive, change = kat["pbkdf2"], kat["change_password"]
    print("/* Made by kat.py from tests/data/synthetic-ios-backup/kat.json: do not edit. Hex throughout. */")
    print("/* clang-format off */")
    print("#ifndef REHOME_BACKUP_KAT_H\n#define REHOME_BACKUP_KAT_H\n")
    print("#include <stddef.h>\n#include <stdint.h>\n")
    print('#define KAT_PASSWORD "%s"' % derive["passphrase"])
    print('#define KAT_NEW_PASSWORD_HEX "%s"' % change["new_passphrase_hex"])
    print('#define KAT_NEW_DPSL "%s"' % change["DPSL"])
    print('#define KAT_NEW_SALT "%s"' % change["SALT"])
    print('#define KAT_ROUNDS %d' % (derive["DPIC"] + derive["ITER"]))
    print('#define KAT_UDID "00008101-000A11112222001E"')
    print('#define KAT_MANIFEST_KEY_BLOB "%s"' % kat["manifest"]["ManifestKey"])
    print('#define KAT_MANIFEST_KEY \\\n\t"%s"' % kat["manifest"]["key"])
    print('#define KAT_KEK \\\n\t"%s"\n' % derive["kek_pbkdf2_hmac_sha1_32"])
    print(hexes("kat_keybag", kat["keybag_blob"]))
    print(hexes("kat_new_keybag", change["keybag_blob"]))
    print("static const struct kat_class {\n\tunsigned number, wrap;\n\tconst char *wrapped, *key;\n} kat_classes[] = {")
    for number, entry in sorted(kat["class_keys"].items(), key=lambda item: int(item[0])):
        print('\t{ %s, %d, "%s",\n\t  "%s" },' % (number, entry["WRAP"], entry["WPKY"], entry["unwrapped"]))
    print("};\n")
    print("/* The password's key at small costs: with DPSL, and before it existed. */")
    print("static const struct kat_derivation {\n\tconst char *password, *dpsl, *salt;\n\tuint32_t dpic, iter;")
    print("\tconst char *kek, *old_kek, *key, *wrapped;\n} kat_derivations[] = {")
    for entry in kat["pbkdf2_small"]:
        print('\t{ "%s", "%s",\n\t  "%s", %d, %d,\n\t  "%s",\n\t  "%s",\n\t  "%s",\n\t  "%s" },' % (
            entry["passphrase_hex"], entry["DPSL"], entry["SALT"], entry["DPIC"], entry["ITER"], entry["kek"],
            entry["pre_10_2_kek_sha1_only"], entry["wrap_plain"], entry["wrapped"]))
    print("};\n")
    print("static const struct kat_file {\n\tconst char *file_id, *domain, *path;\n\tuint32_t class;")
    print("\tuint64_t size, manifest_size, stored_size;\n\tconst char *plain_sha256, *stored_sha1, *key;\n} kat_files[] = {")
    for entry in kat["files"]:
        print('\t{ "%s", "%s",\n\t  "%s", %d, %d, %d, %d,\n\t  "%s",\n\t  "%s",\n\t  "%s" },' % (
            entry["fileID"], entry["domain"], entry["path"], entry["class"], entry["size"], entry["manifest_size"],
            entry["stored_size"], entry["plain_sha256"], entry["stored_sha1"], entry["file_key"]))
    print("};\n")
    print("static const struct kat_cbc {\n\tconst char *key, *plain, *stored;\n} kat_cbc[] = {")
    for entry in kat["aes_cbc"]:
        print('\t{ "%s",\n\t  "%s",\n\t  "%s" },' % (entry["key"], entry["plain"], entry["stored"]))
    print("};\n\n#endif")


if __name__ == "__main__":
    main()
