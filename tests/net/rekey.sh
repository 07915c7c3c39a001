#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# timeout: 240
# beside: it waits for the real rekey age, 120 s
#
# Keys change while traffic flows, and not one packet is lost.
. "$(dirname "$0")/common.bash"

epoch()
{
	query alpha /leasemesh/sessions '.sessions[0].epoch'
}

spis()
{
	query alpha /leasemesh/lanes '[.lanes[] | select(.packets > 0) | .spi] | sort | join(" ")'
}

rekeyed()
{
	local now

	now=$(epoch) && [ "$now" != "$1" ]
}

shop_up
stream_start web db 100.64.10.20 200
before=$(epoch) old=$(spis)
within 150 "a new epoch" rekeyed "$before"
eventually 30 "the old lanes are gone, the new ones carry traffic" renewed "$old" spis
stream_lossless "while keys change" 10000
