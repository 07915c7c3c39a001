#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Kernels that listen to router advertisements: default route, on-link prefix, MTU, no address of
# their own making; and the router as a neighbour that answers.
. "$(dirname "$0")/common.bash"

# What advertisements have put into its table for a destination: route WORKLOAD DESTINATION
route()
{
	ip -n "$LM_ID-$1" -6 route show "$2" | grep -E 'proto (ra|kernel)' |
		sed -E 's/ (proto|metric|expires|mtu|hoplimit|pref) .*//' | head -n 1
}

routed()
{
	[[ "$(route "$1" default)" == "default via fe80::"*" dev eth0" ]]
}

on_link()
{
	[ "$(route "$1" "$2")" = "$2 dev eth0" ]
}

mtu_is()
{
	[ "$(at "$1" cat /proc/sys/net/ipv6/conf/eth0/mtu)" = "$2" ]
}

# neighbour WORKLOAD ADDRESS STATE
neighbour()
{
	ip -n "$LM_ID-$1" -6 neigh show "$2" dev eth0 | grep -q "$3"
}

# configure GATEWAY SED-SCRIPT
configure()
{
	sed -i "$2" "$T/gateway/$1/gateway.conf"
	leasemesh reload --prefix "$LM_ID-$1"
}

# How often a kernel asks for routers when its link has come up.
solicits()
{
	at "$1" tee /proc/sys/net/ipv6/conf/eth0/router_solicitations <<<"$2" >/dev/null
}

begin
shop_hosts
for w in web cache db; do
	solicits $w 0
done
gateway_start alpha
gateway_start beta
attach web shop shop web 0 1001
attach db shop shop db 0 1002
# Whoever started before there was a network, or an attachment, has solicited in vain, at best.
open_members | shop_network 1
await 5 active alpha web
attach cache shop shop cache 0 1003
for w in web cache db; do
	eventually 5 "$w has its default route without asking" routed $w
	expect "$w: the prefix is on link" on_link $w fd5a:10::/64
	is "$w makes up no address in it" "" "$(ip -n "$LM_ID-$w" -6 addr show dev eth0 scope global)"
	expect "$w: the tunnels' MTU" mtu_is $w 1418
done

# Before the second of the advertisements that are due in any case.
expect "alpha's workloads get another way out" \
	configure alpha 's/^workload = {/& default_route = false;/'
eventually 2 "web hears of it at once" not routed web
expect "web: the prefix stays on link" on_link web fd5a:10::/64
expect "db's gateway is its router still" routed db
expect "and back" configure alpha 's/default_route = false;//'
eventually 2 "web hears of that" routed web

# A host that starts anew solicits.
solicits web 3
ip -n "$LM_ID-web" link set eth0 down
refuse "web is down" routed web
ip -n "$LM_ID-web" link set eth0 up
eventually 10 "web has solicited" routed web

address6 web fd5a:10::10
address6 db fd5a:10::20
router=$(ip -n "$LM_ID-web" -6 route show default | grep -o 'fe80::[0-9a-f:]*')
eventually 5 "web reaches db" reaches web fd5a:10::20
refuse "there is nothing outside of the network" reaches web 2001:db8:99::1
eventually 5 "the router has answered" neighbour web "$router" REACHABLE
# What the kernel asks when it has not heard of a neighbour for a while.
ip -n "$LM_ID-web" -6 neigh change "$router" dev eth0 nud probe
eventually 5 "and answers probes" neighbour web "$router" REACHABLE
ip -n "$LM_ID-web" -6 neigh change fd5a:10::20 dev eth0 nud probe
eventually 5 "as it does for a neighbour far away" neighbour web fd5a:10::20 REACHABLE

expect "a smaller MTU" configure alpha 's/^workload = {/& mtu = 1300;/'
eventually 2 "web hears of it at once" mtu_is web 1300
LM_PREFIX6=fd5a:11::/64 shop_network 2 < <(open_members | sed 's/fd5a:10/fd5a:11/')
eventually 2 "and of another prefix" on_link web fd5a:11::/64
is "a kernel's own reports are not malformed" 0 "$(drops alpha malformed)"
