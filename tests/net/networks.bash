# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# Many networks alike, for tests/net/networks.sh and perf/control-daemon; needs
# app/demo/topology.sh. Network I, 1 .. 4094, is called "nI" and has one member, "m",
# with a replica at each gateway; that of the first is 100.64.10.11, and so on. It is
# VLAN I of port "lan"; only those that are asked for have a host, called "GATEWAY-nI".
#
#   networks_gateways NAME...           the gateways, and the owners of all networks
#   networks_port GATEWAY I...          port "lan", and hosts in these networks
#   networks_attach GATEWAY FROM TO     attachment files
#   networks_sign SERIAL FROM TO [PROTOCOL]     manifests; members may speak PROTOCOL (any)
#   networks_submit GATEWAY SERIAL FROM TO [STEP]
#   networks_control GATEWAY FIELD VALUE        so says its /leasemesh/control

NETWORKS_OWNERS=10
NETWORKS_AT_ONCE=16 # tenants who submit

networks_gateways()
{
	local i gw

	NETWORKS_GATEWAYS=("$@")
	for ((i = 0; i < NETWORKS_OWNERS; i++)); do
		owner "o$i"
	done
	for gw; do
		gateway "$gw"
	done
	networks_common >"$T/manifest/common"
}

# Of each manifest, from the prefixes to the endpoints.
networks_common()
{
	local gw host=10

	printf 'prefixes:\n  ipv4: 100.64.10.0/24\nproviders:\n'
	for gw in "${NETWORKS_GATEWAYS[@]}"; do
		printf '  - name: %s\n    key: %s\n    addresses: ["%s:4500"]\n' "$gw" \
			"$(cat "$T/gateway/$gw/public")" "$(address4 "$gw")"
	done
	printf 'members:\n  - name: m\n    deployment: 1\n    endpoints:\n'
	for gw in "${NETWORKS_GATEWAYS[@]}"; do
		host=$((host + 1))
		printf '      - {provider: %s, ipv4: 100.64.10.%d}\n' "$gw" $host
	done
}

networks_port()
{
	local gw=$1

	shift
	# shellcheck disable=SC2046
	vlan_port "$gw" lan $(for i; do echo "$gw-n$i:$i"; done)
}

networks_attach()
{
	local gw=$1 owners=() replica=0 provider i

	while [ "${NETWORKS_GATEWAYS[replica]}" != "$gw" ]; do
		replica=$((replica + 1))
	done
	for ((i = 0; i < NETWORKS_OWNERS; i++)); do
		owners+=("$(cat "$T/owner/o$i/id")")
	done
	provider=$(cat "$T/gateway/$gw/id")
	for ((i = $2; i <= $3; i++)); do
		printf '%s = %s;\n' lease "\"${owners[i % NETWORKS_OWNERS]}/1/1/1/$provider\"" \
			network "\"n$i\"" member '"m"' replica $replica port '"lan"' vlan $i \
			>"$T/gateway/$gw/attachments/n$i.conf"
	done
}

networks_sign()
{
	local serial=$1 common i

	common=$(cat "$T/manifest/common")
	for ((i = $2; i <= $3; i++)); do
		printf 'leasemesh: 1\nnetwork: n%d\nserial: %d\n%s\n    egress: [{to: m, protocol: %s}]\n    ingress: [{from: m, protocol: %s}]\n' \
			$i "$serial" "$common" "${4:-any}" "${4:-any}" >"$T/manifest/n$i-$serial.yaml"
		echo "$T/owner/o$((i % NETWORKS_OWNERS))/key $T/manifest/n$i-$serial.yaml"
	done | xargs -n 2 -P "$(nproc)" "$LM_BUILD/app/cli/leasemesh" manifest sign --key >/dev/null
}

# As many tenants: each brings its own.
networks_submit()
{
	local gw=$1

	seq -f "$T/manifest/n%.0f-$2.signed" "$3" "${5:-1}" "$4" |
		at tenant xargs -n 1 -P "$NETWORKS_AT_ONCE" "$LM_BUILD/app/cli/leasemesh" submit \
			--timeout 60 --to "$(address4 "$gw"):4500" --key "$(cat "$T/gateway/$gw/public")" \
			>/dev/null 2>>"$T/submit.log"
}

networks_control()
{
	query "$1" /leasemesh/control ".$2 == $3" >/dev/null
}
