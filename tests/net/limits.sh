#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# What an endpoint and a network may send and receive is what they get, as iperf3
# measures it; the other tenant notices nothing; reload and attachments change it.
. "$(dirname "$0")/common.bash"

conf=

reload()
{
	cp "$conf" "$T/before"
	sed -i '/^rates/d' "$conf"
	[ -z "$1" ] || echo "rates = { $1 };" >>"$conf"
	not cmp -s "$T/before" "$conf" || die "the file is the same as before"
	leasemesh reload --prefix "$LM_ID-alpha" >/dev/null
}

# The attachment says, beside what it says already: own WORKLOAD TEXT
own()
{
	local file=$T/gateway/alpha/attachments/$1

	{ sed '/^bits\|^packets/d' "$file.conf" && echo "$2"; } >"$file.new"
	mv "$file.new" "$file.conf"
}

# endpoint WORKLOAD FIELD, network NAME FIELD: what alpha says; "none" if it has no such limit
endpoint()
{
	query alpha /leasemesh/endpoints "[.endpoints[] | select(.attachment == \"$1\") | .$2][0] // \"none\""
}

network()
{
	query alpha /leasemesh/networks "[.networks[] | select(.name == \"$1\") | .$2][0] // \"none\""
}

has()
{
	[ "$("$1" "$2" "$3")" = "$4" ]
}

grows()
{
	[ "$("$1" "$2" "$3")" -gt "$4" ]
}

# Mb/s of inner IP bytes that arrived in iperf3's last run, from payload: 1,418 in a packet of TCP
# hold 1,366 of it, with UDP we choose. A bucket that was full adds what it holds.
arrived()
{
	jq '.end | if .sum_received then .sum_received.bits_per_second * 1418 / 1366 else
		.sum.bits_per_second * (1 - .sum.lost_percent / 100) * 1228 / 1200 end / 1e6 | round' \
		"$T/iperf.json"
}

# between WHAT LEAST MOST
between()
{
	local n

	n=$(arrived)
	expect "$1: $n Mb/s" test "$n" -ge "$2" -a "$n" -le "$3"
}

begin
two_tenants
gateway_start alpha
gateway_start beta
conf=$T/gateway/alpha/gateway.conf
open_members | sed '/name: cache/,/ingress/d' >"$T/members"
for tenant in shop bank; do
	submit alpha "$(manifest $tenant $tenant 1 <"$T/members")"
	await 10 in_force beta $tenant 1
done
await 10 sessions_up alpha beta
for w in shop-web shop-db bank-web bank-db; do
	await 5 active "$(cat "$T/workload/$w/gateway")" $w
	dhcp $w
done
for tenant in shop bank; do
	await 10 reaches $tenant-web 100.64.10.20
	iperf_server $tenant-db
done

is "nothing is limited" none "$(endpoint shop-web limited_out)"
reload 'endpoint_bits_out = "20M";'
eventually 10 "an endpoint has the limit of the configuration" has endpoint shop-web bits_out 20000000
iperf shop-web 100.64.10.20 -t 4
between "TCP of 20 Mb/s" 13 23
eventually 5 "what is too much is counted" grows endpoint shop-web limited_out 0
expect "and nothing of the others" has endpoint bank-web limited_out 0

# The other tenant, meanwhile: 400 packets a second both ways.
stream_start bank-web bank-db 100.64.10.20
iperf shop-web 100.64.10.20 -u -b 80M -l 1200 -t 4
between "UDP of 20 Mb/s" 13 23
stream_lossless "while another tenant floods"
expect "and nothing of it is limited" has endpoint bank-web limited_out 0
is "drops are those of that endpoint" "$(endpoint shop-web limited_out)" "$(drops alpha endpoint_rate_out)"

own shop-web 'bits_out = "5M"; packets_in = 300;'
eventually 10 "what the lease bought counts more" has endpoint shop-web bits_out 5000000
iperf shop-web 100.64.10.20 -t 4
between "TCP of 5 Mb/s" 3 6
iperf bank-web 100.64.10.20 -t 4
between "the other one's of 20" 13 23
iperf shop-web 100.64.10.20 -R -u -b 20M -l 1200 -t 4
between "300 packets a second of 1,200 bytes to it, 2.9 Mb/s" 2 4
eventually 5 "which is counted as received" grows endpoint shop-web limited_in 0
own shop-web 'bits_out = "0";'
eventually 10 "0 is no limit, whatever is configured" has endpoint shop-web bits_out none
iperf shop-web 100.64.10.20 -t 3
expect "TCP without a limit: $(arrived) Mb/s" test "$(arrived)" -gt 40

reload 'network_bits_in = "10M";'
eventually 10 "a network has a limit" has network shop bits_in 10000000
iperf shop-web 100.64.10.20 -R -t 4
between "TCP to it of 10 Mb/s" 6 12
eventually 5 "what is too much is counted" grows network shop limited_in 0
expect "of this network alone" has network bank limited_in 0
expect "people see it" grep -Eq 'LIMITED-IN' <(leasemesh status -p "$LM_ID-alpha" networks)

status=0
echo 'rates = { network_bits_in = "fast"; };' >"$T/bad"
cp "$conf" "$T/good"
sed -i '/^rates/d' "$conf" && cat "$T/bad" >>"$conf"
leasemesh reload --prefix "$LM_ID-alpha" >"$T/answer" 2>&1 || status=$?
is "nonsense is refused" 1 "$status"
expect "by name" contains 'rates.network_bits_in: "fast" is no rate' "$T/answer"
is "and changes nothing" 10000000 "$(network shop bits_in)"
cp "$T/good" "$conf"
reload ''
eventually 10 "without limits" has network shop bits_in none
iperf shop-web 100.64.10.20 -R -t 3
expect "TCP to it: $(arrived) Mb/s" test "$(arrived)" -gt 40
