#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# Default deny; a flow needs the source's egress and the destination's ingress
# rules; and each end enforces for itself, even where the other has become lax.
. "$(dirname "$0")/common.bash"

# members EGRESS INGRESS: rules of web and of db
members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    egress: [$1]
	  - name: cache
	    deployment: 1003
	    endpoints: [{provider: alpha, ipv4: 100.64.10.11, ipv6: "fd5a:10::11"}]
	    egress: [{to: db, protocol: tcp, ports: 5432}]
	    ingress: [{from: web, protocol: tcp, ports: [7000-7010]}]
	  - name: db
	    deployment: 1002
	    endpoints: [{provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]
	    ingress: [$2]
	END
}

# denied GATEWAY REASON WHAT COMMAND...: fails, and this gateway has counted why
denied()
{
	local before

	before=$(drops "$1" "$2")
	refuse "$3" "${@:4}"
	expect "counted at $1 as $2" test "$(drops "$1" "$2")" -gt "$before"
}

# beta takes no new manifests of the owner while it is not listed; what is in force stays.
unlist_owner()
{
	cp "$T/gateway/beta/gateway.conf" "$T/listed"
	sed -i '/name = "shop"; key/d' "$T/gateway/beta/gateway.conf"
	leasemesh reload --prefix "$LM_ID-beta"
}

list_owner()
{
	cp "$T/listed" "$T/gateway/beta/gateway.conf"
	leasemesh reload --prefix "$LM_ID-beta"
}

begin
shop_hosts
gateway_start alpha
gateway_start beta
shop_attach
members '{to: db, protocol: tcp, ports: [5432, 8000-8010]}, {to: cache, protocol: tcp}' \
	'{from: web, protocol: tcp, ports: [5432, 9000]}' | shop_network 1
shop_addresses
listen db 5432 8000 9000
listen cache 7000 7011

eventually 10 "web to db 5432: both allow" tcp web 100.64.10.20 5432
expect "the same over IPv6" tcp web fd5a:10::20 5432
# Where it starts is where it ends, if that gateway knows the rules of both.
denied alpha policy_ingress "web to db 8000: only web's egress allows" tcp web 100.64.10.20 8000
denied alpha policy_egress "web to db 9000: only db's ingress allows" tcp web 100.64.10.20 9000
denied alpha policy_egress "web to db, ICMP: nothing allows" reaches web 100.64.10.20
denied alpha policy_ingress "cache to db 5432: not from cache" tcp cache 100.64.10.20 5432
denied beta policy_egress "db to web: db has no egress rule" tcp db 100.64.10.10 5432
expect "web to cache 7000, local" tcp web 100.64.10.11 7000
denied alpha policy_ingress "web to cache 7011, local" tcp web 100.64.10.11 7011

# Only alpha gets serial 3, and becomes lax.
members '{to: any, protocol: any}' '{from: web, protocol: tcp, ports: 9000}' | shop_network 2
unlist_owner
members '{to: any, protocol: any}' '{from: any, protocol: any}' | manifest shop shop 3 >"$T/name"
submit alpha "$(cat "$T/name")"
eventually 10 "web to db 9000 passes: both allow it" tcp web 100.64.10.20 9000
eventually 5 "alpha enforces serial 3" in_force alpha shop 3
denied beta policy_ingress "web to db 8000: alpha lets it out, beta still blocks" tcp web 100.64.10.20 8000
denied beta policy_ingress "web to db, ICMP" reaches web 100.64.10.20
expect "beta enforces serial 2" in_force beta shop 2
list_owner

# A newer one heals both, and a flow that was allowed is judged anew.
members '{to: db, protocol: icmp}' '{from: web, protocol: icmp}' | shop_network 4
eventually 10 "serial 4 allows ICMP" reaches web 100.64.10.20
denied alpha policy_egress "and forbids 9000" tcp web 100.64.10.20 9000

# Two documents of one serial, while the gateways cannot see each other: both settle on the same one.
one=$(members '{to: db, protocol: icmp}' '{from: web, protocol: icmp}' | manifest shop shop 5)
cp "$one" "$T/one"
two=$(members '{to: db, protocol: tcp}' '{from: web, protocol: tcp}' | manifest shop shop 5)
underlay_cut alpha beta
submit alpha "$T/one"
submit beta "$two"
underlay_heal alpha beta
enforced()
{
	query "$1" /leasemesh/networks '.networks[] | select(.name == "shop") | .hash'
}
agree()
{
	[ "$(enforced alpha)" = "$(enforced beta)" ]
}
eventually 40 "both enforce the same document" agree
low=$(b2sum -l 256 "$T/one" "$two" | sort | head -n 1 | cut -c 1-64)
is "the one with the lower hash" "$low" "$(enforced alpha)"
eventually 5 "it is said that the owner signed twice" grep -q 'signed serial 5 twice' \
	"$T/gateway/alpha/log" "$T/gateway/beta/log"
