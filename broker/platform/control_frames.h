/* SPDX-License-Identifier: Apache-2.0 */
/* What goes over the control socket: frames of a kind (one byte), a size (u32, big-endian) and that
 * many bytes. First the request, a msgpack array [json, folder, [argument…]]; then output and
 * messages in pieces; then the exit code (u32). Both ends are of one version: the socket never
 * leaves its home. */
#ifndef CF_BROKER_PLATFORM_CONTROL_FRAMES_H
#define CF_BROKER_PLATFORM_CONTROL_FRAMES_H
#include "broker/platform/control.h"
#include "codec/arena.h"

#include <sys/un.h>

enum {
    CF_FRAME_REQUEST = 'R',
    CF_FRAME_OUTPUT = 'O',
    CF_FRAME_MESSAGES = 'E',
    CF_FRAME_EXIT = 'X',
    CF_FRAME_HEAD = 5,
    CF_FRAME_PIECE = 64 * 1024,       /* of output, at most */
    CF_REQUEST_MAX = 4 * 1024 * 1024, /* more than the system takes as arguments */
};

/* Where the socket is, through the descriptor of its folder: a path may be longer than a socket's
 * address. */
void cf_control_address(int folder, struct sockaddr_un *address);

void cf_control_pack_request(const cf_control_request *request, cf_buffer *out);
/* Borrows from `bytes` and the arena. */
cf_status cf_control_read_request(cf_bytes bytes, cf_arena *arena, cf_control_request *out,
                                  cf_error *error);

void cf_control_pack_frame(cf_buffer *out, uint8_t kind, cf_bytes bytes);

typedef enum {
    CF_FRAME_WHOLE,
    CF_FRAME_CUT, /* more is to come */
    CF_FRAME_BAD, /* longer than `limit` */
} cf_frame_answer;

/* The frame that `bytes` begin with; CF_FRAME_HEAD + payload->size bytes belong to it. */
cf_frame_answer cf_control_next_frame(cf_bytes bytes, size_t limit, uint8_t *kind,
                                      cf_bytes *payload);
/* Takes `size` bytes from the front. */
void cf_control_drop_front(cf_buffer *buffer, size_t size);

#endif
