/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of the control plane: gateway, sessions, networks, endpoints, attachments. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "status.h"
#include "telemetry.h"

void status_gateway(const json_t *info, const struct status_options *options)
{
	static const char *const heads[] = {
	    "NAME", "VERSION", "UP", ">WORKERS", "IPSEC-MB", "ID", NULL};
	struct table t;
	char key[80];

	table_start(&t, heads);
	cell_text(&t, info, "name");
	cell_text(&t, info, "version");
	cell_age(&t, info, "uptime_s");
	cell_count(&t, info, "workers");
	cell_text(&t, info, "ipsec_mb");
	cell_text(&t, info, "id");
	table_end(&t);
	if (options->all)
		printf("public key %s\n", telemetry_text(info, "key", key, sizeof(key)));
	if (number_of(info, "ipsec_mb_shared_writes") && number_of(info, "workers") > 1)
		puts("this ipsec-mb makes workers slow each other down; build with 2.0");
}

void status_sessions(const json_t *answer, const struct status_options *options)
{
	static const char *const heads[] = {"PEER", "STATE", "ADDRESS", ">HEARD", ">EPOCH",
	    ">LANES", ">HANDSHAKES", ">RECEIVED", ">SENT", NULL};
	struct table t;
	const json_t *row;
	size_t i;

	(void)options;
	table_start(&t, heads);
	json_array_foreach(json_object_get(answer, "sessions"), i, row)
	{
		cell_id(&t, row, "id");
		cell_text(&t, row, "state");
		cell_text(&t, row, "address");
		cell_age(&t, row, "heard_s");
		cell_count(&t, row, "epoch");
		cell_count(&t, row, "lanes");
		cell_count(&t, row, "handshakes");
		cell_count(&t, row, "rx_messages");
		cell_count(&t, row, "tx_messages");
	}
	table_end(&t);
}

static void cell_expiry(struct table *t, const json_t *row)
{
	time_t at = (time_t)number_of(row, "expires");
	char text[32];
	struct tm tm;

	if (at == 0 || !gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%FT%TZ", &tm))
		table_cell(t, at == 0 ? "never" : NULL);
	else
		table_cellf(t, "%s%s", text, at < time(NULL) ? " (past)" : "");
}

void status_networks(const json_t *answer, const struct status_options *options)
{
	static const char *const heads[] = {"NETWORK", ">SERIAL", "PART", "OWNER", "EXPIRES",
	    ">PROVIDERS", ">MEMBERS", ">ENDPOINTS", "ID", NULL};
	struct table t;
	const json_t *row;
	size_t i;

	table_start(&t, heads);
	json_array_foreach(json_object_get(answer, "networks"), i, row)
	{
		cell_text(&t, row, "name");
		cell_count(&t, row, "serial");
		cell_text(&t, row, "part");
		cell_id(&t, row, "owner");
		cell_expiry(&t, row);
		cell_count(&t, row, "providers");
		cell_count(&t, row, "members");
		cell_count(&t, row, "endpoints");
		if (options->all)
			cell_text(&t, row, "id");
		else
			cell_id(&t, row, "id");
	}
	table_end(&t);
}

static void cell_place(struct table *t, const json_t *row)
{
	char port[40];

	telemetry_text(row, "port", port, sizeof(port));
	if (number_of(row, "vlan"))
		table_cellf(t, "%s vlan %lld", port, (long long)number_of(row, "vlan"));
	else
		table_cell(t, port);
}

void status_endpoints(const json_t *answer, const struct status_options *options)
{
	static const char *const heads[] = {"NETWORK", "ENDPOINT", "IPV4", "IPV6", "WHERE", "MAC",
	    ">RECEIVED", ">SENT", ">SPOOFED", "ATTACHMENT", NULL};
	struct table t;
	const json_t *row;
	size_t i;

	(void)options;
	table_start(&t, heads);
	json_array_foreach(json_object_get(answer, "endpoints"), i, row)
	{
		char member[80];

		cell_text(&t, row, "network");
		table_cellf(&t, "%s/%lld", telemetry_text(row, "member", member, sizeof(member)),
		    (long long)number_of(row, "replica"));
		cell_text(&t, row, "ipv4");
		cell_text(&t, row, "ipv6");
		cell_place(&t, row);
		cell_text(&t, row, "mac");
		cell_bytes(&t, row, "rx_bytes");
		cell_bytes(&t, row, "tx_bytes");
		cell_count(&t, row, "spoofed");
		cell_text(&t, row, "attachment");
	}
	table_end(&t);
}

/* Those in order are in the section before, with all that is known of them. */
void status_attachments(const json_t *answer, const struct status_options *options)
{
	static const char *const heads[] = {"ATTACHMENT", "STATE", "REASON", NULL};
	struct table t;
	const json_t *row;
	bool some = false;
	size_t i;

	table_start(&t, heads);
	json_array_foreach(json_object_get(answer, "attachments"), i, row)
	{
		char state[32];

		telemetry_text(row, "state", state, sizeof(state));
		if (strcmp(state, "active") == 0 && !options->all)
			continue;
		some = true;
		cell_text(&t, row, "name");
		table_cell(&t, state);
		cell_text(&t, row, "reason");
	}
	if (!some)
		puts("all active");
	table_end(&t);
}
