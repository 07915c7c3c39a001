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
iperf_server db
tcp_flows "TCP from web to db" web 100.64.10.20 -t 2
