#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 90
#
# A member is re-pointed: its old deployment is closed, a new one runs at another
# provider, and one new serial says so. Name and address stay; whoever talked to it
# talks to the new one.
. "$(dirname "$0")/common.bash"

# members DEPLOYMENT PROVIDER: where db is
members()
{
	open_members | sed "s/deployment: 1002/deployment: $1/; s/provider: beta/provider: $2/"
}

# served GATEWAY: who serves db/0, as this gateway knows
served()
{
	query "$1" /leasemesh/served,0 '.served[] | select(.member == "db") | "\(.provider) \(.served)"'
}

serves()
{
	[ "$(served "$1")" = "$2" ]
}

state()
{
	[ "$(attachment "$1" "$2" state)" = "$3" ]
}

# Echo requests that a workload has received.
echoes()
{
	at "$1" cat /proc/net/snmp | awk '/^Icmp:/ { if (at) print $at
		else for (i = 1; i <= NF; i++) if ($i == "InEchos") at = i }'
}

begin
shop_hosts
gateway gamma
workload newdb gamma
for gw in alpha beta gamma; do
	gateway_start "$gw"
done
shop_attach
members 1002 beta | shop_network 1
shop_addresses
eventually 10 "web reaches db at beta" reaches web 100.64.10.20
is "alpha knows who serves it" "beta yes" "$(served alpha)"

# The new deployment starts before the tenant says so: it waits, and disturbs nobody.
attach newdb shop shop db 0 1102
eventually 10 "the new deployment waits for the manifest" state gamma newdb refused
expect "db is still beta's" reaches web 100.64.10.20

members 1102 gamma | manifest shop shop 2 >"$T/name"
submit alpha "$(cat "$T/name")"
for gw in alpha beta gamma; do
	eventually 10 "$gw enforces serial 2" in_force "$gw" shop 2
done
eventually 10 "the new one is active" active gamma newdb
eventually 10 "the old one is refused" state beta db refused
dhcp newdb
address6 newdb fd5a:10::20
before=$(echoes db)
eventually 10 "web reaches db at gamma, by the same address" reaches web 100.64.10.20
expect "by IPv6 too" reaches web fd5a:10::20
is "the old one hears nothing of it" "$before" "$(echoes db)"
refuse "and reaches nobody" reaches db 100.64.10.10
eventually 5 "alpha knows who serves it now" serves alpha "gamma yes"

# And back: the old deployment's lease is still there at beta.
members 1002 beta | manifest shop shop 3 >"$T/name"
submit gamma "$(cat "$T/name")"
eventually 10 "the old one is active again" active beta db
eventually 10 "and is reached" reaches web 100.64.10.20
