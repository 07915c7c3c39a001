#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 240
#
# Connections: they survive a gateway's restart whoever speaks first, scanners find exactly
# what the manifest opens, fragments pass where whole packets do, and one network's flood
# leaves room for others.
. "$(dirname "$0")/common.bash"

members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    egress: [{to: db, protocol: tcp, ports: [5432, 8000-8001]}, {to: db, protocol: udp, ports: 7000},
	      {to: db, protocol: icmp}]
	  - name: cache
	    deployment: 1003
	    endpoints: [{provider: alpha, ipv4: 100.64.10.11, ipv6: "fd5a:10::11"}]
	  - name: db
	    deployment: 1002
	    endpoints: [{provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]
	    ingress: [{from: web, protocol: tcp, ports: [5432, 8000, 9000]},
	      {from: web, protocol: udp, ports: 7000}, {from: web, protocol: icmp}]
	END
}

# scan WORKLOAD ADDRESS OPTIONS...: its table of ports is in $T/scan
scan()
{
	at "$1" nmap -n -Pn -T4 --max-retries 1 -oG "$T/scan.out" "${@:3}" "$2" >"$T/scan.log" 2>&1
	tr ',' '\n' <"$T/scan.out" | grep -oE '[0-9]+/[a-z|]+/(tcp|udp)' | sort -n >"$T/scan" || true
}

# ports STATE: those of the last scan
ports()
{
	grep -F "/$1/" "$T/scan" | cut -d/ -f1 | paste -sd' '
}

# more WHAT GATEWAY REASON COMMAND...: it makes this gateway drop something for that reason
more()
{
	local before

	before=$(drops "$2" "$3")
	"${@:4}" || true
	expect "$1: counted at $2 as $3" test "$(drops "$2" "$3")" -gt "$before"
}

flows()
{
	query "$1" /leasemesh/flows ".states.$2"
}

# ticks N: so many lines have come to web
ticks()
{
	[ "$(wc -l <"$T/ticks")" -gt "$1" ]
}

still_ticks()
{
	local n

	n=$(wc -l <"$T/ticks")
	eventually "$1" "$2" ticks $((n + 10))
}

# udp_server PORT: says a word to whoever says one
udp_server()
{
	# shellcheck disable=SC2016
	ip netns exec "$LM_ID-db" sh -c 'while echo pong | nc -u -l -W 1 "$1"; do :; done' sh "$1" \
		>/dev/null 2>&1 </dev/null &
	await 5 udp_listening "$1"
}

udp_listening()
{
	at db ss -Hlun "sport = :$1" | grep -q .
}

udp_asks()
{
	echo ping | at web nc -u -W 1 -w 3 100.64.10.20 "$1" | grep pong
}

half_open()
{
	query alpha /leasemesh/networks '.networks[] | select(.name == "shop") | .half_open'
}

begin
shop_hosts
gateway_start alpha
gateway_start beta
shop_attach
members | shop_network 1
shop_addresses
eventually 10 "web reaches db" reaches web 100.64.10.20

# Only db speaks, so nothing that web says could help.
ip netns exec "$LM_ID-db" sh -c 'while echo tick; do sleep 0.05; done | nc -l 5432' \
	>/dev/null 2>&1 </dev/null &
await 5 listening db 5432
ip netns exec "$LM_ID-web" nc -d 100.64.10.20 5432 >"$T/ticks" 2>/dev/null </dev/null &
eventually 5 "db speaks to web" ticks 10
is "the connection is established" 1 "$(flows alpha tcp_established)"
for gw in alpha beta; do
	gateway_kill $gw
	gateway_start $gw
	still_ticks 60 "$gw was killed, and the connection goes on"
done

# From now on only who may open a connection.
for gw in alpha beta; do
	echo "flows = { tcp_pickup = 0; };" >>"$T/gateway/$gw/gateway.conf"
	expect "$gw reloads" leasemesh reload --prefix "$LM_ID-$gw"
done
listen db 8000 8001 9000
scan web 100.64.10.20 -sS -p 22,5432,8000,8001,9000
is "SYN scan: open" "8000" "$(ports open | sed 's/5432 *//')"
is "SYN scan: filtered" "22 8001 9000" "$(ports filtered)"
scan web 100.64.10.20 -sA -p 22,5432,8000,8001,9000
is "ACK scan: unfiltered" "5432 8000" "$(ports unfiltered)"
scan web 100.64.10.20 -sU -p 7000,7001
is "UDP scan: closed, by an ICMP error that belongs to it" "7000" "$(ports closed)"
udp_server 7000
udp_server 7001
expect "UDP by nc, asked and answered" udp_asks 7000
is "and at a port that is closed" "" "$(udp_asks 7001 || true)"
scan db 100.64.10.10 -sA -g 5432 -p 22,4000
is "ACK scan of web from db's open port: unfiltered" "" "$(ports unfiltered)"
scan db 100.64.10.10 -sS -g 5432 -p 22,4000
is "SYN scan of web from there: filtered" "22 4000" "$(ports filtered)"
for kind in sX sN sF; do
	more "-$kind" alpha tcp_flags scan web 100.64.10.20 -$kind -p 8000
done
more "SYN scan in fragments" alpha fragment_bad scan web 100.64.10.20 -sS -f -p 8000
is "nothing is open to it" "" "$(ports open)"
still_ticks 10 "and the connection goes on"

# Fragments: workloads' own, both ways.
before=$(drops alpha fragment)
for to in 100.64.10.20 fd5a:10::20; do
	expect "ping of 4,000 bytes to $to" at web ping -q -c 3 -i 0.2 -W 2 -s 4000 $to
done
is "fragments that alpha dropped before and after" "$before" "$(drops alpha fragment)"

# A SYN flood that nobody answers takes a quarter of what the network may have, and no connection
# that there is.
ip -n "$LM_ID-db" -6 route add blackhole fd5a:10::10/128
limit=$((8192 / 4))
more "a SYN flood" alpha half_open at web "$LM_ROOT/tests/net/syn_flood" fd5a:10::20 8000 4000
expect "half-open: $(half_open), at most $limit" test "$(half_open)" -le $limit
expect "and most of it" test "$(half_open)" -gt $((limit * 9 / 10))
still_ticks 10 "the connection goes on"
expect "and others come about" reaches web 100.64.10.20

# A policy without it ends it at once.
members | sed 's/5432, //g' | shop_network 2
ended()
{
	[ "$(query alpha /leasemesh/flows '[.flows[] | select(.dport == 5432)] | length')" = 0 ]
}
eventually 30 "a connection that a newer manifest does not allow is gone" ended
before=$(wc -l <"$T/ticks")
expect "ICMP still passes" reaches web 100.64.10.20
is "and nothing more comes through it" "$before" "$(wc -l <"$T/ticks")"
