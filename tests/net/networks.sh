#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 180
#
# 200 networks of one pair of gateways, all with the same addresses: all are joined,
# those that are tried carry traffic, a change of one reaches its own members only,
# workloads of two clash, a restart brings all back from the store, and the next network
# is refused.
. "$(dirname "$0")/common.bash"
# shellcheck source=tests/net/networks.bash
. "$(dirname "$0")/networks.bash"

N=200
LM_NETWORKS=$N LM_ENDPOINTS=$N LM_MEMORY_MB=128 LM_MBUFS=8192
TRIED=(1 100 200)

# complete GATEWAY: it is in all of them, with its peer
complete()
{
	networks_control "$1" joined $N && networks_control "$1" active $N &&
		networks_control "$1" lanes_out $N
}

meets()
{
	reaches "alpha-n$1" 100.64.10.12
}

refused()
{
	query alpha /leasemesh/drops '.control.membership_refused'
}

# At rest only: a packet may be between two counters while it is handled.
conserved()
{
	query "$1" /leasemesh/drops '.rx + .injected == .tx + .dropped + .punted' >/dev/null
}

begin
networks_gateways alpha beta
for gw in alpha beta; do
	networks_port $gw "${TRIED[@]}"
	gateway_start $gw
	networks_attach $gw 1 $N
done
networks_sign 1 1 $((N + 1))
networks_submit alpha 1 1 $N 2 &
networks_submit beta 1 2 $N 2
wait $!
for gw in alpha beta; do
	eventually 30 "$gw is in $N networks" complete $gw
done
for i in "${TRIED[@]}"; do
	dhcp "alpha-n$i"
	dhcp "beta-n$i"
	eventually 5 "network $i carries packets" meets "$i"
done

before=$(refused)
refuse "one more is refused" networks_submit alpha 1 $((N + 1)) $((N + 1))
expect "with a reason for its tenant" contains "no room for more than $N networks" \
	"$T/submit.log"
expect "and that is counted" test "$(refused)" -gt "$before"

networks_sign 2 100 100 tcp
networks_submit alpha 2 100 100
for gw in alpha beta; do
	eventually 5 "the change of one is in force at $gw" in_force $gw n100 2
done
refuse "and enforced" meets 100
expect "by its policy" test "$(drops alpha policy_egress)" -gt 0
for i in 1 200; do
	expect "network $i is as it was" meets "$i"
done

files=$T/gateway/alpha/attachments
sed -i 's/vlan = 2;/vlan = 1;/' "$files/n2.conf"
eventually 5 "a place that another network's workload has: refused" attached alpha n2 refused
mv "$files/n1.conf" "$T"
eventually 5 "it is free: active" attached alpha n2 active
sed -i 's/vlan = 1;/vlan = 2;/' "$files/n2.conf"
mv "$T/n1.conf" "$files"
eventually 5 "each is where it was" networks_control alpha active $N

gateway_kill alpha
gateway_start alpha
expect "all are back from the store" networks_control alpha networks $N
expect "with their attachments" networks_control alpha active $N
eventually 30 "alpha is complete again" complete alpha
eventually 30 "so is beta" complete beta
for i in 1 200; do
	eventually 5 "network $i carries packets" meets "$i"
done
refuse "the change is still in force" meets 100
for gw in alpha beta; do
	eventually 5 "$gw: each packet is accounted for" conserved $gw
done
lines=$(tac "$T/gateway/alpha/log" | sed '/ leasemeshd: gateway /q' | wc -l)
expect "a start does not fill the log ($lines lines)" test "$lines" -lt 120
