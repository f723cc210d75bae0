# SPDX-License-Identifier: Apache-2.0
"""Section 9 of codec/PROTOCOL.md, worked out from the whole set of entries at once: which entries are void, which
devices are valid, and which epoch an author uses."""

import protocol_crypto as crypto
from protocol import CHANGE, MEMBER, hash_of

LIMITING = (crypto.REVOKE, crypto.LEAVE, crypto.ROLE)


def permits(role, entry, operation):
    """Whether a role lets a device do what the entry does."""
    if entry.type == CHANGE:
        return role in (crypto.OWNER, crypto.MEMBER_ROLE)
    return role == crypto.OWNER or (role is not None and operation is not None and operation.kind == crypto.LEAVE)


class Members:
    """What a reader's entries say. It has of each entry: log.entries, pasts, member_pasts (both with the entry itself),
    and of those of the member log: operations, allowed."""

    def __init__(self, reader):
        self.of = reader
        self.annulled = {
            operation.revocation
            for head, operation in reader.operations.items()
            if head in reader.allowed and operation.kind == crypto.ANNUL
        }
        self.limits = [head for head in reader.allowed if self.is_limit(head)]
        self.void, self.counting = set(), set()
        for head, entry in reader.log.entries.items():
            if self.is_void(head, entry):
                self.void.add(head)
            if head in reader.allowed and (head not in self.void or self.lowers(head)):
                self.counting.add(head)
        ended = {self.about(head) for head in self.limits if reader.operations[head].kind != crypto.ROLE}
        self.roles = {device: self.role(device, self.counting) for device in reader.keys}
        self.valid = {device for device, role in self.roles.items() if role and device not in ended}
        self.epoch = self.epoch_in_use()

    def about(self, head):
        operation = self.of.operations[head]
        if operation.kind in (crypto.FIRST, crypto.ADD):
            return hash_of("device", operation.keys[0])
        return self.of.log.entries[head].device if operation.kind == crypto.LEAVE else operation.device

    def is_limit(self, head):
        kind = self.of.operations[head].kind
        return kind in LIMITING and not (kind == crypto.REVOKE and head[2] in self.annulled)

    def role(self, device, among):
        return self.role_in(self.of, device, among)

    @staticmethod
    def role_in(reader, device, among):
        """By the latest of these; of several that know nothing of each other the least. None: it was not added."""
        given = {}
        for head in among:
            operation = reader.operations[head]
            lets_in = reader.lets_in(head, device)
            if lets_in or (operation.kind == crypto.ROLE and operation.device == device):
                given[head] = operation
        if all(operation.kind == crypto.ROLE for operation in given.values()):
            return None
        latest = [head for head in given if not any(head in reader.pasts[other] for other in given if other != head)]
        return max(given[head].role or crypto.OWNER for head in latest)

    def lowers(self, head):
        operation = self.of.operations[head]
        before = self.role(operation.device, (self.of.pasts[head] & self.of.allowed) - {head})
        return operation.kind == crypto.ROLE and before is not None and operation.role > before

    def is_void(self, head, entry):
        operation = self.of.operations.get(head)
        if operation and operation.kind == crypto.FIRST and head in self.of.allowed:
            return False
        role = self.role(entry.device, (self.of.member_pasts[head] & self.counting) - {head})
        if not permits(role, entry, operation) or (entry.type == MEMBER and head not in self.of.allowed):
            return True
        return any(self.is_beyond(limit, head, entry, operation) for limit in self.limits)

    def is_beyond(self, limit, head, entry, operation):
        limiting = self.of.operations[limit]
        if self.about(limit) != entry.device:
            return False
        if limiting.kind == crypto.ROLE and (
            limit in self.of.member_pasts[head] or permits(limiting.role, entry, operation)
        ):
            return False
        named = [tuple(name) for name in limiting.heads] + ([limit] if limiting.kind == crypto.LEAVE else [])
        return not any(self.leaves(name, head, entry) for name in named)

    def leaves(self, name, head, entry):
        of = self.of.log.entries.get(name)
        return of is not None and of.collection == entry.collection and head in self.of.pasts[name]

    def may_know(self, device):
        return device in self.valid and self.roles[device] != crypto.RELAY

    def is_usable(self, epoch):
        head, opening = self.of.openings[epoch]
        told = {device for device, _ in opening[1]}
        told |= {
            self.about(given)
            for given, operation in self.of.operations.items()
            if operation.kind in (crypto.ADD, crypto.GRANT)
            and given not in self.void
            and operation.access
            and operation.access[0] == epoch
        }
        return head not in self.void and all(map(self.may_know, told | {self.of.log.entries[head].device}))

    def epoch_in_use(self):
        standing = {of[0]: epoch for epoch, of in self.of.openings.items() if of[0] not in self.void}
        return min(
            (
                epoch
                for head, epoch in standing.items()
                if self.is_usable(epoch)
                and not any(head in self.of.pasts[other] for other in standing if other != head)
            ),
            default=None,
        )
