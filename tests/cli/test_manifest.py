#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""`leasemesh keygen`, `key` and `manifest` from outside: test_manifest.py LEASEMESH SOURCE_ROOT"""
import hashlib
import json
import os
import re
import stat
import subprocess
import sys
import tempfile
import unittest

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (Ed25519PrivateKey,
                                                               Ed25519PublicKey)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

LEASEMESH = None
ROOT = None
RFC8032_SEED = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"
RFC8032_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"


def key_id(public_hex):
    return hashlib.blake2b(bytes.fromhex(public_hex), digest_size=20).hexdigest()


def source(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


class Tool(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="leasemesh-cli-")
        self.addCleanup(self.folder.cleanup)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def write(self, name, text, mode=0o644):
        with open(self.path(name), "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.chmod(self.path(name), mode)
        return self.path(name)

    def run_tool(self, *args, expect=0, stdin=b""):
        done = subprocess.run([LEASEMESH, *args], input=stdin, capture_output=True,
                              cwd=self.folder.name, timeout=60, check=False)
        out, err = done.stdout, done.stderr.decode()
        self.assertEqual(done.returncode, expect, f"{args}: {err}")
        if expect == 0:
            self.assertEqual(err, "")
        return out, err

    def text(self, *args, **options):
        return self.run_tool(*args, **options)[0].decode()

    def refused(self, *args, **options):
        out, err = self.run_tool(*args, expect=1, **options)
        self.assertEqual(out, b"")
        self.assertEqual(err.count("\n"), 1, err)  # one line says it all
        return err.removeprefix("leasemesh: ").rstrip("\n")

    def usage_error(self, *args):
        out, err = self.run_tool(*args, expect=2)
        self.assertEqual(out, b"")
        self.assertIn("usage: leasemesh", err)
        return err.split("\n")[0]

    def key_file(self, name="owner.key", seed=RFC8032_SEED):
        return self.write(name, f"leasemesh-key-v1 {seed}\n", 0o600)


class Help(Tool):
    def test_overview_names_every_command(self):
        text = self.text("--help")
        for command in ("keygen", "key", "manifest", "submit", "status", "reload", "version"):
            self.assertRegex(text, rf"(?m)^  {command} ")
        self.assertEqual(self.text("help"), text)
        self.assertEqual(self.run_tool(expect=2)[1], text)

    def test_each_command_has_help(self):
        for command in re.findall(r"(?m)^  (\w+) ", self.text("--help")):
            if command in ("version", "help"):
                continue
            text = self.text(command, "--help")
            self.assertIn(f"usage: leasemesh {command}", text)
            self.assertEqual(self.text("help", command), text)

    def test_version(self):
        self.assertRegex(self.text("version"), r"^leasemesh \d+\.\d+\.\d+\n$")
        self.assertEqual(self.text("--version"), self.text("version"))

    def test_nonsense(self):
        self.assertIn("unknown command 'frobnicate'", self.usage_error("frobnicate"))
        self.assertIn("unknown option '--frob'", self.usage_error("keygen", "--frob"))
        self.assertIn("unknown option '-x'", self.usage_error("keygen", "-x"))
        self.assertIn("'-o' needs an argument", self.usage_error("keygen", "-o"))
        self.assertIn("unexpected argument 'file'", self.usage_error("keygen", "file"))
        self.assertIn("sign needs -k", self.usage_error("manifest", "sign", "x"))
        self.assertIn("-k and -o belong to sign",
                      self.usage_error("manifest", "check", "-k", "k", "x"))
        self.assertIn("unknown action 'burn'", self.usage_error("manifest", "burn", "x"))
        self.assertIn("expected check, sign or show", self.usage_error("manifest", "check"))
        self.assertIn("takes no value", self.usage_error("key", "show", "--id=x", "x"))
        self.assertIn("expected 'show'", self.usage_error("key", "hide", "x"))
        self.assertIn("exclude each other", self.usage_error("key", "show", "-p", "-i", "x"))

    def test_full_disk_is_an_error(self):
        with open("/dev/full", "wb") as full:
            done = subprocess.run([LEASEMESH, "version"], stdout=full, stderr=subprocess.PIPE,
                                  timeout=60, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertIn(b"cannot write", done.stderr)


class Keys(Tool):
    def test_keygen_makes_a_key_that_others_understand(self):
        text = self.text("keygen", "-o", "a.key")
        public = re.search(r"(?m)^public key: ([0-9a-f]{64})$", text).group(1)
        self.assertIn(f"key id:     {key_id(public)}\n", text)
        self.assertEqual(stat.S_IMODE(os.stat(self.path("a.key")).st_mode), 0o600)
        with open(self.path("a.key"), encoding="ascii") as file:
            word, seed = file.read().split()
        self.assertEqual(word, "leasemesh-key-v1")
        private = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(seed))
        raw = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.assertEqual(raw.hex(), public)

    def test_keygen_never_overwrites_and_never_repeats(self):
        first = self.text("keygen", "-o", "a.key")
        self.assertIn("a.key", self.refused("keygen", "-o", "a.key"))
        self.assertEqual(first.splitlines()[1:], self.text("key", "show", "a.key").splitlines())
        self.assertNotEqual(first.splitlines()[1], self.text("keygen").splitlines()[1])
        self.assertTrue(os.path.exists(self.path("leasemesh.key")))

    def test_key_show(self):
        self.key_file()
        expected = f"public key: {RFC8032_KEY}\nkey id:     {key_id(RFC8032_KEY)}\n"
        self.assertEqual(self.text("key", "show", "owner.key"), expected)
        self.assertEqual(self.text("key", "show", RFC8032_KEY), expected)
        self.assertEqual(self.text("key", "show", "--public", "owner.key"), RFC8032_KEY + "\n")
        self.assertEqual(self.text("key", "show", "--id", RFC8032_KEY),
                         key_id(RFC8032_KEY) + "\n")

    def test_bad_keys(self):
        self.assertIn("not a valid Ed25519 public key", self.refused("key", "show", "0" * 64))
        self.assertIn("no.key", self.refused("key", "show", "no.key"))
        self.assertIn("bad.key", self.refused("key", "show", self.write("bad.key", "x", 0o600)))
        os.chmod(self.key_file("open.key"), 0o640)
        self.assertIn("open.key", self.refused("key", "show", "open.key"))


class Manifests(Tool):
    def setUp(self):
        super().setUp()
        self.shop = source("conf/manifests/fixed.yaml").encode()
        self.write("shop.yaml", self.shop)
        self.key_file()

    def test_check(self):
        self.assertEqual(self.text("manifest", "check", "shop.yaml"),
                         "shop.yaml: valid: network shop, serial 1, 2 providers, 2 members, "
                         "2 endpoints\n")
        self.assertIn("<stdin>: valid", self.text("manifest", "check", "-", stdin=self.shop))
        bad = self.shop.replace(b"protocol: icmp", b"protocl: icmp", 1)
        self.write("bad.yaml", bad)
        self.assertRegex(self.refused("manifest", "check", "bad.yaml"),
                         r"^bad\.yaml:\d+:\d+: members\[0\]\.egress\[1\]: "
                         r"unknown key 'protocl'$")
        self.assertIn("no.yaml: No such file", self.refused("manifest", "check", "no.yaml"))
        self.write("large.yaml", b"#" * (1 << 20) + b"\n")
        self.assertEqual(self.refused("manifest", "check", "large.yaml"),
                         "large.yaml: larger than 1048576 bytes")

    def test_what_the_gateways_decide(self):
        web = b"      - {provider: alpha, ipv4: 100.64.10.10, ipv6: \"fd5a:10::10\"}\n"
        self.assertIn(web, self.shop)
        self.write("left.yaml", self.shop.replace(
            web, b"      - {}\n      - {provider: beta}\n      - {ipv4: 100.64.10.9}\n"))
        self.assertIn("2 members, 4 endpoints, 3 of them for the gateways to decide\n",
                      self.text("manifest", "check", "left.yaml"))
        text = self.text("manifest", "show", "left.yaml")
        for line in ("pool        100.64.10.128/25, 16 blocks of 8",
                     "  web/0 at any provider, address from the pool",
                     "  web/1 at beta, address from the pool",
                     "  web/2 at any provider 100.64.10.9",
                     "  db/0 at beta 100.64.10.20 fd5a:10::20"):
            self.assertIn("\n" + line + "\n", text)
        self.assertNotIn("pool", self.text("manifest", "show", "shop.yaml"))
        self.assertNotIn("decide", self.text("manifest", "check", "shop.yaml"))
        self.text("manifest", "sign", "-k", "owner.key", "left.yaml")
        self.assertEqual(text.split("\nserial", 1)[1],
                         self.text("manifest", "show", "left.signed").split("\nserial", 1)[1])
        self.write("in.yaml", self.shop.replace(b"endpoints:                    #",
                                                b"replicas: 9 #").replace(
            web, b"").replace(b"100.64.10.20", b"100.64.10.200"))
        self.assertRegex(self.refused("manifest", "sign", "-k", "owner.key", "in.yaml"),
                         r"^in\.yaml:\d+:\d+: members\[1\]\.endpoints\[0\]\.ipv4: inside of the "
                         r"pool 100\.64\.10\.128/25, which the gateways give out$")

    def test_signed_file_is_as_documented(self):
        self.assertIn("shop.signed: signed, ",
                      self.text("manifest", "sign", "-k", "owner.key", "shop.yaml"))
        with open(self.path("shop.signed"), "rb") as file:
            data = file.read()
        magic, signature, rest = data.split(b"\n", 2)
        self.assertEqual(magic, b"leasemesh-manifest-v1")
        lines = rest.split(b"\n")
        self.assertEqual(lines[0], b"owner " + RFC8032_KEY.encode())
        self.assertRegex(lines[1], rb"^secret [0-9a-f]{40} [0-9a-f]{160}$")
        self.assertEqual(lines[2].split()[1].decode(), key_id(
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"))
        self.assertEqual(lines[3], f"document {len(self.shop)}".encode())
        self.assertTrue(rest.endswith(b"\n" + self.shop))
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(RFC8032_KEY))
        signed = bytes.fromhex(signature.split()[1].decode())
        public.verify(signed, b"leasemesh-manifest-v1\0" + rest)
        with self.assertRaises(InvalidSignature):
            public.verify(signed, b"leasemesh-manifest-v1\0" + rest + b"x")

        self.assertIn("shop.signed: valid and signed: network shop, serial 1",
                      self.text("manifest", "check", "shop.signed"))
        self.write("bad.signed", data.replace(b"serial: 1", b"serial: 2"))
        self.assertEqual(self.refused("manifest", "check", "bad.signed"),
                         "bad.signed: the signature does not match the contents and the "
                         "owner's key")
        self.write("later.signed", data.replace(b"manifest-v1", b"manifest-v2", 1))
        self.assertEqual(self.refused("manifest", "check", "later.signed"),
                         "later.signed:1: not a signed manifest of version 1")

    def test_sign_to_other_places(self):
        out, _ = self.run_tool("manifest", "sign", "-k", "owner.key", "-", stdin=self.shop)
        self.text("manifest", "sign", "-k", "owner.key", "-o", "x", "shop.yaml")
        with open(self.path("x"), "rb") as file:
            self.assertEqual(file.read(), out)
        self.assertEqual(sorted(os.listdir(self.folder.name)), ["owner.key", "shop.yaml", "x"])
        os.symlink("real", self.path("link"))
        self.write("real", "what was there, and is longer than what comes" * 99)
        self.text("manifest", "sign", "-k", "owner.key", "-o", "link", "shop.yaml")
        self.assertTrue(os.path.islink(self.path("link")))
        with open(self.path("real"), "rb") as file:
            self.assertEqual(file.read(), out)
        self.assertIn("nowhere/x: No such file", self.refused(
            "manifest", "sign", "-k", "owner.key", "-o", "nowhere/x", "shop.yaml"))

    def test_a_bad_document_is_not_signed(self):
        self.write("bad.yaml", b"leasemesh: 1\n")
        self.assertEqual(self.refused("manifest", "sign", "-k", "owner.key", "bad.yaml"),
                         "bad.yaml:1:1: missing key 'network'")
        self.assertIn("no.key", self.refused("manifest", "sign", "-k", "no.key", "shop.yaml"))
        self.assertEqual(sorted(os.listdir(self.folder.name)),
                         ["bad.yaml", "owner.key", "shop.yaml"])

    def test_show(self):
        self.text("manifest", "sign", "-k", "owner.key", "shop.yaml")
        text = self.text("manifest", "show", "shop.signed")
        net_id = hashlib.blake2b(bytes.fromhex(RFC8032_KEY) + b"shop", digest_size=32)
        with open(self.path("shop.signed"), "rb") as file:
            file_hash = hashlib.blake2b(file.read(), digest_size=32)
        for line in (f"network id  {net_id.hexdigest()}", f"owner key   {RFC8032_KEY}",
                     f"owner id    {key_id(RFC8032_KEY)}", f"file hash   {file_hash.hexdigest()}",
                     "serial      1", "expires     2030-01-01T00:00:00Z, then kept as it is",
                     "ipv4        100.64.10.0/24, gateway 100.64.10.1", "provider beta",
                     "  address   [2001:db8::2]:4500", "member web, deployment 1001",
                     "  web/0 at alpha 100.64.10.10 fd5a:10::10",
                     "  may reach db: tcp 5432, 8000-8010",
                     "  may be reached from any: icmp"):
            self.assertIn("\n" + line + "\n", "\n" + text)
        plain = self.text("manifest", "show", "shop.yaml")
        self.assertIn("signature   none", plain)
        self.assertNotIn("routes", plain)
        self.write("routes.yaml", source("conf/manifests/routes.yaml").replace(
            "via: router}", "via: [exit, router/1]}"))
        self.assertTrue(self.text("manifest", "show", "routes.yaml").endswith(
            "\nroutes\n  10.20.0.0/16 via router\n    # the laboratory\n"
            "  fd99:20::/48 via exit, router/1\n  0.0.0.0/0 via exit\n"))
        self.assertNotIn("\nnetwork id ", plain)


class Diff(Tool):
    def setUp(self):
        super().setUp()
        self.shop = source("conf/manifests/fixed.yaml")
        self.write("old.yaml", self.shop)
        self.key_file()

    def diff(self, *changes, expect=1):
        new = self.shop
        for old, changed in changes:
            self.assertIn(old, new)
            new = new.replace(old, changed)
        self.write("new.yaml", new)
        out, err = self.run_tool("manifest", "diff", "old.yaml", "new.yaml", expect=expect)
        self.assertEqual(err, "")
        return out.decode().splitlines()

    def test_nothing(self):
        self.assertEqual(self.diff(expect=0), [])
        # Order, spelling and comments mean nothing.
        self.assertEqual(self.diff(("ports: [5432, 8000-8010]", "ports: [8000-8010, 5432]"),
                                   ("[db]", "db"), ("# default deny", "# hm"), expect=0), [])
        web, any_ = "{from: web, protocol: tcp, ports: 5432}", "{from: any, protocol: icmp}"
        self.assertEqual(self.diff((web, "{}"), (any_, web), ("{}", any_), expect=0), [])

    def test_signed_and_not(self):
        self.text("manifest", "sign", "-k", "owner.key", "old.yaml")
        self.assertEqual(self.text("manifest", "diff", "old.signed", "old.yaml"), "")
        self.assertEqual(self.text("manifest", "diff", "-", "old.yaml",
                                   stdin=self.shop.encode()), "")
        self.key_file("other.key", "11" * 32)
        self.text("manifest", "sign", "-k", "other.key", "-o", "other.signed", "old.yaml")
        out, _ = self.run_tool("manifest", "diff", "old.signed", "other.signed", expect=1)
        self.assertRegex(out.decode(), rf"^~ owner: {RFC8032_KEY} -> [0-9a-f]{{64}}\n$")

    def test_head(self):
        self.assertEqual(self.diff(("serial: 1 ", "serial: 7 ")), ["~ serial: 1 -> 7"])
        self.write("old.yaml", self.shop.replace("serial: 1 ", "serial: 9 "))
        self.assertEqual(self.diff(), ["~ serial: 9 -> 1 (lower: gateways will refuse it)"])
        self.write("old.yaml", self.shop)
        self.assertEqual(self.diff(("on_expiry: keep", "on_expiry: close")),
                         ["~ expires: 2030-01-01T00:00:00Z, then kept as it is -> "
                          "2030-01-01T00:00:00Z, then closed"])
        self.assertEqual(self.diff(("100.64.10.0/24", "100.64.0.0/16")),
                         ["~ ipv4 prefix: 100.64.10.0/24 -> 100.64.0.0/16"])
        self.assertEqual(self.diff(("network: shop", "network: store")),
                         ["~ network: shop -> store (another network)"])

    def test_providers(self):
        secret = "~ network secret: another set of providers has a new one"
        self.assertEqual(self.diff(("192.0.2.1:4500", "192.0.2.9:4500")),
                         ["~ provider alpha: without address 192.0.2.1:4500",
                          "~ provider alpha: with address 192.0.2.9:4500"])
        self.assertEqual(self.diff(("name: beta", "name: gamma"), ("provider: beta",
                                                                   "provider: gamma")),
                         ["- provider beta", "+ provider gamma",
                          "~ db/0: provider beta -> gamma"])  # same keys: same secret
        key = "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
        other = "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025"
        self.assertEqual(self.diff((key, other)),
                         [f"~ provider beta: key {key} -> {other}", secret])

    def test_members_and_rules(self):
        self.assertEqual(self.diff(("deployment: 1001", "deployment: 2001"),
                                   ("provider: beta, ipv4: 100.64.10.20",
                                    "provider: alpha, ipv4: 100.64.10.21")),
                         ["~ member web: deployment 1001 -> 2001",
                          "~ db/0: provider beta -> alpha",
                          "~ db/0: ipv4 100.64.10.20 -> 100.64.10.21"])
        self.assertEqual(self.diff(("tcp, ports: 5432}", "tcp, ports: [5433, 22]}")),
                         ["+ db may be reached from web: tcp 22, 5433",
                          "- db may be reached from web: tcp 5432"])
        self.assertEqual(self.diff(("name: db", "name: sql"), ("to: db", "to: sql"),
                                   ("to: [db]", "to: [sql]")),
                         ["- web may reach db: icmp",
                          "- web may reach db: tcp 5432, 8000-8010",
                          "+ web may reach sql: icmp",
                          "+ web may reach sql: tcp 5432, 8000-8010",
                          "- member db, deployment 1002",
                          "- db/0 at beta 100.64.10.20 fd5a:10::20",
                          "- db may be reached from any: icmp",
                          "- db may be reached from web: tcp 5432",
                          "+ member sql, deployment 1002",
                          "+ sql/0 at beta 100.64.10.20 fd5a:10::20",
                          "+ sql may be reached from any: icmp",
                          "+ sql may be reached from web: tcp 5432"])

    def test_what_the_gateways_decide(self):
        fixed = "{provider: beta, ipv4: 100.64.10.20, ipv6: \"fd5a:10::20\"}"
        pool = "100.64.10.128/25, 16 blocks of 8"
        self.assertEqual(self.diff((fixed, "{}")),
                         [f"~ pool: none -> {pool}", "~ db/0: provider beta -> any provider",
                          "~ db/0: ipv4 100.64.10.20 -> from the pool",
                          "~ db/0: ipv6 fd5a:10::20 -> from the pool"])
        self.write("old.yaml", self.shop.replace(fixed, "{}"))
        self.assertEqual(self.diff((fixed, "{}"), expect=0), [])
        self.assertEqual(self.diff((fixed, "{ipv6: \"fd5a:10::20\"}")),
                         ["~ db/0: ipv4 from the pool -> none",
                          "~ db/0: ipv6 from the pool -> fd5a:10::20"])
        self.assertEqual(self.diff((fixed, "{}\n      - {provider: alpha}"),
                                   ("10.0/24 ", "10.0/24\n  pool: 100.64.10.64/27\n"
                                    "  block: 29\n ")),
                         [f"~ pool: {pool} -> 100.64.10.64/27, 4 blocks of 8",
                          "+ db/1 at alpha, address from the pool"])
        self.assertEqual(self.diff((fixed, "{}"), ("  ipv6: fd5a:10::/64  ", "  "),
                                   (", ipv6: \"fd5a:10::10\"", "")),
                         ["~ ipv6 prefix: fd5a:10::/64 -> none",
                          "~ web/0: ipv6 fd5a:10::10 -> none",
                          "~ db/0: ipv6 from the pool -> none"])
        self.assertEqual(self.diff()[-3:],
                         ["~ db/0: provider any provider -> beta",
                          "~ db/0: ipv4 from the pool -> 100.64.10.20",
                          "~ db/0: ipv6 from the pool -> fd5a:10::20"])

    def test_trouble(self):
        out, err = self.run_tool("manifest", "diff", "old.yaml", "no.yaml", expect=2)
        self.assertEqual((out, err.count("\n")), (b"", 1))
        self.write("bad.yaml", "leasemesh: 1\n")
        self.assertIn("bad.yaml:", self.run_tool("manifest", "diff", "bad.yaml", "old.yaml",
                                                 expect=2)[1])
        self.assertIn("diff needs two files", self.usage_error("manifest", "diff", "old.yaml"))
        self.assertIn("only one", self.usage_error("manifest", "diff", "-", "-"))


    def test_routes(self):
        self.shop = source("conf/manifests/routes.yaml")
        self.write("old.yaml", self.shop)
        self.assertEqual(self.diff(("comment: the laboratory", "comment: no"), expect=0), [])
        self.assertEqual(
            self.diff(("via: exit}", "via: [exit, router/1]}"),
                      ("  - {prefix: \"fd99:20::/48\", via: router}\n", ""),
                      ("routes:\n", "routes:\n  - {prefix: 10.30.0.0/16, via: router/0}\n")),
            ["- route fd99:20::/48 via router",
             "~ route 0.0.0.0/0: via exit -> exit, router/1",
             "+ route 10.30.0.0/16 via router/0"])

    def test_rules_in_order(self):
        deny, web = "{to: db, protocol: any, action: deny}", "    labels: [front]\n"
        self.shop = source("conf/manifests/firewall.yaml")
        self.write("old.yaml", self.shop)
        # Spelling and order in a list of allows mean nothing; names of services are numbers.
        self.assertEqual(self.diff(("[http, https, 8443]}", "[8443, 443, http], action: allow}"),
                                   ("comment: staging stays out", "comment: no"), expect=0), [])
        self.assertEqual(self.diff((deny, "{to: any, protocol: tcp}"),
                                   ("      - {to: any, protocol: tcp}\n  - name: staging",
                                    f"      - {deny}\n  - name: staging")),
                         ["~ shopper: the order of its egress rules"])
        self.assertEqual(self.diff((deny, "{to: db, protocol: udp, log: true, rate: 5/m}"),
                                   (web, web.replace("front", "shop, front"))),
                         ["+ web has label shop",
                          "- shopper may not reach db: any protocol",
                          "+ shopper may reach db: udp, at most 5/m (log)"])
        self.assertEqual(self.diff(("serial: 1", "serial: 1\npolicy: {default: allow}")),
                         ["~ what no rule matches: deny -> allow"])


class Policy(Tool):
    """Rules that the manifest tests itself."""

    def setUp(self):
        super().setUp()
        self.mall = source("conf/manifests/firewall.yaml")
        self.bad = self.mall.replace("port: ssh, expect: deny", "port: ssh, expect: allow")
        self.line = 1 + self.bad[:self.bad.index("port: ssh")].count("\n")
        self.write("mall.yaml", self.mall)
        self.write("bad.yaml", self.bad)
        self.key_file()

    def test_examples(self):
        for name in os.listdir(os.path.join(ROOT, "conf/manifests")):
            text = self.text("policy", "test", os.path.join(ROOT, "conf/manifests", name))
            self.assertRegex(text, r"\n?\d+ rules, \d+ bytes compiled; \d+ tests, 0 failed\n$")

    def test_each_test_has_a_line(self):
        lines = self.text("policy", "test", "mall.yaml").splitlines()
        self.assertEqual(len(lines), 9)
        self.assertEqual(lines[2], f"ok    line {self.line}: shopper to web, tcp 22: deny")
        self.assertEqual(lines[3], f"ok    line {self.line + 1}: staging/0 to web, tcp 80: deny")
        out, err = self.run_tool("policy", "test", "bad.yaml", expect=1)
        self.assertEqual(err, "")
        bad = out.decode().splitlines()
        self.assertEqual(bad[2], f"FAIL  line {self.line}: shopper to web, tcp 22: expected "
                         "allow, but the ingress of web (no rule for it, for 100.64.20.50) "
                         "denies it")
        self.assertEqual(lines[:2] + lines[3:-1], bad[:2] + bad[3:-1])
        self.assertRegex(bad[-1], r"^7 rules, \d+ bytes compiled; 8 tests, 1 failed$")

    def test_for_programs(self):
        out, err = self.run_tool("policy", "test", "--json", "bad.yaml", expect=1)
        self.assertEqual(err, "")
        said = json.loads(out)
        self.assertEqual((said["rules"], said["failed"], len(said["tests"])), (7, 1, 8))
        self.assertEqual(said["tests"][2], {
            "line": self.line, "asked": "shopper to web, tcp 22", "expect": "allow",
            "result": "fail", "reason": "expected allow, but the ingress of web (no rule for "
            "it, for 100.64.20.50) denies it"})
        self.assertEqual(said["tests"][3]["result"], "ok")
        said = json.loads(self.text("policy", "-j", "test", "mall.yaml"))
        self.assertEqual(said["failed"], 0)

    def test_nothing_to_ask(self):
        self.write("none.yaml", self.mall[:self.mall.index("tests:")])
        self.assertEqual(self.text("policy", "test", "none.yaml").splitlines()[0],
                         "the manifest has no tests: nothing was asked")
        self.assertEqual(json.loads(self.text("policy", "-j", "test", "none.yaml"))["tests"], [])

    def test_who_else_refuses(self):
        said = (f"bad.yaml:{self.line}: tests[2]: expected allow, but the ingress of web (no "
                "rule for it, for 100.64.20.50) denies it")
        self.assertEqual(self.refused("manifest", "check", "bad.yaml"), said)
        self.assertEqual(self.refused("manifest", "sign", "-k", "owner.key", "bad.yaml"), said)
        self.assertNotIn("bad.signed", os.listdir(self.folder.name))
        # Nobody's tool signs it, but an owner may have another one.
        self.text("manifest", "sign", "-k", "owner.key", "mall.yaml")
        with open(self.path("mall.signed"), "rb") as file:
            body = file.read().split(b"\n", 2)[2]
        body = body.replace(b"document %d\n" % len(self.mall), b"document %d\n" % len(self.bad))
        body = body.replace(self.mall.encode(), self.bad.encode())
        key = Ed25519PrivateKey.from_private_bytes(bytes.fromhex(RFC8032_SEED))
        signature = key.sign(b"leasemesh-manifest-v1\0" + body)
        self.write("bad.signed", b"leasemesh-manifest-v1\nsignature " +
                   signature.hex().encode() + b"\n" + body)
        for command in (("manifest", "check"), ("submit", "--to", "127.0.0.1:9", "--provider",
                                                "alpha")):
            self.assertEqual(self.refused(*command, "bad.signed"),
                             said.replace("bad.yaml", "bad.signed"))

    def test_show(self):
        text = self.text("manifest", "show", "mall.yaml")
        for line in ("tests       8 of the rules",
                     "  labels front",
                     "  may not be reached from 100.64.20.192/26 except 100.64.20.200/32: any "
                     "protocol (log)\n    # staging stays out",
                     "  may be reached from any: tcp 80, 443, 8443",
                     "  may be reached from label front: tcp 5432",
                     "  may not reach db: any protocol"):
            self.assertIn("\n" + line + "\n", text)
        self.assertNotIn("policy  ", text)
        self.assertIn("\npolicy      what no rule matches is allowed\n", self.text(
            "manifest", "show", "-", stdin=b"policy: {default: allow}\n" + self.mall.encode()))

    def test_nonsense(self):
        self.assertIn("expected test, and one file", self.usage_error("policy"))
        self.assertIn("expected test, and one file", self.usage_error("policy", "run", "x"))
        self.assertIn("no.yaml: No such file", self.refused("policy", "test", "no.yaml"))


class Documentation(Tool):
    """The pages for tenants say what the tool does."""

    def test_the_guide_shows_the_example(self):
        shown = re.search(r"(?s)```yaml\n(leasemesh: 1.*?)```", source("docs/tenant-guide.md"))
        example = source("conf/manifests/shop.yaml").split("\n", 1)[1]  # without its title
        self.assertEqual(shown.group(1), example)

    def test_the_example_leaves_all_to_the_gateways(self):
        self.write("shop.yaml", source("conf/manifests/shop.yaml"))
        self.assertEqual(self.text("manifest", "check", "shop.yaml"),
                         "shop.yaml: valid: network shop, serial 1, 2 providers, 2 members, "
                         "3 endpoints, 3 of them for the gateways to decide\n")

    def test_the_guide_shows_fixed_endpoints(self):
        shown = re.search(r"(?s)```yaml\n(    endpoints:\n.*?)```", source("docs/tenant-guide.md"))
        example = source("conf/manifests/fixed.yaml").split("    deployment: 1002\n")[1]
        self.assertTrue(example.startswith(shown.group(1)))

    def test_the_guide_works_through_the_rules(self):
        """Each excerpt of rules is in the example, whose own tests say that it does that."""
        guide = source("docs/tenant-guide.md").split("### Two examples", 1)[1].split("\n### ")[0]
        example = source("conf/manifests/firewall.yaml")
        excerpts = re.findall(r"(?s)```yaml\n(.*?)```", guide)
        self.assertGreaterEqual(len(excerpts), 3)
        for excerpt in excerpts:
            self.assertIn(excerpt, example)

    def test_the_guide_works_through_the_routes(self):
        guide = source("docs/tenant-guide.md").split("## Routes", 1)[1].split("\n## ")[0]
        example = source("conf/manifests/routes.yaml")
        excerpts = re.findall(r"(?s)```yaml\n(.*?)```", guide)
        self.assertGreaterEqual(len(excerpts), 6)
        for excerpt in excerpts:
            for line in excerpt.splitlines():
                self.assertIn(line.split(", comment")[0], example)

    def test_the_guide_names_every_service(self):
        table = source("docs/tenant-guide.md").split("| service | port |", 1)[1].split("\n\n")[0]
        guide = re.findall(r"`([a-z0-9-]+)` (\d+)", table)
        code = re.findall(r'\{"([a-z0-9-]+)", (\d+)\}', source("lib/manifest/services.c"))
        self.assertGreater(len(code), 40)
        self.assertEqual(sorted(guide), sorted(code))

    def test_the_manual_has_every_synopsis_and_option(self):
        manual = source("docs/leasemesh.1.md")
        flat = " ".join(manual.split())
        for command in re.findall(r"(?m)^  (\w+) ", self.text("--help")):
            if command in ("version", "help"):
                continue
            usage, text = self.text(command, "--help").split("\n\n", 1)
            for line in re.split(r"\n(?=\s+leasemesh )", usage.removeprefix("usage: ")):
                self.assertIn(" ".join(line.split()), flat)
            for option in re.findall(r"(?m)^  (?:-\w, )?(--\w+)", text):
                self.assertIn(f"`{option}", manual.replace(", `", "`"))


if __name__ == "__main__":
    LEASEMESH, ROOT = os.path.abspath(sys.argv[1]), os.path.abspath(sys.argv[2])
    unittest.main(argv=sys.argv[:1])
