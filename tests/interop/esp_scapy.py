#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Our ESP against Scapy's: it opens what we sealed, and we open what it sealed.

AES-256-GCM, 64-bit sequence numbers, tunnel mode; IPv4 and IPv6 inside; at the start
of the sequence and across the wrap of its low half, whose high half is never sent.

Usage: esp_scapy.py PATH_OF_ESP_PEER
"""

import logging
import subprocess
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
# pylint: disable=wrong-import-position
from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.ipsec import ESP, IPSecIntegrityError, SecurityAssociation
from scapy.packet import Raw

TUNNEL = IP(src="192.0.2.1", dst="192.0.2.2")
checks = 0


def check(condition, what):
    global checks
    if not condition:
        sys.exit(f"FAILED: {what}")
    checks += 1


class Gateways:
    """The program under test, one question at a time."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, *words):
        self.process.stdin.write(" ".join(str(word) for word in words) + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def key(self, gateway):
        spi, keymat = self.ask("key", gateway).split()
        return int(spi), bytes.fromhex(keymat)

    def seal(self, packet):
        answer = self.ask("seal", bytes(packet).hex())
        return None if answer == "dropped" else bytes.fromhex(answer)

    def open(self, payload):
        answer = self.ask("open", payload.hex())
        return None if answer == "dropped" else bytes.fromhex(answer)

    def end(self):
        self.process.stdin.close()
        return self.process.wait()


def association(spi, keymat, sequence):
    """Scapy's, that seals its next packet with this sequence number."""
    return SecurityAssociation(ESP, spi=spi, seq_num=sequence & 0xffffffff, crypt_algo="AES-GCM",
                               crypt_key=keymat, tunnel_header=TUNNEL, esn_en=True,
                               esn=sequence >> 32)


def packets():
    """What web may send to db; every length of padding, the shortest and the longest."""
    v4 = IP(src="100.64.10.10", dst="100.64.10.20")
    v6 = IPv6(src="fd5a:10::10", dst="fd5a:10::20")
    for ip in (v4, v6):
        longest = 1400 - len(ip) - len(UDP())
        for size in (0, 1, 2, 3, 4, 100, longest):
            yield ip / UDP(sport=4000, dport=53) / Raw(bytes(i % 251 for i in range(size)))
    yield v4 / ICMP(type=8, id=7, seq=1) / Raw(b"x" * 56)
    yield v6 / ICMPv6EchoRequest(id=7, seq=1) / Raw(b"x" * 56)


def aged(packet, hops):
    """As a packet looks some routers later."""
    packet = packet.__class__(bytes(packet))
    if packet.version == 4:
        packet.ttl -= hops
        del packet.chksum
    else:
        packet.hlim -= hops
    return bytes(packet)


def scapy_opens(gateways, spi, keymat, sequence):
    gateways.ask("sequence", sequence)
    for packet in packets():
        payload = gateways.seal(packet)
        check(payload is not None, f"we seal {packet.summary()}")
        sa = association(spi, keymat, sequence)
        outer = TUNNEL.copy() / ESP(payload)
        check((outer[ESP].spi, outer[ESP].seq) == (spi, sequence & 0xffffffff),
              "SPI and low half of the sequence number")
        check(bytes(outer[ESP].data[:8]) == sequence.to_bytes(8, "big"), "IV")
        inner = sa.decrypt(outer)
        check(bytes(inner) == aged(packet, 1), f"Scapy opens {packet.summary()}")
        forged = bytearray(payload)
        forged[-1] ^= 1
        try:
            sa.decrypt(TUNNEL.copy() / ESP(bytes(forged)))
            check(False, "Scapy checks the ICV")
        except IPSecIntegrityError:
            pass
        sequence += 1


def we_open(gateways, spi, keymat, sequence):
    for packet in packets():
        sa = association(spi, keymat, sequence)
        payload = bytes(sa.encrypt(packet)[ESP])
        forged = bytearray(payload)
        forged[20] ^= 1
        check(gateways.open(bytes(forged)) is None, "a forgery is dropped")
        check(gateways.open(payload) == aged(packet, 1), f"we open {packet.summary()}")
        check(gateways.open(payload) is None, "a replay is dropped")
        # The low half is the same, the high half another: only the ICV can tell.
        wrong = association(spi, keymat, sequence + 1 + (5 << 32))
        payload = bytes(wrong.encrypt(packet)[ESP])
        check(gateways.open(payload) is None, "a wrong high half is dropped")
        sequence += 1


def main():
    gateways = Gateways(sys.argv[1])
    spi, keymat = gateways.key(1)
    check(len(keymat) == 36, "key and salt")
    for sequence in (1, (1 << 32) - 8, (7 << 32) + 5):
        scapy_opens(gateways, spi, keymat, sequence)
    check(gateways.ask("source_port") == "4500", "lane 0 leaves by the gateway's port")
    # Upwards, and never 2^32 at once: the receiver infers the high half.
    for sequence in (1, (1 << 31), (1 << 32) - 8, (1 << 32) + (1 << 31)):
        we_open(gateways, spi, keymat, sequence)
    check(gateways.end() == 0, "all packets are accounted for")
    print(f"{checks} checks")


if __name__ == "__main__":
    main()
