#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real DHCP clients get their endpoint's address with everything that belongs to
# it, renew it, give it back, hear of another one, decline it while somebody else uses it;
# and nobody else gets one.
. "$(dirname "$0")/common.bash"

export LM_DHCP_LEASE=6

# lease WORKLOAD KEY: of the last event
lease()
{
	tail -n 1 "$T/workload/$1/lease" | tr ' ' '\n' | sed -n "s/^$2=//p"
}

has_lease()
{
	[ "$(lease "$1" ip)" = "$2" ]
}

# At alpha: counted REASON N
counted()
{
	query alpha /leasemesh/drops ".control.workload_$1 >= $2" >/dev/null
}

renewed()
{
	grep -q '^event=renew' "$T/workload/$1/lease"
}

begin
shop_hosts
vlan_port alpha lan tagged:101
workload stranger alpha
shared_port alpha hall
workload app alpha hall
workload thief alpha hall
for w in app thief; do # that see each other, as on a wire
	at alpha-hall ip link set $w type bridge_slave isolated off
done
gateway_start alpha
gateway_start beta
shop_attach
attach tagged shop shop tagged 0 1004
attach app shop shop app 0 1005
{
	open_members
	cat <<-END
	  - name: tagged
	    deployment: 1004
	    endpoints: [{provider: alpha, ipv4: 100.64.10.12}]
	  - name: app
	    deployment: 1005
	    endpoints: [{provider: alpha, ipv4: 100.64.10.13}]
	END
} | shop_network 1
await 5 active alpha tagged

# It looks for others with its address, and asks again a second after it has found one.
ip -n "$LM_ID-thief" addr add 100.64.10.13/24 dev eth0
at app env LM_LEASE="$T/workload/app/lease" udhcpc -i eth0 -f -a -t 3 -T 1 -A 1 \
	-s "$LM_ROOT/app/demo/dhcp-lease" >"$T/workload/app/udhcpc.log" 2>&1 </dev/null &

dhcp web udhcpc
dhcp cache dhclient
dhcp tagged udhcpc
dhcp db dhclient
for row in web:10 cache:11 tagged:12 db:20; do
	name=${row%:*}
	is "$name: address" "100.64.10.${row#*:}" "$(lease "$name" ip)"
	is "$name: mask" 255.255.255.0 "$(lease "$name" mask)"
	is "$name: router" 100.64.10.1 "$(lease "$name" router)"
	is "$name: MTU" 1418 "$(lease "$name" mtu)"
	is "$name: lease time" 6 "$(lease "$name" lease)"
	is "$name: host name" "$name-0" "$(lease "$name" host)"
	is "$name: domain" shop.internal "$(lease "$name" domain)"
	is "$name: search list" shop.internal "$(lease "$name" search | sed 's/\.$//')"
	is "$name: DNS server" 100.64.10.1 "$(lease "$name" dns)"
	is "$name: route" "default via 100.64.10.1 dev eth0" \
		"$(ip -n "$LM_ID-$name" route show default | sed 's/ *$//')"
	is "$name: interface's MTU" 1418 "$(at "$name" cat /sys/class/net/eth0/mtu)"
done
eventually 10 "app declines what somebody else uses" counted dhcp_declined 1
expect "which is said" contains "app: the workload declined 100.64.10.13" "$T/gateway/alpha/log"
eventually 5 "it is not offered for a moment" counted dhcp_held 1
ip -n "$LM_ID-thief" addr del 100.64.10.13/24 dev eth0
refuse "a workload without attachment gets no address" dhcp stranger
for name in web cache tagged db; do
	eventually 10 "$name renews its lease" renewed "$name"
	is "$name: address after that" "$(grep -o 'ip=[0-9.]*' "$T/workload/$name/lease" | head -n 1)" \
		"ip=$(lease "$name" ip)"
done
eventually 15 "then app gets it, as it is the only one" has_lease app 100.64.10.13

kill -s USR2 "$(cat "$T/workload/web/dhcp.pid")"
expect "cache gives its address back" dhclient_run cache 4 -r
eventually 5 "alpha has heard that, and that web did" counted dhcp_released 2
kill -s USR1 "$(cat "$T/workload/web/dhcp.pid")"
expect "cache gets it again" dhcp cache dhclient
eventually 5 "and web" reaches web 100.64.10.1

expect "the gateway answers ping" reaches web 100.64.10.1
expect "and ARP for a neighbour far away" reaches cache 100.64.10.20

# The client that renews would do so here, too.
kill "$(cat "$T/workload/web/dhcp.pid")"
eventually 5 "web's client ends" test ! -e "$T/workload/web/dhcp.pid"
sed -i 's/^workload = {/& default_route = false;/' "$T/gateway/alpha/gateway.conf"
expect "without a default route" leasemesh reload --prefix "$LM_ID-alpha"
ip -n "$LM_ID-web" route flush default
dhcp web udhcpc
is "web: router" "" "$(lease web router)"
is "web: no default route" "" "$(ip -n "$LM_ID-web" route show default)"
expect "web reaches db nevertheless" reaches web 100.64.10.20

# The address of a lease that is renewed is wrong now, and so is its network.
expect "web knows its gateway" reaches web 100.64.10.1
LM_PREFIX4=100.65.10.0/24 shop_network 2 < <(open_members | sed 's/100\.64/100.65/')
kill -s USR1 "$(cat "$T/workload/web/dhcp.pid")"
eventually 5 "web is told so when it renews" counted refusal 1
eventually 15 "cache has its new address" has_lease cache 100.65.10.11
eventually 15 "and db" has_lease db 100.65.10.20
eventually 15 "and web" has_lease web 100.65.10.10
eventually 5 "they reach each other" reaches web 100.65.10.20
