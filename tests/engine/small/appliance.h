/* Limits of the appliance whose model tests/engine/small/model.c plays. */
#pragma once

#define LIMIT_PENDING_REQUESTS 64
