#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`leasemesh trace` against canned telemetry: test_trace.py LEASEMESH"""
import copy
import json
import os
import subprocess
import sys
import tempfile
import unittest

from fake_gateway import FakeGateway

LEASEMESH = None
NETWORKS = {"networks": {
    "0": {"index": 3, "id": "ab" * 32, "name": "shop", "owner": "c" * 40},
    "1": {"index": 4, "id": "cd" * 32, "name": "twice", "owner": "d" * 40},
    "2": {"index": 5, "id": "ce" * 32, "name": "twice", "owner": "e" * 40}}}
ANSWER = {
    "from": {"attachment": "web-0", "member": "web", "replica": 0, "ipv4": "100.64.10.10",
             "ipv6": "fd5a:10::10", "provider": "alpha", "where": "here", "reachable": "yes"},
    "to": {"peer": "0123456789abcdef" * 2, "path": "192.0.2.2:4500", "member": "db",
           "replica": 1, "ipv4": "100.64.10.20", "ipv6": "", "provider": "beta",
           "where": "peer", "reachable": "yes"},
    "result": "ok", "text": "", "serial": 4, "protocol": 6, "port": 5432, "passes": "yes",
    "flows": {"0": {"src": "100.64.10.10", "dst": "100.64.10.20", "egress": "allow",
                    "egress_line": 12, "ingress": "allow", "verdict": "allow"}}}
QUESTION = ["--network", "shop", "--from", "web/0", "--to", "db/1"]


class Trace(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lm-cli-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.runtime = folder.name
        self.answer = copy.deepcopy(ANSWER)
        self.fake = FakeGateway(self.runtime, "alpha", {
            "/leasemesh/info": {}, "/leasemesh/networks": NETWORKS,
            "/leasemesh/trace": lambda _: self.answer})
        self.addCleanup(self.fake.close)

    def trace(self, *args):
        env = dict(os.environ, RUNTIME_DIRECTORY=self.runtime,
                   ASAN_OPTIONS="exitcode=99", UBSAN_OPTIONS="halt_on_error=1:exitcode=99")
        done = subprocess.run([LEASEMESH, "trace", *args], env=env, capture_output=True,
                              timeout=60, check=False)
        return done.returncode, done.stdout.decode(), done.stderr.decode()

    def test_what_is_asked(self):
        for words, asked in ((["tcp", "5432"], "6,5432"), (["udp", "53"], "17,53"),
                             (["tcp", "https"], "6,443"),
                             (["sctp", "65535"], "132,65535"), (["icmp"], "1"),
                             (["icmpv6"], "58"), (["gre"], "47"), (["89"], "89"),
                             (["17", "1"], "17,1")):
            self.assertEqual(self.trace(*QUESTION, *words)[0], 0)
            self.assertEqual(self.fake.asked[-1], "/leasemesh/trace,3,web/0,db/1," + asked)
        self.trace("-N", "ab" * 8, "-f", "web", "-t", "fd5a:10::20", "icmp")
        self.assertEqual(self.fake.asked[-1], "/leasemesh/trace,3,web,fd5a:10::20,1")

    def test_long_names_are_asked_whole(self):
        ends = ["m" * 63 + "/1", "n" * 63 + "/2"]
        self.trace("-N", "shop", "-f", ends[0], "-t", ends[1], "tcp", "1")
        self.assertEqual(self.fake.asked[-1], f"/leasemesh/trace,3,{ends[0]},{ends[1]},6,1")

    def test_what_makes_no_sense(self):
        for words in ([], ["tcp"], ["tcp", "0"], ["tcp", "65536"], ["tcp", "x"], ["tcp", "HTTPS"], ["icmp", "1"],
                      ["gre", "1"], ["0"], ["255"], ["ipx"], ["tcp", "1", "2"]):
            code, out, err = self.trace(*QUESTION, *words)
            self.assertEqual((code, out), (2, ""), words)
            self.assertIn("usage: leasemesh trace", err)
        for args in (["-N", "shop", "-f", "web/0"], ["-f", "a", "-t", "b"],
                     ["-N", "shop", "-f", "", "-t", "b"], ["-N", "shop", "-f", "a,b", "-t", "c"],
                     ["-N", "shop", "-f", "a", "-t", "b" * 128], [*QUESTION, "-x"]):
            self.assertEqual(self.trace(*args, "tcp", "1")[0], 2, args)
        self.assertEqual(self.fake.asked, [])

    def test_one_that_passes(self):
        code, out, err = self.trace(*QUESTION, "tcp", "5432")
        self.assertEqual((code, err), (0, ""))
        self.assertEqual(out.splitlines(), [
            "network shop, serial 4",
            "from web/0: 100.64.10.10 and fd5a:10::10, attached here (web-0)",
            "to   db/1: 100.64.10.20, at beta, peer 0123456789ab by 192.0.2.2:4500",
            "100.64.10.10 to 100.64.10.20",
            "  out of web/0: allowed by the egress rule in line 12",
            "  into db/1: allowed by default, no rule matches",
            "  the rules allow it",
            "it passes"])

    def test_one_with_a_rate(self):
        self.answer["flows"]["0"].update(ingress_line=20, ingress_rate="5/m")
        self.assertIn("  into db/1: allowed by the ingress rule in line 20, at most 5/m\n",
                      self.trace(*QUESTION, "tcp", "5432")[1])

    def test_one_that_is_routed(self):
        self.answer["to"].update(address="10.20.5.1", route="10.20.0.0/16", route_line=50)
        self.assertIn("to   10.20.5.1, routed by 10.20.0.0/16 (line 50) via db/1: 100.64.10.20, "
                      "at beta", self.trace(*QUESTION, "tcp", "5432")[1])

    def test_one_that_is_denied(self):
        flow = self.answer["flows"]["0"]
        flow.update(ingress="deny", ingress_line=20, verdict="deny_ingress")
        self.answer["passes"] = "no"
        code, out, _ = self.trace(*QUESTION, "tcp", "5432")
        self.assertEqual(code, 1)
        self.assertIn("  into db/1: denied by the ingress rule in line 20\n"
                      "  the rules deny it (ingress)\n"
                      "  to allow it: a rule in the ingress of db, as "
                      "{from: web, protocol: tcp, ports: 5432}, before line 20\n"
                      "it does not pass\n", out)
        flow.update(egress="deny", verdict="deny_egress")
        out = self.trace(*QUESTION, "tcp", "5432")[1]
        self.assertIn("out of web/0: denied by the egress rule in line 12\n", out)
        self.assertIn("the rules deny it (egress)\n", out)

    def test_which_rule_is_missing(self):
        flow = self.answer["flows"]["0"]
        flow.update(egress="deny", ingress="deny", verdict="deny_egress")
        out = self.trace(*QUESTION, "tcp", "5432")[1]
        self.assertIn("  to allow it: a rule in the egress of web, as "
                      "{to: db, protocol: tcp, ports: 5432}, before line 12\n"
                      "  to allow it: a rule in the ingress of db, as "
                      "{from: web, protocol: tcp, ports: 5432}\n", out)
        self.answer.update(protocol=89, port=0)
        out = self.trace(*QUESTION, "89")[1]
        self.assertIn("{from: web, protocol: 89}\n", out)
        flow.update(egress="allow", ingress="allow", verdict="allow")
        self.assertNotIn("to allow it", self.trace(*QUESTION, "89")[1])

    def test_flows_that_are_open(self):
        flow = self.answer["flows"]["0"]
        flow.update(open=1, state="tcp_established", idle_s=3, packets=12, bytes=1234)
        out = self.trace(*QUESTION, "tcp", "5432")[1]
        self.assertIn("  open now: 1, tcp_established, 12 packets, 1234 bytes, idle for 3 s\n",
                      out)
        flow.update(open=2)
        out = self.trace(*QUESTION, "tcp", "5432")[1]
        self.assertIn("  open now: 2, the last used tcp_established, 12 packets", out)
        flow.update(open=0)
        self.assertNotIn("open now", self.trace(*QUESTION, "tcp", "5432")[1])

    def test_one_that_is_not_served(self):
        self.answer["to"].update(reachable="no", reason="its gateway does not serve it")
        self.answer["passes"] = "no"
        code, out, _ = self.trace(*QUESTION, "tcp", "5432")
        self.assertEqual(code, 1)
        self.assertIn("192.0.2.2:4500; not reachable: its gateway does not serve it\n", out)
        self.assertIn("the rules allow it\nit does not pass\n", out)
        self.answer["from"] = dict(self.answer["to"], where="nowhere", path="")
        out = self.trace(*QUESTION, "tcp", "5432")[1]
        self.assertIn("100.64.10.20, nowhere; not reachable", out)
        self.assertIn("neither is attached here", out)

    def test_json(self):
        code, out, _ = self.trace("--json", *QUESTION, "tcp", "5432")
        self.assertEqual(code, 0)
        self.assertEqual(json.loads(out), dict(ANSWER, flows=[ANSWER["flows"]["0"]]))
        self.answer["passes"] = "no"
        self.assertEqual(self.trace("--json", *QUESTION, "tcp", "5432")[0], 1)

    def fails(self, text, *args):
        code, out, err = self.trace(*args, "tcp", "5432")
        self.assertEqual((code, out), (1, ""))
        self.assertIn(text, err)

    def test_refusals(self):
        self.fails("no manifest of network 'shopp' is in force", "-N", "shopp", *QUESTION[2:])
        self.fails("give the id", "-N", "twice", *QUESTION[2:])
        self.answer = {"result": "error", "text": "there is no member 'web'", "flows": {}}
        self.fails("there is no member 'web'", *QUESTION)
        self.fails("there is no member 'web'", "--json", *QUESTION)
        self.answer = None
        self.fails("does not answer /leasemesh/trace", *QUESTION)
        for odd in ({}, {"result": 7}, {"result": "ok"}, {"result": "ok", "flows": [1, {}]},
                    {"result": "ok", "from": 1, "to": [], "flows": {"0": {"src": {}}}}):
            self.answer = odd
            self.assertEqual(self.trace(*QUESTION, "icmp")[0], 1)


if __name__ == "__main__":
    LEASEMESH = os.path.abspath(sys.argv.pop(1))
    unittest.main()
