#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# Every manifest that must not be accepted is refused with a reason that the
# tenant sees, and what was in force stays in force.
. "$(dirname "$0")/common.bash"

# refused WHAT TEXT FILE [GATEWAY]
refused()
{
	local out status=0

	out=$(submit "${4:-alpha}" "$3" 2>&1) || status=$?
	is "$1: exit status" 1 "$status"
	expect "$1: the tenant sees why ($out)" grep -qiE -- "$2" <<<"$out"
	expect "$1: serial 5 stays in force" in_force "${4:-alpha}" shop 5
	expect "$1: traffic goes on" reaches web 100.64.10.20
}

begin
shop_hosts
gateway gamma
gateway_start alpha
gateway_start beta
shop_attach
export LM_PROVIDERS="alpha beta"
# Of two documents with one serial the one with the lower hash counts: that one is brought first.
open_members | manifest shop shop 5 >"$T/twins"
{ open_members && echo "# the same, signed again"; } | manifest shop shop 5 >>"$T/twins"
mapfile -t twins < <(xargs b2sum -l 256 <"$T/twins" | LC_ALL=C sort | cut -d ' ' -f 3)
good=${twins[0]} loser=${twins[1]}
shop_submit "$good" 5
gateway_start gamma
shop_addresses
await 10 reaches web 100.64.10.20

sed 's/deployment: 1002/deployment: 6666/' "$good" >"$T/forged"
refused "a changed document" signature "$T/forged"
head -c -20 "$good" >"$T/short"
refused "a truncated file" 'document|length|end' "$T/short"
head -c 3000 /dev/urandom >"$T/random"
refused "random bytes" . "$T/random"
: >"$T/empty"
refused "an empty file" . "$T/empty"

open_members | manifest shop shop 4 >"$T/name"
refused "an older serial" '4.*5|older' "$(cat "$T/name")"
refused "another document of the same serial" 'serial 5.* and wins' "$loser"

# Made after the gateways were started: they have never heard of it.
owner thief
open_members | manifest thief shop 9 >"$T/name"
refused "an unknown owner" owner "$(cat "$T/name")"

status=0
out=$(submit gamma "$good" 2>&1) || status=$?
is "a gateway that is not among the providers: exit status" 1 $status
expect "it says so ($out)" grep -qiE 'not among the providers|not authori[sz]ed' <<<"$out"
expect "and learns nothing of the network" query gamma /leasemesh/networks '.networks | length == 0'

{
	sed 's/serial: 5/serial: 6/' "$T/manifest/shop-5.yaml"
	echo "expires: 2020-01-01T00:00:00Z"
} >"$T/expired.yaml"
leasemesh manifest sign --key "$T/owner/shop/key" -o "$T/expired" "$T/expired.yaml" >/dev/null
refused "an expired one" expire "$T/expired"

expect "the same one again is no error" submit alpha "$good"
open_members | shop_network 7
expect "and a newer one is accepted" in_force beta shop 7
