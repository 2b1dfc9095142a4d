/* Sizes of the model that tests/engine/small/model.c plays. */
#pragma once

#define MODEL_NAME "small"
#define MODEL_WIDTH 4
#define MODEL_VOCABULARY 26
#define MODEL_CONTEXT 96
#define FORWARD_ROWS_MAX 32
#define FORWARD_LOGITS_MAX 4
#define KV_BLOCK_TOKENS 4
#define KV_BLOCK_BYTES 4096
#define LIMIT_PENDING_REQUESTS 64
