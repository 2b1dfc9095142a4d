/* Limits of the appliance whose model tests/engine/small/model.c plays. */
#pragma once

#define LIMIT_PENDING_REQUESTS 64
#define LIMIT_SEQUENCES 6
#define LIMIT_QUEUE_SECONDS 30
#define LIMIT_HEARTBEAT_SECONDS 3
