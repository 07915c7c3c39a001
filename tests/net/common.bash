# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What the namespace tests share: expectations, evidence when one does not hold,
# and a network "shop" that is there when `shop_up` returns:
#
#   alpha: web 100.64.10.10 fd5a:10::10, cache 100.64.10.11 fd5a:10::11
#   beta:  db  100.64.10.20 fd5a:10::20
#
# A test is a script that ends with status 0. It never sleeps for things to
# happen: it awaits them.
#
# Machines that run tests are slow and busy now and then. So an `eventually` that
# is about what happens has time for that; `within` is for the tests in which the
# time is what is promised.

set -euo pipefail
# shellcheck source=app/demo/topology.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../app/demo/topology.sh"
LM_PATIENCE=${LM_PATIENCE:-4}

# expect WHAT COMMAND...: must succeed. Its output is shown if not.
expect()
{
	local what=$1 output

	shift
	if output=$("$@" 2>&1); then
		echo "ok: $what"
	else
		echo "NOT SO: $what"
		printf '  %s\n  %s\n' "$*" "$output"
		exit 1
	fi
}

refuse()
{
	local what=$1

	shift
	expect "$what" not "$@"
}

not()
{
	if "$@"; then
		return 1
	fi
}

# is WHAT EXPECTED SEEN
is()
{
	[ "$2" = "$3" ] || {
		printf 'NOT SO: %s: expected "%s", seen "%s"\n' "$1" "$2" "$3"
		exit 1
	}
	echo "ok: $1: $3"
}

# eventually SECONDS WHAT COMMAND...
eventually()
{
	expect "$2" await "$1" "${@:3}"
}

# within SECONDS WHAT COMMAND...: on any machine
within()
{
	LM_PATIENCE=1 eventually "$@"
}

contains()
{
	grep -qF -- "$1" "${@:2}"
}

evidence()
{
	local status=$? gw

	set +e
	if [ $status -ne 0 ] && [ -n "${T:-}" ] && [ -d "$T/gateway" ]; then
		for gw in $(cd "$T/gateway" && echo *); do
			[ -e "$T/gateway/$gw/log" ] || continue
			echo "--- $gw's log"
			tail -n 15 "$T/gateway/$gw/log"
			for table in drops sessions attachments; do
				telemetry "$gw" "/leasemesh/$table" 2>/dev/null |
					jq -c 'walk(if type == "object" then
						with_entries(select(.value != 0)) else . end)'
			done
		done
	fi
	topology_end
	exit $status
}

begin()
{
	topology_begin
	trap evidence EXIT
}

# Packets that were dropped for this reason: drops GATEWAY REASON
drops()
{
	query "$1" /leasemesh/drops ".drops.$2"
}

# What came and what became of it, in packets.
sums()
{
	query "$1" /leasemesh/drops '"\(.rx + .injected) \(.tx + .dropped + .punted)"'
}

# At rest only: a packet may be between two counters while it is handled.
conserved()
{
	local in out

	read -r in out < <(sums "$1")
	[ "$in" -eq "$out" ]
}

# renewed OLD COMMAND...: it prints SPIs, and none of the old ones
renewed()
{
	local now spi

	now=$("${@:2}") && [ -n "$now" ] || return
	for spi in $now; do
		case $1 in *"$spi"*) return 1 ;; esac
	done
}

open_members()
{
	cat <<-END
	  - name: web
	    deployment: 1001
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10, ipv6: "fd5a:10::10"}]
	    egress: [{to: any, protocol: any}]
	    ingress: [{from: any, protocol: any}]
	  - name: cache
	    deployment: 1003
	    endpoints: [{provider: alpha, ipv4: 100.64.10.11, ipv6: "fd5a:10::11"}]
	    egress: [{to: any, protocol: any}]
	    ingress: [{from: any, protocol: any}]
	  - name: db
	    deployment: 1002
	    endpoints: [{provider: beta, ipv4: 100.64.10.20, ipv6: "fd5a:10::20"}]
	    egress: [{to: any, protocol: any}]
	    ingress: [{from: any, protocol: any}]
	END
}

# Two tenants with networks that look alike, at the same two gateways, which are not started yet.
two_tenants()
{
	local tenant

	gateway alpha
	gateway beta
	for tenant in shop bank; do
		owner $tenant
		workload $tenant-web alpha
		workload $tenant-db beta
		attach $tenant-web $tenant $tenant web 0 1001
		attach $tenant-db $tenant $tenant db 0 1002
	done
}

# The parts of shop_up, for tests that change one of them.
shop_hosts()
{
	owner shop
	gateway alpha
	gateway beta
	workload web alpha
	workload cache alpha
	workload db beta
}

shop_attach()
{
	attach web shop shop web 0 1001
	attach cache shop shop cache 0 1003
	attach db shop shop db 0 1002
}

in_force()
{
	query "$1" /leasemesh/networks ".networks[] | select(.name == \"$2\" and .serial == $3)" \
		>/dev/null
}

# attachment GATEWAY NAME FIELD: "absent" if it has no such attachment
attachment()
{
	query "$1" /leasemesh/attachments \
		"[.attachments[] | select(.name == \"$2\") | .$3][0] // \"absent\""
}

# attached GATEWAY NAME STATE
attached()
{
	[ "$(attachment "$1" "$2" state)" = "$3" ]
}

active()
{
	attached "$1" "$2" active
}

# shop_network SERIAL: sign the members on stdin, submit to alpha, wait until both have it.
shop_network()
{
	shop_submit "$(manifest shop shop "$1")" "$1"
}

# shop_submit FILE SERIAL
shop_submit()
{
	submit alpha "$1"
	await 10 in_force alpha shop "$2"
	await 10 in_force beta shop "$2" || die "the manifest did not reach beta"
	await 10 sessions_up alpha beta || die "no session between alpha and beta"
}

shop_addresses()
{
	local w pids=()

	await 5 active alpha web
	await 5 active alpha cache
	await 5 active beta db
	for w in web cache db; do
		dhcp "$w" &
		pids+=($!)
	done
	for w in "${pids[@]}"; do
		wait "$w" || die "a workload has no address"
	done
	address6 web fd5a:10::10
	address6 cache fd5a:10::11
	address6 db fd5a:10::20
}

# The address that the manifest says, without a client: DHCPv6 has to wait up to a second before it
# says its first word (RFC 8415 section 18.2.1). dhcp6.sh does.
address6()
{
	ip -n "$LM_ID-$1" addr replace "$2/64" dev eth0 nodad
}

shop_up()
{
	begin
	shop_hosts
	gateway_start alpha
	gateway_start beta
	shop_attach
	open_members | shop_network 1
	shop_addresses
	await 10 reaches web 100.64.10.20 || die "web does not reach db"
}

# reaches WORKLOAD ADDRESS. A second one, as the machine may stand still for a moment.
reaches()
{
	at "$1" ping -q -c 1 -W 1 "$2" >/dev/null || at "$1" ping -q -c 1 -W 1 "$2" >/dev/null
}

# tcp WORKLOAD ADDRESS PORT: a connection comes about
tcp()
{
	at "$1" nc -z -w 2 "$2" "$3"
}

# listen WORKLOAD PORT...: on TCP, one socket for both families
listen()
{
	local port

	for port in "${@:2}"; do
		ip netns exec "$LM_ID-$1" nc -6 -l -k "$port" >/dev/null 2>&1 </dev/null &
		await 5 listening "$1" "$port"
	done
}

listening()
{
	at "$1" ss -Hltn "sport = :$2" | grep -q .
}

iperf_server()
{
	ip netns exec "$LM_ID-$1" iperf3 -s >/dev/null 2>&1 </dev/null &
	await 5 listening "$1" 5201
}

# iperf WORKLOAD ADDRESS OPTIONS...: its result is in $T/iperf.json. A server that is still busy
# with the end of the run before refuses, and is asked again.
iperf()
{
	await 10 iperf_once "$@" || die "iperf3: $(jq -r .error "$T/iperf.json")"
}

iperf_once()
{
	at "$1" iperf3 -J -c "${@:2}" >"$T/iperf.json"
}

# tcp_flows WHAT WORKLOAD ADDRESS OPTIONS...
tcp_flows()
{
	iperf "${@:2}"
	expect "$1: $(jq '.end.sum_received.bits_per_second / 1e6 | round' "$T/iperf.json") Mb/s" \
		jq -e '.end.sum_received.bits_per_second > 1e6' "$T/iperf.json"
}

# capture_start NAMESPACE INTERFACE FILE FILTER...; ...; capture_stop
capture_start()
{
	: >"$3.log"
	ip netns exec "$LM_ID-$1" tcpdump -i "$2" -U -w "$3" "${@:4}" >"$3.log" 2>&1 </dev/null &
	CAPTURE=$!
	await 5 contains "listening on" "$3.log"
}

capture_stop()
{
	kill "$CAPTURE"
	wait "$CAPTURE" || true
}

# captured FILE N FILTER...: at least so many packets
captured()
{
	[ "$(tcpdump -nr "$1" "${@:3}" 2>/dev/null | wc -l)" -ge "$2" ]
}

# Numbered packets both ways between two workloads while something happens:
#   stream_start web db 100.64.10.20; ...; stream_lossless "while ..."
# It is under way when stream_start returns.
stream_start()
{
	echoing "$2" || ip netns exec "$LM_ID-$2" "$LM_ROOT/tests/net/prober" echo 7007 \
		>/dev/null 2>&1 </dev/null &
	await 5 echoing "$2"
	: >"$T/stream"
	ip netns exec "$LM_ID-$1" "$LM_ROOT/tests/net/prober" send "$3" 7007 "${4:-400}" \
		>"$T/stream" 2>&1 </dev/null &
	STREAM=$!
	await 10 contains flowing "$T/stream" || die "no packet from $1 comes back from $2"
}

echoing()
{
	at "$1" ss -Hlun "sport = :7007" | grep -q .
}

# Sets SENT, LOST and GAP, the longest silence in ms.
stream_end()
{
	kill "$STREAM"
	wait "$STREAM" || true
	read -r SENT LOST GAP < <(tail -n 1 "$T/stream")
	[[ "$SENT $LOST $GAP" =~ ^[0-9]+\ [0-9]+\ [0-9]+$ ]] || die "the prober: $(cat "$T/stream")"
}

stream_lossless()
{
	stream_end
	if [ "$SENT" -lt "${2:-100}" ] || [ "$LOST" -ne 0 ]; then
		echo "NOT SO: no packet is lost $1: $LOST of $SENT, longest silence $GAP ms"
		exit 1
	fi
	echo "ok: no packet is lost $1: $SENT sent, longest silence $GAP ms"
}
