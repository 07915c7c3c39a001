/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and pipes to the end: a read or write that is interrupted, or does a part, goes on.
 * Both block as the descriptor does. Any thread.
 */
#ifndef LM_BASE_IO_H
#define LM_BASE_IO_H

#include <stddef.h>
#include <sys/types.h>

/* Reads until the end of the file, at most size bytes. Their number, or -errno. */
ssize_t lm_read_all(int fd, void *buf, size_t size);
/* 0, or -errno after a part or nothing was written. */
int lm_write_all(int fd, const void *data, size_t len);

#endif
