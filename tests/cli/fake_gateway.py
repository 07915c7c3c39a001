# SPDX-License-Identifier: Apache-2.0
"""A gateway's telemetry socket without the gateway: canned answers, good and odd ones.

Sockets, framing and the greeting are DPDK's (SOCK_SEQPACKET, one JSON document a message).
"""
import json
import os
import socket
import threading


class FakeGateway:
    """answers: command -> value, or a function of the parameter, or bytes sent as they are."""

    def __init__(self, runtime, prefix, answers, instance="", hello=None):
        folder = os.path.join(runtime, "dpdk", prefix)
        os.makedirs(folder, exist_ok=True)
        self.path = os.path.join(folder, "dpdk_telemetry.v2" + instance)
        self.answers = answers
        self.hello = hello
        self.asked = []
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.bind(self.path)
        self.socket.listen(5)
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(peer,), daemon=True).start()

    def serve(self, peer):
        hello = self.hello
        if hello is None:
            hello = json.dumps({"version": "DPDK 22.11.3", "pid": os.getpid(),
                                "max_output_len": 16384}).encode()
        try:
            peer.send(hello)
            while True:
                request = peer.recv(1024)
                if not request:
                    break
                reply = self.answer(request.decode())
                if reply is None:
                    break
                peer.send(reply)
        except OSError:
            pass
        peer.close()

    def answer(self, request):
        self.asked.append(request)
        command, _, parameter = request.partition(",")
        value = self.answers.get(command)
        if callable(value):
            value = value(parameter)
        if isinstance(value, bytes):
            return value if value else None
        # DPDK answers what it does not know with null.
        return json.dumps({command: value}).encode()

    def close(self):
        try:
            self.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        except OSError:
            pass
        self.socket.close()  # the file stays, as after kill -9
