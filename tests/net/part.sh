#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 180
#
# A gateway takes part in a network while something is attached there: it joins with
# the first attachment, leaves with the last, and when it dies without a word the
# others withdraw their routes. Meanwhile others' traffic loses nothing.
. "$(dirname "$0")/common.bash"

part()
{
	query "$1" /leasemesh/networks ".networks[] | select(.name == \"shop\") | .part"
}

takes_part()
{
	[ "$(part "$1")" = "$2" ]
}

lanes()
{
	query "$1" /leasemesh/lanes '[.lanes[] | select(.spi)] | length'
}

has_lanes()
{
	[ "$(lanes "$1")" -gt 0 ]
}

no_lanes()
{
	[ "$(lanes "$1")" -eq 0 ]
}

# no_route WHAT: web cannot send to db, and alpha says why
no_route()
{
	local before

	before=$(drops alpha no_route)
	reaches web 100.64.10.20 || true
	[ "$(drops alpha no_route)" -gt "$before" ]
}

# shows JQ-FILTER: so says `leasemesh network show`
shows()
{
	leasemesh network show --prefix "$LM_ID-alpha" --json shop | jq -e ".[0] | $1" >/dev/null
}

begin
shop_hosts
gateway_start alpha
gateway_start beta
open_members | shop_network 1
is "nothing is attached: alpha" out "$(part alpha)"
is "beta" out "$(part beta)"
expect "no lanes" no_lanes alpha

attach web shop shop web 0 1001
attach cache shop shop cache 0 1003
eventually 5 "alpha joins with its first attachment" takes_part alpha joined
await 5 active alpha cache
dhcp web
dhcp cache
stream_start web cache 100.64.10.11
expect "the network is there for local traffic" reaches web 100.64.10.11
expect "nobody serves db" no_route
expect "alone in the network there are no lanes" no_lanes alpha

attach db shop shop db 0 1002
eventually 5 "beta joins" takes_part beta joined
dhcp db
eventually 5 "web reaches db" reaches web 100.64.10.20
expect "there are lanes" has_lanes alpha
eventually 5 "network show: beta takes part, enforces what is in force here, and serves db" shows \
	'.gateways[] | select(.provider == "beta") | .part == "joined" and .serial == 1 and
		.agrees == "yes" and .serves == 1'
expect "for people, too" contains "joined" \
	<(leasemesh network show --prefix "$LM_ID-alpha" shop)

detach db
within 10 "alpha has withdrawn the route: it was told, 30 s of silence have not passed" no_route
within 10 "and its lanes are gone" no_lanes alpha
eventually 5 "beta's, too" no_lanes beta
eventually 5 "network show: nobody serves db" shows \
	'.served[] | select(.member == "db") | .served == "no"'
eventually 10 "beta has left" takes_part beta out
expect "it still enforces the manifest" in_force beta shop 1
open_members | shop_network 2

attach db shop shop db 0 1002
eventually 5 "db is back" reaches web 100.64.10.20

gateway_kill beta
within 45 "beta died: the route is withdrawn" no_route
gateway_start beta
eventually 15 "beta returns by itself" reaches web 100.64.10.20
stream_lossless "at alpha meanwhile"
