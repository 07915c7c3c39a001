#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 240
#
# Captures of what attackers send, replayed from a workload: fragments that overlap or hide ports,
# wrong checksums, all combinations of TCP's flags, IPv6 extension headers, VLAN tags inside of
# tags. Exactly what shall pass arrives, to the byte, each other packet is counted for its reason,
# and an honest connection beside it notices nothing.
. "$(dirname "$0")/common.bash"

members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    egress: [{to: sink, protocol: tcp, ports: 8000}, {to: sink, protocol: udp, ports: 7000},
	      {to: sink, protocol: sctp, ports: 9000}, {to: sink, protocol: icmp}, {to: db, protocol: any}]
	  - name: db
	    deployment: 1002
	    endpoints: [{provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]
	    ingress: [{from: web, protocol: tcp, ports: 5432}, {from: web, protocol: icmp}]
	  - name: sink
	    deployment: 1003
	    endpoints: [{provider: beta, ipv4: 100.64.10.30, ipv6: "fd5a:10::30"}]
	    ingress: [{from: web, protocol: any}]
	END
}

# The other tenant: whatever comes to it may come.
bank_members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    ingress: [{from: any, protocol: any}]
	  - name: sink
	    deployment: 1002
	    endpoints: [{provider: beta, ipv4: 100.64.10.30, ipv6: "fd5a:10::30"}]
	    egress: [{to: any, protocol: any}]
	    ingress: [{from: any, protocol: any}]
	END
}

# Gateways advertise themselves to workloads, and look for them.
from_others="not arp and not (icmp6 and ip6[40] == 134)"

# Drops of all reasons that any capture asks for: nothing else in this test causes them.
counted()
{
	query "$1" /leasemesh/drops "$(jq -s -c '{drops: ([.[] | keys] | add | unique)}' "$T"/*.reasons |
		jq -r '.drops | map("\(.): .drops.\(.)") | "{" + join(", ") + "}"')"
}

# since BEFORE NOW: by how much each grew, of those that did
since()
{
	jq -c -n -S --argjson a "$1" --argjson b "$2" \
		'$b | with_entries(.value -= $a[.key]) | with_entries(select(.value != 0))'
}

dropped_so()
{
	[ "$(since "$1" "$(counted alpha)")" = "$2" ]
}

arrived()
{
	"$LM_ROOT/tests/net/captures" compare "$T/$1.pcap" "$T/$1.expected" "$T/$1.seen"
}

# replay NAME
replay()
{
	local before there reasons

	before=$(counted alpha)
	there=$(counted beta)
	reasons=$(jq -c -S . "$T/$1.reasons")
	capture_start sink eth0 "$T/$1.seen" "$from_others"
	expect "$1: replayed" at web tcpreplay -q -i eth0 --pps 1000 "$T/$1.pcap"
	eventually 10 "$1: what shall arrive does, and nothing else" arrived "$1"
	eventually 10 "$1: $reasons is what alpha dropped" dropped_so "$before" "$reasons"
	is "$1: what beta dropped" "{}" "$(since "$there" "$(counted beta)")"
	capture_stop
	expect "$1: $(arrived "$1" || true) frames" arrived "$1"
	expect "$1: the connection is served" ticked
}

# The honest connection: web asks, db answers, each time once more.
ticked()
{
	local n

	n=$(wc -l <"$T/ticks")
	await 10 more_than "$n"
}

more_than()
{
	[ "$(wc -l <"$T/ticks")" -gt "$1" ]
}

flows()
{
	query "$1" /leasemesh/flows ".states.$2"
}

closed()
{
	[ "$(flows "$1" tcp_closed)" = 1 ]
}

begin
owner shop
owner bank
gateway alpha
gateway beta
vlan_port alpha lan web:101 bank-web:102
workload db beta
workload sink beta
workload bank-sink beta
# Nobody answers what the captures ask, and nothing is put together on the way to who counts it.
for w in sink bank-web bank-sink; do quiet $w; done
at sink ethtool -K eth0 gro off >/dev/null
for w in web bank-web sink bank-sink; do ip -n "$LM_ID-$w" link set eth0 up; done
gateway_start alpha
gateway_start beta
attach web shop shop web 0 1001
attach db shop shop db 0 1002
attach sink shop shop sink 0 1003
attach bank-web bank bank web 0 1001
attach bank-sink bank bank sink 0 1002
bank_members >"$T/bank"
submit alpha "$(manifest bank bank 1 <"$T/bank")"
members | shop_network 1
for w in web bank-web; do eventually 10 "$w is attached" active alpha $w; done
for w in db sink bank-sink; do eventually 10 "$w is attached" active beta $w; done
dhcp web
dhcp db
eventually 10 "web reaches db" reaches web 100.64.10.20

ip netns exec "$LM_ID-db" sh -c 'while echo tick; do sleep 0.05; done | nc -l 5432' \
	>/dev/null 2>&1 </dev/null &
await 5 listening db 5432
: >"$T/ticks"
ip netns exec "$LM_ID-web" nc -d -p 40000 100.64.10.20 5432 >"$T/ticks" 2>/dev/null </dev/null &
expect "db speaks to web" ticked

lan=$(ip -n "$LM_ID-web" neigh show 100.64.10.20 | grep -o 'lladdr [0-9a-f:]*' | cut -d' ' -f2)
mac=$(at web cat /sys/class/net/eth0/address)
captures=$("$LM_ROOT/tests/net/captures" make "$T" "$mac" "$lan")
for name in $captures; do
	"$LM_ROOT/tests/net/captures" reasons "$T/$name.expected" >"$T/$name.reasons"
done
watchers=()
for w in bank-web bank-sink; do
	capture_start $w eth0 "$T/$w.seen" "$from_others"
	watchers+=("$CAPTURE")
done
for name in $captures; do
	replay "$name"
done
for w in bank-web bank-sink; do
	refuse "$w, of another tenant, saw nothing of all that" captured "$T/$w.seen" 1
done
kill "${watchers[@]}"

# Nobody but web itself can send these. Gateways take them for what they say, which shortens how long
# a silent connection is remembered; who looks at checksums goes on, and so does what is said.
expect "resets with wrong checksums: replayed" at web tcpreplay -q -i eth0 "$T/resets.pcap"
for gw in alpha beta; do
	eventually 5 "$gw holds the connection for closed" closed $gw
done
expect "its ends do not" ticked
for gw in alpha beta; do
	eventually 5 "$gw: rx + injected = tx + dropped + punted ($(sums $gw))" conserved $gw
done
expect "a new connection comes about" reaches web 100.64.10.20
