#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# sanitize: with the sanitized daemon as well
#
# SIGTERM: a gateway says goodbye, its peers know at once, and it leaves nothing.
. "$(dirname "$0")/common.bash"

down()
{
	query "$1" /leasemesh/sessions 'all(.sessions[]; .state != "up")' >/dev/null
}

shop_up
begin_us=${EPOCHREALTIME/[.,]/}
status=0
gateway_stop beta || status=$?
is "exit status" 0 $status
within 10 "alpha knows at once, not after 30 s of silence" down alpha
echo "ok: stopped and known in $(((${EPOCHREALTIME/[.,]/} - begin_us) / 1000)) ms"
refuse "beta's telemetry socket is gone or dead" gateway_answers beta
expect "no process of beta is left" test -z "$(ip netns pids "$LM_ID-beta")"
expect "local traffic at alpha goes on" reaches web 100.64.10.11
gateway_start beta
eventually 15 "beta is back" reaches web 100.64.10.20
status=0
gateway_stop beta INT || status=$?
is "exit status after SIGINT" 0 $status
