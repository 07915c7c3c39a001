#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# Attachment files come, change and go while others' traffic flows, without a lost
# packet; one whose lease does not belong is refused with the reason.
. "$(dirname "$0")/common.bash"

is_state()
{
	attached alpha "$@"
}

# refused WHAT SED-EXPRESSION TEXT: web2's file, changed like that, is refused with this text
refused()
{
	local reason

	attach web2 shop shop web 1 1001
	await 5 is_state web2 active
	sed -i "$2" "$T/gateway/alpha/attachments/web2.conf"
	eventually 5 "$1: refused" is_state web2 refused
	reason=$(attachment alpha web2 reason)
	expect "$1: the reason ($reason)" grep -qi -- "$3" <<<"$reason"
	expect "$1: in the log" contains "$reason" "$T/gateway/alpha/log"
}

begin
shop_hosts
shared_port alpha lan
workload web2 alpha lan
workload web3 alpha lan
gateway_start alpha
gateway_start beta
shop_attach
open_members | sed 's/\(fd5a:10::10"}\)/\1, {provider: alpha, ipv4: 100.64.10.13}, {provider: alpha, ipv4: 100.64.10.14}/' |
	shop_network 1
shop_addresses
await 10 reaches web 100.64.10.20

stream_start web db 100.64.10.20
attach web2 shop shop web 1 1001
eventually 5 "web2 is picked up" is_state web2 active
dhcp web2
eventually 5 "web2 reaches db" reaches web2 100.64.10.20
attach web3 shop shop web 2 1001
eventually 5 "web3 is picked up" is_state web3 active
dhcp web3
eventually 5 "two workloads of one port reach each other" reaches web3 100.64.10.13
detach web3
eventually 5 "web3 is gone" is_state web3 absent
refuse "web3 reaches nobody" reaches web3 100.64.10.20
expect "web2 still does" reaches web2 100.64.10.20

# Replica 1 moves to another workload: only its file changes.
cp "$T/workload/web3/mac" "$T/mac3"
sed -i "s/mac = .*/mac = \"$(cat "$T/mac3")\";/" "$T/gateway/alpha/attachments/web2.conf"
ip -n "$LM_ID-web3" addr flush dev eth0
rm -f "$T/workload/web3/lease"
eventually 5 "web3 serves replica 1 now" dhcp web3
is "with its address" ip=100.64.10.13 "$(tail -n 1 "$T/workload/web3/lease" | grep -o 'ip=[0-9.]*')"
detach web2
await 5 is_state web2 absent

refused "another deployment" 's,/1001/,/9999/,' deployment
refused "another provider" "s,$(cat "$T/gateway/alpha/id"),$(cat "$T/gateway/beta/id")," provider
refused "no such replica" 's/replica = 1/replica = 9/' replica
refused "no such port" 's/port = "lan"/port = "nowhere"/' port
refused "an endpoint of the other gateway" 's/member = "web"; replica = 1/member = "db"; replica = 0/; s,/1001/,/1002/,' provider
stream_lossless "while attachments come and go"
