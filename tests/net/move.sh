#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
#
# A deployment closes at one provider and comes again at another: its endpoint moves there with its
# address and its name, whether the gateway before says goodbye, dies, or comes back with a workload
# that does not know it.
. "$(dirname "$0")/common.bash"
# shellcheck source=tests/net/decided.bash
. "$(dirname "$0")/decided.bash"

LM_MEMORY_MB=256 LM_MBUFS=16384

now_ms()
{
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# Asked again soon, so that it is the first moment at which it works.
pings_through()
{
	at "$1" ping -q -c 1 -W 0.05 "$2" >/dev/null
}

begin
owner shop
for gw in alpha beta gamma; do
	gateway $gw
done
workload web alpha
workload db beta
workload newdb gamma
for gw in alpha beta gamma; do
	gateway_start $gw
done
attach web shop shop web 0 1001
attach db shop shop db 0 1002
{
	replicated web 1001
	replicated db 1002
} | manifest shop shop 1 >"$T/name"
submit alpha "$(cat "$T/name")"
eventually 15 "web is served" active alpha web
eventually 15 "db is served" active beta db
dhcp web
dhcp db
DB=$(lease4 db)
eventually 10 "web reaches db at beta" reaches web "$DB"
eventually 10 "alpha knows where db is" served_at alpha db/0 beta
eventually 15 "and gamma, which takes no part, from the chain" noted gamma db/0 beta 1

# While it is served at beta nobody else gets it.
attach newdb shop shop db 0 1002
eventually 10 "a second one waits" waits gamma newdb "lives at another gateway"
refuse "and gets no address" timeout 5 ip netns exec "$LM_ID-newdb" udhcpc -i eth0 -n -q -t 2 -T 1 -s /bin/true
expect "web reaches db still" reaches web "$DB"

# Its address is there before it may use it, so that nothing but the move is measured.
ip -n "$LM_ID-newdb" addr add "$DB/24" dev eth0
ip -n "$LM_ID-newdb" link set eth0 mtu 1418
refuse "newdb reaches nobody" reaches newdb "$(lease4 web)"
detach db
eventually 15 "db is served at gamma, where it waited" active gamma newdb
moved=$(now_ms)
await 10 pings_through web "$DB" || die "web does not reach db at gamma"
took=$(($(now_ms) - moved))
expect "web reaches it within a second: $took ms" test $took -lt $((1000 * LM_PATIENCE / 4 + 1000))
ip -n "$LM_ID-newdb" addr flush dev eth0
dhcp newdb
is "it has the same address" "$DB" "$(lease4 newdb)"
is "and the same name" "$DB" "$(at web dig +short @100.64.10.1 db.shop.internal)"
expect "all know that it has moved once" noted beta db/0 gamma 2
ip -n "$LM_ID-db" addr show dev eth0 | grep -q "$DB" || die "db has lost its old address"
refuse "the one before reaches nobody" reaches db "$(lease4 web)"

# The gateway where it lives dies, without a word.
gateway_kill gamma
attach db shop shop db 0 1002
eventually 30 "db comes to beta when gamma has been silent for some time" active beta db
anew db
dhcp db
is "with the same address" "$DB" "$(lease4 db)"
eventually 5 "web reaches it" reaches web "$DB"

# gamma comes back, and its workload does not know anything.
stream_start web db "$DB" 100
gateway_start gamma
eventually 15 "newdb waits" waits gamma newdb "lives at another gateway"
refuse "newdb reaches nobody" reaches newdb "$(lease4 web)"
kill -s USR1 "$(cat "$T/workload/newdb/dhcp.pid")"
eventually 10 "its client is told that the address is not its own" \
	query gamma /leasemesh/drops '.control.workload_refusal >= 1'
expect "what it sends is dropped for that reason" query gamma /leasemesh/drops '.drops.not_served >= 1'
stream_lossless "while gamma comes back" 50
is "db is at beta" beta "$(decided_at alpha db/0 provider)"

# And once more, by goodbye.
detach db
eventually 15 "db moves to gamma again" active gamma newdb
eventually 10 "newdb has its address again" dhcp newdb
is "the same" "$DB" "$(lease4 newdb)"
eventually 5 "web reaches it" reaches web "$DB"
