# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What runs in the small world of topology.sh, which sources this file.
#
#   owner NAME                      a tenant's key
#   gateway NAME                    a provider's host: on the underlay, with a key
#   workload NAME GATEWAY [PORT]    a host at an access port (its own, or a shared one)
#   shared_port GATEWAY PORT        an access port for several workloads, told apart by MAC
#   vlan_port GATEWAY PORT NAME:VLAN...   likewise by VLAN; makes the workloads, too
#   attach WORKLOAD OWNER NETWORK MEMBER REPLICA DSEQ    write its attachment file
#   gateway_start / gateway_stop / gateway_kill NAME
#   manifest OWNER NETWORK SERIAL <MEMBERS     prints the name of the signed file
#   submit GATEWAY FILE             as the tenant, over the underlay
#   dhcp WORKLOAD [udhcpc|dhclient|dhclient6]  an address by a real client
#   by_name WORKLOAD COMMAND...     with the names' server and domain that DHCP gave
#   telemetry GATEWAY COMMAND, query GATEWAY COMMAND JQ-FILTER
#
# Settings: LM_DRIVER af_xdp (default) or af_packet; LM_HUGE yes, no or auto;
# LM_WORKERS, LM_QUEUES: worker cores, and queues of each link; LM_DHCP_LEASE
# seconds; LM_LEDGER_ON_DISK: true or false; LM_PREFIX4, LM_PREFIX6: the networks' prefixes;
# LM_KEY_LOG: write keys for tshark; LM_NETWORKS, LM_ENDPOINTS: a gateway's limits.

LM_DRIVER=${LM_DRIVER:-af_xdp}
LM_HUGE=${LM_HUGE:-no}
LM_MEMORY_MB=${LM_MEMORY_MB:-512}

leasemesh()
{
	"$LM_BUILD/app/cli/leasemesh" "$@"
}

key_make()
{
	leasemesh keygen -o "$1/key" >/dev/null
	leasemesh key show --public "$1/key" >"$1/public"
	leasemesh key show --id "$1/key" >"$1/id"
}

owner()
{
	mkdir "$T/owner/$1"
	key_make "$T/owner/$1"
	[ -e "$T/ns/tenant" ] && return
	namespace tenant
	plug tenant eth0
	host_end tenant eth0
	ip -n "$LM_ID-tenant" addr add 192.0.2.100/24 dev eth0
	ip -n "$LM_ID-tenant" addr add 2001:db8::100/64 dev eth0 nodad
}

# The nth gateway is 192.0.2.n and 2001:db8::n, unless its files say otherwise.
gateway()
{
	local dir=$T/gateway/$1 n

	n=$(($(find "$T/gateway" -mindepth 1 -maxdepth 1 | wc -l) + 1))
	mkdir -p "$dir/attachments" "$dir/state"
	key_make "$dir"
	echo "192.0.2.$n" >"$dir/address4"
	echo "2001:db8::$n" >"$dir/address6"
	namespace "$1"
	quiet "$1"
	plug "$1" wan "${2:-net0}"
	echo "wan underlay" >"$dir/ports"
}

address4()
{
	cat "$T/gateway/$1/address4"
}

shared_port()
{
	namespace "$1-$2"
	quiet "$1-$2"
	cable "$1-$2" trunk "$1" "$2"
	at "$1-$2" ip link add bridge type bridge forward_delay 0 mcast_snooping 0
	at "$1-$2" ip link set trunk master bridge
	at "$1-$2" ip link set bridge up
	echo "$2 access" >>"$T/gateway/$1/ports"
}

workload()
{
	local dir=$T/workload/$1 port=${3:-$1}

	mkdir "$dir"
	echo "$2" >"$dir/gateway"
	echo "$port" >"$dir/port"
	namespace "$1"
	if [ -e "$T/ns/$2-$port" ]; then
		cable "$1" eth0 "$2-$port" "$1"
		at "$2-$port" ip link set "$1" master bridge
		at "$2-$port" ip link set "$1" type bridge_slave isolated on
	else
		cable "$1" eth0 "$2" "$port"
		echo "$port access" >>"$T/gateway/$2/ports"
	fi
	host_end "$1" eth0
	at "$1" cat /sys/class/net/eth0/address >"$dir/mac"
}

# Not every kernel has VLAN filtering in its bridge, so a small program tags and untags.
vlan_port()
{
	local gw=$1 port=$2 pair name

	shift 2
	namespace "$gw-$port"
	quiet "$gw-$port"
	cable "$gw-$port" trunk "$gw" "$port"
	echo "$port access" >>"$T/gateway/$gw/ports"
	for pair; do
		name=${pair%:*}
		mkdir "$T/workload/$name"
		echo "$gw" >"$T/workload/$name/gateway"
		echo "$port" >"$T/workload/$name/port"
		echo "${pair#*:}" >"$T/workload/$name/vlan"
		namespace "$name"
		cable "$name" eth0 "$gw-$port" "$name"
		host_end "$name" eth0
	done
	ip netns exec "$LM_ID-$gw-$port" "$LM_ROOT/app/demo/vlan-switch" trunk "$@" \
		>"$T/$gw-$port.log" 2>&1 </dev/null &
}

# Written aside and renamed, as a provider's system should.
attach()
{
	local dir=$T/workload/$1 gw out

	gw=$(cat "$dir/gateway")
	out=$T/gateway/$gw/attachments/$1
	{
		echo "lease = \"$(cat "$T/owner/$2/id")/$6/1/1/$(cat "$T/gateway/$gw/id")\";"
		echo "network = \"$3\"; member = \"$4\"; replica = $5;"
		echo "port = \"$(cat "$dir/port")\";"
		if [ -e "$dir/vlan" ]; then
			echo "vlan = $(cat "$dir/vlan");"
		else
			echo "mac = \"$(cat "$dir/mac")\";"
		fi
	} >"$out.new"
	mv "$out.new" "$out.conf"
}

detach()
{
	rm "$T/gateway/$(cat "$T/workload/$1/gateway")/attachments/$1.conf"
}

# AF_XDP has one queue on a veth: DPDK takes the number from its "combined" channels, of which it
# has none.
gateway_ports()
{
	local name role n=0 sep='' more=

	[ "$LM_DRIVER" = af_xdp ] || more=,qpairs=${LM_QUEUES:-1}
	while read -r name role; do
		printf '%s\t{ name = "%s"; role = "%s"; device = "net_%s%d,iface=%s%s"; }' "$sep" \
			"$name" "$role" "$LM_DRIVER" $n "$name" "$more"
		n=$((n + 1)) sep=$',\n'
	done <"$T/gateway/$1/ports"
	echo
}

gateway_owners()
{
	local dir sep=

	for dir in "$T"/owner/*/; do
		printf '%s\t{ name = "%s"; key = "%s"; }' "$sep" "$(basename "$dir")" \
			"$(cat "$dir/public")"
		sep=$',\n'
	done
	echo
}

# $T/gateway/NAME/underlay replaces the underlay section's addresses where a test needs others.
gateway_conf()
{
	local dir=$T/gateway/$1

	cat <<END
identity = "$dir/key";
state_dir = "$dir/state";
attachments = "$dir/attachments";
log_level = "${LM_LOG_LEVEL:-info}";
$([ -z "${LM_KEY_LOG:-}" ] || echo "key_log = \"$dir/esp_sa\";")
dpdk = {
	huge_pages = $([ -e "$dir/huge" ] && echo true || echo false);
	memory_mb = $LM_MEMORY_MB;
	file_prefix = "$LM_ID-$1";
	control_core = 0;
	worker_cores = [${LM_WORKERS:-1}];
	pin = false;
	busy_poll = false;
	mbufs = ${LM_MBUFS:-32768};
};
ports = (
$(gateway_ports "$1")
);
underlay = {
$(cat "$dir/underlay" 2>/dev/null ||
	echo "	addresses = [\"$(address4 "$1")/24\", \"$(cat "$dir/address6")/64\"];")
	port = 4500;
	lane_source_ports = true;
};
owners = (
$(gateway_owners)
);
ledger = { on_disk = ${LM_LEDGER_ON_DISK:-false}; };
workload = { dhcp_lease = ${LM_DHCP_LEASE:-3600}; domain = "internal"; };
limits = {
	networks = ${LM_NETWORKS:-64}; peers = 64; endpoints = ${LM_ENDPOINTS:-1024};
	flows = 8192;
};
END
}

# Ready is when it answers.
gateway_start()
{
	local dir=$T/gateway/$1

	if [ ! -e "$dir/gateway.conf" ]; then
		if [ "$LM_HUGE" != no ] && hugepages_reserve $((LM_MEMORY_MB / 2 + 8)); then
			: >"$dir/huge"
		elif [ "$LM_HUGE" = yes ]; then
			die "$1: the kernel does not give $((LM_MEMORY_MB / 2 + 8)) huge pages"
		fi
		gateway_conf "$1" >"$dir/gateway.conf"
	fi
	# A session of its own: Ctrl-C is for the script, which then stops it in order.
	setsid ip netns exec "$LM_ID-$1" "$LM_BUILD/app/gateway/leasemeshd" -c "$dir/gateway.conf" >>"$dir/log" 2>&1 </dev/null &
	echo $! >"$dir/pid"
	await "${LM_START_SECONDS:-20}" gateway_settled "$1"
	gateway_answers "$1" && return
	tail -n 20 "$dir/log" >&2
	die "gateway $1 did not start"
}

gateway_answers()
{
	telemetry "$1" /leasemesh/info >/dev/null 2>&1
}

gateway_alive()
{
	[ -d "/proc/$(cat "$T/gateway/$1/pid")" ]
}

# It answers, or it is gone.
gateway_settled()
{
	gateway_answers "$1" || ! gateway_alive "$1"
}

# Returns the daemon's exit status.
gateway_stop()
{
	kill -s "${2:-TERM}" "$(cat "$T/gateway/$1/pid")"
	wait "$(cat "$T/gateway/$1/pid")"
}

gateway_kill()
{
	gateway_stop "$1" KILL 2>/dev/null || true
}

telemetry()
{
	"$LM_ROOT/app/demo/telemetry" "/run/dpdk/$LM_ID-$1/dpdk_telemetry.v2" "$2"
}

query()
{
	telemetry "$1" "$2" | jq -er "$3"
}

# Every peer of these gateways is there, and every lane has keys at both ends.
sessions_up()
{
	local gw

	for gw; do
		query "$gw" /leasemesh/sessions \
			'(.sessions | length > 0) and all(.sessions[]; .state == "up")' >/dev/null || return
	done
}

# LM_PROVIDERS names the gateways that are authorised: all, if it is not set.
manifest()
{
	local file=$T/manifest/$2-$3 gw

	while [ -e "$file.yaml" ]; do file+=x; done
	{
		cat <<-END
		leasemesh: 1
		network: $2
		serial: $3
		prefixes:
		  ipv4: ${LM_PREFIX4:-100.64.10.0/24}
		  ipv6: ${LM_PREFIX6:-fd5a:10::/64}
		providers:
		END
		for gw in ${LM_PROVIDERS:-$(cd "$T/gateway" && echo *)}; do
			echo "  - name: $gw"
			echo "    key: $(cat "$T/gateway/$gw/public")"
			echo "    addresses: [\"$(address4 "$gw"):4500\"]"
		done
		echo "members:"
		cat
	} >"$file.yaml"
	leasemesh manifest sign --key "$T/owner/$1/key" -o "$file.signed" "$file.yaml" >"$file.log" 2>&1 ||
		die "$(cat "$file.log")"
	echo "$file.signed"
}

submit()
{
	at tenant "$LM_BUILD/app/cli/leasemesh" submit --to "$(address4 "$1"):4500" \
		--key "$(cat "$T/gateway/$1/public")" "$2"
}

# dhclient_run WORKLOAD 4|6 OPTIONS...; from a copy: AppArmor's profile for Debian's path forbids
# other scripts and files.
dhclient_run()
{
	local dir=$T/workload/$1

	cp -n "$(command -v dhclient)" "$dir/dhclient-copy"
	at "$1" "$dir/dhclient-copy" "-$2" -v -cf "$LM_ROOT/app/demo/dhclient.conf" \
		-e LM_LEASE="$dir/lease" -e LM_LEASE6="$dir/lease6" -sf "$LM_ROOT/app/demo/dhcp-lease" \
		-lf "$dir/dhclient$2.leases" -pf "$dir/dhclient$2.pid" "${@:3}" eth0 </dev/null
}

# Which is not in doubt any more.
has_link_local()
{
	ip -n "$LM_ID-$1" -6 addr show dev eth0 scope link -tentative | grep -q inet6
}

# All clients run our own script, which changes this workload's namespace and nothing else.
dhcp()
{
	local dir=$T/workload/$1 client=${2:-udhcpc}

	case $client in
	udhcpc)
		at "$1" env LM_LEASE="$dir/lease" udhcpc -i eth0 -n -t 10 -T 1 -O mtu -O lease -O search -O staticroutes \
			-p "$dir/dhcp.pid" -s "$LM_ROOT/app/demo/dhcp-lease"
		;;
	dhclient)
		dhclient_run "$1" 4 -1
		;;
	dhclient6)
		await 5 has_link_local "$1" && dhclient_run "$1" 6 -1
		;;
	*)
		die "dhcp: udhcpc, dhclient or dhclient6, not $client"
		;;
	esac >"$dir/$client.log" 2>&1 || {
		tail -n 5 "$dir/$client.log" >&2
		return 1
	}
}

# In a mount namespace of its own, whose /etc has nothing else: the host's is not touched.
by_name()
{
	local lease program

	program=$(readlink -f "$(command -v "$2")") # past /etc/alternatives
	lease=$(tail -n 1 "$T/workload/$1/lease")
	# shellcheck disable=SC2016
	at "$1" unshare -m sh -c 'mount -t tmpfs tmpfs /etc || exit
		printf "nameserver %s\nsearch %s\n" "$1" "$2" >/etc/resolv.conf
		shift 2
		exec "$@"' sh \
		"$(sed -n 's/.* dns=\([^ ]*\).*/\1/p' <<<"$lease")" \
		"$(sed -n 's/.* domain=\([^ ]*\).*/\1/p' <<<"$lease")" "$program" "${@:3}"
}
