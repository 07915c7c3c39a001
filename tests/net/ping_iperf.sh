#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Workloads of one network talk through the tunnel and past it, and the underlay
# sees nothing but ESP.
. "$(dirname "$0")/common.bash"

# Sum of what all outbound lanes of alpha have carried.
sealed()
{
	query alpha /leasemesh/lanes '[.lanes[] | select(.direction == "out") | .packets] | add'
}

shop_up
capture_start switch alpha "$T/underlay.pcap"

expect "web reaches db (other gateway, IPv4)" at web ping -q -c 20 -i 0.02 -W 1 100.64.10.20
expect "web reaches db (IPv6)" at web ping -q -c 20 -i 0.02 -W 1 fd5a:10::20
expect "db reaches web" at db ping -q -c 3 -i 0.02 -W 1 100.64.10.10
before=$(sealed)
expect "web reaches cache (same gateway)" at web ping -q -c 20 -i 0.02 -W 1 100.64.10.11
expect "cache reaches web (IPv6)" at cache ping -q -c 20 -i 0.02 -W 1 fd5a:10::10
is "packets in the tunnel for local traffic" 0 $(($(sealed) - before))

iperf_server db
iperf_server cache
for row in "db 100.64.10.20" "db fd5a:10::20" "cache 100.64.10.11"; do
	read -r server address <<<"$row"
	tcp_flows "TCP to $server $address" web "$address" -t 2
	tcp_flows "and backwards" web "$address" -t 2 -R
	# A busy machine may lose some in iperf3's own socket, which holds less than a second of
	# them; exact counts are the business of conservation, rekey and two_workers.
	iperf web "$address" -u -b 2M -l 1300 -t 2
	expect "UDP to $server $address flows" \
		jq -e '.end.sum.lost_percent < 50 and .end.sum.packets > 100' "$T/iperf.json"
done

capture_stop
tcpdump -nr "$T/underlay.pcap" 'not arp and not icmp6 and not dst ff02::16 and not udp port 4500' >"$T/clear" 2>/dev/null
is "packets on the underlay that are not ours" "" "$(head -n 3 "$T/clear")"
expect "ESP on the underlay" captured "$T/underlay.pcap" 1000 'udp port 4500'
