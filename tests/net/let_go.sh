#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 120
#
# A network of fixed addresses whose tenant leaves them to the gateways, one serial after
# the other, places one of them elsewhere, and takes all back.
. "$(dirname "$0")/common.bash"

# member NAME DEPLOYMENT ENDPOINTS
member()
{
	printf '  - name: %s\n    deployment: %s\n    %s\n' "$@"
	printf '    %s: [{%s: any, protocol: any}]\n' egress to ingress from
}

lease()
{
	sed -n 's/.* ip=\([0-9.]*\) .*/\1/p' "$T/workload/$1/lease" | tail -n 1
}

from_pool()
{
	[[ $1 == 100.64.10.* ]] && [ "${1##*.}" -ge 128 ]
}

# shown GATEWAY ENDPOINT: who serves it, and its addresses, as that gateway knows
shown()
{
	leasemesh network show --prefix "$LM_ID-$1" shop | awk -v e="$2" '$1 == e { print $2, $3, $4, $5 }'
}

shows()
{
	[ "$(shown "$1" "$2")" = "$3" ]
}

# noted GATEWAY ENDPOINT: the chain knows it
noted()
{
	[ "$(leasemesh network show --prefix "$LM_ID-$1" shop | awk -v e="$2" '$1 == e { print $6 }')" = 1 ]
}

begin
shop_hosts
workload newcache beta
gateway_start alpha
gateway_start beta
shop_attach
attach newcache shop shop cache 0 1003
open_members | shop_network 1
shop_addresses
eventually 10 "web reaches db" reaches web 100.64.10.20
is "nobody decides anything" "" "$(leasemesh network show --prefix "$LM_ID-alpha" shop | grep ^chain || true)"
is "cache is alpha's" refused "$(attachment beta newcache state)"

# Only web is given an address; the others do not notice.
stream_start db cache 100.64.10.11
{
	member web 1001 "endpoints: [{provider: alpha}]"
	member cache 1003 'endpoints: [{provider: alpha, ipv4: 100.64.10.11, ipv6: "fd5a:10::11"}]'
	member db 1002 'endpoints: [{provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]'
} | shop_network 2
eventually 15 "web is served, with an address that it was given" active alpha web
dhcp web
WEB=$(lease web)
expect "which is of the pool: $WEB" from_pool "$WEB"
eventually 10 "beta knows it" shows beta web/0 \
	"alpha yes $WEB $(printf 'fd5a:10::%x' "${WEB##*.}")"
eventually 10 "web reaches db" reaches web 100.64.10.20
eventually 10 "db reaches web" reaches db "$WEB"
stream_lossless "between those who keep what is fixed"

# cache is left to the gateways as well, and takes its address along to the other provider; db
# keeps its address, but may be anywhere.
{
	member web 1001 "endpoints: [{provider: alpha}]"
	member cache 1003 "endpoints: [{provider: alpha}]"
	member db 1002 'endpoints: [{ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]'
} | shop_network 3
eventually 15 "cache is served at alpha" active alpha cache
dhcp cache
CACHE=$(lease cache)
expect "with an address of the pool, too: $CACHE" from_pool "$CACHE"
eventually 15 "db is served with what is fixed" shows alpha db/0 "beta yes 100.64.10.20 fd5a:10::20"
eventually 10 "and reached" reaches web 100.64.10.20
eventually 10 "a majority has noted what cache was given" noted beta cache/0
is "web keeps its own" "alpha yes $WEB" "$(shown alpha web/0 | cut -d ' ' -f 1-3)"
{
	member web 1001 "endpoints: [{provider: alpha}]"
	member cache 1003 "endpoints: [{provider: beta}]"
	member db 1002 'endpoints: [{ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]'
} | shop_network 4
eventually 15 "then at beta" active beta newcache
eventually 5 "and at alpha no more" attached alpha cache refused
dhcp newcache
is "with the address that it had" "$CACHE" "$(lease newcache)"
eventually 10 "web reaches it there" reaches web "$CACHE"

# All back.
open_members | shop_network 5
eventually 10 "web is alpha's" active alpha web
eventually 10 "cache is, too" active alpha cache
dhcp web
dhcp cache
is "web has its old address" 100.64.10.10 "$(lease web)"
is "cache has, too" 100.64.10.11 "$(lease cache)"
eventually 10 "db reaches web" reaches db 100.64.10.10
