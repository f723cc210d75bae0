/* SPDX-License-Identifier: Apache-2.0 */
/* A checkpoint: a device's signed word for what a broker's log had up to a position. Two of the
 * same place that differ show that the broker shows its devices different logs. codec/PROTOCOL.md,
 * "Checkpoints". */
#ifndef CF_CODEC_CHECKPOINT_H
#define CF_CODEC_CHECKPOINT_H
#include "codec/heads.h"
#include "codec/keys.h"

typedef struct {
    cf_hash device;
    uint8_t instance[16]; /* of the log */
    uint64_t position;
    cf_hash digest; /* of all heads of what it has up to there */
    uint8_t signature[64];
} cf_checkpoint;

cf_hash cf_checkpoint_digest(const cf_heads *heads);
/* Signs all else of it, by the device's keys, for this user. */
void cf_checkpoint_sign(cf_checkpoint *checkpoint, const cf_hash *user, const cf_keys *keys);
/* CF_FORGED unless it is by whom these keys belong to. */
cf_status cf_checkpoint_check(const cf_checkpoint *checkpoint, const cf_hash *user,
                              const cf_public_keys *keys, cf_error *error);

/* [device, instance, position, digest, signature]. */
void cf_checkpoint_pack(cf_buffer *out, const cf_checkpoint *checkpoint);
cf_status cf_checkpoint_read(cf_reader *reader, cf_checkpoint *out, cf_error *error);

#endif
