#!/usr/bin/env python3
"""Seeds for fuzz_tls and fuzz_certificate: what a server says first, and what signs.

Keys are drawn afresh and thrown away; run it again only to change the set.
"""
import os
import ssl
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))


def save(name, bytes_):
    path = os.path.join(HERE, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as f:
        f.write(bytes_)


def flight(cert, key, version):
    """What a server answers to the first message of a client."""
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.verify_mode = ssl.CERT_NONE
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(cert, key)
    server.maximum_version = version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    hello = client.wrap_bio(to_client, to_server)
    answer = server.wrap_bio(to_server, to_client, server_side=True)
    for side in (hello, answer):
        try:
            side.do_handshake()
        except ssl.SSLWantReadError:
            pass
    return to_client.read()


with tempfile.TemporaryDirectory() as folder:
    cert, key = os.path.join(folder, "cert"), os.path.join(folder, "key")
    der, cms, challenge = (os.path.join(folder, n) for n in ("der", "cms", "challenge"))
    run = lambda *args: subprocess.run(("openssl",) + args, check=True, capture_output=True)
    run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=seed", "-keyout", key,
        "-out", cert, "-days", "3650")
    run("x509", "-in", cert, "-outform", "DER", "-out", der)
    with open(challenge, "wb") as f:
        f.write(b"x")
    run("cms", "-sign", "-binary", "-nodetach", "-in", challenge, "-signer", cert, "-inkey", key,
        "-md", "sha256", "-outform", "DER", "-out", cms)
    read = lambda path: open(path, "rb").read()
    save("certificate/der", b"\0" + read(der))
    save("certificate/pem", b"\0" + read(cert))
    save("certificate/cms", b"\1" + read(cms))
    save("tls/flight_1_2", flight(cert, key, ssl.TLSVersion.TLSv1_2))
    save("tls/flight_1_3", flight(cert, key, ssl.TLSVersion.TLSv1_3))
save("tls/alert", bytes.fromhex("15030300020228"))
save("tls/nonsense", b"HTTP/1.1 400 Bad Request\r\n\r\n")
