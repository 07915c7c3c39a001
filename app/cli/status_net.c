/* SPDX-License-Identifier: Apache-2.0 */
/* Sections of the control plane: gateway, control, sessions, networks, endpoints, attachments. */
#include <stdio.h>
#include <string.h>
#include <time.h>
#include "column.h"
#include "status.h"
#include "telemetry.h"

void status_gateway(const json_t *info, const struct status_options *options)
{
	static const struct column columns[] = {
	    {"NAME", cell_text, "name"},
	    {"VERSION", cell_text, "version"},
	    {"UP", cell_age, "uptime_s"},
	    {">WORKERS", cell_count, "workers"},
	    {"IPSEC-MB", cell_text, "ipsec_mb"},
	    {"STORE", cell_text, "store"},
	    {"LEDGER", cell_text, "ledger"},
	    {">RECORDS", cell_count, "ledger_records"},
	    {">KEPT", cell_count, "ledger_disk_records"},
	    {"ID", cell_text, "id"},
	    {0},
	};
	struct table t;
	char key[80], store[32];

	columns_start(&t, columns);
	columns_row(&t, columns, info);
	table_end(&t);
	if (strcmp(telemetry_text(info, "store", store, sizeof(store)), "lost") == 0)
		puts("its store was lost: with this key it votes in no network's chain any more");
	if (options->all)
		printf("public key %s\n", telemetry_text(info, "key", key, sizeof(key)));
	if (number_of(info, "ipsec_mb_shared_writes") && number_of(info, "workers") > 1)
		puts("this ipsec-mb makes workers slow each other down; build with 2.0");
}

static void cell_ms(struct table *t, const json_t *row, const char *key)
{
	table_cellf(t, "%.1f ms", (double)number_of(row, key) / 1000);
}

/* How long others waited for the control thread: turns, and those that took longer. */
void status_control(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {">NETWORKS", cell_count, "networks"},
	    {">JOINED", cell_count, "joined"},
	    {">ATTACHMENTS", cell_count, "attachments"},
	    {">ACTIVE", cell_count, "active"},
	    {">PEERS UP", cell_count, "peers_up"},
	    {">LANES IN", cell_count, "lanes_in"},
	    {">OUT", cell_count, "lanes_out"},
	    {">TURNS", cell_count, "turns"},
	    {">LONGEST", cell_ms, "longest_us"},
	    {">10 MS", cell_count, "over_10ms"},
	    {">100 MS", cell_count, "over_100ms"},
	    {">1 S", cell_count, "over_1s"},
	    {0},
	};
	struct table t;

	(void)options;
	columns_start(&t, columns);
	columns_row(&t, columns, answer);
	table_end(&t);
}

void status_sessions(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {"PEER", cell_id, "id"},
	    {"STATE", cell_text, "state"},
	    {"ADDRESS", cell_text, "address"},
	    {">HEARD", cell_age, "heard_s"},
	    {">EPOCH", cell_count, "epoch"},
	    {">LANES", cell_count, "lanes"},
	    {">HANDSHAKES", cell_count, "handshakes"},
	    {">RECEIVED", cell_count, "rx_messages"},
	    {">SENT", cell_count, "tx_messages"},
	    {0},
	};

	(void)options;
	columns_print(columns, json_object_get(answer, "sessions"));
}

static void cell_expiry(struct table *t, const json_t *row, const char *key)
{
	time_t at = (time_t)number_of(row, key);
	char text[32];
	struct tm tm;

	if (at == 0 || !gmtime_r(&at, &tm) || !strftime(text, sizeof(text), "%FT%TZ", &tm))
		table_cell(t, at == 0 ? "never" : NULL);
	else
		table_cellf(t, "%s%s", text, at < time(NULL) ? " (past)" : "");
}

void status_networks(const json_t *answer, const struct status_options *options)
{
	const struct column columns[] = {
	    {"NETWORK", cell_text, "name"},
	    {">SERIAL", cell_count, "serial"},
	    {"PART", cell_text, "part"},
	    {"OWNER", cell_id, "owner"},
	    {"EXPIRES", cell_expiry, "expires"},
	    {">PROVIDERS", cell_count, "providers"},
	    {">MEMBERS", cell_count, "members"},
	    {">ENDPOINTS", cell_count, "endpoints"},
	    {">LIMITED-OUT", cell_count, "limited_out"},
	    {">LIMITED-IN", cell_count, "limited_in"},
	    {">OVER-SHARE", cell_count, "over_share"},
	    {"ID", options->all ? cell_text : cell_id, "id"},
	    {0},
	};

	columns_print(columns, json_object_get(answer, "networks"));
}

static void cell_place(struct table *t, const json_t *row, const char *key)
{
	char port[40];

	telemetry_text(row, key, port, sizeof(port));
	if (number_of(row, "vlan"))
		table_cellf(t, "%s vlan %lld", port, (long long)number_of(row, "vlan"));
	else
		table_cell(t, port);
}

void status_endpoints(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {"NETWORK", cell_text, "network"},
	    {"ENDPOINT", cell_endpoint, "member"},
	    {"IPV4", cell_text, "ipv4"},
	    {"IPV6", cell_text, "ipv6"},
	    {"WHERE", cell_place, "port"},
	    {"MAC", cell_text, "mac"},
	    {">RECEIVED", cell_bytes, "rx_bytes"},
	    {">SENT", cell_bytes, "tx_bytes"},
	    {">SPOOFED", cell_count, "spoofed"},
	    {">LIMITED-OUT", cell_count, "limited_out"},
	    {">LIMITED-IN", cell_count, "limited_in"},
	    {"ATTACHMENT", cell_text, "attachment"},
	    {0},
	};

	(void)options;
	columns_print(columns, json_object_get(answer, "endpoints"));
}

static bool is_active(const json_t *row)
{
	char state[32];

	return strcmp(telemetry_text(row, "state", state, sizeof(state)), "active") == 0;
}

/* Those in order are in the section before, with all that is known of them. */
void status_attachments(const json_t *answer, const struct status_options *options)
{
	static const struct column columns[] = {
	    {"ATTACHMENT", cell_text, "name"},
	    {"STATE", cell_text, "state"},
	    {"REASON", cell_text, "reason"},
	    {0},
	};
	struct table t;
	const json_t *row;
	size_t i;

	columns_start(&t, columns);
	json_array_foreach(json_object_get(answer, "attachments"), i, row)
	{
		if (options->all || !is_active(row))
			columns_row(&t, columns, row);
	}
	if (t.n_cells == 0)
		puts("all active");
	table_end(&t);
}
