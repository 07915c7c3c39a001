#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# A provider takes a tenant off its list: the network goes on until the operator drops it, and
# then it neither comes back from the others nor from the store, until the tenant is listed again.
. "$(dirname "$0")/common.bash"

drop()
{
	leasemesh network drop --prefix "$LM_ID-alpha" "$1"
}

reload()
{
	leasemesh reload --prefix "$LM_ID-alpha"
}

unknown_owner()
{
	query alpha /leasemesh/drops '.control.membership_unknown_owner // 0'
}

told_since()
{
	[ "$(unknown_owner)" -gt "$1" ]
}

no_route_at_beta()
{
	local before

	before=$(drops beta no_route)
	reaches db 100.64.10.10 || true
	[ "$(drops beta no_route)" -gt "$before" ]
}

shop_up
conf=$T/gateway/alpha/gateway.conf
cp "$conf" "$T/listed"
refuse "an accepted owner's network is not dropped" drop shop
expect "nothing has happened" reaches web 100.64.10.20

sed '/^owners = (/,/^);/{/key =/d}' "$T/listed" >"$conf"
expect "the owner is taken off the list" contains "1 network whose owner" <(reload)
expect "the log names the network" grep -q "warn network: network 'shop': its owner is not accepted" \
	"$T/gateway/alpha/log"
expect "it goes on" reaches web 100.64.10.20
refuse "no network of that name" drop shopp
expect "the operator drops it" drop shop
refuse "it is gone" in_force alpha shop 1
refuse "so are local workloads' connections" reaches web 100.64.10.11
eventually 3 "beta has heard it" no_route_at_beta

gateway_kill alpha
lines=$(wc -l <"$T/gateway/alpha/log")
gateway_start alpha
refuse "a restart does not bring it back" in_force alpha shop 1
eventually 20 "beta offers it again, in vain" told_since 0
refuse "nor does beta" in_force alpha shop 1
refuse "there is nothing to warn of any more" sh -c \
	"tail -n +$((lines + 1)) '$T/gateway/alpha/log' | grep -q 'is not accepted any more'"

cp "$T/listed" "$conf"
expect "the owner is listed again" reload
submit alpha "$T/manifest/shop-1.signed"
eventually 10 "the same manifest is in force again" reaches web 100.64.10.20
