/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a simulated gateway keeps over a crash. Manifests and facts are synced before a write
 * returns; of records, which need not be, a crash takes back any number of the latest writes.
 */
#ifndef LM_TESTS_SIM_DISK_H
#define LM_TESTS_SIM_DISK_H

#include <stdbool.h>
#include <uthash.h>
#include "base/id.h"
#include "random.h"

#define SIM_RECORD_ID_LEN 16
#define SIM_FACT_KEY_MAX 64

struct sim_bytes { /* NULL: none */
	uint8_t *data;
	size_t len;
};

struct sim_manifest_file {
	struct lm_net_id net;
	struct sim_bytes bytes;
	UT_hash_handle hh;
};

struct sim_record_key {
	struct lm_net_id net;
	uint8_t id[SIM_RECORD_ID_LEN];
};

struct sim_record_file {
	struct sim_record_key key;
	struct sim_bytes bytes;
	UT_hash_handle hh;
};

struct sim_fact_file {
	struct lm_net_id net;
	uint8_t key[SIM_FACT_KEY_MAX];
	size_t key_len;
	struct sim_bytes bytes;
};

/* A write that is not synced yet: what was there before. */
struct sim_undo {
	struct sim_record_key key;
	struct sim_bytes before;
};

struct sim_disk {
	struct sim_manifest_file *manifests; /* in the order in which they were first written */
	struct sim_record_file *records;
	struct sim_fact_file *facts; /* by network, then by key */
	size_t n_facts, facts_room;
	bool reading_facts;
	struct sim_undo *journal;
	size_t n_journal, room;
};

void sim_disk_write(
    struct sim_disk *d, const struct lm_net_id *net, const uint8_t *bytes, size_t len);
void sim_disk_put_record(struct sim_disk *d, const struct lm_net_id *net,
    const uint8_t id[SIM_RECORD_ID_LEN], const uint8_t *bytes, size_t len);
void sim_disk_drop_record(
    struct sim_disk *d, const struct lm_net_id *net, const uint8_t id[SIM_RECORD_ID_LEN]);
/* Of one network; drops those for which keep returns false. */
void sim_disk_each_record(struct sim_disk *d, const struct lm_net_id *net,
    bool (*keep)(void *ctx, const uint8_t *bytes, size_t len), void *ctx);
/* len 0: nothing is there any more. */
void sim_disk_put_fact(struct sim_disk *d, const struct lm_net_id *net, const void *key,
    size_t key_len, const void *value, size_t len);
/* Of one network, in the order of their keys, until each returns not 0, which is returned. */
int sim_disk_each_fact(struct sim_disk *d, const struct lm_net_id *net,
    int (*each)(void *ctx, const void *key, size_t key_len, const void *value, size_t len),
    void *ctx);
void sim_disk_sync(struct sim_disk *d);
/* Loses some of what is not synced. */
void sim_disk_crash(struct sim_disk *d, struct sim_random *random);
void sim_disk_free(struct sim_disk *d);

#endif
