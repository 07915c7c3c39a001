#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
# timeout: 240
#
# The tenant's guide's example, conf/manifests/firewall.yaml, with what its tenants would use: curl by
# HTTP and HTTPS, iperf3, nc; and nmap, to which nothing is open but what the manifest opens.
. "$(dirname "$0")/common.bash"

WEB0=100.64.20.10 WEB1=100.64.20.11 DB=100.64.20.20
LISTENING=(22 80 443 5432 8443)

# serve WORKLOAD: on all of these ports, whatever the rules say
serve()
{
	local port

	for port in "${LISTENING[@]}"; do
		case $port in
		80) set -- "$1" python3 -m http.server -b 0.0.0.0 -d "$T/www" 80 ;;
		443) set -- "$1" openssl s_server -accept 443 -cert "$T/cert" -key "$T/key" -WWW ;;
		8443) set -- "$1" iperf3 -s -p 8443 ;;
		*) set -- "$1" nc -l -k "$port" ;;
		esac
		(cd "$T/www" && exec ip netns exec "$LM_ID-$1" "${@:2}") >/dev/null 2>&1 </dev/null &
		await 10 listening "$1" "$port"
	done
}

# fetched WORKLOAD URL: the page, to the last byte
fetched()
{
	at "$1" curl -s -k --noproxy '*' --connect-timeout 3 -m 20 -o "$T/got" "$2" && cmp -s "$T/www/page" "$T/got"
}

# open WORKLOAD ADDRESS: which of these ports a SYN scan finds open
open()
{
	at "$1" nmap -n -Pn -T4 --max-retries 2 -sS -oG - \
		-p "$(IFS=,; echo "${LISTENING[*]}")" "$2" 2>/dev/null |
		grep -oE '[0-9]+/open/' | cut -d/ -f1 | paste -sd' '
}

begin
owner tenant-mall
gateway alpha
gateway beta
for w in web0 staging0 staging1; do workload $w alpha; done
for w in web1 db shopper; do workload $w beta; done
gateway_start alpha
gateway_start beta
attach web0 tenant-mall mall web 0 2001
attach web1 tenant-mall mall web 1 2001
attach db tenant-mall mall db 0 2002
attach shopper tenant-mall mall shopper 0 2003
attach staging0 tenant-mall mall staging 0 2004
attach staging1 tenant-mall mall staging 1 2004
sed '1,/^members:/d' "$LM_ROOT/conf/manifests/firewall.yaml" >"$T/members"
submit alpha "$(LM_PREFIX4=100.64.20.0/24 manifest tenant-mall mall 1 <"$T/members")"
for gw in alpha beta; do eventually 10 "in force at $gw" in_force $gw mall 1; done
eventually 10 "the gateways have a session" sessions_up alpha beta
for w in web0 staging0 staging1; do eventually 5 "$w is attached" active alpha $w; done
for w in web1 db shopper; do eventually 5 "$w is attached" active beta $w; done
for w in web0 staging0 staging1 web1 db shopper; do dhcp $w; done

mkdir "$T/www"
head -c 300000 /dev/urandom >"$T/www/page"
openssl req -x509 -newkey rsa:2048 -nodes -subj /CN=web -days 2 -keyout "$T/key" -out "$T/cert" 2>/dev/null
for w in web0 web1 db; do serve $w; done

eventually 10 "shopper by HTTP, to web at the other provider" fetched shopper http://$WEB0/page
expect "and to web here" fetched shopper http://$WEB1/page
expect "by HTTPS" fetched shopper https://$WEB0/page
expect "by HTTPS here" fetched shopper https://$WEB1/page
tcp_flows "iperf3 to the application's own port" shopper $WEB0 -p 8443 -t 1
expect "the load generator by HTTP" fetched staging1 http://$WEB0/page
expect "and by HTTPS, to the other provider" fetched staging1 https://$WEB1/page
refuse "staging, which is kept out, by HTTP" fetched staging0 http://$WEB0/page
refuse "nor to the other provider" fetched staging0 http://$WEB1/page
expect "web to db" tcp web0 $DB 5432
expect "web to db, both at one provider" tcp web1 $DB 5432
refuse "shopper, which keeps itself from db" tcp shopper $DB 5432
refuse "staging, which db does not expect" tcp staging1 $DB 5432
refuse "ssh, which web does not open" tcp shopper $WEB0 22

for to in $WEB0 $WEB1; do
	is "shopper finds open at $to" "80 443 8443" "$(open shopper "$to")"
	is "the load generator" "80 443 8443" "$(open staging1 "$to")"
	is "staging" "" "$(open staging0 "$to")"
	is "db" "" "$(open db "$to")"
done
is "web finds open at db" "5432" "$(open web0 $DB)"
is "shopper" "" "$(open shopper $DB)"
is "staging" "" "$(open staging1 $DB)"
