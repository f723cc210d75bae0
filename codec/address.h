/* SPDX-License-Identifier: Apache-2.0 */
/* What people copy from one machine to another: a broker's address line, and the codes that let a
 * new user or a new device in. */
#ifndef CF_CODEC_ADDRESS_H
#define CF_CODEC_ADDRESS_H
#include "codec/error.h"
#include "codec/ids.h"

enum {
    CF_HOST_MAX = 255,
    CF_ADDRESS_TEXT = 384, /* each with the NUL */
    CF_CODE_TEXT = 1024,
};

/* tcp://HOST:PORT#KEY; an IPv6 host stands in brackets, in `host` too. */
typedef struct {
    char host[CF_HOST_MAX + 1];
    uint16_t port;
    uint8_t key[32]; /* the broker's CURVE public key */
} cf_address;

void cf_address_write(const cf_address *address, char text[CF_ADDRESS_TEXT]);
/* The part for ZeroMQ: tcp://HOST:PORT. */
void cf_address_endpoint(const cf_address *address, char text[CF_ADDRESS_TEXT]);
/* CF_USAGE, and says what is wrong. */
cf_status cf_address_read(const char *text, cf_address *out, cf_error *error);
/* HOST:PORT alone, as --listen and --advertise take it (with or without tcp://); the key is left
 * zero. */
cf_status cf_host_port_read(const char *text, cf_address *out, cf_error *error);

/* A pairing code (with a user) or an invitation (without): one line of base32. */
typedef struct {
    cf_address broker;
    bool has_user;
    cf_hash user;
    uint8_t secret[32];  /* cf_wipe it */
    uint64_t expires_ms; /* since 1970; 0: never */
} cf_code;

void cf_code_write(const cf_code *code, char text[CF_CODE_TEXT]);
/* Ignores case, white space and hyphens. CF_USAGE on anything that is no code of ours (a cut or
 * mistyped one is told apart); whether it has expired is the caller's question. */
cf_status cf_code_read(const char *text, cf_code *out, cf_error *error);

/* An address in digits as it is said where both families share a socket: 192.0.2.1 of
 * ::ffff:192.0.2.1, else as it is. Points into `text`; NULL of NULL. */
const char *cf_address_plain(const char *text);

#endif
