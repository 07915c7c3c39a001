#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two tenants use the same addresses on the same gateways and never meet.
. "$(dirname "$0")/common.bash"

# Echo requests that a workload's kernel has received.
echoes()
{
	# shellcheck disable=SC2016
	at "$1" awk '/^Icmp:/ && $2 ~ /^[0-9]/ { print $10 }' /proc/net/snmp
}

begin
two_tenants
workload shop-cache alpha
attach shop-cache shop shop cache 0 1003
gateway_start alpha
gateway_start beta
for tenant in shop bank; do
	open_members | if [ $tenant = shop ]; then cat; else sed '/name: cache/,/ingress/d'; fi >"$T/members"
	submit beta "$(manifest $tenant $tenant 1 <"$T/members")"
	eventually 10 "$tenant is in force at alpha" in_force alpha $tenant 1
done
await 10 sessions_up alpha beta
for w in shop-web shop-db bank-web bank-db shop-cache; do
	await 5 active "$(cat "$T/workload/$w/gateway")" $w
	dhcp $w
done
for w in shop-web bank-web; do
	expect "$w has 100.64.10.10" grep -q 'ip=100.64.10.10 ' "$T/workload/$w/lease"
done

eventually 10 "shop's web reaches a db" reaches shop-web 100.64.10.20
eventually 10 "bank's web reaches a db" reaches bank-web 100.64.10.20
shop=$(echoes shop-db) bank=$(echoes bank-db)
at shop-web ping -q -c 50 -i 0.01 100.64.10.20 >/dev/null
is "of 50 requests of shop's web, shop's db saw" 50 $(($(echoes shop-db) - shop))
is "and bank's db" 0 $(($(echoes bank-db) - bank))
shop=$(echoes shop-db) bank=$(echoes bank-db)
at bank-web ping -q -c 50 -i 0.01 100.64.10.20 >/dev/null
is "of 50 requests of bank's web, bank's db saw" 50 $(($(echoes bank-db) - bank))
is "and shop's db" 0 $(($(echoes shop-db) - shop))

expect "shop's web reaches shop's cache" reaches shop-web 100.64.10.11
refuse "bank, which has no cache, reaches no cache" at bank-web ping -q -c 3 -i 0.1 -W 1 100.64.10.11
listen shop-db 5432
expect "shop's db listens to shop" tcp shop-web 100.64.10.20 5432
refuse "and not to bank" tcp bank-web 100.64.10.20 5432
