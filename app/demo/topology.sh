# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# A small world in network namespaces of its own: a switch that stands for the
# internet, gateways, tenants and workloads. Sourced by app/demo/run, tests/net
# and perf/end-to-end.
#
# Everything an instance makes carries its random name, and all of its state is
# in files under $T: several instances run at the same time, and topology_end
# can clean up after an instance that another process has left. The host's own
# interfaces, addresses and files are never touched, and nothing that runs in
# here can reach them.
#
#   topology_begin             check the host, make $T and the switch
#   topology_end               remove everything; also runs on exit and signals
#   namespace NAME             a host of its own
#   at NAME COMMAND...         run a command on it
#   cable NS IF NS IF          a link between two of them
#   segment NAME               one more layer 2 network of the switch
#   plug NS IF [SEGMENT [PORT]] a port on the switch
#   underlay_cut / underlay_heal A B...   stop and resume traffic between these
#   await SECONDS COMMAND...   until it succeeds
# and, in gateways.sh, what runs on it.

LM_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
LM_BUILD=${LM_BUILD:-$LM_ROOT/build}
# udhcpc, dhclient and ethtool live in sbin, which a plain `su` leaves out.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

topology_check()
{
	local tool missing=

	[ "$(id -u)" = 0 ] || die "must run as root: it makes network namespaces"
	for tool in ip ethtool jq python3 udhcpc dhclient ping; do
		command -v "$tool" >/dev/null || missing+=" $tool"
	done
	[ -z "$missing" ] || die "missing:$missing (drivers-config/install run)"
}

topology_begin()
{
	topology_check
	T=$(mktemp -d "${TMPDIR:-/tmp}/leasemesh.XXXXXX")
	LM_ID=lm-${T##*.}
	mkdir "$T"/{ns,gateway,workload,owner,manifest}
	trap topology_end EXIT
	trap 'exit 129' HUP
	trap 'exit 130' INT
	trap 'exit 143' TERM
	namespace switch
	quiet switch
	segment net0
}

# Works from $T alone. A second call, and a signal that arrives meanwhile, do nothing.
topology_end()
{
	local name

	trap '' INT TERM HUP
	trap - EXIT
	[ -n "${T:-}" ] && [ -d "$T/ns" ] || return 0
	topology_kill TERM
	LM_PATIENCE=1 await 3 topology_silent || topology_kill KILL
	# Who is killed may still write for a moment, and a namespace lives as long as who is in it.
	await 10 topology_silent || true
	for name in $(topology_names); do
		ip netns del "$LM_ID-$name" 2>/dev/null || true
	done
	hugepages_return
	rm -rf "/run/dpdk/$LM_ID"-* "$T"
}

topology_names()
{
	(cd "$T/ns" && echo *)
}

topology_pids()
{
	local name

	for name in $(topology_names); do
		ip netns pids "$LM_ID-$name" 2>/dev/null || true
	done
}

topology_silent()
{
	[ -z "$(topology_pids)" ]
}

topology_kill()
{
	local pids

	pids=$(topology_pids)
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill -s "$1" $pids 2>/dev/null || true
}

# The record comes first: an interrupt in between leaves nothing behind.
namespace()
{
	: >"$T/ns/$1"
	ip netns add "$LM_ID-$1"
	ip -n "$LM_ID-$1" link set lo up
}

at()
{
	local ns=$1

	shift
	ip netns exec "$LM_ID-$ns" "$@"
}

# The kernel of this namespace says nothing of its own on any link.
quiet()
{
	at "$1" tee /proc/sys/net/ipv6/conf/{all,default}/disable_ipv6 <<<1 >/dev/null
}

# A MAC address for each interface that is made, the same in every run.
next_mac()
{
	local n

	n=$(($(cat "$T/macs" 2>/dev/null || echo 0) + 1))
	echo "$n" >"$T/macs"
	printf '02:00:00:00:%02x:%02x' $((n / 256)) $((n % 256))
}

# LM_QUEUES is the number of queues of both ends: one for each worker that shall poll one.
cable()
{
	local q=${LM_QUEUES:-1}

	ip link add "$2" netns "$LM_ID-$1" address "$(next_mac)" numtxqueues "$q" numrxqueues "$q" \
		type veth peer name "$4" netns "$LM_ID-$3" address "$(next_mac)" \
		numtxqueues "$q" numrxqueues "$q"
	ip -n "$LM_ID-$1" link set "$2" up
	ip -n "$LM_ID-$3" link set "$4" up
}

# The end of a cable where a kernel's TCP lives, while a gateway holds the other one. A gateway
# takes packets as a NIC's wire carries them: with their checksum, not larger than the MTU.
# Threaded NAPI keeps the receiver's TCP out of the sender's system call, which is worth a half.
host_end()
{
	at "$1" ethtool -K "$2" tx off tso off gso on gro on >/dev/null
	at "$1" sh -c "echo 1 >/sys/class/net/$2/threaded" 2>/dev/null || true
}

segment()
{
	at switch ip link add "$1" type bridge forward_delay 0 mcast_snooping 0
	at switch ip link set "$1" up
}

# The switch's port has the name of the host, or the fourth argument's.
plug()
{
	local port=${4:-$1}

	cable switch "$port" "$1" "$2"
	at switch ip link set "$port" master "${3:-net0}"
}

# Isolated ports of a bridge do not reach each other, but everybody else: a tenant, a router.
underlay_cut()
{
	local port

	for port; do
		at switch ip link set "$port" type bridge_slave isolated on
	done
}

underlay_heal()
{
	local port

	for port; do
		at switch ip link set "$port" type bridge_slave isolated off
	done
}

# Tries until the command succeeds; its last output is shown by the caller if it never does.
# SECONDS is for a machine that has nothing else to do; LM_PATIENCE times as long for others.
await()
{
	local deadline=$((${EPOCHREALTIME/[.,]/} + $1 * ${LM_PATIENCE:-1} * 1000000))

	shift
	until "$@"; do
		[ "${EPOCHREALTIME/[.,]/}" -lt "$deadline" ] || return 1
		sleep 0.05
	done
}

# The pool of huge pages is the host's: what an instance adds to it, it takes out again, and no
# more. A lock, because two instances may do so at the same time.
hugepages_reserve()
{
	local want=$1 before after

	(
		flock 9
		before=$(cat /proc/sys/vm/nr_hugepages) || exit 1
		echo $((before + want)) >/proc/sys/vm/nr_hugepages 2>/dev/null || exit 1
		after=$(cat /proc/sys/vm/nr_hugepages)
		if [ "$after" -lt $((before + want)) ]; then
			echo "$before" >/proc/sys/vm/nr_hugepages
			exit 1
		fi
		echo $(($(cat "$T/hugepages" 2>/dev/null || echo 0) + want)) >"$T/hugepages"
	) 9>/run/lock/leasemesh-hugepages
}

hugepages_return()
{
	local left

	[ -f "$T/hugepages" ] || return 0
	(
		flock 9
		left=$(($(cat /proc/sys/vm/nr_hugepages) - $(cat "$T/hugepages")))
		# Somebody else may have taken some out of the pool meanwhile.
		echo $((left > 0 ? left : 0)) >/proc/sys/vm/nr_hugepages
	) 9>/run/lock/leasemesh-hugepages
}

# shellcheck source=app/demo/gateways.sh
. "$LM_ROOT/app/demo/gateways.sh"
