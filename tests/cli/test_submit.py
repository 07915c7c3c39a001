#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`leasemesh submit` without a gateway: whom it would ask, and what it says when nobody answers.

test_submit.py LEASEMESH. With gateways it is tested in tests/net.
"""
import os
import socket
import subprocess
import sys
import tempfile
import unittest

LEASEMESH = None
ALPHA = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
BETA = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
DOCUMENT = """leasemesh: 1
network: shop
serial: 1
prefixes:
  ipv4: 100.64.10.0/24
providers:
  - {{name: alpha, key: {alpha}, addresses: ["192.0.2.1:4500"]}}
  - {{name: beta, key: {beta}, addresses: ["192.0.2.2:4500", "{shared}"]}}
members:
  - name: web
    deployment: 1
    endpoints:
      - {{provider: alpha, ipv4: 100.64.10.10}}
"""


class Submit(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="leasemesh-cli-")
        self.addCleanup(self.folder.cleanup)
        self.tool("keygen", "-o", "owner.key")
        # Nobody answers here, and no ICMP error says so either.
        self.silent = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.addCleanup(self.silent.close)
        self.silent.bind(("127.0.0.1", 0))
        self.here = f"127.0.0.1:{self.silent.getsockname()[1]}"

    def tool(self, *args, expect=0):
        done = subprocess.run([LEASEMESH, *args], capture_output=True, text=True, timeout=60,
                              cwd=self.folder.name, check=False)
        self.assertEqual(done.returncode, expect, f"{args}: {done.stderr}")
        return done.stderr if expect else done.stdout

    def sign(self, shared="192.0.2.3:4500"):
        path = os.path.join(self.folder.name, "shop.yaml")
        with open(path, "w", encoding="utf-8") as file:
            file.write(DOCUMENT.format(alpha=ALPHA, beta=BETA, shared=shared))
        self.tool("manifest", "sign", "-k", "owner.key", "-o", "shop.signed", "shop.yaml")
        return "shop.signed"

    def submit(self, *args, expect):
        return self.tool("submit", "--timeout", "1", *args, expect=expect)

    def test_nobody_answers(self):
        said = self.submit("--to", self.here, "--provider", "alpha", self.sign(), expect=3)
        self.assertIn(f"no answer from {self.here} within 1 s", said)
        self.assertIn("alpha", said)
        # It did ask: one initiation, that carries nothing of the manifest.
        self.assertEqual(len(self.silent.recv(2048)), 156)

    def test_closed_port(self):
        self.silent.close()
        self.submit("--to", self.here, "--provider", "beta", self.sign(), expect=3)

    def test_whose_gateway(self):
        said = self.submit("--to", self.here, self.sign(), expect=1)
        self.assertIn("no address of any provider", said)
        self.assertIn("--provider", said)
        said = self.submit("--to", self.here, "--provider", "gamma", "shop.signed", expect=1)
        self.assertIn("no such provider", said)
        said = self.submit("--to", self.here, "--key", "12", "shop.signed", expect=1)
        self.assertIn("64 hexadecimal digits", said)
        self.submit("--to", self.here, "--key", BETA, "shop.signed", expect=3)

    def test_not_a_manifest(self):
        self.sign()
        said = self.submit("--to", self.here, "shop.yaml", expect=1)
        self.assertIn("not a signed manifest", said)
        with open(os.path.join(self.folder.name, "shop.signed"), "r+b") as file:
            data = file.read()
            file.seek(0)
            file.write(data.replace(b"deployment: 1", b"deployment: 2"))
        said = self.submit("--to", self.here, "--provider", "alpha", "shop.signed", expect=1)
        self.assertIn("signature", said)
        self.submit("--to", self.here, "nowhere.signed", expect=1)

    def test_addresses(self):
        name = self.sign()
        for to in ("", ":4500", "[::1", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:99999999"):
            self.submit("--to", to, "--provider", "alpha", name, expect=1)
        self.submit("--to", "[::1]:9", "--provider", "alpha", name, expect=3)

    def test_usage(self):
        name = self.sign()
        self.tool("submit", name, expect=2)
        self.tool("submit", "--to", self.here, expect=2)
        self.tool("submit", "--to", self.here, name, name, expect=2)
        self.tool("submit", "--to", self.here, "--key", ALPHA, "--provider", "alpha", name, expect=2)
        for timeout in ("0", "-1", "x", "3601", ""):
            self.tool("submit", "--to", self.here, "--timeout", timeout, name, expect=2)


if __name__ == "__main__":
    LEASEMESH = os.path.abspath(sys.argv.pop(1))
    unittest.main()
