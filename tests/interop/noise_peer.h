/* SPDX-License-Identifier: Apache-2.0 */
/* A program that speaks our side of Noise, or of whole sessions, in lines of hexadecimal. */
#ifndef LM_TESTS_INTEROP_NOISE_PEER_H
#define LM_TESTS_INTEROP_NOISE_PEER_H

#include <stddef.h>
#include <stdint.h>

#define ARGS_MAX 8
#define BYTES_MAX 4096

/* Bytes of a hexadecimal argument ("-" for none); ends the program if it is none. */
size_t hex_arg(uint8_t *out, size_t size, const char *text);
void hex_exactly(uint8_t *out, size_t len, const char *text);
void say_hex(const char *word, const uint8_t *data, size_t len);

/* Commands on standard input until it ends; each answer ends with a line "ok" or "error N". */
typedef int command_fn(void *ctx, int argc, char **argv);
void serve(command_fn *command, void *ctx);

int session_main(int argc, char **argv);

#endif
