#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Real DHCP clients get their endpoint's address with everything that belongs to
# it, renew it, and nobody else gets one.
. "$(dirname "$0")/common.bash"

export LM_DHCP_LEASE=6

# lease WORKLOAD KEY: of the last event
lease()
{
	tail -n 1 "$T/workload/$1/lease" | tr ' ' '\n' | sed -n "s/^$2=//p"
}

renewed()
{
	grep -q '^event=renew' "$T/workload/$1/lease"
}

begin
shop_hosts
vlan_port alpha lan tagged:101
workload stranger alpha
gateway_start alpha
gateway_start beta
shop_attach
attach tagged shop shop tagged 0 1004
{
	open_members
	cat <<-END
	  - name: tagged
	    deployment: 1004
	    endpoints: [{provider: alpha, ipv4: 100.64.10.12}]
	END
} | shop_network 1
await 5 active alpha tagged

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
	is "$name: route" "default via 100.64.10.1 dev eth0" \
		"$(ip -n "$LM_ID-$name" route show default | sed 's/ *$//')"
	is "$name: interface's MTU" 1418 "$(at "$name" cat /sys/class/net/eth0/mtu)"
done
refuse "a workload without attachment gets no address" dhcp stranger
for name in web cache tagged db; do
	eventually 10 "$name renews its lease" renewed "$name"
	is "$name: address after that" "$(grep -o 'ip=[0-9.]*' "$T/workload/$name/lease" | head -n 1)" \
		"ip=$(lease "$name" ip)"
done
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
