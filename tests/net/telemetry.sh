#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Telemetry answers whoever asks: long names page by page, nonsense with an error, many
# clients at once, and none of them keeps the gateway from stopping.
# sanitize
. "$(dirname "$0")/common.bash"

long()
{
	printf '%s-%s' "$1" "$(printf 'x%.0s' {1..200})" | cut -c "1-$2"
}

# clients N COUNT PARAMETER...: so many clients at once ask for everything, each in an order of its
# own, so many times or until the gateway is gone. Fails if one of them waits for an answer in vain.
clients()
{
	python3 - "/run/dpdk/$LM_ID-alpha/dpdk_telemetry.v2" "$@" <<-'END'
		import json, random, socket, sys, threading

		path, clients, count, *parameters = sys.argv[1:]
		commands = "info ports sessions networks endpoints attachments lanes flows drops workers".split()
		failed, served = [], threading.Semaphore(0)

		def client(number):
		    random.seed(number)
		    try:
		        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
		            s.settimeout(20)
		            s.connect(path)
		            s.recv(1024)
		            for _ in range(int(count)):
		                command = "/leasemesh/" + random.choice(commands)
		                what = random.choice(parameters)
		                s.send((command + ("," + what if what else "")).encode())
		                answer = s.recv(20000)
		                if not answer:
		                    return
		                json.loads(answer)
		                served.release()
		    except TimeoutError:
		        failed.append("no answer")
		    except ValueError as e:
		        failed.append(f"no JSON: {e}")
		    except OSError:
		        pass  # it has ended
		    finally:
		        served.release()

		threads = [threading.Thread(target=client, args=(n,)) for n in range(int(clients))]
		for t in threads:
		    t.start()
		for t in threads:
		    served.acquire()
		print("asking", flush=True)
		for t in threads:
		    t.join()
		sys.exit("\n".join(failed) or 0)
	END
}

begin
owner shop
gateway alpha
workload host alpha lan
network=$(long net 63)
port=$(long lan 31)
gateway_conf alpha | sed "s/name = \"lan\"/name = \"$port\"/" >"$T/gateway/alpha/gateway.conf"
{
	for i in {0..49}; do
		echo "  - name: $(long "m$i" 63)"
		echo "    deployment: $((1000 + i))"
		echo "    endpoints: [{provider: alpha, ipv4: 100.64.10.$((100 + i)), ipv6: \"fd5a:10::1111:2222:3333:44$((10 + i))\"}]"
	done
} >"$T/members"
for i in {0..49}; do
	{ # the longest names that there are: a page of rows must fit into an answer
		echo "lease = \"$(cat "$T/owner/shop/id")/$((1000 + i))/1/1/$(cat "$T/gateway/alpha/id")\";"
		echo "network = \"$network\"; member = \"$(long "m$i" 63)\"; replica = 0;"
		echo "port = \"$port\"; mac = \"06:00:00:00:00:$((10 + i))\";"
	} >"$T/gateway/alpha/attachments/$(long "a$i" 127).conf"
done
gateway_start alpha
submit alpha "$(manifest shop "$network" 1 <"$T/members")" >/dev/null
await 5 in_force alpha "$network" 1
is "attachments, all pages" 50 "$(query alpha /leasemesh/attachments ".attachments | length")"
is "endpoints, all pages" 50 "$(query alpha /leasemesh/endpoints ".endpoints | length")"

expect "nonsense is answered" clients 1 200 -1 99999999999999999999 4294967295 4294967296 0,0 x '"' \
	"$(printf 'y%.0s' {1..500})"
expect "ten clients at once" clients 10 100 '' 0 7 33 60
expect "the gateway still answers" gateway_answers alpha

# What they ask while it stops is what this is about.
clients 10 1000000 '' 7 >"$T/clients" &
asking=$!
await 10 contains asking "$T/clients"
kill -TERM "$(cat "$T/gateway/alpha/pid")"
eventually 20 "it stops under questions" not gateway_alive alpha
wait "$(cat "$T/gateway/alpha/pid")"
wait "$asking"
echo "ok: and leaves nobody waiting"
