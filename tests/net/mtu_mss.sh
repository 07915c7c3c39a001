#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A workload that ignores the MTU it was told still gets through: too large packets
# are answered, and TCP's MSS is clamped on the way.
. "$(dirname "$0")/common.bash"

# arrives TEXT FILTER: with this MSS, and with no other
arrives()
{
	[ "$(tcpdump -nr "$T/syn.pcap" "$2" 2>/dev/null | grep -o 'mss [0-9]*' | sort -u)" = "$1" ]
}

shop_up
for w in web db; do
	# It was told by routers as well, and may be told again at any moment.
	at "$w" sh -c 'echo 0 >/proc/sys/net/ipv6/conf/eth0/accept_ra_mtu'
	ip -n "$LM_ID-$w" link set eth0 mtu 1280
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

capture_start db eth0 "$T/syn.pcap" 'tcp or ip6'
iperf_server db
for to in 100.64.10.20 fd5a:10::20; do
	tcp_flows "TCP to $to" web $to -t 1
done
eventually 5 "MSS 1378 arrives (IPv4)" arrives "mss 1378" 'src 100.64.10.10 and tcp[tcpflags] & tcp-syn != 0'
eventually 5 "MSS 1358 arrives (IPv6)" arrives "mss 1358" 'src fd5a:10::10 and ip6[6] == 6 and ip6[53] & 2 != 0'
