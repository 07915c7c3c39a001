#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`leasemesh top` against canned telemetry that counts on: test_top.py LEASEMESH"""
import fcntl
import json
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import tempfile
import termios
import time
import unittest

from fake_gateway import FakeGateway

LEASEMESH = None


def rows(*items):
    return {str(i): item for i, item in enumerate(items)}


class Counting:
    """Everything has grown by the same each time it is asked for."""

    def __init__(self):
        self.asked = {"workers": 0, "drops": 0, "endpoints": 0}

    def workers(self, _):
        n = self.asked["workers"] = self.asked["workers"] + 1
        return {"cycles": 10**9 + n * 10**6, "hz": 10**9, "workers": rows(
            {"index": 0, "rx": n * 1000, "injected": n * 100, "tx": n * 900,
             "handed_in": n * 900, "handed_out": n * 30, "dropped": n * 20, "punted": n * 10,
             "stages": {"rx_packets": n * 1000, "rx_cycles": n * 50000,
                        "access_packets": 0, "access_cycles": 0,
                        "seal_packets": n * 500, "seal_cycles": n * 200000}},
            {"index": 1, "rx": 0, "stages": {"rx_packets": 0, "rx_cycles": 0}})}

    def drops(self, _):
        n = self.asked["drops"] = self.asked["drops"] + 1
        return {"drops": {"replay": n * 10, "malformed": 3, "no_route": n * 500},
                "punts": {"session": n * 70, "workload": 0}}

    def endpoints(self, _):
        n = self.asked["endpoints"] = self.asked["endpoints"] + 1
        row = {"network": "shop", "net": 0, "member": "web", "replica": 0,
               "attachment": "web-0", "rx_packets": n * 10, "rx_bytes": n * 1000,
               "tx_packets": n * 20, "tx_bytes": n * 4000}
        busy = dict(row, attachment="web-1", replica=1, rx_bytes=n * 9000)
        other = dict(row, attachment="x-0", net=1, member="x", rx_bytes=n * 200, tx_bytes=0)
        idle = dict(row, attachment="idle", member="idle", rx_bytes=7, tx_bytes=7,
                    rx_packets=7, tx_packets=7)
        new = dict(row, attachment=f"new-{n}", rx_bytes=10**12)
        return {"endpoints": rows(row, busy, other, idle, new)}

    def answers(self):
        return {"/leasemesh/info": {"name": "alpha"}, "/leasemesh/workers": self.workers,
                "/leasemesh/drops": self.drops, "/leasemesh/endpoints": self.endpoints}


class TopTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="lm-cli-", dir="/tmp")
        self.addCleanup(folder.cleanup)
        self.runtime = folder.name
        self.env = dict(os.environ, RUNTIME_DIRECTORY=self.runtime, ASAN_OPTIONS="exitcode=99",
                        UBSAN_OPTIONS="halt_on_error=1:exitcode=99")

    def gateway(self, answers=None):
        fake = FakeGateway(self.runtime, "alpha", answers or Counting().answers())
        self.addCleanup(fake.close)
        return fake

    def run_cli(self, *args):
        done = subprocess.run([LEASEMESH, "top", *args], env=self.env, capture_output=True,
                              timeout=60, check=False, text=True)
        return done.returncode, done.stdout, done.stderr

    def once(self, *args):
        code, out, err = self.run_cli("--once", "-i", "0.2", *args)
        self.assertEqual((code, err), (0, ""))
        return out

    # ---- figures

    def test_json(self):
        self.gateway()
        rates = json.loads(self.once("--json"))
        seconds = rates["seconds"]
        self.assertGreaterEqual(seconds, 0.19)

        def each(value):
            return round(value * seconds)

        worker, idle = rates["workers"]
        self.assertEqual([each(worker[key]) for key in
                          ("received", "sent", "handed", "dropped", "punted")],
                         [1000, 900, 30, 20, 10])
        self.assertAlmostEqual(worker["busy"], 25.0)  # of a million cycles
        self.assertAlmostEqual(worker["cycles"], 125.0)  # of 1000 + 900 + 100 packets
        self.assertEqual(worker["stages"], {"rx": 50.0, "access": 0.0, "seal": 400.0})
        self.assertEqual((idle["index"], idle["received"], idle["busy"], idle["cycles"]),
                         (1, 0, 0, 0))

    def test_reasons(self):
        self.gateway()
        found = json.loads(self.once("--json"))["reasons"]
        self.assertEqual([(row["what"], row["reason"]) for row in found],
                         [("dropped", "no_route"), ("to control", "session"),
                          ("dropped", "replay")])
        self.assertAlmostEqual(found[0]["packets"] / found[2]["packets"], 50, places=3)

    def test_busiest(self):
        self.gateway()
        rates = json.loads(self.once("--json"))
        # One that is new has counters of which nothing is known.
        self.assertEqual([row["attachment"] for row in rates["endpoints"]],
                         ["web-1", "web-0", "x-0", "idle"])
        self.assertEqual([row["net"] for row in rates["networks"]], [0, 1])
        shop, other = rates["networks"]
        self.assertAlmostEqual(shop["rx_bytes"] / other["rx_bytes"], 50, places=3)
        self.assertAlmostEqual(shop["tx_packets"] / other["tx_packets"], 2, places=3)
        rates = json.loads(self.once("--json", "-n", "1"))
        self.assertEqual([row["attachment"] for row in rates["endpoints"]], ["web-1"])
        self.assertEqual(len(rates["networks"]), 1)

    def test_backwards_is_nothing(self):
        turn = [5]

        def workers(_):
            turn[0] -= 1
            return {"cycles": 1, "workers": rows({"index": 0, "rx": turn[0], "stages": 7})}

        answers = Counting().answers()
        answers["/leasemesh/workers"] = workers
        answers["/leasemesh/drops"] = {"drops": [], "punts": {"x": "y"}}
        answers["/leasemesh/endpoints"] = {"endpoints": rows({"attachment": 3}, {})}
        self.gateway(answers)
        rates = json.loads(self.once("--json"))
        self.assertEqual(rates["workers"][0]["received"], 0)
        self.assertEqual((rates["reasons"], rates["endpoints"]), ([], []))
        self.once()

    def test_tables(self):
        self.gateway()
        out = self.once()
        lines = [line.split() for line in out.splitlines()]
        self.assertTrue(out.startswith("alpha at "))
        head = lines[2]
        self.assertEqual(head[:3] + head[-5:],
                         ["WORKER", "RECEIVED", "SENT", "BUSY", "CYCLES", "rx", "access", "seal"])
        self.assertEqual(lines[3][-6:], ["25.0", "%", "125", "50", "-", "400"])
        self.assertIn("no_route", out)
        self.assertRegex(out, r"shop +web/1 +web-1 +\d+ +[\d.]+ kb/s")

    def test_goes_on(self):
        fake = self.gateway()
        tool = subprocess.Popen([LEASEMESH, "top", "-j", "-i", "0.1"], env=self.env,
                                stdout=subprocess.PIPE, text=True)
        for _ in range(3):
            self.assertIn("workers", json.loads(tool.stdout.readline()))
        tool.send_signal(signal.SIGINT)
        tool.stdout.read()
        tool.stdout.close()
        self.assertEqual(tool.wait(timeout=20), 0)
        self.assertEqual(fake.asked.count("/leasemesh/info"), 2)  # to find it, and once

    def test_gateway_ends(self):
        answers = Counting().answers()
        first = answers["/leasemesh/drops"]
        left = [2]

        def drops(which):
            left[0] -= 1
            return first(which) if left[0] >= 0 else b""

        answers["/leasemesh/drops"] = drops
        self.gateway(answers)
        code, out, err = self.run_cli("-i", "0.1", "-j")
        self.assertEqual((code, out.count("\n"), err.count("\n")), (1, 1, 1))
        self.assertIn("closed the connection", err)

    def test_slow_answers_are_asked_for_less_often(self):
        counting = Counting()
        answers = counting.answers()

        def endpoints(which):
            select.select([], [], [], 0.05)
            return counting.endpoints(which)

        answers["/leasemesh/endpoints"] = endpoints
        self.gateway(answers)
        # Twenty times as long as asking takes, not 0.1 s.
        self.assertGreater(json.loads(self.once("-j", "-i", "0.1"))["seconds"], 0.9)

    def test_usage(self):
        for args in ["-i", "0"], ["-i", "x"], ["-i", "3601"], ["-i", "nan"], ["-n", "-1"], ["x"], \
                ["--once=1"]:
            code, out, err = self.run_cli(*args)
            self.assertEqual((code, out), (2, ""), (args, err))
        code, _, err = self.run_cli("--once")
        self.assertEqual(code, 1)
        self.assertIn("no gateway runs", err)

    # ---- a terminal

    def screen(self, columns, lines, end):
        """What it draws on a terminal of this size, until it is told to end by this."""
        parent, child = pty.openpty()
        fcntl.ioctl(child, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        before = termios.tcgetattr(child)
        tool = subprocess.Popen([LEASEMESH, "top", "-i", "0.1"], env=self.env, stdin=child,
                                stdout=child, stderr=child, start_new_session=True,
                                preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0))
        said = b""
        while said.count(b"\x1b[J") < 3:
            said += os.read(parent, 65536)
        self.assertFalse(termios.tcgetattr(child)[3] & termios.ECHO)
        end(parent, tool)
        deadline = time.monotonic() + 20
        while tool.poll() is None:
            if time.monotonic() > deadline:
                tool.kill()
                self.fail("it does not end")
            if select.select([parent], [], [], 0.1)[0]:
                said += os.read(parent, 65536)
        while select.select([parent], [], [], 0)[0]:
            said += os.read(parent, 65536)
        self.assertEqual(tool.returncode, 0)
        self.assertEqual(termios.tcgetattr(child), before)
        os.close(parent)
        os.close(child)
        said = said.decode()
        self.assertTrue(said.startswith("\x1b[?1049h"))
        self.assertTrue(said.endswith("\x1b[?1049l"))
        return [[re.sub("\x1b\\[[?0-9]*[A-Za-z]", "", line) for line in re.split("\r+\n", frame)]
                for frame in said.split("\x1b[H")[1:]]

    def test_fits_the_terminal(self):
        self.gateway()
        for columns, lines in (200, 50), (40, 50), (200, 5), (17, 3):
            frames = self.screen(columns, lines, lambda parent, _: os.write(parent, b"q"))
            for frame in frames:
                self.assertLessEqual(max(map(len, frame)), columns)
                self.assertLessEqual(len(frame), lines)
            self.assertEqual(len(frames[0]), min(lines, len(frames[-1])))
        self.assertTrue(frames[0][2].strip().startswith("WORKER"))

    def test_ends(self):
        self.gateway()
        self.screen(80, 24, lambda parent, _: os.write(parent, b"xQ"))
        self.screen(80, 24, lambda parent, _: os.write(parent, b"\x03"))  # Ctrl-C
        self.screen(80, 24, lambda parent, _: os.write(parent, b"\x04"))  # Ctrl-D
        self.screen(80, 24, lambda _, tool: tool.terminate())


if __name__ == "__main__":
    LEASEMESH = sys.argv.pop(1)
    unittest.main()
