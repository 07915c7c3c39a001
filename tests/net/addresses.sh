#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 180
#
# A manifest that names no address and no provider: workloads get both where they are attached, find
# each other by name, and keep what they have, whoever is started anew.
. "$(dirname "$0")/common.bash"
# shellcheck source=tests/net/decided.bash
. "$(dirname "$0")/decided.bash"

# Of the pool, which is the upper half of the prefix; in IPv6 the same number again.
in_pool()
{
	[[ "$1" =~ ^100\.64\.10\.([0-9]+)$ ]] && [ "${BASH_REMATCH[1]}" -ge 128 ]
}

same_number()
{
	[ "$2" = "$(printf 'fd5a:10::%x' "${1##*.}")" ]
}

members()
{
	replicated web 1001
	replicated cache 1003
	replicated db 1002
	replicated idle 1009
}

# kept WHAT: all have what they had
kept()
{
	local w

	for w in web cache db; do
		eventually 15 "$w is served $1" active "$(cat "$T/workload/$w/gateway")" $w
	done
	is "web's address $1" "$WEB" "$(decided_at alpha web/0 ipv4)"
	is "db's address $1" "$DB" "$(decided_at beta db/0 ipv4)"
	eventually 10 "web reaches db $1" reaches web "$DB"
	expect "and cache" reaches web "$CACHE"
}

short()
{
	at web dig +short +tries=2 +time=2 @100.64.10.1 "$@" | xargs
}

begin
shop_hosts
gateway_start alpha
gateway_start beta
shop_attach
members | shop_network 1
for w in web cache db; do
	eventually 15 "$w is served" active "$(cat "$T/workload/$w/gateway")" $w
done
dhcp web
dhcp cache dhclient
dhcp db
dhcp web dhclient6
dhcp db dhclient6
WEB=$(lease4 web) CACHE=$(lease4 cache) DB=$(lease4 db)
for w in web cache db; do
	expect "$w's address is of the pool: $(lease4 $w)" in_pool "$(lease4 $w)"
done
expect "each has its own" test "$(printf '%s\n' "$WEB" "$CACHE" "$DB" | sort -u | wc -l)" = 3
for w in web db; do
	expect "$w has the same number in IPv6: $(lease6 $w)" same_number "$(lease4 $w)" "$(lease6 $w)"
done
eventually 10 "web reaches db" reaches web "$DB"
eventually 10 "by IPv6 too" reaches web "$(lease6 db)"
expect "and by name" by_name web ping -q -c 1 -W 2 db
expect "db reaches web by name" by_name db ping -q -c 1 -W 2 web.shop.internal
is "db's address has its name" 0.db.shop.internal. "$(short -x "$DB")"
is "so has its IPv6 address" 0.db.shop.internal. "$(short -x "$(lease6 db)")"
is "idle has no address" "" "$(short 0.idle.shop.internal)"
expect "but its name is there" sh -c \
	"ip netns exec '$LM_ID-web' dig @100.64.10.1 0.idle.shop.internal | grep -q 'status: NOERROR'"
eventually 5 "alpha knows where db is" served_at alpha db/0 beta
# trace END: whether web reaches it, as alpha says
trace()
{
	leasemesh trace -p "$LM_ID-alpha" -N shop -f web/0 -t "$1" icmp 2>&1 || true
}
expect "what it was given is traced" contains "$WEB to $DB" <(trace db/0)
expect "by address as well" contains "to   db/0: $DB and $(lease6 db), at beta" <(trace "$DB")
expect "idle cannot be traced" contains \
	"idle/0 has no address yet: no gateway says that it serves it" <(trace idle/0)
expect "alpha shows the chain" sh -c "'$LM_BUILD/app/cli/leasemesh' network show \
	-p '$LM_ID-alpha' shop | grep -q 'chain members: alpha (here), beta\|chain members: beta, alpha (here)'"

anew web
dhcp web
is "a machine made anew has its address" "$WEB" "$(lease4 web)"
detach cache
eventually 5 "cache is not attached" attached alpha cache absent
attach cache shop shop cache 0 1003
eventually 5 "and again" active alpha cache
kept "after that"

gateway_stop alpha || die "alpha did not end well"
gateway_start alpha
kept "after alpha was started anew"
gateway_kill beta
gateway_start beta
kept "after beta was killed"
gateway_kill alpha
gateway_kill beta
gateway_start alpha
gateway_start beta
kept "after both were killed"
{
	members
	replicated more 1010
} | shop_network 2
kept "under another manifest"
