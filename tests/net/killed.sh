#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# A gateway is killed again and again, at random moments, while a tenant submits one serial
# after another. Whatever the tenant was told is in force is so after each start, and workloads
# are served from the store, though no other gateway is there to ask.
#
# LM_TEST_SEED=N repeats a run's moments.
. "$(dirname "$0")/common.bash"

LM_MEMORY_MB=256 LM_MBUFS=16384 LM_LEDGER_ON_DISK=true
KILLS=20
LONGEST=300 # ms that a start is left alone

serial_in_force()
{
	query alpha /leasemesh/networks '.networks[] | select(.name == "shop") | .serial'
}

# Serials from $1 on, each until it is acknowledged; the last one that was is in $T/acknowledged.
tenant()
{
	local serial=$1 file

	while :; do
		file=$(open_members | manifest shop shop "$serial")
		until submit_once "$file"; do :; done
		echo "$serial" >"$T/acknowledged.new"
		mv "$T/acknowledged.new" "$T/acknowledged"
		serial=$((serial + 1))
	done
}

submit_once()
{
	at tenant "$LM_BUILD/app/cli/leasemesh" submit --timeout 1 --to "$(address4 alpha):4500" \
		--key "$(cat "$T/gateway/alpha/public")" "$1" >"$T/submit.log" 2>&1
}

wait_ms()
{
	sleep "$(printf '%d.%03d' $(($1 / 1000)) $(($1 % 1000)))"
}

more_is_acknowledged()
{
	[ "$(cat "$T/acknowledged")" -gt "$1" ]
}

seed=${LM_TEST_SEED:-$((SRANDOM % 32768))}
echo "seed $seed"
RANDOM=$seed
shop_up
gateway_kill beta
echo 1 >"$T/acknowledged"
tenant 2 &
tenant=$!
for i in $(seq $KILLS); do
	wait_ms $((RANDOM % LONGEST))
	gateway_kill alpha
	gateway_start alpha
	acknowledged=$(cat "$T/acknowledged")
	serial=$(serial_in_force) || die "kill $i, seed $seed: no manifest is in force"
	[ "$serial" -ge "$acknowledged" ] ||
		die "kill $i, seed $seed: serial $acknowledged was acknowledged, $serial is in force"
	await 5 active alpha web
	expect "kill $i: serial $serial is in force, $acknowledged was acknowledged; web is served" \
		reaches web 100.64.10.11
done
refuse "nobody else was there" sessions_up alpha
eventually 10 "the tenant goes on" more_is_acknowledged "$acknowledged"
kill $tenant
wait $tenant || true
expect "there were submissions to interrupt" test "$(cat "$T/acknowledged")" -gt $((KILLS / 2))
is "the ledger is still on" disk "$(query alpha /leasemesh/info .ledger)"
gateway_start beta
eventually 15 "beta gets what is in force" in_force beta shop "$(serial_in_force)"
