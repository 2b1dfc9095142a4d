/* The DHCP client's states (RFC 2131, figure 5). */
#include "dhcp.h"

#include <string.h>

#include "log.h"
#include "panic.h"
#include "protocols/dhcp.h"

#define SERVER_PORT 67
#define CLIENT_PORT 68
#define LEAST_SIZE 300 /* of a BOOTP message (RFC 1542, 2.1) */
#define INFINITE UINT32_C(0xffffffff)
#define REQUESTS_MOST 4 /* without an answer; then back to discovery */

struct answer {
    uint8_t type;
    uint32_t server, mask, router, lease, t1, t2;
};

static void restart(struct dhcp *dhcp, uint64_t delay) {
    uint64_t now = net_now(dhcp->net);
    dhcp->state = DHCP_SELECTING;
    dhcp->transaction = net_random32(dhcp->net);
    dhcp->began = now;
    dhcp->send_at = now + delay;
    dhcp->retry = DHCP_RETRY_FIRST;
    dhcp->sent = 0;
    dhcp->fallen_back = false;
}

/* Writes the options that this state's message carries (RFC 2131, table 5); returns their end. */
static uint8_t *put_options(const struct dhcp *dhcp, enum dhcp_option_message_type type,
                            uint8_t *at) {
    static const uint8_t wanted[] = {DHCP_OPTION_SUBNET_MASK, DHCP_OPTION_ROUTER,
                                     DHCP_OPTION_LEASE_TIME, DHCP_OPTION_T1, DHCP_OPTION_T2};
    uint8_t identifier[7] = {1}; /* hardware type Ethernet (RFC 2132, 9.14) */
    memcpy(identifier + 1, dhcp->mac, 6);
    bool names_offer = dhcp->state == DHCP_REQUESTING || type == DHCP_OPTION_MESSAGE_TYPE_DECLINE;
    at += dhcp_put_option_message_type(at, (uint8_t)type);
    at += dhcp_put_option_client_identifier(at, identifier, sizeof identifier);
    if (names_offer) {
        at += dhcp_put_option_requested_address(at, dhcp->offer.address);
        at += dhcp_put_option_server_identifier(at, dhcp->server);
    }
    if (type != DHCP_OPTION_MESSAGE_TYPE_DECLINE)
        at += dhcp_put_option_parameter_request_list(at, wanted, sizeof wanted);
    return at + dhcp_put_option_end(at);
}

static void emit(struct dhcp *dhcp, enum dhcp_option_message_type type) {
    uint8_t frame[NET_FRAME_BYTES] = {0};
    uint8_t *header = frame + UDP_PAYLOAD_OFFSET, hardware[DHCP_CHADDR_SIZE] = {0};
    uint64_t now = net_now(dhcp->net), seconds = (now - dhcp->began) / NET_SECOND;
    bool holds = dhcp->state == DHCP_RENEWING || dhcp->state == DHCP_REBINDING;
    memcpy(hardware, dhcp->mac, 6);
    dhcp_start(header);
    dhcp_set_op(header, DHCP_OP_BOOT_REQUEST);
    dhcp_set_xid(header, dhcp->transaction);
    dhcp_set_secs(header, (uint16_t)(seconds < UINT16_MAX ? seconds : UINT16_MAX));
    dhcp_set_chaddr(header, hardware);
    if (dhcp->fallen_back) /* unicast to the new address would not be taken now */
        dhcp_set_flags(header, DHCP_FLAGS_BROADCAST);
    if (holds)
        dhcp_set_ciaddr(header, dhcp->offer.address);
    size_t size = (size_t)(put_options(dhcp, type, header + DHCP_HEADER_SIZE) - header);
    uint32_t destination = dhcp->state == DHCP_RENEWING && type == DHCP_OPTION_MESSAGE_TYPE_REQUEST
                               ? dhcp->server
                               : IPV4_BROADCAST;
    dhcp->net->counters.dhcp_sent++;
    udp_send(dhcp->udp, destination, CLIENT_PORT, SERVER_PORT, frame,
             size > LEAST_SIZE ? size : LEAST_SIZE);
}

/* Sends this state's message and sets when to send it again. */
static void ask(struct dhcp *dhcp) {
    uint64_t now = net_now(dhcp->net);
    emit(dhcp, dhcp->state == DHCP_SELECTING ? DHCP_OPTION_MESSAGE_TYPE_DISCOVER
                                             : DHCP_OPTION_MESSAGE_TYPE_REQUEST);
    if (!dhcp->sent++)
        dhcp->asked_at = now;
    if (dhcp->state == DHCP_RENEWING || dhcp->state == DHCP_REBINDING) {
        /* Half of what remains until the next state (RFC 2131, 4.4.5). */
        uint64_t end = dhcp->state == DHCP_RENEWING ? dhcp->rebind_at : dhcp->expires;
        uint64_t half = end > now ? (end - now) / 2 : 0;
        dhcp->send_at = now + (half > DHCP_RENEW_LEAST ? half : DHCP_RENEW_LEAST);
        return;
    }
    /* Up to a sixteenth more or less, so that machines booted together do not stay in step. */
    uint64_t spread = dhcp->retry / 8 * (net_random32(dhcp->net) % 257) / 256;
    dhcp->send_at = now + dhcp->retry - dhcp->retry / 16 + spread;
    dhcp->retry = net_earlier(2 * dhcp->retry, DHCP_RETRY_MOST);
}

static void enter(struct dhcp *dhcp, enum dhcp_state state) {
    dhcp->state = state;
    dhcp->sent = 0;
    dhcp->retry = DHCP_RETRY_FIRST;
    if (state == DHCP_RENEWING || state == DHCP_REBINDING)
        dhcp->transaction = net_random32(dhcp->net);
    if (state == DHCP_RENEWING)
        dhcp->began = net_now(dhcp->net);
    ask(dhcp);
}

/* Reads the options that matter; false if one is malformed or the type is missing. */
static bool read_options(struct dhcp_view view, struct answer *answer) {
    struct dhcp_option_cursor cursor = dhcp_option_first(view);
    struct dhcp_option option;
    bool whole = true;
    while (dhcp_option_next(&cursor, &option)) {
        switch (option.type) {
        case DHCP_OPTION_MESSAGE_TYPE:
            whole &= dhcp_option_message_type(&option, &answer->type);
            break;
        case DHCP_OPTION_SERVER_IDENTIFIER:
            whole &= dhcp_option_server_identifier(&option, &answer->server);
            break;
        case DHCP_OPTION_SUBNET_MASK:
            whole &= dhcp_option_subnet_mask(&option, &answer->mask);
            break;
        case DHCP_OPTION_ROUTER:
            whole &= dhcp_option_router(&option, 0, &answer->router);
            break;
        case DHCP_OPTION_LEASE_TIME:
            whole &= dhcp_option_lease_time(&option, &answer->lease);
            break;
        case DHCP_OPTION_T1:
            whole &= dhcp_option_t1(&option, &answer->t1);
            break;
        case DHCP_OPTION_T2:
            whole &= dhcp_option_t2(&option, &answer->t2);
            break;
        default:
            break;
        }
    }
    return whole && !cursor.malformed && answer->type;
}

/* A mask is ones, then zeros, and leaves the address a host's. */
static bool usable(uint32_t address, uint32_t mask) {
    uint32_t host = address & ~mask;
    bool edge = mask < address_mask(31) && (!host || host == ~mask);
    return address_is_unicast(address) && mask && !(~mask & (~mask + 1)) && !edge;
}

static void take_offer(struct dhcp *dhcp, struct dhcp_view view, const struct answer *answer) {
    dhcp->offer.address = dhcp_yiaddr(view);
    dhcp->server = answer->server;
    enter(dhcp, DHCP_REQUESTING);
}

static uint64_t after(uint64_t start, uint32_t seconds) {
    return seconds == INFINITE ? NET_NEVER : start + seconds * NET_SECOND;
}

static void take_lease(struct dhcp *dhcp, struct dhcp_view view, const struct answer *answer) {
    struct address_setting setting = {dhcp_yiaddr(view), answer->mask, answer->router};
    uint32_t lease = answer->lease;
    uint32_t t2 = answer->t2 && answer->t2 < lease ? answer->t2 : lease - lease / 8;
    uint32_t t1 = answer->t1 && answer->t1 < t2 ? answer->t1 : lease / 2;
    bool endless = lease == INFINITE;
    dhcp->expires = after(dhcp->asked_at, lease);
    dhcp->rebind_at = endless ? NET_NEVER : after(dhcp->asked_at, t2);
    dhcp->send_at = endless ? NET_NEVER : after(dhcp->asked_at, t1);
    dhcp->state = DHCP_BOUND;
    dhcp->offer = setting;
    dhcp->server = answer->server;
    dhcp->fallen_back = false;
    dhcp->configured(dhcp->context, &setting, "DHCP");
}

static void dhcp_input(void *context, uint32_t source, uint16_t source_port, const uint8_t *bytes,
                       size_t size) {
    struct dhcp *dhcp = context;
    struct net_counters *counters = &dhcp->net->counters;
    struct dhcp_view view;
    struct answer answer = {0};
    (void)source;
    if (source_port != SERVER_PORT || !dhcp_check(bytes, size, &view) ||
        dhcp_op(view) != DHCP_OP_BOOT_REPLY || !read_options(view, &answer)) {
        net_drop(&counters->dhcp_malformed, "dhcp", "not a server's message");
        return;
    }
    if (dhcp_xid(view) != dhcp->transaction || memcmp(dhcp_chaddr(view), dhcp->mac, 6)) {
        net_drop(&counters->dhcp_ignored, "dhcp", "for another client");
        return;
    }
    if (!answer.server) {
        net_drop(&counters->dhcp_malformed, "dhcp", "no server identifier");
        return;
    }
    if (!answer.mask) /* by class, as before there were masks (RFC 950) */
        answer.mask = address_mask(dhcp_yiaddr(view) >> 31 == 0   ? 8
                                   : dhcp_yiaddr(view) >> 30 == 2 ? 16
                                                                  : 24);
    bool asking = dhcp->state == DHCP_REQUESTING || dhcp->state == DHCP_RENEWING ||
                  dhcp->state == DHCP_REBINDING;
    bool good = usable(dhcp_yiaddr(view), answer.mask);
    if (answer.type == DHCP_OPTION_MESSAGE_TYPE_OFFER && dhcp->state == DHCP_SELECTING && good) {
        take_offer(dhcp, view, &answer);
    } else if (answer.type == DHCP_OPTION_MESSAGE_TYPE_ACK && asking && good && answer.lease) {
        take_lease(dhcp, view, &answer);
    } else if (answer.type == DHCP_OPTION_MESSAGE_TYPE_NAK && asking &&
               (dhcp->state == DHCP_REBINDING || answer.server == dhcp->server)) {
        bool held = dhcp->state != DHCP_REQUESTING, fallen_back = dhcp->fallen_back;
        uint64_t began = dhcp->began;
        log_warn("dhcp", "the server refused; starting again");
        restart(dhcp, DHCP_RETRY_FIRST);
        if (held) {
            dhcp->configured(dhcp->context, NULL, "lease refused");
        } else { /* a server that always refuses must not put off the fallback */
            dhcp->began = began;
            dhcp->fallen_back = fallen_back;
        }
    } else {
        net_drop(&counters->dhcp_ignored, "dhcp", "not what was asked for");
    }
}

void dhcp_open(struct dhcp *dhcp, struct net *net, struct udp *udp, const uint8_t *mac,
               void (*configured)(void *context, const struct address_setting *setting,
                                  const char *how),
               void *context) {
    *dhcp = (struct dhcp){
        .net = net, .udp = udp, .mac = mac, .configured = configured, .context = context};
    udp_register(udp, CLIENT_PORT, dhcp_input, dhcp);
    restart(dhcp, 0);
    ask(dhcp);
}

void dhcp_link_up(struct dhcp *dhcp) {
    if (dhcp->state == DHCP_SELECTING || dhcp->state == DHCP_REQUESTING) {
        bool fallen_back = dhcp->fallen_back;
        restart(dhcp, 0);
        dhcp->fallen_back = fallen_back;
        ask(dhcp);
    }
}

void dhcp_decline(struct dhcp *dhcp) {
    if (dhcp->state != DHCP_BOUND && dhcp->state != DHCP_RENEWING && dhcp->state != DHCP_REBINDING)
        return; /* the fallback address is nobody's to take back */
    dhcp->configured(dhcp->context, NULL, "address in use by another machine");
    emit(dhcp, DHCP_OPTION_MESSAGE_TYPE_DECLINE);
    restart(dhcp, DHCP_DECLINE_PAUSE);
}

static void fall_back(struct dhcp *dhcp) {
    struct address_setting setting;
    struct text text = {DHCP_FALLBACK, sizeof DHCP_FALLBACK - 1};
    bool parsed = address_setting_parse(text, &setting);
    kernel_assert(parsed);
    dhcp->fallen_back = true;
    log_warn("dhcp", "no server answers; taking a fixed address and asking on");
    dhcp->configured(dhcp->context, &setting, "fallback");
}

bool dhcp_poll(struct dhcp *dhcp) {
    uint64_t now = net_now(dhcp->net);
    if (dhcp_deadline(dhcp) > now)
        return false;
    bool acquiring = dhcp->state == DHCP_SELECTING || dhcp->state == DHCP_REQUESTING;
    if (acquiring && !dhcp->fallen_back && now >= dhcp->began + DHCP_FALLBACK_AFTER) {
        fall_back(dhcp);
    } else if (dhcp->state == DHCP_REQUESTING && dhcp->sent >= REQUESTS_MOST) {
        dhcp->state = DHCP_SELECTING;
        dhcp->transaction = net_random32(dhcp->net);
        ask(dhcp);
    } else if (!acquiring && now >= dhcp->expires) {
        dhcp->configured(dhcp->context, NULL, "lease expired");
        restart(dhcp, 0);
    } else if (!acquiring && dhcp->state != DHCP_REBINDING && now >= dhcp->rebind_at) {
        enter(dhcp, DHCP_REBINDING);
    } else if (dhcp->state == DHCP_BOUND) {
        enter(dhcp, DHCP_RENEWING);
    } else {
        ask(dhcp);
    }
    return true;
}

uint64_t dhcp_deadline(const struct dhcp *dhcp) {
    bool acquiring = dhcp->state == DHCP_SELECTING || dhcp->state == DHCP_REQUESTING;
    if (acquiring)
        return dhcp->fallen_back ? dhcp->send_at
                                 : net_earlier(dhcp->send_at, dhcp->began + DHCP_FALLBACK_AFTER);
    uint64_t next = net_earlier(dhcp->send_at, dhcp->expires);
    return dhcp->state == DHCP_REBINDING ? next : net_earlier(next, dhcp->rebind_at);
}
