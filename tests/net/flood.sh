#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Whoever floods the gateway, from the underlay or as a workload, spends his own
# allowance: tenants are served, sessions come up, others' packets flow.
. "$(dirname "$0")/common.bash"

# flood HOST KIND ARGUMENT HEX: send this as fast as one process can, until it is killed
flood()
{
	ip netns exec "$LM_ID-$1" python3 -c '
import socket, sys

kind, where, data = sys.argv[1], sys.argv[2], bytes.fromhex(sys.argv[3])
if kind == "frame":
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    s.bind((where, 0))
else:
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.connect((where, 4500))
s.setblocking(False)
while True:
    try:
        s.send(data)
    except OSError:
        pass
' "${@:2}" >/dev/null 2>&1 </dev/null &
	FLOOD=$!
}

flood_end()
{
	kill "$FLOOD"
	wait "$FLOOD" || true
}

mac()
{
	at "$1" cat /sys/class/net/eth0/address | tr -d :
}

# who_has HOST IP TARGET: the frame, addresses in hex
who_has()
{
	echo "ffffffffffff$(mac "$1")08060001080006040001$(mac "$1")${2}000000000000$3"
}

limited()
{
	[ "$(drops alpha punt_limit)" -gt "$1" ]
}

shop_up
namespace stranger
plug stranger eth0
ip -n "$LM_ID-stranger" addr add 192.0.2.77/24 dev eth0
lines=$(wc -l <"$T/gateway/alpha/log")

flood stranger datagram 192.0.2.1 "00000000$(printf '01%.0s' {1..100})"
eventually 15 "a stranger's messages are limited" limited 20000
open_members | shop_network 2
echo "ok: a tenant is served meanwhile"
gateway_stop beta
gateway_start beta
eventually 10 "a session comes up meanwhile" sessions_up alpha beta
eventually 5 "and packets flow" reaches web 100.64.10.20
flood_end

before=$(drops alpha punt_limit)
flood cache frame eth0 "$(who_has cache 64400a0b 64400a14)"
eventually 10 "a workload's ARP is limited" limited $((before + 20000))
rm -f "$T/workload/web/lease"
expect "another workload gets its address meanwhile" dhcp web
open_members | shop_network 3
flood_end

before=$(drops alpha punt_limit)
flood stranger frame eth0 "$(who_has stranger c000024d c0000201)"
eventually 10 "ARP on the underlay is limited" limited $((before + 20000))
open_members | shop_network 4
expect "packets flow meanwhile" reaches web 100.64.10.20
flood_end

expect "none of this fills the log" [ $(($(wc -l <"$T/gateway/alpha/log") - lines)) -lt 20 ]
