#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# Reloading changes what can change without losing a packet, names what cannot,
# and a file with an error changes nothing.
. "$(dirname "$0")/common.bash"

reload()
{
	leasemesh reload --prefix "$LM_ID-alpha"
}

# edit SED-EXPRESSION: of the last good configuration
edit()
{
	sed "$1" "$T/good" >"$conf"
	! cmp -s "$T/good" "$conf" || die "the edit '$1' changes nothing"
}

# refused WHAT SED-EXPRESSION TEXT...: reload says no and shows all of these
refused()
{
	local out status=0 text

	edit "$2"
	out=$(reload 2>&1) || status=$?
	is "$1: exit status" 1 "$status"
	for text in "${@:3}"; do
		expect "$1: says '$text' ($out)" grep -qF -- "$text" <<<"$out"
	done
	expect "$1: in the log" grep -qF -- "${*: -1}" "$T/gateway/alpha/log"
	cp "$T/good" "$conf"
}

line()
{
	grep -n "$1" "$T/good" | cut -d: -f1
}

lease()
{
	rm -f "$T/workload/cache/lease"
	dhcp cache
	grep -q "lease=$1 " "$T/workload/cache/lease"
}

# in_log TEXT N: at least so many times
in_log()
{
	[ "$(grep -c "$1" "$T/gateway/alpha/log")" -ge "$2" ]
}

shop_up
conf=$T/gateway/alpha/gateway.conf
cp "$conf" "$T/good"
stream_start web db 100.64.10.20

expect "nothing has changed: fine" reload
edit 's/dhcp_lease = 3600/dhcp_lease = 1234/; s/log_level = "info"/log_level = "debug"/'
expect "live keys" reload
expect "the next lease is the new one" lease 1234
cp "$conf" "$T/good"
edit 's/dhcp_lease = 1234/dhcp_lease = 777/'
n=$(grep -c 'in force' "$T/gateway/alpha/log")
kill -HUP "$(cat "$T/gateway/alpha/pid")"
eventually 5 "SIGHUP does the same" in_log 'in force' $((n + 1))
expect "the next lease is the new one" lease 777
cp "$conf" "$T/good"

refused "an unknown key" 's/mbufs = /mbuffs = /' "gateway.conf:$(line mbufs)" mbuffs
refused "a wrong type" 's/log_level = "debug"/log_level = 7/' "gateway.conf:$(line log_level)" log_level
refused "a syntax error" 's/^workload = {/workload = = {/' "gateway.conf:$(line '^workload')"
refused "what only a restart can change" 's/mbufs = 32768/mbufs = 16384/' \
	"gateway.conf:$(line mbufs)" "dpdk.mbufs: needs a restart"
refused "a live key beside an error" 's/dhcp_lease = 777/dhcp_lease = 55/; s/busy_poll = false/busy_poll = maybe/' \
	"gateway.conf:$(line busy_poll)"
expect "changes nothing" lease 777
for i in 1 2 3 4 5; do
	edit "s/dhcp_lease = 777/dhcp_lease = $((600 + i))/"
	expect "reload number $i" reload
done
stream_lossless "while the configuration is read again"
