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

# iperf WORKLOAD ADDRESS OPTIONS...: its result as JSON
iperf()
{
	at "$1" iperf3 -J -c "${@:2}"
}

shop_up
ip netns exec "$LM_ID-switch" tcpdump -i alpha -U -w "$T/underlay.pcap" >"$T/tcpdump.log" 2>&1 &
capture=$!
await 5 contains "listening on" "$T/tcpdump.log"

expect "web reaches db (other gateway, IPv4)" at web ping -q -c 20 -i 0.02 -W 1 100.64.10.20
expect "web reaches db (IPv6)" at web ping -q -c 20 -i 0.02 -W 1 fd5a:10::20
expect "db reaches web" at db ping -q -c 3 -i 0.02 -W 1 100.64.10.10
before=$(sealed)
expect "web reaches cache (same gateway)" at web ping -q -c 20 -i 0.02 -W 1 100.64.10.11
expect "cache reaches web (IPv6)" at cache ping -q -c 20 -i 0.02 -W 1 fd5a:10::10
is "packets in the tunnel for local traffic" 0 $(($(sealed) - before))

for server in db cache; do
	ip netns exec "$LM_ID-$server" iperf3 -s >/dev/null 2>&1 </dev/null &
	await 5 listening "$server" 5201
done
for row in "db 100.64.10.20" "db fd5a:10::20" "cache 100.64.10.11"; do
	read -r server address <<<"$row"
	iperf web "$address" -t 2 >"$T/out.json"
	jq -r --arg a "$address" \
		'"web to \($a): \(.end.sum_received.bits_per_second / 1e6 | round) Mb/s"' "$T/out.json"
	expect "TCP to $server $address flows" jq -e '.end.sum_received.bits_per_second > 1e6' "$T/out.json"
	iperf web "$address" -t 2 -R >"$T/out.json"
	expect "and backwards" jq -e '.end.sum_received.bits_per_second > 1e6' "$T/out.json"
	# A busy machine may lose some in iperf3's own socket; exact counts are the business of
	# conservation, rekey and two_workers.
	iperf web "$address" -u -b 8M -l 1300 -t 2 >"$T/out.json"
	expect "UDP to $server $address flows" \
		jq -e '.end.sum.lost_percent < 5 and .end.sum.packets > 1000' "$T/out.json"
done

kill $capture
wait $capture || true
tcpdump -nr "$T/underlay.pcap" 'not arp and not icmp6 and not dst ff02::16 and not udp port 4500' >"$T/clear" 2>/dev/null
is "packets on the underlay that are not ours" "" "$(head -n 3 "$T/clear")"
expect "ESP on the underlay" test "$(tcpdump -nr "$T/underlay.pcap" 'udp port 4500' 2>/dev/null | wc -l)" -gt 1000
