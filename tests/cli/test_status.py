#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`leasemesh status` and `leasemesh reload` against canned telemetry: test_status.py LEASEMESH"""
import json
import os
import subprocess
import sys
import tempfile
import unittest

from fake_gateway import FakeGateway

LEASEMESH = None
ID = "0123456789abcdef0123456789abcdef01234567"


def rows(*items):
    """As DPDK writes a list of objects: an object with members "0", "1", ..."""
    return {str(i): item for i, item in enumerate(items)}


def good_answers():
    return {
        "/leasemesh/info": {
            "version": "0.1.0", "name": "alpha", "id": ID, "key": "aa" * 32, "uptime_s": 93784,
            "workers": 2, "ipsec_mb": "1.3.0", "ipsec_mb_shared_writes": 1,
            "store": "kept", "ledger": "disk", "ledger_records": 12, "ledger_disk_records": 13},
        "/leasemesh/control": {
            "networks": 1000, "joined": 999, "attachments": 1001, "active": 998, "peers_up": 2,
            "lanes_in": 1998, "lanes_out": 1996, "turns": 123456, "busy_us": 5000000,
            "longest_us": 104526, "over_10ms": 13, "over_100ms": 7, "over_1s": 0},
        "/leasemesh/ports": {"ports": rows(
            {"name": "wan", "role": "underlay", "device": "0000:01:00.0", "driver": "net_ice",
             "mac": "02:00:00:00:00:01", "mtu": 1500, "link": "up", "rx_queues": 2,
             "tx_queues": 2, "rx_packets": 1000, "rx_bytes": 999949, "tx_packets": 12,
             "tx_bytes": 999, "rx_missed": 1, "rx_errors": 2, "rx_nombuf": 4})},
        "/leasemesh/sessions": {"sessions": rows(
            {"slot": 0, "id": ID, "address": "192.0.2.2:4500", "state": "up", "epoch": 7,
             "lanes": 2, "heard_s": 3, "handshakes": 1, "rx_messages": 5, "tx_messages": 6},
            {"slot": 1, "id": "f" * 40, "address": "", "state": "handshake", "epoch": 0,
             "lanes": 1, "handshakes": 0, "rx_messages": 0, "tx_messages": 0})},
        "/leasemesh/networks": {"networks": rows(
            {"index": 0, "id": "ab" * 32, "name": "shop", "owner": "c" * 40, "serial": 4,
             "part": "joined", "expires": 0, "providers": 2, "members": 3, "endpoints": 5,
             "packets_in": 5, "limited_in": 23, "over_share": 71},
            {"index": 1, "id": "cd" * 32, "name": "old", "owner": "c" * 40, "serial": 1,
             "part": "out", "expires": 1, "providers": 2, "members": 3, "endpoints": 5})},
        # Two pages; the parameter is the network's index, then the first row.
        "/leasemesh/gateways": lambda which: {"0": {"next": 1, "gateways": rows(
            {"provider": "alpha", "id": ID, "part": "here", "serial": 4, "hash": "0123" * 4,
             "agrees": "yes", "serves": 2})}, "0,1": {"gateways": rows(
            {"provider": "beta", "id": "f" * 40, "part": "out"})}}.get(which),
        "/leasemesh/chain": lambda which: {"0": {"members": {}, "chain": "none"}}.get(which),
        "/leasemesh/denied": {"denied": rows(
            {"ago_s": 61, "network": "shop", "verdict": "denied", "protocol": 6,
             "src": "fd5a::1", "dst": "fd5a::2", "sport": 4000, "dport": 80,
             "direction": "ingress", "line": 31},
            {"ago_s": 0, "network": "shop", "verdict": "allowed", "protocol": 1,
             "src": "100.64.10.10", "dst": "100.64.10.20", "sport": 0, "dport": 0,
             "direction": "egress"})},
        "/leasemesh/rules": lambda which: {"0": {"next": 2, "rules": rows(
            {"member": "web", "direction": "egress", "rule": 0, "line": 31, "action": "deny",
             "hits": 7, "comment": "no more of that"},
            {"member": "web", "direction": "egress", "action": "allow", "hits": 0,
             "comment": ""})}, "0,2": {"rules": rows(
            {"member": "web", "direction": "ingress", "action": "allow", "hits": 5,
             "comment": ""},
            {"member": "db", "direction": "ingress", "rule": 0, "line": 40, "action": "allow",
             "hits": 9, "rate": "2/m", "refused": 3, "comment": ""})}}.get(which),
        "/leasemesh/served": lambda which: {"0": {"served": rows(
            {"member": "web", "replica": 1, "provider": "alpha", "served": "yes",
             "ipv4": "100.64.10.10", "ipv6": ""})}}.get(which),
        "/leasemesh/routes": lambda which: {"0": {"routes": rows(
            {"prefix": "10.20.0.0/16", "line": 50, "replicas": 2, "up": "yes", "via": "router/1",
             "provider": "alpha", "comment": "the lab"},
            {"prefix": "::/0", "line": 51, "replicas": 1, "up": "no", "comment": ""})}}.get(which),
        "/leasemesh/endpoints": {"endpoints": rows(
            {"attachment": "web-0", "network": "shop", "member": "web", "replica": 0,
             "ipv4": "100.64.10.10", "ipv6": "", "port": "lan", "vlan": 101,
             "mac": "02:00:00:00:01:01", "rx_packets": 1, "rx_bytes": 1500, "tx_packets": 0,
             "tx_bytes": 0, "spoofed": 9, "bits_out": 1000, "limited_out": 17})},
        "/leasemesh/attachments": {"attachments": rows(
            {"name": "web-0", "state": "active", "reason": ""},
            {"name": "db-0", "state": "refused", "reason": "x" * 127,
             "reason_more": " and the end"},
            {"name": "new-0", "state": "waiting", "reason": "no manifest of shop yet"})},
        "/leasemesh/lanes": {"lanes": rows(
            {"spi": "0x00012345", "network": "shop", "peer": 0, "lane": 1, "worker": 1,
             "direction": "in", "packets": 10, "bytes": 2000, "sequence": 11, "replays": 1,
             "auth_failures": 2})},
        "/leasemesh/flows": {"count": 3, "flows": rows(
            {"network": "shop", "src": "100.64.10.10", "dst": "100.64.10.20", "protocol": 6,
             "sport": 40000, "dport": 5432, "worker": 0, "idle_s": 61, "packets": 5,
             "bytes": 500, "state": "tcp_established"},
            {"network": "shop", "src": "fd5a::1", "dst": "fd5a::2", "protocol": 17,
             "sport": 1, "dport": 2, "worker": 1, "idle_s": 0, "packets": 9, "bytes": 90000},
            {"network": "shop", "src": "100.64.10.10", "dst": "100.64.10.20", "protocol": 1,
             "sport": 0, "dport": 0, "worker": 0, "idle_s": 3, "packets": 1, "bytes": 84})},
        "/leasemesh/drops": {
            "rx": 100, "injected": 5, "tx": 90, "dropped": 10, "punted": 5,
            "drops": {"replay": 10, "malformed": 0}, "punts": {"session": 5, "workload": 0},
            "control": {"workload_malformed": 2, "unattached": 0}},
        "/leasemesh/workers": {"workers": rows(
            {"index": 0, "rx": 50, "tx": 45, "flow_hits": 40, "flow_misses": 5,
             "stages": {"rx_packets": 50, "rx_cycles": 1525, "open_packets": 0,
                        "open_cycles": 0}})},
        "/leasemesh/reload": {"result": "ok", "text": "/etc/leasemesh/gateway.conf: in force"},
    }


class StatusTest(unittest.TestCase):
    def setUp(self):
        # Paths of sockets are short: not below a long TMPDIR.
        folder = tempfile.TemporaryDirectory(prefix="lm-cli-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.runtime = folder.name

    def gateway(self, answers=None, prefix="alpha", **more):
        fake = FakeGateway(self.runtime, prefix,
                           good_answers() if answers is None else answers, **more)
        self.addCleanup(fake.close)
        return fake

    def run_cli(self, *args, runtime=None):
        # A sanitizer's complaint must not pass for the tool's own exit status 1.
        env = dict(os.environ, RUNTIME_DIRECTORY=runtime or self.runtime,
                   ASAN_OPTIONS="exitcode=99", UBSAN_OPTIONS="halt_on_error=1:exitcode=99")
        done = subprocess.run([LEASEMESH, *args], env=env, capture_output=True, timeout=60,
                              check=False)
        return (done.returncode, done.stdout.decode(errors="replace"),
                done.stderr.decode(errors="replace"))

    def table(self, *args):
        """The lines of one section, as lists of words."""
        code, out, err = self.run_cli("status", *args)
        self.assertEqual((code, err), (0, ""))
        return [line.split() for line in out.splitlines()]

    def fails(self, text, *args):
        code, out, err = self.run_cli(*args)
        self.assertEqual((code, out), (1, ""), err)
        self.assertIn(text, err)
        self.assertEqual(err.count("\n"), 1, err)

    # ---- tables

    def test_overview_has_every_section_once(self):
        self.gateway()
        code, out, err = self.run_cli("status")
        self.assertEqual((code, err), (0, ""))
        names = [line for line in out.splitlines() if line.isalpha() and line.islower()]
        self.assertEqual(names, ["gateway", "ports", "sessions", "networks", "endpoints",
                                 "attachments", "drops"])
        self.assertNotIn(" \n", out)

    def test_gateway(self):
        self.gateway()
        table = self.table("gateway")
        self.assertEqual(table[1], ["alpha", "0.1.0", "1d02h", "2", "1.3.0", "kept", "disk", "12", "13",
                                    ID])
        self.assertIn("build with 2.0", " ".join(table[2]))

    def test_gateway_with_a_library_that_scales(self):
        answers = good_answers()
        answers["/leasemesh/info"]["ipsec_mb_shared_writes"] = 0
        self.gateway(answers)
        self.assertEqual(len(self.table("gateway")), 2)

    def test_lost_store(self):
        answers = good_answers()
        answers["/leasemesh/info"]["store"] = "lost"
        self.gateway(answers)
        self.assertIn("votes in no network's chain", self.run_cli("status", "gateway")[1])

    def test_one_worker_does_not_mind(self):
        answers = good_answers()
        answers["/leasemesh/info"]["workers"] = 1
        self.gateway(answers)
        self.assertEqual(len(self.table("gateway")), 2)

    def test_amounts_and_ages(self):
        answers = good_answers()
        answers["/leasemesh/flows"] = {"count": 4, "flows": [
            {"bytes": b, "idle_s": s} for b, s in
            ((10**18, 86399), (999950, 3599), (999949, 60), (1000, 59))]}
        self.gateway(answers)
        self.assertEqual([row[6:9] for row in self.table("flows")[1:]],
                         [["1.0", "EB", "23h59m"], ["1.0", "MB", "59m59s"],
                          ["999.9", "kB", "1m00s"], ["1.0", "kB", "59s"]])

    def test_ports(self):
        self.gateway()
        self.assertEqual(self.table("ports")[1],
                         ["wan", "underlay", "up", "1500", "02:00:00:00:00:01", "1000", "999.9",
                          "kB", "12", "999", "B", "7", "net_ice", "0000:01:00.0"])

    def test_sessions(self):
        self.gateway()
        table = self.table("sessions")
        self.assertEqual(table[1], [ID[:12], "up", "192.0.2.2:4500", "3s", "7", "2", "1", "5", "6"])
        self.assertEqual(table[2], ["f" * 12, "handshake", "-", "-", "0", "1", "0", "0", "0"])

    def test_networks(self):
        self.gateway()
        table = self.table("networks")
        self.assertEqual(table[1],
                         ["shop", "4", "joined", "c" * 12, "never", "2", "3", "5", "-", "23", "71", "ab" * 6])
        self.assertEqual(table[2][4:6], ["1970-01-01T00:00:01Z", "(past)"])
        self.assertEqual(self.table("--all", "networks")[1][-1], "ab" * 32)

    def test_network_show(self):
        self.gateway()
        for name in "shop", "ab" * 4:
            code, out, err = self.run_cli("network", "show", name)
            self.assertEqual((code, err), (0, ""))
            lines = [line.split() for line in out.splitlines()]
            self.assertEqual(" ".join(lines[0]), f"network shop, id {'ab' * 32}: serial 4 is in "
                                                 "force here, joined")
            self.assertEqual(lines[4], ["alpha", ID[:12], "here", "4", "0123" * 4, "yes", "2"])
            self.assertEqual(lines[5], ["beta", "f" * 12, "out", "-", "-", "-", "-"])
            self.assertEqual(lines[8], ["web/1", "alpha", "yes", "100.64.10.10", "-"])
            self.assertEqual(" ".join(lines[11]), "10.20.0.0/16 yes router/1 alpha 2 the lab")
            self.assertEqual(lines[12], ["::/0", "no", "-", "-", "1", "-"])
        code, out, _ = self.run_cli("network", "show", "--json", "shop")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out)[0]["gateways"][0]["serial"], 4)

    def test_denied(self):
        self.gateway()
        table = self.table("denied")
        # The newest first, whichever network and worker noted it.
        self.assertEqual(table[1], ["0s", "shop", "allowed", "icmp", "100.64.10.10",
                                    "100.64.10.20", "egress", "-"])
        self.assertEqual(table[2], ["1m01s", "shop", "denied", "tcp", "[fd5a::1]:4000",
                                    "[fd5a::2]:80", "ingress", "31"])

    def test_network_rules(self):
        self.gateway()
        code, out, err = self.run_cli("network", "rules", "shop")
        self.assertEqual((code, err), (0, ""))
        lines = [" ".join(line.split()) for line in out.splitlines()]
        self.assertEqual(lines[0], f"network shop, id {'ab' * 32}: serial 4")
        self.assertEqual(lines[2:], ["MEMBER DIRECTION RULE LINE ACTION HITS RATE REFUSED COMMENT",
                                     "web egress 0 31 deny 7 - - no more of that",
                                     "web egress default - allow 0 - - -",
                                     "web ingress default - allow 5 - - -",
                                     "db ingress 0 40 allow 9 2/m 3 -"])
        _, out, _ = self.run_cli("network", "rules", "-j", "shop")
        self.assertEqual(json.loads(out)[0]["rule_hits"][2]["hits"], 5)
        self.fails("no manifest of network 'shopp'", "network", "rules", "shopp")
        for args in ["rules"], ["rules", "shop", "x"], ["rules", "-o", "x", "shop"]:
            self.assertEqual(self.run_cli("network", *args)[0], 2, args)

    def decided(self, **more):
        """Answers of a gateway that decides addresses with others; more: of the chain."""
        answers = good_answers()
        chain = {"chain": "yes", "era": 0, "height": 12, "serial": 4, "member": "yes",
                 "votes": "yes", "behind": "no", "current_s": 3, "endpoints": 7, "blocks": 16,
                 "block_size": 64, "blocks_owned": 3, "blocks_quarantined": 2, "guilty": 0,
                 "blocks_here": 1, "addresses_here": 63, "given_here": 5, "resting_here": 4,
                 "fenced": "no", "members": rows(
                     {"provider": "alpha", "id": ID, "here": "yes"},
                     {"provider": "", "id": "f" * 40, "here": "no"})}
        chain.update(more)
        answers["/leasemesh/chain"] = lambda which: {"0": chain}.get(which)
        answers["/leasemesh/served"] = lambda which: {"0": {"served": rows(
            {"member": "web", "replica": 0, "provider": "alpha", "served": "yes",
             "ipv4": "100.64.10.10", "ipv6": "", "generation": 2},
            {"member": "web", "replica": 1, "provider": "", "served": "no", "ipv4": "",
             "ipv6": "", "generation": 0, "reason": "waits for an address block"})}}.get(which)
        answers["/leasemesh/routes"] = lambda which: {"0": {"routes": rows()}}.get(which)
        return answers

    def test_network_show_of_what_is_decided(self):
        self.gateway(self.decided())
        code, out, err = self.run_cli("network", "show", "shop")
        self.assertEqual((code, err), (0, ""))
        self.assertIn("chain: height 12, era 0, 7 endpoints; of 16 address blocks of 64, 3 are "
                      "in use and 2 in quarantine\n", out)
        self.assertIn("here: 1 blocks; of their 63 addresses, 5 are given out and 4 rest\n", out)
        self.assertIn("chain members: alpha (here), " + "f" * 40 + "\n", out)
        lines = [line.split() for line in out.splitlines()]
        self.assertEqual(lines[-2], ["web/0", "alpha", "yes", "100.64.10.10", "-", "2", "-"])
        self.assertEqual(" ".join(lines[-1]), "web/1 - no - - 0 waits for an address block")
        self.assertNotIn("this gateway", out)
        _, out, _ = self.run_cli("network", "show", "-j", "shop")
        self.assertEqual(json.loads(out)[0]["chain"]["members"][0]["provider"], "alpha")

    def test_network_show_of_troubles(self):
        troubles = [({"votes": "never"}, "votes no more: its store was lost"),
                    ({"behind": "yes"}, "blocks that it does not have"),
                    ({"current_s": "?"}, "heard from no majority"),
                    ({"fenced": "yes"}, "cut off from the members for too long"),
                    ({"guilty": 1}, "1 members are proven"),
                    ({"chain": "unknown"}, "is not known here yet")]
        for i, (more, text) in enumerate(troubles):
            self.gateway(self.decided(**more), prefix=f"gw{i}")
            out = self.run_cli("network", "show", "-p", f"gw{i}", "shop")[1]
            for _, other in troubles:
                self.assertEqual(other in out, other == text, out)
        self.assertNotIn("chain members", out)

    def test_network_recovery(self):
        answers = good_answers()
        answers["/leasemesh/recovery"] = {"result": "ok", "text": "", "pieces": rows(
            {"text": "leasemesh-recovery-request-v1", "ends": 1},
            {"text": "0123", "ends": 0}, {"text": "4567", "ends": 1})}
        fake = self.gateway(answers)
        expected = "leasemesh-recovery-request-v1\n01234567\n"
        self.assertEqual(self.run_cli("network", "recovery", "shop", "alpha", "beta"),
                         (0, expected, ""))
        self.assertEqual(fake.asked[-1], "/leasemesh/recovery,0,alpha,beta")
        ids = [str(i) * 40 for i in range(7)]  # members may be named by key id
        self.assertEqual(self.run_cli("network", "recovery", "shop", *ids), (0, expected, ""))
        self.assertEqual(fake.asked[-1], "/leasemesh/recovery,0," + ",".join(ids))
        path = os.path.join(self.runtime, "request")
        self.assertEqual(self.run_cli("network", "recovery", "-o", path, "shop", "a")[0], 0)
        with open(path, encoding="ascii") as file:
            self.assertEqual(file.read(), expected)
        answers["/leasemesh/recovery"] = {"result": "error", "text": "nobody is gamma",
                                          "pieces": {}}
        self.fails("nobody is gamma", "network", "recovery", "shop", "gamma")
        answers["/leasemesh/recovery"] = {"result": "ok", "text": "", "pieces": rows(
            *[{"text": "0" * 100, "ends": 0}] * 12)}
        self.fails("makes no sense", "network", "recovery", "shop", "gamma")
        for args in ["recovery", "shop"], ["recovery", "shop", *"abcdefgh"], \
                ["recovery", "-j", "shop", "a"], ["recovery", "-k", "key", "shop", "a"], \
                ["sign-recovery", path], ["sign-recovery", "-k", "key", "-p", "x", path], \
                ["sign-recovery", "-k", "key", path, path], ["show", "-o", "x", "shop"]:
            code, _, err = self.run_cli("network", *args)
            self.assertEqual(code, 2, (args, err))

    def test_sign_recovery_of_nonsense(self):
        path = os.path.join(self.runtime, "request")
        for text in "", "leasemesh-recovery-request-v1\n", \
                "leasemesh-recovery-request-v1\n00\n", "leasemesh-manifest-v1\n":
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            self.fails("no request for recovery", "network", "sign-recovery", "-k", "key", path)
        self.fails("No such file", "network", "sign-recovery", "-k", "key", path + "2")

    def test_network_show_of_nothing(self):
        self.gateway()
        self.fails("no manifest of network 'shopp' is in force", "network", "show", "shopp")
        self.fails("is in force", "network", "show", "abab")  # too short for an id
        for args in ["show"], ["hide", "shop"], ["drop"], ["drop", "-j", "shop"], ["show", "a", "b"], []:
            code, _, err = self.run_cli("network", *args)
            self.assertEqual(code, 2, err)

    def test_network_of_an_owner_who_is_gone(self):
        answers = good_answers()
        answers["/leasemesh/networks"]["networks"]["0"]["accepted"] = "no"
        self.gateway(answers)
        self.assertIn("not accepted here any more", self.run_cli("network", "show", "shop")[1])

    def test_network_drop(self):
        answers = good_answers()
        answers["/leasemesh/network_drop"] = {"result": "ok", "text": "dropped"}
        fake = self.gateway(answers)
        for name in "shop", "abababab":
            self.assertEqual(self.run_cli("network", "drop", name), (0, "dropped\n", ""))
            self.assertEqual(fake.asked[-1], "/leasemesh/network_drop," + "ab" * 32)
        answers["/leasemesh/network_drop"] = {"result": "error", "text": "x" * 127,
                                              "text_more": " and why"}
        self.fails("xxx and why", "network", "drop", "shop")
        self.fails("no manifest of network 'shopp' is in force", "network", "drop", "shopp")

    def test_network_drop_of_one_of_several(self):
        answers = good_answers()
        answers["/leasemesh/networks"]["networks"]["1"]["name"] = "shop"
        fake = self.gateway(answers)
        code, out, err = self.run_cli("network", "drop", "shop")
        self.assertEqual((code, out), (1, ""))
        self.assertIn("cd" * 32 + " of owner", err)
        self.assertIn("give the id", err)
        self.assertNotIn("network_drop", " ".join(fake.asked))

    def test_endpoints(self):
        self.gateway()
        self.assertEqual(self.table("endpoints")[1],
                         ["shop", "web/0", "100.64.10.10", "-", "lan", "vlan", "101",
                          "02:00:00:00:01:01", "1.5", "kB", "0", "B", "9", "17", "-", "web-0"])

    def test_refused_attachments_with_the_whole_reason(self):
        self.gateway()
        table = self.table("attachments")
        self.assertEqual([row[:2] for row in table[1:]],
                         [["db-0", "refused"], ["new-0", "waiting"]])
        self.assertEqual(" ".join(table[1][2:]), "x" * 127 + " and the end")
        self.assertEqual(self.table("-a", "attachments")[1], ["web-0", "active", "-"])

    def test_all_attachments_in_order(self):
        answers = good_answers()
        answers["/leasemesh/attachments"] = {"attachments": rows({"name": "a", "state": "active"})}
        self.gateway(answers)
        self.assertEqual(self.table("attachments"), [["all", "active"]])

    def test_lanes(self):
        self.gateway()
        self.assertEqual(self.table("lanes")[1],
                         ["shop", "0", "1", "in", "0x00012345", "1", "10", "2.0", "kB", "11", "1",
                          "2"])

    def test_flows_largest_first(self):
        self.gateway()
        table = self.table("flows")
        self.assertEqual(table[1][:4], ["shop", "udp", "[fd5a::1]:1", "[fd5a::2]:2"])
        self.assertEqual(table[2], ["shop", "tcp", "100.64.10.10:40000", "100.64.10.20:5432",
                                    "tcp_established", "5", "500", "B", "1m01s", "0"])
        self.assertEqual(table[3][1:4], ["icmp", "100.64.10.10", "100.64.10.20"])
        self.assertEqual(len(table), 4)
        table = self.table("-n", "1", "flows")
        self.assertEqual(table[1][1], "udp")
        self.assertEqual(" ".join(table[2]), "the 1 largest of 3; --all shows more")

    def test_drops(self):
        self.gateway()
        table = self.table("drops")
        self.assertEqual(" ".join(table[0]), "received 100 + from control 5 = "
                         "sent 90 + dropped 10 + to control 5")
        self.assertEqual(table[2:], [["dropped", "replay", "10"],
                                     ["to", "control", "session", "5"],
                                     ["in", "control", "workload_malformed", "2"]])
        self.assertIn(["dropped", "malformed", "0"], self.table("--all", "drops"))

    def test_drops_that_do_not_add_up_are_said(self):
        answers = good_answers()
        answers["/leasemesh/drops"]["tx"] = 88
        self.gateway(answers)
        self.assertIn("+ under way 2", " ".join(self.table("drops")[0]))

    def test_control(self):
        self.gateway()
        self.assertEqual(self.table("control")[1], [
            "1000", "999", "1001", "998", "2", "1998", "1996", "123456", "104.5", "ms", "13",
            "7", "0"])

    def test_workers(self):
        self.gateway()
        table = self.table("workers")
        self.assertEqual(table[1], ["0", "50", "45", "40", "5"])
        self.assertEqual(table[3:], [["0", "rx", "50", "30.5"], ["0", "open", "0", "-"]])

    def test_nothing_there(self):
        answers = good_answers()
        answers["/leasemesh/sessions"] = {"sessions": {}}
        self.gateway(answers)
        self.assertEqual(self.table("sessions"), [["none"]])

    def test_json(self):
        self.gateway()
        code, out, _ = self.run_cli("status", "--json", "drops", "sessions")
        self.assertEqual(code, 0)
        value = json.loads(out)
        self.assertEqual(sorted(value), ["drops", "sessions"])
        self.assertEqual(value["drops"], good_answers()["/leasemesh/drops"])
        self.assertEqual([s["state"] for s in value["sessions"]["sessions"]], ["up", "handshake"])

    # ---- pages

    def test_pages_are_put_together(self):
        answers = good_answers()

        def page(parameter):
            first = int(parameter or 0)
            answer = {"lanes": rows(*[{"network": "n", "lane": i}
                                      for i in range(first, min(first + 32, 70))])}
            if first + 32 < 70:
                answer["next"] = first + 32
            return answer
        answers["/leasemesh/lanes"] = page
        fake = self.gateway(answers)
        table = self.table("lanes")
        self.assertEqual([row[2] for row in table[1:]], [str(i) for i in range(70)])
        self.assertEqual(fake.asked[-3:],
                         ["/leasemesh/lanes", "/leasemesh/lanes,32", "/leasemesh/lanes,64"])
        _, out, _ = self.run_cli("status", "-j", "lanes")
        value = json.loads(out)["lanes"]
        self.assertEqual((list(value), len(value["lanes"])), (["lanes"], 70))

    def test_pages_that_do_not_move_on_end(self):
        answers = good_answers()
        answers["/leasemesh/lanes"] = lambda parameter: {
            "lanes": rows({"network": "n", "lane": 0}), "next": 1}
        self.gateway(answers)
        self.assertEqual(len(self.table("lanes")), 3)

    def test_endless_pages_end(self):
        answers = good_answers()
        answers["/leasemesh/lanes"] = lambda parameter: {
            "lanes": rows(*[{}] * 1000), "next": int(parameter or 0) + 1000}
        self.gateway(answers)
        self.fails("more than 100000 rows", "status", "lanes")

    # ---- odd and hostile answers

    def test_missing_and_odd_fields(self):
        answers = good_answers()
        answers["/leasemesh/sessions"] = {"sessions": rows(
            {}, {"id": 5, "state": None, "heard_s": "x", "epoch": 1.5, "lanes": {}},
            {"id": "short", "heard_s": -5})}
        answers["/leasemesh/drops"] = {"drops": [1, 2], "punts": {"a": "b"}, "control": 7}
        answers["/leasemesh/flows"] = {"flows": rows({}, {"bytes": "x"})}
        answers["/leasemesh/workers"] = {"workers": rows(
            {"stages": 5}, {"stages": {"_packets": 1, "x" * 100 + "_packets": 1, "y_packets": 2}})}
        self.gateway(answers)
        table = self.table("sessions")
        self.assertEqual(table[1], ["-"] * 9)
        self.assertEqual(table[3][:4], ["short", "-", "-", "-5s"])
        self.table("drops")
        self.table("flows")
        self.table("workers")
        self.table("endpoints")

    def test_control_characters_never_reach_the_terminal(self):
        answers = good_answers()
        answers["/leasemesh/attachments"] = {"attachments": rows(
            {"name": "\u001b[2J\n", "state": "refused", "reason": "\u0007\u009b31m\ttext"})}
        answers["/leasemesh/reload"] = {"result": "error", "text": "\u001b]0;x\u0007"}
        answers["/leasemesh/drops"]["drops"] = {"\u001b[31mreason": 1}
        self.gateway(answers)
        _, out, _ = self.run_cli("status", "drops")
        self.assertNotIn("\x1b", out)
        _, out, _ = self.run_cli("status", "attachments")
        self.assertNotRegex(out, "[\x00-\x09\x0b-\x1f\x7f-\x9f]")
        self.assertEqual(len(out.splitlines()), 2)
        code, _, err = self.run_cli("reload")
        self.assertEqual(code, 1)
        self.assertNotIn("\x1b", err)

    def test_no_json(self):
        answers = good_answers()
        answers["/leasemesh/ports"] = b"{ not json"
        self.gateway(answers)
        self.fails("an answer is no JSON", "status", "ports")

    def test_null_and_arrays_for_answers(self):
        answers = good_answers()
        del answers["/leasemesh/ports"]
        answers["/leasemesh/drops"] = [1]
        self.gateway(answers)
        self.fails("does not answer /leasemesh/ports", "status", "ports")
        self.fails("does not answer /leasemesh/drops", "status", "drops")

    def test_answer_that_is_larger_than_announced(self):
        answers = good_answers()
        answers["/leasemesh/ports"] = b'{"' + b"x" * 20000 + b'": 1}'
        self.gateway(answers)
        self.fails("more than 16384 bytes", "status", "ports")

    def test_deep_json(self):
        answers = good_answers()
        answers["/leasemesh/ports"] = b"[" * 16000
        self.gateway(answers)
        self.fails("an answer is no JSON", "status", "ports")

    def test_connection_that_ends(self):
        answers = good_answers()
        answers["/leasemesh/ports"] = b""
        self.gateway(answers)
        self.fails("closed the connection", "status", "ports")

    def test_failure_prints_no_half_report(self):
        answers = good_answers()
        answers["/leasemesh/drops"] = b""
        self.gateway(answers)
        self.fails("closed the connection", "status")

    # ---- which gateway

    def test_none(self):
        self.fails("no gateway runs on this host", "status")
        self.fails('no gateway called "beta" runs', "status", "-p", "beta")

    def test_stale_socket(self):
        self.gateway().close()
        self.fails("no gateway runs on this host", "status")
        self.gateway(prefix="beta")
        self.assertEqual(self.table("gateway")[1][0], "alpha")

    def test_other_dpdk_programs_are_left_alone(self):
        self.gateway({}, prefix="rte")
        self.gateway(hello=b"hi", prefix="odd")
        self.gateway(hello=b'{"max_output_len": 1000000000}', prefix="huge")
        self.fails("no gateway runs on this host", "status")
        self.gateway(prefix="alpha")
        self.assertEqual(self.table("gateway")[1][0], "alpha")

    def test_several(self):
        self.gateway(prefix="alpha")
        beta = good_answers()
        beta["/leasemesh/info"]["name"] = "beta"
        self.gateway(beta, prefix="beta")
        code, _, err = self.run_cli("status")
        self.assertEqual(code, 1)
        self.assertIn("several gateways run here, choose one with --prefix: ", err)
        self.assertIn("alpha", err)
        self.assertEqual(self.table("--prefix", "beta", "gateway")[1][0], "beta")

    def test_two_processes_of_one_prefix(self):
        self.gateway()
        second = good_answers()
        second["/leasemesh/info"]["name"] = "second"
        self.gateway(second, instance=":1")
        self.assertEqual(self.table("-p", "alpha:1", "gateway")[1][0], "second")
        self.assertEqual(self.table("-p", "alpha", "gateway")[1][0], "alpha")

    def test_prefix_is_no_path(self):
        self.gateway()
        self.fails("no gateway called", "status", "-p", "../dpdk/alpha")

    # ---- command line, reload

    def test_usage(self):
        for args in (["nonsense"], ["-x"], ["-n", "many"], ["-n"]):
            code, _, err = self.run_cli("status", *args)
            self.assertEqual(code, 2, args)
            self.assertIn("usage: leasemesh status", err)
        self.assertEqual(self.run_cli("reload", "now")[0], 2)

    def test_reload(self):
        fake = self.gateway()
        self.assertEqual(self.run_cli("reload"),
                         (0, "/etc/leasemesh/gateway.conf: in force\n", ""))
        self.assertEqual(fake.asked[-1], "/leasemesh/reload")

    def test_reload_refused(self):
        answers = good_answers()
        answers["/leasemesh/reload"] = {"result": "error", "text": "/etc/x" + "x" * 121,
                                        "text_more": ":3: port: needs a restart"}
        self.gateway(answers)
        self.fails("xxx:3: port: needs a restart", "reload")


if __name__ == "__main__":
    LEASEMESH = sys.argv.pop(1)
    unittest.main()
