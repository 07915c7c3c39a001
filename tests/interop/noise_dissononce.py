#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Our handshake against dissononce, an independent implementation of Noise.

First the bare Noise messages and the transport after them, in both roles; then whole
sessions, written here from docs/protocol.md alone: first MAC, cookie, response, key
confirmation, messages and lane keys, in both roles as well.

Usage: noise_dissononce.py PATH_OF_NOISE_PEER
"""

import hashlib
import hmac
import os
import struct
import subprocess
import sys

try:
    from dissononce.cipher.chachapoly import ChaChaPolyCipher
    from dissononce.dh.x25519.private import PrivateKey
    from dissononce.dh.x25519.public import PublicKey
    from dissononce.dh.x25519.x25519 import X25519DH
    from dissononce.hash.blake2b import Blake2bHash
    from dissononce.processing.handshakepatterns.interactive.IK import IKHandshakePattern
    from dissononce.processing.impl.cipherstate import CipherState
    from dissononce.processing.impl.handshakestate import HandshakeState
    from dissononce.processing.impl.symmetricstate import SymmetricState
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
except ImportError as missing:
    sys.exit(f"FAILED: {missing}. This test needs Debian's python3-dissononce "
             "(apt-get install python3-dissononce).")

PROLOGUE = b"leasemesh-session-v1"
checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        sys.exit(f"FAILED: {what}")


class Peer:
    """Our program at the other end of a pipe."""

    def __init__(self, *args):
        self.process = subprocess.Popen([sys.argv[1], *args], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        check(self.process.wait(timeout=10) == 0, "our program ended with an error")

    def ask(self, *words):
        """All answers as lists of words; None if the command was refused."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()
        answers = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                sys.exit(f"FAILED: our program died at {words[0]}")
            answer = line.split()
            if answer == ["ok"]:
                return answers
            if answer[0] == "error":
                return None
            answers.append(answer)

    def one(self, *words):
        """The bytes of the only answer."""
        answers = self.ask(*words)
        check(answers is not None and len(answers) == 1, f"{words[0]} is refused")
        return unhex(answers[0][-1])


def hexed(data):
    return data.hex() or "-"


def unhex(text):
    return b"" if text == "-" else bytes.fromhex(text)


def keypair(secret):
    return X25519DH().generate_keypair(PrivateKey(secret))


def handshake(initiator, s, rs=None):
    state = HandshakeState(SymmetricState(CipherState(ChaChaPolyCipher()), Blake2bHash()),
                           X25519DH())
    state.initialize(IKHandshakePattern(), initiator, PROLOGUE, s=s,
                     rs=PublicKey(rs) if rs else None)
    check(state.protocol_name == "Noise_IK_25519_ChaChaPoly_BLAKE2b", "the protocol's name")
    return state


# ---- bare Noise ----

def transport(ours, send, recv):
    for counter, size in enumerate([0, 1, 16, 1000, 1184]):
        text = os.urandom(size)
        sealed = send.encrypt_with_ad(b"", text)
        check(ours.one("open", counter, sealed.hex()) == text, "our open")
        check(ours.ask("open", counter + 1, sealed.hex()) is None, "a wrong counter is accepted")
        back = ours.one("seal", counter, hexed(text))
        check(recv.decrypt_with_ad(b"", back) == text, "our seal")


def noise_as_responder(payloads):
    theirs, ours_secret = keypair(os.urandom(32)), os.urandom(32)
    state = handshake(True, theirs, keypair(ours_secret).public.data)
    with Peer("noise", "responder", ours_secret.hex()) as ours:
        message, payload = bytearray(), bytearray()
        state.write_message(payloads[0], message)
        bad = bytes(message[:-1]) + bytes([message[-1] ^ 1])
        check(ours.ask("read", bad.hex()) is None, "a forged first message is accepted")
        check(ours.one("read", message.hex()) == payloads[0], "first payload")
        answer = ours.one("write", os.urandom(32).hex(), hexed(payloads[1]))
        send, recv = state.read_message(answer, payload)
        check(bytes(payload) == payloads[1], "second payload")
        check(ours.one("split") == state.symmetricstate.get_handshake_hash(), "handshake hash")
        transport(ours, send, recv)


def noise_as_initiator(payloads):
    theirs, ours_secret = keypair(os.urandom(32)), os.urandom(32)
    state = handshake(False, theirs)
    with Peer("noise", "initiator", ours_secret.hex(), theirs.public.data.hex()) as ours:
        message, payload = bytearray(), bytearray()
        first = ours.one("write", os.urandom(32).hex(), hexed(payloads[0]))
        state.read_message(first, payload)
        check(bytes(payload) == payloads[0], "first payload")
        check(state.rs.data == keypair(ours_secret).public.data, "the initiator's key")
        recv, send = state.write_message(payloads[1], message)
        bad = bytes(message[:-1]) + bytes([message[-1] ^ 1])
        check(ours.ask("read", bad.hex()) is None, "a forged second message is accepted")
        check(ours.one("read", message.hex()) == payloads[1], "second payload")
        check(ours.one("split") == state.symmetricstate.get_handshake_hash(), "handshake hash")
        transport(ours, send, recv)


# ---- whole sessions, from docs/protocol.md ----

INITIATION, RESPONSE, COOKIE, TRANSPORT = 1, 2, 3, 4
KEEPALIVE = 0


def header(kind):
    return bytes([0, 0, 0, 0, kind, 1, 0, 0])


def blake2b(data, size, key=b""):
    return hashlib.blake2b(data, digest_size=size, key=key).digest()


class Identity:
    def __init__(self, seed):
        digest = hashlib.sha512(seed).digest()[:32]
        self.x = keypair(bytes([digest[0] & 248]) + digest[1:31]
                         + bytes([digest[31] & 127 | 64]))
        self.ed = Ed25519PrivateKey.from_private_bytes(seed).public_key().public_bytes(
            Encoding.Raw, PublicFormat.Raw)
        self.sign = self.ed[31] >> 7
        self.name = self.x.public.data + bytes([self.sign])

    def mac1(self, data):
        return blake2b(data, 16, blake2b(b"leasemesh-mac1-v1" + self.name, 32))


def initiation(us, state, index, cookie=None):
    payload = struct.pack(">BBB5xQ", 1, 16, us["id"].sign, us["time"])
    message = bytearray()
    state.write_message(payload, message)
    out = header(INITIATION) + struct.pack(">I", index) + bytes(message)
    out += us["them"].mac1(out)
    out += blake2b(out, 16, cookie) if cookie else bytes(16)
    check(len(out) == 156, "the initiation's length")
    return out


def sealed(state, index, counter, kind, body):
    head = header(TRANSPORT) + struct.pack(">IQ", index, counter)
    return head + state.encrypt_with_ad(head, bytes([kind]) + body)


def opened(state, index, counter, datagram):
    check(datagram[:20] == header(TRANSPORT) + struct.pack(">IQ", index, counter),
          "the header of a message")
    plain = state.decrypt_with_ad(datagram[:20], datagram[20:])
    return plain[0], plain[1:]


def hkdf(ikm, salt, info, size):
    """RFC 5869 with HMAC-BLAKE2b-512."""
    digest = lambda data=b"": hashlib.blake2b(data)
    key = hmac.new(salt, ikm, digest).digest()
    out, block, n = b"", b"", 1
    while len(out) < size:
        block = hmac.new(key, block + info + bytes([n]), digest).digest()
        out, n = out + block, n + 1
    return out[:size]


def chaining_key(state):
    return state.symmetricstate._ck  # dissononce has no accessor


def check_lanes(ours, epoch_secret, ours_is_initiator):
    net, secret = os.urandom(32), os.urandom(32)
    for direction in ["in", "out"]:
        for lane in [0, 1, 15]:
            from_initiator = ours_is_initiator == (direction == "out")
            info = b"leasemesh-lane-v1" + bytes([1 if from_initiator else 2]) + net
            info += struct.pack(">QIB", 2**63 + 5, 7, lane)  # incarnation, generation
            check(ours.one("lane", net.hex(), secret.hex(), direction, lane, 2**63 + 5, 7)
                  == hkdf(epoch_secret, secret, info, 36), "a lane key")


def check_epoch(state, up):
    out = hkdf(chaining_key(state), state.symmetricstate.get_handshake_hash(),
               b"leasemesh-epoch-v1", 36)
    check(int(up) == struct.unpack(">I", out[32:])[0], "the epoch's number")
    return out[:32]


def session_as_responder(under_load):
    us, ours_seed = {"id": Identity(os.urandom(32)), "time": 1}, os.urandom(32)
    us["them"] = Identity(ours_seed)
    state = handshake(True, us["id"].x, us["them"].x.public.data)
    with Peer("session", ours_seed.hex()) as ours:
        ours.ask("peer", us["id"].ed.hex(), "wait")
        if under_load:
            ours.ask("load", 100)
        first = initiation(us, state, 77)
        answers = ours.ask("input", first.hex())
        check(len(answers) == 1 and answers[0][0] == "send", "an initiation is answered once")
        if under_load:
            cookie = open_cookie(us["them"], unhex(answers[0][1]), 77, first)
            state = handshake(True, us["id"].x, us["them"].x.public.data)
            us["time"] += 1
            answers = ours.ask("input", initiation(us, state, 77, cookie).hex())
        response = unhex(answers[0][1])
        check(len(response) == 88 and response[:8] == header(RESPONSE), "the response's form")
        check(response[72:] == us["id"].mac1(response[:72]), "the response's first MAC")
        index, receiver = struct.unpack(">II", response[8:16])
        check(receiver == 77, "the response's receiver")
        payload = bytearray()
        send, recv = state.read_message(response[16:72], payload)
        check(payload[:2] == bytes([1, 4]), "the response's payload")
        check(ours.ask("send", 32, "00") is None, "it sends before keys are confirmed")
        answers = ours.ask("input", sealed(send, index, 0, 64, b"hello").hex())
        check([a[0] for a in answers] == ["send", "up", "message"], "what confirmation causes")
        check(opened(recv, 77, 0, unhex(answers[0][1])) == (KEEPALIVE, b""), "its keep-alive")
        check(answers[2][1:] == ["64", b"hello".hex()], "our first message")
        check_lanes(ours, check_epoch(state, answers[1][1]), False)
        answers = ours.ask("send", 65, b"there".hex())
        check(opened(recv, 77, 1, unhex(answers[0][1])) == (65, b"there"), "its message")
        if not under_load:
            check(ours.ask("input", first.hex()) == [], "a replay is answered")


def open_cookie(them, reply, index, first):
    from_here = header(COOKIE) + struct.pack(">I", index)
    check(len(reply) == 68 and reply[:12] == from_here, "the cookie reply's form")
    key = blake2b(b"leasemesh-cookie-v1" + them.name, 32)
    return xchacha_open(key, reply[12:36], reply[36:], first[124:140])


def xchacha_open(key, nonce, data, aad):
    """draft-irtf-cfrg-xchacha section 2: HChaCha20, then ChaCha20-Poly1305."""
    def rotate(value, n):
        return (value << n | value >> (32 - n)) & 0xffffffff

    def quarter(x, a, b, c, d):
        for one, two, three, n in [(a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)]:
            x[one] = (x[one] + x[two]) & 0xffffffff
            x[three] = rotate(x[three] ^ x[one], n)

    x = list(struct.unpack("<16I", b"expand 32-byte k" + key + nonce[:16]))
    for _ in range(10):
        for a in range(4):
            quarter(x, a, a + 4, a + 8, a + 12)
        for a in range(4):
            quarter(x, a, (a + 1) % 4 + 4, (a + 2) % 4 + 8, (a + 3) % 4 + 12)
    subkey = struct.pack("<8I", *x[:4], *x[12:])
    from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
    return ChaCha20Poly1305(subkey).decrypt(bytes(4) + nonce[16:], data, aad)


def session_as_initiator():
    us, ours_seed = Identity(os.urandom(32)), os.urandom(32)
    them = Identity(ours_seed)
    state = handshake(False, us.x)
    with Peer("session", ours_seed.hex()) as ours:
        answers = ours.ask("peer", us.ed.hex(), "call")
        first = unhex(answers[0][1])
        check(len(first) == 156 and first[:8] == header(INITIATION), "the initiation's form")
        check(first[124:140] == us.mac1(first[:124]), "the initiation's first MAC")
        check(first[140:] == bytes(16), "no second MAC without a cookie")
        their_index, = struct.unpack(">I", first[8:12])
        payload = bytearray()
        state.read_message(first[12:124], payload)
        check(state.rs.data == them.x.public.data, "its static key")
        version, lanes, sign, stamp = struct.unpack(">BBB5xQ", payload)
        check((version, lanes, sign) == (1, 4, them.sign), "the initiation's payload")
        check(stamp == 1800000000 * 10**9, "its timestamp")
        message = bytearray()
        recv, send = state.write_message(bytes([1, 32]) + bytes(6), message)
        out = header(RESPONSE) + struct.pack(">II", 99, their_index) + bytes(message)
        out += them.mac1(out)
        answers = ours.ask("input", out.hex())
        check([a[0] for a in answers] == ["send", "up"], "what a response causes")
        check(opened(recv, 99, 0, unhex(answers[0][1])) == (KEEPALIVE, b""), "its confirmation")
        check_lanes(ours, check_epoch(state, answers[1][1]), True)
        answers = ours.ask("input", sealed(send, their_index, 0, 64, b"hello").hex())
        check(answers == [["message", "64", b"hello".hex()]], "our message")
        goodbye = sealed(send, their_index, 1, 1, b"")
        check(ours.ask("input", goodbye.hex()) == [["down", "said", "goodbye"]], "goodbye")


def main():
    for payloads in [(b"", b""), (b"offer", b"answer"), (os.urandom(500), os.urandom(700))]:
        noise_as_responder(payloads)
        noise_as_initiator(payloads)
    for _ in range(8):  # both signs of both keys
        session_as_responder(False)
        session_as_initiator()
    session_as_responder(True)
    print(f"dissononce agrees with us in both roles: {checks} checks")


if __name__ == "__main__":
    main()
