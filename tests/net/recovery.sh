#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
#
# Two of three gateways are lost for good, so nobody can decide any more where endpoints live: the
# owner signs a new start with the one that is left. One of the two returns after all, and follows.
. "$(dirname "$0")/common.bash"
# shellcheck source=tests/net/decided.bash
. "$(dirname "$0")/decided.bash"

LM_MEMORY_MB=256 LM_MBUFS=16384

# recovery PROVIDER...: what the owner is to sign, as alpha says it, into $T/request
recovery()
{
	leasemesh network recovery --prefix "$LM_ID-alpha" --output "$T/request" shop "$@"
}

signed_by()
{
	leasemesh network sign-recovery --key "$T/owner/$1/key" "$T/request" >"$T/signed"
}

submitted()
{
	at tenant "$LM_BUILD/app/cli/leasemesh" submit --to "$(address4 alpha):4500" \
		--manifest "$MANIFEST" "$T/signed" >"$T/submit.log" 2>&1
}

era_is()
{
	query "$1" /leasemesh/chain,0 ".era == $2" >/dev/null
}

members()
{
	query alpha /leasemesh/chain,0 '[.members[].provider] | sort | join(" ")'
}

members_are()
{
	[ "$(members)" = "$1" ]
}

soon()
{
	LM_PATIENCE=1 await 15 active alpha newdb
}

begin
owner shop
owner other
for gw in alpha beta gamma; do
	gateway $gw
done
workload web alpha
workload newdb alpha
workload db beta
for gw in alpha beta gamma; do
	gateway_start $gw
done
attach web shop shop web 0 1001
attach db shop shop db 0 1002
MANIFEST=$({
	replicated web 1001
	replicated db 1002
} | manifest shop shop 1)
submit alpha "$MANIFEST"
eventually 15 "web is served" active alpha web
eventually 15 "db is served" active beta db
eventually 15 "its address was noted" noted alpha db/0 beta 1
DB=$(decided_at alpha db/0 ipv4)

gateway_kill beta
gateway_kill gamma
attach newdb shop shop db 0 1002
eventually 10 "db waits" waits alpha newdb ""
refuse "a gateway that says nothing would be dead by now, but nobody can decide that" soon
expect "web is served nevertheless" active alpha web

expect "alpha says what is to be signed" recovery alpha
refuse "with a provider that is none" recovery delta
refuse "or with one twice" recovery alpha alpha
expect "the owner signs" signed_by shop
expect "and brings it to alpha" submitted
expect "which says what came of it" contains "starts anew at height" "$T/submit.log"
is "alpha is the only member" alpha "$(members)"
eventually 30 "db is served at alpha" active alpha newdb
is "with its address" "$DB" "$(decided_at alpha db/0 ipv4)"
dhcp web
dhcp newdb
expect "web reaches it" reaches web "$DB"
refuse "once is enough" submitted
expect "which is said" contains "was recovered already" "$T/submit.log"

expect "another request" recovery alpha
expect "which somebody else signs" signed_by other
refuse "is not followed" submitted
expect "for that reason" contains "not signed by the owner" "$T/submit.log"

gateway_start beta
eventually 20 "beta has heard of the new start" era_is beta 1
eventually 10 "and knows that db does not live there any more" waits beta db "lives at another gateway"
expect "web reaches db still" reaches web "$DB"
eventually 30 "beta becomes a member again" members_are "alpha beta"
