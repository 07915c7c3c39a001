#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Scapy asks what a workload asks, and reads the answers with its own decoder.

Usage: workload_scapy.py PATH_OF_WORKLOAD_PEER
"""

import logging
import subprocess
import sys

logging.getLogger("scapy").setLevel(logging.ERROR)
# pylint: disable=wrong-import-position
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import (DHCP6_Advertise, DHCP6_Confirm, DHCP6_InfoRequest, DHCP6_Release,
                                DHCP6_RelayForward, DHCP6_Renew, DHCP6_Reply, DHCP6_Request,
                                DHCP6_Solicit, DHCP6OptClientId, DHCP6OptDNSDomains,
                                DHCP6OptDNSServers, DHCP6OptIA_NA, DHCP6OptIA_PD,
                                DHCP6OptIAAddress, DHCP6OptOptReq, DHCP6OptPref,
                                DHCP6OptServerId, DHCP6OptStatusCode, DUID_LL)
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import (ICMPv6DestUnreach, ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6ND_NA,
                                ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_RS, ICMPv6NDOptDNSSL,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo,
                                ICMPv6NDOptRDNSS, ICMPv6NDOptSrcLLAddr, ICMPv6PacketTooBig, IPv6)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

GATEWAY, CLIENT, VLAN = "02:00:00:00:00:01", "02:00:00:00:01:01", 101
CHADDR = bytes.fromhex(CLIENT.replace(":", ""))
CHECKSUMS = ((IP, "chksum"), (UDP, "chksum"), (ICMP, "chksum"), (ICMPv6EchoReply, "cksum"),
             (ICMPv6ND_NA, "cksum"), (ICMPv6ND_RA, "cksum"), (ICMPv6PacketTooBig, "cksum"), (ICMPv6DestUnreach, "cksum"))


class Gateway:
    """The program under test, one question at a time."""

    def __init__(self, path):
        self.process = subprocess.Popen([path], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)

    def ask(self, packet, what="input", dst=GATEWAY):
        """The result's name, and the answer as Scapy sees it or None."""
        frame = Ether(src=CLIENT, dst=dst) / Dot1Q(vlan=VLAN) / packet
        self.process.stdin.write(f"{what} {bytes(frame).hex()}\n")
        self.process.stdin.flush()
        result, answer = self.process.stdout.readline().split()
        if answer == "-":
            return result, None
        answer = Ether(bytes.fromhex(answer))
        assert (answer.dst, answer.src, answer[Dot1Q].vlan) == (CLIENT, GATEWAY, VLAN), answer
        check_sums(answer)
        return result, answer


def check_sums(answer):
    """Scapy computes every checksum and length again, and must come to the same bytes."""
    again = answer.copy()
    for error in (ICMP, ICMPv6PacketTooBig, ICMPv6DestUnreach):
        if error in again and again[error].type in (1, 2, 3):
            # What is quoted stays as it is.
            again[error].payload = Raw(bytes(again[error].payload))
    for layer, field in CHECKSUMS:
        if layer in again:
            assert getattr(again[layer], field) != 0
            delattr(again[layer], field)
    if IP in again:
        del again[IP].len
    if UDP in again:
        del again[UDP].len
    if IPv6 in again:
        del again[IPv6].plen
    assert bytes(again) == bytes(answer), f"{bytes(again).hex()}\n{bytes(answer).hex()}"


def check_arp(gateway):
    for ip in ("100.64.0.1", "100.64.0.11"):
        _, answer = gateway.ask(ARP(op=1, hwsrc=CLIENT, psrc="100.64.0.10", pdst=ip),
                                dst="ff:ff:ff:ff:ff:ff")
        arp = answer[ARP]
        assert (arp.op, arp.hwsrc, arp.psrc, arp.hwdst, arp.pdst) == \
            (2, GATEWAY, ip, CLIENT, "100.64.0.10")
    probe = ARP(op=1, hwsrc=CLIENT, psrc="0.0.0.0", pdst="100.64.0.10")
    assert gateway.ask(probe, dst="ff:ff:ff:ff:ff:ff") == ("arp_ignored", None)


def check_nd(gateway):
    solicit = ICMPv6ND_NS(tgt="fd00::b") / ICMPv6NDOptSrcLLAddr(lladdr=CLIENT)
    _, answer = gateway.ask(IPv6(src="fd00::a", dst="ff02::1:ff00:b", hlim=255) / solicit,
                            dst="33:33:ff:00:00:0b")
    na = answer[ICMPv6ND_NA]
    assert (answer[IPv6].src, answer[IPv6].dst, answer[IPv6].hlim) == ("fd00::1", "fd00::a", 255)
    assert (na.tgt, na.R, na.S, na.O, na[ICMPv6NDOptDstLLAddr].lladdr) == \
        ("fd00::b", 1, 1, 1, GATEWAY)
    own = IPv6(src="::", dst="ff02::1:ff00:a", hlim=255) / ICMPv6ND_NS(tgt="fd00::a")
    assert gateway.ask(own, dst="33:33:ff:00:00:0a") == ("nd_ignored", None)


def check_ra(gateway):
    solicit = IPv6(src="fe80::101", dst="ff02::2", hlim=255) / ICMPv6ND_RS()
    _, answer = gateway.ask(solicit / ICMPv6NDOptSrcLLAddr(lladdr=CLIENT), dst="33:33:00:00:00:02")
    ra = answer[ICMPv6ND_RA]
    assert (answer[IPv6].src, answer[IPv6].dst, answer[IPv6].hlim) == \
        ("fe80::ff:fe00:1", "fe80::101", 255)
    assert (ra.M, ra.O, ra.routerlifetime, ra.chlim) == (1, 0, 5400, 64)
    prefix = ra[ICMPv6NDOptPrefixInfo]
    assert (prefix.prefix, prefix.prefixlen, prefix.L, prefix.A) == ("fd00::", 64, 1, 0)
    assert (ra[ICMPv6NDOptMTU].mtu, ra[ICMPv6NDOptSrcLLAddr].lladdr) == (1418, GATEWAY)
    assert ra[ICMPv6NDOptRDNSS].dns == ["fd00::1"]
    assert ra[ICMPv6NDOptDNSSL].searchlist == ["shop.internal."]


def dhcp(options, ciaddr="0.0.0.0", flags=0):
    unicast = ciaddr != "0.0.0.0"
    return IP(src=ciaddr, dst="100.64.0.1" if unicast else "255.255.255.255") / \
        UDP(sport=68, dport=67) / \
        BOOTP(chaddr=CHADDR, xid=0x1234abcd, ciaddr=ciaddr, flags=flags) / \
        DHCP(options=options + ["end"])


def options_of(answer):
    return {o[0]: o[1:] if len(o) > 2 else o[1] for o in answer[DHCP].options
            if isinstance(o, tuple)}


def check_dhcp(gateway):
    wanted = ("param_req_list", [1, 3, 6, 12, 15, 26, 28, 51, 119, 121])
    exchanges = (
        (dhcp([("message-type", "discover"), ("client_id", b"\x00me"), wanted]), 2),
        (dhcp([("message-type", "request"), ("server_id", "100.64.0.1"),
               ("requested_addr", "100.64.0.10"), wanted], flags=0x8000), 5),
        (dhcp([("message-type", "request"), wanted], ciaddr="100.64.0.10"), 5),
    )
    for question, kind in exchanges:
        result, answer = gateway.ask(question)
        assert result == "reply"
        bootp, got = answer[BOOTP], options_of(answer)
        assert (answer[IP].src, answer[UDP].sport, answer[UDP].dport) == ("100.64.0.1", 67, 68)
        assert answer[IP].dst == ("255.255.255.255" if question[BOOTP].flags else "100.64.0.10")
        assert (bootp.op, bootp.xid, bootp.yiaddr, bootp.chaddr[:6]) == \
            (2, 0x1234abcd, "100.64.0.10", CHADDR)
        assert bootp.ciaddr == question[BOOTP].ciaddr
        expected = {"message-type": kind, "server_id": "100.64.0.1", "lease_time": 3600,
                    "renewal_time": 1800, "rebinding_time": 3150, "router": "100.64.0.1",
                    "subnet_mask": "255.255.255.0", "broadcast_address": "100.64.0.255",
                    "interface-mtu": 1418, "hostname": b"web-0", "domain": b"shop.internal",
                    "name_server": "100.64.0.1"}
        for name, value in expected.items():
            assert got.get(name) == value, (name, got.get(name), value)
        # Not every Scapy has a name for it.
        assert b"\x77\x0f\x04shop\x08internal\0" in bytes(answer)
    assert options_of(gateway.ask(exchanges[0][0])[1])["client_id"] == b"\x00me"
    result, answer = gateway.ask(dhcp([("message-type", "request"),
                                       ("requested_addr", "10.0.0.9")]))
    assert result == "refusal"
    assert options_of(answer)["message-type"] == 6 and answer[BOOTP].yiaddr == "0.0.0.0"
    other = dhcp([("message-type", "request"), ("server_id", "100.64.0.2"),
                  ("requested_addr", "100.64.0.10")])
    assert gateway.ask(other) == ("dhcp_other_server", None)


def dhcp6(message, *options):
    """A message of our client, with a client identifier."""
    packet = IPv6(src="fe80::101", dst="ff02::1:2") / UDP(sport=546, dport=547) / \
        message(trid=0xabcdef) / DHCP6OptClientId(duid=DUID_LL(lladdr=CLIENT))
    for option in options:
        packet /= option
    return packet


def check_dhcp6(gateway):
    def ask(message, kind, *options, result="reply"):
        got, answer = gateway.ask(dhcp6(message, *options), dst="33:33:00:01:00:02")
        assert got == result, got
        assert (answer[IPv6].src, answer[IPv6].dst) == ("fe80::ff:fe00:1", "fe80::101")
        assert answer[kind].trid == 0xabcdef
        assert answer[DHCP6OptClientId].duid.lladdr == CLIENT
        return answer

    wanted = DHCP6OptOptReq(reqopts=[23, 24])
    ours = DHCP6OptIA_NA(iaid=7, ianaopts=[DHCP6OptIAAddress(addr="fd00::a")])
    answer = ask(DHCP6_Solicit, DHCP6_Advertise, DHCP6OptIA_NA(iaid=7), wanted)
    server = DHCP6OptServerId(duid=answer[DHCP6OptServerId].duid)
    assert answer[DHCP6OptServerId].duid.uuid.hex == bytes(range(1, 17)).hex()
    assert answer[DHCP6OptPref].prefval == 255
    for message in (None, DHCP6_Request, DHCP6_Renew):
        if message:
            answer = ask(message, DHCP6_Reply, server, ours, wanted)
        ia = answer[DHCP6OptIA_NA]
        address = ia.ianaopts[0]
        assert (ia.iaid, ia.T1, ia.T2) == (7, 1800, 2880)
        assert (address.addr, address.preflft, address.validlft) == ("fd00::a", 3600, 3600)
        assert answer[DHCP6OptDNSServers].dnsservers == ["fd00::1"]
        assert answer[DHCP6OptDNSDomains].dnsdomains == ["shop.internal."]
    prefix = ask(DHCP6_Solicit, DHCP6_Advertise, DHCP6OptIA_PD(iaid=8), result="refusal")
    assert prefix[DHCP6OptIA_PD].iapdopt[0].statuscode == 6
    assert ask(DHCP6_Confirm, DHCP6_Reply, ours)[DHCP6OptStatusCode].statuscode == 0
    released = ask(DHCP6_Release, DHCP6_Reply, server, ours, result="dhcp_released")
    assert released[DHCP6OptStatusCode].statuscode == 0
    assert ask(DHCP6_InfoRequest, DHCP6_Reply, wanted)[DHCP6OptDNSServers].dnsservers == ["fd00::1"]
    relayed = IPv6(src="fe80::101", dst="ff02::1:2") / UDP(sport=547, dport=547) / \
        DHCP6_RelayForward(linkaddr="fd00::5", peeraddr="fe80::9")
    assert gateway.ask(relayed, dst="33:33:00:01:00:02") == ("dhcp_relayed", None)


def check_echo(gateway):
    _, answer = gateway.ask(IP(src="100.64.0.10", dst="100.64.0.1") / ICMP(id=7, seq=9) / b"data")
    assert (answer[ICMP].type, answer[ICMP].id, answer[ICMP].seq) == (0, 7, 9)
    assert bytes(answer[ICMP].payload)[:4] == b"data"
    _, answer = gateway.ask(IPv6(src="fd00::a", dst="fd00::1") /
                            ICMPv6EchoRequest(id=7, seq=9, data=b"data"))
    reply = answer[ICMPv6EchoReply]
    assert (reply.id, reply.seq, reply.data) == (7, 9, b"data")


def check_errors(gateway):
    packet = IP(src="100.64.0.10", dst="100.64.0.11", flags="DF") / TCP() / (b"x" * 1400)
    _, answer = gateway.ask(packet, "too_big")
    icmp = answer[ICMP]
    assert (icmp.type, icmp.code, icmp.nexthopmtu, len(answer[IP])) == (3, 4, 1418, 576)
    assert (answer[IP].src, answer[IP].dst) == ("100.64.0.1", "100.64.0.10")
    assert bytes(packet).startswith(bytes(icmp.payload))
    _, answer = gateway.ask(packet, "prohibited")
    assert (answer[ICMP].type, answer[ICMP].code) == (3, 13)
    packet = IPv6(src="fd00::a", dst="fd00::b") / TCP() / (b"x" * 1400)
    _, answer = gateway.ask(packet, "too_big")
    assert (answer[ICMPv6PacketTooBig].mtu, len(answer[IPv6])) == (1418, 1280)
    assert bytes(packet).startswith(bytes(answer[ICMPv6PacketTooBig].payload))
    _, answer = gateway.ask(packet, "prohibited")
    assert answer[ICMPv6DestUnreach].code == 1
    assert gateway.ask(answer[IPv6], "too_big")[1] is None  # not its own packet, and an error


def main():
    gateway = Gateway(sys.argv[1])
    for check in (check_arp, check_nd, check_ra, check_dhcp, check_dhcp6, check_echo, check_errors):
        check(gateway)
        print(f"{check.__name__[6:]}: ok", flush=True)
    gateway.process.stdin.close()
    return gateway.process.wait()


if __name__ == "__main__":
    sys.exit(main())
