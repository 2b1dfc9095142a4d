/* What the network has seen and holds, for tests and diagnosis. */
#pragma once

#include "net.h"
#include "tcp.h"

const struct net_counters *network_counters(void);
struct tcp_usage network_tcp_usage(void);
struct nic_counters network_nic_counters(void);

/* Shows them all at /metrics; called once, when the stack runs. */
void network_metrics_start(void);
