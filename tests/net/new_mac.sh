#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# A workload that has port and VLAN to itself comes back with another MAC, as virtual machines do:
# DHCP or DHCPv6 says so, and it has its endpoint's address again. What does not ask for its
# address is not it.
. "$(dirname "$0")/common.bash"

# restart WORKLOAD MAC: as a new machine would, with nothing but its new MAC
restart()
{
	ip -n "$LM_ID-$1" link set eth0 down
	ip -n "$LM_ID-$1" addr flush dev eth0
	ip -n "$LM_ID-$1" neigh flush dev eth0
	rm -f "$T/workload/$1/lease"* "$T/workload/$1/"*.leases
	ip -n "$LM_ID-$1" link set eth0 address "$2"
	ip -n "$LM_ID-$1" link set eth0 up
}

# mac WORKLOAD: as alpha has learned it
mac()
{
	query alpha /leasemesh/endpoints ".endpoints[] | select(.attachment == \"$1\") | .mac"
}

lease()
{
	grep -o "\bip=[^ ]*" "$T/workload/$1/$2" | tail -n 1
}

begin
owner shop
gateway alpha
gateway beta
vlan_port alpha lan vm:101 vm6:102
workload cache alpha
workload db beta
gateway_start alpha
gateway_start beta
attach vm shop shop web 0 1001
attach vm6 shop shop web 1 1001
attach cache shop shop cache 0 1003
attach db shop shop db 0 1002
open_members | sed 's/\(fd5a:10::10"}\)/\1, {provider: alpha, ipv6: "fd5a:10::12"}/' | shop_network 1
await 5 active alpha vm
dhcp vm
dhcp vm6 dhclient6
for w in cache db; do dhcp $w; done
address6 db fd5a:10::20
eventually 10 "the first machine reaches db" reaches vm 100.64.10.20
eventually 10 "and the one with IPv6 only" reaches vm6 fd5a:10::20
old=$(mac vm)

kill "$(cat "$T/workload/vm/dhcp.pid")"
restart vm 02:00:00:00:77:01
spoofed=$(drops alpha spoofed_mac)
ip -n "$LM_ID-vm" addr add 100.64.10.10/24 dev eth0
refuse "another MAC that has not asked for an address" reaches vm 100.64.10.20
expect "is dropped as such" test "$(drops alpha spoofed_mac)" -gt "$spoofed"
is "and is not learned" "$old" "$(mac vm)"

restart vm 02:00:00:00:77:01
expect "it gets a lease" dhcp vm
is "with the endpoint's address" ip=100.64.10.10 "$(lease vm lease)"
is "alpha knows the new MAC" 02:00:00:00:77:01 "$(mac vm)"
eventually 5 "it reaches db" reaches vm 100.64.10.20
eventually 5 "and is reached from there" reaches db 100.64.10.10
eventually 5 "and from beside it" reaches cache 100.64.10.10

quiet vm
kill "$(cat "$T/workload/vm/dhcp.pid")"
restart vm "$old"
ip -n "$LM_ID-vm" addr add 100.64.10.10/24 dev eth0
refuse "the MAC before does not come back by itself" reaches vm 100.64.10.20
is "it is not learned again" 02:00:00:00:77:01 "$(mac vm)"

kill "$(cat "$T/workload/vm6/dhclient6.pid")"
restart vm6 02:00:00:00:77:02
await 5 has_link_local vm6
expect "with IPv6 only: it finds its router" await 10 \
	sh -c "ip -n '$LM_ID-vm6' -6 route show default | grep -q via"
expect "and gets a lease" dhcp vm6 dhclient6
is "with the endpoint's address" ip=fd5a:10::12 "$(lease vm6 lease6)"
is "alpha knows the new MAC" 02:00:00:00:77:02 "$(mac vm6)"
eventually 5 "it reaches db" reaches vm6 fd5a:10::20
