/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sections of `leasemesh status`: what each asks the gateway, and how it is
 * printed for people. status.c is the command; status_net.c and status_data.c
 * print.
 */
#ifndef LM_CLI_STATUS_H
#define LM_CLI_STATUS_H

#include <stdbool.h>
#include <jansson.h>

struct status_options {
	bool all; /* also what is zero, idle or in order */
	unsigned top; /* how many flows */
};

struct status_section {
	const char *name; /* as on the command line, and the heading */
	const char *cmd;
	const char *list; /* the member that comes in pages, or NULL */
	bool in_overview; /* printed when no section is named */
	void (*print)(const json_t *answer, const struct status_options *options);
};

void status_gateway(const json_t *info, const struct status_options *options);
void status_control(const json_t *answer, const struct status_options *options);
void status_ports(const json_t *answer, const struct status_options *options);
void status_sessions(const json_t *answer, const struct status_options *options);
void status_networks(const json_t *answer, const struct status_options *options);
void status_endpoints(const json_t *answer, const struct status_options *options);
void status_attachments(const json_t *answer, const struct status_options *options);
void status_lanes(const json_t *answer, const struct status_options *options);
void status_flows(const json_t *answer, const struct status_options *options);
void status_denied(const json_t *answer, const struct status_options *options);
void status_drops(const json_t *answer, const struct status_options *options);
void status_workers(const json_t *answer, const struct status_options *options);

#endif
