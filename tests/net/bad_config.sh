#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A wrong or incomplete configuration ends with one clear line that names file,
# line and key.
. "$(dirname "$0")/common.bash"

# wrong WHAT SED-EXPRESSION TEXT...
wrong()
{
	local out status=0 text

	sed "$2" "$T/good" >"$conf"
	! cmp -s "$T/good" "$conf" || die "the edit '$2' changes nothing"
	out=$(at alpha timeout 20 "$LM_BUILD/app/gateway/leasemeshd" -c "$conf" 2>&1 </dev/null) || status=$?
	is "$1: exit status" 1 "$status"
	# DPDK and libbpf may add what they have to say about a device.
	is "$1: lines of ours" 1 "$(grep -c '^error ' <<<"$out")"
	for text in "${@:3}"; do
		expect "$1: says '$text' ($out)" grep -qF -- "$text" <<<"$out"
	done
}

at_line()
{
	echo "gateway.conf:$(grep -n -- "$1" "$T/good" | head -n 1 | cut -d: -f1)"
}

begin
owner shop
gateway alpha
workload web alpha
conf=$T/gateway/alpha/gateway.conf
gateway_conf alpha >"$T/good"

wrong "no identity" '/^identity/d' gateway.conf identity
wrong "an identity that is not there" 's,^identity = ".*/key",identity = "/nowhere/key",' /nowhere/key
wrong "an unknown key" 's/mbufs = /mbuffs = /' "$(at_line mbufs)" mbuffs
wrong "a repeated key" 's/^state_dir.*/&\n&/' gateway.conf state_dir
wrong "a wrong type" 's/memory_mb = 512/memory_mb = "much"/' "$(at_line memory_mb)" memory_mb
wrong "a syntax error" 's/^dpdk = {/dpdk = {{/' "$(at_line '^dpdk')"
wrong "no underlay port" 's/role = "underlay"/role = "access"/' gateway.conf ports underlay
wrong "an unknown role" 's/role = "access"/role = "exit"/' "$(at_line '"access"')" role
wrong "a bad address" 's,192.0.2.1/24,192.0.2.300/24,' "$(at_line 'addresses =')" addresses
wrong "a bad owner key" 's/key = "\([0-9a-f]\{10\}\)[0-9a-f]*"/key = "\1"/' owners key
wrong "a device that is not there" 's/iface=web/iface=nothere/' "$(at_line 'name = "web"')" web
wrong "too many buffers" 's/mbufs = 32768/mbufs = 1000000/' "$(at_line mbufs)" mbufs
wrong "a state directory that cannot be" 's,^state_dir = ".*",state_dir = "/proc/nothing",' /proc/nothing
cp "$T/good" "$conf"
expect "the good one is good" at alpha "$LM_BUILD/app/gateway/leasemeshd" -c "$conf" --check
gateway_start alpha
