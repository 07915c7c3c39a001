/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Telemetry threads ask, the control lcore answers. DPDK runs telemetry callbacks
 * in threads of its own, several at once; none of them may look at control state,
 * so each hands over what it wants to know and waits.
 */
#ifndef LM_GATEWAY_ASK_H
#define LM_GATEWAY_ASK_H

#include <rte_telemetry.h>

struct gateway;

/* Runs on the control lcore. params is "" if there were none. */
typedef int (*gw_answer)(struct gateway *gw, const char *params, struct rte_tel_data *d);

/* Control lcore. Returns a descriptor that is readable when somebody asks, or -errno. */
int gw_ask_open(void);
void gw_ask_serve(struct gateway *gw);
/* Whoever still waits, and whoever asks from now on, gets -ESHUTDOWN. */
void gw_ask_close(void);

/* A telemetry thread: blocks until control has answered. */
int gw_ask(gw_answer answer, const char *params, struct rte_tel_data *d);

#endif
