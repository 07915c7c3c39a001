#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# With its ledger on disk a killed gateway knows who takes part before it has heard from
# anybody. Whatever becomes of that file costs that knowledge and nothing else; a store of
# manifests that was cut off is refused with a reason.
. "$(dirname "$0")/common.bash"

LM_LEDGER_ON_DISK=true

info()
{
	query alpha /leasemesh/info ".$1"
}

# knows PART: of beta
knows()
{
	[ "$(query alpha /leasemesh/gateways,0 \
		'.gateways[] | select(.provider == "beta") | .part')" = "$1" ]
}

joined()
{
	query alpha /leasemesh/networks '.networks[] | select(.part == "joined")' >/dev/null
}

restart_alone()
{
	gateway_kill beta
	gateway_kill alpha
	"$@"
	gateway_start alpha
	eventually 5 "alpha serves its workloads again" active alpha web
	await 5 joined
	refuse "nobody is heard" sessions_up alpha
}

warned()
{
	tail -n "+$((lines + 1))" "$T/gateway/alpha/log" | grep -q "warn journal:.*/ledger.*thrown away"
}

# spoilt WHAT COMMAND...: done to the file while both are down
spoilt()
{
	lines=$(wc -l <"$T/gateway/alpha/log")
	restart_alone "${@:2}"
	expect "$1: it is said" warned
	expect "nothing is known of beta" knows out
	is "and from now on it is on" disk "$(info ledger)"
	gateway_start beta
	eventually 15 "both find each other" reaches web 100.64.10.20
}

foreign()
{
	echo "something else altogether" >"$ledger"
}

cut_off()
{
	truncate -s 100 "$ledger"
}

damaged()
{
	printf 'XXXX' | dd of="$ledger" bs=1 seek=60 conv=notrunc status=none
}

starts()
{
	at alpha "$LM_BUILD/app/gateway/leasemeshd" -c "$T/gateway/alpha/gateway.conf" \
		>"$T/refused" 2>&1
}

shop_up
ledger=$T/gateway/alpha/state/ledger
is "the ledger is on" disk "$(info ledger)"
expect "for people, too" contains " disk " <(leasemesh status --prefix "$LM_ID-alpha" gateway)

restart_alone true
expect "alpha knows that beta takes part, and what it enforces" query alpha /leasemesh/gateways,0 \
	'.gateways[] | select(.provider == "beta") | .part == "joined" and .agrees == "yes"'
expect "from its disk" test "$(info ledger_restored)" -ge 5
refuse "but it has no route to it" reaches web 100.64.10.20
gateway_start beta
eventually 15 "routes return when beta answers" reaches web 100.64.10.20

spoilt "foreign" foreign
spoilt "cut off" cut_off
spoilt "damaged" damaged

gateway_kill alpha
rm "$ledger"
mkdir "$ledger"
gateway_start alpha
is "the file's place is taken" "failed" "$(info ledger)"
eventually 15 "that costs nothing else" reaches web 100.64.10.20

gateway_kill alpha
store=$T/gateway/alpha/state/data.mdb
cp "$store" "$T/copy"
truncate -s 9000 "$store"
refuse "a store that was cut off is refused" starts
expect "in words, at the key's line" grep -q \
	'gateway.conf:[0-9]*: state_dir: .*data.mdb: was cut off or is damaged' "$T/refused"
cp "$T/copy" "$store"
gateway_start alpha
expect "with the copy everything is there" in_force alpha shop 1
