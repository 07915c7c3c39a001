#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 300
#
# What `leasemesh trace` says of the way between two endpoints while that changes: flows that
# there are, and each thing that can be missing.
. "$(dirname "$0")/common.bash"

# members DB: what is said of db's place
members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    egress: [{to: db, protocol: tcp, ports: 8000}, {to: db, protocol: icmp}]
	  - name: cache
	    deployment: 1003
	    endpoints: [{provider: alpha, ipv4: 100.64.10.11, ipv6: "fd5a:10::11"}]
	  - name: db
	    deployment: 1002
	    endpoints: [{$1ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]
	    ingress: [{from: web, protocol: any}]
	END
}

# traced GATEWAY FLOW...: from web to db. Its output, whatever the verdict.
traced()
{
	leasemesh trace --prefix "$LM_ID-$1" --network shop --from web/0 --to db/0 "${@:2}" 2>&1 || true
}

# says GATEWAY TEXT FLOW...: a line of it has that
says()
{
	contains "$2" <(traced "$1" "${@:3}")
}

# open_at GATEWAY FLOW...: "how many, state", by address
open_at()
{
	leasemesh trace -j -p "$LM_ID-$1" -N shop -f "${ADDRESS:-100.64.10.10}" -t db/0 "${@:2}" |
		jq -r '.flows[0] | "\(.open) \(.state)"' || true
}

is_open()
{
	[ "$(open_at "${@:2}")" = "$1" ]
}

# stuck GATEWAY TEXT: db is not reached from there, for this reason
stuck()
{
	says "$1" "not reachable: $2" tcp 8000 && says "$1" "it does not pass" tcp 8000
}

begin
shop_hosts
gateway_start alpha
gateway_start beta
shop_attach
members 'provider: beta, ' | shop_network 1
shop_addresses
eventually 10 "web reaches db" reaches web 100.64.10.20
for gw in alpha beta; do
	expect "it passes, says $gw" contains "it passes" <(traced $gw tcp 8000)
	is "a flow that was never opened, at $gw" "0 null" "$(open_at $gw tcp 8000)"
done

# Flows that there are.
ip netns exec "$LM_ID-db" nc -l 8000 >/dev/null 2>&1 </dev/null &
await 5 listening db 8000
ip netns exec "$LM_ID-web" nc -d 100.64.10.20 8000 >/dev/null 2>&1 </dev/null &
for gw in alpha beta; do
	eventually 5 "a connection, at $gw" is_open "1 tcp_established" $gw tcp 8000
	is "not the one to another port" "0 null" "$(open_at $gw tcp 8001)"
	is "nor by IPv6" "0 null" "$(ADDRESS=fd5a:10::10 open_at $gw tcp 8000)"
	expect "in words" says $gw "open now: 1, tcp_established, " tcp 8000
	expect "echoes" says $gw "open now: 1, icmp, 2 packets" icmp
done
expect "ping by IPv6" reaches web fd5a:10::20
is "and of IPv6" "1 icmp" "$(ADDRESS=fd5a:10::10 open_at beta icmpv6)"

# An attachment without a MAC has the one that its workload says first, and nobody speaks on this VLAN.
sed -i 's/^mac.*/vlan = 7;/' "$T/gateway/alpha/attachments/cache.conf"
mac_unknown()
{
	contains "cache); not reachable: its MAC is not known" \
		<(leasemesh trace --prefix "$LM_ID-alpha" -N shop -f cache/0 -t db/0 icmp || true)
}
eventually 10 "a MAC that is not known" mac_unknown

# Who is denied is told which rule would do.
is "a rule that is missing" "  to allow it: a rule in the egress of web, as {to: db, protocol: tcp, ports: 22}" \
	"$(traced beta tcp 22 | grep -m 1 'to allow it')"

# Beta stands still. Alpha leaves the network and joins it again: it needs new keys.
kill -STOP "$(cat "$T/gateway/beta/pid")"
detach web
detach cache
eventually 10 "nobody attached at alpha" stuck alpha "this gateway takes no part in the network"
expect "nor is web" says alpha "nowhere; not reachable: it is not attached at this gateway" tcp 8000
attach web shop shop web 0 1001
eventually 10 "web is back" active alpha web
eventually 5 "but there are no keys" stuck alpha "no keys with its gateway yet"
eventually 60 "and in the end no session" stuck alpha "no session with its gateway"
kill -CONT "$(cat "$T/gateway/beta/pid")"
eventually 60 "web reaches db again" reaches web 100.64.10.20

# Beta's plug is pulled out. That its MAC is asked for in vain is noticed before its session is given
# up, unless it had been told just then, while nothing had been heard of beta for long.
unplugged()
{
	says alpha "$hop" tcp 8000 || says alpha "no session" tcp 8000
}

hop="the next hop towards its gateway does not answer"
for _ in 1 2 3; do
	at web ping -q -c 30 -i 0.2 -W 1 100.64.10.20 >/dev/null
	at switch ip link set beta down
	await 60 unplugged
	says alpha "$hop" tcp 8000 && seen=yes || seen=no
	at switch ip link set beta up
	eventually 60 "web reaches db again" reaches web 100.64.10.20
	[ "$seen" = no ] || break
done
is "that was said while it was unplugged" yes "$seen"

# Without beta db may be anywhere; it is nowhere, and two begin to decide what one cannot.
export LM_PROVIDERS=alpha
submit alpha "$(members '' | manifest shop shop 2)"
await 10 in_force alpha shop 2
expect "its provider was removed" stuck alpha "no gateway says that it serves it"
eventually 20 "which beta is told by nobody" stuck beta "no session with its gateway"
attach cache shop shop db 0 1002
eventually 10 "it waits at alpha" says alpha \
	"attached here (cache); not reachable: waits to hear from the other gateways" tcp 8000

# A network that has ended.
{
	members ''
	printf 'expires: %s\non_expiry: close\n' "$(date -u -d '+15 seconds' +%FT%TZ)"
} | manifest shop shop 3 >"$T/name"
submit alpha "$(cat "$T/name")"
expect "it is in force" says alpha "serial 3" tcp 8000
eventually 30 "until it expires" says alpha "no manifest of network 'shop' is in force here" tcp 8000
