/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_version.h>

#include "ask.h"
#include "base/bytes.h"
#include "crypto/gcm.h"
#include "gateway.h"
#include "report.h"

#define LM_LOG_MODULE "telemetry"

/* ---- rows and pages --------------------------------------------------------- */

/*
 * DPDK leaves out without a word what does not fit into an answer, so we count: a row is only begun
 * if the largest one would still fit. Control answers one question at a time.
 */
#define ANSWER_BYTES (16 * 1024)
#define ANSWER_FRAME 256 /* the command's name, brackets, "next" */
#define ROW_BYTES_MAX 1024
#define ENTRY_BYTES 6 /* quotes, colon, comma */

static size_t written;

static void count(const char *key, const char *value)
{
	written += strlen(key) + strlen(value) + ENTRY_BYTES;
	/* What JSON writes with a backslash, or six characters long. */
	for (; *value; value++)
		if (*value == '"' || *value == '\\' || (unsigned char)*value < ' ')
			written += 5;
}

/* DPDK takes letters, digits and underscores in names. */
static const char *clean(char out[64], const char *key)
{
	size_t i = 0;

	for (; key[i] && i < 63; i++)
		out[i] = isalnum((unsigned char)key[i]) ? key[i] : '_';
	out[i] = '\0';
	return out;
}

void gw_put_u64(struct rte_tel_data *d, const char *key, uint64_t value)
{
	char name[64], digits[24];

	key = clean(name, key);
	snprintf(digits, sizeof(digits), "%" PRIu64, value);
	count(key, digits);
#if RTE_VERSION >= RTE_VERSION_NUM(23, 3, 0, 0)
	rte_tel_data_add_dict_uint(d, key, value);
#else
	rte_tel_data_add_dict_u64(d, key, value);
#endif
}

void gw_put_text(struct rte_tel_data *d, const char *key, const char *text)
{
	char cut[RTE_TEL_MAX_STRING_LEN];

	size_t len = strlen(text);
	if (len > sizeof(cut) - 1)
		len = sizeof(cut) - 1;
	memcpy(cut, text, len);
	cut[len] = '\0';
	count(key, cut);
	rte_tel_data_add_dict_string(d, key, cut);
}

void gw_put_result_text(struct rte_tel_data *d, const struct lm_why *text)
{
	gw_put_text(d, "text", text->text);
	if (strlen(text->text) >= RTE_TEL_MAX_STRING_LEN)
		gw_put_text(d, "text_more", text->text + RTE_TEL_MAX_STRING_LEN - 1);
}

int gw_page_start(
    struct gw_page *page, struct rte_tel_data *d, const char *name, const char *params)
{
	char *end;
	unsigned long first = strtoul(params, &end, 10);

	if (*end || first > UINT32_MAX)
		return -EINVAL;
	*page = (struct gw_page){.d = d, .name = name, .first = (uint32_t)first};
	page->rows = rte_tel_data_alloc();
	if (!page->rows)
		return -ENOMEM;
	rte_tel_data_start_dict(page->rows);
	written = ANSWER_FRAME;
	return rte_tel_data_start_dict(d);
}

bool gw_page_full(const struct gw_page *page)
{
	return page->more;
}

struct rte_tel_data *gw_page_row(struct gw_page *page)
{
	char key[16];

	if (page->seen++ < page->first || page->more)
		return NULL;
	if (page->filled == GW_PAGE_ROWS || written + ROW_BYTES_MAX > ANSWER_BYTES) {
		page->more = true;
		return NULL;
	}
	struct rte_tel_data *row = rte_tel_data_alloc();
	if (!row)
		return NULL;
	rte_tel_data_start_dict(row);
	snprintf(key, sizeof(key), "%u", page->filled);
	count(key, "");
	if (rte_tel_data_add_dict_container(page->rows, key, row, 0) < 0) {
		rte_tel_data_free(row);
		return NULL;
	}
	page->filled++;
	return row;
}

int gw_page_end(struct gw_page *page)
{
	if (page->more)
		gw_put_u64(page->d, "next", page->first + page->filled);
	return rte_tel_data_add_dict_container(page->d, page->name, page->rows, 0);
}

/* ---- the gateway itself ------------------------------------------------------ */

static void report_ledger(const struct gateway *gw, struct rte_tel_data *d)
{
	struct lm_journal_info disk = {0};
	struct lm_ledger_info ledger;

	lm_ledger_info(lm_membership_ledger(gw->membership), &ledger);
	if (gw->records)
		lm_journal_info(gw->records, &disk);
	bool kept = gw->records && !disk.failed;
	gw_put_text(d, "ledger", kept ? "disk" : gw->config->ledger_on_disk ? "failed" : "memory");
	gw_put_u64(d, "ledger_records", ledger.records);
	gw_put_u64(d, "ledger_restored", ledger.restored);
	if (!kept)
		return;
	gw_put_u64(d, "ledger_disk_records", disk.entries);
	gw_put_u64(d, "ledger_disk_bytes", disk.file_bytes);
	gw_put_u64(d, "ledger_disk_full", disk.full);
}

static const char *store_state(const struct gateway *gw)
{
	return gw->lost_store ? "lost" : gw->unmarked ? "unmarked" : "kept";
}

static int report_info(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	char id[LM_KEY_ID_TEXT], key[2 * LM_PUBLIC_KEY_LEN + 1];
	int shared;

	(void)params;
	rte_tel_data_start_dict(d);
	gw_put_text(d, "version", LM_VERSION);
	gw_put_text(d, "name", gw->config->file_prefix);
	gw_put_text(d, "id", lm_hex(id, &gw->identity.id, sizeof(gw->identity.id)));
	gw_put_text(d, "key", lm_hex(key, &gw->identity.pub, sizeof(gw->identity.pub)));
	gw_put_u64(d, "uptime_s", (gw_now().mono - gw->started) / GW_SECOND);
	gw_put_u64(d, "workers", gw->config->n_workers);
	gw_put_u64(d, "mbufs", gw->config->mbufs);
	gw_put_u64(d, "mbufs_in_use", lm_dp_mbufs_in_use(gw->dp));
	gw_put_text(d, "ipsec_mb", lm_gcm_library(&shared));
	gw_put_u64(d, "ipsec_mb_shared_writes", (uint64_t)shared);
	gw_put_text(d, "store", store_state(gw));
	report_ledger(gw, d);
	return 0;
}

/* What came of a command. */
static int put_result(struct rte_tel_data *d, int err, const struct lm_why *text)
{
	rte_tel_data_start_dict(d);
	gw_put_text(d, "result", err ? "error" : "ok");
	gw_put_result_text(d, text);
	return 0;
}

static int report_reload(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct lm_why text = {0};

	(void)params;
	return put_result(d, gw_reload(gw, &text), &text);
}

static int report_network_drop(struct gateway *gw, const char *params, struct rte_tel_data *d)
{
	struct lm_now now = gw_now();
	struct lm_why text = {0};
	struct lm_net_id id;

	if (lm_unhex(&id, sizeof(id), params, strlen(params)) < 0)
		return -EINVAL;
	int err = lm_membership_drop(gw->membership, &now, &id, &text);
	if (!err)
		lm_why(&text, 0, "dropped");
	return put_result(d, err, &text);
}

/* ---- registration ------------------------------------------------------------- */

#define COMMANDS(X) \
	X(info, report_info, "The gateway: version, id, uptime") \
	X(control, gw_report_control, "How many of everything, and the control thread's turns") \
	X(reload, report_reload, "Reads the configuration again") \
	X(network_drop, report_network_drop, \
	    "Ends a network whose owner is not accepted any more. Parameter: its id") \
	X(ports, gw_report_ports, "Ports and their counters. Parameter: first index") \
	X(sessions, gw_report_sessions, "Peer sessions. Parameter: first index") \
	X(networks, gw_report_networks, "Networks in force. Parameter: first index") \
	X(gateways, gw_report_gateways, \
	    "Who takes part in a network. Parameter: its index[,first]") \
	X(served, gw_report_served, "Endpoints of a network. Parameter: its index[,first]") \
	X(rules, gw_report_rules, \
	    "How often a network's rules decided. Parameter: its index[,first]") \
	X(routes, gw_report_routes, \
	    "Where a network's routes lead now. Parameter: its index[,first]") \
	X(recovery, gw_report_recovery, \
	    "What an owner is to sign. Parameter: a network's index, then providers") \
	X(chain, gw_report_chain, "What a network's gateways decide. Parameter: its index") \
	X(trace, gw_report_trace, \
	    "May one endpoint reach another? Parameter: a network's " \
	    "index,from,to,protocol[,port]") \
	X(endpoints, gw_report_endpoints, "Active attachments' endpoints. Parameter: first index") \
	X(attachments, gw_report_attachments, "Attachments and why not. Parameter: first index") \
	X(lanes, gw_report_lanes, "Security associations. Parameter: first index") \
	X(flows, gw_report_flows, "Live flows. Parameter: first index") \
	X(denied, gw_report_denied, \
	    "The last flows that rules denied, or allowed and log. Parameter: first index") \
	X(drops, gw_report_drops, "Packets in, out, dropped and punted by reason") \
	X(workers, gw_report_workers, "Packets and cycles by worker and stage")

#define X(name, answer, help) \
	static int ask_##name(const char *cmd, const char *params, struct rte_tel_data *d) \
	{ \
		(void)cmd; \
		return gw_ask(answer, params, d); \
	}
COMMANDS(X)
#undef X

int gw_report_register(struct gateway *gw)
{
	(void)gw;
#define X(name, answer, help) {"/leasemesh/" #name, ask_##name, help},
	static const struct {
		const char *cmd;
		telemetry_cb cb;
		const char *help;
	} commands[] = {COMMANDS(X)};
#undef X
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		int err =
		    rte_telemetry_register_cmd(commands[i].cmd, commands[i].cb, commands[i].help);
		if (err) {
			lm_error("%s: cannot register: %s", commands[i].cmd, strerror(-err));
			return err;
		}
	}
	return 0;
}
