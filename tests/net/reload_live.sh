#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each key that is said to be live is: owners, the workloads' MTU, the key log, and
# the gateway's own addresses with sessions up. Addresses: see roam.sh as well.
# sanitize
. "$(dirname "$0")/common.bash"

conf=

edit()
{
	cp "$conf" "$T/before"
	sed -i "$1" "$conf"
	not cmp -s "$T/before" "$conf" || die "the edit '$1' changes nothing"
	leasemesh reload --prefix "$LM_ID-alpha" >/dev/null
}

mtu()
{
	rm -f "$T/workload/web/lease"
	dhcp web
	grep -o 'mtu=[0-9]*' "$T/workload/web/lease" | tail -n 1
}

# As large as this, without fragments: fits WORKLOAD BYTES
fits()
{
	at "$1" ping -q -c 1 -W 1 -M "do" -s $(($2 - 28)) 100.64.10.20 >/dev/null
}

refused_more_than()
{
	[ "$(drops alpha punt_limit)" -gt "$1" ]
}

# asked TOTAL: so many questions have come to alpha's worker
asked()
{
	[ "$(query alpha /leasemesh/drops '(.punts.dns // 0) + (.drops.punt_limit // 0)')" -ge "$1" ]
}

# More than may come in a moment by the usual limit, but never more than that at once.
ask_many()
{
	local round n

	n=$(query alpha /leasemesh/drops '(.punts.dns // 0) + (.drops.punt_limit // 0)')
	for round in 1 2 3 4 5; do
		at web bash -c 'for ((i = 0; i < 200; i++)); do echo >/dev/udp/100.64.10.1/53; done'
		await 5 asked $((n + 200 * round)) || die "not all questions have come"
	done
}

keys()
{
	grep -c '^"IPv4"' "$T/gateway/alpha/keys" 2>/dev/null || true
}

more_keys()
{
	[ "$(keys)" -gt "$1" ]
}

shop_up
conf=$T/gateway/alpha/gateway.conf

owner=$(grep -n 'name = "shop"; key' "$conf" | cut -d: -f1)
cp "$conf" "$T/good"
edit "${owner}d"
expect "a network stays when its owner is taken off" reaches web 100.64.10.20
status=0
submit alpha "$(open_members | manifest shop shop 2)" >"$T/answer" 2>&1 || status=$?
is "but nothing newer of it is accepted" 1 "$status"
expect "and the tenant is told so" contains "does not serve owner" "$T/answer"
cp "$T/good" "$conf"
leasemesh reload --prefix "$LM_ID-alpha" >/dev/null
expect "until its owner is back" submit alpha "$T/manifest/shop-2.signed"

is "MTU that fits the tunnel" mtu=1418 "$(mtu)"
ip -n "$LM_ID-web" link set eth0 mtu 1500
expect "a packet of that size" fits web 1418
edit 's/^workload = {/& mtu = 1300;/'
is "a smaller MTU, by DHCP" mtu=1300 "$(mtu)"
ip -n "$LM_ID-web" link set eth0 mtu 1500
ip -n "$LM_ID-web" route flush cache
refuse "a packet larger than that" fits web 1301
ip -n "$LM_ID-web" route flush cache
expect "one that is not" fits web 1300
edit 's/^workload = { mtu = 1300;/workload = {/'
ip -n "$LM_ID-web" route flush cache
expect "and back again" fits web 1418

is "no keys are written unasked" "" "$(keys)"
edit "1i key_log = \"$T/gateway/alpha/keys\";"
gateway_stop beta
gateway_start beta
eventually 10 "keys of the next lanes are" more_keys 0
is "for root only" 600 "$(stat -c %a "$T/gateway/alpha/keys")"
await 10 sessions_up alpha beta
await 10 reaches web 100.64.10.20
edit '/^key_log/d'
n=$(keys)
gateway_stop beta
gateway_start beta
await 10 sessions_up alpha beta
eventually 10 "packets flow under new keys" reaches web 100.64.10.20
is "which are not written any more" "$n" "$(keys)"

n=$(drops alpha punt_limit)
edit 's/^workload = {/dns = { questions = 100000; };\n&/'
ask_many
refuse "fewer questions than the limit are all taken" refused_more_than "$n"
edit 's/questions = 100000/questions = 1/'
ask_many
eventually 5 "what is above a lower one is not" refused_more_than "$n"

# The address that the manifest names goes away: beta hears of the new one from us.
edit 's,"192.0.2.1/24","192.0.2.51/24",'
eventually 15 "packets flow from another address" reaches web 100.64.10.20
refuse "nobody answers at the old one" reaches tenant 192.0.2.1
expect "the new one answers" reaches tenant 192.0.2.51
edit 's,"192.0.2.51/24","192.0.2.1/24",'
eventually 15 "and back" reaches web 100.64.10.20
stream_start web db 100.64.10.20
for _ in {1..300}; do kill -HUP "$(cat "$T/gateway/alpha/pid")"; done
expect "it answers after a storm of SIGHUPs" gateway_answers alpha
stream_lossless "in a storm of SIGHUPs"
kill -TERM "$(cat "$T/gateway/alpha/pid")"
kill -TERM "$(cat "$T/gateway/alpha/pid")" 2>/dev/null || true
wait "$(cat "$T/gateway/alpha/pid")"
