# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
#
# What perf/end-to-end compares: Leasemesh and four others, each with two gateways between two
# workloads on a segment of its own; needs app/demo/topology.sh. For each NAME there are hosts
# NAME-web and NAME-db, db's address in $T/NAME.address, its two gateways' processes in $T/NAME.pids,
# and NAME_up, which makes all that.

# shellcheck disable=SC2034 # for who sources this
CONTESTANTS=(leasemesh wg nebula tinc fastd)
declare -A TITLES=([leasemesh]=leasemesh [wg]=wireguard-go [nebula]=nebula [tinc]=tinc [fastd]=fastd)
TUNNEL_MTU=1420

leasemesh_up()
{
	owner shop
	gateway alpha
	gateway beta
	workload leasemesh-web alpha lan
	workload leasemesh-db beta lan
	attach leasemesh-web shop shop web 0 1
	attach leasemesh-db shop shop db 0 2
	gateway_start alpha
	gateway_start beta
	cat "$T"/gateway/*/pid >"$T/leasemesh.pids"
	submit alpha "$(manifest shop shop 1 <<-END
	  - name: web
	    deployment: 1
	    endpoints: [{provider: alpha, ipv4: 100.64.10.10}]
	    egress: [{to: db, protocol: any}]
	  - name: db
	    deployment: 2
	    endpoints: [{provider: beta, ipv4: 100.64.10.20}]
	    ingress: [{from: web, protocol: any}]
	END
	)" >/dev/null
	await 10 sessions_up alpha beta || die "alpha and beta have no session"
	dhcp leasemesh-web || die "web gets no address by DHCP"
	dhcp leasemesh-db || die "db gets no address by DHCP"
	echo 100.64.10.20 >"$T/leasemesh.address"
}

# routed NAME: two routers on a segment of their own, a workload behind each.
routed()
{
	local side n=0

	segment "$1"
	for side in web db; do
		n=$((n + 1))
		namespace "$1-gw$n"
		plug "$1-gw$n" wan "$1"
		ip -n "$LM_ID-$1-gw$n" addr add "192.0.2.$n/24" dev wan
		at "$1-gw$n" sh -c 'echo 1 >/proc/sys/net/ipv4/ip_forward'
		namespace "$1-$side"
		cable "$1-$side" eth0 "$1-gw$n" lan
		ip -n "$LM_ID-$1-gw$n" addr add "10.1.$n.1/24" dev lan
		ip -n "$LM_ID-$1-$side" addr add "10.1.$n.2/24" dev eth0
		ip -n "$LM_ID-$1-$side" link set eth0 mtu $TUNNEL_MTU
		ip -n "$LM_ID-$1-$side" route add default via "10.1.$n.1"
		# Of what veth can be set to, the fastest for them too (docs/performance.md).
		host_end "$1-$side" eth0
		host_end "$1-gw$n" lan
		host_end "$1-gw$n" wan
	done
	echo 10.1.2.2 >"$T/$1.address"
}

# The sockets of wg(8) are named by interface and shared by all namespaces.
wg_name()
{
	echo "w${LM_ID#lm-}$1"
}

wg_up()
{
	local n other name dir=$T/wireguard

	routed wg
	mkdir "$dir"
	for n in 1 2; do
		wg genkey | (umask 077 && tee "$dir/key$n") | wg pubkey >"$dir/public$n"
	done
	for n in 1 2; do
		other=$((3 - n)) name=$(wg_name $n)
		WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD=1 LOG_LEVEL=error \
			ip netns exec "$LM_ID-wg-gw$n" wireguard-go -f "$name" \
			>"$dir/log$n" 2>&1 </dev/null &
		echo $! >>"$T/wg.pids"
		await 5 test -S "/run/wireguard/$name.sock" || die "wireguard-go: $(cat "$dir/log$n")"
		wg set "$name" private-key "$dir/key$n" listen-port 51820 peer "$(cat "$dir/public$other")" \
			endpoint "192.0.2.$other:51820" allowed-ips "10.1.$other.0/24"
		ip -n "$LM_ID-wg-gw$n" link set "$name" mtu $TUNNEL_MTU up
		ip -n "$LM_ID-wg-gw$n" route add "10.1.$other.0/24" dev "$name"
	done
}

nebula_up()
{
	local n other dir=$T/nebula

	routed nebula
	mkdir "$dir"
	(cd "$dir" && nebula-cert ca -name perf)
	for n in 1 2; do
		other=$((3 - n))
		(cd "$dir" && nebula-cert sign -name "gw$n" -ip "10.2.0.$n/24" -subnets "10.1.$n.0/24")
		cat >"$dir/gw$n.yml" <<-END
		pki: {ca: $dir/ca.crt, cert: $dir/gw$n.crt, key: $dir/gw$n.key}
		static_host_map: {"10.2.0.$other": ["192.0.2.$other:4242"]}
		lighthouse: {am_lighthouse: false}
		listen: {host: 192.0.2.$n, port: 4242, batch: 128}
		cipher: aes
		tun:
		  dev: nebula
		  mtu: $TUNNEL_MTU
		  tx_queue: 1000
		  unsafe_routes: [{route: 10.1.$other.0/24, via: 10.2.0.$other}]
		logging: {level: error}
		firewall:
		  outbound: [{port: any, proto: any, host: any}]
		  inbound: [{port: any, proto: any, host: any, local_cidr: 0.0.0.0/0}]
		END
	done
	for n in 1 2; do
		ip netns exec "$LM_ID-nebula-gw$n" nebula -config "$dir/gw$n.yml" >"$dir/log$n" 2>&1 </dev/null &
		echo $! >>"$T/nebula.pids"
	done
}

# Of each other: a public key, an address and what is behind it. AES-256 and SHA-256, its defaults.
tinc_up()
{
	local n other dir=$T/tinc

	routed tinc
	for n in 1 2; do
		mkdir -p "$dir/gw$n/hosts"
		other=$((3 - n))
		cat >"$dir/gw$n/tinc.conf" <<-END
		Name = gw$n
		ConnectTo = gw$other
		Interface = tinc
		BindToAddress = 192.0.2.$n
		END
		printf 'Address = 192.0.2.%s\nSubnet = 10.1.%s.0/24\nPMTU = %s\n' \
			$n $n $TUNNEL_MTU >"$dir/gw$n/hosts/gw$n"
		cat >"$dir/gw$n/tinc-up" <<-END
		#!/bin/sh
		ip link set "\$INTERFACE" mtu $TUNNEL_MTU up
		ip route add 10.1.$other.0/24 dev "\$INTERFACE"
		END
		chmod +x "$dir/gw$n/tinc-up"
		tincd -c "$dir/gw$n" -K </dev/null >/dev/null 2>&1 || die "tinc makes no key"
	done
	cp "$dir/gw1/hosts/gw1" "$dir/gw2/hosts/"
	cp "$dir/gw2/hosts/gw2" "$dir/gw1/hosts/"
	for n in 1 2; do
		ip netns exec "$LM_ID-tinc-gw$n" tincd -c "$dir/gw$n" --pidfile="$dir/pid$n" -D \
			>"$dir/log$n" 2>&1 </dev/null &
		echo $! >>"$T/tinc.pids"
	done
}

# In its manual's recommended method, on layer 3, as the others.
fastd_up()
{
	local n other dir=$T/fastd

	routed fastd
	mkdir "$dir"
	for n in 1 2; do
		fastd --machine-readable --generate-key >"$dir/key$n" 2>/dev/null
		echo "secret \"$(cat "$dir/key$n")\";" >"$dir/secret$n"
		fastd -c "$dir/secret$n" --machine-readable --show-key >"$dir/public$n"
	done
	for n in 1 2; do
		other=$((3 - n))
		cat >"$dir/gw$n.conf" <<-END
		mode tun;
		interface "fastd";
		method "salsa2012+umac";
		mtu $TUNNEL_MTU;
		bind 192.0.2.$n:10000;
		$(cat "$dir/secret$n")
		on up "ip link set fastd up; ip route add 10.1.$other.0/24 dev fastd";
		peer "gw$other" { key "$(cat "$dir/public$other")"; remote 192.0.2.$other:10000; }
		END
		ip netns exec "$LM_ID-fastd-gw$n" fastd -c "$dir/gw$n.conf" >"$dir/log$n" 2>&1 </dev/null &
		echo $! >>"$T/fastd.pids"
	done
}
