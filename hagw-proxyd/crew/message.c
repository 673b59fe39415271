/* SPDX-License-Identifier: LGPL-2.1-or-later */

/* Messages between threads: allocated by the sender, freed by whoever has them last. */

#include "hagw-proxyd/crew/message.h"
#include "hagw-proxyd/relay/control.h"

static const size_t message_sizes[_MESSAGE_KIND_MAX] = {
        [MESSAGE_SNAPSHOT] = sizeof(SnapshotMessage), [MESSAGE_STOP] = sizeof(Message),
        [MESSAGE_OPEN] = sizeof(Message),
        [MESSAGE_DRAIN] = sizeof(Message),            [MESSAGE_DRAINED] = sizeof(Message),
        [MESSAGE_FORGET] = sizeof(ForgetMessage),     [MESSAGE_VISITOR] = sizeof(VisitorMessage),
        [MESSAGE_PROBE] = sizeof(ProbeMessage),       [MESSAGE_SESSION] = sizeof(SessionMessage),
        [MESSAGE_RESOLVE] = sizeof(ResolveMessage),   [MESSAGE_FAILURE] = sizeof(FailureMessage),
        [MESSAGE_TENANT] = sizeof(TenantMessage),     [MESSAGE_CONTROL] = sizeof(ControlMessage),
        [MESSAGE_CHANNEL] = sizeof(ChannelMessage),
        [MESSAGE_ATTACHMENTS] = sizeof(AttachmentsMessage),
        [MESSAGE_CROWD_LEFT] = sizeof(Message),
        [MESSAGE_STOPPED] = sizeof(Message),          [MESSAGE_CALL] = sizeof(CallMessage),
        [MESSAGE_NETWORK] = sizeof(Message),          [MESSAGE_RELAY_CALL] = sizeof(RelayCallMessage),
        [MESSAGE_RELAY_STATE] = sizeof(RelayStateMessage), [MESSAGE_USED] = sizeof(UsedMessage),
        [MESSAGE_HIDDEN] = sizeof(HiddenMessage),
};

void *message_new(MessageKind kind) {
        Message *m = calloc(1, message_sizes[kind]);

        if (m) {
                m->kind = kind;
                if (kind == MESSAGE_CHANNEL)
                        ((ChannelMessage *) m)->fd = -EBADF;
                if (kind == MESSAGE_PROBE)
                        ((ProbeMessage *) m)->fd = -EBADF;
                if (kind == MESSAGE_VISITOR)
                        ((VisitorMessage *) m)->visitor.fd = -EBADF;
        }
        return m;
}

void message_free(Message *m) {
        if (!m)
                return;
        switch (m->kind) {
        case MESSAGE_SNAPSHOT:
                snapshot_unref(((SnapshotMessage *) m)->snapshot);
                break;
        case MESSAGE_TENANT:
                tenant_info_free(((TenantMessage *) m)->info);
                break;
        case MESSAGE_CONTROL:
                control_free(((ControlMessage *) m)->control);
                free(((ControlMessage *) m)->call);
                break;
        case MESSAGE_ATTACHMENTS:
                free(((AttachmentsMessage *) m)->rows);
                break;
        case MESSAGE_CHANNEL:
                safe_close(((ChannelMessage *) m)->fd);
                break;
        case MESSAGE_PROBE:
                safe_close(((ProbeMessage *) m)->fd);
                break;
        case MESSAGE_VISITOR:
                visitor_done(&((VisitorMessage *) m)->visitor);
                break;
        case MESSAGE_CALL:
                free(((CallMessage *) m)->parameters);
                free(((CallMessage *) m)->error);
                free(((CallMessage *) m)->reply);
                break;
        case MESSAGE_FORGET:
                free(((ForgetMessage *) m)->ids);
                break;
        case MESSAGE_USED:
                free(((UsedMessage *) m)->ids);
                break;
        case MESSAGE_RELAY_CALL:
                relay_target_unref(((RelayCallMessage *) m)->target);
                free(((RelayCallMessage *) m)->parameters);
                free(((RelayCallMessage *) m)->reply);
                break;
        case MESSAGE_RELAY_STATE:
                relay_target_unref(((RelayStateMessage *) m)->target);
                break;
        case MESSAGE_FAILURE:
                host_stats_unref(((FailureMessage *) m)->stats);
                break;
        default:
                break;
        }
        free(m);
}
