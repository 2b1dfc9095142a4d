/* Limits small enough for tests to reach, with a receive window that needs scaling. */
#pragma once

#define LIMIT_CONNECTIONS 8
#define LIMIT_BACKLOG 4
#define LIMIT_TCP_SEND_BYTES 65536
#define LIMIT_TCP_RECEIVE_BYTES 262144
