#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The same binary over AF_PACKET ports, where the kernel takes VLAN tags out of
# frames and hands them over beside them.
. "$(dirname "$0")/common.bash"

export LM_DRIVER=af_packet
begin
shop_hosts
vlan_port alpha lan tagged:101 other:102
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
	    egress: [{to: any, protocol: any}]
	    ingress: [{from: any, protocol: any}]
	END
} | shop_network 1
shop_addresses
await 5 active alpha tagged
is "driver" net_af_packet "$(query alpha /leasemesh/ports '.ports[0].driver')"
dhcp tagged
eventually 10 "web reaches db" reaches web 100.64.10.20
eventually 10 "a tagged workload reaches db" reaches tagged 100.64.10.20
expect "and an untagged one beside it" reaches tagged 100.64.10.10
before=$(drops alpha no_attachment)
refuse "nobody is attached at the other VLAN" dhcp other
expect "counted" test "$(drops alpha no_attachment)" -gt "$before"
ip netns exec "$LM_ID-db" iperf3 -s >/dev/null 2>&1 </dev/null &
await 5 listening db 5201
at web iperf3 -J -t 2 -c 100.64.10.20 >"$T/out.json"
jq -r '"\(.end.sum_received.bits_per_second / 1e6 | round) Mb/s"' "$T/out.json"
expect "TCP flows" jq -e '.end.sum_received.bits_per_second > 1e6' "$T/out.json"
