#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A workload that ignores the MTU it was told still gets through: too large packets
# are answered, and TCP's MSS is clamped on the way.
. "$(dirname "$0")/common.bash"

mss()
{
	tcpdump -nr "$1" "$2" 2>/dev/null | grep -o 'mss [0-9]*' | sort -u
}

shop_up
for w in web db; do
	ip -n "$LM_ID-$w" link set eth0 mtu 1500
done
at web ping -c 2 -i 0.2 -W 1 -M "do" -s 1472 100.64.10.20 >"$T/ping4" 2>&1 || true
expect "fragmentation needed" grep -qiE 'frag needed.*mtu *= *1418' "$T/ping4"
expect "the kernel has learned it" sh -c "ip -n $LM_ID-web route get 100.64.10.20 | grep -q 'mtu 1418'"
at web ping -c 2 -i 0.2 -W 1 -M "do" -s 1452 fd5a:10::20 >"$T/ping6" 2>&1 || true
expect "packet too big" grep -qiE 'packet too big.*mtu *= *1418' "$T/ping6"
expect "the kernel has learned it (IPv6)" \
	sh -c "ip -n $LM_ID-web -6 route get fd5a:10::20 | grep -q 'mtu 1418'"
ip -n "$LM_ID-web" route flush cache
ip -n "$LM_ID-web" -6 route flush cache
expect "what fits passes" at web ping -q -c 1 -W 1 -M "do" -s 1390 100.64.10.20
expect "what fits passes (IPv6)" at web ping -q -c 1 -W 1 -M "do" -s 1370 fd5a:10::20
expect "counted" test "$(query alpha /leasemesh/drops .punts.too_big)" -ge 2

ip netns exec "$LM_ID-db" tcpdump -i eth0 -U -w "$T/syn.pcap" 'tcp or ip6' >"$T/tcpdump.log" 2>&1 &
await 5 contains "listening on" "$T/tcpdump.log"
ip netns exec "$LM_ID-db" iperf3 -s >/dev/null 2>&1 </dev/null &
await 5 listening db 5201
for to in 100.64.10.20 fd5a:10::20; do
	at web iperf3 -J -t 1 -c $to >"$T/out.json"
	expect "TCP to $to flows" jq -e '.end.sum_received.bits_per_second > 1e6' "$T/out.json"
done
is "MSS that arrives (IPv4)" "mss 1378" "$(mss "$T/syn.pcap" 'src 100.64.10.10 and tcp[tcpflags] & tcp-syn != 0')"
is "MSS that arrives (IPv6)" "mss 1358" "$(mss "$T/syn.pcap" 'src fd5a:10::10 and ip6[6] == 6 and ip6[53] & 2 != 0')"
