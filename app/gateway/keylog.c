/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/bytes.h"
#include "crypto/gcm.h"
#include "gateway.h"

#define LM_LOG_MODULE "keylog"

/* Lines of Wireshark's esp_sa table: any addresses of either family, this SPI, key || salt. */
void gw_keylog_sa(const struct gateway *gw, uint32_t spi, const uint8_t keymat[36])
{
	static const char *const families[] = {"IPv4", "IPv6"};
	char hex[2 * LM_GCM_KEYMAT_LEN + 1];

	if (!gw->config->key_log[0])
		return;
	int fd = open(gw->config->key_log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0) {
		lm_warn_limited("%s: %s", gw->config->key_log, strerror(errno));
		return;
	}
	lm_hex(hex, keymat, LM_GCM_KEYMAT_LEN);
	for (int i = 0; i < 2; i++)
		dprintf(fd,
		    "\"%s\",\"*\",\"*\",\"0x%08x\",\"AES-GCM with 16 octet ICV "
		    "[RFC4106]\",\"0x%s\","
		    "\"NULL\",\"\"\n",
		    families[i], spi, hex);
	close(fd);
	lm_wipe(hex, sizeof(hex));
}
