# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# For tests in which gateways decide addresses and places: members say nothing but how many
# replicas there are.
#
#   replicated NAME DEPLOYMENT [N]   a member for `manifest`, open to all
#   decided_at GATEWAY ENDPOINT FIELD      what it says of "db/0": provider, ipv4, ipv6, served
#   served_at GATEWAY ENDPOINT PROVIDER    it says that this one serves it now
#   noted GATEWAY ENDPOINT PROVIDER GENERATION      so says the chain, as far as it has it
#   lease4 WORKLOAD, lease6 WORKLOAD       the address that DHCP has given last
#   waits GATEWAY WORKLOAD TEXT            its attachment waits, for a reason that says so
#   anew WORKLOAD                          as a machine that was just made: no address, no lease

replicated()
{
	cat <<-END
	  - name: $1
	    deployment: $2
	    replicas: ${3:-1}
	    egress: [{to: any, protocol: any}]
	    ingress: [{from: any, protocol: any}]
	END
}

decided_at()
{
	query "$1" /leasemesh/served,0 \
		".served[] | select(.member == \"${2%/*}\" and .replica == ${2#*/}) | .$3"
}

served_at()
{
	[ "$(decided_at "$1" "$2" provider)" = "$3" ] && [ "$(decided_at "$1" "$2" served)" = yes ]
}

noted()
{
	[ "$(decided_at "$1" "$2" provider)" = "$3" ] && [ "$(decided_at "$1" "$2" generation)" = "$4" ]
}

lease4()
{
	grep -o '\bip=[^ ]*' "$T/workload/$1/lease" | tail -n 1 | cut -d= -f2
}

lease6()
{
	grep -o '\bip=[^ ]*' "$T/workload/$1/lease6" | tail -n 1 | cut -d= -f2
}

waits()
{
	[ "$(attachment "$1" "$2" state)" = waiting ] &&
		[[ "$(attachment "$1" "$2" reason)" == *"$3"* ]]
}

anew()
{
	local pid

	for pid in "$T/workload/$1/"*.pid; do
		[ ! -e "$pid" ] || kill "$(cat "$pid")" 2>/dev/null || true
	done
	rm -f "$T/workload/$1/lease"* "$T/workload/$1/"*.leases
	ip -n "$LM_ID-$1" addr flush dev eth0 scope global
}
