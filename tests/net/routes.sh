#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# A subnet behind a member with two replicas, one at each gateway, each with the same subnet behind
# it, as two routers of one site have: who is reached there, what rules say about it, who may send
# from it, what workloads are told, and what happens when a replica, or its gateway, goes.
. "$(dirname "$0")/common.bash"

# lab N: the site behind router/N. 10.20.5.9 is at both, 10.20.5.10N at one.
lab()
{
	local router=router$1 host=lab$1

	namespace "$host"
	cable "$host" eth0 "$router" lab
	host_end "$host" eth0
	host_end "$router" lab
	ip -n "$LM_ID-$router" addr add 10.20.5.1/24 dev lab
	ip -n "$LM_ID-$router" addr add fd99:5::1/64 dev lab nodad
	ip -n "$LM_ID-$router" route add 10.21.0.9 via 10.20.5.9
	at "$router" sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
		net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.eth0.rp_filter=0 \
		net.ipv4.conf.lab.rp_filter=0
	ip -n "$LM_ID-$host" addr add 10.20.5.9/24 dev eth0
	ip -n "$LM_ID-$host" addr add "10.20.5.10$1/24" dev eth0
	ip -n "$LM_ID-$host" addr add 10.21.0.9/32 dev eth0
	ip -n "$LM_ID-$host" addr add fd99:5::9/64 dev eth0 nodad
	ip -n "$LM_ID-$host" addr add "fd99:5::10$1/64" dev eth0 nodad
	ip -n "$LM_ID-$host" route add default via 10.20.5.1
	ip -n "$LM_ID-$host" route add default via fd99:5::1
}

members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    ingress: [{from: router, protocol: icmp}]
	    egress:
	      - {prefixes: [10.20.5.0/24, "fd99:5::/64"], protocol: tcp, ports: http}
	      - {to: router, protocol: icmp}
	      - {to: router, protocol: udp}
	  - name: router
	    deployment: 1002
	    endpoints:
	      - {provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}
	      - {provider: alpha, ipv4: 100.64.10.21, ipv6: "fd5a:10::21"}
	    ingress: [{from: any, protocol: any}]
	    egress: [{to: any, protocol: any}]
	routes:
	  - {prefix: 10.20.0.0/16, via: router, comment: the lab}
	  - {prefix: "fd99:5::/48", via: router}
	tests:
	  - {from: web, to: 10.20.5.9, protocol: tcp, port: http, expect: allow}
	  - {from: web, to: 10.20.5.9, protocol: tcp, port: https, expect: deny}
	END
}

# by N: packets go by router/N, and no other
by()
{
	reaches web "10.20.5.10$1" && reaches web "fd99:5::10$1" &&
		not at web ping -q -c 1 -W 1 "10.20.5.10$((1 - $1))" >/dev/null
}

# dropped GATEWAY REASON WHAT COMMAND...: fails, and this gateway has counted why
dropped()
{
	local before

	before=$(drops "$1" "$2")
	refuse "$3" "${@:4}"
	expect "counted at $1 as $2" test "$(drops "$1" "$2")" -gt "$before"
}

trace()
{
	leasemesh trace --json --prefix "$LM_ID-alpha" --network shop --from web --to "$@" ||
		[ $? = 1 ] # it does not pass
}

told()
{
	ip -n "$LM_ID-$1" route show "$2" | grep -q "via $3 "
}

told6()
{
	ip -n "$LM_ID-$1" -6 route show "$2" | grep -q "via fe80::.* dev eth0 proto ra"
}

# answered HOST WORDS PING...: what comes back for a ping
answered()
{
	local output

	output=$(at "$1" ping -c 3 -W 4 "${@:3}" 2>&1) || true
	grep -q "$2" <<<"$output"
}

begin
owner shop
gateway alpha
gateway beta
workload web alpha
workload router0 beta
workload router1 alpha
lab 0
lab 1
at web sysctl -qw net.ipv6.conf.eth0.accept_ra_rt_info_max_plen=64
gateway_start alpha
gateway_start beta
attach web shop shop web 0 1001
attach router0 shop shop router 0 1002
attach router1 shop shop router 1 1002
members | shop_network 1
await 5 active alpha web
await 5 active alpha router1
await 5 active beta router0
dhcp web dhclient
dhcp router0 dhclient
dhcp router1
address6 web fd5a:10::10
address6 router0 fd5a:10::20
address6 router1 fd5a:10::21

# What workloads are told.
expect "dhclient has the route of option 121" told web 10.20.0.0/16 100.64.10.1
expect "and the default route, as it is in there, too" told web default 100.64.10.1
refuse "who routes it is not told so, with dhclient" told router0 10.20.0.0/16 100.64.10.1
refuse "nor with udhcpc" told router1 10.20.0.0/16 100.64.10.1
eventually 10 "the kernel has the route of the advertisement" told6 web fd99:5::/48

# Where packets go, and what rules say.
listen lab0 80 443
listen lab1 80 443
eventually 10 "web reaches what is behind router/0, and not behind router/1" by 0
expect "TCP" tcp web 10.20.5.9 80
expect "TCP over IPv6" tcp web fd99:5::9 80
dropped alpha policy_egress "a port that web's rules do not have" tcp web 10.20.5.9 443
dropped alpha policy_egress "the same over IPv6" tcp web fd99:5::9 443
dropped alpha policy_egress "another subnet of the route" tcp web 10.20.6.9 80
expect "from behind it to web" reaches lab0 100.64.10.10
expect "the same over IPv6" reaches lab0 fd5a:10::10
dropped alpha no_route "what is not routed" reaches web 10.99.0.1

# Errors of routers on the way belong to the flow.
eventually 5 "router/0 says that there is nobody" \
	answered web "From 100.64.10.20 .*Destination Host Unreachable" 10.20.5.77
ip -n "$LM_ID-router0" link set lab mtu 1300
ip -n "$LM_ID-lab0" link set eth0 mtu 1300
eventually 5 "and that a packet is too long" \
	answered web "From 100.64.10.20 .*Frag needed and DF set (mtu = 1300)" -M "do" -s 1350 10.20.5.9
ip -n "$LM_ID-lab0" link set eth0 mtu 1500
ip -n "$LM_ID-router0" link set lab mtu 1500
# And the gateway's to who is behind the member.
ip -n "$LM_ID-router0" link set eth0 mtu 1500
eventually 5 "beta says it to a host behind router/0" \
	answered lab0 "From 100.64.10.1 .*Frag needed" -M "do" -s 1472 100.64.10.10
eventually 5 "the same over IPv6" \
	answered lab0 "From fd5a:10::1 .*Packet too big" -M "do" -s 1450 fd5a:10::10

# Who may send.
dropped beta spoofed_source "what is behind router/0, but not in its prefix" \
	at lab0 ping -q -c 1 -W 1 -I 10.21.0.9 100.64.10.10
ip -n "$LM_ID-web" addr add 10.20.5.66/32 dev eth0
dropped alpha spoofed_source "web, as somebody behind router" \
	at web ping -q -c 1 -W 1 -I 10.20.5.66 10.20.5.9
ip -n "$LM_ID-web" addr del 10.20.5.66/32 dev eth0

# What is reported.
is "trace: by the route, via" "yes 10.20.0.0/16 router/0" \
	"$(trace 10.20.5.9 tcp 80 | jq -r '"\(.passes) \(.to.route) \(.to.member)/\(.to.replica)"')"
is "trace: what rules deny" "no deny_egress" \
	"$(trace 10.20.5.9 tcp 443 | jq -r '"\(.passes) \(.flows[0].verdict)"')"
expect "trace, for people" contains "to   10.20.5.9, routed by 10.20.0.0/16 (line " \
	<(leasemesh trace --prefix "$LM_ID-alpha" --network shop --from web --to 10.20.5.9 tcp 80)
expect "network show" contains "10.20.0.0/16  yes  router/0  beta" \
	<(leasemesh network show --prefix "$LM_ID-alpha" shop)

# The other replica takes over, and gives back.
detach router0
eventually 10 "router/1 has taken over" by 1
expect "TCP" tcp web 10.20.5.9 80
attach router0 shop shop router 0 1002
eventually 10 "router/0 is back" by 0
gateway_kill beta
eventually 60 "beta died: router/1 has taken over" by 1
expect "TCP over IPv6" tcp web fd99:5::9 80
detach router1
eventually 10 "none is left" dropped alpha no_route "nobody is reached" reaches web 10.20.5.9
expect "network show says so" contains "10.20.0.0/16  no" \
	<(leasemesh network show --prefix "$LM_ID-alpha" shop)
gateway_start beta
eventually 30 "beta returns, and with it router/0" by 0

# Everything by way of a workload: who is that way is not told to come to us.
attach router1 shop shop router 1 1002
await 5 active alpha router1
expect "router/1 has a default route, as its provider offers" told router1 default 100.64.10.1
refuse "web does not reach what is not routed" reaches web 10.21.0.9
members | sed 's|^routes:|&\n  - {prefix: 0.0.0.0/0, via: router}|' | shop_network 2
eventually 10 "what is not in another route goes by the default one" reaches web 10.21.0.9
expect "and may come from there" at lab0 ping -q -c 1 -W 2 -I 10.21.0.9 100.64.10.10
ip -n "$LM_ID-router1" route del default
dhcp router1 dhclient
refuse "router/1 is offered none any more" told router1 default 100.64.10.1
expect "web is" told web default 100.64.10.1
